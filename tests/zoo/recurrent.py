"""Recurrent layers and models."""

import functools

from jaxdl import layers, models
from zoo.row import Row

_relu = functools.partial(layers.rnn, nonlinearity="relu")

ROWS = [
    Row("rnn", layers.rnn(3, 4), (5, 3)),
    Row("lstm", layers.lstm(3, 4, recurrent_bias=True), (5, 3)),
    Row("gru, last state", layers.gru(3, 4, last=True), (5, 3)),
    Row(
        "lstm, two layers in both directions",
        layers.lstm(3, 2, depth=2, bidirectional=True, rate=0.4),
        (4, 3),
        stochastic=True,
    ),
    Row(
        "sequence_classifier of tokens",  # no example has token 7, see the embedding's row
        models.sequence_classifier(3, 2, 2, n_tokens=8, padding_index=7, bidirectional=True),
        (4,),
        classes=7,
        composed=True,
    ),
    Row(
        "sequence_classifier",
        models.sequence_classifier(3, 4, 2, cell=_relu),
        (5, 3),
        composed=True,
    ),
    Row(
        "sequence_to_sequence", models.sequence_to_sequence(3, 4, 2, steps=2), (4, 3), composed=True
    ),
]
