"""Connectionist temporal classification: sequence labels without alignment."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import _checks
from jaxdl._varying import varying
from jaxdl.losses._arguments import class_indices, operands
from jaxdl.losses._reduction import Reduction, reduce
from jaxdl.types import Array

_NEVER = -1e30  # log 0, but finite: subtracting −inf from itself would make gradients nan


def ctc_loss(
    log_probabilities: ArrayLike,
    labels: ArrayLike,
    input_lengths: ArrayLike,
    label_lengths: ArrayLike,
    *,
    blank: int = 0,
    zero_infinity: bool = False,
    reduction: Reduction = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """Negative log-likelihood of a label sequence, summed over all alignments in time.

    l = −log Σ_a Π_t p_t(a_t) over the paths a that yield the labels once repeats are merged and
    blanks removed. The mean first divides each loss by its number of labels (at least 1). The
    input is normalized by log_softmax, so logits work too. Value and gradient match PyTorch's,
    which assumes normalized input.

    Args:
        log_probabilities: shape (N, T, C). (PyTorch: (T, N, C).)
        labels: integers in [0, C), shape (N, S); those beyond the length of a row are ignored.
        input_lengths: number of valid steps in each row, integers in [0, T], shape (N,).
        label_lengths: number of valid labels in each row, integers in [0, S], shape (N,).
        blank: the class that stands for no label.
        zero_infinity: whether loss and gradient are 0 for a row with too few steps for its labels
            (and the blanks between equal ones); otherwise the loss is inf and the gradient not
            finite.
        reduction: ``"mean"``, ``"sum"``, or ``"none"``, which returns shape (N,).
        where: mask of rows to include; shape (N,).

    Raises:
        ValueError: if ``blank`` is not a class, or a length is out of range.

    Example:
        >>> x = jnp.log(jnp.array([[[0.5, 0.5], [0.5, 0.5]]]))
        >>> loss = ctc_loss(x, jnp.array([[1]]), jnp.array([2]), jnp.array([1]))
        >>> round(float(jnp.exp(-loss)), 3)
        0.75

    Reference:
        Graves et al., Connectionist Temporal Classification, 2006.
    """
    x, out = operands("ctc_loss", where, span=2, log_probabilities=log_probabilities)
    labels, steps, lengths = _integers(x, labels, input_lengths, label_lengths)
    if not _checks.is_whole(blank) or not 0 <= blank < x.shape[-1]:
        raise ValueError(f"ctc_loss: blank is {blank}; it must be one of {x.shape[-1]} classes")
    real = jnp.arange(labels.shape[1], dtype=jnp.int32)[None, :] < lengths[:, None]
    legal = (labels >= 0) & (labels < x.shape[-1])
    counted = real if out.where is None else real & out.where[:, None]
    _checks.classes("ctc_loss", labels, x.shape[-1], counted=counted)
    path = _with_blanks(jnp.where(real & legal, labels, blank), blank)
    values = -_log_likelihood(
        jnp.maximum(jax.nn.log_softmax(x), _NEVER), path, steps, lengths, blank
    )
    # Rounding may put the loss of a certain alignment slightly below 0; its gradient is kept.
    values = values + jax.lax.stop_gradient(jnp.maximum(values, 0) - values)
    values = _infeasible(values, zero_infinity)
    valid = jnp.all(legal | ~real, axis=1) & (steps <= x.shape[1]) & (lengths <= labels.shape[1])
    values = jnp.where(valid & (steps >= 0) & (lengths >= 0), values, jnp.nan)
    if reduction == "mean":
        values = values / jnp.maximum(lengths, 1).astype(values.dtype)
    return reduce(values, reduction, out)


def _log_likelihood(log_p: Array, path: Array, steps: Array, lengths: Array, blank: int) -> Array:
    """Sums over alignments forward in time; the state is the position reached in the path."""
    n, n_states = path.shape
    emitted = jnp.take_along_axis(log_p, path[:, None, :], axis=2)
    may_skip = (path != blank) & (path != _shift(path, 2, blank))
    start = jnp.full((n, n_states), _NEVER, log_p.dtype).at[:, 0].set(0)
    start = varying(start, (emitted, may_skip, steps))

    def step(alpha: Array, now: tuple[Array, Array]) -> tuple[Array, None]:
        log_emit, t = now
        skipped = jnp.where(may_skip, _shift(alpha, 2, _NEVER), _NEVER)
        entered = _log_sum(alpha, _shift(alpha, 1, _NEVER), skipped)
        return jnp.where((t < steps)[:, None], entered + log_emit, alpha), None

    times = jnp.arange(log_p.shape[1], dtype=steps.dtype)
    alpha, _ = jax.lax.scan(step, start, (emitted.swapaxes(0, 1), times))
    last = jnp.take_along_axis(alpha, 2 * lengths[:, None], axis=1)[:, 0]
    before = jnp.take_along_axis(alpha, jnp.maximum(2 * lengths - 1, 0)[:, None], axis=1)[:, 0]
    return jnp.where(lengths > 0, jnp.logaddexp(last, before), last)


def _log_sum(a: Array, b: Array, c: Array) -> Array:
    """Returns log(eᵃ + eᵇ + eᶜ) of finite numbers with one logarithm."""
    top = jax.lax.stop_gradient(jnp.maximum(jnp.maximum(a, b), c))
    return top + jnp.log(jnp.exp(a - top) + jnp.exp(b - top) + jnp.exp(c - top))


def _with_blanks(labels: Array, blank: int) -> Array:
    """Returns the labels with a blank before each and after the last, shape (N, 2·S + 1)."""
    blanks = jnp.full_like(labels, blank)
    pairs = jnp.stack([blanks, labels], axis=2).reshape(len(labels), -1)
    return jnp.pad(pairs, ((0, 0), (0, 1)), constant_values=blank)


def _shift(x: Array, by: int, fill: float) -> Array:
    return jnp.pad(x, ((0, 0), (by, 0)), constant_values=fill)[:, : x.shape[1]]


def _infeasible(values: Array, zero_infinity: bool) -> Array:
    never = values > -_NEVER / 10
    if zero_infinity:
        return jnp.where(never, 0, values)
    # A product rather than a constant, so that the gradient isn't finite either.
    return values * jnp.where(never, jnp.inf, 1)


def _integers(
    x: Array, labels: ArrayLike, input_lengths: ArrayLike, label_lengths: ArrayLike
) -> tuple[Array, Array, Array]:
    if x.ndim != 3:
        raise _checks.ShapeError(
            f"ctc_loss: log_probabilities is {_checks.describe(x)}; it needs shape (N, T, C)"
        )
    labels = class_indices("ctc_loss", x[:, 0], labels, axes=1)
    steps = _lengths("input_lengths", input_lengths, x, x.shape[1])
    return labels, steps, _lengths("label_lengths", label_lengths, x, labels.shape[1])


def _lengths(name: str, lengths: ArrayLike, x: Array, most: int) -> Array:
    lengths = _checks.array("ctc_loss", name, lengths)
    if not jnp.issubdtype(lengths.dtype, jnp.integer):
        raise TypeError(f"ctc_loss: {name} are {_checks.describe(lengths)}; they must be integers")
    if lengths.shape != x.shape[:1]:
        raise _checks.ShapeError(
            f"ctc_loss: {name} are {_checks.describe(lengths)}; they need shape {x.shape[:1]}"
        )
    host = _checks.known(lengths)
    if host is not None and ((host < 0) | (host > most)).any():
        raise ValueError(f"ctc_loss: {name} are {host.tolist()}; they must lie in [0, {most}]")
    return lengths.astype(jnp.int32)
