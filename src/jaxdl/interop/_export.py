"""Networks as programs of StableHLO, which run without the code that made them."""

import contextlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import export as jax_export

import jaxdl
from jaxdl import _portable
from jaxdl._checks import describe
from jaxdl.interop._extras import needs
from jaxdl.interop._files import arrays_of, bytes_of, written
from jaxdl.types import Array, Layer, Params, PyTree, State

Batch: TypeAlias = Literal["dynamic"] | int
Platforms: TypeAlias = Sequence[Literal["cpu", "cuda", "rocm", "tpu"]]

_PARTS = ("metadata.json", "program.stablehlo", "weights.safetensors")
_FORMAT = 1


class Program(NamedTuple):
    """A network as a program: ``call`` computes it, on any of its platforms."""

    call: Callable[[PyTree], Array]
    metadata: Mapping[str, Any]
    exported: jax_export.Exported
    weights: Mapping[str, np.ndarray]


def export(
    net: Layer,
    params: Params,
    state: State,
    example: PyTree,
    *,
    batch: Batch = "dynamic",
    platforms: Platforms = ("cpu", "cuda", "tpu"),
    classes: Sequence[str] | None = None,
    metadata: Mapping[str, object] | None = None,
) -> Program:
    """Makes a StableHLO program from a network in evaluation, for several platforms at once.

    It contains no file paths of this machine, and the same network and weights give the same bytes.

    Args:
        net: the network.
        params: its params.
        state: its state.
        example: an input, or a ``jax.ShapeDtypeStruct`` of one; a batch of any size.
        batch: the size of its first axis, or "dynamic" for any size.
        platforms: what the program can run on.
        classes: the classes' names, in the order of the logits.
        metadata: more to keep with it, anything that JSON can hold.

    Returns:
        A Program: ``program.call(x)`` computes ``net.apply(params, state, x)[0]``, and
        ``program.metadata`` has the classes, the input's shape and the versions.

    Raises:
        ValueError: if an input has no batch axis, or the network can't be exported for every batch
            size; then pass a number as ``batch``.

    Example:
        >>> from jaxdl import layers
        >>> net = layers.dense(3, 2)
        >>> params, state = net.init(jax.random.key(0))
        >>> program = export(net, params, state, jnp.ones((1, 3)), classes=["cat", "dog"])
        >>> program.call(jnp.ones((5, 3))).shape, program.metadata["classes"]
        ((5, 2), ['cat', 'dog'])
    """
    given = jax.tree.map(lambda x: jax.ShapeDtypeStruct(np.shape(x), jnp.result_type(x)), example)
    shapes = with_batch(given, batch)
    leaves, structure = jax.tree.flatten((params, state))
    weights = {str(i): np.asarray(leaf) for i, leaf in enumerate(leaves)}

    def compute(leaves: Sequence[Array], x: object) -> Array:
        params, state = jax.tree.unflatten(structure, leaves)
        return net.apply(params, state, x)[0]

    kept = [jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in weights.values()]
    # Kernels in a program for TPUs alone: JAX can't lower them for several platforms at once, and
    # doesn't promise that what it calls on GPUs stays as it is.
    kernels = _portable.lowered_for(*platforms if set(platforms) == {"tpu"} else ())
    with _without_places(), kernels:
        exported = jax_export.export(jax.jit(compute), platforms=tuple(platforms))(kept, shapes)
    about = {
        "format": _FORMAT,
        "input": [describe(leaf) for leaf in jax.tree.leaves(shapes)],
        "output": list(map(describe, exported.out_avals)),
        "classes": None if classes is None else list(classes),
        "platforms": list(platforms),
        "versions": {"jax": jax.__version__, "jaxdl": jaxdl.__version__},
        **(metadata or {}),
    }
    json.dumps(about)  # says at once what JSON can't hold
    return _program(exported, weights, about)


def save_program(path: str | Path, program: Program) -> None:
    """Writes a program, its weights and its metadata into one file, whole or not at all.

    Args:
        path: the file, a zip archive, usually ``*.jaxdl``.
        program: from ``export``.

    Example:
        >>> import tempfile
        >>> from jaxdl import layers
        >>> net = layers.dense(3, 2)
        >>> program = export(net, *net.init(jax.random.key(0)), jnp.ones((1, 3)))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_program(f"{folder}/net.jaxdl", program)
        ...     again = load_program(f"{folder}/net.jaxdl")
        >>> again.call(jnp.ones((5, 3))).shape
        (5, 2)
    """
    needs("save_program", "flatbuffers", "interop")  # jax.export asks for it
    contents = (
        json.dumps(program.metadata, indent=1).encode(),
        bytes(program.exported.serialize()),
        bytes_of(program.weights),
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in zip(_PARTS, contents, strict=True):
            archive.writestr(zipfile.ZipInfo(name), data)  # without the time
    written(Path(path), buffer.getvalue())


def load_program(path: str | Path) -> Program:
    """Reads what ``save_program`` wrote; the code of the network isn't needed.

    A program can't touch files or the network, but may take any amount of memory and time: run
    those of strangers under a limit.

    Args:
        path: the file.

    Returns:
        The Program.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged, or no program.

    Example:
        >>> load_program("no/such.jaxdl")
        Traceback (most recent call last):
        ...
        FileNotFoundError: interop.load_program: there is no file no/such.jaxdl
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"interop.load_program: there is no file {path}")
    needs("load_program", "flatbuffers", "interop")
    try:
        with zipfile.ZipFile(path) as archive:
            about, program, weights = (_part(archive, path, name) for name in _PARTS)
        metadata = json.loads(about)
        if metadata["format"] != _FORMAT:
            raise ValueError(f"its format is {metadata['format']}, not {_FORMAT}")
        exported = jax_export.deserialize(bytearray(program))
        return _program(exported, arrays_of("load_program", path, weights), metadata)
    except Exception as error:  # zipfile, json and flatbuffers raise many kinds
        raise ValueError(
            f"interop.load_program: {path} is damaged or no exported network: {error}"
        ) from error


@contextlib.contextmanager
def _without_places() -> Iterator[None]:
    """Programs lowered inside name no files or lines of code; layers keep their names."""
    option = "jax_traceback_in_locations_limit"
    before = jax.config.values[option]
    jax.config.update(option, 0)
    try:
        yield
    finally:
        jax.config.update(option, before)


def _part(archive: zipfile.ZipFile, path: Path, name: str) -> bytes:
    """Reads a part of the file, checksum compared, that claims no more bytes than the file has."""
    part = archive.getinfo(name)
    if part.compress_type != zipfile.ZIP_STORED or part.compress_size > path.stat().st_size:
        raise ValueError(f"{name} is compressed, or said to be larger than the file")
    return archive.read(part)


def with_batch(shapes: PyTree, batch: Batch) -> PyTree:
    """Returns the shapes with another first axis: a number, or a symbol for any.

    Example:
        >>> with_batch(jax.ShapeDtypeStruct((1, 3), jnp.float32), "dynamic").shape
        (batch, 3)
    """
    if any(not leaf.shape for leaf in jax.tree.leaves(shapes)):
        raise ValueError("interop.export: an input has no axes; the first is the batch")
    if batch != "dynamic" and (not isinstance(batch, int) or batch < 1):
        raise ValueError(f'interop.export: batch is {batch!r}; it must be "dynamic" or a number')
    size = jax_export.symbolic_shape("batch")[0] if batch == "dynamic" else batch
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct((size, *x.shape[1:]), x.dtype), shapes)


def _program(
    exported: jax_export.Exported, weights: Mapping[str, np.ndarray], metadata: Mapping[str, Any]
) -> Program:
    leaves = [jnp.asarray(weights[str(i)]) for i in range(len(weights))]
    compiled = jax.jit(exported.call)
    return Program(lambda x: compiled(leaves, x), metadata, exported, weights)
