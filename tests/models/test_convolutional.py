"""Published sizes of convolutional networks, and their parts written out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import activations, functional, layers, models


def count(net):
    return sum(p.size for p in jax.tree.leaves(jax.eval_shape(net.init, jax.random.key(0))[0]))


@pytest.mark.parametrize(
    ("net", "published"),
    [
        (models.lenet5(), 61_706),
        (models.convnet((28, 28, 1), 10, kernel_size=5, hidden=(1024,)), 3_274_634),  # TensorFlow
        (models.resnet_cifar(20), 269_722),
        (models.resnet_cifar(32), 464_154),
        (models.resnet_cifar(44), 658_586),
        (models.resnet_cifar(56), 853_018),
        (models.resnet_cifar(110), 1_727_962),
        (models.resnet(18), 11_689_512),  # and on, as torchvision counts them
        (models.resnet(34), 21_797_672),
        (models.resnet(50), 25_557_032),
        (models.resnet(101), 44_549_160),
        (models.resnet(152), 60_192_808),
    ],
)
def test_parameter_counts(net, published):
    assert count(net) == published


def test_imagenet_network_halves_the_image_five_times():
    net = models.resnet(50, 7)
    params, state = jax.eval_shape(net.init, jax.random.key(0))
    x = jax.ShapeDtypeStruct((2, 224, 224, 3), jnp.float32)
    assert jax.eval_shape(net.apply, params, state, x)[0].shape == (2, 7)
    before_pooling = jax.make_jaxpr(net.apply)(params, state, x)
    assert "f32[2,7,7,2048]" in str(before_pooling)


def test_convnet_is_its_parts(key):
    net = models.convnet((9, 8, 1), 3, widths=(4,), hidden=(6,), activation=jnp.tanh)
    params, state = jax.jit(net.init)(key)
    x = jax.random.normal(key, (2, 9, 8, 1))
    y = jnp.tanh(functional.conv(params[0], x, padding="SAME"))
    y = functional.max_pool(y, (2, 2)).reshape(2, -1)
    head = params[-1]
    expected = functional.dense(head[2], jnp.tanh(functional.dense(head[0], y)))
    np.testing.assert_allclose(net.apply(params, state, x)[0], expected, 1e-5, 1e-6)


def test_relu_is_fused_and_the_same(key):
    fused = models.convnet((9, 8, 1), 3, widths=(4,), hidden=())
    plain = models.convnet(
        (9, 8, 1), 3, widths=(4,), hidden=(), activation=lambda x: activations.relu(x)
    )
    (kernel, _, head), state = jax.jit(fused.init)(key)
    x = jax.random.normal(key, (2, 9, 8, 1))
    params = (kernel, (), (), (), head)
    expected, _ = plain.apply(params, jax.eval_shape(plain.init, key)[1], x)
    np.testing.assert_allclose(fused.apply((kernel, (), head), state, x)[0], expected, 1e-5, 1e-6)


def test_a_block_between_stages_subsamples_and_pads_its_shortcut(key):
    net = models.resnet_cifar(8, 3, width=2)
    params, state = jax.jit(net.init)(key)
    # With kernels of 0 a block is its shortcut: the network is a mean over every fourth pixel.
    blocks = [i for i, p in enumerate(params) if isinstance(p, dict) and "body" in p]
    zero = jax.tree.map(jnp.zeros_like, params)
    params = tuple(zero[i] if i in blocks else p for i, p in enumerate(params))
    x = jax.random.normal(key, (1, 8, 8, 3))
    stem = functional.conv(params[0], x, padding=1)
    stem = jnp.maximum(stem / np.sqrt(1 + 1e-5), 0)
    pooled = stem[:, ::4, ::4].mean((1, 2))
    head = jax.device_get(params[-1])
    expected = np.asarray(pooled) @ head["kernel"][:2] + head["bias"]
    np.testing.assert_allclose(net.apply(params, state, x)[0], expected, 1e-5, 1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: models.resnet(20), "depth is 20; it must be one of"),
        (lambda: models.resnet_cifar(18), r"it must be 6n \+ 2"),
        (lambda: models.convnet((4, 4, 1), 3, widths=(1, 1, 1)), "leave nothing of images"),
        (lambda: models.lenet5(0), "n_classes is 0"),
        (lambda: layers.conv(3, 0, (3, 3)), "n_out is 0"),
    ],
)
def test_wrong_sizes_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_wrong_channels_name_the_layer(key):
    net = models.convnet((8, 8, 1), 3)
    params, state = jax.jit(net.init)(key)
    with pytest.raises(ValueError, match=r"conv.*float32\[2,8,8,3\]"):
        net.apply(params, state, jnp.ones((2, 8, 8, 3)))
