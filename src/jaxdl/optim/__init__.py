"""Gradient transformations: torch.optim's algorithms and schedules for optax, and their parts.

Each optimizer is an optax transformation with PyTorch's options, and can be used wherever one can.
Chain transformations in the order of PyTorch's loop, as in
``optax.chain(clip_by_norm(1.0), adamw(schedule), ema(0.999))``; ``optax.inject_hyperparams`` puts
any option on a schedule, and options may be traced, so that ``vmap`` trains a population over them.
``optax.MultiSteps`` accumulates: it averages the gradients of k batches, which gives the gradient
of the combined batch if all have the same number of rows. To maximize instead of minimize, put
``optax.scale(-1.0)`` before an optimizer.

Invalid arguments raise at once: a TypeError if the learning rate is neither a number nor a
schedule, a ValueError if an option is out of range. Traced options can't be checked.

<!-- table of equals: begin -->
Relative bounds that the tests hold trajectories of 50 steps and schedules of 60 to, in float64;
tests/tables/optimizers.py says why some are looser than 1e-12. η is the first learning rate.

| PyTorch | jaxdl | equal to |
|---|---|---|
| `SGD` | `gradient_descent` | 1e-12 |
| `SGD` | `sgd` | 1e-12 |
| `Adam` | `adam` | 1e-12 |
| `AdamW` | `adamw` | 1e-12 |
| `Adamax` | `adamax` | 1e-12 |
| `NAdam` | `nadam` | 1e-12 |
| `RAdam` | `radam` | 1e-12 |
| `RMSprop` | `rmsprop` | 1e-12 |
| `Adagrad` | `adagrad` | 1e-12 |
| `Adadelta` | `adadelta` | 1e-12 |
| `Adafactor` | `adafactor` | 1e-12 |
| `ASGD` | `asgd` | 1e-12 |
| `Rprop` | `rprop` | 1e-12 |
| `SparseAdam` | `sparse_adam` | 1e-12 |
| `Muon` | `muon` | 1e-12 |
| `LBFGS` | `lbfgs` | 1e-12 |
| `LambdaLR` | `lambda n: η·f(n)` | 1e-12 |
| `MultiplicativeLR` | `lambda n: η·f**n` | 1e-12 |
| `StepLR` | `optax.exponential_decay(η, step_size, gamma, staircase=True)` | 3e-6 |
| `MultiStepLR` | `optax.piecewise_constant_schedule(η, {milestone: gamma, …})` | 3e-6 |
| `ConstantLR` | `optax.piecewise_constant_schedule(η·factor, {total_iters: 1 / factor})` | 3e-6 |
| `LinearLR` | `optax.linear_schedule(η·start_factor, η·end_factor, total_iters)` | 3e-6 |
| `ExponentialLR` | `optax.exponential_decay(η, 1, gamma)` | 3e-6 |
| `PolynomialLR` | `optax.polynomial_schedule(η, 0.0, power, total_iters)` | 3e-6 |
| `SequentialLR` | `optax.join_schedules(schedules, milestones)` | 3e-6 |
| `ChainedScheduler` | `lambda n: f(n)·g(n)` | 1e-12 |
| `SWALR` | `optax.cosine_decay_schedule(η, anneal_epochs, alpha=swa_lr / η)` | 3e-6 |
| `CosineAnnealingLR` | `cosine_annealing` | 1e-12 |
| `CosineAnnealingWarmRestarts` | `cosine_warm_restarts` | 1e-12 |
| `CyclicLR` | `cyclic` | 1e-12 |
| `OneCycleLR` | `one_cycle` | 1e-12 |
| `ReduceLROnPlateau` | `reduce_on_plateau` | 1e-12 |
| `clip_grad_norm_` | `clip_by_norm` | 1e-12 |
| `AveragedModel`, `get_ema_avg_fn` | `ema` | 1e-12 |
| `AveragedModel` | `swa` | 1e-12 |
<!-- table of equals: end -->
"""

from jaxdl import _face
from jaxdl._paths import is_kernel
from jaxdl.optim._adam import adam, adamax, adamw, sparse_adam
from jaxdl.optim._adaptive import adadelta, adagrad, rmsprop
from jaxdl.optim._averages import averaged_params, ema, swa
from jaxdl.optim._clipping import clip_by_norm, global_norm
from jaxdl.optim._gradient import asgd, gradient_descent, rprop, sgd
from jaxdl.optim._lbfgs import lbfgs
from jaxdl.optim._matrices import adafactor, muon
from jaxdl.optim._paths import by_path, path_mask
from jaxdl.optim._plateau import reduce_on_plateau
from jaxdl.optim._rectified import nadam, radam
from jaxdl.optim._schedules import cosine_annealing, cosine_warm_restarts, cyclic, one_cycle

__all__ = [
    "adadelta",
    "adafactor",
    "adagrad",
    "adam",
    "adamax",
    "adamw",
    "asgd",
    "averaged_params",
    "by_path",
    "clip_by_norm",
    "cosine_annealing",
    "cosine_warm_restarts",
    "cyclic",
    "ema",
    "global_norm",
    "gradient_descent",
    "is_kernel",
    "lbfgs",
    "muon",
    "nadam",
    "one_cycle",
    "path_mask",
    "radam",
    "reduce_on_plateau",
    "rmsprop",
    "rprop",
    "sgd",
    "sparse_adam",
    "swa",
]

__doc__ = _face.index(globals())
