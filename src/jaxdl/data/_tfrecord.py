"""TFRecord files, read without TensorFlow and checked byte by byte."""

from pathlib import Path

import google_crc32c

from jaxdl.data._files import Unreadable, check_regular

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
    check_regular("load", path)
    data, at = memoryview(path.read_bytes()), 0
    records: list[bytes] = []
    while at < len(data):
        start = at + _HEADER
        end = start + int.from_bytes(data[at : at + 8], "little")
        if start > len(data) or (_is_whole(data, at, at + 8) and end + _FOOTER > len(data)):
            raise Unreadable(f"{path} is damaged or cut off in record {len(records)}, at byte {at}")
        for what, first, last in (("length", at, at + 8), ("content", start, end)):
            if not _is_whole(data, first, last):
                raise Unreadable(
                    f"{path} is damaged: the {what} of record {len(records)} fails its checksum"
                )
        records.append(bytes(data[start:end]))
        at = end + _FOOTER
    return records


def _is_whole(data: memoryview, first: int, last: int) -> bool:
    """Whether a slice has the checksum that follows it."""
    crc = google_crc32c.value(bytes(data[first:last]))
    masked = ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF
    return masked == int.from_bytes(data[last : last + 4], "little")
