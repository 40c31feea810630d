"""Every layer under ``shard_map`` with ``check_vma=True``: it traces, and its gradient is right."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

import zoo
from jaxdl import parallel
from jaxdl._varying import varying

# What has a rule of its own for derivatives, or a scan that starts with constants.
CHOSEN = ["depthwise conv", "lstm", "gru, last state", "multi_head_attention with all options"]
SLOWLY = [row for row in zoo.ZOO if row.name not in CHOSEN]
ROWS = [row for row in zoo.ZOO if row.name in CHOSEN]


def gradient(row, check_vma):
    params, state = row.layer.init(jax.random.key(0))

    def local(params, state, x):
        params, state = varying((params, state), x)
        key = jax.random.fold_in(jax.random.key(1), jax.lax.axis_index("data"))

        def loss(params):
            y, _ = row.layer.apply(params, state, x, key=key, train=True)
            return jnp.mean(jnp.square(y.astype(jnp.float32)))

        return jax.lax.psum(jax.grad(loss)(params), "data")

    everywhere, rows = PartitionSpec(), PartitionSpec("data")
    mapped = jax.shard_map(
        local, mesh=parallel.data_mesh(2), in_specs=(everywhere, everywhere, rows),
        out_specs=everywhere, check_vma=check_vma,
    )  # fmt: skip
    return jax.jit(mapped)(params, state, zoo.example(row, 4))


@pytest.mark.parametrize(
    "row",
    [*ROWS, *(pytest.param(row, marks=pytest.mark.slow) for row in SLOWLY)],
    ids=lambda row: row.name,
)
def test_what_shard_map_checks_changes_no_gradient(row):
    assert len(ROWS) == len(CHOSEN)
    checked, unchecked = (gradient(row, check_vma) for check_vma in (True, False))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-4, 1e-5), checked, unchecked)
