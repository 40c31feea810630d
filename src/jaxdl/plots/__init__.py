"""Pictures of data, training and results, readable on a slide; each function returns its figure.

- plots.history(rows, *, title=""): rows of train.fit; or a list of such histories (seeds): mean
  and a band of ± one standard deviation
- plots.compare(runs, *, metric="loss", title="", log=False): {"adam": rows or list of histories,
  …}: a curve (with band) a name
- plots.activations(functions=None, *, low=-4.0, high=4.0, columns=5, title=""): {name: f} or
  names; all of them unless given; f solid, f′ dashed
- plots.losses(functions=None, *, low=-3.0, high=3.0, xlabel="error", title=""): {name: f(x)};
  without, three panels: regression by error, binary by margin, cross entropies by probability
- plots.network(sizes=(2, 3, 1), params=None, *, inputs=None, outputs=None, values=None, most=12,
  title=""): neurons and edges (colour and width from the kernels in params: the tree of a net of
  dense layers); blocks where a layer has more than `most`
- plots.blocks(rows, *, title=""): a block a layer for any net: explain.summary(...).rows, or
  (label, shape, parameters) triples
- plots.boundary(predict, inputs, labels, *, margin=0.3, resolution=150, classes=None, title=""):
  predict(points (N, 2)) -> logits (N, C), or one logit (N,) or (N, 1)
- plots.boundary_animation(predict, snapshots, inputs, labels, *, titles=None, margin=0.3,
  resolution=80, interval=150, dpi=80) -> matplotlib FuncAnimation; predict(params, points);
  snapshots: list of params
- plots.save_animation(animation, path, *, dpi=80): path ends in .gif or .html
- plots.predictions(images, labels, predicted, *, classes, columns=8, title="")
- plots.confusion(matrix, *, classes, title="")
- plots.images(images, *, titles=None, columns=8, title="")
- plots.filters(kernel, *, shape=None, columns=8, title=""): kernel (h, w, n_in, n_out), or a
  dense one (n_in, n_out) with shape=(h, w)
- plots.feature_maps(maps, *, columns=8, title=""): of one example, (h, w, channels)
- plots.histograms(values, *, xlabel="value", bins=60, title=""): {label: array}: a histogram a
  layer, e.g. {l.label: l.a for l in trace.layers} or {l.label: l.delta for l in backprop.layers}
- plots.surface_paths(paths=None, surface=None, *, low=(-2.2, -1.2), high=(2.2, 3.2),
  minimum=None, title=""): {name: points (T, 2)} on the contours of surface(point (2,)) -> scalar;
  without arguments optimizers on Rosenbrock's valley
- plots.descent(surface, start, tx, *, steps=100) -> points (steps + 1, 2): the way of an
  optimizer, for surface_paths
- plots.attention(weights, *, tokens=None, columns=4, title=""): (heads, queries, keys) or
  (queries, keys)
- plots.calibration(logits, labels, *, bins=10, title=""); plots.roc(scores, labels, *, title=""):
  scores (N,), or {name: scores}
- plots.landscape(landscape, *, path=None, log=False, title=""): of explain.landscape; contours
  and a surface
- plots.attributions(images, maps, *, columns=8, title=""): images above, maps of saliency or
  integrated gradients below
"""
from jaxdl.plots._old import confusion as confusion, history as history, predictions as predictions
