"""The page of a benchmark, from the parts that there are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from LightSegLib.evaluation.benchmark import sections
from LightSegLib.evaluation.benchmark.parts import Part, read_parts, write_all_in_one, write_text
from LightSegLib.evaluation.benchmark.pictures import charts
from LightSegLib.evaluation.benchmark.plan import PARTS
from LightSegLib.evaluation.markdown import markdown_table

_SECTIONS = {
    "accuracy": sections.accuracy,
    "trust": sections.trust,
    "speed": sections.speed,
    "scaling": sections.scaling,
    "peers": sections.peers,
}
_BUSY = 0.5
"""Load per core at the start above which times are too long."""


def write_page(folder: Path, command: str) -> list[Path]:
    """Write the plots, all numbers in one file, and the page beside the folder, under the folder's name.

    Args:
        folder: holds the parts' files.
        command: the command line, for the page.

    Returns:
        What was written, the page last.

    Raises:
        DataError: a part cannot be read, or a file cannot be written.
    """
    parts = read_parts(folder)
    written = [write_text(chart.svg(), folder / name) for name, chart in charts(parts).items()]
    written.append(write_all_in_one(list(parts.values()), folder))
    return [*written, write_text(page(parts, folder.name, command), page_of(folder))]


def page_of(folder: Path) -> Path:
    """The page that belongs to a folder: docs/benchmarks.md to docs/benchmarks."""
    return folder.with_name(folder.name + ".md")


def page(parts: Mapping[str, Part], folder: str, command: str) -> str:
    """The page as Markdown.

    Args:
        parts: what was measured, by name.
        folder: where the pictures lie, from the page.
        command: the command line.
    """
    missing = [name for name in PARTS if name not in parts]
    text = [
        "# Benchmarks",
        f"Written by `{command}`; all numbers are in [benchmark.json]({folder}/benchmark.json). How it is "
        "measured stands in [evaluation.md](evaluation.md).",
    ]
    if any(part.quick for part in parts.values()):
        text.append("**A quick run**, to see that everything works. Do not quote its numbers.")
    if missing:
        text.append(f"Not measured yet: {', '.join(missing)}.")
    text.append(machine_table(parts))

    def picture(name: str, shows: str) -> str:
        return f"![{shows}]({folder}/{name})"

    text += [_SECTIONS[name](part, picture) for name, part in parts.items()]
    return "\n\n".join(text) + "\n"


def machine_table(parts: Mapping[str, Part]) -> str:
    """Markdown: a row per part, when, how long, and on what it was measured."""
    rows = [["part", "date", "minutes", "processor", "threads", "bfloat16", "memory", "load", "versions"]]
    rows += [
        [name, part.date, f"{part.seconds / 60:.1f}", *_machine(part.machine)] for name, part in parts.items()
    ]
    notes = [
        f"The machine was busy when {name} began (load {part.machine['load']}): its times are too long."
        for name, part in parts.items()
        if name != "trust" and _is_busy(part.machine)
    ]
    return "\n\n".join([markdown_table(rows), *notes])


def _machine(facts: Mapping[str, Any]) -> list[str]:
    packages = facts.get("packages", {})
    versions = [f"LightSeg {facts.get('lightseg')}", f"Python {facts.get('python')}"]
    versions += [f"{name} {packages[name]}" for name in ("torch", "numpy") if packages.get(name)]
    memory = facts.get("memory_bytes")
    return [
        f"{facts.get('processor') or 'unknown'}, {facts.get('cores') or '?'} cores",
        str(facts.get("threads") or "?"),
        {True: "in hardware", False: "no", None: "?"}[facts.get("fast_bfloat16")],
        "?" if memory is None else f"{memory / 2**30:.0f} GiB",
        "?" if facts.get("load") is None else f"{facts['load']:.1f}",
        ", ".join(versions),
    ]


def _is_busy(facts: Mapping[str, Any]) -> bool:
    load, cores = facts.get("load") or 0.0, facts.get("cores") or 1
    return bool(load > _BUSY * cores)
