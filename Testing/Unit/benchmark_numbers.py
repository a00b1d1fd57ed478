"""Numbers as a benchmark's parts have them, without measuring anything."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

from LightSegLib.errors import LightSegError
from LightSegLib.evaluation.benchmark.parts import Part
from LightSegLib.evaluation.results import EvaluationResults, ObjectResult
from LightSegLib.evaluation.suggestion_quality import Suggestion
from LightSegLib.evaluation.trust_results import ClicksNeeded, ObjectTrust, TrustResults

MACHINE = {
    "processor": "Some CPU", "cores": 2, "threads": 1, "memory_bytes": 16 * 2**30, "fast_bfloat16": True,
    "load": 0.1, "lightseg": "1.0", "python": "3.12.0", "packages": {"torch": "2.13.0", "numpy": "2.4.6"},
}  # fmt: skip

NAMING = "Some CPU\n1 thread(s)\n\n| name  | s   |\n|---|---|\n| liver | 1.2 |\n"
"""What naming.py prints."""


def click_numbers(size=(64, 64, 64), per_structure=2, peers=()) -> dict[str, Any]:
    """What click.py writes: the time grows with the volume."""
    seconds = size[0] * size[1] * size[2] / 1e6
    measured = {
        "click to mask, median": (seconds, "s", 0.3),
        "click to mask, 95th percentile": (2 * seconds, "s", 0.6),
        "first click on a structure, median": (1.5 * seconds, "s", None),
        "correcting click, median": (0.9 * seconds, "s", None),
        "share of a click outside the network": (0.2, "%", 0.3),
        "undo, slowest": (0.004, "ms", 0.05),
        "set_image": (0.01, "s", 0.5),
        "process memory above the volume, peak": (0.7e9, "GB", 1.2e9),
    }
    rows = [
        {"what": what, "value": value, "unit": unit, "budget": budget, "at_least": False, "within": True}
        for what, (value, unit, budget) in measured.items()
    ]
    if peers:
        faster = {"value": 119.0, "unit": "times", "budget": 100.0, "at_least": True, "within": True}
        rows.append({"what": "faster than nnInteractive's network", **faster})
    clicks = [
        {"target": "liver", "number": number, "wall_seconds": seconds, "network_seconds": seconds / 2}
        for number in range(1, per_structure + 1)
    ]
    return {
        "model": "tiny", "size_ijk": list(size), "measurements": rows, "clicks": clicks, "peers": list(peers),
    }  # fmt: skip


def a_peer(**others: Any) -> dict[str, Any]:
    """A row of click.py's other networks."""
    usual = {
        "key": "x", "title": "Theirs", "channels": 1, "cube": 96, "parameters": 2_000_000, "problem": "",
        "float32_seconds": 2.0, "bfloat16_seconds": 1.0, "peak_bytes": 3_000_000_000,
    }  # fmt: skip
    return {**usual, **others}


def script(name: str, *arguments: str) -> str:
    """Stands in for the scripts of Testing/Benchmarks."""
    if name == "naming.py":
        return NAMING
    options = dict(itertools.pairwise(arguments))
    if name == "writing.py":
        row = {"value": 0.02, "unit": "ms", "budget": 0.1, "at_least": False, "within": True}
        content: dict[str, Any] = {"measurements": [{"what": "masked write", **row}]}
    else:
        start = arguments.index("--size") + 1
        size = tuple(map(int, arguments[start : start + 3]))
        peers = () if "--no-peers" in arguments else (a_peer(),)
        content = click_numbers(size, int(options.get("--clicks-per-structure", 4)), peers)
    Path(options["--json"]).write_text(json.dumps(content), encoding="utf-8")
    return ""


def without_writing(name: str, *arguments: str) -> str:
    """The same on a machine without slicer-core."""
    if name == "writing.py":
        raise LightSegError("writing.py failed", "No module named 'slicer'")
    return script(name, *arguments)


def all_parts(quick: bool = False) -> dict[str, Part]:
    """Every part, measured."""
    rows = [
        ObjectResult(source, "c1", "kidney", 1, 100, method, dice, (0.1, 0.2), 0.01)
        for source in ("alpha", "beta")
        for method, dice in (("tiny", (0.6, 0.9)), ("grow-from-seeds", (0.4, 0.5)))
    ]
    trust = ObjectTrust(
        "alpha",
        "c1",
        "kidney",
        (0.7, 0.9),
        (0.6, 0.9),
        (Suggestion(True, 0.1, 0.3),),
        ClicksNeeded(2, 2, 3),
        True,
    )
    content: dict[str, dict[str, Any]] = {
        "accuracy": {
            "results": EvaluationResults(2, "val", tuple(rows)).to_dict(),
            "baselines": ["grow-from-seeds"],
            "left_out": {"random walker": "scikit-image cannot be imported."},
        },
        "trust": {"models": {"tiny": TrustResults(2, "val", (trust,)).to_dict()}},
        "speed": {
            "click": click_numbers(), "writing": None, "naming": NAMING,
            "problems": {"writing": "writing.py failed: no slicer"},
        },
        "scaling": {
            "volumes": [click_numbers(), click_numbers((128, 128, 128))],
            "clicks": click_numbers(per_structure=6),
        },
        "peers": {"click": click_numbers(peers=(a_peer(), a_peer(title="Missing", float32_seconds=None,
            bfloat16_seconds=None, peak_bytes=None, parameters=0, problem="not installed")))},
    }  # fmt: skip
    return {
        name: Part(name, "2026-01-02", 90.0, {}, quick, MACHINE, json.loads(json.dumps(numbers)))
        for name, numbers in content.items()
    }
