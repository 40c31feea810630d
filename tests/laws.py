"""What holds for every function of a table: a new function is one row, and meets all of it."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from case import Case
from golden.compare import bind, cast, cotangent, evaluate_all, quick_jit

HALVES = (jnp.float16, jnp.bfloat16)


def eager_jit_and_vmap_agree(case: Case) -> None:
    """On the row's arrays, and on a batch of these and the same rolled along their first axis.

    Eager and jit are compared once: the batch is compared with what jit gives for each of it.
    """
    options = cast(dict(case.options), np.float32)
    fn = lambda *arrays: case.fn(*arrays, **options)
    roll = lambda x: np.roll(x, 1, axis=0) if np.ndim(x) else x
    first = cast(case.arrays, np.float32)
    pair = [first, tuple(map(roll, first))]
    eager = fn(*map(jnp.asarray, first))
    batch = tuple(map(np.stack, zip(*pair, strict=True)))
    compiled, mapped = jax.device_get(
        quick_jit(lambda pair, batch: ([fn(*arrays) for arrays in pair], jax.vmap(fn)(*batch)))(
            pair, batch
        )
    )
    np.testing.assert_allclose(compiled[0], eager, 1e-5, 1e-6)
    np.testing.assert_allclose(mapped, compiled, 1e-5, 1e-6)


def gradients_are_finite_differences(case: Case) -> None:
    """In float64: the slope of the function and of its gradient, and both modes the same."""
    with jax.enable_x64(True):
        fn, active = bind(case, np.float64)
        random = np.random.RandomState(0)
        direction = [jnp.asarray(random.randn(*x.shape)) for x in active]
        weights = jnp.asarray(cotangent(case, jax.eval_shape(fn, *active).shape), jnp.float64)
        gradient = lambda *arrays: jax.vjp(fn, *arrays)[1](weights)

        def along(t: jax.Array) -> tuple[Any, Any]:
            """The function and its gradient, on the line through the row's arrays."""
            arrays = [x + t * d for x, d in zip(active, direction, strict=True)]
            return fn(*arrays), gradient(*arrays)

        step = 1e-5
        sides = jnp.array([step, -step])
        near = quick_jit(lambda: (jax.jvp(along, (0.0,), (1.0,)), jax.vmap(along)(sides)))
        (here, exact), beside = jax.device_get(near())
    numeric = jax.tree.map(lambda x: (x[0] - x[1]) / (2 * step), beside)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-6, 1e-7), exact, numeric)
    forwards = np.vdot(weights, exact[0])
    np.testing.assert_allclose(sum(map(np.vdot, here[1], direction)), forwards, 1e-10, 1e-10)


def half_precision_is_finite(case: Case) -> None:
    """Wherever float32 is finite and fits; and a dtype that comes in goes out."""
    options = dict(case.options)
    pairs = []
    for dtype in HALVES:
        rounded = cast(cast((case.arrays, options), dtype), np.float32)
        wide = case._replace(arrays=rounded[0], options=rounded[1])
        pairs += [(case._replace(options=cast(options, dtype)), dtype), (wide, np.float32)]
    results = evaluate_all(pairs)
    for dtype, half, wide in zip(HALVES, results[::2], results[1::2], strict=True):
        for name, value in half.items():
            assert value.dtype == dtype, name
            most = float(jnp.finfo(dtype).max)
            fits = np.isfinite(wide[name]) & (np.abs(wide[name]) <= most)
            finite = np.isfinite(value.astype(np.float32))
            assert (finite | ~fits).all(), f"{name} of {case.id} at {np.argwhere(fits & ~finite)}"


LAWS: tuple[Callable[[Case], None], ...] = (
    eager_jit_and_vmap_agree,
    gradients_are_finite_differences,
    half_precision_is_finite,
)


def rows(cases: Sequence[Case]) -> list[Any]:
    """Every law with every row that it holds for, as pytest parameters ``law, case``.

    Each law meets one row of every function: the first, without options, or, where eager, jit and
    vmap are compared, the last, with those that tend to decide about shapes. The other rows, whose
    values the golden files have too, are slow tests.
    """
    groups = list(map(joined, by_reduction(cases)))
    return [
        pytest.param(
            law,
            case,
            id=f"{law.__name__}-{case.id}",
            marks=() if case.id in chosen else pytest.mark.slow,
        )
        for law in LAWS
        for held in [[c for c in groups if c.smooth or law is not gradients_are_finite_differences]]
        for chosen in [_one_a_function(held if law is eager_jit_and_vmap_agree else held[::-1])]
        for case in held
    ]


def _one_a_function(cases: Sequence[Case]) -> set[str]:
    """The names of each function's last row."""
    return set({case.id.split("-")[0]: case.id for case in cases}.values())


def in_dtypes(cases: Sequence[Case]) -> list[Any]:
    """Rows of a function as pytest parameters ``cases, dtype`` for the golden values.

    All rows in float64, which shows every mistake in a formula; in float32, which shows those in
    its order, the first of each function. The others in float32 are slow tests. One program does
    for all rows of a function, as to compile many small ones takes longer.
    """
    functions: dict[str, list[Case]] = {}
    for case in cases:
        functions.setdefault(case.id.split("-")[0], []).append(case)
    parameters = []
    for name, rows in functions.items():
        first = by_reduction(rows)[0]
        others = rows[len(first) :]
        parameters += [
            pytest.param(rows, "float64", id=f"{name}-float64"),
            pytest.param(first, "float32", id=f"{name}-float32"),
        ]
        if others:
            mark = pytest.mark.slow
            parameters += [pytest.param(others, "float32", id=f"{name}-others-float32", marks=mark)]
    return parameters


def by_reduction(cases: Sequence[Case]) -> list[list[Case]]:
    """Groups neighbours that differ in the reduction only: one program does for all of them."""
    same = lambda x: id(x) if isinstance(x, np.ndarray) else x

    def key(case: Case) -> Any:
        options = {name: same(value) for name, value in _others(case).items()}
        arrays = [id(array) for array in case.arrays]
        return id(case) if "reduction" not in case.options else (case.fn, arrays, options)

    return [list(group) for _, group in itertools.groupby(cases, key)]


def joined(cases: Sequence[Case]) -> Case:
    """The rows of a group as one, whose value is all their values in a line."""
    if len(cases) == 1:
        return cases[0]
    reductions = [case.options["reduction"] for case in cases]

    def fn(*arrays: Any, **options: Any) -> jax.Array:
        values = [cases[0].fn(*arrays, **options, reduction=each) for each in reductions]
        return jnp.concatenate(list(map(jnp.ravel, values)))

    return cases[0]._replace(fn=fn, options=_others(cases[0]))


def _others(case: Case) -> dict[str, Any]:
    return {name: value for name, value in case.options.items() if name != "reduction"}
