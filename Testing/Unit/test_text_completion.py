"""Names complete while they are typed."""

from __future__ import annotations

import pytest

from LightSegLib.text import Vocabulary

VOCABULARY = Vocabulary.load()


def completed(prefix: str, count: int = 20) -> list[str]:
    return [str(each) for each in VOCABULARY.complete(prefix, count)]


def test_english_names_come_first_and_then_synonyms_with_what_they_mean() -> None:
    assert completed("kid")[:4] == ["kidney", "left kidney", "right kidney", "kidneys → kidney"]
    assert completed("nier") == [
        "Niere → kidney",
        "Nieren → kidney",
        "Niere links → left kidney",
        "Niere rechts → right kidney",
    ]


def test_the_beginning_of_any_word_completes() -> None:
    assert completed("vena c") == completed("VENA C")
    assert "inferior vena cava" in completed("vena c")
    assert "left kidney" in completed("kid")
    assert "gallbladder" not in completed("bladder")


@pytest.mark.parametrize("prefix", ["rinon", "riñ", "RIÑÓN i"])
def test_accents_and_case_do_not_matter(prefix: str) -> None:
    assert "riñón izquierdo → left kidney" in completed(prefix)


def test_a_hyphen_is_as_good_as_a_blank() -> None:
    assert completed("left-kid") == completed("left kid") == ["left kidney"]


@pytest.mark.parametrize("prefix", ["", "   ", "-", "xyz", "\x00"])
def test_nothing_completes_to_nothing(prefix: str) -> None:
    assert completed(prefix) == []


def test_no_more_than_asked_for_and_nothing_twice() -> None:
    assert len(completed("l", 7)) == 7
    assert completed("l", 0) == []
    everything = completed("l", 10_000)
    assert len(everything) == len(set(everything)) > 100


def test_a_completion_is_a_name_that_is_found() -> None:
    for each in VOCABULARY.complete("h", 500):
        assert VOCABULARY.find(each.text, sides="both") is not None
        assert VOCABULARY.find(each.name, sides="both").how == "name"
