"""The speed table of networks: ours build at the cube asked for, and rows say what was measured."""

from __future__ import annotations

import json

import pytest
import torch

from LightSegLib.networks.cost import measure_cost
from LightSegLib.networks.cpu_ops import Conv3d
from Testing.Benchmarks import networks
from Testing.Benchmarks.in_turns import Turns, measure_in_turns
from Testing.Benchmarks.peers import Peer, PeerResult


@pytest.mark.parametrize("cube", [64, 96])
def test_our_networks_take_the_cube(cube: int) -> None:
    for network in networks.our_networks(cube):
        if network.title == "VeloxSeg" and cube != 96:
            continue  # its windows divide 96
        cost = measure_cost(network.build, (network.channels, cube, cube, cube))
        assert cost.macs > 1e8


def test_the_table_measures_everything_in_passes_of_the_fastest() -> None:
    table = networks.speed_table(
        [
            PeerResult("a", "Ours", 2, 96, 1_670_000, 0.2, 0.1, 100_000_000),
            PeerResult("b", "Theirs", 1, 96, 4_700_000, 0.5, None, 900_000_000),
            PeerResult("c", "Absent", 1, 96, problem="not installed"),
        ],
        {"a": Turns(0.7, 0.2, 0.1, 2e-6)},
    )
    ours, theirs, absent = table.splitlines()[2:]
    assert "| 700 ms           | 200 ms  | 2e-06" in ours
    assert "100 ms" in ours
    assert "| 1.0 " in ours
    assert "| 5.0 " in theirs
    assert "1.67 M" in ours
    assert "not installed" in absent


def test_both_ways_are_measured_and_say_the_same() -> None:
    peer = Peer("tiny", "Tiny", 2, 8, lambda: Conv3d(2, 3, 1))
    turns = measure_in_turns(peer, 2)
    assert turns.usual > 0
    assert turns.ours > 0
    assert turns.difference < 1e-5


@pytest.mark.slow
def test_the_benchmark_prints_a_row_for_each_network(capsys, tmp_path, monkeypatch) -> None:
    small = [networks.our_networks(64)[1]]
    monkeypatch.setattr(networks, "our_networks", lambda cube: small)
    threads = torch.get_num_threads()
    try:
        assert (
            networks.main(
                ["--cube", "64", "--no-peers", "--repeats", "1", "--json", str(tmp_path / "n.json")]
            )
            == 0
        )
    finally:
        torch.set_num_threads(threads)
    assert "SegMaFormer" in capsys.readouterr().out
    written = json.loads((tmp_path / "n.json").read_text())
    assert written["in_turns"]["segmaformer"]["difference"] < 1e-5


def test_a_cube_too_small_and_no_repeats_are_refused() -> None:
    with pytest.raises(SystemExit):
        networks.parse(["--cube", "8"])
    with pytest.raises(SystemExit):
        networks.parse(["--repeats", "0"])
