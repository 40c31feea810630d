"""Batches that come one by one train as the same batches do that lie on the device."""

import os
import signal
import threading

import jax
import numpy as np
import pytest

from jaxdl import train
from jaxdl.data._buffers import buffers
from jaxdl.data._prefetch import prefetched
from jaxdl.data._stream import Reader, Stream
from jaxdl.train import _multiprocess
from jaxdl.train._rows import epoch_order
from train.recipes import close, dataset, interrupted, losses_of, recipe, same_bits


def as_fit_orders(batch, key, batch_size):
    """A function of the epoch that gives the batches that ``fit`` makes of resident data."""
    size = len(batch["labels"])

    def batches(epoch):
        order = np.asarray(epoch_order(key, epoch, size, shuffle=True))
        for i in range(0, size, batch_size):
            yield {k: v[order[i : i + batch_size]] for k, v in batch.items()}

    return batches


@pytest.mark.parametrize("chunk", [None, 2])
def test_a_stream_gives_the_bits_of_resident_data(chunk):
    loss_fn, tx, start, _ = recipe(rate=0.3)
    set_, options = dataset(48), {"epochs": 3, "hooks": ()}
    whole, rows = train.fit(loss_fn, tx, start, set_, batch_size=8, **options)
    stream = Stream(as_fit_orders(set_.train, start.key, 8), set_.validation)
    end, history = train.fit(loss_fn, tx, start, stream, chunk=chunk, **options)
    same_bits(end, whole)
    assert losses_of(history) == losses_of(rows)
    assert history[-1]["validation_loss"] == rows[-1]["validation_loss"]


def test_a_ragged_last_batch_of_a_stream_counts_as_its_rows_do():
    loss_fn, tx, start, _ = recipe()
    set_, options = dataset(50), {"epochs": 2, "hooks": ()}
    whole, rows = train.fit(loss_fn, tx, start, set_, batch_size=16, **options)
    parts = [{k: v[i : i + 8] for k, v in set_.validation.items()} for i in (0, 8, 16)]
    stream = Stream(as_fit_orders(set_.train, start.key, 16), parts)
    end, history = train.fit(loss_fn, tx, start, stream, **options)
    close(end.params, whole.params)
    assert losses_of(history) == pytest.approx(losses_of(rows), rel=1e-6)
    assert history[-1]["accuracy"] == rows[-1]["accuracy"]
    assert history[-1]["validation_loss"] == pytest.approx(rows[-1]["validation_loss"], rel=1e-6)


def test_a_stream_that_is_stopped_in_an_epoch_goes_on_to_the_same_bits():
    loss_fn, tx, start, _ = recipe(rate=0.3)
    stream = Stream(as_fit_orders(dataset(48).train, start.key, 8))
    whole, _ = train.fit(loss_fn, tx, start, stream, epochs=3, hooks=())
    told = []

    def press(event):
        told.append(event.kind)
        if event.kind == "chunk" and told.count("chunk") == 4:
            os.kill(os.getpid(), signal.SIGINT)

    half, history = interrupted(loss_fn, tx, start, stream, epochs=3, chunk=2, hooks=(press,))
    assert told[-1] == "interrupt" and int(half.step) == 10
    again, history = train.fit(loss_fn, tx, half, stream, epochs=3, hooks=(), history=history)
    same_bits(again, whole)
    assert [row["step"] for row in history] == [6, 12, 18]
    assert not [t for t in threading.enumerate() if t.name == "prefetch" and not t.daemon]


def test_what_can_be_gone_through_again_is_a_stream_too():
    loss_fn, tx, start, _ = recipe()
    batches = list(as_fit_orders(dataset(48).train, start.key, 8)(0))
    end, history = train.fit(loss_fn, tx, start, Stream(batches), epochs=2, hooks=())
    assert int(end.step) == 12 and len(history) == 2


def test_a_step_that_is_not_finite_is_found_in_a_stream():
    loss_fn, tx, start, _ = recipe()
    batches = list(as_fit_orders(dataset(48).train, start.key, 8)(0))
    batches[4]["inputs"][0, 0] = np.nan
    with pytest.raises(train.NonFiniteError, match="at step 4 ") as error:
        train.fit(loss_fn, tx, start, Stream(batches), epochs=2, hooks=())
    np.testing.assert_array_equal(error.value.batch["inputs"], batches[4]["inputs"])


def fails(epoch):
    yield from as_fit_orders(dataset(48).train, jax.random.key(0), 8)(0)
    raise OSError("the disk is gone")


@pytest.mark.parametrize(
    ("stream", "options", "error", "message"),
    [
        (Stream([]), {}, ValueError, "no batches in epoch 1"),
        (Stream([{"inputs": np.ones(3), "labels": np.ones(2)}]), {}, ValueError, "inputs floa"),
        (Stream([{}]), {}, ValueError, "arrays need rows"),
        (
            Stream([(np.ones((2, 5)), np.ones(2))]),
            {},
            TypeError,
            "the batch is a tuple",
        ),
        (Stream([dataset().train], ("a", "b")), {}, TypeError, r"validation\['0'\] is .* numbers"),
        (Stream(fails), {}, OSError, "the disk is gone"),
        (Stream([]), {"batch_size": 8}, ValueError, "a Stream's batches have their own size"),
        (Stream([]), {"chunk": 0}, ValueError, "chunk is 0"),
    ],
)
def test_streams_that_do_not_work_say_why(stream, options, error, message):
    loss_fn, tx, start, _ = recipe()
    with pytest.raises(error, match=message):
        train.fit(loss_fn, tx, start, stream, epochs=2, hooks=(), **options)


def test_a_stream_needs_the_history_to_go_on():
    loss_fn, tx, start, _ = recipe()
    stream = Stream(as_fit_orders(dataset(48).train, start.key, 8))
    end, _ = train.fit(loss_fn, tx, start, stream, epochs=1, hooks=())
    with pytest.raises(ValueError, match=r"no batches in epoch 1 after its first 6: .*history"):
        train.fit(loss_fn, tx, end, stream, epochs=2, hooks=())
    # A history that has rows every few steps doesn't tell how many a pass has.
    with pytest.raises(ValueError, match=r"after its first 6: .* a later pass only if the len"):
        train.fit(loss_fn, tx, end, stream, max_steps=9, steps_per_epoch=2, hooks=())


def test_a_reader_that_is_stopped_in_its_first_epoch_continues_without_a_history():
    loss_fn, tx, start, _ = recipe()
    rows = dataset(48).train
    stream = Stream(Reader(lambda i: {k: v[i] for k, v in rows.items()}, size=48, batch_size=8))
    whole, _ = train.fit(loss_fn, tx, start, stream, epochs=3, hooks=())
    for steps in (4, 10):  # in the second epoch too
        half, _ = train.fit(loss_fn, tx, start, stream, max_steps=steps, hooks=())
        end, _ = train.fit(loss_fn, tx, half, stream, epochs=3, hooks=())
        same_bits(end, whole)


@pytest.mark.parametrize("steps", [4, 6, 9, 12, 15])
def test_a_stream_of_unknown_length_goes_on_within_any_epoch(steps):
    loss_fn, tx, start, _ = recipe()
    stream = Stream(as_fit_orders(dataset(48).train, start.key, 8))
    whole, _ = train.fit(loss_fn, tx, start, stream, epochs=3, hooks=())
    half, history = train.fit(loss_fn, tx, start, stream, max_steps=steps, hooks=())
    end, rows = train.fit(loss_fn, tx, half, stream, epochs=3, hooks=(), history=history)
    same_bits(end, whole)
    assert [row["step"] for row in rows] == sorted({6, 12, 18, steps})
    if steps < 6:  # in the first epoch there is no row yet to go by, and none is needed
        same_bits(train.fit(loss_fn, tx, half, stream, epochs=3, hooks=())[0], whole)


def test_buffers_hold_what_came_in_and_keep_one_shape():
    rng = np.random.default_rng(0)
    sizes = [4] * 7 + [2]
    batches = [{"inputs": rng.normal(size=(n, 3)), "labels": np.arange(n)} for n in sizes]
    made = list(buffers(iter(batches), most=3))
    assert [(b.batch_size, b.steps, b.last) for b in made] == [
        (4, 3, False), (4, 3, False), (4, 1, False), (2, 1, True),
    ]  # fmt: skip
    assert {b.data["inputs"].shape for b in made[:3]} == {(12, 3)}
    rows = [b.data["inputs"][: b.steps * b.batch_size] for b in made]
    np.testing.assert_array_equal(
        np.concatenate(rows), np.concatenate([b["inputs"] for b in batches])
    )
    by_size = list(buffers(iter(batches), size=2 * (4 * 3 * 8 + 4 * 8)))
    assert [b.steps for b in by_size] == [2, 2, 2, 1, 1]


def test_a_buffer_goes_out_before_the_next_is_read():
    read = []

    def batches():
        for i in range(9):
            read.append(i)
            yield {"inputs": np.ones((4, 3)), "labels": np.arange(4)}

    made = buffers(batches(), most=3)
    assert [(next(made).last, len(read)) for _ in range(3)] == [(False, 4), (False, 7), (True, 9)]


def test_prefetching_runs_ahead_and_no_further():
    begun, go = [], threading.Event()

    def items():
        for i in range(10):
            begun.append(i)
            if i == 4:
                go.set()
            yield i

    ahead = prefetched(items(), depth=2)
    assert next(ahead) == 0
    next(ahead)
    assert go.wait(5)  # two are taken, two lie ready, and one waits to be put there
    assert len(begun) <= 5
    ahead.close()
    assert list(prefetched(items(), depth=3)) == list(range(10))


@pytest.mark.parametrize(
    ("size", "batch_size", "rows"), [(40, 8, 0), (43, 8, 3), (40, 5, 5), (3, 8, 3)]
)
@pytest.mark.parametrize("part", ["train", "validation"])
def test_a_reader_whose_batches_cant_be_shared_fails_at_the_start(
    part, size, batch_size, rows, monkeypatch
):
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    monkeypatch.setattr(jax, "process_index", lambda: 0)
    reader = Reader(lambda rows: {"inputs": rows}, size, batch_size)
    good = reader._replace(size=2, batch_size=2)
    stream = Stream(good)._replace(**{part: reader})
    if rows:
        with pytest.raises(ValueError, match=f"a batch of {rows} rows doesn't divide by 2"):
            _multiprocess._check_shares("fit", stream)
    else:
        _multiprocess._check_shares("fit", stream)


def test_each_of_two_processes_reads_its_share_of_a_batch(monkeypatch):
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    monkeypatch.setattr(jax, "process_index", lambda: 1)
    asked = []

    def read(rows):
        asked.append(rows.tolist())
        return {"inputs": rows}

    source = Reader(read, size=8, batch_size=4, shuffle=False)
    found = [batch["inputs"].tolist() for batch in _multiprocess.own_rows("fit", source, 0, skip=1)]
    assert found == asked == [[6, 7]]
    whole = source._replace(read=lambda rows: {"inputs": np.arange(4)})
    with pytest.raises(ValueError, match="read got 2 row numbers, but returned"):
        list(_multiprocess.own_rows("fit", whole, 0, skip=0))
