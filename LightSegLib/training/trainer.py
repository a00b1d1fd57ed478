"""The trainer: one recipe, one pack, a bounded time; resumable, on a CPU or a GPU alike.

On Linux with glibc, set MALLOC_MMAP_THRESHOLD_=2000000000 and MALLOC_TRIM_THRESHOLD_=4000000000 before the
process starts: memory that a step frees then stays with the process, and the page faults of getting it anew,
up to a third of a step's time on a CPU, are saved.
"""

from __future__ import annotations

import copy
import json
import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from LightSegLib.errors import Cancelled, LightSegError, TrainingError
from LightSegLib.models.build import build_network
from LightSegLib.models.promptable import PromptableNetwork, PromptableOutput
from LightSegLib.training.answer_teacher import AnswerTeacher, read_answer_teacher
from LightSegLib.training.chains import Batch, Chain, batch
from LightSegLib.training.checkpoints import PROGRESS_NAME, Progress, load_checkpoint, save_checkpoint
from LightSegLib.training.export import DATA_NAME, describe_data, describe_hardware
from LightSegLib.training.losses import (
    SegmentationLoss,
    confidence_loss,
    reconstruction_loss,
    soft_dice,
    soft_label_loss,
    texture_loss,
)
from LightSegLib.training.mixed_precision import prefers_bfloat16, prepare_grouped_convolutions
from LightSegLib.training.name_codes import teach_codes
from LightSegLib.training.names import names_for
from LightSegLib.training.pack import PackedCase
from LightSegLib.training.recipe import Recipe
from LightSegLib.training.run_log import append_row
from LightSegLib.training.samples import Sample, SampleStream, SamplingPlan
from LightSegLib.training.slots import Learnt, Slot
from LightSegLib.training.starting import start_from

logger = logging.getLogger(__name__)

LOG_EVERY = 50


class Trainer:
    """Trains one recipe of a network of volumes into one folder.

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
        TrainingError: no time to train, a checkpoint, a beginning or a teacher that does not fit, a recipe
            that weighs texture teachers but builds none, or one whose network takes texts of another width
            than the vocabulary's.
        DataError: a recipe with text, and no structure of the pack has a name.
        ModelError: there is no such beginning or teacher, or it is damaged.
    """

    stream_kind: Callable[..., SampleStream] = SampleStream
    chain_kind: Callable[..., Slot] = Chain
    teacher: AnswerTeacher | None = None

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
        self.taught = recipe.texture_weight > 0 or recipe.reconstruction_weight > 0
        self.network: nn.Module = self._built().to(self.device)
        names = names_for(recipe, cases)
        if names is not None:
            teach_codes(self.network, names)
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
        self.about = describe_data(cases, left_out, names.taught if names else [])
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

    def _built(self) -> nn.Module:
        """The network with random weights; its teacher of answers, if there is one, stands outside it."""
        network = build_network(self.recipe.architecture, self.recipe.patch)
        if self.taught and not network.has_teachers:
            raise _no_teachers(self.recipe)
        if self.recipe.teacher:
            self.teacher = read_answer_teacher(self.recipe)
            self.teacher.network.to(self.device)
        return network

    def save(self) -> None:
        """Write a checkpoint now."""
        save_checkpoint(self.folder, self.network, self.average, self.optimizer, self.progress)

    def _chains(self) -> Sequence[Slot]:
        recipe = self.recipe
        seed = recipe.seed + 7919 * self.progress.step
        stream = self.stream_kind(self.cases, SamplingPlan.of(recipe), seed)
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
        return [self.chain_kind(samples, random, recipe.continue_probability) for random in randoms]

    def _step(self, chains: Sequence[Slot]) -> tuple[float, float, float]:
        """One optimiser step; returns loss, Dice, and Dice of the answers to a first prompt (or NaN)."""
        first = [chain.answered == 0 for chain in chains]
        self._set_learning_rate()
        self.network.train()
        learnt = self._learn(chains)
        self.optimizer.zero_grad(set_to_none=True)
        learnt.loss.backward()
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip_norm)
        if bool(torch.isfinite(norm)):
            self.optimizer.step()
            self._average()
        else:
            logger.warning("Step %d skipped: the gradient is not finite", self.progress.step)
        self.progress.step += 1
        self.progress.samples += len(chains)
        dice = soft_dice(learnt.logits, learnt.target, learnt.valid).cpu()
        for chain, answer in zip(chains, learnt.logits.detach().float().cpu(), strict=True):
            chain.advance(answer[0])
        firsts = dice[torch.tensor(first)]
        first_dice = float(firsts.mean()) if len(firsts) else math.nan
        return float(learnt.loss.detach()), float(dice.mean()), first_dice

    def _learn(self, chains: Sequence[Slot]) -> Learnt:
        """Show the network what the chains hold, and judge its answers."""
        given = Batch(*(part.to(self.device) for part in batch(cast("Sequence[Chain]", chains))))
        output, loss = self._answer(*given)
        return Learnt(loss, output.logits, given.target, given.valid)

    def _answer(
        self, image: Tensor, guidance: Tensor, target: Tensor, valid: Tensor, text: Tensor | None = None
    ) -> tuple[PromptableOutput, Tensor]:
        """The network's answer and its loss, teachers included where the recipe weighs them."""
        recipe, teaching, wanted = self.recipe, None, None
        told = text if text is not None and text.shape[1] else None
        network = cast(PromptableNetwork, self.network)
        with torch.autocast(self.device.type, torch.bfloat16) if self.half else nullcontext():
            if self.taught:
                output, teaching = network.forward_with_teachers(image, guidance, told)
            else:
                output = network(image, guidance, told)
            if self.teacher is not None:
                wanted = self.teacher.probabilities(image, guidance, told)
        loss = self.loss([output.logits, output.coarse], target, valid)
        sure = confidence_loss(output.expected, output.logits, target, valid, empty_is_zero=True)
        loss = loss + recipe.confidence_weight * sure
        if teaching is not None:
            texture = texture_loss(teaching.student_gram, teaching.teacher_grams)
            redrawn = reconstruction_loss(teaching.reconstruction, teaching.target, valid)
            loss = loss + recipe.texture_weight * texture + recipe.reconstruction_weight * redrawn
        if wanted is not None:
            loss = loss + recipe.distillation_weight * soft_label_loss(output.logits, wanted, valid)
        return output, loss

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
        text = append_row(self.folder, self.progress, window, self.optimizer.param_groups[0]["lr"])
        if report is not None:
            report(min(1.0, self.progress.seconds / self.budget), text)


def _no_teachers(recipe: Recipe) -> TrainingError:
    return TrainingError(
        "The recipe weighs texture teachers that its network does not have",
        f"texture_weight {recipe.texture_weight:g}, reconstruction_weight {recipe.reconstruction_weight:g}",
        'Let the architecture\'s config say "reconstruction": [1], or set both weights to 0',
    )
