"""What `lightseg benchmark` does for each part, with its progress on the console."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from LightSegLib.commands.console import progress
from LightSegLib.commands.evaluating_trust import judge_models, shares_of
from LightSegLib.commands.judging import baselines_here, load_models, session_of
from LightSegLib.evaluation.benchmark import scripts

if TYPE_CHECKING:
    from LightSegLib.evaluation.benchmark.plan import Plan
    from LightSegLib.evaluation.options import EvaluationOptions


def accuracy(plan: Plan, data: str, folders: Mapping[str, Path]) -> dict[str, Any]:
    """Dice after clicks of models and of the baselines that run here.

    Raises:
        DataError: nothing to judge.
    """
    from LightSegLib.evaluation.evaluate import evaluate

    baselines, missing = baselines_here(random_walker=True)
    models = load_models(dict(folders), "cpu")
    methods = {name: session_of(model) for name, model in models.items()}
    with progress("Accuracy") as report:
        results = evaluate(data, {**methods, **baselines}, _options(plan), shares_of(report))
    return {
        "results": results.to_dict(),
        "baselines": list(baselines),
        "left_out": {name: str(error) for name, error in missing.items()},
    }


def trust(plan: Plan, data: str, folders: Mapping[str, Path]) -> dict[str, Any]:
    """How far each model can be trusted.

    Raises:
        DataError: nothing to judge.
    """
    from LightSegLib.evaluation.dataset import DataSet

    models = load_models(dict(folders), "cpu")
    sessions = {name: session_of(model) for name, model in models.items()}
    judged = judge_models(DataSet.open(data), sessions, _options(plan))
    return {"models": {name: results.to_dict() for name, results in judged.items()}}


def speed(plan: Plan) -> dict[str, Any]:
    """Time and memory against the budgets; errors as in `scripts.run_script`."""
    from LightSegLib.evaluation.benchmark.timing import measure_speed

    with progress("Speed") as report:
        return measure_speed(plan, _text_model(), scripts.run_script, lambda what: report(None, what))


def scaling(plan: Plan) -> dict[str, Any]:
    """Growing volumes and many clicks; errors as in `scripts.run_script`."""
    from LightSegLib.evaluation.benchmark.timing import measure_scaling

    with progress("Scaling") as report:
        return measure_scaling(plan, scripts.run_script, lambda what: report(None, what))


def peers(plan: Plan) -> dict[str, Any]:
    """Other networks; errors as in `scripts.run_script`."""
    from LightSegLib.evaluation.benchmark.timing import measure_peers

    with progress("Other networks") as report:
        return measure_peers(plan, scripts.run_script, lambda what: report(None, what))


def _options(plan: Plan) -> EvaluationOptions:
    from LightSegLib.evaluation.options import EvaluationOptions

    return EvaluationOptions(split=plan.split, cases_per_source=plan.cases_per_source, clicks=plan.clicks)


def _text_model() -> str | None:
    """The first bundled model that takes text."""
    from LightSegLib.models.registry import list_models

    return next((card.id for card in list_models() if card.capabilities.text), None)
