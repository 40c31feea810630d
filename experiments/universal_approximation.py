"""One hidden layer of growing width fits continuous functions ever better: error against width.

Networks of 1 to 128 tanh units learn four functions on [−1, 1] from 128 points, by L-BFGS on the
whole of them; the error is measured between these points. For each width all functions and seeds
train together, in one program, by ``vmap``.

Command:  python experiments/universal_approximation.py
Result:   not measured yet in this form; with other initial parameters the error fell from 0.6 at
          1 unit to 1e-3 at 128 for the sine, from 0.3 to 3e-3 for the corner (medians of 5 trials)
Time:     70 s of CPU
Reference: Cybenko, Approximation by superpositions of a sigmoidal function, 1989; Barron, Universal
          approximation bounds for superpositions of a sigmoidal function, 1993: a squared error of
          order 1/width can be reached, which is an error of order width^-0.5
"""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import common
from jaxdl import activations, initializers, layers, losses, optim, serial, train
from jaxdl.types import Array, Init, Layer

# --- Config ---------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Config(common.Study):
    """The flags of this experiment."""

    output: Path = Path("runs/universal_approximation")
    """folder for numbers and pictures"""
    epochs: int = 20
    """updates of L-BFGS, each of up to 20 iterations over all points"""
    widths: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64, 128)
    """units of the hidden layer"""
    trials: int = 5
    """networks of each width for each function, from different initial parameters"""
    points: int = 128
    """how many there are to learn from, evenly spaced"""


# --- Data -----------------------------------------------------------------------------------------

FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "sine": lambda x: jnp.sin(3 * jnp.pi * x),
    "bump": lambda x: jnp.exp(-30 * x**2),
    "corner": jnp.abs,
    "jagged": lambda x: jnp.abs(jnp.sin(2 * jnp.pi * x) + x) - 0.5,
}


def load(config: Config) -> tuple[Array, Array, Array, Array]:
    """Points and values to learn from, and others between them to test with."""
    x = jnp.linspace(-1, 1, config.points)[:, None]
    between = (x[1:] + x[:-1]) / 2
    values = lambda x: jnp.stack([f(x) for f in FUNCTIONS.values()])
    return x, values(x), between, values(between)


# --- Model ----------------------------------------------------------------------------------------


def network(width: int) -> Layer:
    """One number in, one hidden layer, one number out."""
    # Units that bend somewhere in the interval; the more there are, the more sharply they may.
    draw = initializers.symmetric_uniform(max(4.0, width / 4))
    hidden = layers.dense(1, width, init=Init(draw, lambda fan_in: draw))
    return serial(hidden, activations.tanh, layers.dense(width, 1))


# --- Loss and step --------------------------------------------------------------------------------


@functools.partial(jax.jit, static_argnums=(0, 1))
def fit(config: Config, width: int, x: Array, y: Array, keys: Array, x_test: Array) -> Array:
    """Trains a network for each function, y (F, N, 1), and key (T,); their outputs, (F, T, N)."""
    net, tx = (
        network(width),
        optim.lbfgs(tolerance_grad=0.0, tolerance_change=0.0, line_search_fn="strong_wolfe"),
    )
    step = train.make_step(train.supervised(net, losses.mse_loss), tx)

    def one(y: Array, key: Array) -> Array:
        batch = {"inputs": x, "labels": y}
        update = lambda train_state, _: (step(train_state, batch)[0], None)
        params, state = net.init(key)
        params = jax.tree.map(lambda p: p.astype(y.dtype), params)
        first = train.TrainState(jnp.int32(0), params, state, tx.init(params), key)
        last, _ = jax.lax.scan(update, first, length=config.epochs)
        return net.apply(last.params, last.state, x_test)[0][:, 0]

    return jax.vmap(jax.vmap(one, (None, 0)), (0, None))(y, keys)


# --- Run and report -------------------------------------------------------------------------------


def main(config: Config) -> dict:
    """Trains all widths and draws; returns what result.json says."""
    # In float64: in float32 the line search can't tell losses below 1e-5 apart, and would stop.
    with jax.enable_x64(True):
        x_test, y_test, outputs = train_all(config)
    errors = {n: np.sqrt(((y - y_test[:, None]) ** 2).mean(axis=-1)) for n, y in outputs.items()}
    for width, error in errors.items():
        middle = zip(FUNCTIONS, np.median(error, axis=1), strict=True)
        print(f"width {width:3}:", "  ".join(f"{name} {value:.1e}" for name, value in middle))
    numbers = {
        f"{name}_rmse_width_{width}": float(np.median(error[i]))
        for width, error in errors.items()
        for i, name in enumerate(FUNCTIONS)
    }
    pictures = {
        "error.png": draw_errors(errors),
        "functions.png": draw_functions(x_test, y_test, outputs),
    }
    return common.finish(config, numbers, pictures)


def train_all(config: Config) -> tuple[np.ndarray, np.ndarray, dict[int, np.ndarray]]:
    """Test points (N,), values (F, N), and for each width what its networks say, (F, T, N)."""
    x, y, x_test, y_test = load(config)
    keys = jax.random.split(jax.random.key(config.seed), config.trials)
    outputs = {
        n: np.asarray(fit(config, n, x, y, keys, x_test))
        for n in common.some(config, config.widths)
    }
    return np.asarray(x_test[:, 0]), np.asarray(y_test[..., 0]), outputs


def draw_errors(errors: dict[int, np.ndarray]):
    """Error against width: the median of the trials, and their range."""
    figure = common.canvas(1, 1, width=6.4, height=4.4)
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


def draw_functions(x: Array, y: Array, outputs: dict[int, np.ndarray]):
    """Each function with the best networks of three widths."""
    figure = common.canvas(1, len(FUNCTIONS), width=3.2, height=3)
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
    common.start(main, Config, __doc__)
