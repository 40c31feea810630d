"""report.py: results against published figures, and what can't be read is named and left out."""

import json

import pytest


@pytest.fixture
def runs(tmp_path):
    """Results as experiments leave them: three seeds of one command, one of another, a smoke."""

    def leave(folder, command, **numbers):
        (tmp_path / folder).mkdir(parents=True)
        result = {"command": command, "seconds": 60.0, "cpu_seconds": 90.0, "cores": 2} | numbers
        text = json.dumps({"finished": True, "devices": "1 x cpu", "seed": 0} | result)
        (tmp_path / folder / "result.json").write_text(text)

    small = "python experiments/fashion_mnist_cnn.py"
    for seed, accuracy in enumerate((0.926, 0.928, 0.930)):
        leave(f"small_{seed}", small, test_accuracy=accuracy, seed=seed)
    leave("small_0/earlier-1", small, test_accuracy=0.0)
    leave("large", f"{small} --large", test_accuracy=0.935)
    leave("smoke", f"{small} --smoke", test_accuracy=0.1)
    return tmp_path


def test_results_stand_against_published_figures(runs, here, capsys):
    here("report", runs)
    *_, small, large, empty, total = capsys.readouterr().out.strip().splitlines()
    assert "| 0.928 ± 0.002 | 0.925 (Zalando's table, under 100 K): better by 0.003 | 3 |" in small
    assert small.endswith("| 3 | 90 s |")
    assert "| 0.935 | 0.94 (" in large and "worse by 0.005" in large
    assert "4 runs on 2 cores, 1 x cpu; 6 minutes of CPU time in all" in total and not empty


WHOLE = {"command": "x", "seed": 0, "cores": 2, "devices": "cpu", "cpu_seconds": 1.0}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b'{"command": "python', "can't be read"),
        (b"", "can't be read"),
        (b"\xff\xfe\x00", "can't be read"),
        (b"[" * 100_000, "can't be read"),
        (b"[1, 2]", "is not the result of an experiment"),
        (b'{"accuracy": 1}', "no usable command, seed, cores, devices, cpu_seconds"),
        (json.dumps(WHOLE | {"seed": [0]}).encode(), "no usable seed"),
        (json.dumps(WHOLE | {"command": None}).encode(), "no usable command"),
        (json.dumps(WHOLE | {"test_accuracy": "high"}).encode(), "no usable test_accuracy"),
        (b'{"finished": false, "why": "stopped by SIGTERM at step 3"}', "stopped by SIGTERM"),
    ],
)
def test_what_cannot_be_read_is_named_and_left_out(text, fault, runs, here, capsys):
    (runs / "odd").mkdir()
    (runs / "odd" / "result.json").write_bytes(text)
    here("report", runs)
    printed = capsys.readouterr()
    assert f"left out: {runs}/odd/result.json" in printed.err and fault in printed.err
    assert "4 runs on 2 cores" in printed.out


def test_no_results_are_an_error(tmp_path, here):
    with pytest.raises(SystemExit, match=r"no result\.json below"):
        here("report", tmp_path)
