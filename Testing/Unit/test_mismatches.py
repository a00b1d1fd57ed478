"""Texts that name nothing of an image: the file, and what becomes of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from named_data import SOURCE, write_named_data
from reading_model import Reader
from region_cases import FREE

from LightSegLib.errors import DataError
from LightSegLib.evaluation.dataset import CaseReference, DataSet
from LightSegLib.evaluation.mismatches import Mismatch, by_case, read_mismatches, structures_in
from LightSegLib.evaluation.refusals import judge_mismatches
from LightSegLib.regions import RegionSegmenter
from LightSegLib.session import InteractiveSession
from LightSegLib.text import Vocabulary


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    return DataSet.open(write_named_data(tmp_path_factory.mktemp("data")))


def pairs(*texts: str, source: str = SOURCE) -> list[Mismatch]:
    return [Mismatch(source, "c1", text) for text in texts]


def write(folder: Path, content: str) -> Path:
    path = folder / "mismatches.csv"
    path.write_text(content, encoding="utf-8")
    return path


# --- The file -----------------------------------------------------------------------------------------------


def test_a_file_is_a_table_of_source_case_and_text(tmp_path: Path) -> None:
    path = write(tmp_path, 'source,case,text\na,c1,Milz\n\na,c2,"left kidney"\n')
    assert read_mismatches(path) == [Mismatch("a", "c1", "Milz"), Mismatch("a", "c2", "left kidney")]


def test_a_byte_order_mark_before_the_table_does_not_matter(tmp_path: Path) -> None:
    assert read_mismatches(write(tmp_path, "\ufeffsource,case,text\na,c1,Milz\n"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "no mismatches.*first line"),
        ("case,text\nc1,liver\n", "no mismatches.*first line"),
        ("source,case,text\n", "no mismatches.*after its first line"),
        ("source,case,text\na,c1\n", "Line 2 .*not complete"),
        ("source,case,text\na,c1,liver\na,c1, \n", "Line 3 .*not complete"),
        ("source,case,text\na,c1,liver\na,c1,liver\n", "Line 3 .*repeats"),
        ('source,case,text\na,c1,"liver\n', "Cannot read"),
    ],
)
def test_a_malformed_file_is_refused(tmp_path: Path, content: str, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        read_mismatches(write(tmp_path, content))
    assert caught.value.next_step


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    for name in ("nowhere.csv", "binary.csv"):
        with pytest.raises(DataError, match=f"Cannot read .*{name}"):
            read_mismatches(tmp_path / name)


def test_an_unknown_source_or_case_is_refused(data: DataSet) -> None:
    with pytest.raises(DataError, match=rf"Unknown case: clinic/c1, {SOURCE}/c9\."):
        by_case([*pairs("liver", source="clinic"), Mismatch(SOURCE, "c9", "liver")], data)


def test_what_is_named_is_told_by_its_id() -> None:
    named = structures_in(pairs("Milz", "kidney", "flux capacitor"), Vocabulary.load())
    assert named == {(SOURCE, "c1", name) for name in ("spleen", "kidney_left", "kidney_right")}


# --- What becomes of them -----------------------------------------------------------------------------------


def judged(data: DataSet, asked: list[Mismatch], threshold: float = 0.3):
    model = Reader()
    segmenter = RegionSegmenter(model, FREE)
    return judge_mismatches(data, asked, lambda: InteractiveSession(model, segmenter), threshold)


def test_pairs_are_refused_or_drawn_or_not_answered(data: DataSet) -> None:
    asked = pairs("left kidney", "Milz", "liver", "kidney", "flux capacitor")
    results = judged(data, asked)
    assert [each.pair for each in results.answers] == asked
    outcomes = [each.outcome for each in results.answers]
    assert outcomes == ["drawn", "refused", "not taught", "not understood", "not understood"]
    assert [each.confidence for each in results.answers] == [
        pytest.approx(0.9), pytest.approx(0.02), None, None, None,
    ]  # fmt: skip
    assert (results.answered, results.share) == (2, 0.5)
    assert results.counts() == {
        "pairs": 5, "refused": 1, "drawn": 1, "not_taught": 1, "not_understood": 2, "share": 0.5,
    }  # fmt: skip


def test_a_mask_of_which_less_is_expected_than_the_threshold_counts_as_refused(data: DataSet) -> None:
    assert judged(data, pairs("left kidney"), threshold=0.95).share == 1.0


def test_a_share_of_no_answer_is_none(data: DataSet) -> None:
    assert judged(data, pairs("liver")).counts()["share"] is None


def test_a_case_is_read_once(data: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    read, load = [], CaseReference.load
    monkeypatch.setattr(CaseReference, "load", lambda self: read.append(self.source) or load(self))
    asked = [*pairs("spleen"), *pairs("spleen", source="hippocampus_mr"), *pairs("left kidney")]
    results = judged(data, asked)
    assert read == [SOURCE, "hippocampus_mr"]
    assert [each.pair for each in results.answers] == asked
