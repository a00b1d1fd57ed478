"""What can be used when, and why not: every reason that a user may read."""

from __future__ import annotations

import pytest
from LightSegUI.PanelState import MEASURE, Facts, reasonsAgainst, toolsState
from LightSegUI.PromptToolsState import CONTROLS, TOOLS
from LightSegUI.Shortcuts import (
    ACCEPT,
    BOX,
    CANCEL,
    INSIDE,
    KEYS,
    NEW_SEGMENT,
    OUTSIDE,
    SCRIBBLE,
    SUGGEST,
    TEXT,
)

from LightSegLib.models.base import Capabilities

ALL = Capabilities(points=True, boxes=True, scribbles=True, mask=True, text=True)
CLICKS_ONLY = Capabilities(points=True, boxes=False, scribbles=False, mask=False, text=False)
WORKING = Facts(hasSegment=True, hasContent=True, modelTitle="some model", capabilities=ALL)


def test_with_an_image_and_a_begun_segment_everything_but_cancel_can_be_used() -> None:
    assert set(reasonsAgainst(WORKING)) == {CANCEL}


def test_before_the_first_click_tools_can_be_used_but_there_is_nothing_to_accept_or_suggest() -> None:
    reasons = reasonsAgainst(Facts(capabilities=ALL))
    assert set(reasons) == {CANCEL, ACCEPT, SUGGEST}
    assert "Click on the structure first" in reasons[SUGGEST]


def test_a_new_segment_cannot_be_accepted_before_it_holds_something() -> None:
    assert "empty" in reasonsAgainst(Facts(hasSegment=True, capabilities=ALL))[ACCEPT]


def test_without_an_image_nothing_can_be_used_and_every_tooltip_says_so() -> None:
    reasons = reasonsAgainst(Facts(volumeProblem="No image is selected.", capabilities=ALL))
    blocked = {*TOOLS, TEXT, SUGGEST, ACCEPT, NEW_SEGMENT}
    assert {name for name, reason in reasons.items() if reason == "No image is selected."} == blocked
    assert MEASURE not in reasons, "measuring needs no image"


def test_missing_packages_come_before_everything_else_and_are_named() -> None:
    reasons = reasonsAgainst(Facts(missingPackages=("torch", "scipy"), volumeProblem="No image is selected."))
    for name in (*TOOLS, TEXT, SUGGEST, ACCEPT, NEW_SEGMENT, MEASURE):
        assert "torch, scipy" in reasons[name], name


def test_what_the_model_does_not_understand_is_off_and_the_model_is_named() -> None:
    reasons = reasonsAgainst(Facts(hasSegment=True, modelTitle="small one", capabilities=CLICKS_ONLY))
    for name in (BOX, SCRIBBLE, TEXT):
        assert "small one" in reasons[name]
    assert INSIDE not in reasons
    assert OUTSIDE not in reasons


def test_where_names_are_not_understood_it_says_which_model_understands_them_or_that_none_does() -> None:
    def reason(*models: str) -> str:
        return reasonsAgainst(Facts(capabilities=CLICKS_ONLY, textModels=models))[TEXT]

    assert "no model that comes with LightSeg does" in reason()
    assert "Choose veloxseg-text in the LightSeg module" in reason("veloxseg-text")
    assert "Choose one or other in" in reason("one", "other")


def test_an_unknown_model_switches_nothing_off() -> None:
    assert set(reasonsAgainst(Facts(hasSegment=True, hasContent=True))) == {CANCEL}


def test_an_accepted_segment_takes_no_prompts_but_can_be_edited_again_and_followed_by_another() -> None:
    reasons = reasonsAgainst(Facts(hasSegment=True, hasContent=True, accepted=True, capabilities=ALL))
    assert {*TOOLS, SUGGEST} <= set(reasons)
    assert TEXT not in reasons, "a name gets a segment of its own"
    assert "accepted" in reasons[INSIDE]
    assert ACCEPT not in reasons
    assert NEW_SEGMENT not in reasons


def test_a_hidden_segment_takes_no_prompts_and_says_how_to_show_it() -> None:
    hidden = Facts(hasSegment=True, hasContent=True, segmentProblem="Click the eye.", capabilities=ALL)
    reasons = reasonsAgainst(hidden)
    assert {reasons[name] for name in (*TOOLS, SUGGEST)} == {"Click the eye."}
    assert TEXT not in reasons, "a name gets a segment of its own"
    assert ACCEPT not in reasons


def test_while_something_runs_only_accepting_and_measuring_wait_and_it_can_be_cancelled() -> None:
    busy = Facts(hasSegment=True, hasContent=True, busy=True, capabilities=ALL)
    assert set(reasonsAgainst(busy)) == {ACCEPT, MEASURE}


def test_the_tools_get_their_part_of_the_reasons_and_the_tool_that_is_on() -> None:
    state = toolsState(Facts(tool=BOX, volumeProblem="No image."))
    assert state.tool == BOX
    assert set(state.reasons) == set(CONTROLS)
    assert not state.isEnabled(INSIDE)


@pytest.mark.parametrize("facts", [WORKING, Facts(), Facts(missingPackages=("torch",)), Facts(busy=True)])
def test_every_reason_is_a_sentence(facts: Facts) -> None:
    for name, reason in reasonsAgainst(facts).items():
        assert name in {*KEYS, MEASURE}
        assert reason[0].isupper()
        assert reason.endswith(".")
