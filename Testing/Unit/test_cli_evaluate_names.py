"""`lightseg evaluate --text`: names and mismatches on the command line, and what a card gets of them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from named_data import SOURCE, write_source, write_split
from test_models_cards import offences
from text_cases import TEXT
from tiny_model import CLICKS_BOXES_SCRIBBLES_MASK, write_tiny_model

from LightSegLib import cli
from LightSegLib.card_regions import region_settings
from LightSegLib.models.cards import read_card
from LightSegLib.models.registry import load_model

SPLIT = "lightseg evaluate reader DATA --split val --text"
TAUGHT = ["kidney_left", "spleen", "hippocampus_anterior"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A trunk with a kidney and a spleen, and a head with a hippocampus; all of them cubes."""
    root = tmp_path_factory.mktemp("data")
    labels = np.zeros((16, 18, 20), np.uint8)
    labels[3:8, 4:10, 3:9], labels[10:14, 4:10, 12:17] = 1, 2
    image = (labels * 100 + np.random.default_rng(0).integers(0, 30, labels.shape)).astype(np.int16)
    write_source(root / SOURCE, image, labels, {"1": "left kidney", "2": "spleen"})
    write_source(root / "hippocampus_mr", image, labels, {"1": "anterior hippocampus"})
    return write_split(root)


@pytest.fixture
def model(tmp_path):
    """A model folder with random weights that takes text."""
    text = {"text": True, "structures": TAUGHT}
    capabilities = replace(CLICKS_BOXES_SCRIBBLES_MASK, **text)
    return write_tiny_model(tmp_path / "reader", "reader", architecture=TEXT, capabilities=capabilities)


def run(*arguments):
    return cli.main(["evaluate", *(str(each) for each in arguments), "--text", "--device", "cpu"])


def mismatches(folder, *rows):
    path = folder / "mismatches.csv"
    path.write_text("\n".join(["source,case,text", *rows]) + "\n", encoding="utf-8")
    return path


def test_a_card_gets_dice_by_name_and_the_threshold(folder, model, tmp_path, capsys):
    before = read_card(model)
    asked = mismatches(tmp_path, "hippocampus_mr,c1,Milz", "hippocampus_mr,c1,liver")
    file = tmp_path / "numbers.json"
    assert run(model, folder, "--mismatches", asked, "--update-card", "--json", file) == 0
    said = capsys.readouterr().out
    numbers = json.loads(file.read_text())["reader"]
    card = read_card(model)
    assert offences(card.to_dict()) == []
    entry = card.validation["by_name"]
    assert entry["command"] == f"{SPLIT} --mismatches mismatches.csv"
    assert set(entry["structures"]) == set(TAUGHT)
    assert entry["structures"]["spleen"]["dice"]["0"] == pytest.approx(
        next(each["text"] for each in numbers["objects"] if each["structure_id"] == "spleen"), abs=1e-4
    )
    assert "mean" not in entry  # no structure has enough objects
    assert card.regions == {"absent": entry["threshold"]} == {"absent": numbers["threshold"]}
    assert entry["absent"]["names"] == 2  # the kidney in the head, the hippocampus in the trunk
    assert entry["mismatches"]["pairs"] == 2
    assert entry["mismatches"]["not_taught"] == 1
    assert region_settings(load_model(str(model), "cpu")).absent == entry["threshold"]
    unchanged = {"validation": {}, "regions": {}}
    assert card.to_dict() | unchanged == before.to_dict() | unchanged
    assert "Not answered: 1 not taught, 0 not understood" in said
    assert str(model / "card.json") in said


def test_clicks_and_names_stand_side_by_side_on_a_card(folder, model):
    assert run(model, folder, "--update-card") == 0
    by_name = read_card(model).validation["by_name"]
    clicks = ["evaluate", str(model), str(folder), "--no-baseline", "--clicks", "1", "--update-card"]
    assert cli.main([*clicks, "--sources", SOURCE, "--device", "cpu"]) == 0
    validation = read_card(model).validation
    assert validation["by_name"] == by_name
    assert validation["sources"]
    assert run(model, folder, "--update-card") == 0
    assert read_card(model).validation["sources"] == validation["sources"]


def test_a_card_is_left_alone_unless_asked_for(folder, model, tmp_path, capsys):
    before = (model / "card.json").read_bytes()
    assert run(model, folder, "--mismatches", mismatches(tmp_path, "hippocampus_mr,c1,spleen")) == 0
    assert (model / "card.json").read_bytes() == before
    assert "an expected Dice below 0.3\nMismatches: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("rows", "words"),
    [([], "holds no mismatches"), (["alpha,c1,liver"], "Unknown case: alpha/c1"), (["x"], "Line 2")],
)
def test_mismatches_that_cannot_be_judged_are_refused_before_any_work(
    folder, model, tmp_path, capsys, monkeypatch, rows, words
):
    monkeypatch.setattr(
        "LightSegLib.commands.evaluate.load_models", lambda *_: pytest.fail("a model was loaded")
    )
    assert run(model, folder, "--mismatches", mismatches(tmp_path, *rows)) == 2
    assert words in capsys.readouterr().err


def test_mismatches_without_names_are_refused(folder, model, tmp_path, capsys):
    asked = mismatches(tmp_path, "hippocampus_mr,c1,spleen")
    assert cli.main(["evaluate", str(model), str(folder), "--mismatches", str(asked)]) == 2
    assert "Add --text" in capsys.readouterr().err


def test_a_model_without_text_is_refused_on_the_command_line(folder, tmp_path, capsys):
    model = write_tiny_model(tmp_path / "tiny")
    assert cli.main(["evaluate", str(model), str(folder), "--text", "--device", "cpu"]) == 2
    assert "cannot be judged by name" in capsys.readouterr().err
