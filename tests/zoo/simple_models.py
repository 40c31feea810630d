"""Neurons, linear models and convolutional networks."""

from jaxdl import initializers, models
from zoo.row import Row

ROWS = [
    Row("neuron", models.neuron(4), (4,), composed=True),
    Row("perceptron", models.perceptron(4, init=initializers.torch_default), (4,), composed=True),
    Row("logistic regression", models.logistic_regression(4), (4,), fixed_init=True),
    Row(
        "convnet",
        models.convnet((8, 8, 2), 3, widths=(3, 4), hidden=(5,)),
        (8, 8, 2),
        composed=True,
    ),
    Row(
        "convnet, normalised",
        models.convnet((5, 4, 1), 3, widths=(2,), hidden=(), batch_norm=True, rate=0.4),
        (5, 4, 1),
        stochastic=True,
        across_rows=True,
        composed=True,
    ),
    Row("lenet5", models.lenet5(3), (28, 28, 1), composed=True),
    Row(
        "resnet_cifar",
        models.resnet_cifar(8, 3, width=2),
        (8, 8, 3),
        across_rows=True,
        composed=True,
    ),
    Row("softmax regression", models.softmax_regression(4, 3), (4,), fixed_init=True),
]
