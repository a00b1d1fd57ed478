"""A small network of volumes learns from a larger one's answers; nothing of the teacher ships."""

from __future__ import annotations

import json
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
import torch
from refsam3d_cases import TINY as REFSAM3D
from safetensors.torch import load_file
from slice_network import write_slice_model
from text_cases import TEXT, WIDTH, named_case, two_kidneys
from tiny_model import ARCHITECTURE, PATCH, write_tiny_model
from torch import Tensor, nn
from training_cases import TenStepsPerSecond, ball_case, stop_after, tiny_recipe

from LightSegLib.errors import Cancelled, ModelError, TrainingError
from LightSegLib.models.build import build_network
from LightSegLib.models.cards import read_card
from LightSegLib.models.guidance import GUIDANCE_CHANNELS, POSITIVE
from LightSegLib.training.answer_teacher import AnswerTeacher, read_answer_teacher
from LightSegLib.training.chains import batch
from LightSegLib.training.export import export_model
from LightSegLib.training.losses import soft_label_loss
from LightSegLib.training.recipe import Recipe, read_recipe
from LightSegLib.training.trainer import Trainer

LARGE = {**ARCHITECTURE, "config": {**ARCHITECTURE["config"], "base_ch": 16}}
TAUGHT = {**ARCHITECTURE, "config": {**ARCHITECTURE["config"], "reconstruction": [1]}}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> TenStepsPerSecond:
    return TenStepsPerSecond(monkeypatch)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a wider model, which is not to be changed."""
    folder = tmp_path_factory.mktemp("teachers") / "large"
    return str(write_tiny_model(folder, "large", seed=3, architecture=LARGE))


def recipe_of(teacher: str, weight: float = 1.0, **entries: Any) -> Recipe:
    usual = {"kinds": {"real": 1.0}, "teacher": teacher, "distillation_weight": weight}
    return tiny_recipe(**{**usual, **entries})


def run_of(folder: Path, recipe: Recipe, minutes: float = 1.0) -> Trainer:
    return Trainer(recipe, [ball_case()], folder, minutes=minutes, workers=0)


def inputs(count: int = 1) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Image, guidance, target and valid: a click, a cube around it, and a margin beyond the field of view."""
    generator = torch.Generator().manual_seed(0)
    image = torch.rand((count, 1, *[PATCH] * 3), generator=generator) * 2 - 1
    guidance = torch.zeros((count, GUIDANCE_CHANNELS, *[PATCH] * 3))
    guidance[:, POSITIVE, 14:18, 14:18, 14:18] = 1
    target = (guidance[:, POSITIVE : POSITIVE + 1] > 0).float()
    valid = torch.ones_like(target)
    valid[..., 24:] = 0
    return image, guidance, target, valid


class Listener(nn.Module):
    """In a teacher's place: keeps what it is asked, and how."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.asked: list[tuple[Tensor, Tensor, Tensor | None]] = []
        self.settings: list[tuple[bool, bool, bool]] = []

    def forward(self, image: Tensor, guidance: Tensor, text: Tensor | None = None) -> Any:
        self.asked.append((image, guidance, text))
        autocast = torch.is_autocast_enabled("cpu")
        self.settings.append((self.network.training, torch.is_grad_enabled(), autocast))
        return self.network(image, guidance, text)


def listening(run: Trainer) -> Listener:
    """Put a listener into the teacher of a run."""
    assert run.teacher is not None
    listener = Listener(run.teacher.network).eval()
    run.teacher.network = listener
    return listener


# --- The term of the loss -----------------------------------------------------------------------------------


def test_the_loss_gains_the_weighted_distance_to_the_teacher_s_answers(tmp_path: Path, large: str) -> None:
    image, guidance, target, valid = inputs(2)
    alone = run_of(tmp_path, tiny_recipe())
    taught = run_of(tmp_path, recipe_of(large, 3.0))
    for run in (alone, taught):
        run.half = False
        run.network.eval()
    _, without = alone._answer(image, guidance, target, valid)
    output, loss = taught._answer(image, guidance, target, valid)
    assert taught.teacher is not None
    wanted = taught.teacher.probabilities(image, guidance)
    term = soft_label_loss(output.logits.detach(), wanted, valid)
    assert float(term) > 0.1
    assert float((loss - without).detach()) == pytest.approx(3 * float(term), rel=1e-4)


@pytest.mark.parametrize("half", [False, True])
def test_the_teacher_gets_what_the_student_gets_without_gradients(
    tmp_path: Path, large: str, half: bool
) -> None:
    run = run_of(tmp_path, recipe_of(large))
    run.half = half
    run.network.train()
    listener = listening(run)
    image, guidance, target, valid = inputs()
    _, loss = run._answer(image, guidance, target, valid)
    loss.backward()
    ((seen, prompts, text),) = listener.asked
    assert seen is image
    assert prompts is guidance
    assert text is None
    assert listener.settings == [(False, False, half)]  # not training, no gradients
    assert all(value.grad is None and not value.requires_grad for value in listener.parameters())
    assert all(value.grad is not None for value in run.network.parameters())


def test_texture_teachers_and_a_teacher_of_answers_go_together(tmp_path: Path, large: str) -> None:
    weights = {"texture_weight": 2.0, "reconstruction_weight": 0.5}
    run = run_of(tmp_path, recipe_of(large, architecture=TAUGHT, **weights))
    listener = listening(run)
    run._answer(*inputs())[1].backward()
    assert len(listener.asked) == 1
    assert all(value.grad is not None for value in run.network.parameters())


def test_the_student_comes_to_resemble_its_teacher(
    tmp_path: Path, large: str, clock: TenStepsPerSecond, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"learning_rate": 5e-3, "warm_up": 0.0, "continue_probability": 0.0}
    run = run_of(tmp_path, recipe_of(large, 10.0, **settings), clock.minutes(15))
    assert run.teacher is not None
    frozen = {name: value.clone() for name, value in run.teacher.network.state_dict().items()}
    chain = run._chains()[0]
    chain.stream = repeat(next(chain.stream))  # type: ignore[attr-defined]
    monkeypatch.setattr(run, "_chains", lambda: [chain])
    image, guidance, _, valid, _ = batch([chain])  # type: ignore[list-item]
    wanted = run.teacher.probabilities(image, guidance)

    def distance() -> float:
        with torch.no_grad():
            answer = run.network.eval()(image, guidance).logits
        return float((torch.sigmoid(answer) - wanted).abs()[valid > 0].mean())

    before = distance()
    run.run()
    assert distance() < 0.7 * before
    for name, value in run.teacher.network.state_dict().items():
        assert torch.equal(value, frozen[name]), name


# --- Nothing else changes -----------------------------------------------------------------------------------


def test_a_teacher_changes_neither_the_first_weights_nor_what_follows_from_the_seed(
    tmp_path: Path, large: str
) -> None:
    alone = run_of(tmp_path, tiny_recipe())
    after = torch.rand(1)
    taught = run_of(tmp_path, recipe_of(large))
    assert torch.equal(torch.rand(1), after)
    for network in ("network", "average"):
        one, two = (getattr(run, network).state_dict() for run in (alone, taught))
        assert one.keys() == two.keys()
        assert all(torch.equal(value, two[name]) for name, value in one.items())


def test_the_teacher_is_in_no_file_but_its_name_is_in_the_card(
    tmp_path: Path, large: str, clock: TenStepsPerSecond
) -> None:
    run = run_of(tmp_path / "run", recipe_of(large), clock.minutes(2))
    run.run()
    names = set(build_network(ARCHITECTURE, PATCH).state_dict())
    for file in ("weights.safetensors", "average.safetensors"):
        assert set(load_file(tmp_path / "run" / file)) == names
    moments = {name.split(".")[0] for name in load_file(tmp_path / "run" / "optimizer.safetensors")}
    assert len(moments) == len(list(run.network.parameters()))
    export_model(tmp_path / "run", tmp_path / "model")
    assert set(load_file(tmp_path / "model" / "model.safetensors")) == names
    card = read_card(tmp_path / "model")
    assert card.training["recipe"]["teacher"] == large
    assert card.training["recipe"]["distillation_weight"] == 1.0


def test_a_run_is_resumed_with_its_teacher_and_one_without_may_get_one(
    tmp_path: Path, large: str, clock: TenStepsPerSecond
) -> None:
    with pytest.raises(Cancelled):
        run_of(tmp_path, tiny_recipe(), clock.minutes(3)).run(check_cancelled=stop_after(1))
    with pytest.raises(Cancelled):
        run_of(tmp_path, recipe_of(large), clock.minutes(3)).run(check_cancelled=stop_after(1))
    last = run_of(tmp_path, recipe_of(large), clock.minutes(3))
    assert last.progress.step == 2
    assert last.run().step == 3


# --- Who can teach whom -------------------------------------------------------------------------------------


def test_a_bundled_model_teaches_by_its_name() -> None:
    recipe = recipe_of("veloxseg-small", patch=72)
    teacher = read_answer_teacher(recipe)
    assert isinstance(teacher, AnswerTeacher)
    assert not teacher.network.training
    assert not any(value.requires_grad for value in teacher.network.parameters())
    names = set(teacher.network.state_dict())
    assert any(name.startswith("border.") for name in names)


def test_a_network_of_another_kind_can_teach(tmp_path: Path) -> None:
    architecture = {**REFSAM3D, "text": 0}
    folder = write_tiny_model(tmp_path / "other", architecture=architecture)
    run = run_of(tmp_path / "run", recipe_of(str(folder)))
    assert torch.isfinite(run._answer(*inputs())[1].detach())


def test_a_teacher_with_a_text_hears_the_name_if_the_student_does(tmp_path: Path) -> None:
    folder = str(write_tiny_model(tmp_path / "named", architecture=TEXT))
    text = {"alone": 1.0, "with_prompt": 0.0}
    recipe = recipe_of(folder, architecture=TEXT, text=text, batch=2)
    run = Trainer(recipe, [two_kidneys(), named_case()], tmp_path / "run", minutes=1.0, workers=0)
    listener = listening(run)
    run._learn(run._chains())
    heard = listener.asked[0][2]
    assert heard is not None
    assert heard.shape == (2, WIDTH)
    assert heard.any()
    silent = run_of(tmp_path / "silent", recipe_of(folder))
    listener = listening(silent)
    silent._learn(silent._chains())
    assert listener.asked[0][2] is None


def test_a_teacher_that_is_not_there_is_told_before_anything_is_trained(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is no model"):
        run_of(tmp_path / "run", recipe_of(str(tmp_path / "none")))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError):
        run_of(tmp_path / "run", recipe_of(str(tmp_path / "empty")))
    assert not (tmp_path / "run").exists()


def test_a_damaged_teacher_is_refused(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "damaged")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])
    with pytest.raises(ModelError, match="not those of the card"):
        run_of(tmp_path / "run", recipe_of(str(folder)))


def test_a_model_of_slices_does_not_teach_one_of_volumes(tmp_path: Path) -> None:
    folder = write_slice_model(tmp_path / "flat")
    with pytest.raises(TrainingError, match=r"flat cannot teach tiny\. it sees slices"):
        run_of(tmp_path / "run", recipe_of(str(folder)))


def test_a_teacher_that_sees_other_cubes_is_refused(large: str) -> None:
    with pytest.raises(TrainingError, match=r"cubes of 32 samples, .* of 48") as raised:
        read_answer_teacher(recipe_of(large, patch=48))
    assert "patch" in raised.value.next_step


def test_a_teacher_of_other_channels_is_refused(tmp_path: Path, large: str) -> None:
    two = {**ARCHITECTURE, "channels": 2}
    with pytest.raises(TrainingError, match=r"1 image channel, .* 2"):
        read_answer_teacher(recipe_of(large, architecture=two))
    folder = write_tiny_model(tmp_path / "two", architecture=two)
    with pytest.raises(TrainingError, match=r"2 image channels, .* 1"):
        read_answer_teacher(recipe_of(str(folder)))


def test_a_teacher_without_text_does_not_teach_names(tmp_path: Path, large: str) -> None:
    with pytest.raises(TrainingError, match="takes no text"):
        read_answer_teacher(recipe_of(large, architecture=TEXT))
    folder = write_tiny_model(tmp_path / "short", architecture={**ARCHITECTURE, "text": 8})
    with pytest.raises(TrainingError, match="texts of 8 numbers"):
        read_answer_teacher(recipe_of(str(folder), architecture=TEXT))


# --- Recipes ------------------------------------------------------------------------------------------------


def test_a_recipe_of_volumes_may_name_a_teacher(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    recipe = recipe_of("veloxseg-small", 0.5)
    path.write_text(json.dumps(recipe.to_dict()))
    assert read_recipe(path).to_dict() == recipe.to_dict()


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"teacher": "veloxseg-small"}, "go together"),
        ({"distillation_weight": 1.0}, "go together"),
        ({"teacher": "veloxseg-small", "distillation_weight": -1.0}, "must not be negative"),
        ({"teacher": 5, "distillation_weight": 1.0}, "teacher must be a text"),
        ({"teacher": ["a"], "distillation_weight": 1.0}, "teacher must be a text"),
    ],
    ids=str,
)
def test_a_recipe_that_misuses_a_teacher_is_refused(
    tmp_path: Path, entries: dict[str, Any], words: str
) -> None:
    path = tmp_path / "own.json"
    path.write_text(json.dumps({**tiny_recipe().to_dict(), **entries}))
    with pytest.raises(TrainingError, match=words):
        read_recipe(path)
