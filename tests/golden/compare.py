"""Evaluates a Case at a dtype, and compares it with the golden values of its PyTorch twin."""

import functools
import hashlib
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from case import Case

FOLDER = Path(__file__).parent
DTYPES = ("float32", "float64")
BOUNDS = {"float32": 1e-5, "float64": 1e-12}
"""Relative; the absolute bound is a tenth of it."""

QUICK = {
    "xla_backend_optimization_level": 0,
    "xla_cpu_parallel_codegen_split_count": 1,
    "xla_allow_excess_precision": False,  # half precision is rounded after every operation
}
if jax.__version_info__ < (0, 11):
    QUICK["xla_cpu_use_fusion_emitters"] = False  # later versions have no others
quick_jit = functools.partial(jax.jit, compiler_options=QUICK)
"""For checks of mathematics on a few numbers: compiles several times faster, and runs slower."""


def cast(tree: Any, dtype: Any) -> Any:
    """The tree with its floating NumPy arrays in ``dtype``; all other leaves stay."""
    floating = lambda x: isinstance(x, np.ndarray) and jnp.issubdtype(x.dtype, jnp.floating)
    with np.errstate(over="ignore"):  # 1e30 is inf in float16, and meant to be
        return jax.tree.map(lambda x: x.astype(dtype) if floating(x) else x, tree)


def cotangent(case: Case, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers away from 0, of both signs, exact in float32, drawn from the row's name."""
    random = np.random.RandomState(zlib.crc32(case.id.encode()))
    signs = random.choice([-1.0, 1.0], size=shape)
    return np.asarray(signs * random.uniform(0.5, 1.5, size=shape), np.float32)


def fingerprint(case: Case) -> str:
    """A digest of everything that the golden values of a row depend on.

    Of numbers seven digits count: the last ones of NumPy's ``exp`` differ between processors.
    """
    name = lambda x: f"{x.__module__}.{x.__qualname__}" if callable(x) else repr(x)
    digits = lambda x: [f"{number:.7g}" for number in x.ravel().tolist()]
    shown = lambda x: (x.dtype, x.shape, digits(x)) if isinstance(x, np.ndarray) else name(x)
    options = case.options if case.torch_options is None else case.torch_options
    parts: list[object] = [case.torch, case.differentiate, [shown(a) for a in case.arrays]]
    parts += [(key, shown(value)) for key, value in sorted(options.items())]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def bind(case: Case, dtype: Any) -> tuple[Callable[..., jax.Array], list[jax.Array]]:
    """The row's function of the arrays that it is differentiated in, and those arrays."""
    arrays = [jnp.asarray(array) for array in cast(list(case.arrays), dtype)]
    options = cast(dict(case.options), dtype)

    def fn(*active: jax.Array) -> jax.Array:
        full = dict(enumerate(arrays)) | dict(zip(case.differentiate, active, strict=True))
        return case.fn(*(full[i] for i in range(len(arrays))), **options)

    return fn, [arrays[i] for i in case.differentiate]


def evaluate(case: Case, dtype: Any) -> dict[str, np.ndarray]:
    """Value and gradients, the latter for the row's cotangent."""
    return evaluate_all([(case, dtype)])[0]


def evaluate_all(pairs: Sequence[tuple[Case, Any]]) -> list[dict[str, np.ndarray]]:
    """Value and gradients of rows at dtypes, all in one program."""
    bound = [bind(case, dtype) for case, dtype in pairs]
    run = lambda everything: [
        _evaluated(case, fn, active)
        for (case, _), (fn, _), active in zip(pairs, bound, everything, strict=True)
    ]
    return jax.device_get(quick_jit(run)([active for _, active in bound]))


def _evaluated(
    case: Case, fn: Callable[..., jax.Array], active: list[jax.Array]
) -> dict[str, jax.Array]:
    value, pullback = jax.vjp(fn, *active)
    gradients = pullback(jnp.asarray(cotangent(case, value.shape)).astype(value.dtype))
    named = {f"gradient{i}": g for i, g in zip(case.differentiate, gradients, strict=True)}
    return {"value": value} | named


@functools.cache
def load(table: str) -> dict[str, np.ndarray]:
    """The golden arrays of a table, by ``id|dtype|name``."""
    with np.load(FOLDER / f"{table}.npz") as stored:
        return dict(stored)


def check_all(table: str, cases: Sequence[Case], dtype: str) -> None:
    """Raises an AssertionError where one of the rows differs from PyTorch by more than it may.

    nan and inf stand at the same places. Points at which ``case.skip`` is True don't count, in the
    value and in those gradients that have the mask's shape.

    Args:
        table: the name of the golden file.
        cases: rows of the table, which one program computes.
        dtype: one of DTYPES.
    """
    with jax.enable_x64(dtype == "float64"):
        everything = evaluate_all([(case, dtype) for case in cases])
    for case, got in zip(cases, everything, strict=True):
        _compare(load(table), case, dtype, got)


def _compare(
    golden: dict[str, np.ndarray], case: Case, dtype: str, got: dict[str, np.ndarray]
) -> None:
    made_for = str(golden.get(f"{case.id}|fingerprint"))
    assert made_for == fingerprint(case), f"{case.id} has changed: make its golden file again"
    bound = case.tolerance.get(dtype, BOUNDS[dtype])
    skip = None if case.skip is None else case.skip(*cast(case.arrays, dtype))
    for name, value in got.items():
        expected = golden[f"{case.id}|{dtype}|{name}"]
        assert value.dtype == dtype and value.shape == expected.shape, (name, value.dtype)
        if skip is not None and np.shape(skip) == value.shape:
            value, expected = value[~skip], expected[~skip]
        message = f"{name} of {case.id} in {dtype}"
        np.testing.assert_allclose(value, expected, bound, bound / 10, err_msg=message)
