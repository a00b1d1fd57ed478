"""The session follows the one undo history, which is the Segment Editor's, and what users paint by hand."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from scene_building import FIRST, SECOND, Painter, ball_mask, cube_mask, shown

from LightSegLib.mrml.scene_session import SceneSession
from LightSegLib.mrml.undo_owners import LogicUndo, UndoOwner

NEAR_FIRST, NEAR_SECOND = (9, 13, 10), (23, 13, 10)
FIRST_CUBE, SECOND_CUBE, NEAR_CUBE = cube_mask(FIRST), cube_mask(SECOND), cube_mask(NEAR_FIRST)
SPECK = ball_mask((16, 4, 4), 2)  # far from all clicks


@pytest.fixture
def click(session, answered, heard):
    """Click and wait for the answer: click("A", ijk, positive)."""

    def do(segment_id, ijk, positive=True):
        session.add_point(segment_id, ijk, positive, **heard.callbacks)
        answered(session)
        assert not heard.errors, heard.errors
        return heard.done[-1]

    return do


@pytest.fixture
def inside(session, answered):
    """Mask, prompts and step of the session's own segment, in keeping with the scene: inside("A")."""

    def look(segment_id):
        session.follow(segment_id)
        answered(session)
        own = session._stepping._session
        own.active_segment = segment_id
        return own.mask.copy(), own.prompts, own.step()

    return look


def test_undo_takes_a_click_back_and_redo_brings_it_again(session, click, see):
    click("A", FIRST)
    np.testing.assert_array_equal(see("A"), FIRST_CUBE)
    session.undo_owner.undo()
    assert not see("A").any()
    session.undo_owner.redo()
    np.testing.assert_array_equal(see("A"), FIRST_CUBE)


def test_the_session_follows_undo_and_redo_with_mask_and_prompts(session, click, see, inside):
    states = [inside("A")]
    for ijk, positive in ((FIRST, True), (SECOND, True), ((9, 13, 13), False)):
        click("A", ijk, positive)
        states.append(inside("A"))
    assert [len(prompts) for _, prompts, _ in states] == [0, 1, 2, 3]
    for visited in (2, 1, 0, 1, 2, 3, 2):
        mask, prompts, step = states[visited]
        if visited < len(inside("A")[1]):
            session.undo_owner.undo()
        else:
            session.undo_owner.redo()
        np.testing.assert_array_equal(see("A"), mask)
        now = inside("A")
        np.testing.assert_array_equal(now[0], mask)
        assert (now[1], now[2]) == (prompts, step)


def test_the_next_click_after_undo_goes_on_from_what_is_seen(session, click, see, inside):
    click("A", FIRST)
    click("A", SECOND)
    session.undo_owner.undo()
    click("A", NEAR_FIRST)
    mask, prompts, _ = inside("A")
    np.testing.assert_array_equal(see("A"), FIRST_CUBE | NEAR_CUBE)
    np.testing.assert_array_equal(mask, FIRST_CUBE | NEAR_CUBE)
    assert [point.ijk for point in prompts.points] == [FIRST, NEAR_FIRST]
    assert not session.undo_owner.can_redo


def test_undo_of_one_segment_leaves_the_others_and_their_prompts(session, click, see, inside):
    click("A", FIRST)
    click("B", SECOND)
    click("A", NEAR_FIRST)
    session.undo_owner.undo()
    session.undo_owner.undo()
    assert not see("B").any()
    np.testing.assert_array_equal(see("A"), FIRST_CUBE)
    assert len(inside("A")[1]) == 1
    assert len(inside("B")[1]) == 0
    session.undo_owner.redo()
    np.testing.assert_array_equal(see("B"), SECOND_CUBE)
    assert len(inside("B")[1]) == 1


def test_what_was_painted_is_where_the_next_click_goes_on(click, see, inside, painter):
    click("A", FIRST)
    painter.paint("A", SPECK)
    click("A", SECOND)
    mask, prompts, _ = inside("A")
    assert mask[SPECK].all()
    np.testing.assert_array_equal(see("A"), mask)
    np.testing.assert_array_equal(mask, FIRST_CUBE | SPECK | SECOND_CUBE)
    assert [point.ijk for point in prompts.points] == [SECOND]


def test_undo_and_redo_step_through_clicks_and_painting_in_turn(session, click, see, inside, painter):
    seen = [see("A")]
    click("A", FIRST)
    seen.append(see("A"))
    painter.paint("A", SPECK)
    seen.append(see("A"))
    click("A", SECOND)
    seen.append(see("A"))
    painter.paint("A", ball_mask(FIRST, 2), erase=True)
    seen.append(see("A"))
    for state in (3, 2, 1, 0):
        session.undo_owner.undo()
        np.testing.assert_array_equal(see("A"), seen[state])
        np.testing.assert_array_equal(inside("A")[0], seen[state])
    for state in (1, 2, 3, 4):
        session.undo_owner.redo()
        np.testing.assert_array_equal(see("A"), seen[state])
        np.testing.assert_array_equal(inside("A")[0], seen[state])


def test_painting_taken_back_by_undo_leaves_the_prompts(session, click, inside, painter):
    click("A", FIRST)
    before = inside("A")
    painter.paint("A", SPECK)
    session.undo_owner.undo()
    after = inside("A")
    assert after[1:] == before[1:]


def test_painting_in_one_segment_leaves_the_prompts_of_another(click, inside, painter):
    click("A", FIRST)
    click("B", SECOND)
    painter.paint("A", SPECK)
    assert len(inside("B")[1]) == 1


def test_a_segment_that_lost_voxels_to_another_goes_on_from_what_it_kept(session, click, see, inside):
    click("A", FIRST)
    click("B", NEAR_FIRST)
    kept = see("A")
    np.testing.assert_array_equal(kept, FIRST_CUBE & ~NEAR_CUBE)
    np.testing.assert_array_equal(inside("A")[0], kept)
    session.undo_owner.undo()
    np.testing.assert_array_equal(see("A"), FIRST_CUBE)
    mask, prompts, _ = inside("A")
    np.testing.assert_array_equal(mask, FIRST_CUBE)
    assert len(prompts) == 1


def test_a_segment_with_content_from_elsewhere_is_adopted(session, click, see, inside, painter):
    painter.paint("A", SPECK)
    click("A", FIRST)
    np.testing.assert_array_equal(see("A"), FIRST_CUBE | SPECK)
    np.testing.assert_array_equal(inside("A")[0], FIRST_CUBE | SPECK)
    session.undo_owner.undo()
    np.testing.assert_array_equal(see("A"), SPECK)
    np.testing.assert_array_equal(inside("A")[0], SPECK)


def test_what_masking_kept_out_is_no_edit_by_hand(click, see, inside, editor_node, painter):
    painter.paint("B", ball_mask((12, 13, 12), 3))
    editor_node.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedOutsideAllSegments)
    click("A", FIRST)
    assert not (see("A") & see("B")).any()
    mask, prompts, _ = inside("A")
    np.testing.assert_array_equal(mask, FIRST_CUBE)
    assert len(prompts) == 1
    click("A", NEAR_FIRST)
    assert len(inside("A")[1]) == 2


def test_more_clicks_than_states_still_undo_as_far_as_states_go(
    model, volume_node, segmentation_node, worker, editor_node, segmenter, answered, heard
):
    undo = LogicUndo(editor_node, max_states=4)
    session = SceneSession(model, volume_node, segmentation_node, worker, undo, editor_node, segmenter)
    seen = [shown(segmentation_node, "A", volume_node)]
    for n in range(8):
        session.add_box("A", (4 + n, 8, 8), (8 + n, 18, 16), **heard.callbacks)
        answered(session)
        seen.append(shown(segmentation_node, "A", volume_node))
    assert not heard.errors
    undone = 0
    while undo.can_undo:
        undo.undo()
        undone += 1
        np.testing.assert_array_equal(shown(segmentation_node, "A", volume_node), seen[8 - undone])
    assert undone == 3
    session.add_point("A", FIRST, **heard.callbacks)
    answered(session)
    assert not heard.errors
    assert len(heard.done) == 9
    session.close()


def test_beyond_what_the_session_remembers_the_segment_is_adopted(session, click, see, inside):
    click("A", FIRST)
    click("A", SECOND)
    session._stepping._session._history.clear()
    session.undo_owner.undo()
    np.testing.assert_array_equal(see("A"), FIRST_CUBE)
    mask, prompts, _ = inside("A")
    np.testing.assert_array_equal(mask, FIRST_CUBE)
    assert len(prompts) == 0


def test_reset_empties_and_can_be_undone_with_prompts(session, click, see, inside, answered, heard):
    click("A", FIRST)
    before = inside("A")
    session.reset("A", **heard.callbacks)
    answered(session)
    assert not see("A").any()
    assert len(inside("A")[1]) == 0
    session.undo_owner.undo()
    after = inside("A")
    np.testing.assert_array_equal(see("A"), FIRST_CUBE)
    assert after[1:] == before[1:]


def test_reset_empties_what_was_painted_too(session, see, painter, answered, heard):
    painter.paint("A", SPECK)
    session.reset("A", **heard.callbacks)
    answered(session)
    assert not heard.errors
    assert not see("A").any()
    session.undo_owner.undo()
    np.testing.assert_array_equal(see("A"), SPECK)


def test_following_leaves_no_trace_in_the_scene(session, click, segmentation_node, painter):
    click("A", FIRST)
    painter.paint("A", SPECK)
    session.undo_owner.undo()
    session.undo_owner.undo()
    events = []
    tag = segmentation_node.GetSegmentation().AddObserver("AnyEvent", lambda *_: events.append(1))
    session.follow("A")
    segmentation_node.GetSegmentation().RemoveObserver(tag)
    assert not events
    assert session.undo_owner.can_redo


def test_confidence_follows_what_is_shown(session, click, painter):
    assert session.confidence("A") is None
    answer = click("A", FIRST)
    assert session.confidence("A") == answer.confidence > 0
    session.undo_owner.undo()
    assert session.confidence("A") == 0
    session.undo_owner.redo()
    assert session.confidence("A") == answer.confidence
    painter.paint("A", SPECK)
    assert session.confidence("A") is None


def test_a_click_that_changes_nothing_saves_no_state_and_counts_as_a_prompt(session, click, see, inside):
    click("A", FIRST)
    assert not click("A", (9, 13, 20), positive=False).written
    assert len(inside("A")[1]) == 2
    session.undo_owner.undo()
    assert not see("A").any()
    assert len(inside("A")[1]) == 0
    session.undo_owner.redo()
    np.testing.assert_array_equal(inside("A")[0], FIRST_CUBE)


def test_names_and_colors_change_nothing(click, inside, segmentation_node):
    click("A", FIRST)
    before = inside("A")
    segment = segmentation_node.GetSegmentation().GetSegment("A")
    segment.SetName("Left kidney")
    segment.SetColor(0.1, 0.2, 0.3)
    assert inside("A")[1:] == before[1:]


def test_a_removed_segment_comes_back_with_undo_and_its_prompts(
    session, click, see, inside, segmentation_node
):
    click("A", FIRST)
    click("B", SECOND)
    session.undo_owner.save_state()
    segmentation_node.GetSegmentation().RemoveSegment("A")
    click("B", NEAR_SECOND)
    session.undo_owner.undo()
    session.undo_owner.undo()
    np.testing.assert_array_equal(see("A"), FIRST_CUBE)
    mask, prompts, _ = inside("A")
    np.testing.assert_array_equal(mask, FIRST_CUBE)
    assert len(prompts) == 1


def test_a_new_segment_under_an_old_id_starts_empty(click, see, inside, segmentation_node):
    click("A", FIRST)
    segmentation_node.GetSegmentation().RemoveSegment("A")
    segmentation_node.GetSegmentation().AddEmptySegment("A", "A")
    click("A", SECOND)
    np.testing.assert_array_equal(see("A"), SECOND_CUBE)
    assert len(inside("A")[1]) == 1


# --- Owners -------------------------------------------------------------------------------------------------


def test_the_logic_is_an_undo_owner(editor_node):
    assert isinstance(LogicUndo(editor_node), UndoOwner)


def test_an_owner_with_nothing_to_undo_does_nothing(editor_node):
    undo = LogicUndo(editor_node)
    assert not undo.can_undo
    assert not undo.can_redo
    undo.undo()
    undo.redo()


def test_a_foreign_owner_saves_once_per_prompt_before_the_first_voxel_changes(
    model, volume_node, segmentation_node, worker, editor_node, segmenter, answered, heard
):
    class Owner:
        can_undo = can_redo = False

        def __init__(self):
            self.saved = []

        def save_state(self):
            self.saved.append(int(shown(segmentation_node, "A", volume_node).sum()))

        def undo(self):
            """Not asked for here."""

        def redo(self):
            """Not asked for here."""

    owner = Owner()
    session = SceneSession(model, volume_node, segmentation_node, worker, owner, editor_node, segmenter)
    for ijk, positive in ((FIRST, True), (SECOND, True), ((9, 13, 13), False)):
        session.add_point("A", ijk, positive, **heard.callbacks)
    answered(session)
    assert len(heard.done) == 3
    sizes = [0, int(FIRST_CUBE.sum()), int((FIRST_CUBE | SECOND_CUBE).sum())]
    assert owner.saved == sizes
    session.close()


def test_painting_on_a_second_history_is_followed_too(click, see, inside, editor_node):
    click("A", FIRST)
    other = LogicUndo(editor_node)
    Painter(editor_node, other).paint("A", SPECK)
    np.testing.assert_array_equal(inside("A")[0], FIRST_CUBE | SPECK)
    other.undo()
    np.testing.assert_array_equal(see("A"), FIRST_CUBE)
    assert len(inside("A")[1]) == 1
