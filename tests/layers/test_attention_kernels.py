"""The kernels of accelerators for attention: which one a program holds, and what it computes."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax._src.cudnn import fused_attention_stablehlo as cudnn

from jaxdl import functional as F
from jaxdl import interop, layers
from jaxdl._portable import lowered_for, portable
from jaxdl.functional import _attention_kernels as kernels

random = np.random.default_rng(0)
draw = lambda *shape, dtype="bfloat16": jnp.asarray(random.normal(size=shape), dtype)
Q, K, V = draw(2, 128, 4, 32), draw(2, 128, 2, 32), draw(2, 128, 2, 32)
MASK = jnp.asarray(random.random((2, 1, 1, 128)) > 0.5).at[0].set(False)


@pytest.fixture(autouse=True)
def with_cudnn(monkeypatch):
    """A machine with cuDNN, of which programs can be made everywhere."""
    monkeypatch.setattr(cudnn, "check_cudnn_version", lambda: 91_200)
    kernels._cudnn_takes.cache_clear()
    yield
    kernels._cudnn_takes.cache_clear()


def kernels_of(*arrays, fn=F.dot_product_attention, on=("cuda", "tpu"), **options):
    """The kernels in programs of attention and its gradients, by platform."""
    loss = lambda *arrays: fn(*arrays, **options).astype("float32").sum()
    with lowered_for("cuda", "tpu"):
        traced = jax.jit(jax.grad(loss, argnums=(0, 1, 2))).trace(*arrays)
        return {p: kernel_in(traced.lower(lowering_platforms=(p,)).as_text()) for p in on}


def kernel_in(text):
    if "fmhaScaleBiasSoftmaxBackward" in text:
        return "fmhaScaleBias"
    found = [name for name in ("fmhaSoftmaxBackward", "tpu_custom_call") if name in text]
    return found[0] if found else None


@pytest.mark.parametrize(
    ("change", "cuda", "tpu"),
    [
        ({}, "fmhaSoftmaxBackward", "tpu_custom_call"),
        ({"causal": True}, "fmhaSoftmaxBackward", "tpu_custom_call"),
        ({"mask": MASK, "causal": True}, "fmhaScaleBias", None),
        ({"arrays": (Q[:, :126], K[:, :126], V[:, :126])}, "fmhaSoftmaxBackward", None),
        ({"arrays": (Q[..., :31], K[..., :31], V[..., :31])}, None, "tpu_custom_call"),
        ({"arrays": (Q, K, V[..., :16])}, None, None),
        ({"arrays": [x.astype("float32") for x in (Q, K, V)]}, None, None),
        ({"arrays": (Q[:, :0], K, V)}, None, None),
        ({"arrays": (draw(2, 256, 4, 32), K, V), "causal": True}, None, None),
        ({"bias": draw(128, 128)}, None, None),
        ({"rate": 0.1, "key": jax.random.key(0)}, None, None),
        ({"causal": True, "offset": jnp.int32(0)}, None, None),
        ({"block_size": 64}, None, None),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else str(value),
)
def test_a_program_holds_the_kernel_of_its_platform_where_it_fits(change, cuda, tpu):
    arrays = change.get("arrays", (Q, K, V))
    options = {name: value for name, value in change.items() if name != "arrays"}
    assert kernels_of(*arrays, **options) == {"cuda": cuda, "tpu": tpu}


def test_kernels_take_a_known_scale_and_the_plain_form_a_traced_one():
    for scale in (np.float32(0.5), jnp.float32(0.5)):
        assert None not in kernels_of(Q, K, V, scale=scale).values()
    with_scale = lambda scale, q, k, v: F.dot_product_attention(q, k, v, scale=scale)
    fn = jax.vmap(with_scale, in_axes=(0, None, None, None))
    assert kernels_of(jnp.ones(2), Q, K, V, fn=fn) == {"cuda": None, "tpu": None}


def test_other_platforms_have_the_plain_form():
    assert kernels_of(Q, K, V, on=("cpu", "rocm")) == {"cpu": None, "rocm": None}


def test_on_a_cpu_and_in_formats_without_a_choice_nothing_is_chosen():
    traced = lambda: str(jax.make_jaxpr(functools.partial(F.dot_product_attention))(Q, K, V))
    assert "platform_index" not in traced()
    with lowered_for("cuda", "tpu"):
        assert "platform_index" in traced()
        with portable():
            assert "platform_index" not in traced()


def test_forward_mode_and_an_older_gpu_have_the_plain_form(monkeypatch):
    run = functools.partial(F.dot_product_attention, K, K)
    with lowered_for("cuda", "tpu"):
        _, change = jax.jvp(run, (V,), (V,))
        assert np.isfinite(np.asarray(change, "float32")).all()
    monkeypatch.setattr(kernels, "_has_tensor_cores", lambda: False)
    assert kernels_of(Q, K, V, on=("cuda",)) == {"cuda": None}


@pytest.mark.parametrize("axes", [(1, 1, 1), (1, None, None)], ids=["all", "queries"])
def test_populations_and_remat_keep_the_kernel(axes):
    many = lambda x, axis: x if axis is None else jnp.stack([x] * 3, axis)
    fn = jax.checkpoint(functools.partial(F.dot_product_attention, causal=True))
    found = kernels_of(*map(many, (Q, K, V), axes), fn=jax.vmap(fn, in_axes=axes))
    assert None not in found.values()


def test_a_network_exported_for_tpus_has_their_kernel_and_one_for_all_runs_here(key):
    net = layers.multi_head_attention(32, 2, causal=True, dtype=jnp.bfloat16)
    params, state = net.init(key)
    x = draw(2, 128, 32)
    alone = interop.export(net, params, state, x, batch=2, platforms=("tpu",))
    assert kernel_in(alone.exported.mlir_module()) == "tpu_custom_call"
    everywhere = interop.export(net, params, state, x, batch=2)
    same = np.asarray(net.apply(params, state, x)[0], "float32")
    np.testing.assert_allclose(np.asarray(everywhere.call(x), "float32"), same, atol=0.02)


def values_and_gradients(fn):
    loss = lambda *arrays: jnp.sin(fn(*arrays).astype("float32")).sum()
    both = lambda *arrays: (fn(*arrays), jax.grad(loss, argnums=(0, 1, 2))(*arrays))
    return jax.tree.map(lambda x: np.asarray(x, "float32"), jax.jit(both)(Q[:1], K[:1], V[:1]))


@pytest.mark.parametrize(
    "kernel",
    [
        functools.partial(kernels.splash, interpret=True),
        functools.partial(kernels.cudnn, mask=None, implementation="xla"),
        functools.partial(kernels.cudnn, mask=MASK[1:], implementation="xla"),
        functools.partial(kernels.cudnn, mask=MASK[:1], implementation="xla"),  # all hidden
    ],
    ids=["splash", "cudnn", "cudnn-mask", "cudnn-nothing-seen"],
)
def test_a_kernel_computes_what_the_plain_form_does(kernel):
    """JAX's own form stands for that of cuDNN: scale, axes and masks are compared."""
    options = {"causal": True, "scale": 0.2}
    mask = kernel.keywords.get("mask")
    plain = functools.partial(F.dot_product_attention, mask=mask, **options)
    with jax.numpy_dtype_promotion("standard"):  # JAX's own form needs it
        found = values_and_gradients(functools.partial(kernel, **options))
    close = lambda x, y: np.testing.assert_allclose(x, y, rtol=0.03, atol=0.03)
    jax.tree.map(close, found, values_and_gradients(plain))
