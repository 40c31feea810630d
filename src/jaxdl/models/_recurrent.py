"""Recurrent networks that give a sequence a class, or answer it with another sequence."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from jaxdl import _checks, functional, layers
from jaxdl._checks import ShapeError, describe
from jaxdl.combinators import lift, serial
from jaxdl.types import Array, Key, Layer, Params, State, assembly, factory, named

_ONE_HOT = lift(jnp.asarray)
"""Stands where tokens have no table of vectors."""


@factory
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
    """Classifies sequences: embedding of tokens, recurrent layers, and dense of their final state.

    Args:
        n_in: features of a step, or of a token's embedding.
        n_hidden: features of the hidden state of each layer and direction.
        n_classes: logits that go out.
        n_tokens: how many tokens there are, where tokens come in; features come in unless given.
        padding_index: the token that fills up short sequences at their end. Steps after the last
            other token don't count, and its embedding stays 0.
        cell: ``layers.lstm``, ``gru`` or ``rnn``, or a ``partial`` of one.
        depth: how many recurrent layers are stacked.
        bidirectional: whether each of them also runs from the end to the start.
        rate: the share that dropout drops between recurrent layers and before the dense one.

    Returns:
        A Layer from (…, time, n_in), or from integers (…, time), to logits (…, n_classes). Params
        are ``{"embedding", "recurrent", "head"}``, the first only for tokens.

    Raises:
        ValueError: if a size isn't a positive integer, or there is a ``padding_index`` without
            tokens or that isn't one of them.

    Example:
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
def sequence_to_sequence(
    n_in: int,
    n_hidden: int,
    n_out: int,
    *,
    steps: int,
    cell: Callable[..., Layer] = layers.lstm,
    depth: int = 1,
) -> Layer:
    """Answers a sequence with one of fixed length: encoder, its state at each step, decoder, dense.

    All steps of the answer come out at once: ``logits.argmax(-1)`` decodes them.

    Args:
        n_in: features of a step that comes in.
        n_hidden: features of the hidden states.
        n_out: logits of each step that goes out.
        steps: how many steps go out.
        cell: ``layers.lstm``, ``gru`` or ``rnn``, or a ``partial`` of one.
        depth: how many layers the decoder has; the encoder has one.

    Returns:
        A Layer from (…, time, n_in) to logits (…, steps, n_out), with params ``{"encoder",
        "decoder", "head"}`` and an empty entry for the repetition.

    Raises:
        ValueError: if a size isn't a positive integer.

    Example:
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


@factory
def encoder_decoder(
    n_source: int,
    n_target: int,
    n_hidden: int,
    *,
    source_length: int,
    n_features: int | None = None,
    padding_index: int | None = None,
    depth: int = 1,
    rate: float | Array = 0.0,
) -> Layer:
    """Answers tokens with tokens: an LSTM reads, and one that starts from its carry writes.

    For training with teacher forcing: position t of the logits is what follows the target's first
    t + 1 tokens. ``greedy_decode`` writes with the same params.

    Args:
        n_source: how many tokens there are to read.
        n_target: how many there are to write.
        n_hidden: features of the hidden states.
        source_length: how many of the positions that come in are the source's.
        n_features: features of the embeddings; tokens are one-hot vectors unless given.
        padding_index: the token that fills up short sources at their end; the reader's carry is
            that after the last other token.
        depth: how many layers reader and writer have.
        rate: the share that dropout drops between layers in training.

    Returns:
        A Layer from integers (…, source_length + time), a source and behind it a target that opens
        with the start token, to logits (…, time, n_target). Params are ``{"source", "encoder",
        "target", "decoder", "head"}``.

    Raises:
        ValueError: if a size isn't a positive integer; in training with ``rate`` without a key.
        ShapeError: at trace time, if there is nothing behind the source.

    Example:
        >>> net = encoder_decoder(71, 93, 256, source_length=16)
        >>> params, state = net.init(jax.random.key(0))
        >>> sum(p.size for p in jax.tree.leaves(params))  # Keras's example, English to French
        718173
        >>> net.apply(params, state, jnp.ones((5, 16 + 59), int))[0].shape
        (5, 59, 93)

    Reference:
        Sutskever, Vinyals & Le, "Sequence to sequence learning with neural networks", 2014,
        https://arxiv.org/abs/1409.3215.
    """
    name = f"encoder_decoder({n_source}, {n_target}, {n_hidden})"
    _checks.positive_ints(name, source_length=source_length)
    part = functools.partial(layers.lstm, n_hidden=n_hidden, depth=depth, rate=rate)
    # Without tables tokens are one-hot vectors, as many features as there are tokens.
    table = lambda n, pad: (
        layers.embedding(n, n_features, padding_index=pad) if n_features else _ONE_HOT
    )
    net = {
        "source": table(n_source, padding_index),
        "encoder": part(n_features or n_source),
        "target": table(n_target, None),
        "decoder": part(n_features or n_target),
        "head": layers.dense(n_hidden, n_target),
    }
    drops = depth > 1 and not _checks.is_zero(rate)

    def apply_fn(
        params: Params, state: State, x: ArrayLike, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        x = jnp.asarray(x)
        if x.ndim == 0 or x.shape[-1] <= source_length:
            raise ShapeError(f"{name} got {describe(x)}, of which {source_length} are the source")
        if train and drops and key is None:
            raise ValueError(f"{name} needs a key in training: apply(…, key=key, train=True)")
        keys = jax.random.split(key) if train and drops and key is not None else (None, None)
        source, target = jnp.split(x, [source_length], axis=-1)
        carry = _read(params, source, padding_index, rate, keys[0])
        target = _vectors(params["target"], target, params["decoder"])
        y, _ = functional.recurrent(
            functional.lstm, params["decoder"], target, carry=carry, rate=rate, key=keys[1]
        )
        return functional.dense(params["head"], y), state

    return named(name, serial(**net).init, apply_fn)


def greedy_decode(
    params: Mapping[str, Params],
    source: ArrayLike,
    *,
    start: int,
    n_new: int,
    padding_index: int | None = None,
) -> Array:
    """Writes an answer token by token, each the likeliest after those before it.

    Args:
        params: those of ``encoder_decoder``.
        source: integers (…, time).
        start: the token that targets open with.
        n_new: how many tokens are written.
        padding_index: as for ``encoder_decoder``.

    Returns:
        Integers (…, n_new), without the start token. What follows an end token is to be cut off.

    Raises:
        ValueError: if ``n_new`` isn't a positive integer.

    Example:
        >>> params, _ = encoder_decoder(7, 5, 8, source_length=3).init(jax.random.key(0))
        >>> greedy_decode(params, jnp.array([[3, 1, 2], [6, 6, 6]]), start=0, n_new=4).shape
        (2, 4)
    """
    _checks.positive_ints("greedy_decode", n_new=n_new)
    source = jnp.asarray(source)
    decoder = params["decoder"]

    def write(carry: Any, _: None) -> tuple[Any, Array]:
        carry, token = carry
        x = _vectors(params["target"], token[..., None], decoder)
        y, carry = functional.recurrent(functional.lstm, decoder, x, carry=carry)
        token = functional.dense(params["head"], y)[..., 0, :].argmax(axis=-1)
        return (carry, token), token

    carry = _read(params, source, padding_index, 0.0, None)
    first = jnp.full(source.shape[:-1], start, jnp.argmax(jnp.zeros(1)).dtype)
    _, tokens = lax.scan(write, (carry, first), length=n_new)
    return jnp.moveaxis(tokens, 0, -1)


def _read(
    params: Mapping[str, Params],
    source: Array,
    padding_index: int | None,
    rate: float | Array,
    key: Key | None,
) -> tuple[Any, ...]:
    """The encoder's carry after the last token of each source."""
    lengths = None if padding_index is None else _lengths(source, padding_index)
    x = _vectors(params["source"], source, params["encoder"], padding_index)
    return functional.recurrent(
        functional.lstm, params["encoder"], x, lengths=lengths, rate=rate, key=key
    )[1]


def _vectors(
    table: Params, tokens: Array, cells: Params, padding_index: int | None = None
) -> Array:
    """The embeddings of tokens, or one-hot vectors of the size that the first cell reads."""
    if "embedding" in table:
        return functional.embedding(table, tokens, padding_index=padding_index)
    kernel = cells[0]["kernel"]
    return jax.nn.one_hot(tokens, len(kernel), dtype=kernel.dtype)


def _lengths(tokens: ArrayLike, padding_index: int) -> Array:
    """How many tokens there are up to the last that isn't padding, 0 where all are."""
    real = jnp.asarray(tokens) != padding_index
    place = jnp.broadcast_to(jnp.arange(1, real.shape[-1] + 1), real.shape)
    return jnp.where(real, place, 0).max(axis=-1, initial=0)


def repeated(x: Array, *, steps: int) -> Array:
    """The same features at each of so many steps."""
    return jnp.broadcast_to(x[..., None, :], (*x.shape[:-1], steps, x.shape[-1]))
