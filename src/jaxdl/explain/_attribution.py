"""Which numbers of an input explain a result, and which examples resemble it."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from numpy.typing import ArrayLike

from jaxdl import _checks
from jaxdl._checked import checked
from jaxdl._checks import ShapeError, describe
from jaxdl.types import Array


class Nearest(NamedTuple):
    """The result of ``nearest_examples``."""

    indices: Array  # (N, k), the nearest first
    distances: Array  # (N, k)


def saliency(
    f: Callable[[Array], Array], x: ArrayLike, *, targets: ArrayLike | None = None
) -> Array:
    """How much a result changes with each number of the input: |∂f_c(x)/∂x|.

    Args:
        f: maps (N, …) to logits (N, classes), or to one number per example, (N,). Each result
            must depend on its own example alone, as in evaluation.
        x: examples, shape (N, …), floating point.
        targets: the class c of each row, shape (N,). Defaults to the largest logit.

    Returns:
        An array of the shape of ``x``.

    Raises:
        TypeError: if ``x`` isn't floating point, or the targets aren't integers.
        ShapeError: if the results or the targets have the wrong shape.
        ValueError: if a target isn't one of the classes.

    Example:
        >>> saliency(lambda x: x @ jnp.array([[1.0, -2.0], [0.0, 3.0]]), jnp.array([[1.0, 1.0]]))
        Array([[1., 0.]], dtype=float32)

    Reference:
        Simonyan, Vedaldi and Zisserman, "Deep inside convolutional networks", 2014,
        https://arxiv.org/abs/1312.6034.
    """
    x = _checks.floating("saliency", "x", x)
    return jnp.abs(_gradient(f, x, _targets("saliency", f, x, targets)))


@checked
def integrated_gradients(
    f: Callable[[Array], Array],
    x: ArrayLike,
    *,
    baseline: ArrayLike | None = None,
    targets: ArrayLike | None = None,
    steps: int = 64,
) -> Array:
    """Distributes f_c(x) - f_c(b) over the input's numbers: (x - b)·∫₀¹ ∂f_c(b + t(x - b))/∂x dt.

    Args:
        f: as for ``saliency``.
        x: examples, shape (N, …), floating point.
        baseline: b, an uninformative input such as a black image, with the shape of ``x`` or of one
            example. Defaults to zeros.
        targets: the class c of each row, shape (N,). Defaults to the largest logit.
        steps: number of points in the midpoint rule.

    Returns:
        An array of the shape of ``x``. For each example it sums to f_c(x) - f_c(b), up to the error
        of the integration.

    Raises:
        TypeError: if ``x`` isn't floating point, or the targets aren't integers.
        ShapeError: if the results, the baseline or the targets have the wrong shape.
        ValueError: if ``steps`` isn't a positive integer, or a target isn't one of the classes.

    Example:
        >>> integrated_gradients(lambda x: x[:, 0] ** 2 + x[:, 1], jnp.array([[3.0, 1.0]]))
        Array([[9., 1.]], dtype=float32)

    Reference:
        Sundararajan, Taly and Yan, "Axiomatic attribution for deep networks", 2017,
        https://arxiv.org/abs/1703.01365.
    """
    _checks.positive_ints("integrated_gradients", steps=steps)
    x = _checks.floating("integrated_gradients", "x", x)
    base = jnp.zeros_like(x) if baseline is None else jnp.asarray(baseline, x.dtype)
    if base.shape not in (x.shape, x.shape[1:]):
        raise ShapeError(
            f"integrated_gradients: baseline is {describe(base)}; it needs the shape of "
            f"x, {describe(x)}, or of one example"
        )
    base = jnp.broadcast_to(base, x.shape)
    chosen = _targets("integrated_gradients", f, x, targets)
    times = (jnp.arange(steps, dtype=x.dtype) + 0.5) / steps
    at = lambda t: _gradient(f, base + t * (x - base), chosen)
    return (x - base) * jax.lax.map(at, times).mean(axis=0)


@checked
def nearest_examples(
    queries: ArrayLike,
    examples: ArrayLike,
    *,
    k: int = 5,
    features: Callable[[Array], Array] | None = None,
    metric: Literal["euclidean", "cosine"] = "euclidean",
) -> Nearest:
    """Finds the examples most similar to each query, as raw inputs or in a network's features.

    Args:
        queries: shape (N, …).
        examples: shape (M, …), such as the training examples.
        k: number of examples to find, at most M.
        features: maps (N, …) to the (N, …) that is compared, such as the activations of a layer,
            ``lambda x: explain.trace(net, params, state, x).layers[-2].a``.
        metric: "euclidean", or "cosine" for 1 - the cosine of the angle; an all-zero vector counts
            as at a right angle to every other.

    Returns:
        A Nearest.

    Raises:
        ValueError: if ``k`` isn't between 1 and M, or the metric is unknown.
        ShapeError: if queries and examples differ in shape after the first axis.

    Example:
        >>> nearest_examples(jnp.array([[1.0]]), jnp.array([[5.0], [0.5], [2.0]]), k=2)
        Nearest(indices=Array([[1, 2]], dtype=int32), distances=Array([[0.5, 1. ]], dtype=float32))
    """
    _checks.positive_ints("nearest_examples", k=k)
    if metric not in ("euclidean", "cosine"):
        raise ValueError(f'nearest_examples: metric is {metric!r}; it is "euclidean" or "cosine"')
    a, b = jnp.asarray(queries), jnp.asarray(examples)
    if a.shape[1:] != b.shape[1:] or min(a.ndim, b.ndim) < 1:
        raise ShapeError(f"nearest_examples: queries {describe(a)} and examples {describe(b)}")
    if k > len(b):
        raise ValueError(f"nearest_examples: k is {k}, but there are {len(b)} examples")
    rows_a, rows_b = (_rows(x if features is None else features(x), metric) for x in (a, b))
    distances = jax.lax.map(lambda row: _distances(row, rows_b, metric), rows_a)
    least, indices = jax.lax.top_k(-distances, k)
    return Nearest(indices, -least)


def _rows(x: Array, metric: str) -> Array:
    rows = jnp.asarray(x, jnp.float32).reshape(len(x), -1)
    length = jnp.sqrt(jnp.sum(rows * rows, axis=1, keepdims=True))
    length = jnp.where(length == 0, 1.0, length)
    return rows if metric == "euclidean" else rows / jnp.broadcast_to(length, rows.shape)


def _distances(row: Array, rows: Array, metric: str) -> Array:
    # From differences, not products: small distances would be lost to rounding.
    squares = jnp.sum(jnp.square(rows - row[None]), axis=1)
    if metric == "euclidean":
        return jnp.sqrt(squares)
    return jnp.where(rows.any(axis=1) & row.any(), squares / 2, 1.0)


def _gradient(f: Callable[[Array], Array], x: Array, targets: Array | None) -> Array:
    def total(x: Array) -> Array:
        y = f(x)
        if targets is not None:
            y = jnp.take_along_axis(y, targets[:, None], axis=1)
        return jnp.sum(y)

    return jax.grad(total)(x)


def _targets(
    function: str, f: Callable[[Array], Array], x: Array, targets: ArrayLike | None
) -> Array | None:
    """The class of each example; None if results are single numbers."""
    y = jax.eval_shape(f, x)
    if y.ndim not in (1, 2) or x.ndim == 0 or y.shape[0] != x.shape[0]:
        needs = "logits (N, classes) or one number per example (N,)"
        raise ShapeError(f"{function}: f gave {describe(y)} for {describe(x)}; it must be {needs}")
    if y.ndim == 1:
        if targets is not None:
            raise ShapeError(f"{function}: f gives one number per example; it takes no targets")
        return None
    chosen = jnp.argmax(f(x), axis=1) if targets is None else jnp.asarray(targets)
    if chosen.shape != y.shape[:1]:
        raise ShapeError(f"{function}: targets is {describe(chosen)}; it needs shape {y.shape[:1]}")
    _check_classes(function, chosen, y.shape[1])
    return chosen.astype(jnp.int32)


def _check_classes(function: str, targets: Array, count: int) -> None:
    """Raises unless targets are integers and, if concrete, existing classes."""
    if not jnp.issubdtype(targets.dtype, jnp.integer):
        raise TypeError(f"{function}: targets is {describe(targets)}; they must be integers")
    if isinstance(targets, jax.core.Tracer) or not targets.size:
        return
    low, high = int(targets.min()), int(targets.max())
    if low < 0 or high >= count:
        raise ValueError(f"{function}: targets go from {low} to {high}; f has {count} classes")
