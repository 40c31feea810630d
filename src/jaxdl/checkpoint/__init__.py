"""Checkpoints that survive kills, full disks and flipped bits, written through Orbax."""

from jaxdl.checkpoint.files import faults as faults
from jaxdl.checkpoint.hook import hook as hook
from jaxdl.checkpoint.store import best as best
from jaxdl.checkpoint.store import load as load
from jaxdl.checkpoint.store import restore as restore
from jaxdl.checkpoint.store import save as save
