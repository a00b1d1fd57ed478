"""The window in which LightSeg's packages are installed: it says what would be done, and does it when told.

`openDialog()` shows it; `resumeIfPending()` shows it again after the restart that the extension needs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import slicer

from LightSegUI.Dependencies import TORCH, dependencies, installedVersion
from LightSegUI.Installer import Installer, Outcome
from LightSegUI.InstallError import InstallError, InstallStopped
from LightSegUI.InstallForm import InstallForm, folderFromUser
from LightSegUI.InstallMemory import InstallMemory
from LightSegUI.InstallPlan import CPU, GPU, TORCH_STEP, Choice, Plan, Step
from LightSegUI.ProcessWatch import ProcessWatch
from LightSegUI.Report import slicerVersion
from LightSegUI.Settings import Settings
from LightSegUI.Translation import tr as _

_open: list[InstallDialog] = []
"""The window that is open, kept from being collected."""


class InstallDialog:
    """Joins the window and the installer.

    Args:
        installer: what does the work; the running Slicer's by default.
        parent: the window over which to show; Slicer's main window by default.
        onDone: called each time packages may have changed, and when the window closes.
        restart: restarts the application.
        chooseFolder: asks for a folder.
    """

    def __init__(
        self,
        installer: Installer | None = None,
        parent: Any = None,
        onDone: Callable[[], Any] | None = None,
        restart: Callable[[], Any] | None = None,
        chooseFolder: Callable[[Any, str], str] = folderFromUser,
    ) -> None:
        self.installer = installer or Installer.forSlicer()
        self._onDone = onDone or (lambda: None)
        self._restart = restart or slicer.util.restart
        self._chooseFolder = chooseFolder
        self._isRunning = self._isStopped = self._isRestartDue = False
        self._step, self._began = "", 0.0
        self._lines: list[str] = []
        self.form = InstallForm(parent)
        self.form.mayClose = self._mayClose
        self.form.onClosed = self._onClosed
        self._connect()
        self._prepare()

    # --- For callers ----------------------------------------------------------------------------------------

    def show(self) -> None:
        """Show the window; returns at once."""
        if self not in _open:
            _open.append(self)
        self.form.show()
        self.form.raise_()

    def choice(self) -> Choice:
        """What is chosen in the window."""
        form = self.form
        folder = str(form.folderLine.property("text")).strip() if form.wheelsBox.isChecked() else ""
        return Choice(GPU if form.gpuButton.isChecked() else CPU, folder)

    def setChoice(self, choice: Choice) -> None:
        """Choose in the window."""
        self.form.gpuButton.setChecked(choice.computeOn == GPU and self.installer.machine.mayUseGpu)
        self.form.cpuButton.setChecked(not self.form.gpuButton.isChecked())
        self.form.wheelsBox.setChecked(bool(choice.wheelFolder))
        self.form.folderLine.setText(choice.wheelFolder)
        self.refresh()

    def log(self) -> str:
        """Everything written so far, with the versions at the top."""
        return "\n".join([*headerLines(self.installer), *self._lines, ""])

    def refresh(self) -> None:
        """Look again what is missing, and show what would be done."""
        form, lacking = self.form, self.installer.lacking()
        plan = self.installer.plan(self.choice())
        form.introLabel.setText(_introduction(lacking, plan))
        form.noticeLabel.setText("\n\n".join([*plan.problems, *plan.notices]))
        form.noticeLabel.setVisible(bool(plan.problems or plan.notices))
        form.devices.setVisible(self.installer.machine.mayUseGpu and any(i.name == "torch" for i in lacking))
        form.installButton.setText(_("Install") if lacking else _("Check again"))
        self._isRestartDue = self._isRestartDue or self.installer.awaitsRestart()
        form.restartButton.setVisible(self._isRestartDue)
        form.logView.setVisible(bool(self._lines))
        self._enable(plan)
        form.fit()

    def run(self) -> None:
        """Do what the window says. It is what the Install button does."""
        if self._isRunning:
            return
        watch = ProcessWatch(self._onLine, self._onProgress, self._pump, lambda: self._isStopped)
        self._isRunning, self._isStopped = True, False
        self._enable(Plan())
        try:
            self._finish(self.installer.install(self.choice(), watch, self._onStep))
        except InstallStopped as stopped:
            self._say(str(stopped))
        except InstallError as error:
            self._say(str(error))
        finally:
            self._isRunning = False
            self._showProgress(None)
            self.refresh()
            self._onDone()

    # --- Inside ---------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        form = self.form
        form.installButton.clicked.connect(lambda *unused: self.run())
        form.stopButton.clicked.connect(lambda *unused: self._stop())
        form.closeButton.clicked.connect(lambda *unused: self.form.close())
        form.copyButton.clicked.connect(lambda *unused: slicer.app.clipboard().setText(self.log()))
        form.restartButton.clicked.connect(lambda *unused: self._onRestart())
        form.folderButton.clicked.connect(lambda *unused: self._onChooseFolder())
        form.wheelsBox.toggled.connect(lambda *unused: self.refresh())
        form.gpuButton.toggled.connect(lambda *unused: self.refresh())
        form.folderLine.editingFinished.connect(lambda *unused: self.refresh())

    def _prepare(self) -> None:
        self._showProgress(None)
        kept = self.installer.memory.recall()
        self.setChoice(kept or Choice())
        if kept is not None:
            self._say(_("Slicer has restarted. Press Install to go on."))

    def _enable(self, plan: Plan) -> None:
        form, idle = self.form, not self._isRunning
        reason = plan.problems[0] if plan.problems else ""
        form.installButton.setEnabled(idle and not reason)
        form.installButton.setToolTip(reason or _("Do what is said above"))
        form.stopButton.setEnabled(not idle)
        form.stopButton.setToolTip(
            _("End the installation; it can go on later") if not idle else _("Nothing is running")
        )
        form.closeButton.setEnabled(idle)
        form.closeButton.setToolTip("" if idle else _("Press Stop first"))
        for widget in (form.devices, form.wheelsBox):
            widget.setEnabled(idle)
        folder = idle and form.wheelsBox.isChecked()
        form.folderLine.setEnabled(folder)
        form.folderButton.setEnabled(folder)
        form.folderButton.setToolTip(
            _("Choose the folder that holds the wheels") if folder else _("Tick the box on the left first")
        )

    def _finish(self, outcome: Outcome) -> None:
        lines = [outcome.restart] if outcome.restart else []
        if outcome.isComplete:
            works = _("Everything is there and works: {versions}.")
            lines.insert(0, works.format(versions=", ".join(outcome.versions)))
        self._say("\n".join(lines))
        self._isRestartDue = bool(outcome.restart)

    def _stop(self) -> None:
        self._isStopped = True
        self.form.stopButton.setEnabled(False)
        self._say(_("Stopping..."))

    def _onRestart(self) -> None:
        question = _("Slicer restarts now. Data that is not saved is lost. Restart?")
        if not slicer.util.confirmOkCancelDisplay(question, _("LightSeg"), parent=self.form):
            return
        if self.installer.lacking():
            self.installer.memory.keep(self.choice())
        self._restart()

    def _onChooseFolder(self) -> None:
        folder = self._chooseFolder(self.form, str(self.form.folderLine.property("text")))
        if folder:
            self.form.folderLine.setText(folder)
            self.refresh()

    def _onLine(self, line: str) -> None:
        self._lines.append(line)
        self.form.logView.setVisible(True)
        self.form.logView.appendPlainText(line)
        self._pump()

    def _onStep(self, number: int, count: int, title: str) -> None:
        self._step = _("Step {number} of {count}: {title}").format(number=number, count=count, title=title)
        self._began = time.monotonic()
        self._showProgress(0.0)
        self._pump()

    def _onProgress(self, fraction: float) -> None:
        self._showProgress(fraction if fraction < 1 else 0.0)  # after the download comes the unpacking
        self._pump()

    def _pump(self) -> None:
        """A turn for the window: the seconds go on, buttons work, nothing looks frozen."""
        if self._step and not self._isStopped:
            seconds = int(time.monotonic() - self._began)
            self._say(f"{self._step} ({seconds // 60}:{seconds % 60:02d})")
        slicer.app.processEvents()

    def _showProgress(self, fraction: float | None) -> None:
        """None: nothing runs; 0: something does, who knows how far; otherwise the fraction of a download."""
        bar = self.form.progressBar
        bar.setVisible(fraction is not None)
        bar.setRange(0, 100 if fraction else 0)
        bar.setValue(int(100 * (fraction or 0)))
        if fraction is None:
            self._step = ""

    def _say(self, text: str) -> None:
        self.form.statusLabel.setText(text)
        self.form.fit()

    def _mayClose(self) -> bool:
        return not self._isRunning

    def _onClosed(self) -> None:
        if self in _open:
            _open.remove(self)
        if not self._isRestartDue:  # else the window opens again after it
            self.installer.memory.forget()
        self._onDone()


def openDialog(onDone: Callable[[], Any] | None = None) -> InstallDialog:
    """Show the window, or bring the open one to the front.

    Args:
        onDone: called each time packages may have changed, and when the window closes.
    """
    dialog = _open[0] if _open else InstallDialog(parent=slicer.util.mainWindow(), onDone=onDone)
    dialog.show()
    return dialog


def resumeIfPending(onDone: Callable[[], Any] | None = None) -> InstallDialog | None:
    """Show the window if an installation waited for Slicer's restart; the user presses Install to go on.

    To be called once Slicer has started. Costs next to nothing where nothing is pending.
    """
    memory = InstallMemory(Settings())
    if memory.recall() is None or slicer.app.testingEnabled():
        return None
    if not Installer.missing():
        memory.forget()
        return None
    return openDialog(onDone)


def headerLines(installer: Installer) -> list[str]:
    """What a reader of the log needs to know first."""
    machine = installer.machine
    packages = [f"{item.name} {installedVersion(item.name) or 'missing'}" for item in dependencies()]
    return [
        f"Slicer      {slicerVersion()}",
        f"System      {machine.system} {machine.processor}, Python {machine.python}",
        f"Folder      {machine.sitePackages}",
        f"Packages    {', '.join(packages)}",
        "",
    ]


def _introduction(lacking: list, plan: Plan) -> str:
    if not lacking:
        return _("LightSeg has all the packages it needs.")
    missing = "\n".join(f"  • {item.describe()}" for item in lacking)
    if not plan.steps:
        return _("LightSeg needs these Python packages:") + "\n" + missing
    steps = "\n".join(f"  {number}. {_describe(step)}" for number, step in enumerate(plan.steps, 1))
    return "\n".join(
        [
            _("LightSeg needs these Python packages:"),
            missing,
            "",
            _("Install downloads them into Slicer's own Python and then tries them:"),
            steps,
        ]
    )


def _describe(step: Step) -> str:
    if not step.requirements:
        return step.title
    name = TORCH if step.kind == TORCH_STEP else ""
    return f"{step.title}: {name}{', '.join(step.requirements)}"
