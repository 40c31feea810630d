"""Pictures of data, training and results, readable on a slide; each function returns its figure.

matplotlib is imported when a picture is drawn. Figures have no global state: save them with
``figure.savefig("name.png")``, or end a notebook cell with one. Colours are safe for colour-blind
readers, and lines differ in their dashes, too.
"""

from jaxdl import _face
from jaxdl.plots._attention import attention
from jaxdl.plots._backward import backpropagation, backpropagation_animation
from jaxdl.plots._blocks import blocks
from jaxdl.plots._boundaries import boundary, boundary_animation
from jaxdl.plots._classification import calibration, confusion, roc
from jaxdl.plots._distributions import histograms
from jaxdl.plots._dropout import dropout
from jaxdl.plots._features import features, features_animation
from jaxdl.plots._films import animation_gif, save_animation
from jaxdl.plots._functions import activations, losses
from jaxdl.plots._graph import graph
from jaxdl.plots._images import attributions, feature_maps, filters, images, predictions
from jaxdl.plots._links import attention_animation, attention_links
from jaxdl.plots._networks import network
from jaxdl.plots._neuron import neuron
from jaxdl.plots._outputs import multi_output
from jaxdl.plots._populations import population
from jaxdl.plots._sets import nested_sets
from jaxdl.plots._sliding import convolution, convolution_animation
from jaxdl.plots._style import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, signed_colours
from jaxdl.plots._surfaces import (
    descent,
    descent_animation,
    landscape,
    rosenbrock,
    surface_paths,
)
from jaxdl.plots._training import compare, history
from jaxdl.plots._transformer import transformer_block
from jaxdl.plots._unrolled import unrolled

__all__ = [
    "BLUE",
    "GREEN",
    "GREY",
    "ORANGE",
    "PURPLE",
    "SKY",
    "activations",
    "animation_gif",
    "attention",
    "attention_animation",
    "attention_links",
    "attributions",
    "backpropagation",
    "backpropagation_animation",
    "blocks",
    "boundary",
    "boundary_animation",
    "calibration",
    "compare",
    "confusion",
    "convolution",
    "convolution_animation",
    "descent",
    "descent_animation",
    "dropout",
    "feature_maps",
    "features",
    "features_animation",
    "filters",
    "graph",
    "histograms",
    "history",
    "images",
    "landscape",
    "losses",
    "multi_output",
    "nested_sets",
    "network",
    "neuron",
    "population",
    "predictions",
    "roc",
    "rosenbrock",
    "save_animation",
    "signed_colours",
    "surface_paths",
    "transformer_block",
    "unrolled",
]

__doc__ = _face.index(globals())
