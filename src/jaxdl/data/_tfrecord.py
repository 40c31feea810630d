"""TFRecord files, read without TensorFlow and checked byte by byte."""

from pathlib import Path

import numpy as np

_POLYNOMIAL = 0x82F63B78  # CRC-32C (Castagnoli), bits reversed
_MASK = 0xA282EAD8
_HEADER, _FOOTER = 12, 4  # uint64 length and its checksum; the checksum of the record


def read(path: Path) -> list[bytes]:
    """Reads the records of a TFRecord file.

    A record is ``length`` (uint64), the masked CRC-32C of these 8 bytes, ``length`` bytes, and
    their masked CRC-32C, all little-endian; ``masked(c) = (c >> 15 | c << 17) + 0xa282ead8``.

    Args:
        path: the file, not compressed.

    Returns:
        The records.

    Raises:
        ValueError: if the file is cut off or a checksum differs; names the file and the record.

    Reference: https://www.tensorflow.org/tutorials/load_data/tfrecord
    """
    data = np.fromfile(path, np.uint8)
    starts, lengths = _frames(path, data)
    _check(path, "length", data, starts - _HEADER, np.full_like(lengths, 8))
    _check(path, "content", data, starts, lengths)
    return [data[start : start + n].tobytes() for start, n in zip(starts, lengths, strict=True)]


def masked_crc32c(data: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Returns the masked CRC-32C of many slices of a buffer.

    All slices advance together, one table look-up a byte: some hundred array operations for a
    file of small records, where a loop over the bytes would take longer than decoding them.

    Args:
        data: the buffer, uint8 (bytes,).
        starts: where each slice begins, (N,).
        lengths: how many bytes it has, (N,).

    Returns:
        uint32 (N,).

    Example:
        >>> data = np.frombuffer(b"123456789", np.uint8)
        >>> crc = masked_crc32c(data, np.array([0]), np.array([9]))[0] - np.uint32(_MASK)
        >>> hex((int(crc) >> 17 | int(crc) << 15) & 0xFFFFFFFF)
        '0xe3069283'
    """
    order = np.argsort(-lengths, kind="stable")  # longest first: those still going are a prefix
    starts, longest_first = starts[order], lengths[order]
    going = np.searchsorted(-longest_first, -np.arange(longest_first.max(initial=0)))
    crc = np.full(len(starts), 0xFFFFFFFF, np.uint32)
    for i, n in enumerate(going):
        crc[:n] = _TABLE[(crc[:n] ^ data[starts[:n] + i]) & 0xFF] ^ (crc[:n] >> 8)
    crc = ~crc
    result = np.empty_like(crc)
    result[order] = (crc >> 15 | crc << 17) + np.uint32(_MASK)
    return result


def _table() -> np.ndarray:
    """Returns the CRC-32C of every byte."""
    crc: np.ndarray = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        crc = (crc >> 1) ^ np.where(crc & 1, np.uint32(_POLYNOMIAL), np.uint32(0))
    return crc


_TABLE = _table()


def _frames(path: Path, data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns where each record begins and how long it is."""
    starts: list[int] = []
    lengths: list[int] = []
    at = 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 8].tobytes(), "little")
        end = at + _HEADER + length + _FOOTER
        if end > len(data):
            raise ValueError(f"{path} is damaged or cut off in record {len(starts)}, at byte {at}")
        starts.append(at + _HEADER)
        lengths.append(length)
        at = end
    return np.array(starts, np.int64), np.array(lengths, np.int64)


def _check(
    path: Path, what: str, data: np.ndarray, starts: np.ndarray, lengths: np.ndarray
) -> None:
    """Compares each slice with the checksum that follows it."""
    stored = data[(starts + lengths)[:, None] + np.arange(4)].view("<u4")[:, 0]
    bad = np.flatnonzero(masked_crc32c(data, starts, lengths) != stored)
    if len(bad):
        raise ValueError(f"{path} is damaged: the {what} of record {bad[0]} fails its checksum")
