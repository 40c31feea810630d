"""Pages of the site are made from what the repository says, and faults in them are found."""

import inspect
import re

import pytest
from site_parts import check, gallery, lectures, names, prose, twins


def no_link(code: str) -> None:
    return None


@pytest.mark.parametrize(
    ("text", "restructured"),
    [
        ("Sum of |w| and *args, f_.", r"Sum of \|w\| and \*args, f\_."),
        ("**Bold** text", "**Bold** text"),
        ("One:\n- a\n- b", "One:\n\n- a\n- b"),
        ("``a_``s are code", r"``a_``\ s are code"),
        ("Uses `x * y` here", "Uses ``x * y`` here"),
        (">>> a * b  # |x|\n'c_'", ">>> a * b  # |x|\n'c_'"),
        ("So::\n\n    a * b | c_\n\nEnd_", "So::\n\n    a * b | c_\n\nEnd\\_"),
        ("T_0: T_0, a number", "T_0: :math:`T_{0}`, a number"),
        (
            "| a | b |\n|---|---|\n| ``x|y`` | - |",
            ".. list-table::\n   :header-rows: 1\n\n   * - a\n     - b\n   * - ``x|y``\n     - -",
        ),
    ],
)
def test_docstrings_become_restructured_text(text, restructured):
    assert prose.restructured(text, no_link) == restructured


def test_every_public_name_is_read_from_source_and_documented():
    entries = [entry for package in names.packages() for entry in names.of(package)]
    assert len(entries) > 500
    assert [entry.path for entry in entries if not entry.doc.strip()] == []


def test_the_reference_has_every_name_with_its_signature():
    pytest.importorskip("sphinx")
    from site_parts import reference

    pages = reference.pages()
    for package in names.packages():
        for entry in names.of(package):
            assert re.search(rf"(?m)^\.\. py:\w+:: {entry.name}\b", pages[f"{package}.rst"])
    assert "cross_entropy(logits: ArrayLike, labels: ArrayLike, *, weight" in pages["losses.rst"]
    assert "union[" not in "".join(pages.values()).lower()


def test_a_name_without_a_docstring_ends_the_build(monkeypatch):
    pytest.importorskip("sphinx")
    from site_parts import reference

    silent = names.Name("losses", "silent", len, None, "")
    monkeypatch.setattr(names, "of", lambda package: (silent,))
    with pytest.raises(reference.Undocumented, match=r"jaxdl\.losses\.silent"):
        reference.pages()


def test_twins_are_named_for_names_that_exist():
    for package, table in twins.BY_HAND.items():
        known = {entry.name for entry in names.of(package)}
        if package == "layers":
            known |= {entry.name for entry in names.of("functional")}
        if package == "functional":
            known |= {entry.name for entry in names.of("layers")}
        assert set(table) <= known, package
    assert twins.of("activations", "gelu") == ("torch.nn.functional.gelu",)
    assert twins.of("optim", "one_cycle") == ("torch.optim.lr_scheduler.OneCycleLR",)


def test_lectures_have_titles_and_a_text_for_each_picture():
    pages = lectures.pages()
    assert len(pages) > 20
    assert "## [1 · The perceptron](01_perceptron.ipynb)" in pages["index.md"]
    assert '"alt": ' in pages["01_perceptron.ipynb"]
    assert "![" not in re.sub(r"!\[[^\]]*\]\((?!https?:)", "", "".join(pages.values()))


def test_objectives_come_from_the_cell_with_that_tag():
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["# 1 · One\n", "\n", "*It is one.*"]},
        {
            "cell_type": "markdown",
            "metadata": {"tags": ["objectives"]},
            "source": ["**After this\nyou can** count.\n\n**You need** two."],
        },
    ]
    read = lectures.lecture("01_one", {"cells": cells})
    assert read.title == "1 · One"
    assert read.objectives == "**After this\nyou can** count."


def test_experiments_have_a_command_and_a_result():
    found = gallery.experiments()
    assert len(found) > 15
    assert [e.name for e in found if {"Command", "Result"} - e.facts.keys()] == []
    page = gallery.page(next(e for e in found if e.name == "animals_mlp"))
    assert "| `python experiments/animals_mlp.py` | test accuracy |" in page


def test_experiments_with_a_measured_result_have_a_figure_that_is_no_burden():
    found = gallery.experiments()
    bare = [e.name for e in found if gallery.table_of(e.name) and not e.pictures]
    assert bare == []
    sizes = {p.name: p.stat().st_size for p in (gallery.EXPERIMENTS / "pictures").iterdir()}
    assert [name for name, size in sizes.items() if size > 150_000] == []


def test_benchmarks_say_when_they_were_measured():
    for path in sorted((gallery.EXPERIMENTS / "benchmarks").glob("*.py")):
        doc = inspect.cleandoc(path.read_text().split('"""')[1])
        if "Result:" in doc and path.stem != "compare":
            assert re.search(r"(?m)^Measured: +\d{4}-\d\d-\d\d", doc), path.name


def test_broken_links_and_loads_from_the_network_are_found(tmp_path):
    (tmp_path / "a.html").write_text(
        '<h1 id="here"></h1><a href="b.html#there"></a><a href="c.html"></a><a href="#here"></a>'
        '<script src="https://example.org/x.js"></script><a href="https://example.org"></a>'
    )
    (tmp_path / "b.html").write_text('<a href="a.html#here"></a>')
    (tmp_path / "s.css").write_text("@font-face { src: url(//example.org/font) }")
    found = [line for line in check.faults(tmp_path) if "not in the reference" not in line]
    assert found == [
        "broken anchor: a.html → b.html#there",
        "broken link: a.html → c.html",
        "from the network: a.html loads https://example.org/x.js",
        "from the network: s.css loads //example.org/font",
    ]


def test_heavy_lectures_and_missing_names_are_found(tmp_path):
    (tmp_path / "lectures").mkdir()
    (tmp_path / "lectures" / "01.html").write_text('<img src="../big.png">')
    (tmp_path / "big.png").write_bytes(bytes(check.LECTURE_LIMIT))
    found = check.faults(tmp_path)
    assert "too heavy: lectures/01.html and what it loads are 1.50 MB" in found
    assert "not in the reference: jaxdl.losses.cross_entropy" in found
