# %% [markdown]
# # 13 · Convolution
#
# *A small kernel slides over an image: by hand, as a filter, backwards, and learned in a network.*

# %% [markdown] tags=["objectives"]
# **After this lecture you can** slide a kernel by hand, forwards and backwards; work out the size
# of what comes out and how many weights it takes; say what a convolution knows about images that a
# dense layer has to learn; and look into a trained network, layer by layer.
#
# **You need** [the dense layer](03_dense_layer.ipynb) and
# [backpropagation](08_backpropagation.ipynb). **Next:** the same idea of shared weights along time,
# [recurrent networks](14_recurrent.ipynb).

# %% [markdown]
# A dense layer gives every pixel a weight of its own. It has to learn what an ear looks like once
# for each place where an ear can be, and shuffling the pixels of all images wouldn't disturb it in
# the least. A **convolution** knows two things about images beforehand: what belongs together lies
# close together, and a pattern is the same pattern wherever it appears. So it looks at the image
# through a small window, the *kernel*, multiplies what it sees by a few weights, and slides on:
#
# $$ y_{ij} \;=\; b + \sum_{u=0}^{k-1}\sum_{v=0}^{k-1} w_{uv}\; x_{\,s\,i+u-p,\;s\,j+v-p} $$
#
# with kernel size $k$, stride $s$ and padding $p$.
#
# Nine weights serve the whole image. We slide a kernel by hand first, then see what a few famous
# kernels do, differentiate by hand, and at last let gradient descent choose the kernels: that is a
# convolutional network, or CNN.

# %% tags=["setup"]
import os

# Small programs: most of the time goes into compiling them, so XLA is asked for less of it.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=1")

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
from IPython.display import Image

from jaxdl import (
    data,
    explain,
    functional,
    layers,
    losses,
    metrics,
    models,
    plots,
    serial,
    train,
)
from jaxdl.plots import BLUE, GREY, ORANGE, signed_colours

FAST = "JAXDL_FAST" in os.environ  # smaller sizes, for the tests
np.set_printoptions(precision=4, suppress=True)

# %% [markdown]
# ## Sliding a kernel by hand
#
# Six by six pixels, and a kernel that subtracts what is right of a pixel from what is left of it.

# %%
image = jnp.array(
    [
        [3.0, 0, 1, 2, 7, 4],
        [1, 5, 8, 9, 3, 1],
        [2, 7, 2, 5, 1, 3],
        [0, 1, 3, 1, 7, 8],
        [4, 2, 1, 6, 2, 8],
        [2, 4, 5, 2, 3, 9],
    ]
)
kernel = jnp.array([[1.0, 0, -1], [1, 0, -1], [1, 0, -1]])


def slide(image, kernel, stride=1, padding=0):
    """Convolution as a schoolbook does it: one window after the other."""
    image, k = jnp.pad(image, padding), len(kernel)
    places = lambda n: range(0, n - k + 1, stride)
    return jnp.array(
        [
            [jnp.sum(image[i : i + k, j : j + k] * kernel) for j in places(image.shape[1])]
            for i in places(image.shape[0])
        ]
    )


result = slide(image, kernel)
print(result)


# %% [markdown] tags=["item-97"]
# One number of the result, in a picture: the patch under the kernel, times the kernel, summed.

# %% tags=["item-97"]
assert jnp.array_equal(
    functional.conv({"kernel": kernel[..., None, None]}, image[..., None])[..., 0], result
)
plots.convolution(image, kernel, at=(1, 2))

# %% [markdown] tags=["item-97"]
# And all of them, as the kernel slides:

# %% tags=["item-97"]
sliding = plots.convolution_animation(image, kernel)
Image(data=plots.animation_gif(sliding), format="gif", width=800)


# %% [markdown]
# Checked with pencil and paper: the first window gives
# $3 + 1 + 2 - 1 - 8 - 2 = -5$. How large is what comes out? The window fits
#
# $$ \left\lfloor \frac{n + 2p - k}{s} \right\rfloor + 1 $$
#
# times into a row of $n$ pixels. With stride 1, $p = (k-1)/2$ keeps the size: *same* padding.

# %%
assert result[0, 0] == 3 + 1 + 2 - 1 - 8 - 2
for n, k, s, p in [(6, 3, 1, 0), (6, 3, 2, 1), (28, 5, 1, 2), (28, 5, 3, 0), (7, 2, 2, 0)]:
    size = (n + 2 * p - k) // s + 1
    assert slide(jnp.ones((n, n)), jnp.ones((k, k)), s, p).shape == (size, size)
    print(f"n={n:2}  k={k}  s={s}  p={p}  →  {size:2}")

# %% [markdown]
# ## The same with jaxdl
#
# `functional.conv` takes images with channels last, `(…, height, width, channels)`, and kernels
# `(height, width, channels in, channels out)`. PyTorch's `F.conv2d`, which wants channels first,
# prints for our image
#
# ```
# >>> F.conv2d(image[None, None], kernel[None, None])
# tensor([[[[ -5.,  -4.,   0.,   8.],
#           [-10.,  -2.,   2.,   3.],
#           [  0.,  -2.,  -4.,  -7.],
#           [ -3.,  -2.,  -3., -16.]]]])
# >>> F.conv2d(image[None, None], kernel[None, None], stride=2, padding=1)
# tensor([[[[ -5.,  -6.,   6.],
#           [-13.,  -2.,   3.],
#           [ -7.,  -2., -16.]]]])
# ```


# %%
def conv(image, kernel, **options):
    """One channel in, one channel out."""
    return functional.conv({"kernel": kernel[:, :, None, None]}, image[..., None], **options)[
        ..., 0
    ]


torch_prints = jnp.array([[-5.0, -4, 0, 8], [-10, -2, 2, 3], [0, -2, -4, -7], [-3, -2, -3, -16]])
torch_strided = jnp.array([[-5.0, -6, 6], [-13, -2, 3], [-7, -2, -16]])
assert jnp.array_equal(result, torch_prints) and jnp.array_equal(conv(image, kernel), torch_prints)
for options in ({}, {"stride": 2, "padding": 1}, {"padding": 2}, {"stride": 3}):
    assert jnp.array_equal(slide(image, kernel, **options), conv(image, kernel, **options))
assert jnp.array_equal(conv(image, kernel, stride=2, padding=1), torch_strided)

# %% [markdown]
# **A word about the word.** Mathematicians turn the kernel by 180° before they slide it,
# $(x * w)_{ij} = \sum_{u,v} w_{uv}\,x_{i-u,\,j-v}$; without the turn the operation is called
# *cross-correlation*. Many slides write the formula of the first and compute the second; PyTorch,
# Keras and JAX compute the second, too. For a network it makes no difference, since it learns the
# kernel either way round, but for a kernel that you type in it does:

# %%
mathematical = jax.scipy.signal.convolve2d(image, kernel, mode="valid")
correlation = jax.scipy.signal.correlate2d(image, kernel, mode="valid")
print("convolution, kernel turned:  ", mathematical[0])
print("cross-correlation, as it is: ", correlation[0])
assert jnp.array_equal(correlation, result)
assert jnp.array_equal(mathematical, -result)  # this kernel, turned, is its own negative
assert jnp.array_equal(jax.scipy.signal.convolve2d(image, kernel[::-1, ::-1], mode="valid"), result)

# %% [markdown]
# ## It is a dense layer, with most weights 0 and the rest shared
#
# Convolution is linear, so there is a matrix that does the same to the image written as a vector.
# Its rows are what the convolution makes of single pixels.

# %%
matrix = jnp.stack([conv(e.reshape(6, 6), kernel).ravel() for e in jnp.eye(36)])
assert jnp.array_equal(image.ravel() @ matrix, result.ravel())
print(
    "matrix:", matrix.shape, "entries:", matrix.size, " of which not 0:", int((matrix != 0).sum())
)
print("different weights:", kernel.size)

# %% tags=["plot"]
figure, axes = plt.subplots(figsize=(9.5, 4.7))
axes.imshow(matrix.T, cmap=signed_colours(), vmin=-1.5, vmax=1.5)
axes.set_xticks(np.arange(-0.5, 36), [], minor=True)
axes.set_yticks(np.arange(-0.5, 16), [], minor=True)
axes.grid(which="minor", color="#dddddd", lw=0.6)
axes.tick_params(which="minor", length=0)
said = "The kernel as a dense layer's matrix, turned: blue 1, orange −1, white 0"
axes.set(xlabel="36 pixels", ylabel="16 outputs", title=said)
plt.show()

# %% [markdown]
# Sharing has a consequence that no dense layer has: **shift the image, and the result shifts
# along** (away from the border). That is *translation equivariance*.

# %%
scene = jnp.zeros((14, 14)).at[3:9, 3:9].set(image)
moved = jnp.roll(scene, (2, 1), axis=(0, 1))
assert jnp.array_equal(conv(moved, kernel), jnp.roll(conv(scene, kernel), (2, 1), axis=(0, 1)))
random = jax.random.normal(jax.random.key(0), (196, 144))  # a dense layer of the same sizes
assert not jnp.allclose(
    (moved.ravel() @ random).reshape(12, 12),
    jnp.roll((scene.ravel() @ random).reshape(12, 12), (2, 1), axis=(0, 1)),
)

# %% [markdown]
# ## Filters: what kernels do
#
# People designed kernels long before networks learned them. Here are six, on a picture from the
# animals that come with jaxdl, enlarged and lit from one side so that there is something to see.

# %% tags=["picture"]
animals = data.load("animals")
is_horse = animals.train["labels"] == animals.classes.index("horse")
horse = animals.train["inputs"][is_horse][4, ..., 0]
picture = jax.image.resize(jnp.asarray(horse, jnp.float32) / 255, (84, 84), "cubic").clip(0, 1)
picture = picture * jnp.linspace(0.35, 1, 84)[None, :]

filters: dict[str, list] = {
    "identity": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
    "blur (mean of 25)": [[1 / 25] * 5] * 5,
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "Sobel: left to right": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "Sobel: top to bottom": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
    "Laplace: all edges": [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
}
figure, panels = plt.subplots(2, 3, figsize=(10, 7))
for axes, (name, weights) in zip(panels.flat, filters.items(), strict=True):
    filtered = conv(picture, jnp.array(weights, jnp.float32), padding=len(weights) // 2)
    edges = np.sum(weights) == 0
    limit = abs(filtered).max()
    span = (
        {"cmap": signed_colours(), "vmin": -limit, "vmax": limit}
        if edges
        else {"cmap": "gray", "vmin": 0, "vmax": 1}
    )
    axes.imshow(filtered, **span)
    axes.set_title(name)
    axes.axis("off")
figure.suptitle(
    "Six kernels; blue is positive, orange negative where a kernel's weights sum to 0", fontsize=14
)
plt.show()

# %% [markdown]
# A kernel whose weights sum to 0 doesn't see brightness, only changes; one whose weights sum to 1
# keeps the brightness of what is even. That's no more than the formula for a constant image:

# %%
for name, weights in filters.items():
    even = conv(jnp.full((8, 8), 0.6), jnp.array(weights, jnp.float32))
    assert jnp.allclose(even, 0.6 * np.sum(weights), atol=1e-6), name

# %% [markdown]
# ## Pooling
#
# After a convolution, *pooling* keeps one number of each small square: the largest, or the mean.
# The image halves, and a pattern may sit a pixel further left or right without much changing.
# PyTorch prints `[[5, 9, 7], [7, 5, 8], [4, 6, 9]]` for `F.max_pool2d(image, 2)`.

# %%
squares = image.reshape(3, 2, 3, 2)
largest, mean = squares.max((1, 3)), squares.mean((1, 3))
assert jnp.array_equal(largest, jnp.array([[5.0, 9, 7], [7, 5, 8], [4, 6, 9]]))
assert jnp.array_equal(functional.max_pool(image[..., None], (2, 2))[..., 0], largest)
assert jnp.array_equal(functional.avg_pool(image[..., None], (2, 2))[..., 0], mean)
print(largest)

# %% [markdown]
# ## Backpropagation through a convolution, by hand
#
# Let $\delta_{ij} = \partial L/\partial y_{ij}$ be what comes back from the layer above, with
# stride 1 and no padding. Every output used every kernel weight once, every pixel went into up to
# $k^2$ outputs, so the chain rule gives
#
# $$ \frac{\partial L}{\partial w_{uv}} = \sum_{i,j} \delta_{ij}\,x_{i+u,\,j+v}, \qquad
#    \frac{\partial L}{\partial x_{ij}} = \sum_{u,v} \delta_{i-u,\,j-v}\,w_{uv}. $$
#
# The first is the image correlated with $\delta$. The second is $\delta$, padded, slid over by the
# *turned* kernel: the backward pass of a correlation is a convolution in the mathematicians' sense.

# %%
delta = jax.random.normal(jax.random.key(1), result.shape)
by_hand = slide(image, delta), slide(delta, kernel[::-1, ::-1], padding=2)

energy = lambda image, kernel: jnp.sum(delta * conv(image, kernel))
d_image, d_kernel = jax.grad(energy, argnums=(0, 1))(image, kernel)
assert jnp.allclose(by_hand[0], d_kernel, rtol=1e-5, atol=1e-5)
assert jnp.allclose(by_hand[1], d_image, rtol=1e-5, atol=1e-5)
assert not jnp.allclose(slide(delta, kernel, padding=2), d_image)  # the turn matters
print(d_kernel)

# %% [markdown]
# ## Channels, and a CNN from scratch
#
# Real layers have several channels: each output channel has a kernel for every input channel and
# adds up what they give. A layer from $C$ to $D$ channels has $k^2 C D + D$ parameters, whatever
# the size of the image. With matrices it is quick to write: cut out all windows (`im2col`),
# then it is one dense layer on all of them.


# %%
def conv_layer(params, x):
    """Convolution with *same* padding of (batch, height, width, channels), as one product."""
    k = len(params["kernel"])
    low, high = (k - 1) // 2, k // 2
    x = jnp.pad(x, ((0, 0), (low, high), (low, high), (0, 0)))
    height, width = x.shape[1] - k + 1, x.shape[2] - k + 1
    windows = [x[:, u : u + height, v : v + width] for u in range(k) for v in range(k)]
    columns = jnp.concatenate(windows, axis=-1)  # (…, k·k·channels)
    return columns @ params["kernel"].reshape(columns.shape[-1], -1) + params["bias"]


def pool(x):
    n, height, width, channels = x.shape
    x = x[:, : height // 2 * 2, : width // 2 * 2]
    return x.reshape(n, height // 2, 2, width // 2, 2, channels).max((2, 4))


def cnn(params, images):
    """Two convolutions, each with relu and pooling, then two dense layers."""
    first, second, hidden, out = params
    x = images / 255
    x = pool(jax.nn.relu(conv_layer(first, x)))
    x = pool(jax.nn.relu(conv_layer(second, x)))
    x = x.reshape(len(x), -1)
    x = jax.nn.relu(x @ hidden["kernel"] + hidden["bias"])
    return x @ out["kernel"] + out["bias"]


# %% [markdown]
# With jaxdl the network is one line, and its parameters are the same four pairs, so that the one
# can compute with the other's.

# %%
widths = (8, 16)
net = serial(layers.rescale(1 / 255), models.convnet((28, 28, 1), 10, widths=widths, hidden=(64,)))
params, state = net.init(jax.random.key(0))
flat = lambda p: [
    pair for pair in jax.tree.leaves(p, is_leaf=lambda t: isinstance(t, dict)) if pair
]
images = jnp.asarray(animals.train["inputs"][:64], jnp.float32)
by_jaxdl, _ = net.apply(params, state, images)
assert jnp.allclose(cnn(flat(params), images), by_jaxdl, atol=1e-4)
for pair in flat(params):
    print("kernel", pair["kernel"].shape, " bias", pair["bias"].shape)
count = sum(p.size for p in jax.tree.leaves(params))
assert count == (9 * 1 * 8 + 8) + (9 * 8 * 16 + 16) + (7 * 7 * 16 * 64 + 64) + (64 * 10 + 10)
print(count, "parameters, of which the convolutions have", 9 * 8 + 8 + 9 * 8 * 16 + 16)

# %%
plots.blocks(explain.summary(net, (1, 28, 28, 1)).rows)

# %% [markdown]
# ## What it is worth
#
# The CNN against a dense network with about as many parameters, on ten kinds of animals. Then comes
# the test that shows the difference best: shift the test images by a few pixels. Each is still a
# picture of the same animal, but the dense network's weights meet other pixels.

# %%
loss = lambda net: train.supervised(
    net, losses.cross_entropy, metrics={"accuracy": metrics.accuracy}
)
mlp = serial(layers.rescale(1 / 255), layers.flatten(axes=3), models.mlp((784, 64, 64, 10)))
epochs = 1 if FAST else 5
trained = {}
for name, model in {"dense network": mlp, "CNN": net}.items():
    start = train.init_state(model, optax.adam(2e-3), jax.random.key(0))
    end, history = train.fit(
        loss(model), optax.adam(2e-3), start, animals, epochs=epochs, batch_size=128, hooks=()
    )
    trained[name] = (model, end)
    size = sum(p.size for p in jax.tree.leaves(end.params))
    print(
        f"{name:13}  {size} parameters,  test accuracy "
        f"{train.evaluate(loss(model), end, animals.test)['accuracy']:.3f}"
    )

# %%
shifts = (0, 3) if FAST else range(7)
accuracy = {
    name: [
        train.evaluate(
            loss(model),
            end,
            animals.test | {"inputs": np.roll(animals.test["inputs"], shift, axis=2)},
        )["accuracy"]
        for shift in shifts
    ]
    for name, (model, end) in trained.items()
}
lost = {name: values[shifts.index(3)] - values[0] for name, values in accuracy.items()}
print({name: f"{value:+.3f} by a shift of 3 pixels" for name, value in lost.items()})
if not FAST:
    assert accuracy["CNN"][0] > accuracy["dense network"][0]
    assert lost["CNN"] > lost["dense network"]

# %% tags=["plot"]
figure, axes = plt.subplots(figsize=(9.5, 4.6))
for (name, values), colour in zip(accuracy.items(), (ORANGE, BLUE), strict=True):
    axes.plot(shifts, values, "o-", color=colour, lw=2.5, label=name)
    axes.annotate(
        name,
        (shifts[-1], values[-1]),
        (8, 0),
        textcoords="offset points",
        color=colour,
        va="center",
    )
axes.axhline(0.1, color=GREY, ls=":")
axes.annotate("guessing", (0, 0.1), (0, 5), textcoords="offset points", color=GREY)
axes.set(
    xlabel="test images shifted by … pixels",
    ylabel="test accuracy",
    ylim=(0, 1),
    xlim=(-0.2, 7.6),
    xticks=shifts,
)
axes.set_title(
    f"A shift of 3 pixels costs the dense network {-lost['dense network']:.2f}, "
    f"the CNN {-lost['CNN']:.2f}"
)
axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
# ## What the network looks at
#
# The first layer's kernels, and what they make of one horse: its *feature maps*. Blue is positive,
# orange negative. Nobody told the network about edges; kernels that answer to a border on one side
# are among what it found.

# %%
model, end = trained["CNN"]
first = flat(end.params)[0]
one = jnp.asarray(horse, jnp.float32)[None, ..., None] / 255
maps = jax.nn.relu(conv_layer(first, one))[0]
# The same with jaxdl: what each layer makes of an input.
passed = explain.trace(model, end.params, end.state, jnp.asarray(horse)[None, ..., None])
print(passed)
assert jnp.allclose(passed.layers[1].a[0], pool(maps[None])[0], atol=1e-4)
plots.filters(first["kernel"])

# %%
plots.feature_maps(maps)

# %% [markdown] tags=["item-3"]
# And deeper? Each row below is a layer, with its strongest maps of this horse. The first layer's
# maps still look like the picture, with edges on one side or the other; the second layer's are
# coarser, and each number in them depends on ten by ten pixels. How much of the kind of animal is
# in each layer? Compare all pairs of 200 animals: of two of the same kind, a layer's answers should
# be more alike than of two of different kinds.

# %% tags=["item-3"]
several, labels = animals.test["inputs"][:200], animals.test["labels"][:200]
layers_of = explain.trace(model, end.params, end.state, jnp.asarray(several)).layers
same_kind = (labels[:, None] == labels) & ~np.eye(200, dtype=bool)
gain = {}
for name, a in [("pixels", several / 255), *((layer.name, layer.a) for layer in layers_of)]:
    rows = np.asarray(a, np.float64).reshape(200, -1)
    rows = rows - rows.mean(0)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    alike = rows @ rows.T
    gain[name] = alike[same_kind].mean() - alike[labels[:, None] != labels].mean()
    print(f"{name.partition('(')[0]:14} alikeness of same kinds minus others: {gain[name]:.3f}")
steps_up = list(gain.values())
if not FAST:
    assert steps_up[-1] > steps_up[0] + 0.2  # features get more and more about the animal

# %% tags=["item-3"]
behind = passed._replace(layers=passed.layers[1:])  # the first divides by 255
plots.features(behind)

# %% [markdown] tags=["item-3"]
# One layer after the other, each at the size that it has room for:

# %% tags=["item-3"]
through = plots.features_animation(behind)
Image(data=plots.animation_gif(through), format="gif", width=720)

# %% [markdown]
# And which pixels decide? `explain.saliency` differentiates the score of the animal that the
# network sees by every pixel; `explain.integrated_gradients` shares the score itself out among the
# pixels, compared with an empty picture. What it shares out adds up to the difference
# of the two scores.

# %%
some = jnp.asarray(animals.test["inputs"][::160][:6], jnp.float32)
score = lambda images: model.apply(end.params, end.state, images)[0]
shares = explain.integrated_gradients(score, some)
chosen = score(some).argmax(axis=1)[:, None]
gained = jnp.take_along_axis(score(some) - score(jnp.zeros_like(some)), chosen, axis=1)[:, 0]
print("score gained", gained.round(2), " shared out", shares.sum(axis=(1, 2, 3)).round(2))
assert jnp.allclose(shares.sum(axis=(1, 2, 3)), gained, atol=0.05 * jnp.abs(gained).max())
said = ", ".join(animals.classes[int(i)] for i in chosen[:, 0])
plots.attributions(
    some, shares, title=f"It says: {said}. Blue pixels speak for that, orange against"
)

# %% [markdown] tags=["recap"]
# ## In five lines
# * A kernel is a small window of weights; one number of the result is a patch times it, summed.
# * It is a dense layer whose weights are mostly 0 and otherwise shared: nine serve the whole image.
# * Shift the image, and the result shifts along: a pattern is learned once, for every place.
# * Backwards, kernels get the image correlated with δ, and pixels get δ under the turned kernel.
# * Layer upon layer, features become coarser, see more of the image, and are more about its kind.

# %% [markdown] tags=["quiz"]
# ## Quiz
# 1. An image of 28 × 28 pixels, a kernel of 5 × 5, stride 2, padding 2: how large is the result?
# 2. How many parameters has a convolution of 3 × 3 from 8 to 16 channels? On an image twice as
#    large?
# 3. A kernel's weights sum to 0. What does it answer on an even patch?
# 4. What do libraries compute when they say convolution, and why does it make no difference here?
# 5. You shuffle the pixels of all images, in the same way. Which network minds, and why?
#
# <details><summary>Answers</summary>
#
# 1. 14 × 14: ⌊(28 + 4 − 5) / 2⌋ + 1.
# 2. 9 · 8 · 16 + 16 = 1168, both times.
# 3. 0, whatever the patch's brightness: it sees changes only.
# 4. Cross-correlation, with the kernel as it is; a network learns the kernel either way round.
# 5. The CNN: for it, neighbours belong together. To a dense network all orders are alike.
#
# </details>

# %% [markdown] tags=["exercises"]
# ## Exercises

# %% [markdown]
# **1.** Design a 3×3 kernel that is 0 on every even patch and on every vertical edge, and not on
# horizontal ones.

# %% tags=["solution"]
horizontal = jnp.array([[-1.0, -1, -1], [0, 0, 0], [1, 1, 1]])

# %% tags=["check"]
edge = jnp.zeros((8, 8)).at[4:].set(1.0)
assert horizontal.shape == (3, 3) and abs(conv(edge, horizontal)).max() > 0
for blind in (edge.T, jnp.ones((8, 8))):
    assert jnp.allclose(conv(blind, horizontal), 0, atol=1e-6)

# %% [markdown]
# **2.** A 1×1 convolution is a dense layer at every pixel. Which kernel for `functional.conv` does
# what `functional.dense` does with `weights`, of 3 inputs and 5 outputs?


# %% tags=["solution"]
def as_convolution(weights):
    """A kernel (height, width, channels in, channels out)."""
    return weights[None, None]


# %% tags=["check"]
weights = jax.random.normal(jax.random.key(2), (3, 5))
pixels = jax.random.normal(jax.random.key(3), (8, 8, 3))
by_conv = functional.conv({"kernel": as_convolution(weights)}, pixels)
assert jnp.allclose(by_conv, functional.dense({"kernel": weights}, pixels), atol=1e-5)

# %% [markdown]
# **3.** Two 3×3 convolutions one after the other, without an activation between: which single
# kernel does the same? (How many weights do two small ones save?)


# %% tags=["solution"]
def join(a, b):
    """The first, padded, correlated with the second turned: 5×5, 25 weights for 18."""
    return slide(a, b[::-1, ::-1], padding=2)


# %% tags=["check"]
a, b = jax.random.normal(jax.random.key(4), (2, 3, 3))
joined = join(a, b)
assert joined.shape == (5, 5)
assert jnp.allclose(conv(conv(image, a), b), conv(image, joined), atol=1e-4)

# %% [markdown]
# **4.** How many rows of the image does one number after our CNN's second pooling depend on (its
# *receptive field*)? Two convolutions of 3×3, each followed by a pooling of 2×2.

# %% tags=["solution"]
# From the last layer down: the 2 rows of the second pooling, widened by 1 on each side (4), doubled
# by the first pooling (8), widened once more (10).
field = (2 + 2) * 2 + 2

# %% tags=["check"]
deep = lambda x: pool(conv_layer(flat(params)[1], pool(conv_layer(flat(params)[0], x))))
noise = jax.random.normal(jax.random.key(5), (8, 1, 28, 28, 1))
gradients = np.asarray(jax.jit(jax.vmap(jax.grad(lambda x: deep(x)[0, 3, 3].sum())))(noise))
rows = np.argwhere(abs(gradients).max(0)[0, ..., 0])[:, 0]  # max pooling passes one pixel at a time
assert rows.max() - rows.min() + 1 == field
