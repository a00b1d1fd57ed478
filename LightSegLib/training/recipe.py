"""A recipe: everything that decides how a model is trained, in one JSON file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from LightSegLib.errors import TrainingError
from LightSegLib.models.build_slices import is_of_slices
from LightSegLib.training.text_plan import TextPlan

KINDS = ("real", "recoloured", "supervoxel", "shapes")
"""What a sample can be; see `training.samples` and `training.synthesis`."""
RECIPES_FOLDER = Path(__file__).parent / "recipes"


@dataclass(frozen=True)
class Recipe:
    """How to train one model.

    Attributes:
        model_id: the model's name, its folder under Resources/Models.
        title: one line for people.
        architecture: {"network": NAME, "config": {...}, "detail": channels of the full-resolution head,
            "border": channels of the border head, none without, "channels": of the image, one without,
            "text": width of a text's embedding, no text without}.
        patch: samples along the edge of the cube the model sees.
        minutes: training time, unless the command line says otherwise; the learning rate falls to zero at
            its end.
        batch: cubes per step.
        learning_rate, weight_decay, clip_norm: of AdamW.
        warm_up: share of the time in which the learning rate rises.
        average_decay: of the exponential moving average of the weights; the average is what ships.
        kinds: probability of "real", "recoloured", "supervoxel" and "shapes" samples.
        plain: share of the "real" samples in their own orientation and contrast, as a session shows them.
        source_weights: how often a source is drawn relative to the others; 1 where none is given.
        closer: probability that a sample goes on in a closer cube.
        extent_range: longest extent of the object over the cube's edge.
        continue_probability: chance that another prompt follows an answer.
        confidence_weight: of the expected-Dice loss.
        texture_weight, reconstruction_weight: of VeloxSeg's teacher terms (published: 2 and 0.5). They need
            "reconstruction": [1] in the architecture's config, a teacher for the image channel; 0 and 0 train
            without teachers.
        channel_names, unsigned_channels: what the card says of an image of several channels, see
            `models.base.Capabilities`.
        teacher: a model that the network shall come to resemble; none if empty. For a network of volumes, a
            bundled model's name or a model folder, whose answers count, see `training.answer_teacher`. For
            one of slices, whose embeddings count, see `training.distillation`: a folder with a SAM of
            transformers, or a model folder of a larger network of slices.
        distillation_weight: of that resemblance.
        text: how often interactions begin with a structure's name, see `training.text_plan`; needs "text" in
            the architecture. Empty trains without text.
        seed: of samples and weights.
    """

    model_id: str
    title: str
    architecture: dict[str, Any]
    patch: int
    minutes: float
    batch: int = 2
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    clip_norm: float = 1.0
    warm_up: float = 0.02
    average_decay: float = 0.999
    kinds: dict[str, float] = field(
        default_factory=lambda: {"real": 0.6, "recoloured": 0.12, "supervoxel": 0.13, "shapes": 0.15}
    )
    plain: float = 0.0
    source_weights: dict[str, float] = field(default_factory=dict)
    closer: float = 0.35
    extent_range: Sequence[float] = (0.15, 1.15)
    continue_probability: float = 0.75
    confidence_weight: float = 0.05
    texture_weight: float = 0.0
    reconstruction_weight: float = 0.0
    channel_names: list[str] = field(default_factory=list)
    unsigned_channels: list[int] = field(default_factory=list)
    text: dict[str, float] = field(default_factory=dict)
    teacher: str = ""
    distillation_weight: float = 0.0
    seed: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The recipe as JSON types."""
        entries: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return entries


def read_recipe(name_or_path: str | Path) -> Recipe:
    """Read a recipe by the name of a bundled one or from a JSON file.

    Raises:
        TrainingError: there is none, it is no JSON, or an entry is unknown, missing or out of range.
    """
    path = Path(name_or_path)
    if not path.suffix:
        path = RECIPES_FOLDER / f"{name_or_path}.json"
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        known = {item.name for item in fields(Recipe)}
        unknown = sorted(set(entries) - known)
        if unknown:
            raise TrainingError(
                f"The recipe {path} has unknown entries: {', '.join(unknown)}",
                "a misspelt entry would silently leave a default in place",
                f"Known entries are: {', '.join(sorted(known))}",
            )
        recipe = Recipe(**entries)
        _check(recipe)
    except OSError as error:
        bundled = ", ".join(sorted(file.stem for file in RECIPES_FOLDER.glob("*.json")))
        raise TrainingError(
            f"There is no recipe {name_or_path}", str(error), f"Bundled recipes: {bundled}"
        ) from error
    except (ValueError, TypeError, AttributeError) as error:
        raise TrainingError(
            f"The recipe {path} cannot be used", str(error), "Compare it with a bundled one"
        ) from error
    return recipe


def _check(recipe: Recipe) -> None:
    """Refuse what would fail only in the middle of a run, or train something else than was meant.

    Raises:
        ValueError, TypeError, AttributeError: see above.
    """
    unknown = sorted(set(recipe.kinds) - set(KINDS))
    if unknown:
        raise ValueError(f"there are no sample kinds {', '.join(unknown)}, but {', '.join(KINDS)}")
    total = sum(recipe.kinds.values())
    if abs(total - 1) > 1e-6 or min(recipe.kinds.values()) < 0:
        raise ValueError(f"the sample kinds are probabilities, yet they sum to {total:g} or one is negative")
    for item in fields(recipe):
        value = getattr(recipe, item.name)
        if item.type in ("int", "float") and not isinstance(
            value, int if item.type == "int" else int | float
        ):
            raise TypeError(f"{item.name} must be a number ({item.type}), not {value!r}")
        if item.type == "str" and not isinstance(value, str):
            raise TypeError(f"{item.name} must be a text, not {value!r}")
    for name in ("patch", "batch", "minutes", "learning_rate", "clip_norm"):
        if not getattr(recipe, name) > 0:
            raise ValueError(f"{name} must be above 0, not {getattr(recipe, name)!r}")
    weights = ("texture_weight", "reconstruction_weight", "confidence_weight", "distillation_weight")
    for name in (*weights, "weight_decay", "seed"):
        if not getattr(recipe, name) >= 0:
            raise ValueError(f"{name} must not be negative, as {getattr(recipe, name)!r} is")
    if bool(recipe.teacher) != bool(recipe.distillation_weight):
        raise ValueError("teacher and distillation_weight go together: give both, or neither")
    for name in ("warm_up", "average_decay", "closer", "plain", "continue_probability"):
        if not 0 <= getattr(recipe, name) <= 1:
            raise ValueError(f"{name} must lie between 0 and 1, unlike {getattr(recipe, name)!r}")
    if len(recipe.extent_range) != 2 or not 0 < recipe.extent_range[0] <= recipe.extent_range[1]:
        raise ValueError(f"extent_range must be two rising numbers above 0, unlike {recipe.extent_range!r}")
    if any(weight < 0 for weight in recipe.source_weights.values()):
        raise ValueError("source_weights must not be negative")
    if (TextPlan.of(recipe.text) is not None) != bool(recipe.architecture.get("text", 0)):
        raise ValueError("text belongs into the recipe and into its architecture, or into neither")
    if recipe.text and is_of_slices(recipe.architecture):
        raise ValueError("only networks of volumes learn names, and this one is of slices")
