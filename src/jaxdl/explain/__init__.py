"""Inside a network: forward and backward pass layer by layer, checks, sizes, and what matters.

``trace``, ``backprop``, ``gradient_flow``, ``dead_units`` and ``summary`` work on any Layer: they
read the operations that JAX traces, each of which carries the name of the layer it belongs to.
What they give is data, and ``print`` shows it as a table, or as the lectures write it.
"""

from jaxdl.explain.attribution import Nearest as Nearest
from jaxdl.explain.attribution import integrated_gradients as integrated_gradients
from jaxdl.explain.attribution import nearest_examples as nearest_examples
from jaxdl.explain.attribution import saliency as saliency
from jaxdl.explain.backprop import Backprop as Backprop
from jaxdl.explain.backprop import LayerGradient as LayerGradient
from jaxdl.explain.backprop import backprop as backprop
from jaxdl.explain.check import GradientCheck as GradientCheck
from jaxdl.explain.check import LeafCheck as LeafCheck
from jaxdl.explain.check import first_nonfinite as first_nonfinite
from jaxdl.explain.check import gradient_check as gradient_check
from jaxdl.explain.flow import GradientFlow as GradientFlow
from jaxdl.explain.flow import LayerFlow as LayerFlow
from jaxdl.explain.flow import gradient_flow as gradient_flow
from jaxdl.explain.landscape import Landscape as Landscape
from jaxdl.explain.landscape import landscape as landscape
from jaxdl.explain.summary import LayerSize as LayerSize
from jaxdl.explain.summary import Summary as Summary
from jaxdl.explain.summary import summary as summary
from jaxdl.explain.trace import LayerTrace as LayerTrace
from jaxdl.explain.trace import Trace as Trace
from jaxdl.explain.trace import dead_units as dead_units
from jaxdl.explain.trace import trace as trace
