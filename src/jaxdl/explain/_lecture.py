"""The steps of backpropagation in the notation of the lectures."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jax.typing import ArrayLike

from jaxdl.explain._parts import Graph, dense_of

if TYPE_CHECKING:
    from jaxdl.explain._backprop import Backprop, LayerGradient
from jaxdl.explain._stages import LOSS, Stage
from jaxdl.explain._text import matrix, raised

LETTERS = {"kernel": "W", "bias": "b"}


def formulas(
    stage: Stage, stages: Sequence[Stage], graph: Graph, learned: Sequence[str]
) -> tuple[str, ...]:
    """Writes Z, a, δ and the gradients of a layer, with one example per column: W is kernelᵀ."""
    n, source = raised(stage.number), _source(stage, stages)
    dense = dense_of(stage.main, graph)
    if dense is None:
        z = f"{stage.name}({source})"
        gradients = [f"d{_letter(p)}{n} = (∂Z{n}/∂{_letter(p)}{n})ᵀ·δ{n}" for p in learned]
    else:
        z = f"W{n}·{source}" + ("" if dense.bias is None else f" + b{n}")
        made = {
            "W": f"dW{n} = δ{n}·{f'({source})' if len(source) > 1 else source}ᵀ",
            "b": f"db{n} = Σ δ{n} over the examples",
        }
        gradients = [made[_letter(p)] for p in learned if _letter(p) in made]
    a = f"{_sigma(stage)}(Z{n})" if stage.activation else f"Z{n}"
    left = output_name(stage, graph)
    return (f"Z{n} = {z}", f"{left} = {a}", _delta(stage, stages, graph), *gradients)


def output_name(stage: Stage, graph: Graph) -> str:
    """The letter of what a layer computes: ŷ if only the loss asks for it, else a."""
    users = [part for part in graph.parts if stage.a in part.inputs]
    is_output = bool(users) and all(part.name == LOSS for part in users)
    return "ŷ" if is_output else f"a{raised(stage.number)}"


def _sigma(stage: Stage) -> str:
    """The lectures write σ for the sigmoid."""
    return "σ" if stage.activation == "sigmoid" else stage.activation


def steps(run: "Backprop") -> str:
    """Writes a Backprop from the input to the loss, and back."""
    there = [line for row in run.layers for line in _there(row)]
    back = [line for row in reversed(run.layers) for line in _back(row)]
    last = run.layers[-1].formulas[1].split(" = ")[0] if run.layers else "x"
    loss = f"L = {run.loss_name}({last}, y) = {float(run.loss):.6g}"
    said = "An example is a column here, as in the lectures, so W is the kernel transposed."
    return "\n".join([said, "", "forward", *there, loss, "", "backward", *back])


def _there(row: "LayerGradient") -> list[str]:
    lines = [row.formulas[0], _numbers(row, row.z), row.formulas[1]]
    return [*lines, _numbers(row, row.a)] if row.activation else lines


def _back(row: "LayerGradient") -> list[str]:
    lines = [row.formulas[2], _numbers(row, row.delta)]
    for formula, gradient in zip(row.formulas[3:], row.gradient.values(), strict=True):
        lines += [formula, _numbers(row, gradient)]
    return lines


def _numbers(row: "LayerGradient", x: ArrayLike) -> str:
    x = np.asarray(x)
    turned = x.T if x.ndim == 2 else x[:, None] if x.ndim == 1 and row.is_dense else x
    return matrix(turned, "    ")


def _letter(name: str) -> str:
    return LETTERS.get(name, name)


def _source(stage: Stage, stages: Sequence[Stage]) -> str:
    """The symbol of a layer's input."""
    for other in stages:
        if stage.enters is other.a:
            return f"a{raised(other.number)}"
        if stage.enters is other.z:
            return f"Z{raised(other.number)}"
    return "x"


def _delta(stage: Stage, stages: Sequence[Stage], graph: Graph) -> str:
    """δˡ as a sum over all layers that use aˡ, each of which passes its own δ back."""
    n = raised(stage.number)
    terms = [_term(stage, other, graph) for other in stages if stage.a in other.main.inputs]
    taken = [part for part in graph.parts if stage.a in part.inputs]
    if len(taken) > len(terms) or not terms:
        terms.append(f"∂L/∂{output_name(stage, graph)}")
    total = " + ".join(terms)
    if not stage.activation:
        return f"δ{n} = {total}"
    return f"δ{n} = {f'({total})' if len(terms) > 1 else total} ∘ {_sigma(stage)}′(Z{n})"


def _term(stage: Stage, other: Stage, graph: Graph) -> str:
    n, m = raised(stage.number), raised(other.number)
    dense = dense_of(other.main, graph)
    return f"(W{m})ᵀ·δ{m}" if dense is not None else f"(∂Z{m}/∂a{n})ᵀ·δ{m}"
