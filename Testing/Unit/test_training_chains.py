"""Chains of interactions: an answer calls for the next prompt, in the same cube or in a closer one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from LightSegLib.models.guidance import GUIDANCE_CHANNELS, PREVIOUS
from LightSegLib.training.chains import Chain, _resample, batch
from LightSegLib.training.clicks import PromptState
from LightSegLib.training.samples import Closer, Sample

SIZE = 24
ALWAYS, NEVER = 1.0, 0.0


def ball(radius=6.0, centre=(11.5, 11.5, 11.5)):
    axes = torch.meshgrid(*[torch.arange(SIZE) - c for c in centre], indexing="ij")
    return (sum(a**2 for a in axes) <= radius**2).float()


def sample(target=None, closer=None, valid=None):
    target = ball() if target is None else target
    return Sample(target * 2 - 1, target, torch.ones_like(target) if valid is None else valid, closer)


def chain_of(samples, going_on=ALWAYS, seed=0):
    return Chain(iter(samples), np.random.default_rng(seed), going_on)


def logits(mask):
    return mask.float() * 2 - 1


def prompts(state):
    return len(state.positive) + len(state.negative)


def test_a_perfect_answer_ends_the_chain():
    first, second = sample(), sample(ball(4))
    chain = chain_of([first, second])
    chain.advance(logits(first.target))
    assert torch.equal(chain.target[0], second.target)
    assert chain.answered == 0


def test_an_error_leads_to_a_correction_and_the_answer_becomes_the_previous_mask():
    chain = chain_of([sample()])
    chain.state = PromptState((SIZE,) * 3, positive=[np.array([12, 12, 12])])
    chain.advance(logits(ball(9)))
    assert chain.answered == 1
    assert len(chain.state.positive) == 1
    (place,) = chain.state.negative
    assert ball(9)[tuple(place)]
    assert not ball()[tuple(place)]
    assert np.array_equal(chain.state.previous, ball(9).numpy())
    assert np.array_equal(chain.guidance()[PREVIOUS].numpy(), ball(9).numpy())


def test_a_chain_gathers_prompts_until_it_is_cut_off():
    chain = chain_of([sample(), sample(ball(4))])
    for answered in range(1, 5):
        chain.advance(logits(ball(3 + answered / 2)))
        assert chain.answered == answered
    assert prompts(chain.state) >= 4
    chain.continue_probability = NEVER
    chain.advance(logits(ball(3)))
    assert chain.answered == 0
    assert torch.equal(chain.target[0], ball(4))


def test_what_the_answer_says_beyond_the_field_of_view_does_not_count():
    valid = torch.ones((SIZE,) * 3)
    valid[:, :, 20:] = 0
    chain = chain_of([sample(valid=valid), sample(ball(4))])
    answer = ball()
    answer[:, :, 20:] = 1
    chain.advance(logits(answer))
    assert torch.equal(chain.target[0], ball(4))  # it was perfect


def test_an_answer_that_is_no_number_is_taken_as_empty():
    chain = chain_of([sample()])
    chain.advance(torch.full((SIZE,) * 3, torch.nan))
    assert not chain.state.previous.any()
    assert chain.answered == 1


# --- Closer -------------------------------------------------------------------------------------------------

CENTRE, ZOOM = np.array([12.0, 10.0, 13.0]), 2.0


def closer_of(target):
    shown = (_resample(target, Closer(target, target, target, CENTRE, ZOOM)) > 0.5).float()
    return Closer(shown * 2 - 1, shown, torch.ones_like(shown), CENTRE, ZOOM)


def moved(state, answer, target=None):
    """A chain that has just gone closer."""
    target = ball() if target is None else target
    for seed in range(50):
        chain = chain_of([sample(target, closer_of(target))], seed=seed)
        chain.state = state()
        chain.advance(logits(answer))
        if torch.equal(chain.target[0], closer_of(target).target):
            return chain
    return pytest.fail("no chain went closer")


def clicked():
    return PromptState(
        (SIZE,) * 3,
        positive=[CENTRE.copy()],
        negative=[CENTRE + np.array([0, 3, -2])],
        box=(np.array([6.0, 6.0, 6.0]), np.array([17.0, 17.0, 17.0])),
    )


def test_going_closer_takes_the_clicks_along():
    chain = moved(clicked, ball(8))
    middle = (SIZE - 1) / 2
    assert chain.state.positive[0] == pytest.approx([middle] * 3)
    assert chain.state.negative[0] == pytest.approx([middle, middle + 6, middle - 4])
    lower, upper = chain.state.box
    assert lower == pytest.approx((6 - CENTRE) * ZOOM + middle)
    assert upper == pytest.approx((17 - CENTRE) * ZOOM + middle)


def test_going_closer_shows_the_answer_so_far_where_it_was():
    chain = moved(clicked, ball(8))
    previous = chain.state.previous
    assert previous.shape == (SIZE,) * 3
    middle = (SIZE - 1) / 2
    expected = ball(8 * ZOOM, (np.array([11.5] * 3) - CENTRE) * ZOOM + middle)
    agree = ((previous > 0.5) == (expected.numpy() > 0)).mean()
    assert agree > 0.97
    assert ((previous > 0.01) & (previous < 0.99)).any()  # blurred, as refinement gets it


def test_a_correction_after_going_closer_is_right_there():
    for seed in range(30):
        chain = chain_of([sample(ball(), closer_of(ball()))], seed=seed)
        chain.state = PromptState((SIZE,) * 3)
        chain.advance(logits(ball(8)))
        if chain._closer is None and prompts(chain.state):
            (place,) = chain.state.negative
            assert chain.state.previous[tuple(place)] > 0.5
            assert chain.target[0][tuple(place)] == 0
            return
    pytest.fail("no chain corrected in the closer cube")


def test_a_chain_goes_closer_once():
    chain = moved(clicked, ball(8))
    chain.advance(logits(torch.zeros((SIZE,) * 3)))
    assert torch.equal(chain.target[0], closer_of(ball()).target)


def test_beyond_the_wider_cube_nothing_is_known_of_the_mask():
    whole = torch.ones((SIZE,) * 3)
    near = Closer(whole, whole, whole, np.array([1.0, 11.5, 11.5]), 1.5)
    shown = _resample(whole, near)
    places = (torch.arange(SIZE) - (SIZE - 1) / 2) / 1.5 + 1.0
    assert not shown[places < -0.5].any()
    assert shown[places > -0.5].all()


def test_an_identical_closer_cube_changes_nothing():
    mask = ball(5, (8.0, 12.0, 14.0))
    near = Closer(mask, mask, mask, np.full(3, (SIZE - 1) / 2), 1.0)
    assert torch.allclose(_resample(mask, near), mask, atol=1e-4)


def test_a_batch_stacks_all_chains():
    chains = [chain_of([sample()]), chain_of([sample(ball(4))])]
    image, guidance, target, valid, _ = batch(chains)
    assert image.shape == target.shape == valid.shape == (2, 1, SIZE, SIZE, SIZE)
    assert guidance.shape == (2, GUIDANCE_CHANNELS, SIZE, SIZE, SIZE)
    assert {part.dtype for part in (image, guidance, target, valid)} == {torch.float32}
    assert torch.equal(target[1, 0], ball(4))
