"""The position of a run in its data, and whether it makes sense."""

import jax

from jaxdl import _checks
from jaxdl import data as data_lib
from jaxdl.data._stream import Reader, Stream
from jaxdl.train._run import History, Run
from jaxdl.train._weights import rows_of
from jaxdl.types import PyTree


def steps_a_pass(run: Run) -> int | None:
    """The number of steps in a pass over the data, if known."""
    if isinstance(run.data, data_lib.Dataset):
        return -(-(rows_of(run.data.train) or 0) // (run.batch_size or 1))
    if isinstance(run.data, Stream) and isinstance(run.data.train, Reader):
        return -(-run.data.train.size // run.data.train.batch_size)
    return None


def position(run: Run, train_state: PyTree, history: History) -> tuple[int, int]:
    """The pass that a TrainState is in, counted from 0, and how many of its steps are done."""
    step, steps = int(jax.device_get(train_state.step)), steps_a_pass(run)
    if history and history[-1]["step"] > step:
        last = f"with step {history[-1]['step']}, but the TrainState has taken {step}"
        raise ValueError(f"{run.caller}: the history ends {last}: they are from different runs")
    if steps is not None:
        passes, done = divmod(step, steps)
        if history and run.length.steps_per_epoch is None and int(history[-1]["epoch"]) != passes:
            size = rows_of(run.data.train) if isinstance(run.data, data_lib.Dataset) else "its"
            raise ValueError(
                f"{run.caller}: the history ends with epoch {history[-1]['epoch']}, but with"
                f" batches of {run.batch_size} of {size} rows the TrainState's step {step} is"
                f" past epoch {passes}: a run must continue with the batch size and the rows that"
                " it began with"
            )
        return passes, done
    if history and run.length.steps_per_epoch is None:
        passes = int(history[-1]["epoch"])
        # The first row of a number ends its pass; a later one was stopped within the next.
        end = next(row["step"] for row in history if int(row["epoch"]) == passes) if passes else 0
        return passes, step - end
    return 0, step


def check(run: Run, train_state: PyTree) -> None:
    """Raises the error that says why a run can't begin."""
    caller, kind = run.caller, type(train_state).__name__
    if not hasattr(train_state, "step") or not hasattr(train_state, "_replace"):
        raise TypeError(f"{caller}: train_state is a {kind}; it needs a NamedTuple with a step")
    epochs, max_steps, steps_per_epoch = run.length
    given = {"epochs": epochs, "max_steps": max_steps, "steps_per_epoch": steps_per_epoch}
    given |= {"chunk": run.chunk}
    _checks.positive_ints(caller, **{name: x for name, x in given.items() if x is not None})
    if epochs is None and max_steps is None:
        raise ValueError(f"{caller} needs epochs, or max_steps: how long is the run?")
    if run.data is None or isinstance(run.data, Stream):
        if run.batch_size is not None:
            raise ValueError(
                f"{caller}: batch_size is {run.batch_size}; a Stream's batches have their own size"
            )
        if run.data is None and steps_per_epoch is None:
            raise ValueError(f"{caller}: without data, steps_per_epoch says how long an epoch is")
        return
    if not isinstance(run.data, data_lib.Dataset):
        kind = type(run.data).__name__
        raise TypeError(f"{caller}: dataset is a {kind}; it must be a Dataset or Stream")
    if run.shuffle and not hasattr(train_state, "key"):
        raise TypeError(
            f"{caller}: a Dataset is shuffled by the TrainState's key, and {kind} has none; give it"
            " a field key, such as jax.random.key(0), or shuffle=False"
        )
    if run.shuffle:
        _checks.one_key(f"{caller}: train_state", train_state.key)
    data_lib.check(run.data)
    _checks.positive_ints(caller, batch_size=run.batch_size)
    size = rows_of(run.data.train) or 0
    if run.batch_size is not None and run.batch_size > size:
        few = f"but there are only {size} rows to train on"
        raise ValueError(f"{caller}: batch_size is {run.batch_size}, {few}")


def nothing_to_do(run: Run, step: int) -> str:
    """The message of a run that is over before its first step."""
    asked = (
        f"{run.length.max_steps} steps"
        if run.length.epochs is None
        else f"{run.length.epochs} epochs"
    )
    return (
        f"nothing is trained: the TrainState has taken {step} steps already, and {asked} are"
        " counted from step 0. Ask for more, or start anew from its parameters with"
        " init_state(net, tx, key, params=train_state.params, state=train_state.state)"
    )
