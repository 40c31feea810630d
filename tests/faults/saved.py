"""What jaxdl itself writes, for ``fuzz.py``: checkpoints, weights and programs, read to the bit."""

import functools
import json
import shutil
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxdl import checkpoint, interop, layers, serial, train

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
