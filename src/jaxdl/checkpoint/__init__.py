"""Checkpoints that survive kills, full disks and flipped bits, written through Orbax."""

from jaxdl import _face
from jaxdl.checkpoint._files import faults
from jaxdl.checkpoint._hook import hook
from jaxdl.checkpoint._store import best, load, restore, save

__all__ = [
    "best",
    "faults",
    "hook",
    "load",
    "restore",
    "save",
]

__doc__ = _face.index(globals())
