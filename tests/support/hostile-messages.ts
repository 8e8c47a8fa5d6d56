// Hostile inputs whose message is what is wrong with them: JSON, ids, headers, digests, times.
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as bytes from './hostile-bytes.ts';
import {
  bytesMessage,
  dead,
  type Expected,
  type HostileInput,
  type HostileMessage,
  type HostileWorld,
  jsonMessage,
  kept,
} from './hostile-input.ts';

const MIB = 1024 * 1024;
type Header = Readonly<Record<string, string>>;
type Body = (uri: string, file: Buffer) => object | string | Uint8Array;
type Remark = { readonly remark: string };

/** A JSON message about a good picture of its own. */
function json(name: string, what: string, expected: Expected, body: Body, more?: Remark): HostileInput {
  return {
    name,
    what,
    by: 'JSON',
    expected,
    ...more,
    make: async (world) => {
      const { uri, file } = await goodFile(world, name);
      return [jsonMessage(body(uri, file))];
    },
  };
}

/** A good picture with these headers. */
function header(
  name: string,
  what: string,
  expected: Expected,
  headers: Header,
  more?: Remark,
): HostileInput {
  return {
    name,
    what,
    by: 'header',
    expected,
    ...more,
    make: async () => [bytesMessage(name, await bytes.jpeg(name), headers)],
  };
}

async function goodFile({ root }: HostileWorld, name: string) {
  const file = await bytes.jpeg(name);
  const path = join(root, `${name}.jpg`);
  await writeFile(path, file);
  return { uri: pathToFileURL(path).href, file };
}

const sha256 = (file: Uint8Array) => createHash('sha256').update(file).digest('hex');

const JSON_MESSAGES: readonly HostileInput[] = [
  json('json-invalid', 'invalid JSON', dead('bad_envelope'), () => '{ "uri": '),
  json('json-deep', 'JSON nested 10,000 deep', dead('bad_envelope'), (uri) => {
    const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
    return `{"uri":${JSON.stringify(uri)},"id":"json-deep","metadata":{"deep":${deep}}}`;
  }),
  json('json-array', 'a JSON array', dead('bad_envelope'), (uri) => [uri]),
  json('json-null', 'the JSON value null', dead('bad_envelope'), () => 'null'),
  json('json-unknown-member', 'JSON with an unknown member', dead('bad_envelope'), (uri) => ({
    uri,
    id: 'json-unknown-member',
    path: '/etc/passwd',
  })),
  json('json-number-as-id', 'JSON whose id is a number', dead('bad_envelope'), (uri) => ({ uri, id: 7 })),
  json('json-bad-utf8', 'JSON with bytes that are not UTF-8', dead('bad_envelope'), (uri) =>
    Buffer.concat([
      Buffer.from(`{"uri":${JSON.stringify(uri)},"id":"`),
      Buffer.from([0xc3, 0x28, 0xff]),
      Buffer.from('"}'),
    ]),
  ),
  json('json-byte-order-mark', 'JSON after a byte order mark', kept, (uri) =>
    Buffer.from(`\ufeff${JSON.stringify({ uri, id: 'json-byte-order-mark' })}`),
  ),
  json('metadata-too-large', 'metadata of 65 KiB', dead('too_large'), (uri) => ({
    uri,
    id: 'metadata-too-large',
    metadata: { text: 'x'.repeat(65 * 1024) },
  })),
  json(
    'metadata-prototype',
    'metadata with the members `__proto__` and `constructor`',
    kept,
    (uri) =>
      `{"uri":${JSON.stringify(uri)},"id":"metadata-prototype","metadata":{"__proto__":{"admin":true},"constructor":1}}`,
    { remark: 'members like any other' },
  ),
  json(
    'metadata-markup',
    'metadata with markup and half a character',
    kept,
    (uri) =>
      `{"uri":${JSON.stringify(uri)},"id":"metadata-markup","metadata":{"a":"<script>alert(1)</script>","b":"\\ud800"}}`,
  ),
  json('uri-1-mb', 'a URI of 1 MB', dead('bad_envelope'), () => ({ uri: `file:///${'a'.repeat(MIB)}` })),
];

const IDS: readonly HostileInput[] = [
  json('id-1-mb', 'an id of 1 MB in JSON', dead('bad_envelope'), (uri) => ({ uri, id: 'a'.repeat(MIB) })),
  header(
    'id-1-mb-header',
    'an id of 1 MB in a header',
    { outcome: 'not accepted' },
    { 'Troupe-Id': 'a'.repeat(MIB) },
    {
      remark: 'the server takes headers of 64 KiB',
    },
  ),
  header('id-60-kb-header', 'an id of 60 kB in a header', dead('bad_header'), {
    'Troupe-Id': 'a'.repeat(60_000),
  }),
  json('id-control', 'an id with control characters in JSON', dead('bad_envelope'), (uri) => ({
    uri,
    id: 'bell\u0007',
  })),
  header(
    'id-control-header',
    'an id with a terminal sequence in a header',
    dead('bad_header'),
    {
      'Troupe-Id': '\u001b[2Jid-control-header',
    },
    { remark: 'commands show it harmlessly' },
  ),
  json('id-half-character', 'an id with half a character', dead('bad_envelope'), (uri) => ({
    uri,
    id: 'half \ud800',
  })),
  json('id-empty', 'an empty id', dead('bad_envelope'), (uri) => ({ uri, id: '' })),
  header(
    'id-bidi',
    'an id with a bidirectional override',
    kept,
    { 'Troupe-Id': 'cod\u202egpj.exe' },
    {
      remark: 'it is a name like any other; commands and reports show the override as such',
    },
  ),
  header(
    'id-traversal',
    'the id `../../etc/passwd`',
    kept,
    { 'Troupe-Id': '../../etc/passwd' },
    {
      remark: 'an export to folders writes inside its folder',
    },
  ),
  header('id-prototype', 'the id `__proto__`', kept, { 'Troupe-Id': '__proto__' }),
  header('id-wildcards', 'an id of subject wildcards', kept, { 'Troupe-Id': 'photos.*.>' }),
  header('id-markup', 'an id with markup', kept, { 'Troupe-Id': '"><script>alert(1)</script>' }),
  {
    name: 'id-taken',
    what: 'a second content under the id of another item',
    by: 'bytes in the message',
    expected: kept,
    remark: 'both stand, and the manifest has a finding',
    make: async () => [
      bytesMessage('id-taken', await bytes.jpeg('id-taken')),
      bytesMessage('id-taken', await bytes.jpeg('id-taken, other content')),
    ],
  },
];

const STATEMENTS: readonly HostileInput[] = [
  json('sha256-wrong', 'a sha256 that is not the content’s', dead('sha256_mismatch'), (uri) => ({
    uri,
    id: 'sha256-wrong',
    sha256: '0'.repeat(64),
  })),
  header('sha256-wrong-header', 'the same in a header', dead('sha256_mismatch'), {
    'Troupe-Sha256': '0'.repeat(64),
  }),
  json('sha256-upper-case', 'the content’s sha256 in capitals', kept, (uri, file) => ({
    uri,
    id: 'sha256-upper-case',
    sha256: sha256(file).toUpperCase(),
  })),
  json('sha256-no-digest', 'a sha256 that is no digest', dead('bad_envelope'), (uri) => ({
    uri,
    id: 'sha256-no-digest',
    sha256: 'yes',
  })),
  header('time-invalid', 'a time that is none', dead('bad_header'), { 'Troupe-Time': 'yesterday' }),
  json('time-impossible', 'the time 2026-02-30', dead('bad_envelope'), (uri) => ({
    uri,
    id: 'time-impossible',
    time: '2026-02-30T12:00:00Z',
  })),
  header(
    'time-without-offset',
    'a time without an offset from UTC',
    dead('bad_header'),
    {
      'Troupe-Time': '2026-01-31T12:00:00',
    },
    { remark: 'it would mean another time on another node' },
  ),
  header(
    'type-lies',
    'a JPEG declared as `image/png`',
    kept,
    { 'Content-Type': 'image/png' },
    {
      remark: 'types are not believed',
    },
  ),
  header('source-control', 'a source with control characters', dead('bad_header'), {
    'Troupe-Source': 'a\u0000b',
  }),
  {
    name: 'source-refused',
    what: 'a reference to `/etc/passwd` from a source that is refused',
    by: 'JSON',
    expected: { outcome: 'rejected' },
    remark: 'nothing is fetched',
    make: async () => [
      jsonMessage({ uri: 'file:///etc/passwd', id: 'source-refused', source: 'banned/feed' }),
    ],
  },
  {
    name: 'message-id-twice',
    what: 'one `Nats-Msg-Id` for the items of two sources',
    by: 'header',
    expected: { outcome: 'stored before' },
    remark: 'ids are unique within the dataset: publishers prefix them with their source',
    make: async () =>
      Promise.all(
        ['one', 'two'].map(async (source): Promise<HostileMessage> => {
          const name = `message-id-twice ${source}`;
          const message = bytesMessage(name, await bytes.jpeg(name), { 'Troupe-Source': source });
          return { ...message, messageId: 'message-id-twice' };
        }),
      ),
  },
  {
    name: 'unknown-dataset',
    what: 'a message for a dataset that does not exist',
    by: 'bytes in the message',
    expected: { outcome: 'not accepted' },
    make: async () => [
      { ...bytesMessage('unknown-dataset', await bytes.jpeg('unknown')), dataset: 'nobody' },
    ],
  },
  {
    name: 'message-9-mb',
    what: 'a message of 9 MiB',
    by: 'bytes in the message',
    expected: { outcome: 'not accepted' },
    remark: '`troupe publish` uploads what is larger than 8 MiB',
    make: async () => [
      bytesMessage('message-9-mb', Buffer.concat([await bytes.jpeg('message-9-mb'), Buffer.alloc(9 * MIB)])),
    ],
  },
];

export const HOSTILE_MESSAGES: readonly HostileInput[] = [...JSON_MESSAGES, ...IDS, ...STATEMENTS];
