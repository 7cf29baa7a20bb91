"""What people type: durations, leads and queues with and without their tenant."""

from __future__ import annotations

import click
import pytest

from streams.cli.front import DURATION, lead_key, queue_name


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90.0), ("30s", 30.0), ("1.5m", 90.0), ("2h", 7200.0), ("1d", 86_400.0)],
)
def test_duration_is_seconds(text: str, seconds: float) -> None:
    assert DURATION.convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "s", "-1s", "1w", "1 s", "nan", "1e3"])
def test_what_is_no_duration_is_a_usage_error(text: str) -> None:
    with pytest.raises(click.BadParameter):
        DURATION.convert(text, None, None)


def test_name_without_tenant_belongs_to_the_tenant_of_the_settings() -> None:
    assert str(lead_key("4711", "north")) == "north/4711"
    assert queue_name("default", "north") == "north/default"


def test_name_with_tenant_stays_as_it_is() -> None:
    assert str(lead_key("south/4711", "north")) == "south/4711"


@pytest.mark.parametrize(
    ("text", "lead"), [("naïve", "north/na%C3%AFve"), ("south/a b", "south/a%20b")]
)
def test_name_in_any_script_is_its_id(text: str, lead: str) -> None:
    assert str(lead_key(text, "north")) == lead


@pytest.mark.parametrize("text", ["", "/", "a/", "/b", "a/b/c", "a\nb", "x" * 129, "ï" * 65])
def test_what_is_no_name_is_a_usage_error(text: str) -> None:
    with pytest.raises(click.BadParameter):
        lead_key(text, "north")
