"""What the user shows or says about a segment: points, boxes, scribbles and text, and the set of them."""

from __future__ import annotations

import itertools
import math
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, Union, cast

import numpy as np
from numpy.typing import NDArray

from LightSegLib.errors import PromptError
from LightSegLib.geometry import IJK, round_half_up

if TYPE_CHECKING:
    from LightSegLib.geometry import Volume

MAX_TEXT_LENGTH = 200
NAME_EXAMPLE = 'Name a structure, for example "left kidney"'
_JOINERS = "\u200c\u200d"  # invisible, but part of the spelling in Persian and Indic scripts


@dataclass(frozen=True)
class Point:
    """A click on the voxel `ijk`: positive means inside the structure, negative outside."""

    ijk: IJK
    positive: bool = True


@dataclass(frozen=True)
class Box:
    """A box around the structure: voxels from `lower_ijk` up to, not including, `upper_ijk`."""

    lower_ijk: IJK
    upper_ijk: IJK


@dataclass(frozen=True)
class Scribble:
    """A polyline through the voxels `points_ijk`; all of it is inside (positive) or outside the structure."""

    points_ijk: tuple[IJK, ...]
    positive: bool = True

    def voxels(self) -> NDArray[np.int64]:
        """The voxels (N, 3), i, j, k, along the line: each once, in order, with all vertices.

        Two that follow each other share at least a corner, except where the line returns to a voxel it had
        before.
        """
        points = np.asarray(self.points_ijk, np.int64).reshape(-1, 3)
        parts = [points[:1]]
        for start, end in itertools.pairwise(points):
            steps = int(np.abs(end - start).max())
            fraction = np.arange(1, steps + 1)[:, None] / max(steps, 1)
            parts.append(round_half_up(start + fraction * (end - start)))
        line = np.concatenate(parts)
        _, first = np.unique(line, axis=0, return_index=True)
        return line[np.sort(first)]


@dataclass(frozen=True)
class Text:
    """The name of a structure, in plain words."""

    text: str


Prompt = Union[Point, Box, Scribble, Text]  # noqa: UP007 - evaluated at run time
_P = TypeVar("_P", bound=Prompt)


@dataclass(frozen=True)
class PromptSet:
    """The prompts of one segment in the order they came; immutable.

    Add only prompts that `validate` returned. Where two contradict each other at a voxel, the later one
    holds.
    """

    prompts: tuple[Prompt, ...] = ()

    def with_prompt(self, prompt: Prompt) -> PromptSet:
        """A new set with `prompt` added at the end."""
        return PromptSet((*self.prompts, prompt))

    def __len__(self) -> int:
        return len(self.prompts)

    def __iter__(self) -> Iterator[Prompt]:
        return iter(self.prompts)

    def positive_voxels(self) -> NDArray[np.int64]:
        """Voxels (N, 3), i, j, k, that clicks and scribbles say are inside; each once, the latest last."""
        return self._signed_voxels[0]

    def negative_voxels(self) -> NDArray[np.int64]:
        """Voxels (N, 3), i, j, k, that clicks and scribbles say are outside; each once, the latest last."""
        return self._signed_voxels[1]

    @property
    def points(self) -> tuple[Point, ...]:
        """All clicks, in order."""
        return self._of(Point)

    @property
    def boxes(self) -> tuple[Box, ...]:
        """All boxes, in order."""
        return self._of(Box)

    @property
    def scribbles(self) -> tuple[Scribble, ...]:
        """All scribbles, in order."""
        return self._of(Scribble)

    @property
    def text(self) -> str | None:
        """The latest text, or None."""
        texts = self._of(Text)
        return texts[-1].text if texts else None

    @property
    def last(self) -> Prompt | None:
        """The latest prompt, or None when there is none."""
        return self.prompts[-1] if self.prompts else None

    def _of(self, kind: type[_P]) -> tuple[_P, ...]:
        return tuple(prompt for prompt in self.prompts if isinstance(prompt, kind))

    @cached_property
    def _signed_voxels(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        signs: dict[tuple[int, ...], bool] = {}
        for prompt in self.prompts:
            if isinstance(prompt, Point):
                voxels = [tuple(prompt.ijk)]
            elif isinstance(prompt, Scribble):
                voxels = [tuple(voxel) for voxel in prompt.voxels().tolist()]
            else:
                continue
            for voxel in voxels:
                signs.pop(voxel, None)  # so that the voxel moves to its latest place
                signs[voxel] = prompt.positive
        return _frozen(signs, True), _frozen(signs, False)


def _frozen(signs: dict[tuple[int, ...], bool], positive: bool) -> NDArray[np.int64]:
    chosen = [voxel for voxel, sign in signs.items() if sign is positive]
    array = np.array(chosen, np.int64).reshape(-1, 3)
    array.flags.writeable = False
    return array


def validate(prompt: _P, volume: Volume) -> _P:
    """Check `prompt` against `volume`; return it with whole indices (halves rounded up) or trimmed text.

    Raises:
        PromptError: a position that is not finite or outside the image (named in mm RAS and as index), a
            box that is empty, inside out or partly outside, an empty scribble, a text that is empty, over
            200 characters long, or holds control characters.
    """
    checked: Prompt
    if isinstance(prompt, Point):
        checked = Point(_inside(prompt.ijk, volume, "point"), bool(prompt.positive))
    elif isinstance(prompt, Scribble):
        checked = Scribble(_scribble_points(prompt, volume), bool(prompt.positive))
    elif isinstance(prompt, Box):
        checked = _checked_box(prompt, volume)
    elif isinstance(prompt, Text):
        checked = Text(_checked_text(prompt.text))
    else:
        raise PromptError(f"{prompt!r} is not a prompt", "Prompts are Point, Box, Scribble and Text")
    return cast(_P, checked)


def _scribble_points(scribble: Scribble, volume: Volume) -> tuple[IJK, ...]:
    points = scribble.points_ijk
    if len(points) == 0:
        raise PromptError("The scribble is empty", "It has no points", "Draw it through at least one voxel")
    return tuple(
        _inside(point, volume, f"scribble point {n + 1} of {len(points)}") for n, point in enumerate(points)
    )


def _checked_box(box: Box, volume: Volume) -> Box:
    """The box with whole-numbered corners, both of them inside the image."""
    lower = np.floor(np.array(_finite(box.lower_ijk, "lower corner of the box")) + 0.5)
    upper = np.floor(np.array(_finite(box.upper_ijk, "upper corner of the box")) + 0.5)
    if (upper <= lower).any():
        state = "inside out" if (upper < lower).any() else "empty"
        raise PromptError(
            f"The box from index ({_joined(lower)}) to ({_joined(upper)}) is {state}",
            "Each upper index has to be above the lower one, as it is one past the last voxel",
            "Draw the box from one corner of the structure to the opposite one",
        )
    first = _inside(lower, volume, "first voxel of the box")
    i, j, k = _inside(upper - 1, volume, "last voxel of the box")
    return Box(first, (i + 1, j + 1, k + 1))


def _inside(ijk: Any, volume: Volume, name: str) -> IJK:
    """The voxel of `ijk`, or a PromptError that says where it is and where it may be."""
    index = _finite(ijk, name)
    # Compared before rounding to integers, because a far-off position may not fit into one.
    if all(-0.5 <= x < n - 0.5 for x, n in zip(index, volume.shape_ijk, strict=True)):
        i, j, k = round_half_up(index).tolist()
        return (
            min(i, volume.shape_ijk[0] - 1),
            min(j, volume.shape_ijk[1] - 1),
            min(k, volume.shape_ijk[2] - 1),
        )
    r, a, s = volume.index_to_ras(index).tolist()
    highest = tuple(n - 1 for n in volume.shape_ijk)
    where = f"RAS ({_mm(r)}, {_mm(a)}, {_mm(s)}) mm, index ({_joined(index)})"
    raise PromptError(
        f"The {name} at {where}, lies outside the image",
        f"Valid indices run from (0, 0, 0) to {highest}, which is {_extent(volume)}",
        "Place it inside the image",
    )


def _extent(volume: Volume) -> str:
    """The range of voxel centres as text in mm."""
    corners = volume.index_to_ras(np.indices((2, 2, 2)).reshape(3, -1).T * (np.array(volume.shape_ijk) - 1))
    ranges = zip("RAS", corners.min(0).tolist(), corners.max(0).tolist(), strict=True)
    return ", ".join(f"{name} {_mm(low)} to {_mm(high)}" for name, low, high in ranges) + " mm"


def _joined(index: Iterable[float]) -> str:
    return ", ".join(f"{x:.6g}" for x in index)


def _mm(position: float) -> str:
    return f"{position:.1f}" if abs(position) < 1e6 else f"{position:.3g}"


def _finite(ijk: Any, name: str) -> tuple[float, float, float]:
    try:
        i, j, k = (float(x) for x in ijk)
    except (TypeError, ValueError) as error:
        raise PromptError(f"The {name} {ijk!r} is not three numbers (i, j, k)") from error
    if not all(map(math.isfinite, (i, j, k))):
        raise PromptError(f"The {name} ({i}, {j}, {k}) is not finite", "", "Place it on a voxel of the image")
    return (i, j, k)


def trimmed_text(text: Any, wrong_type: str) -> str:
    """A text in NFC, without blanks around it.

    Args:
        text: what the caller gave.
        wrong_type: what is said of something that is no text, with {} for its type.

    Raises:
        PromptError: it is no text, empty, or over 200 characters long.
    """
    if not isinstance(text, str):
        raise PromptError(wrong_type.format(type(text).__name__), "", NAME_EXAMPLE)
    trimmed = unicodedata.normalize("NFC", text.strip())
    if not trimmed:
        raise PromptError("The text is empty", "", NAME_EXAMPLE)
    if len(trimmed) > MAX_TEXT_LENGTH:
        raise PromptError(
            f"The text is {len(trimmed)} characters long",
            f"At most {MAX_TEXT_LENGTH} are allowed",
            NAME_EXAMPLE,
        )
    return trimmed


def control_character(character: str) -> PromptError:
    """The error of a text that holds one."""
    return PromptError(
        f"The text holds the control character U+{ord(character):04X}",
        "",
        "Type it again in one plain line",
    )


def _checked_text(text: Any) -> str:
    trimmed = trimmed_text(text, "A text prompt of type {} cannot be used")
    for character in trimmed:
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") and character not in _JOINERS:
            raise control_character(character)
    return trimmed
