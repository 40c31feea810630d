# %% [markdown]
# # 9 · Detecting cats
#
# *Is it a cat? Logistic regression. Cat, dog or giraffe? Softmax. Still better? One hidden layer.
# Three steps on the same silhouettes.*
#
# A picture is 784 numbers. A **logistic regression** multiplies each with a weight, adds a bias,
# and squeezes the sum into a probability: $p = \sigma(w^\top x + b)$. That's one neuron, and it can
# already tell cats from other animals far better than chance.
#
# Then we change one thing at a time. Three neurons and a softmax instead of one neuron and a
# sigmoid: now it names the animal. A hidden layer in between: now it can combine features, and
# makes fewer mistakes. The training (forward, loss, backward, step) stays the same throughout.

# %%
import os

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import optax

from jaxdl import data, layers, losses, metrics, models, plots, serial, train
from jaxdl.plots import BLUE, ORANGE, signed_colours

FAST = "JAXDL_FAST" in os.environ  # smaller sizes, for the tests
plt.rcParams.update({"figure.dpi": 90, "font.size": 12, "figure.constrained_layout.use": True})

animals = data.load("animals", classes=("cat", "dog", "giraffe"))
x, labels = (jnp.asarray(animals.train[name]) for name in ("inputs", "labels"))
x_test, labels_test = (jnp.asarray(animals.test[name]) for name in ("inputs", "labels"))
x, x_test = (images.reshape(len(images), -1) / 255 for images in (x, x_test))
print(f"{len(x)} silhouettes to train with, {len(x_test)} for the test")

# %% [markdown]
# ## Step 1: cat or not, from scratch
# With $t = 1$ for a cat and $t = 0$ for the others,
#
# $$ z = w^\top x + b, \quad p = \sigma(z), \quad
#    L = -\frac1N \sum \bigl[t \ln p + (1 - t) \ln(1 - p)\bigr], \quad
#    \frac{\partial L}{\partial w} = \frac1N \sum (p - t)\,x. $$
#
# All pictures at once, 400 steps of plain gradient descent, from zero.

# %%
cat, cat_test = (labels == 0).astype(jnp.float32), (labels_test == 0).astype(jnp.float32)


@jax.jit
def descend(x, t):
    def step(weights, _):
        w, b = weights
        difference = jax.nn.sigmoid(x @ w + b) - t  # p - t
        gradient = x.T @ difference / len(x), difference.mean()
        return (w - 0.05 * gradient[0], b - 0.05 * gradient[1]), None

    return jax.lax.scan(step, (jnp.zeros(784), jnp.zeros(())), length=400)[0]


w, b = descend(x, cat)
p_test = jax.nn.sigmoid(x_test @ w + b)
right = ((p_test > 0.5) == cat_test).mean()
always_no = 1 - cat_test.mean()
print(f"test accuracy {right:.1%}; always saying 'no cat' gives {always_no:.1%}")
assert right > always_no + 0.1

# %% [markdown]
# ## The same with jaxdl
# `models.logistic_regression(784)` gives the logit $z$, `binary_cross_entropy_with_logits` knows
# the rest, and `jax.grad` finds $p - t$ by itself.

# %%
net = models.logistic_regression(784)
tx = optax.sgd(0.05)
step = train.make_step(train.supervised(net, losses.binary_cross_entropy_with_logits), tx)
batch = {"inputs": x, "labels": cat}
run = jax.jit(lambda s: jax.lax.scan(lambda s, _: step(s, batch), s, length=400)[0])
end = run(train.init_state(net, tx, jax.random.key(0)))
logits, _ = net.apply(end.params, end.state, x_test)
assert jnp.allclose(jax.nn.sigmoid(logits), p_test, atol=1e-4)

# %% [markdown]
# **In Keras** this is `Sequential([Input((784,)), Dense(1, activation="sigmoid")])` with
# `loss="binary_crossentropy"` and `SGD(0.05)`; in PyTorch `nn.Linear(784, 1)` with
# `nn.BCEWithLogitsLoss()`. Both draw random weights to start with; this loss is convex, so that
# from all of them it goes down to the same value in the end.
#
# What has it learned? The weights are a picture too: blue pixels speak for a cat, orange
# ones against.

# %% tags=["picture"]
figure, panels = plt.subplots(1, 5, figsize=(9.5, 2.5))
most = jnp.abs(w).max()
panels[0].imshow(w.reshape(28, 28), cmap=signed_colours(), vmin=-most, vmax=most)
panels[0].set_title("the weights")
order = jnp.argsort(p_test)
chosen = [int(order[int(share * len(order))]) for share in (0.99, 0.7, 0.5, 0.01)]
for axes, i in zip(panels[1:], chosen, strict=True):
    axes.imshow(x_test[i].reshape(28, 28), cmap="gray")
    axes.set_title(f"cat: {p_test[i]:.0%}", color=BLUE if p_test[i] > 0.5 else ORANGE)
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
    says = p_test > threshold
    recall = (says & (cat_test == 1)).sum() / cat_test.sum()
    precision = (says & (cat_test == 1)).sum() / says.sum()
    print(f"{threshold:9}  {recall:6.1%}  {precision:9.1%}")

recalls = [float(((p_test > q) & (cat_test == 1)).sum()) for q in (0.2, 0.5, 0.8)]
assert recalls == sorted(recalls, reverse=True)

# %% [markdown]
# Every threshold is a point of the *ROC curve*: how many of the cats it finds, over how many of the
# others it takes for cats. The area under it is the probability that a cat gets a higher $p$ than
# another animal.

# %%
plots.roc({"all pixels": p_test, "the middle one": x_test[:, 14 * 28 + 14]}, cat_test)

# %%
higher = (p_test[cat_test == 1][:, None] > p_test[cat_test == 0]).mean()
print(f"a cat gets the higher p in {higher:.1%} of all pairs")
assert higher > 0.8

# %% [markdown]
# ## Step 2: softmax over three animals
# Three logits, one for each animal; $W$ has three rows. From scratch, the gradient is $p - t$
# again, a row of three numbers for each picture, with $t$ = one-hot.


# %%
@jax.jit
def descend_softmax(x, t):
    def step(weights, _):
        W, b = weights
        difference = (jax.nn.softmax(x @ W.T + b) - t) / len(x)
        return (W - 0.05 * difference.T @ x, b - 0.05 * difference.sum(axis=0)), None

    return jax.lax.scan(step, (jnp.zeros((3, 784)), jnp.zeros(3)), length=400)[0]


W, b3 = descend_softmax(x, jax.nn.one_hot(labels, 3))
softmax_right = ((x_test @ W.T + b3).argmax(axis=1) == labels_test).mean()

net = models.softmax_regression(784, 3)
step = train.make_step(train.supervised(net, losses.cross_entropy), tx)
batch = {"inputs": x, "labels": labels}
run = jax.jit(lambda s: jax.lax.scan(lambda s, _: step(s, batch), s, length=400)[0])
end = run(train.init_state(net, tx, jax.random.key(0)))
print(f"test accuracy {softmax_right:.1%}")

assert jnp.allclose(end.params["kernel"], W.T, atol=1e-4)
assert softmax_right > 0.7

# %% [markdown]
# ## Step 3: one hidden layer
# Only the network changes. With a hidden layer the loss isn't convex any more: the start must be
# random, and small batches and Adam get it done faster. `train.fit` does the loop; `animals` goes
# in as it is, bytes of shape (28, 28, 1).

# %%
net = serial(layers.rescale(1 / 255), layers.flatten(axes=3), models.mlp((784, 64, 3)))
loss_fn = train.supervised(net, losses.cross_entropy, metrics={"accuracy": metrics.accuracy})
tx = optax.adam(2e-3)
start = train.init_state(net, tx, jax.random.key(0))
end, history = train.fit(
    loss_fn, tx, start, animals, epochs=4 if FAST else 20, batch_size=64, hooks=()
)
hidden_right = train.evaluate(loss_fn, end, animals.test)["accuracy"]
print(f"logistic regression, cat or not      {right:.1%}")
print(f"softmax, three animals               {softmax_right:.1%}")
print(f"one hidden layer, three animals      {hidden_right:.1%}")
assert FAST or hidden_right > softmax_right + 0.05

# %%
logits = train.predict(net, end, animals.test["inputs"])
counts = jnp.zeros((3, 3), int).at[labels_test, logits.argmax(axis=1)].add(1)
plots.confusion(counts, classes=animals.classes, title="What is taken for what")

# %% [markdown]
# Rows are what it is, columns what it's taken for; the diagonal is right. The most common mistake
# is a cat taken for a dog.
#
# ## Exercises
# **1.** $p = \sigma(z)$ is larger than ½ exactly if $z > 0$. So does the sigmoid matter for the
# decision? Does it matter for the training?

# %%
z = x_test @ w + b
assert ((p_test > 0.5) == (z > 0)).all()  # not for the decision; the loss needs it

# %% [markdown]
# **2.** The odds $p/(1-p)$ have the logarithm $z$: show it. (Hence the name *logit*.)

# %%
middle = jnp.abs(z) < 5
assert jnp.allclose(jnp.log(p_test / (1 - p_test))[middle], z[middle], atol=1e-3)

# %% [markdown]
# **3.** The picture of the weights is nearly symmetric: left and right could be exchanged. Nobody
# asked for that; why is it so? What follows for a test picture that's turned around?

# %%
mirrored = x_test.reshape(-1, 28, 28)[:, :, ::-1].reshape(-1, 784)
changed = ((mirrored @ w + b > 0) != (z > 0)).mean()
print(f"{changed:.1%} change: animals look to the left as often as to the right")
assert changed < 0.08

# %% [markdown]
# **4.** From the three probabilities of softmax, make a cat detector: which is its accuracy, and is
# it better than the one of step 1?

# %%
p3 = jax.nn.softmax(x_test @ W.T + b3)
detector = ((p3[:, 0] > 0.5) == cat_test).mean()
print(f"softmax as a detector {detector:.1%}, logistic regression {right:.1%}")
assert abs(detector - right) < 0.1
