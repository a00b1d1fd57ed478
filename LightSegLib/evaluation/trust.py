"""How far a model can be trusted: its confidence, its suggestions, and that accepted work stays.

The simulated user of `evaluate` segments each object. After each click the Dice that the model expects is
compared with the true one (`calibration`), and the session's suggestion with the true error
(`suggestion_quality`). Where one click was not enough, the object is segmented again by a user who follows
the suggestions and by one who clicks at random. In each case one segment is accepted and clicked around
(`locality`). Chance is drawn from the object's name, so every run draws alike.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from LightSegLib.evaluation.evaluate import click_by_click
from LightSegLib.evaluation.locality import far_clicks_change_nothing
from LightSegLib.evaluation.options import EvaluationOptions, nothing_judged, select_cases
from LightSegLib.evaluation.results import clicks_to
from LightSegLib.evaluation.suggestion_quality import clicks_needed, judge_suggestion, random_voxels
from LightSegLib.evaluation.trust_results import ClicksNeeded, ObjectTrust, TrustResults

if TYPE_CHECKING:
    from LightSegLib.evaluation.dataset import CaseReference, DataSet
    from LightSegLib.evaluation.evaluate import Progress
    from LightSegLib.session import InteractiveSession


def judge_trust(
    data: DataSet,
    make: Callable[[], InteractiveSession],
    options: EvaluationOptions,
    progress: Progress | None = None,
) -> TrustResults:
    """Judge one model.

    Args:
        data: the data set.
        make: makes a session; it is called once per case.
        options: what to judge; distances are not measured.
        progress: called after each case.

    Raises:
        DataError: nothing to judge, an unknown source or structure, or a source whose labels a model made.
    """
    references = select_cases(data, options)
    objects: list[ObjectTrust] = []
    for number, reference in enumerate(references, start=1):
        objects.extend(_judge_case(reference, make(), options))
        if progress is not None:
            progress(number, len(references), f"{reference.source}/{reference.case_id}")
    if not objects:
        raise nothing_judged(options)
    return TrustResults(options.clicks, options.split, tuple(objects))


def _judge_case(
    reference: CaseReference, session: InteractiveSession, options: EvaluationOptions
) -> Iterator[ObjectTrust]:
    case = reference.load()
    session.set_image(case.volume)
    first = True
    for label, name in sorted(reference.label_names.items()):
        truth = case.truth(label)
        if not options.wants(label, name) or np.count_nonzero(truth) < options.minimum_voxels:
            continue
        yield judge_object(
            session,
            truth,
            case.volume.spacing_ijk,
            options.clicks,
            (reference.source, reference.case_id, name),
            far_clicks=first,  # of each case one is enough: what is tested is the session, not the object
        )
        first = False


def judge_object(
    session: InteractiveSession,
    truth: npt.NDArray[np.bool_],
    spacing_ijk: Sequence[float],
    clicks: int,
    names: tuple[str, str, str],
    *,
    far_clicks: bool = True,
) -> ObjectTrust:
    """Judge a session on one object of the image that it has.

    Args:
        session: its active segment is emptied first.
        truth: bool (K, J, I), the object; at least one voxel.
        spacing_ijk: voxel size in mm.
        clicks: per object, at least 1.
        names: source, case and structure; chance is drawn from them.
        far_clicks: also accept the segment and click elsewhere.
    """
    random = np.random.default_rng(zlib.crc32("/".join(names).encode()))
    session.reset()
    steps, expected, asked = [], [], []
    for step in click_by_click(session, truth, spacing_ijk, clicks):
        steps.append(step)
        expected.append(session.confidence)
        suggestion = judge_suggestion(session.suggest(), session.mask, truth)
        asked += [] if suggestion is None else [suggestion]
    unchanged = far_clicks_change_nothing(session, random) if far_clicks else None
    scores = [step.dice for step in steps]
    guided = clicks_to(scores + scores[-1:] * (clicks - len(scores)))
    needed = ClicksNeeded(guided, guided, guided)
    if guided > 1:
        first = steps[0].click.ijk
        needed = ClicksNeeded(
            simulated=guided,
            suggested=clicks_needed(session, truth, first, session.suggest, clicks),
            random=clicks_needed(session, truth, first, random_voxels(truth, session, random), clicks),
        )
    return ObjectTrust(*names, tuple(expected), tuple(scores), tuple(asked), needed, unchanged)
