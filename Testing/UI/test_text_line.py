"""The line for names: what it offers while somebody types, and several names at once."""

from __future__ import annotations

from typing import Any

import pytest

from LightSegLib.text.completion import Completion

OFFERS = [
    Completion("left kidney", "left kidney"),
    Completion("liver", "liver"),
    Completion("Niere links", "left kidney"),
]


@pytest.fixture
def asked() -> list[str]:
    """What the line asked to be completed."""
    return []


@pytest.fixture
def line(host: Any, asked: list[str]) -> Any:
    """The line alone, shown, with a handful of names."""
    import qt
    from LightSegUI.TextLine import TextLine

    def complete(prefix: str) -> list[Completion]:
        asked.append(prefix)
        return [each for each in OFFERS if prefix and each.text.lower().startswith(prefix.lower())]

    window = qt.QWidget()
    line = TextLine(window)
    line.setCompletions(complete)
    window.show()
    window.activateWindow()
    line.widget.setFocus()
    host.pump()
    line.told = []
    line.entered.connect(line.told.append)
    yield line
    line.cleanup()


def type_(line: Any, text: str) -> None:
    from PySide6.QtTest import QTest

    QTest.keyClicks(line.widget, text)


def press(line: Any, key: str, inList: bool = False) -> None:
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    QTest.keyClick(line._completer.popup() if inList else line.widget, getattr(Qt.Key, f"Key_{key}"))


def paste(line: Any, text: str) -> None:
    import qt

    qt.QApplication.clipboard().setText(text)
    line.widget.paste()


def test_nothing_is_asked_before_somebody_types(line: Any, asked: list[str]) -> None:
    line.widget.setText("liver")
    assert asked == []
    assert line.offers == []


def test_names_are_offered_while_typing_with_what_a_synonym_means(line: Any) -> None:
    type_(line, "l")
    assert line.offers == ["left kidney", "liver"]
    line.widget.clear()
    type_(line, "NI")
    assert line.offers == ["Niere links → left kidney"]


def test_the_list_goes_when_nothing_fits_or_the_name_stands_there(line: Any) -> None:
    type_(line, "live")
    assert line.offers == ["liver"]
    type_(line, "r")
    assert line.offers == []
    type_(line, "wurst")
    assert line.offers == []


def test_the_english_name_of_the_chosen_one_takes_the_place_of_what_was_typed(line: Any) -> None:
    type_(line, "nie")
    press(line, "Down", inList=True)
    press(line, "Return", inList=True)
    assert line.widget.text == "left kidney"
    assert line.told == [], "Enter chose, and did not start anything"
    press(line, "Return")
    assert line.told == ["left kidney"]


def test_enter_without_a_choice_takes_what_was_typed(line: Any) -> None:
    type_(line, "l")
    press(line, "Return", inList=True)
    assert line.told == ["l"]
    assert line.offers == []


def test_each_of_several_names_is_completed_for_itself(line: Any, asked: list[str]) -> None:
    type_(line, "liver; le")
    assert asked[-1] == "le"
    press(line, "Down", inList=True)
    press(line, "Return", inList=True)
    assert line.widget.text == "liver; left kidney"


def test_no_name_is_offered_right_after_a_semicolon(line: Any) -> None:
    type_(line, "l; ")
    assert line.offers == []


def test_nothing_is_offered_while_a_name_in_the_middle_is_corrected(line: Any) -> None:
    line.widget.setText("lver; l")
    line.widget.setCursorPosition(1)
    type_(line, "i")
    assert line.offers == []
    assert line.widget.text == "liver; l"


def test_a_list_of_lines_that_is_pasted_becomes_names_parted_by_semicolons(line: Any) -> None:
    paste(line, "left kidney\r\n\nliver;\nspleen\n")
    assert line.widget.text == "left kidney; liver; spleen"
    press(line, "Return")
    assert line.told == ["left kidney; liver; spleen"]


def test_a_pasted_name_with_a_line_end_is_that_name(line: Any) -> None:
    paste(line, "liver\n")
    assert line.widget.text == "liver"


def test_without_completions_the_line_works_all_the_same(line: Any) -> None:
    line.setCompletions(None)
    type_(line, "li")
    assert line.offers == []
    press(line, "Return")
    assert line.told == ["li"]


def test_after_cleanup_nothing_is_told_and_it_may_be_cleaned_up_again(line: Any) -> None:
    line.cleanup()
    type_(line, "l")
    press(line, "Return")
    assert line.told == []
    line.cleanup()
