"""Layers that normalise each example separately."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike, DTypeLike

from jaxdl import _checks, _ranges, functional
from jaxdl._checks import ShapeError, describe
from jaxdl.layers._building import floating_dtype
from jaxdl.types import Array, Key, Layer, Params, Shape, State, factory, named


@factory
def layer_norm(
    n: int | Sequence[int],
    *,
    epsilon: float | Array = 1e-5,
    scale: bool = True,
    bias: bool = True,
    dtype: DTypeLike = jnp.float32,
) -> Layer:
    """Normalises the features of each position; see ``functional.layer_norm``.

    Args:
        n: features on the last axis, or the sizes of the last axes to normalise jointly.
        epsilon: added to the variance.
        scale: whether to learn a scale, initially 1.
        bias: whether to learn a bias, initially 0.
        dtype: dtype of the parameters.

    Returns:
        A Layer with params ``{"scale": shape, "bias": shape}`` and no state.

    Raises:
        ValueError: if a size isn't a positive integer.

    Example:
        >>> import jax
        >>> params, _ = layer_norm(512).init(jax.random.key(0))
        >>> params["scale"].shape, params["bias"].shape
        ((512,), (512,))
    """
    shape, name = _named_shape("layer_norm", n)
    _ranges.check(name, epsilon=epsilon)
    floating_dtype(name, dtype)

    def init_fn(key: Key) -> tuple[Params, State]:
        return affine_params(shape, scale, bias, dtype), ()

    def apply_fn(
        params: Params, state: State, x: ArrayLike, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        _same_last_axes(name, x, shape)
        return functional.layer_norm(params, x, axes=len(shape), epsilon=epsilon), state

    return named(name, init_fn, apply_fn)


@factory
def rms_norm(
    n: int | Sequence[int],
    *,
    epsilon: float | Array | None = None,
    scale: bool = True,
    dtype: DTypeLike = jnp.float32,
) -> Layer:
    """Divides by the root mean square of the features; see ``functional.rms_norm``.

    Args:
        n: features on the last axis, or the sizes of the last axes to normalise jointly.
        epsilon: added to the mean square. Defaults to the machine epsilon (1.2e-7 in float32),
            as in PyTorch.
        scale: whether to learn a scale, initially 1.
        dtype: dtype of the parameters.

    Returns:
        A Layer with params ``{"scale": shape}`` and no state.

    Raises:
        ValueError: if a size isn't a positive integer.

    Example:
        >>> import jax
        >>> params, _ = rms_norm(512).init(jax.random.key(0))
        >>> params["scale"].shape
        (512,)
    """
    shape, name = _named_shape("rms_norm", n)
    if epsilon is not None:
        _ranges.check(name, epsilon=epsilon)
    floating_dtype(name, dtype)

    def init_fn(key: Key) -> tuple[Params, State]:
        return affine_params(shape, scale, False, dtype), ()

    def apply_fn(
        params: Params, state: State, x: ArrayLike, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        _same_last_axes(name, x, shape)
        return functional.rms_norm(params, x, axes=len(shape), epsilon=epsilon), state

    return named(name, init_fn, apply_fn)


@factory
def group_norm(
    groups: int,
    n: int,
    *,
    axes: int = 3,
    epsilon: float | Array = 1e-5,
    affine: bool = True,
    dtype: DTypeLike = jnp.float32,
) -> Layer:
    """Normalises groups of channels of each example; see ``functional.group_norm``.

    Args:
        groups: number of groups of adjacent channels; must divide ``n``.
        n: channels, on the last axis.
        axes: number of last axes that form one example: 3 for images (height, width, channels), 2
            for sequences (time, features), 1 for channels only.
        epsilon: added to the variance.
        affine: whether to learn a scale and a bias per channel, initially 1 and 0.
        dtype: dtype of the parameters.

    Returns:
        A Layer with params ``{"scale": (n,), "bias": (n,)}`` and no state.

    Raises:
        ValueError: if a size isn't a positive integer, or ``groups`` doesn't divide ``n``.

    Example:
        >>> import jax
        >>> params, _ = group_norm(8, 64).init(jax.random.key(0))
        >>> params["scale"].shape
        (64,)
    """
    name = f"group_norm({groups}, {n})"
    _checks.positive_ints(name, groups=groups, n=n, axes=axes)
    _ranges.check(name, epsilon=epsilon)
    floating_dtype(name, dtype)
    if n % groups:
        raise ValueError(f"{name}: {groups} groups don't divide {n} channels")

    def init_fn(key: Key) -> tuple[Params, State]:
        return affine_params((n,), affine, affine, dtype), ()

    def apply_fn(
        params: Params, state: State, x: ArrayLike, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        _checks.last_axis(name, _checks.floating(name, "x", x), n)
        y = functional.group_norm(params, x, groups=groups, axes=axes, epsilon=epsilon)
        return y, state

    return named(name, init_fn, apply_fn)


@factory
def instance_norm(
    n: int,
    *,
    axes: int = 3,
    epsilon: float | Array = 1e-5,
    affine: bool = False,
    dtype: DTypeLike = jnp.float32,
) -> Layer:
    """Normalises each channel of each example; see ``functional.instance_norm``.

    Args:
        n: channels, on the last axis.
        axes: number of last axes that form one example: 3 for images (height, width, channels), 2
            for sequences (time, features).
        epsilon: added to the variance.
        affine: whether to learn a scale and a bias per channel, initially 1 and 0.
        dtype: dtype of the parameters.

    Returns:
        A Layer with params ``{}``, or ``{"scale": (n,), "bias": (n,)}``, and no state;
        training and evaluation are the same.

    Raises:
        ValueError: if a size isn't a positive integer.

    Example:
        >>> y, _ = instance_norm(1, axes=2).apply({}, (), jnp.array([[1.0], [3.0]]))
        >>> y.round(3).ravel()
        Array([-1.,  1.], dtype=float32)
    """
    name = f"instance_norm({n})"
    _checks.positive_ints(name, n=n, axes=axes)
    _ranges.check(name, epsilon=epsilon)
    floating_dtype(name, dtype)

    def init_fn(key: Key) -> tuple[Params, State]:
        return affine_params((n,), affine, affine, dtype), ()

    def apply_fn(
        params: Params, state: State, x: ArrayLike, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        _checks.last_axis(name, _checks.floating(name, "x", x), n)
        return functional.instance_norm(params, x, axes=axes, epsilon=epsilon), state

    return named(name, init_fn, apply_fn)


def affine_params(shape: Shape, scale: bool, bias: bool, dtype: DTypeLike) -> dict[str, Array]:
    """Returns a scale of ones and a bias of zeros, each only if requested."""
    params = {"scale": jnp.ones(shape, dtype)} if scale else {}
    return params | ({"bias": jnp.zeros(shape, dtype)} if bias else {})


def _named_shape(kind: str, n: int | Sequence[int]) -> tuple[Shape, str]:
    """Returns the sizes of the last axes, and the name of a layer over them."""
    shape = tuple(n) if isinstance(n, Sequence) else (n,)
    name = f"{kind}({', '.join(map(str, shape))})"
    if not shape:
        raise ValueError(f"{name} needs at least one size")
    _checks.positive_ints(name, **{f"size {i}": size for i, size in enumerate(shape)})
    return shape, name


def _same_last_axes(name: str, x: ArrayLike, shape: Shape) -> None:
    """Raises a ShapeError unless the last axes of ``x`` have these sizes."""
    if np.shape(x)[-len(shape) :] != shape:
        raise ShapeError(f"{name} got {describe(x)}, and needs {shape} on its last axes")
