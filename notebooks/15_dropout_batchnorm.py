# %% [markdown]
# # 15 · Dropout and batch normalisation
#
# *Two layers that behave differently in training and in use: what each computes, forwards and
# backwards, and what it does to training.*

# %% [markdown] tags=["objectives"]
# **After this lecture you can** write both layers, forwards and backwards; say when dropout helps
# and by how much, and when it doesn't; say what batch normalisation is good for; and avoid the
# mistake that both invite.
#
# **You need** [training](24_training.ipynb), with its overfitting, and
# [backpropagation](08_backpropagation.ipynb). **Next:** a layer that looks things up,
# [attention](16_attention_transformer.ipynb).

# %% [markdown] tags=["item-91"]
# **Dropout** switches off a random share $p$ of the units in every step of training. No unit can
# rely on another one being there, so each has to be useful by itself; it is as if a different,
# thinner network was trained at each step, and all of them averaged in the end. It's a cure for
# *overfitting*. **Batch normalisation** shifts and scales each unit so that over the batch it has
# mean 0 and variance 1, and then lets the network choose another mean and another scale if it wants
# to. However badly the layers before are scaled, what arrives is of a sensible size. It's a cure
# for *networks that don't start to learn*.
#
# $$ \text{dropout:}\quad y = \frac{m \odot x}{1 - p},\ m_i \sim \text{Bernoulli}(1-p) $$
#
# $$ \text{batch norm:}\quad y = \gamma\,\frac{x - \mu_B}{\sqrt{\sigma_B^2 + \epsilon}} + \beta $$
#
# Both work differently in training and in use: dropout is off, batch norm takes averages from
# training instead of the batch's. Forgetting to switch over is one of the most frequent mistakes in
# practice. In a functional library you can't forget to switch *back*: `train=True` is an argument
# of one call.

# %% tags=["setup"]
import contextlib
import io
import os
from itertools import pairwise

# Small programs: most of the time goes into compiling them, so XLA is asked for less of it.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=1")

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax

from jaxdl import (
    data,
    explain,
    functional,
    initializers,
    layers,
    losses,
    metrics,
    plots,
    serial,
    sweep,
    train,
)
from jaxdl.plots import BLUE, GREY, ORANGE

FAST = "JAXDL_FAST" in os.environ  # smaller sizes, for the tests
SEEDS = 2 if FAST else 5
jnp.set_printoptions(precision=4, suppress=True)

# %% [markdown] tags=["item-91"]
# Before and after: a step of training with dropout uses one of $2^n$ thinned networks, another one
# each time. The picture is drawn with the mask that `functional.dropout` draws.

# %% tags=["item-91", "plot"]
plots.dropout((4, 6, 6, 2), 0.5, key=jax.random.key(1))

# %% [markdown]
# ## Dropout from scratch
# What is kept is divided by $1 - p$, so that the mean stays: $\mathbb E[y] = x$. Older slides write
# $y = m \odot x$ in training and multiply by $1 - p$ in use instead; today's libraries all scale in
# training (*inverted dropout*), and use is then free of charge. Without any scaling what arrives in
# use is too large, by a factor $1/(1-p)$ in each layer:


# %% tags=["item-91"]
def dropout(key, x, rate):
    keep = jax.random.bernoulli(key, 1 - rate, x.shape)
    return jnp.where(keep, x / (1 - rate), 0.0)


x = jnp.linspace(0.5, 2.0, 8)
keys = jax.random.split(jax.random.key(0), 20_000)
many = jax.vmap(lambda key: dropout(key, x, 0.4))(keys)
print("x            ", x)
print("one draw     ", many[0].round(2))
print("mean of 20000", many.mean(0).round(2))
assert jnp.allclose(many.mean(0), x, rtol=0.03)
assert jnp.allclose(many.var(0), x**2 * 0.4 / 0.6, rtol=0.05)  # the price: variance x²·p/(1-p)
unscaled = many * 0.6
assert jnp.allclose(unscaled.mean(0) / x, 0.6, atol=0.02)

# %% [markdown]
# The same with jaxdl: from the same key, the same units.

# %%
key = jax.random.key(1)
layer = layers.dropout(0.4)
by_jaxdl, _ = layer.apply((), (), x, key=key, train=True)
assert jnp.array_equal(by_jaxdl, functional.dropout(key, x, rate=0.4))
assert jnp.allclose(by_jaxdl, dropout(key, x, 0.4))
assert jnp.array_equal(layer.apply((), (), x)[0], x)  # in use it does nothing
try:
    layer.apply((), (), x, train=True)
    raise AssertionError("this must not work")
except ValueError as error:
    print(error)

# %% [markdown] tags=["item-92"]
# ## When it helps, and when it doesn't
# A network of 256 and 256 units, a thousand small silhouettes, five seeds of each. In the first
# contest, 40 % of the training labels have been replaced by random ones, so there is something that
# should *not* be learned. In the second one all labels are right.

# %% tags=["item-92"]
animals = data.load("animals")
EPOCHS, ROWS = (2, 200) if FAST else (25, 1000)


def small(part):
    """Pictures of 14 × 14 pixels, as rows of 196 numbers."""
    squares = part["inputs"].reshape(-1, 14, 2, 14, 2) / np.float32(255)
    return {"inputs": squares.mean(axis=(2, 4)).reshape(-1, 196), "labels": part["labels"]}


right = {name: values[:ROWS] for name, values in small(animals.train).items()}
new = small(animals.validation)
draws = np.random.default_rng(0)
false = draws.random(ROWS) < 0.4
noisy = {**right, "labels": np.where(false, draws.integers(0, 10, ROWS), right["labels"])}


def network(rate, normalised=False):
    """196 → 256 → 256 → 10 with dropout, of the inputs less, or with batch norm."""
    parts: list = [layers.dropout(0.4 * rate)]
    for n_in in (196, 256):
        parts += [layers.dense(n_in, 256), *[layers.batch_norm(256)] * normalised]
        parts += [jax.nn.relu, layers.dropout(rate)]
    return serial(*parts, layers.dense(256, 10))


def contest(part, rates, normalised=False):
    """Trains with each rate and all seeds; the Result and its columns (rates, seeds, epochs)."""

    def make_run(rate):
        net = network(rate, normalised)
        accuracy = {"accuracy": metrics.accuracy}
        loss_fn = train.supervised(net, losses.cross_entropy, metrics=accuracy)
        return sweep.Run(net, loss_fn, optax.adam(2e-3))

    dataset = data.Dataset(part, validation=new)
    options: dict = {"seeds": SEEDS, "grid": {"rate": list(rates)}, "batch_size": 50, "hooks": ()}
    with contextlib.redirect_stderr(io.StringIO()):  # where it says what it is about to train
        result = sweep.run(make_run, dataset, epochs=EPOCHS, **options)
    columns = {k: np.asarray(v).reshape(-1, SEEDS, EPOCHS) for k, v in result.history.items()
               if np.size(v) == len(rates) * SEEDS * EPOCHS}  # fmt: skip
    return result, columns


def words(values):
    """Mean ± standard deviation over seeds."""
    return f"{values.mean():.3f} ± {values.std(ddof=1):.3f}"


def apart(a, b):
    """Says whether two groups of seeds differ by more than both spreads together."""
    return abs(a.mean() - b.mean()) > a.std(ddof=1) + b.std(ddof=1)


# %% tags=["item-92"]
RATES = (0.0, 0.5)
population, of_false = contest(noisy, RATES)
_, of_right = contest(right, RATES)
last = {}
for name, columns in (("40 % random labels", of_false), ("all labels right", of_right)):
    for i, rate in enumerate(RATES):
        accuracy, loss = (columns[f"validation_{k}"][i, :, -1] for k in ("accuracy", "loss"))
        last[name, rate] = accuracy, loss
        print(f"{name:18}  rate {rate}:  accuracy on new images {words(accuracy)}"
              f"   loss {words(loss)}")  # fmt: skip
if not FAST:
    without, with_it = (last["40 % random labels", rate][0] for rate in RATES)
    assert with_it.mean() > without.mean() + 0.08 and apart(with_it, without)
    (small_a, large_l), (small_b, small_l) = (last["all labels right", rate] for rate in RATES)
    assert small_l.mean() < 0.75 * large_l.mean() and apart(small_l, large_l)
    assert small_b.mean() - small_a.mean() < 0.03  # a point, no more

# %% [markdown] tags=["item-92"]
# With random labels dropout is worth more than eight percentage points, many times the spread over
# seeds. With right labels it hardly changes the *accuracy* (a larger network on the whole pictures
# even loses half a point, see `experiments/regularisation.py`), but the *loss* falls by more than a
# quarter: the network is as often right, and less sure of itself where it is wrong. So: **dropout
# pays where examples must not be learned by heart**; where learning by heart does no harm, don't
# expect it to raise the accuracy.

# %% tags=["plot", "item-92"]
figure, panels = plt.subplots(1, 2, figsize=(10, 3.8))
epochs = np.arange(1, EPOCHS + 1)
for axes, kind in zip(panels, ("accuracy", "loss"), strict=True):
    for i, colour in enumerate((ORANGE, BLUE)):
        curves = of_false[f"validation_{kind}"][i]
        axes.plot(epochs, curves.T, color=colour, alpha=0.25, lw=1)
        label = f"rate {RATES[i]}: {curves[:, -1].mean():.2f} in the end"
        axes.plot(epochs, curves.mean(0), color=colour, lw=2.8, label=label)
    axes.set(xlabel="epoch", ylabel=f"{kind} on new images")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
turns = {rate: of_false["validation_loss"][i].mean(0) for i, rate in enumerate(RATES)}
rise = {rate: curve[-1] - curve.min() for rate, curve in turns.items()}
figure.suptitle(f"40 % random labels: the loss rises again by {rise[0.0]:.2f} without dropout, "
                f"by {rise[0.5]:.2f} with it")  # fmt: skip
assert FAST or rise[0.0] > 5 * rise[0.5]
plt.show()

# %% [markdown]
# Note that with dropout the training loss may lie *above* validation: it is measured with units
# missing.
#
# **An ensemble in one network.** Leave dropout on in use, and each call is another thinned network.
# Averaged over a hundred of them, the probabilities come near to those of the one call without
# dropout:

# %%
net, end = network(0.5), sweep.state(population, SEEDS)  # the first seed with rate 0.5
pictures = jnp.asarray(small(animals.test)["inputs"][:200])
thinned = jax.jit(
    jax.vmap(
        lambda key: jax.nn.softmax(
            net.apply(end.params, end.state, pictures, key=key, train=True)[0]
        )
    )
)
samples = thinned(jax.random.split(jax.random.key(2), 100))
whole = jax.nn.softmax(net.apply(end.params, end.state, pictures)[0])
off = lambda p: float(jnp.abs(p - whole).mean())
print(
    f"one thinned network is off by {off(samples[0]):.3f} on average, "
    f"their mean by {off(samples.mean(0)):.3f}"
)
assert off(samples.mean(0)) < off(samples[0]) / 2

# %% [markdown]
# ## Batch normalisation from scratch
# In training, mean and variance are the batch's, and running averages move towards them; in use
# these take their place. A detail that no slide shows: PyTorch divides by $N$ in the batch's
# variance, but puts the one with $N - 1$ into the running average. Keras puts the same one, with
# $N$, into both.


# %%
def batch_norm(params, state, x, train, momentum=0.1, epsilon=1e-5):
    if not train:
        y = (x - state["mean"]) / jnp.sqrt(state["variance"] + epsilon)
        return params["scale"] * y + params["bias"], state
    mean, variance, n = x.mean(0), x.var(0), len(x)
    y = (x - mean) / jnp.sqrt(variance + epsilon)
    towards = lambda old, new: (1 - momentum) * old + momentum * new
    state = {
        "mean": towards(state["mean"], mean),
        "variance": towards(state["variance"], variance * n / (n - 1)),
    }
    return params["scale"] * y + params["bias"], state


batch = jnp.array([[1.0, 10.0], [2.0, 30.0], [3.0, 20.0], [6.0, 40.0]])
params, state = layers.batch_norm(2).init(jax.random.key(0))
y, after = batch_norm(params, state, batch, train=True)
print(y.round(4))
print("running mean", after["mean"], " running variance", after["variance"])
assert jnp.allclose(y.mean(0), 0, atol=1e-6) and jnp.allclose(y.var(0), 1, atol=1e-4)

# %% [markdown]
# **In PyTorch**, `nn.BatchNorm1d(2)` on this batch, and then in use (`eval()`), prints
#
# ```
# tensor([[-1.0690, -1.3416],        running_mean tensor([0.3000, 2.5000])
#         [-0.5345,  0.4472],        running_var  tensor([ 1.3667, 17.5667])
#         [ 0.0000, -0.4472],
#         [ 1.6036,  1.3416]])       eval: tensor([[0.5988, 1.7894], [1.4542, 6.5613], ...
# ```

# %%
torch_prints = jnp.array([[-1.0690, -1.3416], [-0.5345, 0.4472], [0.0, -0.4472], [1.6036, 1.3416]])
assert jnp.allclose(y, torch_prints, atol=1e-4)
assert jnp.allclose(after["variance"], jnp.array([1.3667, 17.5667]), atol=1e-4)
in_use, _ = batch_norm(params, after, batch, train=False)
assert jnp.allclose(in_use[0], jnp.array([0.5988, 1.7894]), atol=1e-4)

# The same with jaxdl.
net = layers.batch_norm(2)
by_jaxdl, jaxdl_after = net.apply(params, state, batch, train=True)
assert jnp.allclose(by_jaxdl, y, atol=1e-5)
assert all(jnp.allclose(jaxdl_after[name], after[name], atol=1e-5) for name in after)
assert jnp.allclose(net.apply(params, after, batch)[0], in_use, atol=1e-5)

# %% [markdown]
# ## Backwards, by hand
# Every $x_i$ acts on all $y_j$, through mean and variance. With
# $\hat x = (x - \mu)/\sqrt{\sigma^2 + \epsilon}$ and $\delta = \partial L/\partial y$, the chain
# rule gathers to
#
# $$ \frac{\partial L}{\partial x_i} = \frac{\gamma}{\sqrt{\sigma^2 + \epsilon}}
#    \Big(\delta_i - \overline{\delta} - \hat x_i\, \overline{\delta \hat x}\Big), \qquad
#    \frac{\partial L}{\partial \gamma} = \sum_i \delta_i \hat x_i,
#    \qquad \frac{\partial L}{\partial \beta} = \sum_i \delta_i. $$
#
# What comes back has no mean and no share along $\hat x$: shifting and stretching a batch changes
# nothing, so it gets no gradient.

# %%
x = jax.random.normal(jax.random.key(3), (16, 3)) * 2 + 1
delta = jax.random.normal(jax.random.key(4), (16, 3))
params, state = layers.batch_norm(3).init(jax.random.key(0))
params = {**params, "scale": jnp.array([0.5, 1.0, 2.0])}
hat = (x - x.mean(0)) / jnp.sqrt(x.var(0) + 1e-5)
by_hand = (
    params["scale"]
    / jnp.sqrt(x.var(0) + 1e-5)
    * (delta - delta.mean(0) - hat * (delta * hat).mean(0))
)
energy = lambda params, x: jnp.sum(
    delta * layers.batch_norm(3).apply(params, state, x, train=True)[0]
)
d_params, d_x = jax.grad(energy, argnums=(0, 1))(params, x)
assert jnp.allclose(d_x, by_hand, atol=1e-5)
assert jnp.allclose(d_params["scale"], (delta * hat).sum(0), atol=1e-4)
assert jnp.allclose(d_params["bias"], delta.sum(0), atol=1e-4)
assert jnp.allclose(d_x.mean(0), 0, atol=1e-5) and jnp.allclose((d_x * hat).mean(0), 0, atol=1e-4)

# %% [markdown]
# Two consequences. Multiply the kernel of the layer before by 10, and nothing changes but the
# gradient, which gets a tenth: **the size of the weights doesn't matter any more**. And a bias
# before batch norm is subtracted right away: its gradient is 0, so one leaves it out.

# %%
kernel = jax.random.normal(jax.random.key(5), (3, 3))
through = lambda kernel, bias: energy(params, x @ kernel + bias)
zero = jnp.zeros(3)
assert jnp.allclose(through(kernel, zero), through(10 * kernel, zero + 7), rtol=1e-3)
g, g10 = jax.grad(through)(kernel, zero), jax.grad(through)(10 * kernel, zero)
assert jnp.allclose(g10, g / 10, atol=1e-3)
assert jnp.allclose(jax.grad(through, argnums=1)(kernel, zero), 0, atol=1e-4)

# %% [markdown] tags=["item-93", "item-95"]
# ## What it does to training
# Ten layers of 64 units with sigmoid, the textbook's hopeless case: the signal dies on its way up
# and the gradient on its way down. The same network with batch norm before each sigmoid learns.

# %% tags=["item-93", "item-95"]
DEPTH = 10


def deep(normalised):
    parts: list = [layers.rescale(1 / 255), layers.flatten(axes=3)]
    for n_in in (784, *[64] * (DEPTH - 1)):
        parts += [layers.dense(n_in, 64, bias=not normalised)]
        parts += [layers.batch_norm(64)] if normalised else []
        parts += [jax.nn.sigmoid]
    return serial(*parts, layers.dense(64, 10))


subset = animals._replace(train={k: v[:2000] for k, v in animals.train.items()})
batch = {k: jnp.asarray(v[:128]) for k, v in subset.train.items()}


@jax.jit
def spread_by_layer(params, state):
    """How much each layer's activations differ from image to image."""
    a, spreads = batch["inputs"].reshape(128, -1) / 255, []
    for p, s in zip(params[2:-1], state[2:-1], strict=True):  # behind rescale and flatten
        if "kernel" in p:
            a = functional.dense(p, a)
        elif "scale" in p:
            a, _ = functional.batch_norm(p, s, a, train=True)
        else:
            a = jax.nn.sigmoid(a)
            spreads.append(a.std(axis=0).mean())
    return jnp.stack(spreads)


def gradient_by_layer(loss_fn, start):
    """The root mean square of each dense layer's gradient."""
    loss = lambda params: loss_fn(params, start.state, batch, key=None, train=True)[0]
    dense = [g for g in jax.jit(jax.grad(loss))(start.params) if "kernel" in g][:DEPTH]
    flat = [jnp.concatenate([part.ravel() for part in g.values()]) for g in dense]
    return [float(jnp.sqrt(jnp.mean(g**2))) for g in flat]


deep_runs, spreads, gradients = {}, {}, {}
for name, normalised in {"plain": False, "with batch norm": True}.items():
    net = deep(normalised)
    loss_fn = train.supervised(net, losses.cross_entropy, metrics={"accuracy": metrics.accuracy})
    tx = optax.sgd(0.2, momentum=0.9)
    start = train.init_state(net, tx, jax.random.key(0))
    spreads[name] = spread_by_layer(start.params, start.state)
    gradients[name] = gradient_by_layer(loss_fn, start)
    _, deep_runs[name] = train.fit(
        loss_fn, tx, start, subset, epochs=2 if FAST else 10, batch_size=100, hooks=()
    )
    # The same with jaxdl: both in one table.
    flow = explain.gradient_flow(
        net, losses.cross_entropy, start.params, start.state, batch["inputs"], batch["labels"],
        train=True,
    )  # fmt: skip
    learns = [row for row in flow.rows if row.label.split()[1].startswith("dense")][:DEPTH]
    print(name, flow, sep="\n")
    assert np.allclose([row.gradient_rms for row in learns], gradients[name], rtol=1e-3)
    print(f"{name:16} validation accuracy {deep_runs[name][-1]['validation_accuracy']:.3f}")
if not FAST:
    assert deep_runs["plain"][-1]["validation_accuracy"] < 0.2
    assert deep_runs["with batch norm"][-1]["validation_accuracy"] > 0.4
assert gradients["plain"][0] < gradients["plain"][-1] / 1000
assert gradients["with batch norm"][0] > 1000 * gradients["plain"][0]

# %% tags=["picture", "plot"]
figure, panels = plt.subplots(1, 3, figsize=(11, 3.5))
for (name, rows), colour in zip(deep_runs.items(), (GREY, BLUE), strict=True):
    panels[0].plot(range(1, DEPTH + 1), spreads[name], "o-", color=colour, lw=2, label=name)
    panels[1].plot(range(1, DEPTH + 1), gradients[name], "o-", color=colour, lw=2)
    panels[2].plot([r["epoch"] for r in rows], [r["loss"] for r in rows], color=colour, lw=2.5)
panels[0].set(
    title="does the image get through?",
    xlabel="layer",
    ylabel="spread over the images",
    yscale="log",
)
panels[1].set(
    title="does the gradient get back?",
    xlabel="layer",
    ylabel="gradient (rms)",
    yscale="log",
)
panels[2].set(title="does it learn?", xlabel="epoch", ylabel="training loss")
panels[0].legend(frameon=False, loc="lower left")
for axes in panels:
    axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown] tags=["item-96"]
# ## Lower layers change, higher layers don't feel it
# A layer learns from what the layers below hand up. While it learns they change, too, and the
# ground moves under it. Batch norm takes out the coarsest part of that, shift and scale. Exactly:
# multiply the first kernel of a network by 5, and nothing above the first normalisation changes.

# %% tags=["item-96"]
WIDTHS = (196, 64, 64, 64, 64, 64)


def tall(normalised):
    """Five hidden layers with relu; the parts, so that one can stop in between."""
    parts: list = []
    for n_in, n_out in pairwise(WIDTHS):
        parts += [layers.dense(n_in, n_out, init=initializers.he_default)]
        parts += [*[layers.batch_norm(n_out)] * normalised, jax.nn.relu]
    return [*parts, layers.dense(64, 10)]


def arrives(parts, params, state, x):
    """What the last hidden layer's relu gets."""
    below = serial(*parts[:-2])
    return below.apply(params[:-2], state[:-2], x, train=True)[0]


some = {name: jnp.asarray(values[:200]) for name, values in right.items()}
for name, normalised in {"plain": False, "with batch norm": True}.items():
    parts = tall(normalised)
    params, state = serial(*parts).init(jax.random.key(0))
    before = arrives(parts, params, state, some["inputs"])
    larger = ({**params[0], "kernel": 5 * params[0]["kernel"]}, *params[1:])
    changed = jnp.abs(arrives(parts, larger, state, some["inputs"]) - before).mean()
    print(f"{name:16} first kernel × 5: the fifth layer's input changes by "
          f"{changed / before.std():.3f} of its spread")  # fmt: skip
    assert changed / before.std() < 0.02 if normalised else changed / before.std() > 0.5

# %% [markdown] tags=["item-96"]
# And in training? After each step, how far has the mean of what arrives at the fifth layer moved
# from where it was at the start, in units of its spread?


# %% tags=["item-96"]
def drift(normalised, steps=20 if FAST else 200):
    """How far means move, by step, for each seed."""
    parts = tall(normalised)
    net = serial(*parts)
    tx = optax.sgd(0.05, momentum=0.9)
    step = train.make_step(train.supervised(net, losses.cross_entropy), tx)

    def one(key):
        state = train.init_state(net, tx, key)
        first = arrives(parts, state.params, state.state, some["inputs"])

        def move(state, _):
            state, _ = step(state, some)
            now = arrives(parts, state.params, state.state, some["inputs"])
            return state, (jnp.abs(now.mean(0) - first.mean(0)) / first.std(0)).mean()

        return jax.lax.scan(move, state, length=steps)[1]

    return np.asarray(jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(0), SEEDS)))


moved = {"plain": drift(False), "with batch norm": drift(True)}
for name, values in moved.items():
    print(f"{name:16} moved after {values.shape[1]} steps: {words(values[:, -1])}")
if not FAST:
    assert apart(*(values[:, -1] for values in moved.values()))
    assert moved["plain"][:, -1].mean() > 2 * moved["with batch norm"][:, -1].mean()

# %% tags=["plot", "item-96"]
figure, axes = plt.subplots(figsize=(9, 3.8))
for (name, values), colour in zip(moved.items(), (GREY, BLUE), strict=True):
    axes.plot(values.T, color=colour, alpha=0.3, lw=1)
    axes.plot(values.mean(0), color=colour, lw=2.8, label=name)
axes.set(xlabel="step", ylabel="moved by … spreads", title="What arrives at the fifth layer")
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False)
plt.show()

# %% [markdown] tags=["item-94"]
# ## It regularises, too
# Each image's result depends a little on which others happen to be in its batch: a noise, as with
# dropout. On the thousand right labels from above, as means over the last five epochs, because with
# batch norm the loss jumps from one epoch to the next:

# %% tags=["item-94"]
_, of_norm = contest(right, (0.0,), normalised=True)
late = {}
for name, columns, i in (
    ("nothing", of_right, 0),
    ("dropout", of_right, 1),
    ("batch norm", of_norm, 0),
):
    accuracy, loss = (columns[f"validation_{k}"][i, :, -5:].mean(1) for k in ("accuracy", "loss"))
    late[name] = loss
    print(f"{name:10} accuracy {words(accuracy)}   loss {words(loss)}")
if not FAST:
    assert late["batch norm"].mean() < 0.95 * late["nothing"].mean()
    assert (late["batch norm"] < late["nothing"]).sum() >= 4  # of five seeds

# %% [markdown]
# ## Forgetting the switch
# Batch norm in use, but with `train=True`: what a picture is taken for then depends on which others
# happen to be in the batch, and a batch of one picture is its own mean, so all that is left of it
# is $\beta$.

# %%
layer, x = layers.batch_norm(3), jax.random.normal(jax.random.key(6), (8, 3))
params, state = layer.init(jax.random.key(0))
alone = layer.apply(params, state, x[:2], train=True)[0][0]
in_company = layer.apply(params, state, x, train=True)[0][0]
assert not jnp.allclose(alone, in_company, atol=0.1)
assert jnp.allclose(layer.apply(params, state, x[:2])[0][0], layer.apply(params, state, x)[0][0])
try:
    layer.apply(params, state, x[:1], train=True)
    raise AssertionError("this must not work")
except ValueError as error:
    print(error)

# %% [markdown] tags=["recap"]
# ## In five lines
# * Dropout trains a random thinned network in each step, and uses the whole one.
# * It helps a lot where examples must not be learned by heart, and changes little elsewhere.
# * Batch norm gives each unit mean 0 and variance 1 over the batch, then a learned scale and shift.
# * So signals and gradients get through deep networks, and layers below can't shake those above.
# * Both work differently in training and in use: `train=True` is an argument, not a mode.

# %% [markdown] tags=["quiz"]
# ## Quiz
# 1. Why does dropout divide by $1 - p$?
# 2. With right labels dropout left the accuracy as it was. What did it change?
# 3. Why does a dense layer before batch norm need no bias?
# 4. What does batch norm make of a batch of one example, in training?
# 5. Which layers behave differently in training and in use?
#
# <details><summary>Answers</summary>
#
# 1. So that the mean of what the next layer gets stays the same.
# 2. The loss: wrong answers were given with less certainty.
# 3. The mean is subtracted, and the bias with it.
# 4. Nothing is left but $\beta$; jaxdl refuses it.
# 5. Dropout and batch norm; layer norm and dense layers don't.
#
# </details>

# %% [markdown] tags=["exercises"]
# ## Exercises

# %% [markdown]
# **1.** What does dropout with $p = 0.5$ on 10 units do to the number of active ones? Mean and
# standard deviation, by formula.

# %% tags=["solution"]
mean_active, spread_active = 10 * 0.5, np.sqrt(10 * 0.5 * 0.5)

# %% tags=["check"]
active = (jax.vmap(lambda key: dropout(key, jnp.ones(10), 0.5))(keys) > 0).sum(axis=1)
assert abs(active.mean() - mean_active) < 0.05 and abs(active.std() - spread_active) < 0.05

# %% [markdown]
# **2.** After how many steps has the running mean come within 1 % of a constant batch mean, from 0?

# %% tags=["solution"]
steps = int(np.ceil(np.log(0.01) / np.log(0.9)))

# %% tags=["check"]
mean = 0.0
for _ in range(steps):
    mean = 0.9 * mean + 0.1 * 1.0
assert mean >= 0.99 > (mean - 0.1) / 0.9

# %% [markdown]
# **3.** Batch norm in use is a fixed affine map: fold it into the kernel and bias of the dense
# layer before.


# %% tags=["solution"]
def fold(kernel, params, state):
    """Kernel and bias that do what the dense layer and batch norm did."""
    factor = params["scale"] / jnp.sqrt(state["variance"] + 1e-5)
    return {"kernel": kernel * factor, "bias": params["bias"] - state["mean"] * factor}


# %% tags=["check"]
kernel = jax.random.normal(jax.random.key(7), (4, 3))
params, _ = layers.batch_norm(3).init(jax.random.key(0))
state = {"mean": jnp.array([1.0, -1.0, 0.5]), "variance": jnp.array([4.0, 0.25, 1.0])}
x = jax.random.normal(jax.random.key(8), (5, 4))
expected, _ = layers.batch_norm(3).apply(params, state, x @ kernel)
assert jnp.allclose(functional.dense(fold(kernel, params, state), x), expected, atol=1e-5)

# %% [markdown]
# **4.** *Layer* normalisation takes mean and variance over the features of each example instead.
# Write it. (Why is there no switch?)


# %% tags=["solution"]
def layer_norm(x):
    """An example's result doesn't depend on the others: training and use are the same."""
    return (x - x.mean(1, keepdims=True)) / jnp.sqrt(x.var(1, keepdims=True) + 1e-5)


# %% tags=["check"]
x = jax.random.normal(jax.random.key(9), (5, 6))
theirs = functional.layer_norm({"scale": jnp.ones(6), "bias": jnp.zeros(6)}, x)
assert jnp.allclose(layer_norm(x), theirs, atol=1e-5)
