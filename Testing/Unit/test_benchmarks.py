"""The benchmark's own parts at tiny sizes: what it measures on, how it compares, that it survives."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from fakes import FakeModel, FakeSegmenter

from LightSegLib import InteractiveSession
from Testing.Benchmarks import click as click_benchmark
from Testing.Benchmarks import peers as peers_module
from Testing.Benchmarks.anatomy import CLICK_TARGETS, FIELD_OF_VIEW_MM, STRUCTURES
from Testing.Benchmarks.drive import Click, Meter, Run, drive
from Testing.Benchmarks.peers import Peer, PeerResult, measure_peer
from Testing.Benchmarks.phantom import Phantom
from Testing.Benchmarks.report import (
    Measurement,
    budget_table,
    describe_environment,
    environment,
    peer_table,
)
from Testing.Benchmarks.summary import click_measurements, outside_share, targets_table, times_faster

TINY = (64, 64, 48)


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return Phantom(TINY)


def a_click(wall: float, network: float = 0.0, number: int = 1, target: str = "liver") -> Click:
    return Click(target, number, True, wall, network, wall, 0.5)


# --- The phantom ------------------------------------------------------------------------------------------


def test_the_phantom_is_the_same_each_time(phantom: Phantom) -> None:
    assert np.array_equal(Phantom(TINY).volume.array, phantom.volume.array)


def test_another_seed_gives_other_noise_on_the_same_anatomy(phantom: Phantom) -> None:
    other = Phantom(TINY, seed=21)
    assert not np.array_equal(other.volume.array, phantom.volume.array)
    assert np.array_equal(other.truth("liver"), phantom.truth("liver"))


def test_the_phantom_fills_the_same_space_whatever_its_voxels(phantom: Phantom) -> None:
    assert phantom.volume.array.dtype == np.int16
    assert phantom.volume.shape_ijk == TINY
    assert np.multiply(phantom.volume.spacing_ijk, TINY) == pytest.approx(FIELD_OF_VIEW_MM)
    middle = phantom.volume.index_to_ras((np.array(TINY) - 1) / 2)
    assert middle == pytest.approx([0, 0, 0], abs=1e-3)


def test_every_click_target_is_a_structure_that_a_scanner_would_show(phantom: Phantom) -> None:
    assert len(set(CLICK_TARGETS)) == 12
    assert set(CLICK_TARGETS) <= set(phantom.names)


def test_structures_have_the_grey_value_and_size_they_should(phantom: Phantom) -> None:
    voxel = math.prod(phantom.volume.spacing_ijk)
    for structure in STRUCTURES:
        if structure.name not in ("liver", "spleen", "bladder", "left_kidney"):
            continue
        truth = phantom.truth(structure.name)
        grey = float(np.median(phantom.volume.array[truth]))
        assert grey == pytest.approx(structure.grey, abs=15), structure.name
        whole = 4 / 3 * math.pi * math.prod(structure.radii)
        assert truth.sum() * voxel == pytest.approx(whole, rel=0.1), structure.name


def test_structures_do_not_share_voxels_and_lie_inside_the_body(phantom: Phantom) -> None:
    times = sum(phantom.truth(name).astype(int) for name in phantom.names)
    assert times.max() == 1
    assert not phantom.volume.array[:, 0].max() > -900  # air in front of the body
    assert not times[:, 0].any()


def test_a_structure_that_is_not_there_and_a_volume_of_too_few_voxels_are_refused(phantom: Phantom) -> None:
    with pytest.raises(KeyError):
        phantom.truth("third_lung")
    with pytest.raises(ValueError, match="at least 16"):
        Phantom((64, 64, 8))


# --- Budgets ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("measurement", "verdict"),
    [
        (Measurement("click", 0.30, "s", 0.30), "OK"),
        (Measurement("click", 0.42, "s", 0.30), "over by 0.120 s (40 %)"),
        (Measurement("undo", 0.075, "ms", 0.05), "over by 25.0 ms (50 %)"),
        (Measurement("memory", 1.5e9, "GB", 1.2e9), "over by 0.30 GB (25 %)"),
        (Measurement("share", 0.36, "%", 0.30), "over by 6 percentage points"),
        (Measurement("faster", 80, "times", 100, at_least=True), "short by 20 times (20 %)"),
        (Measurement("faster", 100, "times", 100, at_least=True), "OK"),
        (Measurement("faster", None, "times", 100, at_least=True), "not measured"),
        (Measurement("warm-up", 3.0, "s"), ""),
    ],
)
def test_a_measurement_says_whether_its_budget_holds_and_by_how_much_not(
    measurement: Measurement, verdict: str
) -> None:
    assert measurement.verdict == verdict


def test_the_budget_table_shows_units_and_leaves_out_budgets_that_do_not_exist() -> None:
    table = budget_table([Measurement("undo", 0.0123, "ms", 0.05), Measurement("warm-up", 3.0, "s")])
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
    assert cells[0] == ["what", "measured", "budget", "verdict"]
    assert cells[2:] == [["undo", "12.3 ms", "50.0 ms", "OK"], ["warm-up", "3.000 s", "", ""]]
    assert len({len(line) for line in table.splitlines()}) == 1


def test_click_times_become_median_percentile_and_share() -> None:
    clicks = [a_click(0.1 * number, 0.08 * number, number) for number in range(1, 6)]
    measured = {item.what: item for item in click_measurements(Run(clicks, [0.01, 0.06], [0.02]))}
    assert measured["click to mask, median"].value == pytest.approx(0.3)
    assert measured["click to mask, 95th percentile"].value == pytest.approx(0.48)
    assert measured["first click on a structure, median"].value == pytest.approx(0.1)
    assert measured["share of a click outside the network"].value == pytest.approx(0.2)
    assert measured["undo, slowest"].within is False
    assert measured["redo, slowest"].within is True


def test_a_run_without_clicks_measures_nothing_and_does_not_fail() -> None:
    assert outside_share([]) is None
    assert all(item.value is None for item in click_measurements(Run()))


def test_the_faster_number_format_of_the_incumbent_counts_against_us() -> None:
    incumbent = PeerResult("nninteractive", "theirs", 8, 192, 102_000_000, 46.0, 28.0)
    assert times_faster([incumbent], 0.25).value == pytest.approx(112)
    assert times_faster([], 0.25).verdict == "not measured"


# --- Clicks -----------------------------------------------------------------------------------------------


def test_a_session_is_driven_by_clicks_undo_and_redo_over_several_structures(phantom: Phantom) -> None:
    session = InteractiveSession(FakeModel(), FakeSegmenter(radius=1))
    session.set_image(phantom.volume)
    meter = Meter()
    run = drive(session, phantom, ("liver", "spleen"), 10, meter)
    assert [(item.target, item.number) for item in run.clicks] == [
        *[("liver", number) for number in (1, 2, 3, 4)],
        *[("spleen", number) for number in (1, 2, 3, 4)],
        *[("liver", number) for number in (1, 2)],
    ]
    assert run.clicks[0].positive
    assert {item.network_seconds for item in run.clicks} == {0.001}  # as the stand-in says
    assert len(run.undo_seconds) == len(run.redo_seconds) == 10
    assert len(session.segments) == 3
    assert session.mask.any()
    assert meter.peak_bytes > phantom.volume.array.nbytes
    assert len(targets_table(run).splitlines()) == 2 + 3


def test_more_clicks_on_each_structure_can_be_asked_for(phantom: Phantom) -> None:
    session = InteractiveSession(FakeModel(), FakeSegmenter(radius=1))
    session.set_image(phantom.volume)
    run = drive(session, phantom, ("liver", "spleen"), 8, Meter(), clicks_per_object=6)
    assert [(item.target, item.number) for item in run.clicks] == [
        *[("liver", number) for number in range(1, 7)],
        *[("spleen", number) for number in (1, 2)],
    ]


# --- Other networks ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_small_versions_of_monais_networks_run() -> None:
    pytest.importorskip("monai")
    pytest.importorskip("einops")
    small = [
        Peer("segresnet", "SegResNet", 1, 16, lambda: peers_module.build_segresnet(filters=8)),
        Peer("swin", "SwinUNETR", 1, 64, lambda: peers_module.build_swin_unetr(cube=64, features=12)),
    ]
    for peer in small:
        result = measure_peer(peer)
        assert result.problem == ""
        assert result.parameters > 0
        assert result.fastest_seconds is not None


def test_a_small_version_of_the_residual_unet_runs_and_is_not_taken_for_the_large_one() -> None:
    pytest.importorskip("dynamic_network_architectures")
    peer = Peer(
        "nninteractive",
        "tiny",
        8,
        16,
        lambda: peers_module.build_residual_unet((4, 8, 8), (1, 1, 1)),
        parameters=peers_module.NNINTERACTIVE_PARAMETERS,
    )
    result = measure_peer(peer)
    assert result.float32_seconds is not None
    assert "another network than meant" in result.problem


def test_a_missing_package_is_named_in_the_table_and_stops_nothing() -> None:
    def build() -> None:
        raise ModuleNotFoundError("No module named 'nothing'")

    result = measure_peer(Peer("x", "Theirs", 1, 16, build))
    assert result.fastest_seconds is None
    assert "pip install" in peer_table([result], 0.2)


def test_a_network_that_does_not_fit_into_memory_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(peers_module, "available_bytes", lambda: 2**30)
    result = measure_peer(Peer("x", "Theirs", 1, 16, lambda: torch.nn.Conv3d(1, 1, 1), 8 * 2**30))
    assert result.parameters == 2
    assert "8.0 GiB" in result.problem


def test_the_peer_table_counts_our_clicks() -> None:
    table = peer_table([PeerResult("x", "Theirs", 8, 192, 102_360_000, 50.0, 25.0, 6_500_000_000)], 0.25)
    assert [cell.strip() for cell in table.splitlines()[2].split("|")[1:-1]] == [
        "Theirs",
        "8 x 192³",
        "102.36 M",
        "50.00 s",
        "25.00 s",
        "6.5 GB",
        "200.0 / 100.0",
        "",
    ]


# --- The command ------------------------------------------------------------------------------------------


def test_the_header_names_processor_threads_and_torch_and_warns_on_a_busy_machine() -> None:
    facts = {**environment(), "load": 3.5}
    header = describe_environment(facts)
    assert facts["cpu"] in header
    assert f"{facts['threads']} thread" in header
    assert f"torch {facts['torch']}" in header
    assert "times are too long" in header
    assert "times are too long" not in describe_environment({**facts, "load": 0.1})


def test_a_model_that_does_not_exist_is_an_error_with_advice(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--model", "no-such-model", "--size", "32", "32", "32", "--no-peers"]
    assert click_benchmark.main(arguments) == 1
    assert "no-such-model" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong",
    [["--clicks", "0"], ["--clicks-per-structure", "0"], ["--size", "8", "64", "64"], ["--threads", "0"]],
)
def test_arguments_that_make_no_sense_are_refused(wrong: list[str]) -> None:
    with pytest.raises(SystemExit):
        click_benchmark.parse(wrong)


def test_all_numbers_can_be_read_back_from_json() -> None:
    options = click_benchmark.parse(["--clicks", "3"])
    run = Run([a_click(0.2, 0.1)], [0.01], [0.01])
    content = click_benchmark.as_json(
        options, {"cpu": "x"}, run, click_measurements(run), [PeerResult("x", "Theirs", 1, 96)]
    )
    read = json.loads(json.dumps(content))
    assert read["size_ijk"] == [512, 512, 300]
    assert read["clicks"][0]["network_seconds"] == 0.1
    assert read["measurements"][0]["within"] is True
    assert read["peers"][0]["key"] == "x"


def test_the_whole_benchmark_runs_on_a_tiny_volume_with_a_stand_in(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import LightSegLib
    from LightSegLib import regions

    model = FakeModel()
    model.card.weights = SimpleNamespace(parameters=1_000_000)
    model.warm_up = lambda: SimpleNamespace(seconds=0.01, describe=lambda: "float32, channels first")
    monkeypatch.setattr(LightSegLib, "load_model", lambda *_, **__: model, raising=False)
    monkeypatch.setattr(regions, "RegionSegmenter", lambda model, settings: FakeSegmenter())
    arguments = ["--size", "32", "32", "32", "--clicks", "5", "--no-peers"]
    assert click_benchmark.main(arguments) == 0
    printed = capsys.readouterr().out
    assert "32 x 32 x 32 voxels" in printed
    assert "click to mask, median" in printed
    assert "left kidney" in printed
