# %% [markdown]
# # 23 · Your own step
#
# *Two networks that fight, an equation without data, learning to learn, an agent in a world, and
# which example taught what: when the step itself is yours, `train.loop` still does the rest.*

# %% [markdown] tags=["objectives"]
# **After this lecture you can** say which trainings need a step of their own; write such a step
# over a TrainState with fields of your own and train it with `train.loop`, with data or without,
# with several networks and optimizers, with target networks and a replay memory; and ask a trained
# network which example taught it what.
#
# **You need** [your own loss](21_your_own_loss.ipynb) and [jit, grad, vmap and
# scan](18_jit_grad_vmap_scan.ipynb). **Next:** what to look out for in other people's slides,
# [slips and notation](25_slips_and_notation.ipynb).

# %% [markdown]
# So far a training was one network, one loss, and again and again the same step: take a batch, take
# the gradient, move the weights. [Lecture 21](21_your_own_loss.ipynb) changed the loss. Here the
# **step** changes: two networks move in turn, or no data comes in, or a step holds steps of its
# own, or what is learned from has to be lived through first. What `train.loop` asks for is a
# function
#
# $$ \text{step}(\text{state},\ \text{batch}) \;\mapsto\;
#    (\text{state},\ \text{what was measured}). $$
#
# The state may be any NamedTuple that counts its `step`. The loop gives the rest: epochs, a
# history, checkpoints, a clean stop, devices. The sections go on counting where lecture 21 ended:
#
# | section | the task | what is new in the step |
# |---|---|---|
# | 9 | draw points that look real | two networks, two optimizers, a slope inside a loss |
# | 10 | solve a differential equation | no data; second derivatives of the network |
# | 11 | be ready for any sine wave | a gradient step inside the loss |
# | 12 | keep a pole upright, by values | acting, a memory, a target network |
# | 13 | keep a pole upright, by chances | 64 worlds at once, several updates for each move |
#
# First a short form of the loop, for all five:

# %% tags=["setup"]
import functools
import os
from typing import Any, NamedTuple

# Small programs: most of the time goes into compiling them, so XLA is asked for less of it.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=1")

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
from jax.tree_util import Partial

from jaxdl import data, losses, models, plots, train
from jaxdl.combinators import stateless

FAST = "JAXDL_FAST" in os.environ  # smaller sizes, for the tests
KEY = jax.random.key(0)
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
# **The task:** from noise, make points as if drawn from the two circles below, without a formula of
# them and without a pair of noise and answer to learn from. A generator makes points from noise; a
# critic tells how far they are from real ones; the generator learns from the critic. The critic's
# slope is held near 1 (WGAN-GP: Gulrajani and others, 2017; in the plane a hundredth of the penalty
# they use for images). The TrainState holds one for each: any NamedTuple that counts its `step`
# will do. Each network has a loss of the usual kind, in which the other's parameters are one more
# array, and `make_step` builds the step of each. `stateless` makes a plain function of a network:
# `f(params, x)`.

# %%
generator, critic = models.mlp((4, 64, 64, 2)), models.mlp((2, 64, 64, 1))
fast_adam = optax.adam(1e-3, b1=0.5, b2=0.9)
opinion = lambda params, x: stateless(critic)(params, x)[..., 0]
fake = lambda params, key, n: stateless(generator)(params, jax.random.normal(key, (n, 4)))


class Fight(NamedTuple):
    step: jax.Array
    key: jax.Array
    ours: train.TrainState
    theirs: train.TrainState


def critic_loss(params, state, batch, *, key, train, ours):
    real, (a, b) = batch["inputs"], jax.random.split(key)
    made, share = fake(ours, a, len(real)), jax.random.uniform(b, (len(real), 1))
    slope = jax.vmap(jax.grad(opinion, argnums=1), in_axes=(None, 0))
    steep = jnp.linalg.norm(slope(params, share * real + (1 - share) * made), axis=-1)
    distance = opinion(params, real).mean() - opinion(params, made).mean()
    return 0.1 * ((steep - 1) ** 2).mean() - distance, (state, {"distance": distance})


def generator_loss(params, state, batch, *, key, train, theirs):
    return -opinion(theirs, fake(params, key, len(batch["inputs"]))).mean(), (state, {})


def fight(state, batch):
    judging = Partial(critic_loss, ours=state.ours.params)
    judge = lambda theirs, _: train.make_step(judging, fast_adam)(theirs, batch)
    theirs, measured = jax.lax.scan(judge, state.theirs, length=5)  # for one of the generator
    forging = Partial(generator_loss, theirs=theirs.params)
    ours, _ = train.make_step(forging, fast_adam)(state.ours, batch)
    last = jax.tree.map(lambda m: m[-1], measured)
    return Fight(state.step + 1, state.key, ours, theirs), last


ring = data.circles(512, noise=0.02)
keys = jax.random.split(jax.random.key(0), 3)
ours, theirs = map(train.init_state, (generator, critic), (fast_adam, fast_adam), keys)
start = Fight(jnp.int32(0), keys[2], ours, theirs)
end, history = run(fight, start, ring, steps=2000, batch_size=128)
points = np.asarray(fake(end.ours.params, jax.random.key(3), 1000))
real = ring.train["inputs"]
nearest = np.linalg.norm(points[:, None] - real[None], axis=-1).min(axis=1)
print(f"distance of the critic {history[0]['distance']:.2f} → {history[-1]['distance']:.2f};"
      f" median distance to a real point {np.median(nearest):.3f}")  # fmt: skip
if not FAST:
    assert np.median(nearest) < 0.05

# %% tags=["picture", "plot"]
figure, both = plt.subplots(1, 2, figsize=(9, 4.6), sharex=True, sharey=True)
off = f"{len(points)} made: half within {np.median(nearest):.3f}"
for axes, cloud, colour, said in zip(
    both, (real, points), (plots.BLUE, plots.ORANGE), (f"{len(real)} real points", off), strict=True
):
    axes.scatter(*cloud.T, s=7, color=colour)
    axes.set(aspect="equal", title=said, xlabel="$x_1$")
both[0].set_ylabel("$x_2$")
plt.show()

# %% [markdown]
# ## 10. An equation without data
# **The task:** find the function $u$ with $u'' = -\pi^2 \sin \pi x$ and $u(\pm 1) = 0$. A network
# is to be that function (a *physics-informed* one: Raissi and others, 2019). There is no dataset;
# each step draws points and punishes what is left over of the equation there, and at the border.
# The loss gets an empty batch. (Section 11 does the same by `fit(…, None, max_steps=…)`.)

# %%
curve = models.mlp((1, 32, 32, 1), activation=jnp.tanh)


def left_over(params, state, batch, *, key, train):
    u = lambda x: stateless(curve)(params, x[None])[0]
    x = jax.random.uniform(key, (64,), minval=-1, maxval=1)
    inside = jax.vmap(jax.grad(jax.grad(u)))(x) + jnp.pi**2 * jnp.sin(jnp.pi * x)
    border = jnp.stack([u(jnp.float32(-1)), u(jnp.float32(1))])
    return (inside**2).mean() + 100 * (border**2).mean(), (state, {})


tx = optax.adam(optax.cosine_decay_schedule(5e-3, 2500))
end, history = run(train.make_step(left_over, tx), train.init_state(curve, tx, KEY), steps=2500)
x = jnp.linspace(-1, 1, 201)
error = float(jnp.abs(stateless(curve)(end.params, x[:, None])[:, 0] - jnp.sin(jnp.pi * x)).max())
print(f"largest error of u: {error:.4f}")
if not FAST:
    assert error < 0.02

# %% tags=["plot"]
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6))
found, exact = stateless(curve)(end.params, x[:, None])[:, 0], jnp.sin(jnp.pi * x)
left.plot(x, exact, color=plots.GREY, lw=6, alpha=0.5, label="$\\sin \\pi x$")
left.plot(x, found, color=plots.BLUE, label="the network")
left.set(title="The solution, and what was found", xlabel="$x$", ylabel="$u$")
left.legend()
right.plot(x, found - exact, color=plots.BLUE)
right.set(title=f"The difference: at most {error:.0e}", xlabel="$x$")
right.ticklabel_format(scilimits=(-6, 6))  # or a "1e-5" would stand in the title
plt.show()

# %% [markdown]
# ## 11. Learning to learn
# **The task:** of a sine wave nobody knows height and phase; after ten points of it, and a single
# step of gradient descent, the network should know the wave. MAML (Finn and others, 2017) finds
# parameters from which **one** step is enough. The outer gradient goes through the inner step.

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
steps = 20 if FAST else 2500
end, _ = train.fit(meta_loss, tx, start, None, max_steps=steps, steps_per_epoch=steps, hooks=())
new_tasks = jax.random.split(jax.random.key(9), 200)
errors = jax.jit(jax.vmap(after_one_step, in_axes=(None, 0)))
before_and_after = [float(errors(p, new_tasks).mean()) for p in (start.params, end.params)]
print("error after one step on a new wave: {:.2f} → {:.2f}".format(*before_and_after))
if not FAST:
    assert before_and_after[1] < 0.3 * before_and_after[0]

# %% tags=["plot"]
figure, both = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True)
xs, ys = task(new_tasks[0])
line = jnp.linspace(-3, 3, 100)[:, None]
names = ("one step from a random start", "one step from the learned start")
fits = jax.jit(lambda p: [stateless(wave)(q, line) for q in (p, adapted(p, xs[:10], ys[:10]))])
for axes, name, p, value in zip(
    both, names, (start.params, end.params), before_and_after, strict=True
):
    before, after = fits(p)
    axes.plot(line, before, color=plots.GREY, label="before")
    axes.plot(line, after, color=plots.BLUE, label="after")
    axes.plot(xs[:10], ys[:10], "o", color=plots.ORANGE, label="ten points")
    axes.set(title=f"{name}:\nerror {value:.2f} over {len(new_tasks)} waves", xlabel="$x$")
both[0].legend()
plt.show()

# %% [markdown]
# ## A world for two agents
# A pole stands on a cart. **The task:** push left or right, and keep it up for 200 steps; nobody
# says which push was right, only that the pole still stands. Two agents will learn it, each in its
# own way. The world is a few lines of `jax.numpy`, so that acting, remembering and learning are one
# compiled step. `play` starts anew where the pole has fallen or the time is over.


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


def play(world, action, key):
    """One move, and what was seen in it."""
    after, fallen = push(world, action)
    ended = fallen | (after.time >= 200)
    seen = {"place": world.place, "action": action, "next": after.place, "fallen": fallen}
    return jax.tree.map(lambda new, old: jnp.where(ended, new, old), fresh(key), after), seen, ended


def endurance(act, n=20, length=200):
    """For how many steps the pole stands, in the mean over n tries."""

    def one(key):
        def body(carry, _):
            world, alive = carry
            world, fallen = push(world, act(world.place))
            return (world, alive & ~fallen), alive

        return jax.lax.scan(body, (fresh(key), True), length=length)[1].sum()

    return float(jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(5), n)).mean())


def report(act, *runs):
    stands = np.array([[endurance(lambda x, p=p: act(p, x)) for p in run] for run in runs])
    first, ends = stands.T.round()
    print(
        f"the pole stands for {first} → {ends} of 200 steps: {ends.mean():.0f} ± {ends.std():.0f}"
    )
    if not FAST:
        assert ends.min() > 150


# %% [markdown]
# ## 12. An agent that remembers: deep Q-learning
# This agent learns what each push is **worth**: $Q(s, a)$ counts the steps to come, later ones
# less, and is right when it agrees with itself one step later,
#
# $$ Q(s, a) = 1 + 0.99\, \max_{a'} Q(s', a'), \qquad\text{and 1 where the pole falls.} $$
#
# The TrainState holds that of the network, a *target network* for the right side, which follows
# slowly, sixteen worlds, and a *replay memory* (Mnih and others, 2015). Agents differ from seed to
# seed, so there are three of them.

# %%
values = models.mlp((4, 64, 64, 2))
q_of, room, n = stateless(values), 50_000, 16
q_adam = optax.adam(optax.linear_schedule(1e-3, 0, 5000))


class Agent(NamedTuple):
    step: jax.Array
    net: train.TrainState
    target: Any
    worlds: World
    memory: dict[str, jax.Array]


def q_loss(params, state, batch, *, key, train, target):
    best = q_of(target, batch["next"]).max(axis=-1)
    aim = 1.0 + 0.99 * jnp.where(batch["fallen"], 0.0, best)
    mine = jnp.take_along_axis(q_of(params, batch["place"]), batch["action"][:, None], -1)[:, 0]
    return losses.huber_loss(mine, aim), (state, {})


def live_and_learn(agent, batch):
    a, b, c, d = jax.random.split(jax.random.fold_in(agent.net.key, agent.step), 4)
    curious = jax.random.uniform(a, (n,)) < jnp.maximum(0.05, 1 - agent.step / 1000)
    greedy = q_of(agent.net.params, agent.worlds.place).argmax(axis=-1)
    action = jnp.where(curious, jax.random.randint(b, (n,), 0, 2), greedy)
    worlds, seen, _ = jax.vmap(play)(agent.worlds, action, jax.random.split(d, n))
    places = (n * agent.step + jnp.arange(n)) % room
    memory = jax.tree.map(lambda m, s: m.at[places].set(s), agent.memory, seen)
    drawn = jax.random.randint(c, (128,), 0, jnp.minimum(n * (agent.step + 1), room))
    learn = train.make_step(Partial(q_loss, target=agent.target), q_adam)
    net, measured = learn(agent.net, jax.tree.map(lambda m: m[drawn], memory))
    target = optax.incremental_update(net.params, agent.target, 0.01)
    return Agent(agent.step + 1, net, target, worlds, memory), measured


def life(key):
    net, worlds = train.init_state(values, q_adam, key), jax.vmap(fresh)(jax.random.split(key, n))
    _, seen, _ = play(fresh(key), jnp.int32(0), key)  # what a memory of it looks like
    memory = jax.tree.map(lambda x: jnp.zeros((room, *x.shape), x.dtype), seen)
    start = Agent(jnp.int32(0), net, net.params, worlds, memory)
    return net.params, run(live_and_learn, start, steps=5000)[0].net.params


lives = [life(key) for key in jax.random.split(KEY, 3)]
report(lambda params, x: q_of(params, x).argmax(), *lives)

# %% [markdown]
# ## 13. An agent that dares little: proximal policy optimisation
# This agent learns the **chance** of each push: pushes that turned out better than expected
# (their *advantage* $A$ is positive) become more likely. Sixty-four worlds are played at once for
# 64 moves; then the policy learns from these moves, but gains nothing by going farther than a fifth
# away from the one that played (Schulman and others, 2017):
#
# $$ \max_\theta\; \textstyle\sum \min(r A,\ \mathrm{clip}(r, 0.8, 1.2)\, A), \qquad
#    r = \pi_\theta(a \mid s) / \pi_\text{old}(a \mid s). $$

# %%
policy = models.mlp((4, 64, 3), activation=jnp.tanh)  # two logits and the value
ppo_adam = optax.chain(optax.clip_by_global_norm(0.5), optax.adam(3e-3))


class Player(NamedTuple):
    step: jax.Array
    net: train.TrainState
    worlds: World


def read(params, place, action=0):
    y = stateless(policy)(params, place)  # to log p of both actions, that of one, and the value
    log_p, one = jax.nn.log_softmax(y[..., :2]), jax.nn.one_hot(action, 2)
    return log_p, (log_p * one).sum(axis=-1), 100 * y[..., 2]


def advantages(moves, last, discount=0.98, decay=0.95):
    ahead = discount * (1.0 - moves["ended"])  # what counts of the time after a move
    errors = 1.0 + ahead * jnp.concatenate([moves["value"][1:], last[None]]) - moves["value"]
    back = lambda gain, m: (m[0] + decay * m[1] * gain,) * 2
    return jax.lax.scan(back, 0 * last, (errors, ahead), reverse=True)[1]


def ppo_loss(params, state, m, *, key, train):
    log_p, chosen, value = read(params, m["place"], m["action"])
    ratio = jnp.exp(chosen - m["chosen"])
    gain = (m["gain"] - m["gain"].mean()) / (m["gain"].std() + 1e-6)
    dare = jnp.minimum(ratio * gain, jnp.clip(ratio, 0.8, 1.2) * gain).mean()
    off = (((value - m["value"] - m["gain"]) / 100) ** 2).mean()
    sure = (jnp.exp(log_p) * log_p).sum(axis=-1).mean()  # the entropy, negative
    return -dare + off + 0.01 * sure, (state, {})


def play_and_learn(player, batch):
    def move(worlds, key):
        keys = jax.random.split(key, 65)
        action = jax.random.categorical(keys[0], read(player.net.params, worlds.place)[0])
        _, chosen, value = read(player.net.params, worlds.place, action)
        worlds, seen, ended = jax.vmap(play)(worlds, action, keys[1:])
        return worlds, seen | {"chosen": chosen, "value": value, "ended": ended}

    keys = jax.random.split(jax.random.fold_in(jax.random.key(0), player.step), 64)
    worlds, moves = jax.lax.scan(move, player.worlds, keys)
    moves["gain"] = advantages(moves, read(player.net.params, worlds.place)[2])
    learn = lambda net, _: train.make_step(ppo_loss, ppo_adam)(net, moves)
    net, _ = jax.lax.scan(learn, player.net, length=8)
    return Player(player.step + 1, net, worlds), {"ended": moves["ended"].mean()}


net = train.init_state(policy, ppo_adam, jax.random.key(0))
start = Player(jnp.int32(0), net, jax.vmap(fresh)(jax.random.split(jax.random.key(1), 64)))
end, history = run(play_and_learn, start, steps=120)
report(lambda params, x: read(params, x)[0].argmax(), (start.net.params, end.net.params))

# %% [markdown]
# Both agents at work, from the same start: the pole's angle, until it falls.

# %% tags=["plot"]


@functools.partial(jax.jit, static_argnums=0)
def angles(act, params):
    """The pole's angle in degrees after each of 200 steps, and nan once it has fallen."""

    def body(carry, _):
        world, alive = carry
        world, fallen = push(world, act(params, world.place))
        alive &= ~fallen
        return (world, alive), jnp.where(alive, jnp.rad2deg(world.place[2]), jnp.nan)

    return jax.lax.scan(body, (fresh(jax.random.key(7)), True), length=200)[1]


agents = {
    "deep Q-learning": (lambda params, x: q_of(params, x).argmax(), lives[0]),
    "policy optimisation": (
        lambda params, x: read(params, x)[0].argmax(),
        (start.net.params, end.net.params),
    ),
}
figure, both = plt.subplots(1, 2, figsize=(9, 3.8), sharey=True)
for axes, (name, (act, run_of)) in zip(both, agents.items(), strict=True):
    seen = [np.asarray(angles(act, params)) for params in run_of]
    stood = [int(np.isfinite(angle).sum()) for angle in seen]
    for angle, when, colour in zip(
        seen, ("untrained", "trained"), (plots.GREY, plots.BLUE), strict=True
    ):
        axes.plot(angle, color=colour, label=when)
    for limit in (-12, 12):
        axes.axhline(limit, color=plots.ORANGE, ls="--", lw=1)
    axes.set(title=f"{name}:\nstands for {stood[0]} → {stood[1]} steps", xlabel="step")
    assert FAST or stood[0] < 100 < stood[1]
both[0].set_ylabel("angle of the pole, degrees")
both[0].legend(loc="upper right", bbox_to_anchor=(1, 0.93))
plt.show()

# %% [markdown]
# ## One more: which example taught what?
# **The task:** at one place of the plane the network should say "second moon". Which examples make
# it say so, and which speak against it? A trained network is a function like any other. Influence
# functions (Koh and Liang, 2017) ask how the loss on a test point would change if a training point
# were left out: $-\nabla L_{test}^\top H^{-1} \nabla L_i$. For logistic regression on two moons the
# Hessian $H$ is small enough to be written down, and the answer can be checked by really leaving
# points out.

# %%
moons = data.moons(60)
points, sides = jnp.asarray(moons.train["inputs"]), jnp.asarray(moons.train["labels"], jnp.float32)


def loss_of(w, x, y):
    z = x @ w[:2] + w[2]
    rows = losses.binary_cross_entropy_with_logits(z, y, reduction="none")
    return rows


def total(w, weight):
    return (weight * loss_of(w, points, sides)).sum() / len(points) + 0.01 * (w**2).sum()


def best(weight):
    newton = lambda w, _: (
        w - jnp.linalg.solve(jax.hessian(total)(w, weight), jax.grad(total)(w, weight)),
        None,
    )
    return jax.lax.scan(newton, jnp.zeros(3), length=20)[0]


question = lambda w: loss_of(w, jnp.array([0.5, 0.25]), 1.0)


@jax.jit
def influence():
    """What leaving out each point would do to the answer, as predicted, and as it is."""
    everything = jnp.ones(len(points))
    w = best(everything)
    each = jax.vmap(jax.grad(loss_of), in_axes=(None, 0, 0))(w, points, sides) / len(points)
    bend = jax.hessian(total)(w, everything)
    without = jax.vmap(lambda i: best(everything.at[i].set(0.0)))(jnp.arange(len(points)))
    true = jax.vmap(question)(without) - question(w)
    return each @ jnp.linalg.solve(bend, jax.grad(question)(w)), true


predicted, true = influence()
agreement = float(jnp.corrcoef(predicted, true)[0, 1])
print(f"correlation of the prediction with the truth: {agreement:.3f}")
assert agreement > 0.98

# %% tags=["plot"]
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4))
most = float(jnp.abs(predicted).max())
spots = left.scatter(
    *points.T,
    c=predicted,
    cmap=plots.signed_colours(),
    vmin=-most,
    vmax=most,
    edgecolor="k",
    lw=0.5,
)
left.plot(0.5, 0.25, "k*", ms=14)
left.set(title="Without a point, the loss at ★ grows (blue) or falls")
figure.colorbar(spots, ax=left, label="predicted change")
right.plot(predicted, true, "o", color=plots.BLUE, ms=5)
right.axline((0, 0), slope=1, color=plots.GREY, lw=1)
right.set(title=f"Really left out: correlation {agreement:.3f}", xlabel="predicted", ylabel="true")
plt.show()

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
