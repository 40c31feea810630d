"""One step on many devices: the same body under ``jit``, ``pmap`` and ``shard_map``.

A step made with ``make_step(loss_fn, tx)`` runs under ``jit``; one made with
``make_step(loss_fn, tx, axis_name="data")`` under ``pmap`` and ``shard_map``. All take the same
TrainState and the same global batch and give the same numbers. ``train.fit(…, parallel=…)`` runs
whole epochs so, on all devices there are.

**A model larger than one device**: ``fit(…, rule=fully_sharded(mesh))`` splits parameters and
optimizer state over the devices of ``data_mesh()``; ``mesh_of(data=4, model=2)`` with a rule
``by_path`` splits kernels over a second axis. ``jit_step`` does the same for a loop of one's own.
Where no device could hold the TrainState even to begin with, it is drawn in its parts, to the same
numbers::

    start = lambda key: train.init_state(net, tx, key)
    split = shardings(jax.eval_shape(start, key), mesh, rule)
    train_state = jax.jit(start, out_shardings=split)(key)

**Several processes**, on one machine or on many, are one run::

    python -m jaxdl.launch --processes 4 --restarts 2 script.py      # on this machine
    srun --ntasks 16 python script.py                                # on a cluster

where the script says ``parallel.initialize()`` before it asks JAX for anything, and then does what
it would do alone: ``fit``, ``evaluate``, ``predict``, hooks and checkpoints are called by all
processes, with the same arguments, and give each of them the same. Each process has the whole of a
Dataset, and of a Stream's batches its share: a ``data.Reader`` reads only that, and what else gives
batches gives each process its own rows, as many as the others'. Process 0 alone writes files and
shows progress (``is_primary``); what a clock or a disk decides, it decides for all (``agreed``).
SIGTERM to one process, or a cluster's notice, stops all of them after the same step, with a
checkpoint (``stopping``). When a process is lost the others end within ``heartbeat`` seconds, and
the run goes on from its newest checkpoint, on as many processes and devices as there are then.

How fast is a cluster going to be? A step computes for t₁ seconds on one device with its share of
the rows. What N devices have to send each other takes, with B bytes of parameters, links of s bytes
a second in each direction, and a delay of d seconds a message:

===================================  =======================================================
data parallel                        2·(N − 1)/N·B/s + 2·(N − 1)·d, one all-reduce of gradients
fully sharded                        3·(N − 1)/N·B/s, parameters gathered twice, gradients
                                     reduced and scattered once
data × model, N = D·M                2·(D − 1)/D·B/(M·s), and for each layer split over M devices
                                     two all-reduces of its activations among them
===================================  =======================================================

The efficiency of weak scaling is t₁ / (t₁ + what isn't hidden behind the backward pass): XLA
hides sums of gradients behind it on GPUs and TPUs, not on CPUs. Of 100 million parameters in
float32 (B = 400 MB) 8 devices send 700 MB each: 1.6 ms at the 450 GB/s of an H100's NVLink, 14 ms
over 400 Gbit/s Ethernet, 0.6 s over 10 Gbit/s. A step of 50 ms then scales with 97 %, 78 % and 8
%. What the formula leaves out (rows that differ in cost, stragglers, a loader that is too slow)
only adds to it. ``experiments/benchmarks/scaling.py`` measures t₁, the all-reduce alone, and the
step of both together on processes of one machine, and its header compares them with the first
line above.

Reference: Rajbhandari et al., ZeRO: Memory optimizations toward training trillion parameter
models, 2020, section 7, for the bytes of both forms.
"""

from jaxdl.parallel.agreement import agreed as agreed
from jaxdl.parallel.agreement import check_alike as check_alike
from jaxdl.parallel.devices import AXIS as AXIS
from jaxdl.parallel.devices import assert_replicas_equal as assert_replicas_equal
from jaxdl.parallel.devices import data_mesh as data_mesh
from jaxdl.parallel.devices import local as local
from jaxdl.parallel.devices import mesh_of as mesh_of
from jaxdl.parallel.devices import mesh_under as mesh_under
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
from jaxdl.parallel.sharding import constrained as constrained
from jaxdl.parallel.sharding import fully_sharded as fully_sharded
from jaxdl.parallel.sharding import jit_step as jit_step
from jaxdl.parallel.sharding import known_axis as known_axis
from jaxdl.parallel.sharding import shardings as shardings
from jaxdl.parallel.steps import Parallel as Parallel
from jaxdl.parallel.steps import compile_replicated as compile_replicated
from jaxdl.parallel.steps import placement as placement
from jaxdl.parallel.steps import pmap_step as pmap_step
from jaxdl.parallel.steps import resolve as resolve
from jaxdl.parallel.steps import shard_map_step as shard_map_step
