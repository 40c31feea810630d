"""Times how long a training step of 10 to 200 layers takes to trace and to compile.

Each network has hidden layers 64 wide with relu, and a step is Adam on the mean square of 32 rows.
- serial: jaxdl's layers one after another; the program has every layer
- repeat: jaxdl's ``repeat(block, n)``; the program has one block, which a scan runs n times
- equinox, flax: a loop over layers, as their pages have it
- equinox-scan, flax-scan: stacked parameters and ``lax.scan``, and ``nn.scan``
Every figure comes from a process of its own, without kept programs, in alternation.

Command:  python experiments/benchmarks/compile_time.py [--layers 10,50,200] [--repeats 3]
Needs:    pip install equinox flax
Measured: 2026-11-29
Result:   2 cores of an Intel Xeon, jax 0.10.2, seconds to trace and lower + to compile; medians of
          3 turns, of 2 for 200 layers
          layers  serial       repeat       Equinox      Flax         Equinox, scan  Flax, scan
          10      0.11 + 0.23  0.08 + 0.50  0.14 + 0.27  0.17 + 0.35  0.10 + 0.62    0.10 + 0.51
          50      0.61 + 0.77  0.07 + 0.58  0.63 + 0.77  0.77 + 0.89  0.10 + 0.58    0.08 + 0.60
          200     2.55 + 3.44  0.11 + 0.59  2.71 + 3.82  2.48 + 2.55  0.11 + 0.54    0.11 + 0.53
          Layers one after another cost the same in all three; with ``repeat`` two hundred cost what
          ten do, less than written out from some thirty layers on.
"""

import argparse
import functools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
import record
import rivals

WIDTH, ROWS = 64, 32
FORMS = ("serial", "repeat", "equinox", "flax", "equinox-scan", "flax-scan")

Loss = Callable[[Any, jax.Array], jax.Array]


def of_jaxdl(net: Any) -> tuple[Any, Loss]:
    """The parameters of a Layer, and its loss."""
    params, state = net.init(jax.random.key(0))
    return params, lambda params, x: jnp.mean(jnp.square(net.apply(params, state, x)[0]))


def serial(n: int) -> tuple[Any, Loss]:
    """Layers one after another."""
    from jaxdl import activations, layers
    from jaxdl import serial as serial_of

    parts: list[Any] = [f for _ in range(n) for f in (layers.dense(WIDTH, WIDTH), activations.relu)]
    return of_jaxdl(serial_of(*parts))


def repeat(n: int) -> tuple[Any, Loss]:
    """One block, n times."""
    from jaxdl import activations, combinators, layers, serial

    block = serial(layers.dense(WIDTH, WIDTH), activations.relu)
    return of_jaxdl(combinators.repeat(block, n))


def equinox(n: int) -> tuple[Any, Loss]:
    """A list of modules."""
    import equinox as eqx

    keys = jax.random.split(jax.random.key(0), n)
    linears = [eqx.nn.Linear(WIDTH, WIDTH, key=key) for key in keys]
    params, static = eqx.partition(linears, eqx.is_array)

    def loss(params: Any, x: jax.Array) -> jax.Array:
        for linear in eqx.combine(params, static):
            x = jax.nn.relu(jax.vmap(linear)(x))
        return jnp.mean(jnp.square(x))

    return params, loss


def equinox_scan(n: int) -> tuple[Any, Loss]:
    """Modules whose parameters are stacked."""
    import equinox as eqx

    make = eqx.filter_vmap(lambda key: eqx.nn.Linear(WIDTH, WIDTH, key=key))
    params, static = eqx.partition(make(jax.random.split(jax.random.key(0), n)), eqx.is_array)

    def loss(params: Any, x: jax.Array) -> jax.Array:
        def layer(x: jax.Array, params: Any) -> tuple[jax.Array, None]:
            return jax.nn.relu(jax.vmap(eqx.combine(params, static))(x)), None

        return jnp.mean(jnp.square(jax.lax.scan(layer, x, params)[0]))

    return params, loss


def of_flax(module: Any) -> tuple[Any, Loss]:
    """The variables of a module, and its loss."""
    variables = module.init(jax.random.key(0), jnp.ones((ROWS, WIDTH)))

    def loss(variables: Any, x: jax.Array) -> jax.Array:
        y = module.apply(variables, x)
        return jnp.mean(jnp.square(y[0] if isinstance(y, tuple) else y))

    return variables, loss


def flax(n: int) -> tuple[Any, Loss]:
    """A sequence of modules."""
    from flax import linen as nn

    return of_flax(nn.Sequential([f for _ in range(n) for f in (nn.Dense(WIDTH), nn.relu)]))


def flax_scan(n: int) -> tuple[Any, Loss]:
    """A module that is scanned."""
    from flax import linen as nn

    class Block(nn.Module):
        @nn.compact
        def __call__(self, x: jax.Array, _: None) -> tuple[jax.Array, None]:
            return nn.relu(nn.Dense(WIDTH)(x)), None

    scanned: Any = nn.scan(
        Block, variable_axes={"params": 0}, split_rngs={"params": True}, length=n
    )

    class Network(nn.Module):
        @nn.compact
        def __call__(self, x: jax.Array) -> jax.Array:
            return scanned()(x, None)[0]

    return of_flax(Network())


def measure(form: str, n: int) -> dict[str, float]:
    """Seconds to trace and lower a step, and to compile it."""
    params, loss = globals()[form.replace("-", "_")](n)
    tx = optax.adam(1e-3)

    def step(params: Any, opt_state: Any, x: jax.Array) -> tuple[Any, Any, jax.Array]:
        value, gradients = jax.value_and_grad(loss)(params, x)
        updates, opt_state = tx.update(gradients, opt_state)
        return optax.apply_updates(params, updates), opt_state, value

    args = params, tx.init(params), jnp.ones((ROWS, WIDTH))
    jax.jit(functools.partial(jnp.add, 1.0)).lower(1.0).compile()  # the compiler's own start
    start = time.perf_counter()
    lowered = jax.jit(step).lower(*args)
    traced = time.perf_counter()
    lowered.compile()
    return {"trace": traced - start, "compile": time.perf_counter() - traced}


def ask(form: str, n: int) -> dict[str, float]:
    """The same from a process of its own."""
    off = os.environ | {"JAX_ENABLE_COMPILATION_CACHE": "false"}
    command = [sys.executable, __file__, form, str(n)]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=off)
    return json.loads(told.stdout)


def main() -> None:
    """Prints a table for each number of layers."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--layers", default="10,50,200", help="numbers of them, with commas")
    parser.add_argument("--repeats", type=int, default=3, help="turns of each form")
    record.add_option(parser)
    options = parser.parse_args()
    kept: dict[str, list[float]] = {}
    for n in map(int, options.layers.split(",")):
        turns = [{form: ask(form, n) for form in FORMS} for _ in range(options.repeats)]
        for what in ("trace", "compile"):
            seconds = {form: [turn[form][what] for turn in turns] for form in FORMS}
            kept |= rivals.table(f"{n} layers, {what}", seconds, beside="serial")
    record.write(options.json, kept)


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] in FORMS:
        print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
    else:
        main()
