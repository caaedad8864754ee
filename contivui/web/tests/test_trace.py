from __future__ import annotations

import logging

import pytest

from contivui.web.trace import Trace, TraceFilter, current, traced


@pytest.mark.parametrize("said", ["deploy-41", "0af7651916cd43dd8448eb211c80319c", "a/b:c=d+e_f.g", "x" * 64])
def test_an_id_of_the_caller_is_taken(said: str) -> None:
    with traced(said) as trace:
        assert trace.request == said
        assert trace.batch != said


@pytest.mark.parametrize("said", ["", "two words", 'a"b', "line\nbreak", "x" * 65, "é", "a;b"])
def test_what_is_no_id_is_replaced(said: str) -> None:
    with traced(said) as trace:
        assert trace.request == trace.batch
        assert len(trace.request) == 32


def test_it_ends_with_the_request() -> None:
    with traced("outer"):
        with traced("inner"):
            assert current().request == "inner"
        assert current().request == "outer"
    assert current() == Trace()


def test_lines_of_the_log_name_it() -> None:
    line = logging.makeLogRecord({"msg": "x"})
    with traced("deploy-41"):
        TraceFilter().filter(line)
    assert line.request_id == " [deploy-41]"  # type: ignore[attr-defined]
    TraceFilter().filter(line)
    assert line.request_id == ""  # type: ignore[attr-defined]
