"""One hidden layer of growing width fits continuous functions ever better: error against width.

Networks of 1 to 128 tanh units learn four functions on [−1, 1] from 128 points, by L-BFGS on all of
them; the error is measured between these points. For each width, all functions and trials are
trained side by side in one program.

Command:  python experiments/universal_approximation.py
Result:   root-mean-square error between the points, median of 5 trials, mean over 3 seeds:
            width      1       2       4       8       16      32      64      128
            sine       0.643   0.611   0.357   0.0171  0.0043  0.0011  0.0012  0.0012
            bump       0.273   0.062   0.0025  0.0016  0.0006  0.0007  0.0007  0.0007
            corner     0.240   0.026   0.0120  0.0040  0.0031  0.0025  0.0014  0.0011
            jagged     0.380   0.309   0.248   0.084   0.069   0.025   0.012   0.0059
          the smooth functions level off near 1e-3, the other two keep improving
Time:     92 s of CPU time for all 480 networks, compilation included
Reference: Cybenko, Approximation by superpositions of a sigmoidal function, 1989; Barron, Universal
          approximation bounds for superpositions of a sigmoidal function, 1993: a squared error of
          order 1/width can be reached, which is an error of order width^-0.5
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import harness
from jaxdl import activations, data, initializers, layers, losses, optim, serial, sweep, train
from jaxdl.types import Array, Init, Layer

# --- Config ---------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Config(harness.Config):
    """The flags of this experiment."""

    output: Path = Path("runs/universal_approximation")
    """folder for numbers, checkpoints and pictures"""
    epochs: int = 20
    """updates of L-BFGS, each of up to 20 iterations over all points"""
    widths: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64, 128)
    """units of the hidden layer"""
    trials: int = 5
    """networks of each width for each function, from different initial parameters"""
    points: int = 128
    """evenly spaced training points"""


# --- Data -----------------------------------------------------------------------------------------

FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "sine": lambda x: jnp.sin(3 * jnp.pi * x),
    "bump": lambda x: jnp.exp(-30 * x**2),
    "corner": jnp.abs,
    "jagged": lambda x: jnp.abs(jnp.sin(2 * jnp.pi * x) + x) - 0.5,
}


def load(config: Config) -> tuple[data.Dataset, Array, Array]:
    """Points with the values of all functions there, (N, 1) and (N, F), and others between them."""
    x = jnp.linspace(-1, 1, config.points)[:, None]
    between = (x[1:] + x[:-1]) / 2
    values = lambda x: jnp.concatenate([f(x) for f in FUNCTIONS.values()], axis=1)
    return data.Dataset({"inputs": x, "labels": values(x)}), between, values(between)


# --- Model ----------------------------------------------------------------------------------------


def network(width: int) -> Layer:
    """One number in, one hidden layer, one number out."""
    # Units that bend somewhere in the interval; the more there are, the more sharply they may.
    draw = initializers.symmetric_uniform(max(4.0, width / 4))
    hidden = layers.dense(1, width, init=Init(draw, lambda fan_in: draw), dtype=jnp.float64)
    return serial(hidden, activations.tanh, layers.dense(width, 1, dtype=jnp.float64))


# --- Loss and step --------------------------------------------------------------------------------


def make_run(width: int, function: Array) -> sweep.Run:
    """The mean squared error from one of the functions, by its number, and L-BFGS."""
    net = network(width)
    of_one = lambda y, labels, reduction: losses.mse_loss(
        y, jnp.take(labels, function, axis=1)[:, None], reduction=reduction
    )
    # In float32 the line search couldn't tell losses below 1e-5 apart; here it needs no limit.
    tx = optim.lbfgs(tolerance_grad=0.0, tolerance_change=0.0, line_search_fn="strong_wolfe")
    return sweep.Run(net, train.supervised(net, of_one), tx)


# --- Run and report -------------------------------------------------------------------------------


def build(config: Config) -> harness.Population:
    """What is to be trained: for each width, every function several times, on all points."""
    return harness.Population(
        load(config)[0],
        make_run,
        epochs=config.epochs,
        batch_size=config.points,  # all of them
        members=config.trials,
        grid={"width": harness.some(config, config.widths), "function": range(len(FUNCTIONS))},
        static=("width",),
        shuffle=False,
    )


def report(config: Config, swept: harness.Swept) -> harness.Report:
    """Errors between the points, and the best networks drawn."""
    _, x, y = load(config)
    outputs = answers(swept.result, x)
    between, values = np.asarray(x[:, 0]), np.asarray(y.T)
    errors = {n: np.sqrt(((z - values[:, None]) ** 2).mean(-1)) for n, z in outputs.items()}
    numbers: dict[str, float] = {}
    for width, error in errors.items():
        middle = dict(zip(FUNCTIONS, np.median(error, axis=1), strict=True))
        print(f"width {width:3}:", "  ".join(f"{name} {v:.1e}" for name, v in middle.items()))
        numbers |= {f"{name}_rmse_width_{width}": float(v) for name, v in middle.items()}
    figures = {
        "error.png": lambda: draw_errors(errors),
        "functions.png": lambda: draw_functions(between, values, outputs),
    }
    return harness.Report(numbers, figures)


def answers(result: sweep.Result, x: Array) -> dict[int, np.ndarray]:
    """What the networks of each width say at N points: by width, (functions, trials, N)."""
    outputs: dict[int, list[np.ndarray]] = {}
    for row in sweep.table(result):  # by width, and for each of them by function
        states = sweep.states(result, row["members"])
        says = jax.vmap(network(row["width"]).apply, (0, 0, None))
        y = says(states.params, states.state, x)[0][..., 0]
        outputs.setdefault(row["width"], []).append(np.asarray(y))
    return {width: np.stack(of_functions) for width, of_functions in outputs.items()}


def draw_errors(errors: dict[int, np.ndarray]) -> "harness.Figure":
    """Error against width: the median of the trials, and their range."""
    figure = harness.canvas(1, 1, width=6.4, height=4.4)
    (axes,) = figure.axes
    widths = np.array(list(errors))
    for i, name in enumerate(FUNCTIONS):
        trials = np.stack([errors[width][i] for width in widths])
        axes.plot(widths, np.median(trials, axis=1), "o-", lw=2, label=name)
        axes.fill_between(widths, trials.min(axis=1), trials.max(axis=1), alpha=0.2)
    barron = np.median(errors[widths[0]]) / np.sqrt(widths / widths[0])
    axes.plot(widths, barron, "--", color="grey", label="width$^{-1/2}$")
    axes.set(xscale="log", yscale="log", xlabel="hidden units", ylabel="root mean squared error")
    axes.set_xticks(widths, widths)
    axes.minorticks_off()
    axes.set_title("One hidden layer: error between the points learnt from")
    axes.legend(frameon=False)
    return figure


def draw_functions(
    x: np.ndarray, y: np.ndarray, outputs: dict[int, np.ndarray]
) -> "harness.Figure":
    """Each function with the best networks of three widths."""
    figure = harness.canvas(1, len(FUNCTIONS), width=3.2, height=3)
    shown = [width for width in (2, 8, 64) if width in outputs]
    for i, (axes, name) in enumerate(zip(figure.axes, FUNCTIONS, strict=True)):
        axes.plot(x, y[i], color="#c0c0c0", lw=6, label="function")
        for width in shown:
            best = ((outputs[width][i] - y[i]) ** 2).mean(axis=-1).argmin()
            axes.plot(x, outputs[width][i, best], lw=1.6, label=f"{width} units")
        axes.set_title(name)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


if __name__ == "__main__":
    with jax.enable_x64(True):  # in float32 the line search couldn't tell small losses apart
        harness.main(Config, build, report, __doc__)
