"""What holds for every function of a table: a new function is one row, and meets all of it."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from case import Case
from golden.compare import bind, cast, cotangent, evaluate


def eager_jit_and_vmap_agree(case: Case) -> None:
    """On the row's arrays, and on a batch of these and the same rolled along their first axis."""
    options = cast(dict(case.options), np.float32)
    fn = lambda *arrays: case.fn(*arrays, **options)
    roll = lambda x: np.roll(x, 1, axis=0) if np.ndim(x) else x
    first = cast(case.arrays, np.float32)
    pair = [first, tuple(map(roll, first))]
    eager = np.stack([fn(*map(jnp.asarray, arrays)) for arrays in pair])
    close = lambda got, expected: np.testing.assert_allclose(got, expected, 1e-5, 1e-6)
    close(jax.jit(fn)(*first), eager[0])
    close(jax.jit(jax.vmap(fn))(*map(np.stack, zip(*pair, strict=True))), eager)


def gradients_are_finite_differences(case: Case) -> None:
    """In float64: the slope of the function and of its gradient, and both modes the same."""
    with jax.enable_x64(True):
        fn, active = bind(case, np.float64)
        random = np.random.RandomState(0)
        direction = [jnp.asarray(random.randn(*x.shape)) for x in active]
        weights = jnp.asarray(cotangent(case, jax.eval_shape(fn, *active).shape), jnp.float64)
        gradient = lambda *arrays: jax.vjp(fn, *arrays)[1](weights)

        def slopes(function: Callable[..., Any], step: float = 1e-5) -> tuple[Any, Any]:
            at = lambda t: function(*(x + t * d for x, d in zip(active, direction, strict=True)))
            exact = jax.jvp(at, (0.0,), (1.0,))[1]
            return exact, jax.tree.map(lambda a, b: (a - b) / (2 * step), at(step), at(-step))

        first, second, backward = jax.jit(
            lambda: (slopes(fn), slopes(gradient), gradient(*active))
        )()
    for exact, numeric in (first, second):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-6, 1e-7), exact, numeric)
    forwards = np.vdot(weights, first[0])
    np.testing.assert_allclose(sum(map(np.vdot, backward, direction)), forwards, 1e-10, 1e-10)


def half_precision_is_finite(case: Case, dtype: Any) -> None:
    """Wherever float32 is finite and fits; and what comes in as ``dtype`` goes out as ``dtype``."""
    half = evaluate(case._replace(options=cast(dict(case.options), dtype)), dtype)
    rounded = cast(cast((case.arrays, dict(case.options)), dtype), np.float32)
    wide = evaluate(case._replace(arrays=rounded[0], options=rounded[1]), np.float32)
    for name, value in half.items():
        assert value.dtype == dtype, name
        fits = np.isfinite(wide[name]) & (np.abs(wide[name]) <= float(jnp.finfo(dtype).max))
        finite = np.isfinite(value.astype(np.float32))
        assert (finite | ~fits).all(), f"{name} of {case.id} at {np.argwhere(fits & ~finite)}"


def float16_is_finite(case: Case) -> None:
    half_precision_is_finite(case, jnp.float16)


def bfloat16_is_finite(case: Case) -> None:
    half_precision_is_finite(case, jnp.bfloat16)


LAWS: tuple[Callable[[Case], None], ...] = (
    eager_jit_and_vmap_agree,
    gradients_are_finite_differences,
    float16_is_finite,
    bfloat16_is_finite,
)


def rows(cases: Sequence[Case]) -> list[Any]:
    """Every law with every row that it holds for, as pytest parameters ``law, case``."""
    return [
        pytest.param(law, case, id=f"{law.__name__}-{case.id}")
        for law in LAWS
        for case in cases
        if case.smooth or law is not gradients_are_finite_differences
    ]
