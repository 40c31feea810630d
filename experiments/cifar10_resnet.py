"""A residual network of twenty layers on CIFAR-10, in bfloat16, on all devices there are.

Images are flipped and shifted at random on the device; SGD with Nesterov momentum and a cosine
schedule. The set is downloaded once.

Command:  python experiments/cifar10_resnet.py [--depth 20] [--data-dir DIR]
Result:   not measured yet for want of the data; tested on synthetic images
Time:     not measured yet
Reference: test error 8.75 % with 20 layers, 6.97 % with 56, He et al., 2016, table 6
"""

import dataclasses
import functools
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import optax

import harness
from jaxdl import data, losses, metrics, models, regularizers, serial, train
from jaxdl.types import Array, Layer, LossFn

# --- Config ---------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Config(harness.Config):
    """The flags of this experiment."""

    output: Path = Path("runs/cifar10_resnet")
    """folder for numbers, checkpoints and pictures"""
    epochs: int = 160
    """passes over the training part"""
    data_dir: Path | None = None
    """folder of the data. Defaults to the usual places, and a download"""
    depth: int = 20
    """layers with kernels, 6n + 2"""
    batch_size: int = 128
    """images per step, over all devices"""
    learning_rate: float = 0.1
    """of SGD, the highest; it rises over five epochs and falls to 0 as a half cosine"""
    weight_decay: float = 1e-4
    """weight of half the sum of squared parameters in the loss"""
    bfloat16: bool = True
    """compute in bfloat16; parameters stay in float32"""


# --- Data -----------------------------------------------------------------------------------------


def load(config: Config) -> data.Dataset:
    """45,000 images to train on, 5,000 to validate, 10,000 to test."""
    dataset = harness.load("cifar10", config, data_dir=config.data_dir)
    for line in data.describe_problems(data.problems(dataset)):
        print(f"note: {line}")
    return data.hold_out(dataset, 0.1)


AUGMENT = data.augment(data.random_flip, functools.partial(data.random_crop, padding=4))

# --- Model ----------------------------------------------------------------------------------------


def network(config: Config, scaling: data.Scaling) -> Layer:
    """Bytes, standardised by channel, through a residual network."""
    dtype = jnp.bfloat16 if config.bfloat16 else jnp.float32
    return serial(
        standard=functools.partial(standard, scaling=scaling, dtype=dtype),
        resnet=models.resnet_cifar(config.depth),
    )


def standard(x: Array, *, scaling: data.Scaling, dtype: Any) -> Array:
    """Bytes to numbers of mean 0 and deviation 1 in each channel."""
    mean, std = (jnp.broadcast_to(jnp.float32(v), x.shape) for v in scaling)
    return ((x.astype(jnp.float32) - mean) / std).astype(dtype)


# --- Loss and step --------------------------------------------------------------------------------


def objective(
    config: Config, net: Layer, dataset: data.Dataset
) -> tuple[LossFn, optax.GradientTransformation]:
    """Cross entropy with a penalty on the squared parameters; SGD with Nesterov momentum."""
    loss_fn = train.supervised(
        net,
        losses.cross_entropy,
        metrics={"accuracy": metrics.accuracy},
        regularizer=lambda params: config.weight_decay / 2 * regularizers.l2_penalty(params),
        compute_dtype=jnp.bfloat16 if config.bfloat16 else None,
    )
    steps = -(-len(dataset.train["labels"]) // config.batch_size)
    warmup = steps * min(5, config.epochs // 2)
    rate = optax.warmup_cosine_decay_schedule(
        0.0, config.learning_rate, warmup, steps * config.epochs
    )
    return loss_fn, optax.sgd(rate, momentum=0.9, nesterov=True)


# --- Run and report -------------------------------------------------------------------------------


def build(config: Config) -> harness.Run:
    """What is to be trained."""
    dataset = load(config)
    net = network(config, data.fit_scaling(dataset.train["inputs"], axis=(0, 1, 2)))
    loss_fn, tx = objective(config, net, dataset)
    return harness.Run(
        dataset,
        net,
        loss_fn,
        tx,
        epochs=config.epochs,
        batch_size=config.batch_size,
        batch_fns=(AUGMENT,),
    )


def report(config: Config, trained: harness.Trained) -> harness.Report:
    """Test accuracy, the history, images with predictions, and which classes are confused."""
    return harness.classification(config, trained)


if __name__ == "__main__":
    harness.main(Config, build, report, __doc__)
