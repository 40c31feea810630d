"""Layers that do more in training: most are random, one adds to the loss."""

from jaxdl import layers
from zoo.row import Row

_features = layers.feature_alpha_dropout(0.4, axes=2)

ROWS = [
    Row("feature_dropout", layers.feature_dropout(0.4, axes=2), (3, 5), stochastic=True),
    Row("drop_path", layers.drop_path(0.4, axes=2), (2, 3), stochastic=True),
    Row("alpha_dropout", layers.alpha_dropout(0.4), (6,), stochastic=True),
    Row("feature_alpha_dropout", _features, (3, 5), stochastic=True),
    Row("gaussian_noise", layers.gaussian_noise(0.4), (6,), stochastic=True),
    Row("gaussian_dropout", layers.gaussian_dropout(0.4), (6,), stochastic=True),
    Row(
        "activity_regularizer",
        layers.activity_regularizer(l1=0.3, l2=0.1),
        (6,),
        across_rows=True,
        fixed_init=True,
    ),
    Row("rrelu", layers.rrelu(), (6,), stochastic=True),
]
