"""Numbers, answers and errors in words."""

from __future__ import annotations

import pytest
from LightSegUI.PromptToolsState import TOOLS
from LightSegUI.StateText import answerText, confidenceText, errorText, hintFor, secondsText

from LightSegLib.errors import LightSegError


def plain(text: str) -> str:
    """The same with ordinary blanks."""
    return text.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.214, "0.21 s"), (3.0, "3.00 s"), (12.4, "12 s"), (200.0, "3 min")]
)
def test_seconds_are_as_exact_as_people_want_them(seconds: float, text: str) -> None:
    assert plain(secondsText(seconds)) == text


@pytest.mark.parametrize(("confidence", "word"), [(0.93, "good"), (0.7, "fair"), (0.3, "low")])
def test_confidence_is_a_percentage_with_a_word_and_a_next_step(confidence: float, word: str) -> None:
    text = plain(confidenceText(confidence))
    assert f"{100 * confidence:.0f} %" in text
    assert word in text
    assert text.endswith(".")


def test_an_answer_says_how_sure_and_how_fast() -> None:
    assert plain(answerText(0.9, 0.2)).endswith("Answered in 0.20 s.")


def test_a_number_and_its_unit_stay_on_one_line() -> None:
    assert " s" not in secondsText(0.2)
    assert " %" not in confidenceText(0.9)


def test_an_answer_that_emptied_the_segment_claims_no_confidence() -> None:
    assert "empty" in answerText(0.0, 0.2, empty=True)
    assert "%" not in answerText(0.0, 0.2, empty=True)


def test_an_answer_that_changed_nothing_says_so() -> None:
    assert "changed nothing" in answerText(0.9, 0.2, written=False)


def test_an_error_is_shown_with_its_cause_and_its_next_step_and_markup_in_it_stays_text() -> None:
    text = errorText(LightSegError("Bad <node>", "it is <b>odd</b>", "Choose another"))
    assert text == "<b>Bad &lt;node&gt;.</b> It is &lt;b&gt;odd&lt;/b&gt;. Choose another."


def test_an_error_without_cause_or_advice_has_no_stray_dots() -> None:
    assert errorText(LightSegError("It failed")) == "<b>It failed.</b>"


def test_every_tool_has_a_hint_of_its_own_and_without_a_tool_the_user_is_told_to_press_one() -> None:
    assert len({hintFor(tool) for tool in ("", *TOOLS)}) == 1 + len(TOOLS)
    assert "Press Inside" in hintFor("")


def test_several_names_are_told_of_in_one_line_with_what_went_wrong_without_the_same_advice_again() -> None:
    from LightSegUI.TextOutcome import TextOutcome, notInThisImage, outcomesText, soleProblem

    unknown = TextOutcome(
        "xyz", error=LightSegError('"xyz" is unknown', "Nearest are: a, b, c", "Choose one")
    )
    found = [TextOutcome(name, name, "id") for name in ("liver", "left kidney")]
    absent = TextOutcome("spleen", "spleen", error=notInThisImage("spleen"))
    text = outcomesText([unknown, *found, absent])
    assert (
        text
        == 'Found: liver, left kidney. "xyz" is unknown. Nearest are: a, b, c. spleen: not in this image.'
    )
    assert "correct it with clicks" in outcomesText(found)
    assert outcomesText([absent, unknown]).startswith("spleen: not in this image.")
    assert soleProblem([absent]) is absent.error
    assert soleProblem([absent, unknown]) is None
    assert soleProblem(found[:1]) is None
    assert soleProblem([]) is None
