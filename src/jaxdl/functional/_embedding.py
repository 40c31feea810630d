"""Vectors of tokens: looking them up, and comparing with them."""

from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jaxdl import _checks
from jaxdl._checks import ShapeError, describe
from jaxdl._plain import plain_numbers
from jaxdl._precision import wide_dtype, widen
from jaxdl.functional._weights import check_weights
from jaxdl.types import Array, Weights


@plain_numbers
def embedding(params: Weights, indices: ArrayLike, *, padding_index: int | None = None) -> Array:
    """Looks up a vector for each token number: y = E[i].

    A number out of range raises an error outside of ``jit``; inside, its vector is nan, so that it
    can't go unnoticed. Negative numbers are out of range too.

    Args:
        params: ``{"embedding": (n_tokens, n_out)}``.
        indices: integers in [0, n_tokens), any shape (…).
        padding_index: the token whose vector gets no gradient, and so never changes.

    Returns:
        An array of shape (…, n_out).

    Raises:
        TypeError: if ``indices`` aren't integers.
        ValueError: if a number is out of range, outside of ``jit``; if ``padding_index`` isn't
            a token.

    Example:
        >>> params = {"embedding": jnp.array([[1.0, 2.0], [3.0, 4.0]])}
        >>> embedding(params, jnp.array([1, 1, 0]))
        Array([[3., 4.], [3., 4.], [1., 2.]], dtype=float32)
    """
    check_weights("embedding", params, {"embedding": 2})
    table = jnp.asarray(params["embedding"])
    name = f"embedding({table.shape[0]}, {table.shape[1]})"
    indices = _token_numbers(name, indices, len(table))
    y = (_rows if wide_dtype(table.dtype) == table.dtype else _half_rows)(table, indices)
    if padding_index is None:
        return y
    if not _checks.is_whole(padding_index):
        raise ValueError(f"{name}: padding_index is {padding_index!r}; it must be a token's number")
    _known_in_range(name, "padding_index", np.asarray(padding_index), len(table))
    padding = jnp.broadcast_to((indices == padding_index)[..., None], y.shape)
    return jnp.where(padding, jax.lax.stop_gradient(y), y)


@plain_numbers
def embedding_bag(
    params: Weights,
    indices: ArrayLike,
    *,
    reduction: Literal["sum", "mean", "max"] = "mean",
    padding_index: int | None = None,
) -> Array:
    """Looks up bags of tokens and reduces each to one vector: y = mean over the bag of E[i].

    Args:
        params: ``{"embedding": (n_tokens, n_out)}``.
        indices: integers in [0, n_tokens), shape (…, bag).
        reduction: ``"mean"``, ``"sum"``, or ``"max"`` per feature, where the first of equal entries
            gets the gradient.
        padding_index: the token that pads short bags; it is ignored and gets no gradient.

    Returns:
        An array of shape (…, n_out); 0 for a bag of padding alone.

    Raises:
        TypeError: if ``indices`` aren't integers.
        ValueError: if a number is out of range, outside of ``jit``, or ``reduction`` is unknown.

    Example:
        >>> params = {"embedding": jnp.array([[1.0, 2.0], [3.0, 4.0], [0.0, 0.0]])}
        >>> embedding_bag(params, jnp.array([[0, 1], [1, 2]]), padding_index=2)
        Array([[2., 3.], [3., 4.]], dtype=float32)
    """
    if reduction not in ("sum", "mean", "max"):
        raise ValueError(f'embedding_bag: reduction is {reduction!r}, not "sum", "mean" or "max"')
    if jnp.ndim(indices) == 0:
        raise ShapeError(f"embedding_bag got indices {describe(indices)}; it needs an axis of bags")
    rows = embedding(params, indices, padding_index=padding_index)
    real = jnp.ones(rows.shape[:-1], bool)
    if padding_index is not None:
        real = jnp.asarray(indices) != padding_index
    count = real.sum(-1, dtype=jnp.int32)[..., None]
    where = jnp.broadcast_to(real[..., None], rows.shape)
    if reduction == "max":
        return _largest(rows, where)
    total = rows.sum(-2, where=where)
    if reduction == "sum":
        return total
    return total / jnp.broadcast_to(jnp.maximum(count, 1).astype(total.dtype), total.shape)


def embedding_attend(params: Weights, x: ArrayLike) -> Array:
    """Compares features with every token's vector: logits = x·Eᵀ, the output of a tied embedding.

    Args:
        params: ``{"embedding": (n_tokens, n_out)}``, those of ``embedding``.
        x: shape (…, n_out), floating point.

    Returns:
        An array of shape (…, n_tokens).

    Raises:
        ShapeError: if the last axis of ``x`` doesn't have n_out entries.
        TypeError: if ``x`` isn't floating point.

    Example:
        >>> params = {"embedding": jnp.array([[1.0, 2.0], [3.0, 4.0]])}
        >>> embedding_attend(params, jnp.array([1.0, 0.0]))
        Array([1., 3.], dtype=float32)

    Reference:
        Press and Wolf, "Using the output embedding to improve language models", 2016,
        https://arxiv.org/abs/1608.05859.
    """
    check_weights("embedding_attend", params, {"embedding": 2})
    table = jnp.asarray(params["embedding"])
    name = f"embedding_attend({table.shape[0]}, {table.shape[1]})"
    x = _checks.floating(name, "x", x)
    _checks.last_axis(name, x, table.shape[1])
    return jnp.einsum("...d,nd->...n", x.astype(table.dtype), table)


def _token_numbers(name: str, indices: ArrayLike, n_tokens: int) -> Array:
    """Returns the indices as an array, or raises if they aren't integers in range."""
    numbers = jnp.asarray(indices)
    if not jnp.issubdtype(numbers.dtype, jnp.integer):
        raise TypeError(f"{name}: indices are {describe(numbers)}; they must be integers")
    if not isinstance(numbers, jax.core.Tracer):
        _known_in_range(name, "indices", np.asarray(numbers), n_tokens)
    return numbers


def _known_in_range(name: str, argument: str, numbers: np.ndarray, n_tokens: int) -> None:
    """Raises a ValueError if a number isn't in [0, n_tokens)."""
    wrong = numbers[(numbers < 0) | (numbers >= n_tokens)]
    if wrong.size:
        raise ValueError(f"{name}: {argument} has {wrong[0]}; it must lie in [0, {n_tokens})")


def _rows(table: Array, numbers: Array) -> Array:
    """Returns the table's rows of these numbers, nan where there is none."""
    return table.at[numbers].get(mode="fill", fill_value=jnp.nan, wrap_negative_indices=False)


_half_rows = jax.custom_jvp(_rows)


@_half_rows.defjvp
def _half_rows_jvp(
    primals: tuple[Array, Array], tangents: tuple[Array, object]
) -> tuple[Array, Array]:
    # The gradient of a row is a sum over all its uses: in float32.
    (table, numbers), (change, _) = primals, tangents
    return _rows(table, numbers), _rows(widen(change), numbers).astype(table.dtype)


def _largest(rows: Array, counts: Array) -> Array:
    """The largest entry that counts, or 0; of equal ones the first gets the gradient."""
    if rows.shape[-2] == 0:
        return jnp.zeros((*rows.shape[:-2], rows.shape[-1]), rows.dtype)
    entries = jnp.where(counts, rows, -jnp.inf)
    first = jnp.argmax(entries, -2, keepdims=True)
    top = jnp.take_along_axis(entries, first, -2).squeeze(-2)
    return jnp.where(counts.any(-2), top, 0)
