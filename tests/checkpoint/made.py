"""Small TrainStates and the events of a run that trains none."""

import jax
import jax.numpy as jnp

from jaxdl import train


def tree(step=0):
    """A TrainState whose numbers are its step."""
    kernel = {"kernel": jnp.full((20, 5), step, jnp.float32)}
    return train.TrainState(jnp.int32(step), kernel, (), (), jax.random.key(7))


def row(step, **metrics):
    """A row of the history, of an epoch of four steps."""
    return {"epoch": step // 4, "step": step, **metrics}


def events(*hooks, epochs=6, metrics=lambda epoch: {}, last="finish"):
    """Tells hooks of a run of so many epochs of four steps; returns its end."""
    history = []
    for epoch in range(1, epochs + 1):
        history.append(row(4 * epoch, **metrics(epoch)))
        for hook in hooks:
            hook(train.Event("epoch", tree(4 * epoch), history, epochs))
    for hook in hooks:
        hook(train.Event(last, tree(4 * epochs), history, epochs))
    return tree(4 * epochs)


def steps(directory):
    """The steps of the checkpoints that lie in a directory."""
    return [int(path.name) for path in sorted(directory.glob("*"))]
