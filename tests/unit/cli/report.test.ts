import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ManifestEnvelope, ManifestRow } from '#actors';
import { accountOf } from '../../../cli/report/account.ts';
import { chooseRows } from '../../../cli/report/choose-rows.ts';
import { escapeHtml, html } from '../../../cli/report/html.ts';
import { lostBy } from '../../../cli/report/render-item.ts';
import { renderReport } from '../../../cli/report/render-report.ts';
import type { ReportItem, ReportModel } from '../../../cli/report/report-model.ts';
import { sha } from '../../support/ledger-messages.ts';
import { manifestRow as row } from '../../support/manifest-rows.ts';

const HOSTILE = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='alert(1)",
  '</style><svg/onload=alert(1)>',
  '</title></head><body onload=x>',
  '--><!--<b>',
  ']]>&lt;b&gt;&#60;i&#62;',
  '{{<b>}}`<b>`',
  'javascript:alert(1)',
  'https://evil.example/x.png',
  'data:text/html,<b>',
  '\u202egnp.<b>\u0000\u001b[31m\ud800',
  '\u2028<b>\u2029',
] as const;
const hostile = fc.oneof(
  fc.constantFrom(...HOSTILE),
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('<', '>', '"', "'", '&', '`', '=', '/', ' ', 'a', '\n', '-', '!') }),
);

const evidence = (distance: number): NonNullable<ManifestRow['evidence']> => ({
  hashes: { phash: 2 },
  distance,
  similarity: 0.97,
  threshold: { distance: 0.07, similarity: 0.9 },
  algorithm: 'pixels64@1',
});

/** A model in which every text of a stranger is `text`, which must not change the markup. */
function modelOf(text: string): ReportModel {
  const item = (change: Partial<ManifestRow>): ReportItem => ({
    row: row(text, change),
    thumbnail: 'data:image/webp;base64,AAAA',
    width: 640,
    height: 480,
    byteLength: 1234,
    mediaType: `image/${text}`,
    source: `from ${text}`,
    time: '2026-01-01T00:00:00.000Z',
    metadata: { [`key ${text}`]: text },
    rank: [1, 1, 5, 5, 5, 5, 0, 0],
  });
  const kept = item({});
  const near = item({
    outcome: 'duplicate',
    relation: 'near',
    survivor: sha(text),
    evidence: evidence(0.01),
  });
  const rejected = item({ outcome: 'rejected', reasons: [`rule.${text}`], content: null });
  const envelope: ManifestEnvelope = {
    format: 'troupe-manifest/1',
    dataset: 'photos',
    number: 3,
    digest: sha('digest'),
    root: sha('root'),
    configDigest: sha('config'),
    deciding: { versions: { [`name ${text}`]: text }, rules: [{ name: text, when: text }] },
    parent: { number: 2, digest: sha('parent') },
    rows: 3,
    counts: { kept: 1, duplicate: 1, rejected: 1, review: 0 },
    chunks: [],
    throughEntry: 3,
    outside: { dead: 1, repeats: 1, retried: 0, purged: 0, erased: 0 },
    findings: [{ code: 'id.two_contents', id: text, items: [sha('a'), sha('b')] }],
    createdAt: '2026-01-01T00:00:00.000Z',
  };
  const dead = {
    type: 'dead' as const,
    sequence: 4,
    id: text,
    stage: 'intake',
    reason: 'not_found',
    attempts: 1,
    error: text,
    resolution: { state: 'purged' as const, by: text, at: '2026-01-01T00:00:00.000Z' },
  };
  return {
    dataset: 'photos',
    envelope,
    isHead: true,
    account: accountOf(
      {
        published: 5,
        verdicts: {
          eligible: 2,
          rejected: 1,
          review: 0,
          dead: 0,
          repeats: 1,
          retried: 0,
          purged: 1,
          erased: 0,
        },
        open: 0,
      },
      envelope.counts,
    ),
    groups: {
      shown: [{ items: 2, isFamily: false, stars: [{ survivor: kept, members: [near], membersLeftOut: 0 }] }],
      total: 1,
      leftOut: 0,
      itemsLeftOut: 0,
    },
    keptSample: [kept],
    rejected: [{ reasons: [`rule.${text}`, text], count: 1, sample: [rejected] }],
    review: [{ reasons: [text], count: 0, sample: [] }],
    dead: { byReason: { [`reason ${text}`]: 1 }, listed: [dead] },
    repeats: [{ sequence: 5, id: text, of: 1 }],
    generatedAt: '2026-01-01T00:00:00.000Z',
    version: '1.2.3',
  };
}

const TAG = /<(?:!doctype html|\/?[a-z][a-z0-9]*(?: [a-zA-Z-]+(?:="[^"<>]*")?)*)>/g;

/** The page's tags with the names of their attributes; throws where a `<` or a `>` belongs to none. */
function skeleton(page: string): readonly string[] {
  const style = page.indexOf('<style>') + '<style>'.length;
  const text = page.slice(0, style) + page.slice(page.indexOf('</style>'));
  const stray = /[<>]/.exec(text.replace(TAG, ''));
  if (stray !== null) throw new Error(`a stray ${stray[0]}`);
  return (text.match(TAG) ?? []).map((tag) => tag.replace(/="[^"]*"/g, ''));
}

describe('the report', () => {
  it('has the same markup whatever names, ids, sources and metadata say', () => {
    const plain = skeleton(renderReport(modelOf('x')));
    expect(plain.length).toBeGreaterThan(100);
    fc.assert(
      fc.property(hostile, (text) => {
        expect(skeleton(renderReport(modelOf(text)))).toEqual(plain);
      }),
      { examples: HOSTILE.map((text): [string] => [text]) },
    );
  });

  it('forbids scripts, requests and foreign styles, and has none of them', () => {
    for (const text of HOSTILE) {
      const page = renderReport(modelOf(text));
      expect(page).toContain('default-src &#39;none&#39;; img-src data:; style-src &#39;sha256-');
      const tags = skeleton(page);
      expect(
        tags.filter((tag) => /^<(?:script|link|iframe|object|embed|form|base|video|audio)/.test(tag)),
      ).toEqual([]);
      expect(tags.filter((tag) => / (?:on[a-z]+|style|srcset|action|xlink)\b/.test(tag))).toEqual([]);
      const links = [...page.replaceAll(/<style>.*<\/style>/gs, '').matchAll(/ (?:src|href)="([^"]*)"/g)].map(
        ([, target]) => target?.replace(/^(#|data:image\/webp;base64,).*$/, '$1'),
      );
      expect(new Set(links)).toEqual(new Set(['#', 'data:image/webp;base64,']));
      expect(page).not.toMatch(/@import|url\(/);
    }
  });

  it('shows survivor, relation, distance, reason, findings, configuration, versions and digest', () => {
    const page = renderReport(modelOf('tom.jpg'));
    for (const shown of [
      'tom.jpg',
      'survivor',
      'near',
      'distance 0.01 of 0.07',
      'similarity 0.97 from 0.9',
      'phash 2 bits',
      'rule.tom.jpg',
      'one id, several contents',
      'purged by tom.jpg',
      sha('digest'),
      sha('config'),
      '5 published',
    ]) {
      expect(page).toContain(shown);
    }
  });
});

describe('escaping', () => {
  it('leaves nothing that opens a tag, an attribute or an entity', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const escaped = escapeHtml(text);
        expect(escaped).not.toMatch(/[<>"'`]|&(?!(?:amp|lt|gt|quot|#39|#96);)/);
        expect(html`<b>${text}</b>`.text).toBe(`<b>${escaped}</b>`);
      }),
    );
  });

  it('shows that there were control characters, half characters and turned text, without obeying them', () => {
    expect(escapeHtml('a\u0000b\ud800c\u202egpj.exe\u2066')).toBe('a\ufffdb\ufffdc\ufffdgpj.exe\ufffd');
  });

  it('keeps what the template itself made, also in lists, and writes nothing for what is absent', () => {
    const part = html`<i>${'<'}</i>`;
    expect(html`${part}${[part, part]}${null}${undefined}${false}${0}`.text).toBe(
      `${'<i>&lt;</i>'.repeat(3)}0`,
    );
  });
});

describe('the account of a report', () => {
  it('adds up to what was published, whatever settled after the manifest', () => {
    const counts = fc.record({
      eligible: fc.nat(50),
      rejected: fc.nat(50),
      review: fc.nat(50),
      dead: fc.nat(50),
      repeats: fc.nat(50),
      retried: fc.nat(50),
      purged: fc.nat(50),
      erased: fc.nat(50),
    });
    fc.assert(
      fc.property(counts, fc.nat(50), fc.nat(), (verdicts, open, later) => {
        const items = verdicts.eligible + verdicts.rejected + verdicts.review;
        const rows = items - (later % (items + 1));
        const outcomes = {
          kept: rows - Math.floor(rows / 3),
          duplicate: Math.floor(rows / 3),
          rejected: 0,
          review: 0,
        };
        const published = Object.values(verdicts).reduce((sum, count) => sum + count, open);
        const account = accountOf({ published, verdicts, open }, outcomes);
        expect(account.isBalanced).toBe(true);
        expect(account.lines.reduce((sum, { count }) => sum + count, 0)).toBe(published);
        expect(accountOf({ published: published + 1, verdicts, open }, outcomes).isBalanced).toBe(false);
      }),
    );
  });
});

describe('what a report shows', () => {
  const limits = { maxGroups: 2, maxMembers: 2, maxSample: 2, maxReasons: 2 };
  const member = (id: string, of: string, distance: number): ManifestRow =>
    row(id, { outcome: 'duplicate', relation: 'near', survivor: sha(of), evidence: evidence(distance) });
  async function choose(rows: readonly ManifestRow[], change: Partial<typeof limits> = {}) {
    return chooseRows(
      async function* () {
        yield* [...rows].sort((a, b) => (a.item < b.item ? -1 : 1));
      },
      { ...limits, ...change },
    );
  }

  it('is the largest groups, the closest members first, and says what is left out', async () => {
    const chosen = await choose([
      ...['a', 'b', 'c', 'alone'].map((id) => row(id)),
      ...[0.03, 0.01, 0.02].map((distance, at) => member(`a${at}`, 'a', distance)),
      ...[0.03, 0.01].map((distance, at) => member(`b${at}`, 'b', distance)),
      member('c0', 'c', 0.02),
    ]);
    expect(chosen).toMatchObject({ groupsTotal: 3, groupedItems: 9, keptSample: [{ id: 'alone' }] });
    expect(
      chosen.groups.map(({ items, stars: [star] }) => [items, star?.survivor.id, star?.membersLeftOut]),
    ).toEqual([
      [4, 'a', 1],
      [3, 'b', 0],
    ]);
    expect(chosen.groups[0]?.stars[0]?.members.map(({ id }) => id)).toEqual(['a1', 'a2']);
  });

  it('keeps the stars of a family together, with those that only chain', async () => {
    const family = sha('family');
    const chosen = await choose([
      row('a', { family }),
      { ...member('a0', 'a', 0.01), family },
      row('chained', { family }),
      row('other'),
    ]);
    expect(chosen.groups).toMatchObject([
      { items: 3, isFamily: true, stars: [{ survivor: { id: 'a' } }, { survivor: { id: 'chained' } }] },
    ]);
  });

  it('counts rejected items and items in review by their reasons, all of them', async () => {
    const reasons = [['rule.blurry'], ['rule.blurry'], ['rule.dark'], ['rule.blurry', 'rule.dark'], ['x']];
    const chosen = await choose(
      reasons.map((each, at) => row(`${at}`, { outcome: 'rejected', reasons: each })),
    );
    expect(chosen.rejected.map(({ reasons: of, count }) => [of.join('+'), count])).toEqual([
      ['rule.blurry', 2],
      ['rule.blurry+rule.dark', 1],
      ['2 other sets of reasons', 2],
    ]);
    expect(chosen.rejected[0]?.sample).toHaveLength(2);
  });

  it('counts every grouped item once, for any stars', async () => {
    const stars = fc.array(fc.nat(4), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(stars, fc.nat(9), async (sizes, maxGroups) => {
        const rows = sizes.flatMap((size, star) => [
          row(`s${star}`),
          ...Array.from({ length: size }, (_, at) => member(`m${star}.${at}`, `s${star}`, at / 100)),
        ]);
        const chosen = await choose(rows, { maxGroups });
        const grouped = sizes.filter((size) => size > 0);
        expect(chosen.groupsTotal).toBe(grouped.length);
        expect(chosen.groupedItems).toBe(grouped.reduce((sum, size) => sum + size + 1, 0));
        expect(chosen.groups.map(({ items }) => items)).toEqual(
          grouped
            .map((size) => size + 1)
            .sort((a, b) => b - a)
            .slice(0, maxGroups),
        );
      }),
    );
  });
});

describe('why an item lost', () => {
  it('is the first criterion of keep-best that differs', () => {
    expect(lostBy([2, 1, 9, 5, 5, 5, 0, 0], [1, 1, 9, 5, 5, 5, 0, 0])).toBe('preferred source');
    expect(lostBy([1, 1, 9, 5, 5, 5, 0, 0], [1, 1, 8, 9, 5, 5, 0, 0])).toBe('resolution');
    expect(lostBy([1, 1, 9, 5, 5, 5, 3, 0], [1, 1, 9, 5, 5, 5, 0, 0])).toBe('more metadata');
    expect(lostBy([1, 1, 9, 1], [1, 1, 9, 1])).toBe('hash, all else equal');
  });

  it('is named as far as the number of measured criteria allows', () => {
    expect(lostBy([1, 1, 9, 0, 0], [1, 1, 8, 0, 0])).toBe('measured quality');
    expect(lostBy([1, 1, 9, 0, 5], [1, 1, 9, 0, 4])).toBe('earlier time');
    expect(lostBy([], [])).toBeUndefined();
  });
});
