"""Embeddings, the bilinear layer, and activations with parameters."""

from jaxdl import layers
from zoo.row import Row

ROWS = [
    Row("embedding", layers.embedding(7, 3), (4,), classes=7),
    # No example has token 7: a padding vector gets no gradient, and differences would see it.
    Row("embedding with padding", layers.embedding(8, 3, padding_index=7), (4,), classes=7),
    Row("embedding_bag", layers.embedding_bag(7, 3), (4,), classes=7),
    Row("embedding_bag, max", layers.embedding_bag(7, 3, reduction="max"), (4,), classes=7),
    Row("bilinear", layers.bilinear(2, 3, 4), (5,)),
    Row("bilinear without bias", layers.bilinear(2, 3, 4, bias=False), (5,)),
    Row("prelu", layers.prelu(), (5,), fixed_init=True),
    Row("prelu of each feature", layers.prelu(5), (5,), fixed_init=True),
    Row("swish", layers.swish(5), (5,), fixed_init=True),
    Row("maxout", layers.maxout(5, 3, pieces=2), (5,)),
]
