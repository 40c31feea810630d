"""Diagrams and films: what they draw and compute, not their pixels."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.patches import Circle, FancyArrowPatch, Rectangle

from jaxdl import explain, functional, layers, losses, models, plots
from jaxdl._checks import ShapeError

IMAGE = np.array([[3, 1, 0, 2], [0, 5, 9, 1], [1, 2, 7, 3], [0, 7, 5, 8]], np.float32)
KERNEL = np.array([[1, 0], [2, -1]], np.float32)


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def quiet(film):
    film._draw_was_started = True  # matplotlib warns of films that nobody looked at
    return film


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1)])
def test_a_convolution_shows_the_numbers_of_functional_conv(stride, padding):
    params = {"kernel": KERNEL[..., None, None]}
    y = functional.conv(params, IMAGE[..., None], stride=stride, padding=((padding, padding),) * 2)
    figure = plots.convolution(IMAGE, KERNEL, at=(1, 1), stride=stride, padding=padding)
    drawn = texts(figure)
    result = [f"{v:g}" for v in np.asarray(y).ravel()]
    assert drawn[-1 - len(result) : -1] == result
    assert drawn[-1].endswith(f"= {float(y[1, 1, 0]):g}")
    boxes = [p for p in figure.axes[0].patches if isinstance(p, Rectangle) and not p.get_fill()]
    (x0, top), cell = figure.axes[0].patches[0].get_xy(), boxes[2].get_width()
    first = 1 * stride
    assert np.allclose(boxes[0].get_xy(), (x0 + cell * first, top - cell * (first + 1)))
    assert np.allclose((boxes[0].get_width(), boxes[2].get_width()), (2 * cell, cell))


def test_the_film_of_a_convolution_fills_the_result():
    film = quiet(plots.convolution_animation(IMAGE, KERNEL))
    film._func(4)
    shown = texts(film._fig)[-10:-1]
    assert [bool(text) for text in shown] == [True] * 5 + [False] * 4
    with pytest.raises(ShapeError, match=r"kernel of \(2, 2\) doesn't fit an image of \(1, 4\)"):
        plots.convolution(IMAGE[:1], KERNEL)
    with pytest.raises(ValueError, match=r"at is \(3, 0\); the result has the shape \(3, 3\)"):
        plots.convolution(IMAGE, KERNEL, at=(3, 0))


@pytest.fixture(scope="module")
def steps():
    net = models.mlp((2, 3, 1), activation=jnp.tanh)
    params, state = net.init(jax.random.key(0))
    x, y = jnp.array([[1.0, -0.5], [0.3, 2.0]]), jnp.array([[1.0], [0.0]])
    return explain.backprop(net, losses.mse_loss, params, state, x, y)


def test_backpropagation_shows_each_neurons_numbers(steps):
    figure = plots.backpropagation(steps, example=1)
    hidden, output = steps.layers
    for array, form in ((hidden.a, "{:.2f}"), (output.a, "{:.2f}"), (hidden.delta, "δ = {:.2g}"),
                        (output.delta, "δ = {:.2g}")):  # fmt: skip
        assert {form.format(v) for v in np.asarray(array[1])} <= set(texts(figure))
    assert f"L = {float(steps.loss):.3f}" in texts(figure)
    assert "δ¹ = (W²)ᵀδ²∘σ′(Z¹)" in texts(figure)
    circles = [p for p in figure.axes[0].patches if isinstance(p, Circle)]
    arrows = [p for p in figure.axes[0].patches if isinstance(p, FancyArrowPatch)]
    assert (len(circles), len(arrows)) == (2 + 3 + 1, 3)  # errors flow from the output to three
    widths = np.array([arrow.get_linewidth() for arrow in arrows])
    carried = np.abs(np.asarray(output.params["kernel"])[:, 0])
    assert np.allclose(widths, 0.5 + 3.5 * carried / carried.max(), rtol=1e-5)


def test_the_film_of_backpropagation_goes_forwards_and_back(steps):
    film = quiet(plots.backpropagation_animation(steps))
    count = lambda i: (film._func(i), sum("δ =" in text for text in texts(film._fig)))[1]
    assert [count(i) for i in range(5)] == [0, 0, 0, 1, 4]
    with pytest.raises(ValueError, match="stage is 5; it must be from 0 to 4"):
        plots.backpropagation(steps, stage=5)
    with pytest.raises(ValueError, match="example is 2; there are 2"):
        plots.backpropagation(steps, example=2)


def test_backpropagation_of_other_layers_is_refused():
    net = layers.conv(1, 1, (2, 2))
    params, state = net.init(jax.random.key(0))
    x = jnp.ones((1, 3, 3, 1))
    steps = explain.backprop(net, losses.mse_loss, params, state, x, jnp.ones((1, 2, 2, 1)))
    with pytest.raises(ValueError, match="draws dense layers"):
        plots.backpropagation(steps)


def test_attention_links_have_the_width_of_their_weights():
    weights = np.array([[0.7, 0.3], [0.0, 1.0]])
    (axes,) = plots.attention_links(weights, ["a", "b"], queries=["c", "d"]).axes
    assert texts(axes.figure) == ["c", "d", "a", "b"]
    drawn = {tuple(line.get_ydata()): line.get_linewidth() for line in axes.lines}
    assert drawn.keys() == {(0.5, 0.5), (0.5, -0.5), (-0.5, -0.5)}  # none where there is no weight
    assert np.isclose(drawn[0.5, 0.5], 0.5 + 5.5 * 0.7) and np.isclose(drawn[-0.5, -0.5], 6)
    light = [sum(to_rgb(line.get_color())) for line in axes.lines]
    assert light == sorted(light, reverse=True) and len(set(light)) == 3  # strong ones lie above
    with pytest.raises(ShapeError, match=r"\(heads, 2, 3\)"):
        plots.attention_links(weights, ["a", "b", "c"], queries=["c", "d"])


def test_the_film_of_attention_shows_each_matrix():
    maps = np.stack([np.full((2, 2), 0.5), np.eye(2)])
    film = quiet(plots.attention_animation(maps, ["a", "b"], titles=["before", "after"]))
    for i, title in enumerate(("before", "after")):
        film._func(i)
        left, right = film._fig.axes
        assert film._fig.get_suptitle() == title
        np.testing.assert_allclose(right.images[0].get_array(), maps[i])
        assert len(left.lines) == (4, 2)[i]
    with pytest.raises(ValueError, match="1 titles for 2 pictures"):
        plots.attention_animation(maps, ["a", "b"], titles=["one"])


@pytest.mark.parametrize("norm_first", [True, False])
def test_a_transformer_block_has_the_networks_parts_in_their_order(norm_first):
    net = models.transformer_block(8, 2, n_hidden=12, norm_first=norm_first)
    params, _ = net.init(jax.random.key(0))
    drawn = texts(plots.transformer_block(params, 2, norm_first=norm_first))
    parts = {"multi_head_attention(8, 2)": "attention, 2 heads\n8 → 3·8 → 8", "+": "+",
             "layer_norm(8)": "layer norm", "dense(8, 12)": "dense 8 → 12", "relu": "relu",
             "dense(12, 8)": "dense 12 → 8"}  # fmt: skip
    order = [parts[node.name] for node in explain.graph(net, (1, 3, 8))]
    assert drawn[1 : 1 + len(order)] == order
    assert {"scores Q Kᵀ / √4", "dense 8 → 8 (W_O)"} <= set(drawn)
    with pytest.raises(ShapeError, match="transformer_block"):
        plots.transformer_block({"kernel": np.ones((2, 2))})


def test_dropout_crosses_out_what_functional_dropout_drops():
    key = jax.random.key(3)
    left, right = plots.dropout((3, 6, 2), 0.5, key=key).axes
    kept = functional.dropout(jax.random.split(key, 3)[1], np.ones(6, "f"), rate=0.5) != 0
    count = int(kept.sum())
    assert len(left.lines) == 3 * 6 + 6 * 2 and len(right.lines) == 3 * count + count * 2
    assert sum(text.get_text() == "✕" for text in right.texts) == 6 - count
    assert f"{count} of 6 hidden neurons" in right.get_title()
    with pytest.raises(ValueError, match="three sizes or more"):
        plots.dropout((2, 1))


def test_a_perceptron_of_several_outputs_computes_them():
    params = {"kernel": np.array([[1.0, -2.0], [0.5, 1.0]]), "bias": np.array([0.5, 0.0])}
    figure = plots.multi_output(2, 2, params=params, inputs=[1.0, 4.0], output=1)
    assert {"3.5", "2", "-2", "1"} <= set(texts(figure))  # 1 + 2 + 0.5 and -2 + 4
    assert "$w_{2,1}$" in texts(plots.multi_output(2, 2))
    with pytest.raises(ShapeError, match=r"kernel of shape \(3, 2\), got \(2, 2\)"):
        plots.multi_output(3, 2, params=params)


def test_features_are_the_strongest_maps_of_each_layer():
    net = models.convnet((8, 8, 1), 2, widths=(2, 3), hidden=())
    params, state = net.init(jax.random.key(0))
    x = jax.random.uniform(jax.random.key(1), (2, 8, 8, 1))
    trace = explain.trace(net, params, state, x)
    figure = plots.features(trace, example=1, most=2)
    names = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert [name.rpartition(", ")[2] for name in names] == ["8 × 8 × 1", "4 × 4 × 2", "2 × 2 × 3"]
    first = np.asarray(trace.layers[0].a[1])
    strongest = first[..., np.abs(first).max((0, 1)).argmax()]
    np.testing.assert_allclose(figure.axes[2].images[0].get_array(), strongest)
    film = quiet(plots.features_animation(trace))
    film._func(2)
    assert film._fig.get_suptitle().endswith("2 × 2 × 3")
    net = layers.dense(2, 1)
    params, state = net.init(jax.random.key(0))
    with pytest.raises(ValueError, match="no layer of the trace yields images"):
        plots.features(explain.trace(net, params, state, np.ones((1, 2), "f")))


def test_the_film_of_a_descent_ends_where_the_paths_end():
    paths = {"long": np.array([[0.0, 0], [1, 1], [2, 0]]), "short": np.array([[0.0, 1], [1, 0]])}
    film = quiet(plots.descent_animation(paths, pictures=3))
    seen = []
    for i in range(3):
        film._func(i)
        seen.append([len(line.get_xdata()) for line in film._fig.axes[0].lines[:2]])
    assert seen == [[1, 1], [2, 2], [3, 2]] and film._fig.get_suptitle() == "step 2"


@pytest.mark.parametrize("ending", ["mp4", "gif", "html"])
def test_films_are_written_at_least_960_pixels_wide(tmp_path, ending):
    film = plots.convolution_animation(IMAGE[:1, :3], KERNEL[1:])
    path = plots.save_animation(film, tmp_path / f"film.{ending}")
    content = path.read_bytes()
    if ending == "gif":
        assert int.from_bytes(content[6:8], "little") >= 960
    elif ending == "mp4":
        assert content[4:8] == b"ftyp"
        place = content.index(b"avc1", content.index(b"stsd"))
        assert int.from_bytes(content[place + 28 : place + 30], "big") >= 960
    else:
        assert b"data:image/png;base64" in content


def test_a_film_of_another_kind_and_a_missing_encoder_are_named(tmp_path, monkeypatch):
    film = quiet(plots.convolution_animation(IMAGE[:1], KERNEL[1:]))
    with pytest.raises(ValueError, match=r"must end in .gif, .mp4 or .html"):
        plots.save_animation(film, tmp_path / "film.avi")
    monkeypatch.setitem(__import__("sys").modules, "imageio_ffmpeg", None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ModuleNotFoundError, match=r"imageio-ffmpeg: pip install"):
        plots.save_animation(film, tmp_path / "film.mp4")


def test_diagrams_are_written_as_svg_too(tmp_path, steps):
    for i, figure in enumerate((plots.backpropagation(steps), plots.convolution(IMAGE, KERNEL))):
        figure.savefig(tmp_path / f"{i}.svg")
        assert "<svg" in (tmp_path / f"{i}.svg").read_text()


def test_pairs_of_columns_are_joined_whole():
    (axes,) = plots.multi_output(3, 2).axes
    arrows = [p for p in axes.patches if isinstance(p, FancyArrowPatch)]
    assert len(arrows) == len(list(itertools.product(range(3), range(2)))) + 2
