"""The trainer on the smallest network: it learns, it is resumed, and no mishap costs the run."""

from __future__ import annotations

import csv
import logging
import multiprocessing
import os
import pickle
import signal
from itertools import repeat

import numpy as np
import pytest
import torch
from training_cases import TenStepsPerSecond, ball_case, stop_after, tiny_recipe

from LightSegLib.errors import Cancelled, DataError, ModelError, TrainingError
from LightSegLib.training import trainer as training
from LightSegLib.training.checkpoints import read_progress
from LightSegLib.training.export import export_model
from LightSegLib.training.run_log import LOG_COLUMNS
from LightSegLib.training.trainer import Trainer

SIMPLE = {"kinds": {"real": 1.0}, "closer": 0.0, "extent_range": [0.4, 0.6]}


@pytest.fixture
def clock(monkeypatch):
    return TenStepsPerSecond(monkeypatch)


@pytest.fixture
def trainer(tmp_path):
    """Make a trainer; all of a test write into the same folder."""

    def make(minutes=None, workers=0, left_out=(), **entries):
        recipe = tiny_recipe(**{**SIMPLE, **entries})
        folder = tmp_path / "run"
        return Trainer(recipe, [ball_case()], folder, minutes=minutes, workers=workers, left_out=left_out)

    return make


def weights(network):
    return [value.clone() for value in network.state_dict().values()]


def equal(one, two):
    return all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


def log(folder):
    with (folder / "log.csv").open(encoding="utf-8") as file:
        return list(csv.reader(file))


# --- Learning -----------------------------------------------------------------------------------------------


def test_a_few_steps_reduce_the_loss(trainer, clock, monkeypatch):
    monkeypatch.setattr(training, "LOG_EVERY", 5)
    run = trainer(clock.minutes(25), learning_rate=3e-3, continue_probability=0.0, warm_up=0.0)
    chain = run._chains()[0]
    sample = next(chain.stream)
    chain.stream = repeat(sample)
    monkeypatch.setattr(run, "_chains", lambda: [chain])
    run.run()
    losses = [float(row[LOG_COLUMNS.index("loss")]) for row in log(run.folder)[1:]]
    assert len(losses) == 5
    assert losses[-1] < 0.6 * losses[0]


def test_the_average_follows_the_weights(trainer, clock):
    run = trainer(clock.minutes(3))
    began = weights(run.network)
    run.run()
    now, mean = weights(run.network), weights(run.average)
    for first, last, between in zip(began, now, mean, strict=True):
        assert (between - last).abs().max() <= (first - last).abs().max() + 1e-6
    assert not equal(began, mean)
    assert not any(value.requires_grad for value in run.average.parameters())


def test_the_learning_rate_rises_and_falls_to_nothing(trainer):
    run = trainer(10.0, warm_up=0.1, learning_rate=1.0)
    rates = []
    for share in (0.05, 0.1, 0.55, 1.0, 1.5):
        run.progress.seconds = share * 600
        run._set_learning_rate()
        rates.append(run.optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([0.5, 1.0, 0.5, 1e-3, 1e-3])


def test_the_time_is_kept_and_told(trainer, clock, monkeypatch):
    monkeypatch.setattr(training, "LOG_EVERY", 2)
    told = []
    done = trainer(clock.minutes(5)).run(report=lambda share, text: told.append((share, text)))
    assert (done.step, done.samples) == (5, 5)
    assert done.seconds == pytest.approx(0.5)
    assert [round(share, 2) for share, _ in told] == [0.44, 0.89, 1.0]
    assert "step 2, loss" in told[0][1]


@pytest.mark.parametrize("minutes", [0, -1, float("nan"), float("inf")])
def test_no_time_to_train_is_refused(trainer, minutes):
    with pytest.raises(TrainingError, match="no time to train"):
        trainer(minutes)


def test_the_recipe_s_own_time_must_be_one_too(tmp_path):
    with pytest.raises(TrainingError, match="0 minutes"):
        Trainer(tiny_recipe(minutes=0), [ball_case()], tmp_path)


def test_a_network_that_cannot_be_built_is_refused(tmp_path):
    with pytest.raises(ModelError):
        Trainer(tiny_recipe(patch=30), [ball_case()], tmp_path)


# --- Resuming -----------------------------------------------------------------------------------------------


def test_a_resumed_run_goes_on_where_it_was(trainer, clock):
    first = trainer(clock.minutes(6))
    with pytest.raises(Cancelled):
        first.run(check_cancelled=stop_after(3))
    second = trainer(clock.minutes(6))
    assert second.progress == first.progress
    assert (second.progress.step, second.progress.samples) == (3, 3)
    assert second.progress.seconds == pytest.approx(0.3)
    assert equal(weights(second.network), weights(first.network))
    assert equal(weights(second.average), weights(first.average))
    moments = [run.optimizer.state_dict()["state"] for run in (first, second)]
    assert moments[0].keys() == moments[1].keys() != set()
    for number, entry in moments[0].items():
        assert all(torch.equal(value, moments[1][number][name]) for name, value in entry.items())
    assert second.run().step == 6


def test_a_run_whose_time_is_spent_is_left_as_it_is(trainer, clock):
    first = trainer(clock.minutes(2))
    first.run()
    second = trainer(clock.minutes(2))
    second.run()
    assert second.progress.step == 2
    assert equal(weights(first.average), weights(second.average))


def test_another_recipe_does_not_resume_a_run(trainer, clock):
    trainer(clock.minutes(1)).run()
    wide = {"network": "veloxseg", "config": {"patch_size": 2, "base_ch": 16, "deep_supervision": False}}
    with pytest.raises(TrainingError, match="Cannot resume"):
        trainer(clock.minutes(2), architecture=wide)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, Cancelled("Stopped"), ZeroDivisionError])
def test_whatever_ends_a_run_leaves_a_usable_checkpoint(trainer, clock, stop):
    run = trainer(10.0)

    def check():
        if run.progress.step == 2:
            raise stop

    with pytest.raises(stop if isinstance(stop, type) else type(stop)):
        run.run(check_cancelled=check)
    assert read_progress(run.folder).step == 2
    again = trainer(10.0)
    assert equal(weights(again.network), weights(run.network))
    export_model(run.folder, run.folder / "tiny")


def test_checkpoints_are_written_on_the_way(trainer, clock):
    run = trainer(10.0)
    seen = []

    def check():
        saved = (run.folder / "progress.json").exists()
        seen.append(read_progress(run.folder).step if saved else 0)
        if len(seen) == 6:
            raise Cancelled("Stopped")

    with pytest.raises(Cancelled):
        run.run(check_cancelled=check, checkpoint_seconds=0.25)
    assert seen == [0, 0, 3, 3, 3, 6]


def test_the_log_has_one_header_and_goes_on_when_resumed(trainer, clock, monkeypatch):
    monkeypatch.setattr(training, "LOG_EVERY", 2)
    run = trainer(clock.minutes(5))
    with pytest.raises(Cancelled):
        run.run(check_cancelled=stop_after(3))
    trainer(clock.minutes(5)).run()
    header, *rows = log(run.folder)
    assert tuple(header) == LOG_COLUMNS
    assert [int(row[0]) for row in rows] == [2, 3, 4, 5]
    assert np.isfinite(np.array([row[:4] for row in rows], dtype=float)).all()


def test_no_file_is_ever_pickled(trainer, clock, monkeypatch):
    def forbidden(*arguments, **settings):
        raise AssertionError("pickled")

    for module, names in ((pickle, ("dump", "load", "Pickler", "Unpickler")), (torch, ("save", "load"))):
        for name in names:
            monkeypatch.setattr(module, name, forbidden)
    trainer(clock.minutes(1)).run()
    run = trainer(clock.minutes(2))
    run.run()
    export_model(run.folder, run.folder / "tiny")
    kinds = {path.suffix for path in run.folder.rglob("*") if path.is_file()}
    assert kinds == {".safetensors", ".json", ".csv"}


# --- Mishaps ------------------------------------------------------------------------------------------------


def test_a_gradient_that_is_not_finite_skips_the_step_and_training_goes_on(trainer, clock, caplog):
    run = trainer(clock.minutes(4))
    loss, history = run.loss, []

    def spoilt(*arguments):
        history.append((weights(run.network), weights(run.average)))
        return loss(*arguments) * (float("nan") if len(history) == 2 else 1.0)

    run.loss = spoilt
    with caplog.at_level(logging.WARNING, training.__name__):
        done = run.run()
    assert done.step == 4
    assert "Step 1 skipped" in caplog.text
    assert equal(history[1][0], history[2][0])  # the spoilt step
    assert equal(history[1][1], history[2][1])
    assert not equal(history[2][0], history[3][0])
    assert all(torch.isfinite(value).all() for value in weights(run.network) + weights(run.average))
    assert all(cell != "nan" for cell in log(run.folder)[1][:4])


def test_workers_draw_and_the_network_learns(trainer, clock):
    assert trainer(clock.minutes(3), workers=1).run().step == 3


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs signals")
def test_a_worker_that_dies_ends_the_run_with_a_checkpoint(trainer):
    run = trainer(10.0, workers=1)

    def kill():
        if run.progress.step == 2:
            for process in multiprocessing.active_children():
                os.kill(process.pid, signal.SIGKILL)

    with pytest.raises(TrainingError, match="process that draws samples ended") as raised:
        run.run(check_cancelled=kill)
    assert "--workers 0" in raised.value.next_step
    assert read_progress(run.folder).step == run.progress.step >= 2
    trainer(10.0)  # resumes


def test_a_worker_s_own_error_is_told_in_one_line(trainer, monkeypatch):
    monkeypatch.setattr("LightSegLib.training.samples.MAX_FRUITLESS", 0)
    with pytest.raises(TrainingError) as raised:
        trainer(10.0, workers=1).run()
    assert "no sample showed enough" in raised.value.why
    assert "\n" not in str(raised.value)


def test_a_run_that_never_began_leaves_no_checkpoint(trainer, monkeypatch):
    monkeypatch.setattr("LightSegLib.training.samples.MAX_FRUITLESS", 0)
    run = trainer(10.0)
    with pytest.raises(DataError):
        run.run()
    assert not (run.folder / "progress.json").exists()


def test_a_run_leaves_the_arithmetic_of_the_process_as_it_was(trainer, clock):
    trainer(clock.minutes(1)).run()
    denormal = torch.tensor([1e-41])
    assert float((denormal * torch.tensor([0.5]))[0]) > 0
