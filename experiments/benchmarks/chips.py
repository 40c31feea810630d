"""The peak of accelerators in dense products of bfloat16, as their makers give it."""

PEAKS = {
    # What jax.Device.device_kind has in it: TFLOP/s of one JAX device; the more special name first.
    "B200": 2250,  # NVIDIA DGX B200 datasheet: 36 PFLOPS of 8 GPUs with sparsity
    "H200": 989,  # NVIDIA H200 datasheet: 1,979 with sparsity
    "H100 PCIe": 756,  # NVIDIA H100 datasheet: 1,513 with sparsity
    "H100": 989,  # the same: 1,979 with sparsity
    "A100": 312,  # NVIDIA A100 datasheet
    "A10": 125,  # NVIDIA A10 datasheet: 250 with sparsity
    "L40S": 362,  # NVIDIA L40S datasheet
    "L4": 121,  # NVIDIA L4 datasheet: 242 with sparsity
    "TPU v6": 918,  # docs.cloud.google.com/tpu/docs/v6e
    "TPU v5 lite": 197,  # docs.cloud.google.com/tpu/docs/v5e
    "TPU v5": 459,  # docs.cloud.google.com/tpu/docs/v5p
    "TPU v4": 275,  # docs.cloud.google.com/tpu/docs/v4
    "TPU v3": 61.5,  # docs.cloud.google.com/tpu/docs/v3: 123 a chip, which is two devices
    "TPU v2": 22.5,  # docs.cloud.google.com/tpu/docs/v2: 45 a chip, which is two devices
}


def peak_of(kind: str) -> float | None:
    """FLOP/s of a device by its name, or None where it isn't in the table."""
    return next((1e12 * peak for name, peak in PEAKS.items() if name in kind), None)
