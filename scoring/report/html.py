"""Builds reports of one HTML file that needs nothing else: no script, no font, no network.

All text that comes in is escaped here, or by whoever makes a section out of tags.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from scoring.report.shown import shown
from scoring.report.svg import COLOURS, COLOURS_ON_DARK

STYLE = """
:root{color-scheme:light dark;--ink:#0f172a;--soft:#475569;--rule:#e2e8f0;--paper:#fff}
:root{--box:#f8fafc;--good:#15803d;--bad:#b91c1c}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:1180px}
body{margin:2rem auto;padding:0 1rem}h1{font-size:1.6rem}h2{margin-top:2.2rem;font-size:1.2rem}
h1,h2,h3,p,li,caption,figcaption{overflow-wrap:anywhere}h3{font-size:1rem;margin:1.4rem 0 .2rem}
table{border-collapse:collapse;margin:.5rem 0}p,li{max-width:52rem}
th,td{padding:.25rem .7rem;border-bottom:1px solid var(--rule);text-align:right;white-space:nowrap}
th:first-child,td:first-child,th.words,td.words{text-align:left}
td.words{white-space:normal;overflow-wrap:anywhere;min-width:4rem;max-width:40rem}
caption{text-align:left;color:var(--soft);padding:.3rem 0}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(360px,100%),1fr));gap:1rem}
figure{margin:0}figcaption{color:var(--soft);font-size:.9rem;max-width:600px}
svg{width:100%;max-width:600px;height:auto}svg text{font:10px system-ui,sans-serif;fill:var(--soft)}
svg .title{font-size:12px;fill:var(--ink)}.grid{stroke:var(--rule)}
.key{margin-right:1.2rem}.key i{display:inline-block;width:2rem;height:.2rem}
.key i{margin-right:.4rem;vertical-align:middle;print-color-adjust:exact}
.ahead{color:var(--good)}.behind{color:var(--bad)}.wide{overflow-x:auto}.leak{color:var(--bad)}
.answer{font-size:1.15rem;border-left:.25rem solid var(--ink);padding-left:.8rem}
code,pre{overflow-wrap:anywhere}
pre{white-space:pre-wrap;background:var(--box);padding:.7rem;border:1px solid var(--rule)}
@media (max-width:40rem){th,td{padding:.25rem .35rem}th,td:first-child{white-space:normal}}
@media print{body{margin:0;max-width:none;font-size:10pt}.wide{overflow:visible}
th,td{white-space:normal}.charts{grid-template-columns:1fr 1fr}figure,tr,svg{break-inside:avoid}
h2,h3,caption{break-after:avoid}}
"""

DARK = """
@media screen and (prefers-color-scheme:dark){:root{--ink:#e2e8f0;--soft:#a3b1c6;--rule:#334155;
--paper:#0f172a;--box:#1e293b;--good:#4ade80;--bad:#f87171;%s}}
"""
"""On a screen: paper is white."""


def style() -> str:
    """The rules of all pages; the colours of lines are variables, for they differ on a dark
    page."""
    light = ";".join(f"--line{n}:{value}" for n, value in enumerate(COLOURS))
    dark = ";".join(f"--line{n}:{value}" for n, value in enumerate(COLOURS_ON_DARK))
    return f":root{{{light}}}{STYLE}{DARK % dark}"


def page(title: str, sections: Iterable[str]) -> str:
    """Builds a whole page. `title` is text, `sections` are HTML."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{shown(title)}</title><style>{style()}</style></head>"
        f"<body><main><h1>{shown(title)}</h1>{''.join(sections)}</main></body></html>\n"
    )


def table(
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    caption: str,
    words: Collection[int] = (),
) -> str:
    """Builds a table of texts, which are escaped. `words`: columns that hold sentences, which may
    be broken into lines."""
    head = "".join(
        f'<th scope="col"{_class("", number in words)}>{shown(cell)}</th>'
        for number, cell in enumerate(heads)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{_class(cell, number in words)}>{shown(cell)}</td>"
            for number, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class=wide tabindex=0 role=region aria-label="{shown(caption)}">'
        f"<table><caption>{shown(caption)}</caption>"
        f"<tr>{head}</tr>{body}</table></div>"
    )


def _class(cell: str, is_words: bool) -> str:
    name = "words" if is_words else cell if cell in ("ahead", "behind") else ""
    return f' class="{name}"' if name else ""


def bullets(sentences: Iterable[str]) -> str:
    """Builds a list of sentences, which are escaped."""
    return f"<ul>{''.join(f'<li>{shown(sentence)}</li>' for sentence in sentences)}</ul>"
