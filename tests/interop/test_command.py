"""The command exports what an experiment trained, and predicts with it."""

import json

import jax
import numpy as np
import optax
import pytest
from PIL import Image

from jaxdl import checkpoint, interop, layers, serial, train
from jaxdl.interop._command import main

EXPERIMENT = """
import dataclasses, types
from pathlib import Path
import numpy as np
from jaxdl import data, layers, serial

@dataclasses.dataclass(frozen=True)
class Config:
    output: Path = Path("runs")
    sizes: tuple = (16, 3)

def build(config):
    assert isinstance(config.output, Path) and isinstance(config.sizes, tuple)
    net = serial(layers.rescale(1 / 255), layers.flatten(axes=3), layers.dense(*config.sizes))
    rows = {"inputs": np.zeros((5, 4, 4, 1), "uint8"), "labels": np.zeros(5, "int32")}
    dataset = types.SimpleNamespace(train=rows, classes=("cat", "dog", "owl"))
    return types.SimpleNamespace(net=net, data=dataset)
"""


@pytest.fixture
def run_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "runs" / "tiny"
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "tiny.py").write_text(EXPERIMENT)
    net = serial(layers.rescale(1 / 255), layers.flatten(axes=3), layers.dense(16, 3))
    start = train.init_state(net, optax.sgd(0.1), jax.random.key(0))
    checkpoint.save(folder / "checkpoints", start, [{"epoch": 4}])
    (folder / "config.json").write_text(json.dumps({"output": "runs/tiny", "sizes": [16, 3]}))
    return folder, net, start


def test_export_and_predict(run_folder, capsys):
    folder, net, start = run_folder
    assert main(["export", "runs/tiny", "--to", "stablehlo"]) == 0
    program = interop.load_program(folder / "network.jaxdl")
    assert program.metadata["epoch"] == 4 and program.metadata["classes"] == ["cat", "dog", "owl"]
    pixels = np.random.default_rng(0).integers(256, size=(4, 4), dtype="uint8")
    Image.fromarray(pixels).save("a.png")
    Image.fromarray(pixels).convert("RGB").save("b.bmp")
    capsys.readouterr()
    assert main(["predict", "runs/tiny/network.jaxdl", "a.png", "b.bmp", "--top", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    logits, _ = net.apply(start.params, start.state, pixels[None, ..., None])
    best = program.metadata["classes"][int(logits[0].argmax())]
    assert [line.split()[:2] for line in lines] == [["a.png:", best], ["b.bmp:", best]]
    assert main(["export", "runs/tiny", "--to", "safetensors", "--output", "w.safetensors"]) == 0
    like = {"params": start.params, "state": start.state}
    jax.tree.map(np.testing.assert_array_equal, interop.load_weights("w.safetensors", like), like)


def test_what_is_wrong_is_one_line(run_folder, capsys, tmp_path):
    folder, _, _ = run_folder
    (tmp_path / "text.png").write_text("no image")
    main(["export", "runs/tiny", "--to", "stablehlo"])
    capsys.readouterr()
    (folder / "config.json").write_text("{")
    cases = {
        ("export", "runs/none", "--to", "onnx"): "there is no folder runs/none",
        ("export", "runs/tiny", "--to", "stablehlo"): "isn't the config",
        ("export", "runs/tiny", "--to", "stablehlo", "--experiment", "x.py"): "no file x.py",
        ("export", "runs", "--to", "safetensors"): "runs/checkpoints",
        ("predict", "runs/tiny/network.jaxdl", "none.png"): "there is no file none.png",
        ("predict", "runs/tiny/network.jaxdl", "text.png"): "text.png is no image",
        ("predict", "runs/tiny/network.jaxdl", "text.png", "--top", "0"): "--top is 0",
        ("export", "runs/tiny", "--to", "safetensors", "--output", "no/x.safetensors"): "folder no",
        ("predict", "net.safetensors", "text.png"): "net.safetensors holds weights alone; export",
        ("predict", "text.png", "text.png"): "text.png is damaged or no exported network",
    }
    for words, message in cases.items():
        assert main(words) == 1
        (line,) = capsys.readouterr().out.splitlines()
        assert line.startswith("error: ") and message in line
    for words in (["export", "runs/tiny", "--to", "tflite"], ["nonsense"], []):
        with pytest.raises(SystemExit, match=r"^error: [^\n]+$"):
            main(words)


def test_predict_with_onnx(run_folder, capsys, tmp_path):
    """A network as ONNX names the same classes; its file may be cut, or of other operators."""
    pytest.importorskip("jax2onnx")
    onnx = pytest.importorskip("onnx")
    Image.fromarray(np.full((4, 4), 7, "uint8")).save("a.png")
    for format in ("stablehlo", "onnx"):
        assert main(["export", "runs/tiny", "--to", format]) == 0
    capsys.readouterr()
    for name in ("network.jaxdl", "network.onnx"):
        assert main(["predict", f"runs/tiny/{name}", "a.png"]) == 0
    one, other = capsys.readouterr().out.splitlines()
    assert one == other
    whole = (tmp_path / "runs/tiny/network.onnx").read_bytes()
    (tmp_path / "cut.onnx").write_bytes(whole[: len(whole) // 2])
    model = onnx.ModelProto.FromString(whole)
    model.opset_import[0].version = 999
    (tmp_path / "new.onnx").write_bytes(model.SerializeToString())
    for name in ("cut.onnx", "new.onnx", "none.onnx"):
        assert main(["predict", name, "a.png"]) == 1
        (line,) = capsys.readouterr().out.splitlines()
        assert line.startswith("error: ") and name in line
