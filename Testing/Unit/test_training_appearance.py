"""Random appearance: any intensities, but never an object that cannot be seen."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from LightSegLib.training.appearance import change_contrast, focus_on, smooth_noise, thick_slices, vary

SIZE = 32


def ball(radius=7.0, centre=(15.0, 15.0, 15.0)):
    axes = torch.meshgrid(*[torch.arange(SIZE).float() - c for c in centre], indexing="ij")
    return (sum(a**2 for a in axes) < radius**2).float()


def picture(inside, outside, noise=0.02):
    texture = torch.from_numpy(np.random.default_rng(1).normal(0, noise, (SIZE,) * 3).astype(np.float32))
    return (torch.where(ball() > 0, inside, outside) + texture).clamp(0, 1)


def visibility(image, target):
    """Difference of the means inside and around, over the spread of both."""
    inside = ndimage.binary_erosion(target.numpy() > 0)
    around = ndimage.binary_dilation(target.numpy() > 0, iterations=5) & (target.numpy() == 0)
    values = image.numpy()
    spread = np.sqrt((values[inside].var() + values[around].var()) / 2) + 1e-3
    return abs(values[inside].mean() - values[around].mean()) / spread


@pytest.mark.parametrize("seed", range(12))
def test_whatever_happens_values_are_finite_and_between_minus_one_and_one(seed):
    random = np.random.default_rng(seed)
    image = torch.from_numpy(random.uniform(0, 1, (SIZE,) * 3).astype(np.float32))
    varied = vary(image, ball(), random)
    assert varied.shape == image.shape
    assert varied.dtype == torch.float32
    assert torch.isfinite(varied).all()
    assert -1 <= float(varied.min()) <= float(varied.max()) <= 1


def test_a_flat_image_and_an_object_at_the_rim_do_no_harm():
    for seed in range(10):
        varied = vary(torch.zeros((SIZE,) * 3), ball(3, (0.0, 0.0, 31.0)), np.random.default_rng(seed))
        assert torch.isfinite(varied).all()


@pytest.mark.parametrize(
    ("inside", "outside"), [(0.8, 0.3), (0.3, 0.8), (0.52, 0.46)], ids=["bright", "dark", "faint"]
)
def test_the_object_stays_visible(inside, outside):
    image = picture(inside, outside)
    image[:2], image[-2:] = 0.0, 1.0  # the case's whole range lies far away from the object
    seen = [visibility(vary(image, ball(), np.random.default_rng(seed)), ball()) for seed in range(60)]
    assert np.median(seen) > 1.0
    assert np.mean(np.array(seen) > 0.3) > 0.9


def test_appearance_repeats_with_its_seed_and_varies_without():
    image = picture(0.7, 0.4)
    one, same, other = (vary(image, ball(), np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_the_focus_is_on_the_object_and_its_surroundings():
    image = torch.full((SIZE,) * 3, 0.9)
    image[:20, :20, :20] = 0.4
    target = torch.zeros((SIZE,) * 3)
    target[5:10, 5:10, 5:10] = 1
    image[5:10, 5:10, 5:10] = 0.6
    focus = focus_on(image, target)
    assert (focus.low, focus.high) == pytest.approx((0.4, 0.6), abs=1e-6)
    assert 0 < focus.spread < 0.1


def test_contrast_is_inverted_now_and_then():
    image = picture(0.8, 0.3)
    signs = []
    for seed in range(80):
        varied = change_contrast(image, focus_on(image, ball()), np.random.default_rng(seed))
        signs.append(float(varied[ball() > 0].mean() > varied[ball() == 0].mean()))
    assert 0.5 < np.mean(signs) < 0.95


def test_thick_slices_are_thick_along_one_axis_only():
    noise = torch.from_numpy(np.random.default_rng(0).uniform(0, 1, (SIZE,) * 3).astype(np.float32))
    thick = thick_slices(noise, 4.0, 1)
    rough = [float(thick.diff(dim=axis).abs().mean()) for axis in range(3)]
    assert rough[1] < 0.6 * min(rough[0], rough[2])
    assert float(thick.mean()) == pytest.approx(float(noise.mean()), abs=0.01)


def test_smooth_noise_is_as_smooth_as_asked():
    coarse, fine = (smooth_noise(SIZE, cells, np.random.default_rng(0)) for cells in (3, 16))
    assert coarse.shape == (SIZE,) * 3
    assert float(coarse.diff(dim=0).abs().mean()) < 0.5 * float(fine.diff(dim=0).abs().mean())
