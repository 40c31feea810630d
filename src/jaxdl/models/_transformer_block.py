"""The block that transformers are made of."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import _checks, activations, initializers, layers
from jaxdl._checked import checked
from jaxdl._labels import label
from jaxdl.combinators import serial
from jaxdl.models._dropout import dropout_if_used
from jaxdl.types import Array, Init, Key, Layer, Params, PyTree, State, factory, named


@factory
@checked
def transformer_block(
    n_features: int,
    n_heads: int,
    *,
    n_hidden: int | None = None,
    activation: Callable[[Array], Array] = activations.relu,
    norm: Callable[[int], Layer] = layers.layer_norm,
    norm_first: bool = False,
    rate: float | Array = 0.1,
    n_kv_heads: int | None = None,
    causal: bool = False,
    cross: bool = False,
    rotary: bool = False,
    rotary_base: float | Array = 10_000.0,
    mask: ArrayLike | None = None,
    bias: bool = True,
    block_size: int | None = None,
    init: Init | None = None,
    out_init: Init | None = None,
) -> Layer:
    """Self-attention, then a perceptron at each position, both normalised and added to the input.

    Norm last, as in Vaswani et al.: x ← norm(x + attention(x)), x ← norm(x + mlp(x)). Norm first,
    as in GPT-2 and ViT: x ← x + attention(norm(x)), x ← x + mlp(norm(x)); a norm then follows the
    last block. With the defaults it is PyTorch's ``nn.TransformerEncoderLayer`` (except for its
    ``dim_feedforward=2048``), with ``cross=True`` and ``causal=True`` its
    ``nn.TransformerDecoderLayer``.

    Args:
        n_features: features in and out, on the last axis.
        n_heads: number of query heads.
        n_hidden: features of the perceptron's hidden layer. Defaults to 4·n_features.
        activation: activation of the hidden layer; a gated one, such as ``activations.swiglu``,
            returns fewer features.
        norm: ``(n_features) -> Layer``, the normalisation.
        norm_first: see above.
        rate: dropout rate of the attention weights, after attention, after the activation and
            after the perceptron; 0 omits dropout.
        n_kv_heads: number of key and value heads. Defaults to n_heads.
        causal: whether a position sees only itself and earlier ones.
        cross: whether to add attention to a memory, such as an encoder's output, before the
            perceptron.
        rotary: whether to rotate queries and keys by their positions.
        rotary_base: base of the rotary wavelengths.
        mask: True where a query sees a key; broadcasts to (…, n_heads, time, time).
        bias: whether attention and perceptron have biases.
        block_size: number of keys processed at a time; see ``functional.dot_product_attention``.
        init: initializer of kernels and biases. Defaults to PyTorch's for each.
        out_init: initializer of the two dense layers whose outputs are added to x. Defaults
            to ``init``.

    Returns:
        A Layer from (…, time, n_features) to the same, with params ``{"attention_norm",
        "attention", "mlp_norm", "mlp": {"up", "down", …}}`` and no state; its state may be a cache,
        as for ``layers.multi_head_attention``. With ``cross`` it takes ``(x, memory)``, or ``(x,
        memory, seen)`` with True where a position of the memory is seen, (…, 1, 1, memory time),
        and returns the same with the next x, so that ``repeat`` stacks it; its params have
        ``"cross_norm"`` and ``"cross"`` too.

    Raises:
        ValueError: if a size isn't a positive integer, or heads don't divide.

    Example:
        >>> block = transformer_block(512, 8)
        >>> params, _ = jax.eval_shape(block.init, jax.random.key(0))
        >>> sum(p.size for p in jax.tree.leaves(params))
        3152384

    Reference:
        Vaswani et al., "Attention is all you need", 2017, https://arxiv.org/abs/1706.03762.
    """
    name = f"transformer_block({n_features}, {n_heads})"
    n_hidden = 4 * n_features if n_hidden is None else n_hidden
    _checks.positive_ints(name, n_features=n_features, n_heads=n_heads, n_hidden=n_hidden)
    out_init = init if out_init is None else out_init
    attention = layers.multi_head_attention(
        n_features,
        n_heads,
        n_kv_heads=n_kv_heads,
        causal=causal,
        rotary=rotary,
        rotary_base=rotary_base,
        mask=mask,
        rate=rate,
        bias=bias,
        block_size=block_size,
        init=init,
        out_init=out_init,
    )
    drop = dropout_if_used(rate)
    mlp = _perceptron(n_features, n_hidden, activation, drop, bias, init, out_init)
    parts = {"attention_norm": norm(n_features), "attention": attention}
    if cross:
        parts["cross_norm"] = norm(n_features)
        parts["cross"] = layers.multi_head_attention(
            n_features,
            n_heads,
            n_kv_heads=n_kv_heads,
            rate=rate,
            bias=bias,
            block_size=block_size,
            init=init,
            out_init=out_init,
        )
    parts |= {"mlp_norm": norm(n_features), "mlp": mlp}

    def init_fn(key: Key) -> tuple[Params, State]:
        keys = jax.random.split(key, len(parts))
        pairs = zip(parts.items(), keys, strict=True)
        return {name: layer.init(part_key)[0] for (name, layer), part_key in pairs}, ()

    def apply_fn(
        params: Params, state: State, x: PyTree, *, key: Key | None = None, train: bool = False
    ) -> tuple[PyTree, State]:
        x, *memory = x if cross else (x,)
        keys = iter([None] * 5 if key is None else jax.random.split(key, 5 if cross else 3))

        def normed(part: str, x: Array) -> Array:
            with label(f"{part}_norm"):
                return parts[f"{part}_norm"].apply(params[f"{part}_norm"], (), x)[0]

        def added(part: str, x: Array, state: State, *rest: Array) -> tuple[Array, State]:
            h = normed(part, x) if norm_first else x
            given = (h, *rest) if rest else h
            with label(part):
                h, after = parts[part].apply(
                    params[part], state, given, key=next(keys), train=train
                )
            if part != "mlp":  # which ends in a dropout of its own
                h, _ = drop.apply((), (), h, key=next(keys), train=train)
            return x + h if norm_first else normed(part, x + h), after

        x, state = added("attention", jnp.asarray(x), state)
        if cross:
            x, _ = added("cross", x, (), *memory)
        x, _ = added("mlp", x, empty(params["mlp"]))
        return (x, *memory) if cross else x, state

    return named(name, init_fn, apply_fn)


def empty(params: Params) -> State:
    """Returns the state of a ``serial`` by name whose parts have none."""
    return dict.fromkeys(params, ())


def _perceptron(
    n_features: int,
    n_hidden: int,
    activation: Callable[[Array], Array],
    drop: Layer,
    bias: bool,
    init: Init | None,
    out_init: Init | None,
) -> Layer:
    """Two dense layers; a gated activation makes the second one smaller."""
    left = jax.eval_shape(activation, jax.ShapeDtypeStruct((n_hidden,), jnp.float32)).shape[0]
    default = initializers.torch_default
    return serial(
        up=layers.dense(n_features, n_hidden, bias=bias, init=init or default),
        activation=activation,
        dropout=drop,
        down=layers.dense(left, n_features, bias=bias, init=out_init or default),
        last_dropout=drop,
    )
