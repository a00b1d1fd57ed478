"""`lightseg evaluate`: one table for models and baselines, and numbers for the cards."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from tiny_model import ARCHITECTURE, CLICKS_BOXES_SCRIBBLES_MASK, write_tiny_model

from LightSegLib import cli
from LightSegLib.commands import evaluate as command
from LightSegLib.errors import CapabilityError
from LightSegLib.evaluation.grow_from_seeds import slicer_core_is_available
from LightSegLib.geometry import Volume
from LightSegLib.models.cards import read_card
from LightSegLib.resources import VARIABLE

SHAPE = (16, 18, 20)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two sources with one case in the split each."""
    folder = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(0)
    for source in ("alpha", "beta"):
        for name in ("images", "labels"):
            (folder / source / name).mkdir(parents=True)
        labels = np.zeros(SHAPE, np.uint8)
        labels[4:10, 5:12, 6:14] = 1
        image = (labels * 100 + random.integers(0, 30, SHAPE)).astype(np.int16)
        Volume(image, np.eye(4)).write(folder / source / "images" / "c1.nii.gz")
        Volume(labels, np.eye(4)).write(folder / source / "labels" / "c1.nii.gz")
        description = {"label_origin": "manual", "labels": {"1": "kidney"}, "cases": [{"id": "c1"}]}
        (folder / source / "dataset.json").write_text(json.dumps(description))
    split = {name: {"train": [], "val": ["c1"]} for name in ("alpha", "beta")}
    (folder / "split.json").write_text(json.dumps(split))
    return folder


@pytest.fixture
def model(tmp_path):
    return write_tiny_model(tmp_path / "mine" / "tiny")


def run(*arguments):
    return cli.main(["evaluate", *(str(each) for each in arguments), "--device", "cpu"])


def rows_of(text):
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_a_table_has_each_source_and_the_mean(model, data, capsys):
    assert run(model, data, "--no-baseline", "--clicks", "3") == 0
    said = capsys.readouterr().out
    assert [row[:3] for row in rows_of(said)[1:]] == [
        ["alpha", "tiny", "1"], ["beta", "tiny", "1"], ["mean over sources", "tiny", "2"],
    ]  # fmt: skip
    assert rows_of(said)[0][3:5] == ["Dice @1", "Dice @3"]
    assert "simulated user" in said


def test_models_of_one_and_two_channels_stand_in_one_table(model, data, tmp_path, capsys):
    two = {"channels": 2}
    pair = write_tiny_model(
        tmp_path / "pair",
        "pair",
        architecture={**ARCHITECTURE, **two},
        capabilities=replace(CLICKS_BOXES_SCRIBBLES_MASK, **two),
    )
    arguments = ("--companion", "beta", "--clicks", "2", "--no-baseline")
    assert run(model, pair, data, *arguments) == 0
    rows = rows_of(capsys.readouterr().out)[1:]
    assert [row[:2] for row in rows[:2]] == [["alpha", "tiny"], ["alpha", "pair"]]
    assert not [row for row in rows if row[0] == "beta"]
    assert run(model, data, "--companion", "gamma") == 2
    assert "gamma" in capsys.readouterr().err


def test_the_baselines_stand_in_the_same_table(model, data, capsys):
    if not slicer_core_is_available():
        pytest.skip("slicer-core is not importable here")
    assert run(model, data, "--clicks", "1", "--sources", "alpha") == 0
    methods = {row[1] for row in rows_of(capsys.readouterr().out)[1:]}
    assert methods >= {"tiny", "grow-from-seeds"}


def test_without_slicer_core_the_way_out_is_named_before_any_work(model, data, capsys, monkeypatch):
    def absent():
        raise CapabilityError("The baseline cannot run", "slicer-core cannot be imported")

    monkeypatch.setattr(
        "LightSegLib.evaluation.grow_from_seeds.baselines", lambda: {"grow-from-seeds": absent}
    )
    monkeypatch.setattr(command, "load_models", lambda *_: pytest.fail("a model was loaded"))
    assert run(model, data) == 2
    said = capsys.readouterr().err
    assert "pip install slicer-core" in said
    assert "--no-baseline" in said


def test_numbers_go_to_a_file_too(model, data, tmp_path, capsys):
    file = tmp_path / "numbers.json"
    assert run(model, data, "--no-baseline", "--clicks", "1", "--json", file) == 0
    content = json.loads(file.read_text())
    assert list(content["methods"]) == ["tiny"]
    assert len(content["objects"]) == 2
    assert rows_of(capsys.readouterr().out)


def test_numbers_alone_can_be_printed(model, data, capsys):
    assert run(model, data, "--no-baseline", "--clicks", "1", "--json", "-", "--sources", "beta") == 0
    assert list(json.loads(capsys.readouterr().out)["methods"]["tiny"]["sources"]) == ["beta"]


def test_models_of_the_same_name_are_told_apart(model, data, tmp_path, capsys):
    other = write_tiny_model(tmp_path / "other" / "tiny", seed=1)
    assert run(model, other, model, data, "--no-baseline", "--clicks", "1", "--sources", "alpha") == 0
    assert [row[1] for row in rows_of(capsys.readouterr().out)[1:3]] == ["tiny", str(other)]


def test_all_bundled_models_can_be_asked_for(data, tmp_path, monkeypatch, capsys):
    for name in ("one", "two"):
        write_tiny_model(tmp_path / "Models" / name, name)
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert run("--all", data, "--no-baseline", "--clicks", "1", "--sources", "alpha") == 0
    assert [row[1] for row in rows_of(capsys.readouterr().out)[1:3]] == ["one", "two"]


def test_a_card_gets_the_means_of_this_run(model, data, tmp_path, monkeypatch, capsys):
    if not slicer_core_is_available():
        pytest.skip("slicer-core is not importable here")
    file = tmp_path / "numbers.json"
    before = read_card(model)
    assert run(model, data, "--clicks", "3", "--cases-per-source", "1", "--update-card", "--json", file) == 0
    card = read_card(model)
    measured = json.loads(file.read_text())["methods"]
    entry = card.validation
    assert entry["split"] == "val"
    assert entry["command"] == "lightseg evaluate tiny DATA --split val --cases-per-source 1 --clicks 3"
    assert set(entry["sources"]) == {"alpha", "beta"}
    assert entry["sources"]["alpha"]["objects"] == 1
    for name, part in (("tiny", entry), ("grow-from-seeds", entry["baseline"])):
        expected = measured[name]["mean_over_sources"]["dice"]
        assert part["mean"] == pytest.approx(expected, abs=1e-4)
        assert set(part["mean"]) == {"1", "3"}
    assert card.to_dict() | {"validation": {}} == before.to_dict() | {"validation": {}}
    assert str(model / "card.json") in capsys.readouterr().out


def test_without_a_baseline_the_card_has_none(model, data):
    arguments = [
        "--no-baseline",
        "--clicks",
        "1",
        "--update-card",
        "--sources",
        "alpha",
        "--structures",
        "kidney",
    ]
    assert run(model, data, *arguments) == 0
    entry = read_card(model).validation
    assert "baseline" not in entry
    assert entry["command"].endswith('--sources alpha --structures "kidney" --clicks 1 --no-baseline')


def test_a_card_is_left_alone_unless_asked_for(model, data):
    before = (model / "card.json").read_bytes()
    assert run(model, data, "--no-baseline", "--clicks", "1", "--sources", "alpha") == 0
    assert (model / "card.json").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["DATA"], "No model is named"),
        (["no-such-model", "DATA"], "no model no-such-model"),
        (["MODEL", "nowhere"], "no data set"),
        (["MODEL", "DATA", "--sources", "gamma"], "gamma"),
        (["MODEL", "DATA", "--split", "train"], "no case"),
        (["MODEL", "DATA", "--json", "nowhere/numbers.json"], "no such folder"),
    ],
)
def test_what_cannot_be_judged_is_refused(model, data, capsys, arguments, words):
    places = {"MODEL": str(model), "DATA": str(data)}
    assert run(*(places.get(each, each) for each in arguments)) == 2
    assert words in capsys.readouterr().err


def test_the_random_walker_is_a_baseline_where_asked_for(model, data, capsys):
    pytest.importorskip("skimage")
    if not slicer_core_is_available():
        pytest.skip("slicer-core is not importable here")
    assert run(model, data, "--clicks", "1", "--sources", "alpha", "--random-walker") == 0
    assert "random walker" in {row[1] for row in rows_of(capsys.readouterr().out)[1:]}


def test_without_scikit_image_the_way_out_is_named(model, data, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage.segmentation", None)
    monkeypatch.setattr("LightSegLib.evaluation.grow_from_seeds.baselines", dict)
    assert run(model, data, "--random-walker") == 2
    said = capsys.readouterr().err
    assert "pip install scikit-image" in said
    assert "without --random-walker" in said
