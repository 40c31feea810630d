"""Every test here sees an empty cache, an empty TFDS folder and no files of the system."""

import gzip
import struct

import numpy as np
import pytest

from jaxdl.data import _idx


@pytest.fixture(autouse=True)
def empty_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("JAXDL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    monkeypatch.setattr(_idx, "SYSTEM", tmp_path / "system")


def idx_bytes(x):
    header = bytes([0, 0, 8, x.ndim]) + struct.pack(f">{x.ndim}I", *x.shape)
    return header + x.astype(np.uint8).tobytes()


def idx_arrays(n_train=12, n_test=5, classes=10):
    rows = np.random.RandomState(1)
    image = lambda n: rows.randint(0, 256, (n, 4, 3), np.uint8)
    label = lambda n: np.arange(n) % classes
    return image(n_train), label(n_train), image(n_test), label(n_test)


@pytest.fixture
def write_idx():
    """Writes four small IDX files, and returns the arrays in them."""

    def write(folder, *, compress=True, prefix="", test="t10k"):
        folder.mkdir(parents=True, exist_ok=True)
        arrays = idx_arrays()
        names = (
            *("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
            *(f"{test}-images-idx3-ubyte", f"{test}-labels-idx1-ubyte"),
        )
        for name, x in zip(names, arrays, strict=True):
            data = idx_bytes(x)
            path = folder / f"{prefix}{name}{'.gz' if compress else ''}"
            path.write_bytes(gzip.compress(data) if compress else data)
        return arrays

    return write


def bitwise_crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked_crc(data):
    crc = bitwise_crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def tfrecord_frames(records):
    lengths = [struct.pack("<Q", len(record)) for record in records]
    pairs = zip(lengths, records, strict=True)
    return b"".join(n + masked_crc(n) + record + masked_crc(record) for n, record in pairs)


@pytest.fixture
def crc32c():
    """The checksum, bit by bit."""
    return bitwise_crc32c


@pytest.fixture
def framed():
    """From records to the bytes of a TFRecord file."""
    return tfrecord_frames
