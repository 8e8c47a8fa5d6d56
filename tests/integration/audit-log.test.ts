// The audit log on a real nats-server with the generated set-up: what is told of whom, and that nobody takes it back.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SecuredServer } from '../support/secured-server.ts';

interface Line {
  readonly who: string;
  readonly as: string | null;
  readonly command: string;
  readonly operands: readonly string[];
  readonly result: string;
  readonly exitCode: number | null;
}

describe('the audit log', () => {
  let server: SecuredServer;
  let key: string | undefined;
  beforeAll(async () => {
    server = await SecuredServer.start();
    key = (await server.state()).users.find(({ name }) => name === 'operator')?.keys[0]?.publicKey;
    await server.must('operator', 'dataset', 'create', 'cats', 'shards=2', '--as', 'ada');
    await server.must('operator', 'dataset', 'set', 'cats', 'rules.keepAt=0.5');
    await server.run('operator', 'dataset', 'set', 'dogs', 'rules.keepAt=0.5');
    await server.run('operator', 'manifest', 'cut', 'cats');
    await server.must('operator', 'dataset', 'list');
    await server.must('operator', 'dataset', 'delete', 'cats', '--yes');
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  const lines = async (...args: readonly string[]) =>
    JSON.parse((await server.must('operator', 'audit-log', '--json', ...args)).stdout) as readonly Line[];

  it('tells each change with its result under the key that the server knows, and nothing that only reads', async () => {
    const told = await lines();
    expect(
      told.map(({ command, operands, result, exitCode }) => [command, ...operands, result, exitCode]),
    ).toEqual([
      ['dataset create', 'cats', 'shards=2', 'done', 0],
      ['dataset set', 'cats', 'rules.keepAt=0.5', 'done', 0],
      ['dataset set', 'dogs', 'rules.keepAt=0.5', 'failed', 2],
      ['manifest cut', 'cats', 'failed', 3],
      ['dataset delete', 'cats', 'done', 0],
    ]);
    expect(new Set(told.map(({ who }) => who))).toEqual(new Set([key]));
    expect(told[0]?.as).toBe('ada');
  });

  it('is chosen from by command, by who and by number', async () => {
    expect((await lines('--command', 'manifest cut')).map(({ result }) => result)).toEqual(['failed']);
    expect((await lines('--who', 'ada')).map(({ command }) => command)).toEqual(['dataset create']);
    expect(await lines('--who', 'nobody')).toEqual([]);
    expect((await lines('--limit', '1')).map(({ command }) => command)).toEqual(['dataset delete']);
  });

  it('lets nobody who may change nothing begin', async () => {
    await server.secure('add-user', 'watch', '--role', 'viewer');
    const run = await server.run('watch', 'dataset', 'create', 'birds', '--json');
    expect(run).toMatchObject({ code: 1, stderr: expect.stringContaining('"permission_denied"') });
    expect(await lines()).toHaveLength(5);
  });

  it('gives up no line, not even to an operator', async () => {
    const link = await server.link('operator');
    const { streams } = link.manager;
    await expect(streams.deleteMessage('TROUPE_AUDIT', 1)).rejects.toThrow();
    await expect(streams.purge('TROUPE_AUDIT')).rejects.toThrow();
    await expect(streams.delete('TROUPE_AUDIT')).rejects.toThrow();
    await link.close();
    expect(await lines()).toHaveLength(5);
  });
});
