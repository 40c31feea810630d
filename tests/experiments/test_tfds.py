"""The experiments on TFDS's sets run from their command lines, on sets as TFDS prepares them."""

import io
import json

import numpy as np
import PIL.Image
import pytest
import tensorflow_datasets as tfds

from experiments.traced import trace


def prepared(folder, builder, config, shapes):
    """A copy as TFDS prepares it, of images whose brightness is their class."""
    draw = np.random.RandomState(0)

    class Made(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        name = builder
        VERSION = tfds.core.Version("1.0.0")
        BUILDER_CONFIGS = [tfds.core.BuilderConfig(name=config)] if config else []

        def _info(self):
            features = {
                "image": tfds.features.Image(shape=(None, None, 3)),
                "label": tfds.features.ClassLabel(num_classes=10),
            }
            return self.dataset_info_from_configs(
                features=tfds.features.FeaturesDict(features), supervised_keys=("image", "label")
            )

        def _split_generators(self, dl_manager):
            return {split: self._generate_examples(split) for split in shapes}

        def _generate_examples(self, split):
            for i, shape in enumerate(shapes[split]):
                x = (25 * (i % 10) + draw.randint(0, 20, (*shape, 3))).astype(np.uint8)
                buffer = io.BytesIO()
                PIL.Image.fromarray(x).save(buffer, "PNG")
                yield i, {"image": io.BytesIO(buffer.getvalue()), "label": i % 10}

    Made(data_dir=folder, file_format="array_record").download_and_prepare()


@pytest.fixture(autouse=True)
def no_other_copies(tmp_path, monkeypatch):
    monkeypatch.setenv("JAXDL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(tfds.core.utils.gcs_utils, "gcs_dataset_info_files", lambda path: [])


def cifar(folder):
    shapes = {"train": [(32, 32)] * 60, "test": [(32, 32)] * 20}
    prepared(folder / "tfds", "cifar10", None, shapes)
    return "--depth", 8, "--batch-size", 16


def imagenette(folder):
    shapes = {"train": [(40, 50), (48, 44)] * 30, "validation": [(60, 40)] * 20}
    prepared(folder / "tfds", "imagenette", "160px-v2", shapes)
    return "--size", 32, "--features", 64, "--blocks", 1, "--batch-size", 16


# Traced as the others are; the runs are slow tests.
@pytest.mark.parametrize(
    ("name", "flags"), {"cifar10_resnet": cifar, "imagenette_vit": imagenette}.items()
)
def test_what_it_builds_can_be_trained(name, flags, tmp_path, monkeypatch):
    trace(name, (*flags(tmp_path), "--data-dir", tmp_path / "tfds"), monkeypatch)


@pytest.mark.slow
@pytest.mark.usefixtures("two_devices")
@pytest.mark.parametrize("engine", ["shard_map", "jit"])
def test_cifar_on_two_devices(engine, tmp_path, here):
    trains(here, "cifar10_resnet", tmp_path, *cifar(tmp_path), "--parallel", engine)


@pytest.mark.slow
@pytest.mark.usefixtures("two_devices")
def test_imagenette_on_two_devices(tmp_path, here):
    trains(here, "imagenette_vit", tmp_path, *imagenette(tmp_path))


def trains(here, name, folder, *flags):
    here(name, "--smoke", "--data-dir", folder / "tfds", "--output", folder / "o", *flags)
    result = json.loads((folder / "o" / "result.json").read_text())
    assert result["finished"] is True and np.isfinite(result["test_loss"])


def test_without_a_copy_it_says_how_to_get_one(tmp_path, monkeypatch, here, capsys):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("JAXDL_CACHE", str(tmp_path))
    monkeypatch.setenv("JAXDL_MIRROR", "http://127.0.0.1:9")  # where nothing listens
    with pytest.raises(SystemExit, match="2"):
        here("cifar10_resnet", "--output", tmp_path / "o")
    assert capsys.readouterr().err.startswith("error: load: found no usable copy of cifar10")
