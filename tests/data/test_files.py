"""Folders of images and tables: what is read, and what is said of broken ones."""

import importlib
import tracemalloc

import numpy as np
import PIL.Image
import pytest

from jaxdl import data
from jaxdl.data._dataset import parts


def picture(path, shade, size=(6, 4), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    color = shade if mode == "L" else (shade, 0, 255 - shade)
    PIL.Image.new(mode, size, color).save(path)


@pytest.fixture
def folder(tmp_path):
    """Ten cats and ten dogs, told apart by their colour."""
    for i in range(10):
        picture(tmp_path / "pets" / "cat" / f"{i}.png", i)
        picture(tmp_path / "pets" / "dog" / f"{i}.jpg", 200 + i)
    return tmp_path / "pets"


class TestImageFolder:
    def test_classes_and_split(self, folder):
        pets = data.image_folder(folder)
        assert pets.classes == ("cat", "dog")
        shapes = [part["inputs"].shape for _, part in parts(pets)]
        assert shapes == [(16, 4, 6, 3), *[(2, 4, 6, 3)] * 2]
        for _, part in parts(pets):
            np.testing.assert_array_equal(part["inputs"][:, 0, 0, 0] > 100, part["labels"] == 1)
        assert pets.train["inputs"].dtype == np.uint8 and pets.train["labels"].dtype == np.int32
        data.check(pets)
        for (_, part), (_, again) in zip(
            parts(pets), parts(data.image_folder(folder)), strict=True
        ):
            np.testing.assert_array_equal(part["labels"], again["labels"])

    @pytest.mark.parametrize(
        "names",
        [("train", "val", "test"), ("Train", "Validation", "Test"), ("TRAINING", "Val", "testing")],
    )
    def test_parts_by_folder(self, names, tmp_path):
        for part, n in zip(names, (3, 2, 1), strict=True):
            for i in range(n):
                picture(tmp_path / part / "cat" / f"{i}.png", i)
        picture(tmp_path / names[2] / "dog" / "0.png", 7)
        pets = data.image_folder(tmp_path)
        assert [len(part["labels"]) for _, part in parts(pets)] == [3, 2, 2]
        assert pets.classes == ("cat", "dog")
        assert data.problems(pets).untrained_classes == ("dog",)

    def test_a_part_has_one_folder(self, tmp_path):
        for part in ("train", "val", "validation"):
            picture(tmp_path / part / "cat" / "0.png", 1)
        with pytest.raises(ValueError, match=r"val and .*validation are the same part"):
            data.image_folder(tmp_path)

    def test_one_size(self, folder):
        picture(folder / "dog" / "wide.png", 1, size=(40, 10))
        with pytest.raises(ValueError, match=r"differ in size: .*\(4, 6, 3\), .*wide.png \(10, 40"):
            data.image_folder(folder)
        pets = data.image_folder(folder, image_size=(8, 5), channels=1)
        assert pets.train["inputs"].shape[1:] == (8, 5, 1)

    def test_the_middle_is_kept(self, tmp_path):
        wide = np.zeros((10, 30, 3), np.uint8)
        wide[:, 10:20] = 255
        for i in range(3):
            (tmp_path / "a").mkdir(exist_ok=True)
            PIL.Image.fromarray(wide).save(tmp_path / "a" / f"{i}.png")
        read = data.image_folder(tmp_path, image_size=(10, 10), fractions=(0.4, 0.3, 0.3))
        assert (read.train["inputs"] == 255).all()

    def test_turned_cameras(self, tmp_path):
        (tmp_path / "a").mkdir()
        image = PIL.Image.new("RGB", (6, 4))
        exif = image.getexif()
        exif[0x0112] = 6  # turned by a quarter
        for i in range(3):
            image.save(tmp_path / "a" / f"{i}.jpg", exif=exif)
        read = data.image_folder(tmp_path, fractions=(0.4, 0.3, 0.3))
        assert read.train["inputs"].shape[1:] == (6, 4, 3)

    @pytest.mark.parametrize("dtype", [np.uint16, ">u2"])
    @pytest.mark.parametrize("channels", [1, 3])
    def test_grey_of_16_bits(self, channels, dtype, tmp_path):
        (tmp_path / "a").mkdir()
        shades = (np.arange(256).reshape(16, 16) * 257).astype(dtype)
        for i in range(3):
            PIL.Image.fromarray(shades).save(tmp_path / "a" / f"{i}.tif")
        read = data.image_folder(tmp_path, fractions=(0.4, 0.3, 0.3), channels=channels)
        for channel in np.moveaxis(read.train["inputs"][0], -1, 0):
            np.testing.assert_array_equal(channel.ravel(), np.arange(256))

    def test_pixels_of_no_known_range(self, folder):
        PIL.Image.fromarray(np.ones((4, 6), np.float32)).save(folder / "cat" / "float.tif")
        with pytest.raises(ValueError, match=r"1 file of 21 can't be read: .*float.tif .*mode 'F'"):
            data.image_folder(folder)

    def test_a_corrupt_image_is_named_and_counted(self, folder):
        (folder / "cat" / "bad.png").write_bytes(b"not an image")
        cut = (folder / "dog" / "3.jpg").read_bytes()[:200]
        (folder / "dog" / "3.jpg").write_bytes(cut)
        with pytest.raises(ValueError, match="2 files of 21 can't be read: ") as caught:
            data.image_folder(folder)
        for name in ("cat/bad.png", "dog/3.jpg", 'on_corrupt="skip"'):
            assert name in str(caught.value)

    def test_or_skipped(self, folder):
        (folder / "cat" / "bad.png").write_bytes(b"not an image")
        with pytest.warns(UserWarning, match=r"1 file of 21 can't be .*bad.png .*Left out") as got:
            pets = data.image_folder(folder, on_corrupt="skip")
        assert got[0].filename == __file__
        assert sum(len(part["labels"]) for _, part in parts(pets)) == 20
        data.check(pets)

    def test_nothing_left(self, tmp_path):
        (tmp_path / "a").mkdir()
        for i in range(3):
            (tmp_path / "a" / f"{i}.png").write_bytes(b"")
        with pytest.raises(ValueError, match=r"3 files of 3 can't be read: .*None is left"):
            data.image_folder(tmp_path, on_corrupt="skip")
        (tmp_path / "a" / "2.png").unlink()
        with pytest.raises(ValueError, match="image_folder: 2 rows can't fill 3 parts"):
            data.image_folder(tmp_path)

    def test_other_files_are_none_of_it(self, folder):
        (folder / "cat" / "notes.txt").write_text("miaow")
        (folder / ".hidden").mkdir()
        (folder / "cat" / "._1.png").write_bytes(b"left behind by macOS")
        picture(folder / "cat" / ".ipynb_checkpoints" / "1-checkpoint.png", 1)
        (folder / "dog" / "not a file.png").mkdir()
        assert sum(len(part["labels"]) for _, part in parts(data.image_folder(folder))) == 20

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda p: p / "none", "there is no folder"),
            (lambda p: p, "has no subfolders"),
            (lambda p: (p / "empty").mkdir() or p, "empty holds no images"),
        ],
    )
    def test_what_is_no_such_folder(self, make, message, tmp_path):
        with pytest.raises((ValueError, FileNotFoundError), match=message):
            data.image_folder(make(tmp_path))

    def test_flag(self, folder):
        with pytest.raises(ValueError, match="on_corrupt is 'ignore'"):
            data.image_folder(folder, on_corrupt="ignore")


ROWS = [(0.5 * i, -i, "even" if i % 2 == 0 else "odd") for i in range(20)]


@pytest.fixture
def write(tmp_path):
    """Writes the rows as a file of some kind, with other columns in place of some."""

    def write(kind, **changed):
        path = tmp_path / f"rows.{kind}"
        columns = dict(zip("abk", map(list, zip(*ROWS, strict=True)), strict=True)) | changed
        if kind == "csv":
            lines = [
                ",".join(columns),
                *(",".join(map(str, r)) for r in zip(*columns.values(), strict=True)),
            ]
            path.write_text("\ufeff" + "\n".join(lines) + "\n", encoding="utf-8")
        elif kind == "npz":
            np.savez(path, **{name: np.array(x) for name, x in columns.items()})
        else:
            pyarrow = importlib.import_module("pyarrow")
            parquet = importlib.import_module("pyarrow.parquet")
            parquet.write_table(pyarrow.table(columns), path)
        return path

    return write


KINDS = ["csv", "npz", "parquet"]


class TestTable:
    @pytest.mark.parametrize("kind", KINDS)
    def test_every_kind_gives_the_same(self, kind, write):
        read = data.table(write(kind), labels="k")
        assert read.classes == ("even", "odd") and read.train["inputs"].shape == (16, 2)
        assert read.train["inputs"].dtype == np.float32
        for _, part in parts(read):
            a, b = part["inputs"].T
            np.testing.assert_array_equal(b, -2 * a)
            np.testing.assert_array_equal(part["labels"], b % 2)
        data.check(read)

    @pytest.mark.parametrize("kind", KINDS)
    def test_regression(self, kind, write):
        read = data.table(write(kind), labels="b", features=["a"], task="regression")
        assert read.classes == () and read.train["labels"].shape == (16, 1)
        np.testing.assert_array_equal(read.test["labels"], -2 * read.test["inputs"])

    @pytest.mark.parametrize("kind", KINDS)
    def test_numbers_are_classes_too(self, kind, write):
        path = write(kind, c=[(9, 10, 11)[i % 3] for i in range(20)])
        assert data.table(path, labels="c", features=["a", "b"]).classes == ("9", "10", "11")

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_missing_column_is_named(self, kind, write):
        path = write(kind, height=[1] * 20)
        with pytest.raises(ValueError, match=r"no column 'heigt'. Did you mean 'height'.* a, b, k"):
            data.table(path, labels="k", features=["a", "heigt"])
        with pytest.raises(ValueError, match=f"table: {path} has no column 'kind'"):
            data.table(path, labels="kind")

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_file_that_cannot_be_read_is_named(self, kind, write):
        path = write(kind)
        path.write_bytes(b"\x00\xff\xfe" + path.read_bytes()[:40])
        with pytest.raises(ValueError, match=f"table: {path} can't be read as "):
            data.table(path, labels="k")

    @pytest.mark.parametrize("kind", KINDS)
    def test_words_among_numbers(self, kind, write):
        path = write(kind, a=["1"] * 3 + ["many"] + ["2"] * 16)
        with pytest.raises(ValueError, match=r"column 'a' .* hold numbers: row 3 is 'many'"):
            data.table(path, labels="k")

    def test_an_empty_cell_is_nan_and_found(self, write):
        read = data.table(write("csv", a=["", *range(19)]), labels="k")
        with pytest.raises(ValueError, match="1 row with nan or infinity"):
            data.check(read)

    def test_an_empty_cell_of_parquet(self, write):
        read = data.table(write("parquet", a=[None, *map(float, range(19))]), labels="k")
        with pytest.raises(ValueError, match="1 row with nan or infinity"):
            data.check(read)

    @pytest.mark.parametrize("kind", ["csv", "parquet"])
    def test_an_empty_label(self, kind, write):
        path = write(kind, k=["x"] * 19 + ["" if kind == "csv" else None])
        with pytest.raises(ValueError, match=r"1 labels in column 'k' .* that of row 19"):
            data.table(path, labels="k")

    def test_fractions_are_no_classes(self, write):
        with pytest.raises(ValueError, match='pass task="regression"'):
            data.table(write("npz"), labels="a", features=["b"])

    def test_fractions_in_a_csv_are_no_classes_either(self, write):
        with pytest.raises(ValueError, match='pass task="regression"'):
            data.table(write("csv"), labels="a", features=["b"])

    @pytest.mark.parametrize("kind", ["csv", "parquet"])
    def test_words_that_are_one_number_stay_apart(self, kind, write):
        path = write(kind, c=["01", "1", "9", "10" + 20 * "0"] * 5)
        classes = data.table(path, labels="c", features=["a"]).classes
        assert classes == ("01", "1", "9", "10" + 20 * "0")

    @pytest.mark.parametrize("kind", ["csv", "parquet"])
    def test_two_columns_of_one_name(self, kind, write, tmp_path):
        path = tmp_path / f"twice.{kind}"
        if kind == "csv":
            path.write_text("a,a,k\n" + 10 * "1,2,x\n")
        else:
            pyarrow = importlib.import_module("pyarrow")
            columns = [pyarrow.array(x) for x in ([1, 2], [3, 4], ["x", "y"])]
            twice = pyarrow.Table.from_arrays(columns, names=["a", "a", "k"])
            importlib.import_module("pyarrow.parquet").write_table(twice, path)
        with pytest.raises(ValueError, match=f"table: {path} has more than one column 'a'"):
            data.table(path, labels="k")

    def test_one_long_cell_costs_its_own_memory_only(self, tmp_path):
        path = tmp_path / "long.csv"
        path.write_text(f"a,text,k\n1,{'z' * 100_000},u\n" + 2000 * "2,b,v\n")
        tracemalloc.start()
        data.table(path, labels="k", features=["a"])
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert most < 20e6  # 800 MB where each row has room for the longest

    def test_one_feature_is_a_list_of_one(self, write):
        with pytest.raises(TypeError, match="features is the string 'ab'; it must be a list"):
            data.table(write("csv"), labels="k", features="ab")

    @pytest.mark.parametrize("damage", ["flipped", "one array"])
    def test_an_npz_that_is_none(self, damage, tmp_path):
        path = tmp_path / "x.npz"
        if damage == "flipped":
            np.savez_compressed(path, a=np.random.RandomState(0).rand(100), k=np.zeros(100, int))
            content = bytearray(path.read_bytes())
            content[60:200] = bytes(140)
            path.write_bytes(content)
        else:
            with path.open("wb") as file:
                np.save(file, np.ones(3))
        with pytest.raises(ValueError, match=f"table: {path} can't be read as NPZ: "):
            data.table(path, labels="k")

    @pytest.mark.parametrize(
        ("columns", "message"),
        [
            ({"k": np.zeros((20, 1), int)}, r"column 'k' .* has shape \(20, 1\); classes need"),
            ({"a": np.full((20, 2), "x")}, "column 'a' .* doesn't hold numbers: row 0 is 'x'"),
        ],
    )
    def test_arrays_of_an_npz_that_do_not_fit(self, columns, message, write):
        with pytest.raises(ValueError, match=message):
            data.table(write("npz", **columns), labels="k", features=["a"])

    def test_lists_in_a_parquet_are_no_numbers(self, write):
        with pytest.raises(ValueError, match=r"column 'a' of .* holds list<.*double>, not numbers"):
            data.table(write("parquet", a=[[1.0, 2.0]] * 20), labels="k")

    def test_images_in_an_npz_keep_their_shape(self, write):
        path = write("npz", x=np.zeros((20, 5, 4, 1), np.uint8))
        read = data.table(path, labels="k", features=["x"])
        assert read.train["inputs"].shape == (16, 5, 4, 1)
        assert read.train["inputs"].dtype == np.uint8

    def test_a_ragged_csv(self, tmp_path):
        (tmp_path / "r.csv").write_text("a,b\n1,2\n1\n")
        with pytest.raises(
            ValueError, match=r"row 1 of .*r.csv \(line 3\) has 1 cells, and there are 2 names"
        ):
            data.table(tmp_path / "r.csv", labels="b")

    @pytest.mark.parametrize(
        ("name", "text", "message"),
        [
            ("a.csv", "", "has 0 lines"),
            ("a.csv", "x,y\n", "has 1 lines"),
            ("a.txt", "x", "must end in .csv, .parquet, .npz"),
            ("a.csv", "k\n1\n2\n", "no column besides the labels 'k'"),
            ("a.csv", "x;k\n1,5;2\n", "separates cells by ';'; .* commas, .* a decimal point"),
            ("a.csv", "x\tk\n1\t2\n", r"separates cells by '\\t'; they must be"),
        ],
    )
    def test_other_messages(self, name, text, message, tmp_path):
        (tmp_path / name).write_text(text)
        with pytest.raises(ValueError, match=message):
            data.table(tmp_path / name, labels="k")

    def test_labels_are_no_feature(self, write):
        with pytest.raises(ValueError, match="'k' is what to predict; it can't be"):
            data.table(write("csv"), labels="k", features=["a", "k"])

    def test_each_feature_once(self, write):
        with pytest.raises(ValueError, match=r"features is .*; it must name each column once"):
            data.table(write("csv"), labels="k", features=["a", "b", "a"])

    def test_no_file(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"there is no file .*b.npz"):
            data.table(tmp_path / "b.npz", labels="k")

    def test_task(self, write):
        with pytest.raises(ValueError, match="task is 'ranking'"):
            data.table(write("csv"), labels="k", task="ranking")


@pytest.mark.parametrize("package", ["pyarrow", "pillow"])
def test_what_to_install_is_said(package, write, folder, monkeypatch):
    path, hidden = write("parquet"), {"pyarrow": "pyarrow", "pillow": "PIL"}[package]

    def refuse(name, *args):
        raise ImportError(name) if name.startswith(hidden) else AssertionError(name)

    monkeypatch.setattr(importlib, "import_module", refuse)
    run = {
        "pyarrow": lambda: data.table(path, labels="k"),
        "pillow": lambda: data.image_folder(folder),
    }
    with pytest.raises(ImportError, match=f"needs {package}: pip install {package}"):
        run[package]()
