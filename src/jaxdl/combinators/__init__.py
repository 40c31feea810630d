"""Functions that make one Layer out of others, whatever those compute."""

from jaxdl import _face
from jaxdl.combinators._compose import compose
from jaxdl.combinators._depth import remat, repeat
from jaxdl.combinators._modes import compute_in, forward_mode, frozen
from jaxdl.combinators._parts import LayerLike, lift
from jaxdl.combinators._serial import Merge, branch, residual, serial
from jaxdl.combinators._stateless import stateless

__all__ = [
    "LayerLike",
    "Merge",
    "branch",
    "compose",
    "compute_in",
    "forward_mode",
    "frozen",
    "lift",
    "remat",
    "repeat",
    "residual",
    "serial",
    "stateless",
]

__doc__ = _face.index(globals())
