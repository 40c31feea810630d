"""The names that published checkpoints have, by the paths of jaxdl's models."""

from collections.abc import Mapping
from typing import Literal

from jaxdl.interop._matching import Names

_BERT = "encoder.layer.{}."
_GPT2 = "h.{}."
_VIT = "encoder.layers.encoder_layer_{}."
_VIT_HF = "vit.encoder.layer.{}."

_VIT_NAMES: dict[str, str] = {
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
}

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
    "vit": _VIT_NAMES,
    "vit_first": _VIT_NAMES
    | {"blocks/mlp/up": f"{_VIT}mlp.linear_1", "blocks/mlp/down": f"{_VIT}mlp.linear_2"},
    "vit_huggingface": {
        "class_token": "vit.embeddings.cls_token",
        "embedding": "vit.embeddings.patch_embeddings.projection",
        "positions": "vit.embeddings.position_embeddings",
        "blocks/attention_norm": f"{_VIT_HF}layernorm_before",
        "blocks/attention/qkv": tuple(
            f"{_VIT_HF}attention.attention.{part}" for part in ("query", "key", "value")
        ),
        "blocks/attention/out": f"{_VIT_HF}attention.output.dense",
        "blocks/mlp_norm": f"{_VIT_HF}layernorm_after",
        "blocks/mlp/up": f"{_VIT_HF}intermediate.dense",
        "blocks/mlp/down": f"{_VIT_HF}output.dense",
        "norm": "vit.layernorm",
        "head": "classifier",
    },
}


def published_names(
    model: Literal["bert", "gpt2", "vit", "vit_first", "vit_huggingface"], *, prefix: str = ""
) -> Names:
    """Returns the names that published checkpoints of a model have, for ``from_torch``.

    torchvision's ResNets, VGGs and MobileNets need none: their layers are in the order of ours.

    | model | network here | there |
    |---|---|---|
    | "bert" | ``models.bert``, ``models.minilm`` | Hugging Face's ``BertModel`` |
    | "gpt2" | ``models.gpt2``, ``models.transformer_lm`` | its ``GPT2Model``; ``transposed=True`` |
    | "vit" | ``models.vit``, ``models.vit_b_16`` | torchvision's ``VisionTransformer`` |
    | "vit_first" | the same | torchvision's downloads, which have older names |
    | "vit_huggingface" | the same | Hugging Face's ``ViTForImageClassification`` |

    Args:
        model: see above.
        prefix: the prefix of the names in a checkpoint with further heads, such as "bert." or
            "transformer.".

    Returns:
        Names elsewhere by the paths of layers here.

    Raises:
        ValueError: if the model isn't one of these.

    Example:
        >>> published_names("gpt2", prefix="transformer.")["blocks/attention/qkv"]
        'transformer.h.{}.attn.c_attn'
    """
    if model not in _NAMES:
        listed = ", ".join(map(repr, _NAMES))
        raise ValueError(f"interop.published_names got {model!r}; it knows {listed}")
    return {
        path: prefix + names if isinstance(names, str) else tuple(prefix + name for name in names)
        for path, names in _NAMES[model].items()
    }
