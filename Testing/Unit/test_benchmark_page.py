"""The page of a benchmark: every part has its section, every picture is there, parts may be missing."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from benchmark_numbers import MACHINE, all_parts

from LightSegLib.errors import DataError
from LightSegLib.evaluation.benchmark import pictures
from LightSegLib.evaluation.benchmark.page import machine_table, page, write_page
from LightSegLib.evaluation.benchmark.parts import read_part, read_parts, write_part
from LightSegLib.evaluation.results import EvaluationResults

COMMAND = "lightseg benchmark DATA --out benchmarks"


def text_of(parts) -> str:
    return page(parts, "benchmarks", COMMAND)


def test_every_part_has_a_section_with_its_numbers() -> None:
    text = text_of(all_parts())
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert headings == [
        "Accuracy", "Trust", "Speed and memory", "Growing volumes, many clicks", "Other networks",
    ]  # fmt: skip
    assert re.search(r"^\| mean over sources \| tiny +\| +2 \| +0\.600 \|", text, re.MULTILINE)
    assert "calibration error" in text
    assert "| click to mask, median" in text
    assert "| 128 x 128 x 128 |" in text
    assert "| Theirs  | 1 x 96³ | 2.00 M     | 2.00 s  | 1.00 s   | 3.0 GB | 7.6 / 3.8" in text
    assert "119 times" in text
    assert "| liver | 1.2 |" in text
    assert "1 thread(s)" not in text
    assert COMMAND in text
    assert "Not measured yet" not in text


def test_what_was_left_out_is_said_with_its_reason() -> None:
    text = text_of(all_parts())
    assert "Left out: random walker. scikit-image cannot be imported." in text
    assert "Left out: writing.py failed: no slicer." in text
    assert "not installed" in text


def test_parts_that_are_missing_are_named_and_have_no_section() -> None:
    parts = all_parts()
    del parts["trust"], parts["peers"]
    text = text_of(parts)
    assert "Not measured yet: trust, peers." in text
    assert "## Trust" not in text


def test_a_quick_run_and_a_busy_machine_are_owned_up_to() -> None:
    parts = all_parts(quick=True)
    parts["speed"] = replace(parts["speed"], machine={**MACHINE, "load": 3.0})
    text = text_of(parts)
    assert "A quick run" in text
    assert "The machine was busy when speed began (load 3.0)" in text
    assert "A quick run" not in text_of(all_parts())


def test_a_machine_of_which_little_is_known_is_no_trouble() -> None:
    part = replace(all_parts()["speed"], machine={"processor": None})
    assert "unknown" in machine_table({"speed": part})


def test_every_picture_on_the_page_is_drawn() -> None:
    parts = all_parts()
    shown = re.findall(r"!\[[^\]]+\]\(benchmarks/([^)]+)\)", text_of(parts))
    drawn = pictures.charts(parts)
    assert sorted(shown) == sorted(drawn)
    for chart in drawn.values():
        ElementTree.fromstring(chart.svg())


def test_with_one_volume_there_is_nothing_to_draw_against() -> None:
    parts = all_parts()
    content = {**parts["scaling"].content, "volumes": parts["scaling"].content["volumes"][:1]}
    parts["scaling"] = replace(parts["scaling"], content=content)
    drawn = pictures.charts(parts)
    assert pictures.SIZES not in drawn
    assert pictures.SIZES not in text_of(parts)


def test_the_accuracy_plot_shows_means_over_sources_and_dashes_baselines() -> None:
    chart = pictures.charts(all_parts())[pictures.ACCURACY]
    assert [(line.name, line.dashed) for line in chart.series] == [("tiny", False), ("grow-from-seeds", True)]
    assert list(chart.series[0].y) == pytest.approx([0.6, 0.9])


def test_results_come_back_from_json_as_they_were() -> None:
    content = all_parts()["accuracy"].content["results"]
    assert EvaluationResults.from_dict(content).to_dict() == content


def test_page_numbers_and_pictures_are_written_beside_each_other(tmp_path: Path) -> None:
    folder = tmp_path / "docs" / "benchmarks"
    folder.mkdir(parents=True)
    parts = all_parts()
    for part in parts.values():
        write_part(part, folder)
    assert read_parts(folder) == parts
    written = write_page(folder, COMMAND)
    assert written[-1] == tmp_path / "docs" / "benchmarks.md"
    assert list(json.loads((folder / "benchmark.json").read_text())) == list(parts)
    for target in re.findall(r"\]\((benchmarks/[^)]+)\)", written[-1].read_text(encoding="utf-8")):
        assert (tmp_path / "docs" / target).is_file()
    assert not list(folder.glob("*.part"))


def test_a_damaged_part_is_refused(tmp_path: Path) -> None:
    assert read_part(tmp_path, "speed") is None
    (tmp_path / "speed.json").write_text('{"name": "speed"}')
    with pytest.raises(DataError, match="not a part of a benchmark"):
        read_parts(tmp_path)
