"""A check's report as one HTML page that needs nothing else: no script, no font, no image.

Everything that came from a run is escaped, whatever bytes a hostile build wrote.
"""

from html import escape
from typing import Any

from wardian.repro import report

STYLE = """
:root { color-scheme: light dark; --line: #d0d7de; --soft: #f6f8fa; --text: #1f2328;
  --dim: #59636e; --good: #1a7f37; --bad: #cf222e; --old: #ffebe9; --new: #dafbe1; --page: #fff; }
@media (prefers-color-scheme: dark) { :root { --line: #3d444d; --soft: #151b23; --text: #f0f6fc;
  --dim: #9198a1; --good: #3fb950; --bad: #f85149; --old: #3c1618; --new: #12361f;
  --page: #0d1117; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page);
  margin: 0 auto; max-width: 68rem; padding: 2rem 1.5rem 4rem; }
h1 { font-size: 1.5rem; margin: 0 0 .3rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
h3 { font: 600 1rem/1.4 ui-monospace, monospace; margin: 0; overflow-wrap: anywhere; }
.verdict { border-left: .4rem solid var(--bad); padding: .7rem 1rem; background: var(--soft); }
.verdict.good { border-color: var(--good); }
.verdict b { color: var(--bad); } .verdict.good b { color: var(--good); }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; vertical-align: top;
  padding: .35rem .7rem .35rem 0; border-bottom: 1px solid var(--line); }
th { color: var(--dim); font-weight: 500; }
article { border: 1px solid var(--line); border-radius: .5rem; margin: 1rem 0; padding: 1rem; }
.cause { display: inline-block; border-radius: 1rem; padding: .05rem .7rem; margin: .1rem .2rem 0 0;
  background: var(--bad); color: #fff; font-size: .85rem; }
.cause.itself { background: var(--dim); }
dl { display: grid; grid-template-columns: 5rem 1fr; margin: .6rem 0; gap: .2rem .6rem; }
dt { color: var(--dim); } dd { margin: 0; overflow-wrap: anywhere; }
pre { font: 12.5px/1.45 ui-monospace, monospace; background: var(--soft); margin: .3rem 0 .8rem;
  overflow-x: auto; border-radius: .4rem; padding: .5rem 0; }
pre span { display: block; padding: 0 .7rem; white-space: pre; min-width: max-content; }
pre .old { background: var(--old); } pre .new { background: var(--new); }
.where { color: var(--dim); font-size: .9rem; overflow-wrap: anywhere; }
code { font: .9em ui-monospace, monospace; } summary { cursor: pointer; color: var(--dim); }
"""


def page(document: "dict[str, Any]") -> str:
    """Return the page."""
    good = document["reproducible"]
    title = "Reproducible" if good else "Not reproducible"
    body = [
        f"<h1>{title}</h1>",
        _command(document),
        f'<p class="verdict{" good" if good else ""}"><b>{title}.</b> {_verdict(document)}</p>',
    ]
    if document["differences"]:
        body += [_summary(document), "<h2>Differences</h2>"]
        body += [_article(number, row) for number, row in enumerate(document["differences"])]
    body += [_variations(document), _same(document)]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head>\n<body>\n" + "\n".join(body) + "\n</body></html>\n"
    )


def _text(text: object) -> str:
    clean = str(text).encode("utf-8", "backslashreplace").decode()
    return escape(
        "".join(
            one if one.isprintable() or one in "\n\t" else "\N{REPLACEMENT CHARACTER}"
            for one in clean
        )
    )


def _command(document: "dict[str, Any]") -> str:
    words = document.get("command", [])
    return f"<p><code>{_text(' '.join(words))}</code></p>" if words else ""


def _verdict(document: "dict[str, Any]") -> str:
    return _text(report.verdict(document).partition(": ")[2].capitalize() + ".")


def _summary(document: "dict[str, Any]") -> str:
    """Which cause changes which outputs."""
    by_cause: dict[str, list[str]] = {}
    for row in document["differences"]:
        names = [" with ".join(names) for names in row["causes"]] or [report.BY_ITSELF]
        for name in names:
            by_cause.setdefault(name, []).append(row["path"])
    ordered = sorted(by_cause.items(), key=lambda item: (-len(item[1]), item[0]))
    rows = ""
    for name, paths in ordered:
        shown = ", ".join(_text(path) for path in paths[:4]) + " ..." * (len(paths) > 4)
        rows += f"<tr><td>{_text(name)}</td><td>{len(paths)}</td><td><code>{shown}</code></td></tr>"
    return (
        "<h2>Causes</h2><table><tr><th>variation</th><th>outputs</th><th>which</th></tr>"
        f"{rows}</table>"
    )


def _article(number: int, row: "dict[str, Any]") -> str:
    if row["by_itself"]:
        causes = f'<span class="cause itself">{_text(report.BY_ITSELF)}</span>'
    else:
        names = [" with ".join(names) for names in row["causes"]]
        causes = "".join(f'<span class="cause">{_text(name)}</span>' for name in names)
    facts = [("likely", reason) for reason in row["reasons"]]
    facts += [("advice", one) for one in dict.fromkeys(row["advice"])]
    listed = "".join(f"<dt>{name}</dt><dd>{_text(value)}</dd>" for name, value in facts)
    places = "".join(_place(place) for place in row["places"])
    if len(row["places"]) > 3:
        places = f"<details><summary>{len(row['places'])} places</summary>{places}</details>"
    more = row.get("diffoscope")
    if more:
        places += f"<details><summary>diffoscope</summary>{_diff(more.splitlines())}</details>"
    return (
        f'<article id="d{number}"><h3>{_text(row["path"])}</h3>{causes}'
        f"<dl>{listed}</dl>{places}</article>"
    )


def _place(place: "dict[str, Any]") -> str:
    return f'<div class="where">{_text(report.where(place))}</div>{_diff(place["diff"])}'


def _diff(lines: "list[str]") -> str:
    kinds = {"-": "old", "+": "new"}
    rows = "".join(
        f'<span class="{kinds.get(line[:1], "")}">{_text(line) or " "}</span>' for line in lines
    )
    return f"<pre>{rows}</pre>"


def _variations(document: "dict[str, Any]") -> str:
    guilty = {name for row in document["differences"] for names in row["causes"] for name in names}
    rows = [
        f"<tr><td>{_text(one['name'])}</td><td>{_text(one['text'])}</td>"
        f"<td>{'changes outputs' if one['name'] in guilty else 'no effect seen'}</td></tr>"
        for one in document["varied"]
    ]
    rows += [
        f"<tr><td>{_text(name)}</td><td>{_text(why)}</td><td>not varied</td></tr>"
        for name, why in document["not_varied"].items()
    ]
    return (
        "<h2>What was varied</h2><table><tr><th>variation</th><th></th><th></th></tr>"
        f"{''.join(rows)}</table>"
    )


def _same(document: "dict[str, Any]") -> str:
    count = len(document["same"])
    names = "".join(f"<span>{_text(name)}</span>" for name in document["same"][:2000])
    return (
        f"<h2>The same in all runs</h2><details><summary>{report.same(count)}</summary>"
        f"<pre>{names}</pre></details>"
        if count
        else ""
    )
