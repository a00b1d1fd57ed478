"""Synthetic targets: new contrasts keep the anatomy, regions hang together, worlds show their target."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from LightSegLib.training import synthesis

SIZE = 32


def labelled():
    """Three slabs and a ball as labels, each of one grey value in the image."""
    labels = torch.zeros((SIZE,) * 3, dtype=torch.int64)
    labels[:, :12] = 3
    labels[:, 22:] = 7
    axes = torch.meshgrid(*[torch.arange(SIZE) - 16] * 3, indexing="ij")
    labels[sum(a**2 for a in axes) < 36] = 5
    grey = torch.zeros(8)
    grey[[0, 3, 5, 7]] = torch.tensor([0.2, 0.5, 0.6, 0.9])
    return grey[labels], labels


@pytest.mark.parametrize("seed", range(6))
def test_a_recoloured_image_keeps_every_label_in_one_piece(seed):
    image, labels = labelled()
    painted = synthesis.recolour(image, labels, np.random.default_rng(seed))
    assert painted.shape == image.shape
    assert 0 <= float(painted.min()) <= float(painted.max()) <= 1
    for value in (3, 5, 7):
        region = labels.numpy() == value
        inside = ndimage.binary_erosion(region, iterations=2, border_value=1)
        assert painted.numpy()[inside].std() < 0.04


def test_recolouring_changes_which_labels_are_bright():
    image, labels = labelled()
    orders = set()
    for seed in range(40):
        painted = synthesis.recolour(image, labels, np.random.default_rng(seed))
        orders.add(tuple(np.argsort([float(painted[labels == value].mean()) for value in (3, 5, 7)])))
    assert len(orders) >= 5


@pytest.mark.parametrize("seed", range(6))
def test_the_rim_of_a_recoloured_image_is_not_darker(seed):
    image, labels = labelled()
    painted = synthesis.recolour(image, labels, np.random.default_rng(seed))
    slab = painted[:, :10]  # one label
    assert float(slab[0].mean()) == pytest.approx(float(slab[4:-4].mean()), abs=0.05)


def test_a_smoothed_image_keeps_its_level_at_the_rim():
    flat = torch.full((8, 8, 8), 0.5)
    assert torch.allclose(synthesis._smoothed(flat), flat)


def rough_image():
    noise = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(SIZE,) * 3), 3)
    return torch.from_numpy(((noise - noise.min()) / np.ptp(noise)).astype(np.float32))


def regions(image, count=60):
    random = np.random.default_rng(0)
    return [
        region for region in (synthesis.supervoxel(image, random) for _ in range(count)) if region is not None
    ]


def test_a_supervoxel_is_one_connected_region_of_moderate_size():
    found = regions(rough_image())
    assert len(found) >= 30
    for region in found:
        assert region.shape == (SIZE,) * 3
        assert region.dtype == torch.float32
        assert set(region.unique().tolist()) == {0.0, 1.0}
        assert 0.001 < float(region.mean()) < 0.33
        assert ndimage.label(region.numpy())[1] == 1


def test_a_supervoxel_is_alike_inside():
    image = rough_image()
    spreads = [float(image[region > 0].std()) for region in regions(image)]
    assert np.median(spreads) < 0.7 * float(image.std())


def test_an_image_without_regions_has_no_supervoxel():
    random = np.random.default_rng(0)
    assert all(synthesis.supervoxel(torch.zeros((SIZE,) * 3), random) is None for _ in range(5))


def test_worlds_of_shapes_show_their_target():
    random = np.random.default_rng(0)
    sizes, contrasts = [], []
    for _ in range(40):
        image, target = synthesis.shape_world(SIZE, random)
        assert image.shape == target.shape == (SIZE,) * 3
        assert 0 <= float(image.min()) <= float(image.max()) <= 1
        assert set(target.unique().tolist()) <= {0.0, 1.0}
        sizes.append(float(target.sum()))
        if 0 < sizes[-1] < SIZE**3:
            contrasts.append(abs(float(image[target > 0].mean() - image[target == 0].mean())))
    assert np.mean(np.array(sizes) >= 30) > 0.85
    assert np.median(contrasts) > 0.1


def test_worlds_repeat_with_their_seed():
    one, same = (synthesis.shape_world(SIZE, np.random.default_rng(5)) for _ in range(2))
    assert torch.equal(one[0], same[0])
    assert torch.equal(one[1], same[1])
