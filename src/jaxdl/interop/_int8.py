"""Weights of one byte each, for inference."""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp

from jaxdl import _paths
from jaxdl.interop._extras import needs
from jaxdl.types import Array, Key, Layer, Params, PyTree, State, name_of, named


def _is_large(path: str, leaf: Array) -> bool:
    """Whether it is a kernel or a table of 16 numbers or more to a scale."""
    axis = _shared(path)
    return axis is not None and leaf.ndim > 1 and leaf.shape[axis] >= 16


def int8(
    net: Layer, params: Params, *, where: Callable[[str, Array], bool] = _is_large
) -> tuple[Layer, Params]:
    """Rounds weights to integers of one byte, for a network a quarter the size: W ≈ s·Q.

    Q are integers from −128 to 127. Each column of a kernel has its own scale, s = max|W| / 127.5
    over the column, and so does each row of an embedding. Biases and normalisation stay as they
    are, and the network computes in float32, from weights that are dequantized when it runs: it
    takes less memory, not less time.

    MiniLM shrinks from 90.3 MB to 23.5 MB; its sentence vectors keep a cosine of 0.9992 or more
    with the original ones, and the nearest mean of ``experiments/finetune_minilm.py`` is right for
    0.781 instead of 0.788 of the test sentences with seed 0.

    Args:
        net: the network.
        params: its params.
        where: ``(path, leaf) -> bool``, whether to round the kernel or the embedding at a path like
            "0/kernel". Defaults to those with at least 16 numbers per scale.

    Returns:
        A Layer for evaluation, and its params: each rounded leaf is a dict ``{"int8": Q, "scale":
        s}``. Both can be exported, and saved by ``save_weights``.

    Raises:
        ImportError: without qwix, which the extra [interop] brings.
        ValueError: if ``where`` chooses nothing, or a leaf that is neither a kernel nor an
            embedding; in training, which needs ``layers.lora`` on the original weights.

    Example:
        >>> from jaxdl import layers
        >>> net = layers.dense(256, 64)
        >>> params, state = net.init(jax.random.key(0))
        >>> small, rounded = int8(net, params)
        >>> rounded["kernel"]["int8"].dtype, rounded["kernel"]["scale"].shape
        (dtype('int8'), (1, 64))
        >>> x = jnp.ones((1, 256))
        >>> before, after = net.apply(params, state, x)[0], small.apply(rounded, state, x)[0]
        >>> bool(jnp.abs(after - before).max() < 0.03)
        True
    """
    library = needs("int8", "qwix", "interop")
    name = f"int8({name_of(net)})"

    def leaf(path: str, weight: Array) -> PyTree:
        if not where(path, weight):
            return weight
        axis = _shared(path)
        if axis is None or weight.ndim < 2:
            raise ValueError(f"{name}: {path} is neither a kernel nor an embedding")
        own = [i for i in range(weight.ndim) if i != weight.ndim + axis]
        made = library.quantize(weight, "int8", channelwise_axes=own)
        return {"int8": made.qvalue, "scale": made.scale}

    def rounded(params: Params) -> Params:
        named_leaf = lambda path, weight: leaf(_paths.spell(path), weight)
        return jax.tree_util.tree_map_with_path(named_leaf, params)

    def init_fn(key: Key) -> tuple[Params, State]:
        drawn, state = net.init(key)
        return rounded(drawn), state

    def apply_fn(
        params: Params, state: State, x: PyTree, *, key: Key | None = None, train: bool = False
    ) -> tuple[PyTree, State]:
        if train:
            raise ValueError(f"{name} is for inference; train lora(net, …) or net itself")
        whole = jax.tree.map(_multiplied, params, is_leaf=_is_rounded)
        return net.apply(whole, state, x)

    small = rounded(params)
    if not any(map(_is_rounded, jax.tree.leaves(small, is_leaf=_is_rounded))):
        raise ValueError(f"{name}: where chooses no kernel and no embedding")
    return named(name, init_fn, apply_fn), small


def _shared(path: str) -> int | None:
    """The axis whose entries share a scale."""
    leaf = path.rpartition("/")[2]
    return -2 if leaf.endswith("kernel") else -1 if leaf == "embedding" else None


def _is_rounded(node: PyTree) -> bool:
    return isinstance(node, Mapping) and set(node) == {"int8", "scale"}


def _multiplied(node: PyTree) -> Array:
    return node["int8"] * node["scale"] if _is_rounded(node) else jnp.asarray(node)
