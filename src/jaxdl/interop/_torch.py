"""Weights from PyTorch and to PyTorch."""

import io
import re
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxdl.data import _files as data_files
from jaxdl.interop import _conventions
from jaxdl.interop._entries import emptied, filled
from jaxdl.interop._extras import needs
from jaxdl.interop._matching import Flattened, Names, match, named_source, refuse
from jaxdl.interop._torch_layout import groups_of, reader
from jaxdl.interop._units import template
from jaxdl.types import Layer, Params, PyTree, State

if TYPE_CHECKING:
    import torch


def from_torch(
    weights: object,
    net: Layer,
    *,
    names: Names | None = None,
    flattened: Flattened | None = None,
    ignore: Sequence[str] = (),
    transposed: bool = False,
) -> tuple[Params, State]:
    """Turns a PyTorch state dict into the params and the state of a network of the same layers.

    Without ``names``, layers are paired in the order in which both networks define them, and every
    shape must fit. Kernels are transposed from (out, in, height, width) to (height, width, in,
    out); the three projections of ``nn.MultiheadAttention`` are one kernel here too. The two biases
    of an LSTM are added if the layer has one (``recurrent_bias=False``).

    What weights don't show must already agree: activations, strides, paddings. The ``epsilon`` of
    normalisation layers is compared where ``weights`` is a module. A mask of
    ``nn.MultiheadAttention`` is True where a key is *not* seen.

    Args:
        weights: a state dict of tensors or arrays, an ``nn.Module``, or the path of a file:
            ``.safetensors``, an ``.onnx`` that PyTorch exported, or what ``torch.save`` wrote, read
            with ``weights_only=True``.
        net: the network.
        names: the module's names by the paths of layers here, such as ``{"0": "conv1", "1":
            "bn1"}``; needed if the order differs. A sequence of names is joined, such as
            queries, keys and values; ``{}`` stands for the number of a stacked layer.
        flattened: for each dense layer after a convolution, the (channels, height, width) that is
            flattened before it, by the layer's path, since PyTorch flattens channels first; None if
            nothing is.
        ignore: prefixes of names that have no counterpart here, such as ``("pooler.",)``; ``{}``
            stands for a number.
        transposed: whether two-dimensional weights are (in, out), as in Hugging Face's GPT-2.

    Returns:
        Params and state, in the dtypes of the network.

    Raises:
        ImportError: for a file of ``torch.save`` without PyTorch, or an ``.onnx`` without onnx.
        ValueError: if layers or shapes don't fit (names each); if the order of layers isn't
            certain; if ``flattened`` lacks a dense layer that needs it; if an epsilon differs; if a
            file is damaged or holds more than weights.

    Example:
        >>> from jaxdl import layers
        >>> weights = {"fc.weight": np.ones((2, 3)), "fc.bias": np.zeros(2)}
        >>> params, state = from_torch(weights, layers.dense(3, 2))
        >>> params["kernel"].shape
        (3, 2)
        >>> from_torch({"fc.weight": np.ones((3, 2))}, layers.dense(3, 2))
        Traceback (most recent call last):
        ...
        ValueError: from_torch: 1 layers don't fit:
          the layer from fc: kernel would have shape (2, 3) and must have (3, 2)
        ...
    """
    refuse("from_torch", net, "bilinear")
    arrays = _arrays("from_torch", weights, ignore)
    shapes = {name: array.shape for name, array in arrays.items()}
    trees = template(net)
    read = reader(shapes, transposed)
    source = named_source("from_torch", weights)
    entries = match(source, trees, groups_of(list(arrays)), read, names, flattened or {})
    if hasattr(weights, "named_modules"):
        there = {name: _options(module) for name, module in weights.named_modules()}
        _conventions.check("from_torch", net, entries, lambda name: name.rpartition(".")[0], there)
    return filled(trees, entries, arrays)


def to_torch(
    params: Params,
    state: State,
    net: Layer,
    like: PyTree,
    *,
    names: Names | None = None,
    flattened: Flattened | None = None,
    ignore: Sequence[str] = (),
    transposed: bool = False,
) -> "dict[str, np.ndarray | torch.Tensor]":
    """Turns params and state into a PyTorch state dict: the inverse of ``from_torch``.

    Args:
        params: the params of the network.
        state: its state.
        net: the network.
        like: a state dict, the ``nn.Module`` that will load the weights, or the path of a file of
            weights: its names and shapes.
        names: as for ``from_torch``.
        flattened: as for ``from_torch``.
        ignore: prefixes of names that keep the values of ``like``.
        transposed: as for ``from_torch``.

    Returns:
        All names of ``like`` with tensors, or with NumPy arrays where ``like`` has arrays. If an
        LSTM has one bias here, the second one there is 0.

    Raises:
        ValueError: as ``from_torch``.

    Example:
        >>> from jaxdl import layers
        >>> net, like = layers.dense(3, 2), {"weight": np.ones((2, 3)), "bias": np.zeros(2)}
        >>> params, state = from_torch(like, net)
        >>> {name: array.shape for name, array in to_torch(params, state, net, like).items()}
        {'weight': (2, 3), 'bias': (2,)}
    """
    refuse("to_torch", net, "bilinear")
    source = named_source("to_torch", like)
    like = read_file("to_torch", Path(like)) if isinstance(like, str | Path) else like
    given = like.state_dict() if hasattr(like, "state_dict") else like
    arrays = _arrays("to_torch", given, ignore)
    shapes = {name: array.shape for name, array in arrays.items()}
    read = reader(shapes, transposed)
    trees = template(net)
    entries = match(source, trees, groups_of(list(arrays)), read, names, flattened or {})
    found = emptied(params, state, entries, shapes)
    return {name: _like(value, found.get(name)) for name, value in given.items()}


def _arrays(function: str, weights: object, ignore: Sequence[str]) -> dict[str, np.ndarray]:
    if isinstance(weights, str | Path):
        weights = read_file(function, Path(weights))
    if hasattr(weights, "state_dict"):
        weights = weights.state_dict()
    if not isinstance(weights, Mapping) or not all(hasattr(v, "shape") for v in weights.values()):
        raise TypeError(
            f"interop.{function} got {type(weights).__name__}; it must be a state dict of arrays, "
            "an nn.Module or the path of a file of weights"
        )
    beginnings = [re.compile(re.escape(text).replace(r"\{\}", r"\d+")) for text in ignore]
    left_out = lambda name: any(beginning.match(name) for beginning in beginnings)
    return {name: _array(value) for name, value in weights.items() if not left_out(name)}


def _options(module: object) -> dict[str, float]:
    """Epsilon and momentum of a module, those that it has."""
    pairs = {"epsilon": "eps", "momentum": "momentum"}
    found = {ours: getattr(module, theirs, None) for ours, theirs in pairs.items()}
    return {name: value for name, value in found.items() if isinstance(value, float)}


def _array(value: Any) -> np.ndarray:
    """A tensor or an array as NumPy's, which lacks PyTorch's shortest floats."""
    if hasattr(value, "detach"):
        short = any(kind in str(value.dtype) for kind in ("bfloat16", "float8"))
        return (value.float() if short else value).numpy(force=True)
    return np.asarray(value)


def _like(value: Any, found: np.ndarray | None) -> Any:
    """The found array in the kind and dtype of the value it replaces."""
    if found is None:
        return value
    if not hasattr(value, "detach"):
        return found.astype(value.dtype)
    torch = needs("to_torch", "torch", "torch")
    return torch.tensor(np.ascontiguousarray(found)).to(value.dtype).reshape(value.shape)


def read_file(function: str, path: Path) -> Mapping[str, np.ndarray]:
    """Reads the tensors of a file without running anything in it."""
    if path.suffix == ".safetensors":
        from jaxdl.interop._files import read_weights

        return read_weights(path)
    if not path.is_file():
        raise FileNotFoundError(f"interop.{function}: there is no file {path}")
    if path.suffix == ".onnx":
        return _onnx_weights(function, path)
    torch = needs(function, "torch", "torch")
    try:
        found = torch.load(_checked_archive(path), map_location="cpu", weights_only=True)
        found = found.get("state_dict", found) if isinstance(found, dict) else found
        if not isinstance(found, Mapping) or not all(isinstance(name, str) for name in found):
            raise ValueError(
                f"it holds {type(found).__name__}, and not a dict of names and tensors"
            )
        arrays = {name: _tensor(name, value) for name, value in found.items()}
        size = sum(array.nbytes for array in arrays.values())
        if size > path.stat().st_size:  # a small file may say that one number is many
            data_files.check_size(f"interop.{function}", path, size)
        return arrays
    except data_files.Unreadable:
        raise
    except Exception as error:  # torch raises many kinds, for damage and for code alike
        raise ValueError(
            f"interop.{function}: {path} is damaged or holds more than weights, which is never "
            f"run: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
        ) from error


def _checked_archive(path: Path) -> Path | io.BytesIO:
    """An archive's parts, each with the right checksum, or the path of a file of the old kind.

    PyTorch looks at no checksum, and finds the parts of a damaged archive elsewhere than zipfile;
    so it gets those that were checked.
    """
    if not zipfile.is_zipfile(path):
        return path
    checked = io.BytesIO()
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(checked, "w") as copy:
        for part in archive.infolist():
            if part.compress_type != zipfile.ZIP_STORED or part.filename in copy.NameToInfo:
                raise ValueError(f"{part.filename} is packed or there twice, as no file of PyTorch")
            with archive.open(part) as source, copy.open(part.filename, "w") as target:
                shutil.copyfileobj(source, target)
    checked.seek(0)
    return checked


def _tensor(name: str, value: object) -> np.ndarray:
    if not hasattr(value, "detach"):
        raise ValueError(f"{name} is {type(value).__name__}, and not a tensor")
    return _array(value)


def _onnx_weights(function: str, path: Path) -> Mapping[str, np.ndarray]:
    """The arrays of an ONNX file, which have PyTorch's names where PyTorch wrote it."""
    onnx = needs(function, "onnx", "pretrained")
    from onnx import numpy_helper

    try:
        arrays = onnx.load(path, load_external_data=False).graph.initializer
        if apart := [x.name for x in arrays if x.data_location == onnx.TensorProto.EXTERNAL]:
            raise ValueError(f"{apart[0]} stands in a file of its own")
        found = {array.name: numpy_helper.to_array(array) for array in arrays}
        if len(found) != len(arrays) or not all(isinstance(name, str) for name in found):
            raise ValueError("its names aren't text, or appear twice")
        return found
    except Exception as error:  # protobuf and onnx raise their own kinds
        raise ValueError(
            f"interop.{function}: {path} is damaged, or keeps arrays in another file: {error}"
        ) from error
