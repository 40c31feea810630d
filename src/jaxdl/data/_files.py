"""Files from elsewhere: which are opened, how much is decoded, how errors name them."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from jaxdl.data._optional_import import MissingPackage

_MAX_BYTES = 2**32


class Unreadable(ValueError):
    """A file can't be read; the message names it and says what is wrong."""


def check_regular(function: str, path: Path) -> None:
    """Raises unless a path leads to a regular file: reading a pipe or a device may never end."""
    if not path.exists():
        raise FileNotFoundError(f"{function}: there is no file {path}")
    if not path.is_file():
        raise Unreadable(f"{function}: {path} is a pipe, a device or a folder, not a file")


def check_size(function: str, path: Path, size: int) -> None:
    """Raises if a file would decode to more bytes than ``$JAXDL_MAX_BYTES``, 4 GiB by default."""
    setting = os.environ.get("JAXDL_MAX_BYTES") or str(_MAX_BYTES)
    if not setting.isdecimal():
        raise Unreadable(f"{function}: JAXDL_MAX_BYTES is {setting!r}; it must be an integer")
    most = int(setting)
    if size > most:
        raise Unreadable(
            f"{function}: {path} decodes to {size:,} bytes, more than {most:,}; "
            "if you trust it, set the environment variable JAXDL_MAX_BYTES higher"
        )


@contextlib.contextmanager
def reading(function: str, path: Path, kind: str) -> Iterator[None]:
    """Turns whatever a decoder raises into an Unreadable that names the file."""
    try:
        yield
    except (Unreadable, MissingPackage):
        raise
    except Exception as error:  # damaged files make decoders raise errors of all kinds
        raise Unreadable(f"{function}: {path} can't be read as {kind}: {reason(error)}") from error


def reason(error: BaseException) -> str:
    """Returns an error in one line."""
    return f"{type(error).__name__}: {error}"
