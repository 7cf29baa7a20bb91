"""Builds reports of one HTML file that needs nothing else: no script, no font, no network.

All text that comes in is escaped here, or by whoever makes a section out of tags.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#0f172a;max-width:1180px}
body{margin:2rem auto;padding:0 1rem}h1{font-size:1.6rem}h2{margin-top:2.2rem;font-size:1.2rem}
table{border-collapse:collapse;margin:.5rem 0}p,li{max-width:52rem}
th,td{padding:.25rem .7rem;border-bottom:1px solid #e2e8f0;text-align:right;white-space:nowrap}
th:first-child,td:first-child{text-align:left}
caption{text-align:left;color:#475569;padding:.3rem 0}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(360px,1fr));gap:1rem}
svg{width:100%;max-width:600px;height:auto}svg text{font:10px system-ui,sans-serif;fill:#475569}
svg .title{font-size:12px;fill:#0f172a}.grid{stroke:#e2e8f0}.key{margin-right:1.2rem}
.key i{display:inline-block;width:.8rem;height:.8rem;margin-right:.35rem;border-radius:2px}
.ahead{color:#15803d}.behind{color:#b91c1c}.wide{overflow-x:auto}.leak{color:#b91c1c}
code,pre{overflow-wrap:anywhere}
pre{white-space:pre-wrap;background:#f8fafc;padding:.7rem;border:1px solid #e2e8f0}
"""


def page(title: str, sections: Iterable[str]) -> str:
    """Builds a whole page. `title` is text, `sections` are HTML."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><h1>{escape(title)}</h1>{''.join(sections)}</body></html>\n"
    )


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], caption: str) -> str:
    """Builds a table of texts, which are escaped."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in heads)
    body = "".join(
        f"<tr>{''.join(f'<td{_class(cell)}>{escape(cell)}</td>' for cell in row)}</tr>"
        for row in rows
    )
    return (
        f"<div class=wide><table><caption>{escape(caption)}</caption>"
        f"<tr>{head}</tr>{body}</table></div>"
    )


def _class(cell: str) -> str:
    return f' class="{cell}"' if cell in ("ahead", "behind") else ""


def bullets(sentences: Iterable[str]) -> str:
    """Builds a list of sentences, which are escaped."""
    return f"<ul>{''.join(f'<li>{escape(sentence)}</li>' for sentence in sentences)}</ul>"
