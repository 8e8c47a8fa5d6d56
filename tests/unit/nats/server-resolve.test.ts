import { describe, expect, it } from 'vitest';
import {
  BinaryCache,
  type Machine,
  NatsServerNotFound,
  NatsServerUnusable,
  PINNED_RELEASE,
  ReleaseSource,
  resolveNatsServer,
} from '../../../nats/server/index.ts';
import {
  FakeMachine,
  type FakeMachineOptions,
  type FakeProgram,
  natsServerFile,
  says,
} from '../../support/fake-machine.ts';

const cacheRoot = '/home/someone/.cache/troupe/nats-server';
const osRelease = 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n';
const mirror = 'http://mirror.invalid/debian/';

/** apt and dpkg of a Debian 12 machine whose mirror has these suites, each with a nats-server of a version. */
function debian(suites: Readonly<Record<string, string>>, more: FakeMachineOptions = {}): FakeMachine {
  const apt: FakeProgram = (args, options, machine) => {
    if (args[0] === '--version') return says('apt 2.6');
    if (args[0] === 'indextargets') {
      return says(
        `${mirror} bookworm main\n${mirror} bookworm-updates main\nhttp://other.invalid/ nodistro main\n`,
      );
    }
    const configuration = args[1] ?? '';
    const sources = machine.files.get(configuration.replace('apt.conf', 'sources.list')) ?? '';
    const version = suites[sources.split(' ')[3] ?? ''];
    if (version === undefined) return { status: 100, stdout: '', stderr: 'W: warned\nE: no such suite\n' };
    if (args[2] === 'download') {
      machine.files.set(`${options.workingDirectory}/nats-server_${version}_amd64.deb`, version);
    }
    return says('');
  };
  const dpkg: FakeProgram = (args, _options, machine) => {
    if (args[0] === '-x') {
      const version = machine.files.get(args[1] ?? '') ?? '';
      machine.files.set(`${args[2]}/usr/sbin/nats-server`, natsServerFile(version));
    }
    return says('');
  };
  return new FakeMachine({
    ...more,
    programs: { 'apt-get': apt, dpkg, ...more.programs },
    files: { '/etc/os-release': osRelease, ...more.files },
  });
}

function cached(version: string, origin: object): Record<string, string> {
  return {
    [`${cacheRoot}/${version}-linux-x64/nats-server`]: natsServerFile(version),
    [`${cacheRoot}/${version}-linux-x64/origin.json`]: JSON.stringify(origin),
  };
}

async function failure(machine: Machine): Promise<NatsServerNotFound> {
  const error = await resolveNatsServer({ machine }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof NatsServerNotFound)) throw new Error(`expected NatsServerNotFound, got ${error}`);
  return error;
}

describe('the search for a nats-server', () => {
  it('tries its steps in the documented order and reports each with its outcome and its remedy', async () => {
    const error = await failure(new FakeMachine());
    expect(error.attempts.map((attempt) => attempt.step)).toEqual([
      '--server or NATS_URL',
      'NATS_SERVER_BIN',
      'nats-server on PATH',
      'cache',
      `official release ${PINNED_RELEASE.version}`,
      "Debian's testing package",
      "the distribution's own package",
    ]);
    for (const attempt of error.attempts) {
      expect(error.message).toContain(`${attempt.step}: ${attempt.outcome}: ${attempt.detail}`);
      expect(error.message).toContain(`remedy: ${attempt.remedy}`);
    }
    expect(error.message).toContain('NATS_SERVER_BIN=/path/to/nats-server');
    expect(error.message).toContain('--server nats://');
  });

  it('names Homebrew as the remedy on macOS', async () => {
    const error = await failure(new FakeMachine({ platform: 'darwin', architecture: 'arm64' }));
    expect(error.attempts.find((attempt) => attempt.step.endsWith('PATH'))?.remedy).toBe(
      'brew install nats-server',
    );
    expect(error.message).toContain('no checksum is pinned for darwin-arm64');
  });

  it('takes the program that NATS_SERVER_BIN names before any other', async () => {
    const machine = new FakeMachine({
      environment: { NATS_SERVER_BIN: '/opt/mine', PATH: '/usr/bin' },
      files: { '/opt/mine': natsServerFile('2.12.1'), '/usr/bin/nats-server': natsServerFile('2.15.1') },
    });
    const found = await resolveNatsServer({ machine });
    expect(found).toMatchObject({ binary: '/opt/mine', version: '2.12.1', origin: 'NATS_SERVER_BIN' });
  });

  it.each([
    ['does not exist', {}],
    ['is another program', { '/opt/mine': 'true 9.1' }],
    ['is too old', { '/opt/mine': natsServerFile('2.1.9') }],
  ])('fails at once when the program that NATS_SERVER_BIN names %s', async (_why, files) => {
    const machine = new FakeMachine({
      environment: { NATS_SERVER_BIN: '/opt/mine', PATH: '/usr/bin' },
      files: { ...files, '/usr/bin/nats-server': natsServerFile('2.15.1') },
    });
    await expect(resolveNatsServer({ machine })).rejects.toThrow(NatsServerUnusable);
  });

  it('passes over programs on PATH that are too old, and relative entries', async () => {
    const machine = new FakeMachine({
      environment: { PATH: 'bin:/old:/new' },
      files: {
        'bin/nats-server': natsServerFile('2.15.1'),
        '/old/nats-server': natsServerFile('2.9.9'),
        '/new/nats-server': natsServerFile('2.9.10'),
      },
    });
    expect(await resolveNatsServer({ machine })).toMatchObject({
      binary: '/new/nats-server',
      version: '2.9.10',
    });
  });

  it('takes the newest cached program, compared by number', async () => {
    const machine = new FakeMachine({
      files: {
        ...cached('2.9.10', { from: 'release', onRequest: false }),
        ...cached('2.15.1', { from: 'newer suite', suite: 'testing', onRequest: false }),
      },
    });
    expect(await resolveNatsServer({ machine })).toMatchObject({ version: '2.15.1', origin: 'cache' });
  });

  it('honours XDG_CACHE_HOME', async () => {
    const machine = debian({ testing: '2.15.1' }, { environment: { XDG_CACHE_HOME: '/elsewhere' } });
    const { binary } = await resolveNatsServer({ machine });
    expect(binary).toBe('/elsewhere/troupe/nats-server/2.15.1-linux-x64/nats-server');
  });

  it('fetches from the newer suite, then from the cache without asking apt again', async () => {
    const machine = debian({ testing: '2.15.1', bookworm: '2.9.10' });
    const first = await resolveNatsServer({ machine });
    expect(first).toMatchObject({ version: '2.15.1', origin: "Debian's testing package" });
    machine.commands.length = 0;
    expect(await resolveNatsServer({ machine })).toMatchObject({ binary: first.binary, origin: 'cache' });
    expect(machine.commands.filter((command) => command.startsWith('apt'))).toEqual([]);
  });

  it("falls back to the machine's own suite and says why the newer one failed", async () => {
    const found = await resolveNatsServer({ machine: debian({ bookworm: '2.9.10' }) });
    expect(found).toMatchObject({ version: '2.9.10', origin: "the distribution's own package" });
    const newer = found.attempts.find((attempt) => attempt.step === "Debian's testing package");
    expect(newer).toMatchObject({ outcome: 'failed', detail: 'apt-get update: E: no such suite' });
  });

  it('does not give a version that was fetched on request to those who asked for any', async () => {
    const machine = debian({ testing: '2.15.1', bookworm: '2.9.10' });
    expect((await resolveNatsServer({ machine, wish: 'distribution' })).version).toBe('2.9.10');
    expect((await resolveNatsServer({ machine })).version).toBe('2.15.1');
  });

  it('gives it to them when nothing else can be had, and from then on without a search', async () => {
    const online = debian({ bookworm: '2.9.10' });
    await resolveNatsServer({ machine: online, wish: 'distribution' });
    const offline = debian({}, { files: Object.fromEntries(online.files) });
    expect((await resolveNatsServer({ machine: offline })).origin).toBe("the distribution's own package");
    expect((await resolveNatsServer({ machine: offline })).origin).toBe('cache');
  });

  it('leaves nothing behind in the temporary folder or the cache but the program and its origin', async () => {
    const machine = debian({ testing: '2.15.1' });
    await resolveNatsServer({ machine });
    const left = [...machine.files.keys()].filter(
      (path) => path.startsWith('/tmp') || path.startsWith(cacheRoot),
    );
    expect(left.sort()).toEqual([
      `${cacheRoot}/2.15.1-linux-x64/nats-server`,
      `${cacheRoot}/2.15.1-linux-x64/origin.json`,
    ]);
  });
});

describe('the official release', () => {
  const url = 'https://mirror.invalid/nats/v2.14.5/nats-server-v2.14.5-linux-x64.tar.gz'.replace(
    'x64',
    'amd64',
  );
  const tar: FakeProgram = (args, _options, machine) => {
    machine.files.set(`${args[3]}/${args[4]}`, natsServerFile('2.14.5'));
    return says('');
  };
  const environment = { TROUPE_NATS_DOWNLOAD_URL: 'https://mirror.invalid/nats/' };

  it('is fetched from the mirror that is named, verified and kept', async () => {
    const web = { [url]: PINNED_RELEASE.sha256['linux-x64'] ?? '' };
    const machine = new FakeMachine({ environment, web, programs: { tar } });
    const found = await resolveNatsServer({ machine });
    expect(found).toMatchObject({ version: '2.14.5', binary: `${cacheRoot}/2.14.5-linux-x64/nats-server` });
  });

  it('is refused, and never run, when its checksum is another one', async () => {
    const machine = new FakeMachine({ environment, web: { [url]: 'f'.repeat(64) }, programs: { tar } });
    const source = new ReleaseSource(machine, new BinaryCache(machine));
    await expect(source.find()).rejects.toThrow(`got ${'f'.repeat(64)}`);
    expect(machine.commands).toEqual([]);
    expect([...machine.files.keys()]).toEqual([]);
  });

  it('is not asked for when TROUPE_NATS_NO_DOWNLOAD is 1', async () => {
    const machine = new FakeMachine({ environment: { TROUPE_NATS_NO_DOWNLOAD: '1' } });
    expect((await failure(machine)).message).toContain('forbidden by TROUPE_NATS_NO_DOWNLOAD=1');
    expect(machine.downloads).toEqual([]);
  });
});
