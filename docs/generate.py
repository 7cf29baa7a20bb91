"""Writes the parts of docs/reference/ that follow from the code: the command reference whole, the
other pages' parts between markers. `--check` changes nothing and exits with 1 when they differ.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from click.testing import CliRunner

from asllr import main as asllr
from docs.domain_reference import domain_rules, domain_schema_text, domain_tables
from docs.exports_reference import crm_table, talk_table
from docs.field_meanings import EVENT_FIELDS, SCORE_FIELDS
from docs.transcript_reference import shapes_table
from schemas.asyncapi import asyncapi_document
from schemas.events import EVENT_TYPES
from schemas.json_schema import MESSAGES, OUTPUTS, RULES_BEYOND_SCHEMA, JsonSchema, message_schema
from schemas.topics import INPUTS, MIB, TOPICS, Topic
from streams.settings import markdown_table

ROOT = Path(__file__).resolve().parent.parent
DOCS = PurePosixPath("docs")
REFERENCE = "docs/reference"
PACKAGES = ("schemas", "scoring", "streams", "training")
FOLDER_LINES = {
    "docs": "What newcomers, users and operators read, and the programs that write and check it.",
    "deploy": "The Apache Kafka that the tests start.",
    "tests": "Promises that can fail, in folders that mirror the code.",
    "lua": "The store's steps as Redis runs them, one script a step.",
}
"""Of folders that are no packages, by name."""

DAY_MS = 86_400_000


def documents() -> dict[Path, str]:
    """Path -> what it should hold now."""
    pages = {
        f"{REFERENCE}/{name}": _filled(ROOT / REFERENCE / name, parts)
        for name, parts in PARTS.items()
    }
    commands = CliRunner().invoke(asllr, ["reference"]).output
    tutorial = ROOT / "docs/tutorials/your-exports.md"
    return {ROOT / name: text for name, text in pages.items()} | {
        tutorial: _filled(tutorial, {"crms": crm_table, "talk": talk_table}),
        ROOT / REFERENCE / "commands.md": commands,
        ROOT / REFERENCE / "domain.schema.json": domain_schema_text(),
    }


def file_map() -> str:
    """One section per folder of code, one line per file: its docstring's first sentence."""
    folders: dict[PurePosixPath, list[PurePosixPath]] = {}
    for path in _listed(*PACKAGES, "docs"):
        folders.setdefault(path.parent, []).append(path)
    sections = ["## The front door", "", _file_line(PurePosixPath("asllr.py"))]
    for folder, paths in sorted(folders.items(), key=lambda entry: (entry[0] == DOCS, entry[0])):
        sections += ["", f"## `{folder}/`", "", _folder_line(folder), ""]
        sections += [_file_line(path) for path in paths if path.name != "__init__.py"]
        if not any(path.name != "__init__.py" for path in paths):
            sections.pop()
    for name in ("deploy", "tests"):
        sections += ["", f"## `{name}/`", "", FOLDER_LINES[name]]
    return "\n".join(sections)


def _listed(*folders: str) -> Iterator[PurePosixPath]:
    """Python and Lua files under `folders` that git knows or would add, and that exist."""
    patterns = [f"{folder}/*.{suffix}" for folder in folders for suffix in ("py", "lua")]
    listed = subprocess.run(  # noqa: S603
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],  # noqa: S607
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    return (PurePosixPath(name) for name in sorted(set(listed)) if (ROOT / name).exists())


def _folder_line(folder: PurePosixPath) -> str:
    package = ROOT / folder / "__init__.py"
    return _first_sentence(package) if package.exists() else FOLDER_LINES[folder.name]


def _file_line(path: PurePosixPath) -> str:
    return f"- `{path}`: {_first_sentence(ROOT / path)}"


def _first_sentence(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".lua":
        lines = re.match(r"(?:--.*\n)*", text)
        words = re.sub(r"^-- ?", "", lines[0] if lines else "", flags=re.MULTILINE)
    else:
        words = ast.get_docstring(ast.parse(text)) or ""
    paragraph = " ".join(words.split("\n\n")[0].split())
    sentences = re.split(r"(?<=[.!?])\s", paragraph)
    what_it_does = (one for one in sentences if not one.startswith("ARGV:"))
    return next(what_it_does, sentences[0]) or "(no docstring)"


def exit_codes() -> str:
    tree = ast.parse((ROOT / "streams/exit_codes.py").read_text(encoding="utf-8"))
    rows = []
    for assigned, text in zip(tree.body, tree.body[1:], strict=False):
        match assigned, text:
            case (
                ast.Assign(targets=[ast.Name(name)], value=ast.Constant(int(code))),
                ast.Expr(ast.Constant(str(meaning))),
            ):
                rows.append((str(code), f"`{name}`", " ".join(meaning.split())))
    return _table(("code", "name", "meaning"), rows)


def topics() -> str:
    columns = ("topic", "direction", "key", "value", "partitions", "kept", "largest record")
    return _table(columns, map(_topic_row, TOPICS))


def _topic_row(topic: Topic) -> tuple[str, ...]:
    if topic.compacted:
        kept = "newest of each key"
    elif topic.retention_ms is None:
        kept = "for ever"
    else:
        kept = f"{topic.retention_ms // DAY_MS} days"
    return (
        f"`{topic.name}`",
        _direction(topic),
        f"`{topic.key}`" if "/" in topic.key else topic.key,
        topic.value,
        "as configured" if topic.partitions is None else str(topic.partitions),
        kept,
        f"{topic.max_message_bytes // MIB} MiB",
    )


def messages_of(topic: Topic) -> list[str]:
    return list(asyncapi_document()["channels"][topic.name]["messages"])


def _direction(topic: Topic) -> str:
    operations = asyncapi_document()["operations"]
    words = {"in": f"receive:{topic.name}", "out": f"send:{topic.name}"}
    return " and ".join(word for word, operation in words.items() if operation in operations)


def events() -> str:
    parts = []
    for name in EVENT_TYPES:
        (topic,) = (topic for topic in INPUTS if name in messages_of(topic))
        parts += [f"### `{name}`", "", f"On `{topic.name}`. {_summary(name)}".rstrip(), ""]
        parts += [fields_table(name, message_schema(name), EVENT_FIELDS.get(name, {})), ""]
    schema = message_schema("TranscriptReady")
    segment = {**schema["$defs"]["Segment"], **_defs(schema)}
    title = "### A segment of `TranscriptReady`"
    parts += [title, "", fields_table("Segment", segment, EVENT_FIELDS["Segment"])]
    return "\n".join(parts)


def rules() -> str:
    return "\n".join(f"- {rule}" for rule in RULES_BEYOND_SCHEMA)


def outputs() -> str:
    rows = [
        (
            f"`{name}`",
            f"`{topic.name}`",
            _line(name) if name in OUTPUTS else "No value: a tombstone.",
        )
        for topic in TOPICS
        if topic not in INPUTS
        for name in messages_of(topic)
    ]
    return _table(("message", "topic", "what"), rows)


def score_fields() -> str:
    schema = message_schema("Score")
    parts = [fields_table("Score", schema, SCORE_FIELDS["Score"])]
    for name in ("ScoreOrder", "Cause", "Latency"):
        title = f"## `{_field_of(name, schema)}`"
        parts += ["", title, "", _summary_of(schema["$defs"][name]), ""]
        parts.append(
            fields_table(name, {**schema["$defs"][name], **_defs(schema)}, SCORE_FIELDS[name])
        )
    return "\n".join(parts)


def _field_of(definition: str, schema: JsonSchema) -> str:
    rule = {"$ref": f"#/$defs/{definition}"}
    return next(str(name) for name, found in schema["properties"].items() if found == rule)


def _defs(schema: JsonSchema) -> JsonSchema:
    return {"$defs": schema["$defs"]}


def _line(name: str) -> str:
    return re.split(r"(?<=\.)\s", _summary(name))[0]


def _summary(name: str) -> str:
    return " ".join((MESSAGES[name].__doc__ or "").split())


def _summary_of(definition: JsonSchema) -> str:
    return " ".join(str(definition.get("description", "")).split())


def fields_table(name: str, schema: JsonSchema, meanings: Mapping[str, str]) -> str:
    """Raises ValueError for a field without a meaning, or a meaning without a field."""
    envelope = {"type"} if name in EVENT_TYPES else set()
    found = {
        field: rule for field, rule in schema.get("properties", {}).items() if field not in envelope
    }
    if odd := sorted(found.keys() ^ meanings.keys()):
        raise ValueError(f"{name}: field and meaning must come together: {', '.join(odd)}")
    if not found:
        return "No fields."
    required = schema.get("required", ())
    rows = [
        (
            f"`{field}`",
            _type(rule, schema.get("$defs", {})),
            "yes" if field in required else "no",
            meanings[field],
        )
        for field, rule in found.items()
    ]
    return _table(("field", "type", "required", "meaning"), rows)


def _type(rule: Any, defs: Mapping[str, Any]) -> str:
    """A JSON Schema rule in a few words."""
    match rule:
        case {"$ref": str(reference)}:
            return _named_type(reference.rpartition("/")[2], defs)
        case {"anyOf": [*rules]} | {"oneOf": [*rules]}:
            return " or ".join(dict.fromkeys(_type(one, defs) for one in rules))
        case {"enum": [*values]}:
            return " · ".join(f"`{value}`" for value in values)
        case {"const": value}:
            return f"`{value}`"
        case {"type": "array", "prefixItems": [*rules]}:
            return f"[{', '.join(_type(one, defs) for one in rules)}]"
        case {"type": "array", "items": items}:
            return f"list of {_type(items, defs)}{_bound(rule, 'maxItems', 'at most {} of them')}"
        case {"type": "object"}:
            values = rule.get("additionalProperties") or next(
                iter(rule.get("patternProperties", {"": {}}).values())
            )
            most = _bound(rule, "maxProperties", "at most {}")
            return f"object of {_type(values, defs)}{most}" if values else f"object{most}"
        case {"type": "string", "format": "date-time"}:
            return "time (RFC 3339)"
        case {"type": "string", "pattern": str(pattern)} if "128" in pattern:
            return "id"
        case {"type": "string"}:
            return f"text{_bound(rule, 'maxLength', 'at most {} characters')}"
        case {"type": str(kind)}:
            return f"{kind}{_range(rule)}"
    return "any"


def _named_type(name: str, defs: Mapping[str, Any]) -> str:
    definition = defs.get(name, {})
    return _type(definition, defs) if "enum" in definition else f"{name}, below"


def _bound(rule: Mapping[str, Any], name: str, words: str) -> str:
    return f" ({words.format(f'{rule[name]:,}')})" if name in rule else ""


def _range(rule: Mapping[str, Any]) -> str:
    low, high = rule.get("minimum"), rule.get("maximum")
    if low is None and high is None:
        return ""
    if high is None:
        return f" ({low:,} or more)"
    return f" ({low:,.15g} to {high:,.15g})"


def _table(columns: Iterable[str], rows: Iterable[tuple[str, ...]]) -> str:
    names = list(columns)
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


PARTS: dict[str, dict[str, Callable[[], str]]] = {
    "settings.md": {"settings": markdown_table},
    "files.md": {"files": file_map},
    "exit-codes.md": {"exit codes": exit_codes},
    "topics-and-events.md": {
        "topics": topics,
        "rules": rules,
        "events": events,
        "outputs": outputs,
    },
    "score-record.md": {"score": score_fields},
    "transcripts.md": {"shapes": shapes_table},
    "domain.md": {"keys": lambda: domain_tables(fields_table), "rules": domain_rules},
}
"""Page -> marker -> what stands between `<!-- marker: begin -->` and `<!-- marker: end -->`."""


def _filled(path: Path, parts: Mapping[str, Callable[[], str]]) -> str:
    text = path.read_text(encoding="utf-8")
    for name, content in parts.items():
        text = between(text, name, content())
    return text


def between(text: str, name: str, content: str) -> str:
    """`text` with what stands between the markers of `name` replaced. Raises ValueError when it
    has not one pair of them."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    head, found, rest = text.partition(begin)
    _, also_found, tail = rest.partition(end)
    if not found or not also_found or begin in rest or end in tail:
        raise ValueError(f"expected one {begin} … {end}")
    return f"{head}{begin}\n{content}\n{end}{tail}"


def main(arguments: list[str]) -> int:
    differing = [
        (path, content)
        for path, content in documents().items()
        if not path.exists() or path.read_text(encoding="utf-8") != content
    ]
    for path, content in differing:
        name = path.relative_to(ROOT)
        if "--check" in arguments:
            print(f"{name} differs from the code: run `make docs`", file=sys.stderr)
        else:
            path.write_text(content, encoding="utf-8")
            print(f"wrote {name}")
    return 1 if differing and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
