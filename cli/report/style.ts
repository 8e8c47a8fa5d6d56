// The style of a report. It stands in the page itself, named by its digest in the page's security policy, so no other
// style can apply.

/** The whole style sheet. */
export const REPORT_STYLE = `
:root { color-scheme: light dark;
  --paper: #ffffff; --card: #f6f7f9; --line: #dfe3e8; --ink: #1c2127; --soft: #5d6874;
  --kept: #1f7a4d; --duplicate: #3b6fb6; --rejected: #b3423a; --review: #a06a00; --dead: #6b4a8a; --other: #77818c; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #14171b; --card: #1d2127; --line: #323841; --ink: #e6e9ed; --soft: #9aa5b1;
  --kept: #56c08a; --duplicate: #7fb0f0; --rejected: #ef8a80; --review: #e0b04c; --dead: #bf9be0; --other: #98a2ad; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 24px 28px 64px; max-width: 1240px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 2px; }
h2 { font-size: 19px; margin: 36px 0 8px; padding-top: 10px; border-top: 1px solid var(--line); }
h3 { font-size: 15px; margin: 0; }
p { margin: 4px 0 10px; }
a { color: var(--duplicate); }
nav { margin: 14px 0 4px; display: flex; flex-wrap: wrap; gap: 4px 16px; }
code, .hash { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: 12.5px; overflow-wrap: anywhere; }
.soft { color: var(--soft); }
.small { font-size: 13px; }
.sum { font-variant-numeric: tabular-nums; margin: 8px 0 4px; }
.data { unicode-bidi: isolate; overflow-wrap: anywhere; }
.tiles { display: flex; flex-wrap: wrap; gap: 10px; margin: 18px 0 12px; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 8px 16px 10px; min-width: 104px; }
.tile b { display: block; font-size: 24px; line-height: 1.2; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: 13px; }
.bar { display: block; width: 100%; height: 14px; border-radius: 4px; background: var(--line); }
table { border-collapse: collapse; margin: 6px 0 14px; }
th, td { text-align: left; padding: 4px 18px 4px 0; vertical-align: top; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; font-size: 13px; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
tr.total td { font-weight: 700; border-bottom: 0; }
details { margin: 6px 0; }
summary { cursor: pointer; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 12px; overflow: auto;
  font-size: 12.5px; max-height: 480px; }
.groups { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 12px; }
.group.wide { grid-column: 1 / -1; }
@media (max-width: 900px) { .groups { grid-template-columns: minmax(0, 1fr); } }
.groups .group { margin: 0; }
.group { background: var(--card); border: 1px solid var(--line); border-radius: 10px; margin: 12px 0; padding: 12px 14px; }
.group > header { display: flex; flex-wrap: wrap; gap: 2px 12px; align-items: baseline; margin-bottom: 8px; }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(168px, 1fr)); gap: 12px; }
.pictures + .pictures { margin-top: 12px; padding-top: 12px; border-top: 1px dashed var(--line); }
figure { margin: 0; background: var(--paper); border: 1px solid var(--line); border-radius: 8px; overflow: hidden;
  border-top: 4px solid var(--other); }
figure.kept { border-top-color: var(--kept); }
figure.duplicate { border-top-color: var(--duplicate); }
figure.rejected { border-top-color: var(--rejected); }
figure.review { border-top-color: var(--review); }
figure .picture { height: 126px; display: flex; align-items: center; justify-content: center; background: var(--card); color: var(--soft); font-size: 13px; }
figure img { max-width: 100%; max-height: 126px; display: block; }
figcaption { padding: 7px 10px 9px; font-size: 12.5px; line-height: 1.4; }
figcaption div { margin-top: 2px; }
.id { font-weight: 600; font-size: 13px; }
.badge { display: inline-block; border-radius: 4px; padding: 0 6px; font-size: 12px; font-weight: 600; line-height: 18px; color: var(--paper); background: var(--other); }
.badge.kept { background: var(--kept); } .badge.duplicate { background: var(--duplicate); }
.badge.rejected { background: var(--rejected); } .badge.review { background: var(--review); }
.more { align-self: center; color: var(--soft); padding: 0 8px; }
.fill-kept { fill: var(--kept); } .fill-duplicate { fill: var(--duplicate); } .fill-rejected { fill: var(--rejected); }
.fill-review { fill: var(--review); } .fill-dead { fill: var(--dead); } .fill-other { fill: var(--other); }
.dot { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 8px; background: var(--other); }
.dot.kept { background: var(--kept); } .dot.duplicate { background: var(--duplicate); } .dot.rejected { background: var(--rejected); }
.dot.review { background: var(--review); } .dot.dead { background: var(--dead); }
.warning { border-left: 4px solid var(--rejected); padding: 6px 12px; background: var(--card); }
@media print { body { max-width: none; } figure, .group { break-inside: avoid; } }
`;
