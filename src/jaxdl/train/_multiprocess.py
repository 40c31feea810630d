"""What the processes of one run check and exchange; with a single process, nothing."""

import functools
import zlib
from collections.abc import Iterator, Sequence

import jax
import numpy as np
from jax.experimental import multihost_utils

from jaxdl.data import Dataset
from jaxdl.data._buffers import Buffer
from jaxdl.data._dataset import plain
from jaxdl.data._stream import Batches, Reader, Stream, batches_of, read
from jaxdl.parallel import assert_same_across_processes, share_of
from jaxdl.types import Batch, PyTree, Row


def check(
    caller: str,
    dataset: Dataset | Stream | None,
    train_state: PyTree,
    length: Sequence[int | None],
    batch_size: int | None,
    history: Sequence[Row],
) -> None:
    """Checks that all processes are about to do the same.

    Raises:
        ValueError: naming what differs and what each process has, or the batch of a Reader whose
            rows don't divide by the processes.

    Example:
        >>> from jaxdl.train import TrainState
        >>> ts = TrainState(np.int32(0), (), (), (), ())
        >>> check("fit", Dataset(train={"inputs": np.ones(2)}), ts, (3, None, None), 1, [])
    """
    data: tuple[Batch, ...] = ()
    if isinstance(dataset, Dataset):
        data = plain(dataset.train), plain(dataset.validation)
    elif dataset is not None:
        _check_shares(caller, dataset)
    assert_same_across_processes(
        caller,
        epochs=length[0] or 0,
        max_steps=length[1] or 0,
        steps_per_epoch=length[2] or 0,
        batch_size=batch_size or 0,
        step=int(jax.device_get(train_state.step)),
        epochs_done=len(history),
        train_state=train_state,
        data=data,
    )


def own_rows(caller: str, source: Batches, epoch: int, *, skip: int) -> Iterator[Batch]:
    """What this process loads of an epoch's batches.

    A Reader describes whole batches, and each process reads its share of them; other sources are
    assumed to yield this process's own rows.

    Example:
        >>> numbers = Reader(lambda rows: {"inputs": rows}, size=4, batch_size=2, shuffle=False)
        >>> [batch["inputs"].tolist() for batch in own_rows("fit", numbers, 0, skip=1)]
        [[2, 3]]
    """
    if isinstance(source, Reader):
        return read(source, epoch, skip, functools.partial(_share, caller))
    return batches_of(source, epoch, skip=skip)


def joined(caller: str, own: Iterator[Buffer]) -> Iterator[Buffer]:
    """Joins the batches that all processes have into whole ones: rows of process 0 come first.

    Raises:
        ValueError: if processes have different numbers of rows or of batches.

    Example:
        >>> own = Buffer({"inputs": np.arange(4)}, batch_size=2, steps=2, last=True)
        >>> next(joined("fit", iter([own]))).data["inputs"].tolist()
        [0, 1, 2, 3]
    """
    while True:
        buffer = next(own, None)
        rows, steps = (0, 0) if buffer is None else (buffer.batch_size, buffer.steps)
        # Even with no data left, as all must learn which process has run out.
        assert_same_across_processes(
            caller, rows_a_batch=rows, batches=steps, arrays=_layout(buffer)
        )
        if buffer is None:
            return
        data = jax.tree.map(lambda x, rows=rows: _all_rows(x, rows), buffer.data)
        yield buffer._replace(data=data, batch_size=rows * jax.process_count())


def _check_shares(caller: str, stream: Stream) -> None:
    """Says before the first step that the last batch of an epoch can't be shared."""
    for source in (stream.train, stream.validation):
        if isinstance(source, Reader) and source.batch_size > 0:
            for rows in (min(source.batch_size, source.size), source.size % source.batch_size):
                _share(caller, rows)


def _share(caller: str, rows: int) -> slice:
    if rows % jax.process_count():
        count = jax.process_count()
        raise ValueError(f"{caller}: a batch of {rows} rows doesn't divide by {count} processes")
    return share_of(rows)


def _layout(buffer: Buffer | None) -> int:
    arrays = {} if buffer is None else buffer.data
    named = jax.tree.leaves_with_path(arrays)
    shapes = [(jax.tree_util.keystr(path), x.shape, str(x.dtype)) for path, x in named]
    return zlib.crc32(repr((shapes, buffer is not None and buffer.last)).encode())


def _all_rows(x: np.ndarray, rows: int) -> np.ndarray:
    everyone = multihost_utils.process_allgather(x.reshape(-1, rows, *x.shape[1:]))
    everyone = everyone.reshape(jax.process_count(), -1, rows, *x.shape[1:])
    return everyone.swapaxes(0, 1).reshape(-1, *x.shape[1:])
