"""Is it the network or its luck? How often a small network learns a spiral, by its width.

Two arms of a spiral, networks 2-w-w-2 with tanh and Adam, widths 2 to 16, each initialised 64
times: of these 320 networks a wide one hardly ever fails, and a narrow one has to be lucky. Each
width is one compiled program. That wide networks hold more lottery tickets is Frankle and Carbin's
picture ("The lottery ticket hypothesis", 2019); here the share of winners is simply counted.

Command:  python experiments/lottery.py
Result:   of 64 networks each, those with 95 % accuracy or more: none at width 2, 45 at 4, 62 at 6,
          all at 8 and 16 (accuracy on average 0.749, 0.947, 0.990, 0.994, 0.998)
Time:     28 s of CPU time for all 320 networks, compilation included
"""

import dataclasses
from pathlib import Path

import jax.numpy as jnp
import numpy as np

import harness
from jaxdl import data, losses, metrics, models, optim, sweep, train
from jaxdl.types import Layer

# --- Config ---------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Config(harness.Config):
    """The flags of this experiment."""

    output: Path = Path("runs/lottery")
    """folder for numbers, checkpoints and pictures"""
    epochs: int = 150
    """passes over the training part"""
    batch_size: int = 64
    """points a step"""
    members: int = 64
    """networks of each width"""
    learning_rate: float = 1e-2
    """of Adam"""
    solved: float = 0.95
    """test accuracy that makes a network a winner"""


WIDTHS = (2, 4, 6, 8, 16)

# --- Data -----------------------------------------------------------------------------------------


def load(config: Config) -> data.Dataset:
    """1,024 points of two arms of a spiral to train on, and 1,024 others to test."""
    rng = np.random.default_rng(0)

    def part(n: int) -> dict[str, np.ndarray]:
        labels = np.arange(n) % 2
        turn = np.sqrt(rng.uniform(size=n)) * 2.5 * np.pi
        arm = np.stack([np.cos(turn + np.pi * labels), np.sin(turn + np.pi * labels)], axis=1)
        points = turn[:, None] / np.pi * arm + 0.08 * rng.normal(size=(n, 2))
        return {"inputs": points.astype("float32"), "labels": labels.astype("int32")}

    return data.Dataset(part(1024), test=part(1024), classes=("one", "other"))


# --- Model ----------------------------------------------------------------------------------------


def network(width: int) -> Layer:
    """Two hidden layers of equal width."""
    return models.mlp((2, width, width, 2), activation=jnp.tanh)


# --- Loss and step --------------------------------------------------------------------------------


def make_run(width: int, learning_rate: float) -> sweep.Run:
    """Cross entropy and Adam."""
    net = network(width)
    loss_fn = train.supervised(net, losses.cross_entropy, metrics={"accuracy": metrics.accuracy})
    return sweep.Run(net, loss_fn, optim.adam(learning_rate))


# --- Run and report -------------------------------------------------------------------------------


def build(config: Config) -> harness.Population:
    """What is to be trained: all networks of all widths, side by side."""
    return harness.Population(
        load(config),
        make_run,
        epochs=config.epochs,
        batch_size=config.batch_size,
        members=4 if config.smoke else config.members,
        grid={"width": harness.some(config, WIDTHS), "learning_rate": [config.learning_rate]},
        static=("width",),
        shared_order=True,
    )


def report(config: Config, swept: harness.Swept) -> harness.Report:
    """Winners and mean accuracy of each width, and every network drawn."""
    tested = harness.tested_each(swept)["accuracy"]
    of = {row["width"]: tested[row["members"]] for row in sweep.table(swept.result)}
    numbers: dict[str, float] = {"members": swept.population.members}
    for width, x in of.items():
        numbers[f"winners_of_width_{width}"] = winners = int((x >= config.solved).sum())
        numbers[f"mean_accuracy_of_width_{width}"] = float(x.mean())
        print(
            f"width {width:2d}: {winners:3d} of {len(x)} solve it, test accuracy "
            f"{x.mean():.3f} on average, {x.max():.3f} at best"
        )
    return harness.Report(numbers, {"lottery.png": lambda: draw(of, config.solved)})


def draw(accuracies: dict[int, np.ndarray], solved: float) -> "harness.Figure":
    """Every network as a point, and the share of winners of each width."""
    figure = harness.canvas(1, 2, width=4.8, height=4)
    points, bars = figure.axes
    for place, values in enumerate(accuracies.values()):
        spread = place + 0.3 * np.linspace(-1, 1, len(values))
        points.plot(spread, np.sort(values), ".", color=harness.COLOURS[0])
    points.axhline(solved, color=harness.COLOURS[6], lw=1)
    points.annotate("winners", (-0.4, solved), (0, 4), textcoords="offset points", fontsize=9)
    shares = [(values >= solved).mean() for values in accuracies.values()]
    drawn = bars.bar(range(len(shares)), shares, color=harness.COLOURS[1])
    bars.bar_label(drawn, [f"{share:.0%}" for share in shares])
    for axes, text in ((points, "test accuracy of each network"), (bars, "share of winners")):
        axes.set_xticks(range(len(accuracies)), [str(width) for width in accuracies])
        axes.set(xlabel="width", ylabel=text)
    return figure


if __name__ == "__main__":
    harness.one_device_a_core()
    harness.main(Config, build, report, __doc__)
