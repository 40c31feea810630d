# %% [markdown]
# # 5 · The deep network
#
# *Hidden layers bend straight borders. Without a non-linearity between them, any depth collapses to
# a single layer.*

# %% [markdown] tags=["objectives"]
# **After this lecture you can** name the layers of a network and write it as a nested formula; tell
# shallow from deep; show why depth needs a non-linearity; and say what depth buys, and what its
# layers compute.
#
# **You need** [the dense layer](03_dense_layer.ipynb) and [a network of one
# layer](04_single_layer.ipynb). **Next:** [losses](06_losses.ipynb), the score by which a network
# learns.

# %% [markdown] tags=["item-26", "item-28", "item-32"]
# One layer draws straight borders. Put a second one on top, and it gets as inputs what the first
# has made: features that were *learned*. Each layer computes
#
# $$ Z^{l} = W^{l} a^{l-1} + b^{l}, \qquad a^{l} = \sigma(Z^{l}), \qquad a^0 = x, $$
#
# with an activation function $\sigma$ of [notebook 2](02_activations.ipynb).
#
# The **input layer** is the data itself; it computes nothing. The **output layer** gives the
# prediction. The layers between are called **hidden**, because neither their inputs nor their
# outputs stand in the data.
# This is the network that classifies silhouettes, drawn from its own sizes:

# %% tags=["setup"]
import os

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import optax

from jaxdl import activations, data, explain, layers, losses, models, plots, serial, train

FAST = "JAXDL_FAST" in os.environ  # smaller sizes, for the tests

# %% tags=["item-26", "item-28", "plot"]
plots.network((784, 128, 64, 10), captions=True, outputs=data.load("animals").classes)

# %% [markdown] tags=["item-27", "item-30"]
# Information flows from the left to the right and never back: a **feedforward** network. (Networks
# whose connections loop back are [recurrent](14_recurrent.ipynb).) From the outside in, deep
# learning is made like this:

# %% tags=["item-27", "plot"]
plots.nested_sets(
    [
        "deep learning\na function, a score, a procedure",
        "a neural network\nlayers after each other",
        "a layer\nneurons side by side",
        "a neuron\na non-linear function",
    ]
)

# %% [markdown] tags=["item-27"]
# Besides layers that learn there are **utility layers**, which have no neurons: they reshape
# (`flatten`), scale (`rescale`), drop (`dropout`) or normalise
# ([notebook 15](15_dropout_batchnorm.ipynb)). In jaxdl all of them are Layers alike:

# %% tags=["item-27"]
network = serial(layers.flatten(axes=2), layers.dense(4, 3), activations.relu, layers.dropout(0.5))
parameters, _ = network.init(jax.random.key(0))
counts = [sum(p.size for p in jax.tree.leaves(part)) for part in parameters]
print("numbers that each of the four layers learns:", counts)
assert counts == [0, 4 * 3 + 3, 0, 0]

# %% [markdown] tags=["item-35"]
# Written in one line, a network is a function of a function of a function. For two hidden layers
# with biases $\beta$ and weights $\omega$, as one of the lectures calls them,
#
# $$ \hat y = \beta_2 + \omega_2\, a\bigl[\beta_1 + \omega_1\, a[\beta_0 + \omega_0 x]\bigr]. $$

# %% tags=["item-35", "item-34"]
beta = [jnp.array([0.1, -0.2, 0.3]), jnp.array([0.5, 0.0]), jnp.array([1.0])]
omega = [
    jnp.array([[1.0, -1.0], [0.5, 2.0], [0.0, 1.0]]),
    jnp.array([[1.0, 0.0, 2.0], [0.0, 1.0, -1.0]]),
    jnp.array([[2.0, -1.0]]),
]
example, a = jnp.array([0.5, 1.5]), jnp.tanh
nested = beta[2] + omega[2] @ a(beta[1] + omega[1] @ a(beta[0] + omega[0] @ example))

h1 = a(beta[0] + omega[0] @ example)  # the first hidden layer
h2 = a(beta[1] + omega[1] @ h1)  # the second
output = beta[2] + omega[2] @ h2
assert jnp.allclose(nested, output)

# %% [markdown] tags=["item-34"]
# **Slips in the numbering.** The lecture calls its two hidden layers $h_0$ and $h_1$ and then
# writes $y = \beta_2 + \omega_2 h_2$, of an $h_2$ that nobody has computed; its general formula
# gives layer $k$ the weights $\omega_{k-1}$ *and* the output the weights $\omega_k$ of the same
# $k$, which only works if the first hidden layer is $h_1$; and in the last line $\omega$ has become
# $\gamma$. Number the layers from 1 and the input $h_0 = x$, and all of it fits:
# $h_k = a[\beta_{k-1} + \omega_{k-1} h_{k-1}]$, $\hat y = \beta_K + \omega_K h_K$.

# %% tags=["item-34"]
h = [example]  # h₀ = x
for k in (1, 2):
    h.append(a(beta[k - 1] + omega[k - 1] @ h[k - 1]))
assert jnp.allclose(beta[2] + omega[2] @ h[2], output)
try:
    wrong = beta[2] + omega[2] @ h[1]  # what the slide's h₁, counted from 0, would be: 3 numbers
except TypeError:
    wrong = None
assert wrong is None  # two weights a row can't take three inputs

# %% [markdown] tags=["item-36"]
# ## Depth needs a non-linearity
# Everything hangs on the activation. Leave it out, and two layers are $W^2(W^1 x + b^1) + b^2 =
# (W^2 W^1)\,x + (W^2 b^1 + b^2)$: **one** layer with another matrix. A hundred layers: still one.
# These points need a bent border:


# %%
def spirals(key, n=200):
    """Two spirals that wind into each other: hopeless for a straight line."""
    labels = jnp.arange(n) % 2
    sign = jnp.where(labels == 0, 1.0, -1.0)[:, None]  # the second is the first, turned by half
    angle, radius = jnp.linspace(0.6, 4.8, n)[:, None], jnp.linspace(0.3, 1.6, n)[:, None]
    clean = sign * radius * jnp.concatenate([jnp.cos(angle), jnp.sin(angle)], axis=1)
    return clean + 0.06 * jax.random.normal(key, (n, 2)), labels


x, labels = spirals(jax.random.key(0))

# %% [markdown]
# First a network from scratch.
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

# %% [markdown] tags=["item-36"]
# **Depth without non-linearity collapses.** Multiply the three matrices once, and the result is a
# single layer that gives the same scores for **every** input. With tanh between, it doesn't.

# %% tags=["item-36"]
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

# %% tags=["item-31", "item-32"]
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
# `explain.trace` shows what flows through: each layer's $Z$ and $a$, their mean and spread. Every
# layer takes the outputs of the one before, weighs them, sums, activates, and hands on the result.

# %% [markdown]
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

# %% tags=["picture", "plot"]
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

# %% [markdown] tags=["item-33"]
# ## A hidden layer without its input
# Another slip that goes from slide to slide: a formula for the hidden layer that has lost its
# input, $a^1 = f(W^1 + b^1)$ instead of $a^1 = f(W^1 x + b^1)$. Such a layer says the same whatever
# it is shown. In numbers, on our 200 points:

# %% tags=["item-33"]
right = jnp.tanh(x @ W1.T + b1)
lost = jnp.broadcast_to(jnp.tanh(W1.sum(axis=1) + b1), right.shape)  # x has gone
print(f"spread over the examples: {right.std(axis=0).mean():.3f} and {lost.std(axis=0).mean():.3f}")
assert right.std(axis=0).mean() > 0.3
assert (lost.std(axis=0) < 1e-6).all()

# %% [markdown] tags=["item-29"]
# ## Shallow and deep
# A network with a single hidden layer is called **shallow**, one with several **deep**. A shallow
# one can come near to any continuous function, if it is wide enough
# ([notebook 12](12_universal_approximation.ipynb)); what a network of a given number of weights can
# represent, its *capacity*, grows faster with depth. The reason is folding: a layer of relus folds
# the plane along lines, and the next folds what is folded already. Along a line through the plane,
# the output of a relu network is made of straight pieces, which can be counted: first for networks
# with random weights and about as many parameters.


# %% tags=["item-29"]
def pieces(sizes, seed):
    """How many straight pieces a random relu network has along a line."""
    net = models.mlp(sizes, activation=activations.relu)
    params, _ = net.init(jax.random.key(seed))
    # Weights of He's size and scattered biases, so that bends lie within reach.
    keys = iter(jax.random.split(jax.random.key(100 + seed), 99))
    params = jax.tree.map(
        lambda p: (
            jax.random.normal(next(keys), p.shape) * (2 / p.shape[0]) ** 0.5
            if p.ndim == 2
            else 0.3 * jax.random.normal(next(keys), p.shape)
        ),
        params,
    )

    def active(t):
        """Which relus are on: the output is straight as long as none switches."""
        signs, a = [], t * jnp.array([1.0, 0.7])
        for layer in params[:-1]:
            if layer:
                z = a @ layer["kernel"] + layer["bias"]
                signs.append(z > 0)
                a = jnp.maximum(z, 0)
        return jnp.concatenate(signs)

    on = jax.vmap(active)(jnp.linspace(-3, 3, 20001))
    return 1 + int((on[1:] != on[:-1]).any(axis=1).sum())


shallow, deep = (2, 130, 1), (2, 14, 14, 14, 1)
for sizes in (shallow, deep):
    params, _ = models.mlp(sizes).init(jax.random.key(0))
    print(f"{sizes}: {sum(p.size for p in jax.tree.leaves(params))} parameters,", end=" ")
    neurons = sum(sizes[1:-1])
    mean = sum(pieces(sizes, seed) for seed in range(5)) / 5
    print(f"{neurons} hidden neurons, {mean:.0f} pieces: {mean / neurons:.2f} for each neuron")
per_neuron = [sum(pieces(s, seed) for seed in range(5)) / 5 / sum(s[1:-1]) for s in (shallow, deep)]
assert max(pieces(shallow, seed) for seed in range(5)) <= 130 + 1  # one bend for each neuron
assert all(0.6 < count < 1.3 for count in per_neuron)

# %% [markdown] tags=["item-29"]
# That is a surprise, and a warning: **with random weights depth buys nothing**; deep or shallow,
# there is about one piece for each neuron. What depth changes is what weights *can* do. A layer of
# two relus can fold the line in the middle, $t(x) = 2\operatorname{relu}(x) -
# 4\operatorname{relu}(x - \frac12)$, so that the next layer's bends appear twice. Each further
# layer doubles the pieces. A shallow network has at most one bend for each neuron, whatever its
# weights.


# %% tags=["item-29"]
def fold(x):
    return 2 * activations.relu(x) - 4 * activations.relu(x - 0.5)


y, line = jnp.linspace(0, 1, 4097), jnp.linspace(0, 1, 4097)
print("neurons  deep, two a layer  shallow, at most")
for depth in range(1, 8):
    y = fold(y)
    counted = 1 + int((jnp.diff(jnp.sign(jnp.diff(y))) != 0).sum())
    print(f"{2 * depth:7} {counted:10} pieces {2 * depth + 1:10} pieces")
    assert counted == 2**depth

# %% [markdown] tags=["item-29"]
# Training finds weights somewhere between the two. [Notebook 12](12_universal_approximation.ipynb)
# draws the folds, and measures what it takes to come near to a given function.

# %% [markdown] tags=["item-56"]
# ## Features upon features
# What do the layers compute? In the network trained on the spirals, each neuron of the first hidden
# layer is on one side of a straight line. Those of the second combine such half-planes into bent
# regions. The deeper the layer, the more of the shape it has taken in: that is what *hierarchical
# features* means. (For images, [notebook 13](13_convolution.ipynb) shows edges, then parts.)
#
# How useful are a layer's features? Freeze them and train only a linear classifier on top, by least
# squares: first on the inputs themselves, then on the outputs of each hidden layer.

# %% tags=["item-56"]
tx = optax.adam(1e-2)
step = train.make_step(train.supervised(net, losses.cross_entropy), tx)
batch = {"inputs": x, "labels": labels}
run = jax.jit(lambda s: jax.lax.scan(lambda s, _: step(s, batch), s, length=1500)[0])
end = run(train.init_state(net, tx, jax.random.key(2)))
passed = explain.trace(net, end.params, end.state, x).layers
new_x, new_labels = spirals(jax.random.key(5))  # points it hasn't seen
new_passed = explain.trace(net, end.params, end.state, new_x).layers


def linear_accuracy(features, new_features):
    ones = lambda f: jnp.concatenate([f, jnp.ones((len(f), 1))], axis=1)
    best = jnp.linalg.lstsq(ones(features), 2.0 * labels - 1)[0]
    return float(((ones(new_features) @ best > 0) == new_labels).mean())


by_layer = {"the inputs": linear_accuracy(x, new_x)}
for name, layer, fresh in zip(("first hidden", "second hidden"), passed, new_passed, strict=False):
    by_layer[name] = linear_accuracy(layer.a, fresh.a)
for name, value in by_layer.items():
    print(f"a straight border on {name:13} gets {value:.1%} right")
assert by_layer["the inputs"] < by_layer["first hidden"] <= by_layer["second hidden"]
assert by_layer["second hidden"] > 0.95

# %% tags=["item-56", "plot"]
plane = jnp.stack(jnp.meshgrid(jnp.linspace(-2, 2, 120), jnp.linspace(-2, 2, 120)), axis=-1)
views = explain.trace(net, end.params, end.state, plane.reshape(-1, 2)).layers
figure, panels = plt.subplots(2, 6, figsize=(10, 3.8))
for row, (layer, name) in enumerate(zip(views[:2], ("first hidden", "second hidden"), strict=True)):
    for k, axes in enumerate(panels[row]):
        view = layer.a[:, k].reshape(120, 120)
        axes.imshow(view, origin="lower", extent=(-2, 2, -2, 2), cmap=plots.signed_colours(),
                    vmin=-1, vmax=1)  # fmt: skip
        axes.set(xticks=[], yticks=[])
    panels[row][0].set_ylabel(name)
figure.suptitle("Where six neurons of each layer are on (blue) and off (orange)")
plt.show()

# %% [markdown] tags=["recap"]
# ## In five lines
# * Input layer, hidden layers, output layer: $a^l = \sigma(W^l a^{l-1} + b^l)$, and nothing flows
#   back.
# * Without activations any number of layers is one layer, $W^2 W^1 x + \dots$
# * A layer that has lost its input says the same of everything.
# * One hidden layer is shallow, several are deep; with the right weights each layer can double the
#   number of straight pieces, a shallow network gets one for each neuron.
# * Later layers combine what earlier ones have found: a straight border on the last hidden layer is
#   enough.

# %% [markdown] tags=["quiz"]
# ## Quiz
# 1. How many layers of `mlp((784, 128, 64, 10))` are hidden, and how many have weights?
# 2. What does a network of 100 dense layers without activations compute?
# 3. Is a network with one hidden layer of a million neurons deep?
# 4. How many bends can a shallow network with 10 relus have along a line?
# 5. Why is there no activation on the scores of the last layer here?
#
# <details><summary>Answers</summary>
#
# 1. Two hidden ones; three have weights, as the output layer has, too.
# 2. $Wx + b$ with one matrix and one bias.
# 3. No: it is wide, and shallow.
# 4. Ten.
# 5. The loss takes the scores as they are and applies softmax itself.
#
# </details>

# %% [markdown] tags=["exercises"]
# ## Exercises

# %% [markdown]
# **1.** How many weights and biases has `mlp((784, 128, 64, 10))`? Work it out.

# %% tags=["solution"]
count = (784 + 1) * 128 + (128 + 1) * 64 + (64 + 1) * 10

# %% tags=["check"]
drawn, _ = models.mlp((784, 128, 64, 10)).init(jax.random.key(0))
assert count == sum(p.size for p in jax.tree.leaves(drawn)) == 109_386

# %% [markdown]
# **2.** Write down a network with one hidden layer of two relus that computes XOR exactly: a list
# of two pairs $(W, b)$, as for `forward`.

# %% tags=["solution"]
xor_weights = [
    (jnp.array([[1.0, 1.0], [1.0, 1.0]]), jnp.array([0.0, -1.0])),  # sum, and sum - 1
    (jnp.array([[1.0, -2.0]]), jnp.zeros(1)),
]

# %% tags=["check"]
bits = jnp.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
xor = forward(xor_weights, bits, activations.relu)
assert xor.ravel().tolist() == [0, 1, 1, 0] and len(xor_weights) == 2

# %% [markdown]
# **3.** Hidden neurons can be swapped: exchange neurons 0 and 5 of the first hidden layer of
# `weights` so that the network computes the same. (So every minimum of the loss has at least
# $16! \cdot 16!$ twins.)

# %% tags=["solution"]
order = jnp.arange(16).at[jnp.array([0, 5])].set(jnp.array([5, 0]))
swapped = [(W1[order], b1[order]), (W2[:, order], b2), (W3, b3)]

# %% tags=["check"]
assert jnp.allclose(forward(swapped, x, jnp.tanh), forward(weights, x, jnp.tanh), atol=1e-5)
assert (swapped[0][0][0] == W1[5]).all() and (swapped[0][0][5] == W1[0]).all()

# %% [markdown]
# **4.** Is relu enough of a non-linearity if all inputs, weights and biases are positive? Answer
# `True` or `False`, and say why.

# %% tags=["solution"]
enough = False  # every Z is positive, where relu is the identity

# %% tags=["check"]
positive = [(jnp.abs(W), jnp.abs(b)) for W, b in weights]
relu, none = (forward(positive, jnp.abs(x), f) for f in (activations.relu, identity))
assert enough == (not jnp.allclose(relu, none))
