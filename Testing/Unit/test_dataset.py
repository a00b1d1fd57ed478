"""Reading a folder of labelled cases, and refusing one that contradicts itself."""

from __future__ import annotations

import json

import numpy as np
import pytest

from LightSegLib.errors import DataError, ImageFileError
from LightSegLib.evaluation.dataset import DataSet
from LightSegLib.geometry import Volume


def write_case(folder, case_id, shape=(6, 7, 8), spacing=2.0, labels=None):
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    affine = np.diag([spacing, spacing, spacing, 1.0])
    image = np.arange(np.prod(shape), dtype=np.int16).reshape(shape)
    if labels is None:
        labels = np.zeros(shape, dtype=np.uint8)
        labels[1:4, 1:4, 1:5] = 1
    Volume(image, affine).write(folder / "images" / f"{case_id}.nii.gz")
    Volume(labels, affine).write(folder / "labels" / f"{case_id}.nii.gz")


def write_source(folder, case_ids, origin="manual", labels=None, **case):
    folder.mkdir(parents=True, exist_ok=True)
    description = {
        "modality": "CT",
        "licence": "CC0",
        "label_origin": origin,
        "labels": labels or {"1": "kidney"},
        "cases": [{"id": case_id, **case} for case_id in case_ids],
    }
    (folder / "dataset.json").write_text(json.dumps(description))


@pytest.fixture
def folder(tmp_path):
    write_source(tmp_path / "alpha", ["a1", "a2", "a3"], group="someone")
    write_source(
        tmp_path / "beta", ["b1"], origin="MODEL-GENERATED (by some network)", spacing_is_estimated=True
    )
    split = {"beta": {"train": ["b1"], "val": []}, "alpha": {"train": ["a2"], "val": ["a3", "a1"]}}
    (tmp_path / "split.json").write_text(json.dumps(split))
    return tmp_path


def ids(cases):
    return [case.case_id for case in cases]


def test_sources_and_cases_come_in_the_order_of_the_split(folder):
    data = DataSet.open(folder)
    assert list(data.sources) == ["beta", "alpha"]
    assert ids(data.cases("alpha", "val")) == ["a3", "a1"]
    assert ids(data.cases("alpha", "val", limit=1)) == ["a3"]
    assert ids(data.cases("alpha", "train")) == ["a2"]
    assert ids(data.cases("alpha", "all")) == ["a1", "a2", "a3"]
    assert ids(data.cases("beta", "val")) == []


def test_what_is_known_of_a_source_and_a_case_comes_with_it(folder):
    data = DataSet.open(str(folder))
    assert data.sources["alpha"].label_names == {1: "kidney"}
    assert data.sources["alpha"].is_manual
    assert not data.sources["beta"].is_manual
    assert next(data.cases("alpha", "val")).group == "someone"
    assert next(data.cases("beta", "train")).group == "b1"
    assert next(data.cases("beta", "train")).spacing_is_estimated
    assert not next(data.cases("alpha", "train")).spacing_is_estimated


def test_a_folder_without_a_split_has_all_its_cases(folder):
    (folder / "split.json").unlink()
    data = DataSet.open(folder)
    assert ids(data.cases("alpha", "all")) == ["a1", "a2", "a3"]
    with pytest.raises(DataError, match=r"no split\.json"):
        next(data.cases("alpha", "val"))


def test_a_case_loads_its_image_and_its_labels(folder):
    write_case(folder / "alpha", "a3")
    case = next(DataSet.open(folder).cases("alpha", "val")).load()
    assert case.volume.spacing_ijk == pytest.approx((2, 2, 2))
    assert case.truth(1).sum() == 3 * 3 * 4
    assert not case.truth(2).any()


def test_opening_reads_no_image(folder):
    reference = next(DataSet.open(folder).cases("alpha", "val"))
    with pytest.raises(ImageFileError):
        reference.load()


@pytest.mark.parametrize(("shape", "spacing"), [((6, 7, 9), 2.0), ((6, 7, 8), 2.5)])
def test_labels_on_another_grid_are_refused(folder, shape, spacing):
    write_case(folder / "alpha", "a3")
    path = folder / "alpha" / "labels" / "a3.nii.gz"
    Volume(np.ones(shape, dtype=np.uint8), np.diag([spacing] * 3 + [1.0])).write(path)
    with pytest.raises(DataError, match="alpha/a3"):
        next(DataSet.open(folder).cases("alpha", "val")).load()


def test_labels_that_are_no_integers_are_refused(folder):
    write_case(folder / "alpha", "a3", labels=np.full((6, 7, 8), 0.5, dtype=np.float32))
    with pytest.raises(DataError, match="float32"):
        next(DataSet.open(folder).cases("alpha", "val")).load()


def test_a_folder_without_sources_is_refused(tmp_path):
    with pytest.raises(DataError, match="no data set"):
        DataSet.open(tmp_path)
    with pytest.raises(DataError, match="no data set"):
        DataSet.open(tmp_path / "nowhere")


def test_a_split_with_an_unknown_case_is_refused(folder):
    (folder / "split.json").write_text(json.dumps({"alpha": {"val": ["a1", "zz"]}}))
    with pytest.raises(DataError, match="zz"):
        DataSet.open(folder)


@pytest.mark.parametrize(
    "split", ["[1, 2]", "{", '{"alpha": ["a1"]}', '{"alpha": {"val": 3}}', '{"alpha": {"val": "a1"}}']
)
def test_a_broken_split_is_refused(folder, split):
    (folder / "split.json").write_text(split)
    with pytest.raises(DataError, match=r"split\.json"):
        DataSet.open(folder)


@pytest.mark.parametrize(
    "content",
    ["{", "[]", "{}", '{"labels": {"one": "kidney"}, "cases": [], "label_origin": "manual"}',
     '{"labels": {"1": "kidney"}, "cases": [{"id": "../../secret"}], "label_origin": "manual"}',
     '{"labels": {"1": "kidney"}, "cases": ["a1"], "label_origin": "manual"}'],
)  # fmt: skip
def test_a_broken_description_is_refused(folder, content):
    (folder / "alpha" / "dataset.json").write_text(content)
    with pytest.raises(DataError, match=r"dataset\.json"):
        DataSet.open(folder)


def test_an_unknown_source_or_split_is_refused(folder):
    data = DataSet.open(folder)
    with pytest.raises(DataError, match="beta, alpha"):
        data.select(["gamma"])
    with pytest.raises(DataError, match="train, val, all"):
        next(data.cases("alpha", "test"))
