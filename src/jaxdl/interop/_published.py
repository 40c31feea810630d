"""The names that published checkpoints have, by the paths of jaxdl's models."""

from collections.abc import Mapping
from typing import Literal

from jaxdl.interop._matching import Names

_BERT = "encoder.layer.{}."
_GPT2 = "h.{}."
_VIT = "encoder.layers.encoder_layer_{}."

_NAMES: Mapping[str, Names] = {
    "bert": {
        "tokens": "embeddings.word_embeddings",
        "positions": "embeddings.position_embeddings",
        "kinds": "embeddings.token_type_embeddings",
        "norm": "embeddings.LayerNorm",
        "blocks/attention/qkv": tuple(
            f"{_BERT}attention.self.{part}" for part in ("query", "key", "value")
        ),
        "blocks/attention/out": f"{_BERT}attention.output.dense",
        "blocks/attention_norm": f"{_BERT}attention.output.LayerNorm",
        "blocks/mlp/up": f"{_BERT}intermediate.dense",
        "blocks/mlp/down": f"{_BERT}output.dense",
        "blocks/mlp_norm": f"{_BERT}output.LayerNorm",
    },
    "gpt2": {
        "embedding": "wte",
        "positions": "wpe",
        "blocks/attention_norm": f"{_GPT2}ln_1",
        "blocks/attention/qkv": f"{_GPT2}attn.c_attn",
        "blocks/attention/out": f"{_GPT2}attn.c_proj",
        "blocks/mlp_norm": f"{_GPT2}ln_2",
        "blocks/mlp/up": f"{_GPT2}mlp.c_fc",
        "blocks/mlp/down": f"{_GPT2}mlp.c_proj",
        "norm": "ln_f",
    },
    "vit": {
        "class_token": "class_token",
        "embedding": "conv_proj",
        "positions": "encoder.pos_embedding",
        "blocks/attention_norm": f"{_VIT}ln_1",
        "blocks/attention/qkv": f"{_VIT}self_attention.in_proj",
        "blocks/attention/out": f"{_VIT}self_attention.out_proj",
        "blocks/mlp_norm": f"{_VIT}ln_2",
        "blocks/mlp/up": f"{_VIT}mlp.0",
        "blocks/mlp/down": f"{_VIT}mlp.3",
        "norm": "encoder.ln",
        "head": "heads.head",
    },
}


def published_names(model: Literal["bert", "gpt2", "vit"]) -> Names:
    """Returns the names that published checkpoints of a model have, for ``from_torch``.

    torchvision's ResNets need none: their layers are in the order of ``models.resnet``.

    Args:
        model: "bert" for ``models.bert`` and Hugging Face's ``BertModel``, MiniLM among them;
            "gpt2" for ``models.transformer_lm`` and ``GPT2Model``, with ``transposed=True``; "vit"
            for ``models.vit`` and torchvision's ``VisionTransformer``.

    Returns:
        Names elsewhere by the paths of layers here.

    Raises:
        ValueError: if the model isn't one of these.

    Example:
        >>> published_names("gpt2")["blocks/attention/qkv"]
        'h.{}.attn.c_attn'
    """
    if model not in _NAMES:
        listed = ", ".join(map(repr, _NAMES))
        raise ValueError(f"interop.published_names got {model!r}; it knows {listed}")
    return _NAMES[model]
