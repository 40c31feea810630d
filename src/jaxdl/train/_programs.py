"""Compiled programs, cached for when the same computation is needed again.

A program is known by what it computes and not by the functions it was made of: these are traced at
every call, so that a loss whose global or closure has changed is seen as it is now. XLA, which
costs seconds, runs only if the traced program is new.
"""

import collections
import contextlib
import hashlib
import itertools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from jaxdl import _jaxprs
from jaxdl import parallel as parallel_lib
from jaxdl._checks import is_key
from jaxdl.parallel import Placement, Rule
from jaxdl.types import PyTree

Program = Callable[..., Any]

KEPT = 32
"""How many executables are kept; beyond that, the least recently used one goes."""

_kept: collections.OrderedDict[Any, Program] = collections.OrderedDict()


def compiled(
    program: Program, *args: object, options: Mapping[str, bool | int | str] | None = None
) -> Program:
    """Traces a program and compiles it, or finds the executable of an equal one.

    Two programs are equal if their StableHLO texts are, and the bytes of all arrays that they hold,
    and if their arguments have the same structure and lie on the same devices. Texts and bytes are
    compared by a digest of 256 bits, which takes about a second per gigabyte of constants.

    Args:
        program: from ``jax.jit``.
        *args: arrays, or ``jax.ShapeDtypeStruct`` with shardings; their values don't matter.
        options: for XLA; see ``jax.stages.Lowered.compile``.

    Returns:
        The executable: a function of arrays like ``args``.

    Example:
        >>> offset = 1.0
        >>> add = lambda: compiled(jax.jit(lambda x: x + offset), np.float32(2))
        >>> first = add()
        >>> first is add(), float(first(np.float32(2)))
        (True, 3.0)
        >>> offset = 5.0
        >>> float(add()(np.float32(2)))
        7.0
    """
    traced = trace(program, *args)
    lowered = traced.lower()
    key = (
        _digest(lowered.as_text(), traced.jaxpr),
        tuple(map(_place, jax.tree.leaves(args))),
        jax.tree.structure(args),
        jax.tree.structure(traced.out_info),
        tuple(sorted((options or {}).items())),
    )
    if key not in _kept:
        _kept[key] = lowered.compile(dict(options) if options else None)
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    _kept.move_to_end(key)
    return _kept[key]


def trace(program: Program, *args: object) -> Any:
    """Traces a program as its functions are now, whatever JAX remembers of them.

    ``jit`` traces a function anew if it is a new one. What JAX still keeps are the user's functions
    inside it, such as the body of a ``lax.scan`` that reads a global. A program that has any is
    traced once more, in a context that JAX hasn't seen.

    Example:
        >>> rate = 2.0
        >>> grow = lambda x, _: (x * rate, None)
        >>> fn = lambda x: jax.lax.scan(grow, x, length=3)[0]
        >>> float(compiled(jax.jit(lambda x: fn(x)), np.float32(1))(np.float32(1)))
        8.0
        >>> rate = 3.0
        >>> float(compiled(jax.jit(lambda x: fn(x)), np.float32(1))(np.float32(1)))
        27.0
    """
    found = program.trace(*args)  # type: ignore[attr-defined]
    if not _jaxprs.holds_user_code(found.jaxpr.jaxpr):
        return found
    with anew():
        return program.trace(*args)  # type: ignore[attr-defined]


def anew() -> contextlib.AbstractContextManager[None]:
    """A context in which JAX remembers nothing that it traced before."""
    return _context(next(_contexts))


_context: Any = jax.make_user_context()
_contexts = itertools.count(1)


def compiler(make: Callable[..., Program], **options: bool) -> Program:
    """Compiles at the first call for each shape of the arguments, and calls what was compiled.

    Unlike that of ``jax.jit``, its cache lives only as long as a call of ``fit`` or ``evaluate``.

    Args:
        make: from the arguments to the program, from ``jax.jit``, that computes them.
        **options: for XLA.

    Returns:
        A function of the same arguments.

    Example:
        >>> double = compiler(lambda x: jax.jit(lambda x: 2 * x))
        >>> double(np.ones(2)).tolist(), double(np.ones(1)).tolist()
        ([2.0, 2.0], [2.0])
    """
    known: dict[Any, Program] = {}

    def run(*args: object) -> Any:
        key = jax.tree.structure(args), tuple((np.shape(x), x.dtype) for x in jax.tree.leaves(args))
        if key not in known:
            known[key] = compiled(make(*args), *args, options=options)
        return known[key](*args)

    return run


def unbound(fn: object) -> tuple[Any, Callable[[Any], Any]]:
    """Separates a function from the arrays that ``jax.tree_util.Partial`` has bound to it.

    Example:
        >>> arrays, rebuild = unbound(jax.tree_util.Partial(np.add, 3.0))
        >>> arrays, float(rebuild(arrays)(5.0))
        ([array(3.)], 8.0)
    """
    if not isinstance(fn, jax.tree_util.Partial):
        return [], lambda arrays: fn
    structure: Any
    arrays, structure = jax.tree.flatten(fn)
    return [np.asarray(x) if np.isscalar(x) else x for x in arrays], structure.unflatten


def placed(tree: PyTree, mesh: Any, rule: Rule | None = None) -> PyTree:
    """Puts arrays on the devices of a mesh, whole on each or split by a rule.

    Those that lie there stay. Nothing is ever donated.
    """
    return parallel_lib.put(tree, parallel_lib.shardings(tree, mesh, rule))


def spread(tree: PyTree, mesh: Any) -> PyTree:
    """Puts arrays whole on every device of a mesh; those that lie there, split or not, stay."""
    devices = set(mesh.devices.flat)
    there = lambda x: isinstance(x, jax.Array) and x.sharding.device_set == devices
    return jax.tree.map(lambda x: x if there(x) else placed(x, mesh), tree)


def options(devices: Placement) -> dict[str, bool | int | str]:
    """A placement's options for XLA, and if it asks for it the one for reproducible bits.

    CPUs and TPUs are reproducible anyway; on a GPU some sums depend on which thread is first.
    """
    same_bits = {"xla_gpu_deterministic_ops": True} if devices.reproducible and _on_gpu() else {}
    return same_bits | dict(devices.compiler_options or {})


def _digest(text: str, closed: object) -> str:
    """A 256-bit digest that identifies a program and its constants."""
    digest = hashlib.blake2b(text.encode(), digest_size=32)
    for x in _jaxprs.constants(closed):
        x = _on_host(x)
        digest.update(f"{x.shape}{x.dtype}".encode())
        digest.update(np.ascontiguousarray(x).tobytes())
    return digest.hexdigest()


def _on_host(x: object) -> np.ndarray:
    if isinstance(x, jax.Array):
        x = parallel_lib.local(jax.random.key_data(x) if is_key(x) else x)
    return np.asarray(x)


def _place(x: Any) -> Any:
    # A key of the older kind has the text of a typed one.
    return getattr(x, "sharding", None), getattr(x, "dtype", None)


def _on_gpu() -> bool:
    return jax.default_backend() in ("gpu", "cuda", "rocm")
