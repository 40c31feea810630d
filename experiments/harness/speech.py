"""Sentences as sound, spoken by eSpeak NG, whose library a package carries, and noise."""

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import signal  # type: ignore[import-untyped]

from harness.finetuning import needs

_SYNCHRONOUS, _CHARACTERS, _UTF8 = 2, 1, 1  # eSpeak NG's constants
_SPEED, _PITCH = 1, 3
_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


def speaker() -> Callable[..., np.ndarray]:
    """Returns ``say(text, voice, speed, pitch)``: samples at 16 kHz, between -1 and 1.

    Raises:
        UserError: if the package espeakng_loader isn't there.
    """
    loader = needs("speech", "espeakng_loader")
    library = ctypes.CDLL(loader.get_library_path())
    rate = library.espeak_Initialize(_SYNCHRONOUS, 0, str(loader.get_data_path()).encode(), 0)
    heard: list[np.ndarray] = []

    @_Callback
    def keep(samples: Any, count: int, events: Any) -> int:
        if samples and count:
            heard.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    library.espeak_SetSynthCallback(keep)

    def say(text: str, voice: str, speed: int, pitch: int) -> np.ndarray:
        heard.clear()
        # The callback must live as long as the library may call it.
        if library.espeak_SetVoiceByName(voice.encode()) or not keep:
            raise ValueError(f"eSpeak NG has no voice {voice!r}")
        library.espeak_SetParameter(_SPEED, int(speed), 0)
        library.espeak_SetParameter(_PITCH, int(pitch), 0)
        encoded = text.encode()
        library.espeak_Synth(encoded, len(encoded) + 1, 0, _CHARACTERS, 0, _UTF8, None, None)
        library.espeak_Synchronize()
        return signal.resample_poly(np.concatenate(heard) / 32_768, 16_000, rate)

    return say


def noise(random: np.random.Generator, n: int) -> np.ndarray:
    """N samples at 16 kHz of hiss of any colour, hum, a sweep, or clatter, of power 1."""
    seconds, kind = np.arange(n) / 16_000, random.integers(4)
    colour = np.fft.rfft(random.normal(size=n)) * np.maximum(1, np.arange(n // 2 + 1)) ** (
        -random.uniform(0, 1)
    )
    hiss = np.fft.irfft(colour)
    pitch = random.uniform(50, 400)
    if kind == 1:
        hum = sum(np.sin(2 * np.pi * pitch * k * seconds) / k for k in range(1, 12))
        hiss = hiss / hiss.std() * 0.3 + hum
    if kind == 2:
        wobble = np.sin(2 * np.pi * random.uniform(0.2, 3) * seconds)
        hiss = hiss / hiss.std() * 0.3 + np.sin(2 * np.pi * (600 * seconds + 60 * wobble))
    if kind == 3:
        hits = (random.uniform(size=n) < 6 / 16_000).astype(float)
        hiss = hiss * (0.1 + np.convolve(hits, np.exp(-np.arange(3000) / 600))[:n])
    return hiss / hiss.std()
