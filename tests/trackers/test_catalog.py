"""From a name to a tracker: registered ones, a user's own, and every way a name can be wrong."""

import pickle
import subprocess
import sys
import textwrap
import types

import cv2
import numpy as np
import pytest

from spm_bench.engine.jobs import batchable
from spm_bench.errors import TrackerError, UsageError
from spm_bench.trackers.base import Tracker, TrackerSpec
from spm_bench.trackers.catalog import TRACKERS, build_tracker, can_batch, resolve_tracker, variants_of

LIGHT = ("CSRT", "KCF", "MOSSE", "static", "oracle")

OWN = """
    class Good:
        def init(self, frame, box): self.box = box
        def update(self, frame): return self.box

    class Deaf:
        def init(self, frame, box): ...

    class Empty: ...

    class Needy(Good):
        def __init__(self, weights): ...

    class Broken(Good):
        def __init__(self): raise RuntimeError("no licence")

    class Polite(Good):
        @classmethod
        def resolve(cls, *, name, variant, weights, device):
            from spm_bench.trackers.base import TrackerSpec
            return TrackerSpec(name=name, target="own_trackers:Needy", variant=variant or "base",
                               options={"weights": weights}, trained="yes", identity={"weights": "abc"})

    class Together(Good):
        @classmethod
        def batched(cls, options): ...

    class Renamed(Together):
        speed = 2

    class Slower(Together):
        def update(self, frame): return self.box + 1

    class Started(Together):
        def init(self, frame, box): self.box = box + 1

    class Prepared(Together):
        def __init__(self): ...

    class Later(Slower): ...

    class Consistent(Slower):
        @classmethod
        def batched(cls, options): ...

    def make(): return Good()
    def make_nothing(): return None
    NUMBER = 3
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A folder with a user's modules as the current directory, as in a fresh shell."""
    (tmp_path / "own_trackers.py").write_text(textwrap.dedent(OWN))
    (tmp_path / "raises.py").write_text("1 / 0\n")
    (tmp_path / "leaves.py").write_text("import sys\nsys.exit('usage: leaves FILE')\n")
    (tmp_path / "wants.py").write_text("import no_such_package_anywhere\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p])
    yield tmp_path
    for name in ("own_trackers", "raises", "leaves", "wants"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("name", LIGHT)
def test_registered_trackers_resolve_in_any_case_and_build(name):
    spec = resolve_tracker(name.swapcase())
    assert (spec.name, spec.variant, spec.label, spec.trained) == (name, "base", name, "")
    assert spec.target == TRACKERS.entry(name).target
    assert len(spec.identity["code"]) == 64
    assert isinstance(build_tracker(spec), Tracker)
    assert pickle.loads(pickle.dumps(spec)) == spec


def test_the_identity_of_an_opencv_tracker_names_the_opencv():
    assert resolve_tracker("CSRT").identity["opencv"] == cv2.__version__
    assert "opencv" not in resolve_tracker("static").identity


def test_variants_get_their_options_and_label():
    spec = resolve_tracker("oracle", variant="noisy")
    assert spec.label == "oracle-noisy"
    assert build_tracker(spec).noise == 0.1
    assert resolve_tracker("KCF", variant="as_shipped").options == {"late_start": True, "detect_threshold": 0.5}


@pytest.mark.parametrize("entry", list(TRACKERS), ids=lambda e: e.name)
def test_every_tracker_lists_its_variants(entry):
    variants = variants_of(entry.name)
    assert "base" in variants
    assert all(variants.values())
    if entry.name in LIGHT:
        for variant in variants:
            assert resolve_tracker(entry.name, variant=variant).variant == variant


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"name": "KFC"}, r"no tracker 'KFC'.*Did you mean KCF.*module:Class"),
        ({"name": "static", "variant": "fast"}, r"variant of static 'fast'"),
        ({"name": "static", "weights": "random"}, "takes no weights"),
        ({"name": "oracle", "variant": "noizy"}, "Did you mean noisy"),
        ({"name": "no_such_module_here:Thing"}, "no module 'no_such_module_here'"),
        ({"name": "own_trackers:Godo"}, "Did you mean Good"),
        ({"name": "own_trackers:"}, "not of the form module:object"),
        ({"name": "wants:Thing"}, "needs the module 'no_such_package_anywhere'"),
        ({"name": "own_trackers:Good", "variant": "x"}, "variant of Good 'x'"),
        ({"name": "own_trackers:Good", "weights": "x.pt"}, "Good takes no weights"),
    ],
)
def test_wrong_names(own, arguments, words):
    with pytest.raises(UsageError, match=words):
        resolve_tracker(**arguments)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("own_trackers:Deaf", "it has no update. A tracker needs init"),
        ("own_trackers:Empty", "it has no init and no update"),
        ("own_trackers:Needy", "cannot be constructed without arguments.*weights"),
        ("own_trackers:NUMBER", "not a class"),
        ("raises:Thing", "importing it failed: ZeroDivisionError"),
        ("leaves:Thing", "importing it failed: SystemExit: usage: leaves FILE"),
    ],
)
def test_trackers_that_are_none(own, name, words):
    with pytest.raises(TrackerError, match=words) as caught:
        resolve_tracker(name)
    assert name in str(caught.value)


def test_the_cause_of_a_failed_import_is_kept(own):
    with pytest.raises(TrackerError) as caught:
        resolve_tracker("raises:Thing")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_users_class_in_the_current_directory(own):
    spec = resolve_tracker("own_trackers:Good")
    assert (spec.name, spec.target) == ("Good", "own_trackers:Good")
    tracker = build_tracker(spec)
    tracker.init(np.zeros((4, 4, 3), np.uint8), np.array([1.0, 2, 3, 4]))
    assert tracker.update(np.zeros((4, 4, 3), np.uint8)).tolist() == [1, 2, 3, 4]


def test_the_identity_follows_the_code(own):
    before = resolve_tracker("own_trackers:Good").identity["code"]
    assert resolve_tracker("own_trackers:Good").identity["code"] == before
    (own / "own_trackers.py").write_text(textwrap.dedent(OWN).replace("return self.box", "return self.box * 2"))
    assert resolve_tracker("own_trackers:Good").identity["code"] != before


def box_after(target):
    tracker = build_tracker(resolve_tracker(target))
    tracker.init(np.zeros((4, 4, 3), np.uint8), np.array([1.0, 2, 3, 4]))
    return tracker.update(np.zeros((4, 4, 3), np.uint8)).tolist()


def test_what_runs_is_the_code_that_was_fingerprinted(own):
    """A notebook's process imports a module once and sees many versions of its file, some of one second and length."""
    assert box_after("own_trackers:Good") == [1, 2, 3, 4]
    for factor in range(2, 5):
        changed = textwrap.dedent(OWN).replace("return self.box\n", f"return self.box * {factor}\n")
        (own / "own_trackers.py").write_text(changed)
        assert box_after("own_trackers:Good") == [factor, 2 * factor, 3 * factor, 4 * factor]


def test_so_is_the_code_of_what_it_is_built_on(own):
    package = own / "own_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "parts.py").write_text("SHIFT = 1\n")
    body = "from own_package import parts\nclass T:\n    def init(self, frame, box): self.box = box + parts.SHIFT\n"
    (package / "tracker.py").write_text(f"{body}    def update(self, frame): return self.box\n")
    assert box_after("own_package.tracker:T") == [2, 3, 4, 5]
    (package / "parts.py").write_text("SHIFT = 2\n")
    assert box_after("own_package.tracker:T") == [3, 4, 5, 6]
    for name in ("own_package", "own_package.parts", "own_package.tracker"):
        sys.modules.pop(name, None)


def test_a_version_with_a_mistake_does_not_hide_the_next_one(own):
    whole = textwrap.dedent(OWN)
    assert box_after("own_trackers:Good") == [1, 2, 3, 4]
    (own / "own_trackers.py").write_text(whole + "def\n")
    with pytest.raises(TrackerError, match="SyntaxError"):
        resolve_tracker("own_trackers:Good")
    (own / "own_trackers.py").write_text(whole.replace("return self.box\n", "return self.box * 2\n"))
    assert box_after("own_trackers:Good") == [2, 4, 6, 8]


def test_a_class_in_no_file_is_refused(monkeypatch):
    """As in a notebook's cell: nothing could tell results of its versions apart."""
    cells = types.ModuleType("__main__")
    cells.T = type("T", (), {"init": print, "update": print})
    monkeypatch.setitem(sys.modules, "__main__", cells)
    with pytest.raises(UsageError, match=r"__main__:T: it is in no file.*%%writefile"):
        resolve_tracker("__main__:T")


def test_a_users_class_may_resolve_itself(own):
    spec = resolve_tracker("own_trackers:Polite", variant="v", weights="w.pt")
    assert (spec.label, spec.options, spec.trained) == ("Polite-v", {"weights": "w.pt"}, "yes")
    assert spec.identity["weights"] == "abc"
    assert len(spec.identity["code"]) == 64
    assert type(build_tracker(spec)).__name__ == "Needy"


def test_a_function_that_returns_a_tracker(own):
    assert isinstance(build_tracker(resolve_tracker("own_trackers:make")), Tracker)
    with pytest.raises(TrackerError, match="has no init and no update"):
        build_tracker(resolve_tracker("own_trackers:make_nothing"))


def test_a_constructor_that_fails(own):
    spec = resolve_tracker("own_trackers:Broken")
    with pytest.raises(TrackerError, match="constructor failed: RuntimeError: no licence") as caught:
        build_tracker(spec)
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_options_the_constructor_does_not_know(own):
    with pytest.raises(TrackerError, match="constructor failed"):
        build_tracker(TrackerSpec("Good", "own_trackers:Good", options={"speed": 3}))


def test_another_process_builds_it_too(own):
    spec = resolve_tracker("own_trackers:Good")
    code = (
        "import pickle, sys; from spm_bench.trackers.catalog import build_tracker; "
        "print(type(build_tracker(pickle.loads(sys.stdin.buffer.read()))).__name__)"
    )
    # -I: without the current directory on the path, as in a pool's worker or the console script.
    done = subprocess.run([sys.executable, "-I", "-c", code], input=pickle.dumps(spec), capture_output=True, cwd=own)
    assert done.stdout.decode().strip() == "Good", done.stderr.decode()


def test_the_catalog_itself_is_light():
    code = (
        "import sys, spm_bench.trackers.catalog; print([m for m in ('torch', 'cv2', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("name", "together"),
    [
        ("Good", False),
        ("Together", True),
        ("Renamed", True),
        ("Slower", False),
        ("Started", False),
        ("Prepared", False),
        ("Later", False),
        ("Consistent", True),
        ("make", False),
    ],
)
@pytest.mark.usefixtures("own")
def test_a_batch_of_the_base_class_does_not_run_what_a_subclass_changed(name, together):
    spec = resolve_tracker(f"own_trackers:{name}")
    assert (can_batch(spec), batchable(spec)) == (together, together)


@pytest.mark.parametrize("name", ["SPM", "SPM-lite"])
def test_both_trackers_of_the_package_can_be_batched(name):
    assert can_batch(TrackerSpec(name=name, target=TRACKERS.entry(name).target))


def test_a_tracker_of_ones_own_that_extends_spm_is_found_where_it_is(own):
    (own / "own_trackers.py").write_text(
        "from spm_bench.trackers.spm import SpmLiteTracker\n"
        "class Mine(SpmLiteTracker):\n"
        "    def update(self, frame): return super().update(frame)\n"
    )
    spec = resolve_tracker("own_trackers:Mine", device="cpu")
    assert (spec.name, spec.target) == ("Mine", "own_trackers:Mine")
    assert type(build_tracker(spec)).__name__ == "Mine"
    assert not can_batch(spec)
    assert resolve_tracker("SPM-lite", device="cpu").target == "spm_bench.trackers.spm:SpmLiteTracker"
