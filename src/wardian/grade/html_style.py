"""The style of the HTML report: light and dark, and printable."""

STYLE = """
:root { --ink: #1c2430; --dim: #5d6b7c; --paper: #ffffff; --shade: #f3f5f8; --line: #dbe1e8;
  --good: #1a7f45; --part: #8a6a00; --bad: #c0342b; --limit: #b25a00; --alarm: #7a2fbf;
  --skip: #7a8594; color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9f0; --dim: #97a4b5; --paper: #12161c;
  --shade: #1b212a; --line: #2e3743; --good: #4cc47c; --part: #d9b13b; --bad: #f0766d;
  --limit: #ee9a4a; --alarm: #c08cf5; --skip: #7f8b9b; } }
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: var(--paper);
  font: 15px/1.5 system-ui, "Liberation Sans", "DejaVu Sans", sans-serif; }
main { max-width: 76rem; margin: 0 auto; padding: 2rem 1.5rem; }
h1 { font-size: 1.7rem; margin: 0 0 .3rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
.counts { color: var(--dim); display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; margin: 0 0 1.2rem;
  align-items: baseline; }
.legend { font-size: .85rem; margin: .7rem 0 0; } .legend .square { margin-right: .2rem; }
.note { background: var(--shade); border-left: 4px solid var(--limit); padding: .6rem 1rem;
  margin-bottom: 1.2rem; } .note ul { margin: .2rem 0 0; padding-left: 1.2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .93rem; }
th { text-align: left; color: var(--dim); font-weight: 600; font-size: .82rem;
  white-space: nowrap; }
th, td { padding: .38rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
.overview td { vertical-align: middle; } .overview tbody tr:hover { background: var(--shade); }
.name { min-width: 9rem; max-width: 22rem; overflow-wrap: anywhere; font-weight: 600; }
a { color: inherit; text-decoration-color: var(--line); text-underline-offset: 3px; }
.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
meter { width: 4.5rem; height: .65rem; margin-left: .5rem; vertical-align: middle; }
.pill { font-size: .8rem; font-weight: 600; white-space: nowrap; border: 1px solid currentColor;
  border-radius: 1rem; padding: .05rem .55rem; }
.square { display: inline-block; width: 1.35rem; height: 1.35rem; line-height: 1.25rem; margin: 1px;
  text-align: center; font-size: .78rem; font-weight: 700; border: 1px solid currentColor;
  border-radius: 4px; cursor: default; }
.squares { min-width: 8rem; line-height: 1; }
.good { color: var(--good); } .part { color: var(--part); } .bad { color: var(--bad); }
.limit { color: var(--limit); } .alarm { color: var(--alarm); } .skip { color: var(--skip); }
details { border: 1px solid var(--line); border-radius: 8px; margin: .5rem 0; }
details:target { border-color: var(--alarm); }
summary { cursor: pointer; padding: .5rem .9rem; font-weight: 600; overflow-wrap: anywhere; }
summary span:not(.pill) { color: var(--dim); font-weight: 400; margin-left: .4rem; }
details > :not(summary) { margin: .3rem .9rem .9rem; width: auto; }
.about { color: var(--dim); font-size: .88rem; }
.group th { background: var(--shade); color: var(--ink); }
.group span { color: var(--dim); font-weight: 400; margin-left: .5rem; }
.why { width: 45%; overflow-wrap: anywhere; }
pre { background: var(--shade); border-radius: 6px; padding: .6rem .8rem; margin: .3rem 0;
  max-height: 22rem; overflow: auto; font-size: .83rem; white-space: pre-wrap;
  overflow-wrap: anywhere; }
footer { color: var(--dim); font-size: .75rem; margin-top: 2rem; overflow-wrap: anywhere; }
@media print { details { break-inside: avoid; } pre { max-height: none; } }
"""
