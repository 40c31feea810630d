"""Parts of the parameters, told apart by their paths, as ``"0/kernel"``."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxdl._paths import spell
from jaxdl.optim._descent import widen
from jaxdl.types import Array, Params


def by_path(
    label: Callable[[str], str], transforms: Mapping[str, optax.GradientTransformation]
) -> optax.GradientTransformationExtraArgs:
    """Gives each part of the parameters an optimizer of its own.

    A frozen part is one with ``optax.set_to_zero()``: it gets updates of exactly 0, and no memory.
    Weight decay of an outer link would still move it; keep decay inside the parts.

    Args:
        label: the name of a part by the path of a parameter, as ``"encoder/0/kernel"``.
        transforms: the transformation of each part.

    Returns:
        A gradient transformation.

    Raises:
        ValueError: in ``init``, if a parameter belongs to no part, or a part is empty.

    Example:
        >>> part = lambda path: "head" if path.startswith("head/") else "body"
        >>> tx = by_path(part, {"head": optax.sgd(1.0), "body": optax.set_to_zero()})
        >>> params = {"head": {"kernel": jnp.ones(1)}, "stem": {"kernel": jnp.ones(1)}}
        >>> updates, state = tx.update(params, tx.init(params), params)
        >>> updates["head"], updates["stem"]
        ({'kernel': Array([-1.], dtype=float32)}, {'kernel': Array([0.], dtype=float32)})
    """
    labels = lambda params: jax.tree_util.tree_map_with_path(lambda p, _: label(spell(p)), params)
    tx = optax.partition(dict(transforms), labels)

    def init(params: Params) -> Any:
        used = {spell(path): label(spell(path)) for path, _ in jax.tree.leaves_with_path(params)}
        for path, part in used.items():
            if part not in transforms:
                raise ValueError(
                    f"by_path: the label of {path!r} is {part!r}; it must be one of"
                    f" {sorted(transforms)}"
                )
        if empty := set(transforms) - set(used.values()):
            raise ValueError(
                f"by_path: no parameter is labelled {sorted(empty)}; their paths are {list(used)}"
            )
        return tx.init(params)

    return optax.GradientTransformationExtraArgs(init, tx.update)


def path_mask(where: Callable[[str], bool]) -> Callable[[Params], Any]:
    """Turns a predicate on paths into what optax takes as a mask.

    Args:
        where: of a parameter's path.

    Returns:
        A function from parameters to a tree of bools, for ``optax.masked`` and the like.

    Example:
        >>> decay = optax.add_decayed_weights(0.1, mask=path_mask(is_kernel))
        >>> path_mask(is_kernel)({"kernel": 1.0, "bias": 0.0})
        {'bias': False, 'kernel': True}
    """
    return lambda params: jax.tree_util.tree_map_with_path(lambda p, _: where(spell(p)), params)


def is_kernel(path: str) -> bool:
    """Returns whether a parameter is a kernel, by the last part of its path.

    Args:
        path: as ``"0/kernel"``.

    Returns:
        Whether it is one: biases, scales and embeddings are not.

    Example:
        >>> is_kernel("0/kernel"), is_kernel("0/bias")
        (True, False)
    """
    return path.rpartition("/")[2] == "kernel"


def l1_penalty(params: Params, *, where: Callable[[str], bool] = is_kernel) -> Array:
    """Sum of the magnitudes of the kernels: Σ|w|, for a loss + λ·Σ|w|, with gradient 0 at 0.

    Args:
        params: a tree of arrays.
        where: which of them count, by their paths.

    Returns:
        A scalar, at least float32.

    Raises:
        ValueError: if none of them counts.

    Example:
        >>> l1_penalty({"kernel": jnp.array([3.0, -4.0]), "bias": jnp.ones(1)})
        Array(7., dtype=float32)
    """
    return sum_over("l1_penalty", lambda w: w * jnp.sign(w), params, where)


def l2_penalty(params: Params, *, where: Callable[[str], bool] = is_kernel) -> Array:
    """Sum of the squares of the kernels: Σw², for a loss + λ·Σw².

    λ is half of the ``weight_decay`` that does the same to ``sgd``; to ``adam`` both are another
    thing than the decay of ``adamw``.

    Args:
        params: a tree of arrays.
        where: which of them count, by their paths.

    Returns:
        A scalar, at least float32.

    Raises:
        ValueError: if none of them counts.

    Example:
        >>> l2_penalty({"kernel": jnp.array([3.0, -4.0]), "bias": jnp.ones(1)})
        Array(25., dtype=float32)
    """
    return sum_over("l2_penalty", jnp.square, params, where)


def sum_over(
    function: str,
    magnitude: Callable[[Array], Array],
    params: Params,
    where: Callable[[str], bool],
) -> Array:
    """Returns the sum of a magnitude over the arrays whose path is chosen."""
    leaves = jax.tree.leaves_with_path(params)
    chosen = [jnp.sum(magnitude(widen(p))) for path, p in leaves if where(spell(path))]
    if not chosen:
        paths = [spell(path) for path, _ in leaves]
        raise ValueError(f"{function}: where chooses none of the parameters {paths}")
    return jnp.sum(jnp.stack(chosen))
