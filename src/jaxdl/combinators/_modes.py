"""Running a network in another precision, frozen, or ready for forward mode."""

import jax.numpy as jnp
from jax import lax
from jax.typing import DTypeLike

from jaxdl._forward_mode import looked_through
from jaxdl._precision import cast_like, cast_to
from jaxdl.combinators._parts import LayerLike, lift
from jaxdl.types import (
    Key,
    Layer,
    Params,
    PyTree,
    State,
    factory,
    name_of,
    named,
)


@factory
def compute_in(layer: LayerLike, dtype: DTypeLike) -> Layer:
    """Computes a network in a dtype such as ``jnp.bfloat16``, while its parameters keep theirs.

    Parameters and floating-point inputs are cast; every layer computes in the dtype of its
    parameters, with statistics, softmax and sums in float32. The output is cast to float32,
    so losses are too; the state keeps its dtypes, and gradients have those of the parameters.

    Args:
        layer: a Layer, or a function of one array.
        dtype: a floating-point dtype. float16 needs the scaled loss of ``train.supervised``.

    Returns:
        A Layer with the same params and state.

    Raises:
        TypeError: if ``dtype`` isn't floating point.

    Example:
        >>> import jax
        >>> from jaxdl import layers
        >>> net = compute_in(layers.dense(3, 2), jnp.bfloat16)
        >>> params, state = net.init(jax.random.key(0))
        >>> params["kernel"].dtype.name, net.apply(params, state, jnp.ones((5, 3)))[0].dtype.name
        ('float32', 'float32')

    Reference:
        Micikevicius et al., "Mixed precision training", 2018, https://arxiv.org/abs/1710.03740.
    """
    layer = lift(layer)
    name = f"compute_in({name_of(layer)}, {jnp.dtype(dtype).name})"
    if not jnp.issubdtype(dtype, jnp.floating):
        raise TypeError(f"{name}: dtype must be floating point")

    def apply_fn(
        params: Params, state: State, x: PyTree, *, key: Key | None = None, train: bool = False
    ) -> tuple[PyTree, State]:
        cast = cast_to((params, x), dtype)
        y, after = layer.apply(cast[0], state, cast[1], key=key, train=train)
        return cast_to(y, jnp.float32), cast_like(after, state)

    return named(name, layer.init, apply_fn)


@factory
def frozen(layer: Layer) -> Layer:
    """Keeps a layer fixed while the rest of a network learns.

    Its parameters get no gradient, and even in training it computes as in evaluation: no dropout,
    and fixed running statistics. A gradient of 0 doesn't stop an optimizer's weight decay; use
    ``optim.by_path`` to exclude a part from an optimizer altogether.

    Args:
        layer: a Layer.

    Returns:
        A Layer with the same params and state.

    Example:
        >>> from jaxdl import layers, serial
        >>> net = serial(body=frozen(layers.dense(8, 4)), head=layers.dense(4, 2))
    """

    def apply_fn(
        params: Params, state: State, x: PyTree, *, key: Key | None = None, train: bool = False
    ) -> tuple[PyTree, State]:
        return layer.apply(lax.stop_gradient(params), state, x)

    return named(f"frozen({name_of(layer)})", layer.init, apply_fn)


@factory
def forward_mode(layer: LayerLike) -> Layer:
    """Lets ``jax.jvp`` and ``jax.jacfwd`` go through attention on a GPU or TPU in half precision.

    The fused attention kernels there can only be differentiated in reverse, and leave forward mode
    to JAX where they see it. They can't see it through a ``jax.jit``, loop, branch or
    ``jax.checkpoint`` of yours in between: JAX then "can't apply forward-mode autodiff (jvp) to a
    custom_vjp function". Here attention is always computed without these kernels. Nothing else
    needs this, nor does attention on a CPU.

    Args:
        layer: a Layer, or a function of one array.

    Returns:
        A Layer with the same params and state.

    Example:
        >>> import jax
        >>> from jaxdl import layers
        >>> net = forward_mode(layers.multi_head_attention(4, 2))
        >>> params, state = net.init(jax.random.key(0))
        >>> fn = jax.jit(lambda x: net.apply(params, state, x)[0])
        >>> jax.jacfwd(fn)(jnp.ones((3, 4))).shape
        (3, 4, 3, 4)
    """
    layer = lift(layer)

    def apply_fn(
        params: Params, state: State, x: PyTree, *, key: Key | None = None, train: bool = False
    ) -> tuple[PyTree, State]:
        with looked_through(always=True):
            return layer.apply(params, state, x, key=key, train=train)

    return named(f"forward_mode({name_of(layer)})", layer.init, apply_fn)
