"""Cards say what a model is: they keep to the schema, survive a round trip, and damaged ones are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_model import CLICKS_BOXES_SCRIBBLES_MASK, tiny_model, write_tiny_model  # noqa: F401 - a fixture

from LightSegLib.errors import ModelError
from LightSegLib.models.base import Capabilities
from LightSegLib.models.cards import CARD_NAME, SCHEMA_PATH, ModelCard, read_card
from LightSegLib.models.weights import sha256_of

BUNDLED = sorted((Path(__file__).resolve().parents[2] / "Resources" / "Models").glob(f"*/{CARD_NAME}"))
jsonschema = pytest.importorskip("jsonschema")


def offences(entries: Any) -> list[str]:
    """What the schema has against a card."""
    schema = json.loads(SCHEMA_PATH.read_text(encoding="utf-8"))
    return [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(entries)]


def entries_of(folder: Path) -> dict[str, Any]:
    entries: dict[str, Any] = json.loads((folder / CARD_NAME).read_text(encoding="utf-8"))
    return entries


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(SCHEMA_PATH.read_text(encoding="utf-8")))


@pytest.mark.skipif(not BUNDLED, reason="no model is bundled in this checkout")
@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.parent.name)
def test_every_bundled_card_keeps_to_the_schema_and_fits_its_weights(path: Path) -> None:
    assert offences(json.loads(path.read_text(encoding="utf-8"))) == []
    card = read_card(path.parent)
    assert card.id == path.parent.name
    file = path.parent / card.weights.file
    assert file.stat().st_size == card.weights.bytes
    assert sha256_of(file) == card.weights.sha256


def test_a_card_written_by_the_library_keeps_to_the_schema(tiny_model: Path) -> None:  # noqa: F811
    assert offences(entries_of(tiny_model)) == []


def test_a_card_is_read_as_it_was_written(tmp_path: Path) -> None:
    folder = write_tiny_model(
        tmp_path / "tiny",
        data=[{"source": "a", "licence": "CC-BY-4.0", "cases": 3}],
        validation={"mean": {"5": 0.9}},
        regions={"connected": False},
        memory_bytes=123,
        limits="Nothing but tests: näh.",
    )
    card = read_card(folder)
    assert card.capabilities == CLICKS_BOXES_SCRIBBLES_MASK
    assert card.data[0]["cases"] == 3
    assert card.memory_bytes == 123
    assert card.limits == "Nothing but tests: näh."
    card.write(tmp_path / "again")
    assert read_card(tmp_path / "again") == card
    assert ModelCard.from_dict(card.to_dict()) == card


@pytest.mark.parametrize(
    ("entry", "value"),
    [("id", "Has Blanks"), ("patch", 8), ("weights", {}), ("format", 2), ("surprise", 1), ("licence", "")],
)
def test_the_schema_refuses_a_wrong_entry(tiny_model: Path, entry: str, value: object) -> None:  # noqa: F811
    assert offences({**entries_of(tiny_model), entry: value})


def test_a_folder_without_a_card_is_not_a_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"not a model.*card\.json") as caught:
        read_card(tmp_path)
    assert "lightseg models" in caught.value.next_step


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[1, 2]", b"\xff\xfe\x00", b"null"],
    ids=["empty", "cut", "list", "binary", "null"],
)
def test_a_file_that_is_no_card_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / CARD_NAME).write_bytes(content)
    with pytest.raises(ModelError, match=r"card\.json") as caught:
        read_card(tmp_path)
    assert caught.value.next_step


def without(entry: str) -> Callable[[dict[str, Any]], Any]:
    return lambda entries: entries.pop(entry)


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (without("patch"), "patch"),
        (without("capabilities"), "capabilities"),
        (without("weights"), "weights"),
        (lambda entries: entries["weights"].pop("sha256"), "sha256"),
        (lambda entries: entries["capabilities"].pop("points"), "points"),
        (lambda entries: entries["capabilities"].update(smell=True), "smell"),
        (lambda entries: entries.update(patch="ninety"), "patch"),
        (lambda entries: entries.update(patch=True), "patch"),
        (lambda entries: entries.update(architecture=["veloxseg"]), "architecture"),
        (lambda entries: entries.update(weights="model.safetensors"), "mapping"),
        (lambda entries: entries["weights"].update(sha256=None), "sha256"),
        (lambda entries: entries["capabilities"].update(points="yes"), "points"),
    ],
)
def test_a_card_with_a_missing_or_wrong_entry_is_refused_and_names_it(
    tiny_model: Path,  # noqa: F811
    tmp_path: Path,
    damage: Callable[[dict[str, Any]], Any],
    named: str,
) -> None:
    entries = entries_of(tiny_model)
    damage(entries)
    (tmp_path / CARD_NAME).write_text(json.dumps(entries), encoding="utf-8")
    with pytest.raises(ModelError, match=named) as caught:
        read_card(tmp_path)
    assert caught.value.next_step


def test_a_card_of_a_newer_layout_asks_for_an_update(tiny_model: Path) -> None:  # noqa: F811
    with pytest.raises(ModelError, match="format 2") as caught:
        ModelCard.from_dict({**entries_of(tiny_model), "format": 2})
    assert "Update LightSeg" in caught.value.next_step


def test_an_entry_of_a_later_version_does_not_hinder_reading(tiny_model: Path) -> None:  # noqa: F811
    entries = entries_of(tiny_model)
    assert ModelCard.from_dict({**entries, "colour": "green"}) == ModelCard.from_dict(entries)


def test_capabilities_are_described_in_words() -> None:
    assert CLICKS_BOXES_SCRIBBLES_MASK.describe() == "points, boxes, scribbles and mask"
    only_points = Capabilities(points=True, boxes=False, scribbles=False, mask=False, text=False)
    assert only_points.describe() == "points"
    nothing = Capabilities(points=False, boxes=False, scribbles=False, mask=False, text=False)
    assert nothing.describe() == "nothing"
