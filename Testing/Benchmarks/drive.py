"""Drives a real session over the phantom as a user would, with a clock and an eye on memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import cycle
from typing import TypeVar

import psutil

from LightSegLib import InteractiveSession
from LightSegLib.evaluation.metrics import dice
from LightSegLib.evaluation.simulated_user import SimulatedUser
from LightSegLib.runtime.memory import measure_peak_bytes
from Testing.Benchmarks.phantom import Phantom

T = TypeVar("T")
CLICKS_PER_OBJECT = 4


@dataclass(frozen=True)
class Click:
    """One click and what came of it.

    Attributes:
        target: the structure the user wants.
        number: 1 for the first click on it.
        positive: what kind of click it was.
        seconds: `Change.seconds`, the session's own account.
        network_seconds: `Change.network_seconds`, the part of it spent in the network.
        wall_seconds: by the clock, from the call to its return.
        dice: of mask and truth afterwards.
    """

    target: str
    number: int
    positive: bool
    seconds: float
    network_seconds: float
    wall_seconds: float
    dice: float


@dataclass
class Run:
    """All that a session did.

    Attributes:
        clicks: in order.
        undo_seconds: one per undo, by the clock.
        redo_seconds: one per redo, by the clock.
    """

    clicks: list[Click] = field(default_factory=list)
    undo_seconds: list[float] = field(default_factory=list)
    redo_seconds: list[float] = field(default_factory=list)


class Meter:
    """Times actions and remembers the largest memory that the process held during any of them.

    What happens between the measured actions (the simulated user at work, the truth being drawn) does not
    count as the session's, unless it leaves something behind.

    Attributes:
        peak_bytes: largest resident memory of the process during the measured actions.
    """

    def __init__(self) -> None:
        self.peak_bytes = 0

    def run(self, action: Callable[[], T]) -> tuple[T, float]:
        """Run an action; returns its result and its seconds by the clock."""

        def clocked() -> tuple[T, float]:
            began = time.perf_counter()
            result = action()
            return result, time.perf_counter() - began

        before = psutil.Process().memory_info().rss
        outcome, rise = measure_peak_bytes(clocked)
        self.peak_bytes = max(self.peak_bytes, before + rise)
        return outcome


def drive(
    session: InteractiveSession,
    phantom: Phantom,
    targets: Iterable[str],
    clicks: int,
    meter: Meter,
    clicks_per_object: int = CLICKS_PER_OBJECT,
) -> Run:
    """Segment one target after the other, a few clicks each, and undo and redo all of each target's clicks.

    Args:
        session: with the phantom's volume as its image.
        phantom: the volume and its truth.
        targets: structures of the phantom, of which those are left out that are smaller than its voxels; when
            they run out, the first comes again in a new segment.
        clicks: to be made in all.
        meter: measures each call.
        clicks_per_object: on one target, before the next one's turn.
    """
    run = Run()
    for target in cycle([name for name in targets if phantom.truth(name).any()]):
        allowed = min(clicks_per_object, clicks - len(run.clicks))
        if allowed == 0:
            break
        if run.clicks:
            session.add_segment()
        made = list(_segment(session, phantom, target, allowed, meter))
        run.clicks += made
        run.undo_seconds += [meter.run(session.undo)[1] for _ in made]
        run.redo_seconds += [meter.run(session.redo)[1] for _ in made]
    return run


def _segment(
    session: InteractiveSession, phantom: Phantom, target: str, clicks: int, meter: Meter
) -> Iterator[Click]:
    """The clicks of a simulated user on one target, in the active segment."""
    truth = phantom.truth(target)
    user = SimulatedUser(truth, phantom.volume.spacing_ijk)
    for number in range(1, clicks + 1):
        point = user.next_click(session.mask)
        if point is None:
            return
        change, seconds = meter.run(lambda point=point: session.add_point(point.ijk, positive=point.positive))
        score = dice(session.mask, truth)
        yield Click(target, number, point.positive, change.seconds, change.network_seconds, seconds, score)
