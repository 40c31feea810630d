"""Weights in files that hold nothing but arrays: safetensors, and NumPy's npz."""

import hashlib
import io
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import jax.numpy as jnp
import ml_dtypes
import numpy as np

from jaxdl._checks import describe, is_key
from jaxdl.data import _files as data_files
from jaxdl.data import _npz
from jaxdl.interop._extras import needs
from jaxdl.interop._names import flat, map_with_name
from jaxdl.types import PyTree

Tree = TypeVar("Tree")

_FORMAT, _SUM = "jaxdl.format", "jaxdl.sha256"
"""In the metadata: a file with either must have the right sum."""

_DTYPES = {
    "F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": ml_dtypes.bfloat16,
    "F8_E4M3": ml_dtypes.float8_e4m3fn, "F8_E5M2": ml_dtypes.float8_e5m2, "C64": np.complex64,
    "I64": np.int64, "I32": np.int32, "I16": np.int16, "I8": np.int8, "BOOL": np.bool_,
    "U64": np.uint64, "U32": np.uint32, "U16": np.uint16, "U8": np.uint8,
}  # fmt: skip


def save_weights(
    path: str | Path, tree: PyTree, *, metadata: Mapping[str, str] | None = None
) -> None:
    """Writes the arrays of a tree by paths such as ``"0/kernel"``, whole or not at all.

    Both kinds of file hold checksums, so that damage is found when they are read: the metadata of
    ``.safetensors`` gets a SHA-256 of the arrays with their names, shapes and dtypes.

    Args:
        path: the file; ``.safetensors`` takes every dtype, ``.npz`` those of NumPy.
        tree: params, or ``{"params": params, "state": state}``; not typed keys, for which there
            is ``to_msgpack``.
        metadata: additional text, in ``.safetensors`` only.

    Raises:
        ImportError: without safetensors.
        TypeError: if a leaf isn't an array of numbers, or NumPy's format can't hold its dtype.
        ValueError: if the file's name ends otherwise.

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_weights(f"{folder}/net.npz", ({"kernel": jnp.ones((2, 3))}, ()))
        ...     {name: x.shape for name, x in read_weights(f"{folder}/net.npz").items()}
        {'0/kernel': (2, 3)}
    """
    path = Path(path)
    kind = _suffix("save_weights", path)
    arrays = {name: _host(name, leaf) for name, leaf in flat(tree).items()}
    if kind == ".npz":
        if metadata:
            raise ValueError("interop.save_weights: .npz has no place for metadata")
        if odd := [f"{n} {a.dtype}" for n, a in arrays.items() if a.dtype.kind == "V"]:
            raise TypeError(f"interop.save_weights: .npz can't hold {odd[0]}; use .safetensors")
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)  # type: ignore[arg-type]
        data = buffer.getvalue()
    else:
        data = bytes_of(arrays, metadata)
    written(path, data)


def read_weights(path: str | Path) -> dict[str, np.ndarray]:
    """Reads all arrays of a ``.safetensors`` or ``.npz`` file by their names.

    Nothing in the file is ever run as code. What ``save_weights`` wrote comes back to the bit or
    not at all; a ``.safetensors`` file of another library has no checksum of its numbers.

    Args:
        path: the file.

    Returns:
        The arrays; bfloat16 and float8 have the dtypes of ``ml_dtypes``.

    Raises:
        FileNotFoundError: if there is no such file.
        ImportError: without safetensors.
        ValueError: if it is damaged, truncated, holds Python objects, its name ends otherwise, or a
            compressed ``.npz`` decodes to more than ``$JAXDL_MAX_BYTES`` (4 GiB).

    Example:
        >>> read_weights("no/such.npz")
        Traceback (most recent call last):
        ...
        FileNotFoundError: interop.read_weights: there is no file no/such.npz
    """
    path = Path(path)
    kind = _suffix("read_weights", path)
    if not path.is_file():
        raise FileNotFoundError(f"interop.read_weights: there is no file {path}")
    return (_read_npz if kind == ".npz" else _read_safetensors)(path)


def load_weights(path: str | Path, like: Tree) -> Tree:
    """Reads what ``save_weights`` wrote into a tree that must fit it exactly.

    Args:
        path: the file.
        like: a tree of the same structure, shapes and dtypes; ``jax.ShapeDtypeStruct`` will do for
            arrays, so that ``jax.eval_shape(net.init, key)[0]`` gives that of params.

    Returns:
        The tree with the arrays of the file.

    Raises:
        ValueError: if names, shapes or dtypes differ; names all that do.
        OSError, ImportError, ValueError: as ``read_weights``.

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_weights(f"{folder}/net.npz", {"kernel": jnp.ones(2)})
        ...     load_weights(f"{folder}/net.npz", {"kernel": jnp.zeros(2)})
        {'kernel': Array([1., 1.], dtype=float32)}
    """
    found, wanted = read_weights(path), flat(like)
    faults = [f"missing: {name}" for name in wanted if name not in found]
    faults += [f"unexpected: {name}" for name in found if name not in wanted]
    for name in filter(found.__contains__, wanted):
        if describe(found[name]) != describe(wanted[name]):
            faults.append(f"{name} is {describe(found[name])}, not {describe(wanted[name])}")
    if faults:
        listed = "\n  ".join(faults[:20])
        more = f"\n  and {len(faults) - 20} more" if len(faults) > 20 else ""
        raise ValueError(f"interop.load_weights: {path} doesn't fit:\n  {listed}{more}")
    return map_with_name(lambda name, _: jnp.asarray(found[name]), like)


def _suffix(function: str, path: Path) -> str:
    if path.suffix not in (".safetensors", ".npz"):
        raise ValueError(f"interop.{function}: {path} must end in .safetensors or .npz")
    return path.suffix


def _host(name: str, leaf: object) -> np.ndarray:
    if is_key(leaf):
        raise TypeError(f"interop.save_weights: {name} is a random key; use to_msgpack")
    array = np.asarray(leaf)
    if array.dtype.kind in "OUSMm":
        raise TypeError(f"interop.save_weights: {name} is {leaf!r}, which is no array of numbers")
    return np.ascontiguousarray(array).reshape(array.shape)


def _read_safetensors(path: Path) -> dict[str, np.ndarray]:
    return arrays_of("read_weights", path, path.read_bytes())


def bytes_of(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None) -> bytes:
    """Returns arrays in the format of safetensors.

    Example:
        >>> arrays_of("load", Path("x"), bytes_of({"a": np.arange(3)}))
        {'a': array([0, 1, 2])}
    """
    library = needs("save_weights", "safetensors.numpy", "interop")
    tight = {
        name: np.ascontiguousarray(a, a.dtype.newbyteorder("=")).reshape(a.shape)
        for name, a in arrays.items()
    }
    noted = {**(metadata or {}), _FORMAT: "1", _SUM: _sum(tight)}
    data = library.save(tight, metadata=noted)
    # The library writes the texts in random order; the same arrays must make the same file.
    end = 8 + int.from_bytes(data[:8], "little")
    header = {**json.loads(data[8:end]), "__metadata__": dict(sorted(noted.items()))}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # arrays begin at multiples of 8
    return len(text).to_bytes(8, "little") + text + data[end:]


def _sum(arrays: Mapping[str, np.ndarray]) -> str:
    """The SHA-256 of arrays with their names, dtypes and shapes."""
    rows = [(name, x.dtype.name, x.shape) for name, x in sorted(arrays.items())]
    digest = hashlib.sha256(json.dumps(rows).encode())
    for name, *_ in rows:
        digest.update(arrays[name].reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def arrays_of(function: str, path: Path, data: bytes) -> dict[str, np.ndarray]:
    """Returns the arrays of safetensors, or raises the ValueError that names the file.

    Example:
        >>> arrays_of("load", Path("x.safetensors"), b"")
        Traceback (most recent call last):
        ...
        ValueError: interop.load: x.safetensors is damaged: ...
    """
    library = needs(function, "safetensors", "interop")
    try:
        entries = library.deserialize(data)
    except library.SafetensorError as error:
        raise ValueError(f"interop.{function}: {path} is damaged: {error}") from error
    if odd := [entry["dtype"] for _, entry in entries if entry["dtype"] not in _DTYPES]:
        raise ValueError(f"interop.{function}: {path} holds {odd[0]}, which JAX doesn't have")
    arrays = {
        name: np.frombuffer(entry["data"], _DTYPES[entry["dtype"]]).reshape(entry["shape"])
        for name, entry in entries
    }
    # The library has read the header, so it is JSON of this length.
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    noted = header.get("__metadata__") or {}
    if (_FORMAT in noted or _SUM in noted) and noted.get(_SUM) != _sum(arrays):
        raise ValueError(
            f"interop.{function}: {path} is damaged: its arrays don't have the SHA-256 noted in it"
        )
    return arrays


def written(path: Path, data: bytes) -> None:
    """Writes a file whole or not at all.

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     written(Path(folder) / "a", b"abc")
        ...     (Path(folder) / "a").read_bytes()
        b'abc'
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent} to write {path.name} into")
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        try:
            file.write(data)
            file.flush()
            os.chmod(file.name, 0o644)
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    try:
        members = _npz.members(path)
        size = sum(member.file_size for member in members.values())
        if size > path.stat().st_size:  # because it is compressed, or the sizes are false
            data_files.check_size("interop.read_weights", path, size)
        return dict(zip(members, _npz.read(path, list(members.values())), strict=True))
    except data_files.Unreadable:
        raise
    except Exception as error:  # zipfile, zlib and NumPy raise many kinds
        raise ValueError(
            f"interop.read_weights: {path} is damaged or holds more than arrays: {error}"
        ) from error
