"""Functions that make one Layer out of others, whatever those compute."""

import functools
import inspect
import itertools
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias, cast

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import DTypeLike

from jaxdl import _checks, _face
from jaxdl._checks import ShapeError, describe
from jaxdl._contract import applied, foreign, initialised
from jaxdl._portable import is_portable
from jaxdl._precision import cast_like, cast_to
from jaxdl.types import (
    Array,
    BoundLayer,
    InitFn,
    Key,
    Layer,
    Params,
    PyTree,
    State,
    factory,
    name_of,
    named,
    stateless,
)

__all__ = [
    "LayerLike",
    "Merge",
    "branch",
    "compose",
    "compute_in",
    "frozen",
    "lift",
    "remat",
    "repeat",
    "residual",
    "serial",
]

LayerLike: TypeAlias = Layer | Callable[[Array], Array]
"""A Layer, or a plain function of one array, such as an activation."""

Merge: TypeAlias = Literal["sum", "concat"] | Callable[[Sequence[Array]], Array]
"""How the results of branches become one: added, joined along the last axis, or by a function."""


@factory
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
        params: Params, state: State, x: PyTree, *, key: Key | None = None, train: bool = False
    ) -> tuple[PyTree, State]:
        states = []
        for i, (name, layer) in enumerate(zip(names, chain, strict=True)):
            part_key = None if key is None else jax.random.fold_in(key, i)
            try:
                x, part = applied(layer, params[name], state[name], x, key=part_key, train=train)
            except ShapeError as error:
                # An inner serial, nearer to the layer, has already said where its input is from.
                if i == 0 or error.__cause__ is not None:
                    raise
                path = _path(chain[:i], [params[name] for name in names[:i]])
                raise ShapeError(f"{error}; what comes in is the output of {path}") from error
            states.append(part)
        return x, pack(states)

    return named(f"serial({_brief(chain)})", _init(chain, pack), apply_fn)


@factory
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
        params: Params, state: State, x: PyTree, *, key: Key | None = None, train: bool = False
    ) -> tuple[PyTree, State]:
        keys = [None if key is None else jax.random.fold_in(key, i) for i in range(len(chain))]
        pairs = [
            applied(layer, params[part], state[part], x, key=part_key, train=train)
            for part, layer, part_key in zip(names, chain, keys, strict=True)
        ]
        results = [result for result, _ in pairs]
        return _merge(name, merge, results), pack(state for _, state in pairs)

    return named(name, _init(chain, pack), apply_fn)


@factory
def compose(fn: Callable[..., PyTree], **parts: LayerLike) -> Layer:
    """Computes any function of an input and of named Layers: y = fn(x, part=…, …).

    Inside ``fn`` each part is a plain function of its input, which may be called as often as one
    likes: its parameters are the same in every call, its state passes from one call to the next,
    and each call in training draws other random numbers. ``part.params`` are its parameters, for
    what is tied to them. Input and result may be any pytrees.

    Args:
        fn: a pure function of the input and, by keyword, of all parts. Where it has a parameter
            ``key``, it gets a random key of its own, or None in evaluation; where it has a
            parameter ``train``, whether it computes as in training. ``jax.vmap`` and ``lax.scan``
            inside it may call only parts without state.
        **parts: Layers or functions of one array, by the names of ``fn``'s parameters.

    Returns:
        A Layer whose params and state are dicts by the parts' names, as in ``serial``.

    Raises:
        ValueError: without parts, or if one is called ``key`` or ``train``.
        TypeError: if ``fn`` doesn't take the parts.
        ShapeError: at trace time, from a part, which is named.

    Example:
        Two views of an example, read by one encoder:

        >>> from jaxdl import layers
        >>> def similarity(views, encoder):
        ...     first, second = encoder(views["a"]), encoder(views["b"])
        ...     return (first * second).sum(axis=-1)
        >>> net = compose(similarity, encoder=layers.dense(8, 4))
        >>> net
        compose(similarity, encoder=dense(8, 4))
        >>> params, state = net.init(jax.random.key(0))
        >>> x = {"a": jax.numpy.ones((5, 8)), "b": jax.numpy.zeros((5, 8))}
        >>> net.apply(params, state, x)[0].shape
        (5,)
    """
    name = f"compose({getattr(fn, '__name__', type(fn).__name__)})"
    names, chain, pack = _parts(name, (), parts)
    wanted = _wanted(name, fn, parts)

    def apply_fn(
        params: Params, state: State, x: PyTree, *, key: Key | None = None, train: bool = False
    ) -> tuple[PyTree, State]:
        states = dict(state)
        keys = [None if key is None else jax.random.fold_in(key, i) for i in range(len(chain) + 1)]
        bound = {
            part: _bound(name, part, layer, params[part], states, part_key, train)
            for part, layer, part_key in zip(names, chain, keys, strict=False)
        }
        offered = {"key": keys[-1] if train else None, "train": train}
        y = fn(x, **bound, **{option: offered[option] for option in wanted})
        return y, states

    return named(name, _init(chain, pack), apply_fn)


@factory
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


@factory
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
        return jax.vmap(lambda i: initialised(layer, jax.random.fold_in(key, i)))(jnp.arange(n))

    def apply_fn(
        params: Params, state: State, x: PyTree, *, key: Key | None = None, train: bool = False
    ) -> tuple[PyTree, State]:
        def body(x: PyTree, part: tuple[Params, State, Array]) -> tuple[PyTree, State]:
            own, own_state, i = part
            own_key = None if key is None else jax.random.fold_in(key, i)
            y, own_state = applied(layer, own, own_state, x, key=own_key, train=train)
            made, of = jax.tree.map(describe, y), jax.tree.map(describe, x)
            if made != of:
                raise ShapeError(f"{name} made {made} of {of}; it must keep shapes and dtypes")
            return y, own_state

        start = jax.tree.map(jnp.asarray, x)
        each = n if is_portable() else unroll
        return lax.scan(body, start, (params, state, jnp.arange(n)), unroll=each)

    return named(name, init_fn, apply_fn)


@factory
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
        params: Params, state: State, x: PyTree, *, key: Key | None = None, train: bool = False
    ) -> tuple[PyTree, State]:
        again = jax.checkpoint(functools.partial(layer.apply, train=train), policy=policy)
        return again(params, state, x, key=key)

    return named(f"remat({name_of(layer)})", layer.init, apply_fn)


@factory
def compute_in(layer: LayerLike, dtype: DTypeLike) -> Layer:
    """Computes a network in a dtype, as ``jnp.bfloat16``, while its parameters stay as they are.

    Parameters and floating-point inputs are cast; every layer computes in the dtype of its
    parameters, with statistics, softmax and sums in float32. What comes out is float32 again, so
    that losses are; the state keeps its dtypes, and gradients have those of the parameters.

    Args:
        layer: a Layer, or a function of one array.
        dtype: floating point. float16 needs the scaled loss of ``train.supervised``.

    Returns:
        A Layer with the same params and state.

    Raises:
        TypeError: if ``dtype`` isn't floating point.

    Example:
        >>> from jaxdl import layers
        >>> net = compute_in(layers.dense(3, 2), jnp.bfloat16)
        >>> params, state = net.init(jax.random.key(0))
        >>> params["kernel"].dtype.name, net.apply(params, state, jnp.ones((5, 3)))[0].dtype.name
        ('float32', 'float32')

    Reference:
        Micikevicius et al., "Mixed precision training", 2018, https://arxiv.org/abs/1710.03740.
    """
    layer = lift(layer)
    name = f"compute_in({name_of(layer)}, {jnp.dtype(dtype).name})"
    if not jnp.issubdtype(dtype, jnp.floating):
        raise TypeError(f"{name}: dtype must be floating point")

    def apply_fn(
        params: Params, state: State, x: PyTree, *, key: Key | None = None, train: bool = False
    ) -> tuple[PyTree, State]:
        cast = cast_to((params, x), dtype)
        y, after = layer.apply(cast[0], state, cast[1], key=key, train=train)
        return cast_to(y, jnp.float32), cast_like(after, state)

    return named(name, layer.init, apply_fn)


@factory
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
        params: Params, state: State, x: PyTree, *, key: Key | None = None, train: bool = False
    ) -> tuple[PyTree, State]:
        return layer.apply(lax.stop_gradient(params), state, x)

    return named(f"frozen({name_of(layer)})", layer.init, apply_fn)


def lift(f: LayerLike) -> Layer:
    """Makes a Layer with neither params nor state of a plain function; a Layer stays as it is.

    Args:
        f: a Layer, or a function of one array or other pytree.

    Returns:
        A Layer.

    Raises:
        TypeError: if ``f`` is neither: a function that needs more than one argument, a factory of
            Layers that wasn't called, or a module of another library.

    Example:
        >>> y, _ = lift(jax.nn.relu).apply((), (), -1.0)
        >>> float(y)
        0.0
    """
    return f if isinstance(f, Layer) else _lifted(_function(f))


@factory
def _lifted(f: Callable[[PyTree], PyTree]) -> Layer:
    return stateless(getattr(f, "__name__", type(f).__name__), f)


def _function(f: Any) -> Callable[[PyTree], PyTree]:
    """Returns ``f`` if it can be called with one argument, or raises what it is instead."""
    needs = "a network is made of Layers and functions of one array"
    if library := foreign(f):
        raise TypeError(
            f"{needs}, not of {type(f).__name__} of {library}; jaxdl.interop makes a Layer of it"
        )
    if not callable(f) or isinstance(f, type):
        raise TypeError(f"{needs}, not of {f!r}")
    if hasattr(f, "makes_layer"):
        raise TypeError(f"{needs}; {f.__name__} makes one when it is called: {f.__name__}(…)")
    name = getattr(f, "__name__", type(f).__name__)
    if (count := getattr(f, "nin", 1)) != 1:
        raise TypeError(f"{needs}; {name} takes {count}")
    try:
        inspect.signature(f).bind(None)
    except TypeError as error:
        raise TypeError(f"{needs}; {name}{inspect.signature(f)} takes others: {error}") from None
    except ValueError:  # a builtin without a signature
        pass
    return f


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


def _wanted(name: str, fn: Callable[..., PyTree], parts: Mapping[str, LayerLike]) -> list[str]:
    """Which of key and train ``fn`` has parameters for; raises where it doesn't take the parts."""
    if taken := {"key", "train"} & set(parts):
        raise ValueError(f"{name}: a part can't be called {taken.pop()!r}, which means another")
    signature = inspect.signature(fn)
    wanted = [option for option in ("key", "train") if option in signature.parameters]
    try:
        signature.bind(None, **dict.fromkeys([*parts, *wanted]))
    except TypeError as error:
        raise TypeError(
            f"{name} gives fn the input and, by keyword, {', '.join(parts)}; {error}"
        ) from None
    return wanted


def _bound(
    name: str,
    part: str,
    layer: Layer,
    params: Params,
    states: dict[str, State],
    key: Key | None,
    train: bool,
) -> BoundLayer:
    """A part as a function of its input alone, which keeps the state of its last call."""
    calls = itertools.count()

    def call(x: PyTree, /) -> PyTree:
        call_key = None if key is None else jax.random.fold_in(key, next(calls))
        try:
            with jax.named_scope(part):
                y, states[part] = applied(layer, params, states[part], x, key=call_key, train=train)
        except ShapeError as error:
            raise ShapeError(f"{error}; in {part!r} of {name}") from error
        return y

    bound = cast(BoundLayer, call)
    bound.params = params
    return bound


def _init(chain: Sequence[Layer], pack: Callable[..., Any]) -> InitFn:
    """What initialises each part from the key folded by its position."""

    def init_fn(key: Key) -> tuple[Params, State]:
        pairs = [initialised(layer, jax.random.fold_in(key, i)) for i, layer in enumerate(chain)]
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


__doc__ = _face.index(globals())
