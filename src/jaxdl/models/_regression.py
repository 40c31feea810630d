"""Linear classifiers: logistic regression for two classes, softmax regression for more."""

from jaxdl import activations, initializers, layers
from jaxdl._checked import checked
from jaxdl.models._perceptron import neuron
from jaxdl.types import Init, Layer, assembly

_FROM_ZERO = Init(kernel=initializers.zeros)


@assembly
@checked
def logistic_regression(n_in: int, *, init: Init = _FROM_ZERO) -> Layer:
    """Logistic regression: the logit z = x·w + b of P(label 1 | x) = σ(z).

    Args:
        n_in: features, on the last axis.
        init: initializer of weights and bias. Defaults to zeros, since the loss is convex.

    Returns:
        A Layer from (…, n_in) to logits of shape (…), for
        ``losses.binary_cross_entropy_with_logits``.

    Raises:
        ValueError: if ``n_in`` isn't a positive integer.

    Example:
        >>> import jax
        >>> net = logistic_regression(3)
        >>> net.apply(*net.init(jax.random.key(0)), jax.numpy.ones((5, 3)))[0].shape
        (5,)
    """
    return neuron(n_in, activation=activations.identity, init=init)


@assembly
@checked
def softmax_regression(n_in: int, n_classes: int, *, init: Init = _FROM_ZERO) -> Layer:
    """Softmax regression: the logits z = x·W + b of P(class k | x) = exp(zₖ) / Σⱼ exp(zⱼ).

    Args:
        n_in: features, on the last axis.
        n_classes: K.
        init: initializer of kernel and bias. Defaults to zeros, since the loss is convex.

    Returns:
        A Layer from (…, n_in) to logits of shape (…, K), for ``losses.cross_entropy``.

    Raises:
        ValueError: if a size isn't a positive integer.

    Example:
        >>> import jax
        >>> net = softmax_regression(784, 3)
        >>> sum(p.size for p in jax.tree.leaves(net.init(jax.random.key(0))))
        2355
    """
    return layers.dense(n_in, n_classes, init=init)
