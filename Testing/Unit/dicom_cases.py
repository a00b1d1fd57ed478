"""A small DICOM series on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

ARRAY = np.random.default_rng(0).integers(-1000, 1000, (7, 8, 9)).astype(np.int16)


def write_dicom(
    folder: Path, uid: str = "1.2.3.1", name: str = "Axial", slices: int = 6, drift: float = 0
) -> list[Path]:
    """A small CT series of 0.5 x 0.75 x 2 mm, its slices shifted against each other by `drift` mm."""
    sitk = pytest.importorskip("SimpleITK")
    folder.mkdir(exist_ok=True)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    files = []
    for k in range(slices):
        image = sitk.GetImageFromArray(ARRAY[k % len(ARRAY)][None])
        image.SetSpacing((0.5, 0.75, 2))
        tags = {
            "0008|0016": "1.2.840.10008.5.1.4.1.1.2",
            "0008|0018": f"{uid}.{k + 1}",
            "0008|0060": "CT",
            "0008|103e": name,
            "0018|0050": "2",
            "0020|000d": "1.2.3",
            "0020|000e": uid,
            "0020|0013": str(k + 1),
            "0020|0032": f"10\\{20 + drift * k}\\{30 + 2 * k}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
        }
        for tag, value in tags.items():
            image.SetMetaData(tag, value)
        files.append(folder / f"{uid}.{k:02}.dcm")
        writer.SetFileName(str(files[-1]))
        writer.Execute(image)
    return files
