"""Writes the table of results against published figures from the result.json files of all runs.

Command:  python experiments/report.py [FOLDER] [--readme]

Every result.json below the folder (by default ``runs``) names its command line. Runs of the same
command line with different seeds share a row: mean ± standard deviation over the seeds. With
``--readme`` the table replaces the one in experiments/README.md.
"""

import argparse
import json
import statistics
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

Results = Sequence[dict[str, Any]]


class Figure(NamedTuple):
    """A number of a result.json, and what has been published of it."""

    name: str
    published: float | None = None
    source: str = ""


FIGURES = {
    "animals_mlp": [Figure("test_accuracy", 0.89, "scikit-learn's MLPClassifier")],
    "animals_cnn": [Figure("test_accuracy", 0.913, "animals_mlp.py")],
    "vae": [Figure("test_negative_bound"), Figure("test_squared_error")],
    "wgan_gp": [Figure("near_share"), Figure("least_share"), Figure("sliced_distance")],
    "maml": [
        Figure("maml_error_after_1"),
        Figure("maml_error_after_10"),
        Figure("joint_error_after_1"),
        Figure("joint_error_after_10"),
    ],
    "finetune_minilm": [
        Figure("nearest_mean_test_accuracy"),
        Figure("fine_tuned_test_accuracy"),
        Figure("lora_test_accuracy"),
        Figure("from_scratch_test_accuracy"),
    ],
    "finetune_crepe": [
        Figure("pretrained_test_raw_pitch_accuracy"),
        Figure("fine_tuned_test_raw_pitch_accuracy"),
        Figure("from_scratch_test_raw_pitch_accuracy"),
    ],
    "finetune_vad": [
        Figure("pretrained_test_accuracy"),
        Figure("fine_tuned_test_accuracy"),
        Figure("from_scratch_test_accuracy"),
    ],
    "cat_detector": [Figure("logistic_auc"), Figure("hidden_auc"), Figure("softmax_accuracy")],
    "fashion_mnist_sgd": [Figure("test_accuracy", 0.65, "PyTorch's tutorials, 5 epochs")],
    "fashion_mnist_adam": [Figure("test_accuracy")],
    "fashion_mnist_cnn": [Figure("test_accuracy", 0.925, "Zalando's table, under 100 K")],
    "fashion_mnist_cnn --large": [Figure("test_accuracy", 0.94, "the target of this network")],
    "mnist1d": [
        Figure("logistic_test_accuracy", 0.32, "greydanus/mnist1d"),
        Figure("mlp_test_accuracy", 0.68, "greydanus/mnist1d"),
        Figure("cnn_test_accuracy", 0.94, "greydanus/mnist1d"),
        Figure("gru_test_accuracy", 0.91, "greydanus/mnist1d"),
    ],
    "addition_rnn": [Figure("test_accuracy", 0.99, "Keras's example, of characters")],
    "reverse_transformer": [Figure("test_accuracy", 1.0, "UvA's tutorial 6")],
    "char_lm": [Figure("bits_per_byte"), Figure("xz_bits_per_byte")],
    "cifar10_resnet": [Figure("test_accuracy")],
    "imagenette_vit": [Figure("test_accuracy")],
    "learning_rate_sweep": [Figure("test_accuracy"), Figure("ensemble_accuracy")],
    "lottery": [Figure("winners_of_width_2"), Figure("winners_of_width_16")],
    "universal_approximation": [Figure("sine_rmse_width_128")],
    "optimizers_race": [
        Figure("adam_accuracy"),
        Figure("sgd, momentum_accuracy"),
    ],
    "initialisation": [
        Figure("relu_he_accuracy"),
        Figure("relu_glorot_accuracy"),
        Figure("relu_normal_0.01_accuracy"),
    ],
    "dying_relu": [
        Figure("relu_rate_0.1_dead"),
        Figure("leaky_relu_rate_0.1_dead"),
    ],
    "depth_without_nonlinearity": [
        Figure("animals_linear_depth_1_accuracy"),
        Figure("animals_linear_depth_8_accuracy"),
        Figure("animals_relu_depth_8_accuracy"),
    ],
    "regularisation": [
        Figure("nothing_test_accuracy"),
        Figure("dropout_test_accuracy"),
        Figure("batch_norm_test_accuracy"),
        Figure("first_three_test_accuracy"),
    ],
}
"""By experiment, or by experiment and flag where a flag has a figure of its own."""

BEGIN, END = "<!-- results: begin -->\n", "<!-- results: end -->"


def main() -> None:
    """Reads the command line, prints the table, and puts it into the README if asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0], allow_abbrev=False)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("runs"), help="of the runs")
    parser.add_argument("--readme", action="store_true", help="put it into experiments/README.md")
    options = parser.parse_args()
    results = read(options.folder)
    if not results:
        sys.exit(f"error: no result.json below {options.folder}: run some experiments first")
    text = table(results)
    print(text)
    if options.readme:
        path = Path(__file__).with_name("README.md")
        before, rest = path.read_text().split(BEGIN)
        path.write_text(before + BEGIN + text + END + rest.split(END)[1])


def read(folder: Path) -> dict[str, Results]:
    """All results below a folder by their command lines.

    Smoke tests and runs that were moved aside are left out; so are files that are damaged,
    unfinished or not an experiment's, which are named on standard error.
    """
    found = defaultdict(list)
    for path in sorted(folder.rglob("result.json")):
        if any(part.startswith("earlier-") for part in path.relative_to(folder).parts):
            continue
        result, fault = checked(path)
        if fault:
            print(f"left out: {path} {fault}", file=sys.stderr)
        elif "--smoke" not in result["command"]:
            found[result["command"]].append(result)
    return dict(found)


NEEDED: dict[str, type | tuple[type, ...]] = {
    "command": str,
    "seed": int,
    "cores": int,
    "devices": str,
    "cpu_seconds": (int, float),
}
"""What the table needs of a result, by name and type."""


def checked(path: Path) -> tuple[dict[str, Any], str]:
    """A result, and what is wrong with it, or an empty text."""
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        return {}, f"can't be read: {error}"
    if not isinstance(result, dict):
        return {}, "is not the result of an experiment"
    if result.get("finished") is False:
        return (
            {},
            f"belongs to a run that hasn't finished ({result.get('why', 'it may still run')})",
        )
    wrong = [name for name, kind in NEEDED.items() if not isinstance(result.get(name), kind)]
    figures = [] if wrong else figures_of(result["command"])
    wrong += [f.name for f in figures if not isinstance(result.get(f.name, 0.0), int | float)]
    return result, f"is not the result of an experiment: no usable {', '.join(wrong)}" * bool(wrong)


def table(results: dict[str, Results]) -> str:
    """The table in Markdown, one line per figure, and the CPU time of all of them."""
    lines = [
        "| command | figure | result | published | runs | CPU time a run |",
        "|---|---|---|---|---|---|",
    ]
    for command, runs in sorted(results.items()):
        lines += [row(command, runs, figure) for figure in figures_of(command)]
    every = [run for runs in results.values() for run in runs]
    machines = sorted({f"{run['cores']} cores, {run['devices']}" for run in every})
    return "\n".join(lines) + (
        f"\n\nMean ± standard deviation over seeds; {len(every)} runs on {'; '.join(machines)};"
        f" {sum(run['cpu_seconds'] for run in every) / 60:.0f} minutes of CPU time in all.\n"
    )


def figures_of(command: str) -> list[Figure]:
    """What to report of a command: the entry of the longest name that it has all words of."""
    words = command.removeprefix("python experiments/").replace(".py", "", 1).split()
    fitting = [name for name in FIGURES if set(name.split()) <= set(words)]
    return FIGURES[max(fitting, key=len)] if fitting else [Figure("test_accuracy")]


def row(command: str, runs: Results, figure: Figure) -> str:
    """One line: the figure over the seeds, beside what is published, and the times."""
    by_seed = {run["seed"]: run[figure.name] for run in runs if figure.name in run}
    if not by_seed:
        return f"| `{command}` | {figure.name} | no such number | | {len(runs)} | |"
    values = list(by_seed.values())
    mean = statistics.fmean(values)
    spread = f" ± {statistics.stdev(values):.2g}" if len(values) > 1 else ""
    cells = [
        f"`{command}`",
        figure.name.replace("_", " "),
        f"{mean:.4g}{spread}",
        against(mean, figure),
        str(len(by_seed)),
        f"{statistics.median(run['cpu_seconds'] for run in runs):.0f} s",
    ]
    return f"| {' | '.join(cells)} |"


def against(mean: float, figure: Figure) -> str:
    """The published figure and by how much it is met or missed."""
    if figure.published is None:
        return ""
    gain = mean - figure.published
    verdict = f"{'better' if gain > 0 else 'worse'} by {abs(gain):.3f}" if gain else "met"
    return f"{figure.published:g} ({figure.source}): {verdict}"


if __name__ == "__main__":
    main()
