"""Images: as they are, with a network's predictions, and as its layers see them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from jaxdl._checks import ShapeError, describe
from jaxdl.plots._style import (
    ORANGE,
    caption,
    empty,
    grid,
    heading,
    make_figure,
    signed_colours,
    tones,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def predictions(
    images: ArrayLike,
    labels: ArrayLike,
    predicted: ArrayLike,
    *,
    classes: Sequence[str],
    columns: int = 8,
    title: str = "",
) -> "Figure":
    r"""Draws images with their predicted classes; wrong predictions are framed and corrected.

    Args:
        images: shape (N, height, width) or (N, height, width, 1 or 3).
        labels: true classes, shape (N,).
        predicted: predicted classes, shape (N,).
        classes: names of the classes.
        columns: images per row.
        title: the figure's title.

    Returns:
        A figure of ⌈N / columns⌉ rows.

    Raises:
        ShapeError: if these aren't images, or labels and predictions differ from them in number.
        ValueError: if a class has no name.

    Example:
        >>> figure = predictions(np.zeros((2, 8, 8)), [0, 1], [0, 0], classes=["cat", "dog"])
        >>> [axes.get_title() for axes in figure.axes[:2]]
        ['cat', 'cat\n(is dog)']
    """
    pictures = _pictures("predictions", images)
    labels, predicted = (np.asarray(x) for x in (labels, predicted))
    _check_classes(pictures, labels, predicted, classes)
    figure = make_figure(-(-len(pictures) // columns), columns, width=1.45, height=1.85)
    for axes in figure.axes:
        axes.axis("off")
    for axes, picture, label, guess in zip(figure.axes, pictures, labels, predicted, strict=False):
        right = label == guess
        axes.imshow(picture, cmap="gray")
        caption(
            axes,
            classes[guess] if right else f"{classes[guess]}\n(is {classes[label]})",
            color="black" if right else ORANGE,
            fontsize=10,
            fontweight="normal" if right else "bold",
        )
        if not right:
            _frame(axes)
    heading(figure, title)
    return figure


def _check_classes(
    pictures: np.ndarray, labels: np.ndarray, predicted: np.ndarray, classes: Sequence[str]
) -> None:
    if not labels.shape == predicted.shape == pictures.shape[:1]:
        raise ShapeError(
            f"predictions: labels {describe(labels)} and predicted {describe(predicted)} for "
            f"{len(pictures)} images"
        )
    both = np.concatenate([labels, predicted])
    if both.min() < 0 or both.max() >= len(classes):
        got = (
            f"{len(classes)} classes, but labels and predictions from {both.min()} to {both.max()}"
        )
        raise ValueError(f"predictions: {got}")


def _frame(axes: "Axes") -> None:
    axes.axis("on")
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(edgecolor=ORANGE, linewidth=4)


def images(
    images: ArrayLike,
    *,
    titles: Sequence[str] | None = None,
    columns: int = 8,
    title: str = "",
) -> "Figure":
    """Draws images side by side.

    Args:
        images: shape (N, height, width) or (N, height, width, 1 or 3); grey images share one scale.
        titles: the panels' titles.
        columns: images per row.
        title: the figure's title.

    Returns:
        A figure of ⌈N / columns⌉ rows.

    Raises:
        ShapeError: if these aren't images.
        ValueError: if the number of titles is wrong.

    Example:
        >>> figure = images(np.zeros((3, 8, 8)), titles=["a", "b", "c"])
        >>> [axes.get_title() for axes in figure.axes]
        ['a', 'b', 'c']
    """
    pictures = _pictures("images", images)
    if titles is not None and len(titles) != len(pictures):
        raise ValueError(f"images: {len(titles)} titles for {len(pictures)} images")
    figure = _grid(len(pictures), columns, titled=titles is not None)
    low, high = float(pictures.min()), float(pictures.max())
    for axes, picture, name in zip(
        figure.axes, pictures, titles or [""] * len(pictures), strict=True
    ):
        axes.imshow(picture, cmap="gray", vmin=low, vmax=high)
        caption(axes, name, fontsize=11)
        empty(axes)
    heading(figure, title)
    return figure


def filters(
    kernel: ArrayLike,
    *,
    shape: tuple[int, int] | None = None,
    titles: Sequence[str] | None = None,
    columns: int = 8,
    title: str = "",
) -> "Figure":
    """Draws what each unit of a convolution, or of a dense layer on images, looks for.

    Args:
        kernel: a convolution's, shape (height, width, n_in, n_out), or with ``shape`` a dense
            layer's, (n_in, n_out).
        shape: height and width of the images that a dense layer sees.
        titles: the filters' titles.
        columns: filters per row.
        title: the figure's title.

    Returns:
        A figure with one picture per filter, blue where positive and orange where negative, all on
        one scale. Three channels are drawn as colours; for any other number, the mean is shown.

    Raises:
        ShapeError: if the kernel has the wrong shape.
        ValueError: if the number of titles is wrong.

    Example:
        >>> len(filters(np.ones((5, 5, 1, 6))).axes) - 1  # and the scale
        6
    """
    kernel = np.asarray(kernel, np.float32)
    if shape is not None:
        if kernel.ndim != 2 or kernel.shape[0] != shape[0] * shape[1]:
            raise ShapeError(f"filters: kernel is {describe(kernel)}, for images of {shape}")
        kernel = kernel.reshape(*shape, 1, kernel.shape[1])
    if kernel.ndim != 4:
        raise ShapeError(
            f"filters: kernel is {describe(kernel)}; it needs (height, width, n_in, n_out), "
            "or (n_in, n_out) with shape=(height, width)"
        )
    if titles is not None and len(titles) != kernel.shape[3]:
        raise ValueError(f"filters: {len(titles)} titles for {kernel.shape[3]} filters")
    if kernel.shape[2] == 3:
        pictures = np.moveaxis(kernel, 3, 0) / (2 * float(np.abs(kernel).max()) or 1.0) + 0.5
        return images(pictures, titles=titles, columns=columns, title=title)
    return _signed(np.moveaxis(kernel.mean(axis=2), 2, 0), titles, columns, title)


def feature_maps(maps: ArrayLike, *, columns: int = 8, title: str = "") -> "Figure":
    """Draws each channel of a layer's result for one image.

    Args:
        maps: shape (height, width, channels), such as ``explain.trace(…).layers[0].a[0]``.
        columns: maps per row.
        title: the figure's title.

    Returns:
        A figure with one picture per channel, blue where positive and orange where negative, all
        on one scale; the scale begins at 0 where nothing is negative.

    Raises:
        ShapeError: if these aren't the maps of one image.

    Example:
        >>> len(feature_maps(np.ones((14, 14, 6))).axes) - 1  # and the scale
        6
    """
    maps = np.asarray(maps, np.float32)
    if maps.ndim != 3:
        raise ShapeError(f"feature_maps got {describe(maps)}; it needs (height, width, channels)")
    return _signed(np.moveaxis(maps, 2, 0), None, columns, title)


def attributions(
    images: ArrayLike, maps: ArrayLike, *, columns: int = 8, title: str = ""
) -> "Figure":
    """Draws images, and below each its attribution map: saliency or integrated gradients.

    Args:
        images: shape (N, height, width) or (N, height, width, 1 or 3).
        maps: attributions of the same shape; channels are summed.
        columns: number of images to draw, from the first.
        title: the figure's title.

    Returns:
        A figure of two rows. Each map has its own scale: blue supports the result, orange
        opposes it.

    Raises:
        ShapeError: if images and maps differ in shape.

    Example:
        >>> len(attributions(np.zeros((3, 8, 8)), np.ones((3, 8, 8))).axes)
        6
    """
    pictures, maps = _pictures("attributions", images), np.asarray(maps, np.float32)
    if maps.shape != np.shape(images):
        raise ShapeError(
            f"attributions: images {describe(np.asarray(images))} and maps {describe(maps)}"
        )
    count = min(columns, len(pictures))
    figure = make_figure(2, count, width=1.6, height=1.6)
    for i, (above, below) in enumerate(zip(figure.axes[:count], figure.axes[count:], strict=True)):
        strength = maps[i] if maps.ndim == 3 else maps[i].sum(axis=-1)
        largest = float(np.abs(strength).max()) or 1.0
        above.imshow(pictures[i], cmap="gray")
        below.imshow(strength, cmap=signed_colours(), vmin=-largest, vmax=largest)
        empty(above)
        empty(below)
    heading(figure, title)
    return figure


def _grid(count: int, columns: int, *, titled: bool) -> "Figure":
    """Axes for images; a few images are drawn larger."""
    side = 2.1 if min(count, columns) < 5 else 1.45
    return grid(count, columns, width=side, height=side + (0.3 if titled else 0.05))


def _signed(
    pictures: np.ndarray, titles: Sequence[str] | None, columns: int, title: str
) -> "Figure":
    figure = _grid(len(pictures), columns, titled=titles is not None)
    panels, colours = list(figure.axes), tones(pictures)
    names = titles or [""] * len(pictures)
    for axes, picture, name in zip(panels, pictures, names, strict=True):
        drawn = axes.imshow(picture, **colours)
        caption(axes, name, fontsize=11)
        empty(axes)
    figure.colorbar(drawn, ax=panels, shrink=0.8, aspect=25)
    heading(figure, title)
    return figure


def _pictures(function: str, images: ArrayLike) -> np.ndarray:
    """Images in matplotlib's format: (N, height, width), or (N, height, width, 3)."""
    pictures = np.asarray(images)
    coloured = pictures.ndim == 4
    if not pictures.size or not (pictures.ndim == 3 or (coloured and pictures.shape[3] in (1, 3))):
        raise ShapeError(
            f"{function} got {describe(pictures)}; it needs (N, height, width), with or without "
            "an axis of 1 or 3 colours, N at least 1"
        )
    return pictures[..., 0] if coloured and pictures.shape[3] == 1 else pictures
