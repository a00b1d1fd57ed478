"""From a training run to a model folder: averaged weights as float16 and the card."""

from __future__ import annotations

import json
import logging
import platform
import subprocess
from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from LightSegLib.errors import TrainingError
from LightSegLib.models.base import Capabilities
from LightSegLib.models.build import for_inference, image_channels, text_width
from LightSegLib.models.build_slices import build_any, is_of_slices
from LightSegLib.models.cards import ModelCard
from LightSegLib.models.guidance import empty_guidance
from LightSegLib.models.slice_inputs import example_inputs
from LightSegLib.models.weights import save_weights
from LightSegLib.runtime.devices import cpu_name, describe_device, usable_cores
from LightSegLib.runtime.memory import estimate_peak_bytes
from LightSegLib.training.checkpoints import AVERAGE_NAME, Progress, read_progress
from LightSegLib.training.pack import PackedCase
from LightSegLib.training.recipe import Recipe, read_recipe
from LightSegLib.training.starting import keep_beginning

logger = logging.getLogger(__name__)

DATA_NAME = "data.json"
WEIGHTS_LICENCE = "CC-BY-SA-4.0"
LIMITS = (
    "Trained on few sources with simulated clicks, and judged on held-out cases of the same sources. "
    "Not a medical device; check every mask. {channels}; {text}."
)


def describe_data(
    cases: Sequence[PackedCase], left_out: Sequence[str] = (), structures: Sequence[str] = ()
) -> dict[str, Any]:
    """What a run trains on, for its card: cases per source with their licences, what was left out on purpose,
    and ids of the structures taught by name.
    """
    counts = Counter(case.source for case in cases)
    about = {case.source: case for case in cases}
    sources = [
        {
            "source": source,
            "modality": about[source].modality,
            "licence": about[source].licence,
            "origin": about[source].origin,
            "cases": counts[source],
        }
        for source in sorted(counts)
    ]
    return {"data": sources, "left_out": list(left_out), "structures": list(structures)}


def export_model(
    run_folder: Path,
    output: Path,
    licence: str = WEIGHTS_LICENCE,
    *,
    beginning: str | Path | None = None,
    keep: float = 0.0,
) -> ModelCard:
    """Write model.safetensors and card.json of a run; validation results are added by `lightseg evaluate`.

    What only training needs, texture teachers above all, is left behind.

    Args:
        run_folder: a folder `Trainer` has written a checkpoint into.
        output: the model folder, which is made.
        licence: of the weights, an SPDX name; the default suits all that our own data allows.
        beginning, keep: the model that the run began with, and its share in the weights that are written, 0
            to 1; see `training.starting.keep_beginning`.

    Returns:
        The card as written.

    Raises:
        TrainingError: the run has no checkpoint, or a damaged one, or did not begin with `beginning`.
        ModelError: `beginning` is no model.
    """
    recipe, progress, about, state = _read_run(run_folder)
    architecture = for_inference(recipe.architecture)
    network = build_any(architecture, recipe.patch)
    started_from = dict(progress.started_from)
    if beginning is not None and keep > 0:
        state = keep_beginning(state, beginning, keep, started_from)
        started_from["kept"] = keep
    commit = commit_of_checkout()  # before the weights are written: they would count as a change
    weights = save_weights(state, output)
    card = ModelCard(
        id=recipe.model_id,
        title=recipe.title,
        licence=licence,
        architecture=architecture,
        patch=recipe.patch,
        capabilities=_capabilities(recipe, about),
        weights=weights,
        training={
            "commit": commit,
            "recipe": recipe.to_dict(),
            "hardware": progress.hardware,
            "minutes": round(progress.seconds / 60, 1),
            "steps": progress.step,
            "samples": progress.samples,
            "date": date.today().isoformat(),
            "left_out": about["left_out"],
            "started_from": started_from,
        },
        data=about["data"],
        memory_bytes=estimate_peak_bytes(network, _example(recipe)) or 0,
        limits=_limits(recipe, about),
    )
    card.write(output)
    logger.info("Wrote %s: %.1f MB", output, weights.bytes / 1e6)
    return card


def _capabilities(recipe: Recipe, about: dict[str, Any]) -> Capabilities:
    return Capabilities(
        points=True,
        boxes=True,
        scribbles=True,
        mask=True,
        text=bool(text_width(recipe.architecture)),
        channels=image_channels(recipe.architecture),
        dimensions=2 if is_of_slices(recipe.architecture) else 3,
        channel_names=list(recipe.channel_names),
        unsigned_channels=list(recipe.unsigned_channels),
        structures=list(about["structures"]),
    )


def _limits(recipe: Recipe, about: dict[str, Any]) -> str:
    channels, count = image_channels(recipe.architecture), len(about["structures"])
    return LIMITS.format(
        channels="One image channel" if channels == 1 else f"{channels} image channels",
        text=f"by name only the {count} structures it was taught" if count else "no text",
    )


def _read_run(run_folder: Path) -> tuple[Recipe, Progress, dict[str, Any], dict[str, Tensor]]:
    """Recipe, progress, data and the averaged weights of a run, those of inference only."""
    try:
        recipe = read_recipe(run_folder / "recipe.json")
        progress = read_progress(run_folder)
        state = load_file(run_folder / AVERAGE_NAME)
        about = json.loads((run_folder / DATA_NAME).read_text(encoding="utf-8"))
        about = {
            "data": about["data"],
            "left_out": about["left_out"],
            "structures": about.get("structures", []),  # runs may be older than this entry
        }
        network = build_any(for_inference(recipe.architecture), recipe.patch)
        state = {name: state[name] for name in network.state_dict()}
        network.load_state_dict(state)
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
        raise TrainingError(
            f"{run_folder} holds no finished checkpoint",
            str(error),
            "Train first: lightseg train RECIPE --run FOLDER",
        ) from error
    return recipe, progress, about, state


def _example(recipe: Recipe) -> list[Tensor]:
    """Inputs of the size that the model will see."""
    if is_of_slices(recipe.architecture):
        return example_inputs(recipe.patch)
    guidance = empty_guidance((recipe.patch,) * 3)
    image = np.repeat(guidance[:1], image_channels(recipe.architecture), axis=0)
    text = np.zeros(text_width(recipe.architecture), np.float32)
    parts = [image, guidance, text] if len(text) else [image, guidance]
    return [torch.from_numpy(np.stack([part])) for part in parts]


def describe_hardware(device: torch.device) -> str:
    """The machine in words: "AMD EPYC 9R14, 2 cores, PyTorch 2.13.0"."""
    name = f"{cpu_name()}, {usable_cores()} cores" if device.type == "cpu" else describe_device(device)
    return f"{name}, PyTorch {torch.__version__}, Python {platform.python_version()}"


def commit_of_checkout() -> str:
    """The commit of the checkout this library stands in, with a mark if it was changed; empty outside one."""
    folder = Path(__file__).resolve().parent
    try:
        return subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
