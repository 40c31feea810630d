# %% [markdown]
# # 20 · Populations
#
# *A hundred networks trained at once by vmap: luck measured, learning rates searched, a committee
# formed.*
#
# A single run of training tells little. Was it the idea, or was it the seed? An answer needs many
# runs, and small networks waste a machine: their matrices are too small to keep it busy, and each
# run pays for being started and compiled. If the whole state of training is one tree of arrays that
# goes into a pure step and comes out of it, a hundred runs are the same tree with one more axis in
# front:
#
# $$ (\theta_1, \dots, \theta_{100}) \;\mapsto\;
#    \big(\mathrm{step}(\theta_1), \dots, \mathrm{step}(\theta_{100})\big)
#    \;=\; \mathrm{vmap}(\mathrm{step})(\theta_{1\dots100}). $$
#
# One compilation, one program, matrix products a hundred times as large. And what differs from run
# to run may be more than the seed: any number, such as the learning rate, can have an axis of a
# hundred too.

# %%
import os
import time

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax

from jaxdl import data, layers, losses, metrics, models, serial, train
from jaxdl.plots import BLUE, GREY, ORANGE

FAST = "JAXDL_FAST" in os.environ  # smaller sizes, for the tests
plt.rcParams.update({"figure.dpi": 90, "font.size": 12, "figure.constrained_layout.use": True})

# %% [markdown]
# ## From scratch: how much is XOR a matter of luck?
#
# Two relu neurons are enough for XOR: $\max(0, x_1 + x_2) - 2\max(0, x_1 + x_2 - 1)$. Whether
# gradient descent finds them depends on where it starts. How often does it? A function trains
# **one** network and says whether it solves XOR; `vmap` over keys makes it a hundred, for each
# number of neurons.

# %%
corners = jnp.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
xor = jnp.array([0.0, 1, 1, 0])
solution = jax.nn.relu(corners.sum(1)) - 2 * jax.nn.relu(corners.sum(1) - 1)
assert jnp.array_equal(solution, xor)


def network(params, x):
    return jax.nn.relu(x @ params["W"] + params["b"]) @ params["v"] + params["c"]


def train_one(key, n_hidden, rate=0.1, steps=2000):
    """Trains one network on XOR; its losses, and whether all four corners come out right."""
    one, two, three = jax.random.split(key, 3)
    uniform = lambda key, shape, n: jax.random.uniform(key, shape, minval=-1, maxval=1) / n**0.5
    params = {
        "W": uniform(one, (2, n_hidden), 2),
        "b": uniform(two, (n_hidden,), 2),
        "v": uniform(three, (n_hidden,), n_hidden),
        "c": jnp.zeros(()),
    }
    loss = lambda p: jnp.mean((network(p, corners) - xor) ** 2)

    def step(params, _):
        value, grads = jax.value_and_grad(loss)(params)
        return jax.tree.map(lambda p, g: p - rate * g, params, grads), value

    params, curve = jax.lax.scan(step, params, length=steps)
    return curve, jnp.all((network(params, corners) > 0.5) == (xor == 1))


MANY = 20 if FAST else 100
keys = jax.random.split(jax.random.key(0), MANY)
shares, curves = {}, {}
for n_hidden in (1, 2, 16) if FAST else (1, 2, 3, 4, 8, 16):
    population = jax.jit(jax.vmap(lambda key, n=n_hidden: train_one(key, n)))
    curves[n_hidden], solved = population(keys)
    shares[n_hidden] = float(solved.mean())
    print(f"{n_hidden:2} neurons: {int(solved.sum()):3} of {MANY} networks have learned XOR")

assert shares[1] == 0  # no single relu neuron can
assert shares[2] < 1 <= shares[16] + 0.02  # two can, and often don't; sixteen always do
alone, _ = jax.jit(lambda key: train_one(key, 2))(keys[5])
assert jnp.allclose(curves[2][5], alone, atol=1e-4)  # a member is what it would be alone

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.4))
left.plot(curves[2][:100].T, color=BLUE, alpha=0.25, lw=1)
left.set(
    xlabel="step",
    ylabel="loss",
    yscale="log",
    ylim=(1e-6, 1),
    title="A hundred networks with two hidden neurons",
)
right.bar([str(n) for n in shares], [100 * s for s in shares.values()], color=BLUE)
for i, share in enumerate(shares.values()):
    right.annotate(
        f"{100 * share:.0f} %", (i, 100 * share), (0, 3), textcoords="offset points", ha="center"
    )
right.set(
    xlabel="hidden neurons",
    ylabel="networks that learn XOR, %",
    ylim=(0, 112),
    title="Spare neurons are spare chances",
)
for axes in (left, right):
    axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
# With two neurons, some runs end on a plateau: a neuron died or both found the same half of the
# problem, and the gradient has nothing to say any more. With more neurons than needed, some pair of
# them starts well. Being wider than necessary is, above all, insurance.
#
# ## The same with jaxdl: a hundred classifiers
#
# `train.init_state` makes a TrainState from a key, so `vmap` of it over keys makes a hundred;
# `make_step` gives a pure step, so `vmap` of it trains them. Batches are shared (`in_axes=(0,
# None)`). Each member has its own learning rate too: `optax.inject_hyperparams` moves it into the
# optimizer's state, where it is an array.

# %%
animals = data.load("animals")
# Small pictures, 7×7, for small networks: each pixel is the mean of sixteen.
net = serial(
    layers.rescale(1 / 255), layers.avg_pool((4, 4)), layers.flatten(), models.mlp((49, 32, 10))
)
loss_fn = train.supervised(net, losses.cross_entropy, metrics={"accuracy": metrics.accuracy})
tx = optax.inject_hyperparams(optax.sgd)(learning_rate=0.0)
SIZE, SEEDS = 64, 5
RATES = np.geomspace(1e-3, 10.0, 20)
STEPS = 20 if FAST else 600


def member(key, rate):
    """A TrainState with its own parameters and its own learning rate."""
    state = train.init_state(net, tx, key)
    state.opt_state.hyperparams["learning_rate"] = jnp.asarray(rate, jnp.float32)
    return state


grid_rates = jnp.repeat(jnp.asarray(RATES, jnp.float32), SEEDS)  # 20 rates × 5 seeds
grid_keys = jnp.tile(jax.random.split(jax.random.key(1), SEEDS), 20)
population = jax.vmap(member)(grid_keys, grid_rates)
print(
    "members:", population.step.shape[0], "  first kernel:", population.params[3][0]["kernel"].shape
)

order = jax.random.permutation(jax.random.key(2), len(animals.train["labels"]))
rows = jnp.resize(order, (STEPS, SIZE))  # again from the start where the data ends
inputs, labels = jnp.asarray(animals.train["inputs"]), jnp.asarray(animals.train["labels"])


def run(train_state):
    """All steps of one member, in one scan."""
    step = train.make_step(loss_fn, tx)

    def one(train_state, i):
        train_state, sums = step(train_state, {"inputs": inputs[i], "labels": labels[i]})
        return train_state, sums["loss"].total / sums["loss"].count

    return jax.lax.scan(one, train_state, rows)


together = jax.jit(jax.vmap(run)).lower(population).compile()
begin = time.perf_counter()
after, losses_of_all = jax.block_until_ready(together(population))
seconds_together = time.perf_counter() - begin
print(losses_of_all.shape, "losses")

# %% [markdown]
# A member must be what it would be alone. And what does a hundred cost, against a hundred times
# one?

# %%
single = jax.jit(run)
who = 37
one_state = member(grid_keys[who], grid_rates[who])
jax.block_until_ready(single(one_state))
begin = time.perf_counter()
one_after, one_losses = jax.block_until_ready(single(one_state))
seconds_alone = time.perf_counter() - begin
assert jnp.allclose(one_losses, losses_of_all[who], atol=1e-3)
ours, theirs = jax.tree.leaves(one_after.params), jax.tree.leaves(after.params)
assert all(jnp.allclose(a, b[who], atol=1e-3) for a, b in zip(ours, theirs, strict=True))
print(f"one network: {seconds_alone:.2f} s   a hundred at once: {seconds_together:.2f} s,")
print(f"that's {seconds_together / seconds_alone:.0f} times as long for 100 times the work")

# %% [markdown]
# And it was compiled once, not a hundred times. Don't expect as much of larger networks: a hundred
# times their parameters no longer fit into a processor's cache, and each step reads and writes them
# all. On a GPU, where a single small network leaves nearly everything idle, the gain is far larger.
#
# ## What a hundred tell
#
# From left to right the learning rate, and for each rate five seeds. One run at one rate would be
# one of these dots.

# %%
evaluate = jax.jit(
    jax.vmap(
        lambda ts: loss_fn(
            ts.params,
            ts.state,
            {k: jnp.asarray(v) for k, v in animals.validation.items()},
            key=None,
            train=False,
        )
    )
)
_, (_, sums) = evaluate(after)
accuracy = np.asarray(sums["accuracy"].total / sums["accuracy"].count).reshape(20, SEEDS)
best = int(accuracy.mean(1).argmax())

# %% tags=["picture"]
figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.6))
for i in range(20):
    left.plot([RATES[i]] * SEEDS, accuracy[i], "o", color=ORANGE if i == best else BLUE, alpha=0.7)
left.plot(RATES, accuracy.mean(1), color=GREY, lw=2)
left.set(
    xscale="log",
    xlabel="learning rate",
    ylabel="validation accuracy",
    title="100 networks: 20 rates × 5 seeds",
)
for i, colour in ((4, BLUE), (best, ORANGE), (19, GREY)):
    members = np.asarray(losses_of_all).reshape(20, SEEDS, -1)[i]
    smooth = np.stack([np.convolve(m, np.ones(10) / 10, "valid") for m in members])
    label = f"rate {RATES[i]:.2g}" + (", the best" if i == best else "")
    right.plot(smooth.mean(0), color=colour, lw=2.5, label=label)
    right.fill_between(
        np.arange(smooth.shape[1]), smooth.min(0), smooth.max(0), color=colour, alpha=0.2
    )
right.set(
    xlabel="step", ylabel="training loss", yscale="log", title="Mean and range over five seeds"
)
right.legend(frameon=False)
for axes in (left, right):
    axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
spread = accuracy[best].max() - accuracy[best].min()
print(
    f"best rate {RATES[best]:.2g}: accuracy {accuracy[best].mean():.3f}, "
    f"from seed to seed {spread:.3f} apart"
)
if not FAST:
    assert 0.03 < RATES[best] < 2
    assert (
        accuracy[best].mean() > accuracy[0].mean() + 0.2
        and accuracy[best].mean() > accuracy[19].mean() + 0.2
    )

# %% [markdown]
# Two lessons. The rate matters more than anything else here; and between the seeds of one rate lies
# more than many a paper's improvement: **report several seeds**.
#
# ## A committee
#
# The members are there anyway: let them vote. For any one picture, let $p_m$ be the probability
# that member $m$ gives to the right class. Since $-\log$ is convex, Jensen's inequality says of the
# committee's mean probability
#
# $$ -\log\Big(\tfrac1M \sum_m p_m\Big) \;\le\; \tfrac1M \sum_m -\log p_m : $$
#
# **a committee's loss is never worse than its members' mean.** Its accuracy usually is better as
# well.

# %%
near = np.arange(20)[np.abs(np.arange(20) - best) <= 2]
chosen = np.concatenate([np.arange(SEEDS) + SEEDS * i for i in near])  # the five best rates
members = jax.tree.map(lambda a: a[chosen], after)
test = jnp.asarray(animals.test["inputs"])
truth = jnp.asarray(animals.test["labels"])
logits = jax.vmap(lambda ts: net.apply(ts.params, ts.state, test)[0])(members)
probabilities = jax.nn.softmax(logits)
vote = probabilities.mean(axis=0)
right_class = lambda p: jnp.take_along_axis(p, truth[..., None], axis=-1)[..., 0]
member_loss = -jnp.log(jax.vmap(right_class)(probabilities)).mean(axis=1)
committee_loss = -jnp.log(right_class(vote)).mean()
member_accuracy = (logits.argmax(-1) == truth).mean(axis=1)
committee_accuracy = (vote.argmax(-1) == truth).mean()
print(
    f"members:   loss {member_loss.mean():.3f}, accuracy {member_accuracy.mean():.3f} "
    f"(best {member_accuracy.max():.3f})"
)
print(f"committee: loss {committee_loss:.3f}, accuracy {committee_accuracy:.3f}")
assert committee_loss <= member_loss.mean()
if not FAST:
    assert committee_accuracy > member_accuracy.mean()

# %% [markdown]
# ## Exercises
#
# 1. How does the committee's test accuracy grow with its size? Draw committees of 1, 2, 5, 10 and
#    25 members.
# 2. Momentum for each member: give the population a second hyperparameter, with the same rate for
#    all.
# 3. *Successive halving*: train 64 networks with random rates on XOR for 50 steps, keep the better
#    half, go on for 100 steps, and so on, until four are left. Is the best as good as the best of
#    training all to the end?
#
# ### Solutions

# %%
# 1. Most is gained by the first few.
sizes = (1, 2, 5, 10, 25)
mean_accuracy = []
for size in sizes:
    draws = [jax.random.permutation(jax.random.key(i), len(chosen))[:size] for i in range(20)]
    mean_accuracy.append(
        np.mean([(probabilities[d].mean(0).argmax(-1) == truth).mean() for d in draws])
    )
    print(f"{size:2} members: {mean_accuracy[-1]:.3f}")
if not FAST:
    assert mean_accuracy[-1] > mean_accuracy[0] and mean_accuracy[2] > mean_accuracy[0]

# 2. Both are arguments of optax.sgd, so both can be injected.
heavy = optax.inject_hyperparams(optax.sgd)(learning_rate=0.05, momentum=0.0)
states = jax.vmap(lambda m: heavy.init({"W": jnp.ones(2)}))(jnp.zeros(3))
states.hyperparams["momentum"] = jnp.array([0.0, 0.5, 0.9])
weights, gradient = {"W": jnp.ones((3, 2))}, {"W": jnp.ones((3, 2))}
for _ in range(50):  # with a constant gradient steps grow by 1 / (1 - momentum)
    updates, states = jax.vmap(heavy.update)(gradient, states, weights)
assert jnp.allclose(updates["W"][:, 0], -0.05 / (1 - jnp.array([0.0, 0.5, 0.9])), rtol=0.01)


# 3. A TrainState with an axis can be indexed: keep the members that are best so far.
def xor_step(params, rate):
    grads = jax.grad(lambda p: jnp.mean((network(p, corners) - xor) ** 2))(params)
    return jax.tree.map(lambda p, g: p - rate * g, params, grads)


def many_steps(params, rates, steps):
    one = lambda p, r: jax.lax.scan(lambda p, _: (xor_step(p, r), None), p, length=steps)[0]
    params = jax.vmap(one)(params, rates)
    return params, jax.vmap(lambda p: jnp.mean((network(p, corners) - xor) ** 2))(params)


def fresh(key):
    one, two = jax.random.split(key)
    start = {"W": jax.random.normal(one, (2, 4)), "b": jnp.zeros(4)}
    return start | {"v": jax.random.normal(two, (4,)), "c": jnp.zeros(())}


params = jax.vmap(fresh)(jax.random.split(jax.random.key(3), 64))
rates = 10 ** jax.random.uniform(jax.random.key(4), (64,), minval=-3, maxval=0)
_, to_the_end = many_steps(params, rates, 750)
spent, survivors, their_rates = 0, params, rates
for steps in (50, 100, 200, 400):
    survivors, values = many_steps(survivors, their_rates, steps)
    values = jnp.nan_to_num(values, nan=jnp.inf)
    spent += steps * len(their_rates)
    keep = jnp.argsort(values)[: len(their_rates) // 2]
    survivors, their_rates = (
        jax.tree.map(lambda a, keep=keep: a[keep], survivors),
        their_rates[keep],
    )
print(
    f"halving: loss {values.min():.1e} after {spent} steps; "
    f"all: {jnp.nanmin(to_the_end):.1e} after {64 * 750}"
)
assert spent < 64 * 750 / 3 and values.min() < 1e-3
