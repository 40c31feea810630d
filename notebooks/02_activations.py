# %% [markdown]
# # 2 · Activation functions
#
# *All of them with their derivatives; why sigmoids saturate and ReLUs die, what helps, and which
# one to choose when.*

# %% [markdown] tags=["objectives"]
# **After this lecture you can** say why a network needs activation functions that aren't linear and
# have a slope; write down the common ones with their derivatives; recognise saturation and dead
# units; and choose one for a given place.
#
# **You need** [the perceptron](01_perceptron.ipynb) and derivatives. **Next:** [the dense
# layer](03_dense_layer.ipynb), many neurons side by side.

# %% [markdown] tags=["item-37", "item-38", "item-39"]
# A perceptron's threshold jumps from 0 to 1. Its derivative is 0 on both sides, so a small change
# of a weight changes nothing, and gradient descent is blind. Nor does it suit **several classes**:
# of ten thresholds, two may say 1 or none, and nothing tells which class is *more* likely. A linear
# function has a slope, but adds nothing. Hence **three reasons** for functions that aren't linear:
#
# 1. They make complex mappings from inputs to outputs possible.
# 2. They have slopes that depend on the input, so backpropagation has something to pass on.
# 3. They make several layers worth while; linear ones collapse to a single layer.
#
# An **activation function** $a = f(z)$ is the threshold, bent into something with a slope. Without
# one, a stack of layers is a single layer in disguise ([notebook 5](05_deep_network.ipynb)); with
# one, it can draw any curve ([notebook 12](12_universal_approximation.ipynb)).
#
# What matters in training is less $f$ than its **derivative**, because backpropagation multiplies
# the error by $f'(z)$ in each layer. Where $f'$ is nearly 0, what lies below learns nothing. So
# each picture here shows two curves: the function (solid) and its derivative (dashed).

# %% tags=["setup"]
import functools
import os
import time

# Small programs: most of the time goes into compiling them, so XLA is asked for less of it.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=1")

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import optax
from jax.scipy.stats import norm

from jaxdl import activations, explain, layers, losses, plots, serial, train
from jaxdl.plots import BLUE, GREEN, GREY, ORANGE

FAST = "JAXDL_FAST" in os.environ  # smaller sizes, for the tests
jnp.set_printoptions(precision=4, suppress=True)

# %%
z = jnp.arange(-200, 201) / 50  # from -4 to 4


def slope(f):
    """The derivative of a function of one number, at many numbers at once."""
    return jax.vmap(jax.grad(f))


def values_of(functions, *inputs):
    """The values of many functions by one compiled program."""
    return jax.jit(lambda *inputs: {name: f(*inputs) for name, f in functions.items()})(*inputs)


# %% [markdown] tags=["item-37", "item-38", "item-39"]
# In numbers: the threshold's slope is 0, the line's is the same everywhere; ten thresholds give one
# answer only now and then; and two linear layers are one.

# %% tags=["item-37", "item-38", "item-39"]
step_function = lambda z: jnp.where(z >= 0, 1.0, 0.0)
slopes = values_of({"step": slope(step_function), "line": slope(lambda z: 3 * z)}, z)
assert (slopes["step"] == 0).all() and (slopes["line"] == 3).all()

ten_scores = jax.random.normal(jax.random.key(8), (1000, 10)) - 1
said = step_function(ten_scores).sum(axis=1)  # how many of ten classes say yes
print(f"exactly one of ten thresholds says yes for {(said == 1).mean():.0%} of 1000 inputs")
assert (said == 1).mean() < 0.5
assert jnp.allclose(jax.nn.softmax(ten_scores).sum(axis=1), 1, atol=1e-5)  # softmax always chooses

one, two = ten_scores[:5].reshape(2, 5, 5)  # two matrices of random numbers
vector = jnp.arange(5.0)
assert jnp.allclose(two @ (one @ vector), (two @ one) @ vector, atol=1e-4)

# %% [markdown] tags=["item-40"]
# ## The classics from scratch
# $$ \sigma(z) = \frac{1}{1 + e^{-z}}, \qquad \tanh z = \frac{e^z - e^{-z}}{e^z + e^{-z}},
#    \qquad \operatorname{relu}(z) = \max(0, z), $$
#
# with the derivatives that one should know by heart:
#
# $$ \sigma' = \sigma(1 - \sigma) \le \tfrac14, \qquad \tanh' = 1 - \tanh^2 \le 1, \qquad
#    \operatorname{relu}'(z) = \begin{cases} 1 & z > 0 \\ 0 & z \le 0. \end{cases} $$


# %% tags=["item-40"]
def sigmoid(z):
    return 1 / (1 + jnp.exp(-z))


def tanh(z):
    return (jnp.exp(z) - jnp.exp(-z)) / (jnp.exp(z) + jnp.exp(-z))


def relu(z):
    return jnp.where(z > 0, z, 0.0)  # jnp.maximum would have the slope 1/2 at 0


classics = {
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * (1 - sigmoid(z))),
    "tanh": (tanh, lambda z: 1 - tanh(z) ** 2),
    "relu": (relu, lambda z: jnp.where(z > 0, 1.0, 0.0)),
}

# %% tags=["picture", "plot"]
figure = plots.activations({name: f for name, (f, _) in classics.items()})
for axes in figure.axes:
    axes.set(xlabel="$z$", ylim=(-1.1, 2.1))
figure

# %% [markdown]
# ## The same with jaxdl
# `jaxdl.activations` has them all under PyTorch's names. Value and derivative agree with ours; the
# derivative is taken by `jax.grad`, so our formulas for $f'$ are checked too.

# %% tags=["item-40"]
library = {name: getattr(activations, name) for name in classics}
ours = values_of({name: f for name, (f, _) in classics.items()}, z)
our_slopes = values_of({name: derivative for name, (_, derivative) in classics.items()}, z)
theirs = values_of(library, z)
their_slopes = values_of({name: slope(f) for name, f in library.items()}, z)
for name in classics:
    assert jnp.allclose(theirs[name], ours[name], atol=1e-6)
    assert jnp.allclose(their_slopes[name], our_slopes[name], atol=1e-6)
    print(f"{name:8}", theirs[name][100:301:50])  # at -2, -1, 0, 1, 2

assert their_slopes["sigmoid"].max() == 0.25
assert their_slopes["relu"][200] == 0  # at z = 0

# %% [markdown]
# **In PyTorch** `F.sigmoid(torch.tensor([-2., -1., 0., 1., 2.]))` prints
# `tensor([0.1192, 0.2689, 0.5000, 0.7311, 0.8808])`, `F.tanh` prints
# `tensor([-0.9640, -0.7616, 0.0000, 0.7616, 0.9640])`, and the gradient of `F.relu` at 0 is 0.
# Here are more of its printed numbers, for the same five points:

# %%
points = jnp.array([-2.0, -1.0, 0.0, 1.0, 2.0])
pytorch = {
    "gelu": [-0.0455, -0.1587, 0.0000, 0.8413, 1.9545],
    "silu": [-0.2384, -0.2689, 0.0000, 0.7311, 1.7616],
    "elu": [-0.8647, -0.6321, 0.0000, 1.0000, 2.0000],
    "selu": [-1.5202, -1.1113, 0.0000, 1.0507, 2.1014],
    "softplus": [0.1269, 0.3133, 0.6931, 1.3133, 2.1269],
    "mish": [-0.2525, -0.3034, 0.0000, 0.8651, 1.9440],
    "leaky_relu": [-0.0200, -0.0100, 0.0000, 1.0000, 2.0000],
    "hardswish": [-0.3333, -0.3333, 0.0000, 0.6667, 1.6667],
}
computed = values_of({name: getattr(activations, name) for name in pytorch}, points)
for name, printed in pytorch.items():
    assert jnp.allclose(computed[name], jnp.array(printed), atol=6e-5), name

# %% [markdown] tags=["item-41"]
# **The sigmoid's other form.** $e^x / (e^x + 1)$ is the same on paper. In a computer it is nan from
# $x = 89$ on, where $e^x$ is too large for a float32 and inf / inf has no value:

# %% tags=["item-41"]
other_form = lambda x: jnp.exp(x) / (jnp.exp(x) + 1)
print("at 10, 80, 100:", [f"{other_form(x):.3f}" for x in (10.0, 80.0, 100.0)],
      "library:", f"{activations.sigmoid(100.0):.3f}")  # fmt: skip
assert jnp.isclose(other_form(10.0), activations.sigmoid(10.0)) and jnp.isnan(other_form(100.0))
assert activations.sigmoid(100.0) == 1

# %% [markdown] tags=["item-42"]
# **What they cost.** Sigmoid and tanh are called expensive, because of the exponential. Measured on
# this machine, on a million numbers, each with its derivative. The grey bar is for comparison: the
# product with a matrix that comes before the activation in a layer with 512 inputs, forward only.

# %% tags=["item-42"]
many = jax.random.normal(jax.random.key(0), (1024, 1024))
kernel = jax.random.normal(jax.random.key(1), (512, 1024))
rows = jax.random.normal(jax.random.key(2), (1024, 512))


def milliseconds(f, *inputs):
    """The fastest of 20 runs."""
    program, best = jax.jit(f), float("inf")
    jax.block_until_ready(program(*inputs))
    for _ in range(20):
        begin = time.perf_counter()
        jax.block_until_ready(program(*inputs))
        best = min(best, time.perf_counter() - begin)
    return 1000 * best


both_ways = lambda f: lambda x: jax.grad(lambda x: f(x).sum())(x)
cost = {name: milliseconds(both_ways(getattr(activations, name)), many)
        for name in ("relu", "leaky_relu", "sigmoid", "tanh", "gelu")}  # fmt: skip
cost["the product before it"] = milliseconds(lambda x, w: x @ w, rows, kernel)


def exponentials(f):
    """How many exponentials and the like the compiled program computes, by XLA's count."""
    costs = jax.jit(both_ways(f)).lower(many).compile().cost_analysis() or {}
    return int((costs[0] if isinstance(costs, list) else costs).get("transcendentals", 0))


counts = {name: exponentials(getattr(activations, name)) for name in ("relu", "sigmoid", "tanh")}
print("exponentials for a million numbers:", counts)
assert counts["relu"] == 0 and min(counts["sigmoid"], counts["tanh"]) >= many.size
assert cost["the product before it"] > max(cost["sigmoid"], cost["tanh"])

# %% tags=["item-42", "plot"]
figure, axes = plt.subplots(figsize=(9, 3))
for place, (name, value) in enumerate(reversed(cost.items())):
    axes.barh(place, value, color=GREY if name.startswith("the") else BLUE, height=0.6)
    axes.text(value + 0.1, place, f"{value:.1f}", va="center")
axes.set_yticks(range(len(cost)), reversed(cost))
axes.set(xlabel="milliseconds, for a million numbers of the layer")
axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown] tags=["item-42"]
# So it's true, and it hardly matters. Relu only compares; the others compute an exponential for
# every number, which takes up to a few times as long. But the product of matrices before them takes
# far longer than either. Saturation, further down, is the real price.

# %% [markdown] tags=["item-47"]
# ## All of them
# Every activation that works on one number at a time, solid, with its derivative, dashed; where one
# of them jumps, there is a gap.

# %% tags=["item-47", "plot"]
plots.activations()

# %% [markdown] tags=["item-47"]
# PyTorch's list of activations, each as a formula. The cell after it computes every one of them so
# and compares with the library.
#
# | activation | $f(x)$ |
# |---|---|
# | `relu` | $\max(0, x)$ |
# | `relu6` | $\min(\max(0, x), 6)$ |
# | `elu`, `celu` | $x$; left $e^x - 1$ |
# | `selu` | $1.0507\,x$; left $1.7581\,(e^x - 1)$ |
# | `leaky_relu` | $x$; left $0.01\,x$ |
# | `prelu`, `rrelu` | $x$; left $\alpha x$ |
# | `gelu` | $x\,\Phi(x)$ |
# | `silu` (Swish) | $x\,\sigma(x)$ |
# | `mish` | $x \tanh \ln(1 + e^x)$ |
# | `sigmoid` | $1/(1 + e^{-x})$ |
# | `tanh` | $(e^x - e^{-x})/(e^x + e^{-x})$ |
# | `softplus` | $\ln(1 + e^x)$ |
# | `softsign` | $x/(1 + \lvert x\rvert)$ |
# | `softshrink` | $x \mp ½$ outside $\pm ½$, else 0 |
# | `hardshrink` | $x$ outside $\pm ½$, else 0 |
# | `tanhshrink` | $x - \tanh x$ |
# | `threshold` | $x$ if $x > t$, else a value |
# | `hardtanh` | $x$ cut off at $\pm 1$ |
# | `hardsigmoid` | $x/6 + ½$ cut off at 0 and 1 |
# | `hardswish` | $x \cdot$ `hardsigmoid`$(x)$ |
# | `logsigmoid` | $-\ln(1 + e^{-x})$ |
# | `glu` | $a\,\sigma(b)$ of two halves |

# %% tags=["item-46", "item-47"]
left = lambda x, value: jnp.where(x > 0, x, value)
formulas = {
    "relu": lambda x: jnp.maximum(0, x),
    "relu6": lambda x: jnp.minimum(jnp.maximum(0, x), 6),
    "elu": lambda x: left(x, jnp.exp(x) - 1),
    "celu": lambda x: left(x, jnp.exp(x) - 1),
    "selu": lambda x: left(1.0507010 * x, 1.7580993 * (jnp.exp(x) - 1)),
    "leaky_relu": lambda x: left(x, 0.01 * x),
    "gelu": lambda x: x * norm.cdf(x),
    "silu": lambda x: x / (1 + jnp.exp(-x)),
    "mish": lambda x: x * jnp.tanh(jnp.log(1 + jnp.exp(x))),
    "sigmoid": lambda x: 1 / (1 + jnp.exp(-x)),
    "tanh": tanh,
    "softplus": lambda x: jnp.log(1 + jnp.exp(x)),
    "softsign": lambda x: x / (1 + jnp.abs(x)),
    "softshrink": lambda x: jnp.where(jnp.abs(x) > 0.5, x - 0.5 * jnp.sign(x), 0),
    "hardshrink": lambda x: jnp.where(jnp.abs(x) > 0.5, x, 0),
    "tanhshrink": lambda x: x - jnp.tanh(x),
    "hardtanh": lambda x: jnp.clip(x, -1, 1),
    "hardsigmoid": lambda x: jnp.clip(x / 6 + 0.5, 0, 1),
    "hardswish": lambda x: x * jnp.clip(x / 6 + 0.5, 0, 1),
    "logsigmoid": lambda x: -jnp.log(1 + jnp.exp(-x)),
}
computed = values_of({name: getattr(activations, name) for name in formulas}, z)
for name, value in values_of(formulas, z).items():
    assert jnp.allclose(computed[name], value, atol=2e-6), name
assert jnp.allclose(activations.prelu(z, jnp.array([0.3])), left(z, 0.3 * z))
assert jnp.allclose(activations.threshold(z, threshold=1.0, value=-2.0), jnp.where(z > 1, z, -2))
between = activations.rrelu(z, lower=0.1, upper=0.3)  # in use: the middle of its random slopes
assert jnp.allclose(between, left(z, 0.2 * z), atol=1e-6)

# %% [markdown]
# Not in the picture are those that need more than one number: `softmax` and its relatives
# (`log_softmax`, `softmin`, `sparsemax`, `gumbel_softmax`), which turn a row of scores into
# probabilities; the gated ones (`glu`, `swiglu`, `geglu`), which multiply one half of the features
# with a function of the other; `maxout`, which takes the largest of a group; `normalize`.

# %% tags=["item-46", "item-51"]
scores = jnp.array([1.0, 2.0, 3.0])
by_hand = jnp.exp(scores) / jnp.exp(scores).sum()
assert activations.maxout(jnp.array([1.0, 5.0, -2.0, -3.0]), pieces=2).tolist() == [5, -2]
print("softmax  ", activations.softmax(scores), "PyTorch prints [0.0900, 0.2447, 0.6652]")
print("sparsemax", activations.sparsemax(scores))
print("glu      ", activations.glu(jnp.array([1.0, 2.0, 0.0, 10.0])), "= [1·σ(0), 2·σ(10)]")
assert jnp.allclose(activations.softmax(scores), by_hand)
assert jnp.allclose(by_hand, jnp.array([0.0900, 0.2447, 0.6652]), atol=6e-5)

# %% [markdown] tags=["item-49", "item-50"]
# ## A mistake that travels from slide to slide: GELU
# The GELU (Hendrycks and Gimpel, 2016) multiplies its input with the probability that a standard
# normal variable $X$ is below it:
#
# $$ \operatorname{gelu}(x) = x \cdot P(X \le x) = x\,\Phi(x). $$
#
# Many slides have a **plus** there: $x + P(X \le x)$. That can't be right: it is 0.5 at 0 instead
# of 0, and far to the left it follows the line $x$ instead of falling asleep.

# %% tags=["item-49", "item-50", "plot"]
share, bell, below_one = jax.jit(lambda: (norm.cdf(z), norm.pdf(z), norm.cdf(1.0)))()
right, wrong = z * share, z + share
figure, (density, cdf, axes) = plt.subplots(1, 3, figsize=(11, 3.4))
density.plot(z, bell, color=GREY, lw=2)
density.fill_between(z, bell, where=z <= 1, color=BLUE, alpha=0.35)
density.set(title=f"the shaded area is {below_one:.1%}", xlabel="$x$", ylabel="density of $X$")
cdf.plot(z, share, color=BLUE, lw=3)
cdf.plot([1, 1, -4], [0, below_one, below_one], color=ORANGE, ls=":")
cdf.set(title="$Φ(x) = P(X ≤ x)$", xlabel="$x$")
axes.plot(z, right, color=BLUE, lw=3, label=r"$x \cdot P(X \leq x)$")
axes.plot(z, wrong, color=ORANGE, lw=2, ls="--", label=r"$x + P(X \leq x)$")
axes.axhline(0, color=GREY, lw=0.8)
axes.set(xlabel="$x$", title="times, not plus")
axes.legend(frameon=False)
plt.show()

# %% tags=["item-49", "item-50"]
below = (jax.random.normal(jax.random.key(3), (200_000,)) <= 1).mean()  # P(X ≤ 1) by counting
print(f"of 200,000 normal numbers, {below:.1%} are at most 1; Φ(1) = {below_one:.1%}")
assert abs(below - below_one) < 0.004
assert jnp.allclose(activations.gelu(z), right, atol=1e-6)
assert jnp.abs(activations.gelu(z) - wrong).max() > 3.9
assert wrong[200] == 0.5 and right[200] == 0  # at x = 0

# %% [markdown]
# PyTorch's `F.gelu([-2, -1, 0, 1, 2])` is `[-0.0455, -0.1587, 0.0000, 0.8413, 1.9545]`, as above:
# at 1 it is $P(X \le 1) = 0.8413$, and not 1.8413. There is also a fast approximation by tanh
# (`approximate="tanh"`), which differs by less than 0.0005.

# %%
difference = jnp.abs(activations.gelu(z, approximate="tanh") - activations.gelu(z)).max()
print(f"the approximation is off by at most {difference:.5f}")
assert 1e-5 < difference < 5e-4

# %% [markdown]
# ## Saturation
# Far from 0 a sigmoid is flat. PyTorch and we both find $\sigma'(10) = 0.000045$. In a deep network
# these factors multiply: even at its best, a sigmoid passes on a quarter of the error. Let's send
# an error through 20 layers of 64 units and measure how much of it arrives.


# %%
width = 64
kernels_of_20 = jax.random.normal(jax.random.key(0), (20, width, width))
signal = jax.random.normal(jax.random.key(1), (width,))


def arriving(activation, gain):
    """How much of a gradient arrives at a deep network's input, for weights of variance gain/n."""

    def network(x, kernels):
        step = lambda a, kernel: (activation(a @ kernel * jnp.sqrt(gain / width)), None)
        return jax.lax.scan(step, x, kernels)[0].sum()

    return lambda x, kernels: jnp.linalg.norm(jax.grad(network)(x, kernels))


networks = {
    "sigmoid": arriving(activations.sigmoid, 1.0),
    "tanh": arriving(activations.tanh, 1.0),
    "relu": arriving(activations.relu, 2.0),
    "silu": arriving(activations.silu, 2.0),
}
arrives = values_of(networks, signal, kernels_of_20)
for name, size in arrives.items():
    print(f"{name:8} {size:.1e}")
assert arrives["sigmoid"] < 1e-9
assert arrives["relu"] > 1e3 * arrives["sigmoid"]

# %% [markdown]
# With sigmoids practically nothing reaches the first layer: one of the reasons why deep networks
# were so hard to train for so long. With relu (and He's weights of variance $2/n$) it arrives in
# full.

# %% [markdown] tags=["item-43"]
# ## The dying ReLU
# A relu has another disease. If a unit's $z$ is negative for **every** example, its output is 0,
# its derivative is 0, its weights get no gradient, and it can never come back: it is dead. One step
# that is too large is enough. We train a small network once with a sensible learning rate and once
# with one a hundred times as large, and count the hidden units that are 0 for all examples.

# %% tags=["item-43"]
inputs = jax.random.normal(jax.random.key(2), (256, 8))
labels = jnp.sin(inputs.sum(axis=1, keepdims=True)) + 1
batch = {"inputs": inputs, "labels": labels}


RATES = (0.01, 1.0)


def trained(activation):
    """Trains 8-64-1 by gradient descent, with both rates in one program.

    Returns the network, its parameters for each rate, and its state.
    """
    net = serial(layers.dense(8, 64), activation, layers.dense(64, 1))
    loss_fn = train.supervised(net, losses.mse_loss)
    params, state = net.init(jax.random.key(3))
    gradient = jax.grad(lambda p: loss_fn(p, state, batch, key=None, train=True)[0])

    @jax.jit
    @jax.vmap
    def run(learning_rate):
        step = lambda p, _: (jax.tree.map(lambda p, g: p - learning_rate * g, p, gradient(p)), None)
        return jax.lax.scan(step, params, length=60)[0]

    ends = run(jnp.array(RATES))
    return net, [jax.tree.map(lambda p, i=i: p[i], ends) for i in range(len(RATES))], state


@functools.partial(jax.jit, static_argnums=0)
def dead_units(activation, params):
    """Which hidden units have no slope at any of the examples."""
    before = inputs @ params[0]["kernel"] + params[0]["bias"]
    return jnp.all(slope(activation)(before.ravel()).reshape(before.shape) == 0, axis=0)


cures = {
    "relu": activations.relu,
    "leaky_relu": activations.leaky_relu,
    "elu": activations.elu,
}
print("share of dead units, learning rate   0.01    1.0")
dead = {}
for name, f in cures.items():
    net, ends, state = trained(f)
    masks = [dead_units(f, params) for params in ends]
    # The same with jaxdl: it finds them in any network, layer by layer.
    found = [explain.dead_units(net, params, state, inputs)["1 dense(8, 64)"] for params in ends]
    assert all((ours == theirs).all() for ours, theirs in zip(masks, found, strict=True))
    dead[name] = [float(mask.mean()) for mask in masks]
    print(f"{name:35} {dead[name][0]:6.0%} {dead[name][1]:6.0%}")

# %% [markdown]
# The cures: a smaller learning rate, or an activation that has a slope to the left of 0 as well.
# Leaky relu keeps 1 % of it, elu bends smoothly. (With a rate that's far too large no
# activation makes a *good* network, but these can recover when the rate is lowered.)

# %% tags=["item-43"]
assert dead["relu"][0] < 0.1 < 0.5 < dead["relu"][1]
assert dead["leaky_relu"] == dead["elu"] == [0, 0]

# %% [markdown] tags=["item-44"]
# A slope of 1 % can't be seen beside relu, so the left picture has larger ones. The right picture
# shows the usual 0.01, for negative $x$ only and on a much finer scale.

# %% tags=["item-44", "plot"]
figure, (whole, near) = plt.subplots(1, 2, figsize=(10, 3.6))
for alpha, colour, dashes in (
    (0.0, GREY, "-"),
    (0.1, GREEN, "--"),
    (0.3, BLUE, "-."),
    (1.0, ORANGE, ":"),
):
    whole.plot(z, activations.leaky_relu(z, negative_slope=alpha), dashes, color=colour, lw=2.5,
               label=f"α = {alpha}")  # fmt: skip
whole.set(title="leaky relu: $x$, and $αx$ on the left", xlabel="$x$")
whole.legend(frameon=False)
on_left = z[z <= 0]
near.plot(on_left, activations.relu(on_left), color=GREY, lw=2.5, label="relu: 0")
near.plot(
    on_left, activations.leaky_relu(on_left), color=BLUE, lw=2.5, label="leaky relu, α = 0.01"
)
near.set(title="negative $x$, on a finer scale", xlabel="$x$", ylim=(-0.05, 0.05))
near.legend(frameon=False)
plt.show()

# %% tags=["item-44"]
assert jnp.allclose(activations.leaky_relu(z, negative_slope=0.3), jnp.where(z > 0, z, 0.3 * z))
assert jnp.isclose(slope(activations.leaky_relu)(jnp.array([-2.0]))[0], 0.01)

# %% [markdown] tags=["item-45"]
# ## PReLU learns its slope
# Why choose the slope at all? The *parametric* relu makes $\alpha$ a weight like the others: its
# gradient is $\partial f/\partial\alpha = x$ on the left, and 0 on the right. Can it find the right
# one? We let a network with $\alpha = 0.7$ make the labels, and train one of the same form that
# starts at 0.25, with all its other weights given.

# %% tags=["item-45"]
points_in = jax.random.normal(jax.random.key(4), (256, 4))
teacher = serial(layers.dense(4, 8), layers.prelu(), layers.dense(8, 1))
known, prelu_state = teacher.init(jax.random.key(5))
with_slope = lambda alpha: (known[0], {"slope": alpha}, known[2])
answers = teacher.apply(with_slope(jnp.array([0.7])), prelu_state, points_in)[0]


def prelu_loss(alpha):
    return losses.mse_loss(teacher.apply(with_slope(alpha), prelu_state, points_in)[0], answers)


@jax.jit
def learn_slope(alpha):
    step = lambda alpha, _: (alpha - 2.0 * jax.grad(prelu_loss)(alpha), alpha[0])
    return jax.lax.scan(step, alpha, length=200)[1]


slopes = learn_slope(jnp.array([0.25]))
print("slope after 0, 10, 50, 199 steps:", [f"{slopes[k]:.3f}" for k in (0, 10, 50, 199)])
assert slopes[0] == 0.25 and abs(slopes[-1] - 0.7) < 0.01

# %% tags=["item-45", "plot"]
figure, axes = plt.subplots(figsize=(9, 3.2))
axes.plot(slopes, color=BLUE, lw=3)
axes.axhline(0.7, color=ORANGE, ls="--", label="the slope that made the labels")
axes.set(xlabel="step", ylabel="α", title="PReLU learning its slope")
axes.legend(frameon=False)
plt.show()

# %% [markdown] tags=["item-52"]
# ## Forty layers: is the advice true?
# "Start with relu; for better results leaky relu; as a last resort PReLU and Maxout; Swish for
# really deep networks, 40 layers and more": so says one of the lectures. We test it: networks of 40
# layers of 32 units, without normalisation or residual connections, on two spirals; for each
# activation the weights are scaled so that the layers keep the size of what passes through. (With
# weights of one size for all, the test would be about the weights.) Three seeds each.


# %% tags=["item-46", "item-52"]
DEPTH, WIDTH, STEPS, SEEDS = (8, 16, 20, 3) if FAST else (40, 32, 200, 3)
angle, radius = jnp.linspace(0.6, 4.8, 100), jnp.linspace(0.3, 1.6, 100)
spiral_labels = jnp.arange(100) % 2
arms = jnp.where(spiral_labels == 0, 1.0, -1.0)[:, None] * radius[:, None]
arms = arms * jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=1)
seen, unseen = arms + 0.06 * jax.random.normal(jax.random.key(0), (2, 100, 2))
alone = lambda f: lambda z, alpha: f(z)  # most have no slope to learn
candidates = {
    "relu": alone(activations.relu),
    "leaky_relu": alone(activations.leaky_relu),
    "prelu": activations.prelu,  # learns a slope in each layer
    "elu": alone(activations.elu),
    "silu": alone(activations.silu),
    "maxout": alone(lambda z: activations.maxout(z, pieces=2)),
    "tanh": alone(activations.tanh),
    "sigmoid": alone(activations.sigmoid),
}


def beginning(name, drawn):
    """The weights of a deep network, which keep the mean square of what passes through."""
    pieces = 2 if name == "maxout" else 1  # only maxout needs two sums for each unit
    out = candidates[name](drawn[1:10].reshape(-1, 2)[:, :pieces], jnp.array([0.25]))
    layers = {
        "kernel": drawn[1:-1, :, : pieces * WIDTH] / jnp.sqrt(WIDTH * (out**2).mean()),
        "bias": jnp.zeros((DEPTH, pieces * WIDTH)),
        "slope": jnp.full((DEPTH, 1), 0.25),
    }
    return {"first": drawn[0, :2, :WIDTH], "layers": layers, "last": 0.1 * drawn[-1, :, :2]}


def outputs_of(networks, x):
    """What each of the networks answers; they go through their layers side by side."""

    def layer(a, own):
        z = {name: a[name] @ own[name]["kernel"] + own[name]["bias"] for name in a}
        return {name: candidates[name](z[name], own[name]["slope"]) for name in a}, None

    a = {name: x @ own["first"] for name, own in networks.items()}
    a, _ = jax.lax.scan(layer, a, {name: own["layers"] for name, own in networks.items()})
    return {name: a[name] @ own["last"] for name, own in networks.items()}


def deep_accuracies(drawn):
    """Trains a deep network for each activation; returns their accuracies on unseen points."""
    tx = optax.adam(optax.cosine_decay_schedule(1.5e-3, STEPS))
    loss = lambda networks: sum(
        losses.cross_entropy(own, spiral_labels) for own in outputs_of(networks, seen).values()
    )  # no network has a weight of another, so each learns as if it were alone

    def step(carry, _):
        networks, memory = carry
        updates, memory = tx.update(jax.grad(loss)(networks), memory)
        return (optax.apply_updates(networks, updates), memory), None

    start = {name: beginning(name, drawn) for name in candidates}
    (ends, _), _ = jax.lax.scan(step, (start, tx.init(start)), length=STEPS)
    right = lambda own: (own.argmax(axis=1) == spiral_labels).mean()
    return {name: right(own) for name, own in outputs_of(ends, unseen).items()}


drawn = jax.random.normal(jax.random.key(1), (SEEDS, DEPTH + 2, WIDTH, 2 * WIDTH))
found_at_depth = jax.jit(jax.vmap(deep_accuracies))(drawn)  # all 24 trainings are one program
at_depth = {name: found_at_depth[name] for name in candidates}
for name, values in at_depth.items():
    print(f"{name:10} {values.mean():6.1%} ± {values.std():.1%}")
if not FAST:
    assert all(at_depth[name].mean() > 0.95 for name in ("relu", "leaky_relu", "prelu", "silu"))
    best = max(values.mean() for values in at_depth.values())
    assert best - at_depth["relu"].mean() < 0.05  # Swish has no visible advantage here
    assert at_depth["sigmoid"].mean() < 0.7  # saturation: no better than guessing


# %% [markdown] tags=["item-52"]
# So the advice is half true. At forty layers relu, leaky relu, PReLU, Maxout and Swish (`silu`) all
# learn, and their differences are within what the seeds make: none needs to be a "last resort", and
# Swish has no visible lead. Only the sigmoid fails, as it stays at guessing. What decides is the
# size of the weights. With weights of the wrong size the picture is another one, as the section on
# saturation has shown, and with normalisation and residual connections the choice matters even
# less.

# %% [markdown] tags=["item-53"]
# **"Sigmoid is only used in the output of logistic regression"**, one of the lectures says. For
# hidden layers that is good advice. It overlooks the gates: in an LSTM
# ([notebook 14](14_recurrent.ipynb)) three of them are sigmoids, and so is one factor of `silu` and
# of `glu`:

# %% tags=["item-53"]
assert jnp.allclose(activations.silu(z), z * activations.sigmoid(z), atol=1e-6)
lstm = layers.lstm(2, 3)
weights, lstm_state = jax.jit(lstm.init)(jax.random.key(0))
first = jnp.ones((1, 1, 2))  # a sequence of one step, from an empty memory
(cell,) = weights
write, keep, content, show = jnp.split(first[0] @ cell["kernel"] + cell["bias"], 4, axis=1)
gated = sigmoid(show) * tanh(sigmoid(write) * tanh(content))
assert jnp.allclose(jax.jit(lstm.apply)(weights, lstm_state, first)[0][0], gated, atol=1e-6)

# %% [markdown] tags=["item-52"]
# ## Which one when?
# | where | take | why |
# |---|---|---|
# | hidden layers, to start with | `relu` | fast, doesn't saturate, with He's initialisation |
# | hidden layers where units die | `leaky_relu`, `elu` | a slope on both sides |
# | transformers | `gelu`, `swiglu` | smooth, a bit better in practice |
# | deep dense networks without normalisation | `selu` | with LeCun's weights keeps variance 1 |
# | phones | `hardswish`, `relu6` | no exponential, bounded |
# | gates of recurrent networks | `sigmoid`, `tanh` for the content | within (0, 1), (-1, 1) |
# | output: a number | `identity` | any value is possible |
# | output: yes or no | `sigmoid` (best inside the loss) | a probability |
# | output: one of K classes | `softmax` (best inside the loss) | probabilities that add up to 1 |
# | output: a positive number | `softplus` | smooth and positive |

# %% [markdown] tags=["recap"]
# ## In five lines
# * Without activations any depth is one layer; with thresholds nothing can be learned.
# * What counts in training is the derivative: it is multiplied in at every layer.
# * Sigmoid and tanh saturate; relu doesn't, but can die; leaky relu, elu and PReLU can't.
# * GELU is $x \cdot P(X \le x)$, times and not plus.
# * Hidden layers: relu to start with. Output: identity, sigmoid or softmax, by the task.

# %% [markdown] tags=["quiz"]
# ## Quiz
# 1. What is the largest value of $\sigma'$, and where?
# 2. How does a relu unit die, and why can it not come back?
# 3. Why is a step function unsuited for ten classes?
# 4. $e^x/(e^x + 1)$ and $1/(1 + e^{-x})$ are equal. Which of them would you program?
# 5. Which activation would you put on the output for a probability, for a temperature, for a count?
#
# <details><summary>Answers</summary>
#
# 1. A quarter, at 0.
# 2. Its $z$ becomes negative for every example; then its gradient is 0 and nothing moves it.
# 3. Several or none may say yes, and it gives no order among them.
# 4. The second; best is one that chooses by the sign of $x$, as the library does.
# 5. Sigmoid, identity, and softplus or an exponential.
#
# </details>

# %% [markdown] tags=["exercises"]
# ## Exercises

# %% [markdown]
# **1.** tanh and sigmoid are the same curve, stretched. Write tanh with `activations.sigmoid`.


# %% tags=["solution"]
def tanh_by_sigmoid(z):
    """The tanh of z."""
    return 2 * activations.sigmoid(2 * z) - 1


# %% tags=["check"]
assert jnp.allclose(activations.tanh(z), tanh_by_sigmoid(z), atol=1e-6)

# %% [markdown]
# **2.** The silu is $z\,\sigma(z)$. It is not monotone: where is its lowest point?

# %% tags=["solution"]
lowest = float(z[jnp.argmin(activations.silu(z))])

# %% tags=["check"]
assert abs(lowest + 1.28) < 0.03 and abs(activations.silu(lowest) + 0.2785) < 1e-3

# %% [markdown]
# **3.** Softmax of $z$ and of $z + 100$ are the same. Use that to write a softmax that doesn't fail
# at $(100, 200, 300)$, as the plain formula does.


# %% tags=["solution"]
def safe_softmax(scores):
    """Probabilities of the scores (K,)."""
    exponentials = jnp.exp(scores - scores.max())
    return exponentials / exponentials.sum()


# %% tags=["check"]
large = jnp.array([100.0, 200.0, 300.0])
assert jnp.isnan(jnp.exp(large) / jnp.exp(large).sum()).any()
assert jnp.allclose(safe_softmax(large), activations.softmax(large))

# %% [markdown]
# **4.** Softplus is $\ln(1 + e^z)$. Which of the classics is its derivative?

# %% tags=["solution"]
derivative_of_softplus = activations.sigmoid

# %% tags=["check"]
assert jnp.allclose(slope(activations.softplus)(z), derivative_of_softplus(z), atol=1e-6)
