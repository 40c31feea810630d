"""Exercises: what a student gets in place of a solution, and the test that looks at the answer."""

import ast
import textwrap
from collections.abc import Iterator


def stub(solution: str, check: str) -> str:
    """Returns what a student begins with: every name that the check asks for, unanswered.

    Functions and classes keep their heads and docstrings and raise NotImplementedError; other
    names become ``...``. Imports and lines that end in ``# given`` stay as they are.
    """
    lines, asked = [], names_of(solution) & used(check)
    for node in ast.parse(solution).body:
        text = ast.get_source_segment(solution, node) or ""
        if isinstance(node, ast.Import | ast.ImportFrom) or _given(solution, node):
            lines.append(text)
        elif isinstance(node, ast.FunctionDef):
            lines += ["", *_head(solution, node), "    raise NotImplementedError", ""]
        else:
            lines += [f"{name} = ...  # your answer" for name in _targets(node) if name in asked]
    return "\n".join(dict.fromkeys(lines)).strip() or "# your answer"


def guarded(number: int, solution: str, check: str) -> str:
    """Returns the hidden test: it says whether an exercise is unanswered or right, or fails."""
    values = sorted((names_of(solution) & used(check)) - functions(solution))
    body = textwrap.indent(check, "    ")
    blank = f"    if any(answer is ... for answer in ({', '.join(values)},)):\n" if values else ""
    blank += "        raise NotImplementedError\n" if values else ""
    return (
        f"try:\n{blank}{body}\n    print('Exercise {number}: right.')\n"
        f"except NotImplementedError:\n    print('Exercise {number}: not answered yet.')"
    )


def names_of(code: str) -> set[str]:
    """Returns the names that code binds at its top level."""
    tree = ast.parse(code)
    return {name for node in tree.body for name in _targets(node)} | functions(code)


def functions(code: str) -> set[str]:
    """Returns the names of the functions that code defines at its top level."""
    return {node.name for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)}


def used(code: str) -> set[str]:
    """Returns the names that code reads."""
    nodes = ast.walk(ast.parse(code))
    return {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def names_in(code: str) -> set[str]:
    """Returns the names that code mentions, attributes and strings included; not its comments."""
    nodes = list(ast.walk(ast.parse(code)))
    imported = {n.name.rpartition(".")[2] for n in nodes if isinstance(n, ast.alias)}
    attributes = {n.attr for n in nodes if isinstance(n, ast.Attribute)}
    strings = {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return imported | attributes | strings | {n.id for n in nodes if isinstance(n, ast.Name)}


def asserts(code: str) -> bool:
    """Says whether code contains an assertion about something that has a name."""
    claims = [node.test for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Assert)]
    return any(used(ast.unparse(claim)) for claim in claims)


def _targets(node: ast.stmt) -> list[str]:
    """The names that a statement binds, those in its blocks included."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return []
    return list(dict.fromkeys(_stored(node)))


def _stored(node: ast.AST) -> Iterator[str]:
    """Names that are bound outside of comprehensions and lambdas, whose names are their own."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.comprehension | ast.Lambda | ast.FunctionDef):
            yield from _stored(child)


def _given(code: str, node: ast.stmt) -> bool:
    return code.splitlines()[(node.end_lineno or 1) - 1].endswith("# given")


def _head(code: str, node: ast.FunctionDef) -> list[str]:
    """A function's lines up to its body, and its docstring."""
    begin = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    documented = ast.get_docstring(node) is not None
    end = (node.body[0].end_lineno or 0) if documented else node.body[0].lineno - 1
    return code.splitlines()[begin - 1 : max(end, node.lineno)]
