// Draws a report as one HTML page that needs nothing else: pictures inline, no script, no request to anywhere, and a
// policy that forbids all of these even if something slipped in.
import { createHash } from 'node:crypto';
import { DEAD_LETTER_REASONS } from '../error-catalogue.ts';
import { html, type SafeHtml } from './html.ts';
import { reasonLines, renderItem, renderStar, shorten } from './render-item.ts';
import type { Account, AccountName, ReasonShare, ReportGroup, ReportModel } from './report-model.ts';
import { REPORT_STYLE } from './style.ts';

const LABELS: Readonly<Record<AccountName, string>> = {
  kept: 'kept',
  duplicate: 'duplicates',
  rejected: 'rejected',
  review: 'in review',
  dead: 'dead',
  repeats: 'repeats',
  retried: 'retried as others',
  purged: 'purged by a person',
  erased: 'erased',
  later: 'settled after this manifest',
  open: 'on their way',
};
/** Findings in words. */
const FINDINGS: Readonly<Record<string, string>> = { 'id.two_contents': 'one id, several contents' };
/** Lines that are shown even when they are 0. */
const ALWAYS: ReadonlySet<AccountName> = new Set([
  'kept',
  'duplicate',
  'rejected',
  'review',
  'dead',
  'repeats',
]);
const COLOURED: ReadonlySet<string> = new Set(['kept', 'duplicate', 'rejected', 'review', 'dead']);

/** The page as text. */
export function renderReport(model: ReportModel): string {
  const style = createHash('sha256').update(REPORT_STYLE).digest('base64');
  const policy = `default-src 'none'; img-src data:; style-src 'sha256-${style}'; base-uri 'none'; form-action 'none'`;
  const title = `${model.dataset}, manifest ${model.envelope.number}`;
  // The style is the only text that is not escaped; it is a constant.
  const head = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="referrer" content="no-referrer"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>`;
  const body = html`</style></head><body>
${renderHead(model)}
${renderAccount(model.account)}
${renderFindings(model)}
${renderGroups(model)}
${renderReasons('rejected', 'Rejected', model.rejected)}
${renderReasons('review', 'In review', model.review)}
${renderKept(model)}
${renderDead(model)}
${renderRepeats(model)}
${renderDeciding(model)}
</body></html>
`;
  return `${head}${REPORT_STYLE}${body}`;
}

function renderHead({ dataset, envelope, isHead, account, generatedAt, version }: ReportModel): SafeHtml {
  const tile = (count: number, label: string) =>
    html`<div class="tile"><b>${count}</b><span>${label}</span></div>`;
  const count = (name: AccountName) => account.lines.find((line) => line.name === name)?.count ?? 0;
  const shown = (['kept', 'duplicate', 'rejected', 'review', 'dead', 'repeats'] as const).map((name) =>
    tile(count(name), LABELS[name]),
  );
  return html`<header><h1>${dataset}, manifest ${envelope.number}</h1>
<p class="soft">cut ${readable(envelope.createdAt)}${isHead ? ', HEAD' : ', not HEAD'} · report made ${readable(generatedAt)} by Troupe ${version}<br>
digest <span class="hash">${envelope.digest}</span></p>
<nav><a href="#account">Account</a><a href="#groups">Groups</a><a href="#rejected">Rejected</a><a href="#review">In review</a><a href="#kept">Kept</a><a href="#dead">Dead</a><a href="#repeats">Repeats</a><a href="#decided">Decided by</a></nav>
<div class="tiles">${tile(account.published, 'published')}${shown}</div></header>`;
}

function renderAccount(account: Account): SafeHtml {
  const lines = account.lines.filter(({ name, count }) => count !== 0 || ALWAYS.has(name));
  const rows = lines.map(
    ({
      name,
      count,
    }) => html`<tr><td><span class="dot ${COLOURED.has(name) ? name : 'other'}"></span>${LABELS[name]}</td><td class="number">${count}</td></tr>
`,
  );
  const sum = account.lines
    .filter(({ count }) => count !== 0)
    .map(({ name, count }) => `${count} ${LABELS[name]}`);
  return html`<section id="account">${renderBar(account)}
<p class="sum"><b>${account.published} published</b> ${account.isBalanced ? '=' : '≠'} ${sum.length === 0 ? '0' : sum.join(' + ')}</p>
<details><summary class="small">as a table</summary><table><tr><th>What became of it</th><th class="number">Count</th></tr>
${rows}<tr class="total"><td>published</td><td class="number">${account.published}</td></tr></table></details>
${!account.isBalanced && html`<p class="warning">These do not add up to what was published: the dataset moved while it was read, or something is wrong. <code>troupe audit</code> tells which.</p>`}</section>`;
}

function renderBar({ lines, published }: Account): SafeHtml {
  let at = 0;
  const parts = lines.map(({ name, count }) => {
    const width = published === 0 ? 0 : (count / published) * 1000;
    const part = html`<rect class="fill-${COLOURED.has(name) ? name : 'other'}" x="${at.toFixed(2)}" y="0" width="${width.toFixed(2)}" height="10"><title>${LABELS[name]} ${count}</title></rect>`;
    at += width;
    return count > 0 ? part : html``;
  });
  return html`<svg class="bar" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img">${parts}</svg>`;
}

function renderFindings({ envelope }: ReportModel): SafeHtml {
  const { findings } = envelope;
  if (findings.length === 0) return html``;
  const shown = findings.slice(0, 100);
  return html`<section id="findings"><h2>Findings <span class="soft">${findings.length}</span></h2>
<table><tr><th>Finding</th><th>Id</th><th>Items</th></tr>
${shown.map(
  ({
    code,
    id,
    items,
  }) => html`<tr><td>${FINDINGS[code] ?? code}</td><td class="data">${shorten(id)}</td><td class="hash">${items
    .slice(0, 6)
    .map((item) => item.slice(0, 12))
    .join(', ')}${items.length > 6 && ' …'}</td></tr>
`,
)}</table>${leftOut(findings.length - shown.length, 'findings')}</section>`;
}

function renderGroups({ groups }: ReportModel): SafeHtml {
  const { shown, total, leftOut: missing, itemsLeftOut } = groups;
  const items = shown.reduce((sum, group) => sum + group.items, 0) + itemsLeftOut;
  const head = html`<h2>Groups <span class="soft">${total}</span></h2>`;
  if (total === 0) return html`<section id="groups">${head}<p>No two items are related.</p></section>`;
  const rest =
    missing > 0 &&
    html` The ${shown.length} largest are shown; ${missing} groups with ${itemsLeftOut} items are left out (<code>--max-groups</code>).`;
  return html`<section id="groups">${head}
<p>${items} items are related to others, in ${total} groups.${rest} Each group has the survivor first; an item is dropped only for a direct, verified relation to it.</p>
<div class="groups">${shown.map(renderGroup)}</div></section>`;
}

function renderGroup(group: ReportGroup, index: number): SafeHtml {
  const { items, stars, isFamily } = group;
  const shown = stars.reduce((sum, star) => sum + 1 + star.members.length + star.membersLeftOut, 0);
  const family =
    isFamily &&
    html`<span class="soft small">a family: its survivors are related only through others, so each stays</span>`;
  const isWide = isFamily || stars.some((star) => star.members.length > 2);
  return html`<article class="group${isWide ? ' wide' : ''}"><header><h3>Group ${index + 1}</h3><span>${items} items</span>${family}</header>
${stars.map(renderStar)}${leftOut(items - shown, 'items of this group')}</article>
`;
}

function renderReasons(id: 'rejected' | 'review', title: string, shares: readonly ReasonShare[]): SafeHtml {
  const total = shares.reduce((sum, share) => sum + share.count, 0);
  if (total === 0)
    return html`<section id="${id}"><h2>${title} <span class="soft">0</span></h2><p>None.</p></section>`;
  const rows = shares.map(
    ({
      reasons,
      count,
    }) => html`<tr><td class="data">${reasonText(reasons)}</td><td class="number">${count}</td></tr>
`,
  );
  const samples = shares
    .filter(({ sample }) => sample.length > 0)
    .map(
      ({
        reasons,
        count,
        sample,
      }) => html`<article class="group"><header><h3 class="data">${reasonText(reasons)}</h3><span class="soft">${count > sample.length ? `${sample.length} of ${count}` : count}</span></header>
<div class="pictures">${sample.map((item) => renderItem(item, id === 'review' ? reviewLines(item) : []))}</div></article>
`,
    );
  return html`<section id="${id}"><h2>${title} <span class="soft">${total}</span></h2>
<table><tr><th>Reasons</th><th class="number">Items</th></tr>${rows}</table>${samples}</section>`;
}

function reviewLines(item: ReportModel['keptSample'][number]): readonly SafeHtml[] {
  const { relation, evidence } = item.row;
  if (relation === null || evidence === null) return [];
  return [html`<span class="badge review">${relation}</span> distance ${evidence.distance}`];
}

function reasonText(reasons: readonly string[]): string {
  return reasons.length === 0 ? 'no reason' : shorten(reasons.join(' + '));
}

function renderKept({ envelope, keptSample }: ReportModel): SafeHtml {
  const sample =
    keptSample.length > 0 &&
    html`<p>${keptSample.length} of those that stand alone:</p>
<div class="pictures">${keptSample.map((item) => renderItem(item, reasonLines(item)))}</div>`;
  return html`<section id="kept"><h2>Kept <span class="soft">${envelope.counts.kept}</span></h2>${sample}</section>`;
}

function renderDead({ dead, account }: ReportModel): SafeHtml {
  const total = account.lines.find(({ name }) => name === 'dead')?.count ?? 0;
  const reasons = Object.entries(dead.byReason).map(([reason, count]) => {
    const known = Object.entries(DEAD_LETTER_REASONS).find(([code]) => code === reason)?.[1];
    return html`<tr><td><code>${reason}</code></td><td class="number">${count}</td><td>${known?.meaning}<br><span class="soft">${known?.remedy}</span></td></tr>
`;
  });
  const listed = dead.listed.map(
    ({
      sequence,
      id,
      stage,
      reason,
      error,
      resolution,
    }) => html`<tr><td class="number">${sequence}</td><td class="data">${shorten(id ?? '')}</td><td>${stage}</td><td><code>${reason}</code></td><td class="data">${shorten(error ?? '')}</td><td class="data">${resolution?.state === 'retried' ? `retried as ${resolution.as}` : resolution?.state === 'purged' ? `purged by ${resolution.by}` : ''}</td></tr>
`,
  );
  const everDied = account.lines
    .filter(({ name }) => name === 'dead' || name === 'retried' || name === 'purged')
    .reduce((sum, { count }) => sum + count, 0);
  return html`<section id="dead"><h2>Dead <span class="soft">${total}</span></h2>
${
  everDied === 0
    ? html`<p>None.</p>`
    : html`<p>Could not be handled; the original messages are kept (<code>troupe dead</code>).</p>
${reasons.length > 0 && html`<table><tr><th>Reason</th><th class="number">Count</th><th>Meaning</th></tr>${reasons}</table>`}
<details${listed.length <= 20 && html` open`}><summary>The messages</summary><table><tr><th class="number">Sequence</th><th>Id</th><th>Stage</th><th>Reason</th><th>Last error</th><th></th></tr>${listed}</table>
${leftOut(everDied - listed.length, 'dead messages')}</details>`
}</section>`;
}

function renderRepeats({ repeats, account }: ReportModel): SafeHtml {
  const total = account.lines.find(({ name }) => name === 'repeats')?.count ?? 0;
  const head = html`<h2>Repeats <span class="soft">${total}</span></h2>`;
  if (total === 0) return html`<section id="repeats">${head}<p>No item was published twice.</p></section>`;
  return html`<section id="repeats">${head}<p>Published again with the same id, content, source, time and metadata: one item.</p>
<details><summary>The messages</summary><table><tr><th class="number">Sequence</th><th class="number">Repeats</th><th>Id</th></tr>
${repeats.map(
  ({
    sequence,
    of,
    id,
  }) => html`<tr><td class="number">${sequence}</td><td class="number">${of}</td><td class="data">${shorten(id)}</td></tr>
`,
)}</table>${leftOut(total - repeats.length, 'repeats')}</details></section>`;
}

function renderDeciding({ envelope }: ReportModel): SafeHtml {
  const { versions } = envelope.deciding;
  const named = versions !== null && typeof versions === 'object' ? Object.entries(versions) : [];
  return html`<section id="decided"><h2>Decided by</h2>
<table>${named.map(
    ([name, version]) => html`<tr><td>${name}</td><td class="hash">${String(version)}</td></tr>
`,
  )}<tr><td>configuration</td><td class="hash">${envelope.configDigest}</td></tr>
<tr><td>rows</td><td class="hash">${envelope.root}</td></tr>
<tr><td>parent</td><td class="hash">${envelope.parent === null ? 'none' : `${envelope.parent.number}: ${envelope.parent.digest}`}</td></tr></table>
<details><summary>The deciding configuration</summary><pre>${JSON.stringify(envelope.deciding, undefined, 2)}</pre></details>
<p class="soft small">The digest binds the rows to this configuration: the same input gives the same digest. <code>troupe manifest verify</code> checks it, <code>troupe explain</code> tells everything about one item.</p></section>`;
}

function leftOut(count: number, what: string): SafeHtml {
  return count > 0 ? html`<p class="soft">${count} more ${what} are not listed.</p>` : html``;
}

/** RFC 3339 to the minute, for people. */
function readable(time: string): string {
  return time.replace('T', ' ').replace(/:\d{2}(\.\d+)?Z$/, ' UTC');
}
