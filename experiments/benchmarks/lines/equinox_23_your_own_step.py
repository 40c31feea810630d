"""The five tasks of notebook 23 in Equinox and Optax, with the same reports.

Command:  python experiments/benchmarks/lines/equinox_23_your_own_step.py
Needs:    pip install equinox
"""

# %%
import os
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxdl import data

FAST = "JAXDL_FAST" in os.environ  # smaller sizes, for the tests


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


# %% [markdown]
# ## 9. Two networks that fight


# %%
adam = optax.adam(1e-3, b1=0.5, b2=0.9)


class Fight(NamedTuple):
    step: jax.Array
    key: jax.Array
    generator: eqx.nn.MLP
    critic: eqx.nn.MLP
    generator_opt: Any
    critic_opt: Any


def fake(generator, key, n):
    return jax.vmap(generator)(jax.random.normal(key, (n, 4)))


def critic_loss(critic, real, made, key):
    share = jax.random.uniform(key, (len(real), 1))
    slopes = jax.vmap(jax.grad(critic))(share * real + (1 - share) * made)
    penalty = ((jnp.linalg.norm(slopes, axis=-1) - 1) ** 2).mean()
    distance = jax.vmap(critic)(real).mean() - jax.vmap(critic)(made).mean()
    return -distance + 0.1 * penalty, distance


def generator_loss(generator, critic, key, n):
    return -jax.vmap(critic)(fake(generator, key, n)).mean()


def fight(state, batch):
    real = batch["inputs"]
    keys = jax.random.split(jax.random.fold_in(state.key, state.step), 11)
    theirs, theirs_opt = state.critic, state.critic_opt
    for i in range(5):
        made = fake(state.generator, keys[2 * i], len(real))
        slope = eqx.filter_grad(critic_loss, has_aux=True)
        grads, distance = slope(theirs, real, made, keys[2 * i + 1])
        updates, theirs_opt = adam.update(grads, theirs_opt)
        theirs = eqx.apply_updates(theirs, updates)
    grads = eqx.filter_grad(generator_loss)(state.generator, theirs, keys[10], len(real))
    updates, ours_opt = adam.update(grads, state.generator_opt)
    ours = eqx.apply_updates(state.generator, updates)
    after = Fight(state.step + 1, state.key, ours, theirs, ours_opt, theirs_opt)
    return after, {"distance": distance}


ring = data.circles(512, noise=0.02)
points = jnp.asarray(ring.train["inputs"])
draw = lambda key: {"inputs": jax.random.choice(key, points, (128,), replace=False)}
a, b = jax.random.split(jax.random.key(0))
ours = eqx.nn.MLP(4, 2, 64, 2, key=a)
theirs = eqx.nn.MLP(2, "scalar", 64, 2, key=b)
opts = [adam.init(eqx.filter(net, eqx.is_inexact_array)) for net in (ours, theirs)]
start = Fight(jnp.int32(0), jax.random.key(2), ours, theirs, *opts)
end, history = run(fight, start, draw, steps=3000)
points = np.asarray(fake(end.generator, jax.random.key(3), 1000))
real = ring.train["inputs"]
nearest = np.linalg.norm(points[:, None] - real[None], axis=-1).min(axis=1)
print(f"distance of the critic {history[0]['distance']:.2f} → {history[-1]['distance']:.2f};"
      f" median distance to a real point {np.median(nearest):.3f}")  # fmt: skip
if not FAST:
    assert np.median(nearest) < 0.05

# %% [markdown]
# ## 10. An equation without data


# %%
class Learner(NamedTuple):
    step: jax.Array
    net: eqx.nn.MLP
    opt_state: Any


def learner(net, tx):
    return Learner(jnp.int32(0), net, tx.init(eqx.filter(net, eqx.is_inexact_array)))


def make_step(loss_fn, tx):
    def step(state, batch):
        key = jax.random.fold_in(jax.random.key(0), state.step)
        loss, grads = eqx.filter_value_and_grad(loss_fn)(state.net, key)
        updates, opt_state = tx.update(grads, state.opt_state)
        net = eqx.apply_updates(state.net, updates)
        return Learner(state.step + 1, net, opt_state), {"loss": loss}

    return step


def left_over(u, key):
    x = jax.random.uniform(key, (64,), minval=-1, maxval=1)
    inside = jax.vmap(jax.grad(jax.grad(u)))(x) + jnp.pi**2 * jnp.sin(jnp.pi * x)
    border = jnp.stack([u(jnp.float32(-1)), u(jnp.float32(1))])
    return (inside**2).mean() + 100 * (border**2).mean()


tx = optax.adam(optax.cosine_decay_schedule(5e-3, 4000))
curve = eqx.nn.MLP("scalar", "scalar", 32, 2, jnp.tanh, key=jax.random.key(0))
end, history = run(make_step(left_over, tx), learner(curve, tx), steps=4000)
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


def meta_loss(net, key):
    return jax.vmap(lambda k: after_one_step(net, k))(jax.random.split(key, 16)).mean()


tx = optax.adam(2e-3)
wave = eqx.nn.MLP("scalar", "scalar", 40, 2, jnp.tanh, key=jax.random.key(0))
end, _ = run(make_step(meta_loss, tx), learner(wave, tx), steps=4000)
new_tasks = jax.random.split(jax.random.key(9), 200)
before_and_after = [
    float(jax.vmap(lambda k, net=net: after_one_step(net, k))(new_tasks).mean())
    for net in (wave, end.net)
]
print("error after one step on a new wave: {:.2f} → {:.2f}".format(*before_and_after))
if not FAST:
    assert before_and_after[1] < 0.3 * before_and_after[0]

# %% [markdown]
# ## 12. An agent that remembers: deep Q-learning


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


@eqx.filter_jit
def endurance(act, n=20, length=200):
    def one(key):
        def body(carry, _):
            world, alive = carry
            world, fallen = push(world, act(world.place))
            return (world, alive & ~fallen), alive

        return jax.lax.scan(body, (fresh(key), True), length=length)[1].sum()

    return jax.vmap(one)(jax.random.split(jax.random.key(5), n)).mean()


q_adam = optax.adam(1e-3)
ROOM = 5000


class Agent(NamedTuple):
    step: jax.Array
    net: eqx.nn.MLP
    target: eqx.nn.MLP
    opt_state: Any
    world: World
    memory: dict[str, jax.Array]


def q_loss(net, target, batch):
    best = jax.vmap(target)(batch["next"]).max(axis=-1)
    aim = 1.0 + 0.95 * jnp.where(batch["fallen"], 0.0, best)
    q = jax.vmap(net)(batch["place"])
    mine = jnp.take_along_axis(q, batch["action"][:, None], -1)[:, 0]
    return optax.huber_loss(mine, jax.lax.stop_gradient(aim)).mean()


def live_and_learn(agent, batch):
    a, b, c, d = jax.random.split(jax.random.fold_in(jax.random.key(0), agent.step), 4)
    curious = jnp.maximum(0.05, 1 - agent.step / 3000)
    greedy = agent.net(agent.world.place).argmax()
    action = jnp.where(jax.random.uniform(a) < curious, jax.random.randint(b, (), 0, 2), greedy)
    world, fallen = push(agent.world, action)
    seen = {"place": agent.world.place, "action": action, "next": world.place, "fallen": fallen}
    memory = jax.tree.map(lambda m, s: m.at[agent.step % ROOM].set(s), agent.memory, seen)
    drawn = jax.random.randint(c, (128,), 0, jnp.minimum(agent.step + 1, ROOM))
    lesson = jax.tree.map(lambda m: m[drawn], memory)
    loss, grads = eqx.filter_value_and_grad(q_loss)(agent.net, agent.target, lesson)
    updates, opt_state = q_adam.update(grads, agent.opt_state)
    net = eqx.apply_updates(agent.net, updates)
    params, static = eqx.partition(net, eqx.is_inexact_array)
    old = eqx.filter(agent.target, eqx.is_inexact_array)
    target = eqx.combine(optax.incremental_update(params, old, 0.01), static)
    ended = fallen | (world.time >= 200)
    world = jax.tree.map(lambda new, old: jnp.where(ended, new, old), fresh(d), world)
    return Agent(agent.step + 1, net, target, opt_state, world, memory), {"loss": loss}


net = eqx.nn.MLP(4, 2, 64, 2, key=jax.random.key(0))
memory = {
    "place": jnp.zeros((ROOM, 4)), "action": jnp.zeros(ROOM, jnp.int32),
    "next": jnp.zeros((ROOM, 4)), "fallen": jnp.zeros(ROOM, bool),
}  # fmt: skip
opt_state = q_adam.init(eqx.filter(net, eqx.is_inexact_array))
start = Agent(jnp.int32(0), net, net, opt_state, fresh(jax.random.key(1)), memory)
end, history = run(live_and_learn, start, steps=20_000)
stands = [float(endurance(lambda place, q=q: q(place).argmax())) for q in (net, end.net)]
print("the pole stands for {:.0f} → {:.0f} of 200 steps".format(*stands))
if not FAST:
    assert stands[1] > 150

# %% [markdown]
# ## 13. An agent that dares little: proximal policy optimisation

# %%
ppo_adam = optax.chain(optax.clip_by_global_norm(0.5), optax.adam(3e-3))
WORLDS, MOVES = 64, 64


class Player(NamedTuple):
    step: jax.Array
    net: eqx.nn.MLP
    opt_state: Any
    worlds: World


def read(net, place):
    y = net(place)
    return jax.nn.log_softmax(y[:2]), 100 * y[2]


def move(net, worlds, key):
    keys = jax.random.split(key, WORLDS + 1)
    log_p, value = jax.vmap(lambda place: read(net, place))(worlds.place)
    action = jax.random.categorical(keys[0], log_p)
    after, fallen = jax.vmap(push)(worlds, action)
    ended = fallen | (after.time >= 200)
    new = jax.vmap(fresh)(keys[1:])
    choose = lambda n, o: jnp.where(ended.reshape(-1, *[1] * (o.ndim - 1)), n, o)
    move = {
        "place": worlds.place,
        "action": action,
        "log_p": jnp.take_along_axis(log_p, action[:, None], -1)[:, 0],
        "value": value,
        "ended": ended,
    }
    return jax.tree.map(choose, new, after), move


def advantages(moves, last, discount=0.98, decay=0.95):
    def back(carry, m):
        ahead, gain = carry
        stays = 1.0 - m["ended"]
        error = 1.0 + discount * stays * ahead - m["value"]
        gain = error + discount * decay * stays * gain
        return (m["value"], gain), gain

    return jax.lax.scan(back, (last, jnp.zeros(WORLDS)), moves, reverse=True)[1]


def ppo_loss(net, m):
    log_p, value = jax.vmap(jax.vmap(lambda place: read(net, place)))(m["place"])
    ratio = jnp.exp(jnp.take_along_axis(log_p, m["action"][..., None], -1)[..., 0] - m["log_p"])
    gain = (m["gain"] - m["gain"].mean()) / (m["gain"].std() + 1e-6)
    dare = jnp.minimum(ratio * gain, jnp.clip(ratio, 0.8, 1.2) * gain).mean()
    off = (((value - m["value"] - m["gain"]) / 100) ** 2).mean()
    entropy = -(jnp.exp(log_p) * log_p).sum(axis=-1).mean()
    return -dare + off - 0.01 * entropy


def play_and_learn(player, batch):
    keys = jax.random.split(jax.random.fold_in(jax.random.key(0), player.step), MOVES)
    worlds, moves = jax.lax.scan(lambda w, k: move(player.net, w, k), player.worlds, keys)
    last = jax.vmap(lambda place: read(player.net, place)[1])(worlds.place)
    moves["gain"] = advantages(moves, last)
    net, opt_state = player.net, player.opt_state
    for _ in range(8):
        updates, opt_state = ppo_adam.update(eqx.filter_grad(ppo_loss)(net, moves), opt_state)
        net = eqx.apply_updates(net, updates)
    return Player(player.step + 1, net, opt_state, worlds), {"ended": moves["ended"].mean()}


net = eqx.nn.MLP(4, 3, 64, 1, jnp.tanh, key=jax.random.key(0))
worlds = jax.vmap(fresh)(jax.random.split(jax.random.key(1), WORLDS))
opt_state = ppo_adam.init(eqx.filter(net, eqx.is_inexact_array))
player, history = run(play_and_learn, Player(jnp.int32(0), net, opt_state, worlds), steps=120)
stands = [
    float(endurance(lambda place, p=p: read(p, place)[0].argmax())) for p in (net, player.net)
]
print("the pole stands for {:.0f} → {:.0f} of 200 steps".format(*stands))
if not FAST:
    assert stands[1] > 150
