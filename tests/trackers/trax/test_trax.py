"""Programs over TraX: sound ones of every kind, one fault each, and nothing left running, whatever ends the session."""

import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

trax = pytest.importorskip("trax", reason="needs the extra [vot]")

from spm_bench.checkup.videos import drifting, other  # noqa: E402
from spm_bench.cli import EXIT_FAILED, EXIT_OK, EXIT_USAGE, build_app, guarded  # noqa: E402
from spm_bench.errors import TrackerError, UsageError  # noqa: E402
from spm_bench.results.manifest import identity_of  # noqa: E402
from spm_bench.suites import load_suite  # noqa: E402
from spm_bench.trackers.catalog import build_tracker, resolve_tracker, settings_of  # noqa: E402
from spm_bench.trackers.trax.program import is_program, read_program, read_section, short_name  # noqa: E402
from spm_bench.trackers.trax.session import processes_of  # noqa: E402
from spm_bench.trackers.variants import Variant  # noqa: E402

PROGRAMS = Path(__file__).with_name("programs.py")


def command(mode):
    return f"trax:{sys.executable} {PROGRAMS} {mode}"


def built(mode, **options):
    spec = resolve_tracker(command(mode))
    spec.options.update(options)
    return build_tracker(spec)


def follow(tracker, video=None, n=6):
    video = video or drifting()
    tracker.init(video.frames[0], video.boxes[0])
    return np.array([tracker.update(frame) for frame in video.frames[1:n]])


def gone(pid):
    """Whether no process of a group is left, but zombies whose parent was killed."""
    for _ in range(100):
        if not processes_of(pid):
            return True
        time.sleep(0.02)
    return False


def files_open():
    folder = Path("/proc/self/fd")
    return len([*folder.iterdir()]) if folder.exists() else 0


@pytest.fixture(scope="module")
def sound():
    return follow(built("sound"))


@pytest.mark.parametrize("mode", ["memory", "buffer", "garbage"])
def test_pictures_come_in_every_form_and_prints_do_not_matter(mode, sound, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.testing.assert_array_equal(follow(built(mode)), sound)


@pytest.mark.parametrize(("mode", "close"), [("polygons", 2e-4), ("masks", 1.0)])
def test_regions_come_in_every_form(mode, close, sound):
    np.testing.assert_allclose(follow(built(mode)), sound, atol=close)


def test_an_empty_mask_means_lost_and_the_last_box_is_repeated():
    np.testing.assert_array_equal(follow(built("empty_mask"), n=3), drifting().boxes[[0, 0]])


def test_one_process_follows_many_targets(sound):
    tracker = built("sound")
    follow(tracker, other())
    pid = tracker.session.pid
    np.testing.assert_array_equal(follow(tracker), sound)
    assert tracker.session.pid == pid
    assert tracker.close()
    assert gone(pid)


@pytest.mark.parametrize(("mode", "options"), [("once", {}), ("remembers", {"restart": True})])
def test_a_program_is_started_anew_for_each_target_where_it_must_be(mode, options, sound):
    tracker = built(mode, **options)
    follow(tracker, other())
    np.testing.assert_array_equal(follow(tracker), sound)


FAULTS = {
    "crash": "exit code 7 when it was asked for the next box; its stderr ended with: .*ValueError: no pixels",
    "killed": "was ended by SIGSEGV",
    "quits": r"ended the session when it was asked for the next box \(no more tracks\)",
    "no_trax": "exit code 3 before it said hello.*its stdout ended with: usage: program FILE",
    "nan": "'nan,1,2,3': numbers that are not finite",
    "words": "'here': could not convert",
    "nothing": "with 0 regions",
    "two": "with 2 regions",
    "unknown": "bogus.*which is no answer in TraX",
    "unclosed": "which is no answer in TraX",
    "long_mask": "runs of 100000000 pixels in a window of 2 x 2",
    "special": "'2': a special region",
    "behind": "behind other text, without a line break",
    "twice": "sent a message 'state' without being asked",
    "url": "takes pictures as url; path, memory or buffer can be given",
    "depth": "wants pictures of depth, there is colour only",
}


@pytest.mark.parametrize("mode", FAULTS)
def test_each_fault_is_told_with_the_last_words(mode):
    tracker = built(mode)
    with pytest.raises(TrackerError, match=FAULTS[mode]) as told:
        follow(tracker)
    assert str(told.value).startswith(f"trax:{sys.executable} ")
    assert tracker.session is None or gone(tracker.session.pid)


@pytest.mark.parametrize(
    ("mode", "words"), [("silent", "before it said hello.*loading"), ("hang", "next box.*thinking")]
)
def test_patience_ends(mode, words):
    tracker = built(mode, timeout=1.0)
    with pytest.raises(TrackerError, match=rf"no answer within 1 s .*{words}"):
        follow(tracker)
    assert tracker.session is None or gone(tracker.session.pid)


def test_after_a_fault_the_next_start_is_a_new_process(sound):
    tracker = built("sound")
    follow(tracker)
    os.killpg(tracker.session.pid, signal.SIGKILL)
    with pytest.raises(TrackerError, match="SIGKILL"):
        tracker.update(drifting().frames[1])
    np.testing.assert_array_equal(follow(tracker), sound)


def test_a_tracker_that_is_dropped_leaves_nothing():
    tracker = built("sound")
    follow(tracker)
    session = tracker.session
    pid, pictures = session.pid, session.pictures
    assert len([*pictures.iterdir()]) == 2
    before = files_open()
    del tracker, session
    gc.collect()
    assert gone(pid)
    assert not pictures.exists()
    assert files_open() == before - 4 * (before > 0)


def group_of_program(entry, parent):
    """The process group of one of our programs that is a child of `parent`; None of all other processes."""
    try:
        fields = (entry / "stat").read_text().rpartition(")")[2].split()
        ours = b"programs.py" in (entry / "cmdline").read_bytes()
    except OSError:
        return None
    return int(fields[2]) if ours and int(fields[1]) == parent else None


RUN = "import sys; from spm_bench.cli import main; sys.argv[0] = 'spm-bench'; main()"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs a list of processes in /proc")
@pytest.mark.parametrize(("ending", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_a_program_that_hangs_ends_with_us(tmp_path, ending, code):
    arguments = ["run", "--suite", "demo", "--sequence", "calm", "--tracker", command("hang"), "--no-report"]
    marker = {"WAIT": "987.5", "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.Popen(
        [sys.executable, "-c", RUN, *arguments], cwd=tmp_path, env=os.environ | marker, stderr=subprocess.PIPE
    )
    found = None
    for _ in range(400):
        found = next(filter(None, (group_of_program(entry, run.pid) for entry in Path("/proc").glob("[0-9]*"))), None)
        if found:
            break
        time.sleep(0.05)
    assert found is not None
    time.sleep(0.5)
    run.send_signal(ending)
    _, said = run.communicate(timeout=20)
    assert run.returncode == code
    assert gone(found)
    assert (b"run the same command again" in said) == (ending == signal.SIGINT)


def spm_bench(*arguments):
    return guarded(build_app(), [*arguments])


def test_it_runs_from_the_command_line_and_a_fault_breaks_one_tracker(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trackers.ini").write_text(
        f"[Mine]\nprotocol = trax\ncommand = {sys.executable} {PROGRAMS} sound\n\n"
        f"[Broken]\nlabel = x\ncommand = {sys.executable} {PROGRAMS} crash\n"
    )
    pair = ("--tracker", "trackers.ini#Mine", "--tracker", "trackers.ini#Broken")
    assert spm_bench("run", "--sequence", "calm", "--no-report", *pair) == EXIT_FAILED
    printed = capsys.readouterr()
    assert "Mine" in printed.out
    assert "its stderr ended with: Traceback: in the program | ValueError: no pixels" in " ".join(printed.err.split())
    (manifest,) = Path("runs").glob("demo/Mine-*/run.json")
    assert spm_bench("reproduce", str(manifest), "--out", "again") == EXIT_OK


SECTION = "command = {python} x.py\n"


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("[A]\n" + SECTION + "[B]\n" + SECTION, "", r"names 2 trackers.*t\.ini#A"),
        ("[Mine]\n" + SECTION, "Mien", "no tracker 'Mien'.*Did you mean Mine"),
        ("", "", "names 0 trackers"),
        ("command = x\n", "A", "line 1.*no trackers.ini"),
        ("[A]\n" + SECTION + "[A]\n", "A", "line 3.*already exists"),
        ("[A]\nnonsense\n", "A", "line 2"),
        ("[A]\ncommand = {python} 100%\n", "A", "write %%"),
        ("[A]\nlabel = x\n", "A", "no command"),
        ("[A]\ncommand = 'x\n", "A", "No closing quotation"),
        ("[A]\ncommand = no_such_program x\n", "A", "no program 'no_such_program' on the PATH"),
        ("[A]\ncommand = ./none\n", "A", "no program ./none.*looked for in"),
        ("[A]\ncommand = ./t.ini\n", "A", "not executable.*chmod"),
        ("[A]\nprotocol = traxmatlab\n" + SECTION, "A", "'traxmatlab' cannot be run here.*Known: trax, traxpython"),
        ("[A]\nsocket = yes\n" + SECTION, "A", "wants a socket"),
        ("[A]\ntimeout = soon\n" + SECTION, "A", "timeout = soon is no number"),
        ("[A]\ntimeout = 0\n" + SECTION, "A", "timeout = 0 is no number"),
        ("\xff\x00", "A", "no trackers.ini"),
    ],
)
def test_mistakes_in_a_file_are_told_with_their_place(tmp_path, text, name, words):
    path = tmp_path / "t.ini"
    path.write_text(text.replace("{python}", sys.executable), encoding="utf-8")
    with pytest.raises(UsageError, match=words) as told:
        read_section(path, name)
    assert str(path) in str(told.value)


def test_a_file_that_is_none(tmp_path):
    (tmp_path / "b.ini").write_bytes(b"\xff\xfe[A]")
    with pytest.raises(UsageError, match="is no text"):
        read_section(tmp_path / "b.ini", "A")
    with pytest.raises(UsageError, match=r"cannot be read .*trackers\.ini#NAME"):
        read_section(tmp_path / "none.ini", "A")


def test_fields_of_a_section(tmp_path, monkeypatch):
    monkeypatch.setenv("HERE", "there")
    (tmp_path / "t.ini").write_text(
        "[My-1]\nprotocol = traxpython\ncommand = pkg.mine\npaths = src:/abs\npython = python3\nlinkpaths = lib\n"
        "timeout = 5\nrestart = true\nenv_my_flag = $HERE\narg_gain = 50%%\nmeta_author = x\ntags = a,b\n"
    )
    program = read_section(tmp_path / "t.ini", "")
    assert (program.name, program.command) == ("My-1", ("python3", "-m", "pkg.mine"))
    assert program.environment["PYTHONPATH"] == f"{tmp_path}/src:/abs"
    assert program.environment["MY_FLAG"] == "there"
    assert f"{tmp_path}/lib" in program.environment.values()
    assert program.arguments == {"gain": "50%"}
    assert (program.timeout, program.restart, program.folder) == (5.0, True, tmp_path)
    (tmp_path / "t.ini").write_text("[A]\nprotocol = traxpython\ncommand = import mine; mine.main()\n")
    assert read_section(tmp_path / "t.ini", "A").command == (sys.executable, "-c", "import mine; mine.main()")


def test_what_a_section_says_reaches_the_program(tmp_path):
    (tmp_path / "t.ini").write_text(
        f'[A]\ncommand = {sys.executable} {PROGRAMS} told\nenv_my_flag = on\narg_gain = 3 "dB"\n'
    )
    with pytest.raises(TrackerError, match=r'stderr ended with: @@TRAX:frame .* "gain=3 \\"dB\\"" \| on'):
        follow(build_tracker(resolve_tracker(f"{tmp_path}/t.ini#A")))


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("python a/mine.py -x", "mine"),
        ("python -m a.mine", "mine"),
        ("./run mine", "run"),
        ("sh 'my run.sh'", "my_run"),
    ],
)
def test_names(words, name):
    import shlex

    assert short_name(tuple(shlex.split(words))) == name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("trax:", "no command"),
        ("trax:'x", "No closing quotation"),
        ("trax:no_such_program", "on the PATH"),
        ("trax:./none", "no program ./none"),
    ],
)
def test_mistakes_in_a_command(name, words):
    with pytest.raises(UsageError, match=words):
        resolve_tracker(name)


def test_a_program_has_no_settings_variants_or_weights():
    name = command("sound")
    assert is_program(name)
    assert not is_program("trax_module:Class")
    for call in (
        lambda: settings_of(name),
        lambda: resolve_tracker(name, variant="fast"),
        lambda: resolve_tracker(name, weights="x"),
        lambda: resolve_tracker(name, variant=Variant("v", "")),
    ):
        with pytest.raises(UsageError):
            call()


def test_the_toolkit_needs_no_help_with_a_program(capsys, tmp_path):
    arguments = (
        "vot",
        "init",
        str(tmp_path / "w"),
        "--suite",
        "demo",
        "--sequence",
        "calm",
        "--tracker",
        command("sound"),
    )
    assert spm_bench(*arguments) == EXIT_USAGE
    assert "runs in the toolkit without us" in capsys.readouterr().err


def test_a_run_is_named_by_what_the_program_consists_of_and_not_by_where_it_lies(tmp_path, monkeypatch):
    suite = load_suite("demo", annotations_only=True)

    def identity(folder):
        monkeypatch.chdir(folder)
        return identity_of(resolve_tracker("trax:python mine.py model.bin"), suite, {}, 0)["tracker"]

    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.py").write_text("import beside\n")
        (tmp_path / name / "beside.py").write_text("x = 1\n")
        (tmp_path / name / "model.bin").write_bytes(b"1")
    first = identity(tmp_path / "a")
    assert first == identity(tmp_path / "b")
    assert {*first["identity"]["files"]} == {"mine", "beside", "model.bin"}
    for changed in ("beside.py", "model.bin"):
        (tmp_path / "b" / changed).write_text("x = 2\n")
        assert first != identity(tmp_path / "b")
        (tmp_path / "b" / changed).write_bytes((tmp_path / "a" / changed).read_bytes())


def test_a_command_means_the_same_in_another_folder(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text("")
    monkeypatch.chdir(tmp_path)
    asked = read_program("trax:python mine.py --fast").asked
    assert asked == f"trax:python {tmp_path}/mine.py --fast"
