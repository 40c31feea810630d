"""A small convolutional network tells ten animals apart, far better than the multilayer perceptron.

Command:  python experiments/animals_cnn.py [--seeds 3]
Result:   test accuracy 0.981 ± 0.005 (mean ± standard deviation of seeds 0 to 2)
Time:     138 s of CPU time a seed, one core of a CPU
Reference: experiments/animals_mlp.py on the same split reaches 0.913 ± 0.003
"""

import dataclasses
from pathlib import Path

import optax

import harness
from jaxdl import data, initializers, layers, losses, metrics, models, optim, serial, train
from jaxdl.types import Layer, LossFn

# --- Config ---------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Config(harness.Config):
    """The flags of this experiment."""

    output: Path = Path("runs/animals_cnn")
    """folder for numbers, checkpoints and pictures"""
    epochs: int = 24
    """passes over the training part"""
    batch_size: int = 128
    """images per step"""
    widths: tuple[int, ...] = (32, 64, 128)
    """channels of each convolution, which pooling follows"""
    rate: float = 0.4
    """dropout before each dense layer"""
    learning_rate: float = 3e-3
    """highest value; it rises over the first 0.3 of the run, then falls"""
    weight_decay: float = 2e-2
    """of AdamW"""


# --- Data -----------------------------------------------------------------------------------------


def load(config: Config) -> data.Dataset:
    """9,716 silhouettes of 28x28 that come with jaxdl, split 80/10/10."""
    return harness.load("animals", config)


MIRROR = data.augment(data.random_flip)  # a cat that looks to the left is a cat

# --- Model ----------------------------------------------------------------------------------------


def network(config: Config, classes: int) -> Layer:
    """Bytes to [0, 1]; three convolutions with pooling; two dense layers with dropout."""
    net = models.convnet(
        (28, 28, 1),
        classes,
        widths=config.widths,
        hidden=(128,),
        rate=config.rate,
        init=initializers.he_default,
    )
    return serial(layers.rescale(1 / 255), net)


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
    net = network(config, len(dataset.classes))
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
    return harness.classification(config, trained)


if __name__ == "__main__":
    harness.main(Config, build, report, __doc__)
