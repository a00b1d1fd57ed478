"""Work in the background: nobody waits, nothing is lost, nothing crashes, whatever happens meanwhile."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest
from grey_model import dice
from LightSegUI.Background import Background
from LightSegUI.Runner import WaitingRunner
from logic_world import FIRST_BALL, SECOND_BALL, Heard, HeldModel, Loader, make_logic, ras_of
from scene_building import shown, two_balls

from LightSegLib.errors import Cancelled, LightSegError, SessionError
from LightSegLib.runtime.worker import JobState

slicer = pytest.importorskip("slicer")

FIRST = (two_balls() > 100) & (np.arange(32) < 16)


@pytest.fixture
def held():
    """A model that does not answer before it is let go."""
    model = HeldModel()
    yield model
    model.released.set()


@pytest.fixture
def logic(scene, held, volume_node):
    """A logic whose model is held up, with one empty segment."""
    logic = make_logic(scene, Loader(held))
    logic.setVolumeNode(volume_node)
    logic.addSegment()
    yield logic
    held.released.set()
    logic.close()


def click_in_background(logic, held, volume_node, ijk=FIRST_BALL):
    job = logic.segmentPoint(ras_of(volume_node, ijk), wait=False)
    assert held.started.wait(20)
    return job


def test_a_click_in_the_background_is_written_when_it_is_polled(logic, held, volume_node) -> None:
    heard = Heard(logic)
    job = click_in_background(logic, held, volume_node)
    assert logic.busy
    assert not job.finished
    segment = logic.selectedSegmentId
    assert not shown(logic.segmentationNode, segment, volume_node).any()
    held.released.set()
    logic.waitUntilIdle()
    assert job.state is JobState.DONE
    assert [answer.segment_id for answer in heard.answers] == [segment]
    assert dice(shown(logic.segmentationNode, segment, volume_node), FIRST) > 0.97
    assert heard.busy == [True, False]
    assert heard.states
    assert not logic.busy


def test_a_second_click_while_the_first_runs_is_answered_after_it(logic, held, volume_node) -> None:
    heard = Heard(logic)
    click_in_background(logic, held, volume_node)
    logic.segmentPoint(ras_of(volume_node, SECOND_BALL), wait=False)
    held.released.set()
    logic.waitUntilIdle()
    assert len(heard.answers) == 2
    mask = shown(logic.segmentationNode, logic.selectedSegmentId, volume_node)
    assert mask[12, 13, 9]
    assert mask[12, 13, 23]
    assert heard.busy == [True, False]


def test_cancelled_clicks_leave_the_segment_as_it_was_and_the_next_one_works(
    logic, held, volume_node
) -> None:
    heard = Heard(logic)
    jobs = [click_in_background(logic, held, volume_node)]
    jobs.append(logic.segmentPoint(ras_of(volume_node, SECOND_BALL), wait=False))
    logic.cancel()
    held.released.set()
    logic.waitUntilIdle()
    assert [job.state for job in jobs] == [JobState.CANCELLED] * 2
    assert heard.answers == heard.failures == []
    assert not logic.busy
    assert logic.segmentPoint(ras_of(volume_node, FIRST_BALL), wait=True).written


def test_a_single_job_can_be_cancelled(logic, held, volume_node) -> None:
    click_in_background(logic, held, volume_node)
    second = logic.segmentPoint(ras_of(volume_node, SECOND_BALL), wait=False)
    second.cancel()
    held.released.set()
    logic.waitUntilIdle()
    assert second.state is JobState.CANCELLED
    assert dice(shown(logic.segmentationNode, logic.selectedSegmentId, volume_node), FIRST) > 0.97


def test_waiting_for_a_cancelled_click_raises_cancelled(logic, held, volume_node) -> None:
    threading.Timer(0.1, lambda: (held.started.wait(20), logic._background.worker.cancel_all())).start()
    threading.Timer(0.3, held.released.set).start()
    with pytest.raises(Cancelled):
        logic.segmentPoint(ras_of(volume_node, FIRST_BALL), wait=True)
    assert not logic.busy


def test_undo_while_a_click_runs_drops_its_result(logic, held, volume_node) -> None:
    held.released.set()
    segment = logic.segmentPoint(ras_of(volume_node, FIRST_BALL), wait=True).segment_id
    held.released.clear()
    held.started.clear()
    heard = Heard(logic)
    click_in_background(logic, held, volume_node, SECOND_BALL)
    logic.undo()
    held.released.set()
    logic.waitUntilIdle()
    assert heard.answers == []
    assert not shown(logic.segmentationNode, segment, volume_node).any()


@pytest.mark.parametrize("what", ["volume", "segmentation", "segment", "scene"])
def test_what_is_removed_during_a_run_takes_its_results_with_it(
    scene, logic, held, volume_node, what
) -> None:
    heard = Heard(logic)
    click_in_background(logic, held, volume_node)
    if what == "volume":
        scene.RemoveNode(volume_node)
    elif what == "segmentation":
        scene.RemoveNode(logic.segmentationNode)
    elif what == "segment":
        logic.segmentationNode.GetSegmentation().RemoveSegment(logic.selectedSegmentId)
    else:
        scene.Clear(False)
    held.released.set()
    logic.waitUntilIdle()
    assert heard.answers == []
    assert not logic.busy
    assert all(isinstance(error, LightSegError) for error in heard.failures)


def test_after_the_scene_was_closed_the_next_one_is_worked_in(scene, logic, held, make_volume_node) -> None:
    held.released.set()
    logic.segmentPoint(ras_of(logic.volumeNode, FIRST_BALL))
    scene.Clear(False)
    assert logic.volumeNode is None
    assert logic.segmentationNode is None
    again = make_volume_node()
    logic.setVolumeNode(again)
    answer = logic.segmentPoint(ras_of(again, FIRST_BALL))
    assert dice(shown(logic.segmentationNode, answer.segment_id, again), FIRST) > 0.97
    assert logic.undo()


def test_another_volume_during_a_run_drops_the_result_of_the_first(
    logic, held, volume_node, make_volume_node
) -> None:
    heard = Heard(logic)
    click_in_background(logic, held, volume_node)
    logic.setVolumeNode(make_volume_node(name="Other"))
    held.released.set()
    logic.waitUntilIdle()
    assert heard.answers == []
    assert not logic.busy


def test_a_removed_node_is_not_kept_alive(scene, logic, held, make_volume_node) -> None:
    held.released.set()
    node = make_volume_node(name="Passing")
    logic.setVolumeNode(node)
    logic.segmentPoint(ras_of(node, FIRST_BALL))
    before = node.GetReferenceCount()
    scene.RemoveNode(node)
    assert node.GetReferenceCount() < before
    logic.segmentationNode.RemoveAllObservers()
    assert node.GetReferenceCount() == 1


# --- The end ------------------------------------------------------------------------------------------------


def test_closing_during_a_run_stops_it_and_ends_the_thread(logic, held, volume_node) -> None:
    heard = Heard(logic)
    job = click_in_background(logic, held, volume_node)
    threading.Timer(0.1, held.released.set).start()
    assert logic.close()
    assert job.finished
    assert heard.answers == heard.failures == []
    assert logic.closed
    assert not logic.busy


def test_a_forgotten_logic_ends_its_thread(scene, volume_node) -> None:
    logic = make_logic(scene)
    logic.setVolumeNode(volume_node)
    logic.addSegment()
    worker, gone = logic._background.worker, weakref.ref(logic)
    del logic
    gc.collect()
    assert gone() is None
    assert worker.close(0.0)


SCRIPT = """
import sys, threading, time
import numpy as np
from scene_building import to_image, two_balls
import slicer
from logic_world import HeldModel, Loader, make_logic

class Slow(HeldModel):
    def predict(self, image, guidance):
        import torch
        self.started.set()
        for _ in range(20):
            torch.nn.functional.conv3d(torch.zeros(1, 4, 40, 40, 40), torch.zeros(4, 4, 3, 3, 3))
        return super().predict(image, guidance)

model = Slow()
model.released.set()
scene = slicer.vtkMRMLScene()
node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
node.SetAndObserveImageData(to_image(two_balls()))
logic = make_logic(scene, Loader(model))
logic.setVolumeNode(node)
for _ in range(20):
    logic.segmentPoint((9, 13, 12), wait=False)
assert model.started.wait(30)
"""


@pytest.mark.slow
def test_a_program_that_ends_during_a_run_ends_cleanly(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(f"import sys; sys.path[:0] = {sys.path!r}\n" + SCRIPT, encoding="utf-8")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


# --- The background by itself -------------------------------------------------------------------------------


@pytest.fixture
def background():
    background = Background(WaitingRunner())
    yield background
    background.close()


def test_an_error_in_a_delivery_is_told_and_the_rest_is_delivered(background) -> None:
    failures, done = [], []
    background.failed.connect(failures.append)

    def fail(value):
        raise RuntimeError("the node is gone")

    background.submit(lambda context: 1, fail)
    background.submit(lambda context: 2, done.append)
    background.waitUntilIdle()
    assert done == [2]
    assert "the node is gone" in failures[0].why
    assert not background.busy


def test_progress_reaches_the_main_thread(background) -> None:
    told = []
    background.progressed.connect(lambda fraction, text: told.append((fraction, text)))
    background.wait(background.submit(lambda context: context.report(0.5, "half")))
    assert told == [(0.5, "half")]


def test_work_handed_in_after_the_end_is_refused(background) -> None:
    assert background.close()
    with pytest.raises(SessionError, match="closed"):
        background.submit(lambda context: None)


def test_the_keyboard_interrupts_waiting_and_the_work(background, monkeypatch) -> None:
    started = threading.Event()

    def work(context):
        started.set()
        while True:
            context.raise_if_cancelled()

    def interrupt(seconds):
        assert started.wait(20)
        raise KeyboardInterrupt

    monkeypatch.setattr(background, "letWork", interrupt)
    ticket = background.submit(work)
    with pytest.raises(KeyboardInterrupt):
        background.wait(ticket)
    assert background.worker.wait_idle(20)
    assert ticket.job.state is JobState.CANCELLED
