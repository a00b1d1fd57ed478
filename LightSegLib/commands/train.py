"""`lightseg train`: a recipe and a pack become a model folder."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from LightSegLib.commands.console import OK, aligned, note, progress, say
from LightSegLib.commands.leaving_out import check_resumable, leave_out
from LightSegLib.commands.options import above_zero, add_command, add_device, at_least_one, share
from LightSegLib.errors import LightSegError, TrainingError

if TYPE_CHECKING:
    from LightSegLib.commands.options import Commands
    from LightSegLib.training.recipe import Recipe

_EXAMPLE = """\
lightseg pack data -o train.pack
lightseg train veloxseg-small --pack train.pack --run runs/small --minutes 120
lightseg evaluate runs/small/veloxseg-small data --update-card"""
_DETAILS = """\
The run is bounded by --minutes, counted over all its parts, and writes a checkpoint every five minutes and
when it is stopped (Ctrl-C); the same command goes on from there. At the end it writes the model folder."""


def add_parser(commands: Commands) -> None:
    """Describe the command."""
    summary = "Train a model from a recipe and a pack; resumable, on a CPU or a GPU."
    parser = add_command(commands, "train", run, summary, _EXAMPLE, _DETAILS)
    parser.add_argument("recipe", metavar="RECIPE", nargs="?", help="a bundled recipe's name, or a JSON file")
    parser.add_argument("--list", action="store_true", help="list the bundled recipes and stop")
    parser.add_argument("--pack", type=Path, metavar="FILE", help="what `lightseg pack` wrote")
    parser.add_argument("--run", dest="folder", type=Path, metavar="FOLDER", help="checkpoints and log")
    parser.add_argument("--minutes", type=above_zero, metavar="M", help="time to train (the recipe's)")
    parser.add_argument(
        "--without", nargs="+", action="extend", default=[], metavar="SOURCE", help="leave sources out"
    )
    parser.add_argument(
        "--without-structures", metavar="REGEX", help="leave out structures whose name this is found in"
    )
    parser.add_argument(
        "--start-from", metavar="MODEL", help="begin with a model's weights: a bundled name, or a folder"
    )
    parser.add_argument(
        "--keep-start",
        type=share,
        default=0.0,
        metavar="SHARE",
        help="share of the --start-from model's weights in the written ones, 0 to 1 (%(default)g)",
    )
    add_device(parser)
    parser.add_argument("--threads", type=at_least_one, metavar="N", help="CPU threads of the network")
    parser.add_argument(
        "--workers", type=int, default=1, metavar="N", help="processes that draw samples; 0: none besides (1)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="MODEL_FOLDER",
        help="where the model goes (FOLDER/ID, ID from the recipe)",
    )
    parser.add_argument(
        "--licence", metavar="SPDX", default="CC-BY-SA-4.0", help="licence of the weights (%(default)s)"
    )
    parser.add_argument(
        "--export-only", action="store_true", help="do not train: write the model as the run stands now"
    )


def run(arguments: argparse.Namespace) -> int:
    """Train, then write the model."""
    from LightSegLib.training.recipe import read_recipe

    if arguments.list:
        return _list_recipes()
    _require(arguments.folder, "--run FOLDER")
    if arguments.keep_start:
        _require(arguments.start_from, "--start-from MODEL, which --keep-start needs,")
    if arguments.export_only:
        return _export(arguments, _recipe_of_run(arguments.folder))
    _require(arguments.recipe, "RECIPE")
    _require(arguments.pack, "--pack FILE")
    recipe = read_recipe(arguments.recipe)
    _train(arguments, recipe)
    return _export(arguments, recipe)


def _train(arguments: argparse.Namespace, recipe: Recipe) -> None:
    """Train until the time is spent."""
    from LightSegLib.training.pack import read_pack

    with progress("Reading the pack"):
        packed = read_pack(arguments.pack)
    cases, left_out = leave_out(packed, arguments.without, arguments.without_structures)
    check_resumable(arguments.folder, left_out)
    try:
        with progress(f"Training {recipe.model_id}") as report:
            from LightSegLib.models.build_slices import is_of_slices
            from LightSegLib.runtime.devices import choose_device
            from LightSegLib.training.slice_trainer import SliceTrainer
            from LightSegLib.training.trainer import Trainer

            kind = SliceTrainer if is_of_slices(recipe.architecture) else Trainer
            trainer = kind(
                recipe,
                cases,
                arguments.folder,
                minutes=arguments.minutes,
                device=str(choose_device(arguments.device)),
                threads=arguments.threads,
                workers=max(0, arguments.workers),
                left_out=left_out,
                beginning=arguments.start_from,
            )
            done = trainer.run(report=report)
    except KeyboardInterrupt:
        note("lightseg: The same command goes on from here; with --export-only it writes the model as it is.")
        raise
    minutes = done.seconds / 60
    say(f"Trained {recipe.model_id}: {done.step} steps, {done.samples} samples in {minutes:.1f} minutes")


def _export(arguments: argparse.Namespace, recipe: Recipe) -> int:
    """Write the model folder."""
    from LightSegLib.training.export import export_model

    folder = arguments.out or arguments.folder / recipe.model_id
    with progress("Writing the model"):
        card = export_model(
            arguments.folder,
            folder,
            arguments.licence,
            beginning=arguments.start_from,
            keep=arguments.keep_start,
        )
    say(f"Written {folder}: {card.id}, {card.weights.bytes / 1e6:.1f} MB")
    return OK


def _recipe_of_run(folder: Path) -> Recipe:
    """The recipe that a run was started with.

    Raises:
        TrainingError: nothing was trained there yet.
    """
    from LightSegLib.training.recipe import read_recipe

    if not (folder / "progress.json").is_file():
        raise TrainingError(
            f"There is no training run in {folder}", "It holds no checkpoint", "Train first, or correct --run"
        )
    return read_recipe(folder / "recipe.json")


def _list_recipes() -> int:
    from LightSegLib.training.recipe import RECIPES_FOLDER, read_recipe

    recipes = [(path.stem, read_recipe(path)) for path in sorted(RECIPES_FOLDER.glob("*.json"))]
    rows = [[name, f"{recipe.minutes:g}", str(recipe.patch), recipe.title] for name, recipe in recipes]
    say(aligned(("recipe", "minutes", "patch", "title"), rows))
    return OK


def _require(value: object, name: str) -> None:
    if value is None:
        raise LightSegError(f"{name} is missing", "", "See: lightseg train --help")
