# %% [markdown]
# # 19 · Many devices
#
# *One training step on eight devices with pmap, shard_map and jit: the same numbers, and the
# traps.*

# %% [markdown] tags=["objectives"]
# **After this lecture you can** run one training step on eight devices in three ways; say what the
# devices tell each other, and when; recognise three mistakes that raise no error; and cut a model
# that doesn't fit on one device.
#
# **You need** [jit, grad, vmap and scan](18_jit_grad_vmap_scan.ipynb). **Next:** many networks on
# one device, [populations](20_populations.ipynb).

# %% [markdown]
# A gradient of a mean loss is a mean of gradients. So a batch may be cut into eight parts, each of
# eight devices computes the gradient on its own part, and they average:
#
# $$ \nabla L \;=\; \frac1N\sum_{i=1}^{N} \nabla \ell_i \;=\; \frac18\sum_{d=1}^{8}
#    \Big(\frac{8}{N}\sum_{i \in \text{part } d} \nabla \ell_i\Big). $$
#
# Parameters lie on each device as a copy. Since all start alike and take the same averaged step,
# the copies stay alike. This is **data parallelism**, and the only moment at which devices talk is
# the average, an *all-reduce*. JAX writes it in three ways: `pmap` (the old one: a program a
# device), `shard_map` (the same, on a mesh of named axes), and plain `jit` with arrays that lie
# split (the compiler finds out what has to be sent). You don't need eight devices to try: a CPU can
# pretend to be eight. That has to be said before JAX starts.

# %% tags=["setup"]
import os

os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=8")
# On a machine with few cores jax 0.10 would wait forever for threads: two for each fake device.
os.environ.setdefault("PJRT_NPROC", "16")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import functools

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from matplotlib.patches import FancyBboxPatch

from jaxdl import data, layers, losses, metrics, models, parallel, serial, train

FAST = "JAXDL_FAST" in os.environ  # smaller sizes, for the tests
np.set_printoptions(precision=4, suppress=True)
DEVICES = jax.devices()[:8]
assert len(DEVICES) == 8, "JAX had started before: restart the kernel"

# %%
print(DEVICES)

# %% tags=["picture", "plot"]
figure, axes = plt.subplots(figsize=(11, 5))
colours = plt.cm.viridis(np.linspace(0.15, 0.9, 8))


def box(x, y, width, height, colour, text, size=12):
    axes.add_patch(
        FancyBboxPatch(
            (x, y), width, height, boxstyle="round,pad=0.03", fc=colour, ec="black", lw=0.8
        )
    )
    axes.text(x + width / 2, y + height / 2, text, ha="center", va="center", fontsize=size)


arrow = {"arrowstyle": "-|>", "color": "#555555", "lw": 1.3}
box(0.1, 4.15, 7.7, 0.5, "#eeeeee", "one batch of 128 rows", 15)
for d in range(8):
    x = d + 0.1
    box(x, 3.1, 0.7, 0.5, (*colours[d][:3], 0.5), "16 rows")
    box(x, 1.9, 0.7, 0.75, (*colours[d][:3], 0.5), f"device {d}\n∇ of its\nrows", 11)
    box(x, -0.2, 0.7, 0.5, "#eeeeee", "θ − η∇L")
    for top, bottom in ((4.12, 3.65), (3.07, 2.7), (1.87, 1.52), (0.78, 0.35)):
        axes.annotate("", (x + 0.35, bottom), (x + 0.35, top), arrowprops=arrow)
box(0.1, 0.85, 7.7, 0.6, "#F6C3A0", "all-reduce: everyone gets the mean, ∇L", 15)
axes.set(
    xlim=(0, 7.9),
    ylim=(-0.4, 4.8),
    title="Data parallelism: cut the rows, average the gradients, step alike",
)
axes.axis("off")
plt.show()

# %% [markdown]
# ## How devices talk
#
# Inside `pmap` or `shard_map` a function sees one device's part, and the name of the axis of
# devices. Four sentences of the language they speak, the *collectives*, with the numbers 0 to 7,
# one for each device:

# %%
numbers = jnp.arange(8.0)


def speak(x):
    return {
        "psum": jax.lax.psum(x, "devices"),
        "pmean": jax.lax.pmean(x, "devices"),
        "all_gather": jax.lax.all_gather(x, "devices"),
        "ppermute": jax.lax.ppermute(x, "devices", [(d, (d + 1) % 8) for d in range(8)]),
        "axis_index": jax.lax.axis_index("devices"),
    }


said = jax.pmap(speak, axis_name="devices", devices=DEVICES)(numbers)
for name, value in said.items():
    print(f"{name:11}", np.asarray(value[3]), "  on device 3")
assert (said["psum"] == 28).all() and (said["pmean"] == 3.5).all()
assert jnp.array_equal(said["ppermute"], jnp.roll(numbers, 1))
assert said["all_gather"].shape == (8, 8) and said["axis_index"].tolist() == list(range(8))

# %% [markdown]
# ## From scratch: the same step, four times
#
# A small network, one batch of 128 rows, gradient descent. First on one device; that is what the
# others have to give.

# %%
animals = data.load("animals")
x = jnp.asarray(animals.train["inputs"][:128], jnp.float32).reshape(128, -1) / 255
y = jnp.asarray(animals.train["labels"][:128])


def init(key, sizes=(784, 64, 10)):
    keys = jax.random.split(key, len(sizes) - 1)
    return [
        {"W": jax.random.normal(k, (n, m)) / n**0.5, "b": jnp.zeros(m)}
        for k, n, m in zip(keys, sizes[:-1], sizes[1:], strict=True)
    ]


def loss(params, x, y):
    *hidden, last = params
    for p in hidden:
        x = jax.nn.relu(x @ p["W"] + p["b"])
    rows = -jax.nn.log_softmax(x @ last["W"] + last["b"])
    return jnp.take_along_axis(rows, y[:, None], axis=1).mean()


descend = lambda params, grads: jax.tree.map(lambda p, g: p - 0.1 * g, params, grads)
step = lambda params, x, y: descend(params, jax.grad(loss)(params, x, y))

params = init(jax.random.key(0))
one_device = jax.jit(step)(params, x, y)


def furthest(a, b):
    """The largest difference between two trees of arrays."""
    apart = jax.tree.map(lambda p, q: np.abs(np.asarray(p) - np.asarray(q)).max(), a, b)
    return float(max(jax.tree.leaves(apart)))


# %% [markdown]
# **pmap.** The batch gets an axis of devices in front; the parameters are copied to all
# (`in_axes=None`), and the result, alike everywhere, comes back once (`out_axes=None`). One line is
# new: `pmean`.


# %%
def step_here(params, x, y):
    grads = jax.lax.pmean(jax.grad(loss)(params, x, y), "data")
    return descend(params, grads)


by_pmap = jax.pmap(
    step_here, axis_name="data", in_axes=(None, 0, 0), out_axes=None, devices=DEVICES
)
parts = lambda a: a.reshape(8, -1, *a.shape[1:])
result = by_pmap(params, parts(x), parts(y))
print(f"pmap differs by {furthest(result, one_device):.1e}")
assert furthest(result, one_device) < 1e-6

# %% [markdown]
# **shard_map.** A *mesh* gives the devices an axis with a name; *specs* say which axis of which
# array is cut along it: `P("data")` cuts the first, `P()` nothing. The body is that of pmap.

# %%
P = PartitionSpec
mesh = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Auto,), devices=DEVICES)
by_shard_map = jax.jit(
    jax.shard_map(
        step_here, mesh=mesh, in_specs=(P(), P("data"), P("data")), out_specs=P(), check_vma=False
    )
)
result = by_shard_map(params, x, y)
print(f"shard_map differs by {furthest(result, one_device):.1e}")
assert furthest(result, one_device) < 1e-6

# %% [markdown]
# **jit.** Nothing in the function changes: it's the step for one device. Only the arrays lie split
# over the mesh, and the compiler puts the all-reduce where it's needed.

# %%
split, whole = NamedSharding(mesh, P("data")), NamedSharding(mesh, P())
spread = jax.device_put(params, whole), jax.device_put(x, split), jax.device_put(y, split)
compiled = jax.jit(step, out_shardings=whole).lower(*spread).compile()
result = compiled(*spread)
print(f"jit differs by {furthest(result, one_device):.1e}")
program = compiled.as_text() or ""
print("all-reduces in the compiled program:", program.count(" all-reduce("))
assert furthest(result, one_device) < 1e-6
assert "all-reduce" in program
for shard in spread[1].addressable_shards[:2]:
    print(shard.device, "has rows", shard.index[0])

# %% [markdown]
# ## Three traps, measured
#
# **Trap 1: `shard_map` checks more than you may want.** Its default, `check_vma=True`, knows that
# the parameters are alike on all devices, and that the gradient of something alike needs a sum over
# devices. So `grad` has summed already; the `pmean` after it averages eight equal sums, and the
# gradient is eight times too large. No error, no warning: it just trains with eight times the rate.
# With the check on, average the **loss** inside of what is differentiated.


# %%
def with_check(body):
    specs = (P(), P("data"), P("data"))
    return jax.jit(jax.shard_map(body, mesh=mesh, in_specs=specs, out_specs=P()))


average_gradients = lambda p, x, y: jax.lax.pmean(jax.grad(loss)(p, x, y), "data")
average_loss = lambda p, x, y: jax.grad(lambda p: jax.lax.pmean(loss(p, x, y), "data"))(p)

right = jax.grad(loss)(params, x, y)[0]["W"]
wrong = with_check(average_gradients)(params, x, y)[0]["W"]
cured = with_check(average_loss)(params, x, y)[0]["W"]
ratio = jnp.linalg.norm(wrong) / jnp.linalg.norm(right)
print(f"length of the gradient over the right one: {ratio:.3f}")
assert jnp.allclose(ratio, 8, rtol=1e-4)
assert jnp.allclose(cured, right, atol=1e-7)

# %% [markdown]
# **Trap 2: a mean of means isn't the mean.** 100 rows don't divide by 8. Pad to 104, and give the
# four rows that don't exist weight 0. The last device then has 9 real rows, the others 13;
# averaging their means counts the last one's rows too much. Sum up loss and weight apart, and
# divide in the end.

# %%
padded = lambda a: jnp.pad(a[:100], [(0, 4)] + [(0, 0)] * (a.ndim - 1))
weight = (jnp.arange(104) < 100).astype(jnp.float32)


def row_losses(params, x, y):
    return jax.vmap(lambda x, y: loss(params, x[None], y[None]))(x, y)


def mean_of_means(params, x, y, w):
    here = jnp.sum(row_losses(params, x, y) * w) / jnp.sum(w)
    return jax.lax.pmean(here, "data")


def mean_of_all(params, x, y, w):
    total, count = jax.lax.psum((jnp.sum(row_losses(params, x, y) * w), jnp.sum(w)), "data")
    return total / count


def on_devices(f):
    mapped = jax.pmap(f, axis_name="data", in_axes=(None, 0, 0, 0), out_axes=None, devices=DEVICES)
    return mapped(params, parts(padded(x)), parts(padded(y)), parts(weight))


truth = loss(params, x[:100], y[:100])
print(f"truth {truth:.5f}, from sums {on_devices(mean_of_all):.5f}, "
      f"mean of means {on_devices(mean_of_means):.5f}")  # fmt: skip
assert jnp.allclose(on_devices(mean_of_all), truth, atol=1e-6)
assert abs(on_devices(mean_of_means) - truth) > 1e-4

# %% [markdown]
# **Trap 3: random numbers.** With one key on all devices, all drop the same units: eight times the
# same dropout mask. Under pmap and shard_map, fold the device's number into the key. Under jit
# there's nothing to do; it draws what a single device would.

# %%
draw = lambda key: jax.random.bernoulli(key, 0.5, (6,))
keys = jnp.stack([jax.random.key(0)] * 8)  # the same for each device
fold = lambda key: jax.random.fold_in(key, jax.lax.axis_index("data"))
masks = {
    name: jax.pmap(lambda key, of=of: draw(of(key)), axis_name="data", devices=DEVICES)(keys)
    for name, of in {"one key": lambda key: key, "own keys": fold}.items()
}
print(np.asarray(masks["own keys"][:3]).astype(int))
assert (
    len(np.unique(masks["one key"], axis=0)) == 1 and len(np.unique(masks["own keys"], axis=0)) > 1
)

under_jit = jax.jit(lambda key: jax.random.bernoulli(key, 0.5, (128, 4)), out_shardings=split)
assert jnp.array_equal(
    under_jit(jax.random.key(0)), jax.random.bernoulli(jax.random.key(0), 0.5, (128, 4))
)

# %% [markdown]
# ## The same with jaxdl
#
# The three ways are three runners of one step. `make_step(…, axis_name="data")` says that the step
# averages over that axis; padding, weights and keys are taken care of: trap 2's batch of 100 rows
# is one call.

# %%
net = serial(layers.rescale(1.0), models.mlp((784, 64, 10)))
tx = optax.sgd(0.1)
loss_fn = train.supervised(net, losses.cross_entropy, metrics={"accuracy": metrics.accuracy})
start = train.init_state(net, tx, jax.random.key(0))
batch = {"inputs": x[:100], "labels": y[:100]}

jaxdl_mesh = parallel.data_mesh(8)
talking = train.make_step(loss_fn, tx, axis_name="data")
runners = {
    "pmap": parallel.pmap_step(talking, devices=8),
    "shard_map": parallel.shard_map_step(talking, jaxdl_mesh),
    "jit": parallel.jit_step(train.make_step(loss_fn, tx), jaxdl_mesh),
}
for name, run in runners.items():
    rows = {k: v[:96] for k, v in batch.items()} if name == "jit" else batch
    expected = jax.jit(train.make_step(loss_fn, tx))(start, rows)[0]
    after, sums = run(parallel.replicate(start, jaxdl_mesh), rows)
    apart = furthest(after.params, expected.params)
    print(f"{name:10} rows {int(sums['loss'].count):4}   differs by {apart:.1e}")
    assert apart < 1e-6
    parallel.assert_replicas_equal(after.params)

# %% [markdown]
# And the from-scratch step gives what jaxdl's gives, from the same parameters:

# %%
same_start = [{"W": p["kernel"], "b": p["bias"]} for p in start.params[1] if p]
by_hand = by_pmap(same_start, parts(x[:96]), parts(y[:96]))
after, _ = runners["pmap"](start, {"inputs": x[:96], "labels": y[:96]})
ours = [{"W": p["kernel"], "b": p["bias"]} for p in after.params[1] if p]
assert furthest(by_hand, ours) < 1e-6

# %% [markdown]
# Whole runs take one more word: `train.fit(…, devices=parallel.Placement("shard_map"))`. Two epochs
# on eight devices under each engine; 1,000 rows are seven batches of 128 and one of 104:

# %%
small = animals._replace(train={k: v[:1000] for k, v in animals.train.items()})
classifier = serial(layers.rescale(1 / 255), layers.flatten(axes=3), models.mlp((784, 64, 10)))
class_loss = train.supervised(classifier, losses.cross_entropy)
class_start = train.init_state(classifier, tx, jax.random.key(0))
histories = {}
for engine in ("jit", "shard_map") if FAST else ("jit", "pmap", "shard_map"):
    _, histories[engine] = train.fit(
        class_loss,
        tx,
        class_start,
        small,
        epochs=2,
        batch_size=128,
        hooks=(),
        devices=parallel.Placement(engine),
    )
    print(f"{engine:10}", [f"{row['validation_loss']:.6f}" for row in histories[engine]])
ends = [rows[-1]["validation_loss"] for rows in histories.values()]
assert max(ends) - min(ends) < 1e-5

# %% [markdown]
# ## When the model is too large for one device
#
# Data parallelism keeps a whole copy of parameters and optimizer state on each device. Adam's state
# is twice the parameters, so a model of $n$ numbers takes $3n$, times eight. **Fully sharded**
# training cuts these arrays too; each device keeps an eighth and gathers a layer when it computes
# with it. With jit it's a rule on how arrays lie; not one line of the step changes.

# %%
big, adam = models.mlp((784, 1024, 1024, 10)), optax.adam(1e-3)
big_loss = train.supervised(big, losses.cross_entropy)
big_start = train.init_state(big, adam, jax.random.key(0))
rows = {"inputs": x, "labels": y}


def bytes_on(device, tree):
    shards = [s for a in jax.tree.leaves(tree) for s in a.addressable_shards if s.device == device]
    return sum(s.data.nbytes for s in shards)


taken = {}
for name, rule in {
    "a copy each": None,
    "fully sharded": parallel.fully_sharded(jaxdl_mesh),
}.items():
    run = parallel.jit_step(train.make_step(big_loss, adam), jaxdl_mesh, rule=rule)
    after, _ = run(parallel.replicate(big_start, jaxdl_mesh), rows)
    expected, _ = jax.jit(train.make_step(big_loss, adam))(big_start, rows)
    assert furthest(after.params, expected.params) < 1e-4
    taken[name] = bytes_on(DEVICES[0], (after.params, after.opt_state)) / 1e6
    print(f"{name:14} {taken[name]:6.2f} MB on each device")
assert taken["fully sharded"] < taken["a copy each"] / 7.5

# %% [markdown] tags=["recap"]
# ## In five lines
# * A mean's gradient is a mean of gradients: cut the rows, average the gradients, step alike.
# * `pmap` and `shard_map` see one device's part and talk by collectives; `jit` finds out by itself.
# * `shard_map` with its check sums gradients already: average the loss inside, not the gradient
#   after.
# * A mean of means isn't the mean: add up sums and counts apart, and divide in the end.
# * What doesn't fit on one device is cut, too: parameters and Adam's state, an eighth on each.

# %% [markdown] tags=["quiz"]
# ## Quiz
# 1. Which collective does data parallelism need, and on what?
# 2. Eight devices, 16 rows each. As large as what batch on one device is the step?
# 3. The gradient is eight times too large, and no error is raised. What happened?
# 4. All devices got the same key. What is wrong with their dropout?
# 5. Adam, 1 GB of parameters, eight devices: how much does each hold, as copies, and fully sharded?
#
# <details><summary>Answers</summary>
#
# 1. An all-reduce, `pmean`, of the gradients; once in each step.
# 2. 128 rows: the numbers are the same.
# 3. `shard_map` with `check_vma=True` had summed already, and `pmean` averaged equal sums.
# 4. All drop the same units of their parts: eight times one mask in place of eight.
# 5. 3 GB as copies: parameters and two means; 0.375 GB fully sharded.
#
# </details>

# %% [markdown] tags=["exercises"]
# ## Exercises

# %% [markdown]
# **1.** Write `pmean` with `psum` only.

# %%
everywhere = functools.partial(jax.pmap, axis_name="data", devices=DEVICES)


# %% tags=["solution"]
def mean_over_devices(x):
    """The number of devices is the sum of ones."""
    return jax.lax.psum(x, "data") / jax.lax.psum(1, "data")


# %% tags=["check"]
assert (everywhere(mean_over_devices)(numbers) == 3.5).all()

# %% [markdown]
# **2.** **Ring all-reduce.** Add up the devices' numbers with `ppermute` alone: each passes on to
# its neighbour what it has received last, seven times.


# %% tags=["solution"]
def ring(x):
    """After seven passes everyone has seen all numbers once."""
    neighbours = [(d, (d + 1) % 8) for d in range(8)]
    total = passed = x
    for _ in range(7):
        passed = jax.lax.ppermute(passed, "data", neighbours)
        total = total + passed
    return total


# %% tags=["check"]
assert (everywhere(ring)(numbers) == 28).all()

# %% [markdown]
# **3.** Batch normalisation on eight devices, without scale and shift: mean and variance of the
# *whole* batch, and $\epsilon = 10^{-5}$.


# %% tags=["solution"]
def normalised(x):
    """E[x²] − E[x]², both averaged over devices with parts of the same size."""
    mean = jax.lax.pmean(x.mean(0), "data")
    variance = jax.lax.pmean((x**2).mean(0), "data") - mean**2
    return (x - mean) / jnp.sqrt(variance + 1e-5)


# %% tags=["check"]
rows_of_five = 3 + 2 * jax.random.normal(jax.random.key(1), (64, 5))
expected = (rows_of_five - rows_of_five.mean(0)) / jnp.sqrt(rows_of_five.var(0) + 1e-5)
got = everywhere(normalised)(parts(rows_of_five)).reshape(64, 5)
assert jnp.allclose(got, expected, atol=1e-4)

# %% [markdown]
# **4.** A device sends $2\,\tfrac{D-1}{D}\,n$ numbers in a good all-reduce of $n$ numbers over $D$
# devices. How many bytes is that for the network above (784-64-10, float32), as a function of
# $D$? (How does it grow?)


# %% tags=["solution"]
def bytes_sent(devices):
    """About 356 kB a step with 8 devices, and never more than 407 kB with any number."""
    n = 784 * 64 + 64 + 64 * 10 + 10
    return 4 * 2 * (devices - 1) / devices * n


# %% tags=["check"]
assert round(bytes_sent(8)) == 356_230 and 407_000 < bytes_sent(10_000) < 8 * 50_890
