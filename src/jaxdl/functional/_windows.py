"""What convolution and pooling share: one number per axis, and padding as pairs."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from jaxdl._checks import ShapeError, describe, is_whole
from jaxdl.types import Array

Sizes: TypeAlias = int | Sequence[int]
"""One number for all axes, or one number per axis."""

Padding: TypeAlias = str | int | Sequence[int | tuple[int, int]]
"""A number for all axes, a number or a (low, high) pair per axis, or a name such as "SAME"."""

Pairs: TypeAlias = tuple[tuple[int, int], ...]


def one_an_axis(function: str, argument: str, value: Sequence[int]) -> tuple[int, ...]:
    """Returns one number per spatial axis as a tuple, or raises a TypeError for a single number."""
    if not isinstance(value, Iterable):
        raise TypeError(
            f"{function}: {argument} is {value!r}; it must be one number per axis, as"
            f" ({value!r}, {value!r}) for images"
        )
    return tuple(value)


def per_axis(function: str, argument: str, value: Sizes, axes: int, least: int = 1) -> tuple:
    """Returns one whole number per axis, or raises a ValueError."""
    numbers = tuple(value) if isinstance(value, Iterable) else (value,) * axes
    if len(numbers) != axes or not all(is_whole(n) and n >= least for n in numbers):
        raise ValueError(
            f"{function}: {argument} is {value!r}; it must be a whole number of at least {least},"
            f" or {axes} of them, one per axis"
        )
    return tuple(map(int, numbers))


def pairs(function: str, padding: int | Sequence[int | tuple[int, int]], axes: int) -> Pairs:
    """Returns explicit padding as one (low, high) pair per axis, or raises a ValueError."""
    spread = tuple(padding) if isinstance(padding, Iterable) else (padding,) * axes
    wide = [tuple(p) if isinstance(p, Iterable) else (p, p) for p in spread]
    right = all(len(pair) == 2 and all(is_whole(n) and n >= 0 for n in pair) for pair in wide)
    if len(wide) != axes or not right:
        raise ValueError(
            f"{function}: padding is {padding!r}; it must be a whole number of at least 0, or"
            f" {axes} of them or of (low, high) pairs, one per axis"
        )
    return tuple((int(low), int(high)) for low, high in wide)


def span(size: int, dilation: int) -> int:
    """How many entries a window of ``size`` spans."""
    return dilation * (size - 1) + 1


def images(function: str, x: Array, axes: int) -> None:
    """Raises a ShapeError unless ``x`` has that many spatial axes before its channels."""
    if x.ndim < axes + 1:
        raise ShapeError(
            f"{function} got {describe(x)}, and needs {axes} spatial axes and channels, at least"
            f" {axes + 1} axes"
        )
