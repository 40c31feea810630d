"""The embedded dataset: animal silhouettes that need neither a download nor a cache.

The images come from the PyPI package animal-mnist 0.4 (MIT licence, see animals.LICENSE).
"""

from pathlib import Path

import numpy as np

from jaxdl.data._dataset import Split
from jaxdl.data._splits import stratified_split

CLASSES = (
    *("bear", "bird", "cat", "cow", "dog"),
    *("elephant", "giraffe", "horse", "sheep", "zebra"),
)
FRACTIONS = (0.8, 0.1, 0.1)  # train, validation, test
SEED = 0  # with FRACTIONS it fixes the split; a test holds the checksum of the indices


def animals() -> Split:
    """Returns 9,716 silhouettes of ten animals, with a fixed stratified split of 80/10/10 %.

    Returns:
        A Dataset with ``inputs`` uint8 (N, 28, 28, 1), white on black, and ``labels`` int32 (N,).

    Example:
        >>> animals().train["inputs"].shape
        (7775, 28, 28, 1)
    """
    with np.load(Path(__file__).with_name("animals.npz")) as file:
        images, labels = file["images"], file["labels"]
    rows = stratified_split(labels, FRACTIONS, seed=SEED)
    train, validation, test = (
        {"inputs": images[i][..., None], "labels": labels[i].astype(np.int32)} for i in rows
    )
    description = "animals: 9,716 silhouettes of ten animals, 28 x 28, white on black"
    return Split(train, validation, test, CLASSES, description)
