# %% [markdown]
# # 1 · The perceptron
#
# *A neuron weighs its inputs and says yes or no; Rosenblatt's rule finds the weights, wherever a
# straight line can do the job.*

# %% [markdown] tags=["objectives"]
# **After this lecture you can** draw a neuron and write its formula, in sums and in vectors; teach
# one by Rosenblatt's rule; and say which problems no single neuron can solve, and why.
#
# **You need** [lecture 0](00_what_is_deep_learning.ipynb) and straight lines in the plane.
# **Next:** [activation functions](02_activations.ipynb), which take the place of the threshold.

# %% [markdown] tags=["item-17", "item-18", "item-21", "item-22"]
# In 1958 Frank Rosenblatt had a computer, an IBM 704 as large as a room, learn to tell cards marked
# on the left from cards marked on the right. Its unit is an artificial **neuron**. It multiplies
# each input $x_i$ with a weight $w_i$, adds everything up together with a bias $w_0$, and applies a
# function $g$ that isn't linear:
#
# $$ \hat y = g\Bigl(w_0 + \sum_{i=1}^m x_i w_i\Bigr) = g(w_0 + x^\top w). $$
#
# The sum is called $z$, and the bias is often written $b$ instead of $w_0$, as we do from here on:
# $z = w^\top x + b$ and $\hat y = g(z)$. In this lecture $g$ is a threshold: the neuron says 1 if
# $z$ is not negative, else 0. Such a neuron is a **perceptron**, and these lectures use the word
# for nothing else: never for a layer, never for a whole network.

# %% tags=["setup"]
import jax
import jax.numpy as jnp

from jaxdl import models, plots

x = jnp.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])  # every pair of two bits
gates = {
    "AND": jnp.array([0, 0, 0, 1]),
    "OR": jnp.array([0, 1, 1, 1]),
    "XOR": jnp.array([0, 1, 1, 0]),
}

# %% tags=["item-19", "plot"]
plots.neuron(
    3, lambda z: jnp.heaviside(z, 1.0), title="bias, inputs, weights, sum, activation, output"
)

# %% [markdown] tags=["item-20"]
# Networks have many of these, so they are usually drawn in short, with one circle for sum and
# activation. The bias is there, only not drawn:

# %% tags=["item-20", "plot"]
plots.neuron(3, simplified=True)

# %% [markdown] tags=["item-17", "item-18"]
# Both ways to write it give the same number; so does the library's neuron.

# %% tags=["item-17", "item-18", "item-21", "item-22"]
w, w0, one = jnp.array([0.5, -1.0, 2.0]), 0.25, jnp.array([1.0, 2.0, 0.5])
as_sum = jax.nn.sigmoid(w0 + sum(one[i] * w[i] for i in range(3)))
as_vectors = jax.nn.sigmoid(w0 + one @ w)
library = models.neuron(3, activation=jax.nn.sigmoid)
params = ({"kernel": w[:, None], "bias": jnp.array([w0])}, (), ())
_, state = library.init(jax.random.key(0))
from_library, _ = library.apply(params, state, one[None])
print(f"z = {w0 + one @ w:.3f}, ŷ = {as_sum:.3f}")
assert jnp.isclose(as_sum, as_vectors) and jnp.isclose(as_sum, from_library).all()
of_twice, _ = library.apply(params, state, 2 * one[None])
assert jnp.abs(of_twice - 2 * from_library).max() > 0.5  # twice the inputs, not twice the output

# %% [markdown]
# With two inputs, $z = 0$ is a straight line in the plane: on one side the neuron says 1, on the
# other 0. To learn is to move this line. Rosenblatt's rule is as simple as it gets: **if the neuron
# is right, change nothing; if it is wrong, add the example to the weights, or take it away.** Below
# you'll see what comes out for three logical functions, one of which is impossible.

# %% [markdown]
# ## A neuron from scratch
# Two lines. The threshold is a function of its own, because later it will be replaced.


# %%
def threshold(z):
    return jnp.where(z >= 0, 1, 0)


def neuron(w, b, x):
    return threshold(x @ w + b)


# %% [markdown]
# With the weights $w = (1, 1)$ and the bias $b = -1.5$ the sum reaches zero only if **both** inputs
# are 1: that's the logical AND. Raise the bias to $-0.5$ and one input suffices: OR.

# %%
w = jnp.array([1.0, 1.0])
print("x1 x2 | AND OR")
for row, a, o in zip(x, neuron(w, -1.5, x), neuron(w, -0.5, x), strict=True):
    print(f" {row[0]:.0f}  {row[1]:.0f} |  {a}   {o}")

assert (neuron(w, -1.5, x) == gates["AND"]).all()
assert (neuron(w, -0.5, x) == gates["OR"]).all()

# %% [markdown]
# ## Rosenblatt's rule from scratch
# Nobody wants to choose weights by hand. Take one example $x$ with its label $y$ (the truth, 0
# or 1), see what the neuron says, $\hat y$, and correct:
#
# $$ w \leftarrow w + \eta\,(y - \hat y)\,x, \qquad b \leftarrow b + \eta\,(y - \hat y). $$
#
# - $y = \hat y$: the difference is 0, nothing happens.
# - $y = 1, \hat y = 0$: the sum was too small. Adding $x$ makes it larger, by
#   $\eta(\lVert x\rVert^2 + 1)$.
# - $y = 0, \hat y = 1$: the sum was too large, and $x$ is taken away.
#
# $\eta$ is the learning rate. We start at zero and go through the four examples again and again.


# %%
def learn(x, targets, epochs, eta=1.0):
    w, b, mistakes = jnp.zeros(x.shape[1]), 0.0, []
    for _ in range(epochs):
        wrong = 0
        for example, y in zip(x, targets, strict=True):
            error = y - neuron(w, b, example)
            w, b = w + eta * error * example, b + eta * error
            wrong += int(error != 0)
        mistakes.append(wrong)
    return w, b, mistakes


learned = {name: learn(x, targets, epochs=10) for name, targets in gates.items()}
for name, (w, b, mistakes) in learned.items():
    print(f"{name:3}  w = {w}  b = {b:4.1f}  mistakes in each epoch: {mistakes}")

# %% [markdown]
# AND and OR end with zero mistakes, and then nothing changes any more. XOR never gets there. The
# picture shows why: the two orange points of XOR lie across from each other, and **no straight line
# has both on one side and the blue ones on the other**.


# %% tags=["picture", "plot"]
def decides(w, b):
    """A logit for `plots.boundary`: a large multiple of z leaves nothing between yes and no."""
    return lambda points: 1000 * (points @ w + b)


wrong = {name: int((neuron(w, b, x) != gates[name]).sum()) for name, (w, b, _) in learned.items()}
titles = {name: f"{name}: {count} of 4 wrong" for name, count in wrong.items()}
plots.boundary(
    # A sum of exactly 0 counts as 1; half a step aside, no point lies on its line.
    {titles[name]: decides(w, b + 0.5) for name, (w, b, _) in learned.items()},
    x,
    {titles[name]: targets for name, targets in gates.items()},
    margin=0.5,
    title="Blue: the neuron says 0.  Orange: it says 1.",
)

# %% [markdown]
# The titles count the points on the wrong side of the line that is drawn. (Rosenblatt's weights are
# whole numbers, so his lines run through points; they are drawn half a step aside, which changes
# none of the answers, as is checked here.)

# %%
for name, (w, b, _) in learned.items():
    z = x @ w + b
    assert ((z + 0.5 > 0) == (neuron(w, b, x) == 1)).all()  # the same answers
    assert (jnp.abs(z + 0.5) > 0.4).all()  # and no point on the line
    assert wrong[name] == int(((z + 0.5 > 0) != gates[name]).sum())
assert wrong["AND"] == wrong["OR"] == 0 < wrong["XOR"]
assert learned["AND"][2][-1] == learned["OR"][2][-1] == 0
assert learned["XOR"][2][-1] > 0

# %% [markdown]
# ## Why XOR is impossible
# Four inequalities settle it. XOR needs
#
# $$ b < 0, \qquad w_1 + b \ge 0, \qquad w_2 + b \ge 0, \qquad w_1 + w_2 + b < 0. $$
#
# Add the two in the middle: $w_1 + w_2 + 2b \ge 0$. Add the outer two: $w_1 + w_2 + 2b < 0$. Both
# can't be true. A computer can also simply try: of 100,000 neurons with random weights, plenty
# compute AND, plenty OR, none XOR.

# %%
w_key, b_key = jax.random.split(jax.random.key(0))
w = jax.random.normal(w_key, (100_000, 2))
b = jax.random.normal(b_key, (100_000,))
says = jax.vmap(neuron, in_axes=(0, 0, None))(w, b, x)  # (neurons, examples)
found = {name: int((says == targets).all(axis=1).sum()) for name, targets in gates.items()}
print(found)

assert found["AND"] > 0 and found["OR"] > 0
assert found["XOR"] == 0

# %% [markdown]
# ## The same with jaxdl
# `models.perceptron(n_in)` is the neuron with its threshold, and `models.perceptron_learn` is the
# rule, compiled: the two loops above are two `lax.scan`s inside.

# %%
net = models.perceptron(2)
for name, targets in gates.items():
    params, state = net.init(jax.random.key(0))
    params, mistakes = models.perceptron_learn(params, x, targets, epochs=10)
    y, _ = net.apply(params, state, x)
    print(f"{name:3}  w = {params[0]['kernel'][:, 0]}  b = {params[0]['bias']}  says {y}")

    w, b, ours = learned[name]
    assert (params[0]["kernel"][:, 0] == w).all() and params[0]["bias"][0] == b
    assert mistakes.tolist() == ours

# %% [markdown]
# Weights, bias and every count of mistakes are the same.
#
# **In other libraries.** scikit-learn's `Perceptron(shuffle=False, tol=None, max_iter=10)` is this
# rule. One detail differs: it counts a sum of exactly 0 as a mistake, while our threshold says 1
# there. PyTorch and Keras have no perceptron at all: its threshold has the derivative 0 wherever it
# has one, so gradient descent has nothing to go by. Replacing it by something smooth is the
# [next notebook](02_activations.ipynb).

# %% tags=["item-37"]
slope = jax.grad(lambda b: models.perceptron(2).apply(params, state, x - b)[0].sum())(0.3)
print("the gradient of a perceptron:", slope)
assert slope == 0

# %% [markdown]
# ## How long does it take?
# Novikoff's theorem (1962): append a 1 to each point, so that the bias is a weight like the others.
# If all points then lie within radius $R$, and weights of length 1 separate the classes with a
# margin $\gamma$, the rule makes **at most $(R/\gamma)^2$ mistakes**, no matter how many points
# there are or how long it runs. Two clouds of
# 200 points put this to the test; the closer they are, the more mistakes the theorem allows.


# %%
def clouds(key, gap):
    """200 points on both sides of a slanted line, none nearer to it than the gap."""
    direction = jnp.array([0.6, 0.8])
    points = jax.random.uniform(key, (200, 2), minval=-1.0)
    side = jnp.where(points @ direction >= 0, 1.0, -1.0)
    return points + gap * side[:, None] * direction, (side > 0).astype(int)


def bound(points, gap):
    radius = jnp.sqrt((points**2).sum(axis=1) + 1).max()  # the 1 belongs to the bias
    return float((radius / gap) ** 2)


print(" gap  mistakes  allowed")
for gap in (0.4, 0.2, 0.1, 0.05):
    points, labels = clouds(jax.random.key(1), gap)
    start, _ = net.init(jax.random.key(0))
    end, mistakes = models.perceptron_learn(start, points, labels, epochs=200)
    print(f"{gap:4}  {mistakes.sum():8}  {bound(points, gap):7.0f}")
    assert mistakes.sum() <= bound(points, gap)
    assert mistakes[-1] == 0

# %% [markdown] tags=["recap"]
# ## In five lines
# * A neuron is $\hat y = g(w^\top x + b)$: weights, a sum, a bias, a function that isn't linear.
# * A perceptron is one neuron whose $g$ is a threshold; its border is a straight line.
# * Rosenblatt's rule changes the weights only after mistakes, by the example itself.
# * If a line separates the classes, it makes at most $(R/\gamma)^2$ mistakes; if none does, it
#   never ends.
# * XOR needs more than one neuron, and so a network.

# %% [markdown] tags=["quiz"]
# ## Quiz
# 1. What does the bias do to the line $z = 0$?
# 2. The neuron says 1 where 0 is right. What happens to the weights?
# 3. Why does the rule not end on XOR?
# 4. Two sets of points are a margin of 0.1 apart, two others 0.2. How do the bounds compare?
# 5. Why can gradient descent not train a perceptron?
#
# <details><summary>Answers</summary>
#
# 1. It moves the line without turning it.
# 2. The example is taken away from them, $w \leftarrow w - \eta x$.
# 3. After every round at least one point is wrong, for no line has all on the right side.
# 4. Four times as many mistakes are allowed for the smaller margin, at the same radius.
# 5. The threshold's derivative is 0 wherever it has one.
#
# </details>

# %% [markdown] tags=["exercises"]
# ## Exercises

# %% [markdown]
# **1.** Find weights for NAND (not both) by hand. Every logical function can be built from NAND
# alone, so if a neuron can do NAND, a network of neurons can do everything.

# %% tags=["solution"]
nand_w, nand_b = jnp.array([-1.0, -1.0]), 1.5

# %% tags=["check"]
assert (neuron(nand_w, nand_b, x) == 1 - gates["AND"]).all()

# %% [markdown]
# **2.** Build XOR from three neurons: $\text{XOR} = \text{AND}(\text{OR}, \text{NAND})$. The two
# neurons of the first layer make new inputs for the third, and with *these* inputs a straight line
# suffices. This is the idea behind every deep network.


# %% tags=["solution"]
def xor(x):
    """XOR of pairs of bits, (N, 2), by three neurons."""
    either = neuron(jnp.array([1.0, 1.0]), -0.5, x)
    not_both = neuron(jnp.array([-1.0, -1.0]), 1.5, x)
    return neuron(jnp.array([1, 1]), -1.5, jnp.stack([either, not_both], axis=1))


# %% tags=["check"]
assert (xor(x) == gates["XOR"]).all()

# %% [markdown]
# **3.** Does the learning rate matter? Learn AND with $\eta = 0.25$ and $\eta = 8$. By what factor
# do the weights differ? (The line $z = 0$ stays where it is.)

# %% tags=["solution"]
factor = 32

# %% tags=["check"]
slow, fast = (learn(x, gates["AND"], epochs=10, eta=eta) for eta in (0.25, 8.0))
assert (fast[0] == factor * slow[0]).all() and fast[1] == factor * slow[1]
assert slow[2] == fast[2]

# %% [markdown]
# **4.** How many of the 16 logical functions of two bits can one neuron compute? (Count the
# different rows of `says` from above.)

# %% tags=["solution"]
different = len(jnp.unique(says, axis=0))

# %% tags=["check"]
print(different, "of 16; all but XOR and its opposite")
assert different == 14
