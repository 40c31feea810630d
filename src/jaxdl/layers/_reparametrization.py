"""Layers that reparametrize the kernels of other layers."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import _checks, _ranges, functional
from jaxdl._precision import widen
from jaxdl.functional._reparametrization import output_lengths
from jaxdl.types import Array, Key, Layer, Params, PyTree, State, factory, name_of, named

INITIAL_ITERATIONS = 15
"""How often the power method runs when a layer is made, as in PyTorch."""


@factory
def weight_norm(layer: Layer) -> Layer:
    """Learns directions and lengths of the weights separately: W = g · v / ‖v‖ for each output.

    Args:
        layer: a Layer, or a network of them. Every leaf of its params named ``kernel`` is replaced;
            outputs are on its last axis. A kernel that starts at 0 has no direction and yields nan.
            Inside ``repeat``, wrap the repeated layer.

    Returns:
        A Layer that starts out equal to ``layer``, with ``{"direction": v, "scale": g}`` in place
        of each kernel, and the same state; see ``functional.weight_norm``.

    Raises:
        ValueError: in ``init``, if there is no kernel.

    Example:
        >>> from jaxdl import layers
        >>> params, _ = weight_norm(layers.dense(3, 2)).init(jax.random.key(0))
        >>> jax.tree.map(jnp.shape, params["kernel"])
        {'direction': (3, 2), 'scale': (2,)}
    """
    name = f"weight_norm({name_of(layer)})"
    split = lambda v: {"direction": v, "scale": output_lengths(v).astype(v.dtype)}
    join = lambda pair: functional.weight_norm(pair["direction"], pair["scale"])

    def init_fn(key: Key) -> tuple[Params, State]:
        params, state = layer.init(key)
        _kernels(name, params)
        return _map_kernels(split, params), state

    def apply_fn(
        params: Params, state: State, x: ArrayLike, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        return layer.apply(_map_kernels(join, params), state, x, key=key, train=train)

    return named(name, init_fn, apply_fn)


@factory
def spectral_norm(layer: Layer, *, n_iterations: int = 1, epsilon: float | Array = 1e-12) -> Layer:
    """Divides each kernel by its largest singular value; see ``functional.spectral_norm``.

    Args:
        layer: a Layer, or a network of them. Every leaf of its params named ``kernel`` is divided,
            as a matrix of its last axis by all others. Inside ``repeat``, wrap the repeated layer.
        n_iterations: number of power iterations per training step; ``init`` takes 15.
        epsilon: the smallest length to divide a vector by.

    Returns:
        A Layer with the params of ``layer`` and state ``{"layer": its state, "vectors": ({"u", "v"}
        of each kernel, …)}``, in float32 at least.

    Raises:
        ValueError: if ``n_iterations`` isn't a positive integer; in ``init``, without a kernel.

    Example:
        >>> from jaxdl import layers
        >>> net = spectral_norm(layers.dense(3, 2))
        >>> params, state = net.init(jax.random.key(0))
        >>> jax.tree.map(jnp.shape, state["vectors"])
        ({'u': (2,), 'v': (3,)},)
    """
    name = f"spectral_norm({name_of(layer)})"
    _checks.positive_ints(name, n_iterations=n_iterations)
    _ranges.check(name, epsilon=epsilon)

    def init_fn(key: Key) -> tuple[Params, State]:
        layer_key, vector_key = jax.random.split(key)
        params, state = layer.init(layer_key)
        kernels = _kernels(name, params)
        keys = jax.random.split(vector_key, len(kernels))
        vectors = tuple(_start(k, w, epsilon) for k, w in zip(keys, kernels, strict=True))
        return params, {"layer": state, "vectors": vectors}

    def apply_fn(
        params: Params, state: State, x: ArrayLike, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        steps = n_iterations if train else 0
        pairs = [
            functional.spectral_norm(kernel, vectors, n_iterations=steps, epsilon=epsilon)
            for kernel, vectors in zip(_kernels(name, params), state["vectors"], strict=True)
        ]
        divided = iter([kernel for kernel, _ in pairs])
        params = _map_kernels(lambda _: next(divided), params)
        y, inner = layer.apply(params, state["layer"], x, key=key, train=train)
        vectors = tuple(new for _, new in pairs) if train else state["vectors"]
        return y, {"layer": inner, "vectors": vectors}

    return named(name, init_fn, apply_fn)


def _start(key: Key, kernel: Array, epsilon: float | Array) -> State:
    """Returns singular vectors of a kernel, after 15 power iterations from random ones."""
    draw = lambda key, n: jax.random.normal(key, (n,), widen(kernel).dtype)
    n_out = kernel.shape[-1]
    u_key, v_key = jax.random.split(key)
    unit = lambda a: a / jnp.linalg.norm(a)
    vectors = {"u": unit(draw(u_key, n_out)), "v": unit(draw(v_key, kernel.size // n_out))}
    return functional.spectral_norm(
        kernel, vectors, n_iterations=INITIAL_ITERATIONS, epsilon=epsilon
    )[1]


def _is_kernel(path: tuple[object, ...]) -> bool:
    return bool(path) and getattr(path[-1], "key", None) == "kernel"


def _kernels(name: str, params: Params) -> list[Array]:
    """Returns the leaves named kernel, or raises a ValueError if there are none."""
    leaves = jax.tree_util.tree_leaves_with_path(params)
    kernels = [leaf for path, leaf in leaves if _is_kernel(path)]
    if not kernels:
        raise ValueError(f"{name}: the layer has no parameter named kernel")
    return kernels


def _map_kernels(fn: Callable[[PyTree], PyTree], params: Params) -> Params:
    """Returns params with ``fn`` applied to everything named kernel, array or pair."""
    pair = lambda tree: isinstance(tree, dict) and tree.keys() == {"direction", "scale"}
    change = lambda path, leaf: fn(leaf) if _is_kernel(path) else leaf
    return jax.tree_util.tree_map_with_path(change, params, is_leaf=pair)
