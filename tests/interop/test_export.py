"""Every layer and model is a program for CPU, CUDA and TPU with any batch; training steps too."""

import functools
import re
import time
import zipfile
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from interop.known import KNOWN
from jaxdl import activations, interop, layers, losses, models, optim, serial, train
from zoo import ZOO, example


def zeros(tree):
    return jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), tree)


def test_every_row_of_the_zoo_is_a_program_for_all_platforms():
    for row in ZOO:
        params, state = zeros(jax.eval_shape(row.layer.init, jax.random.key(0)))
        program = interop.export(row.layer, params, state, example(row, 2))
        assert program.exported.platforms == ("cpu", "cuda", "tpu"), row.name
        assert "[batch" in program.metadata["input"][0], row.name


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(n, marks=[pytest.mark.slow] * (n in ("mobilenet_v3", "resnet18")))
        for n in KNOWN
    ],
)
def test_networks_of_known_names_are_programs_for_all_platforms(name):
    net, x = KNOWN[name]
    params, state = zeros(jax.eval_shape(net.init, jax.random.key(0)))
    program = interop.export(net, params, state, x)
    assert program.exported.platforms == ("cpu", "cuda", "tpu")
    assert "[batch" in program.metadata["input"][0] and "[batch" in program.metadata["output"][0]


@pytest.mark.slow
def test_a_whole_vgg_is_a_program_for_all_platforms():
    net = models.vgg(11)
    params, state = zeros(jax.eval_shape(net.init, jax.random.key(0)))
    program = interop.export(net, params, state, jax.ShapeDtypeStruct((1, 64, 64, 3), "float32"))
    assert program.metadata["output"] == ["float32[batch,1000]"]


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
    apply = jax.jit(net.apply)  # row by row, as it compiles only once
    expected = np.concatenate([apply(params, state, x[i : i + 1])[0] for i in range(3)])
    for n in (1, 3):
        np.testing.assert_allclose(again.call(x[:n]), expected[:n], 1e-5, 1e-6)


def test_two_exports_are_the_same_bytes_and_name_no_file_of_this_machine(tmp_path, monkeypatch):
    net, shape = NUMBERS["encoder"]
    params, state = jax.jit(net.init)(jax.random.key(0))

    def made(path):
        about = {"b": 1, "a": 2}
        program = interop.export(net, params, state, jnp.ones((1, *shape)), metadata=about)
        interop.save_program(path, program)
        return path.read_bytes()

    one = made(tmp_path / "one.jaxdl")
    later = time.time() + 1e6
    monkeypatch.setattr(time, "time", lambda: later)
    assert made(tmp_path / "two.jaxdl") == one
    assert b".py" not in one and not re.search(rb"/(home|tmp|work|usr|src)/", one)
    text = interop.load_program(tmp_path / "one.jaxdl").exported.mlir_module()
    assert "multi_head_attention" in text  # layers are still named
    texts = {"x": "ü\n", "y": "2"}
    interop.save_weights(tmp_path / "x.safetensors", params, metadata=texts)
    texts = dict(reversed(texts.items()))
    interop.save_weights(tmp_path / "y.safetensors", params, metadata=texts)
    x, y = ((tmp_path / f"{name}.safetensors").read_bytes() for name in "xy")
    assert x == y


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


OPTIMIZERS: dict[str, Callable[[], optax.GradientTransformation]] = {
    **{
        name: functools.partial(getattr(optim, name), 0.1)
        for name in ("adadelta", "adafactor", "adagrad", "adam", "adamax", "adamw", "asgd",
                     "gradient_descent", "lbfgs", "muon", "nadam", "radam", "rmsprop", "rprop",
                     "sgd", "sparse_adam")
    },
    "lbfgs, searching": lambda: optim.lbfgs(line_search_fn="strong_wolfe"),
    "ema": lambda: optax.chain(optim.adam(0.1), optim.ema(0.9)),
    "swa": lambda: optax.chain(optim.sgd(0.1), optim.swa()),
    "reduce_on_plateau": lambda: optax.chain(optim.sgd(0.1), optim.reduce_on_plateau()),
    "clip_by_norm": lambda: optax.chain(optim.clip_by_norm(1.0), optim.sgd(0.1)),
    "by_path": lambda: optim.by_path(lambda path: "all", {"all": optim.adam(0.1)}),
    **{
        name: functools.partial(lambda make: optim.sgd(make()), functools.partial(make, 0.1, **of))
        for name, make, of in (
            ("cosine_annealing", optim.cosine_annealing, {"T_max": 5}),
            ("cosine_warm_restarts", optim.cosine_warm_restarts, {"T_0": 5}),
            ("cyclic", optim.cyclic, {"max_lr": 0.2}),
            ("one_cycle", optim.one_cycle, {"total_steps": 10}),
        )
    },
    "dynamic_loss_scale": lambda: train.dynamic_loss_scale(optim.adam(0.1)),
}  # fmt: skip
NO_OPTIMIZERS = {"averaged_params", "global_norm", "is_kernel", "path_mask"}


def lowered(program, *arguments):
    """The program for GPUs and TPUs, which is compiled only there."""
    traced = jax.jit(program).trace(*arguments)
    return traced.lower(lowering_platforms=("cuda", "tpu")).as_text()


def started(net, tx):
    return jax.eval_shape(lambda key: train.init_state(net, tx, key), jax.random.key(0))


def test_steps_of_every_optimizer_lower_for_gpus_and_tpus():
    assert set(OPTIMIZERS) | NO_OPTIMIZERS >= set(optim.__all__)
    net = layers.dense(4, 3, bias=False)  # a matrix, for muon
    batch = {"inputs": jnp.ones((6, 4)), "labels": jnp.zeros(6, int)}
    loss_fn = train.supervised(net, losses.cross_entropy)
    for name, make in OPTIMIZERS.items():
        tx = make()
        assert lowered(train.make_step(loss_fn, tx), started(net, tx), batch), name


TRAINED = {
    "convnet": (
        serial(layers.conv(1, 2, (3, 3)), layers.batch_norm(2), activations.relu,
               layers.max_pool((2, 2)), layers.flatten(axes=3), layers.dropout(0.1),
               layers.dense(2, 3)),
        (4, 4, 1),
    ),
    "lstm": (serial(layers.lstm(3, 4, last=True), layers.dense(4, 3)), (5, 3)),
    "transformer": (models.transformer_encoder(8, 3, n_heads=2, n_layers=2, rate=0.1), (5, 8)),
}  # fmt: skip


@pytest.mark.parametrize("name", TRAINED)
def test_whole_epochs_lower_for_gpus_and_tpus(name):
    """Shuffling, a last batch that isn't full, half precision with a loss scale; evaluation too."""
    net, shape = TRAINED[name]
    rows = {"inputs": jnp.ones((9, *shape)), "labels": jnp.zeros(9, int)}
    loss_fn = train.supervised(net, losses.cross_entropy, compute_dtype=jnp.float16)
    tx = train.dynamic_loss_scale(optax.chain(optim.clip_by_norm(1.0), optim.adamw(0.1)))
    epoch = train.make_epoch(train.make_step(loss_fn, tx), batch_size=4)
    start = started(net, tx)
    assert "f16" in lowered(epoch, start, rows)
    assert lowered(train.make_evaluation(loss_fn, batch_size=4), start.params, start.state, rows)
