"""Short forms of the fault tests, whose full forms are in ``tests/faults``."""

import os
import random
import shutil

import pytest

from checkpoint.made import events, steps, tree
from faults import bits, runs
from jaxdl import checkpoint
from jaxdl.checkpoint import _files


@pytest.fixture
def directory(tmp_path):
    """Two checkpoints, of steps 1 and 2."""
    for step in (1, 2):
        checkpoint.save(tmp_path / "checkpoints", tree(step), [{"epoch": step}])
    return tmp_path / "checkpoints"


def test_killed_runs_end_as_if_they_had_not_been():
    assert runs.campaign("kills", "--runs", "2", "--seed", "1")["killed"] == 2


def test_a_save_killed_in_its_midst_leaves_a_good_checkpoint():
    found = runs.campaign("operations", "--every", "12")
    assert found["old"] and found["new"]


def check_trouble(found, message):
    assert found["same"]
    assert len(found["warnings"]) == 3
    assert all(message in text and "training continues" in text for text in found["warnings"])
    steps = lambda *steps: [f"{step:010d}" for step in steps]
    assert found["good"][2:6] == [steps(4, 8)] * 4  # what was there stays as it was
    assert found["good"][6] == steps(4, 8, 24)  # and it goes on when the trouble is over
    assert found["left"] == steps(32, 36, 40)


def test_a_full_and_a_read_only_disk_cost_checkpoints_and_no_more():
    found = runs.disk("full", "read-only")
    check_trouble(found["full"], "No space left on device")
    check_trouble(found["read-only"], "Read-only file system")


def test_faults_that_orbax_meets_first_cost_checkpoints_and_no_more():
    found = runs.without_a_disk("size-limit", "removed")
    check_trouble(found["size-limit"], "File too large")
    assert found["removed"] == {"same": True, "restored": 40, "unfinished": 0}


def at_the_third(trouble):
    """A hook that does something before the third checkpoint."""
    return lambda event: trouble() if event.kind == "epoch" and len(event.history) == 3 else None


def test_a_folder_that_is_removed_is_made_again(tmp_path):
    directory = tmp_path / "runs" / "checkpoints"
    keep = checkpoint.hook(directory, every_seconds=0, background=False)
    with pytest.warns(UserWarning, match="was removed, and the earlier checkpoints with it"):
        events(at_the_third(lambda: shutil.rmtree(tmp_path / "runs")), keep, epochs=4)
    assert steps(directory) == [12, 16]


def test_a_folder_that_became_a_file_stops_no_run(tmp_path):
    directory = tmp_path / "checkpoints"

    def replace():
        shutil.rmtree(directory)
        directory.write_text("in the way")

    keep = checkpoint.hook(directory, every_seconds=0, background=False)
    with pytest.warns(UserWarning, match="no checkpoint of step 12 in .*; training continues"):
        events(at_the_third(replace), keep, epochs=3)


def test_a_folder_that_can_not_be_made_is_told_before_the_run(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match=r"checkpoint\.hook: .*file/inside can't be written to"):
        checkpoint.hook(tmp_path / "file" / "inside")


def test_200_flipped_bits_and_50_truncations_are_all_detected(directory):
    draw, folder = random.Random(0), directory / "0000000002"
    paths = bits.plain_files(folder)
    whole = {path: path.read_bytes() for path in paths}
    assert len(paths) >= 8 and not checkpoint.faults(folder)
    for number in range(250):
        path = paths[number % len(paths)]
        if number < 200:
            bits.flip(path, draw.randrange(8 * len(whole[path])))
        else:
            bits.truncate(path, draw.randrange(len(whole[path])))
        assert checkpoint.faults(folder), (number, path)
        path.write_bytes(whole[path])
    assert not checkpoint.faults(folder)


@pytest.mark.parametrize(
    "kind", ["flipped", "short", "missing", "extra", "unsummed", "link", "folder", "pipe", "sums"]
)
def test_a_damaged_checkpoint_is_named_and_skipped(directory, kind):
    folder = directory / "0000000002"
    victim = max(bits.plain_files(folder / "arrays"), key=lambda path: path.stat().st_size)
    name = victim.relative_to(folder).as_posix()
    if kind == "flipped":
        bits.flip(victim, 100)
        message = f"{name} is changed"
    elif kind == "short":
        bits.truncate(victim, 10)
        message = f"{name} is changed"
    elif kind == "missing":
        victim.unlink()
        message = f"{name} is missing"
    elif kind == "extra":
        (folder / "arrays" / "more").write_text("")
        message = "arrays/more is unexpected"
    elif kind == "unsummed":
        (folder / "SHA256SUMS").unlink()
        message = "SHA256SUMS is missing"
    elif kind == "folder":
        (folder / "arrays").rename(directory / "elsewhere")
        (folder / "arrays").symlink_to(directory / "elsewhere")
        message = "arrays is a link"
    elif kind == "pipe":
        os.mkfifo(folder / "arrays" / "pipe")
        message = "arrays/pipe is a link, pipe or device"
    elif kind == "sums":  # to wait for somebody to write into it would be for ever
        (folder / "SHA256SUMS").unlink()
        os.mkfifo(folder / "SHA256SUMS")
        message = "can't be read: .*isn't a plain file"
    else:
        victim.rename(directory / "elsewhere")
        victim.symlink_to(directory / "elsewhere")
        message = f"{name} is a link, pipe or device"
    with pytest.warns(UserWarning, match=f"skipped for .*0000000001:\n  .*0000000002: {message}"):
        again, history = checkpoint.restore(directory, tree())
    assert int(again.step) == 1 and history == [{"epoch": 1}]
    # The run goes on from there, and its next checkpoint replaces the damaged one.
    checkpoint.save(directory, tree(2), history)
    assert int(checkpoint.restore(directory, tree())[0].step) == 2


def test_what_a_file_manager_leaves_damages_nothing(directory):
    folder = directory / "0000000002"
    (folder / ".DS_Store").write_bytes(b"Bud1")
    (folder / "arrays" / "Thumbs.db").write_bytes(b"")
    assert not checkpoint.faults(folder)
    assert int(checkpoint.restore(directory, tree())[0].step) == 2


def test_all_are_named_where_none_is_good(directory):
    for folder in directory.iterdir():
        bits.flip(folder / "contents.json", 77)
    with pytest.raises(ValueError, match=r"(?s)no checkpoint is good:.*002: .*001: contents") as e:
        checkpoint.restore(directory, tree())
    assert str(e.value).count("contents.json is changed") == 2


def test_a_folder_whose_sums_are_those_of_no_files_is_damaged(tmp_path):
    (tmp_path / _files.SUMS).touch()
    assert _files.faults(tmp_path) == [f"{_files.CONTENTS} is missing"]
