# %% [markdown]
# # 5 · The deep network
#
# *Hidden layers bend straight borders. Without a non-linearity between them, any depth collapses to
# a single layer.*
#
# One layer draws straight borders. Put a second one on top, and it gets as inputs what the first
# has made: features that were *learned*. Each layer computes
#
# $$ Z^{l} = W^{l} a^{l-1} + b^{l}, \qquad a^{l} = f(Z^{l}), \qquad a^0 = x, $$
#
# with the activation function $f$ of [notebook 2](02_activations.ipynb). The layers between input
# and output are called hidden, and a network with several is called deep.
#
# Everything hangs on $f$. Leave it out, and two layers are $W^2(W^1 x + b^1) + b^2 = (W^2 W^1)\,x +
# (W^2 b^1 + b^2)$: **one** layer with another matrix. A hundred layers: still one. The picture
# shows the same network, two inputs, two hidden layers of 16, two classes, once without and once
# with $f$.

# %%
import os

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import optax

from jaxdl import activations, explain, layers, losses, models, plots, serial, train
from jaxdl.plots import BLUE

FAST = "JAXDL_FAST" in os.environ  # smaller sizes, for the tests
plt.rcParams.update({"figure.dpi": 90, "font.size": 12, "figure.constrained_layout.use": True})


def spirals(key, n=200):
    """Two spirals that wind into each other: hopeless for a straight line."""
    labels = jnp.arange(n) % 2
    sign = jnp.where(labels == 0, 1.0, -1.0)[:, None]  # the second is the first, turned by half
    angle, radius = jnp.linspace(0.6, 4.8, n)[:, None], jnp.linspace(0.3, 1.6, n)[:, None]
    clean = sign * radius * jnp.concatenate([jnp.cos(angle), jnp.sin(angle)], axis=1)
    return clean + 0.06 * jax.random.normal(key, (n, 2)), labels


x, labels = spirals(jax.random.key(0))

# %% [markdown]
# ## From scratch
# The weights are a list of pairs $(W^l, b^l)$; the network is a loop over it.


# %%
def forward(weights, x, f):
    a = x
    for W, b in weights[:-1]:
        a = f(a @ W.T + b)
    W, b = weights[-1]
    return a @ W.T + b  # no activation on the scores


def draw(key, sizes):
    keys = jax.random.split(key, len(sizes) - 1)
    return [
        (jax.random.normal(k, (m, n)) * jnp.sqrt(1 / n), jnp.zeros(m))
        for k, n, m in zip(keys, sizes[:-1], sizes[1:], strict=True)
    ]


def identity(z):
    return z


weights = draw(jax.random.key(1), (2, 16, 16, 2))
print([W.shape for W, _ in weights])

# %% [markdown]
# ## Depth without non-linearity collapses
# Multiply the three matrices once, and the result is a single layer that gives the same scores for
# **every** input. With tanh between, it doesn't.

# %%
(W1, b1), (W2, b2), (W3, b3) = weights
W_all = W3 @ W2 @ W1  # 2 x 2: four numbers instead of 320
b_all = W3 @ (W2 @ b1 + b2) + b3
one_layer = x @ W_all.T + b_all

assert jnp.allclose(forward(weights, x, identity), one_layer, atol=1e-5)
assert jnp.abs(forward(weights, x, jnp.tanh) - one_layer).max() > 0.1

# %% [markdown]
# ## The same with jaxdl
# `serial` puts layers after each other; a plain function such as tanh is a layer too.
# `models.mlp((2, 16, 16, 2))` is short for the same thing.

# %%
net = serial(
    layers.dense(2, 16),
    activations.tanh,
    layers.dense(16, 16),
    activations.tanh,
    layers.dense(16, 2),
)
first, second, last = ({"kernel": W.T, "bias": b} for W, b in weights)
params = (first, (), second, (), last)  # the activations have none
_, state = net.init(jax.random.key(0))
scores, _ = net.apply(params, state, x)
short, _ = models.mlp((2, 16, 16, 2), activation=activations.tanh).apply(params, state, x)

assert jnp.allclose(scores, forward(weights, x, jnp.tanh), atol=1e-5)
assert (short == scores).all()
print(explain.trace(net, params, state, x))

# %% [markdown]
# `explain.trace` shows what flows through: each layer's $Z$ and $a$, their mean and spread.
#
# ## Both are trained
# The same sizes, the same 1500 steps of Adam. Only the activation differs.


# %%
def trained(activation, steps=1500):
    net = models.mlp((2, 16, 16, 2), activation=activation)
    tx = optax.adam(1e-2)
    step = train.make_step(train.supervised(net, losses.cross_entropy), tx)
    batch = {"inputs": x, "labels": labels}
    run = jax.jit(lambda s: jax.lax.scan(lambda s, _: step(s, batch), s, length=steps)[0])
    end = run(train.init_state(net, tx, jax.random.key(2)))
    predict = jax.jit(lambda x: net.apply(end.params, end.state, x)[0])
    return predict, float((predict(x).argmax(axis=-1) == labels).mean())


runs = {"without activation": trained(activations.identity), "with tanh": trained(jnp.tanh)}

# %% tags=["picture"]
plots.boundary(
    {f"{name}: {right:.0%} right": predict for name, (predict, right) in runs.items()}, x, labels
)

# %%
assert runs["without activation"][1] < 0.8
assert runs["with tanh"][1] > 0.95

# %% [markdown]
# **In Keras** the mistake is easy to make: `Dense(16)` has *no* activation unless one is given, so
# `Sequential([Dense(16), Dense(16), Dense(2)])` is the left picture. In PyTorch,
# `nn.Linear` is always only the affine part, and `nn.Tanh()` is a layer of its own, as here.
#
# ## A hidden layer without its input
# Another slip that goes from slide to slide: a formula for the hidden layer that has lost its
# input, $a^1 = f(W^1 + b^1)$ instead of $a^1 = f(W^1 x + b^1)$. Such a layer says the same whatever
# it is shown. In numbers, on our 200 points:

# %%
right = jnp.tanh(x @ W1.T + b1)
lost = jnp.broadcast_to(jnp.tanh(W1.sum(axis=1) + b1), right.shape)  # x has gone
print(f"spread over the examples: {right.std(axis=0).mean():.3f} and {lost.std(axis=0).mean():.3f}")
assert right.std(axis=0).mean() > 0.3
assert (lost.std(axis=0) < 1e-6).all()

# %% [markdown]
# ## What does depth buy?
# Folds. A layer of relus folds the plane along lines; the next folds what is folded already, so the
# number of creases can double with each layer. The *tent* function $t(x) = 1 - |2x - 1|$ needs two
# relus: $t(x) = 2\operatorname{relu}(x) - 4\operatorname{relu}(x - \frac12)$ on $[0, 1]$. Applied
# $L$ times it has $2^L$ straight pieces, from $2L$ neurons. One hidden layer needs a neuron for
# each crease: at least $2^L - 1$ of them.


# %%
def tent(x):
    return 2 * activations.relu(x) - 4 * activations.relu(x - 0.5)


def pieces(y):
    """Counts the straight pieces of a sampled curve by the changes of its slope's sign."""
    return 1 + int((jnp.diff(jnp.sign(jnp.diff(y))) != 0).sum())


line = jnp.linspace(0, 1, 4097)
y, figure, panels = line, *plt.subplots(1, 5, figsize=(10, 2.2), sharey=True)
for depth, axes in enumerate(panels, start=1):
    y = tent(y)
    axes.plot(line, y, color=BLUE, lw=2)
    axes.set(title=f"{2 * depth} neurons", xticks=[0, 1], xlabel=f"{pieces(y)} pieces")
    assert pieces(y) == 2**depth
plt.show()

# %% [markdown]
# ## Exercises
# **1.** How many weights and biases has `mlp((784, 128, 64, 10))`? Count, then look.

# %%
drawn, _ = models.mlp((784, 128, 64, 10)).init(jax.random.key(0))
count = sum(p.size for p in jax.tree.leaves(drawn))
assert count == (784 + 1) * 128 + (128 + 1) * 64 + (64 + 1) * 10 == 109_386

# %% [markdown]
# **2.** Write down a network with one hidden layer of two relus that computes XOR exactly.

# %%
bits = jnp.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
xor = forward(
    [
        (jnp.array([[1.0, 1.0], [1.0, 1.0]]), jnp.array([0.0, -1.0])),  # sum, and sum - 1
        (jnp.array([[1.0, -2.0]]), jnp.zeros(1)),
    ],
    bits,
    activations.relu,
)
print(xor.ravel())
assert xor.ravel().tolist() == [0, 1, 1, 0]

# %% [markdown]
# **3.** Hidden units can be swapped: exchange two rows of $W^1$ and $b^1$ and the two columns of
# $W^2$ that belong to them. Show that the network computes the same. (So every minimum of the loss
# has at least $16! \cdot 16!$ twins.)

# %%
order = jnp.arange(16).at[jnp.array([0, 5])].set(jnp.array([5, 0]))
swapped = [(W1[order], b1[order]), (W2[:, order], b2), (W3, b3)]
assert jnp.allclose(forward(swapped, x, jnp.tanh), forward(weights, x, jnp.tanh), atol=1e-5)

# %% [markdown]
# **4.** Is relu enough of a non-linearity if all inputs and all weights are positive? Why not?

# %%
positive = [(jnp.abs(W), jnp.abs(b)) for W, b in weights]
inputs = jnp.abs(x)  # every z is positive, where relu is the identity
assert jnp.allclose(
    forward(positive, inputs, activations.relu), forward(positive, inputs, identity)
)
