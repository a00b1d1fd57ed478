"""`lightseg structures`: what is known by name, and how a text is understood."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest
from test_text_embeddings import LetterEncoder
from tiny_model import CLICKS_BOXES_SCRIBBLES_MASK, write_tiny_model

from LightSegLib import cli
from LightSegLib.commands.card_names import dice_by_name
from LightSegLib.models.base import Capabilities
from LightSegLib.models.cards import read_card
from LightSegLib.resources import VARIABLE, resources_folder
from LightSegLib.text import Vocabulary
from LightSegLib.text.embeddings import EMBEDDINGS_NAME, Embeddings


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Resources with the vocabulary and no model."""
    shutil.copytree(resources_folder() / "Vocabulary", tmp_path / "Vocabulary")
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    return tmp_path


def text_model(bundle: Path, name: str, *taught: str, **dice: float) -> None:
    """A model that was taught structures, some of them with a Dice of the name alone on its card."""
    text = {"text": True, "structures": list(taught)}
    measured = {key: {"objects": 3, "dice": {"0": value}} for key, value in dice.items()}
    write_tiny_model(
        bundle / "Models" / name,
        name,
        capabilities=Capabilities(**{**asdict(CLICKS_BOXES_SCRIBBLES_MASK), **text}),
        validation={"by_name": {"structures": measured}} if dice else {},
    )


def test_all_structures_are_listed(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_tiny_model(bundle / "Models" / "tiny")
    assert cli.main(["structures"]) == 0
    said = capsys.readouterr()
    header, *rows = said.out.splitlines()
    assert header.split() == ["name", "SNOMED", "CT", "synonyms", "labels", "models"]
    assert len(rows) == len(Vocabulary.load())
    assert any(row.startswith("left kidney") and "64033007" in row for row in rows)
    assert all(row.split()[-1] == "-" for row in rows)
    assert "No bundled model takes text yet" in said.err


def test_a_model_knows_what_its_card_says_that_it_was_taught(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text_model(bundle, "reader", "hippocampus_anterior", "spleen", spleen=0.8149)
    text_model(bundle, "scholar", "spleen")
    write_tiny_model(bundle / "Models" / "tiny")
    assert cli.main(["structures", "--json"]) == 0
    said = capsys.readouterr()
    knowing = {facts["id"]: facts["models"] for facts in json.loads(said.out) if facts["models"]}
    assert knowing == {
        "hippocampus_anterior": [{"id": "reader", "dice": None}],
        "spleen": [{"id": "reader", "dice": 0.8149}, {"id": "scholar", "dice": None}],
    }
    assert said.err == ""


def test_the_dice_of_a_name_stands_beside_the_model(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text_model(bundle, "reader", "spleen", "liver", spleen=0.8149)
    text_model(bundle, "scholar", "spleen")
    assert cli.main(["structures", "Milz"]) == 0
    assert capsys.readouterr().out.splitlines()[2].endswith("  reader 0.81, scholar")
    assert cli.main(["structures", "liver"]) == 0
    assert capsys.readouterr().out.splitlines()[2].endswith("  reader")


@pytest.mark.parametrize("validation", [{}, {"by_name": 3}, {"by_name": {"structures": {"spleen": {}}}}])
def test_a_card_without_numbers_by_name_shows_none(tmp_path: Path, validation: dict[str, object]) -> None:
    card = read_card(write_tiny_model(tmp_path / "tiny", validation=validation))
    assert dice_by_name(card, "spleen") is None


def test_a_text_is_explained(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["structures", "Niere", "links"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == '"Niere links" is a name of:'
    assert lines[2].startswith("left kidney")
    assert cli.main(["structures", "kidny left"]) == 0
    assert "mistyped" in capsys.readouterr().out


def test_a_text_is_explained_as_json(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["structures", "kidneys", "--sides", "both", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["how"], facts["likeness"]) == ("name", 1.0)
    assert [each["id"] for each in facts["structures"]] == ["kidney_left", "kidney_right"]
    assert facts["structures"][0]["laterality"] == "left"


def test_an_ambiguous_or_unknown_text_is_bad_input(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["structures", "kidney"]) == 2
    assert "left kidney or right kidney" in capsys.readouterr().err
    assert cli.main(["structures", "flux capacitor"]) == 2
    assert "Nearest are" in capsys.readouterr().err


def test_without_an_encoder_a_description_is_unknown_and_the_reason_is_said(
    bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert cli.main(["structures", "the bag that keeps bile"]) == 2
    said = capsys.readouterr().err
    assert "transformers is not installed" in said
    assert "Nearest are" in said


def test_an_encoder_that_was_asked_for_and_is_not_there_is_an_error(
    bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert cli.main(["structures", "flux capacitor", "--encoder", "somewhere"]) == 2
    assert 'pip install "lightseg[text]"' in capsys.readouterr().err


def test_embeddings_are_written_and_then_used(
    bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("LightSegLib.text.encoder.load_encoder", lambda source=None: LetterEncoder())
    monkeypatch.setattr("LightSegLib.text.embeddings.load_encoder", lambda source=None: LetterEncoder())
    assert cli.main(["structures", "--write-embeddings", "letters"]) == 0
    assert "1212 names by letters" in capsys.readouterr().out
    vocabulary = Vocabulary.load()
    assert Embeddings.load(vocabulary).encoder == "letters"
    assert cli.main(["structures", "portal vein and also splenic vein"]) == 0
    assert "is taken to describe (likeness 0." in capsys.readouterr().out
    other = bundle / "other.safetensors"
    assert cli.main(["structures", "--write-embeddings", "letters", "--out", str(other)]) == 0
    assert other.read_bytes() == (bundle / "Vocabulary" / EMBEDDINGS_NAME).read_bytes()


def test_a_vocabulary_that_is_not_there_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert cli.main(["structures"]) == 2
    assert "structures.json" in capsys.readouterr().err
