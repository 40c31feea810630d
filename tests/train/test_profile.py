"""A profile names the layer of nearly all of a step's time, forward and backward."""

import jax
import jax.numpy as jnp
import optax
import pytest

from jaxdl import activations, layers, losses, models, serial, train
from jaxdl.train._op_names import place

CONVNET = serial(
    layers.conv(1, 8, (3, 3)), layers.batch_norm(8), activations.relu, layers.max_pool((2, 2)),
    layers.flatten(axes=3), layers.dropout(0.1), layers.dense(1352, 64), layers.dense(64, 64),
    layers.dense(64, 10),
)  # fmt: skip
NETS = {
    "convnet": (CONVNET, (28, 28, 1), {"0", "1", "6", "7", "8"}),
    "transformer": (
        models.transformer_encoder(32, 10, n_heads=2, n_layers=2),
        (16, 32),
        {"blocks/attention", "blocks/mlp/up", "blocks/mlp/down", "blocks/mlp_norm", "head"},
    ),
}


@pytest.mark.parametrize("name", NETS)
def test_nearly_all_time_has_a_name(name, tmp_path):
    net, shape, paths = NETS[name]
    tx = optax.adam(1e-3)
    start = train.init_state(net, tx, jax.random.key(0))
    step = train.make_step(train.supervised(net, losses.cross_entropy), tx)
    batch = {"inputs": jnp.ones((64, *shape)), "labels": jnp.zeros(64, int)}
    found = train.profile(tmp_path, jax.jit(step), start, batch, steps=2)
    rows = {row.path: row for row in found.layers}
    assert paths | {"loss", "optimizer"} <= set(rows)
    busy = found.unnamed + sum(row.forward + row.backward for row in found.layers)
    of_layers = sum(row.forward + row.backward for row in found.layers if row.path and row.name)
    assert found.unnamed <= 0.01 * busy and of_layers >= 0.5 * busy
    assert all(rows[path].forward > 0 and rows[path].backward > 0 for path in paths)
    assert rows["optimizer"].backward == 0 and list(tmp_path.rglob("*.xplane.pb"))
    table = str(found).splitlines()
    assert len(table) == len(found.layers) + 3 and "without a name" in table[-2]


@pytest.mark.parametrize(
    ("op_name", "expected"),
    [
        # A rule of its own notes the whole path again; so do calls within loops.
        ("jit(s)/transpose(jvp(serial(a(1), b)))/[1]/norm(8)/jvp(serial(a(1), b))/[1]/norm(8)/mul",
         ("1", "norm(8)", True)),
        ("jit(s)/jvp(f)/[x]/repeat(b(2), 3)/eval_jaxpr/b(2)/[mlp]/relu/b(2)/[mlp]/relu/jit(r)/max",
         ("x/mlp", "relu", False)),
        ("jit(s)/jvp(serial(serial(d)))/[0]/serial(d)/[0]/d/while/body/closed_call/dot",
         ("0/0", "d", False)),
        ("jit(s)/[optimizer]/mul", ("optimizer", "", False)),
        ("jit(s)/add", ("", "", False)),
        ("jit(s)/transpose(jvp(dense(3, 4)))/dot_general", ("", "dense(3, 4)", True)),
    ],
)  # fmt: skip
def test_places(op_name, expected):
    assert place(op_name) == expected


def test_steps_must_be_positive():
    with pytest.raises(ValueError, match="profile: steps is 0"):
        train.profile(None, lambda ts, batch: (ts, {}), None, {}, steps=0)
