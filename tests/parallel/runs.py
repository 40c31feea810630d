"""What the processes of test_runs.py run: ``fit`` with checkpoints, and wrong calls of it."""

import contextlib
import json
import os
import sys
import time

import jax
import numpy as np
import optax

from jaxdl import checkpoint, data, losses, models, parallel, train

SIZES, BATCH = (6, 16, 8), 16


def rows(size, seed):
    random = np.random.default_rng(seed)
    inputs = random.normal(size=(size, SIZES[0])).astype("float32")
    return {"inputs": inputs, "labels": inputs.argmax(1).astype("int32")}


def parts():
    net, tx = models.mlp(SIZES, rate=0.2), optax.adam(1e-2)
    loss_fn = train.supervised(net, losses.cross_entropy)
    dataset = data.Dataset(train=rows(75, 0), validation=rows(20, 1))  # the last batch isn't full
    return net, loss_fn, tx, train.init_state(net, tx, jax.random.key(0)), dataset


def reader(**changes):
    """The same rows as a stream."""
    whole = rows(80, 0)
    read = lambda chosen: {name: x[chosen] for name, x in whole.items()}
    return data.Stream(data.Reader(read, size=80, batch_size=BATCH)._replace(**changes))


def stop(event):
    """The last hook: a run that was asked to stop isn't complete."""
    if event.kind == "interrupt":
        sys.exit(128 + event.signal)


def resume(directory, epochs, *, split=False, mesh=None, hooks=()):
    """Trains from the newest checkpoint of a directory, with one every two steps."""
    _, loss_fn, tx, train_state, dataset = parts()
    history: list[dict] = []
    with contextlib.suppress(FileNotFoundError):
        train_state, history = checkpoint.restore(directory, train_state)
    mesh = mesh or parallel.data_mesh()
    rule = parallel.fully_sharded(mesh, least=8)
    return train.fit(
        loss_fn, tx, train_state, dataset,
        epochs=epochs, batch_size=BATCH, chunk=2, history=history,
        hooks=(*hooks, checkpoint.hook(directory, every_seconds=0), stop),
        devices=parallel.Placement(mesh=mesh, rule=rule if split else None),
    )  # fmt: skip


def measure(train_state):
    """What the other functions of a TrainState give."""
    net, loss_fn, _, _, dataset = parts()
    measured = train.evaluate(loss_fn, train_state, dataset.validation)
    outputs = train.predict(net, train_state, dataset.validation["inputs"])
    return [measured["loss"], *np.abs(outputs).sum(axis=0).tolist()]


def others():
    """Losses of other runs: of a stream, with early stopping, under each engine."""
    _, loss_fn, tx, start, dataset = parts()
    options = {"hooks": (), "epochs": 5}
    fit = lambda data, **more: train.fit(loss_fn, tx, start, data, **options | more)[1]
    stopping = train.early_stopping(patience=1, margin=1.0)
    histories = [
        fit(reader(), epochs=2, chunk=2),
        fit(dataset, batch_size=BATCH, early_stopping=stopping),
        *(
            fit(dataset, batch_size=BATCH, devices=parallel.Placement(e), epochs=1)
            for e in ("pmap", "shard_map")
        ),
    ]
    return [[row["loss"] for row in history] for history in histories]


def wrong():
    """Yields what is said of each wrong call, which all processes make together."""
    _, loss_fn, tx, start, dataset = parts()
    mine, options = jax.process_index(), {"epochs": 2, "batch_size": BATCH, "hooks": ()}
    part = {name: x[parallel.share_of(len(x))] for name, x in dataset.train.items()}
    moved = start._replace(params=jax.tree.map(lambda x: x + mine, start.params))
    short = lambda epoch: iter([rows(8, 0)] * (3 - mine))
    stream = {"epochs": 2, "hooks": ()}
    calls = {
        "shares": lambda: train.fit(loss_fn, tx, start, dataset._replace(train=part), **options),
        "epochs": lambda: train.fit(loss_fn, tx, start, dataset, **options | {"epochs": 2 + mine}),
        "parameters": lambda: train.fit(loss_fn, tx, moved, dataset, **options),
        "batches": lambda: train.fit(loss_fn, tx, start, data.Stream(short), **stream),
        "rows": lambda: parallel.global_batch(rows(2 + mine, 0), parallel.data_mesh()),
        "odd": lambda: train.fit(loss_fn, tx, start, reader(batch_size=15), **stream),
    }
    for name, call in calls.items():
        try:
            call()
        except ValueError as error:
            yield name, str(error)


def tell(found):
    if parallel.is_primary():
        print("found", json.dumps(found), flush=True)


if __name__ == "__main__":
    scenario, *arguments = sys.argv[1:]
    if scenario == "late" and os.environ["JAXDL_PROCESS"] == arguments[0]:
        time.sleep(100)
    parallel.initialize(timeout=5 if scenario == "late" else 60, heartbeat=10)
    if scenario == "wrong":
        tell(dict(wrong()))
    elif scenario == "resume":
        directory, epochs, split, pause = arguments

        def wait(event):
            tell([event.kind, len(event.history)])
            time.sleep(float(pause))

        end, history = resume(directory, int(epochs), split=split == "split", hooks=(wait,))
        tell(history)
    elif scenario == "measure":
        tell(measure(resume(arguments[0], int(arguments[1]), split=True)[0]))
    elif scenario == "others":
        tell(others())
