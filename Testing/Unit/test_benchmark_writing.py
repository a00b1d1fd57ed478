"""The timing of masked writes: median and slowest, printed and written."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from Testing.Benchmarks import writing


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[tuple[int, ...], int]]:
    """Writes take 10, 20 and 60 ms; returns what will have been asked for."""
    calls: list[tuple[tuple[int, ...], int]] = []

    def masked_write_ms(shape_kji: tuple[int, ...], size: int) -> list[float]:
        calls.append((shape_kji, size))
        return [60.0, 10.0, 20.0]

    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setitem(sys.modules, "tour", SimpleNamespace(masked_write_ms=masked_write_ms))
    return calls


def test_median_and_slowest_write_are_measured(asked: list[tuple[tuple[int, ...], int]]) -> None:
    median, slowest = writing.measure((40, 30, 20), 8)
    assert asked == [((20, 30, 40), 8)]
    assert (median.value, slowest.value) == (pytest.approx(0.02), pytest.approx(0.06))
    assert median.within is True


@pytest.mark.usefixtures("asked")
def test_numbers_are_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert writing.main(["--json", str(tmp_path / "numbers.json")]) == 0
    assert "20.0 ms" in capsys.readouterr().out
    content = json.loads((tmp_path / "numbers.json").read_text())
    assert [each["value"] for each in content["measurements"]] == pytest.approx([0.02, 0.06])
