"""Weights from PyTorch give PyTorch's outputs, and go back to the bit; nothing is guessed."""

import functools
import importlib
import json
import os
import pickle
import runpy
import subprocess
from pathlib import Path

import jax
import numpy as np
import pytest

from interop.torch_networks import CASES, difference
from interop.torch_weights import draw_all
from jaxdl import activations, interop, layers, models, serial

GOLDEN = np.load(Path(__file__).parent / "golden_torch.npz")
SHAPES = json.loads(str(GOLDEN["shapes"]))
NAMES = [pytest.param(n, marks=[pytest.mark.slow] if c.slow else []) for n, c in CASES.items()]


@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_those_of_torch_and_weights_go_back(name):
    case, weights = CASES[name], draw_all(SHAPES[name])
    params, state = interop.from_torch(weights, case.net, **case.options)
    y, _ = jax.jit(case.net.apply)(params, state, case.x)
    assert difference(y, GOLDEN[name]) <= 1e-5
    back = interop.to_torch(params, state, case.net, weights, **case.options)
    assert list(back) == list(weights)
    for leaf, array in weights.items():
        if name == "lstm" and "bias" in leaf:
            continue  # two of them are one here
        np.testing.assert_array_equal(back[leaf], array, err_msg=leaf)
        assert back[leaf].dtype == array.dtype
    again, _ = interop.from_torch(back, case.net, **case.options)
    jax.tree.map(np.testing.assert_array_equal, again, params)


def dense_weights(*names, shape=(4, 4)):
    return {f"{name}.{leaf}": np.ones(shape[: 1 + (leaf == "weight")], "float32")
            for name in names for leaf in ("weight", "bias")}  # fmt: skip


TWO = serial(layers.dense(4, 4), activations.relu, layers.dense(4, 4))
CONV = serial(layers.conv(1, 2, (3, 3), padding=1), layers.flatten(axes=3), layers.dense(8, 4))
CONV_WEIGHTS = {"conv.weight": np.ones((2, 1, 3, 3)), "conv.bias": np.ones(2)} | {
    "fc.weight": np.ones((4, 8)), "fc.bias": np.ones(4)}  # fmt: skip


@pytest.mark.parametrize(
    ("net", "weights", "options", "words"),
    [
        (TWO, dense_weights("fc2", "fc1"), {}, "fc1 comes after fc2"),
        (TWO, dense_weights("fc1"), {}, "only the network has 2"),
        (TWO, dense_weights("a", "b", "c"), {}, "only the weights has c"),
        (TWO, dense_weights("a", "b", shape=(4, 5)), {}, r"shape \(5, 4\) and must have \(4, 4\)"),
        (
            TWO,
            dense_weights("a", "b") | {"b.extra": np.ones(3)},
            {},
            "only the weights has b.extra",
        ),
        (TWO, {"a.weight": np.ones((4, 4)), **dense_weights("b")}, {}, "bias needs a bias"),
        (CONV, CONV_WEIGHTS, {}, r"8 features coming in, after a convolution of 2 channels"),
        (CONV, CONV_WEIGHTS, {"flattened": {"2": (2, 3, 2)}}, r"\(2, 3, 2\) for 2, which has 8"),
        (CONV, CONV_WEIGHTS, {"flattened": {"3": None}}, "flattened has 3, no layers here"),
        (TWO, dense_weights("a", "b"), {"names": {"0": "a", "2": "bb"}}, "the nearest is b"),
        (TWO, dense_weights("a", "b"), {"names": {"0": "a"}}, "names has no entry for 2"),
        (TWO, dense_weights("a", "b", "c"), {"names": {"0": "a", "2": "b"}}, "nothing here: c"),
        (
            TWO,
            dense_weights("a", "b"),
            {"names": {"0": "a", "2": "b", "7": "b"}},
            "'7', which is no",
        ),
        (layers.batch_norm(4), dense_weights("n", shape=(4,)), {}, "mean needs a running_mean"),
        (layers.lstm(4, 3), dense_weights("a"), {}, "kernel needs a weight_ih"),
        (serial(layers.dense(2, 8), layers.layer_norm((2, 4))), {}, {}, "normalises several axes"),
    ],
)
def test_what_does_not_fit_is_named(net, weights, options, words):
    with pytest.raises(ValueError, match=words):
        interop.from_torch(weights, net, **options)


def test_names_say_an_order_that_is_not_certain():
    weights = dense_weights("fc2", "fc1")
    weights["fc1.bias"] *= 2
    params, _ = interop.from_torch(weights, TWO, names={"0": "fc1", "2": "fc2"})
    assert params[0]["bias"][0] == 2 and params[2]["bias"][0] == 1


def test_a_flatten_is_turned_only_where_it_is_said():
    weights = CONV_WEIGHTS | {"fc.weight": np.arange(32.0).reshape(4, 8)}
    turned, _ = interop.from_torch(weights, CONV, flattened={"2": (2, 2, 2)})
    left, _ = interop.from_torch(weights, CONV, flattened={"2": None})
    np.testing.assert_array_equal(left[2]["kernel"], weights["fc.weight"].T)
    rows = np.arange(8).reshape(2, 2, 2).transpose(1, 2, 0).ravel()
    np.testing.assert_array_equal(turned[2]["kernel"], left[2]["kernel"][rows])


def test_files_are_weights_or_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*none\.pt"):
        interop.from_torch(tmp_path / "none.pt", TWO)
    with pytest.raises(TypeError, match="got list"):
        interop.from_torch([1], TWO)
    weights = dense_weights("a", "b")
    interop.save_weights(tmp_path / "net.safetensors", weights)
    params, _ = interop.from_torch(tmp_path / "net.safetensors", TWO)
    np.testing.assert_array_equal(params[0]["kernel"], weights["a.weight"].T)
    path = tmp_path / "net.safetensors"
    jax.tree.map(np.testing.assert_array_equal, interop.to_torch(params, (), TWO, path), weights)
    with pytest.raises(ValueError, match=rf"^to_torch: {path}: "):
        interop.to_torch(params, (), layers.dense(4, 4), path)


@pytest.mark.parametrize(
    ("net", "options", "words"),
    [
        (layers.dense(4, 4), {}, "1 layers with weights here, 2 there"),
        (serial(layers.dense(4, 3), layers.dense(3, 4)), {}, "2 layers don't fit"),
        (TWO, {"names": {"0": "a"}}, "the names don't fit"),
        (TWO, {"flattened": {"1": None}}, "flattened has 1"),
        (layers.dense(4, 4), {"ignore": ("a",), "names": {"": "c"}}, "there is no 'c'"),
    ],
)
def test_what_does_not_fit_in_a_file_names_the_file(net, options, words, tmp_path):
    path = tmp_path / "net.safetensors"
    interop.save_weights(path, dense_weights("a", "b"))
    for given in (path, str(path)):
        with pytest.raises(ValueError, match=rf"^from_torch: {path}: (?s:.*){words}"):
            interop.from_torch(given, net, **options)


def test_one_block_of_any_order_is_found():
    """GPT-2's order of a block, norms before what they normalise."""
    net = models.transformer_block(4, 2, n_hidden=8, norm_first=True)
    shapes = {
        "ln_1.weight": (4,), "ln_1.bias": (4,), "attn.in_proj_weight": (12, 4),
        "attn.in_proj_bias": (12,), "attn.out_proj.weight": (4, 4), "attn.out_proj.bias": (4,),
        "ln_2.weight": (4,), "ln_2.bias": (4,), "up.weight": (8, 4), "up.bias": (8,),
        "down.weight": (4, 8), "down.bias": (4,),
    }  # fmt: skip
    weights = draw_all(shapes)
    params, _ = interop.from_torch(weights, net)
    np.testing.assert_array_equal(params["mlp_norm"]["scale"], weights["ln_2.weight"])


class Malicious:
    """A pickle that runs a function when it is read."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def attacks(marker):
    """Pickles that would make a file, by what they call."""
    code = f"open({str(marker)!r}, 'w').close()"
    return {
        "os.system": Malicious(os.system, f"touch {marker}"),
        "subprocess": Malicious(subprocess.Popen, ("touch", str(marker))),
        "exec": Malicious(exec, code),
        "eval": Malicious(eval, code),
        "open": Malicious(open, str(marker), "w"),
        "Path": Malicious(Path.touch, marker),
        "runpy": Malicious(runpy.run_path, str(marker.with_suffix(".py"))),
        "import": Malicious(importlib.import_module, "this"),
        "getattr": Malicious(getattr, Path(marker), "touch"),
        "pickle": Malicious(pickle.loads, pickle.dumps(Malicious(os.system, f"touch {marker}"))),
    }


def test_pickles_that_are_no_weights_are_refused_and_never_run(tmp_path, capfd):
    torch = pytest.importorskip("torch")
    marker, path = tmp_path / "marker", tmp_path / "bad.pt"
    for name, attack in attacks(marker).items():
        for given in (attack, {"a": attack}, {"state_dict": {"a.weight": attack}}):
            for write in (
                torch.save,
                functools.partial(torch.save, _use_new_zipfile_serialization=False),
                lambda given, path: path.write_bytes(pickle.dumps(given)),
            ):
                write(given, path)
                with pytest.raises(ValueError, match=r"bad\.pt is damaged or holds more than"):
                    interop.from_torch(path, TWO)
                assert not marker.exists(), name
    assert "Zen of Python" not in capfd.readouterr().out


def test_torch_files_are_read_as_weights_only(tmp_path):
    torch = pytest.importorskip("torch")
    weights = {k: torch.tensor(v) for k, v in dense_weights("a", "b").items()}
    half = {k: v.bfloat16() for k, v in weights.items()}
    short = {k: v.to(torch.float8_e4m3fn) for k, v in weights.items()}
    for name, given in (
        ("plain.pt", weights),
        ("half.pt", half),
        ("short.pt", short),
        ("inside.pt", {"state_dict": weights}),
    ):
        torch.save(given, tmp_path / name)
        params, state = interop.from_torch(tmp_path / name, TWO)
        assert params[0]["kernel"].sum() == 16
    back = interop.to_torch(params, state, TWO, half)
    assert back["a.weight"].dtype == torch.bfloat16 and bool(
        (back["a.weight"] == half["a.weight"]).all()
    )
    whole = (tmp_path / "plain.pt").read_bytes()
    (tmp_path / "cut.pt").write_bytes(whole[:-50])
    at = whole.index(weights["a.weight"].numpy().tobytes())
    (tmp_path / "flipped.pt").write_bytes(whole[:at] + b"?" + whole[at + 1 :])
    (tmp_path / "text.pt").write_text("no weights")
    torch.save({"a": weights["a.bias"], "epoch": 3}, tmp_path / "more.pt")
    torch.save(list(weights.values()), tmp_path / "list.pt")
    for name, words in (
        ("cut", ""),
        ("flipped", "Bad CRC-32 for file .*data/0"),
        ("text", ""),
        ("more", "epoch is int, and not a tensor"),
        ("list", "it holds list, and not a dict of names"),
    ):
        with pytest.raises(ValueError, match=rf"{name}.pt is damaged or holds more.*{words}"):
            interop.from_torch(tmp_path / f"{name}.pt", TWO)
    module = torch.nn.Sequential(torch.nn.LayerNorm(4, eps=1e-3))
    with pytest.raises(ValueError, match="epsilon of 0 is"):
        interop.from_torch(module, serial(layers.layer_norm(4)))
