import csv
import errno
import io
import os
import sys

import pytest

from spm_bench.errors import ResultsError
from spm_bench.training import logs
from spm_bench.training.logs import Lines, Log, Table
from tests.training.tiny import Told


def rows_of(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_rows_after_the_checkpoint_are_cut_and_written_anew(tmp_path):
    path = tmp_path / "log.csv"
    first = Table(path, 0)
    for step in (2, 4, 6):
        first.add({"step": step, "total": step / 3})
    again = Table(path, 4)
    again.add({"step": 6, "total": 9.0})
    again.add({"step": 8, "total": 10.0})
    assert [(row["step"], row["total"]) for row in rows_of(path)] == [
        ("2", "0.666667"), ("4", "1.33333"), ("6", "9"), ("8", "10")
    ]  # fmt: skip


def test_rows_after_the_checkpoint_are_gone_from_the_disk_at_once(tmp_path):
    """A training anew that validates on nothing adds no row, and must not keep those of the one before."""
    path = tmp_path / "validation.csv"
    first = Table(path, 0)
    for step in (2, 4):
        first.add({"step": step, "auc": step / 10})
    Table(path, 3)
    assert path.read_text() == "step,auc\n2,0.2\n"
    again = Table(path, 0)
    assert not path.exists()
    assert again.last() == {}
    again.add({"step": 2, "auc": 0.5})
    assert path.read_text() == "step,auc\n2,0.5\n"


def test_a_table_that_is_whole_is_not_written_anew(tmp_path):
    path = tmp_path / "log.csv"
    Table(path, 0).add({"step": 2, "total": 1.0})
    before = path.stat()
    Table(path, 2)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_row_cut_off_by_a_kill_is_dropped(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("step,total,rate\n2,0.5,1\n4,0.")
    table = Table(path, 100)
    table.add({"step": 4, "total": 0.25, "rate": 1})
    assert path.read_text() == "step,total,rate\n2,0.5,1\n4,0.25,1\n"


def test_new_columns_come_at_the_end(tmp_path):
    table = Table(tmp_path / "v.csv", 0)
    table.add({"step": 1, "auc": 0.5})
    table.add({"step": 2, "auc": 0.6, "losses": 3})
    assert (tmp_path / "v.csv").read_text() == "step,auc,losses\n1,0.5,\n2,0.6,3\n"
    again = Table(tmp_path / "v.csv", 2)
    assert again.at(1) == {"auc": 0.5}
    assert again.last() == {"auc": 0.6, "losses": 3.0}
    assert again.at(3) is None


@pytest.mark.parametrize("content", [b"name,age\nAnn,3\n", b"notes\n", b"step,total\nsoon,3\n", b"\xff\xfe\x00\x01"])
def test_a_file_that_is_no_log_is_left_alone(tmp_path, content):
    path = tmp_path / "log.csv"
    path.write_bytes(content)
    with pytest.raises(ResultsError, match=r"log\.csv: not a table of a training"):
        Table(path, 0)
    assert path.read_bytes() == content


def test_rows_wait_for_room_on_the_disk(tmp_path, monkeypatch):
    told = Told()
    log = Log(tmp_path, 0, told)
    log.row(2, {"total": 1.0})

    def full(self, *args, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(type(tmp_path), "open", full)
        log.row(4, {"total": 2.0})
        assert any("the disk is full" in note for note in told.notes)
    log.row(6, {"total": 3.0})
    log.close()
    assert [row["step"] for row in rows_of(tmp_path / "log.csv")] == ["2", "4", "6"]
    assert told.row == {"total": 3.0}


def test_tensorboard_gets_the_numbers(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = Log(tmp_path, 0, Told())
    log.row(2, {"total": 1.5})
    log.validated(2, {"auc_one_pass": 0.25})
    log.close()
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [(e.step, e.value) for e in events.Scalars("train/total")] == [(2, 1.5)]
    assert events.Scalars("validation/auc_one_pass")[0].value == 0.25


def test_without_tensorboard_one_note_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    told = Told()
    log = Log(tmp_path, 0, told)
    log.row(2, {"total": 1.0})
    log.row(4, {"total": 1.0})
    log.close()
    assert [note for note in told.notes if "TensorBoard" in note] == told.notes
    assert len(told.notes) == 1
    assert len(rows_of(tmp_path / "log.csv")) == 2


def test_lines_say_how_far_how_fast_and_how_long(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(logs.time, "monotonic", lambda: now[0])
    stream = io.StringIO()
    lines = Lines(stream)
    lines.begin(10, 110, 8)
    for done in range(11, 21):
        now[0] += 2.0
        lines.step(done)
    assert stream.getvalue() == "144 of 880 pairs, 4.0 pairs/s, 0:03:04 left\n"
    lines.losses({"total": 1.25, "pairs_per_s": 16.0})
    lines.step(110)
    lines.end()
    assert stream.getvalue().splitlines()[-1] == "880 of 880 pairs, 16.0 pairs/s, total 1.250"


def test_a_training_that_had_nothing_to_do_says_nothing():
    stream = io.StringIO()
    lines = Lines(stream)
    lines.begin(10, 10, 8)
    lines.end()
    assert stream.getvalue() == ""
