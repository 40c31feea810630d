"""Recurrent layers with every option, beside their PyTorch twins: outputs and final carries."""

from collections.abc import Callable, Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np

from case import Case
from jaxdl import functional

random = np.random.RandomState(11)
N_IN, N_HIDDEN, ROWS, TIME = 3, 2, 3, 4
X = random.randn(ROWS, TIME, N_IN)
GATES = {"rnn": 1, "lstm": 4, "gru": 3}
NAMES = ("kernel", "recurrent_kernel", "bias", "recurrent_bias")

# Arrays: x, the first carries (none, or one a state), and the weights in PyTorch's order.
TWIN = """
lambda x, *p, cell, states=0, depth=1, both=False, lengths=None, **options: (
    lambda module, start, names: (
        lambda y, carry: torch.cat([
            (y if lengths is None else torch.nn.utils.rnn.pad_packed_sequence(
                y, batch_first=True, total_length=x.shape[1])[0]).flatten(),
            *(c.flatten() for c in (carry if isinstance(carry, tuple) else (carry,))),
        ])
    )(*torch.func.functional_call(
        module,
        {n: a.mT if a.ndim == 2 else a for n, a in zip(names, p[states:], strict=True)},
        (
            x if lengths is None else torch.nn.utils.rnn.pack_padded_sequence(
                x, torch.tensor(lengths), batch_first=True, enforce_sorted=False),
            start,
        ),
    ))
)(
    *(lambda module: (
        module,
        None if not states else p[0] if states == 1 else tuple(p[:2]),
        [n for n, _ in module.named_parameters()],
    ))(getattr(torch.nn, cell.upper())(
        x.shape[-1], p[-1].numel() // {"rnn": 1, "lstm": 4, "gru": 3}[cell], depth,
        batch_first=True, bidirectional=both, dtype=x.dtype, **options))
)
"""


def run(x: Any, *arrays: Any, cell: str, states: int = 0, depth: int = 1, both: bool = False,
        lengths: tuple[int, ...] | None = None, **options: Any) -> Any:  # fmt: skip
    """``functional.recurrent`` on arrays in PyTorch's order, all that it returns in one row."""
    fn: Callable = lambda *a, **k: getattr(functional, cell)(*a, **k, **options)
    groups = [arrays[i : i + 4] for i in range(states, len(arrays), 4)]
    cells = [dict(zip(NAMES, group, strict=True)) for group in groups]
    ways = 1 + both
    pack = lambda flat: [
        {"forward": a, "backward": b} if both else a
        for a, b in zip(flat[::ways], flat[ways - 1 :: ways], strict=True)
    ]
    starts = list(zip(*arrays[:states], strict=True)) if states > 1 else list(*arrays[:states])
    y, carry = functional.recurrent(
        fn,
        pack(cells),
        x,
        carry=pack(starts) if states else None,
        lengths=None if lengths is None else jnp.array(lengths),
    )
    flat = [way for layer in carry for way in (layer.values() if both else [layer])]
    finals = [jnp.stack(c) for c in (zip(*flat, strict=True) if cell == "lstm" else [flat])]
    assert len(finals) == (2 if cell == "lstm" else 1) and len(cells) == depth * ways
    return jnp.concatenate([y.ravel(), *(c.ravel() for c in finals)])


def weights(cell: str, depth: int, both: bool) -> Iterator[np.ndarray]:
    """Kernel, recurrent kernel and the two biases of each layer and direction."""
    width, ways = GATES[cell] * N_HIDDEN, 1 + both
    for layer in range(depth):
        for _ in range(ways):
            n_in = N_IN if layer == 0 else ways * N_HIDDEN
            for shape in ((n_in, width), (N_HIDDEN, width), (width,), (width,)):
                yield 0.7 * random.randn(*shape)


def cases() -> Iterator[Case]:
    settings: tuple[dict[str, Any], ...] = (
        {},
        {"states": 1, "lengths": (2, 4, 1)},
        {"depth": 2, "both": True, "states": 1, "lengths": (2, 4, 1)},
    )
    for cell, extra in (("lstm", {}), ("gru", {}), ("rnn", {}), ("rnn", {"nonlinearity": "relu"})):
        for setting in settings:
            options = {"cell": cell, **setting, **extra}
            if setting:
                options["states"] = 2 if cell == "lstm" else 1
            depth, both = setting.get("depth", 1), setting.get("both", False)
            shape = (depth * (1 + both), ROWS, N_HIDDEN)
            starts = [random.randn(*shape) for _ in range(options.get("states", 0))]
            arrays = (X, *starts, *weights(cell, depth, both))
            name = "-".join([*extra.values(), *(f"{k}={v}" for k, v in setting.items())])
            every = tuple(range(len(arrays)))
            smooth = "nonlinearity" not in extra
            yield Case(
                f"{cell}-{name}",
                run,
                arrays,
                options,
                TWIN.strip(),
                differentiate=every,
                smooth=smooth,
            )


CASES = [*cases()]
