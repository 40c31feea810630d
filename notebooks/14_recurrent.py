# %% [markdown]
# # 14 · Recurrent networks
#
# *A network with a memory: state and sequence by hand, LSTM and GRU, and how gradients vanish on
# their way back through time, measured.*

# %% [markdown] tags=["objectives"]
# **After this lecture you can** write an RNN, an LSTM and a GRU in a few lines each, and their way
# back through time; bring text, sound and measurements into the form that they read; say why
# gradients vanish or explode over many steps, measure it, and do something about it.
#
# **You need** [backpropagation](08_backpropagation.ipynb) and [convolution](13_convolution.ipynb),
# which shares weights, too. **Next:** two layers that help any network to train, [dropout and batch
# normalisation](15_dropout_batchnorm.ipynb).

# %% [markdown]
# A sentence, a melody, a temperature curve: what comes now has a meaning only with what came
# before. A recurrent network reads one step at a time and keeps a **state** $h$, a vector that has
# to hold everything worth remembering. The same weights are used at each step, so a sequence may be
# as long as it likes:
#
# $$ h_t = \tanh\big(x_t W + h_{t-1} U + b\big). $$
#
# To learn, unroll the loop: a sequence of 50 steps is a network of 50 layers that share their
# weights, and backpropagation goes *back through time*. Here lies the trouble. Every step back
# multiplies the gradient by $\mathrm{diag}(1 - h_t^2)\,U^\top$; fifty factors smaller than one are
# next to nothing, and fifty larger ones explode. The **LSTM** (Hochreiter and Schmidhuber 1997)
# therefore adds to its memory, and lets gates decide what comes in and goes out; a gate that
# decides what to forget came three years later (Gers et al. 2000).

# %% tags=["setup"]
import os

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax

from jaxdl import functional, layers, losses, metrics, models, plots, serial, train
from jaxdl.plots import BLUE, GREEN, GREY, ORANGE, SKY

FAST = "JAXDL_FAST" in os.environ  # smaller sizes, for the tests
np.set_printoptions(precision=4, suppress=True)

# %% [markdown] tags=["item-98"]
# A loop, and the same loop unrolled: one layer for each step, all with the same weights.

# %% tags=["item-98"]
plots.unrolled(4, cell="tanh")

# %% [markdown] tags=["item-99"]
# ## What comes as a sequence
# Text, speech, a course of temperatures: whatever it is, a recurrent network reads an array
# `(time, features)`. A **text** has a row for each character, with a 1 where that character is in
# the alphabet. A **sound** is cut into short pieces that overlap, and each is turned into how loud
# its frequencies are. A **time series** is there already: a row for each day, a column for each
# thing that was measured.

# %% tags=["item-99"]
# Text: "hello" in an alphabet of 26.
letters = jnp.array([ord(c) - ord("a") for c in "hello"])
text = jax.nn.one_hot(letters, 26)
assert text.shape == (5, 26) and (text[2] == text[3]).all()  # l and l

# Sound: half a second of a tone that climbs from 300 to 1,500 Hz, 8,000 numbers a second.
seconds = np.arange(4000) / 8000
wave_form = np.sin(2 * np.pi * (300 * seconds + 1200 * seconds**2))
pieces = np.lib.stride_tricks.sliding_window_view(wave_form, 256)[::128] * np.hanning(256)
sound = np.abs(np.fft.rfft(pieces))
loudest = sound.argmax(axis=1) * 8000 / 256  # Hz
assert sound.shape == (30, 129) and abs(loudest[0] - 338) < 50 and abs(loudest[-1] - 1450) < 60

# A time series: three years of weeks, with the seasons, a shorter rhythm and chance.
weeks = np.arange(156)
chance = np.random.default_rng(0).normal(0, 0.5, 156)
series = 10 - 9 * np.cos(2 * np.pi * weeks / 52) + 3 * np.sin(2 * np.pi * weeks / 6) + chance
for name, array in {"text": text, "sound": sound, "time series": series[:, None]}.items():
    print(f"{name:12} {array.shape[0]:3} steps of {array.shape[1]:3} features")

# %% tags=["plot", "item-99"]
figure, panels = plt.subplots(1, 3, figsize=(12, 3.6))
panels[0].imshow(text.T, cmap="Blues", aspect="auto")
panels[0].set(title="text: “hello”", xticks=range(5), xticklabels="hello")
panels[0].set(yticks=range(0, 26, 5), yticklabels="afkpuz")
panels[1].imshow(sound.T, cmap="Blues", aspect="auto", origin="lower", extent=(0, 0.5, 0, 4000))
panels[1].set(
    title="sound: a tone climbs", xlabel="seconds", ylabel="frequency, Hz", ylim=(0, 2000)
)
panels[2].plot(weeks, series, color=BLUE, lw=2)
panels[2].set(title="time series", xlabel="week", ylabel="temperature, °C")
panels[2].spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
# ## The three cells from scratch
# A cell is a function `(state, x) -> (state, y)`; that's what `lax.scan` runs over a sequence. The
# LSTM has two states, $h$ and the memory $c$, and three gates between 0 and 1: what comes **i**n,
# what is kept (**f**orget gate), what goes **o**ut. The GRU makes do with one state and two gates.
#
# $$ \begin{aligned}
#    \text{LSTM:}\quad & (i, f, g, o) = xW + hU + b, &
#    c' &= \sigma(f) \odot c + \sigma(i) \odot \tanh(g), \\
#    & & h' &= \sigma(o) \odot \tanh(c'); \\
#    \text{GRU:}\quad & r = \sigma(\cdot),\; z = \sigma(\cdot), &
#    n &= \tanh\big(xW_n + b_n + r \odot (hU_n + b'_n)\big), \\
#    & & h' &= (1 - z) \odot n + z \odot h.
#    \end{aligned} $$


# %%
def rnn_cell(params, h, x):
    h = jnp.tanh(x @ params["kernel"] + h @ params["recurrent_kernel"] + params["bias"])
    return h, h


def lstm_cell(params, carry, x):
    h, c = carry
    gates = x @ params["kernel"] + h @ params["recurrent_kernel"] + params["bias"]
    i, f, g, o = jnp.split(gates, 4, axis=-1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    h = jax.nn.sigmoid(o) * jnp.tanh(c)
    return (h, c), h


def gru_cell(params, h, x):
    from_x = jnp.split(x @ params["kernel"] + params["bias"], 3, axis=-1)
    from_h = jnp.split(h @ params["recurrent_kernel"] + params["recurrent_bias"], 3, axis=-1)
    r = jax.nn.sigmoid(from_x[0] + from_h[0])
    z = jax.nn.sigmoid(from_x[1] + from_h[1])
    n = jnp.tanh(from_x[2] + r * from_h[2])
    h = (1 - z) * n + z * h
    return h, h


def run(cell, params, x):
    """Reads a sequence (time, features); the states at all times, and the last carry."""
    n = params["recurrent_kernel"].shape[0]
    start = (jnp.zeros(n), jnp.zeros(n)) if cell is lstm_cell else jnp.zeros(n)
    carry, y = jax.lax.scan(lambda carry, x: cell(params, carry, x), start, x)
    return y, carry


# %% [markdown]
# **In PyTorch**, `nn.RNN(2, 3)`, `nn.LSTM(2, 3)` and `nn.GRU(2, 3)`, their weights set by a formula
# (sines), read a sequence of three steps and print in the last one
#
# ```
# RNN   [-0.1062,  0.2784,  0.3932]
# LSTM  [ 0.0135,  0.0564,  0.1176]
# GRU   [-0.1176,  0.1288,  0.3073]
# ```
#
# PyTorch has two biases in each layer, one for $x$ and one for $h$, of which the RNN and the LSTM
# only ever see the sum. Many slides write the GRU's candidate as $\tanh(xW_n + (r \odot h)U_n)$;
# PyTorch and Keras apply $r$ after the product, as above.


# %% tags=["item-98"]
def wave(*shape, scale=1.0):
    return jnp.asarray(scale * np.sin(np.arange(np.prod(shape))).reshape(shape), jnp.float32)


def sines(gates):
    """The weights that PyTorch was given; 0.1 and 0.2 are those of its two biases."""
    return {
        "kernel": wave(2, 3 * gates, scale=0.5),
        "recurrent_kernel": wave(3, 3 * gates, scale=0.5),
        "bias": wave(3 * gates, scale=0.1),
        "recurrent_bias": wave(3 * gates, scale=0.2),
    }


def one_bias(params):
    summed = params["bias"] + params["recurrent_bias"]
    return {
        "kernel": params["kernel"],
        "recurrent_kernel": params["recurrent_kernel"],
        "bias": summed,
    }


x = wave(3, 2)
torch_prints = {
    "RNN": jnp.array([-0.1062, 0.2784, 0.3932]),
    "LSTM": jnp.array([0.0135, 0.0564, 0.1176]),
    "GRU": jnp.array([-0.1176, 0.1288, 0.3073]),
}
cells: dict[str, tuple] = {
    "RNN": (rnn_cell, functional.rnn, one_bias(sines(1))),
    "LSTM": (lstm_cell, functional.lstm, one_bias(sines(4))),
    "GRU": (gru_cell, functional.gru, sines(3)),
}
for name, (cell, jaxdl_cell, params) in cells.items():
    y, carry = run(cell, params, x)
    print(f"{name:5}", [f"{v:.4f}" for v in y[-1]])
    assert jnp.allclose(y[-1], torch_prints[name], atol=1e-4)
    # The same with jaxdl: functional.rnn, functional.lstm, functional.gru.
    theirs, _ = jaxdl_cell(params, x)
    assert jnp.allclose(theirs, y, atol=1e-5)
    slope = jax.grad(lambda p, f=jaxdl_cell: jnp.sum(f(p, x)[0] ** 2))(params)
    ours = jax.grad(lambda p, cell=cell: jnp.sum(run(cell, p, x)[0] ** 2))(params)
    assert all(jnp.allclose(slope[k], ours[k], atol=1e-5) for k in slope)

# %% [markdown]
# ## Backpropagation through time, by hand
# With $L$ depending on the last state only, let $\delta_t = \partial L/\partial(\text{what tanh
# gets at } t)$. Then
#
# $$ \delta_T = \frac{\partial L}{\partial h_T} \odot (1 - h_T^2), \qquad
#    \delta_{t-1} = \big(\delta_t U^\top\big) \odot (1 - h_{t-1}^2), \qquad
#    \frac{\partial L}{\partial U} = \sum_t h_{t-1}^\top \delta_t . $$
#
# The weights are shared, so their gradient is a **sum over time**.

# %%
params = one_bias(sines(1))
h, _ = run(rnn_cell, params, x)
before = jnp.concatenate([jnp.zeros((1, 3)), h[:-1]])
delta, d_u, d_w = jnp.ones(3) * (1 - h[-1] ** 2), 0.0, 0.0  # L is the sum of the last state
for t in reversed(range(3)):
    d_u, d_w = d_u + jnp.outer(before[t], delta), d_w + jnp.outer(x[t], delta)
    delta = (delta @ params["recurrent_kernel"].T) * (1 - before[t] ** 2)
by_grad = jax.grad(lambda p: functional.rnn(p, x)[0][-1].sum())(params)
assert jnp.allclose(d_u, by_grad["recurrent_kernel"], atol=1e-6)
assert jnp.allclose(d_w, by_grad["kernel"], atol=1e-6)
print(jnp.round(d_u, 3))

# %% [markdown]
# ## Vanishing and exploding, measured
# How much does the state at time $T$ still feel of the state $k$ steps before, $\lVert \partial h_T
# / \partial h_{T-k} \rVert$? Since $1 - h^2 \le 1$, each step back multiplies by at most the
# largest stretch of $U$, so with $U = s \cdot$(a rotation), it's at most $s^k$. For the LSTM
# there's the direct way through the memory, $\partial c_T/\partial c_{T-k} \approx \prod
# \sigma(f)$: with the forget gate's bias at 3, $\sigma(3) \approx 0.95$ a step.

# %%
N, T = 32, 60
rotation = jnp.linalg.qr(jax.random.normal(jax.random.key(0), (N, N)))[0]
noise = 0.1 * jax.random.normal(jax.random.key(1), (T, N))


def felt(cell, params, start):
    """‖∂ state after k steps / ∂ state before‖ for k = 1 … T: the Jacobian is carried along."""

    def step(carry, x):
        state, jacobian = carry
        advance = lambda s: cell(params, s, x)[0]
        forward = jax.vmap(lambda v: jax.jvp(advance, (state,), (v,))[1], in_axes=-1, out_axes=-1)
        jacobian = forward(jacobian)
        first = jacobian[1] if isinstance(state, tuple) else jacobian  # c of an LSTM, else h
        return (advance(state), jacobian), jnp.linalg.norm(first, 2)

    directions = jnp.eye(N)
    if isinstance(start, tuple):
        directions = (jnp.zeros((N, N)), jnp.eye(N))
    return jax.jit(lambda: jax.lax.scan(step, (start, directions), noise)[1])()


plain = lambda s: {"kernel": jnp.eye(N), "recurrent_kernel": s * rotation, "bias": jnp.zeros(N)}
small = 0.02 * jax.random.normal(jax.random.key(2), (N, 4 * N))
gates = lambda bias: {
    "kernel": jnp.tile(jnp.eye(N), (1, 4)),
    "recurrent_kernel": small,
    "bias": jnp.zeros(4 * N).at[N : 2 * N].set(bias),
}
zeros = (jnp.zeros(N), jnp.zeros(N))
strength = {
    "RNN, s = 0.5": felt(rnn_cell, plain(0.5), jnp.zeros(N)),
    "RNN, s = 0.9": felt(rnn_cell, plain(0.9), jnp.zeros(N)),
    "RNN, s = 1.5": felt(rnn_cell, plain(1.5), jnp.zeros(N)),
    "LSTM, forget bias 0": felt(lstm_cell, gates(0.0), zeros),
    "LSTM, forget bias 3": felt(lstm_cell, gates(3.0), zeros),
}
for name, values in strength.items():
    print(f"{name:20} after 10 steps {values[9]:.1e}, after 50 {values[49]:.1e}")
k = jnp.arange(1, T + 1)
assert (strength["RNN, s = 0.5"] <= 0.5**k * 1.01).all()  # the bound
assert strength["RNN, s = 0.5"][49] < 1e-14
assert strength["LSTM, forget bias 3"][49] > 0.01 > 1e6 * strength["LSTM, forget bias 0"][49]

# Without tanh nothing holds it back: with s = 1.1 it explodes.
linear = lambda params, h, x: (x @ params["kernel"] + h @ params["recurrent_kernel"], h)
assert jnp.allclose(felt(linear, plain(1.1), jnp.zeros(N))[49], 1.1**50, rtol=1e-3)

# %% tags=["picture", "plot"]
figure, axes = plt.subplots(figsize=(9, 4.2))
looks = [(GREY, "-"), (BLUE, "-"), (SKY, "--"), (GREEN, "--"), (ORANGE, "-")]
for (name, values), (colour, style) in zip(strength.items(), looks, strict=True):
    axes.semilogy(k, values, color=colour, ls=style, lw=2.8)
    visible = int(jnp.sum(values > 1e-8))
    place = (visible, float(values[visible - 1]))
    left = name == "RNN, s = 0.5"  # or it would lie on the line beside
    side = {"ha": "right", "xytext": (-10, -2)} if left else {"xytext": (8, 0)}
    axes.annotate(name, place, textcoords="offset points", color=colour, va="center", **side)
axes.set(
    xlim=(0, 84), ylim=(1e-12, 1e4), xlabel="steps back in time", ylabel="gradient that is left"
)
axes.set_title("What the last state feels of an earlier one")
axes.set_xticks(range(0, 61, 10))
axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
# ## What it means for learning: remember the first symbol
# A sequence of noise; only its **first** step says which of two classes it is. The network is asked
# at the end. Reading 10 steps, the plain network learns it. Reading 60, the plain network can't
# tell where its mistake came from.

# %%
STEPS = 20 if FAST else 200


def remember(key, length, n=32):
    """Sequences (n, length, 2): noise, and beside the first step's the class, ±1."""
    one, two = jax.random.split(key)
    labels = jax.random.bernoulli(one, shape=(n,)).astype(jnp.int32)
    noise = jax.random.normal(two, (n, length, 1))
    signal = jnp.zeros((n, length, 1)).at[:, 0, 0].set(2.0 * labels - 1)
    return {"inputs": jnp.concatenate([noise, signal], axis=-1), "labels": labels}


def accuracy_after(cell, length, forget_bias=None):
    net = models.sequence_classifier(2, 16, 2, cell=cell)
    loss_fn = train.supervised(net, losses.cross_entropy, metrics={"accuracy": metrics.accuracy})
    tx = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(1e-2))
    state = train.init_state(net, tx, jax.random.key(0))
    if forget_bias is not None:
        (params,) = state.params["recurrent"]
        bias = params["bias"].at[16:32].set(forget_bias)
        changed = {**state.params, "recurrent": ({**params, "bias": bias},)}
        state = state._replace(params=changed)
    step = train.make_step(loss_fn, tx)

    def one(state, key):
        state, sums = step(state, remember(key, length))
        return state, sums["accuracy"].total / sums["accuracy"].count

    keys = jax.random.split(jax.random.key(1), STEPS)
    return jax.jit(lambda s: jax.lax.scan(one, s, keys)[1])(state)


contest = {
    "RNN": (layers.rnn, None, (10, 60)),
    "GRU": (layers.gru, None, (60,)),
    "LSTM": (layers.lstm, None, (60,)),
    "LSTM, forget bias 3": (layers.lstm, 3.0, (10, 60)),
}
if FAST:
    contest = {name: contest[name] for name in ("RNN", "LSTM, forget bias 3")}
curves = {}
for name, (cell, bias, lengths) in contest.items():
    for length in lengths[:1] if FAST else lengths:
        curves[length, name] = np.asarray(accuracy_after(cell, length, bias))
        print(f"{length:3} steps, {name:20} accuracy {curves[length, name][-20:].mean():.3f}")
last = {name: curve[-20:].mean() for name, curve in curves.items()}
if not FAST:
    assert last[10, "RNN"] > 0.95 and last[10, "LSTM, forget bias 3"] > 0.95
    assert last[60, "RNN"] < 0.7
    assert last[60, "LSTM, forget bias 3"] > 0.95

# %% tags=["plot"]
figure, panels = plt.subplots(1, 2, figsize=(10, 4.0), sharey=True)
for axes, length in zip(panels, (10, 60), strict=True):
    styles = zip((GREY, GREEN, BLUE, ORANGE), ("-", "--", ":", "-"), strict=True)
    for name, (colour, dashes) in zip(contest, styles, strict=False):
        if (length, name) in curves:
            smooth = np.convolve(curves[length, name], np.ones(10) / 10, "valid")
            axes.plot(smooth, color=colour, ls=dashes, lw=2.2, label=name)
    axes.set(title=f"the first of {length} steps counts", xlabel="training step", ylim=(0.4, 1.03))
    axes.spines[["top", "right"]].set_visible(False)
panels[0].set_ylabel("accuracy")
panels[0 if FAST else 1].legend(frameon=False, fontsize=11)
plt.show()

# %% [markdown]
# The gates alone don't do it: with its forget gates half open at the start ($\sigma(0) = \frac12$ a
# step), an LSTM forgets as fast as any. **Start with a large forget bias** (Gers et al. 2000; Keras
# sets it to 1, PyTorch to a random number near 0). And clip the gradient against the opposite,
# explosion: `optax.clip_by_global_norm`.

# %% [markdown] tags=["item-99"]
# ## Next week's temperature
# A task of every day: having read a year, say what the next week brings. A GRU reads week after
# week and says each time what it expects. It learns from the first two and a half years of thirty
# other series, and is tested on the last half year of new ones. Two simple rules compete with it:
# *it stays as it is*, and *it goes on as from last week to this one*.

# %% tags=["item-99"]
WEEKS = 156


def climates(key, n):
    """Series (n, weeks, 1) in tens of degrees: seasons and rhythm begin anywhere."""
    begin, chance = jax.random.split(key)
    t = jnp.arange(WEEKS)[None]
    yearly, short = 2 * jnp.pi * jax.random.uniform(begin, (2, n, 1))
    values = 1.0 - 0.9 * jnp.cos(2 * jnp.pi * t / 52 + yearly)
    values += 0.3 * jnp.sin(2 * jnp.pi * t / 6 + short)
    return (values + 0.05 * jax.random.normal(chance, (n, WEEKS)))[..., None]


forecaster = serial(layers.gru(1, 24), layers.dense(24, 1))
square = train.supervised(forecaster, losses.mse_loss)
tx = optax.adam(1e-2)
known, unknown = climates(jax.random.key(0), 30)[:, :130], climates(jax.random.key(1), 30)
step = train.make_step(square, tx)
pairs_of = {"inputs": known[:, :-1], "labels": known[:, 1:]}
learn = jax.jit(
    lambda s: jax.lax.scan(lambda s, _: (step(s, pairs_of)[0], None), s, length=STEPS)[0]
)
learned = learn(train.init_state(forecaster, tx, jax.random.key(0)))
expected, _ = forecaster.apply(learned.params, learned.state, unknown[:, :-1])

asked, truth = slice(130, WEEKS - 1), unknown[:, 131:]
guesses = {
    "it stays as it is": unknown[:, asked],
    "it goes on so": 2 * unknown[:, asked] - unknown[:, 129 : WEEKS - 2],
    "GRU": expected[:, asked],
}
off = {name: float(10 * jnp.sqrt(jnp.mean((g - truth) ** 2))) for name, g in guesses.items()}
for name, degrees in off.items():
    print(f"{name:18} off by {degrees:.2f} degrees")
if not FAST:
    assert off["GRU"] < 0.6 * min(off["it stays as it is"], off["it goes on so"])
    assert off["GRU"] > 0.5  # chance itself, which nobody can foresee

# %% tags=["plot", "item-99"]
figure, axes = plt.subplots(figsize=(10, 3.8))
axes.plot(np.arange(104, WEEKS), 10 * unknown[0, 104:, 0], "o-", color=GREY, ms=4, label="measured")
axes.plot(np.arange(131, WEEKS), 10 * expected[0, asked, 0], color=ORANGE, lw=2.5, label="expected")
axes.set(xlabel="week", ylabel="temperature, °C")
axes.set_title(f"A GRU expects next week's temperature, off by {off['GRU']:.1f} degrees")
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False)
plt.show()

# %% [markdown] tags=["recap"]
# ## In five lines
# * A recurrent network reads one step at a time and keeps a state; the weights are the same each
#   time.
# * Text, sound and measurements all become arrays of time steps and features.
# * Unrolled, it's as deep as the sequence is long; the gradient of its weights is a sum over time.
# * Each step back multiplies the gradient: below one it vanishes, above one it explodes.
# * An LSTM's memory adds instead; start with a large forget bias, and clip gradients.

# %% [markdown] tags=["quiz"]
# ## Quiz
# 1. How does the number of an RNN's weights depend on the length of the sequence?
# 2. With $U$ half a rotation, how much of a gradient can be left after 20 steps?
# 3. Which gate lets an LSTM remember, and what must it be near?
# 4. What helps against exploding gradients, and does it help against vanishing ones?
# 5. Which part of backpropagation through time can't be computed for all steps at once?
#
# <details><summary>Answers</summary>
#
# 1. Not at all: they are shared.
# 2. At most $0.5^{20}$, a millionth.
# 3. The forget gate; near 1, so that the memory is kept.
# 4. Clipping makes large ones short; what has vanished it can't bring back.
# 5. The way back itself: $\delta_{t-1}$ needs $\delta_t$, as $h_t$ needed $h_{t-1}$.
#
# </details>

# %% [markdown] tags=["exercises"]
# ## Exercises

# %% [markdown]
# **1.** How many parameters have an RNN, a GRU and an LSTM with $m$ features and $n$ units?
# (jaxdl's layers have one bias for each gate of the RNN and the LSTM, two for each of the GRU.)


# %% tags=["solution"]
def parameters_of(cell, m, n):
    """Of "rnn", "lstm" or "gru"."""
    return {"rnn": n * (m + n + 1), "lstm": 4 * n * (m + n + 1), "gru": 3 * n * (m + n + 2)}[cell]


# %% tags=["check"]
for cell in ("rnn", "lstm", "gru"):
    shapes = jax.eval_shape(getattr(layers, cell)(2, 16).init, jax.random.key(0))
    assert sum(p.size for p in jax.tree.leaves(shapes)) == parameters_of(cell, 2, 16)

# %% [markdown]
# **2.** Choose the weights of an RNN with relu whose state is the running sum of what it reads. (Of
# positive numbers.)

# %% tags=["solution"]
adder = {"kernel": jnp.ones((1, 1)), "recurrent_kernel": jnp.ones((1, 1))}

# %% tags=["check"]
numbers = jnp.array([[1.0], [5], [2], [4]])
y, _ = functional.rnn(adder, numbers, nonlinearity="relu")
assert y[:, 0].tolist() == [1, 6, 8, 12]

# %% [markdown]
# **3.** Choose gates by hand so that an LSTM keeps the first input and ignores all others. The
# second feature is 1 in the first step, else 0.

# %% tags=["solution"]
keeps_first = {
    "kernel": jnp.array([[0.0, 0, 1, 0], [40, 0, 0, 0]]),  # columns: i, f, g, o
    "recurrent_kernel": jnp.zeros((1, 4)),
    "bias": jnp.array([-20.0, 20, 0, 20]),  # in only at the mark; forget gate and out gate open
}

# %% tags=["check"]
heard = jax.random.normal(jax.random.key(4), (100, 1))
marked = jnp.concatenate([heard, jnp.zeros((100, 1)).at[0].set(1)], axis=1)
_, (h, c) = functional.lstm(keeps_first, marked)
assert jnp.allclose(c[0], jnp.tanh(heard[0, 0]), atol=1e-4)

# %% [markdown]
# **4.** Read a long sequence in two pieces with an LSTM, so that nothing changes.


# %% tags=["solution"]
def in_two_pieces(params, sequence, cut):
    """All states; what is known at the cut is passed on."""
    first, carry = functional.lstm(params, sequence[:cut])
    second, _ = functional.lstm(params, sequence[cut:], carry=carry)
    return jnp.concatenate([first, second])


# %% tags=["check"]
params = cells["LSTM"][2]
sequence = jax.random.normal(jax.random.key(5), (20, 2))
whole, _ = functional.lstm(params, sequence)
assert jnp.allclose(in_two_pieces(params, sequence, 12), whole, atol=1e-6)
