# %% [markdown]
# # 0 · What is deep learning?
#
# *A function with many adjustable numbers, a score that says how well it does, and a procedure
# that improves the score. The rest of these lectures fills in the details.*

# %% [markdown] tags=["objectives"]
# **After this lecture you can** say what deep learning is and how it relates to machine learning
# and artificial intelligence; name its three components; explain the difference between features
# made by hand and features that are learned; and say what an artificial neuron has in common with
# a real one, and what it hasn't.
#
# **You need** Python and school mathematics. **Next:** [the perceptron](01_perceptron.ipynb), a
# single neuron and the rule by which it learns.

# %% [markdown] tags=["item-1"]
# ## A definition
# **Artificial intelligence** is any program that does what we would call intelligent in a person.
# Chess by exhaustive search is artificial intelligence, and nothing in it is learned.
#
# **Machine learning** is the part of it where the program's rules are not written down but found
# in data.
#
# **Deep learning** is the part of machine learning that does this with *deep neural networks*:
# functions made of many simple layers, each of which computes its own representation of what it
# gets from the layer below.

# %% tags=["setup"]
import os

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax

from jaxdl import data, explain, layers, losses, metrics, models, plots, serial, train

FAST = "JAXDL_FAST" in os.environ  # smaller sizes, for the tests

# %% tags=["item-1", "plot"]
plots.nested_sets(
    [
        "artificial intelligence\nacts intelligently",
        "machine learning\nfinds its rules in data",
        "deep learning\nin many layers",
    ]
)

# %% [markdown]
# ## The old way and the new way: a contest
# Here are silhouettes of ten animals, 28 × 28 pixels each. Which animal is it?

# %%
animals = data.load("animals")
names = [animals.classes[label] for label in animals.train["labels"][:10]]
plots.images(animals.train["inputs"][:10], titles=names, columns=5)

# %% [markdown] tags=["item-2"]
# **The old way.** An expert thinks about the problem and writes down *features*: numbers that
# should tell the classes apart. How much of the picture is dark? How wide and how tall is the
# animal? Is it symmetric? How many legs does it stand on? Then a simple classifier, here logistic
# regression, learns how to weigh these numbers. Finding good features is most of the work, and a
# feature that serves well here ("counts the legs") is brittle: turn the animal upside down and it
# counts ears.


# %%
def ten_features(images):
    """Ten numbers for each silhouette, thought up in an afternoon."""
    ink = images[..., 0] / 255.0
    solid, n, mass = ink > 0.5, ink.shape[1], ink.sum(axis=(1, 2)) + 1e-6
    places = np.arange(n) / n
    area = solid.mean(axis=(1, 2))
    width, height = solid.any(axis=1).mean(axis=1), solid.any(axis=2).mean(axis=1)
    fills_its_box = area / np.maximum(width * height, 1e-6)
    centre_x, centre_y = ink.sum(axis=1) @ places / mass, ink.sum(axis=2) @ places / mass
    symmetry = 1 - np.abs(ink - ink[:, :, ::-1]).sum(axis=(1, 2)) / (2 * mass)
    outline = sum(np.abs(np.diff(solid.astype(float), axis=k)).sum(axis=(1, 2)) for k in (1, 2)) / n
    legs = (np.diff(solid[:, -8:].astype(int), axis=2) == 1).sum(axis=2).mean(axis=1)
    top_heavy = solid[:, : n // 2].sum(axis=(1, 2)) / np.maximum(solid.sum(axis=(1, 2)), 1)
    columns = [area, width, height, fills_its_box, centre_x, centre_y, symmetry, outline, legs]
    return np.stack([*columns, top_heavy], axis=1).astype(np.float32)


def by_hand(part):
    return {"inputs": ten_features(part["inputs"]), "labels": part["labels"]}


by_features, _ = data.standardize(
    data.Dataset(train=by_hand(animals.train), test=by_hand(animals.test))
)

# %% [markdown] tags=["item-2"]
# **The new way.** Give the raw pixels to a network with two hidden layers, and let it find its own
# features. Nobody tells it what a leg is. To be fair, the third contestant is logistic regression
# on the raw pixels: a network *without* hidden layers. Each of them trains three times, from
# different random beginnings.


# %%
def accuracies(net, dataset, epochs, seeds=1 if FAST else 3):
    """The share of test images that is recognised, once for each seed."""
    loss_fn = train.supervised(net, losses.cross_entropy, metrics={"accuracy": metrics.accuracy})
    tx, results = optax.adam(2e-3), []
    for seed in range(seeds):
        start = train.init_state(net, tx, jax.random.key(seed))
        end, _ = train.fit(
            loss_fn, tx, start, dataset, epochs=2 if FAST else epochs, batch_size=128, hooks=()
        )
        results.append(train.evaluate(loss_fn, end, dataset.test)["accuracy"])
    return np.asarray(results)


pixels = serial(layers.rescale(1 / 255), layers.flatten(axes=3))
deep = serial(pixels, models.mlp((784, 128, 64, 10), rate=0.2))
contest = {
    "ten features by hand,\nlogistic regression": accuracies(
        models.softmax_regression(10, 10), by_features, epochs=60
    ),
    "raw pixels,\nlogistic regression": accuracies(
        serial(pixels, models.softmax_regression(784, 10)), animals, epochs=10
    ),
    "raw pixels,\ntwo hidden layers": accuracies(deep, animals, epochs=10),
}
for name, values in contest.items():
    print(f"{name:45}".replace("\n", " "), f"{values.mean():.3f} ± {values.std():.3f}")

# %% tags=["plot"]
figure, axes = plt.subplots(figsize=(9, 3.6))
names, colours = list(contest), (plots.GREY, plots.GREY, plots.BLUE)
for row, (name, colour) in enumerate(zip(names, colours, strict=True)):
    value = contest[name].mean()
    axes.barh(row, value, color=colour, height=0.6)
    axes.text(value + 0.01, row, f"{value:.0%}", va="center")
axes.set(yticks=range(3), yticklabels=names, xlim=(0, 1), xlabel="test accuracy")
axes.invert_yaxis()
axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %% tags=["item-2"]
hand, flat, learned = (values.mean() for values in contest.values())
if not FAST:
    assert abs(hand - flat) < 0.06  # ten good ideas are worth 784 raw numbers
    assert learned > max(hand, flat) + 0.1  # and learned features beat both, by far more than luck

# %% [markdown] tags=["item-2"]
# With a linear classifier, ten numbers thought up by hand are worth about as much as 784 raw
# pixels. With hidden layers in between, the pixels win by a wide margin, although nobody has
# thought about animals. That is what is meant by "**deep learning learns its own features**", and
# [notebook 13](13_convolution.ipynb) shows what such features look like; a network made for images
# gets 98 % of these silhouettes right.

# %% [markdown] tags=["item-4"]
# ## Three components
# Every program in these lectures consists of the same three parts.
#
# 1. **A predictive function** $\hat y = f[x, \theta]$: the architecture. It has parameters
#    $\theta$, often millions of them, and different parameters make it compute different things.
# 2. **A goodness score** $L[\theta, f, \{x, y\}]$: the loss. One number that says how far the
#    predictions are from the truth $y$ on the training data; the smaller the better.
# 3. **A learning procedure**: the optimizer. It searches for the parameters with the smallest loss,
#    $\hat\theta = \operatorname{argmin}_\theta L[\theta, f, \{x, y\}]$, by going downhill in small
#    steps along the gradient.
#
# In jaxdl these are three names. Here they are for the simplest problem there is: find the line
# $y = 3x + 1$ from points on it.

# %% tags=["item-4"]
x = jnp.linspace(-1, 1, 64)[:, None]
line = data.Dataset(train={"inputs": np.asarray(x), "labels": np.asarray(3 * x + 1)})

function = layers.dense(1, 1)  # 1. the function: w x + b
score = train.supervised(function, losses.mse_loss)  # 2. the score: mean squared error
procedure = optax.sgd(0.3)  # 3. the procedure: gradient descent

start = train.init_state(function, procedure, jax.random.key(0))
end, history = train.fit(score, procedure, start, line, epochs=40, batch_size=16, hooks=())
w, b = float(end.params["kernel"][0, 0]), float(end.params["bias"][0])
print(f"w = {w:.3f}, b = {b:.3f}")
assert abs(w - 3) < 1e-2 and abs(b - 1) < 1e-2

# %% [markdown]
# The lectures take the components one by one: functions in 1 to 5 and 12 to 16, scores in
# [6](06_losses.ipynb), procedures in [7](07_optimizers.ipynb) and [8](08_backpropagation.ipynb).

# %% [markdown] tags=["item-5", "item-6"]
# ## Why, and why now?
# **Why.** It saves human effort: no expert has to invent features. It handles relations that are
# too intricate for anybody to write down. And it gets better with more data and more computation,
# where older methods level off.
#
# **Why now.** The ideas are old (see the pictures below). Three things changed. *Hardware*:
# training is mostly products of matrices, which GPUs and TPUs compute many thousands of times
# faster than the computers of the eighties. *Data*: the internet holds labelled pictures and text
# in amounts that nobody could collect before. *Algorithms*: better activation functions,
# initialisations, optimizers and normalisation made it possible to train networks with many layers
# at all.

# %% [markdown] tags=["item-7", "item-8"]
# ## What is hard about it
# * **Formulating the problem.** "Find the cats" isn't a problem yet. Is there a cat in the picture,
#   yes or no? Which of several animals? Where exactly? Each asks for another output, other labels
#   and another score ([notebook 9](09_detecting_cats.ipynb)).
# * **Collecting and preparing data.** Labels are wrong, classes are rare, the same picture turns up
#   in training and in testing. `data.problems` looks for such things:

# %% tags=["item-8"]
for line in data.describe_problems(data.problems(animals)):
    print(line)

# %% [markdown] tags=["item-9"]
# * **Tuning.** How many layers, which learning rate, when to stop? Too small a network *underfits*:
#   it can't even describe the training data. Too large a one may *overfit*: it knows the training
#   data by heart and fails on everything else ([notebook 15](15_dropout_batchnorm.ipynb)).

# %% [markdown] tags=["item-10", "item-11"]
# ## Where it is used
# Recognising faces, turning text into speech, translating, reading X-rays, driving cars, playing Go
# (AlphaGo), conversing (ChatGPT, Gemini), painting pictures from a sentence (DALL·E 2, Imagen).
# What they have in common: the input is raw (pixels, sound, characters), and nobody could write
# down the rules.
#
# | for | against |
# |---|---|
# | learns features by itself | needs a lot of data |
# | one method for images, sound and text | needs a lot of computation, and so energy |
# | the best results in all of the above | many settings that have to be tuned |
# | gets better with more data | a *black box*: hard to say why it decides as it does |
# | parts can be reused for other tasks | fails without notice on data unlike its training data |
#
# "Black box" is a matter of degree: [notebook 13](13_convolution.ipynb) asks a network which pixels
# a decision depends on.

# %% [markdown] tags=["item-13"]
# ## The neuron, and its namesake
# A nerve cell collects signals from thousands of others through its *dendrites*, some of which
# excite and some of which inhibit. When enough has come together within a short time, that is,
# above a *threshold*, it *fires*: a pulse runs down its *axon* to other cells. In the cortex, cells
# are stacked in *columns* that stand side by side and do similar work on different parts of the
# input.
#
# The artificial neuron keeps the bare outline of this: inputs $x_i$, weights $w_i$ that excite
# (positive) or inhibit (negative), a sum, a threshold $-w_0$, and an output.

# %% tags=["picture", "plot"]
plots.neuron(3, jax.nn.sigmoid)

# %% [markdown] tags=["item-14", "item-15", "item-16"]
# **Here the likeness ends.** Real neurons send pulses in time; ours send one number. Real synapses
# change by what happens next to them; our weights change by a gradient that comes from the far end
# of the network, for which no one has found an equivalent in the brain. A child knows a giraffe
# after seeing one; our network has seen hundreds. And a graphics card with thousands of equal
# cores is no cortex with its columns, however tempting the picture. "Neural network" is a name,
# and aeroplanes don't flap their wings either.
#
# Geoffrey Hinton asked whether algorithms could do what neurons in the brain do. One part of the
# answer is plain already: **a single neuron is nearly useless**, in the brain as here. What a
# *network* of them can do is the subject of the rest.

# %% [markdown] tags=["item-12"]
# ## History in five pictures
# **1943.** McCulloch and Pitts describe a neuron as a logical switch: it fires when its weighted
# inputs reach a threshold. With weights 1, 1 and threshold 1.5 it computes AND.

# %% tags=["item-12"]
switch = {"kernel": np.array([[1.0], [1.0]]), "bias": np.array([-1.5])}
for bits in ((0, 0), (0, 1), (1, 0), (1, 1)):
    fires = np.dot(bits, switch["kernel"][:, 0]) + switch["bias"][0] >= 0
    assert fires == (bits == (1, 1))
plots.neuron(2, lambda z: jnp.heaviside(z, 1.0), params=switch, inputs=(1, 1))

# %% [markdown] tags=["item-12"]
# **1958.** Rosenblatt's perceptron *learns* its weights from examples: whenever it is wrong, it
# moves its line towards the mistake ([notebook 1](01_perceptron.ipynb)).

# %% tags=["item-12"]
kinds = jnp.repeat(jnp.arange(2), 30)
middles = jnp.array([[-1.0, 0.0], [1.0, 0.5]])[kinds]
cards = middles + 0.4 * jax.random.normal(jax.random.key(2), (60, 2))
rosenblatt, _ = models.perceptron(2).init(jax.random.key(0))
rosenblatt, mistakes = models.perceptron_learn(rosenblatt, cards, kinds, epochs=20)
assert mistakes[0] > 0 and mistakes[-1] == 0

# %% tags=["item-12", "plot"]
learned_line = lambda x: 3 * (x @ rosenblatt[0]["kernel"][:, 0] + rosenblatt[0]["bias"])
plots.boundary(
    {f"no mistakes left after {int(mistakes.sum())} corrections": learned_line},
    cards,
    kinds,
    margin=0.7,
)

# %% [markdown]
# **1969.** Minsky and Papert prove what one neuron can't do: XOR. No straight line separates these
# four points.

# %% tags=["item-15"]
corners = jnp.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
xor = jnp.array([0, 1, 1, 0])
one_neuron = {"inputs": np.asarray(corners), "labels": np.asarray(xor)}


def classifier(net, seed, steps=1500):
    """Trains a network on the four corners; gives its scores as a function of the plane."""
    tx = optax.adam(2e-2)
    step = train.make_step(train.supervised(net, losses.cross_entropy), tx)
    run = jax.jit(lambda s: jax.lax.scan(lambda s, _: step(s, one_neuron), s, length=steps)[0])
    end = run(train.init_state(net, tx, jax.random.key(seed)))
    return jax.jit(lambda x: net.apply(end.params, end.state, x)[0])


single = classifier(models.mlp((2, 2)), seed=0, steps=20)
hidden = classifier(models.mlp((2, 8, 2), activation=jnp.tanh), seed=0)
wrong = {
    name: int((f(corners).argmax(axis=-1) != xor).sum())
    for name, f in {"a single layer": single, "one hidden layer": hidden}.items()
}
assert wrong["a single layer"] >= 1 and wrong["one hidden layer"] == 0

# %% [markdown]
# **1986.** Rumelhart, Hinton and Williams train networks with hidden layers by *backpropagation*
# ([notebook 8](08_backpropagation.ipynb)), and XOR is solved:

# %% tags=["item-12", "item-15", "plot"]
plots.boundary(
    {
        f"{name}: {wrong[name]} of 4 wrong": f
        for name, f in (("a single layer", single), ("one hidden layer", hidden))
    },
    corners,
    xor,
)

# %% [markdown] tags=["item-12"]
# **2012.** Krizhevsky, Sutskever and Hinton win the ImageNet competition with a deep convolutional
# network, of the kind that Yann LeCun had used since 1989, trained on two graphics cards. Within
# two years all contestants use such networks. This is the older one, LeNet-5, drawn from the
# network itself:

# %% tags=["item-12", "plot"]
plots.blocks(explain.summary(models.lenet5(), (1, 28, 28, 1)).rows)

# %% [markdown]
# **2017.** Vaswani and others put *attention* in place of recurrence. A few dozen of these blocks,
# one above the other, are GPT ([notebook 16](16_attention_transformer.ipynb)). The orange arrows
# are residual connections: what comes in is added to what a layer makes of it.

# %% tags=["item-12", "plot"]
plots.graph(explain.graph(models.transformer_block(512, 8, norm_first=True), (1, 10, 512)))

# %% [markdown] tags=["recap", "item-101"]
# ## In five lines
# * Deep learning ⊂ machine learning ⊂ artificial intelligence.
# * Three components: a function with parameters, a score, a procedure that improves the score.
# * Features are learned from data instead of thought up by hand; on our silhouettes that is worth
#   more than ten percentage points.
# * It works now because of hardware, data and better algorithms; its ideas are from 1943 to 1989.
# * A neuron of a network is a weighted sum and a simple function, and no nerve cell.

# %% [markdown] tags=["quiz"]
# ## Quiz
# 1. Is a chess program that tries all moves machine learning? Deep learning?
# 2. Which of the three components changes when you replace the squared error by another measure?
# 3. Why can ten features be worth as much to logistic regression as 784 pixels?
# 4. Name two things a nerve cell does that our neuron doesn't.
# 5. What would make the feature "number of legs" useless?
#
# <details><summary>Answers</summary>
#
# 1. Neither: its rules are written down. It is artificial intelligence all the same.
# 2. The score.
# 3. One weighted sum of pixels can only compare with a single template a class; the features
#    already say something about the shape as a whole.
# 4. It sends pulses in time, and its synapses learn from what happens next to them.
# 5. Animals that lie down, or pictures that are turned.
#
# </details>

# %% [markdown] tags=["exercises"]
# ## Exercises

# %% [markdown]
# **1.** How many numbers does the deep network adjust? Work it out from its sizes,
# 784 → 128 → 64 → 10, with a bias for each neuron.

# %% tags=["solution"]
numbers = (784 + 1) * 128 + (128 + 1) * 64 + (64 + 1) * 10

# %% tags=["check"]
drawn, _ = deep.init(jax.random.key(0))
assert numbers == sum(leaf.size for leaf in jax.tree.leaves(drawn)) == 109_386

# %% [markdown]
# **2.** Choose the weights and the bias of a switch of 1943 that computes OR.

# %% tags=["solution"]
weights, bias = (1.0, 1.0), -0.5

# %% tags=["check"]
for bits in ((0, 0), (0, 1), (1, 0), (1, 1)):
    assert (np.dot(bits, weights) + bias >= 0) == (bits != (0, 0))

# %% [markdown]
# **3.** Write an eleventh feature: in how many rows of the picture does the silhouette come apart
# into more than one piece? (Legs do that, and horns.)


# %% tags=["solution"]
def rows_in_pieces(images):
    """The share of rows with two or more pieces; images (N, 28, 28, 1), result (N,)."""
    solid = images[..., 0] > 127
    begins = (np.diff(solid.astype(int), axis=2, prepend=0) == 1).sum(axis=2)
    return (begins > 1).mean(axis=1)


# %% tags=["check"]
one = np.zeros((1, 28, 28, 1))
one[0, :14, 5:9] = one[0, :7, 20:24] = 255  # seven rows with two pieces, seven with one
one[0, 20, :3] = one[0, 20, 6:9] = 255  # and one with two pieces of which one touches the edge
assert np.isclose(rows_in_pieces(one), 8 / 28)
assert rows_in_pieces(animals.test["inputs"][:50]).shape == (50,)
