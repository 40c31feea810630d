"""Attention and positions: PyTorch's values, laws, twins, caches, memory, edges and messages."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import laws
from golden import compare
from golden.compare import quick_jit
from jaxdl import functional as F
from jaxdl import layers
from tables.attention import CASES

random = np.random.default_rng(0)
draw = lambda *shape: jnp.asarray(random.normal(size=shape), "float32")
LAWFUL = ("attention-all", "attention-hidden", "attention-grouped-mask-b", "multi_head-memory")
FORMS = pytest.mark.parametrize("block_size", [None, 2])


def close(a, b, bound=1e-5):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, bound, bound), a, b)


@pytest.mark.parametrize(("cases", "dtype"), laws.in_dtypes(CASES))
def test_values_and_gradients_are_those_of_pytorch(cases, dtype):
    compare.check_all("attention", cases, dtype)


@pytest.mark.parametrize(
    ("law", "case"), laws.rows([case for case in CASES if case.id.startswith(LAWFUL)])
)
def test_laws(law, case):
    law(case)


@pytest.mark.parametrize("cross", [False, True])
def test_multi_head_attention_is_that_of_flax(cross, key):
    params, _ = layers.multi_head_attention(6, 2).init(key)
    params = jax.tree.map(lambda p: p + 0.1 * jax.random.normal(key, p.shape), params)
    x, memory, mask = draw(3, 4, 6), draw(3, 5, 6), draw(3, 1, 4, 5 if cross else 4) > -1
    memory = memory if cross else x

    def theirs(params, x, memory):
        pick = lambda p, i: jnp.split(p, 3, -1)[i].reshape(*p.shape[:-1], 2, 3)
        qkv = {
            name: jax.tree.map(functools.partial(pick, i=i), params["qkv"])
            for i, name in enumerate(("query", "key", "value"))
        }
        out = {"kernel": params["out"]["kernel"].reshape(2, 3, 6), "bias": params["out"]["bias"]}
        twin = nn.MultiHeadDotProductAttention(2)
        return twin.apply({"params": qkv | {"out": out}}, x, memory, mask=mask)

    def ours(params, x, memory):
        others = (memory,) if cross else ()
        return F.multi_head_attention(params, x, *others, n_heads=2, mask=mask)

    both = lambda f: quick_jit(
        jax.value_and_grad(lambda *args: jnp.sin(f(*args)).sum(), argnums=(0, 1))
    )(params, x, memory)
    if cross:
        close(both(ours), both(theirs))
    else:
        same = lambda f: lambda params, x, _: f(params, x, x)
        close(both(same(ours)), both(same(theirs)))


def test_grouped_queries_are_those_of_jax():
    q, k, v = draw(2, 5, 6, 4), draw(2, 7, 2, 4), draw(2, 7, 2, 4)
    close(F.dot_product_attention(q, k, v), jax.nn.dot_product_attention(q, k, v))


@FORMS
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_query_that_sees_nothing_gives_0_and_no_gradient(block_size, dtype):
    q, k, v = (draw(3, 2, 4).astype(dtype) for _ in range(3))
    mask = jnp.ones((3, 3), bool).at[1].set(False)
    run = functools.partial(F.dot_product_attention, mask=mask, block_size=block_size)
    everything = lambda run: quick_jit(
        lambda *a: (run(*a), jax.grad(lambda *a: run(*a).sum(), argnums=(0, 1, 2))(*a))
    )(q, k, v)
    y, gradients = everything(run)
    assert not y[1].any() and y[0].any()
    assert not gradients[0][1].any()
    assert all(np.isfinite(np.asarray(g, "float32")).all() for g in gradients)
    y, gradients = everything(functools.partial(run, mask=jnp.zeros((3, 3), bool)))
    assert not y.any() and not any(g.any() for g in gradients)


@FORMS
def test_empty_sequences(block_size):
    run = functools.partial(F.dot_product_attention, block_size=block_size)
    q, k = draw(2, 3, 2, 4), draw(2, 0, 2, 4)
    every = quick_jit(lambda q, k: (run(q, k, k), run(k, q, q), run(k, k, k, causal=True)))
    no_keys, no_queries, neither = every(q, k)
    np.testing.assert_array_equal(no_keys, np.zeros((2, 3, 2, 4)))
    assert no_queries.shape == neither.shape == (2, 0, 2, 4)


@FORMS
def test_queries_in_parts_with_their_offset(block_size):
    q, k, v = draw(6, 2, 4), draw(6, 2, 4), draw(6, 2, 3)
    run = quick_jit(functools.partial(F.dot_product_attention, causal=True, block_size=block_size))
    parts = [run(q[:2], k, v), run(q[2:], k, v, offset=2)]
    close(jnp.concatenate(parts), run(q, k, v))
    close(run(q[4:5], k, v, offset=jnp.int32(4)), run(q, k, v)[4:5])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@FORMS
def test_half_precision_sums_in_float32(block_size, dtype):
    q, k, v = draw(8, 1, 16), draw(999, 1, 16), 1 + draw(999, 1, 4)
    rounded = [np.asarray(a).astype(dtype) for a in (q, k, v)]
    wide = quick_jit(F.dot_product_attention)(*(a.astype("float32") for a in rounded))
    blocks = functools.partial(F.dot_product_attention, block_size=block_size)
    half = np.asarray(quick_jit(blocks)(*rounded))
    assert half.dtype == dtype
    np.testing.assert_allclose(half.astype("float32"), wide, 2 * float(jnp.finfo(dtype).eps))


def test_large_scores_are_no_trouble():
    q = jnp.full((2, 1, 4), 1e4)
    for block_size in (None, 1):
        y = F.dot_product_attention(q, q * jnp.array([[[1.0]], [[-1.0]]]), q, block_size=block_size)
        np.testing.assert_array_equal(y, q)


def test_weights_are_what_values_are_averaged_with():
    q, k, v, mask = draw(3, 4, 2, 4), draw(3, 5, 2, 4), draw(3, 5, 2, 6), draw(4, 5) > 0
    options = {"mask": mask, "causal": True, "offset": 1}
    weights = F.attention_weights(q, k, **options)
    close(weights.sum(-1), jnp.broadcast_to(mask & (jnp.tri(4, 5, 1) > 0), weights.shape).any(-1))
    average = jnp.einsum("bhqk,bkhd->bqhd", weights, v)
    close(F.dot_product_attention(q, k, v, **options), average)


@pytest.mark.parametrize("block_size", [None, 64])
def test_dropped_weights_keep_the_mean_and_are_drawn_again_in_the_backward_pass(block_size, key):
    q, v = jnp.zeros((64, 4, 8)), jnp.ones((256, 4, 2))
    k = jnp.zeros((256, 4, 8))
    run = lambda v: F.dot_product_attention(q, k, v, rate=0.25, key=key, block_size=block_size)
    y, gradient = quick_jit(lambda v: (run(v), jax.grad(lambda v: run(v).sum())(v)))(v)
    assert float(y.mean()) == pytest.approx(1, abs=0.01)
    # Of 256 weights of 1/256/0.75, each kept with a chance of 3/4.
    assert float(y.std()) == pytest.approx((0.25 / 0.75 / 256) ** 0.5, rel=0.1)
    assert float((gradient * v).sum()) == pytest.approx(float(y.sum()), rel=1e-5)


def test_blocks_hold_less_memory_and_only_in_proportion_to_the_time():
    def held(time, block_size):
        x = jax.ShapeDtypeStruct((time, 2, 16), jnp.float32)
        run = functools.partial(F.dot_product_attention, causal=True, block_size=block_size)
        gradient = jax.grad(lambda *a: run(*a).sum(), argnums=(0, 1, 2))
        sizes = [jax.jit(f).lower(x, x, x).compile().memory_analysis() for f in (run, gradient)]
        return np.array([size.temp_size_in_bytes for size in sizes if size is not None])

    short, long = held(512, 32), held(1024, 32)
    assert (long <= 2.1 * short).all()
    assert (long <= 0.15 * held(1024, None)).all()


@pytest.mark.parametrize("rotary", [False, True])
def test_steps_with_a_cache_are_the_whole_sequence(rotary, key):
    net = layers.multi_head_attention(8, 4, n_kv_heads=2, causal=True, rotary=rotary)
    params, state = quick_jit(net.init)(key)
    x = draw(3, 7, 8)
    whole = quick_jit(net.apply)(params, state, x)[0]
    cache = F.attention_cache(params, (3,), 9, n_heads=4)
    assert cache["key"].shape == (3, 2, 9, 2)
    traces, parts = [], []

    @quick_jit
    def step(params, cache, x):
        traces.append(x.shape)
        return net.apply(params, cache, x)

    for part in np.split(np.asarray(x), [3, 4, 5], axis=1):
        y, cache = step(params, cache, part)
        parts.append(y)
    close(np.concatenate(parts, axis=1), whole)
    assert int(cache["length"]) == 7
    assert traces == [(3, 3, 8), (3, 1, 8), (3, 2, 8)]


def test_a_cache_in_half_precision_keeps_the_dtype_of_what_comes_in(key):
    net = layers.multi_head_attention(4, 2, causal=True)
    params, _ = net.init(key)
    cache = F.attention_cache(params, (), 3, n_heads=2, dtype=jnp.bfloat16)
    y, cache = net.apply(params, cache, draw(2, 4))
    assert y.dtype == jnp.float32 and cache["value"].dtype == jnp.bfloat16


def test_a_full_cache_raises_or_gives_nan(key):
    net = layers.multi_head_attention(4, 2, causal=True)
    params, _ = net.init(key)
    cache = F.attention_cache(params, (), 3, n_heads=2)
    _, cache = net.apply(params, cache, draw(2, 4))
    with pytest.raises(ValueError, match="2 time steps from position 2 end beyond 3"):
        net.apply(params, cache, draw(2, 4))
    assert jnp.isnan(jax.jit(net.apply)(params, cache, draw(2, 4))[0]).all()
    last, full = jax.jit(net.apply)(params, cache, draw(1, 4))
    assert jnp.isfinite(last).all() and int(full["length"]) == 3
    with pytest.raises(ValueError, match="4 time steps are more than the cache"):
        jax.jit(net.apply)(params, cache, draw(4, 4))


@pytest.mark.parametrize("interleaved", [False, True])
def test_rotary_is_a_product_of_complex_numbers(interleaved):
    with jax.enable_x64(True):
        x, positions = (
            random.normal(size=(2, 5, 3, 6)),
            np.array([[0, 1, 2, 3, 4], [9, 2, 7, 7, 0]]),
        )
        ours = F.rotary(x, positions, base=100.0, interleaved=interleaved)
        pairs = x[..., ::2] + 1j * x[..., 1::2] if interleaved else x[..., :3] + 1j * x[..., 3:]
        angles = positions[..., None] * 100.0 ** (-np.arange(3) / 3)
        turned = pairs * np.exp(1j * angles)[:, :, None]
        parts = [turned.real, turned.imag]
        merge = np.stack(parts, -1).reshape(x.shape) if interleaved else np.concatenate(parts, -1)
        np.testing.assert_allclose(ours, merge, 1e-12, 1e-12)
        first = F.rotary(x, base=100.0, interleaved=interleaved)[0]
        np.testing.assert_allclose(first, merge[0], 1e-12, 1e-12)


def test_rotary_makes_products_depend_on_distances():
    q, k = draw(1, 1, 8), draw(1, 1, 8)
    at = lambda x, p: F.rotary(x, jnp.array([p]))[0, 0]
    close(at(q, 13) @ at(k, 11), at(q, 2) @ at(k, 0), 1e-4)
    half = F.rotary(q.astype("bfloat16"), jnp.array([1000]))
    close(half.astype("float32"), F.rotary(q, jnp.array([1000])), 0.02)
    assert half.dtype == jnp.bfloat16


def test_sinusoidal_positions_are_their_formula():
    with jax.enable_x64(True):
        p, i = np.arange(50)[:, None], np.arange(4)
        expected = np.empty((50, 8))
        expected[:, ::2] = np.sin(p / 10_000 ** (2 * i / 8))
        expected[:, 1::2] = np.cos(p / 10_000 ** (2 * i / 8))
        ours = F.sinusoidal_positions(np.arange(50), 8, dtype="float64")
        np.testing.assert_allclose(ours, expected, 1e-12, 1e-12)
    x = draw(3, 50, 8)
    y, _ = layers.sinusoidal_positions(8).apply((), (), x)
    close(y, x + jnp.asarray(expected[None], "float32"))


def test_learned_positions_in_parts_and_beyond_the_last(key):
    net = layers.learned_positions(5, 4)
    params, state = net.init(key)
    x = draw(3, 5, 4)
    close(net.apply(params, state, x)[0], x + params["embedding"][None])
    first, state = net.apply(params, {"length": jnp.int32(0)}, x[:, :2])
    second, state = net.apply(params, state, x[:, 2:])
    close(jnp.concatenate([first, second], 1), x + params["embedding"][None])
    with pytest.raises(ValueError, match=r"\(5, 4\): 1 time steps from position 5"):
        net.apply(params, state, x[:, :1])
    y = jax.jit(net.apply)(params, {"length": jnp.int32(4)}, x[:, :2])[0]
    assert jnp.isfinite(y[:, 0]).all() and jnp.isnan(y[:, 1]).all()
    with pytest.raises(ValueError, match=r"\(5, 4\): position -1 is before the first, 0"):
        net.apply(params, {"length": jnp.int32(-1)}, x[:, :2])
    y = jax.jit(net.apply)(params, {"length": jnp.int32(-1)}, x[:, :2])[0]
    assert jnp.isnan(y[:, 0]).all() and jnp.isfinite(y[:, 1]).all()


def test_the_default_initialisation_is_that_of_pytorch(key):
    n = 256
    params, _ = quick_jit(layers.multi_head_attention(n, 8).init)(key)
    for name, limit in (("qkv", (6 / (4 * n)) ** 0.5), ("out", n**-0.5)):
        extreme = float(abs(params[name]["kernel"]).max())
        assert 0.999 * limit < extreme <= limit * (1 + 1e-6)
        assert not params[name]["bias"].any()


Q, K, BIG = jnp.ones((5, 4, 6)), jnp.ones((7, 2, 6)), jnp.ones((2, 5, 4, 6))
PARAMS = {"qkv": {"kernel": jnp.ones((4, 12))}, "out": {"kernel": jnp.ones((4, 4))}}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.dot_product_attention(Q[0], K, K), r"each must be \(…, time, heads, head"),
        (lambda: F.dot_product_attention(BIG, K, K), r"q float32\[2,5,4,6\], k .* each must"),
        (lambda: F.dot_product_attention(BIG, K[None], K[None]), "batch axes must be equal"),
        (lambda: F.dot_product_attention(Q, K, K[:3]), "time and heads of k those of v"),
        (lambda: F.dot_product_attention(Q, K[..., :3], K), "same head features"),
        (lambda: F.dot_product_attention(Q[:, :3], K, K), "heads of q must be a multiple"),
        (lambda: F.dot_product_attention(Q, K[:, :0], K[:, :0]), "must be a multiple"),
        (lambda: F.dot_product_attention(Q.astype(int), K, K), r"q is int32\[5,4,6\]"),
        (lambda: F.dot_product_attention(Q, K, K, mask=jnp.ones((5, 7))), "mask is .* boolean"),
        (lambda: F.dot_product_attention(Q, K, K, mask=jnp.ones((7, 5), bool)), "broadcast to"),
        (lambda: F.dot_product_attention(Q, K, K, mask=jnp.ones((2, 1, 1, 1), bool)), "mask is"),
        (lambda: F.dot_product_attention(Q, K, K, bias=jnp.ones((3, 5, 7))), r"to \(4, 5, 7\)"),
        (lambda: F.dot_product_attention(Q, K, K, bias=jnp.ones((5, 7), bool)), "bias is bool"),
        (lambda: F.dot_product_attention(Q, K, K, rate=1.5), "rate is 1.5"),
        (lambda: F.dot_product_attention(Q, K, K, rate=0.5), "needs a key to drop a share of 0.5"),
        (lambda: F.dot_product_attention(Q, K, K, block_size=0), "block_size is 0"),
        (lambda: F.multi_head_attention(PARAMS, jnp.ones(4), n_heads=2), r"float32\[4\]; it needs"),
        (lambda: F.multi_head_attention(PARAMS, Q[..., 0], n_heads=3), "3 heads don't divide"),
        (lambda: F.multi_head_attention(PARAMS, Q[..., 0], n_heads=0), "n_heads is 0"),
        (lambda: F.multi_head_attention(PARAMS, Q, n_heads=2), "4 entries on its last axis"),
        (
            lambda: F.multi_head_attention(
                PARAMS, Q[..., 0], Q[..., 0], n_heads=2, rotary_base=10.0
            ),
            "for self-attention only",
        ),
        (
            lambda: F.multi_head_attention_step(
                PARAMS, F.attention_cache(PARAMS, (3,), 9, n_heads=2), Q[..., 0], n_heads=2
            ),
            "all axes but time, the second to last, must be equal",
        ),
        (lambda: F.attention_cache(PARAMS, (), 0, n_heads=2), "length is 0"),
        (lambda: F.attention_cache(PARAMS, (), 3, n_heads=3), "attention_cache: 3 heads don't"),
        (lambda: F.rotary(jnp.ones((3, 2, 5))), "features even"),
        (lambda: F.rotary(Q, jnp.arange(4)), r"they must be \(5,\) or \(5,\)"),
        (lambda: F.sinusoidal_positions(0, 3), "n_features is 3; it must be even"),
        (lambda: layers.sinusoidal_positions(4).apply((), (), Q), r"needs \(…, time, 4\)"),
        (
            lambda: F.learned_positions({"embedding": jnp.ones((4, 6))}, Q[:, 0]),
            "is too long",
        ),
        (lambda: layers.multi_head_attention(6, 4), "n_heads must divide n_features, 6"),
        (lambda: layers.multi_head_attention(8, 4, n_kv_heads=3), "n_kv_heads 3"),
        (lambda: layers.multi_head_attention(6, 2, rotary=True), "heads of even size, not 3"),
        (lambda: layers.multi_head_attention(6, 2, rate=-0.1), "rate is -0.1"),
        (lambda: layers.learned_positions(0, 4), "length is 0"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


@pytest.mark.parametrize(
    ("options", "train"), [({}, True), ({"causal": False}, False), ({"mask": True}, False)]
)
def test_a_cache_is_for_causal_evaluation(options, train, key):
    net = layers.multi_head_attention(4, 2, **({"causal": True} | options))
    with pytest.raises(ValueError, match="a cache needs evaluation, causal=True and no mask"):
        net.apply(
            PARAMS, F.attention_cache(PARAMS, (), 5, n_heads=2), jnp.ones((1, 4)), train=train
        )
