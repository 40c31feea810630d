"""Every activation and loss of jaxdl beside its plain jax.numpy form, which functions.py times.

The plain forms are what a textbook says: several overflow, or have another gradient at a kink.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.scipy.special import erf, xlogy

from jaxdl import activations as A
from jaxdl import losses as L

ROWS, COLUMNS = 4096, 1000


class Pair(NamedTuple):
    """A function of jaxdl, its plain form, and the arrays that both take, the first with respect
    to which they are differentiated.
    """

    ours: Callable[..., Any]
    plain: Callable[..., Any]
    arrays: tuple[str, ...] = ("x",)


def arrays() -> dict[str, jax.Array]:
    """Inputs and targets of all kinds, by the names that the pairs ask for."""
    keys = iter(jax.random.split(jax.random.key(0), 12))
    shape = (ROWS, COLUMNS)
    x, y, z = (jax.random.normal(next(keys), shape) for _ in range(3))
    labels = jax.random.randint(next(keys), (ROWS,), 0, COLUMNS)
    distribution = jax.nn.softmax(y)
    bits = (z > 0).astype(jnp.float32)
    return {
        "x": x, "y": y, "z": z, "labels": labels, "distribution": distribution, "bits": bits,
        "signs": 2 * bits - 1, "row_signs": 2 * bits[:, 0] - 1, "log_p": jax.nn.log_softmax(x),
        "p": jax.nn.sigmoid(x), "variance": jnp.exp(z), "counts": jnp.floor(jnp.exp(y)),
        "positive": jnp.exp(x), "slopes": jnp.full(COLUMNS, 0.25),
        "one_hot": jax.nn.one_hot(labels, COLUMNS),
        # Losses of all pairs of a row, or of all pairs of rows, on less of it.
        "small": x[:256, :64], "small_y": y[:256, :64], "small_labels": labels[:256] % 10,
        "several": jnp.where(jnp.arange(64) < 3, jnp.arange(64), -1)[None].repeat(256, 0),
        "frames": jax.nn.log_softmax(x[:, :32].reshape(64, 64, 32)),
        "words": 1 + labels.reshape(64, 64)[:, :16] % 31,
        "frame_counts": jnp.full(64, 64), "word_counts": jnp.full(64, 16),
        "kernel": y[:64] / 8,
    }  # fmt: skip


def pick(values: jax.Array, labels: jax.Array) -> jax.Array:
    """The entry of each row that its label names."""
    return jnp.take_along_axis(values, labels[:, None], axis=1)[:, 0]


def log_softmax(x: jax.Array) -> jax.Array:
    """As a textbook has it, with the maximum taken out."""
    x = x - jax.lax.stop_gradient(x.max(-1, keepdims=True))
    return x - jnp.log(jnp.exp(x).sum(-1, keepdims=True))


def sparsemax(x: jax.Array) -> jax.Array:
    """Algorithm 1 of the paper, differentiated through its sort."""
    ordered = jnp.sort(x, axis=-1, descending=True)
    sums, rank = ordered.cumsum(-1), jnp.arange(1, x.shape[-1] + 1, dtype=x.dtype)
    size = (1 + rank * ordered > sums).sum(-1, keepdims=True)
    threshold = (jnp.take_along_axis(sums, size - 1, -1) - 1) / size
    return jnp.maximum(x - threshold, 0)


def angle(a: jax.Array, b: jax.Array) -> jax.Array:
    """Cosine of the angle between rows."""
    norm = lambda v: jnp.maximum(jnp.linalg.norm(v, axis=-1), 1e-8)
    return (a * b).sum(-1) / (norm(a) * norm(b))


def distance(a: jax.Array, b: jax.Array) -> jax.Array:
    """Euclidean distance of rows."""
    return jnp.linalg.norm(a - b + 1e-6, axis=-1)


def binary(x: jax.Array, t: jax.Array) -> jax.Array:
    """Binary cross entropy of logits."""
    return jnp.logaddexp(x, 0) - x * t


def circle(x: jax.Array, labels: jax.Array) -> jax.Array:
    """The formula of the paper over all pairs of rows."""
    x = x / jnp.linalg.norm(x, axis=-1, keepdims=True)
    s, same = x @ x.T, labels[:, None] == labels
    itself = jnp.eye(len(x), dtype=bool)
    near = jnp.where(same & ~itself, -80 * jnp.maximum(1.4 - s, 0) * (s - 0.6), -jnp.inf)
    far = jnp.where(~same, 80 * jnp.maximum(s + 0.4, 0) * (s - 0.4), -jnp.inf)
    lse = lambda v: jax.nn.logsumexp(v, axis=-1)
    return jnp.logaddexp(lse(near) + lse(far), 0).mean()


def multilabel_margin(x: jax.Array, labels: jax.Array) -> jax.Array:
    """All pairs of a right and a wrong class."""
    right = (jnp.arange(x.shape[1])[:, None] == labels[:, None, :]).any(-1)
    gaps = jnp.maximum(1 - x[:, :, None] + x[:, None, :], 0)
    return jnp.where(right[:, :, None] & ~right[:, None, :], gaps, 0).sum((1, 2)).mean() / 64


def info_nce(a: jax.Array, b: jax.Array) -> jax.Array:
    """Cross entropy of each row's own partner."""
    unit = lambda v: v / jnp.linalg.norm(v, axis=-1, keepdims=True)
    return -jnp.diagonal(log_softmax(unit(a) @ unit(b).T / 0.1)).mean()


def ctc(log_p: jax.Array, words: jax.Array, frames: jax.Array, counts: jax.Array) -> jax.Array:
    """That of optax, in PyTorch's layout and with its mean."""
    no = jnp.zeros
    each = optax.ctc_loss(log_p, no(log_p.shape[:2]), words, no(words.shape))
    return (each / counts).mean()


cut = lambda x: jnp.split(x, 2, -1)
sigmoid = lambda x: 1 / (1 + jnp.exp(-x))
normal = lambda x: 0.5 * x * (1 + erf(x / 2**0.5))
tanh_gelu = lambda x: 0.5 * x * (1 + jnp.tanh((2 / jnp.pi) ** 0.5 * (x + 0.044715 * x**3)))
focal = lambda x: (1 - jnp.exp(x)) ** 2
overlap = lambda p, t: (1 - 2 * (p * t).sum(1) / (p.sum(1) + t.sum(1) + 1e-7)).mean()
noise = lambda x: jax.random.gumbel(jax.random.key(0), x.shape)
huber = lambda d: jnp.where(abs(d) < 1, 0.5 * d * d, abs(d) - 0.5)
gumbel_softmax = lambda x: A.gumbel_softmax(x, key=jax.random.key(0))

ACTIVATIONS = {
    "identity": Pair(A.identity, lambda x: x),
    "step": Pair(A.step, lambda x: (x >= 0).astype(x.dtype)),
    "relu": Pair(A.relu, lambda x: jnp.maximum(x, 0)),
    "relu6": Pair(A.relu6, lambda x: jnp.clip(x, 0, 6)),
    "elu": Pair(A.elu, lambda x: jnp.where(x > 0, x, jnp.expm1(jnp.minimum(x, 0)))),
    "celu": Pair(A.celu, lambda x: jnp.maximum(x, 0) + jnp.expm1(jnp.minimum(x, 0))),
    "selu": Pair(
        A.selu, lambda x: 1.0507 * jnp.where(x > 0, x, 1.67326 * jnp.expm1(jnp.minimum(x, 0)))
    ),
    "leaky_relu": Pair(A.leaky_relu, lambda x: jnp.where(x > 0, x, 0.01 * x)),
    "prelu": Pair(A.prelu, lambda x, w: jnp.where(x > 0, x, w * x), ("x", "slopes")),
    "rrelu": Pair(A.rrelu, lambda x: jnp.where(x > 0, x, 11 / 48 * x)),
    "gelu": Pair(A.gelu, normal),
    "gelu-tanh": Pair(lambda x: A.gelu(x, approximate="tanh"), tanh_gelu),
    "sigmoid": Pair(A.sigmoid, sigmoid),
    "silu": Pair(A.silu, lambda x: x * sigmoid(x)),
    "swish": Pair(A.swish, lambda x: x * sigmoid(1.0 * x)),
    "logsigmoid": Pair(A.logsigmoid, lambda x: -jnp.logaddexp(-x, 0)),
    "hardsigmoid": Pair(A.hardsigmoid, lambda x: jnp.clip(x / 6 + 0.5, 0, 1)),
    "hardswish": Pair(A.hardswish, lambda x: x * jnp.clip(x / 6 + 0.5, 0, 1)),
    "hardtanh": Pair(A.hardtanh, lambda x: jnp.clip(x, -1, 1)),
    "hardshrink": Pair(A.hardshrink, lambda x: jnp.where(abs(x) > 0.5, x, 0)),
    "softshrink": Pair(A.softshrink, lambda x: jnp.sign(x) * jnp.maximum(abs(x) - 0.5, 0)),
    "threshold": Pair(
        lambda x: A.threshold(x, threshold=0.5, value=2.0), lambda x: jnp.where(x > 0.5, x, 2.0)
    ),
    "tanh": Pair(A.tanh, jnp.tanh),
    "tanhshrink": Pair(A.tanhshrink, lambda x: x - jnp.tanh(x)),
    "mish": Pair(A.mish, lambda x: x * jnp.tanh(jnp.logaddexp(x, 0))),
    "softplus": Pair(A.softplus, lambda x: jnp.logaddexp(x, 0)),
    "softsign": Pair(A.softsign, lambda x: x / (1 + abs(x))),
    "squareplus": Pair(A.squareplus, lambda x: (x + jnp.sqrt(x * x + 4)) / 2),
    "glu": Pair(A.glu, lambda x: cut(x)[0] * sigmoid(cut(x)[1])),
    "geglu": Pair(A.geglu, lambda x: cut(x)[0] * normal(cut(x)[1])),
    "swiglu": Pair(A.swiglu, lambda x: cut(x)[0] * cut(x)[1] * sigmoid(cut(x)[1])),
    "maxout": Pair(
        lambda x: A.maxout(x, pieces=4), lambda x: x.reshape(ROWS, COLUMNS // 4, 4).max(-1)
    ),
    "softmax": Pair(A.softmax, jax.nn.softmax),
    "log_softmax": Pair(A.log_softmax, log_softmax),
    "softmin": Pair(A.softmin, lambda x: jax.nn.softmax(-x)),
    "gumbel_softmax": Pair(gumbel_softmax, lambda x: jax.nn.softmax(x + noise(x))),
    "sparsemax": Pair(A.sparsemax, sparsemax),
    "normalize": Pair(
        A.normalize,
        lambda x: x / jnp.maximum(jnp.linalg.norm(x, axis=-1, keepdims=True), 1e-12),
    ),
}
XY, SIGNED, CLASSED = ("x", "y"), ("x", "signs"), ("x", "labels")
ONE_HOT, SHARES = ("x", "one_hot"), ("x", "distribution")
TRIPLE = ("x", "y", "z")
LOSSES = {
    "l1_loss": Pair(L.l1_loss, lambda x, t: abs(x - t).mean(), XY),
    "mse_loss": Pair(L.mse_loss, lambda x, t: jnp.square(x - t).mean(), XY),
    "smooth_l1_loss": Pair(L.smooth_l1_loss, lambda x, t: huber(x - t).mean(), XY),
    "huber_loss": Pair(L.huber_loss, lambda x, t: huber(x - t).mean(), XY),
    "log_cosh": Pair(
        L.log_cosh, lambda x, t: (jnp.logaddexp(x - t, t - x) - jnp.log(2.0)).mean(), XY
    ),
    "mean_absolute_percentage_error": Pair(
        L.mean_absolute_percentage_error,
        lambda x, t: 100 * (abs(x - t) / jnp.maximum(abs(t), 1e-7)).mean(),
        XY,
    ),
    "mean_squared_logarithmic_error": Pair(
        L.mean_squared_logarithmic_error,
        lambda x, t: jnp.square(jnp.log1p(x) - jnp.log1p(t)).mean(),
        ("positive", "counts"),
    ),
    "poisson_nll_loss": Pair(
        L.poisson_nll_loss, lambda x, t: (jnp.exp(x) - t * x).mean(), ("x", "counts")
    ),
    "gaussian_nll_loss": Pair(
        L.gaussian_nll_loss,
        lambda x, t, v: (
            0.5 * (jnp.log(jnp.maximum(v, 1e-6)) + (x - t) ** 2 / jnp.maximum(v, 1e-6)).mean()
        ),
        ("x", "y", "variance"),
    ),
    "kl_div": Pair(L.kl_div, lambda x, t: (xlogy(t, t) - t * x).mean(), ("log_p", "distribution")),
    "cross_entropy": Pair(L.cross_entropy, lambda x, y: -pick(log_softmax(x), y).mean(), CLASSED),
    "cross_entropy-probabilities": Pair(
        L.cross_entropy, lambda x, t: -(t * log_softmax(x)).sum(-1).mean(), SHARES
    ),
    "nll_loss": Pair(L.nll_loss, lambda x, y: -pick(x, y).mean(), ("log_p", "labels")),
    "binary_cross_entropy": Pair(
        L.binary_cross_entropy,
        lambda p, t: -(t * jnp.log(p) + (1 - t) * jnp.log1p(-p)).mean(),
        ("p", "bits"),
    ),
    "binary_cross_entropy_with_logits": Pair(
        L.binary_cross_entropy_with_logits, lambda x, t: binary(x, t).mean(), ("x", "bits")
    ),
    "multilabel_soft_margin_loss": Pair(
        L.multilabel_soft_margin_loss, lambda x, t: binary(x, t).mean(-1).mean(), ("x", "bits")
    ),
    "binary_focal_cross_entropy": Pair(
        L.binary_focal_cross_entropy,
        lambda x, t: (focal(-binary(x, t)) * binary(x, t)).mean(),
        ("x", "bits"),
    ),
    "categorical_focal_cross_entropy": Pair(
        L.categorical_focal_cross_entropy,
        lambda x, t: -(0.25 * focal(log_softmax(x)) * t * log_softmax(x)).sum(-1).mean(),
        ONE_HOT,
    ),
    "generalized_cross_entropy": Pair(
        L.generalized_cross_entropy,
        lambda x, y: ((1 - pick(jax.nn.softmax(x), y) ** 0.7) / 0.7).mean(),
        CLASSED,
    ),
    "soft_margin_loss": Pair(
        L.soft_margin_loss, lambda x, t: jnp.logaddexp(-t * x, 0).mean(), SIGNED
    ),
    "hinge": Pair(L.hinge, lambda x, t: jnp.maximum(1 - t * x, 0).mean(), SIGNED),
    "squared_hinge": Pair(
        L.squared_hinge, lambda x, t: jnp.maximum(1 - t * x, 0).__pow__(2).mean(), SIGNED
    ),
    "perceptron_loss": Pair(L.perceptron_loss, lambda x, t: jnp.maximum(-t * x, 0).mean(), SIGNED),
    "hinge_embedding_loss": Pair(
        L.hinge_embedding_loss,
        lambda x, t: jnp.where(t == 1, x, jnp.maximum(1 - x, 0)).mean(),
        SIGNED,
    ),
    "categorical_hinge": Pair(
        L.categorical_hinge,
        lambda x, t: jnp.maximum(((1 - t) * x).max(-1) - (t * x).sum(-1) + 1, 0).mean(),
        ONE_HOT,
    ),
    "multi_margin_loss": Pair(
        L.multi_margin_loss,
        lambda x, y: (jnp.maximum(1 - pick(x, y)[:, None] + x, 0).sum(-1) - 1).mean() / COLUMNS,
        CLASSED,
    ),
    "multilabel_margin_loss": Pair(
        L.multilabel_margin_loss, multilabel_margin, ("small", "several")
    ),
    "margin_ranking_loss": Pair(
        L.margin_ranking_loss,
        lambda a, b, t: jnp.maximum(-t * (a - b), 0).mean(),
        ("x", "y", "signs"),
    ),
    "cosine_embedding_loss": Pair(
        L.cosine_embedding_loss,
        lambda a, b, t: jnp.where(t == 1, 1 - angle(a, b), jnp.maximum(angle(a, b), 0)).mean(),
        ("x", "y", "row_signs"),
    ),
    "triplet_margin_loss": Pair(
        L.triplet_margin_loss,
        lambda a, p, n: jnp.maximum(distance(a, p) - distance(a, n) + 1, 0).mean(),
        TRIPLE,
    ),
    "triplet_margin_with_distance_loss": Pair(
        L.triplet_margin_with_distance_loss,
        lambda a, p, n: jnp.maximum(distance(a, p) - distance(a, n) + 1, 0).mean(),
        TRIPLE,
    ),
    "cosine_similarity": Pair(L.cosine_similarity, angle, XY),
    "pairwise_distance": Pair(L.pairwise_distance, distance, XY),
    "dice": Pair(L.dice, overlap, ("p", "bits")),
    "tversky": Pair(L.tversky, overlap, ("p", "bits")),
    "circle": Pair(L.circle, circle, ("small", "small_labels")),
    "info_nce": Pair(L.info_nce, info_nce, ("small", "small_y")),
    "ctc_loss": Pair(L.ctc_loss, ctc, ("frames", "words", "frame_counts", "word_counts")),
    "linear_cross_entropy": Pair(
        L.linear_cross_entropy,
        lambda x, w, y: -pick(log_softmax(x @ w), y).mean(),
        ("small", "kernel", "small_labels"),
    ),
}
