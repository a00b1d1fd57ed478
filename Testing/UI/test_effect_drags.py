"""Boxes and scribbles: drawn with the left button held, seen while they grow, given up with the right."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from LightSegUI.EffectMarkers import GREEN, RED, YELLOW

import effect_bench
from effect_bench import FIRST, SECOND

bench, makeBench = effect_bench.bench, effect_bench.makeBench

AROUND_FIRST = [(2, 6, 12), (16, 20, 12)]


def drawing(bench):
    return bench.controller._views._drawn[1]


def test_a_box_around_a_structure_segments_it(bench):
    bench.useTool("box")
    bench.drag(AROUND_FIRST)
    bench.settle()
    assert bench.has(FIRST)
    assert not bench.has(SECOND)


def test_the_box_is_as_deep_as_its_shorter_side(bench, monkeypatch):
    seen = []
    monkeypatch.setattr(bench.logic, "segmentBox", lambda *corners, **options: seen.append(corners))
    bench.useTool("box")
    bench.drag([(4, 10, 12), (14, 16, 12)])
    lower, upper = (np.array(corner) for corner in seen[0])
    assert np.abs(upper - lower).round().tolist() == pytest.approx([10, 6, 6], abs=1)
    assert ((lower + upper) / 2)[2] == pytest.approx(bench.ras(FIRST)[2], abs=0.5)


def test_a_box_ends_where_the_image_ends(bench, monkeypatch):
    seen = []
    monkeypatch.setattr(bench.logic, "segmentBox", lambda *corners, **options: seen.append(corners))
    bench.useTool("box")
    bench.drag([(2, 2, 2), (30, 26, 2)])
    inside = np.array([bench.ras((0, 0, 0)), bench.ras((31, 27, 23))])
    for corner in seen[0]:
        assert (corner >= inside.min(0)).all()
        assert (corner <= inside.max(0)).all()


def test_a_dab_with_the_box_tool_says_what_to_do_instead(bench):
    bench.useTool("box")
    bench.click(FIRST)
    assert not bench.logic.busy
    assert "Drag a box" in bench.message()


def test_with_ctrl_the_box_tool_clicks_outside(bench):
    bench.click(FIRST)
    bench.settle()
    bench.useTool("box")
    bench.click(FIRST, "Ctrl")
    bench.settle()
    assert not bench.has(FIRST)


def test_a_scribble_inside_fills_the_structure(bench):
    bench.useTool("scribble")
    bench.drag([(7, 13, 12), (9, 13, 12), (9, 15, 12)])
    bench.settle()
    assert bench.has(FIRST)


def test_a_scribble_with_ctrl_takes_away(bench):
    bench.click(FIRST)
    bench.settle()
    bench.useTool("scribble")
    bench.drag([(7, 13, 12), (11, 13, 12)], "Ctrl")
    bench.settle()
    assert not bench.has(FIRST)


def test_a_scribble_that_went_nowhere_counts_as_a_click(bench):
    bench.useTool("scribble")
    bench.click(FIRST)
    bench.settle()
    assert bench.has(FIRST)


@pytest.mark.parametrize(("tool", "modifiers", "color"), [("box", (), YELLOW), ("scribble", ("Ctrl",), RED)])
def test_what_is_drawn_is_seen_while_it_grows(bench, tool, modifiers, color):
    bench.useTool(tool)
    mouse = bench.host.mouse
    start, end = (mouse.xyOf("Red", bench.ras(ijk)) for ijk in AROUND_FIRST)
    mouse.press("Red", start, modifiers)
    assert not drawing(bench)
    mouse.moveXY("Red", end, modifiers)
    assert [stroke.color for stroke in drawing(bench)] == [color]
    mouse.release("Red", end, modifiers)
    assert not drawing(bench)


def test_the_right_button_gives_up_a_drag_and_both_its_events_are_consumed(bench):
    heard = []
    interactor = bench.host.app.layoutManager().sliceWidget("Red").sliceView().interactor()
    for event in ("RightButtonPressEvent", "RightButtonReleaseEvent", "LeftButtonReleaseEvent"):
        interactor.AddObserver(event, lambda caller, name: heard.append(name))
    bench.useTool("box")
    mouse = bench.host.mouse
    start, end = (mouse.xyOf("Red", bench.ras(ijk)) for ijk in AROUND_FIRST)
    mouse.press("Red", start)
    mouse.moveXY("Red", end)
    mouse.press("Red", end, (), "Right")
    mouse.release("Red", end, (), "Right")
    mouse.release("Red", end)
    assert heard == []
    assert not drawing(bench)
    assert not bench.logic.busy


def test_scrolling_to_another_slice_gives_up_a_drag(bench):
    bench.useTool("box")
    mouse = bench.host.mouse
    start, end = (mouse.xyOf("Red", bench.ras(ijk)) for ijk in AROUND_FIRST)
    mouse.press("Red", start)
    mouse.moveXY("Red", end)
    view = bench.host.app.layoutManager().sliceWidget("Red")
    view.mrmlSliceNode().SetSliceOffset(view.mrmlSliceNode().GetSliceOffset() + 2)
    assert not drawing(bench)
    mouse.release("Red", end)
    assert not bench.logic.busy


def test_zooming_does_not_disturb_a_drag(bench):
    bench.useTool("box")
    mouse = bench.host.mouse
    start, _ = (mouse.xyOf("Red", bench.ras(ijk)) for ijk in AROUND_FIRST)
    mouse.press("Red", start)
    node = bench.host.app.layoutManager().sliceWidget("Red").mrmlSliceNode()
    x, y, z = node.GetFieldOfView()
    node.SetFieldOfView(x * 1.5, y * 1.5, z)
    end = mouse.xyOf("Red", bench.ras(AROUND_FIRST[1]))
    mouse.moveXY("Red", end)
    mouse.release("Red", end)
    bench.settle()
    assert bench.has(FIRST)
    assert not bench.has(SECOND)


def test_switching_the_effect_off_gives_up_a_drag(bench):
    bench.useTool("scribble")
    mouse = bench.host.mouse
    start, end = (mouse.xyOf("Red", bench.ras(ijk)) for ijk in AROUND_FIRST)
    mouse.press("Red", start)
    mouse.moveXY("Red", end)
    bench.editor.setActiveEffect(None)
    bench.activate()
    mouse.release("Red", end)
    assert not bench.logic.busy


def test_a_box_is_one_step_of_undo_and_its_marker_goes_with_it(bench):
    bench.useTool("box")
    bench.drag(AROUND_FIRST)
    bench.settle()
    assert [color for _sign, color in bench.strokes()] == [GREEN]
    bench.editor.undo()
    bench.host.pump()
    assert not bench.mask().any()
    assert bench.strokes() == []
    assert not slicer.util.findChild(bench.editor, "UndoButton").enabled
