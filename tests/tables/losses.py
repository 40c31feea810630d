"""Every loss of torch.nn.functional with every option: what the oracle and the laws run over."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from case import Case
from jaxdl import losses as L
from tables.losses_beyond import BEYOND
from tables.rows import EXTREMES, INF, NAN, REDUCTIONS, against, any_nan, edges, near, rows

random = np.random.RandomState(1)

X, Y = 2 * random.randn(4, 5), 2 * random.randn(4, 5)
WEIGHT = random.uniform(0.2, 2, (4, 5))
CLASS_WEIGHT = random.uniform(0.2, 2, 5)
PROBABILITY = random.uniform(0.05, 0.95, (4, 5))
SHARES = np.exp(random.randn(4, 5))
SHARES /= SHARES.sum(axis=1, keepdims=True)
SIGNS = random.choice([-1, 1], (4, 5))
COUNTS = random.poisson(2, (4, 5)).astype(float)
LABELS = np.array([0, 4, 2, 4])
PARTLY = np.array([0, -100, 2, 4])
DEEP, DEEP_LABELS = random.randn(2, 3, 5), np.array([[0, 1, 2], [3, 4, -100]])
DEEP_SHARES = np.exp(random.randn(2, 3, 5))
DEEP_SHARES /= DEEP_SHARES.sum(axis=-1, keepdims=True)


def regression() -> Iterator[Case]:
    both = {"differentiate": (0, 1)}
    points = against(EXTREMES + near(0.0), 0.0, 1.0)
    yield from rows(L.l1_loss, (X, Y), **both)
    yield from rows(L.l1_loss, (X, Y), weight=WEIGHT, **both)
    yield from edges(L.l1_loss, points, skip=any_nan, **both)
    yield from rows(L.mse_loss, (X, Y), **both)
    yield from rows(L.mse_loss, (X, Y), weight=WEIGHT, **both)
    yield from edges(L.mse_loss, points, **both)
    for delta in (1.0, 0.3):
        points = against(EXTREMES + near(0.0, delta, -delta), 0.0, 1.0)
        yield from rows(L.huber_loss, (X, Y), delta=delta, **both)
        yield from edges(L.huber_loss, points, delta=delta, skip=any_nan, **both)
        yield from rows(L.smooth_l1_loss, (X, Y), beta=delta, **both)
        yield from edges(L.smooth_l1_loss, points, beta=delta, skip=any_nan, **both)
    yield from rows(L.huber_loss, (X, Y), weight=WEIGHT, **both)
    yield from rows(L.smooth_l1_loss, (X, Y), beta=0.0, **both)
    yield from edges(L.smooth_l1_loss, points, beta=0.0, skip=any_nan, **both)


def likelihood() -> Iterator[Case]:
    both = {"differentiate": (0, 1)}
    for full in (False, True):
        yield from rows(L.poisson_nll_loss, (X, COUNTS), full=full)
        yield from rows(L.poisson_nll_loss, (np.exp(X), COUNTS), full=full, log_input=False)
    yield from rows(L.poisson_nll_loss, (X, np.exp(Y)), note="real", full=True, **both)
    # Without inf: XLA's fused exp on CPUs ends at the largest number, so inf - inf isn't nan there.
    counts = against([*(x for x in EXTREMES if x != INF), 80.0], 0.0, 1.0, 7.0)
    yield from edges(L.poisson_nll_loss, counts, full=True)
    positive = against([x for x in EXTREMES if not x < 0], 0.0, 1.0, 7.0)
    yield from edges(L.poisson_nll_loss, positive, log_input=False)
    yield from rows(
        L.poisson_nll_loss, (np.exp(X), COUNTS), log_input=False, eps=0.1, reductions=("mean",)
    )

    three = {"differentiate": (0, 1, 2)}
    for full in (False, True):
        yield from rows(L.gaussian_nll_loss, (X, Y, np.exp(0.3 * X)), full=full, **three)
    yield from rows(L.gaussian_nll_loss, (X, Y, WEIGHT[:, 0]), note="row", eps=1e-3, **three)
    yield from rows(L.gaussian_nll_loss, (X, Y, WEIGHT[:, :1]), note="column", **three)
    variance = np.array([0.0, 1e-7, *near(1e-6), 1e-5, 1.0, 1e30, INF])
    mean = np.linspace(-1, 1, len(variance))
    # A gradient of 1e12 is the difference of two of its size, in another order.
    yield from edges(L.gaussian_nll_loss, (mean, 0 * mean, variance), **three)

    for log_target, t in ((False, SHARES), (True, np.log(SHARES))):
        yield from rows(
            L.kl_div,
            (np.log(PROBABILITY), t),
            reductions=(*REDUCTIONS, "batchmean"),
            log_target=log_target,
            **both,
        )
    hard = against([0.0, -0.0, -1e-30, -50.0, -1e4, -1e30, -INF, NAN], 0.0, 1.0)
    # PyTorch gives nan where neither has probability: 0·(log 0 − log 0), which is to be 0.
    yield from edges(L.kl_div, hard, skip=lambda x, t: (x == -INF) & (t == 0))


def classification() -> Iterator[Case]:
    last = "lambda x, t, **k: F.cross_entropy(x.movedim(-1, 1), t, **k)"
    both = "lambda x, t, **k: F.cross_entropy(x.movedim(-1, 1), t.movedim(-1, 1), **k)"
    for smoothing in (0.0, 0.3):
        for weight in ({}, {"weight": CLASS_WEIGHT}):
            o = weight | {"label_smoothing": smoothing}
            yield from rows(L.cross_entropy, (X, LABELS), **o)
            yield from rows(L.cross_entropy, (X, PARTLY), note="ignored", **o)
            yield from rows(L.cross_entropy, (DEEP, DEEP_LABELS), last, note="deep", **o)
            yield from rows(L.cross_entropy, (X, SHARES), note="shares", differentiate=(0, 1), **o)
            yield from rows(L.cross_entropy, (DEEP, DEEP_SHARES), both, note="deep shares", **o)
    yield from rows(L.cross_entropy, (X, LABELS), ignore_index=4)
    yield from rows(L.cross_entropy, (X, np.full(4, -100)), note="all ignored", smooth=False)
    yield from rows(L.cross_entropy, (X[0], np.array(4)), note="one row")
    yield from edges(L.cross_entropy, (LOGITS, LOGIT_LABELS))
    yield from edges(L.cross_entropy, (LOGITS, LOGIT_LABELS), label_smoothing=0.1)
    finite = LOGITS[np.isfinite(LOGITS).all(axis=1)]
    shares = np.resize(SHARES[:, :3] / SHARES[:, :3].sum(1, keepdims=True), finite.shape)
    yield from edges(L.cross_entropy, (finite, shares), note="shares edges")

    log_p = np.log(SHARES)
    nll = "lambda x, t, **k: F.nll_loss(x.movedim(-1, 1), t, **k)"
    for weight in ({}, {"weight": CLASS_WEIGHT}):
        yield from rows(L.nll_loss, (log_p, LABELS), **weight)
        yield from rows(L.nll_loss, (log_p, PARTLY), note="ignored", **weight)
        yield from rows(L.nll_loss, (np.log(DEEP_SHARES), DEEP_LABELS), nll, note="deep", **weight)
    yield from rows(L.nll_loss, (log_p, LABELS), ignore_index=4)
    yield from rows(L.nll_loss, (log_p, np.full(4, -100)), note="all ignored", smooth=False)

    linear = "lambda x, w, b, t, **k: F.linear_cross_entropy(x, w.T, t, linear_bias=b, **k)"
    fn = lambda x, w, b, t, **k: L.linear_cross_entropy(x, w, t, bias=b, **k)
    fn.__name__ = "linear_cross_entropy"
    kernel, bias = random.randn(3, 5), random.randn(5)
    for o in ({}, {"weight": CLASS_WEIGHT}, {"label_smoothing": 0.3}, {"ignore_index": 4}):
        yield from rows(
            fn,
            (X[:, :3], kernel, bias, LABELS if o.get("ignore_index") else PARTLY),
            linear,
            differentiate=(0, 1, 2),
            chunk_size=3,
            torch_options=o,
            **o,
        )


LOGITS = np.array(
    [
        [0, 0, 0],
        [1e4, 1e4 + 1, 1e4 - 1],
        [1e30, 1e30, 1e30],
        [1e30, -1e30, 0],
        [-1e30, 1e30, 0],
        [-1e30, -1e30, -1e30],
        [50, -50, 0],
        [-50, 50, 0],
        [1e-30, -1e-30, 0],
        [0, -INF, 1],
        [-INF, 0, 1],
        [-INF, -INF, -INF],
        [INF, 0, 1],
        [0, INF, 1],
        [NAN, 0, 1],
        [1, 1, 0],
    ],
    float,
)
LOGIT_LABELS = np.zeros(len(LOGITS), int)


def binary() -> Iterator[Case]:
    soft = SHARES
    for weight in ({}, {"weight": WEIGHT}, {"weight": CLASS_WEIGHT}):
        yield from rows(L.binary_cross_entropy, (PROBABILITY, soft), differentiate=(0, 1), **weight)
        yield from rows(
            L.binary_cross_entropy_with_logits, (X, soft), differentiate=(0, 1), **weight
        )
    for pos_weight in (CLASS_WEIGHT, WEIGHT):
        yield from rows(
            L.binary_cross_entropy_with_logits, (X, soft), pos_weight=pos_weight, weight=WEIGHT
        )
    ends = against([0.0, 1.0, 1e-30, 0.5, *near(1.0)[::2]], 0.0, 1.0, 0.5)
    # PyTorch adds float32(1e-12) in float64 too.
    tolerance = {"float64": 1e-8}
    yield from edges(L.binary_cross_entropy, ends, tolerance=tolerance)
    points = against(EXTREMES + near(0.0), 0.0, 1.0, 0.5)
    # PyTorch gives nan at -inf where the target isn't 0; the loss there is inf.
    endless = lambda x, t: (x == -INF) & (t != 0)
    triple = np.full(points[0].shape, 3.0)
    yield from edges(L.binary_cross_entropy_with_logits, points, skip=endless)
    yield from edges(L.binary_cross_entropy_with_logits, points, pos_weight=triple, skip=endless)


def margin() -> Iterator[Case]:
    yield from rows(L.soft_margin_loss, (X, SIGNS.astype(float)))
    # PyTorch overflows where −t·x > 88 in float32 and 709 in float64.
    overflow = lambda x, t: ~(-t * x < 80)
    points = against(EXTREMES + near(0.0), -1.0, 1.0)
    yield from edges(L.soft_margin_loss, points, skip=overflow)

    yield from rows(L.hinge_embedding_loss, (np.abs(X), SIGNS.astype(float)))
    yield from rows(L.hinge_embedding_loss, (np.abs(X), SIGNS.astype(float)), margin=2.0)
    points = against(EXTREMES + near(0.0, 1.0), -1.0, 1.0, 0.0)
    # PyTorch's gradient at nan is 0 where the margin applies.
    yield from edges(L.hinge_embedding_loss, points, skip=any_nan)

    yield from rows(L.multilabel_soft_margin_loss, (X, (SIGNS > 0).astype(float)))
    yield from rows(
        L.multilabel_soft_margin_loss, (X, (SIGNS > 0).astype(float)), weight=CLASS_WEIGHT
    )
    wide = np.array(EXTREMES[:12] * 2).reshape(-1, 3)
    hard = np.tile([[0.0, 1, 0.5]], (len(wide), 1))
    yield from edges(L.multilabel_soft_margin_loss, (wide, hard))

    for p in (1, 2):
        yield from rows(L.multi_margin_loss, (X, LABELS), p=p)
        yield from rows(L.multi_margin_loss, (X, LABELS), p=p, margin=0.5, weight=CLASS_WEIGHT)
        ties = np.array([[0.0, 0, 0], [1, 0, 2], [1e4, -1e4, 0], [1e30, -1e30, 0], [0, -1, 1]])
        yield from edges(L.multi_margin_loss, (ties, np.array([0, 0, 0, 0, 0])), p=p)
    lists = np.array([[0, 3, -1, -1, -1], [-1, 1, 2, -1, -1], [4, 3, 2, 1, 0], [2, -1, 2, 0, 1]])
    yield from rows(L.multilabel_margin_loss, (X, lists))
    yield from rows(L.multilabel_margin_loss, (X[0], lists[0]), note="one row")
    twice = np.array([[1, 1, -1], [0, -1, -1], [2, -1, -1], [0, -1, -1], [0, 1, -1]])
    yield from edges(L.multilabel_margin_loss, (ties, twice))


def ranking() -> Iterator[Case]:
    two, three = {"differentiate": (0, 1)}, {"differentiate": (0, 1, 2)}
    for m in (0.0, 0.5):
        yield from rows(L.margin_ranking_loss, (X, Y, SIGNS.astype(float)), margin=m, **two)
    a, b = against(EXTREMES + near(0.0), 0.0, 1.0, -1e30)
    for sign in (-1.0, 1.0):
        # PyTorch's gradient at nan is 0, as if the margin were kept.
        points = (a, b, np.full(a.shape, sign))
        note = f"edges {sign}"
        yield from edges(L.margin_ranking_loss, points, note=note, skip=any_nan, **two)

    signs = np.array([1.0, -1.0, -1.0, 1.0])
    for m in (0.0, 0.3):
        yield from rows(L.cosine_embedding_loss, (X, Y, signs), margin=m, **two)
    yield from rows(L.cosine_embedding_loss, (X[0], Y[0], np.array(-1.0)), note="one row", **two)
    # PyTorch adds float32(1e-12) in float64 too.
    yield from edges(
        L.cosine_embedding_loss, (*VECTORS, VECTOR_SIGNS), tolerance={"float64": 1e-8}, **two
    )

    negative = 2 * random.randn(4, 5)
    for p in (1.0, 1.5, 2.0, 3.0):
        for swap in (False, True):
            o = {"p": p, "swap": swap, "margin": 5.0}
            yield from rows(L.triplet_margin_loss, (X, Y, negative), **o, **three)
    yield from rows(L.triplet_margin_loss, (X, Y, negative), p=INF, margin=5.0, **three)
    yield from rows(L.triplet_margin_loss, (X, Y, negative), eps=0.1, **three)
    same = np.zeros((3, 2)), np.zeros((3, 2)), np.array([[0.0, 0], [1, 0], [3, 4]])
    yield from edges(L.triplet_margin_loss, same, eps=0.0, **three)
    yield from edges(L.triplet_margin_loss, same, eps=0.0, swap=True, **three)
    yield from rows(L.triplet_margin_with_distance_loss, (X, Y, negative), margin=5.0, **three)
    yield from rows(
        L.triplet_margin_with_distance_loss,
        (X, Y, negative),
        "lambda a, p, n, **k: F.triplet_margin_with_distance_loss(a, p, n,"
        " distance_function=lambda u, v: ((u - v) ** 2).sum(-1), **k)",
        note="squares",
        torch_options={"margin": 9.0, "swap": True},
        margin=9.0,
        swap=True,
        distance_function=squares,
        **three,
    )


def squares(u: Any, v: Any) -> Any:
    return ((u - v) ** 2).sum(-1)


VECTORS = (
    np.array([[0.0, 0], [0, 0], [3, 4], [3, 4], [3e-9, 4e-9], [1, 0], [1, 0], [1e-6, 0], [1e4, 1]]),
    np.array([[0.0, 0], [1, 2], [0, 0], [6, 8], [1, 2], [0, 1], [-1, 0], [1e-6, 1e-6], [1, 1e4]]),
)
VECTOR_SIGNS = np.array([1.0, -1, 1, -1, 1, -1, -1, 1, -1])


def distance() -> Iterator[Case]:
    two = {"differentiate": (0, 1), "fn": L.cosine_similarity}
    torch = "F.cosine_similarity"
    for axis in (-1, 0):
        o = {"options": {"axis": axis}, "torch_options": {"dim": axis}}
        yield Case(f"cosine_similarity-axis={axis}", arrays=(X, Y), torch=torch, **o, **two)
    o = {"torch_options": {"dim": -1}, "torch": torch} | two
    # Gradients of a million cancel at a vector of length 1e-6: 0 is within rounding.
    tiny = lambda a, b: np.abs(a) == a.dtype.type(1e-6)
    yield Case("cosine_similarity-edges", arrays=VECTORS, smooth=False, skip=tiny, **o)
    o["torch_options"] = {"dim": -1, "eps": 3.0}
    yield Case("cosine_similarity-eps=3", arrays=(X, Y), options={"eps": 3.0}, smooth=False, **o)
    two["fn"] = L.pairwise_distance
    for p in (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, INF):
        o = {"options": {"p": p}, "torch": "F.pairwise_distance"}
        yield Case(f"pairwise_distance-p={p}", arrays=(X, Y), **o, **two)
        o["options"] = {"p": p, "eps": 0.0, "keepdims": True}
        o["torch_options"] = {"p": p, "eps": 0.0, "keepdim": True}
        yield Case(f"pairwise_distance-p={p}-edges", arrays=VECTORS, smooth=False, **o, **two)


def sequence() -> Iterator[Case]:
    log_p = np.log(np.random.RandomState(3).dirichlet(np.ones(4), (5, 6)))
    # Labels: plain, repeated, as long as the input, none, too long (6 steps can't hold them).
    labels = np.array([[1, 2, 3], [2, 2, 1], [3, 1, 2], [1, 1, 1], [3, 3, 3]])
    steps, lengths = np.array([6, 5, 3, 4, 4]), np.array([3, 3, 3, 0, 3])
    torch = "lambda x, t, n, m, **k: F.ctc_loss(x.log_softmax(-1).movedim(1, 0), t, n, m, **k)"
    feasible = (log_p[:4], labels[:4], steps[:4], lengths[:4])
    # PyTorch's gradient has rounding errors of its own size where terms cancel.
    yield from rows(L.ctc_loss, feasible, torch)
    yield from rows(L.ctc_loss, (log_p, labels, steps, lengths), torch, zero_infinity=True)
    last = (log_p, np.minimum(labels, 2), steps, lengths)
    yield from rows(L.ctc_loss, last, torch, blank=3, zero_infinity=True)
    sums = {"reductions": ("mean", "sum"), "differentiate": (), "smooth": False}
    yield from rows(L.ctc_loss, (log_p, labels, steps, lengths), torch, note="infinite", **sums)


CASES = [
    case
    for family in (
        regression,
        likelihood,
        classification,
        binary,
        margin,
        ranking,
        distance,
        sequence,
    )
    for case in family()
]
CASES += BEYOND
