"""The runners: a timer that serves an interface, a wait that serves a script, and the logic they share."""

from __future__ import annotations

import sys
import types

import pytest
from LightSegUI.Background import Background
from LightSegUI.Runner import TimerRunner, WaitingRunner
from LightSegUI.SharedLogic import bestRunner, closeSharedLogic, sharedLogic
from logic_world import FIRST_BALL, SECOND_BALL, Heard, make_logic, ras_of


class FakeTimer:
    """Stands for QTimer; a test makes it tick."""

    def __init__(self):
        self.slots = []
        self.running = False
        self.interval = None
        self.timeout = types.SimpleNamespace(connect=self.slots.append)

    def setInterval(self, milliseconds):  # noqa: N802 - Qt's name
        self.interval = milliseconds

    def start(self):
        self.running = True

    def stop(self):
        self.running = False

    def isActive(self):  # noqa: N802 - Qt's name
        return self.running

    def tick(self):
        for slot in self.slots:
            slot()


@pytest.fixture
def qt(monkeypatch):
    """As much of Qt as the runner needs: timers, and an application that can quit."""
    quitting = []
    application = types.SimpleNamespace(aboutToQuit=types.SimpleNamespace(connect=quitting.append))
    timers = []

    def make_timer():
        timers.append(FakeTimer())
        return timers[-1]

    module = types.ModuleType("qt")
    module.QTimer = make_timer
    module.QApplication = types.SimpleNamespace(instance=lambda: application)
    module.timers, module.quitting = timers, quitting
    monkeypatch.setitem(sys.modules, "qt", module)
    return module


def run_timer(timer, limit=2000):
    """Tick as long as the timer runs."""
    for _ in range(limit):
        if not timer.isActive():
            return
        timer.tick()
    pytest.fail("the timer runs for ever")


def test_the_timer_runs_only_while_there_is_work_and_delivers_it(scene, qt, volume_node) -> None:
    logic = make_logic(scene, runner=TimerRunner())
    timer = qt.timers[0]
    heard = Heard(logic)
    logic.setVolumeNode(volume_node)
    assert timer.interval == 5
    assert not timer.isActive()
    job = logic.segmentPoint(ras_of(volume_node, FIRST_BALL))  # does not wait by default
    assert not job.finished
    assert timer.isActive()
    run_timer(timer)
    assert len(heard.answers) == 1
    assert heard.busy == [True, False]
    assert not logic.busy
    logic.segmentPoint(ras_of(volume_node, SECOND_BALL))
    assert timer.isActive()
    run_timer(timer)
    assert len(heard.answers) == 2
    logic.close()


def test_a_refused_click_is_told_and_starts_no_timer(scene, qt) -> None:
    logic = make_logic(scene, runner=TimerRunner())
    heard = Heard(logic)
    assert logic.segmentPoint((0, 0, 0)) is None
    assert "No volume is chosen" in str(heard.failures[0])
    assert not qt.timers[0].isActive()
    logic.close()


def test_a_call_may_wait_under_a_timer_too(scene, qt, volume_node) -> None:
    logic = make_logic(scene, runner=TimerRunner())
    logic.setVolumeNode(volume_node)
    assert logic.segmentPoint(ras_of(volume_node, FIRST_BALL), wait=True).written
    run_timer(qt.timers[0])
    logic.close()


def test_results_wait_while_a_listener_shows_a_dialog(scene, qt, volume_node) -> None:
    logic = make_logic(scene, runner=TimerRunner())
    logic.setVolumeNode(volume_node)
    timer = qt.timers[0]
    answers = []

    def show(answer):
        answers.append("first" if not answers else "second")
        if len(answers) == 1:
            for _ in range(50):  # the dialog's own event loop
                timer.tick()
            answers.append("dialog closed")

    logic.answered.connect(show)
    logic.segmentPoint(ras_of(volume_node, FIRST_BALL))
    logic.segmentPoint(ras_of(volume_node, SECOND_BALL))
    run_timer(timer)
    assert answers == ["first", "dialog closed", "second"]
    logic.close()


def test_the_worker_is_ended_before_the_application_quits(scene, qt, volume_node) -> None:
    logic = make_logic(scene, runner=TimerRunner())
    logic.setVolumeNode(volume_node)
    logic.segmentPoint(ras_of(volume_node, FIRST_BALL))
    for end in qt.quitting:
        end()
    assert logic.closed
    assert logic._background.worker.close(0.0)
    heard = Heard(logic)
    assert logic.segmentPoint(ras_of(volume_node, FIRST_BALL)) is None
    assert len(heard.failures) == 1
    run_timer(qt.timers[0])


def test_two_logics_can_share_a_timer(qt) -> None:
    runner = TimerRunner()
    first, second = Background(runner), Background(runner)
    done = []
    first.submit(lambda context: 1, done.append)
    second.submit(lambda context: 2, done.append)
    run_timer(qt.timers[0])
    assert sorted(done) == [1, 2]
    first.close()
    second.close()


# --- The shared logic ---------------------------------------------------------------------------------------


@pytest.fixture
def no_shared_logic():
    """Before and after the test nobody shares a logic."""
    closeSharedLogic()
    yield
    closeSharedLogic()


def test_panel_and_effect_share_one_logic_until_it_is_closed(scene, no_shared_logic) -> None:
    first = sharedLogic(lambda: make_logic(scene))
    assert sharedLogic() is first
    first.close()
    second = sharedLogic(lambda: make_logic(scene))
    assert second is not first
    closeSharedLogic()
    assert second.closed


def test_the_shared_logic_serves_a_user_interface_where_there_is_one(qt) -> None:
    assert isinstance(bestRunner(), TimerRunner)
    qt.QApplication.instance = lambda: None
    assert isinstance(bestRunner(), WaitingRunner)
