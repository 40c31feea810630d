"""On which devices a run computes, and how."""

from collections.abc import Mapping
from typing import NamedTuple

from jax.sharding import Mesh

from jaxdl.parallel._devices import AXIS, data_mesh
from jaxdl.parallel._sharding import Rule, known_axis
from jaxdl.parallel._steps import Parallel, resolve


class Placement(NamedTuple):
    """On which devices a run computes, and how, for ``train.fit`` and the like.

    Example:
        >>> Placement("shard_map").engine
        'shard_map'
    """

    engine: Parallel = "auto"
    """What runs a step on several devices; ``"auto"`` is ``"jit"``."""

    mesh: Mesh | None = None
    """The devices, of which the axis ``"data"`` shares each batch. Defaults to all devices along
    that axis. A mesh of two axes needs the engine ``"jit"``."""

    rule: Rule | None = None
    """How parameters and optimizer state are split over the mesh, as ``fully_sharded(mesh)`` or
    ``by_path`` say; the engine is ``"jit"``. Defaults to full copies on every device."""

    reproducible: bool = False
    """Whether GPUs of one kind give the same bits in every run, slower in places; CPUs do."""

    donate: bool = False
    """Whether ``fit`` and ``loop`` overwrite the TrainState that they are given: one in memory
    instead of two. That of an Event is then valid only until its hook returns, and a
    ``NonFiniteError`` has none from before the step that failed."""

    compiler_options: Mapping[str, bool | int | str] | None = None
    """Options of XLA for the programs of this run alone, by their names, as
    ``{"xla_gpu_enable_latency_hiding_scheduler": True}``; XLA refuses names it doesn't know."""


EVERYWHERE = Placement()
"""``jit`` over all devices."""


def resolved(function: str, devices: Placement) -> Placement:
    """The placement with its engine and its mesh.

    Raises:
        ValueError: if there is no such engine, or mesh and rule don't fit it.
        TypeError: if it isn't a Placement, or the compiler options aren't a dict.

    Example:
        >>> resolved("fit", Placement()).engine
        'jit'
    """
    if not isinstance(devices, Placement):
        raise TypeError(
            f"{function}: devices is {devices!r}; it must be a parallel.Placement, such as"
            ' parallel.Placement("shard_map")'
        )
    if not isinstance(devices.compiler_options, Mapping | None):
        raise TypeError(
            f"{function}: compiler_options is {devices.compiler_options!r}; it must be a dict of"
            ' XLA\'s options, such as {"xla_cpu_enable_fast_math": False}'
        )
    engine = resolve(devices.engine)
    mesh = data_mesh() if devices.mesh is None else devices.mesh
    known_axis(mesh, AXIS)
    if engine != "jit" and (devices.rule is not None or len(mesh.axis_names) > 1):
        raise ValueError(f'{function}: engine is {engine!r}; a rule, or a second axis, needs "jit"')
    return devices._replace(engine=engine, mesh=mesh)
