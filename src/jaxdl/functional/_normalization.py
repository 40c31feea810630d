"""Normalisation of one example at a time: over its features, groups of them, or its positions."""

import math

import jax.numpy as jnp
from jax.lax import rsqrt
from jax.typing import ArrayLike

from jaxdl import _checks, _ranges
from jaxdl._checks import ShapeError, describe
from jaxdl._plain import plain_numbers
from jaxdl._precision import widen
from jaxdl.functional._standardize import standardize
from jaxdl.functional._weights import check_weights
from jaxdl.types import Array, Shape, Weights


@plain_numbers
def layer_norm(
    params: Weights, x: ArrayLike, *, axes: int = 1, epsilon: float | Array = 1e-5
) -> Array:
    """Normalises the features of each position: y = (x - mean) / √(variance + ε) · scale + bias.

    Mean and variance (the biased one) are over the last axes. For half precision they are
    in float32; they stay exact to rounding even if the mean is 10⁴ times the deviation.

    Args:
        params: ``{"scale": shape, "bias": shape}`` with the sizes of the last axes; either or
            both may be omitted.
        x: shape (…, n₁, …, n_axes), floating point.
        axes: number of last axes to normalise jointly.
        epsilon: ε.

    Returns:
        An array of the shape and dtype of ``x``.

    Raises:
        ShapeError: if the last axes of ``x`` aren't those of scale and bias.
        TypeError: if ``x`` isn't floating point.

    Example:
        >>> layer_norm({}, jnp.array([[1.0, 3.0], [10.0, 10.0]]), epsilon=0.0).round(3)
        Array([[-1.,  1.], [nan, nan]], dtype=float32)

    Reference:
        Ba et al., "Layer normalization", 2016, https://arxiv.org/abs/1607.06450.
    """
    _ranges.check("layer_norm", epsilon=epsilon)
    x = _checks.floating("layer_norm", "x", x)
    over = _last_axes("layer_norm", x, axes)
    same_params("layer_norm", params, x.shape[-axes:])
    return affine(params, normalized(x, over, epsilon), x.dtype)


@plain_numbers
def rms_norm(
    params: Weights, x: ArrayLike, *, axes: int = 1, epsilon: float | Array | None = None
) -> Array:
    """Divides by the root mean square of the features: y = x / √(mean(x²) + ε) · scale.

    Args:
        params: ``{"scale": shape}`` with the sizes of the last axes, or ``{}``.
        x: shape (…, n₁, …, n_axes), floating point; half precision is computed in float32.
        axes: number of last axes to normalise jointly.
        epsilon: ε. Defaults to the machine epsilon, as in PyTorch: 1.2e-7, or 2.2e-16 if ``x`` is
            float64. Published models often use 1e-5 or 1e-6.

    Returns:
        An array of the shape and dtype of ``x``.

    Raises:
        ShapeError: if the last axes of ``x`` aren't those of the scale.
        TypeError: if ``x`` isn't floating point.

    Example:
        >>> rms_norm({}, jnp.array([1.0, 7.0])).round(1)
        Array([0.2, 1.4], dtype=float32)

    Reference:
        Zhang and Sennrich, "Root mean square layer normalization", 2019,
        https://arxiv.org/abs/1910.07467.
    """
    if epsilon is not None:
        _ranges.check("rms_norm", epsilon=epsilon)
    x = _checks.floating("rms_norm", "x", x)
    over = _last_axes("rms_norm", x, axes)
    same_params("rms_norm", params, x.shape[-axes:])
    values = widen(x)
    smallest = jnp.finfo(values.dtype).eps if epsilon is None else epsilon
    square = jnp.square(values).mean(over, keepdims=True)
    return affine(params, values * rsqrt(square + jnp.asarray(smallest, values.dtype)), x.dtype)


@plain_numbers
def group_norm(
    params: Weights, x: ArrayLike, *, groups: int, axes: int = 3, epsilon: float | Array = 1e-5
) -> Array:
    """Normalises groups of channels: y = (x - mean) / √(variance + ε) · scale + bias.

    Mean and variance are over a group's channels and all positions of one example.

    Args:
        params: ``{"scale": (channels,), "bias": (channels,)}``; either or both may be omitted.
        x: shape (…, positions …, channels), floating point; half precision is computed in float32.
        groups: number of groups of adjacent channels.
        axes: number of last axes that form one example: 3 for images (height, width, channels), 2
            for sequences, 1 for channels only.
        epsilon: ε.

    Returns:
        An array of the shape and dtype of ``x``.

    Raises:
        ShapeError: if the channels don't divide into groups, aren't those of scale and bias, or
            if a group has only one value.
        TypeError: if ``x`` isn't floating point.

    Example:
        >>> x = jnp.array([1.0, 3.0, 10.0, 30.0])
        >>> group_norm({}, x, groups=2, axes=1).round(3)
        Array([-1.,  1., -1.,  1.], dtype=float32)

    Reference:
        Wu and He, "Group normalization", 2018, https://arxiv.org/abs/1803.08494.
    """
    _ranges.check("group_norm", epsilon=epsilon)
    x = _checks.floating("group_norm", "x", x)
    _checks.positive_ints("group_norm", groups=groups)
    over = _last_axes("group_norm", x, axes)
    if x.shape[-1] % groups:
        raise ShapeError(f"group_norm got {describe(x)}: {groups} groups don't divide its channels")
    same_params("group_norm", params, x.shape[-1:])
    _more_than_one("group_norm", x, math.prod(x.shape[-axes:]) // groups)
    grouped = x.reshape(*x.shape[:-1], groups, x.shape[-1] // groups)
    y = normalized(grouped, (*over[:-1], x.ndim), epsilon)
    return affine(params, y.reshape(x.shape), x.dtype)


@plain_numbers
def instance_norm(
    params: Weights, x: ArrayLike, *, axes: int = 3, epsilon: float | Array = 1e-5
) -> Array:
    """Normalises each channel of one example: y = (x - mean) / √(variance + ε) · scale + bias.

    Mean and variance are over all positions of the example.

    Args:
        params: ``{"scale": (channels,), "bias": (channels,)}``; either or both may be omitted.
        x: shape (…, positions …, channels), floating point; half precision is computed in float32.
        axes: number of last axes that form one example: 3 for images (height, width, channels), 2
            for sequences.
        epsilon: ε.

    Returns:
        An array of the shape and dtype of ``x``.

    Raises:
        ShapeError: if the channels aren't those of scale and bias, or if there is only one
            position.
        TypeError: if ``x`` isn't floating point.

    Example:
        >>> x = jnp.array([[1.0, 5.0], [3.0, 9.0]])
        >>> instance_norm({}, x, axes=2).round(3)
        Array([[-1., -1.], [ 1.,  1.]], dtype=float32)

    Reference:
        Ulyanov et al., "Instance normalization", 2016, https://arxiv.org/abs/1607.08022.
    """
    _ranges.check("instance_norm", epsilon=epsilon)
    x = _checks.floating("instance_norm", "x", x)
    over = _last_axes("instance_norm", x, axes)
    same_params("instance_norm", params, x.shape[-1:])
    _more_than_one("instance_norm", x, math.prod(x.shape[-axes:-1]))
    return affine(params, normalized(x, over[:-1], epsilon), x.dtype)


@plain_numbers
def local_response_norm(
    x: ArrayLike,
    size: int,
    *,
    alpha: float | Array = 1e-4,
    beta: float | Array = 0.75,
    k: float | Array = 1.0,
) -> Array:
    """Divides by the energy of neighbouring channels: y = x / (k + alpha/size · Σ x²)^beta.

    The sum goes over the ``size`` channels around each: size // 2 before it, (size - 1) // 2 after.

    Args:
        x: shape (…, channels), floating point; half precision is computed in float32.
        size: number of channels to sum, positive.
        alpha: weight of the sum.
        beta: exponent.
        k: added to the sum.

    Returns:
        An array of the shape and dtype of ``x``.

    Raises:
        ValueError: if ``size`` isn't a positive integer.
        TypeError: if ``x`` isn't floating point.

    Example:
        >>> local_response_norm(jnp.array([1.0, 2.0]), size=2, alpha=2.0, beta=1.0, k=3.0)
        Array([0.25, 0.25], dtype=float32)

    Reference:
        Krizhevsky et al., "ImageNet classification with deep convolutional neural networks", 2012.
    """
    _ranges.check("local_response_norm", alpha=alpha, beta=beta, k=k)
    x = _checks.floating("local_response_norm", "x", x)
    _checks.positive_ints("local_response_norm", size=size)
    values = widen(x)
    before = [(0, 0)] * (x.ndim - 1)
    padded = jnp.pad(jnp.square(values), [*before, (size // 2, (size - 1) // 2)])
    # Sums of shifted copies fuse into one loop; a window reduction is slow on CPUs.
    total = sum(padded[..., i : i + x.shape[-1]] for i in range(size))
    return (values * (k + alpha / size * total) ** -beta).astype(x.dtype)


def normalized(x: Array, axes: tuple[int, ...], epsilon: float | Array) -> Array:
    """Returns (x - mean) / √(variance + ε) over ``axes``, at least in float32."""
    x = widen(x)
    one, zero = (jnp.full((1,) * x.ndim, number, x.dtype) for number in (1, 0))
    return standardize(x, one, zero, jnp.asarray(epsilon, x.dtype), None, axes, None)[0]


def same_params(function: str, params: Weights, shape: Shape) -> None:
    """Raises a ShapeError unless scale and bias, where there are any, have this shape."""
    check_weights(function, params, {}, ("scale",) if function == "rms_norm" else ("scale", "bias"))
    for name in params:
        if params[name].shape != shape:
            raise ShapeError(
                f"{function}: {name} is {describe(params[name])}; for this x it must be {shape}"
            )


def affine(params: Weights, y: Array, dtype: jnp.dtype) -> Array:
    """Returns y · scale + bias, of those that there are, in ``dtype``."""
    spread = lambda name: jnp.broadcast_to(jnp.asarray(params[name], y.dtype), y.shape)
    y = y * spread("scale") if "scale" in params else y
    return (y + spread("bias") if "bias" in params else y).astype(dtype)


def _last_axes(function: str, x: Array, axes: int) -> tuple[int, ...]:
    """Returns the indices of the last axes, or raises if ``x`` has fewer."""
    _checks.positive_ints(function, axes=axes)
    if not 1 <= axes <= x.ndim:
        raise ShapeError(f"{function} over the last {axes} axes got {describe(x)}")
    return tuple(range(x.ndim - axes, x.ndim))


def _more_than_one(function: str, x: Array, count: int) -> None:
    """Raises a ShapeError if mean and variance would be those of a single value."""
    if count < 2:
        raise ShapeError(f"{function} got {describe(x)}: each mean would be of {count} value(s)")
