"""What weights don't show, but both networks may know: epsilon and momentum."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence

from jaxdl import _factory
from jaxdl._warnings import warn
from jaxdl.interop._entries import Entry
from jaxdl.types import Layer

_NORMS = ("batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm")


def check(
    function: str,
    net: Layer,
    entries: Sequence[Entry],
    label_of: Callable[[str], str],
    there: Mapping[str, Mapping[str, float]],
) -> None:
    """Compares normalisation layers here with those there.

    Args:
        function: the caller's name, for messages.
        net: the network.
        entries: which weights are which.
        label_of: the label of the layer that a name there belongs to.
        there: ``{"epsilon": …, "momentum": …}`` by label; momentum as the share of a new batch.

    Raises:
        ValueError: if an epsilon differs.

    Warns:
        UserWarning: if a momentum differs, which matters in training only.

    Example:
        >>> from jaxdl import layers
        >>> check("from_torch", layers.layer_norm(3), [], lambda name: name, {})
    """
    here = dict(_norms(net, ""))
    pairs = {e.unit.path: label_of(e.sources[0]) for e in entries if e.unit.path in here}
    for path, label in pairs.items():
        ours, theirs = here[path], there.get(label, {})
        name = path or "the layer"
        if _differ(ours.get("epsilon"), theirs.get("epsilon")):
            raise ValueError(
                f"{function}: the epsilon of {name} is {ours['epsilon']} here and "
                f"{theirs['epsilon']} in {label}"
            )
        if _differ(ours.get("momentum"), theirs.get("momentum")):
            warn(
                f"{function}: the momentum of {name} is {ours['momentum']:.4g} here and "
                f"{theirs['momentum']:.4g} in {label}; training continues differently from there"
            )


def _differ(a: float | None, b: float | None) -> bool:
    return a is not None and b is not None and abs(a - b) > 1e-9 * max(abs(a), abs(b))


def _norms(layer: object, path: str) -> Iterator[tuple[str, dict[str, float]]]:
    """Epsilon and momentum of each normalisation whose place is known, by its path."""
    record = _factory.made(layer) if isinstance(layer, Layer) else None
    while record is not None and record.parts is not None:
        record = record.parts
    if record is None:
        return
    name, under = record.factory.__name__, lambda key: f"{path}/{key}" if path else str(key)
    if name in _NORMS:
        bound = inspect.signature(record.factory).bind(*record.args, **record.kwargs)
        bound.apply_defaults()
        kept = {k: v for k, v in bound.arguments.items() if k in ("epsilon", "momentum")}
        yield path, {k: v for k, v in kept.items() if isinstance(v, int | float)}
    elif name in ("serial", "branch"):
        parts = {k: v for k, v in record.kwargs.items() if k != "merge"}
        for key, part in [*enumerate(record.args), *parts.items()]:
            yield from _norms(part, under(key))
    elif name == "residual":
        yield from _norms(record.args[0], under("body"))
        yield from _norms(record.kwargs.get("shortcut"), under("shortcut"))
    elif name in ("repeat", "remat", "frozen"):
        yield from _norms(record.args[0], path)
