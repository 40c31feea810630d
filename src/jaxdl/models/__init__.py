"""Networks: functions that return one Layer."""

from jaxdl.models.mlp import mlp as mlp
from jaxdl.models.perceptron import neuron as neuron
from jaxdl.models.perceptron import perceptron as perceptron
from jaxdl.models.perceptron import perceptron_learn as perceptron_learn
from jaxdl.models.perceptron import perceptron_rule as perceptron_rule
from jaxdl.models.regression import logistic_regression as logistic_regression
from jaxdl.models.regression import softmax_regression as softmax_regression
