"""Normalisations, embeddings and bilinear maps with every option, beside their PyTorch twins."""

from collections.abc import Callable, Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np

from case import Case
from jaxdl import functional as F

random = np.random.RandomState(7)

IMAGES, SEQUENCES = 2 * random.randn(2, 3, 4, 6) + 0.5, 2 * random.randn(3, 4, 6) - 0.5
ROWS = random.randn(5, 6)
SCALE, BIAS = random.uniform(0.5, 2, 6), random.randn(6)
WIDE_SCALE, WIDE_BIAS = random.uniform(0.5, 2, (4, 6)), random.randn(4, 6)
MEAN, VARIANCE = random.randn(6), random.uniform(0.5, 2, 6)
BATCHES = random.randn(3, 5, 6)
TABLE = random.randn(7, 3)
TOKENS = np.array([[0, 6, 2, 2], [5, 1, 1, 1], [3, 2, 2, 2]])
KERNEL = random.randn(2, 3, 4, 5)
MATRIX = random.randn(4, 3)
FIRST, SECOND, PRODUCTS = random.randn(5, 3), random.randn(5, 4), random.randn(3, 4, 2)


def singular(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First singular vectors of a kernel, not quite; rounded, so that every machine has them."""
    matrix = kernel.reshape(-1, kernel.shape[-1]).T
    unit = lambda v: v / np.linalg.norm(v)
    v = np.ones(matrix.shape[1])
    for _ in range(3):
        u = unit(matrix @ v)
        v = unit(u @ matrix)
    return u.round(6), v.round(6)


def affine(fn: Callable) -> Callable:
    """``fn(params, x)`` as a function of x, scale and bias, of those that are given."""
    return lambda x, *p, **k: fn(dict(zip(("scale", "bias"), p, strict=False)), x, **k)


def per_example() -> Iterator[Case]:
    layer = "lambda x, *p, axes=1, epsilon=1e-5: F.layer_norm(x, x.shape[-axes:], *p, eps=epsilon)"
    rms = "lambda x, *p, axes=1, epsilon=None: F.rms_norm(x, x.shape[-axes:], *p, eps=epsilon)"
    three = (0, 1, 2)
    fn = affine(F.layer_norm)
    yield Case("layer_norm", fn, (SEQUENCES, SCALE, BIAS), {}, layer, differentiate=three)
    yield Case("layer_norm-scale", fn, (SEQUENCES, SCALE), {}, layer, differentiate=(0, 1))
    yield Case("layer_norm-plain", fn, (SEQUENCES,), {"epsilon": 0.1}, layer)
    arrays = (SEQUENCES, WIDE_SCALE, WIDE_BIAS)
    yield Case("layer_norm-axes=2", fn, arrays, {"axes": 2}, layer, differentiate=three)

    fn = affine(F.rms_norm)
    yield Case("rms_norm", fn, (SEQUENCES, SCALE), {}, rms, differentiate=(0, 1))
    yield Case("rms_norm-tiny", fn, (1e-4 * ROWS,), {}, rms, smooth=False)  # steps would be large
    options = {"epsilon": 1e-2, "axes": 2}
    yield Case("rms_norm-axes=2", fn, (SEQUENCES, WIDE_SCALE), options, rms, differentiate=(0, 1))

    group = (
        "lambda x, *p, groups, axes=3, epsilon=1e-5:"
        " F.group_norm(x.movedim(-1, 1), groups, *p, eps=epsilon).movedim(1, -1)"
    )
    fn = affine(F.group_norm)
    for groups in (1, 3):
        options = {"groups": groups}
        arrays = (IMAGES, SCALE, BIAS)
        yield Case(f"group_norm-{groups}", fn, arrays, options, group, differentiate=three)
    options = {"groups": 2, "axes": 2, "epsilon": 0.1}
    yield Case("group_norm-sequences", fn, (SEQUENCES,), options, group)
    yield Case("group_norm-features", fn, (ROWS,), {"groups": 2, "axes": 1}, group)

    instance = (
        "lambda x, *p, axes=3, epsilon=1e-5: F.instance_norm(x.movedim(-1, 1),"
        " **dict(zip(('weight', 'bias'), p)), eps=epsilon).movedim(1, -1)"
    )
    fn = affine(F.instance_norm)
    yield Case("instance_norm", fn, (IMAGES, SCALE, BIAS), {}, instance, differentiate=three)
    options = {"axes": 2, "epsilon": 0.1}
    yield Case("instance_norm-sequences", fn, (SEQUENCES,), options, instance)

    local = "lambda x, **k: F.local_response_norm(x.movedim(-1, 1), **k).movedim(1, -1)"
    fn = F.local_response_norm
    for size in (1, 2, 5):
        yield Case(f"local_response_norm-{size}", fn, (SEQUENCES,), {"size": size}, local)
    options = {"size": 3, "alpha": 0.5, "beta": 0.6, "k": 2.0}
    yield Case("local_response_norm-options", fn, (SEQUENCES,), options, local)


def trained(x: Any, scale: Any, bias: Any, **options: Any) -> Any:
    state = {"mean": jnp.zeros_like(scale), "variance": jnp.ones_like(scale)}
    return F.batch_norm({"scale": scale, "bias": bias}, state, x, train=True, **options)[0]


def evaluated(x: Any, mean: Any, variance: Any, scale: Any, bias: Any) -> Any:
    state = {"mean": mean, "variance": variance}
    return F.batch_norm({"scale": scale, "bias": bias}, state, x)[0]


def running(x: Any, *, momentum: float | None) -> Any:
    """The running statistics after one batch for each entry of the first axis."""
    state = {"mean": jnp.zeros_like(x[0, 0]), "variance": jnp.ones_like(x[0, 0])}
    state |= {"count": jnp.zeros((), x.dtype)} if momentum is None else {}
    for batch in x:
        _, state = F.batch_norm({}, state, batch, train=True, momentum=momentum)
    return jnp.stack([state["mean"], state["variance"]])


def batch() -> Iterator[Case]:
    torch = (
        "lambda x, *p, epsilon=1e-5: F.batch_norm(x.movedim(-1, 1), None, None, *p, training=True,"
        " eps=epsilon).movedim(1, -1)"
    )
    for name, x in (("images", IMAGES), ("sequences", SEQUENCES), ("rows", ROWS)):
        arrays = (x, SCALE, BIAS)
        yield Case(f"batch_norm-{name}", trained, arrays, {}, torch, differentiate=(0, 1, 2))
    arrays, options = (ROWS[:2], SCALE, BIAS), {"epsilon": 0.1}
    yield Case("batch_norm-two", trained, arrays, options, torch, differentiate=(0, 1, 2))
    torch = "lambda x, *p: F.batch_norm(x.movedim(-1, 1), *p).movedim(1, -1)"
    arrays = (IMAGES, MEAN, VARIANCE, SCALE, BIAS)
    yield Case("batch_norm-evaluated", evaluated, arrays, {}, torch, differentiate=(0, 3, 4))
    torch = (
        "lambda x, momentum: (lambda m: [m(b) for b in x] and torch.stack([m.running_mean,"
        " m.running_var]))(torch.nn.BatchNorm1d(6, momentum=momentum, dtype=x.dtype))"
    )
    for momentum in (0.1, 0.7, None):
        name, options = f"batch_norm-running-{momentum}", {"momentum": momentum}
        kind = {"differentiate": (), "smooth": False}
        yield Case(name, running, (BATCHES,), options, torch, **kind)


def tables() -> Iterator[Case]:
    fn = lambda table, i, **k: F.embedding({"embedding": table}, i, **k)
    torch = "lambda e, i, padding_index=None: F.embedding(i, e, padding_idx=padding_index)"
    yield Case("embedding", fn, (TABLE, TOKENS), {}, torch)
    # The value depends on the padding vector, the gradient by design doesn't.
    options = {"padding_index": 2}
    yield Case("embedding-padding", fn, (TABLE, TOKENS), options, torch, smooth=False)
    fn = lambda table, i, **k: F.embedding_bag({"embedding": table}, i, **k)
    torch = (
        "lambda e, i, reduction, padding_index=None:"
        " F.embedding_bag(i, e, mode=reduction, padding_idx=padding_index)"
    )
    empty = np.where(TOKENS == 3, 2, TOKENS)
    for reduction in ("sum", "mean", "max"):
        options = {"reduction": reduction}
        yield Case(f"embedding_bag-{reduction}", fn, (TABLE, TOKENS), options, torch)
        options = {"reduction": reduction, "padding_index": 2}
        yield Case(f"embedding_bag-{reduction}-padding", fn, (TABLE, empty), options, torch)
    options = {"reduction": "max", "padding_index": 2}
    yield Case("embedding_bag-max-ties", fn, (TABLE.round(), empty), options, torch, smooth=False)
    fn = lambda table, x: F.embedding_attend({"embedding": table}, x)
    torch = "lambda e, x: F.linear(x, e)"
    yield Case("embedding_attend", fn, (TABLE, FIRST), {}, torch, differentiate=(0, 1))


def kernels() -> Iterator[Case]:
    names = ("kernel", "bias")
    fn = lambda a, b, *p: F.bilinear(dict(zip(names, p, strict=False)), a, b)
    torch = "lambda a, b, w, *p: F.bilinear(a, b, w.permute(2, 0, 1), *p)"
    arrays = (FIRST, SECOND, PRODUCTS)
    yield Case("bilinear-plain", fn, arrays, {}, torch, differentiate=(0, 1, 2))
    arrays = (*arrays, random.randn(2))
    yield Case("bilinear", fn, arrays, {}, torch, differentiate=(0, 1, 2, 3))

    torch = (
        "lambda v, g: torch._weight_norm(v.permute(3, 2, 0, 1), g.reshape(-1, 1, 1, 1), 0)"
        ".permute(2, 3, 1, 0)"
    )
    arrays = (KERNEL, random.uniform(0.5, 2, 5))
    yield Case("weight_norm", F.weight_norm, arrays, {}, torch, differentiate=(0, 1))
    torch = "lambda v, g: torch._weight_norm(v.T, g.reshape(-1, 1), 0).T"
    arrays = (MATRIX, random.uniform(0.5, 2, 3))
    yield Case("weight_norm-matrix", F.weight_norm, arrays, {}, torch, differentiate=(0, 1))

    divided = lambda w, u, v, **k: F.spectral_norm(w, {"u": u, "v": v}, **k)[0]
    torch = (
        "lambda w, u, v, n_iterations: (lambda m: (m._u.copy_(u), m._v.copy_(v),"
        " m.train(n_iterations > 0)(w.movedim(-1, 0)).movedim(0, -1))[2])("
        "torch.nn.utils.parametrizations._SpectralNorm(w.detach().movedim(-1, 0),"
        " max(n_iterations, 1)))"
    )
    for n in (0, 2):
        for name, w in (("matrix", MATRIX), ("kernel", KERNEL)):
            arrays = (w, *singular(w))
            # After an iteration u and v depend on W, and the gradient by design doesn't see it.
            kind = {"smooth": n == 0, "torch_options": None}
            options = {"n_iterations": n}
            yield Case(f"spectral_norm-{name}-{n}", divided, arrays, options, torch, **kind)


CASES = [*per_example(), *batch(), *tables(), *kernels()]
