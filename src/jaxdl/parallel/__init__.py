"""One step on many devices: the same body under ``jit``, ``pmap`` and ``shard_map``.

A step made with ``make_step(loss_fn, tx)`` runs under ``jit``; one made with
``make_step(loss_fn, tx, axis_name="data")`` under ``pmap`` and ``shard_map``. All take the same
TrainState and the same global batch and give the same numbers.
"""

from jaxdl.parallel.devices import AXIS as AXIS
from jaxdl.parallel.devices import assert_replicas_equal as assert_replicas_equal
from jaxdl.parallel.devices import data_mesh as data_mesh
from jaxdl.parallel.devices import mesh_of as mesh_of
from jaxdl.parallel.devices import put as put
from jaxdl.parallel.devices import replicate as replicate
from jaxdl.parallel.devices import shard_batch as shard_batch
from jaxdl.parallel.devices import unreplicate as unreplicate
from jaxdl.parallel.processes import global_batch as global_batch
from jaxdl.parallel.processes import initialize as initialize
from jaxdl.parallel.processes import is_primary as is_primary
from jaxdl.parallel.processes import share_of as share_of
from jaxdl.parallel.processes import stopping as stopping
from jaxdl.parallel.sharding import Rule as Rule
from jaxdl.parallel.sharding import by_path as by_path
from jaxdl.parallel.sharding import fully_sharded as fully_sharded
from jaxdl.parallel.sharding import jit_step as jit_step
from jaxdl.parallel.sharding import shardings as shardings
from jaxdl.parallel.steps import Parallel as Parallel
from jaxdl.parallel.steps import compile_replicated as compile_replicated
from jaxdl.parallel.steps import placement as placement
from jaxdl.parallel.steps import pmap_step as pmap_step
from jaxdl.parallel.steps import resolve as resolve
from jaxdl.parallel.steps import shard_map_step as shard_map_step
