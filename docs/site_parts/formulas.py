"""Formulas of docstrings, written in Unicode so that ``help`` shows them, as LaTeX for the site.

Each sign is translated by itself and in its place; nothing is rearranged but what a root spans.
``tests/docs`` turns every formula of the reference back and compares it with the docstring.
"""

import re
import unicodedata
from collections.abc import Iterator

SIGNS = {
    "·": r"\cdot ", "×": r"\times ", "−": "-", "-": "-", "≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ",
    "≈": r"\approx ", "←": r"\leftarrow ", "→": r"\to ", "↦": r"\mapsto ", "∈": r"\in ",
    "∘": r"\circ ", "⊙": r"\odot ", "∂": r"\partial ", "∇": r"\nabla ", "Σ": r"\sum ",
    "Π": r"\prod ", "∫": r"\int ", "‖": r"\Vert ", "⌊": r"\lfloor ", "⌋": r"\rfloor ",
    "⌈": r"\lceil ", "⌉": r"\rceil ", "…": r"\ldots ", "⋯": r"\cdots ", "∞": r"\infty ",
    "±": r"\pm ", "½": r"\tfrac12 ", "¾": r"\tfrac34 ", "′": "'", "~": r"\sim ", "{": r"\{",
    "}": r"\}", "%": r"\%", "|": "|", "⋮": r"\vdots ",
}  # fmt: skip
GREEK = {
    sign: unicodedata.name(sign).split()[-1].lower().replace("lamda", "lambda")
    for sign in "αβγδζηθκλμνξπρστχψω"
}
GREEK |= {sign.upper(): name.capitalize() for sign, name in GREEK.items() if sign in "γδθλξψω"}
GREEK |= {"ε": "varepsilon", "φ": "varphi", "Φ": "Phi"}
FUNCTIONS = frozenset(("log", "exp", "max", "min", "tanh", "cosh", "sin", "cos"))
RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ᵀˡᵗᵖᵏⁱⁿᵘ", "0123456789+-Tltpkinu", strict=True))
LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋ᵢⱼₖₜₙₘₚₒ", "0123456789+-ijktnmpo", strict=True))
HATS = {"\N{COMBINING CIRCUMFLEX ACCENT}": "hat", "\N{COMBINING MACRON}": "bar"}

TOKEN = re.compile(
    rf"""(?P<number>[0-9]+(?:\.[0-9]+)?(?:e-?[0-9]+)?)
    |(?P<name>[α-ωΓ-Ω](?![{"".join(HATS)}])|[A-Za-zα-ω][{"".join(HATS)}]
        |[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]{{2,}})*)
    |(?P<raised>[{"".join(RAISED)}]+)|(?P<lowered>[{"".join(LOWERED)}]+)
    |(?P<script>[_^](?:\{{[^{{}}]*\}}|\([^()]*\))|_[A-Za-z0-9α-ω]+|\^-?[A-Za-z0-9α-ω])
    |(?P<prime>(?<=\b[A-Za-z])'(?![A-Za-z]))
    |(?P<space>\s+)|(?P<sign>\S)""",
    re.VERBOSE,
)
RELATIONS = frozenset("=<>≤≥≠≈←↦∈~")
BINDING = RELATIONS | frozenset("·×/+−√^⊙∘")
STRONG = BINDING - frozenset("/+~") | frozenset("ΣΠ∂∇∫⌊⌈‖±½¾")
FINAL = frozenset("|)]}⌋⌉!∞′…⋯½¾‖")
FIRST = frozenset(SIGNS) - frozenset("…⋯}⌋⌉%~'′{") | frozenset("=<>([√")
OPENING, CLOSING = "([{⌊⌈", ")]}⌋⌉"
WORDS = frozenset(  # of sentences, which no formula has as a name
    re.findall(
        r"\w+",
        "a an and are as at be but by each else equals for from if in is it its no not of on one "
        "only or over per so than that the then these this those to two until when where whose "
        "with without A I",
    )
)


def pieces(text: str) -> Iterator[tuple[str, bool]]:
    """Splits prose into stretches of words and of formulas, each with whether it is a formula.

    Example:
        >>> list(pieces("Absolute error: l = w·|x − t|, with gradient 0."))
        [('Absolute error: ', False), ('l = w·|x − t|', True), (', with gradient 0.', False)]
    """
    tokens = _tokens(text)
    start = done = 0
    while start < len(tokens):
        stop = _stretch(tokens, start)
        if stop > start and _is_formula(tokens[start:stop]):
            yield from _nonempty("".join(word for _, word in tokens[done:start]), False)
            yield from _nonempty("".join(word for _, word in tokens[start:stop]), True)
            done = stop
        start = max(stop, start + 1)
    yield from _nonempty("".join(word for _, word in tokens[done:]), False)


def _tokens(text: str) -> list[tuple[str, str]]:
    """Names, numbers, signs and spaces, with hats and bars as signs of their own."""
    apart = (unicodedata.normalize("NFD", sign) for sign in text)
    decomposed = "".join(
        two if two[-1] in HATS else sign for sign, two in zip(text, apart, strict=True)
    )
    return [(str(m.lastgroup), m.group()) for m in TOKEN.finditer(decomposed)]


def _nonempty(text: str, formula: bool) -> Iterator[tuple[str, bool]]:
    if text:
        yield unicodedata.normalize("NFC", text), formula


def _stretch(tokens: list[tuple[str, str]], start: int) -> int:
    """Where the longest formula ends that starts here, with its brackets and bars closed."""
    depth = bars = 0
    end = at = start
    while at < len(tokens) and _belongs(tokens, at, depth, at == start):
        kind, word = tokens[at]
        depth += (word in OPENING) - (word in CLOSING) if kind == "sign" else 0
        bars += word == "|" and depth == 0
        if depth < 0:
            break
        at += 1
        if not depth and bars % 2 == 0 and (kind not in {"space", "sign"} or word in FINAL):
            end = at
    return _without_loose_name(tokens, start, end)


def _without_loose_name(tokens: list[tuple[str, str]], start: int, end: int) -> int:
    """Cuts ``y = mean`` off a sentence that goes on: "y = mean over the rows"."""
    kind, word = tokens[end - 1] if end > start else ("end", "")
    if kind != "name":
        return end
    called = end < len(tokens) and tokens[end][1] in {"(", "["}
    goes_on = len(word) > 2 and _neighbour(tokens, end - 1, 1)[0] == "name"
    if not called and not goes_on:
        return end
    stop = RELATIONS if goes_on else BINDING
    while end > start and tokens[end - 1][1] not in stop:
        end -= 1
    while end > start and (tokens[end - 1][0] == "space" or tokens[end - 1][1] in BINDING):
        end -= 1
    return end


def _belongs(tokens: list[tuple[str, str]], at: int, depth: int, first: bool) -> bool:
    """Whether a token can be part of a formula, by itself and by its neighbours."""
    kind, word = tokens[at]
    if kind == "space":
        return not first and "\n\n" not in word
    if kind == "name":
        return _is_mathematical(tokens, at)
    if kind != "sign":
        return not (first and kind in {"raised", "lowered", "script"})
    if first:
        bullet = word == "-" and tokens[at + 1 : at + 2] and tokens[at + 1][0] == "space"
        return word in FIRST and not bullet
    return word in SIGNS or word in "=<>/+()[]!√*" or (word == "," and depth > 0)


def _is_mathematical(tokens: list[tuple[str, str]], at: int) -> bool:
    """Whether a name is a variable or a function, and not a word of the sentence."""
    word = tokens[at][1]
    if at and tokens[at - 1][1] in {"'", "’", "_", "."}:
        return False
    sides = [_neighbour(tokens, at, -1), _neighbour(tokens, at, 1)]
    bound = any(kind == "sign" and sign in BINDING for kind, sign in sides)
    if [text for _, text in tokens[at + 1 : at + 3]] == [" ", "−"] and tokens[at + 3][0] != "space":
        bound = False  # a minus of the number that follows: "the first −1"
    bound = bound or _spaced_minus(tokens, at)
    attached = at + 1 < len(tokens) and tokens[at + 1][0] in {"raised", "lowered", "script"}
    if word in WORDS:
        closed = at + 1 < len(tokens) and tokens[at + 1][1] in set(")]|‖,")
        return word in {"a", "A", "I"} and (bound or attached or closed)
    letter = len(word) == 1 or word[1] in HATS
    called = at + 1 < len(tokens) and tokens[at + 1][1] in {"(", "["}
    return letter or word in FUNCTIONS or bound or called or attached or word[0] in GREEK


def _spaced_minus(tokens: list[tuple[str, str]], at: int) -> bool:
    """Whether a name stands beside a minus with spaces around it; hyphens have none."""
    before = [word for _, word in tokens[max(at - 3, 0) : at]]
    after = [word for _, word in tokens[at + 1 : at + 4]]
    return before == [" ", "-", " "] or after == [" ", "-", " "]


def _neighbour(tokens: list[tuple[str, str]], at: int, step: int) -> tuple[str, str]:
    at += step
    while 0 <= at < len(tokens) and tokens[at][0] == "space":
        at += step
    return tokens[at] if 0 <= at < len(tokens) else ("end", "")


def _is_formula(tokens: list[tuple[str, str]]) -> bool:
    """Whether a stretch says more than a lone letter or number does."""
    kinds = {kind for kind, _ in tokens}
    if [kind for kind, _ in tokens] == ["name", "script"] and len(tokens[0][1]) > 1:
        return False  # an argument's name, such as top_k
    letters = {word for kind, word in tokens if kind == "name"}
    strong = {word for kind, word in tokens if kind == "sign"} & STRONG
    if strong <= set("=<>") and letters and all(len(word) > 1 for word in letters):
        return False  # an argument and its value, such as beta = 0
    if kinds <= {"number", "space", "sign"}:
        signs = {word for kind, word in tokens if kind == "sign"}
        return bool(signs & (STRONG - frozenset("−")) and "number" in kinds)
    return (
        any(kind == "sign" and word in STRONG for kind, word in tokens)
        or bool(kinds & {"raised", "lowered", "script"})
        or any(word[0] in GREEK for word in letters)
    )


def latex(formula: str) -> str:
    r"""Translates a formula sign by sign.

    Example:
        >>> latex("l = w·|xᵢ − t|²")
        'l = w\\cdot |x_{i} - t|^{2}'
        >>> latex("m̂ / √(v + ε)")
        '\\hat{m} / \\sqrt{v + \\varepsilon }'
    """
    tokens = _tokens(formula)
    return re.sub(" +", " ", "".join(_translated(tokens))).strip()


def _translated(tokens: list[tuple[str, str]]) -> Iterator[str]:
    at = 0
    while at < len(tokens):
        kind, word = tokens[at]
        if word == "√":
            inside, at = _argument(tokens, at + 1)
            yield rf"\sqrt{{{''.join(_translated(inside))}}}"
            continue
        yield _sign(kind, word)
        at += 1


def _argument(tokens: list[tuple[str, str]], at: int) -> tuple[list[tuple[str, str]], int]:
    """What a root spans: what its brackets enclose, or the next name or number with its scripts."""
    if at < len(tokens) and tokens[at][1] == "Σ":
        _, end = _argument(tokens, at + 1)
        end += end < len(tokens) and tokens[end][0] == "raised"
        return tokens[at:end], end
    if at < len(tokens) and tokens[at][1] == "(":
        depth = 0
        for end in range(at, len(tokens)):
            depth += {"(": 1, ")": -1}.get(tokens[end][1], 0)
            if depth == 0:
                return tokens[at + 1 : end], end + 1
    end = at + 1
    while end < len(tokens) and tokens[end][0] in {"lowered", "script"}:
        end += 1
    return tokens[at:end], end


def _sign(kind: str, word: str) -> str:
    if kind == "raised":
        return f"^{{{''.join(RAISED[sign] for sign in word)}}}"
    if kind == "lowered":
        return f"_{{{''.join(LOWERED[sign] for sign in word)}}}"
    if kind == "script":
        inner = word[1:].strip("{}") if word[1] == "{" else word[1:]
        return f"{word[0]}{{{latex(inner)}}}"
    if kind == "space":
        return " "
    if kind == "number":
        return word if "e" not in word else rf"\text{{{word}}}"
    return _name(word) if kind == "name" else SIGNS.get(word, word)


def _name(word: str) -> str:
    """A variable in italics, a Greek letter, a function or a longer name upright."""
    if len(word) == 2 and word[1] in HATS:
        return rf"\{HATS[word[1]]}{{{_name(word[0])}}}"
    if word in SIGNS:  # Σ and Π
        return SIGNS[word]
    if word in GREEK:
        return rf"\{GREEK[word]} "
    if len(word) == 1:
        return word
    if word in FUNCTIONS:
        return rf"\{word} "
    return rf"\mathrm{{{word}}}".replace("_", r"\_")
