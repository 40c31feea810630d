# %% [markdown]
# # 4 · A network of one layer
#
# *One dense layer, a softmax, gradient descent: three animals told apart with straight borders, and
# every step of the training written out.*

# %% [markdown] tags=["objectives"]
# **After this lecture you can** put a layer, softmax, cross-entropy and gradient descent together
# to a program that learns; derive its gradient, $\hat y - y$; look at what it has learned; and say
# what one layer can't do.
#
# **You need** [the dense layer](03_dense_layer.ipynb). **Next:** [the deep
# network](05_deep_network.ipynb), whose borders bend.

# %% [markdown] tags=["item-25", "item-51", "item-64", "item-69"]
# A dense layer gives a score for each class. **Softmax** turns the scores $z_k$ into probabilities,
# **cross-entropy** says how bad they are, and **gradient descent** improves the weights. These four
# pieces are a complete learning machine:
#
# $$ z = W x + b, \qquad \hat y_k = \frac{e^{z_k}}{\sum_j e^{z_j}}, \qquad
#    L = -\sum_k y_k \ln \hat y_k, \qquad W \leftarrow W - \eta \frac{\partial L}{\partial W}. $$
#
# The derivative is a little wonder: of all the exponentials and logarithms only a difference
# remains, $\partial L / \partial z = \hat y - y$, *what the network says minus what is true*.
# ($y_k$ is 1 for the right class and 0 for the others, so of the sum only the right class's
# logarithm remains.) We train it on points in the plane, where one can see the borders, and then on
# 784 pixels, where one can see the weights.
#
# Written by the lecture's three components, the goal is to find $\hat\theta =
# \operatorname{argmin}_\theta L[\theta, f, \{x, y\}]$: of all weights $\theta = (W, b)$ those with
# the smallest loss on the training data. The prediction is then $\hat y = f[x, \hat\theta]$.

# %% tags=["setup"]
import os

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxdl import data, layers, losses, metrics, plots, serial, train

FAST = "JAXDL_FAST" in os.environ  # smaller sizes, for the tests

# %% tags=["item-25", "plot"]
plots.network(
    (2, 3),
    outputs=["$z_1$", "$z_2$", "$z_3$"],
    title="A network of one layer",
)

# %%
centres = jnp.array([[0.0, 1.2], [-1.1, -0.7], [1.1, -0.7]])
labels = jnp.arange(300) % 3
x = centres[labels] + 0.45 * jax.random.normal(jax.random.key(0), (300, 2))

# %% [markdown]
# ## From scratch


# %% tags=["item-51", "item-59", "item-64", "item-69"]
def probabilities(W, b, x):
    z = x @ W.T + b
    exponentials = jnp.exp(z - z.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def loss(W, b, x, labels):
    p = probabilities(W, b, x)
    return -jnp.log(p[jnp.arange(len(labels)), labels]).mean()


def gradient(W, b, x, labels):
    difference = probabilities(W, b, x) - jax.nn.one_hot(labels, 3)  # ŷ - y, a row for each example
    return difference.T @ x / len(x), difference.mean(axis=0)


@jax.jit
def descend(W, b, x, labels):
    """300 steps with learning rate 1; returns the weights and the loss before each step."""

    def step(weights, _):
        W, b = weights
        dW, db = gradient(W, b, x, labels)
        return (W - dW, b - db), loss(W, b, x, labels)

    return jax.lax.scan(step, (W, b), length=300)


(W, b), history = descend(jnp.zeros((3, 2)), jnp.zeros(3), x, labels)
accuracy = (probabilities(W, b, x).argmax(axis=1) == labels).mean()
print(f"loss {history[0]:.4f} -> {history[-1]:.4f}, accuracy {accuracy:.1%}")

# %% [markdown]
# With all weights zero, each class gets 1/3, and the loss is $\ln 3 = 1.0986$. A loss at the start
# far from $\ln K$ is the first thing to look for when something is wrong.

# %% tags=["picture", "plot"]
plots.boundary(
    lambda points: points @ W.T + b,
    x,
    labels,
    classes=("first", "second", "third"),
    title=f"{accuracy:.0%} right, with straight borders",
)

# %% tags=["plot"]
# All examples at once: a step is an epoch.
plots.history([{"epoch": i, "loss": value} for i, value in enumerate(history.tolist())])

# %% tags=["item-51", "item-59", "item-64", "item-69"]
assert jnp.isclose(history[0], jnp.log(3))
assert history[-1] < 0.2 and accuracy > 0.95

# %% [markdown] tags=["item-59"]
# **argmin, checked.** Is $\hat\theta$ a place where the loss is smallest? This loss is convex, so
# it is enough that no small step in any direction lowers it by more than the last steps of descent
# did:

# %% tags=["item-59"]
steps = jax.random.split(jax.random.key(7), 200)
tried = jax.vmap(
    lambda key: loss(
        W + 0.05 * jax.random.normal(key, W.shape),
        b + 0.05 * jax.random.normal(key, b.shape),
        x,
        labels,
    )
)(steps)
print(f"L at θ̂ {loss(W, b, x, labels):.4f}; the best of 200 places around it {tried.min():.4f}")
assert tried.min() > loss(W, b, x, labels) - 1e-3

# %% [markdown]
# ## Is $\hat y - y$ right?
# `jax.grad` differentiates the loss itself, without knowing our formula. At random weights:

# %%
random = jax.random.normal(jax.random.key(1), (3, 2)), jnp.array([0.3, -0.2, 0.5])
automatic = jax.grad(loss, argnums=(0, 1))(*random, x, labels)
for ours, theirs in zip(gradient(*random, x, labels), automatic, strict=True):
    assert jnp.allclose(ours, theirs, atol=1e-6)

# %% [markdown]
# ## The same with jaxdl
# A layer, a loss, an optimizer, a step. Softmax isn't in the network: `losses.cross_entropy` takes
# the scores $z$ (the *logits*) and computes $\ln \sum e^{z}$ in one piece, so that nothing
# overflows.

# %%
net = layers.dense(2, 3)
loss_fn = train.supervised(net, losses.cross_entropy)
step = train.make_step(loss_fn, optax.sgd(1.0))
start = train.init_state(net, optax.sgd(1.0), jax.random.key(0))
start = start._replace(params={"kernel": jnp.zeros((2, 3)), "bias": jnp.zeros(3)})
batch = {"inputs": x, "labels": labels}
end, _ = jax.jit(lambda s: jax.lax.scan(lambda s, _: step(s, batch), s, length=300))(start)
for name, values in end.params.items():
    print(name, np.array2string(np.asarray(values), precision=3))

assert jnp.allclose(end.params["kernel"], W.T, atol=1e-4)
assert jnp.allclose(end.params["bias"], b, atol=1e-4)

# %% [markdown]
# **In PyTorch** `torch.nn.CrossEntropyLoss` takes logits as well, and a softmax before it is the
# most common mistake of beginners: the network still learns, only slower and worse. For the logits
# $(2, 1, 0.1)$ and the right class 0, `F.cross_entropy` prints 0.4170.

# %%
logits = jnp.array([[2.0, 1.0, 0.1]])
once = losses.cross_entropy(logits, jnp.array([0]))
twice = losses.cross_entropy(jax.nn.softmax(logits), jnp.array([0]))
print(f"logits: {once:.4f}   probabilities by mistake: {twice:.4f}")
assert abs(once - 0.4170) < 5e-5
assert twice > 0.7

# %% [markdown]
# By mistake, the loss can't even come near 0: the "logits" are between 0 and 1, so the best
# possible value for three classes is $-\ln\frac{e}{e + 2} = 0.5514$.

# %% [markdown]
# ## The weights as pictures
# Now 784 inputs: silhouettes of three animals, 28 x 28 pixels. A row of $W$ has a weight for each
# pixel, so it can be looked at. Blue pixels speak for the animal, orange ones against it. (A
# penalty on large weights, $0.02 \sum w^2$, keeps the pictures calm.)

# %%
animals = data.select_classes(data.load("animals"), ("cat", "giraffe", "elephant"))
pixels = serial(layers.rescale(1 / 255), layers.flatten(axes=3), layers.dense(784, 3))
loss_fn = train.supervised(
    pixels, losses.cross_entropy, metrics={"accuracy": metrics.accuracy},
    regularizer=lambda p: 0.02 * sum((w**2).sum() for w in jax.tree.leaves(p)),
)  # fmt: skip
tx = optax.adam(1e-2)
start = train.init_state(pixels, tx, jax.random.key(0))
end, rows = train.fit(
    loss_fn, tx, start, animals, epochs=4 if FAST else 12, batch_size=64, hooks=()
)
test = train.evaluate(loss_fn, end, animals.test)
print(f"{len(animals.train['labels'])} silhouettes, test accuracy {test['accuracy']:.1%}")
assert test["accuracy"] > 0.85

# %% tags=["plot"]
firsts = [int((animals.train["labels"] == k).argmax()) for k in range(3)]
plots.images(animals.train["inputs"][firsts], titles=animals.classes)

# %% tags=["plot"]
plots.filters(end.params[2]["kernel"], shape=(28, 28), titles=animals.classes)

# %% [markdown]
# The giraffe's neck is plainly there, in the middle; the elephant's head may be on either side; the
# cat sits broadly at the bottom. But such a network has a single template for each class: elephants
# that look left and elephants that look right must share one, with two faint heads. More templates
# need [more layers](05_deep_network.ipynb).

# %% [markdown] tags=["recap"]
# ## In five lines
# * Scores by a dense layer, probabilities by softmax, loss by cross-entropy, weights by descent.
# * The gradient by the scores is $\hat y - y$, what the network says minus what is true.
# * Before training the loss is $\ln K$ for $K$ classes; if it isn't, something is wrong.
# * The loss takes scores, not probabilities; a softmax before it spoils the training.
# * One layer has straight borders and a single template for each class.

# %% [markdown] tags=["quiz"]
# ## Quiz
# 1. Ten classes and untrained weights near zero: about which loss do you expect?
# 2. Which class do you get if you add 5 to all three scores?
# 3. Why is there no softmax in the network that is trained?
# 4. What does a row of $W$ look like for images?
# 5. In $\hat\theta = \operatorname{argmin}_\theta L[\theta, f, \{x, y\}]$, what is varied, and what
#    is given?
#
# <details><summary>Answers</summary>
#
# 1. $\ln 10 = 2.303$.
# 2. The same as before: softmax only sees differences.
# 3. The loss computes it together with the logarithm, so that nothing overflows.
# 4. A template: pixels that speak for the class, and pixels that speak against it.
# 5. The weights $\theta$ are varied; the architecture $f$ and the data are given.
#
# </details>

# %% [markdown] tags=["exercises"]
# ## Exercises

# %% [markdown]
# **1.** For two classes, softmax is a sigmoid in disguise: write the first probability with
# `sigmoid`.


# %% tags=["solution"]
def first_of_two(z):
    """The first of two softmax probabilities, from the scores (2,)."""
    return jax.nn.sigmoid(z[0] - z[1])


# %% tags=["check"]
z = jnp.array([0.3, -1.2])
assert jnp.isclose(jax.nn.softmax(z)[0], first_of_two(z))

# %% [markdown]
# **2.** The gradient for the biases, the mean of $\hat y - y$, is zero at the end of training. What
# are then the mean probabilities that the network gives on its training data?

# %% tags=["solution"]
means = [1 / 3, 1 / 3, 1 / 3]  # the shares of the classes

# %% tags=["check"]
assert jnp.allclose(probabilities(W, b, x).mean(axis=0), jnp.array(means), atol=1e-3)

# %% [markdown]
# **3.** Where do the three borders meet? There all three scores are equal: two linear equations.

# %% tags=["solution"]
meet = jnp.linalg.solve(
    jnp.stack([W[0] - W[1], W[0] - W[2]]), jnp.array([b[1] - b[0], b[2] - b[0]])
)

# %% tags=["check"]
assert jnp.allclose(probabilities(W, b, meet[None]), 1 / 3, atol=1e-5)

# %% [markdown]
# **4.** Can one layer learn a ring around a disc? Guess its accuracy, to within 0.1, before you run
# the check.

# %% tags=["solution"]
guess = 0.53  # about the share of the larger class

# %% tags=["check"]
points = jax.random.uniform(jax.random.key(2), (600, 2), minval=-1.0)
outside = ((points**2).sum(axis=1) > 0.6).astype(int)
(V, c), _ = descend(jnp.zeros((3, 2)), jnp.zeros(3), points, outside)
right = (probabilities(V, c, points).argmax(axis=1) == outside).mean()
larger = jnp.maximum(outside.mean(), 1 - outside.mean())
print(f"accuracy {right:.1%}; always saying the larger class gives {larger:.1%}")
assert right < larger + 0.1
assert abs(guess - right) < 0.1
