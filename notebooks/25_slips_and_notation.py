# %% [markdown]
# # 25 · Slips and notation
#
# *Nine slips that stand in slides and lectures, each shown to be one by a number; and five
# notations for the same things, side by side.*

# %% [markdown] tags=["objectives"]
# **After this lecture you can** recognise the commonest slips in formulas about networks, say what
# goes wrong when one programs them as they stand, and translate between the notations of five
# lectures and of this library.
#
# **You need** [activations](02_activations.ipynb), [losses](06_losses.ipynb) and
# [backpropagation](08_backpropagation.ipynb). **Next:** you are at the end; go back to
# [the list of lectures](README.md), or train something of your own.

# %% [markdown]
# ## Why look at slips?
# Everybody makes them; most are a sign or a letter. But who programs a formula as it stands gets a
# network that doesn't learn, and no error message. The test is always the same: **put a number
# in**. Each of the following does so, and the picture shows three of them.

# %% tags=["setup"]
import inspect

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
from jax.scipy.stats import norm

from jaxdl import activations, functional, layers, losses, models, optim
from jaxdl.plots import BLUE, GREY, ORANGE

# %% tags=["picture", "plot"]
z, p = jnp.linspace(-4, 4, 401), jnp.linspace(0.01, 0.99, 99)
figure, panels = plt.subplots(1, 3, figsize=(11, 3.6))
panels[0].plot(z, z * norm.cdf(z), color=BLUE, lw=3, label="right: $x · P(X ≤ x)$")
panels[0].plot(z, z + norm.cdf(z), color=ORANGE, lw=2, ls="--", label="slip: $x + P(X ≤ x)$")
panels[0].set(title="GELU", xlabel="$x$")
panels[1].plot(p, -jnp.log(p), color=BLUE, lw=3, label="right, $y = 1$")
panels[1].plot(p, 0 * p, color=ORANGE, lw=2, ls="--", label="slip: 0 for every ŷ")
panels[1].set(title="cross-entropy without its plus", xlabel="$ŷ$")
error = jnp.linspace(-2, 2, 101)
panels[2].plot(error, jnp.abs(error), color=BLUE, lw=3, label="first: $|Δ|$")
panels[2].plot(error, 0.5 * error**2, color=ORANGE, lw=2, ls="--", label="then: $½Δ²$")
panels[2].set(title="two errors with one name", xlabel="$Δ$")
for axes in panels:
    axes.axhline(0, color=GREY, lw=0.8)
    axes.legend(frameon=False, fontsize=10)
plt.show()

# %% [markdown] tags=["item-63"]
# ## 1. The lost plus of cross-entropy
# Slide: $E = -\sum_i y_i \ln f \,(1 - y_i) \ln(1 - f)$. Between the two halves stood a plus. As a
# product it is 0 for every prediction, because either $y$ or $1 - y$ is 0: nothing to learn from.
# Right: $E = -\sum_i \bigl[y_i \ln f + (1 - y_i) \ln(1 - f)\bigr]$.

# %% tags=["item-63"]
product = lambda y, f: -(y * jnp.log(f) * (1 - y) * jnp.log(1 - f))
entropy = lambda y, f: -(y * jnp.log(f) + (1 - y) * jnp.log(1 - f))
for f in (0.01, 0.5, 0.99):
    print(f"f = {f}: slide {product(1.0, f) + 0.0:.3f}, right {entropy(1.0, f):.3f}")
    assert product(1.0, f) == 0 and jax.grad(product, argnums=1)(1.0, f) == 0
    assert jnp.isclose(entropy(1.0, f), losses.binary_cross_entropy(jnp.array(f), jnp.array(1.0)))

# %% [markdown] tags=["item-49"]
# ## 2. GELU's plus
# Slide: $x + P(X \le x)$. Right: $x \cdot P(X \le x)$. With the plus it is ½ at 0 and doesn't fall
# asleep on the left: at $-10$ it is $-10$ instead of 0.

# %% tags=["item-49"]
for x in (-10.0, 0.0, 1.0):
    slide, right = x + norm.cdf(x), x * norm.cdf(x)
    print(f"x = {x:5}: slide {slide:7.3f}, right {right.round(3) + 0:7.3f}")  # + 0: no -0.000
    assert jnp.isclose(activations.gelu(jnp.array(x)), right, atol=1e-6)
    assert abs(slide - right) > 0.1

# %% [markdown] tags=["item-33"]
# ## 3. The lost input
# Slide: $h_0 = a[\beta_0 + \omega_0]$. Right: $h_1 = a[\beta_0 + \omega_0 x]$. Without $x$ the
# layer says the same of every input.

# %% tags=["item-33"]
beta, omega = jnp.array([0.1, -0.2]), jnp.array([[1.0, -1.0], [0.5, 2.0]])
inputs = jnp.array([[1.0, 0.0], [0.0, 1.0], [3.0, -2.0]])
lost = jnp.stack([jnp.tanh(beta + omega.sum(axis=1)) for _ in inputs])
right = jnp.tanh(beta + inputs @ omega.T)
spread = lost.std(axis=0).mean(), right.std(axis=0).mean()
print(f"spread over three inputs: slide {spread[0]:.3f}, right {spread[1]:.3f}")
assert (lost.std(axis=0) < 1e-6).all() and (right.std(axis=0) > 0.1).all()

# %% [markdown] tags=["item-75"]
# ## 4. The sign of Δ
# Slide: $E = \frac12 (y - \hat y)^2 = \frac12 \Delta^2$, then $\partial_{w_1} E = \Delta\,w_9 x_1$.
# With this $\Delta$ there is a minus in front: $\partial \Delta / \partial \hat y = -1$. Here the
# slide gives $-3$ for $3$; whoever follows it climbs instead of descending.

# %% tags=["item-75"]
w9, x1, rest = 2.0, 2.0, 5.5  # ŷ = w9 w1 x1 + what comes by other paths
yhat_of = lambda w1: w9 * w1 * x1 + rest
y = 6.75
gradient = jax.grad(lambda w1: 0.5 * (y - yhat_of(w1)) ** 2)(0.5)
slide = (y - yhat_of(0.5)) * w9 * x1
print(f"slide {slide}, gradient {gradient}")
assert slide == -3 and gradient == 3

# %% [markdown] tags=["item-67"]
# ## 5. |·| that becomes ½Δ²
# The slide defines the error of a batch $B$ as $E_B(w) = \sum_{i \in B} |y_i - \hat y_i(w)|$, and
# two lines on writes "$\Rightarrow E = \frac12 \Delta^2$". It doesn't follow: these are two
# functions, with other gradients and another best answer: the first leads to the median, the second
# to the mean.

# %% tags=["item-67"]
truth = jnp.array([1.0, 2.0, 9.0])
guesses = jnp.linspace(0, 10, 1001)
absolute = jax.vmap(lambda g: jnp.abs(truth - g).sum())(guesses)
half_square = jax.vmap(lambda g: 0.5 * ((truth - g) ** 2).sum())(guesses)
best = float(guesses[absolute.argmin()]), float(guesses[half_square.argmin()])
print(f"best constant: {best[0]:.2f} for |Δ| (the median), {best[1]:.2f} for ½Δ² (the mean)")
assert abs(best[0] - 2) < 1e-3 and abs(best[1] - 4) < 1e-3
assert jnp.isclose(losses.l1_loss(jnp.zeros(3), truth, reduction="sum"), absolute[0])
assert jnp.isclose(0.5 * losses.mse_loss(jnp.zeros(3), truth, reduction="sum"), half_square[0])

# %% [markdown] tags=["item-34"]
# ## 6. The index of h
# The hidden layers are called $h_0$ and $h_1$; then $y = \beta_2 + \omega_2 h_2$ uses an $h_2$ that
# doesn't exist. With $h_1$ instead, the shapes need not even fit. Count the input as $h_0$, and the
# lecture's general formula $h_k = a[\beta_{k-1} + \omega_{k-1} h_{k-1}]$ is right as it stands.

# %% tags=["item-34"]
sizes = (2, 3, 4, 1)
net = models.mlp(sizes, activation=jnp.tanh)
params, state = net.init(jax.random.key(0))
dense = [p for p in params if p]
h = [inputs]  # h₀
for k in (1, 2):
    h.append(jnp.tanh(dense[k - 1]["bias"] + h[k - 1] @ dense[k - 1]["kernel"]))
output = dense[2]["bias"] + h[2] @ dense[2]["kernel"]
assert jnp.allclose(output, net.apply(params, state, inputs)[0], atol=1e-6)
assert h[1].shape[1] != dense[2]["kernel"].shape[0] == h[2].shape[1]  # ω₂ takes h₂, not h₁

# %% [markdown] tags=["item-34"]
# ## 7. γ for ω
# In the nested formula $y = \beta_k + \omega_k a[\dots \beta_2 + \gamma_2 a[\dots \beta_1 +
# \gamma_1]]$ the inner weights are suddenly called $\gamma$, and the innermost bracket has lost its
# $x$ again. Taken as other weights, $\gamma$ gives another network; with $\omega$ throughout it is
# the one from above.

# %% tags=["item-34"]
b = [p["bias"] for p in dense]
omegas = [p["kernel"] for p in dense]
gammas = [jax.random.normal(jax.random.key(k), w.shape) for k, w in enumerate(omegas)]
nested = lambda w: b[2] + jnp.tanh(b[1] + jnp.tanh(b[0] + inputs @ w[0]) @ w[1]) @ omegas[2]
assert jnp.allclose(nested(omegas), output, atol=1e-6)
assert jnp.abs(nested(gammas) - output).max() > 0.1

# %% [markdown] tags=["item-41"]
# ## 8. Sigmoid as $e^x / (e^x + 1)$
# True on paper and false in a computer: at $x = 100$ both exponentials are larger than any float32,
# and inf / inf is nan. The form $1 / (1 + e^{-x})$ survives that; its own weak side, large negative
# $x$, gives $1/\infty = 0$, as it should. Gradients break sooner than values, so libraries choose
# the form by the sign of $x$.

# %% tags=["item-41"]
slide = lambda x: jnp.exp(x) / (jnp.exp(x) + 1)
usual = lambda x: 1 / (1 + jnp.exp(-x))
for x in (1.0, 50.0, 100.0):
    print(
        f"x = {x:5}: slide {slide(x):.3f}, usual {usual(x):.3f}, jaxdl {activations.sigmoid(x):.3f}"
    )
assert jnp.isclose(slide(1.0), usual(1.0)) and jnp.isnan(slide(100.0)) and usual(100.0) == 1
assert jnp.isnan(jax.grad(usual)(-100.0))  # the usual form's gradient breaks on the left
assert 0 <= jax.grad(activations.sigmoid)(-100.0) < 1e-30  # jaxdl's doesn't, on either side
assert 0 <= jax.grad(activations.sigmoid)(100.0) < 1e-30

# %% [markdown] tags=["item-53"]
# ## 9. "Sigmoid is only used in the output of logistic regression"
# It is a poor choice for hidden layers of deep networks, that is true. But every **gate** is a
# sigmoid: in an LSTM three of them decide what is kept, written and shown; in `silu` and `glu` one
# multiplies the features; attention and dropout have relatives. Take the sigmoid out of an LSTM,
# and its memory explodes.

# %% tags=["item-53"]
lstm = layers.lstm(1, 4)
weights, lstm_state = lstm.init(jax.random.key(0))
first = jnp.ones((1, 1, 1))  # a sequence of one step, from an empty memory
(cell,) = weights
write, keep, content, show = jnp.split(first[0] @ cell["kernel"] + cell["bias"], 4, axis=1)
sigma = activations.sigmoid
by_gates = sigma(show) * jnp.tanh(sigma(write) * jnp.tanh(content))
assert jnp.allclose(lstm.apply(weights, lstm_state, first)[0][0], by_gates, atol=1e-6)
x = jnp.array([-2.0, 0.0, 3.0])
assert jnp.allclose(activations.silu(x), x * activations.sigmoid(x))


def memory(gate, steps=60):
    """An LSTM's cell with all sums at 2: c ← gate(2) c + gate(2) tanh(2)."""
    c = 0.0
    for _ in range(steps):
        c = gate(2.0) * c + gate(2.0) * jnp.tanh(2.0)
    return float(c)


print(f"memory after 60 steps: {memory(activations.sigmoid):.2f} with gates, "
      f"{memory(lambda z: z):.1e} without")  # fmt: skip
assert memory(activations.sigmoid) < 10 < 1e15 < memory(lambda z: z)

# %% [markdown] tags=["item-102"]
# ## Five lectures, five notations
# | what | S0 | S1 | S2 | S3 | S4 | here |
# |---|---|---|---|---|---|---|
# | input | $x_i$, $X$ | input | $x$ | $x_i$ | $x_i$ | $x$ |
# | weights | $w_i$, $W$ | | $w$, $W^{[l]}$ | $w_i$ | $\omega$ | $w$, $W^l$; `kernel` $= W^\top$ |
# | bias | $w_0$ | bias | $b$, $b^{[l]}$ | none | $\beta$ | $b$, $b^l$; `bias` |
# | sum | $z$ | | $z$, $Z^{[l]}$ | (inside $f$) | (inside $a$) | $z$, $Z^l$ |
# | activation | $g$ | function | $\sigma$ | $f$ | $a[\cdot]$ | $\sigma$, or its name |
# | after it | $\hat y$ | output | $a$, $a^{[l]}$ | $z$ | $h_k$ | $a$, $a^l$ |
# | prediction | $\hat y$ | | $\hat y$ | $\hat y(w)$ | $f[x, \hat\theta]$ | $\hat y$; predictions |
# | truth | $y$ | answer | $y$ | $y$ | $y$ | $y$; `labels`, `targets` |
# | loss | $\mathcal L$ | loss function | $L$ | $E$, $E_B$ | $L[\theta, f, \{x, y\}]$ | $L$ |
# | learning rate | | | $\alpha$ | $L$ (!) | | $\eta$; `learning_rate` |
# | error term | | | $\delta^{[l]}$ | $\Delta$ | | $\delta^l = \partial L/\partial Z^l$ |
#
# (S0 is "Introduction to Deep Learning" with the perceptron, S1 "Deep Learning 101", S2 the lecture
# on cats, S3 the slides with PyTorch, S4 the page with Keras.) Watch $a$: the activation function
# in S4, its result in S2; $z$: the sum in S2, the result in S3; $L$: a loss in four, the learning
# rate in S3. **This library keeps to the last column**, which can be checked:

# %% tags=["item-102"]
dense_params, _ = layers.dense(3, 2).init(jax.random.key(0))
assert set(dense_params) == {"kernel", "bias"} and dense_params["kernel"].shape == (3, 2)
W, x = dense_params["kernel"].T, jnp.ones((5, 3))
assert jnp.allclose(functional.dense(dense_params, x), (W @ x.T).T + dense_params["bias"])

for factory in (optim.sgd, optim.adam, optim.rmsprop, optim.adamw, optim.adagrad):
    assert next(iter(inspect.signature(factory).parameters)) == "learning_rate"
for loss in (losses.mse_loss, losses.l1_loss, losses.binary_cross_entropy):
    assert list(inspect.signature(loss).parameters)[:2] == ["predictions", "targets"]

# %% [markdown] tags=["recap"]
# ## In five lines
# * Put a number in: most slips show at 0, at 1, or at 100.
# * Lost signs: cross-entropy needs its plus, GELU a times, and $\Delta = y - \hat y$ a minus.
# * Lost letters: a layer without $x$ is a constant; $\gamma$ isn't $\omega$; $h_2$ must exist.
# * $|\Delta|$ and $\frac12 \Delta^2$ are two losses, of the median and of the mean.
# * A formula that is right on paper may still overflow: $e^x/(e^x + 1)$ is nan at 100.

# %% [markdown] tags=["quiz"]
# ## Quiz
# 1. Which slips give a network that trains without any error message and learns nothing?
# 2. Why is $e^x / (e^x + 1)$ nan at 100, and $1 / (1 + e^{-x})$ is not?
# 3. What does $L$ mean in $v_t = L \nabla E_B(w_t)$?
# 4. Name a place inside a network where a sigmoid is the right choice.
# 5. In `functional.dense`, where is $W$, and where is its transpose?
#
# <details><summary>Answers</summary>
#
# 1. The product for the cross-entropy (no gradient at all), and the lost input (no information).
# 2. The first is inf / inf there; the second 1 / (1 + 0).
# 3. The learning rate.
# 4. A gate, as in an LSTM.
# 5. The kernel is $W^\top$, of shape (inputs, outputs), because examples are rows.
#
# </details>

# %% [markdown] tags=["exercises"]
# ## Exercises

# %% [markdown]
# **1.** A slide says $\tanh' = 1 + \tanh^2$. Give a $z$ at which this is plainly wrong, that is, by
# more than ½.

# %% tags=["solution"]
place = 1.0

# %% tags=["check"]
slope = jax.grad(jnp.tanh)(float(place))
assert abs((1 + jnp.tanh(place) ** 2) - slope) > 0.5

# %% [markdown]
# **2.** A slide gives softmax as $e^{z_j} / \sum_k z_k$. Write it as it should be, so that 1000 is
# no problem either.


# %% tags=["solution"]
def softmax(z):
    """Probabilities of scores (K,)."""
    exponentials = jnp.exp(z - z.max())
    return exponentials / exponentials.sum()


# %% tags=["check"]
scores = jnp.array([1.0, 1000.0, 999.0])
assert jnp.allclose(softmax(scores), activations.softmax(scores))
assert jnp.isclose(softmax(scores).sum(), 1)

# %% [markdown]
# **3.** Translate $h_1 = a[\beta_0 + \omega_0 x]$ with $a = \tanh$ into a Layer's parameters: a
# dict for `functional.dense` from the arrays `beta` and `omega` of slip 3.

# %% tags=["solution"]
translated = {"kernel": omega.T, "bias": beta}

# %% tags=["check"]
assert jnp.allclose(jnp.tanh(functional.dense(translated, inputs)), right, atol=1e-6)
