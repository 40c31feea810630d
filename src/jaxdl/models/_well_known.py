"""Well-known networks by the names under which they were published."""

from typing import Literal

from jaxdl import initializers
from jaxdl._checked import checked
from jaxdl.models._bert import bert
from jaxdl.models._resnet import FAN_OUT, resnet
from jaxdl.models._transformer_lm import transformer_lm
from jaxdl.models._transformer_vit import vit
from jaxdl.types import Array, Init, Layer, assembly, factory

_GPT2 = {
    "small": (768, 12, 12),
    "medium": (1024, 16, 24),
    "large": (1280, 20, 36),
    "xl": (1600, 25, 48),
}


@assembly
@checked
def resnet18(
    n_classes: int = 1000, *, n_in: int = 3, width: int = 64, init: Init = FAN_OUT
) -> Layer:
    """``resnet(18)``: 11,689,512 parameters with 1,000 classes.

    Weights of torchvision's ``resnet18`` load with ``interop.from_torch(state_dict, net)``.

    Args:
        n_classes: number of classes.
        n_in: channels of the images.
        width: channels of the first stage, doubled in each of the next three.
        init: initializer of kernels and biases. Defaults to He et al.'s kernels.

    Returns:
        A Layer from images (…, height, width, n_in) to logits (…, n_classes).

    Example:
        >>> net = resnet18(10)
    """
    return resnet(18, n_classes, n_in=n_in, width=width, init=init)


@assembly
@checked
def resnet34(
    n_classes: int = 1000, *, n_in: int = 3, width: int = 64, init: Init = FAN_OUT
) -> Layer:
    """``resnet(34)``: 21,797,672 parameters with 1,000 classes.

    Weights of torchvision's ``resnet34`` load with ``interop.from_torch(state_dict, net)``.

    Args:
        n_classes: number of classes.
        n_in: channels of the images.
        width: channels of the first stage, doubled in each of the next three.
        init: initializer of kernels and biases. Defaults to He et al.'s kernels.

    Returns:
        A Layer from images (…, height, width, n_in) to logits (…, n_classes).

    Example:
        >>> net = resnet34(10)
    """
    return resnet(34, n_classes, n_in=n_in, width=width, init=init)


@assembly
@checked
def resnet50(
    n_classes: int = 1000, *, n_in: int = 3, width: int = 64, init: Init = FAN_OUT
) -> Layer:
    """``resnet(50)``: 25,557,032 parameters with 1,000 classes.

    Weights of torchvision's ``resnet50`` load with ``interop.from_torch(state_dict, net)``.

    Args:
        n_classes: number of classes.
        n_in: channels of the images.
        width: channels of the first stage, doubled in each of the next three.
        init: initializer of kernels and biases. Defaults to He et al.'s kernels.

    Returns:
        A Layer from images (…, height, width, n_in) to logits (…, n_classes).

    Example:
        >>> net = resnet50(10)
    """
    return resnet(50, n_classes, n_in=n_in, width=width, init=init)


@factory
@checked
def vit_b_16(
    n_classes: int = 1000,
    *,
    image_size: int = 224,
    rate: float | Array = 0.0,
    init: Init = initializers.keras_default,
) -> Layer:
    """ViT-B/16: ``vit`` of 12 blocks, 768 features and 12 heads over patches of 16×16 pixels.

    Weights of torchvision's ``vit_b_16`` load with ``interop.from_torch(state_dict, net,
    names=interop.published_names("vit"))``.

    Args:
        n_classes: number of classes.
        image_size: height and width of the images, a multiple of 16.
        rate: dropout rate, in the blocks and before the first; 0 omits dropout.
        init: initializer of kernels and biases. Defaults to Glorot uniform and 0.

    Returns:
        A Layer from images (…, image_size, image_size, 3) to logits (…, n_classes); 86,567,656
        parameters with 1,000 classes and 224 pixels.

    Raises:
        ValueError: if the patches don't divide the images.

    Example:
        >>> import jax
        >>> params, _ = jax.eval_shape(vit_b_16().init, jax.random.key(0))
        >>> sum(p.size for p in jax.tree.leaves(params))
        86567656

    Reference:
        Dosovitskiy et al., "An image is worth 16x16 words", 2020,
        https://arxiv.org/abs/2010.11929.
    """
    return vit((image_size, image_size, 3), n_classes, rate=rate, init=init)


@factory
@checked
def gpt2(
    size: Literal["small", "medium", "large", "xl"] = "small", *, rate: float | Array = 0.1
) -> Layer:
    """GPT-2: ``transformer_lm`` in one of its four published sizes.

    Weights of Hugging Face's ``gpt2``, ``gpt2-medium``, ``gpt2-large`` and ``gpt2-xl`` load with
    ``interop.from_torch(file, net, names=interop.published_names("gpt2"), transposed=True,
    ignore=("h.{}.attn.bias", "h.{}.attn.masked_bias"))``; the ignored entries are masks.

    Args:
        size: "small" with 124,439,808 parameters, "medium" with 354,823,168, "large" with
            774,030,080, "xl" with 1,557,611,200.
        rate: dropout rate, in the blocks and before the first; 0 omits dropout.

    Returns:
        A Layer from integers (…, time), up to 1,024 of them, to logits (…, time, 50257).

    Raises:
        ValueError: if ``size`` isn't one of these.

    Example:
        >>> import jax
        >>> params, _ = jax.eval_shape(gpt2("medium").init, jax.random.key(0))
        >>> sum(p.size for p in jax.tree.leaves(params))
        354823168

    Reference:
        Radford et al., "Language models are unsupervised multitask learners", 2019.
    """
    if size not in _GPT2:
        raise ValueError(f"gpt2: size is {size!r}; it must be one of {', '.join(map(repr, _GPT2))}")
    n_features, n_heads, n_layers = _GPT2[size]
    return transformer_lm(
        50_257, n_features=n_features, n_heads=n_heads, n_layers=n_layers, length=1024, rate=rate
    )


@factory
@checked
def minilm(*, rate: float | Array = 0.1) -> Layer:
    """MiniLM-L6: ``bert`` of six blocks with 384 features, 22,565,376 parameters.

    The published weights of all-MiniLM-L6-v2 come from ``interop.pretrained("minilm")``. A
    sentence's vector is the mean over its tokens that aren't padding, divided by its length.

    Args:
        rate: dropout rate, in the blocks and before the first; 0 omits dropout.

    Returns:
        A Layer from tokens (…, time), up to 512 of them, 0 for padding, to (…, time, 384).

    Example:
        >>> import jax
        >>> params, _ = jax.eval_shape(minilm().init, jax.random.key(0))
        >>> sum(p.size for p in jax.tree.leaves(params))
        22565376

    Reference:
        Wang et al., "MiniLM", 2020, https://arxiv.org/abs/2002.10957; Reimers and Gurevych,
        "Sentence-BERT", 2019, https://arxiv.org/abs/1908.10084.
    """
    return bert(n_features=384, n_layers=6, rate=rate)
