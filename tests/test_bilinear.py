"""Functions with transposes of their own: every derivative, under every transformation."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import functional
from jaxdl._bilinear import bilinear

product = bilinear("product", jnp.matmul, lambda c, b: c @ b.T, lambda a, c: a.T @ c)


def draw(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape))


def conv(derivatives, options):
    run = lambda x, k: functional.conv({"kernel": k}, x, derivatives=derivatives, **options)
    return lambda a, b: jnp.tanh(run(a, b))


def recurrent(cell, gates, derivatives, **options):
    fn = getattr(functional, cell)

    def run(x, kernel):
        params = {"kernel": kernel[:2], "recurrent_kernel": kernel[2:5], "bias": kernel[5]}
        y, end = fn(params, x, derivatives=derivatives, **options)
        return y * y, end

    return run


OPTIONS = {"": {}, " padded": {"lengths": jnp.array([4, 2])}, " reverse": {"reverse": True}}
CASES = {
    "product": (product, lambda a, b: a @ b, (2, 3), (3, 4)),
    "conv": (*(conv(d, {"stride": 2}) for d in ("fast", "lax")), (2, 5, 5, 2), (2, 2, 2, 3)),
    "groups": (*(conv(d, {"groups": 2}) for d in ("fast", "lax")), (2, 4, 4, 4), (3, 3, 2, 4)),
    **{
        f"{cell}{name}": (
            *(recurrent(cell, gates, d, **options) for d in ("fast", "lax")),
            (2, 4, 2),
            (6, 3 * gates),
        )
        for cell, gates in {"rnn": 1, "lstm": 4, "gru": 3}.items()
        for name, options in OPTIONS.items()
    },
}
ORDERS = list(itertools.product((jax.jvp, jax.vjp), repeat=2))
# Of the larger cells one row each is quick enough, in one order; layers/test_recurrent.py has the
# gradient of the gradient.
LARGE = {"lstm padded": ORDERS[1:2], "gru reverse": ORDERS[2:3]}
EVERY = [
    *(pytest.param(name, orders, id=f"{name}, one order") for name, orders in LARGE.items()),
    *(
        pytest.param(name, ORDERS, id=name, marks=[pytest.mark.slow] * (name[:3] in ("lst", "gru")))
        for name in CASES
    ),
]


def along(fn, arrays, directions, mode):
    """A directional derivative, or the gradient along directions of what comes out."""
    if mode is jax.jvp:
        return jax.jvp(fn, arrays, directions)[1]
    out, back = jax.vjp(fn, *arrays)
    return back(jax.tree.map(jnp.cos, out))


@pytest.mark.parametrize(("name", "orders"), EVERY)
def test_derivatives_of_every_order_are_those_of_jax_inside_jit(name, orders):
    ours, theirs, *shapes = CASES[name]
    with jax.enable_x64(True):
        arrays = tuple(draw(*shape, seed=i) for i, shape in enumerate(shapes))
        directions = tuple(draw(*shape, seed=i + 5) for i, shape in enumerate(shapes))

        def all_orders(fn):
            hidden = jax.jit(fn)
            once = lambda mode: lambda *arrays: along(hidden, arrays, directions, mode)
            return [along(once(inner), arrays, directions, outer) for inner, outer in orders]

        both = jax.jit(lambda: (all_orders(lambda *a: ours(*a)), all_orders(theirs)))()
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-9, 1e-9), *both)


AXES = list(itertools.product((0, 1, None), repeat=2))[:-1]


@pytest.mark.parametrize("name", ["product", "conv"])
def test_vmap_of_either_or_both_before_and_after_the_gradient(name):
    ours, theirs, *shapes = CASES[name]
    more = lambda shape, axis, seed: draw(*np.insert(shape, axis or 0, 3), seed=seed)

    def every(fn):
        loss = lambda a, b: jnp.sin(fn(a, b)).sum()
        for axes in AXES:
            a, b = (
                draw(*shape, seed=i) if axis is None else more(shape, axis, i)
                for i, (shape, axis) in enumerate(zip(shapes, axes, strict=True))
            )
            yield jax.vmap(jax.grad(loss, (0, 1)), in_axes=axes)(a, b)
            total = lambda a, b, axes=axes: jax.vmap(loss, in_axes=axes)(a, b).sum()
            yield jax.grad(total, (0, 1))(a, b)
            twice = jax.vmap(jax.vmap(loss, in_axes=axes), in_axes=(0, None))
            yield jax.grad(lambda a, b, twice=twice: twice(a, b).sum())(jnp.stack([a, 2 * a]), b)

    both = jax.jit(lambda: (list(every(ours)), list(every(theirs))))()
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-4, 1e-4), *both)


def test_an_array_that_is_not_asked_for_costs_no_gradient():
    program = jax.make_jaxpr(jax.grad(lambda b: product(jnp.ones((2, 3)), b).sum()))(draw(3, 4))
    assert "product_right" in str(program) and "product_left" not in str(program)
