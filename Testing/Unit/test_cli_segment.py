"""`lightseg segment`: what is written on the command line reaches the session, and a mask file comes out."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace

import numpy as np
import pytest
from dicom_cases import ARRAY, write_dicom
from fakes import FakeSegmenter
from similar_cases import BRIGHT, FeatureModel, objects, picture_of
from tiny_model import (
    ARCHITECTURE,
    CLICKS_BOXES_SCRIBBLES_MASK,
    tiny_model,  # noqa: F401 - a fixture
    write_tiny_model,
)

from LightSegLib import cli, regions
from LightSegLib.commands import segment as segment_command
from LightSegLib.commands import written_prompts as written
from LightSegLib.commands.written_prompts import WrittenPrompt, join_coordinates
from LightSegLib.geometry import Volume
from LightSegLib.image_files import write_mask
from LightSegLib.prompts import Box, Point, Scribble

SHAPE = (20, 22, 24)
PAIR = {**ARCHITECTURE, "channels": 2}
PAIR_CAPABILITIES = replace(CLICKS_BOXES_SCRIBBLES_MASK, channels=2)
AFFINE = np.array([[-2.0, 0, 0, 20], [0, -1, 0, 10], [0, 0, 3, -30], [0, 0, 0, 1]])


@pytest.fixture
def image(tmp_path):
    array = np.random.default_rng(0).integers(0, 200, SHAPE).astype(np.int16)
    path = tmp_path / "image.nii.gz"
    Volume(array, AFFINE).write(path)
    return path


@pytest.fixture
def seen(monkeypatch):
    """The prompts that reached the segmenter, in order; it paints a cube around each."""
    segmenter = FakeSegmenter(radius=1)
    monkeypatch.setattr(regions, "RegionSegmenter", lambda model, settings: segmenter)
    return segmenter.calls


@pytest.fixture
def segment(image, tmp_path, tiny_model):  # noqa: F811
    """Runs the command on the image; returns exit code and the mask, None if there is no file."""

    def run(*arguments, output=tmp_path / "mask.nii.gz"):
        code = cli.main(
            [
                "segment",
                str(image),
                "-o",
                str(output),
                "--model",
                str(tiny_model),
                "--device",
                "cpu",
                *arguments,
            ]
        )
        return code, Volume.read(output) if output.exists() and code == 0 else None

    return run


def prompts_of(calls):
    return [changed_by for _, _, changed_by in calls]


def test_a_click_becomes_a_mask_through_the_real_session(segment, image):
    code, mask = segment("--ijk", "--point", "12,11,10")
    assert code == 0
    assert mask.shape_ijk == Volume.read(image).shape_ijk
    assert np.allclose(mask.ijk_to_ras, AFFINE, atol=1e-5)
    assert mask.array.dtype == np.uint8
    assert mask.array[10, 11, 12] == 1


def test_prompts_are_applied_in_the_order_they_are_written(segment, seen):
    code, _ = segment(
        "--ijk",
        "--scribble",
        "1,2,3;4,2,3,-",
        "--point",
        "5,6,7",
        "--box",
        "2,2,2,9,8,7",
        "--point",
        "6,6,6,-",
    )
    assert code == 0
    assert prompts_of(seen) == [
        Scribble(((1, 2, 3), (4, 2, 3)), False),
        Point((5, 6, 7), True),
        Box((2, 2, 2), (9, 8, 7)),
        Point((6, 6, 6), False),
    ]


def test_positions_are_ras_in_mm_unless_said_otherwise(segment, seen):
    segment("--point", "-4,3,-21", "--scribble", "-4,3,-21;-8,3,-21", "--point", "0.9,3.4,-19.6,-")
    assert prompts_of(seen) == [
        Point((12, 7, 3), True),
        Scribble(((12, 7, 3), (14, 7, 3)), True),
        Point((10, 7, 3), False),
    ]


def test_a_box_in_mm_holds_the_voxels_of_both_corners_whichever_they_are(segment, seen):
    segment("--box", "-4,3,-21,4,-1,-12", "--box", "4,-1,-21,-4,3,-12")
    assert prompts_of(seen) == [Box((8, 7, 3), (13, 12, 7))] * 2


@pytest.mark.parametrize("form", [["--point", "-4,3,-21"], ["--point=-4,3,-21"], ["--point", "-4.0,3,-21,+"]])
def test_a_first_coordinate_may_be_negative(segment, seen, form):
    assert segment(*form)[0] == 0
    assert prompts_of(seen) == [Point((12, 7, 3), True)]


def test_json_tells_what_each_prompt_did(segment, seen, capsys):
    code, mask = segment("--ijk", "--point", "5,6,7", "--point", "6,6,6,-", "--json")
    told = json.loads(capsys.readouterr().out)
    assert code == 0
    assert (told["model"], told["device"]) == ("tiny", "cpu")
    first, second = told["prompts"]
    assert first["box"] == {"lower_ijk": [4, 5, 6], "upper_ijk": [7, 8, 9]}
    assert (first["voxels"], first["confidence"]) == (27, 0.75)
    assert first["ml"] == pytest.approx(27 * 6 / 1000)
    assert first["seconds"] > 0
    assert first["network_seconds"] == 0.001
    assert told["voxels"] == second["voxels"] == np.count_nonzero(mask.array)


def test_without_json_there_is_a_line_for_each_prompt(segment, seen, capsys):
    segment("--ijk", "--point", "5,6,7", "--box", "2,2,2,9,8,7")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[:2]] == [["1", "point"], ["2", "box"]]
    assert "27 voxels" in lines[0]
    assert lines[-1].startswith("Written ")


def test_an_initial_mask_is_what_the_prompts_go_on_from(segment, seen, image, tmp_path):
    start = np.zeros(SHAPE, bool)
    start[0:2, 0:2, 0:2] = True
    initial = tmp_path / "start.nrrd"
    write_mask(start, Volume.read(image), initial)
    code, mask = segment("--ijk", "--point", "12,11,10", "--initial", str(initial))
    assert code == 0
    assert np.count_nonzero(mask.array) == 8 + 27


@pytest.mark.parametrize("change", ["shape", "place"])
def test_an_initial_mask_on_another_grid_is_refused(segment, image, tmp_path, capsys, change):
    initial = tmp_path / "start.nii.gz"
    affine = AFFINE + np.eye(4)[:, ::-1] * (change == "place") * [[5], [0], [0], [0]]
    shape = (20, 22, 20) if change == "shape" else SHAPE
    Volume(np.zeros(shape, np.uint8), affine).write(initial)
    assert segment("--ijk", "--point", "1,1,1", "--initial", str(initial))[0] == 2
    assert "grid of the image" in capsys.readouterr().err


def test_every_further_text_begins_a_segment_with_a_number_of_its_own(image, tmp_path, monkeypatch):
    monkeypatch.setattr(regions, "RegionSegmenter", lambda model, settings: FakeSegmenter(radius=1))
    takes_text = replace(CLICKS_BOXES_SCRIBBLES_MASK, text=True)
    model = write_tiny_model(tmp_path / "reader", capabilities=takes_text)
    prompts = ["--text", "spleen", "--point", "5,6,7", "--text", "liver", "--point", "15,6,7"]
    output = tmp_path / "mask.nii.gz"
    arguments = ["segment", str(image), "-o", str(output), "--ijk", "--model", str(model), "--device", "cpu"]
    assert cli.main([*arguments, *prompts]) == 0
    labels = Volume.read(output).array
    assert (labels[7, 6, 5], labels[7, 6, 15]) == (1, 2)


@pytest.mark.parametrize("first", ["image", "-"])
def test_several_images_are_channels_on_the_grid_of_the_first(image, tmp_path, capsys, first):
    model = write_tiny_model(tmp_path / "pair", architecture=PAIR, capabilities=PAIR_CAPABILITIES)
    shifted = AFFINE.copy()
    shifted[:3, 3] += 1
    Volume(np.ones((20, 20, 20), np.float32) + np.eye(20), shifted).write(tmp_path / "second.nii.gz")
    images = [str(image) if first == "image" else first, str(tmp_path / "second.nii.gz")]
    output = tmp_path / "mask.nii.gz"
    click = ["--ijk", "--point", "12,11,10", "--model", str(model), "--device", "cpu", "--json"]
    assert cli.main(["segment", *images, "-o", str(output), *click]) == 0
    assert json.loads(capsys.readouterr().out)["images"] == images
    expected = Volume.read(image if first == "image" else tmp_path / "second.nii.gz")
    assert Volume.read(output).shape_ijk == expected.shape_ijk


def test_more_images_than_the_model_takes_are_refused(segment, image, tmp_path, tiny_model, capsys):  # noqa: F811
    arguments = ["segment", str(image), str(image), "-o", str(tmp_path / "mask.nii.gz"), "--ijk"]
    assert cli.main([*arguments, "--point", "5,6,7", "--model", str(tiny_model), "--device", "cpu"]) == 2
    said = capsys.readouterr().err
    assert "The image has 2 channels" in said
    assert "The model takes 1 channel" in said


def test_the_image_is_never_overwritten(segment, image, capsys):
    before = image.read_bytes()
    code, _ = segment("--ijk", "--point", "5,6,7", "--force", output=image)
    assert code == 2
    assert "is the image itself" in capsys.readouterr().err
    assert image.read_bytes() == before


def test_an_existing_file_is_replaced_only_when_told_so(segment, seen, tmp_path, capsys):
    output = tmp_path / "mask.nii.gz"
    output.write_bytes(b"precious")
    assert segment("--ijk", "--point", "5,6,7")[0] == 2
    assert "--force" in capsys.readouterr().err
    assert output.read_bytes() == b"precious"
    assert segment("--ijk", "--point", "5,6,7", "--force")[0] == 0


@pytest.mark.parametrize("name", ["mask.png", "nowhere/mask.nii.gz", "folder.nrrd"])
def test_an_output_that_cannot_be_is_refused_before_the_work(segment, seen, tmp_path, capsys, name):
    (tmp_path / "folder.nrrd").mkdir()
    assert segment("--ijk", "--point", "5,6,7", output=tmp_path / name)[0] == 2
    assert seen == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "no prompt"),
        (["--ijk", "--point", "99,1,1"], "outside the image"),
        (["--point", "500,0,0"], "outside the image"),
        (["--point", "nan,0,0"], "finite"),
        (["--ijk", "--point", "1.5,1,1"], "between voxels"),
        (["--ijk", "--box", "9,9,9,2,2,2"], "inside out"),
        (["--text", "left kidney"], "does not take text"),
        (["--ijk", "--point", "1,1,1", "--device", "abacus"], "no device"),
    ],
)
def test_what_cannot_be_done_is_refused_and_nothing_is_written(segment, tmp_path, capsys, arguments, words):
    assert segment(*arguments)[0] == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "mask.nii.gz").exists()


def test_an_image_that_is_not_there_is_refused(tmp_path, capsys):
    code = cli.main(
        ["segment", str(tmp_path / "no.nii.gz"), "--point", "1,2,3", "-o", str(tmp_path / "m.nrrd")]
    )
    assert code == 2
    assert "does not exist" in capsys.readouterr().err


# --- Reading what is written --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("read", "text", "expected"),
    [
        (written.point, "1,2,3", WrittenPrompt("point", ((1, 2, 3),))),
        (written.point, " -1.5, 2e1 ,3 , - ", WrittenPrompt("point", ((-1.5, 20, 3),), False)),
        (written.box, "1,2,3,4,5,6", WrittenPrompt("box", ((1, 2, 3), (4, 5, 6)))),
        (written.scribble, "1,2,3", WrittenPrompt("scribble", ((1, 2, 3),))),
        (written.scribble, "-1,2,3; 4,5,6,+", WrittenPrompt("scribble", ((-1, 2, 3), (4, 5, 6)))),
    ],
)
def test_a_prompt_is_read(read, text, expected):
    assert read(text) == expected


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (written.point, ""),
        (written.point, "1,2"),
        (written.point, "1,2,3,4"),
        (written.point, "1,2,3,*"),
        (written.point, "a,b,c"),
        (written.box, "1,2,3"),
        (written.scribble, "1,2,3;4,5"),
        (written.scribble, "1,2,3;"),
    ],
)
def test_what_is_no_prompt_is_refused_with_the_form_it_has(read, text):
    with pytest.raises(argparse.ArgumentTypeError, match="R,A,S"):
        read(text)


def test_only_coordinates_are_joined_to_their_option():
    arguments = [
        "segment",
        "--point",
        "-1,2,3",
        "--box",
        "1,2,3,4,5,6",
        "--scribble",
        "-.5,1,1",
        "--point",
        "-o",
    ]
    assert join_coordinates(arguments) == [
        "segment", "--point=-1,2,3", "--box", "1,2,3,4,5,6", "--scribble=-.5,1,1", "--point", "-o",
    ]  # fmt: skip


def test_one_of_several_dicom_series_is_chosen_by_name(tmp_path, tiny_model, seen, capsys):  # noqa: F811
    folder = tmp_path / "study"
    write_dicom(folder)
    write_dicom(folder, "1.2.3.2", "Coronal", slices=4)
    output = tmp_path / "coronal.nii.gz"
    common = ["--model", str(tiny_model), "--device", "cpu", "--ijk", "--point", "2,2,2", "-o", str(output)]
    assert cli.main(["segment", str(folder), *common]) == 2
    assert "Coronal" in capsys.readouterr().err
    assert cli.main(["segment", str(folder), "--series", "Coronal", *common]) == 0
    assert Volume.read(output).array.shape == (4, *ARRAY.shape[1:])


# --- Many alike ---------------------------------------------------------------------------------------------


@pytest.fixture
def alike(tmp_path, monkeypatch):
    """Runs the command on four bright balls and a faint one with a model that tells them apart."""
    path, output = tmp_path / "balls.nrrd", tmp_path / "mask.nrrd"
    picture_of(objects()).write(path)
    monkeypatch.setattr(segment_command, "ready_model", lambda name, device: (FeatureModel(), 0.0))

    def run(*arguments):
        code = cli.main(["segment", str(path), "-o", str(output), "--ijk", *arguments])
        return code, Volume.read(output).array if code == 0 else None

    return run


def test_what_looks_like_the_segment_gets_further_values(alike, capsys):
    code, labels = alike("--point", "10,10,12", "--similar")
    assert code == 0
    assert set(np.unique(labels)) == {0, 1, 2, 3, 4}
    assert labels[12, 10, 10] == 1
    assert sorted(labels[k, j, i] for i, j, k in BRIGHT[1:]) == [2, 3, 4]
    assert "3 found that look alike" in capsys.readouterr().out


def test_json_tells_of_each_object_that_looks_alike(alike, capsys):
    code, labels = alike("--json", "--point", "10,10,12", "--similar", "2")
    told = json.loads(capsys.readouterr().out)
    assert code == 0
    assert [one["label"] for one in told["similar"]] == [2, 3]
    assert told["voxels"] == np.count_nonzero(labels == 1)
    for one in told["similar"]:
        assert one["voxels"] == np.count_nonzero(labels == one["label"])
        assert 0 < one["confidence"] <= 1
        assert labels[tuple(one["ijk"])[::-1]] == one["label"]


def test_without_the_option_nothing_is_said_of_similar_objects(alike, capsys):
    alike("--json", "--point", "10,10,12")
    assert "similar" not in json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("number", ["0", "many", "300"])
def test_a_number_of_objects_that_cannot_be_is_refused(alike, number, capsys):
    try:
        code = alike("--point", "10,10,12", "--similar", number)[0]
    except SystemExit as leaving:
        code = leaving.code
    assert code == 2
    capsys.readouterr()
