"""Haiku's transformed functions as Layers."""

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl.interop._calls import FLAGS, Arguments, needs_key
from jaxdl.interop._extras import needs
from jaxdl.types import Array, Key, Layer, Params, PyTree, State, named

if TYPE_CHECKING:
    import haiku as hk


def haiku(transformed: object, example: ArrayLike, *, arguments: Arguments | None = None) -> Layer:
    """Makes a Layer from what ``hk.transform`` or ``hk.transform_with_state`` returns.

    Args:
        transformed: the pair of functions.
        example: an input of the right shape and dtype, of any batch size.
        arguments: the keyword arguments of a call, for ``train``. Defaults to the flag that the
            function takes, ``is_training`` or another of its usual names, if it takes one.

    Returns:
        A Layer with Haiku's params, and Haiku's state, which changes in training only.

    Raises:
        ImportError: without dm-haiku.
        TypeError: if it isn't what Haiku's transforms return.
        ValueError: if it has running statistics and no argument says whether it trains; in
            training, if it draws random numbers and there is no key.

    Example:
        >>> import haiku as hk
        >>> net = haiku(hk.transform(lambda x: hk.Linear(10)(x)), jnp.ones((1, 784)))
        >>> params, state = net.init(jax.random.key(0))
        >>> jax.tree.map(jnp.shape, params), state
        ({'linear': {'b': (10,), 'w': (784, 10)}}, {})
    """
    hk = needs("haiku", "haiku", "interop")
    if isinstance(transformed, hk.Transformed):
        transformed = hk.with_empty_state(transformed)
    if not isinstance(transformed, hk.TransformedWithState):
        raise TypeError(f"interop.haiku got {transformed!r}; it must come from hk.transform")
    start = jax.tree.map(jnp.zeros_like, example)
    call = arguments or _arguments(transformed, start)

    def init_fn(key: Key) -> tuple[Params, State]:
        # As in training: only then does Haiku's BatchNorm make its statistics.
        return transformed.init(key, start, **call(True))

    def apply_fn(
        params: Params, state: State, x: ArrayLike, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        try:
            y, new = transformed.apply(params, state, key if train else None, x, **call(train))
        except ValueError as error:  # Haiku has no error of its own for a missing key
            if train and "PRNGKey" in str(error):
                needs_key("haiku", key)
            raise
        return y, new if train else state

    return named("haiku", init_fn, apply_fn)


def _arguments(transformed: "hk.Transformed", start: PyTree) -> Arguments:
    """The flag that the function takes, found by trying: a transform hides the signature."""
    for flag, train in FLAGS.items():
        init = functools.partial(transformed.init, **{flag: train})
        try:
            jax.eval_shape(init, jax.random.key(0), start)
        except TypeError as error:
            if f"unexpected keyword argument {flag!r}" not in str(error):
                raise
        else:
            return functools.partial(_flag, flag, train)
    state = jax.eval_shape(transformed.init, jax.random.key(0), start)[1]
    if jax.tree.leaves(state):
        raise ValueError(
            f"haiku: the function has state, but takes none of {', '.join(FLAGS)}; say how it is "
            "called: arguments=lambda train: {…}"
        )
    return lambda training: {}


def _flag(flag: str, on: bool, train: bool) -> Mapping[str, bool]:
    return {flag: train == on}
