"""The parts that measure time and memory on synthetic volumes: speed, scaling, and the other networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from LightSegLib.errors import LightSegError
from LightSegLib.evaluation.benchmark.plan import Plan, Size
from LightSegLib.evaluation.benchmark.scripts import RunScript, numbers_of

Report = Callable[[str], None]
"""Called with what is being measured next."""


def measure_speed(plan: Plan, text_model: str | None, run: RunScript, report: Report) -> dict[str, Any]:
    """The budgets of the design: clicks, undo, memory, masked writes, and names if a model takes text.

    Args:
        plan: how much.
        text_model: a model that takes text, None for none.
        run: runs a script.
        report: told what comes next.

    Returns:
        `click`, the numbers of click.py; `writing`, those of writing.py; `naming`, what naming.py printed.
        The last two may be None, and `problems` then says why.

    Raises:
        CapabilityError, BenchmarkError: see `scripts.run_script`.
    """
    content: dict[str, Any] = {"writing": None, "naming": None, "problems": {}}
    report("clicks")
    content["click"] = numbers_of(run, "click.py", *_click(plan, plan.size, plan.speed_clicks), "--no-peers")
    report("masked writes")
    box = str(min(96, min(plan.size) // 2))
    try:
        content["writing"] = numbers_of(run, "writing.py", "--size", *_words(plan.size), "--box", box)
    except LightSegError as error:  # mostly: slicer-core is missing
        content["problems"]["writing"] = f"{error.what}: {error.why}"
    if text_model is None:
        content["problems"]["naming"] = "No bundled model takes text"
        return content
    report("names")
    try:
        content["naming"] = run("naming.py", "--model", text_model, "--size", *_words(plan.size))
    except LightSegError as error:
        content["problems"]["naming"] = f"{error.what}: {error.why}"
    return content


def measure_scaling(plan: Plan, run: RunScript, report: Report) -> dict[str, Any]:
    """How time and memory grow with the volume and with the clicks on one structure.

    Args:
        plan: how much.
        run: runs a script.
        report: told what comes next.

    Returns:
        `volumes`, the numbers of click.py for each size; `clicks`, those of many clicks per structure.

    Raises:
        CapabilityError, BenchmarkError: see `scripts.run_script`.
    """
    volumes = []
    for size in plan.sizes:
        report(sizes_text(size) + " voxels")
        volumes.append(numbers_of(run, "click.py", *_click(plan, size, plan.scaling_clicks), "--no-peers"))
    report(f"{plan.many_clicks} clicks on one structure")
    clicks = plan.many_clicks * plan.many_structures
    many = ("--clicks-per-structure", str(plan.many_clicks), "--no-peers")
    return {
        "volumes": volumes,
        "clicks": numbers_of(run, "click.py", *_click(plan, plan.size, clicks), *many),
    }


def measure_peers(plan: Plan, run: RunScript, report: Report) -> dict[str, Any]:
    """The other networks' forward pass, beside our clicks in the same process.

    Args:
        plan: how much.
        run: runs a script.
        report: told what comes next.

    Returns:
        `click`, the numbers of click.py.

    Raises:
        CapabilityError, BenchmarkError: see `scripts.run_script`.
    """
    report("clicks and one forward pass of each network")
    return {"click": numbers_of(run, "click.py", *_click(plan, plan.size, plan.speed_clicks))}


def value_of(numbers: Mapping[str, Any], what: str) -> float | None:
    """A measurement of a script by its name; None if it was not measured."""
    found: dict[str, float | None] = {each["what"]: each["value"] for each in numbers["measurements"]}
    return found.get(what)


def medians_by_number(numbers: Mapping[str, Any], key: str) -> list[tuple[int, float]]:
    """Of the clicks of click.py: which click on a structure it was, and the median of a number of theirs."""
    from statistics import median

    by_number: dict[int, list[float]] = {}
    for click in numbers["clicks"]:
        by_number.setdefault(click["number"], []).append(click[key])
    return [(number, median(values)) for number, values in sorted(by_number.items())]


def sizes_text(size_ijk: Sequence[int]) -> str:
    """A size in words: "512 x 512 x 300"."""
    return " x ".join(map(str, size_ijk))


def _click(plan: Plan, size: Size, clicks: int) -> tuple[str, ...]:
    model = plan.models[0]
    place = str(Path(model).resolve()) if Path(model).is_dir() else model  # the script runs elsewhere
    return ("--model", place, "--size", *_words(size), "--clicks", str(clicks))


def _words(size: Size) -> tuple[str, ...]:
    return tuple(map(str, size))
