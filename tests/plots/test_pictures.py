"""Pictures of networks, planes, images and maps, read back from the figure."""

import itertools
import sys
from typing import Any

import jax
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.patches import FancyArrowPatch

from jaxdl import activations, combinators, explain, layers, models, plots
from jaxdl._checks import ShapeError

KERNELS = (
    {"kernel": np.array([[1.0, -2.0], [0.5, 0.25]])},
    (),
    {"kernel": np.array([[4.0], [-1.0]])},
)


def test_network_of_sizes():
    (axes,) = plots.network((2, 3, 1), outputs=["y"]).axes
    assert len(axes.patches) == 6 and len(axes.lines) == 2 * 3 + 3 * 1
    assert [t.get_text() for t in axes.texts if t.get_text()] == ["$x_{1}$", "$x_{2}$", "y"]
    assert len(plots.network().axes[0].lines) == 9


def test_edges_show_sign_and_size():
    (axes,) = plots.network(params=KERNELS, values=[[1, 2], [3, 4], [5]]).axes
    assert [line.get_color() for line in axes.lines] == [
        plots.BLUE, plots.ORANGE, plots.BLUE, plots.BLUE, plots.BLUE, plots.ORANGE,
    ]  # fmt: skip
    assert [line.get_linestyle() for line in axes.lines][:2] == ["-", "--"]
    widths = [line.get_linewidth() for line in axes.lines]
    np.testing.assert_allclose(widths, [0.4 + w for w in (1.0, 2.0, 0.5, 0.25, 4.0, 1.0)])
    written = {text.get_text() for text in axes.texts}
    assert {"1.00", "-2.00", "0.25", "4.00", "5.00"} <= written


def test_weights_stand_on_their_edges_away_from_the_others():
    kernel = np.array([[1.0, -1.0], [2.0, 0.0], [3.0, 1.0]])
    (axes,) = plots.network(params={"kernel": kernel}).axes
    labels = [text for text in axes.texts if "." in text.get_text()]
    for i, label in enumerate(labels):
        x, y = label.get_position()
        gaps = [abs(np.interp(x, *line.get_data()) - y) for line in axes.lines]
        assert gaps[i] < 1e-9 and min(gap for j, gap in enumerate(gaps) if j != i) > 0.1


def test_edges_join_the_right_neurons():
    (axes,) = plots.network((2, 2)).axes
    centres = [patch.center for patch in axes.patches]
    ends = {tuple(map(tuple, line.get_xydata())) for line in axes.lines}
    assert ends == {(a, b) for a in centres[:2] for b in centres[2:]}


def test_of_wide_layers_the_middle_becomes_dots():
    (axes,) = plots.network((784, 64, 10), captions=True).axes
    texts = [text.get_text() for text in axes.texts if text.get_text()]
    assert texts[:7] == [*(f"$x_{{{i}}}$" for i in (1, 2, 3)), r"$\vdots$",
                         *(f"$x_{{{i}}}$" for i in (782, 783, 784))]  # fmt: skip
    assert texts[-3:] == ["input layer\n784", "hidden layer\n64", "output layer\n10"]
    assert len(axes.patches) == 6 + 6 + 10 and len(axes.lines) == 6 * 6 + 6 * 10


def test_dropped_neurons_are_crossed_and_have_no_edges():
    (axes,) = plots.network((2, 3, 1), dropped=[(), (0, 2), ()]).axes
    assert [t.get_text() for t in axes.texts].count("✕") == 2
    assert len(axes.lines) == 2 * 1 + 1 * 1


def test_a_neuron_computes_what_it_shows():
    params = {"kernel": np.array([[2.0], [-1.0]]), "bias": np.array([0.5])}
    (axes,) = plots.neuron(2, jax.nn.relu, params=params, inputs=[1.0, 3.0]).axes
    texts = [text.get_text() for text in axes.texts]
    assert {"1", "3", "2", "-1", "0.5", "$z$ = -0.5", r"$\hat{y}$ = 0"} <= set(texts)
    with pytest.raises(ShapeError, match=r"shape \(3, 1\)"):
        plots.neuron(3, params=params)
    with pytest.raises(ValueError, match="got 1 inputs, expected 2"):
        plots.neuron(2, inputs=[1.0])


def test_a_neuron_of_many_inputs_has_dots():
    texts = [text.get_text() for text in plots.neuron(784).axes[0].texts]
    assert r"$\vdots$" in texts and "$x_{784}$" in texts and "$x_{5}$" not in texts


def test_sets_lie_within_each_other():
    (axes,) = plots.nested_sets(["all", "some", "few"]).axes
    boxes = [patch.get_bbox() for patch in axes.patches]
    for outer, inner in itertools.pairwise(boxes):
        assert outer.x0 < inner.x0 < inner.x1 < outer.x1
        assert outer.y0 < inner.y0 < inner.y1 < outer.y1
    with pytest.raises(ValueError, match="got 7 names"):
        plots.nested_sets("abcdefg")


def test_a_graph_has_an_arrow_for_each_connection():
    net = combinators.residual(
        combinators.serial(layers.dense(4, 4), activations.relu, layers.dense(4, 4))
    )
    nodes = explain.graph(net, (1, 4))
    assert [(node.name, node.inputs, node.params) for node in nodes] == [
        ("dense(4, 4)", (-1,), 20), ("relu", (0,), 0), ("dense(4, 4)", (1,), 20), ("+", (-1, 2), 0),
    ]  # fmt: skip
    (axes,) = plots.graph(nodes).axes
    arrows = [patch for patch in axes.patches if isinstance(patch, FancyArrowPatch)]
    assert len(arrows) == 5 and len(axes.lines) == 1  # four steps and a skip, with its line
    with pytest.raises(ValueError, match="only earlier ones"):
        plots.graph([("dense", (0,), (1,), 1)])


def test_a_transformer_block_shows_what_skips_what():
    names = [n.name for n in explain.graph(models.transformer_block(8, 2, n_hidden=4), (1, 3, 8))]
    assert names == ["multi_head_attention(8, 2)", "+", "layer_norm(8)", "dense(8, 4)", "relu",
                     "dense(4, 8)", "+", "layer_norm(8)"]  # fmt: skip


def test_unrolled_in_time_has_a_cell_for_each_step():
    texts = [text.get_text() for text in plots.unrolled(3, cell="GRU").axes[0].texts]
    assert texts.count("GRU") == 1 + 3 and "$x_{T}$" in texts
    assert "…  $h_{T-1}$" in texts and "$h_{1}$" in texts  # what goes into the last step


def test_blocks_of_a_summary():
    (axes,) = plots.blocks([("rescale(0.00392156862745098)", (1, 4), 0)]).axes
    assert axes.texts[0].get_text() == "rescale(0.00392)"
    (axes,) = plots.blocks(explain.summary(models.mlp((4, 3, 2)), (1, 4)).rows).axes
    words = [text.get_text() for text in axes.texts if text.get_text()]
    assert words == [
        "dense(4, 3) · relu",
        "1 × 3 · 15 parameters",
        "dense(3, 2)",
        "1 × 2 · 8 parameters",
    ]
    with pytest.raises(ValueError, match="no layers"):
        plots.blocks([])


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"sizes": (3,)}, ValueError, "at least two sizes"),
        ({"sizes": (2, 3, 1), "params": KERNELS}, ShapeError, "kernels of shapes"),
        ({"sizes": (2, 1), "inputs": ["a"]}, ValueError, "1 inputs for 2 neurons"),
        ({"sizes": (2, 1), "values": [[1.0], [2.0]]}, ValueError, "values of"),
    ],
)
def test_network_of_wrong_arguments(arguments, error, words):
    with pytest.raises(error, match=words):
        plots.network(**arguments)


POINTS, LABELS = np.array([[-1.0, 0.0], [1.0, 0.5], [0.9, -0.5]]), np.array([0, 1, 1])


def shade(axes, x, y):
    """The colour of the picture at a point."""
    left, right, bottom, top = axes.images[0].get_extent()
    picture = axes.images[0].get_array()
    row = int((y - bottom) / (top - bottom) * (len(picture) - 1))
    return np.asarray(picture[row, int((x - left) / (right - left) * (picture.shape[1] - 1))])


@pytest.mark.parametrize(
    "as_logits", [lambda z: z, lambda z: z[:, None], lambda z: np.stack([-z, 0 * z], 1)]
)
def test_boundary_colours_what_is_decided(as_logits):
    (axes,) = plots.boundary(lambda p: as_logits(9 * p[:, 0]), POINTS, LABELS).axes
    left, right, middle = shade(axes, -0.9, 0), shade(axes, 0.9, 0), shade(axes, 0.0, 0)
    assert np.abs(left - to_rgb(plots.BLUE)).sum() < np.abs(left - to_rgb(plots.ORANGE)).sum()
    assert np.abs(right - to_rgb(plots.ORANGE)).sum() < np.abs(right - to_rgb(plots.BLUE)).sum()
    assert middle.min() > 0.9  # nearly white where it isn't sure
    line = np.concatenate([p.vertices for p in axes.collections[0].get_paths()])
    np.testing.assert_allclose(line[:, 0], 0, atol=1e-3)
    marks = axes.collections[1:]
    np.testing.assert_allclose(marks[1].get_offsets(), POINTS[1:], atol=1e-6)


def test_boundary_of_three_classes_and_of_wrong_arguments():
    predict = lambda p: p @ np.array([[0.0, 2, -2], [2, -1, -1]], "float32")
    figure = plots.boundary(predict, POINTS, [0, 1, 2], classes=["cat", "dog", "fox"])
    words = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert words == ["cat", "dog", "fox"]
    with pytest.raises(ShapeError, match=r"\(N, 2\) and \(N,\)"):
        plots.boundary(predict, POINTS, [0, 1])
    with pytest.raises(ShapeError, match="predict returned"):
        plots.boundary(lambda p: p[:, :, None], POINTS, LABELS)


def test_film_is_drawn_from_each_of_the_params(tmp_path):
    from PIL import Image

    seen = []

    def predict(params, points):
        seen.append(params)
        return params * points[:, 0]

    make = lambda: plots.boundary_animation(
        predict, [-1.0, 0.1, 5.0], POINTS, LABELS, titles=["a", "b", "c"], interval=200
    )
    with Image.open(plots.save_animation(make(), tmp_path / "film.gif", dpi=40)) as film:
        assert getattr(film, "n_frames", 1) == 3 and film.info["duration"] == 200
    assert seen[-3:] == [-1.0, 0.1, 5.0]
    page = plots.save_animation(make(), tmp_path / "film.html", dpi=40).read_text()
    assert page.count("data:image/png;base64") == 3 and "http-equiv" not in page
    with pytest.raises(ValueError, match=r"must end in \.gif, \.mp4 or \.html"):
        plots.save_animation(None, "film.avi")
    with pytest.raises(ValueError, match="2 titles, 1 snapshots"):
        plots.boundary_animation(predict, [1.0], POINTS, LABELS, titles=["a", "b"])


def test_a_film_names_classes_and_has_few_shades():
    predict = lambda scale, points: scale * points[:, 0]
    film: Any = plots.boundary_animation(predict, [3.0], POINTS, LABELS, classes=["left", "right"])
    film._draw_frame(0)
    film._draw_was_started = True  # or matplotlib would warn that nobody looked at it
    (axes,) = film._fig.axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["left", "right"]
    shades = np.unique(axes.images[0].get_array().reshape(-1, 3), axis=0)
    assert 2 < len(shades) <= 2 * 7  # none, and six steps of certainty, of each class


def test_a_small_gif_keeps_the_colours_of_lines_and_areas():
    import io

    from PIL import Image

    moving = plots.descent_animation(pictures=3, interval=250)
    small = plots.animation_gif(moving, colours=32, width=600)
    with Image.open(io.BytesIO(small)) as film:
        assert film.width == 600 and film.info["duration"] == 250
        assert getattr(film, "n_frames", 1) == 3
        film.seek(2)
        pixels = np.asarray(film.convert("RGB")).reshape(-1, 3)
    assert len(np.unique(pixels, axis=0)) <= 32
    for colour in (plots.BLUE, plots.ORANGE, plots.GREEN):
        off = np.abs(pixels - 255 * np.array(to_rgb(colour))).max(axis=1)
        assert (off < 30).sum() > 100, colour
    grey = pixels[np.ptp(pixels.astype(int), axis=1) < 8]
    assert len(np.unique(grey, axis=0)) > 5  # contours aren't tinted like the lines
    assert len(small) < 100_000
    for wrong in ({"colours": 1}, {"colours": 257}, {"width": 0}):
        with pytest.raises(ValueError, match="animation_gif"):
            plots.animation_gif(moving, **wrong)


def test_images_share_a_scale():
    pictures = np.stack([np.zeros((4, 4)), np.full((4, 4), 3.0), np.ones((4, 4))])
    figure = plots.images(pictures, titles=["a", "b", "c"], columns=2)
    assert [axes.get_title() for axes in figure.axes] == ["a", "b", "c"]
    assert {axes.images[0].get_clim() for axes in figure.axes} == {(0.0, 3.0)}
    with pytest.raises(ValueError, match="1 titles for 3"):
        plots.images(pictures, titles=["a"])
    with pytest.raises(ShapeError, match="1 or 3 colours"):
        plots.images(np.zeros((2, 4, 4, 2)))


def test_filters_of_convolutions_and_of_dense_layers():
    kernel = np.random.default_rng(0).normal(size=(5, 4, 2, 3))
    *panels, _ = plots.filters(kernel).axes
    assert len(panels) == 3
    drawn = panels[1].images[0].get_array()
    np.testing.assert_allclose(drawn, kernel[:, :, :, 1].mean(axis=2), rtol=1e-6)
    size = np.abs(kernel.mean(axis=2)).max()
    np.testing.assert_allclose(panels[0].images[0].get_clim(), (-size, size), rtol=1e-6)
    dense = np.arange(12.0).reshape(6, 2)
    first = plots.filters(dense, shape=(2, 3)).axes[0].images[0].get_array()
    np.testing.assert_array_equal(first, dense[:, 0].reshape(2, 3))
    assert plots.filters(np.ones((3, 3, 3, 2))).axes[0].images[0].get_array().shape == (3, 3, 3)
    with pytest.raises(ShapeError, match="for images of"):
        plots.filters(dense, shape=(2, 2))
    with pytest.raises(ShapeError, match="height, width, n_in, n_out"):
        plots.filters(dense)


def test_feature_maps_and_attributions():
    maps = np.random.default_rng(0).normal(size=(6, 6, 3)).astype("float32")
    panels = plots.feature_maps(maps).axes
    np.testing.assert_array_equal(panels[2].images[0].get_array(), maps[..., 2])
    assert panels[0].images[0].get_clim() == (-np.abs(maps).max(), np.abs(maps).max())
    after_relu = plots.feature_maps(np.maximum(maps, 0)).axes[0].images[0]
    assert after_relu.get_clim() == (0, maps.max())  # no scale for what can't be
    images, shares = maps[None, ..., :1], -np.abs(maps[None, ..., :1])
    above, below = plots.attributions(images, shares).axes
    np.testing.assert_array_equal(above.images[0].get_array(), images[0, ..., 0])
    np.testing.assert_array_equal(below.images[0].get_array(), shares[0, ..., 0])
    low, high = below.images[0].get_clim()
    assert low == -high == shares.min()
    with pytest.raises(ShapeError, match="feature_maps"):
        plots.feature_maps(maps[None])
    with pytest.raises(ShapeError, match="attributions"):
        plots.attributions(images, shares[:, :3])


def test_attention_maps():
    weights = np.random.default_rng(0).dirichlet(np.ones(3), (2, 2)).astype("float32")
    *heads, _ = plots.attention(weights, tokens="abc", queries="xy").axes
    assert [axes.get_title() for axes in heads] == ["head 1", "head 2"]
    np.testing.assert_array_equal(heads[1].images[0].get_array(), weights[1])
    assert [tick.get_text() for tick in heads[0].get_yticklabels()] == ["x", "y"]
    with pytest.raises(ValueError, match="2 tokens for 3 keys"):
        plots.attention(weights, tokens="ab", queries="xy")
    with pytest.raises(ShapeError, match="attention got"):
        plots.attention(np.ones(3))


def test_landscape_axes_are_not_swapped():
    plane = explain.landscape(
        lambda p: p[0] ** 2 + 100 * p[1], np.zeros(2, "float32"), size=5,
        directions=(np.array([1.0, 0], "float32"), np.array([0, 1.0], "float32")),
    )  # fmt: skip
    left, right, _ = plots.landscape(plane, path=[[-1, 1], [0, 0]]).axes
    # β, upwards, makes nearly all of the loss: contours lie flat.
    line = next(p for p in left.collections[0].get_paths() if len(p.vertices))
    np.testing.assert_allclose(np.ptp(line.vertices[:, 0]), 2)
    assert (left.get_xlabel(), left.get_ylabel()) == ("α", "β") and right.name == "3d"
    np.testing.assert_array_equal(left.lines[0].get_xydata(), [[-1, 1], [0, 0]])
    with pytest.raises(ShapeError, match="path is"):
        plots.landscape(plane, path=[0, 1])


def test_figures_belong_to_no_global_state():
    from matplotlib import pyplot

    before = pyplot.get_fignums()
    plots.network()
    plots.images(np.zeros((2, 3, 3)))
    assert pyplot.get_fignums() == before


def test_jax_arrays_are_drawn_too():
    net = models.mlp((2, 3, 3))
    params, state = net.init(jax.random.key(0))
    plots.network(params=params)
    plots.boundary(lambda p: net.apply(params, state, p)[0], POINTS, jax.numpy.asarray(LABELS))


def test_a_panel_for_each_of_several_borders():
    several = {"across": lambda p: 9 * p[:, 0], "up": lambda p: 9 * p[:, 1]}
    labels = {"across": LABELS, "up": np.array([0, 1, 0])}
    figure = plots.boundary(several, POINTS, labels, classes=["no", "yes"])
    across, up = figure.axes
    assert [axes.get_title() for axes in (across, up)] == ["across", "up"]
    np.testing.assert_allclose(up.collections[2].get_offsets(), POINTS[1:2], atol=1e-6)
    above = shade(up, -0.9, 0.4)
    assert np.abs(above - to_rgb(plots.ORANGE)).sum() < np.abs(above - to_rgb(plots.BLUE)).sum()
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["no", "yes"]
    with pytest.raises(ValueError, match=r"labels of \['up'\], and predict of \['across', 'up'\]"):
        plots.boundary(several, POINTS, {"up": LABELS})


def test_titles_of_filters_and_heads():
    kernel = np.ones((3, 3, 1, 2))
    figures = [
        plots.filters(kernel, titles=["a", "b"]),
        plots.filters(np.ones((3, 3, 3, 2)), titles=["a", "b"]),
        plots.attention(np.ones((2, 4, 4)) / 4, titles=["a", "b"]),
    ]
    for figure in figures:
        assert [axes.get_title() for axes in figure.axes[:2]] == ["a", "b"]
    with pytest.raises(ValueError, match="filters: 1 titles for 2 filters"):
        plots.filters(kernel, titles=["a"])
    with pytest.raises(ValueError, match="attention: 1 titles for 2 heads"):
        plots.attention(np.ones((2, 4, 4)), titles=["a"])


def test_resolution_is_that_of_a_slide_unless_the_reader_has_set_one():
    import matplotlib as mpl

    assert plots.network((2, 3, 3, 3, 3, 3, 3, 1)).dpi == 150
    assert plots.network().dpi * plots.network().get_figwidth() > 1499  # narrow, so more dots
    with mpl.rc_context({"figure.dpi": 90}):
        assert plots.network().dpi == 90


def test_a_notebook_shows_a_figure_without_any_of_pyplot():
    import io

    from IPython.core.formatters import PNGFormatter
    from PIL import Image

    plane = explain.Landscape(np.arange(3.0), np.arange(3.0), np.ones((3, 3)), ())
    for figure in (plots.network(), plots.landscape(plane)):
        with Image.open(io.BytesIO(PNGFormatter()(figure))) as picture:
            assert min(picture.size) > 200


X = np.array([[0.0, 1.0], [1.0, 0.0]])
ONE = np.zeros((1, 4, 4))


@pytest.mark.parametrize(
    ("draw", "error", "words"),
    [
        (lambda: plots.boundary(sum, X, [-1, 1]), ValueError, "from 0 on"),
        (lambda: plots.boundary(sum, X, [0.5, 1]), ValueError, "whole numbers"),
        (
            lambda: plots.boundary(sum, X, [0, 2], classes="ab"),
            ValueError,
            "2 classes, but label 2",
        ),
        (lambda: plots.boundary(sum, X[:0], []), ShapeError, "N at least 1"),
        (lambda: plots.boundary(lambda x: x[:3], X, [0, 1]), ShapeError, "3 rows for 22500"),
        (lambda: plots.network(params=()), ValueError, "no kernel of a dense layer"),
        (lambda: plots.predictions(ONE, [], [], classes="ab"), ShapeError, "for 1 images"),
        (lambda: plots.predictions(ONE, [0], [2], classes="ab"), ValueError, "from 0 to 2"),
        (lambda: plots.predictions(ONE, [0], [-1], classes="ab"), ValueError, "from -1 to 0"),
        (lambda: plots.predictions(ONE[0], [0], [0], classes="ab"), ShapeError, "predictions got"),
        (lambda: plots.images(ONE[:0]), ShapeError, "N at least 1"),
        (lambda: plots.attributions(ONE[:0], ONE[:0]), ShapeError, "N at least 1"),
        (lambda: plots.attention(ONE[:0]), ShapeError, r"attention got float32\[0,4,4\]"),
        (lambda: plots.surface_paths({"a": X[:0]}, sum), ShapeError, "T at least 1"),
    ],
)
def test_pictures_of_what_cannot_be_drawn(draw, error, words):
    with pytest.raises(error, match=words):
        draw()


def test_images_of_one_row_are_images():
    (axes,) = plots.images(np.arange(6.0).reshape(1, 1, 6, 1)).axes
    assert axes.images[0].get_array().shape == (1, 6)


def test_what_is_missing_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_agg", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install .jaxdl-toolkit\[experiments\]"):
        plots.images(ONE)
