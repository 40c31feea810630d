# %% [markdown]
# # 16 · Attention and a small transformer
#
# *A soft look-up, written by hand and checked against PyTorch; then a transformer that learns to
# write backwards and one that recites Shakespeare.*

# %% [markdown] tags=["objectives"]
# **After this lecture you can** write attention with several heads in a dozen lines; say what
# queries, keys, values and $\sqrt d$ are for, why positions have to be told and what a causal mask
# hides; put a transformer block together, and read from its shares what it has learned.
#
# **You need** [softmax](04_single_layer.ipynb), [the deep network](05_deep_network.ipynb) and, to
# compare, [recurrent networks](14_recurrent.ipynb). **Next:** every neuron of a small network in
# sight, [a playground](17_playground.ipynb).

# %% [markdown]
# A dictionary answers the query "cat" with the value that stands under the key "cat". **Attention**
# is a dictionary that answers softly: it compares the query with *all* keys, turns the similarities
# into shares that sum to 1, and returns the mean of all values with these shares. Everything in it
# has a derivative, so a network can learn what to ask (queries), what to be found under (keys) and
# what to hand out (values):
#
# $$ \mathrm{attention}(Q, K, V) = \mathrm{softmax}\!\left(\frac{Q K^\top}{\sqrt{d}}\right) V, $$
#
# $$ Q = X W_Q, \quad K = X W_K, \quad V = X W_V. $$
#
# A recurrent network has to carry what it read through every step in between; attention looks
# straight at it, at any distance and at all positions at once. A **transformer** (Vaswani
# et al., 2017) is this, followed at each position by a small network, both added to what came in
# and normalised, and a stack of such blocks. Little else is in today's language models, only far
# more of it.

# %% tags=["setup"]
import functools
import os

import jax
import jax.numpy as jnp
import numpy as np
import optax
from IPython.display import Image

from jaxdl import functional, layers, losses, metrics, models, plots, serial, train

FAST = "JAXDL_FAST" in os.environ  # smaller sizes, for the tests
np.set_printoptions(precision=4, suppress=True)

# %% [markdown]
# ## A soft dictionary, from scratch
# Four animals with three features: size, has claws, gives milk. The query describes something small
# with claws and a little milk. The sharper the comparison, the more it's an ordinary dictionary.


# %% tags=["item-48"]
def attention(q, k, v, mask=None):
    """Queries (m, d), keys (n, d), values (n, e), and True where a query may look."""
    scores = q @ k.T / jnp.sqrt(q.shape[-1])
    if mask is not None:
        scores = jnp.where(mask, scores, -jnp.inf)
    weights = jax.nn.softmax(scores, axis=-1)
    return weights @ v, weights


names = ["cat", "cow", "eagle", "elephant"]
keys = jnp.array([[-1.0, 1, 0], [1, -1, 1], [-1, 1, -1], [2, -1, 0]])
values = jnp.array([[4.0], [600], [5], [5000]])  # what is handed out: kilograms
query = jnp.array([[-1.0, 1, 0.5]])
for sharp in (1, 4, 40):
    answer, weights = attention(sharp * query, keys, values)
    shares = "  ".join(f"{name} {share:.2f}" for name, share in zip(names, weights[0], strict=True))
    print(f"×{sharp:2}  {shares}  →  {answer[0, 0]:.1f} kg")
assert jnp.allclose(weights.sum(), 1) and jnp.allclose(answer[0, 0], 4, atol=0.01)

# %% [markdown]
# ## Why $\sqrt d$
# The product of two random vectors of $d$ entries with variance 1 has variance $d$. Without the
# division the scores grow with the width of the network, softmax becomes hard, and its gradient
# vanishes.

# %%
for d in (4, 64, 1024):
    q, k = jax.random.normal(jax.random.key(d), (2, 2000, d))
    products = (q * k).sum(axis=1)
    hard, soft = (
        jax.nn.softmax(s.reshape(-1, 8)).max(axis=1).mean() for s in (products, products / d**0.5)
    )
    print(
        f"d={d:5}  variance {products.var():8.1f}   "
        f"largest of 8 shares: {hard:.2f} undivided, {soft:.2f} divided"
    )
    assert jnp.allclose(products.var(), d, rtol=0.1) and jnp.allclose(
        (products / d**0.5).var(), 1, rtol=0.1
    )
assert hard > 0.9 > 0.5 > soft

# %% [markdown]
# ## Several heads, from scratch
# One attention asks one question. $h$ heads ask $h$ questions in $d/h$ features each; a last matrix
# $W_O$ mixes the answers. In a *causal* network position $t$ must not see later ones: these scores
# become $-\infty$, and their shares 0.


# %%
def multi_head_attention(params, x, n_heads, causal=False):
    time, width = x.shape
    qkv = x @ params["qkv"]["kernel"] + params["qkv"]["bias"]
    q, k, v = jnp.split(qkv, 3, axis=-1)
    heads = lambda a: a.reshape(time, n_heads, width // n_heads).swapaxes(0, 1)
    mask = jnp.tril(jnp.ones((time, time), bool)) if causal else None
    y, weights = jax.vmap(functools.partial(attention, mask=mask))(heads(q), heads(k), heads(v))
    y = y.swapaxes(0, 1).reshape(time, width)
    return y @ params["out"]["kernel"] + params["out"]["bias"], weights


# %% [markdown]
# **In PyTorch**, `nn.MultiheadAttention(4, 2, batch_first=True)` with its weights set by a formula
# (`in_proj_weight` to $\sin(0), \sin(1), \dots$ in the shape (4, 12), transposed, and so on) prints
#
# ```
# tensor([[[-0.7575, -0.0567,  0.6963,  0.8091],
#          [ 0.2857, -0.0919, -0.3850, -0.3241],
#          [ 0.5823, -0.0284, -0.6130, -0.6340]]])
# tensor([[[-0.1670, -0.8202, -0.7193,  0.0429],     # with a causal mask
#          [-0.1788, -0.7092, -0.5875,  0.0743],
#          [ 0.5823, -0.0284, -0.6130, -0.6340]]])
# ```


# %%
def wave(*shape, scale=1.0):
    return jnp.asarray(scale * np.sin(np.arange(np.prod(shape))).reshape(shape), jnp.float32)


params = {
    "qkv": {"kernel": wave(4, 12), "bias": wave(12, scale=0.1)},
    "out": {"kernel": wave(4, 4), "bias": jnp.zeros(4)},
}
x = wave(3, 4)
torch_prints = jnp.array(
    [
        [-0.7575, -0.0567, 0.6963, 0.8091],
        [0.2857, -0.0919, -0.3850, -0.3241],
        [0.5823, -0.0284, -0.6130, -0.6340],
    ]
)
torch_causal = jnp.array([[-0.1670, -0.8202, -0.7193, 0.0429], [-0.1788, -0.7092, -0.5875, 0.0743]])
y, weights = multi_head_attention(params, x, n_heads=2)
causal, causal_weights = multi_head_attention(params, x, n_heads=2, causal=True)
print(y)
assert jnp.allclose(y, torch_prints, atol=1e-4)
assert jnp.allclose(causal[:2], torch_causal, atol=1e-4) and jnp.allclose(
    causal[2], y[2], atol=1e-5
)
assert jnp.array_equal(causal_weights, jnp.tril(causal_weights))

# %% [markdown]
# ## The same with jaxdl
# The parameters have the same names and shapes.

# %% tags=["item-48"]
assert jnp.allclose(functional.multi_head_attention(params, x, n_heads=2), y, atol=1e-5)
assert jnp.allclose(
    functional.multi_head_attention(params, x, n_heads=2, causal=True), causal, atol=1e-5
)
layer = layers.multi_head_attention(4, 2)
assert jnp.allclose(layer.apply(params, (), x)[0], y, atol=1e-5)
gradient = lambda f: jax.grad(lambda p: jnp.sum(f(p) ** 2))(params)["qkv"]["kernel"]
assert jnp.allclose(
    gradient(lambda p: multi_head_attention(p, x, 2)[0]),
    gradient(lambda p: functional.multi_head_attention(p, x, n_heads=2)),
    atol=1e-4,
)

# %% [markdown]
# ## Order has to be told
# Shuffle the words and attention's answers are shuffled alike: without more, a sentence is a bag of
# words. So positions are written into the input, here as Vaswani et al. did, with sines and cosines
# of growing wavelength: $p_{t,2i} = \sin(t / 10000^{2i/d})$, $p_{t,2i+1} = \cos(t / 10000^{2i/d})$.

# %%
shuffled = jnp.array([2, 0, 1])
assert jnp.allclose(multi_head_attention(params, x[shuffled], 2)[0], y[shuffled], atol=1e-5)


def positions(length, d):
    angles = jnp.arange(length)[:, None] / 10_000 ** (jnp.arange(0, d, 2) / d)
    return jnp.stack([jnp.sin(angles), jnp.cos(angles)], axis=-1).reshape(length, d)


table = positions(60, 32)
placed = x + positions(3, 4)
assert not jnp.allclose(
    multi_head_attention(params, x[shuffled] + positions(3, 4), 2)[0],
    multi_head_attention(params, placed, 2)[0][shuffled],
    atol=1e-2,
)
near = table @ table.T  # how alike positions are depends on their distance alone
assert (
    jnp.allclose(jnp.diag(near, 5), near[0, 5], atol=1e-3) and near[0, 0] > near[0, 1] > near[0, 2]
)
theirs = functional.sinusoidal_positions(jnp.arange(60), 32)
print("positions", table.shape, " jaxdl's:", theirs.shape)
assert jnp.allclose(jnp.sort(theirs, axis=1), jnp.sort(table, axis=1), atol=1e-4)

# %% [markdown]
# ## The block
# Attention and a small network at each position, both added to what came in (orange): this is drawn
# from the parameters of the block that learns below.

# %% tags=["item-48"]
drawn, _ = models.transformer_block(32, 1, n_hidden=64, norm_first=True).init(jax.random.key(0))
plots.transformer_block(drawn, 1)

# %% [markdown]
# ## A small transformer writes backwards
# The task: read eight tokens, give them back in reverse. Position $t$ of the answer needs position
# $7 - t$ of the question, whatever stands there, so attention should learn to look **along the
# other diagonal**. One block of one head is enough, and then we can look at its shares. (The
# University of Amsterdam's deep-learning course uses the same task, and reaches 100 %.)

# %%
LENGTH, TOKENS, WIDTH = 8, 10, 32
STEPS = 30 if FAST else 600
block = models.transformer_block(WIDTH, 1, n_hidden=64, norm_first=True, rate=0.0)
net = serial(
    embedding=layers.embedding(TOKENS, WIDTH),
    positions=layers.learned_positions(LENGTH, WIDTH),
    block=block,
    norm=layers.layer_norm(WIDTH),
    head=layers.dense(WIDTH, TOKENS),
)
loss_fn = train.supervised(net, losses.cross_entropy, metrics={"accuracy": metrics.accuracy})
tx = optax.adam(3e-3)
state = train.init_state(net, tx, jax.random.key(0))


def norm(params, x):
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / jnp.sqrt(variance + 1e-5) * params["scale"] + params["bias"]


def dense(params, x):
    return x @ params["kernel"] + params["bias"]


def transformer(params, tokens):
    """The same network from scratch, for one sequence; gives its attention too."""
    x = params["embedding"]["embedding"][tokens] + params["positions"]["embedding"]
    p = params["block"]
    y, weights = multi_head_attention(p["attention"], norm(p["attention_norm"], x), 1)
    x = x + y
    x = x + dense(p["mlp"]["down"], jax.nn.relu(dense(p["mlp"]["up"], norm(p["mlp_norm"], x))))
    return dense(params["head"], norm(params["norm"], x)), weights[0]


tokens = jax.random.randint(jax.random.key(1), (5, LENGTH), 0, TOKENS)
each_sequence = jax.jit(jax.vmap(transformer, in_axes=(None, 0)))
ours, _ = each_sequence(state.params, tokens)
theirs, _ = jax.jit(net.apply)(state.params, state.state, tokens)
assert jnp.allclose(ours, theirs, atol=1e-4)
print(sum(p.size for p in jax.tree.leaves(state.params)), "parameters")

# %%
step = train.make_step(loss_fn, tx)


@jax.jit
def learn(state, keys):
    def one(state, key):
        tokens = jax.random.randint(key, (64, LENGTH), 0, TOKENS)  # new sequences for each step
        state, sums = step(state, {"inputs": tokens, "labels": tokens[:, ::-1]})
        return state, (sums["accuracy"].total / sums["accuracy"].count, state.params)

    return jax.lax.scan(one, state, keys)


end, (accuracy, params_by_step) = learn(state, jax.random.split(jax.random.key(2), STEPS))
fresh = jax.random.randint(jax.random.key(3), (500, LENGTH), 0, TOKENS)
logits, shares = each_sequence(end.params, fresh)
right = (logits.argmax(-1) == fresh[:, ::-1]).mean()
print(f"tokens right in 500 new sequences: {right:.3f}")
mean_shares = shares.mean(axis=0)
if not FAST:
    assert right > 0.99
    assert (mean_shares.argmax(axis=1) == jnp.arange(LENGTH)[::-1]).all()
    assert jnp.diag(mean_shares[:, ::-1]).mean() > 0.7

# %% tags=["picture"]
before = each_sequence(state.params, fresh)[1].mean(axis=0)
spots = [str(i) for i in range(LENGTH)]
plots.attention(
    np.stack([before, mean_shares]),
    tokens=spots,
    titles=["before", "after training"],
    title="To write backwards, look along the other diagonal",
)

# %% [markdown]
# The same as lines, from the position that writes to the one that it reads:

# %% tags=["item-48"]
plots.attention_links(np.stack([before, mean_shares]), spots, titles=["before", "after training"])

# %% [markdown] tags=["item-48"]
# And how it forms. For more than a hundred steps every position looks everywhere, so that it knows
# which tokens there are and not where: that gets a third right. Then, within another hundred, it
# finds where to look.

# %% tags=["item-48"]
moments = [9, 19, 29] if FAST else [99, *range(129, 190, 10), 199, 249]
then = jax.tree.map(lambda p: p[np.array(moments)], params_by_step)
formed = jax.vmap(each_sequence, in_axes=(0, None))(then, fresh)[1].mean(axis=1)
said = [f"step {i + 1}: {accuracy[i]:.0%} of the tokens right" for i in moments]
film = plots.attention_animation(formed, spots, titles=said, interval=600)
if not FAST:
    assert formed[0].max() < 0.2 and jnp.diag(formed[-1][:, ::-1]).min() > 0.5
    assert 0.25 < accuracy[80:120].mean() < 0.45
Image(data=plots.animation_gif(film, colours=24), format="gif", width=800)

# %%
right_by_step = [{"epoch": i, "tokens_right": a} for i, a in enumerate(accuracy.tolist())]
figure = plots.history(right_by_step)
figure.axes[0].set_xlabel("step")
figure

# %% [markdown]
# ## A language model learns four lines of a sonnet
# *Predict the next character*, again and again: that is a language model. Ours has two causal
# blocks and reads the beginning of Shakespeare's 18th sonnet. That's short enough to be learned by
# heart; then a few characters are enough to make it recite. `models.transformer_lm` is GPT-2's
# architecture, only with smaller numbers.

# %%
SONNET = """Shall I compare thee to a summer's day?
Thou art more lovely and more temperate:
Rough winds do shake the darling buds of May,
And summer's lease hath all too short a date;
"""
letters = sorted(set(SONNET))
encode = lambda text: jnp.array([letters.index(c) for c in text])
decode = lambda tokens: "".join(letters[int(t)] for t in tokens)
text = encode(SONNET)
CONTEXT = 48
lm = models.transformer_lm(len(letters), n_features=64, n_heads=4, n_layers=2, length=len(SONNET))
starts = jnp.arange(len(text) - CONTEXT)
windows = text[starts[:, None] + jnp.arange(CONTEXT + 1)]
lm_loss = train.supervised(lm, losses.cross_entropy)
lm_tx = optax.adam(3e-3)
lm_state = train.init_state(lm, lm_tx, jax.random.key(0))
lm_step = train.make_step(lm_loss, lm_tx)


@jax.jit
def read(state, keys):
    def one(state, key):
        rows = windows[jax.random.randint(key, (16,), 0, len(windows))]
        state, sums = lm_step(state, {"inputs": rows[:, :-1], "labels": rows[:, 1:]})
        return state, sums["loss"].total / sums["loss"].count

    return jax.lax.scan(one, state, keys)


lm_end, curve = read(lm_state, jax.random.split(jax.random.key(1), 20 if FAST else 250))
print(
    f"{len(letters)} characters; loss {curve[0]:.2f} → {curve[-1]:.3f}"
    f" (chance: log {len(letters)} = {np.log(len(letters)):.2f})"
)
assert abs(curve[0] - np.log(len(letters))) < 0.3

# %% [markdown]
# Loss is in nats a character; $e^{\text{loss}}$, the *perplexity*, says between how many characters
# it hesitates. Now let it write, always the likeliest next character:

# %%
prompt = "Shall I "
write = jax.jit(functools.partial(models.generate, lm, n_new=36, temperature=0.0))
written = write(lm_end.params, encode(prompt)[None])
print(prompt + decode(written[0]))
if not FAST:
    assert curve[-1] < 0.2
    assert decode(written[0])[:30] == SONNET[len(prompt) : len(prompt) + 30]

# %% [markdown]
# Causal means: what comes later changes nothing before. `generate` therefore keeps keys and values
# of what it has read (the *KV cache*), so that a new character costs one pass of one character.
# Computing everything anew for each character gives the same text:

# %%
predict = jax.jit(lambda tokens: lm.apply(lm_end.params, lm_end.state, tokens[None])[0][0])
row = np.array(text[:20])
other = np.where(np.arange(20) == 15, (row + 1) % len(letters), row)  # another character there
a, b = predict(row), predict(other)
assert jnp.allclose(a[:15], b[:15], atol=1e-5) and not jnp.allclose(a[15], b[15], atol=1e-3)

slow = np.zeros(20, int)  # so what stands behind doesn't matter
slow[: len(prompt)] = encode(prompt)
for place in range(len(prompt), len(prompt) + 5):
    slow[place] = predict(slow)[place - 1].argmax()
assert np.array_equal(slow[len(prompt) :][:5], written[0, :5])

# %% [markdown] tags=["recap"]
# ## In five lines
# * Attention is a soft dictionary: a query is compared with all keys, and the values are averaged.
# * Division by √d keeps the scores' variance at 1, so that softmax stays soft and has a gradient.
# * Heads ask several questions at once; a causal mask hides what comes later.
# * Order isn't in it: positions have to be added to the input.
# * A block is attention and a small network, each added to what came in; a language model is a
#   stack of them that predicts the next character.

# %% [markdown] tags=["quiz"]
# ## Quiz
# 1. A query agrees with all keys equally. What does attention answer?
# 2. Two heads instead of one, at the same width: how many more parameters?
# 3. What would happen without the division by $\sqrt d$ in a wide network?
# 4. Which shares does a causal mask set to 0?
# 5. How many multiplications does $Q K^\top$ cost when the text gets twice as long?
#
# <details><summary>Answers</summary>
#
# 1. The mean of all values.
# 2. None: each head works on half of the features.
# 3. Scores with variance $d$: softmax picks one key and hardly passes a gradient.
# 4. Those of all later positions: everything above the diagonal.
# 5. Four times as many; that's what makes long texts expensive.
#
# </details>

# %% [markdown] tags=["exercises"]
# ## Exercises

# %% [markdown]
# **1.** How many parameters has a block of width $d$, with a hidden layer of $4d$?


# %% tags=["solution"]
def parameters_of_block(d):
    """Attention, the small network, and two normalisations: about 12 d²."""
    attention_has = (d * 3 * d + 3 * d) + (d * d + d)
    network_has = (d * 4 * d + 4 * d) + (4 * d * d + d)
    return attention_has + network_has + 2 * 2 * d


# %% tags=["check"]
for d in (32, 64):
    shapes, _ = jax.eval_shape(models.transformer_block(d, 4).init, jax.random.key(0))
    assert sum(p.size for p in jax.tree.leaves(shapes)) == parameters_of_block(d)

# %% [markdown]
# **2.** Find queries and keys of six positions for which each position attends to the one before
# it, and to nothing else. (The first may look where it likes.)

# %% tags=["solution"]
queries_before = jnp.roll(100.0 * jnp.eye(6), -1, axis=1)
keys_before = jnp.eye(6)

# %% tags=["check"]
_, weights = attention(queries_before, keys_before, jnp.eye(6))
assert jnp.allclose(weights[jnp.arange(1, 6), jnp.arange(5)], 1, atol=1e-4)

# %% [markdown]
# **3.** Softmax is unchanged if all scores of a query grow by the same amount. Which bias of
# attention is therefore useless: that of `"queries"`, `"keys"` or `"values"`?

# %% tags=["solution"]
useless = "keys"  # q·(k + b) adds q·b to all scores of a query

# %% tags=["check"]
loss_of = lambda p: jnp.sum(multi_head_attention(p, x, 2)[0] ** 2)
of_biases = jnp.split(jax.grad(loss_of)(params)["qkv"]["bias"], 3)
for name, slope in zip(("queries", "keys", "values"), of_biases, strict=True):
    assert (abs(slope).max() < 1e-5) == (name == useless)

# %% [markdown]
# **4.** Without positions, can the network above learn to reverse? Find a sequence of eight tokens
# with which you can prove that it can't: two places at which it must give the same answer, though
# different ones are right.

# %% tags=["solution"]
# All it knows at a place is the token there and the bag of all tokens. Equal tokens get equal
# answers: here two 1s, where 2 and 5 are right.
witness, places = jnp.array([3, 1, 4, 1, 5, 9, 2, 6]), (1, 3)

# %% tags=["check"]
no_positions = {**end.params, "positions": {"embedding": jnp.zeros((LENGTH, WIDTH))}}
logits, _ = transformer(no_positions, witness)
one, other = places
assert jnp.allclose(logits[one], logits[other], atol=1e-3)
assert witness[::-1][one] != witness[::-1][other]
