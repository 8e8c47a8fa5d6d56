// Hostile inputs that point where a node must not look, or where what it finds is hostile: files, uploads, web servers.
import { execFileSync } from 'node:child_process';
import { mkdir, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import * as bytes from './hostile-bytes.ts';
import {
  dead,
  type Expected,
  type HostileInput,
  type HostileWorld,
  jsonMessage,
  kept,
} from './hostile-input.ts';
import type { Answer } from './scripted-http-server.ts';

const MIB = 1024 * 1024;
type Uri = (world: HostileWorld) => string | Promise<string>;
type Remark = { readonly remark: string };

function reference(
  by: HostileInput['by'],
  name: string,
  what: string,
  expected: Expected,
  uri: Uri,
  more?: Remark,
): HostileInput {
  return {
    name,
    what,
    by,
    expected,
    ...more,
    make: async (world) => [jsonMessage({ uri: await uri(world), id: name })],
  };
}

const inRoot = ({ root }: HostileWorld, name: string) => pathToFileURL(join(root, name)).href;

const FILES: readonly HostileInput[] = [
  reference(
    'file',
    'file-passwd',
    '`file:///etc/passwd`',
    dead('source_not_allowed'),
    () => 'file:///etc/passwd',
  ),
  reference(
    'file',
    'file-environment',
    '`file:///proc/self/environ`',
    dead('source_not_allowed'),
    () => 'file:///proc/self/environ',
  ),
  reference(
    'file',
    'file-link',
    'a link that leads out of the root',
    dead('source_not_allowed'),
    async (world) => {
      await symlink('/etc/passwd', join(world.root, 'link.jpg'));
      return inRoot(world, 'link.jpg');
    },
  ),
  reference(
    'file',
    'file-traversal',
    '`..` out of the root, percent-encoded',
    dead('source_not_allowed'),
    ({ root }) => `${pathToFileURL(root).href}/%2e%2e/%2E%2E/%2e%2e/%2e%2e/etc/passwd`,
  ),
  reference(
    'file',
    'file-encoded-slash',
    'a percent-encoded slash',
    dead('source_not_allowed'),
    ({ root }) => `${pathToFileURL(root).href}/..%2f..%2f..%2fetc%2fpasswd`,
  ),
  reference('file', 'file-zero-byte', 'a path with a zero byte', dead('not_found'), (world) =>
    inRoot(world, 'a.jpg').replace('a.jpg', 'a.jpg%00.png'),
  ),
  reference(
    'file',
    'file-other-host',
    '`file://server/share/a.jpg`',
    dead('source_not_allowed'),
    () => 'file://server/share/a.jpg',
  ),
  reference('file', 'file-directory', 'a directory', dead('not_found'), async (world) => {
    await mkdir(join(world.root, 'folder.jpg'));
    return inRoot(world, 'folder.jpg');
  }),
  reference('file', 'file-pipe', 'a named pipe', dead('not_found'), async (world) => {
    execFileSync('mkfifo', [join(world.root, 'pipe.jpg')]);
    return inRoot(world, 'pipe.jpg');
  }),
  reference('file', 'file-sparse', 'a sparse file of 100 GiB', dead('too_large'), async (world) => {
    await writeFile(join(world.root, 'sparse.jpg'), '');
    await truncate(join(world.root, 'sparse.jpg'), 100 * 1024 * MIB);
    return inRoot(world, 'sparse.jpg');
  }),
  reference('file', 'file-gone', 'a file that is gone', dead('not_found'), async (world) => {
    await writeFile(join(world.root, 'gone.jpg'), 'x');
    await rm(join(world.root, 'gone.jpg'));
    return inRoot(world, 'gone.jpg');
  }),
];

const UPLOADS: readonly HostileInput[] = [
  reference('upload', 'upload-100-mb', 'an upload of 100 MB', dead('too_large'), ({ upload }) =>
    upload('hostile/100-mb', zeros(100)),
  ),
  reference('upload', 'upload-9-mb', 'a JPEG with 9 MB behind it', kept, async ({ upload }) =>
    upload('hostile/9-mb', Buffer.concat([await bytes.jpeg('upload-9-mb'), Buffer.alloc(9_000_000)])),
  ),
  reference(
    'upload',
    'upload-damaged',
    'an upload without the bytes that are described',
    dead('fetch_failed'),
    (world) => world.describe('damaged', { nuid: 'none', size: 5, chunks: 1, digest: 'SHA-256=none' }),
  ),
  reference(
    'upload',
    'upload-nonsense',
    'an upload whose description makes no sense',
    dead('fetch_failed'),
    (world) => world.describe('nonsense', { nuid: '>', size: -1 }),
  ),
  reference(
    'upload',
    'upload-lies',
    'an upload described as 1 kB in 1,000,000,000 parts',
    dead('fetch_failed'),
    (world) => world.describe('lies', { nuid: 'none', size: 1_000, chunks: 1_000_000_000 }),
  ),
  reference(
    'upload',
    'upload-long-name',
    'an upload with a name of 8 kB',
    dead('not_found'),
    () => `obj://troupe-uploads/${'a'.repeat(8_000)}`,
  ),
  reference(
    'upload',
    'upload-absent',
    'an upload that is not there',
    dead('not_found'),
    () => 'obj://troupe-uploads/hostile/absent',
  ),
  reference(
    'upload',
    'upload-other-bucket',
    'an object of another bucket',
    dead('not_found'),
    () => 'obj://troupe-manifests-photos/head',
  ),
];

const URIS: readonly HostileInput[] = (
  [
    ['uri-data', '`data:image/png;base64,…`', 'data:image/png;base64,iVBORw0KGgo='],
    ['uri-javascript', '`javascript:…`', 'javascript:alert(1)'],
    ['uri-ftp', '`ftp://…`', 'ftp://example.org/a.jpg'],
    ['uri-gopher', '`gopher://…`', 'gopher://127.0.0.1:6379/_FLUSHALL'],
    ['uri-path', 'a path instead of a URI', '/etc/passwd'],
    ['uri-prototype', 'the scheme `__proto__`', '__proto__://a'],
    ['uri-bucket', '`s3://` of a bucket that is not named', 's3://secrets/a.jpg'],
  ] as const
).map(([name, what, uri]) => reference('URI', name, what, dead('source_not_allowed'), () => uri));

const WEB: readonly HostileInput[] = [
  reference('web', 'web-loopback', 'a loopback address', dead('address_not_allowed'), ({ url }) =>
    url('/good.jpg', '127.0.0.1'),
  ),
  reference('web', 'web-loopback-6', 'the loopback address of IPv6', dead('address_not_allowed'), ({ url }) =>
    url('/good.jpg', '[::1]'),
  ),
  reference(
    'web',
    'web-loopback-number',
    'a loopback address written as one number',
    dead('address_not_allowed'),
    ({ url }) => url('/good.jpg', '2130706433'),
  ),
  reference('web', 'web-mapped', 'a private IPv4 address in IPv6', dead('address_not_allowed'), ({ url }) =>
    url('/good.jpg', '[::ffff:10.0.0.5]'),
  ),
  reference(
    'web',
    'web-private',
    'a private address',
    dead('address_not_allowed'),
    () => 'http://10.0.0.5/a.jpg',
  ),
  reference(
    'web',
    'web-metadata',
    'the address of cloud metadata',
    dead('address_not_allowed'),
    () => 'http://169.254.169.254/latest/meta-data/',
  ),
  reference(
    'web',
    'web-name',
    'a name that resolves to an address inside',
    dead('address_not_allowed'),
    ({ url }) => url('/good.jpg', 'localhost'),
  ),
  reference(
    'web',
    'web-redirect-inside',
    'a redirect to a private address',
    dead('address_not_allowed'),
    ({ url }) => url('/inside'),
  ),
  reference(
    'web',
    'web-redirect-name',
    'a redirect to a name that resolves inside',
    dead('address_not_allowed'),
    ({ url }) => url('/inside-by-name'),
  ),
  reference(
    'web',
    'web-redirect-file',
    'a redirect to `file:///etc/passwd`',
    dead('source_not_allowed'),
    ({ url }) => url('/passwd'),
  ),
  reference('web', 'web-redirect-loop', 'a redirect to itself', dead('too_many_redirects'), ({ url }) =>
    url('/loop'),
  ),
  reference('web', 'web-password', 'a URL with user and password', dead('source_not_allowed'), ({ url }) =>
    url('/good.jpg').replace('http://', 'http://user:secret@'),
  ),
  reference('web', 'web-endless', 'a server that never ends', dead('too_large'), ({ url }) =>
    url('/endless'),
  ),
  reference('web', 'web-stalls', 'a server that stalls', dead('fetch_timeout'), ({ url }) => url('/stalls')),
  reference('web', 'web-announces-1-tb', 'an answer that announces 1 TB', dead('too_large'), ({ url }) =>
    url('/announces'),
  ),
  reference(
    'web',
    'web-gzip-bomb',
    'an answer of 300 kB that unpacks to 300 MB',
    dead('too_large'),
    ({ url }) => url('/bomb'),
  ),
  reference(
    'web',
    'web-broken-gzip',
    'an answer that is not compressed as it says',
    dead('fetch_failed'),
    ({ url }) => url('/broken-gzip'),
  ),
  reference('web', 'web-hangs-up', 'a server that hangs up in the middle', dead('fetch_failed'), ({ url }) =>
    url('/hangs-up'),
  ),
  reference(
    'web',
    'web-nobody',
    'a port where nobody listens',
    dead('fetch_failed'),
    ({ url }) => url('/a.jpg').replace(/:\d+/, ':9'),
    { remark: 'after `sources.breaker.giveUpAfterMs`' },
  ),
  reference('web', 'web-page', 'a page instead of a picture', dead('corrupt_image'), ({ url }) =>
    url('/page'),
  ),
];

/** What the web server answers. */
export function hostileAnswers(): Readonly<Record<string, Answer>> {
  const bomb = gzipSync(Buffer.alloc(300_000_000));
  const redirect =
    (to: (port: number) => string): Answer =>
    ({ socket }, response) =>
      void response.writeHead(302, { Location: to(socket.localPort ?? 0) }).end();
  return {
    '/inside': redirect(() => 'http://10.0.0.5/a.jpg'),
    '/inside-by-name': redirect((port) => `http://localhost:${port}/a.jpg`),
    '/passwd': redirect(() => 'file:///etc/passwd'),
    '/loop': redirect(() => '/loop'),
    '/endless': (_, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(64 * 1024)));
        response.once('drain', more);
      };
      more();
    },
    '/stalls': (_, response) => void response.write('a part'),
    '/announces': (_, response) => void response.writeHead(200, { 'Content-Length': 10 ** 12 }).write('x'),
    '/bomb': (_, response) => void response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(bomb),
    '/broken-gzip': (_, response) =>
      void response.writeHead(200, { 'Content-Encoding': 'gzip' }).end('no gzip at all'),
    '/hangs-up': (_, response) => {
      response.writeHead(200, { 'Content-Length': 1_000 });
      response.write('x', () => response.destroy());
    },
    '/page': (_, response) => void response.end('<!doctype html><title>Sign in</title>'),
  };
}

export const HOSTILE_REFERENCES: readonly HostileInput[] = [...FILES, ...UPLOADS, ...URIS, ...WEB];

async function* zeros(megabytes: number): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < megabytes; at++) yield Buffer.alloc(1_000_000);
}
