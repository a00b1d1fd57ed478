"""Trust over a data set: what is judged, the summaries, the tables."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from clicked_data import write_clicked_data
from fakes import FakeModel, FakeSegmenter, make_volume

from LightSegLib import InteractiveSession
from LightSegLib.errors import DataError
from LightSegLib.evaluation.dataset import DataSet
from LightSegLib.evaluation.options import EvaluationOptions
from LightSegLib.evaluation.suggestion_quality import Suggestion
from LightSegLib.evaluation.trust import judge_object, judge_trust
from LightSegLib.evaluation.trust_pictures import reliability_chart
from LightSegLib.evaluation.trust_results import ClicksNeeded, ObjectTrust, TrustResults
from LightSegLib.evaluation.trust_tables import render_trust

SHAPE_KJI = (32, 34, 36)


def a_session():
    return InteractiveSession(FakeModel(), FakeSegmenter())


def an_object():
    truth = np.zeros(SHAPE_KJI, dtype=bool)
    truth[4:12, 4:12, 4:12] = True
    return truth


def judged(truth, clicks=4, **options):
    session = a_session()
    session.set_image(make_volume(SHAPE_KJI))
    return judge_object(session, truth, (1, 1, 1), clicks, ("alpha", "a1", "cube"), **options)


def a_record(source="alpha", expected=(0.8,), dice=(0.6,), needed=(3, 4, 6), hit=True, unchanged=None):
    suggestion = Suggestion(hit, 0.2, 0.3)
    return ObjectTrust(source, "c", "s", expected, dice, (suggestion,), ClicksNeeded(*needed), unchanged)


def test_an_object_tells_of_confidence_suggestions_clicks_and_locality():
    found = judged(an_object())
    assert found.expected == (0.75,) * 4  # as the stand-in says
    assert len(found.dice) == 4
    assert list(found.dice) == sorted(found.dice)
    assert len(found.suggestions) == 4
    assert all(0 < each.box_chance < 1 for each in found.suggestions)
    assert found.needed.simulated == 5  # cubes of five do not fill one of eight
    assert found.unchanged is True


def test_the_same_object_is_judged_alike_on_every_run():
    assert judged(an_object()) == judged(an_object())


def test_an_object_that_one_click_fills_needs_no_others():
    truth = np.zeros(SHAPE_KJI, dtype=bool)
    truth[4:9, 4:9, 4:9] = True
    found = judged(truth)
    assert found.needed == ClicksNeeded(1, 1, 1)
    assert found.dice == (1.0,)
    assert found.suggestions == ()


def test_clicks_elsewhere_can_be_left_out():
    assert judged(an_object(), far_clicks=False).unchanged is None


def test_every_object_of_the_split_is_judged_and_one_per_case_is_clicked_around(tmp_path):
    data = DataSet.open(write_clicked_data(tmp_path))
    said = []
    results = judge_trust(data, a_session, EvaluationOptions(clicks=2), lambda *told: said.append(told))
    names = [(each.source, each.structure) for each in results.objects]
    assert names == [("alpha", "kidney"), ("alpha", "spleen"), ("beta", "kidney")]
    assert [each.unchanged for each in results.objects] == [True, None, True]
    assert results.unchanged() == (2, 2)
    assert said == [(1, 2, "alpha/c1"), (2, 2, "beta/c1")]
    with pytest.raises(DataError, match="No object"):
        judge_trust(data, a_session, EvaluationOptions(minimum_voxels=10**9))


def test_numbers_come_back_from_json_as_they_were():
    results = TrustResults(10, "val", (a_record(), a_record("beta", hit=None, unchanged=True)))
    content = json.loads(json.dumps(results.to_dict()))
    assert TrustResults.from_dict(content) == results
    assert content["summary"]["alpha"]["calibration"]["error"] == pytest.approx(0.2)
    assert set(content["summary"]) == {"alpha", "beta", "mean_over_sources"}


def test_each_source_weighs_the_same_in_every_mean():
    rows = [a_record(hit=True), a_record(hit=True), a_record("beta", hit=False, needed=(2, 2, 8))]
    results = TrustResults(10, "val", tuple(rows))
    assert results.suggestions().hits == pytest.approx(0.5)
    assert results.suggestions().asked == 3
    assert results.needed() == ClicksNeeded(2.5, 3, 7)


def test_objects_that_one_click_fills_say_nothing_of_further_clicks():
    results = TrustResults(10, "val", (a_record(needed=(1, 1, 1)), a_record(needed=(2, 3, 4))))
    assert results.needed("alpha") == ClicksNeeded(2, 3, 4)
    assert TrustResults(10, "val", (a_record(needed=(1, 1, 1)),)).needed() is None


def test_clicks_without_a_suggestion_are_counted_apart():
    results = TrustResults(10, "val", (a_record(hit=None), a_record(hit=True)))
    found = results.suggestions("alpha")
    assert (found.none, found.hits) == (0.5, 1.0)


def test_the_tables_name_every_source_model_and_number():
    results = TrustResults(10, "val", (a_record(unchanged=True), a_record("beta", unchanged=False)))
    text = render_trust({"one": results, "two": replace(results, objects=results.objects[:1])})
    assert "| alpha       | one   |" in text
    assert "counts as 11" in text
    assert "one: 1 of 2 accepted segments" in text
    assert "two: 1 of 1 accepted segments" in text
    assert text.count("| beta ") == 3


def test_the_reliability_plot_has_a_line_per_model():
    chart = reliability_chart({"one": TrustResults(10, "val", (a_record(),))})
    (line,) = chart.series
    assert (line.x, line.y, line.weights) == ([0.8], [0.6], [1.0])
    assert "0.200" in line.name
    assert chart.diagonal
