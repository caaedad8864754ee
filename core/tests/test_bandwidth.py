from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.bandwidth import HIGHEST_BPS, LOWEST_BPS, RateError, default_burst, format_rate, parse_rate, queue_bytes
from core.tests.cases import repeatable

rates = st.integers(LOWEST_BPS, HIGHEST_BPS) | st.sampled_from([10**n for n in range(3, 13)])


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("10 Mbit/s", 10_000_000),
        ("10mbps", 10_000_000),
        ("10 Mbps", 10_000_000),
        ("1.5G", 1_500_000_000),
        ("  512   kbit/s ", 512_000),
        ("2 Mb/s", 2_000_000),
        ("64000", 64_000),
        ("64000 bit/s", 64_000),
        ("0.1 Gbit/s", 100_000_000),
        ("1T", 10**12),
    ],
)
def test_it_reads_rates_as_people_write_them(text: str, rate: int) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("0", r"A rate is more than 0\. Write a rate such as 10 Mbit/s\."),
        ("0 Mbit/s", "more than 0"),
        ("-5 Mbit/s", "more than 0"),
        ("0.0001k", "more than 0"),
        ("999", "A rate is 1 kbit/s to 1 Tbit/s"),
        ("1001G", "A rate is 1 kbit/s to 1 Tbit/s"),
        ("", "is no rate"),
        ("fast", "is no rate"),
        ("10 Mbit/s please", "is no rate"),
        ("1e9", "is no rate"),
        ("10,5 M", "is no rate"),
        ("٣M", "is no rate"),
        ("9" * 9999, "is no rate"),
        ("10 MB/s", "is in bytes; rates are in bits"),
        ("10 MiB/s", "is in bytes"),
    ],
)
def test_what_is_no_rate_is_refused_with_an_example(text: str, sentence: str) -> None:
    with pytest.raises(RateError, match=sentence):
        parse_rate(text)


@repeatable
@given(rates)
def test_a_rate_reads_back_exactly_as_it_was_written(rate: int) -> None:
    assert parse_rate(format_rate(rate)) == rate


def test_rates_are_written_with_the_unit_people_use() -> None:
    assert parse_rate(" Unlimited ") == 0
    written = [format_rate(rate) for rate in (0, 999, 64_000, 1_000_000, 1_500_000_000, 10**12, 1_234_567)]
    assert written == ["unlimited", "999 bit/s", "64 kbit/s", "1 Mbit/s", "1.5 Gbit/s", "1 Tbit/s", "1.234567 Mbit/s"]


@repeatable
@given(rates.filter(lambda rate: rate >= 10_000_000))
def test_the_queue_holds_at_most_40_ms_from_10_mbit_on(rate: int) -> None:
    assert queue_bytes(rate, default_burst(rate)) * 8 / rate <= 0.040


@repeatable
@given(rates)
def test_a_burst_is_at_least_a_few_packets_and_a_queue_no_less_than_a_burst(rate: int) -> None:
    assert default_burst(rate) >= 3 * 1514
    assert queue_bytes(rate, default_burst(rate)) >= default_burst(rate)


@repeatable
@given(rates.filter(lambda rate: rate >= 1_000_000))
def test_ten_seconds_at_a_rate_are_within_one_percent_of_it_despite_the_burst(rate: int) -> None:
    assert default_burst(rate) * 8 / (10 * rate) <= 0.01


def test_a_burst_asked_for_makes_room_for_the_packets_it_lets_through_whole() -> None:
    assert queue_bytes(10_000_000, 30_000) == 50_000
    assert queue_bytes(10_000_000, 1_000_000) == 70_000
