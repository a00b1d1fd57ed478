"""Several names at once become what a model was taught."""

from __future__ import annotations

import pytest

from LightSegLib.errors import CapabilityError, PromptError
from LightSegLib.text import UnknownTextError, Vocabulary
from LightSegLib.text.naming import Naming, split_names, taught_for, understand_names

VOCABULARY = Vocabulary.load()
KNOWN = ("kidney_left", "kidney_right", "liver", "spleen", "vertebra_l1", "vertebra_l3")


def understood(*names: str) -> list[Naming]:
    return understand_names(VOCABULARY, names, KNOWN)


def ids(naming: Naming) -> list[str]:
    return [structure.id for structure in naming.structures]


@pytest.mark.parametrize(
    "text",
    ["left kidney;liver", " left kidney ; liver;", "left kidney\nliver\n", "left kidney\r\n;\r\nliver"],
)
def test_names_are_parted_by_lines_and_semicolons(text: str) -> None:
    assert split_names(text) == ["left kidney", "liver"]


def test_a_text_without_a_name_has_none() -> None:
    assert split_names(" ; \n;") == []


def test_every_name_is_understood_for_itself_in_any_language() -> None:
    assert [ids(each) for each in understood("Leber", "Niere links")] == [["liver"], ["kidney_left"]]


def test_a_name_of_both_sides_is_both() -> None:
    assert ids(understood("kidney")[0]) == ["kidney_left", "kidney_right"]


def test_a_whole_that_was_not_taught_is_its_parts_that_were() -> None:
    assert ids(understood("lumbar spine")[0]) == ["vertebra_l1", "vertebra_l3"]


def test_what_was_taught_is_asked_for_as_it_is() -> None:
    lung = VOCABULARY["lung_left"]
    assert taught_for(VOCABULARY, lung, {"lung_left", "lung_upper_lobe_left"}) == (lung,)


def test_an_unknown_name_names_the_nearest_and_the_others_are_understood() -> None:
    unknown, known = understood("flux capacitor", "liver")
    assert isinstance(unknown.error, UnknownTextError)
    assert len(unknown.error.nearest) == 3
    assert ids(known) == ["liver"]


def test_what_the_model_was_not_taught_is_refused_with_what_it_was() -> None:
    refused = understood("pancreas")[0]
    assert isinstance(refused.error, CapabilityError)
    assert "liver" in str(refused.error)


def test_a_model_that_was_taught_nothing_says_so() -> None:
    assert "no structure" in str(understand_names(VOCABULARY, ["liver"], [])[0].error)


def test_a_side_alone_is_refused() -> None:
    assert isinstance(understood("left")[0].error, PromptError)


def test_nothing_is_asked_for_twice() -> None:
    namings = understood("left kidney", "kidney", "Niere links")
    assert [ids(each) for each in namings] == [["kidney_left"], ["kidney_right"], []]
    assert all(each.error is None for each in namings)


def test_a_list_with_commas_is_taken_apart_but_not_a_name_with_one() -> None:
    assert [each.text for each in understood("left kidney, liver")] == ["left kidney", "liver"]
    assert [each.text for each in understood("kidney, left")] == ["kidney, left"]
    assert [each.error is None for each in understood("liver, flux capacitor")] == [True, False]


def test_a_description_is_understood_where_there_is_an_encoder() -> None:
    asked: list[str] = []

    class Meanings:
        def nearest(self, text: str, among: object, count: int) -> list[tuple[str, float]]:
            asked.append(text)
            return [("liver", 0.9), ("spleen", 0.2), ("kidney_left", 0.1)]

    text = "large brown gland beneath"
    found = understand_names(VOCABULARY, [text, "spleen"], KNOWN, lambda: Meanings())
    assert [ids(each) for each in found] == [["liver"], ["spleen"]]
    assert asked == [text], "a name needs no encoder"
