"""Checkpoints: a TrainState and its history on disk, and back, through Orbax."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import jax

Tree = TypeVar("Tree")


def save(
    directory: str | Path,
    train_state: Any,
    history: Sequence[dict[str, Any]] = (),
    *,
    keep: int = 3,
) -> None:
    """Writes a TrainState and its history, whole or not at all; a step once written stays.

    Args:
        directory: where the checkpoints of this run lie; made where it doesn't exist.
        train_state: a TrainState; its ``step`` names the checkpoint.
        history: the rows so far.
        keep: how many of the newest checkpoints stay.

    Example:
        >>> import tempfile, optax
        >>> from jaxdl import layers, train
        >>> train_state = train.init_state(layers.dense(2, 1), optax.sgd(0.1), jax.random.key(0))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save(folder, train_state, [{"epoch": 1}])
        ...     again, history = restore(folder, train_state)
        >>> history
        [{'epoch': 1}]
    """
    import orbax.checkpoint as ocp

    with _manager(directory, keep) as manager:
        items = ocp.args.Composite(
            train_state=ocp.args.StandardSave(_without_keys(train_state)),
            history=ocp.args.JsonSave(list(history)),
        )
        step = int(train_state.step)
        if step not in manager.all_steps():
            manager.save(step, args=items, force=True)


def restore(directory: str | Path, like: Tree) -> tuple[Tree, list[dict[str, Any]]]:
    """Reads the newest checkpoint.

    Args:
        directory: where the checkpoints lie.
        like: a TrainState of the same structure, shapes and dtypes, as ``init_state`` gives it.

    Returns:
        The TrainState and the history of ``save``.

    Raises:
        FileNotFoundError: if there is no checkpoint.
        ValueError: if the checkpoint's arrays have other names or shapes than those of ``like``.

    Example:
        >>> restore("no/such/folder", like=())
        Traceback (most recent call last):
        ...
        FileNotFoundError: no checkpoint to go on from in no/such/folder
    """
    import orbax.checkpoint as ocp

    if not Path(directory).is_dir():
        raise FileNotFoundError(f"no checkpoint to go on from in {directory}")
    with _manager(directory, keep=None) as manager:
        step = manager.latest_step()
        if step is None:
            raise FileNotFoundError(f"no checkpoint to go on from in {directory}")
        abstract = jax.tree.map(ocp.utils.to_shape_dtype_struct, _without_keys(like))
        items = ocp.args.Composite(
            train_state=ocp.args.StandardRestore(abstract), history=ocp.args.JsonRestore()
        )
        found = manager.restore(step, args=items)
    return _with_keys(found["train_state"], like), found["history"]


@contextlib.contextmanager
def _manager(directory: str | Path, keep: int | None) -> Iterator[Any]:
    import orbax.checkpoint as ocp

    options = ocp.CheckpointManagerOptions(max_to_keep=keep, enable_async_checkpointing=False)
    manager = ocp.CheckpointManager(Path(directory).absolute(), options=options)
    try:
        yield manager
    finally:
        manager.close()


def _is_key(x: Any) -> bool:
    return hasattr(x, "dtype") and jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key)


def _without_keys(tree: Tree) -> Tree:
    """Orbax stores arrays of numbers, so typed keys go as their words."""
    return jax.tree.map(lambda x: jax.random.key_data(x) if _is_key(x) else x, tree)


def _with_keys(tree: Tree, like: Tree) -> Tree:
    def wrap(x: Any, wanted: Any) -> Any:
        if not _is_key(wanted):
            return x
        return jax.random.wrap_key_data(x, impl=jax.random.key_impl(wanted))

    return jax.tree.map(wrap, tree, like)
