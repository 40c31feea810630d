"""The five tasks of notebook 23 in Equinox and Optax, with the same reports.

Command:  python experiments/benchmarks/lines/equinox_23_your_own_step.py
Needs:    pip install equinox
"""

# %%
import os
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxdl import data

FAST = "JAXDL_FAST" in os.environ  # smaller sizes, for the tests
KEY = jax.random.key(0)


def run(step, state, batch_of=lambda key: {}, *, steps):
    """Trains by a step; gives where it ends and the history, a row for each tenth of the steps."""
    steps = 20 if FAST else steps

    @eqx.filter_jit
    def several(state, keys):
        arrays, static = eqx.partition(state, eqx.is_array)

        def body(arrays, key):
            state, measured = step(eqx.combine(arrays, static), batch_of(key))
            return eqx.filter(state, eqx.is_array), measured

        arrays, measured = jax.lax.scan(body, arrays, keys)
        return eqx.combine(arrays, static), jax.tree.map(jnp.mean, measured)

    history = []
    for keys in jax.random.split(jax.random.key(0), (10, steps // 10)):
        state, measured = several(state, keys)
        history.append(jax.tree.map(float, measured))
    return state, history


class Learner(NamedTuple):
    step: jax.Array
    net: Any
    opt_state: Any
    key: jax.Array


def learner(net, tx, key):
    opt_state = tx.init(eqx.filter(net, eqx.is_inexact_array))
    return Learner(jnp.int32(0), net, opt_state, key)


def make_step(loss_fn, tx):
    """Builds the step of a loss ``(net, batch, key) -> (loss, measured)``."""
    slope = eqx.filter_value_and_grad(loss_fn, has_aux=True)

    def step(state, batch):
        key = jax.random.fold_in(state.key, state.step)
        (loss, measured), grads = slope(state.net, batch, key)
        updates, opt_state = tx.update(grads, state.opt_state)
        net = eqx.apply_updates(state.net, updates)
        return Learner(state.step + 1, net, opt_state, state.key), measured | {"loss": loss}

    return step


# %% [markdown]
# ## 9. Two networks that fight


# %%
fast_adam = optax.adam(1e-3, b1=0.5, b2=0.9)


class Fight(NamedTuple):
    step: jax.Array
    ours: Learner
    theirs: Learner


def fake(generator, key, n):
    return jax.vmap(generator)(jax.random.normal(key, (n, 4)))


def critic_loss(critic, batch, key, ours):
    real, (a, b) = batch["inputs"], jax.random.split(key)
    made, share = fake(ours, a, len(real)), jax.random.uniform(b, (len(real), 1))
    slopes = jax.vmap(jax.grad(critic))(share * real + (1 - share) * made)
    penalty = ((jnp.linalg.norm(slopes, axis=-1) - 1) ** 2).mean()
    distance = jax.vmap(critic)(real).mean() - jax.vmap(critic)(made).mean()
    return 0.1 * penalty - distance, {"distance": distance}


def generator_loss(generator, batch, key, theirs):
    return -jax.vmap(theirs)(fake(generator, key, len(batch["inputs"]))).mean(), {}


def fight(state, batch):
    theirs = state.theirs
    for _ in range(5):
        judging = partial(critic_loss, ours=state.ours.net)
        theirs, measured = make_step(judging, fast_adam)(theirs, batch)
    forging = partial(generator_loss, theirs=theirs.net)
    ours, _ = make_step(forging, fast_adam)(state.ours, batch)
    return Fight(state.step + 1, ours, theirs), measured


ring = data.circles(512, noise=0.02)
points = jnp.asarray(ring.train["inputs"])
draw = lambda key: {"inputs": jax.random.choice(key, points, (128,), replace=False)}
a, b = jax.random.split(jax.random.key(0))
ours = learner(eqx.nn.MLP(4, 2, 64, 2, key=a), fast_adam, a)
theirs = learner(eqx.nn.MLP(2, "scalar", 64, 2, key=b), fast_adam, b)
start = Fight(jnp.int32(0), ours, theirs)
end, history = run(fight, start, draw, steps=3000)
points = np.asarray(fake(end.ours.net, jax.random.key(3), 1000))
real = ring.train["inputs"]
nearest = np.linalg.norm(points[:, None] - real[None], axis=-1).min(axis=1)
print(f"distance of the critic {history[0]['distance']:.2f} → {history[-1]['distance']:.2f};"
      f" median distance to a real point {np.median(nearest):.3f}")  # fmt: skip
if not FAST:
    assert np.median(nearest) < 0.05

# %% [markdown]
# ## 10. An equation without data


# %%
def left_over(u, batch, key):
    x = jax.random.uniform(key, (64,), minval=-1, maxval=1)
    inside = jax.vmap(jax.grad(jax.grad(u)))(x) + jnp.pi**2 * jnp.sin(jnp.pi * x)
    border = jnp.stack([u(jnp.float32(-1)), u(jnp.float32(1))])
    return (inside**2).mean() + 100 * (border**2).mean(), {}


tx = optax.adam(optax.cosine_decay_schedule(5e-3, 4000))
curve = eqx.nn.MLP("scalar", "scalar", 32, 2, jnp.tanh, key=jax.random.key(0))
end, history = run(make_step(left_over, tx), learner(curve, tx, KEY), steps=4000)
x = jnp.linspace(-1, 1, 201)
error = float(jnp.abs(jax.vmap(end.net)(x) - jnp.sin(jnp.pi * x)).max())
print(f"largest error of u: {error:.4f}")
if not FAST:
    assert error < 0.02

# %% [markdown]
# ## 11. Learning to learn


# %%
def error_of(net, x, y):
    return ((jax.vmap(net)(x) - y) ** 2).mean()


def task(key):
    a, b, c = jax.random.split(key, 3)
    height, phase = jax.random.uniform(a, minval=0.5, maxval=2), jax.random.uniform(b) * jnp.pi
    x = jax.random.uniform(c, (20,), minval=-3, maxval=3)
    return x, height * jnp.sin(x + phase)


def adapted(net, x, y, rate=0.1):
    grads = eqx.filter_grad(error_of)(net, x, y)
    return eqx.apply_updates(net, jax.tree.map(lambda g: -rate * g, grads))


def after_one_step(net, key):
    x, y = task(key)
    return error_of(adapted(net, x[:10], y[:10]), x[10:], y[10:])


def meta_loss(net, batch, key):
    tasks = jax.random.split(key, 16)
    return jax.vmap(lambda k: after_one_step(net, k))(tasks).mean(), {}


tx = optax.adam(2e-3)
wave = eqx.nn.MLP("scalar", "scalar", 40, 2, jnp.tanh, key=jax.random.key(0))
end, _ = run(make_step(meta_loss, tx), learner(wave, tx, KEY), steps=4000)
new_tasks = jax.random.split(jax.random.key(9), 200)
before_and_after = [
    float(jax.vmap(lambda k, net=net: after_one_step(net, k))(new_tasks).mean())
    for net in (wave, end.net)
]
print("error after one step on a new wave: {:.2f} → {:.2f}".format(*before_and_after))
if not FAST:
    assert before_and_after[1] < 0.3 * before_and_after[0]

# %% [markdown]
# ## A world for two agents


# %%
class World(NamedTuple):
    place: jax.Array
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
    after, fallen = push(world, action)
    ended = fallen | (after.time >= 200)
    seen = {"place": world.place, "action": action, "next": after.place, "fallen": fallen}
    return jax.tree.map(lambda new, old: jnp.where(ended, new, old), fresh(key), after), seen, ended


@eqx.filter_jit
def endurance(act, n=20, length=200):
    def one(key):
        def body(carry, _):
            world, alive = carry
            world, fallen = push(world, act(world.place))
            return (world, alive & ~fallen), alive

        return jax.lax.scan(body, (fresh(key), True), length=length)[1].sum()

    return jax.vmap(one)(jax.random.split(jax.random.key(5), n)).mean()


def report(act, *runs):
    stands = np.array([[endurance(lambda x, q=q: act(q, x)) for q in run] for run in runs])
    first, ends = stands.T.round()
    print(
        f"the pole stands for {first} → {ends} of 200 steps: {ends.mean():.0f} ± {ends.std():.0f}"
    )
    if not FAST:
        assert ends.min() > 150


# %% [markdown]
# ## 12. An agent that remembers: deep Q-learning

# %%
q_adam, room, n = optax.adam(optax.linear_schedule(1e-3, 0, 5000)), 50_000, 16


class Agent(NamedTuple):
    step: jax.Array
    q: Learner
    target: eqx.nn.MLP
    worlds: World
    memory: dict[str, jax.Array]


def q_loss(net, batch, key, target):
    best = jax.vmap(target)(batch["next"]).max(axis=-1)
    aim = 1.0 + 0.99 * jnp.where(batch["fallen"], 0.0, best)
    q = jax.vmap(net)(batch["place"])
    mine = jnp.take_along_axis(q, batch["action"][:, None], -1)[:, 0]
    return optax.huber_loss(mine, aim).mean(), {}


def live_and_learn(agent, batch):
    a, b, c, d = jax.random.split(jax.random.fold_in(agent.q.key, agent.step), 4)
    curious = jax.random.uniform(a, (n,)) < jnp.maximum(0.05, 1 - agent.step / 1000)
    greedy = jax.vmap(agent.q.net)(agent.worlds.place).argmax(axis=-1)
    action = jnp.where(curious, jax.random.randint(b, (n,), 0, 2), greedy)
    worlds, seen, _ = jax.vmap(play)(agent.worlds, action, jax.random.split(d, n))
    places = (n * agent.step + jnp.arange(n)) % room
    memory = jax.tree.map(lambda m, s: m.at[places].set(s), agent.memory, seen)
    drawn = jax.random.randint(c, (128,), 0, jnp.minimum(n * (agent.step + 1), room))
    learn = make_step(partial(q_loss, target=agent.target), q_adam)
    q, measured = learn(agent.q, jax.tree.map(lambda m: m[drawn], memory))
    params, static = eqx.partition(q.net, eqx.is_inexact_array)
    old = eqx.filter(agent.target, eqx.is_inexact_array)
    target = eqx.combine(optax.incremental_update(params, old, 0.01), static)
    return Agent(agent.step + 1, q, target, worlds, memory), measured


def life(key):
    net, worlds = eqx.nn.MLP(4, 2, 64, 2, key=key), jax.vmap(fresh)(jax.random.split(key, n))
    _, seen, _ = play(fresh(key), jnp.int32(0), key)
    memory = jax.tree.map(lambda x: jnp.zeros((room, *x.shape), x.dtype), seen)
    start = Agent(jnp.int32(0), learner(net, q_adam, key), net, worlds, memory)
    return net, run(live_and_learn, start, steps=5000)[0].q.net


report(lambda net, x: net(x).argmax(), *map(life, jax.random.split(KEY, 3)))

# %% [markdown]
# ## 13. An agent that dares little: proximal policy optimisation

# %%
ppo_adam = optax.chain(optax.clip_by_global_norm(0.5), optax.adam(3e-3))


class Player(NamedTuple):
    step: jax.Array
    policy: Learner
    worlds: World


def read(net, place, action=0):
    y = net(place)
    log_p = jax.nn.log_softmax(y[:2])
    return log_p, log_p[action], 100 * y[2]


def advantages(moves, last, discount=0.98, decay=0.95):
    ahead = discount * (1.0 - moves["ended"])
    errors = 1.0 + ahead * jnp.concatenate([moves["value"][1:], last[None]]) - moves["value"]
    back = lambda gain, m: (m[0] + decay * m[1] * gain,) * 2
    return jax.lax.scan(back, 0 * last, (errors, ahead), reverse=True)[1]


def ppo_loss(net, m, key):
    log_p, chosen, value = jax.vmap(jax.vmap(partial(read, net)))(m["place"], m["action"])
    ratio = jnp.exp(chosen - m["chosen"])
    gain = (m["gain"] - m["gain"].mean()) / (m["gain"].std() + 1e-6)
    dare = jnp.minimum(ratio * gain, jnp.clip(ratio, 0.8, 1.2) * gain).mean()
    off = (((value - m["value"] - m["gain"]) / 100) ** 2).mean()
    sure = (jnp.exp(log_p) * log_p).sum(axis=-1).mean()
    return -dare + off + 0.01 * sure, {}


def play_and_learn(player, batch):
    look = jax.vmap(partial(read, player.policy.net))

    def move(worlds, key):
        keys = jax.random.split(key, 65)
        action = jax.random.categorical(keys[0], look(worlds.place)[0])
        _, chosen, value = look(worlds.place, action)
        worlds, seen, ended = jax.vmap(play)(worlds, action, keys[1:])
        return worlds, seen | {"chosen": chosen, "value": value, "ended": ended}

    keys = jax.random.split(jax.random.fold_in(jax.random.key(0), player.step), 64)
    worlds, moves = jax.lax.scan(move, player.worlds, keys)
    moves["gain"] = advantages(moves, look(worlds.place)[2])
    policy = player.policy
    for _ in range(8):
        policy, _ = make_step(ppo_loss, ppo_adam)(policy, moves)
    return Player(player.step + 1, policy, worlds), {"ended": moves["ended"].mean()}


policy = learner(eqx.nn.MLP(4, 3, 64, 1, jnp.tanh, key=KEY), ppo_adam, KEY)
start = Player(jnp.int32(0), policy, jax.vmap(fresh)(jax.random.split(jax.random.key(1), 64)))
end, history = run(play_and_learn, start, steps=120)
report(lambda net, x: read(net, x)[0].argmax(), (start.policy.net, end.policy.net))
