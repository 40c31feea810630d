"""Gated recurrent units."""

import functools
from collections.abc import Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from jaxdl._precision import spread
from jaxdl.functional import _recurrent_parts as parts
from jaxdl.types import Array, PyTree

_Inputs: TypeAlias = tuple[parts.Gates, Array, Array, Array, Array | None]


def gru_step(params: parts.Cell, carry: ArrayLike, x: ArrayLike) -> tuple[Array, Array]:
    """One step of a GRU; see ``gru``.

    Args:
        params: as for ``gru``.
        carry: h, shape (…, n_hidden).
        x: shape (…, n_in).

    Returns:
        The next carry, and y, which is the same.

    Raises:
        ShapeError: if a shape doesn't fit the params.

    Example:
        >>> params = {"kernel": jnp.ones((1, 3)), "recurrent_kernel": jnp.ones((1, 3))}
        >>> h, y = gru_step(params, jnp.zeros(1), jnp.ones(1))
        >>> float(y[0])  # (1 - σ(1))·tanh(1)
        0.204...
    """
    name = parts.name_of("gru_step", params, 3)
    steps = parts.cut(name, params, jnp.asarray(x)[..., None, :], None)
    h, z, kernel, bias = _weigh(name, params, steps, carry, parts.project)
    h, _ = _step(kernel, bias, h, (tuple(gate[0] for gate in z), None))
    h = h.reshape(*steps.lead, -1)
    return h, h


def gru(
    params: parts.Cell,
    x: ArrayLike,
    *,
    carry: ArrayLike | None = None,
    lengths: ArrayLike | None = None,
    reverse: bool = False,
    derivatives: parts.Derivatives = "fast",
) -> tuple[Array, Array]:
    """Gated recurrent units, one layer in one direction, over whole sequences.

    (r, z, n) = x·W + b;  (r', z', n') = h·U + b';  r = σ(r + r');  z = σ(z + z');
    h' = (1 - z)⊙tanh(n + r⊙n') + z⊙h;  y = h'.

    The reset gate r acts on h·U + b' and not on h, as in PyTorch, and in Keras by default.

    Args:
        params: ``{"kernel": W (n_in, 3·n_hidden), "recurrent_kernel": U (n_hidden, 3·n_hidden),
            "bias": b (3·n_hidden,), "recurrent_bias": b' (3·n_hidden,)}``, gates in the order
            r, z, n, which is PyTorch's; Keras's is z, r, n. A bias that is left out is 0.
        x: shape (…, time, n_in), floating point.
        carry: h before the first step, (…, n_hidden). Defaults to zeros.
        lengths: integers (…), number of valid steps of each sequence. Later steps leave the carry
            unchanged and have y = 0. Defaults to all steps.
        reverse: run from each sequence's last valid step to its first.
        derivatives: "fast" or "lax", as for ``lstm``.

    Returns:
        y, shape (…, time, n_hidden), and the carry h after the last step run.

    Raises:
        ShapeError: if a shape doesn't fit the params.
        TypeError: if ``x`` isn't floating point or ``lengths`` aren't integers.

    Example:
        >>> from jaxdl import layers
        >>> (params,), _ = layers.gru(3, 4).init(jax.random.key(0))
        >>> y, h = gru(params, jnp.ones((2, 5, 3)), lengths=jnp.array([5, 0]))
        >>> y.shape, float(abs(h[1]).max())
        ((2, 5, 4), 0.0)

    Reference:
        Cho et al., "Learning phrase representations using RNN encoder-decoder", 2014,
        https://arxiv.org/abs/1406.1078.
    """
    name = parts.name_of("gru", params, 3)
    parts.check_derivatives(name, derivatives)
    steps = parts.cut(name, params, x, lengths)
    fast = derivatives == "fast"
    project = parts.project_fast if fast else parts.project
    h, z, kernel, bias = _weigh(name, params, steps, carry, project)
    hs, h = (_run_fast if fast else _run)(reverse, z, kernel, bias, h, steps.mask)
    return parts.join(steps, hs), h.reshape(*steps.lead, kernel.shape[0])


def _weigh(
    name: str, params: parts.Cell, steps: parts.Steps, carry: PyTree, project: parts.Project
) -> tuple[Array, parts.Gates, Array, Array]:
    """The h to start from, the gates' inputs, U, and b' of n, which r multiplies.

    σ(z) = tanh(z/2)/2 + 1/2, and the inner half goes into the weights.
    """
    n, dtype = params["recurrent_kernel"].shape[0], steps.x.dtype
    scale = jnp.repeat(jnp.array([0.5, 0.5, 1.0], dtype), n, total_repeat_length=3 * n)
    bias, inner = (parts.leaf(params, b, 3 * n, dtype) for b in ("bias", "recurrent_bias"))
    outer = jnp.concatenate([bias[: 2 * n] + inner[: 2 * n], bias[2 * n :]])
    z = project(3, steps.x, parts.scaled(params["kernel"], scale), outer * scale)
    h = parts.start(name, "carry", carry, params, steps, dtype)
    kernel = parts.scaled(params["recurrent_kernel"], scale)
    return h, z, kernel, inner[2 * n :].astype(parts.wide(dtype))


def _step(
    kernel: Array, bias: Array, h: Array, x: parts.Step, keep: bool = False
) -> tuple[Array, PyTree]:
    """The next h; also, to keep, the factors by which the backward pass multiplies."""
    (z_r, z_z, z_n), mask = x
    h_r, h_z, h_n = jnp.split(parts.dot(h, kernel), 3, -1)
    h_n = h_n + jnp.broadcast_to(bias, h_n.shape)
    r, z = (0.5 * jnp.tanh(a) + 0.5 for a in (z_r + h_r, z_z + h_z))
    n = jnp.tanh(z_n + r * h_n)
    old = h.astype(n.dtype)
    new = (n + z * (old - n)).astype(h.dtype)
    into_n = (1 - z) * (1 - n * n)
    factors: parts.Gates = (
        into_n * h_n * 2 * r * (1 - r),
        (old - n) * 2 * z * (1 - z),
        into_n,
        into_n * r,
        z,
    )
    if mask is not None:
        new = jnp.where(mask, new, h)
        factors = (*(jnp.where(mask, a, 0) for a in factors[:-1]), jnp.where(mask, z, 1))
    return new, (new, factors if keep else ())


def _run(
    reverse: bool, z: parts.Gates, kernel: Array, bias: Array, h: Array, mask: Array | None
) -> tuple[Array, Array]:
    """All states h, (time, batch, n_hidden), and the last."""
    each = parts.summed(kernel)
    step = lambda h, x: _step(each(), bias, h, x)
    h, (hs, _) = lax.scan(step, h, (z, mask), reverse=reverse)
    return hs, h


_run_fast = jax.custom_jvp(_run, nondiff_argnums=(0,))


# In reverse, JAX runs the tangents' loop back with dh alone, of which every other gradient is a
# product over all steps.
@_run_fast.defjvp
def _forward(reverse: bool, primals: _Inputs, tangents: _Inputs) -> tuple[PyTree, PyTree]:
    (z, kernel, bias, h, mask), (dz, d_kernel, d_bias, dh, _) = primals, tangents
    step = functools.partial(_step, kernel, bias, keep=True)
    last, (hs, factors) = lax.scan(step, h, (z, mask), reverse=reverse)
    into_r, into_z, into_n, inside, through = factors
    r, u, n = parts.project_by(parts.before(h, hs, reverse), d_kernel, 3)
    n = n + spread(d_bias, n.shape, n.dtype)
    known = into_r * (dz[0] + r) + into_z * (dz[1] + u) + into_n * dz[2] + inside * n
    push = functools.partial(_push, jnp.split(kernel.T, 3))
    xs = known, (into_r, into_z, inside), through
    dh, d_hs = lax.scan(push, dh.astype(known.dtype), xs, reverse=reverse)
    return (hs, last), (d_hs.astype(hs.dtype), dh.astype(h.dtype))


def _push(
    kernels: Sequence[Array], dh: Array, x: tuple[Array, parts.Gates, Array]
) -> tuple[Array, Array]:
    """The tangent of the next h, twice; linear in that of h and in what is known of all steps."""
    known, gates, through = x
    pairs = zip(gates, kernels, strict=True)
    onwards = functools.reduce(jnp.add, (a * parts.across(dh, k) for a, k in pairs), dh * through)
    return known + onwards, known + onwards
