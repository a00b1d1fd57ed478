"""`lightseg benchmark`: parts, resuming, what it refuses, and the scripts it runs."""

from __future__ import annotations

import json
import sys

import pytest
from benchmark_numbers import script, without_writing
from clicked_data import write_clicked_data
from tiny_model import tiny_model  # noqa: F401 - a fixture

from LightSegLib import cli
from LightSegLib.commands import benchmarking
from LightSegLib.errors import CapabilityError
from LightSegLib.evaluation.benchmark import scripts
from LightSegLib.evaluation.benchmark.plan import PARTS, Plan, quick_plan
from LightSegLib.evaluation.benchmark.timing import measure_speed


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_clicked_data(tmp_path_factory.mktemp("data"))


@pytest.fixture
def run(tiny_model, data, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(scripts, "run_script", script)

    def run_with(*arguments):
        words = [data, "--out", tmp_path / "proof", "--quick", "--models", tiny_model, *arguments]
        return cli.main(["benchmark", *map(str, words)])

    return run_with


@pytest.fixture
def measured(monkeypatch):
    """Names of the parts that are measured, with stand-ins for the slow ones."""
    names = []

    def stand_in(name):
        def measure(*_):
            names.append(name)
            from benchmark_numbers import all_parts

            return dict(all_parts()[name].content)

        return measure

    for name in PARTS:
        monkeypatch.setattr(benchmarking, name, stand_in(name))
    return names


@pytest.mark.slow
def test_all_parts_run_on_tiny_data_and_make_a_page(run, tmp_path, capsys):
    assert run() == 0
    text = (tmp_path / "proof.md").read_text(encoding="utf-8")
    assert "Not measured yet" not in text
    assert "| mean over sources | tiny " in text
    assert "lightseg benchmark DATA --out proof --quick --models tiny" in text
    content = json.loads((tmp_path / "proof" / "benchmark.json").read_text())
    assert list(content) == list(PARTS)
    assert content["speed"]["machine"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert str(tmp_path / "proof.md") in capsys.readouterr().out


def test_only_the_parts_asked_for_are_measured(run, measured, tmp_path):
    assert run("--parts", "speed", "peers") == 0
    assert measured == ["speed", "peers"]
    assert "Not measured yet: accuracy, trust, scaling." in (tmp_path / "proof.md").read_text("utf-8")


def test_a_part_that_is_done_is_kept_when_resuming(run, measured, capsys):
    run("--parts", "speed", "peers")
    measured.clear()
    assert run("--resume") == 0
    assert measured == ["accuracy", "trust", "scaling"]
    assert "speed was measured on" in capsys.readouterr().err


def test_without_resuming_or_with_other_settings_it_is_measured_again(run, measured):
    run("--parts", "accuracy", "speed")
    measured.clear()
    run("--parts", "speed")
    assert measured == ["speed"]
    measured.clear()
    run("--parts", "accuracy", "speed", "--resume", "--cases-per-source", "2")
    assert measured == ["accuracy"]


def test_a_part_stays_written_when_a_later_one_fails(run, measured, tmp_path, monkeypatch):
    def fails(*_):
        raise CapabilityError("No", "room")

    monkeypatch.setattr(benchmarking, "scaling", fails)
    assert run("--parts", "speed", "scaling") == 2
    assert (tmp_path / "proof" / "speed.json").is_file()
    assert not (tmp_path / "proof" / "scaling.json").exists()


def test_what_would_stop_a_part_later_is_said_before_any_work(run, measured, tmp_path, monkeypatch, capsys):
    words = ["benchmark", str(tmp_path / "nothing"), "--out", str(tmp_path / "proof")]
    assert cli.main(words) == 2
    assert "no data set" in capsys.readouterr().err

    def no_checkout():
        raise CapabilityError("Cannot be measured here")

    monkeypatch.setattr(scripts, "checkout", no_checkout)
    assert run("--parts", "accuracy", "speed") == 2
    assert measured == []
    assert run("--parts", "accuracy") == 0


def test_a_quick_plan_is_small_and_a_full_one_reaches_the_largest_volume():
    full, quick = Plan(("a", "b")), quick_plan(("a", "b"))
    assert (full.sizes[0], full.sizes[-1]) == ((128, 128, 128), (512, 512, 1000))
    assert quick.models == ("a",)
    assert full.settings("accuracy")["models"] == ["a", "b"]
    assert full.settings("speed")["models"] == ["a"]
    for name in PARTS:
        assert full.settings(name) != quick.settings(name)
        assert json.loads(json.dumps(full.settings(name))) == full.settings(name)


def test_speed_goes_on_without_slicer_core_and_without_a_model_of_names():
    content = measure_speed(quick_plan(("a",)), None, without_writing, lambda what: None)
    assert content["writing"] is None
    assert set(content["problems"]) == {"writing", "naming"}
    assert content["click"]["measurements"]


def test_a_script_is_run_in_a_process_of_its_own_and_its_failure_told():
    assert "--clicks" in scripts.run_script("click.py", "--help")
    with pytest.raises(scripts.BenchmarkError, match=r"click\.py failed with status 2"):
        scripts.run_script("click.py", "--clicks", "0")


def test_an_installed_library_has_no_scripts(tmp_path, monkeypatch):
    monkeypatch.setattr("LightSegLib.__file__", str(tmp_path / "LightSegLib" / "__init__.py"))
    with pytest.raises(CapabilityError, match="come with a checkout"):
        scripts.checkout()
