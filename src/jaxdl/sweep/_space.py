"""Points to try: grids, random draws and Sobol sequences, as columns of equal length by name."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import jax
import numpy as np
from jax.typing import ArrayLike

from jaxdl import _checks
from jaxdl._checked import checked
from jaxdl.types import Key

Columns: TypeAlias = dict[str, list[Any]]
"""A list of values for each name; entry i of all lists together is point i."""

Values: TypeAlias = ArrayLike | Sequence[object]
"""What to try for a hyperparameter: a list, or an array whose first axis lists the values."""

Quantile: TypeAlias = Callable[[float], object]
"""From a share in [0, 1) to a value, as the inverse of a distribution function."""


def grid(values: Mapping[str, Values]) -> Columns:
    """All combinations of some values, the last name changing fastest.

    Args:
        values: by name, the values to combine.

    Returns:
        Columns of as many points as the lengths multiply to; one point without names for ``{}``.

    Raises:
        ValueError: if a name has no values, or its values aren't a list.

    Example:
        >>> grid({"learning_rate": [0.1, 0.2], "rate": [0.0, 0.5]})
        {'learning_rate': [0.1, 0.1, 0.2, 0.2], 'rate': [0.0, 0.5, 0.0, 0.5]}
    """
    lists = {name: listed(name, x) for name, x in values.items()}
    rows = list(itertools.product(*lists.values()))
    return {name: [row[i] for row in rows] for i, name in enumerate(lists)}


@checked
def random(key: Key, n: int, space: Mapping[str, Quantile]) -> Columns:
    """Draws points independently of each other.

    Args:
        key: a random key.
        n: number of points.
        space: by name, a distribution: ``uniform``, ``log_uniform``, ``integers``, ``choices``.

    Returns:
        Columns of n points.

    Raises:
        ValueError: if n isn't a positive integer, or the space is empty.
        TypeError: if the key isn't one, or the space holds anything but distributions.

    Example:
        >>> points = random(jax.random.key(0), 3, {"learning_rate": log_uniform(1e-4, 1e-1)})
        >>> len(points["learning_rate"])
        3

    Reference:
        Bergstra and Bengio, "Random search for hyper-parameter optimization", 2012.
    """
    _check("random", n, space)
    _checks.one_key("sweep.random", key)
    return _points(np.asarray(jax.random.uniform(key, (n, len(space))), np.float64), space)


@checked
def sobol(n: int, space: Mapping[str, Quantile], *, seed: int = 0) -> Columns:
    """Draws a scrambled Sobol sequence, which fills a space more evenly than independent points.

    Args:
        n: number of points; a power of 2 is the most even.
        space: as for ``random``.
        seed: seed of the scrambling.

    Returns:
        Columns of n points.

    Raises:
        ValueError: if n isn't a positive integer, or the space is empty.

    Example:
        >>> points = sobol(4, {"rate": uniform(0.0, 1.0)})
        >>> sorted(int(4 * rate) for rate in points["rate"])  # one in each quarter
        [0, 1, 2, 3]

    Reference:
        Owen, "Scrambling Sobol' and Niederreiter-Xing points", 1998.
    """
    from scipy.stats import qmc  # type: ignore[import-untyped]

    _check("sobol", n, space)
    sequence = qmc.Sobol(len(space), rng=np.random.default_rng(seed))
    # Drawn up to a power of two, below which SciPy warns that the points are less even.
    return _points(sequence.random_base2(math.ceil(math.log2(n)))[:n], space)


@checked
def uniform(low: float, high: float) -> Quantile:
    """The uniform distribution from ``low`` to ``high``: u ↦ low + u·(high − low).

    Raises:
        ValueError: unless low < high.

    Example:
        >>> uniform(1.0, 3.0)(0.5)
        2.0
    """
    _check_order("uniform", low, high)
    return lambda u: low + u * (high - low)


@checked
def log_uniform(low: float, high: float) -> Quantile:
    """Numbers whose logarithm is uniform: u ↦ low·(high / low)ᵘ.

    Raises:
        ValueError: unless 0 < low < high.

    Example:
        >>> round(log_uniform(1e-4, 1e-2)(0.5), 6)
        0.001
    """
    _check_order("log_uniform", low, high)
    if low <= 0:
        raise ValueError(f"log_uniform: low is {low}; it must be above 0")
    return lambda u: low * (high / low) ** u


@checked
def integers(low: int, high: int) -> Quantile:
    """Integers from ``low`` to ``high``, both included, with equal probability.

    Raises:
        ValueError: unless low < high.

    Example:
        >>> [integers(1, 3)(u) for u in (0.0, 0.5, 0.99)]
        [1, 2, 3]
    """
    _check_order("integers", low, high)
    return lambda u: min(int(low + math.floor(u * (high - low + 1))), int(high))


def choices(values: Sequence[object]) -> Quantile:
    """One of the given values, with equal probability.

    Raises:
        ValueError: if there are none.

    Example:
        >>> choices(["adam", "sgd"])(0.7)
        'sgd'
    """
    if not len(values):
        raise ValueError("choices needs one value or more")
    return lambda u: values[min(int(u * len(values)), len(values) - 1)]


def listed(name: str, values: object) -> list[object]:
    """Returns values as a list of Python's own, or raises the ValueError that says what is wrong.

    Example:
        >>> listed("rate", np.array([0.0, 0.5]))
        [0.0, 0.5]
    """
    # A float32 such as 0.1 reads 0.10000000149 as a Python float: its shortest text is meant.
    if isinstance(values, jax.Array | np.ndarray):
        x = np.asarray(values)
        values = list(x) if x.ndim else x
    if isinstance(values, str) or not isinstance(values, Sequence) or not len(values):
        got = _checks.describe(values) if hasattr(values, "dtype") else repr(values)
        raise ValueError(f"sweep: {name} is {got}; it must be a list of one value or more")
    found = [_plain(v) for v in values]
    if any(isinstance(v, float) and math.isnan(v) for v in found):
        raise ValueError(f"sweep: {name} is {found}; nan is no value to try")
    return found


def _plain(value: object) -> object:
    if isinstance(value, jax.Array | np.ndarray | np.generic) and np.ndim(value) == 0:
        value = np.asarray(value)[()]
        if np.issubdtype(value.dtype, np.floating):
            return float(str(value))
        return value.item()
    return value


def _points(shares: np.ndarray, space: Mapping[str, Quantile]) -> Columns:
    return {
        name: [quantile(float(u)) for u in shares[:, i]]
        for i, (name, quantile) in enumerate(space.items())
    }


def _check(function: str, n: int, space: Mapping[str, Quantile]) -> None:
    _checks.positive_ints(f"sweep.{function}", n=n)
    if not space:
        raise ValueError(f"sweep.{function}: the space is empty")
    for name, quantile in space.items():
        if not callable(quantile):
            raise TypeError(
                f"sweep.{function}: {name} is {quantile!r}; it must be a distribution, as uniform,"
                " log_uniform, integers or choices make it"
            )


def _check_order(function: str, low: float, high: float) -> None:
    if not low < high:
        raise ValueError(f"{function}: low is {low} and high is {high}; low must be less")
