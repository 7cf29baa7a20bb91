"""The documentation as a site: complete, in order, and readable without a network."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from docs.build_site import FIRST, build, navigation, page_names, with_lists

ROOT = Path(__file__).resolve().parents[2]


def _without_network() -> list[str]:
    """What to put before a command; nothing where this machine does not allow it."""
    cut_off = ["unshare", "--map-root-user", "--net"]
    try:
        allowed = subprocess.run([*cut_off, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        allowed = False
    return cut_off if allowed else []


def _html_of(page: str) -> Path:
    path = PurePosixPath(page)
    return Path(
        path.with_name("index.html") if path.name == "README.md" else path.with_suffix(".html")
    )


LOADED = re.compile(
    r"""<(?:script|img|iframe)[^>]*\bsrc=["']?https?:[^>]*>|<link[^>]*\bhref=["']?https?:[^>]*>"""
)


@pytest.mark.slow
def test_every_page_comes_out_without_a_network(tmp_path: Path) -> None:
    command = [*_without_network(), sys.executable, "docs/build_site.py", str(tmp_path)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    site = tmp_path / "site"
    assert [page for page in page_names(ROOT) if not (site / _html_of(page)).is_file()] == []
    pages = site.rglob("*.html")
    loaded = {found for page in pages for found in LOADED.findall(page.read_text(encoding="utf-8"))}
    assert loaded == set()


ONE = """# One

## A — b

1. First:

   ```
   run me
   ```
2. Next
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in {
        "zensical.toml": (ROOT / "zensical.toml").read_text(encoding="utf-8"),
        "README.md": "# Home\n\n[One](docs/reference/one.md#a--b) [code](code.py) [all](docs/)\n",
        "code.py": "print()\n",
        "docs/site.css": "",
        "docs/reference/one.md": ONE,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.slow
def test_a_file_that_is_linked_comes_along_and_a_folder_is_text(root: Path) -> None:
    site = build(root, root / "build")
    home = (site / "index.html").read_text(encoding="utf-8")
    assert 'href="docs/reference/one.html#a--b"' in home
    assert 'href="code.py"' in home
    assert (site / "code.py").is_file()
    assert ">all<" not in home
    assert " all" in home


@pytest.mark.slow
def test_code_in_a_numbered_list_stays_in_it(root: Path) -> None:
    page = (build(root, root / "build") / "docs/reference/one.html").read_text(encoding="utf-8")
    article = page[page.index("<article") : page.index("</article")]
    assert article.count("<ol>") == 1
    assert article.index("run me") < article.index("Next") < article.index("</ol>")


@pytest.mark.slow
@pytest.mark.parametrize("target", ["none.md", "one.md#none"])
def test_a_broken_link_stops_the_build(root: Path, target: str) -> None:
    with (root / "docs/reference/one.md").open("a") as page:
        page.write(f"\n[x]({target})\n")
    with pytest.raises(subprocess.CalledProcessError) as stopped:
        build(root, root / "build")
    assert "does not exist" in stopped.value.stdout


def test_the_navigation_has_every_page_once_in_reading_order() -> None:
    pages = [
        "CONTRIBUTING.md",
        "README.md",
        "docs/explanation/architecture.md",
        "docs/explanation/decisions/0001-a.md",
        "docs/explanation/zebra.md",
        "docs/explanation/engines.md",
        "docs/tutorials/first-queue.md",
    ]
    assert navigation(pages) == [
        "README.md",
        ("Tutorials", ["docs/tutorials/first-queue.md"]),
        (
            "Explanation",
            [
                "docs/explanation/architecture.md",
                "docs/explanation/engines.md",
                "docs/explanation/zebra.md",
                ("Decisions", ["docs/explanation/decisions/0001-a.md"]),
            ],
        ),
        ("Project", ["CONTRIBUTING.md"]),
    ]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Text:\n- a\n- b", "Text:\n\n- a\n- b"),
        ("- a\n  - b\n    c\n- d", "- a\n    - b\n        c\n- d"),
        ("1. a\n   b\n\nc", "1. a\n    b\n\nc"),
        ("1. a\n\n   | x |\n\n   - b\n\n     c", "1. a\n\n    | x |\n\n    - b\n\n        c"),
        ("In\n1986. it was", "In\n1986. it was"),
        ("```\n- a\n  - b\n```", "```\n- a\n  - b\n```"),
        ("    - code", "    - code"),
    ],
)
def test_lists_are_indented_as_the_site_wants_them(written: str, shown: str) -> None:
    assert "\n".join(line for line, _ in with_lists(written.splitlines())) == shown


def test_every_page_that_has_a_place_in_the_reference_is_there() -> None:
    here = {path.stem for path in (ROOT / "docs/reference").glob("*.md")}
    assert here == set(FIRST["docs/reference"])
