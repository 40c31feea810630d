"""Layers that draw random numbers in training and do nothing in evaluation."""

from jaxdl import functional
from jaxdl.layers._building import noise_of

dropout = noise_of(
    functional.dropout,
    """
    >>> y, _ = dropout(0.5).apply((), (), jnp.ones(4))
    >>> y
    Array([1., 1., 1., 1.], dtype=float32)
    """,
)
feature_dropout = noise_of(
    functional.feature_dropout,
    """
    >>> import jax
    >>> x = jnp.ones((2, 4, 4, 3))
    >>> y, _ = feature_dropout(0.5, axes=3).apply((), (), x, key=jax.random.key(0), train=True)
    >>> y.shape
    (2, 4, 4, 3)
    """,
)
drop_path = noise_of(
    functional.drop_path,
    """
    >>> import jax
    >>> x = jnp.ones((4, 3))
    >>> y, _ = drop_path(0.5, axes=1).apply((), (), x, key=jax.random.key(0), train=True)
    >>> y.shape
    (4, 3)
    """,
)
alpha_dropout = noise_of(
    functional.alpha_dropout,
    """
    >>> y, _ = alpha_dropout(0.5).apply((), (), jnp.ones(4))
    >>> y
    Array([1., 1., 1., 1.], dtype=float32)
    """,
)
feature_alpha_dropout = noise_of(
    functional.feature_alpha_dropout,
    """
    >>> import jax
    >>> x, net = jnp.ones((2, 4, 4, 3)), feature_alpha_dropout(0.5, axes=3)
    >>> y, _ = net.apply((), (), x, key=jax.random.key(0), train=True)
    >>> y.shape
    (2, 4, 4, 3)
    """,
)
gaussian_noise = noise_of(
    functional.gaussian_noise,
    """
    >>> y, _ = gaussian_noise(0.1).apply((), (), jnp.ones(4))
    >>> y
    Array([1., 1., 1., 1.], dtype=float32)
    """,
)
gaussian_dropout = noise_of(
    functional.gaussian_dropout,
    """
    >>> y, _ = gaussian_dropout(0.5).apply((), (), jnp.ones(4))
    >>> y
    Array([1., 1., 1., 1.], dtype=float32)
    """,
)
