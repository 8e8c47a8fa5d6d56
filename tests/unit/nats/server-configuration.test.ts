import { describe, expect, it } from 'vitest';
import {
  archivesIn,
  compareVersions,
  dataFolderPaths,
  EMBEDDED_MAX_PAYLOAD_BYTES,
  MAX_INLINE_BODY_BYTES,
  RestartDelay,
  renderConfiguration,
  type ServerConfiguration,
} from '../../../nats/server/index.ts';

const base: ServerConfiguration = {
  folder: dataFolderPaths('/data/"odd" folder'),
  version: '2.15.1',
  token: 'secret',
  port: undefined,
  durability: 'process',
};

describe('the configuration of the embedded server', () => {
  it('listens on loopback only and asks for the token', () => {
    const text = renderConfiguration(base);
    expect(text).toContain('host: "127.0.0.1"');
    expect(text).toContain('http: "127.0.0.1:-1"');
    expect(text).toContain('authorization { token: "secret" }');
    expect(text).not.toContain('0.0.0.0');
  });

  it('lets the server choose a port unless one is asked for', () => {
    expect(renderConfiguration(base)).toContain('\nport: -1\n');
    expect(renderConfiguration({ ...base, port: 4333 })).toContain('\nport: 4333\n');
  });

  it('takes the largest inline body together with its headers', () => {
    expect(renderConfiguration(base)).toContain(`max_payload: ${EMBEDDED_MAX_PAYLOAD_BYTES}`);
    expect(EMBEDDED_MAX_PAYLOAD_BYTES).toBeGreaterThan(MAX_INLINE_BODY_BYTES);
  });

  it('stores in the data folder, whatever its name holds', () => {
    expect(renderConfiguration(base)).toContain('store_dir: "/data/\\"odd\\" folder"');
  });

  it('syncs every write for durability disk, from the version on that can', () => {
    expect(renderConfiguration({ ...base, durability: 'disk' })).toContain('sync_interval: always');
    expect(renderConfiguration({ ...base, durability: 'disk', version: '2.10.0' })).toContain(
      'sync_interval',
    );
    expect(renderConfiguration({ ...base, durability: 'disk', version: '2.9.10' })).not.toContain(
      'sync_interval',
    );
    expect(renderConfiguration(base)).not.toContain('sync_interval');
  });

  it('lifts the cap on consumers from the version on that has one', () => {
    expect(renderConfiguration(base)).toContain('default_max_consumers: -1');
    expect(renderConfiguration({ ...base, version: '2.14.5' })).not.toContain('default_max_consumers');
  });
});

describe('versions', () => {
  it('are compared by number, not by letter', () => {
    expect(compareVersions('2.9.10', '2.15.1')).toBeLessThan(0);
    expect(compareVersions('2.10.0', '2.9.10')).toBeGreaterThan(0);
    expect(compareVersions('2.12.0-RC.1', '2.12.0')).toBe(0);
  });
});

describe('the archives that the apt sources name', () => {
  const bookworm = {
    id: 'debian',
    suite: 'bookworm',
    newerSuite: 'testing',
    component: 'main',
    keyring: '/keyring',
  };

  it('are those of the machine suite and component, each once, likeliest first', () => {
    const answer = [
      'http://a.invalid/ stable main',
      'http://b.invalid/ bookworm main',
      'http://b.invalid/ bookworm main',
      'http://b.invalid/ bookworm contrib',
      'http://b.invalid/ bookworm-updates main',
      'http://c.invalid/ bookworm-security main',
      'http://d.invalid/ nodistro main',
      '',
    ].join('\n');
    expect(archivesIn(answer, bookworm)).toEqual([
      { url: 'http://b.invalid/', suite: 'bookworm' },
      { url: 'http://a.invalid/', suite: 'stable' },
    ]);
  });

  it('are none when apt knows no such source', () => {
    expect(archivesIn('', bookworm)).toEqual([]);
  });
});

describe('the delay before a restart', () => {
  it('is none at first, then doubles up to ten seconds', () => {
    const delay = new RestartDelay();
    let now = 0;
    const delays = Array.from({ length: 9 }, () => {
      const wait = delay.next(now);
      now += wait;
      return wait;
    });
    expect(delays).toEqual([0, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
  });

  it('is none again after ten healthy seconds, and not before', () => {
    const delay = new RestartDelay();
    expect([delay.next(0), delay.next(1_000)]).toEqual([0, 200]);
    expect(delay.next(11_199)).toBe(400);
    expect(delay.next(11_199 + 10_400)).toBe(0);
  });
});
