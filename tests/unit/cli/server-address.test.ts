// Which server a command talks to: flags, environment, named context, running system, selected context.
import { describe, expect, it } from 'vitest';
import { CommandError, UsageError } from '../../../cli/command-error.ts';
import { resolveServerAddress, type ServerOptions } from '../../../cli/server-address.ts';

const LAPTOP = { '/data/server.json': '{"url":"nats://127.0.0.1:5000","token":"secret","pid":7}' };
const CONTEXTS = {
  '/home/x/.config/nats/context.txt': 'prod\n',
  '/home/x/.config/nats/context/prod.json':
    '{"description":"","url":"nats://a:4222,nats://b:4222","user":"","creds":"/prod.creds","inbox_prefix":"_I"}',
};

function resolve(
  given: { flags?: ServerOptions; env?: Record<string, string>; files?: Record<string, string> } = {},
) {
  const files: Record<string, string> = given.files ?? { ...LAPTOP, ...CONTEXTS };
  return resolveServerAddress({
    flags: given.flags ?? {},
    env: { HOME: '/home/x', ...given.env },
    dataDir: '/data',
    readText: (path) => files[path],
  });
}

describe('the server of a command', () => {
  it('is the one of --server before all others', () => {
    const found = resolve({
      flags: { server: 'nats://f:1', context: 'prod', token: 't' },
      env: { NATS_URL: 'nats://e:1' },
    });
    expect(found).toMatchObject({
      servers: ['nats://f:1'],
      origin: '--server',
      token: 't',
      creds: '/prod.creds',
    });
  });

  it('is that of NATS_URL with its credentials before a context', () => {
    const found = resolve({ env: { NATS_URL: 'nats://e:1', NATS_TOKEN: 't', NATS_CONTEXT: 'prod' } });
    expect(found).toMatchObject({ servers: ['nats://e:1'], origin: 'NATS_URL', token: 't' });
  });

  it('is that of a named context, without its empty fields', () => {
    expect(resolve({ flags: { context: 'prod' } })).toEqual({
      servers: ['nats://a:4222', 'nats://b:4222'],
      origin: 'context prod',
      creds: '/prod.creds',
      inboxPrefix: '_I',
    });
  });

  it('is the running laptop system when nothing is named, even if the nats CLI has a selected context', () => {
    expect(resolve()).toEqual({
      servers: ['nats://127.0.0.1:5000'],
      origin: '/data/server.json',
      token: 'secret',
    });
  });

  it('is the selected context when no laptop system runs', () => {
    expect(resolve({ files: CONTEXTS })).toMatchObject({
      servers: ['nats://a:4222', 'nats://b:4222'],
      origin: 'selected context prod',
    });
  });

  it('does not give the token of the laptop system to another server', () => {
    expect(resolve({ flags: { server: 'nats://f:1' } })).not.toHaveProperty('token');
  });

  it('is not found without any of them, and the error says what to do', () => {
    expect(() => resolve({ files: {} })).toThrow(
      new CommandError(
        'no_running_system',
        'no running system found in /data; start one with `troupe up` or give --server',
      ),
    );
    expect(() => resolve({ files: { '/data/server.json': '{' } })).toThrow(CommandError);
  });

  it('is not the laptop system that was stopped', () => {
    const record = (state: string) => ({ '/data/server.json': `{"state":"${state}","url":"nats://l:1"}` });
    expect(resolve({ files: record('running') })).toMatchObject({ servers: ['nats://l:1'] });
    expect(() => resolve({ files: record('stopped') })).toThrow(CommandError);
  });

  it.each(['missing', '../../../etc/secret', '..'])(
    'refuses the context %s, which does not exist',
    (context) => {
      expect(() => resolve({ flags: { context } })).toThrow(UsageError);
    },
  );
});
