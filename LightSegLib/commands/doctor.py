"""`lightseg doctor`: what this machine has, and how fast LightSeg is on it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from LightSegLib.commands.console import FAILED, OK, progress, say, say_json
from LightSegLib.commands.environment import describe_environment, environment_lines
from LightSegLib.commands.options import add_command, add_json
from LightSegLib.errors import LightSegError

if TYPE_CHECKING:
    from LightSegLib.commands.options import Commands
    from LightSegLib.commands.trial import Trial

FAST_SECONDS, USABLE_SECONDS = 0.3, 1.0


def add_parser(commands: Commands) -> None:
    """Describe the command."""
    parser = add_command(
        commands,
        "doctor",
        run,
        "Report the environment, and measure every bundled model on every device.",
        "lightseg doctor\nlightseg doctor --json > report.json",
        "Clicks are made on a synthetic image of 256 x 256 x 256 voxels.\n"
        "Exit code 1 if no model works here. Include the report when you ask for help.",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Report."""
    facts = describe_environment()
    if not arguments.json:
        for line in environment_lines(facts):
            say(line)
    trials = _try_all(facts)
    good, verdict = judge(facts, trials)
    if arguments.json:
        say_json({**facts, "models": [vars(trial) for trial in trials], "good": good, "verdict": verdict})
    else:
        for trial in trials:
            say(f"Model       {trial.describe()}")
        for problem in facts["problems"]:
            say(f"Problem     {problem}")
        say(f"Verdict     {verdict}")
    return OK if good else FAILED


def judge(facts: dict[str, Any], trials: list[Trial]) -> tuple[bool, str]:
    """Whether LightSeg works here, and a sentence about it.

    Args:
        facts: of `describe_environment`, with the problems found since.
        trials: of all models on all devices.
    """
    worked = [(trial.click_seconds, trial) for trial in trials if trial.click_seconds is not None]
    if not worked:
        cause = "; ".join(facts["problems"]) or next((str(t.error) for t in trials), "no model is bundled")
        return False, f"LightSeg cannot segment here: {cause}"
    seconds, best = min(worked, key=lambda pair: pair[0])
    speed = "fast" if seconds <= FAST_SECONDS else "usable" if seconds <= USABLE_SECONDS else "slow"
    verdict = (
        f"LightSeg works here and is {speed}: {seconds:.2f} s per click with {best.model} on {best.device}"
    )
    failed = len(trials) - len(worked)
    if failed:
        verdict += f"; {failed} of {len(trials)} trials failed"
    if facts["problems"]:
        verdict += f"; but {'; '.join(facts['problems'])}"
    return True, verdict


def _try_all(facts: dict[str, Any]) -> list[Trial]:
    """Every bundled model on every device; what goes wrong on the way is added to the problems."""
    if not facts["devices"]:
        return []  # torch is missing or broken, which the problems say already
    from LightSegLib.commands.trial import try_model
    from LightSegLib.models.registry import list_models

    try:
        names = [card.id for card in list_models()]
    except LightSegError as error:
        facts["problems"].append(str(error))
        return []
    if not names:
        facts["problems"].append("no model is bundled with this copy of LightSeg")
    trials = []
    with progress("Trying the models") as report:
        for number, (name, device) in enumerate((n, d) for n in names for d in facts["devices"]):
            report(number / (len(names) * len(facts["devices"])), f"{name} on {device}")
            trials.append(try_model(name, device))
    return trials
