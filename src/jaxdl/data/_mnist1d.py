"""MNIST-1D, made in-process from its published recipe: no file, no download.

Templates and recipe are those of https://github.com/greydanus/mnist1d (Sam Greydanus, Peter
Steinbach and others; Apache License 2.0), reimplemented here.
"""

from typing import NamedTuple

import numpy as np

from jaxdl import _checks
from jaxdl._plain import plain_numbers
from jaxdl.data import _optional_import
from jaxdl.data._dataset import TrainTest
from jaxdl.data._splits import check_seed

# One row per digit: how far to the right the pen is on its way down, in twelve steps.
_PENS = (
    (5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5),
    (5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5),
    (5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5),
    (5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5),
    (5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5),
    (5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5),
    (5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5),
    (5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5),
)
_PADDING = 36, 60  # zeros behind a digit, from … to
_LENGTH = 72  # steps of a digit with its padding, before it is sampled down to 40
_STEPS = 40
_SCALE, _SHEAR, _SHIFTS = 0.4, 0.75, 48
_CORRELATED, _INDEPENDENT = 0.25, 0.02  # standard deviations of the two noises


class _Draws(NamedTuple):
    """The random numbers of one row, in the order in which the recipe draws them."""

    padding: int
    scale: float
    shift: int
    correlated: np.ndarray
    independent: np.ndarray
    shear: float


@plain_numbers
def mnist1d(n: int = 5000, *, seed: int = 42) -> TrainTest:
    """Digits as curves of forty points, on which different architectures differ clearly.

    A template of twelve points is padded with zeros, stretched, scaled, shifted and sheared, noise
    is added, and the whole set is standardised. With the defaults it equals the published set, row
    for row; the last fifth is the test part.

    Args:
        n: number of rows in train and test together, a tenth of them for each digit.
        seed: seed of all random draws.

    Returns:
        A Dataset: ``inputs`` float32 (N, 40), ``labels`` int32 (N,); with the defaults
        4,000 rows for training and 1,000 for the test. ``hold_out`` splits off a validation part.

    Raises:
        ValueError: if ``n`` isn't a positive multiple of 10.

    Example:
        >>> mnist1d().train["inputs"].shape
        (4000, 40)

    Reference:
        Greydanus and Kobak, "Scaling down deep learning with MNIST-1D", 2020,
        https://arxiv.org/abs/2011.14439.
    """
    _checks.positive_ints("mnist1d", n=n)
    check_seed("mnist1d", seed)
    if n % 10:
        raise ValueError(f"mnist1d: n is {n}; it must be a multiple of the 10 digits")
    random = np.random.RandomState(seed)
    labels = np.repeat(np.arange(10, dtype=np.int32), n // 10)
    x = _rows(_templates()[labels], [_draw(random) for _ in range(n)])
    order = random.permutation(n)
    x, labels = x[order], labels[order]
    x = ((x - x.mean()) / x.std()).astype(np.float32)
    at = int(n * 0.8)
    part = lambda rows: {"inputs": x[rows], "labels": labels[rows]}
    classes = tuple("0123456789")
    about = f"mnist1d: {n:,} digits as curves of {_STEPS} points"
    return TrainTest(part(slice(at)), None, part(slice(at, None)), classes, about)


def _templates() -> np.ndarray:
    """The ten digits, (10, 12), each of standard deviation 1/6 and starting at 0."""
    x = np.array(_PENS)
    x = x - x.mean(axis=1, keepdims=True)
    x = x / x.std(axis=1, keepdims=True)
    return (x - x[:, :1]) / 6.0


def _draw(random: np.random.RandomState) -> _Draws:
    low, high = _PADDING
    return _Draws(
        low + int(random.rand() * (high - low + 1)),
        1 + _SCALE * (random.rand() - 0.5),
        random.randint(_SHIFTS),
        random.randn(_LENGTH),
        random.randn(_LENGTH),
        _SHEAR * (random.rand() - 0.5),
    )


def _rows(templates: np.ndarray, draws: list[_Draws]) -> np.ndarray:
    ndimage = _optional_import.module("mnist1d", "scipy.ndimage", "scipy")  # which jax needs, too
    pairs = zip(templates, draws, strict=True)
    x = np.stack([_placed(template, draw) for template, draw in pairs])
    noise = _CORRELATED * np.stack([draw.correlated for draw in draws])
    # What isn't the digit is noise; 1e-8 marks the digit where its curve is 0.
    x = np.where(x != 0, x, ndimage.gaussian_filter1d(noise, 2, axis=1))
    x = x + _INDEPENDENT * np.stack([draw.independent for draw in draws])
    x = x - np.outer([draw.shear for draw in draws], np.linspace(-0.5, 0.5, _LENGTH))
    return np.stack([_resampled(row, _STEPS) for row in x])


def _placed(template: np.ndarray, draw: _Draws) -> np.ndarray:
    padded = np.concatenate([template + 1e-8, np.zeros(draw.padding)])
    return np.roll(draw.scale * _resampled(padded, _LENGTH), draw.shift)


def _resampled(x: np.ndarray, length: int) -> np.ndarray:
    return np.interp(np.linspace(0, 1, length), np.linspace(0, 1, len(x)), x)
