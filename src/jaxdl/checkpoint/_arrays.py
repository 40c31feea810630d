"""Arrays by name in a folder, written and read with Orbax."""

import errno
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxdl import _checks
from jaxdl.checkpoint._leaves import Leaf


def write(folder: Path, leaves: Mapping[str, Leaf], arrays: Mapping[str, np.ndarray]) -> None:
    """Writes arrays unchanged.

    Raises:
        OSError: if they can't be written.
    """
    import orbax.checkpoint as ocp

    # Orbax refuses empty arrays; their shape in contents.json says it all.
    full = {x.array: _plain(arrays[n]) for n, x in leaves.items() if arrays[n].size}
    # Learned numbers hardly compress, and trying costs as much as writing.
    alone = {"multiprocessing_options": _alone()}
    handler = ocp.PyTreeCheckpointHandler(use_compression=False, **alone)
    try:
        with ocp.Checkpointer(handler, **alone) as checkpointer:
            checkpointer.save(folder.absolute(), full)
    except OSError:
        raise
    except Exception as error:  # tensorstore raises many kinds, with the error number in the text
        found = re.search(r"os_error_code='(\d+)'", str(error))
        code, text = (int(found[1]), os.strerror(int(found[1]))) if found else (errno.EIO, error)
        raise OSError(code, str(text), str(folder)) from error


def read(folder: Path, leaves: Mapping[str, Leaf]) -> dict[str, np.ndarray]:
    """Reads the arrays of some leaves.

    Raises:
        Exception: of any kind, if the files hold something else.
    """
    import orbax.checkpoint as ocp

    full = {name: leaf for name, leaf in leaves.items() if 0 not in leaf.shape}
    as_numpy = {leaf.array: ocp.RestoreArgs(restore_type=np.ndarray) for leaf in full.values()}
    alone = {"multiprocessing_options": _alone()}
    with ocp.Checkpointer(ocp.PyTreeCheckpointHandler(**alone), **alone) as checkpointer:
        if full:
            _check(folder, full, checkpointer.metadata(folder.absolute()))
        found = checkpointer.restore(folder.absolute(), restore_args=as_numpy) if full else {}
    arrays = {
        name: found[leaf.array] if name in full else _plain(np.zeros(leaf.shape, leaf.dtype))
        for name, leaf in leaves.items()
    }
    return {name: x.view(leaves[name].dtype) for name, x in arrays.items()}


def _check(folder: Path, leaves: Mapping[str, Leaf], metadata: Any) -> None:
    """Compares the files' metadata with the manifest before allocating memory.

    Arrays are stored uncompressed, so none can be larger than all files together, except for small
    ones, which Orbax packs.
    """
    stored = metadata.item_metadata.tree
    most = 2**20 + sum(path.stat().st_size for path in folder.rglob("*"))
    for name, leaf in leaves.items():
        plain = _plain(np.zeros((), leaf.dtype)).dtype
        at = stored[leaf.array]
        if (tuple(at.shape), np.dtype(at.dtype)) != (leaf.shape, plain):
            raise ValueError(f"{name} is {_checks.describe(at)}, not {leaf}")
        if math.prod(leaf.shape) * plain.itemsize > most:
            raise ValueError(f"{name} is {_checks.describe(at)}, which {most} bytes can't hold")


def _alone() -> Any:
    """Lets Orbax write or read in this process alone, without waiting for others."""
    import orbax.checkpoint as ocp

    index = jax.process_index()
    return ocp.options.MultiprocessingOptions(
        primary_host=index, active_processes={index}, barrier_sync_key_prefix=str(index)
    )


def _plain(x: np.ndarray) -> np.ndarray:
    """Views a dtype that isn't NumPy's own as integers: Orbax doesn't know all of them."""
    return x if x.dtype.isbuiltin == 1 else x.view(f"u{x.dtype.itemsize}")
