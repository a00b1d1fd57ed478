"""Prompts as they are written on a command line: "-12,3,40.5", "10,20,30,-", "1,2,3;4,5,6"."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from LightSegLib.geometry import Volume
    from LightSegLib.session import Change, InteractiveSession

Position = tuple[float, float, float]

_TAKE_COORDINATES = ("--point", "--box", "--scribble")
_NEGATIVE = re.compile(r"-[\d.]")


@dataclass(frozen=True)
class WrittenPrompt:
    """One prompt of the command line, not yet seen against an image.

    Attributes:
        kind: "point", "box", "scribble" or "text".
        positions: as written; a box has its two corners.
        positive: whether it is inside the structure.
        text: the name of the structure, for "text".
    """

    kind: str
    positions: tuple[Position, ...] = ()
    positive: bool = True
    text: str = ""

    @property
    def sign(self) -> str:
        """Plus or minus for what has a sign, else a blank."""
        if self.kind not in ("point", "scribble"):
            return " "
        return "+" if self.positive else "-"


class InOrder(argparse.Action):
    """Collects prompts of all kinds in one list, in the order of the command line."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        """Add one."""
        setattr(namespace, self.dest, [*(getattr(namespace, self.dest) or ()), values])


def join_coordinates(arguments: Sequence[str]) -> list[str]:
    """Turn `--point -12,3,4` into `--point=-12,3,4`, which argparse does not take for an option."""
    joined: list[str] = []
    for argument in arguments:
        if joined and joined[-1] in _TAKE_COORDINATES and _NEGATIVE.match(argument):
            joined[-1] += "=" + argument
        else:
            joined.append(argument)
    return joined


def point(written: str) -> WrittenPrompt:
    """Argument type of --point."""
    rest, positive = _signed(written)
    return WrittenPrompt("point", (_triple(rest, "a point is R,A,S or R,A,S,+ or R,A,S,-"),), positive)


def box(written: str) -> WrittenPrompt:
    """Argument type of --box."""
    numbers = _numbers(written, 6, "a box is R,A,S,R,A,S: two opposite corners")
    return WrittenPrompt("box", ((numbers[0], numbers[1], numbers[2]), (numbers[3], numbers[4], numbers[5])))


def scribble(written: str) -> WrittenPrompt:
    """Argument type of --scribble."""
    rest, positive = _signed(written)
    rule = 'a scribble is "R,A,S;R,A,S;...", with ,+ or ,- at its end'
    return WrittenPrompt("scribble", tuple(_triple(part, rule) for part in rest.split(";")), positive)


def text(written: str) -> WrittenPrompt:
    """Argument type of --text."""
    return WrittenPrompt("text", text=written)


def apply(prompt: WrittenPrompt, session: InteractiveSession, volume: Volume, ijk: bool) -> Change:
    """Give a prompt to a session.

    Args:
        prompt: what was written.
        session: has `volume` as its image.
        volume: turns positions into voxels.
        ijk: positions are voxel indices, not RAS in mm.

    Raises:
        LightSegError: the session refuses it.
    """
    if prompt.kind == "text":
        return session.set_text(prompt.text)
    if prompt.kind == "point":
        add = session.add_point if ijk else session.add_point_ras
        return add(prompt.positions[0], prompt.positive)
    if prompt.kind == "scribble":
        points = prompt.positions if ijk else _voxels(prompt, volume)
        return session.add_scribble(points, prompt.positive)
    if ijk:
        return session.add_box(*prompt.positions)
    # In mm the box is spanned by two corners in any order, and the voxels that hold them belong to it.
    corners = list(zip(*_voxels(prompt, volume), strict=True))
    return session.add_box([min(pair) for pair in corners], [max(pair) + 1 for pair in corners])


def _voxels(prompt: WrittenPrompt, volume: Volume) -> list[tuple[int, int, int]]:
    from LightSegLib.caller_input import voxel_at

    return [voxel_at(volume, position) for position in prompt.positions]


def _signed(written: str) -> tuple[str, bool]:
    """Split the sign off the end; without one it is positive."""
    rest, comma, sign = written.rpartition(",")
    return (rest, sign.strip() == "+") if comma and sign.strip() in ("+", "-") else (written, True)


def _triple(written: str, rule: str) -> Position:
    a, b, c = _numbers(written, 3, rule)
    return (a, b, c)


def _numbers(written: str, count: int, rule: str) -> list[float]:
    try:
        numbers = [float(part) for part in written.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != count:
        raise argparse.ArgumentTypeError(f"{written!r}: {rule}")
    return numbers
