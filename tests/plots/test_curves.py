"""Curves: what they must show, read back from the figure."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import activations, losses, metrics, optim, plots
from jaxdl._checks import ShapeError


def rows(seed, size=4):
    return [
        {"epoch": e, "loss": (e + seed) / 7, "validation_loss": e * 1.0} for e in range(1, size)
    ]


def texts(legend):
    return [text.get_text() for text in legend.get_texts()]


def test_history_of_several_seeds_has_means_and_bands():
    (axes,) = plots.history([rows(0), rows(2), rows(4, size=9)]).axes
    values = np.array([[row["loss"] for row in rows(seed)] for seed in (0, 2, 4)])
    np.testing.assert_allclose(axes.lines[0].get_ydata(), values.mean(axis=0))
    band = axes.collections[0].get_paths()[0].vertices
    np.testing.assert_allclose(band[:, 1].max(), (values.mean(axis=0) + values.std(axis=0)).max())
    np.testing.assert_allclose(band[:, 1].min(), (values.mean(axis=0) - values.std(axis=0)).min())
    assert texts(axes.get_legend()) == ["training", "validation"]


def test_compare_draws_a_line_a_run():
    (axes,) = plots.compare({"a": rows(0), "b": [rows(1), rows(3)]}, log=True).axes
    assert [line.get_label() for line in axes.lines] == ["a", "b"]
    np.testing.assert_allclose(axes.lines[1].get_ydata(), [(e + 2) / 7 for e in (1, 2, 3)])
    assert axes.get_yscale() == "log" and len(axes.collections) == 1
    with pytest.raises(ValueError, match=r"'recall'; the history of a has epoch, loss"):
        plots.compare({"a": rows(0)}, metric="recall")
    with pytest.raises(ValueError, match="no runs"):
        plots.compare({})


def test_all_activations_with_their_derivatives():
    figure = plots.activations()
    panels = {axes.get_title(): axes.lines for axes in figure.axes}
    assert len(panels) == 26 and next(iter(panels)) == "identity"
    for name in ("relu", "tanh", "gelu", "selu"):
        f = getattr(activations, name)
        x = panels[name][0].get_xdata()
        np.testing.assert_allclose(panels[name][0].get_ydata(), f(jnp.asarray(x)), atol=1e-6)
        slope = jax.vmap(jax.grad(f))(jnp.asarray(x))
        drawn = panels[name][1].get_ydata()
        shown = ~np.isnan(drawn)
        np.testing.assert_allclose(drawn[shown], slope[shown], atol=1e-5)
    # Where a curve jumps there is a gap, and nothing else is left out.
    assert np.isnan(panels["step"][0].get_ydata()).sum() == 1
    assert np.isnan(panels["hardtanh"][1].get_ydata()).sum() == 2
    assert not np.isnan(panels["gelu"][1].get_ydata()).any()


def test_activations_of_ones_own():
    figure = plots.activations({"square": lambda x: x * x}, low=0.0, high=2.0)
    f, slope = (line.get_ydata() for line in figure.axes[0].lines[:2])
    assert (f[-1], slope[-1]) == (4, 4)
    with pytest.raises(ValueError, match="has no 'rellu'"):
        plots.activations(["rellu"])
    with pytest.raises(ValueError, match="no functions"):
        plots.activations([])


def test_losses_by_task():
    regression, margin, probability = plots.losses().axes
    lines = {
        line.get_label(): line for axes in (regression, margin, probability) for line in axes.lines
    }
    x = regression.lines[0].get_xdata()
    np.testing.assert_allclose(regression.lines[0].get_ydata(), x**2, atol=1e-5)
    np.testing.assert_allclose(lines["hinge"].get_ydata(), np.maximum(0, 1 - x), atol=1e-5)
    np.testing.assert_allclose(
        lines["soft_margin_loss"].get_ydata(), np.log1p(np.exp(-x)), rtol=1e-4
    )
    p = lines["cross_entropy"].get_xdata()
    np.testing.assert_allclose(lines["cross_entropy"].get_ydata(), -np.log(p), atol=1e-4)
    focal = lines["focal, γ = 2, α = 1"].get_ydata()
    np.testing.assert_allclose(focal, -((1 - p) ** 2) * np.log(p), atol=1e-3)


def test_losses_of_ones_own():
    own = {"l1": lambda x: losses.l1_loss(x, jnp.zeros_like(x), reduction="none")}
    (axes,) = plots.losses(own, low=-1.0, high=1.0, xlabel="e").axes
    np.testing.assert_allclose(axes.lines[0].get_ydata(), np.abs(axes.lines[0].get_xdata()))
    assert axes.get_xlabel() == "e"


def test_roc_is_that_of_sklearn():
    from sklearn.metrics import roc_auc_score, roc_curve

    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 60)
    scores = np.round(labels + random.normal(size=60), 1)  # with ties
    (axes,) = plots.roc({"a": scores, "b": -scores}, labels).axes
    false, true, _ = roc_curve(labels, scores, drop_intermediate=False)
    drawn = axes.lines[1]
    np.testing.assert_allclose(drawn.get_xdata(), false)
    np.testing.assert_allclose(drawn.get_ydata(), true)
    area = roc_auc_score(labels, scores)
    assert texts(axes.get_legend()) == [f"a, area {area:.3f}", f"b, area {1 - area:.3f}"]
    with pytest.raises(ValueError, match="all alike"):
        plots.roc([0.1, 0.2], [1, 1])
    with pytest.raises(ShapeError, match="scores"):
        plots.roc([0.1, 0.2], [1, 0, 1])


def test_calibration_bars():
    logits = np.log([[0.6, 0.4], [0.6, 0.4], [0.9, 0.1], [0.1, 0.9]])
    left, right = plots.calibration(logits, [0, 1, 0, 0], bins=10).axes
    heights = np.array([bar.get_height() for bar in left.patches])
    assert (
        heights[5] == 0.5 and heights[8] == 0.5 and np.isnan(heights[[0, 1, 2, 3, 4, 6, 7]]).all()
    )
    assert [bar.get_height() for bar in right.patches][5] == 0.5
    expected = metrics.expected_calibration_error(
        metrics.calibration(logits, [0, 1, 0, 0], bins=10)
    )
    assert left.get_title() == f"expected calibration error {100 * float(expected):.1f} %"


def test_descent_is_what_the_optimizer_does():
    way = plots.descent(
        lambda p: 3 * jnp.sum(p**2), [1.0, -2.0], optim.gradient_descent(0.1), steps=3
    )
    np.testing.assert_allclose(way, [[0.4**k, -2 * 0.4**k] for k in range(4)], rtol=1e-5)
    with pytest.raises(ValueError, match="steps"):
        plots.descent(jnp.sum, [1.0], optim.gradient_descent(0.1), steps=0)


def test_surface_paths():
    ways = {"a": [[0.0, 1.0], [1.0, 1.0]], "b": [[1.0, 2.0]]}
    (axes,) = plots.surface_paths(ways, plots.rosenbrock, minimum=(1.0, 1.0)).axes
    assert [line.get_label() for line in axes.lines[:2]] == ["a", "b"]
    np.testing.assert_array_equal(axes.lines[0].get_xydata(), ways["a"])
    np.testing.assert_array_equal(axes.lines[2].get_xydata(), [[1.0, 1.0]])
    with pytest.raises(ShapeError, match="path c"):
        plots.surface_paths({"c": [0.0, 1.0]}, plots.rosenbrock)


def test_ways_without_arguments_end_near_the_minimum():
    (axes,) = plots.surface_paths().axes
    ends = np.array([line.get_xydata()[-1] for line in axes.lines[:4]])
    starts = np.array([line.get_xydata()[0] for line in axes.lines[:4]])
    np.testing.assert_array_equal(starts, [[-4.0, 1.5]] * 4)
    assert (np.linalg.norm(ends, axis=1) < 0.8).all()


def test_histograms_share_their_bins_and_count_what_isnt_finite():
    values = {"a": np.array([0.0, 0.0, 1.0, np.nan]), "b": np.array([[3.0, 4.0]]), "c": [np.inf]}
    a, b, c = plots.histograms(values, bins=4).axes
    data = [axes.patches[0].get_data() for axes in (a, b, c)]
    np.testing.assert_array_equal(data[0].edges, [0, 1, 2, 3, 4])
    np.testing.assert_allclose(data[0].values, [2 / 3, 1 / 3, 0, 0])
    np.testing.assert_allclose(data[1].values, [0, 0, 0, 1])
    assert a.get_title() == "a\nmean 0.33, sd 0.47, 1 not finite"
    assert c.get_title() == "c\nnone is finite"
    with pytest.raises(ValueError, match="no finite numbers"):
        plots.histograms({})


@pytest.mark.parametrize(
    ("scores", "labels", "words"),
    [
        ([0.1, 0.2], [-1, 1], r"labels are \[-1, 1\] …; they must be 0 or 1"),
        ([0.1, 0.2], [0, 2], "they must be 0 or 1"),
        ([0.1, np.nan], [0, 1], "1 of 2 scores are nan"),
    ],
)
def test_roc_of_other_labels_and_of_nan(scores, labels, words):
    with pytest.raises(ValueError, match=words):
        plots.roc(scores, labels)


def test_losses_that_are_means_already():
    with pytest.raises(ValueError, match=r"mse made float32\[\] of float32\[3\]"):
        plots.losses({"mse": lambda e: (e**2).mean()})
    with pytest.raises(ValueError, match="no functions"):
        plots.losses({})
