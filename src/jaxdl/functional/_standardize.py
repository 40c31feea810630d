"""What all normalisations share: statistics that stay right far from 0, and a cheap derivative."""

import functools
import math
from typing import TypeAlias

import jax
import jax.numpy as jnp

from jaxdl.types import Array

Result: TypeAlias = tuple[Array, Array, Array, Array]


# Autodiff would go back through mean and variance one after the other, in twice the passes over x.
# A rule for tangents is enough: its transpose is the short backward pass, and both modes work.
@functools.partial(jax.custom_jvp, nondiff_argnums=(5, 6))
def standardize(
    x: Array,
    scale: Array,
    bias: Array,
    epsilon: Array,
    where: Array | None,
    axes: tuple[int, ...],
    axis_name: str | None,
) -> Result:
    """Returns y = (x - mean) / √(variance + ε) · scale + bias, mean, variance, and their count.

    Mean and biased variance are over ``axes``, over ``axis_name`` where there is one, and over the
    values where ``where`` is True; they keep the axes. Scale and bias are constant along ``axes``.
    """
    shift, rest, variance = _moments(x, where, axes, axis_name)
    factor = jax.lax.rsqrt(variance + epsilon) * scale
    y = (x - shift - rest) * factor + bias
    return y, shift + rest, variance, _count(x, where, axes, axis_name)


@standardize.defjvp
def _standardize_jvp(
    axes: tuple[int, ...],
    axis_name: str | None,
    primals: tuple[Array, Array, Array, Array, Array | None],
    tangents: tuple[Array, Array, Array, Array, Array | None],
) -> tuple[Result, Result]:
    x, scale, bias, epsilon, where = primals
    dx, dscale, dbias, depsilon, _ = tangents
    shift, rest, variance = _moments(x, where, axes, axis_name)
    inverse = jax.lax.rsqrt(variance + epsilon)
    normal, factor = (x - shift - rest) * inverse, inverse * scale
    y = (x - shift - rest) * factor + bias
    dmean = _mean(dx, where, axes, axis_name)
    along = _mean(normal * dx, where, axes, axis_name)
    dy = factor * dx + (dbias - factor * dmean)
    dy += normal * (dscale - factor * (along + inverse * depsilon / 2))
    count = _count(x, where, axes, axis_name)
    values = y, shift + rest, variance, count
    return values, (dy, dmean, 2 * along / inverse, jnp.zeros_like(count))


def _moments(
    x: Array, where: Array | None, axes: tuple[int, ...], axis_name: str | None
) -> tuple[Array, Array, Array]:
    """Returns a first mean, what rounding left out of it, and the variance.

    The mean of x is rounded in units of x, which shows at 10⁴ deviations from 0. So the sums that
    count are of x minus that mean; whatever is subtracted, mean and variance come out the same,
    which is why no gradient has to pass through it.
    """
    shift = _mean(jax.lax.stop_gradient(x), where, axes, axis_name)
    centered = x - shift
    rest = _mean(centered, where, axes, axis_name)
    variance = _mean(jnp.square(centered), where, axes, axis_name) - jnp.square(rest)
    return shift, rest, jnp.where(variance < 0, 0, variance)


def _mean(x: Array, where: Array | None, axes: tuple[int, ...], axis_name: str | None) -> Array:
    """Returns the mean over axes and devices of the values that count; of none it is 0."""
    total = x.sum(axes, where=where, keepdims=True)
    total = total if axis_name is None else jax.lax.psum(total, axis_name)
    return total / jnp.maximum(_count(x, where, axes, axis_name), 1)


def _count(x: Array, where: Array | None, axes: tuple[int, ...], axis_name: str | None) -> Array:
    """Returns the number of values that a mean is taken over, on all axes and devices."""
    full = jnp.asarray(math.prod(x.shape[axis] for axis in axes), x.dtype)
    count = full if where is None else where.sum(dtype=x.dtype)
    return count if axis_name is None else jax.lax.psum(count, axis_name)
