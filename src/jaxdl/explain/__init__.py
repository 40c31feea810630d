"""Inside a network: forward and backward pass layer by layer, checks, sizes, and what matters.

- explain.trace(net, params, state, x, *, key=None, train=False) -> Trace(layers, output); each of
  .layers is LayerTrace(label, name, activation, inputs, z, a, dead): z pre-activation, a after
  its activation, dead a bool mask of units (last axis); print: shapes, means, spreads, dead
  share. A following activation counts to its layer.
- explain.backprop(net, loss, params, state, x, labels, *, key=None, train=False) ->
  Backprop(loss, layers, gradient); .layers[i] is LayerGradient(label, symbol, name, activation,
  inputs, z, a, delta, params, gradient, formula): delta = dL/dZ, gradient = {"kernel": dW,
  "bias": db}; .gradient is the tree that jax.grad gives; loss is loss(predictions, labels) ->
  scalar, as losses.mse_loss; print: as the lectures write it (Z¹ = W¹a⁰ + b¹ …, δ¹ = (W²)ᵀδ² ∘
  tanh′(Z¹), dW¹ = δ¹(a⁰)ᵀ), examples as columns
- explain.gradient_check(f, params, *, step=1e-6, samples=20, seed=0) -> GradientCheck(worst,
  error, leaves); f(params) -> scalar; central differences in float64; .worst is the path of the
  worst leaf, .error its largest relative error
- explain.summary(net, input_shape, *, dtype=jnp.float32) -> Summary(rows, params, flops,
  bytes_…); input_shape includes the batch axis, as (1, 28, 28, 1); rows: (label, name,
  activation, output_shape, params, flops, bytes)
- explain.first_nonfinite(f, *args) -> str | None; f a function, or a Layer with (params, state,
  x)
- explain.dead_units(net, params, state, x) -> {label: bool mask of units}
- explain.gradient_flow(net, loss, params, state, x, labels) -> GradientFlow(rows): a row a layer
  (label, a_mean, a_std, delta_rms, kernel_rms, gradient_rms, ratio)
- explain.landscape(loss, params, *, key, span=1.0, size=25, filter_normalised=True,
  directions=None) -> Landscape(alpha, beta, loss, directions); loss(params) -> scalar; loss[i, j]
  at params + alpha[i]·d₀ + beta[j]·d₁
- explain.saliency(f, x, *, targets=None) -> |∂f_target/∂x|, shape of x; f: (N, …) -> (N, classes)
  or (N,); targets: class indices (N,), the predicted ones unless given
- explain.integrated_gradients(f, x, *, baseline=None, targets=None, steps=64) -> attributions,
  shape of x; they add up to f(x) − f(baseline)
- explain.nearest_examples(queries, examples, *, k=5, features=None, metric="euclidean"|"cosine")
  -> Nearest(indices (N, k), distances (N, k)); features: a function of arrays, such as lambda x:
  explain.trace(net, params, state, x).layers[-2].a
"""
