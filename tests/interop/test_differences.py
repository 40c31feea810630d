"""The table in jaxdl.interop's docstring has every conversion, and is what is measured."""

import pytest

from interop.differences import ONNX, SECTIONS, TORCH
from interop.known import KNOWN
from interop.make_table import table
from interop.test_onnx import NETS
from interop.torch_networks import CASES

ROWS = {
    (section, title): measure
    for section, rows in SECTIONS.items()
    for title, measure in rows.items()
}


def test_the_table_names_every_network():
    assert set(TORCH) == set(CASES) and set(ONNX) == {*NETS, *KNOWN}
    found = table()
    assert set(found) == set(ROWS) and max(found.values()) <= 1e-5


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5")
@pytest.mark.parametrize("row", ROWS, ids=": ".join)
def test_a_row_is_what_is_measured(row):
    """Within a few times, as machines round otherwise."""
    try:
        found = ROWS[row]()
    except ImportError as error:
        pytest.skip(str(error))
    assert found <= max(1e-6, 10 * table()[row])
