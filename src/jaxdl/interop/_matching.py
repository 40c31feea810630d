"""Which weights elsewhere are which weights here, and how each is transposed."""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np

from jaxdl.interop import _units
from jaxdl.interop._entries import Entry
from jaxdl.interop._units import Unit
from jaxdl.types import Layer, Params, Shape, State

Names: TypeAlias = Mapping[str, str | Sequence[str]]
"""Names elsewhere by the paths of layers here; several are joined, as queries, keys and values.
A ``{}`` stands for the number of a stacked layer."""

Flattened: TypeAlias = Mapping[str, Shape | None]
"""The (channels, …spatial) that was flattened before a dense layer, by the layer's path; None
where nothing was."""


class Group(NamedTuple):
    """The leaves of one layer elsewhere: full names by their roles."""

    label: str
    names: Mapping[str, str]

    @property
    def title(self) -> str:
        """How messages call it."""
        return self.label or "the module"


def grouped(names: Iterable[str], place: Callable[[str], Sequence[str]]) -> list[Group]:
    """Groups names by layers, in their order; ``place`` gives a name's layer and its role there."""
    found: dict[str, dict[str, str]] = {}
    for name in names:
        label, role = place(name)
        found.setdefault(label, {})[role] = name
    return [Group(label, roles) for label, roles in found.items()]


Read: TypeAlias = Callable[[Unit, Sequence[Group], Shape | None], Sequence[Entry]]
"""Reads groups as a unit; a ``ValueError`` says why that can't be."""


def match(
    function: str,
    trees: tuple[Params, State],
    groups: Sequence[Group],
    read: Read,
    names: Names | None,
    flattened: Flattened | None,
    *,
    ordered: bool = True,
) -> list[Entry]:
    """Pairs every unit with its groups: by names, in order, or by shapes where there is no order.

    Raises:
        ValueError: if they don't fit, or fit in more than one way; it names all that differ.
    """
    units = _units.units_of(trees)
    if flattened is not None:  # elsewhere channels are last too
        _check_flattened(function, units, flattened)
    shape_of = lambda unit: (flattened or {}).get(unit.path)
    if names is not None:
        pairs = _by_names(function, units, groups, names)
        return _entries(function, pairs, read, shape_of)
    if not ordered:
        return _by_shapes(function, units, groups, read)
    found, faults = [], []
    for order in _units.ORDERS:
        units = _units.units_of(trees, order)
        try:
            found.append(_in_order(function, units, groups, read, shape_of))
        except ValueError as error:
            faults.append(error)
    if not found:
        raise faults[0]
    return found[0]


def _in_order(
    function: str,
    units: Sequence[Unit],
    groups: Sequence[Group],
    read: Read,
    shape_of: Callable[[Unit], Shape | None],
) -> list[Entry]:
    pairs = [(unit, (group,)) for unit, group in zip(units, groups, strict=False)]
    try:
        entries = _entries(function, pairs, read, shape_of)
    except ValueError as error:
        raise ValueError(f"{error}\n{_advice(units, groups)}") from None
    if len(units) != len(groups):
        longer = units[len(groups) :] or groups[len(units) :]
        titles = [x.title for x in longer]
        where = "the network" if len(units) > len(groups) else "the weights"
        raise ValueError(
            f"{function}: {len(units)} layers with weights here, {len(groups)} there; only "
            f"{where} has {_some(titles)}\n{_advice(units, groups)}"
        )
    _check_numbering(function, pairs)
    return entries


def _by_shapes(
    function: str, units: Sequence[Unit], groups: Sequence[Group], read: Read
) -> list[Entry]:
    """Pairs by shape alone, and by number those of one shape that differ only in a number."""
    alike: dict[object, list[Unit]] = {}
    for unit in units:
        alike.setdefault(tuple(sorted(unit.shapes.items())), []).append(unit)
    pairs: list[tuple[Unit, Sequence[Group]]] = []
    for cluster in alike.values():
        fitting = [group for group in groups if _fits(read, cluster[0], group)]
        numbered = _numbered(fitting)
        if len(fitting) != len(cluster) or numbered is None:
            here, there = ([x.title for x in cluster], [g.title for g in fitting])
            raise ValueError(
                f"{function}: which is which isn't certain. Of shapes {dict(cluster[0].shapes)}: "
                f"{_some(here)} here, {_some(there) or 'nothing'} there\n"
                f"{_advice(units, groups)}"
            )
        pairs += [(unit, (group,)) for unit, group in zip(cluster, numbered, strict=True)]
    used = {group.label for _, (group,) in pairs}
    if unused := [group.title for group in groups if group.label not in used]:
        raise ValueError(f"{function}: used by nothing here: {_some(unused)}")
    return _entries(function, pairs, read, lambda unit: None)


def _fits(read: Read, unit: Unit, group: Group) -> bool:
    try:
        return bool(read(unit, (group,), None))
    except ValueError:
        return False


def _numbered(groups: Sequence[Group]) -> Sequence[Group] | None:
    """The groups by the one number in which their labels differ; None if they differ otherwise."""
    split = [re.split(r"(\d+)", group.label) for group in groups]
    differing = [i for i, fields in enumerate(zip(*split, strict=False)) if len(set(fields)) > 1]
    if len({len(fields) for fields in split}) > 1 or len(differing) > 1:
        return None
    if not differing:
        return groups
    at = differing[0]
    if at % 2 == 0:  # a word, not a number
        return None
    return [g for _, g in sorted(zip(split, groups, strict=True), key=lambda p: int(p[0][at]))]


def _entries(
    function: str,
    pairs: Sequence[tuple[Unit, Sequence[Group]]],
    read: Read,
    shape_of: Callable[[Unit], Shape | None],
) -> list[Entry]:
    entries: list[Entry] = []
    faults = []
    for unit, groups in pairs:
        try:
            entries += read(unit, groups, shape_of(unit))
        except ValueError as error:
            faults.append(f"{unit.title} from {' + '.join(g.title for g in groups)}: {error}")
    if faults:
        listed = "\n  ".join(faults[:10])
        more = f"\n  and {len(faults) - 10} more" if len(faults) > 10 else ""
        raise ValueError(f"{function}: {len(faults)} layers don't fit:\n  {listed}{more}")
    return entries


def _by_names(
    function: str, units: Sequence[Unit], groups: Sequence[Group], names: Names
) -> list[tuple[Unit, Sequence[Group]]]:
    known = {group.label: group for group in groups}
    paths = {unit.path for unit in units}
    faults = [
        f"names has no entry for {p}"
        for p in dict.fromkeys(u.path for u in units)
        if p not in names
    ]
    faults += [f"names has {p!r}, which is no layer here" for p in names if p not in paths]
    used: set[str] = set()
    pairs: list[tuple[Unit, Sequence[Group]]] = []
    for unit in units:
        given = names.get(unit.path, ())
        labels = [text.format(unit.row) for text in ([given] if isinstance(given, str) else given)]
        for label in labels:
            if label not in known:
                near = difflib.get_close_matches(label, known, 1)
                hint = f"; the nearest is {near[0]}" if near else ""
                faults.append(f"{unit.title}: there is no {label!r}{hint}")
        pairs.append((unit, [known[label] for label in labels if label in known]))
        used.update(labels)
    unused = [label for label in known if label not in used]
    if unused:
        faults.append(f"used by nothing here: {_some(unused)}")
    if faults:
        raise ValueError(f"{function}: the names don't fit:\n  " + "\n  ".join(faults[:20]))
    return pairs


def _check_numbering(function: str, pairs: Sequence[tuple[Unit, Sequence[Group]]]) -> None:
    """Refuses layers of one shape whose numbers run against their order, such as fc2 before fc1."""
    last: dict[object, tuple[int, str]] = {}
    for unit, groups in pairs:
        for group in groups:
            stem, number = re.fullmatch(r"(.*?)(\d*)", group.label).groups()  # type: ignore[union-attr]
            place = stem, tuple(sorted(unit.shapes.items()))
            before = last.get(place)
            if number and before and int(number) < before[0]:
                raise ValueError(
                    f"{function}: {group.label} comes after {before[1]} and has the same shapes, "
                    "so that their order isn't certain; say which is which: names={…}"
                )
            last[place] = int(number or 0), group.label


def _check_flattened(function: str, units: Sequence[Unit], flattened: Flattened) -> None:
    """Refuses what flattening channels first would change, unless ``flattened`` has it."""
    unknown = set(flattened) - {unit.path for unit in units}
    if unknown:
        raise ValueError(f"{function}: flattened has {_some(sorted(unknown))}, no layers here")
    channels = None
    for unit in units:
        kernel = unit.shapes.get("kernel", ())
        shape = flattened.get(unit.path)
        size = kernel[0] if len(kernel) == 2 else int(np.prod(unit.shapes.get("scale", ())))
        if shape is not None and int(np.prod(shape)) != size:
            raise ValueError(
                f"{function}: flattened says {tuple(shape)} for {unit.path}, which has {size} "
                "features coming in"
            )
        if len(kernel) > 2:
            channels = kernel[-1]
        elif len(kernel) == 2:
            many = channels and size > channels and size % channels == 0
            if many and unit.path not in flattened and "recurrent_kernel" not in unit.shapes:
                raise ValueError(_question(function, unit, size, channels))
            channels = None
        if len(unit.shapes.get("scale", ())) > 1 and unit.path not in flattened:
            raise ValueError(
                f"{function}: {unit.title} normalises several axes at once; pass "
                f"flattened={{{unit.path!r}: (channels, height, width)}} if those there have their "
                f"channels first, else {{{unit.path!r}: None}}"
            )


def _question(function: str, unit: Unit, size: int, channels: int | None) -> str:
    return (
        f"{function}: {unit.title} has {size} features coming in, after a convolution of "
        f"{channels} channels. If {channels} channels of {size // (channels or 1)} positions are "
        f"flattened before it, the order differs: pass flattened={{{unit.path!r}: ({channels}, "
        f"height, width)}}, or {{{unit.path!r}: None}} if they aren't"
    )


def _advice(units: Sequence[Unit], groups: Sequence[Group]) -> str:
    here, there = ([x.title for x in units], [g.title for g in groups])
    return f"here: {_some(here, 60)}\nthere: {_some(there, 60)}\nsay which is which: names={{…}}"


def _some(titles: Sequence[str], most: int = 8) -> str:
    more = f" and {len(titles) - most} more" if len(titles) > most else ""
    return ", ".join(titles[:most]) + more


def named_source(function: str, weights: object) -> str:
    """Returns what messages begin with: the function, and the file that weights come from.

    Example:
        >>> named_source("from_torch", "net.safetensors"), named_source("from_torch", {})
        ('from_torch: net.safetensors', 'from_torch')
    """
    return f"{function}: {weights}" if isinstance(weights, str | Path) else function


def refuse(function: str, net: Layer, *kinds: str) -> None:
    """Raises the ValueError that a kind of layer isn't converted, if a network prints one.

    Example:
        >>> from jaxdl import layers
        >>> refuse("from_torch", layers.dense(2, 2), "bilinear")
    """
    written = repr(net)
    for kind in kinds:
        if f"{kind}(" in written:
            raise ValueError(f"{function}: {kind} has kernels of another meaning there")
