"""The timing of names: each gets a segment of its own, what is absent is timed too, and models without text
are refused.
"""

from __future__ import annotations

import pytest
from reading_model import Reader
from tiny_model import write_tiny_model

from LightSegLib import InteractiveSession
from LightSegLib.regions import RegionSegmenter
from Testing.Benchmarks import naming
from Testing.Benchmarks.phantom import Phantom


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


def test_a_model_without_text_is_refused_in_words(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_tiny_model(tmp_path / "tiny")
    assert naming.main(["--model", str(folder), "--size", "32", "32", "32", "--threads", "1"]) == 1
    assert "naming.py: " in capsys.readouterr().err
