# %% [markdown]
# # 3 · The dense layer
#
# *Several neurons side by side share their inputs: all their sums are one product with a matrix.*

# %% [markdown] tags=["objectives"]
# **After this lecture you can** write a layer of neurons as one product with a matrix, with the
# shapes in the right order; derive its gradient; say how weights are drawn at the start, and why.
#
# **You need** [the perceptron](01_perceptron.ipynb) and products of matrices. **Next:** [a network
# of one layer](04_single_layer.ipynb), which learns.

# %% [markdown] tags=["item-23", "item-24"]
# One neuron gives one number. To tell cats from dogs from cows we need three: put three neurons
# side by side, connect **every** input with **every** neuron (hence "dense", or "fully connected"),
# and collect the weights in a matrix. So a layer is a **set of functions** of the same inputs, and
# not linear ones once each has its activation. Neuron $j$ computes $z_j = \sum_i w_{ji} x_i + b_j$,
# so
#
# $$ z = W x + b, \qquad W = \begin{pmatrix} w_{11} & w_{12} & \cdots & w_{1n} \\
#    \vdots & & & \vdots \\ w_{m1} & w_{m2} & \cdots & w_{mn} \end{pmatrix}, $$
#
# with a row of $W$ for each of the $m$ neurons and a column for each of the $n$ inputs.
#
# The lectures write examples as columns. Programs keep an example in a **row** of an array `x` of
# shape `(examples, inputs)`; then the same thing reads `x @ kernel + bias` with `kernel`
# $= W^\top$ of shape `(inputs, outputs)`. It's the most common operation in all of deep learning.

# %% tags=["setup"]
import jax
import jax.numpy as jnp

from jaxdl import activations, functional, layers, models, plots
from jaxdl.plots import ORANGE

# %%
W = jnp.array([[1.0, 2.0, 3.0], [-1.0, 0.0, 1.0]])  # two neurons with three inputs
b = jnp.array([0.5, -0.5])
x = jnp.array([[1.0, 0.0, 2.0], [0.0, 1.0, -1.0]])  # two examples

# %% tags=["picture", "plot", "item-23"]
plots.network(
    params={"kernel": W.T},
    outputs=[f"$z_{j + 1}$, bias {float(bias):+}" for j, bias in enumerate(b)],
    title="Blue: positive weights. Orange: negative ones.",
)

# %% [markdown] tags=["item-23"]
# (One of the lectures numbers the other way round: $z_i = w_{0,i} + \sum_j x_j w_{j,i}$, with the
# input's number first. Its $w_{j,i}$ is the kernel that programs store.)
#
# ## From scratch
# First as the formula says, neuron by neuron and input by input, in plain Python. Then as one
# product.


# %% tags=["item-23"]
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

# %% tags=["item-23"]
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

# %% [markdown] tags=["item-24"]
# **A layer is a set of neurons.** With an activation, each of its outputs is that of a neuron by
# itself, whose weights are one column of the kernel:

# %% tags=["item-24"]
whole = activations.tanh(functional.dense(params, x))
one_neuron = models.neuron(3, activation=activations.tanh)
for j in range(2):
    own = ({"kernel": params["kernel"][:, j : j + 1], "bias": params["bias"][j : j + 1]}, (), ())
    _, nothing = one_neuron.init(jax.random.key(0))
    assert jnp.allclose(one_neuron.apply(own, nothing, x)[0], whole[:, j])

# %% [markdown]
# ## Its gradient
# Let some loss $L$ depend on $z$, and call $\delta = \partial L / \partial z$. In the notation of
# the lectures, with examples as columns,
#
# $$ \frac{\partial L}{\partial W} = \delta\, x^\top, \qquad \frac{\partial L}{\partial b} = \delta,
#    \qquad \frac{\partial L}{\partial x} = W^\top \delta, $$
#
# summed over the examples. In words: a weight's gradient is *the error at its end times the input
# at its start*; and the error goes back through the same weights, transposed. With $L = \sum z^2$
# we have $\delta = 2z$.


# %%
def error(params, x):
    return (functional.dense(params, x) ** 2).sum()


gradient, gradient_x = jax.grad(error, argnums=(0, 1))(params, x)
delta = 2 * dense(W, b, x)  # each example is a row
print("dL/dW =\n", (delta.T @ x), "\ndL/db =", delta.sum(axis=0))

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
# PyTorch draws from $U(-1/\sqrt n, 1/\sqrt n)$, whose variance is $1/(3n)$, and so does jaxdl where
# no other initializer is named. Dashed in the picture: $\pm 1/\sqrt{784}$.

# %%
wide = layers.dense(784, 512)
drawn, _ = wide.init(jax.random.key(1))
limit = 784**-0.5

# %% tags=["plot"]
figure = plots.histograms({f"{drawn['kernel'].size:,} weights": drawn["kernel"]}, xlabel="weight")
for edge in (-limit, limit):
    figure.axes[0].axvline(edge, color=ORANGE, ls="--")
figure

# %%
assert jnp.abs(drawn["kernel"]).max() <= limit
assert jnp.isclose(drawn["kernel"].var() * 784, 1 / 3, rtol=0.02)

# %% [markdown]
# ## A call that can't be right
# The mistake that everyone makes once: the layer expects 3 numbers for each example and gets 4.
# jaxdl says so before anything is computed.

# %%
message = ""
try:
    layer.apply(params, state, jnp.ones((5, 4)))
except ValueError as caught:
    message = str(caught)
print(message)
assert "dense(3, 2)" in message and "[5,4]" in message

# %% [markdown] tags=["recap"]
# ## In five lines
# * A dense layer connects every input with every neuron: $z = Wx + b$.
# * In programs an example is a row: `x @ kernel + bias`, and the kernel is $W^\top$.
# * $\partial L/\partial W = \delta x^\top$: the error at a weight's end times the input at its
#   start.
# * Weights are drawn at random, about as large as $1/\sqrt n$, so that outputs vary like inputs.
# * With an activation, a layer is a set of functions that aren't linear.

# %% [markdown] tags=["quiz"]
# ## Quiz
# 1. What is the shape of $W$ for 5 inputs and 2 neurons, and that of the kernel?
# 2. How many numbers does that layer learn?
# 3. Why must the weights of a layer not all start at the same value?
# 4. By which factor does the standard deviation of $z$ grow if the weights' does by 3?
# 5. What does the error become on its way back through a dense layer?
#
# <details><summary>Answers</summary>
#
# 1. $2 \times 5$, and $5 \times 2$.
# 2. Ten weights and two biases.
# 3. All its neurons would compute the same and get the same gradient for ever.
# 4. By 3, apart from the bias.
# 5. $W^\top \delta$: it goes through the same weights, transposed.
#
# </details>

# %% [markdown] tags=["exercises"]
# ## Exercises

# %% [markdown]
# **1.** How many parameters has a dense layer with 784 inputs and 512 outputs?

# %% tags=["solution"]
count = 784 * 512 + 512

# %% tags=["check"]
assert count == sum(p.size for p in jax.tree.leaves(drawn)) == 401_920

# %% [markdown]
# **2.** One neuron must learn $y = 2x_1 - x_2 + 3$ from 50 examples. Find its two weights and its
# bias without any training, by least squares: append a column of ones to $x$ and solve.

# %% tags=["solution"]
points = jax.random.normal(jax.random.key(2), (50, 2))  # given
targets = points @ jnp.array([2.0, -1.0]) + 3  # given
with_ones = jnp.concatenate([points, jnp.ones((50, 1))], axis=1)
learned = jnp.linalg.lstsq(with_ones, targets)[0]

# %% tags=["check"]
assert jnp.allclose(learned, jnp.array([2.0, -1.0, 3.0]), atol=1e-5)

# %% [markdown]
# **3.** The bias can be hidden in the matrix: with a 1 appended to each example, `x @ kernel +
# bias` is a single product. Which matrix is it, for the layer from above?

# %% tags=["solution"]
matrix = jnp.concatenate([W.T, b[None]])

# %% tags=["check"]
assert (jnp.concatenate([x, jnp.ones((2, 1))], axis=1) @ matrix == dense(W, b, x)).all()

# %% [markdown]
# **4.** A dense layer treats every example by itself. Change the second row of `x` and find which
# rows of the output change.

# %% tags=["solution"]
other = x.at[1].set(100.0)
changed = (dense(W, b, other) != dense(W, b, x)).any(axis=1)

# %% tags=["check"]
assert changed.tolist() == [False, True]
