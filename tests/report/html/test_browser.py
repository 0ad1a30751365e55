"""The page in a real browser: clicks, keys and touches, on a desk and on a phone, and without any script."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spm_bench.report.render import one_line
from spm_bench.scoring.timeline import timelines
from tests.report.html.conftest import PHONE, TRACKERS
from tests.report.html.fakes import NASTY_NAMES, make_scored, make_suite

Visit = Callable[..., Any]
expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect
"""Asks again until it is so: a page answers an address or a key a moment later."""


def column(page: Any, table: str, number: int) -> list[str]:
    cells = page.locator(f"{table} tbody tr:visible > *:nth-child({number})").all_inner_texts()
    return [text.strip() for text in cells]


def test_a_click_on_a_head_sorts_both_ways_and_back(visit: Visit, otb_page: Path) -> None:
    page = visit(otb_page)
    first = column(page, "#sequence-table", 1)
    head = page.locator("#sequence-table thead").get_by_role("button", name="Alpha")
    cell = page.locator("#sequence-table thead th", has_text="Alpha")
    head.click()
    values = [float(v) for v in column(page, "#sequence-table", 4)]
    assert values == sorted(values, reverse=True)
    expect(cell).to_have_attribute("aria-sort", "descending")
    head.click()
    assert [float(v) for v in column(page, "#sequence-table", 4)] == sorted(values)
    expect(cell).to_have_attribute("aria-sort", "ascending")
    head.click()
    assert column(page, "#sequence-table", 1) == first
    assert cell.get_attribute("aria-sort") is None


def test_sorting_by_keyboard_and_names_by_their_numbers(visit: Visit, otb_page: Path) -> None:
    page = visit(otb_page)
    button = page.locator("#sequence-table thead").get_by_role("button", name="Sequence")
    button.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert column(page, "#sequence-table", 1)[:2] == ["seq-11", "seq-10"]


def test_undefined_values_stay_at_the_end(visit: Visit, tmp_path: Path) -> None:
    from tests.report.html.fakes import write

    suite = make_suite(4, 20)
    path = write(tmp_path / "r.html", suite, ["Whole", "Part"], without={"Part": {"seq-00", "seq-02"}})
    page = visit(path)
    head = page.locator("#sequence-table thead").get_by_role("button", name="Part")
    for _ in range(2):
        head.click()
        assert column(page, "#sequence-table", 1)[2:] == ["seq-00", "seq-02"]


def test_the_filter_finds_names_and_attributes(visit: Visit, otb_page: Path) -> None:
    page = visit(otb_page)
    find = page.get_by_label("Find").first
    find.fill("seq-1")
    assert column(page, "#sequence-table", 1) == ["seq-10", "seq-11"]
    expect(page.locator("#found")).to_have_text("2 of 12")
    find.fill("seq-1 OCC")
    assert column(page, "#sequence-table", 1) == ["seq-11"]
    find.fill("nowhere")
    assert column(page, "#sequence-table", 1) == []
    find.fill("")
    assert len(column(page, "#sequence-table", 1)) == 12


def test_another_metric_fills_the_table(visit: Visit, otb_page: Path) -> None:
    page = visit(otb_page)
    scored = make_scored(make_suite(12, 60), TRACKERS)
    page.locator("#metric").select_option(label="P@20")
    rows = scored[0][0].per_sequence
    wanted = rows[rows["metric"] == "precision"].set_index("sequence")["value"]
    shown = dict(zip(column(page, "#sequence-table", 1), column(page, "#sequence-table", 4), strict=True))
    assert shown == {name: f"{value:.3f}" for name, value in wanted.items()}
    expect(page.locator("#metric-words")).to_have_text("P@20: precision at 20 px")


def test_a_tracker_is_switched_off_everywhere(visit: Visit, otb_page: Path) -> None:
    page = visit(otb_page)
    curve = page.locator('#plot-success path[data-t="1"]')
    expect(curve).to_be_visible()
    button = page.locator("#legend").get_by_role("button", name="Beta")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    expect(curve).not_to_be_visible()
    page.goto(otb_page.as_uri() + "#s-2")
    on_page = page.locator("#readout").get_by_role("button", name="Beta")
    expect(on_page).to_have_attribute("aria-pressed", "false")
    expect(page.locator('#timeline path.curve[data-t="1"]')).not_to_be_visible()
    on_page.click()
    expect(page.locator('#timeline path.curve[data-t="1"]')).to_be_visible()
    page.get_by_role("link", name="All sequences").click()
    expect(curve).to_be_visible()


def test_none_and_all(visit: Visit, otb_page: Path) -> None:
    page = visit(otb_page)
    page.get_by_role("button", name="None").click()
    expect(page.locator("#plot-success path.curve:visible")).to_have_count(0)
    page.get_by_role("button", name="All").click()
    expect(page.locator("#plot-success path.curve:visible")).to_have_count(4)


def test_hovering_a_curve_tells_the_values_of_those_shown(visit: Visit, otb_page: Path) -> None:
    page = visit(otb_page)
    page.locator("#legend").get_by_role("button", name="Delta").click()
    svg = page.locator("#plot-success svg.plot")
    svg.scroll_into_view_if_needed()
    box = svg.bounding_box()
    left, right = 46 / 460, 448 / 460
    page.mouse.move(box["x"] + box["width"] * (left + 0.6 * (right - left)), box["y"] + box["height"] / 2)
    tip = page.locator(".tip")
    text = tip.inner_text()
    assert text.startswith("Overlap threshold 0.6")
    curves = {e.label: e.curves["success"] for e, _ in make_scored(make_suite(12, 60), TRACKERS)}
    for name in TRACKERS[:3]:
        value = float(np.interp(0.6, curves[name].x, curves[name].y))
        assert re.search(rf"{name}\s+{value:.3f}", text)
    assert "Delta" not in text
    page.mouse.move(5, 300)
    expect(tip).not_to_be_visible()


def test_a_point_opens_its_sequence_and_back_leads_back(visit: Visit, otb_page: Path) -> None:
    page = visit(otb_page)
    spot = page.locator('#plot-spread-auc a.spot[data-t="0"][data-s="7"]')
    spot.scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    before = page.evaluate("scrollY")
    box = spot.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    words = page.locator(".tip").inner_text()
    name = re.match(r"(seq-\d+), (\w+): ", words)
    assert name is not None
    assert page.locator("#plot-spread-auc .spot.on").count() == 4  # the same sequence of all trackers
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator("#sequence-name")).to_have_text(name[1])
    expect(page.locator("#report")).not_to_be_visible()
    assert page.evaluate("document.activeElement.id") == "sequence-name"
    assert page.title().startswith(name[1])
    page.go_back()
    page.locator("#report").wait_for()
    assert abs(page.evaluate("scrollY") - before) <= 2
    expect(page.locator("#sequence-page")).not_to_be_visible()
    page.go_forward()
    expect(page.locator("#sequence-name")).to_have_text(name[1])


def test_plots_by_keyboard(visit: Visit, otb_page: Path) -> None:
    page = visit(otb_page)
    page.locator("#plot-success svg.plot").focus()
    page.keyboard.press("Home")
    assert page.locator(".tip").inner_text().startswith("Overlap threshold 0\n")
    assert "Alpha 1.000" in page.locator("#says").inner_text()
    page.keyboard.press("Escape")
    expect(page.locator(".tip")).not_to_be_visible()
    page.locator("#plot-spread-auc svg.plot").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    said = page.locator("#says").inner_text()
    assert ", Beta: " in said
    page.keyboard.press("Enter")
    expect(page.locator("#sequence-name")).to_have_text(said.split(",")[0])


def test_the_scrubber_shows_what_was_scored(visit: Visit, otb_page: Path) -> None:
    page = visit(otb_page)
    page.locator("#sequence-table").get_by_role("link", name="seq-03").click()
    suite = make_suite(12, 60)
    overlaps = [timelines(suite, results)["seq-03"].overlaps for _, results in make_scored(suite, TRACKERS)]

    def at(frame: int) -> None:
        expect(page.locator("#frame")).to_have_text(f"{frame + 1} / 60")
        told = [float(text) for text in page.locator("#readout .overlap").all_inner_texts()]
        np.testing.assert_allclose(told, [o[frame] for o in overlaps], atol=0.0075)

    at(0)
    page.locator("#scrub").focus()
    for key, frame in (
        ("ArrowRight", 1),
        ("ArrowRight", 2),
        ("ArrowLeft", 1),
        ("Shift+ArrowRight", 11),
        ("End", 59),
        ("ArrowRight", 59),
        ("Home", 0),
    ):
        page.keyboard.press(key)
        at(frame)
    page.get_by_role("button", name="One frame on").click()
    at(1)
    page.locator("#timeline").scroll_into_view_if_needed()
    box = page.locator("#timeline").bounding_box()
    page.mouse.click(box["x"] + 34 + (box["width"] - 42) * 40 / 59, box["y"] + 60)
    at(40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"], box["y"] + 60)
    page.mouse.up()
    at(59)
    page.locator("#sequence-moments").get_by_role("button", name="frame 31").click()
    at(30)
    page.wait_for_timeout(300)
    assert page.url.endswith("#s-3@31")  # a link to this very frame


def test_an_address_leads_to_a_frame(visit: Visit, otb_page: Path) -> None:
    page = visit(otb_page, "#s-2@17")
    expect(page.locator("#sequence-name")).to_have_text("seq-02")
    expect(page.locator("#frame")).to_have_text("17 / 60")
    page.goto(otb_page.as_uri() + "#s-2@9999")
    expect(page.locator("#frame")).to_have_text("60 / 60")
    page.goto(otb_page.as_uri() + "#s-99")
    expect(page.locator("#report")).to_be_visible()


def test_keys_answer_as_soon_as_a_sequence_is_open(visit: Visit, otb_page: Path) -> None:
    page = visit(otb_page, "#s-1@17")
    for key, frame in (("ArrowRight", 18), ("Shift+ArrowLeft", 8), ("End", 60), ("Home", 1)):
        page.keyboard.press(key)
        expect(page.locator("#frame")).to_have_text(f"{frame} / 60")
    page.locator("#next").focus()  # a link scrolls, as everywhere
    page.keyboard.press("End")
    expect(page.locator("#frame")).to_have_text("1 / 60")


def test_from_one_sequence_to_the_next(visit: Visit, otb_page: Path) -> None:
    page = visit(otb_page, "#s-0")
    expect(page.locator("#previous")).not_to_be_visible()
    page.locator("#next").click()
    expect(page.locator("#sequence-name")).to_have_text("seq-01")
    page.locator("#previous").click()
    expect(page.locator("#sequence-name")).to_have_text("seq-00")
    page.locator(".top nav").get_by_role("link", name="Plots").click()
    expect(page.locator("#plots-head")).to_be_visible()


def test_playing_and_pausing(visit: Visit, otb_page: Path) -> None:
    page = visit(otb_page, "#s-1")
    page.locator("#scene").focus()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.wait_for_timeout(600)
    page.keyboard.press("Space")
    frame = page.locator("#frame").inner_text()
    assert int(frame.split()[0]) > 3
    page.wait_for_timeout(200)
    expect(page.locator("#frame")).to_have_text(frame)
    expect(page.get_by_role("button", name="Play")).to_be_visible()


def pixels_like(page: Any, colour: tuple[int, int, int]) -> list[int]:
    """Left, top, right, bottom of the canvas's pixels of a colour, in units of the frame."""
    found = page.evaluate(
        """([r, g, b]) => {
        const c = document.getElementById("scene"), k = 320 / c.width, d = c.getContext("2d");
        const p = d.getImageData(0, 0, c.width, c.height).data, at = [1e9, 1e9, -1, -1];
        for (let i = 0; i < p.length; i += 4) {
            if (Math.abs(p[i] - r) + Math.abs(p[i + 1] - g) + Math.abs(p[i + 2] - b) > 12) continue;
            const x = (i / 4) % c.width, y = Math.floor(i / 4 / c.width);
            at[0] = Math.min(at[0], x); at[1] = Math.min(at[1], y);
            at[2] = Math.max(at[2], x); at[3] = Math.max(at[3], y);
        }
        return at.map(v => v * k);
    }""",
        list(colour),
    )
    return [round(v) for v in found]


def test_the_canvas_draws_truth_and_trackers_where_they_are(visit: Visit, otb_page: Path) -> None:
    page = visit(otb_page, "#s-4@20", color_scheme="light")
    sequence = make_suite(12, 60).sequences[4]
    x, y, w, h = sequence.ground_truth[19]
    np.testing.assert_allclose(pixels_like(page, (0x1B, 0x1F, 0x24)), (x, y, x + w, y + h), atol=2)
    trajectory = make_scored(make_suite(12, 60), TRACKERS)[3][1].trajectories(sequence)[0]
    for name in TRACKERS[:3]:
        page.locator("#readout").get_by_role("button", name=name).click()
    x, y, w, h = trajectory.boxes[19]
    np.testing.assert_allclose(pixels_like(page, (0xCC, 0x79, 0xA7)), (x, y, x + w, y + h), atol=2)
    page.locator("#readout").get_by_role("button", name="Delta").click()
    assert pixels_like(page, (0xCC, 0x79, 0xA7))[2] < 0


def test_following_the_target_makes_it_large(visit: Visit, otb_page: Path) -> None:
    page = visit(otb_page, "#s-4@50", color_scheme="light")
    left, _, right, _ = pixels_like(page, (0x1B, 0x1F, 0x24))
    page.get_by_label("Follow the target closely").check()
    near_left, _, near_right, _ = pixels_like(page, (0x1B, 0x1F, 0x24))
    assert near_right - near_left > 1.4 * (right - left)
    assert abs((near_left + near_right) / 2 - 160) < 4


def background(page: Any) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


def reload_until(page: Any, colour: str) -> None:
    """Reload, again if need be: a busy browser writes down what a page keeps some time after the page is gone."""
    for _ in range(20):
        page.reload()
        if background(page) == colour:
            return
        page.wait_for_timeout(250)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_follows_the_system_until_one_is_chosen(visit: Visit, otb_page: Path, scheme: str) -> None:
    page = visit(otb_page, color_scheme=scheme)
    white, black = "rgb(255, 255, 255)", "rgb(21, 24, 29)"
    assert background(page) == (white if scheme == "light" else black)
    button = page.locator("#theme")
    button.click()
    assert (background(page), button.get_attribute("aria-label")) == (white, "Colours: light")
    button.click()
    assert (background(page), button.get_attribute("aria-label")) == (black, "Colours: dark")
    reload_until(page, black)
    assert background(page) == black
    page.locator("#theme").click()
    assert background(page) == (white if scheme == "light" else black)


def test_the_first_tab_skips_to_the_report(visit: Visit, otb_page: Path) -> None:
    page = visit(otb_page)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the report"
    order = []
    for _ in range(9):
        page.keyboard.press("Tab")
        order.append(page.evaluate("document.activeElement.textContent.trim().slice(0, 9)"))
    assert order[:3] == ["Results", "Plots", "Attribute"]


@pytest.mark.parametrize("which", ["otb_page", "vot_page", "picture_page", "crowded_page"])
def test_nothing_is_wider_than_a_phone(visit: Visit, which: str, request: pytest.FixtureRequest) -> None:
    page = visit(request.getfixturevalue(which), size=PHONE, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    page.locator("#sequence-table a.open").nth(1).tap()
    page.locator("#sequence-page").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    page.get_by_role("button", name="One frame on").tap()
    assert page.locator("#frame").inner_text().startswith("2 /")
    small = page.evaluate(
        """() => [...document.querySelectorAll("#sequence-page .player button, #readout button, #theme")]
        .map(b => b.getBoundingClientRect()).filter(r => r.width < 32 || r.height < 30).length"""
    )
    assert small == 0  # fingers


def test_it_reads_without_javascript(visit: Visit, otb_page: Path) -> None:
    page = visit(otb_page, java_script_enabled=False)
    assert column(page, "#leaderboard", 1)[:2] == ["Alpha", "Beta"]
    expect(page.locator("#plot-success path.curve")).to_have_count(4)
    expect(page.locator("#plot-success path.curve").first).to_be_visible()
    expect(page.locator("button:visible, input:visible, select:visible")).to_have_count(0)
    expect(page.locator("text=reads without JavaScript")).to_be_visible()
    expect(page.locator("#sequence-page")).not_to_be_visible()
    page.locator('#plot-spread-auc a.spot[data-s="5"]').first.click()
    assert page.url.endswith("#s-5")  # the sequence's row in the table
    expect(page.locator("tr#s-5 th")).to_have_text("seq-05")
    expect(page.locator("tr#s-5")).to_be_visible()


def test_it_prints_in_light_without_controls(visit: Visit, otb_page: Path) -> None:
    page = visit(otb_page, color_scheme="dark")
    page.emulate_media(media="print")
    assert background(page) == "rgb(255, 255, 255)"
    for selector in (".top", "#find", "#all", "#theme"):
        expect(page.locator(selector)).not_to_be_visible()
    expect(page.locator("#results")).to_be_visible()
    rows = page.locator("#sequence-table tbody tr")
    region = page.locator("#sequences .scroll")
    assert region.bounding_box()["height"] >= rows.last.bounding_box()["height"] * 12  # nothing left in a scroller
    assert page.pdf()[:5] == b"%PDF-"


def test_details_open_for_paper_and_close_again(visit: Visit, otb_page: Path) -> None:
    page = visit(otb_page)
    expect(page.locator("details.origin[open]")).to_have_count(0)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(page.locator("details.origin[open]")).to_have_count(4)
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(page.locator("details.origin[open]")).to_have_count(0)


def test_failures_and_labels_of_a_supervised_run(visit: Visit, vot_page: Path) -> None:
    page = visit(vot_page, "#s-0@31")
    told = page.locator("#readout .overlap").all_inner_texts()
    assert told[2:] == ["failed", "failed"]
    page.locator("#scrub").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#readout .overlap").all_inner_texts()[3] == "\N{EN DASH}"
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    assert page.locator("#readout .overlap").all_inner_texts()[3] == "start"
    assert "occlusion" in page.locator("#timeline-notes").inner_text()
    expect(page.locator("#timeline rect.label")).to_have_count(1)
    expect(page.locator("#timeline path.loss")).to_have_count(2)


def test_names_are_text_and_nothing_else(visit: Visit, picture_page: Path) -> None:
    page = visit(picture_page)
    assert column(page, "#leaderboard", 1)[:5] == [" ".join(one_line(name).split()) for name in NASTY_NAMES]
    for i, name in enumerate(NASTY_NAMES):
        words = one_line(name)
        page.goto(picture_page.as_uri() + f"#s-{i}")
        assert page.locator("#sequence-name").text_content() == words
        assert page.locator("#readout tbody tr").nth(i).locator("th").text_content() == words
    expect(page.locator("img")).to_have_count(0)
    assert page.evaluate("document.scripts.length") == 3 + len(NASTY_NAMES)


def test_frames_and_strips_when_asked_for(visit: Visit, picture_page: Path) -> None:
    page = visit(picture_page, "#s-1@21")
    page.wait_for_timeout(300)
    grey = page.evaluate("[...document.getElementById('scene').getContext('2d').getImageData(3, 3, 1, 1).data]")
    assert grey[:3] == pytest.approx([20, 20, 20], abs=2)  # the fake's frame 20 is that dark
    strips = page.locator("#sequence-strips .strip")
    assert strips.count() >= 1
    expect(strips.first.locator("svg image")).to_have_count(5)
    pictures = strips.first.locator("polygon:visible")
    n = pictures.count()
    page.locator("#readout button.toggle").last.click()
    assert pictures.count() < n


def test_of_a_crowd_the_best_are_shown_first(visit: Visit, crowded_page: Path) -> None:
    page = visit(crowded_page)
    expect(page.locator("#plot-success path.curve:visible")).to_have_count(8)
    page.get_by_role("button", name="All").click()
    expect(page.locator("#plot-success path.curve:visible")).to_have_count(40)
    looks = {c.get_attribute("class") for c in page.locator("#plot-success path.curve").all()}
    assert len(looks) == 40
