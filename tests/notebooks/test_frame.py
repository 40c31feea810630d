"""The frame of every lecture: objectives, recap, quiz, exercises, navigation, slides."""

import copy
import re
import sys
from pathlib import Path

import nbformat
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "notebooks"))

from frame import coverage, slides
from frame.editions import exercises, student, teacher
from frame.images import NARROWEST, pictures
from frame.parts import badges, navigation
from frame.run import run as run_notebook
from frame.source import HERE, read, sources, tagged, tags
from frame.stubs import asserts, guarded, names_of, stub, used

LECTURES = sources()
each = pytest.mark.parametrize("path", LECTURES, ids=lambda path: path.stem)


def twin_of(path):
    return nbformat.read(path.with_suffix(".ipynb"), as_version=4)


def only(notebook, tag):
    (cell,) = tagged(notebook, tag)
    return cell.source


def numbered(text):
    return re.findall(r"^\d+\. ", text, re.MULTILINE)


@each
def test_it_says_what_for_what_before_and_what_next(path):
    text = only(read(path), "objectives")
    for promise in ("**After this lecture you can**", "**You need**", "**Next:**"):
        assert promise in text
    assert text.count("](") >= 1 or path == sources()[-1]


@each
def test_it_ends_with_five_lines_and_five_questions(path):
    notebook = read(path)
    recap, quiz = only(notebook, "recap"), only(notebook, "quiz")
    assert recap.startswith("## In five lines")
    assert len(re.findall(r"^\* ", recap, re.MULTILINE)) == 5
    questions, answers = quiz.split("<details><summary>Answers</summary>")
    assert questions.startswith("## Quiz") and answers.rstrip().endswith("</details>")
    assert len(numbered(questions)) == len(numbered(answers)) == 5
    places = [next(i for i, c in enumerate(notebook.cells) if t in tags(c))
              for t in ("objectives", "recap", "quiz", "exercises")]  # fmt: skip
    assert places == sorted(places)
    assert sum(cell.cell_type == "code" for cell in notebook.cells[: places[1]]) > 2


@each
def test_every_exercise_has_a_solution_and_a_test_that_asks_for_it(path):
    notebook = read(path)
    pairs = list(exercises(notebook))
    assert len(pairs) >= 2
    for solution, check in pairs:
        assert asserts(check.source)
        assert names_of(solution.source) & used(check.source), check.source
    given = student(notebook)
    for (solution, _), (unsolved, test) in zip(pairs, exercises_of(given), strict=True):
        assert unsolved.source != solution.source
        compile(unsolved.source, "stub", "exec")
        compile(test.source, "test", "exec")
        assert test.metadata["jupyter"] == {"source_hidden": True}
    assert not any(cell.get("outputs") for cell in given.cells)


def exercises_of(notebook):
    return zip(tagged(notebook, "stub"), tagged(notebook, "check"), strict=True)


@pytest.mark.slow
@each
def test_the_students_edition_runs_with_nothing_answered(path, monkeypatch):
    for strange in ("XLA_FLAGS", "PJRT_NPROC", "MPLBACKEND", "JAXDL_FAST"):  # not a student's
        monkeypatch.delenv(strange, raising=False)
    made = run_notebook(path.name, student(read(path)))
    for cell in tagged(made, "check"):
        assert "not answered yet" in "".join(o.get("text", "") for o in cell.outputs), cell.source


@each
def test_it_leads_on_and_opens_elsewhere(path):
    notebook = read(path)
    made = tagged(notebook, "generated")
    assert navigation(path) in made[0].source and navigation(path) in made[-1].source
    assert badges(path) in made[0].source
    assert "pip" in tagged(notebook, "setup")[0].source


@each
def test_code_that_only_draws_is_folded_and_solutions_are(path):
    twin = twin_of(path)
    for cell in tagged(twin, "plot") + tagged(twin, "solution"):
        assert cell.metadata["jupyter"]["source_hidden"]
    for cell in twin.cells:
        draws = [line for line in cell.source.splitlines() if re.match(r"\s*\w*axes\w*\W", line)]
        assert len(draws) < 4 or "plot" in tags(cell), cell.source
    opened = teacher(twin)
    assert not any("jupyter" in cell.metadata for cell in tagged(opened, "solution"))
    assert "<details open>" in only(opened, "quiz")


@each
def test_pictures_are_large_and_numbers_short(path):
    twin = twin_of(path)
    small = [p.size for cell in twin.cells for p in pictures(cell) if p.width < NARROWEST]
    assert not small
    for cell in twin.cells:
        for output in cell.get("outputs", ()):
            text = output.get("text", "") or output.get("data", {}).get("text/plain", "")
            long = re.findall(r"\d\.\d{7,}", text)
            assert not long or "digits" in tags(cell), (cell.source, long)
    assert "rcParams" not in path.read_text()  # the setup cell does it, in all alike


@each
def test_it_is_a_deck_with_one_idea_a_slide(path):
    made = slides.deck(twin_of(path))
    kinds = [cell.metadata["slideshow"]["slide_type"] for cell in made.cells]
    assert kinds[0] == "slide" and set(kinds) <= {"slide", "subslide", "-"}
    texts = [cell.source for cell in made.cells[1:] if cell.cell_type == "markdown"]
    assert all(text.count("\n## ") == 0 for text in texts)
    assert sum(any(True for _ in pictures(cell)) for cell in made.cells) == sum(
        1 for cell in twin_of(path).cells for _ in pictures(cell)
    )


def test_every_item_of_the_lectures_is_in_the_table_or_named_as_missing():
    table = coverage.table()
    numbers = [item["number"] for item in table["item"]]
    assert len(set(numbers)) == len(numbers)
    assert sorted(numbers + table["missing"]) == list(range(1, coverage.COUNT + 1))


def test_the_table_keeps_what_it_promises():
    found = {item["number"]: coverage.problems(item) for item in coverage.table()["item"]}
    assert not {number: said for number, said in found.items() if said}


def test_the_table_notices_what_is_not_there():
    item = copy.deepcopy(coverage.table()["item"][0])
    assert coverage.problems({**item, "number": 999})
    assert coverage.problems({**item, "functions": ["plots.no_such_picture"]})
    assert coverage.problems({**item, "kind": "rumour"})


SOLUTION = '''
from math import pi

radius = 2  # given


def area(r):
    """Of a circle."""
    return pi * r**2


helper = [r for r in (1, 2)]
answer = area(radius)
'''
CHECK = "assert area(1) > 3\nassert answer > 12"


def run(code, names=None):
    names = {} if names is None else names
    exec(code, names)
    return names


def test_a_stub_keeps_what_is_given_and_asks_for_what_is_checked():
    made = stub(SOLUTION, CHECK)
    assert "from math import pi" in made and "radius = 2" in made and '"""Of a circle."""' in made
    assert "answer = ..." in made and "r**2" not in made and "helper" not in made


@pytest.mark.parametrize(("answer", "said"), [(SOLUTION, "right"), (None, "not answered yet")])
def test_a_hidden_test_tells_right_from_unanswered(answer, said, capsys):
    run(guarded(1, SOLUTION, CHECK), run(answer or stub(SOLUTION, CHECK)))
    assert said in capsys.readouterr().out


def test_a_hidden_test_fails_on_a_wrong_answer():
    wrong = SOLUTION.replace("pi * r**2", "2 * pi * r").replace("area(radius)", "3")
    with pytest.raises(AssertionError):
        run(guarded(1, SOLUTION, CHECK), run(wrong))


def test_the_folder_has_all_it_needs():
    assert (HERE / "coverage.toml").exists() and (HERE / "README.md").exists()
    assert HERE.joinpath("..", ".binder", "requirements.txt").exists()
