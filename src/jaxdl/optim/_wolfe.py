"""The line search of L-BFGS: a step length that satisfies the strong Wolfe conditions."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl.types import Array

DECREASE, CURVATURE = 1e-4, 0.9
"""c₁ and c₂: L(t) ≤ L(0) + c₁·t·L′(0), and |L′(t)| ≤ c₂·|L′(0)|."""


class Point(NamedTuple):
    """The loss at one step length along a direction; two of them if there is a leading axis."""

    t: Array
    value: Array
    gradient: Array  # (n,)
    slope: Array  # dL/dt


Objective: TypeAlias = Callable[[Array], Point]


class Bracketing(NamedTuple):
    """The first phase, which moves outwards until two points enclose a good length."""

    previous: Point
    newest: Point
    tries: Array


class Zoom(NamedTuple):
    """The second phase, which closes in on it."""

    ends: Point  # two of them, in no order
    low: Array  # 0 or 1, which of them has the lower value
    slow: Array  # whether the last try was close to an end
    tries: Array
    done: Array


def dot(a: Array, b: Array) -> Array:
    """Returns aᵀb, at full precision on every device."""
    return jnp.vdot(a, b, precision="highest")


def strong_wolfe(
    objective: Objective, start: Point, t: Array, reach: Array, most: Array, tolerance: ArrayLike
) -> tuple[Point, Array]:
    """Returns a point that satisfies the strong Wolfe conditions, or the best of those tried.

    The steps are those of PyTorch, and of minFunc before it: cubic interpolation in both phases.

    Args:
        objective: the loss by step length.
        start: the point of length 0, with a negative slope.
        t: the length to try first.
        reach: the largest entry of the direction.
        most: the most tries after the first.
        tolerance: the bracket is not closed further than this, in any parameter.

    Returns:
        The point, and the number of evaluations.

    Reference:
        Nocedal and Wright, Numerical Optimization, 2006, algorithms 3.5 and 3.6.
    """
    phase = Bracketing(start, objective(t), jnp.zeros_like(most))
    phase = jax.lax.while_loop(
        lambda phase: (phase.tries < most) & ~bracketed(phase, start) & ~good(phase, start),
        lambda phase: go_on(phase, objective),
        phase,
    )
    tired = phase.tries >= most
    done = ~tired & good(phase, start) & ~risen(phase, start)
    first = jax.tree.map(
        lambda a, b, c: jnp.where(tired, a, jnp.where(done, c, b)),
        start,
        phase.previous,
        phase.newest,
    )
    ends = jax.tree.map(lambda a, b: jnp.stack([a, b]), first, phase.newest)
    zoom = Zoom(ends, lower(ends), jnp.bool_(False), phase.tries, done)
    zoom = jax.lax.while_loop(
        lambda zoom: (
            ~zoom.done
            & (zoom.tries < most)
            & ~(jnp.abs(zoom.ends.t[1] - zoom.ends.t[0]) * reach < tolerance)
        ),
        lambda zoom: close_in(zoom, objective, start),
        zoom,
    )
    return at(zoom.ends, zoom.low), zoom.tries + 1


def too_high(point: Point, start: Point) -> Array:
    """Returns whether the loss has not decreased enough for the length."""
    return point.value > start.value + DECREASE * point.t * start.slope


def risen(phase: Bracketing, start: Point) -> Array:
    """Returns whether the loss goes up again before the newest point."""
    higher = (phase.tries > 1) & (phase.newest.value >= phase.previous.value)
    return too_high(phase.newest, start) | higher


def good(phase: Bracketing, start: Point) -> Array:
    """Returns whether the newest point is flat enough."""
    return jnp.abs(phase.newest.slope) <= -CURVATURE * start.slope


def bracketed(phase: Bracketing, start: Point) -> Array:
    """Returns whether a good length lies between the last two points."""
    return risen(phase, start) | (phase.newest.slope >= 0)


def go_on(phase: Bracketing, objective: Objective) -> Bracketing:
    """Returns the first phase after a try further out, by 1 % to tenfold."""
    a, b = phase.previous, phase.newest
    t = cubic_minimum(a, b, b.t + 0.01 * (b.t - a.t), b.t * 10)
    return Bracketing(b, objective(t), phase.tries + 1)


def close_in(zoom: Zoom, objective: Objective, start: Point) -> Zoom:
    """Returns the second phase after one more try inside the bracket."""
    ends, low = zoom.ends, zoom.low
    left, right = jnp.min(ends.t), jnp.max(ends.t)
    t = cubic_minimum(at(ends, 0), at(ends, 1), left, right)
    # Two tries in a row near an end, or one at it, are moved inside by a tenth.
    margin = 0.1 * (right - left)
    near = jnp.minimum(right - t, t - left) < margin
    moved = near & (zoom.slow | (t >= right) | (t <= left))
    inside = jnp.where(jnp.abs(t - right) < jnp.abs(t - left), right - margin, left + margin)
    new = objective(jnp.where(moved, inside, t))
    worse = too_high(new, start) | (new.value >= ends.value[low])
    flat = jnp.abs(new.slope) <= -CURVATURE * start.slope
    turned = ~flat & (new.slope * (ends.t[1 - low] - ends.t[low]) >= 0)
    if_worse = put(ends, 1 - low, new)
    if_better = put(put(ends, 1 - low, at(ends, jnp.where(turned, low, 1 - low))), low, new)
    return Zoom(
        ends=jax.tree.map(lambda a, b: jnp.where(worse, a, b), if_worse, if_better),
        low=jnp.where(worse, lower(if_worse), low),
        slow=near & ~moved,
        tries=zoom.tries + 1,
        done=~worse & flat,
    )


def lower(ends: Point) -> Array:
    """Returns which of two ends has the lower value, the first where both are equal."""
    return jnp.where(ends.value[0] <= ends.value[1], 0, 1)


def at(points: Point, i: object) -> Point:
    """Returns one of two points."""
    return jax.tree.map(lambda x: x[i], points)


def put(points: Point, i: object, point: Point) -> Point:
    """Returns two points with another in the place of one."""
    return jax.tree.map(lambda x, y: x.at[i].set(y), points, point)


def cubic_minimum(a: Point, b: Point, low: Array, high: Array) -> Array:
    """Returns where the cubic through two points with their slopes is least, within bounds.

    Where that cubic has no minimum, it is the middle of the bounds.
    """
    a, b = order(a, b)
    d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    d2 = jnp.sqrt(jnp.maximum(square, 0.0))
    t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
    return jnp.where(square >= 0, jnp.clip(t, low, high), (low + high) / 2)


def order(a: Point, b: Point) -> tuple[Point, Point]:
    """Returns the two points by their length."""
    first = jax.tree.map(lambda x, y: jnp.where(a.t <= b.t, x, y), a, b)
    return first, jax.tree.map(lambda x, y: jnp.where(a.t <= b.t, y, x), a, b)
