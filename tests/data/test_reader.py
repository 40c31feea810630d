"""Readers: the order of an epoch depends on seed and epoch alone, and going on costs no reading."""

import threading

import jax
import numpy as np
import optax
import pytest

from jaxdl import data, layers, losses, train
from jaxdl.data._buffers import buffers
from jaxdl.data._stream import batches_of


def rows_of(source, epoch, **options):
    return [batch["inputs"].tolist() for batch in batches_of(source, epoch, **options)]


def joined(source, epoch):
    return [row for batch in rows_of(source, epoch) for row in batch]


def reader(**options):
    return data.Reader(lambda rows: {"inputs": rows}, **{"size": 23, "batch_size": 5} | options)


def test_every_row_once_in_an_order_of_its_own():
    for epoch in range(3):
        assert sorted(joined(reader(), epoch)) == list(range(23))
    assert rows_of(reader(), 1) == rows_of(reader(), 1)
    orders = [rows_of(reader(seed=s), e) for s in (0, 1) for e in (0, 1)]
    assert all(a != b for i, a in enumerate(orders) for b in orders[:i])
    assert joined(reader(shuffle=False), 4) == list(range(23))


def test_the_order_is_frozen():
    assert rows_of(reader(size=6, batch_size=6, seed=7), 2) == [[4, 1, 5, 2, 0, 3]]


@pytest.mark.parametrize("skip", [0, 1, 3, 5])
def test_skipping_reads_nothing(skip):
    read = []

    def reads(rows):
        read.append(len(rows))
        return {"inputs": rows}

    source = reader()._replace(read=reads)
    assert rows_of(source, 2, skip=skip) == rows_of(reader(), 2)[skip:]
    assert len(read) == 5 - skip


def test_others_are_skipped_too():
    assert rows_of(lambda epoch: iter([{"inputs": np.ones(1)}] * 3), 0, skip=2) == [[1.0]]


@pytest.mark.parametrize("options", [{"size": 0}, {"batch_size": 0}])
def test_sizes(options):
    with pytest.raises(ValueError, match=r"Reader: .* is 0; it must be a positive integer"):
        rows_of(reader(**options), 0)


def test_a_memory_map_trains_as_well_and_goes_on_in_mid_epoch(tmp_path):
    draw = np.random.RandomState(0)
    np.save(tmp_path / "x.npy", draw.randn(40, 3).astype("f"))
    x = np.load(tmp_path / "x.npy", mmap_mode="r")
    read = lambda rows: {"inputs": x[rows], "labels": x[rows].sum(axis=1, keepdims=True)}
    stream = data.Stream(data.Reader(read, size=40, batch_size=8, seed=3))
    net, tx = layers.dense(3, 1), optax.sgd(0.1)
    loss_fn = train.supervised(net, losses.mse_loss)
    fit = lambda start, hooks=(), **o: train.fit(
        loss_fn, tx, start, stream, epochs=3, chunk=1, hooks=hooks, **o
    )
    whole, rows = fit(train.init_state(net, tx, jax.random.key(0)))
    assert rows[-1]["loss"] < rows[0]["loss"]
    kept = {}

    def keep(event):
        if int(event.train_state.step) == 8:  # after three of the second epoch's five steps
            kept.update(jax.device_get(event.train_state._asdict() | {"key": None}))
            kept["history"] = [dict(row) for row in event.history]

    fit(train.init_state(net, tx, jax.random.key(0)), hooks=(keep,))
    history = kept.pop("history")
    middle = train.TrainState(**kept | {"key": whole.key})
    again, _ = fit(middle, history=history)
    np.testing.assert_array_equal(again.params["kernel"], whole.params["kernel"])


def test_prefetch_puts_batches_on_a_device():
    device = jax.devices()[1]
    batches = [{"inputs": np.full(2, i)} for i in range(5)]
    got = list(data.prefetch(batches, placement=device))
    assert [batch["inputs"][0].item() for batch in got] == list(range(5))
    assert all(batch["inputs"].devices() == {device} for batch in got)


def test_prefetch_passes_errors_on_and_ends_its_thread():
    def broken():
        yield {"inputs": np.ones(1)}
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        list(data.prefetch(broken()))
    endless = data.prefetch(iter(lambda: {"inputs": np.ones(1)}, None))
    next(endless)
    endless.close()
    for thread in threading.enumerate():
        if thread.name == "prefetch":
            thread.join(5)
            assert not thread.is_alive()


def test_buffers_and_prefetch_take_trees():
    tree = lambda n: {"inputs": {"image": np.full((n, 2), n), "more": (np.arange(n),)}}
    got = list(buffers(map(tree, (3, 3, 2)), most=2))
    assert [(b.batch_size, b.steps) for b in got] == [(3, 2), (2, 1)]
    np.testing.assert_array_equal(got[0].data["inputs"]["more"][0], [0, 1, 2, 0, 1, 2])
    with pytest.raises(ValueError, match=r"inputs/a int64\[2\], inputs/b int64\[3\]; its arrays"):
        list(buffers(iter([{"inputs": {"a": np.arange(2), "b": np.arange(3)}}])))
    assert next(data.prefetch([(np.ones(2), {"y": np.zeros(2)})]))[1]["y"].shape == (2,)
