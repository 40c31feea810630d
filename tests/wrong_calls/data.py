"""Wrong calls of data."""

import jax
import numpy as np

from jaxdl import data
from jaxdl.data._buffers import buffers
from jaxdl.data._stream import batches_of
from wrong_calls.row import Wrong

PART = {"inputs": np.arange(20.0).reshape(10, 2), "labels": np.arange(10) % 3}
SET = data.Dataset(PART, classes=("a", "b", "c"))
KEY = jax.random.key(0)
IMAGES = np.zeros((2, 8, 8, 1))
LETTERS = "to be or not to be, that is here the question"
WRONG = (TypeError, ValueError)


def pixels(**options):
    return lambda: data.image_folder("/", **options)


def table(**options):
    return lambda: data.table("rows.csv", **{"labels": "y"} | options)


def read(batch):
    return lambda: list(batches_of(data.Reader(lambda rows: batch, 4, 2), 0))


ROWS = [
    Wrong(lambda: data.check(data.Dataset([1])), "dataset.train is a list; it m", WRONG),
    Wrong(lambda: data.check(data.Dataset(None)), "dataset.train is None; it must", WRONG),
    Wrong(lambda: data.check(None), "check: dataset is a NoneType; it must be a Dataset", WRONG),
    Wrong(lambda: data.check(PART), "check: dataset is a dict; it must be a Dataset", WRONG),
    Wrong(
        lambda: data.check(SET._replace(train=PART | {"weight": np.ones((10, 1))})),
        r"dataset.train\['weight'\] is float64\[10,1\]; it needs one number per row",
        WRONG,
    ),
    Wrong(lambda: data.check(SET._replace(classes="abc")), "classes is the string 'abc'", WRONG),
    Wrong(lambda: data.hold_out(SET, float("nan")), "hold_out: fraction nan of 10 rows", WRONG),
    Wrong(lambda: data.hold_out(SET, "0.5"), "hold_out: fraction is '0.5'; it must", WRONG),
    Wrong(lambda: data.hold_out(None, 0.5), "hold_out: dataset is a NoneType", WRONG),
    Wrong(
        lambda: data.stratified_split([0, 1, 0], (0.5, float("nan"))),
        r"fractions is \(0.5, nan\); each must be above 0",
        WRONG,
    ),
    Wrong(lambda: data.stratified_split([0, 1], (0.5,), seed="1"), "seed is '1'; it", WRONG),
    Wrong(lambda: data.stratified_split([0, 1], (0.5,), seed=-1), "seed is -1; it must", WRONG),
    Wrong(lambda: data.stratified_split([], (0.5, 0.5)), "0 rows can't fill 2 parts", WRONG),
    Wrong(lambda: data.stratified_split([0], 0.5), "fractions is 0.5; it must be a tuple", WRONG),
    Wrong(lambda: data.select_classes(SET, None), "select_classes: classes is None; it m", WRONG),
    Wrong(lambda: data.load("animals", image_size=8), "load: image_size is 8; it must", WRONG),
    Wrong(lambda: data.load("animals", image_size=(0, 8)), r"image_size\[0\] is 0; it must", WRONG),
    Wrong(
        lambda: data.load("animals", text_length=8), "text_length is given, but animals has", WRONG
    ),
    Wrong(lambda: data.blobs(2), "blobs: 2 rows can't fill 3 parts", WRONG),
    Wrong(lambda: data.xor(16, seed=None), "xor: seed is None; it must be an integer", WRONG),
    Wrong(lambda: data.moons(16, seed=1.5), "moons: seed is 1.5; it must be an integer", WRONG),
    Wrong(lambda: data.mnist1d(10, seed=-3), "mnist1d: seed is -3; it must be an integer", WRONG),
    Wrong(lambda: data.moons(16, noise=-1), "moons: noise is -1; it must be finite and", WRONG),
    Wrong(lambda: data.addition(9, digits=50), "digits is 50; sums of more than 18 don't", WRONG),
    Wrong(lambda: data.fit_scaling(["a"]), r"fit_scaling: x is <U1\[1\]; it must hold", WRONG),
    Wrong(lambda: data.fit_scaling([np.nan]), "fit_scaling: x holds nan or infinity", WRONG),
    Wrong(
        lambda: data.standardize(data.Dataset({"x": np.ones(3)})),
        r"standardize: dataset.train holds x float64\[3\], no 'inputs'",
        WRONG,
    ),
    Wrong(lambda: data.balanced_class_weights([0, -1], 2), "labels run from -1 to 0, and", WRONG),
    Wrong(lambda: data.balanced_class_weights([0.5], 2), "labels is float64.*hold integers", WRONG),
    Wrong(lambda: data.encode(None), "encode: text is a NoneType; it must be a string", WRONG),
    Wrong(lambda: data.text_windows(b"abcd" * 9, 2), "encode: text is a bytes; it must", WRONG),
    Wrong(lambda: data.decode([300]), r"tokens are int64\[1\], 300 to 300; .* 0 to 255", WRONG),
    Wrong(lambda: data.decode([5], ("a", "b")), "they must be integers from 0 to 1", WRONG),
    Wrong(lambda: data.decode([-1], ("a", "b")), "they must be integers from 0 to 1", WRONG),
    Wrong(lambda: data.decode([0.5], ("a", "b")), "they must be integers from 0 to 1", WRONG),
    Wrong(lambda: data.text_windows(LETTERS, 2, level="words"), "level is 'words'; it", WRONG),
    Wrong(
        lambda: data.text_windows(LETTERS, 2, fractions=(0.5, 0.5)),
        "text_windows: fractions is .* it needs 3 numbers",
        WRONG,
    ),
    Wrong(lambda: data.augment(3), "augment: got 3; each must be a function", WRONG),
    Wrong(lambda: data.random_flip(3, IMAGES), "random_flip: key is 3; it must be a key", WRONG),
    Wrong(
        lambda: data.random_flip(KEY, None), "random_flip: x is None; it must be an array", WRONG
    ),
    Wrong(lambda: data.problems(None), "problems: dataset is a NoneType; it must be a", WRONG),
    Wrong(lambda: data.prefetch([], depth=0), "prefetch: depth is 0; it must be a", WRONG),
    Wrong(lambda: data.prefetch([], depth=-1), "prefetch: depth is -1; it must be", WRONG),
    Wrong(table(features="ab"), "features is the string 'ab'; it must be a list", WRONG),
    Wrong(table(task="ranking"), "task is 'ranking'; it must be one of", WRONG),
    Wrong(table(seed=-1), "table: seed is -1; it must be an integer from 0 to", WRONG),
    Wrong(table(fractions=(0.8, 0.2)), r"table: fractions is \(0.8, 0.2\); it needs 3 numb", WRONG),
    Wrong(
        table(fractions="0.8"), "table: fractions is '0.8'; it must be a tuple of numbers", WRONG
    ),
    Wrong(pixels(image_size=8), "image_folder: image_size is 8; it must be a pair", WRONG),
    Wrong(pixels(image_size=(8, 8, 3)), "image_size is .8, 8, 3.; it must be a pair", WRONG),
    Wrong(pixels(image_size="88"), "image_size is '88'; it must be a pair", WRONG),
    Wrong(pixels(channels=2), "image_folder: channels is 2; it must be 1 .grey., 3", WRONG),
    Wrong(pixels(background=300), "image_folder: background is 300; it must be an int", WRONG),
    Wrong(pixels(background=0, channels=4), "background has no effect with channels=4", WRONG),
    Wrong(pixels(bits=20), "image_folder: bits is 20; it must be an integer from 8 to 16", WRONG),
    Wrong(pixels(seed=-1), "image_folder: seed is -1; it must be an integer from 0", WRONG),
    Wrong(pixels(fractions=(0.8, 0.2)), "image_folder: fractions is .* it needs 3 numbers", WRONG),
    Wrong(
        lambda: data.image_readers("/", image_size=(4, 4), batch_size=0),
        "image_readers: batch_size is 0; it must be a positive integer",
        WRONG,
    ),
    Wrong(read({"inputs": np.ones(3)}), "read got 2 row numbers, but returned inputs", WRONG),
    Wrong(
        lambda: list(buffers(iter([{"inputs": np.array(["a"])}]))),
        r"a stream's batch\['inputs'\] is <U1\[1\], not of numbers",
        WRONG,
    ),
]
