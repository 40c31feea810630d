"""Right calls of models, combinators, training, sweeps, devices, checkpoints and explanations.

A test replaces their numeric options, as it does those of ``calls.py``.
"""

from types import MappingProxyType, SimpleNamespace
from typing import Any

import jax
import numpy as np

from jaxdl import layers, models, optim, parallel, sweep
from wrong_calls.training import KEY, LOSS, NET, PART, SET, STATE, TX, X

LM = models.transformer_lm(5, n_features=4, n_heads=2, n_layers=1, length=6)
LM_PARAMS = jax.eval_shape(LM.init, KEY)[0]
PERCEPTRON = {"kernel": np.zeros((4, 1), "f"), "bias": np.zeros(1, "f")}
ATTENDING = {"n_features": 4, "n_heads": 2}
RESULT = SimpleNamespace(states=np.zeros(3), plan=SimpleNamespace(members=[{}] * 3), history={})
SQUARE = {"params": np.ones(3, "f")}


def make_run(lr: Any = 0.1) -> sweep.Run:
    """A run of a sweep."""
    return sweep.Run(NET, LOSS, optim.sgd(lr))


SWEPT = {"data": SET, "epochs": 1}
FITTED = {"train_state": STATE, "epochs": 1, "batch_size": 4, "hooks": ()}
EPOCH = {"step": lambda train_state, batch: (train_state, {}), "batch_size": 4}

MODELS: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {
        "bert": {"n_layers": 1},
        "convnet": {"shape": (8, 8, 1), "n_classes": 3},
        "crepe": {},
        "generate": {"net": LM, "params": LM_PARAMS, "prompt": np.ones((1, 2), "i"), "n_new": 1}
        | {"key": KEY},
        "gpt2": {},
        "lenet5": {},
        "logistic_regression": {"n_in": 2},
        "minilm": {},
        "mlp": {"sizes": (4, 5, 3)},
        "mobilenet_v3": {"size": "small"},
        "neuron": {"n_in": 2},
        "perceptron": {"n_in": 2},
        "perceptron_learn": {"params": PERCEPTRON, "inputs": X, "labels": np.arange(8) % 2}
        | {"epochs": 1},
        "perceptron_rule": {"params": PERCEPTRON, "x": X[0], "label": 1},
        "resnet": {"depth": 18},
        "resnet18": {},
        "resnet34": {},
        "resnet50": {},
        "resnet_cifar": {"depth": 20},
        "sequence_classifier": {"n_in": 2, "n_hidden": 3, "n_classes": 2},
        "sequence_to_sequence": {"n_in": 2, "n_hidden": 3, "n_out": 2, "steps": 3},
        "softmax_regression": {"n_in": 2, "n_classes": 3},
        "transformer_block": ATTENDING,
        "transformer_cache": {"net": LM, "params": LM_PARAMS, "batch_shape": (2,), "length": 3},
        "transformer_encoder": {"n_features": 4, "n_classes": 3, "n_tokens": 5, "length": 6},
        "transformer_lm": {"n_tokens": 5, "n_layers": 1, "length": 6, **ATTENDING},
        "vgg": {"depth": 11},
        "vit": {"image_shape": (32, 32, 3), "n_classes": 3},
        "vit_b_16": {},
    }
)

COMBINATORS: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {"repeat": {"layer": layers.dense(2, 2), "n": 2}}
)

TRAIN: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {
        "class_weights": {"weights": (1.0, 2.0)},
        "dynamic_loss_scale": {"tx": TX},
        "early_stopping": {},
        "evaluate": {"loss_fn": LOSS, "train_state": STATE, "data": PART},
        "find_learning_rate": {"loss_fn": LOSS, "make_tx": optim.sgd, "train_state": STATE}
        | {"dataset": SET, "batch_size": 4},
        "fit": {"loss_fn": LOSS, "tx": TX, "dataset": SET, **FITTED},
        "keep_compilations": {"directory": "/nowhere"},
        "label_smoothing": {"rate": 0.1, "classes": 3},
        "loop": {"step": lambda train_state, batch: (train_state, {}), "data": SET, **FITTED},
        "make_chunk": EPOCH,
        "make_epoch": EPOCH,
        "make_evaluation": {"loss_fn": LOSS, "batch_size": 4},
        "make_step": {"loss_fn": LOSS, "tx": TX},
        "mixup": {"alpha": 0.2, "classes": 3},
        "predict": {"net": NET, "train_state": STATE, "inputs": X},
        "profile": {"folder": None, "train_state": STATE, "batch": PART}
        | {"step": lambda train_state, batch: (train_state, {})},
    }
)

SWEEP: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {
        "ensemble": {"net": NET, "states": STATE},
        "evaluate_ensemble": {"labels": np.arange(2)}
        | {"prediction": sweep.Prediction(*(np.full((2, 2), 0.5),) * 2, np.zeros(2), np.zeros(2))},
        "halve": {"make_run": make_run, "metric": "loss", **SWEPT},
        "history": {"result": RESULT, "i": 0},
        "integers": {"low": 1, "high": 3},
        "log_uniform": {"low": 0.1, "high": 1.0},
        "random": {"key": KEY, "n": 2, "space": {"a": sweep.uniform(0.0, 1.0)}},
        "run": {"make_run": make_run, "batch_size": 4, **SWEPT},
        "run_seeds": {"made": make_run, "n": 2, "batch_size": 4, **SWEPT},
        "rungs": {"points": 4, "epochs": 4},
        "sobol": {"n": 2, "space": {"a": sweep.uniform(0.0, 1.0)}},
        "state": {"result": RESULT, "i": 0},
        "study": {
            "optuna_study": None,
            "suggest": dict,
            "make_run": make_run,
            "trials": 2,
            **SWEPT,
        },
        "uniform": {"low": 0.0, "high": 1.0},
    }
)

PARALLEL: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {
        "data_mesh": {},
        "fully_sharded": {"mesh": parallel.data_mesh(1)},
        "initialize": {"coordinator": "localhost:1", "processes": 2, "process": 0},
        "pmap_step": {"step": lambda train_state, batch: (train_state, {})},
        "shard_batch": {"batch": PART, "devices": 2},
        "share_of": {"rows": 3},
    }
)

CHECKPOINT: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {"hook": {"directory": "/nowhere"}, "save": {"directory": "/nowhere", "train_state": STATE}}
)

EXPLAIN: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {
        "gradient_check": {"f": lambda x: (x**2).sum(), **SQUARE},
        "graph": {"net": NET, "input_shape": (2, 4)},
        "integrated_gradients": {"f": lambda x: (x**2).sum(axis=-1), "x": X},
        "landscape": {"loss": lambda x: (x**2).sum(), "key": KEY, **SQUARE},
        "nearest_examples": {"queries": X, "examples": X, "k": 2},
        "summary": {"net": NET, "input_shape": (2, 4)},
    }
)

NOT_RUN = (
    *("evaluate", "find_learning_rate", "fit", "keep_compilations", "loop", "predict", "profile"),
    *("ensemble", "evaluate_ensemble", "halve", "history", "random", "run", "run_seeds", "select"),
    *("state", "states", "study", "initialize", "hook", "save", "gradient_check", "landscape"),
    *("generate", "perceptron_learn", "perceptron_rule"),
)
"""What compiles, writes or waits, and is called rightly by other tests."""
