"""How a foreign module is called in training and in evaluation, and what it draws from."""

import inspect
from collections.abc import Callable, Mapping
from typing import TypeAlias

from jaxdl.types import Key

Arguments: TypeAlias = Callable[[bool], Mapping[str, object]]
"""The keyword arguments of a call, for ``train``."""

FLAGS: Mapping[str, bool] = {
    "train": True, "training": True, "is_training": True,
    "deterministic": False, "use_running_average": False,
}  # fmt: skip
"""What a flag is in training, by the names in use."""


def arguments_of(name: str, call: Callable[..., object], has_statistics: bool) -> Arguments:
    """Returns the arguments that say to ``call`` whether it trains, read off its signature.

    Raises:
        ValueError: if running statistics need a flag that the signature doesn't have.

    Example:
        >>> arguments_of("net", lambda x, deterministic: x, False)(True)
        {'deterministic': False}
    """
    found = [flag for flag in inspect.signature(call).parameters if flag in FLAGS]
    if has_statistics and not found:
        raise ValueError(
            f"{name} keeps running statistics, but its call takes none of {', '.join(FLAGS)}; "
            "say how it is called: arguments=lambda train: {…}"
        )
    return lambda train: {flag: FLAGS[flag] == train for flag in found}


def needs_key(name: str, key: Key | None) -> Key:
    """Returns the key, or raises the ValueError that every layer raises without one."""
    if key is None:
        raise ValueError(f"{name} needs a key in training: apply(…, key=key, train=True)")
    return key
