"""A block with a memory computes what PyTorch's decoder layer does; see golden/make_decoder.py."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import models

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "decoder.npz")


def params_of(theirs):
    dense = lambda weight, bias: {"kernel": theirs[weight].T, "bias": theirs[bias]}
    norm = lambda n: {"scale": theirs[f"norm{n}.weight"], "bias": theirs[f"norm{n}.bias"]}
    attention = lambda name: {
        "qkv": dense(f"{name}.in_proj_weight", f"{name}.in_proj_bias"),
        "out": dense(f"{name}.out_proj.weight", f"{name}.out_proj.bias"),
    }
    return {
        "attention_norm": norm(1), "attention": attention("self_attn"),
        "cross_norm": norm(2), "cross": attention("multihead_attn"),
        "mlp_norm": norm(3),
        "mlp": {"up": dense("linear1.weight", "linear1.bias"),
                "down": dense("linear2.weight", "linear2.bias")},
    }  # fmt: skip


@pytest.mark.parametrize("norm_first", [False, True])
def test_a_block_with_a_memory_is_pytorchs_decoder_layer(norm_first):
    theirs = {}
    for name in GOLDEN.files:
        if name.startswith(f"{norm_first}|"):
            theirs[name.split("|")[1]] = GOLDEN[name]
    net = models.transformer_block(
        8, 2, n_hidden=16, rate=0.0, causal=True, cross=True, norm_first=norm_first
    )
    single = jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), theirs)
    params, seen = params_of(single), theirs["seen"][:, None, None, :]
    made = jax.eval_shape(net.init, jax.random.key(0))[0]
    whole = {**made, **params, "mlp": {**made["mlp"], **params["mlp"]}}

    @jax.jit
    def both_ways(whole, x, memory, direction):
        apply = lambda x, memory: net.apply(whole, (), (x, memory, seen))[0][0]
        y, backward = jax.vjp(apply, x, memory)
        return y, backward(direction)

    y, gradients = both_ways(whole, *(single[name] for name in ("x", "memory", "direction")))
    np.testing.assert_allclose(y, theirs["y"], rtol=1e-4, atol=2e-6)
    for got, name in zip(gradients, ("dx", "dmemory"), strict=True):
        np.testing.assert_allclose(got, theirs[name], rtol=1e-4, atol=2e-6)
