"""A small vision transformer on Imagenette from scratch, in bfloat16, on all devices there are.

Ten classes of ImageNet, 160 × 160 pixels. Random crops, mirrors, mixup and smoothed labels, all on
the device. TFDS has to prepare the data once, on a machine with a network and TensorFlow.

Command:  python experiments/imagenette_vit.py [--data-dir DIR]
Result:   not measured yet for want of the data; tested on synthetic images
Time:     not measured yet
"""

import dataclasses
from pathlib import Path

import jax.numpy as jnp
import optax

import harness
from jaxdl import data, layers, losses, metrics, models, serial, train
from jaxdl.types import Layer, LossFn

# --- Config ---------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Config(harness.Config):
    """The flags of this experiment."""

    output: Path = Path("runs/imagenette_vit")
    """folder for numbers, checkpoints and pictures"""
    epochs: int = 200
    """passes over the training part"""
    data_dir: Path | None = None
    """folder of the copy that TFDS prepared. Defaults to the usual places"""
    size: int = 160
    """height and width of the resized images, a multiple of the patch size"""
    patch_size: int = 16
    """pixels of a patch's side"""
    features: int = 192
    """of a position: ViT-Ti's, a multiple of 64"""
    blocks: int = 12
    """of the transformer"""
    batch_size: int = 256
    """images per step, over all devices"""
    learning_rate: float = 1e-3
    """of AdamW, the highest; it rises over a twentieth of the run and falls as a half cosine"""
    weight_decay: float = 0.05
    """of AdamW"""
    mixup: float = 0.2
    """parameter of the Beta distribution of mixing weights"""
    smoothing: float = 0.1
    """probability that label smoothing spreads over all classes"""
    bfloat16: bool = True
    """compute in bfloat16; parameters stay in float32"""


# --- Data -----------------------------------------------------------------------------------------


def load(config: Config) -> data.Dataset:
    """9,469 images to train on and 3,925 to test; a twentieth of the first validates."""
    dataset = harness.load(
        "imagenette/160px-v2",
        config,
        data_dir=config.data_dir,
        image_size=(config.size, config.size),
    )
    tested = dataset._replace(validation=None, test=dataset.validation)
    return data.hold_out(tested, 0.05)


def changes(config: Config, classes: int) -> tuple[train.BatchFn, ...]:
    """What happens to a batch before the network sees it."""
    return (
        data.augment(data.random_resized_crop, data.random_flip),
        train.mixup(config.mixup, classes=classes),
        train.label_smoothing(config.smoothing, classes=classes),
    )


# --- Model ----------------------------------------------------------------------------------------


def network(config: Config, classes: int) -> Layer:
    """Bytes to [−1, 1], then the vision transformer."""
    dtype = jnp.bfloat16 if config.bfloat16 else jnp.float32
    net = models.vit(
        (config.size, config.size, 3),
        classes,
        patch_size=config.patch_size,
        n_features=config.features,
        n_heads=config.features // 64,
        n_layers=config.blocks,
    )
    return serial(layers.rescale(2 / 255, -1.0, dtype=dtype), net)


# --- Loss and step --------------------------------------------------------------------------------


def objective(
    config: Config, net: Layer, dataset: data.Dataset
) -> tuple[LossFn, optax.GradientTransformation]:
    """Cross entropy with probabilities; AdamW with clipped gradients and a schedule."""
    loss_fn = train.supervised(
        net,
        losses.cross_entropy,
        metrics={"accuracy": metrics.accuracy},
        compute_dtype=jnp.bfloat16 if config.bfloat16 else None,
    )
    steps = config.epochs * -(-len(dataset.train["labels"]) // config.batch_size)
    rate = optax.warmup_cosine_decay_schedule(0.0, config.learning_rate, steps // 20, steps)
    tx = optax.adamw(rate, weight_decay=config.weight_decay)
    return loss_fn, optax.chain(optax.clip_by_global_norm(1.0), tx)


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
        batch_fns=changes(config, len(dataset.classes)),
    )


def report(config: Config, trained: harness.Trained) -> harness.Report:
    """Test accuracy, the history, images with predictions, and which classes are confused."""
    return harness.classification(config, trained)


if __name__ == "__main__":
    harness.main(Config, build, report, __doc__)
