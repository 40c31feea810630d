"""Weights from Keras and Flax give their outputs; conventions that differ are named."""

import os
import re
import subprocess
import sys
import types

import flax.linen as nn
import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from flax import nnx

from interop.torch_networks import difference
from interop.torch_weights import draw
from jaxdl import activations, interop, layers, serial
from jaxdl.combinators import residual


def redrawn(model):
    """A Keras model whose weights are random, the statistics too."""
    model.set_weights([draw(v.path.replace("/", ".").replace("variance", "running_var").replace(
        "moving_running_var", "running_var"), v.shape) for v in model.weights])  # fmt: skip
    return model


KERAS = {
    "convnet": (
        lambda: [
            keras.Input((8, 8, 2)),
            keras.layers.Conv2D(4, 3, padding="same"),
            keras.layers.BatchNormalization(epsilon=1e-5, momentum=0.9),
            keras.layers.DepthwiseConv2D(3, padding="same"),
            keras.layers.ReLU(),
            keras.layers.Flatten(),
            keras.layers.Dense(3),
        ],
        serial(
            layers.conv(2, 4, (3, 3), padding="SAME"),
            layers.batch_norm(4),
            layers.conv(4, 4, (3, 3), padding="SAME", groups=4),
            activations.relu,
            layers.flatten(axes=3),
            layers.dense(8 * 8 * 4, 3),
        ),
        (8, 8, 2),
    ),
    "lstm": (
        lambda: [
            keras.Input((5, 3)),
            keras.layers.Bidirectional(keras.layers.LSTM(4, return_sequences=True)),
            keras.layers.LayerNormalization(epsilon=1e-5),
        ],
        serial(layers.lstm(3, 4, bidirectional=True), layers.layer_norm(8)),
        (5, 3),
    ),
    "gru": (
        lambda: [keras.Input((5, 3)), keras.layers.GRU(4), keras.layers.Dense(2)],
        serial(layers.gru(3, 4, last=True), layers.dense(4, 2)),
        (5, 3),
    ),
}


def keras_outputs(name, source, folder):
    """Ours with the weights of a model or its file, and Keras's."""
    make, net, shape = KERAS[name]
    model = redrawn(keras.Sequential(make()))
    x = np.random.default_rng(0).normal(size=(3, *shape)).astype("float32")
    expected = np.asarray(model(x))
    if source != "model":
        model.save(folder / f"net.{source}")
        model = folder / f"net.{source}"
    params, state = interop.from_keras(model, net)
    return net.apply(params, state, x)[0], expected


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5")
@pytest.mark.parametrize("name", KERAS)
def test_keras(name, tmp_path):
    net = KERAS[name][1]
    for source in ("model", "keras", "h5"):
        assert difference(*keras_outputs(name, source, tmp_path)) <= 1e-5
    for path in (tmp_path / "net.keras", tmp_path / "net.h5"):
        with pytest.raises(ValueError, match=rf"^from_keras: {path}: .* layers"):
            interop.from_keras(path, layers.dense(2, 2))
    (tmp_path / "cut.keras").write_bytes((tmp_path / "net.keras").read_bytes()[:-200])
    with pytest.raises(ValueError, match=r"cut\.keras is damaged"):
        interop.from_keras(tmp_path / "cut.keras", net)


def test_keras_is_on_jax_where_nobody_chose_and_its_own_failure_is_told():
    code = (
        "from jaxdl import interop, layers\n"
        "try:\n    interop.from_keras('none.keras', layers.dense(2, 2))\n"
        "except (ImportError, OSError) as error:\n    print(error)"
    )
    plain = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    for chosen, words in (
        ({}, "there is no file none.keras"),
        ({"KERAS_BACKEND": "tensorflow"}, r"needs keras, whose import fails|runs on tensorflow"),
    ):
        found = subprocess.run(
            [sys.executable, "-c", code], env=plain | chosen, capture_output=True, text=True
        )
        assert re.search(words, found.stdout), found.stderr


def keras_attention():
    x = keras.Input((5, 8))
    model = keras.Model(x, keras.layers.MultiHeadAttention(2, 4, name="mha")(x, x))
    redrawn(model)
    net = layers.multi_head_attention(8, 2)
    joined = tuple(f"mha/{part}" for part in ("query", "key", "value"))
    params, state = interop.from_keras(
        model, net, names={"qkv": joined, "out": "mha/attention_output"}
    )
    a = np.random.default_rng(0).normal(size=(3, 5, 8)).astype("float32")
    return net.apply(params, state, a)[0], model(a)


class Linen(nn.Module):
    @nn.compact
    def __call__(self, x):
        for _ in range(2):
            x = nn.relu(nn.Conv(4, (3, 3))(x))
        x = nn.BatchNorm(use_running_average=True)(x).reshape(len(x), -1)
        for _ in range(11):
            x = nn.Dense(16)(x) if x.shape[-1] != 16 else x + nn.Dense(16)(x)
        return nn.Dense(3)(nn.LayerNorm(epsilon=1e-5)(x))


def linen_outputs():
    """Eleven layers of one shape: sorted by text, Dense_10 comes before Dense_2."""
    x = np.random.default_rng(0).normal(size=(2, 4, 4, 4)).astype("float32")
    variables = jax.jit(Linen().init)(jax.random.key(0), x)
    variables = jax.tree.map(
        lambda a: a + 0.1 * jax.random.uniform(jax.random.key(1), a.shape), variables
    )
    conv = lambda: (layers.conv(4, 4, (3, 3), padding="SAME"), activations.relu)
    deep = [residual(layers.dense(16, 16)) for _ in range(10)]
    net = serial(
        *conv(), *conv(), layers.batch_norm(4), layers.flatten(axes=3), layers.dense(64, 16), *deep,
        layers.layer_norm(16), layers.dense(16, 3),
    )  # fmt: skip
    params, state = interop.from_flax(variables, net)
    return net.apply(params, state, x)[0], Linen().apply(variables, x)


def test_flax_refuses_what_is_not_certain():
    dense = {"kernel": np.ones((4, 4)), "bias": np.zeros(4)}
    net = serial(layers.dense(4, 4), layers.dense(4, 4))
    variables = {"params": {"encoder": dense, "decoder": dense}}
    with pytest.raises(ValueError, match="which is which isn't certain"):
        interop.from_flax(variables, net)
    interop.from_flax(variables, net, names={"0": "encoder", "1": "decoder"})
    with pytest.raises(ValueError, match="used by nothing here: extra"):
        interop.from_flax({"params": {"a": dense, "extra": {"w": np.ones(3)}}}, layers.dense(4, 4))
    net = serial(layers.conv_transpose(4, 4, (3, 3)))
    with pytest.raises(ValueError, match="conv_transpose has kernels of another meaning"):
        interop.from_flax({"kernel": np.ones((3, 3, 4, 4)), "bias": np.zeros(4)}, net)
    pair = {"weight": np.ones((4, 4, 4)), "bias": np.zeros(4)}
    with pytest.raises(ValueError, match="bilinear has kernels of another meaning"):
        interop.from_torch(pair, layers.bilinear(4, 4, 4))


def nnx_attention():
    module = nnx.MultiHeadAttention(2, 8, decode=False, rngs=nnx.Rngs(0))
    x = np.random.default_rng(0).normal(size=(3, 5, 8)).astype("float32")
    net = layers.multi_head_attention(8, 2)
    variables = nnx.to_pure_dict(nnx.state(module, nnx.Param))
    params, state = interop.from_flax(
        variables, net, names={"qkv": ("query", "key", "value"), "out": "out"}
    )
    return net.apply(params, state, x)[0], module(x)


@pytest.mark.parametrize("outputs", [keras_attention, linen_outputs, nnx_attention])
def test_attention_by_names_and_layers_by_numbers(outputs):
    assert difference(*outputs()) <= 1e-5


def test_conventions_that_differ_are_named():
    model = keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization()])
    with pytest.raises(ValueError, match=r"epsilon of 0 is 1e-05 here and 0.001"):
        interop.from_keras(model, serial(layers.batch_norm(4)))
    with pytest.warns(UserWarning, match=r"momentum of 0 is 0.1 here and 0.01"):
        interop.from_keras(model, serial(layers.batch_norm(4, epsilon=1e-3)))
    weights = {
        f"norm.{leaf}": np.ones(4) for leaf in ("weight", "bias", "running_mean", "running_var")
    }
    norm = types.SimpleNamespace(eps=1e-3, momentum=0.1)
    module = types.SimpleNamespace(
        state_dict=lambda: weights, named_modules=lambda: {"norm": norm}.items()
    )
    with pytest.raises(ValueError, match=r"epsilon of 0/body is 1e-05 here and 0.001 in norm"):
        interop.from_torch(module, serial(residual(layers.batch_norm(4))))


TREE = {"a": (jnp.ones((2, 3), jnp.bfloat16), ()), "b/c": [jnp.arange(3), jnp.float32(2)]}


def test_files_round_trip_to_the_bit(tmp_path):
    interop.save_weights(tmp_path / "a.safetensors", TREE, metadata={"from": "here"})
    again = interop.load_weights(tmp_path / "a.safetensors", TREE)
    same = lambda a, b: np.testing.assert_array_equal(np.asarray(a), np.asarray(b), strict=True)
    jax.tree.map(same, again, TREE)
    half = interop.read_weights(tmp_path / "a.safetensors")["a/0"]
    assert half.dtype == jnp.bfloat16
    plain = {"x": jnp.ones(3), "f8": jnp.ones(2, jnp.float8_e4m3fn)}
    interop.save_weights(tmp_path / "f8.safetensors", plain)
    assert interop.load_weights(tmp_path / "f8.safetensors", plain)["f8"].dtype == jnp.float8_e4m3fn
    interop.save_weights(tmp_path / "a.npz", {"x": jnp.ones(3)})
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("tmp")]
    with pytest.raises(TypeError, match="can't hold a/0 bfloat16"):
        interop.save_weights(tmp_path / "b.npz", TREE)
    with pytest.raises(TypeError, match="key is a random key"):
        interop.save_weights(tmp_path / "b.npz", {"key": jax.random.key(0)})
    with pytest.raises(ValueError, match=r"must end in \.safetensors or \.npz"):
        interop.save_weights(tmp_path / "b.bin", TREE)


def test_bad_files_are_named(tmp_path):
    like = {"x": jnp.ones(3), "y": jnp.ones(2)}
    for suffix in ("safetensors", "npz"):
        path = tmp_path / f"a.{suffix}"
        interop.save_weights(path, like)
        wrong = {"x": jnp.ones(4), "z": jnp.ones(2)}
        words = r"missing: z\s+unexpected: y\s+x is float32\[3\], not float32\[4\]"
        with pytest.raises(ValueError, match=words):
            interop.load_weights(path, wrong)
        whole = path.read_bytes()
        for cut in (0, 5, len(whole) // 2, len(whole) - 1):
            path.write_bytes(whole[:cut])
            with pytest.raises(ValueError, match="is damaged"):
                interop.read_weights(path)
    np.savez(tmp_path / "objects.npz", a=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="more than arrays"):
        interop.read_weights(tmp_path / "objects.npz")
