# %% [markdown]
# # 8 · Backpropagation by hand
#
# *A network with nine weights, its gradient with pencil and paper; then δ terms for a hidden layer;
# then `jax.grad`, which does nothing else.*

# %% [markdown] tags=["objectives"]
# **After this lecture you can** take the gradient of a small network with pencil and paper; write
# down the δ terms of a hidden layer; say why intermediate results are stored; and check a gradient
# that you have derived.
#
# **You need** the chain rule, [deep networks](05_deep_network.ipynb) and
# [gradient descent](07_optimizers.ipynb). **Next:** [detecting cats](09_detecting_cats.ipynb),
# where this gradient learns to tell animals apart.

# %% [markdown] tags=["item-73"]
# Gradient descent needs $\partial L / \partial w$ for **every** weight. One could wiggle each
# weight a little and run the network again, but with a million weights that's a million runs.
# Backpropagation gets them all in one sweep back. It is the chain rule from school,
#
# $$ \frac{\partial L}{\partial \theta} = \frac{\partial L}{\partial z} \cdot
#    \frac{\partial z}{\partial \theta}, $$
#
# with bookkeeping, so that no product is computed twice.
#
# Here are two inputs, three hidden neurons, one output: nine weights. Follow the orange path. The
# weight $w_1$ acts on the error only through $z_1$, and $z_1$ only through $w_9$. **Multiply along
# a path, add over paths**: that is all there is to it.

# %% tags=["setup"]
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Image

from jaxdl import activations, explain, layers, losses, plots, serial
from jaxdl.plots import BLUE, GREY, ORANGE

# %% tags=["picture", "plot", "item-74"]
places = {
    **{"x_1": (0, 1.5), "x_2": (0, 0.5)},
    **{"z_1": (1.5, 2), "z_2": (1.5, 1), "z_3": (1.5, 0)},
    r"\hat{y}": (3, 1),
}
edges = [
    *[("x_1", "z_1", "w_1"), ("x_2", "z_1", "w_2"), ("x_1", "z_2", "w_3"), ("x_2", "z_2", "w_4")],
    *[("x_1", "z_3", "w_5"), ("x_2", "z_3", "w_6")],
    *[("z_3", r"\hat{y}", "w_7"), ("z_2", r"\hat{y}", "w_8"), ("z_1", r"\hat{y}", "w_9")],
]
figure, axes = plt.subplots(figsize=(9, 4.2))
for start, end, name in edges:
    (x0, y0), (x1, y1) = places[start], places[end]
    on_path = name in ("w_1", "w_9")
    axes.plot([x0, x1], [y0, y1], color=ORANGE if on_path else "#bbbbbb", lw=4 if on_path else 2)
    at = 0.5 if start[0] == "z" else 0.72 if name in ("w_2", "w_5") else 0.3
    axes.text(x0 + at * (x1 - x0), y0 + at * (y1 - y0), f"${name}$", ha="center", va="center",
              fontsize=14, bbox={"fc": "white", "ec": "none", "pad": 1})  # fmt: skip
for name, (x0, y0) in places.items():
    axes.scatter(x0, y0, s=1100, c="white", edgecolor=GREY, zorder=2)
    axes.text(x0, y0, f"${name}$", ha="center", va="center", fontsize=16, zorder=3)
axes.annotate("", (3.55, 1), (3.14, 1), arrowprops={"arrowstyle": "->", "lw": 2})
axes.text(3.6, 1, r"$L = \frac{1}{2}(\hat{y} - y)^2$", va="center", fontsize=16)
axes.set(xlim=(-0.2, 4.7), ylim=(-0.35, 2.35))
axes.axis("off")
plt.show()

# %% [markdown] tags=["item-74"]
# ## Nine weights, by hand
# No activation functions and no biases yet:
#
# $$ z_1 = w_1 x_1 + w_2 x_2, \quad z_2 = w_3 x_1 + w_4 x_2, \quad z_3 = w_5 x_1 + w_6 x_2, $$
#
# $$ \hat y = w_7 z_3 + w_8 z_2 + w_9 z_1. $$
#
# With $L = \frac12 (\hat y - y)^2$, where $y$ is the truth, the derivative at the output is $\Delta
# = \partial L/\partial \hat y = \hat y - y$. (The ½ is there so that no 2 remains.) For a weight of
# the last layer the path has one step:
#
# $$ \frac{\partial L}{\partial w_9} = \frac{\partial L}{\partial \hat y}
#    \frac{\partial \hat y}{\partial w_9} = \Delta \cdot z_1, $$
#
# and for the first weight it has two:
#
# $$ \frac{\partial L}{\partial w_1} = \frac{\partial L}{\partial \hat y}\,
#    \frac{\partial \hat y}{\partial z_1}\,\frac{\partial z_1}{\partial w_1}
#    = \Delta \cdot w_9 \cdot x_1. $$


# %% tags=["item-74"]
def nine_weights(w, x):
    z1 = w[1] * x[0] + w[2] * x[1]
    z2 = w[3] * x[0] + w[4] * x[1]
    z3 = w[5] * x[0] + w[6] * x[1]
    return w[7] * z3 + w[8] * z2 + w[9] * z1, (z1, z2, z3)


x, y = (2.0, -1.0), 6.75
w = {1: 0.5, 2: -1.0, 3: -1.0, 4: 0.5, 5: 1.5, 6: 1.0, 7: 0.5, 8: -1.0, 9: 2.0}
yhat, (z1, z2, z3) = nine_weights(w, x)
delta = yhat - y
print(f"z1 = {z1}, z2 = {z2}, z3 = {z3}, ŷ = {yhat}, Δ = {delta}")

by_hand = {
    **{1: delta * w[9] * x[0], 2: delta * w[9] * x[1]},
    **{3: delta * w[8] * x[0], 4: delta * w[8] * x[1]},
    **{5: delta * w[7] * x[0], 6: delta * w[7] * x[1]},
    **{7: delta * z3, 8: delta * z2, 9: delta * z1},
}
print(by_hand)

# %% [markdown]
# `jax.grad` differentiates the error as it stands. It agrees for all nine weights, exactly.


# %% tags=["item-73", "item-74"]
def error(w, x, y):
    return 0.5 * (nine_weights(w, x)[0] - y) ** 2


automatic = jax.grad(error)(w, x, y)
assert {name: float(value) for name, value in automatic.items()} == by_hand
assert by_hand[1] == delta * w[9] * x[0] == 3

# %% [markdown] tags=["item-75"]
# **A slip in the sign.** The slide writes $E = \frac12 (y - \hat y)^2 = \frac12 \Delta^2$ and then
# $\partial_{w_1} E = \Delta\, w_9 x_1$. Its $\Delta$ is $y - \hat y$, the other way round; the
# chain rule then brings a factor $\partial \Delta / \partial \hat y = -1$, which is lost. With the
# slide's $\Delta$ the formula gives $-3$ where the gradient is $3$, and a step "against" it goes
# uphill.

# %% tags=["item-75"]
slide = (y - yhat) * w[9] * x[0]
downhill = {**w, 1: w[1] - 0.01 * by_hand[1]}
uphill = {**w, 1: w[1] - 0.01 * slide}
print(f"slide {slide}, gradient {automatic[1]}")
print(f"L = {error(w, x, y):.4f}; {error(downhill, x, y):.4f} with ours, "
      f"{error(uphill, x, y):.4f} with the slide's")  # fmt: skip
assert slide == -3 and automatic[1] == 3
assert error(downhill, x, y) < error(w, x, y) < error(uphill, x, y)

# %% [markdown]
# A step against the gradient, $w \leftarrow w - \eta\,\partial L/\partial w$, and the error falls:

# %%
for eta in (0.001, 0.01, 0.1):
    moved = {name: value - eta * by_hand[name] for name, value in w.items()}
    print(f"η = {eta}: L = {error(w, x, y):.4f} -> {error(moved, x, y):.4f}")
assert error({name: v - 0.01 * by_hand[name] for name, v in w.items()}, x, y) < error(w, x, y)
assert error({name: v - 0.1 * by_hand[name] for name, v in w.items()}, x, y) > error(w, x, y)

# %% [markdown]
# With the last $\eta$ it *rises*: the gradient only says which way is down from here, not how far.

# %% [markdown] tags=["item-32"]
# ## One hidden layer, with δ terms
# Now with activation functions, biases, any number of neurons, and matrices. Examples are columns,
# as in the lectures; $\odot$ (or $\circ$) multiplies entry by entry. Forward:
#
# $$ Z^1 = W^1 x + b^1, \quad a^1 = \sigma(Z^1), \quad Z^2 = W^2 a^1 + b^2, \quad
#    L = \tfrac{1}{2}\lVert Z^2 - y \rVert^2. $$
#
# The output $\hat y = Z^2$ has no activation here. Mind the $x$ in the first formula: on many
# slides it's lost, and then the hidden layer hasn't an input at all ([notebook
# 5](05_deep_network.ipynb) shows what that does). Backward, with $\delta^l = \partial L/\partial
# Z^l$:
#
# $$ \delta^2 = \hat y - y, \qquad \delta^1 = (W^2)^\top \delta^2 \odot \sigma'(Z^1), \qquad
#    \frac{\partial L}{\partial W^l} = \delta^l (a^{l-1})^\top, \quad
#    \frac{\partial L}{\partial b^l} = \delta^l. $$
#
# Read $\delta^1$ aloud: the error goes back through the weights it came by, and is damped where the
# activation is flat. The nine weights were the case $\sigma'(Z) = 1$: $\delta^2 = \Delta$,
# $\delta^1_3 = w_9 \Delta$.


# %% tags=["item-32"]
def forward_and_back(weights, x, y):
    """Of x (inputs, examples) and y (outputs, examples), where an example is a column."""
    W1, b1, W2, b2 = weights
    Z1 = W1 @ x + b1[:, None]
    a1 = activations.sigmoid(Z1)
    Z2 = W2 @ a1 + b2[:, None]
    delta2 = Z2 - y
    delta1 = (W2.T @ delta2) * a1 * (1 - a1)  # σ' = σ(1 - σ)
    gradient = delta1 @ x.T, delta1.sum(axis=1), delta2 @ a1.T, delta2.sum(axis=1)
    return 0.5 * (delta2**2).sum(), gradient


keys = jax.random.split(jax.random.key(0), 4)
weights = [
    jax.random.normal(key, shape)
    for key, shape in zip(keys, [(3, 2), (3,), (1, 3), (1,)], strict=True)
]
x = jnp.array([[0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 1.0]])  # four examples, as columns
y = jnp.array([[0.0, 1.0, 1.0, 0.0]])  # XOR
value, gradient = forward_and_back(weights, x, y)
for name, part in zip(("dW¹", "db¹", "dW²", "db²"), gradient, strict=True):
    print(name, np.array2string(np.asarray(part), precision=4), sep="\n")

# %% [markdown]
# ## The same with jaxdl
# The network as a Layer, the error as a function, and `jax.grad`. A Layer's kernel is $W^\top$, and
# an example is a row.

# %%
net = serial(layers.dense(2, 3), activations.sigmoid, layers.dense(3, 1))
W1, b1, W2, b2 = weights
params = ({"kernel": W1.T, "bias": b1}, (), {"kernel": W2.T, "bias": b2})
_, state = net.init(jax.random.key(0))
rows, targets = x.T, y.T


def half_squares(predictions, targets):
    return 0.5 * losses.mse_loss(predictions, targets, reduction="sum")


def of_params(params):
    return half_squares(net.apply(params, state, rows)[0], targets)


tree = jax.grad(of_params)(params)
assert jnp.isclose(of_params(params), value)
dW1, db1, dW2, db2 = gradient
for ours, theirs in (
    (dW1.T, tree[0]["kernel"]),
    (db1, tree[0]["bias"]),
    (dW2.T, tree[2]["kernel"]),
    (db2, tree[2]["bias"]),
):
    assert jnp.allclose(ours, theirs, atol=1e-6)

# %% [markdown]
# `explain.backprop` does for any network what we did by hand, and prints it as the lectures write
# it:

# %% tags=["item-32"]
steps = explain.backprop(net, half_squares, params, state, rows, targets)
print(steps)
assert jnp.allclose(steps.layers[0].delta.T @ x.T, dW1, atol=1e-6)  # δ¹ xᵀ
assert steps.layers[1].formulas[2] == "δ² = ŷ − y"

# %% [markdown] tags=["item-73"]
# The same on the drawn network, for the second of the four examples: values go forwards, layer by
# layer, and the δs come back along the same lines.

# %% tags=["item-73"]
moving = plots.backpropagation_animation(steps, example=1)
Image(data=plots.animation_gif(moving), format="gif", width=800)

# %% [markdown]
# **In PyTorch** the same gradients lie in `W1.grad` … after `loss.backward()`. `backward` *adds* to
# what is there already, hence the `optimizer.zero_grad()` in every PyTorch loop. `jax.grad` is a
# function and gives back a fresh tree; there is nothing to reset.

# %% [markdown] tags=["item-76"]
# ## Matrices, and what is stored
# Three things make backpropagation fast: the chain rule, **products of matrices** instead of loops
# over weights, and **storing the intermediate results**. Look at `forward_and_back`: $a^1$ is
# computed once on the way forward and used twice on the way back. Without storing, the error of
# each layer would need its own run forward. We count how many layers a network of depth $D$
# computes both ways; storing costs memory instead, an array for each layer.


# %% tags=["item-76"]
def chain(depth, store):
    """The slope of tanh(tanh(…(x))), and how many layers were computed on the way."""
    computed = 0

    def run(layers_):
        nonlocal computed
        a = [0.5]
        for _ in range(layers_):
            a.append(float(jnp.tanh(a[-1])))
            computed += 1
        return a

    stored, slope = run(depth) if store else [], 1.0
    for layer in reversed(range(depth)):
        a = stored[layer + 1] if store else run(layer + 1)[-1]
        slope *= 1 - a**2  # tanh′ at this layer
    return slope, computed


def deep_tanh(x, depth):
    for _ in range(depth):
        x = jnp.tanh(x)
    return x


for depth in (2, 4, 8, 16):
    (slope, few), (same, many) = chain(depth, store=True), chain(depth, store=False)
    print(f"depth {depth:2}: {few:3} layers computed with storing, {many:3} without")
    assert few == depth and many == depth * (depth + 1) // 2
    assert slope == same and jnp.isclose(slope, jax.grad(deep_tanh)(0.5, depth), rtol=1e-4)

# %% [markdown]
# JAX stores what the way back needs, too. Where memory is short, `jax.checkpoint` (in jaxdl:
# `remat`) throws some of it away and computes it again: the same gradient, less memory, more time.

# %%
forgetful = jax.checkpoint(lambda x: deep_tanh(x, 16))
assert jax.grad(forgetful)(0.5) == jax.grad(lambda x: deep_tanh(x, 16))(0.5)

# %% [markdown]
# ## How can one be sure?
# By wiggling after all: $\frac{\partial L}{\partial w} \approx \frac{L(w + \varepsilon) - L(w -
# \varepsilon)}{2 \varepsilon}$. Too slow to train with, perfect for checking. In float64
# $\varepsilon = 10^{-5}$ is a good choice: larger ones suffer from the curve, smaller ones from
# rounding.

# %%
with jax.enable_x64(True):
    wide = jax.tree.map(lambda p: jnp.asarray(p, jnp.float64), params)
    x64, y64 = jnp.asarray(x.T, jnp.float64), jnp.asarray(y.T, jnp.float64)
    f = jax.jit(lambda p: half_squares(net.apply(p, state, x64)[0], y64))
    exact = jax.grad(f)(wide)[0]["kernel"][0, 0]
    shift = lambda e: ({**wide[0], "kernel": wide[0]["kernel"].at[0, 0].add(e)}, *wide[1:])
    epsilons = [10.0**-k for k in range(1, 13)]
    wrong = [float(abs((f(shift(e)) - f(shift(-e))) / (2 * e) - exact)) for e in epsilons]

# %% tags=["plot"]
figure, axes = plt.subplots(figsize=(9, 3.8))
axes.loglog(epsilons, wrong, "o-", color=BLUE, lw=2)
axes.set(
    xlabel=r"$\varepsilon$", ylabel="error of the slope", title="Neither too large nor too small"
)
plt.show()

# %%
assert min(wrong) < 1e-9 < 1e-6 < min(wrong[0], wrong[-1])

# %%
check = explain.gradient_check(lambda p: of_params(p), params)
print(check)
assert check.error < 1e-5

# %% [markdown] tags=["item-71"]
# ## It learns: two agents
# Think of the loss and the update as **two agents** that train the network together. The first
# looks at the mistakes and says which way each weight should go; it doesn't move anything. The
# second moves the weights; it has never seen an example. All that passes between them is the
# gradient, so either can be replaced without the other noticing: another loss, or Adam instead of
# plain descent. On XOR, with our own backpropagation:


# %% tags=["item-71"]
def critic(weights):
    """The first agent: knows the examples, and says what is wrong."""
    return forward_and_back(weights, x, y)


def mover(weights, gradient):
    """The second agent: knows only what the first has said."""
    return [w - 0.2 * g for w, g in zip(weights, gradient, strict=True)]


@jax.jit
def descend(weights):
    def step(weights, _):
        value, gradient = critic(weights)
        return mover(weights, gradient), value

    return jax.lax.scan(step, weights, length=3000)


learned, history = descend(weights)
W1, b1, W2, b2 = learned
says = (W2 @ activations.sigmoid(W1 @ x + b1[:, None]) + b2[:, None])[0]
print(f"L: {history[0]:.4f} -> {history[-1]:.2e}; says {says.round(2)} for XOR")
assert jnp.allclose(says, y[0], atol=0.05)

# %% [markdown]
# This is the network that came out; blue weights are positive, orange ones negative, and thick
# ones are large.

# %% tags=["plot"]
plots.network(params=[W1.T, W2.T], outputs=["XOR"])

# %% [markdown] tags=["recap"]
# ## In five lines
# * The gradient of a weight: multiply along the path from it to the error, add over all paths.
# * $\Delta = \hat y - y$, and $\partial L/\partial w_1 = \Delta\, w_9\, x_1$; with $y - \hat y$ the
#   sign turns round.
# * $\delta^1 = (W^2)^\top \delta^2 \odot \sigma'(Z^1)$, and a weight's gradient is the error at its
#   end times the input at its start.
# * Intermediate results are stored, so that going back costs about as much as going forward.
# * A derived gradient is checked by wiggling: $(L(w + \varepsilon) - L(w - \varepsilon)) /
#   2\varepsilon$.

# %% [markdown] tags=["quiz"]
# ## Quiz
# 1. Through how many paths does $x_1$ act on $L$ in the network of nine weights, and $w_1$?
# 2. Which factor of $\delta^1$ becomes small when a sigmoid saturates?
# 3. Why is the gradient not computed by wiggling each weight?
# 4. What has to be stored on the way forward for $\partial L/\partial W^2$?
# 5. A gradient has the right size and the wrong sign. What will you see when you train with it?
#
# <details><summary>Answers</summary>
#
# 1. Three, and one.
# 2. $\sigma'(Z^1)$.
# 3. It takes two runs for each weight; backpropagation takes one run back for all of them.
# 4. $a^1$, because $\partial L/\partial W^2 = \delta^2 (a^1)^\top$.
# 5. The loss rises with every step, the faster the larger the learning rate.
#
# </details>

# %% [markdown] tags=["exercises"]
# ## Exercises

# %% [markdown]
# **1.** In the nine-weight network, what is $\partial L/\partial x_1$? Three paths lead from $x_1$
# to $L$: add them up.

# %% tags=["solution"]
on_paper = delta * (w[9] * w[1] + w[8] * w[3] + w[7] * w[5])

# %% tags=["check"]
assert on_paper == jax.grad(error, argnums=1)(w, (2.0, -1.0), 6.75)[0]

# %% [markdown]
# **2.** Without activation functions the nine weights do only what two could: $\hat y = v_1 x_1 +
# v_2 x_2$. Find $v_1$ and $v_2$.

# %% tags=["solution"]
v1 = w[9] * w[1] + w[8] * w[3] + w[7] * w[5]
v2 = w[9] * w[2] + w[8] * w[4] + w[7] * w[6]

# %% tags=["check"]
assert abs(nine_weights(w, (0.3, 0.7))[0] - (v1 * 0.3 + v2 * 0.7)) < 1e-12
assert nine_weights(w, (1.0, 0.0))[0] == v1

# %% [markdown]
# **3.** Replace the squares by cross-entropy with scores $z$ and a softmax. What becomes of
# $\delta^2$? Write it for one row of scores and the number of the right class.


# %% tags=["solution"]
def output_error(z, label):
    """δ² for scores (1, K) and the right class (1,)."""
    return jax.nn.softmax(z) - jax.nn.one_hot(label, z.shape[1])


# %% tags=["check"]
z, label = jnp.array([[1.0, -0.5, 2.0]]), jnp.array([1])
assert jnp.allclose(output_error(z, label), jax.grad(losses.cross_entropy)(z, label), atol=1e-6)

# %% [markdown]
# **4.** Replace $\sigma$ by tanh. Which expression takes the place of `a1 * (1 - a1)` in
# `forward_and_back`?


# %% tags=["solution"]
def slope_of_tanh(a):
    """tanh′(Z), from a = tanh(Z)."""
    return 1 - a**2


# %% tags=["check"]
Z = jnp.array([-1.0, 0.5, 2.0])
assert jnp.allclose(slope_of_tanh(jnp.tanh(Z)), jax.vmap(jax.grad(jnp.tanh))(Z), atol=1e-6)
