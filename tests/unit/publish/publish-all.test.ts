// Publishing many items: how many at once, how fast, and what one failure does to the others.
import { describe, expect, it } from 'vitest';
import { ManualClock } from '#testkit';
import { isJsonLine, parseListLine } from '../../../cli/publish/list-line.ts';
import { publishAll } from '../../../cli/publish/publish-all.ts';
import { progressText } from '../../../cli/publish/publish-progress.ts';
import { ItemUnpublishable, nameOf, type PublishSource } from '../../../cli/publish/publish-source.ts';

const item = (name: string): PublishSource => ({ type: 'file', id: name, path: name, bytes: 10 });

async function* items(count: number): AsyncGenerator<PublishSource, void> {
  for (let index = 0; index < count; index++) yield item(String(index));
}

const receipt = (sequence: number, duplicate = false) => ({ stream: 's', sequence, duplicate });

describe('publishing many items', () => {
  it('counts what was published, what was a repeat, and the last sequence', async () => {
    let sequence = 0;
    const progress = await publishAll(
      { publish: async () => receipt(++sequence, sequence % 2 === 0) },
      items(10),
    );
    expect(progress).toEqual({ published: 10, duplicates: 5, bytes: 100, lastSequence: 10 });
  });

  it('keeps a bounded number in flight', async () => {
    let [inFlight, most] = [0, 0];
    await publishAll(
      {
        publish: async () => {
          most = Math.max(most, ++inFlight);
          await new Promise<void>((resolve) => setImmediate(resolve));
          inFlight -= 1;
          return receipt(1);
        },
      },
      items(500),
    );
    expect(most).toBe(64);
  });

  it('keeps to the rate, and makes up for no pause', async () => {
    const clock = new ManualClock();
    const times: number[] = [];
    const publishing = publishAll(
      {
        publish: async () => {
          times.push(clock.monotonicMs());
          return receipt(1);
        },
      },
      items(5),
      { pace: { perSecond: 10, clock } },
    );
    await clock.advance(1_000);
    await publishing;
    expect(times).toEqual([0, 100, 200, 300, 400]);
  });

  it('goes on after an item that cannot be published, and names it', async () => {
    const failed: string[] = [];
    const progress = await publishAll(
      {
        publish: async (each) => {
          if (nameOf(each) === '1') throw new ItemUnpublishable('no');
          return receipt(1);
        },
      },
      items(3),
      { onUnpublishable: (each, error) => void failed.push(`${nameOf(each)}: ${error.message}`) },
    );
    expect(progress.published).toBe(2);
    expect(failed).toEqual(['1: no']);
  });

  it('ends with the first failure of the system', async () => {
    let asked = 0;
    const publishing = publishAll(
      {
        publish: async () => {
          asked += 1;
          throw new Error('no such dataset');
        },
      },
      items(1_000),
      { onUnpublishable: () => {} },
    );
    await expect(publishing).rejects.toThrow('no such dataset');
    expect(asked).toBeLessThan(200);
  });

  it('ends quietly when it is interrupted, also while it waits for its rate', async () => {
    const clock = new ManualClock();
    const stop = new AbortController();
    const publishing = publishAll({ publish: async () => receipt(1) }, items(5), {
      pace: { perSecond: 1, clock },
      signal: stop.signal,
    });
    await clock.advance(1_500);
    stop.abort();
    expect(await publishing).toMatchObject({ published: 2 });
  });
});

describe('the progress line', () => {
  const done = { items: 120, bytes: 12_000_000 };

  it('tells rate and time left', () => {
    expect(progressText(done, { items: 600, bytes: 60_000_000 }, 2_000)).toBe(
      'published 120 of 600 items, 12.0 MB, 60 items/s, 8 s left',
    );
  });

  it('takes the larger of the times that items and bytes will take', () => {
    expect(progressText(done, { items: 130, bytes: 1_212_000_000 }, 2_000)).toMatch(/, 3 min left$/);
    expect(progressText(done, { items: 120_120, bytes: 12_000_001 }, 10_000)).toMatch(/, 2\.8 h left$/);
  });

  it('promises nothing where the end is unknown, nothing is done, or it began just now', () => {
    expect(progressText(done, { items: 600, bytes: 60_000_000 }, 1_900)).not.toContain('left');
    expect(progressText(done, undefined, 2_000)).toBe('published 120 items, 12.0 MB, 60 items/s');
    expect(progressText({ items: 0, bytes: 0 }, { items: 9, bytes: 9 }, 0)).not.toContain('left');
  });
});

describe('a JSON line of a list', () => {
  it('is a reference with everything that an intake message may say', () => {
    const reference = {
      uri: 'https://host.example/a.jpg',
      id: 'a',
      source: 'crawl',
      metadata: { label: 'cat' },
      sha256: '0'.repeat(64),
      time: '2026-01-31T12:00:00Z',
    };
    const line = JSON.stringify(reference);
    expect(isJsonLine(line)).toBe(true);
    expect(parseListLine(line, 'here')).toEqual({ type: 'reference', reference });
  });

  it.each([
    ['{', 'JSON'],
    ['{}', 'uri'],
    ['{"uri":"a.jpg"}', 'uri'],
    ['{"uri":"file:///a","id":""}', 'id'],
    ['{"uri":"file:///a","sha256":"x"}', 'sha256'],
    ['{"uri":"file:///a","path":"x"}', 'path'],
  ])('fails by itself, with its place and the field: %s', (line, word) => {
    expect(parseListLine(line, 'list.txt, line 3')).toMatchObject({
      type: 'invalid',
      name: 'list.txt, line 3',
      problem: expect.stringContaining(word),
    });
  });

  it('is told what was expected and what came, with the name that was meant', () => {
    expect(parseListLine('{"url":"file:///a"}', 'here')).toMatchObject({
      problem:
        'uri: expected a text, got nothing; url: expected one of uri, id, source, metadata, sha256, time, got "url" (did you mean uri?)',
    });
    expect(parseListLine('{"uri":"a.jpg"}', 'here')).toMatchObject({
      problem: 'uri: expected a URI such as file:///a.jpg or https://host/a.jpg, got "a.jpg"',
    });
  });
});
