"""Two channels, from the pack to the model: the second image, a made-up one, or none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from test_training_pack import SHAPE, DataFolder, packed
from tiny_model import ARCHITECTURE, PATCH
from training_cases import BRIGHT, TenStepsPerSecond, ball_case, tiny_recipe

from LightSegLib.channels import stack_channels
from LightSegLib.errors import CapabilityError, DataError
from LightSegLib.geometry import Volume
from LightSegLib.models.build import build_network
from LightSegLib.models.cards import read_card
from LightSegLib.models.registry import load_model
from LightSegLib.session import InteractiveSession
from LightSegLib.training.chains import Chain, batch
from LightSegLib.training.companions import ABSENT
from LightSegLib.training.export import export_model
from LightSegLib.training.samples import SampleStream, SamplingPlan
from LightSegLib.training.starting import start_from
from LightSegLib.training.trainer import Trainer

TWO = {**ARCHITECTURE, "channels": 2}


def pair_case(**settings):
    """A case whose second image is the negative of the first."""
    case = ball_case(**settings)
    return replace(case, companion=255 - case.image)


# --- The pack -----------------------------------------------------------------------------------------------


@pytest.fixture
def data(tmp_path):
    """Cases of "demo" with an image of "pet" for anna, on a coarser grid in the same place."""
    folder = DataFolder(tmp_path / "data")
    other = DataFolder(tmp_path / "data")
    other.source = folder.path / "pet"
    other.description["cases"] = [{"id": "scan", "group": "anna"}]
    ramp = np.broadcast_to(np.arange(6, dtype=np.int16)[:, None, None] * 100, (6, 10, 12)).copy()
    spacing = (5.0, 2.0, 1.0)
    middle = (0.25, 0.5, 1.25)
    other.put("images", "scan", ramp, spacing, Origin=middle)
    other.put("labels", "scan", (ramp > 200).astype(np.uint8), spacing, Origin=middle)
    other.split = folder.split = {"demo": {"train": ["one", "two"]}, "pet": {"train": ["scan"]}}
    folder.describe()
    other.describe()
    return folder


def test_the_image_of_the_same_person_comes_along_on_the_grid_of_the_case(data, tmp_path):
    one, two, scan = packed(data, tmp_path, companion="pet")
    assert two.companion is scan.companion is None
    assert one.companion.shape == one.image.shape == SHAPE
    assert one.companion.dtype == np.uint8
    along = one.companion[:, 10, 12].astype(int)
    assert (np.diff(along) >= 0).all()
    assert along[0] == 0
    assert along[-1] == 255
    assert np.ptp(one.companion[6]) <= 1  # the ramp runs along the slices only


def test_without_the_wish_there_are_no_companions(data, tmp_path):
    assert [case.companion for case in packed(data, tmp_path)] == [None] * 3


def test_a_source_that_is_not_there_is_refused(data, tmp_path):
    with pytest.raises(DataError, match=r"no source ct .*There are demo, pet"):
        packed(data, tmp_path, companion="ct")


def test_an_image_of_another_place_is_refused(data, tmp_path):
    data.source = data.path / "pet"
    data.put("images", "scan", np.ones((6, 10, 12), np.int16), (5.0, 2.0, 1.0), Origin=(500.0, 0.0, 0.0))
    with pytest.raises(DataError, match="pet/scan hardly covers demo/one"):
        packed(data, tmp_path, companion="pet")


# --- Samples ------------------------------------------------------------------------------------------------


def drawn(cases, count=60, **settings):
    usual = {"size": 24, "kinds": {"real": 1.0}, "source_weights": {}, "channels": 2, "plain": 1.0}
    stream = SampleStream(cases, SamplingPlan(**{**usual, **settings}), seed=0)
    random = np.random.default_rng(0)
    found = [stream.draw(random) for _ in range(count)]
    return [sample for sample in found if sample is not None]


def test_both_images_are_seen_and_each_is_missing_now_and_then():
    samples = drawn([pair_case(radius=10.0)])
    second = np.array([bool((sample.companions[0] != ABSENT).any()) for sample in samples])
    first = np.array([bool((sample.image != ABSENT).any()) for sample in samples])
    assert 0.6 < second.mean() < 0.9
    assert 0.8 < first.mean() < 1.0
    assert (first | second).all()
    for sample in np.array(samples, dtype=object)[first & second]:
        inside = sample.target > 0.5
        assert sample.image[inside].mean() == pytest.approx(2 * BRIGHT / 255 - 1, abs=0.15)
        assert sample.companions[0][~inside].mean() > sample.companions[0][inside].mean() + 0.2


def test_a_closer_cube_misses_what_its_sample_misses():
    for sample in drawn([pair_case(radius=10.0)], closer=1.0):
        if sample.closer is not None:
            absent = [bool((part == ABSENT).all()) for part in (sample.image, *sample.companions)]
            near = sample.closer
            assert absent == [bool((part == ABSENT).all()) for part in (near.image, *near.companions)]


@pytest.mark.parametrize("kind", ["supervoxel", "shapes", "recoloured"])
def test_synthetic_samples_have_a_second_contrast_or_none(kind):
    samples = drawn([ball_case(radius=10.0)], kinds={kind: 1.0}, count=24)
    there = [bool((sample.companions[0] != ABSENT).any()) for sample in samples]
    assert 0 < sum(there) < len(there)


def test_cases_without_a_second_image_are_seen_with_one():
    assert all((sample.companions[0] == ABSENT).all() for sample in drawn([ball_case(radius=10.0)], 10))


def test_one_channel_draws_the_same_samples_with_and_without_companions():
    one, two = (drawn([case], 5, channels=1, plain=0.0) for case in (ball_case(), pair_case()))
    for a, b in zip(one, two, strict=True):
        assert a.companions == b.companions == ()
        assert torch.equal(a.image, b.image)


def test_chains_stack_the_channels():
    stream = iter(drawn([pair_case(radius=10.0)], 10))
    chains = [Chain(stream, np.random.default_rng(0), 0.5) for _ in range(2)]
    image, guidance, target, valid, _ = batch(chains)
    assert image.shape == (2, 2, 24, 24, 24)
    assert guidance.shape[0] == target.shape[0] == valid.shape[0] == 2


# --- Training and the model ---------------------------------------------------------------------------------


@pytest.fixture
def pair_model(monkeypatch, tmp_path):
    """A folder with a model of two channels after two steps that began with one of one channel."""
    clock = TenStepsPerSecond(monkeypatch)
    Trainer(tiny_recipe(), [ball_case()], tmp_path / "one", minutes=clock.minutes(1), workers=0).run()
    export_model(tmp_path / "one", tmp_path / "one-model")
    recipe = tiny_recipe(architecture=TWO, channel_names=["CT", "PET"], unsigned_channels=[1])
    trainer = Trainer(
        recipe,
        [pair_case()],
        tmp_path / "two",
        minutes=clock.minutes(2),
        workers=0,
        beginning=tmp_path / "one-model",
    )
    trainer.run()
    export_model(tmp_path / "two", tmp_path / "two-model")
    return tmp_path / "two-model"


def balls(spacing=1.0, sign=1):
    case = ball_case(shape=(40, 40, 40), spacing=(1.0, 1.0, 1.0), centre=(20.0, 20.0, 20.0))
    return Volume(sign * case.image.astype(np.int16), np.diag([spacing, spacing, spacing, 1]))


def test_a_model_of_two_channels_is_trained_and_takes_two_images_or_one(pair_model):
    card = read_card(pair_model)
    assert (card.capabilities.channels, card.capabilities.channel_names) == (2, ["CT", "PET"])
    assert "2 image channels" in card.limits
    session = InteractiveSession(load_model(pair_model, "cpu"))
    for volumes in ([balls(), balls()], [balls()], [None, balls()]):
        session.set_image(stack_channels(volumes))
        session.add_point((20, 20, 20))
        assert session.mask[20, 20, 20]


def test_images_in_another_order_or_too_many_are_refused(pair_model):
    session = InteractiveSession(load_model(pair_model, "cpu"))
    with pytest.raises(CapabilityError, match=r"Channel 2 .*down to -2\d\d.*CT, then PET.*in this order"):
        session.set_image(stack_channels([balls(), balls(sign=-1)]))
    with pytest.raises(CapabilityError, match=r"has 3 channels.*takes 2 channels: CT, then PET"):
        session.set_image(stack_channels([balls(), balls(), balls()]))
    assert session.image is None


def test_the_wide_network_begins_with_the_answers_of_the_narrow_one(monkeypatch, tmp_path):
    clock = TenStepsPerSecond(monkeypatch)
    Trainer(tiny_recipe(), [ball_case()], tmp_path / "one", minutes=clock.minutes(1), workers=0).run()
    export_model(tmp_path / "one", tmp_path / "model")
    narrow, wide = build_network(ARCHITECTURE, PATCH).eval(), build_network(TWO, PATCH).eval()
    for network in (narrow, wide):
        start_from(tmp_path / "model", network)
    image = torch.from_numpy(balls().array[4:36, 4:36, 4:36].astype(np.float32))[None, None] / 128 - 1
    guidance = torch.zeros(1, 4, PATCH, PATCH, PATCH)
    guidance[:, 1, 15:18, 15:18, 15:18] = 1
    with torch.no_grad():
        alone = narrow(image, guidance).logits
        same = wide(torch.cat([image, image], dim=1), guidance).logits
        changed = wide(torch.cat([image, -image], dim=1), guidance).logits
    torch.testing.assert_close(same, alone, atol=1e-4, rtol=1e-3)
    assert (changed != alone).any()  # the second channel is heard through the attention
