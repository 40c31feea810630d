"""Whether a batch may be padded with rows of weight 0: what in a loss depends on the weight."""

import functools
from collections.abc import Callable, Mapping, Sequence

import jax
from jax.extend import core

from jaxdl import _jaxprs
from jaxdl.train._contract import name_of_function, returned_by_loss
from jaxdl.train._meeting import meet
from jaxdl.train._rows import Where, device_count
from jaxdl.train._weights import rows_of, with_weight
from jaxdl.types import Array, Batch, Key, LossFn, Metrics, Params, PyTree, State

GATHERS = frozenset({"all_gather", "all_to_all", "ppermute"})


def pads(
    loss_fn: LossFn,
    params: Params,
    state: State,
    batch: Batch,
    *,
    key: Key | None,
    where: Where,
    sizes: tuple[int, ...],
    batch_fns: Sequence[Callable[..., Batch]] = (),
) -> bool:
    """Whether batches are padded with rows of weight 0 rather than cut exactly.

    Padding saves compiling a step for the last batch. It is for losses that take each row on its
    own, like those of ``supervised``: elsewhere rows of weight 0 would still count, as in the
    statistics of a batch or among the negatives of a contrastive loss.

    Args:
        loss_fn: the loss.
        params: parameters of the network.
        state: state of the network.
        batch: a batch, or shapes of one.
        key: of a step in training, None in evaluation.
        where: the devices.
        sizes: how many rows the batches have.
        batch_fns: what changes batches before the loss; jaxdl's own respect the weight.

    Raises:
        ValueError: if ``pmap`` or ``shard_map`` has a batch that the devices don't divide, for a
            loss that can be right on equal parts only.

    Example:
        >>> heedless = lambda p, s, b, *, key, train: (jax.numpy.mean(p * b["x"]), (s, {}))
        >>> batch = {"x": jax.numpy.ones(4), "weight": jax.numpy.ones(4)}
        >>> pads(heedless, 2.0, (), batch, key=None, where=Where(None, None), sizes=(4, 3))
        False
    """
    devices = device_count(where)
    odd = [size for size in sizes if size % devices]
    if not isinstance(batch, Mapping) or (len(set(sizes)) == 1 and not odd):
        return False
    if _apart(loss_fn, params, state, batch, key=key, batch_fns=batch_fns):
        return not heedless(loss_fn, params, state, batch, key=key)[0]
    if odd and where.axis_name is not None:
        _check_whole(loss_fn, odd[0], devices, heedless(loss_fn, params, state, batch, key=key))
    return False


def _apart(
    loss_fn: LossFn,
    params: Params,
    state: State,
    batch: Batch,
    *,
    key: Key | None,
    batch_fns: Sequence[Callable[..., Batch]] = (),
) -> bool:
    """Whether it is known that a loss, its metrics and batch functions take each row on its own."""
    losses_of = getattr(loss_fn, "losses_of", None)
    if losses_of is None or (key is not None and jax.tree.leaves(state)):
        return False
    if not all(map(_is_ours, loss_fn.measured.values())):  # type: ignore[attr-defined]
        return False  # what a user's metric makes of padding is unknown
    fn = lambda batch, params, state: losses_of(
        batch, params, state, key=key, train=key is not None
    )[0]
    theirs = (f for f in batch_fns if not _is_ours(f))
    return not any(meet(functools.partial(f, key), batch) for f in theirs) and not meet(
        fn, batch, params, state
    )


def _is_ours(fn: object) -> bool:
    return str(getattr(getattr(fn, "func", fn), "__module__", "")).startswith("jaxdl.")


def fills_up(
    loss_fn: LossFn,
    batch_fns: Sequence[Callable[..., Batch]],
    train_state: PyTree,
    batch: Batch,
    axis: tuple[str, int],
) -> bool:
    """Whether mapped devices may pad a batch that they don't divide.

    Returns:
        False if each device must have the whole batch because rows interact in the loss.

    Raises:
        ValueError: naming the loss or the metrics, if the loss can be right on equal parts only.

    Example:
        >>> from types import SimpleNamespace
        >>> heedless = lambda p, s, b, *, key, train: (jax.numpy.mean(p * b["x"]), (s, {}))
        >>> ts = SimpleNamespace(params=2.0, state=(), key=jax.random.key(0))
        >>> fills_up(heedless, (), ts, {"x": jax.numpy.ones(3)}, ("data", 2))
        Traceback (most recent call last):
        ...
        ValueError: <lambda>: a batch of 3 rows doesn't divide by 2 devices, and its loss ...
    """
    whole = jax.eval_shape(with_weight, batch)
    of = (loss_fn, train_state.params, train_state.state, whole)
    names, _ = heedless(*of, key=train_state.key, axis=axis)
    call = lambda p, s, b: loss_fn(p, s, b, key=train_state.key, train=True)
    traced = jax.make_jaxpr(call, axis_env=[axis])(*of[1:])
    _check_whole(loss_fn, rows_of(batch) or 0, axis[1], (names, _exchanges(traced)))
    return _apart(*of, key=train_state.key, batch_fns=batch_fns)


def heedless(
    loss_fn: LossFn,
    params: Params,
    state: State,
    batch: Batch,
    *,
    key: Key | None,
    axis: tuple[str, int] | None = None,
) -> tuple[list[str], bool]:
    """What depends on a batch's rows but not on their weight, and whether devices exchange rows.

    Example:
        >>> def loss_fn(p, s, batch, *, key, train):
        ...     weight, rows = batch["weight"], (p - batch["x"]) ** 2
        ...     return (weight * rows).sum() / weight.sum(), (s, {"error": rows.mean()})
        >>> batch = {"x": jax.numpy.ones(4), "weight": jax.numpy.ones(4)}
        >>> heedless(loss_fn, 2.0, (), batch, key=None)
        (['error'], False)
    """
    weight, rest = batch["weight"], {name: x for name, x in batch.items() if name != "weight"}

    def numbers(weight: Array, rest: Batch, params: Params, state: State) -> Metrics:
        whole = {**rest, "weight": weight}
        returned = loss_fn(params, state, whole, key=key, train=key is not None)
        loss, _, metrics = returned_by_loss(loss_fn, returned, state)
        return {**metrics, "loss": loss}

    fn: Callable[..., Metrics] = numbers
    if axis is not None:  # a loss may average over the devices itself
        fn = jax.vmap(numbers, in_axes=None, axis_name=axis[0], axis_size=axis[1])
    traced, shapes = jax.make_jaxpr(fn, return_shape=True)(weight, rest, params, state)
    rows = frozenset(range(1, 1 + len(jax.tree.leaves(rest))))
    named = [path[0].key for path, _ in jax.tree.leaves_with_path(shapes)]
    found = zip(named, _jaxprs.dependencies(traced.jaxpr), strict=True)
    bad = {name for name, on in found if on & rows and 0 not in on}
    return sorted(bad, key=lambda name: (name != "loss", name)), _exchanges(traced)


def _exchanges(traced: core.ClosedJaxpr) -> bool:
    """Whether devices exchange rows in a program."""
    return any(e.primitive.name in GATHERS for e in _jaxprs.equations(traced.jaxpr))


def _check_whole(loss_fn: LossFn, size: int, devices: int, found: tuple[list[str], bool]) -> None:
    """Each device would compute the whole batch: what gathers rows would see them many times."""
    names, exchanged = found
    if not names and not exchanged:
        return
    why = "devices exchange rows in it" if exchanged else f"its {names[0]} doesn't read the weight"
    raise ValueError(
        f"{name_of_function(loss_fn)}: a batch of {size} rows doesn't divide by {devices} devices,"
        f" and {why}. Choose a batch size, and a number of rows, that the devices divide, or the"
        ' engine "jit"; or let all numbers depend on batch["weight"], as train.rowwise does'
    )
