"""Names in the Segment Editor effect: completed, answered and told as in the panel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import effect_bench

makeBench = effect_bench.makeBench


@pytest.fixture
def bench(makeBench, monkeypatch):
    """A bench with an empty segmentation on an image of two kidneys, and a model that takes text."""
    from LightSegUI.InteractiveLogic import InteractiveLogic
    from reading_model import TRUTH, Reader

    bench = makeBench(segments=())
    bench.model = Reader()
    able = bench.model.capabilities
    card = replace(bench.logic.modelCard, capabilities=able)
    monkeypatch.setattr(InteractiveLogic, "modelCard", property(lambda self: card))
    bench.volume = bench.host.addVolume(
        np.where(TRUTH, 200, 40).astype(np.int16), np.diag([-1.0, 1, 1, 1]), name="Kidneys"
    )
    bench.segmentation = bench.host.addSegmentation(bench.volume)
    bench.editor.setSegmentationNode(bench.segmentation)
    bench.editor.setSourceVolumeNode(bench.volume)
    bench.activate()
    bench.logic.prepare(wait=True)
    bench.host.pump()
    return bench


def enter(bench, text):
    tools = bench.controller.options.tools
    tools.textLine.setText(text)
    tools.buttons["text"].click()
    bench.settle()


def names(bench):
    segmentation = bench.segmentation.GetSegmentation()
    return [segmentation.GetSegment(one).GetName() for one in segmentation.GetSegmentIDs()]


def test_names_are_completed_while_typing(bench):
    from PySide6.QtTest import QTest

    tools = bench.controller.options.tools
    tools.widget.window().show()
    QTest.keyClicks(tools.textLine, "rein g")
    assert "rein gauche → left kidney" in [str(each) for each in bench.logic.completeText("rein g")]
    assert list(tools.names._names) == ["rein gauche → left kidney"]


def test_each_name_becomes_a_segment_and_undo_takes_one_at_a_time(bench):
    enter(bench, "left kidney\nright kidney\nspleen")
    assert names(bench) == ["left kidney", "right kidney"]
    assert "Found: left kidney, right kidney." in bench.message()
    assert "spleen: not in this image." in bench.message()
    bench.editor.undo()
    bench.host.pump()
    assert names(bench) == ["left kidney"]


def test_a_single_name_that_is_not_there_is_an_error_that_says_what_to_do(bench):
    enter(bench, "spleen")
    assert "not in this image" in bench.message()
    assert "click on it" in bench.message()
    assert names(bench) == []
