import { execFileSync } from 'node:child_process';
import { link, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FileSource } from '#actors';
import { admitAll } from '../support/admit-all.ts';

let base = '';
let root = '';
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'troupe-files-'));
  root = join(base, 'root');
  await mkdir(join(root, 'folder'), { recursive: true });
  await mkdir(join(base, 'root-2'));
  await writeFile(join(root, 'a b%ö.jpg'), 'inside');
  await writeFile(join(root, 'empty.jpg'), '');
  await writeFile(join(root, '..hidden'), 'inside');
  await writeFile(join(base, 'secret'), 'outside');
  await writeFile(join(base, 'root-2', 'secret'), 'outside');
  await symlink(join(base, 'secret'), join(root, 'out'));
  await symlink(base, join(root, 'up'));
  await symlink(join(root, 'a b%ö.jpg'), join(root, 'in'));
  await symlink(join(root, 'loop'), join(root, 'loop'));
  await symlink(join(base, 'nothing'), join(root, 'dangling'));
  await symlink('/dev/zero', join(root, 'zero'));
  execFileSync('mkfifo', [join(root, 'fifo')]);
});
afterAll(() => rm(base, { recursive: true, force: true }));

const urlOf = (...path: readonly string[]) => pathToFileURL(join(...path)).href;
const read = async (uri: string, maxBytes = 100, roots = [root]) =>
  Buffer.from(await new FileSource(roots).read(uri, { maxBytes, admit: admitAll })).toString();

describe('files under configured roots', () => {
  it('are read, with escapes, and through links that stay inside', async () => {
    expect(await read(urlOf(root, 'a b%ö.jpg'))).toBe('inside');
    expect(await read(urlOf(root, 'in'))).toBe('inside');
    expect(await read(urlOf(root, 'empty.jpg'))).toBe('');
    expect(await read(urlOf(root, '..hidden'))).toBe('inside');
    expect(await read(`file://localhost${new URL(urlOf(root, 'in')).pathname}`)).toBe('inside');
  });

  it('are read when the root itself is a link, and when another root is absent', async () => {
    const alias = join(base, 'alias');
    await symlink(root, alias);
    expect(await read(urlOf(alias, 'in'), 100, [alias])).toBe('inside');
    expect(await read(urlOf(root, 'in'), 100, [join(base, 'absent'), root])).toBe('inside');
  });

  it('are as large as the limit allows, and refused beyond it', async () => {
    expect(await read(urlOf(root, 'in'), 6)).toBe('inside');
    await expect(read(urlOf(root, 'in'), 5)).rejects.toMatchObject({
      name: 'ItemFailure',
      code: 'too_large',
      message: 'expected at most 5 bytes, got 6',
    });
  });
});

describe('what lies outside the roots', () => {
  it.each([
    ['a file beside the root', () => urlOf(base, 'secret')],
    ['a folder whose name begins like the root', () => urlOf(base, 'root-2', 'secret')],
    ['the root itself', () => urlOf(root)],
    ['a link to a file outside', () => urlOf(root, 'out')],
    ['a path through a link to a folder outside', () => urlOf(root, 'up', 'secret')],
    ['dots', () => `${urlOf(root)}/../secret`],
    ['encoded dots', () => `${urlOf(root)}/%2e%2e/secret`],
    ['half encoded dots', () => `${urlOf(root)}/.%2E/secret`],
    ['encoded slashes', () => `${urlOf(root)}/..%2fsecret`],
    ['encoded slashes in capitals', () => `${urlOf(root)}%2F..%2Fsecret`],
    ['a file that does not exist outside', () => urlOf(base, 'nobody')],
    ['a device', () => urlOf(root, 'zero')],
    ['another host', () => `file://host${new URL(urlOf(root, 'in')).pathname}`],
    ['a relative path', () => 'file:root/in'],
    ['something that is no URL', () => 'file://%'],
  ])('is refused: %s', async (_what, uri) => {
    await expect(read(uri())).rejects.toMatchObject({ name: 'ItemFailure', code: 'source_not_allowed' });
  });

  it('is everything when no root is configured', async () => {
    await expect(read(urlOf(root, 'in'), 100, [])).rejects.toMatchObject({
      code: 'source_not_allowed',
      message: expect.stringContaining('files.roots is empty'),
    });
  });
});

describe('what is no file', () => {
  it.each([
    ['nothing', () => urlOf(root, 'nobody')],
    ['a path below a file', () => urlOf(root, 'in', 'below')],
    ['a folder', () => urlOf(root, 'folder')],
    ['a link to itself', () => urlOf(root, 'loop')],
    ['a name with a zero byte', () => `${urlOf(root)}/a%00b`],
    ['a name longer than any file has', () => `${urlOf(root)}/${'x'.repeat(5_000)}`],
  ])('is not found: %s', async (_what, uri) => {
    await expect(read(uri())).rejects.toMatchObject({ name: 'ItemFailure', code: 'not_found' });
  });

  it('is refused or not found, and no bug, behind a link that leads nowhere', async () => {
    await expect(read(urlOf(root, 'dangling'))).rejects.toMatchObject({ name: 'ItemFailure' });
  });

  it('is a FIFO: opening it does not wait for a writer', { timeout: 5_000 }, async () => {
    await expect(read(urlOf(root, 'fifo'))).rejects.toMatchObject({ name: 'ItemFailure', code: 'not_found' });
  });

  it('is a socket', async () => {
    const path = join(root, 'socket');
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    await expect(read(urlOf(root, 'socket'))).rejects.toMatchObject({
      name: 'ItemFailure',
      code: 'not_found',
    });
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('a hard link', () => {
  it('is a file like any other: who may write in a root decides what is in it', async () => {
    await link(join(base, 'secret'), join(root, 'hard'));
    expect(await read(urlOf(root, 'hard'))).toBe('outside');
  });
});

describe('a root that is away', () => {
  const away = { name: 'PassingFailure', code: 'fetch_failed', failureClass: 'recoverable', ofSource: true };

  it('says nothing about the files in it: they can be had once it is back', async () => {
    const later = join(base, 'later');
    const uri = urlOf(later, 'a.jpg');
    await expect(read(uri, 100, [root, later])).rejects.toMatchObject(away);
    await mkdir(later);
    await writeFile(join(later, 'a.jpg'), 'back');
    expect(await read(uri, 100, [root, later])).toBe('back');
  });

  it('has a breaker by its name, and a path outside of every root has none', () => {
    const source = new FileSource([root, join(base, 'later')]);
    expect(source.placeOf(urlOf(base, 'later', 'x', 'a.jpg'))).toBe(`file://${join(base, 'later')}`);
    expect(source.placeOf(urlOf(root, 'in'))).toBe(`file://${root}`);
    expect(source.placeOf(urlOf(base, 'secret'))).toBeUndefined();
    expect(source.placeOf(`${urlOf(root)}/%2e%2e/secret`)).toBeUndefined();
    expect(source.placeOf('file://elsewhere/share/a.jpg')).toBeUndefined();
  });
});
