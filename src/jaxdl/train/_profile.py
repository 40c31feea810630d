"""How long each layer takes, forward and backward, measured in the compiled step."""

import contextlib
import itertools
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax

from jaxdl import _checks
from jaxdl._labels import labelled
from jaxdl._plain import plain_numbers
from jaxdl.train._op_names import instructions, place
from jaxdl.types import PyTree

_INCLUDE = "jax_compilation_cache_include_metadata_in_key"


class LayerTime(NamedTuple):
    """The milliseconds of a layer in one step."""

    path: str
    name: str
    forward: float
    backward: float


class Profile(NamedTuple):
    """What ``profile`` measured; ``print`` shows it as a table."""

    layers: list[LayerTime]
    unnamed: float  # milliseconds that belong to no known layer
    step: float  # milliseconds from the start of one step to the start of the next

    def __str__(self) -> str:
        """One row per layer, in the order of computation."""
        busy = self.unnamed + sum(row.forward + row.backward for row in self.layers)
        rows = [*self.layers, LayerTime("without a name", "", self.unnamed, 0.0)]
        cells = [("layer", "", "forward ms", "backward ms", "share")]
        for path, name, forward, backward in rows:
            share = f"{(forward + backward) / busy if busy else 0:.1%}"
            cells.append((path, name, f"{forward:.3f}", f"{backward:.3f}", share))
        widths = [max(len(row[i]) for row in cells) for i in range(5)]
        aligned = [f"{{:{side}{n}}}" for side, n in zip("<<>>>", widths, strict=True)]
        lines = ["  ".join(aligned).format(*row) for row in cells]
        total = f"{busy:.3f} ms of computing on all threads, {self.step:.3f} ms a step"
        return "\n".join([*map(str.rstrip, lines), total])


@plain_numbers
def profile(
    folder: str | Path | None,
    step: Callable[[PyTree, PyTree], tuple[PyTree, PyTree]],
    train_state: PyTree,
    batch: PyTree,
    *,
    steps: int = 5,
) -> Profile:
    """Measures how long each layer takes in a training step, forward and backward.

    The step is compiled with a label for each layer's place, and runs a few times under
    ``jax.profiler.trace``; the trace's instructions are matched with XLA's metadata. Paths
    are those of params; "loss" and "optimizer" are the step's own, and a row without a path is the
    rest: random keys, metrics. XLA fuses operations of neighbouring layers: a fused one counts
    where its result belongs. Layers inside ``repeat`` count together.

    Args:
        folder: where to keep the trace, for TensorBoard or xprof; None to discard it.
        step: from ``make_step``, or any ``(train_state, batch) -> (train_state, metrics)``.
        train_state: where to start; it stays usable.
        batch: a batch of the size to measure.
        steps: number of steps to measure, after one that isn't.

    Returns:
        A Profile, whose times are means over the steps.

    Raises:
        ValueError: if ``steps`` isn't a positive integer, or the trace has no instruction of the
            step.

    Example:
        >>> import optax
        >>> from jaxdl import activations, layers, losses, serial, train
        >>> net, tx = serial(layers.dense(64, 32), activations.relu), optax.sgd(0.1)
        >>> step = train.make_step(train.supervised(net, losses.mse_loss), tx)
        >>> batch = {"inputs": jax.numpy.ones((512, 64)), "labels": jax.numpy.ones((512, 32))}
        >>> found = profile(None, step, train.init_state(net, tx, jax.random.key(0)), batch)
        >>> [row.name for row in found.layers if row.path == "0"]
        ['dense(64, 32)']
    """
    _checks.positive_ints("profile", steps=steps)
    compiled = _compiled(step, train_state, batch)
    jax.block_until_ready(compiled(train_state, batch))
    with _kept(folder) as traces:
        with jax.profiler.trace(traces):
            began = time.perf_counter()
            for _ in range(steps):
                train_state, found = compiled(train_state, batch)
            jax.block_until_ready((train_state, found))
            seconds = time.perf_counter() - began
        newest = max(Path(traces).rglob("*.xplane.pb"), key=lambda path: path.stat().st_mtime)
        times = dict(_times(newest))
    if not times:
        raise ValueError("profile: the trace has no instruction of the step")
    return _summed(times, instructions(compiled.as_text()), steps, 1e3 * seconds / steps)


def _compiled(step: Callable[..., PyTree], train_state: PyTree, batch: PyTree) -> Any:
    """The step with labels; one that was compiled without them must not be found again."""
    plain = getattr(step, "__wrapped__", step)  # what jax.jit has traced keeps its trace

    def profiled_step(train_state: PyTree, batch: PyTree) -> PyTree:
        return plain(train_state, batch)

    before = getattr(jax.config, _INCLUDE)
    jax.config.update(_INCLUDE, True)
    try:
        with labelled():
            return jax.jit(profiled_step).lower(train_state, batch).compile()
    finally:
        jax.config.update(_INCLUDE, before)


@contextlib.contextmanager
def _kept(folder: str | Path | None) -> Iterator[str]:
    if folder is not None:
        yield str(folder)
        return
    with tempfile.TemporaryDirectory() as temporary:
        yield temporary


def _times(path: Path) -> Iterator[tuple[str, float]]:
    """The instructions of the step, ordered by the middle of each, and their milliseconds."""
    sums: dict[str, list[float]] = {}
    data = jax.profiler.ProfileData.from_file(str(path))
    lines = (line for plane in data.planes for line in plane.lines)
    # On Python 3.13 jaxlib's reader warns of itself, and aborts where warnings are errors.
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        found = [entry for line in lines for entry in _own(line)]
    for start, name, own in found:
        entry = sums.setdefault(name, [0.0, 0.0, 0])
        entry[:] = entry[0] + start, entry[1] + own * 1e-6, entry[2] + 1
    for name, (_, milliseconds, _) in sorted(sums.items(), key=lambda x: x[1][0] / x[1][2]):
        yield name, milliseconds


def _own(line: Any) -> Iterator[tuple[float, str, float]]:
    """Start, name and nanoseconds of a line's instructions, less those of instructions within."""
    found = []
    for event in line.events:
        stats = dict(event.stats)
        if "profiled_step" in str(stats.get("hlo_module")) and "hlo_op" in stats:
            found.append((event.start_ns, -event.duration_ns, str(stats["hlo_op"])))
    around: list[list[Any]] = []
    for start, negative, name in sorted(found):
        while around and around[-1][0] <= start:
            yield tuple(around.pop()[1:])
        if around:
            around[-1][3] += negative
        around.append([start - negative, start, name, -negative])
    for _, *entry in around:
        yield tuple(entry)


def _summed(
    times: dict[str, float], names: dict[str, str | None], steps: int, each: float
) -> Profile:
    rows: dict[tuple[str, str], list[float]] = {}
    unnamed = 0.0
    for instruction, milliseconds in times.items():
        op_name = names.get(instruction, "")
        if op_name is None:
            continue
        if not op_name:
            unnamed += milliseconds / steps
            continue
        path, name, backward = place(op_name)
        rows.setdefault((path, name), [0.0, 0.0])[backward] += milliseconds / steps
    layers = [LayerTime(*key, *both) for key, both in rows.items()]
    return Profile(sorted(layers, key=_order), unnamed, each)


def _order(row: LayerTime) -> tuple[int, list[int]]:
    """Layers by their numbers, those with names as they come; then the step's own."""
    own = ("loss", "optimizer", "")
    numbers = itertools.takewhile(str.isdigit, row.path.split("/"))
    return own.index(row.path) if row.path in own and not row.name else -1, [*map(int, numbers)]
