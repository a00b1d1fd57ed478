"""What the benchmarks print: the machine, the other networks, and measurements against their budgets."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from LightSegLib.evaluation.markdown import markdown_table as markdown
from LightSegLib.evaluation.measurements import Measurement, budget_table
from Testing.Benchmarks.peers import PeerResult

__all__ = ["Measurement", "budget_table", "describe_environment", "environment", "markdown", "peer_table"]

_PACKAGES = ("torch", "numpy", "monai", "dynamic-network-architectures")


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
