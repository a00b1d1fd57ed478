"""From a prompt to the regions that are looked at: any size, any place, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from grey_model import PATCH, GreyModel, SilentModel, ball, dice, picture
from region_cases import CENTRE, FREE, SHAPE, begun

from LightSegLib.errors import Cancelled
from LightSegLib.looks import Look
from LightSegLib.models.guidance import PREVIOUS
from LightSegLib.regions import RegionSettings
from LightSegLib.zoom import ZoomSettings


def seen_voxels(looks: Sequence[Look], shape_kji: tuple[int, int, int]) -> np.ndarray:
    """Bool (K, J, I), what any of the looks covered."""
    seen = np.zeros(shape_kji, bool)
    for look in looks:
        seen[look.grid.box(shape_kji[::-1]).slices] = True
    return seen


# --- The first click ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("radius", [2.5, 6, 15, 40])
def test_a_first_click_finds_small_and_very_large_objects_alike(radius: float) -> None:
    truth = ball(SHAPE, CENTRE, radius)
    session = begun(picture(truth))
    change = session.add_point(CENTRE)
    assert dice(session.mask, truth) > 0.93
    assert change.network_seconds > 0
    assert change.confidence > 0.7


def test_a_click_off_the_middle_of_a_large_object_finds_all_of_it() -> None:
    truth = ball(SHAPE, CENTRE, 38)
    session = begun(picture(truth))
    session.add_point((50, 48, 12))
    assert dice(session.mask, truth) > 0.93


def test_a_long_thin_object_is_found_to_its_ends() -> None:
    truth = np.zeros(SHAPE, bool)
    truth[40:51, 43:54, 4:96] = True
    session = begun(picture(truth))
    session.add_point(CENTRE)
    assert session.mask[45, 48, 4]
    assert session.mask[45, 48, 95]


@pytest.mark.parametrize("corner", [(0, 0, 0), (99, 95, 89), (99, 0, 45)])
def test_an_object_in_a_corner_of_the_volume_is_found(corner: tuple[int, int, int]) -> None:
    truth = ball(SHAPE, corner, 9)
    session = begun(picture(truth))
    session.add_point(corner)
    assert dice(session.mask, truth) > 0.95


@pytest.mark.parametrize("shape", [(10, 12, 14), (2, 30, 30), (24, 24, 24)])
def test_a_volume_no_larger_than_the_patch_is_segmented(shape: tuple[int, int, int]) -> None:
    truth = np.zeros(shape, bool)
    truth[:, 2:8, 3:9] = True
    session = begun(picture(truth))
    session.add_point((5, 4, 1))
    assert dice(session.mask, truth) > 0.9


@pytest.mark.parametrize(
    ("shape", "spacing"), [((30, 51, 51), (8.0, 8.0, 8.0)), ((60, 102, 102), (0.7, 0.7, 1.25))]
)
def test_a_volume_of_the_proportions_of_a_ct_is_segmented(
    shape: tuple[int, int, int], spacing: tuple[float, float, float]
) -> None:
    centre = tuple(n // 2 for n in shape[::-1])
    truth = ball(shape, centre, spacing[0] * 9, spacing)
    session = begun(picture(truth, spacing))
    session.add_point(centre)
    assert dice(session.mask, truth) > 0.93


def test_slices_of_5_mm_are_not_blown_up_beyond_the_ratio(looks: list[Look]) -> None:
    shape, spacing = (14, 100, 100), (0.8, 0.8, 5.0)
    truth = ball(shape, (50, 50, 7), 12, spacing)
    settings = RegionSettings(zoom=ZoomSettings(slice_ratio=2.0), inertia=0.0, closer=1.0)
    session = begun(picture(truth, spacing), settings=settings)
    session.add_point((50, 50, 7))
    session.add_point((50, 63, 7))
    assert dice(session.mask, truth) > 0.85
    assert min(look.grid.step_ijk[2] for look in looks) == pytest.approx(0.5)
    assert min(look.grid.step_ijk[0] for look in looks) <= 1


def test_what_is_alike_but_apart_is_left_out_unless_wanted() -> None:
    one, other = ball(SHAPE, (30, 48, 45), 6), ball(SHAPE, (44, 48, 45), 6)
    session = begun(picture(one | other))
    session.add_point((30, 48, 45))
    assert dice(session.mask, one) > 0.95
    assert not (session.mask & other).any()
    session = begun(picture(one | other), settings=RegionSettings(connected=False))
    session.add_point((30, 48, 45))
    assert dice(session.mask, one | other) > 0.9


def test_a_model_that_finds_nothing_leaves_the_clicked_voxel() -> None:
    session = begun(picture(ball(SHAPE, CENTRE, 9)), SilentModel())
    change = session.add_point(CENTRE)
    assert session.mask.sum() == 1
    assert session.mask[CENTRE[::-1]]
    assert change.confidence == 0


class NearSighted(GreyModel):
    """Finds an object only while it is shown small."""

    def predict(self, image: np.ndarray, guidance: np.ndarray) -> Any:
        answer = super().predict(image, guidance)
        large = (answer.logits > 0).sum() > 400
        return type(answer)(-np.abs(answer.logits), 0.1) if large else answer


def test_an_empty_second_look_does_not_replace_an_answer() -> None:
    truth = ball(SHAPE, CENTRE, 12)
    session = begun(picture(truth), NearSighted())
    session.add_point(CENTRE)
    assert dice(session.mask, truth) > 0.7


def test_a_first_scribble_is_inside_every_look(looks: list[Look]) -> None:
    truth = ball(SHAPE, CENTRE, 30)
    session = begun(picture(truth))
    session.add_scribble([(30, 48, 45), (50, 60, 45), (70, 48, 45)])
    assert dice(session.mask, truth) > 0.93
    for look in looks:
        box = look.grid.box(SHAPE[::-1])
        assert box.contains((30, 48, 45))
        assert box.contains((70, 48, 45))


# --- Later clicks -------------------------------------------------------------------------------------------


def test_a_click_outside_the_mask_makes_the_region_grow() -> None:
    one, other = ball(SHAPE, (25, 48, 45), 8), ball(SHAPE, (75, 48, 45), 8)
    session = begun(picture(one | other))
    session.add_point((25, 48, 45))
    assert dice(session.mask, one) > 0.95
    session.add_point((75, 48, 45))
    assert dice(session.mask, one | other) > 0.9


def test_the_mask_so_far_is_shown_to_the_model(looks: list[Look]) -> None:
    truth = ball(SHAPE, CENTRE, 8)
    model = GreyModel()
    session = begun(picture(truth), model)
    session.add_point(CENTRE)
    before = session.mask.copy()
    looks.clear()
    model.seen.clear()
    session.add_point((CENTRE[0] + 5, *CENTRE[1:]))
    grid, guidance = looks[0].grid, model.seen[0][1]
    i, j, k = np.round(grid.sample_to_index(np.argwhere(guidance[PREVIOUS] > 0.99)[:, ::-1])).astype(int).T
    assert before[k, j, i].all()
    assert guidance[PREVIOUS].sum() * np.prod(grid.step_ijk) == pytest.approx(before.sum(), rel=0.05)


def test_a_negative_click_cuts_its_surroundings_off() -> None:
    truth = ball(SHAPE, CENTRE, 8)
    session = begun(picture(truth), settings=replace(FREE, snapping=False))
    session.add_point(CENTRE)
    before = session.mask.copy()
    place = (CENTRE[0] + 6, *CENTRE[1:])
    session.add_point(place, positive=False)
    assert not session.mask[place[::-1]]
    assert 1 < (before & ~session.mask).sum() < 0.2 * before.sum()
    assert not (session.mask & ~before).any()


def test_a_negative_click_alone_changes_nothing_and_asks_the_model_nothing() -> None:
    model = GreyModel()
    session = begun(picture(ball(SHAPE, CENTRE, 8)), model)
    change = session.add_point(CENTRE, positive=False)
    assert change.box.is_empty
    assert not session.mask.any()
    assert model.seen == []
    assert len(session.prompts) == 1


def test_a_late_click_in_a_coarse_region_is_looked_at_again_closer(looks: list[Look]) -> None:
    truth = ball(SHAPE, CENTRE, 38)
    truth[44:47, 47:50, 82:98] = True
    session = begun(picture(truth), settings=RegionSettings(inertia=0.0, closer=1.6))
    session.add_point(CENTRE)
    looks.clear()
    session.add_point((95, 48, 45))
    assert len(looks) >= 2
    assert looks[-1].grid.step_ijk[0] < 0.6 * looks[-2].grid.step_ijk[0]
    assert looks[-1].grid.box(SHAPE[::-1]).contains((95, 48, 45))
    assert session.mask[45, 48, 84:96].all()


def test_a_closer_look_keeps_parts_that_hang_together_outside_of_it() -> None:
    truth = np.zeros(SHAPE, bool)
    truth[10:80, 20:70, 30:40] = truth[10:80, 20:70, 46:56] = truth[10:20, 20:70, 30:56] = True  # a U
    session = begun(picture(truth), settings=RegionSettings(inertia=0.0, closer=1.6))
    session.add_point((35, 45, 45))
    assert dice(session.mask, truth) > 0.85
    session.add_point((35, 45, 70))
    assert session.mask[70, 45, 48:54].all()
    assert dice(session.mask, truth) > 0.9


def test_all_of_a_late_scribble_is_in_every_look(looks: list[Look]) -> None:
    truth = ball(SHAPE, CENTRE, 40)
    session = begun(picture(truth), settings=RegionSettings(inertia=0.0, closer=1.0))
    session.add_point(CENTRE)
    looks.clear()
    line = [(20, 48, 45), (50, 20, 45), (80, 48, 45)]
    session.add_scribble(line)
    for look in looks:
        assert all(look.grid.box(SHAPE[::-1]).contains(point) for point in line)


def at_one_end(settings: RegionSettings, positive: bool) -> tuple[np.ndarray, np.ndarray]:
    """A mask that is wrong at both ends, before and after a click at its right end.

    Before a positive click it is too short on the right and too long on the left, before a negative one too
    long on the right and too short on the left.
    """
    truth = np.zeros((40, 40, 60), bool)
    truth[8:32, 8:32, 12:46] = True
    session = begun(picture(truth), GreyModel(patch=48), settings)
    rough = np.zeros(truth.shape, bool)
    rough[8:32, 8:32, slice(4, 36) if positive else slice(20, 54)] = True
    session.set_mask(rough)
    session.add_point((40 if positive else 50, 20, 20), positive=positive)
    return rough, session.mask.copy()


@pytest.mark.parametrize("positive", [True, False])
def test_a_late_click_changes_what_is_near_and_leaves_the_rest_to_the_user(positive: bool) -> None:
    rough, after = at_one_end(RegionSettings(inertia=16.0, reach=0.12, snapping=False), positive)
    assert dice(after[:, :, :28], rough[:, :, :28]) > 0.9
    near = after[18:23, 18:23, 38:43] if positive else ~after[18:23, 18:23, 48:53]
    assert near.all()


@pytest.mark.parametrize("positive", [True, False])
def test_without_inertia_a_late_click_lets_the_model_change_all_that_it_sees(positive: bool) -> None:
    _, after = at_one_end(FREE, positive)
    assert after[12:28, 12:28, 14:42].all()
    assert not after[:, :, :10].any()
    assert not after[:, :, 48:].any()


def test_looking_again_at_a_wider_region_does_not_overrule_the_inertia() -> None:
    truth = np.zeros((40, 40, 120), bool)
    truth[8:32, 8:32, 10:100] = True
    session = begun(picture(truth), GreyModel(patch=48), RegionSettings(inertia=16.0, reach=0.05))
    rough = np.zeros(truth.shape, bool)
    rough[8:32, 8:32, 2:30] = True  # from i = 2 on, where the model finds nothing before i = 10
    session.set_mask(rough)
    session.add_point((34, 20, 20))
    assert session.mask[20, 20, 34]
    assert session.mask[12:28, 12:28, 4:8].all()


# --- Nothing else is touched --------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_voxels_that_no_look_covered_never_change(seed: int, looks: list[Look]) -> None:
    generator = np.random.default_rng(seed)
    shape = (40, 70, 110)
    volume = picture(generator.random(shape) > 0.4)
    session = begun(volume)
    start = np.zeros(shape, bool)
    start[:, ::7] = True
    session.set_mask(start)
    acts: list[Callable[[tuple[int, ...]], Any]] = [
        lambda at: session.add_point(at),
        lambda at: session.add_point(at, positive=False),
        lambda at: session.add_box(at, tuple(min(x + 6, n) for x, n in zip(at, shape[::-1], strict=True))),
    ]
    for _ in range(6):
        before = session.mask.copy()
        looks.clear()
        change = acts[generator.integers(3)](tuple(generator.integers(0, n) for n in shape[::-1]))
        changed = before != session.mask
        assert not (changed & ~seen_voxels(looks, shape)).any()
        changed[change.box.slices] = False
        assert not changed.any()


def test_a_first_click_changes_only_its_last_region(looks: list[Look]) -> None:
    volume = picture(np.random.default_rng(0).random(SHAPE) > 0.3)
    session = begun(volume)
    session.add_point(CENTRE)
    assert not (session.mask & ~seen_voxels(looks, SHAPE)).any()


def test_cancelling_between_looks_leaves_everything_as_it_was() -> None:
    truth = ball(SHAPE, CENTRE, 12)
    model = GreyModel()
    session = begun(picture(truth), model)
    session.add_point(CENTRE)
    mask, prompts = session.mask.copy(), session.prompts
    model.seen.clear()
    asked = 0

    def cancel() -> None:
        nonlocal asked
        asked += 1
        if asked > 2:
            raise Cancelled("Stopped")

    session.reset()
    with pytest.raises(Cancelled):
        session.add_point((60, 48, 45), check_cancelled=cancel)
    assert len(model.seen) == 2
    assert not session.mask.any()
    session.undo()
    np.testing.assert_array_equal(session.mask, mask)
    assert session.prompts == prompts


def test_every_look_is_of_the_patch_of_the_model() -> None:
    model = GreyModel(patch=16)
    session = begun(picture(ball(SHAPE, CENTRE, 20)), model)
    session.add_point(CENTRE)
    assert {image.shape for image, _ in model.seen} == {(1, 16, 16, 16)}
    assert PATCH != 16


def test_a_click_costs_a_handful_of_looks(looks: list[Look]) -> None:
    session = begun(picture(ball(SHAPE, CENTRE, 30)))
    session.add_point(CENTRE)
    assert len(looks) <= ZoomSettings().levels + 2
    looks.clear()
    session.add_point((85, 48, 45))
    assert len(looks) <= 4
