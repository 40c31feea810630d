# %% [markdown]
# # 1 · The perceptron
#
# *A neuron weighs its inputs and says yes or no; Rosenblatt's rule finds the weights, wherever a
# straight line can do the job.*
#
# In 1958 Frank Rosenblatt had a computer, an IBM 704 as large as a room, learn to tell cards marked
# on the left from cards marked on the right. Its unit is an
# artificial **neuron**: it multiplies each input $x_i$ with a weight $w_i$, adds everything up,
# adds a bias $b$, and says 1 if the sum is not negative, else 0:
#
# $$ z = w_1 x_1 + w_2 x_2 + \dots + w_n x_n + b, \qquad
#    y = \begin{cases} 1 & \text{if } z \ge 0 \\ 0 & \text{otherwise.} \end{cases} $$
#
# With two inputs, $z = 0$ is a straight line in the plane: on one side the neuron says 1, on the
# other 0. To learn is to move this line. The rule is as simple as it gets: **if the neuron is
# right, change nothing; if it is wrong, add the example to the weights, or take it away.** Here is
# what comes out in the end for three logical functions, and you see at once which one is
# impossible.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt

from jaxdl import models, plots

plt.rcParams.update({"figure.dpi": 90, "font.size": 12, "figure.constrained_layout.use": True})

x = jnp.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])  # every pair of two bits
gates = {
    "AND": jnp.array([0, 0, 0, 1]),
    "OR": jnp.array([0, 1, 1, 1]),
    "XOR": jnp.array([0, 1, 1, 0]),
}

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
# Nobody wants to choose weights by hand. Take one example $x$ with its label $t$ (the *target*, 0
# or 1), see what the neuron says, $y$, and correct:
#
# $$ w \leftarrow w + \eta\,(t - y)\,x, \qquad b \leftarrow b + \eta\,(t - y). $$
#
# - $t = y$: the difference is 0, nothing happens.
# - $t = 1, y = 0$: the sum was too small. Adding $x$ makes it larger by $\eta(\lVert x\rVert^2 +
#   1)$.
# - $t = 0, y = 1$: the sum was too large, and $x$ is taken away.
#
# $\eta$ is the learning rate. We start at zero and go through the four examples again and again.


# %%
def learn(x, targets, epochs, eta=1.0):
    w, b, mistakes = jnp.zeros(x.shape[1]), 0.0, []
    for _ in range(epochs):
        wrong = 0
        for example, t in zip(x, targets, strict=True):
            error = t - neuron(w, b, example)
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


# %% tags=["picture"]
def decides(w, b):
    """A logit for `plots.boundary`: a large multiple of z leaves nothing between yes and no."""
    return lambda points: 1000 * (points @ w + b)


titles = {name: f"{name}: {mistakes[-1]} mistakes" for name, (_, _, mistakes) in learned.items()}
plots.boundary(
    {titles[name]: decides(w, b) for name, (w, b, _) in learned.items()},
    x,
    {titles[name]: targets for name, targets in gates.items()},
    margin=0.5,
    title="Blue: the neuron says 0.  Orange: it says 1.",
)

# %%
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

# %%
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

# %% [markdown]
# ## Exercises
# **1.** Find weights for NAND (not both) by hand. Every logical function can be built from NAND
# alone, so if a neuron can do NAND, a network of neurons can do everything.

# %%
nand = neuron(jnp.array([-1.0, -1.0]), 1.5, x)
print("NAND:", nand)
assert (nand == 1 - gates["AND"]).all()

# %% [markdown]
# **2.** Build XOR from three neurons: $\text{XOR} = \text{AND}(\text{OR}, \text{NAND})$. The two
# neurons of the first layer make new inputs for the third, and with *these* inputs a straight line
# suffices. This is the idea behind every deep network.

# %%
hidden = jnp.stack([neuron(jnp.array([1.0, 1.0]), -0.5, x), nand], axis=1)
xor = neuron(jnp.array([1, 1]), -1.5, hidden)
print("XOR:", xor)
assert (xor == gates["XOR"]).all()

# %% [markdown]
# **3.** Does the learning rate matter? Learn AND with $\eta = 0.25$ and $\eta = 8$ and compare the
# decisions after each run. (From zero weights, $\eta$ multiplies all weights alike, so the line
# $z = 0$ stays where it is.)

# %%
slow, fast = (learn(x, gates["AND"], epochs=10, eta=eta) for eta in (0.25, 8.0))
print("slow:", slow[0], slow[1], " fast:", fast[0], fast[1])
assert (fast[0] == 32 * slow[0]).all() and fast[1] == 32 * slow[1]
assert slow[2] == fast[2]

# %% [markdown]
# **4.** How many of the 16 logical functions of two bits can one neuron compute? Count the
# different rows of `says` from above.

# %%
different = jnp.unique(says, axis=0)
print(len(different), "of 16; all but XOR and its opposite")
assert len(different) == 14
