"""Writes what jaxdl computes for the networks that the playground's tests train.

    python tests/playground/golden.py              # all, in three minutes
    python tests/playground/golden.py batches l1   # these alone, the rest stays

writes docs/playground/test/golden.json: for every activation, loss and optimizer that the
playground offers, the weights at the start and the loss of each of 100 steps; and the random
numbers, toy sets, splits and orders of rows that lead there.
"""

import functools
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxdl import activations, data, losses, models, optim, regularizers, train
from jaxdl.data._dataset import parts
from jaxdl.train._order import shuffled
from jaxdl.types import Array, Params

FILE = Path(__file__).parents[2] / "docs/playground/test/golden.json"
STEPS = 100

DEFAULTS: dict[str, Any] = {
    "data": "moons",
    "points": 61,
    "noise": 0.1,
    "share": 0.5,
    "dataSeed": 1,
    "features": ["x", "y"],
    "hidden": [4, 3],
    "activation": "tanh",
    "loss": "binary_cross_entropy_with_logits",
    "optimizer": "adam",
    "rate": 0.03,
    "batch": 0,
    "l1": 0.0,
    "l2": 0.0,
    "dropout": 0.0,
    "seed": 3,
}

ACTIVATIONS = [
    "tanh",
    "relu",
    "sigmoid",
    "identity",
    "leaky_relu",
    "elu",
    "celu",
    "selu",
    "gelu",
    "silu",
    "mish",
    "softplus",
    "squareplus",
    "softsign",
    "logsigmoid",
    "tanhshrink",
    "hardtanh",
    "hardsigmoid",
    "hardswish",
    "hardshrink",
    "softshrink",
    "relu6",
    "step",
]

BINARY = [
    "binary_cross_entropy_with_logits",
    "mse_loss",
    "l1_loss",
    "huber_loss",
    "log_cosh",
    "hinge",
    "squared_hinge",
    "soft_margin_loss",
    "perceptron_loss",
    "binary_focal_cross_entropy",
    "cross_entropy",
    "multi_margin_loss",
]
OF_CLASSES = ("cross_entropy", "multi_margin_loss")
OF_NUMBERS = ("mse_loss", "l1_loss", "huber_loss", "log_cosh")
OF_BITS = ("binary_cross_entropy_with_logits", "binary_focal_cross_entropy")

OPTIMIZERS: dict[str, Callable[[float], optax.GradientTransformation]] = {
    "sgd": optim.sgd,
    "momentum": functools.partial(optim.sgd, momentum=0.9),
    "nesterov": functools.partial(optim.sgd, momentum=0.9, nesterov=True),
    "adam": optim.adam,
    "adamw": optim.adamw,
    "amsgrad": functools.partial(optim.adam, amsgrad=True),
    "adamax": optim.adamax,
    "nadam": optim.nadam,
    "radam": optim.radam,
    "rmsprop": optim.rmsprop,
    "adagrad": optim.adagrad,
    "adadelta": optim.adadelta,
    "adafactor": optim.adafactor,
    "asgd": optim.asgd,
    "rprop": optim.rprop,
}
RATES = {"sgd": 0.3, "nadam": 0.01, "rmsprop": 0.01, "adagrad": 0.03, "adadelta": 1.0}
RATES |= {"adafactor": 0.01, "asgd": 0.3, "rprop": 0.001}

FEATURES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "x": lambda x: x[:, 0],
    "y": lambda x: x[:, 1],
    "xx": lambda x: x[:, 0] ** 2,
    "yy": lambda x: x[:, 1] ** 2,
    "xy": lambda x: x[:, 0] * x[:, 1],
    "sinx": lambda x: np.sin(np.pi * x[:, 0]),
    "siny": lambda x: np.sin(np.pi * x[:, 1]),
}
TOYS: dict[str, Callable[..., data.Dataset]] = {
    name: getattr(data, name)
    for name in ("circles", "xor", "moons", "spirals", "checkerboard", "blobs", "sine_regression")
}
TOYS["spirals3"] = functools.partial(data.spirals, arms=3)
SCALES = {"blobs": 10.0, "sine_regression": np.pi}
CLASSES = {"blobs": 3, "spirals3": 3, "sine_regression": 0}


def cases() -> Iterator[tuple[str, dict[str, Any]]]:
    """The settings of every network to train, by name.

    They keep away from what no two ways of summing agree on for 100 steps: gradients that cancel
    to 0 up to rounding, which adam divides by their size (so the rows are odd in number), and rates
    so large that the loss jumps, where a difference of 1e-7 grows tenfold a step.
    """
    for name in ACTIVATIONS:
        yield f"activation {name}", {"activation": name}
    for name in BINARY:
        yield f"loss {name}", {"loss": name}
    for name in OF_CLASSES:
        yield f"three classes {name}", {"loss": name, "data": "blobs", "noise": 2.0}
    for name in OF_NUMBERS:
        wave = {"data": "sine_regression", "features": ["x", "xx"]}
        yield f"numbers {name}", {"loss": name, **wave}
    for name in OPTIMIZERS:
        # Near a minimum rprop follows the signs of numbers that are 0 up to rounding.
        few: dict[str, Any] = {"hidden": []} if name == "rprop" else {}
        yield f"optimizer {name}", {"optimizer": name, "rate": RATES.get(name, 0.03), **few}
    yield "batches", {"batch": 8, "points": 100}
    yield "batches and dropout", {"batch": 16, "dropout": 0.3, "hidden": [8, 8]}
    yield "dropout", {"dropout": 0.2}
    yield "l1", {"l1": 0.01}
    yield "l2", {"l2": 0.01, "optimizer": "sgd", "rate": 0.3}
    yield "no hidden layer", {"hidden": [], "features": list(FEATURES)}
    yield "deep", {"hidden": [8, 8, 4, 2], "activation": "relu", "seed": 12}
    for name in ("circles", "xor", "spirals", "spirals3", "checkerboard"):
        loss = "cross_entropy" if name == "spirals3" else BINARY[0]
        yield f"data {name}", {"data": name, "points": 90, "share": 0.7, "loss": loss}


def divided(settings: dict[str, Any]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The training and test parts, points as they are."""
    s = settings
    toy = TOYS[s["data"]](s["points"], noise=s["noise"], seed=s["dataSeed"])
    whole = [part for _, part in parts(toy)]
    points = {name: np.concatenate([part[name] for part in whole]) for name in toy.train}
    strata = points["labels"] if toy.classes else np.zeros(s["points"], int)
    fractions = (s["share"], round(1 - s["share"], 2))
    train_rows, test_rows = data.stratified_split(strata, fractions, seed=s["dataSeed"])
    part = lambda rows: {name: x[rows] for name, x in points.items()}
    return part(train_rows), part(test_rows)


def prepared(settings: dict[str, Any], part: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Features and targets of a part."""
    x = part["inputs"] / np.float32(SCALES.get(settings["data"], 1.0))
    columns = [FEATURES[name](x) for name in settings["features"]]
    inputs = np.stack(columns, axis=1).astype(np.float32)
    labels, loss = part["labels"], settings["loss"]
    if loss in OF_CLASSES:
        return {"inputs": inputs, "labels": labels}
    if loss not in OF_BITS and CLASSES.get(settings["data"], 2):
        labels = 2 * labels - 1
    return {"inputs": inputs, "labels": labels.reshape(-1, 1).astype(np.float32)}


def penalty(settings: dict[str, Any], params: Params) -> Array:
    """The penalties on the kernels."""
    l1, l2 = settings["l1"], settings["l2"]
    return l1 * regularizers.l1_penalty(params) + l2 * regularizers.l2_penalty(params)


def trained(changes: dict[str, Any]) -> dict[str, Any]:
    """Trains one network with ``train.fit``: its first weights, its losses, its test loss."""
    s = DEFAULTS | changes
    rows, test_rows = (prepared(s, part) for part in divided(s))
    outputs = CLASSES.get(s["data"], 2) if s["loss"] in OF_CLASSES else 1
    sizes = (len(s["features"]), *s["hidden"], outputs)
    net = models.mlp(sizes, activation=getattr(activations, s["activation"]), rate=s["dropout"])
    regularizer = functools.partial(penalty, s) if s["l1"] or s["l2"] else None
    loss_fn = train.supervised(net, getattr(losses, s["loss"]), regularizer=regularizer)
    tx = OPTIMIZERS[s["optimizer"]](s["rate"])
    start = train.init_state(net, tx, jax.random.key(s["seed"]))
    batch_size = s["batch"] or len(rows["inputs"])
    lengths = {"max_steps": STEPS, "steps_per_epoch": 1, "batch_size": batch_size}
    dataset = data.Dataset(train=rows)
    end, history = train.fit(loss_fn, tx, start, dataset, hooks=(), **lengths)
    return {
        "settings": {**s, "start": None, "drawn": []},
        "start": flat(start.params),
        "losses": [short(row["loss"]) for row in history],
        "test": short(train.evaluate(loss_fn, end, test_rows)["loss"]),
    }


def flat(params: Params) -> list[float]:
    """All weights, layer by layer: kernel, bias."""
    layers = [p for p in params if p] if isinstance(params, tuple) else [params]
    arrays = [layer[name] for layer in layers for name in ("kernel", "bias")]
    return [short(x) for array in arrays for x in np.ravel(array)]


def short(x: float) -> float:
    """A number to 8 digits."""
    return float(f"{float(x):.8g}")


def drawn() -> dict[str, Any]:
    """Random numbers, orders and toy sets, as they lead to the networks' data and weights."""
    key = jax.random.key(7)
    sets = {name: divided(DEFAULTS | {"data": name, "points": 40}) for name in TOYS}
    listed = lambda x: [short(v) for v in np.ravel(x)]
    part = lambda rows: {name: listed(x) for name, x in rows.items()}
    return {
        "bits": jax.random.bits(key, (5,), jnp.uint32).tolist(),
        "split": jax.random.key_data(jax.random.split(key)).tolist(),
        "folded": jax.random.key_data(jax.random.fold_in(key, 12)).tolist(),
        "uniform": listed(jax.random.uniform(key, (5,), minval=-0.7, maxval=0.7)),
        "bernoulli": jax.random.bernoulli(key, 0.3, (20,)).astype(int).tolist(),
        "orders": {str(n): shuffled(key, n).tolist() for n in (1, 9, 16, 17, 50, 101)},
        "sets": {name: [part(rows) for rows in parts] for name, parts in sets.items()},
    }


def main(chosen: list[str]) -> None:
    """Writes the file, or only the chosen parts of it."""
    known = json.loads(FILE.read_text())["trained"] if chosen else {}
    new = lambda name: name not in known or name in chosen
    found = {name: trained(changes) if new(name) else known[name] for name, changes in cases()}
    FILE.write_text(json.dumps({"drawn": drawn(), "trained": found}, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
