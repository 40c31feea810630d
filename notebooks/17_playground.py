# %% [markdown]
# # 17 · A playground
#
# *Two inputs, features, layers, and a decision boundary that moves while the network learns, as in
# TensorFlow's Playground: with every neuron's own view of the plane, as an animation, and live.*
#
# Two numbers in, one decision out: that's the largest network whose behaviour can be drawn
# *completely*. Ask it about every point of the plane, colour the plane by the answers, and you see
# what it has understood, between the examples too. TensorFlow's Playground made this famous in a
# browser. Here is the same in JAX, where everything behind it is open: four sets of points, seven
# features to choose from, as many layers as you like,
#
# $$ a^0 = \text{features}(x), \qquad a^{l} = \tanh(a^{l-1} W^l + b^l), \qquad
#    E = \frac{1}{2N}\sum_{i} (a^L_i - t_i)^2 + \frac{\lambda}{2} \sum_l \lVert W^l \rVert^2 , $$
#
# with labels $t = \pm 1$. The lesson to take away: **features and layers stand in for each other**.
# With the right feature a single neuron solves what otherwise takes a hidden layer; and what a
# hidden layer does is to find such features by itself.

# %%
import io
import os
from itertools import pairwise

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
from IPython import get_ipython
from IPython.display import Image
from PIL import Image as Picture

from jaxdl import models, train
from jaxdl.plots import BLUE, ORANGE, signed_colours

FAST = "JAXDL_FAST" in os.environ  # smaller sizes, for the tests
plt.rcParams.update({"figure.dpi": 90, "font.size": 12, "figure.constrained_layout.use": True})
PLANE = signed_colours()

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
    t = 1.0 - 2 * (jnp.arange(n) % 2)
    return 2 * t[:, None] + jax.random.normal(key, (n, 2)), t


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


samples = {name: task(jax.random.key(0), 200) for name, task in TASKS.items()}
figure, panels = plt.subplots(1, 4, figsize=(10, 2.8))
for axes, (name, (x, t)) in zip(panels, samples.items(), strict=True):
    axes.scatter(*x.T, c=t, cmap=PLANE, s=16, edgecolor="black", linewidth=0.3)
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


def error(params, a, t, decay=0.0, activation=jnp.tanh):
    outputs = forward(params, a, activation)[-1][:, 0]
    penalty = sum(jnp.sum(layer["kernel"] ** 2) for layer in params)
    return jnp.mean((outputs - t) ** 2) / 2 + decay / 2 * penalty


def learn(task, names, hidden, steps, rate=0.03, decay=0.0, activation=jnp.tanh, seed=1):
    """Trains on a task; the parameters after every step, stacked, and the errors."""
    x, t = samples[task]
    a, tx = featured(names, x), optax.adam(rate)
    start = init(jax.random.key(seed), (len(names), *hidden, 1))

    def step(carry, _):
        params, state = carry
        value, grads = jax.value_and_grad(error)(params, a, t, decay, activation)
        updates, state = tx.update(grads, state)
        params = optax.apply_updates(params, updates)
        return (params, state), (params, value)

    run = jax.jit(lambda start: jax.lax.scan(step, (start, tx.init(start)), length=steps)[1])
    return run(start)


def at(frames, i):
    return jax.tree.map(lambda p: p[i], frames)


def share_right(params, task, names):
    """Accuracy on points that weren't trained on."""
    x, t = TASKS[task](jax.random.key(9), 1000)
    return float(jnp.mean(jnp.sign(forward(params, featured(names, x))[-1][:, 0]) == t))


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

# %%
GRID = jnp.stack(jnp.meshgrid(jnp.linspace(-6, 6, 60), jnp.linspace(-6, 6, 60)), axis=-1)


def network_picture(params, names, task, title=""):
    """Draws a small network with each neuron's map of the plane."""
    maps = [np.asarray(v) for v in forward(params, featured(names, GRID))]
    x, t = samples[task]
    sizes = [m.shape[-1] for m in maps]
    figure = plt.figure(figsize=(9.5, 4.3), layout="none")
    canvas = figure.add_axes((0, 0, 1, 1))
    canvas.set(xlim=(0, 9.5), ylim=(0, 4.3))
    canvas.axis("off")
    height = min(0.62, 3.5 / max(sizes))
    column = [0.95 + 4.6 * i / max(1, len(sizes) - 2) for i in range(len(sizes) - 1)] + [7.6]
    row = lambda layer, i: 2.0 + (height * 1.15) * ((sizes[layer] - 1) / 2 - i)
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
                cmap=PLANE,
                vmin=-span,
                vmax=span,
                origin="lower",
                extent=(-6, 6, -6, 6),
            )
            axes.set(xticks=[], yticks=[])
            if layer == 0:
                canvas.text(box[0] - 0.1, row(0, i), names[i], ha="right", va="center", fontsize=13)
            if layer == len(maps) - 1:
                axes.scatter(*x.T, c=t, cmap=PLANE, s=14, edgecolor="white", linewidth=0.6)
    canvas.text(4.75, 4.05, title, ha="center", va="center", fontsize=14)


# %% tags=["picture"]
task, names, hidden, steps = (
    ("circle", plain, (4,), 60) if FAST else ("spiral", plain, (6, 5), 1500)
)
frames, errors = learn(task, names, hidden, steps, seed=4)
accuracy = share_right(at(frames, -1), task, names)
network_picture(at(frames, -1), names, task, f"{task}: {accuracy:.0%} right")
plt.show()

# %% [markdown]
# ## The film
# Moments of a training, closer together at the start, where most happens. (Where animations
# can't be shown, the strip below has six of the frames.)

# %%
chosen = ("clouds", plain, ()) if FAST else ("spiral", plain, (16, 16))
frames, errors = films[chosen]
steps = len(errors)
moments = np.unique(np.geomspace(1, steps, 8 if FAST else 20).astype(int)) - 1
answer = jax.jit(lambda params: forward(params, featured(plain, GRID))[-1][..., 0])
answers = {int(i): np.asarray(answer(at(frames, int(i)))) for i in moments}
x, t = (np.asarray(a) for a in samples[chosen[0]])


def frame(axes, i):
    levels = np.linspace(-1, 1, 8)  # even areas make a small film
    axes.contourf(GRID[..., 0], GRID[..., 1], answers[i], levels, cmap=PLANE, extend="both")
    axes.contour(GRID[..., 0], GRID[..., 1], answers[i], [0.0], colors="black", linewidths=1)
    axes.scatter(*x.T, c=t, cmap=PLANE, s=9, edgecolor="black", linewidth=0.3)
    axes.set(xticks=[], yticks=[], xlim=(-6, 6), ylim=(-6, 6))
    axes.set_title(f"step {i + 1}: error {errors[i]:.2f}", fontsize=12)


figure, panels = plt.subplots(1, 6, figsize=(11, 2.4))
strip = moments[np.linspace(0, len(moments) - 1, 6).astype(int)]
for axes, i in zip(panels, strip.tolist(), strict=True):
    frame(axes, i)
    axes.set_title(f"step {i + 1}", fontsize=12)
plt.show()


# %%
def film(moments):
    """The frames as an animated GIF."""
    pictures = []
    figure, axes = plt.subplots(figsize=(2.6, 2.8))
    for i in moments:
        axes.clear()
        frame(axes, int(i))
        figure.canvas.draw()
        picture = Picture.fromarray(np.asarray(figure.canvas.buffer_rgba())[..., :3])
        pictures.append(picture.quantize(16, dither=Picture.Dither.NONE))
    plt.close(figure)
    file = io.BytesIO()
    options = {"save_all": True, "append_images": pictures[1:], "loop": 0}
    pictures[0].save(file, "GIF", duration=[150] * (len(pictures) - 1) + [2500], **options)
    return file.getvalue()


gif = film(moments)
print(f"{len(moments)} frames, {len(gif) / 1000:.0f} kB")
assert len(gif) < 150_000 and errors[-1] < errors[0] / 2
Image(data=gif, format="gif")

# %% [markdown]
# ## Live
# Choose a task, features and layers; the network is trained anew (a second or two), and the ▶
# button plays the training. This needs a running kernel: open the notebook in JupyterLab and run
# all cells. Things to try:
#
# - *xor* with the feature $x_1x_2$ and no hidden layer (empty field);
# - *circle* with 2, 3 and 4 hidden neurons: three lines are the fewest that surround it;
# - *spiral* with all seven features and one hidden layer, against (16, 16) on $x_1, x_2$ alone.


# %%
def controls():
    """The playground's widgets."""
    import ipywidgets as w

    choose = w.Dropdown(options=list(TASKS), value="circle", description="task")
    pick = w.SelectMultiple(options=list(FEATURES), value=plain, rows=7, description="features")
    layers = w.Text(value="4", description="layers", continuous_update=False)
    bend = w.Dropdown(options=["tanh", "relu", "sigmoid", "linear"], description="activation")
    rate = w.SelectionSlider(options=[0.003, 0.01, 0.03, 0.1, 0.3], value=0.03, description="rate")
    decay = w.SelectionSlider(options=[0.0, 0.001, 0.01, 0.1], value=0.0, description="decay")
    play = w.Play(min=0, max=39, value=39, interval=150)
    moment = w.IntSlider(min=0, max=39, value=39, description="moment")
    w.jslink((play, "value"), (moment, "value"))
    functions = {
        "tanh": jnp.tanh,
        "relu": jax.nn.relu,
        "sigmoid": jax.nn.sigmoid,
        "linear": lambda z: z,
    }
    trained = {}

    def draw(task, names, hidden, activation, rate, decay, moment):
        settings = (task, names, hidden, activation, rate, decay)
        if settings not in trained:
            sizes = tuple(int(n) for n in hidden.replace("-", ",").split(",") if n.strip())
            trained.clear()
            trained[settings] = learn(task, names, sizes, 600, rate, decay, functions[activation])
        frames, errors = trained[settings]
        i = int(np.geomspace(1, 600, 40)[moment]) - 1
        shown = forward(at(frames, i), featured(names, GRID), functions[activation])[-1][..., 0]
        x, t = samples[task]
        _, axes = plt.subplots(figsize=(4.2, 4.4))
        axes.imshow(shown, cmap=PLANE, vmin=-1, vmax=1, origin="lower", extent=(-6, 6, -6, 6))
        axes.scatter(*x.T, c=t, cmap=PLANE, s=18, edgecolor="black", linewidth=0.4)
        axes.set(xticks=[], yticks=[], title=f"step {i + 1}, error {errors[i]:.3f}")
        plt.show()

    parts = {"task": choose, "names": pick, "hidden": layers, "activation": bend}
    parts |= {"rate": rate, "decay": decay, "moment": moment}
    picture = w.interactive_output(draw, parts)
    return w.HBox(
        [w.VBox([choose, pick, layers, bend, rate, decay, w.HBox([play, moment])]), picture]
    )


controls() if get_ipython() is not None else None

# %% [markdown]
# ## The same with jaxdl
# Network, loss and step from the library, from the same parameters, take the same way: after a
# hundred steps of gradient descent all weights agree.

# %%
x, t = samples["circle"]
a = featured(plain, x)
net = models.mlp((2, 4, 1), activation=jnp.tanh)
tx = optax.sgd(0.3)
half_square = lambda z, t, reduction: (jnp.tanh(z) - t) ** 2 / 2  # a value a row, as asked for
step = train.make_step(train.supervised(net, half_square), tx)
state = train.init_state(net, tx, jax.random.key(0))
ours = [state.params[0], state.params[2]]  # dense, tanh, dense


@jax.jit
def both(state, ours):
    batch = {"inputs": a, "labels": t[:, None]}

    def one(carry, _):
        state, ours = carry
        grads = jax.grad(error)(ours, a, t)
        ours = jax.tree.map(lambda p, g: p - 0.3 * g, ours, grads)
        return (step(state, batch)[0], ours), None

    return jax.lax.scan(one, (state, ours), length=100)[0]


after, ours_after = both(state, ours)
theirs_after = [after.params[0], after.params[2]]
for mine, theirs in zip(jax.tree.leaves(ours_after), jax.tree.leaves(theirs_after), strict=True):
    assert jnp.allclose(mine, theirs, atol=1e-4)
assert not jnp.allclose(ours_after[0]["kernel"], ours[0]["kernel"], atol=0.01)
print("error before", error(ours, a, t), " after", error(ours_after, a, t))

# %% [markdown]
# ## Exercises
# **1.** Solve XOR with the feature $x_1 x_2$ by hand: which weight and bias?

# %%
x, t = samples["xor"]
by_hand = [{"kernel": jnp.array([[10.0]]), "bias": jnp.zeros(1)}]
assert (jnp.sign(forward(by_hand, featured(("x₁x₂",), x))[-1][:, 0]) == t).all()

# %% [markdown]
# **2.** And the circle with $x_1^2, x_2^2$. The inner disc has radius 2.5, the ring begins at 3.

# %%
x, t = samples["circle"]
by_hand = [{"kernel": jnp.array([[-9.0], [-9.0]]), "bias": jnp.array([2.75**2])}]
assert (jnp.sign(forward(by_hand, featured(("x₁²", "x₂²"), x))[-1][:, 0]) == t).all()

# %% [markdown]
# **3.** With `activation=lambda z: z` two hidden layers of 8 don't solve XOR. Which single layer
# are they?

# %%
params = init(jax.random.key(0), (2, 8, 8))
linear = forward([*params, {"kernel": jnp.ones((8, 1)), "bias": jnp.zeros(1)}], a, lambda z: z)
kernel = params[0]["kernel"] @ params[1]["kernel"]
bias = params[0]["bias"] @ params[1]["kernel"] + params[1]["bias"]
assert jnp.allclose(linear[2], a @ kernel + bias, atol=1e-5)

# %% [markdown]
# **4.** What does weight decay do to the boundary? Measure how steep the output is where it changes
# sign: train XOR with 8 neurons with $\lambda = 0$ and $\lambda = 0.01$.

# %%
steepest = {}
for decay in (0.0, 0.01):
    frames, _ = learn("xor", plain, (8,), 100 if FAST else 400, decay=decay)
    output = lambda p, x: forward(p, featured(plain, x))[-1][0]
    slopes = jax.vmap(jax.grad(output, argnums=1), (None, 0))(at(frames, -1), GRID.reshape(-1, 2))
    steepest[decay] = float(jnp.linalg.norm(slopes, axis=1).max())
    print(f"decay {decay}: steepest slope {steepest[decay]:.2f}")
assert steepest[0.01] < steepest[0.0]
