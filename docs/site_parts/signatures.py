"""Signatures as the source writes them: ``labels: ArrayLike``, not what it stands for."""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax.typing

from jaxdl import types

ALIASES: dict[object, str] = {
    jax.typing.ArrayLike: "ArrayLike",
    jax.typing.DTypeLike: "DTypeLike",
}
ALIASES |= {types.Array: "Array", types.Layer: "Layer", types.Init: "Init"}


class Field(NamedTuple):
    """A field of a class, with the comment beside it."""

    name: str
    annotation: str
    comment: str


def of_function(node: ast.FunctionDef | None, value: Any) -> str:
    """The arguments and what is returned, in brackets and with an arrow."""
    if node is None:
        return _inspected(value)
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"({_unhidden(node.args)}){returns}"


def _unhidden(arguments: ast.arguments) -> str:
    """The arguments; a long default is left out, and so is what ``self`` stands for."""
    return re.sub(r"^self(, )?", "", ast.unparse(arguments))


def _inspected(value: Any) -> str:
    """The signature of a function that another function made, or of another library."""
    signature = inspect.signature(value)
    parts, keyword_only = [], False
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            parts.append("*")
            keyword_only = True
        parts.append(_parameter(parameter))
    returns = signature.return_annotation
    arrow = "" if returns is signature.empty else f" -> {_annotation(returns)}"
    return f"({', '.join(parts)}){arrow}"


def _parameter(parameter: inspect.Parameter) -> str:
    text = parameter.name
    if parameter.annotation is not parameter.empty:
        text += f": {_annotation(parameter.annotation)}"
    if parameter.default is not parameter.empty:
        default = parameter.default
        text += f"={default.__name__ if isinstance(default, type) else repr(default)}"
    return text


def _annotation(annotation: Any) -> str:
    for alias, name in ALIASES.items():
        if annotation == alias:
            return name
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    for alias, name in ALIASES.items():
        text = text.replace(inspect.formatannotation(alias), name)
    return re.sub(r"\b(?:[a-z_]+\.)+(?=[A-Za-z])", "", text)


def fields(node: ast.ClassDef, value: type) -> Iterator[Field]:
    """The fields of a NamedTuple or dataclass, with the comment or the string beside each."""
    source = textwrap.dedent(inspect.getsource(value)).split("\n")
    first = ast.parse("\n".join(source)).body[0]
    assert isinstance(first, ast.ClassDef)
    for inner, after in zip(first.body, [*first.body[1:], None], strict=True):
        if not isinstance(inner, ast.AnnAssign) or not isinstance(inner.target, ast.Name):
            continue
        beside = re.search(
            r"#\s*(?!type:|\s)([^#]+)$", source[(inner.end_lineno or inner.lineno) - 1]
        )
        below = after.value if isinstance(after, ast.Expr) else None
        text = str(below.value) if isinstance(below, ast.Constant) else ""
        comment = text or (beside.group(1) if beside else "")
        if not inner.target.id.startswith("_"):
            yield Field(inner.target.id, ast.unparse(inner.annotation), comment)


def of_class(node: ast.ClassDef, value: type) -> str:
    """The arguments that make an instance: its fields, with their defaults."""
    if "__call__" in vars(value) and getattr(value, "_is_protocol", False):
        call = next(n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__call__")
        return of_function(call, value)
    inits = [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
    if inits:
        return f"({_unhidden(inits[0].args)})"
    parts = [
        ast.unparse(inner.target) + (f"={ast.unparse(inner.value)}" if inner.value else "")
        for inner in node.body
        if isinstance(inner, ast.AnnAssign) and not ast.unparse(inner.target).startswith("_")
    ]
    return f"({', '.join(parts)})" if parts else ""


def methods(node: ast.ClassDef) -> Iterator[tuple[str, str, str, bool]]:
    """Public methods and properties: name, signature, docstring, whether it is a property."""
    for inner in node.body:
        if isinstance(inner, ast.FunctionDef) and not inner.name.startswith("_"):
            is_property = any("property" in ast.unparse(d) for d in inner.decorator_list)
            doc = ast.get_docstring(inner) or ""
            yield inner.name, of_function(inner, None), doc, is_property
