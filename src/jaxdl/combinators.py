"""Functions that make one Layer out of others, whatever those compute."""

import functools
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from jaxdl import _checks
from jaxdl._checks import ShapeError, describe
from jaxdl.types import Array, InitFn, Key, Layer, Params, State, name_of, named, stateless

LayerLike: TypeAlias = Layer | Callable[[Array], Array]
"""A Layer, or a plain function of one array, such as an activation."""

Merge: TypeAlias = Literal["sum", "concat"] | Callable[[Sequence[Array]], Array]
"""How the results of branches become one: added, joined along the last axis, or by a function."""


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
    names, chain, pack = _parts("serial", layers, parts)

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

    return named(f"serial({_brief(chain)})", _init(chain, pack), apply_fn)


def branch(*layers: LayerLike, merge: Merge = "sum", **parts: LayerLike) -> Layer:
    """Applies layers side by side to the same input: y = merge(f₁(x), …, fₙ(x)).

    Args:
        *layers: Layers, or plain functions of one array.
        merge: ``"sum"``, ``"concat"`` along the last axis, or a function of the list of results.
        **parts: the same by name, instead of by position.

    Returns:
        A Layer whose params and state are tuples by position, or dicts by name, as in ``serial``.

    Raises:
        ValueError: without layers, or with both positions and names.
        ShapeError: at trace time, if the results don't have the shapes that ``merge`` needs.

    Example:
        >>> both = branch(jax.numpy.tanh, jax.nn.relu, merge="concat")
        >>> y, _ = both.apply(((), ()), ((), ()), jax.numpy.ones((5, 3)))
        >>> y.shape
        (5, 6)
    """
    names, chain, pack = _parts("branch", layers, parts)
    name = f"branch({_brief(chain)})"

    def apply_fn(
        params: Params, state: State, x: ArrayLike, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        keys = [None if key is None else jax.random.fold_in(key, i) for i in range(len(chain))]
        pairs = [
            layer.apply(params[part], state[part], x, key=part_key, train=train)
            for part, layer, part_key in zip(names, chain, keys, strict=True)
        ]
        results = [result for result, _ in pairs]
        return _merge(name, merge, results), pack(state for _, state in pairs)

    return named(name, _init(chain, pack), apply_fn)


def residual(layer: LayerLike, *, shortcut: LayerLike | None = None) -> Layer:
    """Adds what comes in to what a layer makes of it: y = x + f(x), or y = s(x) + f(x).

    Args:
        layer: f, a Layer or a function of one array; several go in as a ``serial``.
        shortcut: s, such as a 1×1 convolution where f changes the shape; the identity unless given.

    Returns:
        A Layer with params and state ``{"body": …, "shortcut": …}``.

    Raises:
        ShapeError: at trace time, if both sides don't have the same shape.

    Example:
        >>> y, _ = residual(jax.nn.relu).apply(*[{"body": (), "shortcut": ()}] * 2, 2.0)
        >>> float(y)
        4.0

    Reference:
        He et al., "Deep residual learning for image recognition", 2016.
    """
    sides = branch(body=layer, shortcut=jnp.asarray if shortcut is None else shortcut)
    return named(f"residual({name_of(lift(layer))})", *sides)


def repeat(layer: Layer, n: int, *, unroll: int = 1) -> Layer:
    """Applies a layer n times, each time with its own parameters, compiled once.

    It computes ``serial(layer, …, layer)`` as a ``lax.scan`` over parameters stacked along a new
    first axis: the program of 48 blocks is no longer than that of one.

    Args:
        layer: a Layer whose result has the shape and dtype of what comes in.
        n: how often.
        unroll: how many of them the loop's body holds: with more, it compiles longer, and runs
            some percent faster on CPUs.

    Returns:
        A Layer whose params and state are those of ``layer`` with n entries along a first axis.
        Like a part of ``serial``, the i-th draws from ``fold_in(key, i)``.

    Raises:
        ValueError: if a number isn't a positive integer.
        ShapeError: at trace time, if the layer changes shape or dtype.

    Example:
        >>> from jaxdl import layers
        >>> params, state = repeat(layers.dense(8, 8), 48).init(jax.random.key(0))
        >>> params["kernel"].shape
        (48, 8, 8)
    """
    name = f"repeat({name_of(layer)}, {n})"
    _checks.positive_ints(name, n=n, unroll=unroll)

    @jax.jit  # op by op, the vectorised drawing of random numbers compiles for seconds
    def init_fn(key: Key) -> tuple[Params, State]:
        return jax.vmap(lambda i: layer.init(jax.random.fold_in(key, i)))(jnp.arange(n))

    def apply_fn(
        params: Params, state: State, x: ArrayLike, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        def body(x: Array, part: tuple[Params, State, Array]) -> tuple[Array, State]:
            own, own_state, i = part
            own_key = None if key is None else jax.random.fold_in(key, i)
            y, own_state = layer.apply(own, own_state, x, key=own_key, train=train)
            if (y.shape, y.dtype) != (x.shape, x.dtype):
                raise ShapeError(f"{name} made {describe(y)} of {describe(x)}; it must keep both")
            return y, own_state

        return lax.scan(body, jnp.asarray(x), (params, state, jnp.arange(n)), unroll=unroll)

    return named(name, init_fn, apply_fn)


def remat(layer: Layer, *, policy: Callable[..., bool] | None = None) -> Layer:
    """Computes a layer again in the backward pass instead of keeping its results in memory.

    Args:
        layer: a Layer.
        policy: which results are kept nevertheless; see ``jax.checkpoint_policies``.

    Returns:
        A Layer that computes the same, with the same params and state.

    Example:
        >>> from jaxdl import layers
        >>> deep = repeat(remat(serial(layers.dense(8, 8), jax.numpy.tanh)), 48)
    """

    def apply_fn(
        params: Params, state: State, x: ArrayLike, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        again = jax.checkpoint(functools.partial(layer.apply, train=train), policy=policy)
        return again(params, state, x, key=key)

    return named(f"remat({name_of(layer)})", layer.init, apply_fn)


def frozen(layer: Layer) -> Layer:
    """Keeps a layer as it is while the rest of a network learns.

    No gradient reaches its parameters, and it computes as in evaluation, in training too: nothing
    is dropped, and running statistics stay. A gradient of 0 doesn't stop the weight decay of an
    optimizer; ``optim.by_path`` keeps an optimizer away from a part altogether.

    Args:
        layer: a Layer.

    Returns:
        A Layer with the same params and state.

    Example:
        >>> from jaxdl import layers
        >>> net = serial(body=frozen(layers.dense(8, 4)), head=layers.dense(4, 2))
    """

    def apply_fn(
        params: Params, state: State, x: ArrayLike, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        return layer.apply(lax.stop_gradient(params), state, x)

    return named(f"frozen({name_of(layer)})", layer.init, apply_fn)


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


def _parts(
    name: str, layers: Sequence[LayerLike], parts: Mapping[str, LayerLike]
) -> tuple[Sequence[Any], tuple[Layer, ...], Callable[..., Any]]:
    """The names of the parts, the parts, and what packs one value a part.

    Params and states by position are tuples, by name dicts: both are read by the parts' names.
    """
    if bool(layers) == bool(parts):
        raise ValueError(f"{name} needs layers, either all by position or all by name")
    names: Sequence[Any] = tuple(parts) or range(len(layers))
    pack = lambda values: dict(zip(names, values, strict=True)) if parts else tuple(values)
    return names, tuple(map(lift, layers or parts.values())), pack


def _init(chain: Sequence[Layer], pack: Callable[..., Any]) -> InitFn:
    """What initialises each part from the key folded by its position."""

    def init_fn(key: Key) -> tuple[Params, State]:
        pairs = [layer.init(jax.random.fold_in(key, i)) for i, layer in enumerate(chain)]
        return pack(params for params, _ in pairs), pack(state for _, state in pairs)

    return init_fn


def _merge(name: str, merge: Merge, results: Sequence[Array]) -> Array:
    shapes = {x.shape[:-1] if merge == "concat" else x.shape for x in results}
    if callable(merge):
        return merge(results)
    if merge not in ("sum", "concat"):
        raise ValueError(f'{name}: merge is {merge!r}; it must be "sum", "concat" or a function')
    if len(shapes) > 1 or (merge == "concat" and () in {x.shape for x in results}):
        raise ShapeError(f"{name} can't {merge} {', '.join(map(describe, results))}")
    if merge == "concat":
        return jnp.concatenate(results, axis=-1)
    return functools.reduce(operator.add, results)


def _brief(chain: Sequence[Layer]) -> str:
    ends = [name_of(layer) for layer in chain]
    return ", ".join(ends if len(ends) < 4 else [ends[0], "…", ends[-1]])


def _path(before: Sequence[Layer], params: Sequence[Params]) -> str:
    """Names the layers from the last one with parameters on, such as "dense(4, 8), then relu"."""
    last = max((i for i, p in enumerate(params) if jax.tree.leaves(p)), default=0)
    return ", then ".join(map(name_of, before[last:]))
