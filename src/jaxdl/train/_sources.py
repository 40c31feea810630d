"""Where an epoch's batches come from: arrays on the device, or a stream that fills buffers."""

import contextlib
from collections.abc import Callable, Generator, Iterator
from typing import NamedTuple, TypeAlias

import jax
from jax.sharding import Mesh

from jaxdl.data._buffers import Buffer, buffers
from jaxdl.data._prefetch import prefetched
from jaxdl.data._stream import Batches
from jaxdl.train import _multiprocess, _programs
from jaxdl.train._weights import rows_of
from jaxdl.types import Batch


class Part(NamedTuple):
    """Steps of an epoch whose rows are on the device together."""

    data: Batch
    batch_size: int
    first: int  # step of this data to begin with
    steps: int  # where its steps end
    last: bool  # whether the epoch ends with it
    total: int | None  # steps of the epoch; None if unknown
    padding: int = 0  # how many fewer rows its last step has than the others


Source: TypeAlias = Callable[[int, int], contextlib.AbstractContextManager[Iterator[Part]]]
"""Maps the number of an epoch, and how many of its steps are done, to the rest of it."""


def resident(data: Batch, batch_size: int) -> Source:
    """A source of data that is replicated on every device.

    Example:
        >>> with resident({"inputs": jax.numpy.ones((10, 1))}, 4)(0, 1) as parts:
        ...     [(part.first, part.steps, part.padding) for part in parts]
        [(1, 3, 2)]
    """
    size = rows_of(data) or 0
    steps = -(-size // batch_size)

    @contextlib.contextmanager
    def source(epoch: int, done: int) -> Iterator[Iterator[Part]]:
        yield iter([Part(data, batch_size, done, steps, True, steps, -size % batch_size)])

    return source


def endless() -> Source:
    """A source of steps that need no data.

    Example:
        >>> with endless()(0, 5) as parts:
        ...     next(parts).data
        {}
    """

    @contextlib.contextmanager
    def source(epoch: int, done: int) -> Iterator[Iterator[Part]]:
        yield iter([Part({}, 1, done, 2**31 - 1, True, None)])

    return source


def streaming(caller: str, batches: Batches, mesh: Mesh, *, chunk: int | None) -> Source:
    """A source of batches that arrive one by one; the next are transferred while a program runs.

    Example:
        >>> from jaxdl.parallel import data_mesh
        >>> source = streaming("fit", [{"inputs": jax.numpy.ones(4)}] * 3, data_mesh(), chunk=2)
        >>> with source(0, 0) as parts:
        ...     [(part.steps, part.batch_size, part.last) for part in parts]
        [(2, 4, False), (1, 4, True)]
    """
    most = {} if chunk is None else {"most": chunk}

    def part(buffer: Buffer) -> Part:
        data = _programs.placed(buffer.data, mesh)
        return Part(data, buffer.batch_size, 0, buffer.steps, buffer.last, None)

    def read(epoch: int, done: int) -> Iterator[Buffer]:
        return buffers(_multiprocess.own_rows(caller, batches, epoch, skip=done), **most)

    def parts(epoch: int, done: int) -> Generator[Part, None, None]:
        if jax.process_count() == 1:
            yield from prefetched(map(part, read(epoch, done)))
            return
        # Processes exchange their rows here, not in the thread that reads ahead: all that they do
        # together must come in the same order in each.
        with contextlib.closing(prefetched(read(epoch, done))) as ahead:
            yield from map(part, _multiprocess.joined(caller, ahead))

    # Closed with the epoch, even halfway through, which ends the thread that reads ahead.
    return lambda epoch, done: contextlib.closing(parts(epoch, done))
