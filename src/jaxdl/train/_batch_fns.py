"""Functions ``(key, batch) -> batch`` that change what the loss sees in training.

They keep ``batch["labels"]``, so that metrics count the true classes, and put class probabilities
into ``batch["targets"]``, which the loss prefers.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from numpy.typing import ArrayLike as NumpyLike

from jaxdl import _checks
from jaxdl._checked import checked
from jaxdl._checks import ShapeError, describe
from jaxdl._plain import plain_numbers
from jaxdl.data._dataset import check_named, has
from jaxdl.train._step import BatchFn
from jaxdl.types import Array, Batch, Key


@plain_numbers
def label_smoothing(rate: float | Array, *, classes: int) -> BatchFn:
    """Moves a fraction ε of each label's probability to a uniform distribution over all classes.

    p ← (1 − ε)·p + ε/C, where p is the one-hot label, or ``batch["targets"]`` if present.

    Args:
        rate: ε in [0, 1).
        classes: C.

    Returns:
        A batch function for ``make_step`` and ``fit``; the loss must accept probabilities as
        labels, like ``losses.cross_entropy``.

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> batch = {"inputs": jnp.ones((1, 2)), "labels": jnp.array([1])}
        >>> label_smoothing(0.1, classes=2)(None, batch)["targets"]
        Array([[0.05, 0.95]], dtype=float32)

    Reference:
        Szegedy et al., "Rethinking the Inception architecture for computer vision", 2016.
    """
    _checks.in_unit_interval("label_smoothing", "rate", rate)
    _checks.positive_ints("label_smoothing", classes=classes)

    def smooth(key: Key, batch: Batch) -> Batch:
        targets = _targets("label_smoothing", batch, classes)
        return {**batch, "targets": (1 - rate) * targets + rate / classes}

    return smooth


@checked
def mixup(alpha: float, *, classes: int) -> BatchFn:
    """Mixes each row with another of its batch: x ← λ·xᵢ + (1 − λ)·xⱼ, and p likewise.

    Each batch draws one λ ~ Beta(α, α). Row j is a random offset away from row i among the rows of
    nonzero weight; since batches are shuffled, it is a random row.

    Args:
        alpha: α > 0; the larger, the closer λ is to 1/2.
        classes: number of classes.

    Returns:
        A batch function for ``make_step`` and ``fit``. Integer inputs, such as image bytes, become
        float32. Under ``pmap`` and ``shard_map`` each device draws its own λ and mixes its own
        rows.

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> batch = {"inputs": jnp.array([[0.0], [1.0]]), "labels": jnp.array([0, 1])}
        >>> mixed = mixup(0.2, classes=2)(jax.random.key(0), batch)
        >>> bool((mixed["targets"][:, 1] == mixed["inputs"][:, 0]).all())
        True

    Reference:
        Zhang et al., "mixup: beyond empirical risk minimization", 2018.
    """
    _checks.positive_ints("mixup", classes=classes)
    if not alpha > 0:
        raise ValueError(f"mixup: alpha is {alpha}; it must be above 0")

    def mix(key: Key, batch: Batch) -> Batch:
        check_named("mixup", batch, "inputs", "the batch")
        share_key, row_key = jax.random.split(key)
        share = jax.random.beta(share_key, alpha, alpha, dtype=jnp.float32)
        partner = _partners(row_key, batch)
        blend = lambda x: share.astype(x.dtype) * x + (1 - share).astype(x.dtype) * x[partner]
        inputs = jax.tree.map(lambda x: blend(_floating(x)), batch["inputs"])
        return {**batch, "inputs": inputs, "targets": blend(_targets("mixup", batch, classes))}

    return mix


def class_weights(weights: NumpyLike) -> BatchFn:
    """Weights rows by their class: w ← w·c[label].

    The loss is then Σ wᵢ·lᵢ / Σ wᵢ, the same as ``losses.cross_entropy(…, weight=c)``, on any
    number of devices. Training metrics are weighted too; validation metrics aren't. A label beyond
    the last class makes the loss nan.

    Args:
        weights: c, one per class.

    Returns:
        A batch function for ``make_step`` and ``fit``.

    Raises:
        ValueError: if a weight is negative or not a number, or if all are 0.

    Example:
        >>> batch = {"inputs": jnp.ones((3, 2)), "labels": jnp.array([0, 1, 1])}
        >>> class_weights([1.0, 5.0])(None, batch)["weight"]
        Array([1., 5., 5.], dtype=float32)
    """
    try:
        of_class = np.asarray(weights, np.float32)
    except (TypeError, ValueError):
        of_class = np.array(np.nan)
    right = of_class.ndim == 1 and np.isfinite(of_class).all() and (of_class >= 0).all()
    if not right or not of_class.any():
        raise ValueError(
            f"class_weights: weights is {_checks.shown(weights)}; it needs a finite number of at"
            " least 0 per class, and one above 0"
        )

    def weigh(key: Key, batch: Batch) -> Batch:
        labels = _classes("class_weights", batch)
        # nan for a class without a weight; labels below 0, such as -100, are left to the loss.
        weight = jnp.asarray(of_class).at[labels].get(mode="fill", fill_value=jnp.nan)
        weight = jnp.where(labels < 0, 1, weight)
        rows = batch.get("weight", jnp.ones(len(labels), jnp.float32))
        return {
            **batch,
            "weight": weight * rows.reshape(rows.shape + (1,) * (weight.ndim - rows.ndim)),
        }

    return weigh


def _floating(x: ArrayLike) -> Array:
    x = jnp.asarray(x)
    return x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(jnp.float32)


def _targets(function: str, batch: Batch, classes: int) -> Array:
    """The class probabilities of a batch, float32 of shape (…, classes)."""
    if not has(batch, "targets"):
        return jax.nn.one_hot(_classes(function, batch), classes, dtype=jnp.float32)
    targets = jnp.asarray(batch["targets"], jnp.float32)
    if targets.shape[-1] != classes:
        raise ShapeError(f"{function}: classes is {classes}, targets are {describe(targets)}")
    return targets


def _classes(function: str, batch: Batch) -> Array:
    check_named(function, batch, "labels", "the batch")
    labels = jnp.asarray(batch["labels"])
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise TypeError(f"{function}: labels are {describe(labels)}; it needs integers, classes")
    return labels


def _partners(key: Key, batch: Batch) -> Array:
    """A partner of nonzero weight for each row: the row itself only if there is no other."""
    size = len(jax.tree.leaves(batch)[0])
    counts = batch["weight"] != 0 if "weight" in batch else jnp.ones(size, bool)
    counts = counts.reshape(size, -1).any(axis=1)
    real = jnp.argsort(~counts, stable=True)  # rows that count come first
    number = jnp.maximum(jnp.sum(counts, dtype=jnp.int32), 1)
    further = jax.random.randint(key, (), 1, jnp.maximum(number, 2))
    place = jnp.zeros(size, jnp.int32).at[real].set(jnp.arange(size, dtype=jnp.int32))
    return real[(place + further) % number]
