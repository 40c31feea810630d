"""jaxdl: deep learning as pure functions on JAX.

Functions first (``activations``, ``losses``, ``functional``), then layers and ``serial``, then
``train``: one pure step that ``jit``, ``scan``, ``vmap``, ``pmap`` and ``shard_map`` each run.

- arrays in, arrays out: ``activations``, ``losses``, ``functional``, ``initializers``, ``metrics``
- networks, each a ``Layer``: ``layers``, ``combinators``, ``models``
- training: ``data``, ``optim``, ``train``, ``checkpoint``, ``parallel``, ``sweep``
- looking inside: ``explain``, ``plots``

``help(jaxdl.losses)`` and so on list what is in each.
"""

__version__ = "0.1.0"

from jaxdl import activations as activations
from jaxdl import checkpoint as checkpoint
from jaxdl import combinators as combinators
from jaxdl import data as data
from jaxdl import explain as explain
from jaxdl import functional as functional
from jaxdl import initializers as initializers
from jaxdl import layers as layers
from jaxdl import losses as losses
from jaxdl import metrics as metrics
from jaxdl import models as models
from jaxdl import optim as optim
from jaxdl import parallel as parallel
from jaxdl import plots as plots
from jaxdl import sweep as sweep
from jaxdl import train as train
from jaxdl.combinators import serial as serial
from jaxdl.types import Layer as Layer
