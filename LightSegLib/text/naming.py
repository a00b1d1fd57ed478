"""Several names at once: what each of them asks of a model that was taught some structures by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from LightSegLib.errors import CapabilityError, LightSegError, PromptError
from LightSegLib.text.matching import Meanings, find_or_describe
from LightSegLib.text.structures import Structure
from LightSegLib.text.vocabulary import Vocabulary

_SEPARATORS = re.compile(r"[;\r\n\u2028\u2029]+")
_FEW = 8


@dataclass(frozen=True)
class Naming:
    """What one name asks for.

    Attributes:
        text: the name as it was given, trimmed.
        structures: what to segment for it, in order; both sides for a name of both, the taught parts for a
            whole that was not taught. Empty if it cannot be had, or was asked for by a name before.
        error: why it cannot be had; None if it can.
    """

    text: str
    structures: tuple[Structure, ...] = ()
    error: LightSegError | None = None


def split_names(text: str) -> list[str]:
    """The names in a text: one on a line, or parted by semicolons. Commas stay: "kidney, left" is one."""
    return [name.strip() for name in _SEPARATORS.split(text) if name.strip()]


def taught_for(vocabulary: Vocabulary, structure: Structure, known: Collection[str]) -> tuple[Structure, ...]:
    """What a model segments when it is asked for a structure.

    Args:
        vocabulary: whose structure it is.
        structure: what is asked for.
        known: ids of the structures that the model was taught.

    Returns:
        The structure itself if it was taught, else those of its sides and parts that were; may be empty.
    """
    if structure.id in known:
        return (structure,)
    members = [vocabulary[name] for name in (*structure.sides, *structure.parts)]
    return tuple(dict.fromkeys(part for each in members for part in taught_for(vocabulary, each, known)))


def understand_names(
    vocabulary: Vocabulary,
    names: Iterable[str],
    known: Collection[str],
    load_meanings: Callable[[], Meanings | None] = lambda: None,
) -> list[Naming]:
    """Understand names one by one; one that is unknown keeps none of the others from being understood.

    A list with commas is taken apart where it is no name as a whole and one of its parts is.

    Args:
        vocabulary: whose names.
        names: as `split_names` gives them.
        known: ids of the structures that the model was taught.
        load_meanings: see `matching.find_or_describe`.
    """
    namings: list[Naming] = []
    asked: set[str] = set()
    for name in (part for each in names for part in _listed(vocabulary, each)):
        try:
            wanted = _wanted(vocabulary, name, known, load_meanings)
        except (PromptError, CapabilityError) as error:
            namings.append(Naming(name, error=error))
            continue
        namings.append(Naming(name, tuple(each for each in wanted if each.id not in asked)))
        asked.update(each.id for each in wanted)
    return namings


def not_taught(vocabulary: Vocabulary, structure: Structure, known: Collection[str]) -> CapabilityError:
    """The error for a structure that a model was not taught, naming some that it was."""
    names = [each.name for each in vocabulary if each.id in known]
    few = ", ".join(names[:_FEW]) + (f" and {len(names) - _FEW} more" if len(names) > _FEW else "")
    return CapabilityError(
        f"The model was not taught what {structure.name} looks like",
        f"It knows {few}" if names else "It knows no structure by name",
        "Click on the structure, or name one of these" if names else "Click on the structure",
    )


def _wanted(
    vocabulary: Vocabulary,
    name: str,
    known: Collection[str],
    load_meanings: Callable[[], Meanings | None],
) -> tuple[Structure, ...]:
    found = find_or_describe(vocabulary, name, "both", load_meanings).candidates
    wanted = dict.fromkeys(part for each in found for part in taught_for(vocabulary, each, known))
    if not wanted:
        raise not_taught(vocabulary, found[0], known)
    return tuple(wanted)


def _listed(vocabulary: Vocabulary, name: str) -> Sequence[str]:
    """The parts of a list with commas; the name itself if it is none."""
    parts = [part.strip() for part in name.split(",") if part.strip()]
    if len(parts) < 2 or _is_name(vocabulary, name) or not any(_is_name(vocabulary, part) for part in parts):
        return (name,)
    return parts


def _is_name(vocabulary: Vocabulary, text: str) -> bool:
    try:
        return vocabulary.find(text, sides="both").how == "name"
    except PromptError:
        return False
