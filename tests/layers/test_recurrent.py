"""Recurrent layers: PyTorch's values and gradients, flax's twins, padding, ends, and messages."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import laws
from golden import compare
from jaxdl import functional, initializers, layers
from tables.recurrent import CASES

CELLS = pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
LENGTHS = jnp.array([6, 2, 0, 1, 5])
REAL = jnp.arange(6)[None] < LENGTHS[:, None]
RELU = functools.partial(functional.rnn, nonlinearity="relu")


def close(a, b, bound=1e-6):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, bound, bound), a, b)


@functools.cache
def made(cell, dtype="float32"):
    """The function of one layer, its params, five sequences and a carry to start from."""
    (params,), _ = getattr(layers, cell)(3, 4, dtype=dtype).init(jax.random.key(0))
    random = np.random.default_rng(0)
    x, h, c = (jnp.asarray(random.normal(size=s), dtype) for s in ((5, 6, 3), (5, 4), (5, 4)))
    return getattr(functional, cell), params, x, (h, c) if cell == "lstm" else h


def total(tree):
    """A number that depends on every entry in its own way."""
    return sum((jnp.sin(a) * jnp.cos(jnp.arange(a.size)).reshape(a.shape).astype(a.dtype)).sum()
               for a in jax.tree.leaves(tree))  # fmt: skip


@pytest.mark.parametrize(("cases", "dtype"), laws.in_dtypes(CASES))
def test_outputs_carries_and_all_gradients_are_those_of_pytorch(cases, dtype):
    compare.check_all("recurrent", cases, dtype)


# These laws need the derivatives of jax itself, for jvp; below, the fast ones equal them.
PADDED = [
    case._replace(options={**case.options, "derivatives": "lax"})
    for case in CASES
    if "lengths" in case.options and "both" not in case.options
]


@pytest.mark.parametrize(("law", "case"), laws.rows(PADDED))
def test_laws(law, case):
    law(case)


@CELLS
@pytest.mark.parametrize(
    ("reverse", "lengths"),
    [pytest.param(False, None, marks=pytest.mark.slow), (True, LENGTHS)],
)
def test_fast_derivatives_are_those_of_jax_to_second_order(cell, reverse, lengths):
    with jax.enable_x64(True):
        fn, *args = made(cell, "float64")

        def first(derivatives, params, x, carry):
            fixed = {"lengths": lengths, "reverse": reverse, "derivatives": derivatives}
            loss = lambda params, x, carry: total(fn(params, x, carry=carry, **fixed))
            return jax.grad(loss, argnums=(0, 1, 2))(params, x, carry)

        def both(derivatives):
            once = functools.partial(first, derivatives)
            twice = jax.grad(lambda *args: total(once(*args)), argnums=(0, 1, 2))
            return compare.quick_jit(lambda: (once(*args), twice(*args)))()

        close(both("fast"), both("lax"), 1e-12)


def test_forward_mode_needs_no_option():
    fn, params, x, _ = made("lstm")
    along = lambda d: jax.jvp(lambda x: fn(params, x, derivatives=d)[0], (x,), (jnp.ones_like(x),))
    close(along("fast"), along("lax"), 1e-5)


@pytest.mark.parametrize(
    "cell", ["lstm", *(pytest.param(x, marks=pytest.mark.slow) for x in ("rnn", "gru"))]
)
def test_right_under_transformations(cell):
    fn, params, x, carry = made(cell)
    loss = lambda params, x, carry, n: total(fn(params, x, carry=carry, lengths=n))
    grad = jax.grad(loss, argnums=(0, 1, 2))
    row = lambda i: grad(params, x[i], jax.tree.map(lambda c: c[i], carry), LENGTHS[i])

    @compare.quick_jit
    def every_way():
        rows = jax.tree.map(lambda *leaves: jnp.stack(leaves), row(1), row(2))
        mapped = jax.vmap(grad, (None, 0, 0, 0))(params, x, carry, LENGTHS)
        _, scanned = jax.lax.scan(lambda _, i: (None, row(i)), None, jnp.array([1, 2]))
        again = jax.vmap(jax.checkpoint(row))(jnp.array([1, 2]))
        return rows, jax.tree.map(lambda g: g[1:3], mapped), scanned, again

    first, *others = every_way()
    for other in others:
        close(first, other)
    close(jax.tree.map(lambda g: g[0], first), row(1))  # and operation by operation


@CELLS
def test_a_sequence_is_its_steps(cell):
    fn, params, x, carry = made(cell)
    step = functools.partial(getattr(functional, f"{cell}_step"), params)
    after, ys = jax.lax.scan(step, carry, jnp.moveaxis(x, 1, 0))
    close(fn(params, x, carry=carry), (jnp.moveaxis(ys, 0, 1), after))
    for i in range(5):
        one = jax.tree.map(lambda c, i=i: c[i], carry)
        close(step(one, x[i, 0])[1], ys[0, i])


@CELLS
@pytest.mark.parametrize("reverse", [False, True])
def test_padding_is_as_if_it_were_not_there(cell, reverse):
    fn, params, x, carry = made(cell)
    x = jnp.where(REAL[..., None], x, jnp.nan)
    run, lengths = functools.partial(fn, reverse=reverse), LENGTHS.tolist()
    of = lambda tree, i: jax.tree.map(lambda c: c[i], tree)
    loss = lambda params, x: total(run(params, x, carry=carry, lengths=LENGTHS))

    @compare.quick_jit
    def everything(params, x):
        alone = [run(params, x[i, :n], carry=of(carry, i)) for i, n in enumerate(lengths)]
        padded = run(params, x, carry=carry, lengths=LENGTHS)
        return padded, alone, jax.grad(loss, argnums=(0, 1))(params, x)

    (y, after), alone, (d_params, dx) = jax.device_get(everything(params, x))
    for i, (n, (real, end)) in enumerate(zip(lengths, alone, strict=True)):
        close((y[i], of(after, i)), (np.pad(real, ((0, 6 - n), (0, 0))), end))
    assert all(np.isfinite(g).all() for g in jax.tree.leaves(d_params))
    np.testing.assert_array_equal((dx != 0).any(-1), REAL)


@CELLS
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("shape", [(5, 0, 3), (0, 6, 3)])
def test_nothing_to_run(cell, padded, shape):
    fn, params, _, carry = made(cell)
    start = jax.tree.map(lambda c: c[: shape[0]], carry)
    lengths = jnp.zeros(shape[0], int) if padded else None
    run = lambda p: fn(p, jnp.ones(shape), carry=start, lengths=lengths)
    (y, after), grads = compare.quick_jit(lambda p: (run(p), jax.grad(lambda p: total(run(p)))(p)))(
        params
    )
    assert y.shape == (*shape[:-1], 4)
    close(after, start)
    assert not any(g.any() for g in jax.tree.leaves(grads))
    net = getattr(layers, cell)(3, 4, last=True)
    np.testing.assert_array_equal(net.apply((params,), (), jnp.ones(shape))[0], 0)


@CELLS
def test_in_reverse_is_the_reversed_sequence(cell):
    fn, params, x, carry = made(cell)
    y, after = fn(params, x, carry=carry, reverse=True)
    flipped, end = fn(params, x[:, ::-1], carry=carry)
    close((y, after), (flipped[:, ::-1], end))


@CELLS
def test_any_batch_axes(cell):
    fn, params, x, carry = made(cell)
    y, after = fn(params, x[:4], carry=jax.tree.map(lambda c: c[:4], carry))
    square = lambda a: a[:4].reshape(2, 2, *a.shape[1:])
    close(
        fn(params, square(x), carry=jax.tree.map(square, carry)), jax.tree.map(square, (y, after))
    )
    none = jax.tree.map(lambda c: c[0], carry)
    close(fn(params, x[0], carry=none), jax.tree.map(lambda a: a[0], (y, after)))


@CELLS
def test_cut_in_two_with_the_carry_handed_on(cell):
    net = getattr(layers, cell)(3, 4, depth=2)
    params, state = net.init(jax.random.key(0))
    _, _, x, _ = made(cell)
    run = functools.partial(functional.recurrent, getattr(functional, cell), params)
    first, carry = run(x[:, :2])
    second, after = run(x[:, 2:], carry=carry)
    whole, end = run(x)
    close((jnp.concatenate([first, second], 1), after), (whole, end))
    close(net.apply(params, state, x)[0], whole)


def test_both_directions_and_the_last_state():
    net = functools.partial(layers.lstm, 3, 4, depth=2, bidirectional=True, lengths=LENGTHS)
    params, state = net().init(jax.random.key(0))
    _, _, x, _ = made("lstm")
    y, _ = net().apply(params, state, x)
    last, _ = net(last=True).apply(params, state, x)
    assert y.shape == (5, 6, 8)
    for i, n in enumerate(LENGTHS):
        ends = [y[i, n - 1, :4], y[i, 0, 4:]] if n else [jnp.zeros(8)]
        close(last[i], jnp.concatenate(ends))


def test_dropout_between_layers_keeps_the_mean(key):
    net = layers.rnn(3, 400, depth=2, rate=0.5, init=initializers.keras_default)
    params, state = net.init(key)
    x = jnp.ones((8, 1, 3))
    hidden, _ = functional.rnn(params[0], x)
    kept = functional.dropout(jax.random.fold_in(key, 1), hidden, rate=0.5)
    expected, _ = functional.rnn(params[1], kept)
    close(net.apply(params, state, x, key=key, train=True)[0], expected)
    alone = layers.rnn(3, 4, rate=0.5)  # there is nothing between, so no key is needed
    params, state = alone.init(key)
    close(alone.apply(params, state, x, train=True)[0], alone.apply(params, state, x)[0])


def flax_params(cell, params):
    """The params of a flax cell: one kernel a gate, and one bias where ours are summed."""
    inner, outer = {"lstm": ("ifgo", "i"), "gru": ("rzn", "i"), "rnn": ("", "")}[cell]
    if cell == "rnn":
        return {"i": {"kernel": params["kernel"], "bias": params["bias"]},
                "h": {"kernel": params["recurrent_kernel"]}}  # fmt: skip
    split = lambda leaf: jnp.split(params[leaf], len(inner), -1)
    hidden = {f"h{g}": {"kernel": k} for g, k in zip(inner, split("recurrent_kernel"), strict=True)}
    into = {f"{outer}{g}": {"kernel": k} for g, k in zip(inner, split("kernel"), strict=True)}
    holders = hidden if cell == "lstm" else into
    for holder, bias in zip(holders.values(), split("bias"), strict=True):
        holder["bias"] = bias
    if cell == "gru":
        r, z, n = split("recurrent_bias")
        into["ir"]["bias"], into["iz"]["bias"] = into["ir"]["bias"] + r, into["iz"]["bias"] + z
        hidden["hn"]["bias"] = n
    return hidden | into


@CELLS
def test_twins_of_flax(cell):
    fn, params, x, carry = made(cell)
    kind = {"lstm": nn.OptimizedLSTMCell, "gru": nn.GRUCell, "rnn": nn.SimpleCell}[cell]
    twin = nn.RNN(kind(4), return_carry=True)
    swap = lambda carry: carry[::-1] if cell == "lstm" else carry  # flax has (c, h)

    def theirs(params, x, carry):
        variables = {"params": {"cell": flax_params(cell, params)}}
        options = {"initial_carry": swap(carry), "seq_lengths": jnp.maximum(LENGTHS, 1)}
        after, y = twin.apply(variables, x, **options)
        kept = REAL[..., None] & (LENGTHS > 0)[:, None, None]
        some = (LENGTHS > 0)[:, None]
        ends = jax.tree.map(lambda a, b: jnp.where(some, a, b), swap(after), carry)
        return jnp.where(kept, y, 0), ends

    ours = lambda params, x, carry: fn(params, x, carry=carry, lengths=LENGTHS)
    close(ours(params, x, carry), theirs(params, x, carry))
    loss = lambda f: lambda *args: total(f(*args))
    grad = lambda f: compare.quick_jit(jax.grad(loss(f), argnums=(0, 1, 2)))(params, x, carry)
    close(grad(ours), grad(theirs), 1e-5)


@CELLS
@pytest.mark.parametrize("derivatives", ["fast", "lax"])
def test_half_precision_keeps_sums_and_states_wide(cell, derivatives):
    fn, params, _, _ = made(cell)
    x = jax.random.normal(jax.random.key(1), (4, 200, 3))
    cast = lambda tree, dtype: jax.tree.map(lambda a: np.asarray(a).astype(dtype), tree)
    half, back = (functools.partial(cast, dtype=dtype) for dtype in ("bfloat16", "float32"))
    loss = lambda params, x: jnp.mean(
        jnp.square(fn(params, x, derivatives=derivatives)[0].astype("float32"))
    )
    grad = compare.quick_jit(jax.grad(loss))
    ours, exact = grad(half(params), half(x)), grad(back(half(params)), back(half(x)))
    for leaf, expected in zip(jax.tree.leaves(ours), jax.tree.leaves(exact), strict=True):
        assert leaf.dtype == "bfloat16"
        difference = np.asarray(leaf).astype("float32") - expected
        error = np.linalg.norm(difference) / np.linalg.norm(expected)
        # Roundings of 2⁻⁸ at every step, which don't add up over the 200 steps.
        assert error < 8 * 2**-8
    if cell == "lstm":  # a cell that counts: bfloat16 alone would stop at 256
        count = {"kernel": np.zeros((1, 4)), "recurrent_kernel": np.zeros((1, 4)),
                 "bias": np.array([50.0, 50.0, 50.0, 0.0])}  # fmt: skip
        counted = compare.quick_jit(functional.lstm)(half(count), jnp.zeros((1000, 1), "bfloat16"))
        c = counted[1][1]
        assert c.dtype == "bfloat16" and float(c[0]) == 1000


def test_relu_states_in_the_padding_stay_where_they_are():
    params = {"kernel": jnp.ones((1, 1)), "recurrent_kernel": jnp.full((1, 1), 1e20)}
    value, slope = jax.value_and_grad(
        lambda p: RELU(p, jnp.ones((9, 1)), lengths=jnp.array(2))[1].sum()
    )(params)
    assert float(value) == pytest.approx(1e20, rel=1e-6)  # 9 steps would overflow
    assert all(jnp.isfinite(g).all() for g in jax.tree.leaves(slope))
