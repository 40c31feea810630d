"""``python -m jaxdl.interop``: exports what an experiment trained, and predicts with it."""

import argparse
import importlib.util
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, TypeVar

import jax
import numpy as np
from jax.typing import ArrayLike

from jaxdl import checkpoint
from jaxdl.interop._export import export, load_program, save_program
from jaxdl.interop._extras import needs
from jaxdl.interop._files import save_weights
from jaxdl.interop._onnx import session_of, to_onnx
from jaxdl.types import Layer, PyTree

T = TypeVar("T")

_ENDINGS = {"stablehlo": ".jaxdl", "onnx": ".onnx", "safetensors": ".safetensors"}


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        raise SystemExit(f"error: {message}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command, and returns its exit status.

    Args:
        arguments: the command line's words; those of the process by default.

    Returns:
        0, or 1 after a line ``error: …``.

    Example:
        >>> main(["predict", "no/such.jaxdl", "cat.png"])
        error: interop.load_program: there is no file no/such.jaxdl
        1
    """
    parser = _Parser(prog="python -m jaxdl.interop", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="export|predict")
    out = commands.add_parser("export", help="write a trained network in another format")
    out.add_argument("run", type=Path, help="an experiment's folder, such as runs/animals_mlp")
    out.add_argument("--to", choices=tuple(_ENDINGS), required=True, help="the format")
    out.add_argument("--output", type=Path, help="the file; by default beside the checkpoints")
    out.add_argument("--experiment", type=Path, help="by default experiments/NAME-OF-THE-RUN.py")
    out.set_defaults(run_command=_export)
    guess = commands.add_parser("predict", help="classify images with an exported network")
    guess.add_argument("program", type=Path, help="a file of `export --to stablehlo` or onnx")
    guess.add_argument("images", type=Path, nargs="+", help="image files")
    guess.add_argument("--top", type=int, default=3, help="how many classes are printed")
    guess.set_defaults(run_command=_predict)
    given = parser.parse_args(arguments)
    try:
        given.run_command(given)
    except (ValueError, TypeError, OSError, ImportError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stdout)
        return 1
    return 0


def _export(given: argparse.Namespace) -> None:
    output = given.output or given.run / f"network{_ENDINGS[given.to]}"
    if not given.run.is_dir():
        raise FileNotFoundError(f"there is no folder {given.run}")
    tree, history = checkpoint.load(given.run / "checkpoints")
    params, state = tree["params"], tree["state"]
    epoch = history[-1].get("epoch") if history else None
    about = {"run": str(given.run), "epoch": epoch}
    if given.to == "safetensors":
        text = {name: str(value) for name, value in about.items()}
        save_weights(output, {"params": params, "state": state}, metadata=text)
        print(output)
        return
    net, dataset = _built(given.run, given.experiment)
    example = np.asarray(dataset.train["inputs"][:1])
    classes = getattr(dataset, "classes", None)
    if given.to == "onnx":
        worst = to_onnx(output, net, params, state, example, classes=classes)
        print(f"{output}, {worst:.1g} from the network")
    else:
        program = export(net, params, state, example, classes=classes, metadata=about)
        save_program(output, program)
        print(output)


def _built(run: Path, experiment: Path | None) -> tuple[Layer, PyTree]:
    """The network and the data of an experiment, from its code and the run's config.json."""
    name = run.parent.name if run.name.startswith("seed_") else run.resolve().name
    path = experiment or Path("experiments") / f"{name}.py"
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}; pass --experiment FILE")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent.resolve()))
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    if not hasattr(module, "build") or not hasattr(module, "Config"):
        raise ValueError(f"{path} has no build and Config, as experiments have")
    built = module.build(_config(module.Config, run / "config.json"))
    if not hasattr(built, "net"):
        raise ValueError(f"{path} trains several networks; export one with interop.export")
    return built.net, built.data


def _config(kind: Callable[..., T], path: Path) -> T:
    """The run's flags, with paths and tuples as the experiment has them."""
    try:
        saved = json.loads(path.read_text())
        defaults = kind()
        fields = {k: _as(getattr(defaults, k), v) for k, v in saved.items() if hasattr(defaults, k)}
        return kind(**fields)
    except (json.JSONDecodeError, AttributeError, TypeError) as error:
        raise ValueError(f"{path} isn't the config of {kind.__module__}: {error}") from error


def _as(default: object, value: Any) -> object:
    if isinstance(default, Path) and value is not None:
        return Path(value)
    return tuple(value) if isinstance(value, list) else value


class _Network(NamedTuple):
    """An exported network: how it is called, and what goes in and comes out."""

    call: Callable[[np.ndarray], ArrayLike]
    shape: Sequence[int | str]
    dtype: str
    classes: Sequence[str] | None


def _predict(given: argparse.Namespace) -> None:
    if given.top < 1:
        raise ValueError(f"--top is {given.top}; it must be at least 1")
    if given.program.suffix == ".safetensors":
        raise ValueError(f"{given.program} holds weights alone; export --to stablehlo or onnx")
    network = (_onnx_network if given.program.suffix == ".onnx" else _network)(given.program)
    for path in given.images:
        logits = np.asarray(network.call(_pixels(network, path)))[0]
        if logits.ndim != 1:
            raise ValueError(f"{given.program} gives {logits.shape} per image, not a class")
        shares = np.asarray(jax.nn.softmax(logits))
        best = np.argsort(-shares)[: given.top]
        names = network.classes or [f"class {i}" for i in range(len(shares))]
        print(f"{path}: {', '.join(f'{names[i]} {shares[i]:.3f}' for i in best)}")


def _network(path: Path) -> _Network:
    program = load_program(path)
    inputs = program.exported.in_avals[len(program.weights) :]
    if len(inputs) != 1:
        raise ValueError(f"{path} takes {len(inputs)} inputs, not one of images")
    return _Network(
        program.call, inputs[0].shape, str(inputs[0].dtype), program.metadata["classes"]
    )


def _onnx_network(path: Path) -> _Network:
    session = session_of("predict", path)
    (given, *more) = session.get_inputs()
    if more:
        raise ValueError(f"{path} takes {1 + len(more)} inputs, not one of images")
    noted = session.get_modelmeta().custom_metadata_map.get("classes")

    def call(x: np.ndarray) -> np.ndarray:
        try:
            return session.run(None, {given.name: x})[0]
        except Exception as error:  # onnxruntime raises its own kinds
            raise ValueError(f"{path} can't be run on one image: {error}") from error

    return _Network(
        call,
        given.shape,
        given.type.removeprefix("tensor(").removesuffix(")"),
        None if noted is None else json.loads(noted),
    )


def _pixels(network: _Network, path: Path) -> np.ndarray:
    """An image file as a batch of one, in the size and the channels that a network takes."""
    image = needs("predict", "PIL.Image", "files")
    shape = network.shape
    sizes = [size for size in shape[1:] if isinstance(size, int)]
    if network.dtype != "uint8" or len(shape) not in (3, 4) or len(sizes) != len(shape) - 1:
        listed = ",".join(map(str, shape))
        raise ValueError(f"the network takes {network.dtype}[{listed}], not images of bytes")
    height, width, channels = (*sizes, 1)[:3]
    mode = {1: "L", 3: "RGB", 4: "RGBA"}.get(channels)
    if mode is None:
        raise ValueError(f"the network takes images of {channels} channels")
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        with image.open(path) as file:
            pixels = np.asarray(file.convert(mode).resize((width, height)))
    except Exception as error:  # decoders raise many kinds
        raise ValueError(f"{path} is no image that can be read: {error}") from error
    return pixels.reshape(1, *shape[1:])
