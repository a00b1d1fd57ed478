"""Structures by name in a real scene: one segment each, named, colored and coded, and nothing left over."""

from __future__ import annotations

import numpy as np
import pytest
from grey_model import dice
from logic_world import Heard, Loader, make_logic, paint, ras_of
from reading_model import LEFT, RIGHT, TRUTH, Reader
from scene_building import shown

from LightSegLib.errors import Cancelled, CapabilityError, ModelError, PromptError, SessionError
from LightSegLib.text import UnknownTextError

slicer = pytest.importorskip("slicer")

IMAGE = np.where(TRUTH, 200, 40).astype(np.int16)
WEST = TRUTH & (np.arange(TRUTH.shape[2]) < 48)
EAST = TRUTH & ~WEST


@pytest.fixture
def reader():
    return Reader()


@pytest.fixture
def volume_node(make_volume_node):
    """Two bright balls in a patient: the left kidney lies where the axis I is small."""
    return make_volume_node(IMAGE, np.diag([-1.0, 1.0, 1.0, 1.0]))


@pytest.fixture
def logic(scene, reader, volume_node):
    logic = make_logic(scene, Loader(reader))
    logic.setVolumeNode(volume_node)
    logic.prepare(wait=True)
    yield logic
    logic.close()


@pytest.fixture
def named(logic):
    """The outcomes of every call of `segmentTexts`."""
    told = []
    logic.named.connect(told.append)
    return told


def segments(logic):
    """Names of the segments by ID."""
    segmentation = logic.segmentationNode.GetSegmentation()
    return {one: segmentation.GetSegment(one).GetName() for one in segmentation.GetSegmentIDs()}


def masks(logic):
    """What the segments show, by name."""
    node, volume = logic.segmentationNode, logic.volumeNode
    return {name: shown(node, one, volume) for one, name in segments(logic).items()}


def test_each_name_becomes_a_segment_with_name_color_and_code(logic, named) -> None:
    outcomes = logic.segmentTexts(["left kidney", "Niere rechts"])
    assert list(segments(logic).values()) == ["left kidney", "right kidney"]
    found = masks(logic)
    assert {dice(found["left kidney"], WEST) > 0.9, dice(found["left kidney"], EAST) > 0.9} == {True, False}
    assert not (found["left kidney"] & found["right kidney"]).any()
    assert dice(found["left kidney"] | found["right kidney"], TRUTH) > 0.9
    assert [(each.text, each.name) for each in outcomes] == [
        ("left kidney", "left kidney"),
        ("Niere rechts", "right kidney"),
    ]
    segmentation = logic.segmentationNode.GetSegmentation()
    for outcome, side in zip(outcomes, ("Left", "Right"), strict=True):
        segment = segmentation.GetSegment(outcome.segmentId)
        entry = slicer.vtkSlicerTerminologyEntry()
        logic_of_terms = slicer.vtkSlicerTerminologiesModuleLogic()
        assert logic_of_terms.DeserializeTerminologyEntry(segment.GetTerminology(), entry)
        assert entry.GetCategoryObject().GetCodeMeaning() == "Anatomical Structure"
        assert entry.GetTypeObject().GetCodeValue() == "64033007"
        assert entry.GetTypeModifierObject().GetCodeMeaning() == side
        assert segment.GetColor() == pytest.approx((185 / 255, 102 / 255, 83 / 255))
    assert named == [outcomes]


def test_the_answers_are_told_one_by_one_and_the_first_segment_is_selected(logic) -> None:
    heard = Heard(logic)
    outcomes = logic.segmentTexts("left kidney; right kidney")
    assert [answer.segment_id for answer in heard.answers] == [each.segmentId for each in outcomes]
    assert logic.selectedSegmentId == outcomes[0].segmentId
    assert logic.lastAnswer is outcomes[1].answer
    assert "right kidney (2 of 2)" in heard.progress


def test_a_name_of_both_sides_makes_both(logic) -> None:
    outcomes = logic.segmentTexts("kidney")
    assert [(each.text, each.name) for each in outcomes] == [
        ("kidney", "left kidney"),
        ("kidney", "right kidney"),
    ]
    assert list(segments(logic).values()) == ["left kidney", "right kidney"]


def test_what_is_not_in_the_image_is_said_and_leaves_nothing_behind(logic) -> None:
    outcomes = logic.segmentTexts(["spleen", "left kidney"])
    assert [str(each.error or "")[:26] for each in outcomes] == ["spleen: not in this image.", ""]
    assert outcomes[0].segmentId == ""
    assert list(segments(logic).values()) == ["left kidney"]
    logic.undo()
    assert segments(logic) == {}
    assert not logic.canUndo


def test_what_is_not_in_the_image_costs_no_undo_and_no_redo(logic) -> None:
    logic.segmentTexts("left kidney")
    logic.undo()
    assert logic.segmentTexts("spleen")[0].error is not None
    assert logic.canRedo
    logic.redo()
    assert list(segments(logic).values()) == ["left kidney"]


def test_unknown_names_and_what_the_model_does_not_know_leave_the_others_alone(logic) -> None:
    unknown, untaught, found = logic.segmentTexts(["flux capacitor", "liver", "left kidney"])
    assert isinstance(unknown.error, UnknownTextError)
    assert len(unknown.error.nearest) == 3
    assert isinstance(untaught.error, CapabilityError)
    assert found.error is None
    assert list(segments(logic).values()) == ["left kidney"]


def test_undo_and_redo_take_one_segment_at_a_time(logic) -> None:
    logic.segmentTexts("kidney")
    before = masks(logic)
    logic.undo()
    assert list(segments(logic).values()) == ["left kidney"]
    assert (masks(logic)["left kidney"] == before["left kidney"]).all()
    logic.undo()
    assert segments(logic) == {}
    logic.redo()
    logic.redo()
    after = masks(logic)
    assert list(after) == ["left kidney", "right kidney"]
    assert all((after[name] == before[name]).all() for name in after)


def test_the_selected_segment_is_taken_if_it_is_empty_and_nobody_named_it(logic) -> None:
    first = logic.addSegment()
    outcomes = logic.segmentTexts("kidney")
    assert outcomes[0].segmentId == first
    assert list(segments(logic).values()) == ["left kidney", "right kidney"]
    logic.undo()
    logic.undo()
    assert segments(logic) == {first: "Segment_1"}


def test_an_empty_segment_that_is_not_used_stays_as_it_was(logic) -> None:
    first = logic.addSegment()
    logic.segmentTexts("spleen")
    assert segments(logic) == {first: "Segment_1"}


def test_a_segment_that_was_named_or_painted_is_left_alone(logic) -> None:
    named = logic.addSegment("tumor")
    assert logic.segmentTexts("left kidney")[0].segmentId != named
    painted = logic.addSegment()
    paint(logic, painted, np.roll(TRUTH, 30, axis=0) & ~TRUTH)
    assert logic.segmentTexts("right kidney")[0].segmentId != painted
    assert not masks(logic)["tumor"].any()


def test_a_segment_that_has_the_name_already_is_asked_again(logic) -> None:
    logic.segmentTexts("kidney")
    again = logic.segmentTexts("right kidney; Niere links")
    assert list(segments(logic).values()) == ["left kidney", "right kidney"]
    assert all(each.error is None for each in again)
    own = logic.addSegment("Spleen")
    assert logic.segmentTexts("spleen")[0].error is not None
    assert own in segments(logic)


def test_an_accepted_segment_of_that_name_says_so_and_the_others_are_done(logic) -> None:
    (left,) = logic.segmentTexts("left kidney")
    logic.accept(left.segmentId)
    refused, found = logic.segmentTexts("kidney")
    assert "accepted" in str(refused.error)
    assert found.error is None


def test_clicks_correct_what_a_name_found_and_the_name_is_kept(logic, reader, volume_node) -> None:
    (found,) = logic.segmentTexts("left kidney")
    told = len(reader.told)
    i, j, k = next(each for each in (LEFT, RIGHT) if masks(logic)["left kidney"][each[::-1]])
    answer = logic.segmentPoint(ras_of(volume_node, (i, j, k - 5)), positive=False)
    assert answer.segment_id == found.segmentId
    assert not masks(logic)["left kidney"][k - 5, j, i]
    assert set(reader.told[told:]) == {"kidney_left"}
    logic.undo()
    assert masks(logic)["left kidney"][k - 5, j, i]


def test_where_masking_leaves_no_room_nothing_is_added_and_that_is_said(
    logic, volume_node, make_segmentation, make_editor
) -> None:
    from LightSegUI.Editing import Editing

    from LightSegLib import mrml

    segmentation = make_segmentation(volume_node, ids=("A",))
    logic.setSegmentationNode(segmentation)
    paint(logic, "A", np.ones_like(TRUTH))
    editor = make_editor(segmentation, volume_node)
    editor.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedOutsideAllSegments)
    owner = mrml.LogicUndo(editor)
    logic.setEditing(Editing(owner, editor))
    (outcome,) = logic.segmentTexts("left kidney")
    assert "nothing was written" in str(outcome.error)
    assert segments(logic) == {"A": "A"}
    logic.setEditing(None)
    owner.close()


def test_cancelling_keeps_what_is_done_and_drops_the_rest(logic, named) -> None:
    logic.answered.connect(lambda answer: logic.cancel())
    with pytest.raises(Cancelled):
        logic.segmentTexts(["left kidney", "right kidney", "spleen"])
    assert list(segments(logic).values()) == ["left kidney"]
    assert [[each.name for each in outcomes] for outcomes in named] == [["left kidney"]]
    assert not logic.busy


def test_a_job_can_be_cancelled_too_and_tells_nobody_of_a_failure(logic, named) -> None:
    heard = Heard(logic)
    job = logic.segmentTexts(["left kidney", "right kidney"], wait=False)
    logic.answered.connect(lambda answer: job.cancel())
    logic.waitUntilIdle()
    assert job.finished
    assert list(segments(logic).values()) == ["left kidney"]
    assert heard.failures == []
    assert heard.busy[-1] is False


def test_names_given_while_others_are_looked_for_wait_for_their_turn(logic, named) -> None:
    for names in ("kidney", "left kidney", "spleen; right kidney"):
        logic.segmentTexts(names, wait=False)
    logic.waitUntilIdle()
    assert [[each.error is None for each in outcomes] for outcomes in named] == [
        [True, True],
        [True],
        [False, True],
    ]
    assert list(segments(logic).values()) == ["left kidney", "right kidney"]


def test_cancelling_drops_what_waits_for_its_turn_too(logic, named) -> None:
    logic.segmentTexts("kidney", wait=False)
    logic.segmentTexts("spleen", wait=False)
    logic.answered.connect(lambda answer: logic.cancel())
    logic.waitUntilIdle()
    assert list(segments(logic).values()) == ["left kidney"]
    assert [len(outcomes) for outcomes in named] == [1, 0]
    assert logic.segmentTexts("right kidney")[0].error is None


def test_a_click_given_meanwhile_is_answered_too(logic, volume_node) -> None:
    logic.segmentTexts("kidney", wait=False)
    clicked = logic.addSegment("clicked")
    job = logic.segmentPoint(ras_of(volume_node, LEFT), segmentId=clicked, wait=False)
    logic.waitUntilIdle()
    assert job.result().segment_id == clicked
    assert list(segments(logic).values()) == ["clicked", "left kidney", "right kidney"]
    assert logic.selectedSegmentId == clicked, "the user went there"


def test_a_model_that_fails_ends_it_and_says_why(logic, reader, named, monkeypatch) -> None:
    def fail(image, guidance, text=None):
        raise ModelError("The weights are damaged")

    monkeypatch.setattr(reader, "predict", fail)
    with pytest.raises(ModelError, match="damaged"):
        logic.segmentTexts("kidney")
    assert named == [[]]
    assert segments(logic) == {}


@pytest.mark.parametrize("what", ["volumeNode", "segmentationNode"])
def test_a_node_that_goes_ends_it_without_harm(logic, scene, what) -> None:
    logic.answered.connect(lambda answer: scene.RemoveNode(getattr(logic, what)))
    with pytest.raises((Cancelled, SessionError)):
        logic.segmentTexts("kidney")
    assert not logic.busy


@pytest.mark.parametrize("nothing", ["", " ; ", [], ["", "  "], [3]])
def test_without_a_name_it_is_refused(logic, nothing) -> None:
    with pytest.raises(PromptError):
        logic.segmentTexts(nothing)


def test_a_model_that_takes_no_text_refuses_names(scene, volume_node) -> None:
    logic = make_logic(scene)
    logic.setVolumeNode(volume_node)
    with pytest.raises(CapabilityError, match="not take text"):
        logic.segmentTexts("liver")
    assert logic.completeText("liv") == []
    logic.close()


def test_nothing_of_names_is_read_before_somebody_types(logic) -> None:
    assert logic._names._vocabulary is None
