"""What each numeric option of the library may be: one table, and the check that reads it.

An option is looked up as ``"function.option"`` and then as ``"option"``: the shared meaning of a
name stands once, and a function that differs has a row of its own.
"""

import math
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import jax.numpy as jnp
from jax import Array

from jaxdl import _checks

ANY, FINITE, NOT_ZERO = "be a number", "be finite", "be a number other than 0"
POSITIVE, AT_LEAST_0, AT_LEAST_1, AT_MOST_0 = "be positive", "be at least 0", "be at least 1", (
    "be at most 0"
)  # fmt: skip
SHARE, BELOW_1, INSIDE, ABOVE_0 = (f"lie in {x}" for x in ("[0, 1]", "[0, 1)", "(0, 1)", "(0, 1]"))
COSINE = "lie in [-1, 1]"
NOT_NEGATIVE, ABOVE_0_FINITE = "be finite and at least 0", "be finite and above 0"
COUNT, INDEX, INTEGER = "be a positive integer", "be an integer of at least 0", "be an integer"

HOLDS: dict[str, Callable[[float], bool]] = {
    ANY: lambda x: not math.isnan(x),
    FINITE: math.isfinite,
    NOT_ZERO: lambda x: not math.isnan(x) and x != 0,
    POSITIVE: lambda x: x > 0,
    AT_LEAST_0: lambda x: x >= 0,
    AT_LEAST_1: lambda x: x >= 1,
    AT_MOST_0: lambda x: x <= 0,
    SHARE: lambda x: 0 <= x <= 1,
    BELOW_1: lambda x: 0 <= x < 1,
    INSIDE: lambda x: 0 < x < 1,
    ABOVE_0: lambda x: 0 < x <= 1,
    COSINE: lambda x: -1 <= x <= 1,
    NOT_NEGATIVE: lambda x: 0 <= x < math.inf,
    ABOVE_0_FINITE: lambda x: 0 < x < math.inf,
    COUNT: lambda x: x >= 1,
    INDEX: lambda x: x >= 0,
    INTEGER: lambda x: True,
}
_WHOLE = (COUNT, INDEX, INTEGER)

RANGES = MappingProxyType(
    {
        # Shares and rates
        "rate": SHARE,
        "gaussian_dropout.rate": BELOW_1,
        "label_smoothing": SHARE,
        "label_smoothing.rate": BELOW_1,
        "sparsity": SHARE,
        "decay": SHARE,
        "pct_start": SHARE,
        # Guards against a division by 0, norms, scales
        "eps": AT_LEAST_0,
        "epsilon": AT_LEAST_0,
        "pairwise_distance.eps": ANY,
        "triplet_margin_loss.eps": ANY,
        "p": ANY,
        "normalize.p": POSITIVE,
        "norm_type": AT_LEAST_1,
        "lp_pool.norm_type": POSITIVE,
        "std": AT_LEAST_0,
        "stddev": AT_LEAST_0,
        "trunc_normal.std": POSITIVE,
        "mean": FINITE,
        "gain": FINITE,
        "bound": AT_LEAST_0,
        "param": ANY,
        "smooth": AT_LEAST_0,
        "shift": FINITE,
        # Shapes of activations and losses
        "softplus.beta": NOT_ZERO,
        "softplus.threshold": ANY,
        "squareplus.b": POSITIVE,
        "lambd": AT_LEAST_0,
        "elu.alpha": ANY,
        "celu.alpha": NOT_ZERO,
        "negative_slope": ANY,
        "lower": FINITE,
        "upper": FINITE,
        "min_val": ANY,
        "max_val": ANY,
        "threshold.threshold": ANY,
        "threshold.value": FINITE,
        "binary_accuracy.threshold": ANY,
        "tau": POSITIVE,
        "temperature": POSITIVE,
        "generate.temperature": AT_LEAST_0,
        "top_p": ABOVE_0,
        "gamma": AT_LEAST_0,
        "circle.gamma": POSITIVE,
        "margin": FINITE,
        "cosine_embedding_loss.margin": COSINE,
        "triplet_margin_loss.margin": POSITIVE,
        "triplet_margin_with_distance_loss.margin": POSITIVE,
        "delta": POSITIVE,
        "smooth_l1_loss.beta": AT_LEAST_0,
        "q": ABOVE_0,
        "binary_focal_cross_entropy.alpha": SHARE,
        "categorical_focal_cross_entropy.alpha": AT_LEAST_0,
        "tversky.alpha": AT_LEAST_0,
        "tversky.beta": AT_LEAST_0,
        "f_beta.beta": AT_LEAST_0,
        "ignore_index": INTEGER,
        "chunk_size": COUNT,
        "bins": COUNT,
        "top_k_accuracy.k": COUNT,
        "dirac.groups": COUNT,
        # Normalization and the like
        "batch_norm.momentum": SHARE,
        "local_response_norm.k": AT_LEAST_0,
        "local_response_norm.alpha": AT_LEAST_0,
        "local_response_norm.beta": AT_LEAST_0,
        "base": POSITIVE,
        "rotary_base": POSITIVE,
        "rescale.scale": FINITE,
        "rescale.offset": FINITE,
        "attention_weights.scale": FINITE,
        "dot_product_attention.scale": FINITE,
        "prelu.slope": FINITE,
        "swish.beta": FINITE,
        "lora.alpha": POSITIVE,
        "spectral_norm.n_iterations": INDEX,
        # Integers that may be 0, or below
        "padding_index": INDEX,
        "end": INDEX,
        "seed": INDEX,
        "run_seeds.first": INDEX,
        "share_of.rows": INDEX,
        "process": INDEX,
        "least": INDEX,
        "i": INTEGER,
        "integers.low": INTEGER,
        "integers.high": INTEGER,
        # Data
        "degrees": NOT_NEGATIVE,
        "noise": NOT_NEGATIVE,
        "circles.factor": BELOW_1,
        "periods": FINITE,
        "turns": FINITE,
        "l1": AT_LEAST_0,
        "l2": AT_LEAST_0,
        # Optimizers and schedules
        "learning_rate": AT_LEAST_0,
        "betas[0]": BELOW_1,
        "betas[1]": BELOW_1,
        "weight_decay": AT_LEAST_0,
        "momentum": AT_LEAST_0,
        "muon.momentum": BELOW_1,
        "momentum_decay": AT_LEAST_0,
        "dampening": FINITE,
        "rmsprop.alpha": BELOW_1,
        "rho": BELOW_1,
        "lr_decay": AT_LEAST_0,
        "initial_accumulator_value": AT_LEAST_0,
        "asgd.alpha": AT_LEAST_0,
        "t0": AT_LEAST_0,
        "beta2_decay": AT_MOST_0,
        "d": AT_LEAST_1,
        "eps[0]": AT_LEAST_0,
        "eps[1]": AT_LEAST_0,
        "max_norm": AT_LEAST_0,
        "tolerance_grad": AT_LEAST_0,
        "tolerance_change": AT_LEAST_0,
        "max_iter": COUNT,
        "max_eval": COUNT,
        "history_size": COUNT,
        "ns_steps": COUNT,
        "start": INDEX,
        "every": COUNT,
        "factor": INSIDE,
        "patience": INDEX,
        "early_stopping.margin": AT_LEAST_0,
        # Training, sweeps, checkpoints and explanations
        "dynamic_loss_scale.scale": ABOVE_0_FINITE,
        "mixup.alpha": ABOVE_0_FINITE,
        "class_weights.weights": NOT_NEGATIVE,
        "find_learning_rate.low": ABOVE_0_FINITE,
        "find_learning_rate.high": ABOVE_0_FINITE,
        "find_learning_rate.decay": BELOW_1,
        "uniform.low": FINITE,
        "uniform.high": FINITE,
        "log_uniform.low": ABOVE_0_FINITE,
        "log_uniform.high": ABOVE_0_FINITE,
        "every_seconds": AT_LEAST_0,
        "gradient_check.step": ABOVE_0_FINITE,
        "landscape.span": ABOVE_0_FINITE,
        "threshold": AT_LEAST_0,
        "cooldown": INDEX,
        "min_scale": AT_LEAST_0,
        "accumulation_size": COUNT,
        "base_lr": AT_LEAST_0,
        "max_lr": AT_LEAST_0,
        "eta_min": AT_LEAST_0,
        "div_factor": POSITIVE,
        "final_div_factor": POSITIVE,
        "cyclic.gamma": POSITIVE,
        "step_size_up": COUNT,
        "step_size_down": COUNT,
        "total_steps": COUNT,
        "T_max": COUNT,
        "T_0": COUNT,
        "T_mult": COUNT,
    }
)
"""What an option must: the words of the message, by which the check is found too."""


def allowed(function: str, option: str) -> str:
    """Returns what an option must do, such as ``"lie in [0, 1]"``.

    Args:
        function: its name, or a layer's label such as ``"dropout(0.5)"``.
        option: its name.

    Raises:
        KeyError: if the table has no row for it.
    """
    own = f"{function.partition('(')[0].rpartition('.')[2]}.{option}"
    return RANGES[own] if own in RANGES else RANGES[option]


def whole(function: str, option: str) -> str:
    """Returns what an integer option must do: be positive, unless the table has a row for it.

    Example:
        >>> whole("mlp", "depth"), whole("generate", "end")
        ('be a positive integer', 'be an integer of at least 0')
    """
    own = f"{function.rpartition('.')[2]}.{option}"
    must = RANGES.get(own, RANGES.get(option, COUNT))
    return must if must in _WHOLE else COUNT


def check(function: str, /, **options: object) -> None:
    """Raises unless every option that has a value is what the table allows; traced ones pass.

    Args:
        function: its name, or a layer's label such as ``"dropout(0.5)"``.
        options: by their names. Python's, NumPy's and JAX's numbers are treated alike.

    Raises:
        TypeError: if an option isn't a number.
        ValueError: if it is out of range, or an array of several.

    Example:
        >>> check("dropout", rate=0.5)
        >>> check("dropout", rate=-0.5)
        Traceback (most recent call last):
        ValueError: dropout: rate is -0.5; it must lie in [0, 1]
    """
    for option, value in options.items():
        must = allowed(function, option)
        if must in _WHOLE and not _checks.is_whole(value):
            raise ValueError(f"{function}: {option} is {value!r}; it must {must}")
        x = _checks.number(function, option, value)
        if x is not None and not HOLDS[must](x):
            raise ValueError(f"{function}: {option} is {value}; it must {must}")


def ordered(function: str, /, *, strict: bool = False, **bounds: object) -> None:
    """Raises a ValueError unless the lower of two bounds, given first, is not above the upper."""
    (low, a), (high, b) = bounds.items()
    x, y = _checks.number(function, low, a), _checks.number(function, high, b)
    if x is not None and y is not None and not (x < y or (x == y and not strict)):
        words = "be below" if strict else "not exceed"
        raise ValueError(f"{function}: {low} is {a} and {high} is {b}; {low} must {words} {high}")


def numbers(function: str, like: Array, /, **options: object) -> list[Array]:
    """Returns checked options in the dtype of an array, or raises as ``check`` does.

    Example:
        >>> numbers("elu", jnp.ones(2, jnp.bfloat16), alpha=2)
        [Array(2, dtype=bfloat16)]
    """
    check(function, **options)
    return [jnp.asarray(value, like.dtype) for value in options.values()]


def constants(function: str, /, **options: Any) -> list[Any]:
    """Returns checked options as Python's numbers: those that choose a formula, a shape, a loop.

    Raises:
        TypeError: also if one is traced.

    Example:
        >>> constants("pairwise_distance", p=jnp.float32(2))
        [2.0]
    """
    for option, value in options.items():
        if _checks.known(value) is None:
            raise TypeError(f"{function}: {option} is traced; its value must be known")
    check(function, **options)
    whole = [allowed(function, option) in _WHOLE for option in options]
    return [int(x) if i else float(x) for i, x in zip(whole, options.values(), strict=True)]
