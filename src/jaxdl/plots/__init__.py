"""Pictures of data, training and results, readable on a slide; each function returns its figure.

matplotlib is imported when a picture is drawn. Figures belong to no global state: save them with
``figure.savefig("name.png")``, or end a notebook cell with one. Colours can be told apart by
everybody, and lines differ in their dashes too.
"""

from jaxdl.plots.attention import attention as attention
from jaxdl.plots.boundaries import boundary as boundary
from jaxdl.plots.boundaries import boundary_animation as boundary_animation
from jaxdl.plots.boundaries import save_animation as save_animation
from jaxdl.plots.classification import calibration as calibration
from jaxdl.plots.classification import confusion as confusion
from jaxdl.plots.classification import roc as roc
from jaxdl.plots.distributions import histograms as histograms
from jaxdl.plots.functions import activations as activations
from jaxdl.plots.functions import losses as losses
from jaxdl.plots.images import attributions as attributions
from jaxdl.plots.images import feature_maps as feature_maps
from jaxdl.plots.images import filters as filters
from jaxdl.plots.images import images as images
from jaxdl.plots.images import predictions as predictions
from jaxdl.plots.networks import blocks as blocks
from jaxdl.plots.networks import network as network
from jaxdl.plots.style import BLUE as BLUE
from jaxdl.plots.style import GREEN as GREEN
from jaxdl.plots.style import GREY as GREY
from jaxdl.plots.style import ORANGE as ORANGE
from jaxdl.plots.style import PURPLE as PURPLE
from jaxdl.plots.style import SKY as SKY
from jaxdl.plots.style import signed_colours as signed_colours
from jaxdl.plots.surfaces import descent as descent
from jaxdl.plots.surfaces import landscape as landscape
from jaxdl.plots.surfaces import rosenbrock as rosenbrock
from jaxdl.plots.surfaces import surface_paths as surface_paths
from jaxdl.plots.training import compare as compare
from jaxdl.plots.training import history as history
