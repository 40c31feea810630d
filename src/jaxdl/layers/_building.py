"""Building factories of Layers: from a function without parameters, or with kernel and bias."""

import contextlib
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Concatenate, ParamSpec

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike, DTypeLike

from jaxdl import _factory
from jaxdl._checks import ShapeError, describe
from jaxdl.types import (
    Array,
    Init,
    Key,
    Layer,
    Params,
    Shape,
    State,
    factory,
    named,
    no_params,
    stateless,
)

P = ParamSpec("P")

_PROBE = jax.ShapeDtypeStruct((64, 64, 64, 64), jnp.float32)
"""A placeholder image for validating options when a layer is made; its shape may not fit."""


def layer_of(fn: Callable[Concatenate[ArrayLike, P], Array], example: str) -> Callable[P, Layer]:
    """Returns a factory of layers that apply ``fn``, with its options, to their input.

    Args:
        fn: ``(x, *args, **kwargs) -> y``, of ``jaxdl.functional``. Its errors about invalid
            options are raised when the layer is made.
        example: the example in the factory's docstring; the rest comes from ``fn``.
    """

    def make(*args: P.args, **kwargs: P.kwargs) -> Layer:
        compute = lambda x: fn(x, *args, **kwargs)
        _try_options(compute, _PROBE)
        return stateless(_factory.call(fn.__name__, args, kwargs), compute)

    return _documented(make, fn, 1, "A Layer with neither params nor state.", example)


def noise_of(
    fn: Callable[Concatenate[Key, ArrayLike, P], Array], example: str
) -> Callable[P, Layer]:
    """Returns a factory of layers that compute ``fn(key, x)`` in training, and x in evaluation."""

    def make(*args: P.args, **kwargs: P.kwargs) -> Layer:
        name = _factory.call(fn.__name__, args, kwargs)
        _try_options(lambda key, x: fn(key, x, *args, **kwargs), jax.random.key(0), _PROBE)

        def apply_fn(
            params: Params,
            state: State,
            x: ArrayLike,
            *,
            key: Key | None = None,
            train: bool = False,
        ) -> tuple[Array, State]:
            if not train:
                return jnp.asarray(x), state
            return fn(needed(name, key), x, *args, **kwargs), state

        return named(name, no_params, apply_fn)

    returns = "A Layer with neither params nor state. In training its apply needs a key."
    return _documented(make, fn, 2, returns, example)


def needed(name: str, key: Key | None) -> Key:
    """Returns the key, or raises a ValueError if there is none."""
    if key is None:
        raise ValueError(f"{name} needs a key in training: apply(…, key=key, train=True)")
    return key


def affine(
    name: str,
    fn: Callable[[Mapping[str, Array], ArrayLike], Array],
    shape: Shape,
    n_out: int,
    *,
    fan_in: int,
    bias: bool,
    init: Init,
    dtype: DTypeLike,
    drawn: Shape | None = None,
) -> Layer:
    """Returns a Layer that applies ``fn`` with a kernel and an optional bias.

    Args:
        name: name of the layer.
        fn: ``(params, x) -> y``.
        shape: shape of the kernel.
        n_out: size of the bias.
        fan_in: fan-in for the bias's initializer.
        bias: whether to add a bias.
        init: initializer of both.
        dtype: dtype of the parameters.
        drawn: the shape in which to draw the kernel before reshaping. Defaults to ``shape``.
    """
    if not isinstance(init, Init):
        raise TypeError(f"{name}: init is {init!r}; it must be like initializers.he_default")
    floating_dtype(name, dtype)
    shapes = {"kernel": shape} | ({"bias": (n_out,)} if bias else {})

    def init_fn(key: Key) -> tuple[Params, State]:
        kernel_key, bias_key = jax.random.split(key)
        params = {"kernel": init.kernel(kernel_key, drawn or shape, dtype).reshape(shape)}
        if bias:
            params["bias"] = init.bias(fan_in)(bias_key, (n_out,), dtype)
        return params, ()

    def apply_fn(
        params: Params, state: State, x: ArrayLike, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        check_params(name, params, shapes)
        return fn(params, x), state

    return named(name, init_fn, apply_fn)


def check_params(name: str, params: Params, shapes: Mapping[str, Shape]) -> None:
    """Raises unless params fit the layer; those of another layer might work silently."""
    if not isinstance(params, Mapping):
        kind = describe(params) if isinstance(params, jax.Array) else repr(params)
        raise TypeError(f"{name}: params are {kind:.60}; they must be {_shown(shapes)}")
    found = {leaf: getattr(x, "shape", None) for leaf, x in params.items()}
    if found != dict(shapes):
        raise ShapeError(f"{name} got params {_shown(found)}; they must be {_shown(shapes)}")


def floating_dtype(name: str, dtype: DTypeLike) -> None:
    """Raises a TypeError unless parameters can have this dtype."""
    try:
        right = jnp.issubdtype(jnp.dtype(dtype), jnp.floating)
    except TypeError:
        right = False
    if not right:
        raise TypeError(f"{name}: dtype is {dtype!r}; it must be floating point")


def _shown(shapes: Mapping[str, object]) -> str:
    return ", ".join(f"{leaf} {shape}" for leaf, shape in shapes.items()) or "empty"


def _try_options(fn: Callable[..., Array], *args: object) -> None:
    """Lets ``fn`` raise errors about its options, ignoring those about the probe's shape."""
    with contextlib.suppress(ShapeError):
        jax.eval_shape(fn, *args)


def _documented(
    make: Callable[P, Layer], fn: Callable[..., Array], skipped: int, returns: str, example: str
) -> Callable[P, Layer]:
    """Gives a factory the name, signature and documentation of its function."""
    parameters = list(inspect.signature(fn).parameters.values())
    make.__name__ = make.__qualname__ = fn.__name__
    make.__module__ = "jaxdl.layers"
    signature = inspect.Signature(parameters[skipped:], return_annotation=Layer)
    make.__signature__ = signature  # type: ignore[attr-defined]
    text = inspect.getdoc(fn) or ""
    first = text.partition("\n")[0]
    options = re.split(r"\n    (?=\S)", text.partition("Args:")[2].partition("\n\n")[0])[1:]
    lines = [line for line in options if line.partition(":")[0] not in ("key", "x")]
    make.__doc__ = "\n".join(
        [
            f"{first}\n\nSee ``functional.{fn.__name__}``.\n",
            *(["Args:", *(f"    {line}" for line in lines), ""] if lines else []),
            f"Returns:\n    {returns}\n",
            "Raises:\n    ValueError: if an option is out of range.\n",
            "Example:\n    >>> import jax.numpy as jnp",
            *(f"    {line}" for line in inspect.cleandoc(example).splitlines()),
        ]
    )
    return factory(make)
