"""Every experiment runs from its command line, and says what is wrong with a wrong one."""

import ast
import gzip
import importlib
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import optax
import pytest

import common
import populations
from jaxdl import checkpoint, data, layers, losses, parallel, train
from jaxdl.parallel import _placement
from processes import environment

FOLDER = Path(__file__).parent.parent / "experiments"
PARTS = ("common", "populations", "report", "results")
EXPERIMENTS = sorted(p for p in FOLDER.glob("*.py") if p.stem not in PARTS)
SECTIONS = ["Config", "Data", "Model", "Loss and step", "Run and report"]
IMAGES = (
    "fashion_mnist_sgd",
    "fashion_mnist_adam",
    "fashion_mnist_cnn",
    "optimizers_race",
    "learning_rate_sweep",
)

SMALL = {  # flags that make them quick
    "addition_rnn": ("--hidden", 16),
    "reverse_transformer": ("--length", 8),
    "char_lm": ("--length", 32, "--features", 32, "--blocks", 1),
}
NUMBERS = {  # what a result.json holds besides
    "mnist1d": ("logistic_test_accuracy", "gru_test_accuracy"),
    "addition_rnn": ("test_accuracy", "test_answers"),
    "reverse_transformer": ("test_accuracy", "attention_on_the_right_place"),
    "char_lm": ("bits_per_byte", "gzip_bits_per_byte", "xz_bits_per_byte"),
}
# The others need data that TFDS has prepared: test_experiments_tfds.py makes some.
HERE = [p for p in EXPERIMENTS if p.stem not in ("cifar10_resnet", "imagenette_vit")]


def started(name, *flags, devices=1, command=(sys.executable,)):
    """An experiment in a process of its own, as a user would start it."""
    return subprocess.Popen(
        [*command, FOLDER / f"{name}.py", *map(str, flags)],
        env=environment(devices), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def run(name, *flags, check=True, **options):
    """Runs an experiment to its end."""
    with started(name, *flags, **options) as process:
        out, errors = process.communicate()
    assert process.returncode == 0 or not check, errors
    return subprocess.CompletedProcess(process.args, process.returncode, out, errors)


@pytest.fixture
def here(monkeypatch):
    """Runs a script's command line in this process: no start of Python and JAX to wait for."""

    def run_here(name, *flags):
        monkeypatch.setattr(sys, "argv", [str(FOLDER / f"{name}.py"), *map(str, flags)])
        script = importlib.import_module(name)
        if name == "report":
            return script.main()
        start = importlib.import_module("common").start
        # As in a user's session: optax's schedules need promotion that isn't strict.
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            return start(script.main, script.Config, script.__doc__)

    return run_here


@pytest.fixture
def alone(monkeypatch):
    """One of the fake devices, as on a plain machine: programs for eight take longer to compile."""
    mesh_of_all = parallel.data_mesh
    with monkeypatch.context() as patched:
        for module in (parallel, _placement):
            patched.setattr(module, "data_mesh", lambda devices=None: mesh_of_all(devices or 1))
        yield


@pytest.fixture
def idx(tmp_path):
    """The four files of an MNIST-like set, with images that can be told apart."""
    rng = np.random.default_rng(0)
    for split, size in (("train", 512), ("t10k", 128)):
        labels = rng.integers(0, 10, size).astype("uint8")
        images = rng.integers(0, 60, (size, 28, 28)).astype("uint8")
        images[np.arange(size), labels] = 255
        for stem, x in (("images-idx3", images), ("labels-idx1", labels)):
            header = bytes([0, 0, 8, x.ndim]) + np.array(x.shape, ">u4").tobytes()
            path = tmp_path / f"{split}-{stem}-ubyte.gz"
            path.write_bytes(gzip.compress(header + x.tobytes()))
    return tmp_path


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda p: p.stem)
def test_it_reads_from_top_to_bottom(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 200
    header = ast.get_docstring(ast.parse(text))
    assert "Command:" in header and "Result:" in header and "PENDING" not in header
    places = [text.index(f"# --- {section} ---") for section in SECTIONS]
    assert places == sorted(places)


@pytest.mark.parametrize("path", HERE, ids=lambda p: p.stem)
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
    assert result["command"].split()[1:] == [f"experiments/{path.name}", "--smoke", *flags]
    assert all(np.isfinite(result[name]) for name in NUMBERS.get(path.stem, ()))
    pictures = re.findall(r"\S+\.png", printed)
    assert pictures and str(out / "result.json") in printed
    for picture in pictures:
        assert Path(picture.rstrip(",")).read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
@pytest.mark.parametrize("path", HERE, ids=lambda p: p.stem)
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


@pytest.mark.usefixtures("alone")
def test_what_one_network_leaves_behind(tmp_path, here, capsys):
    out = tmp_path / "out"
    here("animals_mlp", "--smoke", "--hidden", 16, "--output", out)
    assert "test accuracy" in capsys.readouterr().out
    result = json.loads((out / "result.json").read_text())
    assert result["epochs"] == len(result["seconds_per_epoch"]) == 2
    assert {"test_accuracy", "test_loss"} <= set(result)
    assert result["command"] == "python experiments/animals_mlp.py --smoke --hidden 16"
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2]
    assert json.loads((out / "config.json").read_text())["epochs"] == 2


@pytest.mark.parametrize("engine", ["jit", "pmap", "shard_map"])
def test_it_runs_on_several_devices(engine, tmp_path, here, request):
    flags = ("--smoke", "--rate", 0, "--hidden", 16)
    here("animals_mlp", *flags, "--parallel", engine, "--output", tmp_path / engine)
    result = json.loads((tmp_path / engine / "result.json").read_text())
    assert result["devices"].startswith("8 x")
    request.getfixturevalue("alone")
    here("animals_mlp", *flags, "--output", tmp_path / "one")
    alone = json.loads((tmp_path / "one" / "result.json").read_text())
    assert result["test_loss"] == pytest.approx(alone["test_loss"], rel=1e-3)


@pytest.mark.usefixtures("alone")
def test_resume_goes_on_where_the_run_stopped(tmp_path, here):
    flags = ("--hidden", 16, "--output", tmp_path)
    here("animals_mlp", "--epochs", 2, *flags)
    # The schedule depends on the number of epochs, so both runs are told of the same one: the
    # second is started again after its end, which must change nothing.
    before = json.loads((tmp_path / "result.json").read_text())
    here("animals_mlp", "--epochs", 2, *flags, "--resume")
    again = json.loads((tmp_path / "result.json").read_text())
    assert again["test_loss"] == before["test_loss"]
    here("animals_mlp", "--epochs", 3, *flags, "--resume")
    rows = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(row)["epoch"] for row in rows] == [1, 2, 3]


@pytest.mark.usefixtures("alone")
def test_seeds_train_together_go_on_and_are_summarised(tmp_path, here, monkeypatch, capsys):
    flags = ("--smoke", "--hidden", 16)
    both = (*flags, "--seeds", 2, "--seed", 3, "--output", tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("jaxdl.sweep._runs._asked", lambda *at: signal.SIGTERM)
        with pytest.raises(SystemExit, match=str(128 + signal.SIGTERM)):
            here("animals_mlp", *both)
    assert "stopped by SIGTERM at 2 of 4 epochs; --resume goes on" in capsys.readouterr().err
    here("animals_mlp", *both, "--resume")
    printed = capsys.readouterr()
    results = [
        json.loads((tmp_path / f"seed_{seed}" / "result.json").read_text()) for seed in (3, 4)
    ]
    losses = [result["test_loss"] for result in results]
    summary = json.loads((tmp_path / "seeds.json").read_text())
    assert losses[0] != losses[1] and summary["seeds"] == [3, 4]
    assert summary["test_loss"]["mean"] == pytest.approx(np.mean(losses))
    assert summary["test_loss"]["standard_error"] == pytest.approx(abs(np.diff(losses)[0]) / 2)
    assert re.search(r"test_loss: \d\.\d{4} ± \d\.\d{4} over 2 seeds", printed.out)
    assert "2 runs: 1 combination x 2 seeds" in printed.err
    assert results[0]["seconds"] == results[1]["seconds"]
    # What the second leaves behind is what it leaves behind where it is trained alone.
    here("animals_mlp", *flags, "--seed", 4, "--output", tmp_path / "alone")
    for alone, mine in zip(*map(leavings, (tmp_path / "alone", tmp_path / "seed_4")), strict=True):
        assert alone.keys() == mine.keys()
        for name in alone.keys() - {"seconds", "examples_per_second", "compile_seconds"}:
            np.testing.assert_allclose(mine[name], alone[name], atol=1e-6, rtol=1e-5)


@pytest.mark.usefixtures("alone")
def test_seeds_killed_before_their_first_checkpoint_start_from_the_beginning(tmp_path, here):
    (tmp_path / "together" / "checkpoints" / "0000000009.unfinished").mkdir(parents=True)
    flags = ("--smoke", "--hidden", 16, "--seeds", 2, "--output", tmp_path)
    here("animals_mlp", *flags, "--resume")
    assert (tmp_path / "seeds.json").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["universal_approximation", "optimizers_race", "lottery"])
@pytest.mark.usefixtures("alone")
def test_a_population_goes_on_to_the_same_bits(name, idx, tmp_path, here, monkeypatch):
    flags = ("--smoke", *(("--data-dir", idx) if name in IMAGES else ()))
    here(name, *flags, "--output", tmp_path / "whole")
    with monkeypatch.context() as patch:
        asked = iter([None, None, signal.SIGTERM])
        patch.setattr("jaxdl.sweep._runs._asked", lambda *at: next(asked))
        with pytest.raises(SystemExit, match=str(128 + signal.SIGTERM)):
            here(name, *flags, "--output", tmp_path / "part")
    here(name, *flags, "--output", tmp_path / "part", "--resume")
    folders = (tmp_path / "whole", tmp_path / "part")
    whole, part = (checkpoint.load(folder / "checkpoints")[0]["groups"] for folder in folders)
    equal = lambda x, y: np.testing.assert_array_equal(*map(bits, (x, y)))
    jax.tree.map(equal, part, whole)
    whole, part = (json.loads((folder / "result.json").read_text()) for folder in folders)
    times = {name for name in whole if name.endswith("seconds")} | {"versions", "commit"}
    assert {k: part[k] for k in whole.keys() - times} == {k: whole[k] for k in whole.keys() - times}


def bits(x):
    return jax.random.key_data(x) if jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key) else x


def leavings(folder):
    """The parameters that a run has saved, and the rows of its history."""
    tree, history = checkpoint.load(folder / "checkpoints")
    rows = (folder / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(row) for row in rows] == history
    paths = jax.tree_util.tree_leaves_with_path(tree["params"])
    return [{jax.tree_util.keystr(path): x for path, x in paths}, *history]


POINTS = {"inputs": np.eye(8, 5, dtype="f"), "labels": np.arange(8) % 3}


def trained(folder, seeds=(0, 1), rows=POINTS, rate=0.1, **options):
    """What ``common.run`` gives for seeds that may train together."""
    net = layers.dense(5, 3)
    loss_fn, ends = train.supervised(net, losses.cross_entropy), []
    flags = {"parallel": options.pop("parallel", "auto"), "epochs": 2}
    with populations.together(folder, tuple(seeds), resume=False):
        for seed in seeds:
            config = common.Config(folder / f"seed_{seed}", seed, **flags)
            dataset = data.Dataset(rows(seed) if callable(rows) else rows, POINTS)
            tx = optax.sgd(rate)
            end, _ = common.run(config, net, loss_fn, tx, dataset, batch_size=4, **options)
            ends.append(end.params)
    return ends


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"early_stopping": train.early_stopping("loss")}, "a population has no early stopping"),
        ({"hooks": (print,)}, "a population has no hooks"),
        ({"parallel": "jit"}, "--parallel jit is of a single network"),
        ({"data_of_seed": True}, "the data is drawn by the seed too"),
    ],
)
def test_seeds_that_cannot_train_together_are_told(options, reason, tmp_path, capsys, monkeypatch):
    alone = []
    monkeypatch.setattr(train, "fit", lambda *args, **kw: alone.append(args[2]) or (args[2], []))
    trained(tmp_path, **options)
    assert len(alone) == 2
    assert f"seeds one after another: {reason}" in capsys.readouterr().out


@pytest.mark.usefixtures("alone")
def test_a_seed_with_other_data_trains_alone(tmp_path, capsys):
    rows = lambda seed: {**POINTS, "labels": POINTS["labels"] * (seed != 1)}
    ends = trained(tmp_path / "two", rows=rows)
    assert "another: seed 1 has other data than seed 0" in capsys.readouterr().out
    close = lambda x, y: np.testing.assert_allclose(x, y, atol=1e-6)
    jax.tree.map(close, ends[1], *trained(tmp_path / "one", [1], rows))


@pytest.mark.usefixtures("alone")
def test_a_seed_that_runs_off_says_where(tmp_path):
    with pytest.raises(train.NonFiniteError, match="at step"):
        trained(tmp_path, rate=np.nan)


def test_programs_are_kept_where_the_flag_says(tmp_path, here, monkeypatch):
    folders = []
    monkeypatch.setattr("jaxdl.train.keep_compilations", folders.append)
    with pytest.raises(SystemExit):  # for want of a checkpoint; this is about what comes before
        here("animals_mlp", "--cache", tmp_path / "kept", "--resume", "--output", tmp_path / "none")
    assert folders == [tmp_path / "kept"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--epoch", 3), "unrecognized arguments: --epoch 3"),
        (("--parallel", "tpu"), "invalid choice: 'tpu'"),
        (("--epochs", "many"), "invalid int value: 'many'"),
        (("--seeds", 0), "--seeds: got 0; it needs 1 or more"),
        (("--epochs", 0), "--epochs: got 0; it needs 1 or more"),
        (("--batch-size", -1), "--batch-size: got -1; it needs 1 or more"),
        (("--resume", "--output", "{tmp}/none"), "no checkpoint in"),
        (("--output", "{tmp}/file/out"), "--output {tmp}/file/out can't be written"),
    ],
)
def test_a_wrong_command_line_is_told_without_a_traceback(flags, message, tmp_path, here, capsys):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SystemExit) as ended:
        here("animals_mlp", "--smoke", *[str(flag).format(tmp=tmp_path) for flag in flags])
    # What argparse prints itself, or what Python prints of an exit with a message.
    assert message.format(tmp=tmp_path) in f"{capsys.readouterr().err}{ended.value.code}"
    assert ended.value.code != 0


def test_data_that_is_nowhere_is_told_at_once(tmp_path, here):
    with pytest.raises(SystemExit) as ended:
        here("fashion_mnist_adam", "--dataset", "mnist", "--data-dir", tmp_path)
    assert "mnist" in ended.value.code and str(tmp_path) in ended.value.code


def test_a_folder_of_data_that_is_not_there_is_not_passed_over(tmp_path, here):
    with pytest.raises(SystemExit, match=r"--data-dir .*/wrong: there is no such folder"):
        here("fashion_mnist_adam", "--smoke", "--data-dir", tmp_path / "wrong")


def test_matplotlib_is_missed_before_the_training(tmp_path, here, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(SystemExit, match=r'matplotlib: pip install -e "\.\[experiments\]"'):
        here("animals_mlp", "--output", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_help_gives_each_default_once(here, capsys):
    with pytest.raises(SystemExit):
        here("animals_mlp", "--help")
    assert "(default: 1) (default: 1)" not in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_a_signal_ends_a_run_that_can_go_on(number, tmp_path):
    flags = ("--epochs", 80, "--hidden", 16, "--output", tmp_path)
    with started("animals_mlp", *flags) as process:
        deadline = time.monotonic() + 60
        while not (tmp_path / "metrics.jsonl").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(number)
        errors = process.communicate(timeout=60)[1]
    assert process.returncode == 128 + number, errors
    assert f"stopped by {number.name} at step " in errors and "--resume goes on" in errors
    run("animals_mlp", *flags, "--resume")
    rows = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(row)["epoch"] for row in rows] == list(range(1, 81))


@pytest.fixture
def runs(tmp_path):
    """Results as experiments leave them: three seeds of one command, one of another, a smoke."""

    def leave(folder, command, **numbers):
        (tmp_path / folder).mkdir()
        result = {"command": command, "seconds": 60.0, "cpu_seconds": 90.0, "cores": 2} | numbers
        text = json.dumps({"devices": "1 x cpu", "seed": 0} | result)
        (tmp_path / folder / "result.json").write_text(text)

    small = "python experiments/fashion_mnist_cnn.py"
    for seed, accuracy in enumerate((0.926, 0.928, 0.930)):
        leave(f"small_{seed}", small, test_accuracy=accuracy, seed=seed)
    leave("large", f"{small} --large", test_accuracy=0.935)
    leave("smoke", f"{small} --smoke", test_accuracy=0.1)
    return tmp_path


def test_the_report_holds_results_against_published_figures(runs, here, capsys):
    here("report", runs)
    *_, small, large, empty, total = capsys.readouterr().out.strip().splitlines()
    assert "| 0.928 ± 0.002 | 0.925 (Zalando's table, under 100 K): better by 0.003 | 3 |" in small
    assert small.endswith("| 3 | 90 s |")
    assert "| 0.935 | 0.94 (" in large and "worse by 0.005" in large
    assert "4 runs on 2 cores, 1 x cpu; 6 minutes of CPU time in all" in total and not empty


def test_the_report_of_nothing_says_so(tmp_path, here):
    with pytest.raises(SystemExit, match=r"no result\.json below"):
        here("report", tmp_path)


def test_the_readme_has_a_row_for_each_experiment():
    text = (FOLDER / "README.md").read_text()
    assert [p.name for p in EXPERIMENTS if f"| `{p.name}" not in text] == []
    known = {p.name for p in EXPERIMENTS} | {"report.py"}
    commands = re.findall(r"python experiments/(\w+\.py)", text)
    assert set(commands) - known == set()
