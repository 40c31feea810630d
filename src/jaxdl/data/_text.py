"""Text as tokens (bytes or characters), and windows in which to predict the next one."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from jaxdl import _checks
from jaxdl._checks import describe
from jaxdl._plain import plain_numbers
from jaxdl.data._dataset import Split
from jaxdl.data._splits import check_split


def encode(text: str, classes: Sequence[str] = ()) -> np.ndarray:
    """Returns the tokens of a text: its bytes in UTF-8, or the indices of its characters.

    Args:
        text: any. A lone surrogate has no UTF-8 and becomes the byte of a question mark.
        classes: the known characters. Defaults to bytes.

    Returns:
        int32 (time,).

    Raises:
        ValueError: if a character isn't among the classes; names it and its place.

    Example:
        >>> encode("ä!"), encode("abba", ("a", "b"))
        (array([195, 164,  33], dtype=int32), array([0, 1, 1, 0], dtype=int32))
    """
    if not isinstance(text, str):
        raise TypeError(f"encode: text is a {type(text).__name__}; it must be a string")
    if not classes:
        # A lone surrogate has no UTF-8; `decode` returns a replacement for it.
        return np.frombuffer(text.encode(errors="replace"), np.uint8).astype(np.int32)
    number = {character: i for i, character in enumerate(classes)}
    try:
        return np.array([number[character] for character in text], np.int32)
    except KeyError as error:
        place = text.index(error.args[0])
        raise ValueError(
            f"encode: character {error.args[0]!r} at {place} isn't one of the {len(number)} known"
        ) from None


def decode(tokens: ArrayLike, classes: Sequence[str] = ()) -> str:
    """Returns the text of tokens, the inverse of ``encode``.

    Args:
        tokens: integers (time,).
        classes: the known characters. Defaults to bytes; what isn't UTF-8 is replaced.

    Returns:
        A string.

    Raises:
        ValueError: if a token isn't one of the classes.

    Example:
        >>> decode([195, 164, 33]), decode([0, 1, 1, 0], ("a", "b"))
        ('ä!', 'abba')
    """
    tokens, n = np.asarray(tokens), len(classes) or 256
    if tokens.size and (tokens.dtype.kind not in "iu" or tokens.min() < 0 or tokens.max() >= n):
        raise ValueError(
            f"decode: tokens are {describe(tokens)}, {tokens.min()} to {tokens.max()}; they must be"
            f" integers from 0 to {n - 1}"
        )
    if not classes:
        return tokens.astype(np.uint8).tobytes().decode(errors="replace")
    return "".join(classes[i] for i in tokens)


@plain_numbers
def text_windows(
    text: str,
    length: int,
    *,
    level: Literal["bytes", "characters"] = "bytes",
    fractions: tuple[float, float, float] = (0.9, 0.05, 0.05),
    stride: int | None = None,
) -> Split:
    """Cuts a text into windows in which every token is predicted from those before it.

    ``labels[t] = inputs[t + 1]``; the last label is the token after the window. The text is divided
    into parts first, in order, so that no test window overlaps a training window.

    Args:
        text: any.
        length: T, tokens of a window.
        level: what a token is.
        fractions: shares of the text for training, validation and test.
        stride: tokens between the starts of two training windows. Defaults to ``length``, so
            that each token is seen once. The windows of other parts never overlap.

    Returns:
        A Dataset: ``inputs`` and ``labels`` int32 (N, length). With characters, ``classes`` are
        those of the whole text, sorted; with bytes there are none, and 256 tokens. Tokens at the
        end of a part that don't fill a window are dropped.

    Raises:
        ValueError: if a part of the text is shorter than a window, or an argument is invalid.

    Example:
        >>> parts = text_windows("to be or not to be, that is here the question", 4,
        ...                      fractions=(0.6, 0.2, 0.2))
        >>> decode(parts.train["inputs"][1]), decode(parts.train["labels"][1])
        ('e or', ' or ')
    """
    stride = length if stride is None else stride
    _checks.positive_ints("text_windows", length=length, stride=stride)
    _checks.one_of("text_windows", "level", level, ("bytes", "characters"))
    check_split("text_windows", fractions, 0, parts=3)
    classes = tuple(sorted(set(text))) if level == "characters" else ()
    tokens = encode(text, classes)
    bounds = np.rint(np.cumsum((0, *fractions)) * len(tokens)).astype(int)
    train, validation, test = (
        _windows(tokens[bounds[i] : bounds[i + 1]], length, stride if i == 0 else length)
        for i in range(3)
    )
    about = f"text: {len(tokens):,} {level} in windows of {length}"
    return Split(train, validation, test, classes, about)


def _windows(tokens: np.ndarray, length: int, stride: int) -> dict[str, np.ndarray]:
    if len(tokens) <= length:
        raise ValueError(
            f"text_windows: a part of the text has {len(tokens)} tokens; a window of {length} and"
            f" the token after it need {length + 1}"
        )
    windows = np.lib.stride_tricks.sliding_window_view(tokens, length + 1)[::stride]
    cut = lambda x: np.ascontiguousarray(x, np.int32)
    return {"inputs": cut(windows[:, :-1]), "labels": cut(windows[:, 1:])}
