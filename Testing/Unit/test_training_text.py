"""Training with names: the recipe, the samples, and the chains."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from text_cases import (
    ALONE,
    SIZE,
    TEXT,
    WIDTH,
    drawn,
    named_case,
    stream_of,
)
from tiny_model import ARCHITECTURE
from training_cases import ball_case, tiny_recipe

from LightSegLib.errors import TrainingError
from LightSegLib.text.embeddings import Embeddings
from LightSegLib.text.vocabulary import Vocabulary
from LightSegLib.training.chains import Chain, batch
from LightSegLib.training.names import Names
from LightSegLib.training.recipe import read_recipe
from LightSegLib.training.sample import Sample
from LightSegLib.training.samples import SamplingPlan
from LightSegLib.training.text_plan import TextPlan
from LightSegLib.training.text_samples import Beginning, TextSamples


@pytest.fixture(scope="module")
def embeddings() -> Embeddings:
    return Embeddings.load(Vocabulary.load())


# --- The recipe ---------------------------------------------------------------------------------------------


def test_no_entry_is_no_text():
    assert TextPlan.of({}) is None
    assert TextPlan.of({"alone": 0.2}) == TextPlan(alone=0.2)


@pytest.mark.parametrize(
    "text",
    [
        {"alnoe": 0.5},
        {"alone": 1.5},
        {"wrong": -0.1},
        {"noise": "a little"},
        {"whole": True},
        {"alone": 0.7, "with_prompt": 0.4},
        [0.5],
        3,
    ],
    ids=str,
)
def test_a_recipe_whose_text_makes_no_sense_is_refused(tmp_path, text):
    path = tmp_path / "own.json"
    path.write_text(json.dumps({**tiny_recipe(architecture=TEXT).to_dict(), "text": text}))
    with pytest.raises(TrainingError, match="cannot be used"):
        read_recipe(path)


@pytest.mark.parametrize(("architecture", "text"), [(ARCHITECTURE, {"alone": 0.5}), (TEXT, {})])
def test_network_and_samples_have_texts_both_or_neither(tmp_path, architecture, text):
    path = tmp_path / "own.json"
    path.write_text(json.dumps(tiny_recipe(architecture=architecture, text=text).to_dict()))
    with pytest.raises(TrainingError) as raised:
        read_recipe(path)
    assert "architecture" in str(raised.value)


def test_the_bundled_recipe_is_the_default_model_with_a_text():
    small, text = (read_recipe(f"veloxseg-{name}").architecture for name in ("small", "text"))
    assert text == {**small, "text": WIDTH}


# --- Samples ------------------------------------------------------------------------------------------------


def test_texts_come_as_often_as_asked():
    plan = TextPlan(alone=0.3, with_prompt=0.4, wrong=0.0)
    samples = drawn(stream_of([named_case(radius=10.0)], plan), 300)
    kinds = Counter((sample.text is not None, sample.prompted) for sample in samples)
    assert set(kinds) == {(True, False), (True, True), (False, True)}
    assert 65 <= kinds[True, False] <= 115
    assert 90 <= kinds[True, True] <= 150


def test_without_a_text_a_sample_is_what_it_was():
    for sample in drawn(stream_of([named_case(radius=10.0)], None), 10):
        assert sample.text is None
        assert sample.prompted


@pytest.mark.parametrize("kind", ["recoloured", "supervoxel", "shapes"])
def test_what_is_made_up_has_no_name(kind):
    for sample in drawn(stream_of([named_case(radius=10.0)], kinds={kind: 1.0}), 6):
        assert sample.text is None
        assert sample.prompted


def test_labels_without_a_name_are_drawn_without_one():
    samples = drawn(stream_of([named_case(radius=10.0), ball_case(radius=10.0)]), 40)
    assert 8 <= sum(sample.text is None for sample in samples) <= 32


def test_a_wrong_name_wants_an_empty_answer_and_nothing_closer():
    cases = [named_case(radius=10.0), named_case("hippocampus_mr", "anterior hippocampus", radius=10.0)]
    samples = drawn(stream_of(cases, replace(ALONE, wrong=0.5), closer=1.0), 80)
    wrong = [sample for sample in samples if not sample.target.any()]
    assert 20 <= len(wrong) <= 60
    for sample in wrong:
        assert sample.closer is None
        assert not sample.prompted
        assert sample.text.shape == (WIDTH,)


def test_a_wrong_text_names_the_other(embeddings):
    cases = [named_case(), named_case("hippocampus_mr", "anterior hippocampus")]
    plan = replace(ALONE, wrong=1.0, noise=0.0)
    samples = TextSamples(Names.load(cases), SamplingPlan(SIZE, {"real": 1.0}, {}), plan)
    for case, other in ((cases[0], "hippocampus_anterior"), (cases[1], "liver")):
        right = Names.load(cases).of(case, 1).id
        sample = samples.draw(case, 1, Beginning(right, False), True, np.random.default_rng(0))
        assert float((embeddings.of(other) @ sample.text.numpy()).max()) > 0.99


def test_texts_go_with_two_channels_too():
    case = named_case(radius=10.0)
    case = replace(case, companion=255 - case.image)
    samples = drawn(stream_of([case], replace(ALONE, whole=0.5), channels=2), 10)
    assert all(len(sample.companions) == 1 for sample in samples)


# --- Chains -------------------------------------------------------------------------------------------------


def sample(text=None, prompted=True, target=None, closer=None):
    grid = torch.stack(torch.meshgrid(*[torch.arange(SIZE)] * 3, indexing="ij")).float()
    ball = ((grid - 15).square().sum(0) < 49).float() if target is None else target
    return Sample(ball * 2 - 1, ball, torch.ones_like(ball), closer, text=text, prompted=prompted)


def chain_of(*samples):
    return Chain(iter(samples), np.random.default_rng(0), 1.0)


def test_a_text_alone_begins_without_any_prompt():
    chain = chain_of(sample(torch.ones(4), prompted=False))
    assert not chain.guidance().any()
    assert torch.equal(chain.text, torch.ones(4))
    assert chain_of(sample(torch.ones(4))).guidance().any()


def test_the_text_stays_for_the_whole_chain_and_goes_with_it():
    named, bare = sample(torch.ones(4), prompted=False), sample()
    chain = chain_of(named, bare)
    for _ in range(3):
        chain.advance(torch.zeros((SIZE,) * 3))
        assert torch.equal(chain.text, torch.ones(4))
    assert chain.guidance().any()  # the clicks that corrected the answers
    chain.advance(named.target * 2 - 1)
    assert chain.text is None


def test_the_text_goes_along_into_the_closer_cube():
    samples = (each for each in stream_of([named_case(radius=10.0)], replace(ALONE, whole=1.0)))
    chain = Chain(samples, np.random.default_rng(1), 1.0)
    text, start = chain.text, chain.target
    for _ in range(20):
        chain.advance(torch.ones((SIZE,) * 3))
        if chain._closer is None and not torch.equal(chain.target, start):
            break
    assert chain.answered
    assert torch.equal(chain.text, text)


@pytest.mark.parametrize("level", [-1.0, 1.0])
def test_a_wrong_name_has_no_second_chance(level):
    wrong = sample(torch.ones(4), prompted=False, target=torch.zeros((SIZE,) * 3))
    chain = chain_of(wrong, sample())
    chain.advance(torch.full((SIZE,) * 3, level))
    assert chain.answered == 0
    assert chain.target.any()


def test_a_batch_has_zeros_where_there_is_no_text():
    mixed = batch([chain_of(sample(torch.ones(4))), chain_of(sample())])
    assert torch.equal(mixed.text, torch.tensor([[1.0] * 4, [0.0] * 4]))
    assert batch([chain_of(sample()), chain_of(sample())]).text.shape == (2, 0)
