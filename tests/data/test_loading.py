"""The order of sources, the cache, and what is said where there is nothing."""

import concurrent.futures
import gzip
import json
import socket
import subprocess
import sys
import threading
import time
import timeit
import warnings
from pathlib import Path

import numpy as np
import pytest

from jaxdl import data
from jaxdl.data import _cache, _download


def assert_same(a, b):
    for one, other in zip(a[:3], b[:3], strict=True):
        assert (one is None) == (other is None)
        for name in one or ():
            np.testing.assert_array_equal(one[name], other[name])
            assert one[name].dtype == other[name].dtype
    assert a[3:] == b[3:]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache" / "mnist"


@pytest.fixture
def system(tmp_path, write_idx):
    """A system folder with MNIST in it."""
    write_idx(tmp_path / "system" / "mnist")
    return tmp_path / "system" / "mnist"


def remove(files):
    for path in files.iterdir():
        path.unlink()


class TestCache:
    def test_read_without_the_source(self, system):
        first = data.load("mnist")
        remove(system)
        assert_same(first, data.load("mnist", download=False))

    def test_arrays_can_be_written_to(self, system):
        data.load("mnist")
        data.load("mnist").train["inputs"][0] = 1

    def test_validation_part_and_other_arrays(self, tmp_path):
        part = {"inputs": np.random.rand(3, 2).astype("float32"), "weight": np.ones(3, "float16")}
        dataset = data.Dataset(part, {"inputs": np.zeros((0, 2))}, None, ("ä", "b"), "d")
        source = _cache.Source("nowhere", (), lambda: dataset)
        _cache.write(tmp_path / "c", dataset, source)
        assert_same(dataset, _cache.read(tmp_path / "c"))

    def test_manifest_tells_source_and_checksums(self, system, folder):
        data.load("mnist")
        manifest = json.loads((folder / "manifest.json").read_text())["manifest"]
        assert manifest["source"] == f"the IDX files in {system}"
        assert len(manifest["arrays"]) == 4
        assert all(len(array["sha256"]) == 64 for array in manifest["arrays"])

    def test_nothing_else_is_left_behind(self, system, folder):
        data.load("mnist")
        assert len(list(folder.iterdir())) == 5

    def test_changed_source_is_converted_again(self, system, folder):
        data.load("mnist")
        labels = bytes([0, 0, 8, 1, 0, 0, 0, 12] + [7] * 12)
        (system / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
        np.testing.assert_array_equal(data.load("mnist").train["labels"], [7] * 12)
        assert len(list(folder.iterdir())) == 5  # the files of the first conversion are gone

    def test_another_layout_is_converted_again(self, system, folder, monkeypatch):
        data.load("mnist")
        monkeypatch.setattr(_cache, "LAYOUT", _cache.LAYOUT + 1)
        assert _cache.read(folder) is None
        data.load("mnist")
        assert _cache.read(folder) is not None

    @pytest.mark.parametrize(
        ("variables", "expected"),
        [
            ({"JAXDL_CACHE": "/a", "XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/a/emnist-letters"),
            ({"XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/b/jaxdl/emnist-letters"),
            ({"JAXDL_CACHE": "", "HOME": "/c"}, "/c/.cache/jaxdl/emnist-letters"),
            ({"JAXDL_CACHE": "~/d", "HOME": "/c"}, "/c/d/emnist-letters"),
        ],
    )
    def test_where_it_lies(self, monkeypatch, variables, expected):
        for name in ("JAXDL_CACHE", "XDG_CACHE_HOME"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert _cache.folder_of("emnist/letters", None) == Path(expected)

    def test_neither_tfds_nor_tensorflow_is_imported(self, system):
        data.load("mnist")
        code = (
            "import sys, jaxdl.data; jaxdl.data.load('mnist');"
            "print([m for m in sys.modules if m in ('tensorflow_datasets', 'tensorflow', 'PIL')])"
        )
        printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert printed.stdout == "[]\n", printed.stderr

    def test_quick_at_the_size_of_mnist(self, tmp_path):
        images = np.random.RandomState(0).randint(0, 256, (70000, 28, 28, 1), np.uint8)
        dataset = data.Dataset({"inputs": images, "labels": np.zeros(70000, np.int32)})
        _cache.write(tmp_path / "c", dataset, _cache.Source("", (), lambda: dataset))
        assert min(timeit.repeat(lambda: _cache.read(tmp_path / "c"), number=1)) < 0.25


class TestDamage:
    def flip(self, folder, name="train_inputs*"):
        (path,) = folder.glob(name)
        content = bytearray(path.read_bytes())
        content[-3] ^= 16
        path.write_bytes(content)
        return path

    def test_warns_and_converts_again(self, system, folder):
        first = data.load("mnist")
        path = self.flip(folder)
        recorded = path.name.split(".")[1]
        says = rf"{path} is damaged: its SHA-256 is \w+, and {recorded}\w+ was recorded. mnist was"
        with pytest.warns(UserWarning, match=says) as caught:
            second = data.load("mnist")
        assert caught[0].filename == __file__
        assert_same(first, second)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert_same(first, data.load("mnist"))

    @pytest.mark.parametrize("how", ["unlink", "truncate", "manifest", "not json", "not a dict"])
    def test_every_other_damage(self, system, folder, how):
        first = data.load("mnist")
        path = next(folder.glob("test_labels*"))
        manifest = folder / "manifest.json"
        match how:
            case "unlink":
                path.unlink()
            case "truncate":
                path.write_bytes(path.read_bytes()[:100])
            case "manifest":
                manifest.write_text(manifest.read_text().replace('"7"', '"1"'))
            case "not json":
                manifest.write_text("{")
            case "not a dict":
                manifest.write_text("[]")
        with pytest.warns(UserWarning, match="is damaged|can't be read"):
            assert_same(first, data.load("mnist"))
        assert_same(first, data.load("mnist"))

    def test_without_a_source_it_says_which_file_to_delete(self, system, folder):
        data.load("mnist")
        path = self.flip(folder)
        remove(system)
        with pytest.raises(FileNotFoundError) as caught:
            data.load("mnist", download=False)
        text = str(caught.value)
        assert f"A cached copy was there, but {path} is damaged" in text
        assert text.splitlines()[-4].endswith(": delete that file.")


@pytest.fixture
def locked(monkeypatch):
    """No file can be written: as root, permissions alone don't stop a test."""

    def refuse(self, data):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "write_bytes", refuse)


class TestUnwritable:
    def test_returns_all_the_same(self, system, locked, folder):
        with pytest.warns(UserWarning, match=rf"can't be kept in the cache {folder} \(") as caught:
            dataset = data.load("mnist")
        assert len(dataset.train["labels"]) == 12
        assert caught[0].filename == __file__
        assert list(folder.iterdir()) == []

    def test_a_file_where_the_folder_should_be(self, tmp_path, system):
        (tmp_path / "cache").write_text("")
        with pytest.warns(UserWarning, match="can't be kept"):
            assert len(data.load("mnist").train["labels"]) == 12


def test_many_at_once(system, folder):
    together = threading.Barrier(8)

    def load(_):
        together.wait(10)
        return data.load("mnist").train["inputs"].shape

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert set(pool.map(load, range(8))) == {(12, 4, 3, 1)}
    assert len(list(folder.iterdir())) == 5


class TestOrder:
    def test_the_cache_is_first(self, tmp_path, system, write_idx):
        first = data.load("mnist")
        remove(system)
        write_idx(tmp_path / "tfds" / "mnist" / "3.0.1")  # not even looked at
        assert_same(first, data.load("mnist"))

    def test_data_dir_goes_before_the_cache(self, tmp_path, system, write_idx):
        data.load("mnist")
        write_idx(tmp_path / "mine", compress=False)
        labels = bytes([0, 0, 8, 1, 0, 0, 0, 12] + [3] * 12)
        (tmp_path / "mine" / "train-labels-idx1-ubyte").write_bytes(labels)
        for _ in range(2):
            mine = data.load("mnist", data_dir=tmp_path / "mine")
            np.testing.assert_array_equal(mine.train["labels"], [3] * 12)
            np.testing.assert_array_equal(data.load("mnist").train["labels"], np.arange(12) % 10)

    def test_two_data_dirs_dont_mix(self, tmp_path, write_idx):
        for name, label in (("one", 1), ("two", 2)):
            write_idx(tmp_path / name, compress=False)
            labels = bytes([0, 0, 8, 1, 0, 0, 0, 12] + [label] * 12)
            (tmp_path / name / "train-labels-idx1-ubyte").write_bytes(labels)
        for name, label in (("one", 1), ("two", 2), ("one", 1)):
            loaded = data.load("mnist", data_dir=tmp_path / name)
            np.testing.assert_array_equal(loaded.train["labels"], [label] * 12)

    def test_no_other_copy_stands_in_for_that_of_data_dir(self, tmp_path, system, write_idx):
        mine = tmp_path / "mine"
        with pytest.raises(FileNotFoundError, match=f"Looked for\n.*@.*\n.*{mine}"):
            data.load("mnist", data_dir=mine, download=False)
        write_idx(mine, compress=False)
        labels = bytes([0, 0, 8, 1, 0, 0, 0, 12] + [3] * 12)
        (mine / "train-labels-idx1-ubyte").write_bytes(labels)
        loaded = data.load("mnist", data_dir=str(mine))
        np.testing.assert_array_equal(loaded.train["labels"], [3] * 12)

    def test_classes(self, system):
        chosen = data.load("mnist", classes=("3", "1"))
        np.testing.assert_array_equal(chosen.train["labels"], [1, 0, 1])
        assert chosen.classes == ("3", "1")


class TestNames:
    @pytest.mark.parametrize(
        ("name", "near"),
        [
            ("fashion_mnst", "'fashion_mnist'"),
            ("Fashion-MNIST", "'fashion_mnist'"),
            ("animal", "'animals'"),
            ("emnist/leters", "'emnist/letters'"),
            ("emnist", "'emnist/byclass' or 'emnist/bymerge'"),
        ],
    )
    def test_suggests_the_nearest(self, name, near):
        with pytest.raises(ValueError, match=f"no dataset '{name}'. Did you mean {near}"):
            data.load(name)

    @pytest.mark.parametrize("name", ["", "..", "../../etc", "/", "imaginary", "a/b/c/d"])
    def test_lists_what_there_is(self, name, tmp_path):
        with pytest.raises(ValueError, match="Known names are animals, mnist, fashion_mnist") as e:
            data.load(name)
        assert str(tmp_path / "tfds") in str(e.value)

    def test_kind(self):
        with pytest.raises(TypeError, match="name is 3; it must be a string"):
            data.load(3)


@pytest.fixture
def no_socket(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


def reason(name="fashion_mnist", **options):
    with pytest.raises(FileNotFoundError) as caught:
        data.load(name, **options)
    return str(caught.value)


class TestNothingThere:
    def test_without_tensorflow_it_says_so_at_once(self, tmp_path, monkeypatch, no_socket):
        monkeypatch.setattr(_download, "_has_tensorflow", lambda: False)
        text = reason("titanic", data_dir=tmp_path / "mine")
        assert "TFDS needs TensorFlow to prepare it, and TensorFlow isn't installed" in text
        assert "1. with a network: pip install tensorflow" in text
        assert str(tmp_path / "cache/titanic") in text and str(tmp_path / "mine/titanic") in text

    def test_it_says_where_the_files_may_lie(self, tmp_path):
        text = reason(download=False)
        for place in ("cache/fashion_mnist", "tfds/fashion_mnist", "system/fashion-mnist"):
            assert str(tmp_path / place) in text
        assert "2. put the four files train-images-idx3-ubyte[.gz]" in text
        assert "apt install dataset-fashion-mnist" in text
        assert "apt install" not in reason("kmnist", download=False)
        assert "put the file cifar-10-binary.tar.gz into" in reason("cifar10", download=False)

    def test_download_false(self, no_socket):
        assert "a download: skipped, because download=False" in reason(download=False)

    @pytest.fixture(autouse=True)
    def no_proxy(self, monkeypatch):
        monkeypatch.setenv("no_proxy", "*")

    def test_server_that_never_answers(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            url = f"http://127.0.0.1:{server.getsockname()[1]}/file"
            start = time.perf_counter()
            assert not _download.answers(url, seconds=0.3)
            assert time.perf_counter() - start < 1.0

    def test_name_server_that_never_answers(self, monkeypatch):
        end = threading.Event()

        def look_up(*args, **kwargs):
            end.wait(10)
            raise socket.gaierror

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        start = time.perf_counter()
        assert not _download.answers("http://somewhere.invalid/file", seconds=0.3)
        assert time.perf_counter() - start < 1.0
        end.set()

    @pytest.mark.parametrize(("status", "expected"), [("200 OK", True), ("503 Busy", False)])
    def test_server_that_answers(self, status, expected):
        with socket.create_server(("127.0.0.1", 0)) as server:

            def serve():
                connection, _ = server.accept()
                with connection:
                    assert connection.recv(1000).startswith(b"HEAD /file ")
                    connection.sendall(f"HTTP/1.0 {status}\r\n\r\n".encode())

            threading.Thread(target=serve).start()
            url = f"http://127.0.0.1:{server.getsockname()[1]}/file"
            assert _download.answers(url, seconds=2.0) is expected

    def test_no_network_with_tensorflow(self, monkeypatch):
        monkeypatch.setattr(_download, "_has_tensorflow", lambda: True)
        monkeypatch.setattr(_download, "answers", lambda url, seconds: False)
        assert "fashion-mnist" in (text := reason()) and "can't be reached (given 5 s" in text

    def test_tfds_fails(self, monkeypatch):
        import tensorflow_datasets as tfds

        def fail(self, **options):
            raise ConnectionError("lost")

        monkeypatch.setattr(_download, "_has_tensorflow", lambda: True)
        monkeypatch.setattr(_download, "answers", lambda url, seconds: True)
        monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", fail)
        assert "a download: TFDS failed: ConnectionError: lost" in reason("imagenette/160px")
