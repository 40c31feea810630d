"""Folders read batch by batch: the rows of image_folder, and what is said of broken files."""

import jax
import numpy as np
import optax
import PIL.Image
import pytest

from jaxdl import data, layers, losses, serial, train
from jaxdl.data._stream import batches_of

SIZE = {"image_size": (4, 6), "batch_size": 3}


@pytest.fixture
def folder(tmp_path):
    """Twelve cats and twelve dogs, told apart by their colour."""
    draw = np.random.default_rng(0)
    for name, low in (("cat", 0), ("dog", 128)):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for i in range(12):
            pixels = draw.integers(low, low + 127, size=(8, 12, 3), dtype=np.uint8)
            PIL.Image.fromarray(pixels).save(tmp_path / "pets" / name / f"{i:02}.png")
    return tmp_path / "pets"


def rows(reader):
    batches = list(batches_of(reader._replace(shuffle=False), 0))
    return {name: np.concatenate([b[name] for b in batches]) for name in batches[0]}


@pytest.mark.parametrize("channels", [1, 3])
def test_rows_are_those_that_are_read_at_once(folder, channels):
    whole = data.image_folder(folder, image_size=(4, 6), channels=channels, seed=3)
    readers = data.image_readers(folder, **SIZE, channels=channels, seed=3)
    assert (readers.classes, readers.description) == (whole.classes, whole.description)
    for part in ("train", "validation", "test"):
        for name, x in rows(getattr(readers, part)).items():
            np.testing.assert_array_equal(x, getattr(whole, part)[name])
            assert x.dtype == getattr(whole, part)[name].dtype
    assert readers.test and (readers.train.shuffle, readers.test.shuffle) == (True, False)


def test_parts_by_folder(folder):
    (folder / "train").mkdir()
    for name in ("cat", "dog"):
        (folder / name).rename(folder / "train" / name)
    readers = data.image_readers(folder, **SIZE)
    assert (readers.train.size, readers.validation, readers.test) == (24, None, None)


def test_it_trains_and_goes_on_as_if_it_had_not_stopped(folder):
    readers = data.image_readers(folder, **SIZE)
    net = serial(layers.rescale(1 / 255), layers.flatten(axes=3), layers.dense(72, 2))
    loss_fn, tx = train.supervised(net, losses.cross_entropy), optax.sgd(0.5)
    stream = data.Stream(readers.train, readers.validation)
    start = train.init_state(net, tx, jax.random.key(0))
    end, history = train.fit(loss_fn, tx, start, stream, epochs=4, hooks=())
    assert history[-1]["validation_loss"] < 0.3
    half, rows_so_far = train.fit(loss_fn, tx, start, stream, epochs=2, hooks=())
    again, _ = train.fit(loss_fn, tx, half, stream, epochs=4, hooks=(), history=rows_so_far)
    jax.tree.map(np.testing.assert_array_equal, end.params, again.params)
    assert train.evaluate(loss_fn, end, readers.test)["loss"] < 0.3


def test_a_corrupt_image_ends_the_reading_or_is_left_out(folder):
    (folder / "cat" / "bad.png").write_bytes(b"not an image")
    (folder / "dog" / "05.png").write_bytes((folder / "dog" / "05.png").read_bytes()[:90])
    readers = data.image_readers(folder, **SIZE)
    with pytest.raises(ValueError, match=r"image_readers: 1 file of \d .*(bad|05).png"):
        [rows(reader) for reader in readers[:3]]
    with pytest.warns(UserWarning, match=r"2 files of 25 .*bad.png, .*05.png") as got:
        readers = data.image_readers(folder, **SIZE, on_corrupt="skip")
    assert got[0].filename == __file__
    assert sum(reader.size for reader in readers[:3] if reader) == 23
    for reader in readers[:3]:
        rows(reader)


def test_bad_arguments(folder, tmp_path):
    with pytest.raises(ValueError, match="image_readers: on_corrupt is 'no'"):
        data.image_readers(folder, **SIZE, on_corrupt="no")
    with pytest.raises(FileNotFoundError, match="image_readers: there is no folder"):
        data.image_readers(tmp_path / "none", **SIZE)
    (folder / "fish").mkdir()
    with pytest.raises(ValueError, match=r"image_readers: .*fish holds no images"):
        data.image_readers(folder, **SIZE)
