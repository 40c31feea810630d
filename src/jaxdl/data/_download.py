"""Downloads through TFDS, refused at once where they can't succeed.

TFDS alone tries for minutes before it gives up on a network that isn't there.
"""

import contextlib
import http.client
import importlib.util
import threading
import urllib.request
from pathlib import Path

_TFDS = "https://storage.googleapis.com/tfds-data/"  # asked where a dataset lists no files


class Unavailable(Exception):
    """A download can't be had, for the reason that the message gives."""


def prepare(name: str, folder: Path | None, *, seconds: float = 5.0) -> None:
    """Has TFDS download and prepare a dataset.

    Args:
        name: as TFDS names it.
        folder: where the prepared copy goes; None is TFDS's own folder.
        seconds: how long to wait for the first answer of the server.

    Raises:
        Unavailable: if TensorFlow is missing, which TFDS needs to prepare images though nothing
            needs it to read them, if the server gives no answer, or if TFDS fails.
    """
    if not _has_tensorflow():
        raise Unavailable(
            "TFDS needs TensorFlow to prepare it, and TensorFlow isn't installed: no try was made"
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
    """Returns whether a server answers a HEAD request for a file in time, through proxies if set.

    Example:
        >>> answers("http://127.0.0.1:9/nothing-listens-here", seconds=1.0)
        False
    """
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
