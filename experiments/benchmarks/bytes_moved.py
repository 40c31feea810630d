"""Counts the bytes that each device sends in a training step: compiled, and on paper.

The compiled program of a step on eight fake devices says which arrays its collectives move, and
among how many devices; rings move the least that is possible. With N devices and P bytes of
parameters a device sends
- data parallel: 2·(N − 1)/N·P, an all-reduce of the gradients;
- fully sharded: (N − 1)/N·P to gather the kernels, which serve the backward pass too; and for the
  gradients as much again by a reduce-scatter on GPUs and TPUs, twice as much on CPUs, where XLA
  has an all-reduce for it;
- two axes, D × M: 2·(D − 1)/D·P/M for the gradients, and 2·(M − 1)/M·A for each of the sums over
  M devices of A bytes of activations: a block of a transformer has four, two of them backward.
The table goes on to 4,096 chips.

Command:  python experiments/benchmarks/bytes_moved.py [--write docs/guides/devices.md]
Measured: 2026-11-28, jax 0.10.2
Result:   compiled and on paper agree to 0.001 %; the table is in the guide on devices
"""

import argparse
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROWS, SIZES = 8192, (256, 512, 512, 16)
BYTES = {"f32": 4, "bf16": 2, "f16": 2, "s32": 4, "u32": 4, "pred": 1}
BEGIN, END = "<!-- bytes moved: begin -->", "<!-- bytes moved: end -->"


class Model(NamedTuple):
    """A transformer as the table needs it, in float32, and tokens on each group of M devices."""

    parameters: float = 1e9
    blocks: int = 24
    features: int = 2048
    tokens: int = 8192


def data_parallel(size: float, n: int) -> float:
    """Bytes a device sends where each has all parameters and its own rows."""
    return 2 * (n - 1) / n * size


def fully_sharded(size: float, n: int, *, scatters: bool = True) -> float:
    """Bytes a device sends where each keeps its part of the parameters."""
    return (2 if scatters else 3) * (n - 1) / n * size


def two_axes(size: float, d: int, m: int, activations: float, sums: int) -> float:
    """Bytes a device sends where M devices share each of D copies of the parameters."""
    return data_parallel(size / m, d) + sums * data_parallel(activations, m)


def sent(text: str, devices: int) -> float:
    """Bytes that a device sends by the collectives of a compiled program, if they go in rings."""
    total = 0.0
    for line in text.splitlines():
        found = re.search(r"= (.*?) (all-reduce|all-gather|reduce-scatter|all-to-all)\(", line)
        if found is None:
            if re.search(r" (all|reduce|collective)-[a-z-]+-start\(| collective-permute\(", line):
                raise ValueError(f"bytes_moved can't count this collective: {line.strip()[:200]}")
            continue
        n = _group(line, devices)
        times = {"all-reduce": 2, "reduce-scatter": n}.get(found[2], 1)
        total += times * (n - 1) / n * _size(found[1])
    return total


def _size(shapes: str) -> int:
    size = 0
    for kind, axes in re.findall(r"(\w+)\[([\d,]*)\]", shapes):
        count = 1
        for n in filter(None, axes.split(",")):
            count *= int(n)
        size += BYTES[kind] * count
    return size


def _group(line: str, devices: int) -> int:
    """How many devices take part together, in each of the ways in which XLA writes it."""
    if found := re.search(r"replica_groups=mesh\[(.*?)\] \{(.*?)\}", line):
        axes = dict(re.findall(r"('\w+')=(\d+)", found[1]))
        count = 1
        for axis in re.findall(r"'\w+'", found[2]):
            count *= int(axes[axis])
        return count
    if found := re.search(r"replica_groups=\[\d+,(\d+)\]", line):
        return int(found[1])
    if found := re.search(r"replica_groups=\{\{([\d,]+)\}", line):
        return found[1].count(",") + 1
    return devices


def compiled() -> dict[str, tuple[float, float]]:
    """Bytes in compiled programs and on paper, by layout, on eight devices."""
    import jax

    from jaxdl import losses, models, optim, parallel, train

    net, tx = models.mlp(SIZES), optim.sgd(0.1)
    step = train.make_step(train.supervised(net, losses.cross_entropy), tx)
    state = jax.eval_shape(lambda: train.init_state(net, tx, jax.random.key(0)))
    size = sum(4 * x.size for x in jax.tree.leaves(state.params))
    one, two = parallel.data_mesh(8), parallel.mesh_of(data=4, model=2)
    first, second = (_kernels(state.params)[i] for i in (0, 1))
    shared = _size_of(first) + _size_of(second)
    halves = {"0/kernel": (None, "model"), "0/bias": ("model",), "2/kernel": ("model",)}
    parts = {path: jax.sharding.PartitionSpec(*axes) for path, axes in halves.items()}
    parts["rest"] = jax.sharding.PartitionSpec()
    split = parallel.by_path(lambda path: path if path in parts else "rest", parts)
    sharded = parallel.fully_sharded(one, least=1)
    count = lambda mesh, rule: sent(_text(step, state, mesh, rule), 8)
    # Half of two layers is on each device of a pair; the other parameters are whole.
    gradients = data_parallel(size - shared / 2, 4)
    forward = data_parallel(4 * ROWS // 4 * SIZES[2], 2)
    return {
        "data parallel": (count(one, None), data_parallel(size, 8)),
        "fully sharded": (count(one, sharded), fully_sharded(size, 8, scatters=False)),
        "two axes, 4 × 2": (count(two, split), gradients + forward),
    }


def _kernels(params: Any) -> Sequence[Any]:
    """The layers that the two axes share: the first with its bias, and the next one's kernel."""
    return params[0], params[2]["kernel"]


def _size_of(tree: Any) -> int:
    import jax

    return sum(4 * x.size for x in jax.tree.leaves(tree))


def _text(step: Any, state: Any, mesh: Any, rule: Any) -> str:
    """The compiled program of a step on a mesh."""
    import jax

    from jaxdl import parallel

    own = parallel.shardings(state, mesh, rule)
    rows = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("data"))
    placed = lambda x, place: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=place)
    shapes = {"inputs": ((ROWS, SIZES[0]), "float32"), "labels": ((ROWS,), "int32")}
    batch = {name: jax.ShapeDtypeStruct(*kind, sharding=rows) for name, kind in shapes.items()}
    run = jax.jit(step, out_shardings=(own, None), donate_argnums=0)
    return run.lower(jax.tree.map(placed, state, own), batch).compile().as_text() or ""


def table(model: Model, counts: Sequence[int] = (8, 64, 512, 4096)) -> str:
    """Gigabytes that each chip sends in a step, by layout and number of chips, as Markdown."""
    size, activations = 4 * model.parameters, 4 * model.tokens * model.features
    layouts: Mapping[str, Any] = {
        "data parallel": lambda n: data_parallel(size, n),
        "fully sharded": lambda n: fully_sharded(size, n),
        "two axes, N/8 × 8": lambda n: two_axes(size, n // 8, 8, activations, 4 * model.blocks),
    }
    lines = [
        f"| GB a chip sends in a step | {' | '.join(f'{n:,} chips' for n in counts)} |",
        "|---" * (1 + len(counts)) + "|",
    ]
    for name, bytes_of in layouts.items():
        lines.append(f"| {name} | {' | '.join(f'{bytes_of(n) / 1e9:.2f}' for n in counts)} |")
    return "\n".join(lines)


def main() -> None:
    """Prints both accounts, and the table; writes it into a page if asked."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    parser.add_argument("--write", type=Path, help="page whose table is replaced")
    options = parser.parse_args()
    for name, (found, expected) in compiled().items():
        print(f"{name:16} compiled {found:12,.0f}  on paper {expected:12,.0f}  bytes a device")
    made = table(Model())
    print(f"\n{made}")
    if options.write:
        before, _, rest = options.write.read_text().partition(BEGIN)
        options.write.write_text(f"{before}{BEGIN}\n{made}\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    # Before jax starts: eight devices, and twice as many processors, or jax 0.10 waits for ever.
    flag = "--xla_force_host_platform_device_count=8"
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flag}"
    os.environ.setdefault("PJRT_NPROC", "16")
    main()
