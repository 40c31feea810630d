"""Notebooks show networks and what they learned by treescope."""

import jax
import optax
import pytest
import treescope

from jaxdl import layers, serial, train
from jaxdl.activations import relu


@pytest.mark.filterwarnings("ignore:The chararray class:DeprecationWarning")  # of NumPy 2.5
@pytest.mark.filterwarnings("ignore:numpy.core:DeprecationWarning")  # if a package imports that
def test_a_layer_shows_as_what_it_is_and_a_train_state_with_its_arrays():
    net = serial(layers.dense(4, 3), relu, layers.dense(3, 2))
    assert repr(net) in treescope.render_to_text(("net", net))
    state = train.init_state(net, optax.sgd(0.1), jax.random.key(0))
    shown = treescope.render_to_text(state)
    assert "TrainState(" in shown and "'kernel': " in shown and "float32(4, 3)" in shown
