"""Prediction with a population: mean probabilities, and how much its members disagree."""

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jaxdl import _checks
from jaxdl import metrics as metrics_lib
from jaxdl._checked import checked
from jaxdl.train._evaluate import predict
from jaxdl.train._step import TrainState
from jaxdl.types import Array, Key, Layer, Params, PyTree, State, named


class Prediction(NamedTuple):
    """What an ensemble of M members predicts for N rows."""

    probabilities: np.ndarray  # (N, classes), the mean over members
    disagreement: np.ndarray  # (N,), the share of members whose class isn't the ensemble's
    information: np.ndarray  # (N,), nats: entropy of the mean minus mean entropy
    members: np.ndarray  # (M, N, classes), log-probabilities


Predict: TypeAlias = Callable[[ArrayLike], Prediction]


@checked
def ensemble(net: Layer, states: TrainState, *, batch_size: int = 1000) -> Predict:
    """Makes an ensemble classifier of M members: p(c | x) = 1/M Σₘ pₘ(c | x).

    Args:
        net: the members' common network, from inputs to logits.
        states: TrainStates of M members along a first axis, as from ``sweep.states``.
        batch_size: rows at a time.

    Returns:
        A function from inputs of shape (N, …) to a Prediction.

    Raises:
        ValueError: if the states have no first axis in common.

    Example:
        >>> from jaxdl import layers
        >>> import optax
        >>> from jaxdl.train import init_state
        >>> some = [init_state(layers.dense(2, 3), optax.sgd(0.1), jax.random.key(i))
        ...         for i in range(4)]
        >>> states = jax.tree.map(lambda *x: jnp.stack(x), *some)
        >>> prediction = ensemble(layers.dense(2, 3), states)(np.ones((5, 2), "f"))
        >>> prediction.probabilities.shape, prediction.members.shape
        ((5, 3), (4, 5, 3))

    Reference:
        Lakshminarayanan et al., "Simple and scalable predictive uncertainty estimation using deep
        ensembles", 2017.
    """
    sizes = {np.shape(x)[:1] for x in jax.tree.leaves((states.params, states.state))}
    if len(sizes) != 1 or sizes == {()}:
        raise ValueError("sweep.ensemble: states must have one first axis of members; those of one"
                         f" member have none; found {sorted(sizes)}")  # fmt: skip
    together = _population(net)

    def of(inputs: ArrayLike) -> Prediction:
        log_p = predict(together, states, inputs, batch_size=batch_size).swapaxes(0, 1)
        return combine(log_p)

    return of


def combine(log_probabilities: ArrayLike) -> Prediction:
    """Averages the predictions of members.

    Args:
        log_probabilities: shape (M, N, classes).

    Returns:
        A Prediction.

    Example:
        >>> said = np.log([[[0.9, 0.1]], [[0.3, 0.7]]])
        >>> combine(said).probabilities.round(2).tolist(), combine(said).disagreement.tolist()
        ([[0.6, 0.4]], [0.5])
    """
    log_p = np.asarray(log_probabilities, np.float64)
    p = np.exp(log_p)
    mean = p.mean(axis=0)
    apart = (log_p.argmax(axis=-1) != mean.argmax(axis=-1)).mean(axis=0)
    entropy = lambda p: -(p * np.log(np.maximum(p, 1e-300))).sum(axis=-1)
    return Prediction(mean, apart, entropy(mean) - entropy(p).mean(axis=0), log_p)


@checked
def evaluate_ensemble(
    prediction: Prediction, labels: ArrayLike, *, bins: int = 15
) -> dict[str, float]:
    """Compares an ensemble with its members: accuracy, likelihood, calibration.

    Args:
        prediction: a Prediction for N rows.
        labels: class indices, shape (N,).
        bins: number of bins for the calibration error.

    Returns:
        ``accuracy``, ``negative_log_likelihood`` and ``calibration_error`` of the ensemble, the
        same as ``member_…``, means over members, and the mean ``disagreement``.

    Raises:
        ShapeError: if the shapes don't fit.

    Example:
        >>> found = evaluate_ensemble(combine(np.log([[[0.9, 0.1]], [[0.3, 0.7]]])), [0])
        >>> found["accuracy"], found["member_accuracy"]
        (1.0, 0.5)
    """
    log_p = np.log(np.maximum(prediction.probabilities, 1e-30))
    _checks.same_shape("sweep.evaluate_ensemble", probabilities=log_p[:, 0], labels=labels)
    each = [_measured(member, labels, bins) for member in prediction.members]
    alone = {f"member_{k}": float(np.mean([m[k] for m in each])) for k in each[0]}
    apart = {"disagreement": float(prediction.disagreement.mean())}
    return _measured(log_p, labels, bins) | alone | apart


def _population(net: Layer) -> Layer:
    """A Layer of all members: rows stay the first axis of the result."""

    def apply_fn(
        params: Params, state: State, x: ArrayLike, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        one = lambda params, state: jax.nn.log_softmax(net.apply(params, state, x)[0])
        return jax.vmap(one, out_axes=1)(params, state), state

    return named("ensemble", net.init, apply_fn)


def _measured(log_p: np.ndarray, labels: ArrayLike, bins: int) -> dict[str, float]:
    logits, labels = jnp.asarray(log_p, jnp.float32), np.asarray(labels)
    sums: Mapping[str, PyTree] = {
        "accuracy": metrics_lib.accuracy(logits, labels),
        "negative_log_likelihood": metrics_lib.negative_log_likelihood(logits, labels),
    }
    apart = metrics_lib.calibration(logits, labels, bins=bins)
    error = metrics_lib.expected_calibration_error(apart)
    return metrics_lib.compute(sums) | {"calibration_error": float(error)}
