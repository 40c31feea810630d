"""What convolution and pooling share: a number an axis, and padding as pairs."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from jaxdl.checks import ShapeError, describe
from jaxdl.types import Array

Sizes: TypeAlias = int | Sequence[int]
"""One number for all axes, or one number an axis."""

Padding: TypeAlias = str | int | Sequence[int | tuple[int, int]]
"""A number for all axes, a number or a (low, high) pair an axis, or a name such as "SAME"."""

Pairs: TypeAlias = tuple[tuple[int, int], ...]


def per_axis(function: str, argument: str, value: Sizes, axes: int, least: int = 1) -> tuple:
    """Returns one whole number an axis, or raises a ValueError."""
    numbers = (value,) * axes if isinstance(value, int | np.integer) else tuple(value)
    whole = all(isinstance(n, int | np.integer) and not isinstance(n, bool) for n in numbers)
    if len(numbers) != axes or not whole or min(numbers, default=least) < least:
        raise ValueError(
            f"{function}: {argument} is {value!r}; it must be a whole number of at least {least},"
            f" or {axes} of them, one an axis"
        )
    return tuple(map(int, numbers))


def pairs(function: str, padding: int | Sequence[int | tuple[int, int]], axes: int) -> Pairs:
    """Returns explicit padding as one (low, high) pair an axis, or raises a ValueError."""
    spread = (padding,) * axes if isinstance(padding, int | np.integer) else tuple(padding)
    wide = [(p, p) if isinstance(p, int | np.integer) else tuple(p) for p in spread]
    if len(wide) != axes or any(len(pair) != 2 or min(pair) < 0 for pair in wide):
        raise ValueError(
            f"{function}: padding is {padding!r}; it must be a number of at least 0, or {axes} of"
            " them or of (low, high) pairs, one an axis"
        )
    return tuple((int(low), int(high)) for low, high in wide)


def span(size: int, dilation: int) -> int:
    """How many entries a window of ``size`` reaches over."""
    return dilation * (size - 1) + 1


def images(function: str, x: Array, axes: int) -> None:
    """Raises a ShapeError unless ``x`` has that many spatial axes before its channels."""
    if x.ndim < axes + 1:
        raise ShapeError(
            f"{function} got {describe(x)}, and needs {axes} spatial axes and channels, at least"
            f" {axes + 1} axes"
        )
