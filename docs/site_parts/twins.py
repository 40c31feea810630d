"""What each part is called in PyTorch, from the tables of the tests and from one here.

Activations, losses and optimizers have their twins in the docstrings of their packages, in tables
that the tests write. Layers, functions and initializers are compared with PyTorch in ``tests`` too,
but under no name that could be read from there, so these names stand here.
"""

import functools
import importlib
import re

_1_TO_3 = ["1d", "2d", "3d"]


def _nd(name: str) -> tuple[str, ...]:
    return tuple(f"torch.nn.{name}{axes}" for axes in _1_TO_3)


MODULES: dict[str, tuple[str, ...]] = {
    "adaptive_avg_pool": _nd("AdaptiveAvgPool"),
    "adaptive_max_pool": _nd("AdaptiveMaxPool"),
    "alpha_dropout": ("torch.nn.AlphaDropout",),
    "avg_pool": _nd("AvgPool"),
    "batch_norm": _nd("BatchNorm"),
    "bilinear": ("torch.nn.Bilinear",),
    "conv": _nd("Conv"),
    "conv_transpose": _nd("ConvTranspose"),
    "dense": ("torch.nn.Linear",),
    "dropout": ("torch.nn.Dropout",),
    "embedding": ("torch.nn.Embedding",),
    "embedding_bag": ("torch.nn.EmbeddingBag",),
    "feature_alpha_dropout": ("torch.nn.FeatureAlphaDropout",),
    "feature_dropout": _nd("Dropout"),
    "flatten": ("torch.nn.Flatten",),
    "group_norm": ("torch.nn.GroupNorm",),
    "gru": ("torch.nn.GRU",),
    "instance_norm": _nd("InstanceNorm"),
    "layer_norm": ("torch.nn.LayerNorm",),
    "local_response_norm": ("torch.nn.LocalResponseNorm",),
    "lp_pool": _nd("LPPool"),
    "lstm": ("torch.nn.LSTM",),
    "max_pool": _nd("MaxPool"),
    "multi_head_attention": ("torch.nn.MultiheadAttention",),
    "pixel_shuffle": ("torch.nn.PixelShuffle",),
    "pixel_unshuffle": ("torch.nn.PixelUnshuffle",),
    "prelu": ("torch.nn.PReLU",),
    "rms_norm": ("torch.nn.RMSNorm",),
    "rnn": ("torch.nn.RNN",),
    "rrelu": ("torch.nn.RReLU",),
    "spectral_norm": ("torch.nn.utils.parametrizations.spectral_norm",),
    "upsample": ("torch.nn.Upsample",),
    "weight_norm": ("torch.nn.utils.parametrizations.weight_norm",),
}
FUNCTIONS = {"dot_product_attention": ("torch.nn.functional.scaled_dot_product_attention",)}
INITIALIZERS: dict[str, tuple[str, ...]] = {
    name: (f"torch.nn.init.{name}_",)
    for name in [
        "constant",
        "dirac",
        "eye",
        "kaiming_normal",
        "kaiming_uniform",
        "normal",
        "ones",
        "orthogonal",
        "sparse",
        "trunc_normal",
        "uniform",
        "xavier_normal",
        "xavier_uniform",
        "zeros",
    ]
}
INITIALIZERS["calculate_gain"] = ("torch.nn.init.calculate_gain",)
COMBINATORS: dict[str, tuple[str, ...]] = {
    "serial": ("torch.nn.Sequential",),
    "remat": ("torch.utils.checkpoint.checkpoint",),
}
BY_HAND: dict[str, dict[str, tuple[str, ...]]] = {
    "layers": MODULES,
    "functional": MODULES | FUNCTIONS,
    "initializers": INITIALIZERS,
    "combinators": COMBINATORS,
}
ROW = re.compile(r"^\| (?P<theirs>.*) \| `(?P<ours>\w+)` \| .* \|$", re.MULTILINE)
IN_OPTIM = {"clip_grad_norm_": "torch.nn.utils.clip_grad_norm_"}
IN_OPTIM |= {
    name: f"torch.optim.swa_utils.{name}" for name in ("AveragedModel", "get_ema_avg_fn", "SWALR")
}


def of(package: str, name: str) -> tuple[str, ...]:
    """What PyTorch calls a public name; empty if it has none.

    Example:
        >>> of("losses", "dice"), of("losses", "mse_loss"), of("optim", "adam")
        ((), ('torch.nn.functional.mse_loss',), ('torch.optim.Adam',))
    """
    if package in {"activations", "losses", "optim"}:
        return _tables(package).get(name, ())
    return BY_HAND.get(package, {}).get(name, ())


@functools.cache
def _tables(package: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    doc = importlib.import_module(f"jaxdl.{package}").__doc__ or ""
    for row in ROW.finditer(doc):
        theirs = [
            _full(name, package) for name in re.findall(r"`([\w.]+)(?:\(\))?`", row["theirs"])
        ]
        found[row["ours"]] = tuple(dict.fromkeys((*found.get(row["ours"], ()), *theirs)))
    return found


def _full(name: str, package: str) -> str:
    if package == "optim":
        schedule = name.endswith("LR") or "Annealing" in name or name == "ReduceLROnPlateau"
        inside = "torch.optim.lr_scheduler." if schedule else "torch.optim."
        return IN_OPTIM.get(name, inside + name)
    return name.replace("F.", "torch.nn.functional.")


def address(name: str) -> str:
    """The page of PyTorch's documentation."""
    pages = "https://docs.pytorch.org/docs/stable"
    if name.startswith("torch.nn.init."):
        return f"{pages}/nn.init.html#{name}"
    if name.startswith("torch.utils.checkpoint"):
        return f"{pages}/checkpoint.html"
    if name.startswith("torch.optim.swa_utils"):
        return f"{pages}/optim.html#weight-averaging-swa-and-ema"
    return f"{pages}/generated/{name}.html"
