// Draws one item of a report: its picture and, below it, who it is, what became of it and by what proof.
import { html, type SafeHtml } from './html.ts';
import type { ReportItem, ReportStar } from './report-model.ts';

/** Longest text of a stranger that is shown; the whole of an id is in its tooltip. */
const MAX_SHOWN = 120;

/** Keep-best criteria by place where a kind measures four; see `judge`. */
const CRITERIA = [
  'preferred source',
  'no compliance flag',
  'resolution',
  'sharpness',
  'encoding quality',
  'size in bytes',
  'more metadata',
  'earlier time',
] as const;

/** An item as a figure. `remarks` are lines below its name. */
export function renderItem(item: ReportItem, remarks: readonly SafeHtml[] = []): SafeHtml {
  const { row, thumbnail } = item;
  const picture =
    thumbnail === null ? html`${noPicture(item)}` : html`<img src="${thumbnail}" alt="" loading="lazy">`;
  return html`<figure class="${row.outcome}"><div class="picture">${picture}</div><figcaption>
<div class="id data" title="${row.id}">${shorten(row.id)}</div>
${remarks.map((remark) => html`<div>${remark}</div>`)}
${measures(item)}${origin(item)}</figcaption></figure>
`;
}

/** A survivor with those that are related to it. */
export function renderStar({ survivor, members, membersLeftOut }: ReportStar): SafeHtml {
  const own =
    members.length === 0
      ? html`<span class="badge kept">kept</span> related through others only`
      : html`<span class="badge kept">survivor</span> kept`;
  return html`<div class="pictures">${renderItem(survivor, [own, ...reasonLines(survivor)])}
${members.map((member) => renderItem(member, [...relationLines(member, survivor), ...reasonLines(member)]))}
${membersLeftOut > 0 && html`<span class="more">and ${membersLeftOut} more</span>`}</div>
`;
}

/** Reasons of an item, if it has any. */
export function reasonLines({ row }: ReportItem): readonly SafeHtml[] {
  return row.reasons.length === 0 ? [] : [html`<span class="data">${row.reasons.join(', ')}</span>`];
}

/** What ties a member to its survivor, and why it is not the survivor itself. */
function relationLines(member: ReportItem, survivor: ReportItem): readonly SafeHtml[] {
  const { row } = member;
  const lines = [html`<span class="badge ${row.outcome}">${row.relation}</span> ${outcomeText(member)}`];
  if (row.evidence === null) lines.push(html`same bytes as the survivor`);
  else {
    const { distance, turned, similarity, threshold, hashes, algorithm } = row.evidence;
    const limit =
      row.relation === 'near' && distance <= threshold.distance ? ` of ${threshold.distance}` : '';
    lines.push(html`<span title="${algorithm}">distance ${round(distance)}${limit}</span>`);
    if (turned !== undefined) lines.push(html`${round(turned.distance)} by ${turned.variant}`);
    if (similarity !== null) {
      const atLeast = threshold.similarity === null ? '' : ` from ${threshold.similarity}`;
      lines.push(html`similarity ${round(similarity)}${atLeast}`);
    }
    const bits = Object.entries(hashes).map(([family, distanceBits]) => `${family} ${distanceBits}`);
    if (bits.length > 0) lines.push(html`${bits.join(', ')} bits`);
  }
  const lost = lostBy(survivor.rank, member.rank);
  if (lost !== undefined) lines.push(html`lost by ${lost}`);
  return lines;
}

function outcomeText({ row }: ReportItem): string {
  if (row.outcome === 'duplicate') return 'dropped';
  return row.outcome === 'review' ? 'in review' : 'kept, grouped';
}

/** The first criterion of keep-best by which one item is better than another. */
export function lostBy(winner: readonly number[], loser: readonly number[]): string | undefined {
  if (winner.length === 0 || loser.length === 0) return undefined;
  for (let at = 0; at < winner.length; at++) {
    if (winner[at] === loser[at]) continue;
    if (winner.length === CRITERIA.length || at < 2) return CRITERIA[at];
    const fromEnd = winner.length - at;
    return fromEnd <= 2 ? CRITERIA.at(-fromEnd) : 'measured quality';
  }
  return 'hash, all else equal';
}

function measures({ width, height, byteLength, mediaType, row }: ReportItem): SafeHtml {
  const shape = width === null || height === null ? '' : `${width}×${height}`;
  const type = mediaType === null ? '' : (mediaType.split('/')[1] ?? mediaType);
  const size = byteLength === null ? '' : formatBytes(byteLength);
  const score = row.score === null ? '' : `score ${round(row.score)}`;
  const line = (...parts: readonly string[]) => parts.filter((part) => part !== '').join(' · ');
  return html`<div class="soft data">${line(shape, type)}</div><div class="soft">${line(size, score)}</div>`;
}

function origin({ source, time, metadata }: ReportItem): SafeHtml {
  const given = Object.keys(metadata).length === 0 ? '' : shorten(JSON.stringify(metadata));
  const parts = [
    source === null || source === 'default' ? '' : `from ${shorten(source)}`,
    time === null ? '' : time.replace('.000Z', 'Z'),
    given,
  ].filter((part) => part !== '');
  return html`${parts.map((part) => html`<div class="soft data">${part}</div>`)}`;
}

function noPicture({ row, source }: ReportItem): string {
  if (row.content === null) return 'never read';
  return source === null ? 'erased' : 'no picture stored';
}

/** The text, or its beginning and end where it is long. */
export function shorten(text: string): string {
  const chars = [...text];
  if (chars.length <= MAX_SHOWN) return text;
  return `${chars.slice(0, MAX_SHOWN - 24).join('')} … ${chars.slice(-20).join('')}`;
}

function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1e6 ? `${(bytes / 1000).toFixed(bytes < 1e4 ? 1 : 0)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function round(value: number): string {
  return String(Math.round(value * 1e4) / 1e4);
}
