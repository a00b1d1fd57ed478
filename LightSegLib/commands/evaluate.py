"""`lightseg evaluate`: models and the baseline against labelled volumes, with a simulated user."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from LightSegLib.commands.console import OK, progress, say, say_json, write_json
from LightSegLib.commands.evaluating_names import judge_names
from LightSegLib.commands.evaluating_trust import add_trust, judge_models, shares_of, tell_trust
from LightSegLib.commands.judging import baselines, load_models, model_folders, session_of
from LightSegLib.commands.options import add_command, add_device, at_least_one
from LightSegLib.errors import DataError, LightSegError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from LightSegLib.commands.options import Commands
    from LightSegLib.evaluation.dataset import DataSet
    from LightSegLib.evaluation.evaluate import SegmenterFactory
    from LightSegLib.evaluation.mismatches import Mismatch
    from LightSegLib.evaluation.name_judgement import NameJudgement
    from LightSegLib.evaluation.options import EvaluationOptions
    from LightSegLib.evaluation.results import EvaluationResults
    from LightSegLib.models.registry import LoadedModel

BASELINE = "grow-from-seeds"

_EXAMPLE = """\
lightseg evaluate veloxseg-small data --split val
lightseg evaluate runs/small/veloxseg-small data --sources sarcoma_ct --no-baseline --json numbers.json
lightseg evaluate runs/text/veloxseg-text data --text --mismatches mismatches.csv
lightseg evaluate veloxseg-small data --trust --cases-per-source 3 --picture reliability.svg"""
_DETAILS = """\
DATA holds split.json and a folder per source. The simulated user first clicks the innermost voxel of an
object, then that of the largest error. Slicer's grow-from-seeds gets the same user, in the same table."""


def add_parser(commands: Commands) -> None:
    """Describe the command."""
    summary = "Measure models on labelled volumes: Dice after 1, 3, 5 and 10 clicks, and seconds per click."
    parser = add_command(commands, "evaluate", run, summary, _EXAMPLE, _DETAILS)
    parser.add_argument(
        "models", nargs="*", metavar="MODEL", help="a bundled model's name, or a model folder"
    )
    parser.add_argument("data", metavar="DATA", help="folder of the data set")
    parser.add_argument("--all", action="store_true", help="also every bundled model")
    parser.add_argument("--split", choices=("val", "train", "all"), default="val", help="of split.json (val)")
    parser.add_argument("--sources", nargs="+", action="extend", metavar="SOURCE", help="only these")
    parser.add_argument("--structures", nargs="+", action="extend", metavar="NAME", help="only these")
    parser.add_argument(
        "--cases-per-source", type=at_least_one, metavar="N", help="at most N, the first ones"
    )
    parser.add_argument(
        "--companion", metavar="SOURCE", help="its image of the same person is the second channel"
    )
    parser.add_argument("--clicks", type=at_least_one, default=10, metavar="N", help="per object (10)")
    parser.add_argument(
        "--text", action="store_true", help="judge by name: the text alone, then up to 3 clicks; no baseline"
    )
    parser.add_argument(
        "--mismatches",
        type=Path,
        metavar="FILE",
        help="with --text: also names of what is not in an image, a table with the columns source,case,text",
    )
    add_trust(parser)
    parser.add_argument("--no-baseline", action="store_true", help=f"leave {BASELINE} out")
    parser.add_argument(
        "--random-walker",
        action="store_true",
        help="also this baseline; seconds per click, needs scikit-image",
    )
    add_device(parser)
    parser.add_argument("--json", metavar="FILE", help="also write all numbers to a file; - prints them only")
    parser.add_argument(
        "--update-card",
        action="store_true",
        help="write the means into the models' cards as their validation; with --text also below which "
        "expected Dice a structure is not in the image, which is then chosen anew",
    )


def run(arguments: argparse.Namespace) -> int:
    """Evaluate."""
    from LightSegLib.evaluation.dataset import DataSet
    from LightSegLib.evaluation.mismatches import by_case
    from LightSegLib.evaluation.options import EvaluationOptions, select_cases

    options = EvaluationOptions(
        split=arguments.split,
        sources=arguments.sources,
        cases_per_source=arguments.cases_per_source,
        structures=arguments.structures,
        companion=arguments.companion,
        clicks=arguments.clicks,
    )
    _check_what_goes_together(arguments)
    for file in (arguments.json, arguments.picture):
        _check_folder(file)
    pairs = _mismatches(arguments)
    folders = model_folders(arguments.models, arguments.all)
    data = DataSet.open(arguments.data)
    select_cases(data, options)  # these two complain before the models are loaded
    by_case(pairs, data)
    alone = arguments.no_baseline or arguments.text or arguments.trust
    opponents = {} if alone else baselines(arguments.random_walker)
    models = load_models(folders, arguments.device)
    if arguments.text:
        judged = judge_names(data, models, options, pairs, arguments.json, arguments.update_card)
        if arguments.update_card:
            _update_names(judged, models, folders, options, arguments)
        return OK
    if arguments.trust:
        sessions = {name: session_of(model) for name, model in models.items()}
        tell_trust(judge_models(data, sessions, options), arguments.json, arguments.picture)
        return OK
    _judge_clicks(data, models, opponents, folders, options, arguments)
    return OK


def _judge_clicks(
    data: DataSet,
    models: Mapping[str, LoadedModel],
    baselines: Mapping[str, SegmenterFactory],
    folders: Mapping[str, Path],
    options: EvaluationOptions,
    arguments: argparse.Namespace,
) -> None:
    """Print what clicks reach, and write it into the cards where asked for."""
    from LightSegLib.commands.card_numbers import command_line, update_card
    from LightSegLib.evaluation.evaluate import evaluate

    methods = {name: session_of(model) for name, model in models.items()}
    with progress("Evaluating") as report:
        results = evaluate(data, {**methods, **baselines}, options, shares_of(report))
    _tell(results, arguments.json)
    if arguments.update_card:
        rest = [f"--clicks {options.clicks}", *([] if baselines else ["--no-baseline"])]
        for name, model in models.items():
            command = command_line(model.card.id, options, *rest)
            update_card(folders[name], results, name, BASELINE if baselines else None, command)
            _tell_card(folders[name], arguments.json)


def _update_names(
    judged: Mapping[str, NameJudgement],
    models: Mapping[str, LoadedModel],
    folders: Mapping[str, Path],
    options: EvaluationOptions,
    arguments: argparse.Namespace,
) -> None:
    """Write what was measured by name into the cards."""
    from LightSegLib.commands.card_names import update_card_by_name
    from LightSegLib.commands.card_numbers import command_line

    rest = [] if arguments.mismatches is None else [f"--mismatches {arguments.mismatches.name}"]
    for name, judgement in judged.items():
        command = command_line(models[name].card.id, options, "--text", *rest)
        update_card_by_name(folders[name], judgement, command)
        _tell_card(folders[name], arguments.json)


def _tell_card(folder: Path, json_file: str | None) -> None:
    if json_file != "-":
        say(f"Written {folder / 'card.json'}")


def _mismatches(arguments: argparse.Namespace) -> list[Mismatch]:
    """The mismatches to judge.

    Raises:
        LightSegError: there are some, but nothing is judged by name.
        DataError: the file cannot be used.
    """
    from LightSegLib.evaluation.mismatches import read_mismatches

    if arguments.mismatches is None:
        return []
    if not arguments.text:
        raise LightSegError(
            "--mismatches needs --text", "Mismatches are texts that fit nothing in an image", "Add --text"
        )
    return read_mismatches(arguments.mismatches)


def _check_what_goes_together(arguments: argparse.Namespace) -> None:
    """Refuse options that exclude each other.

    Raises:
        LightSegError: see the messages.
    """
    if arguments.trust and (arguments.text or arguments.update_card):
        raise LightSegError(
            "--trust goes with neither --text nor --update-card",
            "It judges clicks, and cards have no place for what it finds",
            "Evaluate twice",
        )
    if arguments.picture is not None and not arguments.trust:
        raise LightSegError("--picture needs --trust", "It shows expected against true Dice", "Add --trust")


def _check_folder(file: str | Path | None) -> None:
    """Find out before the work whether a file can be written.

    Raises:
        DataError: the folder does not exist.
    """
    if file is not None and not Path(file).parent.is_dir():
        raise DataError(f"Cannot write {file}", "There is no such folder", "Create it or choose another")


def _tell(results: EvaluationResults, json_file: str | None) -> None:
    """Print the table and write the numbers.

    Raises:
        DataError: the file cannot be written.
    """
    from LightSegLib.evaluation.tables import render_notes, render_table

    if json_file == "-":
        say_json(results.to_dict())
        return
    say(render_table(results))
    say()
    say(render_notes(results))
    if json_file is not None:
        write_json(results.to_dict(), json_file)
