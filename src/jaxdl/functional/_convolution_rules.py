"""One convolution and its gradients: XLA's own on accelerators, those of a CPU on a CPU.

The platform is chosen when a program is lowered: a program for another platform holds nothing of
the CPU's forms.
"""

import functools
from collections.abc import Sequence

import jax
from jax import lax

from jaxdl._bilinear import Form, bilinear
from jaxdl.functional import _convolution_cpu as cpu
from jaxdl.functional._convolution_geometry import Geometry, plain, transposed
from jaxdl.types import Array, Shape


def convolve(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """As ``plain``, and quick in value and derivatives also inside loops on CPUs."""
    return _convolve(x, kernel, geometry=geometry, image=x.shape, window=kernel.shape)


def _forward(x: Array, kernel: Array, geometry: Geometry, image: Shape, window: Shape) -> Array:
    on_cpu = functools.partial(cpu.forward, geometry=geometry)
    return _by_platform(on_cpu, functools.partial(plain, geometry=geometry))(x, kernel)


def _to_image(g: Array, kernel: Array, geometry: Geometry, image: Shape, window: Shape) -> Array:
    def elsewhere(g: Array, kernel: Array) -> Array:
        return transposed(lambda x: plain(x, kernel, geometry), image, g, kernel)

    on_cpu = functools.partial(cpu.to_image, geometry=geometry, shape=image)
    return _by_platform(on_cpu, elsewhere)(g, kernel)


def _to_kernel(x: Array, g: Array, geometry: Geometry, image: Shape, window: Shape) -> Array:
    def elsewhere(x: Array, g: Array) -> Array:
        return transposed(lambda kernel: plain(x, kernel, geometry), window, g, x)

    on_cpu = functools.partial(cpu.to_kernel, geometry=geometry, shape=window)
    return _by_platform(on_cpu, elsewhere)(x, g)


_convolve = bilinear("convolve", _forward, _to_image, _to_kernel)


def _by_platform(on_cpu: Form, elsewhere: Form) -> Form:
    """A function of two arrays that each platform computes in its own way."""
    each = {"cpu": _one_by_one(on_cpu), "default": elsewhere}
    return lambda a, b: lax.platform_dependent(a, b, **each)


def _one_by_one(fn: Form) -> Form:
    """The same function; where ``vmap`` batches both arrays, one pair after the other.

    XLA would make a grouped convolution of the pairs, which on a CPU takes four times as long.
    """
    mapped = jax.custom_batching.custom_vmap(fn)

    @mapped.def_vmap
    def rule(axis_size: int, batched: Sequence[bool], a: Array, b: Array) -> tuple[Array, bool]:
        if all(batched):
            return lax.map(lambda pair: mapped(*pair), (a, b)), True
        axes = tuple(0 if is_batched else None for is_batched in batched)
        return jax.vmap(fn, in_axes=axes)(a, b), True

    # JAX notes whose code a branch was traced from, and can't tell for a custom_vmap.
    return lambda a, b: mapped(a, b)
