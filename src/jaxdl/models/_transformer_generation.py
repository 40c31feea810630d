"""Tokens drawn one after another from a language model."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from jaxdl import _checks
from jaxdl._checks import ShapeError, describe
from jaxdl.models._transformer_lm import transformer_cache
from jaxdl.types import Array, Key, Layer, Params, State


def generate(
    net: Layer,
    params: Mapping[str, Params],
    prompt: ArrayLike,
    *,
    n_new: int,
    key: Key | None = None,
    temperature: float = 1.0,
    top_k: int | None = None,
) -> Array:
    """Continues sequences of tokens: xₜ₊₁ ~ softmax(logits(x₀, …, xₜ) / temperature).

    Each token passes through the network once: keys and values of those before are cached. Under
    ``jit``, with all but params, prompt and key static, it is one program, whose loop is a scan.

    Args:
        net: a ``transformer_lm``.
        params: its params.
        prompt: integers, shape (…, time), at least one.
        n_new: how many tokens to draw.
        key: a random key, needed unless ``temperature`` is 0.
        temperature: 1 draws from the network's own distribution, less makes likely tokens likelier;
            0 takes the likeliest.
        top_k: where given, only so many of the likeliest tokens are drawn (more, where the last of
            them has equals).

    Returns:
        The new tokens, int32, shape (…, n_new).

    Raises:
        ShapeError: if the prompt has no time axis, or no tokens.
        ValueError: if ``n_new`` or ``top_k`` isn't a positive integer, ``temperature`` is negative,
            there is no key where one is needed, or prompt and new tokens are more than the network
            has learned positions.

    Example:
        >>> import functools
        >>> from jaxdl.models import transformer_lm
        >>> net = transformer_lm(50, rotary=True, n_features=8, n_heads=2, n_layers=3)
        >>> params, _ = jax.jit(net.init)(jax.random.key(0))
        >>> run = jax.jit(functools.partial(generate, net, n_new=7, temperature=0.8))
        >>> run(params, jnp.array([[3, 1], [4, 1]]), key=jax.random.key(1)).shape
        (2, 7)
    """
    prompt = _checked_prompt(params, prompt, n_new)
    _check_sampling(key, temperature, top_k)

    def after(cache: State, tokens: Array, key: Key | None) -> tuple[State, Array]:
        logits, cache = net.apply(params, cache, tokens)
        return cache, _pick(logits[..., -1, :], key, temperature, top_k)

    def step(carry: tuple[State, Array], key: Key | None) -> tuple[tuple[State, Array], Array]:
        cache, token = after(carry[0], carry[1][..., None], key)
        return (cache, token), token

    # The last new token isn't fed back, and needs no room.
    cache = transformer_cache(params, prompt.shape[:-1], prompt.shape[-1] + n_new - 1)
    keys = None if key is None else jax.random.split(key, n_new)
    first, rest = (None, None) if keys is None else (keys[0], keys[1:])
    cache, token = after(cache, prompt, first)
    _, tokens = lax.scan(step, (cache, token), rest, length=n_new - 1)
    return jnp.concatenate([token[..., None], jnp.moveaxis(tokens, 0, -1)], axis=-1)


def _pick(logits: Array, key: Key | None, temperature: float, top_k: int | None) -> Array:
    """Returns a token for each row of logits."""
    if temperature == 0 or key is None:
        return logits.argmax(axis=-1).astype(jnp.int32)
    # In float32, because half precision has few of the random numbers that decide.
    logits = logits.astype(jnp.float32) / temperature
    if top_k is not None:
        least = lax.top_k(logits, min(top_k, logits.shape[-1]))[0][..., -1:]
        logits = jnp.where(logits < jnp.broadcast_to(least, logits.shape), -jnp.inf, logits)
    return jax.random.categorical(key, logits).astype(jnp.int32)


def _checked_prompt(params: Mapping[str, Params], prompt: ArrayLike, n_new: int) -> Array:
    """Returns the prompt as int32, or raises where it, with the new tokens, doesn't fit."""
    _checks.positive_ints("generate", n_new=n_new)
    prompt = jnp.asarray(prompt)
    if prompt.ndim == 0 or prompt.shape[-1] == 0:
        raise ShapeError(f"generate: the prompt is {describe(prompt)}; it needs a token or more")
    if not jnp.issubdtype(prompt.dtype, jnp.integer):
        raise TypeError(f"generate: the prompt is {describe(prompt)}; it must be integers")
    total = prompt.shape[-1] + n_new - 1
    if "positions" in params and total > (length := len(params["positions"]["embedding"])):
        raise ValueError(
            f"generate: a prompt of {prompt.shape[-1]} and {n_new} new tokens need {total} "
            f"positions; the network has learned {length}"
        )
    return prompt.astype(jnp.int32)


def _check_sampling(key: Key | None, temperature: float, top_k: int | None) -> None:
    if not temperature >= 0:
        raise ValueError(f"generate: temperature is {temperature}; it must be 0 or more")
    if temperature > 0 and key is None:
        raise ValueError("generate needs a key, or temperature=0.0 for the likeliest tokens")
    if top_k is not None:
        _checks.positive_ints("generate", top_k=top_k)
