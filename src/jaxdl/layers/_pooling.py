"""Pooling layers, which have neither params nor state."""

import functools
from collections.abc import Sequence

from jaxdl import functional
from jaxdl.functional._windows import one_an_axis
from jaxdl.types import Layer, factory, stateless


@factory
def max_pool(
    window: Sequence[int],
    *,
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int | tuple[int, int]] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
) -> Layer:
    """Keeps the largest entry of each window; see ``functional.max_pool``.

    Args:
        window: its size, one number an axis, as ``(2, 2)`` for images.
        stride: the step between windows; the window's size unless given.
        padding: how far windows reach over the image's edges.
        dilation: the step between a window's entries.
        ceil_mode: whether a last window that reaches over the end counts too.

    Returns:
        A Layer with neither params nor state.

    Example:
        >>> import jax.numpy as jnp
        >>> y, _ = max_pool((2, 2)).apply((), (), jnp.ones((5, 28, 28, 3)))
        >>> y.shape
        (5, 14, 14, 3)
    """
    fn = functools.partial(
        functional.max_pool,
        window=window,
        stride=stride,
        padding=padding,
        dilation=dilation,
        ceil_mode=ceil_mode,
    )
    return stateless(f"max_pool({one_an_axis('max_pool', 'window', window)})", fn)


@factory
def avg_pool(
    window: Sequence[int],
    *,
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int | tuple[int, int]] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Layer:
    """Takes the mean of each window; see ``functional.avg_pool``.

    Args:
        window: its size, one number an axis, as ``(2, 2)`` for images.
        stride: the step between windows; the window's size unless given.
        padding: how far windows reach over the image's edges.
        ceil_mode: whether a last window that reaches over the end counts too.
        count_include_pad: whether padding counts as entries that are 0.

    Returns:
        A Layer with neither params nor state.

    Example:
        >>> import jax.numpy as jnp
        >>> y, _ = avg_pool((2, 2)).apply((), (), jnp.ones((5, 28, 28, 3)))
        >>> y.shape
        (5, 14, 14, 3)
    """
    fn = functools.partial(
        functional.avg_pool,
        window=window,
        stride=stride,
        padding=padding,
        ceil_mode=ceil_mode,
        count_include_pad=count_include_pad,
    )
    return stateless(f"avg_pool({one_an_axis('avg_pool', 'window', window)})", fn)


@factory
def lp_pool(
    window: Sequence[int],
    *,
    norm_type: float = 2.0,
    stride: int | Sequence[int] | None = None,
    ceil_mode: bool = False,
) -> Layer:
    """Takes the p-norm of each window; see ``functional.lp_pool``.

    Args:
        window: its size, one number an axis.
        norm_type: p.
        stride: the step between windows; the window's size unless given.
        ceil_mode: whether a last window that reaches over the end counts too.

    Returns:
        A Layer with neither params nor state.

    Example:
        >>> import jax.numpy as jnp
        >>> y, _ = lp_pool((2, 2)).apply((), (), jnp.ones((5, 28, 28, 3)))
        >>> float(y[0, 0, 0, 0])
        2.0
    """
    fn = functools.partial(
        functional.lp_pool, window=window, norm_type=norm_type, stride=stride, ceil_mode=ceil_mode
    )
    return stateless(f"lp_pool({one_an_axis('lp_pool', 'window', window)})", fn)


@factory
def adaptive_avg_pool(size: Sequence[int]) -> Layer:
    """Takes the means of as many windows as asked for; see ``functional.adaptive_avg_pool``.

    Args:
        size: how many windows an axis.

    Returns:
        A Layer with neither params nor state.

    Example:
        >>> import jax.numpy as jnp
        >>> y, _ = adaptive_avg_pool((7, 7)).apply((), (), jnp.ones((5, 16, 20, 3)))
        >>> y.shape
        (5, 7, 7, 3)
    """
    fn = functools.partial(functional.adaptive_avg_pool, size=size)
    return stateless(f"adaptive_avg_pool({one_an_axis('adaptive_avg_pool', 'size', size)})", fn)


@factory
def adaptive_max_pool(size: Sequence[int]) -> Layer:
    """Keeps the largest of as many windows as asked for; see ``functional.adaptive_max_pool``.

    Args:
        size: how many windows an axis.

    Returns:
        A Layer with neither params nor state.

    Example:
        >>> import jax.numpy as jnp
        >>> y, _ = adaptive_max_pool((7, 7)).apply((), (), jnp.ones((5, 16, 20, 3)))
        >>> y.shape
        (5, 7, 7, 3)
    """
    fn = functools.partial(functional.adaptive_max_pool, size=size)
    return stateless(f"adaptive_max_pool({one_an_axis('adaptive_max_pool', 'size', size)})", fn)


@factory
def global_avg_pool(*, axes: int = 2) -> Layer:
    """Takes the mean of each channel over the image; see ``functional.global_avg_pool``.

    Args:
        axes: how many spatial axes there are.

    Returns:
        A Layer with neither params nor state.

    Example:
        >>> import jax.numpy as jnp
        >>> y, _ = global_avg_pool().apply((), (), jnp.ones((5, 7, 7, 64)))
        >>> y.shape
        (5, 64)
    """
    fn = functools.partial(functional.global_avg_pool, axes=axes)
    return stateless(f"global_avg_pool(axes={axes})", fn)


@factory
def global_max_pool(*, axes: int = 2) -> Layer:
    """Keeps the largest entry of each channel; see ``functional.global_max_pool``.

    Args:
        axes: how many spatial axes there are.

    Returns:
        A Layer with neither params nor state.

    Example:
        >>> import jax.numpy as jnp
        >>> y, _ = global_max_pool().apply((), (), jnp.ones((5, 7, 7, 64)))
        >>> y.shape
        (5, 64)
    """
    fn = functools.partial(functional.global_max_pool, axes=axes)
    return stateless(f"global_max_pool(axes={axes})", fn)
