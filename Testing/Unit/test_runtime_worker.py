"""Work off the caller's thread. Threads meet through events, so no test depends on speed."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator

import pytest

from LightSegLib.errors import Cancelled, PromptError, SessionError
from LightSegLib.runtime.worker import JobContext, JobState, SessionWorker

PATIENCE = 30  # seconds until a test that would hang gives up


@pytest.fixture
def worker() -> Iterator[SessionWorker]:
    with SessionWorker() as made:
        yield made


class Gate:
    """Work that runs until the test opens it."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.opened = threading.Event()

    def __call__(self, context: JobContext) -> str:
        self.entered.set()
        while not self.opened.wait(0.01):
            context.raise_if_cancelled()
        return "through"


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.opened.set()


def noted(log: list[str], name: str) -> Callable[[JobContext], str]:
    """Work that writes its name down."""

    def work(_context: JobContext) -> str:
        log.append(name)
        return name

    return work


def test_work_runs_off_the_callers_thread(worker: SessionWorker) -> None:
    job = worker.submit(lambda _context: threading.get_ident())
    assert job.result(PATIENCE) != threading.get_ident()
    assert job.state is JobState.DONE


def test_jobs_run_in_the_order_they_came(worker: SessionWorker, gate: Gate) -> None:
    log: list[str] = []
    worker.submit(gate)
    jobs = [worker.submit(noted(log, str(number))) for number in range(5)]
    gate.opened.set()
    assert [job.result(PATIENCE) for job in jobs] == log == ["0", "1", "2", "3", "4"]


def test_callbacks_come_on_the_thread_that_polls_and_not_before(worker: SessionWorker) -> None:
    heard: list[tuple[int, int]] = []
    job = worker.submit(
        lambda _context: 7, on_done=lambda value: heard.append((value, threading.get_ident()))
    )
    job.result(PATIENCE)
    assert heard == []
    assert worker.poll() == 1
    assert heard == [(7, threading.get_ident())]
    assert worker.poll() == 0


def test_an_error_is_delivered_and_the_worker_goes_on(worker: SessionWorker) -> None:
    heard: list[BaseException] = []

    def fail(_context: JobContext) -> None:
        raise PromptError("The point lies outside the image")

    job = worker.submit(fail, on_error=heard.append)
    with pytest.raises(PromptError, match="outside"):
        job.result(PATIENCE)
    worker.poll()
    assert heard == [job.error]
    assert job.state is JobState.FAILED
    assert worker.submit(lambda _context: "alive").result(PATIENCE) == "alive"


def test_progress_is_delivered_with_the_latest_report_only(worker: SessionWorker, gate: Gate) -> None:
    heard: list[tuple[float, str]] = []

    def work(context: JobContext) -> str:
        context.report(0.25, "looking")
        context.report(0.5, "segmenting")
        return gate(context)

    job = worker.submit(work, on_progress=lambda fraction, message: heard.append((fraction, message)))
    assert gate.entered.wait(PATIENCE)
    worker.poll()
    assert heard == [(0.5, "segmenting")]
    gate.opened.set()
    job.result(PATIENCE)
    assert worker.poll() == 0


def test_progress_comes_before_the_result_and_is_clipped(worker: SessionWorker) -> None:
    heard: list[object] = []

    def work(context: JobContext) -> str:
        context.report(7.0)
        return "done"

    worker.submit(work, on_done=heard.append, on_progress=lambda fraction, _message: heard.append(fraction))
    assert worker.wait_idle(PATIENCE)
    worker.poll()
    assert heard == [1.0, "done"]


def test_a_running_job_is_cancelled_at_its_next_check_point(worker: SessionWorker, gate: Gate) -> None:
    heard: list[str] = []
    job = worker.submit(
        gate, on_cancelled=lambda: heard.append("cancelled"), on_error=lambda _e: heard.append("error")
    )
    assert gate.entered.wait(PATIENCE)
    job.cancel()
    with pytest.raises(Cancelled):
        job.result(PATIENCE)
    worker.poll()
    assert heard == ["cancelled"]
    assert job.state is JobState.CANCELLED


def test_reporting_progress_is_a_check_point(worker: SessionWorker) -> None:
    started, go_on = threading.Event(), threading.Event()

    def work(context: JobContext) -> None:
        started.set()
        go_on.wait(PATIENCE)
        context.report(0.5)

    job = worker.submit(work)
    assert started.wait(PATIENCE)
    job.cancel()
    go_on.set()
    with pytest.raises(Cancelled):
        job.result(PATIENCE)


def test_a_waiting_job_is_cancelled_at_once_and_never_runs(worker: SessionWorker, gate: Gate) -> None:
    log: list[str] = []
    worker.submit(gate)
    waiting = worker.submit(noted(log, "never"))
    waiting.cancel()
    assert waiting.state is JobState.CANCELLED
    assert waiting.finished
    gate.opened.set()
    assert worker.wait_idle(PATIENCE)
    assert log == []


def test_work_that_finishes_in_spite_of_cancel_counts_as_done(worker: SessionWorker) -> None:
    started, go_on = threading.Event(), threading.Event()

    def work(_context: JobContext) -> str:
        started.set()
        go_on.wait(PATIENCE)
        return "the mask changed"

    job = worker.submit(work)
    assert started.wait(PATIENCE)
    job.cancel()
    go_on.set()
    assert job.result(PATIENCE) == "the mask changed"
    job.cancel()
    assert job.state is JobState.DONE


def test_clicks_queue_up_unless_asked_otherwise(worker: SessionWorker, gate: Gate) -> None:
    log: list[str] = []
    worker.submit(gate, kind="click")
    for name in ("first", "second"):
        worker.submit(noted(log, name), kind="click")
    gate.opened.set()
    assert worker.wait_idle(PATIENCE)
    assert log == ["first", "second"]


def test_a_click_may_replace_waiting_clicks_but_nothing_else(worker: SessionWorker, gate: Gate) -> None:
    log: list[str] = []
    running = worker.submit(gate, kind="click")
    assert gate.entered.wait(PATIENCE)
    image = worker.submit(noted(log, "image"), kind="image")
    stale = worker.submit(noted(log, "stale"), kind="click")
    worker.submit(noted(log, "fresh"), kind="click", replace_pending=True)
    assert stale.state is JobState.CANCELLED
    gate.opened.set()
    assert worker.wait_idle(PATIENCE)
    assert running.result() == "through"
    assert image.state is JobState.DONE
    assert log == ["image", "fresh"]


def test_cancel_all_stops_what_runs_and_what_waits(worker: SessionWorker, gate: Gate) -> None:
    jobs = [worker.submit(gate), worker.submit(gate)]
    assert gate.entered.wait(PATIENCE)
    worker.cancel_all()
    assert worker.wait_idle(PATIENCE)
    assert [job.state for job in jobs] == [JobState.CANCELLED] * 2
    assert not worker.busy


def test_waiting_for_a_result_may_time_out(worker: SessionWorker, gate: Gate) -> None:
    job = worker.submit(gate)
    with pytest.raises(TimeoutError):
        job.result(timeout=0.01)
    assert not job.finished
    assert worker.busy
    assert not worker.wait_idle(timeout=0.01)


def test_the_owner_is_woken_when_there_is_something_to_poll() -> None:
    woken = threading.Event()
    with SessionWorker(on_ready=woken.set) as worker:
        worker.submit(lambda _context: 1, on_done=lambda _value: None)
        assert woken.wait(PATIENCE)
        assert worker.wait_idle(PATIENCE)
        assert worker.poll() == 1


def test_an_error_in_a_callback_reaches_the_poller_and_loses_no_other_news(worker: SessionWorker) -> None:
    heard: list[int] = []

    def broken(_value: int) -> None:
        raise ValueError("broken callback")

    worker.submit(lambda _context: 1, on_done=broken)
    worker.submit(lambda _context: 2, on_done=heard.append)
    assert worker.wait_idle(PATIENCE)
    with pytest.raises(ValueError, match="broken callback"):
        worker.poll()
    worker.poll()
    assert heard == [2]


def test_closing_stops_the_running_job_and_ends_the_thread(gate: Gate) -> None:
    worker = SessionWorker(name="lightseg-test-close")
    job = worker.submit(gate)
    assert gate.entered.wait(PATIENCE)
    assert worker.close(PATIENCE)
    assert job.state is JobState.CANCELLED
    assert worker.close()
    assert "lightseg-test-close" not in {thread.name for thread in threading.enumerate()}


def test_a_closed_worker_takes_no_more_work_but_tells_the_rest() -> None:
    heard: list[int] = []
    with SessionWorker() as worker:
        worker.submit(lambda _context: 1, on_done=heard.append).result(PATIENCE)
    worker.poll()
    assert heard == [1]
    with pytest.raises(SessionError, match="closed"):
        worker.submit(lambda _context: 2)


def test_work_may_close_its_own_worker() -> None:
    worker = SessionWorker()
    job = worker.submit(lambda _context: worker.close())
    assert job.result(PATIENCE) is False
    assert worker.close(PATIENCE)


def test_an_idle_worker_keeps_nothing_of_its_last_job_alive() -> None:
    class Image:
        pass

    let_go = threading.Event()
    with SessionWorker() as worker:
        image = Image()
        weakref.finalize(image, let_go.set)
        worker.submit(lambda context, held=image: id(held))
        del image
        assert worker.wait_idle(PATIENCE)
        worker.poll()
        gc.collect()
        assert let_go.wait(PATIENCE)
