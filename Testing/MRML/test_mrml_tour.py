"""The tour: from the sample to a mask with the bundled model, real masking, real undo, and pictures of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("slicer", reason="slicer-core is not installed")

import tour as tours

PICTURES = ["tour-corrected.png", "tour-masking.png", "tour-one-click.png", "tour-undo.png"]
CAN_RENDER = """
import vtk
window = vtk.vtkRenderWindow()
window.SetOffScreenRendering(1)
window.AddRenderer(vtk.vtkRenderer())
window.Render()
raise SystemExit(0 if window.SupportsOpenGL() else 1)
"""


def test_the_tour_clicks_corrects_undoes_redoes_and_respects_a_locked_neighbor():
    tour = tours.run()
    assert len(tour.dices) == tours.CLICKS
    assert tour.dices[0] > 0.6
    assert max(tour.dices) > 0.75
    assert all(mask.any() for mask in tour.states)
    assert tour.lost["unlocked"] > 100
    assert tour.lost["locked"] == 0


def test_a_masked_write_adds_and_removes_the_ball_beside_its_neighbor():
    assert (
        len(tours.masked_write_ms(shape_kji=(60, 64, 72), size=24, repeats=3)) == 3
    )  # fails if none is written


@pytest.mark.slow
def test_the_tour_draws_the_views_with_the_mask(tmp_path):
    # In a process of its own: without OpenGL, VTK may end the process.
    probe = subprocess.run([sys.executable, "-c", CAN_RENDER], capture_output=True, timeout=60, check=False)
    if probe.returncode:
        pytest.skip("there is no OpenGL that draws off screen (EGL or OSMesa)")
    script = Path(tours.__file__)
    command = [sys.executable, str(script), "--output", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert sorted(path.name for path in tmp_path.iterdir()) == PICTURES
    assert "Masked write on 512 x 512 x 300" in done.stdout

    from PIL import Image

    # Orange where the tumor is: the mask is in the picture.
    red, green, blue = np.asarray(Image.open(tmp_path / "tour-corrected.png")).astype(int).transpose(2, 0, 1)
    assert ((red > 110) & (red - blue > 50) & (green > blue)).sum() > 5000
