"""Piecewise linear activations, with stated gradients at the kinks."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl._checks import floating
from jaxdl._ranges import numbers, ordered
from jaxdl.activations._options import activation, per_feature
from jaxdl.types import Array, Key


def identity(x: ArrayLike) -> Array:
    """Returns x unchanged; Keras calls it ``linear``.

    Args:
        x: any shape and dtype.

    Returns:
        ``x`` as an array.

    Example:
        >>> identity(2.0)
        Array(2., dtype=float32, weak_type=True)
    """
    return jnp.asarray(x)


def step(x: ArrayLike) -> Array:
    """Binary step, used in the first perceptrons: 1 where x ≥ 0, else 0.

    Its gradient is 0 everywhere, at 0 too, so layers below it can't learn by gradient descent.

    Returns:
        The shape of ``x``; nan stays nan.

    Reference:
        McCulloch and Pitts, "A logical calculus of the ideas immanent in nervous activity", 1943.

    Example:
        >>> step(jnp.array([-1.0, 0.0, 2.0]))
        Array([0., 1., 1.], dtype=float32)
    """
    x = jax.lax.stop_gradient(floating("step", "x", x))
    return jnp.where(x >= 0, 1, jnp.where(x < 0, 0, x))


def relu(x: ArrayLike) -> Array:
    """Rectified linear unit: max(x, 0), with gradient 0 at 0.

    Returns:
        The shape of ``x``. The gradient at nan is 0; in PyTorch it is 1.

    Example:
        >>> relu(jnp.array([-1.0, 0.0, 2.0]))
        Array([0., 0., 2.], dtype=float32)
    """
    return jax.nn.relu(floating("relu", "x", x))


def relu6(x: ArrayLike) -> Array:
    """Rectified linear unit capped at 6: min(max(x, 0), 6), with gradient 0 at 0 and at 6.

    Example:
        >>> relu6(jnp.array([-1.0, 2.0, 9.0]))
        Array([0., 2., 6.], dtype=float32)
    """
    return jax.nn.relu6(floating("relu6", "x", x))


@activation
def leaky_relu(x: Array, *, negative_slope: ArrayLike = 0.01) -> Array:
    """Leaky relu: x where x > 0, else negative_slope · x.

    The gradient at 0 is ``negative_slope``, as in PyTorch; in ``jax.nn.leaky_relu`` it is 1.

    Args:
        x: any shape.
        negative_slope: slope below 0, a scalar.

    Example:
        >>> leaky_relu(jnp.array([-1.0, 2.0]), negative_slope=0.25)
        Array([-0.25,  2.  ], dtype=float32)
    """
    return _leaky(x, *numbers("leaky_relu", x, negative_slope=negative_slope))


@activation
def prelu(x: Array, weight: ArrayLike, *, axis: int = -1) -> Array:
    """Leaky relu with a learned slope: x where x > 0, else weight · x.

    Args:
        x: any shape.
        weight: one slope, shape () or (1,), or one per entry along ``axis``; PyTorch
            initializes it to 0.25.
        axis: the feature axis. Defaults to the last; in PyTorch it is 1.

    Raises:
        ShapeError: if ``weight`` has another shape.

    Reference:
        He et al., "Delving deep into rectifiers", 2015, https://arxiv.org/abs/1502.01852.

    Example:
        >>> prelu(jnp.array([[-1.0, -1.0]]), jnp.array([0.25, 0.5]))
        Array([[-0.25, -0.5 ]], dtype=float32)
    """
    return _leaky(x, per_feature("prelu", "weight", weight, x, axis))


def _leaky(x: Array, slope: Array) -> Array:
    # Keep +inf away from the slope, whose gradient would be 0 · inf.
    return jnp.where(x > 0, x, slope * jnp.where(x > 0, 0, x))


@activation
def rrelu(
    x: Array,
    *,
    lower: ArrayLike = 1 / 8,
    upper: ArrayLike = 1 / 3,
    key: Key | None = None,
    train: bool = False,
) -> Array:
    """Leaky relu with a random slope: x where x > 0, else a · x.

    In training, a is drawn from U(lower, upper) per entry; otherwise a = (lower + upper)/2.

    Args:
        x: any shape.
        lower: smallest slope.
        upper: largest slope.
        key: key to draw the slopes with; needed in training.
        train: whether to draw the slopes.

    Raises:
        ValueError: in training without a key, or if ``lower`` exceeds ``upper``.

    Reference:
        Xu et al., "Empirical evaluation of rectified activations in convolutional network", 2015,
        https://arxiv.org/abs/1505.00853.

    Example:
        >>> rrelu(jnp.array([-1.0, 2.0]), lower=0.25, upper=0.75)
        Array([-0.5,  2. ], dtype=float32)
    """
    low, high = numbers("rrelu", x, lower=lower, upper=upper)
    ordered("rrelu", lower=lower, upper=upper)
    if not train:
        return _leaky(x, (low + high) / 2)
    if key is None:
        raise ValueError("rrelu needs a key in training: rrelu(x, key=key, train=True)")
    return _leaky(x, jax.random.uniform(key, x.shape, x.dtype, minval=low, maxval=high))


@activation
def hardtanh(x: Array, *, min_val: ArrayLike = -1.0, max_val: ArrayLike = 1.0) -> Array:
    """Clips x: min(max(x, min_val), max_val), with gradient 0 at both bounds.

    This is PyTorch's gradient; at the bounds ``jax.nn.hard_tanh`` has 1, and ``jnp.clip`` 1/2.

    Args:
        x: any shape.
        min_val: lower bound.
        max_val: upper bound.

    Raises:
        ValueError: if ``min_val`` exceeds ``max_val``.

    Example:
        >>> hardtanh(jnp.array([-3.0, 0.5, 3.0]))
        Array([-1. ,  0.5,  1. ], dtype=float32)
    """
    low, high = numbers("hardtanh", x, min_val=min_val, max_val=max_val)
    ordered("hardtanh", min_val=min_val, max_val=max_val)
    return jnp.where(x <= low, low, jnp.where(x >= high, high, x))


@activation
def hardsigmoid(x: Array) -> Array:
    """Piecewise linear sigmoid: 0 where x ≤ -3, 1 where x ≥ 3, else x/6 + 1/2.

    ``jax.nn.hard_sigmoid`` rounds x + 3 first, so its gradient just below 3 is 0.

    Returns:
        The shape of ``x``, with gradient 0 at ±3.

    Example:
        >>> hardsigmoid(jnp.array([-4.0, 0.0, 4.0]))
        Array([0. , 0.5, 1. ], dtype=float32)
    """
    return jnp.where(x <= -3, 0, jnp.where(x >= 3, 1, x / 6 + 0.5))


@activation
def hardswish(x: Array) -> Array:
    """Swish with the hard sigmoid: x · hardsigmoid(x), with gradient 0 at -3 and 1 at 3.

    Returns:
        The shape of ``x``; nan at -inf, as in PyTorch.

    Reference:
        Howard et al., "Searching for MobileNetV3", 2019, https://arxiv.org/abs/1905.02244.

    Example:
        >>> hardswish(jnp.array([-4.0, 0.0, 4.0]))
        Array([-0.,  0.,  4.], dtype=float32)
    """
    return x * hardsigmoid(x)


@activation
def hardshrink(x: Array, *, lambd: ArrayLike = 0.5) -> Array:
    """Zeroes small values: 0 where -lambd ≤ x ≤ lambd, with gradient 0 there, else x.

    Args:
        x: any shape.
        lambd: largest magnitude to zero, at least 0.

    Example:
        >>> hardshrink(jnp.array([-2.0, 0.5, 2.0]))
        Array([-2.,  0.,  2.], dtype=float32)
    """
    (half,) = numbers("hardshrink", x, lambd=lambd)
    return jnp.where((x >= -half) & (x <= half), 0, x)


@activation
def softshrink(x: Array, *, lambd: ArrayLike = 0.5) -> Array:
    """Shrinks towards 0: x - lambd above lambd, x + lambd below -lambd, else 0.

    This is the proximal operator of lambd · |x|. The gradient at ±lambd is 0.

    Args:
        x: any shape.
        lambd: amount to shrink by, at least 0.

    Returns:
        The shape of ``x``; nan stays nan.

    Raises:
        ValueError: if ``lambd`` is negative.

    Example:
        >>> softshrink(jnp.array([-2.0, 0.5, 2.0]))
        Array([-1.5,  0. ,  1.5], dtype=float32)
    """
    (by,) = numbers("softshrink", x, lambd=lambd)
    return jnp.where(x > by, x - by, jnp.where(x < -by, x + by, 0 * x))


@activation
def threshold(x: Array, *, threshold: ArrayLike, value: ArrayLike) -> Array:
    """Replaces small values: value where x ≤ threshold, with gradient 0 there, else x.

    Args:
        x: any shape.
        threshold: entries above it are kept.
        value: replacement for the others.

    Returns:
        The shape of ``x``; nan stays nan.

    Example:
        >>> threshold(jnp.array([-2.0, 0.5]), threshold=0.0, value=9.0)
        Array([9. , 0.5], dtype=float32)
    """
    bound, other = numbers("threshold", x, threshold=threshold, value=value)
    return jnp.where(x <= bound, other, x)
