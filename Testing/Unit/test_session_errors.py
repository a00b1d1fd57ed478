"""Bad input gets an error with cause and next step; the session stays usable and the last mask untouched."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import EVERYTHING_BUT_TEXT, FakeModel, FakeSegmenter, ForgetfulSegmenter, make_volume

from LightSegLib.errors import (
    Cancelled,
    CapabilityError,
    GeometryError,
    LightSegError,
    ModelError,
    PromptError,
    SessionError,
    VolumeError,
)
from LightSegLib.geometry import IndexBox, Volume
from LightSegLib.models.base import Capabilities
from LightSegLib.session import InteractiveSession

CENTRE = (8, 7, 6)
SHAPE_KJI = (12, 14, 16)


@pytest.fixture
def session():
    """A session at work: one click answered, one undone."""
    session = InteractiveSession(FakeModel(), FakeSegmenter())
    session.set_image(make_volume(spacing=(2.0, 1.0, 3.0), origin=(100.0, -50.0, 0.0)))
    session.add_point(CENTRE)
    session.add_point((3, 3, 3))
    session.undo()
    return session


def refuses(session, error_type, act, match=None):
    """Check that an action raises, explains itself, and leaves everything as it was; return the error."""
    image, mask, prompts = session.image, session.mask.copy(), session.prompts
    confidence, segments = session.confidence, session.segments
    with pytest.raises(error_type, match=match) as caught:
        act()
    assert session.image is image
    np.testing.assert_array_equal(session.mask, mask)
    assert session.prompts == prompts
    assert session.confidence == confidence
    assert session.segments == segments
    assert session.can_undo
    assert session.can_redo
    session.redo()
    session.undo()
    np.testing.assert_array_equal(session.mask, mask)
    assert session.add_point((12, 3, 3)).segment == "Segment_1"
    session.undo()
    error = caught.value
    assert isinstance(error, LightSegError)
    assert error.what
    return error


# Order of calls


@pytest.mark.parametrize(
    "act",
    [
        lambda session: session.add_point(CENTRE),
        lambda session: session.add_point_ras((1.0, 2.0, 3.0)),
        lambda session: session.add_box((0, 0, 0), (2, 2, 2)),
        lambda session: session.add_scribble([(0, 0, 0)]),
        lambda session: session.set_mask(np.zeros(SHAPE_KJI, dtype=bool)),
        lambda session: session.reset(),
        lambda session: session.mask,
        lambda session: session.prompts,
        lambda session: session.suggest(),
        lambda session: session.add_segment("liver"),
        lambda session: session.active_segment,
        lambda session: session.accept(),
        lambda session: session.segment_mask("Segment_1"),
    ],
)
def test_before_an_image_every_call_says_what_to_call_first(act):
    session = InteractiveSession(FakeModel(), FakeSegmenter())
    with pytest.raises(SessionError, match="set_image"):
        act(session)
    assert session.segments == ()


@pytest.mark.parametrize("way", ["undo", "redo"])
def test_nothing_to_undo_or_redo_is_said(way):
    session = InteractiveSession(FakeModel(), FakeSegmenter())
    for _ in range(2):
        with pytest.raises(SessionError, match=f"nothing to {way}.*can_{way}"):
            getattr(session, way)()
        session.set_image(make_volume())


# Images


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_an_image_that_is_not_finite_is_refused(session, bad):
    array = np.arange(np.prod(SHAPE_KJI), dtype=np.float32).reshape(SHAPE_KJI)
    array[5, 6, 7] = bad
    error = refuses(session, VolumeError, lambda: session.set_image(Volume(array, np.eye(4))))
    assert error.why
    assert error.next_step


def test_a_constant_image_is_refused(session):
    constant = Volume(np.full(SHAPE_KJI, 40, dtype=np.int16), np.eye(4))
    refuses(session, VolumeError, lambda: session.set_image(constant), "40")


@pytest.mark.parametrize(
    "shape", [(), (0,), (14, 16), (0, 14, 16), (1, 14, 16), (12, 1, 16), (12, 14, 1), (2, 1, 12, 14, 16)]
)
def test_what_is_not_a_volume_never_reaches_the_session(session, shape):
    refuses(session, VolumeError, lambda: session.set_image(Volume(np.zeros(shape), np.eye(4))))


def test_a_singular_affine_never_reaches_the_session(session):
    array = make_volume().array
    flat = np.diag([1.0, 1.0, 0.0, 1.0])
    refuses(session, GeometryError, lambda: session.set_image(Volume(array, flat)), "singular")


def test_an_image_with_more_channels_than_the_model_takes_is_refused(session):
    array = np.stack([make_volume().array] * 3)
    volume = Volume(array, np.eye(4))
    refuses(session, CapabilityError, lambda: session.set_image(volume), r"3 channels.*takes 1 channel")


def test_an_array_instead_of_a_volume_is_refused_with_the_way_to_make_one(session):
    refuses(
        session, VolumeError, lambda: session.set_image(make_volume().array), r"Volume\(array, ijk_to_ras\)"
    )


# Prompts


@pytest.mark.parametrize(
    ("act", "index", "mm"),
    [
        (lambda s: s.add_point((16, 7, 6)), "(16, 7, 6)", "(132.0, -43.0, 18.0)"),
        (lambda s: s.add_point((8, -1, 6)), "(8, -1, 6)", "(116.0, -51.0, 18.0)"),
        (lambda s: s.add_point_ras((116.0, -43.0, 36.0)), "(8, 7, 12)", "(116.0, -43.0, 36.0)"),
        (lambda s: s.add_scribble([CENTRE, (8, 7, 40)]), "(8, 7, 40)", "(116.0, -43.0, 120.0)"),
        (lambda s: s.add_box((-2, 0, 0), (5, 5, 5)), "(-2, 0, 0)", "(96.0, -50.0, 0.0)"),
        (lambda s: s.add_box((0, 0, 0), (5, 5, 13)), "(4, 4, 12)", "(108.0, -46.0, 36.0)"),
    ],
    ids=["point beyond", "point before", "point in mm", "scribble", "box lower", "box upper"],
)
def test_a_prompt_outside_the_image_is_named_in_mm_and_index(session, act, index, mm):
    error = refuses(session, PromptError, lambda: act(session))
    assert index in str(error)
    assert mm in str(error)
    assert "mm" in str(error)


def test_a_box_turned_inside_out_is_refused(session):
    refuses(session, PromptError, lambda: session.add_box((5, 5, 5), (2, 8, 8)), "inside out")


def test_an_empty_box_is_refused(session):
    refuses(session, PromptError, lambda: session.add_box((5, 5, 5), (5, 8, 8)), "empty")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_prompt_that_is_not_finite_is_refused(session, bad):
    refuses(session, PromptError, lambda: session.add_point((8, bad, 6)))
    refuses(session, PromptError, lambda: session.add_point_ras((8.0, bad, 6.0)))
    refuses(session, PromptError, lambda: session.add_box((1, bad, 1), (3, 3, 3)))
    refuses(session, PromptError, lambda: session.add_scribble([(1, 1, bad)]))


def test_indices_between_voxels_are_refused_and_pointed_to_millimetres(session):
    refuses(session, PromptError, lambda: session.add_point((8.5, 7, 6)), "add_point_ras")
    refuses(session, PromptError, lambda: session.add_box((1.2, 1, 1), (3, 3, 3)))
    refuses(session, PromptError, lambda: session.add_scribble([(1, 1, 1), (2, 2, 2.5)]))


@pytest.mark.parametrize("bad", [(1, 2), (1, 2, 3, 4), ("a", "b", "c"), 5, None])
def test_a_position_that_is_not_three_numbers_is_refused(session, bad):
    refuses(session, PromptError, lambda: session.add_point(bad))
    refuses(session, PromptError, lambda: session.add_point_ras(bad))


def test_an_empty_scribble_is_refused(session):
    refuses(session, PromptError, lambda: session.add_scribble([]), "empty")


def test_a_mask_of_another_shape_is_refused_naming_both(session):
    mask = np.zeros(SHAPE_KJI[::-1], dtype=bool)
    refuses(session, PromptError, lambda: session.set_mask(mask), r"\(16, 14, 12\).*\(12, 14, 16\)")


@pytest.mark.parametrize("value", [0.5, 2.0, np.nan])
def test_a_mask_of_fractions_is_refused(session, value):
    mask = np.zeros(SHAPE_KJI, dtype=np.float32)
    mask[3, 3, 3] = value
    refuses(session, PromptError, lambda: session.set_mask(mask), "hreshold")


def test_a_mask_of_text_is_refused(session):
    refuses(session, PromptError, lambda: session.set_mask(np.full(SHAPE_KJI, "1")))


# What the model cannot do


def test_text_without_a_text_model_says_what_the_model_takes(session):
    error = refuses(session, CapabilityError, lambda: session.set_text("left kidney"))
    assert "points, boxes, scribbles and mask" in str(error)
    assert error.next_step


@pytest.mark.parametrize(
    ("kind", "act"),
    [
        ("points", lambda s: s.add_point(CENTRE)),
        ("points", lambda s: s.add_point_ras((0.0, 0.0, 0.0))),
        ("boxes", lambda s: s.add_box((0, 0, 0), (2, 2, 2))),
        ("scribbles", lambda s: s.add_scribble([CENTRE])),
        ("mask", lambda s: s.set_mask(np.zeros(SHAPE_KJI, dtype=bool))),
    ],
)
def test_each_kind_of_prompt_is_refused_by_a_model_without_it(kind, act):
    takes = {**EVERYTHING_BUT_TEXT.to_dict(), kind: False}
    session = InteractiveSession(FakeModel(Capabilities(**takes)), FakeSegmenter())
    session.set_image(make_volume())
    with pytest.raises(CapabilityError, match=f"does not take {kind}"):
        act(session)
    assert not session.can_undo


# Failures on the way


@pytest.mark.parametrize(
    "failure", [Cancelled("Stopped"), ModelError("Broken", "test"), RuntimeError("crash")]
)
def test_a_failure_inside_the_model_leaves_everything_as_it_was(failure):
    segmenter = FakeSegmenter()
    session = InteractiveSession(FakeModel(), segmenter)
    session.set_image(make_volume())
    session.add_point(CENTRE)
    session.add_point((3, 3, 3))
    session.undo()
    mask, prompts = session.mask.copy(), session.prompts
    segmenter.fail_with = failure
    with pytest.raises(type(failure)):
        session.add_point((10, 9, 8), positive=False)
    np.testing.assert_array_equal(session.mask, mask)
    assert session.prompts is prompts
    assert session.can_redo
    segmenter.fail_with = None
    session.add_point((10, 9, 8), positive=False)
    assert len(session.prompts) == 2


@pytest.mark.parametrize("call", [1, 2])
def test_a_prompt_can_be_cancelled_until_its_answer_is_written(session, call):
    calls = []

    def check():
        calls.append(None)
        if len(calls) == call:
            raise Cancelled("Stopped", "the user wants it", "Click again")

    refuses(session, Cancelled, lambda: session.add_point((10, 9, 8), check_cancelled=check))


def test_an_initial_mask_can_be_cancelled(session):
    def stop():
        raise Cancelled("Stopped", "the user wants it")

    mask = np.ones(SHAPE_KJI, dtype=bool)
    refuses(session, Cancelled, lambda: session.set_mask(mask, check_cancelled=stop))


def test_a_check_that_never_stops_lets_the_prompt_through(session):
    assert not session.add_point((10, 9, 8), check_cancelled=lambda: None).box.is_empty


@pytest.mark.parametrize("box", [IndexBox((10, 10, 10), (17, 12, 12)), IndexBox((-1, 0, 0), (3, 3, 3))])
def test_an_answer_outside_the_image_is_an_error_of_the_model(box):
    session = InteractiveSession(FakeModel(), ForgetfulSegmenter(box, inside=True))
    session.set_image(make_volume())
    with pytest.raises(ModelError, match="answered for the box"):
        session.add_point(CENTRE)
    assert not session.mask.any()
    assert len(session.prompts) == 0


def test_a_failed_image_does_not_take_the_old_segments_away(session):
    session.add_segment("liver")
    session.add_point((2, 2, 2))
    with pytest.raises(VolumeError):
        session.set_image(Volume(np.zeros(SHAPE_KJI), np.eye(4)))
    assert session.segments == ("Segment_1", "liver")
    assert session.segment_mask("Segment_1").sum() == 125
