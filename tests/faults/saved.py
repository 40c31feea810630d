"""What jaxdl itself writes, for ``fuzz.py``: checkpoints, weights and programs, read to the bit."""

import functools
import io
import json
import pickle
import shutil
import zipfile
from pathlib import Path
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxdl import checkpoint, interop, layers, serial, train
from jaxdl.interop import _torch

Bits = dict[str, np.ndarray]
HISTORY = [{"epoch": 1, "step": 4, "loss": 0.125, "note": "\u00e4"}, {"epoch": 2, "step": 8}]
NET = serial(a=layers.dense(3, 4), b=layers.dense(4, 2))


@functools.cache
def train_state() -> train.TrainState:
    """A TrainState with a typed key, momentum and a half-precision leaf."""
    start = train.init_state(NET, optax.adam(0.1), jax.random.key(3))
    extra = {"half": jnp.arange(5, dtype=jnp.bfloat16), "none": jnp.zeros((0, 3))}
    return start._replace(step=jnp.int32(8), state=extra)


@functools.cache
def program() -> interop.Program:
    """A program of the network, for any batch."""
    params, state = NET.init(jax.random.key(0))
    return interop.export(NET, params, state, jnp.ones((1, 3)), classes=("cat", "dog"))


def weights(suffix: str) -> dict[str, Any]:
    """Arrays of several kinds; NPZ knows no bfloat16."""
    plain = {"a": train_state().params, "n": np.arange(6).reshape(2, 3), "flag": np.array([True])}
    half = jnp.arange(7, dtype=jnp.bfloat16)
    return plain | ({"half": half} if suffix == ".safetensors" else {"zeros": np.zeros((0, 2))})


def bits(tree: Any, **more: Any) -> Bits:
    """Each leaf's dtype, shape and bytes, by its path, and more that JSON can hold."""

    def text(x: Any) -> np.ndarray:
        key = hasattr(x, "dtype") and jnp.issubdtype(x.dtype, jax.dtypes.prng_key)
        kind, x = str(getattr(x, "dtype", "")), np.asarray(jax.random.key_data(x) if key else x)
        return np.array(f"{kind} {x.dtype} {x.shape} {x.tobytes().hex()}")

    leaves = jax.tree_util.tree_leaves_with_path(tree)
    found = {jax.tree_util.keystr(path, simple=True, separator="/"): text(x) for path, x in leaves}
    found |= {name: np.array(json.dumps(value)) for name, value in more.items()}
    return dict(sorted(found.items()))


def make_checkpoint(folder: Path) -> None:
    """Writes a checkpoint, or copies the first, as Orbax takes its time."""
    first = folder.with_name("real0")
    if first.exists():
        shutil.copytree(first, folder)
    else:
        checkpoint.save(folder, train_state(), HISTORY)


def read_checkpoint(folder: Path) -> Bits:
    """A checkpoint, by ``restore`` or ``load``."""
    if int("".join(filter(str.isdigit, folder.name))) % 2:
        tree, history = checkpoint.restore(folder, train_state())
    else:
        loaded, history = checkpoint.load(folder)
        leaves = jax.tree.leaves([loaded[name] for name in train.TrainState._fields])
        tree = jax.tree.unflatten(jax.tree.structure(train_state()), leaves)
    return bits(tree, history=history)


def saved_checkpoint(folder: Path) -> Bits:
    """What was saved."""
    return bits(train_state(), history=HISTORY)


def make_weights(path: Path) -> None:
    """Writes weights."""
    interop.save_weights(path, weights(path.suffix))


def read_weights(path: Path) -> Bits:
    """Weights, by ``read_weights``, whose names are the paths."""
    return bits(interop.read_weights(path))


def saved_weights(path: Path) -> Bits:
    """What was saved."""
    return bits(weights(path.suffix))


def make_program(path: Path) -> None:
    """Writes a program."""
    interop.save_program(path, program())


def read_program(path: Path) -> Bits:
    """A program, by ``load_program``."""
    return parts(interop.load_program(path))


def saved_program(path: Path) -> Bits:
    """What was saved."""
    return parts(program())


def parts(of: interop.Program) -> Bits:
    """All that a program consists of."""
    code, shapes = of.exported.mlir_module_serialized.hex(), list(map(str, of.exported.in_avals))
    return bits(dict(of.weights), about=of.metadata, code=code, shapes=shapes)


def tensors() -> dict[str, Any]:
    """A state dict, with a view, a half-precision tensor and a counter."""
    import torch

    count = iter(range(1000))
    draw = lambda *shape: torch.tensor([next(count) / 7 for _ in range(int(np.prod(shape)))])
    return {
        "a.weight": draw(4, 3).reshape(4, 3),
        "a.bias": draw(4),
        "b.weight": draw(4, 2).reshape(4, 2).T,
        "b.half": draw(3).half(),
        "b.num_batches_tracked": torch.tensor(5),
    }


def make_torch(path: Path) -> None:
    """Writes a state dict as PyTorch does: an archive, or for ``.pth`` as it once did."""
    import torch

    torch.save(tensors(), path, _use_new_zipfile_serialization=path.suffix != ".pth")


def read_torch(path: Path) -> Bits:
    """A state dict, as ``from_torch`` reads it."""
    return bits(_torch.read_file("from_torch", path))


def saved_torch(path: Path) -> Bits:
    """What was saved; a file of the old kind has no checksums, and is what PyTorch reads."""
    import torch

    old = path.suffix == ".pth"
    found = torch.load(path, map_location="cpu", weights_only=True) if old else tensors()
    return bits({name: tensor.numpy() for name, tensor in found.items()})


def make_pickle(path: Path) -> None:
    """Writes the pickle of a state dict's archive alone."""
    make_torch(path.with_suffix(".pt"))
    with zipfile.ZipFile(path.with_suffix(".pt")) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("data.pkl"))
        path.write_bytes(archive.read(name))


def read_pickle(path: Path) -> Bits:
    """A state dict's archive with this pickle in it, and right checksums."""
    whole, changed = path.with_suffix(".pt"), path.with_suffix(".changed.pt")
    if not whole.exists():
        make_torch(whole)
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(changed, "w") as target:
        for name in source.namelist():
            given = path.read_bytes() if name.endswith("data.pkl") else source.read(name)
            target.writestr(name, given)
    try:
        with mock.patch.dict("os.environ", JAXDL_MAX_BYTES="1000000"):
            return read_torch(changed)
    finally:
        whole.unlink()
        changed.unlink()


def unpickled(path: Path) -> Bits:
    """The same, by Python's own unpickler, which knows what tensors are made of only."""
    make_torch(path.with_suffix(".pt"))
    with zipfile.ZipFile(path.with_suffix(".pt")) as archive:
        parts = {name.rpartition("/")[2]: archive.read(name) for name in archive.namelist()}
    path.with_suffix(".pt").unlink()
    found = Plain(io.BytesIO(path.read_bytes()), parts).load()
    return bits({str(name): array for name, array in found.get("state_dict", found).items()})


class Plain(pickle._Unpickler):
    """Makes arrays of the parts of an archive; takes any version of the format, as PyTorch does."""

    dispatch = pickle._Unpickler.dispatch | {pickle.PROTO[0]: lambda self: self.read(1)}

    def __init__(self, file: io.BytesIO, parts: dict[str, bytes]) -> None:
        super().__init__(file, encoding="utf-8")
        self.parts = parts

    def persistent_load(self, place: Any) -> np.ndarray:
        """A storage of numbers."""
        _, dtype, name, _, _ = place
        return np.frombuffer(self.parts[name], dtype)

    def find_class(self, module: str, name: str) -> Any:
        """Dicts, kinds of storage, and what makes a tensor of one."""
        kinds = {"FloatStorage": "f4", "HalfStorage": "f2", "LongStorage": "i8", "IntStorage": "i4",
                 "DoubleStorage": "f8", "ShortStorage": "i2", "CharStorage": "i1",
                 "ByteStorage": "u1", "BoolStorage": "?"}  # fmt: skip
        if module == "torch" and name in kinds:
            return kinds[name]
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return self.tensor
        if (module, name) == ("collections", "OrderedDict"):
            return dict
        raise ValueError(f"{module}.{name}")

    @staticmethod
    def tensor(storage: np.ndarray, offset: int, size: Any, stride: Any, *_: Any) -> np.ndarray:
        """A view of a storage that lies within it."""
        last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        assert 0 <= offset <= last < len(storage) or 0 in size
        steps = [step * storage.itemsize for step in stride]
        return np.lib.stride_tricks.as_strided(storage[offset:], size, steps).copy()


def make_onnx(path: Path) -> None:
    """Writes weights as PyTorch's ONNX files have them."""
    import onnx
    from onnx import helper, numpy_helper

    arrays = [numpy_helper.from_array(x, name) for name, x in onnx_arrays().items()]
    graph = helper.make_graph([], "net", [], [], arrays)
    path.write_bytes(helper.make_model(graph).SerializeToString())
    assert onnx.load(path).graph.initializer


def onnx_arrays() -> dict[str, np.ndarray]:
    """Arrays of several kinds."""
    x = np.arange(12, dtype="float32").reshape(3, 4)
    return {"a.weight": x / 7, "a.bias": x[0], "b.count": np.array(5), "b.flag": x[1] > 5}


def read_onnx(path: Path) -> Bits:
    """The arrays of an ONNX file, as ``from_torch`` reads them."""
    return bits(_torch.read_file("from_torch", path))


def onnx_again(path: Path) -> Bits:
    """The same, taken apart: such files have no checksums."""
    import onnx

    def read(x: Any) -> np.ndarray:
        if x.data_type > 16:  # of less than a byte, in ways of their own
            return onnx.numpy_helper.to_array(x)
        dtype = onnx.helper.tensor_dtype_to_np_dtype(x.data_type)
        listed = [*x.float_data, *x.int32_data, *x.int64_data, *x.double_data]
        values = np.frombuffer(x.raw_data, dtype) if x.raw_data else np.array(listed, dtype)
        return values.reshape(tuple(x.dims))

    found = onnx.ModelProto.FromString(path.read_bytes()).graph.initializer
    return bits({x.name: read(x) for x in found})
