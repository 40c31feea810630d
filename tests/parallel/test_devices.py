"""Arrays put on devices and taken from them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from jaxdl import parallel


def split_over_devices(x):
    return jax.device_put(x, NamedSharding(parallel.data_mesh(), PartitionSpec("data")))


def gone_apart():
    """A "replicated" array whose copies differ: what pmap returns when an average is missing."""
    mesh = parallel.data_mesh()
    copies = [jax.device_put(jnp.full(3, float(i > 5)), d) for i, d in enumerate(jax.devices())]
    everywhere = NamedSharding(mesh, PartitionSpec())
    return jax.make_array_from_single_device_arrays((3,), everywhere, copies)


def test_unreplicate_takes_one_copy_and_gathers_nothing(key):
    tree = {"kernel": jnp.arange(6.0), "key": key}
    copy = parallel.unreplicate(parallel.replicate(tree, parallel.data_mesh()))
    assert copy["kernel"].sharding.num_devices == 1
    np.testing.assert_array_equal(copy["kernel"], tree["kernel"])
    assert (jax.random.key_data(copy["key"]) == jax.random.key_data(key)).all()


def test_unreplicate_refuses_what_is_split():
    with pytest.raises(ValueError, match="unreplicate: x is split as"):
        parallel.unreplicate({"x": split_over_devices(jnp.arange(8.0))})


def test_replicas_that_went_apart_are_found(key):
    parallel.assert_replicas_equal(
        parallel.replicate({"x": jnp.ones(3), "k": key}, parallel.data_mesh())
    )
    parallel.assert_replicas_equal(split_over_devices(jnp.arange(8.0)))
    with pytest.raises(AssertionError, match=r"b differs on .* by up to 1"):
        parallel.assert_replicas_equal({"a": jnp.ones(2), "b": gone_apart()})


def test_replicate_leaves_the_arrays_that_it_is_given():
    x = jnp.ones(3)
    everywhere = parallel.replicate(x, parallel.data_mesh())
    jax.jit(lambda x: x + 1, donate_argnums=0)(everywhere)
    assert everywhere.is_deleted() and not x.is_deleted()


def test_a_mesh_fills_in_what_is_left():
    assert dict(parallel.mesh_of(data=-1, model=2).shape) == {"data": 4, "model": 2}
