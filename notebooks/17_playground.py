# %% [markdown]
# # 17 · A playground
#
# *Two inputs, features, layers, and a decision boundary that moves while the network learns, as in
# TensorFlow's Playground: with every neuron's own view of the plane, as an animation, and live.*

# %% [markdown] tags=["objectives"]
# **After this lecture you can** say, for a problem in the plane, which features make it easy and
# how many neurons it takes without them; read a network from the pictures that its neurons see; and
# tell by trying what rate, noise, batch size, weight decay and seed do.
#
# **You need** [the deep network](05_deep_network.ipynb) and [training](24_training.ipynb).
# **Next:** how such a training becomes one fast program, [jit, grad, vmap and
# scan](18_jit_grad_vmap_scan.ipynb).

# %% [markdown] tags=["item-57"]
# Two numbers in, one decision out: that's the largest network whose behaviour can be drawn
# *completely*. Ask it about every point of the plane, colour the plane by the answers, and you see
# what it has understood, between the examples too. [TensorFlow's
# Playground](https://playground.tensorflow.org) made this famous in a browser. Here is the same in
# JAX, where everything behind it is open: four sets of points, seven features to choose from, as
# many layers as you like,
#
# $$ a^0 = \text{features}(x), \qquad a^{l} = \tanh(a^{l-1} W^l + b^l), $$
#
# $$ L = \frac{1}{2N}\sum_{i} (a^L_i - y_i)^2 + \frac{\lambda}{2} \sum_l \lVert W^l \rVert^2 , $$
#
# with labels $y = \pm 1$.
#
# The lesson to take away: **features and layers stand in for each other**. With the right feature
# a single neuron solves what otherwise takes a hidden layer; and what a hidden layer does is to
# find such features by itself.

# %% tags=["setup"]
import os
from itertools import pairwise

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
from IPython import get_ipython
from IPython.display import Image

from jaxdl import models, plots, train
from jaxdl.plots import BLUE, ORANGE, signed_colours

FAST = "JAXDL_FAST" in os.environ  # smaller sizes, for the tests
np.set_printoptions(precision=4, suppress=True)
PLANE = signed_colours()
STEPS_OF_COLOUR = PLANE.resampled(17)  # even areas make small files

# %% [markdown]
# ## Points and features
# The Playground's four tasks, on the square from −6 to 6. Orange is −1, blue +1.


# %%
def circle(key, n):
    radius_key, angle_key = jax.random.split(key)
    outer = jnp.arange(n) % 2
    radius = 2.5 * jax.random.uniform(radius_key, (n,)) + 3.0 * outer
    angle = 2 * jnp.pi * jax.random.uniform(angle_key, (n,))
    return radius[:, None] * jnp.stack([jnp.cos(angle), jnp.sin(angle)], 1), 1.0 - 2 * outer


def exclusive_or(key, n):
    x = jax.random.uniform(key, (n, 2), minval=-5.0, maxval=5.0)
    x = x + 0.4 * jnp.sign(x)  # a gap along the axes
    return x, jnp.sign(x[:, 0] * x[:, 1])


def clouds(key, n):
    y = 1.0 - 2 * (jnp.arange(n) % 2)
    return 2 * y[:, None] + jax.random.normal(key, (n, 2)), y


def spiral(key, n):
    arm = jnp.arange(n) % 2
    way = (jnp.arange(n) // 2) / (n // 2)
    angle = 1.75 * way * 2 * jnp.pi + jnp.pi * arm
    x = (5 * way)[:, None] * jnp.stack([jnp.sin(angle), jnp.cos(angle)], 1)
    return x + 0.1 * jax.random.normal(key, (n, 2)), 1.0 - 2 * arm


TASKS = {"circle": circle, "xor": exclusive_or, "clouds": clouds, "spiral": spiral}
FEATURES = {  # scaled, so that all are about as large
    "x₁": lambda x: x[..., 0] / 3,
    "x₂": lambda x: x[..., 1] / 3,
    "x₁²": lambda x: x[..., 0] ** 2 / 9,
    "x₂²": lambda x: x[..., 1] ** 2 / 9,
    "x₁x₂": lambda x: x[..., 0] * x[..., 1] / 9,
    "sin x₁": lambda x: jnp.sin(x[..., 0]),
    "sin x₂": lambda x: jnp.sin(x[..., 1]),
}


def featured(names, x):
    return jnp.stack([FEATURES[name](x) for name in names], axis=-1)


def points(task, noise=0.0, n=200, seed=0):
    """Points of a task and their labels; noise is how far each is moved at random."""
    key, moves = jax.random.key(seed), jax.random.key(seed + 100)
    x, y = TASKS[task](key, n)
    return x + noise * jax.random.normal(moves, x.shape), y


samples = {name: points(name) for name in TASKS}

# %% tags=["plot"]
figure, panels = plt.subplots(1, 4, figsize=(12, 3.4))
for axes, (name, (x, y)) in zip(panels, samples.items(), strict=True):
    axes.scatter(*x.T, c=y, cmap=PLANE, s=16, edgecolor="black", linewidth=0.3)
    axes.set(title=name, xlim=(-6, 6), ylim=(-6, 6), xticks=[], yticks=[])
    axes.set_aspect("equal")
plt.show()

# %% [markdown]
# ## The network from scratch
# The whole training is one `scan` that also returns the parameters of every step: these are the
# frames of the film.


# %%
def init(key, sizes):
    """PyTorch's way: uniform within ±1/√inputs."""
    params = []
    for n_in, n_out in pairwise(sizes):
        key, one, two = jax.random.split(key, 3)
        draw = lambda k, shape, n=n_in: jax.random.uniform(k, shape, minval=-1, maxval=1) / n**0.5
        params.append({"kernel": draw(one, (n_in, n_out)), "bias": draw(two, (n_out,))})
    return params


def forward(params, a, activation=jnp.tanh):
    """The values of all layers; the last has one unit, with tanh."""
    values = [a]
    for i, layer in enumerate(params):
        last = i == len(params) - 1
        f = jnp.tanh if last else activation
        values.append(f(values[-1] @ layer["kernel"] + layer["bias"]))
    return values


def error(params, a, y, decay=0.0, activation=jnp.tanh):
    outputs = forward(params, a, activation)[-1][:, 0]
    penalty = sum(jnp.sum(layer["kernel"] ** 2) for layer in params)
    return jnp.mean((outputs - y) ** 2) / 2 + decay / 2 * penalty


def learn(
    task,
    names,
    hidden,
    steps,
    rate=0.03,
    decay=0.0,
    activation=jnp.tanh,
    seed=1,
    batch=None,
    noise=0.0,
):
    """Trains on a task; the parameters after every step, stacked, and the errors."""
    x, y = points(task, noise)
    a, tx = featured(names, x), optax.adam(rate)
    start = init(jax.random.key(seed), (len(names), *hidden, 1))

    def step(carry, key):
        params, state = carry
        rows = jnp.arange(len(y)) if batch is None else jax.random.permutation(key, len(y))[:batch]
        value, grads = jax.value_and_grad(error)(params, a[rows], y[rows], decay, activation)
        updates, state = tx.update(grads, state)
        params = optax.apply_updates(params, updates)
        return (params, state), (params, value)

    keys = jax.random.split(jax.random.key(seed + 1), steps)  # which rows, where not all
    run = jax.jit(lambda start: jax.lax.scan(step, (start, tx.init(start)), keys)[1])
    return run(start)


def at(frames, i):
    return jax.tree.map(lambda p: p[i], frames)


def share_right(params, task, names):
    """Accuracy on points that weren't trained on."""
    x, y = points(task, n=1000, seed=9)
    return float(jnp.mean(jnp.sign(forward(params, featured(names, x))[-1][:, 0]) == y))


# %% [markdown]
# ## Features or layers?
# Each row is one network. Look at pairs: XOR is hopeless for a single neuron, until it's given the
# product $x_1 x_2$. A circle needs the squares, or three neurons whose lines surround it.

# %%
attempts = [
    ("clouds", ("x₁", "x₂"), (), 200),
    ("xor", ("x₁", "x₂"), (), 200),
    ("xor", ("x₁x₂",), (), 200),
    ("xor", ("x₁", "x₂"), (4,), 400),
    ("circle", ("x₁", "x₂"), (), 200),
    ("circle", ("x₁²", "x₂²"), (), 200),
    ("circle", ("x₁", "x₂"), (4,), 400),
    ("spiral", ("x₁", "x₂"), (4,), 1000),
    ("spiral", ("x₁", "x₂"), (16, 16), 1000),
]
results, films = {}, {}
for task, names, hidden, steps in attempts[:3] if FAST else attempts:
    frames, errors = learn(task, names, hidden, steps)
    films[task, names, hidden] = frames, errors
    results[task, names, hidden] = share_right(at(frames, -1), task, names)
    shown = "-".join(map(str, (len(names), *hidden, 1)))
    print(
        f"{task:7} {' '.join(names):9} network {shown:10} right: {results[task, names, hidden]:.3f}"
    )

plain = ("x₁", "x₂")
assert results["clouds", plain, ()] > 0.97
assert results["xor", plain, ()] < 0.75 < 0.95 < results["xor", ("x₁x₂",), ()]
if not FAST:
    assert results["xor", plain, (4,)] > 0.9
    assert results["circle", plain, ()] < 0.75
    assert min(results["circle", ("x₁²", "x₂²"), ()], results["circle", plain, (4,)]) > 0.9
    assert results["spiral", plain, (4,)] < 0.85 < 0.9 < results["spiral", plain, (16, 16)]

# %% [markdown]
# ## Every neuron's view
# The Playground's best idea: each neuron is a function of the plane too, so draw it as a small
# picture. From left to right simple pictures are added up to complicated ones. Lines are weights:
# blue positive, orange negative, thick large.

# %% tags=["plot"]
GRID = jnp.stack(jnp.meshgrid(jnp.linspace(-6, 6, 60), jnp.linspace(-6, 6, 60)), axis=-1)


def network_picture(params, names, shown, title="", activation=jnp.tanh):
    """Draws a small network with each neuron's map of the plane, and the points that are shown."""
    maps = [np.asarray(v) for v in forward(params, featured(names, GRID), activation)]
    x, y = shown
    sizes = [m.shape[-1] for m in maps]
    figure = plt.figure(figsize=(9.5, 4.3), layout="none")
    canvas = figure.add_axes((0, 0, 1, 1))
    canvas.set(xlim=(0, 9.5), ylim=(0, 4.3))
    canvas.axis("off")
    height = min(0.6, 3.2 / max(sizes))
    column = [0.95 + 4.6 * i / max(1, len(sizes) - 2) for i in range(len(sizes) - 1)] + [7.6]
    row = lambda layer, i: 1.95 + (height * 1.15) * ((sizes[layer] - 1) / 2 - i)
    for layer, p in enumerate(params):
        kernel = np.asarray(p["kernel"])
        for (i, j), w in np.ndenumerate(kernel):
            right = column[layer + 1] - (1.5 if layer == len(params) - 1 else height / 2)
            canvas.plot(
                [column[layer] + height / 2, right],
                [row(layer, i), row(layer + 1, j)],
                color=BLUE if w > 0 else ORANGE,
                lw=0.4 + 3.5 * abs(w) / abs(kernel).max(),
                alpha=0.8,
                zorder=0,
            )
    for layer, values in enumerate(maps):
        for i in range(sizes[layer]):
            side = 3.0 if layer == len(maps) - 1 else height
            box = (column[layer] - side / 2, row(layer, i) - side / 2, side, side)
            axes = figure.add_axes([b / s for b, s in zip(box, (9.5, 4.3, 9.5, 4.3), strict=True)])
            span = max(1e-6, abs(values[..., i]).max())
            axes.imshow(
                values[..., i],
                cmap=STEPS_OF_COLOUR,
                interpolation="nearest",
                vmin=-span,
                vmax=span,
                origin="lower",
                extent=(-6, 6, -6, 6),
            )
            axes.set(xticks=[], yticks=[], xlim=(-6, 6), ylim=(-6, 6))
            if layer == 0:
                canvas.text(box[0] - 0.1, row(0, i), names[i], ha="right", va="center", fontsize=13)
            if layer == len(maps) - 1:
                axes.scatter(*x.T, c=y, cmap=PLANE, s=14, edgecolor="white", linewidth=0.6)
    canvas.text(4.75, 4.05, title, ha="center", va="center", fontsize=14)


# %% tags=["picture", "item-57"]
task, names, hidden, steps = (
    ("circle", plain, (4,), 60) if FAST else ("spiral", plain, (6, 5), 1500)
)
frames, errors = learn(task, names, hidden, steps, seed=4)
accuracy = share_right(at(frames, -1), task, names)
network_picture(at(frames, -1), names, samples[task], f"{task}: {accuracy:.0%} of new points right")
plt.show()

# %% [markdown]
# ## The film
# Moments of a training, closer together at the start, where most happens. An output $a$ is read as
# the probability $(1 + a)/2$ of blue, and stronger colours are more certain.

# %% tags=["item-57"]
chosen = ("clouds", plain, ()) if FAST else ("spiral", plain, (16, 16))
frames, errors = films[chosen]
moments = np.geomspace(30, len(errors), 5).astype(int) - 1
x, y = samples[chosen[0]]
log_odds = jax.jit(  # of orange, as the library counts: the second class of two
    lambda params, x: -2 * jnp.arctanh(0.999 * forward(params, featured(plain, x))[-1][:, 0])
)
snapshots = [at(frames, int(i)) for i in moments]
said = [f"step {i + 1}: error {errors[i]:.2f}" for i in moments]
film = plots.boundary_animation(
    log_odds,
    snapshots,
    x,
    (1 - y) / 2,
    titles=said,
    classes=["+1", "−1"],
    resolution=150,
    interval=800,
)
assert errors[-1] < errors[0] / 2
Image(data=plots.animation_gif(film, colours=24), format="gif", width=620)

# %% [markdown]
# ## Live
# Choose a task, features and layers; the network is trained anew (a second or two), and the ▶
# button plays the training, with every neuron's view. The title tells the error on the points that
# it learns from and on a thousand new ones. This needs a running kernel: open the notebook in
# JupyterLab and run all cells. Things to try:
#
# - *xor* with the feature $x_1x_2$ and no hidden layer (empty field);
# - *circle* with 2, 3 and 4 hidden neurons: three lines are the fewest that surround it;
# - *spiral* with all seven features and one hidden layer, against (8, 8) on $x_1, x_2$ alone;
# - *xor* with noise 1.5 and layers 8, 8: the error on new points turns up again while the other
#   falls. Which decay helps?
# - batch 1 with rate 0.3, and the same with rate 0.003; and other seeds with only two neurons.

# %% tags=["plot", "item-57"]
BENDS = {"tanh": jnp.tanh, "relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid, "linear": lambda z: z}
LIVE = 600  # steps of a training


def trained_as(settings):
    """The frames of a training with these settings."""
    task, names, hidden, bend, rate, decay, noise, batch, seed = settings
    sizes = tuple(int(n) for n in hidden.replace("-", ",").split(",") if n.strip())
    return learn(task, names, sizes, LIVE, rate, decay, BENDS[bend], seed, batch, noise)[0]


def live_picture(frames, settings, i):
    """All neurons' views after step i, with the errors on old and on new points."""
    task, names, _, bend, _, _, noise, _, _ = settings
    params, old = at(frames, i), points(task, noise)
    off = [
        float(error(params, featured(names, x), y, activation=BENDS[bend]))
        for x, y in (old, points(task, noise, 1000, seed=9))
    ]
    said = f"step {i + 1}: error {off[0]:.3f}, on new points {off[1]:.3f}"
    network_picture(params, names, old, said, BENDS[bend])
    return off


def controls():
    """The playground's widgets."""
    import ipywidgets as w

    slide = lambda name, options, value: w.SelectionSlider(
        options=options, value=value, description=name, continuous_update=False
    )
    fields = {
        "task": w.Dropdown(options=list(TASKS), value="circle", description="task"),
        "names": w.SelectMultiple(
            options=list(FEATURES), value=plain, rows=7, description="features"
        ),
        "hidden": w.Text(value="4", description="layers", continuous_update=False),
        "bend": w.Dropdown(options=list(BENDS), description="activation"),
        "rate": slide("rate", [0.003, 0.01, 0.03, 0.1, 0.3], 0.03),
        "decay": slide("decay", [0.0, 0.001, 0.01, 0.1], 0.0),
        "noise": slide("noise", [0.0, 0.5, 1.0, 1.5], 0.0),
        "batch": slide("batch", [1, 10, 30, 200], 200),
        "seed": w.IntSlider(min=0, max=9, value=1, description="seed", continuous_update=False),
    }
    play = w.Play(min=0, max=39, value=39, interval=200)
    moment = w.IntSlider(min=0, max=39, value=39, description="moment")
    w.jslink((play, "value"), (moment, "value"))
    trained: dict = {}

    def draw(moment, **chosen):
        settings = tuple(chosen.values())
        if settings not in trained:
            trained.clear()
            trained[settings] = trained_as(settings)
        live_picture(trained[settings], settings, int(np.geomspace(1, LIVE, 40)[moment]) - 1)
        plt.show()

    picture = w.interactive_output(draw, {**fields, "moment": moment})
    # The picture gives way, and not the controls.
    left = w.VBox([*fields.values()], layout=w.Layout(flex="0 0 320px"))
    right = w.VBox([w.HBox([play, moment]), picture], layout=w.Layout(min_width="0"))
    return w.VBox([w.HBox([left, right])])


controls() if get_ipython() is not None else None

# %% [markdown] tags=["item-57"]
# What the fourth thing to try shows, without a kernel: XOR with noise, with and without weight
# decay.

# %% tags=["item-57"]
off = {}
for decay in (0.0, 0.01):
    settings = ("xor", plain, "8, 8", "tanh", 0.03, decay, 1.5, 200, 1)
    frames = trained_as(settings)
    off[decay] = live_picture(frames, settings, LIVE - 1)
    plt.show()
assert off[0.0][0] < off[0.01][0]  # without decay it learns its points better,
assert off[0.0][1] > off[0.01][1]  # and new ones worse

# %% [markdown]
# ## The same with jaxdl
# Network, loss and step from the library, from the same parameters, take the same way: after a
# hundred steps of gradient descent all weights agree.

# %%
x, y = samples["circle"]
a = featured(plain, x)
net = models.mlp((2, 4, 1), activation=jnp.tanh)
tx = optax.sgd(0.3)
half_square = lambda z, y, reduction: (jnp.tanh(z) - y) ** 2 / 2  # a value for each row
step = train.make_step(train.supervised(net, half_square), tx)
state = train.init_state(net, tx, jax.random.key(0))
ours = [state.params[0], state.params[2]]  # dense, tanh, dense


@jax.jit
def both(state, ours):
    batch = {"inputs": a, "labels": y[:, None]}

    def one(carry, _):
        state, ours = carry
        grads = jax.grad(error)(ours, a, y)
        ours = jax.tree.map(lambda p, g: p - 0.3 * g, ours, grads)
        return (step(state, batch)[0], ours), None

    return jax.lax.scan(one, (state, ours), length=100)[0]


after, ours_after = both(state, ours)
theirs_after = [after.params[0], after.params[2]]
for mine, theirs in zip(jax.tree.leaves(ours_after), jax.tree.leaves(theirs_after), strict=True):
    assert jnp.allclose(mine, theirs, atol=1e-4)
assert not jnp.allclose(ours_after[0]["kernel"], ours[0]["kernel"], atol=0.01)
print(f"error before {error(ours, a, y):.3f}, after {error(ours_after, a, y):.3f}")

# %% [markdown] tags=["recap"]
# ## In five lines
# * A network with two inputs can be seen completely: every neuron is a picture of the plane.
# * Features and layers stand in for each other; a hidden layer finds features by itself.
# * Without a bend, any number of layers is one straight line.
# * Noise is learned, too, if the network can: then the error on new points rises. Decay holds it
#   back.
# * Small batches and large rates make training restless; with just enough neurons the seed decides.

# %% [markdown] tags=["quiz"]
# ## Quiz
# 1. Which single feature turns XOR into a problem for one neuron?
# 2. How many hidden neurons does the circle take at least, and what do they do?
# 3. How do you see in the pictures that a neuron is dead or useless?
# 4. The error on the points falls, that on new points rises. What helps?
# 5. Why is the boundary smoother with weight decay?
#
# <details><summary>Answers</summary>
#
# 1. $x_1 x_2$: its sign is the answer.
# 2. Three: three straight lines surround it.
# 3. Its picture is even, or the lines from it to the next layer are thin.
# 4. Weight decay, fewer neurons, stopping earlier, more points.
# 5. Small weights keep tanh near its straight part, where nothing changes abruptly.
#
# </details>

# %% [markdown] tags=["exercises"]
# ## Exercises

# %% [markdown]
# **1.** Solve XOR with the feature $x_1 x_2$ by hand: which weight and bias of the only neuron?

# %% tags=["solution"]
for_xor = {"kernel": jnp.array([[10.0]]), "bias": jnp.zeros(1)}

# %% tags=["check"]
x, y = samples["xor"]
assert (jnp.sign(forward([for_xor], featured(("x₁x₂",), x))[-1][:, 0]) == y).all()

# %% [markdown]
# **2.** And the circle with $x_1^2, x_2^2$. The inner disc has radius 2.5, the ring begins at 3.

# %% tags=["solution"]
for_circle = {"kernel": jnp.array([[-9.0], [-9.0]]), "bias": jnp.array([2.75**2])}

# %% tags=["check"]
x, y = samples["circle"]
assert (jnp.sign(forward([for_circle], featured(("x₁²", "x₂²"), x))[-1][:, 0]) == y).all()

# %% [markdown]
# **3.** With `activation=lambda z: z` two hidden layers of 8 don't solve XOR. Which single layer
# are they?


# %% tags=["solution"]
def collapse(first, second):
    """The one layer that does what two without a bend do."""
    kernel = first["kernel"] @ second["kernel"]
    return {"kernel": kernel, "bias": first["bias"] @ second["kernel"] + second["bias"]}


# %% tags=["check"]
params = init(jax.random.key(0), (2, 8, 8))
one = collapse(*params)
linear = forward([*params, {"kernel": jnp.ones((8, 1)), "bias": jnp.zeros(1)}], a, lambda z: z)
assert jnp.allclose(linear[2], a @ one["kernel"] + one["bias"], atol=1e-5)

# %% [markdown]
# **4.** How steep is the boundary? Write a function that gives the length of the output's gradient
# with respect to the point, at its largest on `GRID`. (`vmap` and `grad`.) Weight decay should make
# it smaller.


# %% tags=["solution"]
def steepest(params):
    """Of a network with the features x₁ and x₂."""
    output = lambda x: forward(params, featured(plain, x))[-1][0]
    slopes = jax.vmap(jax.grad(output))(GRID.reshape(-1, 2))
    return float(jnp.linalg.norm(slopes, axis=1).max())


# %% tags=["check"]
flat = {"kernel": jnp.array([[0.09], [0.12]]), "bias": jnp.zeros(1)}
assert np.isclose(steepest([flat]), 0.05, rtol=1e-3)  # tanh is steepest at 0, x₁ is divided by 3
steep = {}
for decay in (0.0, 0.01):
    frames, _ = learn("xor", plain, (8,), 100 if FAST else 400, decay=decay)
    steep[decay] = steepest(at(frames, -1))
assert steep[0.01] < steep[0.0]
