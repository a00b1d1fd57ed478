"""The part of `lightseg evaluate` that judges how far models can be trusted."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from LightSegLib.commands.console import Report, progress, say, say_json, write_json, write_text

if TYPE_CHECKING:
    from LightSegLib.evaluation.dataset import DataSet
    from LightSegLib.evaluation.evaluate import Progress
    from LightSegLib.evaluation.options import EvaluationOptions
    from LightSegLib.evaluation.trust_results import TrustResults
    from LightSegLib.session import InteractiveSession


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Add --trust and --picture."""
    parser.add_argument(
        "--trust",
        action="store_true",
        help="judge confidence, suggestions, and whether accepted segments stay; no baseline. Takes about "
        "four times as long, so mind --cases-per-source",
    )
    parser.add_argument(
        "--picture", type=Path, metavar="FILE", help="with --trust: plot expected against true Dice, as SVG"
    )


def judge_models(
    data: DataSet,
    sessions: Mapping[str, Callable[[], InteractiveSession]],
    options: EvaluationOptions,
) -> dict[str, TrustResults]:
    """Judge one model after the other.

    Args:
        data: the data set.
        sessions: name of the model to what makes a session with it.
        options: what to judge.

    Raises:
        DataError: there is nothing to judge.
    """
    from LightSegLib.evaluation.trust import judge_trust

    judged = {}
    for name, make in sessions.items():
        with progress(f"Judging how far {name} can be trusted") as report:
            judged[name] = judge_trust(data, make, options, shares_of(report))
    return judged


def shares_of(report: Report) -> Progress:
    """Progress in cases, told as shares."""
    return lambda done, total, name: report(done / total, name)


def tell_trust(judged: Mapping[str, TrustResults], json_file: str | None, picture: Path | None) -> None:
    """Print the tables, and write numbers and picture where asked for.

    Args:
        judged: name of the model to what was found.
        json_file: also write all numbers there; "-" prints them only.
        picture: an SVG file for the reliability plot.

    Raises:
        DataError: a file cannot be written.
    """
    from LightSegLib.evaluation.trust_pictures import reliability_chart
    from LightSegLib.evaluation.trust_tables import render_trust

    numbers = {name: results.to_dict() for name, results in judged.items()}
    if json_file == "-":
        say_json(numbers)
    else:
        say(render_trust(judged))
    if picture is not None:
        write_text(reliability_chart(judged).svg(), picture)
        if json_file != "-":
            say(f"Written {picture}")
    if json_file not in (None, "-"):
        write_json(numbers, str(json_file))
