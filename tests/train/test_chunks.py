"""However an epoch is cut, and wherever a run is stopped, the bits are the same."""

import os
import signal

import jax
import numpy as np
import pytest

from jaxdl import train
from jaxdl.train._pace import Pace, next_steps
from train.recipes import close, dataset, interrupted, losses_of, recipe, same_bits


@pytest.mark.parametrize("chunk", [1, 2, 3, 100])
def test_chunks_of_any_size_give_the_same_bits(chunk):
    loss_fn, tx, start, _ = recipe(rate=0.3)
    go = lambda **options: train.fit(
        loss_fn, tx, start, dataset(), epochs=2, batch_size=7, **options
    )
    (whole, rows), (parts, history) = go(), go(chunk=chunk)
    same_bits(parts, whole)
    assert losses_of(history) == losses_of(rows)
    assert [row["accuracy"] for row in history] == [row["accuracy"] for row in rows]


def test_a_chunk_is_the_same_steps_as_an_epoch():
    loss_fn, tx, start, _ = recipe()
    step = train.make_step(loss_fn, tx)
    epoch = jax.jit(train.make_epoch(step, batch_size=16))
    end, sums = epoch(start, dataset().train)
    zeros = jax.tree.map(np.zeros_like, sums)
    chunk = jax.jit(train.make_chunk(step, batch_size=16))
    half, part, _ = chunk(start, zeros, dataset().train, 0, 3)
    again, parts, finite = chunk(half, part, dataset().train, 3, 4)
    close((again.params, parts), (end.params, sums))
    assert int(half.step) == 3 and bool(finite)


def stops(kind, times, number):
    """A hook that sends a signal at an event, and what it has been told."""
    told = []

    def hook(event):
        told.append(event)
        if [e.kind for e in told].count(kind) == times and event.kind == kind:
            os.kill(os.getpid(), number)

    return hook, told


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("times", [1, 3])
def test_a_run_that_is_stopped_in_an_epoch_goes_on_to_the_same_bits(number, times):
    loss_fn, tx, start, _ = recipe(rate=0.3)
    options = {"epochs": 3, "batch_size": 7}
    whole, rows = train.fit(loss_fn, tx, start, dataset(), **options)
    hook, told = stops("chunk", times, number)
    half, history = interrupted(loss_fn, tx, start, dataset(), chunk=3, hooks=(hook,), **options)
    assert told[-1].kind == "interrupt" and told[-1].signal == number
    assert int(half.step) == told[-1].train_state.step == {1: 3, 3: 11}[times]
    assert told[-1].share == pytest.approx({1: 3 / 8, 3: 3 / 8}[times])
    again, history = train.fit(loss_fn, tx, half, dataset(), history=history, **options)
    same_bits(again, whole)
    assert [row["step"] for row in history] == [8, 16, 24]
    assert losses_of(history)[-1] == losses_of(rows)[-1]


def test_a_signal_at_the_end_of_an_epoch_keeps_its_row():
    loss_fn, tx, start, _ = recipe()
    hook, told = stops("epoch", 2, signal.SIGINT)
    before = signal.getsignal(signal.SIGINT)
    options = {"epochs": 50, "batch_size": 16, "hooks": (hook,)}
    end, history = interrupted(loss_fn, tx, start, dataset(), **options)
    assert [event.kind for event in told] == ["epoch", "epoch", "interrupt"]
    assert len(history) == 2 and int(end.step) == 8 and told[-1].share == 0
    assert "validation_loss" in history[-1]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_signal_at_the_very_end_is_no_interrupt():
    loss_fn, tx, start, _ = recipe()
    hook, told = stops("epoch", 2, signal.SIGINT)
    train.fit(loss_fn, tx, start, dataset(), epochs=2, batch_size=16, hooks=(hook,))
    assert told[-1].kind == "finish" and told[-1].signal == signal.SIGINT


@pytest.mark.usefixtures("foreground")
def test_a_second_ctrl_c_ends_at_once():
    loss_fn, tx, start, _ = recipe()

    def press(event):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train.fit(loss_fn, tx, start, dataset(), epochs=5, batch_size=16, hooks=(press,))


def test_the_pace_goes_for_a_second():
    assert next_steps(Pace(chunk=None), 1000) == 4  # nobody knows how long a step takes
    assert next_steps(Pace(chunk=None), 5) == 5
    quick = Pace(chunk=None, steps=4, seconds=1e-4)
    assert next_steps(quick, 1000) == 63  # 16 times as many as before, in equal parts
    slow = Pace(chunk=None, steps=4, seconds=40.0)
    assert next_steps(slow, 1000) == 1
    known = Pace(chunk=None, steps=500, seconds=0.5)
    assert next_steps(known, 1400) == 1400  # 1.4 s: one program
    assert next_steps(known, 4400) == 1100
    assert next_steps(Pace(chunk=3), 7) == 3 and next_steps(Pace(chunk=3), 2) == 2


@pytest.mark.parametrize("pace", [Pace(None, 1, 1e-9), Pace(None, 7, 0.3), Pace(None), Pace(5)])
@pytest.mark.parametrize("left", [1, 2, 17, 1000])
def test_the_pace_always_goes_on_and_never_too_far(pace, left):
    assert 1 <= next_steps(pace, left) <= left
