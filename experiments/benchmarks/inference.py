"""Times networks in use, not in training: jaxdl, PyTorch, torch.compile and onnxruntime in turn.

Each call takes arrays of NumPy and gives arrays of NumPy, as a server's does. jaxdl's networks are
compiled by ``jax.jit``, and run by ``train.predict`` too; onnxruntime runs the file that
``interop.to_onnx`` writes of them. Decoding continues a prompt of 16 tokens by 128, the likeliest
each time, with a cache of keys and values: jaxdl by ``models.generate``, one program, the others by
a loop over a step.
- mlp: 784-512-512-10
- convnet: 5×5×32, pool, 5×5×64, pool, dense 128, on images of 28×28
- decoding: 4 blocks, 256 wide, 4 heads, 1,000 tokens

Command:  python experiments/benchmarks/inference.py [--only mlp,decoding] [--repeats 7]
Needs:    pip install torch jax2onnx onnx-ir onnxruntime, and a C++ compiler for torch.compile
Measured: 2026-11-30
Result:   2 cores of an AMD EPYC, jax 0.10.2, PyTorch 2.13, onnxruntime 1.32; medians of 5, the
          others' times as multiples of jaxdl's. Other programs were stopped meanwhile. On a machine
          on which products of matrices reach 400 GFLOP/s in XLA and 210 in PyTorch:
                           jaxdl         predict  PyTorch  torch.compile  onnxruntime
          mlp, 1           0.081 ms      1.28 x   0.72 x   0.87 x         0.28 x
          mlp, 32          0.25 ms       0.95 x   1.24 x   1.33 x         0.47 x
          mlp, 1,024       4.9 ms        0.97 x   1.50 x   1.50 x         0.67 x
          convnet, 1       0.17 ms       1.10 x   1.76 x   1.61 x         1.86 x
          convnet, 32      3.4 ms        1.03 x   2.14 x   1.58 x         2.82 x
          convnet, 1,024   112 ms        0.99 x   2.48 x   1.43 x         2.59 x
          The day before, on one on which they reach 200 GFLOP/s in both:
          mlp, 1           0.17 ms       1.29 x   0.72 x   1.05 x         0.33 x
          mlp, 32          0.57 ms       1.21 x   0.84 x   1.09 x         0.60 x
          mlp, 1,024       11 ms         0.87 x   1.00 x   0.93 x         0.73 x
          convnet, 1       0.43 ms       1.17 x   1.41 x   1.35 x         1.12 x
          convnet, 32      6.9 ms        0.84 x   1.64 x   1.41 x         1.95 x
          convnet, 1,024   252 ms        0.94 x   1.59 x   0.99 x         1.63 x
          Repeats of jaxdl differ by up to a third.
          Decoding, on 2026-11-30, on another of the second kind:
          decoding, 1      955 tokens/s           1.68 x   2.25 x         1.28 x
          decoding, 32     5,030 tokens/s         1.08 x   11.2 x         1.71 x
          The day before it was 413 and 1,707 tokens/s, and PyTorch took 1.18 and 0.54 times as
          long: a step copied all keys and values out of the stack of blocks, with the heads in
          front of the time for the product, and back. Now each block has its own, heads first, in
          networks of up to 16; 12 with 32 sequences take 22 ms of a CPU a token instead of 75.
Limits:   PyTorch is ahead for one row of the mlp, which does nothing but read 2.7 MB of weights:
          XLA does it on one core, at 23 GB/s in the first product, 0.09 ms in all. ``predict``
          adds 0.05 ms of Python. The first product in 2 or 4 parts that are summed takes 0.95 to
          1.0 of its time (with jax 0.12 1.1 to 1.4); padded to more rows, for which XLA has a
          library that uses both cores, the network takes 1.5 and more (0.9 to 1.8); with
          transposed kernels 3.8 (2.3).
"""

import argparse
import functools
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import record
import rivals
from rivals import Trainer

RIVALS = ("jaxdl", "train.predict", "torch", "torch.compile", "onnxruntime")
PROMPT, NEW = 16, 128


class Task(NamedTuple):
    """The shape of an input without its batch, and calls timed together by batch size."""

    shape: tuple[int, ...]
    calls: dict[int, int]


TASKS = {
    "mlp": Task((784,), {1: 2000, 32: 500, 1024: 20}),
    "convnet": Task((28, 28, 1), {1: 200, 32: 20, 1024: 1}),
    "decoding": Task((PROMPT,), {1: 1, 32: 1}),
}
DECODER: dict[str, Any] = {"length": PROMPT + NEW, "n_features": 256, "n_heads": 4, "n_layers": 4}
TOKENS = 1000

Call = Callable[[np.ndarray], Any]


def inputs_of(name: str, batch: int) -> np.ndarray:
    """A batch of noise, or of prompts."""
    random, shape = np.random.default_rng(0), (batch, *TASKS[name].shape)
    if name == "decoding":
        return random.integers(TOKENS, size=shape).astype("int32")
    return random.normal(size=shape).astype("float32")


def jaxdl_network(name: str) -> Any:
    """One network with its params and state."""
    import jax

    import layers as trained
    from jaxdl import models

    if name == "convnet":
        net = trained.jaxdl_network("convnet")
    elif name == "mlp":
        net = models.mlp((784, 512, 512, 10))
    else:
        net = models.transformer_lm(TOKENS, **DECODER)
    return net, *jax.jit(net.init)(jax.random.key(0))


def jaxdl_call(name: str, batch: int) -> Call:
    """The compiled network."""
    import jax

    from jaxdl import models

    net, params, state = jaxdl_network(name)
    if name == "decoding":
        run = jax.jit(functools.partial(models.generate, net, n_new=NEW, temperature=0))
        return lambda x: np.asarray(run(params, x))
    apply = jax.jit(lambda params, x: net.apply(params, state, x)[0])
    return lambda x: np.asarray(apply(params, x))


def predict_call(name: str, batch: int) -> Call:
    """What ``train.predict`` adds: its checks, and batches of its own."""
    import jax
    import optax

    from jaxdl import train

    net, _, _ = jaxdl_network(name)
    train_state = train.init_state(net, optax.identity(), jax.random.key(0))
    return lambda x: train.predict(net, train_state, x, batch_size=batch)


def onnx_call(name: str, batch: int) -> Call:
    """The same network, written as ONNX."""
    import tempfile
    from pathlib import Path

    from jaxdl import interop
    from jaxdl.interop._onnx import session_of

    net, params, state = jaxdl_network(name)
    if name == "decoding":
        return onnx_decoder(net, params, batch)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.onnx"
        interop.to_onnx(path, net, params, state, inputs_of(name, batch), batch=batch)
        session = session_of("to_onnx", path)
    return lambda x: session.run(None, {"x": x})[0]


def onnx_decoder(net: Any, params: Any, batch: int) -> Call:
    """A loop over the step with a cache, whose arrays go in and come out.

    ONNX has no loop that onnxruntime would run faster.
    """
    import jax
    import jax.numpy as jnp
    import jax2onnx
    import onnxruntime

    from jaxdl import _portable, models
    from jaxdl.interop._flat_program import flat_program

    cache = models.transformer_cache(net, params, (batch,), PROMPT + NEW - 1)
    leaves, tree = jax.tree.flatten(cache)

    def step(tokens: Any, *leaves: Any) -> Any:
        logits, after = net.apply(params, jax.tree.unflatten(tree, leaves), tokens)
        return logits[:, -1:].argmax(-1).astype(jnp.int32), *jax.tree.leaves(after)

    def session(time: int) -> Any:
        given = [jax.ShapeDtypeStruct((batch, time), jnp.int32)]
        given += [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in leaves]
        with _portable.portable():
            flat = flat_program(step, *given)
            model = jax2onnx.to_onnx(lambda *given: flat(*given), given, opset=21)
        quiet = onnxruntime.SessionOptions()
        quiet.log_severity_level = 3
        return onnxruntime.InferenceSession(model.SerializeToString(), quiet)

    sessions = session(PROMPT), session(1)
    names = [entry.name for entry in sessions[1].get_inputs()]

    def call(prompt: np.ndarray) -> np.ndarray:
        tokens, held, out = prompt, [np.asarray(x) for x in leaves], []
        for i in range(NEW):
            given = dict(zip(names, [tokens, *held], strict=True))
            tokens, *held = sessions[min(i, 1)].run(None, given)
            out.append(tokens)
        return np.concatenate(out, axis=1)

    return call


def trainer(rival: str, name: str, batch: int) -> Trainer:
    """Endless calls of one rival, counted in groups."""
    x, calls = inputs_of(name, batch), TASKS[name].calls[batch]
    if rival.startswith("torch"):
        import inference_torch

        call = inference_torch.call(name, compiled=rival == "torch.compile")
    else:
        makers = {"jaxdl": jaxdl_call, "train.predict": predict_call, "onnxruntime": onnx_call}
        call = makers[rival](name, batch)
    for _ in range(3):  # what compiles at the second call is compiled too
        call(x)
    while True:
        for _ in range(calls):
            result = call(x)
        yield float(np.asarray(result).flat[0])


def main() -> None:
    """Times all rivals on all networks asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    parser.add_argument("--only", default=",".join(TASKS), help="networks, with commas")
    parser.add_argument("--repeats", type=int, default=7, help="groups of calls timed")
    record.add_option(parser)
    options = parser.parse_args()
    unknown = set(options.only.split(",")) - set(TASKS)
    if unknown:
        parser.error(
            f"--only: there is no {', '.join(sorted(unknown))}; there are {', '.join(TASKS)}"
        )
    figures: dict[str, list[float]] = {}
    for name in options.only.split(","):
        for batch, calls in TASKS[name].calls.items():
            compared = [r for r in RIVALS if name != "decoding" or r != "train.predict"]
            commands = {r: [sys.executable, __file__, r, name, str(batch)] for r in compared}
            seconds = rivals.steady(commands, options.repeats)
            what = f"{batch * NEW:,} tokens" if name == "decoding" else f"{calls:,} calls"
            figures |= rivals.table(f"{name}, batch {batch:,}: {what}", seconds)
    record.write(options.json, figures)


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[2] in TASKS:
        rivals.serve(trainer(sys.argv[1], sys.argv[2], int(sys.argv[3])))
    else:
        main()
