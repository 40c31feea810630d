"""Times trials of an Optuna study: side by side by ``sweep.study``, and one by one under ``fit``.

Sixteen learning rates of Adam for a network 784-64-10 on 4,000 of the animals, 3 epochs in batches
of 128. Both studies are given the same rates; one by one each trial makes its optimizer anew, as
objectives do, so that its program is compiled anew, and reports to Optuna by ``interop.pruning``.

Command:  python experiments/benchmarks/trials.py [--trials 16]
Needs:    pip install -e ".[trackers]"
Measured: 2026-11-29, nothing else running
Result:   on 2 CPU cores, jax 0.10.2, Optuna 5.0, no program kept from before: 8.3 s side by side,
          35.5 s one by one; each loss is the same to four digits
"""

import argparse
import time
from typing import Any

import jax
import optax
import optuna

from jaxdl import data, interop, layers, losses, models, serial, sweep, train

EPOCHS, BATCH_SIZE = 3, 128
NET = serial(layers.rescale(1 / 255), layers.flatten(axes=3), models.mlp((784, 64, 10)))
LOSS = train.supervised(NET, losses.cross_entropy)


def suggest(trial: optuna.Trial) -> dict[str, float]:
    """The learning rate of a trial."""
    return {"rate": trial.suggest_float("rate", 1e-4, 1e-2, log=True)}


def animals() -> data.Dataset:
    """4,000 images to learn from, 1,000 to validate on."""
    train_part = data.load("animals").train
    part = lambda rows: {name: array[rows] for name, array in train_part.items()}
    return data.Dataset(part(slice(4000)), validation=part(slice(4000, 5000)))


def new_study() -> Any:
    """A study that asks for the same rates each time, and ends no trial before its time."""
    return optuna.create_study(
        sampler=optuna.samplers.RandomSampler(seed=0), pruner=optuna.pruners.NopPruner()
    )


def side_by_side(dataset: data.Dataset, trials: int) -> Any:
    """The trials as one population."""
    study, make = new_study(), lambda rate: sweep.Run(NET, LOSS, optax.adam(rate))
    sweep.study(
        study, suggest, make, dataset,
        trials=trials, epochs=EPOCHS, batch_size=BATCH_SIZE, hooks=(),
    )  # fmt: skip
    return study


def one_by_one(dataset: data.Dataset, trials: int) -> Any:
    """The trials each with a call of ``fit``."""

    def objective(trial: optuna.Trial) -> float:
        tx = optax.adam(suggest(trial)["rate"])
        start = train.init_state(NET, tx, jax.random.key(0))
        hooks = (interop.pruning(trial),)
        _, history = train.fit(
            LOSS, tx, start, dataset, epochs=EPOCHS, batch_size=BATCH_SIZE, hooks=hooks
        )
        return history[-1]["validation_loss"]

    study = new_study()
    study.optimize(objective, n_trials=trials)
    return study


def main() -> None:
    """Prints the seconds of both, and their losses."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--trials", type=int, default=16, help="how many")
    trials = parser.parse_args().trials
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    dataset = animals()
    losses_of: list[list[float]] = []
    for run in (side_by_side, one_by_one):
        begun = time.perf_counter()
        study = run(dataset, trials)
        print(f"{run.__name__}: {time.perf_counter() - begun:.1f} s for {trials} trials")
        losses_of.append([trial.value for trial in study.trials])
    for trial, *both in zip(study.trials, *losses_of, strict=True):
        print(f"rate {trial.params['rate']:.2g}: {both[0]:.4f} and {both[1]:.4f}")


if __name__ == "__main__":
    main()
