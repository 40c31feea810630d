"""The multilayer perceptron."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from jaxdl import _checks, activations, initializers, layers
from jaxdl._checked import checked
from jaxdl.combinators import serial
from jaxdl.types import Array, Init, Layer, assembly


@assembly
@checked
def mlp(
    sizes: Sequence[int],
    *,
    activation: Callable[[Array], Array] = activations.relu,
    rate: float | Array = 0.0,
    init: Init = initializers.torch_default,
) -> Layer:
    """A multilayer perceptron: dense layers with an activation after each but the last.

    Args:
        sizes: features in, of each hidden layer, and out; ``(784, 128, 10)`` has one hidden layer.
        activation: activation of the hidden layers.
        rate: dropout rate after each activation; 0 omits dropout.
        init: initializer of kernels and biases.

    Returns:
        A Layer from (…, sizes[0]) to (…, sizes[-1]), made with ``serial``.

    Raises:
        ValueError: with fewer than two sizes, or a size that isn't a positive integer.

    Example:
        >>> import jax
        >>> params, _ = mlp((784, 128, 64, 10)).init(jax.random.key(0))
        >>> sum(p.size for p in jax.tree.leaves(params))
        109386
    """
    if not isinstance(sizes, Sequence) or len(sizes) < 2:
        raise ValueError(f"mlp: sizes are {sizes!r}; they must be at least two, in and out")
    *hidden, output = [layers.dense(a, b, init=init) for a, b in pairwise(sizes)]
    dropped = () if _checks.is_zero(rate) else (layers.dropout(rate),)
    parts = [part for layer in hidden for part in (layer, activation, *dropped)]
    return serial(*parts, output)
