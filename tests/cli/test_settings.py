"""Settings are typed, misspelt ones are errors, and secrets stay secret."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from asllr import main
from streams.settings import (
    PREFIX,
    TESTS_ONLY,
    VARIABLES,
    BadSettings,
    Settings,
    mask,
    printable,
    read_settings,
)


def test_empty_environment_gives_the_documented_defaults() -> None:
    found = read_settings({"PATH": "/bin"})
    assert found.broker == "localhost:9092"
    assert found.partitions == 8
    assert found.artifacts is None
    assert found.member is None


def test_every_field_has_a_variable_and_every_variable_a_field() -> None:
    fields = {PREFIX + name.upper() for name in Settings.__dataclass_fields__}
    assert fields == {variable.name for variable in VARIABLES}


def test_misspelt_variable_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(BadSettings, match=r"ASLLR_BROKR.*ASLLR_BROKER"):
        read_settings({"ASLLR_BROKR": "kafka:9092"})


def test_a_file_variable_for_what_is_no_secret_is_unknown() -> None:
    with pytest.raises(BadSettings, match="ASLLR_BROKER_FILE"):
        read_settings({"ASLLR_BROKER_FILE": "/x"})


def test_variables_of_the_test_suite_are_let_through() -> None:
    read_settings(dict.fromkeys(TESTS_ONLY, "anything"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ASLLR_PARTITIONS", "0"),
        ("ASLLR_PARTITIONS", "2.5"),
        ("ASLLR_PARTITIONS", "many"),
        ("ASLLR_SESSION_S", "nan"),
        ("ASLLR_PATIENCE_S", "-1"),
        ("ASLLR_TENANT", "north/south"),
        ("ASLLR_MEMBER", "pod 0"),
        ("ASLLR_LOG_LEVEL", "loud"),
        ("ASLLR_REDIS", "localhost"),
        ("ASLLR_REDIS", "redis://:p@host:port/0"),
        ("ASLLR_REDIS", "redis://host:99999/0"),
        ("ASLLR_REDIS", "redis://host:6379/leads"),
    ],
)
def test_value_out_of_bounds_is_an_error_that_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(BadSettings, match=name):
        read_settings({name: value})


def test_secret_comes_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "redis"
    secret.write_text("redis://:hunter2@cache:6379/1\n")
    assert read_settings({"ASLLR_REDIS_FILE": str(secret)}).redis == "redis://:hunter2@cache:6379/1"


def test_secret_and_its_file_together_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="both set"):
        read_settings({"ASLLR_REDIS_FILE": str(tmp_path), "ASLLR_REDIS": "redis://cache"})


@pytest.mark.parametrize("content", [None, ""])
def test_secret_file_that_is_missing_or_empty_is_an_error(
    tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "redis"
    if content is not None:
        path.write_text(content)
    with pytest.raises(BadSettings, match="ASLLR_REDIS_FILE"):
        read_settings({"ASLLR_REDIS_FILE": str(path)})


def test_bad_redis_url_is_not_repeated_in_the_message() -> None:
    with pytest.raises(BadSettings) as caught:
        read_settings({"ASLLR_REDIS": "hunter2@cache"})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hunter2@cache:6379/0",
        "rediss://asllr:hunter2@cache:6379",
        "redis://cache:6379/0?password=hunter2",
        "redis://cache:6379/0#hunter2",
    ],
)
def test_printed_settings_hold_no_secret(url: str) -> None:
    shown = printable(read_settings({"ASLLR_REDIS": url}))
    assert "hunter2" not in json.dumps(shown)
    assert "cache" in shown["ASLLR_REDIS"]


def test_mask_leaves_a_url_without_secrets_as_it_is() -> None:
    assert mask("redis://localhost:6379/0") == "redis://localhost:6379/0"


def test_settings_command_prints_every_variable_for_machines() -> None:
    result = CliRunner().invoke(main, ["settings", "--json"], env={"ASLLR_PARTITIONS": "16"})
    shown = json.loads(result.stdout)
    assert shown["ASLLR_PARTITIONS"] == "16"
    assert set(shown) == {variable.name for variable in VARIABLES}


def test_misspelt_variable_ends_any_command_with_a_usage_error() -> None:
    result = CliRunner().invoke(main, ["settings"], env={"ASLLR_REDI": "x"})
    assert result.exit_code == 2
    assert "ASLLR_REDIS" in result.stderr
