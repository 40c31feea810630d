"""L-BFGS: a quasi-Newton method for whole batches, with fixed steps or a strong Wolfe search.

It reproduces PyTorch's steps to the last digits, which ``optax.lbfgs`` doesn't: many iterations
per update, another first step, and minFunc's line search with its stopping rules.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree
from jax.typing import ArrayLike

from jaxdl._checks import one_of
from jaxdl._precision import cast_like, widen
from jaxdl._ranges import check, constants
from jaxdl.optim._descent import Rate, check_rate, floating_leaf, like
from jaxdl.optim._wolfe import Point, dot, strong_wolfe
from jaxdl.types import Array, Params


class LbfgsState(NamedTuple):
    """What lbfgs carries: the last iteration and the history; n counts all parameters."""

    count: Array  # type: ignore[assignment]  # int32, how many updates have been made
    iterations: Array  # int32, number of iterations in all updates
    direction: Array  # (n,) of the last iteration
    length: Array  # scalar, of its step in this direction
    gradient: Array  # (n,) where that step started
    scale: Array  # scalar, first guess of the inverse Hessian
    filled: Array  # int32, number of rows of the history in use, the last ones
    steps: Array  # (history_size, n), s
    changes: Array  # (history_size, n), y, of the gradient over the step
    curvatures: Array  # (history_size,), 1 / yᵀs


class Place(NamedTuple):
    """The state of the iterations within one update."""

    x: Array  # (n,) parameters
    value: Array
    gradient: Array
    memory: LbfgsState
    iterations: Array
    evaluations: Array
    done: Array


class Limits(NamedTuple):
    """When an update ends."""

    iterations: int
    evaluations: int
    gradient: ArrayLike
    change: ArrayLike


def lbfgs(
    learning_rate: Rate = 1.0,
    *,
    max_iter: int = 20,
    max_eval: int | None = None,
    tolerance_grad: ArrayLike = 1e-7,
    tolerance_change: ArrayLike = 1e-9,
    history_size: int = 100,
    line_search_fn: Literal["strong_wolfe"] | None = None,
) -> optax.GradientTransformationExtraArgs:
    """Limited-memory BFGS: θ ← θ − a·H·∇L(θ), up to ``max_iter`` times per update.

    H is built from the last steps s and gradient changes y by the two-loop recursion; a is the
    learning rate (η·min(1, 1/‖∇L‖₁) in the very first iteration), or the result of a line search
    that starts there. The loss must be fixed: whole batches, no dropout. ``optax.lbfgs`` makes one
    iteration per update, with another first step and another search.

    Args:
        learning_rate: η ≥ 0, a number or a schedule of the number of updates made so far.
        max_iter: maximum number of iterations per update.
        max_eval: maximum number of loss evaluations per update. Defaults to 5/4 of ``max_iter``.
        tolerance_grad: an update ends when no |∂L/∂θᵢ| is larger.
        tolerance_change: an update ends when the loss, or every entry of θ, changes by less.
        history_size: number of iterations whose s and y are kept.
        line_search_fn: ``"strong_wolfe"``, or None for fixed steps.

    Returns:
        A gradient transformation whose ``update`` needs ``params`` and
        ``value_fn=(params) -> loss``. Its first argument is the gradient at ``params``; passing
        the loss there as ``value=`` saves an evaluation.

    Raises:
        ValueError: if ``update`` lacks a required argument.

    Example:
        >>> loss = lambda x: jnp.sum((x - 1.0) ** 4)
        >>> tx = lbfgs(line_search_fn="strong_wolfe")
        >>> params = jnp.array([3.0, -5.0])
        >>> grads = jax.grad(loss)(params)
        >>> updates, state = tx.update(grads, tx.init(params), params, value_fn=loss)
        >>> bool(loss(optax.apply_updates(params, updates)) < 1e-6)
        True

    Reference:
        Nocedal and Wright, Numerical Optimization, 2006, chapters 3.5 and 7.2.
    """
    check_rate("lbfgs", learning_rate)
    check("lbfgs", tolerance_grad=tolerance_grad, tolerance_change=tolerance_change)
    max_iter, history_size = constants("lbfgs", max_iter=max_iter, history_size=history_size)
    (max_eval,) = constants("lbfgs", max_eval=max_iter * 5 // 4 if max_eval is None else max_eval)
    one_of("lbfgs", "line_search_fn", line_search_fn, ("strong_wolfe", None))
    limits = Limits(max_iter, max_eval, tolerance_grad, tolerance_change)
    search = None if line_search_fn is None else strong_wolfe

    def init(params: Params) -> LbfgsState:
        jax.tree_util.tree_map_with_path(lambda *leaf: floating_leaf("lbfgs", *leaf), params)
        return first_state(ravel_pytree(jax.tree.map(widen, params))[0], history_size)

    def update(
        grads: Params,
        state: LbfgsState,
        params: Params | None = None,
        *,
        value_fn: Callable[[Params], ArrayLike] | None = None,
        value: ArrayLike | None = None,
        **extra_args: object,  # for other links of a chain
    ) -> tuple[Params, LbfgsState]:
        if params is None or value_fn is None:
            raise ValueError("lbfgs: update(grads, state, params, value_fn=…) needs both of these")
        x, unravel = ravel_pytree(jax.tree.map(widen, params))
        loss = lambda x: jnp.asarray(value_fn(cast_like(unravel(x), params)), x.dtype)
        rate = learning_rate(state.count) if callable(learning_rate) else learning_rate
        here = loss(x) if value is None else jnp.asarray(value, x.dtype)
        g = ravel_pytree(cast_like(grads, unravel(x)))[0]
        place = start(x, here, g, state, limits)
        place = jax.lax.while_loop(
            lambda place: ~place.done,
            lambda place: iterate(place, jax.value_and_grad(loss), like(x, rate), limits, search),
            place,
        )
        state = place.memory._replace(count=optax.safe_increment(state.count))
        return cast_like(unravel(place.x - x), grads), state

    return optax.GradientTransformationExtraArgs(init, update)


def first_state(x: Array, history_size: int) -> LbfgsState:
    """Returns the state before the first iteration: no history, and the identity for H."""
    zero = lambda: jnp.zeros((), jnp.int32)
    rows = lambda: jnp.zeros((history_size, x.size), x.dtype)
    return LbfgsState(
        count=zero(),
        iterations=zero(),
        direction=jnp.zeros_like(x),
        length=jnp.zeros((), x.dtype),
        gradient=jnp.zeros_like(x),
        scale=jnp.ones((), x.dtype),
        filled=zero(),
        steps=rows(),
        changes=rows(),
        curvatures=jnp.zeros(history_size, x.dtype),
    )


def start(x: Array, value: Array, gradient: Array, state: LbfgsState, limits: Limits) -> Place:
    """Returns the place before the first iteration of an update."""
    done = jnp.max(jnp.abs(gradient), initial=0.0) <= like(x, limits.gradient)
    return Place(x, value, gradient, state, jnp.int32(0), jnp.int32(1), done)


def iterate(
    place: Place,
    value_and_grad: Callable[[Array], tuple[Array, Array]],
    rate: ArrayLike,
    limits: Limits,
    search: Callable[..., tuple[Point, Array]] | None,
) -> Place:
    """Returns the place after one iteration, or the same and ``done`` where no descent is left."""
    x, g, change = place.x, place.gradient, like(place.x, limits.change)
    memory = extend(place.memory, g)
    d = two_loops(memory, g)
    first = jnp.minimum(1.0, 1 / jnp.sum(jnp.abs(g)))
    length = jnp.where(memory.iterations == 0, first, 1.0) * rate
    slope = dot(g, d)
    last = place.iterations + 1 >= limits.iterations
    memory = memory._replace(
        direction=d, length=length, gradient=g, iterations=memory.iterations + 1
    )

    def objective(t: Array) -> Point:
        value, gradient = value_and_grad(x + t * d)
        return Point(t, value, gradient, dot(gradient, d))

    def move(_: object) -> tuple[Point, Array]:
        here = Point(jnp.zeros_like(length), place.value, g, slope)
        if search is not None:
            left = limits.evaluations - place.evaluations
            return search(objective, here, length, jnp.max(jnp.abs(d)), left, change)
        # After the last step nothing needs the loss.
        stay = lambda t: here._replace(t=t)
        return jax.lax.cond(last, stay, objective, length), 1 - last.astype(jnp.int32)

    def rest(_: object) -> tuple[Point, Array]:
        return Point(length, place.value, g, slope), jnp.int32(0)

    flat = slope > -change
    point, spent = jax.lax.cond(flat, rest, move, None)
    evaluations = place.evaluations + spent
    done = flat | last | (evaluations >= limits.evaluations)
    done |= jnp.max(jnp.abs(point.gradient)) <= like(x, limits.gradient)
    done |= jnp.max(jnp.abs(d * point.t)) <= change
    done |= jnp.abs(point.value - place.value) < change
    return Place(
        jnp.where(flat, x, x + point.t * d),
        point.value,
        point.gradient,
        memory._replace(length=point.t),
        place.iterations + 1,
        evaluations,
        done,
    )


def extend(memory: LbfgsState, gradient: Array) -> LbfgsState:
    """Returns the memory with the last step and gradient change, if their curvature is positive."""
    s, y = memory.direction * memory.length, gradient - memory.gradient
    curvature = dot(y, s)
    # The bound is PyTorch's, and absolute: it keeps H positive.
    accepted = (memory.iterations > 0) & (curvature > 1e-10)
    safe = jnp.where(accepted, curvature, 1.0)
    push = lambda rows, row: jnp.where(accepted, jnp.roll(rows, -1, axis=0).at[-1].set(row), rows)
    return memory._replace(
        scale=jnp.where(accepted, curvature / jnp.where(accepted, dot(y, y), 1.0), memory.scale),
        filled=jnp.where(
            accepted, jnp.minimum(memory.filled + 1, len(memory.curvatures)), memory.filled
        ),
        steps=push(memory.steps, s),
        changes=push(memory.changes, y),
        curvatures=push(memory.curvatures, 1 / safe),
    )


def two_loops(memory: LbfgsState, gradient: Array) -> Array:
    """Returns −H·∇L by the two-loop recursion over the history, newest first and then oldest."""
    s, y, rho, size = memory.steps, memory.changes, memory.curvatures, len(memory.curvatures)

    def back(i: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        q, alphas = carry
        j = size - 1 - i
        alpha = dot(s[j], q) * rho[j]
        return q - alpha * y[j], alphas.at[j].set(alpha)

    def forth(i: Array, r: Array) -> Array:
        j = size - memory.filled + i
        return r + s[j] * (alphas[j] - dot(y[j], r) * rho[j])

    q, alphas = jax.lax.fori_loop(0, memory.filled, back, (-gradient, jnp.zeros_like(rho)))
    return jax.lax.fori_loop(0, memory.filled, forth, q * memory.scale)
