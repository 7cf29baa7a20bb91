"""`asllr domain` from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scoring.domain.reading import PACKS, domain_digest, pack, pack_names, parse_domain
from streams import exit_codes
from tests.support.commands import asllr, run
from tests.support.engines.table_artifacts import build_domain_artifact

OURS: dict[str, str] = {}


def test_list_names_every_pack_with_its_question() -> None:
    lines = asllr(OURS, "domain", "list").splitlines()
    assert [line.split()[0] for line in lines] == pack_names()
    assert "Will this person donate within 30 days?" in lines[1]
    listed = json.loads(asllr(OURS, "domain", "list", "--json"))
    assert [each["name"] for each in listed] == pack_names()


@pytest.mark.parametrize("name", pack_names())
def test_check_says_ok_and_how_much_a_pack_holds(name: str) -> None:
    found = pack(name)
    said = asllr(OURS, "domain", "check", PACKS / f"{name}.toml")
    assert said.startswith(f"ok: {name}, {len(found.stages)} stages, ")
    assert f"{len(found.features)} features" in said


def test_check_says_what_is_wrong_and_exits_with_no(tmp_path: Path) -> None:
    path = tmp_path / "domain.toml"
    text = (PACKS / "software.toml").read_text(encoding="utf-8")
    path.write_text(text.replace('["call", "demo", "meeting"]', '["call", "demos", "meeting"]', 1))
    result = run(OURS, "domain", "check", path)
    assert result.exit_code == exit_codes.NO
    assert result.stderr == (
        f"Error: {path}: feature talk_time_30d counts channel demos, which is not among the "
        "channels; add it there or mend the name\n"
    )


def test_check_of_a_file_that_is_not_there_names_it(tmp_path: Path) -> None:
    result = run(OURS, "domain", "check", tmp_path / "none.toml")
    assert result.exit_code == exit_codes.NO
    assert "none.toml cannot be read: No such file" in result.stderr


def test_show_says_stages_channels_features_and_topics() -> None:
    said = asllr(OURS, "domain", "show", "software")
    assert "asks  Will this company sign a contract within 60 days?" in said
    rows = [" ".join(line.split()) for line in said.splitlines()]
    assert "4 proposal" in rows
    assert "6 won ends the funnel: won" in rows
    assert "product click use of the trial" in rows
    assert (
        'seats "seats" number in profile field seats: few from 0, some from 5, many from 25, '
        "very many from 100"
    ) in rows
    assert (
        'unanswered_7d "unanswered" contacts of the last 7 days by call, outbound, unanswered: '
        "none from 0, low from 1, mid from 2, high from 4"
    ) in rows
    topic = pack("software").topics[1]
    en, de = (len(topic.phrases[language]) for language in ("en", "de"))
    assert f"budget {en} en, {de} de" in rows


def test_show_of_a_pack_without_stages_says_so() -> None:
    assert 'none declared: each reads "other"' in asllr(OURS, "domain", "show", "generic")


@pytest.mark.parametrize("name", pack_names())
def test_show_toml_prints_a_file_to_start_from(name: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(asllr(OURS, "domain", "show", name, "--toml"), encoding="utf-8")
    assert parse_domain(path.read_bytes(), "mine") == pack(name)
    assert asllr(OURS, "domain", "check", path).startswith("ok: ")


def test_show_json_is_the_domain_with_its_digest() -> None:
    said = json.loads(asllr(OURS, "domain", "show", "real-estate", "--json"))
    assert said.pop("digest") == domain_digest(pack("real-estate"))
    assert type(pack("real-estate")).model_validate(said) == pack("real-estate")


def test_show_of_a_file_shows_that_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    text = (PACKS / "generic.toml").read_text(encoding="utf-8")
    path.write_text(text.replace('name = "generic"', 'name = "bikes"', 1), encoding="utf-8")
    assert asllr(OURS, "domain", "show", path).startswith("bikes: 0 stages")


def test_show_of_an_artifact_shows_the_domain_it_carries(tmp_path: Path) -> None:
    path = build_domain_artifact(tmp_path / "mine", pack("software"))
    result = run(OURS, "domain", "show", path)
    assert result.exit_code == exit_codes.OK
    assert "mine: software, renderer 1" in result.stderr
    assert result.stdout == asllr(OURS, "domain", "show", "software")
    printed = asllr(OURS, "domain", "show", path, "--toml")
    assert parse_domain(printed.encode(), "mine") == pack("software")


def test_show_of_an_artifact_from_before_domains_shows_auto() -> None:
    result = run(OURS, "domain", "show", "demo")
    assert "auto, renderer 1" in result.stderr
    assert result.stdout == asllr(OURS, "domain", "show", "auto")


def test_show_of_an_artifact_that_cannot_be_used_says_why(tmp_path: Path) -> None:
    path = build_domain_artifact(tmp_path / "mine", pack("software"))
    (path / "domain.toml").write_text("", encoding="utf-8")
    result = run(OURS, "domain", "show", path)
    assert result.exit_code == exit_codes.UNUSABLE
    assert "domain.toml of artifact rule" in result.stderr


def test_show_of_what_is_not_there_says_what_there_is() -> None:
    result = run(OURS, "domain", "show", "sofware")
    assert result.exit_code == exit_codes.UNUSABLE
    assert "there is no pack and no file 'sofware', and no artifact 'sofware'" in result.stderr
    assert ", ".join(pack_names()) in result.stderr


def test_show_prints_in_one_form_only() -> None:
    result = run(OURS, "domain", "show", "auto", "--json", "--toml")
    assert result.exit_code == exit_codes.USAGE


@pytest.mark.parametrize("command", ["check", "show", "list"])
def test_help_has_an_example(command: str) -> None:
    said = asllr(OURS, "domain", command, "--help")
    assert f"  asllr domain {command}" in said.partition("Example:")[2]
