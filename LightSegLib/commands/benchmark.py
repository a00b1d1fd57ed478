"""`lightseg benchmark`: everything that LightSeg claims of itself, measured, as a page with plots."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from LightSegLib.commands.console import OK, note, say
from LightSegLib.commands.options import add_command, at_least_one
from LightSegLib.errors import DataError
from LightSegLib.evaluation.benchmark.plan import ON_DATA, PARTS, Plan, quick_plan

if TYPE_CHECKING:
    from LightSegLib.commands.options import Commands
    from LightSegLib.evaluation.benchmark.parts import Part

_EXAMPLE = """\
lightseg benchmark data --out docs/benchmarks
lightseg benchmark data --out docs/benchmarks --parts speed peers
lightseg benchmark data --out /tmp/quick --quick"""
_DETAILS = """\
Parts: accuracy (against grow-from-seeds and a random walker with the same clicks), trust (confidence,
suggestions, accepted segments), speed (time and memory against their budgets), scaling (growing volumes, many
clicks), peers (one forward pass of other networks). Each is kept in FOLDER when it is done; the page,
FOLDER.md, is written from what is there. Hours on two cores; the machine should do nothing else."""


def add_parser(commands: Commands) -> None:
    """Describe the command."""
    summary = "Measure everything: accuracy, trust, speed, memory, other networks. Writes a page with plots."
    parser = add_command(commands, "benchmark", run, summary, _EXAMPLE, _DETAILS)
    parser.add_argument(
        "data", nargs="?", default="data", metavar="DATA", help="folder of the data set (data)"
    )
    parser.add_argument("--out", required=True, type=Path, metavar="FOLDER", help="for numbers and plots")
    parser.add_argument(
        "--parts",
        nargs="+",
        choices=PARTS,
        default=PARTS,
        metavar="PART",
        help=f"only these of {', '.join(PARTS)}",
    )
    parser.add_argument(
        "--resume", action="store_true", help="keep parts that FOLDER has already with the same settings"
    )
    parser.add_argument(
        "--quick", action="store_true", help="minutes: few clicks, small volumes, one case each"
    )
    parser.add_argument(
        "--models",
        nargs="+",
        metavar="MODEL",
        help="ids or folders (all bundled); speed is that of the first",
    )
    parser.add_argument("--split", choices=("val", "train", "all"), default="val", help="of split.json (val)")
    parser.add_argument(
        "--cases-per-source", type=at_least_one, metavar="N", help="at most N, the first ones"
    )


def run(arguments: argparse.Namespace) -> int:
    """Measure what is asked for, and write the page."""
    from LightSegLib.evaluation.benchmark.page import write_page
    from LightSegLib.evaluation.benchmark.parts import write_part

    plan = _plan(arguments)
    folder = arguments.out.resolve()
    wanted = _still_to_do(plan, arguments.parts, folder) if arguments.resume else list(arguments.parts)
    measure = _measures(plan, arguments.data, wanted)
    _make(folder)
    for name in wanted:
        part = _measured(name, plan, measure[name])
        say(f"{name}: {part.seconds / 60:.1f} minutes, written {write_part(part, folder)}")
    for path in write_page(folder, _command(arguments)):
        say(f"Written {path}")
    return OK


def _plan(arguments: argparse.Namespace) -> Plan:
    """What to measure, with the models' folders looked up.

    Raises:
        ModelError: there is no such model.
    """
    from dataclasses import replace

    from LightSegLib.models.registry import DEFAULT_MODEL, list_models

    names = arguments.models
    if names is None:
        bundled = [card.id for card in list_models()]
        names = sorted(bundled, key=lambda name: name != DEFAULT_MODEL)  # the default one first
    plan = quick_plan(names) if arguments.quick else Plan(tuple(names))
    plan = replace(plan, split=arguments.split)
    if arguments.cases_per_source is not None:
        plan = replace(plan, cases_per_source=arguments.cases_per_source)
    return plan


def _still_to_do(plan: Plan, names: list[str], folder: Path) -> list[str]:
    """The parts that the folder does not have, or has with other settings."""
    from LightSegLib.evaluation.benchmark.parts import read_part

    missing = []
    for name in names:
        part = read_part(folder, name)
        if part is None or part.settings != plan.settings(name):
            missing.append(name)
        else:
            note(f"lightseg: {name} was measured on {part.date}, and is kept")
    return missing


def _measures(plan: Plan, data: str, wanted: list[str]) -> dict[str, Callable[[], dict[str, Any]]]:
    """What measures each part. Complains now of what would stop a part later.

    Raises:
        DataError: there is no data set.
        ModelError: there is no such model.
        CapabilityError: a script is needed and there is no checkout.
    """
    from LightSegLib.commands import benchmarking
    from LightSegLib.commands.judging import model_folders
    from LightSegLib.evaluation.benchmark.scripts import checkout
    from LightSegLib.evaluation.dataset import DataSet

    folders = model_folders(list(plan.models), bundled=False)
    if any(name in ON_DATA for name in wanted):
        DataSet.open(data)
    if any(name not in ON_DATA for name in wanted):
        checkout()
    return {
        "accuracy": lambda: benchmarking.accuracy(plan, data, folders),
        "trust": lambda: benchmarking.trust(plan, data, folders),
        "speed": lambda: benchmarking.speed(plan),
        "scaling": lambda: benchmarking.scaling(plan),
        "peers": lambda: benchmarking.peers(plan),
    }


def _measured(name: str, plan: Plan, measure: Callable[[], dict[str, Any]]) -> Part:
    from LightSegLib.evaluation.benchmark.parts import Part

    machine = _machine()
    began = time.perf_counter()
    content = measure()
    seconds = time.perf_counter() - began
    return Part(name, date.today().isoformat(), seconds, plan.settings(name), plan.quick, machine, content)


def _machine() -> dict[str, Any]:
    """What `lightseg doctor` finds, the CPU's number formats, and the load of the last minute."""
    from LightSegLib.commands.environment import describe_environment
    from LightSegLib.runtime.processor import has_fast_bfloat16

    load = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
    return {**describe_environment(), "fast_bfloat16": has_fast_bfloat16(), "load": load}


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"Cannot write to {folder}", str(error), "Choose another folder with --out"
        ) from error


def _command(arguments: argparse.Namespace) -> str:
    """The command line, without this machine's paths."""
    words = ["lightseg benchmark", "DATA", "--out", arguments.out.name]
    if arguments.quick:
        words.append("--quick")
    if arguments.models:
        words += ["--models", *(Path(name).name for name in arguments.models)]
    if arguments.split != "val":
        words += ["--split", arguments.split]
    if arguments.cases_per_source is not None:
        words += ["--cases-per-source", str(arguments.cases_per_source)]
    return " ".join(words)
