"""Damage to the files of a checkpoint, bit by bit."""

from pathlib import Path


def flip(path: Path, bit: int) -> None:
    """Flips one bit of a file."""
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


def truncate(path: Path, size: int) -> None:
    """Keeps only the first bytes of a file."""
    path.write_bytes(path.read_bytes()[:size])


def plain_files(folder: Path) -> list[Path]:
    """All files of a checkpoint."""
    return sorted(path for path in folder.rglob("*") if path.is_file())
