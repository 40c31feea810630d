"""All layers, combinators and models in one table; the laws in test_layers.py run over its rows."""

from zoo import basic, combined, simple_models
from zoo.row import Row as Row
from zoo.row import example as example

ZOO = [*basic.ROWS, *combined.ROWS, *simple_models.ROWS]
