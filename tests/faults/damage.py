"""Damage to files: bits, bytes, slices, numbers and ends, drawn by a seed."""

import random
import struct
from pathlib import Path


def mutated(content: bytes, draw: random.Random) -> bytes:
    """Damages a file in one to four places."""
    x = bytearray(content)
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        at = draw.randrange(len(x)) if x else 0
        size = draw.choice((1, 1, 2, 4, 8, 20))
        match draw.randrange(9) if x else 5:
            case 0 | 1:
                x[at] ^= 1 << draw.randrange(8)
            case 2:
                x[at] = draw.choice((0, 1, 10, 34, 44, 127, 128, 255, draw.randrange(256)))
            case 3:
                x[at:] = b""
            case 4:
                x[at : at + size] = b""
            case 5:
                x[at:at] = draw.randbytes(size)
            case 6:
                x[at:at] = x[at : at + 5 * size]
            case 7:
                number = draw.choice((0, 1, 2**31 - 1, 2**31, 2**32 - 1, draw.randrange(2**32)))
                x[at : at + 4] = struct.pack(draw.choice("<>") + "I", number)
            case 8:
                other = draw.randrange(len(x))
                x[at : at + size] = x[other : other + size]
    return bytes(x)


def damage(path: Path, draw: random.Random) -> None:
    """Damages a file, or one of a folder."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        path = draw.choice(files)
    path.write_bytes(mutated(path.read_bytes(), draw))
