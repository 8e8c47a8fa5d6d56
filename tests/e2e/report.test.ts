// `troupe report` as a user runs it: the page's counts are those of the audit and the manifest, pictures are inline,
// and what strangers wrote stays text.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuditReport } from '../../cli/node/audit.ts';
import { PICTURES_CONFIG, type TestPictures, testPictures } from '../support/images.ts';
import { TroupeSystem } from '../support/troupe-system.ts';

const HOSTILE = '"><script src=//evil.example>alert(1)</script><img src=x onerror=alert(1)>.jpg';

let pictures: TestPictures;
let system: TroupeSystem;
let page: string;
let printed: {
  readonly published: number;
  readonly account: Readonly<Record<string, number>>;
  readonly balanced: boolean;
  readonly groups: { readonly total: number; readonly shown: number; readonly leftOut: number };
};
let report: AuditReport;

beforeAll(async () => {
  pictures = await testPictures(60);
  system = await TroupeSystem.up({ config: PICTURES_CONFIG });
  const [scene, ...others] = pictures.items.filter(({ truth }) => truth === 'scene');
  const rest = pictures.items.filter(({ truth }) => truth !== 'scene');
  const files = [...others, ...rest, { id: HOSTILE, path: scene?.path ?? '', source: `camera ${HOSTILE}` }];
  await system.waitSettled(await system.publish(files));
  const { link, names } = await system.connect();
  const corrupt = { 'Troupe-Id': `corrupt ${HOSTILE}`, 'Content-Type': 'image/png' };
  const subject = names.subjects.intake('photos');
  const data = Buffer.from('no picture');
  const died = await link.publisher.publish({ subject, data, headers: corrupt });
  const same = { 'Troupe-Id': HOSTILE, 'Troupe-Source': `camera ${HOSTILE}`, 'Content-Type': 'image/jpeg' };
  const again = await link.publisher.publish({
    subject,
    data: await readFile(scene?.path ?? ''),
    headers: same,
  });
  await system.waitSettled(again.sequence);
  await system.cut();
  const purge = await system.command('dead', 'list', 'photos', '--json');
  const letters = JSON.parse(purge.stdout) as readonly {
    readonly letter: number;
    readonly sequence: number;
  }[];
  const letter = letters.find(({ sequence }) => sequence === died.sequence)?.letter;
  await system.command('dead', 'purge', 'photos', String(letter), '--by', `ada ${HOSTILE}`);

  const { stdout, code, stderr } = await system.command('report', 'photos', '-o', 'out.html', '--json');
  expect({ code, stderr }).toMatchObject({ code: 0 });
  printed = JSON.parse(stdout);
  page = await readFile(join(system.folder, 'out.html'), 'utf8');
  report = await system.audit();
});

afterAll(async () => {
  await system?.[Symbol.asyncDispose]();
  await pictures?.[Symbol.asyncDispose]();
});

describe('the report of a dataset', () => {
  it('accounts for everything that was published, as the audit and the manifest do', async () => {
    expect(report.balanced).toBe(true);
    const { dead, repeats, retried, purged, eligible, rejected, review } = report.verdicts;
    const rows = await system.manifestRows();
    const outcome = (name: string) => rows.filter((row) => row.outcome === name).length;
    expect(printed).toMatchObject({
      balanced: true,
      published: report.published,
      account: {
        kept: outcome('kept'),
        duplicate: outcome('duplicate'),
        rejected: outcome('rejected'),
        review: outcome('review'),
        dead,
        repeats,
        retried,
        purged,
        later: eligible + rejected + review - rows.length,
        open: 0,
      },
    });
    expect([repeats, purged]).toEqual([1, 1]);
    expect(Object.values(printed.account).reduce((sum, count) => sum + count, 0)).toBe(report.published);
    expect(page.includes(`<b>${report.published} published</b> = ${outcome('kept')} kept`)).toBe(true);
  });

  it('shows each group with its pictures, survivor and proof', async () => {
    const rows = await system.manifestRows();
    const survivors = new Set(rows.flatMap(({ survivor }) => survivor ?? []));
    expect(printed.groups).toMatchObject({ leftOut: 0 });
    expect(printed.groups.total).toBeGreaterThan(0);
    expect(printed.groups.total).toBeLessThanOrEqual(survivors.size);
    expect(page.match(/<article class="group[^>]*"><header><h3>Group/g)).toHaveLength(printed.groups.total);
    expect(page.match(/src="data:image\/webp;base64,[A-Za-z0-9+/=]{200,}"/g)?.length).toBeGreaterThan(
      2 * printed.groups.total,
    );
    for (const { id } of rows.filter(({ outcome }) => outcome === 'duplicate')) {
      if (id !== HOSTILE) expect(page.includes(id), id).toBe(true);
    }
    expect(/distance 0\.\d+ of 0\.\d+/.test(page)).toBe(true);
    expect(page.includes('same bytes as the survivor')).toBe(true);
  });

  it('names why items were rejected and why messages died', () => {
    expect(page.includes('governance.refuse:')).toBe(true);
    expect(page.includes('<code>corrupt_image</code>')).toBe(true);
  });

  it('writes what strangers wrote as text, and asks for nothing', () => {
    const has = (text: string) => page.includes(text);
    expect(has('&quot;&gt;&lt;script src=//evil.example&gt;alert(1)&lt;/script&gt;')).toBe(true);
    const tags = page.replace(/<style>.*<\/style>/s, '').match(/<[^<>]*>/g) ?? [];
    expect(tags.filter((tag) => /^<(?:script|link|iframe|object|embed|form)/i.test(tag))).toEqual([]);
    const attributes = tags.map((tag) => tag.replace(/="[^"]*"/g, '='));
    expect(attributes.filter((tag) => / (?:on[a-z]+|style)=/i.test(tag))).toEqual([]);
    const targets = tags.flatMap((tag) => / (?:src|href)="([^"]{0,20})/.exec(tag)?.[1] ?? []);
    expect(targets.filter((target) => !/^(#|data:image\/webp;b)/.test(target))).toEqual([]);
    expect(has('http-equiv="Content-Security-Policy"')).toBe(true);
  });

  it('stays small: it shows the largest groups and says how many it leaves out', async () => {
    const { stdout } = await system.command('report', 'photos', '--max-groups', '1', '--json');
    const { groups, bytes } = JSON.parse(stdout) as {
      readonly groups: typeof printed.groups;
      readonly bytes: number;
    };
    expect(groups).toEqual({ ...printed.groups, shown: 1, leftOut: printed.groups.total - 1 });
    expect(bytes).toBeLessThan(page.length);
    const small = await readFile(join(system.folder, 'report.html'), 'utf8');
    expect(small.includes(`${groups.leftOut} groups with`)).toBe(true);
  });

  it('of an older manifest says what settled after it', async () => {
    const [scene] = pictures.of('scene');
    await system.waitSettled(await system.publish([{ id: 'later.jpg', path: scene?.path ?? '' }]));
    await system.cut();
    const { stdout } = await system.command('report', 'photos', '--number', '1', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ balanced: true, manifest: 1, account: { later: 1 } });
    const missing = await system.command('report', 'photos', '--number', '9');
    expect(missing.code).toBe(1);
  });
});
