# %% [markdown]
# # 6 · Loss functions
#
# *One number that says how wrong a network is: all the losses, by task, with the slip in the
# cross-entropy that many slides share.*

# %% [markdown] tags=["objectives"]
# **After this lecture you can** say what a loss is and why training needs one; choose one for a
# task; read its picture; and recognise the commonest slip in the cross-entropy.
#
# **You need** [a network of one layer](04_single_layer.ipynb) and logarithms. **Next:**
# [optimizers](07_optimizers.ipynb), which make the loss small.

# %% [markdown] tags=["item-58"]
# A **loss function** takes what a network predicts and what is true, and gives one number: the
# smaller, the better. For a single example it is $\mathcal L\bigl(f(x^{(i)}; W), y^{(i)}\bigr)$;
# for a data set it is the mean of these. Training varies only the parameters $\theta$, so one
# writes $L[\theta, f, \{x, y\}]$.
#
# A network is trained by making one number small, the **loss**. It decides what the network
# becomes: squared errors make it predict the mean, absolute errors the median; cross-entropy makes
# it state honest probabilities; a ranking loss only cares who comes first. Choosing a loss is
# choosing what you want.
#
# Gradient descent never sees the loss itself, only its **derivative** (dashed in the pictures).
# That's how to read them: squared error pulls harder the farther it's off, so one outlier can
# outshout a hundred good examples; the absolute error pulls equally from everywhere; Huber's loss
# does the first when near and the second when far.

# %% tags=["setup"]
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt

from jaxdl import losses, plots
from jaxdl.plots import BLUE, GREY, ORANGE

# %% [markdown] tags=["item-60"]
# In one picture: a line through points. The loss is made of the orange distances, squared; another
# line has other distances, and every line is one point of the curve on the right.

# %% tags=["item-60"]
at = jnp.linspace(-1, 1, 9)
measured = 1.5 * at + 0.4 * jnp.sin(9 * at)
line_loss = lambda w: ((w * at - measured) ** 2).mean()
slopes = jnp.linspace(-1, 4, 101)
curve = jax.vmap(line_loss)(slopes)
best_slope = (at * measured).sum() / (at**2).sum()  # where the derivative is 0
print(f"the best slope is {best_slope:.3f}, with a loss of {line_loss(best_slope):.3f}")
assert abs(slopes[curve.argmin()] - best_slope) < 0.05
assert abs(jax.grad(line_loss)(best_slope)) < 1e-5

# %% tags=["item-60", "plot"]
figure, (left, panel) = plt.subplots(1, 2, figsize=(10, 3.6))
for w, colour, name in ((3.0, GREY, "w = 3"), (float(best_slope), BLUE, f"w = {best_slope:.2f}")):
    left.plot(at, w * at, color=colour, lw=2.5, label=f"{name}: loss {line_loss(w):.2f}")
    panel.plot(w, line_loss(w), "o", color=colour, ms=10)
left.vlines(at, best_slope * at, measured, color=ORANGE, lw=2)
left.plot(at, measured, "ko", ms=5)
left.set(title="predictions, and how far off they are", xlabel="$x$")
left.legend(frameon=False)
panel.plot(slopes, curve, color="black", zorder=0)
panel.set(title="the loss of every line $ŷ = w x$", xlabel="$w$", ylabel="$L$")
plt.show()

# %% [markdown] tags=["item-61"]
# ## Regression from scratch
# With the error $e = \hat y - y$ of each of $N$ examples,
#
# $$ \text{MSE} = \frac1N \sum e^2, \qquad \text{MAE} = \frac1N \sum |e|, \qquad
#    \text{Huber} = \frac1N \sum \begin{cases} \frac12 e^2 & |e| \le 1 \\ |e| - \frac12 & |e| > 1.
#    \end{cases} $$


# %% tags=["item-61"]
def mse(predictions, targets):
    return ((predictions - targets) ** 2).mean()


def mae(predictions, targets):
    return jnp.abs(predictions - targets).mean()


def huber(predictions, targets):
    e = jnp.abs(predictions - targets)
    return jnp.where(e <= 1, 0.5 * e**2, e - 0.5).mean()


# %% tags=["picture", "plot"]
of_error = {
    "squared": lambda e: e**2,
    "absolute": jnp.abs,
    "Huber": lambda e: jnp.where(jnp.abs(e) <= 1, 0.5 * e**2, jnp.abs(e) - 0.5),
}
figure = plots.activations(of_error, low=-3, high=3)  # draws any function and its derivative
for axes in figure.axes:
    axes.set(xlabel="error", ylim=(-3.2, 4.2))
figure.axes[0].legend(frameon=False, loc="lower right")
figure

# %% tags=["item-61"]
errors, zero = jnp.linspace(-3, 3, 61), jnp.zeros(())
for f, curve in zip((mse, mae, huber), of_error.values(), strict=True):
    assert jnp.allclose(jax.vmap(lambda e, f=f: f(e, zero))(errors), curve(errors), atol=1e-6)

# %% [markdown]
# ## The same with jaxdl
# `jaxdl.losses` has PyTorch's names, options and reductions. **PyTorch** prints, for the
# predictions (1.5, 2, 5) and the targets (1, 2, 3): `mse_loss` 1.4167, `l1_loss` 0.8333,
# `huber_loss` 0.5417.

# %%
predictions, targets = jnp.array([1.5, 2.0, 5.0]), jnp.array([1.0, 2.0, 3.0])
for ours, theirs, printed in (
    (mse, losses.mse_loss, 1.4167),
    (mae, losses.l1_loss, 0.8333),
    (huber, losses.huber_loss, 0.5417),
):
    value = theirs(predictions, targets)
    print(f"{theirs.__name__:12} {value:.4f}")
    assert jnp.isclose(ours(predictions, targets), value)
    assert abs(value - printed) < 6e-5

# %% [markdown]
# **Mean or median?** Five salaries, one of them a director's. The constant that's best for squared
# errors is the mean; for absolute errors it's the median.

# %%
salaries = jnp.array([2.0, 2.5, 3.0, 3.5, 40.0])
guesses = jnp.arange(0, 4001) / 100
best = {}
for f in (mse, mae, huber):
    of_guesses = jax.vmap(lambda g, f=f: f(g, salaries))(guesses)
    best[f.__name__] = round(float(guesses[of_guesses.argmin()]), 2)
print(best)
assert best["mse"] == 10.2 and abs(salaries.mean() - 10.2) < 1e-5
assert best["mae"] == 3.0 == jnp.median(salaries)
assert abs(best["huber"] - 3) < 0.05

# %% [markdown] tags=["item-62", "item-63"]
# ## Two classes: the cross-entropy, and its lost sign
# The network states a probability $\hat y$ for "yes", and the truth is $y = 1$ or $y = 0$. The
# right answer had the probability $\hat y^y (1 - \hat y)^{1 - y}$; its negative logarithm is the
# loss:
#
# $$ L = -\bigl[\,y \ln \hat y \;\boldsymbol{+}\; (1 - y) \ln(1 - \hat y)\,\bigr]. $$
#
# On many slides the **plus** has become a minus, or has vanished, which reads as a product:
# $-[y \ln \hat y\,(1 - y) \ln (1 - \hat y)]$. Take the slide at its word: for $y = 1$ and for $y =
# 0$ one factor is 0, so this "loss" is 0 for every prediction. With a minus, the loss of an example
# with $y = 0$ is $+\ln(1 - \hat y)$: it rewards being wrong.

# %% tags=["item-62", "item-63"]
p = jnp.arange(1, 100) / 100


def right(p, y):
    return -(y * jnp.log(p) + (1 - y) * jnp.log(1 - p))


def product(p, y):
    return -(y * jnp.log(p) * (1 - y) * jnp.log(1 - p))


def minus(p, y):
    return -(y * jnp.log(p) - (1 - y) * jnp.log(1 - p))


# %% tags=["item-63", "plot"]
figure, panels = plt.subplots(1, 3, figsize=(10, 3.4), sharey=True)
titles = {"plus: right": right, "plus lost: a product": product, "minus": minus}
for axes, (title, f) in zip(panels, titles.items(), strict=True):
    axes.plot(p, f(p, 1), color=BLUE, lw=3, label="$y = 1$")
    axes.plot(p, f(p, 0), color=ORANGE, lw=3, ls="--", label="$y = 0$")
    axes.axhline(0, color=GREY, lw=0.8)
    axes.set(title=title, xlabel="$ŷ$")
panels[0].legend(frameon=False)
plt.show()

# %% tags=["item-62", "item-63"]
both = jnp.array([1.0, 0.0])
library = losses.binary_cross_entropy(jnp.array([0.3, 0.3]), both)
assert jnp.allclose(library, right(0.3, both).mean())
assert (product(p, 1) == 0).all() and (product(p, 0) == 0).all()  # nothing to learn from
assert minus(0.99, 0.0) < minus(0.5, 0.0) < minus(0.01, 0.0)  # the most wrong one is "best"

# %% [markdown]
# **From logits.** With $\hat y = \sigma(z)$, take the loss of $z$ directly: $L = \max(z, 0) - yz +
# \ln(1 + e^{-|z|})$. The plain formula breaks when $\sigma(z)$ rounds to 1 or 0. PyTorch hides this
# in `binary_cross_entropy` by cutting logarithms off at -100; its `…_with_logits` needs no such
# trick.


# %%
def from_logits(z, y):
    return jnp.maximum(z, 0) - y * z + jnp.log1p(jnp.exp(-jnp.abs(z)))


z, y = jnp.array([0.8, -1.2, 3.0]), jnp.array([1.0, 0.0, 0.0])
value = losses.binary_cross_entropy_with_logits(z, y)
print(f"{value:.4f}; PyTorch prints 1.2277")
print("z = -200, y = 1: plain", right(jax.nn.sigmoid(-200.0), 1), " from logits",
      from_logits(-200.0, 1.0))  # fmt: skip
assert jnp.isclose(value, from_logits(z, y).mean()) and abs(value - 1.2277) < 5e-5
assert jnp.isinf(right(jax.nn.sigmoid(-200.0), 1))
assert losses.binary_cross_entropy_with_logits(jnp.array([-200.0]), jnp.array([1.0])) == 200

# %% [markdown] tags=["item-64"]
# ## K classes
# $$ L = -\sum_j y_j \ln \hat y_j = -\ln \hat y_{\text{right}} = -z_{\text{right}} + \ln \sum_k
# e^{z_k}. $$
#
# PyTorch's `F.cross_entropy` of the logits below prints `[0.4170, 3.6532]`, mean 2.0351, and with
# `label_smoothing=0.1` 2.0001.

# %% tags=["item-64"]
logits = jnp.array([[2.0, 1.0, 0.1], [0.5, 2.5, -1.0]])
labels = jnp.array([0, 2])
from_scratch = jnp.log(jnp.exp(logits).sum(axis=1)) - logits[jnp.arange(2), labels]
rows = losses.cross_entropy(logits, labels, reduction="none")
smooth = losses.cross_entropy(logits, labels, label_smoothing=0.1)
print(f"{rows[0]:.4f}, {rows[1]:.4f}, mean {rows.mean():.4f}; smoothed {smooth:.4f}")
assert jnp.allclose(rows, from_scratch)
assert jnp.allclose(rows, jnp.array([0.4170, 3.6532]), atol=5e-5)
assert abs(rows.mean() - 2.0351) < 5e-5 and abs(smooth - 2.0001) < 5e-5

# %% [markdown]
# ## Margins and ranking
# A margin loss is 0 as soon as the answer is right *by a margin*, and then leaves the example
# alone. With labels $y = \pm 1$ and a score $s$, everything depends on the product $ys$: positive
# means right. The picture shows the zero-one loss, which one would like to minimise but can't,
# because it has no slope, and four losses that are used in its place.


# %%
def of_margin(f, scale=1.0):
    """A loss as a function of y·s, which is what it depends on."""
    return lambda margin: f(margin, jnp.ones_like(margin), reduction="none") / scale


by_margin = {
    "zero-one": lambda margin: jnp.where(margin < 0, 1.0, 0.0),
    "perceptron": of_margin(losses.perceptron_loss),
    "hinge (SVM)": of_margin(losses.hinge),
    "squared hinge": of_margin(losses.squared_hinge),
    "soft margin / ln 2": of_margin(losses.soft_margin_loss, jnp.log(2)),
}
# %% tags=["plot"]
figure = plots.losses(by_margin, low=-2, high=3, xlabel="$y \\cdot s$")
figure.axes[0].set_ylim(-0.1, 4)
figure

# %%
margin = jnp.arange(-200, 301) / 100
assert jnp.allclose(by_margin["hinge (SVM)"](margin), jnp.maximum(0, 1 - margin))
for name in ("hinge (SVM)", "squared hinge", "soft margin / ln 2"):
    assert (by_margin[name](margin) >= (margin < 0) - 1e-6).all()  # they lie above zero-one

# %% [markdown]
# Ranking: of two scores, the first should be larger (`margin_ranking_loss`); of three vectors, the
# anchor should be nearer to the positive than to the negative (`triplet_margin_loss`), as when
# faces are recognised; of a whole batch, each query belongs to its own key (`info_nce`).

# %%
ranking = losses.margin_ranking_loss(
    jnp.array([1.0, 2.0]), jnp.array([1.5, 0.5]), jnp.ones(2), margin=0.2
)
anchor, positive, negative = jnp.zeros((1, 2)), jnp.array([[1.0, 0.0]]), jnp.array([[0.0, 1.5]])
triplet = losses.triplet_margin_loss(anchor, positive, negative)
print(f"ranking {ranking:.4f} (PyTorch: 0.3500), triplet {triplet:.4f} (PyTorch: 0.5000)")
assert abs(ranking - (max(0, 1.5 - 1.0 + 0.2) + 0) / 2) < 1e-6
assert abs(triplet - max(0, 1.0 - 1.5 + 1)) < 1e-5

# %% [markdown] tags=["item-65"]
# ## PyTorch's ten, each as a formula
# | loss | of one example, with $e = \hat y - y$ |
# |---|---|
# | `L1Loss` | $\lvert e \rvert$ |
# | `MSELoss` | $e^2$ |
# | `PoissonNLLLoss` | $e^{\hat y} - y \hat y$ |
# | `GaussianNLLLoss` | $\frac12 \bigl(\ln v + e^2 / v\bigr)$, with a predicted variance $v$ |
# | `KLDivLoss` | $y\,(\ln y - \hat y)$, where $\hat y$ is a logarithm |
# | `CrossEntropyLoss` | $-z_{\text{right}} + \ln \sum_k e^{z_k}$ |
# | `NLLLoss` | $-\hat y_{\text{right}}$, where $\hat y$ are logarithms |
# | `BCELoss` | $-y \ln \hat y - (1 - y) \ln(1 - \hat y)$ |
# | `BCEWithLogitsLoss` | $\max(z, 0) - y z + \ln(1 + e^{-\lvert z \rvert})$ |
# | `MarginRankingLoss` | $\max(0, -y\,(s_1 - s_2) + m)$ |

# %% tags=["item-65"]
guess, truth = jnp.array([0.3, 0.6, 0.9]), jnp.array([0.5, 0.2, 1.0])
variance, e = jnp.array([0.5, 1.0, 2.0]), guess - truth
log_p, right_class = jax.nn.log_softmax(jnp.array([[1.0, 2.0, 0.5]])), jnp.array([1])
bits, sign = jnp.array([1.0, 0.0, 1.0]), jnp.array([1.0, -1.0, 1.0])
ten = {
    "l1_loss": ((guess, truth), jnp.abs(e)),
    "mse_loss": ((guess, truth), e**2),
    "poisson_nll_loss": ((guess, truth), jnp.exp(guess) - truth * guess),
    "gaussian_nll_loss": ((guess, truth, variance), (jnp.log(variance) + e**2 / variance) / 2),
    "kl_div": ((log_p[0], truth), truth * (jnp.log(truth) - log_p[0])),
    "cross_entropy": ((2 * log_p, right_class),
                      jnp.log(jnp.exp(2 * log_p).sum(axis=1)) - 2 * log_p[:, 1]),
    "nll_loss": ((log_p, right_class), -log_p[:, 1]),
    "binary_cross_entropy": ((guess, bits), right(guess, bits)),
    "binary_cross_entropy_with_logits": ((guess, bits), from_logits(guess, bits)),
    "margin_ranking_loss": ((guess, truth, sign), jnp.maximum(0, -sign * (guess - truth))),
}  # fmt: skip
for name, (arguments, formula) in ten.items():
    library = getattr(losses, name)(*arguments, reduction="none")
    assert jnp.allclose(library, formula, atol=1e-6), name
assert len(ten) == 10

# %% [markdown] tags=["item-66"]
# ## All of them, by task
# Every loss is called on a small example and is finite; and none is missing from the table.

# %% tags=["item-66"]
a, b = jax.random.normal(jax.random.key(0), (2, 4, 3))
signs, bits = jnp.sign(b), (b > 0).astype(jnp.float32)
classes, sign_rows = jnp.array([0, 2, 1, 0]), jnp.array([1.0, -1.0, 1.0, -1.0])
hot, positive = jax.nn.one_hot(classes, 3), jnp.abs(b) + 0.1
probable, log_p = jax.nn.sigmoid(a), jax.nn.log_softmax(a)
by_task = {
    "regression": {
        "mse_loss": (a, b),
        "l1_loss": (a, b),
        "huber_loss": (a, b),
        "smooth_l1_loss": (a, b),
        "log_cosh": (a, b),
        "mean_absolute_percentage_error": (a, positive),
        "mean_squared_logarithmic_error": (positive, positive + 1),
        "gaussian_nll_loss": (a, b, positive),
        "poisson_nll_loss": (a, positive),
    },
    "two classes": {
        "binary_cross_entropy": (probable, bits),
        "binary_cross_entropy_with_logits": (a, bits),
        "binary_focal_cross_entropy": (a, bits),
        "perceptron_loss": (a, signs),
        "hinge": (a, signs),
        "squared_hinge": (a, signs),
        "soft_margin_loss": (a, signs),
    },
    "many classes": {
        "cross_entropy": (a, classes),
        "nll_loss": (log_p, classes),
        "linear_cross_entropy": (a, jnp.ones((3, 5)), classes),
        "categorical_focal_cross_entropy": (a, hot),
        "generalized_cross_entropy": (a, classes),
        "categorical_hinge": (a, hot),
        "multi_margin_loss": (a, classes),
        "multilabel_margin_loss": (a, jnp.array([[0, -1, -1]] * 4)),
        "multilabel_soft_margin_loss": (a, bits),
        "kl_div": (log_p, hot * 0.7 + 0.1),
    },
    "ranking and vectors": {
        "margin_ranking_loss": (a, b, signs),
        "triplet_margin_loss": (a, b, a - b),
        "cosine_embedding_loss": (a, b, sign_rows),
        "hinge_embedding_loss": (positive, signs),
        "info_nce": (a, b),
        "circle": (a, classes),
    },
    "shapes and sequences": {
        "dice": (probable, bits),
        "tversky": (probable, bits),
        "ctc_loss": (jax.nn.log_softmax(jnp.ones((2, 6, 3))),
                     jnp.array([[1, 2], [2, 1]]),
                     jnp.array([6, 6]), jnp.array([2, 2])),
    },
}  # fmt: skip
for task, examples in by_task.items():
    print(f"{task}:")
    for name, arguments in examples.items():
        value = getattr(losses, name)(*arguments)
        print(f"    {name:34} {value:8.4f}")
        assert jnp.isfinite(value)

others = {"cosine_similarity", "pairwise_distance", "triplet_margin_with_distance_loss"}
shown = {name for examples in by_task.values() for name in examples}
functions = {n for n, f in vars(losses).items() if callable(f) and not n.startswith("_")}
assert shown | others == functions

# %% [markdown]
# ## Which one when?
# | task | last layer | loss |
# |---|---|---|
# | a number | nothing | `mse_loss`; with outliers `huber_loss` |
# | a count | nothing (its logarithm) | `poisson_nll_loss` |
# | a number and its uncertainty | mean and variance | `gaussian_nll_loss` |
# | yes or no; several labels at once | logits | `binary_cross_entropy_with_logits` |
# | one of K classes | logits | `cross_entropy` |
# | yes or no, where yes is rare | logits | `binary_focal_cross_entropy` |
# | who comes first | scores | `margin_ranking_loss` |
# | who resembles whom | vectors | `triplet_margin_loss`, `info_nce` |
# | which pixels | probabilities | `dice` |
# | text from sound, without positions | log probabilities | `ctc_loss` |

# %% [markdown] tags=["recap"]
# ## In five lines
# * A loss turns predictions and truths into one number; training makes it small.
# * Squares lead to the mean, absolute errors to the median; Huber's is between.
# * Two classes: $-[y \ln \hat y + (1 - y) \ln(1 - \hat y)]$, and the plus is a plus.
# * K classes: $-\ln \hat y_{\text{right}}$, best computed from the scores.
# * Ranking losses only care about the order; every task has its own.

# %% [markdown] tags=["quiz"]
# ## Quiz
# 1. Why does one director's salary not change the best guess for the absolute error?
# 2. What does the cross-entropy with a lost plus say about a wrong prediction?
# 3. Which loss for a network that shall predict how many customers will come?
# 4. What is the derivative of the squared error, and why does an outlier pull so hard?
# 5. Why do libraries take scores instead of probabilities?
#
# <details><summary>Answers</summary>
#
# 1. The median depends on the order of the salaries, not on how large the largest is.
# 2. Nothing: it is 0 for every prediction.
# 3. `poisson_nll_loss`, for a count.
# 4. $2e$: it grows with the error.
# 5. A probability that rounds to 0 or 1 has lost the score; its logarithm would be infinite.
#
# </details>

# %% [markdown] tags=["exercises"]
# ## Exercises

# %% [markdown]
# **1.** Sigmoid with squared error learns badly. Give the derivatives by $z$ of $(\sigma(z) - 1)^2$
# and of the cross-entropy at $z = -8$, where the network is as wrong as can be.

# %% tags=["solution"]
squared = jax.grad(lambda z: (jax.nn.sigmoid(z) - 1) ** 2)(-8.0)
entropy = jax.grad(lambda z: losses.binary_cross_entropy_with_logits(z, jnp.ones(())))(-8.0)

# %% tags=["check"]
print(f"squared error {squared:.5f}, cross-entropy {entropy:.5f}")
assert -0.001 < squared < 0 and -1 <= entropy < -0.99

# %% [markdown]
# **2.** Which constant prediction minimises the cross-entropy if 30 % of the labels are 1?

# %% tags=["solution"]
constant = 0.3

# %% tags=["check"]
labels10 = jnp.array([1.0] * 3 + [0.0] * 7)
assert jnp.isclose(p[jnp.argmin(jnp.array([right(q, labels10).mean() for q in p]))], constant)

# %% [markdown]
# **3.** The squared error is twice a negative log-likelihood. Of which distribution? Give the name
# of the loss in `losses` whose value at variance 1 is half the MSE.

# %% tags=["solution"]
likelihood = losses.gaussian_nll_loss

# %% tags=["check"]
assert jnp.isclose(likelihood(predictions, targets, jnp.ones(3)), mse(predictions, targets) / 2)

# %% [markdown]
# **4.** A quantile can be learned as well. The *pinball* loss is $\max(q e, (q - 1) e)$ with
# $e = y - \hat y$. Write it, as a mean over the $y$, and see what $q = 0.9$ gives for the salaries.


# %% tags=["solution"]
def pinball(guess, y, q):
    """The mean pinball loss of one guess for many y."""
    return jnp.maximum(q * (y - guess), (q - 1) * (y - guess)).mean()


# %% tags=["check"]
of_guesses = jax.vmap(lambda g: pinball(g, salaries, 0.9))(guesses)
assert guesses[of_guesses.argmin()] == 40.0  # four of five are below: the 90 % quantile
assert guesses[jax.vmap(lambda g: pinball(g, salaries, 0.5))(guesses).argmin()] == 3.0
