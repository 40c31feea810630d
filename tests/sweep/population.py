"""What the tests of populations share: a small dataset and a run with numbers to sweep."""

import numpy as np

from jaxdl import activations, data, initializers, losses, metrics, models, optim, sweep, train


def part(n, seed=0):
    x = np.random.default_rng(seed).normal(size=(n, 5)).astype("float32")
    return {"inputs": x, "labels": x[:, :3].argmax(1).astype("int32")}


TEST = part(30, 2)
DATASET = data.Dataset(part(50), part(21, 1), TEST)


def make_run(learning_rate=1e-2, rate=0.0, smoothing=0.0, width=8, activation=activations.relu):
    net = models.mlp((5, width, 3), rate=rate, activation=activation)
    measured = {"accuracy": metrics.accuracy}
    loss_fn = train.supervised(net, losses.cross_entropy, metrics=measured)
    fns = (train.label_smoothing(smoothing, classes=3),)
    return sweep.Run(net, loss_fn, optim.adam(learning_rate), fns)


def scaled(scale, learning_rate=0.1):
    """A run whose initialisation is swept too."""
    default = initializers.torch_default
    init = default._replace(kernel=lambda *a: scale * default.kernel(*a))
    net = models.mlp((5, 8, 3), init=init)
    return sweep.Run(net, train.supervised(net, losses.cross_entropy), optim.sgd(learning_rate))


OPTIONS = {"epochs": 3, "batch_size": 16}
