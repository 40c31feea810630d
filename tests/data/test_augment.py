"""Augmentation keeps what it must, under every transformation of JAX and in a step of training."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxdl import data, layers, losses, serial, train

FUNCTIONS: dict[str, Callable[..., jax.Array]] = {
    "random_flip": data.random_flip,
    "random_crop": functools.partial(data.random_crop, padding=2),
    "random_rotation": functools.partial(data.random_rotation, degrees=40.0),
    "cutout": functools.partial(data.cutout, size=3),
    "random_resized_crop": functools.partial(data.random_resized_crop, scale=(0.3, 1.0)),
}


def images(n=6, dtype="float32"):
    x = np.random.RandomState(0).randint(1, 250, (n, 8, 7, 3))
    return jnp.asarray(x).astype(dtype)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_shape_and_dtype_stay_and_each_image_has_its_draw(name, key):
    dtypes = ("uint8", "bfloat16", "float16", "float32")
    every = [np.broadcast_to(np.asarray(images(1)), (40, 8, 7, 3)).astype(each) for each in dtypes]
    changed = jax.device_get(
        jax.jit(lambda key, every: [FUNCTIONS[name](key, x) for x in every])(key, every)
    )
    for x, y in zip(every, changed, strict=True):
        assert y.shape == x.shape and y.dtype == x.dtype
        assert len(np.unique(y.astype(float).reshape(40, -1), axis=0)) > 1
        assert y.astype(float).min() >= 0 and y.astype(float).max() <= 250
    for n in (0, 3):  # bytes and float32 as they come
        again = np.asarray(FUNCTIONS[name](key, jnp.asarray(every[n])), float)
        np.testing.assert_allclose(changed[n].astype(float), again, rtol=1e-2, atol=1)


def test_a_flip_is_the_image_or_its_mirror(key):
    x = images(200)
    y = data.random_flip(key, x, rate=0.3)
    same, mirrored = ((y == z).all(axis=(1, 2, 3)) for z in (x, x[:, :, ::-1]))
    assert bool((same | mirrored).all())
    assert 0.2 < float(mirrored.mean()) < 0.4  # 3 standard deviations of 200 draws


def test_a_crop_is_a_shift(key):
    x = images(30)
    y, padded = data.random_crop(key, x, padding=2), np.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)))
    cuts = [padded[:, i : i + 8, j : j + 7] for i in range(5) for j in range(5)]
    found = np.stack([(cut == y).all(axis=(1, 2, 3)) for cut in cuts])
    assert found.any(axis=0).all() and found.any(axis=1).sum() > 12


@pytest.mark.parametrize("quarter", [0, 1, 2, 3])
def test_quarter_turns(quarter):
    from jaxdl.data._augment import _rotated

    x = images(1)[0, :7]
    turned = _rotated(x, jnp.float32(quarter * np.pi / 2))
    np.testing.assert_allclose(turned, np.rot90(x, -quarter), atol=1e-3)


def test_cutout_is_a_square(key):
    x = jnp.ones((50, 9, 9, 2))
    y = data.cutout(key, x, size=3)
    holes = np.asarray((y == 0).all(axis=-1))
    assert (holes == (np.asarray(y) == 0).any(axis=-1)).all()
    for hole in holes:
        rows, columns = hole.any(axis=1), hole.any(axis=0)
        assert (hole == np.outer(rows, columns)).all()
        assert rows.sum() <= 3 and columns.sum() <= 3 and hole.any()
    assert any(hole.sum() == 9 for hole in holes)


def test_a_whole_crop_is_the_image(key):
    x = images(4)
    y = data.random_resized_crop(key, x, scale=(1.0, 1.0), ratio=(1.0, 1.0))
    np.testing.assert_allclose(y, x, rtol=1e-5)


def test_a_crop_of_a_slope_is_a_slope(key):
    slope = jnp.broadcast_to(jnp.arange(32.0)[None, :, None, None], (20, 32, 32, 1))
    y = np.asarray(data.random_resized_crop(key, slope, scale=(0.1, 0.5)))
    steps = np.diff(y[:, 2:-2], axis=1)
    assert (steps >= -1e-4).all() and (steps <= 1 + 1e-4).all()
    assert steps.mean(axis=(1, 2, 3)).max() < 1


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (data.random_flip, {"rate": 1.5}, r"random_flip: rate is 1.5"),
        (data.random_crop, {"padding": 0}, r"random_crop: padding is 0"),
        (
            data.random_rotation,
            {"degrees": -1.0},
            "it must be finite and at least 0",
        ),
        (data.cutout, {"size": 0}, r"cutout: size is 0"),
        (data.random_resized_crop, {"scale": (0, 1)}, r"scale is \(0, 1\); it needs 0 < low"),
    ],
)
def test_messages(function, options, message, key):
    with pytest.raises(ValueError, match=message):
        function(key, images(), **options)
    with pytest.raises(ValueError, match=r"got float32\[8,7,3\]; it needs images \(N, height"):
        function(key, images()[0])


def test_in_training_with_mixup(key):
    net = serial(layers.rescale(1 / 255), layers.flatten(axes=3), layers.dense(168, 2))
    change = data.augment(*FUNCTIONS.values())
    loss_fn, tx = train.supervised(net, losses.cross_entropy), optax.sgd(0.1)
    step = train.make_step(loss_fn, tx, batch_fns=(change, train.mixup(0.2, classes=2)))
    batch = {"inputs": images(dtype="uint8"), "labels": jnp.array([0, 1] * 3)}
    start = train.init_state(net, tx, key)
    after, sums = jax.jit(step)(start, batch)
    assert int(after.step) == 1 and np.isfinite(float(sums["loss"].total))

    def changed(key, batch):
        one = change(key, batch)
        assert one["labels"] is batch["labels"]
        return one["inputs"]

    assert not np.array_equal(jax.jit(changed)(key, batch), batch["inputs"])
