"""`lightseg structures`: which structures have a name here, and how a text is understood."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from LightSegLib.commands.card_names import dice_by_name
from LightSegLib.commands.console import OK, aligned, note, progress, say, say_json
from LightSegLib.commands.options import add_command, add_json
from LightSegLib.errors import DataError, ModelError

if TYPE_CHECKING:
    from LightSegLib.commands.options import Commands
    from LightSegLib.models.cards import ModelCard
    from LightSegLib.text import Match, Structure, Vocabulary
    from LightSegLib.text.embeddings import DescribedMeanings

_HEADER = ("name", "SNOMED CT", "synonyms", "labels", "models")
_HOW = {"name": "is a name of", "typo": "is taken for a mistyped name of", "meaning": "is taken to describe"}


def add_parser(commands: Commands) -> None:
    """Describe the command."""
    parser = add_command(
        commands,
        "structures",
        run,
        "List the structures that have a name, or tell how a text is understood.",
        'lightseg structures\nlightseg structures "Niere links"\nlightseg structures kidney --sides both',
        "labels: of the training data that stand for it. models: bundled ones that were taught its name,\n"
        "with the validation Dice of the name alone, where the card has it.",
    )
    parser.add_argument(
        "text", nargs="*", metavar="TEXT", help="a name or a description; without it, list all"
    )
    parser.add_argument(
        "--sides",
        choices=("ask", "both"),
        default="ask",
        help='a name of both sides, "kidney": ask (default) refuses it with the choices, both takes both',
    )
    parser.add_argument(
        "--encoder",
        metavar="FOLDER|NAME",
        help="text encoder for descriptions; by default one that is installed",
    )
    parser.add_argument(
        "--write-embeddings",
        metavar="ENCODER",
        help="compute the names' embeddings anew, with a folder, a name in the hub's cache, or a package",
    )
    parser.add_argument(
        "-o", "--out", type=Path, help="where --write-embeddings writes to; default: Resources"
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """List the structures, explain a text, or write embeddings."""
    from LightSegLib.models.registry import list_models
    from LightSegLib.text import Vocabulary

    vocabulary = Vocabulary.load()
    if arguments.write_embeddings:
        return _write(vocabulary, arguments.write_embeddings, arguments.out)
    cards = [card for card in list_models() if card.capabilities.text]
    if arguments.text:
        match = _understood(vocabulary, " ".join(arguments.text), arguments)
        structures: Sequence[Structure] = match.candidates
        if arguments.json:
            found = [_facts(each, cards) for each in structures]
            say_json(
                {
                    "text": match.text,
                    "how": match.how,
                    "likeness": round(match.likeness, 3),
                    "structures": found,
                }
            )
            return OK
        likeness = "" if match.how == "name" else f" (likeness {match.likeness:.2f})"
        say(f'"{match.text}" {_HOW[match.how]}{likeness}:')
    else:
        structures = list(vocabulary)
        if arguments.json:
            say_json([_facts(each, cards) for each in structures])
            return OK
    say(aligned(_HEADER, [_row(vocabulary, each, cards) for each in structures]))
    if not cards:
        note("lightseg: No bundled model takes text yet.")
    return OK


def _write(vocabulary: Vocabulary, source: str, out: Path | None) -> int:
    from LightSegLib.text.embeddings import names_of, write_embeddings
    from LightSegLib.text.encoder import load_encoder

    with progress("Embedding the names"):
        encoder = load_encoder(source)
        file = write_embeddings(vocabulary, encoder, out)
    say(f"{file}: {len(names_of(vocabulary))} names by {encoder.name}, {file.stat().st_size / 1e6:.2f} MB")
    return OK


def _understood(vocabulary: Vocabulary, text: str, arguments: argparse.Namespace) -> Match:
    """What the text says; by its meaning too where that is needed, and whenever an encoder is named."""
    from LightSegLib.text.matching import find_or_describe

    return find_or_describe(
        vocabulary,
        text,
        arguments.sides,
        lambda: _meanings(vocabulary, arguments.encoder),
        always=bool(arguments.encoder),
    )


def _meanings(vocabulary: Vocabulary, source: str | None) -> DescribedMeanings | None:
    """The encoder asked for, or one that is there; None, with a remark, if none is."""
    from LightSegLib.text.embeddings import load_meanings

    try:
        with progress("Loading the text encoder"):
            return load_meanings(vocabulary, source)
    except (ModelError, DataError) as error:
        if source:
            raise
        note(f"lightseg: {error.what}")
        return None


def _models_for(structure: Structure, cards: Sequence[ModelCard]) -> list[dict[str, Any]]:
    """The models that were taught a structure's name, with the Dice of the name alone from their cards."""
    return [
        {"id": card.id, "dice": dice_by_name(card, structure.id)}
        for card in cards
        if structure.id in card.capabilities.structures
    ]


def _facts(structure: Structure, cards: Sequence[ModelCard]) -> dict[str, Any]:
    return {
        "id": structure.id,
        "name": structure.name,
        "code": structure.code,
        "meaning": structure.meaning,
        "category": structure.category,
        "category_meaning": structure.category_meaning,
        "laterality": structure.laterality,
        "colour": list(structure.colour),
        "synonyms": {language: list(texts) for language, texts in structure.synonyms.items()},
        "sides": list(structure.sides),
        "parts": list(structure.parts),
        "training_labels": [list(label) for label in structure.training_labels],
        "models": _models_for(structure, cards),
    }


def _row(vocabulary: Vocabulary, structure: Structure, cards: Sequence[ModelCard]) -> list[str]:
    labels = sum(len(leaf.training_labels) for leaf in vocabulary.leaves(structure))
    models = ", ".join(_written(model) for model in _models_for(structure, cards)) or "-"
    synonyms = len(list(structure.names())) - 1
    return [structure.name, structure.code or "-", str(synonyms), str(labels), models]


def _written(model: Mapping[str, Any]) -> str:
    return model["id"] if model["dice"] is None else f"{model['id']} {model['dice']:.2f}"
