import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from imgfp.images import Failure, FileSize
from imgfp.reports import GroupImage, ImageGroup, Report, render_report, write_report

VOID = {"meta", "img", "source", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """Collects tags with their attributes and the text; fails on tags that do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.pieces: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.pieces.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.pieces).split())


def test_the_page_refers_to_nothing_outside_itself(report: Report) -> None:
    page = render_report(report)
    for tag, attributes in Page(page).tags:
        for name in ("src", "srcset", "href", "data", "action"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:image/", "#")), (tag, name, value)
    assert "http://" not in page
    assert "https://" not in page
    assert "url(" not in page
    assert "@import" not in page


def test_every_link_has_its_target(report: Report) -> None:
    for some in (report, replace(report, figures={}, stages=(), settings={}, curves=())):
        tags = Page(render_report(some)).tags
        targets = {attributes["id"] for _, attributes in tags if "id" in attributes}
        assert {attributes["href"].removeprefix("#") for tag, attributes in tags if tag == "a"} <= targets


def test_names_are_escaped(report: Report) -> None:
    page = render_report(report)
    parsed = Page(page)
    assert "<script" not in page
    assert not any(tag == "script" or "onerror" in attributes for tag, attributes in parsed.tags)
    for shown in ("Q<script>alert(1)</script>", 'R"1" onerror="x', "Copies <b>found</b>", "/data/broken<i>.jpg"):
        assert shown in parsed.text


def test_figures_failures_and_stages_are_shown(report: Report) -> None:
    text = Page(render_report(report)).text
    assert "merged 0.6875 0.5000 12.0000 0.7500 –" in text  # no recall@10
    assert "global 0.1250 0.0000 never reached – –" in text
    assert "2 of 1,234 pairs: the best pair of each reference" in text
    assert "score 0.9877" in text
    assert "correct, mirrored" in text
    assert "no score" in text
    assert "the file is empty" in text
    assert "local features 12,000 0 341.3 35.2 812" in text
    assert "descriptors 300 300 0.0 – 400" in text
    assert "A demonstration set of 20 photographs." in text


def test_every_image_has_alt_text(report: Report) -> None:
    photos = [attributes for tag, attributes in Page(render_report(report)).tags if tag == "img"]
    assert len(photos) == 5
    assert all(attributes["alt"] for attributes in photos)


def test_without_ground_truth_nothing_is_called_wrong_or_missed(report: Report) -> None:
    text = Page(render_report(replace(report, figures={}, curves=()))).text
    assert "no ground truth was given" in text
    assert "false positives" not in text.lower()
    assert "Missed pairs" not in text


def test_an_empty_report_says_so(report: Report) -> None:
    empty = replace(report, notes=(), settings={}, best=(), failures=(), stages=(), curves=(), pairs_total=0)
    text = Page(render_report(empty)).text
    assert "No pairs found." in text
    assert "None: every image was read." in text
    assert "Settings" not in text
    assert "Stages" not in text


def test_a_long_list_of_failures_is_cut_with_its_count(report: Report) -> None:
    failures = tuple(Failure(Path(f"{number}.jpg"), "the file is empty") for number in range(2500))
    page = render_report(replace(report, failures=failures))
    assert page.count("the file is empty") == 500
    assert "2,000 more not shown" in page


def test_the_same_report_gives_the_same_bytes(report: Report, tmp_path: Path) -> None:
    write_report(report, tmp_path / "a" / "report.html")
    write_report(report, tmp_path / "b.html")
    assert (tmp_path / "a" / "report.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["report.html"]


def test_a_name_that_is_not_utf8_can_be_written(report: Report, tmp_path: Path) -> None:
    write_report(replace(report, failures=(Failure(Path("caf\udce9.jpg"), "the file is empty"),)), tmp_path / "r.html")
    assert "caf\\udce9.jpg" in (tmp_path / "r.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("pattern", [r"\d{4}-\d\d-\d\d", r"\d\d:\d\d:\d\d"])
def test_no_time_stands_in_it(report: Report, pattern: str) -> None:
    assert not re.search(pattern, Page(render_report(report)).text)


def test_groups_take_the_place_of_figures_and_matches(report: Report) -> None:
    image = report.best[0].image
    photos = (
        GroupImage("<i>one", FileSize(640, 480, 123456), "likely original", image),
        GroupImage("two", None, "edited copy", image),
    )
    shown = replace(report, figures={}, curves=(), groups=(ImageGroup(5, photos),), groups_total=7)
    page = Page(render_report(shown))
    assert "1 of 7 groups" in page.text
    assert "Group 1: 5 images <i>one 640 x 480, 123,456 bytes likely original two size unknown edited copy" in page.text
    assert "3 more in groups.csv." in page.text
    targets = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    assert {attributes["href"] for tag, attributes in page.tags if tag == "a"} == {"#" + name for name in targets}
    assert targets >= {"groups", "failures"}
    assert not targets & {"figures", "best", "missed"}
    assert "No duplicates found." in Page(render_report(replace(shown, groups=(), groups_total=0))).text
