"""A network's weights as units: what one layer holds, in the order in which layers are defined."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import jax

from jaxdl.types import Key, Layer, Params, PyTree, Shape, State

BLOCK = ("attention_norm", "attention", "mlp_norm", "mlp")
"""The parts of ``models.transformer_block``, in the order in which a norm-first block runs."""

ORDERS = (BLOCK, ("attention", "mlp", "attention_norm", "mlp_norm"))
"""The orders in which blocks are defined elsewhere; the second is PyTorch's."""


_PAIRS = (("forward", "backward"), ("qkv", "out"), ("up", "down"))
"""Parts whose order a ``repeat`` has lost, since its init is compiled: JAX sorts dicts by name."""


class Unit(NamedTuple):
    """The leaves of one layer; of a stacked layer, those of one row."""

    path: str
    row: int | None
    shapes: Mapping[str, Shape]  # by the leaf's name, without the stacked axis
    homes: Mapping[str, str]  # "params" or "state", by the leaf's name

    @property
    def title(self) -> str:
        """How messages call it."""
        path = self.path or "the layer"
        return path if self.row is None else f"{path}[{self.row}]"


def template(net: Layer) -> tuple[Params, State]:
    """Returns params and state as ShapeDtypeStructs, with dicts in the order of definition.

    ``jax.eval_shape`` would sort them.

    Example:
        >>> from jaxdl import layers, serial
        >>> list(template(serial(b=layers.dense(2, 1), a=layers.dense(1, 1)))[0])
        ['b', 'a']
    """
    raw: list[tuple[Params, State]] = []

    def init(key: Key) -> PyTree:
        raw.append(net.init(key))
        return raw[0]

    jax.eval_shape(init, jax.random.key(0))
    return _shapes(raw[0])


def units_of(trees: tuple[Params, State], order: tuple[str, ...] = BLOCK) -> list[Unit]:
    """Returns the units of a network from its template.

    Example:
        >>> from jaxdl import layers, serial
        >>> net = serial(layers.conv(3, 4, (3, 3)), layers.batch_norm(4))
        >>> [(unit.path, *unit.shapes) for unit in units_of(template(net))]
        [('0', 'kernel', 'bias'), ('1', 'scale', 'bias', 'mean', 'variance')]
    """
    return list(_walk("", *trees, None, order))


def _walk(
    path: str, params: Params, state: State, stack: int | None, order: tuple[str, ...]
) -> Iterator[Unit]:
    if _is_block(params):
        yield from _blocks(path, params, stack, order)
    elif _is_unit(params) and _is_unit(state):
        leaves = {**_named(params), **_named(state)}
        homes = dict.fromkeys(_named(params), "params") | dict.fromkeys(_named(state), "state")
        cut = 0 if stack is None else 1
        if leaves:
            yield Unit(path, stack, {k: tuple(x.shape[cut:]) for k, x in leaves.items()}, homes)
    else:
        for key, inner, its_state in _children(params, state):
            yield from _walk(f"{path}/{key}" if path else key, inner, its_state, stack, order)


def _blocks(path: str, params: Params, stack: int | None, order: tuple[str, ...]) -> Iterator[Unit]:
    """The units of a block, or of each of the blocks that ``repeat`` stacked."""
    scale = params["mlp"]["up"]["kernel"]
    stacked = stack is None and len(scale.shape) == 3
    for index in range(scale.shape[0]) if stacked else [stack]:
        for part in order:
            yield from _walk(f"{path}/{part}" if path else part, params[part], (), index, order)


def _is_block(params: Params) -> bool:
    return isinstance(params, dict) and set(params) == set(BLOCK)


def _is_unit(tree: PyTree) -> bool:
    """Whether a tree is a dict of leaves, a leaf, or nothing at all."""
    if isinstance(tree, dict):
        return not any(isinstance(value, dict | tuple | list) for value in tree.values())
    return not isinstance(tree, tuple | list) or not tree


def _named(tree: PyTree) -> Mapping[str, PyTree]:
    return tree if isinstance(tree, dict) else {} if isinstance(tree, tuple | list) else {"": tree}


def _children(params: Params, state: State) -> Iterator[tuple[str, Params, State]]:
    """The parts of a container, each with the state at the same place."""
    kind = params if isinstance(params, dict | tuple | list) and params else state
    if isinstance(kind, dict):
        first = next((pair for pair in _PAIRS if set(pair) <= set(kind)), ())
        keys: Iterable[str | int] = (*first, *(key for key in kind if key not in first))
    else:
        keys = range(len(kind))
    for key in keys:
        yield str(key), _at(params, key), _at(state, key)


def _at(tree: PyTree, key: object) -> PyTree:
    try:
        return tree[key]
    except (KeyError, IndexError, TypeError):
        return ()


def _shapes(tree: PyTree) -> PyTree:
    """The tree with ShapeDtypeStructs as leaves; unlike ``jax.tree.map`` it keeps dicts' order."""
    if isinstance(tree, dict):
        return {key: _shapes(value) for key, value in tree.items()}
    if isinstance(tree, tuple | list):
        return tuple(map(_shapes, tree))
    return jax.ShapeDtypeStruct(tree.shape, tree.dtype)
