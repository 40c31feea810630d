"""Long short-term memory."""

import functools
from collections.abc import Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from jaxdl.functional import _recurrent_parts as parts
from jaxdl.types import Array, PyTree

_Inputs: TypeAlias = tuple[parts.Gates, Array, Array, Array, Array | None]


def lstm_step(
    params: parts.Cell, carry: tuple[ArrayLike, ArrayLike], x: ArrayLike
) -> tuple[tuple[Array, Array], Array]:
    """One step of an LSTM; see ``lstm``.

    Args:
        params: as for ``lstm``.
        carry: (h, c), each of shape (…, n_hidden).
        x: shape (…, n_in).

    Returns:
        The next carry, and y = h.

    Raises:
        ShapeError: if a shape doesn't fit the params.

    Example:
        >>> params = {"kernel": jnp.ones((1, 4)), "recurrent_kernel": jnp.ones((1, 4))}
        >>> (h, c), y = lstm_step(params, (jnp.zeros(1), jnp.zeros(1)), jnp.ones(1))
        >>> float(c[0]), float(h[0])  # σ(1)·tanh(1), and σ(1)·tanh of it
        (0.556..., 0.369...)
    """
    name = parts.name_of("lstm_step", params, 4)
    steps = parts.cut(name, params, jnp.asarray(x)[..., None, :], None)
    h, c = _starts(name, params, steps, carry)
    z, kernel = _weigh(params, steps.x, parts.project)
    (h, c), _ = _step(kernel, (h, c), (tuple(gate[0] for gate in z), None))
    after = _ends(params, steps, h, c)
    return after, after[0]


def lstm(
    params: parts.Cell,
    x: ArrayLike,
    *,
    carry: tuple[ArrayLike, ArrayLike] | None = None,
    lengths: ArrayLike | None = None,
    reverse: bool = False,
    derivatives: parts.Derivatives = "fast",
) -> tuple[Array, tuple[Array, Array]]:
    """Long short-term memory, one layer in one direction, over whole sequences.

    (i, f, g, o) = x·W + b + h·U;  c' = σ(f)⊙c + σ(i)⊙tanh(g);  h' = σ(o)⊙tanh(c');  y = h'.

    In half precision the sums and c are kept in float32.

    Args:
        params: ``{"kernel": W (n_in, 4·n_hidden), "recurrent_kernel": U (n_hidden, 4·n_hidden),
            "bias": b (4·n_hidden,)}``, gates in the order i, f, g, o, which is PyTorch's and
            Keras's. Without ``bias``, b = 0. A ``recurrent_bias`` of the same shape is added to
            it: PyTorch's redundant second bias, which only makes the sum learn faster.
        x: shape (…, time, n_in), floating point.
        carry: (h, c) before the first step, each (…, n_hidden). Defaults to zeros.
        lengths: integers (…), number of valid steps of each sequence. Later steps leave the carry
            unchanged and have y = 0. Defaults to all steps.
        reverse: run from each sequence's last valid step to its first.
        derivatives: "fast" has derivatives of its own, of any order and in either mode, whose
            reverse is quick inside compiled loops; "lax" leaves all to JAX.

    Returns:
        y, shape (…, time, n_hidden), and the carry (h, c) after the last step run. With
        no steps, y is empty and the carry is returned unchanged.

    Raises:
        ShapeError: if a shape doesn't fit the params.
        TypeError: if ``x`` isn't floating point or ``lengths`` aren't integers.
        ValueError: if a length that is known is negative or longer than ``x``; inside ``jit`` it
            counts as 0, or as all steps.

    Example:
        >>> from jaxdl import layers
        >>> (params,), _ = layers.lstm(3, 4).init(jax.random.key(0))
        >>> y, (h, c) = lstm(params, jnp.ones((2, 5, 3)), lengths=jnp.array([5, 2]))
        >>> y.shape, h.shape, bool((y[1, 1] == h[1]).all()), float(abs(y[1, 2:]).max())
        ((2, 5, 4), (2, 4), True, 0.0)

    Reference:
        Hochreiter & Schmidhuber, "Long short-term memory", 1997; with forget gates: Gers,
        Schmidhuber & Cummins, "Learning to forget", 2000.
    """
    name = parts.name_of("lstm", params, 4)
    parts.check_derivatives(name, derivatives)
    steps = parts.cut(name, params, x, lengths)
    h, c = _starts(name, params, steps, carry)
    fast = derivatives == "fast"
    z, kernel = _weigh(params, steps.x, parts.project_fast if fast else parts.project)
    hs, h, c = (_run_fast if fast else _run)(reverse, z, kernel, h, c, steps.mask)
    return parts.join(steps, hs), _ends(params, steps, h, c)


def _starts(
    name: str, params: parts.Cell, steps: parts.Steps, carry: PyTree
) -> tuple[Array, Array]:
    """The h and c to start from."""
    dtype = steps.x.dtype
    if carry is not None and not (isinstance(carry, tuple | list) and len(carry) == 2):
        raise ValueError(f"{name}: carry must be a pair (h, c), got {carry!r}")
    h, c = (None, None) if carry is None else carry
    h = parts.start(name, "carry[0]", h, params, steps, dtype)
    return h, parts.start(name, "carry[1]", c, params, steps, parts.wide(dtype))


def _ends(params: parts.Cell, steps: parts.Steps, h: Array, c: Array) -> tuple[Array, Array]:
    """The last h and c, with the batch axes and the dtype of the input."""
    shape = (*steps.lead, params["recurrent_kernel"].shape[0])
    return h.reshape(shape), c.reshape(shape).astype(steps.x.dtype)


def _weigh(params: parts.Cell, x: Array, project: parts.Project) -> tuple[parts.Gates, Array]:
    """The gates' inputs x·W + b, (time, batch, n_hidden) each, and U.

    σ(z) = tanh(z/2)/2 + 1/2, and the inner half goes into the weights: one tanh does for all gates.
    """
    n = params["recurrent_kernel"].shape[0]
    scale = jnp.repeat(jnp.array([0.5, 0.5, 1.0, 0.5], x.dtype), n, total_repeat_length=4 * n)
    bias = parts.both_biases(params, 4 * n, x.dtype)
    z = project(4, x, parts.scaled(params["kernel"], scale), bias * scale)
    return z, parts.scaled(params["recurrent_kernel"], scale)


def _step(
    kernel: Array, carry: tuple[Array, Array], x: parts.Step, keep: bool = False
) -> tuple[tuple[Array, Array], PyTree]:
    """The next h and c; also, to keep, the factors by which the backward pass multiplies."""
    (h, c), (z, mask) = carry, x
    recurrence = jnp.split(parts.dot(h, kernel), 4, -1)
    i, f, g, o = (jnp.tanh(a + b) for a, b in zip(z, recurrence, strict=True))
    i, f, o = (0.5 * gate + 0.5 for gate in (i, f, o))
    next_c = f * c + i * g
    t = jnp.tanh(next_c)
    next_h = (o * t).astype(h.dtype)
    into_z = (2 * i * (1 - i) * g, 2 * f * (1 - f) * c, i * (1 - g * g))
    factors: parts.Gates = (*into_z, 2 * o * (1 - o) * t, o * (1 - t * t), f)
    if mask is not None:
        next_h, next_c = jnp.where(mask, next_h, h), jnp.where(mask, next_c, c)
        factors = (*(jnp.where(mask, a, 0) for a in factors[:-1]), jnp.where(mask, f, 1))
    return (next_h, next_c), (next_h, factors if keep else ())


def _run(
    reverse: bool, z: parts.Gates, kernel: Array, h: Array, c: Array, mask: Array | None
) -> tuple[Array, Array, Array]:
    """All states h, (time, batch, n_hidden), and the last h and c."""
    each = parts.summed(kernel)
    step = lambda carry, x: _step(each(), carry, x)
    (h, c), (hs, _) = lax.scan(step, (h, c), (z, mask), reverse=reverse)
    return hs, h, c


_run_fast = jax.custom_jvp(_run, nondiff_argnums=(0,))


# The tangents are written so that their transpose runs back with dz alone: the kernel's tangent
# enters by a product over all steps before the loop, so that its gradient is one after it.
@_run_fast.defjvp
def _forward(reverse: bool, primals: _Inputs, tangents: _Inputs) -> tuple[PyTree, PyTree]:
    (z, kernel, h, c, mask), (dz, d_kernel, dh, dc, _) = primals, tangents
    step = functools.partial(_step, kernel, keep=True)
    (last_h, last_c), (hs, factors) = lax.scan(step, (h, c), (z, mask), reverse=reverse)
    from_kernel = parts.project_by(parts.before(h, hs, reverse), d_kernel, 4)
    dz = tuple(map(jnp.add, dz, from_kernel))
    push = functools.partial(_push, jnp.split(kernel.T, 4))
    (dh, dc), d_hs = lax.scan(push, (dh.astype(dc.dtype), dc), (dz, factors, mask), reverse=reverse)
    return (hs, last_h, last_c), (d_hs.astype(hs.dtype), dh.astype(h.dtype), dc)


def _push(
    kernels: Sequence[Array],
    carry: tuple[Array, Array],
    x: tuple[parts.Gates, parts.Gates, Array | None],
) -> tuple[tuple[Array, Array], Array]:
    """The tangents of the next h and c, given those of z; linear in both."""
    (dh, dc), (dz, (i, f, g, o, into_c, forget), mask) = carry, x
    a_i, a_f, a_g, a_o = (d + parts.across(dh, k) for d, k in zip(dz, kernels, strict=True))
    next_c = i * a_i + f * a_f + g * a_g + forget * dc
    next_h = o * a_o + into_c * next_c
    # The factors of a masked step are 0, and h goes through it as it is.
    next_h = next_h if mask is None else next_h + jnp.where(mask, 0, dh)
    return (next_h, next_c), next_h
