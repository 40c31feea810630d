"""Wrong arguments of training, named in the caller's words before anything is computed."""

from collections.abc import Callable, Mapping, Sequence

from jaxdl import _checks
from jaxdl.types import Array, Row

FIELDS = ("step", "params", "state", "opt_state", "key")


def check_train_state(caller: str, value: object, *fields: str) -> None:
    """Raises a TypeError unless a value has the fields of a TrainState, or those named.

    Example:
        >>> check_train_state("predict", (1, 2), "params")
        Traceback (most recent call last):
        TypeError: predict: train_state is a tuple without params; it must be a TrainState, ...
    """
    if missing := [name for name in fields or FIELDS if not hasattr(value, name)]:
        kind = type(value).__name__
        raise TypeError(
            f"{caller}: train_state is a {kind} without {', '.join(missing)}; it must be a"
            " TrainState, as init_state(net, tx, key) makes it"
        )


def check_optimizer(caller: str, tx: object) -> None:
    """Raises a TypeError unless a value is an optimizer.

    Example:
        >>> import optax
        >>> check_optimizer("fit", optax.adam)
        Traceback (most recent call last):
        TypeError: fit: tx is the function adam; it must be an optimizer, as adam(…) makes it
    """
    if callable(getattr(tx, "init", None)) and callable(getattr(tx, "update", None)):
        return
    name = getattr(tx, "__name__", None) if callable(tx) else None
    what = _checks.shown(tx) if name is None else f"the function {name}"
    make = "optim.adam(1e-3)" if name is None else f"{name}(…)"
    raise TypeError(f"{caller}: tx is {what}; it must be an optimizer, as {make} makes it")


def check_recipe(
    caller: str, loss_fn: object, tx: object, accumulate: object, batch_fns: object, log: object
) -> dict[str, Callable[..., Array]]:
    """Checks what a step is made of, and returns the functions of its log by name."""
    _checks.one_function(caller, "loss_fn", loss_fn)
    check_optimizer(caller, tx)
    _checks.positive_ints(caller, accumulate=accumulate)
    _checks.functions(caller, "batch_fns", batch_fns, "key", "batch")
    return _checks.named_functions(caller, "log", log or {}, "train_state", "grads")


def checked_history(caller: str, history: object) -> list[Row]:
    """Returns the rows of a history as a list, or raises the error that says what they aren't.

    Example:
        >>> checked_history("fit", [{"loss": 1.0}])
        Traceback (most recent call last):
        ValueError: fit: history[0] has no 'epoch', only loss; it must hold rows that fit returned
    """
    if not isinstance(history, Sequence) or isinstance(history, str):
        raise TypeError(f"{caller}: history is {_checks.shown(history)}; it must be a list of rows")
    for i, row in enumerate(history):
        if not isinstance(row, Mapping):
            raise TypeError(f"{caller}: history[{i}] is {_checks.shown(row)}; it must be a dict")
        for name in ("epoch", "step"):
            if name not in row:
                raise ValueError(
                    f"{caller}: history[{i}] has no {name!r}, only {', '.join(row)}; it must hold"
                    f" rows that {caller} returned"
                )
    return list(history)
