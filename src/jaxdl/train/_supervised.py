"""Loss functions of networks: from labels, and from a loss a row."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from jaxdl import _contract
from jaxdl import metrics as metrics_lib
from jaxdl._checks import ShapeError, describe
from jaxdl.combinators import compute_in
from jaxdl.train._contract import name_of_function
from jaxdl.train._gradients import TINY, with_weight
from jaxdl.types import Array, Batch, Key, Layer, LossFn, Mean, Metrics, Params, State, name_of


def supervised(
    net: Layer,
    loss: Callable[..., Array],
    *,
    metrics: Mapping[str, Callable[..., Any]] | None = None,
    regularizer: Callable[[Params], Array] | None = None,
    compute_dtype: DTypeLike | None = None,
) -> LossFn:
    """Builds the loss function of a network that learns labels from inputs.

    loss = Σᵢ wᵢ·lᵢ / Σᵢ wᵢ over the rows i of a batch, where lᵢ is the loss of row i (its mean
    where the row has several values) and wᵢ is ``batch["weight"]``, 1 where there is none. In
    training, what ``regularizer`` gives is added, and what ``layers.activity_regularizer`` notes.

    **Tokens.** A loss with an ``ignore_index``, as ``losses.cross_entropy`` has (−100), counts by
    label and not by row: loss = Σ w·l / Σ w·c over all labels, where c is 0 for labels that are
    ignored, and the class's weight where the loss has a ``weight``, as in PyTorch. Metrics leave
    out the same labels. Another index or class weights are given by
    ``functools.partial(losses.cross_entropy, ignore_index=0)``, where they can be seen. A loss of
    your own without such a parameter is taken to ignore integer labels of −100, as what it calls
    does. ``batch["weight"]`` may have an entry for each label instead of each row.

    Args:
        net: a Layer from ``batch["inputs"]``, any tree of arrays, to predictions.
        loss: ``(predictions, labels, reduction="none") -> one loss a row``, as in jaxdl.losses.
            Where the batch has ``"targets"``, as ``mixup`` makes them, it gets these as labels.
        metrics: by name, ``(predictions, labels, weight=…) -> sums``, as in jaxdl.metrics.
        regularizer: of the parameters, as ``lambda p: 1e-4 * regularizers.l2_penalty(p)``; its
            gradient goes through the optimizer, which weight decay of ``adamw`` doesn't.
        compute_dtype: of the network's forward and backward pass, as ``jnp.bfloat16``; see
            ``combinators.compute_in``. Parameters stay in float32, and so do updates. With
            ``jnp.float16`` the optimizer needs ``dynamic_loss_scale``.

    Returns:
        A LossFn for ``make_step``, ``evaluate`` and ``fit``.

    Raises:
        ShapeError: at trace time, if the loss gives something else than a value or more a row.
        ValueError: at trace time, if a batch has no ``"inputs"`` or no ``"labels"``.

    Example:
        >>> from jaxdl import layers, losses
        >>> loss_fn = supervised(layers.dense(2, 1, bias=False), losses.mse_loss)
        >>> batch = {"inputs": jnp.ones((4, 2)), "labels": jnp.zeros((4, 1))}
        >>> loss_fn({"kernel": jnp.ones((2, 1))}, (), batch, key=None, train=False)[0]
        Array(4., dtype=float32)
    """
    measured, share_of = dict(metrics or {}), _shares(loss)
    own = net if compute_dtype is None else compute_in(net, compute_dtype)

    def loss_fn(
        params: Params, state: State, batch: Batch, *, key: Key | None, train: bool
    ) -> tuple[Array, tuple[State, Metrics]]:
        batch = with_weight(batch)
        inputs, labels, weight = _part(batch, "inputs"), _part(batch, "labels"), batch["weight"]
        predictions, after = _contract.applied(own, params, state, inputs, key=key, train=train)
        given = batch.get("targets", labels)
        rows = loss(predictions, given, reduction="none")
        if rows.shape[:1] != weight.shape[:1]:
            raise ShapeError(
                f"the loss gave {describe(rows)} for labels {describe(given)}; it must give"
                ' at least a value a row when called with reduction="none"'
            )
        counted, share = share_of(labels, given)
        seen = weight if counted is None else _over(weight, counted) * counted
        # A loss that has summed over a row's labels itself counts by row.
        by_label = rows.shape[: seen.ndim] == seen.shape
        mean = _mean(rows, seen if by_label else weight, share if by_label else None)
        sums = {name: m(predictions, labels, weight=seen) for name, m in measured.items()}
        return _with_penalties(mean, params, after, regularizer if train else None, train), (
            after,
            {**sums, "loss": mean},
        )

    loss_fn.__name__ = f"supervised({name_of(net)}, {name_of_function(loss)})"
    loss_fn.takes_rows_apart = True  # type: ignore[attr-defined]  # see _padding
    return loss_fn


def rowwise(
    net: Layer,
    *,
    regularizer: Callable[[Params], Array] | None = None,
    compute_dtype: DTypeLike | None = None,
) -> LossFn:
    """Builds the loss function of a network that gives the losses of a batch's rows itself.

    loss = Σᵢ wᵢ·lᵢ / Σᵢ wᵢ over the rows i of a batch, and each metric likewise, where wᵢ is
    ``batch["weight"]``, 1 where there is none.

    Args:
        net: a Layer from a whole batch to ``(rows, measured)``: a loss for each row, shape (N,) or
            (N, …), and a dict of numbers for each row by name, or of sums as in jaxdl.metrics.
        regularizer: of the parameters, added in training.
        compute_dtype: see ``supervised``.

    Returns:
        A LossFn for ``make_step``, ``evaluate`` and ``fit``.

    Raises:
        ShapeError: at trace time, if the loss, or a metric, hasn't a value for each row.

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
    own = net if compute_dtype is None else compute_in(net, compute_dtype)

    def loss_fn(
        params: Params, state: State, batch: Batch, *, key: Key | None, train: bool
    ) -> tuple[Array, tuple[State, Metrics]]:
        batch = with_weight(batch)
        found, after = _contract.applied(own, params, state, batch, key=key, train=train)
        if not isinstance(found, tuple) or len(found) != 2 or not isinstance(found[1], Mapping):
            kind = type(found).__name__
            raise TypeError(f"rowwise({name_of(net)}): it gave a {kind}; it gives (rows, {{…}})")
        of = lambda name, x: _of_rows(name_of(net), name, x, batch["weight"])
        mean, sums = of("loss", found[0]), {name: of(name, x) for name, x in found[1].items()}
        return _with_penalties(mean, params, after, regularizer if train else None, train), (
            after,
            {**sums, "loss": mean},
        )

    loss_fn.__name__ = f"rowwise({name_of(net)})"
    return loss_fn


def _part(batch: Batch, name: str) -> Any:
    if name not in batch:
        raise ValueError(f"supervised: the batch has no {name!r}, only {', '.join(batch)}")
    return batch[name]


def _of_rows(net: str, name: str, x: Any, weight: Array) -> Any:
    """The mean of values that rows have; what are sums already stays."""
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
    """A weight for each row as one for each value."""
    wide = weight.reshape(weight.shape + (1,) * (like.ndim - weight.ndim))
    return jnp.broadcast_to(wide, like.shape).astype(jnp.float32)


def _shares(loss: Callable[..., Array]) -> Callable[[Any, Any], tuple[Any, Any]]:
    """What each label counts in a loss: in metrics, and in the loss itself, by class weights too.

    A loss that can ignore labels says so by a parameter ``ignore_index``, whose default, or what
    ``functools.partial`` has put there, is the label that it ignores. Of a function that isn't ours
    nobody knows what it calls; −100 is no class anywhere.
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

    def shares(labels: Any, given: Any) -> tuple[Array | None, Array | None]:
        if ignored is inspect.Parameter.empty or not _are_classes(labels):
            return None, None
        counted = (labels != ignored).astype(jnp.float32)
        if of_class is None or of_class is inspect.Parameter.empty or not _are_classes(given):
            return counted, None
        of_label = jnp.asarray(of_class, jnp.float32).at[labels].get(mode="fill", fill_value=0)
        return counted, of_label

    return shares


def _are_classes(labels: Any) -> bool:
    return hasattr(labels, "dtype") and bool(jnp.issubdtype(labels.dtype, jnp.integer))


def _with_penalties(
    mean: Mean,
    params: Params,
    after: State,
    regularizer: Callable[[Params], Array] | None,
    train: bool,
) -> Array:
    """The number that is differentiated."""
    loss = mean.total / jnp.maximum(mean.count, TINY).astype(mean.total.dtype)
    if regularizer is not None:
        loss = loss + regularizer(params)
    for penalty in _penalties(after) if train else ():
        loss = loss + penalty.astype(loss.dtype)
    return loss


def _penalties(state: State) -> list[Array]:
    """The sums of all that layers call ``penalty`` in their state: several where they repeat."""
    named = jax.tree.leaves_with_path(state)
    return [jnp.sum(x) for path, x in named if path and getattr(path[-1], "key", "") == "penalty"]
