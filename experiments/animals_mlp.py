"""A multilayer perceptron tells ten animals apart by their silhouettes, with no download at all.

Command:  python experiments/animals_mlp.py
Result:   test accuracy 0.913 ± 0.003 (mean ± standard deviation of seeds 0 to 4)
Time:     6 s of training and 2 s of compilation; 15 s in all, on 2 CPU cores
Reference: scikit-learn's MLPClassifier(hidden_layer_sizes=(128, 64)) reaches 0.88 to 0.89
"""

import dataclasses
from pathlib import Path

import optax

import harness
from jaxdl import data, initializers, layers, losses, metrics, models, serial, train
from jaxdl.types import Layer, LossFn

# --- Config ---------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Config(harness.Config):
    """The flags of this experiment."""

    output: Path = Path("runs/animals_mlp")
    """folder for numbers, checkpoints and pictures"""
    epochs: int = 40
    """passes over the training part"""
    batch_size: int = 128
    """images per step"""
    hidden: tuple[int, ...] = (512, 256)
    """units of each hidden layer"""
    rate: float = 0.4
    """dropout of the hidden units"""
    learning_rate: float = 2e-3
    """initial value; it falls to 0 along half a cosine"""
    weight_decay: float = 1e-2
    """of AdamW"""


# --- Data -----------------------------------------------------------------------------------------


def load(config: Config) -> data.Dataset:
    """9,716 silhouettes of 28x28 that come with jaxdl, split 80/10/10."""
    return harness.load("animals", config)


# --- Model ----------------------------------------------------------------------------------------


def network(config: Config, classes: int) -> Layer:
    """Bytes to [0, 1], image to vector, dense layers with relu and dropout."""
    sizes = (28 * 28, *config.hidden, classes)
    # He's initialisation keeps the variance of relu layers; 3 points better than PyTorch's here.
    mlp = models.mlp(sizes, rate=config.rate, init=initializers.he_default)
    return serial(layers.rescale(1 / 255), layers.flatten(axes=3), mlp)


# --- Loss and step --------------------------------------------------------------------------------


def objective(
    config: Config, net: Layer, dataset: data.Dataset
) -> tuple[LossFn, optax.GradientTransformation]:
    """Cross entropy, AdamW and a cosine schedule over the whole run."""
    loss_fn = train.supervised(net, losses.cross_entropy, metrics={"accuracy": metrics.accuracy})
    steps = config.epochs * -(-len(dataset.train["labels"]) // config.batch_size)
    schedule = optax.cosine_decay_schedule(config.learning_rate, steps)
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
    )


def report(config: Config, trained: harness.Trained) -> harness.Report:
    """Test accuracy, the history, images with predictions, and which classes are confused."""
    return harness.classification(config, trained)


if __name__ == "__main__":
    harness.main(Config, build, report, __doc__)
