"""Evaluation: the loop, what it selects, and the summaries and tables made of it."""

from __future__ import annotations

import gc
import json
import math
import weakref

import numpy as np
import pytest

from LightSegLib.errors import Cancelled, DataError, VolumeError
from LightSegLib.evaluation.dataset import CaseReference, DataSet, DataSource, LabelledCase
from LightSegLib.evaluation.evaluate import click_by_click, evaluate, evaluate_case
from LightSegLib.evaluation.grow_from_seeds import baselines, slicer_core_is_available
from LightSegLib.evaluation.metrics import dice
from LightSegLib.evaluation.options import EvaluationOptions, select_cases
from LightSegLib.evaluation.results import EvaluationResults, ObjectResult, clicks_to
from LightSegLib.evaluation.tables import render_notes, render_table
from LightSegLib.geometry import Volume

SHAPE = (12, 14, 16)


def truth_box(lower_kji=(2, 3, 4), upper_kji=(8, 9, 12)):
    mask = np.zeros(SHAPE, dtype=bool)
    mask[tuple(slice(low, high) for low, high in zip(lower_kji, upper_kji, strict=True))] = True
    return mask


class Painter:
    """A method that paints a cube around each click; half the edge is `reach`."""

    def __init__(self, reach=1):
        self.reach = reach
        self.mask = np.zeros((0, 0, 0), dtype=bool)
        self.images = 0
        self.resets = 0
        self.clicks = []

    def set_image(self, volume):
        self.images += 1
        self.volume = volume
        self.mask = np.zeros(volume.array.shape, dtype=bool)

    def reset(self):
        self.resets += 1
        self.mask = np.zeros_like(self.mask)

    def add_point(self, ijk, positive=True):
        self.clicks.append((ijk, positive))
        window = tuple(slice(max(0, value - self.reach), value + self.reach + 1) for value in ijk[::-1])
        self.mask = self.mask.copy()
        self.mask[window] = positive


class Oracle(Painter):
    """A method that knows the answer after the first click."""

    def add_point(self, ijk, positive=True):
        i, j, k = ijk
        self.mask = self.volume.array == self.volume.array[k, j, i]


class CaseInMemory(CaseReference):
    """A case that is made up when it is loaded: image and label map are the same numbers."""

    def load(self):
        labels = np.zeros(SHAPE, dtype=np.uint8)
        labels[truth_box()] = 1
        labels[9:11, 10:12, 1:9] = 2  # 32 voxels
        labels[0, 0, :5] = 3  # 5 voxels, too few to judge
        return LabelledCase(Volume(labels.astype(np.int16), np.diag([1.0, 1.0, 2.0, 1.0])), labels)


NAMES = {1: "tumour", 2: "Vessel", 3: "crumb"}


def source(name, ids, origin="manual", estimated=False, names=NAMES, case_class=CaseInMemory):
    cases = tuple(
        case_class(name, case_id, case_id, None, None, names, spacing_is_estimated=estimated)
        for case_id in ids
    )
    return DataSource(name, "CT", "CC0", origin, names, cases)


@pytest.fixture
def data(tmp_path):
    sources = [
        source("alpha", ["a1", "a2", "a3"]),
        source("beta", ["b1"], estimated=True, names={1: "tumour"}),
        source("made", ["m1"], origin="MODEL-GENERATED"),
        source("train_only", ["t1"]),
    ]
    split = {each.name: {"train": (), "val": tuple(case.case_id for case in each.cases)} for each in sources}
    split["alpha"] = {"train": ("a2",), "val": ("a3", "a1")}
    split["train_only"] = {"train": ("t1",), "val": ()}
    return DataSet(tmp_path, {each.name: each for each in sources}, split)


def names_of(references):
    return [reference.case_id for reference in references]


def test_a_case_is_scored_after_every_click():
    truth = truth_box()
    painter = Painter()
    result = evaluate_case(painter, Volume(truth.astype(np.int16), np.eye(4)), truth, clicks=6)
    assert len(result.dice) == len(result.click_seconds) == len(result.clicks) == 6
    assert result.dice[0] == pytest.approx(2 * 27 / (27 + truth.sum()))
    assert result.dice[-1] == dice(painter.mask, truth)
    assert all(seconds >= 0 for seconds in (*result.click_seconds, result.set_image_seconds))


def test_a_demo_can_follow_click_by_click():
    truth = truth_box()
    painter = Painter()
    painter.set_image(Volume(truth.astype(np.int16), np.eye(4)))
    for number, step in enumerate(click_by_click(painter, truth, (1, 1, 1), clicks=4), start=1):
        assert painter.clicks == [*painter.clicks[: number - 1], (step.click.ijk, step.click.positive)]
        assert step.dice == dice(painter.mask, truth)
    assert number == 4


def test_when_nothing_is_left_to_correct_the_last_dice_is_repeated():
    truth = truth_box()
    result = evaluate_case(Oracle(), Volume(truth.astype(np.int16), np.eye(4)), truth, clicks=5)
    assert result.dice == (1.0,) * 5
    assert len(result.click_seconds) == len(result.clicks) == 1


def test_every_method_gets_the_same_first_click_and_then_answers_its_own_errors(data):
    small, large = Painter(reach=1), Painter(reach=4)
    evaluate(
        data, {"small": lambda: small, "large": lambda: large}, EvaluationOptions(sources=["beta"], clicks=3)
    )
    assert small.clicks[0] == large.clicks[0]
    assert small.clicks[1][1]  # too little: add
    assert not large.clicks[1][1]  # too much: take away


def test_the_same_run_twice_gives_the_same_numbers(data):
    runs = [evaluate(data, {"p": Painter}, EvaluationOptions(clicks=4)) for _ in range(2)]
    assert [row.dice for row in runs[0].objects] == [row.dice for row in runs[1].objects]


def test_sources_with_manual_labels_are_judged_in_the_order_of_the_split(data):
    assert names_of(select_cases(data, EvaluationOptions())) == ["a3", "a1", "b1"]
    assert names_of(select_cases(data, EvaluationOptions(cases_per_source=1))) == ["a3", "b1"]
    assert names_of(select_cases(data, EvaluationOptions(split="train"))) == ["a2", "t1"]
    assert names_of(select_cases(data, EvaluationOptions(structures=["VESSEL"]))) == ["a3", "a1"]


def test_each_label_is_an_object_unless_it_is_too_small(data):
    results = evaluate(data, {"p": Painter}, EvaluationOptions(sources=["alpha"], clicks=1))
    found = [(row.case_id, row.structure, row.voxels) for row in results.objects]
    assert found == [("a3", "tumour", 288), ("a3", "Vessel", 32), ("a1", "tumour", 288), ("a1", "Vessel", 32)]


@pytest.mark.parametrize("options", [{"structures": ["vessel"]}, {"labels": [2]}])
def test_structures_and_labels_can_be_chosen(data, options):
    results = evaluate(data, {"p": Painter}, EvaluationOptions(clicks=1, **options))
    assert {row.structure for row in results.objects} == {"Vessel"}


def test_an_image_is_handed_over_once_per_case_and_reset_for_each_object(data):
    made = []

    def make():
        made.append(Painter())
        return made[-1]

    evaluate(data, {"p": make}, EvaluationOptions(sources=["alpha"], clicks=1))
    assert [(painter.images, painter.resets) for painter in made] == [(1, 2), (1, 2)]


def test_a_case_is_gone_before_the_next_is_read(tmp_path):
    alive = []

    class Watched(CaseInMemory):
        def load(self):
            gc.collect()
            assert not [reference for reference in alive if reference() is not None]
            case = super().load()
            alive.extend([weakref.ref(case.labels), weakref.ref(case.volume.array.base)])
            return case

    watched = source("alpha", ["a1", "a2", "a3"], case_class=Watched)
    data = DataSet(tmp_path, {"alpha": watched}, {})
    evaluate(data, {"p": Painter, "q": Painter}, EvaluationOptions(split="all", clicks=2))
    assert len(alive) == 6


def test_distances_are_told_only_where_millimetres_can_be_trusted(data):
    results = evaluate(data, {"p": Oracle}, EvaluationOptions(clicks=1, distances=True))
    by_source = {row.source: (row.hd95_mm, row.surface_dice) for row in results.objects}
    assert by_source == {"alpha": (0.0, 1.0), "beta": (None, None)}
    assert "HD95" in render_table(results)


def test_progress_tells_each_case_and_method_and_can_stop_the_run(data):
    seen = []
    evaluate(data, {"p": Painter, "q": Painter}, EvaluationOptions(clicks=1), lambda *step: seen.append(step))
    assert [step[:2] for step in seen] == [(number, 6) for number in range(1, 7)]
    assert seen[0][2] == "alpha/a3"

    def stop(*_):
        raise Cancelled("Stopped")

    with pytest.raises(Cancelled):
        evaluate(data, {"p": Painter}, EvaluationOptions(clicks=1), stop)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sources": ["made"]}, "made by a model"),
        ({"sources": ["nowhere"]}, "nowhere"),
        ({"sources": ["train_only"]}, "no case"),
        ({"structures": ["spleen"]}, "spleen"),
        ({"labels": [3]}, "30 voxels"),
        ({"labels": [99]}, "no case"),
        ({"split": "test"}, "test"),
        ({"cases_per_source": 0}, "0 cases"),
        ({"clicks": 0}, "0 clicks"),
    ],
)
def test_what_cannot_be_judged_is_refused(data, options, message):
    with pytest.raises(DataError, match=message):
        evaluate(data, {"p": Painter}, EvaluationOptions(**options))


def test_an_object_of_another_shape_than_the_image_is_refused():
    with pytest.raises(VolumeError, match="shape"):
        evaluate_case(Painter(), Volume(np.zeros((5, 5, 5)), np.eye(4)), truth_box())


@pytest.mark.parametrize(("scores", "expected"), [([0.9, 0.2], 1), ([0.1, 0.85], 2), ([0.1, 0.84], 3)])
def test_clicks_to_a_target_counts_one_more_when_it_is_never_reached(scores, expected):
    assert clicks_to(scores, 0.85) == expected


def row(source_name, scores, seconds=(0.1,), method="m", **distances):
    return ObjectResult(source_name, "case", "tumour", 1, 100, method, scores, seconds, 0.0, **distances)


def results_of(*rows, clicks=3):
    return EvaluationResults(clicks, "val", rows)


def test_sources_weigh_the_same_however_many_objects_they_have():
    results = results_of(
        row("many", (0.0, 0.0, 0.2), (1.0, 2.0)),
        row("many", (0.0, 0.0, 0.4), (3.0,)),
        row("few", (0.0, 0.9, 0.9), (10.0,)),
    )
    assert results.of_source("m", "many").dice == pytest.approx({1: 0.0, 3: 0.3})
    overall = results.over_sources("m")
    assert overall.dice[3] == pytest.approx((0.3 + 0.9) / 2)
    assert overall.clicks_to_target == pytest.approx((4 + 2) / 2)
    assert overall.failed == pytest.approx(0.5)
    assert overall.objects == 3
    assert overall.seconds_median == pytest.approx(2.5)


def test_an_empty_mask_does_not_make_the_typical_distance_infinite():
    rows = [row("s", (0.5,), hd95_mm=value, surface_dice=0.5) for value in (1.0, 3.0, math.inf)]
    assert results_of(*rows, clicks=1).of_source("m", "s").hd95_mm == 3.0


def test_results_are_plain_json_without_infinities():
    rows = [row("s", (0.5, 0.6, 0.7), hd95_mm=math.inf, surface_dice=0.0)]
    content = json.loads(json.dumps(results_of(*rows).to_dict(), allow_nan=False))
    summary = content["methods"]["m"]["sources"]["s"]
    assert summary["dice"] == {"1": 0.5, "3": 0.7}
    assert summary["hd95_mm"] is None
    assert content["objects"][0]["dice"] == [0.5, 0.6, 0.7]
    assert "objects" not in results_of(*rows).to_dict(objects=False)


def test_the_table_has_a_row_per_source_and_method_and_the_means_last():
    rows = [row(name, (0.1, 0.2, 0.3), method=method) for name in ("a", "b") for method in ("ours", "theirs")]
    lines = render_table(results_of(*rows)).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[0][:6] == ["source", "method", "objects", "Dice @1", "Dice @3", "clicks to 0.85"]
    assert [line[:2] for line in cells[2:]] == [
        ["a", "ours"], ["a", "theirs"], ["b", "ours"], ["b", "theirs"],
        ["mean over sources", "ours"], ["mean over sources", "theirs"],
    ]  # fmt: skip
    assert cells[2][2:] == ["1", "0.100", "0.300", "4.0", "100 %", "0.100", "0.100"]
    assert len({len(line) for line in lines}) == 1
    assert "counts as 4" in render_notes(results_of(*rows))


def test_the_baseline_stands_in_the_same_table(data):
    if not slicer_core_is_available():
        pytest.skip("slicer-core is not importable here")
    methods = {"painter": Painter, **baselines()}
    results = evaluate(data, methods, EvaluationOptions(sources=["beta"], clicks=3))
    assert results.methods == ("painter", "grow-from-seeds", "grow-from-seeds (bare)")
    assert results.over_sources("grow-from-seeds").dice[3] > 0.9
    assert results.over_sources("grow-from-seeds (bare)").dice[1] < 0.5
