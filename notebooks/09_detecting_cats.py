# %% [markdown]
# # 9 · Detecting cats
#
# *Is it a cat? Logistic regression. Still better? One hidden layer, its gradient by hand. Cat, dog
# or giraffe? Softmax. Three networks, one procedure of five steps.*

# %% [markdown] tags=["objectives"]
# **After this lecture you can** turn "find the cats" into a problem with labels and a score; train
# a logistic regression, a network with one hidden layer, and a softmax classifier; write down the
# whole gradient of the hidden layer; and name the five steps of learning.
#
# **You need** [losses](06_losses.ipynb) and [backpropagation](08_backpropagation.ipynb).
# **Next:** [PyTorch's quickstart in JAX](10_quickstart.ipynb), the same with ten kinds of clothes.

# %% tags=["setup"]
import os

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import optax

from jaxdl import activations, data, explain, layers, losses, metrics, models, plots, serial, train
from jaxdl.plots import BLUE, ORANGE, signed_colours

FAST = "JAXDL_FAST" in os.environ  # smaller sizes, for the tests

# %% [markdown] tags=["item-82"]
# ## First, what is the problem?
# "Find the cats" is a wish. It becomes a problem once three things are settled: what a label is,
# what the network gives, and which score says how good that is.
#
# | question | label $y$ of a picture | network gives | score |
# |---|---|---|---|
# | Is there a cat? | 1 or 0 | one probability | binary cross-entropy |
# | Cat, dog or giraffe? | one of three | three probabilities, sum 1 | cross-entropy |
# | Which of them are in it? | three times 1 or 0 | three probabilities | the same for each |
# | How many cats? | 0, 1, 2 … | a positive rate | Poisson loss |
# | Where is the cat? | 1 or 0 for each pixel | a probability for each pixel | Dice loss |
#
# Each is a real loss of this library. Here is each once, for an answer that is nearly right and for
# one that isn't. This lecture takes the first two questions.

# %% tags=["item-82"]
left, right = [[[0.9, 0.1], [0.8, 0.2]]], [[[0.1, 0.9], [0.2, 0.8]]]
answers: dict[str, tuple] = {  # the score, a good answer, a bad one, and what is true
    "is there a cat?": (losses.binary_cross_entropy, [0.8], [0.3], [1.0]),
    "which animal?": (losses.cross_entropy, [[2.0, 1.0, -1.0]], [[-1.0, 1.0, 2.0]], [0]),
    "which of them?": (losses.binary_cross_entropy, [[0.8, 0.7]], [[0.8, 0.1]], [[1.0, 1.0]]),
    "how many?": (losses.poisson_nll_loss, [0.5], [-2.0], [2.0]),  # logarithms of rates
    "where?": (losses.dice, right, left, [[[0.0, 1.0], [0.0, 1.0]]]),
}
for question, (score, *given, true) in answers.items():
    good, bad = (float(score(jnp.array(answer), jnp.array(true))) for answer in given)
    print(f"{question:16} {score.__name__:21} {good:.3f}, of a bad answer {bad:.3f}")
    assert good < bad

# %% [markdown]
# ## The pictures
# 784 numbers each: silhouettes of cats, dogs and giraffes. (The lecture has a lion for the third
# animal; this set of pictures has none.)

# %%
animals = data.load("animals", classes=("cat", "dog", "giraffe"))
x, labels = (jnp.asarray(animals.train[name]) for name in ("inputs", "labels"))
x_test, labels_test = (jnp.asarray(animals.test[name]) for name in ("inputs", "labels"))
x, x_test = (images.reshape(len(images), -1) / 255 for images in (x, x_test))
print(f"{len(x)} silhouettes to train with, {len(x_test)} for the test")

# %% tags=["plot"]
firsts = [int(i) for k in range(3) for i in jnp.flatnonzero(labels == k)[:4]]
names = [animals.classes[int(labels[i])] for i in firsts]
plots.images(animals.train["inputs"][jnp.array(firsts)], titles=names, columns=6)

# %% [markdown] tags=["item-78"]
# ## Step 1: logistic regression
# A weight for each pixel, a bias, and the sum squeezed into a probability:
#
# $$ z = w^\top x + b, \qquad \hat y = \sigma(z) = \frac{1}{1 + e^{-z}}, $$
#
# $$ L = -\bigl[y \ln \hat y + (1 - y) \ln(1 - \hat y)\bigr], \qquad
#    \frac{\partial L}{\partial w} = (\hat y - y)\,x, $$
#
# with $y = 1$ for a cat and $y = 0$ for the others, and the mean over all pictures. That's one
# neuron. 400 steps of plain gradient descent, from zero:

# %% tags=["item-21", "item-62", "item-78"]
cat, cat_test = (labels == 0).astype(jnp.float32), (labels_test == 0).astype(jnp.float32)


@jax.jit
def descend(x, y):
    def step(weights, _):
        w, b = weights
        difference = jax.nn.sigmoid(x @ w + b) - y  # ŷ - y
        gradient = x.T @ difference / len(x), difference.mean()
        return (w - 0.05 * gradient[0], b - 0.05 * gradient[1]), None

    return jax.lax.scan(step, (jnp.zeros(784), jnp.zeros(())), length=400)[0]


w, b = descend(x, cat)
z = x_test @ w + b
yhat_test = jax.nn.sigmoid(z)
right = ((yhat_test > 0.5) == cat_test).mean()
always_no = 1 - cat_test.mean()
print(f"test accuracy {right:.1%}; always saying 'no cat' gives {always_no:.1%}")
assert right > always_no + 0.1

# %% [markdown]
# ## The same with jaxdl
# `models.logistic_regression(784)` gives the logit $z$, `binary_cross_entropy_with_logits` knows
# the rest, and `jax.grad` finds $\hat y - y$ by itself.

# %% tags=["item-78"]
net = models.logistic_regression(784)
tx = optax.sgd(0.05)
step = train.make_step(train.supervised(net, losses.binary_cross_entropy_with_logits), tx)
batch = {"inputs": x, "labels": cat}
run = jax.jit(lambda s: jax.lax.scan(lambda s, _: step(s, batch), s, length=400)[0])
end = run(train.init_state(net, tx, jax.random.key(0)))
logits, _ = net.apply(end.params, end.state, x_test)
assert jnp.allclose(jax.nn.sigmoid(logits), yhat_test, atol=1e-4)

# %% [markdown]
# **In Keras** this is `Sequential([Input((784,)), Dense(1, activation="sigmoid")])` with
# `loss="binary_crossentropy"` and `SGD(0.05)`; in PyTorch `nn.Linear(784, 1)` with
# `nn.BCEWithLogitsLoss()`. Both start from random weights. This loss is convex, so every start
# leads to the same value in the end.
#
# What has it learned? The weights are a picture too: blue pixels speak for a cat, orange
# ones against.

# %% tags=["picture", "plot"]
figure, panels = plt.subplots(1, 5, figsize=(10, 2.6))
most = jnp.abs(w).max()
panels[0].imshow(w.reshape(28, 28), cmap=signed_colours(), vmin=-most, vmax=most)
panels[0].set_title("the weights")
order = jnp.argsort(yhat_test)
chosen = [int(order[int(share * len(order))]) for share in (0.99, 0.7, 0.5, 0.01)]
for axes, i in zip(panels[1:], chosen, strict=True):
    axes.imshow(x_test[i].reshape(28, 28), cmap="gray")
    name = animals.classes[int(labels_test[i])]
    colour = BLUE if yhat_test[i] > 0.5 else ORANGE
    axes.set_title(f"{name}: {yhat_test[i]:.0%} cat", color=colour)
for axes in panels:
    axes.set(xticks=[], yticks=[])
plt.show()

# %% [markdown]
# **Not all mistakes are alike.** With the threshold at 0.5, some cats are missed and some dogs are
# taken for cats. A lower threshold finds more cats (*recall*) and is wrong more often when it says
# "cat" (*precision*).

# %%
print("threshold  recall  precision")
for threshold in (0.2, 0.5, 0.8):
    says = yhat_test > threshold
    recall = (says & (cat_test == 1)).sum() / cat_test.sum()
    precision = (says & (cat_test == 1)).sum() / says.sum()
    print(f"{threshold:9}  {recall:6.1%}  {precision:9.1%}")

recalls = [float(((yhat_test > q) & (cat_test == 1)).sum()) for q in (0.2, 0.5, 0.8)]
assert recalls == sorted(recalls, reverse=True)

# %% [markdown]
# Every threshold is a point of the *ROC curve*: how many of the cats it finds, over how many of the
# others it takes for cats. The area under it is the probability that a cat gets a higher $\hat y$
# than another animal.

# %% tags=["plot"]
plots.roc({"all pixels": yhat_test, "the middle one": x_test[:, 14 * 28 + 14]}, cat_test)

# %%
higher = (yhat_test[cat_test == 1][:, None] > yhat_test[cat_test == 0]).mean()
print(f"a cat gets the higher ŷ in {higher:.1%} of all pairs")
assert higher > 0.8

# %% [markdown] tags=["item-77", "item-80"]
# ## Step 2: one hidden layer, by hand
# One neuron has one template for all cats. Put a layer of 16 neurons in between, each with a
# sigmoid, and let the output neuron combine *them*:
#
# $$ Z^{[1]} = W^{[1]} x + b^{[1]}, \quad a^{[1]} = \sigma(Z^{[1]}), \qquad
#    Z^{[2]} = W^{[2]} a^{[1]} + b^{[2]}, \quad \hat y = \sigma(Z^{[2]}). $$
#
# The loss stays the binary cross-entropy. **Backwards**, first the error term of the output layer:
# the loss has the slope $-\frac{y}{\hat y} + \frac{1 - y}{1 - \hat y} = \frac{\hat y - y}{\hat
# y (1 - \hat y)}$, the sigmoid has the slope $\hat y (1 - \hat y)$, and their product is
#
# $$ \delta^{[2]} = \frac{\partial L}{\partial Z^{[2]}} = \hat y - y, \qquad
#    \frac{\partial L}{\partial W^{[2]}} = \delta^{[2]} (a^{[1]})^\top, \qquad
#    \frac{\partial L}{\partial b^{[2]}} = \delta^{[2]}. $$
#
# Then the hidden layer's, which comes back through the weights and is damped by the sigmoid's
# slope:
#
# $$ \delta^{[1]} = (W^{[2]})^\top \delta^{[2]} \circ \sigma'(Z^{[1]}), \qquad
#    \frac{\partial L}{\partial W^{[1]}} = \delta^{[1]} x^\top, \qquad
#    \frac{\partial L}{\partial b^{[1]}} = \delta^{[1]}. $$
#
# In code, line by line; each picture is a column. The loss of several pictures is the mean of
# theirs, so the gradients are means, too.


# %% tags=["item-77"]
def forward(weights, x):
    """Of x (784, N): everything that is computed on the way, as the way back needs it."""
    W1, b1, W2, b2 = weights
    Z1 = W1 @ x + b1[:, None]
    a1 = jax.nn.sigmoid(Z1)
    Z2 = W2 @ a1 + b2[:, None]
    return Z1, a1, Z2, jax.nn.sigmoid(Z2)


def loss(yhat, y):
    return -(y * jnp.log(yhat) + (1 - y) * jnp.log(1 - yhat)).mean()


def backward(weights, x, y, a1, yhat):
    _, _, W2, _ = weights
    N = x.shape[1]
    delta2 = yhat - y
    delta1 = W2.T @ delta2 * (a1 * (1 - a1))  # σ′ = σ (1 - σ)
    return (
        delta1 @ x.T / N,
        delta1.mean(axis=1),
        delta2 @ a1.T / N,
        delta2.mean(axis=1),
    )


def draw(key, n=16):
    one, two = jax.random.split(key)
    W1, W2 = jax.random.normal(one, (n, 784)) / 28, jax.random.normal(two, (1, n)) / n**0.5
    return W1, jnp.zeros(n), W2, jnp.zeros(1)


# %% [markdown] tags=["item-77"]
# **Is it right?** `jax.grad` differentiates the loss without knowing our formulas, for five
# pictures and all four arrays of weights:

# %% tags=["item-77"]
weights = draw(jax.random.key(0))
few, true = x[:5].T, cat[:5]
_, a1, _, yhat = forward(weights, few)
by_hand = backward(weights, few, true, a1, yhat)
automatic = jax.grad(lambda weights: loss(forward(weights, few)[-1], true))(weights)
for ours, theirs in zip(by_hand, automatic, strict=True):
    assert jnp.allclose(ours, theirs, atol=1e-6)

# %% [markdown] tags=["item-77"]
# `explain.backprop` does the same for any network, and writes it as the lecture does. For one
# picture and three hidden neurons, so that it can be read:

# %% tags=["item-77"]
small = serial(layers.dense(784, 3), activations.sigmoid, layers.dense(3, 1), activations.sigmoid)
params, state = small.init(jax.random.key(1))
steps = explain.backprop(small, losses.binary_cross_entropy, params, state, x[:1], cat[:1, None])
print(steps)
output, hidden = steps.layers[1], steps.layers[0]
assert output.formulas[2] == "δ² = ŷ − y"
assert hidden.formulas[2] == "δ¹ = (W²)ᵀ·δ² ∘ σ′(Z¹)"
assert jnp.allclose(output.delta, output.a - cat[:1, None], atol=1e-6)

# %% [markdown]
# Of several pictures it writes $\delta^2 = (\hat y - y)/N$: the mean's $1/N$ is in every error
# term, and it says so.

# %%
several = explain.backprop(small, losses.binary_cross_entropy, params, state, x[:5], cat[:5, None])
print(several.layers[1].formulas[2])
assert several.layers[1].formulas[2] == "δ² = (ŷ − y)/5"

# %% [markdown] tags=["item-81"]
# ## The five steps of learning
# 1. **Forward pass**: compute $Z^{[1]}, a^{[1]}, Z^{[2]}, \hat y$.
# 2. **Loss**: compare $\hat y$ with $y$.
# 3. **Backward pass**: the gradient of the loss by every weight.
# 4. **Update**: $w \leftarrow w - \alpha \nabla_w L$, $b \leftarrow b - \alpha \nabla_b L$.
# 5. **Iterate** over many batches and epochs, until the loss doesn't fall any more.
#
# Here they are once, one by one, on a batch of 64 pictures, and then as a function that does them
# again and again.

# %% tags=["item-80", "item-81"]
alpha = 0.5
pictures, true = x[:64].T, cat[:64]
Z1, a1, Z2, yhat = forward(weights, pictures)  # 1
before = loss(yhat, true)  # 2
gradient = backward(weights, pictures, true, a1, yhat)  # 3
updated = tuple(w - alpha * g for w, g in zip(weights, gradient, strict=True))  # 4
after = loss(forward(updated, pictures)[-1], true)
print(f"loss {before:.3f}, after one update {after:.3f}")
assert after < before


@jax.jit
def epoch(weights, key):  # 5
    order = jax.random.permutation(key, len(x))[: len(x) // 64 * 64].reshape(-1, 64)

    def step(weights, rows):
        batch, true = x[rows].T, cat[rows]
        _, a1, _, yhat = forward(weights, batch)
        gradient = backward(weights, batch, true, a1, yhat)
        moved = tuple(w - alpha * g for w, g in zip(weights, gradient, strict=True))
        return moved, loss(yhat, true)

    return jax.lax.scan(step, weights, order)


trained, curve = weights, []
for number in range(5 if FAST else 60):
    trained, values = epoch(trained, jax.random.key(number))
    curve.append(float(values.mean()))
hidden_yhat = forward(trained, x_test.T)[-1][0]
hidden_right = ((hidden_yhat > 0.5) == cat_test).mean()
print(f"loss of the first epoch {curve[0]:.3f}, of the last {curve[-1]:.3f}")
print(f"cat or not: logistic regression {right:.1%}, one hidden layer {hidden_right:.1%}")
assert FAST or hidden_right > right + 0.03

# %% [markdown] tags=["item-80"]
# A hidden neuron's weights are a picture, as before, only that there are sixteen now. Not one of
# them is a cat; each looks at some part of the outline, and the last neuron adds up what they say.

# %% tags=["item-80", "plot"]
plots.filters(trained[0].T, shape=(28, 28), columns=8, title="What each hidden neuron looks at")

# %% [markdown] tags=["item-79"]
# ## Step 3: softmax over three animals
# Three scores, one for each animal; $W$ has three rows $w_j$:
#
# $$ z_j = w_j^\top x + b_j, \qquad \hat y_j = \frac{e^{z_j}}{\sum_k e^{z_k}}, \qquad
#    L = -\sum_j y_j \ln \hat y_j. $$
#
# The gradient is $\hat y - y$ again, now three numbers for each picture, with $y$ = 1 for the right
# animal and 0 for the other two.


# %% tags=["item-79"]
@jax.jit
def descend_softmax(x, y):
    def step(weights, _):
        W, b = weights
        difference = (jax.nn.softmax(x @ W.T + b) - y) / len(x)
        return (W - 0.05 * difference.T @ x, b - 0.05 * difference.sum(axis=0)), None

    return jax.lax.scan(step, (jnp.zeros((3, 784)), jnp.zeros(3)), length=400)[0]


W, b3 = descend_softmax(x, jax.nn.one_hot(labels, 3))
softmax_right = ((x_test @ W.T + b3).argmax(axis=1) == labels_test).mean()

net = models.softmax_regression(784, 3)
tx = optax.sgd(0.05)
step = train.make_step(train.supervised(net, losses.cross_entropy), tx)
batch = {"inputs": x, "labels": labels}
run = jax.jit(lambda s: jax.lax.scan(lambda s, _: step(s, batch), s, length=400)[0])
end = run(train.init_state(net, tx, jax.random.key(0)))
print(f"test accuracy {softmax_right:.1%}")

assert jnp.allclose(end.params["kernel"], W.T, atol=1e-4)
assert softmax_right > 0.7

# %% [markdown]
# ## Step 4: three animals and a hidden layer
# Both changes together. Small batches and Adam get it done faster. `train.fit` does the five steps;
# `animals` goes in as it is, bytes of shape (28, 28, 1).

# %%
net = serial(layers.rescale(1 / 255), layers.flatten(axes=3), models.mlp((784, 64, 3)))
loss_fn = train.supervised(net, losses.cross_entropy, metrics={"accuracy": metrics.accuracy})
tx = optax.adam(2e-3)
start = train.init_state(net, tx, jax.random.key(0))
end, history = train.fit(
    loss_fn, tx, start, animals, epochs=4 if FAST else 20, batch_size=64, hooks=()
)
deep_right = train.evaluate(loss_fn, end, animals.test)["accuracy"]
print(f"logistic regression, cat or not      {right:.1%}")
print(f"one hidden layer, cat or not         {hidden_right:.1%}")
print(f"softmax, three animals               {softmax_right:.1%}")
print(f"one hidden layer, three animals      {deep_right:.1%}")
assert FAST or deep_right > softmax_right + 0.05

# %% tags=["plot"]
logits = train.predict(net, end, animals.test["inputs"])
counts = jnp.zeros((3, 3), int).at[labels_test, logits.argmax(axis=1)].add(1)
plots.confusion(counts, classes=animals.classes, title="What is taken for what")

# %% [markdown]
# Rows are the true animals, columns the network's answers; on the diagonal it is right. The most
# common mistake is a cat taken for a dog.

# %% [markdown] tags=["recap"]
# ## In five lines
# * A wish becomes a problem by its labels, what the network gives, and a score.
# * Cat or not: one neuron with a sigmoid, binary cross-entropy, gradient $(\hat y - y)\,x$.
# * A hidden layer gets $\delta^{[1]} = (W^{[2]})^\top \delta^{[2]} \circ \sigma'(Z^{[1]})$, with
#   $\delta^{[2]} = \hat y - y$ because loss and sigmoid cancel.
# * Several animals: softmax and cross-entropy, and $\hat y - y$ once more.
# * Learning is five steps: forward, loss, backward, update, again.

# %% [markdown] tags=["quiz"]
# ## Quiz
# 1. Why is the output neuron's error just $\hat y - y$, without a $\sigma'$?
# 2. Which loss fits "which of these animals are in the picture", where there may be several?
# 3. What becomes of recall when the threshold goes from 0.5 to 0.8?
# 4. Why can logistic regression start from zero weights, and the network with a hidden layer not?
# 5. Which of the five steps would you leave out when the network is only used?
#
# <details><summary>Answers</summary>
#
# 1. The loss's slope has $\hat y(1 - \hat y)$ in its denominator, which is $\sigma'$: they cancel.
# 2. A binary cross-entropy for each animal; softmax would force the probabilities to sum to 1.
# 3. It falls: fewer cats reach the threshold.
# 4. With equal weights all hidden neurons compute the same, get the same gradient and stay the
#    same.
# 5. All but the first.
#
# </details>

# %% [markdown] tags=["exercises"]
# ## Exercises

# %% [markdown]
# **1.** $\hat y = \sigma(z)$ is larger than ½ exactly if $z$ is larger than what? So does the
# sigmoid matter for the decision? Does it matter for the training?

# %% tags=["solution"]
smallest = 0.0  # not for the decision; the loss needs it

# %% tags=["check"]
assert ((yhat_test > 0.5) == (z > smallest)).all()

# %% [markdown]
# **2.** Write a function of $\hat y$ that gives $z$ back: the logarithm of the *odds*. (Hence the
# name *logit*.)


# %% tags=["solution"]
def logit(yhat):
    """The z whose sigmoid is ŷ."""
    return jnp.log(yhat / (1 - yhat))


# %% tags=["check"]
middle = jnp.abs(z) < 5
assert jnp.allclose(logit(yhat_test)[middle], z[middle], atol=1e-3)

# %% [markdown]
# **3.** The picture of the logistic weights is nearly symmetric: nobody asked for that. Mirror the
# test pictures. Which share of the decisions changes?

# %% tags=["solution"]
mirrored = x_test.reshape(-1, 28, 28)[:, :, ::-1].reshape(-1, 784)
changed = ((mirrored @ w + b > 0) != (z > 0)).mean()

# %% tags=["check"]
print(f"{changed:.1%} change: animals look to the left as often as to the right")
assert mirrored.shape == x_test.shape and (mirrored[:, 0] == x_test[:, 27]).all()
assert 0 < changed < 0.08

# %% [markdown]
# **4.** From the three probabilities of softmax, make a cat detector, an array of true and false
# for the test pictures. Is it better than the one of step 1?

# %% tags=["solution"]
softmax_says = jax.nn.softmax(x_test @ W.T + b3)[:, 0] > 0.5

# %% tags=["check"]
detector = (softmax_says == cat_test).mean()
print(f"softmax as a detector {detector:.1%}, logistic regression {right:.1%}")
assert abs(detector - right) < 0.1

# %% [markdown]
# **5.** Write the whole gradient for tanh in the hidden layer instead of $\sigma$. One line
# changes.


# %% tags=["solution"]
def backward_tanh(weights, x, y, a1, yhat):
    """As `backward`, where a1 is the tanh of Z1."""
    _, _, W2, _ = weights
    N = x.shape[1]
    delta2 = yhat - y
    delta1 = W2.T @ delta2 * (1 - a1**2)
    return delta1 @ x.T / N, delta1.mean(axis=1), delta2 @ a1.T / N, delta2.mean(axis=1)


# %% tags=["check"]
def forward_tanh(weights, x):
    W1, b1, W2, b2 = weights
    a1 = jnp.tanh(W1 @ x + b1[:, None])
    return a1, jax.nn.sigmoid(W2 @ a1 + b2[:, None])


ours = backward_tanh(weights, few, cat[:5], *forward_tanh(weights, few))
theirs = jax.grad(lambda weights: loss(forward_tanh(weights, few)[1], cat[:5]))(weights)
assert all(jnp.allclose(a, b, atol=1e-6) for a, b in zip(ours, theirs, strict=True))
