"""Recurrent networks that classify a sequence, or map it to another sequence."""

import functools
from collections.abc import Callable

import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import _checks, layers
from jaxdl._checked import checked
from jaxdl.combinators import lift, serial
from jaxdl.types import Array, Key, Layer, Params, State, assembly, factory, named


@factory
@checked
def sequence_classifier(
    n_in: int,
    n_hidden: int,
    n_classes: int,
    *,
    n_tokens: int | None = None,
    padding_index: int | None = None,
    cell: Callable[..., Layer] = layers.lstm,
    depth: int = 1,
    bidirectional: bool = False,
    rate: float | Array = 0.0,
) -> Layer:
    """Classifies sequences: token embedding, recurrent layers, dense layer of their final state.

    Args:
        n_in: features of a step, or of a token's embedding.
        n_hidden: features of the hidden state of each layer and direction.
        n_classes: number of classes.
        n_tokens: size of the vocabulary if inputs are tokens. By default they are features.
        padding_index: the token that pads short sequences at their end. Trailing padding is
            ignored, and the token's embedding stays 0.
        cell: ``layers.lstm``, ``gru`` or ``rnn``, or a ``partial`` of one.
        depth: number of stacked recurrent layers.
        bidirectional: whether each of them also runs backwards in time.
        rate: dropout rate between recurrent layers and before the dense one.

    Returns:
        A Layer from (…, time, n_in), or from integers (…, time), to logits (…, n_classes). Params
        are ``{"embedding", "recurrent", "head"}``, the first only for tokens.

    Raises:
        ValueError: if a size isn't a positive integer, or ``padding_index`` is given without
            tokens or isn't one of them.

    Example:
        >>> import jax
        >>> net = sequence_classifier(
        ...     128, 64, 1, n_tokens=20_000, padding_index=0, depth=2, bidirectional=True
        ... )
        >>> params, state = net.init(jax.random.key(0))
        >>> sum(p.size for p in jax.tree.leaves(params))  # Keras's example for IMDB
        2757761
        >>> net.apply(params, state, jnp.ones((3, 20), int))[0].shape
        (3, 1)
    """
    name = f"sequence_classifier({n_in}, {n_hidden}, {n_classes})"
    _checks.positive_ints(name, n_in=n_in, n_hidden=n_hidden, n_classes=n_classes)
    if padding_index is not None and n_tokens is None:
        raise ValueError(f"{name}: padding_index is {padding_index}, but there is no n_tokens")
    table = {}
    if n_tokens is not None:
        table["embedding"] = layers.embedding(n_tokens, n_in, padding_index=padding_index)
    unused = _checks.is_zero(rate)
    drop = lift(jnp.asarray) if unused else layers.dropout(rate)
    options = {"depth": depth, "bidirectional": bidirectional, "rate": rate, "last": True}
    head = layers.dense(n_hidden * (1 + bidirectional), n_classes)

    def network(lengths: Array | None) -> Layer:
        recurrent = cell(n_in, n_hidden, lengths=lengths, **options)
        return serial(**table, recurrent=recurrent, dropout=drop, head=head)

    def apply_fn(
        params: Params, state: State, x: ArrayLike, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        lengths = None if padding_index is None else _lengths(x, padding_index)
        return network(lengths).apply(params, state, x, key=key, train=train)

    return named(name, network(None).init, apply_fn)


@assembly
@checked
def sequence_to_sequence(
    n_in: int,
    n_hidden: int,
    n_out: int,
    *,
    steps: int,
    cell: Callable[..., Layer] = layers.lstm,
    depth: int = 1,
) -> Layer:
    """Maps a sequence to one of fixed length: encoder, its state at each step, decoder, dense.

    All output steps are computed at once: ``logits.argmax(-1)`` decodes them.

    Args:
        n_in: features of an input step.
        n_hidden: features of the hidden states.
        n_out: logits of an output step.
        steps: number of output steps.
        cell: ``layers.lstm``, ``gru`` or ``rnn``, or a ``partial`` of one.
        depth: number of layers of the decoder; the encoder has one.

    Returns:
        A Layer from (…, time, n_in) to logits (…, steps, n_out), with params ``{"encoder",
        "decoder", "head"}`` and an empty entry for the repetition.

    Raises:
        ValueError: if a size isn't a positive integer.

    Example:
        >>> import jax
        >>> net = sequence_to_sequence(12, 128, 12, steps=4)  # "535+61" gives "596 "
        >>> params, state = net.init(jax.random.key(0))
        >>> sum(p.size for p in jax.tree.leaves(params))  # Keras's example of addition
        205324
        >>> net.apply(params, state, jnp.ones((5, 7, 12)))[0].shape
        (5, 4, 12)
    """
    _checks.positive_ints(
        f"sequence_to_sequence({n_in}, {n_hidden}, {n_out})", steps=steps, n_out=n_out
    )
    return serial(
        encoder=cell(n_in, n_hidden, last=True),
        repeat=functools.partial(repeated, steps=steps),
        decoder=cell(n_hidden, n_hidden, depth=depth),
        head=layers.dense(n_hidden, n_out),
    )


def _lengths(tokens: ArrayLike, padding_index: int) -> Array:
    """Returns the number of tokens up to the last that isn't padding, 0 if all are."""
    real = jnp.asarray(tokens) != padding_index
    place = jnp.broadcast_to(jnp.arange(1, real.shape[-1] + 1), real.shape)
    return jnp.where(real, place, 0).max(axis=-1, initial=0)


def repeated(x: Array, *, steps: int) -> Array:
    """Returns the same features at every step."""
    return jnp.broadcast_to(x[..., None, :], (*x.shape[:-1], steps, x.shape[-1]))
