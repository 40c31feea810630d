"""Turns a column of examples, as TFDS decodes them, into one array."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxdl.data import _optional_import
from jaxdl.data._files import Unreadable
from jaxdl.data._images import fitted
from jaxdl.types import PyTree


class Shape(NamedTuple):
    """The size that images and texts of different sizes are converted to."""

    image_size: tuple[int, int] | None = None  # (height, width)
    text_length: int | None = None  # bytes


WHOLE = Shape()


def suffix(shape: Shape) -> str:
    """Returns the ending that distinguishes the arrays of one dataset in different shapes."""
    image = "" if shape.image_size is None else "+{}x{}".format(*shape.image_size)
    return image + ("" if shape.text_length is None else f"+{shape.text_length}")


def value(feature: object, x: object, shape: Shape) -> object:
    """Returns one value of a feature in the wanted size, so that no more of it is kept."""
    import tensorflow_datasets as tfds

    is_image = isinstance(feature, tfds.features.Image)
    return _fitted(np.asarray(x), shape.image_size) if is_image and shape.image_size else x


def column(name: str, feature: object, values: Sequence[PyTree], shape: Shape) -> np.ndarray:
    """Returns the values of a feature as one array, (N, …).

    Args:
        name: the name of the dataset, for messages.
        feature: of tensorflow_datasets.
        values: one per example, from ``value``.
        shape: the size that images and texts are converted to.

    Returns:
        Classes int32 (N,); texts uint8 (N, text_length), padded with 0; images and other numbers
        as they are.

    Raises:
        ValueError: if images differ in size or texts in length, and ``shape`` has no size for
            them.
    """
    import tensorflow_datasets as tfds

    if isinstance(feature, tfds.features.ClassLabel):
        return np.array(values, np.int32)
    if isinstance(feature, tfds.features.Text):
        return _texts(name, values, shape.text_length)
    arrays = [np.asarray(x) for x in values]
    _check_one_size(name, arrays)
    return np.stack(arrays)


def is_number(feature: Any) -> bool:
    """Returns whether a feature is a number or a class, as the columns of a table need to be."""
    import tensorflow_datasets as tfds

    is_tensor = isinstance(feature, tfds.features.Tensor)
    return is_tensor and not is_text(feature) and np.dtype(feature.np_dtype).kind in "biuf"


def is_text(feature: object) -> bool:
    """Returns whether a feature is text."""
    import tensorflow_datasets as tfds

    return isinstance(feature, tfds.features.Text)


def _texts(name: str, values: Sequence[bytes], length: int | None) -> np.ndarray:
    if length is None:
        sizes = sorted(len(text) for text in values)
        raise Unreadable(
            f"load: the texts of {name} have {sizes[0]} to {sizes[-1]} bytes, half of them up to "
            f"{sizes[len(sizes) // 2]}; pass text_length, to which they are cut or padded with 0"
        )
    x = np.zeros((len(values), length), np.uint8)
    for row, text in zip(x, values, strict=True):
        cut = np.frombuffer(text[:length], np.uint8)
        row[: len(cut)] = cut
    return x


def _fitted(x: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    image = _optional_import.module("load", "PIL.Image", "pillow")
    return fitted(image.fromarray(x[..., 0] if x.shape[-1] == 1 else x), size)


def _check_one_size(name: str, arrays: list[np.ndarray]) -> None:
    shapes = {x.shape for x in arrays}
    if len(shapes) > 1:
        smallest, largest = min(shapes), max(shapes)
        raise Unreadable(
            f"load: the images of {name} differ in size, from {smallest} to {largest}; "
            "pass image_size=(height, width), to which they are scaled and cut"
        )
