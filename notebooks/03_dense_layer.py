# %% [markdown]
# # 3 · The dense layer
#
# *Several neurons side by side share their inputs: all their sums are one product with a matrix.*
#
# One neuron gives one number. To tell cats from dogs from cows we need three: put three neurons
# side by side, connect **every** input with **every** neuron (hence "dense", or "fully connected"),
# and collect the weights in a matrix. Neuron $j$ computes $z_j = \sum_i w_{ji} x_i + b_j$, so
#
# $$ z = W x + b, \qquad W = \begin{pmatrix} w_{11} & w_{12} & \cdots & w_{1n} \\
#    \vdots & & & \vdots \\ w_{m1} & w_{m2} & \cdots & w_{mn} \end{pmatrix}, $$
#
# with a row of $W$ for each of the $m$ neurons and a column for each of the $n$ inputs. The
# lectures write examples as columns. Programs keep an example in a **row** of an array `x` of shape
# `(examples, inputs)`; then the same thing reads `x @ kernel + bias` with `kernel` $= W^\top$ of
# shape `(inputs, outputs)`. It's the most common operation in all of deep learning.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt

from jaxdl import functional, layers, plots
from jaxdl.plots import ORANGE

plt.rcParams.update({"figure.dpi": 90, "font.size": 12, "figure.constrained_layout.use": True})

W = jnp.array([[1.0, 2.0, 3.0], [-1.0, 0.0, 1.0]])  # two neurons with three inputs
b = jnp.array([0.5, -0.5])
x = jnp.array([[1.0, 0.0, 2.0], [0.0, 1.0, -1.0]])  # two examples

# %% tags=["picture"]
plots.network(
    params={"kernel": W.T},
    outputs=[f"$z_{j + 1}$, bias {float(bias):+}" for j, bias in enumerate(b)],
    title="Blue: positive weights. Orange: negative ones.",
)

# %% [markdown]
# ## From scratch
# First as the formula says, neuron by neuron and input by input, in plain Python. Then as one
# product.


# %%
def dense_by_loops(W, b, x):
    rows = []
    for example in x.tolist():
        row = []
        for weights, bias in zip(W.tolist(), b.tolist(), strict=True):
            row.append(sum(w * value for w, value in zip(weights, example, strict=True)) + bias)
        rows.append(row)
    return jnp.array(rows)


def dense(W, b, x):
    return x @ W.T + b


print("loops:\n", dense_by_loops(W, b, x))
print("product:\n", dense(W, b, x))
assert (dense_by_loops(W, b, x) == dense(W, b, x)).all()

# %% [markdown]
# ## The same with jaxdl
# `functional.dense` is the formula; the parameters are a plain dict. `layers.dense(3, 2)` is the
# layer: a pair of functions, `init` that draws parameters and `apply` that uses them.

# %%
params = {"kernel": W.T, "bias": b}
print(functional.dense(params, x))

layer = layers.dense(3, 2)
drawn, state = layer.init(jax.random.key(0))
print(jax.tree.map(jnp.shape, drawn))
y, _ = layer.apply(params, state, x)

assert (functional.dense(params, x) == dense(W, b, x)).all()
assert (y == dense(W, b, x)).all()

# %% [markdown]
# **In PyTorch** `torch.nn.Linear(3, 2)` with the same weights prints
# `tensor([[ 7.5000, 0.5000], [-0.5000, -1.5000]])`. PyTorch stores $W$ as we wrote it in the
# formula, a row for each neuron; Keras and jaxdl store $W^\top$. Forgetting this is a classic when
# weights are carried from one to the other.

# %%
assert y.tolist() == [[7.5, 0.5], [-0.5, -1.5]]

# %% [markdown]
# ## Its gradient
# Let some error $E$ depend on $z$, and call $\delta = \partial E / \partial z$. In the notation of
# the lectures, with examples as columns,
#
# $$ \frac{\partial E}{\partial W} = \delta\, x^\top, \qquad \frac{\partial E}{\partial b} = \delta,
#    \qquad \frac{\partial E}{\partial x} = W^\top \delta, $$
#
# summed over the examples. In words: a weight's gradient is *the error at its end times the input
# at its start*; and the error goes back through the same weights, transposed. With $E = \sum z^2$
# we have $\delta = 2z$.


# %%
def error(params, x):
    return (functional.dense(params, x) ** 2).sum()


gradient, gradient_x = jax.grad(error, argnums=(0, 1))(params, x)
delta = 2 * dense(W, b, x)  # an example a row
print("dE/dW =\n", (delta.T @ x), "\ndE/db =", delta.sum(axis=0))

assert (delta.T @ x == gradient["kernel"].T).all()
assert (gradient["bias"] == delta.sum(axis=0)).all()
assert (gradient_x == delta @ W).all()

# %% [markdown]
# PyTorch's `l.weight.grad` for this error is `tensor([[15., -1., 31.], [1., -3., 5.]])` and
# `l.bias.grad` is `tensor([14., -2.])`: the same.

# %%
assert gradient["kernel"].T.tolist() == [[15, -1, 31], [1, -3, 5]]
assert gradient["bias"].tolist() == [14, -2]

# %% [markdown]
# ## How it starts
# All weights equal to zero would be a bad start for a network: all neurons of a layer would compute
# the same, get the same gradient, and stay the same for ever. So weights are drawn at random. How
# large? A sum of $n$ products has a variance of $n \cdot \operatorname{Var}(w) \cdot
# \operatorname{Var}(x)$; with $\operatorname{Var}(w) = 1/n$ the outputs vary as much as the inputs.
# PyTorch (and jaxdl, unless told otherwise) draws from $U(-1/\sqrt n, 1/\sqrt n)$, whose variance
# is $1/(3n)$. Dashed in the picture: $\pm 1/\sqrt{784}$.

# %%
wide = layers.dense(784, 512)
drawn, _ = wide.init(jax.random.key(1))
limit = 784**-0.5
figure = plots.histograms({f"{drawn['kernel'].size:,} weights": drawn["kernel"]}, xlabel="weight")
for edge in (-limit, limit):
    figure.axes[0].axvline(edge, color=ORANGE, ls="--")
figure

# %%
assert jnp.abs(drawn["kernel"]).max() <= limit
assert jnp.isclose(drawn["kernel"].var() * 784, 1 / 3, rtol=0.02)

# %% [markdown]
# ## A call that can't be right
# The mistake that everyone makes once: the layer expects 3 numbers an example and gets 4. jaxdl
# says so before anything is computed.

# %%
message = ""
try:
    layer.apply(params, state, jnp.ones((5, 4)))
except ValueError as caught:
    message = str(caught)
print(message)
assert "dense(3, 2)" in message and "[5,4]" in message

# %% [markdown]
# ## Exercises
# **1.** How many parameters has a dense layer with 784 inputs and 512 outputs? Count, then compare.

# %%
count = sum(p.size for p in jax.tree.leaves(drawn))
print(count)
assert count == 784 * 512 + 512 == 401_920

# %% [markdown]
# **2.** One neuron must learn $y = 2x_1 - x_2 + 3$ from 50 examples. Do it without any training, by
# least squares: append a column of ones to $x$ and solve.

# %%
points = jax.random.normal(jax.random.key(2), (50, 2))
targets = points @ jnp.array([2.0, -1.0]) + 3
with_ones = jnp.concatenate([points, jnp.ones((50, 1))], axis=1)
solution = jnp.linalg.lstsq(with_ones, targets)[0]
print(solution)
assert jnp.allclose(solution, jnp.array([2.0, -1.0, 3.0]), atol=1e-5)

# %% [markdown]
# **3.** The bias can be hidden in the matrix: with a 1 appended to each example, `x @ kernel +
# bias` is a single product. Write it down for the layer from above.

# %%
ones = jnp.ones((2, 1))
together = jnp.concatenate([x, ones], axis=1) @ jnp.concatenate([W.T, b[None]])
assert (together == dense(W, b, x)).all()

# %% [markdown]
# **4.** A dense layer treats every example by itself. Show it: the output for the first row doesn't
# change when the second row does.

# %%
other = x.at[1].set(100.0)
assert (dense(W, b, other)[0] == dense(W, b, x)[0]).all()
assert (dense(W, b, other)[1] != dense(W, b, x)[1]).any()
