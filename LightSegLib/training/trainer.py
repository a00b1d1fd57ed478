"""The trainer: one recipe, one pack, a bounded time; resumable, on a CPU or a GPU alike.

On Linux with glibc, set MALLOC_MMAP_THRESHOLD_=2000000000 and MALLOC_TRIM_THRESHOLD_=4000000000 before the
process starts: memory that a step frees then stays with the process, and the page faults of getting it anew,
up to a third of a step's time on a CPU, are saved.
"""

from __future__ import annotations

import copy
import csv
import json
import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from LightSegLib.errors import Cancelled, LightSegError, TrainingError
from LightSegLib.models.build import build_network, image_channels
from LightSegLib.models.promptable import PromptableOutput
from LightSegLib.training.chains import Chain, batch
from LightSegLib.training.checkpoints import PROGRESS_NAME, Progress, load_checkpoint, save_checkpoint
from LightSegLib.training.export import DATA_NAME, describe_data, describe_hardware
from LightSegLib.training.losses import (
    SegmentationLoss,
    confidence_loss,
    reconstruction_loss,
    soft_dice,
    texture_loss,
)
from LightSegLib.training.mixed_precision import prefers_bfloat16, prepare_grouped_convolutions
from LightSegLib.training.pack import PackedCase
from LightSegLib.training.recipe import Recipe
from LightSegLib.training.samples import Sample, SampleStream, SamplingPlan
from LightSegLib.training.starting import start_from

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
        beginning: a trained model, by name or folder, whose weights a new run begins with; random ones if
            None. A resumed run has weights of its own.

    Raises:
        TrainingError: no time to train, a checkpoint or a beginning that does not fit, or a recipe that
            weighs teachers but builds none.
        ModelError: there is no such beginning, or it is damaged.
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
        beginning: str | Path | None = None,
    ) -> None:
        if threads:
            torch.set_num_threads(threads)
        self.recipe = recipe
        self.folder = folder
        self.budget = 60.0 * (recipe.minutes if minutes is None else minutes)
        if not 0 < self.budget < math.inf:
            raise TrainingError(
                f"{self.budget / 60:g} minutes is no time to train", "", "Give --minutes a positive number"
            )
        self.device = torch.device(device)
        torch.manual_seed(recipe.seed)
        self.network = build_network(recipe.architecture, recipe.patch).to(self.device)
        self.taught = recipe.texture_weight > 0 or recipe.reconstruction_weight > 0
        if self.taught and not self.network.has_teachers:
            raise _no_teachers(recipe)
        self.progress = Progress()
        if beginning is not None and not (folder / PROGRESS_NAME).exists():
            self.progress.started_from = start_from(beginning, self.network)
        self.average = copy.deepcopy(self.network).eval().requires_grad_(False)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self.loss = SegmentationLoss()
        if (folder / PROGRESS_NAME).exists():
            self.progress = load_checkpoint(folder, self.network, self.average, self.optimizer)
            logger.info("Resuming at step %d, %.1f minutes", self.progress.step, self.progress.seconds / 60)
        self.half = prefers_bfloat16(self.device)
        if self.half and self.device.type == "cpu":
            prepare_grouped_convolutions(self.network)
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
        """Train until the time is spent; a checkpoint is written before any exception leaves.

        Args:
            report: called every 50 steps with the share of the time spent, 0 to 1, and a line of text.
            check_cancelled: called after every step; may raise `Cancelled`.
            checkpoint_seconds: time between checkpoints.

        Raises:
            TrainingError: a process that draws samples ended. Whatever else is raised leaves as it is.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, content in (("recipe.json", self.recipe.to_dict()), (DATA_NAME, self.about)):
            (self.folder / name).write_text(json.dumps(content, indent=1), encoding="utf-8")
        # Gradients far from any border underflow, and arithmetic with denormal numbers is many times slower
        # on a CPU. The setting holds for the whole process, so it is taken back.
        torch.set_flush_denormal(True)
        try:
            self._train(report, check_cancelled, checkpoint_seconds)
        except (KeyboardInterrupt, Cancelled):
            logger.warning("Stopped at step %d; the same command goes on from there", self.progress.step)
            raise
        except (RuntimeError, LightSegError) as error:
            if "DataLoader worker" not in str(error):
                raise
            if self.progress.step:
                self.save()  # again: PyTorch tells of a dead process between any two lines, even of saving
            raise TrainingError(
                f"A process that draws samples ended at step {self.progress.step}",
                str(error).strip().splitlines()[-1],
                "The same command goes on from there; if memory ran out, give --workers 0",
            ) from error
        finally:
            torch.set_flush_denormal(False)
        return self.progress

    def _train(
        self,
        report: Callable[[float, str], None] | None,
        check_cancelled: Callable[[], None] | None,
        checkpoint_seconds: float,
    ) -> None:
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
        finally:
            self.save()
            if window:
                self._log(window, report)

    def save(self) -> None:
        """Write a checkpoint now."""
        save_checkpoint(self.folder, self.network, self.average, self.optimizer, self.progress)

    def _chains(self) -> list[Chain]:
        recipe = self.recipe
        plan = SamplingPlan(
            recipe.patch,
            recipe.kinds,
            recipe.source_weights,
            recipe.closer,
            recipe.extent_range,
            recipe.plain,
            image_channels(recipe.architecture),
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
        randoms = [np.random.default_rng([seed, number, 1]) for number in range(recipe.batch)]
        return [Chain(samples, random, recipe.continue_probability) for random in randoms]

    def _step(self, chains: list[Chain]) -> tuple[float, float, float]:
        """One optimiser step; returns loss, Dice, and Dice of those answers that were to a first prompt (or
        NaN).
        """
        first = [chain.answered == 0 for chain in chains]
        image, guidance, target, valid = (part.to(self.device) for part in batch(chains))
        self._set_learning_rate()
        self.network.train()
        output, loss = self._answer(image, guidance, target, valid)
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

    def _answer(
        self, image: Tensor, guidance: Tensor, target: Tensor, valid: Tensor
    ) -> tuple[PromptableOutput, Tensor]:
        """The network's answer and its loss, teachers included where the recipe weighs them."""
        recipe, teaching = self.recipe, None
        with torch.autocast(self.device.type, torch.bfloat16) if self.half else nullcontext():
            if self.taught:
                output, teaching = self.network.forward_with_teachers(image, guidance)
            else:
                output = self.network(image, guidance)
        loss = self.loss([output.logits, output.coarse], target, valid)
        sure = confidence_loss(output.expected, output.logits, target, valid)
        loss = loss + recipe.confidence_weight * sure
        if teaching is not None:
            texture = texture_loss(teaching.student_gram, teaching.teacher_grams)
            redrawn = reconstruction_loss(teaching.reconstruction, teaching.target, valid)
            loss = loss + recipe.texture_weight * texture + recipe.reconstruction_weight * redrawn
        return output, loss

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
        columns = [
            [value for value in column if math.isfinite(value)] for column in zip(*window, strict=True)
        ]
        loss, dice, first = (sum(column) / len(column) if column else math.nan for column in columns)
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


def _no_teachers(recipe: Recipe) -> TrainingError:
    return TrainingError(
        "The recipe weighs texture teachers that its network does not have",
        f"texture_weight {recipe.texture_weight:g}, reconstruction_weight {recipe.reconstruction_weight:g}",
        'Let the architecture\'s config say "reconstruction": [1], or set both weights to 0',
    )
