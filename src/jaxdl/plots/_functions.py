"""Curves of activation functions with their derivatives, and of loss functions."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl import activations as activation_functions
from jaxdl import losses as loss_functions
from jaxdl._checks import ShapeError, describe
from jaxdl.plots._style import BLUE, ORANGE, grid, heading, make_figure, style_of, tidy
from jaxdl.types import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ELEMENTWISE = (
    "identity step sigmoid tanh relu leaky_relu prelu rrelu relu6 elu selu celu gelu silu mish "
    "softplus squareplus logsigmoid hardtanh hardsigmoid hardswish softsign tanhshrink softshrink "
    "hardshrink threshold"
)
_STYLES: tuple[dict[str, Any], ...] = (
    {"color": BLUE, "linestyle": "-", "lw": 2.6, "label": "f"},
    {"color": ORANGE, "linestyle": "--", "lw": 2.0, "label": "f′"},
)
_OPTIONS: dict[str, dict[str, float]] = {
    "prelu": {"weight": 0.25},
    "threshold": {"threshold": 1.0, "value": 0.0},
}


def activations(
    functions: Mapping[str, Callable[[Array], Array]] | Sequence[str] | None = None,
    *,
    low: float = -4.0,
    high: float = 4.0,
    columns: int | None = None,
    title: str = "",
) -> "Figure":
    """Draws activation functions with their derivatives, which show where they saturate or die.

    Args:
        functions: functions by name, or names of ``jaxdl.activations``. Defaults to all
            elementwise ones.
        low: smallest x.
        high: largest x.
        columns: panels per row. Defaults to a number that suits the figure.
        title: the figure's title.

    Returns:
        A figure with one panel per function: f in blue, f′ orange and dashed, with gaps at jumps.

    Raises:
        ValueError: if ``jaxdl.activations`` has no such name, or there is nothing to draw.

    Example:
        >>> figure = activations(["relu", "tanh"])
        >>> [axes.get_title() for axes in figure.axes]
        ['relu', 'tanh']
    """
    chosen = _named(_ELEMENTWISE.split() if functions is None else functions)
    columns = columns or (len(chosen) if len(chosen) < 5 else 4 if len(chosen) < 9 else 7)
    small = columns > 4
    width, height = (1.75, 1.8) if small else (3.1, 2.8)
    figure = grid(len(chosen), columns, width=width, height=height)
    x = np.linspace(low, high, 801, dtype=np.float32)
    curves = _curves(chosen, x)
    for axes, name in zip(figure.axes, chosen, strict=True):
        for curve, style in zip(curves[name], _STYLES, strict=True):
            axes.plot(x, _broken(np.asarray(curve)), **style)
        tidy(axes, title=name)
        axes.locator_params(axis="x", nbins=3, integer=True)
        axes.axhline(0, color="black", lw=0.6)
        axes.axvline(0, color="black", lw=0.6)
        if functions is None:
            axes.set_ylim(-1.7, 3.2)
    place = "upper left" if functions is None else "best"
    figure.axes[0].legend(frameon=False, loc=place, handlelength=1.4, borderpad=0)
    heading(figure, title)
    return figure


def losses(
    functions: Mapping[str, Callable[[Array], Array]] | None = None,
    *,
    low: float = -3.0,
    high: float = 3.0,
    xlabel: str = "error",
    title: str = "",
) -> "Figure":
    """Draws loss functions, by default those of three tasks.

    Args:
        functions: by name, ``(x) -> loss``, both of shape (N,). Defaults to those of
            ``jaxdl.losses``: for regression over the error, for two classes over the margin (label
            ±1 times logit), and over the probability of the right class.
        low: smallest x.
        high: largest x.
        xlabel: label of the x axis.
        title: the figure's title.

    Returns:
        A figure with one panel, or by default three.

    Raises:
        ValueError: if there is nothing to draw.
        ShapeError: if a function doesn't return a loss for each x, for example only their mean.

    Example:
        >>> [axes.get_xlabel() for axes in losses().axes]
        ['error: prediction − target', 'margin: ±1 · logit', 'probability of the right class']
    """
    if functions is not None:
        _check(functions)
    x = np.linspace(low, high, 601, dtype=np.float32)
    p = np.linspace(0.005, 1 - 1e-6, 600, dtype=np.float32)
    panels = (
        [("", xlabel, x, functions)]
        if functions is not None
        else [
            ("regression", "error: prediction − target", x, _by_error()),
            ("two classes", "margin: ±1 · logit", x, _by_margin()),
            ("classification", "probability of the right class", p, _by_probability()),
        ]
    )
    figure = make_figure(1, len(panels), width=4.6, height=4.0)
    for axes, (name, label, x, curves) in zip(figure.axes, panels, strict=True):
        heights = jax.jit(lambda x, fs=curves: {curve: f(x) for curve, f in fs.items()})(x)
        for i, curve in enumerate(curves):
            axes.plot(x, _broken(np.asarray(heights[curve])), label=curve, **style_of(i))
        tidy(axes, title=name, xlabel=label, ylabel="loss")
        axes.legend(frameon=False, fontsize=11)
        if functions is None:
            axes.set_ylim(-0.1, 5)
    heading(figure, title)
    return figure


def _check(functions: Mapping[str, Callable[[Array], Array]]) -> None:
    if not functions:
        raise ValueError("losses has no functions to draw")
    for name, f in functions.items():
        got = jax.eval_shape(f, jax.ShapeDtypeStruct((3,), np.float32))
        if got.shape != (3,):
            raise ShapeError(f"losses: {name} made {describe(got)} of float32[3]; a loss for each")


def _named(
    functions: Mapping[str, Callable[[Array], Array]] | Sequence[str],
) -> dict[str, Callable[[Array], Array]]:
    if not functions:
        raise ValueError("activations has no functions to draw")
    if isinstance(functions, Mapping):
        return dict(functions)
    for name in functions:
        if not hasattr(activation_functions, name):
            raise ValueError(f"activations: jaxdl.activations has no {name!r}")
    return {
        name: functools.partial(getattr(activation_functions, name), **_OPTIONS.get(name, {}))
        for name in functions
    }


def _curves(
    functions: Mapping[str, Callable[[Array], Array]], x: np.ndarray
) -> dict[str, tuple[Array, Array]]:
    """Values and derivatives of elementwise functions."""

    @jax.jit
    def all_of(x: Array) -> dict[str, tuple[Array, Array]]:
        pairs = {name: jax.vjp(f, x) for name, f in functions.items()}
        return {name: (y, back(jnp.ones_like(y))[0]) for name, (y, back) in pairs.items()}

    return all_of(jnp.asarray(x))


def _broken(y: np.ndarray) -> np.ndarray:
    """Leaves a gap where a curve jumps: by a lot, and far more than just before and after."""
    y = np.array(y, np.float64)
    steps = np.abs(np.diff(y))
    around = np.maximum(np.append(0, steps[:-1]), np.append(steps[1:], 0))
    y[1:][(steps > 0.2) & (steps > 4 * around)] = np.nan
    return y


def _by_error() -> dict[str, Callable[[Array], Array]]:
    zero = jnp.zeros_like
    return {
        "mse_loss": lambda e: loss_functions.mse_loss(e, zero(e), reduction="none"),
        "l1_loss": lambda e: loss_functions.l1_loss(e, zero(e), reduction="none"),
        "huber_loss": lambda e: loss_functions.huber_loss(e, zero(e), reduction="none"),
        "log_cosh": lambda e: loss_functions.log_cosh(e, zero(e), reduction="none"),
    }


def _by_margin() -> dict[str, Callable[[Array], Array]]:
    one = jnp.ones_like
    return {
        "0-1 error": lambda m: jnp.where(m > 0, 0.0, 1.0),
        "perceptron_loss": lambda m: loss_functions.perceptron_loss(m, one(m), reduction="none"),
        "hinge": lambda m: loss_functions.hinge(m, one(m), reduction="none"),
        "squared_hinge": lambda m: loss_functions.squared_hinge(m, one(m), reduction="none"),
        "soft_margin_loss": lambda m: loss_functions.soft_margin_loss(m, one(m), reduction="none"),
    }


def _by_probability() -> dict[str, Callable[[Array], Array]]:
    logits = lambda p: jnp.stack([jnp.log(p) - jnp.log1p(-p), jnp.zeros_like(p)], axis=1)
    first = lambda p: jnp.zeros(p.shape, jnp.int32)
    right = lambda p: jnp.stack([jnp.ones_like(p), jnp.zeros_like(p)], axis=1)
    return {
        "cross_entropy": lambda p: loss_functions.cross_entropy(
            logits(p), first(p), reduction="none"
        ),
        "focal, γ = 2, α = 1": lambda p: loss_functions.categorical_focal_cross_entropy(
            logits(p), right(p), alpha=1.0, reduction="none"
        ),
        "generalized, q = 0.7": lambda p: loss_functions.generalized_cross_entropy(
            logits(p), first(p), reduction="none"
        ),
        "mse_loss": lambda p: loss_functions.mse_loss(p, jnp.ones_like(p), reduction="none"),
    }
