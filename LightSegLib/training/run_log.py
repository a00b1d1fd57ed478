"""The log of a training run: log.csv, a row for every window of steps."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path

from LightSegLib.training.checkpoints import Progress

LOG_NAME = "log.csv"
LOG_COLUMNS = ("step", "minutes", "loss", "dice", "dice_first", "learning_rate", "seconds_per_step")


def append_row(
    folder: Path, progress: Progress, window: Sequence[tuple[float, float, float]], learning_rate: float
) -> str:
    """Append a row to the log of a run, which begins with a header.

    Args:
        folder: of the run.
        progress: how far it is.
        window: loss, Dice, and Dice of answers to a first prompt (or NaN) of every step since the last row.
        learning_rate: of the last step.

    Returns:
        The row in words: "step 50, loss 0.412, Dice 0.733".
    """
    columns = [[value for value in column if math.isfinite(value)] for column in zip(*window, strict=True)]
    loss, dice, first = (sum(column) / len(column) if column else math.nan for column in columns)
    pace = progress.seconds / max(1, progress.step)
    path = folder / LOG_NAME
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(LOG_COLUMNS)
        row = (loss, dice, first, learning_rate, pace)
        writer.writerow([progress.step, f"{progress.seconds / 60:.2f}", *(f"{value:.5g}" for value in row)])
    return f"step {progress.step}, loss {loss:.3f}, Dice {dice:.3f}"
