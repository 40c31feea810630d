"""Checks of gradients against finite differences, and of where numbers stop being finite."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl import _checks, _paths, train
from jaxdl._checked import checked
from jaxdl._checks import ShapeError
from jaxdl.explain._text import table
from jaxdl.types import Array, Layer, Params, PyTree


class LeafCheck(NamedTuple):
    """The entry of one leaf where the two derivatives differ most."""

    path: str
    entry: tuple[int, ...]
    autodiff: float
    difference: float  # by finite differences
    error: float


class GradientCheck(NamedTuple):
    """The result of ``gradient_check``; ``print`` shows a table."""

    worst: str  # the path of the worst leaf
    error: float
    leaves: tuple[LeafCheck, ...]  # worst first

    def __str__(self) -> str:
        return _text(self)


@checked
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
    hide a wrong derivative. At a kink, such as relu's at 0, they may differ and both be right.

    Args:
        f: ``(params) -> one number``. float32 arrays that it closes over, such as a batch, are
            promoted; casts to float32 inside it cost digits.
        params: a pytree of floating-point arrays.
        step: h.
        samples: number of entries of each leaf to try, drawn at random; all if it has fewer.
        seed: seed of the draw.

    Returns:
        A GradientCheck. The error of an entry is the distance between its two derivatives, divided
        by the larger of them or by a hundredth of the largest derivative overall, whichever is
        greater.

    Raises:
        TypeError: if a leaf isn't floating point.
        ShapeError: if ``f`` doesn't return one number.
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
            raise ShapeError(f"gradient_check: f returned {value}; it must return one number")
        pairs = _derivatives(jax.jit(f), wide, step, samples, np.random.default_rng(seed))
    least = max(max(abs(a), abs(d)) for _, _, a, d in pairs) / 100
    found = [
        LeafCheck(path, index, a, d, abs(a - d) / max(abs(a), abs(d), least, 1e-300))
        for path, index, a, d in pairs
    ]
    # A nan counts as the worst.
    found.sort(key=lambda row: -np.inf if np.isnan(row.error) else -row.error)
    leaves = tuple({row.path: row for row in reversed(found)}.values())[::-1]
    return GradientCheck(found[0].path, found[0].error, leaves)


def first_nonfinite(f: Callable[..., PyTree] | Layer, *args: object) -> str | None:
    """Names the layer and operation that first turn finite numbers into nan or infinity.

    Args:
        f: any function of arrays, such as a gradient; or a Layer.
        *args: its arguments; for a Layer, params, state and x.

    Returns:
        A text such as ``"in log log gives float32[2] with 1 nan"``, or None if no operation does.

    Example:
        >>> from jaxdl import layers, serial
        >>> net = serial(layers.rescale(2.0), jnp.log)
        >>> first_nonfinite(net, ((), ()), ((), ()), jnp.array([[1.0, -1.0]]))
        'in log log gives float32[1,2] with 1 nan'
    """
    return train.first_not_finite(f.apply if isinstance(f, Layer) else f, *args)


_Pair = tuple[str, tuple[int, ...], float, float]


def _derivatives(
    f: Callable[[Params], Array],
    params: Params,
    step: float,
    samples: int,
    random: np.random.Generator,
) -> list[_Pair]:
    """For entries of every leaf: the path, entry, derivative and difference."""
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
