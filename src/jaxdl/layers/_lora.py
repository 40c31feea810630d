"""Low-rank adaptation: fine-tuning a network with few parameters."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxdl import _checks, _paths, _ranges
from jaxdl.types import Array, Key, Layer, Params, PyTree, State, factory, name_of, named


def _is_dense_kernel(path: str, kernel: Array) -> bool:
    return _paths.is_kernel(path) and kernel.ndim == 2


@factory
def lora(
    layer: Layer,
    rank: int,
    *,
    alpha: float | Array | None = None,
    where: Callable[[str, Array], bool] = _is_dense_kernel,
    base: Params | None = None,
) -> Layer:
    """Learns a product of two narrow matrices on top of each kernel: W' = W + (alpha/rank)·A·B.

    W is fixed; only A and B are params. B starts at 0, so the network initially computes the same
    as without them. ``merge_lora`` merges them into params of the plain network.

    Args:
        layer: a Layer, or a network of them.
        rank: columns of A and rows of B.
        alpha: the weight of the product, times rank. Defaults to rank.
        where: ``(path, leaf) -> bool``, whether to adapt the leaf at a path like "0/kernel". Each
            entry of leading axes, such as that of ``repeat``, has its own product. Defaults to
            kernels with two axes.
        base: W, the trained params of the network. Defaults to those of ``layer.init``.

    Returns:
        A Layer with params ``{path: {"down": A (…, n_in, rank), "up": B (…, rank, n_out)}}``, and
        state ``{"base": W, "scale": (), "layer": the state of layer}``.

    Raises:
        ValueError: if ``rank`` isn't a positive integer or ``alpha`` isn't positive; in ``init``,
            if ``where`` selects nothing or a leaf with fewer than two axes, or ``base`` doesn't
            have the network's shapes.

    Example:
        >>> from jaxdl import layers
        >>> net = lora(layers.dense(512, 512), 4)
        >>> params, state = net.init(jax.random.key(0))
        >>> sum(p.size for p in jax.tree.leaves(params)), state["base"]["kernel"].size
        (4096, 262144)

    Reference:
        Hu et al., "LoRA", 2021, https://arxiv.org/abs/2106.09685.
    """
    name = f"lora({name_of(layer)}, {rank})"
    _checks.positive_ints(name, rank=rank)
    if alpha is not None:
        _ranges.check(name, alpha=alpha)
    scale = 1.0 if alpha is None else alpha / rank

    def init_fn(key: Key) -> tuple[Params, State]:
        drawn, state = layer.init(jax.random.fold_in(key, 0))
        kept = drawn if base is None else base
        _same_shapes(name, drawn, kept)
        chosen = {path: w for path, w in _named_leaves(kept) if where(path, w)}
        if not chosen or any(w.ndim < 2 for w in chosen.values()):
            raise ValueError(f"{name}: where selects {', '.join(chosen) or 'nothing'}; it must "
                             "select leaves with two axes or more")  # fmt: skip
        keys = jax.random.split(jax.random.fold_in(key, 1), len(chosen))
        pairs = zip(chosen.items(), keys, strict=True)
        params = {path: _pair(part_key, w, rank) for (path, w), part_key in pairs}
        return params, {"base": kept, "scale": jnp.float32(scale), "layer": state}

    def apply_fn(
        params: Params, state: State, x: PyTree, *, key: Key | None = None, train: bool = False
    ) -> tuple[PyTree, State]:
        y, inner = layer.apply(merge_lora(params, state), state["layer"], x, key=key, train=train)
        return y, {**state, "layer": inner}

    return named(name, init_fn, apply_fn)


def merge_lora(params: Params, state: State) -> Params:
    """Returns the params of the plain network that a ``lora`` network computes with.

    Args:
        params: the params of the network made by ``lora``.
        state: its state; ``state["layer"]`` is that of the plain network.

    Returns:
        W + (alpha/rank)·A·B in place of each adapted kernel, and the rest unchanged.

    Example:
        >>> from jaxdl import layers
        >>> params, state = lora(layers.dense(3, 2), 1).init(jax.random.key(0))
        >>> jax.tree.map(jnp.shape, merge_lora(params, state))
        {'bias': (2,), 'kernel': (3, 2)}
    """

    def merged(path: tuple[object, ...], w: Array) -> Array:
        pair = params.get(_paths.spell(path))
        if pair is None:
            return jax.lax.stop_gradient(w)
        product = state["scale"] * (pair["down"] @ pair["up"])
        return jax.lax.stop_gradient(w) + product.astype(w.dtype)

    return jax.tree_util.tree_map_with_path(merged, state["base"])


def _named_leaves(tree: Params) -> list[tuple[str, Array]]:
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    return [(_paths.spell(path), leaf) for path, leaf in leaves]


def _pair(key: Key, w: Array, rank: int) -> dict[str, Array]:
    """Returns A from N(0, 1/n_in) and B of zeros."""
    *lead, n_in, n_out = w.shape
    down = jax.random.normal(key, (*lead, n_in, rank), jnp.float32) / jnp.sqrt(float(n_in))
    return {"down": down, "up": jnp.zeros((*lead, rank, n_out), jnp.float32)}


def _same_shapes(name: str, drawn: Params, base: Params) -> None:
    ours, theirs = ({path: leaf.shape for path, leaf in _named_leaves(t)} for t in (drawn, base))
    if ours != theirs:
        odd = sorted({path for path, _ in set(ours.items()) ^ set(theirs.items())})
        raise ValueError(f"{name}: base isn't the network's; they differ in {', '.join(odd[:5])}")
