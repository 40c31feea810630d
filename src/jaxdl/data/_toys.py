"""Toy datasets: points in the plane and on a line, made quickly and the same everywhere."""

import numpy as np

from jaxdl import _checks, _ranges
from jaxdl._plain import plain_numbers
from jaxdl.data._dataset import Split
from jaxdl.data._splits import check_rows, check_seed, split_rows

FRACTIONS = (0.8, 0.1, 0.1)  # train, validation, test


def assembled(
    inputs: np.ndarray, labels: np.ndarray, classes: tuple[str, ...], description: str, seed: int
) -> Split:
    """Returns rows as a Dataset: 80 % for training, 10 % for validation and 10 % for test.

    The split is stratified if each row has a class.

    Example:
        >>> x = np.zeros((20, 2))
        >>> assembled(x, np.arange(20) % 2, ("a", "b"), "", 0).test["labels"].shape
        (2,)
    """
    strata = labels if classes and labels.ndim == 1 else np.zeros(len(labels), int)
    rows = {"inputs": inputs, "labels": labels}
    return split_rows(rows, strata, FRACTIONS, seed=seed, classes=classes, description=description)


@plain_numbers
def xor(n: int = 1000, *, noise: float = 0.3, seed: int = 0) -> Split:
    """Four clouds of points around (±1, ±1); the class is whether the signs differ.

    x = s + noise·ε with s ∈ {−1, 1}² and ε ~ N(0, I). No line divides the classes.

    Args:
        n: number of points.
        noise: standard deviation of the clouds.
        seed: seed of the points and the split.

    Returns:
        A Dataset: ``inputs`` float32 (N, 2), ``labels`` int32 (N,).

    Raises:
        ValueError: if ``n`` isn't a positive integer, or ``noise`` is negative.

    Example:
        >>> xor(100).train["inputs"].shape
        (80, 2)
    """
    draw = _generator("xor", n, noise, seed)
    corner = np.arange(n) % 4
    signs = np.stack([corner % 2, corner // 2], axis=1)
    x = 2.0 * signs - 1 + noise * draw.randn(n, 2)
    return _points(x, signs[:, 0] ^ signs[:, 1], ("same sign", "other sign"), "xor", seed)


@plain_numbers
def moons(n: int = 1000, *, noise: float = 0.1, seed: int = 0) -> Split:
    """Two interlocking half circles.

    (cos t, sin t) and (1 − cos t, ½ − sin t) with t evenly spaced in [0, π], plus noise·ε. Without
    noise, these are the points of scikit-learn's ``make_moons``.

    Args:
        n: number of points.
        noise: standard deviation of the noise.
        seed: seed of the noise and the split.

    Returns:
        A Dataset: ``inputs`` float32 (N, 2), ``labels`` int32 (N,).

    Raises:
        ValueError: if ``n`` isn't a positive integer, or ``noise`` is negative.

    Example:
        >>> moons(200).classes
        ('upper', 'lower')
    """
    draw = _generator("moons", n, noise, seed)
    upper, lower = np.linspace(0, np.pi, n - n // 2), np.linspace(0, np.pi, n // 2)
    x = np.concatenate(
        [
            np.stack([np.cos(upper), np.sin(upper)], axis=1),
            np.stack([1 - np.cos(lower), 0.5 - np.sin(lower)], axis=1),
        ]
    )
    labels = np.repeat([0, 1], [len(upper), len(lower)])
    return _points(x + noise * draw.randn(n, 2), labels, ("upper", "lower"), "moons", seed)


@plain_numbers
def circles(n: int = 1000, *, noise: float = 0.05, factor: float = 0.5, seed: int = 0) -> Split:
    """One circle inside another.

    r·(cos t, sin t) with r = 1 or r = factor, plus noise·ε.

    Args:
        n: number of points.
        noise: standard deviation of the noise.
        factor: radius of the inner circle, in [0, 1).
        seed: seed of the noise and the split.

    Returns:
        A Dataset: ``inputs`` float32 (N, 2), ``labels`` int32 (N,).

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> float(abs(circles(10, noise=0.0).test["inputs"]).max()) <= 1
        True
    """
    _ranges.check("circles", factor=factor)
    draw = _generator("circles", n, noise, seed)
    labels = np.arange(n) % 2
    angle = 2 * np.pi * (np.arange(n) // 2) / -(-n // 2)
    radius = np.where(labels == 0, 1.0, factor)
    x = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return _points(x + noise * draw.randn(n, 2), labels, ("outer", "inner"), "circles", seed)


@plain_numbers
def spirals(
    n: int = 1000, *, arms: int = 2, turns: float = 1.5, noise: float = 0.02, seed: int = 0
) -> Split:
    """Spirals that wind around each other, one per class.

    r·(cos φ, sin φ) with φ = 2π·(turns·r + k/arms), r evenly spaced in (0, 1] and k the
    class, plus noise·ε.

    Args:
        n: number of points.
        arms: number of spirals.
        turns: number of turns of each spiral.
        noise: standard deviation of the noise.
        seed: seed of the noise and the split.

    Returns:
        A Dataset: ``inputs`` float32 (N, 2), ``labels`` int32 (N,).

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> spirals(300, arms=3).classes
        ('0', '1', '2')

    Reference:
        Lang and Witbrock, "Learning to tell two spirals apart", 1988.
    """
    _checks.positive_ints("spirals", arms=arms)
    _ranges.check("spirals", turns=turns)
    draw = _generator("spirals", n, noise, seed)
    labels = np.arange(n) % arms
    radius = (1 + np.arange(n) // arms) / -(-n // arms)
    angle = 2 * np.pi * (turns * radius + labels / arms)
    x = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return _points(x + noise * draw.randn(n, 2), labels, _numbers(arms), "spirals", seed)


@plain_numbers
def blobs(
    n: int = 1000, *, centers: int = 3, n_features: int = 2, noise: float = 1.0, seed: int = 0
) -> Split:
    """Round clouds of points, one per class.

    x = c_k + noise·ε with c_k uniform in [−10, 10]^F.

    Args:
        n: number of points.
        centers: number of clouds.
        n_features: F, coordinates of a point.
        noise: standard deviation of the clouds.
        seed: seed of the centres, the points and the split.

    Returns:
        A Dataset: ``inputs`` float32 (N, n_features), ``labels`` int32 (N,).

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> blobs(120, n_features=5).train["inputs"].shape
        (96, 5)
    """
    _checks.positive_ints("blobs", centers=centers, n_features=n_features)
    draw = _generator("blobs", n, noise, seed)
    middle = draw.uniform(-10, 10, (centers, n_features))
    labels = np.arange(n) % centers
    x = middle[labels] + noise * draw.randn(n, n_features)
    return _points(x, labels, _numbers(centers), "blobs", seed)


@plain_numbers
def checkerboard(n: int = 1000, *, squares: int = 4, noise: float = 0.0, seed: int = 0) -> Split:
    """Points on a checkerboard; the class is the colour of their square.

    x uniform in [−1, 1)², y = (⌊squares·(x₁ + 1)/2⌋ + ⌊squares·(x₂ + 1)/2⌋) mod 2; then noise·ε
    is added to x.

    Args:
        n: number of points.
        squares: number of squares along a side of the board.
        noise: standard deviation of the noise.
        seed: seed of the points and the split.

    Returns:
        A Dataset: ``inputs`` float32 (N, 2), ``labels`` int32 (N,).

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> checkerboard(100).classes
        ('black', 'white')
    """
    _checks.positive_ints("checkerboard", squares=squares)
    draw = _generator("checkerboard", n, noise, seed)
    x = draw.uniform(-1, 1, (n, 2))
    labels = np.floor(squares * (x + 1) / 2).astype(int).sum(axis=1) % 2
    x += noise * draw.randn(n, 2)
    return _points(x, labels, ("black", "white"), "checkerboard", seed)


@plain_numbers
def sine_regression(
    n: int = 1000, *, noise: float = 0.1, periods: float = 1.0, seed: int = 0
) -> Split:
    """A noisy sine, to be predicted from its argument.

    y = sin(x) + noise·ε with x uniform in [−π·periods, π·periods).

    Args:
        n: number of points.
        noise: standard deviation of the noise added to y.
        periods: number of periods of the sine.
        seed: seed of the points and the split.

    Returns:
        A Dataset: ``inputs`` float32 (N, 1), ``labels`` float32 (N, 1), no classes.

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> sine_regression(50).test["labels"].shape
        (5, 1)
    """
    _ranges.check("sine_regression", periods=periods)
    draw = _generator("sine_regression", n, noise, seed)
    x = periods * draw.uniform(-np.pi, np.pi, (n, 1))
    y = np.sin(x) + noise * draw.randn(n, 1)
    about = f"sine_regression: {n:,} points of a sine with noise"
    return assembled(x.astype(np.float32), y.astype(np.float32), (), about, seed)


def _points(
    x: np.ndarray, labels: np.ndarray, classes: tuple[str, ...], name: str, seed: int
) -> Split:
    about = f"{name}: {len(x):,} points of {len(classes)} classes"
    return assembled(x.astype(np.float32), labels.astype(np.int32), classes, about, seed)


def _generator(function: str, n: int, noise: float, seed: int) -> np.random.RandomState:
    """Checks the arguments; returns a generator whose stream is frozen across NumPy versions."""
    _checks.positive_ints(function, n=n)
    _ranges.check(function, noise=noise)
    check_seed(function, seed)
    check_rows(function, n)
    return np.random.RandomState(seed)


def _numbers(n: int) -> tuple[str, ...]:
    return tuple(str(i) for i in range(n))
