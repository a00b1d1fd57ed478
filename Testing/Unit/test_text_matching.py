"""What people type finds the structure they mean, or an error that helps; never another structure."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from LightSegLib.errors import LightSegError, PromptError
from LightSegLib.text import AmbiguousTextError, Match, UnknownTextError, Vocabulary

VOCABULARY = Vocabulary.load()


def ids(match: Match) -> list[str]:
    return [each.id for each in match.candidates]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("left kidney", "kidney_left"),
        ("KIDNEY, LEFT", "kidney_left"),
        ("kidney_left", "kidney_left"),
        ("L kidney", "kidney_left"),
        ("lt kidney", "kidney_left"),
        ("Niere links", "kidney_left"),
        ("die linke Niere", "kidney_left"),
        ("Niere li.", "kidney_left"),
        ("rein gauche", "kidney_left"),
        ("le rein gauche", "kidney_left"),
        ("riñón izquierdo", "kidney_left"),
        ("rinon izquierdo", "kidney_left"),
        ("ren sinister", "kidney_left"),
        ("glande surrénale droite", "adrenal_gland_right"),
        ("A. subclavia links", "subclavian_artery_left"),
        ("L3", "vertebra_l3"),
        ("l-3", "vertebra_l3"),
        ("LWK 3", "vertebra_l3"),
        ("3rd lumbar vertebra", "vertebra_l3"),
        ("third lumbar vertebra", "vertebra_l3"),
        ("dritter Lendenwirbel", "vertebra_l3"),
        ("6. Rippe rechts", "rib_6_right"),
        ("LV", "heart_ventricle_left"),
        ("IVC", "inferior_vena_cava"),
        ("V. cava inferior", "inferior_vena_cava"),
        ("GTV", "soft_tissue_sarcoma"),
        ("soft-tissue tumor", "soft_tissue_sarcoma"),
        ("Bauchspeicheldruese", "pancreas"),
        ("l'aorte", "aorta"),
        ("oesophagus", "esophagus"),
        ("middle lobe", "lung_middle_lobe_right"),
        ("hippocampi", "hippocampus"),
        ("78961009", "spleen"),
    ],
)
def test_a_name_is_found_however_it_is_written(text: str, expected: str) -> None:
    match = VOCABULARY.find(text)
    assert (ids(match), match.how, match.likeness) == ([expected], "name", 1.0)


@pytest.mark.parametrize("text", ["kidney", "Kidneys", "Nieren", "ren", "kidny", "64033007"])
def test_a_name_of_both_sides_is_asked_back(text: str) -> None:
    with pytest.raises(AmbiguousTextError, match="left kidney or right kidney") as caught:
        VOCABULARY.find(text)
    assert [each.id for each in caught.value.choices] == ["kidney_left", "kidney_right"]
    assert "left kidney" in caught.value.next_step
    assert ids(VOCABULARY.find(text, sides="both")) == ["kidney_left", "kidney_right"]


@pytest.mark.parametrize(
    "text", ["both kidneys", "Nieren beidseits", "les deux reins", "left and right kidney"]
)
def test_a_text_that_says_both_is_not_asked_back(text: str) -> None:
    assert ids(VOCABULARY.find(text)) == ["kidney_left", "kidney_right"]


def test_a_name_that_only_sided_structures_have_is_asked_back() -> None:
    with pytest.raises(AmbiguousTextError) as caught:
        VOCABULARY.find("ventricle")
    assert [each.id for each in caught.value.choices] == ["heart_ventricle_left", "heart_ventricle_right"]
    assert len(VOCABULARY.find("both ventricles").candidates) == 2


def test_a_side_of_a_whole_is_all_its_parts_on_that_side() -> None:
    assert ids(VOCABULARY.find("left ribs")) == [f"rib_{n}_left" for n in range(6, 13)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kidny left", "kidney_left"),
        ("hippocamus", "hippocampus"),
        ("left ventrical", "heart_ventricle_left"),
        ("gallbader", "gallbladder"),
        ("adrenl gland right", "adrenal_gland_right"),
    ],
)
def test_a_clear_typing_error_is_forgiven_and_told(text: str, expected: str) -> None:
    match = VOCABULARY.find(text)
    assert (ids(match), match.how) == ([expected], "typo")
    assert 0.85 <= match.likeness < 1


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("brian", "brain"),
        ("lfet kidney", "kidney_left"),
        ("rigt adrenal gland", "adrenal_gland_right"),
        ("cleft kidney", "kidney_left"),
        ("gray matter", "spinal_cord_gray_matter"),
        ("tumour", "soft_tissue_sarcoma"),
        ("left spleen", "spleen"),
        ("carotid artery", "common_carotid_artery"),
        ("cervical vertebra", "vertebrae"),
    ],
)
def test_what_is_not_clear_is_offered_and_not_taken(text: str, nearest: str) -> None:
    with pytest.raises(UnknownTextError) as caught:
        VOCABULARY.find(text, sides="both")
    assert len(caught.value.nearest) == 3
    assert caught.value.nearest[0].id == nearest
    assert all(each.name in str(caught.value) for each in caught.value.nearest)


@pytest.mark.parametrize(
    "text", ["L6", "rib 13", "T5", "S3", "ileum", "ureter", "renal artery", "diencephalon"]
)
def test_another_structure_is_not_taken_for_one_that_is_known(text: str) -> None:
    with pytest.raises(UnknownTextError):
        VOCABULARY.find(text, sides="both")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("  \n ", "empty"),
        ("x" * 201, "201 characters"),
        ("left\tkidney", r"U\+0009"),
        ("left\u200bkidney", r"U\+200B"),
        ("почка", "not a Latin one"),
        ("左腎", "not a Latin one"),
        ("?!", "holds no word"),
        ("left", "no structure"),
        ("l'", "no structure"),
        (None, "NoneType"),
        (b"liver", "bytes"),
    ],
)
def test_a_text_that_cannot_be_a_name_is_refused_with_the_reason(text: object, said: str) -> None:
    with pytest.raises(PromptError, match=said):
        VOCABULARY.find(text)  # type: ignore[arg-type]


def test_200_characters_are_not_too_many() -> None:
    with pytest.raises(UnknownTextError):
        VOCABULARY.find("x" * 200)


def test_a_caller_who_asks_for_other_sides_is_told_which_there_are() -> None:
    with pytest.raises(PromptError, match="ask"):
        VOCABULARY.find("kidney", sides="left")  # type: ignore[arg-type]


@given(st.text(max_size=60))
def test_any_text_is_understood_or_refused(text: str) -> None:
    with contextlib.suppress(LightSegError):
        assert VOCABULARY.find(text).candidates


@given(st.sampled_from(list(VOCABULARY)), st.randoms(use_true_random=False))
def test_the_order_of_words_and_their_case_do_not_matter(structure: object, random: object) -> None:
    name = structure.name  # type: ignore[attr-defined]
    words = name.upper().split()
    random.shuffle(words)  # type: ignore[attr-defined]
    assert VOCABULARY.find("-".join(words), sides="both") == Match(
        "-".join(words), VOCABULARY.find(name, sides="both").candidates, "name"
    )
