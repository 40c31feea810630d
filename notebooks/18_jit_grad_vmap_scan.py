# %% [markdown]
# # 18 · jit, grad, vmap and scan in an hour
#
# *What JAX's four transformations do to one and the same training step, with their traps.*

# %% [markdown] tags=["objectives"]
# **After this lecture you can** say what `grad`, `jit`, `vmap` and `scan` do to a function and what
# they ask of it; write a training step once and run it compiled, for each example, many times over
# or for many networks; and recognise the traps by what they say.
#
# **You need** [a network of one layer](04_single_layer.ipynb), with its steps of training, and
# NumPy. **Next:** the same step on several devices, [many devices](19_many_devices.ipynb).

# %% [markdown]
# JAX is NumPy plus functions that take a **function** and give back another one. `grad` gives its
# derivative, `jit` a compiled version, `vmap` one for many inputs at a time, `scan` a loop of it in
# one program. They all work in the same way: JAX calls your function once with stand-ins for the
# arrays (*tracers*; under `jit` and `scan` they have a shape and a type, but no values), follows
# every operation, and makes of them the new function. That's why they nest: the result is a
# function again.
#
# And it's why functions have to be **pure**: what comes out may depend only on what goes in. All
# that a training step changes is therefore its argument and its result. We write one training step
# in the plainest way, send it through one transformation after the other, and look at what changes:
# never the numbers, often the time.

# %% tags=["setup"]
import functools
import os
import time

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax

from jaxdl import losses, models, train
from jaxdl.plots import BLUE, GREY, ORANGE, SKY

FAST = "JAXDL_FAST" in os.environ  # smaller sizes, for the tests
np.set_printoptions(precision=4, suppress=True)

# %% [markdown]
# ## One training step
#
# A network of two layers learns which of two moons a point belongs to. Nothing but functions:
#
# $$ \theta \leftarrow \theta - \eta\,\nabla_\theta L(\theta;\ x, y) $$


# %%
def two_moons(key, n):
    """Points of two half circles, one inside the other's bow, and which they belong to."""
    angle_key, noise_key = jax.random.split(key)
    labels = jnp.arange(n) % 2
    angle = jnp.pi * jax.random.uniform(angle_key, (n,))
    moon = jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=1)
    turned = jnp.array([1.0, 0.5]) - moon
    points = jnp.where(labels[:, None] == 0, moon, turned)
    return points + 0.15 * jax.random.normal(noise_key, (n, 2)), labels.astype(jnp.float32)


def init(key, n_hidden=32):
    one, two = jax.random.split(key)
    return {
        "W1": jax.random.normal(one, (2, n_hidden)),
        "b1": jnp.zeros(n_hidden),
        "w2": jax.random.normal(two, (n_hidden,)) / n_hidden**0.5,
        "b2": jnp.zeros(()),
    }


def logit(params, x):
    """For one point, shape (2,), or many, (…, 2)."""
    return jnp.tanh(x @ params["W1"] + params["b1"]) @ params["w2"] + params["b2"]


def loss(params, x, y):
    """Binary cross-entropy: log(1 + eᶻ) - y·z."""
    z = logit(params, x)
    return jnp.mean(jnp.logaddexp(0.0, z) - y * z)


def step(params, x, y):
    grads = jax.grad(loss)(params, x, y)
    return jax.tree.map(lambda p, g: p - 0.5 * g, params, grads)


x, y = two_moons(jax.random.key(0), 256)
params = init(jax.random.key(1))
print(f"loss before {loss(params, x, y):.3f}, after a step {loss(step(params, x, y), x, y):.3f}")
assert loss(step(params, x, y), x, y) < loss(params, x, y)

# %% [markdown]
# ## What a transformation sees: the list of operations
#
# `jax.make_jaxpr` shows it. There are no `if`, no Python and no numbers in it, only shapes.

# %%
print(jax.make_jaxpr(logit)(params, x[0]))

# %% [markdown]
# ## 1 · grad
#
# `jax.grad(f)` is a function that takes what `f` takes and returns the derivative with respect to
# the **first** argument, in the shape of that argument: a dict of arrays for a dict of arrays.
# Check one entry against the definition, $\big(f(\theta + h) - f(\theta - h)\big) / 2h$:

# %%
grads = jax.grad(loss)(params, x, y)
assert jax.tree.map(jnp.shape, grads) == jax.tree.map(jnp.shape, params)
h = 1e-2
nudged = lambda h: loss({**params, "b2": params["b2"] + h}, x, y)
quotient = (nudged(h) - nudged(-h)) / (2 * h)
print(f"grad {grads['b2']:.5f}, difference quotient {quotient:.5f}")
assert jnp.allclose(grads["b2"], quotient, rtol=1e-3)

# Value and gradient in one pass; derivatives of other arguments; of derivatives.
value, same = jax.value_and_grad(loss)(params, x, y)
assert jnp.allclose(value, loss(params, x, y)) and jnp.allclose(same["W1"], grads["W1"])
assert jax.grad(loss, argnums=1)(params, x, y).shape == x.shape
third = jax.grad(jax.grad(jax.grad(lambda t: t**4)))
assert third(2.0) == 24 * 2.0

# %% [markdown]
# PyTorch computes the same numbers another way: it notes operations *while* they run,
# `loss.backward()` walks back over the notes, and leaves results in `parameter.grad`, added to what
# is there already (which is why one has to call `zero_grad`). `jax.grad` returns them: there is
# nothing to reset.
#
# ## 2 · jit
#
# `jax.jit(f)` compiles the whole list of operations into one program, the first time it's called
# with arguments of these shapes and types. Python runs only then. A `print` shows it:

# %%
traced: list = []


@jax.jit
def noisy_step(params, x, y):
    traced.append(x.shape)  # a side effect: happens while tracing, and never again
    return step(params, x, y)


for _ in range(3):
    noisy_step(params, x, y)
assert traced == [(256, 2)]
noisy_step(params, x[:100], y[:100])  # another shape: traced and compiled once more
assert traced == [(256, 2), (100, 2)]
noisy_step(params, x, y)  # both programs are kept
assert len(traced) == 2
print("traced for", traced)


# %%
def seconds(f, repeat=5, calls=20):
    """The shortest mean time of a call, once everything is compiled."""
    jax.block_until_ready(f())
    best = np.inf
    for _ in range(repeat):
        start = time.perf_counter()
        for _ in range(calls):
            result = f()
        jax.block_until_ready(result)  # JAX returns before it has computed; wait
        best = min(best, (time.perf_counter() - start) / calls)
    return best


fast_step = jax.jit(step)
times = {
    "as written": seconds(lambda: step(params, x, y), repeat=3, calls=3),
    "jit": seconds(lambda: fast_step(params, x, y)),
}
plain, compiled = step(params, x, y), fast_step(params, x, y)
for name in plain:
    assert jnp.allclose(plain[name], compiled[name], atol=1e-6)
assert times["jit"] < times["as written"] / 3

# %% [markdown]
# **Traps.** A tracer has no value, so Python can't decide on it; the error says so. Use `jnp.where`
# or `lax.cond`, or tell `jit` that an argument is part of the program (`static_argnames`), at the
# price of a compilation for each value.


# %%
@jax.jit
def relu_wrong(z):
    return z if z > 0 else 0.0


try:
    relu_wrong(1.0)
    raise AssertionError("this must not work")
except jax.errors.TracerBoolConversionError as error:
    print(type(error).__name__, "…", str(error).splitlines()[0][:70])

relu = jax.jit(lambda z: jnp.where(z > 0, z, 0.0))
assert relu(1.0) == 1 and relu(-1.0) == 0


@functools.partial(jax.jit, static_argnames="power")
def raised(z, power):
    return z if power == 1 else z * raised(z, power - 1)


assert raised(2.0, power=5) == 32

# Arrays don't change. `at` gives a new one, and inside jit nothing is copied for it.
a = jnp.zeros(3)
assert a.at[1].set(5.0).sum() == 5 and a.sum() == 0

# Random numbers come from a key; the same key gives the same numbers, so split it.
key = jax.random.key(0)
assert jax.random.normal(key) == jax.random.normal(key)
assert len({float(jax.random.normal(k)) for k in jax.random.split(key, 4)}) == 4

# %% [markdown]
# ## 3 · vmap
#
# Write the function for **one** example; `vmap` gives the one for a batch, and turns the vector
# products inside into matrix products. `in_axes` says which arguments have the batch axis: `None`
# for the parameters, which all share, and 0 for the rest.
#
# With `grad` inside, it answers a question that is hard elsewhere: what would *each* example do to
# the parameters? The gradient of the mean loss is the mean of these.

# %%
of_each = jax.vmap(jax.grad(loss), in_axes=(None, 0, 0))(params, x, y)
print({name: g.shape for name, g in of_each.items()})
for name, g in of_each.items():
    assert jnp.allclose(g.mean(axis=0), grads[name], atol=1e-6)
one_by_one = jnp.stack([jax.grad(loss)(params, x[i], y[i])["W1"] for i in range(8)])
assert jnp.allclose(of_each["W1"][:8], one_by_one, atol=1e-6)

# %% [markdown]
# After some training, look at the length of each example's gradient. Those in the midst of their
# moon have nothing more to say; the few at the border pull.

# %%
trained = params
for _ in range(300):
    trained = fast_step(trained, x, y)
of_each = jax.jit(jax.vmap(jax.grad(loss), in_axes=(None, 0, 0)))(trained, x, y)
length = jnp.sqrt(sum(jnp.sum(g.reshape(len(x), -1) ** 2, axis=1) for g in of_each.values()))
at_the_border = jnp.abs(logit(trained, x)) < 1
print(f"median length {jnp.median(length):.3f}, longest {length.max():.2f}; "
      f"{at_the_border.mean():.0%} of the points have "
      f"{length[at_the_border].sum() / length.sum():.0%} of all length")  # fmt: skip
assert float(jnp.median(length)) < float(length.max()) / 5

# %% tags=["plot"]
grid = jnp.stack(jnp.meshgrid(jnp.linspace(-1.6, 2.6, 120), jnp.linspace(-1.1, 1.6, 120)), axis=-1)
figure, axes = plt.subplots(figsize=(9, 5.4))
axes.contour(grid[..., 0], grid[..., 1], logit(trained, grid), [0.0], colors="black", linewidths=2)
dots = axes.scatter(
    *x.T, c=length, s=20 + 160 * length / length.max(), cmap="viridis_r", ec="white", lw=0.5
)
figure.colorbar(dots, label="length of the example's gradient")
axes.set(
    title="Who still pulls: gradients of single examples (vmap of grad)", xlabel="x₁", ylabel="x₂"
)
axes.set_aspect("equal")
plt.show()

# %% [markdown]
# ## 4 · scan
#
# A Python loop over a compiled step crosses from Python into the program and back for each step.
# `lax.scan` puts the loop inside: `scan(f, carry, xs)` calls `carry, out = f(carry, x)` for each
# `x` and stacks what comes out. Unlike a loop within `jit`, which is unrolled into a program as
# long as the training, it's traced once.


# %%
@functools.partial(jax.jit, static_argnames="n")
def train_scan(params, x, y, n):
    def one(params, _):
        return step(params, x, y), loss(params, x, y)

    return jax.lax.scan(one, params, length=n)


STEPS = 50 if FAST else 500
by_scan, curve = train_scan(params, x, y, STEPS)
by_loop = params
for _ in range(STEPS):
    by_loop = fast_step(by_loop, x, y)
for name in by_loop:
    assert jnp.allclose(by_scan[name], by_loop[name], atol=1e-3)
assert curve.shape == (STEPS,) and jnp.allclose(curve[0], loss(params, x, y), rtol=1e-5)
times["scan"] = seconds(lambda: train_scan(params, x, y, STEPS), repeat=3, calls=1) / STEPS


def lines(f, *args):
    return len(str(jax.make_jaxpr(f)(*args)).splitlines())


def unrolled(params, x, y, n):
    for _ in range(n):
        params = step(params, x, y)
    return params


scanned = lambda n: lines(
    lambda p: jax.lax.scan(lambda c, _: (step(c, x, y), None), p, length=n), params
)
print(
    "lines of the program for 2, 20 steps, unrolled:",
    [lines(lambda p, n=n: unrolled(p, x, y, n), params) for n in (2, 20)],
)
print("and with scan:                                 ", [scanned(n) for n in (2, 20)])
assert scanned(2) == scanned(20)

# %% [markdown]
# ## All at once
#
# Because each gives a function, they stack. A gradient inside a step, inside a scan, inside a vmap
# over seeds, inside jit: **sixteen networks trained from start to end in one program**.

# %%
SEEDS = 16
starts = jax.vmap(init)(jax.random.split(jax.random.key(7), SEEDS))
train_many = jax.vmap(lambda p: train_scan(p, x, y, STEPS))
_, curves = train_many(starts)
times[f"vmap of scan,\n{SEEDS} networks"] = (
    seconds(lambda: jax.jit(train_many)(starts), 3, 1) / STEPS / SEEDS
)
alone = train_scan(init(jax.random.split(jax.random.key(7), SEEDS)[3]), x, y, STEPS)[1]
assert jnp.allclose(curves[3], alone, atol=1e-3)

# %% tags=["picture", "plot"]
figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.6))
names, values = list(times), [1e6 * t for t in times.values()]
colours = [GREY, SKY, BLUE, ORANGE]
left.scatter(values[::-1], names[::-1], color=colours[::-1], s=140)  # no bars: no zero to begin at
for i, value in enumerate(values[::-1]):
    left.annotate(f"{value:,.0f} µs", (value, i), (11, 0), textcoords="offset points", va="center")
left.set(
    xscale="log",
    xlim=(min(values) / 2, max(values) * 5),
    ylim=(-0.5, len(names) - 0.5),
    title=f"jit makes a step {times['as written'] / times['jit']:.0f} times as fast",
)
left.set_xlabel("microseconds a step and network (logarithmic)")
left.grid(axis="x", color="#dddddd")
right.plot(curves.T, color=ORANGE, alpha=0.35, lw=1.2)
right.plot(curves.mean(0), color="black", lw=2.5, label="mean")
right.set(xlabel="step", ylabel="loss", yscale="log", title=f"{SEEDS} networks in one program")
right.legend(frameon=False)
for axes in (left, right):
    axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
# From plain Python to one program the gain is large. (The axis is logarithmic.) What `scan` and
# `vmap` change beyond that is far less, goes in one direction or the other, and differs from
# machine to machine. On a CPU such a step spends most of its time on computing, whoever calls it.
# These two take away the cost of calling, which counts where steps are shorter, or calls dearer, as
# on a GPU.
#
# ## The same with jaxdl
#
# `train.make_step` builds the step and leaves the transformation to you; that is the whole idea of
# the library. A `TrainState` is the carry: what the step changes, and nothing else.

# %%
net = models.mlp((2, 32, 1), activation=jnp.tanh)
loss_fn = train.supervised(net, losses.binary_cross_entropy_with_logits)
tx = optax.sgd(0.5)
jaxdl_step = train.make_step(loss_fn, tx)
state = train.init_state(net, tx, jax.random.key(0))
first, _, last = state.params  # dense, tanh, dense
ours = {
    "W1": first["kernel"],
    "b1": first["bias"],
    "w2": last["kernel"][:, 0],
    "b2": last["bias"][0],
}
batch = {"inputs": x, "labels": y[:, None]}

# one step under jit
after, sums = jax.jit(jaxdl_step)(state, batch)
expected = step(ours, x, y)
assert jnp.allclose(after.params[0]["kernel"], expected["W1"], atol=1e-6)
assert jnp.allclose(after.params[2]["bias"][0], expected["b2"], atol=1e-6)

# many under scan
carry = lambda state, _: (jaxdl_step(state, batch)[0], None)
after, _ = jax.jit(lambda s: jax.lax.scan(carry, s, length=20))(state)
expected = unrolled(ours, x, y, 20)
assert jnp.allclose(after.params[0]["kernel"], expected["W1"], atol=1e-4)

# a population under vmap
states = jax.vmap(lambda key: train.init_state(net, tx, key))(
    jax.random.split(jax.random.key(0), 5)
)
after, sums = jax.jit(jax.vmap(jaxdl_step, in_axes=(0, None)))(states, batch)
print("losses of five networks:", (sums["loss"].total / sums["loss"].count).round(3))
assert after.step.tolist() == [1] * 5

# %% [markdown] tags=["recap"]
# ## In five lines
# * A transformation takes a function and gives back a function; that's why they nest.
# * `grad` returns the derivative in the shape of the argument; there is nothing to reset.
# * `jit` traces once for each shape and compiles; Python's side effects happen only then.
# * `vmap` turns the function of one example into that of a batch, gradients included.
# * `scan` is a loop inside the program, as short for a thousand steps as for two.

# %% [markdown] tags=["quiz"]
# ## Quiz
# 1. A `print` stands in a function under `jit`. How often does it print in ten calls?
# 2. `jit` complains about `if z > 0`. What can you do?
# 3. What does `in_axes=(None, 0, 0)` say about a function of parameters, inputs and labels?
# 4. Which two results does the function that `scan` runs return?
# 5. You call `jax.random.normal(key)` twice. What do you get?
#
# <details><summary>Answers</summary>
#
# 1. Once, while it's traced; once more for each new shape or type.
# 2. `jnp.where` or `lax.cond`, or declare the argument static.
# 3. All examples share the parameters; inputs and labels have an axis of examples, the first.
# 4. The carry for the next step, and what is to be stacked.
# 5. The same number twice; split the key first.
#
# </details>

# %% [markdown] tags=["exercises"]
# ## Exercises

# %% [markdown]
# **1.** With `vmap` twice and no loop, compute all pairwise distances of two sets of points.


# %% tags=["solution"]
def distances(a, b):
    """The inner vmap runs over the second set, the outer over the first."""
    distance = lambda p, q: jnp.linalg.norm(p - q)
    return jax.vmap(jax.vmap(distance, (None, 0)), (0, None))(a, b)


# %% tags=["check"]
points = jax.random.normal(jax.random.key(3), (10, 2))
table = distances(points, points[:7])
assert table.shape == (10, 7)
assert jnp.allclose(table[2, 5], jnp.linalg.norm(points[2] - points[5]))

# %% [markdown]
# **2.** `jax.grad` of $\sqrt{x^2}$ at 0 is nan: the chain rule gives $1/(2\sqrt 0) \cdot 0 = \infty
# \cdot 0$. Write it so that the gradient there is 0. (`where` alone doesn't help, since its other
# branch is differentiated too.)


# %% tags=["solution"]
def safe(x):
    """The argument of the root must be safe as well."""
    return jnp.where(x == 0, 0.0, jnp.sqrt(jnp.where(x == 0, 1.0, x**2)))


# %% tags=["check"]
assert jnp.isnan(jax.grad(lambda x: jnp.sqrt(x**2))(0.0))
assert jax.grad(safe)(0.0) == 0 and jax.grad(safe)(-3.0) == -1 and safe(-3.0) == 3

# %% [markdown]
# **3.** Fibonacci's first 20 numbers with `lax.scan`.

# %% tags=["solution"]
# The carry is the last pair.
advance = lambda pair, _: ((pair[1], pair[0] + pair[1]), pair[0])
_, fibonacci = jax.lax.scan(advance, (0, 1), length=20)

# %% tags=["check"]
assert fibonacci[:8].tolist() == [0, 1, 1, 2, 3, 5, 8, 13] and fibonacci[19] == 4181

# %% [markdown]
# **4.** Newton's method, $w \leftarrow w - H^{-1} g$, with `jax.grad` and `jax.hessian`. A dozen
# steps should minimise $f(w) = \sum_i (w_i - i)^4 + w_i^2$.


# %% tags=["solution"]
def newton(f, w, steps):
    """Where f's gradient is 0."""
    for _ in range(steps):
        w = w - jnp.linalg.solve(jax.hessian(f)(w), jax.grad(f)(w))
    return w


# %% tags=["check"]
f = lambda w: jnp.sum((w - jnp.arange(4.0)) ** 4 + w**2)
assert jnp.abs(jax.grad(f)(newton(f, jnp.zeros(4), 12))).max() < 1e-4

# %% [markdown]
# **5.** The gradient of the loss after 50 steps of training with respect to the **learning rate**:
# write that loss as a function of the rate.


# %% tags=["solution"]
def final_loss(rate):
    """The whole training is a function of the rate, so `grad` differentiates it."""

    def update(p, _):
        return jax.tree.map(lambda p, g: p - rate * g, p, jax.grad(loss)(p, x, y)), None

    return loss(jax.lax.scan(update, params, length=50)[0], x, y)


# %% tags=["check"]
slope = jax.jit(jax.grad(final_loss))(0.1)
quotient = (final_loss(0.101) - final_loss(0.099)) / 0.002
assert slope < 0 and jnp.allclose(slope, quotient, rtol=0.05)
