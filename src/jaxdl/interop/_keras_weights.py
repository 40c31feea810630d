"""Weights from Keras models and files."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from jaxdl.interop import _conventions
from jaxdl.interop._entries import Entry, check, filled
from jaxdl.interop._flax import joined_heads
from jaxdl.interop._keras import library_on_jax
from jaxdl.interop._matching import Group, Names, grouped, match, named_source
from jaxdl.interop._units import Unit, template
from jaxdl.types import Layer, Params, Shape, State

if TYPE_CHECKING:
    import keras

_ROLES = {
    "scale": "gamma", "bias": "bias", "mean": "moving_mean", "variance": "moving_variance",
    "embedding": "embeddings", "kernel": "kernel", "slope": "alpha",
}  # fmt: skip


def from_keras(
    model: "keras.Model | str | Path", net: Layer, *, names: Names | None = None
) -> tuple[Params, State]:
    """Turns a Keras model's weights into the params and the state of a network of the same layers.

    Layers are paired in the order in which both define them, and every shape must fit. The gates of
    a GRU change their order (z, r, h there; r, z, n here), and attention heads are joined.

    Args:
        model: a built Keras model, or the path of a ``.keras`` or ``.h5`` file; files are read in
            Keras's safe mode, so that none of their code runs.
        net: the network.
        names: the paths of Keras's layers by the paths of layers here, such as ``{"0": "dense"}``;
            needed if the order differs. A sequence of names is joined, such as queries, keys
            and values.

    Returns:
        Params and state, in the dtypes of the network.

    Raises:
        ImportError: without keras, or on a backend other than JAX.
        ValueError: if layers or shapes don't fit (names each); if an epsilon differs from the
            network's (Keras has 1e-3, here it is 1e-5); if a file is damaged or holds code.

    Warns:
        UserWarning: if a momentum of batch normalisation differs (0.99 there is 0.01 here).

    Example:
        >>> params, state = from_keras("model.keras", net)  # doctest: +SKIP
    """
    library, source = library_on_jax("from_keras"), named_source("from_keras", model)
    if isinstance(model, str | Path):
        model = _loaded(library, Path(model))
    prefix = f"{model.name}/"
    arrays = {v.path.removeprefix(prefix): np.asarray(v.value) for v in model.weights}
    if len(arrays) != len(model.weights):
        raise ValueError(f"{source}: {model.name} has weights with the same path; rename layers")
    groups = grouped(arrays, lambda name: name.rpartition("/")[::2])
    shapes = {name: array.shape for name, array in arrays.items()}
    read = lambda unit, groups, flattened: list(_read(unit, groups, shapes))
    trees = template(net)
    entries = match(source, trees, groups, read, names, None)
    inner = [layer for layer in model._flatten_layers() if layer.path]
    there = {layer.path.removeprefix(prefix): _options(layer) for layer in inner}
    _conventions.check(source, net, entries, lambda name: name.rpartition("/")[0], there)
    return filled(trees, entries, arrays)


def _loaded(library: ModuleType, path: Path) -> "keras.Model":
    if not path.is_file():
        raise FileNotFoundError(f"interop.from_keras: there is no file {path}")
    try:
        return library.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras, h5py and zipfile raise many kinds
        raise ValueError(
            f"interop.from_keras: {path} is damaged, holds code, or is no Keras model: {error}"
        ) from error


def _options(layer: "keras.Layer") -> dict[str, float]:
    options = {}
    if isinstance(getattr(layer, "epsilon", None), float):
        options["epsilon"] = layer.epsilon
    if isinstance(getattr(layer, "momentum", None), float):
        options["momentum"] = 1 - layer.momentum
    return options


def _read(unit: Unit, groups: Sequence[Group], shapes: Mapping[str, Shape]) -> Iterator[Entry]:
    roles = {role for group in groups for role in group.names}
    cell = "recurrent_kernel" in unit.shapes
    wanted = dict(_ROLES)
    if "gamma" in roles or "beta" in roles or "moving_mean" in roles:
        wanted["bias"] = "beta"
    used = set()
    for leaf, needed in unit.shapes.items():
        role = "bias" if cell and leaf == "recurrent_bias" else wanted.get(leaf, leaf)
        if missing := [g.title for g in groups if role not in g.names]:
            raise ValueError(f"{leaf} needs a {role}, and {missing[0]} has none")
        names = tuple(group.names[role] for group in groups)
        used.add(role)
        if cell:
            yield _cell(unit, leaf, names[0], shapes[names[0]])
            continue
        given = [shapes[name] for name in names]
        if leaf == "kernel" and len(needed) > 2 and needed[-2] == 1:  # depthwise: (…, n_in, times)
            given = [
                (*needed[:-2], 1, s[-2] * s[-1]) if len(s) == len(needed) else s for s in given
            ]
        yield joined_heads(unit, leaf, names, given, needed)
    if extra := [n for g in groups for role, n in g.names.items() if role not in used]:
        raise ValueError(f"there is no place here for {', '.join(extra)}")


def _cell(unit: Unit, leaf: str, name: str, shape: Shape) -> Entry:
    """A leaf of a recurrent cell; a GRU has its first two gates the other way round."""
    needed = unit.shapes[leaf]
    swapped = unit.shapes["kernel"][-1] == 3 * unit.shapes["recurrent_kernel"][0]
    if swapped and "bias" in leaf:
        row = int(leaf == "recurrent_bias")
        check(leaf, unit, shape, (2, *needed))
        return Entry(unit, leaf, (name,), lambda a: _swap(a[row]), lambda a, s: [_swap(a)])
    if leaf == "recurrent_bias":
        raise ValueError("Keras has one bias here; make the layer with recurrent_bias=False")
    check(leaf, unit, shape)
    turn = _swap if swapped else np.asarray
    return Entry(unit, leaf, (name,), turn, lambda a, s: [turn(a)])


def _swap(array: np.ndarray) -> np.ndarray:
    first, second, third = np.split(array, 3, -1)
    return np.concatenate([second, first, third], -1)
