"""Whether a NIfTI file is as long as its header promises."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

_CHUNK = 1 << 20


def missing_bytes(path: Path) -> int:
    """How many bytes the voxels of a NIfTI file fall short of what its header says.

    Returns:
        0 for a complete file, and for a file that is no single-file NIfTI (.nii, .nii.gz) and is left to
        its reader to judge.
    """
    name = path.name.lower()
    if not name.endswith((".nii", ".nii.gz")):
        return 0
    with path.open("rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
    try:
        with (gzip.open if compressed else open)(path, "rb") as stream:
            expected = _expected_size(stream.read(540))
    except (OSError, EOFError, zlib.error):
        return 0
    if expected is None:
        return 0
    return max(0, expected - (_unpacked_size(path, expected) if compressed else path.stat().st_size))


def _expected_size(header: bytes) -> int | None:
    """Header plus voxels in bytes; None when this is no NIfTI header."""
    for order in "<>":
        if len(header) >= 348 and struct.unpack_from(order + "i", header)[0] == 348:
            layout = (("8h", 40), ("h", 72), ("f", 108))  # NIfTI-1: sizes, bits per voxel, where voxels start
            break
        if len(header) >= 540 and struct.unpack_from(order + "i", header)[0] == 540:
            layout = (("8q", 16), ("h", 14), ("q", 168))  # NIfTI-2
            break
    else:
        return None
    dims, bits, start = (struct.unpack_from(order + kind, header, where) for kind, where in layout)
    if not 1 <= dims[0] <= 7 or not math.isfinite(start[0]):
        return None
    voxels = math.prod(max(n, 1) for n in dims[1 : dims[0] + 1])
    size: int = int(start[0]) + voxels * max(bits[0], 0) // 8
    return size


def _unpacked_size(path: Path, expected: int) -> int:
    """Length of the unpacked file; `expected` when the gzip trailer agrees with it, which saves unpacking."""
    with path.open("rb") as file:
        file.seek(-4, 2)
        if struct.unpack("<I", file.read(4))[0] == expected % 2**32:
            return expected
    # Another length, several members in one file, or a trailer that is cut off: only unpacking tells.
    size = 0
    try:
        with gzip.open(path, "rb") as stream:
            while chunk := stream.read(_CHUNK):
                size += len(chunk)
    except (OSError, EOFError, zlib.error):
        pass  # damaged from here on
    return size
