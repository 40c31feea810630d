"""Loading a dataset by name, with an explanation if it can't be found."""

import difflib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, overload

import numpy as np

from jaxdl import _checks
from jaxdl._plain import plain_numbers
from jaxdl._warnings import warn
from jaxdl.data import _cache, _idx
from jaxdl.data._animals import animals
from jaxdl.data._catalogue import ENTRIES, Source
from jaxdl.data._dataset import Dataset, Split, TrainTest, select_classes, with_parts
from jaxdl.data._features import Shape, suffix
from jaxdl.data._images import checked_size, resized

Tested = Literal["mnist", "fashion_mnist", "kmnist", "cifar10", "cifar100"]


@overload
def load(
    name: Literal["animals"],
    *,
    classes: Sequence[str] | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    download: bool | str = True,
    image_size: tuple[int, int] | None = None,
    text_length: int | None = None,
) -> Split: ...
@overload
def load(
    name: Tested,
    *,
    classes: Sequence[str] | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    download: bool | str = True,
    image_size: tuple[int, int] | None = None,
    text_length: int | None = None,
) -> TrainTest: ...
@overload
def load(
    name: str,
    *,
    classes: Sequence[str] | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    download: bool | str = True,
    image_size: tuple[int, int] | None = None,
    text_length: int | None = None,
) -> Dataset: ...
@plain_numbers
def load(
    name: str,
    *,
    classes: Sequence[str] | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    download: bool | str = True,
    image_size: tuple[int, int] | None = None,
    text_length: int | None = None,
) -> Dataset:
    """Loads a dataset of images, texts or tables as arrays.

    ``"animals"`` is part of the package. Every other dataset is converted once and then read from
    jaxdl's cache, until its source files change. These places are searched in order:

    0. the cache: ``$JAXDL_CACHE``, else ``$XDG_CACHE_HOME/jaxdl``, else ``~/.cache/jaxdl``;
    1. the folder of TFDS: ``$TFDS_DATA_DIR``, else ``~/tensorflow_datasets``;
    2. its published files, where Debian's ``dataset-*`` packages or an earlier download put them;
    3. a download: of the published files for MNIST, its relatives and CIFAR, checked by SHA-256;
       through TFDS, which needs TensorFlow for this, for every other dataset.

    Rows keep the order of the source: as published, or as TFDS shuffled them.

    Args:
        name: ``"animals"``, or a TFDS name: ``"mnist"``, ``"fashion_mnist"``, ``"kmnist"``,
            ``"emnist/letters"``, ``"cifar10"``, ``"imdb_reviews"``, ``"titanic"`` … Any dataset for
            which TFDS defines inputs and labels works.
        classes: names of classes to keep, renumbered in this order; see ``select_classes``.
        data_dir: the only folder to search, with its own cache: first for a copy prepared by TFDS,
            then for the published files, directly in it or in torchvision's layout. Downloads go
            there, too.
        download: whether to try step 3, or the base URL of a mirror that holds the published files
            in a folder named after the dataset. ``$JAXDL_MIRROR`` can set the mirror, too.
        image_size: (height, width); images are scaled and centre-cropped to it. Required if images
            differ in size.
        text_length: length in bytes to which texts are cut or padded with 0. Required for texts.

    Returns:
        A Dataset. ``inputs``: images uint8 (N, height, width, channels), texts uint8
        (N, text_length), tables float32 (N, columns sorted by name). ``labels``: int32 (N,), or
        float32 (N, 1) if they aren't classes.

    Raises:
        ValueError: if the name or a class is unknown (suggests the nearest), a copy is damaged, or
            ``image_size`` or ``text_length`` is given for data without images or texts.
        FileNotFoundError: if there is no copy; the message says where it looked and how to get one.

    Warns:
        UserWarning: if a damaged cached file is converted again, or the cache can't be written.

    Example:
        >>> pets = load("animals", classes=("cat", "dog"))
        >>> pets.classes, pets.test["inputs"].shape
        (('cat', 'dog'), (199, 28, 28, 1))
    """
    if not isinstance(name, str):
        raise TypeError(f"load: name is {name!r}; it must be a string")
    size = None if image_size is None else checked_size("load", image_size)
    if text_length is not None:
        _checks.positive_ints("load", text_length=text_length)
    folder = None if data_dir is None else Path(data_dir).expanduser()
    shape = Shape(size, text_length)
    if name == "animals":
        dataset = _brought(name, animals(), shape)
    else:
        dataset = _named(name, folder, download, shape)
    return dataset if classes is None else select_classes(dataset, classes)


def _named(name: str, folder: Path | None, download: bool | str, shape: Shape) -> Dataset:
    damage = ""
    try:
        dataset = _cache.read(_cache.folder_of(name + suffix(shape), folder))
    except _cache.Damaged as error:
        dataset, damage = None, str(error)
    dataset = dataset or _from_source(name, folder, shape)
    if dataset is not None:
        if damage:
            warn(f"load: {damage}. {name} was read from another copy")
        return dataset
    if not (name in ENTRIES or damage or known_to_tfds(name)):
        raise ValueError(_unknown(name))
    reason = _download(name, folder, download) if download else "skipped, because download=False"
    dataset = None if reason else _from_source(name, folder, shape)
    if dataset is None:
        raise FileNotFoundError(_missing(name, folder, damage, reason))
    return dataset


def _from_source(name: str, folder: Path | None, shape: Shape) -> Dataset | None:
    """Converts a copy on disk and caches the arrays."""
    source = _find(name, folder, shape)
    if source is None:
        return None
    dataset = _brought(name, source.read(), shape)
    target = _cache.folder_of(name + suffix(shape), folder)
    try:
        _cache.write(target, dataset, source)
    except OSError as error:
        warn(f"load: {name} can't be kept in the cache {target} ({error})")
    return dataset


def _find(name: str, folder: Path | None, shape: Shape) -> Source | None:
    # Imported late, so that a load from the cache doesn't pay for these modules.
    from jaxdl.data import _cifar, _prepared

    found = _prepared.find(name, folder, shape) or _idx.find(name, folder)
    return found or _cifar.find(name, folder)


def _brought(name: str, dataset: Dataset, shape: Shape) -> Dataset:
    """Brings a dataset to the requested shape; raises if it has no images or texts."""
    x = np.asarray(dataset.train["inputs"])
    if shape.image_size and (x.ndim != 4 or x.dtype != np.uint8):
        raise ValueError(f"load: image_size is given, but {name} has no images")
    if shape.text_length and (x.dtype != np.uint8 or x.shape[1:] != (shape.text_length,)):
        raise ValueError(f"load: text_length is given, but {name} has no texts")
    if not shape.image_size:
        return dataset
    size = shape.image_size
    return with_parts(dataset, lambda part: {**part, "inputs": resized(part["inputs"], size)})


def _download(name: str, folder: Path | None, mirror: bool | str) -> str:
    """Downloads a dataset; returns the reason if that fails, else an empty string."""
    from jaxdl.data import _download as download

    try:
        if download.is_published(name):
            base = mirror if isinstance(mirror, str) else os.environ.get("JAXDL_MIRROR", "")
            download.fetch(name, folder, base)
        elif isinstance(mirror, str):
            return f"skipped, because {name} is prepared by TFDS, which has no mirrors"
        else:
            download.prepare(name, folder)
    except download.Unavailable as error:
        return str(error)
    return ""


def known_to_tfds(name: str) -> bool:
    """Returns whether TFDS knows how to make a dataset, or a config of one."""
    from jaxdl.data import _prepared

    match = _prepared.NAME.fullmatch(name)
    if match is None or any(entry.startswith(f"{match['builder']}/") for entry in ENTRIES):
        return False  # the catalogue has all configs of these
    config = match["config"]
    known = match["builder"] in _builders()
    return known and (config is None or name.partition(":")[0] in _configs(match["builder"]))


def _builders() -> list[str]:
    import tensorflow_datasets as tfds

    return sorted(set(tfds.list_builders(with_community_datasets=False)))


def _configs(builder: str) -> list[str]:
    import tensorflow_datasets as tfds

    return [f"{builder}/{config}" for config in tfds.builder_cls(builder).builder_configs]


def _unknown(name: str) -> str:
    from jaxdl.data import _prepared

    names, builders = ["animals", *ENTRIES], _builders()
    near = [known for known in names if known.startswith(f"{name}/")]
    builder = name.partition("/")[0]
    configs = _configs(builder) if builder in builders else []
    near = near or difflib.get_close_matches(name.lower(), {*names, *builders, *configs})
    hint = f" Did you mean {' or '.join(repr(known) for known in near)}?" if near else ""
    return (
        f"load: no dataset {name!r}.{hint} Known names are {', '.join(names)}, the {len(builders)} "
        f"of TFDS (tfds.list_builders()), and what it has prepared in {_prepared.default_folder()}"
    )


def _missing(name: str, folder: Path | None, damage: str, reason: str) -> str:
    from jaxdl.data import _cifar, _prepared

    copy = (folder or _prepared.default_folder()) / name
    looked = [
        f"arrays in the cache: {_cache.folder_of(name, folder)}",
        f"a copy prepared by TFDS: {copy}",
    ]
    places = _idx.places(name, folder) if name in ENTRIES else _cifar.places(name, folder)
    if places:
        looked.append(f"its published files: {', '.join(map(str, places))}")
    lines = [f"load: found no usable copy of {name}. Looked for"]
    lines += [f"  - {line}" for line in (*looked, f"a download: {reason}")]
    if damage:
        lines.append(f"A cached copy was there, but {damage}: delete that file.")
    return "\n".join(lines + _ways(name))


def _ways(name: str) -> list[str]:
    from jaxdl.data import _cifar

    if name in ENTRIES:
        files = "the four files " + ", ".join(f"{file}[.gz]" for file in ENTRIES[name].files)
    elif name in _cifar.FILES:
        files = f"the file {_cifar.FILES[name]}"
    else:
        return [
            "Two ways to get it:",
            "  1. with a network: pip install tensorflow, and call load again. TFDS then downloads "
            "and prepares it once; TensorFlow isn't needed afterwards.",
            "  2. prepare it elsewhere with TFDS, and pass data_dir=FOLDER of the copy.",
        ]
    debian = ENTRIES[name].debian if name in ENTRIES else ""
    package = f", or on Debian and its derivatives: apt install {debian}" if debian else ""
    return [
        "Two ways to get it:",
        "  1. with a network: call load again, perhaps with download=URL of a mirror.",
        f"  2. put {files} into a folder and pass data_dir=FOLDER{package}.",
    ]
