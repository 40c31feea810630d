"""One step on many devices: the same body under ``jit``, ``pmap`` and ``shard_map``.

A step made with ``make_step(loss_fn, tx)`` runs under ``jit``; one made with
``make_step(loss_fn, tx, axis_name="data")`` under ``pmap`` and ``shard_map``. All take the same
TrainState and the same global batch and give the same numbers: ``pmap`` and ``shard_map`` to the
bit, ``jit`` to rounding. Where a device sees its own rows alone numbers differ by design under
``pmap`` and ``shard_map``: each device draws its own dropout and augmentation, statistics of
``batch_norm`` are those of its rows unless it has the axis's name, and a loss whose rows meet, as a
contrastive one, meets only those unless it gathers them by ``train.all_rows``. ``train.fit(…,
devices=Placement("shard_map"))`` runs whole epochs so, on all devices there are.

**A model larger than one device**: ``fit(…, devices=Placement(rule=fully_sharded(mesh)))``
splits parameters and optimizer state over the devices of ``data_mesh()``; with
``mesh_of(data=4, model=2)`` a rule ``by_path`` splits kernels over a second axis. ``jit_step``
does the same for your own loop. Where no device could hold the TrainState even to begin
with, it is drawn in its parts, to the same numbers::

    start = lambda key: train.init_state(net, tx, key)
    split = shardings(jax.eval_shape(start, key), mesh, rule)
    train_state = jax.jit(start, out_shardings=split)(key)

**Several processes**, on one machine or on many, are one run::

    python -m jaxdl.parallel.launch --processes 4 --restarts 2 script.py      # on this machine
    srun --ntasks 16 python script.py                                # on a cluster

where the script says ``parallel.initialize()`` before it asks JAX for anything, and then does what
it would do alone: ``fit``, ``evaluate``, ``predict``, hooks and checkpoints are called by all
processes, with the same arguments, and give each of them the same. Each process has the whole of a
Dataset, and of a Stream's batches its share: a ``data.Reader`` reads only that, and what else gives
batches gives each process its own rows, as many as the others'. Process 0 alone writes files and
shows progress (``is_primary``); what a clock or a disk decides, it decides for all
(``broadcast_from_primary``). SIGTERM to one process, or a cluster's notice, stops all of them after
the same step, with a checkpoint (``stopping``). When a process is lost the others end within
``heartbeat`` seconds, and the run resumes from its newest checkpoint, on as many processes and
devices as there are then.

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

from jaxdl import _face
from jaxdl.parallel._broadcast import assert_same_across_processes, broadcast_from_primary
from jaxdl.parallel._devices import (
    AXIS,
    assert_replicas_equal,
    data_mesh,
    local,
    mesh_of,
    mesh_under,
    put,
    replicate,
    shard_batch,
    unreplicate,
)
from jaxdl.parallel._placement import Placement
from jaxdl.parallel._processes import global_batch, initialize, is_primary, share_of
from jaxdl.parallel._sharding import (
    Rule,
    by_path,
    constrained,
    fully_sharded,
    jit_step,
    known_axis,
    shardings,
)
from jaxdl.parallel._steps import (
    Parallel,
    compile_replicated,
    placement,
    pmap_step,
    resolve,
    shard_map_step,
)
from jaxdl.parallel._stopping import stopping

__all__ = [
    "AXIS",
    "Parallel",
    "Placement",
    "Rule",
    "assert_replicas_equal",
    "assert_same_across_processes",
    "broadcast_from_primary",
    "by_path",
    "compile_replicated",
    "constrained",
    "data_mesh",
    "fully_sharded",
    "global_batch",
    "initialize",
    "is_primary",
    "jit_step",
    "known_axis",
    "local",
    "mesh_of",
    "mesh_under",
    "placement",
    "pmap_step",
    "put",
    "replicate",
    "resolve",
    "shard_batch",
    "shard_map_step",
    "shardings",
    "share_of",
    "stopping",
    "unreplicate",
]

__doc__ = _face.index(globals())
