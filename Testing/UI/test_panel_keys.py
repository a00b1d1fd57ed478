"""The panel's keys: each does what its button does, none is taken twice, and they end with the module."""

from __future__ import annotations

from typing import Any

import pytest
import slicer

from panel_world import World

TAKEN = (
    # Segment Editor
    *"0123456789", "Q", "W", "Z", "Y", "I", "Space", "Esc", "/", "*", ",", ".", "<", ">", "Ctrl+Z",
    "Ctrl+Shift+Z",
    *(f"Shift+{digit}" for digit in "0123456789"),
    # slice views
    "B", "F", "G", "R", "T", "V", "Shift+V", "[", "]", "{", "}", "Left", "Right", "Up", "Down",
    # markups points and text fields
    "S", "Del", "Backspace", "Return", "Enter", "Tab",
    # main window
    *(f"Ctrl+{letter}" for letter in "CFGHOSVWXYZ0123456"), "Ctrl+Shift+A", "Ctrl+Shift+T",
    "Ctrl+Shift+Space",
)  # fmt: skip


@pytest.fixture
def world(host: Any) -> Any:
    """The module open, with an image in the slice views."""
    world = World(host)
    world.addBall()
    yield world.open()
    world.gate.set()


def test_no_key_is_one_that_slicer_uses_already() -> None:
    from LightSegUI.Shortcuts import KEYS

    assert not set(KEYS.values()) & set(TAKEN)
    assert len(set(KEYS.values())) == len(KEYS)


def test_every_key_belongs_to_one_shortcut_while_the_module_is_shown_and_to_none_after(world: World) -> None:
    from LightSegUI.Shortcuts import KEYS

    for key in KEYS.values():
        assert len(world.host.keyboard.owners(key)) == 1, key
    world.host.leave()
    for key in KEYS.values():
        assert world.host.keyboard.owners(key) == [], key


def test_entering_twice_installs_the_keys_once(world: World) -> None:
    world.host.leave()
    world.host.open("LightSeg")
    world.panel.enter()
    assert len(world.host.keyboard.owners("A")) == 1


def test_after_a_reload_the_keys_belong_to_the_new_panel_alone(world: World) -> None:
    world.widget = world.host.reload("LightSeg")
    assert len(world.host.keyboard.owners("A")) == 1
    world.host.keyboard.press("A")
    assert world.panel.tools.state.tool == "inside"


@pytest.mark.parametrize("name", ["inside", "outside", "box", "scribble"])
def test_the_key_of_a_tool_switches_it_on_and_off(world: World, name: str) -> None:
    from LightSegUI.Shortcuts import KEYS

    world.host.keyboard.press(KEYS[name])
    assert world.panel.tools.state.tool == name
    world.host.keyboard.press(KEYS[name])
    assert world.panel.tools.state.tool == ""


def test_the_buttons_show_their_keys(world: World) -> None:
    from LightSegUI.Shortcuts import KEYS

    buttons = {
        **world.panel.tools.buttons, "accept": world.ui.acceptButton, "newSegment": world.ui.newSegmentButton
    }  # fmt: skip
    assert set(buttons) == set(KEYS)
    for name, button in buttons.items():
        assert f"({KEYS[name]})" in button.text


def test_accept_and_new_segment_have_keys(world: World) -> None:
    world.segmentBall()
    world.host.keyboard.press("K")
    assert world.panel.facts.accepted
    world.host.keyboard.press("N")
    assert world.segmentation.GetSegmentation().GetNumberOfSegments() == 2
    assert not world.panel.facts.accepted


def test_suggest_has_a_key(world: World) -> None:
    told: list[Any] = []
    world.segmentBall()
    world.logic.suggested.connect(told.append)
    world.host.keyboard.press("H")
    world.settle()
    assert len(told) == 1


def test_the_key_of_something_that_cannot_be_used_says_why(world: World) -> None:
    world.host.keyboard.press("K")
    assert "Select a segment" in world.message or "empty" in world.message
    world.host.keyboard.press("E")
    assert "does not understand names" in world.message


def test_cancel_has_a_key(world: World) -> None:
    world.press("inside")
    world.gate.clear()
    world.host.mouse.click("Red", world.host.worldOf(world.logic.volumeNode, (24, 24, 24)))
    world.host.pump()
    world.host.keyboard.press("Shift+Esc")
    world.gate.set()
    world.settle()
    assert world.voxels() == 0


def test_while_a_name_is_typed_the_letters_are_letters(world: World) -> None:
    from LightSegUI.PanelState import Facts, toolsState

    world.panel.tools.setState(toolsState(Facts()))  # as with a model that understands names
    world.host.keyboard.type("adnexa hack", world.panel.tools.textLine)
    assert world.panel.tools.textLine.text == "adnexa hack"
    assert world.panel.tools.state.tool == ""
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0


def test_undo_and_redo_keep_the_keys_they_have_in_the_segment_editor(world: World) -> None:
    world.segmentBall()
    count = world.voxels()
    world.host.keyboard.press("Z")
    world.host.pump()
    assert world.voxels() == 0
    world.host.keyboard.press("Y")
    world.host.pump()
    assert world.voxels() == count
