"""The trainer: one recipe, one pack, a bounded time; resumable, on a CPU or a GPU alike."""

from __future__ import annotations

import copy
import csv
import functools
import json
import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from LightSegLib.errors import Cancelled, TrainingError
from LightSegLib.models.build import build_network
from LightSegLib.runtime.processor import has_fast_bfloat16
from LightSegLib.training.chains import Chain, batch
from LightSegLib.training.checkpoints import PROGRESS_NAME, Progress, load_checkpoint, save_checkpoint
from LightSegLib.training.export import DATA_NAME, describe_data, describe_hardware
from LightSegLib.training.losses import SegmentationLoss, confidence_loss, soft_dice
from LightSegLib.training.pack import PackedCase
from LightSegLib.training.recipe import Recipe
from LightSegLib.training.samples import Sample, SampleStream, SamplingPlan

logger = logging.getLogger(__name__)

LOG_EVERY = 50
LOG_COLUMNS = ("step", "minutes", "loss", "dice", "dice_first", "learning_rate", "seconds_per_step")


class Trainer:
    """Trains one recipe into one folder.

    Args:
        recipe: what to train.
        cases: the pack, already without what is to be left out.
        folder: checkpoints and log; a folder with a checkpoint is resumed.
        minutes: time to spend in all, resumed parts included; the recipe's own by default.
        device: "cpu", "cuda" and so on.
        threads: CPU threads of the network; PyTorch's default if None.
        workers: processes that draw samples.
        left_out: what was left out of the pack on purpose, for the card.
    """

    def __init__(
        self,
        recipe: Recipe,
        cases: Sequence[PackedCase],
        folder: Path,
        *,
        minutes: float | None = None,
        device: str = "cpu",
        threads: int | None = None,
        workers: int = 1,
        left_out: Sequence[str] = (),
    ) -> None:
        if threads:
            torch.set_num_threads(threads)
        self.recipe = recipe
        self.folder = folder
        self.budget = 60.0 * (recipe.minutes if minutes is None else minutes)
        if self.budget <= 0:
            raise TrainingError(
                f"{minutes} minutes is no time to train", "", "Give --minutes a positive number"
            )
        self.device = torch.device(device)
        torch.manual_seed(recipe.seed)
        # Gradients far from any border underflow; arithmetic with denormal numbers is many times slower on a
        # CPU.
        torch.set_flush_denormal(True)
        self.network = build_network(recipe.architecture, recipe.patch).to(self.device)
        self.average = copy.deepcopy(self.network).eval().requires_grad_(False)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self.loss = SegmentationLoss()
        self.progress = Progress()
        if (folder / PROGRESS_NAME).exists():
            self.progress = load_checkpoint(folder, self.network, self.average, self.optimizer)
            logger.info("Resuming at step %d, %.1f minutes", self.progress.step, self.progress.seconds / 60)
        self.half = self.device.type == "cuda" or has_fast_bfloat16()
        if self.half and self.device.type == "cpu":
            _keep_small_grids_exact(self.network)
        self.progress.hardware = describe_hardware(self.device)
        self.about = describe_data(cases, left_out)
        self.cases = cases
        self.workers = workers

    def run(
        self,
        *,
        report: Callable[[float, str], None] | None = None,
        check_cancelled: Callable[[], None] | None = None,
        checkpoint_seconds: float = 300.0,
    ) -> Progress:
        """Train until the time is spent; a checkpoint is written before any exception leaves."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, content in (("recipe.json", self.recipe.to_dict()), (DATA_NAME, self.about)):
            (self.folder / name).write_text(json.dumps(content, indent=1), encoding="utf-8")
        chains = self._chains()
        window: list[tuple[float, float, float]] = []
        saved = last = time.perf_counter()
        try:
            while self.progress.seconds < self.budget:
                window.append(self._step(chains))
                now = time.perf_counter()
                self.progress.seconds += now - last
                last = now
                if self.progress.step % LOG_EVERY == 0:
                    self._log(window, report)
                    window.clear()
                if now - saved > checkpoint_seconds:
                    self.save()
                    saved = now
                if check_cancelled is not None:
                    check_cancelled()
        except (KeyboardInterrupt, Cancelled):
            logger.warning("Stopped at step %d; the same command goes on from there", self.progress.step)
            raise
        finally:
            self.save()
        return self.progress

    def save(self) -> None:
        """Write a checkpoint now."""
        save_checkpoint(self.folder, self.network, self.average, self.optimizer, self.progress)

    def _chains(self) -> list[Chain]:
        recipe = self.recipe
        plan = SamplingPlan(
            recipe.patch, recipe.kinds, recipe.source_weights, recipe.closer, recipe.extent_range
        )
        seed = recipe.seed + 7919 * self.progress.step
        stream = SampleStream(self.cases, plan, seed)
        samples: Iterator[Sample] = iter(stream)
        if self.workers:
            samples = iter(
                DataLoader(
                    stream,
                    batch_size=None,
                    num_workers=self.workers,
                    prefetch_factor=4,
                    persistent_workers=True,
                )
            )
        randoms = [np.random.default_rng([seed, 1, number]) for number in range(recipe.batch)]
        return [Chain(samples, random, recipe.continue_probability) for random in randoms]

    def _step(self, chains: list[Chain]) -> tuple[float, float, float]:
        """One optimiser step; returns loss, Dice, and Dice of those answers that were to a first prompt (or
        NaN).
        """
        first = [chain.answered == 0 for chain in chains]
        image, guidance, target, valid = (part.to(self.device) for part in batch(chains))
        self._set_learning_rate()
        self.network.train()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            output = self.network(image, guidance)
        loss = self.loss([output.logits, output.coarse], target, valid)
        loss = loss + self.recipe.confidence_weight * confidence_loss(
            output.expected, output.logits, target, valid
        )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip_norm)
        if bool(torch.isfinite(norm)):
            self.optimizer.step()
            self._average()
        else:
            logger.warning("Step %d skipped: the gradient is not finite", self.progress.step)
        self.progress.step += 1
        self.progress.samples += len(chains)
        dice = soft_dice(output.logits, target, valid).cpu()
        self._advance(chains, output.logits)
        firsts = dice[torch.tensor(first)]
        return float(loss.detach()), float(dice.mean()), float(firsts.mean()) if len(firsts) else math.nan

    def _advance(self, chains: list[Chain], logits: Tensor) -> None:
        for chain, answer in zip(chains, logits.detach().float().cpu(), strict=True):
            chain.advance(answer[0])

    def _set_learning_rate(self) -> None:
        share = min(1.0, self.progress.seconds / self.budget)
        warm = self.recipe.warm_up
        factor = share / warm if share < warm else 0.5 * (1 + math.cos(math.pi * (share - warm) / (1 - warm)))
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate * max(factor, 1e-3)

    def _average(self) -> None:
        decay = min(self.recipe.average_decay, (1 + self.progress.step) / (10 + self.progress.step))
        with torch.no_grad():
            pairs = zip(self.average.state_dict().values(), self.network.state_dict().values(), strict=True)
            for mean, value in pairs:
                if mean.dtype.is_floating_point:
                    mean.lerp_(value, 1 - decay)

    def _log(
        self, window: list[tuple[float, float, float]], report: Callable[[float, str], None] | None
    ) -> None:
        loss, dice, first = np.nanmean(np.array(window), axis=0)
        minutes = self.progress.seconds / 60
        rate = self.optimizer.param_groups[0]["lr"]
        pace = self.progress.seconds / max(1, self.progress.step)
        path = self.folder / "log.csv"
        new = not path.exists()
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(LOG_COLUMNS)
            row = (loss, dice, first, rate, pace)
            writer.writerow([self.progress.step, f"{minutes:.2f}", *(f"{value:.5g}" for value in row)])
        if report is not None:
            text = f"step {self.progress.step}, loss {loss:.3f}, Dice {dice:.3f}"
            report(min(1.0, self.progress.seconds / self.budget), text)


def _keep_small_grids_exact(network: nn.Module) -> None:
    """Run convolutions whose kernel exceeds their grid in float32 under autocast.

    oneDNN's bfloat16 weight gradient of such a grouped convolution is now and then not finite (seen with
    PyTorch 2.13, kernel 5 on a grid of 3); on grids that small the exact one costs nothing.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv3d) and module.groups > 1:
            module.forward = functools.partial(_forward_exactly_if_small, module)  # type: ignore[method-assign]


def _forward_exactly_if_small(module: nn.Conv3d, x: Tensor) -> Tensor:
    if all(kernel <= length for kernel, length in zip(module.kernel_size, x.shape[2:], strict=True)):
        return nn.Conv3d.forward(module, x)
    with torch.autocast(x.device.type, enabled=False):
        return nn.Conv3d.forward(module, x.float())
