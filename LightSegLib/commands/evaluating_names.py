"""The part of `lightseg evaluate` that judges models by the names of structures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from LightSegLib.commands.console import aligned, note, progress, say, say_json, write_json
from LightSegLib.errors import CapabilityError

if TYPE_CHECKING:
    from LightSegLib.evaluation.absence import Absence
    from LightSegLib.evaluation.dataset import DataSet
    from LightSegLib.evaluation.mismatches import Mismatch
    from LightSegLib.evaluation.name_judgement import NameJudgement
    from LightSegLib.evaluation.options import EvaluationOptions
    from LightSegLib.evaluation.refusals import Refusals
    from LightSegLib.models.base import InteractiveModel
    from LightSegLib.models.registry import LoadedModel


def judge_names(
    data: DataSet,
    models: Mapping[str, LoadedModel],
    options: EvaluationOptions,
    mismatches: Sequence[Mismatch],
    json_file: str | None,
    calibrate: bool,
) -> dict[str, NameJudgement]:
    """Print what names find, and what is drawn for mismatches, for each model that takes text.

    Args:
        data: the data set.
        models: name to model.
        options: which cases and structures.
        mismatches: texts that name nothing of an image.
        json_file: also write all numbers there; "-" prints them only.
        calibrate: choose anew below which expected Dice a structure is not in the image.

    Returns:
        What was measured of each model that takes text.

    Raises:
        CapabilityError: none of the models takes text.
        DataError: there is nothing to judge, or the file cannot be written.
    """
    from LightSegLib.evaluation.name_judgement import NameJudge
    from LightSegLib.text import Vocabulary

    readers = {name: model for name, model in models.items() if model.capabilities.text}
    if not readers:
        raise CapabilityError(
            f"{', '.join(models)} cannot be judged by name",
            "No text is taken",
            "Name a model that takes text, or leave --text out",
        )
    judge = NameJudge(data, Vocabulary.load(), options, mismatches, calibrate)
    judged: dict[str, NameJudgement] = {}
    for name, model in readers.items():
        with progress(f"Evaluating {name} by name") as report:
            judged[name] = judge.judge(cast("InteractiveModel", model), report)
        if calibrate and judged[name].absence is None:
            note(f"lightseg: No name is certain to be absent from these cases: {name} keeps its threshold")
        if json_file != "-":
            _tell(name, judged[name], options.split)
    _write(judged, json_file)
    return judged


def _tell(name: str, judgement: NameJudgement, split: str) -> None:
    from LightSegLib.evaluation.named_results import render_names

    header, *rows = render_names(judgement.results)
    say(f"{name}, split {split}: Dice by name, with further clicks, and of clicks alone")
    say(aligned(header, rows))
    say()
    threshold = f"Not in the image: an expected Dice below {judgement.threshold:g}"
    say(threshold + ("" if judgement.absence is None else f", chosen now: {_chosen(judgement.absence)}"))
    if judgement.refusals is not None:
        _tell_refusals(judgement.refusals)


def _chosen(absence: Absence) -> str:
    return (
        f"it refuses {100 * absence.refused:.1f} % of {absence.absent} names of what is absent "
        f"and {100 * absence.lost:.1f} % of {absence.present} of what is present"
    )


def _tell_refusals(refusals: Refusals) -> None:
    counts = refusals.counts()
    share = "" if refusals.share is None else f" ({100 * refusals.share:.1f} %)"
    say(
        f"Mismatches: {counts['refused']} of {refusals.answered} refused{share}. Not answered: "
        f"{counts['not_taught']} not taught, {counts['not_understood']} not understood"
    )
    rows = [
        [each.pair.source, each.pair.case_id, each.pair.text, each.outcome, f"{each.confidence:.3f}"]
        if each.confidence is not None
        else [each.pair.source, each.pair.case_id, each.pair.text, each.outcome, "-"]
        for each in refusals.answers
        if each.outcome != "refused"
    ]
    if rows:
        say(aligned(("source", "case", "text", "outcome", "expected"), rows))


def _write(judged: Mapping[str, NameJudgement], json_file: str | None) -> None:
    numbers = {name: judgement.to_dict() for name, judgement in judged.items()}
    if json_file == "-":
        say_json(numbers)
    elif json_file is not None:
        write_json(numbers, json_file)
