# %% [markdown]
# # 21 · Your own loss and your own network
#
# *Autoencoders, distillation, fine-tuning, contrastive learning, padded text, half precision: eight
# kinds of training that differ from the usual one, each in a few lines around the same `fit`.*

# %% [markdown] tags=["objectives"]
# **After this lecture you can** bind several networks into one with `compose`, write a loss for
# each row with `rowwise`, give a loss arrays that aren't data (a teacher, a weight), freeze a part,
# let the rows of a batch meet, and leave out what doesn't count.
#
# **You need** [the deep network](05_deep_network.ipynb), and a look into `help(jaxdl.train)`, which
# says on one page what a loss, a layer and a step are. **Next:** networks that come from elsewhere,
# [from PyTorch, Keras and Flax, and back](22_from_pytorch_keras_flax.ipynb), and then [your own
# step](23_your_own_step.ipynb).

# %% [markdown]
# So far a network got a picture and gave ten scores, and one of the library's losses compared them
# with a label. Many tasks look different: two networks in a row, two outputs, no label, a teacher
# instead of labels, rows that have to be compared with each other. None of them needs another way
# to train. What `fit` asks for is a function
#
# $$ \text{loss}(\theta,\ \text{batch}) \;\mapsto\; (L,\ \text{what else was measured}), $$
#
# and this lecture writes eight of them. First a short form of `fit`, for all eight:

# %% tags=["setup"]
import os
import re
from functools import partial

# Small programs: most of the time goes into compiling them, so XLA is asked for less of it.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=1")

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxdl import combinators, data, layers, losses, metrics, models, plots, serial, train

FAST = "JAXDL_FAST" in os.environ  # smaller sizes, for the tests
np.set_printoptions(precision=4, suppress=True)

# %%
animals = data.load("animals")
pixels = serial(layers.rescale(1 / 255), layers.flatten(axes=3))


def fitted(
    loss_fn, net, dataset=animals, *, epochs, rate=1e-3, params=None, batch_size=128, **options
):
    """Trains a network from key 0; gives where it ends and the last row of its history."""
    tx = optax.adam(rate)
    start = train.init_state(net, tx, jax.random.key(0), params=params)
    epochs = 1 if FAST else epochs
    options |= {"epochs": epochs, "batch_size": batch_size, "hooks": ()}
    end, history = train.fit(loss_fn, tx, start, dataset, **options)
    return end, history[-1]


# %% [markdown]
# ## 1. A variational autoencoder
# An encoder gives the mean and the variance of a code; a random code from there goes through a
# decoder; the loss is what is lost of the picture plus the divergence of the code from a normal
# distribution (Kingma and Welling, 2014). `compose` makes one network of a plain function and named
# parts. `rowwise` turns a network that gives **a loss for each row** into a loss function; it
# averages, and it leaves out the rows that only fill up the last batch.


# %%
def vae(batch, key, encoder, decoder):
    x = pixels.apply(((), ()), ((), ()), batch["inputs"])[0]
    mean, log_variance = jnp.split(encoder(x), 2, axis=-1)
    noise = 0.0 if key is None else jax.random.normal(key, mean.shape)  # no key in evaluation
    logits = decoder(mean + jnp.exp(log_variance / 2) * noise)
    lost = losses.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(axis=-1)
    divergence = 0.5 * (jnp.exp(log_variance) + mean**2 - 1 - log_variance).sum(axis=-1)
    return lost + divergence, {"lost": lost, "divergence": divergence}


vae_net = combinators.compose(
    vae, encoder=models.mlp((784, 256, 16)), decoder=models.mlp((8, 256, 784))
)
end, row = fitted(train.rowwise(vae_net), vae_net, epochs=8)
print({name: round(row[f"validation_{name}"], 1) for name in ("loss", "lost", "divergence")})
if not FAST:
    assert row["validation_loss"] < 190

# %% tags=["picture"]
codes = jax.random.normal(jax.random.key(1), (16, 8))
dreams, _ = models.mlp((8, 256, 784)).apply(end.params["decoder"], end.state["decoder"], codes)
plots.images(jax.nn.sigmoid(dreams).reshape(-1, 28, 28), title="Animals that nobody has drawn")

# %% [markdown]
# ## 2. Two inputs, two outputs
# A batch is any tree of arrays, and so is what goes into a network. This one sees the picture and
# the average ink of its four quarters, and predicts the class and the area.

# %%
picture = animals.train["inputs"].reshape(-1, 784) / np.float32(255)
both = data.Dataset(
    train={
        "inputs": {"picture": picture, "quarters": picture.reshape(-1, 4, 196).mean(axis=-1)},
        "class": animals.train["labels"],
        "area": picture.mean(axis=-1),
    }
)


def two_heads(batch, picture, quarters, name, area):
    seen = [picture(batch["inputs"]["picture"]), quarters(batch["inputs"]["quarters"])]
    hidden = jax.nn.relu(jnp.concatenate(seen, axis=-1))
    logits, guess = name(hidden), area(hidden)[..., 0]
    wrong = losses.cross_entropy(logits, batch["class"], reduction="none")
    off = (guess - batch["area"]) ** 2
    return wrong + 10 * off, {"accuracy": logits.argmax(axis=-1) == batch["class"], "off": off}


two = combinators.compose(
    two_heads,
    picture=layers.dense(784, 64),
    quarters=layers.dense(4, 16),
    name=layers.dense(80, 10),
    area=layers.dense(80, 1),
)
_, row = fitted(train.rowwise(two), two, both, epochs=12)
print(f"accuracy {row['accuracy']:.3f}, error of the area {row['off'] ** 0.5:.3f}")
if not FAST:
    assert row["accuracy"] > 0.8 and row["off"] < 1e-3

# %% [markdown]
# ## 3. A vector-quantised autoencoder
# The code is made of 16 entries, each the nearest of 32 vectors of a codebook (van den Oord and
# others, 2017). Choosing has no gradient, so the gradient passes *straight through* to the encoder,
# while the codebook moves towards what it was chosen for. A part's own parameters are at
# `part.params`.


# %%
def quantised(batch, encoder, codebook, decoder):
    x = pixels.apply(((), ()), ((), ()), batch["inputs"])[0]
    z = encoder(x).reshape(-1, 16, 4)
    entries = codebook.params["embedding"]
    chosen = ((z[..., None, :] - entries) ** 2).sum(axis=-1).argmin(axis=-1)
    q = codebook(chosen)
    logits = decoder((z + jax.lax.stop_gradient(q - z)).reshape(-1, 64))
    lost = losses.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(axis=-1)
    apart = lambda a, b: ((a - jax.lax.stop_gradient(b)) ** 2).sum(axis=(1, 2))
    return lost + apart(q, z) + 0.25 * apart(z, q), {"lost": lost}


vq_net = combinators.compose(
    quantised,
    encoder=models.mlp((784, 256, 64)),
    codebook=layers.embedding(32, 4),
    decoder=models.mlp((64, 256, 784)),
)
_, row = fitted(train.rowwise(vq_net), vq_net, epochs=6)
print(f"lost {row['validation_lost']:.1f} of a picture that is now 16 · 5 bits")
if not FAST:
    assert row["validation_lost"] < 200

# %% [markdown]
# ## 4. Distillation
# A small student learns **without a single label**, from what a large teacher thinks of all ten
# classes (Hinton and others, 2015). The teacher's parameters are arrays that the loss needs besides
# the batch: `jax.tree_util.Partial` passes them **as arguments**, so that another teacher compiles
# nothing anew, and nothing stale is ever trained.

# %%
large = serial(pixels, models.mlp((784, 256, 128, 10), rate=0.2))
small = serial(pixels, models.mlp((784, 16, 10)))
by_labels = lambda net: train.supervised(
    net, losses.cross_entropy, metrics={"accuracy": metrics.accuracy}
)


def distilled(params, state, batch, *, key, train, teacher, temperature=2.0):
    logits, state = small.apply(params, state, batch["inputs"])
    wise, _ = large.apply(teacher[0], teacher[1], batch["inputs"])
    log_p, q = jax.nn.log_softmax(logits / temperature), jax.nn.softmax(wise / temperature)
    rows = losses.kl_div(log_p, q, reduction="none").sum(axis=-1) * temperature**2
    right = metrics.accuracy(logits, batch["labels"], weight=batch["weight"])
    return metrics.mean(rows, weight=batch["weight"]), (state, {"accuracy": right})


teacher, top = fitted(by_labels(large), large, epochs=8)
_, alone = fitted(by_labels(small), small, epochs=8)
taught_fn = jax.tree_util.Partial(distilled, teacher=(teacher.params, teacher.state))
_, taught = fitted(taught_fn, small, epochs=8)
for name, row in {"teacher": top, "student alone": alone, "student, no labels": taught}.items():
    print(f"{name:18} {row['validation_accuracy']:.3f}")
if not FAST:
    assert top["validation_accuracy"] > 0.8 and taught["validation_accuracy"] > 0.65

# %% [markdown]
# ## 5. Fine-tuning
# A body trained on five animals, frozen, with a new head for the five others, of which there are
# only 20 pictures. `frozen` keeps gradients away from a part; `init_state(…, params=…)` starts
# from parameters that are there.

# %%
first, second = (data.select_classes(animals, animals.classes[i : i + 5]) for i in (0, 5))
few = second._replace(train={name: x[:20] for name, x in second.train.items()})
features = models.convnet((28, 28, 1), 64, widths=(16, 32))
body = serial(layers.rescale(1 / 255), features, jax.nn.relu)
whole = serial(body=body, head=layers.dense(64, 5))
tuned = serial(body=combinators.frozen(body), head=layers.dense(64, 5))

before, _ = fitted(by_labels(whole), whole, first, epochs=4)
new_head, _ = layers.dense(64, 5).init(jax.random.key(7))
params = before.params | {"head": new_head}
steps: dict = {"epochs": 1, "steps_per_epoch": 60, "batch_size": 20}
after, row = fitted(by_labels(tuned), tuned, few, rate=1e-2, params=params, **steps)
_, scratch = fitted(by_labels(whole), whole, few, **steps)
print(f"from the other animals {row['validation_accuracy']:.3f},"
      f" from nothing {scratch['validation_accuracy']:.3f}")  # fmt: skip
same = jax.tree.map(lambda a, b: bool((a == b).all()), after.params["body"], before.params["body"])
assert all(jax.tree.leaves(same))  # frozen means frozen

# %% [markdown]
# ## 6. Contrastive learning
# SimCLR (Chen and others, 2020) shows an encoder two distorted views of each picture and asks it to
# find the pairs: no label is used. Here **the rows of a batch meet**: each is compared with all.
# `train.all_rows` gathers those of all devices, so that the loss is the same on one device and on
# eight. A last batch that is smaller stays so: it is never filled up where rows meet.


# %%
def info_nce(batch, key, encoder):
    shift = partial(data.random_crop, padding=4)
    keys = jax.random.split(jax.random.key(0) if key is None else key, 2)
    a, b = (encoder(shift(k, data.random_flip(k, batch["inputs"]))) for k in keys)
    a, b = (z / jnp.linalg.norm(z, axis=-1, keepdims=True) for z in (a, b))
    both, own = train.all_rows((a, b))
    others = jnp.concatenate(both)
    itself = jax.nn.one_hot(own, len(others), dtype=bool)
    log_p = jax.nn.log_softmax(jnp.where(itself, -1e9, a @ others.T / 0.2))
    partner = own + len(others) // 2
    found = log_p.argmax(axis=-1) == partner
    return -jnp.take_along_axis(log_p, partner[:, None], axis=-1)[:, 0], {"found": found}


views = combinators.compose(info_nce, encoder=serial(pixels, models.mlp((784, 256, 64))))
end, row = fitted(train.rowwise(views), views, epochs=6)
print(f"the partner is found among 255 in {row['found']:.0%} of all cases")
if not FAST:
    assert row["found"] > 0.5

# %% [markdown]
# ## 7. Text of different lengths
# Sequences are padded to one length, and the label −100 says "no word here". The loss is the mean
# over **words**, not over rows or positions, whatever the batches look like; metrics count the same
# words. The toy language counts upwards from a random digit, for a random number of steps.

# %%
random = np.random.default_rng(0)
first_digit, lengths = random.integers(0, 10, 2000), random.integers(3, 13, 2000)
places = np.arange(13)
text = (first_digit[:, None] + places) % 10
labels = np.where(places[1:] < lengths[:, None], text[:, 1:], -100)
sentences = data.Dataset(train={"inputs": text[:, :-1].astype(np.int32),
                                "labels": labels.astype(np.int32)})  # fmt: skip
reader = serial(layers.embedding(10, 16), layers.gru(16, 32), layers.dense(32, 10))
words = train.supervised(
    reader,
    losses.cross_entropy,
    metrics={"accuracy": metrics.accuracy, "words": lambda y, t, weight: (t != -100).sum()},
)
end, row = fitted(words, reader, sentences, epochs=4, rate=1e-2)
print(f"loss a word {row['loss']:.3f}, accuracy {row['accuracy']:.3f}")
measured = train.evaluate(words, end, sentences.train, batch_size=700)
logits = jax.nn.log_softmax(train.predict(reader, end, sentences.train["inputs"]))
real = labels != -100
by_hand = -np.take_along_axis(np.asarray(logits), np.maximum(labels, 0)[..., None], -1)[real].mean()
np.testing.assert_allclose(measured["loss"], by_hand, rtol=1e-4)

# %% [markdown]
# ## 8. Half precision
# `compute_dtype=jnp.bfloat16` runs every product of every layer in 16 bits, forwards and backwards.
# Parameters, sums, statistics and losses stay in 32.

# %%
convnet = serial(layers.rescale(1 / 255), models.convnet((28, 28, 1), 10, widths=(8, 16)))
half = train.supervised(convnet, losses.cross_entropy, compute_dtype=jnp.bfloat16)
params, state = convnet.init(jax.random.key(0))
batch = {name: x[:4] for name, x in animals.train.items()}
loss_of = lambda p: half(p, state, batch, key=None, train=False)[0]
program = jax.jit(jax.grad(loss_of)).lower(params).as_text()
multiplied = re.findall(r"stablehlo\.(?:dot_general|convolution).* : \((.*)\) ->", program)
halves = ["f32" not in types for types in multiplied]
print(f"{sum(halves)} of {len(halves)} products are of numbers in bfloat16")
assert len(halves) > 10 and all(halves)

# %% [markdown] tags=["recap"]
# ## In five lines
# * `compose(fn, **parts)`: any function of several networks is a network.
# * `rowwise(net)`: write the loss of a row; masks, means and devices are taken care of.
# * A loss may return `metrics.Mean(total, count)` where something else than rows counts.
# * Arrays besides the batch go in by `jax.tree_util.Partial`, parameters by `init_state(params=…)`.
# * `frozen`, `all_rows` and `compute_dtype` change one line each.

# %% [markdown] tags=["quiz"]
# ## Quiz
# 1. Why does the VAE get no key in evaluation, and what does it decode then?
# 2. What would be wrong with averaging the losses of the batches of section 7?
# 3. Which line of section 4 would compile again if the teacher were a global variable?
# 4. What does `stop_gradient(q - z)` do to the value, and what to the gradient?
# 5. What would change in section 6 if each device compared its own pictures only?
#
# <details><summary>Answers</summary>
#
# 1. Evaluation has nothing random in it; it decodes the mean.
# 2. Batches have different numbers of words, so a mean of means weighs words differently.
# 3. The call of `fit`: it would trace the loss, find other constants, and compile once more.
# 4. The value becomes q; the gradient is that of z.
# 5. Each picture would have fewer others to be told from: another loss, and an easier one.
#
# </details>

# %% [markdown] tags=["exercises"]
# ## Exercises

# %% [markdown]
# **1.** Section 1's divergence, of a normal distribution with mean $m$ and variance $s^2$ from the
# standard one: $\int q \log (q / p)$. Write it for one number, as a function of $m$ and
# $\log s^2$; the test integrates.


# %% tags=["solution"]
def divergence(mean, log_variance):
    """½ (s² + m² − 1 − log s²)."""
    return 0.5 * (jnp.exp(log_variance) + mean**2 - 1 - log_variance)


# %% tags=["check"]
density = lambda x, m, s: jnp.exp(-((x - m) ** 2) / (2 * s**2)) / (s * jnp.sqrt(2 * jnp.pi))
x = jnp.linspace(-12.0, 12.0, 4001)
for m, s in ((0.0, 1.0), (1.0, 0.5), (-2.0, 1.5)):
    q, p = density(x, m, s), density(x, 0.0, 1.0)
    there = jnp.trapezoid(jnp.where(q > 1e-30, q * jnp.log(q / p), 0.0), x)
    assert jnp.allclose(divergence(m, jnp.log(s**2)), there, atol=1e-3)

# %% [markdown]
# **2.** As in section 3: a function that rounds, and whose gradient is 1, as if it didn't.


# %% tags=["solution"]
def rounded(x):
    """The gradient passes straight through."""
    return x + jax.lax.stop_gradient(jnp.round(x) - x)


# %% tags=["check"]
assert jnp.allclose(rounded(jnp.array([0.2, 1.7, -3.4])), jnp.array([0.0, 2.0, -3.0]))
assert jax.grad(rounded)(0.2) == 1.0 and jax.grad(jnp.round)(0.2) == 0.0

# %% [markdown]
# **3.** Losses of words, an array (rows, places), of which only the first `lengths[i]` in row $i$
# count. Write their mean over words. (Padding may hold anything, nan too.)


# %% tags=["solution"]
def mean_per_word(rows, lengths):
    """Summed where a word is, divided by how many there are."""
    there = jnp.arange(rows.shape[1]) < lengths[:, None]
    return jnp.where(there, rows, 0.0).sum() / there.sum()


# %% tags=["check"]
of_words = jnp.array([[1.0, jnp.nan, jnp.nan], [2.0, 3.0, 6.0]])
assert mean_per_word(of_words, jnp.array([1, 3])) == 3.0  # not (1 + 11/3) / 2
