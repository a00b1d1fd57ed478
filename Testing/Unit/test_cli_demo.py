"""`lightseg demo`: real clicks on the bundled sample, told as they come, judged at the end."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import FakeAnswer
from tiny_model import tiny_model  # noqa: F401 - a fixture

from LightSegLib import cli, regions
from LightSegLib.commands.sample import read_sample
from LightSegLib.errors import DataError
from LightSegLib.geometry import IndexBox, Volume
from LightSegLib.resources import VARIABLE


class Learner:
    """Knows the truth, and shows so many more slices of it with every click."""

    def __init__(self, truth, slices):
        self.truth = truth
        self.slices = slices
        self.clicks = 0

    def segment(self, image, prompts, current, changed_by, *, check_cancelled=None):
        self.clicks += 1
        box = IndexBox.whole(image.volume.shape_ijk)
        mask = self.truth.copy()
        mask[self.clicks * self.slices :] = False
        return FakeAnswer(box, mask, mask.astype(np.float32), 0.9, 0.0)


@pytest.fixture
def truth():
    sample = read_sample()
    return sample.load().truth(sample.label)


@pytest.fixture
def demo(tmp_path, tiny_model):  # noqa: F811
    def run(*arguments):
        out = tmp_path / "out"
        return cli.main(
            ["demo", "--out", str(out), "--model", str(tiny_model), "--device", "cpu", *arguments]
        )

    return run


def learn(monkeypatch, truth, slices):
    learner = Learner(truth, slices)
    monkeypatch.setattr(regions, "RegionSegmenter", lambda model, settings: learner)
    return learner


def clicks_told(text):
    """(number, sign, position, Dice, milliseconds) of each click's line."""
    lines = [line.split() for line in text.partition("click ")[2].splitlines()[1:]]
    rows = [line for line in lines if len(line) == 7 and line[0].isdigit()]
    return [(int(row[0]), row[1], [float(x) for x in row[2:5]], float(row[5]), int(row[6])) for row in rows]


def test_the_demo_tells_each_click_and_writes_mask_and_picture(demo, monkeypatch, truth, tmp_path, capsys):
    learn(monkeypatch, truth, slices=20)
    assert demo() == 0
    said = capsys.readouterr().out
    told = clicks_told(said)
    assert [row[0] for row in told] == list(range(1, len(told) + 1))
    volume = read_sample().load().volume
    assert truth[volume.ras_to_voxel(told[0][2])[::-1]]
    assert told[0][1] == "+"
    assert told[-1][3] >= 0.85
    mask = Volume.read(tmp_path / "out" / "mask.nii.gz")
    assert mask.shape_ijk == volume.shape_ijk
    assert np.allclose(mask.ijk_to_ras, volume.ijk_to_ras, atol=1e-4)
    assert (tmp_path / "out" / "overlay.png").read_bytes().startswith(b"\x89PNG")
    for name in ("mask.nii.gz", "overlay.png"):
        assert str(tmp_path / "out" / name) in said
    assert "warmed up in" in said


def test_the_demo_stops_once_the_mask_is_good(demo, monkeypatch, truth, capsys):
    learner = learn(monkeypatch, truth, slices=1000)
    assert demo() == 0
    assert learner.clicks == len(clicks_told(capsys.readouterr().out)) == 1


def test_the_demo_fails_honestly_when_the_mask_is_not_good(demo, monkeypatch, truth, tmp_path, capsys):
    learner = learn(monkeypatch, truth, slices=1)
    assert demo("--clicks", "3") == 1
    said = capsys.readouterr()
    assert learner.clicks == 3
    assert "below 0.85" in said.err
    assert (tmp_path / "out" / "mask.nii.gz").is_file()


def test_the_demo_runs_through_the_real_session_and_network(demo, capsys):
    assert demo("--clicks", "2") in (0, 1)
    assert len(clicks_told(capsys.readouterr().out)) >= 1


def test_a_folder_that_cannot_be_made_is_refused_before_the_work(demo, tmp_path, capsys):
    (tmp_path / "out").write_text("a file")
    assert demo() == 2
    assert "--out" in capsys.readouterr().err


def test_a_missing_sample_is_an_error_that_says_where_it_was_sought(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(DataError, match=str(tmp_path)):
        read_sample()


def test_the_sample_names_its_licence_and_attribution():
    sample = read_sample()
    assert "CC BY" in sample.origin
    assert "ATTRIBUTION" in sample.origin
    assert sample.load().truth(sample.label).sum() > 1000
