"""Embeddings: a learned vector for each token."""

import functools
from typing import Literal

import jax.numpy as jnp
from jax.typing import ArrayLike, DTypeLike

from jaxdl import _checks, functional, initializers
from jaxdl.layers._building import floating_dtype
from jaxdl.types import Array, Initializer, Key, Layer, Params, State, factory, named

STANDARD_NORMAL = initializers.normal()
"""N(0, 1), PyTorch's default for embeddings."""


@factory
def embedding(
    n_tokens: int,
    n_out: int,
    *,
    padding_index: int | None = None,
    init: Initializer = STANDARD_NORMAL,
    dtype: DTypeLike = jnp.float32,
) -> Layer:
    """Looks up a vector for each token number; see ``functional.embedding``.

    Args:
        n_tokens: size of the vocabulary.
        n_out: features of each vector.
        padding_index: the token whose vector starts at 0 and gets no gradient.
        init: initializer of the vectors. Defaults to PyTorch's N(0, 1).
        dtype: dtype of the vectors.

    Returns:
        A Layer from integers (…) to (…, n_out), with params ``{"embedding": (n_tokens, n_out)}``
        and no state.

    Raises:
        ValueError: if a size isn't a positive integer, or ``padding_index`` isn't a token.

    Example:
        >>> import jax
        >>> net = embedding(1000, 64)
        >>> params, state = net.init(jax.random.key(0))
        >>> net.apply(params, state, jnp.array([[3, 1, 2]]))[0].shape
        (1, 3, 64)
    """
    name = f"embedding({n_tokens}, {n_out})"
    _check(name, n_tokens, n_out, padding_index)
    floating_dtype(name, dtype)

    def init_fn(key: Key) -> tuple[Params, State]:
        table = init(key, (n_tokens, n_out), dtype)
        return {"embedding": table if padding_index is None else table.at[padding_index].set(0)}, ()

    def apply_fn(
        params: Params, state: State, x: ArrayLike, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        return functional.embedding(params, x, padding_index=padding_index), state

    return named(name, init_fn, apply_fn)


@factory
def embedding_bag(
    n_tokens: int,
    n_out: int,
    *,
    reduction: Literal["sum", "mean", "max"] = "mean",
    padding_index: int | None = None,
    init: Initializer = STANDARD_NORMAL,
    dtype: DTypeLike = jnp.float32,
) -> Layer:
    """Reduces the vectors of each bag of tokens to one; see ``functional.embedding_bag``.

    Args:
        n_tokens: size of the vocabulary.
        n_out: features of each vector.
        reduction: ``"mean"``, ``"sum"``, or ``"max"`` feature by feature.
        padding_index: the token that pads short bags and is ignored; its vector stays 0.
        init: initializer of the vectors. Defaults to PyTorch's N(0, 1).
        dtype: dtype of the vectors.

    Returns:
        A Layer from integers (…, bag) to (…, n_out), with params ``{"embedding": (n_tokens,
        n_out)}`` and no state.

    Raises:
        ValueError: if a size isn't a positive integer, or ``padding_index`` isn't a token.

    Example:
        >>> import jax
        >>> net = embedding_bag(1000, 64)
        >>> params, state = net.init(jax.random.key(0))
        >>> net.apply(params, state, jnp.array([[3, 1, 2]]))[0].shape
        (1, 64)
    """
    name = f"embedding_bag({n_tokens}, {n_out})"
    _check(name, n_tokens, n_out, padding_index)
    _checks.one_of(name, "reduction", reduction, ("sum", "mean", "max"))
    table = embedding(n_tokens, n_out, padding_index=padding_index, init=init, dtype=dtype)
    compute = functools.partial(
        functional.embedding_bag, reduction=reduction, padding_index=padding_index
    )

    def apply_fn(
        params: Params, state: State, x: ArrayLike, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        return compute(params, x), state

    return named(name, table.init, apply_fn)


def _check(name: str, n_tokens: int, n_out: int, padding_index: int | None) -> None:
    """Raises a ValueError unless sizes are positive integers and padding is a token."""
    _checks.positive_ints(name, n_tokens=n_tokens, n_out=n_out)
    token = padding_index is None or _checks.is_whole(padding_index)
    if not token or not 0 <= (padding_index or 0) < n_tokens:
        raise ValueError(f"{name}: padding_index is {padding_index!r}; it must be a token's number")
