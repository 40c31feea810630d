"""A convolution, number by number: the patch under the kernel and the sum that it gives."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from jaxdl import _checks
from jaxdl._checks import ShapeError, describe
from jaxdl.plots._diagrams import PAPER, Place, sheet
from jaxdl.plots._films import film
from jaxdl.plots._style import GREY, ORANGE, signed_colours

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class _Slide(NamedTuple):
    """What is drawn: the padded image, the kernel, the sums, and how they lie on each other."""

    image: np.ndarray
    kernel: np.ndarray
    sums: np.ndarray
    stride: int
    padding: int


def convolution(
    image: ArrayLike,
    kernel: ArrayLike,
    *,
    at: tuple[int, int] = (0, 0),
    stride: int = 1,
    padding: int = 0,
    title: str = "",
) -> "Figure":
    """Draws a kernel on an image, and how the numbers under it give one number of the result.

    The result is yᵢⱼ = Σᵤᵥ wᵤᵥ·x_{i·s+u, j·s+v}, as in ``functional.conv``.

    Args:
        image: shape (height, width), preferably with few small numbers.
        kernel: shape (rows, columns).
        at: row and column of the result's entry to compute.
        stride: pixels from one place of the kernel to the next.
        padding: rows and columns of zeros around the image.
        title: the figure's title.

    Returns:
        A figure: image, kernel and result, with the patch, the kernel and the number outlined in
        orange, and the sum written below.

    Raises:
        ShapeError: if image or kernel isn't a matrix, or the kernel is larger than the image.
        ValueError: if stride or padding is out of range, or the result has no number there.

    Example:
        >>> figure = convolution([[1, 2, 3], [4, 5, 6]], [[1, -1]], at=(1, 0))
        >>> figure.axes[0].texts[-1].get_text()
        '4·1 + 5·(-1) = -1'
    """
    slide = _slide("convolution", image, kernel, stride, padding)
    if not all(0 <= i < n for i, n in zip(at, slide.sums.shape, strict=True)):
        shape = slide.sums.shape
        raise ValueError(f"convolution: at is {at}; the result has the shape {shape}")
    figure, axes = sheet(*_extent(slide), title)
    _draw(axes, slide, at, shown=slide.sums.size)
    return figure


def convolution_animation(
    image: ArrayLike,
    kernel: ArrayLike,
    *,
    stride: int = 1,
    padding: int = 0,
    interval: int = 700,
) -> "FuncAnimation":
    """Animates ``convolution``: the kernel slides, and the result fills up.

    Args:
        image: shape (height, width).
        kernel: shape (rows, columns).
        stride: pixels from one place of the kernel to the next.
        padding: rows and columns of zeros around the image.
        interval: milliseconds between pictures.

    Returns:
        A matplotlib animation, for ``save_animation``, with a picture for each number of the
        result.

    Raises:
        ShapeError: if image or kernel isn't a matrix, or the kernel is larger than the image.
        ValueError: if stride or padding is out of range.

    Example:
        >>> moving = convolution_animation([[1, 2, 3], [4, 5, 6]], [[1, -1]])
        >>> len(list(moving.new_frame_seq()))
        4
        >>> moving._draw_was_started = True  # nobody looks at this one; matplotlib would warn
    """
    slide = _slide("convolution_animation", image, kernel, stride, padding)
    figure, axes = sheet(*_extent(slide))
    columns = slide.sums.shape[1]

    def draw(i: int) -> None:
        axes.clear()
        width, height = _extent(slide)
        axes.set(xlim=(0, width), ylim=(0, height))
        axes.axis("off")
        _draw(axes, slide, divmod(i, columns), shown=i + 1)

    return film(figure, draw, slide.sums.size, interval)


def _slide(function: str, image: ArrayLike, kernel: ArrayLike, stride: int, padding: int) -> _Slide:
    _checks.positive_ints(function, stride=stride)
    if padding < 0:
        raise ValueError(f"{function}: padding is {padding}; it must be 0 or more")
    x, w = np.asarray(image, np.float64), np.asarray(kernel, np.float64)
    if x.ndim != 2 or w.ndim != 2 or not w.size:
        got = f"image {describe(x)} and kernel {describe(w)}"
        raise ShapeError(f"{function} got {got}; it needs two matrices")
    x = np.pad(x, padding)
    if any(k > n for k, n in zip(w.shape, x.shape, strict=True)):
        raise ShapeError(f"{function}: a kernel of {w.shape} doesn't fit an image of {x.shape}")
    patches = np.lib.stride_tricks.sliding_window_view(x, w.shape)[::stride, ::stride]
    return _Slide(x, w, np.einsum("ijuv,uv->ij", patches, w), stride, padding)


_CELL, _BETWEEN, _BELOW = 0.46, 0.75, 1.0


def _extent(slide: _Slide) -> tuple[float, float]:
    """Width and height of the whole picture."""
    grids = (slide.image, slide.kernel, slide.sums)
    width = _CELL * sum(g.shape[1] for g in grids) + 2 * _BETWEEN + 0.4
    terms = len(_sum(slide, (0, 0))) * 0.088 + 0.4
    return max(width, min(terms, 9.0)), _CELL * max(len(g) for g in grids) + _BELOW + 0.55


def _draw(axes: "Axes", slide: _Slide, at: tuple[int, int], shown: int) -> None:
    _, height = _extent(slide)
    x, top = 0.2, height - 0.5
    rows, columns = slide.kernel.shape
    corner = (at[0] * slide.stride, at[1] * slide.stride)
    pads = slide.padding
    inside = np.pad(np.ones(np.subtract(slide.image.shape, 2 * pads), bool), pads)
    done = np.arange(slide.sums.size).reshape(slide.sums.shape) < shown
    paper = np.full(slide.image.shape, PAPER)
    _grid(axes, (x, top), slide.image, "image", np.where(inside, "white", paper))
    _outline(axes, (x, top), corner, (rows, columns))
    x += _CELL * slide.image.shape[1] + _BETWEEN
    axes.text(x - _BETWEEN / 2, top - _CELL, "∗", fontsize=22, ha="center", va="center")
    _grid(axes, (x, top), slide.kernel, "kernel", _tones(slide.kernel))
    _outline(axes, (x, top), (0, 0), (rows, columns))
    x += _CELL * columns + _BETWEEN
    axes.text(x - _BETWEEN / 2, top - _CELL, "=", fontsize=22, ha="center", va="center")
    tones = np.where(done, _tones(slide.sums), "white")
    _grid(axes, (x, top), slide.sums, "result", tones, done)
    _outline(axes, (x, top), at, (1, 1))
    text = _sum(slide, at)
    axes.text(0.2, 0.45, text, fontsize=13, va="center", color=ORANGE, wrap=True)


def _sum(slide: _Slide, at: tuple[int, int]) -> str:
    """The products of a patch with the kernel, and their sum; long ones without zeros."""
    (i, j), (rows, columns) = (a * slide.stride for a in at), slide.kernel.shape
    patch = slide.image[i : i + rows, j : j + columns]
    pairs = list(zip(patch.ravel(), slide.kernel.ravel(), strict=True))
    if len(pairs) > 4:
        pairs = [(x, w) for x, w in pairs if w] or pairs[:1]
    terms = [f"{_number(x)}·{_number(w) if w >= 0 else f'({_number(w)})'}" for x, w in pairs]
    return f"{' + '.join(terms)} = {_number(slide.sums[at])}"


def _number(value: float) -> str:
    return f"{round(float(value), 2):g}"


def _tones(values: np.ndarray) -> np.ndarray:
    """Light signed colours, as text."""
    from matplotlib.colors import to_hex

    span = 2.2 * max(float(np.abs(values).max()), 1e-9)
    colours = signed_colours()
    return np.array([[to_hex(colours(0.5 + v / (2 * span) * 1.0)) for v in row] for row in values])


def _grid(
    axes: "Axes",
    corner: Place,
    values: np.ndarray,
    name: str,
    tones: np.ndarray,
    shown: np.ndarray | None = None,
) -> None:
    from matplotlib.patches import Rectangle

    x, top = corner
    axes.text(x, top + 0.2, name, fontsize=13, va="center")
    for (i, j), value in np.ndenumerate(values):
        place = (x + _CELL * j, top - _CELL * (i + 1))
        face = str(tones[i, j])
        axes.add_patch(Rectangle(place, _CELL, _CELL, facecolor=face, edgecolor=GREY, lw=0.8))
        middle = (place[0] + _CELL / 2, place[1] + _CELL / 2)
        text = _number(value) if shown is None or shown[i, j] else ""
        axes.text(*middle, text, ha="center", va="center", fontsize=12)


def _outline(axes: "Axes", corner: Place, first: tuple[int, int], size: Sequence[int]) -> None:
    from matplotlib.patches import Rectangle

    (x, top), (i, j), (rows, columns) = corner, first, size
    place = (x + _CELL * j, top - _CELL * (i + rows))
    options: dict[str, Any] = {"fill": False, "edgecolor": ORANGE, "lw": 3.2, "zorder": 5}
    axes.add_patch(Rectangle(place, _CELL * columns, _CELL * rows, **options))
