"""Nearness follows the cheapest way from the prompts, and does not cross what looks unlike."""

from __future__ import annotations

import heapq
import itertools

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from LightSegLib.models.guidance import GUIDANCE_CHANNELS, NEGATIVE, POSITIVE, PREVIOUS
from LightSegLib.models.likeness import (
    CHANNELS,
    GREY_COST,
    LENGTH_COST,
    MAX_DEVIATION,
    SPREAD_FLOOR,
    _running_minimum,
    likeness_channels,
)

Cell = tuple[int, int, int]
ALIKE, NEAR, AWAY = range(CHANNELS)


def grown(cells: np.ndarray) -> Tensor:
    """Half-resolution cells (K, J, I) as voxels (1, 1, 2K, 2J, 2I)."""
    return functional.interpolate(torch.from_numpy(cells).float()[None, None], scale_factor=2.0)


def marked(shape: Cell, channel: int = POSITIVE, *cells: Cell) -> Tensor:
    """Guidance with whole cells marked, so that the grey value under the mark is that of the cells."""
    guidance = torch.zeros(1, GUIDANCE_CHANNELS, *(2 * n for n in shape))
    for k, j, i in cells:
        guidance[0, channel, 2 * k : 2 * k + 2, 2 * j : 2 * j + 2, 2 * i : 2 * i + 2] = 1
    return guidance


def cells_of(channels: Tensor, channel: int) -> np.ndarray:
    """One channel at half resolution, (K, J, I)."""
    return channels[0, channel, ::2, ::2, ::2].numpy()


def nearness(cells: np.ndarray, *seeds: Cell, channel: int = POSITIVE) -> np.ndarray:
    found = likeness_channels(grown(cells), marked(cells.shape, channel, *seeds))
    return cells_of(found, AWAY if channel == NEGATIVE else NEAR)


def by_dijkstra(cells: np.ndarray, *seeds: Cell) -> np.ndarray:
    """The nearness of every cell by the textbook: a step costs what the cell costs that it enters."""
    deviation = np.abs(cells - cells[seeds[0]]) / SPREAD_FLOOR
    cost = GREY_COST * np.minimum(deviation, MAX_DEVIATION) ** 2 + LENGTH_COST
    distance = np.full(cells.shape, np.inf)
    waiting = [(0.0, seed) for seed in seeds]
    while waiting:
        length, cell = heapq.heappop(waiting)
        if length >= distance[cell]:
            continue
        distance[cell] = length
        for axis, step in itertools.product(range(3), (-1, 1)):
            other = tuple(x + step * (axis == a) for a, x in enumerate(cell))
            if all(0 <= x < n for x, n in zip(other, cells.shape, strict=True)):
                heapq.heappush(waiting, (length + cost[other], other))
    return np.exp(-distance / 2)


def noise(shape: Cell, seed: int = 0, amount: float = 0.2) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-amount, amount, shape)


def test_nearness_is_1_at_the_prompt_and_falls_with_distance() -> None:
    near = nearness(np.zeros((8, 8, 8)), (4, 4, 4))
    assert near[4, 4, 4] == 1
    along = near[4, 4, 4:]
    assert (np.diff(along) < 0).all()
    assert near[4, 4, 7] == pytest.approx(np.exp(-3 * LENGTH_COST / 2), abs=1e-5)
    np.testing.assert_allclose(near[4, 4, 1:5][::-1], near[4, 4, 4:], atol=1e-5)


def test_all_three_channels_stay_within_their_range_at_the_resolution_of_the_image() -> None:
    image = torch.from_numpy(np.random.default_rng(0).uniform(-1, 1, (1, 1, 12, 16, 20))).float()
    guidance = marked((6, 8, 10), POSITIVE, (2, 2, 2)) + marked((6, 8, 10), NEGATIVE, (4, 5, 6))
    found = likeness_channels(image, guidance)
    assert found.shape == (1, CHANNELS, 12, 16, 20)
    assert found[:, ALIKE].abs().max() <= 1
    assert found[:, NEAR:].min() >= 0
    assert found[:, NEAR:].max() == 1


def wall(thickness: int = 2) -> np.ndarray:
    """Two rooms of one grey value and a wall between them."""
    cells = np.zeros((6, 8, 12))
    cells[:, :, 6 : 6 + thickness] = 1
    return cells


def test_nearness_does_not_cross_a_wall_of_unlike_grey() -> None:
    near = nearness(wall(4), (3, 4, 3))
    assert near[:, :, :6].min() > 0.9
    assert near[:, :, 10:].max() < 0.1
    assert nearness(np.zeros((6, 8, 12)), (3, 4, 3))[:, :, 10:].min() > 0.8


def test_nearness_finds_the_door_in_a_wall() -> None:
    cells = wall()
    cells[5, 7] = 0
    near = nearness(cells, (3, 4, 3))
    assert near[:, :, 8:].min() > 0.8
    assert near[:5, :7, 6:8].max() < 0.6
    np.testing.assert_allclose(near, by_dijkstra(cells, (3, 4, 3)), atol=1e-4)


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("seed", [0, 7, 15])
def test_along_a_line_the_sweeps_are_exact(axis: int, seed: int) -> None:
    shape = [1, 1, 1]
    shape[axis] = 16
    cells = noise(tuple(shape), seed)
    place = [0, 0, 0]
    place[axis] = seed
    np.testing.assert_allclose(nearness(cells, tuple(place)), by_dijkstra(cells, tuple(place)), atol=1e-4)


def test_in_space_the_sweeps_find_ways_with_few_turns() -> None:
    cells = np.ones((7, 7, 7))
    cells[3, 3, 0:6] = cells[3, 0:4, 5] = cells[0:4, 0, 5] = cells[0, 0, 2:6] = 0
    near, exact = nearness(cells, (3, 3, 0)), by_dijkstra(cells, (3, 3, 0))
    corridor = cells == 0
    np.testing.assert_allclose(near[corridor], exact[corridor], atol=1e-4)
    assert near[0, 0, 2] > 0.85


@pytest.mark.parametrize("seed", range(3))
def test_in_noise_the_sweeps_never_claim_a_cheaper_way_than_there_is_and_miss_little(seed: int) -> None:
    cells = noise((7, 8, 9), seed, amount=0.06)
    near, exact = nearness(cells, (3, 4, 4)), by_dijkstra(cells, (3, 4, 4))
    assert (near <= exact + 1e-4).all()
    assert np.median(exact - near) < 0.02
    assert np.max(exact - near) < 0.1


def test_several_prompts_count_the_nearest_one() -> None:
    cells = np.zeros((4, 4, 16))
    both = nearness(cells, (2, 2, 1), (2, 2, 14))
    single = np.maximum(nearness(cells, (2, 2, 1)), nearness(cells, (2, 2, 14)))
    np.testing.assert_allclose(both, single, atol=1e-5)


def test_without_prompts_nothing_is_near() -> None:
    cells = noise((6, 6, 6))
    assert nearness(cells).max() < 1e-6
    assert nearness(cells, channel=NEGATIVE).max() < 1e-6


def test_negative_prompts_have_a_channel_of_their_own() -> None:
    cells = wall(4)
    guidance = marked(cells.shape, POSITIVE, (3, 4, 2)) + marked(cells.shape, NEGATIVE, (3, 4, 11))
    found = likeness_channels(grown(cells), guidance)
    near, away = cells_of(found, NEAR), cells_of(found, AWAY)
    assert near[3, 4, 2] == away[3, 4, 11] == 1
    assert near[:, :, :6].min() > 0.9 > 0.1 > away[:, :, :6].max()
    assert away[:, :, 10:].min() > 0.9 > 0.1 > near[:, :, 10:].max()


def test_the_difference_is_0_on_the_clicked_grey_and_signed_elsewhere() -> None:
    cells = np.zeros((6, 6, 6))
    cells[0], cells[5] = -1, 1
    found = cells_of(likeness_channels(grown(cells), marked(cells.shape, POSITIVE, (3, 3, 3))), ALIKE)
    np.testing.assert_allclose(found[1:5], 0, atol=1e-6)
    assert (found[0] < -0.99).all()
    assert (found[5] > 0.99).all()


def test_without_a_click_the_mask_so_far_says_what_is_alike() -> None:
    cells = wall()
    found = likeness_channels(grown(cells), marked(cells.shape, PREVIOUS, (3, 4, 2)))
    assert cells_of(found, NEAR)[3, 4, 2] == 1
    assert np.abs(cells_of(found, ALIKE)[:, :, :6]).max() < 1e-6


def test_a_click_outweighs_the_mask_so_far() -> None:
    cells = wall()
    mask = marked(cells.shape, PREVIOUS, (3, 4, 6), (3, 4, 7))
    click = marked(cells.shape, POSITIVE, (3, 4, 2))
    both, alone = (likeness_channels(grown(cells), g) for g in (mask + click, click))
    torch.testing.assert_close(both, alone)


def test_regions_of_a_batch_do_not_see_each_other() -> None:
    images = [grown(noise((6, 6, 6), seed, 1.0)) for seed in range(3)]
    prompts = [
        marked((6, 6, 6), POSITIVE, (1, 2, 3)),
        marked((6, 6, 6)),
        marked((6, 6, 6), NEGATIVE, (4, 4, 4)),
    ]
    together = likeness_channels(torch.cat(images), torch.cat(prompts))
    for index, (image, guidance) in enumerate(zip(images, prompts, strict=True)):
        torch.testing.assert_close(together[index : index + 1], likeness_channels(image, guidance))


def test_a_uniform_region_gives_finite_channels() -> None:
    for value in (-1.0, 0.0, 1.0):
        found = likeness_channels(torch.full((1, 1, 8, 8, 8), value), marked((4, 4, 4), POSITIVE, (1, 1, 1)))
        assert torch.isfinite(found).all()


@pytest.mark.parametrize("axis", [2, 3, 4])
@pytest.mark.parametrize("length", [1, 2, 7, 16])
def test_a_running_minimum_is_that_of_torch(axis: int, length: int) -> None:
    shape = [2, 1, 3, 4, 5]
    shape[axis] = length
    x = torch.randn(shape)
    assert torch.equal(_running_minimum(x, axis), x.cummin(axis).values)
    backward = x.flip(axis).cummin(axis).values.flip(axis)
    assert torch.equal(_running_minimum(x, axis, backward=True), backward)
