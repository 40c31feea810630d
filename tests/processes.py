"""How the processes of the tests compile: this one, and those that tests start."""

import importlib.metadata
import os


def xla_flags(devices):
    """Flags for a number of fake devices, and for machine code that is soon there.

    Most programs of the tests run once, on small arrays: their machine code need not be good, and
    compiling is most of the time. JAXDL_OPTIMIZED_TESTS=1 tests what users run.
    """
    flags = [f"--xla_force_host_platform_device_count={devices}"]
    if not os.environ.get("JAXDL_OPTIMIZED_TESTS"):
        flags += ["--xla_backend_optimization_level=0", "--xla_cpu_parallel_codegen_split_count=1"]
        # The older of jax 0.10's two ways to emit code takes two thirds of the time; later
        # versions have the newer alone, and end at a flag that they don't know.
        if importlib.metadata.version("jaxlib").startswith("0.10."):
            flags += ["--xla_cpu_use_fusion_emitters=false"]
    return " ".join(flags)


def environment(devices=1, **changed):
    """The environment of a process with so many fake devices, whatever this one has."""
    flags = {"XLA_FLAGS": xla_flags(devices), "PJRT_NPROC": str(max(4, 2 * devices))}
    return os.environ | flags | changed
