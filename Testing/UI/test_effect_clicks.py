"""Clicks in slice views: what they say, whom they belong to, and what they do to the segment."""

from __future__ import annotations

import numpy as np
import pytest
import slicer

import effect_bench
from effect_bench import BETWEEN, FIRST, SECOND

bench, makeBench = effect_bench.bench, effect_bench.makeBench


def test_a_click_fills_the_structure_under_it(bench):
    bench.click(FIRST)
    bench.settle()
    assert bench.has(FIRST)
    assert not bench.has(SECOND)
    assert not bench.has(BETWEEN)
    assert not bench.mask("B").any()


def test_ctrl_click_says_what_is_outside(bench):
    bench.click(FIRST)
    bench.settle()
    bench.click(FIRST, "Ctrl")
    bench.settle()
    assert not bench.has(FIRST)


def test_the_tool_outside_needs_no_key(bench):
    bench.click(FIRST)
    bench.settle()
    bench.useTool("outside")
    bench.click(FIRST)
    bench.settle()
    assert not bench.has(FIRST)


@pytest.mark.parametrize("view", ["Red", "Green", "Yellow"])
def test_every_slice_view_will_do(bench, view):
    bench.click(SECOND, view=view)
    bench.settle()
    assert bench.has(SECOND)


def test_a_click_lands_where_it_was_made_on_an_oblique_image(makeBench):
    turned = [[1.2, 0.6, 0.0, -40.0], [-0.9, 0.8, 0.0, 25.0], [0.0, 0.0, -2.0, 60.0], [0, 0, 0, 1]]
    bench = makeBench(ijk_to_ras=turned)
    bench.click(SECOND, view="Green")
    bench.settle()
    assert bench.has(SECOND)
    assert not bench.has(FIRST)


def test_press_and_release_are_consumed_together(bench):
    heard = []
    interactor = bench.host.app.layoutManager().sliceWidget("Red").sliceView().interactor()
    for event in ("LeftButtonPressEvent", "LeftButtonReleaseEvent", "LeftButtonDoubleClickEvent"):
        interactor.AddObserver(event, lambda caller, name: heard.append(name))
    bench.click(FIRST)
    bench.host.mouse.doubleClick("Red", bench.ras(SECOND))
    assert heard == []


@pytest.mark.parametrize("modifier", ["Shift", "Alt"])
def test_with_shift_or_alt_the_left_button_is_slicers(bench, modifier):
    heard = []
    interactor = bench.host.app.layoutManager().sliceWidget("Red").sliceView().interactor()
    for event in ("LeftButtonPressEvent", "LeftButtonReleaseEvent"):
        interactor.AddObserver(event, lambda caller, name: heard.append(name))
    bench.click(FIRST, modifier)
    assert heard == ["LeftButtonPressEvent", "LeftButtonReleaseEvent"]
    assert not bench.logic.busy


@pytest.mark.parametrize("button", ["Right", "Middle"])
def test_other_buttons_are_slicers(bench, button):
    heard = []
    interactor = bench.host.app.layoutManager().sliceWidget("Red").sliceView().interactor()
    for event in (f"{button}ButtonPressEvent", f"{button}ButtonReleaseEvent"):
        interactor.AddObserver(event, lambda caller, name: heard.append(name))
    bench.host.mouse.click("Red", bench.ras(FIRST), (), button)
    assert len(heard) == 2
    assert not bench.logic.busy


def test_the_wheel_is_slicers(bench):
    heard = []
    interactor = bench.host.app.layoutManager().sliceWidget("Red").sliceView().interactor()
    interactor.AddObserver("MouseWheelForwardEvent", lambda caller, name: heard.append(name))
    bench.host.mouse.wheel("Red", bench.ras(FIRST))
    assert heard == ["MouseWheelForwardEvent"]


def test_the_second_half_of_a_double_click_is_no_second_prompt(bench):
    bench.host.mouse.doubleClick("Red", bench.ras(FIRST))
    bench.settle()
    assert len(bench.strokes()) == 1


def test_clicks_that_come_faster_than_answers_are_all_answered(bench):
    for ijk in (FIRST, SECOND):
        bench.click(ijk)
    bench.settle()
    assert bench.has(FIRST)
    assert bench.has(SECOND)
    assert len(bench.strokes()) == 2


def test_the_first_click_into_an_empty_segmentation_makes_a_segment(makeBench):
    bench = makeBench(segments=())
    assert bench.editor.activeEffect() == bench.effect
    bench.click(FIRST)
    bench.settle()
    made = bench.node.GetSelectedSegmentID()
    assert made
    assert bench.has(FIRST, made)


def test_a_click_goes_to_the_segment_that_is_selected_at_that_moment(bench):
    bench.click(FIRST)
    bench.editor.setCurrentSegmentID("B")
    bench.click(SECOND)
    bench.settle()
    assert bench.has(FIRST, "A")
    assert not bench.has(SECOND, "A")
    assert bench.has(SECOND, "B")


def test_each_click_is_one_step_of_undo(bench):
    bench.click(FIRST)
    bench.settle()
    one = bench.mask()
    bench.click(SECOND)
    bench.settle()
    two = bench.mask()
    bench.editor.undo()
    assert np.array_equal(bench.mask(), one)
    bench.editor.undo()
    assert not bench.mask().any()
    assert not slicer.util.findChild(bench.editor, "UndoButton").enabled
    bench.editor.redo()
    bench.editor.redo()
    assert np.array_equal(bench.mask(), two)


def test_after_undo_the_next_click_goes_on_from_what_is_seen(bench):
    bench.click(FIRST)
    bench.settle()
    bench.click(SECOND)
    bench.settle()
    bench.editor.undo()
    bench.host.pump()
    bench.click(BETWEEN, "Ctrl")
    bench.settle()
    assert bench.has(FIRST)
    assert not bench.has(SECOND)


def test_the_editors_masking_holds(bench):
    bench.click(FIRST)
    bench.settle()
    bench.node.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedOutsideAllSegments)
    bench.editor.setCurrentSegmentID("B")
    bench.click(FIRST)
    bench.settle()
    assert bench.has(FIRST, "A")
    assert not bench.has(FIRST, "B")


def test_the_logic_undoes_through_the_editor_on_the_screen(bench):
    bench.click(FIRST)
    bench.settle()
    assert bench.logic.canUndo
    bench.logic.undo()
    assert not bench.mask().any()
    assert bench.logic.canRedo
    bench.logic.redo()
    assert bench.has(FIRST)
