"""One step on many devices: the same body under ``jit``, ``pmap`` and ``shard_map``.

A step made with ``make_step(loss_fn, tx)`` runs under ``jit``; one made with
``make_step(loss_fn, tx, axis_name="data")`` under ``pmap`` and ``shard_map``. All take the same
TrainState and the same global batch and return the same numbers: ``pmap`` and ``shard_map`` to the
bit, ``jit`` up to rounding. Where a device sees only its own rows, numbers differ by design under
``pmap`` and ``shard_map``: each device draws its own dropout and augmentation, without the axis
name ``batch_norm`` computes statistics of its own rows, and a loss whose rows interact, such as a
contrastive one, sees only those unless it gathers all with ``train.all_rows``. ``train.fit(…,
devices=Placement("shard_map"))`` runs whole epochs this way, on all available devices.

**A model larger than one device**: ``fit(…, devices=Placement(rule=fully_sharded(mesh)))``
splits parameters and optimizer state over the devices of ``data_mesh()``; with
``mesh_of(data=4, model=2)`` a rule ``by_path`` splits kernels over a second axis. ``jit_step``
does the same for your own loop. If no single device can hold even the initial TrainState, draw it
in parts, with the same numbers::

    start = lambda key: train.init_state(net, tx, key)
    split = shardings(jax.eval_shape(start, key), mesh, rule)
    train_state = jax.jit(start, out_shardings=split)(key)

**Several processes**, on one machine or on many, are one run::

    python -m jaxdl.parallel.launch --processes 4 --restarts 2 script.py      # on this machine
    srun --ntasks 16 python script.py                                # on a cluster

The script calls ``parallel.initialize()`` before anything else of JAX, and is otherwise written as
for one process: all processes call ``fit``, ``evaluate``, ``predict``, hooks and checkpoints with
the same arguments, and get the same results. Each process has the whole of a Dataset, but only its
share of a Stream's batches: a ``data.Reader`` reads only that, and any other source must give each
process its own rows, the same number as the others. Only process 0 writes files and shows progress
(``is_primary``); it also makes decisions that depend on a clock or a disk
(``broadcast_from_primary``). SIGTERM to one process, or a cluster's preemption notice, stops all of
them after the same step, with a checkpoint (``stopping``). If a process is lost, the others end
within ``heartbeat`` seconds, and the run can resume from its newest checkpoint on any number of
processes and devices.

**Several CPU devices**, real or fake, never run a program that JAX has kept on disk (its
``jax_compilation_cache_dir``): read back, it has lost the order of its collectives, and sometimes
gives wrong numbers. Each function that makes or takes a mesh of several turns that cache off.

How fast will a cluster be? A step takes t₁ seconds to compute on one device with its share of the
rows. With B bytes of parameters, links of s bytes per second in each direction and a latency of d
seconds per message, communication between N devices takes:

===================================  =======================================================
data parallel                        2·(N − 1)/N·B/s + 2·(N − 1)·d, one all-reduce of gradients
fully sharded                        3·(N − 1)/N·B/s, parameters gathered twice, gradients
                                     reduced and scattered once
data × model, N = D·M                2·(D − 1)/D·B/(M·s), and for each layer split over M devices
                                     two all-reduces of its activations among them
===================================  =======================================================

The efficiency of weak scaling is t₁ / (t₁ + what isn't hidden behind the backward pass): XLA
hides sums of gradients behind it on GPUs and TPUs, not on CPUs. For 100 million parameters in
float32 (B = 400 MB), 8 devices send 700 MB each: 1.6 ms at the 450 GB/s of an H100's NVLink, 14 ms
over 400 Gbit/s Ethernet, 0.6 s over 10 Gbit/s. A step of 50 ms then scales at 97 %, 78 % and 8 %.
What the formula leaves out (rows that differ in cost, stragglers, a loader that is too slow) only
adds to it. ``experiments/benchmarks/scaling.py`` measures t₁, the all-reduce alone, and the step of
both together on processes of one machine, and its header compares them with the first line above.

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
