"""The plain recurrent network of Elman."""

import functools
from typing import Literal, TypeAlias

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from jaxdl.functional import _recurrent_parts as parts
from jaxdl.types import Array, PyTree

Nonlinearity: TypeAlias = Literal["tanh", "relu"]

_Inputs: TypeAlias = tuple[Array, Array, Array, Array | None]


def rnn_step(
    params: parts.Cell, carry: ArrayLike, x: ArrayLike, *, nonlinearity: Nonlinearity = "tanh"
) -> tuple[Array, Array]:
    """One step of a plain recurrent network; see ``rnn``.

    Args:
        params: as for ``rnn``.
        carry: h, shape (…, n_hidden).
        x: shape (…, n_in).
        nonlinearity: "tanh" or "relu".

    Returns:
        The next carry, and y, which is the same.

    Raises:
        ShapeError: if a shape doesn't fit the params.

    Example:
        >>> params = {"kernel": jnp.ones((1, 1)), "recurrent_kernel": jnp.full((1, 1), 0.5)}
        >>> h, y = rnn_step(params, jnp.ones(1), jnp.ones(1), nonlinearity="relu")
        >>> y
        Array([1.5], dtype=float32)
    """
    name = parts.name_of("rnn_step", params, 1)
    _check(name, nonlinearity)
    steps = parts.cut(name, params, jnp.asarray(x)[..., None, :], None)
    h, z, kernel = _weigh(name, params, steps, carry, parts.project)
    h, y = _step(nonlinearity, kernel, h, (z[0][0], None))
    return h.reshape(*steps.lead, -1), y.reshape(*steps.lead, -1)


def rnn(
    params: parts.Cell,
    x: ArrayLike,
    *,
    nonlinearity: Nonlinearity = "tanh",
    carry: ArrayLike | None = None,
    lengths: ArrayLike | None = None,
    reverse: bool = False,
    derivatives: parts.Derivatives = "fast",
) -> tuple[Array, Array]:
    """A plain recurrent network, one layer in one direction, over whole sequences.

    h' = tanh(x·W + b + h·U), or relu of it;  y = h'.

    Args:
        params: ``{"kernel": W (n_in, n_hidden), "recurrent_kernel": U (n_hidden, n_hidden),
            "bias": b (n_hidden,)}``. Without ``bias``, b = 0; a ``recurrent_bias`` is added to it.
        x: shape (…, time, n_in), floating point.
        nonlinearity: "tanh" or "relu".
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
        >>> params = {"kernel": jnp.ones((1, 1)), "recurrent_kernel": jnp.full((1, 1), 0.5)}
        >>> y, h = rnn(params, jnp.ones((3, 1)), nonlinearity="relu")
        >>> y[:, 0]
        Array([1.  , 1.5 , 1.75], dtype=float32)

    Reference:
        Elman, "Finding structure in time", 1990.
    """
    name = parts.name_of("rnn", params, 1)
    _check(name, nonlinearity)
    parts.check_derivatives(name, derivatives)
    steps = parts.cut(name, params, x, lengths)
    fast = derivatives == "fast"
    project = parts.project_fast if fast else parts.project
    h, z, kernel = _weigh(name, params, steps, carry, project)
    hs, h = (_run_fast if fast else _run)(nonlinearity, reverse, z[0], kernel, h, steps.mask)
    return parts.join(steps, hs), h.reshape(*steps.lead, kernel.shape[0])


def _check(name: str, nonlinearity: str) -> None:
    if nonlinearity not in ("tanh", "relu"):
        raise ValueError(f'{name}: nonlinearity is {nonlinearity!r}; it must be "tanh" or "relu"')


def _weigh(
    name: str, params: parts.Cell, steps: parts.Steps, carry: PyTree, project: parts.Project
) -> tuple[Array, parts.Gates, Array]:
    """The h to start from, x·W + b as the only gate, and U."""
    n, dtype = params["recurrent_kernel"].shape[0], steps.x.dtype
    bias = parts.both_biases(params, n, dtype)
    h = parts.start(name, "carry", carry, params, steps, dtype)
    z = project(1, steps.x, jnp.asarray(params["kernel"], dtype), bias)
    return h, z, jnp.asarray(params["recurrent_kernel"], dtype)


def _step(
    nonlinearity: Nonlinearity, kernel: Array, h: Array, x: tuple[Array, Array | None]
) -> tuple[Array, Array]:
    """The next h, twice: as carry and as output."""
    z, mask = x
    z = z + parts.dot(h, kernel)
    new = (jnp.tanh(z) if nonlinearity == "tanh" else jax.nn.relu(z)).astype(h.dtype)
    new = new if mask is None else jnp.where(mask, new, h)
    return new, new


def _run(
    nonlinearity: Nonlinearity,
    reverse: bool,
    z: Array,
    kernel: Array,
    h: Array,
    mask: Array | None,
) -> tuple[Array, Array]:
    """All states h, (time, batch, n_hidden), and the last."""
    each = parts.summed(kernel)
    step = lambda h, x: _step(nonlinearity, each(), h, x)
    h, hs = lax.scan(step, h, (z, mask), reverse=reverse)
    return hs, h


_run_fast = jax.custom_jvp(_run, nondiff_argnums=(0, 1))


# In reverse, JAX runs the tangents' loop back with dz alone; the kernel's gradient is a product
# over all steps after it.
@_run_fast.defjvp
def _forward(
    nonlinearity: Nonlinearity, reverse: bool, primals: _Inputs, tangents: _Inputs
) -> tuple[PyTree, PyTree]:
    (z, kernel, h, mask), (dz, d_kernel, dh, _) = primals, tangents
    hs, last = _run(nonlinearity, reverse, z, kernel, h, mask)
    wide = hs.astype(parts.wide(hs.dtype))
    slope = 1 - wide * wide if nonlinearity == "tanh" else (wide > 0).astype(wide.dtype)
    slope = slope if mask is None else jnp.where(mask, slope, 0)
    dz = dz + parts.over_time(parts.before(h, hs, reverse), d_kernel)
    push = functools.partial(_push, kernel.T)
    dh, d_hs = lax.scan(push, dh.astype(wide.dtype), (dz, slope, mask), reverse=reverse)
    return (hs, last), (d_hs.astype(hs.dtype), dh.astype(h.dtype))


def _push(turned: Array, dh: Array, x: tuple[Array, Array, Array | None]) -> tuple[Array, Array]:
    """The tangent of the next h, twice, given that of z; linear in both."""
    dz, slope, mask = x
    new = slope * (dz + parts.across(dh, turned))
    # The slope of a masked step is 0, and h goes through it as it is.
    new = new if mask is None else new + jnp.where(mask, 0, dh)
    return new, new
