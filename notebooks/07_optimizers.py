# %% [markdown]
# # 7 · Optimization algorithms
#
# *From plain gradient descent to Adam: what each adds, all of them racing down a valley, and then
# on data.*

# %% [markdown] tags=["objectives"]
# **After this lecture you can** write gradient descent in three steps, and say what momentum and
# scaling add to it; write Adam; choose an optimizer and a learning rate; and say when a rate is too
# large.
#
# **You need** [losses](06_losses.ipynb) and gradients. **Next:**
# [backpropagation](08_backpropagation.ipynb), by which the gradient is computed.

# %% [markdown] tags=["item-69", "item-70"]
# The gradient says which way the loss rises fastest. So go the other way, a little: that's
# **gradient descent**. Its three steps:
#
# 1. Choose the weights at random.
# 2. Compute the gradient $g$ of the loss, of all data or of a small batch.
# 3. Update, $\theta \leftarrow \theta - \eta\, g$, and go back to step 2.
#
# $\eta$ is the **learning rate** (two of the lectures call it $\alpha$ and $L$). In a long narrow
# valley it fares badly: the gradient points at the opposite slope rather than along the valley
# floor, and the steps zigzag.
#
# All the others repair this with two ideas. **Momentum** averages the gradients over time: what
# zigzags cancels, what points along the valley adds up. **Scaling** divides each coordinate by the
# usual size of its gradient: steep directions get small steps, flat ones large steps. Adam does
# both. The picture shows Rosenbrock's valley, $f(x, y) = (1 - x)^2 + 100\,(y - x^2)^2$, with its
# lowest point at (1, 1), and where 200 steps lead from the left.

# %% tags=["setup"]
import os
from typing import NamedTuple

# Small programs: most of the time goes into compiling them, so XLA is asked for less of it.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=1")

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
from IPython.display import Image

from jaxdl import data, explain, layers, losses, metrics, models, optim, plots, serial, train
from jaxdl.plots import BLUE, GREEN, GREY, ORANGE

FAST = "JAXDL_FAST" in os.environ  # smaller sizes, for the tests


# %%
def valley(p):
    return (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2


START = (-1.5, 2.0)

# %% [markdown] tags=["item-69", "item-70"]
# The three steps as a program, for a bowl whose lowest point is known:

# %% tags=["item-69", "item-70"]
bowl = lambda theta: ((theta - jnp.array([1.0, -2.0])) ** 2).sum()
theta = jax.random.normal(jax.random.key(0), (2,))  # 1. at random
for _ in range(50):
    gradient = jax.grad(bowl)(theta)  # 2. the gradient
    theta = theta - 0.1 * gradient  # 3. the update, with learning rate 0.1
print("after 50 steps:", theta.round(3))
assert jnp.allclose(theta, jnp.array([1.0, -2.0]), atol=1e-3)

# %% [markdown]
# ## From scratch
# Each algorithm is a rule (gradient, memory, step number) → (update, memory). With the gradient
# $g_t$:
#
# | | memory | update |
# |---|---|---|
# | gradient descent | none | $-\eta g_t$ |
# | momentum | $v_t = \mu v_{t-1} + g_t$ | $-\eta v_t$ |
# | AdaGrad | $s_t = s_{t-1} + g_t^2$ | $-\eta\, g_t / (\sqrt{s_t} + \epsilon)$ |
# | RMSprop | $s_t = \alpha s_{t-1} + (1 - \alpha) g_t^2$ | the same |
# | Adam | $m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t$, and $s_t$ | see below |
#
# Adam's $s_t$ is that of RMSprop with $\beta_2$ for $\alpha$. Both of its memories start at 0, so
# the first averages are too small; the update makes up for it:
#
# $$ \hat m_t = \frac{m_t}{1 - \beta_1^t}, \quad \hat s_t = \frac{s_t}{1 - \beta_2^t}, \quad
#    \text{update} = -\eta\,\frac{\hat m_t}{\sqrt{\hat s_t} + \epsilon}. $$


# %%
def descent(g, memory, t, eta=1e-3):
    return -eta * g, memory


def momentum(g, v, t, eta=1e-3, mu=0.9):
    v = mu * v + g
    return -eta * v, v


def adagrad(g, s, t, eta=0.5, epsilon=1e-10):
    s = s + g**2
    return -eta * g / (jnp.sqrt(s) + epsilon), s


def rmsprop(g, s, t, eta=0.01, alpha=0.99, epsilon=1e-8):
    s = alpha * s + (1 - alpha) * g**2
    return -eta * g / (jnp.sqrt(s) + epsilon), s


def adam(g, memory, t, eta=0.1, beta1=0.9, beta2=0.999, epsilon=1e-8):
    m, s = memory
    m = beta1 * m + (1 - beta1) * g
    s = beta2 * s + (1 - beta2) * g**2
    m_hat, s_hat = m / (1 - beta1**t), s / (1 - beta2**t)
    return -eta * m_hat / (jnp.sqrt(s_hat) + epsilon), (m, s)


def walk(rule, memory, steps=200):
    """The points that a rule visits in the valley, its start included."""

    def step(carry, t):
        p, memory = carry
        update, memory = rule(jax.grad(valley)(p), memory, t)
        return (p + update, memory), p + update

    start = jnp.asarray(START, jnp.float64)
    points = jax.lax.scan(step, (start, memory), jnp.arange(1, steps + 1))[1]
    return jnp.concatenate([start[None], points])


with jax.enable_x64(True):
    nothing = jnp.zeros(2, jnp.float64)
    ours = {
        "SGD": walk(descent, nothing),
        "momentum": walk(momentum, nothing),
        "AdaGrad": walk(adagrad, nothing),
        "RMSprop": walk(rmsprop, nothing),
        "Adam": walk(adam, (nothing, nothing)),
    }

# %% tags=["picture", "plot"]
xs, ys = jnp.meshgrid(jnp.linspace(-2, 2, 161), jnp.linspace(-1, 3, 161))
heights = valley((xs, ys))
figure, panels = plt.subplots(1, 5, figsize=(12.5, 3.1), sharey=True)
for axes, (name, path) in zip(panels, ours.items(), strict=True):
    path = np.asarray(path)  # in float64, which JAX would make float32 here
    axes.contour(xs, ys, heights, levels=10.0 ** jnp.arange(-1, 4), colors=GREY, linewidths=0.8)
    axes.plot(path[:, 0], path[:, 1], color=BLUE, lw=2)
    axes.plot(*path[0], "o", color="black", ms=7)
    axes.plot(*path[-1], "s", color=ORANGE, ms=8, zorder=4)
    axes.plot(1, 1, "*", color=GREEN, ms=14)
    axes.set_title(f"{name}: {float(valley(path[-1])):.2f}")
figure.suptitle("200 steps from the dot; the square is where they end, the star the lowest point")
plt.show()

# %% [markdown]
# The number in each title is the height that was reached; the lowest is 0. It says nothing about
# which is best: each has its own learning rate here.
#
# The same race as a film: in 200 steps momentum and Adam come round the bend, while the other three
# are still on its first side.

# %% tags=["plot", "item-72"]
film = plots.descent_animation(
    ours, valley, low=(-2, -1), high=(2, 3), minimum=(1, 1), pictures=16, interval=400
)
Image(data=plots.animation_gif(film, colours=64), format="gif", width=720)

# %% [markdown]
# ## The same with jaxdl, and what PyTorch prints
# `jaxdl.optim` has all of torch.optim's optimizers as Optax transformations: `update` takes
# gradients and memory and gives an update and the next memory, as ours do. For 100 steps they agree
# with ours to 13 digits, and after 200 to six, as they do with PyTorch's numbers. (Late on, RMSprop
# jumps from side to side of the valley, and each jump makes the differences in the last bit
# larger.)


# %%
def walk_with(tx, steps=200, dtype=jnp.float64):
    def step(carry, _):
        p, memory = carry
        updates, memory = tx.update(jax.grad(valley)(p), memory, p)
        p = optax.apply_updates(p, updates)
        return (p, memory), p

    start = jnp.asarray(START, dtype)
    points = jax.lax.scan(step, (start, tx.init(start)), length=steps)[1]
    return jnp.concatenate([start[None], points])


library = {
    "SGD": optim.sgd(1e-3),
    "momentum": optim.sgd(1e-3, momentum=0.9),
    "AdaGrad": optim.adagrad(0.5),
    "RMSprop": optim.rmsprop(0.01),
    "Adam": optim.adam(0.1),
}
pytorch = {
    "SGD": (-1.3063051, 1.71413197),
    "momentum": (0.63027177, 0.39539304),
    "AdaGrad": (-1.26539716, 1.60800777),
    "RMSprop": (-1.16637421, 1.36664494),
    "Adam": (-0.38314573, 0.14924544),
}
with jax.enable_x64(True):
    for name, tx in library.items():
        points = walk_with(tx)
        at_x, at_y = points[-1]
        print(f"{name:9} ({at_x:6.3f}, {at_y:6.3f})  f = {valley(points[-1]):.3f}")
        assert jnp.allclose(points[:101], ours[name][:101], rtol=0, atol=1e-13)
        assert jnp.allclose(points, ours[name], rtol=0, atol=1e-6)
        assert jnp.allclose(points[-1], jnp.array(pytorch[name]), atol=1e-6)

# %% [markdown] tags=["item-72"]
# ## All of them in the valley
# Learning rates were tried out for each, in steps of about three, and the best is taken. (So it's a
# fair race in this valley, and says nothing about another one.) Muon isn't there: it needs
# matrices.

# %% tags=["item-72"]
rates = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0]
make = {
    "SGD": optim.sgd,
    "momentum": lambda rate: optim.sgd(rate, momentum=0.9),
    "Nesterov": lambda rate: optim.sgd(rate, momentum=0.9, nesterov=True),
    "ASGD": optim.asgd,
    "AdaGrad": optim.adagrad,
    "Adadelta": optim.adadelta,
    "RMSprop": optim.rmsprop,
    "Adam": optim.adam,
    "AdamW": optim.adamw,
    "Adamax": optim.adamax,
    "NAdam": optim.nadam,
    "RAdam": optim.radam,
    "Rprop": optim.rprop,
}


def race(factory):
    """Runs 500 steps with all rates at once; returns the best height and its rate."""
    ends = jax.jit(jax.vmap(lambda rate: walk_with(factory(rate), 500, jnp.float32)[-1]))
    heights = jax.vmap(valley)(ends(jnp.array(rates)))
    best = int(jnp.nanargmin(jnp.where(jnp.isfinite(heights), heights, jnp.inf)))
    return float(heights[best]), rates[best]


shown = dict(list(make.items())[:3]) if FAST else make
results = {name: race(factory) for name, factory in shown.items()}
for name, (height, rate) in sorted(results.items(), key=lambda row: row[1]):
    print(f"{name:9} f = {height:8.1e}   η = {rate:g}")
assert results["momentum"][0] < results["SGD"][0] / 2

# %% [markdown]
# And L-BFGS, which remembers how the gradient *changes* and so has an idea of the valley's curve. A
# call of `update` does up to 20 iterations with line searches, and it needs the function itself.

# %% tags=["item-72"]
tx = optim.lbfgs(line_search_fn="strong_wolfe")
p = jnp.array(START)
memory = tx.init(p)
update = jax.jit(lambda g, memory, p: tx.update(g, memory, p, value_fn=valley))
for _ in range(3):
    updates, memory = update(jax.grad(valley)(p), memory, p)
    p = optax.apply_updates(p, updates)
    print(f"({p[0]:.3f}, {p[1]:.3f})  f = {valley(p):.1e}")
assert valley(p) < 1e-6

# %% [markdown]
# ## On data
# A valley is a picture, data is the point. The same small network on the silhouettes of ten
# animals, from the same start, with the same batches, three epochs each; this time with the rates
# that one would take first. `train.loop` trains by any step; ours takes one with each optimizer,
# so that all of them are a single program.

# %% tags=["item-72"]
animals = data.load("animals")
net = serial(layers.rescale(1 / 255), layers.flatten(axes=3), models.mlp((784, 32, 10)))
loss_fn = train.supervised(net, losses.cross_entropy, metrics={"accuracy": metrics.accuracy})
usual = {
    "SGD": optim.sgd(0.05),
    "momentum": optim.sgd(0.05, momentum=0.9),
    "AdaGrad": optim.adagrad(0.01),
    "Adadelta": optim.adadelta(1.0),
    "RMSprop": optim.rmsprop(1e-3),
    "Adam": optim.adam(1e-3),
    "AdamW": optim.adamw(1e-3),
    "Adamax": optim.adamax(2e-3),
    "NAdam": optim.nadam(1e-3),
    "RAdam": optim.radam(1e-3),
    "Adafactor": optim.adafactor(1e-2),
    "Muon": optim.by_path(  # it is for matrices only
        lambda path: "matrices" if path.endswith("kernel") else "others",
        {"matrices": optim.muon(0.02, weight_decay=0.0), "others": optim.adam(1e-3)},
    ),
}
if FAST:
    usual = {name: usual[name] for name in ("SGD", "Adam")}


class Race(NamedTuple):
    step: jax.Array
    key: jax.Array
    runners: dict[str, train.TrainState]


step_of = {name: train.make_step(loss_fn, tx) for name, tx in usual.items()}


def one_of_each(race, batch):
    runners = {name: step_of[name](own, batch)[0] for name, own in race.runners.items()}
    return Race(race.step + 1, race.key, runners), {}


first = train.init_state(net, usual["SGD"], jax.random.key(0))
runners = {name: first._replace(opt_state=tx.init(first.params)) for name, tx in usual.items()}
start = Race(jnp.int32(0), first.key, runners)
end, _ = train.loop(one_of_each, start, animals, epochs=3, batch_size=64, hooks=())
reached = {
    name: train.evaluate(loss_fn, own, animals.validation)["loss"]
    for name, own in end.runners.items()
}

# %% tags=["plot"]
figure, axes = plt.subplots(figsize=(9, 4.6))
names = sorted(reached, key=lambda name: reached[name], reverse=True)
for place, name in enumerate(names):
    axes.barh(place, reached[name], color=BLUE)
    axes.text(reached[name] + 0.01, place, f"{reached[name]:.2f}", va="center", fontsize=11)
axes.set_yticks(range(len(names)), names)
axes.set(title="Validation loss after three epochs (short is good)")
axes.margins(x=0.1)
axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %% tags=["item-72"]
assert reached["Adam"] < reached["SGD"]
assert all(loss < 2.3 for loss in reached.values())  # ln 10 is chance

# %% [markdown]
# Once more: with other rates the order is another one. What holds in general:
#
# | situation | take |
# |---|---|
# | to start with anything | `adam` or `adamw` at 1e-3 |
# | transformers | `adamw` with warm-up and cosine |
# | convolutional networks, with time to tune | `sgd` with momentum 0.9 and a schedule |
# | little memory | `adafactor`, `sgd` |
# | matrices in large networks | `muon`, with `adamw` for the rest |
# | small smooth problems, all data at once | `lbfgs` |

# %% [markdown] tags=["item-72"]
# PyTorch's list is complete: each of its optimizers is in `jaxdl.optim`, under the same name in
# small letters. Only `SparseAdam` is left out, because JAX's gradients aren't sparse.

# %% tags=["item-72"]
torch_optim = [
    *["Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "ASGD", "LBFGS"],
    *["Muon", "NAdam", "RAdam", "RMSprop", "Rprop", "SGD"],
]
missing = [name for name in torch_optim if not hasattr(optim, name.lower())]
print(len(torch_optim), "optimizers of torch.optim, missing:", missing)
assert not missing

# %% [markdown]
# ## The landscape of a network
# A network has thousands of coordinates, and a picture has two. `explain.landscape` walks from the
# weights that Adam found along two random directions, scaled for each unit to the length of its
# weights, and computes the loss at every point of that plane (Li et al. 2018). Near the middle it's
# a bowl, as smooth as any valley above: no picture of all the directions, but a hint why following
# the slope works so well.

# %%
rows = {name: jnp.asarray(values[:500]) for name, values in animals.train.items()}
adam_end = end.runners["Adam"]
some_loss = lambda params: loss_fn(params, adam_end.state, rows, key=None, train=False)[0]
plane = explain.landscape(some_loss, adam_end.params, key=jax.random.key(1), size=9 if FAST else 25)
middle = len(plane.alpha) // 2
print(f"loss in the middle {plane.loss[middle, middle]:.2f}, in a corner {plane.loss[0, 0]:.2f}")
assert jnp.isclose(plane.loss[middle, middle], some_loss(adam_end.params), rtol=1e-4)
assert plane.loss[middle, middle] < plane.loss.min() + 0.05 < plane.loss.mean()

# %% tags=["plot"]
plots.landscape(plane)

# %% [markdown] tags=["item-70"]
# ## The learning rate
# The learning rate is the first thing to tune. For $f(\theta) = \frac{a}{2}\theta^2$ the step gives
# $\theta \leftarrow (1 - \eta a)\,\theta$: it converges for $\eta < 2/a$, alternates beyond $1/a$,
# explodes beyond $2/a$.

# %% tags=["item-70", "plot"]
a, steps = 4.0, jnp.arange(0, 16)
figure, axes = plt.subplots(figsize=(9, 3.6))
for eta, style in {0.05: "s", 0.25: "D", 0.45: "^", 0.52: "o"}.items():
    colour = {0.05: GREY, 0.25: BLUE, 0.45: GREEN, 0.52: ORANGE}[eta]
    axes.plot(steps, (1 - eta * a) ** steps, marker=style, color=colour, label=f"η = {eta}")
axes.set(xlabel="step", ylabel="θ", title="Too small, just right, alternating, too large")
axes.legend(frameon=False, ncols=2)
plt.show()

# %% tags=["item-70"]
assert abs((1 - 0.45 * a) ** 100) < 1e-9 and abs((1 - 0.52 * a) ** 100) > 1e3

# %% [markdown] tags=["recap"]
# ## In five lines
# * Gradient descent: start at random, take the gradient, go a step against it, again.
# * Momentum averages gradients over time: zigzags cancel, the way along the valley adds up.
# * Scaling divides by the usual size of each coordinate's gradient; Adam does both.
# * The learning rate comes first: beyond $2/a$ on a slope of curvature $a$, every step makes it
#   worse.
# * Which optimizer is best depends on the problem; `adam` at 1e-3 is a good start.

# %% [markdown] tags=["quiz"]
# ## Quiz
# 1. Why does plain descent zigzag in a narrow valley?
# 2. What do Adam's two corrections $1 - \beta^t$ repair?
# 3. The loss jumps up and down from step to step and grows. What do you change first?
# 4. Which optimizer needs least memory besides the weights?
# 5. Two optimizers are compared, each at learning rate 0.01. Is the comparison fair?
#
# <details><summary>Answers</summary>
#
# 1. The gradient points across the valley, not along it.
# 2. Both averages start at 0 and are too small at first.
# 3. The learning rate: make it smaller.
# 4. Plain descent needs none.
# 5. No: each has its own scale of rates, and has to be tuned.
#
# </details>

# %% [markdown] tags=["exercises"]
# ## Exercises

# %% [markdown]
# **1.** Adam's first step has the same length in each coordinate, however large the gradient.
# Which, for $\eta = 0.1$?

# %% tags=["solution"]
first_step = 0.1

# %% tags=["check"]
for size in (1e-3, 1.0, 1e3):
    first, _ = adam(jnp.array([size, -size]), (jnp.zeros(2), jnp.zeros(2)), 1)
    assert jnp.allclose(first, jnp.array([-first_step, first_step]), rtol=1e-4)

# %% [markdown]
# **2.** Momentum with $\mu = 0.9$ under a constant gradient: how many times as long do the steps
# become, compared to plain gradient descent? (A geometric series.)

# %% tags=["solution"]
times = 1 / (1 - 0.9)

# %% tags=["check"]
v = jnp.zeros(())
for t in range(200):
    step, v = momentum(jnp.ones(()), v, t)
assert jnp.isclose(step, -1e-3 * times, rtol=1e-4)

# %% [markdown]
# **3.** AdaGrad's steps under a constant gradient of 1 shrink. Give their length at step $t$ for
# $\eta = 1$, as a function.


# %% tags=["solution"]
def step_length(t):
    """Of AdaGrad's step number t, counted from 1."""
    return t**-0.5


# %% tags=["check"]
s = jnp.zeros(())
for t in range(1, 101):
    last, s = adagrad(jnp.ones(()), s, t, eta=1.0)
    assert jnp.isclose(-last, step_length(t), rtol=1e-4)

# %% [markdown]
# **4.** AdamW isn't Adam with $\ell_2$ regularisation: it takes the weights' decay out of the
# scaling. With rate 0.1, decay 0.01 and gradient 0, by how much does a weight of 2 change in each?

# %% tags=["solution"]
changes = {"adam": -0.1, "adamw": -0.1 * 0.01 * 2.0}

# %% tags=["check"]
weight, no_gradient = jnp.array([2.0]), jnp.zeros(1)
for factory in (optim.adam, optim.adamw):
    tx = factory(0.1, weight_decay=0.01)
    change, _ = tx.update(no_gradient, tx.init(weight), weight)
    assert jnp.allclose(change, changes[factory.__name__], rtol=1e-3)
