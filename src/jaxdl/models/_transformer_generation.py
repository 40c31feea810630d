"""Sampling tokens from a language model."""

import functools
from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from jaxdl import _checks, _ranges
from jaxdl._checked import checked
from jaxdl._checks import ShapeError, describe
from jaxdl.models._transformer_lm import transformer_cache
from jaxdl.types import Array, Key, Layer, Params, PyTree, State


@checked
def generate(
    net: Layer,
    params: Mapping[str, Params],
    prompt: ArrayLike,
    *,
    n_new: int,
    key: Key | None = None,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    end: int | None = None,
    padding_index: int | None = None,
) -> Array:
    """Continues sequences of tokens: xₜ₊₁ ~ softmax(logits(x₀, …, xₜ) / temperature).

    Each token passes through the network once: earlier keys and values are cached. Under ``jit``,
    with all but params, prompt and key static, it is one program, whose loop is a scan.

    Args:
        net: a ``transformer_lm``.
        params: its params.
        prompt: integers, shape (…, time), at least one.
        n_new: number of tokens to draw.
        key: a random key, needed unless ``temperature`` is 0.
        temperature: 1 samples the network's distribution, smaller values favour likely tokens; 0
            takes the likeliest.
        top_k: sample only from this many of the likeliest tokens (more if there are ties).
            Defaults to all.
        top_p: sample only from the fewest likeliest tokens that together reach this probability.
            Defaults to all.
        end: the token that ends a sequence; all new tokens after it are ``end``.
        padding_index: the token that pads shorter prompts, on the left or on the right. Each is
            continued as it would be alone.

    Returns:
        The new tokens after each prompt, int32, shape (…, n_new).

    Raises:
        ShapeError: if the prompt has no time axis, or no tokens.
        TypeError: if ``net`` wasn't made by ``transformer_lm``.
        ValueError: if ``n_new`` or ``top_k`` isn't a positive integer, ``temperature`` is negative,
            a needed key is missing, or prompt and new tokens exceed the network's learned
            positions.

    Example:
        >>> import functools
        >>> from jaxdl.models import transformer_lm
        >>> net = transformer_lm(50, rotary=True, n_features=8, n_heads=2, n_layers=3)
        >>> params, _ = jax.jit(net.init)(jax.random.key(0))
        >>> run = jax.jit(functools.partial(generate, net, n_new=7, temperature=0.8))
        >>> run(params, jnp.array([[3, 1], [4, 1]]), key=jax.random.key(1)).shape
        (2, 7)
    """
    prompt, lengths = _aligned(_checked_prompt(params, prompt, n_new), padding_index)
    _check_sampling(key, temperature, top_k, top_p)
    pick = functools.partial(_pick, temperature=temperature, top_k=top_k, top_p=top_p)
    time, start = prompt.shape[-1], prompt.shape[-1] if padding_index is None else 1

    def write(tokens: Array, ended: Array, column: Array, picked: Array) -> tuple[Array, Array]:
        """Writes the next token of each sequence, unless its prompt already gives it."""
        given = jnp.take(tokens, column, axis=-1)
        new = picked if end is None else jnp.where(ended, end, picked)
        token = jnp.where(column < lengths, given, new)
        if end is not None:
            ended = ended | ((token == end) & (column >= lengths))
        return lax.dynamic_update_index_in_dim(tokens, token, column, tokens.ndim - 1), ended

    def step(
        carry: tuple[State, Array, Array], now: tuple[Array, Key | None]
    ) -> tuple[PyTree, None]:
        (cache, tokens, ended), (column, key) = carry, now
        last = jnp.take(tokens, column - 1, axis=-1)[..., None]
        logits, cache = net.apply(params, cache, last)
        return (cache, *write(tokens, ended, column, pick(logits[..., -1, :], key))), None

    # The last new token isn't fed back, and needs no room.
    cache = transformer_cache(net, params, prompt.shape[:-1], time + n_new - 1)
    columns = jnp.arange(start, time + n_new)
    keys = None if key is None else jax.random.split(key, len(columns))
    first, rest = (None, None) if keys is None else (keys[0], keys[1:])
    tokens = jnp.pad(prompt, [(0, 0)] * (prompt.ndim - 1) + [(0, n_new)])
    logits, cache = net.apply(params, cache, prompt[..., :start])
    begun = write(
        tokens, jnp.zeros(lengths.shape, bool), columns[0], pick(logits[..., -1, :], first)
    )
    (_, tokens, _), _ = lax.scan(step, (cache, *begun), (columns[1:], rest))
    places = lengths[..., None] + _count(n_new, lengths.ndim)
    return jnp.take_along_axis(tokens, places, axis=-1)


def _aligned(prompt: Array, padding_index: int | None) -> tuple[Array, Array]:
    """Returns prompts that all begin on the left, and how long each is."""
    time = prompt.shape[-1]
    if padding_index is None:
        return prompt, jnp.full(prompt.shape[:-1], time)
    real = prompt != padding_index
    known = _checks.known(real)
    if known is not None and not known.any(-1).all():
        raise ValueError(f"generate: a prompt is nothing but padding, {padding_index}")
    lengths = jnp.maximum(time - jnp.argmax(real[..., ::-1], -1) - jnp.argmax(real, -1), 1)
    places = (jnp.argmax(real, -1)[..., None] + _count(time, real.ndim - 1)) % time
    return jnp.take_along_axis(prompt, places, axis=-1), lengths


def _count(n: int, axes: int) -> Array:
    """Returns 0 … n - 1 along the last axis, after others of one entry."""
    return jnp.arange(n).reshape((1,) * axes + (n,))


def _pick(
    logits: Array,
    key: Key | None,
    *,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
) -> Array:
    """Returns a token for each row of logits."""
    if temperature == 0 or key is None:
        return logits.argmax(axis=-1).astype(jnp.int32)
    # In float32, because half precision has few of the random numbers that decide.
    logits = logits.astype(jnp.float32) / temperature
    if top_k is not None:
        logits = _at_least(logits, lax.top_k(logits, min(top_k, logits.shape[-1]))[0][..., -1:])
    if top_p is not None:
        ordered = -jnp.sort(-logits, axis=-1)
        share = jax.nn.softmax(ordered, axis=-1)
        before = jnp.cumsum(share, axis=-1) - share  # what the likelier ones have together
        logits = _at_least(
            logits, jnp.where(before < top_p, ordered, jnp.inf).min(-1, keepdims=True)
        )
    return jax.random.categorical(key, logits).astype(jnp.int32)


def _at_least(logits: Array, least: Array) -> Array:
    """Leaves out what is less likely than ``least``, (…, 1)."""
    return jnp.where(logits < jnp.broadcast_to(least, logits.shape), -jnp.inf, logits)


def _checked_prompt(params: Mapping[str, Params], prompt: ArrayLike, n_new: int) -> Array:
    """Returns the prompt as int32, or raises if it doesn't fit along with the new tokens."""
    _checks.positive_ints("generate", n_new=n_new)
    prompt = jnp.asarray(prompt)
    if prompt.ndim == 0 or prompt.shape[-1] == 0:
        raise ShapeError(f"generate: the prompt is {describe(prompt)}; it needs one token or more")
    if not jnp.issubdtype(prompt.dtype, jnp.integer):
        raise TypeError(f"generate: the prompt is {describe(prompt)}; it must be integers")
    total = prompt.shape[-1] + n_new - 1
    if "positions" in params and total > (length := len(params["positions"]["embedding"])):
        raise ValueError(
            f"generate: a prompt of {prompt.shape[-1]} and {n_new} new tokens need {total} "
            f"positions; the network has learned {length}"
        )
    return prompt.astype(jnp.int32)


def _check_sampling(
    key: Key | None, temperature: float, top_k: int | None, top_p: float | None
) -> None:
    _ranges.check("generate", temperature=temperature)
    if temperature > 0 and key is None:
        raise ValueError("generate needs a key, or temperature=0.0 for the likeliest tokens")
    if top_k is not None:
        _checks.positive_ints("generate", top_k=top_k)
    if top_p is not None:
        _ranges.check("generate", top_p=top_p)
