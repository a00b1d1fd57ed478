"""`lightseg pack` and `lightseg train`: from a data set to a model folder that loads."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tiny_model import ARCHITECTURE, PATCH

from LightSegLib import cli
from LightSegLib.commands.leaving_out import leave_out
from LightSegLib.errors import TrainingError
from LightSegLib.geometry import Volume
from LightSegLib.models.cards import read_card
from LightSegLib.training import trainer as training
from LightSegLib.training.pack import read_pack

SHAPE = (24, 26, 28)


def write_source(folder, names, case_ids):
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True)
    random = np.random.default_rng(len(names))
    for case_id in case_ids:
        labels = np.zeros(SHAPE, np.uint8)
        for value in range(1, len(names) + 1):
            labels[4:18, 6 * value : 6 * value + 6, 5:20] = value
        image = (labels * 100 + random.integers(0, 40, SHAPE)).astype(np.int16)
        for name, array in (("images", image), ("labels", labels)):
            Volume(array, np.eye(4)).write(folder / name / f"{case_id}.nii.gz")
    description = {
        "modality": "CT",
        "licence": "CC0-1.0",
        "label_origin": "manual",
        "labels": {str(value): name for value, name in enumerate(names, start=1)},
        "cases": [{"id": case_id} for case_id in case_ids],
    }
    (folder / "dataset.json").write_text(json.dumps(description))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_source(folder / "alpha", ["vertebra L1", "Vertebra L2"], ["a1", "a2"])
    write_source(folder / "beta", ["spleen", "vertebra T12"], ["b1"])
    split = {"alpha": {"train": ["a1"], "val": ["a2"]}, "beta": {"train": ["b1"], "val": []}}
    (folder / "split.json").write_text(json.dumps(split))
    return folder


@pytest.fixture(scope="module")
def pack(data, tmp_path_factory):
    file = tmp_path_factory.mktemp("packs") / "train.pack"
    assert cli.main(["pack", str(data), "-o", str(file)]) == 0
    return file


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipes") / "tiny.json"
    entries = {
        "model_id": "tiny",
        "title": "Tiny",
        "architecture": ARCHITECTURE,
        "patch": PATCH,
        "minutes": 0.01,
    }
    path.write_text(json.dumps({**entries, "batch": 1}))
    return path


@pytest.fixture
def train(recipe, pack, tmp_path):
    def run(*arguments):
        fixed = ["--pack", str(pack), "--run", str(tmp_path / "run"), "--device", "cpu", "--workers", "0"]
        return cli.main(["train", str(recipe), *fixed, *arguments])

    return run


# --- pack ---------------------------------------------------------------------------------------------------


def test_a_split_is_packed(data, tmp_path, capsys):
    file = tmp_path / "val.pack"
    assert cli.main(["pack", str(data), "-o", str(file), "--split", "val", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    size = file.stat().st_size
    assert told == {"file": str(file), "cases": 1, "bytes": size, "sources": {"alpha": 1}, "companions": 0}
    assert [case.identifier for case in read_pack(file)] == ["a2"]


def test_what_was_packed_is_told_per_source(data, tmp_path, capsys):
    assert cli.main(["pack", str(data), "-o", str(tmp_path / "p"), "--max-voxels", "2000"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[:2]] == [["alpha", "1", "cases"], ["beta", "1", "cases"]]
    assert "2 cases" in lines[2]
    assert max(case.image.size for case in read_pack(tmp_path / "p")) < 4000


def test_a_folder_without_data_is_refused(tmp_path, capsys):
    assert cli.main(["pack", str(tmp_path), "-o", str(tmp_path / "p")]) == 2
    assert "not a data folder" in capsys.readouterr().err


def test_an_empty_split_is_refused_and_leaves_no_file(data, tmp_path, capsys):
    (tmp_path / "beta").symlink_to(data / "beta")
    (tmp_path / "split.json").write_text('{"beta": {"train": ["b1"], "val": []}}')
    assert cli.main(["pack", str(tmp_path), "-o", str(tmp_path / "p"), "--split", "val"]) == 2
    assert "nothing to pack" in capsys.readouterr().err
    assert not (tmp_path / "p").exists()


# --- train --------------------------------------------------------------------------------------------------


def test_recipes_are_listed(capsys):
    assert cli.main(["train", "--list"]) == 0
    assert "veloxseg-small" in capsys.readouterr().out


def test_a_run_ends_with_a_model_folder_whose_card_says_how(train, tmp_path, capsys):
    assert train("--without", "beta", "--out", str(tmp_path / "model")) == 0
    said = capsys.readouterr().out
    assert "Trained tiny" in said
    assert f"Written {tmp_path / 'model'}" in said
    card = read_card(tmp_path / "model")
    assert card.id == "tiny"
    assert card.training["steps"] >= 1
    assert card.training["left_out"] == ["beta"]
    assert [source["source"] for source in card.data] == ["alpha"]
    from LightSegLib.models.registry import load_model

    assert load_model(tmp_path / "model", "cpu").patch_kji == (PATCH,) * 3


def test_a_run_that_was_stopped_is_exported_as_it_stands(train, tmp_path, monkeypatch, capsys):
    class Interrupted(training.Trainer):
        def run(self, **settings):
            def stop():
                raise KeyboardInterrupt

            return super().run(**settings, check_cancelled=stop)

    monkeypatch.setattr(training, "Trainer", Interrupted)
    assert train("--minutes", "10") == 130
    assert "--export-only" in capsys.readouterr().err
    assert not (tmp_path / "run" / "tiny").exists()
    assert cli.main(["train", "--run", str(tmp_path / "run"), "--export-only"]) == 0
    assert read_card(tmp_path / "run" / "tiny").training["steps"] == 1


def test_a_run_does_not_go_on_with_what_it_was_to_leave_out(train, capsys):
    assert train("--without", "alpha") == 0
    assert train() == 2
    assert "Then: alpha; now: nothing" in capsys.readouterr().err
    assert train("--without", "alpha", "--minutes", "0.02") == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--without", "gamma"], "no source gamma"),
        (["--without", "alpha", "beta"], "Nothing is left"),
        (["--without-structures", "liver"], "No structure"),
        (["--without-structures", "("], "regular expression"),
        (["--device", "abacus"], "no device"),
    ],
)
def test_what_cannot_be_trained_is_refused(train, tmp_path, capsys, arguments, words):
    assert train(*arguments) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "run" / "progress.json").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--run"),
        (["--run", "nowhere"], "RECIPE"),
        (["veloxseg-small", "--run", "nowhere"], "--pack"),
        (["no-such", "--run", "nowhere", "--pack", "p"], "no recipe"),
        (["veloxseg-small", "--run", "nowhere", "--pack", "p"], "pack p"),
        (["--run", "nowhere", "--export-only"], "no training run"),
    ],
)
def test_what_is_missing_is_named(capsys, arguments, words):
    assert cli.main(["train", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_structures_that_are_left_out_become_background(pack):
    cases, names = leave_out(read_pack(pack), structures="VERTEBRA l|t12")
    assert names == ["alpha/Vertebra L2", "alpha/vertebra L1", "beta/vertebra T12"]
    (beta,) = cases  # nothing is left of alpha
    assert beta.labels == {1: "spleen"}
    assert np.unique(beta.label_map).tolist() == [0, 1]


def test_nothing_left_out_changes_nothing(pack):
    packed = read_pack(pack)
    assert leave_out(packed) == (packed, [])
    with pytest.raises(TrainingError, match="It has alpha, beta"):
        leave_out(packed, ["gamma"])
