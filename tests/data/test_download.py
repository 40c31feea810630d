"""Published files come from a server, checked by SHA-256, without TensorFlow."""

import contextlib
import functools
import gzip
import hashlib
import http.server
import io
import tarfile
import threading
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest

from jaxdl import data
from jaxdl.data import _download

SIZES = [0, 0, 0, 2, 0, 0, 0, 3]
MNIST = {
    "train-images-idx3-ubyte.gz": bytes([0, 0, 8, 3, 0, 0, 0, 12, *SIZES]) + bytes(72),
    "train-labels-idx1-ubyte.gz": bytes([0, 0, 8, 1, 0, 0, 0, 12, *range(10), 0, 1]),
    "t10k-images-idx3-ubyte.gz": bytes([0, 0, 8, 3, 0, 0, 0, 1, *SIZES]) + bytes(6),
    "t10k-labels-idx1-ubyte.gz": bytes([0, 0, 8, 1, 0, 0, 0, 1, 7]),
}
FILES = {name: gzip.compress(content) for name, content in MNIST.items()}


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and prints nothing."""

    def log_message(self, *args):
        pass


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """Serves files on localhost as the published ones; gives the URL of a mirror."""
    with contextlib.ExitStack() as stack:

        def serve(name, files):
            folder = tmp_path / "server" / name
            folder.mkdir(parents=True)
            for file, content in files.items():
                (folder / file).write_bytes(content)
            handler = functools.partial(Quiet, directory=tmp_path / "server")
            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            base = f"http://127.0.0.1:{server.server_port}"
            known = lambda x: hashlib.sha256(x).hexdigest()
            infos = {
                f"{base}/{name}/{file}": SimpleNamespace(filename=file, checksum=known(content))
                for file, content in files.items()
            }
            monkeypatch.setattr(_download, "_published", lambda builder: infos)
            monkeypatch.setenv("no_proxy", "*")
            return base, folder

        yield serve


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "kmnist"])
@pytest.mark.parametrize("to", [None, "mine"])
def test_mnist_and_its_kin(name, to, serve, tmp_path, monkeypatch):
    serve(name, FILES)
    monkeypatch.setattr(_download, "_has_tensorflow", lambda: False)
    where = {} if to is None else {"data_dir": tmp_path / to}
    read = data.load(name, **where)
    assert read.train["inputs"].shape == (12, 2, 3, 1) and read.test["labels"].tolist() == [7]
    place = (tmp_path / "cache/downloads" if to is None else tmp_path / to) / name.replace("_", "-")
    assert {path.name for path in place.iterdir()} == {*FILES}
    assert data.load(name, download=False, **where).test["labels"].tolist() == [7]


def test_emnist_comes_in_one_archive(serve):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in FILES.items():
            file = name.replace("t10k", "test")
            archive.writestr(f"gzip/emnist-digits-{file}", content)
    serve("emnist", {"gzip.zip": buffer.getvalue()})
    assert data.load("emnist/digits").train["inputs"].shape == (12, 2, 3, 1)


@pytest.mark.parametrize(("name", "labels"), [("cifar10", 1), ("cifar100", 2)])
def test_cifar(name, labels, serve, tmp_path):
    from jaxdl.data import _cifar

    rows = np.random.default_rng(0).integers(0, 256, (4, labels + 3072), np.uint8)
    rows[:, :labels] = np.arange(4 * labels).reshape(4, labels) % 3
    content = {_cifar._NAMES[name]: b"ant\nbee\ncod\n"}
    content |= {file: rows.tobytes() for file in (*_cifar._TRAIN[name], *_cifar._TEST[name])}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for file, x in content.items():
            member = tarfile.TarInfo(f"folder/{file}")
            member.size = len(x)
            archive.addfile(member, io.BytesIO(x))
    serve(name, {_cifar.FILES[name]: buffer.getvalue()})
    read = data.load(name)
    assert read.classes == ("ant", "bee", "cod")
    assert len(read.train["labels"]) == 4 * len(_cifar._TRAIN[name])
    np.testing.assert_array_equal(read.test["labels"], rows[:, labels - 1])
    i, y, x, c = 2, 5, 31, 1
    assert read.test["inputs"][i, y, x, c] == rows[i, labels + 1024 * c + 32 * y + x]
    data.check(read)
    archive = tmp_path / "cache/downloads" / name / _cifar.FILES[name]
    archive.write_bytes(archive.read_bytes()[:-500])
    with pytest.raises(ValueError, match=f"load: {archive} can't be read as CIFAR: "):
        data.load(name, image_size=(8, 8))


def test_another_checksum_is_refused(serve, tmp_path):
    _, folder = serve("mnist", FILES)
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(b"else"))
    with pytest.raises(FileNotFoundError, match=r"a download: .*t10k-labels.*SHA256 hash of down"):
        data.load("mnist")
    assert not list((tmp_path / "cache/downloads").rglob("t10k-labels*"))


def test_a_mirror_by_argument_or_environment(serve, tmp_path, monkeypatch):
    base, _ = serve("mnist", FILES)
    infos = _download._published("mnist")
    away = {url.replace("127.0.0.1", "nowhere.invalid"): info for url, info in infos.items()}
    monkeypatch.setattr(_download, "_published", lambda builder: away)
    assert data.load("mnist", download=base).test["labels"].tolist() == [7]
    with pytest.raises(FileNotFoundError, match="titanic is prepared by TFDS, which has no"):
        data.load("titanic", download=base)
    monkeypatch.setenv("JAXDL_CACHE", str(tmp_path / "other"))
    with pytest.raises(FileNotFoundError, match=r"nowhere.invalid.* can't be reached"):
        data.load("mnist")
    monkeypatch.setenv("JAXDL_MIRROR", base)
    assert data.load("mnist").test["labels"].tolist() == [7]


def test_what_tfds_knows_of_the_published_files():
    for name, files in {
        "mnist": 4,
        "fashion_mnist": 4,
        "kmnist": 4,
        "emnist": 1,
        "cifar10": 1,
    }.items():
        infos = _download._published(name)
        assert len(infos) == files
        assert all(len(info.checksum) == 64 and info.filename in url for url, info in infos.items())
