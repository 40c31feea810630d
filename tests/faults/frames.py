"""Small copies of datasets as TensorFlow writes them, made without it."""

import io
import json
import struct
from pathlib import Path

import numpy as np
import PIL.Image
import tensorflow_datasets as tfds


def crc32c(data: bytes) -> int:
    """The checksum, bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data: bytes) -> bytes:
    """The checksum as a record has it."""
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def framed(records: list[bytes]) -> bytes:
    """A TFRecord file of some records."""
    lengths = [struct.pack("<Q", len(record)) for record in records]
    pairs = zip(lengths, records, strict=True)
    return b"".join(n + masked(n) + record + masked(record) for n, record in pairs)


def unframed(data: bytes) -> list[bytes]:
    """The records of a TFRecord file."""
    records = []
    while data:
        (n,) = struct.unpack("<Q", data[:8])
        record = data[12 : 12 + n]
        if data[8:12] != masked(data[:8]) or data[12 + n : 16 + n] != masked(record):
            raise ValueError("checksum")
        records.append(record)
        data = data[16 + n :]
    return records


class Tiny(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Seven pictures."""

    name = "tiny"
    VERSION = tfds.core.Version("1.0.0")

    def _info(self) -> tfds.core.DatasetInfo:
        features = {
            "image": tfds.features.Image(shape=(4, 3, 1)),
            "label": tfds.features.ClassLabel(names=("ant", "bee")),
        }
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features), supervised_keys=("image", "label")
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(0, 4), "test": self._generate_examples(4, 7)}

    def _generate_examples(self, first: int, last: int):
        for i in range(first, last):
            file = io.BytesIO()
            PIL.Image.fromarray(picture(i)[..., 0]).save(file, "PNG")
            yield i, {"image": io.BytesIO(file.getvalue()), "label": i % 2}


def picture(i: int) -> np.ndarray:
    """The picture of a row."""
    return np.random.RandomState(i).randint(0, 256, (4, 3, 1), np.uint8)


def prepared(folder: Path, *, tfrecord: bool) -> None:
    """Has TFDS prepare a copy, and rewrites it as TFRecord if so wished."""
    tfds.disable_progress_bar()
    Tiny(data_dir=folder, file_format="array_record").download_and_prepare()
    copy = folder / "tiny" / "1.0.0"
    if not tfrecord:
        return
    builder = tfds.builder_from_directory(copy)
    raw = tfds.decode.DeserializeMethod.RAW_BYTES
    for split in ("train", "test"):
        records = [bytes(r) for r in builder.as_data_source(split, deserialize_method=raw)]
        (copy / f"tiny-{split}.tfrecord-00000-of-00001").write_bytes(framed(records))
    for path in copy.glob("*.array_record*"):
        path.unlink()
    info = json.loads((copy / "dataset_info.json").read_text())
    (copy / "dataset_info.json").write_text(json.dumps(info | {"fileFormat": "tfrecord"}))
