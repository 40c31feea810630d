"""Programs kept on disk: read again, limited in bytes, and whole."""

import jax
import jax.numpy as jnp
import pytest

from jaxdl import train
from jaxdl.train import _compilations


@pytest.fixture
def nothing_kept():
    """Without the folder that keeps the programs of all tests."""
    from jax.experimental.compilation_cache import compilation_cache

    names = (
        "jax_compilation_cache_dir",
        "jax_compilation_cache_max_size",
        "jax_persistent_cache_min_compile_time_secs",
    )
    before = {name: getattr(jax.config, name) for name in names}
    jax.config.update("jax_compilation_cache_dir", None)
    compilation_cache.reset_cache()
    yield
    for name, value in before.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()


@pytest.mark.usefixtures("nothing_kept")
def test_programs_kept_in_a_folder_are_read_from_there(tmp_path):
    f = lambda x: jnp.sin(jnp.linalg.inv(x @ x.T))
    train.keep_compilations(tmp_path)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)  # however quick it is
    hits = []
    listen = lambda event, **_: hits.append(event) if event.endswith("cache_hits") else None
    jax.monitoring.register_event_listener(listen)
    for expected in (0, 1):
        jax.clear_caches()
        jax.jit(f)(jnp.eye(7)).block_until_ready()
        assert len(hits) >= expected and (expected or not hits)
    jax.monitoring.unregister_event_listener(listen)
    assert any(tmp_path.iterdir())


@pytest.mark.usefixtures("nothing_kept")
@pytest.mark.parametrize("limited", [True, False])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
def test_a_program_that_is_read_while_it_is_written_is_compiled_anew(limited, share, tmp_path):
    """JAX writes in place: without a lock another process may see the beginning of a program."""
    f = lambda x: jnp.sin(x) * 3 + share
    if limited:
        train.keep_compilations(tmp_path)
    jax.config.update("jax_compilation_cache_dir", str(tmp_path))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    wanted = jax.jit(f)(jnp.arange(7.0))
    for path in tmp_path.glob("*-cache"):
        path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    jax.clear_caches()
    with pytest.warns(UserWarning, match="Error reading persistent compilation cache entry"):
        again = jax.jit(f)(jnp.arange(7.0))
    assert (wanted == again).all()


@pytest.mark.usefixtures("nothing_kept")
def test_programs_take_no_more_bytes_than_allowed(tmp_path):
    sizes: list[int] = []
    made = 4
    for most in (2**30, None):
        folder = tmp_path / str(most)
        train.keep_compilations(folder, max_bytes=most or sizes[0] // 2)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        for i in range(made):
            jax.jit(lambda x, i=i: jnp.sin(x) * i + jnp.cos(x)).lower(jnp.ones(3)).compile()
        sizes.append(sum(path.stat().st_size for path in folder.glob("*-cache")))
        assert list(folder.glob("*-cache"))
        from jax.experimental.compilation_cache import compilation_cache

        compilation_cache.reset_cache()
        jax.clear_caches()
    assert sizes[1] <= sizes[0] // 2


@pytest.mark.usefixtures("nothing_kept")
@pytest.mark.parametrize("limited", [True, False])
def test_a_program_cut_short_is_deleted_and_a_folder_without_limit_adopted(limited, tmp_path):
    (tmp_path / "whole-cache").write_bytes(b"program")
    if limited:
        (tmp_path / "whole-atime").write_bytes(bytes(8))
        (tmp_path / "cut-cache").write_bytes(b"prog")
    train.keep_compilations(tmp_path)
    kept = {path.name for path in tmp_path.iterdir()} - {".lockfile"}
    assert kept == {"whole-cache", "whole-atime"}


@pytest.mark.usefixtures("nothing_kept")
def test_each_kind_of_processor_has_a_folder_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("JAXDL_CACHE", str(tmp_path))
    train.keep_compilations()
    assert (tmp_path / "programs" / _compilations._processor()).is_dir()


def test_a_limit_that_makes_no_sense(tmp_path):
    with pytest.raises(ValueError, match="max_bytes"):
        train.keep_compilations(tmp_path, max_bytes=0)
