"""Every layer and model is a program for CPU, CUDA and TPU with any batch; training steps too."""

import functools
import zipfile

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxdl import activations, interop, layers, losses, models, optim, serial, train
from zoo import ZOO, example


def zeros(tree):
    return jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), tree)


def test_every_row_of_the_zoo_is_a_program_for_all_platforms():
    for row in ZOO:
        params, state = zeros(jax.eval_shape(row.layer.init, jax.random.key(0)))
        program = interop.export(row.layer, params, state, example(row, 2))
        assert program.exported.platforms == ("cpu", "cuda", "tpu"), row.name
        assert "[batch" in program.metadata["input"][0], row.name


NUMBERS = {
    "resnet_cifar": (models.resnet_cifar(8), (8, 8, 3)),
    "wide convolution": (layers.conv(2, 32, (3, 3)), (6, 6, 2)),
    "lstm": (layers.lstm(3, 4, bidirectional=True), (5, 3)),
    "encoder": (models.transformer_encoder(8, 3, n_heads=2, n_layers=2), (5, 8)),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_a_file_gives_the_numbers_of_the_network_at_any_batch(name, tmp_path):
    net, shape = NUMBERS[name]
    params, state = jax.jit(net.init)(jax.random.key(0))
    x = np.random.default_rng(0).normal(size=(3, *shape)).astype("float32")
    program = interop.export(net, params, state, x[:1], classes=("a", "b"), metadata={"of": name})
    interop.save_program(tmp_path / "net.jaxdl", program)
    again = interop.load_program(tmp_path / "net.jaxdl")
    assert again.metadata == program.metadata and again.metadata["of"] == name
    for n in (1, 3):
        expected, _ = net.apply(params, state, x[:n])
        np.testing.assert_allclose(again.call(x[:n]), expected, 1e-5, 1e-6)


def test_a_fixed_batch_and_several_inputs():
    net = serial(lambda pair: pair["a"] + pair["b"], layers.dense(3, 2))
    params, state = net.init(jax.random.key(0))
    pair = {"a": np.ones((4, 3), "float32"), "b": np.ones((4, 3), "float32")}
    program = interop.export(net, params, state, pair, batch=4, platforms=("cpu",))
    np.testing.assert_allclose(program.call(pair), net.apply(params, state, pair)[0], 1e-6)
    with pytest.raises(ValueError, match="batch is 0"):
        interop.export(net, params, state, pair, batch=0)
    with pytest.raises(ValueError, match="no axes"):
        interop.export(layers.dense(3, 2), params[1], (), jnp.float32(1))


def test_files_that_are_no_programs_are_named(tmp_path):
    net = layers.dense(3, 2)
    program = interop.export(net, *net.init(jax.random.key(0)), jnp.ones((1, 3)))
    path = tmp_path / "net.jaxdl"
    interop.save_program(path, program)
    whole = path.read_bytes()
    foreign = dict.fromkeys(("metadata.json", "program.stablehlo"), b"{}")
    with zipfile.ZipFile(tmp_path / "foreign.zip", "w") as archive:
        for name, data in foreign.items():
            archive.writestr(name, data)
    contents = [whole[:n] for n in (0, 40, len(whole) // 2, len(whole) - 1)]
    for data in (*contents, (tmp_path / "foreign.zip").read_bytes()):
        path.write_bytes(data)
        with pytest.raises(ValueError, match="is damaged or no exported network"):
            interop.load_program(path)


OPTIMIZERS = {
    **{
        name: functools.partial(getattr(optim, name), 0.1)
        for name in ("adadelta", "adafactor", "adagrad", "adam", "adamax", "adamw", "asgd", "muon",
                     "nadam", "radam", "rmsprop", "rprop", "sgd", "sparse_adam")
    },
    "ema": lambda: optax.chain(optim.adam(0.1), optim.ema(0.9)),
    "swa": lambda: optax.chain(optim.sgd(0.1), optim.swa()),
    "one_cycle": lambda: optim.sgd(optim.one_cycle(0.1, 10)),
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_steps_lower_for_gpus_and_tpus(name):
    net = serial(
        layers.conv(1, 2, (3, 3)), layers.batch_norm(2), activations.relu,
        layers.flatten(axes=3), layers.dropout(0.1), layers.dense(8, 3),
    )  # fmt: skip
    if name == "muon":  # for matrices alone
        net = serial(layers.flatten(axes=3), layers.dense(16, 3, bias=False))
    tx = OPTIMIZERS[name]()
    start = jax.eval_shape(lambda key: train.init_state(net, tx, key), jax.random.key(0))
    batch = {"inputs": jnp.ones((6, 4, 4, 1)), "labels": jnp.zeros(6, int)}
    step = train.make_step(train.supervised(net, losses.cross_entropy), tx)
    traced = jax.jit(step).trace(start, batch)
    assert traced.lower(lowering_platforms=("cuda", "tpu")).as_text()
