"""The losses that PyTorch doesn't have: their formulas, written in PyTorch."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from case import Case
from jaxdl import losses as L
from tables.rows import EXTREMES, against, edges, near, rows

random = np.random.RandomState(11)
X, Y = 2 * random.randn(4, 5), 2 * random.randn(4, 5)
PROBABILITY, SOFT = random.uniform(0.05, 0.95, (2, 4, 5))
SIGNS = random.choice([-1.0, 1.0], (4, 5))
LABELS = np.array([0, 4, 2, 4])
ONE_HOT = np.eye(5)[LABELS]
SHARES = random.dirichlet(np.ones(5), 4)
ALPHA = random.uniform(0.2, 2, 5)
# Rows of logits with ties, at ±0, and far apart; and their classes.
WIDE = np.array(
    [
        [0.0, 0.0, -0.0, 0.0, 0.0],
        [1e-30, -1e-30, 1.0, 1.0, -1.0],
        [50.0, -50.0, 0.0, 50.0, 1.0],
        [1e4, -1e4, 0.0, 1e4, 50.0],
        [1e30, -1e30, 0.0, 1.0, -50.0],
    ]
)
CLASSES = np.array([0, 2, 1, 3, 0])
POINTS = against([x for x in EXTREMES if np.isfinite(x)] + near(0.0, 1.0), -1.0, 1.0)


def formula(values: str, arguments: str = "x, t", reduce: str = "{}") -> str:
    """A lambda of PyTorch for these values, reduced."""
    by = {"none": "v", "mean": "v.mean()", "sum": "v.sum()"}
    cases = ", ".join(f"'{name}': lambda v: {reduced}" for name, reduced in by.items())
    return f"(lambda {arguments}, reduction: {{{cases}}}[reduction]({values}))"


def twins(
    fn: Callable[..., Any], arrays: tuple[np.ndarray, ...], values: str, **settings: Any
) -> Iterator[Case]:
    """One row a reduction; the formula has the options in it."""
    arguments = settings.pop("arguments", "x, t")
    yield from rows(fn, arrays, formula(values, arguments), torch_options={}, **settings)


def real() -> Iterator[Case]:
    both = {"differentiate": (0, 1)}
    log_cosh = "torch.logaddexp(x - t, t - x) - np.log(2.0)"
    yield from twins(L.log_cosh, (X, Y), log_cosh, **both)
    # logaddexp loses the digits of small errors: the formula holds only away from them.
    far = against([-1e4, -50.0, -2.0, 3.0, 50.0, 1e4], 0.0)[0]
    far = far[far != 0]
    yield from edges(L.log_cosh, (far, 0 * far), formula(log_cosh), torch_options={}, **both)
    percentage = "100 * (x - t).abs() / t.abs().clamp_min(1e-7)"
    yield from twins(L.mean_absolute_percentage_error, (X, Y), percentage, **both)
    yield from edges(
        L.mean_absolute_percentage_error,
        against([0.0, -0.0, 1.0, -1.0, 50.0, 1e4, -1e4, *near(0.0, 1.0)], 1e-9, 1.0, -50.0),
        formula(percentage),
        torch_options={},
    )
    logarithmic = "(x.clamp_min(1e-7).log1p() - t.clamp_min(1e-7).log1p()) ** 2"
    positive = (np.exp(X), np.exp(Y))
    yield from twins(L.mean_squared_logarithmic_error, positive, logarithmic, **both)
    yield from edges(
        L.mean_squared_logarithmic_error,
        against([0.0, -0.0, -1.0, 1e-30, 1.0, 50.0, 1e4, 1e30], 0.0, 1.0, 1e4),
        formula(logarithmic),
        torch_options={},
    )


def margins() -> Iterator[Case]:
    values = {
        L.hinge: "F.relu(1 - t * x)",
        L.squared_hinge: "F.relu(1 - t * x) ** 2",
        L.perceptron_loss: "(-t * x).clamp_min(0)",
    }
    for fn, text in values.items():
        yield from twins(fn, (X, SIGNS), text)
        yield from edges(fn, POINTS, formula(text), torch_options={})
    categorical = "F.relu(1 + ((1 - t) * x).max(-1).values - (t * x).sum(-1))"
    yield from twins(L.categorical_hinge, (X, ONE_HOT), categorical, differentiate=(0, 1))
    ends = (WIDE[3:], np.eye(5)[CLASSES[3:]])  # without ties, whose gradient PyTorch gives to one
    yield from edges(L.categorical_hinge, ends, formula(categorical), torch_options={})


def focal() -> Iterator[Case]:
    bce = "F.binary_cross_entropy_with_logits(x, {t}, reduction='none')"
    missed = "({t} * x.neg().sigmoid() + (1 - {t}) * x.sigmoid())"
    share = "({t} * 0.3 + (1 - {t}) * 0.7)"
    smooth = "(0.8 * t + 0.1)"
    plain = f"{missed} ** 2 * {bce}".format(t="t")
    yield from twins(L.binary_focal_cross_entropy, (X, SOFT), plain, differentiate=(0, 1))
    full = f"{share} * {missed} ** 1.5 * {bce}".format(t=smooth)
    options = {"alpha": 0.3, "gamma": 1.5, "label_smoothing": 0.2}
    yield from twins(L.binary_focal_cross_entropy, (X, SOFT), full, **options)
    hard = against([0.0, -0.0, 1e-30, 1.0, -1.0, 50.0, -50.0, 1e4, -1e4, *near(0.0)], 0.0, 1.0)
    yield from edges(L.binary_focal_cross_entropy, hard, formula(plain), torch_options={})

    log_p = "x.log_softmax(-1)"
    missed = f"(1 - {log_p}.exp())"
    plain = f"-(0.25 * {missed} ** 2 * t * {log_p}).sum(-1)"
    yield from twins(L.categorical_focal_cross_entropy, (X, SHARES), plain, differentiate=(0, 1))
    ends = (WIDE, np.eye(5)[CLASSES])
    yield from edges(L.categorical_focal_cross_entropy, ends, formula(plain), torch_options={})
    alpha = f"torch.tensor({ALPHA.tolist()}, dtype=x.dtype)"
    full = f"-({alpha} * {missed} ** 1.5 * (0.8 * t + 0.04) * {log_p}).sum(-1)"
    options = {"alpha": ALPHA, "gamma": 1.5, "label_smoothing": 0.2}
    yield from twins(L.categorical_focal_cross_entropy, (X, SHARES), full, **options)

    picked = "x.softmax(-1).gather(-1, t[..., None])[..., 0]"
    for q in (0.7, 1.0):
        text = f"(1 - {picked} ** {q}) / {q}"
        yield from twins(L.generalized_cross_entropy, (X, LABELS), text, q=q)
    # Where the probability isn't 0: there the power's gradient is infinite times 0.
    likely = (WIDE[[0, 1, 3, 4]], CLASSES[[0, 1, 3, 4]])
    yield from edges(L.generalized_cross_entropy, likely, formula(text), torch_options={}, q=1.0)


def dice(x: Any, t: Any, **options: Any) -> Any:
    return L.dice(x, t, smooth=1.0, **options)


def tversky(x: Any, t: Any, **options: Any) -> Any:
    return L.tversky(x, t, smooth=1.0, alpha=0.3, beta=0.6, **options)


def overlaps() -> Iterator[Case]:
    arrays, both = (PROBABILITY, SOFT), {"differentiate": (0, 1)}
    false = "({} * x * (1 - t) + {} * (1 - x) * t)"
    text = "1 - 2 * (x * t).sum(1) / ((x + t).sum(1) + 1e-7)"
    yield from twins(L.dice, arrays, text, **both)
    empty = np.array([[0.0, 0.0, -0.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [1e-30, 0.0, 1.0]])
    full = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [0.0, 0.0, 1.0]])
    yield from edges(L.dice, (empty, full), formula(text), torch_options={})
    text = "1 - (2 * (x * t).sum() + 1) / ((x + t).sum() + 1 + 1e-7)"
    yield from twins(dice, arrays, text, axis=(0, 1), note="smooth", **both)
    wrong = false.format(0.5, 0.5)
    text = f"1 - (x * t).sum(1) / ((x * t + {wrong}).sum(1) + 1e-7)"
    yield from twins(L.tversky, arrays, text, **both)
    yield from edges(L.tversky, (empty, full), formula(text), torch_options={})
    wrong = false.format(0.3, 0.6)
    text = f"1 - ((x * t).sum() + 1) / ((x * t + {wrong}).sum() + 1 + 1e-7)"
    yield from twins(tversky, arrays, text, axis=(0, 1), note="priced", **both)


def batches() -> Iterator[Case]:
    unit = "F.normalize({}, dim=-1)"
    scores = f"({unit.format('q')} @ {unit.format('k')}.T / 0.5)"
    text = f"F.cross_entropy({scores}, torch.arange(len(q)), reduction='none')"
    settings = {"arguments": "q, k", "differentiate": (0, 1)}
    yield from twins(L.info_nce, (X, Y), text, temperature=0.5, **settings)
    ends = (WIDE[1:4] / [[1.0], [1.0], [100.0]], WIDE[2:5] / [[1.0], [100.0], [1e28]])
    of_pairs = formula(text, "q, k")
    yield from edges(L.info_nce, ends, of_pairs, torch_options={}, temperature=0.5)

    z = X / np.linalg.norm(X, axis=1, keepdims=True)
    for labels in (np.array([0, 1, 0, 1]), np.array([0, 1, 1, 1])):
        similar, same = "(z @ z.T).clamp_max(1)", "(t[:, None] == t)"
        pull = f"-5 * F.relu(1.3 - {similar}) * ({similar} - 0.7)"
        push = f"5 * F.relu({similar} + 0.3) * ({similar} - 0.3)"
        near = f"{same} & ~torch.eye(len(z), dtype=bool)"
        total = f"({pull}).masked_fill(~({near}), -np.inf).logsumexp(1)"
        total += f" + ({push}).masked_fill({same}, -np.inf).logsumexp(1)"
        complete = f"(({near}).any(1) & (~{same}).any(1))"
        text = f"torch.where({complete}, F.softplus(({total}).masked_fill(~{complete}, 0.0)), 0.0)"
        note = f"{len(set(labels.tolist()))}-{labels.sum()}"
        options = {"gamma": 5.0, "margin": 0.3, "arguments": "z, t", "note": note}
        yield from twins(L.circle, (z, labels), text, **options)


BEYOND = [case for family in (real, margins, focal, overlaps, batches) for case in family()]
