"""Loaders of other libraries feed fit."""

import itertools

import jax
import numpy as np
import optax
import pytest

from jaxdl import interop, layers, losses, train

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

    column_names = ("inputs", "labels")

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
    batches = lambda epoch: made.train.read(np.array([epoch]))
    assert batches(1)["inputs"].shape == (1, 3)


class Endless(list):
    def __len__(self):
        return 2**63 - 1


def test_what_is_missing_is_named():
    with pytest.raises(ValueError, match="the loader has no end; say steps="):
        interop.stream(Endless(PAIRS))
    with pytest.raises(ValueError, match="an iterator, which ends after one epoch"):
        interop.stream(iter(PAIRS))
    with pytest.raises(ValueError, match="say batch_size="):
        interop.stream(Rows())
    with pytest.raises(TypeError, match=r"interop.stream got int"):
        interop.stream(3)
    with pytest.raises(ValueError, match="has 2 parts, and there are 3 names: a, b, c"):
        next(interop.stream(PAIRS, names=("a", "b", "c")).train(0))
    with pytest.raises(TypeError, match="a batch is ndarray"):
        next(interop.stream([X]).train(0))


def test_loaders_of_torch_grain_and_hugging_face():
    torch = pytest.importorskip("torch")
    rows = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(Y).long())
    fitted(interop.stream(torch.utils.data.DataLoader(rows, batch_size=8, shuffle=True)))
    grain = pytest.importorskip("grain")
    source = grain.MapDataset.source(
        [{"inputs": x, "labels": y} for x, y in zip(X, Y, strict=True)]
    )
    fitted(interop.stream(lambda epoch: source.shuffle(seed=epoch).batch(8).to_iter_dataset()))
    with pytest.raises(ValueError, match="no end"):
        interop.stream(source.repeat().batch(8))
    datasets = pytest.importorskip("datasets")
    table = datasets.Dataset.from_dict({"inputs": X, "labels": Y})
    fitted(interop.stream(table, batch_size=8))
