"""The stream of samples: sources evenly, nothing that was left out, the same again with the same seed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import islice
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from training_cases import ball_case

from LightSegLib.commands.leaving_out import leave_out
from LightSegLib.errors import DataError
from LightSegLib.training import samples
from LightSegLib.training.recipe import KINDS
from LightSegLib.training.samples import MIN_TARGET_VOXELS, SampleStream, SamplingPlan

SIZE = 24
REAL = {"real": 1.0}


def plan_of(kinds=REAL, weights=None, closer=0.0):
    return SamplingPlan(SIZE, kinds, weights or {}, closer=closer, extent_range=(0.4, 0.9))


def unequal_sources():
    """One case of one source, three of another, eight of a third."""
    counts = {"a": 1, "b": 3, "c": 8}
    return [ball_case(source=source, seed=seed) for source, n in counts.items() for seed in range(n)]


def first(stream, count=4):
    return list(islice(iter(stream), count))


def scene_of(stream, random):
    return stream._scene(*stream._structure(random), random, upright=False)


def same(one, two):
    return all(
        torch.equal(a.image, b.image) and torch.equal(a.target, b.target)
        for a, b in zip(one, two, strict=True)
    )


@pytest.fixture
def drawn(monkeypatch):
    """What the stream asks to be drawn: (source, label) of every scene."""
    asked = []
    draw = samples.draw_scene

    def listening(case, value, *arguments, **settings):
        asked.append((case.source, value))
        return draw(case, value, *arguments, **settings)

    monkeypatch.setattr(samples, "draw_scene", listening)
    return asked


# --- What is drawn ------------------------------------------------------------------------------------------


def test_sources_are_drawn_evenly_however_many_cases_they_have(drawn):
    stream, random = SampleStream(unequal_sources(), plan_of(), 0), np.random.default_rng(0)
    for _ in range(300):
        scene_of(stream, random)
    counts = Counter(source for source, _ in drawn)
    assert set(counts) == {"a", "b", "c"}
    assert all(75 <= count <= 125 for count in counts.values())  # 100, give or take three deviations


def test_source_weights_shift_the_shares(drawn):
    plan = plan_of(weights={"a": 3.0, "b": 0.0, "unknown": 9.0})
    stream, random = SampleStream(unequal_sources(), plan, 0), np.random.default_rng(0)
    for _ in range(300):
        scene_of(stream, random)
    counts = Counter(source for source, _ in drawn)
    assert counts["b"] == 0
    assert 200 <= counts["a"] <= 250


def test_what_was_left_out_is_never_drawn(drawn):
    case = ball_case(source="a")
    two = replace(
        case, labels={1: "ball", 2: "rest"}, label_map=np.where(case.label_map == 1, 1, 2).astype(np.uint8)
    )
    kept, _ = leave_out([two, ball_case(source="b")], structures="rest")
    stream, random = SampleStream(kept, plan_of(), 0), np.random.default_rng(0)
    for _ in range(60):
        scene_of(stream, random)
    assert set(drawn) == {("a", 1), ("b", 1)}
    kept, _ = leave_out([two, ball_case(source="b")], ["a"])
    assert SampleStream(kept, plan_of(), 0).sources == ["b"]


def test_a_label_that_no_name_stands_for_is_never_drawn(drawn):
    case = ball_case()
    stream = SampleStream([replace(case, label_map=case.label_map + 1, labels={2: "ball"})], plan_of(), 0)
    for seed in range(20):
        scene_of(stream, np.random.default_rng(seed))
    assert set(drawn) == {("balls", 2)}


def test_structures_of_a_few_voxels_are_not_learnt():
    tiny, large = ball_case(radius=2.5, source="tiny"), ball_case(source="large")
    assert 0 < (tiny.label_map == 1).sum() < MIN_TARGET_VOXELS
    assert SampleStream([tiny, large], plan_of(), 0).sources == ["large"]
    with pytest.raises(DataError, match="no structure"):
        SampleStream([tiny], plan_of(), 0)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_sample_can_be_learnt_from(kind):
    for sample in first(SampleStream([ball_case(radius=10.0)], plan_of({kind: 1.0}), 0), 6):
        for part in (sample.image, sample.target, sample.valid):
            assert part.shape == (SIZE,) * 3
            assert part.dtype == torch.float32
            assert torch.isfinite(part).all()
        assert -1 <= float(sample.image.min()) <= float(sample.image.max()) <= 1
        assert float(sample.target.sum()) >= MIN_TARGET_VOXELS
        assert not (sample.target * (1 - sample.valid)).any()
        assert sample.closer is None


def test_closer_cubes_come_as_often_as_asked_and_with_real_samples_only():
    cases = [ball_case(radius=10.0)]
    real = first(SampleStream(cases, plan_of(closer=0.5), 0), 60)
    assert 15 <= sum(sample.closer is not None for sample in real) <= 45
    shapes = first(SampleStream(cases, plan_of({"shapes": 1.0}, closer=1.0), 0), 5)
    assert all(sample.closer is None for sample in shapes)


# --- Seeds and workers --------------------------------------------------------------------------------------


def test_a_stream_repeats_with_its_seed():
    cases, plan = unequal_sources(), plan_of({"real": 0.5, "shapes": 0.5})
    one = first(SampleStream(cases, plan, 7))
    assert same(one, first(SampleStream(cases, plan, 7)))
    assert not same(one, first(SampleStream(cases, plan, 8)))


def test_workers_draw_different_samples(monkeypatch):
    stream = SampleStream(unequal_sources(), plan_of(), 0)
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    drawn = []
    for number in range(2):
        monkeypatch.setattr(samples, "get_worker_info", lambda number=number: SimpleNamespace(id=number))
        drawn.append(first(stream, 3))
    assert not any(same([a], [b]) for a in drawn[0] for b in drawn[1])


# --- What cannot be drawn -----------------------------------------------------------------------------------


def test_kinds_that_a_recipe_rounded_are_good_enough():
    third = 0.3333333
    kinds = {"real": third, "recoloured": third, "shapes": third}
    assert first(SampleStream([ball_case()], plan_of(kinds), 0), 2)


def test_a_stream_that_finds_nothing_says_so_and_does_not_hang(monkeypatch):
    monkeypatch.setattr(samples, "MAX_FRUITLESS", 5)
    flat = replace(ball_case(), image=np.full((24, 30, 36), 80, np.uint8))
    with pytest.raises(DataError, match="supervoxel"):
        first(SampleStream([flat], plan_of({"supervoxel": 1.0}), 0))


def test_no_source_at_all_is_refused():
    with pytest.raises(DataError, match="weighs balls with 0"):
        SampleStream([ball_case()], plan_of(weights={"balls": 0.0}), 0)
