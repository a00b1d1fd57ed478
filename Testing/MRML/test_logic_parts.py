"""What the logic in Slicer is made of: signals, settings, explanations, choices of model and device."""

from __future__ import annotations

import logging

import pytest

pytest.importorskip("slicer")

from LightSegUI import Devices
from LightSegUI.Failures import MissingPackageError, explain
from LightSegUI.Measurements import Measurements
from LightSegUI.ModelChoice import ModelChoice
from LightSegUI.Settings import MemoryStore, Settings
from LightSegUI.Signal import Signal

from LightSegLib.commands.trial import Trial
from LightSegLib.errors import CapabilityError, DeviceError, LightSegError, ModelError, OutOfMemoryError
from LightSegLib.models.registry import DEFAULT_MODEL

# --- Signal -------------------------------------------------------------------------------------------------


def test_a_signal_tells_all_listeners_in_order() -> None:
    heard: list[tuple[str, int]] = []
    signal = Signal()
    signal.connect(lambda value: heard.append(("first", value)))
    signal.connect(lambda value: heard.append(("second", value)))
    signal.emit(3)
    assert heard == [("first", 3), ("second", 3)]


def test_a_listener_that_fails_is_logged_and_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[int] = []

    def fail(value: int) -> None:
        raise ValueError("broken panel")

    signal = Signal("answered")
    signal.connect(fail)
    signal.connect(heard.append)
    signal.emit(1)
    assert heard == [1]
    assert "A listener of answered failed" in caplog.text
    assert "broken panel" in caplog.text


def test_a_listener_connected_twice_is_told_once() -> None:
    heard: list[int] = []
    signal = Signal()
    signal.connect(heard.append)
    signal.connect(heard.append)
    signal.emit(1)
    assert heard == [1]


def test_a_disconnected_listener_is_told_no_more_not_even_in_the_same_round() -> None:
    heard: list[str] = []
    signal = Signal()

    def second() -> None:
        heard.append("second")

    signal.connect(lambda: signal.disconnect(second))
    signal.connect(second)
    signal.emit()
    assert heard == []
    assert not signal.disconnect(second)
    assert signal.disconnect()


# --- Settings -----------------------------------------------------------------------------------------------


def test_settings_come_back_with_their_types_although_the_store_keeps_only_text() -> None:
    store = MemoryStore()
    settings = Settings(store)
    settings.setFlag("follow", True)
    settings.setRecord("speeds", {"cpu": 0.25})
    settings.device = "cuda:0"
    again = Settings(store)
    assert again.flag("follow") is True
    assert again.record("speeds") == {"cpu": 0.25}
    assert again.device == "cuda:0"
    assert isinstance(store.value("LightSeg/follow"), str)


def test_settings_that_were_never_set_have_defaults() -> None:
    settings = Settings(MemoryStore())
    assert (settings.model, settings.device, settings.tool) == ("", "auto", "")
    assert settings.flag("follow", True) is True


def test_a_damaged_setting_is_reported_and_counts_as_not_set(caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings(MemoryStore())
    settings.setText("speeds", "{broken")
    settings.setText("follow", "perhaps")
    assert settings.record("speeds") == {}
    assert settings.flag("follow", True) is True
    assert "speeds is damaged" in caplog.text


def test_a_removed_setting_is_gone() -> None:
    settings = Settings(MemoryStore())
    settings.tool = "box"
    settings.remove("tool")
    settings.remove("never there")
    assert settings.tool == ""


# --- Explaining errors --------------------------------------------------------------------------------------


def test_an_error_of_the_library_is_shown_as_it_is() -> None:
    error = ModelError("The model is gone")
    assert explain(error) is error


def test_an_unexpected_error_is_logged_with_its_traceback_and_comes_with_advice(
    caplog: pytest.LogCaptureFixture,
) -> None:
    try:
        raise KeyError("segment")
    except KeyError as error:
        shown = explain(error)
    assert type(shown) is LightSegError
    assert "KeyError" in shown.why
    assert "Your segments are as they were" in shown.next_step
    assert "Traceback" in caplog.text


def test_a_missing_package_is_named_with_the_way_to_install_it() -> None:
    shown = explain(ModuleNotFoundError("No module named 'torch'", name="torch"))
    assert isinstance(shown, MissingPackageError)
    assert "torch" in shown.what
    assert "Install" in shown.next_step


def test_full_memory_is_said_to_be_full() -> None:
    shown = explain(MemoryError())
    assert isinstance(shown, OutOfMemoryError)
    assert "crop the volume" in shown.next_step


# --- Model and device ---------------------------------------------------------------------------------------


@pytest.fixture
def settings() -> Settings:
    return Settings(MemoryStore())


def test_the_default_model_is_chosen_at_first_and_its_card_needs_no_loading(settings: Settings) -> None:
    choice = ModelChoice(settings, lambda name, device: pytest.fail("loaded"))
    assert choice.card.id == choice.name == DEFAULT_MODEL
    assert choice.model.capabilities.points
    assert not choice.model.loaded
    assert DEFAULT_MODEL in [card.id for card in choice.models()]


def test_an_unknown_model_is_refused_and_the_choice_stays(settings: Settings) -> None:
    choice = ModelChoice(settings)
    with pytest.raises(ModelError, match="There is no model nonsense"):
        choice.setModel("nonsense")
    assert choice.name == DEFAULT_MODEL


def test_a_remembered_model_that_is_gone_gives_way_to_the_default_one(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.model = "/somewhere/removed"
    assert ModelChoice(settings).name == DEFAULT_MODEL
    assert "/somewhere/removed" in caplog.text


def test_choosing_the_same_again_keeps_the_loaded_model(settings: Settings) -> None:
    choice = ModelChoice(settings)
    before = choice.model
    choice.setDevice("auto")
    choice.setModel(None)
    assert choice.model is before
    choice.setDevice("cpu")
    assert choice.model is not before


def test_a_name_that_is_no_device_is_refused_at_once(settings: Settings) -> None:
    with pytest.raises(DeviceError, match="There is no device called 'toaster'"):
        ModelChoice(settings).setDevice("toaster")


def test_a_gpu_that_is_known_not_to_be_there_is_refused_with_what_is(settings: Settings) -> None:
    choice = ModelChoice(settings)
    choice.rememberDevices({"cpu": "a chip"})
    with pytest.raises(DeviceError, match=r"The device cuda is not available\. This computer has cpu"):
        choice.setDevice("cuda")
    assert choice.device == "auto"


def test_what_a_model_cannot_do_is_refused_with_what_it_can(settings: Settings) -> None:
    choice = ModelChoice(settings)
    with pytest.raises(CapabilityError, match=r"does not take text\. It takes points, boxes") as caught:
        choice.require("text")
    assert "choose another model" in caught.value.next_step


def test_devices_are_offered_automatic_first_and_a_missing_choice_is_marked() -> None:
    assert [one.name for one in Devices.choices({}, "auto")] == ["auto", "cpu"]
    found = {"cuda:0": "Some GPU, 8 GiB", "cpu": "Some CPU"}
    assert [one.name for one in Devices.choices(found, "cuda")] == ["auto", "cuda:0", "cpu"]
    offered = Devices.choices({"cpu": "Some CPU"}, "cuda:1")
    assert [(one.name, one.found) for one in offered] == [("auto", True), ("cpu", True), ("cuda:1", False)]
    assert "not found" in offered[-1].title


def test_measurements_are_remembered_by_model_and_device(settings: Settings) -> None:
    card = ModelChoice(settings).card
    trial = Trial(card.id, "cpu", None, 0.5, 1.0, "float32", 0.1, 0.25, 8, 300_000_000)
    kept = Measurements(settings).keep(card, "auto", trial)
    assert kept is not None
    assert Measurements(settings).find(card, "auto") == kept
    assert Measurements(settings).find(card, "cuda:0") is None
    assert "0.25 s per click, 300 MB" in kept.describe()


def test_a_failed_trial_is_not_remembered(settings: Settings) -> None:
    card = ModelChoice(settings).card
    assert Measurements(settings).keep(card, "auto", Trial(card.id, "cuda", error="no GPU")) is None
    assert Measurements(settings).find(card, "auto") is None


def test_nothing_of_the_logic_imports_torch_before_it_is_needed() -> None:
    import subprocess
    import sys

    code = (
        "import sys; import LightSegUI.InteractiveLogic, LightSegUI.SharedLogic; "
        "sys.exit('torch' in sys.modules or 'SimpleITK' in sys.modules)"
    )
    paths = f"import sys; sys.path[:0] = {sys.path!r}; "
    assert subprocess.run([sys.executable, "-c", paths + code], check=False).returncode == 0


def test_logging_is_quiet_when_all_is_well(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        ModelChoice(settings).models()
    assert caplog.text == ""
