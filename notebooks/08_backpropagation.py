# %% [markdown]
# # 8 · Backpropagation by hand
#
# *A network with nine weights, its gradient with pencil and paper; then δ terms for a hidden layer;
# then `jax.grad`, which does nothing else.*
#
# Gradient descent needs $\partial E / \partial w$ for **every** weight. One could wiggle each
# weight a little and run the network again, but with a million weights that's a million runs.
# Backpropagation gets them all in one sweep back. It is the chain rule from school, with the
# bookkeeping that no product is computed twice.
#
# Here are two inputs, three hidden neurons, one output: nine weights. Follow the orange path. The
# weight $w_1$ acts on the error only through $h_3$, and $h_3$ only through $w_9$. **Multiply along
# a path, add over paths**: that is all there is to it.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt

from jaxdl import activations, explain, layers, losses, plots, serial
from jaxdl.plots import BLUE, GREY, ORANGE

plt.rcParams.update({"figure.dpi": 90, "font.size": 12, "figure.constrained_layout.use": True})

# %% tags=["picture"]
places = {
    **{"x_1": (0, 1.5), "x_2": (0, 0.5)},
    **{"h_3": (1.5, 2), "h_2": (1.5, 1), "h_1": (1.5, 0)},
    "y": (3, 1),
}
edges = [
    *[("x_1", "h_3", "w_1"), ("x_2", "h_3", "w_2"), ("x_1", "h_2", "w_3"), ("x_2", "h_2", "w_4")],
    *[("x_1", "h_1", "w_5"), ("x_2", "h_1", "w_6")],
    *[("h_1", "y", "w_7"), ("h_2", "y", "w_8"), ("h_3", "y", "w_9")],
]
figure, axes = plt.subplots(figsize=(8, 3.8))
for start, end, name in edges:
    (x0, y0), (x1, y1) = places[start], places[end]
    on_path = name in ("w_1", "w_9")
    axes.plot([x0, x1], [y0, y1], color=ORANGE if on_path else "#bbbbbb", lw=4 if on_path else 2)
    at = 0.5 if end == "y" else 0.72 if name in ("w_2", "w_5") else 0.3
    axes.text(x0 + at * (x1 - x0), y0 + at * (y1 - y0), f"${name}$", ha="center", va="center",
              fontsize=13, bbox={"fc": "white", "ec": "none", "pad": 1})  # fmt: skip
for name, (x0, y0) in places.items():
    axes.scatter(x0, y0, s=1000, c="white", edgecolor=GREY, zorder=2)
    axes.text(x0, y0, f"${name}$", ha="center", va="center", fontsize=15, zorder=3)
axes.annotate("", (3.55, 1), (3.13, 1), arrowprops={"arrowstyle": "->", "lw": 2})
axes.text(3.6, 1, r"$E = \frac{1}{2}(y - t)^2$", va="center", fontsize=15)
axes.set(xlim=(-0.2, 4.7), ylim=(-0.35, 2.35))
axes.axis("off")
plt.show()

# %% [markdown]
# ## Nine weights, by hand
# No activation functions and no biases yet:
#
# $$ h_3 = w_1 x_1 + w_2 x_2, \quad h_2 = w_3 x_1 + w_4 x_2, \quad h_1 = w_5 x_1 + w_6 x_2, \qquad
#    y = w_7 h_1 + w_8 h_2 + w_9 h_3. $$
#
# With $E = \frac12 (y - t)^2$ the derivative at the output is $\Delta = \partial E/\partial y = y -
# t$. (The ½ is there so that no 2 remains.) For a weight of the last layer the path has one step:
#
# $$ \frac{\partial E}{\partial w_9} = \frac{\partial E}{\partial y}\frac{\partial y}{\partial w_9}
#    = \Delta \cdot h_3, $$
#
# and for the first weight it has two:
#
# $$ \frac{\partial E}{\partial w_1} = \frac{\partial E}{\partial y}\,
#    \frac{\partial y}{\partial h_3}\,\frac{\partial h_3}{\partial w_1}
#    = \Delta \cdot w_9 \cdot x_1. $$


# %%
def nine_weights(w, x):
    h3 = w[1] * x[0] + w[2] * x[1]
    h2 = w[3] * x[0] + w[4] * x[1]
    h1 = w[5] * x[0] + w[6] * x[1]
    return w[7] * h1 + w[8] * h2 + w[9] * h3, (h1, h2, h3)


x, t = (2.0, -1.0), 4.5
w = {1: 0.5, 2: -1.0, 3: -1.0, 4: 0.5, 5: 1.5, 6: 1.0, 7: 0.5, 8: -1.0, 9: 2.0}
y, (h1, h2, h3) = nine_weights(w, x)
delta = y - t
print(f"h1 = {h1}, h2 = {h2}, h3 = {h3}, y = {y}, Δ = {delta}")

by_hand = {
    **{1: delta * w[9] * x[0], 2: delta * w[9] * x[1]},
    **{3: delta * w[8] * x[0], 4: delta * w[8] * x[1]},
    **{5: delta * w[7] * x[0], 6: delta * w[7] * x[1]},
    **{7: delta * h1, 8: delta * h2, 9: delta * h3},
}
print(by_hand)

# %% [markdown]
# `jax.grad` differentiates the error as it stands. It agrees for all nine weights, exactly.


# %%
def error(w, x, t):
    return 0.5 * (nine_weights(w, x)[0] - t) ** 2


automatic = jax.grad(error)(w, x, t)
assert {name: float(value) for name, value in automatic.items()} == by_hand
assert by_hand[1] == delta * w[9] * x[0] == 12

# %% [markdown]
# A step against the gradient, $w \leftarrow w - \eta\,\partial E/\partial w$, and the error falls:

# %%
for eta in (0.001, 0.01, 0.1):
    moved = {name: value - eta * by_hand[name] for name, value in w.items()}
    print(f"η = {eta}: E = {error(w, x, t):.4f} -> {error(moved, x, t):.4f}")
assert error({name: v - 0.01 * by_hand[name] for name, v in w.items()}, x, t) < error(w, x, t)
assert error({name: v - 0.1 * by_hand[name] for name, v in w.items()}, x, t) > error(w, x, t)

# %% [markdown]
# With the last $\eta$ it *rises*: the gradient only says which way is down from here, not how far.
#
# ## One hidden layer, with δ terms
# Now with activation functions, biases, any number of neurons, and matrices. Examples are columns,
# as in the lectures; $\odot$ (or $\circ$) multiplies entry by entry. Forward:
#
# $$ Z^1 = W^1 x + b^1, \quad a^1 = \sigma(Z^1), \quad Z^2 = W^2 a^1 + b^2, \quad
#    E = \tfrac{1}{2}\lVert Z^2 - t \rVert^2. $$
#
# Mind the $x$ in the first formula: on many slides it's lost, and then the hidden layer hasn't an
# input at all ([notebook 5](05_deep_network.ipynb) shows what that does). Backward, with $\delta^l
# = \partial E/\partial Z^l$:
#
# $$ \delta^2 = Z^2 - t, \qquad \delta^1 = (W^2)^\top \delta^2 \odot \sigma'(Z^1), \qquad
#    \frac{\partial E}{\partial W^l} = \delta^l (a^{l-1})^\top, \quad
#    \frac{\partial E}{\partial b^l} = \delta^l. $$
#
# Read $\delta^1$ aloud: the error goes back through the weights it came by, and is damped where the
# activation is flat. The nine weights were the case $\sigma'(Z) = 1$: $\delta^2 = \Delta$,
# $\delta^1_3 = w_9 \Delta$.


# %%
def forward_and_back(W1, b1, W2, b2, x, t):
    """Of x (inputs, examples) and t (outputs, examples), where an example is a column."""
    Z1 = W1 @ x + b1[:, None]
    a1 = activations.sigmoid(Z1)
    Z2 = W2 @ a1 + b2[:, None]
    delta2 = Z2 - t
    delta1 = (W2.T @ delta2) * a1 * (1 - a1)  # σ' = σ(1 - σ)
    gradient = delta1 @ x.T, delta1.sum(axis=1), delta2 @ a1.T, delta2.sum(axis=1)
    return 0.5 * (delta2**2).sum(), gradient


keys = jax.random.split(jax.random.key(0), 4)
weights = [
    jax.random.normal(key, shape)
    for key, shape in zip(keys, [(3, 2), (3,), (1, 3), (1,)], strict=True)
]
x = jnp.array([[0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 1.0]])  # four examples, as columns
t = jnp.array([[0.0, 1.0, 1.0, 0.0]])  # XOR
value, gradient = forward_and_back(*weights, x, t)
for name, part in zip(("dW¹", "db¹", "dW²", "db²"), gradient, strict=True):
    print(name, part.round(4), sep="\n")

# %% [markdown]
# ## The same with jaxdl
# The network as a Layer, the error as a function, and `jax.grad`. A Layer's kernel is $W^\top$, and
# an example is a row.

# %%
net = serial(layers.dense(2, 3), activations.sigmoid, layers.dense(3, 1))
W1, b1, W2, b2 = weights
params = ({"kernel": W1.T, "bias": b1}, (), {"kernel": W2.T, "bias": b2})
_, state = net.init(jax.random.key(0))


def half_squares(predictions, targets):
    return 0.5 * losses.mse_loss(predictions, targets, reduction="sum")


def of_params(params):
    return half_squares(net.apply(params, state, x.T)[0], t.T)


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

# %%
steps = explain.backprop(net, half_squares, params, state, x.T, t.T)
print(steps)
assert jnp.allclose(steps.layers[0].delta.T @ x.T, dW1, atol=1e-6)  # δ¹ (a⁰)ᵀ

# %% [markdown]
# **In PyTorch** the same gradients lie in `W1.grad` … after `E.backward()`. `backward` *adds* to
# what is there already, hence the `optimizer.zero_grad()` in every PyTorch loop. `jax.grad` is a
# function and gives back a fresh tree; there is nothing to reset.
#
# ## How can one be sure?
# By wiggling after all: $\frac{\partial E}{\partial w} \approx \frac{E(w + \varepsilon) - E(w -
# \varepsilon)}{2 \varepsilon}$. Too slow to train with, perfect for checking. In float64
# $\varepsilon = 10^{-5}$ is a good choice: larger ones suffer from the curve, smaller ones from
# rounding.

# %%
with jax.enable_x64(True):
    wide = jax.tree.map(lambda p: jnp.asarray(p, jnp.float64), params)
    x64, t64 = jnp.asarray(x.T, jnp.float64), jnp.asarray(t.T, jnp.float64)
    f = jax.jit(lambda p: half_squares(net.apply(p, state, x64)[0], t64))
    exact = jax.grad(f)(wide)[0]["kernel"][0, 0]
    shift = lambda e: ({**wide[0], "kernel": wide[0]["kernel"].at[0, 0].add(e)}, *wide[1:])
    epsilons = [10.0**-k for k in range(1, 13)]
    wrong = [float(abs((f(shift(e)) - f(shift(-e))) / (2 * e) - exact)) for e in epsilons]

figure, axes = plt.subplots(figsize=(6, 2.9))
axes.loglog(epsilons, wrong, "o-", color=BLUE, lw=2)
axes.set(
    xlabel=r"$\varepsilon$", ylabel="error of the slope", title="Neither too large nor too small"
)
plt.show()
assert min(wrong) < 1e-9 < 1e-6 < min(wrong[0], wrong[-1])

# %%
check = explain.gradient_check(lambda p: of_params(p), params)
print(check)
assert check.error < 1e-5

# %% [markdown]
# ## It learns
# Gradient descent on XOR with our own backpropagation, nothing of jaxdl but the sigmoid.


# %%
@jax.jit
def descend(weights):
    def step(weights, _):
        value, gradient = forward_and_back(*weights, x, t)
        return [w - 0.2 * g for w, g in zip(weights, gradient, strict=True)], value

    return jax.lax.scan(step, weights, length=3000)


learned, history = descend(weights)
W1, b1, W2, b2 = learned
says = (W2 @ activations.sigmoid(W1 @ x + b1[:, None]) + b2[:, None])[0]
print(f"E: {history[0]:.4f} -> {history[-1]:.2e}; says {says.round(2)} for XOR")
assert jnp.allclose(says, t[0], atol=0.05)

# %% [markdown]
# This is the network that came out; blue weights are positive, orange ones negative, and thick
# ones are large.

# %%
plots.network(params=[W1.T, W2.T], outputs=["XOR"])

# %% [markdown]
# ## Exercises
# **1.** In the nine-weight network, what is $\partial E/\partial x_1$? Three paths lead from $x_1$
# to $E$: add them up.

# %%
x_pair, target = (2.0, -1.0), 4.5
on_paper = delta * (w[9] * w[1] + w[8] * w[3] + w[7] * w[5])
assert on_paper == jax.grad(error, argnums=1)(w, x_pair, target)[0]

# %% [markdown]
# **2.** Without activation functions the nine weights do only what two could: $y = v_1 x_1 + v_2
# x_2$. Find $v_1$ and $v_2$.

# %%
v1 = w[9] * w[1] + w[8] * w[3] + w[7] * w[5]
v2 = w[9] * w[2] + w[8] * w[4] + w[7] * w[6]
assert abs(nine_weights(w, (0.3, 0.7))[0] - (v1 * 0.3 + v2 * 0.7)) < 1e-12
assert nine_weights(w, (1.0, 0.0))[0] == v1

# %% [markdown]
# **3.** Replace the squares by cross-entropy with logits $z$ and a softmax. What becomes of
# $\delta^2$? Compare $p - t$ with `jax.grad`.

# %%
z, label = jnp.array([[1.0, -0.5, 2.0]]), jnp.array([1])
delta2 = jax.nn.softmax(z) - jax.nn.one_hot(label, 3)
assert jnp.allclose(delta2, jax.grad(losses.cross_entropy)(z, label), atol=1e-6)

# %% [markdown]
# **4.** Replace $\sigma$ by tanh. Which other expression in `forward_and_back` has to change with
# it?

# %%
Z = jnp.array([0.5])
assert jnp.allclose(1 - jnp.tanh(Z) ** 2, jax.vmap(jax.grad(jnp.tanh))(Z))  # in place of a(1 - a)
