"""The row of prompt tools: what it shows, and what it tells."""

from __future__ import annotations

from typing import Any

import pytest

TOOL_NAMES = ("inside", "outside", "box", "scribble")


@pytest.fixture
def tools(host: Any) -> Any:
    """The tools alone, with everything usable."""
    from LightSegUI.PromptTools import PromptTools

    tools = PromptTools(showShortcuts=True)
    tools.widget.show()
    yield tools
    tools.cleanup()


@pytest.fixture
def heard(tools: Any) -> list[tuple[str, ...]]:
    """Everything the tools tell, in order."""
    told: list[tuple[str, ...]] = []
    tools.toolChosen.connect(lambda name: told.append(("tool", name)))
    tools.textEntered.connect(lambda text: told.append(("text", text)))
    tools.suggestRequested.connect(lambda: told.append(("suggest",)))
    tools.cancelRequested.connect(lambda: told.append(("cancel",)))
    return told


def state(tool: str = "", **reasons: str) -> Any:
    from LightSegUI.PromptToolsState import PromptToolsState

    return PromptToolsState(tool, reasons)


def checked(tools: Any) -> list[str]:
    return [name for name in TOOL_NAMES if tools.buttons[name].isChecked()]


@pytest.mark.parametrize("name", TOOL_NAMES)
def test_pressing_a_tool_switches_it_on_and_says_which(tools: Any, heard: list, name: str) -> None:
    tools.buttons[name].click()
    assert heard == [("tool", name)]
    assert checked(tools) == [name]


def test_pressing_the_tool_that_is_on_switches_it_off(tools: Any, heard: list) -> None:
    tools.buttons["box"].click()
    tools.buttons["box"].click()
    assert heard == [("tool", "box"), ("tool", "")]
    assert checked(tools) == []


def test_only_one_tool_is_on(tools: Any, heard: list) -> None:
    tools.buttons["box"].click()
    tools.buttons["inside"].click()
    assert checked(tools) == ["inside"]


def test_showing_a_tool_from_outside_tells_nobody(tools: Any, heard: list) -> None:
    tools.setTool("scribble")
    assert checked(tools) == ["scribble"]
    tools.setTool("")
    assert checked(tools) == []
    assert heard == []


def test_what_cannot_be_used_is_disabled_and_its_tooltip_says_why(tools: Any, heard: list) -> None:
    tools.setState(
        state(box="No boxes here.", text="No names here.", suggest="Click first.", cancel="Nothing runs.")
    )
    for name, reason in tools.state.reasons.items():
        assert not tools.buttons[name].isEnabled()
        assert reason in tools.buttons[name].toolTip
        tools.choose(name)
    assert not tools.textLine.isEnabled()
    assert "No names here." in tools.textLine.toolTip
    assert tools.buttons["inside"].isEnabled()
    assert heard == []


def test_every_enabled_control_has_a_tooltip_too(tools: Any) -> None:
    assert all(len(button.toolTip) > 20 for button in tools.buttons.values())


def test_a_reason_that_is_over_gives_the_tooltip_back(tools: Any) -> None:
    before = tools.buttons["box"].toolTip
    tools.setState(state(box="Not now."))
    tools.setState(state())
    assert tools.buttons["box"].toolTip == before
    assert tools.buttons["box"].isEnabled()


def test_a_name_is_told_when_enter_or_find_is_pressed_without_blanks_around_it(
    tools: Any, heard: list
) -> None:
    tools.textLine.setText("  left kidney ")
    tools.textLine.returnPressed.emit()
    tools.buttons["text"].click()
    assert heard == [("text", "left kidney"), ("text", "left kidney")]


def test_an_empty_name_is_not_told(tools: Any, heard: list) -> None:
    tools.textLine.setText("   ")
    tools.buttons["text"].click()
    assert heard == []


def test_a_name_is_not_told_while_text_cannot_be_used(tools: Any, heard: list) -> None:
    tools.textLine.setText("liver")
    tools.setState(state(text="The model knows no names."))
    tools.textLine.returnPressed.emit()
    assert heard == []


def test_suggest_and_cancel_are_told(tools: Any, heard: list) -> None:
    tools.buttons["suggest"].click()
    tools.buttons["cancel"].click()
    assert heard == [("suggest",), ("cancel",)]


def test_the_buttons_name_their_keys_only_where_the_keys_work(tools: Any) -> None:
    from LightSegUI.PromptTools import PromptTools
    from LightSegUI.Shortcuts import KEYS

    without = PromptTools()
    for name, button in tools.buttons.items():
        assert f"({KEYS[name]})" in button.text
        assert f"({KEYS[name]})" not in without.buttons[name].text
    without.cleanup()


def test_after_cleanup_nothing_is_told(tools: Any, heard: list) -> None:
    tools.cleanup()
    tools.buttons["inside"].click()
    tools.buttons["cancel"].click()
    assert heard == []
