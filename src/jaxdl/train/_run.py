"""What a run is made of, and what it leaves behind."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from jaxdl import data as data_lib
from jaxdl.data._stream import Stream
from jaxdl.parallel import Placement
from jaxdl.train._chunks import Length
from jaxdl.train._diagnosis import Explain
from jaxdl.train._early import EarlyStopping
from jaxdl.train._hooks import Hook
from jaxdl.train._rows import Where
from jaxdl.types import Batch, Metrics

T = TypeVar("T")

History: TypeAlias = list[dict[str, Any]]
"""One row per epoch: ``epoch``, ``step``, ``loss``, each metric, the same of validation, times."""

AnyStep: TypeAlias = Callable[[T, Any], tuple[T, Metrics]]
"""Takes one step of any training on one batch."""

MakeStep: TypeAlias = Callable[[Any, Any, Batch, int, Where], tuple[AnyStep[Any], bool]]
"""From arrays, a TrainState, data, batch size and place to a step, and whether batches are
padded with rows of weight 0. It is called while a program is traced."""

Measured: TypeAlias = Callable[[Any], Mapping[str, Any]]
"""What validation adds to a row: from a TrainState to numbers by name."""

NamesOf: TypeAlias = Callable[[Any], Sequence[str] | None]
"""The names of these before the first step; None if they aren't known."""


class Interrupted(SystemExit):
    """A signal stopped a run early; if not caught, the script exits with 128 + signal.

    The run resumes, to the bit, from ``train_state`` and ``history``::

        try:
            end, history = train.fit(…)
        except train.Interrupted as stop:
            end, history = stop.train_state, stop.history

    A notebook that didn't catch it finds it in ``sys.last_value``.
    """

    train_state: Any
    history: History
    signal: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Run:
    """Everything that stays constant during a run."""

    caller: str  # the function that messages name
    make_step: MakeStep
    arrays: Any  # what the step needs besides TrainState and batch
    data: data_lib.Dataset | Stream | None
    batch_size: int | None
    shuffle: bool
    length: Length
    devices: Placement
    measure: Measured
    names_of: NamesOf
    explain: Explain
    stopping: EarlyStopping | None
    restore: Callable[[Any, Any], Any]  # from the last and the best TrainState to that returned
    hooks: tuple[Hook, ...]
    chunk: int | None
