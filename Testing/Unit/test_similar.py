"""From one segmented object to its look-alikes: proposed, not taken, and never where a segment is already."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fakes import FakeModel, FakeSegmenter, make_volume
from grey_model import SilentModel
from similar_cases import BRIGHT, SHAPE, FeatureModel, objects, picture_of, session_on
from slice_model import GreySliceModel

from LightSegLib.errors import Cancelled, CapabilityError, SessionError
from LightSegLib.geometry import IndexBox
from LightSegLib.runtime.worker import SessionWorker
from LightSegLib.session import InteractiveSession
from LightSegLib.similar.proposals import best_of
from LightSegLib.similar.settings import SimilarSettings

LABELS = objects()


@pytest.fixture
def session():
    """The first bright ball is segmented."""
    session = session_on(LABELS)
    session.set_mask(LABELS == 1)
    return session


def numbers_of(found):
    """The label under each proposal's mask; 0 for one that covers several or background."""
    values = [set(LABELS[one.box.slices][one.mask].tolist()) for one in found]
    return sorted(next(iter(value)) if len(value) == 1 else 0 for value in values)


def test_the_others_of_its_kind_are_found_and_not_what_looks_different(session):
    found = session.find_similar()
    assert numbers_of(found) == [2, 3, 4]
    for one in found:
        assert LABELS[one.place_ijk[::-1]] in (2, 3, 4)
        assert IndexBox.of_mask(one.mask).shape_ijk == one.box.shape_ijk
        assert one.size_ratio == pytest.approx(1, abs=0.2)
        assert 0 < one.confidence <= 1
        assert 0 < one.expected_dice <= 1
        assert one.shape > 0.8
        assert one.similarity > 0.8


def test_the_most_confident_comes_first(session):
    confidences = [one.confidence for one in session.find_similar()]
    assert confidences == sorted(confidences, reverse=True)


def test_the_same_search_finds_the_same(session):
    first, second = session.find_similar(), session.find_similar()
    assert [one.box for one in first] == [one.box for one in second]
    assert [one.confidence for one in first] == [one.confidence for one in second]


def test_looking_changes_nothing(session):
    before = (session.segments, session.mask.copy(), session.prompts, session.step())
    session.find_similar()
    after = (session.segments, session.mask, session.prompts, session.step())
    assert np.array_equal(before[1], after[1])
    assert (before[0], before[2], before[3]) == (after[0], after[2], after[3])


def test_what_is_found_becomes_a_segment_that_one_undo_empties(session):
    found = session.find_similar()[0]
    change = session.add_similar(found, "second")
    assert (change.segment, change.box) == ("second", found.box)
    assert session.segments == ("Segment_1", "second")
    assert session.active_segment == "second"
    assert np.array_equal(session.mask[found.box.slices], found.mask)
    assert session.mask.sum() == found.mask.sum()
    assert session.confidence == pytest.approx(found.expected_dice)
    session.undo()
    assert not session.mask.any()
    session.redo()
    assert session.mask.sum() == found.mask.sum()


def test_clicks_go_on_from_what_was_found(session):
    found = session.find_similar()[0]
    session.add_similar(found)
    i, j, k = found.place_ijk
    session.add_point((i, j, found.box.upper[2]))
    assert session.mask[found.box.upper[2], j, i]
    assert session.mask[k, j, i]
    assert len(session.prompts) == 2


def test_nothing_is_proposed_where_a_segment_is(session):
    session.add_segment("third")
    session.set_mask(LABELS == 3)
    session.active_segment = "Segment_1"
    assert numbers_of(session.find_similar()) == [2, 4]
    session.accept("third")
    assert numbers_of(session.find_similar()) == [2, 4]


def test_an_accepted_segment_may_be_the_example(session):
    session.accept()
    assert numbers_of(session.find_similar()) == [2, 3, 4]


def test_no_more_are_proposed_than_asked_for(session):
    assert len(session.find_similar(2)) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"shape": 1.01},
        {"expected_dice": 1.01},
        {"size_factor": 1.0001},
        {"confidence": 1.01},
    ],
)
def test_what_is_not_like_enough_is_not_proposed(session, changes):
    if "size_factor" in changes:
        session.set_mask(LABELS[:, :, :] == 1)
        session.add_point((BRIGHT[0][0], BRIGHT[0][1], 0))
    assert session.find_similar(settings=replace(SimilarSettings(), **changes)) == []


def test_a_model_that_draws_nothing_proposes_nothing():
    class SilentFeatures(FeatureModel, SilentModel):
        predict = SilentModel.predict

    session = session_on(LABELS, SilentFeatures())
    session.set_mask(LABELS == 1)
    assert session.find_similar() == []


def test_a_tiny_example_and_one_as_large_as_the_image_are_no_trouble(session):
    dot = np.zeros(SHAPE, bool)
    dot[12, 10, 10] = True
    session.set_mask(dot)
    session.find_similar()
    session.set_mask(np.ones(SHAPE, bool))
    assert session.find_similar() == []


def test_the_coarse_map_stays_within_its_bounds(session):
    found = session.find_similar(settings=replace(SimilarSettings(), most_cells=2000))
    assert set(numbers_of(found)) <= {2, 3, 4}


def test_an_empty_example_and_no_image_are_refused(session):
    session.reset()
    with pytest.raises(SessionError, match="is empty"):
        session.find_similar()
    with pytest.raises(SessionError, match="no image"):
        session_without_image().find_similar()


def session_without_image():
    return InteractiveSession(FeatureModel())


def test_a_limit_below_one_is_refused(session):
    with pytest.raises(SessionError, match="limit"):
        session.find_similar(0)


@pytest.mark.parametrize("model", [FakeModel, GreySliceModel])
def test_a_model_that_shows_no_features_is_refused(model):
    model = model()
    session = InteractiveSession(model, FakeSegmenter())
    session.set_image(make_volume())
    session.set_mask(np.ones((12, 14, 16), bool))
    with pytest.raises(CapabilityError, match="similar"):
        session.find_similar()


def test_what_was_found_in_another_image_is_refused(session):
    found = session.find_similar()[0]
    session.set_image(picture_of(LABELS))
    with pytest.raises(SessionError, match="another image"):
        session.add_similar(found)
    other = session_on(LABELS)
    with pytest.raises(SessionError, match="another image"):
        other.add_similar(found)
    assert session.segments == other.segments == ("Segment_1",)


def test_a_name_that_is_taken_is_refused(session):
    found = session.find_similar()[0]
    with pytest.raises(SessionError, match="already"):
        session.add_similar(found, "Segment_1")
    assert session.segments == ("Segment_1",)


def test_a_search_tells_how_far_it_is(session):
    told = []
    session.find_similar(report=lambda done, what: told.append((done, what)))
    shares = [done for done, _ in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert {what for _, what in told[:-1]} == {"Looking over the image", "Asking about what looks alike"}


@pytest.mark.parametrize("after", [1, 4, 9])
def test_a_search_can_be_cancelled_between_any_two_looks(session, after):
    calls = []

    def check():
        calls.append(None)
        if len(calls) > after:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        session.find_similar(check_cancelled=check)
    assert len(session.segments) == 1
    assert numbers_of(session.find_similar()) == [2, 3, 4]


def test_the_worker_searches_with_progress(session):
    found, shares = [], []
    with SessionWorker() as worker:
        worker.submit(
            lambda context: session.find_similar(
                report=context.report, check_cancelled=context.raise_if_cancelled
            ),
            on_done=found.extend,
            on_progress=lambda done, _what: shares.append(done),
        )
        worker.wait_idle()
        worker.poll()
    assert numbers_of(found) == [2, 3, 4]
    assert shares[-1] == 1


def test_of_proposals_that_are_the_same_object_the_best_is_kept(session):
    one = session.find_similar()[0]
    worse = replace(one, confidence=one.confidence / 2)
    assert best_of([worse, one], 5) == [one]
