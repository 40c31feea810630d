"""Networks as ONNX, by jax2onnx."""

import contextlib
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jaxdl import _portable
from jaxdl.interop._export import Batch, with_batch
from jaxdl.interop._extras import needs
from jaxdl.interop._files import written
from jaxdl.interop._flat_program import flat_program
from jaxdl.types import Array, Layer, Params, PyTree, State

if TYPE_CHECKING:
    import onnxruntime

OPSET = 21
"""The default version of ONNX's operators."""


def to_onnx(
    path: str | Path,
    net: Layer,
    params: Params,
    state: State,
    example: PyTree,
    *,
    batch: Batch = "dynamic",
    opset: int = OPSET,
    classes: Sequence[str] | None = None,
) -> float:
    """Writes a network in evaluation as an ONNX file, with its weights, and compares the two.

    The input is called "x", the output "y". Loops over layers and time steps are written out, and
    convolutions are those of all platforms; jax2onnx has none of volumes (depth, height, width).

    Args:
        path: the file, which ends in ``.onnx``.
        net: the network.
        params: its params.
        state: its state.
        example: an input for the comparison, such as a row or a batch of the data.
        batch: the size of the first axis, or "dynamic" for any size.
        opset: the version of ONNX's operators.
        classes: the classes' names, kept in the file's metadata.

    Returns:
        The largest difference between the network and what onnxruntime computes from the file,
        relative to the largest output.

    Raises:
        ImportError: without jax2onnx and onnxruntime, which the extra [onnx] brings.
        ValueError: if jax2onnx can't write the network, or the file's results differ by more than
            1e-4; no file is written then.

    Example:
        >>> to_onnx("net.onnx", net, params, state, images[:1])  # doctest: +SKIP
        2.4e-07
    """
    library = needs("to_onnx", "jax2onnx", "onnx")
    example = np.asarray(example)
    given = with_batch(jax.ShapeDtypeStruct(example.shape, jnp.result_type(example)), batch)
    compute = jax.jit(lambda x: net.apply(params, state, x)[0])
    try:
        with _portable.portable():  # before jax2onnx, which changes jax.numpy while it works
            flat = flat_program(compute, given)
        with _names_of_symbols(), _quietly("onnx_ir"):
            model = library.to_onnx(
                _not_the_input(flat), [given], opset=opset, input_names=["x"], output_names=["y"]
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


def _not_the_input(flat: Callable[..., list[Array]]) -> Callable[[Array], Array]:
    """Gives the result a name of its own if it is the input itself, as dropout's is."""

    def named(x: Array) -> Array:
        (y,) = flat(x)
        return jax.lax.optimization_barrier(y) if y is x else y

    return named


def _difference(data: bytes, compute: Callable[[np.ndarray], ArrayLike], x: np.ndarray) -> float:
    """How far onnxruntime's result is from the network's."""
    try:
        (found,) = _session("to_onnx", data).run(None, {"x": x})
    except ImportError:
        raise
    except Exception as error:  # onnxruntime raises its own kinds
        raise ValueError(
            f"interop.to_onnx: onnxruntime refuses what was written: {error}"
        ) from error
    expected = np.asarray(compute(x))
    # Nothing can be relative to what is 0 everywhere.
    worst = float(np.max(np.abs(found - expected)) / (np.max(np.abs(expected)) or 1.0))
    if not worst <= 1e-4:
        raise ValueError(f"interop.to_onnx: for {len(x)} rows the file is off by {worst:.2g}")
    return worst


def session_of(function: str, path: Path) -> "onnxruntime.InferenceSession":
    """Opens an ONNX file with onnxruntime.

    Raises:
        FileNotFoundError: if there is no such file.
        ImportError: without onnxruntime.
        ValueError: if it is damaged, or has operators that onnxruntime doesn't know.

    Example:
        >>> session_of("predict", Path("no/such.onnx"))
        Traceback (most recent call last):
        ...
        FileNotFoundError: interop.predict: there is no file no/such.onnx
    """
    if not path.is_file():
        raise FileNotFoundError(f"interop.{function}: there is no file {path}")
    try:
        return _session(function, path.read_bytes())
    except ImportError:
        raise
    except Exception as error:  # onnxruntime raises its own kinds
        raise ValueError(
            f"interop.{function}: {path} is damaged, or its operators are of a version that "
            f"onnxruntime doesn't have: {error}"
        ) from error


def _session(function: str, data: bytes) -> "onnxruntime.InferenceSession":
    runtime = needs(function, "onnxruntime", "onnx")
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    return runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


@contextlib.contextmanager
def _quietly(name: str) -> Iterator[None]:
    """Silences a library's warnings, here of shapes that it doesn't write; the file is compared."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


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
