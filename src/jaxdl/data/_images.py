"""Images: turns a file into an array of bytes, or a reason why that isn't possible."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jaxdl import _checks
from jaxdl.data import _files, _optional_import

if TYPE_CHECKING:
    import PIL.Image
    import PIL.ImageFile

# What Pillow decodes safely; others, such as EPS, start other programs or have no bounds.
_FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "TIFF", "WEBP")
SUFFIXES = frozenset(
    (
        *(".avif", ".bmp", ".gif", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg"),
        *(".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"),
    )
)
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_DEEP = re.compile("(RGB|[AX]);16")  # Pillow's name of colours of 16 bits
_ORIENTATION = 0x0112  # EXIF's tag of how the camera was held


class Pixels(NamedTuple):
    """The form that images are converted to."""

    image_size: tuple[int, int] | None = None  # (height, width)
    channels: int = 3
    background: tuple[int, ...] | None = None  # seen through transparent pixels
    bits: int | None = None  # that images of 16 bits use


def pixels(
    function: str,
    image_size: object,
    channels: int,
    background: Any = None,
    bits: int | None = None,
) -> Pixels:
    """Returns the checked options of a function that reads images.

    Raises:
        ValueError: if they don't make sense.
        ImportError: if Pillow isn't installed.
    """
    _optional_import.module(function, "PIL.Image", "pillow")
    if image_size is not None:
        image_size = checked_size(function, image_size)
    if channels not in _MODES:
        raise ValueError(
            f"{function}: channels is {channels!r}; it must be 1 (grey), 3 (colour) or 4 (alpha)"
        )
    if background is not None:
        ground = background if isinstance(background, Sequence) else (background,) * 3
        if len(ground) != 3 or not all(_checks.is_whole(x) and 0 <= x <= 255 for x in ground):
            raise ValueError(
                f"{function}: background is {background!r}; it must be an integer from 0 to 255,"
                " or three of them"
            )
        if channels == 4:
            raise ValueError(f"{function}: background has no effect with channels=4")
        background = tuple(ground)
    if bits is not None and not (_checks.is_whole(bits) and 8 <= bits <= 16):
        raise ValueError(f"{function}: bits is {bits!r}; it must be an integer from 8 to 16")
    return Pixels(image_size, channels, background, bits)


def checked_size(function: str, image_size: object) -> tuple[int, int]:
    """Returns (height, width), or raises the ValueError that says what is wrong with it."""
    if not isinstance(image_size, Sequence) or isinstance(image_size, str) or len(image_size) != 2:
        raise ValueError(
            f"{function}: image_size is {image_size!r}; it must be a pair (height, width)"
        )
    height, width = image_size
    _checks.positive_ints(function, **{"image_size[0]": height, "image_size[1]": width})
    return int(height), int(width)


def decoded(path: Path | IO[bytes], wanted: Pixels) -> np.ndarray | str:
    """Returns an image as uint8 (height, width, channels), or the reason why it can't be.

    Args:
        path: a file, or an open one.
        wanted: the form to convert it to.
    """
    import PIL.Image
    import PIL.ImageOps

    if isinstance(path, Path) and not path.is_file():
        return "no regular file: a broken link, a pipe or a device"
    PIL.Image.init()
    try:
        known = [name for name in _FORMATS if name in PIL.Image.OPEN]
        with PIL.Image.open(path, formats=known) as file:
            _check_pixels(file)
            _check_samples(file)
            is_deep = bool(_DEEP.search(str(file.tile)))  # known until it is loaded
            file.load()
            image = _turned(_in_bytes(file, is_deep, wanted.bits), file.getexif().get(_ORIENTATION))
            image = _on_ground(image, wanted).convert(_MODES[wanted.channels])
    except Exception as error:  # decoders of damaged images raise errors of all kinds
        return _files.reason(error)
    return fitted(image, wanted.image_size) if wanted.image_size else _as_array(image)


def fitted(image: "PIL.Image.Image", size: tuple[int, int]) -> np.ndarray:
    """Returns a Pillow image as bytes, scaled and cropped from its centre to (height, width)."""
    import PIL.Image
    import PIL.ImageOps

    return _as_array(PIL.ImageOps.fit(image, size[::-1], PIL.Image.Resampling.BILINEAR))


def resized(x: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Returns images (N, height, width, 1 or 3) of bytes, scaled and cropped to another size."""
    if x.shape[1:3] == size:
        return x
    image = _optional_import.module("load", "PIL.Image", "pillow")
    rows = x[..., 0] if x.shape[-1] == 1 else x
    return np.stack([fitted(image.fromarray(row), size) for row in rows])


def _as_array(image: "PIL.Image.Image") -> np.ndarray:
    return np.asarray(image).reshape(image.height, image.width, -1)


def _check_pixels(file: "PIL.ImageFile.ImageFile") -> None:
    """Raises before anything is decoded if an image is larger than Pillow's limit."""
    import PIL.Image

    most = PIL.Image.MAX_IMAGE_PIXELS
    if most is not None and file.width * file.height > most:
        raise ValueError(
            f"it has {file.width} x {file.height} pixels; PIL.Image.MAX_IMAGE_PIXELS is {most:,}"
        )


def _check_samples(file: Any) -> None:
    """Raises where Pillow misreads samples: those above a PGM's own maximum, which it makes white,
    and a TIFF's brightness and colours, which by default share a colour between four pixels.
    """
    tile = file.tile[0] if file.tile else None
    if tile is not None and tile.codec_name == "raw" and file.mode == "YCbCr":
        raise ValueError("it is YCbCr without compression; convert it to RGB")
    if tile is None or tile.codec_name != "ppm":  # maximum 255 or 65535, or another format
        return
    most = tile.args[1]
    kind = np.dtype(np.uint8 if most < 256 else ">u2")
    size = file.width * file.height * len(file.getbands()) * kind.itemsize
    file.fp.seek(tile.offset)
    read = file.fp.read(size)
    samples = np.frombuffer(read[: len(read) // kind.itemsize * kind.itemsize], kind)
    if samples.size and samples.max() > most:
        raise ValueError(f"it has a sample of {samples.max()}, above its own maximum, {most}")


def _turned(image: "PIL.Image.Image", orientation: object) -> "PIL.Image.Image":
    """Undoes the rotation of a camera, which stores it along with the unrotated pixels."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT, 3: Transpose.ROTATE_180, 4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE, 6: Transpose.ROTATE_270, 7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }  # fmt: skip
    if isinstance(orientation, bytes) and len(orientation) == 1:  # a number of another type
        orientation = orientation[0]
    if not isinstance(orientation, int | None):
        raise ValueError(f"its orientation is {orientation!r}; it must be a number")
    return image.transpose(turns[orientation]) if orientation in turns else image


def _on_ground(image: Any, wanted: Pixels) -> "PIL.Image.Image":
    """An image with the background behind its transparent pixels, unless alpha is wanted."""
    import PIL.Image

    if wanted.channels == 4 or not image.has_transparency_data:
        return image
    image = image.convert("RGBA")
    if image.getextrema()[3][0] == 255:
        return image
    if wanted.background is None:
        raise ValueError(
            "it has transparent pixels; pass background=255 (white) or another, or channels=4"
        )
    ground = PIL.Image.new("RGBA", image.size, (*wanted.background, 255))
    return PIL.Image.alpha_composite(ground, image)


def _in_bytes(image: Any, is_deep: bool, bits: int | None) -> "PIL.Image.Image":
    """An image of 8 bits; Pillow would turn every 16-bit grey above 255 white."""
    import PIL.Image

    if image.mode in ("F", "I") and image.format != "PPM":  # Pillow scales the latter to 16 bits
        raise ValueError(
            f"pixels of mode {image.mode!r} have no known range; it needs 8 or 16 bits"
        )
    if image.mode.startswith("I"):
        if "transparency" in image.info:
            raise ValueError("it is 16-bit grey with transparent pixels; convert it to 8 bits")
        levels = np.asarray(image)
        shift = _used_bits(int(levels.max()), bits, image.format == "PPM") - 8
        return PIL.Image.fromarray((levels >> shift).astype(np.uint8)).copy()
    if is_deep and image.mode in ("RGB", "RGBA", "LA"):
        colours = image.getextrema()[: 1 if image.mode == "LA" else 3]
        if 0 < max(high for _, high in colours) < 16:
            raise ValueError("its 16 bits per colour use only the lowest 12; convert it to 8 bits")
    return image


def _used_bits(largest: int, bits: int | None, is_scaled: bool) -> int:
    if bits is None and 0 < largest < 2**12 and not is_scaled:
        raise ValueError(
            f"its 16-bit grey reaches {largest} of 65535 only; pass bits=12 if that is its"
            " range, or bits=16 if it is that dark"
        )
    if bits is not None and largest >= 2**bits:
        raise ValueError(f"its grey reaches {largest}, which needs more than bits={bits}")
    return bits or 16
