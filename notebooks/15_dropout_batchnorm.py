# %% [markdown]
# # 15 · Dropout and batch normalisation
#
# *Two layers that behave differently in training and in use: what each computes, forwards and
# backwards, and what it does to training.*
#
# **Dropout** switches off a random share $p$ of the units in every step of training. No unit can
# rely on another one being there, so each has to be useful by itself; it is as if a different,
# thinner network was trained at each step, and all of them averaged in the end. It's a cure for
# *overfitting*. **Batch normalisation** shifts and scales each unit so that over the batch it has
# mean 0 and variance 1, and then lets the network choose another mean and another scale if it wants
# to. However badly the layers before are scaled, what arrives is of a sensible size. It's a cure
# for *networks that don't start to learn*.
#
# $$ \text{dropout:}\quad y = \frac{m \odot x}{1 - p},\ m_i \sim \text{Bernoulli}(1-p) \qquad\qquad
#    \text{batch norm:}\quad y = \gamma\,\frac{x - \mu_B}{\sqrt{\sigma_B^2 + \epsilon}} + \beta $$
#
# Both work differently in training and in use: dropout is off, batch norm takes averages from
# training instead of the batch's. Forgetting to switch over is one of the most frequent mistakes in
# practice. In a functional library you can't forget to switch *back*: `train=True` is an argument
# of one call.

# %%
import os

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax

from jaxdl import (
    data,
    explain,
    functional,
    layers,
    losses,
    metrics,
    models,
    serial,
    train,
)
from jaxdl.plots import BLUE, GREY, ORANGE

FAST = "JAXDL_FAST" in os.environ  # smaller sizes, for the tests
plt.rcParams.update({"figure.dpi": 90, "font.size": 12, "figure.constrained_layout.use": True})

# %% [markdown]
# ## Dropout from scratch
# What is kept is divided by $1 - p$, so that the mean stays: $\mathbb E[y] = x$. Older slides write
# $y = m \odot x$ in training and multiply by $1 - p$ in use instead; today's libraries all scale in
# training (*inverted dropout*), and use is then free of charge. Without any scaling what arrives in
# use is too large, by a factor $1/(1-p)$ a layer:


# %%
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

# %% [markdown]
# ## What it does to training
# Overfitting needs little data and a large network: 300 images of animals, 256 hidden units. Three
# rates of dropout, the rest the same.

# %%
animals = data.load("animals")
few = animals._replace(train={k: v[:300] for k, v in animals.train.items()})
EPOCHS = 2 if FAST else 60


def learn(rate):
    net = serial(
        layers.rescale(1 / 255), layers.flatten(axes=3), models.mlp((784, 256, 10), rate=rate)
    )
    loss_fn = train.supervised(net, losses.cross_entropy, metrics={"accuracy": metrics.accuracy})
    tx = optax.adam(1e-3)
    start = train.init_state(net, tx, jax.random.key(0))
    end, rows = train.fit(loss_fn, tx, start, few, epochs=EPOCHS, batch_size=50, hooks=())
    return net, end, rows, train.evaluate(loss_fn, end, few.train)


runs = {rate: learn(rate) for rate in ((0.5,) if FAST else (0.0, 0.5, 0.8))}
for rate, (_, _, rows, on_train) in runs.items():
    print(
        f"rate {rate}: training accuracy {on_train['accuracy']:.3f} loss {on_train['loss']:.3f},"
        f"  validation accuracy {rows[-1]['validation_accuracy']:.3f}"
        f" loss {rows[-1]['validation_loss']:.3f}"
    )
gap = {
    rate: rows[-1]["validation_loss"] - on_train["loss"]
    for rate, (_, _, rows, on_train) in runs.items()
}
if not FAST:
    assert gap[0.0] > gap[0.5] > gap[0.8]
    assert runs[0.5][2][-1]["validation_loss"] < runs[0.0][2][-1]["validation_loss"]

# %%
figure, panels = plt.subplots(1, 3, figsize=(10, 3.3), sharey=True)
for axes, (rate, (_, _, rows, _)) in zip(panels, runs.items(), strict=False):
    epochs = [row["epoch"] for row in rows]
    axes.plot(epochs, [row["loss"] for row in rows], color=BLUE, lw=2, label="training, dropout on")
    axes.plot(
        epochs, [row["validation_loss"] for row in rows], color=ORANGE, lw=2, label="validation"
    )
    axes.set(title=f"rate {rate}", xlabel="epoch")
    axes.spines[["top", "right"]].set_visible(False)
panels[0].set(ylabel="loss", ylim=(0, 2.4))
panels[0].legend(frameon=False, fontsize=10)
figure.suptitle(
    "Without dropout the validation loss turns up again: 300 images are learned by heart"
)
plt.show()

# %% [markdown]
# Note that with dropout the training loss may lie *above* validation: it is measured with units
# missing.
#
# **An ensemble in one network.** Leave dropout on in use, and each call is another thinned network.
# Averaged over a hundred of them, the probabilities come near to those of the one call without
# dropout:

# %%
net, end, _, _ = runs[0.5]
pictures = jnp.asarray(animals.test["inputs"][:200])
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
# Every $x_i$ acts on all $y_j$, through mean and variance. With $\hat x = (x - \mu)/\sqrt{\sigma^2
# + \epsilon}$ and $\delta = \partial E/\partial y$, the chain rule gathers to
#
# $$ \frac{\partial E}{\partial x_i} = \frac{\gamma}{\sqrt{\sigma^2 + \epsilon}}
#    \Big(\delta_i - \overline{\delta} - \hat x_i\, \overline{\delta \hat x}\Big), \qquad
#    \frac{\partial E}{\partial \gamma} = \sum_i \delta_i \hat x_i,
#    \qquad \frac{\partial E}{\partial \beta} = \sum_i \delta_i. $$
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

# %% [markdown]
# ## What it does to training
# Ten layers of 64 units with sigmoid, the textbook's hopeless case: the signal dies on its way up
# and the gradient on its way down. The same network with batch norm before each sigmoid learns.

# %%
DEPTH = 10


def deep(normalised):
    parts = [layers.rescale(1 / 255), layers.flatten(axes=3)]
    for n_in in (784, *[64] * (DEPTH - 1)):
        parts += [layers.dense(n_in, 64, bias=not normalised)]
        parts += [layers.batch_norm(64)] if normalised else []
        parts += [jax.nn.sigmoid]
    return serial(*parts, layers.dense(64, 10))


subset = animals._replace(train={k: v[:2000] for k, v in animals.train.items()})
batch = {k: jnp.asarray(v[:128]) for k, v in subset.train.items()}


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
            spreads.append(float(a.std(axis=0).mean()))
    return spreads


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
        loss_fn, tx, start, subset, epochs=2 if FAST else 15, batch_size=100, hooks=()
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

# %% tags=["picture"]
figure, panels = plt.subplots(1, 3, figsize=(11, 3.5))
for (name, rows), colour in zip(deep_runs.items(), (GREY, ORANGE), strict=True):
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

# %% [markdown]
# ## Exercises
# **1.** What does dropout with $p = 0.5$ on 10 units do to the number of active ones? Mean and
# standard deviation, by formula and by trying.

# %%
active = (jax.vmap(lambda key: dropout(key, jnp.ones(10), 0.5))(keys) > 0).sum(axis=1)
assert abs(active.mean() - 5) < 0.05 and abs(active.std() - np.sqrt(10 * 0.5 * 0.5)) < 0.05

# %% [markdown]
# **2.** After how many steps has the running mean come within 1 % of a constant batch mean, from 0?

# %%
steps = int(np.ceil(np.log(0.01) / np.log(0.9)))
mean = 0.0
for _ in range(steps):
    mean = 0.9 * mean + 0.1 * 1.0
assert mean >= 0.99 > (mean - 0.1) / 0.9
print(steps, "steps")

# %% [markdown]
# **3.** Batch norm in use is a fixed affine map: fold it into the kernel and bias of the dense
# layer before.

# %%
dense = {"kernel": jax.random.normal(jax.random.key(7), (4, 3))}
state = {"mean": jnp.array([1.0, -1.0, 0.5]), "variance": jnp.array([4.0, 0.25, 1.0])}
factor = params["scale"] / jnp.sqrt(state["variance"] + 1e-5)
folded = {"kernel": dense["kernel"] * factor, "bias": params["bias"] - state["mean"] * factor}
x = jax.random.normal(jax.random.key(8), (5, 4))
expected, _ = layer.apply(params, state, functional.dense(dense, x))
assert jnp.allclose(functional.dense(folded, x), expected, atol=1e-5)

# %% [markdown]
# **4.** *Layer* normalisation takes mean and variance over the features of each example instead.
# Write it; why is there no switch?

# %%
x = jax.random.normal(jax.random.key(9), (5, 6))
ours = (x - x.mean(1, keepdims=True)) / jnp.sqrt(x.var(1, keepdims=True) + 1e-5)
theirs = functional.layer_norm({"scale": jnp.ones(6), "bias": jnp.zeros(6)}, x)
assert jnp.allclose(ours, theirs, atol=1e-5)
print("An example's result doesn't depend on the others: training and use are the same.")
