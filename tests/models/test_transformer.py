"""Transformers: published sizes, generation against the uncached network, masks, training."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from golden.compare import quick_jit
from jaxdl import activations, functional, layers, losses, models
from jaxdl._checks import ShapeError
from jaxdl.combinators import repeat
from jaxdl.models import _transformer_lm
from jaxdl.models._transformer_vit import _patches
from jaxdl.types import Layer

random = np.random.default_rng(0)
KEY = jax.random.key(3)
TWO = jnp.ones((2, 3), int)
NETS = {
    "learned": models.transformer_lm(
        11, length=9, n_features=8, n_heads=2, n_layers=2, n_hidden=8, rate=0.1
    ),
    "rotary": models.transformer_lm(
        11,
        rotary=True,
        tied=False,
        bias=False,
        n_features=8,
        n_heads=4,
        n_kv_heads=2,
        n_layers=2,
        n_hidden=8,
        norm=layers.rms_norm,
        activation=activations.swiglu,
    ),
}
EVERY = pytest.mark.parametrize("name", NETS)
PROMPT = jnp.array([[3, 1, 4], [1, 5, 9]])


def close(a, b, bound=1e-5):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, bound, bound), a, b)


@functools.cache
def made(name):
    """Params whose logits aren't all alike, as those of a new network are."""
    params, _ = quick_jit(NETS[name].init)(KEY)
    grow = lambda p: 8 * p if p.ndim > 1 else p
    return jax.tree.map(grow, params)


def count(net):
    params, _ = jax.eval_shape(net.init, KEY)
    return sum(p.size for p in jax.tree.leaves(params))


SIZES = {
    "GPT-2 small": 124_439_808,
    "GPT-2 XL": 1_557_611_200,
    "LLaMA 2 7B": 6_738_415_616,
    "ViT-Ti/16": 5_717_416,
    "ViT-B/16": 86_567_656,
    "ViT-L/16": 304_326_632,
    "nn.TransformerEncoderLayer(512, 8)": 3_152_384,
}


def published(name):
    gpt = functools.partial(models.transformer_lm, 50257, length=1024)
    vit = functools.partial(models.vit, (224, 224, 3), 1000)
    return {
        "GPT-2 small": lambda: gpt(n_features=768, n_heads=12, n_layers=12),
        "GPT-2 XL": lambda: gpt(n_features=1600, n_heads=25, n_layers=48),
        "LLaMA 2 7B": lambda: models.transformer_lm(
            32_000,
            n_features=4096,
            n_heads=32,
            n_layers=32,
            n_hidden=2 * 11_008,
            rotary=True,
            tied=False,
            bias=False,
            norm=layers.rms_norm,
            activation=activations.swiglu,
        ),
        "ViT-Ti/16": lambda: vit(n_features=192, n_heads=3),
        "ViT-B/16": lambda: vit(),
        "ViT-L/16": lambda: vit(n_features=1024, n_heads=16, n_layers=24),
        "nn.TransformerEncoderLayer(512, 8)": lambda: models.transformer_block(512, 8),
    }[name]()


@pytest.mark.parametrize("name", SIZES)
def test_parameter_counts_are_the_published_ones(name):
    assert count(published(name)) == SIZES[name]


@EVERY
@pytest.mark.parametrize("apart", [True, False])
def test_a_sequence_in_parts_has_the_logits_of_the_whole(name, apart, monkeypatch):
    net, params = NETS[name], made(name)
    monkeypatch.setattr(_transformer_lm, "WRITTEN_OUT", 2 if apart else 1)
    tokens = jnp.asarray(random.integers(11, size=(2, 9)))
    whole = logits_of(name, tokens)
    cache = models.transformer_cache(net, params, (2,), 9)
    step, parts = quick_jit(net.apply), []
    for part in jnp.split(tokens, [4, 5, 6, 7, 8], axis=1):
        logits, cache = step(params, cache, part)
        parts.append(logits)
    close(jnp.concatenate(parts, axis=1), whole)
    blocks = cache["blocks"]
    lengths = [block["length"] for block in blocks] if apart else blocks["length"]
    assert list(map(int, lengths)) == [9, 9]


def test_a_loop_writes_keys_and_values_in_place():
    net = models.transformer_lm(11, rotary=True, n_features=8, n_heads=2, n_layers=3)
    params, _ = quick_jit(net.init)(KEY)
    cache = models.transformer_cache(net, params, (2,), 4096)

    def loop(params, cache, tokens):
        step = lambda cache, token: net.apply(params, cache, token)[::-1]
        return jax.lax.scan(step, cache, tokens)

    tokens = jnp.ones((9, 2, 1), int)
    compiled = jax.jit(loop, donate_argnums=1).lower(params, cache, tokens).compile()
    memory, one_of_a_block = compiled.memory_analysis(), cache["blocks"][0]["key"].nbytes
    assert memory is not None and memory.temp_size_in_bytes < one_of_a_block


def test_the_cache_of_another_depth_is_refused():
    cache = models.transformer_cache(NETS["learned"], made("learned"), (2,), 9)
    deeper = models.transformer_lm(11, length=9, n_features=8, n_heads=2, n_layers=3, n_hidden=8)
    params, _ = quick_jit(deeper.init)(KEY)
    with pytest.raises(ShapeError, match=r"repeat\(.*, 3\) got 2 states; it needs 3"):
        deeper.apply(params, cache, TWO)


def logits_of(name, tokens):
    """The whole network, without a cache."""
    return whole(name)(made(name), tokens)


@functools.cache
def whole(name):
    net = NETS[name]
    state = quick_jit(net.init)(KEY)[1]
    return quick_jit(lambda params, tokens: net.apply(params, state, tokens)[0])


@EVERY
def test_logits_do_not_depend_on_later_tokens(name):
    tokens = jnp.asarray(random.integers(11, size=(2, 9)))
    other = tokens.at[:, 5].set((tokens[:, 5] + 1) % 11)
    a, b = logits_of(name, tokens), logits_of(name, other)
    np.testing.assert_array_equal(a[:, :5], b[:, :5])
    assert (a[:, 5:] != b[:, 5:]).any(-1).all()


@EVERY
@pytest.mark.parametrize(
    "options", [{"temperature": 0.0}, {"temperature": 0.7, "top_k": 4, "key": KEY}, {"key": KEY}]
)
def test_generation_is_the_uncached_network_token_by_token(name, options):
    traces = []

    def run(params, prompt, key=None):
        traces.append(1)
        chosen = options | ({} if key is None else {"key": key})
        return models.generate(NETS[name], params, prompt, n_new=6, **chosen)

    compiled = quick_jit(run)
    key = options.get("key")
    got = compiled(made(name), PROMPT, key)
    tokens = PROMPT
    keys = jax.random.split(KEY if key is None else key, 6)
    for i in range(6):
        padded = jnp.pad(tokens, ((0, 0), (0, 9 - tokens.shape[1])))
        logits = logits_of(name, padded)[:, tokens.shape[1] - 1]
        if key is None:
            token = logits.argmax(-1)
        else:
            logits = logits / options.get("temperature", 1.0)
            kept = jnp.sort(logits)[:, -options.get("top_k", 11)][:, None]
            logits = jnp.where(logits >= jnp.broadcast_to(kept, logits.shape), logits, -jnp.inf)
            token = jax.random.categorical(keys[i], logits)
        tokens = jnp.concatenate([tokens, token[:, None].astype(tokens.dtype)], axis=1)
    np.testing.assert_array_equal(got, tokens[:, 3:])
    assert len({tuple(row) for row in np.asarray(got)}) > 1  # not the same whatever the prompt
    compiled(made(name), PROMPT + 1, key)
    assert len(traces) == 1


def test_temperature_and_top_k_draw_from_the_distribution_they_say():
    rows = 4000
    prompt = jnp.broadcast_to(PROMPT[0], (rows, 3))
    logits = np.asarray(logits_of("rotary", PROMPT)[0, 2], "float64")
    run = quick_jit(
        functools.partial(models.generate, NETS["rotary"], n_new=1, key=KEY),
        static_argnames=("temperature", "top_k"),
    )
    draw = lambda **o: np.bincount(
        np.asarray(run(made("rotary"), prompt, **o)).ravel(), minlength=11
    )
    powers = np.exp(logits / 2 - (logits / 2).max())
    best = np.sort(powers)[-3]
    for options, expected in (
        ({"temperature": 2.0}, powers),
        ({"temperature": 2.0, "top_k": 3}, np.where(powers >= best, powers, 0)),
    ):
        share = expected / expected.sum()
        deviation = np.sqrt(rows * share * (1 - share))
        assert (abs(draw(**options) - rows * share) <= 4 * deviation + 1e-6).all()


def test_one_new_token_and_one_sequence():
    run = functools.partial(models.generate, NETS["learned"], made("learned"), temperature=0.0)
    assert run(PROMPT[0], n_new=1).shape == (1,)
    # The last of nine positions: what is drawn after it isn't fed back.
    assert run(jnp.zeros(9, int), n_new=1).dtype == jnp.int32


def test_a_language_model_learns_a_sequence_and_repeats_it():
    net = NETS["rotary"]
    tokens = jnp.array([[1, 7, 2, 7, 3, 7, 4, 4, 5]])
    params, state = quick_jit(net.init)(KEY)
    tx = optax.adam(0.02)

    def loss(params):
        logits, _ = net.apply(params, state, tokens[:, :-1], key=KEY, train=True)
        return losses.cross_entropy(logits, tokens[:, 1:])

    def step(carry, _):
        params, opt_state = carry
        value, gradients = jax.value_and_grad(loss)(params)
        updates, opt_state = tx.update(gradients, opt_state, params)
        return (optax.apply_updates(params, updates), opt_state), value

    train = quick_jit(
        lambda params: jax.lax.scan(step, (params, tx.init(params)), None, length=100)
    )
    with jax.numpy_dtype_promotion("standard"):  # optax's adam needs it
        (params, _), values = train(params)
    assert values[0] > 2 and values[-1] < 0.05
    run = functools.partial(models.generate, net, n_new=7, temperature=0.0)
    np.testing.assert_array_equal(quick_jit(run)(params, tokens[:, :2]), tokens[:, 2:])


def test_padding_changes_nothing_and_nothing_but_padding_is_finite():
    net = models.transformer_encoder(
        4, 3, n_tokens=7, length=6, n_layers=2, n_heads=2, n_hidden=5, padding_index=0
    )
    params, state = quick_jit(net.init)(KEY)
    run = quick_jit(lambda tokens: net.apply(params, state, tokens)[0])
    tokens = jnp.array([[3, 1, 4, 1], [5, 2, 6, 5]])
    close(run(jnp.pad(tokens, ((0, 0), (0, 2)))), run(tokens))
    empty = jnp.zeros((1, 4), int)
    total = lambda params: net.apply(params, state, empty)[0].sum()
    value, gradients = quick_jit(jax.value_and_grad(total))(params)
    close(value, params["head"]["bias"].sum())
    assert all(jnp.isfinite(g).all() for g in jax.tree.leaves(gradients))


@pytest.mark.parametrize("norm_first", [False, True])
def test_without_positions_the_order_does_not_count(norm_first):
    net = models.transformer_encoder(4, 3, n_layers=1, n_heads=2, n_hidden=5, norm_first=norm_first)
    params, state = quick_jit(net.init)(KEY)
    x = jnp.asarray(random.normal(size=(2, 5, 4)), "float32")
    run = quick_jit(lambda x: net.apply(params, state, x)[0])
    close(run(x), run(x[:, jnp.array([3, 1, 4, 0, 2])]))


def test_patches_are_those_of_a_convolution():
    x = jnp.asarray(random.normal(size=(5, 4, 6, 3)), "float32")
    kernel = jnp.asarray(random.normal(size=(12, 4)), "float32")
    convolved = jax.lax.conv_general_dilated(
        x, kernel.reshape(2, 2, 3, 4), (2, 2), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    patches = _patches(x, name="vit", shape=(4, 6, 3), size=2)
    close(patches @ kernel, convolved.reshape(5, 6, 4))


def lm(**options):
    return models.transformer_lm(5, **({"n_features": 4, "n_heads": 2, "n_layers": 1} | options))


def generate(prompt=PROMPT, **options):
    full = {"n_new": 3, "temperature": 0.0} | options
    return models.generate(NETS["learned"], made("learned"), prompt, **full)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lm(), "needs positions: a length for learned ones, or rotary=True"),
        (lambda: lm(length=3, n_heads=3), "n_heads must divide n_features, 4"),
        (lambda: lm(length=3, n_layers=0), "n_layers is 0"),
        (lambda: models.transformer_block(4, 2, n_hidden=0), "n_hidden is 0"),
        (lambda: models.transformer_block(4, 2, n_hidden=5, activation=activations.glu), "glu"),
        (lambda: models.transformer_block(4, 2, rate=2.0), "rate is 2.0"),
        (lambda: models.transformer_encoder(4, 0), "n_classes is 0"),
        (lambda: models.transformer_encoder(4, 2, padding_index=0), "needs n_tokens"),
        (lambda: models.transformer_encoder(4, 2, n_tokens=5, padding_index=5), "_index is 5"),
        (lambda: models.vit((5, 4, 1), 2, patch_size=2), "patches of 2 don't divide 5×4 pixels"),
        (lambda: models.vit((4, 4, 0), 2, patch_size=2), "image_shape is .*hold positive"),
        (lambda: _patches(jnp.ones((4, 3)), name="vit", shape=(4, 4, 3), size=2), "needs images"),
        (lambda: models.transformer_cache(NETS["learned"], made("learned"), (), 0), "length is 0"),
        (lambda: generate(jnp.int32(3)), "it needs one token or more"),
        (lambda: generate(jnp.zeros((2, 0), int)), "it needs one token or more"),
        (lambda: generate(jnp.ones((2, 3))), "must be integers"),
        (lambda: generate(n_new=0), "n_new is 0"),
        (lambda: generate(n_new=8), "3 and 8 new tokens need 10 .* has learned 9"),
        (lambda: generate(temperature=-1.0), "temperature is -1.0"),
        (lambda: generate(temperature=float("nan")), "temperature is nan"),
        (lambda: generate(temperature=1.0), "generate needs a key, or temperature=0.0"),
        (lambda: generate(top_k=0), "top_k is 0"),
        (
            lambda: models.generate(layers.dense(2, 3), made("learned"), TWO, n_new=1, key=KEY),
            r"dense\(2, 3\) has no cache .* a transformer_lm has",
        ),
    ],
)  # fmt: skip
def test_wrong_arguments_are_named(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


def test_prompts_of_any_length_are_continued_as_each_alone():
    net, params = NETS["learned"], made("learned")
    prompts = [[3, 1, 2], [4], [2, 4]]
    alone = [generate(jnp.array([p]), temperature=0.0, n_new=4)[0].tolist() for p in prompts]
    right = jnp.array([p + [0] * (3 - len(p)) for p in prompts])
    left = jnp.array([[0] * (3 - len(p)) + p for p in prompts])
    run = jax.jit(
        functools.partial(models.generate, net, n_new=4, temperature=0.0, padding_index=0)
    )
    assert run(params, right).tolist() == alone == run(params, left).tolist()
    end = alone[0][1]  # what the first sequence writes second ends it
    ended = models.generate(net, params, jnp.array([prompts[0]]), n_new=4, temperature=0.0, end=end)
    first = alone[0].index(end)
    assert ended[0].tolist() == alone[0][: first + 1] + [end] * (3 - first)
    with pytest.raises(ValueError, match="nothing but padding"):
        generate(jnp.zeros((2, 3), int), padding_index=0)


def test_top_p_draws_from_the_fewest_tokens_that_have_this_probability():
    shares = jnp.array([0.5, 0.3, 0.15, 0.05])

    @functools.wraps(NETS["learned"].apply)
    def apply(params, state, x, *, key=None, train=False):
        return jnp.broadcast_to(jnp.log(shares), (*x.shape, 4)), state

    net = Layer(NETS["learned"].init, apply)
    params = NETS["learned"].init(KEY)[0]  # for the cache alone
    draw = lambda p: set(
        models.generate(net, params, jnp.ones((200, 1), int), n_new=1, key=KEY, top_p=p)
        .ravel()
        .tolist()
    )
    assert draw(0.4) == {0} and draw(0.6) == draw(0.8) == {0, 1} and draw(1.0) == {0, 1, 2, 3}
    with pytest.raises(ValueError, match="top_p is 0"):
        generate(top_p=0.0)


def attended(params, x, memory, seen):
    """Two heads, written out: x attends to what it sees of the memory."""
    q, k, v = jnp.split(params["qkv"]["kernel"], 3, 1)
    bq, bk, bv = jnp.split(params["qkv"]["bias"], 3)
    dense = lambda x, w, b: jnp.einsum("bti,io->bto", x, w) + b[None, None]
    heads = lambda x, w, b: jnp.stack(jnp.split(dense(x, w, b), 2, -1), 1)
    q, k, v = heads(x, q, bq), heads(memory, k, bk), heads(memory, v, bv)
    scores = jnp.einsum("bhqd,bhkd->bhqk", q, k) / 2
    weights = jax.nn.softmax(jnp.where(jnp.broadcast_to(seen, scores.shape), scores, -jnp.inf), -1)
    y = jnp.concatenate(list(jnp.moveaxis(jnp.einsum("bhqk,bhkd->bhqd", weights, v), 1, 0)), -1)
    return dense(y, params["out"]["kernel"], params["out"]["bias"])


@pytest.mark.parametrize("norm_first", [False, True])
def test_a_block_with_memory_is_its_formula(norm_first):
    """PyTorch's nn.TransformerDecoderLayer: causal attention, attention to the memory, mlp."""
    block = models.transformer_block(
        8, 2, n_hidden=16, rate=0.0, causal=True, cross=True, norm_first=norm_first
    )
    params, state = block.init(KEY)
    x, memory = (jnp.asarray(random.normal(size=(2, n, 8)), jnp.float32) for n in (5, 7))
    seen = (jnp.arange(7)[None] < jnp.array([[7], [3]]))[:, None, None, :]
    mlp = lambda h: functional.dense(
        params["mlp"]["down"], jax.nn.relu(functional.dense(params["mlp"]["up"], h))
    )
    steps = {
        "attention": lambda h: attended(
            params["attention"], h, h, jnp.tri(5, dtype=bool)[None, None]
        ),
        "cross": lambda h: attended(params["cross"], h, memory, seen),
        "mlp": mlp,
    }
    right = x
    for part, compute in steps.items():
        norm = functools.partial(functional.layer_norm, params[f"{part}_norm"])
        right = right + compute(norm(right)) if norm_first else norm(right + compute(right))
    (got, *rest), after = block.apply(params, state, (x, memory, seen))
    close(got, right)
    assert len(rest) == 2 and after == state
    # Stacked over depth, each with its own parameters and the same memory.
    deep = repeat(block, 2)
    twice = jax.tree.map(lambda p: jnp.stack([p, p]), params)
    (got, *_), _ = deep.apply(twice, state, (x, memory, seen))
    close(got, block.apply(params, state, (right, memory, seen))[0][0])
