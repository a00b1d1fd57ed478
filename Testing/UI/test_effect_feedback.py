"""What the user sees: markers, the mouse pointer, messages, the options."""

from __future__ import annotations

import pytest
import qt
import slicer
from LightSegUI.EffectMarkers import GREEN, RED

import effect_bench
from effect_bench import BETWEEN, FIRST, SECOND

bench, makeBench = effect_bench.bench, effect_bench.makeBench

PLUS, MINUS = (1, GREEN), (-1, RED)


def test_markers_show_the_prompts_of_the_segment_once_they_are_answered(bench):
    bench.click(FIRST)
    bench.settle()
    bench.click(BETWEEN, "Ctrl")
    bench.settle()
    assert bench.strokes() == [PLUS, MINUS]


def test_markers_follow_undo_and_redo(bench):
    for ijk, modifiers in ((FIRST, ()), (SECOND, ()), (SECOND, ("Ctrl",))):
        bench.click(ijk, *modifiers)
        bench.settle()
    seen = [bench.strokes()]
    for step in (bench.editor.undo, bench.editor.undo, bench.editor.redo, bench.editor.redo):
        step()
        bench.host.pump()
        seen.append(bench.strokes())
    assert seen[:3] == [[PLUS, PLUS, MINUS], [PLUS, PLUS], [PLUS]]
    assert seen[3:] == [[PLUS, PLUS], [PLUS, PLUS, MINUS]]


def test_markers_belong_to_the_selected_segment(bench):
    bench.click(FIRST)
    bench.settle()
    bench.editor.setCurrentSegmentID("B")
    bench.host.pump()
    assert bench.strokes() == []
    bench.editor.setCurrentSegmentID("A")
    bench.host.pump()
    assert bench.strokes() == [PLUS]


def test_a_segment_painted_by_hand_has_no_markers_until_that_is_undone(bench):
    bench.click(FIRST)
    bench.settle()
    modifier = bench.effect.defaultModifierLabelmap()
    modifier.GetPointData().GetScalars().Fill(1)
    bench.effect.saveStateForUndo()
    logic = bench.editor._d.logic
    logic.ModifySegmentByLabelmap(bench.segmentation, "A", modifier, logic.ModificationModeAdd, True, False)
    bench.host.pump()
    assert bench.strokes() == []
    bench.editor.undo()
    bench.host.pump()
    assert bench.strokes() == [PLUS]


def test_markers_come_back_when_the_effect_is_chosen_again(bench):
    bench.click(FIRST)
    bench.settle()
    before = bench.actors()
    bench.editor.setActiveEffect(None)
    assert bench.actors() == 0
    bench.activate()
    bench.host.pump()
    assert bench.strokes() == [PLUS]
    assert bench.actors() == before > 0


def test_all_slice_views_have_markers_and_none_after_the_effect(bench):
    bench.click(FIRST)
    bench.settle()
    assert all(bench.actors(view) for view in ("Red", "Green", "Yellow"))
    bench.editor.setActiveEffect(None)
    assert not any(bench.actors(view) for view in ("Red", "Green", "Yellow"))


def test_a_marker_is_drawn_at_its_place_and_fades_with_the_distance_of_the_slice(bench):
    bench.click(FIRST)
    bench.settle()
    view = bench.host.app.layoutManager().sliceWidget("Red")
    node = view.mrmlSliceNode()
    xy = bench.host.mouse.xyOf("Red", bench.ras(FIRST))
    overlay, _view = bench.controller._views._overlays[node.GetID()]
    data = overlay._layers[1]._data

    def opacity():
        return data.GetPointData().GetScalars().GetTuple4(0)[3] if data.GetNumberOfPoints() else 0

    left, right, low, high, *_ = data.GetBounds()
    assert ((left + right) / 2, (low + high) / 2) == pytest.approx(xy, abs=1)
    seen = [opacity()]
    for distance in (3, 6, 20):
        node.SetSliceOffset(bench.ras(FIRST)[2] + distance)
        seen.append(opacity())
    assert seen[0] == pytest.approx(255, abs=10)
    assert seen == sorted(seen, reverse=True)
    assert seen[-1] == 0


def test_markers_stay_in_place_when_the_view_zooms(bench):
    bench.click(FIRST)
    bench.settle()
    node = bench.host.app.layoutManager().sliceWidget("Red").mrmlSliceNode()
    x, y, z = node.GetFieldOfView()
    node.SetFieldOfView(x / 2, y / 2, z)
    xy = bench.host.mouse.xyOf("Red", bench.ras(FIRST))
    left, right, low, high, *_ = (
        bench.controller._views._overlays[node.GetID()][0]._layers[1]._data.GetBounds()
    )
    assert ((left + right) / 2, (low + high) / 2) == pytest.approx(xy, abs=1)


# --- Mouse pointer ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tool", ["inside", "outside", "box", "scribble"])
def test_the_pointer_shows_the_tool(bench, tool):
    bench.useTool(tool)
    assert bench.cursorKey() == (tool, tool == "outside", False)


def test_the_pointer_shows_that_ctrl_is_held(bench):
    bench.host.mouse.move("Red", bench.ras(FIRST))
    assert bench.cursorKey() == ("inside", False, False)
    bench.host.mouse.move("Red", bench.ras(FIRST), ["Ctrl"])
    assert bench.cursorKey("Green") == ("inside", True, False)
    bench.host.mouse.move("Red", bench.ras(FIRST))
    assert bench.cursorKey() == ("inside", False, False)


def test_the_pointer_follows_the_ctrl_key_without_a_move(bench):
    interactor = bench.host.app.layoutManager().sliceWidget("Red").sliceView().interactor()
    interactor.SetKeySym("Control_L")
    interactor.InvokeEvent("KeyPressEvent")
    assert bench.cursorKey() == ("inside", True, False)
    interactor.InvokeEvent("KeyReleaseEvent")
    assert bench.cursorKey() == ("inside", False, False)


def test_the_pointer_and_the_options_show_that_work_is_going_on(bench):
    bench.click(FIRST)
    assert bench.cursorKey() == ("inside", False, True)
    cancel = slicer.util.findChild(bench.editor, "LightSegCancelButton")
    assert cancel.enabled
    bench.settle()
    assert bench.cursorKey() == ("inside", False, False)
    assert not cancel.enabled


def test_each_pointer_looks_different(bench):
    cursors = bench.controller._cursors
    keys = [
        (tool, negative, busy)
        for tool in ("inside", "box", "scribble")
        for negative in (False, True)
        for busy in (False, True)
    ]
    pictures = [cursors.cursor(*key).pixmap().toImage() for key in keys if key[:2] != ("box", True)]
    assert all(one != other for n, one in enumerate(pictures) for other in pictures[:n])


# --- Options ------------------------------------------------------------------------------------------------


def test_the_options_tell_time_and_confidence_of_the_last_answer(bench):
    bench.click(FIRST)
    bench.settle()
    assert "Confidence" in bench.message()
    assert "Answered in" in bench.message()


def test_the_options_name_the_model_and_lead_to_the_module(bench, monkeypatch):
    opened = []
    monkeypatch.setattr(slicer.util, "selectModule", opened.append)
    assert bench.logic.modelCard.id in slicer.util.findChild(bench.editor, "LightSegEffectModel").text
    slicer.util.findChild(bench.editor, "LightSegModuleButton").click()
    assert opened == ["LightSeg"]


def test_a_tools_button_switches_the_tool_and_the_other_way_round(bench):
    slicer.util.findChild(bench.editor, "LightSegBoxButton").click()
    assert bench.effect.parameter("Tool") == "box"
    bench.useTool("scribble")
    assert slicer.util.findChild(bench.editor, "LightSegScribbleButton").checked
    assert not slicer.util.findChild(bench.editor, "LightSegBoxButton").checked


def test_pressing_the_button_of_the_tool_in_use_ends_the_effect(bench):
    slicer.util.findChild(bench.editor, "LightSegInsideButton").click()
    assert bench.editor.activeEffect() is None


def test_in_the_panel_of_lightseg_the_options_are_hidden(bench):
    assert not slicer.util.findChild(bench.editor, "LightSegEffectOptions").isHidden()
    node = slicer.vtkMRMLSegmentEditorNode()
    node.SetSingletonTag("LightSeg")
    editor = slicer.qMRMLSegmentEditorWidget()
    editor.setMRMLScene(bench.host.scene)
    editor.setMRMLSegmentEditorNode(bench.host.scene.AddNode(node))
    editor.setSegmentationNode(bench.segmentation)
    editor.setSourceVolumeNode(bench.volume)
    bench.editor.setActiveEffect(None)
    editor.setActiveEffectByName("LightSeg")
    assert slicer.util.findChild(editor, "LightSegEffectOptions").isHidden()
    editor.setActiveEffect(None)
    editor.setMRMLSegmentEditorNode(None)


def test_suggest_shows_where_to_click_next(bench):
    crosshair = bench.host.scene.AddNewNodeByClass("vtkMRMLCrosshairNode")
    usual = crosshair.GetCrosshairMode()
    bench.click(FIRST)
    bench.settle()
    slicer.util.findChild(bench.editor, "LightSegSuggestButton").click()
    bench.settle()
    assert crosshair.GetCrosshairMode() != usual
    assert "crosshair" in bench.message()
    bench.click(SECOND)
    assert crosshair.GetCrosshairMode() == usual


def test_a_suggestion_that_the_panel_asked_for_is_not_the_effects_business(bench):
    bench.click(FIRST)
    bench.settle()
    before = bench.message()
    bench.logic.suggested.emit((0.0, 0.0, 0.0))
    assert bench.message() == before


def test_cancel_stops_the_work_and_leaves_the_segment(bench):
    bench.click(FIRST)
    slicer.util.findChild(bench.editor, "LightSegCancelButton").click()
    bench.settle()
    assert not bench.mask().any()
    bench.click(FIRST)
    bench.settle()
    assert bench.has(FIRST)
    assert bench.strokes() == [PLUS]


def test_text_for_a_model_without_text_cannot_be_typed_and_the_reason_is_given(bench):
    line = slicer.util.findChild(bench.editor, "LightSegTextLine")
    assert not line.enabled
    assert "does not understand names" in line.toolTip


def test_the_help_says_how_deep_a_box_is(bench):
    assert "shorter side" in bench.effect.helpText().replace("\n", " ")


def test_the_options_fit_a_narrow_panel(bench):
    bench.editor.show()
    bench.host.pump()
    options = slicer.util.findChild(bench.editor, "LightSegEffectOptions")
    assert isinstance(options, qt.QWidget)
    assert options.minimumSizeHint.width() < 420


def test_an_answer_finds_its_room_ready_so_that_nothing_jumps(bench):
    label = slicer.util.findChild(bench.editor, "LightSegEffectMessage")
    assert label.minimumHeight >= 2 * qt.QFontMetrics(label.property("font")).lineSpacing()
    before = label.height
    bench.click(FIRST)
    bench.settle()
    assert "Confidence" in bench.message()
    assert label.height == before
