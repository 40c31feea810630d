"""Damaged files of every kind that data is read from; ``fuzz.py`` reads thousands of them."""

import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest
import safetensors.numpy

from faults import fuzz
from jaxdl import data, interop
from jaxdl.data import _cifar, _images


@pytest.fixture(autouse=True)
def no_metadata_from_the_network(monkeypatch):
    import tensorflow_datasets as tfds

    monkeypatch.setattr(tfds.core.utils.gcs_utils, "gcs_dataset_info_files", lambda path: [])


NEEDED = {"torch": "torch", "pickle": "torch", "onnx": "onnx"}


@pytest.mark.parametrize("kind", fuzz.READERS)
def test_every_damaged_file_is_named_or_read_rightly(kind):
    if kind in NEEDED:
        pytest.importorskip(NEEDED[kind])
    found = fuzz.campaign(kind, 200, seed=1)
    assert found["cases"] == [] and found["refused"] > 20
    assert found["megabytes"] < 300


def test_a_wrong_length_hides_no_array(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.ones((3, 2)), y=np.arange(3))
    whole = bytearray(path.read_bytes())
    first = whole.index(b"PK\x01\x02")
    second = whole.index(b"PK\x01\x02", first + 4)
    whole[first + 32 : first + 34] = (len(whole) - 22 - second).to_bytes(2, "little")  # a comment
    path.write_bytes(whole)
    assert list(np.load(path)) == ["x"]  # which doesn't notice
    for read in (interop.read_weights, lambda path: data.table(path, labels="x")):
        with pytest.raises(ValueError, match=r"a\.npz .*lists 1 arrays and says it has 2"):
            read(path)


def test_a_flipped_weight_is_named(tmp_path):
    path = tmp_path / "a.safetensors"
    interop.save_weights(path, {"x": np.ones(3, ">f4")}, metadata={"format": "np"})
    np.testing.assert_array_equal(interop.read_weights(path)["x"], 1)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ValueError, match=r"a\.safetensors is damaged: its arrays .*SHA-256"):
        interop.read_weights(path)
    path.write_bytes(whole.replace(b"jaxdl.sha256", b"jaxdl.sha257"))
    with pytest.raises(ValueError, match="SHA-256"):
        interop.read_weights(path)
    path.write_bytes(safetensors.numpy.save({"x": np.ones(3)}))  # another's, without a sum
    np.testing.assert_array_equal(interop.read_weights(path)["x"], 1)


class TestBombs:
    """Small files that would fill the memory."""

    @pytest.fixture(autouse=True)
    def limits(self, monkeypatch):
        monkeypatch.setenv("JAXDL_MAX_BYTES", "1000000")
        tracemalloc.start()
        yield
        assert tracemalloc.get_traced_memory()[1] < 2 * 10**7
        tracemalloc.stop()

    def table(self, path):
        with pytest.raises(ValueError, match=f"{path} decodes to [0-9,]+ bytes, more than 1,"):
            data.table(path, labels="y")

    def test_npz(self, tmp_path):
        path = tmp_path / "bomb.npz"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            with archive.open("x.npy", "w") as file:
                header = {"descr": "|u1", "fortran_order": False, "shape": (10**8,)}
                np.lib.format.write_array_header_1_0(file, header)
                for _ in range(100):
                    file.write(bytes(10**6))
            with archive.open("y.npy", "w") as file:
                np.save(file, np.arange(3))
        self.table(path)

    def test_a_header_that_lies(self, tmp_path):
        path = tmp_path / "bomb.npz"
        np.savez(path, y=np.arange(9))
        with zipfile.ZipFile(path, "a") as archive, archive.open("x.npy", "w") as file:
            header = {"descr": "|u1", "fortran_order": False, "shape": (10**12,)}
            np.lib.format.write_array_header_1_0(file, header)
            file.write(bytes(100))
        with pytest.raises(ValueError, match=r"bomb.npz can't be read as NPZ: .*has 100 bytes"):
            data.table(path, labels="y")

    def test_weights(self, tmp_path):
        path = tmp_path / "bomb.npz"
        np.savez_compressed(path, x=np.zeros(10**6))
        words = f"{path} decodes to 8,000,128 bytes, more than 1,"
        with pytest.raises(ValueError, match=words):
            interop.read_weights(path)
        np.savez(path, x=np.zeros(200_000))  # no larger than its file
        assert interop.read_weights(path)["x"].shape == (200_000,)

    @pytest.mark.parametrize("end", [2**40, 2**63])
    def test_safetensors_that_lie(self, end, tmp_path):
        path = tmp_path / "bomb.safetensors"
        entry = {"dtype": "U8", "shape": [end], "data_offsets": [0, end]}
        header = json.dumps({"x": entry}).encode()
        for length in (len(header), end):
            path.write_bytes(length.to_bytes(8, "little") + header + bytes(100))
            with pytest.raises(ValueError, match=r"bomb\.safetensors is damaged"):
                interop.read_weights(path)

    def test_a_compressed_program(self, tmp_path):
        path = tmp_path / "bomb.jaxdl"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in ("metadata.json", "program.stablehlo", "weights.safetensors"):
                archive.writestr(name, bytes(10**7))
        with pytest.raises(
            ValueError, match=r"bomb\.jaxdl is damaged .*: metadata.json is compress"
        ):
            interop.load_program(path)

    def test_parquet(self, tmp_path):
        import pyarrow as pa
        import pyarrow.parquet as pq

        zeros = pa.array(np.zeros(10**6, np.int8))
        pq.write_table(pa.table({"x": zeros, "y": zeros}), tmp_path / "bomb.parquet")
        assert (tmp_path / "bomb.parquet").stat().st_size < 10**5
        self.table(tmp_path / "bomb.parquet")

    def test_words_of_parquet(self, tmp_path):
        import pyarrow as pa
        import pyarrow.parquet as pq

        indices = np.zeros(30000, np.int32)
        words = pa.DictionaryArray.from_arrays(indices, ["x" * 10**5])  # 3 GB, were it spelt out
        path = tmp_path / "words.parquet"
        pq.write_table(pa.table({"x": np.zeros(30000), "y": words}), path)
        assert data.table(path, labels="y").classes == ("x" * 10**5,)

    def test_png(self, tmp_path):
        chunk = lambda name, x: (
            len(x).to_bytes(4, "big") + name + x + zlib.crc32(name + x).to_bytes(4, "big")
        )
        size = (60_000).to_bytes(4, "big") * 2
        png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size + bytes([8, 0, 0, 0, 0]))
        (tmp_path / "a.png").write_bytes(png + chunk(b"IDAT", zlib.compress(bytes(10**6))))
        assert "decompression bomb" in _images.decoded(tmp_path / "a.png", _images.Pixels())

    def test_cifar(self, tmp_path):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            member = tarfile.TarInfo("f/test_batch.bin")
            member.size = 2 * 10**7
            archive.addfile(member, io.BytesIO(bytes(2 * 10**7)))
        path = tmp_path / "cifar.tar.gz"
        path.write_bytes(buffer.getvalue())
        del buffer
        tracemalloc.reset_peak()
        with pytest.raises(ValueError, match=r"cifar.tar.gz decodes to 20,000,000 bytes"):
            _cifar.read("cifar10", path)


class TestPipes:
    """What isn't a file never ends."""

    @pytest.mark.parametrize("suffix", ["csv", "parquet", "npz"])
    def test_tables(self, suffix, tmp_path):
        os.mkfifo(tmp_path / f"x.{suffix}")
        with pytest.raises(ValueError, match="is a pipe, a device or a folder"):
            data.table(tmp_path / f"x.{suffix}", labels="y")

    def test_images(self, tmp_path):
        (tmp_path / "cat").mkdir()
        os.mkfifo(tmp_path / "cat" / "x.png")
        (tmp_path / "cat" / "zero.png").symlink_to("/dev/zero")
        (tmp_path / "cat" / "gone.png").symlink_to(tmp_path / "nowhere")
        with pytest.raises(ValueError, match=r"3 files of 3 .*no regular file: a broken link, a p"):
            data.image_folder(tmp_path, on_corrupt="skip")

    @pytest.mark.parametrize("file", ["manifest.json", "array"])
    def test_the_cache(self, file, tmp_path, monkeypatch):
        monkeypatch.setenv("JAXDL_CACHE", str(tmp_path / "cache"))
        for name, x in {"train": np.zeros((12, 2, 2)), "t10k": np.zeros((5, 2, 2))}.items():
            for kind, part in (("images-idx3", x), ("labels-idx1", x[:, 0, 0])):
                head = bytes([0, 0, 8, part.ndim]) + np.array(part.shape, ">u4").tobytes()
                content = gzip.compress(head + part.astype("u1").tobytes())
                (tmp_path / f"{name}-{kind}-ubyte.gz").write_bytes(content)
        data.load("mnist", data_dir=tmp_path)
        (folder,) = (tmp_path / "cache").iterdir()
        path = folder / file if file != "array" else next(folder.glob("train_inputs*"))
        path.unlink()
        os.mkfifo(path)
        with pytest.warns(UserWarning, match=f"{path} is damaged: it isn't a regular file"):
            data.load("mnist", data_dir=tmp_path)


def test_a_stream_stopped_at_the_end_of_a_script_doesnt_abort_it():
    code = (
        "import numpy as np, time\n"
        "from jaxdl import data\n"
        "def slow():\n"
        "    while True:\n"
        "        time.sleep(0.01)\n"
        "        yield {'inputs': np.ones((200, 200))}\n"
        "kept = [data.prefetch(slow()) for _ in range(8)]\n"
        "[next(one) for one in kept]\n"
        "print('end')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")
