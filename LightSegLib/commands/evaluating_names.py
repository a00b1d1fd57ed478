"""The part of `lightseg evaluate` that judges models by the names of structures alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from LightSegLib.commands.console import aligned, progress, say, say_json
from LightSegLib.errors import CapabilityError, DataError

if TYPE_CHECKING:
    from LightSegLib.evaluation.dataset import DataSet
    from LightSegLib.evaluation.options import EvaluationOptions
    from LightSegLib.models.base import InteractiveModel
    from LightSegLib.models.slices import SliceModel


def judge_names(
    data: DataSet,
    models: Mapping[str, InteractiveModel | SliceModel],
    options: EvaluationOptions,
    json_file: str | None,
) -> None:
    """Print a table for each model that takes text.

    Args:
        data: the data set.
        models: name to model.
        options: which cases and structures.
        json_file: also write all numbers there; "-" prints them only.

    Raises:
        CapabilityError: none of the models takes text.
        DataError: there is nothing to judge, or the file cannot be written.
    """
    from LightSegLib.evaluation.by_name import evaluate_by_name, render_names
    from LightSegLib.session import InteractiveSession
    from LightSegLib.text import Vocabulary

    readers = {name: model for name, model in models.items() if model.capabilities.text}
    if not readers:
        raise CapabilityError(
            f"{', '.join(models)} cannot be judged by name",
            "No text is taken",
            "Name a model that takes text, or leave --text out",
        )
    vocabulary = Vocabulary.load()
    numbers = {}
    for name, model in readers.items():
        with progress(f"Evaluating {name} by name") as report:
            results = evaluate_by_name(
                data,
                lambda model=model: InteractiveSession(model),  # type: ignore[misc]
                vocabulary,
                options,
                lambda done, total, case: report(done / total, case),
            )
        numbers[name] = results.to_dict()
        if json_file != "-":
            header, *rows = render_names(results)
            say(f"{name}, split {options.split}: Dice by name, with further clicks, and of clicks alone")
            say(aligned(header, rows))
    if json_file == "-":
        say_json(numbers)
    elif json_file is not None:
        try:
            Path(json_file).write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise DataError(f"Cannot write {json_file}", str(error), "Choose another file") from error
        say(f"Written {json_file}")
