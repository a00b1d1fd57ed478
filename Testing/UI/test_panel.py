"""The panel from opening the module to an accepted segment, as its user goes through it."""

from __future__ import annotations

from typing import Any

import pytest
import slicer

from panel_world import CENTRE, World

TOOL_NAMES = ("inside", "outside", "box", "scribble")
STATUS = slicer.vtkSlicerSegmentationsModuleLogic


@pytest.fixture
def world(host: Any) -> Any:
    """The module open, with an image in the slice views."""
    world = World(host)
    world.addBall()
    yield world.open()
    world.gate.set()


@pytest.fixture
def empty(host: Any) -> Any:
    """The module open in an empty scene."""
    world = World(host).open()
    yield world
    world.gate.set()


# --- Beginning --------------------------------------------------------------------------------------------


def test_the_image_in_the_slice_views_is_selected_and_the_tools_are_ready(world: World) -> None:
    assert world.ui.volumeSelector.currentNode().GetName() == "CT"
    assert all(world.panel.tools.buttons[name].isEnabled() for name in TOOL_NAMES)
    assert "Press Inside" in world.message


def test_opening_the_module_leaves_the_scene_without_a_segmentation(world: World) -> None:
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0
    assert world.loaded == [], "and no model is loaded"


def test_without_an_image_nothing_can_be_used_and_everything_says_how_to_begin(empty: World) -> None:
    buttons = [*empty.panel.tools.buttons.values(), empty.ui.acceptButton, empty.ui.newSegmentButton]
    for button in buttons:
        assert not button.isEnabled()
        assert len(button.toolTip) > 10
    assert "Sample Data" in empty.panel.tools.buttons["inside"].toolTip
    assert "Sample Data" in empty.message


def test_an_image_loaded_later_can_be_selected(empty: World) -> None:
    volume = empty.addBall()
    empty.ui.volumeSelector.setCurrentNode(volume)
    empty.host.pump()
    assert empty.logic.volumeNode is volume
    assert empty.panel.tools.buttons["inside"].isEnabled()


def test_the_first_image_that_is_loaded_while_the_module_is_open_is_selected(empty: World) -> None:
    volume = empty.addBall()
    empty.host.pump()
    assert empty.ui.volumeSelector.currentNode() is volume
    assert empty.panel.tools.buttons["inside"].isEnabled()


def test_an_image_that_is_loaded_beside_the_selected_one_leaves_the_choice_to_the_user(world: World) -> None:
    world.addBall("later")
    world.host.pump()
    assert world.ui.volumeSelector.currentNode().GetName() == "CT"


def test_a_scene_loaded_while_the_module_is_open_brings_its_choices(world: World, tmp_path: Any) -> None:
    world.segmentBall()
    scene = slicer.mrmlScene
    scene.SetURL(str(tmp_path / "scene.mrml"))
    scene.Commit()
    scene.Clear(0)
    scene.Import()
    world.host.pump()
    assert world.ui.volumeSelector.currentNode().GetName() == "CT"
    assert world.logic.volumeNode is world.ui.volumeSelector.currentNode()
    assert world.ui.segmentationSelector.currentNode() is world.segmentation is not None
    assert world.panel.editor.widget.segmentationNode() is world.segmentation


# --- One minute -------------------------------------------------------------------------------------------


def test_one_tool_and_one_click_make_a_mask(world: World) -> None:
    world.segmentBall()
    assert world.voxels() > 1000
    assert "Confidence" in world.message
    assert "Answered in" in world.message
    assert world.ui.segmentationSelector.currentNode() is world.segmentation
    assert world.widget._parameterNode.segmentation is world.segmentation


@pytest.mark.parametrize("name", TOOL_NAMES)
def test_a_tool_makes_the_effect_active_with_that_tool(world: World, name: str) -> None:
    world.press(name)
    assert world.editorNode.GetActiveEffectName() == "LightSeg"
    assert world.editorNode.GetAttribute("LightSeg.Tool") == name
    assert world.panel.tools.state.tool == name
    assert world.logic.settings.tool == name


def test_the_model_is_loaded_while_the_user_aims_for_the_first_click(world: World) -> None:
    world.press("inside")
    world.settle()
    assert world.loaded == [(world.logic.modelName, "auto")]
    world.press("box")
    world.click()
    assert len(world.loaded) == 1


def test_pressing_the_tool_again_leaves_the_effect(world: World) -> None:
    world.press("inside")
    world.press("inside")
    assert not world.editorNode.GetActiveEffectName()
    assert world.panel.tools.state.tool == ""
    assert "Press Inside" in world.message


def test_another_effect_switches_the_tool_off_in_the_panel_too(world: World) -> None:
    world.press("inside")
    world.editorNode.SetActiveEffectName("")
    world.host.pump()
    assert not world.panel.tools.buttons["inside"].isChecked()


def test_the_effects_own_options_stay_hidden_in_the_panel(world: World) -> None:
    world.press("inside")
    for box in slicer.util.findChildren(world.ui.lightSegEditor, name="OptionsGroupBox"):
        assert not box.isVisible()


def test_a_click_outside_corrects_the_mask(world: World) -> None:
    world.segmentBall()
    world.press("outside")
    before = world.voxels()
    world.click((24, 31, 24))
    assert world.voxels() < before


def test_a_second_click_while_the_first_is_answered_is_answered_too(world: World) -> None:
    world.press("inside")
    world.gate.clear()
    answers: list[Any] = []
    world.logic.answered.connect(answers.append)
    for ijk in (CENTRE, (26, 24, 24)):
        world.host.mouse.click("Red", world.host.worldOf(world.logic.volumeNode, ijk))
    world.gate.set()
    world.settle()
    assert len(answers) == 2


# --- Accepting, the next segment, undo --------------------------------------------------------------------


def test_accepting_marks_the_segment_as_completed_and_keeps_it_from_prompts(world: World) -> None:
    world.segmentBall()
    world.ui.acceptButton.click()
    world.host.pump()
    assert STATUS.GetSegmentStatus(world.panel.editor.segment) == STATUS.Completed
    assert "accepted" in world.panel.tools.buttons["inside"].toolTip
    assert not world.panel.tools.buttons["inside"].isEnabled()
    assert "accepted" in world.message


def test_an_accepted_segment_can_be_edited_again(world: World) -> None:
    world.segmentBall()
    world.ui.acceptButton.click()
    world.host.pump()
    assert "Edit again" in world.ui.acceptButton.text
    world.ui.acceptButton.click()
    world.host.pump()
    assert STATUS.GetSegmentStatus(world.panel.editor.segment) == STATUS.InProgress
    assert "Accept" in world.ui.acceptButton.text
    assert world.panel.tools.buttons["inside"].isEnabled()


def test_a_new_segment_is_selected_and_the_old_one_stays(world: World) -> None:
    world.segmentBall()
    first, count = world.panel.editor.segmentId, world.voxels()
    world.ui.newSegmentButton.click()
    world.host.pump()
    assert world.panel.editor.segmentId != first
    assert world.segmentation.GetSegmentation().GetNumberOfSegments() == 2
    assert world.voxels(first) == count
    assert not world.ui.acceptButton.isEnabled()


def test_a_new_segment_takes_nothing_of_the_one_before(world: World) -> None:
    world.segmentBall()
    first, count = world.panel.editor.segmentId, world.voxels()
    world.ui.newSegmentButton.click()
    world.host.pump()
    assert "accepted" in world.message
    world.click()
    assert world.voxels(first) == count
    segments = world.segmentation.GetSegmentation()
    assert STATUS.GetSegmentStatus(segments.GetSegment(first)) == STATUS.Completed


def test_a_new_segment_after_an_empty_one_accepts_nothing(world: World) -> None:
    world.press("inside")
    first = world.panel.editor.segmentId
    world.ui.newSegmentButton.click()
    world.host.pump()
    segments = world.segmentation.GetSegmentation()
    assert STATUS.GetSegmentStatus(segments.GetSegment(first)) == STATUS.NotStarted


def test_undo_and_redo_of_the_editor_take_one_answer_back_and_bring_it_again(world: World) -> None:
    world.segmentBall()
    count = world.voxels()
    editor = world.ui.lightSegEditor
    undo, redo = (slicer.util.findChild(editor, name) for name in ("UndoButton", "RedoButton"))
    undo.click()
    world.host.pump()
    assert world.voxels() == 0
    redo.click()
    world.host.pump()
    assert world.voxels() == count


def test_the_panel_and_its_effect_share_one_history(world: World) -> None:
    world.segmentBall()
    session = world.logic._session
    world.ui.acceptButton.click()
    world.ui.acceptButton.click()
    world.click((26, 24, 24))
    assert world.logic._session is session, "prompts are kept"


def test_work_goes_on_in_a_segmentation_that_was_there_before(host: Any) -> None:
    world = World(host)
    volume = world.addBall()
    segmentation = host.addSegmentation(volume, "Liver")
    world.open()
    world.ui.segmentationSelector.setCurrentNode(segmentation)
    host.pump()
    world.segmentBall()
    assert world.segmentation is segmentation
    assert world.panel.editor.segmentId == "Liver"
    assert world.voxels("Liver") > 1000


# --- Suggestion -------------------------------------------------------------------------------------------


def test_before_the_first_answer_no_click_can_be_suggested(world: World) -> None:
    world.press("inside")
    assert not world.panel.tools.buttons["suggest"].isEnabled()
    assert "first" in world.panel.tools.buttons["suggest"].toolTip


def test_a_suggestion_moves_the_slice_views_and_puts_the_crosshair_there_until_the_next_answer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    crosshair = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
    if crosshair is None:
        crosshair = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLCrosshairNode")
    before = crosshair.GetCrosshairMode()
    world.segmentBall()
    ras = world.host.worldOf(world.logic.volumeNode, (20, 22, 30))
    world.logic.suggested.emit(ras)
    assert crosshair.GetCrosshairRAS() == pytest.approx(ras)
    assert crosshair.GetCrosshairMode() == slicer.vtkMRMLCrosshairNode.ShowSmallBasic
    red = slicer.app.layoutManager().sliceWidget("Red").mrmlSliceNode()
    assert red.GetSliceToRAS().GetElement(2, 3) == pytest.approx(ras[2])
    assert "crosshair" in world.message
    world.click((26, 24, 24))
    assert crosshair.GetCrosshairMode() == before


def test_pressing_suggest_asks_the_model(world: World) -> None:
    told: list[Any] = []
    world.segmentBall()
    world.logic.suggested.connect(told.append)
    world.press("suggest")
    world.settle()
    assert len(told) == 1


def test_where_nothing_is_to_be_suggested_the_panel_says_so(world: World) -> None:
    world.segmentBall()
    world.logic.suggested.emit(None)
    assert "No place stands out" in world.message


# --- Leaving and coming back ------------------------------------------------------------------------------


def test_leaving_the_module_leaves_the_effect_and_coming_back_finds_the_rest(world: World) -> None:
    world.segmentBall()
    count = world.voxels()
    world.host.leave()
    assert not world.editorNode.GetActiveEffectName()
    world.host.open("LightSeg")
    assert world.ui.volumeSelector.currentNode() is world.logic.volumeNode
    assert world.voxels() == count
    world.press("inside")
    world.click((26, 24, 24))
    assert world.voxels() > 0


def test_an_answer_that_comes_after_leaving_is_written_all_the_same(world: World) -> None:
    world.press("inside")
    world.gate.clear()
    world.host.mouse.click("Red", world.host.worldOf(world.logic.volumeNode, CENTRE))
    world.host.leave()
    world.gate.set()
    world.settle()
    assert world.voxels() > 1000


def test_after_closing_the_scene_the_panel_begins_anew(world: World) -> None:
    world.segmentBall()
    slicer.mrmlScene.Clear()
    world.host.pump()
    assert world.ui.volumeSelector.currentNode() is None
    assert not world.panel.tools.buttons["inside"].isEnabled()
    world.ui.volumeSelector.setCurrentNode(world.addBall("second"))
    world.host.pump()
    world.segmentBall()
    assert world.voxels() > 1000


def test_closing_the_scene_during_a_run_loses_the_run_and_nothing_else(world: World) -> None:
    world.press("inside")
    world.gate.clear()
    world.host.mouse.click("Red", world.host.worldOf(world.logic.volumeNode, CENTRE))
    slicer.mrmlScene.Clear()
    world.gate.set()
    world.settle()
    assert world.logic.segmentationNode is None


def test_a_module_that_is_reloaded_works_at_once(world: World) -> None:
    world.segmentBall()
    world.widget = world.host.reload("LightSeg")
    assert world.panel.shortcuts.installed
    assert world.panel.tools.buttons["inside"].isEnabled()
    assert world.voxels() > 1000


def test_quitting_slicer_during_a_run_ends_the_thread(world: World) -> None:
    world.press("inside")
    world.gate.clear()
    world.host.mouse.click("Red", world.host.worldOf(world.logic.volumeNode, CENTRE))
    logic = world.logic
    world.gate.set()
    world.host.app.aboutToQuit.emit()
    assert logic.closed
