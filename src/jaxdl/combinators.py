"""Functions that make one Layer out of others, whatever those compute."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jax
from jax.typing import ArrayLike

from jaxdl.checks import ShapeError
from jaxdl.types import Array, Key, Layer, Params, State, name_of, named, stateless

LayerLike: TypeAlias = Layer | Callable[[Array], Array]
"""A Layer, or a plain function of one array, such as an activation."""


def serial(*layers: LayerLike, **parts: LayerLike) -> Layer:
    """Applies layers one after another: y = fₙ(… f₂(f₁(x))).

    Args:
        *layers: Layers, or plain functions of one array, such as an activation.
        **parts: the same by name, instead of by position.

    Returns:
        A Layer whose params and state are tuples by position, or dicts by name. Part i draws from
        ``fold_in(key, i)``, so that a part's numbers don't depend on what stands behind it.

    Raises:
        ValueError: without layers, or with both positions and names.
        ShapeError: at trace time, where sizes don't chain; it names both layers.

    Example:
        >>> from jaxdl import activations, layers
        >>> net = serial(layers.dense(3, 4), activations.relu, layers.dense(4, 2))
        >>> params, state = net.init(jax.random.key(0))
        >>> y, state = net.apply(params, state, jax.numpy.ones((5, 3)))
        >>> y.shape
        (5, 2)
    """
    if bool(layers) == bool(parts):
        raise ValueError("serial needs layers, either all by position or all by name")
    names: Sequence[Any] = tuple(parts) or range(len(layers))
    chain = tuple(map(lift, layers or parts.values()))
    # Params and states by position are tuples, by name dicts: both are read by parts' names.
    pack = lambda values: dict(zip(names, values, strict=True)) if parts else tuple(values)

    def init_fn(key: Key) -> tuple[Params, State]:
        pairs = [layer.init(jax.random.fold_in(key, i)) for i, layer in enumerate(chain)]
        return pack(params for params, _ in pairs), pack(state for _, state in pairs)

    def apply_fn(
        params: Params, state: State, x: ArrayLike, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        states = []
        for i, (name, layer) in enumerate(zip(names, chain, strict=True)):
            part_key = None if key is None else jax.random.fold_in(key, i)
            try:
                x, part = layer.apply(params[name], state[name], x, key=part_key, train=train)
            except ShapeError as error:
                # An inner serial, nearer to the layer, has already said where its input is from.
                if i == 0 or error.__cause__ is not None:
                    raise
                path = _path(chain[:i], [params[name] for name in names[:i]])
                raise ShapeError(f"{error}; what comes in is the output of {path}") from error
            states.append(part)
        return x, pack(states)  # type: ignore[return-value]

    ends = [name_of(layer) for layer in chain]
    middle = ends if len(ends) < 4 else [ends[0], "…", ends[-1]]
    return named(f"serial({', '.join(middle)})", init_fn, apply_fn)


def lift(f: LayerLike) -> Layer:
    """Makes a Layer with neither params nor state of a plain function; a Layer stays as it is.

    Args:
        f: a Layer, or a function of one array.

    Returns:
        A Layer.

    Raises:
        TypeError: if ``f`` is neither.

    Example:
        >>> y, _ = lift(jax.nn.relu).apply((), (), -1.0)
        >>> float(y)
        0.0
    """
    if isinstance(f, Layer):
        return f
    if not callable(f):
        raise TypeError(f"a network is made of Layers and functions of one array, not of {f!r}")
    return stateless(getattr(f, "__name__", type(f).__name__), f)


def _path(before: Sequence[Layer], params: Sequence[Params]) -> str:
    """Names the layers from the last one with parameters on, such as "dense(4, 8), then relu"."""
    last = max((i for i, p in enumerate(params) if jax.tree.leaves(p)), default=0)
    return ", then ".join(map(name_of, before[last:]))
