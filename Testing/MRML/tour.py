"""A tour of LightSeg on slicer-core alone: real nodes, real masking, real undo, no window.

    python Testing/MRML/tour.py [--output docs/images] [--no-pictures]

It loads the sample, starts with one click, corrects with two, undoes and redoes, keeps a locked neighbor
whole, draws Slicer's views into PNG files, and says how many milliseconds each step took. At the end it
measures a masked write into a segmentation of 512 x 512 x 300 voxels.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "LightSeg"), str(Path(__file__).parent)]

import numpy as np  # noqa: E402
import slicer  # noqa: E402
from LightSegUI.Editing import Editing  # noqa: E402
from LightSegUI.InteractiveLogic import InteractiveLogic  # noqa: E402
from LightSegUI.Scenes import sceneToUse  # noqa: E402
from scene_building import Painter, ball_mask, shown, to_image, to_matrix  # noqa: E402

from LightSegLib import Volume  # noqa: E402
from LightSegLib.evaluation.simulated_user import SimulatedUser  # noqa: E402
from LightSegLib.geometry import IndexBox  # noqa: E402
from LightSegLib.mrml import LogicUndo, SegmentWriter, volume_from_node  # noqa: E402
from LightSegLib.segments import Change  # noqa: E402

SAMPLE = ROOT / "Resources" / "Samples" / "soft-tissue-sarcoma-ct.nii.gz"
TRUTH = ROOT / "Resources" / "Samples" / "soft-tissue-sarcoma-ct-label.nii.gz"
CLICKS = 3
NEIGHBOR_COLOR, TUMOR_COLOR = (0.35, 0.62, 0.95), (0.95, 0.58, 0.2)
INSIDE_COLOR, OUTSIDE_COLOR = (0.2, 0.95, 0.35), (1.0, 0.2, 0.25)
WRITE_BUDGET_MS = 100


def say(text: str = "") -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class Tour:
    """The scene of the tour and its steps; each step can be called on its own, in order.

    Attributes:
        milliseconds: what each step took.
        dices: Dice coefficient of the tumor with its outline by a radiation oncologist, after each click.
        states: the tumor after each click, bool (K, J, I).

    Args:
        views: called with the scene, makes what draws it; None to draw nothing.
        output: folder for the pictures.
    """

    def __init__(self, views=None, output: Path | None = None) -> None:
        self.milliseconds: dict[str, float] = {}
        self.dices: list[float] = []
        self.states: list[np.ndarray] = []
        self._output = output
        self.scene = slicer.vtkMRMLScene()
        self._views = None if views is None else views(self.scene)
        self.editor = self.scene.AddNode(slicer.vtkMRMLSegmentEditorNode())
        self.undo = LogicUndo(self.editor)
        self.logic = InteractiveLogic(self.scene)
        self.logic.setEditing(Editing(self.undo, self.editor))
        self._marks = {sign: self._add_marks(sign) for sign in (True, False)}

    def close(self) -> None:
        """End the worker's thread and let go of the nodes."""
        self.logic.close()
        self.undo.close()
        self.scene.Clear(True)

    # --- Steps --------------------------------------------------------------------------------------------

    def load(self) -> None:
        """The sample into a volume node, and an empty segment beside it; the model."""
        with self._timed("load the sample"):
            image = Volume.read(SAMPLE)
            self.volume_node = self.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Thigh")
            self.volume_node.SetAndObserveImageData(to_image(image.array))
            self.volume_node.SetIJKToRASMatrix(to_matrix(image.ijk_to_ras))
        self.volume_node.CreateDefaultDisplayNodes()
        self.volume_node.GetDisplayNode().SetAutoWindowLevel(False)
        self.volume_node.GetDisplayNode().SetWindowLevel(350, 40)
        self.volume = volume_from_node(self.volume_node)
        self.truth = Volume.read(TRUTH).array > 0
        self._user = SimulatedUser(self.truth, self.volume.spacing_ijk)
        with self._timed("load the model and warm it up"):
            self.logic.prepare()
        self.logic.setVolumeNode(self.volume_node)
        self.segmentation = self.logic.makeSegmentationNode("Segmentation")
        self.editor.SetAndObserveSegmentationNode(self.segmentation)
        self.editor.SetAndObserveSourceVolumeNode(self.volume_node)
        self.segmentation.GetDisplayNode().SetOpacity2DFill(0.35)
        self.tumor = self._add_segment("Tumor", TUMOR_COLOR)
        if self._views is not None:
            self._views.show(self.volume_node)

    def click(self) -> None:
        """The next click of a user: the first in the middle of the tumor, then in the largest error."""
        point = self._user.next_click(self.mask())
        if point is None:
            return
        number = len(self.dices) + 1
        kind = "inside" if point.positive else "outside"
        ras = self.volume.index_to_ras(point.ijk).tolist()
        with self._timed(f"click {number}, {kind}"):
            answer = self.logic.segmentPoint(ras, point.positive, self.tumor)
        self.milliseconds[f"click {number}, of it writing"] = 1000 * answer.write_seconds
        self.dices.append(self.dice())
        self.states.append(self.mask())
        self._show_clicks(number)

    def undo_and_redo(self) -> None:
        """Back to the first click and forth again; the segment goes through the same masks."""
        position = self.volume.index_to_ras(self._user.clicks[0].ijk)
        shots = [(f"{CLICKS} clicks", self._shot("Yellow", position))]
        back = [(f"undo: {n} click{'s' * (n > 1)}", self.logic.undo, n) for n in range(CLICKS - 1, 0, -1)]
        forth = [(f"redo: {n} clicks", self.logic.redo, n) for n in range(2, CLICKS + 1)]
        for name, travel, clicks in back + forth:
            with self._timed(name):
                travel()
            _require(np.array_equal(self.mask(), self.states[clicks - 1]), f"wrong mask after {name}")
            self._show_clicks(clicks)
            shots.append((name, self._shot("Yellow", position)))
        self._save_row("tour-undo.png", shots, width=300)

    def lock_a_neighbor(self) -> dict[str, int]:
        """The same click beside a neighbor that was painted by hand, first unprotected, then locked.

        Returns:
            Voxels the neighbor lost: "unlocked" and "locked".
        """
        self.logic.reset(self.tumor)
        self._show_clicks(1)
        first = self._user.clicks[0]
        ras = self.volume.index_to_ras(first.ijk).tolist()
        neighbor = self._paint_neighbor(first.ijk)
        whole = int(self.mask(neighbor).sum())
        lost, shots = {}, []
        for name in ("unlocked", "locked"):
            self._lock(name == "locked")
            with self._timed(f"click with the neighbor {name}"):
                self.logic.segmentPoint(ras, True, self.tumor)
            lost[name] = whole - int(self.mask(neighbor).sum())
            _require(not (self.mask() & self.mask(neighbor)).any(), "the segments overlap")
            shots.append((f"Neighbor {name}: loses {lost[name]} of {whole} voxels", self._shot("Red", ras)))
            if name == "unlocked":
                self.logic.undo()
                _require(int(self.mask(neighbor).sum()) == whole, "undo did not give the voxels back")
        self._lock(False)
        self._save_row("tour-masking.png", shots)
        return lost

    def picture(self, name: str) -> None:
        """Slicer's four views as they are now; slices go through the middle of the tumor's first click."""
        if self._views is None:
            return
        # Surfaces are made for the picture only: while they are shown, each write has to make them anew.
        self.segmentation.CreateClosedSurfaceRepresentation()
        self._views.look_at(self.volume.index_to_ras(self._user.clicks[0].ijk))
        self._save(name, self._views.picture())
        self.segmentation.RemoveClosedSurfaceRepresentation()

    # --- What is there ------------------------------------------------------------------------------------

    def mask(self, segment: str | None = None) -> np.ndarray:
        """What a segment shows, the tumor if none is named: bool (K, J, I), read by Slicer's own means."""
        return shown(self.segmentation, segment or self.tumor, self.volume_node)

    def dice(self) -> float:
        """Dice coefficient of the tumor with its outline."""
        mask = self.mask()
        return 2 * int((mask & self.truth).sum()) / int(mask.sum() + self.truth.sum())

    # --- Own business -------------------------------------------------------------------------------------

    @contextmanager
    def _timed(self, name: str):
        started = time.perf_counter()
        yield
        self.milliseconds[name] = 1000 * (time.perf_counter() - started)

    def _add_marks(self, positive: bool):
        node = self.scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "inside" if positive else "outside")
        node.CreateDefaultDisplayNodes()
        display = node.GetDisplayNode()
        display.SetSelectedColor(*(INSIDE_COLOR if positive else OUTSIDE_COLOR))
        display.SetPointLabelsVisibility(False)
        display.SetGlyphScale(3.5)
        display.SetSliceProjection(True)
        display.SetVisibility3D(False)
        return node

    def _add_segment(self, name: str, color) -> str:
        segment = self.logic.addSegment(name)
        self.segmentation.GetSegmentation().GetSegment(segment).SetColor(*color)
        return segment

    def _paint_neighbor(self, middle_ijk) -> str:
        """A ball in front of the tumor that reaches a little into it, as a brush would leave it."""
        neighbor = self._add_segment("Muscle", NEIGHBOR_COLOR)
        i, j, _ = middle_ijk
        reach = np.flatnonzero(self.states[-1][middle_ijk[2], :, i])
        towards = 1 if self.volume.ijk_to_ras[1, 1] > 0 else -1
        edge = int(reach.max() if towards > 0 else reach.min())
        center = np.array([i - 8, edge + 2 * towards, middle_ijk[2]])
        position = self.volume.index_to_ras(center)
        k, j, i = np.indices(self.truth.shape, np.float32)
        there = self.volume.index_to_ras(np.stack([i, j, k], -1))
        ball = np.linalg.norm(there - position, axis=-1) < 16
        Painter(self.editor, self.undo).paint(neighbor, ball)
        self.logic.selectSegment(self.tumor)
        return neighbor

    def _lock(self, locked: bool) -> None:
        """Editable area and overwrite mode, as in the masking section of the Segment Editor."""
        node, editor = slicer.vtkMRMLSegmentationNode, self.editor
        editor.SetMaskMode(node.EditAllowedOutsideAllSegments if locked else node.EditAllowedEverywhere)
        editor.SetOverwriteMode(editor.OverwriteNone if locked else editor.OverwriteAllSegments)

    def _show_clicks(self, count: int) -> None:
        """Mark the first clicks."""
        for sign, marks in self._marks.items():
            marks.RemoveAllControlPoints()
            for click in self._user.clicks[:count]:
                if click.positive is sign:
                    marks.AddControlPoint(*self.volume.index_to_ras(click.ijk).tolist())

    def _shot(self, view: str, ras):
        """A slice view through a position; None without views."""
        if self._views is None:
            return None
        self._views.look_at(ras)
        return self._views.one(view)

    def _save_row(self, name: str, shots, width: int | None = None) -> None:
        if self._views is not None:
            from rendering import middle, side_by_side

            pictures = [picture if width is None else middle(picture, width) for _, picture in shots]
            self._save(name, side_by_side(pictures, [text for text, _ in shots]))

    def _save(self, name: str, picture) -> None:
        from rendering import save

        save(picture, self._output / name)


def masked_write_ms(shape_kji=(300, 512, 512), size: int = 96, repeats: int = 7) -> list[float]:
    """Milliseconds of writes of a ball beside a locked neighbor: editable area outside all segments.

    Args:
        shape_kji: voxels of the image.
        size: edge of the box that changes, in voxels.
        repeats: how often; every second write takes the ball away again.
    """
    scene = sceneToUse(slicer.vtkMRMLScene())
    volume_node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    volume_node.SetAndObserveImageData(to_image(np.zeros(shape_kji, np.int16)))
    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume_node)
    for segment in ("neighbor", "target"):
        segmentation.GetSegmentation().AddEmptySegment(segment)
    editor = scene.AddNode(slicer.vtkMRMLSegmentEditorNode())
    editor.SetAndObserveSegmentationNode(segmentation)
    editor.SetAndObserveSourceVolumeNode(volume_node)
    editor.SetOverwriteMode(editor.OverwriteNone)
    writer = SegmentWriter(editor, segmentation, volume_from_node(volume_node), volume_node)
    middle = np.array(shape_kji[::-1]) // 2
    ball = ball_mask((size // 2,) * 3, size // 2 - 1, (size,) * 3)
    writer.write("neighbor", _change(ball, middle, adds=True))
    editor.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedOutsideAllSegments)
    undo = LogicUndo(editor)
    taken = []
    for n in range(repeats):
        change = _change(ball, middle - size // 3, adds=n % 2 == 0)
        started = time.perf_counter()
        written = writer.write("target", change, save_state=undo.save_state)
        taken.append(1000 * (time.perf_counter() - started))
        _require(written is not None, "nothing was written")
    undo.close()
    return taken


def _change(ball: np.ndarray, lower_ijk: np.ndarray, adds: bool) -> Change:
    lower = tuple(int(index) for index in lower_ijk)
    upper = tuple(index + ball.shape[0] for index in lower)
    return Change(IndexBox(lower, upper), ball & adds, 0.0, 1.0, "", ball)


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise SystemExit(f"The tour went wrong: {otherwise}.")


def run(views=None, output: Path | None = None) -> Tour:
    """All steps in order; returns the tour, closed."""
    tour = Tour(views, output)
    try:
        tour.load()
        for n in range(CLICKS):
            tour.click()
            if n in (0, CLICKS - 1):
                tour.picture("tour-one-click.png" if n == 0 else "tour-corrected.png")
        tour.undo_and_redo()
        tour.lost = tour.lock_a_neighbor()
    finally:
        tour.close()
    return tour


def main() -> None:
    """Run the tour and say what happened."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--output", type=Path, default=ROOT / "docs" / "images", help="folder for the pictures"
    )
    parser.add_argument("--no-pictures", action="store_true", help="draw nothing; needs no OpenGL")
    options = parser.parse_args()
    views = None
    if not options.no_pictures:
        from rendering import FourViews as views  # noqa: N813 - it makes the views
    tour = run(views, options.output)
    for name, taken in tour.milliseconds.items():
        say(f"{name:42s}{taken:8.1f} ms")
    for number, dice in enumerate(tour.dices, start=1):
        say(f"Dice after click {number}: {dice:.3f}")
    say(f"A neighbor loses {tour.lost['unlocked']} voxels unlocked, {tour.lost['locked']} locked")
    taken = masked_write_ms()
    median = statistics.median(taken)
    text = f"median {median:.1f} ms, at most {max(taken):.1f} ms (budget {WRITE_BUDGET_MS} ms)"
    say(f"Masked write on 512 x 512 x 300: {text}")
    if not options.no_pictures:
        say(f"Pictures: {options.output}/tour-*.png")


if __name__ == "__main__":
    main()
