"""The timing of names: each gets a segment of its own, what is absent is timed too, in both volumes, and
models without text are refused.
"""

from __future__ import annotations

import pytest
from reading_model import Reader
from tiny_model import write_tiny_model

import LightSegLib
from LightSegLib import InteractiveSession
from LightSegLib.regions import RegionSegmenter
from LightSegLib.text import Vocabulary
from Testing.Benchmarks import naming
from Testing.Benchmarks.phantom import Phantom

SMALL = ["--size", "24", "20", "16"]


class ReadyReader(Reader):
    """Can be warmed up."""

    def warm_up(self) -> None:
        pass


@pytest.fixture
def a_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """The benchmark loads a model that needs no weights."""
    monkeypatch.setattr(LightSegLib, "load_model", lambda *_, **__: ReadyReader())


def timed(monkeypatch: pytest.MonkeyPatch, seconds_of: dict[str, float]) -> list[tuple[str, dict]]:
    """Names take these seconds, by the type of the volume; returns what will have been asked of which."""
    asked = []

    def named(session, labelled, wanted):
        kind = type(labelled).__name__
        asked.append((kind, dict(wanted)))
        for name in wanted:
            yield [name, "", "", "", "", ""], seconds_of[kind]

    monkeypatch.setattr(naming, "named", named)
    return asked


def test_every_name_is_timed_in_a_segment_of_its_own() -> None:
    model, phantom = Reader(), Phantom((64, 64, 48))
    session = InteractiveSession(model, RegionSegmenter(model))
    session.set_image(phantom.volume)
    rows = list(naming.named(session, phantom, {"left kidney": "left_kidney", "spleen": None}))
    assert [row[0] for row, _ in rows] == ["left kidney", "spleen"]
    (kidney, seconds), (spleen, _) = rows
    assert seconds > 0
    assert int(kidney[3]) > 0
    assert 0 <= float(kidney[5]) <= 1
    assert (spleen[3], spleen[5]) == ("0", "-")
    assert len(session.segments) == 2


def test_the_phantom_is_asked_for_organs_and_the_sample_for_what_is_in_it(a_reader, monkeypatch) -> None:
    asked = timed(monkeypatch, {"Phantom": 0.5, "EnlargedSample": 0.5})
    assert naming.main(SMALL) == 0
    assert asked == [("Phantom", naming.IN_THE_PHANTOM), ("EnlargedSample", naming.IN_THE_SAMPLE)]
    vocabulary = Vocabulary.load()
    assert [vocabulary.find(name).candidates[0].name for name in naming.IN_THE_SAMPLE] == [
        "soft tissue sarcoma"
    ]


def test_names_asked_for_are_judged_in_the_volume_that_has_them(a_reader, monkeypatch) -> None:
    asked = timed(monkeypatch, {"Phantom": 0.5, "EnlargedSample": 0.5})
    assert naming.main([*SMALL, "--names", "liver", "soft tissue sarcoma"]) == 0
    (_, of_phantom), (_, of_sample) = asked
    assert of_phantom == {"liver": "liver", "soft tissue sarcoma": None}
    assert of_sample == {"liver": None, "soft tissue sarcoma": "soft tissue sarcoma"}


@pytest.mark.parametrize(
    ("phantom", "sample", "verdict"),
    [(0.5, 4.0, "over by 1.000 s"), (4.5, 1.0, "over by 1.500 s"), (1.0, 2.0, "OK")],
)
def test_the_budget_is_for_the_slowest_name_of_both_volumes(
    phantom: float, sample: float, verdict: str, a_reader, monkeypatch, capsys
) -> None:
    timed(monkeypatch, {"Phantom": phantom, "EnlargedSample": sample})
    assert naming.main(SMALL) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert "the slowest of 8 names, found or not" in last
    assert f"{max(phantom, sample):.3f} s" in last
    assert verdict in last


def test_every_table_says_which_volume_it_is_about(a_reader, capsys) -> None:
    assert naming.main([*SMALL, "--names", "left kidney"]) == 0
    printed = capsys.readouterr().out
    assert "grey, phantom, 24 x 20 x 16 voxels\n" in printed
    assert (
        "grey, bundled sample enlarged (Soft-tissue sarcoma of a limb, CT), 24 x 20 x 16 voxels\n" in printed
    )
    assert printed.count("| left kidney ") == 2


def test_a_model_without_text_is_refused_in_words(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_tiny_model(tmp_path / "tiny")
    assert naming.main(["--model", str(folder), "--size", "32", "32", "32", "--threads", "1"]) == 1
    assert "naming.py: " in capsys.readouterr().err
