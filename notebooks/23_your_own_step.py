# %% [markdown]
# # 23 · Your own step
#
# *Two networks that fight, an equation without data, learning to learn, an agent in a world, and
# which example taught what: when the step itself is yours, `train.loop` still does the rest.*

# %% [markdown] tags=["objectives"]
# **After this lecture you can** write a step over a TrainState with fields of your own and train it
# with `train.loop`: with data or without, with several networks and optimizers, with target
# networks and a replay memory; and use second derivatives of a trained network.
#
# **You need** [your own loss](21_your_own_loss.ipynb) and [jit, grad, vmap and
# scan](18_jit_grad_vmap_scan.ipynb). **Next:** what to look out for in other people's slides,
# [slips and notation](25_slips_and_notation.ipynb).

# %% tags=["setup"]
import os
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax

from jaxdl import data, losses, models, plots, train
from jaxdl.combinators import stateless

FAST = "JAXDL_FAST" in os.environ  # smaller sizes, for the tests
np.set_printoptions(precision=4, suppress=True)

# %%


def run(step, start, dataset=None, *, steps, **options):
    """Trains by a step; gives where it ends and the history, a row for each tenth of the steps."""
    steps = 20 if FAST else steps
    return train.loop(
        step, start, dataset, max_steps=steps, steps_per_epoch=steps // 10, hooks=(), **options
    )


# %% [markdown]
# ## 9. Two networks that fight
# A generator makes points from noise; a critic tells how far they are from real ones; the generator
# learns from the critic. The critic's slope is held near 1 (WGAN-GP: Gulrajani and others, 2017; in
# the plane a tenth of the penalty they use for images).
# The TrainState has two sets of parameters and two optimizers: any NamedTuple that counts its
# `step` will do. `stateless` makes a plain function of a network: `f(params, x)`.

# %%
generator, critic = models.mlp((4, 64, 64, 2)), models.mlp((2, 64, 64, 1))
fast_adam = optax.adam(1e-3, b1=0.5, b2=0.9)


class Fight(NamedTuple):
    step: jax.Array
    key: jax.Array
    generator: Any
    critic: Any
    generator_opt: Any
    critic_opt: Any


fake = lambda params, key, n: stateless(generator)(params, jax.random.normal(key, (n, 4)))
opinion = lambda params, x: stateless(critic)(params, x)[..., 0]


def critic_loss(params, real, made, key):
    share = jax.random.uniform(key, (len(real), 1))
    between = share * real + (1 - share) * made
    slopes = jax.vmap(jax.grad(lambda x: opinion(params, x)))(between)
    penalty = ((jnp.linalg.norm(slopes, axis=-1) - 1) ** 2).mean()
    distance = opinion(params, real).mean() - opinion(params, made).mean()
    return -distance + 0.1 * penalty, distance


def fight(state, batch):
    key = jax.random.fold_in(state.key, state.step)
    real, keys = batch["inputs"], jax.random.split(key, 11)
    theirs, theirs_opt = state.critic, state.critic_opt
    for i in range(5):  # five steps of the critic for one of the generator
        made = fake(state.generator, keys[2 * i], len(real))
        grads, distance = jax.grad(critic_loss, has_aux=True)(theirs, real, made, keys[2 * i + 1])
        updates, theirs_opt = fast_adam.update(grads, theirs_opt)
        theirs = optax.apply_updates(theirs, updates)
    wish = lambda p: -opinion(theirs, fake(p, keys[10], len(real))).mean()
    updates, ours_opt = fast_adam.update(jax.grad(wish)(state.generator), state.generator_opt)
    ours = optax.apply_updates(state.generator, updates)
    after = Fight(state.step + 1, state.key, ours, theirs, ours_opt, theirs_opt)
    return after, {"distance": distance}


ring = data.circles(512, noise=0.02)
ours, theirs = (net.init(jax.random.key(i))[0] for i, net in enumerate((generator, critic)))
start = Fight(
    jnp.int32(0), jax.random.key(2), ours, theirs, fast_adam.init(ours), fast_adam.init(theirs)
)
end, history = run(fight, start, ring, steps=3000, batch_size=128)
points = np.asarray(fake(end.generator, jax.random.key(3), 1000))
real = ring.train["inputs"]
nearest = np.linalg.norm(points[:, None] - real[None], axis=-1).min(axis=1)
print(f"distance of the critic {history[0]['distance']:.2f} → {history[-1]['distance']:.2f};"
      f" median distance to a real point {np.median(nearest):.3f}")  # fmt: skip
if not FAST:
    assert np.median(nearest) < 0.05

# %% tags=["picture", "plot"]
figure, axes = plt.subplots(figsize=(9, 4.5))
for i, (name, cloud, colour) in enumerate(
    (("real", real, plots.BLUE), ("made", points, plots.ORANGE))
):
    axes.scatter(cloud[:, 0] + 3 * i, cloud[:, 1], s=6, color=colour, label=name)
axes.set(aspect="equal", title="Points on two circles, and what the generator makes of noise")
axes.legend(loc="upper center")
plt.show()

# %% [markdown]
# ## 10. An equation without data
# A physics-informed network: find $u$ with $u'' = -\pi^2 \sin \pi x$ and $u(\pm 1) = 0$. There is
# no dataset; each step draws points and punishes what is left over of the equation. The loss gets
# an empty batch, and `fit(…, None, max_steps=…)` runs it.

# %%
curve = models.mlp((1, 32, 32, 1), activation=jnp.tanh)


def left_over(params, state, batch, *, key, train):
    u = lambda x: curve.apply(params, state, x[None])[0][0]
    x = jax.random.uniform(key, (64,), minval=-1, maxval=1)
    inside = jax.vmap(jax.grad(jax.grad(u)))(x) + jnp.pi**2 * jnp.sin(jnp.pi * x)
    border = jnp.stack([u(jnp.float32(-1)), u(jnp.float32(1))])
    return (inside**2).mean() + 100 * (border**2).mean(), (state, {})


tx = optax.adam(optax.cosine_decay_schedule(5e-3, 4000))
start = train.init_state(curve, tx, jax.random.key(0))
steps = 20 if FAST else 4000
end, history = train.fit(
    left_over, tx, start, None, max_steps=steps, steps_per_epoch=steps // 10, hooks=()
)
x = jnp.linspace(-1, 1, 201)
found = curve.apply(end.params, end.state, x[:, None])[0][:, 0]
error = float(jnp.abs(found - jnp.sin(jnp.pi * x)).max())
print(f"largest error of u: {error:.4f}")
if not FAST:
    assert error < 0.02

# %% [markdown]
# ## 11. Learning to learn
# MAML (Finn and others, 2017): find parameters from which **one** gradient step on ten points of an
# unknown sine wave gives a good fit. The outer gradient goes through the inner step.

# %%
wave = models.mlp((1, 40, 40, 1), activation=jnp.tanh)
error_of = lambda p, x, y: ((stateless(wave)(p, x) - y) ** 2).mean()


def task(key):
    a, b, c = jax.random.split(key, 3)
    height, phase = jax.random.uniform(a, minval=0.5, maxval=2), jax.random.uniform(b) * jnp.pi
    x = jax.random.uniform(c, (20, 1), minval=-3, maxval=3)
    return x, height * jnp.sin(x + phase)


def adapted(params, x, y, rate=0.1):
    return jax.tree.map(lambda p, g: p - rate * g, params, jax.grad(error_of)(params, x, y))


def after_one_step(params, key):
    x, y = task(key)
    return error_of(adapted(params, x[:10], y[:10]), x[10:], y[10:])


def meta_loss(params, state, batch, *, key, train):
    tasks = jax.random.split(key, 16)
    return jax.vmap(after_one_step, in_axes=(None, 0))(params, tasks).mean(), (state, {})


tx = optax.adam(2e-3)
start = train.init_state(wave, tx, jax.random.key(0))
steps = 20 if FAST else 4000
end, _ = train.fit(meta_loss, tx, start, None, max_steps=steps, steps_per_epoch=steps, hooks=())
new_tasks = jax.random.split(jax.random.key(9), 200)
before_and_after = [
    float(jax.vmap(after_one_step, in_axes=(None, 0))(p, new_tasks).mean())
    for p in (start.params, end.params)
]
print("error after one step on a new wave: {:.2f} → {:.2f}".format(*before_and_after))
if not FAST:
    assert before_and_after[1] < 0.3 * before_and_after[0]

# %% [markdown]
# ## 12. An agent that remembers: deep Q-learning
# A pole stands on a cart; push left or right, and keep it up for 200 steps. The world is twenty
# lines of `jax.numpy`, so that acting, remembering and learning are one compiled step. The
# TrainState holds the network, a *target network* that follows slowly, and a *replay memory*
# (Mnih and others, 2015).


# %%
class World(NamedTuple):
    place: jax.Array  # position, speed, angle, angular speed
    time: jax.Array


def fresh(key):
    return World(jax.random.uniform(key, (4,), minval=-0.05, maxval=0.05), jnp.int32(0))


def push(world, action):
    """Barto, Sutton and Anderson's cart and pole: one fiftieth of a second."""
    _, v, angle, spin = world.place
    force, sine, cosine = jnp.where(action == 1, 10.0, -10.0), jnp.sin(angle), jnp.cos(angle)
    pull = (force + 0.05 * spin**2 * sine) / 1.1
    turn = (9.8 * sine - cosine * pull) / (0.5 * (4 / 3 - 0.1 * cosine**2 / 1.1))
    shift = pull - 0.05 * turn * cosine / 1.1
    place = world.place + 0.02 * jnp.stack([v, shift, spin, turn])
    fallen = (jnp.abs(place[0]) > 2.4) | (jnp.abs(place[2]) > 0.2095)
    return World(place, world.time + 1), fallen


def endurance(act, n=20, length=200):
    """For how many steps the pole stands, in the mean over n tries."""

    def one(key):
        def body(carry, _):
            world, alive = carry
            world, fallen = push(world, act(world.place))
            return (world, alive & ~fallen), alive

        return jax.lax.scan(body, (fresh(key), True), length=length)[1].sum()

    return float(jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(5), n)).mean())


values = models.mlp((4, 64, 64, 2))
q_of = stateless(values)
q_adam = optax.adam(1e-3)
ROOM = 5000


class Agent(NamedTuple):
    step: jax.Array
    params: Any
    target: Any
    opt_state: Any
    world: World
    memory: dict[str, jax.Array]


def q_loss(params, target, batch):
    best = q_of(target, batch["next"]).max(axis=-1)
    aim = 1.0 + 0.95 * jnp.where(batch["fallen"], 0.0, best)
    mine = jnp.take_along_axis(q_of(params, batch["place"]), batch["action"][:, None], -1)[:, 0]
    return losses.huber_loss(mine, jax.lax.stop_gradient(aim))


def live_and_learn(agent, batch):
    a, b, c, d = jax.random.split(jax.random.fold_in(jax.random.key(0), agent.step), 4)
    curious = jnp.maximum(0.05, 1 - agent.step / 3000)
    greedy = q_of(agent.params, agent.world.place).argmax()
    action = jnp.where(jax.random.uniform(a) < curious, jax.random.randint(b, (), 0, 2), greedy)
    world, fallen = push(agent.world, action)
    seen = {"place": agent.world.place, "action": action, "next": world.place, "fallen": fallen}
    memory = jax.tree.map(lambda m, s: m.at[agent.step % ROOM].set(s), agent.memory, seen)
    drawn = jax.random.randint(c, (128,), 0, jnp.minimum(agent.step + 1, ROOM))
    lesson = jax.tree.map(lambda m: m[drawn], memory)
    loss, grads = jax.value_and_grad(q_loss)(agent.params, agent.target, lesson)
    updates, opt_state = q_adam.update(grads, agent.opt_state)
    params = optax.apply_updates(agent.params, updates)
    target = optax.incremental_update(params, agent.target, 0.01)
    ended = fallen | (world.time >= 200)
    world = jax.tree.map(lambda new, old: jnp.where(ended, new, old), fresh(d), world)
    return Agent(agent.step + 1, params, target, opt_state, world, memory), {"loss": loss}


params, _ = values.init(jax.random.key(0))
memory = {
    "place": jnp.zeros((ROOM, 4)), "action": jnp.zeros(ROOM, jnp.int32),
    "next": jnp.zeros((ROOM, 4)), "fallen": jnp.zeros(ROOM, bool),
}  # fmt: skip
start = Agent(jnp.int32(0), params, params, q_adam.init(params), fresh(jax.random.key(1)), memory)
end, history = run(live_and_learn, start, steps=20_000)
stands = [endurance(lambda place, p=p: q_of(p, place).argmax()) for p in (params, end.params)]
print("the pole stands for {:.0f} → {:.0f} of 200 steps".format(*stands))
if not FAST:
    assert stands[1] > 150

# %% [markdown]
# ## 13. An agent that dares little: proximal policy optimisation
# Sixty-four worlds are played at once for 64 moves; then the policy learns from these moves, but
# moves no farther than a fifth away from the one that played (Schulman and others, 2017).

# %%
policy = models.mlp((4, 64, 3), activation=jnp.tanh)  # two logits and the value
ppo_adam = optax.chain(optax.clip_by_global_norm(0.5), optax.adam(3e-3))
WORLDS, MOVES = 64, 64


class Player(NamedTuple):
    step: jax.Array
    params: Any
    opt_state: Any
    worlds: World


def read(params, place):
    y = stateless(policy)(params, place)
    return jax.nn.log_softmax(y[..., :2]), 100 * y[..., 2]


def move(carry, key):
    params, worlds = carry
    keys = jax.random.split(key, WORLDS + 1)
    log_p, value = read(params, worlds.place)
    action = jax.random.categorical(keys[0], log_p)
    after, fallen = jax.vmap(push)(worlds, action)
    ended = fallen | (after.time >= 200)
    new = jax.vmap(fresh)(keys[1:])
    choose = lambda n, o: jnp.where(ended.reshape(-1, *[1] * (o.ndim - 1)), n, o)
    chosen = jnp.take_along_axis(log_p, action[:, None], -1)[:, 0]
    move = {
        "place": worlds.place,
        "action": action,
        "log_p": chosen,
        "value": value,
        "ended": ended,
    }
    return (params, jax.tree.map(choose, new, after)), move


def advantages(moves, last, discount=0.98, decay=0.95):
    def back(carry, m):
        ahead, gain = carry
        stays = 1.0 - m["ended"]
        error = 1.0 + discount * stays * ahead - m["value"]
        gain = error + discount * decay * stays * gain
        return (m["value"], gain), gain

    return jax.lax.scan(back, (last, jnp.zeros(WORLDS)), moves, reverse=True)[1]


def ppo_loss(params, m):
    log_p, value = read(params, m["place"])
    ratio = jnp.exp(jnp.take_along_axis(log_p, m["action"][..., None], -1)[..., 0] - m["log_p"])
    gain = (m["gain"] - m["gain"].mean()) / (m["gain"].std() + 1e-6)
    dare = jnp.minimum(ratio * gain, jnp.clip(ratio, 0.8, 1.2) * gain).mean()
    off = (((value - m["value"] - m["gain"]) / 100) ** 2).mean()
    entropy = -(jnp.exp(log_p) * log_p).sum(axis=-1).mean()
    return -dare + off - 0.01 * entropy


def play_and_learn(player, batch):
    keys = jax.random.split(jax.random.fold_in(jax.random.key(0), player.step), MOVES)
    (_, worlds), moves = jax.lax.scan(move, (player.params, player.worlds), keys)
    moves["gain"] = advantages(moves, read(player.params, worlds.place)[1])

    def learn(carry, _):
        updates, opt_state = ppo_adam.update(jax.grad(ppo_loss)(carry[0], moves), carry[1])
        return (optax.apply_updates(carry[0], updates), opt_state), None

    start = player.params, player.opt_state
    (params, opt_state), _ = jax.lax.scan(learn, start, length=8)
    return Player(player.step + 1, params, opt_state, worlds), {"ended": moves["ended"].mean()}


params, _ = policy.init(jax.random.key(0))
worlds = jax.vmap(fresh)(jax.random.split(jax.random.key(1), WORLDS))
player, history = run(
    play_and_learn, Player(jnp.int32(0), params, ppo_adam.init(params), worlds), steps=120
)
stands = [endurance(lambda place, p=p: read(p, place)[0].argmax()) for p in (params, player.params)]
print("the pole stands for {:.0f} → {:.0f} of 200 steps".format(*stands))
if not FAST:
    assert stands[1] > 150

# %% [markdown]
# ## One more: which example taught what?
# A trained network is a function like any other. Influence functions (Koh and Liang, 2017) ask how
# the loss on a test point would change if a training point were left out:
# $-\nabla L_{test}^\top H^{-1} \nabla L_i$. For logistic regression on two moons the Hessian $H$ is
# small enough to be written down, and the answer can be checked by really leaving points out.

# %%
moons = data.moons(60)
points, sides = jnp.asarray(moons.train["inputs"]), jnp.asarray(moons.train["labels"], jnp.float32)


def loss_of(w, x, y):
    z = x @ w[:2] + w[2]
    rows = losses.binary_cross_entropy_with_logits(z, y, reduction="none")
    return rows


def total(w, weight):
    return (weight * loss_of(w, points, sides)).sum() / len(points) + 0.01 * (w**2).sum()


@jax.jit
def best(weight):
    newton = lambda w, _: (
        w - jnp.linalg.solve(jax.hessian(total)(w, weight), jax.grad(total)(w, weight)),
        None,
    )
    return jax.lax.scan(newton, jnp.zeros(3), length=20)[0]


everything = jnp.ones(len(points))
w = best(everything)
target = jax.grad(lambda w: loss_of(w, jnp.array([0.5, 0.25]), 1.0))(w)
each = jax.vmap(jax.grad(loss_of), in_axes=(None, 0, 0))(w, points, sides) / len(points)
predicted = each @ jnp.linalg.solve(jax.hessian(total)(w, everything), target)
without = jax.vmap(lambda i: best(everything.at[i].set(0.0)))(jnp.arange(len(points)))
question = lambda w: loss_of(w, jnp.array([0.5, 0.25]), 1.0)
true = jax.vmap(question)(without) - question(w)
agreement = float(jnp.corrcoef(predicted, true)[0, 1])
print(f"correlation of the prediction with the truth: {agreement:.3f}")
assert agreement > 0.98

# %% [markdown] tags=["recap"]
# ## In five lines
# * A TrainState is any NamedTuple with a `step`; a step is `(train_state, batch) →
#   (train_state, metrics)`.
# * `train.loop` gives it epochs, a history, checkpoints, a clean stop and devices.
# * Without data a step draws what it needs from a key folded with its own number.
# * Gradients of gradients, through an inner step or through a critic's slope, need nothing special.
# * What is compiled is the whole: acting, remembering and learning are one program.

# %% [markdown] tags=["quiz"]
# ## Quiz
# 1. Why does the critic take five steps for one of the generator?
# 2. What would happen in section 10 without the border term?
# 3. In section 11, what is differentiated twice?
# 4. Why does the agent of section 12 learn from a memory and not from its last move?
# 5. What does clipping the ratio prevent in section 13?
#
# <details><summary>Answers</summary>
#
# 1. The generator learns from the critic's slope, which is right only when the critic is nearly
#    done.
# 2. Any solution plus a straight line solves the equation too.
# 3. The error: once for the inner step, and once more through that step.
# 4. Moves in a row are alike; drawn at random from a long time they are nearly independent.
# 5. That one batch of moves changes the policy so much that they say nothing about it any more.
#
# </details>

# %% [markdown] tags=["exercises"]
# ## Exercises

# %% [markdown]
# **1.** Section 9's penalty wants a critic whose slope has length 1 everywhere. Write such a
# function of the plane, other than a constant times one coordinate alone.


# %% tags=["solution"]
def steady(x):
    """Any unit vector will do: 0.6² + 0.8² = 1."""
    return 0.6 * x[0] + 0.8 * x[1]


# %% tags=["check"]
places = jax.random.normal(jax.random.key(0), (50, 2))
slopes = jax.vmap(jax.grad(steady))(places)
assert jnp.allclose(jnp.linalg.norm(slopes, axis=-1), 1.0, atol=1e-5)
assert (jnp.abs(slopes).max(axis=0) > 1e-3).all()

# %% [markdown]
# **2.** Section 12's target moves by a hundredth of the way in each step. After how many steps has
# it come half the way to a network that stays where it is?

# %% tags=["solution"]
half_way = int(np.ceil(np.log(0.5) / np.log(0.99)))

# %% tags=["check"]
behind = [0.99**steps for steps in (half_way - 1, half_way)]
assert behind[0] > 0.5 >= behind[1]

# %% [markdown]
# **3.** From rewards $r_1, \dots, r_T$, compute what is still to come at each time,
# $R_t = r_t + \gamma R_{t+1}$, with one `lax.scan`.


# %% tags=["solution"]
def to_come(rewards, discount):
    """Backwards in time: the carry is what comes after."""

    def back(after, reward):
        here = reward + discount * after
        return here, here

    return jax.lax.scan(back, jnp.zeros(()), rewards, reverse=True)[1]


# %% tags=["check"]
assert jnp.allclose(to_come(jnp.ones(3), 0.5), jnp.array([1.75, 1.5, 1.0]))
assert jnp.allclose(to_come(jnp.array([0.0, 0.0, 8.0]), 0.5), jnp.array([2.0, 4.0, 8.0]))
