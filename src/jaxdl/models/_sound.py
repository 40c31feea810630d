"""Networks for sound: pitch estimation and voice activity detection."""

import itertools
from typing import Literal

import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import _checks, activations, layers
from jaxdl._checked import checked
from jaxdl._checks import ShapeError, describe
from jaxdl.combinators import LayerLike, frozen, serial
from jaxdl.models._dropout import dropout_if_used
from jaxdl.types import Array, Layer, factory, named

_CAPACITY = {"tiny": 4, "small": 8, "medium": 16, "large": 24, "full": 32}
_CHUNK, _BEFORE, _AFTER = 512, 64, 64


@factory
@checked
def crepe(
    capacity: Literal["tiny", "small", "medium", "large", "full"] = "full",
    *,
    rate: float | Array = 0.25,
) -> Layer:
    """CREPE: six convolutions over 64 ms of sound, and how likely each of 360 pitches is.

    Pitch i stands for 10·2^((1997.3794 + 20·i)/1200) Hz, from 31.7 Hz to 2006 Hz in steps of 20
    cents. The published weights of "tiny" and "full" come from ``interop.pretrained``.

    Args:
        capacity: the published sizes, with 4, 8, 16, 24 and 32 times (32, 4, 4, 4, 8, 16) channels.
        rate: dropout rate after each convolution; 0 omits dropout.

    Returns:
        A Layer from sounds (…, 1024), samples at 16 kHz with mean 0 and standard deviation 1, to
        logits (…, 360), one per pitch; their sigmoids are probabilities.

    Raises:
        ValueError: if ``capacity`` isn't one of these, or the sounds have another length.

    Example:
        >>> import jax
        >>> params, _ = jax.eval_shape(crepe("tiny").init, jax.random.key(0))
        >>> sum(p.size for p in jax.tree.leaves(params))
        486552

    Reference:
        Kim et al., "CREPE: a convolutional representation for pitch estimation", 2018,
        https://arxiv.org/abs/1802.06182.
    """
    name = f"crepe({capacity!r})"
    if capacity not in _CAPACITY:
        raise ValueError(f"{name}: capacity must be one of {', '.join(map(repr, _CAPACITY))}")
    widths = (1, *(_CAPACITY[capacity] * n for n in (32, 4, 4, 4, 8, 16)))
    stages: list[LayerLike] = []
    for i, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
        size, stride, padding = (512, 4, (254, 254)) if i == 0 else (64, 1, (31, 32))
        stages += [
            layers.conv(n_in, n_out, (size,), stride=stride, padding=(padding,)),
            activations.relu,
            layers.batch_norm(n_out, epsilon=0.0010000000474974513, momentum=0.01),
            layers.max_pool((2,)),
            dropout_if_used(rate),
        ]

    def samples(x: ArrayLike) -> Array:
        x = _checks.floating(name, "x", x)
        if x.shape[-1:] != (1024,):
            raise ShapeError(f"{name} got {describe(x)}, and needs 1024 samples on its last axis")
        return x[..., None]

    net = serial(
        samples=samples,
        stages=serial(*stages),
        flatten=layers.flatten(axes=2),
        classifier=layers.dense(4 * widths[-1], 360),
    )
    return named(name, *net)


@factory
def silero_vad() -> Layer:
    """Silero's voice activity detector: a spectrum, four convolutions and an LSTM.

    Sound is cut into chunks of 32 ms, each seen with the 4 ms before it. The spectrum is a
    convolution with the published basis; it is fixed, while all else learns. The published weights
    come from ``interop.pretrained``.

    Returns:
        A Layer from sounds (…, samples) at 16 kHz, in multiples of 512 samples, to logits
        (…, samples/512) of speech in each chunk. Of its 309,121 parameters the spectrum has 66,048.

    Raises:
        ValueError: if the samples aren't a multiple of 512.

    Example:
        >>> import jax
        >>> net = silero_vad()
        >>> params, state = jax.eval_shape(net.init, jax.random.key(0))
        >>> sum(p.size for p in jax.tree.leaves(params))
        309121
        >>> sound = jax.ShapeDtypeStruct((2, 16_384), "float32")
        >>> jax.eval_shape(net.apply, params, state, sound)[0].shape
        (2, 32)

    Reference:
        Silero Team, "Silero VAD: pre-trained enterprise-grade voice activity detector", 2024,
        https://github.com/snakers4/silero-vad.
    """
    parts: list[LayerLike] = []
    for n_in, n_out, stride in ((129, 128, 1), (128, 64, 2), (64, 64, 2), (64, 128, 1)):
        parts += [layers.conv(n_in, n_out, (3,), stride=stride, padding=1), activations.relu]
    spectrum = layers.conv(1, 258, (256,), stride=128, bias=False)
    net = serial(
        chunks=_chunks,
        spectrum=frozen(spectrum),
        magnitude=_magnitude,
        encoder=serial(*parts),
        join=lambda x: x[..., 0, :],
        recurrent=layers.lstm(128, 128),
        relu=activations.relu,
        head=layers.conv(128, 1, (1,)),
        logits=lambda x: x[..., 0],
    )
    return named("silero_vad()", *net)


def _chunks(x: ArrayLike) -> Array:
    """Cuts (…, samples) into chunks (…, time, 64 before + 512 + 64 mirrored after, 1)."""
    x = _checks.floating("silero_vad", "x", x)
    if not x.ndim or not x.shape[-1] or x.shape[-1] % _CHUNK:
        raise ShapeError(
            f"silero_vad got {describe(x)}, and needs a multiple of {_CHUNK} samples on its last "
            "axis; pad sounds with zeros"
        )
    chunks = x.reshape(*x.shape[:-1], x.shape[-1] // _CHUNK, _CHUNK)
    ends = chunks[..., :-1, -_BEFORE:]
    before = jnp.concatenate([jnp.zeros_like(chunks[..., :1, :_BEFORE]), ends], axis=-2)
    after = chunks[..., -1 - _AFTER : -1][..., ::-1]
    return jnp.concatenate([before, chunks, after], axis=-1)[..., None]


def _magnitude(x: Array) -> Array:
    """The length of (real…, imaginary…) pairs; its gradient is 0, not nan, in digital silence."""
    real, imaginary = jnp.split(x, 2, axis=-1)
    power = real**2 + imaginary**2
    heard = power > 0
    return jnp.where(heard, jnp.sqrt(jnp.where(heard, power, 1)), 0)
