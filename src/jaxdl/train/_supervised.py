"""Loss functions of networks: from labels, and from a loss per row."""

import inspect
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from jaxdl import _checks, _contract
from jaxdl import metrics as metrics_lib
from jaxdl._checks import ShapeError, describe
from jaxdl._labels import label
from jaxdl.combinators import LayerLike, compute_in, lift
from jaxdl.train._contract import name_of_function
from jaxdl.train._measured import TINY
from jaxdl.train._weights import weight_of, with_weight
from jaxdl.types import (
    Array,
    Batch,
    Key,
    LossFn,
    Mean,
    Metrics,
    Params,
    PyTree,
    State,
    name_of,
)


def supervised(
    net: LayerLike,
    loss: Callable[..., Array],
    *,
    metrics: Mapping[str, Callable[..., PyTree]] | None = None,
    regularizer: Callable[[Params], Array] | None = None,
    compute_dtype: DTypeLike | None = None,
) -> LossFn:
    """Builds the loss function of a network that learns labels from inputs.

    loss = Σᵢ wᵢ·lᵢ / Σᵢ wᵢ over the rows i of a batch, where lᵢ is the loss of row i (the mean if
    a row has several values) and wᵢ is ``batch["weight"]``, which defaults to 1. In training, the
    penalties of ``regularizer`` and of ``layers.activity_regularizer`` are added; the metric
    ``"penalty"`` reports them. Validation and ``evaluate`` leave them out, so their loss is
    comparable to ``loss - penalty`` of the history. (Keras adds them there too.) If rows interact
    in the network or the loss, or if there are metrics of your own, batches are never padded with
    rows of weight 0.

    **Tokens.** A loss with an ``ignore_index``, such as ``losses.cross_entropy`` (−100), counts
    labels rather than rows: loss = Σ w·l / Σ w·c over all labels, where c is 0 for ignored labels
    and otherwise 1, or the class's weight if the loss has a ``weight``, as in PyTorch. Metrics
    skip the same labels. Set another index or class weights visibly, with
    ``functools.partial(losses.cross_entropy, ignore_index=0)``. A loss of your own without that
    parameter is assumed to ignore integer labels of −100, as the losses it calls do.
    ``batch["weight"]`` may have one entry per label instead of one per row.

    Args:
        net: a Layer, or a function, from ``batch["inputs"]``, any tree of arrays, to predictions.
        loss: ``(predictions, labels, reduction="none") -> one loss per row``, as in jaxdl.losses.
            If the batch has ``"targets"``, e.g. from ``mixup``, they take the place of labels.
        metrics: by name, ``(predictions, labels, weight=…) -> sums``, as in jaxdl.metrics.
        regularizer: a penalty on the parameters, e.g.
            ``lambda p: 1e-4 * regularizers.l2_penalty(p)``. Its gradient passes through the
            optimizer, unlike the weight decay of ``adamw``.
        compute_dtype: dtype of the forward and backward pass, e.g. ``jnp.bfloat16``; see
            ``combinators.compute_in``. Parameters and updates stay in float32. With
            ``jnp.float16`` the optimizer needs ``dynamic_loss_scale``.

    Returns:
        A LossFn for ``make_step``, ``evaluate`` and ``fit``.

    Raises:
        ShapeError: at trace time, if the loss doesn't return at least one value per row.
        ValueError: if a metric is called ``"loss"``, and at trace time if a batch has no
            ``"inputs"`` or no ``"labels"``.
        TypeError: if the network isn't a Layer, or a function isn't one.

    Example:
        >>> from jaxdl import layers, losses
        >>> loss_fn = supervised(layers.dense(2, 1, bias=False), losses.mse_loss)
        >>> batch = {"inputs": jnp.ones((4, 2)), "labels": jnp.zeros((4, 1))}
        >>> loss_fn({"kernel": jnp.ones((2, 1))}, (), batch, key=None, train=False)[0]
        Array(4., dtype=float32)
    """
    _checks.one_function("supervised", "loss", loss)
    measured = _checks.named_functions("supervised", "metrics", metrics or {})
    if "loss" in measured:
        raise ValueError("supervised: a metric is called 'loss', which is the loss's own name")
    if regularizer is not None:
        _checks.one_function("supervised", "regularizer", regularizer, "params")
    net, share_of = lift(net), _shares(loss)
    own = net if compute_dtype is None else compute_in(net, compute_dtype)

    def losses_of(
        batch: Batch, params: Params, state: State, *, key: Key | None, train: bool
    ) -> tuple[Array, PyTree, State]:
        inputs, labels = _part(batch, "inputs"), _part(batch, "labels")
        predictions, after = _contract.applied(own, params, state, inputs, key=key, train=train)
        with label("loss"):
            rows = loss(predictions, batch.get("targets", labels), reduction="none")
        return rows, predictions, after

    def loss_fn(
        params: Params, state: State, batch: Batch, *, key: Key | None, train: bool
    ) -> tuple[Array, tuple[State, Metrics]]:
        batch = with_weight(batch)
        rows, predictions, after = losses_of(batch, params, state, key=key, train=train)
        labels, weight = batch["labels"], batch["weight"]
        given = batch.get("targets", labels)
        if rows.shape[:1] != weight.shape[:1]:
            raise ShapeError(
                f"the loss returned {describe(rows)} for labels {describe(given)}; it must return"
                ' at least a value per row when called with reduction="none"'
            )
        counted, share = share_of(labels, given)
        seen = weight if counted is None else _over(weight, counted) * counted
        # A loss that has already summed over a row's labels counts by row.
        by_label = rows.shape[: seen.ndim] == seen.shape
        mean = _mean(rows, seen if by_label else weight, share if by_label else None)
        sums = {name: m(predictions, labels, weight=seen) for name, m in measured.items()}
        penalties = _penalties(params, after, regularizer) if train else []
        loss, also = _with_penalties(mean, penalties)
        return loss, (after, also | sums | {"loss": mean})

    loss_fn.__name__ = f"supervised({name_of(net)}, {name_of_function(loss)})"
    loss_fn.losses_of = losses_of  # type: ignore[attr-defined]  # see _padding
    loss_fn.measured = measured  # type: ignore[attr-defined]
    return loss_fn


def rowwise(
    net: LayerLike,
    *,
    regularizer: Callable[[Params], Array] | None = None,
    compute_dtype: DTypeLike | None = None,
) -> LossFn:
    """Builds the loss function of a network that computes the loss of each row itself.

    loss = Σᵢ wᵢ·lᵢ / Σᵢ wᵢ over the rows i of a batch, and likewise for each metric, where wᵢ is
    ``batch["weight"]``, which defaults to 1, and is 1 in a batch that isn't a dict.

    Args:
        net: a Layer from a whole batch to ``(rows, measured)``: a loss per row, shape (N,) or
            (N, …), and a dict of metrics by name, each one number per row or sums as in
            jaxdl.metrics.
        regularizer: a penalty on the parameters, added in training; see ``supervised``.
        compute_dtype: see ``supervised``.

    Returns:
        A LossFn for ``make_step``, ``evaluate`` and ``fit``.

    Raises:
        ShapeError: at trace time, if the loss or a metric doesn't have a value for each row.

    Example:
        >>> from jaxdl.types import Layer
        >>> def apply(params, state, batch, *, key=None, train=False):
        ...     error = params["w"] * batch["x"] - batch["y"]
        ...     return (error**2, {"error": jnp.abs(error)}), state
        >>> loss_fn = rowwise(Layer(lambda key: ({"w": jnp.ones(())}, ()), apply))
        >>> batch = {"x": jnp.array([1.0, 2.0, 9.0]), "y": jnp.zeros(3)}
        >>> batch["weight"] = jnp.array([1.0, 1.0, 0.0])
        >>> loss_fn({"w": jnp.ones(())}, (), batch, key=None, train=False)[0]
        Array(2.5, dtype=float32)
    """
    net = lift(net)
    own = net if compute_dtype is None else compute_in(net, compute_dtype)

    def loss_fn(
        params: Params, state: State, batch: Batch, *, key: Key | None, train: bool
    ) -> tuple[Array, tuple[State, Metrics]]:
        batch, weight = with_weight(batch), weight_of(batch)
        found, after = _contract.applied(own, params, state, batch, key=key, train=train)
        if not isinstance(found, tuple) or len(found) != 2 or not isinstance(found[1], Mapping):
            kind = type(found).__name__
            raise TypeError(f"rowwise({name_of(net)}): it returned a {kind}, not (rows, {{…}})")
        of = lambda name, x: _of_rows(name_of(net), name, x, weight)
        mean, sums = of("loss", found[0]), {name: of(name, x) for name, x in found[1].items()}
        penalties = _penalties(params, after, regularizer) if train else []
        loss, also = _with_penalties(mean, penalties)
        return loss, (after, also | sums | {"loss": mean})

    loss_fn.__name__ = f"rowwise({name_of(net)})"
    return loss_fn


def _part(batch: Batch, name: str) -> PyTree:
    if not isinstance(batch, Mapping):
        raise TypeError(
            f"supervised: the batch is a {type(batch).__name__}; it must be a dict, such as"
            ' {"inputs": …, "labels": …}; a loss of your own may take any tree'
        )
    if name not in batch:
        raise ValueError(f"supervised: the batch has no {name!r}, only {', '.join(batch)}")
    return batch[name]


def _of_rows(net: str, name: str, x: PyTree, weight: Array) -> PyTree:
    """The mean of values per row; a metric that is already sums is kept."""
    if isinstance(x, tuple) and name != "loss":
        return x
    if jnp.shape(x)[:1] != weight.shape[:1]:
        rows = f"batch has {weight.shape[0]} rows"
        raise ShapeError(f"rowwise({net}): {name} is {describe(jnp.asarray(x))}; the {rows}")
    return _mean(jnp.asarray(x), weight, None)


def _mean(rows: Array, weight: Array, share: Array | None) -> Mean:
    """The sums of losses: by row, or by label where labels count on their own."""
    if share is None and weight.ndim == 1:
        return metrics_lib.mean(rows.reshape(len(rows), -1).mean(axis=1), weight=weight)
    if rows.ndim > weight.ndim:
        weight = _over(weight, rows)
    mean = metrics_lib.mean(rows, weight=weight)
    return mean if share is None else Mean(mean.total, jnp.sum(_over(weight, share) * share))


def _over(weight: Array, like: Array) -> Array:
    """Broadcasts a weight per row to a weight per value."""
    wide = weight.reshape(weight.shape + (1,) * (like.ndim - weight.ndim))
    return jnp.broadcast_to(wide, like.shape).astype(jnp.float32)


def _shares(
    loss: Callable[..., Array],
) -> Callable[[PyTree, PyTree], tuple[Array | None, Array | None]]:
    """How much each label counts: in metrics, and in the loss, where class weights apply too.

    A loss that can ignore labels has a parameter ``ignore_index``; its default, or the value bound
    by ``functools.partial``, is the ignored label. What a function that isn't ours calls is
    unknown, so it is assumed to ignore −100, which is never a class.
    """
    try:
        options = inspect.signature(loss).parameters
    except (TypeError, ValueError):  # some callables have no signature
        options = {}  # type: ignore[assignment]
    default = lambda name: options[name].default if name in options else inspect.Parameter.empty
    ignored, of_class = default("ignore_index"), default("weight")
    if ignored is inspect.Parameter.empty:
        ours = getattr(getattr(loss, "func", loss), "__module__", "").startswith("jaxdl.losses")
        ignored, of_class = (ignored if ours else -100), None

    def shares(labels: PyTree, given: PyTree) -> tuple[Array | None, Array | None]:
        if ignored is inspect.Parameter.empty or not _are_classes(labels):
            return None, None
        counted = (labels != ignored).astype(jnp.float32)
        if of_class is None or of_class is inspect.Parameter.empty or not _are_classes(given):
            return counted, None
        of_label = jnp.asarray(of_class, jnp.float32).at[labels].get(mode="fill", fill_value=0)
        return counted, of_label

    return shares


def _are_classes(labels: object) -> bool:
    return hasattr(labels, "dtype") and bool(jnp.issubdtype(labels.dtype, jnp.integer))


def _with_penalties(mean: Mean, penalties: list[Array]) -> tuple[Array, Metrics]:
    """The scalar to differentiate, the mean loss plus penalties, and these as a metric."""
    loss = mean.total / jnp.maximum(mean.count, TINY).astype(mean.total.dtype)
    if not penalties:
        return loss, {}
    penalty = jnp.sum(jnp.stack([jnp.asarray(p, loss.dtype) for p in penalties]))
    return loss + penalty, {"penalty": Mean(penalty * mean.count, mean.count)}


def _penalties(
    params: Params, state: State, regularizer: Callable[[Params], Array] | None
) -> list[Array]:
    """The regularizer's penalty, and every one that layers keep in their state."""
    named = jax.tree.leaves_with_path(state)
    kept = [jnp.sum(x) for path, x in named if path and getattr(path[-1], "key", "") == "penalty"]
    return kept if regularizer is None else [regularizer(params), *kept]
