"""Layers without parameters that change the sizes of images, or their range."""

from jaxdl import functional
from jaxdl.layers._building import layer_of

max_pool = layer_of(
    functional.max_pool,
    """
    >>> y, _ = max_pool((2, 2)).apply((), (), jnp.ones((5, 28, 28, 3)))
    >>> y.shape
    (5, 14, 14, 3)
    """,
)
avg_pool = layer_of(
    functional.avg_pool,
    """
    >>> y, _ = avg_pool((2, 2)).apply((), (), jnp.ones((5, 28, 28, 3)))
    >>> y.shape
    (5, 14, 14, 3)
    """,
)
lp_pool = layer_of(
    functional.lp_pool,
    """
    >>> y, _ = lp_pool((2, 2)).apply((), (), jnp.ones((5, 28, 28, 3)))
    >>> float(y[0, 0, 0, 0])
    2.0
    """,
)
adaptive_avg_pool = layer_of(
    functional.adaptive_avg_pool,
    """
    >>> y, _ = adaptive_avg_pool((7, 7)).apply((), (), jnp.ones((5, 16, 20, 3)))
    >>> y.shape
    (5, 7, 7, 3)
    """,
)
adaptive_max_pool = layer_of(
    functional.adaptive_max_pool,
    """
    >>> y, _ = adaptive_max_pool((7, 7)).apply((), (), jnp.ones((5, 16, 20, 3)))
    >>> y.shape
    (5, 7, 7, 3)
    """,
)
global_avg_pool = layer_of(
    functional.global_avg_pool,
    """
    >>> y, _ = global_avg_pool().apply((), (), jnp.ones((5, 7, 7, 64)))
    >>> y.shape
    (5, 64)
    """,
)
global_max_pool = layer_of(
    functional.global_max_pool,
    """
    >>> y, _ = global_max_pool().apply((), (), jnp.ones((5, 7, 7, 64)))
    >>> y.shape
    (5, 64)
    """,
)
upsample = layer_of(
    functional.upsample,
    """
    >>> y, _ = upsample(scale=2).apply((), (), jnp.ones((5, 7, 7, 64)))
    >>> y.shape
    (5, 14, 14, 64)
    """,
)
pixel_shuffle = layer_of(
    functional.pixel_shuffle,
    """
    >>> y, _ = pixel_shuffle(2).apply((), (), jnp.ones((5, 7, 7, 64)))
    >>> y.shape
    (5, 14, 14, 16)
    """,
)
pixel_unshuffle = layer_of(
    functional.pixel_unshuffle,
    """
    >>> y, _ = pixel_unshuffle(2).apply((), (), jnp.ones((5, 14, 14, 16)))
    >>> y.shape
    (5, 7, 7, 64)
    """,
)
flatten = layer_of(
    functional.flatten,
    """
    >>> y, _ = flatten(axes=3).apply((), (), jnp.ones((5, 28, 28, 1)))
    >>> y.shape
    (5, 784)
    """,
)
rescale = layer_of(
    functional.rescale,
    """
    >>> y, _ = rescale(1 / 255).apply((), (), jnp.array([0, 255], "uint8"))
    >>> y
    Array([0., 1.], dtype=float32)
    """,
)
local_response_norm = layer_of(
    functional.local_response_norm,
    """
    >>> y, _ = local_response_norm(5).apply((), (), jnp.ones((2, 8)))
    >>> y.shape
    (2, 8)
    """,
)
