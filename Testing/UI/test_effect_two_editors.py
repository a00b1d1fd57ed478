"""The LightSeg panel and the Segment Editor work on one segmentation by turns, each with its own effect."""

from __future__ import annotations

import pytest
import slicer

import effect_bench
from effect_bench import FIRST, SECOND

bench, makeBench = effect_bench.bench, effect_bench.makeBench


@pytest.fixture
def panel(bench):
    """The LightSeg module, opened after the Segment Editor was left, on the same nodes."""
    bench.editor.setActiveEffect(None)
    bench.host.load("LightSeg")
    bench.host.start()
    return showPanel(bench)


def showPanel(bench):
    panel = bench.host.open("LightSeg").panel
    panel.ui.volumeSelector.setCurrentNode(bench.volume)
    panel.ui.segmentationSelector.setCurrentNode(bench.segmentation)
    panel.editor.selectSegment("A")
    bench.host.pump()
    return panel


def test_a_click_in_the_panels_editor_can_be_undone_there(bench, panel):
    panel.tools.choose("inside")
    bench.click(FIRST)
    bench.settle()
    assert bench.has(FIRST)
    assert bench.logic.editing.editorNode is panel.editor.node
    panel.editor.widget.undo()
    assert not bench.mask().any()


def test_the_panels_text_and_its_clicks_are_one_session(bench, panel):
    panel.tools.choose("inside")
    bench.click(FIRST)
    bench.settle()
    session = bench.logic._session
    panel.onSuggest()
    bench.settle()
    bench.click(SECOND)
    bench.settle()
    assert bench.logic._session is session


def test_after_the_panel_the_segment_editor_goes_on_with_its_own_history(bench, panel):
    panel.tools.choose("inside")
    bench.click(FIRST)
    bench.settle()
    bench.host.leave()
    bench.activate()
    bench.host.pump()
    bench.click(SECOND)
    bench.settle()
    assert bench.has(FIRST)
    assert bench.has(SECOND)
    assert bench.logic.editing.editorNode is bench.node
    bench.editor.undo()
    assert bench.has(FIRST)
    assert not bench.has(SECOND)


def test_a_click_is_heard_by_one_editor_only(bench, panel):
    panel.tools.choose("inside")
    bench.click(FIRST)
    bench.settle()
    assert len(bench.model.seen) > 0
    assert bench.editor.activeEffect() is None
    assert not slicer.util.findChild(bench.editor, "UndoButton").enabled
    assert slicer.util.findChild(panel.editor.widget, "UndoButton").enabled
