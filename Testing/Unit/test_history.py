"""The undo stack keeps bits, not masks, forgets the oldest first, and passes over accepted segments."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from LightSegLib.geometry import IndexBox
from LightSegLib.history import Delta, History
from LightSegLib.prompts import Point, PromptSet
from LightSegLib.segments import EMPTY_BOX, Doubt, Knowledge, Segment

SHAPE_IJK = (9, 7, 5)


def flip_random(segment, history, seed=0, box=None, after=None):
    box = box or IndexBox((1, 1, 1), (8, 6, 4))
    flips = np.random.default_rng(seed).random(box.shape_ijk[::-1]) < 0.5
    delta = Delta.of(segment, box, flips, after or Knowledge())
    segment.flip(box, flips)
    segment.knowledge = delta.after
    history.push(delta)
    return delta


@pytest.fixture
def segment():
    return Segment("Segment_1", SHAPE_IJK)


@given(lengths=st.tuples(*[st.integers(1, 9)] * 3), seed=st.integers(0, 1000))
def test_flipped_voxels_come_back_as_they_went_in(lengths, seed):
    flips = np.random.default_rng(seed).random(lengths[::-1]) < 0.5
    delta = Delta.of(Segment("s", lengths), IndexBox.whole(lengths), flips, Knowledge())
    np.testing.assert_array_equal(delta.flips, flips)
    assert delta.bits.nbytes <= flips.size // 8 + 1


def test_a_change_of_prompts_alone_has_an_empty_box(segment):
    after = Knowledge(PromptSet((Point((0, 0, 0)),)))
    delta = Delta.of(segment, EMPTY_BOX, np.zeros((0, 0, 0), dtype=bool), after)
    assert delta.flips.shape == (0, 0, 0)
    assert segment.flip(delta.box, delta.flips).shape == (0, 0, 0)


def test_what_was_known_before_is_kept_beside_what_is_known_after(segment):
    after = Knowledge(PromptSet((Point((1, 1, 1)),)), confidence=0.5)
    before = segment.knowledge
    delta = flip_random(segment, History(), after=after)
    assert delta.before is before
    assert delta.after is after


def test_an_empty_history_has_nothing_to_undo_or_redo():
    history = History()
    assert not history.can_undo
    assert not history.can_redo
    assert history.undo() is None
    assert history.redo() is None


def test_changes_are_undone_newest_first_and_redone_oldest_first(segment):
    history = History()
    deltas = [flip_random(segment, history, seed) for seed in range(4)]
    assert [history.undo() for _ in range(4)] == deltas[::-1]
    assert [history.redo() for _ in range(4)] == deltas
    assert not history.can_redo


def test_a_new_change_ends_redo(segment):
    history = History()
    flip_random(segment, history)
    history.undo()
    flip_random(segment, history, 1)
    assert not history.can_redo


def test_the_oldest_changes_are_forgotten_beyond_the_limit(segment):
    history = History(max_bytes=5000)
    deltas = [flip_random(segment, history, seed) for seed in range(20)]
    assert history.byte_count <= 5000
    undone = []
    while history.can_undo:
        undone.append(history.undo())
    assert undone == deltas[: -len(undone) - 1 : -1]
    assert 2 <= len(undone) <= 4


def test_the_newest_change_is_kept_even_where_it_is_beyond_the_limit(segment):
    history = History(max_bytes=10)
    flip_random(segment, history)
    newest = flip_random(segment, history, 1)
    assert history.undo() is newest
    assert not history.can_undo


def test_the_memory_of_probabilities_is_counted_once(segment):
    history = History()
    doubt = Doubt(IndexBox.whole((10, 10, 10)), (1, 1, 1), np.zeros((10, 10, 10), dtype=np.float16))
    first = flip_random(segment, history, 0, after=Knowledge(doubt=doubt))
    second = flip_random(segment, history, 1, after=Knowledge(doubt=doubt))
    assert first.byte_count - second.byte_count == doubt.probability.nbytes


def test_memory_is_given_back_when_undone_changes_are_overwritten_or_cleared(segment):
    history = History()
    flip_random(segment, history)
    one = history.byte_count
    flip_random(segment, history, 1)
    history.undo()
    flip_random(segment, history, 2)
    assert history.byte_count == 2 * one
    history.clear()
    assert history.byte_count == 0
    assert not history.can_undo


def test_changes_of_accepted_segments_are_passed_over_until_reopened(segment):
    history = History()
    other = Segment("Segment_2", SHAPE_IJK)
    mine, theirs = flip_random(segment, history), flip_random(other, history)
    other.accepted = True
    assert history.undo() is mine
    assert not history.can_undo
    other.accepted = False
    assert history.undo() is theirs


def test_a_removed_segment_takes_its_changes_with_it(segment):
    history = History()
    other = Segment("Segment_2", SHAPE_IJK)
    mine = flip_random(segment, history)
    flip_random(other, history)
    flip_random(other, history, 1)
    history.undo()
    history.forget(other)
    assert not history.can_redo
    assert history.byte_count == mine.byte_count
    assert history.undo() is mine
