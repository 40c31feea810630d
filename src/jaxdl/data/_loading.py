"""Loading: from the name of a dataset to its arrays, and to the reason where there are none."""

import difflib
import os
import warnings
from collections.abc import Sequence
from pathlib import Path

from jaxdl.data import _cache, _idx
from jaxdl.data._animals import animals
from jaxdl.data._catalogue import ENTRIES, Source
from jaxdl.data._dataset import Dataset, select_classes
from jaxdl.data._features import Shape, suffix


def load(
    name: str,
    *,
    classes: Sequence[str] | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    download: bool = True,
    image_size: tuple[int, int] | None = None,
    text_length: int | None = None,
) -> Dataset:
    """Loads a dataset of images, texts or tables as arrays.

    ``"animals"`` lies in the package. Every other dataset is converted once and then read from
    jaxdl's cache, until the files that it came from change. It is sought, in this order, in

    0. the cache: ``$JAXDL_CACHE``, else ``$XDG_CACHE_HOME/jaxdl``, else ``~/.cache/jaxdl``;
    1. the folder of TFDS: ``$TFDS_DATA_DIR``, else ``~/tensorflow_datasets``;
    2. its four IDX files, plain or ``.gz``, where Debian's ``dataset-*`` packages put them;
    3. a download through TFDS, for which alone TensorFlow has to be installed.

    Rows keep the order of the copy: files as published, or as TFDS shuffled them.

    Args:
        name: ``"animals"``, or as TFDS names it: ``"mnist"``, ``"fashion_mnist"``, ``"kmnist"``,
            ``"emnist/letters"``, ``"cifar10"``, ``"imdb_reviews"``, ``"titanic"`` … Any set will
            do of which TFDS says what are inputs and labels.
        classes: names of classes to keep, renumbered in this order; see ``select_classes``.
        data_dir: a folder to look in first, with a cache of its own: for a copy that TFDS
            prepared, then for the IDX files, in it or as torchvision lays them out below it. A
            download goes there.
        download: whether step 3 is tried.
        image_size: (height, width), to which images are scaled and cut from their middle. Sets
            with images of different sizes need it.
        text_length: bytes to which texts are cut, or padded with 0. Sets of texts need it.

    Returns:
        A Dataset: ``inputs`` uint8 (N, height, width, channels), of texts uint8 (N, text_length),
        of tables float32 (N, columns by name); ``labels`` int32 (N,), or float32 (N, 1) where they
        aren't classes.

    Raises:
        ValueError: if the name or a class is unknown, or a copy is damaged; names the nearest.
        FileNotFoundError: if there is no copy; says where it looked and the ways to get one.

    Warns:
        UserWarning: if a cached file is damaged and converted again, or the cache can't be written.

    Example:
        >>> pets = load("animals", classes=("cat", "dog"))
        >>> pets.classes, pets.test["inputs"].shape
        (('cat', 'dog'), (199, 28, 28, 1))
    """
    if not isinstance(name, str):
        raise TypeError(f"load: name is {name!r}; it must be a string")
    folder = None if data_dir is None else Path(data_dir).expanduser()
    shape = Shape(image_size, text_length)
    dataset = animals() if name == "animals" else _named(name, folder, download, shape)
    return dataset if classes is None else select_classes(dataset, classes)


def _named(name: str, folder: Path | None, download: bool, shape: Shape) -> Dataset:
    folders: list[Path | None] = [None] if folder is None else [folder, None]
    damage: list[str] = []
    for place in folders:
        dataset = _from_cache(name + suffix(shape), place, damage)
        dataset = dataset or _from_source(name, place, shape)
        if dataset is not None:
            for what in damage:
                warnings.warn(f"load: {what}. {name} was read from another copy", stacklevel=3)
            return dataset
    if not (name in ENTRIES or damage or known_to_tfds(name)):
        raise ValueError(_unknown(name))
    reason = _download(name, folder) if download else "none was tried, because of download=False"
    dataset = None if reason else _from_source(name, folder, shape)
    if dataset is None:
        raise FileNotFoundError(_missing(name, folders, damage, reason))
    return dataset


def _from_cache(name: str, place: Path | None, damage: list[str]) -> Dataset | None:
    try:
        return _cache.read(_cache.folder_of(name, place))
    except _cache.Damaged as error:
        damage.append(str(error))
        return None


def _from_source(name: str, place: Path | None, shape: Shape) -> Dataset | None:
    """Converts a copy on disk and keeps the arrays."""
    source = _find(name, place, shape)
    if source is None:
        return None
    dataset = source.read()
    target = _cache.folder_of(name + suffix(shape), place)
    try:
        _cache.write(target, dataset, source)
    except OSError as error:
        warnings.warn(f"load: {name} can't be kept in the cache {target} ({error})", stacklevel=4)
    return dataset


def _find(name: str, place: Path | None, shape: Shape) -> Source | None:
    # Only now: prepared copies are rare, and a cached load doesn't pay for their modules.
    from jaxdl.data import _prepared

    return _prepared.find(name, place, shape) or _idx.find(name, place)


def _download(name: str, folder: Path | None) -> str:
    """Has TFDS download a dataset; returns why that can't be, or nothing."""
    from jaxdl.data import _download as download

    try:
        download.prepare(name, folder)
    except download.Unavailable as error:
        return str(error)
    return ""


def known_to_tfds(name: str) -> bool:
    """Returns whether TFDS knows how to make a dataset, or a config of one.

    Example:
        >>> known_to_tfds("cifar10"), known_to_tfds("cifar_10")
        (True, False)
    """
    from jaxdl.data import _prepared

    match = _prepared.NAME.fullmatch(name)
    if match is None or any(entry.startswith(f"{match['builder']}/") for entry in ENTRIES):
        return False  # of these the catalogue has all configs
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


def _missing(name: str, folders: list[Path | None], damage: list[str], reason: str) -> str:
    from jaxdl.data import _prepared

    looked = []
    for place in folders:
        looked.append(f"arrays in the cache: {_cache.folder_of(name, place)}")
        looked.append(f"a copy prepared by TFDS: {(place or _prepared.default_folder()) / name}")
        if name in ENTRIES:
            looked.append(f"its IDX files: {', '.join(map(str, _idx.places(name, place)))}")
    lines = [f"load: found no usable copy of {name}. Looked for"]
    lines += [f"  - {line}" for line in looked]
    lines += [f"  - a download: {reason}"]
    lines += [f"A cached copy was there, but {what}: delete that file." for what in damage]
    return "\n".join(lines + _ways(name))


def _ways(name: str) -> list[str]:
    ways = [
        "Two ways to get it:",
        "  1. with a network: pip install tensorflow, and call load again. TFDS then downloads and "
        "prepares it once; TensorFlow isn't needed afterwards.",
    ]
    if name not in ENTRIES:
        return [*ways, "  2. prepare it elsewhere with TFDS, and pass data_dir=FOLDER of the copy."]
    files = ", ".join(f"{file}[.gz]" for file in ENTRIES[name].files)
    debian = ENTRIES[name].debian
    package = f", or on Debian and its kin: apt install {debian}" if debian else ""
    return [
        *ways,
        f"  2. put the four files {files} into a folder and pass data_dir=FOLDER{package}.",
    ]
