"""Convolution: PyTorch's values and gradients, flax's layers, all derivatives, and messages."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import laws
from golden import compare
from jaxdl import functional, layers, serial
from jaxdl._portable import portable
from jaxdl.combinators import repeat
from jaxdl.functional import _convolution_cpu
from tables.convolution import CASES
from zoo import equations


@pytest.mark.parametrize(("cases", "dtype"), laws.in_dtypes(CASES))
def test_equals_pytorch(cases, dtype):
    compare.check_all("convolution", cases, dtype)


def draw(*shape, seed=0):
    return jnp.asarray(np.random.RandomState(seed).randn(*shape), jnp.float32)


# A folded form, one of few channels, groups, depthwise, strided, and a matmul.
FORMS = [
    ((4, 4, 5), (3, 3, 5, 32), {"padding": 1}),
    ((5, 4, 1), (3, 3, 1, 4), {"padding": 1}),
    ((4, 4, 4), (2, 2, 2, 4), {"groups": 2}),
    ((4, 4, 3), (3, 3, 1, 3), {"groups": 3, "padding": 1}),
    ((5, 4, 6), (3, 3, 6, 4), {"stride": 2, "padding": 1}),
    ((4, 4, 3), (1, 1, 3, 2), {"stride": 2}),
]
EACH = pytest.mark.parametrize(("image", "window", "options"), FORMS)


def loss(options, derivatives):
    def fn(kernel, x):
        y = functional.conv({"kernel": kernel}, x, derivatives=derivatives, **options)
        return jnp.sin(y).sum()

    return fn


def both(options, transform, *arrays):
    """What a transformed loss gives with the fast rules and with those of lax."""
    run = lambda *arrays: [transform(loss(options, rules))(*arrays) for rules in ("fast", "lax")]
    for ours, theirs in zip(*map(jax.tree.leaves, jax.jit(run)(*arrays)), strict=True):
        np.testing.assert_allclose(ours, theirs, 2e-5, 2e-5)


@EACH
def test_second_derivatives_are_those_of_lax(image, window, options):
    kernel, x, v = draw(*window), draw(2, *image), draw(*window, seed=1)
    grad = lambda f: jax.grad(f, argnums=(0, 1))
    twice = lambda f: grad(lambda k, x: (jax.grad(f)(k, x) * v).sum())
    forward_over_reverse = lambda f: lambda k, x: jax.jvp(lambda k: grad(f)(k, x), (k,), (v,))
    every = lambda f: lambda *at: (twice(f)(*at), forward_over_reverse(f)(*at))
    both(options, every, kernel, x)


def test_hessian_is_that_of_lax():
    both({"padding": 1}, jax.hessian, draw(2, 1, 1), draw(1, 3, 1))


def test_forwards_needs_no_option():
    kernel, x = draw(3, 2, 2), draw(1, 5, 2)
    along = lambda d: jax.jvp(loss({}, d), (kernel, x), (kernel, x))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-5), along("fast"), along("lax"))


# With more than four channels, each option and three axes; the last three are of other forms.
BY_IMAGES = [
    ((6, 7, 5), (3, 3, 5, 2), {"padding": ((0, 2), (1, 0))}),
    ((6, 7, 5), (2, 3, 5, 2), {"stride": (2, 1), "padding": 1}),
    ((9, 8, 6), (3, 2, 6, 3), {"stride": 3, "dilation": 2}),
    ((9, 8, 6), (3, 2, 6, 3), {"dilation": (2, 3), "padding": 2}),
    ((4, 5, 10), (3, 3, 5, 4), {"groups": 2, "padding": 1}),
    ((4, 5, 4, 5), (2, 3, 2, 5, 2), {"padding": 1}),
    ((4, 5, 4, 5), (2, 3, 2, 5, 2), {"stride": (1, 2, 1)}),
    ((9, 9, 5), (9, 9, 5, 2), {"padding": 1}),
    ((8, 5), (3, 5, 2), {"padding": 1}),
    ((8, 5), (3, 5, 32), {"stride": 2}),
]


def test_gradients_of_kernels_are_those_of_lax(monkeypatch):
    monkeypatch.setattr(_convolution_cpu, "_AT_ONCE", 4000)  # so that there are several products
    monkeypatch.setattr(_convolution_cpu, "_ROWS", 1)
    conv, transpose = functional.conv, functional.conv_transpose
    rows = [(conv, draw(6, *x), draw(*k), o) for x, k, o in BY_IMAGES]
    spread = {"stride": (2, 3), "padding": ((1, 0), (0, 1)), "dilation": (1, 2)}
    rows.append((transpose, draw(6, 4, 5, 6), draw(3, 2, 2, 6), spread))

    def total(kernels, derivatives):
        for kernel, (fn, x, _, options) in zip(kernels, rows, strict=True):
            yield jnp.sin(fn({"kernel": kernel}, x, derivatives=derivatives, **options)).sum()

    kernels = [kernel for _, _, kernel, _ in rows]
    grad = lambda derivatives: jax.jit(jax.grad(lambda k: sum(total(k, derivatives))))(kernels)
    for ours, theirs in zip(grad("fast"), grad("lax"), strict=True):
        np.testing.assert_allclose(ours, theirs, 2e-5, 2e-5)


def test_gradients_of_kernels_in_half_precision_are_rounded_once(monkeypatch):
    monkeypatch.setattr(_convolution_cpu, "_AT_ONCE", 1)
    monkeypatch.setattr(_convolution_cpu, "_ROWS", 1)
    kernel, x = draw(3, 3, 5, 2), draw(16, 6, 6, 5).astype("bfloat16").astype("float32")
    total = lambda x: lambda k: functional.conv({"kernel": k}, x).sum()
    half = jax.jit(jax.grad(total(x.astype("bfloat16"))))(kernel.astype("bfloat16"))
    wide = jax.jit(jax.grad(total(x)))(kernel)
    assert half.dtype == jnp.bfloat16
    np.testing.assert_allclose(half.astype("float32"), wide, 2**-8, 1e-3)


@EACH
def test_a_population_is_its_members(image, window, options):
    kernels, x = draw(3, *window), draw(3, 2, *image)
    grad = jax.grad(loss(options, "fast"), argnums=(0, 1))

    @jax.jit
    def every_way(kernels, x):
        together = jax.vmap(grad)(kernels, x), jax.vmap(grad, in_axes=(0, None))(kernels, x[0])
        batches = jnp.stack([x, jnp.broadcast_to(x[0], x.shape)])
        one = lambda pair: grad(*pair)  # at a time, in a loop
        return together, [jax.lax.map(one, (kernels, batch)) for batch in batches]

    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, 1e-5, 1e-5),
        *map(list, every_way(kernels, x)),
    )


def test_inside_scan_and_remat():
    kernel, x = draw(3, 3, 4, 32), draw(5, 2, 4, 4, 4)

    def total(kernel, derivatives):
        body = jax.checkpoint(lambda s, x: (s + loss({"padding": 1}, derivatives)(kernel, x), None))
        return jax.lax.scan(body, 0.0, x)[0]

    fast, lax = (
        jax.jit(jax.grad(functools.partial(total, derivatives=d)))(kernel) for d in ("fast", "lax")
    )
    np.testing.assert_allclose(fast, lax, 1e-5, 1e-5)


def lowered(platform, derivatives):
    """The program of a training step's gradients, as text."""
    step = jax.grad(loss({"padding": 1}, derivatives), argnums=(0, 1))
    arrays = draw(3, 3, 5, 32), draw(7, 4, 4, 5)
    return jax.jit(step).trace(*arrays).lower(lowering_platforms=(platform,)).as_text()


def convolutions(text):
    """What the program's convolutions are, without the names of their arguments."""
    return sorted(
        line.split("dim_numbers")[1] for line in text.splitlines() if "dim_numbers" in line
    )


@pytest.mark.parametrize("platform", ["cuda", "tpu"])
def test_accelerators_get_convolutions_of_xla_and_nothing_of_the_cpu(platform):
    ours, lax = lowered(platform, "fast"), lowered(platform, "lax")
    assert convolutions(ours) == convolutions(lax)
    assert "transpose" not in ours and "reshape" not in ours
    # The batch of seven folded into the width of four.
    assert "4x28x5" not in ours and "4x28x5" in lowered("cpu", "fast")


def test_the_choice_of_platform_is_gone_before_the_program_runs():
    arrays = draw(3, 3, 5, 32), draw(7, 4, 4, 5)
    compiled = jax.jit(jax.grad(loss({}, "fast"))).lower(*arrays).compile()
    assert "conditional" not in str(compiled.as_text())


def test_convolutions_on_cpu_are_canonical_and_without_groups():
    text = lowered("cpu", "fast")
    assert len(convolutions(text)) == 2  # the kernel's gradient is a product of matrices
    for line in convolutions(text):
        assert "[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]" in line
        assert "feature_group_count = 1" in line


def test_causal_padding_sees_no_future():
    kernel, x = draw(3, 1, 1), draw(6, 1)
    seen = jax.jacobian(lambda x: functional.conv({"kernel": kernel}, x, padding="CAUSAL")[:, 0])(x)
    np.testing.assert_array_equal(np.triu(seen[..., 0], 1), 0)


def test_same_with_a_stride_is_flax_same():
    x = draw(2, 6, 7, 3)
    layer = layers.conv(3, 4, (3, 3), stride=2, padding="SAME")
    params, _ = layer.init(jax.random.key(0))
    twin = nn.Conv(4, (3, 3), strides=2, padding="SAME")
    np.testing.assert_allclose(
        layer.apply(params, (), x)[0], twin.apply({"params": params}, x), 1e-5, 1e-5
    )


@pytest.mark.parametrize(
    ("size", "options", "theirs"),
    [
        ((3,), {"dilation": 2}, {"kernel_dilation": 2}),
        ((3, 2), {"stride": (2, 1), "groups": 2}, {"strides": (2, 1), "feature_group_count": 2}),
        ((2, 2, 2), {"bias": False}, {"use_bias": False}),
    ],
)
def test_conv_is_flax_conv(size, options, theirs):
    layer = layers.conv(4, 6, size, **options)
    params, _ = layer.init(jax.random.key(0))
    x = draw(2, *(5, 6, 4)[: len(size)], 4)
    twin = nn.Conv(6, size, padding="VALID", **theirs)
    ours = lambda params, x: layer.apply(params, (), x)[0]
    their = lambda params, x: twin.apply({"params": params}, x)
    grad = lambda f, *at: jax.grad(lambda *at: jnp.sin(f(*at)).sum(), (0, 1))(*at)
    both = compare.quick_jit(lambda *at: [(f(*at), grad(f, *at)) for f in (ours, their)])
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-5, 1e-5), *both(params, x))


def test_conv_transpose_is_flax_conv_transpose():
    layer = layers.conv_transpose(4, 6, (3, 2), stride=2)
    params, _ = layer.init(jax.random.key(0))
    x = draw(2, 5, 4, 4)
    twin = nn.ConvTranspose(6, (3, 2), strides=(2, 2), padding="VALID", transpose_kernel=True)
    np.testing.assert_allclose(
        layer.apply(params, (), x)[0], twin.apply({"params": params}, x), 1e-5, 1e-5
    )


def test_conv_transpose_is_the_adjoint_of_conv():
    kernel, options = (
        draw(3, 2, 2, 6),
        {"stride": 2, "padding": (1, 0), "dilation": (1, 2), "groups": 2},
    )
    conv = lambda x: functional.conv({"kernel": kernel}, x, **options)
    x = draw(1, 7, 7, 4)
    y = draw(*conv(x).shape, seed=1)
    back = functional.conv_transpose({"kernel": kernel}, y, **options)
    np.testing.assert_allclose((conv(x) * y).sum(), (x * back).sum(), 1e-5)


def test_pooled_convolution_is_its_parts():
    layer = layers.conv_relu_pool(3, 4, (3, 3), pool=(2, 2), padding=1)
    params, _ = layer.init(jax.random.key(0))
    x = draw(2, 6, 4, 3)

    def parts(params, x):
        return functional.max_pool(jax.nn.relu(functional.conv(params, x, padding=1)), (2, 2))

    whole = lambda params, x: layer.apply(params, (), x)[0]
    grad = lambda f, *at: jax.grad(lambda *at: jnp.sin(f(*at)).sum(), (0, 1))(*at)
    both = compare.quick_jit(lambda *at: [(f(*at), grad(f, *at)) for f in (whole, parts)])
    (y, ours), (expected, theirs) = both(params, x)
    np.testing.assert_array_equal(y, expected)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-5, 1e-6), ours, theirs)


def test_no_images_and_no_leading_axes():
    params = {"kernel": draw(3, 3, 5, 32), "bias": draw(32)}
    grad = jax.grad(lambda p, x: functional.conv(p, x).sum(), (0, 1))
    none = jnp.zeros((0, 5, 5, 5))
    assert functional.conv(params, none).shape == (0, 3, 3, 32)
    assert not grad(params, none)[0]["kernel"].any()
    assert functional.conv(params, none[0:0].reshape(5, 0, 5, 5, 5)).shape == (5, 0, 3, 3, 32)
    assert functional.conv(params, jnp.ones((5, 5, 5))).shape == (3, 3, 32)


@pytest.mark.parametrize(("image", "window", "options"), FORMS)
def test_half_precision_sums_in_float32(image, window, options):
    x, kernel = draw(2, *image).astype("bfloat16"), draw(*window).astype("bfloat16")
    half = functional.conv({"kernel": kernel}, x, **options)
    wide = functional.conv({"kernel": kernel.astype("float32")}, x.astype("float32"), **options)
    assert half.dtype == jnp.bfloat16
    # Rounded once: by at most half of a unit in the last of eight bits.
    np.testing.assert_allclose(half.astype("float32"), wide, 2**-8, 1e-3)


def test_torch_default_counts_what_feeds_an_output():
    params, _ = layers.conv(50, 40, (3, 3), groups=2).init(jax.random.key(0))
    assert float(abs(params["kernel"]).max()) == pytest.approx((25 * 9) ** -0.5, rel=1e-3)
    assert 0.8 < float(abs(params["bias"]).max()) * (25 * 9) ** 0.5 <= 1


X = np.ones((2, 4, 5, 6), "float32")
K = {"kernel": np.ones((3, 3, 6, 4), "float32")}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: functional.conv(K, X[..., :5]), r"float32\[2,4,5,5\], and needs 6 entries"),
        (lambda: functional.conv(K, X[:, :2]), r"reaches over 3×3, more than the padded 2×5"),
        (lambda: functional.conv(K, X, dilation=2), "reaches over 5×5"),
        (lambda: functional.conv(K, X[0, 0]), "needs 2 spatial axes"),
        (lambda: functional.conv(K, X, stride=0), "stride is 0"),
        (lambda: functional.conv(K, X, stride=(1, 1, 1)), "or 2 of them"),
        (lambda: functional.conv(K, X, padding=-1), "padding is -1"),
        (lambda: functional.conv(K, X, padding=(1, (1, 2, 3))), "padding is"),
        (lambda: functional.conv(K, X, padding="same"), "padding is 'same'"),
        (lambda: functional.conv(K, X, padding="CAUSAL"), "for one axis"),
        (lambda: functional.conv(K, X, groups=3), "3 groups don't divide n_out"),
        (lambda: functional.conv(K, X, groups=0), "groups is 0"),
        (lambda: functional.conv(K, X, derivatives="slow"), "derivatives is 'slow'"),
        (lambda: functional.conv(K, X.astype(int)), "must be floating point"),
        (lambda: functional.conv({"kernel": X[0, 0]}, X), "needs at least 3 axes"),
        (lambda: functional.conv({"kernel": X[None, None]}, X), "one to three spatial axes"),
        (lambda: functional.conv_transpose(K, X), "needs 4 entries"),
        (lambda: functional.conv_transpose(K, X[..., :4], output_padding=1), "less than stride"),
        (lambda: functional.conv_transpose(K, X[..., :4], groups=3), "groups don't divide n_in"),
        (lambda: functional.conv_transpose(K, X[..., :4], padding=4), "reaches over"),
        (lambda: functional.conv(K, X, padding=(1, (1, 2.0))), "it must be a whole number"),
        (lambda: layers.conv(3, 4, 5), r"conv: size is 5; it must be .* as \(5, 5\) for images"),
        (lambda: layers.conv_relu_pool(3, 4, (5, 5), pool=2), "pool is 2; it must be one number"),
        (lambda: layers.conv(3, 4, (3, 0)), "size is 0"),
        (lambda: layers.conv(3, 4, (3, 3), groups=2), "2 groups don't divide"),
        (lambda: layers.depthwise_conv(3, (3,), multiplier=0), "multiplier is 0"),
    ],
)
def test_wrong_calls_are_named(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


def test_a_network_exports_with_any_batch_and_a_portable_one_without_a_choice_by_platform(key):
    net = serial(layers.conv(3, 32, (3, 3)), repeat(layers.conv(32, 32, (3, 3), padding=1), 2))
    params, state = jax.eval_shape(net.init, key)
    (batch,) = jax.export.symbolic_shape("batch")
    x = jax.ShapeDtypeStruct((batch, 8, 8, 3), jnp.float32)
    program = jax.export.export(
        jax.jit(lambda p, x: net.apply(p, state, x)[0]), platforms=("cpu", "cuda", "tpu")
    )(params, x)
    assert program.out_avals[0].shape == (batch, 6, 6, 32)
    with portable():
        plain = jax.make_jaxpr(lambda p, x: net.apply(p, state, x)[0])(
            params, jax.ShapeDtypeStruct((2, 8, 8, 3), jnp.float32)
        )
    assert not {"platform_index", "cond", "while"} & {
        e.primitive.name for e in equations(plain.jaxpr)
    }


FORWARD = [
    layers.conv(2, 3, (2, 2)),
    pytest.param(layers.conv_relu_pool(2, 3, (2, 2), pool=(2, 2)), marks=pytest.mark.slow),
    pytest.param(layers.conv_transpose(2, 3, (2, 2)), marks=pytest.mark.slow),
]


@pytest.mark.parametrize("layer", FORWARD, ids=repr)
def test_forward_mode_is_reverse_mode_without_a_keyword(key, layer):
    params, state = layer.init(key)
    x = draw(4, 4, 2)
    fn = lambda params, x: layer.apply(params, state, x)[0]
    modes = (jax.jacfwd, jax.jacrev)
    forward, reverse = compare.quick_jit(lambda *at: [jac(fn, (0, 1))(*at) for jac in modes])(
        params, x
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-5, 1e-5), forward, reverse)
    along = lambda x: jax.jvp(jax.vmap(lambda x: fn(params, x)), (x[None],), (x[None],))[1]
    batched = jax.eval_shape(along, x)
    assert batched.shape[0] == 1
    for mode in (jax.grad, jax.jacfwd):  # each has the rules of each platform
        gradient = jax.make_jaxpr(mode(lambda x: fn(params, x).sum()))(x)
        assert "platform_index" in str([list(equations(gradient.jaxpr))])
