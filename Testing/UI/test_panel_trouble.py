"""What can go wrong with the panel open: a message that says what to do, and nothing is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer

from panel_world import CENTRE, World

ROOT = Path(__file__).resolve().parents[2]
LABEL_MAP = "vtkMRMLLabelMapVolumeNode"


@pytest.fixture
def world(host: Any) -> Any:
    """The module open, with an image in the slice views."""
    world = World(host)
    world.addBall()
    yield world.open()
    world.gate.set()


OPEN_AND_LIST = """
import sys, tempfile
from pathlib import Path

sys.path[:0] = {folders!r}
from host import install

app = install.enter()
from host.driver import Host

host = Host(app, Path(tempfile.mkdtemp()))
host.load("LightSeg")
host.start()
host.addVolume()
host.open("LightSeg")
host.pump()
print("loaded:", *sorted({heavy!r} & set(sys.modules)))
host.close()
"""


def test_opening_the_module_imports_no_heavy_package() -> None:
    folders = [str(ROOT / name) for name in ("Testing/UI", "LightSeg", ".")]
    heavy = {"torch", "scipy", "SimpleITK", "monai", "transformers", "safetensors", "psutil", "rich"}
    script = OPEN_AND_LIST.format(folders=folders, heavy=heavy)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].split() == ["loaded:"]


def begin(world: World, ijk: Any = CENTRE) -> None:
    """A click that is not answered yet."""
    world.press("inside")
    world.gate.clear()
    world.host.mouse.click("Red", world.host.worldOf(world.logic.volumeNode, ijk))
    world.host.pump()


# --- Running and cancelling -------------------------------------------------------------------------------


def test_while_the_answer_is_computed_it_can_be_cancelled_and_a_bar_shows(
    world: World,
) -> None:
    begin(world)
    assert world.panel.tools.buttons["cancel"].isEnabled()
    assert world.host.pump(lambda: world.ui.statusStack.currentWidget() == world.ui.progressPage, 5)
    world.gate.set()
    world.settle()
    assert world.ui.statusStack.currentWidget() == world.ui.messagePage
    assert not world.panel.tools.buttons["cancel"].isEnabled()
    assert "Nothing is running" in world.panel.tools.buttons["cancel"].toolTip


def test_an_answer_that_is_there_at_once_shows_no_bar(world: World) -> None:
    world.segmentBall()
    world.press("inside")
    shown: list[int] = []
    world.ui.statusStack.currentChanged.connect(shown.append)
    world.panel.onBusy(True)
    world.panel.onBusy(False)
    assert shown == []


def test_cancelling_leaves_the_segment_as_it_was(world: World) -> None:
    world.segmentBall()
    count = world.voxels()
    world.press("outside")
    world.gate.clear()
    world.host.mouse.click("Red", world.host.worldOf(world.logic.volumeNode, (24, 31, 24)))
    world.host.pump()
    world.press("cancel")
    world.gate.set()
    world.settle()
    assert world.voxels() == count
    assert not world.panel.status.error


def test_work_that_has_only_begun_shows_a_moving_bar_instead_of_zero_percent(world: World) -> None:
    world.logic.progressed.emit(0.0, "Loading the model")
    assert world.ui.progressBar.maximum == 0
    assert not world.ui.progressBar.isTextVisible()


def test_undo_takes_the_confidence_of_the_answer_away(world: World) -> None:
    world.segmentBall()
    assert "Confidence" in world.message
    world.panel.editor.widget.undo()
    world.host.pump()
    assert "Confidence" not in world.message


def test_another_image_takes_the_confidence_of_the_answer_away(world: World) -> None:
    world.segmentBall()
    world.ui.volumeSelector.setCurrentNode(world.addBall("other"))
    world.host.pump()
    assert "Confidence" not in world.message


def test_an_answer_for_another_segment_says_nothing_about_the_selected_one(world: World) -> None:
    world.press("inside")
    world.gate.clear()
    world.host.mouse.click("Red", world.host.worldOf(world.logic.volumeNode, CENTRE))
    world.host.pump()
    world.panel.onNewSegment()
    world.gate.set()
    world.settle()
    assert "Confidence" not in world.message


def test_progress_is_shown_with_what_is_being_done(world: World) -> None:
    world.logic.progressed.emit(0.4, "Loading the model")
    assert world.ui.progressBar.value == 40
    assert world.ui.progressLabel.text == "Loading the model"


# --- Bad input --------------------------------------------------------------------------------------------


def test_a_click_outside_the_image_says_so_in_the_panel_and_asks_nothing(world: World) -> None:
    world.press("inside")
    world.logic.segmentPoint((500.0, 0.0, 0.0), wait=False)
    world.settle()
    assert "outside the image" in world.message
    assert world.ui.messageIcon.isVisible()
    assert world.panel.lastError is world.panel.status.error
    assert world.host.dialogs.shown == []


def test_the_next_answer_takes_the_place_of_an_error(world: World) -> None:
    world.press("inside")
    world.logic.segmentPoint((500.0, 0.0, 0.0), wait=False)
    world.settle()
    world.click()
    assert "Confidence" in world.message
    assert world.panel.status.error is None
    assert not world.ui.messageIcon.isVisible()


def test_a_label_map_is_refused_with_advice(world: World) -> None:
    labels = world.host.addVolume(np.ones((8, 8, 8), np.uint8), name="Labels", kind=LABEL_MAP)
    world.widget._parameterNode.volume = labels
    world.host.pump()
    assert not world.panel.tools.buttons["inside"].isEnabled()
    assert world.message
    assert world.panel.tools.buttons["inside"].toolTip
    assert world.panel.status.error is not None


def test_the_selector_offers_scalar_volumes_only(world: World) -> None:
    world.host.addVolume(np.ones((8, 8, 8), np.uint8), name="Labels", kind=LABEL_MAP)
    assert world.ui.volumeSelector.nodeCount() == 1


def test_a_hidden_segment_takes_no_clicks_until_it_is_shown(world: World) -> None:
    world.segmentBall()
    display = world.segmentation.GetDisplayNode()
    display.SetSegmentVisibility(world.panel.editor.segmentId, False)
    world.panel.refresh()
    assert "hidden" in world.panel.tools.buttons["inside"].toolTip
    assert "hidden" in world.message
    display.SetSegmentVisibility(world.panel.editor.segmentId, True)
    world.panel.refresh()
    assert world.panel.tools.buttons["inside"].isEnabled()


def test_hiding_a_segment_in_the_table_is_noticed(world: World) -> None:
    world.segmentBall()
    world.segmentation.GetDisplayNode().SetSegmentVisibility(world.panel.editor.segmentId, False)
    world.host.pump()
    assert "hidden" in world.message


def test_without_the_effect_a_tool_says_that_it_cannot_be_used(world: World, monkeypatch: Any) -> None:
    monkeypatch.setattr(world.panel.editor, "setTool", lambda name: not name)
    world.press("inside")
    assert "Restart Slicer" in world.message


# --- Nodes that go ----------------------------------------------------------------------------------------


def test_removing_the_image_switches_the_tools_off(world: World) -> None:
    world.segmentBall()
    slicer.mrmlScene.RemoveNode(world.logic.volumeNode)
    world.host.pump()
    assert world.ui.volumeSelector.currentNode() is None
    assert not world.panel.tools.buttons["inside"].isEnabled()
    assert world.segmentation is not None, "the masks stay"


def test_after_removing_the_segmentation_during_a_run_the_next_click_begins_anew(
    world: World,
) -> None:
    begin(world)
    slicer.mrmlScene.RemoveNode(world.segmentation)
    world.gate.set()
    world.settle()
    assert world.panel.tools.state.tool == ""
    world.segmentBall()
    assert world.voxels() > 1000


def test_removing_the_selected_segment_during_a_run_is_survived(world: World) -> None:
    begin(world)
    world.segmentation.GetSegmentation().RemoveSegment(world.panel.editor.segmentId)
    world.gate.set()
    world.settle()
    if not world.panel.tools.state.tool:
        world.press("inside")
    world.click()
    assert world.voxels() > 1000


def test_after_another_image_is_selected_the_segmentation_stays_the_users_choice(world: World) -> None:
    begin(world)
    first = world.segmentation
    world.ui.volumeSelector.setCurrentNode(world.addBall("other"))
    world.gate.set()
    world.settle()
    assert world.logic.volumeNode.GetName() == "other"
    assert world.segmentation is first, "the user decides where the masks go"
