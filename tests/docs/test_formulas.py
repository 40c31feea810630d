"""Formulas on the site say what the docstrings say, sign for sign."""

import inspect
import re
import unicodedata

import pytest
from site_parts import names
from site_parts.formulas import FUNCTIONS, GREEK, LOWERED, RAISED, SIGNS, latex, pieces

COMMANDS = {tex.strip(): sign for sign, tex in SIGNS.items() if tex.startswith("\\")}
COMMANDS |= {f"\\{name}": sign for sign, name in GREEK.items()}
COMMANDS |= {f"\\{name}": name for name in FUNCTIONS}


def plain(tex: str) -> str:
    """Turns LaTeX back into signs, without its braces; raised and lowered signs stand in line."""
    tex = re.sub(r"\\(?:mathrm|text)\{([^}]*)\}", r"\1", tex).replace(r"\_", "_")
    tex = re.sub(r"\\hat\{(\w)\}", "\\1\N{COMBINING CIRCUMFLEX ACCENT}", tex)
    tex = re.sub(r"\\bar\{(\w)\}", "\\1\N{COMBINING MACRON}", tex).replace(r"\sqrt", "√")
    for command in sorted(COMMANDS, key=len, reverse=True):
        tex = tex.replace(command, COMMANDS[command])
    return only_signs(tex)


def only_signs(text: str) -> str:
    """A formula without what LaTeX and Unicode write differently: brackets, scripts, spaces."""
    flat = {**RAISED, **LOWERED, "−": "-", "′": "'"}
    text = "".join(flat.get(sign, sign) for sign in text)
    return unicodedata.normalize("NFC", re.sub(r"[\s{}()^_]", "", text))


def test_every_formula_of_the_reference_turns_back_into_its_docstring():
    count = 0
    for package in names.packages():
        for entry in names.of(package):
            prose = inspect.cleandoc(entry.doc).partition("Example:")[0]
            for text, formula in pieces(re.sub(r"``.+?``", "", prose, flags=re.DOTALL)):
                if formula:
                    count += 1
                    assert plain(latex(text)) == only_signs(text), entry.path
    assert count > 500


def test_nothing_of_the_text_is_lost():
    for package in names.packages():
        for entry in names.of(package):
            whole = "".join(text for text, _ in pieces(entry.doc))
            assert whole == unicodedata.normalize("NFC", entry.doc), entry.path


@pytest.mark.parametrize(
    ("text", "formulas"),
    [
        ("y = mean over the bag of E[i].", []),
        ("A log-likelihood, as in PyTorch's a-b, of 2 rows (N, C).", []),
        ("Clips x: min(max(x, low), high), with a gradient.", []),
        ("the mean of |x| where beta = 0", []),
        ("up to the first −1.", []),
        ("Squared error: l = w·(x − t)².", ["l = w·(x − t)²"]),
        ("θ ← θ − η·m̂ / (√v̂ + ε), as in Adam", ["θ ← θ − η·m̂ / (√v̂ + ε)"]),
        ("y = (x - mean) / √(variance + ε) · scale + bias", None),
        ("r = σ(r + r');  then h' = z⊙h", ["r = σ(r + r')", "h' = z⊙h"]),
        ("is p(c | x) = 1/M Σₘ pₘ(c | x) for M members", ["p(c | x) = 1/M Σₘ pₘ(c | x)"]),
    ],
)
def test_formulas_are_found_in_prose(text, formulas):
    found = [piece for piece, formula in pieces(text) if formula]
    assert found == ([text] if formulas is None else formulas)


@pytest.mark.parametrize(
    ("formula", "tex"),
    [
        ("√Σg² + ε", r"\sqrt{\sum g^{2}} + \varepsilon"),
        ("√(2/π)·x³", r"\sqrt{2/\pi }\cdot x^{3}"),
        ("√vᵢ", r"\sqrt{v_{i}}"),
        ("η_min", r"\eta _{\min}"),
        ("Σ_{i≠y} xᵢ", r"\sum _{i\ne y} x_{i}"),
        ("n_in·w_y", r"\mathrm{n\_in}\cdot w_{y}"),
        ("(Wˡ⁺¹)ᵀδˡ⁺¹", r"(W^{l+1})^{T}\delta ^{l+1}"),
    ],
)
def test_a_formula_as_latex(formula, tex):
    assert latex(formula) == tex
