"""Values compare as the kernel keeps them."""

from __future__ import annotations

import pytest

from core.ruleset import Hook, Table, chain
from core.state import TICKS_PER_SECOND, Ifb, Membership, Namespace, Port, by_key, tbf


@pytest.mark.parametrize("rate", [8, 64_000, 1_000_000, 10_000_000, 123_456_789, 1_000_000_000, 10_000_000_001])
@pytest.mark.parametrize("burst", [1, 1600, 16_000, 125_001, 4_000_000])
@pytest.mark.parametrize("rounding", [-1, 0, 1])
def test_a_bucket_survives_the_way_to_the_kernel_and_back(rate: int, burst: int, rounding: int) -> None:
    """tc turns bytes into ticks and back, and may round either way on the way there."""
    wanted = tbf("ep1", rate, burst, 50_000)
    ticks = int(wanted.burst_bytes * TICKS_PER_SECOND / (wanted.rate_bps // 8)) + rounding
    told = ticks * (wanted.rate_bps // 8) / TICKS_PER_SECOND
    assert tbf("ep1", wanted.rate_bps, told, 50_000) == wanted


def test_a_bucket_stays_close_to_what_was_asked() -> None:
    assert abs(tbf("ep1", 10_000_000_000, 1_250_000, 0).burst_bytes - 1_250_000) <= 1_250_000 * 0.001
    assert tbf("ep1", 10_000_000, 16_001, 0).burst_bytes == 16_001


def test_a_chain_is_compared_by_the_marks_of_its_rules() -> None:
    rules = ("ct state invalid drop", "accept")
    wanted = chain("inet", "a", rules)
    told = type(wanted)("inet", "a", None, wanted.marks)
    assert told == wanted and told.rules != wanted.rules
    assert chain("inet", "a", rules[::-1]) != wanted
    assert chain("inet", "a", rules, Hook("filter", "forward", 0, "drop")) != wanted


def test_devices_share_the_key_space_of_names() -> None:
    """A name is taken once, whatever takes it: another kind of device under it is the same key, another value."""
    port, other = Port("x1", Membership("br1"), 1450), Ifb("x1")
    assert port.key == other.key and port != other


def test_objects_are_found_by_their_key() -> None:
    things = [Namespace(), Table("inet", "contiv")]
    assert list(by_key(things)) == [("namespace",), ("table", "inet", "contiv")]
