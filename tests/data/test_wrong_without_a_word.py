"""Files of the real world that were once read wrongly, and nothing was said."""

import os
import struct
import unicodedata
import warnings
import zlib

import numpy as np
import PIL.Image
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jaxdl import data
from jaxdl.data import _images
from jaxdl.data._dataset import parts

RNG = np.random.default_rng(0)
Y = np.repeat(["u", "v", "w"], 20)


def csv(path, header, rows):
    path.write_text("\n".join([header, *rows]))
    return path


class TestTables:
    @pytest.mark.parametrize("kind", ["csv", "unnamed", "parquet", "named"])
    def test_the_index_of_pandas_is_no_feature(self, kind, tmp_path):
        a, path = RNG.normal(size=60), tmp_path / "rows.parquet"
        if kind in ("csv", "unnamed"):
            name = "" if kind == "csv" else "Unnamed: 0"
            rows = [f"{i},{a[i]},{Y[i]}" for i in range(60)]
            path = csv(tmp_path / "rows.csv", f"{name},a,y", rows)
        else:
            name = "__index_level_0__" if kind == "parquet" else "id"
            table = pa.table({name: np.arange(60), "a": a, "y": Y})
            about = b'{"index_columns": ["%s"], "columns": []}' % name.encode()
            pq.write_table(table.replace_schema_metadata({b"pandas": about}), path)
        with pytest.warns(UserWarning, match=f"table: left out '{name}' of .*name it in") as got:
            assert data.table(path, labels="y").train["inputs"].shape == (48, 1)
        assert got[0].filename == __file__
        kept = data.table(path, labels="y", features=[name, "a"])
        assert kept.train["inputs"].shape == (48, 2)

    @pytest.mark.parametrize(
        ("row", "says"),
        [
            ('2,3,"dog', "starts in line 3 can't be read: unexpected end"),
            ('2,3,"dog\n4,5,"cat', "starts in line 3 can't be read: ',' expected"),
            ('2,3,"dog"s', "starts in line 3 can't be read: ',' expected"),
            ('2,3,"do\ng"', "label of row 1 spans several lines: 'do"),
        ],
    )
    def test_a_quote_that_is_not_closed(self, row, says, tmp_path):
        path = csv(tmp_path / "rows.csv", "a,b,y", ["1,2,cat", row, *["3,4,owl"] * 20])
        with pytest.raises(ValueError, match=says):
            data.table(path, labels="y")

    @pytest.mark.parametrize("value", [2**31, 2**40 + 1, -(2**31) - 1, 2**70])
    def test_a_whole_number_beyond_32_bits(self, value, tmp_path):
        rows = [f"{value},{i % 2}" for i in range(20)]
        paths = [csv(tmp_path / "rows.csv", "x,y", rows)]
        paths.append(csv(tmp_path / "holes.csv", "x,y", [",0", *rows]))
        if abs(value) < 2**63:
            columns = {"x": np.full(20, value), "y": np.arange(20) % 2}
            np.savez(tmp_path / "rows.npz", **columns)
            np.savez(tmp_path / "block.npz", x=np.full((20, 2), value), y=columns["y"])
            pq.write_table(pa.table(columns), tmp_path / "rows.parquet")
            holes = {"x": pa.array([None, *[value] * 19]), "y": columns["y"]}
            pq.write_table(pa.table(holes), tmp_path / "holes.parquet")
            names = ("rows.npz", "block.npz", "rows.parquet", "holes.parquet")
            paths += [tmp_path / name for name in names]
        for path in paths:
            with pytest.raises(ValueError, match=f"column 'x' of {path} holds {value}, a whole"):
                data.table(path, labels="y")
        floats = csv(tmp_path / "floats.csv", "x,y", [row.replace(",", ".5,") for row in rows])
        assert data.table(floats, labels="y").train["inputs"][0, 0] == np.float32(value)

    @pytest.mark.parametrize("kind", ["csv", "npz", "parquet"])
    def test_numbers_sort_as_numbers(self, kind, tmp_path):
        y = np.array([1.0, 10.0, 2.0] * 10)
        path = tmp_path / f"rows.{kind}"
        if kind == "csv":
            csv(path, "x,y", [f"0,{v}" for v in y])
        elif kind == "npz":
            np.savez(path, x=np.zeros(30), y=y)
        else:
            pq.write_table(pa.table({"x": np.zeros(30), "y": y}), path)
        assert data.table(path, labels="y").classes == ("1.0", "2.0", "10.0")

    def test_other_suffixes_and_long_cells(self, tmp_path):
        rows = [f"{i},{'z' * 200_000},{i % 2}" for i in range(20)]
        read = data.table(csv(tmp_path / "A.CSV", "a,t,y", rows), labels="y", features=["a"])
        assert read.train["inputs"].shape == (16, 1)

    @pytest.mark.parametrize("cell", ["1_000", "", "0x10"])
    def test_what_only_python_takes_for_a_number(self, cell, tmp_path):
        path = csv(tmp_path / "rows.csv", "a,y", [f"{cell},{i % 2}" for i in range(20)])
        if cell:
            with pytest.raises(ValueError, match="doesn't hold numbers: row 0"):
                data.table(path, labels="y")
        else:
            assert np.isnan(data.table(path, labels="y").train["inputs"]).all()

    def test_a_missing_word_stays_missing(self, tmp_path):
        words = pa.array(["x", None, "y"] * 10).dictionary_encode()
        pq.write_table(pa.table({"a": np.zeros(30), "y": words}), tmp_path / "rows.parquet")
        with pytest.raises(ValueError, match=r"10 labels in column 'y' .* that of row 1"):
            data.table(tmp_path / "rows.parquet", labels="y")


def images(top, paths, image=None):
    for i, path in enumerate(paths):
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        made = image or PIL.Image.new("RGB", (8, 6), (i * 7 % 255, 40, 90))
        made.convert("L").save(top / path) if path.endswith(".pgm") else made.save(top / path)
    return top


def twelve(*classes, suffix=".png"):
    return [f"{name}/{i}{suffix}" for name in classes for i in range(12)]


class TestFolders:
    @pytest.mark.parametrize("part", ["dev", "eval", "Validation", "VAL"])
    def test_parts_have_many_names(self, part, tmp_path):
        paths = [f"{p}/{path}" for p in ("train", "test", part) for path in twelve("cat", "dog")]
        pets = data.image_folder(images(tmp_path, paths))
        assert (
            pets.classes == ("cat", "dog") and len(dict(parts(pets))["validation"]["labels"]) == 24
        )

    @pytest.mark.parametrize(
        ("tops", "says"),
        [
            (("train/", "test/", "sample/"), "but also 'sample', which is none of train"),
            (("wrapper/train/", "wrapper/test/"), "wrapper holds parts, not images of a class"),
            (("val/", "test/"), "has the parts test, val, and none to train on"),
        ],
    )
    def test_parts_are_no_classes(self, tops, says, tmp_path):
        images(tmp_path, [top + path for top in tops for path in twelve("cat", "dog")])
        with pytest.raises(ValueError, match=f"image_folder: .*{says}"):
            data.image_folder(tmp_path)

    def test_a_class_may_be_called_train(self, tmp_path):
        assert data.image_folder(images(tmp_path, twelve("bus", "train"))).classes[1] == "train"

    def test_every_suffix_counts_and_the_rest_is_counted(self, tmp_path):
        suffixes = (".jfif", ".pgm", ".bmp", ".JPG", ".tif", ".webp", ".jp2", ".avif")
        images(tmp_path, [f"cat/{i}{s}" for s in suffixes for i in range(3)])
        (tmp_path / "cat" / "a.heic").write_bytes(b"x")
        (tmp_path / "cat" / "b.dds").write_bytes(b"x")
        (tmp_path / "cat" / "readme.txt").write_bytes(b"x")
        images(tmp_path, ["stray.png"])
        left_out = r"were left out: .*(.dds|.heic) \(1\), images beside the classes \(1\)"
        with pytest.warns(UserWarning, match=left_out) as got:
            read = data.image_folder(tmp_path)
        assert got[0].filename == __file__
        assert sum(len(part["labels"]) for _, part in parts(read)) == 3 * len(suffixes)

    def test_linked_folders_belong_to_their_class(self, tmp_path):
        images(tmp_path / "pets", twelve("cat", "dog"))
        images(tmp_path / "more", twelve("."))
        (tmp_path / "pets/cat/more").symlink_to(tmp_path / "more", target_is_directory=True)
        (tmp_path / "more/round").symlink_to(tmp_path / "more", target_is_directory=True)
        pets = data.image_folder(tmp_path / "pets")
        assert sum((part["labels"] == 0).sum() for _, part in parts(pets)) == 24

    def test_one_name_in_two_forms_is_one_class(self, tmp_path):
        names = [unicodedata.normalize(form, "café") for form in ("NFC", "NFD")]
        read = data.image_folder(images(tmp_path, twelve(*names, "tea")))
        assert read.classes == (names[0], "tea")
        assert sum((part["labels"] == 0).sum() for _, part in parts(read)) == 24

    @pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
    def test_transparent_pixels(self, mode, tmp_path):
        glyph = PIL.Image.new("RGBA", (8, 8), (0, 0, 0, 0))
        glyph.paste((0, 0, 0, 255), (2, 2, 6, 6))
        images(tmp_path, twelve("cat"), glyph.convert(mode))
        with pytest.raises(ValueError, match=r"12 files of 12 .*transparent pixels; pass backgr"):
            data.image_folder(tmp_path)
        for background, channels in ((255, 1), ((0, 255, 0), 3)):
            read = data.image_folder(tmp_path, background=background, channels=channels)
            x = read.train["inputs"][0]
            assert (x[3, 3] == 0).all() and (x[0, 0] == np.array(background)).all()
        assert data.image_folder(tmp_path, channels=4).train["inputs"][0, 0, 0, 3] == 0

    def test_grey_that_uses_12_bits_of_16(self, tmp_path):
        grey = np.arange(4096, dtype=np.uint16).reshape(64, 64)
        images(tmp_path, twelve("cat"), PIL.Image.fromarray(grey))
        with pytest.raises(ValueError, match="grey reaches 4095 of 65535 only; pass bits=12"):
            data.image_folder(tmp_path)
        for bits, levels in ((12, 256), (16, 16), (14, 64)):
            read = data.image_folder(tmp_path, channels=1, bits=bits).train["inputs"]
            assert len(np.unique(read)) == levels and read[0, 0, 0] == 0
        with pytest.raises(ValueError, match="needs more than bits=10"):
            data.image_folder(tmp_path, bits=10)

    def test_colour_that_uses_12_bits_of_16(self, tmp_path):
        """A PNG of 16 bits a colour, of which Pillow keeps the upper 8."""
        row = b"\0" + np.full((8, 3), 4000, ">u2").tobytes()
        chunk = lambda name, x: (
            len(x).to_bytes(4, "big") + name + x + zlib.crc32(name + x).to_bytes(4, "big")
        )
        header = (8).to_bytes(4, "big") * 2 + bytes([16, 2, 0, 0, 0])
        png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
        png += chunk(b"IDAT", zlib.compress(row * 8)) + chunk(b"IEND", b"")
        (tmp_path / "deep.png").write_bytes(png)
        assert "only the lowest 12" in _images.decoded(tmp_path / "deep.png", _images.Pixels())

    def test_uncompressed_colours_that_pixels_share(self, tmp_path):
        PIL.Image.new("YCbCr", (8, 6)).save(tmp_path / "a.tif")
        read = _images.decoded(tmp_path / "a.tif", _images.Pixels())
        assert read == "ValueError: it is YCbCr without compression; convert it to RGB"

    def test_an_orientation_of_an_odd_type(self, tmp_path):
        """A number that is one byte is one; Pillow would leave the image as it lies."""
        made = PIL.Image.new("RGB", (8, 6))
        for kind, count, value in ((3, 1, b"\6\0\0\0"), (7, 1, b"\6\0\0\0"), (2, 4, b"six\0")):
            tags = struct.pack("<HHHI", 1, 0x112, kind, count) + value + bytes(4)
            exif = b"Exif\0\0II*\0" + struct.pack("<I", 8) + tags
            made.save(tmp_path / "a.jpg", exif=exif)
            read = _images.decoded(tmp_path / "a.jpg", _images.Pixels())
            if kind == 2:
                assert read == "ValueError: its orientation is 'six'; it must be a number"
            else:
                assert np.shape(read) == (8, 6, 3)

    @pytest.mark.parametrize(
        ("most", "sample"), [(25, b"\x56"), (1000, b"\x04\x01"), (255, b"\xff"), (25, b"\x19")]
    )
    def test_samples_above_the_largest_that_the_header_says(self, most, sample, tmp_path):
        """A digit of a PGM's header is lost: Pillow would make every pixel white."""
        (tmp_path / "a.pgm").write_bytes(b"P5 2 2\n%d\n" % most + 4 * sample)
        read = _images.decoded(tmp_path / "a.pgm", _images.Pixels())
        value = int.from_bytes(sample, "big")
        if value > most:
            assert read == f"ValueError: it has a sample of {value}, above its own maximum, {most}"
        else:
            assert np.all(np.equal(read, 255))

    def test_an_exif_tag_of_an_odd_type_hides_no_orientation(self, tmp_path):
        tag = lambda number, value: struct.pack("<HHI2H", number, 3, 1, value, 0)
        tags = struct.pack("<H", 2) + tag(0x112, 6) + tag(0x9000, 220) + bytes(4)
        exif = b"Exif\0\0II*\0" + struct.pack("<I", 8) + tags
        PIL.Image.new("RGB", (8, 6)).save(tmp_path / "a.jpg", exif=exif)
        assert np.shape(_images.decoded(tmp_path / "a.jpg", _images.Pixels())) == (8, 6, 3)

    @pytest.mark.parametrize("per_class", [3, 5, 7, 10])
    def test_small_classes_leave_no_part_empty(self, per_class, tmp_path):
        for classes in (1, 2, 7, 30):
            labels = np.repeat(np.arange(classes), per_class)
            sizes = [len(rows) for rows in data.stratified_split(labels, (0.8, 0.1, 0.1))]
            assert min(sizes) >= max(1, int(0.1 * len(labels)) - 1) and sum(sizes) == len(labels)

    def test_memory_holds_images_once(self, tmp_path):
        import tracemalloc

        images(tmp_path, twelve("cat", "dog"), PIL.Image.new("RGB", (400, 300)))
        data.image_folder(tmp_path)
        tracemalloc.start()
        pets = data.image_folder(tmp_path)
        most, size = tracemalloc.get_traced_memory()[1], 24 * 400 * 300 * 3
        tracemalloc.stop()
        # Beside the arrays, an image for each thread that decodes.
        assert (
            most < size + ((os.cpu_count() or 1) + 6) * 2 * 400 * 300 * 3 and len(pets.train) == 2
        )


class TestChecks:
    def part(self, **arrays):
        return data.Dataset(
            {"inputs": np.zeros((60, 2), "f"), "labels": np.arange(60) % 3} | arrays
        )

    @pytest.mark.parametrize("name", ["inputs", "labels"])
    @pytest.mark.parametrize("value", [2**31, 2**40 + 1, -(2**31) - 1, 2**32 + 1])
    def test_integers_that_jax_would_wrap(self, name, value):
        with pytest.raises(ValueError, match=rf"train\['{name}'\] is int64.* holds {value}, which"):
            data.check(self.part(**{name: np.full(60, value)}))
        stream = data.Stream([{"inputs": np.full(60, value)}])
        from jaxdl.data._buffers import buffers

        with pytest.raises(ValueError, match=rf"batch\['inputs'\] is int64.* holds {value}"):
            next(buffers(iter(stream.train)))

    def test_unsigned_integers_and_large_floats(self):
        data.check(self.part(inputs=np.full((60, 2), 2**32 - 1, np.uint64)))
        with pytest.raises(ValueError, match="uint32 can't hold"):
            data.check(self.part(inputs=np.full((60, 2), 2**32, np.uint64)))
        with pytest.raises(ValueError, match=r"reaches 1e\+300, infinite in float32"):
            data.check(self.part(inputs=np.full((60, 2), 1e300)))

    def test_features_that_tell_the_class_or_the_row(self):
        x, order = RNG.normal(size=(90, 3)), RNG.permutation(90)
        y = np.arange(90) % 3
        x[:, 1] = 10 * y + RNG.uniform(size=90)
        x[:, 2] = order + 5
        split = data.Dataset(
            {"inputs": x[:60], "labels": y[:60]},
            test={"inputs": x[60:], "labels": y[60:]},
            classes=("a", "b", "c"),
        )
        with pytest.warns(UserWarning, match=r"check: feature \d of ") as got:
            data.check(split)
        assert len(got) == 2 and got[0].filename == __file__
        assert "feature 2 of dataset.train['inputs'] numbers the rows" in str(got[0].message)
        assert "feature 1 of dataset.train['inputs'] alone separates" in str(got[1].message)
        x[3, 1], x[4, 2] = x[1, 1] + 0.5 * (y[3] == 0), 0.5
        x[:, 1] = RNG.normal(size=90)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            data.check(split)

    def test_a_tree_of_inputs(self):
        tree = {"image": np.zeros((6, 4, 4)), "more": (np.arange(6), np.zeros(6))}
        part = {"inputs": tree, "labels": np.arange(6)}
        data.check(data.Dataset(part))
        halves = data.hold_out(data.Dataset(part), 0.5)
        assert halves.validation["inputs"]["more"][0].tolist() == [3, 4, 5]
        chosen = data.select_classes(data.Dataset(part, classes=tuple("abcdef")), ("c", "b"))
        assert chosen.train["inputs"]["more"][0].tolist() == [1, 2]
        tree["more"] = (np.arange(6), np.full(6, np.nan))
        with pytest.raises(ValueError, match=r"dataset.train\['inputs/more/1'\] has 6 rows with n"):
            data.check(data.Dataset(part))


def test_image_size_counts_for_every_set(tmp_path, write_idx):
    write_idx(tmp_path)
    read = data.load("mnist", data_dir=tmp_path, image_size=(8, 9))
    assert read.train["inputs"].shape == (12, 8, 9, 1)
    again = data.load("mnist", data_dir=tmp_path, image_size=(8, 9))  # from the cache
    np.testing.assert_array_equal(read.test["inputs"], again.test["inputs"])
    assert data.load("mnist", data_dir=tmp_path).train["inputs"].shape == (12, 4, 3, 1)
    assert data.load("animals", image_size=(14, 14)).test["inputs"].shape == (973, 14, 14, 1)
    with pytest.raises(ValueError, match="text_length is given, but animals has no texts"):
        data.load("animals", text_length=5)


def test_a_mistyped_data_dir_is_no_other(tmp_path, write_idx):
    write_idx(tmp_path / "system" / "mnist")
    with pytest.raises(FileNotFoundError, match=f"{tmp_path}/typo"):
        data.load("mnist", data_dir=tmp_path / "typo", download=False)
