"""From boxes and given masks to regions: what is framed is found, and what was given is kept."""

from __future__ import annotations

import numpy as np
from grey_model import GreyModel, SilentModel, ball, dice, picture
from region_cases import CENTRE, SHAPE, begun

from LightSegLib.geometry import IndexBox
from LightSegLib.looks import Look
from LightSegLib.models.guidance import PREVIOUS
from LightSegLib.regions import RegionSettings

# --- Boxes --------------------------------------------------------------------------------------------------


def test_a_box_finds_what_it_frames() -> None:
    truth = ball(SHAPE, CENTRE, 10)
    session = begun(picture(truth))
    session.add_box((39, 37, 34), (62, 60, 57))
    assert dice(session.mask, truth) > 0.9


def test_a_box_holds_what_leaks_within_its_slack() -> None:
    truth = np.zeros(SHAPE, bool)
    truth[40:50, 43:53, 10:90] = True
    session = begun(picture(truth), settings=RegionSettings(box_slack=0.1))
    session.add_box((30, 43, 40), (50, 53, 50))
    extent = IndexBox.of_mask(session.mask)
    assert extent is not None
    assert extent.lower[0] >= 28
    assert extent.upper[0] <= 52
    assert dice(session.mask, truth & (np.arange(SHAPE[2]) >= 30) & (np.arange(SHAPE[2]) < 50)) > 0.85


def test_clicks_inside_a_box_do_not_let_the_mask_leave_it() -> None:
    truth = np.zeros(SHAPE, bool)
    truth[40:50, 43:53, 10:90] = True
    session = begun(picture(truth), settings=RegionSettings(box_slack=0.1, inertia=0.0))
    session.add_box((30, 43, 40), (50, 53, 50))
    session.add_point((40, 48, 45))
    session.add_point((40, 43, 40), positive=False)
    extent = IndexBox.of_mask(session.mask)
    assert extent is not None
    assert extent.lower[0] >= 28
    assert extent.upper[0] <= 52


def test_a_positive_click_beyond_the_box_may_leave_it() -> None:
    truth = np.zeros(SHAPE, bool)
    truth[40:50, 43:53, 10:90] = True
    session = begun(picture(truth))
    session.add_box((30, 43, 40), (50, 53, 50))
    session.add_point((70, 48, 45))
    assert session.mask[45, 48, 70]
    assert session.mask[45, 48, 60]


def test_a_box_in_which_the_model_finds_nothing_changes_nothing() -> None:
    session = begun(picture(ball(SHAPE, CENTRE, 9)), SilentModel())
    change = session.add_box((30, 30, 30), (60, 60, 60))
    assert change.box.is_empty
    assert not session.mask.any()
    session.add_point(CENTRE)
    assert session.mask.sum() == 1


def test_a_box_around_the_whole_image_is_looked_at_once_more_at_most(looks: list[Look]) -> None:
    truth = ball(SHAPE, CENTRE, 40)
    session = begun(picture(truth))
    session.add_box((0, 0, 0), SHAPE[::-1])
    assert dice(session.mask, truth) > 0.93
    assert len(looks) <= 3


def test_a_box_after_a_click_elsewhere_adds_what_it_frames() -> None:
    one, other = ball(SHAPE, (25, 48, 45), 8), ball(SHAPE, (75, 48, 45), 8)
    session = begun(picture(one | other))
    session.add_point((25, 48, 45))
    session.add_box((66, 39, 36), (84, 57, 54))
    assert dice(session.mask, one | other) > 0.85


def test_a_second_box_adds_to_the_first() -> None:
    one, other = ball(SHAPE, (25, 48, 45), 8), ball(SHAPE, (75, 48, 45), 8)
    session = begun(picture(one | other))
    session.add_box((16, 39, 36), (34, 57, 54))
    session.add_box((66, 39, 36), (84, 57, 54))
    assert dice(session.mask, one | other) > 0.85


# --- Starting from a mask -----------------------------------------------------------------------------------


def test_a_click_continues_from_a_given_mask() -> None:
    truth = ball(SHAPE, CENTRE, 12)
    rough = ball(SHAPE, CENTRE, 7)
    model = GreyModel()
    session = begun(picture(truth), model)
    session.set_mask(rough)
    assert model.seen == []
    session.add_point((CENTRE[0] + 9, *CENTRE[1:]))
    assert model.seen[0][1][PREVIOUS].sum() > 100
    assert dice(session.mask, truth) > 0.93


def test_a_negative_click_on_a_given_mask_without_any_positive_one_cuts_from_it() -> None:
    truth = ball(SHAPE, CENTRE, 12)
    session = begun(picture(truth))
    session.set_mask(truth)
    session.add_point((CENTRE[0] + 10, *CENTRE[1:]), positive=False)
    assert not session.mask[45, 48, 60]
    assert 0.85 < session.mask.sum() / truth.sum() < 1


def test_parts_of_a_given_mask_that_no_click_touches_stay() -> None:
    one, other = ball(SHAPE, (25, 48, 45), 8), ball(SHAPE, (75, 48, 45), 8)
    session = begun(picture(one | other))
    session.set_mask(other)
    session.add_point((25, 48, 45))
    assert dice(session.mask, one | other) > 0.9


def test_an_empty_given_mask_is_as_good_as_none() -> None:
    truth = ball(SHAPE, CENTRE, 12)
    session = begun(picture(truth))
    session.set_mask(np.zeros(SHAPE, bool))
    session.add_point(CENTRE)
    assert dice(session.mask, truth) > 0.93
