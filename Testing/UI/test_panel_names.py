"""Names in the panel: typed, answered by a model that takes text, and said in the panel's status line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from panel_world import World

ROOT = Path(__file__).resolve().parents[2]
KNOWN = ["kidney_left", "kidney_right", "spleen"]


@pytest.fixture
def speaking(tmp_path: Path) -> Path:
    """A model folder whose card says that it was taught the kidneys and the spleen by name."""
    source = ROOT / "Resources" / "Models" / "veloxseg-small"
    folder = tmp_path / "speaking"
    folder.mkdir()
    card = json.loads((source / "card.json").read_text(encoding="utf-8"))
    card["id"] = "speaking"
    card["capabilities"].update(text=True, structures=KNOWN)
    (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")
    shutil.copy(source / "model.safetensors", folder)
    return folder


@pytest.fixture
def world(host: Any, speaking: Path) -> Any:
    """The module open on an image with two kidneys, with a model that takes text."""
    world = World(host)
    from reading_model import TRUTH, Reader

    host.addVolume(np.where(TRUTH, 200, 40).astype(np.int16), np.diag([-1.0, 1, 1, 1]), name="CT")
    world.model = Reader()
    world.open()
    world.logic.setModel(str(speaking))
    host.pump()
    yield world
    world.gate.set()


def enter(world: World, text: str) -> None:
    """Type names and press Find."""
    world.panel.tools.textLine.setText(text)
    world.press("text")
    world.settle()


def names(world: World) -> list[str]:
    segmentation = world.segmentation.GetSegmentation()
    return [segmentation.GetSegment(one).GetName() for one in segmentation.GetSegmentIDs()]


def test_what_is_typed_is_completed_with_what_the_chosen_model_knows(world: World) -> None:
    from PySide6.QtTest import QTest

    tools = world.panel.tools
    assert world.logic._names._vocabulary is None, "nothing is read before somebody types"
    QTest.keyClicks(tools.textLine, "NIERE L")
    assert tools.names.offers == ["Niere links → left kidney"]
    tools.textLine.clear()
    QTest.keyClicks(tools.textLine, "s")
    assert tools.names.offers[0] == "spleen"
    assert not any("stomach" in offer for offer in tools.names.offers), "it was not taught that"


def test_a_name_becomes_a_segment_and_the_answer_is_shown(world: World) -> None:
    enter(world, "left kidney")
    assert names(world) == ["left kidney"]
    assert world.voxels() > 1000
    assert "Confidence" in world.message
    assert world.panel.editor.segment.GetName() == "left kidney"


def test_the_empty_segment_of_a_tool_is_used(world: World) -> None:
    world.press("inside")
    enter(world, "left kidney")
    assert names(world) == ["left kidney"]


def test_several_names_become_a_segment_each_and_the_status_says_which(world: World) -> None:
    enter(world, "kidney; spleen; flux capacitor")
    assert names(world) == ["left kidney", "right kidney"]
    assert "Found: left kidney, right kidney." in world.message
    assert "spleen: not in this image." in world.message
    assert "flux capacitor" in world.message
    assert "Nearest are" in world.message
    assert world.panel.editor.segment.GetName() == "left kidney"


def test_a_name_that_is_not_in_the_image_is_said_and_leaves_no_segment(world: World) -> None:
    enter(world, "spleen")
    assert names(world) == []
    assert "Spleen: not in this image." in world.message
    assert world.panel.status.error is not None


def test_an_unknown_name_shows_the_nearest_three(world: World) -> None:
    enter(world, "kidny lft")
    assert names(world) == []
    assert "Nearest are" in world.message


def test_one_undo_takes_one_segment(world: World) -> None:
    import slicer

    enter(world, "kidney")
    slicer.util.findChild(world.ui.lightSegEditor, "UndoButton").click()
    world.host.pump()
    assert names(world) == ["left kidney"]
    slicer.util.findChild(world.ui.lightSegEditor, "UndoButton").click()
    world.host.pump()
    assert names(world) == []


def test_a_click_corrects_what_a_name_found(world: World) -> None:
    from reading_model import LEFT, RIGHT

    enter(world, "left kidney")
    before = world.voxels()
    told = len(world.model.told)
    world.press("outside")
    for centre in (LEFT, RIGHT):
        i, j, k = centre
        world.click((i, j, k - 5))
    assert names(world) == ["left kidney"]
    assert world.voxels() < before
    assert set(world.model.told[told:]) == {"kidney_left"}


def test_cancel_keeps_what_is_done(world: World) -> None:
    world.logic.answered.connect(lambda answer: world.panel.tools.buttons["cancel"].click())
    enter(world, "kidney; spleen")
    assert names(world) == ["left kidney"]
    assert not world.logic.busy


def test_names_can_be_given_while_an_accepted_segment_is_selected(world: World) -> None:
    enter(world, "left kidney")
    world.ui.acceptButton.click()
    world.host.pump()
    assert world.panel.tools.textLine.isEnabled()
    enter(world, "right kidney")
    assert names(world) == ["left kidney", "right kidney"]


def test_the_line_is_off_where_the_model_takes_no_text_and_says_which_would(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = world.panel.tools
    assert tools.textLine.isEnabled()
    world.logic.setModel(None)
    monkeypatch.setattr(type(world.logic), "textModels", lambda self: ("speaking",))
    world.panel.refresh()
    assert not tools.textLine.isEnabled()
    assert "Choose speaking" in tools.textLine.toolTip


def test_the_models_to_choose_for_names_are_the_bundled_ones_that_take_text(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from LightSegLib.models import registry

    cards = [world.logic.modelCard, *registry.list_models()]
    assert {card.id for card in cards if card.capabilities.text} >= {"speaking"}
    monkeypatch.setattr(registry, "list_models", lambda: cards)
    world.logic._textModels = None
    assert "speaking" in world.logic.textModels()
    assert "veloxseg-small" not in world.logic.textModels()
