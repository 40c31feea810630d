"""Is it a cat? One neuron, then a hidden layer, by backpropagation written out by hand.

Logistic regression and a network with one hidden layer tell cats from nine other animals; a softmax
layer tells cats from dogs and bears. For all three, gradients derived by hand are compared with
those of ``jax.grad``, once at the start and over a whole descent.

Command:  python experiments/cat_detector.py [--seeds 3]
Result:   mean ± standard deviation of seeds 0 to 2: one neuron: accuracy 0.952 ± 0.001, area under
          the ROC curve 0.937; one hidden layer: 0.970 and 0.976 ± 0.001; always saying no: 0.898.
          Cat, dog or bear: 0.840 ± 0.003. Gradients by hand agree with jax.grad to 2e-5
Time:     20 s of CPU time a seed
"""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

import harness
from jaxdl import activations, data, initializers, layers, losses, metrics, models, serial, train
from jaxdl.types import Array, Init, Layer, LossFn, Params

# --- Config ---------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Config(harness.Config):
    """The flags of this experiment."""

    output: Path = Path("runs/cat_detector")
    """folder for numbers, checkpoints and pictures"""
    epochs: int = 20
    """passes over the training part, for each of the three"""
    batch_size: int = 128
    """images per step"""
    hidden: int = 64
    """units of the hidden layer"""
    learning_rate: float = 2e-3
    """of Adam; it falls to 0 along half a cosine"""
    descent: int = 50
    """steps of plain descent, by hand and by jax.grad"""


# --- Data -----------------------------------------------------------------------------------------


def load(config: Config) -> tuple[data.Dataset, data.Dataset]:
    """Cat (1) or not (0), with one label a column; and cats, dogs and bears by themselves."""
    animals = harness.load("animals", config)
    cat = animals.classes.index("cat")

    def is_cat(name: str) -> dict[str, np.ndarray]:
        part = harness.part_of(animals, name)
        return {**part, "labels": (part["labels"] == cat).astype(np.float32)[:, None]}

    detector = data.Dataset(is_cat("train"), is_cat("validation"), is_cat("test"))
    return detector, data.select_classes(animals, ("cat", "dog", "bear"))


# --- Model ----------------------------------------------------------------------------------------


def network(sizes: tuple[int, ...], *, zeros: bool) -> Layer:
    """Bytes to [0, 1], image to vector, dense layers with tanh between them."""
    # A convex loss may start from 0; a hidden layer may not, for its units would stay equal.
    init = Init(initializers.zeros) if zeros else initializers.keras_default
    mlp = models.mlp(sizes, activation=activations.tanh, init=init)
    return serial(layers.rescale(1 / 255), layers.flatten(axes=3), mlp)


# --- Loss and step --------------------------------------------------------------------------------


def objective(
    config: Config, net: Layer, rows: int, *, binary: bool
) -> tuple[LossFn, optax.GradientTransformation]:
    """Cross entropy of two classes or more, and Adam."""
    loss = losses.binary_cross_entropy_with_logits if binary else losses.cross_entropy
    accuracy = metrics.binary_accuracy if binary else metrics.accuracy
    steps = config.epochs * -(-rows // config.batch_size)
    schedule = optax.cosine_decay_schedule(config.learning_rate, steps)
    return train.supervised(net, loss, metrics={"accuracy": accuracy}), optax.adam(schedule)


def by_hand(params: Params, images: Array, targets: Array) -> Params:
    """The gradient of the mean cross entropy, by the chain rule from the output to the input.

    With p = σ(z), or softmax(z): ∂L/∂z = (p − y) / N. A dense layer z = a·W + b passes δ = ∂L/∂z on
    as ∂L/∂W = aᵀ·δ, ∂L/∂b = Σ δ and ∂L/∂a = δ·Wᵀ; tanh passes it on as δ·(1 − a²).
    """
    *_, dense = params  # of rescale, flatten and the dense layers
    inputs = [images.reshape(len(images), -1) / 255]
    for i in range(0, len(dense), 2):  # every other part is an activation
        z = inputs[-1] @ dense[i]["kernel"] + dense[i]["bias"][None]
        inputs.append(jnp.tanh(z))
    p = jax.nn.sigmoid(z) if targets.shape[1] == 1 else jax.nn.softmax(z)
    delta, grads = (p - targets) / len(images), list(dense)
    for i in reversed(range(0, len(dense), 2)):
        grads[i] = {"kernel": inputs[i // 2].T @ delta, "bias": delta.sum(axis=0)}
        delta = delta @ dense[i]["kernel"].T * (1 - inputs[i // 2] ** 2)  # not used for images
    return (*params[:-1], tuple(grads))


# --- Run and report -------------------------------------------------------------------------------


def build(config: Config) -> dict[str, harness.Run]:
    """One neuron and one hidden layer to find cats, and a softmax layer for three pets."""
    detector, pets = load(config)

    def run(dataset: data.Dataset, hidden: tuple[int, ...]) -> harness.Run:
        sizes = (28 * 28, *hidden, len(dataset.classes) or 1)
        net, rows = network(sizes, zeros=not hidden), len(dataset.train["labels"])
        loss_fn, tx = objective(config, net, rows, binary=not dataset.classes)
        return harness.Run(dataset, net, loss_fn, tx, config.epochs, min(config.batch_size, rows))

    hidden = run(detector, (config.hidden,))
    return {"logistic": run(detector, ()), "hidden": hidden, "softmax": run(pets, ())}


def report(config: Config, trained: Mapping[str, harness.Trained]) -> harness.Report:
    """Test numbers of the three, their gradients by hand beside jax.grad's, and pictures."""
    numbers: dict[str, float] = {}
    logits: dict[str, np.ndarray] = {}
    for name, each in trained.items():
        run, test = each.run, harness.part_of(each.run.data, "test")
        logits[name] = np.asarray(train.predict(run.net, each.train_state, test["inputs"]))
        numbers[f"{name}_accuracy"] = harness.tested(config, each)["test_accuracy"]
        numbers |= {f"{name}_{k}": value for k, value in compare(config, run).items()}
        if not run.data.classes:
            numbers[f"{name}_auc"] = float(metrics.exact_roc_auc(logits[name], test["labels"]))
    labels = harness.part_of(trained["hidden"].run.data, "test")["labels"][:, 0]
    numbers["never_cat_accuracy"] = float(1 - labels.mean())
    for name, value in numbers.items():
        print(f"{name:28} {value:.3g}")
    roc, weights = lambda: draw_roc(logits, labels, numbers), lambda: draw_weights(trained)
    return harness.Report(numbers, {"roc.png": roc, "weights.png": weights})


def compare(config: Config, run: harness.Run) -> dict[str, float]:
    """How far gradients by hand are from jax.grad's: at the start, and after a descent by each."""
    part = run.data.train
    images, labels = jnp.asarray(part["inputs"], jnp.float32), jnp.asarray(part["labels"])
    targets = labels if labels.ndim == 2 else jax.nn.one_hot(labels, 3)
    params, state = run.net.init(jax.random.key(config.seed))
    by_jax = jax.grad(lambda p: run.loss_fn(p, state, part, key=None, train=True)[0])
    by_pen = lambda p: by_hand(p, images, targets)

    def descend(gradient: Callable[[Params], Params]) -> Params:
        step = lambda p, _: (jax.tree.map(lambda x, g: x - 0.1 * g, p, gradient(p)), None)
        return jax.jit(lambda p: jax.lax.scan(step, p, length=config.descent)[0])(params)

    norm = optax.tree.norm
    difference = lambda a, b: float(norm(jax.tree.map(jnp.subtract, a, b)) / norm(b))
    return {
        "gradient_difference": difference(jax.jit(by_pen)(params), jax.jit(by_jax)(params)),
        "descent_difference": difference(descend(by_pen), descend(by_jax)),
    }


def draw_roc(
    logits: Mapping[str, np.ndarray], labels: np.ndarray, numbers: Mapping[str, float]
) -> "harness.Figure":
    """Cats found against false alarms, for every threshold."""
    (axes,) = (figure := harness.canvas(1, 1, width=5, height=4.6)).axes
    for name, label in (("logistic", "one neuron"), ("hidden", "one hidden layer")):
        order = np.argsort(-logits[name][:, 0])
        found, alarms = labels[order].cumsum(), (1 - labels[order]).cumsum()
        text = f"{label}: area {numbers[f'{name}_auc']:.3f}"
        axes.plot(alarms / alarms[-1], found / found[-1], lw=2, label=text)
    axes.plot([0, 1], [0, 1], "--", color="grey", label="guessing: area 0.5")
    axes.set(title="Is it a cat?", xlabel="share of false alarms", ylabel="share of cats found")
    axes.legend(frameon=False, loc="lower right")
    return figure


def draw_weights(trained: Mapping[str, harness.Trained]) -> "harness.Figure":
    """Weights as images: what speaks for a class is red, what speaks against it blue."""
    names = ("cat, or not", "cat (of three)", "dog (of three)", "bear (of three)")
    dense = {name: each.train_state.params[-1] for name, each in trained.items()}
    strongest = jnp.argsort(-jnp.abs(dense["hidden"][2]["kernel"][:, 0]))[:4]
    units = dense["hidden"][0]["kernel"][:, strongest]
    columns = [*dense["logistic"][0]["kernel"].T, *dense["softmax"][0]["kernel"].T, *units.T]
    figure = harness.canvas(2, 4, width=2.4, height=2.5)
    titles = [*names, *(f"hidden unit {i}" for i in range(1, 5))]
    for axes, column, title in zip(figure.axes, columns, titles, strict=True):
        most = float(jnp.abs(column).max())
        axes.imshow(column.reshape(28, 28), cmap="RdBu_r", vmin=-most, vmax=most)
        axes.set(title=title, xticks=[], yticks=[])
    return figure


if __name__ == "__main__":
    harness.main(Config, build, report, __doc__)
