"""Checks that golden.json, which the playground is tested against, is what jaxdl computes."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

spec = importlib.util.spec_from_file_location("golden", Path(__file__).with_name("golden.py"))
assert spec and spec.loader
golden = importlib.util.module_from_spec(spec)
spec.loader.exec_module(golden)

KNOWN = json.loads(golden.FILE.read_text())
QUICK = {"batches and dropout"}


def rows() -> list:
    """The networks by name; all but one are slow: ``pytest -m slow tests/playground``."""
    slow = lambda name: () if name in QUICK else pytest.mark.slow
    return [pytest.param(name, x, marks=slow(name), id=name) for name, x in golden.cases()]


def test_random_numbers_and_toy_sets():
    found = json.loads(json.dumps(golden.drawn()))
    sets, known = found.pop("sets"), dict(KNOWN["drawn"])
    for name, parts in known.pop("sets").items():
        for part, expected in zip(sets[name], parts, strict=True):
            np.testing.assert_allclose(part["inputs"], expected["inputs"], rtol=1e-6, atol=1e-7)
            np.testing.assert_allclose(part["labels"], expected["labels"], rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(found.pop("uniform"), known.pop("uniform"), rtol=1e-6)
    assert found == known


def test_every_network_is_there():
    assert list(KNOWN["trained"]) == [name for name, _ in golden.cases()]


@pytest.mark.parametrize(("name", "changes"), rows())
def test_networks(name, changes):
    found, known = golden.trained(changes), KNOWN["trained"][name]
    assert found["settings"] == known["settings"]
    for part in ("start", "losses", "test"):
        np.testing.assert_allclose(found[part], known[part], rtol=1e-4, atol=1e-5)
