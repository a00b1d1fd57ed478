"""What the CPU can do fast."""

from __future__ import annotations

import functools
from pathlib import Path

import torch

_BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})  # the last is 64-bit Arm's


@functools.cache
def has_fast_bfloat16() -> bool:
    """Whether the CPU multiplies bfloat16 in hardware (AVX-512 BF16, AMX, Arm BF16).

    Elsewhere bfloat16 is emulated and many times slower than float32, so it is not worth a measurement.
    Linux says in /proc/cpuinfo; on other systems torch is asked, and where neither knows the answer is no.
    """
    flags = cpu_flags()
    if flags:
        return bool(flags & _BFLOAT16_FLAGS)
    asked = (
        getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    )
    return any(bool(ask()) for ask in asked if ask is not None)


def cpu_flags(source: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """Instruction sets of the first processor as Linux lists them, lower case; empty where it does not."""
    try:
        lines = source.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    for line in lines:
        name, _, values = line.partition(":")
        if name.strip().lower() in ("flags", "features"):
            return frozenset(values.lower().split())
    return frozenset()
