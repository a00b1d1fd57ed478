"""The table of kept embeddings: every network can be asked, and rows say what was measured."""

from __future__ import annotations

import json

import pytest
import torch

from LightSegLib.networks.hrmedseg import HRMedSeg
from LightSegLib.networks.hrmedseg_config import HRMedSegConfig
from Testing.Benchmarks import embedding
from Testing.Benchmarks.embedding import Kept, Subject, kept_table


def tiny() -> HRMedSeg:
    return HRMedSeg(
        HRMedSegConfig(
            image_size=64, dim=8, depths=(1, 1, 1, 1), heads=(1, 2, 2), embedding_ch=16, decoder_heads=2
        )
    )


def test_every_subject_encodes_and_answers_a_click() -> None:
    subjects = embedding.subjects()
    assert [subject.shape[-1] for subject in subjects] == [1024, 256, 64, 96, 72]
    for subject in (*subjects[1:3], subjects[4]):  # the others are the same networks on larger inputs
        network, image = subject.build().eval(), torch.zeros(1, *subject.shape)
        place = torch.full((1, 1, len(subject.shape) - 1), 20.0)
        with torch.inference_mode():
            kept = network.encode(image)
            first = subject.ask(network, kept, place, None)
            assert subject.ask(network, kept, place, first).shape == first.shape


def test_the_table_says_how_many_times_faster_and_where_that_is_too_little() -> None:
    table = kept_table(
        [
            Kept("Fast", (3, 64, 64), "float32", 0.3, 0.05, 0.35),
            Kept("Slow", (1, 32, 32, 32), "bfloat16", 0.1, 0.1, 0.2),
        ]
    )
    fast, slow = table.splitlines()[2:]
    assert "3 x 64 x 64" in fast
    assert "350.0 ms" in fast
    assert "| 7.0 " in fast
    assert "OK" in fast
    assert "| 2.0 " in slow
    assert "short of 3" in slow


def test_the_benchmark_prints_a_table_and_writes_json(capsys, tmp_path, monkeypatch) -> None:
    subjects = [Subject("Tiny", (3, 64, 64), tiny, embedding._ask_slice), Subject("Other", (1,), tiny, print)]
    monkeypatch.setattr(embedding, "subjects", lambda: subjects)
    threads, path = torch.get_num_threads(), tmp_path / "e.json"
    try:
        assert embedding.main(["--network", "tiny", "--repeats", "2", "--json", str(path)]) == 0
    finally:
        torch.set_num_threads(threads)
    assert "Tiny" in capsys.readouterr().out
    rows = json.loads(path.read_text())["embedding"]
    assert rows[0]["precision"] == "float32"
    assert rows[0]["times_faster"] == pytest.approx(rows[0]["full"] / rows[0]["decode"])


@pytest.mark.parametrize("arguments", [["--repeats", "0"], ["--threads", "0"]])
def test_nothing_to_measure_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit):
        embedding.parse(arguments)
