"""Wrong calls of optimizers, schedules and what stands around them."""

import jax.numpy as jnp
import numpy as np
import optax

from jaxdl import optim, regularizers
from wrong_calls.row import Wrong

ROWS = [
    Wrong(lambda: optim.sgd(-0.1), "sgd: learning_rate is -0.1", ValueError),
    Wrong(lambda: optim.sgd(float("nan")), "learning_rate is nan", ValueError),
    Wrong(lambda: optim.adam("fast"), "learning_rate is 'fast'", TypeError),
    Wrong(lambda: optim.adam(None), "learning_rate is None", TypeError),
    Wrong(lambda: optim.adam(jnp.ones(3)), r"float32\[3\].*vmap", ValueError),
    Wrong(lambda: optim.sgd(momentum=-1.0), "momentum is -1.0", ValueError),
    Wrong(lambda: optim.sgd(nesterov=True), "nesterov needs momentum", ValueError),
    Wrong(
        lambda: optim.sgd(momentum=0.9, dampening=0.1, nesterov=True),
        "no dampening, got momentum=0.9 and dampening=0.1",
        ValueError,
    ),
    Wrong(lambda: optim.adam(betas=(0.9, 1.0)), r"betas\[1\] is 1.0", ValueError),
    Wrong(lambda: optim.adam(betas=0.9), "must be a pair", ValueError),
    Wrong(lambda: optim.adam(eps=-1.0), "eps is -1.0", ValueError),
    Wrong(lambda: optim.adamw(weight_decay=-1.0), "adamw: weight_decay is -1.0", ValueError),
    Wrong(lambda: optim.rmsprop(alpha=1.5), "alpha is 1.5", ValueError),
    Wrong(lambda: optim.rprop(etas=(1.2, 0.5)), "0 < η⁻ < 1 < η⁺", ValueError),
    Wrong(lambda: optim.rprop(optax.constant_schedule(0.1)), "first step size", TypeError),
    Wrong(lambda: optim.adafactor(beta2_decay=0.8), "beta2_decay is 0.8", ValueError),
    Wrong(lambda: optim.adafactor(d=0.5), "d is 0.5", ValueError),
    Wrong(lambda: optim.muon(adjust_lr_fn="none"), "adjust_lr_fn is 'none'", ValueError),
    Wrong(lambda: optim.muon(ns_steps=0), "ns_steps is 0", ValueError),
    Wrong(
        lambda: optim.muon().init({"b": jnp.ones(3)}), r"'b' is float32\[3\].*by_path", ValueError
    ),
    Wrong(
        lambda: optim.adam().init({"a": [jnp.ones(2), jnp.arange(3)]}),
        r"'a/1' is int32\[3\]; it must be floating point",
        TypeError,
    ),
    Wrong(lambda: optim.adam().init(jnp.ones(2, complex)), "must be floating point", TypeError),
    Wrong(
        lambda: optim.adamw().update(jnp.ones(2), optim.adamw().init(jnp.ones(2))),
        "adamw: update.* needs params",
        ValueError,
    ),
    # Schedules
    Wrong(lambda: optim.cyclic(0.1, 1.0, step_size_up=0), "step_size_up is 0"),
    Wrong(lambda: optim.cyclic(0.1, 1.0, mode="square"), "mode is 'square'"),
    Wrong(lambda: optim.cyclic(0.1, 1.0, scale_mode="epochs"), "scale_mode is 'epochs'"),
    Wrong(lambda: optim.one_cycle(1.0, 0), "total_steps is 0"),
    Wrong(lambda: optim.one_cycle(1.0, 9, pct_start=1.5), "pct_start is 1.5"),
    Wrong(lambda: optim.one_cycle(1.0, 9, anneal_strategy="poly"), "anneal_strategy is 'poly'"),
    Wrong(lambda: optim.cosine_annealing(1.0, T_max=-1), "T_max is -1"),
    Wrong(lambda: optim.cosine_warm_restarts(1.0, T_0=5, T_mult=1.5), "T_mult is 1.5"),
    Wrong(lambda: optim.reduce_on_plateau(factor=1.0), "factor is 1.0"),
    Wrong(lambda: optim.reduce_on_plateau(mode="less"), "mode is 'less'"),
    Wrong(lambda: optim.reduce_on_plateau(patience=-1), "patience is -1"),
    Wrong(
        lambda: optim.reduce_on_plateau().update((), optim.reduce_on_plateau().init(())),
        "needs value",
    ),
    # L-BFGS, averages, clipping, penalties
    Wrong(
        lambda: optim.lbfgs(line_search_fn="zoom"), "line_search_fn is 'zoom'; it must be one of"
    ),
    Wrong(lambda: optim.lbfgs(history_size=2.5), "history_size is 2.5"),
    Wrong(lambda: optim.clip_by_norm("1"), "clip_by_norm: max_norm is '1'", TypeError),
    Wrong(
        lambda: optim.rprop(step_sizes=(1.0, 0.1)), "rprop: step_sizes is .* 0 ≤ least ≤ largest"
    ),
    Wrong(lambda: optim.rprop(etas=0.5), "rprop: etas is 0.5; it must be a pair"),
    Wrong(lambda: optim.adafactor(eps=1e-3), "adafactor: eps is 0.001; it must be a pair"),
    Wrong(lambda: optim.adam(betas=(np.float32(1.5), 0.9)), r"betas\[0\] is 1.5"),
    Wrong(lambda: optim.adam(betas=(0.9, jnp.float32(-0.5))), r"betas\[1\] is -0.5"),
    Wrong(lambda: optim.sgd(True), "sgd: learning_rate is True", TypeError),
    Wrong(lambda: optim.cyclic(0.1, 0.5, mode="saw"), "cyclic: mode is 'saw'; it must be one of"),
    Wrong(lambda: optim.one_cycle(0.1, 9, anneal_strategy=None), "anneal_strategy is None"),
    Wrong(lambda: optim.reduce_on_plateau(mode="up"), "reduce_on_plateau: mode is 'up'"),
    Wrong(lambda: regularizers.l2_penalty({"bias": jnp.ones(2)}), r"chooses none .*\['bias'\]"),
]
