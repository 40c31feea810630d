"""One convolution and its derivatives: XLA's own on accelerators, those of a CPU on a CPU.

The platform is chosen when a program is lowered: a program for another platform holds nothing of
the CPU's forms.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxdl._varying import varying
from jaxdl.functional import _convolution_cpu as cpu
from jaxdl.functional._convolution_geometry import Geometry, plain
from jaxdl.types import Array, PyTree, Shape


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def convolve(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """As ``plain``, and quick in value and reverse derivative also inside loops on CPUs."""
    return _forward(x, kernel, geometry, ())


def _convolve_fwd(x: Array, kernel: Array, geometry: Geometry) -> tuple[Array, PyTree]:
    return _forward(x, kernel, geometry, ()), (x, kernel)


def _convolve_bwd(geometry: Geometry, saved: PyTree, g: Array) -> tuple[Array, Array]:
    x, kernel = saved
    return _to_image(g, kernel, geometry, x.shape), _to_kernel(x, g, geometry, kernel.shape)


convolve.defvjp(_convolve_fwd, _convolve_bwd)


def _by_platform(on_cpu: Callable[..., Array], elsewhere: Callable[..., Array]) -> Any:
    """A function of two arrays, and of sizes, that each platform computes in its own way.

    It is linear in either array. Its own derivatives, needed for second derivatives, are XLA's.
    """

    @functools.partial(jax.custom_jvp, nondiff_argnums=(2, 3))
    def fn(a: Array, b: Array, geometry: Geometry, shape: Shape) -> Array:
        sizes = {"geometry": geometry, "shape": shape}
        one = functools.partial(on_cpu, **sizes)
        default = functools.partial(elsewhere, **sizes)
        return lax.platform_dependent(a, b, cpu=_one_by_one(one), default=default)

    @fn.defjvp
    def jvp(geometry: Geometry, shape: Shape, arrays: PyTree, tangents: Any) -> tuple[Array, Array]:
        (a, b), (da, db) = arrays, tangents
        other = functools.partial(elsewhere, geometry=geometry, shape=shape)
        return fn(a, b, geometry, shape), other(da, b) + other(a, db)

    return fn


def _one_by_one(fn: Callable[[Array, Array], Array]) -> Callable[[Array, Array], Array]:
    """The same function; where ``vmap`` batches both arrays, one pair after the other.

    XLA would make a grouped convolution of the pairs, which on a CPU takes four times as long.
    """
    mapped = jax.custom_batching.custom_vmap(fn)

    @mapped.def_vmap
    def rule(axis_size: int, batched: Any, a: Array, b: Array) -> tuple[Array, bool]:
        if all(batched):
            return lax.map(lambda pair: mapped(*pair), (a, b)), True
        axes = tuple(0 if is_batched else None for is_batched in batched)
        return jax.vmap(fn, in_axes=axes)(a, b), True

    return mapped


def _plain(x: Array, kernel: Array, geometry: Geometry, shape: Shape) -> Array:
    return plain(x, kernel, geometry)


def _plain_to_image(g: Array, kernel: Array, geometry: Geometry, shape: Shape) -> Array:
    x = varying(jnp.zeros(shape, g.dtype), (g, kernel))
    return jax.linear_transpose(lambda x: plain(x, kernel, geometry), x)(g)[0]


def _plain_to_kernel(x: Array, g: Array, geometry: Geometry, shape: Shape) -> Array:
    kernel = varying(jnp.zeros(shape, x.dtype), (x, g))
    return jax.linear_transpose(lambda kernel: plain(x, kernel, geometry), kernel)(g)[0]


_forward = _by_platform(cpu.forward, _plain)
_to_image = _by_platform(cpu.to_image, _plain_to_image)
_to_kernel = _by_platform(cpu.to_kernel, _plain_to_kernel)
