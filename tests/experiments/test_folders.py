"""The folder of a run: nothing that isn't ours is touched, nothing that is ours is lost."""

import json

import pytest

from experiments.tiny import start
from harness import folder as folders
from harness.config import UserError

FLAGS = ("--smoke", "--hidden", 16)


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(
    "name", ["checkpoints/precious.pt", "config.json", "result.json", "metrics.jsonl"]
)
def test_what_is_not_ours_is_left_as_it_is(name, tmp_path, here, capsys):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("{}")
    before = contents(tmp_path)
    for more in ((), ("--resume",), ("--seeds", 2)):
        place = tmp_path
        if more and more[0] == "--seeds":
            place = tmp_path / "seeds"
            (place / "seed_1" / name).parent.mkdir(parents=True)
            (place / "seed_1" / name).write_text("{}")
        with pytest.raises(SystemExit, match="2"):
            here("animals_mlp", *FLAGS, "--output", place, *more)
        assert f"{name.split('/')[0]} would be overwritten" in capsys.readouterr().err
    after = contents(tmp_path)
    assert {k: after[k] for k in before} == before
    assert after[f"seeds/seed_1/{name}"] == b"{}"


@pytest.mark.parametrize("text", ["{", "[]", '{"name": "a web page"}', '{"written_by": 3}'])
def test_a_manifest_of_another_program_is_refused(text, tmp_path):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(UserError, match=r"manifest\.json isn't that of an experiment"):
        folders.claim(tmp_path, ["config.json"])


@pytest.mark.usefixtures("alone")
def test_a_run_resumes_is_moved_aside_and_refuses_other_flags(tmp_path, capsys):
    result = lambda: json.loads((tmp_path / "result.json").read_text())
    start(tmp_path, "--resume")
    assert "no checkpoint" in capsys.readouterr().out  # and it starts from the beginning
    first = result()["loss"]
    # Started again after its end, it changes nothing; with more epochs it has them.
    start(tmp_path, "--resume")
    assert result()["loss"] == first
    start(tmp_path, "--resume", "--epochs", 3)
    assert "--resume: 3 epochs instead of 2" in capsys.readouterr().out
    rows = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(row)["epoch"] for row in rows] == [1, 2, 3]
    for other in (("--rates", 0.5, 0.1), ("--seed", 1), ("--widths", 8)):
        with pytest.raises(SystemExit, match="2"):
            start(tmp_path, "--resume", "--epochs", 3, *other)
        said = capsys.readouterr().err
        assert f"was started with {other[0]} " in said
        assert f", not {' '.join(map(str, other[1:]))}; give the same flags" in said
    # A new run: the earlier one is in a folder of its own, whole, and can still be resumed.
    (tmp_path / "notes.txt").write_text("mine")
    before = contents(tmp_path)
    start(tmp_path, "--epochs", 1)
    assert f"the earlier run in {tmp_path} is in {tmp_path}/earlier-1" in capsys.readouterr().out
    earlier = contents(tmp_path / "earlier-1")
    assert earlier == {name: x for name, x in before.items() if name != "notes.txt"}
    assert (tmp_path / "notes.txt").read_text() == "mine" and result()["epochs"] == 1
    start(tmp_path / "earlier-1", "--resume", "--epochs", 3)


@pytest.mark.usefixtures("alone")
def test_seeds_killed_before_their_first_checkpoint_start_from_the_beginning(tmp_path):
    (tmp_path / "together" / "checkpoints" / "0000000009.unfinished").mkdir(parents=True)
    manifest = {"written_by": folders.MARK, "files": ["together"]}
    folders.write_json(tmp_path / "manifest.json", manifest)
    start(tmp_path, "--seeds", 2, "--resume")
    assert (tmp_path / "seeds.json").exists() and not (tmp_path / "earlier-1").exists()


def test_an_earlier_run_stays_where_a_new_one_is_refused(tmp_path, capsys):
    folders.claim(tmp_path, ["result.json"])
    folders.write_json(tmp_path / "result.json", {"finished": True})
    (tmp_path / "checkpoints").mkdir()  # another's
    before = contents(tmp_path)
    with pytest.raises(SystemExit, match="2"):
        start(tmp_path)
    assert "checkpoints would be overwritten" in capsys.readouterr().err
    assert contents(tmp_path) == before and not (tmp_path / "earlier-1").exists()


@pytest.mark.usefixtures("alone")
def test_a_picture_that_is_not_ours_stays_and_the_numbers_are_written(tmp_path, capsys):
    (tmp_path / "loss.png").write_text("another's")
    with pytest.raises(SystemExit, match="1"):
        start(tmp_path)
    assert "loss.png would be overwritten" in capsys.readouterr().err
    assert (tmp_path / "loss.png").read_text() == "another's"
    assert json.loads((tmp_path / "result.json").read_text())["finished"] is True


@pytest.mark.usefixtures("alone")
def test_odd_names_of_folders(tmp_path, here):
    place = tmp_path / "costs $5_$ {x} [1] % ünï\n"
    here("animals_mlp", *FLAGS, "--output", place)
    assert json.loads((place / "result.json").read_text())["finished"] is True
    assert (place / "history.png").exists()


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "result.json"
    folders.write_json(path, {"a": 1})

    def full(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        folders.write_json(path, {"a": 2})
    assert json.loads(path.read_text()) == {"a": 1} and list(tmp_path.iterdir()) == [path]
