"""Checkpoints: a run comes back exactly, and an interrupted write leaves the one before."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from LightSegLib.errors import TrainingError
from LightSegLib.training import checkpoints
from LightSegLib.training.checkpoints import Progress, load_checkpoint, read_progress, save_checkpoint


class Run:
    """A network of two layers in training."""

    def __init__(self, seed=0, width=3):
        torch.manual_seed(seed)
        self.network, self.average = nn.Sequential(nn.Linear(2, width), nn.Linear(width, 1)), nn.Linear(2, 1)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=0.1)
        self.progress = Progress()

    def step(self):
        self.optimizer.zero_grad()
        self.network(torch.ones(4, 2)).sum().backward()
        self.optimizer.step()
        self.progress.step += 1
        self.progress.seconds += 1.5

    def save(self, folder):
        save_checkpoint(folder, self.network, self.average, self.optimizer, self.progress)

    def load(self, folder):
        self.progress = load_checkpoint(folder, self.network, self.average, self.optimizer)

    def state(self):
        moments = self.optimizer.state_dict()["state"]
        return [
            *self.network.state_dict().values(),
            *self.average.state_dict().values(),
            *(entry[name] for entry in moments.values() for name in sorted(entry)),
        ]


def equal(one, two):
    return len(one) == len(two) and all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


@pytest.fixture
def saved(tmp_path):
    run = Run()
    run.step()
    run.step()
    run.save(tmp_path)
    return run


def test_a_run_comes_back_and_goes_on_as_if_nothing_had_been(saved, tmp_path):
    other = Run(seed=1)
    other.load(tmp_path)
    assert other.progress == saved.progress == Progress(2, 3.0)
    assert equal(other.state(), saved.state())
    saved.step()
    other.step()
    assert equal(other.state(), saved.state())


def test_a_checkpoint_is_safetensors_and_json_only(saved, tmp_path):
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["average.safetensors", "optimizer.safetensors", "progress.json", "weights.safetensors"]


@pytest.mark.parametrize("writes", range(3))
def test_an_interrupted_write_leaves_the_checkpoint_before(saved, tmp_path, monkeypatch, writes):
    before = [part.clone() for part in saved.state()]
    saved.step()
    calls = iter(range(writes))

    def interrupted(tensors, path):
        if next(calls, None) is None:
            path.write_bytes(b"half")
            raise KeyboardInterrupt
        write(tensors, path)

    write = checkpoints.save_file
    monkeypatch.setattr(checkpoints, "save_file", interrupted)
    with pytest.raises(KeyboardInterrupt):
        saved.save(tmp_path)
    other = Run(seed=1)
    other.load(tmp_path)
    assert other.progress.step == 2
    assert equal(other.state(), before)
    monkeypatch.undo()
    saved.save(tmp_path)
    assert not list(tmp_path.glob("*.part"))
    assert read_progress(tmp_path).step == 3


@pytest.mark.parametrize("name", ["average.safetensors", "optimizer.safetensors", "weights.safetensors"])
@pytest.mark.parametrize("content", [None, b"", b"\\x10", b"no tensors at all"])
def test_a_damaged_checkpoint_is_refused(saved, tmp_path, name, content):
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(TrainingError, match="Cannot resume"):
        Run().load(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", '{"step": 1, "stop": 2}'])
def test_damaged_progress_is_refused(saved, tmp_path, text):
    (tmp_path / "progress.json").write_text(text)
    with pytest.raises(TrainingError):
        Run().load(tmp_path)


def test_a_checkpoint_of_another_network_is_refused(saved, tmp_path):
    with pytest.raises(TrainingError, match="recipe that the run was started with"):
        Run(width=4).load(tmp_path)
