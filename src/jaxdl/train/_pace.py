"""The number of steps per program, between which the host handles signals, hooks and progress."""

from typing import NamedTuple

from jaxdl.parallel import broadcast_from_primary

SECONDS = 1.0
"""How long a chunk is to take: a signal is noticed within about twice that.

On a CPU each call of a program takes its temporary memory anew from the system: 45,400 page faults
and 0.06 s for a step of a small transformer, so that chunks of half a second took 10 % longer.
"""

FIRST = 4
"""Steps of the very first chunk, before anything is known of how long a step takes."""

GROWTH = 16


class Pace(NamedTuple):
    """What is known about the duration of steps."""

    chunk: int | None  # steps per chunk, if the caller fixed them
    steps: int = 0  # of the newest chunk
    seconds: float = 0.0  # that it took


def next_steps(pace: Pace, left: int) -> int:
    """The number of steps in the next chunk of an epoch.

    Results don't depend on it. Short epochs are one chunk, long ones equal parts of about a
    second.

    Args:
        pace: how the newest chunk went.
        left: steps, one or more.

    Returns:
        One step or more, the same in all processes.

    Example:
        >>> next_steps(Pace(None, steps=100, seconds=0.1), 1400)  # it would take 1.4 s
        1400
        >>> next_steps(Pace(None, steps=100, seconds=0.1), 2000)
        1000
    """
    if pace.chunk is not None:
        return min(pace.chunk, left)
    wanted = FIRST
    if pace.steps:
        in_time = int(SECONDS * pace.steps / max(pace.seconds, 1e-9))
        wanted = max(1, min(in_time, GROWTH * pace.steps))
    steps = -(-left // max(1, round(left / wanted)))
    return broadcast_from_primary(steps)  # clocks differ; all must take the same steps
