"""Downloads: of published files, or through TFDS; refused at once if they can't succeed.

By itself, TFDS tries for minutes before it gives up without a network.
"""

import contextlib
import http.client
import importlib.util
import threading
import urllib.request
import zipfile
from collections.abc import Mapping
from pathlib import Path

from jaxdl.data import _cache
from jaxdl.data._catalogue import ENTRIES
from jaxdl.data._cifar import FILES
from jaxdl.data._files import reason
from jaxdl.types import PyTree

_TFDS = "https://storage.googleapis.com/tfds-data/"  # asked where a dataset lists no files


class Unavailable(Exception):
    """A download isn't possible; the message says why."""


def is_published(name: str) -> bool:
    """Returns whether a dataset is published as files that can be read directly."""
    return name in ENTRIES or name in FILES


def fetch(name: str, folder: Path | None, mirror: str = "", *, seconds: float = 5.0) -> None:
    """Downloads the published files of a dataset, whole and with the SHA-256 that TFDS records.

    Args:
        name: of a published dataset.
        folder: gets a subfolder named after the dataset. Defaults to the cache.
        mirror: URL of the folder in which ``NAME/FILE`` lies; the publisher's by default.
        seconds: how long the server may be silent.

    Raises:
        Unavailable: if the server gives no answer, or a file has another checksum.
    """
    builder = name.partition("/")[0]
    place = (folder or _cache.downloads()) / name.replace("_", "-").replace("/", "-")
    files = {url: (info.filename, info.checksum) for url, info in _published(builder).items()}
    if mirror:
        files = {f"{mirror.rstrip('/')}/{builder}/{file[0]}": file for file in files.values()}
    if not answers(min(files), seconds=seconds):
        raise Unavailable(f"{min(files)} can't be reached (given {seconds:g} s to answer)")
    for url, (file, checksum) in files.items():
        _retrieve(url, file, checksum, place, seconds)
    if (archive := place / "gzip.zip") in {place / file for file, _ in files.values()}:
        with zipfile.ZipFile(archive) as members:  # EMNIST, all its configs in one
            for file in ENTRIES[name].files:
                (place / f"{file}.gz").write_bytes(members.read(f"gzip/{file}.gz"))
        archive.unlink()


def _published(builder: str) -> Mapping[str, PyTree]:
    """What TFDS knows of a dataset's files, by URL."""
    import tensorflow_datasets as tfds

    return tfds.builder_cls(builder).url_infos


def _retrieve(url: str, file: str, checksum: str, place: Path, seconds: float) -> None:
    import pooch

    pooch.get_logger().setLevel("WARNING")
    downloader = pooch.HTTPDownloader(timeout=seconds)
    try:
        pooch.retrieve(url, f"sha256:{checksum}", fname=file, path=place, downloader=downloader)
    except Exception as error:  # of requests, of the file system, of the checksum
        raise Unavailable(f"{url}: {reason(error)}") from error


def prepare(name: str, folder: Path | None, *, seconds: float = 5.0) -> None:
    """Lets TFDS download and prepare a dataset.

    Args:
        name: as TFDS names it.
        folder: where the prepared copy goes. Defaults to TFDS's own folder.
        seconds: how long to wait for the first answer of the server.

    Raises:
        Unavailable: if TensorFlow is missing (TFDS needs it to prepare data, not to read it), the
            server doesn't answer, or TFDS fails.
    """
    if not _has_tensorflow():
        raise Unavailable(
            "skipped, because TFDS needs TensorFlow to prepare it, and TensorFlow isn't installed"
        )
    import tensorflow_datasets as tfds

    builder = tfds.builder_cls(name.partition(":")[0].partition("/")[0])
    url = min(builder.url_infos, default=_TFDS)
    if not answers(url, seconds=seconds):
        raise Unavailable(f"{url} can't be reached (given {seconds:g} s to answer)")
    try:
        tfds.builder(name, data_dir=folder and str(folder)).download_and_prepare()
    except Exception as error:  # TFDS passes on whatever its helpers raise
        raise Unavailable(f"TFDS failed: {type(error).__name__}: {error}") from error


def answers(url: str, *, seconds: float) -> bool:
    """Returns whether a server answers a HEAD request in time, through proxies if set."""
    answered = threading.Event()

    def ask() -> None:
        request = urllib.request.Request(url, method="HEAD")
        with (
            contextlib.suppress(OSError, http.client.HTTPException),
            urllib.request.urlopen(request, timeout=seconds),
        ):
            answered.set()

    # A thread, because no timeout bounds the look-up of a name.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return answered.is_set()


def _has_tensorflow() -> bool:
    return importlib.util.find_spec("tensorflow") is not None
