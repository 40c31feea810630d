"""The frame of every lecture: objectives, recap, quiz, exercises, navigation, slides."""

import re
import symtable
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "notebooks"))

from frame import slides, texts
from frame.editions import exercises, student, teacher
from frame.images import NARROWEST, drawn, pictures
from frame.parts import badges, navigation
from frame.run import run as run_notebook
from frame.source import HERE, read, sources, tagged, tags
from frame.stubs import asserts, guarded, names_of, stub, used

LECTURES = sources()
WRONG = tomllib.loads(Path(__file__).with_name("wrong.toml").read_text())
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
    wrong = wrong_answers(path)
    assert len(wrong) == len(pairs) and all(compile(code, "wrong", "exec") for code in wrong)
    given = student(notebook)
    for (solution, _), (unsolved, test) in zip(pairs, exercises_of(given), strict=True):
        assert unsolved.source != solution.source
        compile(unsolved.source, "stub", "exec")
        compile(test.source, "test", "exec")
        assert test.metadata["jupyter"] == {"source_hidden": True}
    assert not any(cell.get("outputs") for cell in given.cells)


def exercises_of(notebook):
    return zip(tagged(notebook, "stub"), tagged(notebook, "check"), strict=True)


def wrong_answers(path):
    """The solutions of a lecture, each with the mistake that wrong.toml makes in it."""
    found = []
    pairs = zip(exercises(read(path)), WRONG[path.name[:2]], strict=True)
    for (solution, _), (right, wrong) in pairs:
        assert solution.source.count(right) == 1, (right, solution.source)
        found.append(solution.source.replace(right, wrong))
    return found


@each
def test_no_exercise_needs_the_answer_to_another(path):
    notebook = read(path)
    pairs = [f"{solution.source}\n{check.source}" for solution, check in exercises(notebook)]
    cells = [c for c in notebook.cells if c.cell_type == "code"]
    told = [c.source for c in cells if not {"solution", "check"} & set(tags(c))]
    known = set().union(*map(names_of, told))
    for number, pair in enumerate(pairs):
        others = set().union(*map(names_of, pairs[:number] + pairs[number + 1 :]))
        assert not globals_of(pair) & others - names_of(pair) - known


def globals_of(code):
    """The names that code reads and that aren't a function's own."""

    def read_in(table):
        outside = table.get_type() == "module"
        names = (s for s in table.get_symbols() if s.is_referenced())
        found = {s.get_name() for s in names if outside or s.is_global()}
        return found.union(*map(read_in, table.get_children()))

    return read_in(symtable.symtable(code, "exercise", "exec"))


TRIAL = """
for trial_answer in ({wrong!r}, {right!r}):
    trial_names = dict(globals())  # as if nothing else were answered
    exec(trial_answer, trial_names)
    try:
        exec({test!r}, trial_names)
    except AssertionError:
        print("refused")
"""


@pytest.mark.slow
@each
def test_the_students_edition_runs_unanswered_and_tells_right_from_wrong(path, monkeypatch):
    for strange in ("XLA_FLAGS", "PJRT_NPROC", "MPLBACKEND", "JAXDL_FAST"):  # not a student's
        monkeypatch.delenv(strange, raising=False)
    answers = [solution.source for solution, _ in exercises(read(path))]
    made = student(read(path))
    for test, right, wrong in zip(tagged(made, "check"), answers, wrong_answers(path), strict=True):
        trial = TRIAL.format(wrong=wrong, right=right, test=test.source)
        cell = nbformat.v4.new_code_cell(trial, metadata={"tags": ["trial"]})
        made.cells.insert(made.cells.index(test) + 1, cell)
    made = run_notebook(path.name, made)
    for number, test in enumerate(tagged(made, "check"), start=1):
        assert f"Exercise {number}: not answered yet." in said(test), test.source
        told = re.findall(r"refused|Exercise \d+: right", said(tagged(made, "trial")[number - 1]))
        assert told == ["refused", f"Exercise {number}: right"], test.source


def said(cell):
    return "".join(output.get("text", "") for output in cell.outputs)


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
    for cell in twin.cells:
        for output in cell.get("outputs", ()):
            assert not [p.size for _, p in drawn(output) if p.width < NARROWEST]
            text = output.get("text", "") or output.get("data", {}).get("text/plain", "")
            long = re.findall(r"\d\.\d{7,}", text)
            assert not long or "digits" in tags(cell), (cell.source, long)
    assert "rcParams" not in path.read_text()  # the setup cell does it, in all alike


@each
def test_no_formula_is_read_as_a_list(path):
    for cell in (c for c in read(path).cells if c.cell_type == "markdown"):
        for line in re.finditer(r"\n\s*(?:[-+*>#]|\d+[.)])\s.*", cell.source):
            before = cell.source[: line.start()].rpartition("\n\n")[2]
            assert before.count("$") % 2 == 0, line[0]


@each
def test_it_is_a_deck_with_one_idea_a_slide(path):
    made = slides.deck(twin_of(path))
    kinds = [cell.metadata["slideshow"]["slide_type"] for cell in made.cells]
    assert kinds[0] == "slide" and set(kinds) <= {"slide", "subslide", "-"}
    said = [cell.source for cell in made.cells[1:] if cell.cell_type == "markdown"]
    assert all(text.count("\n## ") == 0 for text in said)
    assert not [text for text in said if text[0].islower()]  # the rest of a sentence
    assert all(after == "-" for kind, after in pairwise([*kinds[1:], "slide"]) if kind != "-")
    assert sum(any(True for _ in pictures(cell)) for cell in made.cells) == sum(
        1 for cell in twin_of(path).cells for _ in pictures(cell)
    )
    for cell in (c for c in made.cells if c.cell_type == "code"):
        lines = cell.source.count("\n") + 1
        assert lines <= slides.LINES or "long" in tags(cell)
        assert lines <= slides.SMALL or "columns" in tags(cell)
        assert len(tagged(made, "long")) <= 6  # small letters are the exception
    code = "".join(c.source for c in twin_of(path).cells if c.cell_type == "code" and shown(c))
    told = "".join(c.source for c in made.cells if c.cell_type == "code")
    assert "# fmt" not in told
    assert "".join(told.split()) == "".join(code.replace("# fmt: skip", "").split())


def shown(cell):
    return not (slides.SKIPPED | {"plot"}) & set(tags(cell))


def test_a_slide_has_a_text_its_code_and_its_picture_as_far_as_they_fit():
    cell = nbformat.v4.new_markdown_cell
    text, code = (slides.Part(kind, 250, cell(str(kind))) for kind in range(2))
    packed = [[c.source for c in slide] for slide in slides._packed([text, code, code, text])]
    assert packed == [["0", "1"], ["1"], ["0"]]
    assert len(list(slides._packed([text, code, slides.Part(1, 100, cell("1"))]))) == 2
    code = "\n".join(f"b{i} = 0" for i in range(23)) + "\n\n\n# why\n@jit\ndef f():\n    pass"
    pieces = list(slides._pieces(code))
    assert pieces[1].endswith("# why\n@jit\ndef f():\n    pass")
    entries = "\n".join(f"* {i} {'long ' * 30}" for i in range(5))
    assert all(len(chunk) < texts.LETTERS / texts.DENSE for chunk in texts.chunks(entries))
    table = "| a | b |\n|---|---|\n" + "\n".join(f"| {i} | {'long ' * 8} |" for i in range(20))
    assert [chunk.count("\n|") for chunk in texts.chunks(table)] == [12, 10]


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
