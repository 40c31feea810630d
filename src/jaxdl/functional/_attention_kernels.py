"""Attention by the fused kernels of accelerators: cuDNN's on NVIDIA's GPUs, splash on TPUs.

Which one a program holds is decided when it is lowered for a platform, and only what this process
can run, or what an export asks for, is traced at all: on a CPU nothing changes.
"""

import functools
import math
from collections.abc import Callable, Mapping
from typing import Literal

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from jaxdl._forward_mode import in_forward_mode
from jaxdl._portable import is_portable, platforms
from jaxdl.functional._attention_scores import up_to_now
from jaxdl.types import Array, Shape

BLOCK = 128
"""What splash cuts time into, at least: the width of a TPU's registers."""


def by_kernels(
    plain: Callable[[Array, Array, Array], Array],
    q: Array,
    k: Array,
    v: Array,
    *,
    mask: Array | None,
    causal: bool,
    scale: float | Array | None,
) -> Array:
    """``plain(q, k, v)``, computed by the platform's fused kernel, if one applies.

    Kernels take half precision, heads of one size, a known scale, and, if causal, as many queries
    as keys. They can be differentiated once, in reverse mode.
    """
    if (
        isinstance(scale, jax.core.Tracer)
        or is_portable()
        or in_forward_mode(q, k, v)
        or not _is_alike(q, k, v, causal=causal)
    ):
        return plain(q, k, v)
    factor = 1 / math.sqrt(q.shape[-1]) if scale is None else float(scale)
    kernels = _kernels(q, k, mask, causal=causal, scale=factor)
    choose = functools.partial(jax.lax.platform_dependent, default=plain, **kernels)
    return choose(q, k, v) if kernels else plain(q, k, v)


def _is_alike(q: Array, k: Array, v: Array, *, causal: bool) -> bool:
    """Whether the arrays have dtypes and shapes that some kernel accepts."""
    half = q.dtype == k.dtype == v.dtype and q.dtype.itemsize == 2
    square = q.shape[-3] == k.shape[-3] or not causal
    known = all(isinstance(n, int) and n for n in (*q.shape, *k.shape))  # a symbol in some exports
    tracked = any(getattr(jax.typeof(x), "vma", ()) for x in (q, k, v))  # by shard_map
    return half and k.shape == v.shape and square and known and not tracked


def _kernels(
    q: Array, k: Array, mask: Array | None, *, causal: bool, scale: float
) -> Mapping[str, Callable[..., Array]]:
    """The kernels that fit, by platform."""
    targets, kernels = platforms(), {}
    of_mask = None if mask is None else mask.shape
    if "cuda" in targets and _cudnn_takes(q.shape, k.shape, q.dtype, of_mask, causal=causal):
        kernels["cuda"] = functools.partial(cudnn, mask=mask, causal=causal, scale=scale)
    if "tpu" in targets and mask is None and _splash_takes(q, k):
        kernels["tpu"] = functools.partial(splash, causal=causal, scale=scale)
    return kernels


def cudnn(
    q: Array,
    k: Array,
    v: Array,
    *,
    mask: Array | None,
    causal: bool,
    scale: float,
    implementation: Literal["xla", "cudnn"] = "cudnn",
) -> Array:
    """Attention by cuDNN, whose queries that see nothing are set to 0 as in the plain form."""
    (*_, n_q, heads, _), lead = q.shape, q.shape[:-3]
    seen = None if mask is None else _four_axes(mask, lead, (heads, n_q, k.shape[-3]))
    true = _true_for_each(q, k, v)
    alike = lambda x: jnp.where(true, x, 0)
    fitted = lambda x: _one_batch_axis(alike(x))
    y = jax.nn.dot_product_attention(
        fitted(q),
        fitted(k),
        fitted(v),
        mask=seen,
        scale=scale,
        is_causal=causal,
        implementation=implementation,
    )
    y = alike(y)
    if seen is not None:
        now = up_to_now(n_q, jnp.arange(k.shape[-3]), 0)[None, None]
        visible = seen & now if causal else seen
        y = jnp.where(jnp.swapaxes(visible.any(-1, keepdims=True), -2, -3), y, 0)
    return y.reshape(q.shape)


def splash(
    q: Array, k: Array, v: Array, *, causal: bool, scale: float, interpret: bool = False
) -> Array:
    """Attention by the TPU's kernel, which skips the blocks of keys that nothing sees."""
    from jax.experimental.pallas.ops.tpu import splash_attention as lib

    n_q, n_k = q.shape[-3], k.shape[-3]
    head = lib.CausalMask((n_q, n_k)) if causal else lib.FullMask((n_q, n_k))
    block_q, block_k = _block(n_q), _block(n_k)
    sizes = lib.BlockSizes(
        block_q=block_q,
        block_kv=block_k,
        block_q_dkv=block_q,
        block_kv_dkv=block_k,
        block_q_dq=block_q,
        block_kv_dq=block_k,
    )
    kernel = lib.make_splash_mha_single_device(
        lib.MultiHeadMask([head] * q.shape[-2]), block_sizes=sizes, interpret=interpret
    )
    scaled = (q * scale).astype(q.dtype)
    heads_first = (jnp.swapaxes(_one_batch_axis(x), 1, 2) for x in (scaled, k, v))
    return jnp.swapaxes(jax.vmap(kernel)(*heads_first), 1, 2).reshape(q.shape)


@functools.lru_cache(maxsize=256)
def _cudnn_takes(q: Shape, k: Shape, dtype: DTypeLike, mask: Shape | None, *, causal: bool) -> bool:
    """Whether JAX traces cuDNN's attention of these shapes, forward and backward.

    JAX knows what its version of cuDNN takes, but not that it needs a GPU of 2020 or newer.
    """
    if not _has_tensor_cores():
        return False
    struct = jax.ShapeDtypeStruct
    arrays = struct(q, dtype), struct(k, dtype), struct(k, dtype)

    def both(q: Array, k: Array, v: Array, mask: Array | None) -> tuple[Array, ...]:
        run = functools.partial(cudnn, mask=mask, causal=causal, scale=1.0)
        y, back = jax.vjp(run, q, k, v)
        return back(y)

    try:
        jax.eval_shape(both, *arrays, None if mask is None else struct(mask, jnp.bool_))
    except (RuntimeError, NotImplementedError, ValueError):
        return False
    return True


def _has_tensor_cores() -> bool:
    """Whether the GPUs here, if any, have the units that cuDNN's attention is written for."""
    found = (getattr(device, "compute_capability", "8.0") for device in jax.local_devices())
    return all(float(version) >= 8 for version in found)


def _splash_takes(q: Array, k: Array) -> bool:
    """Whether the lengths divide into blocks, and the program isn't one that XLA must split."""
    whole = q.shape[-3] % BLOCK == 0 and k.shape[-3] % BLOCK == 0
    axes = jax.sharding.get_abstract_mesh()
    own = len(axes.manual_axes) == len(axes.axis_names) > 0  # within shard_map
    return whole and (own or not _is_spread())


def _is_spread() -> bool:
    """Whether a program here may be split over several devices, which no Pallas kernel can be."""
    return jax.default_backend() == "tpu" and jax.device_count() > 1


def _block(n: int) -> int:
    return next(size for size in (512, 256, BLOCK) if n % size == 0)


def _true_for_each(*arrays: Array) -> Array:
    """True, batched by ``vmap`` wherever one of the arrays is.

    JAX's rule for cuDNN's attention under ``vmap`` fails if it batches the queries but not the
    keys, or not the cotangents: choosing by this value batches them all, and XLA removes the
    choice.
    """
    first = (x.ravel()[0] for x in arrays)
    return functools.reduce(jnp.logical_or, (x == x for x in first), jnp.array(True)) | True


def _one_batch_axis(x: Array) -> Array:
    """Merges the leading axes of (…, time, heads, features) into one.

    The kernels' rules for ``vmap`` need its axis among these, where the reshape puts it.
    """
    return x[None].reshape(math.prod(x.shape[:-3]), *x.shape[-3:])


def _four_axes(mask: Array, lead: Shape, shape: Shape) -> Array:
    """A mask as (batch or 1, heads or 1, q, k)."""
    mask = mask.reshape(*(1,) * (len(lead) + 3 - mask.ndim), *mask.shape)
    batch = lead if any(n > 1 for n in mask.shape[: len(lead)]) else (1,) * len(lead)
    full = jnp.broadcast_to(mask, (*batch, mask.shape[-3], *shape[1:]))
    return full[None].reshape(math.prod(batch), *full.shape[-3:])
