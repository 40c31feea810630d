"""Data as host arrays: named datasets, splits, and the checks that training relies on."""

from jaxdl import _face
from jaxdl.data._augment import (
    augment,
    cutout,
    random_crop,
    random_flip,
    random_resized_crop,
    random_rotation,
)
from jaxdl.data._dataset import Dataset, select_classes
from jaxdl.data._folder_readers import ImageReaders, image_readers
from jaxdl.data._folders import image_folder
from jaxdl.data._loading import load
from jaxdl.data._mnist1d import mnist1d
from jaxdl.data._prefetch import prefetch
from jaxdl.data._problems import Problems, describe_problems, problems
from jaxdl.data._scaling import Scaling, balanced_class_weights, fit_scaling, scaled, standardize
from jaxdl.data._sequences import addition, copy_task, reversal
from jaxdl.data._splits import hold_out, stratified_split
from jaxdl.data._stream import Reader, Stream
from jaxdl.data._tables import table
from jaxdl.data._text import decode, encode, text_windows
from jaxdl.data._toys import blobs, checkerboard, circles, moons, sine_regression, spirals, xor
from jaxdl.data._validity import check

__all__ = [
    "Dataset",
    "ImageReaders",
    "Problems",
    "Reader",
    "Scaling",
    "Stream",
    "addition",
    "augment",
    "balanced_class_weights",
    "blobs",
    "check",
    "checkerboard",
    "circles",
    "copy_task",
    "cutout",
    "decode",
    "describe_problems",
    "encode",
    "fit_scaling",
    "hold_out",
    "image_folder",
    "image_readers",
    "load",
    "mnist1d",
    "moons",
    "prefetch",
    "problems",
    "random_crop",
    "random_flip",
    "random_resized_crop",
    "random_rotation",
    "reversal",
    "scaled",
    "select_classes",
    "sine_regression",
    "spirals",
    "standardize",
    "stratified_split",
    "table",
    "text_windows",
    "xor",
]

__doc__ = _face.index(globals())
