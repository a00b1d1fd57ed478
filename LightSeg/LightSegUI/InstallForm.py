"""The widgets of the installation window, without what they do."""

from __future__ import annotations

import qt

from LightSegUI.Translation import tr as _

WIDTH, HEIGHT = 680, 420


class InstallForm(qt.QWidget):
    """The window.

    Attributes:
        mayClose: asked before the window closes; None lets it.
        onClosed: called when it has been closed.
    """

    def __init__(self, parent=None) -> None:
        qt.QWidget.__init__(self, parent)
        self.mayClose = None
        self.onClosed = None
        self.setWindowFlags(qt.Qt.Dialog)
        # From the start, because a window that is shown does not become modal any more. Whoever worked in the
        # scene while packages are replaced under it could meet a crash.
        self.setWindowModality(qt.Qt.ApplicationModal)
        self.setWindowTitle(_("LightSeg: install what it needs"))
        self.setObjectName("LightSegInstallForm")
        layout = qt.QVBoxLayout()
        self.setLayout(layout)
        self.introLabel = self._label(layout)
        self._makeChoices(layout)
        self.noticeLabel = self._label(layout)
        self.progressBar = qt.QProgressBar()
        layout.addWidget(self.progressBar)
        self.statusLabel = self._label(layout)
        self.logView = qt.QPlainTextEdit()
        self.logView.setReadOnly(True)
        self.logView.setMinimumHeight(120)
        font = qt.QFont("Monospace")
        font.setStyleHint(qt.QFont.TypeWriter)
        self.logView.setFont(font)
        layout.addWidget(self.logView, 1)
        layout.addStretch()  # takes the room while the log is hidden; otherwise the labels drift apart
        self._makeButtons(layout)
        self.resize(WIDTH, HEIGHT)

    def closeEvent(self, event) -> None:
        """Qt's: the window is to be closed."""
        if self.mayClose is not None and not self.mayClose():
            event.ignore()
            return
        event.accept()
        if self.onClosed is not None:
            self.onClosed()

    def fit(self) -> None:
        """Grow until no text is cut off; labels that wrap do not see to that themselves."""
        needed = self.layout().totalHeightForWidth(self.width)
        if needed > self.height:
            self.resize(self.width, needed)

    def _label(self, layout) -> qt.QLabel:
        label = qt.QLabel()
        label.setWordWrap(True)
        label.setTextFormat(qt.Qt.PlainText)
        label.setTextInteractionFlags(qt.Qt.TextSelectableByMouse)  # commands and errors are copied
        layout.addWidget(label)
        return label

    def _makeChoices(self, layout) -> None:
        self.cpuButton = qt.QRadioButton(_("For the CPU: some 250 MB to download. LightSeg needs no more."))
        self.gpuButton = qt.QRadioButton(_("For the NVIDIA GPU: several GB. Clicks become faster still."))
        self.devices = qt.QWidget()
        devicesLayout = qt.QVBoxLayout()
        devicesLayout.setContentsMargins(0, 0, 0, 0)
        self.devices.setLayout(devicesLayout)
        devicesLayout.addWidget(self.cpuButton)
        devicesLayout.addWidget(self.gpuButton)
        layout.addWidget(self.devices)
        self.wheelsBox = qt.QCheckBox(_("Install from a folder of wheels, without internet:"))
        self.wheelsBox.setToolTip(
            _(
                "For computers without internet. Fill the folder on another one of the same kind; if "
                "something lacks, this window shows the command."
            )
        )
        self.folderLine = qt.QLineEdit()
        self.folderLine.setToolTip(_("The folder that holds the wheels (.whl files)"))
        self.folderButton = qt.QPushButton(_("Choose..."))
        row = qt.QHBoxLayout()
        for widget, stretch in ((self.wheelsBox, 0), (self.folderLine, 1), (self.folderButton, 0)):
            row.addWidget(widget, stretch)
        layout.addLayout(row)

    def _makeButtons(self, layout) -> None:
        self.copyButton = qt.QPushButton(_("Copy log"))
        self.copyButton.setToolTip(_("Copy everything above, with versions, to paste into a question"))
        self.restartButton = qt.QPushButton(_("Restart Slicer"))
        self.restartButton.setToolTip(_("Save your data before you restart"))
        self.installButton = qt.QPushButton(_("Install"))
        self.installButton.setDefault(True)
        self.stopButton = qt.QPushButton(_("Stop"))
        self.closeButton = qt.QPushButton(_("Close"))
        row = qt.QHBoxLayout()
        row.addWidget(self.copyButton)
        row.addStretch(1)
        for button in (self.restartButton, self.installButton, self.stopButton, self.closeButton):
            row.addWidget(button)
        layout.addLayout(row)


def folderFromUser(parent, before: str) -> str:
    """Ask for a folder; "" if the user changes his mind."""
    return str(qt.QFileDialog.getExistingDirectory(parent, _("Folder of wheels"), before) or "")
