"""Names of checkpoints that differ from those of the library that reads them."""

IN_FILES = {
    "encoder.layer.": "layers.", "attention.attention.query": "attention.q_proj",
    "attention.attention.key": "attention.k_proj", "attention.attention.value": "attention.v_proj",
    "attention.output.dense": "attention.o_proj", "intermediate.dense": "mlp.fc1",
    "output.dense": "mlp.fc2",
}  # fmt: skip
"""Names in the files of Hugging Face's ViT, by those of its library from version 5 on."""
