"""Regions that were looked at are looked at again where they do as well, and only on their own image."""

from __future__ import annotations

import gc

import pytest
from grey_model import GreyModel, ball, dice, picture
from region_cases import CENTRE, SHAPE, begun

from LightSegLib.geometry import IndexBox, SamplingGrid
from LightSegLib.intensities import prepare
from LightSegLib.looks import Look
from LightSegLib.standing import Region, StandingRegions

BOX = IndexBox((40, 40, 40), (60, 60, 60))


class Keeper(GreyModel):
    """A model that says it keeps regions."""

    def __init__(self) -> None:
        super().__init__()
        self.forgotten = 0

    def forget(self) -> None:
        self.forgotten += 1


def region(centre: float = 49.5, zoom: float = 1.0) -> Region:
    return Region(SamplingGrid.centred([centre] * 3, [zoom] * 3, [32] * 3), zoom)


def standing(*regions: Region) -> StandingRegions:
    result = StandingRegions(lambda: None)
    result.note(regions)
    return result


# --- Choosing -----------------------------------------------------------------------------------------------


def test_without_an_earlier_region_it_is_the_wanted_one() -> None:
    assert standing().instead_of(region(), BOX, 0.05, 1.3) == region()


def test_an_earlier_region_close_by_is_taken_the_newest_first() -> None:
    old, new = region(51.0), region(48.0, 1.1)
    assert standing(old, new).instead_of(region(), BOX, 0.05, 1.3) == new
    assert standing(new, old).instead_of(region(), BOX, 0.05, 1.3) == old


@pytest.mark.parametrize("other", [region(zoom=1.4), region(zoom=0.7), region(60.0), region(55.0)])
def test_one_of_another_zoom_or_that_does_not_hold_all_is_not(other: Region) -> None:
    assert standing(other).instead_of(region(), BOX, 0.05, 1.3) == region()


def test_a_box_may_touch_the_sides_where_it_does_in_the_wanted_region() -> None:
    tight = IndexBox((34, 40, 40), (60, 60, 60))
    wanted = region()
    assert standing(region(49.0)).instead_of(wanted, tight, 0.05, 1.3) == region(49.0)
    assert standing(region(50.5)).instead_of(wanted, tight, 0.05, 1.3) == wanted


def test_as_many_are_remembered_as_were_asked_for_and_each_once() -> None:
    several = StandingRegions(lambda: None, count=2)
    several.note([region(40.0), region(50.0), region(50.0), region(60.0)])
    assert len(several) == 2
    assert several.instead_of(region(40.0), IndexBox((38,) * 3, (42,) * 3), 0.3, 1.3) == region(40.0)
    assert region(50.0) in several._regions


def test_regions_go_with_their_image() -> None:
    forgotten = []
    regions = StandingRegions(lambda: forgotten.append(1))
    one, two = (prepare(picture(ball(SHAPE, CENTRE, radius))) for radius in (5, 6))
    regions.turn_to(one)
    regions.note([region()])
    regions.turn_to(one)
    assert len(regions) == 1
    regions.turn_to(two)
    assert len(regions) == 0
    regions.note([region()])
    before = len(forgotten)
    del two
    gc.collect()
    assert len(regions) == 0
    assert len(forgotten) > before


# --- In a session -------------------------------------------------------------------------------------------


def looked_at(looks: list[Look]) -> list[SamplingGrid]:
    return [look.grid for look in looks]


def test_a_model_that_keeps_regions_is_shown_them_again(looks: list[Look]) -> None:
    truth = ball(SHAPE, CENTRE, 14)
    session = begun(picture(truth), Keeper())
    session.add_point(CENTRE)
    first = looked_at(looks)
    looks.clear()
    session.add_point((50, 48, 55))
    session.add_point((44, 48, 45))
    assert set(looked_at(looks)) <= set(first)
    assert dice(session.mask, truth) > 0.93


def test_an_ordinary_model_always_sees_the_region_that_suits_best(looks: list[Look]) -> None:
    truth = ball(SHAPE, CENTRE, 14)
    session = begun(picture(truth))
    session.add_point(CENTRE)
    session.add_point((50, 48, 55))
    assert session._segmenter._standing is None
    assert dice(session.mask, truth) > 0.93


def test_a_click_far_off_gets_a_region_of_its_own(looks: list[Look]) -> None:
    session = begun(picture(ball(SHAPE, (20, 20, 20), 9) | ball(SHAPE, (80, 80, 70), 9)), Keeper())
    session.add_point((20, 20, 20))
    first = looked_at(looks)
    looks.clear()
    session.add_point((80, 80, 70))
    assert not set(looked_at(looks)) <= set(first)
    assert session.mask[70, 80, 80]


def test_another_image_makes_the_model_forget() -> None:
    model = Keeper()
    session = begun(picture(ball(SHAPE, CENTRE, 14)), model)
    session.add_point(CENTRE)
    before = model.forgotten
    session.set_image(picture(ball((20, 20, 20), (10, 10, 10), 5)))
    session.add_point((10, 10, 10))
    assert model.forgotten > before
