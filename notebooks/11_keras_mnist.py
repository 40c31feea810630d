# %% [markdown]
# # 11 · The Keras MNIST network in JAX
#
# *Keras's lecture network, 784-64-64-10: its parameter count, its losses to six digits and its
# accuracy, from scratch and with jaxdl.*

# %% [markdown] tags=["objectives"]
# **After this lecture you can** say what each line of a Keras program does: initialisation, loss,
# Adam, loop; count a network's parameters; check one library against another to six digits; and
# find out what a classifier mistakes for what.
#
# **You need** [PyTorch's quickstart in JAX](10_quickstart.ipynb) and [optimization
# algorithms](07_optimizers.ipynb). **Next:** what such a network can express at all, [universal
# approximation](12_universal_approximation.ipynb).

# %% [markdown]
# This is the first network that most people train. An image of 28×28 pixels becomes a vector of 784
# numbers, two dense layers of 64 relu units follow, and ten outputs, one for each class, go through
# softmax. In Keras:
#
# ```python
# model = keras.Sequential([
#     keras.Input((28, 28)), keras.layers.Flatten(),
#     keras.layers.Dense(64, activation="relu"),
#     keras.layers.Dense(64, activation="relu"),
#     keras.layers.Dense(10, activation="softmax"),
# ])
# model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
# model.fit(images / 255, labels, batch_size=128, epochs=10, validation_split=0.2)
# ```
#
# Eight lines that hide four things: how the weights are drawn, what the loss is, what Adam does
# with the gradient, and a loop. We write out all four. If we have them right, then from the same
# weights and the same batches our losses are Keras's losses, digit for digit; so that's what we
# check.

# %% [markdown] tags=["item-84", "item-86"]
# ## The lecture's program, side by side
# Our lecture writes it with one-hot labels (`to_categorical`); jaxdl takes either kind.
#
# <table><tr><th>Keras</th><th>jaxdl</th></tr><tr><td>
#
# ```python
# y_train = to_categorical(y_train)
# y_test = to_categorical(y_test)
#
# model = Sequential()
# model.add(Dense(units=64, activation='relu',
#                 input_shape=(X_train.shape[1],)))
# model.add(Dense(units=64, activation='relu'))
# model.add(Dense(units=10, activation='softmax'))
#
# model.compile(optimizer='adam',
#     loss='categorical_crossentropy',
#     metrics=['accuracy'])
#
# model.fit(X_train, y_train, epochs=10,
#     batch_size=128, validation_split=0.2)
#
# loss, accuracy = model.evaluate(X_test, y_test)
# ```
#
# </td><td>
#
# ```python
# y_train = jax.nn.one_hot(y_train, 10)  # or leave them
# y_test = jax.nn.one_hot(y_test, 10)
#
# net = models.mlp((784, 64, 64, 10),
#     init=initializers.keras_default)
#
#
#
#
# loss_fn = train.supervised(net, losses.cross_entropy,
#     metrics={"accuracy": metrics.accuracy})
# tx = optax.adam(1e-3)
# state = train.init_state(net, tx, jax.random.key(0))
# end, history = train.fit(loss_fn, tx, state,
#     data.hold_out(dataset, 0.2), epochs=10, batch_size=128)
#
# measured = train.evaluate(loss_fn, end, dataset.test)
# ```
#
# </td></tr></table>

# %% tags=["setup"]
import os
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxdl import (
    data,
    explain,
    initializers,
    layers,
    losses,
    metrics,
    models,
    plots,
    serial,
    train,
)

FAST = "JAXDL_FAST" in os.environ  # smaller sizes, for the tests
np.set_printoptions(precision=4, suppress=True)

# %% [markdown]
# ## The data
# The lecture uses MNIST's digits. `data.load("mnist")` downloads them where there is a network;
# this page was made without one, with **Fashion-MNIST** in their place: as many images of the same
# size in as many classes, only harder (clothes instead of digits). The network and the recipe stay
# exactly the same. And where that isn't on the machine either, the silhouettes of animals that come
# with jaxdl take its place.

# %%
try:
    dataset = data.load("fashion_mnist", download=False)
except (FileNotFoundError, ValueError, OSError):
    dataset = data.load("animals")
NAME = dataset.description.split(":")[0]
if dataset.validation is None:
    dataset = data.hold_out(dataset, 0.2)  # the last fifth, as Keras's validation_split
print(dataset.description)
print(
    {
        part: rows["inputs"].shape
        for part, rows in dataset._asdict().items()
        if isinstance(rows, dict)
    }
)

# %% tags=["picture"]
plots.images(
    dataset.train["inputs"][:16],
    titles=[dataset.classes[label] for label in dataset.train["labels"][:16]],
    title="784 numbers in, ten probabilities out",
)

# %% [markdown]
# ## The network from scratch
# $$ a^1 = \mathrm{relu}(x W^1 + b^1), \quad a^2 = \mathrm{relu}(a^1 W^2 + b^2), \quad
#    z = a^2 W^3 + b^3, \quad p = \mathrm{softmax}(z) $$
#
# Keras draws a kernel from the uniform distribution of Glorot and Bengio,
# $W_{ij} \sim U\big(\pm\sqrt{6 / (n_\text{in} + n_\text{out})}\big)$, and sets biases to 0.

# %%
SIZES = (784, 64, 64, 10)


def init(key):
    params = []
    for part, (n_in, n_out) in zip(jax.random.split(key, 3), pairwise(SIZES), strict=True):
        limit = jnp.sqrt(6 / (n_in + n_out))
        kernel = jax.random.uniform(part, (n_in, n_out), minval=-limit, maxval=limit)
        params.append({"kernel": kernel, "bias": jnp.zeros(n_out)})
    return params


def logits(params, images):
    a = images.reshape(len(images), -1).astype(jnp.float32) / 255
    *hidden, last = params
    for layer in hidden:
        a = jax.nn.relu(a @ layer["kernel"] + layer["bias"])
    return a @ last["kernel"] + last["bias"]


for name, layer in zip(("first", "second", "third"), init(jax.random.key(0)), strict=True):
    print(f"{name:7} {layer['kernel'].size + layer['bias'].size:7,} parameters")
count = sum(p.size for p in jax.tree.leaves(init(jax.random.key(0))))
print(f"total   {count:7,}")
assert count == 55_050  # what model.summary() prints: 50,240 + 4,160 + 650

# %% [markdown]
# ## The loss, and a slide that loses its sign
# *Sparse categorical cross-entropy* is minus the logarithm of the probability that the network
# gives to the right class $t$, averaged over the batch:
#
# $$ E = -\frac1N \sum_{i=1}^N \log p_{i,\,t_i}, \qquad \log p_k = z_k - \log \sum_j e^{z_j}. $$
#
# *Sparse* only means that labels are numbers; with one-hot vectors $y$ it's $-\sum_k y_k \log p_k$.
# Mind the minus: without it, descending would make the right class *less* likely.
#
# And mind where softmax stands. Keras's model puts it into the network, so the loss sees
# probabilities, clipped at $10^{-7}$ to avoid $\log 0$. For an image that is wrong with great
# confidence, $z = (50, 0, 0)$ with right class 1, Keras on JAX gives the loss 16.1181 and the
# gradient **0**: it can't learn from its worst mistakes. (On TensorFlow, Keras looks for the logits
# behind the softmax, and takes those where it finds them.) From logits it gives what is right, 50
# and $(1, -1, 0)$. So our network returns logits.


# %% tags=["digits"]
def cross_entropy(z, labels):
    log_p = z - jax.nn.logsumexp(z, axis=-1, keepdims=True)
    return -jnp.take_along_axis(log_p, labels[:, None], axis=-1).mean()


def as_keras_does_from_probabilities(z, labels):
    p = jnp.clip(jax.nn.softmax(z), 1e-7, 1 - 1e-7)
    return -jnp.log(jnp.take_along_axis(p, labels[:, None], axis=-1)).mean()


sure, right = jnp.array([[50.0, 0.0, 0.0]]), jnp.array([1])
for f in (cross_entropy, as_keras_does_from_probabilities):
    print(f"{f.__name__:33} {f(sure, right):8.4f}   gradient {jax.grad(f)(sure, right)[0]}")
assert cross_entropy(sure, right) == 50
assert abs(as_keras_does_from_probabilities(sure, right) - 16.118095) < 1e-4
assert (jax.grad(as_keras_does_from_probabilities)(sure, right) == 0).all()
assert jnp.allclose(jax.grad(cross_entropy)(sure, right), jnp.array([1.0, -1.0, 0.0]))

# %% [markdown]
# ## Adam from scratch
# Adam keeps a running mean $m$ of the gradient and one, $v$, of its square. Both start at 0, so at
# first they're too small; the corrections $1 - \beta^t$ mend that.
#
# $$ m \leftarrow \beta_1 m + (1 - \beta_1)\, g, \qquad
#    v \leftarrow \beta_2 v + (1 - \beta_2)\, g^2, $$
#
# $$ \theta \leftarrow \theta - \eta\, \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t}\;
#    \frac{m}{\sqrt{v} + \epsilon} $$
#
# with $\eta = 10^{-3}$, $\beta_1 = 0.9$, $\beta_2 = 0.999$, $\epsilon = 10^{-7}$.
#
# That's Keras's way to write it, with $\epsilon$ beside the uncorrected $\sqrt{v}$. The paper's
# algorithm, PyTorch and Optax correct $v$ first and then add $\epsilon = 10^{-8}$. In the first
# step Keras's $\epsilon$ therefore counts like $10^{-7}/\sqrt{0.001} \approx 3 \cdot 10^{-6}$
# would there: it makes a difference for pixels that are almost always black, whose gradients are as
# small as that.


# %%
def adam_step(params, m, v, t, images, labels, epsilon):
    value, g = jax.value_and_grad(lambda p: cross_entropy(logits(p, images), labels))(params)
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g**2, v, g)
    # `epsilon` is added to √v as it is, as Keras does it.
    rate = 1e-3 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    move = lambda p, m, v: p - rate * m / (jnp.sqrt(v) + epsilon)
    return jax.tree.map(move, params, m, v), m, v, value


# %% [markdown]
# ## Keras's numbers, to six digits
# No random generator is shared by Keras and JAX, so give both the same weights by a formula: the
# $k$-th entry of a kernel is $\sin(k^2 \bmod 1000)\sqrt{6/(n_\text{in} + n_\text{out})}$. Then take
# the first five batches of 128, in order. What `model.train_on_batch` reports for them is in
# `keras_prints`.

# %%
keras_prints = {
    "fashion_mnist": [2.335051, 2.274847, 2.228196, 2.182198, 2.153342],
    "animals": [2.311847, 2.301317, 2.316927, 2.297593, 2.269630],
}


def waves(n_in, n_out):
    wave = np.sin(np.arange(n_in * n_out) ** 2 % 1000) * np.sqrt(6 / (n_in + n_out))
    return {"kernel": jnp.asarray(wave.reshape(n_in, n_out), jnp.float32), "bias": jnp.zeros(n_out)}


start = [waves(n_in, n_out) for n_in, n_out in pairwise(SIZES)]
batches = [
    {k: jnp.asarray(a[128 * i : 128 * (i + 1)]) for k, a in dataset.train.items()} for i in range(5)
]
step = jax.jit(adam_step)


def five_steps(epsilon):
    """Losses before each step, and the parameters after all; `epsilon` is a function of t."""
    params, m, v = start, *(jax.tree.map(jnp.zeros_like, start) for _ in range(2))
    values = []
    for t, batch in enumerate(batches, start=1):
        params, m, v, value = step(params, m, v, t, batch["inputs"], batch["labels"], epsilon(t))
        values.append(float(value))
    return values, params


by_hand, params = five_steps(lambda t: 1e-7)
print("from scratch", [f"{value:.6f}" for value in by_hand])
print("Keras       ", [f"{value:.6f}" for value in keras_prints[NAME]])
assert np.allclose(by_hand, keras_prints[NAME], atol=2e-5)

# %% [markdown]
# ## The same with jaxdl
# One line a thing. The network, with Keras's initialisation; the loss; Optax's Adam; a step.

# %%
net = serial(
    layers.rescale(1 / 255),
    layers.flatten(axes=3),
    models.mlp(SIZES, init=initializers.keras_default),
)
loss_fn = train.supervised(net, losses.cross_entropy, metrics={"accuracy": metrics.accuracy})
tx = optax.adam(1e-3)
state = train.init_state(net, tx, jax.random.key(0))

# %% [markdown]
# `explain.summary` prints what `model.summary()` does in Keras, and operations and memory too. The
# None of Keras's batch is a number here: 128 images.

# %%
summary = explain.summary(net, (128, 28, 28, 1))
print(summary)
assert summary.params == count == 55_050


# %%
def with_kernels(tree, pairs):
    """The tree of parameters with these kernels and biases in it."""
    return jax.tree.unflatten(jax.tree.structure(tree), jax.tree.leaves(pairs))


state_of_waves = state._replace(params=with_kernels(state.params, start))
jaxdl_step, by_jaxdl = jax.jit(train.make_step(loss_fn, tx)), []
moved = state_of_waves
for batch in batches:
    moved, sums = jaxdl_step(moved, batch)
    by_jaxdl.append(metrics.compute(sums)["loss"])
print("jaxdl       ", [f"{value:.6f}" for value in by_jaxdl])
# As the paper has it: ε = 1e-8 beside the corrected √v, thus ε·√(1 − β₂ᵗ) beside √v as it is.
as_paper, params = five_steps(lambda t: 1e-8 * (1 - 0.999**t) ** 0.5)
assert np.allclose(by_jaxdl, as_paper, atol=2e-5)
assert np.allclose(by_jaxdl, keras_prints[NAME], atol=2e-3)  # epsilon's share
for ours, theirs in zip(jax.tree.leaves(params), jax.tree.leaves(moved.params), strict=True):
    assert jnp.allclose(ours, theirs, atol=1e-4)

limit = np.sqrt(6 / (784 + 64))
kernel = state.params[2][0]["kernel"]
print(f"largest weight drawn {float(abs(kernel).max()):.5f}, Glorot's limit {limit:.5f}")
assert 0.99 * limit < abs(kernel).max() <= limit * (1 + 1e-6)

# %% [markdown]
# ## Ten epochs
# `train.fit` is `model.fit`: shuffled batches of 128, validation after each epoch.

# %% tags=["item-84"]
EPOCHS = 1 if FAST else 10
if FAST:
    dataset = dataset._replace(train={k: a[:2000] for k, a in dataset.train.items()})
end, history = train.fit(loss_fn, tx, state, dataset, epochs=EPOCHS, batch_size=128, hooks=())
for row in history[:: max(1, EPOCHS // 3)]:
    print(
        f"epoch {row['epoch']:2}  loss {row['loss']:.4f}  accuracy {row['accuracy']:.4f}"
        f"  val_loss {row['validation_loss']:.4f}  val_accuracy {row['validation_accuracy']:.4f}"
    )
test = train.evaluate(loss_fn, end, dataset.test)
print(f"test accuracy {test['accuracy']:.4f}, loss {test['loss']:.4f}")
if not FAST:
    least = {"fashion_mnist": 0.865, "animals": 0.80}[NAME]
    assert test["accuracy"] > least

# %%
plots.history(history)

# %% [markdown]
# **In Keras.** On Fashion-MNIST, the model above prints (seed 0; the last line is `model.evaluate`
# on the test images)
#
# ```
# Epoch 1/10   accuracy: 0.7919 - loss: 0.6088 - val_accuracy: 0.8423 - val_loss: 0.4550
# Epoch 4/10   accuracy: 0.8705 - loss: 0.3574 - val_accuracy: 0.8716 - val_loss: 0.3694
# Epoch 7/10   accuracy: 0.8872 - loss: 0.3064 - val_accuracy: 0.8758 - val_loss: 0.3476
# Epoch 10/10  accuracy: 0.8950 - loss: 0.2815 - val_accuracy: 0.8798 - val_loss: 0.3376
# [0.3664, 0.8676]
# ```
#
# Over five seeds jaxdl's test accuracy is 0.873 ± 0.003; that of the lecture's Keras program, run
# as it is written (`references/keras_mnist.py`, Keras 3.15 on JAX), is 0.875 ± 0.004.

# %% [markdown] tags=["item-85"]
# **On MNIST's own digits.** The machine that made this page has no copy of them. With a network
# connection, one line gets it, from the published files and checked by their SHA-256:
#
# ```sh
# python -c "from jaxdl import data; data.load('mnist', download=True)"
# ```
#
# From then on the next cell trains on the digits, and `KERAS_BACKEND=jax python
# notebooks/references/keras_mnist.py mnist` runs the lecture's Keras program on them, with five
# seeds. Where the four files lie in a folder already, `data.load("mnist", data_dir="FOLDER")` reads
# them, and the program takes the folder as its second argument.

# %% tags=["item-85"]
try:
    digits = data.load("mnist", download=False)
except FileNotFoundError:
    print("There is no copy of MNIST on this machine, so its accuracy isn't measured here.")
else:
    on_digits = train.init_state(net, tx, jax.random.key(0))
    on_digits, _ = train.fit(
        loss_fn, tx, on_digits, digits, epochs=EPOCHS, batch_size=128, hooks=()
    )
    digits_right = train.evaluate(loss_fn, on_digits, digits.test)["accuracy"]
    print(f"on MNIST: test accuracy {digits_right:.4f}")
    assert digits_right > (0.5 if FAST else 0.96)

# %% [markdown]
# ## What it gets wrong
# `train.predict` gives the logits of all test images. The confusion matrix shows which classes look
# alike to the network.

# %%
z = train.predict(net, end, dataset.test["inputs"])
predicted = z.argmax(axis=-1)
assert np.isclose(np.mean(predicted == dataset.test["labels"]), test["accuracy"])
table = np.zeros((10, 10), int)
np.add.at(table, (dataset.test["labels"], predicted), 1)
mistakes = table - np.diag(np.diag(table))
true, guess = np.unravel_index(mistakes.argmax(), table.shape)
print(
    f"most often, {dataset.classes[true]} is taken for {dataset.classes[guess]}: "
    f"{mistakes.max()} times"
)
plots.confusion(table, classes=dataset.classes)

# %% [markdown] tags=["recap"]
# ## In five lines
# * 784-64-64-10 has 55,050 parameters: a weight for each pair of neighbours, a bias for each
#   neuron.
# * Cross-entropy is minus the log of the right class's probability; with one-hot labels it's the
#   same.
# * Softmax belongs to the loss: from clipped probabilities the worst mistakes get no gradient.
# * Adam's ε stands in another place in Keras than in the paper; that moves the fourth digit.
# * With the same weights and batches, Keras, our own lines and jaxdl give the same losses.

# %% [markdown] tags=["quiz"]
# ## Quiz
# 1. How many parameters does a dense layer from 64 to 64 have?
# 2. What is *sparse* in sparse categorical cross-entropy?
# 3. Why does Adam correct its means in the first steps?
# 4. Keras: `validation_split=0.2`. Which examples are these, and why does it matter?
# 5. Training loss falls, validation loss has stopped to. What do ten more epochs bring?
#
# <details><summary>Answers</summary>
#
# 1. 64 · 64 + 64 = 4160.
# 2. The labels: numbers in place of one-hot vectors. The loss is the same.
# 3. They start at 0, and are too small until they have seen enough gradients.
# 4. The last fifth, as the data lie there; if they are sorted by class, some classes would be
#    missing.
# 5. Overfitting; stop, or regularise.
#
# </details>

# %% [markdown] tags=["exercises"]
# ## Exercises

# %% [markdown]
# **1.** How many parameters has 784-128-10, Keras's other beginner's network?

# %% tags=["solution"]
count_of_other = (784 + 1) * 128 + (128 + 1) * 10

# %% tags=["check"]
shapes, _ = jax.eval_shape(models.mlp((784, 128, 10)).init, jax.random.key(0))
assert sum(p.size for p in jax.tree.leaves(shapes)) == count_of_other

# %% [markdown]
# **2.** Any untrained network's loss here is near 2.3; above it was 2.335. What is the loss of a
# network whose weights are all 0, exactly?

# %% tags=["solution"]
loss_of_zeros = np.log(10)  # ten classes, each with probability 1/10: -log(1/10)

# %% tags=["check"]
nothing = jax.tree.map(jnp.zeros_like, start)
measured = cross_entropy(logits(nothing, batches[0]["inputs"]), batches[0]["labels"])
assert abs(measured - loss_of_zeros) < 1e-5 and abs(by_hand[0] - loss_of_zeros) < 0.1

# %% [markdown] tags=["item-86"]
# **3.** *Categorical* cross-entropy takes one-hot labels, as `to_categorical` makes them. Write it,
# from logits.


# %% tags=["solution", "item-86"]
def categorical_cross_entropy(z, one_hot):
    """-Σ yₖ log pₖ, averaged over the batch."""
    return -(one_hot * jax.nn.log_softmax(z)).sum(axis=-1).mean()


# %% tags=["check", "item-86"]
z, t = logits(start, batches[0]["inputs"]), batches[0]["labels"]
one_hot = jax.nn.one_hot(t, 10)
assert jnp.allclose(categorical_cross_entropy(z, one_hot), cross_entropy(z, t), rtol=1e-6)
assert jnp.allclose(losses.cross_entropy(z, one_hot), cross_entropy(z, t), rtol=1e-6)

# %% [markdown]
# **4.** Write a step of RMSprop, as in Keras's guide: $v \leftarrow 0.9\,v + 0.1\,g^2$,
# $\theta \leftarrow \theta - \eta\, g / \sqrt{v + \epsilon}$ with $\eta = 10^{-3}$ and
# $\epsilon = 10^{-7}$. After five steps it should agree with Optax.


# %% tags=["solution"]
def rmsprop(params, v, gradient):
    """Parameters and v after a step."""
    v = jax.tree.map(lambda v, g: 0.9 * v + 0.1 * g**2, v, gradient)
    move = lambda p, g, v: p - 1e-3 * g / jnp.sqrt(v + 1e-7)
    return jax.tree.map(move, params, gradient, v), v


# %% tags=["check"]
rms = optax.rmsprop(1e-3, decay=0.9, eps=1e-7, eps_in_sqrt=True)
gradient = jax.jit(jax.grad(lambda p, b: cross_entropy(logits(p, b["inputs"]), b["labels"])))
ours, v, theirs, rms_state = start, jax.tree.map(jnp.zeros_like, start), start, rms.init(start)
for batch in batches:
    ours, v = rmsprop(ours, v, gradient(ours, batch))
    updates, rms_state = rms.update(gradient(theirs, batch), rms_state)
    theirs = optax.apply_updates(theirs, updates)
for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
    assert jnp.allclose(a, b, atol=1e-5)
