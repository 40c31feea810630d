"""The eight tasks of notebook 21 in Equinox and Optax, on the same data and with the same reports.

Command:  python experiments/benchmarks/lines/equinox_21_your_own_loss.py
Needs:    pip install equinox
"""

# %%
import os
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxdl import data

FAST = "JAXDL_FAST" in os.environ  # smaller sizes, for the tests
animals = data.load("animals")


def pixels(images):
    return images.reshape(len(images), -1) / 255.0


def batches(part, size, key=None):
    n = len(jax.tree.leaves(part)[0])
    order = np.arange(n) if key is None else np.asarray(jax.random.permutation(key, n))
    for i in range(0, n, size):
        yield jax.tree.map(lambda x, i=i: x[order[i : i + size]], part)


def objective(params, static, loss_fn, batch, key):
    rows, measured = loss_fn(eqx.combine(params, static), batch, key)
    weight = measured.pop("weight", jnp.ones(rows.shape))
    sums = {name: (x * weight).sum() for name, x in {**measured, "loss": rows}.items()}
    return sums["loss"] / weight.sum(), (sums, weight.sum())


measure = eqx.filter_jit(objective)


def means(found):
    count = sum(n for _, n in found)
    return {name: float(sum(sums[name] for sums, _ in found) / count) for name in found[0][0]}


def evaluate(loss_fn, model, part, batch_size=1024):
    parts = eqx.partition(eqx.nn.inference_mode(model), eqx.is_inexact_array)
    return means([measure(*parts, loss_fn, b, None)[1] for b in batches(part, batch_size)])


@eqx.filter_jit
def train_step(params, static, opt_state, tx, loss_fn, batch, key):
    grads, found = eqx.filter_grad(objective, has_aux=True)(params, static, loss_fn, batch, key)
    updates, opt_state = tx.update(grads, opt_state)
    return eqx.apply_updates(params, updates), opt_state, found


def fitted(loss_fn, model, dataset=animals, *, epochs, rate=1e-3, batch_size=128, learns=None):
    """Trains a network from key 0; gives where it ends and the last row of its history."""
    tx, key = optax.adam(rate), jax.random.key(0)
    params, static = eqx.partition(model, eqx.is_inexact_array if learns is None else learns)
    opt_state = tx.init(params)
    for epoch in range(1 if FAST else epochs):
        order, found = jax.random.fold_in(key, epoch), []
        for i, batch in enumerate(batches(dataset.train, batch_size, order)):
            params, opt_state, sums = train_step(
                params, static, opt_state, tx, loss_fn, batch, jax.random.fold_in(order, i)
            )
            found.append(sums)
    model, row = eqx.combine(params, static), means(found)
    if dataset.validation is not None:
        measured = evaluate(loss_fn, model, dataset.validation)
        row |= {f"validation_{name}": x for name, x in measured.items()}
    return model, row


def bce(logits, x):
    return optax.sigmoid_binary_cross_entropy(logits, x)


def by_labels(prepare=pixels):
    def loss_fn(model, batch, key):
        keys = None if key is None else jax.random.split(key, len(batch["labels"]))
        logits = jax.vmap(model)(prepare(batch["inputs"]), key=keys)
        rows = optax.softmax_cross_entropy_with_integer_labels(logits, batch["labels"])
        return rows, {"accuracy": logits.argmax(axis=-1) == batch["labels"]}

    return loss_fn


# %% [markdown]
# ## 1. A variational autoencoder


# %%
class VAE(eqx.Module):
    encoder: eqx.nn.MLP
    decoder: eqx.nn.MLP

    def __init__(self, key):
        a, b = jax.random.split(key)
        self.encoder = eqx.nn.MLP(784, 16, 256, 1, key=a)
        self.decoder = eqx.nn.MLP(8, 784, 256, 1, key=b)


def vae(model, batch, key):
    x = pixels(batch["inputs"])
    mean, log_variance = jnp.split(jax.vmap(model.encoder)(x), 2, axis=-1)
    noise = 0.0 if key is None else jax.random.normal(key, mean.shape)
    logits = jax.vmap(model.decoder)(mean + jnp.exp(log_variance / 2) * noise)
    lost = bce(logits, x).sum(axis=-1)
    divergence = 0.5 * (jnp.exp(log_variance) + mean**2 - 1 - log_variance).sum(axis=-1)
    return lost + divergence, {"lost": lost, "divergence": divergence}


end, row = fitted(vae, VAE(jax.random.key(0)), epochs=8)
print({name: round(row[f"validation_{name}"], 1) for name in ("loss", "lost", "divergence")})
if not FAST:
    assert row["validation_loss"] < 190

# %% [markdown]
# ## 2. Two inputs, two outputs

# %%
picture = pixels(animals.train["inputs"]).astype(np.float32)
both = data.Dataset(
    train={
        "inputs": {"picture": picture, "quarters": picture.reshape(-1, 4, 196).mean(axis=-1)},
        "class": animals.train["labels"],
        "area": picture.mean(axis=-1),
    }
)


class Two(eqx.Module):
    picture: eqx.nn.Linear
    quarters: eqx.nn.Linear
    name: eqx.nn.Linear
    area: eqx.nn.Linear

    def __init__(self, key):
        a, b, c, d = jax.random.split(key, 4)
        self.picture = eqx.nn.Linear(784, 64, key=a)
        self.quarters = eqx.nn.Linear(4, 16, key=b)
        self.name = eqx.nn.Linear(80, 10, key=c)
        self.area = eqx.nn.Linear(80, "scalar", key=d)

    def __call__(self, inputs):
        seen = [self.picture(inputs["picture"]), self.quarters(inputs["quarters"])]
        hidden = jax.nn.relu(jnp.concatenate(seen))
        return self.name(hidden), self.area(hidden)


def two_heads(model, batch, key):
    logits, guess = jax.vmap(model)(batch["inputs"])
    wrong = optax.softmax_cross_entropy_with_integer_labels(logits, batch["class"])
    off = (guess - batch["area"]) ** 2
    return wrong + 10 * off, {"accuracy": logits.argmax(axis=-1) == batch["class"], "off": off}


_, row = fitted(two_heads, Two(jax.random.key(0)), both, epochs=12)
print(f"accuracy {row['accuracy']:.3f}, error of the area {row['off'] ** 0.5:.3f}")
if not FAST:
    assert row["accuracy"] > 0.8 and row["off"] < 1e-3

# %% [markdown]
# ## 3. A vector-quantised autoencoder


# %%
class VQ(eqx.Module):
    encoder: eqx.nn.MLP
    codebook: jax.Array
    decoder: eqx.nn.MLP

    def __init__(self, key):
        a, b, c = jax.random.split(key, 3)
        self.encoder = eqx.nn.MLP(784, 64, 256, 1, key=a)
        self.codebook = jax.random.normal(b, (32, 4))
        self.decoder = eqx.nn.MLP(64, 784, 256, 1, key=c)


def quantised(model, batch, key):
    x = pixels(batch["inputs"])
    z = jax.vmap(model.encoder)(x).reshape(-1, 16, 4)
    chosen = ((z[..., None, :] - model.codebook) ** 2).sum(axis=-1).argmin(axis=-1)
    q = model.codebook[chosen]
    logits = jax.vmap(model.decoder)((z + jax.lax.stop_gradient(q - z)).reshape(-1, 64))
    lost = bce(logits, x).sum(axis=-1)
    apart = lambda a, b: ((a - jax.lax.stop_gradient(b)) ** 2).sum(axis=(1, 2))
    return lost + apart(q, z) + 0.25 * apart(z, q), {"lost": lost}


_, row = fitted(quantised, VQ(jax.random.key(0)), epochs=6)
print(f"lost {row['validation_lost']:.1f} of a picture that is now 16 · 5 bits")
if not FAST:
    assert row["validation_lost"] < 200

# %% [markdown]
# ## 4. Distillation


# %%
def large(key):
    a, b, c = jax.random.split(key, 3)
    return eqx.nn.Sequential(
        [
            eqx.nn.Linear(784, 256, key=a),
            eqx.nn.Lambda(jax.nn.relu),
            eqx.nn.Dropout(0.2),
            eqx.nn.Linear(256, 128, key=b),
            eqx.nn.Lambda(jax.nn.relu),
            eqx.nn.Dropout(0.2),
            eqx.nn.Linear(128, 10, key=c),
        ]
    )


def small():
    return eqx.nn.MLP(784, 10, 16, 1, key=jax.random.key(0))


def distilled(teacher, model, batch, key, temperature=2.0):
    x = pixels(batch["inputs"])
    logits, wise = jax.vmap(model)(x), jax.vmap(teacher)(x)
    log_p, q = jax.nn.log_softmax(logits / temperature), jax.nn.softmax(wise / temperature)
    rows = optax.losses.kl_divergence(log_p, q) * temperature**2
    return rows, {"accuracy": logits.argmax(axis=-1) == batch["labels"]}


teacher, top = fitted(by_labels(), large(jax.random.key(0)), epochs=8)
_, alone = fitted(by_labels(), small(), epochs=8)
taught_fn = eqx.Partial(distilled, eqx.nn.inference_mode(teacher))
_, taught = fitted(taught_fn, small(), epochs=8)
for name, row in {"teacher": top, "student alone": alone, "student, no labels": taught}.items():
    print(f"{name:18} {row['validation_accuracy']:.3f}")
if not FAST:
    assert top["validation_accuracy"] > 0.8 and taught["validation_accuracy"] > 0.65

# %% [markdown]
# ## 5. Fine-tuning


# %%
def convnet(key, n_out, widths):
    a, b, c, d = jax.random.split(key, 4)
    relu, pool = eqx.nn.Lambda(jax.nn.relu), eqx.nn.MaxPool2d(2, 2)
    first = [eqx.nn.Conv2d(1, widths[0], 3, padding=1, key=a), relu, pool]
    second = [eqx.nn.Conv2d(*widths, 3, padding=1, key=b), relu, pool]
    last = [eqx.nn.Lambda(jnp.ravel), eqx.nn.Linear(widths[1] * 49, 128, key=c), relu]
    return eqx.nn.Sequential(first + second + [*last, eqx.nn.Linear(128, n_out, key=d)])


class Whole(eqx.Module):
    body: eqx.nn.Sequential
    head: eqx.nn.Linear

    def __init__(self, key):
        a, b = jax.random.split(key)
        self.body = convnet(a, 64, (16, 32))
        self.head = eqx.nn.Linear(64, 5, key=b)

    def __call__(self, x, key=None):
        return self.head(jax.nn.relu(self.body(x)))


first, second = (data.select_classes(animals, animals.classes[i : i + 5]) for i in (0, 5))
few = second._replace(train={name: x[:20] for name, x in second.train.items()})
images = by_labels(lambda x: x.transpose(0, 3, 1, 2) / 255.0)
before, _ = fitted(images, Whole(jax.random.key(0)), first, epochs=4)
start = eqx.tree_at(lambda m: m.head, before, eqx.nn.Linear(64, 5, key=jax.random.key(7)))
learns = eqx.tree_at(
    lambda m: m.head,
    jax.tree.map(lambda _: False, start),
    jax.tree.map(eqx.is_inexact_array, start.head),
)
after, row = fitted(images, start, few, rate=1e-2, epochs=60, batch_size=20, learns=learns)
_, scratch = fitted(images, Whole(jax.random.key(0)), few, epochs=60, batch_size=20)
print(f"from the other animals {row['validation_accuracy']:.3f},"
      f" from nothing {scratch['validation_accuracy']:.3f}")  # fmt: skip
assert eqx.tree_equal(after.body, before.body)

# %% [markdown]
# ## 6. Contrastive learning


# %%
def info_nce(model, batch, key):
    shift = partial(data.random_crop, padding=4)
    keys = jax.random.split(jax.random.key(0) if key is None else key, 2)
    views = [pixels(shift(k, data.random_flip(k, batch["inputs"]))) for k in keys]
    a, b = (jax.vmap(model)(x) for x in views)
    a, b = (z / jnp.linalg.norm(z, axis=-1, keepdims=True) for z in (a, b))
    everyone, own = jnp.concatenate([a, b]), jnp.arange(len(a))
    similar = a @ everyone.T / 0.2
    itself = jax.nn.one_hot(own, len(everyone), dtype=bool)
    log_p = jax.nn.log_softmax(jnp.where(itself, -1e9, similar))
    partner = own + len(a)
    found = log_p.argmax(axis=-1) == partner
    return -jnp.take_along_axis(log_p, partner[:, None], axis=-1)[:, 0], {"found": found}


end, row = fitted(info_nce, eqx.nn.MLP(784, 64, 256, 1, key=jax.random.key(0)), epochs=6)
print(f"the partner is found among 255 in {row['found']:.0%} of all cases")
if not FAST:
    assert row["found"] > 0.5

# %% [markdown]
# ## 7. Text of different lengths

# %%
random = np.random.default_rng(0)
first_digit, lengths = random.integers(0, 10, 2000), random.integers(3, 13, 2000)
places = np.arange(13)
text = (first_digit[:, None] + places) % 10
labels = np.where(places[1:] < lengths[:, None], text[:, 1:], -100)
sentences = data.Dataset(train={"inputs": text[:, :-1].astype(np.int32),
                                "labels": labels.astype(np.int32)})  # fmt: skip


class Reader(eqx.Module):
    embedding: eqx.nn.Embedding
    cell: eqx.nn.GRUCell
    head: eqx.nn.Linear

    def __init__(self, key):
        a, b, c = jax.random.split(key, 3)
        self.embedding = eqx.nn.Embedding(10, 16, key=a)
        self.cell = eqx.nn.GRUCell(16, 32, key=b)
        self.head = eqx.nn.Linear(32, 10, key=c)

    def __call__(self, tokens):
        def step(h, x):
            h = self.cell(x, h)
            return h, self.head(h)

        return jax.lax.scan(step, jnp.zeros(32), jax.vmap(self.embedding)(tokens))[1]


def words(model, batch, key):
    logits, real = jax.vmap(model)(batch["inputs"]), batch["labels"] != -100
    targets = jnp.where(real, batch["labels"], 0)
    rows = optax.softmax_cross_entropy_with_integer_labels(logits, targets)
    accuracy = logits.argmax(axis=-1) == batch["labels"]
    return rows, {"accuracy": accuracy, "weight": real.astype(jnp.float32)}


end, row = fitted(words, Reader(jax.random.key(0)), sentences, epochs=4, rate=1e-2)
print(f"loss a word {row['loss']:.3f}, accuracy {row['accuracy']:.3f}")
measured = evaluate(words, end, sentences.train, batch_size=700)
logits = jax.nn.log_softmax(jax.vmap(end)(sentences.train["inputs"]))
real = labels != -100
by_hand = -np.take_along_axis(np.asarray(logits), np.maximum(labels, 0)[..., None], -1)[real].mean()
np.testing.assert_allclose(measured["loss"], by_hand, rtol=1e-4)

# %% [markdown]
# ## 8. Half precision


# %%
def half(params, static, batch):
    lower = lambda x: x.astype(jnp.bfloat16) if eqx.is_inexact_array(x) else x
    model = eqx.combine(jax.tree.map(lower, params), static)
    images = (batch["inputs"].transpose(0, 3, 1, 2) / 255.0).astype(jnp.bfloat16)
    logits = jax.vmap(model)(images).astype(jnp.float32)
    return optax.softmax_cross_entropy_with_integer_labels(logits, batch["labels"]).mean()


params, static = eqx.partition(convnet(jax.random.key(0), 10, (8, 16)), eqx.is_inexact_array)
batch = {name: x[:4] for name, x in animals.train.items()}
program = jax.make_jaxpr(jax.grad(half), static_argnums=1)(params, static, batch)
products = [
    line for line in str(program).splitlines() if "conv_general" in line or "dot_general" in line
]
kinds = [line.split(":")[1].split("[")[0] for line in products]
print(f"{kinds.count('bf16')} of {len(kinds)} products in bfloat16")
assert set(kinds) == {"bf16"}
