"""Stacks of recurrent layers, in one direction or in both."""

import functools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl._plain import plain_numbers
from jaxdl.functional._stochastic import dropout
from jaxdl.types import Array, Key, Params, PyTree


@plain_numbers
def recurrent(
    cell_fn: Callable[..., tuple[Array, PyTree]],
    params: Sequence[Params],
    x: ArrayLike,
    *,
    carry: Sequence[PyTree] | None = None,
    lengths: ArrayLike | None = None,
    rate: float | Array = 0.0,
    key: Key | None = None,
) -> tuple[Array, tuple[PyTree, ...]]:
    """Runs a stack of recurrent layers, each in one direction or in both.

    Layer l reads the output of layer l - 1, after dropout. With both directions, y is their
    concatenation on the last axis.

    Args:
        cell_fn: ``functional.lstm``, ``gru`` or ``rnn``, or a ``partial`` of one.
        params: for each layer the params of ``cell_fn``, or ``{"forward": …, "backward": …}``; the
            params of ``layers.lstm``, ``gru`` and ``rnn``.
        x: shape (…, time, n_in).
        carry: initial carry of each layer, in the form of the returned one. Defaults to zeros.
        lengths: integers (…), number of valid steps of each sequence. Defaults to all.
        rate: dropout rate between layers.
        key: a random key; without it, nothing is dropped.

    Returns:
        y, shape (…, time, n_out), and the final carry: a tuple over layers of what ``cell_fn``
        returns, or of ``{"forward": …, "backward": …}``.

    Raises:
        ValueError: if ``carry`` doesn't have one entry per layer.

    Example:
        >>> from jaxdl import functional, layers
        >>> params, _ = layers.gru(3, 4, depth=2, bidirectional=True).init(jax.random.key(0))
        >>> x, lengths = jnp.ones((5, 7, 3)), jnp.array([7, 2, 0, 1, 7])
        >>> y, carry = functional.recurrent(functional.gru, params, x, lengths=lengths)
        >>> y.shape, len(carry), carry[1]["backward"].shape
        ((5, 7, 8), 2, (5, 4))
        >>> y, carry = functional.recurrent(functional.gru, params, x, carry=carry)
    """
    if carry is not None and len(carry) != len(params):
        raise ValueError(f"recurrent got {len(carry)} carries for {len(params)} layers")
    y, finals = jnp.asarray(x), []
    for i, cell in enumerate(params):
        if i and key is not None:
            y = dropout(jax.random.fold_in(key, i), y, rate=rate)
        start = None if carry is None else carry[i]
        y, final = _layer(functools.partial(cell_fn, lengths=lengths), cell, y, start)
        finals.append(final)
    return y, tuple(finals)


def _layer(
    cell_fn: Callable[..., tuple[Array, PyTree]], params: Params, x: Array, carry: PyTree
) -> tuple[Array, PyTree]:
    """One layer in the direction or the directions that its params have."""
    if "forward" not in params:
        return cell_fn(params, x, carry=carry)
    start = {"forward": None, "backward": None} if carry is None else carry
    there, last = cell_fn(params["forward"], x, carry=start["forward"])
    back, first = cell_fn(params["backward"], x, carry=start["backward"], reverse=True)
    return jnp.concatenate([there, back], axis=-1), {"forward": last, "backward": first}
