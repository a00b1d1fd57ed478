"""The stand-in's `qt` behaves as PythonQt does: what a test accepts here, Slicer accepts too."""

from __future__ import annotations

import functools

import ctk
import pytest
import qt
import slicer


def test_properties_are_attributes_and_setters_of_qt_exist_too(host):
    button = qt.QPushButton("Go")
    button.text = "Stop"
    assert button.text == "Stop"
    button.setText("Go")
    button.name = "GoButton"
    assert (button.text, button.objectName) == ("Go", "GoButton")
    assert button.isEnabled()
    assert button.enabled
    with pytest.raises(TypeError):
        button.text()


@pytest.mark.parametrize("name", ["txt", "isCollapsed", "clickedd"])
def test_an_attribute_that_qt_lacks_can_be_neither_read_nor_set(host, name):
    button = qt.QPushButton()
    with pytest.raises(AttributeError):
        getattr(button, name)
    with pytest.raises(AttributeError):
        setattr(button, name, 1)


def test_methods_and_signals_of_qt_cannot_be_overwritten(host):
    class Line(qt.QLineEdit):
        pass

    line = Line()
    line.own = 1
    assert line.own == 1
    for name in ("clear", "layout", "textChanged"):
        with pytest.raises(AttributeError, match="can not be overwritten"):
            setattr(line, name, None)


@pytest.mark.parametrize(
    ("widget", "setter"),
    [
        (lambda: ctk.ctkCollapsibleButton(), "setCollapsed"),
        (lambda: ctk.ctkSliderWidget(), "setMinimum"),
        (lambda: slicer.qMRMLNodeComboBox(), "setNodeTypes"),
        (lambda: slicer.qMRMLNodeComboBox(), "setNoneEnabled"),
    ],
)
def test_setters_that_are_no_slots_are_not_reached_from_python(host, widget, setter):
    with pytest.raises(AttributeError):
        getattr(widget(), setter)


def test_a_slot_gets_as_many_arguments_as_it_takes(host):
    button, got = qt.QPushButton(), []
    keep = (lambda: got.append("none"), lambda checked: got.append(checked), functools.partial(got.append))
    for slot in keep:
        button.clicked.connect(slot)
    button.click()
    assert got == ["none", False, False]


def test_signals_connect_by_name_and_disconnect(host):
    box, got = qt.QSpinBox(), []
    assert box.connect("valueChanged(int)", got.append)
    box.value = 3
    assert box.disconnect("valueChanged(int)", got.append)
    assert not box.valueChanged.disconnect(got.append)
    box.value = 4
    assert got == [3]
    with pytest.raises(AttributeError, match="no signal"):
        box.connect("valueChanged(double)", got.append)
    with pytest.raises(TypeError):
        box.valueChanged[int]


def test_own_signals_and_overridden_events_work(host):
    class Counter(qt.QWidget):
        resized = qt.Signal(int)

        def resizeEvent(self, event):
            self.resized.emit(event.size().width())

        def sizeHint(self):
            return qt.QSize(77, 33)

    counter, got = Counter(), []
    counter.resized.connect(got.append)
    counter.show()
    counter.resize(120, 30)
    host.pump()
    assert got[-1] == 120
    assert counter.sizeHint().width() == 77


def test_a_connected_bound_method_keeps_its_object_alive(host):
    class Receiver:
        count = 0

        def onClicked(self):
            Receiver.count += 1

    button = qt.QPushButton()
    button.clicked.connect(Receiver().onClicked)
    button.click()
    assert Receiver.count == 1


def test_an_error_in_a_slot_does_not_stop_the_others_but_is_kept(host):
    button, got = qt.QPushButton(), []
    button.clicked.connect(lambda: 1 / 0)
    button.clicked.connect(lambda: got.append("after"))
    button.click()
    assert got == ["after"]
    (error,) = host.expectErrors()
    assert isinstance(error, ZeroDivisionError)


def test_enumerations_are_integers_and_what_pythonqt_lacks_is_missing(host):
    assert qt.Qt.LeftButton == 1
    assert bool(qt.QMessageBox.Ok & qt.QMessageBox.Ok)
    for name in ("QThread", "Slot", "NoSuchClass"):
        assert not hasattr(qt, name)


def test_settings_keep_their_types_until_slicer_is_restarted(host):
    settings = qt.QSettings()
    for key, value in (("flag", False), ("number", 3), ("items", ["a", "b"])):
        settings.setValue(key, value)
    assert settings.value("flag") is False
    assert settings.value("items") == ("a", "b")
    with pytest.raises(ValueError, match="type"):
        settings.value("flag", type=bool)
    host.restartSettings()
    assert (qt.QSettings().value("flag"), qt.QSettings().value("number")) == ("false", "3")
    assert slicer.util.settingsValue("flag", True, converter=slicer.util.toBool) is False


def test_a_modal_dialog_needs_an_answer_that_was_prepared(host):
    with pytest.raises(AssertionError, match="Prepare it"):
        slicer.util.confirmYesNoDisplay("Really?")
    host.dialogs.answer(qt.QMessageBox.Yes, "/tmp/file.txt")
    assert slicer.util.confirmYesNoDisplay("Really?")
    assert qt.QFileDialog.getOpenFileName(None, "Open") == "/tmp/file.txt"
    assert host.dialogs.shown[-2].text == "Really?"


def test_in_testing_mode_questions_are_answered_with_no_though_the_documentation_says_yes(host):
    host.setTesting()
    assert slicer.util.confirmOkCancelDisplay("Go on?") is False
    assert slicer.util.confirmYesNoDisplay("Go on?") is False
    slicer.util.errorDisplay("only logged")
    assert host.dialogs.shown == []


def test_the_application_module_has_no_utilities_of_slicer_core(host):
    assert not hasattr(slicer, "arrayFromVolume")
    assert hasattr(slicer.util, "arrayFromVolume")
    with pytest.raises(AttributeError):
        slicer.app.noSuchMethod()
