# %% [markdown]
# # 24 · Training
#
# *Batches, epochs and three kinds of data; what under- and overfitting look like, when to stop, and
# where to start. Every effect is larger than its spread over seeds.*

# %% [markdown] tags=["objectives"]
# **After this lecture you can** say what is minimised and over what; explain mini-batch, stochastic
# gradient and epoch; keep training, validation and test data apart and say why; recognise under-
# and overfitting, and stop early; and choose initial weights that let a deep network learn.
#
# **You need** [losses](06_losses.ipynb), [optimizers](07_optimizers.ipynb) and
# [backpropagation](08_backpropagation.ipynb). **Next:** the same in the frameworks that everybody
# uses, [PyTorch's quickstart](10_quickstart.ipynb); more against overfitting is in
# [dropout and batch normalisation](15_dropout_batchnorm.ipynb).

# %% tags=["setup"]
import contextlib
import io
import os

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax

from jaxdl import data, initializers, layers, losses, metrics, models, sweep, train
from jaxdl.plots import BLUE, GREY, ORANGE
from jaxdl.types import Layer

FAST = "JAXDL_FAST" in os.environ  # smaller sizes, for the tests
SEEDS = 2 if FAST else 5

# %% [markdown] tags=["item-59"]
# ## What is minimised
# A network is a function $f[x, \theta]$ with parameters $\theta$. The **training data** are $I$
# pairs $\{x_i, y_i\}_{i=1}^I$, the loss measures how far predictions are from them, and training is
# the search for
#
# $$ \hat\theta = \operatorname*{argmin}_\theta\; L\big[\theta,\, f[x, \theta],\,
#    \{x_i, y_i\}_{i=1}^I\big], \qquad \text{after which one predicts} \quad
#    \hat y = f[x, \hat\theta]. $$
#
# Note what isn't in the formula: the data that the network will meet later. For a straight line
# the argmin can be computed; gradient descent finds the same.

# %% tags=["item-59"]
x = jnp.linspace(-1, 1, 50)[:, None]
y = 0.5 + 2.0 * x + 0.3 * jax.random.normal(jax.random.key(0), x.shape)
f = layers.dense(1, 1)
loss = lambda theta: losses.mse_loss(f.apply(theta, (), x)[0], y)

ones = jnp.concatenate([jnp.ones_like(x), x], axis=1)
exact = jnp.linalg.lstsq(ones, y)[0][:, 0]
theta, _ = f.init(jax.random.key(1))
for _ in range(300):
    theta = jax.tree.map(lambda p, g: p - 0.3 * g, theta, jax.grad(loss)(theta))
found = jnp.array([theta["bias"][0], theta["kernel"][0, 0]])
print(f"computed: {exact[0]:.4f} + {exact[1]:.4f} x    found: {found[0]:.4f} + {found[1]:.4f} x")
assert jnp.allclose(found, exact, atol=1e-4)

# %% [markdown] tags=["item-67"]
# ## A slide that changes its function
# One of our lectures writes the error of a batch $B$ of examples as
#
# $$ E_B(w) = \sum_{i \in B} |y_i - \hat y(w)_i| $$
#
# and some pages later differentiates $\tfrac12\Delta^2$ with $\Delta = y - \hat y$. Those are two
# errors, with two gradients: of $|\Delta|$ it is $-\operatorname{sign}\Delta$, as large for a small
# mistake as for a large one; of $\tfrac12\Delta^2$ it is $-\Delta$. They have different minima,
# too: a constant prediction that minimises the first is the *median*, of the second the *mean*.

# %% tags=["item-67"]
targets = jnp.array([1.0, 2, 3, 4, 30])
absolute = lambda guess: jnp.sum(jnp.abs(targets - guess))
squared = lambda guess: jnp.sum((targets - guess) ** 2) / 2
guesses = jnp.linspace(0, 12, 1201)
best = {name: float(guesses[jax.vmap(e)(guesses).argmin()])
        for name, e in (("|Δ|", absolute), ("½Δ²", squared))}  # fmt: skip
print("best constant:", best)
assert abs(best["|Δ|"] - jnp.median(targets)) < 0.02 and abs(best["½Δ²"] - targets.mean()) < 0.02
assert jax.grad(absolute)(3.5) == -2 + 3  # two targets above, three below: only signs count
assert jnp.isclose(jax.grad(squared)(3.5), -(targets - 3.5).sum())
# jaxdl has both by name, and takes the mean over the batch where no other `reduction` is named.
assert jnp.isclose(losses.l1_loss(jnp.full(5, 3.5), targets, reduction="sum"), absolute(3.5))
assert jnp.isclose(losses.mse_loss(jnp.full(5, 3.5), targets, reduction="sum") / 2, squared(3.5))

# %% tags=["plot", "item-67"]
figure, panels = plt.subplots(1, 2, figsize=(10, 3.4))
for axes, (name, e), colour in zip(
    panels, (("|Δ|", absolute), ("½Δ²", squared)), (BLUE, ORANGE), strict=True
):
    axes.plot(guesses, jax.vmap(e)(guesses), color=colour, lw=2.5)
    axes.axvline(best[name], color=GREY, ls=":")
    axes.set(title=f"sum of {name}: best at {best[name]:g}", xlabel="constant prediction")
    axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown] tags=["item-68"]
# ## Mini-batches, stochastic gradients, epochs
# The gradient of all $I$ examples is exact and dear. A **mini-batch** of $B$ of them, drawn at
# random, gives an estimate: right on average, wrong by chance, therefore a **stochastic** gradient.
# Its chance error falls as $1/\sqrt B$, its price grows as $B$. One pass over all examples, that is
# $I/B$ steps, is an **epoch**.
#
# Is it right on average? Cut the data into batches: the mean of their gradients is the whole
# gradient, exactly.

# %%
animals = data.load("animals")


def small(part):
    """Pictures of 14 × 14 pixels, as rows of 196 numbers."""
    squares = part["inputs"].reshape(-1, 14, 2, 14, 2) / np.float32(255)
    return {"inputs": squares.mean(axis=(2, 4)).reshape(-1, 196), "labels": part["labels"]}


parts = {name: small(getattr(animals, name)) for name in ("train", "validation", "test")}
first = lambda n, part="train": {k: v[:n] for k, v in parts[part].items()}
thousand = first(200 if FAST else 1000)

# %% tags=["item-68"]
net = models.mlp((196, 64, 10))
params, state = net.init(jax.random.key(0))


@jax.jit
def gradient(images, labels):
    """The gradient of a batch's mean loss, as one long row."""
    mean_loss = lambda p: losses.cross_entropy(net.apply(p, state, images)[0], labels)
    return jax.flatten_util.ravel_pytree(jax.grad(mean_loss)(params))[0]


whole = gradient(thousand["inputs"], thousand["labels"])
errors, order = {}, np.random.default_rng(0)
for size in (10, 40) if FAST else (10, 40, 100):
    rows = order.permutation(len(thousand["labels"])).reshape(-1, size)
    each = jnp.stack([gradient(thousand["inputs"][r], thousand["labels"][r]) for r in rows])
    assert jnp.allclose(each.mean(0), whole, atol=1e-5)  # right on average
    errors[size] = float(jnp.linalg.norm(each - whole, axis=1).mean())
    print(
        f"batches of {size:3}: {len(rows):3} steps an epoch, "
        f"a gradient is off by {errors[size] / jnp.linalg.norm(whole):.2f} of its length"
    )
assert 1.6 < errors[10] / errors[40] < 2.4  # four times as many examples, half the error

# %% [markdown] tags=["item-68"]
# Which batch is best? With the same number of epochs each network sees the same number of examples;
# small batches make more steps of them. A population of networks, one for each seed, trained by
# `sweep.run`, says how much of the difference is luck.

# %% tags=["item-68"]
accuracy_of = {"accuracy": metrics.accuracy}


def population(make_run, epochs, batch_size=50, grid=None, part=thousand):
    """Trains with all seeds; the validation accuracies, shape (combinations, seeds, epochs)."""
    dataset = data.Dataset(part, validation=parts["validation"])
    options = {"seeds": SEEDS, "grid": grid, "batch_size": batch_size, "hooks": ()}
    with contextlib.redirect_stderr(io.StringIO()):  # where it says what it is about to train
        result = sweep.run(make_run, dataset, epochs=epochs, **options)
    return np.asarray(result.history["validation_accuracy"]).reshape(-1, SEEDS, epochs)


def make_run():
    loss_fn = train.supervised(net, losses.cross_entropy, metrics=accuracy_of)
    return sweep.Run(net, loss_fn, optax.sgd(0.1))


def words(values):
    """Mean ± standard deviation over seeds."""
    return f"{values.mean():.3f} ± {values.std(ddof=1):.3f}"


def apart(a, b):
    """Says whether two groups of seeds differ by more than both spreads together."""
    return abs(a.mean() - b.mean()) > a.std(ddof=1) + b.std(ddof=1)


EPOCHS = 2 if FAST else 10
by_batch = {n: population(make_run, EPOCHS, n)[0] for n in (10, 100, len(thousand["labels"]))}
for size, accuracies in by_batch.items():
    steps = EPOCHS * len(thousand["labels"]) // size
    print(f"batches of {size:4}: {steps:4} steps, accuracy {words(accuracies[:, -1])}")
if not FAST:
    assert by_batch[10][:, -1].mean() > by_batch[100][:, -1].mean() > by_batch[1000][:, -1].mean()
    assert apart(by_batch[10][:, -1], by_batch[100][:, -1])
    assert apart(by_batch[100][:, -1], by_batch[1000][:, -1])

# %% [markdown] tags=["item-71"]
# ## Two agents
# Think of training as two agents that take turns. **Loss** looks at a batch and says in which
# direction the error grows, for every weight; it moves nothing. **Update** moves the weights; it
# has never seen an example. All that passes between them is a gradient, so either can be exchanged
# without the other noticing. Here are two of each, in all four pairs.

# %% tags=["item-71"]
LOSSES = {"squares": losses.mse_loss, "absolute": losses.l1_loss}
UPDATES = {"gradient descent": optax.sgd(0.1), "Adam": optax.adam(0.1)}
ends = {}
for who, error in LOSSES.items():
    judge = jax.jit(jax.grad(lambda theta, error=error: error(f.apply(theta, (), x)[0], y)))
    for how, mover in UPDATES.items():
        theta, _ = f.init(jax.random.key(1))
        memory, act = mover.init(theta), jax.jit(mover.update)
        for _ in range(20 if FAST else 200):
            direction = judge(theta)  # the loss speaks
            move, memory = act(direction, memory)  # the update acts
            theta = optax.apply_updates(theta, move)
        ends[who, how] = float(theta["kernel"][0, 0])
        print(f"{who:9} and {how:17} slope {ends[who, how]:.3f}")
        # The same with jaxdl: make_step takes the two and introduces them.
        step = jax.jit(train.make_step(train.supervised(f, error), mover))
        train_state = train.init_state(f, mover, jax.random.key(1))
        pair, _ = step(train_state, {"inputs": x, "labels": y})
        alone, _ = act(judge(train_state.params), mover.init(train_state.params))
        by_hand = optax.apply_updates(train_state.params, alone)
        assert jnp.allclose(pair.params["kernel"], by_hand["kernel"], atol=1e-5)
if not FAST:  # where it ends, the loss decides; how it gets there, the update
    assert abs(ends["squares", "gradient descent"] - ends["squares", "Adam"]) < 0.02
    assert max(abs(slope - 2) for slope in ends.values()) < 0.2

# %% [markdown] tags=["item-83"]
# ## Training, validation and test
# A network may learn its examples by heart, so it must be judged by others. Three parts:
#
# | part | decides | how often it is looked at |
# |---|---|---|
# | **training** | the weights | in every step |
# | **validation** | everything else: layers, rates, when to stop | after every attempt |
# | **test** | nothing; it says how good the final network is | once |
#
# Why isn't validation enough? Because choosing is learning, too. The following 200 "networks" are
# random: they have learned nothing, and are right one time in ten. Choose the best of them on 100
# validation images, and it looks like knowledge:

# %% tags=["item-83"]
random = jax.random.normal(jax.random.key(2), (5, 200, 196, 10))  # five repetitions
guess = lambda images: jnp.argmax(jnp.einsum("nf,stfc->stnc", images - images.mean(0), random), -1)
validation, test = first(100, "validation"), first(None, "test")
right = lambda part: (guess(part["inputs"]) == part["labels"]).mean(axis=-1)
on_validation, on_test = np.asarray(right(validation)), np.asarray(right(test))
chosen = on_validation.argmax(axis=1)
looks = on_validation[np.arange(5), chosen]
is_worth = on_test[np.arange(5), chosen]
print(f"best of 200 on the validation images: {words(looks)}")
print(f"the same ones on the test images:     {words(is_worth)}")
print(f"all 200, on the test images:          {on_test.mean():.3f}")
assert apart(looks, is_worth) and abs(on_test.mean() - 0.1) < 0.01

# %% [markdown] tags=["item-9", "item-83"]
# ## Underfitting and overfitting
# Twenty noisy points of a sine, and polynomials of growing degree through them. Degree 1 can't
# bend: it is wrong on old and new points alike (**underfitting**). Degree 15 goes through the
# noise: it is right on the old points and wild between them (**overfitting**). Degree 3 errs by
# little more than the noise on both. The spread is over 20 draws of the points.

# %% tags=["item-9"]
DEGREES, DRAWS, NOISE = (1, 3, 5, 9, 15), 20, 0.3
wave = lambda x: np.sin(np.pi * x)
random = np.random.default_rng(0)
train_error, test_error, fitted = (np.zeros((len(DEGREES), DRAWS)) for _ in range(3))
shown = {}
for draw in range(DRAWS):
    old, new = random.uniform(-1, 1, (2, 20))
    y_old, y_new = (wave(p) + NOISE * random.normal(size=20) for p in (old, new))
    for i, degree in enumerate(DEGREES):
        curve = np.polynomial.Legendre.fit(old, y_old, degree, domain=(-1, 1))
        train_error[i, draw] = np.mean((curve(old) - y_old) ** 2)
        test_error[i, draw] = np.mean((np.clip(curve(new), -3, 3) - y_new) ** 2)
        shown[degree] = curve, old, y_old
for i, degree in enumerate(DEGREES):
    print(f"degree {degree:2}: error on old points {words(train_error[i])}, "
          f"on new {words(test_error[i])}")  # fmt: skip
assert (np.diff(train_error.mean(axis=1)) < 0).all()  # more freedom, always better on the old
under, well, over = (test_error[DEGREES.index(d)] for d in (1, 3, 15))
assert apart(under, well) and apart(over, well) and under.mean() > well.mean() < over.mean()

# %% tags=["plot", "item-9"]
line = np.linspace(-1, 1, 300)
figure, panels = plt.subplots(1, 3, figsize=(11, 3.6), sharey=True)
for axes, degree in zip(panels, (1, 3, 15), strict=True):
    curve, old, y_old = shown[degree]
    i = DEGREES.index(degree)
    axes.plot(line, wave(line), color=GREY, ls="--", label="the truth")
    axes.plot(line, curve(line), color=BLUE, lw=2.5, label="fitted")
    axes.plot(old, y_old, "o", color=ORANGE, label="training points")
    said = f"error {train_error[i].mean():.2f}, on new points {test_error[i].mean():.2f}"
    axes.set(title=f"degree {degree}:\n{said}", ylim=(-2, 2), xlabel="x")
    axes.spines[["top", "right"]].set_visible(False)
panels[0].legend(frameon=False, fontsize=10)
plt.show()

# %% [markdown] tags=["item-9"]
# ## Early stopping
# The same happens to a network *in time*: first it learns what the examples have in common, later
# each of them by heart. It is clearest where there is something false to learn: here 40 % of the
# training labels were replaced by random ones. (Crowd-sourced labels are often no better.)
# Validation accuracy rises, turns, and falls, while the false labels are learned. Keep the weights
# of the best epoch: that's **early stopping**, `train.early_stopping`.

# %% tags=["item-9"]
draws = np.random.default_rng(0)
noisy = {"inputs": thousand["inputs"], "labels": thousand["labels"].copy()}
false = draws.random(len(noisy["labels"])) < 0.4
noisy["labels"][false] = draws.integers(0, 10, false.sum())
wide = models.mlp((196, 256, 256, 10))


def make_wide():
    loss_fn = train.supervised(wide, losses.cross_entropy, metrics=accuracy_of)
    return sweep.Run(wide, loss_fn, optax.adam(1e-3))


curves = population(make_wide, 3 if FAST else 40, part=noisy)[0]
peak = curves.mean(axis=0).argmax()
stopped, ended = curves[:, peak], curves[:, -1]
print(
    f"best epoch {peak + 1}: {words(stopped)}   after the last, {curves.shape[1]}: {words(ended)}"
)
if not FAST:
    assert peak < 20 and stopped.mean() > ended.mean() and apart(stopped, ended)

# %% [markdown] tags=["item-9"]
# `train.fit` does it alone: with `early_stopping` it watches the validation loss and hands back the
# best weights. (The loss turns earlier than the accuracy.)

# %% tags=["item-9"]
loss_fn = train.supervised(wide, losses.cross_entropy, metrics=accuracy_of)
tx = optax.adam(1e-3)
end, history = train.fit(
    loss_fn, tx, train.init_state(wide, tx, jax.random.key(0)),
    data.Dataset(noisy, validation=parts["validation"]), epochs=3 if FAST else 40,
    batch_size=50, early_stopping=train.early_stopping(patience=5), hooks=(),
)  # fmt: skip
kept = train.evaluate(loss_fn, end, parts["validation"])
print(f"stopped after {len(history)} epochs, accuracy {kept['accuracy']:.3f}")
if not FAST:
    assert len(history) < 25 and kept["accuracy"] > ended.mean() + ended.std(ddof=1)

# %% tags=["picture", "plot", "item-9"]
figure, axes = plt.subplots(figsize=(9, 4.2))
epochs = np.arange(1, curves.shape[1] + 1)
axes.plot(epochs, curves.T, color=BLUE, alpha=0.3, lw=1.2)
axes.plot(epochs, curves.mean(axis=0), color=BLUE, lw=3, label=f"mean of {SEEDS} seeds")
axes.axvline(peak + 1, color=ORANGE, ls="--", label=f"stop here: {stopped.mean():.3f}")
axes.plot(epochs[-1], ended.mean(), "o", color=GREY, ms=10, label=f"end: {ended.mean():.3f}")
axes.set(
    xlabel="epoch",
    ylabel="validation accuracy",
    title="40 % of the labels are random: first the rule is learned, then the exceptions",
)
axes.legend(frameon=False)
axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown] tags=["item-68"]
# ## Where to start
# *"Initialise the weights randomly"*, the slides say. Why randomly? If all weights are equal, all
# neurons of a layer get the same gradient and stay the same neuron for ever. And how large? With
# eight layers, weights that are too small let the signal die on its way, and weights that are too
# large blow it up. He and others draw them with variance $2/n_\text{in}$, with which relu layers
# pass it on as it is. Here are multiples of that.

# %% tags=["item-68"]
deep = models.mlp((196, *[64] * 7, 10), init=initializers.he_default)


def make_scaled(scale):
    def init(key):
        params, state = deep.init(key)
        return jax.tree.map(lambda p: scale * p, params), state

    scaled = Layer(init, deep.apply)
    loss_fn = train.supervised(scaled, losses.cross_entropy, metrics=accuracy_of)
    return sweep.Run(scaled, loss_fn, optax.sgd(0.03, momentum=0.9))


SCALES = (0.0, 0.3, 1.0, 3.0)
by_scale = population(make_scaled, 2 if FAST else 15, grid={"scale": list(SCALES)})[..., -1]
for scale, accuracies in zip(SCALES, by_scale, strict=True):
    said = "the loss is no number any more" if np.isnan(accuracies).all() else words(accuracies)
    print(f"{scale:3.1f} times He's weights: accuracy {said}")
if not FAST:
    assert by_scale[2].mean() > 0.5 and by_scale[:2].mean() < 0.15
    assert apart(by_scale[2], by_scale[1]) and np.isnan(by_scale[3]).all()

# %% tags=["item-68"]
# Equal weights stay equal: after training, all neurons of the hidden layer are one and the same.
same = jax.tree.map(lambda p: jnp.full_like(p, 0.05), net.init(jax.random.key(0))[0])
step = jax.jit(train.make_step(train.supervised(net, losses.cross_entropy), optax.sgd(0.1)))
trained = train.init_state(net, optax.sgd(0.1), jax.random.key(0))._replace(params=same)
for _ in range(20):
    trained, _ = step(trained, {k: jnp.asarray(v[:100]) for k, v in thousand.items()})
kernel = trained.params[0]["kernel"]
assert float(jnp.ptp(kernel, axis=1).max()) < 1e-5 < float(jnp.abs(kernel - 0.05).max())

# %% [markdown] tags=["recap"]
# ## In five lines
# * Training searches the argmin of a loss over the *training* data; prediction uses what it found.
# * A mini-batch's gradient is right on average, off by $1/\sqrt B$; an epoch is one pass.
# * Loss and update are two agents: one judges, one moves, and only a gradient passes between them.
# * Training data decide weights, validation data decide everything else, test data decide nothing.
# * Overfitting shows as validation that turns while training improves; stop there. Start from
#   random weights of the right size.

# %% [markdown] tags=["quiz"]
# ## Quiz
# 1. 60,000 examples in batches of 128: how many steps has an epoch?
# 2. Why is a mini-batch's gradient called stochastic?
# 3. Training accuracy 0.99, validation accuracy 0.70: is it under- or overfitting, and what can you
#    do?
# 4. You tried 50 networks and report the best one's validation accuracy. What's wrong?
# 5. Why may all biases start at 0, and not all weights?
#
# <details><summary>Answers</summary>
#
# 1. 469; the last one has 96 examples.
# 2. It depends on which examples were drawn.
# 3. Overfitting: more data, early stopping, dropout, weight decay, a smaller network.
# 4. The best of 50 was chosen for it, luck included; only test data can say what it's worth.
# 5. Different weights already make neurons different; equal weights keep them equal for ever.
#
# </details>

# %% [markdown] tags=["exercises"]
# ## Exercises

# %% [markdown]
# **1.** By how much does the error of a stochastic gradient shrink from batches of 10 to batches of
# 250?

# %% tags=["solution"]
factor = np.sqrt(250 / 10)

# %% tags=["check"]
assert np.isclose(factor, 5)

# %% [markdown]
# **2.** Write a function that cuts shuffled data into batches, the last one shorter if need be.


# %% tags=["solution"]
def batches(rows, size, seed):
    """Arrays of row numbers, each row once, at most ``size`` in each."""
    order = np.random.default_rng(seed).permutation(rows)
    return [order[i : i + size] for i in range(0, rows, size)]


# %% tags=["check"]
cut = batches(1000, 128, seed=0)
assert [len(rows) for rows in cut] == [128] * 7 + [104]
assert sorted(np.concatenate(cut)) == list(range(1000))
assert (cut[0] != batches(1000, 128, seed=1)[0]).any()

# %% [markdown]
# **3.** Early stopping with patience: given validation losses, after which epoch (from 1) does one
# stop with patience $p$, and which epoch's weights does one keep?


# %% tags=["solution"]
def stop(validation_losses, patience):
    """The last epoch that is trained, and the best one."""
    best = 0
    for epoch, value in enumerate(validation_losses):
        if value < validation_losses[best]:
            best = epoch
        if epoch - best >= patience:
            break
    return epoch + 1, best + 1


# %% tags=["check"]
assert stop([3.0, 2.0, 1.0, 1.5, 1.2, 0.9], patience=2) == (5, 3)
assert stop([3.0, 2.0, 1.0], patience=2) == (3, 3)
