"""What can be wrong when the user clicks: always a message that says what to do, never a traceback."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from LightSegUI import Dependencies

import effect_bench
from effect_bench import FIRST, SECOND

bench, makeBench = effect_bench.bench, effect_bench.makeBench


@pytest.fixture
def status(bench, monkeypatch):
    """What the status bar was told."""
    shown = []
    monkeypatch.setattr(slicer.util, "showStatusMessage", lambda text, duration=0: shown.append(text))
    return shown


def test_a_click_outside_the_image_says_so(bench, status):
    bench.host.mouse.clickXY("Red", (2, 2))
    bench.settle()
    assert "outside the image" in bench.message()
    assert "outside the image" in status[-1]
    assert not bench.mask().any()


def test_the_status_bar_says_no_more_that_work_goes_on_when_it_is_done(bench, status):
    bench.click(FIRST)
    bench.settle()
    assert any(status)
    assert status[-1] == ""


def test_a_box_outside_the_image_says_so(bench, status):
    bench.useTool("box")
    mouse = bench.host.mouse
    mouse.press("Red", (1, 1))
    mouse.moveXY("Red", (12, 12))
    mouse.release("Red", (12, 12))
    assert "outside the image" in status[-1]
    assert not bench.logic.busy


def test_a_scribble_that_leaves_the_image_says_so(bench, status):
    bench.useTool("scribble")
    mouse = bench.host.mouse
    start = mouse.xyOf("Red", bench.ras(FIRST))
    mouse.press("Red", start)
    mouse.moveXY("Red", (1, 1))
    mouse.release("Red", (1, 1))
    assert "outside the image" in status[-1]
    bench.settle()
    assert not bench.mask().any()


def test_a_click_in_a_3d_view_says_where_to_click(bench, status):
    heard = []
    interactor = bench.host.app.layoutManager().threeDWidget(0).threeDView().interactor()
    interactor.AddObserver("LeftButtonPressEvent", lambda *event: heard.append(event))
    bench.host.mouse.clickXY("3D", (100, 100))
    assert "slice view" in status[-1]
    assert len(heard) == 1
    assert not bench.logic.busy


def test_turning_a_3d_view_says_nothing(bench, status):
    mouse = bench.host.mouse
    mouse.press("3D", (100, 100))
    mouse.moveXY("3D", (150, 120))
    mouse.release("3D", (150, 120))
    assert status == []


def test_missing_packages_are_named_and_the_module_is_offered(bench, status, monkeypatch):
    torch = Dependencies.Missing(Dependencies.Dependency("torch", "2.2"))
    monkeypatch.setattr(Dependencies, "missing", lambda: [torch])
    opened = []
    monkeypatch.setattr(slicer.util, "selectModule", opened.append)
    bench.click(FIRST)
    assert "torch" in status[-1]
    assert "LightSeg module" in bench.message()
    assert "<a href" in bench.message()
    slicer.util.findChild(bench.editor, "LightSegEffectMessage").linkActivated.emit("lightseg")
    assert opened == ["LightSeg"]
    monkeypatch.setattr(Dependencies, "missing", lambda: [])
    bench.click(FIRST)
    bench.settle()
    assert bench.has(FIRST)


def test_a_hidden_segment_is_asked_about_and_shown_on_yes(bench):
    import qt

    display = bench.segmentation.GetDisplayNode()
    display.SetSegmentVisibility("A", False)
    bench.host.dialogs.answer(qt.QMessageBox.Yes)
    bench.click(FIRST)
    bench.settle()
    assert display.GetSegmentVisibility("A")
    assert bench.has(FIRST)


def test_a_hidden_segment_is_left_alone_on_cancel(bench):
    import qt

    bench.segmentation.GetDisplayNode().SetSegmentVisibility("A", False)
    bench.host.dialogs.answer(qt.QMessageBox.Cancel)
    bench.click(FIRST)
    bench.settle()
    assert not bench.mask().any()


def test_a_drag_does_not_start_from_a_question(bench):
    import qt

    bench.segmentation.GetDisplayNode().SetSegmentVisibility("A", False)
    bench.host.dialogs.answer(qt.QMessageBox.Yes)
    bench.useTool("box")
    bench.drag([(2, 6, 12), (16, 20, 12)])
    assert not bench.logic.busy
    bench.drag([(2, 6, 12), (16, 20, 12)])
    bench.settle()
    assert bench.has(FIRST)


def test_in_testing_mode_nobody_is_asked(bench, status):
    bench.host.setTesting()
    bench.segmentation.GetDisplayNode().SetSegmentVisibility("A", False)
    bench.click(FIRST)
    bench.settle()
    assert "hidden" in status[-1]
    assert not bench.mask().any()


def test_several_segments_and_none_selected_says_so(bench, status):
    bench.node.SetSelectedSegmentID("")
    bench.activate()
    bench.click(FIRST)
    bench.settle()
    assert "No segment is selected" in status[-1]


def test_an_unusable_volume_says_why(bench, status):
    vector = bench.host.addVolume(
        np.zeros((6, 7, 8, 3), np.uint8), name="RGB", kind="vtkMRMLVectorVolumeNode"
    )
    bench.node.SetAndObserveSourceVolumeNode(vector)
    bench.activate()
    bench.host.mouse.clickXY("Red", (200, 200))
    bench.settle()
    assert "RGB" in status[-1]


def test_a_model_that_fails_says_so_and_the_next_click_works(bench, status, monkeypatch):
    answer = bench.model.predict

    def fail(image, guidance):
        raise ValueError("weights of the wrong kind")

    monkeypatch.setattr(bench.model, "predict", fail)
    bench.click(FIRST)
    bench.settle()
    assert "weights of the wrong kind" in status[-1]
    assert bench.strokes() == []
    monkeypatch.setattr(bench.model, "predict", answer)
    bench.click(FIRST)
    bench.settle()
    assert bench.has(FIRST)
    assert len(bench.strokes()) == 1


def test_an_answer_that_comes_after_the_effect_was_left_is_written_all_the_same(bench):
    bench.click(FIRST)
    bench.editor.setActiveEffect(None)
    bench.settle()
    assert bench.has(FIRST)
    bench.editor.undo()
    assert not bench.mask().any()
    assert bench.actors() == 0


def test_placing_markups_ends_the_effect_and_the_clicks_are_slicers(bench):
    interaction = bench.host.scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    interaction.SetCurrentInteractionMode(interaction.Place)
    assert bench.editor.activeEffect() is None
    bench.click(FIRST)
    assert not bench.logic.busy


def test_undo_while_the_answer_is_computed_drops_the_answer_and_says_so(bench):
    bench.click(FIRST)
    bench.settle()
    told = []
    bench.logic.failed.connect(told.append)
    bench.click(SECOND)
    bench.editor.undo()
    bench.settle()
    assert ["Undo" in str(error) for error in told] == [True]
    assert not bench.mask().any()
    assert bench.strokes() == []


@pytest.mark.parametrize("what", ["volume", "segmentation"])
def test_a_node_that_is_deleted_while_the_answer_is_computed_does_no_harm(bench, what):
    bench.click(FIRST)
    bench.host.scene.RemoveNode(getattr(bench, what))
    bench.settle()
    bench.host.mouse.clickXY("Red", (200, 200))
    bench.settle()


def test_a_segment_that_is_deleted_while_the_answer_is_computed_does_no_harm(bench):
    bench.click(FIRST)
    bench.segmentation.GetSegmentation().RemoveSegment("A")
    bench.settle()
    bench.node.SetSelectedSegmentID("B")
    bench.activate()
    bench.click(SECOND)
    bench.settle()
    assert bench.has(SECOND, "B")


def test_closing_the_scene_while_the_answer_is_computed_does_no_harm(bench):
    bench.click(FIRST)
    bench.host.scene.Clear()
    bench.settle()
    assert bench.editor.activeEffect() is None
    assert bench.actors() == 0


def test_another_volume_is_segmented_from_the_next_click_on(bench):
    bench.click(FIRST)
    bench.settle()
    inverse = np.where(slicer.util.arrayFromVolume(bench.volume) > 100, 40, 200).astype(np.int16)
    other = bench.host.addVolume(inverse, name="Other")
    bench.editor.setSourceVolumeNode(other)
    bench.activate()
    bench.host.pump()
    assert bench.strokes() == []
    bench.editor.setCurrentSegmentID("B")
    bench.click(SECOND)
    bench.settle()
    assert bench.logic.volumeNode is other
    assert bench.has(SECOND, "B")


def test_another_layout_gets_markers_too(bench):
    bench.click(FIRST)
    bench.settle()
    before = bench.actors()
    bench.host.app.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
    assert bench.actors() == before


def test_slicer_can_be_closed_during_the_work(bench):
    bench.click(FIRST)
    bench.host.app.aboutToQuit.emit()
    assert bench.logic.close()


def test_after_the_logic_was_closed_the_effect_takes_the_new_one(bench):
    bench.click(FIRST)
    bench.settle()
    bench.logic.close()
    from LightSegUI.SharedLogic import sharedLogic

    bench.click(SECOND)
    assert bench.controller._logic is sharedLogic()
    assert not sharedLogic().closed
    sharedLogic().cancel()
