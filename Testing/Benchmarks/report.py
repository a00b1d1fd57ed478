"""Measurements against their budgets, as tables for people and as JSON for programs."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from Testing.Benchmarks.peers import PeerResult

_PACKAGES = ("torch", "numpy", "monai", "dynamic-network-architectures")
_UNITS = {"s": (1.0, "{:.3f} s"), "ms": (1e3, "{:.1f} ms"), "GB": (1e-9, "{:.2f} GB"), "%": (100, "{:.0f} %")}
_UNITS["times"] = (1.0, "{:.0f} times")


@dataclass(frozen=True)
class Measurement:
    """One number, and what it may be.

    Attributes:
        what: in words.
        value: seconds, bytes or a share; None if it could not be measured.
        unit: how to show it: "s", "ms", "GB", "%" or "times".
        budget: largest value allowed, in the same measure; None if it is shown for information.
        at_least: the budget is the smallest value allowed instead.
    """

    what: str
    value: float | None
    unit: str
    budget: float | None = None
    at_least: bool = False

    @property
    def within(self) -> bool | None:
        """Whether the budget holds; None without a budget or a value."""
        if self.value is None or self.budget is None:
            return None
        return self.value >= self.budget if self.at_least else self.value <= self.budget

    @property
    def verdict(self) -> str:
        """OK, or by how much not: "over by 0.120 s (40 %)", "short by 20 times (20 %)"; empty: no budget."""
        if self.budget is None:
            return ""
        if self.value is None:
            return "not measured"
        if self.within:
            return "OK"
        word = "short" if self.at_least else "over"
        off = abs(self.value - self.budget)
        if self.unit == "%":
            return f"{word} by {100 * off:.0f} percentage points"
        return f"{word} by {self.show(off)} ({100 * off / self.budget:.0f} %)"

    def show(self, value: float | None) -> str:
        """A value in this measurement's unit."""
        if value is None:
            return "-"
        factor, text = _UNITS[self.unit]
        return text.format(factor * value)

    def to_dict(self) -> dict[str, Any]:
        """As JSON types; the value in seconds, bytes or a share, whatever the unit shown."""
        return {**asdict(self), "within": self.within}


def budget_table(measurements: Sequence[Measurement]) -> str:
    """Markdown: what, measured, budget, verdict."""
    rows = [["what", "measured", "budget", "verdict"]]
    for item in measurements:
        limit = "" if item.budget is None else ("at least " if item.at_least else "") + item.show(item.budget)
        rows.append([item.what, item.show(item.value), limit, item.verdict])
    return markdown(rows)


def peer_table(peers: Sequence[PeerResult], click_seconds: float) -> str:
    """Markdown: each network's forward pass, and how many of our clicks fit into it.

    Args:
        peers: what was measured.
        click_seconds: our median click.
    """
    rows = [["network", "input", "parameters", "float32", "bfloat16", "memory", "in our clicks", "note"]]
    for peer in peers:
        times = (peer.float32_seconds, peer.bfloat16_seconds)
        ratios = [f"{value / click_seconds:.1f}" for value in times if value is not None]
        rows.append(
            [
                peer.title,
                f"{peer.channels} x {peer.cube}³",
                f"{peer.parameters / 1e6:.2f} M" if peer.parameters else "-",
                *("-" if value is None else f"{value:.2f} s" for value in times),
                "-" if peer.peak_bytes is None else f"{peer.peak_bytes / 1e9:.1f} GB",
                " / ".join(ratios) or "-",
                peer.problem,
            ]
        )
    return markdown(rows)


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table with its columns padded to one width; the first row is the header."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def environment() -> dict[str, Any]:
    """The machine and the versions that the numbers belong to; load is that of the last minute."""
    import torch

    from LightSegLib import __version__
    from LightSegLib.runtime.devices import cpu_name, describe_device, usable_cores
    from LightSegLib.runtime.processor import has_fast_bfloat16

    return {
        "cpu": cpu_name(),
        "machine": describe_device("cpu"),
        "cores": usable_cores(),
        "threads": torch.get_num_threads(),
        "fast_bfloat16": has_fast_bfloat16(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "system": platform.platform(),
        "python": platform.python_version(),
        "lightseg": __version__,
        "torch": torch.__version__,
        **{name: _version(name) for name in _PACKAGES[1:]},
    }


def describe_environment(facts: dict[str, Any]) -> str:
    """Three lines of header, and a fourth when the machine is busy."""
    lines = [
        f"{facts['machine']}; bfloat16 in hardware: {'yes' if facts['fast_bfloat16'] else 'no'}",
        f"{facts['system']}, Python {facts['python']}, LightSeg {facts['lightseg']}",
        f"{facts['threads']} thread(s), " + ", ".join(f"{name} {facts[name]}" for name in _PACKAGES),
    ]
    if facts["load"] is not None and facts["load"] > 0.5:
        lines.append(f"Load at the start: {facts['load']}. Something else is running: times are too long.")
    return "\n".join(lines)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
