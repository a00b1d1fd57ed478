"""Runs the scripts of Testing/Benchmarks, each in a process of its own.

They stay outside the library: they draw a phantom, build other people's networks and measure the memory of a
whole process, none of which belongs into an installed LightSeg. A fresh process also means that memory and
threads are those of a program that does nothing else.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import LightSegLib
from LightSegLib.errors import CapabilityError, LightSegError

FOLDER = Path("Testing") / "Benchmarks"

RunScript = Callable[..., str]
"""Called with a script's name and its arguments; returns what it printed. `run_script`, or a stand-in."""


class BenchmarkError(LightSegError):
    """A script of the benchmark that failed."""


def checkout() -> Path:
    """The folder of the repository that this library is part of.

    Raises:
        CapabilityError: the library was installed without it.
    """
    root = Path(LightSegLib.__file__).resolve().parents[1]
    if not (root / FOLDER / "click.py").is_file():
        raise CapabilityError(
            "Speed, scaling and the other networks cannot be measured here",
            f"The scripts in {FOLDER.as_posix()} come with a checkout of the repository, not with an "
            "installed LightSeg",
            "Clone the repository and run `lightseg benchmark` there, or give --parts accuracy trust",
        )
    return root


def run_script(name: str, *arguments: str) -> str:
    """Run a script to its end with this Python, and return what it printed.

    Args:
        name: file in Testing/Benchmarks.
        arguments: for the script.

    Raises:
        CapabilityError: there is no checkout.
        BenchmarkError: the script failed.
    """
    root = checkout()
    command = [sys.executable, str(root / FOLDER / name), *arguments]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        last = "\n".join((done.stderr or done.stdout).strip().splitlines()[-5:])
        raise BenchmarkError(
            f"{name} failed with status {done.returncode}", last, f"Run it alone: {' '.join(command[1:])}"
        )
    return done.stdout


def numbers_of(run: RunScript, name: str, *arguments: str) -> dict[str, Any]:
    """Run a script that takes --json, and return what it wrote there.

    Raises:
        CapabilityError, BenchmarkError: see `run_script`.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "numbers.json"
        run(name, *arguments, "--json", str(file))
        numbers: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return numbers
