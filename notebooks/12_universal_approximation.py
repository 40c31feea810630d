# %% [markdown]
# # 12 · Universal approximation
#
# *One hidden layer can come as near to any continuous function as you like: built by hand,
# measured, trained, and what the theorem doesn't promise.*

# %% [markdown] tags=["objectives"]
# **After this lecture you can** state the universal approximation theorem with its conditions;
# build an approximation by hand; say how the error falls with the number of neurons; and name what
# the theorem doesn't promise.
#
# **You need** [the deep network](05_deep_network.ipynb). **Next:**
# [convolution](13_convolution.ipynb), a layer made for images.

# %% [markdown] tags=["item-54", "item-55"]
# Two steep sigmoids, one subtracted from the other, make a bump. A bump can stand anywhere, as high
# as you like and as narrow as you like, and out of enough narrow bumps any curve can be built, as a
# bar chart imitates a curve. In one dimension that's the whole proof. In more dimensions the
# **universal approximation theorem** says the same (Cybenko 1989, Hornik 1991, by other proofs):
# for every continuous $f$ on a closed bounded set, and every $\varepsilon > 0$, there are $n$
# neurons with
#
# $$ F(x) = \sum_{i=1}^{n} v_i\, \sigma(w_i^\top x + b_i) + c, \qquad
#    \max_x |F(x) - f(x)| < \varepsilon, $$
#
# for a sigmoid $\sigma$; and in fact, as Leshno et al. showed in 1993, for every continuous
# activation that isn't a polynomial.
#
# The theorem says that such weights **exist**. It doesn't say how many neurons it takes, that
# gradient descent finds them, nor what happens between and beyond the data. One of the lectures
# puts it shorter, "can approximate any function". The conditions matter: a jump can't be approached
# everywhere by continuous functions, nor can anything on the whole line. We build first, then
# train, then look at these three.

# %% tags=["setup"]
import os

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax

from jaxdl import data, losses, models, train
from jaxdl.plots import BLUE, GREY

FAST = "JAXDL_FAST" in os.environ  # smaller sizes, for the tests


# %%
def target(x):
    """What is to be approximated, on [0, 1]."""
    return jnp.sin(6 * x) + 0.5 * jnp.sin(17 * x) + x


x = jnp.linspace(0, 1, 2001)
worst = lambda approximation: float(jnp.abs(approximation - target(x)).max())

# %% [markdown]
# ## By hand, with sigmoids
# A hidden layer from scratch, its weights chosen and not learned. Sigmoid number $i$ switches on at
# $s_i$: $\sigma(k (x - s_i))$ with a large $k$. Its weight $v_i$ is what the function has gained
# since the last switch.


# %%
def network(x, activation, w, b, v, c):
    """One input, one hidden layer, one output."""
    return activation(x[:, None] * w + b) @ v + c


def staircase(n):
    """The weights of n sigmoids that imitate the target."""
    edges = jnp.arange(n) / n
    middles = target(edges + 0.5 / n)
    steep = 40.0 * n
    return jnp.full(n, steep), -steep * edges, jnp.diff(middles, prepend=middles[0]), middles[0]


bump = jax.nn.sigmoid(200 * (x - 0.4)) - jax.nn.sigmoid(200 * (x - 0.5))
assert bump[900] > 0.99 and bump[600] < 1e-3 and bump[1300] < 1e-3

# %% tags=["picture", "plot"]
figure, panels = plt.subplots(1, 3, figsize=(10, 3.4), sharey=True)
panels[0].plot(x, bump, color=BLUE, lw=2.5)
panels[0].set_title("two sigmoids: a bump")
for axes, n in zip(panels[1:], (10, 50), strict=True):
    axes.plot(x, target(x), color=GREY, lw=5, alpha=0.5)
    axes.plot(x, network(x, jax.nn.sigmoid, *staircase(n)), color=BLUE, lw=2)
    axes.set_title(f"{n} sigmoids")
for axes in panels:
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel("x")
figure.suptitle("A curve (grey) built out of steps")
plt.show()

# %% [markdown]
# A stair of width $1/n$ on a slope of at most $\max|f'|$ is wrong by about $\max|f'|/(2n)$: **twice
# as many neurons, half the error**. Measured:

# %% tags=["item-54"]
slope = float(jnp.abs(jax.vmap(jax.grad(target))(x)).max())
stairs = {n: worst(network(x, jax.nn.sigmoid, *staircase(n))) for n in (10, 20, 40, 80, 160)}
for n, most in stairs.items():
    print(f"{n:4} sigmoids: worst error {most:.4f},   bound {slope / (2 * n):.4f}")
    assert most <= 1.25 * slope / (2 * n)  # a quarter more, as the steps aren't quite vertical
assert stairs[160] < stairs[10] / 10

# %% [markdown]
# ## By hand, with relu
# A relu bends a line, so a sum of relus is a line with $n$ bends: join the dots. The error of that
# is at most $\max|f''|\,h^2/8$ for dots $h$ apart: **twice as many neurons, a quarter of the
# error**. The weight of each relu is the change of slope at its bend.


# %%
def polyline(n):
    """N relus whose sum goes through n + 1 points of the target."""
    knots = jnp.linspace(0, 1, n + 1)
    slopes = jnp.diff(target(knots)) * n
    return jnp.ones(n), -knots[:-1], jnp.diff(slopes, prepend=0.0), target(knots[0])


curvature = float(jnp.abs(jax.vmap(jax.grad(jax.grad(target)))(x)).max())
lines = {n: worst(network(x, jax.nn.relu, *polyline(n))) for n in (10, 20, 40, 80, 160)}
for n, most in lines.items():
    print(f"{n:4} relus: worst error {most:.5f},   bound {curvature / (8 * n**2):.5f}")
    assert most <= curvature / (8 * n**2) + 1e-4
assert lines[80] < lines[20] / 12

# %% [markdown]
# ## Learned, from scratch
# Now gradient descent has to find the weights. The wider, the better? Networks with tanh from
# 1 to 64 neurons, Adam, 128 points of the curve.

# %%
STEPS = 300 if FAST else 3000
points = jnp.linspace(0, 1, 128)[:, None]
values = target(points)


def init(key, n):
    one, two = jax.random.split(key)
    return {
        "W1": 10 * jax.random.normal(one, (1, n)),
        "b1": 10 * jax.random.uniform(two, (n,), minval=-1.0),
        "W2": jnp.zeros((n, 1)),
        "b2": jnp.zeros(1),
    }


def predict(params, x):
    return jnp.tanh(x @ params["W1"] + params["b1"]) @ params["W2"] + params["b2"]


def mean_square(params):
    return jnp.mean((predict(params, points) - values) ** 2)


@jax.jit
def learn(params):
    tx = optax.adam(optax.cosine_decay_schedule(0.03, STEPS))

    def step(carry, _):
        params, state = carry
        value, grads = jax.value_and_grad(mean_square)(params)
        updates, state = tx.update(grads, state)
        return (optax.apply_updates(params, updates), state), value

    return jax.lax.scan(step, (params, tx.init(params)), length=STEPS)


learned, error = {}, {}
for n in (1, 16, 64) if FAST else (1, 2, 4, 8, 16, 64):
    (learned[n], _), curve = learn(init(jax.random.key(0), n))
    error[n] = float(mean_square(learned[n])) ** 0.5
    print(f"{n:3} neurons: root mean square error {error[n]:.4f}")
assert error[1] > error[16]
if not FAST:
    assert error[1] > error[4] > error[16] > error[64]
    assert abs(error[2] - error[1]) < 0.01  # descent stays at one step, though two can do better
    assert error[16] < 0.05 and error[64] < 0.02

# %% tags=["plot"]
figure, panels = plt.subplots(2, 3, figsize=(10, 5.2), sharex=True, sharey=True)
for axes, n in zip(panels.flat, learned, strict=False):
    axes.plot(x, target(x), color=GREY, lw=5, alpha=0.5)
    axes.plot(x, predict(learned[n], x[:, None])[:, 0], color=BLUE, lw=2)
    axes.set_title(f"{n} neuron{'s' * (n > 1)}: error {error[n]:.3f}")
    axes.spines[["top", "right"]].set_visible(False)
few, many = min(error), max(error)
assert error[many] < error[few] / 10 or FAST
figure.suptitle(
    f"Learned: {many} neurons come {error[few] / error[many]:.0f} times as near as {few}"
)
plt.show()

# %% [markdown]
# Two neurons came no nearer than one: both ended at the same step of the curve. Better weights for
# two exist, but descent didn't find them. That is the first thing that the theorem is silent about.
#
# ## The same with jaxdl
# `models.mlp((1, 16, 1), activation=jnp.tanh)` is that network: with the same weights it computes
# the same, before and after a run of `train.fit` that takes the same steps.

# %%
net = models.mlp((1, 16, 1), activation=jnp.tanh)
ours = init(jax.random.key(0), 16)
params = (
    {"kernel": ours["W1"], "bias": ours["b1"]},
    (),
    {"kernel": ours["W2"], "bias": ours["b2"]},
)
assert jnp.allclose(net.apply(params, ((), (), ()), points)[0], predict(ours, points), atol=1e-6)

tx = optax.adam(optax.cosine_decay_schedule(0.03, STEPS))
state = train.init_state(net, tx, jax.random.key(0))
state = state._replace(params=params, opt_state=tx.init(params))
curve_data = data.Dataset(train={"inputs": np.asarray(points), "labels": np.asarray(values)})
loss_fn = train.supervised(net, losses.mse_loss)
end, history = train.fit(
    loss_fn, tx, state, curve_data, epochs=50, batch_size=128, shuffle=False, hooks=()
)
(_, _), curve = learn(ours)
print(f"epoch 50: jaxdl {history[-1]['loss']:.4f}, from scratch {curve[49]:.4f}")
assert np.allclose([row["loss"] for row in history], curve[:50], rtol=2e-3)

# %% [markdown]
# **In PyTorch** the network is `nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))`.
#
# ## What can't do it
# **No activation.** However many linear layers: the result is a line, and no line is nearer to the
# curve than that of least squares. **A polynomial activation.** With $\sigma(z) = z^2$ one hidden
# layer of any width is a polynomial of degree two. Both have an error that training can't get
# below. Leshno's theorem says that polynomials are the only exceptions.


# %%
def least_error(degree):
    """The root mean square error of the best polynomial."""
    powers = points ** jnp.arange(degree + 1)
    best = jnp.linalg.lstsq(powers, values)[0]
    return float(jnp.sqrt(jnp.mean((powers @ best - values) ** 2)))


@jax.jit
def learn_with(params, square):
    activation = lambda z: jnp.where(square, z**2, z)
    f = lambda p, x: activation(x @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"]
    loss = lambda p: jnp.mean((f(p, points) - values) ** 2)
    tx = optax.adam(0.003)

    def step(carry, _):
        params, state = carry
        updates, state = tx.update(jax.grad(loss)(params), state)
        return (optax.apply_updates(params, updates), state), None

    (params, _), _ = jax.lax.scan(step, (params, tx.init(params)), length=STEPS)
    return jnp.sqrt(loss(params))


for degree, square in ((1, False), (2, True)):
    scaled = jax.tree.map(lambda p: p / 10, init(jax.random.key(0), 64))
    reached = float(learn_with(scaled, square))
    print(
        f"degree {degree}: 64 neurons reach {reached:.4f}; "
        f"the best polynomial {least_error(degree):.4f}"
    )
    assert reached >= least_error(degree) - 1e-4
    assert FAST or reached < least_error(degree) + 0.02
assert FAST or error[16] < least_error(2) / 5

# %% [markdown] tags=["item-55"]
# **A jump.** However many sigmoids the staircase has, beside a jump of height 1 some point is off
# by about a half, because a continuous function has to pass the middle:

# %% tags=["item-55"]
jump = lambda x: jnp.where(x < 0.5, 0.0, 1.0)
fine = jnp.linspace(0, 1, 20001)
for steepness in (1e2, 1e3, 1e4):
    off_by = jnp.abs(jax.nn.sigmoid(steepness * (fine - 0.5)) - jump(fine)).max()
    print(f"steepness {steepness:.0e}: worst error {off_by:.3f}")
    assert off_by >= 0.4999

# %% [markdown]
# ## What the theorem doesn't promise, 1: anything outside
# The theorem speaks of a bounded set. Beyond the data a network does what its activation does: tanh
# goes flat, relu goes on straight. Neither goes on as the function does.

# %%
wide = jnp.linspace(-0.6, 1.6, 600)
guess = predict(learned[16], wide[:, None])[:, 0]
inside = (wide >= 0) & (wide <= 1)
off = jnp.abs(guess - target(wide))

# %% tags=["plot"]
figure, axes = plt.subplots(figsize=(9, 3.4))
axes.axvspan(0, 1, color="#eeeeee")
axes.plot(wide, target(wide), color=GREY, lw=5, alpha=0.5, label="the function")
axes.plot(wide, guess, color=BLUE, lw=2, label="16 neurons, trained on the shaded part")
axes.set(xlabel="x", ylim=(-4, 4.5))
axes.legend(frameon=False, ncols=2, loc="lower center")
plt.show()

# %%
print(f"worst error inside {off[inside].max():.3f}, outside {off[~inside].max():.3f}")
assert FAST or off[~inside].max() > 10 * off[inside].max()

# %% [markdown]
# ## 2: how many neurons, and why depth pays
# Fold a strip of paper $k$ times and you have $2^k$ layers. The *tent*
# $t(x) = 2\,\mathrm{relu}(x) - 4\,\mathrm{relu}(x - \tfrac12)$ folds $[0, 1]$ in two. Apply it $k$
# times, $k$ layers of two neurons, and there's a sawtooth of $2^k$ straight pieces. One hidden
# layer of $n$ relus has at most $n + 1$ pieces, so it needs $2^k - 1$ neurons for the same
# (Telgarsky 2016).


# %%
def tent(x):
    return 2 * jax.nn.relu(x) - 4 * jax.nn.relu(x - 0.5)


def sawtooth(x, depth):
    for _ in range(depth):
        x = tent(x)
    return x


def pieces(y):
    """Counts the straight pieces of a curve over a grid."""
    bends = jnp.abs(jnp.diff(y, 2)) > 1e-3
    return int(bends.sum()) + 1


grid = jnp.arange(0, 1 + 1 / 1024, 1 / 1024)  # bends fall on points of the grid
for depth in (1, 3, 5):
    assert pieces(sawtooth(grid, depth)) == 2**depth

# %% tags=["plot"]
figure, panels = plt.subplots(1, 3, figsize=(10, 2.8), sharey=True)
for axes, depth in zip(panels, (1, 3, 5), strict=True):
    y = sawtooth(grid, depth)
    axes.plot(grid, y, color=BLUE, lw=1.8)
    axes.set_title(
        f"{2 * depth} neurons in {depth} layer{'s' * (depth > 1)}:\n{pieces(y)} pieces", fontsize=12
    )
    axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
for seed in range(20):  # one hidden layer: never more than n + 1 pieces
    w, v = jax.random.normal(jax.random.key(seed), (2, 6))
    bends = jax.random.randint(jax.random.key(100 + seed), (6,), 1, 1023) / 1024
    assert pieces(network(grid, jax.nn.relu, w, -w * bends, v, 0.0)) <= 7

# %% [markdown] tags=["recap"]
# ## In five lines
# * One hidden layer comes as near as you like to any continuous function on a closed bounded set.
# * Steps of sigmoids: twice the neurons, half the error. Bends of relus: a quarter.
# * Every continuous activation will do, except polynomials.
# * The theorem doesn't say how many neurons, nor that descent finds them, nor what lies outside.
# * Depth can need exponentially fewer neurons: $2^k$ pieces from $2k$ of them.

# %% [markdown] tags=["quiz"]
# ## Quiz
# 1. Which two conditions on $f$ and its domain does the theorem need?
# 2. Why can a network without activation not approach a parabola?
# 3. With relus, an error of 0.01 took 30 neurons. About how many for 0.0001?
# 4. A network fits all training points exactly. Does the theorem say it is good between them?
# 5. What does a relu network do far from its data?
#
# <details><summary>Answers</summary>
#
# 1. $f$ is continuous, and the set is closed and bounded.
# 2. It is a straight line, whatever its weights.
# 3. A hundredth of the error takes ten times as many: about 300.
# 4. No: the theorem is about weights that exist, not about those that fit some points.
# 5. It goes on in straight lines.
#
# </details>

# %% [markdown] tags=["exercises"]
# ## Exercises

# %% [markdown]
# **1.** Write $|x|$ and $\max(x, y)$ with relus, exactly.


# %% tags=["solution"]
def absolute(x):
    """|x| from two relus."""
    return jax.nn.relu(x) + jax.nn.relu(-x)


def maximum(x, y):
    """The larger of x and y."""
    return y + jax.nn.relu(x - y)  # and y = relu(y) - relu(-y)


# %% tags=["check"]
a, b = jax.random.normal(jax.random.key(1), (2, 50))
assert jnp.array_equal(absolute(a), jnp.abs(a))
assert jnp.allclose(maximum(a, b), jnp.maximum(a, b), atol=1e-6)

# %% [markdown]
# **2.** How many relus does the polyline need for an error of $10^{-3}$? Take the bound
# $\max|f''|\,h^2/8$, with `curvature` for $\max|f''|$.

# %% tags=["solution"]
enough = int(np.ceil(np.sqrt(curvature / (8 * 1e-3))))

# %% tags=["check"]
assert worst(network(x, jax.nn.relu, *polyline(enough))) <= 1.1e-3
assert worst(network(x, jax.nn.relu, *polyline(enough // 2))) > 1e-3
print(enough, "relus are enough, half as many are not")

# %% [markdown]
# **3.** A tower in two dimensions: two *ridges*, each the difference of two sigmoids, cross in
# $[0.3, 0.7]^2$. Their sum is 2 there, 1 along the ridges and 0 elsewhere. Write the second layer
# that keeps only the tower. Why does it take two layers?

# %% tags=["solution"]
steep = lambda z: jax.nn.sigmoid(60 * z)  # given


def tower(ridges):
    """1 where the sum of the two ridges is 2, else 0."""
    return steep(ridges - 1.5)  # a sum of ridges is high along whole lines; this cuts them off


# %% tags=["check"]
ridge = lambda u: jax.nn.sigmoid(60 * (u - 0.3)) - jax.nn.sigmoid(60 * (u - 0.7))
u = jnp.linspace(0, 1, 101)
built = tower(ridge(u)[:, None] + ridge(u)[None, :])
assert built[50, 50] > 0.99 and built[50, 5] < 0.01 and built[5, 5] < 0.01

# %% [markdown]
# **4.** A network of 64 neurons is fitted to 20 noisy points, once with hardly any weight decay
# (1e-6) and once with some (0.1). Which of the two is nearer to the function everywhere?

# %% tags=["solution"]
nearer = 0.1  # the other has learned the noise

# %% tags=["check"]
few = jnp.linspace(0, 1, 20)[:, None]
noisy = target(few) + 0.3 * jax.random.normal(jax.random.key(5), (20, 1))
features = jnp.tanh(few @ learned[64]["W1"] + learned[64]["b1"])  # the hidden layer as learned
everywhere = jnp.tanh(x[:, None] @ learned[64]["W1"] + learned[64]["b1"])
fits = {}
for decay in (1e-6, 0.1):
    solve = jnp.linalg.solve(features.T @ features + decay * jnp.eye(64), features.T @ noisy)
    at_points = float(jnp.sqrt(jnp.mean((features @ solve - noisy) ** 2)))
    all_over = float(jnp.sqrt(jnp.mean((everywhere @ solve - target(x)[:, None]) ** 2)))
    fits[decay] = (at_points, all_over)
    print(f"weight decay {decay:g}: error at the points {at_points:.3f}, everywhere {all_over:.3f}")
assert fits[1e-6][0] < fits[0.1][0]
assert nearer == min(fits, key=lambda decay: fits[decay][1])
