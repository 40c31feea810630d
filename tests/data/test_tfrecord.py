"""TFRecord framing and its checksums, against a bit-by-bit CRC-32C."""

import numpy as np
import pytest

from jaxdl.data import _tfrecord


def test_reference_values(crc32c):  # RFC 3720, B.4
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43


def test_a_record_that_tensorflow_wrote(tmp_path):
    # tf.io.TFRecordWriter(path).write(b"jaxdl"), TensorFlow 2.21
    path = tmp_path / "r"
    path.write_bytes(bytes.fromhex("0500000000000000eab2043e6a6178646c6bcdfa1a"))
    assert _tfrecord.read(path) == [b"jaxdl"]


@pytest.mark.parametrize("lengths", [[], [0], [1], [5, 0, 300, 7, 300], [17] * 50])
def test_reads_what_was_framed(tmp_path, lengths, framed):
    records = [np.random.RandomState(n).bytes(n) for n in lengths]
    (tmp_path / "r").write_bytes(framed(records))
    assert _tfrecord.read(tmp_path / "r") == records


@pytest.mark.parametrize("at", range(0, 60))
def test_every_flipped_bit_is_found(tmp_path, at, framed):
    content = bytearray(framed([b"first record", b"second"]))
    assert len(content) == 50
    if at >= len(content):
        content = content[: at - len(content)] + content[:1]  # a tail that is no record
    else:
        content[at] ^= 1 << at % 8
    (tmp_path / "r").write_bytes(content)
    with pytest.raises(ValueError, match=r"r is damaged.* record [0-9]"):
        _tfrecord.read(tmp_path / "r")


@pytest.mark.parametrize("keep", [1, 11, 12, 30, 49])
def test_cut_off(tmp_path, keep, framed):
    (tmp_path / "r").write_bytes(framed([b"first record", b"second"])[:keep])
    with pytest.raises(ValueError, match="is damaged or cut off in record"):
        _tfrecord.read(tmp_path / "r")
