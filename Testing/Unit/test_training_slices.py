"""Training a network of slices: chains of prompts through slices, the loop, resuming, export, teachers."""

from __future__ import annotations

import json
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest
import torch
from sam_cases import tiny_sam
from slice_network import CONFIG, SIZE, SLICES, slice_recipe, write_slice_model
from training_cases import TenStepsPerSecond, ball_case, stop_after

from LightSegLib.cli import main
from LightSegLib.errors import Cancelled, TrainingError
from LightSegLib.models.build_slices import build_slices
from LightSegLib.models.cards import SCHEMA_PATH
from LightSegLib.models.registry import load_model
from LightSegLib.models.weights import save_weights
from LightSegLib.slicewise.looking import SURE
from LightSegLib.training import trainer as training
from LightSegLib.training.export import export_model
from LightSegLib.training.recipe import read_recipe
from LightSegLib.training.run_log import LOG_COLUMNS
from LightSegLib.training.samples import SamplingPlan
from LightSegLib.training.slice_chains import SliceChain, batch, sure
from LightSegLib.training.slice_samples import SliceSample, SliceStream
from LightSegLib.training.slice_trainer import Apprentice, SliceTrainer
from LightSegLib.training.teachers import read_teacher


@pytest.fixture
def clock(monkeypatch):
    return TenStepsPerSecond(monkeypatch)


@pytest.fixture
def trainer(tmp_path):
    """Make a trainer; all of a test write into the same folder."""

    def make(minutes=None, workers=0, **entries):
        return SliceTrainer(
            slice_recipe(**entries), [ball_case()], tmp_path / "run", minutes=minutes, workers=workers
        )

    return make


def disc(shift=0, radius=10):
    y, x = np.indices((SIZE, SIZE))
    return (y - 20) ** 2 + (x - 26 - shift) ** 2 <= radius**2


def sample(beside=None, mask=None):
    target = torch.from_numpy(disc() if mask is None else mask).float()
    return SliceSample(target * 2 - 1, target, torch.ones(SIZE, SIZE), closer=None, beside=beside)


def chain(first, seed=0, continue_probability=1.0):
    return SliceChain(repeat(first), np.random.default_rng(seed), continue_probability)


def logits_of(mask):
    return torch.from_numpy(np.where(mask, 3.0, -5.0).astype(np.float32))


# --- Chains -------------------------------------------------------------------------------------------------


def test_a_first_prompt_is_a_click_a_box_several_points_or_a_mask():
    kinds = set()
    for seed in range(120):
        points, labels, box, previous = chain(sample(), seed).prompts()
        assert points.dtype == torch.float32
        assert points.shape == (len(labels), 2)
        assert len(points) or box is not None or previous is not None
        for (x, y), label in zip(points.tolist(), labels.tolist(), strict=True):
            assert bool(disc()[int(y), int(x)]) == (label == 1) or previous is not None
        if box is not None:
            assert np.abs(box.numpy() - (15.5, 9.5, 36.5, 30.5)).max() < 3
        kinds.add((min(len(points), 2), box is not None, previous is not None))
    assert {(1, False, False), (0, True, False), (1, True, False), (2, False, False)} <= kinds
    assert any(shown for _, _, shown in kinds)


def test_a_correction_shows_the_answer_as_a_mask_and_adds_a_click():
    one = chain(sample(), seed=3)
    before = len(one.prompts().points)
    wrong = disc(shift=8)
    one.advance(logits_of(wrong))
    points, labels, _, previous = one.prompts()
    assert len(points) == before + 1
    assert torch.equal(previous, sure(wrong))
    x, y = points[labels == int(disc()[int(points[-1][1]), int(points[-1][0])])][-1].int().tolist()
    assert disc()[y, x] != wrong[y, x]
    assert one.answered == 1


def test_a_chain_goes_on_next_door_with_nothing_but_its_own_logits():
    next_door = sample(mask=disc(shift=2))
    for seed in range(20):
        one = chain(sample(next_door), seed)
        if one.image is not None and torch.equal(one.target[0], next_door.target):
            continue  # began there
        logits = logits_of(disc())
        one.advance(logits)
        if not torch.equal(one.target[0], next_door.target):
            continue
        points, labels, box, previous = one.prompts()
        assert previous is logits
        assert (len(points), len(labels)) == (0, 0)
        assert box is None
        assert one.answered == 1
        return
    pytest.fail("no chain went on")


def test_a_chain_may_begin_next_door_with_the_truth_of_its_neighbour():
    next_door = sample(mask=disc(shift=2))
    begun = [
        one for one in (chain(sample(next_door), seed) for seed in range(60)) if one.target[0, 20, 38] > 0
    ]
    assert 8 < len(begun) < 30
    for one in begun:
        assert one.answered == 0
        assert set(one.shown.unique().tolist()) <= {SURE, -SURE}
        assert one.prompts().box is None


def test_where_the_structure_has_ended_nothing_is_the_right_answer():
    ended = sample(mask=np.zeros((SIZE, SIZE), bool))
    one = chain(sample(ended), seed=1)
    one._follow(ended, logits_of(disc()))
    one.advance(logits_of(np.zeros((SIZE, SIZE), bool)))
    assert one.answered == 0  # a new sample
    one._follow(ended, logits_of(disc()))
    one.advance(logits_of(disc()))
    assert one.prompts().labels.tolist()[-1] == 0  # a click into what should not be there


def test_an_answer_of_nothing_is_corrected_where_it_is():
    one = chain(sample(sample()), seed=2)
    here = one.target
    one.advance(logits_of(np.zeros((SIZE, SIZE), bool)))
    assert torch.equal(one.target, here)
    assert one.prompts().labels[-1] == 1


def test_a_good_answer_ends_the_chain():
    one = chain(sample(), seed=0)
    one.advance(logits_of(disc()))
    assert one.answered == 0


def test_chains_side_by_side_make_a_batch():
    parts = batch([chain(sample(), seed) for seed in range(3)])
    assert [tuple(part.shape) for part in parts] == [(3, 1, SIZE, SIZE)] * 3


# --- The loop -----------------------------------------------------------------------------------------------


def test_a_few_steps_reduce_the_loss(trainer, clock, monkeypatch):
    monkeypatch.setattr(training, "LOG_EVERY", 10)
    run = trainer(clock.minutes(60), learning_rate=1e-2, continue_probability=0.0, warm_up=0.0, batch=1)
    fixed = SliceChain(repeat(sample()), np.random.default_rng(0), 0.0)
    monkeypatch.setattr(run, "_chains", lambda: [fixed])
    run.run()
    rows = [line.split(",") for line in (run.folder / "log.csv").read_text().splitlines()[1:]]
    losses = [float(row[LOG_COLUMNS.index("loss")]) for row in rows]
    assert losses[-1] < 0.75 * losses[0]


def test_two_steps_and_a_resumed_third(trainer, clock):
    first = trainer(clock.minutes(3))
    began = [value.clone() for value in first.network.state_dict().values()]
    with pytest.raises(Cancelled):
        first.run(check_cancelled=stop_after(2))
    assert any(not torch.equal(a, b) for a, b in zip(began, first.network.state_dict().values(), strict=True))
    second = trainer(clock.minutes(3))
    assert (second.progress.step, second.progress.samples) == (2, 4)
    for name, value in first.network.state_dict().items():
        assert torch.equal(second.network.state_dict()[name], value), name
    assert second.run().step == 3


def test_every_weight_that_can_learn_does(trainer):
    run = trainer(10.0, batch=4, kinds={"real": 1.0})
    chains = run._chains()
    moved = set()
    for _ in range(12):
        before = {name: value.clone() for name, value in run.network.named_parameters()}
        run.progress.seconds = 100.0
        run._step(chains)
        moved |= {
            name
            for name, value in run.network.named_parameters()
            if value.grad is not None and value.grad.any()
        }
        assert before.keys() == dict(run.network.named_parameters()).keys()
    still = {name for name, _ in run.network.named_parameters()} - moved
    # Of three masks of the released network the first one answers; the others' networks are spare.
    assert all("hypernetworks_mlps.1" in name or "hypernetworks_mlps.2" in name for name in still), still


def test_workers_draw_slices(trainer, clock):
    assert trainer(clock.minutes(2), workers=1).run().step == 2


def test_a_run_becomes_a_model_folder_that_fits_its_schema(trainer, clock, tmp_path):
    jsonschema = pytest.importorskip("jsonschema")
    run = trainer(clock.minutes(2))
    run.run()
    card = export_model(run.folder, tmp_path / "flat")
    assert card.capabilities.dimensions == 2
    assert (card.patch, card.training["steps"]) == (SIZE, 2)
    assert card.memory_bytes > 0
    schema = json.loads(SCHEMA_PATH.read_text(encoding="utf-8"))
    jsonschema.validate(card.to_dict(), schema)
    model = load_model(tmp_path / "flat", device="cpu")
    image = np.zeros((1, SIZE, SIZE), np.float32)
    logits, _ = model.decode(model.encode(image), np.full((1, 2), 9, np.float32), np.ones(1, int), None, None)
    assert np.isfinite(logits).all()


def test_a_run_begins_with_a_trained_model(tmp_path):
    folder = write_slice_model(tmp_path / "flat", seed=7, training={"minutes": 3, "steps": 5, "samples": 9})
    run = SliceTrainer(slice_recipe(), [ball_case()], tmp_path / "run", workers=0, beginning=folder)
    assert run.progress.started_from["id"] == "flat"
    trained = load_model(folder, device="cpu")._network.state_dict()
    assert all(torch.equal(value, trained[name]) for name, value in run.network.state_dict().items())


def test_texture_teachers_are_refused(trainer):
    with pytest.raises(TrainingError, match="texture teachers, which networks of slices do not have"):
        trainer(texture_weight=2.0)


def test_the_command_trains_slices(tmp_path, monkeypatch, capsys):
    recipe = tmp_path / "flat.json"
    recipe.write_text(json.dumps(slice_recipe().to_dict()))
    monkeypatch.setattr("LightSegLib.training.pack.read_pack", lambda path: [ball_case()])
    arguments = ["train", str(recipe), "--pack", "x", "--run", str(tmp_path / "run"), "--minutes", "0.005"]
    assert main([*arguments, "--workers", "0", "--device", "cpu"]) == 0
    assert load_model(tmp_path / "run" / "flat", device="cpu").capabilities.dimensions == 2
    assert "Trained flat" in capsys.readouterr().out


# --- Teachers -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sam_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("sam") / "sam"
    tiny_sam().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def large_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A larger model of slices: wider embedding, another size."""
    architecture = {"network": "hrmedseg", "config": {**CONFIG, "dim": 16, "embedding_ch": 32}}
    folder = tmp_path_factory.mktemp("large") / "large"
    weights = save_weights(build_slices(architecture, 64).state_dict(), folder)
    return write_slice_model(folder, id="large", architecture=architecture, patch=64, weights=weights)


@pytest.mark.parametrize(("kind", "channels"), [("sam_folder", 16), ("large_folder", 32)])
def test_a_teacher_embeds_on_the_student_s_grid(kind, channels, request):
    teacher, found = read_teacher(request.getfixturevalue(kind), 6)
    assert found == channels
    with torch.no_grad():
        assert teacher.eval()(torch.zeros(2, 1, SIZE, SIZE)).shape == (2, channels, 6, 6)


def test_grey_values_reach_sam_as_it_was_trained(sam_folder):
    teacher, _ = read_teacher(sam_folder, 6)
    # ImageNet's, as the folder says nothing else: grey 0.485 is what red means on average.
    average = torch.tensor([0.485, 0.456, 0.406])[:, None, None] * 2 - 1
    torch.testing.assert_close(teacher.mean, average)
    torch.testing.assert_close(teacher.divisor, 2 * torch.tensor([0.229, 0.224, 0.225])[:, None, None])


@pytest.mark.parametrize("kind", ["sam_folder", "large_folder"])
def test_the_student_comes_to_resemble_its_teacher(kind, request, trainer, clock, tmp_path):
    teacher = str(request.getfixturevalue(kind))
    run = trainer(
        clock.minutes(40), teacher=teacher, distillation_weight=10.0, learning_rate=5e-3, warm_up=0.0
    )
    assert isinstance(run.network, Apprentice)
    frozen = [value.clone() for value in run.distillation.teacher.state_dict().values()]
    image = next(iter(SliceStream([ball_case()], SamplingPlan(SIZE, {"real": 1.0}, {}), 0))).image[None, None]

    def difference():
        with torch.no_grad():
            embedding = run.network.eval().encode(image)
            return float(run._resemblance(image, embedding))

    before = difference()
    run.run()
    assert difference() < 0.9 * before
    for one, two in zip(frozen, run.distillation.teacher.state_dict().values(), strict=True):
        assert torch.equal(one, two)
    # What only training needs stays behind.
    card = export_model(run.folder, tmp_path / "flat")
    assert card.weights.parameters == sum(v.numel() for v in build_slices(SLICES, SIZE).state_dict().values())
    assert card.training["recipe"]["teacher"] == teacher


def test_a_run_with_a_teacher_is_resumed(large_folder, trainer, clock):
    entries = {"teacher": str(large_folder), "distillation_weight": 1.0}
    first = trainer(clock.minutes(2), **entries)
    with pytest.raises(Cancelled):
        first.run(check_cancelled=stop_after(1))
    second = trainer(clock.minutes(2), **entries)
    assert torch.equal(second.network.projection.weight, first.network.projection.weight)
    assert second.run().step == 2


def test_a_model_of_volumes_is_no_teacher(trainer, tmp_path):
    from tiny_model import write_tiny_model

    with pytest.raises(TrainingError, match="cannot teach a network of slices"):
        trainer(teacher=str(write_tiny_model(tmp_path / "tiny")), distillation_weight=1.0)


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        (slice_recipe(teacher="sam"), "go together"),
        (slice_recipe(distillation_weight=1.0), "go together"),
        (slice_recipe(teacher="sam", distillation_weight=-1.0), "distillation_weight must not be negative"),
    ],
)
def test_a_recipe_that_misuses_a_teacher_is_refused(recipe, words, tmp_path):
    path = tmp_path / "own.json"
    path.write_text(json.dumps(recipe.to_dict()))
    with pytest.raises(TrainingError, match=words):
        read_recipe(path)


# --- The bundled recipe -------------------------------------------------------------------------------------


def test_the_bundled_recipe_builds_and_answers():
    recipe = read_recipe("hrmedseg-2d")
    assert recipe.model_id == "hrmedseg-2d"
    with torch.device("meta"):
        network = build_slices(recipe.architecture, recipe.patch).eval()
        output = network(torch.empty(1, 1, recipe.patch, recipe.patch), torch.empty(1, 4))
    assert output.logits.shape == (1, 1, recipe.patch, recipe.patch)
    assert sum(value.numel() for value in network.parameters()) < 1.5e6
