"""`lightseg evaluate --trust`: tables, numbers, the reliability plot."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest
from clicked_data import write_clicked_data
from tiny_model import tiny_model  # noqa: F401 - a fixture

from LightSegLib import cli
from LightSegLib.evaluation.trust_results import TrustResults


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_clicked_data(tmp_path_factory.mktemp("data"))


@pytest.fixture
def run(tiny_model, data):  # noqa: F811
    def run_with(*arguments):
        words = [str(each) for each in (tiny_model, data, "--clicks", "2", "--device", "cpu", *arguments)]
        return cli.main(["evaluate", *words])

    return run_with


def test_trust_is_told_in_tables_and_written_as_numbers_and_picture(run, tmp_path, capsys):
    numbers, picture = tmp_path / "trust.json", tmp_path / "reliability.svg"
    assert run("--trust", "--json", numbers, "--picture", picture) == 0
    said = capsys.readouterr().out
    assert "calibration error" in said
    assert "chance on the border" in said
    assert "following suggestions" in said
    assert "accepted segments were bit for bit the same" in said
    results = TrustResults.from_dict(json.loads(numbers.read_text())["tiny"])
    assert results.unchanged()[0] == results.unchanged()[1]
    assert ElementTree.parse(picture).getroot().tag.endswith("svg")


def test_numbers_alone_can_be_printed(run, capsys):
    assert run("--trust", "--json", "-", "--cases-per-source", "1") == 0
    assert list(json.loads(capsys.readouterr().out)) == ["tiny"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--trust", "--text"], "neither --text nor"),
        (["--trust", "--update-card"], "neither --text nor"),
        (["--picture", "a.svg"], "needs --trust"),
        (["--trust", "--picture", "nowhere/a.svg"], "no such folder"),
    ],
)
def test_what_does_not_go_together_is_refused(run, capsys, arguments, words):
    assert run(*arguments) == 2
    assert words in capsys.readouterr().err
