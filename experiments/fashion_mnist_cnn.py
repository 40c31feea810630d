"""Convolutional networks on Fashion-MNIST: two convolutions, and a larger network by ``--large``.

The small network has two convolutions and fewer than 100,000 parameters; half of its training
images are mirrored at random. The large one has six convolutions with batch normalisation, and in
evaluation it averages its answers for an image and the mirror image.

Command:  python experiments/fashion_mnist_cnn.py --seed 0
          python experiments/fashion_mnist_cnn.py --large --epochs 12 --seed 0
Result:   test accuracy, mean ± standard deviation of --seed 0, 1 and 2: 0.9276 ± 0.0006 with 75,114
          parameters, and 0.9414 ± 0.0022 with 298,410. Four convolutions of 48 to 192 had 0.934 on
          the validation part after 4 epochs, these six 0.936; the mirror image adds 0.002 to 0.004
Time:     37 s of CPU time an epoch, 190 s for the large network; one core of a CPU
Reference: 0.925 for two convolutions with pooling and fewer than 100,000 parameters, in the table
          of github.com/zalandoresearch/fashion-mnist
"""

import dataclasses
from pathlib import Path

import jax
import jax.numpy as jnp
import optax

import harness
from jaxdl import (
    activations,
    data,
    initializers,
    layers,
    losses,
    metrics,
    models,
    optim,
    serial,
    train,
)
from jaxdl.types import Array, Key, Layer, LossFn, Params, PyTree, State

# --- Config ---------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Config(harness.Config):
    """The flags of this experiment."""

    output: Path = Path("runs/fashion_mnist_cnn")
    """folder for numbers, checkpoints and pictures"""
    epochs: int = 20
    """passes over the training part"""
    large: bool = False
    """the network of six convolutions, with batch normalisation"""
    data_dir: Path | None = None
    """folder of the data. Defaults to the usual places"""
    batch_size: int = 128
    """images per step"""
    learning_rate: float = 3e-3
    """highest value, after a quarter of the run; it rises and falls along half cosines"""
    weight_decay: float = 1e-2
    """of AdamW"""
    rate: float = 0.3
    """dropout before the dense layer"""


# --- Data -----------------------------------------------------------------------------------------


def load(config: Config) -> data.Dataset:
    """55,000 images to train on, 5,000 to validate, 10,000 to test."""
    dataset = harness.load("fashion_mnist", config, data_dir=config.data_dir)
    return data.hold_out(dataset, 1 / 12)


MIRROR = data.augment(data.random_flip)

# --- Model ----------------------------------------------------------------------------------------


def network(config: Config) -> Layer:
    """Bytes to [0, 1], then either network."""
    if config.large:
        return both_ways(serial(layers.rescale(1 / 255), large(config)))
    net = models.convnet(
        (28, 28, 1), 10, widths=(32, 96), hidden=(), rate=config.rate, init=initializers.he_default
    )
    return serial(layers.rescale(1 / 255), net)


def large(config: Config) -> Layer:
    """Three pairs of convolutions, with batch normalisation and relu; a pool after each pair."""
    block = lambda n_in, n_out: (
        layers.conv(n_in, n_out, (3, 3), padding=1, bias=False, init=initializers.he_default),
        layers.batch_norm(n_out),
        activations.relu,
    )
    pair = lambda n_in, n_out: (*block(n_in, n_out), *block(n_out, n_out), layers.max_pool((2, 2)))
    head = layers.flatten(axes=3), layers.dropout(config.rate), layers.dense(9 * 128, 10)
    return serial(*pair(1, 32), *pair(32, 64), *pair(64, 128), *head)


def both_ways(net: Layer) -> Layer:
    """In evaluation, averages what a network says of an image and of its mirror image."""

    def apply(
        params: Params, state: State, x: PyTree, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        y, after = net.apply(params, state, x, key=key, train=train)
        if train:
            return y, after
        return (y + net.apply(params, state, jnp.flip(x, axis=-2))[0]) / 2, after

    return Layer(net.init, apply)


# --- Loss and step --------------------------------------------------------------------------------


def objective(
    config: Config, net: Layer, dataset: data.Dataset
) -> tuple[LossFn, optax.GradientTransformation]:
    """Cross entropy, AdamW and one cycle of the learning rate over the whole run."""
    loss_fn = train.supervised(net, losses.cross_entropy, metrics={"accuracy": metrics.accuracy})
    steps = config.epochs * -(-len(dataset.train["labels"]) // config.batch_size)
    schedule = optim.one_cycle(config.learning_rate, steps)
    return loss_fn, optax.adamw(schedule, weight_decay=config.weight_decay)


# --- Run and report -------------------------------------------------------------------------------


def build(config: Config) -> harness.Run:
    """What is to be trained."""
    dataset = load(config)
    net = network(config)
    loss_fn, tx = objective(config, net, dataset)
    return harness.Run(
        dataset,
        net,
        loss_fn,
        tx,
        epochs=config.epochs,
        batch_size=config.batch_size,
        batch_fns=(MIRROR,),
    )


def report(config: Config, trained: harness.Trained) -> harness.Report:
    """Test accuracy, the history, images with predictions, and which classes are confused."""
    size = sum(x.size for x in jax.tree.leaves(trained.train_state.params))
    print(f"{size:,} parameters")
    return harness.classification(config, trained)


if __name__ == "__main__":
    harness.main(Config, build, report, __doc__)
