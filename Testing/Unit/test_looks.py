"""A look shows the model one cube of the image with every prompt in its place, and keeps what belongs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from grey_model import PATCH, GreyModel, SilentModel, ball, picture

from LightSegLib.errors import Cancelled
from LightSegLib.geometry import SamplingGrid, Volume
from LightSegLib.intensities import prepare
from LightSegLib.looks import Look, Looker
from LightSegLib.models.base import Prediction
from LightSegLib.models.guidance import BOX, NEGATIVE, POSITIVE, PREVIOUS
from LightSegLib.prompts import Box, Point, Prompt, PromptSet, Scribble

SHAPE = (40, 44, 48)
CENTRE = (24, 22, 20)


def prompts(*given: Prompt) -> PromptSet:
    together = PromptSet()
    for prompt in given:
        together = together.with_prompt(prompt)
    return together


def looker(
    *given: Prompt,
    volume: Volume | None = None,
    current: np.ndarray | None = None,
    connected: bool = True,
    mirrored: bool = False,
    model: GreyModel | None = None,
    check_cancelled: Callable[[], None] | None = None,
) -> Looker:
    volume = volume or picture(ball(SHAPE, CENTRE, 6))
    current = np.zeros(volume.shape_ijk[::-1], bool) if current is None else current
    image = prepare(volume)
    return Looker(model or GreyModel(), image, prompts(*given), current, connected, mirrored, check_cancelled)


def grid(start: float | tuple[float, float, float] = 8.0, step: float = 1.0) -> SamplingGrid:
    start = (start,) * 3 if isinstance(start, float) else start
    return SamplingGrid(start, (step,) * 3, (PATCH,) * 3)


def seen(*given: Prompt, at: SamplingGrid, previous: np.ndarray | None = None) -> np.ndarray:
    """The guidance that the model was shown."""
    model = GreyModel()
    looker(*given, model=model).look(at, 1.0, previous)
    return model.seen[0][1]


def test_the_model_sees_grey_values_between_minus_1_and_1_of_its_patch() -> None:
    model = GreyModel()
    looker(Point(CENTRE), model=model).look(grid(), 1.0, None)
    image, guidance = model.seen[0]
    assert image.shape == (1, PATCH, PATCH, PATCH)
    assert image.dtype == guidance.dtype == np.float32
    assert (image.min(), image.max()) == (-1, 1)
    np.testing.assert_array_equal(image[0] > 0, ball(SHAPE, CENTRE, 6)[8:32, 8:32, 8:32])


def test_every_channel_of_an_image_is_shown() -> None:
    array = np.stack([ball(SHAPE, CENTRE, 6), ball(SHAPE, CENTRE, 3)]).astype(np.uint8)
    model = GreyModel()
    looker(Point(CENTRE), volume=Volume(array, np.eye(4)), model=model).look(grid(), 1.0, None)
    image = model.seen[0][0]
    assert image.shape[0] == 2
    assert (image[0] > 0).sum() > (image[1] > 0).sum() > 0


def test_clicks_are_drawn_where_they_are_each_in_its_channel() -> None:
    guidance = seen(Point((20, 21, 22)), Point((12, 13, 14), positive=False), at=grid())
    assert guidance[POSITIVE, 14, 13, 12] == 1
    assert guidance[NEGATIVE, 6, 5, 4] == 1
    assert guidance[POSITIVE].argmax() != guidance[NEGATIVE].argmax()
    assert not guidance[[PREVIOUS, BOX]].any()


def test_a_click_between_the_samples_of_a_coarse_region_is_drawn_between_them() -> None:
    positive = seen(Point((21, 22, 23)), at=grid((0.0, 0.0, 0.0), 2.0))[POSITIVE]
    assert positive[11, 11, 10] == positive[12, 11, 11] == positive.max() < 1


def test_all_of_a_scribble_is_drawn() -> None:
    guidance = seen(Scribble(((12, 20, 20), (28, 20, 20))), at=grid())
    assert (guidance[POSITIVE, 12, 12, 4:21] == 1).all()
    assert guidance[POSITIVE, 12, 12, 2] == 0.5


def test_a_box_is_filled_from_its_first_to_its_last_voxel() -> None:
    drawn = seen(Box((10, 11, 12), (20, 22, 24)), at=grid())[BOX]
    assert drawn.sum() == 10 * 11 * 12
    assert (drawn[4:16, 3:14, 2:12] == 1).all()


def test_a_box_beside_the_region_is_not_drawn() -> None:
    assert not seen(Box((0, 0, 0), (4, 4, 4)), at=grid(12.0))[BOX].any()


def test_the_mask_to_start_from_is_shown() -> None:
    previous = np.random.default_rng(0).random((PATCH,) * 3).astype(np.float32)
    np.testing.assert_array_equal(seen(Point(CENTRE), at=grid(), previous=previous)[PREVIOUS], previous)


def test_parts_that_no_click_touches_are_dropped_unless_wanted() -> None:
    two = ball(SHAPE, (16, 22, 20), 4) | ball(SHAPE, (27, 22, 20), 3)
    volume = picture(two)
    one = looker(Point((16, 22, 20)), volume=volume).look(grid(), 1.0, None)
    np.testing.assert_array_equal(one.logits > 0, ball(SHAPE, (16, 22, 20), 4)[8:32, 8:32, 8:32])
    both = looker(Point((16, 22, 20)), volume=volume, connected=False).look(grid(), 1.0, None)
    np.testing.assert_array_equal(both.logits > 0, two[8:32, 8:32, 8:32])


def test_without_a_click_in_the_region_the_mask_so_far_says_what_is_kept() -> None:
    first, second = ball(SHAPE, (16, 22, 20), 4), ball(SHAPE, (27, 22, 20), 3)
    at = grid()
    previous = first[8:32, 8:32, 8:32].astype(np.float32)
    found = looker(volume=picture(first | second)).look(at, 1.0, previous)
    np.testing.assert_array_equal(found.logits > 0, previous > 0)


def test_a_part_of_the_mask_so_far_that_no_click_touches_is_kept_and_one_cut_off_from_its_click_is_not() -> (
    None
):
    clicked, given = ball(SHAPE, (14, 22, 20), 4), ball(SHAPE, (27, 22, 20), 3)
    at = grid()
    bridged = clicked | given
    bridged[20, 22, 14:28] = True  # the mask so far hangs together, what the model finds does not
    kept = {}
    for name, so_far in (("apart", clicked | given), ("bridged", bridged)):
        previous = so_far[8:32, 8:32, 8:32].astype(np.float32)
        found = looker(Point((14, 22, 20)), volume=picture(clicked | given)).look(at, 1.0, previous)
        kept[name] = found.logits > 0
    np.testing.assert_array_equal(kept["apart"], (clicked | given)[8:32, 8:32, 8:32])
    np.testing.assert_array_equal(kept["bridged"], clicked[8:32, 8:32, 8:32])


def test_a_box_keeps_what_it_frames_unless_a_click_inside_says_more() -> None:
    one, other = ball(SHAPE, (14, 22, 20), 4), ball(SHAPE, (27, 22, 20), 3)
    box = Box((22, 17, 15), (32, 27, 25))
    both = looker(Point((14, 22, 20)), box, volume=picture(one | other)).look(grid(), 1.0, None)
    np.testing.assert_array_equal(both.logits > 0, (one | other)[8:32, 8:32, 8:32])
    large = Box((9, 17, 15), (32, 27, 25))
    first = looker(Point((14, 22, 20)), large, volume=picture(one | other)).look(grid(), 1.0, None)
    np.testing.assert_array_equal(first.logits > 0, one[8:32, 8:32, 8:32])


def test_a_look_says_whether_its_mask_goes_on_and_how_sure_the_model_is() -> None:
    whole = looker(Point(CENTRE)).look(grid(), 1.0, None)
    assert not whole.beyond
    assert 0.8 < whole.confidence < 1
    assert looker(Point(CENTRE)).look(grid(20.0), 1.0, None).beyond
    silent = looker(Point(CENTRE), model=SilentModel()).look(grid(), 1.0, None)
    assert not silent.beyond
    assert silent.confidence == 0


def test_the_time_in_the_network_adds_up() -> None:
    busy = looker(Point(CENTRE))
    busy.look(grid(), 1.0, None)
    first = busy.network_seconds
    busy.look(grid(), 1.0, None)
    assert busy.network_seconds > first > 0


def test_a_cancelled_look_does_not_reach_the_model() -> None:
    def cancel() -> None:
        raise Cancelled("Stopped")

    model = GreyModel()
    with pytest.raises(Cancelled):
        looker(Point(CENTRE), model=model, check_cancelled=cancel).look(grid(), 1.0, None)
    assert model.seen == []


def test_the_mask_so_far_is_sampled_on_the_grid() -> None:
    current = ball(SHAPE, CENTRE, 6)
    sampled = looker(current=current).previous(grid())
    assert sampled.dtype == np.float32
    np.testing.assert_array_equal(sampled, current[8:32, 8:32, 8:32])
    coarse = looker(current=current).previous(grid((0.5, 0.5, 0.5), 2.0))
    assert coarse.sum() * 8 == pytest.approx(current.sum(), rel=0.02)


def found(at: SamplingGrid, mask: np.ndarray) -> Look:
    return Look(at, 1.0, np.where(mask, 2, -2).astype(np.float32), 0.5, False)


def test_a_mask_is_carried_to_the_same_grid_unchanged() -> None:
    mask = np.random.default_rng(0).random((PATCH,) * 3) > 0.5
    np.testing.assert_array_equal(looker().carried(found(grid(), mask), grid()), mask)


def test_a_mask_is_carried_to_another_grid_and_beyond_it_the_mask_so_far_holds() -> None:
    current = np.zeros(SHAPE, bool)
    current[:, :, 34:] = True
    carried = looker(current=current).carried(found(grid(8.0), np.ones((PATCH,) * 3, bool)), grid(16.0))
    expected = np.zeros((PATCH,) * 3)
    expected[:16, :16, :16] = 1  # what both regions see
    expected[:, :, 18:] = 1  # the mask so far, from i = 34 on
    np.testing.assert_array_equal(carried, expected)


def test_a_mask_is_carried_to_a_finer_grid_between_its_samples() -> None:
    coarse = grid((0.0, 0.0, 0.0), 2.0)
    mask = np.zeros((PATCH,) * 3, bool)
    mask[:, :, :10] = True
    carried = looker().carried(found(coarse, mask), grid(8.0))
    np.testing.assert_allclose(carried[3, 3, 8:14], [1, 1, 1, 0.5, 0, 0])


def test_a_mirrored_look_averages_what_the_model_says_of_both_views() -> None:
    class Lopsided(GreyModel):
        """Says its grey value rule and, besides, that the first slices are more likely inside."""

        def predict(self, image, guidance):
            prediction = super().predict(image, guidance)
            slope = np.linspace(4, -4, image.shape[1], dtype=np.float32)[:, None, None]
            return Prediction(prediction.logits + slope, prediction.confidence)

    point = Point(CENTRE)
    plain = looker(point, connected=False).look(grid(), 1.0, None)
    once = looker(point, connected=False, model=Lopsided()).look(grid(), 1.0, None)
    twice = looker(point, connected=False, model=Lopsided(), mirrored=True).look(grid(), 1.0, None)
    assert not np.allclose(once.logits, plain.logits)
    np.testing.assert_allclose(twice.logits, plain.logits, atol=1e-4)


def test_a_glance_asks_the_model_once_even_if_it_usually_looks_twice() -> None:
    model = GreyModel()
    showing = looker(Point(CENTRE), model=model, mirrored=True)
    showing.look(grid(), 1.0, None, glance=True)
    seen_by_a_glance = len(model.seen)
    showing.look(grid(), 1.0, None)
    assert (seen_by_a_glance, len(model.seen)) == (1, 3)
