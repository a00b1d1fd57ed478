"""The next click is suggested where the model is unsure, deep inside the doubt, away from earlier clicks."""

from __future__ import annotations

import numpy as np
import pytest

from LightSegLib.geometry import IndexBox
from LightSegLib.prompts import Point, PromptSet, Scribble
from LightSegLib.segments import Doubt
from LightSegLib.suggestion import suggest

SHAPE = (20, 24, 28)
BOX = IndexBox((5, 6, 7), (5 + 28, 6 + 24, 7 + 20))


def sure(inside=None):
    """Probability 0, and 1 inside some slices."""
    probability = np.zeros(SHAPE, dtype=np.float32)
    if inside is not None:
        probability[inside] = 1.0
    return probability


def cube(lower_kji, edge):
    return tuple(slice(x, x + edge) for x in lower_kji)


def ask(probability, prompts=(), **options):
    return suggest(probability, BOX, probability > 0.5, PromptSet(tuple(prompts)), **options)


def test_a_model_that_is_sure_needs_no_click():
    assert ask(sure(cube((5, 5, 5), 8))) is None


def test_the_middle_of_the_doubtful_part_is_suggested():
    probability = sure()
    probability[cube((8, 10, 12), 5)] = 0.45
    assert ask(probability) == (5 + 14, 6 + 12, 7 + 10)


def test_the_larger_doubtful_part_wins():
    probability = sure()
    probability[cube((2, 2, 2), 3)] = 0.45
    probability[cube((10, 10, 10), 7)] = 0.45
    assert ask(probability) == (5 + 13, 6 + 13, 7 + 13)


def test_a_thin_shell_of_doubt_does_not_hide_a_smaller_but_thicker_part():
    probability = sure()
    probability[cube((0, 0, 0), 14)] = 0.5
    probability[cube((1, 1, 1), 12)] = 1.0
    probability[cube((14, 15, 20), 5)] = 0.4
    i, j, k = ask(probability)
    assert (i, j, k) == (5 + 22, 6 + 17, 7 + 16)


def test_a_shell_is_suggested_where_nothing_else_is_left():
    probability = sure()
    probability[cube((3, 3, 3), 10)] = 0.5
    probability[cube((4, 4, 4), 8)] = 1.0
    i, j, k = ask(probability)
    assert probability[k - 7, j - 6, i - 5] == 0.5


def test_doubt_near_one_half_counts_more():
    probability = sure()
    probability[cube((2, 2, 2), 5)] = 0.22
    probability[cube((12, 12, 12), 5)] = 0.5
    assert ask(probability) == (5 + 14, 6 + 14, 7 + 14)


def test_voxels_near_earlier_clicks_are_avoided():
    probability = sure()
    probability[cube((5, 5, 5), 9)] = 0.5
    centre = (5 + 9, 6 + 9, 7 + 9)
    assert ask(probability) == centre
    other = ask(probability, [Point(centre)])
    assert max(abs(a - b) for a, b in zip(other, centre, strict=True)) > 2


def test_a_part_covered_by_clicks_gives_way_to_another():
    probability = sure()
    probability[cube((5, 5, 5), 5)] = 0.5
    probability[cube((15, 15, 15), 3)] = 0.5
    assert ask(probability, [Point((5 + 7, 6 + 7, 7 + 7), positive=False)]) == (5 + 16, 6 + 16, 7 + 16)


def test_nothing_is_suggested_when_clicks_cover_all_doubt():
    probability = sure()
    probability[cube((5, 5, 5), 5)] = 0.5
    line = Scribble(((5 + 7, 6 + 7, 7 + 5), (5 + 7, 6 + 7, 7 + 9)))
    assert ask(probability, [line]) is None


def test_a_part_that_the_mask_leaves_out_against_the_model_is_suggested():
    probability = sure(cube((5, 5, 5), 7))
    nothing = np.zeros(SHAPE, dtype=bool)
    assert suggest(probability, BOX, nothing, PromptSet()) == (5 + 8, 6 + 8, 7 + 8)


def test_clicks_outside_the_answered_box_do_no_harm():
    probability = sure()
    probability[cube((8, 10, 12), 5)] = 0.45
    clicks = [Point((0, 0, 0)), Point((500, 400, 300), positive=False)]
    assert ask(probability, clicks) == (5 + 14, 6 + 12, 7 + 10)


def test_depth_is_measured_in_millimetres():
    # Wide in the slice, one slice thick of 10 mm, against a cube of 1 mm voxels two slices thick.
    probability = sure()
    probability[10, 2:11, 2:11] = 0.5
    assert ask(probability, spacing_ijk=(1.0, 1.0, 10.0)) == (5 + 6, 6 + 6, 7 + 10)


@pytest.mark.parametrize("step", [(1, 1, 1), (2, 1, 1), (2, 2, 2), (3, 2, 1)])
def test_thinned_answers_suggest_the_same_part(step):
    probability = sure()
    probability[cube((8, 10, 12), 9)] = 0.45
    thin = probability[:: step[2], :: step[1], :: step[0]]
    voxel = suggest(thin, BOX, thin > 0.5, PromptSet(), step_ijk=step)
    distance = np.abs(np.subtract(voxel, (5 + 16, 6 + 14, 7 + 12)))
    assert (distance <= step).all()


def test_thinning_keeps_the_voxels_it_says():
    probability = np.random.default_rng(0).random(SHAPE, dtype=np.float32)
    doubt = Doubt.of(BOX, probability, limit=1000)
    assert doubt.probability.size <= 1000
    assert doubt.probability.dtype == np.float16
    whole = np.zeros((40, 40, 40), dtype=np.float32)
    whole[BOX.slices] = probability
    np.testing.assert_allclose(doubt.thin(whole), doubt.probability, atol=1e-3)
