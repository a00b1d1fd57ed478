"""Judging by name: which objects, which numbers, and a mean that needs enough objects."""

from __future__ import annotations

import json

import numpy as np
import pytest
from grey_model import ball, picture
from reading_model import LEFT, RIGHT, TRUTH, Reader
from region_cases import FREE, SHAPE
from tiny_model import write_tiny_model

from LightSegLib import cli
from LightSegLib.errors import DataError
from LightSegLib.evaluation.by_name import NamedObject, NamedResults, evaluate_by_name, render_names
from LightSegLib.evaluation.dataset import DataSet
from LightSegLib.evaluation.options import EvaluationOptions
from LightSegLib.geometry import Volume
from LightSegLib.regions import RegionSegmenter
from LightSegLib.session import InteractiveSession
from LightSegLib.text import Vocabulary

SOURCE = "totalseg_examples_ct"
AFFINE = np.diag([-1.0, -1.0, 1.0, 1.0])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One case under the name of a source whose labels the vocabulary knows: kidneys, a spleen, a liver."""
    root = tmp_path_factory.mktemp("data")
    labels = np.zeros(SHAPE, np.uint8)
    labels[ball(SHAPE, LEFT, 9)], labels[ball(SHAPE, RIGHT, 7)] = 1, 2
    labels[2:6, 2:6, 2:6], labels[80:84, 2:6, 2:6] = 3, 4
    for name, array in (("images", picture(TRUTH).array), ("labels", labels)):
        (root / SOURCE / name).mkdir(parents=True)
        Volume(array, AFFINE).write(root / SOURCE / name / "c1.nii.gz")
    names = {"1": "right kidney", "2": "left kidney", "3": "spleen", "4": "liver"}
    described = {"label_origin": "manual", "labels": names, "cases": [{"id": "c1"}]}
    (root / SOURCE / "dataset.json").write_text(json.dumps(described))
    (root / "split.json").write_text(json.dumps({SOURCE: {"train": [], "val": ["c1"]}}))
    return root


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
        return NamedObject("s", "c", structure, text, (text,) * 3, (0.5,) * 3, 0.6, 1.0)

    objects = [found("a", text) for text in (0.2, 0.4, 0.6)]
    results = NamedResults("val", (*objects, found("b", 1.0)))
    assert results.mean(lambda each: each.text) == pytest.approx(0.4)
    header, first, _, mean = render_names(results)
    assert header[:3] == ["structure", "objects", "text"]
    assert first[:3] == ["a", "3", "0.400"]
    assert mean[1:3] == ["4", "0.400"]
    assert np.isnan(NamedResults("val", results.objects[:2]).mean(lambda each: each.text))


def test_a_model_without_text_is_refused_on_the_command_line(folder, tmp_path, capsys):
    model = write_tiny_model(tmp_path / "tiny")
    assert cli.main(["evaluate", str(model), str(folder), "--text", "--device", "cpu"]) == 2
    assert "cannot be judged by name" in capsys.readouterr().err
