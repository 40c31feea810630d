# %% [markdown]
# # 20 · Populations
#
# *A hundred networks trained at once, by vmap and by `jaxdl.sweep`: luck measured, learning rates
# searched, a committee formed.*

# %% [markdown] tags=["objectives"]
# **After this lecture you can** train a hundred networks in one program; say how much of a result
# is luck; search a learning rate so that others believe it; form a committee; and say when training
# many at once is faster, and when it isn't.
#
# **You need** [jit, grad, vmap and scan](18_jit_grad_vmap_scan.ipynb) and
# [training](24_training.ipynb). **Next:** losses and networks that don't come ready-made, [your own
# loss](21_your_own_loss.ipynb).

# %% [markdown]
# A single run of training tells little. Was it the idea, or was it the seed? An answer needs many
# runs, and small networks waste a machine: their matrices are too small to keep a large one busy,
# and each run pays for being started and compiled. If the whole state of training is one tree of
# arrays that goes into a pure step and comes out of it, a hundred runs are the same tree with one
# more axis in front:
#
# $$ (\theta_1, \dots, \theta_{100}) \;\mapsto\;
#    \big(\mathrm{step}(\theta_1), \dots, \mathrm{step}(\theta_{100})\big)
#    \;=\; \mathrm{vmap}(\mathrm{step})(\theta_{1\dots100}). $$
#
# One compilation, one program, matrix products a hundred times as large. And what differs from run
# to run may be more than the seed: any number, such as the learning rate, can have an axis of a
# hundred too.

# %% tags=["setup"]
import contextlib
import os
import sys
import time

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax

from jaxdl import data, losses, metrics, models, plots, sweep, train
from jaxdl.plots import BLUE, GREY, ORANGE

FAST = "JAXDL_FAST" in os.environ  # smaller sizes, for the tests
np.set_printoptions(precision=4, suppress=True)

# %% [markdown]
# ## From scratch: how much is XOR a matter of luck?
#
# Two relu neurons are enough for XOR: $\max(0, x_1 + x_2) - 2\max(0, x_1 + x_2 - 1)$. Whether
# gradient descent finds them depends on where it starts. How often does it? A function trains
# **one** network and says whether it solves XOR; `vmap` over keys makes it a hundred, and another
# one does so for each number of neurons. Within a `vmap` all arrays have the same shape, so each
# network gets sixteen neurons, and those that it shouldn't have get weights of zero: they're dead
# relus, without a gradient, and stay so.

# %%
corners = jnp.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
xor = jnp.array([0.0, 1, 1, 0])
solution = jax.nn.relu(corners.sum(1)) - 2 * jax.nn.relu(corners.sum(1) - 1)
assert jnp.array_equal(solution, xor)


def network(params, x):
    return jax.nn.relu(x @ params["W"] + params["b"]) @ params["v"] + params["c"]


MOST = 16


def train_one(key, n_hidden, rate=0.1, steps=2000):
    """Trains one network on XOR; its losses, and whether all four corners come out right."""
    one, two, three = jax.random.split(key, 3)
    uniform = lambda key, shape, n: jax.random.uniform(key, shape, minval=-1, maxval=1) / n**0.5
    there = jnp.arange(MOST) < n_hidden
    params = {
        "W": there * uniform(one, (2, MOST), 2),
        "b": there * uniform(two, (MOST,), 2),
        "v": there * uniform(three, (MOST,), n_hidden),
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
sizes = (1, 2, 16) if FAST else (1, 2, 3, 4, 8, 16)
population = jax.jit(jax.vmap(jax.vmap(train_one, in_axes=(0, None)), in_axes=(None, 0)))
losses_of_all, solved = population(keys, jnp.array(sizes))  # (sizes, networks, steps), …
curves, shares = dict(zip(sizes, losses_of_all, strict=True)), {}
for n_hidden, share in zip(sizes, solved.mean(axis=1).tolist(), strict=True):
    shares[n_hidden] = share
    print(f"{n_hidden:2} neurons: {share * MANY:3.0f} of {MANY} networks have learned XOR")

assert shares[1] == 0  # no single relu neuron can
assert shares[2] < 1 <= shares[16] + 0.02  # two can, and often don't; sixteen always do
alone, _ = jax.jit(train_one)(keys[5], 2)
assert jnp.allclose(curves[2][5], alone, atol=1e-4)  # a member is what it would be alone

# %% tags=["plot"]
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
# With two neurons, most runs end on a plateau: a neuron died or both found the same half of the
# problem, and the gradient has nothing to say any more. With more neurons than needed, some pair of
# them starts well. Being wider than necessary is, above all, insurance.
#
# ## A hundred classifiers, from scratch
#
# Ten kinds of animals, in pictures of 7×7 pixels, each the mean of sixteen: a small task for small
# networks. Twenty learning rates, and five seeds for each of them. Again **one** training is
# written down, with plain gradient descent through the batches in their order; two `vmap`s make it
# a hundred, the inner one over first weights, the outer one over rates.

# %%
animals = data.load("animals")
BATCH, SEEDS = 64, 5
ROWS, EPOCHS = (1280, 1) if FAST else (6400, 6)
RATES = np.geomspace(1e-3, 10.0, 20)


def small(part):
    """Pictures of 7×7 pixels, as rows."""
    squares = part["inputs"].reshape(-1, 7, 4, 7, 4) / np.float32(255)
    return {"inputs": squares.mean(axis=(2, 4)).reshape(-1, 49), "labels": part["labels"]}


animals = animals._replace(
    train={name: a[:ROWS] for name, a in small(animals.train).items()},
    validation=small(animals.validation),
    test=small(animals.test),
)
batches = [
    jnp.asarray(animals.train[name]).reshape(ROWS // BATCH, BATCH, *shape)
    for name, shape in (("inputs", (49,)), ("labels", ()))
]


def scores(params, x):
    hidden, _, out = params
    a = jax.nn.relu(x @ hidden["kernel"] + hidden["bias"])
    return a @ out["kernel"] + out["bias"]


def cross_entropy(params, x, labels):
    log_p = jax.nn.log_softmax(scores(params, x))
    return -jnp.take_along_axis(log_p, labels[:, None], axis=1).mean()


def train_classifier(params, rate):
    """Trains one; its weights in the end, and its losses, shape (EPOCHS, steps)."""

    def step(params, batch):
        value, grads = jax.value_and_grad(cross_entropy)(params, *batch)
        return jax.tree.map(lambda p, g: p - rate * g, params, grads), value

    epoch = lambda params, _: jax.lax.scan(step, params, batches)
    return jax.lax.scan(epoch, params, length=EPOCHS)


# jaxdl draws the first weights of each seed, so that we can compare with it below.
net = models.mlp((49, 32, 10))
first = lambda seed: train.init_state(net, optax.sgd(0.0), jax.random.key(seed)).params
starts = jax.jit(jax.vmap(first))(jnp.arange(SEEDS))
rates = jnp.asarray(RATES, jnp.float32)
hundred = jax.vmap(jax.vmap(train_classifier, in_axes=(0, None)), in_axes=(None, 0))
together = jax.jit(hundred).lower(starts, rates).compile()
begin = time.perf_counter()
ends, curves = jax.block_until_ready(together(starts, rates))
seconds_together = time.perf_counter() - begin
print("losses:", curves.shape, "  first kernels:", ends[0]["kernel"].shape)

# %% [markdown]
# A member must be what it would be alone. And what does a hundred cost, against a hundred times
# one?

# %%
single = jax.jit(train_classifier)
alone = jax.tree.map(lambda p: p[2], starts), rates[7]
jax.block_until_ready(single(*alone))
begin = time.perf_counter()
end, curve = jax.block_until_ready(single(*alone))
seconds_alone = time.perf_counter() - begin
assert jnp.allclose(curve, curves[7, 2], atol=1e-3)
assert jnp.allclose(end[0]["kernel"], ends[0]["kernel"][7, 2], atol=1e-3)
print(f"one network: {seconds_alone:.2f} s   a hundred at once: {seconds_together:.2f} s,")
print(f"that's {seconds_together / seconds_alone:.0f} times as long for 100 times the work")

# %% [markdown]
# So on a CPU, which a single network keeps busy already, the computation itself gains little; what
# is gained is that it was compiled once, not a hundred times. Of larger networks don't expect even
# this: a hundred times their parameters no longer fit into a processor's cache, and each step reads
# and writes them all. A GPU is another matter, since a single small network leaves most of it idle;
# this page was made on a CPU and can't show that.
#
# ## The same with jaxdl
#
# `jaxdl.sweep` does this for any network, loss and optimizer of the library. What trains one member
# is a `Run`; a function makes it of the numbers that differ from member to member, and `sweep.run`
# trains all of them in one program. It also measures every member after each epoch, and a member
# whose loss explodes harms no other.


# %%
def make_run(learning_rate):
    return sweep.Run(net, loss_fn, optax.sgd(learning_rate))


loss_fn = train.supervised(net, losses.cross_entropy, metrics={"accuracy": metrics.accuracy})
grid = {"learning_rate": RATES}
options: dict = {"batch_size": BATCH, "shuffle": False, "hooks": ()}
with contextlib.redirect_stderr(sys.stdout):  # where it says what it is about to train
    result = sweep.run(make_run, animals, epochs=EPOCHS, seeds=SEEDS, grid=grid, **options)
print("member 37:", {name: f"{value:.3g}" for name, value in result.members[37].items()})

# %% [markdown]
# Losses and weights are ours. (Beyond a rate of one the loss jumps about, and the last digits of
# two ways to add up numbers decide where to: there one can't compare.)

# %%
calm = np.repeat(RATES < 1, SEEDS)
by_epoch = np.asarray(curves.mean(axis=-1)).reshape(100, EPOCHS)
assert np.allclose(result.history["loss"][calm], by_epoch[calm], rtol=2e-3)
weights = sweep.state(result, 37).params
for ours, theirs in zip(jax.tree.leaves(end), jax.tree.leaves(weights), strict=True):
    assert jnp.allclose(ours, theirs, atol=1e-3)

# %% [markdown]
# ## What a hundred tell
#
# A row of the table is a learning rate, with mean and standard error over its five seeds, at the
# epoch that was best for it.

# %%
print(sweep.format_table(sweep.table(result)[::3], metrics=("loss", "validation_accuracy")))
best = sweep.best(result, "accuracy")
print(f"the best is {best['learning_rate']:.2g}")

# %% [markdown]
# In the picture, from left to right the learning rate, and for each rate its five seeds. One run at
# one rate would be one of these dots.

# %% tags=["picture", "plot"]
accuracy = result.history["validation_accuracy"][:, -1].reshape(20, SEEDS)
at_best = best["members"][0] // SEEDS
figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.6))
for i in range(20):
    colour = ORANGE if i == at_best else BLUE
    left.plot([RATES[i]] * SEEDS, accuracy[i], "o", color=colour, alpha=0.7)
left.plot(RATES, accuracy.mean(1), color=GREY, lw=2)
left.set(
    xscale="log",
    xlabel="learning rate",
    ylabel="validation accuracy",
    title="100 networks: 20 rates × 5 seeds",
)
for i, colour in ((4, BLUE), (at_best, ORANGE), (19, GREY)):
    members = np.asarray(curves[i]).reshape(SEEDS, -1)
    smooth = np.stack([np.convolve(m, np.ones(10) / 10, "valid") for m in members])
    label = f"rate {RATES[i]:.2g}" + (", the best" if i == at_best else "")
    right.plot(smooth.mean(0), color=colour, lw=2.5, label=label)
    right.fill_between(
        np.arange(smooth.shape[1]), smooth.min(0), smooth.max(0), color=colour, alpha=0.2
    )
right.set(
    xlabel="step", ylabel="training loss", ylim=(0.5, 4), title="Mean and range over five seeds"
)
right.legend(frameon=False)
for axes in (left, right):
    axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
spread = accuracy[at_best].max() - accuracy[at_best].min()
print(
    f"best rate {RATES[at_best]:.2g}: accuracy {accuracy[at_best].mean():.3f}, "
    f"from seed to seed {spread:.3f} apart"
)
if not FAST:
    assert 0.03 < RATES[at_best] < 2
    assert accuracy[at_best].mean() > accuracy[0].mean() + 0.2
    assert accuracy[at_best].mean() > accuracy[19].mean() + 0.2

# %% [markdown]
# Two lessons. The rate matters more than anything else here; and between the seeds of one rate lies
# more than many a paper's improvement: **report several seeds**. `plots.population` draws such
# curves with their standard errors, of the best eight:

# %%
plots.population(result, "accuracy")

# %% [markdown]
# ## A committee
#
# The members are there anyway: let them vote. For any one picture, let $p_m$ be the probability
# that member $m$ gives to the right class. Since $-\log$ is convex, Jensen's inequality says of the
# committee's mean probability
#
# $$ -\log\Big(\tfrac1M \sum_m p_m\Big) \;\le\; \tfrac1M \sum_m -\log p_m : $$
#
# **a committee's loss is never worse than its members' mean.** Its accuracy usually is better as
# well. First from scratch, then by `sweep.ensemble`:

# %%
near = np.arange(20)[np.abs(np.arange(20) - at_best) <= 2]
chosen = np.concatenate([np.arange(SEEDS) + SEEDS * i for i in near])  # the five best rates
committee = sweep.states(result, chosen.tolist())
test, truth = animals.test["inputs"], animals.test["labels"]
of_all = jax.jit(jax.vmap(scores, in_axes=(0, None)))
probabilities = jax.nn.softmax(of_all(committee.params, test))
vote = probabilities.mean(axis=0)

prediction = sweep.ensemble(net, committee)(test)
assert np.allclose(prediction.probabilities, vote, atol=1e-5)
measured = sweep.evaluate_ensemble(prediction, truth)
for who, start in (("members:  ", "member_"), ("committee:", "")):
    loss, right = (measured[start + name] for name in ("negative_log_likelihood", "accuracy"))
    print(f"{who} loss {loss:.3f}, accuracy {right:.3f}")
print(f"a member disagrees with the committee on {measured['disagreement']:.1%} of the pictures")
assert np.isclose(measured["accuracy"], (vote.argmax(-1) == truth).mean())
assert measured["negative_log_likelihood"] <= measured["member_negative_log_likelihood"]
if not FAST:
    assert measured["accuracy"] > measured["member_accuracy"]

# %% [markdown] tags=["recap"]
# ## In five lines
# * One training written down, one `vmap` more: a hundred networks are the same tree with an axis
#   more.
# * A member is what it would be alone; only the program is shared.
# * Whether two neurons learn XOR is luck; spare neurons are spare chances.
# * A result is a mean and a spread over seeds; of one seed it's an anecdote.
# * A committee's loss is never worse than its members' mean.

# %% [markdown] tags=["quiz"]
# ## Quiz
# 1. Why does each network with two neurons get sixteen, and why do fourteen of them stay out of it?
# 2. Two methods, one seed each: 0.71 and 0.72. What do you know?
# 3. On a CPU a hundred networks at once gained little over one after the other. What was gained?
# 4. Why is a committee's loss at most its members' mean loss?
# 5. What may differ between members of a population, besides the seed?
#
# <details><summary>Answers</summary>
#
# 1. Within a `vmap` all arrays have one shape; relus with weights 0 are dead, without a gradient.
# 2. Next to nothing, unless you know the spread over seeds.
# 3. It was compiled once; and a GPU that one small network leaves idle would have had work.
# 4. $-\log$ is convex: Jensen's inequality, for any one picture.
# 5. Any number that is an argument of the training: learning rate, momentum, weight decay.
#
# </details>

# %% [markdown] tags=["exercises"]
# ## Exercises

# %% [markdown]
# **1.** How does a committee's test accuracy grow with its size? Write the mean accuracy of twenty
# committees of `size` members, drawn from the 25 above. (`said` has their probabilities.)

# %%
said = np.asarray(probabilities)  # (members, pictures, classes)


# %% tags=["solution"]
def committees(size):
    """Most is gained by the first few."""
    draws = [np.random.default_rng(i).permutation(len(said))[:size] for i in range(20)]
    votes = [said[drawn].mean(axis=0).argmax(axis=-1) for drawn in draws]
    return np.mean([(vote == truth).mean() for vote in votes])


# %% tags=["check"]
by_size = {size: committees(size) for size in (1, 5, 25)}
print({size: f"{value:.3f}" for size, value in by_size.items()})
assert np.isclose(by_size[25], measured["accuracy"])
assert np.isclose(by_size[1], measured["member_accuracy"], atol=0.02)
assert FAST or by_size[5] > by_size[1]

# %% [markdown]
# **2.** Momentum for each member: three optimizers' states in one, with the momenta 0, 0.5 and 0.9
# and the same rate for all. `optax.inject_hyperparams` makes numbers of an optimizer part of its
# state.

# %% tags=["solution"]
heavy = optax.inject_hyperparams(optax.sgd)(learning_rate=0.05, momentum=0.0)
states = jax.vmap(lambda m: heavy.init({"W": jnp.ones(2)}))(jnp.zeros(3))
states.hyperparams["momentum"] = jnp.array([0.0, 0.5, 0.9])

# %% tags=["check"]
weights, gradient = {"W": jnp.ones((3, 2))}, {"W": jnp.ones((3, 2))}
update, members = jax.jit(jax.vmap(heavy.update)), states
for _ in range(50):  # with a constant gradient steps grow by 1 / (1 - momentum)
    updates, members = update(gradient, members, weights)
assert jnp.allclose(updates["W"][:, 0], -0.05 / (1 - jnp.array([0.0, 0.5, 0.9])), rtol=0.01)

# %% [markdown]
# **3.** *Successive halving*: 64 networks with random rates learn XOR for some steps, the better
# half goes on, and so on. `many_steps` trains a population for some steps and gives its losses.
# Write the halving. With less than a third of the steps it should find a network that has learned.


# %%
def xor_step(params, rate):
    grads = jax.grad(lambda p: jnp.mean((network(p, corners) - xor) ** 2))(params)
    return jax.tree.map(lambda p, g: p - rate * g, params, grads)


@jax.jit
def many_steps(params, rates, steps):
    one = lambda p, r: jax.lax.fori_loop(0, steps, lambda _, p: xor_step(p, r), p)
    params = jax.vmap(one)(params, rates)
    return params, jax.vmap(lambda p: jnp.mean((network(p, corners) - xor) ** 2))(params)


def fresh(key):
    one, two = jax.random.split(key)
    start = {"W": jax.random.normal(one, (2, 4)), "b": jnp.zeros(4)}
    return start | {"v": jax.random.normal(two, (4,)), "c": jnp.zeros(())}


crowd = jax.vmap(fresh)(jax.random.split(jax.random.key(3), 64))
crowd_rates = 10 ** jax.random.uniform(jax.random.key(4), (64,), minval=-3, maxval=0)


# %% tags=["solution"]
def halving(params, rates, rounds):
    """The losses of those that are left, and how many steps were spent."""
    spent = 0
    for steps in rounds:
        params, values = many_steps(params, rates, steps)
        spent += steps * len(rates)
        keep = jnp.argsort(jnp.nan_to_num(values, nan=jnp.inf))[: len(rates) // 2]
        params, rates = jax.tree.map(lambda a, keep=keep: a[keep], (params, rates))
    return values, spent


# %% tags=["check"]
values, spent = halving(crowd, crowd_rates, (50, 300) if FAST else (50, 100, 200, 400))
_, to_the_end = many_steps(crowd, crowd_rates, 750)
print(
    f"halving: loss {jnp.nanmin(values):.1e} after {spent} steps; "
    f"all: {jnp.nanmin(to_the_end):.1e} after {64 * 750}"
)
assert spent < 64 * 750 / 3 and jnp.nanmin(values) < 1e-3

# %% [markdown]
# `sweep.halve` does the same for any network: eight rates for an epoch, the better four for
# another, the best two for two more.

# %%
points = sweep.random(jax.random.key(5), 8, {"learning_rate": sweep.log_uniform(1e-3, 10.0)})
if not FAST:
    with contextlib.redirect_stderr(sys.stdout):
        halves = sweep.halve(
            make_run, animals, epochs=4, metric="accuracy", points=points, **options
        )
    left = [member["learning_rate"] for member in halves[-1].members]
    print("left of", len(points["learning_rate"]), "rates:", [f"{rate:.2g}" for rate in left])
    assert len(left) == 2 and set(left) < set(points["learning_rate"])
    assert halves[-1].history["validation_accuracy"][:, -1].max() > accuracy[at_best].mean() - 0.1
