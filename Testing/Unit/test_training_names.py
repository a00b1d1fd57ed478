"""Who is called what in training, and what is certainly absent from a cube."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from text_cases import (
    SIZE,
    WIDTH,
    named_case,
    scene_around,
    two_kidneys,
)
from training_cases import ball_case

from LightSegLib.errors import DataError
from LightSegLib.text.embeddings import Embeddings
from LightSegLib.text.vocabulary import Vocabulary
from LightSegLib.training import poses
from LightSegLib.training.body_regions import BODY_REGIONS_PATH, BodyRegions
from LightSegLib.training.names import Names
from LightSegLib.training.scenes import Scene


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary.load()


@pytest.fixture(scope="module")
def embeddings() -> Embeddings:
    return Embeddings.load(Vocabulary.load())


# --- Names --------------------------------------------------------------------------------------------------


def test_a_label_is_called_what_the_vocabulary_links_it_to():
    case = two_kidneys()
    names = Names.load([case, ball_case()])
    assert names.of(case, 3).id == "kidney_left"
    assert names.of(ball_case(), 1) is None
    assert names.taught == ["kidney_left", "kidney_right"]
    assert names.width == WIDTH


def test_a_case_that_cannot_tell_its_sides_has_no_names_with_sides(caplog):
    unknown = replace(named_case(), orientation="")
    assert Names.load([unknown]).of(unknown, 1).id == "liver"
    assert "left from right" in caplog.text
    sides = replace(two_kidneys(), orientation="")
    assert Names.load([unknown, sides]).of(sides, 3) is None
    with pytest.raises(DataError, match="has a name"):
        Names.load([sides])


def test_names_are_drawn_among_all_of_a_structures_the_english_one_half_the_time(embeddings):
    names, random = Names.load([named_case()]), np.random.default_rng(0)
    own = embeddings.of("liver")
    rows = Counter()
    for _ in range(300):
        text = names.draw("liver", 0.1, random).numpy()
        assert text.dtype == np.float32
        cosines = own @ text / np.linalg.norm(text)
        rows[int(cosines.argmax())] += 1
        assert 0.97 < cosines.max() < 1 - 1e-4
    assert 0.45 < rows[0] / 300 < 0.75
    assert len(rows) > len(own) / 2


def test_without_noise_a_name_is_told_as_a_session_tells_it(embeddings):
    told = {names_of(seed) for seed in range(20)}
    assert tuple(embeddings.of("liver")[0].tolist()) in told


def names_of(seed):
    return tuple(Names.load([named_case()]).draw("liver", 0.0, np.random.default_rng(seed)).tolist())


# --- Where in the body --------------------------------------------------------------------------------------


def test_the_table_speaks_of_known_structures_and_forgets_none(vocabulary):
    regions = BodyRegions.load()
    known = {each.id for each in vocabulary}
    assert set(regions.structures) <= known
    assert {each.id for each in vocabulary if each.training_labels} <= set(regions.structures)
    pairs = json.loads(BODY_REGIONS_PATH.read_text())["overlapping"]
    assert {name for pair in pairs for name in pair} <= known


def test_what_a_source_labels_is_never_ruled_out_there(vocabulary):
    regions = BodyRegions.load()
    for each in vocabulary:
        for source, _ in each.training_labels:
            assert source in regions.images
            assert not regions.rule_out(each.id, source, "any case")


def test_what_is_not_known_is_never_ruled_out():
    regions = BodyRegions({"brain": ["head"]}, {"legs": ["leg"], "legs/whole body": ["leg", "head"]})
    assert regions.rule_out("brain", "legs", "1")
    assert not regions.rule_out("brain", "legs", "whole body")
    assert not regions.rule_out("brain", "elsewhere", "1")
    assert not regions.rule_out("heart", "legs", "1")


@pytest.mark.parametrize(
    ("source", "case", "may_be_there", "cannot_be"),
    [
        ("lumbar_vertebrae_mr", "vb3_01", ["aorta", "kidney_left", "spinal_cord", "sacrum"], ["brain"]),
        ("totalseg_examples_ct", "ts_pulmonary_ct", ["aorta", "liver", "vertebra_t11"], ["prostate"]),
        ("lung_nodule_ct", "1", ["heart", "lung_left", "spleen"], ["femur_left", "hippocampus_anterior"]),
        ("spinal_cord_mr", "1", ["brain", "aorta", "vertebrae"], ["urinary_bladder", "liver"]),
        ("sarcoma_ct", "1", ["femur_left", "humerus_left", "hip_right"], ["hippocampus_posterior"]),
        ("hippocampus_mr", "1", ["brain"], ["liver", "femur_left", "aorta"]),
    ],
)
def test_sources_with_few_labels_may_show_all_that_lies_there(source, case, may_be_there, cannot_be):
    regions = BodyRegions.load()
    assert not any(regions.rule_out(name, source, case) for name in may_be_there)
    assert all(regions.rule_out(name, source, case) for name in cannot_be)


# --- Wrong names --------------------------------------------------------------------------------------------


def absent_names(names, case, scene, count=60):
    random = np.random.default_rng(0)
    return {names.absent(case, scene, random) for _ in range(count)}


def test_the_other_side_is_a_wrong_name_where_only_one_is_in_the_cube():
    case = two_kidneys()
    names = Names.load([case])
    assert absent_names(names, case, scene_around(case, (12.0, 14.0, 32.0), 20.0)) == {"kidney_right"}
    assert absent_names(names, case, scene_around(case, (12.0, 14.0, 20.0), 40.0)) == {None}


def test_a_structure_at_the_rim_of_a_tilted_cube_counts_as_there():
    case = two_kidneys()
    names = Names.load([case])
    for seed in range(20):
        rotation = poses.nearly_upright("LPS", np.random.default_rng(seed))
        scene = Scene.of(case, 3, rotation, np.ones(3, np.float32), np.array([12.0, 14.0, 24.0]), 20.0)
        if (scene.render(SIZE).labels == 2).any():
            assert absent_names(names, case, scene) == {None}


def test_what_lies_in_another_region_of_the_body_is_a_wrong_name():
    liver, head = named_case(), named_case("hippocampus_mr", "anterior hippocampus")
    names = Names.load([liver, head])
    scene = scene_around(liver, (36.0, 22.0, 18.0), 200.0)
    assert absent_names(names, liver, scene) == {"hippocampus_anterior"}
    assert absent_names(names, head, scene_around(head, (36.0, 22.0, 18.0), 200.0)) == {"liver"}


def test_unlabelled_neighbours_and_unknown_sources_give_no_wrong_name():
    liver, spleen = named_case(), named_case(label="spleen", seed=1)
    names = Names.load([liver, spleen])
    assert absent_names(names, liver, scene_around(liver, (36.0, 22.0, 18.0), 200.0)) == {None}
    strange = replace(liver, source="clinic")
    assert names._foreign(strange) == []


def test_a_finding_may_be_anywhere_however_little_of_it_is_labelled():
    sarcoma = named_case("sarcoma_ct", "soft tissue sarcoma (gross tumour volume)")
    names = Names.load([sarcoma, named_case()])
    assert absent_names(names, sarcoma, scene_around(sarcoma, (5.0, 5.0, 5.0), 4.0)) == {None}


def test_neighbours_without_a_clear_border_are_no_wrong_names():
    case = two_kidneys()
    spine = replace(case, labels={2: "sacrum", 3: "vertebra S1"})
    near = scene_around(spine, (12.0, 14.0, 32.0), 20.0)
    assert absent_names(Names.load([spine]), spine, near) == {None}
