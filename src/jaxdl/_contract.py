"""The contract of a Layer, checked where one is initialised or applied."""

import jax

from jaxdl._checks import describe
from jaxdl._labels import label
from jaxdl.types import Key, Layer, Params, PyTree, State, name_of

_FOREIGN = {"equinox", "flax", "haiku", "keras", "torch"}


def initialised(layer: Layer, key: Key) -> tuple[Params, State]:
    """Returns the result of ``init``, or raises a TypeError unless it is a pair."""
    pair = layer.init(key)
    if not (isinstance(pair, tuple) and len(pair) == 2):
        raise TypeError(
            f"{name_of(layer)}: init returned {_kind(pair)}; it must return (params, state), where "
            "() stands for neither"
        )
    return pair


def applied(
    layer: Layer,
    params: Params,
    state: State,
    x: PyTree,
    *,
    key: Key | None,
    train: bool,
    place: object = None,
) -> tuple[PyTree, State]:
    """Returns the result of ``apply``, or raises a TypeError unless it is (y, state).

    The state must keep its structure, and the shapes and dtypes of its arrays: compiled loops
    carry it from one step to the next. ``place`` is the layer's key in the whole's params.
    """
    with label(place):
        pair = layer.apply(params, state, x, key=key, train=train)
    if not (isinstance(pair, tuple) and len(pair) == 2):
        raise TypeError(
            f"{name_of(layer)}: apply returned {_kind(pair)}; it must return (y, state), with the "
            "state as it came in where nothing in it changes"
        )
    before, after = map(_structure, (state, pair[1]))
    if before != after:
        raise TypeError(
            f"{name_of(layer)}: apply got the state {_show(state)} and returned {_show(pair[1])}; "
            "a state keeps its structure, shapes and dtypes"
        )
    return pair


def foreign(f: object) -> str | None:
    """The library that the module ``f`` is from, such as "flax"; None for a function."""
    kind = f if isinstance(f, type) else type(f)
    names = {parent.__module__.partition(".")[0] for parent in kind.__mro__}
    return next(iter(names & _FOREIGN), None)


def _structure(tree: PyTree) -> object:
    leaves, structure = jax.tree.flatten(tree)
    return structure, [(jax.numpy.shape(x), jax.numpy.result_type(x)) for x in leaves]


def _kind(value: object) -> str:
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    return _show(value)


def _show(tree: PyTree) -> str:
    shown = str(jax.tree.map(describe, tree)).replace("'", "")
    return shown if len(shown) <= 200 else f"{shown[:200]}…"
