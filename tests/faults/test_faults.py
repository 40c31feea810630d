"""What a run must survive, in full; ``tests/checkpoint/test_faults.py`` has short forms.

Command:  pytest -m slow -n 0 -rP tests/faults
"""

import random

import numpy as np
import pytest

from faults import bits, runs
from jaxdl import checkpoint, train

pytestmark = pytest.mark.slow


def test_a_hundred_killed_runs_end_as_if_they_had_not_been():
    found = runs.campaign("kills", "--runs", "100")
    print(found)
    assert found["killed"] == 100
    assert found["while_saving"] >= 20  # else the moments miss what they should hit


def test_a_save_killed_before_any_of_its_file_operations_leaves_a_good_checkpoint():
    found = runs.campaign("operations", "--every", "1")
    print(found)
    assert found["operations"] > 50 and found["old"] > 10 and found["new"] > 1


def test_a_save_survives_every_amount_of_free_space():
    found = runs.disk("sweep")["sweep"]
    print(found)
    assert found["failed"] > 5 and found["saved"] > 5


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    directory = tmp_path_factory.mktemp("saved")
    start = train.TrainState(np.int32(7), {"kernel": np.ones((8, 4), "float32")}, (), (), ())
    checkpoint.save(directory, start, [{"epoch": 1, "loss": 0.5}])
    return directory / "0000000007"


def test_one_flipped_bit_in_every_byte_of_every_file_is_detected(saved):
    draw = random.Random(0)
    for path in bits.plain_files(saved):
        before = path.read_bytes()
        for byte in range(len(before)):
            bits.flip(path, 8 * byte + draw.randrange(8))
            assert checkpoint.faults(saved), (path, byte)
            path.write_bytes(before)
    assert not checkpoint.faults(saved)


def test_every_truncation_of_every_file_is_detected(saved):
    for path in bits.plain_files(saved):
        before = path.read_bytes()
        for size in range(len(before)):
            bits.truncate(path, size)
            assert checkpoint.faults(saved), (path, size)
            path.write_bytes(before)
    assert not checkpoint.faults(saved)
