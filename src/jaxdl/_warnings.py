"""Warnings that point at the user's line, however deep in the package they arise."""

import os
import sys
import warnings
from pathlib import Path

PACKAGE = str(Path(__file__).parent) + os.sep


def warn(message: str) -> None:
    """Warns as if the line outside this package that led here had done so.

    A fixed ``stacklevel`` would be wrong as soon as a function gets a decorator.

    Example:
        >>> import warnings
        >>> with warnings.catch_warnings(record=True) as found:
        ...     warnings.simplefilter("always")
        ...     warn("nothing is trained")
        >>> str(found[0].message), PACKAGE in found[0].filename
        ('nothing is trained', False)
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, stacklevel=level)
