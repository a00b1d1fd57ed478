"""Prompts that were drawn into channels are read back as the points and boxes they were."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from LightSegLib.models.drawn_prompts import POINTS, DrawnPrompts, read_prompts
from LightSegLib.models.guidance import BOX, NEGATIVE, POSITIVE, draw_balls, draw_box, empty_guidance

SHAPE = (20, 24, 28)


def read(
    positive: list[list[float]] | None = None,
    negative: list[list[float]] | None = None,
    boxes: list[tuple[list[float], list[float]]] | None = None,
) -> DrawnPrompts:
    guidance = empty_guidance(SHAPE)
    draw_balls(guidance[POSITIVE], map(np.array, positive or []))
    draw_balls(guidance[NEGATIVE], map(np.array, negative or []))
    for lower, upper in boxes or []:
        draw_box(guidance[BOX], np.array(lower), np.array(upper))
    return read_prompts(torch.from_numpy(guidance)[None])


def of_label(drawn: DrawnPrompts, label: int) -> Tensor:
    found = drawn.points[drawn.labels == label]
    return found[found.mul(torch.tensor([1e4, 1e2, 1])).sum(1).argsort()]


def test_nothing_drawn_is_padding() -> None:
    drawn = read()
    assert drawn.points.shape == (1, 2 * POINTS, 3)
    assert (drawn.labels == -1).all()
    assert not drawn.boxes.any()


def test_clicks_of_either_sign_are_found_where_they_are() -> None:
    positive, negative = [[0, 0, 0], [5, 6, 7], [19, 23, 27]], [[5, 12, 7], [10, 10, 10]]
    drawn = read(positive, negative)
    assert of_label(drawn, 1).tolist() == positive
    assert of_label(drawn, 0).tolist() == negative


@pytest.mark.parametrize("offset", [0.0, 0.3, 0.5, -0.5])
def test_clicks_between_samples_are_found_next_to_them(offset: float) -> None:
    places = [[4.0 + offset, 5.0 - offset, 6.0 + offset], [15.0, 16.0 + offset, 17.0]]
    found = of_label(read(places), 1)
    assert (found - torch.tensor(places)).abs().max() <= 0.5 + 1e-6


def test_clicks_whose_balls_overlap_stay_apart() -> None:
    places = [[10, 10, 10], [10, 10, 12], [10, 13, 10]]
    assert of_label(read(places), 1).tolist() == places


def test_a_long_scribble_gives_points_all_along_it() -> None:
    line = [[10, 12, i] for i in range(28)]
    found = of_label(read(line), 1)
    assert 5 <= len(found) <= POINTS
    assert (found[:, :2] == torch.tensor([10, 12])).all()
    assert torch.diff(found[:, 2]).max() <= 6
    many = [[k, j, i] for k in range(0, 20, 3) for j in range(0, 24, 3) for i in range(0, 28, 3)]
    found = of_label(read(many), 1)
    assert len(found) == POINTS
    assert (found.amax(0) - found.amin(0) > 12).all()


def test_a_ball_that_only_reaches_in_is_no_point() -> None:
    assert (read([[-3, 10, 10]]).labels == -1).all()


def test_a_box_has_half_open_corners_and_several_make_one() -> None:
    assert read(boxes=[([2, 3, 4], [8, 9, 10])]).boxes.tolist() == [[[[2, 3, 4], [9, 10, 11]]]]
    both = read(boxes=[([2, 3, 4], [8, 9, 10]), ([6, 1, 20], [12, 5, 27])])
    assert both.boxes.tolist() == [[[[2, 1, 4], [13, 10, 28]]]]


def test_regions_of_a_batch_are_read_like_each_alone() -> None:
    guidance = torch.from_numpy(np.stack([empty_guidance(SHAPE) for _ in range(2)]))
    draw_balls(guidance[0, POSITIVE].numpy(), [np.array([5, 6, 7])])
    draw_balls(guidance[1, NEGATIVE].numpy(), [np.array([9, 8, 7])])
    together = read_prompts(guidance)
    for number in range(2):
        alone = read_prompts(guidance[number : number + 1])
        assert all(torch.equal(a[number : number + 1], b) for a, b in zip(together, alone, strict=True))
