"""Inside a network: forward and backward pass layer by layer, checks, sizes, and what matters.

``trace``, ``backprop``, ``gradient_flow``, ``dead_units`` and ``summary`` work on any Layer: they
read the operations that JAX traces, each of which carries the name of the layer it belongs to.
They return data, which ``print`` shows as a table or in the notation of the lectures.
"""

from jaxdl import _face
from jaxdl.explain._attribution import Nearest, integrated_gradients, nearest_examples, saliency
from jaxdl.explain._backprop import Backprop, LayerGradient, backprop
from jaxdl.explain._check import GradientCheck, LeafCheck, first_nonfinite, gradient_check
from jaxdl.explain._flow import GradientFlow, LayerFlow, gradient_flow
from jaxdl.explain._graph import Node, graph
from jaxdl.explain._landscape import Landscape, landscape
from jaxdl.explain._summary import LayerSize, Summary, summary
from jaxdl.explain._trace import LayerTrace, Trace, dead_units, trace

__all__ = [
    "Backprop",
    "GradientCheck",
    "GradientFlow",
    "Landscape",
    "LayerFlow",
    "LayerGradient",
    "LayerSize",
    "LayerTrace",
    "LeafCheck",
    "Nearest",
    "Node",
    "Summary",
    "Trace",
    "backprop",
    "dead_units",
    "first_nonfinite",
    "gradient_check",
    "gradient_flow",
    "graph",
    "integrated_gradients",
    "landscape",
    "nearest_examples",
    "saliency",
    "summary",
    "trace",
]

__doc__ = _face.index(globals())
