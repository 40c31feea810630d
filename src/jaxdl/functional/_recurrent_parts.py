"""What recurrent layers share: sequences cut into steps, and products over all steps.

Inside, time is the first axis and all batch axes are one, gates are separate arrays, and padding
is a mask: a masked step leaves the carry as it was, in either direction.
"""

import math
from collections.abc import Callable
from typing import Literal, NamedTuple, TypeAlias

import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike, DTypeLike

from jaxdl import _checks
from jaxdl._bilinear import bilinear
from jaxdl._checks import ShapeError, describe
from jaxdl._precision import spread, widen
from jaxdl._precision import wide_dtype as wide
from jaxdl._varying import varying
from jaxdl.functional._weights import check_weights
from jaxdl.types import Array, Shape, Weights

Derivatives: TypeAlias = Literal["fast", "lax"]
Cell: TypeAlias = Weights
Gates: TypeAlias = tuple[Array, ...]
"""One array (time, batch, n_hidden) a gate."""

Step: TypeAlias = tuple[Gates, Array | None]
"""What a step of a scan reads: the gates' inputs, and the mask where there is one."""

Project: TypeAlias = Callable[[int, Array, Array, Array], Gates]


class Steps(NamedTuple):
    """A batch of sequences as a scan takes it."""

    x: Array  # (time, batch, n_in)
    mask: Array | None  # (time, batch, 1), False at padding; None where there is none
    lead: Shape  # the batch axes, as they came in


def name_of(cell: str, params: Cell, gates: int) -> str:
    """Returns how messages call a cell, as "lstm(28, 128)", and checks its params' shapes."""
    biases = ("bias", "recurrent_bias")
    check_weights(cell, params, {"kernel": 2, "recurrent_kernel": 2}, biases)
    n_in, n_hidden = params["kernel"].shape[0], params["recurrent_kernel"].shape[0]
    shapes = {"kernel": (n_in,), "recurrent_kernel": (n_hidden,), "bias": (), "recurrent_bias": ()}
    for leaf, lead in shapes.items():
        if leaf in params and params[leaf].shape != (*lead, gates * n_hidden):
            raise ShapeError(
                f"{cell}: params[{leaf!r}] is {describe(params[leaf])}; with n_in {n_in} and"
                f" n_hidden {n_hidden} it must have shape {(*lead, gates * n_hidden)}"
            )
    return f"{cell}({n_in}, {n_hidden})"


def leaf(params: Cell, name: str, columns: int, dtype: DTypeLike) -> Array:
    """A bias, or zeros where the params have none."""
    return jnp.asarray(params[name], dtype) if name in params else jnp.zeros(columns, dtype)


def both_biases(params: Cell, columns: int, dtype: DTypeLike) -> Array:
    """The sum of the two biases, where only it counts."""
    return leaf(params, "bias", columns, dtype) + leaf(params, "recurrent_bias", columns, dtype)


def scaled(kernel: ArrayLike, scale: Array) -> Array:
    """A kernel with its columns scaled, in the scale's precision."""
    kernel = jnp.asarray(kernel, scale.dtype)
    return kernel * jnp.broadcast_to(scale, kernel.shape)


def check_derivatives(name: str, derivatives: str) -> None:
    """Raises a ValueError unless it is a known way to differentiate."""
    if derivatives not in ("fast", "lax"):
        raise ValueError(f'{name}: derivatives is {derivatives!r}; it must be "fast" or "lax"')


def cut(name: str, params: Cell, x: ArrayLike, lengths: ArrayLike | None) -> Steps:
    """Checks sequences (…, time, n_in) and their lengths, and puts time first."""
    x = _checks.floating(name, "x", x)
    if x.ndim < 2:
        raise ShapeError(f"{name} got {describe(x)}, and needs axes (…, time, n_in)")
    _checks.last_axis(name, x, params["kernel"].shape[0])
    lead, (time, n_in) = x.shape[:-2], x.shape[-2:]
    x = x.astype(jnp.asarray(params["kernel"]).dtype)
    x = jnp.moveaxis(x.reshape(math.prod(lead), time, n_in), 1, 0)
    if lengths is None:
        return Steps(x, None, lead)
    lengths = jnp.asarray(lengths)
    if not jnp.issubdtype(lengths.dtype, jnp.integer):
        raise TypeError(f"{name}: lengths is {describe(lengths)}; it must be of integers")
    if lengths.shape != lead:
        raise ShapeError(f"{name}: lengths is {describe(lengths)}; it must have shape {lead}")
    known = _checks.known(lengths)
    if known is not None and known.size and not 0 <= known.min() <= known.max() <= time:
        raise ValueError(
            f"{name}: lengths are between {known.min()} and {known.max()}; they must lie in "
            f"[0, {time}], the steps of x"
        )
    mask = jnp.arange(time, dtype=jnp.int32)[:, None] < lengths.reshape(1, -1).astype(jnp.int32)
    # Padding may hold anything, even nan, which must not reach a gradient.
    return Steps(jnp.where(mask[..., None], x, 0), mask[..., None], lead)


def join(steps: Steps, y: Array) -> Array:
    """The inverse of ``cut`` for what a scan gave, with 0 at padding."""
    y = y if steps.mask is None else jnp.where(steps.mask, y, 0)
    y = jnp.moveaxis(y, 0, 1)
    return y.reshape(*steps.lead, *y.shape[1:])


def start(
    name: str, argument: str, carry: ArrayLike | None, params: Cell, steps: Steps, dtype: DTypeLike
) -> Array:
    """A carry of zeros, or the given one after a check, with its batch axes merged."""
    lead, n = steps.lead, params["recurrent_kernel"].shape[0]
    if carry is None:
        return varying(jnp.zeros((math.prod(lead), n), dtype), (dict(params), steps.x, steps.mask))
    carry = _checks.floating(name, argument, carry)
    if carry.shape != (*lead, n):
        raise ShapeError(
            f"{name}: {argument} is {describe(carry)}; it must have shape {(*lead, n)}"
        )
    carry = carry.reshape(math.prod(lead), n).astype(dtype)
    return varying(carry, (dict(params), steps.x, steps.mask))


# Half precision is rounded after the sum, which is taken in float32; XLA for CPUs can't give the
# sum itself (preferred_element_type) for every one of these products.
def dot(a: Array, b: Array) -> Array:
    """a·b over the last axis of a in b's precision, for sums in a wider one."""
    contract = (((a.ndim - 1,), (0,)), ((), ()))
    return lax.dot_general(a.astype(b.dtype), b, contract).astype(wide(b.dtype))


def over_steps(a: Array, b: Array) -> Array:
    """Σ a·bᵀ over time and batch, (n_a, n_b), in b's precision."""
    return lax.dot_general(a.astype(b.dtype), b, (((0, 1), (0, 1)), ((), ())))


def project(gates: int, x: Array, kernel: Array, bias: Array) -> Gates:
    """What comes in, before the recurrence: x·W + b of each gate, for all steps at once."""
    shape = (*x.shape[:-1], bias.size // gates)
    pairs = zip(jnp.split(kernel, gates, 1), jnp.split(bias, gates), strict=True)
    rows = x.reshape(-1, x.shape[-1])  # a product of two axes has a gradient that sums in float32
    return tuple(dot(rows, k).reshape(shape) + spread(b, shape, wide(b.dtype)) for k, b in pairs)


def project_fast(gates: int, x: Array, kernel: Array, bias: Array) -> Gates:
    """The same with gradients that are one product a gate, in the order that CPUs compute fast."""
    pairs = zip(project_by(x, kernel, gates), jnp.split(bias, gates), strict=True)
    return tuple(y + spread(b, y.shape, y.dtype) for y, b in pairs)


def summed(kernel: Array) -> Callable[[], Array]:
    """Gives a kernel to each step of a scan; its gradient over the steps is a sum in float32."""
    held = widen(kernel)
    return lambda: held.astype(kernel.dtype)


def over_time(x: Array, kernel: Array) -> Array:
    """x·K for all steps at once, (time, batch, n_out), wide; its gradients are products as well."""
    return _over_time(x, kernel, x_dtype=x.dtype, dtype=kernel.dtype)


def _each_step(x: Array, kernel: Array, x_dtype: DTypeLike, dtype: DTypeLike) -> Array:
    rows = x.reshape(math.prod(x.shape[:-1]), x.shape[-1])
    return dot(rows, kernel).reshape(*x.shape[:-1], kernel.shape[1])


def _to_steps(d: Array, kernel: Array, x_dtype: DTypeLike, dtype: DTypeLike) -> Array:
    return dot(d, kernel.T).astype(x_dtype)


def _to_kernel(x: Array, d: Array, x_dtype: DTypeLike, dtype: DTypeLike) -> Array:
    # Not as (d·x)ᵀ, as JAX has it: that takes longer, and in bfloat16 XLA for CPUs sums a
    # transposed product in bfloat16 from jax 0.12 on.
    return over_steps(x, d.astype(x_dtype)).astype(dtype)


_over_time = bilinear("over_time", _each_step, _to_steps, _to_kernel)


def project_by(x: Array, kernel: Array, gates: int) -> Gates:
    """x·K of each gate, for all steps at once."""
    return tuple(over_time(x, k) for k in jnp.split(kernel, gates, 1))


def across(h: Array, turned: Array) -> Array:
    """h·K in a step of a scan, wide, given Kᵀ, by which what goes back is multiplied as it is."""
    return _across(h, turned, h_dtype=h.dtype, dtype=turned.dtype)


def _onwards(h: Array, turned: Array, h_dtype: DTypeLike, dtype: DTypeLike) -> Array:
    return dot(h, turned.T)


def _back(d: Array, turned: Array, h_dtype: DTypeLike, dtype: DTypeLike) -> Array:
    return dot(d, turned).astype(h_dtype)


def _turned(h: Array, d: Array, h_dtype: DTypeLike, dtype: DTypeLike) -> Array:
    return dot(d.T, h.astype(dtype)).astype(dtype)


_across = bilinear("across", _onwards, _back, _turned)


def before(h: Array, hs: Array, reverse: bool) -> Array:
    """The state before each step of a scan, given the first state and those after each step."""
    return jnp.concatenate([hs, h[None]])[1:] if reverse else jnp.concatenate([h[None], hs])[:-1]
