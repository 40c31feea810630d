"""Networks that ask more of ``explain`` than a chain of dense layers does."""

import jax
import jax.numpy as jnp

from jaxdl import activations, combinators, layers, losses, models, serial

CLASSES = jnp.array([1, 0, 2])


def _targets(size):
    return jnp.linspace(-1.0, 1.0, 3 * size).reshape(3, size)


def chosen():
    """By name: a network, the shape of what goes in, labels, and a loss."""
    dense, tanh = layers.dense, activations.tanh
    twins = serial(dense(4, 4), dense(4, 4), activations.relu)
    nested = serial(first=serial(dense(4, 3), tanh), second=dense(3, 3))
    tree = combinators.branch(dense(4, 3), serial(dense(4, 3), tanh), merge="concat")
    mse, nll = losses.mse_loss, losses.cross_entropy
    return {
        "mlp": (models.mlp((4, 5, 3), activation=tanh), (3, 4), CLASSES, nll),
        "two of one name": (twins, (3, 4), _targets(4), mse),
        "nested": (nested, (3, 4), _targets(3), mse),
        "without bias": (dense(4, 2, bias=False), (3, 4), _targets(2), mse),
        "repeat": (combinators.repeat(serial(dense(4, 4), tanh), 3), (3, 4), _targets(4), mse),
        "residual": (serial(combinators.residual(twins), tanh), (3, 4), _targets(4), mse),
        "branch": (tree, (3, 4), _targets(6), mse),
        "remat": (combinators.remat(twins), (3, 4), _targets(4), mse),
        "frozen": (serial(combinators.frozen(dense(4, 4)), dense(4, 4)), (3, 4), _targets(4), mse),
        "weight_norm": (layers.weight_norm(dense(4, 4)), (3, 4), _targets(4), mse),
        "batch_norm": (serial(dense(4, 4), layers.batch_norm(4), tanh), (3, 4), _targets(4), mse),
        "dropout": (serial(dense(4, 4), layers.dropout(0.5), tanh), (3, 4), _targets(4), mse),
        "convnet": (
            models.convnet((8, 8, 1), 3, widths=(2,), hidden=()),
            (3, 8, 8, 1),
            CLASSES,
            nll,
        ),
        "a function": (jnp.tanh, (3, 4), _targets(4), mse),
    }


def case(name):
    """A network, its params and state, an input, labels and the loss."""
    net, shape, labels, loss = chosen()[name]
    net = combinators.lift(net)
    params, state = jax.jit(net.init)(jax.random.key(1))
    return net, params, state, jax.random.normal(jax.random.key(2), shape), labels, loss


NAMES = tuple(chosen())
