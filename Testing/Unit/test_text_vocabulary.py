"""The shipped vocabulary keeps to its schema, its names are told apart, its entries fit each other."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from LightSegLib.errors import DataError
from LightSegLib.text import Vocabulary
from LightSegLib.text.structures import ANATOMY, SCHEMA_PATH, STRUCTURES_NAME, vocabulary_folder
from LightSegLib.text.words import Phrase, phrase, tokens

LABELS_BY_SOURCE = {
    "hippocampus_mr": 2,
    "lumbar_vertebrae_mr": 5,
    "lung_nodule_ct": 1,
    "sarcoma_ct": 1,
    "sarcoma_mr_t1": 1,
    "sarcoma_pet": 1,
    "spinal_cord_mr": 2,
    "totalseg_examples_ct": 70,
    "totalseg_examples_mr": 23,
}
WITHOUT_A_CODE = {"hippocampus_anterior", "hippocampus_posterior"}


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary.load()


def bundled() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((vocabulary_folder() / STRUCTURES_NAME).read_text(encoding="utf-8"))
    return content


def write(folder: Path, content: Any) -> Path:
    path = folder / STRUCTURES_NAME
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_the_vocabulary_keeps_to_its_schema() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(SCHEMA_PATH.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    errors = jsonschema.Draft202012Validator(schema).iter_errors(bundled())
    assert [error.message for error in errors] == []


def test_every_training_label_has_one_name(vocabulary: Vocabulary) -> None:
    labels = [label for structure in vocabulary for label in structure.training_labels]
    assert Counter(source for source, _ in labels) == LABELS_BY_SOURCE
    assert len(labels) == len(set(labels))


def test_a_training_labels_own_name_finds_its_structure(vocabulary: Vocabulary) -> None:
    for structure in vocabulary:
        for _, label in structure.training_labels:
            assert vocabulary.find(label, sides="both").candidates == (structure,), label


def test_every_name_finds_its_own_structure(vocabulary: Vocabulary) -> None:
    for structure in vocabulary:
        for name in (*structure.names(), structure.id):
            match = vocabulary.find(name, sides="both")
            expected = tuple(vocabulary[side] for side in structure.sides) or (structure,)
            assert (match.how, match.candidates) == ("name", expected), name


def test_no_two_structures_share_a_name(vocabulary: Vocabulary) -> None:
    owners: dict[tuple[tuple[str, ...], str], set[str]] = {}
    for structure in vocabulary:
        for each in vocabulary.phrases_of(structure):
            owners.setdefault((each.key, each.side), set()).add(structure.id)
    assert {name: ids for name, ids in owners.items() if len(ids) > 1} == {}


def test_only_what_no_terminology_has_is_without_a_code(vocabulary: Vocabulary) -> None:
    assert {each.id for each in vocabulary if not each.code} == WITHOUT_A_CODE
    assert all(bool(each.code) == bool(each.meaning) for each in vocabulary)


def test_both_sides_have_the_code_of_their_pair(vocabulary: Vocabulary) -> None:
    for pair in vocabulary:
        sides = [vocabulary[name] for name in pair.sides]
        assert [each.laterality for each in sides] in ([], ["left", "right"])
        assert all((each.code, each.category) == (pair.code, pair.category) for each in sides)
        assert not pair.laterality or not pair.sides


def test_tumours_and_nodules_are_no_anatomy(vocabulary: Vocabulary) -> None:
    findings = [each.id for each in vocabulary if each.category != ANATOMY]
    assert findings == ["lung_nodule", "soft_tissue_sarcoma"]
    assert {vocabulary[name].category_meaning for name in findings} == {"Morphologically Altered Structure"}


def test_leaves_are_what_has_to_be_segmented(vocabulary: Vocabulary) -> None:
    def leaves(name: str) -> list[str]:
        return [each.id for each in vocabulary.leaves(vocabulary[name])]

    assert leaves("liver") == ["liver"]
    assert leaves("hippocampus") == ["hippocampus_anterior", "hippocampus_posterior"]
    assert leaves("lung") == ["lung_upper_lobe_left", "lung_lower_lobe_left", "lung_right"]
    assert len(leaves("ribs")) == 14


def test_an_unknown_id_is_an_error_that_says_where_ids_stand(vocabulary: Vocabulary) -> None:
    with pytest.raises(DataError, match="lightseg structures"):
        vocabulary["third_kidney"]


@pytest.mark.parametrize(
    ("key", "value"),
    [("format", 2), ("categories", {}), ("structures", [{"id": "liver"}]), ("structures", 5)],
)
def test_a_damaged_file_is_an_error_that_names_it(tmp_path: Path, key: str, value: Any) -> None:
    with pytest.raises(DataError, match=STRUCTURES_NAME):
        Vocabulary.load(write(tmp_path, {**bundled(), key: value}))


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        Vocabulary.load(tmp_path / STRUCTURES_NAME)


def test_an_id_that_stands_twice_or_is_not_there_is_an_error(tmp_path: Path) -> None:
    content = bundled()
    with pytest.raises(DataError, match="twice"):
        Vocabulary.load(write(tmp_path, {**content, "structures": content["structures"] * 2}))
    lonely = [each for each in content["structures"] if each["id"] != "kidney_left"]
    with pytest.raises(DataError, match="kidney_left"):
        Vocabulary.load(write(tmp_path, {**content, "structures": lonely}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Left Kidneys", Phrase(("kidney",), "left")),
        ("the head of the hippocampus", Phrase(("head", "hippocampus"), "")),
        ("l\u2019œsophage", Phrase(("oesophage",), "")),
        ("L-3", Phrase(("l3",), "")),
        ("rib L 6", Phrase(("rib", "6"), "left")),
        ("left and right lungs", Phrase(("lung",), "both")),
        ("A. iliaca sinistra", Phrase(("arteria", "iliaca"), "left")),
        ("sixth rib", Phrase(("6", "rib"), "")),
        ("großer Gesäßmuskel", Phrase(("grosser", "gesassmuskel"), "")),
        ("left", Phrase(("left",), "")),
        ("LA", Phrase(("la",), "")),
    ],
)
def test_texts_are_compared_by_their_telling_words(text: str, expected: Phrase) -> None:
    assert phrase(tokens(text)) == expected
