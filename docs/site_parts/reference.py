"""The pages of the reference: one for each package, from its docstrings and its source."""

import ast
import importlib
import re
import textwrap
from collections.abc import Iterator

from sphinx.ext.napoleon import Config
from sphinx.ext.napoleon.docstring import GoogleDocstring

from site_parts import names, prose, signatures, twins

CONFIG = Config(
    napoleon_use_rtype=False, napoleon_use_param=True, napoleon_custom_sections=["Reference"]
)
MARKS = re.compile(r"(?m)^ *<!-- .* -->\n?")


class Undocumented(ValueError):
    """Public names have no docstring."""


def pages() -> dict[str, str]:
    """The text of each page by its name in the reference's folder.

    Raises:
        Undocumented: if a public name says nothing of itself.
    """
    entries = [entry for package in names.packages() for entry in names.of(package)]
    silent = [entry.path for entry in entries if not entry.doc.strip()]
    if silent:
        raise Undocumented(f"without a docstring: {', '.join(silent)}")
    return {f"{package}.rst": page(package) for package in names.packages()}


def page(package: str) -> str:
    """One package: what it says of itself, a table of its names, then every name."""
    module = importlib.import_module(f"jaxdl.{package}")
    title = f"jaxdl.{package}"
    entries = names.of(package)
    about = prose.restructured(_own_text(module.__doc__ or "", entries), resolver(package, ()))
    return "\n".join(
        [
            f"{title}\n{'=' * len(title)}\n",
            f".. py:module:: {title}\n",
            about,
            "\nNames\n-----\n",
            _overview(entries, package),
            "\nReference\n---------\n",
            *(_entry(entry) for entry in entries),
        ]
    )


def _own_text(doc: str, entries: tuple[names.Name, ...]) -> str:
    """The docstring of a package without the index at its end, which ``help`` shows."""
    index = re.search(rf"(?m)^{re.escape(entries[0].name)}  ", doc)
    return MARKS.sub("", doc[: index.start()] if index else doc)


def resolver(package: str, arguments: tuple[str, ...]) -> prose.Resolve:
    """Links the public names in code, but not the arguments of the function that it belongs to."""

    def resolve(code: str) -> str | None:
        if code in arguments or not re.fullmatch(r"[A-Za-z_][\w.]*", code):
            return None
        path = _path(code.removeprefix("jaxdl."), package, code.startswith("jaxdl."))
        return path and f":py:{path[0]}:`{code} <{path[1]}>`"

    return resolve


def _path(code: str, package: str, full: bool) -> tuple[str, str] | None:
    where, _, name = code.rpartition(".")
    if full and code in names.packages():
        return "mod", f"jaxdl.{code}"
    if where in names.packages() and where in names.homes().get(name, ()):
        return "obj", f"jaxdl.{code}"
    homes = names.homes().get(name, ()) if not where else ()
    if package in homes:
        return "obj", f"jaxdl.{package}.{name}"
    return ("obj", f"jaxdl.{homes[0]}.{name}") if homes and name in ("serial", "Layer") else None


def _overview(entries: tuple[names.Name, ...], package: str) -> str:
    rows = [".. list-table::", "   :widths: auto", "   :class: overview", ""]
    for entry in entries:
        said = entry.doc.strip().partition("\n\n")[0].replace("\n", " ")
        text = prose.inline(said, resolver(package, _arguments(entry)))
        rows += [f"   * - :py:obj:`{entry.name} <{entry.path}>`", f"     - {text}"]
    return "\n".join(rows) + "\n"


def _arguments(entry: names.Name) -> tuple[str, ...]:
    if not isinstance(entry.node, ast.FunctionDef):
        return ()
    inside = entry.node.args
    return tuple(a.arg for a in [*inside.posonlyargs, *inside.args, *inside.kwonlyargs])


def _entry(entry: names.Name) -> str:
    """A name with its signature, docstring, fields and methods, and its twin in PyTorch."""
    text = prose.restructured(entry.doc, resolver(entry.package, _arguments(entry)))
    google = "\n".join(GoogleDocstring(text, CONFIG).lines())
    body = "\n\n".join(filter(None, [google, _twin(entry), *_members(entry)]))
    return f".. py:{_directive(entry)}\n\n{textwrap.indent(body, '   ')}\n"


def _directive(entry: names.Name) -> str:
    name = f"{entry.package}.{entry.name}"
    if entry.kind == "function":
        node = entry.node if isinstance(entry.node, ast.FunctionDef) else None
        return f"function:: {entry.name}{signatures.of_function(node, entry.value)}"
    if entry.kind == "class":
        if not isinstance(entry.node, ast.ClassDef):
            raise TypeError(f"{name}: found no class of this name in its source")
        return f"class:: {entry.name}{signatures.of_class(entry.node, entry.value)}"
    text = repr(entry.value)
    if not isinstance(entry.value, str) and entry.node is not None:
        assert isinstance(entry.node, ast.Assign | ast.AnnAssign) and entry.node.value
        text = ast.unparse(entry.node.value)
    return f"data:: {entry.name}\n   :value: {text}"


def _twin(entry: names.Name) -> str:
    found = twins.of(entry.package, entry.name)
    if not found:
        return ""
    links = ", ".join(f"`{name} <{twins.address(name)}>`__" for name in found)
    return f"**In PyTorch:** {links}"


def _members(entry: names.Name) -> Iterator[str]:
    """The fields and the methods of a class."""
    if entry.kind != "class" or not isinstance(entry.node, ast.ClassDef):
        return
    resolve = resolver(entry.package, ())
    for field in signatures.fields(entry.node, entry.value):
        text = prose.inline(" ".join(field.comment.split()), resolve)
        head = f".. py:attribute:: {field.name}\n   :type: {field.annotation}\n   :no-index-entry:"
        yield f"{head}\n   :no-contents-entry:\n\n   {text}".rstrip()
    for name, signature, doc, is_property in signatures.methods(entry.node):
        text = "\n".join(GoogleDocstring(prose.restructured(doc, resolve), CONFIG).lines())
        kind = f"property:: {name}" if is_property else f"method:: {name}{signature}"
        head = f".. py:{kind}\n   :no-index-entry:\n   :no-contents-entry:"
        yield f"{head}\n\n{textwrap.indent(text, '   ')}"


def overview() -> str:
    """The page that leads to all packages, in the groups of ``jaxdl``'s own docstring."""
    import jaxdl

    groups = re.findall(r"(?m)^- (.+?): ((?:``\w+``(?:, |,\n  |))+)", jaxdl.__doc__ or "")
    listed = [name for _, found in groups for name in re.findall(r"``(\w+)``", found)]
    rest = [name for name in names.packages() if name not in listed]
    parts = ["# Reference\n", *_contents([*listed, *rest])]
    for group, found in [*groups, ("types", " ".join(f"``{name}``" for name in rest))]:
        parts += [f"## {group[0].upper()}{group[1:]}\n"]
        parts += [_line(name) for name in re.findall(r"``(\w+)``", found)]
    return "\n".join(parts)


def _contents(listed: list[str]) -> list[str]:
    return ["```{toctree}", ":hidden:", "", *listed, "```\n"]


def _line(package: str) -> str:
    doc = importlib.import_module(f"jaxdl.{package}").__doc__ or ""
    about = " ".join(doc.partition("\n\n")[0].split()).replace("``", "`")
    return f"- [`jaxdl.{package}`]({package}.rst), {len(names.of(package))} names: {about}"
