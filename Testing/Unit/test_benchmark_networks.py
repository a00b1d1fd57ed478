"""The speed table of networks: ours build at the cube asked for, and rows say what was measured."""

from __future__ import annotations

import pytest
import torch

from LightSegLib.networks.cost import measure_cost
from Testing.Benchmarks import networks
from Testing.Benchmarks.peers import PeerResult


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
        ]
    )
    ours, theirs, absent = table.splitlines()[2:]
    assert "200 ms" in ours
    assert "100 ms" in ours
    assert "| 1.0 " in ours
    assert "| 5.0 " in theirs
    assert "1.67 M" in ours
    assert "not installed" in absent


@pytest.mark.slow
def test_the_benchmark_prints_a_row_for_each_network(capsys, tmp_path, monkeypatch) -> None:
    small = [networks.our_networks(64)[1]]
    monkeypatch.setattr(networks, "our_networks", lambda cube: small)
    threads = torch.get_num_threads()
    try:
        assert networks.main(["--cube", "64", "--no-peers", "--json", str(tmp_path / "n.json")]) == 0
    finally:
        torch.set_num_threads(threads)
    assert "SegMaFormer" in capsys.readouterr().out
    assert "float32_seconds" in (tmp_path / "n.json").read_text()


def test_a_cube_too_small_is_refused() -> None:
    with pytest.raises(SystemExit):
        networks.parse(["--cube", "8"])
