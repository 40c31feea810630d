"""Functions linear in each of two arrays, with their own transposes in both modes, to any order."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from jax.extend import core
from jax.interpreters import ad, batching, mlir

from jaxdl._varying import varying
from jaxdl.types import Array

Form: TypeAlias = Callable[..., Array]
"""``(array, array, **sizes) -> array``, linear in each array."""

Mapped: TypeAlias = tuple[tuple[bool, bool], ...]
"""For each axis that ``vmap`` has added, outermost first, which of the two arrays have it."""


def bilinear(name: str, forward: Form, left: Form, right: Form) -> Form:
    """Makes a function whose gradients are computed by two other functions.

    For c = forward(a, b) and a cotangent c̄, ā = left(c̄, b) and b̄ = right(a, c̄). Each of the
    three is a gradient of the other two, so they compute derivatives of every order, in reverse and
    in forward mode, through ``jit``, ``vmap``, loops and ``jax.checkpoint``; ``jax.custom_vjp``
    would lack forward mode and rules for second derivatives.

    Args:
        name: what traced programs call it.
        forward: ``(a, b, **sizes) -> c``.
        left: ``(c, b, **sizes) -> a``.
        right: ``(a, c, **sizes) -> b``.

    Returns:
        ``(a, b, **sizes) -> c``; all sizes must be hashable.

    Example:
        >>> import jax.numpy as jnp
        >>> product = bilinear("product", jnp.matmul, lambda c, b: c @ b.T, lambda a, c: a.T @ c)
        >>> a, b = jnp.ones((2, 3)), jnp.ones((3, 4))
        >>> jax.grad(lambda a: product(a, b).sum())(a).tolist()[0]
        [4.0, 4.0, 4.0]
        >>> jax.jvp(product, (a, b), (a, b))[1].tolist()[0]
        [6.0, 6.0, 6.0, 6.0]
    """
    of_c, of_a, of_b = map(
        _Bilinear, (name, f"{name}_left", f"{name}_right"), (forward, left, right)
    )
    of_c.transposes = (lambda c, a, b: (of_a, c, b)), (lambda c, a, b: (of_b, a, c))
    of_a.transposes = (lambda a, c, b: (of_c, a, b)), (lambda a, c, b: (of_b, a, c))
    of_b.transposes = (lambda b, a, c: (of_a, c, b)), (lambda b, a, c: (of_c, a, b))
    return lambda a, b, **sizes: of_c(a, b, (), tuple(sizes.items()))


class _Bilinear:
    """One of the three functions, as a primitive of JAX."""

    def __init__(self, name: str, form: Form) -> None:
        self.form = form
        self.primitive = primitive = core.Primitive(name)
        # Each returns the function that transposes a cotangent, and its two arrays.
        self.transposes: Sequence[Callable[..., tuple[Any, Any, Any]]] = ()
        primitive.def_impl(_run)
        primitive.def_abstract_eval(lambda a, b, *, jaxpr, **_: jaxpr.out_avals[0])
        mlir.register_lowering(primitive, mlir.lower_fun(_run, multiple_results=False))
        batching.primitive_batchers[primitive] = self._batch
        ad.primitive_jvps[primitive] = self._jvp
        ad.primitive_transposes[primitive] = self._transpose

    def __call__(self, a: Any, b: Any, mapped: Mapped, sizes: tuple[tuple[str, Any], ...]) -> Any:
        a, b = varying(a, like=b), varying(b, like=a)
        fn: Form = functools.partial(self.form, **dict(sizes))
        for has_a, has_b in reversed(mapped):
            fn = jax.vmap(fn, in_axes=(0 if has_a else None, 0 if has_b else None))
        # The program is a parameter, for those who read what is inside a traced one.
        jaxpr = jax.make_jaxpr(fn)(a, b)
        return self.primitive.bind(a, b, jaxpr=jaxpr, mapped=mapped, sizes=sizes)

    def _jvp(self, arrays: Any, tangents: Any, *, jaxpr: Any, **static: Any) -> tuple[Any, Any]:
        (a, b), (da, db) = arrays, tangents
        out, is_zero = self(a, b, **static), lambda t: type(t) is ad.Zero
        if is_zero(da):
            return out, self(a, db, **static)
        if is_zero(db):
            return out, self(da, b, **static)
        return out, self(da, b, **static) + self(a, db, **static)

    def _transpose(self, c: Any, a: Any, b: Any, *, mapped: Mapped, sizes: Any, **_: Any) -> Any:
        if type(c) is ad.Zero:
            return None, None
        which = 0 if ad.is_undefined_primal(a) else 1
        other, *arrays = self.transposes[which](c, a, b)
        has = [level[1 - which] for level in mapped]
        # The cotangent has all added axes; it is placed where the transpose expects it.
        first = arrays[0] is c
        level_of = lambda held: (True, held) if first else (held, True)
        out = other(*arrays, tuple(map(level_of, has)), sizes)
        lost = tuple(i for i, level in enumerate(mapped) if not level[which])
        out = out.sum(lost) if lost else out
        return (out, None) if which == 0 else (None, out)

    def _batch(self, arrays: Any, axes: Any, *, mapped: Mapped, sizes: Any, **_: Any) -> Any:
        pairs = zip(arrays, axes, strict=True)
        a, b = (x if axis is None else jnp.moveaxis(x, axis, 0) for x, axis in pairs)
        added = axes[0] is not None, axes[1] is not None
        return self(a, b, (added, *mapped), sizes), 0


def _run(a: Array, b: Array, *, jaxpr: Any, **_: Any) -> Any:
    return core.jaxpr_as_fun(jaxpr)(a, b)[0]
