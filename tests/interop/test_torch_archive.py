"""PyTorch reads only those parts of an archive whose checksums are right."""

import warnings
import zipfile

import pytest

from jaxdl.interop._torch import _checked_archive


def written(path, parts, **options):
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", **options) as archive:
        warnings.simplefilter("ignore")  # a name that is there twice
        for name, content in parts:
            archive.writestr(name, content)
    return path


def test_checked_parts_are_those_of_the_file(tmp_path):
    parts = [("net/data.pkl", b"pickle"), ("net/data/0", b"numbers")]
    with zipfile.ZipFile(_checked_archive(written(tmp_path / "a.pt", parts))) as copy:
        assert [(part.filename, copy.read(part)) for part in copy.infolist()] == parts


def test_packed_and_repeated_parts_are_refused(tmp_path):
    packed = written(tmp_path / "a.pt", [("a", bytes(1000))], compression=zipfile.ZIP_DEFLATED)
    twice = written(tmp_path / "b.pt", [("a", b"one"), ("a", b"two")])
    for path in (packed, twice):
        with pytest.raises(ValueError, match="a is packed or there twice"):
            _checked_archive(path)


def test_a_damaged_part_is_refused(tmp_path):
    path = written(tmp_path / "a.pt", [("a", b"numbers")])
    path.write_bytes(path.read_bytes().replace(b"numbers", b"numbres"))
    with pytest.raises(zipfile.BadZipFile, match="CRC"):
        _checked_archive(path)
