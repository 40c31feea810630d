"""Keras 3 models on JAX as Layers, and Layers as Keras layers."""

import functools
import os
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl._checks import is_key
from jaxdl._warnings import warn
from jaxdl.interop import _names
from jaxdl.interop._calls import needs_key
from jaxdl.interop._extras import needs
from jaxdl.types import Array, Key, Layer, Params, PyTree, State, named

if TYPE_CHECKING:
    from keras import Initializer, Model, Variable
    from keras import Layer as KerasLayer


def keras(model: object, *, redraw: bool = False) -> Layer:
    """Makes a Layer from a Keras 3 model, or from one of its layers, on Keras's JAX backend.

    Args:
        model: a built ``keras.Model`` or ``keras.Layer``.
        redraw: whether ``init`` redraws the weights from its key, by the initializers of the
            model's layers. Defaults to False: for every key, ``init`` returns the weights that
            the model has.

    Returns:
        A Layer whose params are the model's trainable variables by their paths, as
        ``{"dense/kernel": …}``, and whose state is its other variables, which change in training
        only. Dropout draws from ``key``.

    Raises:
        ImportError: without keras, or on a backend other than JAX.
        TypeError: if it isn't a Keras layer or model.
        ValueError: if it isn't built; in training, if it draws random numbers without a key.

    Warns:
        UserWarning: if the model adds losses of its own, such as a kernel's regularizer: the Layer
            doesn't compute them.

    Example:
        >>> net = keras(model)  # doctest: +SKIP
        >>> params, state = net.init(jax.random.key(0))  # doctest: +SKIP
    """
    library = library_on_jax("keras")
    if not isinstance(model, library.Layer):
        raise TypeError(f"interop.keras got {model!r}; it must be a keras.Model or keras.Layer")
    name = f"keras({model.name})"
    if not model.built:
        raise ValueError(f"{name} isn't built: call it once, or give it an Input, before")
    if model.losses:
        warn(
            f"{name}: its {len(model.losses)} losses of its own, such as regularizers, are no part "
            "of the Layer; add them to your loss"
        )
    own, others = list(model.trainable_variables), list(model.non_trainable_variables)
    seeds = [i for i, v in enumerate(others) if _is_seed(v)]
    kept = [i for i in range(len(others)) if i not in seeds]
    own_names, other_names = _unique(model, own), _unique(model, [others[i] for i in kept])
    drawers = _drawers(library, model) if redraw else {}
    pretrained = {n: _value(v) for n, v in zip(own_names, own, strict=True)}
    statistics = {n: _value(others[i]) for n, i in zip(other_names, kept, strict=True)}

    def init_fn(key: Key) -> tuple[Params, State]:
        if not redraw:
            return dict(pretrained), dict(statistics)
        drawn = {n: d for n, v in zip(own_names, own, strict=True) if (d := drawers.get(id(v)))}
        keys = dict(zip(drawn, jax.random.split(key, len(drawn) or 1), strict=False))
        fresh = {n: d(keys[n], pretrained[n]) for n, d in drawn.items()}
        return pretrained | fresh, dict(statistics)

    def apply_fn(
        params: Params, state: State, x: ArrayLike, *, key: Key | None = None, train: bool = False
    ) -> tuple[Array, State]:
        stream = needs_key(name, key) if train and seeds else jax.random.key(0)
        values = dict(zip(kept, (state[n] for n in other_names), strict=True))
        values |= {i: _seed(jax.random.fold_in(stream, i), others[i]) for i in seeds}
        y, new = model.stateless_call(
            [params[n] for n in own_names],
            [values[i] for i in range(len(others))],
            x,
            training=train,
        )
        if not train:
            return y, state
        return y, {n: new[i] for n, i in zip(other_names, kept, strict=True)}

    return named(name, init_fn, apply_fn)


def to_keras(layer: Layer, *, name: str | None = None) -> "KerasLayer":
    """Makes a Keras layer from a Layer.

    Args:
        layer: a Layer.
        name: the name of the Keras layer.

    Returns:
        A Keras layer that is built when it is first called, with the Layer's params as trainable
        and its state as other variables, named by their paths.

    Raises:
        ImportError: without keras, or on a backend other than JAX.

    Example:
        >>> from jaxdl import layers
        >>> model = keras.Sequential([keras.Input((3,)), to_keras(layers.dense(3, 2))])
        ... # doctest: +SKIP
    """
    library_on_jax("to_keras")
    return _layer_class()(layer, name=name)


@functools.cache
def _layer_class() -> type:
    import keras as library

    class LayerModule(library.Layer):
        """A jaxdl Layer as a Keras layer."""

        def __init__(self, layer: Layer, *, name: str | None) -> None:
            super().__init__(name=name)
            self.functions = lambda: layer  # Keras would take the tuple apart
            self.seeds = library.random.SeedGenerator(0)

        def build(self, shape: object) -> None:
            """Draws params and state into variables of Keras."""
            trees = self.functions().init(_typed(self.seeds.next()))
            structures = list(map(jax.tree.structure, trees))
            self.structures = lambda: structures  # Keras would take these apart too
            self.own, self.others = (
                [self._variable(path, leaf, trainable) for path, leaf in _names.flat(tree).items()]
                for tree, trainable in zip(trees, (True, False), strict=True)
            )
            self.built = True

        def _variable(self, path: str, leaf: Array, trainable: bool) -> "Variable":
            start = lambda shape, dtype: leaf
            named_path = path.replace("/", ".")
            return self.add_weight(
                leaf.shape, start, str(leaf.dtype), trainable=trainable, name=named_path
            )

        def call(self, inputs: PyTree, training: bool = False) -> PyTree:
            """Computes the Layer, and updates its state in training."""
            params, state = (
                jax.tree.unflatten(structure, map(_value, variables))
                for structure, variables in zip(
                    self.structures(), (self.own, self.others), strict=True
                )
            )
            key = _typed(self.seeds.next()) if training else None
            y, new = self.functions().apply(params, state, inputs, key=key, train=bool(training))
            if training:
                for variable, value in zip(self.others, jax.tree.leaves(new), strict=True):
                    variable.assign(value)
            return y

    return LayerModule


def _value(variable: "Variable") -> Array:
    return jnp.asarray(variable.value)


def library_on_jax(function: str) -> ModuleType:
    """Imports Keras, or raises the ImportError that it isn't there or runs on another backend.

    Keras defaults to TensorFlow; unless a backend was chosen, JAX is set here.

    Example:
        >>> library_on_jax("keras").__name__  # doctest: +SKIP
        'keras'
    """
    if "keras" not in sys.modules and not os.environ.get("KERAS_BACKEND"):
        os.environ["KERAS_BACKEND"] = "jax"
    library = needs(function, "keras", "interop")
    if library.backend.backend() != "jax":
        raise ImportError(
            f"interop.{function}: keras runs on {library.backend.backend()}; set the environment "
            "variable KERAS_BACKEND=jax before keras is imported"
        )
    return library


def _unique(model: "Model", variables: "Sequence[Variable]") -> list[str]:
    """The variables' paths inside the model, with a number after those that aren't unique."""
    paths = [variable.path.removeprefix(f"{model.name}/") for variable in variables]
    alone = lambda i: paths.count(paths[i]) == 1
    return [path if alone(i) else f"{path}#{i}" for i, path in enumerate(paths)]


def _drawers(library: ModuleType, model: "Model") -> dict[int, Callable[[Key, Array], Array]]:
    """What draws each variable that has an initializer, by the variable's identity."""
    drawers: dict[int, Callable[[Key, Array], Array]] = {}
    for layer in model._flatten_layers():
        for variable in layer._trainable_variables:
            name = variable.path.split("/")[-1]
            stems = (name, name.removesuffix("_kernel"))
            found = (getattr(layer, f"{stem}_initializer", None) for stem in stems)
            if initializer := next(filter(None, found), None):
                drawers[id(variable)] = functools.partial(_draw, library, initializer)
    return drawers


def _draw(library: ModuleType, initializer: "Initializer", key: Key, like: Array) -> Array:
    """A new value by the initializer, with a key in place of its own seed."""
    copy = initializer.clone()
    if not hasattr(copy, "seed"):
        return copy(like.shape, like.dtype)
    with jax.ensure_compile_time_eval():
        copy.seed = library.random.SeedGenerator(0)
    state = copy.seed.state
    with library.StatelessScope(state_mapping=[(state, _seed(key, state))]):
        return copy(like.shape, like.dtype)


def _is_seed(variable: "Variable") -> bool:
    return variable.path.split("/")[-1] == "seed_generator_state"


def _seed(key: Key, variable: "Variable") -> Array:
    """The state of a Keras seed generator drawn from a key."""
    bits = jax.random.bits(key, variable.shape, jnp.uint32)
    return bits.astype(variable.value.dtype)


def _typed(key: Array) -> Key:
    """A typed key of Keras's two numbers, which are (seed, counter)."""
    return key if is_key(key) else jax.random.wrap_key_data(key)
