"""Recurrent layers: stacks of rnn, lstm or gru cells, in one direction or in both."""

import functools
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike, DTypeLike

from jaxdl import _checks, _ranges, functional, initializers
from jaxdl.layers._building import floating_dtype, needed
from jaxdl.types import Array, Init, Initializer, Key, Layer, Params, PyTree, State, factory, named


class _Cell(NamedTuple):
    """The cell of a stack."""

    name: str
    run: functools.partial[tuple[Array, PyTree]]  # one layer in one direction over whole sequences
    gates: int
    biases: tuple[str, ...]


@factory
def lstm(
    n_in: int,
    n_hidden: int,
    *,
    depth: int = 1,
    bidirectional: bool = False,
    rate: float | Array = 0.0,
    last: bool = False,
    lengths: ArrayLike | None = None,
    bias: bool = True,
    recurrent_bias: bool = False,
    derivatives: Literal["fast", "lax"] = "fast",
    init: Init | None = None,
    recurrent_init: Initializer | None = None,
    dtype: DTypeLike = jnp.float32,
) -> Layer:
    """Long short-term memory; see ``functional.lstm`` for the formula and the layout of params.

    For sequences of different lengths, make the layer inside the function that knows them, as
    ``models.sequence_classifier`` does; the params don't depend on the lengths. To pass a carry in
    and get one back, call ``functional.recurrent(functional.lstm, params, x, carry=…)`` with the
    same params.

    Args:
        n_in: input features.
        n_hidden: features of the hidden state of each layer and direction.
        depth: number of stacked layers.
        bidirectional: whether each layer also runs backwards in time; the outputs are
            concatenated, forward first.
        rate: dropout rate between layers in training; 0 leaves it out.
        last: return only the final state h of the last layer, without a time axis; if
            bidirectional, after the last step forwards and the first step backwards.
        lengths: integers (…), number of valid steps of each sequence. Defaults to all.
        bias: whether to add a bias.
        recurrent_bias: whether to add a second bias, as in PyTorch. The two are summed,
            so together they move twice as far per training step.
        derivatives: "fast" or "lax"; see ``functional.lstm``.
        init: initializer of kernels and biases. Defaults to PyTorch's U(±1/√n_hidden).
        recurrent_init: initializer of recurrent kernels. Defaults to ``init``.
        dtype: dtype of the parameters.

    Returns:
        A Layer from (…, time, n_in) to (…, time, n_out), or to (…, n_out) with ``last``, where
        n_out is n_hidden, or 2·n_hidden if bidirectional. Params are a tuple over layers of
        ``{"kernel", "recurrent_kernel", "bias"}``, or of ``{"forward", "backward"}`` with two of
        these. No state.

    Raises:
        ValueError: if a size isn't a positive integer or ``rate`` is outside [0, 1]; in training
            with a nonzero ``rate``, without a key.

    Example:
        >>> net = lstm(3, 4, depth=2, bidirectional=True)
        >>> params, state = net.init(jax.random.key(0))
        >>> x, lengths = jnp.ones((5, 7, 3)), jnp.array([7, 2, 0, 1, 7])
        >>> net.apply(params, state, x)[0].shape
        (5, 7, 8)

        The same params with lengths, and then with the carry in and out:

        >>> padded = lstm(3, 4, depth=2, bidirectional=True, last=True, lengths=lengths)
        >>> padded.apply(params, state, x)[0].shape
        (5, 8)
        >>> y, carry = functional.recurrent(functional.lstm, params, x, lengths=lengths)
        >>> y, carry = functional.recurrent(functional.lstm, params, x, carry=carry)
    """
    biases = ("bias",) * bias + ("recurrent_bias",) * recurrent_bias
    run = functools.partial(functional.lstm, derivatives=derivatives)
    return _stack(
        _Cell("lstm", run, 4, biases), n_in, n_hidden, depth=depth, bidirectional=bidirectional,
        rate=rate, last=last, lengths=lengths, init=init, recurrent_init=recurrent_init,
        dtype=dtype,
    )  # fmt: skip


@factory
def gru(
    n_in: int,
    n_hidden: int,
    *,
    depth: int = 1,
    bidirectional: bool = False,
    rate: float | Array = 0.0,
    last: bool = False,
    lengths: ArrayLike | None = None,
    bias: bool = True,
    derivatives: Literal["fast", "lax"] = "fast",
    init: Init | None = None,
    recurrent_init: Initializer | None = None,
    dtype: DTypeLike = jnp.float32,
) -> Layer:
    """Gated recurrent units; see ``functional.gru``, and ``lstm`` for lengths and carries.

    Args:
        n_in: input features.
        n_hidden: features of the hidden state of each layer and direction.
        depth: number of stacked layers.
        bidirectional: whether each layer also runs backwards in time.
        rate: dropout rate between layers in training.
        last: return only the final state of the last layer.
        lengths: integers (…), number of valid steps of each sequence. Defaults to all.
        bias: whether to add a GRU's two biases.
        derivatives: "fast" or "lax"; see ``functional.lstm``.
        init: initializer of kernels and biases. Defaults to PyTorch's U(±1/√n_hidden).
        recurrent_init: initializer of recurrent kernels. Defaults to ``init``.
        dtype: dtype of the parameters.

    Returns:
        A Layer as ``lstm`` returns it, with a ``recurrent_bias`` beside each ``bias``.

    Raises:
        ValueError: as ``lstm``.

    Example:
        >>> net = gru(3, 4, last=True)
        >>> params, state = net.init(jax.random.key(0))
        >>> net.apply(params, state, jnp.ones((5, 7, 3)))[0].shape
        (5, 4)
    """
    run = functools.partial(functional.gru, derivatives=derivatives)
    return _stack(
        _Cell("gru", run, 3, ("bias", "recurrent_bias") if bias else ()), n_in, n_hidden,
        depth=depth, bidirectional=bidirectional, rate=rate, last=last, lengths=lengths,
        init=init, recurrent_init=recurrent_init, dtype=dtype,
    )  # fmt: skip


@factory
def rnn(
    n_in: int,
    n_hidden: int,
    *,
    nonlinearity: Literal["tanh", "relu"] = "tanh",
    depth: int = 1,
    bidirectional: bool = False,
    rate: float | Array = 0.0,
    last: bool = False,
    lengths: ArrayLike | None = None,
    bias: bool = True,
    recurrent_bias: bool = False,
    derivatives: Literal["fast", "lax"] = "fast",
    init: Init | None = None,
    recurrent_init: Initializer | None = None,
    dtype: DTypeLike = jnp.float32,
) -> Layer:
    """Plain recurrent layers; see ``functional.rnn``, and ``lstm`` for lengths and carries.

    Args:
        n_in: input features.
        n_hidden: features of the hidden state of each layer and direction.
        nonlinearity: "tanh" or "relu".
        depth: number of stacked layers.
        bidirectional: whether each layer also runs backwards in time.
        rate: dropout rate between layers in training.
        last: return only the final state of the last layer.
        lengths: integers (…), number of valid steps of each sequence. Defaults to all.
        bias: whether to add a bias.
        recurrent_bias: whether to add a second bias, as in PyTorch.
        derivatives: "fast" or "lax"; see ``functional.lstm``.
        init: initializer of kernels and biases. Defaults to PyTorch's U(±1/√n_hidden).
        recurrent_init: initializer of recurrent kernels. Defaults to ``init``.
        dtype: dtype of the parameters.

    Returns:
        A Layer as ``lstm`` returns it.

    Raises:
        ValueError: as ``lstm``, and if ``nonlinearity`` is neither.

    Example:
        >>> net = rnn(3, 4, nonlinearity="relu", bidirectional=True)
        >>> params, state = net.init(jax.random.key(0))
        >>> net.apply(params, state, jnp.ones((5, 7, 3)))[0].shape
        (5, 7, 8)
    """
    biases = ("bias",) * bias + ("recurrent_bias",) * recurrent_bias
    _checks.one_of(f"rnn({n_in}, {n_hidden})", "nonlinearity", nonlinearity, ("tanh", "relu"))
    run = functools.partial(functional.rnn, nonlinearity=nonlinearity, derivatives=derivatives)
    return _stack(
        _Cell("rnn", run, 1, biases), n_in, n_hidden, depth=depth, bidirectional=bidirectional,
        rate=rate, last=last, lengths=lengths, init=init, recurrent_init=recurrent_init,
        dtype=dtype,
    )  # fmt: skip


def _stack(
    cell: _Cell,
    n_in: int,
    n_hidden: int,
    *,
    depth: int,
    bidirectional: bool,
    rate: float | Array,
    last: bool,
    lengths: ArrayLike | None,
    init: Init | None,
    recurrent_init: Initializer | None,
    dtype: DTypeLike,
) -> Layer:
    """Returns a Layer of stacked cells."""
    name = f"{cell.name}({n_in}, {n_hidden})"
    _checks.positive_ints(name, n_in=n_in, n_hidden=n_hidden, depth=depth)
    _checks.one_of(name, "derivatives", cell.run.keywords["derivatives"], ("fast", "lax"))
    _ranges.check(name, rate=rate)
    floating_dtype(name, dtype)
    init = init or initializers.torch_recurrent_default(n_hidden)
    inner = recurrent_init or init.kernel
    drops = depth > 1 and not _checks.is_zero(rate)

    def one(key: Key, features: int) -> Params:
        kernel, recurrent_kernel, *biases = jax.random.split(key, 2 + len(cell.biases))
        width = cell.gates * n_hidden
        return {
            "kernel": init.kernel(kernel, (features, width), dtype),
            "recurrent_kernel": inner(recurrent_kernel, (n_hidden, width), dtype),
            **{
                b: init.bias(features)(k, (width,), dtype)
                for b, k in zip(cell.biases, biases, strict=True)
            },
        }

    def init_fn(key: Key) -> tuple[Params, State]:
        n_out = n_hidden * (1 + bidirectional)
        layers = []
        for i, features in enumerate([n_in] + [n_out] * (depth - 1)):
            keys = jax.random.split(jax.random.fold_in(key, i))
            both = {"forward": one(keys[0], features), "backward": one(keys[1], features)}
            layers.append(both if bidirectional else both["forward"])
        return tuple(layers), ()

    def apply_fn(
        params: Params, state: State, x: ArrayLike, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        key = needed(name, key) if train and drops else None
        y, carry = functional.recurrent(cell.run, params, x, lengths=lengths, rate=rate, key=key)
        return _final_state(carry) if last else y, state

    return named(name, init_fn, apply_fn)


def _final_state(carry: tuple[PyTree, ...]) -> Array:
    """Returns the final hidden state h of the last layer, of both directions if bidirectional."""
    top = carry[-1]
    ways = [top["forward"], top["backward"]] if isinstance(top, dict) else [top]
    return jnp.concatenate([way[0] if isinstance(way, tuple) else way for way in ways], axis=-1)
