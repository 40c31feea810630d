"""Convolution, pooling and resampling."""

from jaxdl import activations, layers, serial
from zoo.row import Row

ROWS = [
    Row("conv on sequences", layers.conv(2, 3, (3,), padding="CAUSAL"), (5, 2)),
    Row("conv", layers.conv(3, 2, (3, 3), stride=2, padding=1), (5, 4, 3)),
    Row("conv folded", layers.conv(5, 32, (2, 2), padding="SAME"), (3, 3, 5)),
    Row("conv of one entry", layers.conv(3, 2, (1, 1), stride=2), (3, 3, 3)),
    Row("conv in groups", layers.conv(4, 6, (2, 3), groups=2, dilation=(2, 1)), (4, 4, 4)),
    Row("conv on volumes", layers.conv(2, 2, (2, 2, 2), bias=False), (3, 2, 3, 2)),
    Row("depthwise conv", layers.depthwise_conv(3, (3, 3), multiplier=2, padding=1), (3, 4, 3)),
    Row("conv relu pool", layers.conv_relu_pool(1, 4, (3, 3), pool=(2, 2), padding=1), (4, 4, 1)),
    Row("conv transpose", layers.conv_transpose(3, 2, (3, 3), stride=2, padding=1), (3, 2, 3)),
    Row("max pool", layers.max_pool((2, 2)), (4, 5, 2)),
    Row("max pool overlapping", layers.max_pool((3, 3), stride=2, padding=1), (5, 4, 2)),
    Row("avg pool", layers.avg_pool((3, 2), stride=2, padding=1, ceil_mode=True), (4, 4, 2)),
    Row("lp pool", layers.lp_pool((2, 2)), (4, 4, 2)),
    Row("adaptive avg pool", layers.adaptive_avg_pool((3, 2)), (5, 4, 2)),
    Row("adaptive max pool", layers.adaptive_max_pool((3, 2)), (5, 4, 2)),
    Row("global avg pool", layers.global_avg_pool(), (3, 4, 2)),
    Row("global max pool", layers.global_max_pool(axes=1), (5, 2)),
    Row("upsample", layers.upsample(scale=1.5), (3, 4, 2)),
    Row("upsample linear", layers.upsample(size=(4, 3), method="linear"), (3, 4, 2)),
    Row("upsample cubic", layers.upsample(scale=2, method="cubic", align_corners=True), (3, 4, 1)),
    Row("pixel shuffle", layers.pixel_shuffle(2), (2, 3, 8)),
    Row("pixel unshuffle", layers.pixel_unshuffle(2), (4, 2, 3)),
    Row(
        "small convnet",
        serial(
            layers.conv(1, 3, (3, 3)),
            activations.relu,
            layers.max_pool((2, 2)),
            layers.flatten(axes=3),
        ),
        (6, 6, 1),
        composed=True,
    ),
]
