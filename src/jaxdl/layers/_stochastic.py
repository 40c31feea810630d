"""Layers that draw random numbers in training and do nothing in evaluation."""

import functools
from collections.abc import Callable

import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import _checks, functional
from jaxdl.functional._stochastic import nonnegative
from jaxdl.types import Array, Key, Layer, Params, State, factory, named


@factory
def dropout(rate: float | Array) -> Layer:
    """Drops a share of the entries in training; see ``functional.dropout``.

    Args:
        rate: the share that is dropped, in [0, 1].

    Returns:
        A Layer with neither params nor state. In training its apply needs a key.

    Raises:
        ValueError: if ``rate`` is a number outside [0, 1], or in training without a key.

    Example:
        >>> y, _ = dropout(0.5).apply((), (), jnp.ones(4))
        >>> y
        Array([1., 1., 1., 1.], dtype=float32)
    """
    name = f"dropout({rate})"
    _checks.in_unit_interval(name, "rate", rate, closed=True)
    return _in_training(name, functools.partial(functional.dropout, rate=rate))


@factory
def feature_dropout(rate: float | Array, *, axes: int) -> Layer:
    """Drops whole channels of each example in training; see ``functional.feature_dropout``.

    Args:
        rate: the share of channels that is dropped, in [0, 1].
        axes: how many of the last axes are one example: 3 for images (height, width, channels), 2
            for sequences (time, features).

    Returns:
        A Layer with neither params nor state. In training its apply needs a key.

    Raises:
        ValueError: if ``rate`` is a number outside [0, 1], or in training without a key.

    Example:
        >>> import jax
        >>> x = jnp.ones((2, 4, 4, 3))
        >>> y, _ = feature_dropout(0.5, axes=3).apply((), (), x, key=jax.random.key(0), train=True)
        >>> y.shape
        (2, 4, 4, 3)
    """
    name = f"feature_dropout({rate}, axes={axes})"
    _checks.in_unit_interval(name, "rate", rate, closed=True)
    _checks.positive_ints(name, axes=axes)
    return _in_training(name, functools.partial(functional.feature_dropout, rate=rate, axes=axes))


@factory
def drop_path(rate: float | Array, *, axes: int) -> Layer:
    """Drops whole examples in training, as a residual branch; see ``functional.drop_path``.

    Args:
        rate: the share of examples that is dropped, in [0, 1].
        axes: how many of the last axes are one example: 3 for images (height, width, channels), 2
            for sequences (time, features), 1 for features.

    Returns:
        A Layer with neither params nor state. In training its apply needs a key.

    Raises:
        ValueError: if ``rate`` is a number outside [0, 1], or in training without a key.

    Example:
        >>> import jax
        >>> x = jnp.ones((4, 3))
        >>> y, _ = drop_path(0.5, axes=1).apply((), (), x, key=jax.random.key(0), train=True)
        >>> y.shape
        (4, 3)
    """
    name = f"drop_path({rate}, axes={axes})"
    _checks.in_unit_interval(name, "rate", rate, closed=True)
    _checks.positive_ints(name, axes=axes)
    return _in_training(name, functools.partial(functional.drop_path, rate=rate, axes=axes))


@factory
def alpha_dropout(rate: float | Array) -> Layer:
    """Dropout for selu, which keeps mean and variance; see ``functional.alpha_dropout``.

    Args:
        rate: the share that is dropped, in [0, 1].

    Returns:
        A Layer with neither params nor state. In training its apply needs a key.

    Raises:
        ValueError: if ``rate`` is a number outside [0, 1], or in training without a key.

    Example:
        >>> y, _ = alpha_dropout(0.5).apply((), (), jnp.ones(4))
        >>> y
        Array([1., 1., 1., 1.], dtype=float32)
    """
    name = f"alpha_dropout({rate})"
    _checks.in_unit_interval(name, "rate", rate, closed=True)
    return _in_training(name, functools.partial(functional.alpha_dropout, rate=rate))


@factory
def feature_alpha_dropout(rate: float | Array, *, axes: int) -> Layer:
    """Drops whole channels as alpha_dropout does; see ``functional.feature_alpha_dropout``.

    Args:
        rate: the share of channels that is dropped, in [0, 1].
        axes: how many of the last axes are one example: 3 for images (height, width, channels), 2
            for sequences (time, features).

    Returns:
        A Layer with neither params nor state. In training its apply needs a key.

    Raises:
        ValueError: if ``rate`` is a number outside [0, 1], or in training without a key.

    Example:
        >>> import jax
        >>> x = jnp.ones((2, 4, 4, 3))
        >>> net = feature_alpha_dropout(0.5, axes=3)
        >>> y, _ = net.apply((), (), x, key=jax.random.key(0), train=True)
        >>> y.shape
        (2, 4, 4, 3)
    """
    name = f"feature_alpha_dropout({rate}, axes={axes})"
    _checks.in_unit_interval(name, "rate", rate, closed=True)
    _checks.positive_ints(name, axes=axes)
    return _in_training(
        name, functools.partial(functional.feature_alpha_dropout, rate=rate, axes=axes)
    )


@factory
def gaussian_noise(stddev: float | Array) -> Layer:
    """Adds normal noise in training; see ``functional.gaussian_noise``.

    Args:
        stddev: the standard deviation of the noise, at least 0.

    Returns:
        A Layer with neither params nor state. In training its apply needs a key.

    Raises:
        ValueError: if ``stddev`` is a negative number, or in training without a key.

    Example:
        >>> y, _ = gaussian_noise(0.1).apply((), (), jnp.ones(4))
        >>> y
        Array([1., 1., 1., 1.], dtype=float32)
    """
    name = f"gaussian_noise({stddev})"
    nonnegative(name, "stddev", stddev)
    return _in_training(name, functools.partial(functional.gaussian_noise, stddev=stddev))


@factory
def gaussian_dropout(rate: float | Array) -> Layer:
    """Multiplies by normal noise in training; see ``functional.gaussian_dropout``.

    Args:
        rate: the share that ``dropout`` of the same variance drops, in [0, 1).

    Returns:
        A Layer with neither params nor state. In training its apply needs a key.

    Raises:
        ValueError: if ``rate`` is a number outside [0, 1), or in training without a key.

    Example:
        >>> y, _ = gaussian_dropout(0.5).apply((), (), jnp.ones(4))
        >>> y
        Array([1., 1., 1., 1.], dtype=float32)
    """
    name = f"gaussian_dropout({rate})"
    _checks.in_unit_interval(name, "rate", rate)
    return _in_training(name, functools.partial(functional.gaussian_dropout, rate=rate))


def _in_training(name: str, draw: Callable[[Key, ArrayLike], Array]) -> Layer:
    """Returns a Layer that computes ``draw(key, x)`` in training, and x in evaluation."""

    def init_fn(key: Key) -> tuple[Params, State]:
        return (), ()

    def apply_fn(
        params: Params, state: State, x: ArrayLike, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        if not train:
            return jnp.asarray(x), state
        if key is None:
            raise ValueError(f"{name} needs a key in training: apply(…, key=key, train=True)")
        return draw(key, x), state

    return named(name, init_fn, apply_fn)
