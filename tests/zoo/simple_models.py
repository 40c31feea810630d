"""Neurons, linear models and convolutional networks."""

from jaxdl import initializers, models
from zoo.row import Row

ROWS = [
    Row("neuron", models.neuron(4), (4,)),
    Row("perceptron", models.perceptron(4, init=initializers.torch_default), (4,)),
    Row("logistic regression", models.logistic_regression(4), (4,), fixed_init=True),
    Row("softmax regression", models.softmax_regression(4, 3), (4,), fixed_init=True),
]
