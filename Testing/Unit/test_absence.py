"""From which expected Dice on a structure counts as there: the threshold, and the names it is chosen by."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from LightSegLib.errors import DataError
from LightSegLib.evaluation.absence import choose_threshold
from LightSegLib.evaluation.absent_names import draw_absent_names
from LightSegLib.evaluation.dataset import CaseReference
from LightSegLib.training.body_regions import BodyRegions

# --- The threshold ------------------------------------------------------------------------------------------


def test_the_threshold_is_the_lowest_that_refuses_nineteen_of_twenty_absent_names() -> None:
    absent = [*np.linspace(0.01, 0.19, 19), 0.7]
    found = choose_threshold([0.6, 0.8, 0.9], absent)
    assert found.threshold == pytest.approx(0.191)
    assert (found.absent, found.refused) == (20, pytest.approx(0.95))
    assert (found.present, found.lost) == (3, 0.0)


@pytest.mark.parametrize("count", [1, 2, 19])
def test_of_few_absent_names_all_are_refused(count: int) -> None:
    absent = [0.1] * (count - 1) + [0.5]
    found = choose_threshold([0.9], absent)
    assert (found.threshold, found.refused) == (pytest.approx(0.501), 1.0)


def test_an_expected_dice_at_the_threshold_is_not_refused() -> None:
    found = choose_threshold([0.3, 0.301], [0.3])
    assert found.threshold == pytest.approx(0.301)
    assert found.lost == pytest.approx(0.5)


def test_where_the_two_overlap_a_lower_threshold_keeps_more_of_what_is_present() -> None:
    absent = [*[0.1] * 92, *[0.6] * 8]
    present = [*[0.5] * 50, *[0.9] * 50]
    found = choose_threshold(present, absent)
    assert found.threshold == pytest.approx(0.101)
    assert (found.refused, found.lost) == (pytest.approx(0.92), 0.0)


def test_a_few_lost_present_names_do_not_lower_the_threshold() -> None:
    absent = [*[0.1] * 92, *[0.6] * 8]
    found = choose_threshold([*[0.5] * 5, *[0.9] * 95], absent)
    assert (found.threshold, found.lost) == (pytest.approx(0.601), pytest.approx(0.05))


def test_without_present_names_nothing_is_lost() -> None:
    assert choose_threshold([], [0.2]).lost == 0.0


def test_a_model_that_is_certain_of_all_gets_the_highest_threshold() -> None:
    found = choose_threshold([1.0], [1.0, 1.0])
    assert (found.threshold, found.refused) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("present", "absent", "words"),
    [([0.5], [], "no absent name"), ([1.5], [0.5], "between 0 and 1"), ([0.5], [float("nan")], "between")],
)
def test_numbers_that_allow_no_choice_are_refused(
    present: list[float], absent: list[float], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        choose_threshold(present, absent)


# --- The names ----------------------------------------------------------------------------------------------

REGIONS = BodyRegions(
    {"brain": ["head"], "liver": ["abdomen"], "spleen": ["abdomen"], "prostate": ["pelvis"]},
    {"heads": ["head"], "trunks": ["abdomen", "pelvis"]},
)
TAUGHT = ["brain", "liver", "spleen", "prostate"]


def references(source: str, count: int) -> list[CaseReference]:
    return [CaseReference(source, f"c{i}", "", Path(), Path(), {}) for i in range(count)]


def test_only_what_is_ruled_out_is_drawn() -> None:
    cases = [*references("heads", 1), *references("trunks", 1), *references("elsewhere", 1)]
    drawn = draw_absent_names(cases, TAUGHT, REGIONS)
    assert sorted(drawn["heads", "c0"]) == ["liver", "prostate", "spleen"]
    assert drawn["trunks", "c0"] == ["brain"]
    assert drawn["elsewhere", "c0"] == []


def test_each_of_many_cases_gets_two_and_all_structures_come_about_equally_often() -> None:
    drawn = draw_absent_names(references("heads", 30), TAUGHT, REGIONS)
    assert {len(names) for names in drawn.values()} == {2}
    assert set(Counter(name for names in drawn.values() for name in names).values()) == {20}
    assert drawn == draw_absent_names(references("heads", 30), TAUGHT[::-1], REGIONS)


def test_a_source_with_few_cases_gets_more_names_per_case() -> None:
    drawn = draw_absent_names(references("heads", 9), TAUGHT, REGIONS)
    assert {len(names) for names in drawn.values()} == {3}


def test_what_is_kept_for_a_test_is_not_drawn() -> None:
    excluded = {("heads", "c0", "liver"), ("heads", "c1", "spleen")}
    drawn = draw_absent_names(references("heads", 2), TAUGHT, REGIONS, excluded)
    assert sorted(drawn["heads", "c0"]) == ["prostate", "spleen"]
    assert sorted(drawn["heads", "c1"]) == ["liver", "prostate"]
