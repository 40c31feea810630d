"""PyTorch's layout of weights: the groups of a state dict, and how each reads as a unit."""

import functools
import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from jaxdl.interop._entries import Entry, check, same
from jaxdl.interop._matching import Group, Read, grouped
from jaxdl.interop._units import Unit
from jaxdl.types import Shape

_RECURRENT = re.compile(r"(weight|bias)_(ih|hh|hr)_(l\d+(?:_reverse)?)")
_CELL = re.compile(r"(weight|bias)_(ih|hh)")
_LEAVES = {
    "bias": "bias", "scale": "weight", "slope": "weight", "embedding": "weight",
    "mean": "running_mean", "variance": "running_var", "count": "num_batches_tracked",
}  # fmt: skip


def groups_of(names: Sequence[str]) -> list[Group]:
    """Returns the leaves of each layer, in the order of the names.

    Example:
        >>> groups_of(["conv.weight", "conv.bias", "rnn.weight_ih_l0", "rnn.weight_hh_l0"])[1]
        Group(label='rnn.l0', names={'weight_ih': 'rnn.weight_ih_l0', ...})
    """
    return grouped(names, lambda name: _place(*name.rpartition(".")[::2]))


def _place(prefix: str, leaf: str) -> tuple[str, str]:
    """The label of a leaf's group, and its role there."""
    if prefix.endswith("LayerNorm"):  # BERT's first files have TensorFlow's names
        leaf = {"gamma": "weight", "beta": "bias"}.get(leaf, leaf)
    if stacked := _RECURRENT.fullmatch(leaf):
        kind, way, which = stacked.groups()
        return f"{prefix}.{which}".lstrip("."), f"{kind}_{way}"
    if leaf in ("in_proj_weight", "in_proj_bias"):
        return f"{prefix}.in_proj".lstrip("."), leaf.removeprefix("in_proj_")
    if leaf in {*_LEAVES.values()} or _CELL.fullmatch(leaf):
        return prefix, leaf
    return f"{prefix}.{leaf}".lstrip("."), "weight"  # a parameter of its own, such as class_token


def reader(shapes: Mapping[str, Shape], transposed: bool) -> Read:
    """Returns what reads groups of a state dict of these shapes as units."""

    def read(unit: Unit, groups: Sequence[Group], flattened: Shape | None) -> list[Entry]:
        cell = "recurrent_kernel" in unit.shapes
        entries = list((_cell if cell else _layer)(unit, groups, shapes, flattened, transposed))
        used = {name for entry in entries for name in entry.sources}
        extra = [n for g in groups for role, n in g.names.items()
                 if n not in used and role != "num_batches_tracked"]  # fmt: skip
        if extra:
            raise ValueError(f"there is no place here for {', '.join(extra)}")
        return entries

    return read


def _layer(
    unit: Unit, groups: Sequence[Group], shapes: Mapping[str, Shape], flattened: Shape | None,
    transposed: bool,
) -> Iterator[Entry]:  # fmt: skip
    for leaf, needed in unit.shapes.items():
        role = "weight" if leaf == "kernel" else _LEAVES.get(leaf, leaf)
        names = _found(leaf, role, groups)
        if leaf == "kernel":
            turn = functools.partial(_kernel_there, needed, flattened, transposed)
            back = functools.partial(_kernel_back, flattened, transposed)
            got = turn(*(np.broadcast_to(np.int8(0), shapes[name]) for name in names)).shape
            check(leaf, unit, got)
            yield Entry(unit, leaf, names, turn, back)
        elif len(names) > 1:
            check(leaf, unit, (sum(shapes[name][0] for name in names),))
            yield Entry(unit, leaf, names, _joined, _split)
        elif flattened is not None and leaf in ("scale", "bias") and len(needed) > 1:
            check(leaf, unit, (*shapes[names[0]][1:], shapes[names[0]][0]))
            yield Entry(unit, leaf, names, _channels_last, lambda a, s: [np.moveaxis(a, -1, 0)])
        else:
            yield from same(unit, leaf, names[0], shapes[names[0]])


def _cell(
    unit: Unit, groups: Sequence[Group], shapes: Mapping[str, Shape], *_: object
) -> Iterator[Entry]:
    """A recurrent cell; PyTorch's second bias is added where there is one bias here."""
    for leaf, role in (("kernel", "weight_ih"), ("recurrent_kernel", "weight_hh")):
        names = _found(leaf, role, groups)
        check(leaf, unit, shapes[names[0]][::-1])
        yield Entry(unit, leaf, names, np.transpose, lambda a, s: [a.T])
    if "recurrent_bias" in unit.shapes:
        for leaf, role in (("bias", "bias_ih"), ("recurrent_bias", "bias_hh")):
            name = _found(leaf, role, groups)[0]
            yield from same(unit, leaf, name, shapes[name])
    elif "bias" in unit.shapes:
        names = (*_found("bias", "bias_ih", groups), *_found("bias", "bias_hh", groups))
        check("bias", unit, shapes[names[0]])
        yield Entry(unit, "bias", names, np.add, lambda a, s: [a, np.zeros_like(a)])


def _found(leaf: str, role: str, groups: Sequence[Group]) -> tuple[str, ...]:
    missing = [group.label for group in groups if role not in group.names]
    if missing:
        has = ", ".join(groups[0].names)
        raise ValueError(f"{leaf} needs a {role}, and {missing[0]} has {has}")
    return tuple(group.names[role] for group in groups)


def _kernel_there(
    needed: Shape, flattened: Shape | None, transposed: bool, *weights: np.ndarray
) -> np.ndarray:
    """(out, in, …spatial) as (…spatial, in, out); into a dense kernel, (…spatial·in, out)."""
    if transposed and weights[0].ndim == 2:
        return np.concatenate(weights, -1)
    weight = weights[0] if len(weights) == 1 else np.concatenate(weights, 0)
    if flattened is not None and weight.ndim == 2:
        weight = weight.reshape(len(weight), *flattened)
    weight = np.transpose(weight, (*range(2, weight.ndim), 1, 0)) if weight.ndim > 1 else weight
    return weight.reshape(-1, weight.shape[-1]) if len(needed) == 2 else weight


def _kernel_back(
    flattened: Shape | None, transposed: bool, kernel: np.ndarray, shapes: Sequence[Shape]
) -> Sequence[np.ndarray]:
    if transposed and len(shapes[0]) == 2:
        return np.split(kernel, np.cumsum([s[-1] for s in shapes])[:-1], -1)
    full = (sum(s[0] for s in shapes), *shapes[0][1:])
    wide = (full[0], *flattened) if flattened is not None and len(full) == 2 else full
    spatial_first = (*wide[2:], wide[1], wide[0])
    weight = kernel.reshape(spatial_first)
    last = weight.ndim - 1
    weight = np.transpose(weight, (last, last - 1, *range(last - 1))).reshape(full)
    return np.split(weight, np.cumsum([s[0] for s in shapes])[:-1], 0)


def _joined(*arrays: np.ndarray) -> np.ndarray:
    return np.concatenate(arrays)


def _split(array: np.ndarray, shapes: Sequence[Shape]) -> Sequence[np.ndarray]:
    return np.split(array, np.cumsum([s[0] for s in shapes])[:-1])


def _channels_last(array: np.ndarray) -> np.ndarray:
    return np.moveaxis(array, 0, -1)
