"""Layers that normalise what comes in, or their own weights."""

from jaxdl import layers, serial
from zoo.row import Row

_fixed = {"fixed_init": True}

ROWS = [
    Row("layer_norm", layers.layer_norm(5), (5,), **_fixed),
    Row("layer_norm of two axes", layers.layer_norm((3, 4), bias=False), (3, 4), **_fixed),
    Row("rms_norm", layers.rms_norm(5), (5,), **_fixed),
    Row("rms_norm without scale", layers.rms_norm(5, scale=False), (5,), **_fixed),
    Row("group_norm", layers.group_norm(2, 4), (3, 2, 4), **_fixed),
    Row("group_norm of features", layers.group_norm(2, 6, axes=1), (6,), **_fixed),
    Row("instance_norm", layers.instance_norm(3, affine=True), (3, 2, 3), **_fixed),
    Row("instance_norm of sequences", layers.instance_norm(3, axes=2), (4, 3), **_fixed),
    Row("local_response_norm", layers.local_response_norm(3, alpha=0.5), (7,), **_fixed),
    Row("batch_norm", layers.batch_norm(4), (2, 4), across_rows=True, **_fixed),
    Row(
        "batch_norm without affine",
        layers.batch_norm(4, momentum=None, affine=False),
        (4,),
        across_rows=True,
        **_fixed,
    ),
    Row("weight_norm", layers.weight_norm(layers.dense(5, 3)), (5,)),
    Row(
        "weight_norm of a network",
        layers.weight_norm(serial(layers.dense(4, 4), layers.layer_norm(4), layers.dense(4, 2))),
        (4,),
    ),
    # In training its kernel moves by the power iteration, whatever the rows: so large that 15 steps
    # don't find its vectors. The gradient leaves out by design how these depend on the kernel.
    Row(
        "spectral_norm",
        layers.spectral_norm(layers.dense(30, 30)),
        (30,),
        across_rows=True,
        gradient=False,
    ),
]
