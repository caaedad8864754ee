"""Numbers as people read them, and the files pages are made of."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings

from contivui.web import cells
from contivui.web.templatetags.ui import milliseconds, protocol, rate, size

STATIC = Path(settings.BASE_DIR) / "static"
TEMPLATES = Path(settings.BASE_DIR) / "templates"


@pytest.mark.parametrize(
    ("bps", "words"),
    [
        (0, "0 bit/s"),
        (999, "999 bit/s"),
        (1500, "1.5 kbit/s"),
        (10_000_000, "10 Mbit/s"),
        (8_890_000, "8.89 Mbit/s"),
        (123_456_789, "123 Mbit/s"),
        (2_500_000_000, "2.5 Gbit/s"),
        (None, "–"),
    ],
)
def test_a_rate_has_the_unit_people_use(bps: int | None, words: str) -> None:
    assert rate(bps) == words


def test_bytes_are_counted_in_units_of_1024() -> None:
    assert [size(n) for n in (0, 1023, 1024, 1536, 5 * 1024**3)] == ["0 B", "1023 B", "1 KiB", "1.5 KiB", "5 GiB"]


def test_a_duration_has_the_unit_that_suits_it() -> None:
    assert [milliseconds(n) for n in (38.4, 1500, 90_000, None, "")] == ["38 ms", "1.5 s", "2 min", "–", "–"]


def test_a_protocol_is_named_where_it_has_a_name() -> None:
    assert [protocol(n) for n in (1, 6, 17, 58, 132)] == ["icmp", "tcp", "udp", "icmp", "132"]


def test_a_time_can_be_read_without_script() -> None:
    moment = cells.moment(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), None)
    assert 'datetime="2026-01-02T03:04:05+00:00"' in moment
    assert "2026-01-02 03:04:05 UTC" in moment


def test_what_somebody_named_is_no_markup() -> None:
    evil = "<script>alert(1)</script>"
    for cell in (cells.text, cells.code, lambda value, row: cells.codes([value], row)):
        assert "<script>" not in cell(evil, None)


def test_vendored_files_are_what_the_manifest_says() -> None:
    manifest = json.loads((STATIC / "vendor" / "manifest.json").read_text())
    files = {path.name for path in (STATIC / "vendor").iterdir()} - {"manifest.json"}
    assert {entry["file"] for entry in manifest} == files
    for entry in manifest:
        assert hashlib.sha256((STATIC / "vendor" / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]
        assert entry["licence"] in {"MIT", "Apache-2.0"}


def test_every_icon_a_page_names_is_in_the_sprite() -> None:
    sprite = set(re.findall(r'<symbol id="([^"]+)"', (STATIC / "vendor" / "icons.svg").read_text()))
    text = "".join(path.read_text() for path in TEMPLATES.rglob("*.html"))
    text += "".join(path.read_text() for path in Path(settings.BASE_DIR).glob("*/screens.py"))
    text += (Path(settings.BASE_DIR) / "contivui" / "web" / "navigation.py").read_text()
    named = set(re.findall(r'{% icon "([^"]+)" %}|icon="([^"]+)"|Place\(_\("[^"]+"\), "[^"]+", "([^"]+)"', text))
    wanted = {name for names in named for name in names if name}
    assert wanted <= sprite
    assert wanted


def test_no_template_has_inline_script_or_style() -> None:
    """The Content-Security-Policy would drop them without a word."""
    inline = re.compile(
        r"<script(?![^>]*\bsrc=)|<style|\sstyle="
        r"|\son(?:click|load|error|submit|change|input|focus|blur|key\w+|mouse\w+)=",
        re.IGNORECASE,
    )
    found = [path.name for path in TEMPLATES.rglob("*.html") if inline.search(path.read_text())]
    assert found == []


def test_every_template_says_what_it_takes() -> None:
    silent = [
        path.relative_to(TEMPLATES).as_posix()
        for path in TEMPLATES.rglob("*.html")
        if path.parent.name not in {"templates", "registration"} and not path.read_text().startswith("{#")
    ]
    assert silent == []


def test_the_chinese_words_are_complete() -> None:
    catalogue = Path(settings.BASE_DIR) / "locale" / "zh_Hans" / "LC_MESSAGES"
    text = (catalogue / "django.po").read_text()
    assert "fuzzy" not in text
    assert [block for block in text.split("\n\n") if re.search(r'^msgstr(\[0\])? ""$', block, re.M)][1:] == []
    assert (catalogue / "django.mo").exists()


def test_every_word_of_the_templates_is_in_the_chinese_catalogue() -> None:
    catalogue = (Path(settings.BASE_DIR) / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po").read_text()
    known = set(re.findall(r'msgid(?:_plural)? "((?:[^"\\]|\\.)+)"', re.sub(r'"\n"', "", catalogue)))
    missing = []
    for path in TEMPLATES.rglob("*.html"):
        words = re.findall(r"""{% translate (?:"([^"]+)"|'([^']+)')""", path.read_text())
        missing += [f"{path.name}: {a or b}" for a, b in words if (a or b) not in known]
    assert missing == []
