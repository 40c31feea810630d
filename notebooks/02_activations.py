# %% [markdown]
# # 2 · Activation functions
#
# *All of them with their derivatives; why sigmoids saturate and ReLUs die, what helps, and which
# one to choose when.*
#
# A perceptron's threshold jumps from 0 to 1. Its derivative is 0 on both sides, so a small change
# of a weight changes nothing, and gradient descent is blind. The cure is to bend the jump into
# something with a slope: an **activation function** $a = f(z)$. Without one, a stack of layers is a
# single layer in disguise ([notebook 5](05_deep_network.ipynb)); with one, it can draw any curve
# ([notebook 12](12_universal_approximation.ipynb)).
#
# What matters in training is less $f$ than its **derivative**, because backpropagation multiplies
# the error by $f'(z)$ once a layer. Where $f'$ is nearly 0, what lies below learns nothing. So each
# picture here shows two curves: the function (solid) and its derivative (dashed).

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
from jax.scipy.stats import norm

from jaxdl import activations, explain, layers, losses, plots, serial, train
from jaxdl.plots import BLUE, GREY, ORANGE

plt.rcParams.update({"figure.dpi": 90, "font.size": 12, "figure.constrained_layout.use": True})
z = jnp.arange(-200, 201) / 50  # from -4 to 4


def slope(f):
    """The derivative of a function of one number, at many numbers at once."""
    return jax.vmap(jax.grad(f))


# %% [markdown]
# ## The classics from scratch
# $$ \sigma(z) = \frac{1}{1 + e^{-z}}, \qquad \tanh z = \frac{e^z - e^{-z}}{e^z + e^{-z}},
#    \qquad \operatorname{relu}(z) = \max(0, z), $$
#
# with the derivatives that one should know by heart:
#
# $$ \sigma' = \sigma(1 - \sigma) \le \tfrac14, \qquad \tanh' = 1 - \tanh^2 \le 1, \qquad
#    \operatorname{relu}'(z) = \begin{cases} 1 & z > 0 \\ 0 & z \le 0. \end{cases} $$


# %%
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

# %% tags=["picture"]
figure = plots.activations({name: f for name, (f, _) in classics.items()})
for axes in figure.axes:
    axes.set(xlabel="$z$", ylim=(-1.1, 2.1))
figure

# %% [markdown]
# ## The same with jaxdl
# `jaxdl.activations` has them all under PyTorch's names. Value and derivative agree with ours; the
# derivative is taken by `jax.grad`, so our formulas for $f'$ are checked too.

# %%
for name, (f, derivative) in classics.items():
    library = getattr(activations, name)
    assert jnp.allclose(library(z), f(z), atol=1e-6)
    assert jnp.allclose(slope(library)(z[z != 0]), derivative(z[z != 0]), atol=1e-6)
    print(f"{name:8}", library(jnp.array([-2.0, -1.0, 0.0, 1.0, 2.0])))

assert slope(activations.sigmoid)(z).max() == 0.25
assert slope(activations.relu)(jnp.zeros(1)) == 0

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
for name, printed in pytorch.items():
    assert jnp.allclose(getattr(activations, name)(points), jnp.array(printed), atol=6e-5), name

# %% [markdown]
# ## All of them
# Every activation that works on one number at a time, solid, with its derivative, dashed; where one
# of them jumps, there is a gap.

# %%
plots.activations()

# %% [markdown]
# Not in the picture are those that need more than one number: `softmax` and its relatives
# (`log_softmax`, `softmin`, `sparsemax`, `gumbel_softmax`), which turn a row of scores into
# probabilities; the gated ones (`glu`, `swiglu`, `geglu`), which multiply one half of the features
# with a function of the other; `maxout`, which takes the largest of a group; `normalize`.

# %%
scores = jnp.array([1.0, 2.0, 3.0])
by_hand = jnp.exp(scores) / jnp.exp(scores).sum()
print("softmax  ", activations.softmax(scores), "PyTorch prints [0.0900, 0.2447, 0.6652]")
print("sparsemax", activations.sparsemax(scores))
print("glu      ", activations.glu(jnp.array([1.0, 2.0, 0.0, 10.0])), "= [1·σ(0), 2·σ(10)]")
assert jnp.allclose(activations.softmax(scores), by_hand)
assert jnp.allclose(by_hand, jnp.array([0.0900, 0.2447, 0.6652]), atol=6e-5)

# %% [markdown]
# ## A mistake that travels from slide to slide: GELU
# The GELU (Hendrycks and Gimpel, 2016) multiplies its input with the probability that a standard
# normal variable $X$ is below it:
#
# $$ \operatorname{gelu}(x) = x \cdot P(X \le x) = x\,\Phi(x). $$
#
# Many slides have a **plus** there: $x + P(X \le x)$. That can't be right: it is 0.5 at 0 instead
# of 0, and far to the left it follows the line $x$ instead of falling asleep.

# %%
right, wrong = z * norm.cdf(z), z + norm.cdf(z)
figure, axes = plt.subplots(figsize=(6, 3.3))
axes.plot(z, right, color=BLUE, lw=3, label=r"$x \cdot P(X \leq x)$: the GELU")
axes.plot(z, wrong, color=ORANGE, lw=2, ls="--", label=r"$x + P(X \leq x)$: the slide")
axes.axhline(0, color=GREY, lw=0.8)
axes.set(xlabel="$x$", title="Times, not plus")
axes.legend(frameon=False)
plt.show()

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
def arriving(activation, gain, depth=20, width=64):
    """The size of the gradient at the input of a deep network, for weights of variance gain/n."""
    keys = jax.random.split(jax.random.key(0), depth)
    kernels = jax.vmap(lambda k: jax.random.normal(k, (width, width)))(keys)
    x = jax.random.normal(jax.random.key(1), (width,))

    def network(x):
        step = lambda a, kernel: (activation(a @ kernel * jnp.sqrt(gain / width)), None)
        return jax.lax.scan(step, x, kernels)[0].sum()

    return float(jnp.linalg.norm(jax.grad(network)(x)))


arrives = {
    "sigmoid": arriving(activations.sigmoid, 1.0),
    "tanh": arriving(activations.tanh, 1.0),
    "relu": arriving(activations.relu, 2.0),
    "silu": arriving(activations.silu, 2.0),
}
for name, size in arrives.items():
    print(f"{name:8} {size:.1e}")
assert arrives["sigmoid"] < 1e-9
assert arrives["relu"] > 1e3 * arrives["sigmoid"]

# %% [markdown]
# With sigmoids practically nothing reaches the first layer: one of the reasons why deep networks
# were so hard to train for so long. With relu (and He's weights of variance $2/n$) it arrives in
# full.
#
# ## The dying ReLU
# A relu has another disease. If a unit's $z$ is negative for **every** example, its output is 0,
# its derivative is 0, its weights get no gradient, and it can never come back: it is dead. One step
# that is too large is enough. We train a small network once with a sensible learning rate and once
# with one a hundred times as large, and count the hidden units that are 0 for all examples.

# %%
inputs = jax.random.normal(jax.random.key(2), (256, 8))
labels = jnp.sin(inputs.sum(axis=1, keepdims=True)) + 1
batch = {"inputs": inputs, "labels": labels}


def trained(activation, learning_rate):
    """Trains 8-64-1 by gradient descent; returns the network, its parameters and its state."""
    net = serial(layers.dense(8, 64), activation, layers.dense(64, 1))
    loss_fn = train.supervised(net, losses.mse_loss)
    params, state = net.init(jax.random.key(3))
    gradient = jax.grad(lambda p: loss_fn(p, state, batch, key=None, train=True)[0])

    @jax.jit
    def run(params):
        step = lambda p, _: (jax.tree.map(lambda p, g: p - learning_rate * g, p, gradient(p)), None)
        return jax.lax.scan(step, params, length=60)[0]

    return net, run(params), state


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
    networks = [trained(f, rate) for rate in (0.01, 1.0)]
    masks = [dead_units(f, params) for _, params, _ in networks]
    # The same with jaxdl: it finds them in any network, layer by layer.
    found = [explain.dead_units(*network, inputs)["1 dense(8, 64)"] for network in networks]
    assert all((ours == theirs).all() for ours, theirs in zip(masks, found, strict=True))
    dead[name] = [float(mask.mean()) for mask in masks]
    print(f"{name:35} {dead[name][0]:6.0%} {dead[name][1]:6.0%}")

# %% [markdown]
# The cures: a smaller learning rate, or an activation that has a slope to the left of 0 as well.
# Leaky relu keeps 1 % of it, elu bends smoothly. (With a rate that's far too large no
# activation makes a *good* network, but these can recover when the rate is lowered.)

# %%
assert dead["relu"][0] < 0.1 < 0.5 < dead["relu"][1]
assert dead["leaky_relu"] == dead["elu"] == [0, 0]

# %% [markdown]
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
#
# ## Exercises
# **1.** Show that $\tanh z = 2\sigma(2z) - 1$. So tanh and sigmoid are the same curve, stretched.

# %%
assert jnp.allclose(activations.tanh(z), 2 * activations.sigmoid(2 * z) - 1, atol=1e-6)

# %% [markdown]
# **2.** The silu is $z\,\sigma(z)$. It is not monotone: where is its lowest point, and how deep?

# %%
lowest = z[jnp.argmin(activations.silu(z))]
print(f"at z = {lowest:.2f}, value {activations.silu(lowest):.4f}")
assert abs(lowest + 1.28) < 0.011 and abs(activations.silu(lowest) + 0.2785) < 1e-4

# %% [markdown]
# **3.** Softmax of $z$ and of $z + 100$ are the same. Compute $\operatorname{softmax}(100, 200,
# 300)$ by the plain formula and with the library. Why does one of them fail, and what is the trick?

# %%
large = jnp.array([100.0, 200.0, 300.0])
plain = jnp.exp(large) / jnp.exp(large).sum()  # e³⁰⁰ is larger than any float32
shifted = jnp.exp(large - large.max()) / jnp.exp(large - large.max()).sum()
print("plain:", plain, " shifted by the maximum:", shifted)
assert jnp.isnan(plain).any()
assert (activations.softmax(large) == shifted).all()

# %% [markdown]
# **4.** Of what is softplus, $\ln(1 + e^z)$, the integral? Check by its derivative.

# %%
assert jnp.allclose(slope(activations.softplus)(z), activations.sigmoid(z), atol=1e-6)
