"""What makes the documentation: examples that fail stop it, tables are complete, nothing is loaded from elsewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from making.assets import foreign_assets
from making.commands import commands
from making.execute import ExampleError, Page
from making.fences import Block, blocks, replace_blocks
from making.fields import FieldsError, field_table
from making.tables import TABLES

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(DOCS.rglob("*.md"))

PAGE = """Text with `code`.

```sh exec
echo one
```

```toml title="a/my.toml"
x = 1
```

```text
plain
```
"""


@pytest.fixture
def page(tmp_path: Path) -> Page:
    return Page("a page", tmp_path)


def made(page: Page, markdown: str) -> str:
    return replace_blocks(markdown, page.replace)


def test_blocks_are_found_with_what_their_first_line_says() -> None:
    run, file, plain = blocks(PAGE)
    assert (run.language, run.runs, run.body) == ("sh", True, "echo one\n")
    assert (file.language, file.runs, file.title) == ("toml", False, "a/my.toml")
    assert (plain.language, plain.runs, plain.title) == ("text", False, None)


def test_a_page_without_examples_stays_as_it_is() -> None:
    assert replace_blocks(PAGE, lambda block: block.text) == PAGE


def test_output_follows_its_example(page: Page) -> None:
    text = made(page, PAGE)
    assert "```sh\necho one\n```\n\n```` { .text .output }\none\n````" in text
    assert "exec" not in text


def test_files_shown_are_there_for_the_examples_after_them(page: Page) -> None:
    text = made(page, '```toml title="a/my.toml"\nx = 1\n```\n\n```sh exec\ntr x y < a/my.toml\n```\n')
    assert text.endswith("\ny = 1\n````\n")


def test_examples_of_python_run_in_the_same_folder(page: Page) -> None:
    text = made(page, "```python exec\nopen('left', 'w').write('7')\n```\n```sh exec\ncat left\n```\n")
    assert text.count("{ .text .output }") == 1
    assert "\n7\n" in text


def test_the_folder_of_the_build_is_not_shown(page: Page) -> None:
    assert str(page.folder) not in made(page, '```sh exec\necho "$PWD/runs"\n```\n')


def test_progress_is_left_out_as_a_terminal_would_overwrite_it(page: Page) -> None:
    echo = "echo '1 of 2 sequences, 3.5 frames/s, about 0:00:01 left'\necho '2 of 2 sequences, 3.4 frames/s'\n"
    text = made(page, f"```sh exec\n{echo}```\n").split("{ .text .output }")[1]
    assert "left" not in text
    assert "2 of 2" in text


@pytest.mark.parametrize(
    ("example", "said"),
    [
        ("```sh exec\nfalse\n```\n", "exit code 1"),
        ("```sh exec\nfalse | cat\n```\n", "exit code 1"),
        ("```sh exec\ncat nothing\necho on\n```\n", "nothing"),
        ("```python exec\nraise SystemExit(3)\n```\n", "exit code 3"),
        ("```fields runs/*.json\na: b\n```\n", "means 0 files"),
    ],
)
def test_an_example_that_fails_is_an_error(page: Page, example: str, said: str) -> None:
    with pytest.raises(ExampleError, match=said):
        made(page, example)


def test_links_to_results_take_the_files_along(page: Page) -> None:
    text = made(page, "```sh exec\nmkdir -p runs/a-1\necho hello > runs/a-1/x.txt\n```\n\n![X](runs/a-*/x.txt)\n")
    text, files = page.take_results(text, "page-files")
    assert "![X](page-files/runs/a-1/x.txt)" in text
    assert files == {"page-files/runs/a-1/x.txt": b"hello\n"}


def write(tmp_path: Path, value: object) -> Path:
    path = tmp_path / "file.json"
    path.write_text(json.dumps(value))
    return path


RECORD = {
    "a": 1,
    "b": {"c": "x|y", "d": []},
    "rows": [{"e": None}, {"e": 2.5}],
    "by": {"one": {"n": 1}, "two": {"n": 2}},
}
WORDS = ["a: first", "b.c: second", "b.d: third", "rows[].e: fourth", "by.*.n: fifth"]


def test_a_table_of_fields_has_a_row_for_each(tmp_path: Path) -> None:
    rows = field_table(write(tmp_path, RECORD), "\n".join(WORDS)).splitlines()[2:]
    assert rows == [
        "| `a` | `1` | first |",
        '| `b.c` | `"x\\|y"` | second |',
        "| `b.d` |  | third |",
        "| `rows[].e` | `2.5` | fourth |",
        "| `by.*.n` | `1` | fifth |",
    ]


def test_a_line_covers_all_below_it(tmp_path: Path) -> None:
    words = "a: first\nb: second\nrows: third\nby: fourth"
    assert len(field_table(write(tmp_path, RECORD), words).splitlines()) == 6


@pytest.mark.parametrize("line", WORDS)
def test_a_field_without_a_meaning_is_an_error(tmp_path: Path, line: str) -> None:
    others = "\n".join(one for one in WORDS if one != line)
    with pytest.raises(FieldsError, match="no meaning given"):
        field_table(write(tmp_path, RECORD), others)


def test_a_meaning_without_a_field_is_an_error_unless_it_is_optional(tmp_path: Path) -> None:
    path = write(tmp_path, RECORD)
    with pytest.raises(FieldsError, match=r"not in the file: \['old'\]"):
        field_table(path, "\n".join([*WORDS, "old: gone"]))
    assert "| `old` |  | at times |" in field_table(path, "\n".join([*WORDS, "old?: at times"]))


def test_paths_of_the_machine_are_no_examples(tmp_path: Path) -> None:
    table = field_table(write(tmp_path, {"a": "/home/me/x", "b": ["/home/me"]}), "a: one\nb: two")
    assert "home" not in table


@pytest.mark.parametrize(
    ("html", "n"),
    [
        ('<script src="https://x.org/a.js"></script>', 1),
        ('<img src="//x.org/a.png">', 1),
        ('<link rel="stylesheet" href="http://x.org/a.css">', 1),
        ("<style>@import 'https://x.org/a.css'; b { background: url(https://x.org/b.png) }</style>", 2),
        ('<a href="https://x.org">link</a> <script src="a.js"></script> <img src="data:image/png;base64,AA">', 0),
        ('<link rel="canonical" href="https://x.org/">', 0),
    ],
)
def test_what_a_page_would_load_from_elsewhere(tmp_path: Path, html: str, n: int) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "page.html").write_text(html)
    assert len(foreign_assets(tmp_path)) == n


def test_every_table_is_on_a_page_and_every_page_asks_for_tables_that_exist() -> None:
    asked = {b.words[1] for path in PAGES for b in blocks(path.read_text(encoding="utf-8")) if b.language == "made"}
    assert asked == set(TABLES)


def test_pages_run_their_examples_in_languages_that_are_known() -> None:
    running = [b for path in PAGES for b in blocks(path.read_text(encoding="utf-8")) if b.runs]
    assert {b.language for b in running} == {"sh", "python"}


def test_every_command_and_option_is_described() -> None:
    from typer.main import get_command

    from spm_bench.cli import build_app

    text = commands()
    verbs = get_command(build_app()).commands  # type: ignore[attr-defined]
    assert {name for name in verbs if f"## spm-bench {name}" not in text} == set()
    run = next(part for part in text.split("## spm-bench ") if part.startswith("run\n"))
    described = set(re.findall(r"^\| `(--[\w-]+)`", run, re.MULTILINE))
    assert described == {max(p.opts, key=len) for p in verbs["run"].params} - {"--help"}


def test_commands_show_their_examples_as_code() -> None:
    text = commands()
    assert "Example" not in text
    assert "\nspm-bench sweep stages --dry-run\n" in text


def test_a_block_is_shown_without_what_only_we_understand() -> None:
    block = Block("```sh exec\nexec true\n```", ("sh", "exec"), None, "exec true\n")
    assert block.shown == "```sh\nexec true\n```"
