"""Judging by name: which objects, which numbers, a mean of enough objects, and the threshold."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from named_data import SOURCE, write_named_data
from reading_model import Reader
from region_cases import FREE

from LightSegLib.card_regions import region_settings
from LightSegLib.errors import DataError
from LightSegLib.evaluation.by_name import evaluate_by_name
from LightSegLib.evaluation.dataset import DataSet
from LightSegLib.evaluation.mismatches import Mismatch
from LightSegLib.evaluation.name_judgement import NameJudge
from LightSegLib.evaluation.named_results import NamedObject, NamedResults, render_names
from LightSegLib.evaluation.options import EvaluationOptions
from LightSegLib.regions import RegionSegmenter
from LightSegLib.session import InteractiveSession
from LightSegLib.text import Vocabulary


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_named_data(tmp_path_factory.mktemp("data"))


def judged(folder, **options):
    model = Reader()
    return evaluate_by_name(
        DataSet.open(folder),
        lambda: InteractiveSession(model, RegionSegmenter(model, FREE)),
        Vocabulary.load(),
        EvaluationOptions(**options),
    )


def test_every_object_with_a_name_the_model_was_taught_is_judged(folder):
    results = judged(folder)
    assert results.structures == ("right kidney", "left kidney", "spleen")
    assert results.objects[2].structure_id == "spleen"
    right, left, spleen = results.objects
    assert right.text > 0.9
    assert left.text > 0.9
    assert left.corrected == pytest.approx((left.text,) * 3, abs=0.1)
    assert len(left.clicked) == 3
    assert (spleen.text, spleen.confidence) == (0.0, pytest.approx(0.02))
    assert all(each.seconds > 0 for each in results.objects)


def test_nothing_to_judge_is_said(folder):
    with pytest.raises(DataError, match="No object of the selected cases has a name"):
        judged(folder, structures=["liver"])


def test_the_mean_is_over_structures_with_enough_objects():
    def found(structure, text):
        return NamedObject("s", "c", structure, structure, text, (text,) * 3, (0.5,) * 3, 0.6, 1.0)

    objects = [found("a", text) for text in (0.2, 0.4, 0.6)]
    results = NamedResults("val", (*objects, found("b", 1.0)))
    assert results.mean(lambda each: each.text) == pytest.approx(0.4)
    header, first, _, mean = render_names(results)
    assert header[:3] == ["structure", "objects", "text"]
    assert first[:3] == ["a", "3", "0.400"]
    assert mean[1:3] == ["4", "0.400"]
    assert np.isnan(NamedResults("val", results.objects[:2]).mean(lambda each: each.text))


# --- Names of what is not there -----------------------------------------------------------------------------


class Doubter(Reader):
    """Draws the kidneys, wherever it is asked for them, and expects no more than this Dice of them."""

    def __init__(self, of_kidneys=0.6):
        super().__init__()
        self.of_kidneys = of_kidneys

    def predict(self, image, guidance, text=None):
        found = super().predict(image, guidance, text)
        return (
            replace(found, confidence=min(found.confidence, self.of_kidneys)) if text is not None else found
        )


def judgement(folder, model, **settings):
    options = EvaluationOptions(sources=[SOURCE, "hippocampus_mr"])
    judge = NameJudge(DataSet.open(folder), Vocabulary.load(), options, **settings)
    return judge.judge(model, lambda share, what: None)


def test_the_threshold_of_the_card_holds_unless_it_is_chosen_anew(folder):
    model = Doubter()
    found = judgement(folder, model)
    assert (found.threshold, found.absence, found.refusals) == (region_settings(model).absent, None, None)
    model.card.regions = {"absent": 0.7}
    found = judgement(folder, model)
    assert found.threshold == 0.7
    assert [each.text for each in found.results.objects] == [0.0, 0.0, 0.0]


def test_a_threshold_chosen_anew_holds_for_what_is_measured_after_it(folder):
    """In the head the kidneys are absent, but drawn like those that are present."""
    found = judgement(folder, Doubter(), calibrates=True)
    assert (found.absence.absent, found.absence.present) == (3, 3)
    assert found.threshold == pytest.approx(0.601)
    assert found.absence.refused == found.absence.lost == 1.0
    assert [each.text for each in found.results.objects] == [0.0, 0.0, 0.0]
    assert found.results.objects[0].confidence == pytest.approx(0.6)


def test_mismatches_are_judged_by_the_new_threshold_and_not_used_to_choose_it(folder):
    kept = [Mismatch("hippocampus_mr", "c1", text) for text in ("rechte Niere", "left kidney")]
    found = judgement(folder, Doubter(), calibrates=True, mismatches=kept)
    assert (found.absence.absent, found.threshold) == (1, pytest.approx(0.001))
    assert [each.outcome for each in found.refusals.answers] == ["drawn", "drawn"]
    assert found.results.objects[0].text > 0.9
    assert json.loads(json.dumps(found.to_dict()))["mismatches"]["share"] == 0.0


def test_where_no_name_is_certain_to_be_absent_the_threshold_stays(folder):
    judge = NameJudge(
        DataSet.open(folder), Vocabulary.load(), EvaluationOptions(sources=[SOURCE]), calibrates=True
    )
    found = judge.judge(Doubter(), lambda share, what: None)
    assert (found.absence, found.threshold) == (None, 0.3)
