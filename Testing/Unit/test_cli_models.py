"""`lightseg models` and `lightseg doctor`: what there is, and how it does on this machine."""

from __future__ import annotations

import json

import pytest
from tiny_model import write_tiny_model

from LightSegLib import cli
from LightSegLib.commands import environment, trial
from LightSegLib.commands.doctor import judge
from LightSegLib.commands.environment import describe_environment, environment_lines
from LightSegLib.commands.trial import Trial
from LightSegLib.resources import VARIABLE

MEASURED = {"split": "val", "mean": {"1": 0.61234, "3": 0.7, "5": 0.8}}


@pytest.fixture
def bundle(tmp_path, monkeypatch):
    """An empty folder of bundled models; returns a function that adds one."""
    (tmp_path / "Models").mkdir()
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(trial, "VOLUME_EDGE", 48)

    def add(name="tiny", **entries):
        return write_tiny_model(tmp_path / "Models" / name, name, **entries)

    return add


def test_models_are_listed_with_what_they_are_worth(bundle, capsys):
    bundle("beta", validation=MEASURED)
    bundle("alpha")
    assert cli.main(["models"]) == 0
    header, alpha, beta = (line.split() for line in capsys.readouterr().out.splitlines())
    assert header[:4] == ["id", "MB", "parameters", "licence"]
    assert (alpha[0], beta[0]) == ("alpha", "beta")
    assert beta[-4:] == ["0.612", "0.700", "0.800", "-"]
    assert alpha[-4:] == ["-"] * 4


def test_models_are_listed_as_json(bundle, capsys):
    folder = bundle(validation=MEASURED)
    assert cli.main(["models", "--json"]) == 0
    (facts,) = json.loads(capsys.readouterr().out)
    assert facts["id"] == "tiny"
    assert facts["bytes"] == (folder / "model.safetensors").stat().st_size
    assert facts["capabilities"]["points"] is True
    assert facts["validation_dice"] == MEASURED["mean"]


def test_no_model_at_all_is_said(bundle, capsys):
    assert cli.main(["models", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert cli.main(["models"]) == 0
    assert "No model" in capsys.readouterr().err


def test_a_damaged_card_is_an_error(bundle, capsys):
    (bundle() / "card.json").write_text("{}")
    assert cli.main(["models"]) == 2
    assert "card" in capsys.readouterr().err


# --- doctor -------------------------------------------------------------------------------------------------


def test_the_doctor_tries_every_model_on_every_device(bundle, capsys, monkeypatch):
    monkeypatch.setattr("LightSegLib.runtime.devices.available_devices", lambda: ("cpu",))
    bundle("alpha")
    bundle("beta")
    assert cli.main(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [(row["model"], row["device"]) for row in report["models"]] == [("alpha", "cpu"), ("beta", "cpu")]
    for row in report["models"]:
        assert row["error"] is None
        assert row["clicks"] == 8
        assert min(row["click_seconds"], row["load_seconds"], row["warm_up_seconds"]) > 0
        assert row["peak_bytes"] >= 0
    assert report["packages"]["torch"]
    assert report["good"] is True


def test_the_last_line_is_a_verdict(bundle, capsys):
    bundle()
    assert cli.main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("LightSeg ")
    assert any("tiny on cpu: click" in line for line in lines)
    assert lines[-1].startswith("Verdict     LightSeg works here")


def test_a_model_that_cannot_be_loaded_is_part_of_the_report(bundle, capsys):
    bundle("good")
    (bundle("bad") / "model.safetensors").write_bytes(b"nonsense")
    assert cli.main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "bad on cpu: failed" in said
    assert "1 of 2 trials failed" in said


def test_without_a_model_the_doctor_says_so_and_fails(bundle, capsys):
    assert cli.main(["doctor"]) == 1
    assert "no model is bundled" in capsys.readouterr().out.splitlines()[-1]


def missing(names):
    real = environment._version
    return lambda name: None if name in names else real(name)


def test_an_optional_package_that_is_missing_is_no_problem(monkeypatch):
    monkeypatch.setattr(environment, "_version", missing(environment.OPTIONAL))
    facts = describe_environment()
    assert facts["problems"] == []
    assert "monai missing" in "\n".join(environment_lines(facts))


def test_without_torch_there_is_still_a_report(bundle, monkeypatch, capsys):
    bundle()
    monkeypatch.setattr(environment, "_version", missing(("torch", "psutil")))
    assert cli.main(["doctor"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "Problem     torch is not installed" in lines
    assert lines[-1].startswith("Verdict     LightSeg cannot segment here: torch is not installed")


def test_a_package_that_is_installed_but_broken_is_a_problem(monkeypatch):
    def broken():
        raise ImportError("libtorch.so: cannot open")

    monkeypatch.setattr(environment, "_computing", broken)
    facts = describe_environment()
    assert facts["problems"] == ["torch does not work: libtorch.so: cannot open"]
    assert facts["devices"] == {}


@pytest.mark.parametrize(("seconds", "word"), [(0.1, "fast"), (0.7, "usable"), (4.0, "slow")])
def test_the_verdict_is_about_the_fastest_model(seconds, word):
    trials = [Trial("a", "cpu", click_seconds=9.0), Trial("b", "cpu", click_seconds=seconds)]
    good, verdict = judge({"problems": []}, trials)
    assert good
    assert f"is {word}:" in verdict
    assert "b on cpu" in verdict


def test_a_model_is_tried_on_the_best_device_when_none_is_named(bundle):
    bundle()
    tried = trial.try_model("tiny", "auto")
    assert tried.error is None
    assert tried.device != "auto"
    assert tried.click_seconds > 0


def test_a_trial_on_a_device_that_is_not_there_says_so(bundle):
    bundle()
    tried = trial.try_model("tiny", "tpu")
    assert "tpu" in tried.error
    assert tried.click_seconds is None
