"""The bundled model finds the other lesions of a synthetic image; the benchmark of look-alikes can be run."""

from __future__ import annotations

import numpy as np
import pytest
from similar_cases import BRIGHT, FeatureModel, objects, picture_of, session_on

from LightSegLib import load_model
from LightSegLib.geometry import Volume
from LightSegLib.session import InteractiveSession
from LightSegLib.similar.settings import SimilarSettings
from Testing.Benchmarks import similar as benchmark
from Testing.Benchmarks.lesions import Lesions

SPOTS = ((14, 14, 14), (42, 16, 12), (16, 42, 30), (40, 40, 16))
RADIUS = 6


def spots() -> tuple[Volume, np.ndarray]:
    """Four bright balls in a smooth noise, and where they are."""
    from scipy.ndimage import gaussian_filter

    random = np.random.default_rng(4)
    shape = (44, 56, 56)
    noise = gaussian_filter(random.standard_normal(shape), 1.0)
    image = 100 + 8 * noise / noise.std()
    labels = np.zeros(shape, np.uint8)
    k, j, i = np.indices(shape)
    for number, (x, y, z) in enumerate(SPOTS, start=1):
        inside = (i - x) ** 2 + (j - y) ** 2 + (k - z) ** 2 <= RADIUS**2
        labels[inside] = number
        image[inside] += 90
    return Volume(image.astype(np.int16), np.eye(4)), labels


@pytest.mark.slow
def test_the_bundled_model_finds_the_other_spots() -> None:
    volume, labels = spots()
    session = InteractiveSession(load_model("veloxseg-small", device="cpu"))
    session.set_image(volume)
    session.add_point(SPOTS[0])
    found = session.find_similar(5)
    dice, right = benchmark.matched(found, labels, [2, 3, 4])
    assert sum(right) == 3
    assert min(dice) > 0.7
    assert len(found) == 3


# --- The benchmark ------------------------------------------------------------------------------------------


def test_the_same_seed_makes_the_same_lesions_which_are_apart_and_brighter() -> None:
    one, other = Lesions(5, 3, (48, 48, 40)), Lesions(5, 3, (48, 48, 40))
    assert np.array_equal(one.volume.array, other.volume.array)
    assert set(np.unique(one.labels)) == {0, 1, 2, 3}
    image = one.volume.array
    outside = image[one.labels == 0].mean()
    assert all(image[one.labels == value].mean() > outside + 20 for value in (1, 2, 3))
    assert not np.array_equal(one.labels, Lesions(6, 3, (48, 48, 40)).labels)


def test_an_outcome_counts_what_is_found_and_what_is_not() -> None:
    labels = objects()
    session = session_on(labels)
    one = benchmark.outcome(session, (1.0, 1.0, 1.0), "balls", labels, 1, 20, SimilarSettings())
    assert (one.scene, one.wanted, len(one.dice)) == ("balls", 4, len(BRIGHT) - 1)
    assert all(right for _, right in one.proposals)
    assert min(one.dice) > 0.9
    printed = benchmark.table([one])
    assert "| balls | 1        | 0.0        | 0.75   | 1.00 " in printed
    assert "3 of 4 found" in benchmark.describe(one)


def test_two_proposals_of_one_object_count_once() -> None:
    labels = objects()
    session = session_on(labels)
    session.set_mask(labels == 1)
    found = session.find_similar()
    dice, right = benchmark.matched([found[0], found[0]], labels, [2, 3, 4, 5])
    assert right == [True, False]
    assert len(dice) == 1


def test_settings_can_be_tried_from_the_command_line() -> None:
    options = benchmark.parse(["--set", "contrast=2.5", "tries=2"])
    settings = benchmark.chosen_settings(options.set)
    assert (settings.contrast, settings.tries) == (2.5, 2)


def test_the_command_measures_lesions_without_any_data(monkeypatch, capsys) -> None:
    monkeypatch.setattr("LightSegLib.load_model", lambda name, device: FeatureModel())
    monkeypatch.setattr(
        "Testing.Benchmarks.lesions.Lesions", lambda seed, texture: type("Scene", (), scene_of(objects()))
    )
    assert benchmark.main(["--seeds", "1", "--examples", "1"]) == 0
    assert capsys.readouterr().out.startswith("| scene ")


def scene_of(labels: np.ndarray) -> dict[str, object]:
    return {"volume": picture_of(labels), "labels": labels}
