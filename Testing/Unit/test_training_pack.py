"""Packing: what goes in comes out, geometry and labels in place, and nothing unfit gets in unnoticed."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
import SimpleITK
from training_cases import mm_from

from LightSegLib.errors import DataError
from LightSegLib.training import pack as packing
from LightSegLib.training.pack import read_pack, write_pack

SHAPE, SPACING = (12, 20, 24), (2.5, 1.0, 0.5)
CENTRE = (15.0, 12.0, 4.0)


def write_image(path, array, spacing_kji=SPACING, **geometry):
    image = SimpleITK.GetImageFromArray(array)
    image.SetSpacing(spacing_kji[::-1])
    for name, value in geometry.items():
        getattr(image, f"Set{name}")(value)
    path.parent.mkdir(parents=True, exist_ok=True)
    SimpleITK.WriteImage(image, str(path))


class DataFolder:
    """A data folder with one source, whose files a test may then damage."""

    def __init__(self, folder):
        self.path = folder
        self.source = folder / "demo"
        self.description = {
            "modality": "MR",
            "licence": "CC-BY-4.0",
            "original_source": "a phantom",
            "labels": {"1": "ball", "2": "nowhere"},
            "cases": [{"id": "one", "group": "anna"}, {"id": "two"}],
        }
        self.split = {"demo": {"train": ["one", "two"], "val": []}}
        ball = mm_from(SHAPE, SPACING, CENTRE) <= 5.0
        noise = np.random.default_rng(0).integers(0, 30, SHAPE)
        for name in ("one", "two"):
            self.put("images", name, (1000 * ball + noise).astype(np.int16))
            self.put("labels", name, ball.astype(np.uint8))
        self.describe()

    def put(self, kind, name, array, spacing=SPACING, **geometry):
        write_image(self.source / kind / f"{name}.nii.gz", array, spacing, **geometry)

    def describe(self):
        (self.source / "dataset.json").write_text(json.dumps(self.description))
        (self.path / "split.json").write_text(json.dumps(self.split))


@pytest.fixture
def data(tmp_path):
    return DataFolder(tmp_path / "data")


def packed(data, tmp_path, **settings):
    write_pack(data.path, tmp_path / "out.pack", **settings)
    return read_pack(tmp_path / "out.pack")


# --- Round trip ---------------------------------------------------------------------------------------------


def test_a_case_comes_back_with_all_that_is_known_of_it(data, tmp_path):
    summary = write_pack(data.path, tmp_path / "new" / "out.pack")
    assert summary["sources"] == {"demo": 2}
    assert summary["bytes"] == (tmp_path / "new" / "out.pack").stat().st_size
    one, two = read_pack(tmp_path / "new" / "out.pack")
    assert (one.source, one.identifier, one.group, two.group) == ("demo", "one", "anna", "two")
    assert (one.modality, one.licence, one.origin) == ("MR", "CC-BY-4.0", "a phantom")
    assert one.spacing_kji == SPACING
    assert one.labels == {1: "ball"}  # only what is there
    assert np.array_equal(one.label_map, mm_from(SHAPE, SPACING, CENTRE) <= 5.0)


@pytest.mark.parametrize("code", ["LPS", "RAS", "PSR", "IPR"])
def test_a_case_knows_which_way_it_is_stored(data, tmp_path, code):
    direction = SimpleITK.DICOMOrientImageFilter.GetDirectionCosinesFromOrientation(code)
    ball = mm_from(SHAPE, SPACING, CENTRE) <= 5.0
    data.put("images", "one", 1000 * ball.astype(np.int16), Direction=direction)
    data.put("labels", "one", ball.astype(np.uint8), Direction=direction)
    assert [case.orientation for case in packed(data, tmp_path, max_voxels=2000)] == [code, "LPS"]


def test_a_pack_from_before_orientations_were_kept_still_reads(data, tmp_path):
    write_pack(data.path, tmp_path / "out.pack")

    def forget(files):
        index = json.loads(files["index.json"])
        for record in index:
            del record["orientation"]
        files["index.json"] = json.dumps(index).encode()

    _rewritten(tmp_path / "out.pack", forget)
    assert {case.orientation for case in read_pack(tmp_path / "out.pack")} == {""}


def test_intensities_become_eight_bits_between_robust_limits(data, tmp_path):
    ball = mm_from(SHAPE, SPACING, CENTRE) <= 5.0
    image = (np.where(ball, 1000, 0) + np.arange(ball.size).reshape(SHAPE) % 7).astype(np.int16)
    image[0, 0, 0], image[-1, -1, -1] = -30000, 30000
    data.put("images", "one", image)
    one = packed(data, tmp_path)[0]
    assert one.image.dtype == one.label_map.dtype == np.uint8
    assert (one.image[0, 0, 0], one.image[-1, -1, -1]) == (0, 255)
    assert one.image[ball].min() >= 250  # the outliers did not squeeze the rest
    assert np.median(one.image[~ball]) <= 3


def test_a_constant_image_is_packed_as_zeros(data, tmp_path):
    data.put("images", "one", np.full(SHAPE, 40, np.int16))
    assert not packed(data, tmp_path)[0].image.any()


def test_only_the_split_that_was_asked_for_is_packed(data, tmp_path):
    data.split = {"demo": {"train": ["one"], "val": ["two"]}}
    data.describe()
    assert [case.identifier for case in packed(data, tmp_path, split="val")] == ["two"]


def test_progress_ends_at_one(data, tmp_path):
    told = []
    write_pack(data.path, tmp_path / "p", progress=lambda share, name: told.append((share, name)))
    assert told == [(0.5, "demo/one"), (1.0, "demo/two")]


# --- Resampling ---------------------------------------------------------------------------------------------


def test_resampling_keeps_structures_where_they_are(data, tmp_path):
    one = packed(data, tmp_path, max_voxels=2500)[0]
    spacing = np.array(one.spacing_kji)
    assert np.all(spacing >= SPACING)
    # Voxel 0 of the coarse grid does not begin at 0 mm: both grids share their outer corner.
    corner = (spacing - np.array(SPACING)) / 2
    middle = np.argwhere(one.label_map == 1).mean(axis=0) * spacing + corner
    assert middle == pytest.approx(CENTRE, abs=0.6)
    bright = np.argwhere(one.image > 128).mean(axis=0) * spacing + corner
    assert bright == pytest.approx(CENTRE, abs=0.6)
    volume = (one.label_map == 1).sum() * spacing.prod()
    assert volume == pytest.approx(4 / 3 * np.pi * 5**3, rel=0.25)


def test_thick_slices_stay_as_they_are(data, tmp_path):
    one = packed(data, tmp_path, max_voxels=2500)[0]
    assert one.spacing_kji[0] == SPACING[0]
    assert one.image.shape[0] == SHAPE[0]


@pytest.mark.parametrize(
    ("shape", "spacing"),
    [((30, 30, 30), (1, 1, 1)), ((3, 90, 90), (8, 0.5, 0.5)), ((60, 60, 3), (0.4, 0.4, 0.3))],
)
@pytest.mark.parametrize("cap", [40, 1000, 3000])
def test_no_case_exceeds_the_cap_by_much(data, tmp_path, shape, spacing, cap):
    array = np.random.default_rng(0).integers(0, 99, shape).astype(np.int16)
    data.put("images", "one", array, spacing)
    data.put("labels", "one", (array > 50).astype(np.uint8), spacing)
    one = packed(data, tmp_path, max_voxels=cap)[0]
    assert one.image.size <= 1.05 * cap


def test_a_small_case_is_not_touched(data, tmp_path):
    assert packed(data, tmp_path, max_voxels=SHAPE[0] * SHAPE[1] * SHAPE[2])[0].image.shape == SHAPE


def test_the_rim_of_a_resampled_image_is_image(data, tmp_path):
    # Seven voxels become four of twice the size: the last one's centre lies on the very rim of the image.
    ramp = np.broadcast_to(500 + 10 * np.arange(7)[:, None, None], (7, 9, 8)).astype(np.int16)
    data.put("images", "one", ramp, (1, 1, 1))
    data.put("labels", "one", np.ones(ramp.shape, np.uint8), (1, 1, 1))
    one = packed(data, tmp_path, max_voxels=63)[0]
    assert one.image.shape == (4, 4, 4)
    assert one.label_map.all()
    assert np.all(np.diff(one.image.astype(int), axis=0) > 0)


# --- Refusals -----------------------------------------------------------------------------------------------


def test_too_large_a_pack_is_refused_and_an_earlier_one_stays(data, tmp_path, monkeypatch):
    earlier = tmp_path / "out.pack"
    write_pack(data.path, earlier)
    monkeypatch.setattr(packing, "MAX_PACK_BYTES", 2000)
    with pytest.raises(DataError, match="fewer voxels per case than 99999"):
        write_pack(data.path, tmp_path / "large.pack", max_voxels=99999)
    with pytest.raises(DataError):
        write_pack(data.path, earlier)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "out.pack"]
    assert len(read_pack(earlier)) == 2


def test_a_damaged_case_leaves_no_half_written_pack(data, tmp_path):
    (data.source / "images" / "two.nii.gz").write_bytes(b"no image")
    with pytest.raises(DataError, match="demo/two"):
        write_pack(data.path, tmp_path / "out.pack")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def _remove(data, name):
    (data.path / name).unlink()


def _overwrite(data, name, text):
    (data.path / name).write_text(text)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: _remove(data, "split.json"), id="no split"),
        pytest.param(lambda data: _overwrite(data, "split.json", "{"), id="split is no JSON"),
        pytest.param(lambda data: _overwrite(data, "split.json", '["demo"]'), id="split is a list"),
        pytest.param(
            lambda data: _overwrite(data, "split.json", '{"demo": ["one"]}'), id="split without sides"
        ),
        pytest.param(lambda data: _overwrite(data, "split.json", '{"lost": {}}'), id="no such source"),
        pytest.param(lambda data: _remove(data, "demo/dataset.json"), id="no description"),
        pytest.param(lambda data: _overwrite(data, "demo/dataset.json", "[]"), id="description is a list"),
        pytest.param(lambda data: _overwrite(data, "demo/dataset.json", '{"cases": []}'), id="no labels"),
        pytest.param(lambda data: _remove(data, "demo/images/one.nii.gz"), id="no image"),
        pytest.param(lambda data: _remove(data, "demo/labels/two.nii.gz"), id="no label map"),
    ],
)
def test_a_damaged_data_folder_is_refused(data, tmp_path, damage):
    damage(data)
    with pytest.raises(DataError):
        write_pack(data.path, tmp_path / "out.pack")
    assert not (tmp_path / "out.pack").exists()


def test_a_case_that_only_the_split_knows_is_not_left_out_silently(data, tmp_path):
    data.split["demo"]["train"] = ["one", "tow"]
    data.describe()
    with pytest.raises(DataError, match="does not have: tow"):
        write_pack(data.path, tmp_path / "out.pack")


ONES = np.ones(SHAPE, np.uint8)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda data: data.put("labels", "one", ONES[:-1]), "grid"),
        (lambda data: data.put("labels", "one", ONES, Origin=(0, 0, 9)), "grid"),
        (lambda data: data.put("labels", "one", 300 * ONES.astype(np.int16)), "300"),
        (lambda data: data.put("labels", "one", 0.5 * ONES.astype(np.float32)), "whole numbers"),
        (lambda data: data.put("labels", "one", -ONES.astype(np.int16)), "-1"),
        (lambda data: data.put("images", "one", ONES[0], SPACING[1:]), "Three axes"),
    ],
)
def test_a_case_that_would_be_learnt_wrongly_is_refused(data, tmp_path, damage, words):
    damage(data)
    with pytest.raises(DataError, match=words):
        write_pack(data.path, tmp_path / "out.pack")


# --- Damaged packs ------------------------------------------------------------------------------------------


def test_what_is_no_pack_is_refused(tmp_path):
    with pytest.raises(DataError, match="lightseg pack"):
        read_pack(tmp_path / "none.pack")
    (tmp_path / "text.pack").write_text("no pack")
    with pytest.raises(DataError):
        read_pack(tmp_path / "text.pack")


def test_a_damaged_pack_is_refused_or_reads_as_it_was(data, tmp_path):
    whole = packed(data, tmp_path)
    content = (tmp_path / "out.pack").read_bytes()
    random = np.random.default_rng(0)
    refused = 0
    for place in random.integers(0, len(content), 60):
        for damaged in (
            content[:place],
            content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :],
        ):
            (tmp_path / "damaged.pack").write_bytes(damaged)
            try:
                read = read_pack(tmp_path / "damaged.pack")
            except DataError:
                refused += 1
            else:
                assert all(np.array_equal(a.image, b.image) for a, b in zip(read, whole, strict=True))
    assert refused > 90


def _rewritten(path, change):
    """Change a pack's files, given as a dictionary of name to bytes."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def _edit_index(**entries):
    def change(files):
        index = json.loads(files["index.json"])
        index[0].update(entries)
        files["index.json"] = json.dumps(index).encode()

    return change


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda files: files.pop("index.json"), id="no index"),
        pytest.param(lambda files: files.update({"index.json": b"[1]"}), id="records are no objects"),
        pytest.param(lambda files: files.update({"index.json": b'{"a": 1}'}), id="index is no list"),
        pytest.param(lambda files: files.pop("0.image.npy"), id="no image"),
        pytest.param(lambda files: files.update({"0.image.npy": b""}), id="empty image"),
        pytest.param(_edit_index(spacing_kji=[1, 2]), id="two spacings"),
        pytest.param(_edit_index(spacing_kji=[1, 2, 0]), id="zero spacing"),
        pytest.param(_edit_index(spacing_kji=[1, 2, float("nan")]), id="spacing is not a number"),
        pytest.param(_edit_index(labels=["ball"]), id="labels are a list"),
        pytest.param(_edit_index(orientation="LLS"), id="left is towards two axes"),
    ],
)
def test_a_pack_that_was_tampered_with_is_refused(data, tmp_path, change):
    write_pack(data.path, tmp_path / "out.pack")
    _rewritten(tmp_path / "out.pack", change)
    with pytest.raises(DataError):
        read_pack(tmp_path / "out.pack")


def test_image_and_label_map_of_a_pack_belong_together(data, tmp_path):
    write_pack(data.path, tmp_path / "out.pack")
    cut = packing._npy_bytes(np.zeros((2, 3, 4), np.uint8))
    _rewritten(tmp_path / "out.pack", lambda files: files.update({"0.label_map.npy": cut}))
    with pytest.raises(DataError, match="label map"):
        read_pack(tmp_path / "out.pack")


def test_a_pack_with_pickled_objects_is_refused(data, tmp_path):
    write_pack(data.path, tmp_path / "out.pack")
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    pickled = (tmp_path / "objects.npy").read_bytes()
    _rewritten(tmp_path / "out.pack", lambda files: files.update({"0.image.npy": pickled}))
    with pytest.raises(DataError):
        read_pack(tmp_path / "out.pack")
