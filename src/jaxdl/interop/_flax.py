"""Weights from Flax's own layers, of Linen and of NNX."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from jaxdl.interop._entries import Entry, check, filled
from jaxdl.interop._matching import Group, Names, grouped, match, refuse
from jaxdl.interop._names import flat
from jaxdl.interop._units import Unit, template
from jaxdl.types import Layer, Params, Shape, State

_ROLES = {"variance": "var"}


def from_flax(variables: object, net: Layer, *, names: Names | None = None) -> tuple[Params, State]:
    """Turns Flax's variables into the params and the state of a network of the same layers.

    Flax sorts its dicts, so layers are paired by shape, and those of the same shape by number if
    their names differ only in a number, like Dense_0 and Dense_1; otherwise ``names`` are needed.
    Attention heads are joined. Flax's epsilons (1e-6 in ``LayerNorm``, 1e-5 in ``BatchNorm``) and
    its momentum (one minus ours) must already agree with the network's.

    Args:
        variables: Linen's ``{"params": …, "batch_stats": …}``, or its params, or what
            ``nnx.to_pure_dict(nnx.state(module))`` gives.
        net: the network.
        names: Flax's names by the paths of layers here, such as ``{"0": "Dense_0"}``; levels are
            separated by slashes. A sequence of names is joined, such as queries, keys and values;
            ``{}`` stands for the number of a stacked layer.

    Returns:
        Params and state, in the dtypes of the network.

    Raises:
        ValueError: if layers or shapes don't fit (names each), or it isn't certain which is which.
            Transposed convolutions and recurrent cells are refused.

    Example:
        >>> from jaxdl import layers, serial
        >>> net = serial(layers.dense(3, 4), layers.dense(4, 2))
        >>> dense = lambda n_in, n_out: {"kernel": np.ones((n_in, n_out)), "bias": np.zeros(n_out)}
        >>> params, _ = from_flax({"params": {"a": dense(4, 2), "b": dense(3, 4)}}, net)
        >>> params[0]["kernel"].shape
        (3, 4)
    """
    refuse("from_flax", net, "bilinear", "conv_transpose")
    arrays = {name: np.asarray(leaf) for name, leaf in flat(variables).items()}
    arrays = {n.removeprefix("params/").removeprefix("batch_stats/"): a for n, a in arrays.items()}
    groups = grouped(arrays, lambda name: name.rpartition("/")[::2])
    shapes = {name: array.shape for name, array in arrays.items()}
    read = lambda unit, groups, flattened: list(_read(unit, groups, shapes))
    trees = template(net)
    entries = match("from_flax", trees, groups, read, names, None, ordered=False)
    return filled(trees, entries, arrays)


def _read(unit: Unit, groups: Sequence[Group], shapes: Mapping[str, Shape]) -> Iterator[Entry]:
    if "recurrent_kernel" in unit.shapes:
        raise ValueError("recurrent cells aren't read from Flax")
    for leaf, needed in unit.shapes.items():
        role = _ROLES.get(leaf, leaf)
        if missing := [g.title for g in groups if role not in g.names]:
            raise ValueError(f"{leaf} needs a {role}, and {missing[0]} has none")
        names = tuple(group.names[role] for group in groups)
        yield joined_heads(unit, leaf, names, [shapes[name] for name in names], needed)
    used = {_ROLES.get(leaf, leaf) for leaf in unit.shapes}
    if extra := [n for g in groups for role, n in g.names.items() if role not in used]:
        raise ValueError(f"there is no place here for {', '.join(extra)}")


def joined_heads(
    unit: Unit, leaf: str, names: tuple[str, ...], shapes: Sequence[Shape], needed: Shape
) -> Entry:
    """A leaf made of one with the same axes, or with heads apart, or of several side by side."""
    heads = leaf in ("kernel", "bias") and len(shapes[0]) == len(needed) + 1
    if len(names) > 1:  # (n_in, heads, size) each; or (heads, size)
        lead = len(needed) - 1
        flat_shapes = [(*s[:lead], int(np.prod(s[lead:]))) for s in shapes]
        check(leaf, unit, (*flat_shapes[0][:lead], sum(s[-1] for s in flat_shapes)))
        flatten = lambda arrays: [x.reshape(s) for x, s in zip(arrays, flat_shapes, strict=True)]
        cuts = np.cumsum([s[-1] for s in flat_shapes])[:-1]
        join = lambda *arrays: np.concatenate(flatten(arrays), -1)
        return Entry(unit, leaf, names, join, lambda a, s: np.split(a, cuts, -1))
    if heads and int(np.prod(shapes[0])) == int(np.prod(needed)):
        ends = (shapes[0][0] == needed[0], shapes[0][-1] == needed[-1])
        if leaf == "bias" or any(ends):
            shapes = [needed]
    check(leaf, unit, shapes[0])
    return Entry(unit, leaf, names, lambda a: a.reshape(needed), lambda a, s: [a.reshape(s[0])])
