"""Selecting parts of the parameters by their paths, such as ``"0/kernel"``."""

from collections.abc import Callable, Mapping

import jax
import optax

from jaxdl._paths import spell
from jaxdl.types import Params, PyTree


def by_path(
    label: Callable[[str], str], transforms: Mapping[str, optax.GradientTransformation]
) -> optax.GradientTransformationExtraArgs:
    """Gives each part of the parameters its own optimizer.

    To freeze a part, use ``optax.set_to_zero()``: its updates are exactly 0 and it needs no memory.
    Weight decay elsewhere in a chain would still move it; keep decay inside the parts.

    Args:
        label: maps a parameter's path, such as ``"encoder/0/kernel"``, to the name of its part.
        transforms: the transformation of each part.

    Raises:
        ValueError: in ``init``, if a parameter belongs to no part, or a part is empty.

    Example:
        >>> import jax.numpy as jnp
        >>> part = lambda path: "head" if path.startswith("head/") else "body"
        >>> tx = by_path(part, {"head": optax.sgd(1.0), "body": optax.set_to_zero()})
        >>> params = {"head": {"kernel": jnp.ones(1)}, "stem": {"kernel": jnp.ones(1)}}
        >>> updates, state = tx.update(params, tx.init(params), params)
        >>> updates["head"], updates["stem"]
        ({'kernel': Array([-1.], dtype=float32)}, {'kernel': Array([0.], dtype=float32)})
    """
    labels = lambda params: jax.tree_util.tree_map_with_path(lambda p, _: label(spell(p)), params)
    tx = optax.partition(dict(transforms), labels)

    def init(params: Params) -> PyTree:
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


def path_mask(where: Callable[[str], bool]) -> Callable[[Params], PyTree]:
    """Turns a predicate on paths into a mask for optax.

    Args:
        where: predicate on a parameter's path.

    Returns:
        A function from parameters to a tree of bools, for ``optax.masked`` and the like.

    Example:
        >>> from jaxdl.optim import is_kernel
        >>> decay = optax.add_decayed_weights(0.1, mask=path_mask(is_kernel))
        >>> path_mask(is_kernel)({"kernel": 1.0, "bias": 0.0})
        {'bias': False, 'kernel': True}
    """
    return lambda params: jax.tree_util.tree_map_with_path(lambda p, _: where(spell(p)), params)
