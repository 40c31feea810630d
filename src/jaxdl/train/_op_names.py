"""Which layer an instruction of a compiled program belongs to, from XLA's metadata."""

import codecs
import re
from typing import NamedTuple

_INSTRUCTION = re.compile(r"\s*(?:ROOT )?%?([\w.-]+) = .*?\)?\]?\S* ([\w-]+)\(")
_OP_NAME = re.compile(r'op_name="((?:[^"\\]|\\.)*)"')
_CALLS = re.compile(r"calls=%?([\w.-]+)")
_OPERAND = re.compile(r"%([\w.-]+)")
_WRAPPER = re.compile(r"(?:jvp|transpose|vmap|remat|checkpoint)\((.*)\)$", re.S)
_WORDS = re.compile(
    r"(while|body|cond|scan|closed_call|core_call|checkpoint|rematted_computation|shard_map|pjit"
    r"|custom_jvp_call|custom_vjp_call|eval_jaxpr|branch_\d+_fun|jit\(.*\)|.*<locals>.*)?$",
    re.S,
)
CONTROL = frozenset({"while", "conditional", "call"})
"""Instructions whose time is that of the instructions inside."""


class Place(NamedTuple):
    """The layer of an instruction."""

    path: str  # as in params: "blocks/attention"; or "loss", "optimizer", "" for the step's rest
    name: str  # "dense(3, 4)"; "" where there is none
    backward: bool


def instructions(text: str) -> dict[str, str | None]:
    """The ``op_name`` of each instruction of a program's text; None for those that hold others.

    An instruction that XLA has added, such as a copy, gets the name of what it computes, or of what
    it takes; "" is left where neither has one.

    Example:
        >>> instructions('''
        ...   %dot.1 = f32[2]{0} dot(%x, %y), metadata={op_name="jit(f)/dot"}
        ...   %copy.2 = f32[2]{0} copy(%dot.1)''')
        {'dot.1': 'jit(f)/dot', 'copy.2': 'jit(f)/dot'}
    """
    names: dict[str, str] = {}
    inside: dict[str, list[str]] = {}  # the instructions of each computation
    control = set()
    computation = ""
    for line in text.splitlines():
        if line.rstrip().endswith("{") and " = " not in line:
            computation = line.split()[1 if line.startswith("ENTRY") else 0].lstrip("%")
        elif found := _INSTRUCTION.match(line):
            name, kind = found.groups()
            names[name] = _name_of(line, line[found.end() :], names, inside)
            inside.setdefault(computation, []).append(name)
            control |= {name} if kind in CONTROL else set()
    entry = computation  # it comes last
    for computation, own in inside.items():
        known = [names[name] for name in own if names[name]]
        if computation != entry and known:  # copies of what a loop carries
            names |= {name: known[0] for name in own if not names[name]}
    return {name: None if name in control else own for name, own in names.items()}


def _name_of(line: str, rest: str, names: dict[str, str], inside: dict[str, list[str]]) -> str:
    """The name that an instruction has, or that of its fusion's result, or of an operand."""
    if found := _OP_NAME.search(line):
        return codecs.escape_decode(found[1].encode())[0].decode()
    calls = _CALLS.search(line)
    results = inside.get(calls[1], [])[-1:] if calls else []
    return next((name for x in (*results, *_OPERAND.findall(rest)) if (name := names.get(x))), "")


def place(op_name: str) -> Place:
    """The layer that an ``op_name`` stands for.

    Example:
        >>> place("jit(step)/transpose(jvp(serial(dense(3, 4), relu)))/[0]/dense(3, 4)/dot_general")
        Place(path='0', name='dense(3, 4)', backward=True)
        >>> place("jit(step)/jvp([loss])/exp")
        Place(path='loss', name='', backward=False)
    """
    scopes = [_unwrapped(scope) for scope in _scopes(op_name.partition(";")[0])[:-1]]
    path: list[str] = []
    name = ""
    for scope in _once([scope for scope in scopes if not _WORDS.match(scope)]):
        if scope.startswith("[") and scope.endswith("]"):
            path, name = [*path, scope[1:-1]], ""
        else:
            name = name or scope
    return Place("/".join(path), name, "transpose(" in op_name)


def _once(scopes: list[str]) -> list[str]:
    """Scopes without repetitions: what a custom rule computes is noted twice."""
    for size in range(len(scopes) // 2, 0, -1):
        for i in range(len(scopes) - 2 * size + 1):
            if scopes[i : i + size] == scopes[i + size : i + 2 * size]:
                return _once(scopes[: i + size] + scopes[i + 2 * size :])
    return scopes


def _scopes(op_name: str) -> list[str]:
    """The scopes of an ``op_name``, separated by slashes, except within brackets."""
    parts, depth = [""], 0
    for letter in op_name:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "/" and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _unwrapped(scope: str) -> str:
    """A scope without what JAX has put around it."""
    while found := _WRAPPER.match(scope):
        scope = found[1]
    return scope
