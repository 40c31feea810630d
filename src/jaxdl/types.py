"""The types shared by all of jaxdl: plain data and two function signatures."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, TypeAlias

import jax
import numpy as np

from jaxdl import _checks, _factory
from jaxdl._factory import assembly as assembly
from jaxdl._factory import factory as factory

Array: TypeAlias = jax.Array
"""An array of JAX, also while it is traced."""

Key: TypeAlias = jax.Array
"""A typed random key, from ``jax.random.key(seed)``."""

PyTree: TypeAlias = Any
"""Arrays in nested dicts, tuples and lists, or one array."""

Params: TypeAlias = Any
"""What is learned: nested dicts and tuples of arrays."""

Weights: TypeAlias = Mapping[str, jax.Array | np.ndarray]
"""The params of one layer: arrays by name, from JAX or NumPy."""

State: TypeAlias = Any
"""What is carried and not differentiated, as running statistics; ``()`` where there is none."""

Batch: TypeAlias = Any
"""Arrays that share their first axis, by name as ``{"inputs": …, "labels": …}``, or in any tree."""

Metrics: TypeAlias = dict[str, Any]
"""Sums by name that add up over batches and devices; see ``jaxdl.metrics``."""


Row: TypeAlias = dict[str, Any]
"""Numbers by name: a line of a history."""


class Mean(NamedTuple):
    """A weighted mean as two sums, which add up over batches and devices."""

    total: Array
    count: Array  # type: ignore[assignment]  # hides a tuple's method that isn't used


Shape: TypeAlias = tuple[int, ...]
"""The lengths of an array's axes."""

Initializer: TypeAlias = Callable[..., Array]
"""``(key, shape, dtype) -> array``, as in ``jax.nn.initializers``."""


class InitFn(Protocol):
    """Makes the parameters and the state of a layer from a key."""

    def __call__(self, key: Key, /) -> tuple[Params, State]: ...


class ApplyFn(Protocol):
    """Applies a layer; evaluation, the default, needs no key and leaves the state unchanged."""

    def __call__(
        self,
        params: Params,
        state: State,
        x: PyTree,
        *,
        key: Key | None = None,
        train: bool = False,
    ) -> tuple[PyTree, State]: ...


class Layer(NamedTuple):
    """A pair of pure functions, to networks what a GradientTransformation is to optimizers.

    A Layer prints and pickles as the call that made it. Decorate your own functions that return a
    Layer with ``jaxdl.types.factory`` to get the same.

    Example:
        >>> from jaxdl import layers
        >>> init, apply = layers.dense(3, 2)
        >>> params, state = init(jax.random.key(0))
        >>> y, state = apply(params, state, jax.numpy.ones((5, 3)))
        >>> y.shape
        (5, 2)
        >>> layers.dense(3, 2)
        dense(3, 2)
    """

    init: InitFn
    apply: ApplyFn

    def __repr__(self) -> str:
        return _factory.written(self)

    def __treescope_repr__(self, path: object, subtree_renderer: object) -> object:
        from treescope import rendering_parts

        return rendering_parts.text(repr(self))

    def __reduce__(self) -> tuple[object, ...]:
        return _factory.reduced(self)


class BoundLayer(Protocol):
    """A part of ``combinators.compose``: a plain function that carries its parameters."""

    params: Params

    def __call__(self, x: PyTree, /) -> PyTree: ...


class LossFn(Protocol):
    """What a training step differentiates: the loss of a batch, with state and metrics.

    The loss is one number, the mean over the rows weighted by ``batch["weight"]``, which a dict
    always has, or a ``Mean`` whose count says what else it is a mean over; see ``jaxdl.train``.
    """

    def __call__(
        self, params: Params, state: State, batch: Batch, *, key: Key | None, train: bool
    ) -> tuple[Any, tuple[State, Metrics]]: ...


class Init(NamedTuple):
    """How a layer draws its kernel, and its bias given the number of inputs (fan-in)."""

    kernel: Initializer
    bias: Callable[[int], Initializer] = lambda fan_in: jax.nn.initializers.zeros


def named(name: str, init: InitFn, apply: ApplyFn) -> Layer:
    """Returns the pair as a Layer; sets the name, for messages, on ``apply``, a new function.

    The layer's operations carry the name too, for profiles and to find the source of a nan.
    """
    apply.__name__ = name  # type: ignore[attr-defined]
    scoped = jax.named_scope(name)(apply)
    scoped.made = None  # type: ignore[attr-defined]  # a factory records its call here

    @functools.wraps(init)
    def init_fn(key: Key, /) -> tuple[Params, State]:
        if not _checks.is_one_key(key):
            got = f"{key.dtype}{list(key.shape)}" if hasattr(key, "dtype") else repr(key)
            raise TypeError(
                f"{name}: init got {got}; it takes one key, as jax.random.key(0), and an ensemble "
                "is jax.vmap(net.init)(keys)"
            )
        return init(key)

    return Layer(init_fn, scoped)


def no_params(key: Key) -> tuple[Params, State]:
    """The init of a Layer with neither params nor state."""
    return (), ()


def stateless(name: str, fn: Callable[[PyTree], PyTree]) -> Layer:
    """Returns a Layer with neither params nor state that applies ``fn`` to its input."""

    def apply_fn(
        params: Params, state: State, x: PyTree, *, key: Key | None = None, train: bool = False
    ) -> tuple[PyTree, State]:
        return fn(x), state

    return named(name, no_params, apply_fn)


def name_of(layer: Layer) -> str:
    """Returns the name of a layer in messages, e.g. ``"dense(784, 512)"``."""
    return getattr(layer.apply, "__name__", "layer")
