"""The table of kept embeddings: every network can be asked, rows say what was measured and how often, and
slow networks are measured less often.
"""

from __future__ import annotations

import json

import pytest
import torch

from LightSegLib.networks.hrmedseg import HRMedSeg
from LightSegLib.networks.hrmedseg_config import HRMedSegConfig
from Testing.Benchmarks import embedding, embedding_subjects
from Testing.Benchmarks.embedding import Kept, kept_table
from Testing.Benchmarks.embedding_subjects import Subject, ask_slice, subjects


def tiny() -> HRMedSeg:
    return HRMedSeg(
        HRMedSegConfig(
            image_size=64, dim=8, depths=(1, 1, 1, 1), heads=(1, 2, 2), embedding_ch=16, decoder_heads=2
        )
    )


class Slow:
    """A network whose work takes no time, except by a clock of its own.

    Args:
        encode_seconds: what a look at the image adds to the clock; a click adds one.
    """

    def __init__(self, encode_seconds: float) -> None:
        self.encode_seconds = encode_seconds
        self.now = 0.0

    def eval(self) -> Slow:
        return self

    def encode(self, image: torch.Tensor) -> torch.Tensor:
        self.now += self.encode_seconds
        return image

    def decode(self, embedding: torch.Tensor, *_: torch.Tensor | None) -> torch.Tensor:
        self.now += 1.0
        return embedding


def rows_of(
    network: Slow, repeats: int, monkeypatch: pytest.MonkeyPatch, precisions: tuple[str, ...] = ("float32",)
) -> list[Kept]:
    monkeypatch.setattr(embedding, "perf_counter", lambda: network.now)
    monkeypatch.setattr(embedding, "precisions", lambda: precisions)
    return embedding.measure(Subject("Slow", (1, 4, 4), lambda: network, ask_slice), repeats)


def test_published_networks_come_first() -> None:
    first, second, *_ = subjects()
    assert (first.title, first.shape) == ("HRMedSeg, published", (3, 1024, 1024))
    assert (second.title, second.shape) == ("RefSAM3D, base", (1, 64, 64, 64))


@pytest.mark.parametrize("title", ["HRMedSeg, hrmedseg-2d", "RefSAM3D small, 64", "RefSAM3D, refsam3d-small"])
def test_every_small_subject_encodes_and_answers_a_click(title: str) -> None:
    subject = next(subject for subject in subjects() if subject.title == title)
    network, image = subject.build().eval(), torch.zeros(1, *subject.shape)
    place = torch.full((1, 1, len(subject.shape) - 1), 20.0)
    with torch.inference_mode():
        kept = network.encode(image)
        first = subject.ask(network, kept, place, None)
        assert subject.ask(network, kept, place, subject.shown(first)).shape == first.shape


def test_the_published_volume_network_takes_its_foreground_as_the_answer_before() -> None:
    subject = next(subject for subject in subjects() if subject.title == "RefSAM3D, base")
    with torch.device("meta"), torch.inference_mode():  # shapes without the work
        network = subject.build().eval()
        kept, place = network.encode(torch.zeros(1, *subject.shape)), torch.full((1, 1, 3), 20.0)
        first = subject.ask(network, kept, place, None)
        previous = subject.shown(first)
        second = subject.ask(network, kept, place, previous)
    assert sum(weight.numel() for weight in network.parameters()) == 105_761_208
    assert first.shape == second.shape == (1, 2, 64, 64, 64)
    assert previous.shape == (1, 1, 64, 64, 64)


def test_the_foreground_of_two_classes_is_the_probability_of_the_second() -> None:
    logits = torch.tensor([0.0, 2.0]).reshape(1, 2, 1, 1, 1).expand(1, 2, 2, 2, 2)
    assert torch.allclose(
        embedding_subjects.foreground(logits), torch.tensor(2.0).sigmoid().expand(1, 1, 2, 2, 2)
    )


def test_a_full_pass_is_a_look_at_the_image_and_a_click(monkeypatch: pytest.MonkeyPatch) -> None:
    (row,) = rows_of(Slow(encode_seconds=3.0), 4, monkeypatch)
    assert (row.encode, row.decode, row.full, row.times_faster) == (3.0, 1.0, 4.0, 4.0)
    assert row.rounds == 4


@pytest.mark.parametrize(
    ("encode_seconds", "repeats", "rounds"),
    [
        (100.0, 9, 2),  # the time is spent before the first round: two all the same
        (100.0, 1, 1),  # no more than were asked for
        (8.0, 9, 5),  # 10 s to warm up and 10 s each round
        (3.0, 9, 9),
    ],
)
def test_a_slow_network_has_fewer_rounds(
    encode_seconds: float, repeats: int, rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (row,) = rows_of(Slow(encode_seconds), repeats, monkeypatch)
    assert row.rounds == rounds


def test_each_number_format_has_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rows_of(Slow(8.0), 9, monkeypatch, ("float32", "bfloat16"))
    assert [(row.precision, row.rounds) for row in rows] == [("float32", 5), ("bfloat16", 5)]


def test_the_table_says_how_many_times_faster_and_where_that_is_too_little() -> None:
    table = kept_table(
        [
            Kept("Fast", (3, 64, 64), "float32", 9, 0.3, 0.05, 0.35),
            Kept("Slow", (1, 32, 32, 32), "bfloat16", 2, 0.1, 0.1, 0.2),
        ]
    )
    heading, _, fast, slow = table.splitlines()
    assert "| rounds " in heading
    assert "3 x 64 x 64" in fast
    assert "350.0 ms" in fast
    assert "| 9 " in fast
    assert "| 7.0 " in fast
    assert "OK" in fast
    assert "| 2.0 " in slow
    assert "short of 3" in slow


def test_the_benchmark_prints_a_table_and_writes_json(capsys, tmp_path, monkeypatch) -> None:
    chosen = [Subject("Tiny", (3, 64, 64), tiny, ask_slice), Subject("Other", (1,), tiny, print)]
    monkeypatch.setattr(embedding_subjects, "subjects", lambda: chosen)
    threads, path = torch.get_num_threads(), tmp_path / "e.json"
    try:
        assert embedding.main(["--network", "tiny", "--repeats", "2", "--json", str(path)]) == 0
    finally:
        torch.set_num_threads(threads)
    assert "Tiny" in capsys.readouterr().out
    rows = json.loads(path.read_text())["embedding"]
    assert rows[0]["precision"] == "float32"
    assert rows[0]["times_faster"] == pytest.approx(rows[0]["full"] / rows[0]["decode"])
    assert rows[0]["rounds"] == 2


@pytest.mark.parametrize("arguments", [["--repeats", "0"], ["--threads", "0"]])
def test_nothing_to_measure_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit):
        embedding.parse(arguments)
