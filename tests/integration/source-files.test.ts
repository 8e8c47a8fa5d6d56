// What is read of the node's own disk, and what is refused.
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FileSource } from '../../actors/sources/file-source.ts';
import { admitAll } from '../support/admit-all.ts';

let folder: string;
let root: string;
const uri = (...path: readonly string[]) => pathToFileURL(join(root, ...path)).href;
const read = (reference: string, roots = [root]) =>
  new FileSource(roots).read(reference, { maxBytes: 1_000, admit: admitAll });

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'troupe-files-')));
  root = join(folder, 'root');
  await mkdir(join(root, 'deep'), { recursive: true });
  await mkdir(join(folder, 'root-beside'));
  await writeFile(join(root, 'a.jpg'), 'content');
  await writeFile(join(root, 'ü %20.jpg'), 'odd name');
  await writeFile(join(root, 'empty'), '');
  await writeFile(join(root, 'large'), Buffer.alloc(1_001));
  await writeFile(join(folder, 'secret'), 'secret');
  await writeFile(join(folder, 'root-beside', 'b.jpg'), 'beside');
  await symlink('a.jpg', join(root, 'inner-link'));
  await symlink(join(folder, 'secret'), join(root, 'link'));
  await symlink(folder, join(root, 'deep', 'up'));
  await symlink('loop', join(root, 'loop'));
  execFileSync('mkfifo', [join(root, 'pipe')]);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('a file source', () => {
  it('reads regular files below its roots, also through links that stay inside', async () => {
    expect(Buffer.from(await read(uri('a.jpg'))).toString()).toBe('content');
    expect(Buffer.from(await read(uri('inner-link'))).toString()).toBe('content');
    expect(Buffer.from(await read(uri('ü %20.jpg'))).toString()).toBe('odd name');
    expect(await read(uri('empty'))).toHaveLength(0);
  });

  it.each([
    ['/etc/passwd', () => 'file:///etc/passwd', 'source_not_allowed'],
    ['a path that does not exist outside', () => 'file:///etc/nowhere', 'source_not_allowed'],
    ['a path out of the root', () => `${uri('deep')}/../../secret`, 'source_not_allowed'],
    ['an encoded path out of the root', () => `${uri('deep')}/%2e%2e/%2e%2e/secret`, 'source_not_allowed'],
    ['an encoded slash', () => `${uri('deep')}/..%2f..%2fsecret`, 'source_not_allowed'],
    ['a neighbour whose name begins like the root', () => `${uri()}-beside/b.jpg`, 'source_not_allowed'],
    ['a link out of the root', () => uri('link'), 'source_not_allowed'],
    ['a folder link out of the root', () => uri('deep', 'up', 'secret'), 'source_not_allowed'],
    ['another host', () => 'file://elsewhere/a.jpg', 'source_not_allowed'],
    ['a pipe that nobody writes to', () => uri('pipe'), 'not_found'],
    ['a folder', () => uri('deep'), 'not_found'],
    ['nothing', () => uri('absent'), 'not_found'],
    ['a link to itself', () => uri('loop'), 'not_found'],
    ['a name below a file', () => uri('a.jpg', 'b'), 'not_found'],
    ['a file above the limit', () => uri('large'), 'too_large'],
  ])('refuses %s', async (_what, reference, code) => {
    await expect(read(reference())).rejects.toMatchObject({ name: 'ItemFailure', code });
  });

  it('refuses every file when it has no root, and tells nothing of the disk', async () => {
    const failures = await Promise.all(
      ['file:///etc/passwd', 'file:///etc/nowhere'].map((reference) =>
        read(reference, []).catch((error: unknown) => error),
      ),
    );
    expect(failures).toMatchObject([{ code: 'source_not_allowed' }, { code: 'source_not_allowed' }]);
  });
});
