"""Layers as the lectures count them: the pre-activation Z and the activation after it."""

from typing import NamedTuple

from jaxdl.explain._parts import Graph, Part, Var, is_elementwise, is_floating
from jaxdl.types import Array

LOSS = "the loss"


class Stage(NamedTuple):
    """A layer and its activation."""

    label: str  # unique in a network, such as "1 dense(784, 128)"
    number: str  # "1", "2" … for layers that learn; "1′" for what follows layer 1
    name: str
    activation: str  # "" if there is none
    main: Part
    after: Part | None
    enters: Var
    z: Var
    a: Var


def stages_of(graph: Graph) -> tuple[Stage, ...]:
    """Joins each activation to the layer before it, and numbers the layers."""
    parts = [part for part in graph.parts if part.name != LOSS and _results(part, graph)]
    stages: list[Stage] = []
    learners, others = 0, 0
    for part in parts:
        if stages and _follows(part, stages[-1], graph):
            stages[-1] = stages[-1]._replace(after=part, activation=part.name, a=part.outputs[0])
            continue
        learns = bool(weights(part, graph))
        learners, others = (learners + 1, 0) if learns else (learners, others + 1)
        mark = ("", "′", "″", "‴")[others] if others < 4 else f"′{others}"
        number, name = f"{learners}{mark}", part.name or "layer"
        z = _results(part, graph)[0]
        enters = next(v for v in part.inputs if v in graph.data)
        stages.append(Stage(f"{number} {name}", number, name, "", part, None, enters, z, z))
    return tuple(stages)


def weights(part: Part, graph: Graph) -> dict[str, Var]:
    """The parameters that a part uses, by the last words of their paths."""
    variables = [v for v in part.inputs if v in graph.learned and v not in graph.data]
    paths = [graph.paths.get(v, f"{i}").split("[")[0].split("/") for i, v in enumerate(variables)]
    shared = 0
    while len({tuple(path[:shared]) for path in paths}) == 1 and all(
        len(path) > shared for path in paths
    ):
        shared += 1
    return {"/".join(path[shared - 1 :]): v for path, v in zip(paths, variables, strict=True)}


def units(stage: Stage, x: Array) -> tuple[int, ...]:
    """The axes of a stage's result that are not its units: an example, a place, a moment."""
    rank = stage.a.aval.ndim
    only = rank == 1 and x.ndim > 1  # one number per example: a single unit
    return tuple(range(rank if only else rank - 1))


def _results(part: Part, graph: Graph) -> list[Var]:
    """The outputs of a part that depend on the data; the network's own results come first."""
    results = [v for v in part.outputs if is_floating(v) and v in graph.data]
    return sorted(results, key=lambda v: v not in graph.results)


def _follows(part: Part, stage: Stage, graph: Graph) -> bool:
    """Whether a part is the activation of a stage: the only one that reads its Z."""
    if stage.after is not None or part.inputs != (stage.z,) or not is_elementwise(part):
        return False
    return sum(stage.z in other.inputs for other in graph.parts) == 1
