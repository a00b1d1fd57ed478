"""Fifty texts that name nothing of an image: they are understood, spread out, and certain not to fit."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from LightSegLib.evaluation.mismatches import Mismatch, read_mismatches
from LightSegLib.text import Structure, Vocabulary
from LightSegLib.training.body_regions import BodyRegions

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "Testing" / "data" / "text-mismatches.csv"
DATA = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="module")
def meant() -> dict[Mismatch, Structure]:
    """Each pair with the one structure that its text names, as a name, without a text encoder."""
    vocabulary = Vocabulary.load()
    found = {}
    for pair in read_mismatches(FILE):
        match = vocabulary.find(pair.text, sides="both")
        assert (match.how, len(match.candidates)) == ("name", 1), pair
        found[pair] = match.candidates[0]
    return found


def test_there_are_fifty_and_no_structure_twice_in_an_image(meant: dict[Mismatch, Structure]) -> None:
    assert len(meant) == 50
    assert len({(pair.source, pair.case_id, structure.id) for pair, structure in meant.items()}) == 50


def test_none_can_be_in_its_image(meant: dict[Mismatch, Structure]) -> None:
    regions = BodyRegions.load()
    doubtful = [
        pair
        for pair, structure in meant.items()
        if not regions.rule_out(structure.id, pair.source, pair.case_id)
    ]
    assert doubtful == []


def test_sources_structures_and_languages_are_spread(meant: dict[Mismatch, Structure]) -> None:
    assert set(Counter(pair.source for pair in meant).values()) == {8, 9}
    structures = Counter(structure.id for structure in meant.values())
    assert len(structures) >= 40
    assert max(structures.values()) <= 3
    others = [pair for pair, structure in meant.items() if pair.text != structure.name]
    assert 15 <= len(others) <= 35


def test_cases_are_of_the_validation_split_and_structures_are_taught_in_the_other(
    meant: dict[Mismatch, Structure],
) -> None:
    if not (DATA / "split.json").is_file():
        pytest.skip("the training data is not beside this checkout")
    split = json.loads((DATA / "split.json").read_text(encoding="utf-8"))
    assert [pair for pair in meant if pair.case_id not in split[pair.source]["val"]] == []
    taught = set()
    for source, sides in split.items():
        described = json.loads((DATA / source / "dataset.json").read_text(encoding="utf-8"))
        cases = [case for case in described["cases"] if case["id"] in sides["train"]]
        taught |= {
            (source, described["labels"][label]) for case in cases for label in case["voxels_per_label"]
        }
    untaught = [each.id for each in meant.values() if not taught & set(each.training_labels)]
    assert untaught == []
