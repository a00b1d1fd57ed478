"""`lightseg demo`: clicks on the sample CT become a mask."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from LightSegLib.commands.console import FAILED, OK, note, say
from LightSegLib.commands.loading import ready_model
from LightSegLib.commands.options import add_command, add_model, at_least_one
from LightSegLib.commands.sample import read_sample
from LightSegLib.errors import ImageFileError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from LightSegLib.commands.options import Commands
    from LightSegLib.evaluation.dataset import LabelledCase
    from LightSegLib.evaluation.evaluate import ClickResult
    from LightSegLib.session import InteractiveSession

PROMISED_DICE = 0.85
ENOUGH_DICE = 0.90


def add_parser(commands: Commands) -> None:
    """Describe the command."""
    parser = add_command(
        commands,
        "demo",
        run,
        "Segment the bundled sample CT with a few simulated clicks.",
        "lightseg demo --out demo",
        "Prints Dice and milliseconds of each click, and writes mask.nii.gz and overlay.png (three planes,\n"
        f"clicks drawn). Exit code 1 if the mask does not reach a Dice of {PROMISED_DICE}.",
    )
    parser.add_argument("--out", type=Path, default=Path("demo"), help="folder for the results (demo)")
    parser.add_argument("--clicks", type=at_least_one, default=5, help="largest number of clicks (5)")
    add_model(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the demo."""
    from LightSegLib.session import InteractiveSession

    sample = read_sample()
    make_folder(arguments.out)
    case = sample.load()
    truth = case.truth(sample.label)
    model, warm_up_seconds = ready_model(arguments.model, arguments.device)
    session = InteractiveSession(model)
    session.set_image(case.volume)
    i, j, k = case.volume.shape_ijk
    say(f"Image   {sample.title}, {i} x {j} x {k} voxels ({sample.origin})")
    say(f"Model   {model.card.id} on {model.device}")
    say(f"Ready   loaded in {model.load_seconds:.2f} s, warmed up in {warm_up_seconds:.2f} s")
    say()
    steps = _click(session, case, sample.label, arguments.clicks)
    final = steps[-1].dice
    say()
    title = f"{sample.structure}: Dice {final:.3f} after {len(steps)} clicks (orange; blue: expert)"
    for path in _write(session, case, steps, truth, title, arguments.out):
        say(f"Written {path}")
    if final >= PROMISED_DICE:
        return OK
    note(f"lightseg: The Dice of {final:.3f} after {len(steps)} clicks is below {PROMISED_DICE}.")
    return FAILED


def make_folder(folder: Path) -> None:
    """Make a folder for results.

    Raises:
        ImageFileError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImageFileError(
            f"The folder {folder} cannot be made", str(error), "Choose another with --out"
        ) from error


def _click(session: InteractiveSession, case: LabelledCase, label: int, clicks: int) -> list[ClickResult]:
    """Let the simulated user click until the mask is good, telling what came of each click."""
    from LightSegLib.evaluation.evaluate import click_by_click

    volume = case.volume
    steps: list[ClickResult] = []
    say("click        R        A        S mm    Dice     ms")
    for step in click_by_click(session, case.truth(label), volume.spacing_ijk, clicks):
        steps.append(step)
        r, a, s = volume.index_to_ras(step.click.ijk).tolist()
        sign = "+" if step.click.positive else "-"
        position = f"{r:8.1f} {a:8.1f} {s:8.1f}"
        say(f"{len(steps):3} {sign} {position}   {step.dice:.3f} {1000 * step.seconds:6.0f}")
        if step.dice >= ENOUGH_DICE:
            break
    return steps


def _write(
    session: InteractiveSession,
    case: LabelledCase,
    steps: list[ClickResult],
    truth: npt.NDArray[np.bool_],
    title: str,
    folder: Path,
) -> tuple[Path, Path]:
    from LightSegLib.evaluation.overlay import write_overlay
    from LightSegLib.image_files import write_mask

    mask_path, picture = folder / "mask.nii.gz", folder / "overlay.png"
    write_mask(session.mask, case.volume, mask_path)
    clicks = [step.click for step in steps]
    write_overlay(case.volume, session.mask, clicks, picture, truth, title)
    return mask_path, picture
