"""The catalogue: what is known about the named datasets before any file is opened."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from jaxdl.data._dataset import Dataset


class Entry(NamedTuple):
    """A dataset of TFDS that is also published as four IDX files."""

    classes: tuple[str, ...]  # as TFDS names them
    files: tuple[str, str, str, str]  # images and labels to train on, then those of the test
    folder: str  # what torchvision calls its folder
    description: str
    debian: str = ""  # the package that holds the four files, where there is one


class Source(NamedTuple):
    """A copy of a dataset on disk that can be converted to arrays."""

    description: str
    files: tuple[Path, ...]  # what it consists of: a change makes converted arrays stale
    read: Callable[[], Dataset]


def _idx_files(train: str, test: str) -> tuple[str, str, str, str]:
    images, labels = "images-idx3-ubyte", "labels-idx1-ubyte"
    return f"{train}-{images}", f"{train}-{labels}", f"{test}-{images}", f"{test}-{labels}"


def _emnist(config: str, classes: int, rows: str) -> Entry:
    return Entry(
        classes=tuple(str(i) for i in range(classes)),
        files=_idx_files(f"emnist-{config}-train", f"emnist-{config}-test"),
        folder="EMNIST",
        # As published; inputs.swapaxes(1, 2) turns them upright.
        description=f"emnist/{config}: {rows} handwritten characters, 28 x 28, transposed",
    )


_MNIST_FILES = _idx_files("train", "t10k")

ENTRIES = {
    "mnist": Entry(
        classes=tuple("0123456789"),
        files=_MNIST_FILES,
        folder="MNIST",
        description="mnist: 70,000 handwritten digits, 28 x 28, white on black",
    ),
    "fashion_mnist": Entry(
        classes=(
            *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
            *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        ),
        files=_MNIST_FILES,
        folder="FashionMNIST",
        description="fashion_mnist: 70,000 pictures of clothes, 28 x 28, light on black",
        debian="dataset-fashion-mnist",
    ),
    "kmnist": Entry(
        classes=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        files=_MNIST_FILES,
        folder="KMNIST",
        description="kmnist: 70,000 cursive hiragana, 28 x 28, white on black",
    ),
    "emnist/byclass": _emnist("byclass", 62, "814,255"),
    "emnist/bymerge": _emnist("bymerge", 47, "814,255"),
    "emnist/balanced": _emnist("balanced", 47, "131,600"),
    "emnist/letters": _emnist("letters", 37, "103,600"),
    "emnist/digits": _emnist("digits", 10, "280,000"),
    "emnist/mnist": _emnist("mnist", 10, "70,000"),
}
