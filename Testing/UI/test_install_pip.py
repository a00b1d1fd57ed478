"""pip inside Slicer: by way of whatever this Slicer has, watched, stoppable, and explained when it fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from LightSegUI.InstallError import InstallError, InstallStopped
from LightSegUI.PipAdapter import PipAdapter
from LightSegUI.PipAdvice import adviceFor, reasonIn
from LightSegUI.ProcessWatch import ProcessWatch
from LightSegUI.PyTorchExtension import ABSENT, DISABLED, READY, RESTART, PyTorchExtension
from LightSegUI.Verification import verify

from install_stand_ins import SlicerUtil

FAILS = "import sys; print('ERROR: No matching distribution found for psutil'); sys.exit(1)"


class Packaging:
    """slicer.packaging of Slicer 5.12."""

    def __init__(self, util: SlicerUtil, error: Exception | None = None) -> None:
        self.util, self.error, self.options = util, error, {}

    def pip_install(self, arguments: list[str], **options: Any) -> None:
        self.options = options
        if self.error is not None:
            raise self.error
        self.util.executePythonModule("pip", ["install", *arguments])


# --- Through Slicer -----------------------------------------------------------------------------------------


def test_slicer_5_10_installs_through_its_util() -> None:
    util, lines = SlicerUtil("print('Successfully installed psutil')"), []
    PipAdapter(util, packaging=None).install(["psutil>=5.9"], ProcessWatch(lines.append), ["--no-index"])
    (arguments,) = util.asked
    assert arguments[0] == "--only-binary=:all:"
    assert arguments[-2:] == ["--no-index", "psutil>=5.9"]
    assert lines[-1] == "Successfully installed psutil"


def test_slicer_5_12_installs_through_its_packaging_without_a_second_window() -> None:
    util = SlicerUtil()
    packaging = Packaging(util)
    PipAdapter(util, packaging).install(["psutil"], ProcessWatch())
    assert util.asked[0][:2] == ["pip", "install"]
    assert packaging.options["show_progress"] is False


def test_a_packaging_that_cannot_ask_for_its_thread_is_passed_by() -> None:
    util = SlicerUtil()
    packaging = Packaging(util, AttributeError("module 'qt' has no attribute 'QThread'"))
    PipAdapter(util, packaging).install(["psutil"], ProcessWatch())
    assert util.asked[0][:2] == ["pip", "install"]


def test_versions_to_keep_become_constraints() -> None:
    seen: list[str] = []
    util = SlicerUtil()
    util.pip_install = lambda arguments: seen.append(
        open(arguments[arguments.index("--constraint") + 1], encoding="utf-8").read()  # noqa: PTH123, SIM115
    )
    PipAdapter(util, packaging=None).install(["psutil"], ProcessWatch(), keep=["numpy", "no-such-package"])
    assert seen == [f"numpy=={__import__('numpy').__version__}\n"]


def test_a_failure_says_pips_own_words_and_the_next_step() -> None:
    with pytest.raises(InstallError) as caught:
        PipAdapter(SlicerUtil(FAILS), packaging=None).install(["psutil"], ProcessWatch())
    assert caught.value.what == "psutil could not be installed"
    assert caught.value.why == "ERROR: No matching distribution found for psutil"
    assert "same Python as Slicer's" in caught.value.next_step


def test_slicers_functions_and_the_environment_are_as_before_afterwards() -> None:
    util = SlicerUtil(FAILS)
    before = (util.logProcessOutput, util.pip_install, dict(os.environ))
    with pytest.raises(InstallError):
        PipAdapter(util, packaging=None).install(["psutil"], ProcessWatch())
    assert (util.logProcessOutput, util.pip_install, dict(os.environ)) == before


# --- Watching -----------------------------------------------------------------------------------------------


def start(script: str) -> subprocess.Popen:
    return SlicerUtil.launchConsoleProcess([sys.executable, "-u", "-c", script])


def test_the_window_gets_its_turns_while_a_command_is_silent() -> None:
    turns: list[int] = []
    ProcessWatch(pump=lambda: turns.append(1)).follow(start("import time; time.sleep(0.5)"))
    assert len(turns) > 2


def test_pips_progress_becomes_a_fraction_and_stays_out_of_the_log() -> None:
    lines, fractions = [], []
    watch = ProcessWatch(lines.append, fractions.append)
    watch.follow(start("print('Downloading'); print('Progress 5 of 20'); print('Progress 20 of 20')"))
    assert lines == ["Downloading"]
    assert fractions == [0.25, 1.0]


def test_bytes_that_are_no_text_do_not_end_the_watch() -> None:
    lines: list[str] = []
    process = subprocess.Popen(
        [sys.executable, "-c", "import os; os.write(1, b'\\xff\\xfe\\n'); print('end')"],
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    ProcessWatch(lines.append).follow(process)
    assert "end" in lines or lines == []  # the decoder may drop what came in the same piece


def test_a_failing_command_hands_over_what_it_wrote() -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        ProcessWatch().follow(start("import sys; print('why'); sys.exit(3)"))
    assert caught.value.returncode == 3
    assert caught.value.output == "why"


def has_ended(pid: int) -> bool:
    process = psutil.Process(pid) if psutil.pid_exists(pid) else None
    return process is None or process.status() == psutil.STATUS_ZOMBIE


@pytest.mark.skipif(shutil.which("ps") is None, reason="children are found through ps")
def test_stopping_ends_the_command_and_what_it_started() -> None:
    script = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid); time.sleep(60)"
    )
    lines: list[str] = []
    process = start(script)
    with pytest.raises(InstallStopped):
        ProcessWatch(lines.append, isStopped=lambda: bool(lines)).follow(process)
    assert process.wait(10) != 0
    assert any(has_ended(int(lines[0])) or time.sleep(0.1) for _ in range(100))


# --- Advice -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (
            "ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed",
            "PIP_CERT",
        ),
        ("WARNING: Retrying after connection broken by 'ProxyError(...)': /simple/torch/", "HTTPS_PROXY"),
        (
            "socket.gaierror: [Errno 11001] getaddrinfo failed\nERROR: No matching distribution found",
            "internet",
        ),
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            "disk is full",
        ),
        ("ERROR: [WinError 5] Access is denied: 'c10.dll'", "Restart Slicer"),
        ("ERROR: [WinError 206] The filename or extension is too long", "short folder"),
        ("pip._vendor.urllib3.exceptions.ReadTimeoutError: Read timed out.", "Press Install again"),
        ("ERROR: torch-2.13-cp311.whl is not a supported wheel on this platform.", "same Python"),
        ("PermissionError: [Errno 13] Permission denied: '/opt/Slicer'", "administrator"),
        ("something never seen", "Copy log"),
    ],
)
def test_each_failure_has_its_advice(log: str, words: str) -> None:
    assert words in adviceFor(log)


def test_the_reason_is_the_last_error_that_pip_wrote() -> None:
    log = (
        "Collecting x\nERROR: first\nERROR: second\n\nWARNING: There was an error checking the latest version"
    )
    assert reasonIn(log) == "ERROR: second"
    assert reasonIn("only this\n") == "only this"
    assert reasonIn("") == ""


# --- The PyTorch extension ----------------------------------------------------------------------------------


class Manager:
    """slicer.app.extensionsManagerModel()."""

    def __init__(self, delivers: bool = True) -> None:
        self.interactive, self.delivers, self.installed, self.enabled = True, delivers, False, True
        self.asked: list[Any] = []

    def setInteractive(self, value: bool) -> None:
        self.interactive = value

    def isExtensionInstalled(self, name: str) -> bool:
        return self.installed

    def isExtensionEnabled(self, name: str) -> bool:
        return self.enabled

    def installExtensionFromServer(self, name: str, restart: bool) -> bool:
        self.asked.append((name, restart, self.interactive))
        self.installed = self.delivers
        return self.delivers


class Logic:
    """PyTorchUtils.PyTorchUtilsLogic: it asks Slicer for pip, and runs a module of its own."""

    def __init__(self, util: SlicerUtil, answer: Any = "torch") -> None:
        self.util, self.answer, self.asked = util, answer, []

    def uninstallTorch(self) -> None:
        self.asked.append("uninstall")

    def installTorch(
        self,
        askConfirmation: bool = False,
        forceComputationBackend: str | None = None,
        torchVersionRequirement: str | None = None,
        torchvisionVersionRequirement: str | None = None,
    ) -> Any:
        self.asked.append((askConfirmation, forceComputationBackend, torchVersionRequirement))
        self.util.pip_install("light-the-torch>=0.5")
        self.util.executePythonModule("light_the_torch", ["install", "torch"])
        return self.answer


def extension(
    util: SlicerUtil, logic: Logic | None = None, manager: Manager | None = None, loaded: bool = True
) -> PyTorchExtension:
    modules = SimpleNamespace(**({"pytorchutils": object()} if loaded else {}))
    slicer = SimpleNamespace(modules=modules, app=SimpleNamespace(extensionsManagerModel=lambda: manager))
    pip = PipAdapter(util, packaging=None)
    return PyTorchExtension(pip, slicer, lambda: SimpleNamespace(PyTorchUtilsLogic=lambda: logic))


def test_the_state_of_the_extension_is_told_apart() -> None:
    util, manager = SlicerUtil(), Manager()
    assert extension(util).state() == READY
    assert extension(util, manager=manager, loaded=False).state() == ABSENT
    manager.installed = True
    assert extension(util, manager=manager, loaded=False).state() == RESTART
    manager.enabled = False
    assert extension(util, manager=manager, loaded=False).state() == DISABLED


def test_the_extension_is_installed_without_further_questions_and_without_restarting() -> None:
    manager = Manager()
    extension(SlicerUtil(), manager=manager, loaded=False).install(ProcessWatch())
    assert manager.asked == [("PyTorch", False, False)]
    assert manager.interactive is True


def test_a_server_that_does_not_deliver_is_an_error_with_a_way_out() -> None:
    with pytest.raises(InstallError, match="folder of wheels"):
        extension(SlicerUtil(), manager=Manager(delivers=False), loaded=False).install(ProcessWatch())


def test_a_slicer_without_extensions_says_so() -> None:
    with pytest.raises(InstallError, match="cannot install extensions"):
        extension(SlicerUtil(), manager=None, loaded=False).install(ProcessWatch())


def test_torch_is_installed_by_the_extension_and_watched() -> None:
    util, lines = SlicerUtil("print('Successfully installed torch')"), []
    logic = Logic(util)
    extension(util, logic).installTorch(ProcessWatch(lines.append), ">=2.2,<2.13", cpuOnly=True)
    assert logic.asked == [(False, "cpu", ">=2.2,<2.13")]
    assert lines == ["Successfully installed torch"] * 2


def test_for_a_gpu_the_extension_finds_the_build() -> None:
    util = SlicerUtil()
    logic = Logic(util)
    extension(util, logic).installTorch(ProcessWatch(), ">=2.2", cpuOnly=False, removeFirst=True)
    assert logic.asked == ["uninstall", (False, None, ">=2.2")]


def test_a_torch_that_fails_says_why() -> None:
    util = SlicerUtil(FAILS.replace("psutil", "torch"))
    with pytest.raises(InstallError, match="No matching distribution found for torch"):
        extension(util, Logic(util)).installTorch(ProcessWatch(), ">=2.2", cpuOnly=True)


def test_an_extension_that_declines_is_an_error() -> None:
    util = SlicerUtil()
    with pytest.raises(InstallError, match="was not installed"):
        extension(util, Logic(util, answer=None)).installTorch(ProcessWatch(), ">=2.2", cpuOnly=True)


def test_stopping_torch_is_stopping() -> None:
    util = SlicerUtil("import time; time.sleep(60)")
    with pytest.raises(InstallStopped):
        extension(util, Logic(util)).installTorch(ProcessWatch(isStopped=lambda: True), ">=2.2", cpuOnly=True)


# --- Trying what was installed ------------------------------------------------------------------------------


def test_packages_are_tried_in_a_process_of_their_own() -> None:
    lines: list[str] = []
    verified = verify(
        ["json", "no_such_package"], ProcessWatch(lines.append), SlicerUtil.launchConsoleProcess
    )
    assert verified.versions.keys() == {"json"}
    assert "ModuleNotFoundError" in verified.errors["no_such_package"]
    assert not any("LightSeg-imports" in line for line in lines)


@pytest.mark.slow
def test_torch_is_tried_with_numpy() -> None:
    verified = verify(["torch"], ProcessWatch(), SlicerUtil.launchConsoleProcess)
    assert verified.errors == {}
    assert verified.versions["torch"]


def test_a_python_that_breaks_down_is_an_error() -> None:
    with pytest.raises(InstallError, match="code 9"):
        verify(["json"], ProcessWatch(), lambda arguments: start("import sys; print('boom'); sys.exit(9)"))
    with pytest.raises(InstallError, match="gave no answer"):
        verify(["json"], ProcessWatch(), lambda arguments: start("pass"))
