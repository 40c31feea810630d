"""Loaders of other libraries feed fit."""

import itertools
from collections.abc import Collection
from typing import Any

import jax
import numpy as np
import optax
import pytest

from jaxdl import data, interop, layers, losses, train
from jaxdl.data._stream import batches_of

X = np.random.default_rng(0).normal(size=(24, 3)).astype("float32")
Y = X.argmax(1).astype("int32")
PAIRS = [(X[i : i + 8], Y[i : i + 8]) for i in (0, 8, 16)]


def fitted(made):
    net, tx = layers.dense(3, 3), optax.adam(0.1)
    start = train.init_state(net, tx, jax.random.key(0))
    loss_fn = train.supervised(net, losses.cross_entropy)
    end, history = train.fit(loss_fn, tx, start, made, epochs=3, hooks=())
    assert int(end.step) == 9 and history[-1]["loss"] < history[0]["loss"]


class Rows:
    """What a datasets.Dataset has of use here."""

    column_names: Collection[str] = ("inputs", "labels")

    def __len__(self):
        return 24

    def with_format(self, kind):
        assert kind == "numpy"
        return self

    def __getitem__(self, rows):
        return {"inputs": X[rows], "labels": Y[rows]}


def test_tuples_dicts_functions_rows_and_endless_loaders():
    fitted(interop.stream(PAIRS))
    fitted(interop.stream([{"inputs": x, "labels": y} for x, y in PAIRS]))
    fitted(interop.stream(lambda epoch: PAIRS[epoch:] + PAIRS[:epoch]))
    fitted(interop.stream(itertools.cycle(PAIRS), steps=3))
    made = interop.stream(Rows(), batch_size=8)
    fitted(made)
    assert isinstance(made.train, data.Reader)
    assert made.train.read(np.array([1]))["inputs"].shape == (1, 3)


def first_batch(loader, **options):
    return next(batches_of(interop.stream(loader, **options).train, 0))


class Endless(list):
    def __len__(self):
        return 2**63 - 1


def test_what_is_missing_is_named():
    with pytest.raises(ValueError, match="the loader has no end; pass steps="):
        interop.stream(Endless(PAIRS))
    with pytest.raises(ValueError, match="an iterator, which ends after one epoch"):
        interop.stream(iter(PAIRS))
    with pytest.raises(ValueError, match="pass batch_size="):
        interop.stream(Rows())
    with pytest.raises(TypeError, match=r"interop.stream got int"):
        interop.stream(3)
    with pytest.raises(ValueError, match="has 2 parts, and there are 3 names: a, b, c"):
        first_batch(PAIRS, names=("a", "b", "c"))
    with pytest.raises(TypeError, match="a batch is ndarray"):
        first_batch([X])


class Shuffling:
    """An endless loader: each pass in another order, the same ones when it begins anew."""

    def __iter__(self):
        for seed in itertools.count():
            order = np.random.default_rng(seed).permutation(24)
            yield from ({"inputs": X[rows], "labels": Y[rows]} for rows in order.reshape(3, 8))


def rows_of(made, epoch):
    """Which rows an epoch has, in its order."""
    return [int(np.flatnonzero((x == X).all(1))[0]) for b in made.train(epoch) for x in b["inputs"]]


def test_an_endless_loader_goes_on_in_each_epoch():
    made = interop.stream(Shuffling(), steps=3)
    epochs = [rows_of(made, epoch) for epoch in range(3)]
    assert all(sorted(rows) == list(range(24)) for rows in epochs)
    assert epochs[0] != epochs[1] != epochs[2]
    assert rows_of(made, 1) == epochs[1]  # when a run is resumed there
    assert rows_of(interop.stream(Shuffling(), steps=3), 2) == epochs[2]
    parts = interop.stream(PAIRS, steps=2)  # goes around
    assert [rows_of(parts, epoch)[::8] for epoch in range(3)] == [[0, 8], [16, 0], [8, 16]]
    with pytest.raises(ValueError, match=r"no length, so that it may have no end; pass steps=…"):
        interop.stream(Shuffling())


class Told:
    """What a datasets.IterableDataset has of use here."""

    column_names = ("inputs", "labels")

    def with_format(self, kind):
        return self

    def set_epoch(self, epoch):
        self.order = np.random.default_rng(epoch).permutation(24)

    def iter(self, size):
        for rows in self.order.reshape(-1, size):
            yield {"inputs": X[rows], "labels": Y[rows]}


def test_rows_that_come_one_by_one_are_told_the_epoch():
    made = interop.stream(Told(), batch_size=8)
    fitted(made)
    assert sorted(rows_of(made, 0)) == list(range(24)) and rows_of(made, 0) != rows_of(made, 1)
    with pytest.raises(ValueError, match="IterableDataset has rows; pass batch_size="):
        interop.stream(Told())
    parts = Rows()
    parts.column_names = {"train": ["inputs"], "test": ["inputs"]}
    with pytest.raises(TypeError, match="a dict of the datasets 'train', 'test'; give one"):
        interop.stream(parts, batch_size=8)


def differ(made):
    """Whether each epoch has all rows, in an order of its own."""
    epochs = [rows_of(made, epoch) for epoch in range(3)]
    assert all(sorted(rows) == list(range(24)) for rows in epochs)
    assert epochs[0] != epochs[1] and epochs[1] != epochs[2]


def test_loaders_of_torch():
    torch = pytest.importorskip("torch")
    rows = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(Y).long())
    made = interop.stream(torch.utils.data.DataLoader(rows, batch_size=8, shuffle=True))
    differ(made)
    fitted(made)

    dataset: Any = torch.utils.data.IterableDataset

    class Endless(dataset):
        def __iter__(self):
            return itertools.cycle(zip(X, Y, strict=True))

    loader = torch.utils.data.DataLoader(Endless(), batch_size=8)
    with pytest.raises(ValueError, match=r"may have no end; pass steps=…"):
        interop.stream(loader)
    fitted(interop.stream(loader, steps=3))


def test_loaders_of_grain():
    grain = pytest.importorskip("grain")
    given = [{"inputs": x, "labels": y} for x, y in zip(X, Y, strict=True)]
    source = grain.MapDataset.source(given)
    shuffled = source.shuffle(seed=1).batch(8)
    made = interop.stream(shuffled)
    differ(made)
    fitted(made)
    differ(interop.stream(lambda epoch: source.shuffle(seed=epoch).batch(8).to_iter_dataset()))
    for endless in (source.repeat().batch(8), source.repeat().batch(8).to_iter_dataset()):
        with pytest.raises(ValueError, match=r"no end; pass steps=…"):
            interop.stream(endless)

    def loader(epochs):
        sampler = grain.samplers.IndexSampler(24, shuffle=True, seed=0, num_epochs=epochs)
        operations = [grain.transforms.Batch(8)]
        return grain.DataLoader(data_source=given, sampler=sampler, operations=operations)

    with pytest.warns(UserWarning, match="all epochs have one order; make it with num_epochs=None"):
        interop.stream(loader(1))
    with pytest.raises(ValueError, match=r"no end; pass steps=…"):
        interop.stream(loader(None))
    differ(interop.stream(loader(None), steps=3))


def test_datasets_of_hugging_face():
    datasets = pytest.importorskip("datasets")
    table = datasets.Dataset.from_dict({"inputs": X, "labels": Y})
    fitted(interop.stream(table, batch_size=8))
    made = interop.stream(table.to_iterable_dataset().shuffle(seed=1, buffer_size=24), batch_size=8)
    differ(made)
    fitted(made)
    with pytest.raises(TypeError, match="a dict of the datasets 'train'"):
        interop.stream(datasets.DatasetDict({"train": table}), batch_size=8)
