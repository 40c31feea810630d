"""Networks as ONNX, by jax2onnx."""

import contextlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl import _portable
from jaxdl.interop._export import Batch, with_batch
from jaxdl.interop._extras import needs
from jaxdl.interop._files import written
from jaxdl.interop._flat_program import flat_program
from jaxdl.types import Layer, Params, State

OPSET = 21
"""The version of ONNX's operators that is written unless another is asked for."""


def to_onnx(
    path: str | Path,
    net: Layer,
    params: Params,
    state: State,
    example: Any,
    *,
    batch: Batch = "dynamic",
    opset: int = OPSET,
    classes: Sequence[str] | None = None,
) -> float:
    """Writes a network in evaluation as an ONNX file, with its weights, and compares the two.

    The input is called "x", the output "y". Loops over layers and time steps are written out, and
    convolutions are those of all platforms.

    Args:
        path: the file, which ends in ``.onnx``.
        net: the network.
        params: its params.
        state: its state.
        example: an input, such as a row or a batch of the data: what is compared.
        batch: the size of the first axis, or "dynamic" for any size.
        opset: the version of ONNX's operators.
        classes: the classes' names, kept in the file's metadata.

    Returns:
        The largest difference between the network and what onnxruntime makes of the file, relative
        to the largest output.

    Raises:
        ImportError: without jax2onnx and onnxruntime, which the extra [onnx] brings.
        ValueError: if jax2onnx can't write the network, or the file computes something else, by
            more than 1e-4; no file is written then.

    Example:
        >>> to_onnx("net.onnx", net, params, state, images[:1])  # doctest: +SKIP
        2.4e-07
    """
    library = needs("to_onnx", "jax2onnx", "onnx")
    example = np.asarray(example)
    given = with_batch(jax.ShapeDtypeStruct(example.shape, jnp.result_type(example)), batch)
    compute = lambda x: net.apply(params, state, x)[0]
    try:
        with _portable.portable():  # before jax2onnx, which changes jax.numpy while it works
            flat = flat_program(compute, given)
        with _names_of_symbols():
            model = library.to_onnx(
                lambda x: flat(x)[0], [given], opset=opset, input_names=["x"], output_names=["y"]
            )
    except (NotImplementedError, TypeError, KeyError, AttributeError, ValueError) as error:
        raise ValueError(f"interop.to_onnx: jax2onnx can't write the network: {error}") from error
    if classes is not None:
        entry = model.metadata_props.add()
        entry.key, entry.value = "classes", json.dumps(list(classes))
    data = model.SerializeToString()
    sizes = (1, 3) if batch == "dynamic" else (batch,)
    worst = max(
        _difference(data, compute, np.resize(example, (n, *example.shape[1:]))) for n in sizes
    )
    written(Path(path), data)
    return worst


def _difference(data: bytes, compute: Any, x: np.ndarray) -> float:
    """How far onnxruntime's result is from the network's."""
    runtime = needs("to_onnx", "onnxruntime", "onnx")
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        (found,) = session.run(None, {"x": x})
    except Exception as error:  # onnxruntime raises kinds of its own
        raise ValueError(
            f"interop.to_onnx: onnxruntime refuses what was written: {error}"
        ) from error
    expected = np.asarray(compute(x))
    worst = float(np.max(np.abs(found - expected)) / max(1.0, float(np.max(np.abs(expected)))))
    if not worst <= 1e-4:
        raise ValueError(f"interop.to_onnx: for {len(x)} rows the file is off by {worst:.2g}")
    return worst


@contextlib.contextmanager
def _names_of_symbols() -> Iterator[None]:
    """Lets onnx_ir write JAX's symbolic sizes by their names.

    jax2onnx 0.17 hands them on as they are, after poolings and slices for instance, and onnx_ir
    takes them for integers.
    """
    core: Any = needs("to_onnx", "onnx_ir._core", "onnx")
    original = core._maybe_convert_to_symbolic_dim
    named = lambda size: original(str(size) if jax.export.is_symbolic_dim(size) else size)
    core._maybe_convert_to_symbolic_dim = named
    try:
        yield
    finally:
        core._maybe_convert_to_symbolic_dim = original
