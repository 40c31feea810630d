"""What is saved comes back, exactly or not at all, and runs no code."""

import json
import os
import stat
import subprocess
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from checkpoint.made import row, steps, tree
from faults import runs
from jaxdl import activations, checkpoint, combinators, layers, train
from jaxdl.checkpoint import _files, _store


class Wrapped(NamedTuple):
    """A tree with a step."""

    step: int
    value: object


def same(x, y):
    assert type(x) is type(y) and getattr(x, "dtype", None) == getattr(y, "dtype", None)
    if hasattr(x, "dtype") and jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key):
        assert jax.random.key_impl(x) == jax.random.key_impl(y)
        x, y = jax.random.key_data(x), jax.random.key_data(y)
    np.testing.assert_array_equal(np.asarray(x), np.asarray(y), strict=True)


DTYPES = [
    "bool", "int4", "uint4", "int8", "int16", "int32", "int64", "uint8", "uint32", "uint64",
    "float8_e4m3fn", "float8_e5m2", "bfloat16", "float16", "float32", "float64", "complex64",
    "complex128",
]  # fmt: skip


def test_every_dtype_and_shape_comes_back(tmp_path):
    values = {
        f"{dtype}{shape}": np.arange(np.prod(shape)).reshape(shape).astype(jnp.dtype(dtype))
        for dtype in DTYPES
        for shape in [(), (5,), (2, 3), (0, 4)]
    }
    checkpoint.save(tmp_path, Wrapped(3, values))
    blank = {name: np.zeros_like(x) for name, x in values.items()}
    again, _ = checkpoint.restore(tmp_path, Wrapped(0, blank))
    assert again.step == 3 and type(again.step) is int
    jax.tree.map(same, again.value, values)


@pytest.mark.parametrize(
    "value",
    [
        {"a/b": np.ones(1), "a": {"b": np.zeros(2)}, "a.b": np.ones(3), "['a']": np.ones(4)},
        {1: np.ones(2), 2: (np.ones(1), [np.zeros(1), None, ()])},
        (1, 2.5, True, 1j),
        (jnp.float32([np.nan, -np.inf, -0.0]), jnp.float32(1e-45)),
        (jax.random.key(3), jax.random.split(jax.random.key(1, impl="rbg"), (2, 3))),
        jax.random.split(jax.random.key(0), 0),
        {"": np.ones(1), "ä ü\n": np.ones(2), "..": np.ones(3)},
    ],
    ids=["names", "containers", "numbers", "floats", "keys", "no keys", "odd names"],
)
def test_every_tree_comes_back(value, tmp_path):
    checkpoint.save(tmp_path, Wrapped(3, value))
    again, _ = checkpoint.restore(tmp_path, Wrapped(0, value))
    chex.assert_trees_all_equal_structs(again.value, value)
    jax.tree.map(same, again.value, value)


def test_the_copy_is_taken_at_once(tmp_path):
    step = jax.jit(lambda ts: jax.tree.map(lambda x: x, ts), donate_argnums=0)
    first = tree(1)._replace(key=())
    contents = _store.snapshot("save", first, [])
    step(first)
    assert (contents.arrays["params/kernel"] == 1).all()


def test_an_abstract_tree_is_enough_to_restore_into(tmp_path):
    net, tx = layers.dense(3, 2), optax.adam(0.1)
    start = train.init_state(net, tx, jax.random.key(1))
    checkpoint.save(tmp_path, start)
    again, _ = checkpoint.restore(tmp_path, jax.eval_shape(lambda: start))
    jax.tree.map(same, again, start)


def test_arrays_go_where_those_of_the_network_are(tmp_path):
    mesh = jax.make_mesh((8,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    spread = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())
    placed = jax.device_put(tree(4), spread)
    checkpoint.save(tmp_path, placed)
    again, _ = checkpoint.restore(tmp_path, placed)
    assert again.params["kernel"].sharding == spread
    alone, _ = checkpoint.restore(tmp_path, tree())  # saved on eight devices, read on one
    assert not alone.params["kernel"].committed
    same(alone.params["kernel"], tree(4).params["kernel"])


def test_the_history_comes_back(tmp_path):
    history = [{"epoch": 1, "loss": 0.1 + 0.2, "name": "ä", "some": [1, 2.5, None]}]
    odd = [{"loss": np.float32(0.5), "count": jnp.int32(3), "nan": float("nan")}]
    checkpoint.save(tmp_path, tree(1), history + odd)
    _, again = checkpoint.restore(tmp_path, tree())
    assert again[0] == history[0]
    assert again[1]["loss"] == 0.5 and again[1]["count"] == 3 and np.isnan(again[1]["nan"])


def test_what_can_not_be_saved_is_named(tmp_path):
    with pytest.raises(TypeError, match=r"save: value/name is 'ä'; a checkpoint holds num"):
        checkpoint.save(tmp_path, Wrapped(1, {"name": "ä"}))
    with pytest.raises(TypeError, match=r"the history holds what JSON can't: .*'object'"):
        checkpoint.save(tmp_path, tree(1), [{"epoch": object()}])
    for history in ({"epoch": 1}, [3]):
        with pytest.raises(TypeError, match=r"checkpoint\.save: history is .*a list of rows"):
            checkpoint.save(tmp_path, tree(1), history)
    with pytest.raises(ValueError, match=r"checkpoint\.save: keep is 0"):
        checkpoint.save(tmp_path, tree(1), keep=0)
    assert steps(tmp_path) == []


def test_all_that_differs_is_shown_both_ways_by_path(tmp_path):
    kernel = lambda *shape: {"kernel": jnp.ones(shape)}
    params = {"dense": kernel(5, 3), "old": kernel(2), "half": kernel(2), "same": kernel(1)}
    checkpoint.save(tmp_path, tree(1)._replace(params=params))
    wanted = {"dense": kernel(5, 4), "new": kernel(7), "same": kernel(1)}
    wanted["half"] = {"kernel": jnp.ones(2, jnp.bfloat16)}
    wanted = tree()._replace(params=wanted, key=jax.random.key(0, impl="rbg"))
    with pytest.raises(ValueError, match=r"restore: the checkpoint of step 1 doesn't fit") as e:
        checkpoint.restore(tmp_path, wanted)
    assert set(str(e.value).split("\n")[1:]) == {
        "  params/dense/kernel: the checkpoint has float32[5,3], expected float32[5,4]",
        "  params/old/kernel: the checkpoint has float32[2], expected none",
        "  params/new/kernel: the checkpoint has none, expected float32[7]",
        "  params/half/kernel: the checkpoint has float32[2], expected bfloat16[2]",
        "  key: the checkpoint has key<fry>[], expected key<rbg>[]",
    }


def test_a_part_is_restored_and_the_rest_stays(tmp_path):
    net, others = layers.dense(3, 2), ("params", "state", "key", "step")
    saved = train.init_state(net, optax.sgd(0.1, momentum=0.9), jax.random.key(1))
    saved = saved._replace(step=jnp.int32(7))
    checkpoint.save(tmp_path, saved, [{"epoch": 1}])
    fresh = train.init_state(net, optax.adam(0.1), jax.random.key(2))
    for only in [("params",), ("params", "key"), others, ("params/kernel",)]:
        again, history = checkpoint.restore(tmp_path, fresh, only=only)
        assert history == [{"epoch": 1}]
        kernel = saved.params["kernel"], again.params["kernel"]
        same(*kernel)
        expected = fresh._replace(**{n: getattr(saved, n) for n in only if "/" not in n})
        expected = expected._replace(params={**expected.params, "kernel": saved.params["kernel"]})
        chex.assert_trees_all_equal_structs(again, expected)
        jax.tree.map(same, again, expected)
    # A tree of its own with the same paths will do, and no optimizer is needed.
    params = jax.eval_shape(net.init, jax.random.key(0))[0]
    again, _ = checkpoint.restore(tmp_path, {"params": params}, only=["params"])
    jax.tree.map(same, again, {"params": saved.params})
    with pytest.raises(
        ValueError, match=r"(?s)trace.*This is the state of another optimizer; only="
    ):
        checkpoint.restore(tmp_path, fresh)
    other = train.init_state(layers.dense(3, 4), optax.adam(0.1), jax.random.key(2))
    with pytest.raises(
        ValueError, match=r"params/kernel: the checkpoint has .*2\], expected .*4\]"
    ):
        checkpoint.restore(tmp_path, other, only=["params"])


@pytest.mark.parametrize(
    ("only", "message"),
    [
        ("params", r"only is 'params'; it needs paths, as \(\"params\", \"state\"\)"),
        ((), r"only is \(\); it needs paths"),
        (("parms",), "only names 'parms', which neither .*; they have key, opt_state, params, s"),
        (("params/ker",), "only names 'params/ker'"),
    ],
)
def test_wrong_parts(tmp_path, only, message):
    checkpoint.save(tmp_path, tree(1))
    with pytest.raises(ValueError, match=f"restore: {message}"):
        checkpoint.restore(tmp_path, tree(), only=only)


class Actors(NamedTuple):
    """A state of a user's own: two networks, a buffer, and a step."""

    step: jax.Array
    online: dict
    target: tuple
    replay: list


def test_a_state_of_own_fields_needs_a_step_and_no_more(tmp_path):
    own = Actors(jnp.int32(5), {"k": jnp.ones(2)}, (jnp.zeros(1), None, ()), [np.arange(3)])
    for state in (own, own._asdict()):
        place = tmp_path / type(state).__name__
        keep = checkpoint.hook(place, background=False)
        keep(train.Event("finish", state, [], 1))
        again, _ = checkpoint.restore(place, state)
        chex.assert_trees_all_equal_structs(again, state)
        jax.tree.map(same, again, state)
        assert steps(place) == [5]
    wrong_steps = [own._replace(step=step) for step in (jnp.ones(2), 1.5, float("nan"), None)]
    for wrong in ({"params": 1.0}, (1, 2), jnp.ones(3), None, *wrong_steps):
        with pytest.raises(TypeError, match=r"checkpoint\.save: train_state is a .*needs a step"):
            checkpoint.save(tmp_path, wrong)


def test_the_newest_stay_and_the_best(tmp_path):
    accuracies = [0.1, 0.9, 0.5, 0.9, float("nan"), 0.3, 0.2]
    for i, accuracy in enumerate(accuracies, start=1):
        history = [row(i, accuracy=accuracy, loss=-accuracy)]
        checkpoint.save(tmp_path, tree(i), history, keep=2, best=("accuracy", "max"))
    assert steps(tmp_path) == [4, 6, 7]  # of two as good, the newer
    assert checkpoint.best(tmp_path, "accuracy").name == "0000000004"
    assert checkpoint.best(tmp_path, "accuracy", "min").name == "0000000007"
    assert checkpoint.best(tmp_path, "loss", "min").name == "0000000004"
    (tmp_path / "0000000004" / "contents.json").write_text("{}")
    assert checkpoint.best(tmp_path, "accuracy").name == "0000000006"
    again, _ = checkpoint.restore(checkpoint.best(tmp_path, "accuracy"), tree())
    assert int(again.step) == 6
    with pytest.raises(FileNotFoundError, match="no good checkpoint with f1 in"):
        checkpoint.best(tmp_path, "f1")


def test_a_checkpoint_within_an_epoch_is_not_the_best_for_the_epoch_before(tmp_path):
    checkpoint.save(tmp_path, tree(4), [row(4, accuracy=0.9)])
    checkpoint.save(tmp_path, tree(6), [row(4, accuracy=0.9)])
    assert checkpoint.best(tmp_path, "accuracy").name == "0000000004"


def test_two_runs_do_not_mix_in_one_directory(tmp_path):
    checkpoint.save(tmp_path, tree(8))
    checkpoint.save(tmp_path, tree(8))  # the same again changes nothing
    with pytest.raises(ValueError, match=r"0000000008 is of a later step than this run's step 4"):
        checkpoint.save(tmp_path, tree(4))
    assert steps(tmp_path) == [8] and not checkpoint.faults(tmp_path / "0000000008")


def test_other_numbers_of_the_same_step_go_beside_the_good_ones(tmp_path):
    names = lambda: sorted(path.name for path in tmp_path.iterdir())
    for step, value in [(4, 4), (8, 8), (8, 9), (8, 9), (8, 10)]:
        kernel = {"kernel": jnp.full((20, 5), value, jnp.float32)}
        checkpoint.save(tmp_path, tree(step)._replace(params=kernel), keep=2)
        again, _ = checkpoint.restore(tmp_path, tree())
        assert int(again.step) == step and (again.params["kernel"] == value).all()
    assert names() == ["0000000008.2", "0000000008.3"]
    (tmp_path / "0000000008.3" / "contents.json").write_text("{}")
    checkpoint.save(tmp_path, tree(8), keep=2)  # in the place of the damaged one
    assert names() == ["0000000008.2", "0000000008.3"]
    assert (checkpoint.restore(tmp_path, tree())[0].params["kernel"] == 8).all()
    checkpoint.save(tmp_path, tree(12), keep=2)
    assert names() == ["0000000008.3", "0000000012"]


def test_one_that_vanishes_while_it_is_compared_is_written_again(tmp_path, monkeypatch):
    checkpoint.save(tmp_path, tree(8))
    read = _files.read

    def vanish(folder):
        monkeypatch.undo()
        (folder / "contents.json").unlink()
        return read(folder)

    monkeypatch.setattr(_files, "read", vanish)
    checkpoint.save(tmp_path, tree(8))
    assert _files.read is read and steps(tmp_path) == [8]
    assert int(checkpoint.restore(tmp_path, tree())[0].step) == 8


def test_a_folder_of_another_program_is_not_written_over(tmp_path):
    checkpoint.save(tmp_path, tree(8))
    folder = tmp_path / "0000000008"
    (folder / "contents.json").write_text('{"format": 3}')
    (folder / _files.SUMS).write_text(_files._sums(folder))
    with pytest.raises(ValueError, match=r"0000000008: not a checkpoint of jaxdl: .*format 3"):
        checkpoint.save(tmp_path, tree(8))
    assert (folder / "contents.json").read_text() == '{"format": 3}'


def test_nothing_to_go_on_from(tmp_path):
    for directory in (tmp_path, tmp_path / "none"):
        for read in (checkpoint.load, lambda at: checkpoint.restore(at, tree())):
            with pytest.raises(FileNotFoundError, match="no checkpoint in"):
                read(directory)
    assert not (tmp_path / "none").exists()


def test_load_needs_no_template(tmp_path):
    net, tx = layers.dense(3, 2), optax.adam(0.1)
    start = train.init_state(net, tx, jax.random.key(1))
    checkpoint.save(tmp_path, start, [{"epoch": 1}])
    for place in (tmp_path, tmp_path / "0000000000"):
        found, history = checkpoint.load(place)
        assert history == [{"epoch": 1}]
        np.testing.assert_array_equal(found["params"]["kernel"], start.params["kernel"])
        np.testing.assert_array_equal(found["opt_state"][0]["nu"]["bias"], np.zeros(2))
        same(found["key"], start.key)
    assert isinstance(found["params"]["kernel"], np.ndarray)


def test_load_keeps_tuples_and_what_is_empty(tmp_path):
    net = combinators.serial(layers.dense(2, 3), activations.relu, layers.batch_norm(3))
    start = train.init_state(net, optax.adam(0.1), jax.random.key(1))
    checkpoint.save(tmp_path, start)
    found, _ = checkpoint.load(tmp_path)
    for name in ("params", "state"):
        chex.assert_trees_all_equal_structs(found[name], getattr(start, name))
    x = np.ones((4, 2), "float32")
    same(*(net.apply(ts["params"], ts["state"], x)[0] for ts in (found, start._asdict())))
    odd = {1: [np.ones(1), (None, ())], 10: {}, 2: {"a/b": np.zeros(2)}}
    checkpoint.save(tmp_path / "odd", Wrapped(0, odd))
    again = checkpoint.load(tmp_path / "odd")[0]["value"]
    chex.assert_trees_all_equal_structs(again, odd)


def test_checkpoints_of_the_first_format_are_read(tmp_path):
    start = tree(3)
    checkpoint.save(tmp_path, start, [{"epoch": 1}])
    folder = tmp_path / "0000000003"
    fields = json.loads((folder / "contents.json").read_text())
    fields |= {"format": 1}
    del fields["tree"]
    fields["leaves"] = {leaf.pop("array"): leaf for leaf in fields["leaves"].values()}
    (folder / "contents.json").write_text(json.dumps(fields))
    (folder / _files.SUMS).write_text(_files._sums(folder))
    jax.tree.map(same, checkpoint.restore(tmp_path, start)[0], start)
    found, _ = checkpoint.load(tmp_path)
    same(found["params"]["kernel"], np.asarray(start.params["kernel"]))


def test_only_what_is_ours_is_ever_removed(tmp_path):
    """Folders that look like checkpoints, or like something unfinished, but hold other files."""
    foreign = ["0000000001", "0000000004", "0000000009.unfinished", "my.unfinished"]
    for name in foreign:
        (tmp_path / name).mkdir()
        (tmp_path / name / "precious.pt").write_text("years of work")
    (tmp_path / "0000000002").mkdir()
    (tmp_path / "0000000003.unfinished").mkdir()
    (tmp_path / "0000000003.unfinished" / "contents.json").write_text("{")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "contents.json").write_text("{}")
    (tmp_path / "0000000005.unfinished").symlink_to(tmp_path / "elsewhere")
    for step in (4, 6, 7):
        checkpoint.save(tmp_path, tree(step), keep=1)
    for name in foreign:
        assert (tmp_path / name / "precious.pt").read_text() == "years of work"
    assert (tmp_path / "elsewhere" / "contents.json").exists()
    assert not (tmp_path / "0000000003.unfinished").exists()
    ours = [path.name for path in tmp_path.iterdir() if not checkpoint.faults(path)]
    assert ours == ["0000000007"]


def test_files_have_the_modes_of_the_umask_but_others_may_not_write(tmp_path):
    for mask, file, folder in [(0, 0o664, 0o775), (0o22, 0o644, 0o755), (0o77, 0o600, 0o700)]:
        place, before = tmp_path / f"{mask}", os.umask(mask)
        try:
            checkpoint.save(place, tree(1))
        finally:
            os.umask(before)
        for path in (place / "0000000001").rglob("*"):
            assert stat.S_IMODE(path.stat().st_mode) == (folder if path.is_dir() else file), path


def test_sums_are_those_of_the_command(tmp_path):
    checkpoint.save(tmp_path, tree(1))
    command = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
    subprocess.run(command, cwd=tmp_path / "0000000001", check=True)


def test_no_code_of_a_hostile_checkpoint_is_run(tmp_path):
    found = runs.module("checkpoint.hostile", str(tmp_path))
    assert found["refused"] == [True] * 20
    assert not found["exploded"] and found["unpickled"] == 0
    # What Python is asked for when a good one is read: it opens files, and runs nothing.
    assert "open" in found["asked"]
    assert not {"exec", "compile", "import", "os.system", "subprocess.Popen"} & {*found["asked"]}
