"""Pictures in notebooks: read, made small in bytes, and large in pixels."""

import base64
import io
from collections.abc import Iterator

import numpy as np
from nbformat import NotebookNode
from PIL import Image

HIGHEST = 640  # pixels that a picture may be high on the page
NARROWEST = 1200  # pixels that a picture of a lecture must at least be wide


def pictures(cell: NotebookNode) -> Iterator[Image.Image]:
    """Yields the pictures that a cell has drawn."""
    for output in cell.get("outputs", ()):
        yield from (picture for kind, picture in drawn(output) if kind == "image/png")


def drawn(output: NotebookNode) -> Iterator[tuple[str, Image.Image]]:
    """Yields an output's picture or film, with its kind."""
    for kind in ("image/png", "image/gif"):
        if kind in output.get("data", {}):
            yield kind, Image.open(io.BytesIO(base64.b64decode(output.data[kind])))


def tidy(output: NotebookNode) -> None:
    """Makes an output's picture small in bytes, and shown at 0.6 of its pixels, so sharply."""
    data = output.get("data", {})
    if "image/png" in data:
        picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
        data["image/png"] = base64.b64encode(png(picture)).decode()
        shown = min(0.6, HIGHEST / picture.height) * picture.width
        large = picture.width >= NARROWEST
        output["metadata"] = {"image/png": {"width": round(shown)}} if large else {}


def png(picture: Image.Image) -> bytes:
    """A picture in 256 colours, which takes a third of the bytes.

    The commonest 128 stay as they are, lines and areas that is; the others become tones near them.
    """
    pixels = np.asarray(picture.convert("RGB"))
    codes = pixels.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
    found, places, counts = np.unique(codes.ravel(), return_inverse=True, return_counts=True)
    colours = np.stack([found >> 16, found >> 8 & 255, found & 255], axis=1).astype(np.uint8)
    order = np.argsort(-counts, kind="stable")
    palette, rest = colours[order[:128]], colours[order[128:]]
    if len(rest):
        tones = Image.fromarray(rest[None]).quantize(128, Image.Quantize.MEDIANCUT, kmeans=2)
        palette = np.concatenate([palette, np.reshape(tones.getpalette() or [], (-1, 3))[:128]])
    # Not Pillow's own search for the nearest, which takes white for a light grey.
    nearest = [np.abs(palette.astype(int) - colour).sum(axis=1).argmin() for colour in colours]
    indices = np.asarray(nearest, np.uint8)[places].reshape(pixels.shape[:2])
    image = Image.fromarray(indices, "P")
    image.putpalette(palette.astype(np.uint8).tobytes())
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()
