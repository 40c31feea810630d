"""Gradients against finite differences, and where a number isn't finite."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl import _checks, _paths, train
from jaxdl._checks import ShapeError
from jaxdl.explain._text import table
from jaxdl.types import Array, Layer, Params


class LeafCheck(NamedTuple):
    """The entry of one leaf where both derivatives differ most."""

    path: str
    entry: tuple[int, ...]
    autodiff: float
    difference: float  # by finite differences
    error: float


class GradientCheck(NamedTuple):
    """What ``gradient_check`` gives; ``print`` shows a table."""

    worst: str  # the path of the worst leaf
    error: float
    leaves: tuple[LeafCheck, ...]  # the worst first

    def __str__(self) -> str:
        return _text(self)


def gradient_check(
    f: Callable[[Params], Array],
    params: Params,
    *,
    step: float = 1e-6,
    samples: int = 20,
    seed: int = 0,
) -> GradientCheck:
    """Compares the gradient with central differences: (f(θ + h·eᵢ) - f(θ - h·eᵢ)) / 2h.

    Both are computed in float64, whatever the dtype of the parameters, so that rounding doesn't
    hide a wrong derivative. At a kink, as of relu at 0, both may differ and be right.

    Args:
        f: ``(params) -> one number``. What it holds in float32 by itself, such as a batch, is
            promoted; what it casts to float32 costs digits.
        params: a pytree of floating-point arrays.
        step: h.
        samples: how many entries of each leaf are tried, drawn at random; all if it has fewer.
        seed: of the drawing.

    Returns:
        A GradientCheck. The error of an entry is the distance of both derivatives, divided by the
        larger of them, or by a hundredth of the largest derivative of all where that is larger.

    Raises:
        TypeError: if a leaf isn't floating point.
        ShapeError: if ``f`` doesn't give one number.
        ValueError: if there are no parameters, or ``samples`` isn't a positive integer.

    Example:
        >>> check = gradient_check(lambda p: jnp.sum(p["kernel"] ** 3), {"kernel": jnp.arange(3.0)})
        >>> check.worst, check.error < 1e-8
        ('kernel', True)
    """
    _checks.positive_ints("gradient_check", samples=samples)
    if not jax.tree.leaves(params):
        raise ValueError("gradient_check: params has no leaves")
    for path, leaf in jax.tree.leaves_with_path(params):
        _checks.floating("gradient_check", f"params/{_paths.spell(path)}", leaf)
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        wide = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf), jnp.float64), params)
        value = jax.eval_shape(f, wide)
        if getattr(value, "shape", None) != ():
            raise ShapeError(f"gradient_check: f gave {value}; it must give one number")
        pairs = _derivatives(jax.jit(f), wide, step, samples, np.random.default_rng(seed))
    least = max(max(abs(a), abs(d)) for _, _, a, d in pairs) / 100
    found = [
        LeafCheck(path, index, a, d, abs(a - d) / max(abs(a), abs(d), least, 1e-300))
        for path, index, a, d in pairs
    ]
    # A nan is the worst of all.
    found.sort(key=lambda row: -np.inf if np.isnan(row.error) else -row.error)
    leaves = tuple({row.path: row for row in reversed(found)}.values())[::-1]
    return GradientCheck(found[0].path, found[0].error, leaves)


def first_nonfinite(f: Callable[..., Any] | Layer, *args: Any) -> str | None:
    """Names the layer and the operation that first makes nan or infinity out of finite numbers.

    Args:
        f: any function of arrays, such as a gradient; or a Layer.
        *args: where it is computed; of a Layer params, state and x.

    Returns:
        As ``"in log log gives float32[2] with 1 nan"``, or None where no operation does.

    Example:
        >>> from jaxdl import layers, serial
        >>> net = serial(layers.rescale(2.0), jnp.log)
        >>> first_nonfinite(net, ((), ()), ((), ()), jnp.array([[1.0, -1.0]]))
        'in log log gives float32[1,2] with 1 nan'
    """
    return train.first_not_finite(f.apply if isinstance(f, Layer) else f, *args)


_Pair = tuple[str, tuple[int, ...], float, float]


def _derivatives(
    f: Callable[[Params], Array], params: Params, step: float, samples: int, random: Any
) -> list[_Pair]:
    """For entries of every leaf: its path, the entry, the derivative, and the difference."""
    gradient, (leaves, tree) = jax.grad(f)(params), jax.tree.flatten(params)
    paths = [path for path, _ in jax.tree.leaves_with_path(params)]
    pairs = []
    for i, (path, slope) in enumerate(zip(paths, jax.tree.leaves(gradient), strict=True)):
        name = _paths.spell(path)
        for flat in random.permutation(slope.size)[:samples]:
            index = tuple(int(k) for k in np.unravel_index(flat, slope.shape))
            shifted = [
                f(
                    jax.tree.unflatten(
                        tree, [*leaves[:i], leaves[i].at[index].add(h), *leaves[i + 1 :]]
                    )
                )
                for h in (step, -step)
            ]
            pairs.append(
                (name, index, float(slope[index]), float(shifted[0] - shifted[1]) / (2 * step))
            )
    return pairs


def _text(check: GradientCheck) -> str:
    header = ["leaf", "entry", "autodiff", "difference", "error"]
    rows = [
        [
            row.path,
            str(row.entry),
            f"{row.autodiff:.6g}",
            f"{row.difference:.6g}",
            f"{row.error:.1e}",
        ]
        for row in check.leaves
    ]
    return table(header, rows)
