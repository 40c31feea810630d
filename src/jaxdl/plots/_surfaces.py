"""Paths of optimizers over a surface, and the landscape of a loss."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from numpy.typing import ArrayLike

from jaxdl import _checks, optim
from jaxdl._checks import ShapeError, describe
from jaxdl.plots._films import film
from jaxdl.plots._style import COLOURS, MARKERS, ORANGE, blank, heading, make_figure
from jaxdl.types import Array, PyTree

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from jaxdl.explain import Landscape


def descent(
    surface: Callable[[Array], Array],
    start: ArrayLike,
    tx: optax.GradientTransformation,
    *,
    steps: int = 100,
) -> np.ndarray:
    """Follows an optimizer down a surface, for ``surface_paths``.

    Args:
        surface: ``(point) -> one number``, a point of any shape.
        start: the first point.
        tx: a gradient transformation.
        steps: number of steps.

    Returns:
        The points from the first on, shape (steps + 1, …).

    Raises:
        ValueError: if ``steps`` isn't a positive integer.

    Example:
        >>> descent(lambda p: jnp.sum(p**2), [1.0, 2.0], optim.sgd(0.25), steps=1).tolist()
        [[1.0, 2.0], [0.5, 1.0]]
    """
    _checks.positive_ints("descent", steps=steps)
    first = jnp.asarray(start, jnp.float32)

    def step(carry: tuple[Array, PyTree], _: None) -> tuple[tuple[Array, PyTree], Array]:
        point, opt_state = carry
        updates, opt_state = tx.update(jax.grad(surface)(point), opt_state, point)
        after = point + updates
        return (after, opt_state), after

    way = jax.jit(lambda first: lax.scan(step, (first, tx.init(first)), length=steps)[1])(first)
    return np.asarray(jnp.concatenate([first[None], way]))


def surface_paths(
    paths: Mapping[str, ArrayLike] | None = None,
    surface: Callable[[Array], Array] | None = None,
    *,
    low: tuple[float, float] = (-4.5, -1.8),
    high: tuple[float, float] = (1.5, 1.8),
    minimum: tuple[float, float] | None = None,
    title: str = "",
) -> "Figure":
    """Draws the paths of optimizers on the contours of a surface.

    Args:
        paths: the points of each path by name, shape (T, 2), as from ``descent``. Defaults to
            those of four optimizers from (-4, 1.5).
        surface: ``(point of shape (2,)) -> one number``. Defaults to a long valley,
            (θ₁² + 25θ₂²)/2, 25 times as steep across as along. See ``rosenbrock`` too.
        low: smallest x and y of the picture.
        high: largest x and y.
        minimum: the lowest point, marked with a star.
        title: the figure's title.

    Returns:
        A figure; markers show where paths end, and contours are at equal steps of the logarithm of
        the height above the lowest point of the picture.

    Raises:
        ShapeError: if a path isn't of shape (T, 2).

    Example:
        >>> figure = surface_paths()
        >>> [line.get_label() for line in figure.axes[0].lines][:2]
        ['gradient descent', 'momentum']
    """
    minimum = (0.0, 0.0) if surface is None else minimum
    surface = _valley if surface is None else surface
    paths = _ways(surface) if paths is None else paths
    figure = make_figure(1, 1, width=6.6, height=5.0)
    (axes,) = figure.axes
    _contours(axes, surface, low, high)
    for i, (name, path) in enumerate(paths.items()):
        points = np.asarray(path)
        if points.ndim != 2 or points.shape[1] != 2 or not len(points):
            got = f"the path {name} is {describe(points)}"
            raise ShapeError(f"surface_paths: {got}; it needs (T, 2), T at least 1")
        end: dict[str, Any] = {"markevery": [len(points) - 1], "ms": 10, "mec": "white"}
        colour, marker = COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)]
        axes.plot(*points.T, marker=marker, color=colour, lw=2, label=name, zorder=3 + i, **end)
    if minimum is not None:
        axes.plot(*minimum, "*", color="black", ms=16, mec="white", zorder=20)
    for start in {tuple(np.asarray(path)[0].tolist()) for path in paths.values()}:
        axes.plot(*start, "o", color="black", ms=8, zorder=20)
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), xlabel="$θ_1$", ylabel="$θ_2$")
    axes.xaxis.label.set_fontsize(13)
    axes.yaxis.label.set_fontsize(13)
    axes.legend(framealpha=0.9)
    heading(figure, title)
    return figure


def descent_animation(
    paths: Mapping[str, ArrayLike] | None = None,
    surface: Callable[[Array], Array] | None = None,
    *,
    low: tuple[float, float] = (-4.5, -1.8),
    high: tuple[float, float] = (1.5, 1.8),
    minimum: tuple[float, float] | None = None,
    pictures: int = 40,
    interval: int = 120,
) -> "FuncAnimation":
    """Animates ``surface_paths``: optimizers go down a surface, side by side.

    Args:
        paths: as for ``surface_paths``.
        surface: as for ``surface_paths``.
        low: smallest x and y of the picture.
        high: largest x and y.
        minimum: the lowest point, marked with a star.
        pictures: number of pictures, evenly from the first point to the last.
        interval: milliseconds between pictures.

    Returns:
        A matplotlib animation, for ``save_animation``.

    Raises:
        ShapeError: if a path isn't of shape (T, 2).
        ValueError: if ``pictures`` isn't a positive integer.

    Example:
        >>> moving = descent_animation(pictures=5)
        >>> len(list(moving.new_frame_seq()))
        5
        >>> moving._draw_was_started = True  # nobody looks at this one; matplotlib would warn
    """
    _checks.positive_ints("descent_animation", pictures=pictures)
    paths = _ways(_valley if surface is None else surface) if paths is None else paths
    figure = surface_paths(paths, surface, low=low, high=high, minimum=minimum)
    (axes,) = figure.axes
    lines = axes.lines[: len(paths)]
    ways = [np.asarray(path) for path in paths.values()]
    longest = max(map(len, ways))
    heading(figure, " ")

    def draw(i: int) -> None:
        count = 1 + round(i * (longest - 1) / max(pictures - 1, 1))
        for line, way in zip(lines, ways, strict=True):
            seen = way[:count]
            line.set_data(*seen.T)
            line.set_markevery([len(seen) - 1])
        heading(figure, f"step {count - 1}")

    return film(figure, draw, pictures, interval)


def landscape(
    landscape: "Landscape", *, path: ArrayLike | None = None, log: bool = False, title: str = ""
) -> "Figure":
    """Draws the loss over a plane through the parameters: its contours, and as a surface.

    Args:
        landscape: from ``explain.landscape``, with ``alpha`` and ``beta`` of shape (size,), and
            ``loss`` of shape (size, size).
        path: points (α, β) of a training run in the plane, shape (T, 2).
        log: whether heights are logarithmic.
        title: the figure's title.

    Returns:
        A figure of two panels; a cross marks the parameters.

    Raises:
        ShapeError: if the path has the wrong shape.

    Example:
        >>> from typing import NamedTuple
        >>> class Plane(NamedTuple):
        ...     alpha: np.ndarray
        ...     beta: np.ndarray
        ...     loss: np.ndarray
        >>> line = np.linspace(-1, 1, 5)
        >>> figure = landscape(Plane(line, line, line[:, None] ** 2 + line**2))
        >>> figure.axes[0].get_xlabel()
        'α'
    """
    points = np.zeros((0, 2)) if path is None else np.asarray(path)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ShapeError(f"landscape: path is {describe(points)}; it needs (T, 2)")
    heights = np.asarray(landscape.loss, np.float64).T  # rows are β, up; columns α, to the right
    heights = np.log10(np.maximum(heights, 1e-30)) if log else heights
    name = "log₁₀ loss" if log else "loss"
    figure = blank(10.4, 4.4)
    left, right = figure.add_subplot(1, 2, 1), figure.add_subplot(1, 2, 2, projection="3d")
    grid = np.meshgrid(np.asarray(landscape.alpha), np.asarray(landscape.beta))
    filled = left.contourf(*grid, heights, 24, cmap="viridis")
    left.contour(*grid, heights, 24, colors="white", linewidths=0.5, linestyles="-")
    left.plot(*points.T, "-o", color=ORANGE, lw=2, ms=4)
    left.plot(0, 0, "X", color="white", mec="black", ms=12)
    left.set(xlabel="α", ylabel="β")
    right.plot_surface(*grid, heights, cmap="viridis", lw=0.2, edgecolor="#00000030")
    right.set(xlabel="α", ylabel="β")
    figure.colorbar(filled, ax=[left, right], shrink=0.85, label=name)
    heading(figure, title)
    return figure


def rosenbrock(point: Array) -> Array:
    """Rosenbrock's valley, (1 - x)² + 100(y - x²)²: easy to get into, hard to follow.

    Args:
        point: x and y, shape (2,).

    Returns:
        A scalar; 0 at its minimum, (1, 1).

    Example:
        >>> float(rosenbrock(jnp.array([1.0, 1.0])))
        0.0

    Reference:
        Rosenbrock, "An automatic method for finding the greatest or least value of a function",
        1960.
    """
    x, y = point
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def _valley(point: Array) -> Array:
    return (point[0] ** 2 + 25 * point[1] ** 2) / 2


def _ways(surface: Callable[[Array], Array]) -> dict[str, np.ndarray]:
    chosen = {
        "gradient descent": optim.gradient_descent(0.07),
        "momentum": optim.sgd(0.01, momentum=0.9),
        "RMSprop": optim.rmsprop(0.05),
        "Adam": optim.adam(0.2),
    }
    return {
        name: descent(surface, np.array([-4.0, 1.5]), tx, steps=60) for name, tx in chosen.items()
    }


def _contours(
    axes: "Axes",
    surface: Callable[[Array], Array],
    low: tuple[float, float],
    high: tuple[float, float],
) -> None:
    lines = [np.linspace(a, b, 201, dtype=np.float32) for a, b in zip(low, high, strict=True)]
    x, y = np.meshgrid(*lines)
    points = jnp.asarray(np.stack([x, y], axis=-1).reshape(-1, 2))
    heights = np.asarray(jax.jit(jax.vmap(surface))(points), np.float64).reshape(x.shape)
    above = heights - np.nanmin(heights)
    least = max(float(np.nanmax(above)) * 1e-5, 1e-30)
    axes.contourf(x, y, np.log10(above + least), 22, cmap="Greys_r", alpha=0.75)
    axes.contour(x, y, np.log10(above + least), 22, colors="white", linewidths=0.4, linestyles="-")
