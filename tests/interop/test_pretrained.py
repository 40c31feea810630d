"""Real pretrained networks give the original's outputs, and learn a task of their kind."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from interop.torch_networks import difference
from jaxdl import data, interop, layers, losses, metrics, train

pytestmark = pytest.mark.slow


def loaded(name):
    try:
        return interop.pretrained(name)
    except ImportError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def minilm():
    net, params, state, folder = loaded("minilm")
    return folder / "model", net, params, state


TOKENS = np.array([[101, 1037, 4937, 7719, 102, 0], [101, 1996, 3899, 2743, 2185, 102]], "int32")


@pytest.mark.parametrize("name", ["minilm", "crepe_tiny", "crepe_full", "silero_vad"])
def test_outputs_are_the_originals(name):
    """Ours, and those of the original's own program."""
    assert difference(*OUTPUTS[name]()) <= 1e-5


def minilm_outputs():
    torch = pytest.importorskip("torch")
    net, params, state, folder = loaded("minilm")
    weights = interop.read_weights(folder / "model" / "model.safetensors")
    expected = _bert(torch, {n: torch.tensor(a) for n, a in weights.items()}, TOKENS)
    kept = TOKENS != 0
    return net.apply(params, state, TOKENS)[0][kept], expected[kept]


def _bert(torch, weights, tokens):
    """BERT as its paper has it, in PyTorch's functions."""
    f, tokens = torch.nn.functional, torch.tensor(tokens).long()
    linear = lambda x, n: f.linear(x, weights[f"{n}.weight"], weights[f"{n}.bias"])
    norm = lambda x, n: f.layer_norm(
        x, (384,), weights[f"{n}.weight"], weights[f"{n}.bias"], eps=1e-12
    )
    table = lambda n: weights[f"embeddings.{n}_embeddings.weight"]
    x = table("word")[tokens] + table("position")[: tokens.shape[1]] + table("token_type")[0]
    x, seen = norm(x, "embeddings.LayerNorm"), (tokens != 0)[:, None, None, :]
    heads = lambda a: a.reshape(*a.shape[:2], 12, 32).transpose(1, 2)
    for i in range(6):
        at = f"encoder.layer.{i}."
        q, k, v = (heads(linear(x, f"{at}attention.self.{n}")) for n in ("query", "key", "value"))
        y = f.scaled_dot_product_attention(q, k, v, attn_mask=seen).transpose(1, 2)
        y = linear(y.reshape(*x.shape), f"{at}attention.output.dense")
        x = norm(x + y, f"{at}attention.output.LayerNorm")
        y = linear(f.gelu(linear(x, f"{at}intermediate.dense")), f"{at}output.dense")
        x = norm(x + y, f"{at}output.LayerNorm")
    return x.numpy()


def sentence(net, params, state, tokens):
    """Sentences (…, time) as vectors of length 1: the mean over their tokens."""
    y, _ = net.apply(params, state, tokens)
    kept = (tokens != 0)[..., None]
    mean = (y * kept).sum(-2) / kept.sum(-2)
    return mean / jnp.linalg.norm(mean, axis=-1, keepdims=True)


def test_minilm_learns_a_task(minilm):
    """Animals or vehicles, from six sentences: a dense layer on frozen embeddings."""
    folder, net, params, state = minilm
    words = {w: i for i, w in enumerate((folder / "vocab.txt").read_text().splitlines())}
    groups = (("cat", "dog", "horse", "cow", "sheep", "pig", "goat", "duck"),
              ("car", "truck", "train", "ship", "bus", "plane", "boat", "tram"))  # fmt: skip
    rows = [(f"the {word} is here", label) for label, group in enumerate(groups) for word in group]
    known = [([101, *(words[w] for w in text.split()), 102], label) for text, label in rows
             if all(w in words for w in text.split())]  # fmt: skip
    tokens = np.array([t for t, _ in known], "int32")
    labels = np.array([label for _, label in known], "int32")
    vectors = np.asarray(sentence(net, params, state, tokens))
    learned = np.arange(len(labels)) % 2 == 0
    part = lambda rows: {"inputs": vectors[rows], "labels": labels[rows]}
    head, tx = layers.dense(384, 2), optax.adam(0.05)
    loss_fn = train.supervised(head, losses.cross_entropy, metrics={"accuracy": metrics.accuracy})
    start = train.init_state(head, tx, jax.random.key(0))
    dataset = data.Dataset(train=part(learned), validation=None, test=part(~learned))
    end, _ = train.fit(loss_fn, tx, start, dataset, epochs=30, batch_size=8, hooks=())
    assert train.evaluate(loss_fn, end, dataset.test)["accuracy"] == 1.0


def crepe_outputs(capacity):
    torch = pytest.importorskip("torch")
    net, params, state, folder = loaded(f"crepe_{capacity}")
    weights = torch.load(folder / "assets" / f"{capacity}.pth", weights_only=True)
    x = np.random.default_rng(0).normal(size=(3, 1024)).astype("float32")
    y, _ = jax.jit(net.apply)(params, state, x)
    return jax.nn.sigmoid(y), _crepe(torch, weights, x)


def _crepe(torch, weights, x):
    """The network as its package defines it, whose other imports aren't needed here."""
    f = torch.nn.functional
    x = torch.tensor(x)[:, None, :, None]
    for i in range(1, 7):
        x = f.pad(x, (0, 0, 254, 254) if i == 1 else (0, 0, 31, 32))
        kernel, bias = weights[f"conv{i}.weight"], weights[f"conv{i}.bias"]
        x = f.relu(f.conv2d(x, kernel, bias, stride=(4, 1) if i == 1 else 1))
        norm = [
            weights[f"conv{i}_BN.{leaf}"]
            for leaf in ("running_mean", "running_var", "weight", "bias")
        ]
        x = f.max_pool2d(f.batch_norm(x, *norm, eps=0.0010000000474974513), (2, 1), (2, 1))
    x = x.permute(0, 2, 1, 3).flatten(1)
    return torch.sigmoid(
        f.linear(x, weights["classifier.weight"], weights["classifier.bias"])
    ).numpy()


def silero_outputs():
    runtime = pytest.importorskip("onnxruntime")
    net, params, state, folder = loaded("silero_vad")
    x = np.random.default_rng(0).normal(size=(2, 20 * 512)).astype("float32") / 10
    x[:, 3000:5000] = 0
    session = runtime.InferenceSession(folder / "data" / "silero_vad.onnx")
    carry, before, expected = np.zeros((2, 2, 128), "float32"), np.zeros((2, 64), "float32"), []
    for chunk in np.split(x, 20, axis=1):
        sound = {
            "input": np.concatenate([before, chunk], 1),
            "state": carry,
            "sr": np.array(16_000),
        }
        speech, carry = session.run(None, sound)
        before = chunk[:, -64:]
        expected.append(speech)
    y, _ = jax.jit(net.apply)(params, state, x)
    return jax.nn.sigmoid(y), np.concatenate(expected, 1)


OUTPUTS: dict[str, Callable[[], tuple]] = {
    "minilm": minilm_outputs,
    "crepe_tiny": functools.partial(crepe_outputs, "tiny"),
    "crepe_full": functools.partial(crepe_outputs, "full"),
    "silero_vad": silero_outputs,
}
