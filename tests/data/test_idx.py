"""IDX files, plain and compressed, whole and broken, where people keep them."""

import gzip
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from jaxdl import data
from jaxdl.data import _idx


def assert_arrays(dataset, arrays):
    parts = dataset.train, dataset.test
    for part, images, labels in zip(parts, arrays[::2], arrays[1::2], strict=True):
        np.testing.assert_array_equal(part["inputs"], images[..., None])
        np.testing.assert_array_equal(part["labels"], labels)
        assert part["inputs"].dtype == np.uint8 and part["labels"].dtype == np.int32


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("below", ["", "fashion_mnist", "fashion-mnist", "FashionMNIST/raw", "raw"])
def test_layouts(tmp_path, write_idx, below, compress):
    arrays = write_idx(tmp_path / "data" / below, compress=compress)
    dataset = data.load("fashion_mnist", data_dir=tmp_path / "data")
    assert_arrays(dataset, arrays)
    assert dataset.classes[9] == "Ankle boot" and dataset.validation is None


def test_the_folder_of_the_system(tmp_path, write_idx):
    arrays = write_idx(tmp_path / "system" / "fashion-mnist")
    assert_arrays(data.load("fashion_mnist"), arrays)


@pytest.mark.parametrize("below", ["", "emnist-letters", "EMNIST/raw"])
def test_emnist_has_its_own_names(tmp_path, write_idx, below):
    arrays = write_idx(tmp_path / below, prefix="emnist-letters-", test="test", compress=False)
    dataset = data.load("emnist/letters", data_dir=tmp_path)
    assert_arrays(dataset, arrays)
    assert len(dataset.classes) == 37


def test_three_files_are_no_copy(tmp_path, write_idx):
    write_idx(tmp_path / "data")
    (tmp_path / "data" / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(FileNotFoundError, match="found no usable copy of mnist"):
        data.load("mnist", data_dir=tmp_path / "data", download=False)


@pytest.mark.parametrize("below", ["fashion-mnist", "FashionMNIST/raw"])
def test_clothes_are_not_digits(tmp_path, write_idx, below):
    write_idx(tmp_path / below)
    with pytest.raises(ValueError, match="by its name, a folder of fashion_mnist, not of mnist"):
        data.load("mnist", data_dir=tmp_path / below)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is no IDX file of unsigned bytes"),
        (b"PK\x03\x04 something else", "is no IDX file of unsigned bytes"),
        (bytes([0, 0, 13, 1, 0, 0, 0, 1, 0, 0, 0, 0]), "is no IDX file of unsigned bytes"),
        (bytes([0, 0, 8, 3, 0, 0]), "is no IDX file of unsigned bytes"),
        (bytes([0, 0, 8, 1, 0, 0, 0, 5, 1, 2]), r"holds 2 values; its header says \(5,\)"),
        (
            bytes([0, 0, 8, 1, 0, 0, 0, 1, 1, 2]),
            r"holds more than 1 values; its header s",
        ),
    ],
)
def test_broken_content(tmp_path, content, complaint):
    path = tmp_path / "labels"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=complaint) as caught:
        _idx.read_idx(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("break_it", [lambda x: x[:-12], lambda x: b"no gzip", lambda x: x[:40]])
def test_broken_compression(tmp_path, write_idx, break_it):
    write_idx(tmp_path)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(break_it(path.read_bytes()))
    with pytest.raises(ValueError, match=r"train-images-idx3-ubyte.gz can't be read as IDX: "):
        data.load("mnist", data_dir=tmp_path)


def test_flipped_bit_in_compressed_file(tmp_path, write_idx):
    write_idx(tmp_path)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    content = bytearray(path.read_bytes())
    content[-6] ^= 1  # of the checksum
    path.write_bytes(content)
    with pytest.raises(ValueError, match="can't be read as IDX: BadGzipFile: CRC check failed"):
        data.load("mnist", data_dir=tmp_path)


def test_images_and_labels_of_different_number(tmp_path, write_idx):
    write_idx(tmp_path)
    short = bytes([0, 0, 8, 1, 0, 0, 0, 1, 7])
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(short))
    with pytest.raises(ValueError, match=r"has shape \(5, 4, 3\) and .*t10k-labels.* \(1,\)"):
        data.load("mnist", data_dir=tmp_path)


REAL = Path("/usr/share/datasets/fashion-mnist")


@pytest.mark.skipif(not REAL.is_dir(), reason="Debian's package dataset-fashion-mnist isn't there")
def test_the_real_fashion_mnist():
    dataset = data.load("fashion_mnist", data_dir=REAL)
    data.check(dataset)
    assert dataset.train["inputs"].shape == (60000, 28, 28, 1)
    assert dataset.test["inputs"].shape == (10000, 28, 28, 1)
    np.testing.assert_array_equal(np.bincount(dataset.train["labels"]), [6000] * 10)
    np.testing.assert_array_equal(np.bincount(dataset.test["labels"]), [1000] * 10)
    # The published mean and deviation of the training pixels, 0.2860 and 0.3530.
    pixels = dataset.train["inputs"] / np.float32(255)
    assert abs(pixels.mean() - 0.2860) < 1e-4 and abs(pixels.std() - 0.3530) < 1e-4


def test_no_more_is_decompressed_than_the_header_says(tmp_path, monkeypatch):
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 9]) + bytes(10**7)))
    tracemalloc.start()
    with pytest.raises(ValueError, match=f"{path} holds more than 9 values"):
        _idx.read_idx(path)
    assert tracemalloc.get_traced_memory()[1] < 10**6
    tracemalloc.stop()
    path.write_bytes(gzip.compress(bytes([0, 0, 8, 1, 255, 0, 0, 0]) + bytes(10)))
    monkeypatch.setenv("JAXDL_MAX_BYTES", "1000")
    with pytest.raises(ValueError, match=f"{path} decodes to 4,278,190,080 bytes, more than 1,000"):
        _idx.read_idx(path)


def test_a_pipe_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="pipe is a pipe, a device or a folder"):
        _idx.read_idx(tmp_path / "pipe")
