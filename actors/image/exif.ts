// Reads the capture time from an EXIF block. Only the few tags that are needed are looked at, each within bounds: a
// reader of every tag can be made to expand a block of 64 KiB to gigabytes.

/** What an EXIF block says; nothing in it is a failure of the image. */
export interface ExifFacts {
  /** `none`: no block; `malformed`: its structure is broken, so that nothing of it counts. */
  readonly state: 'none' | 'read' | 'malformed';
  /** Seconds since 1970, as the camera's clock had it; read as UTC where no offset stands beside it. */
  readonly captureTime?: number;
}

interface Block {
  readonly view: DataView;
  readonly littleEndian: boolean;
}

const EXIF_POINTER = 0x8769;
/** Tags of the time and of its offset from UTC: when the picture was taken, else when it was digitised. */
const TIME_TAGS = [
  [0x9003, 0x9011],
  [0x9004, 0x9012],
] as const;
const ASCII = 2;
const LONG = 4;
const ENTRY_BYTES = 12;

/** Reads the block as the decoder hands it out, with or without its `Exif` prefix. */
export function readExif(bytes: Uint8Array | undefined): ExifFacts {
  if (bytes === undefined || bytes.length === 0) return { state: 'none' };
  const block = openBlock(bytes);
  if (block === undefined) return { state: 'malformed' };
  const root = readDirectory(block, uint32(block, 4));
  if (root === undefined) return { state: 'malformed' };
  const pointer = root.get(EXIF_POINTER);
  if (pointer === undefined) return { state: 'read' };
  const directory =
    typeOf(block, pointer) === LONG ? readDirectory(block, uint32(block, pointer + 8)) : undefined;
  if (directory === undefined) return { state: 'malformed' };
  for (const [timeTag, offsetTag] of TIME_TAGS) {
    const time = parseTime(text(block, directory.get(timeTag)), text(block, directory.get(offsetTag)));
    if (time !== undefined) return { state: 'read', captureTime: time };
  }
  return { state: 'read' };
}

function openBlock(bytes: Uint8Array): Block | undefined {
  const prefixed = bytes[0] === 0x45 && bytes[1] === 0x78 && bytes[2] === 0x69 && bytes[3] === 0x66;
  const body = prefixed ? bytes.subarray(6) : bytes;
  if (body.length < 8) return undefined;
  const order = String.fromCharCode(body[0] ?? 0, body[1] ?? 0);
  if (order !== 'II' && order !== 'MM') return undefined;
  const block = {
    view: new DataView(body.buffer, body.byteOffset, body.byteLength),
    littleEndian: order === 'II',
  };
  return uint16(block, 2) === 42 ? block : undefined;
}

/** Offsets of a directory's entries by tag; undefined when it does not lie within the block. */
function readDirectory(block: Block, at: number): ReadonlyMap<number, number> | undefined {
  const count = uint16(block, at);
  if (count === undefined) return undefined;
  if (at + 2 + count * ENTRY_BYTES > block.view.byteLength) return undefined;
  const entries = new Map<number, number>();
  for (let index = 0; index < count; index += 1) {
    const entry = at + 2 + index * ENTRY_BYTES;
    const tag = uint16(block, entry) ?? 0;
    if (!entries.has(tag)) entries.set(tag, entry);
  }
  return entries;
}

/** A text of at most 64 characters, without its final zero. */
function text(block: Block, entry: number | undefined): string | undefined {
  if (entry === undefined || typeOf(block, entry) !== ASCII) return undefined;
  const length = uint32(block, entry + 4);
  const at = length <= 4 ? entry + 8 : uint32(block, entry + 8);
  if (length > 64 || at + length > block.view.byteLength) return undefined;
  let found = '';
  for (let index = 0; index < length; index += 1) {
    const code = block.view.getUint8(at + index);
    if (code === 0) break;
    found += String.fromCharCode(code);
  }
  return found;
}

function parseTime(time: string | undefined, offset: string | undefined): number | undefined {
  const parts = /^(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d):(\d\d)$/.exec(time?.trim() ?? '');
  if (parts === null) return undefined;
  const [, year, month, day, hour, minute, second] = parts.map(Number);
  const ms = Date.parse(`${parts[1]}-${parts[2]}-${parts[3]}T${parts[4]}:${parts[5]}:${parts[6]}Z`);
  const date = new Date(ms);
  // A day such as 30 February rolls over: what comes back must be what was written.
  const isReal =
    date.getUTCFullYear() === year &&
    date.getUTCMonth() + 1 === month &&
    date.getUTCDate() === day &&
    date.getUTCHours() === hour &&
    date.getUTCMinutes() === minute &&
    date.getUTCSeconds() === second;
  return isReal ? ms / 1000 - offsetSeconds(offset) : undefined;
}

function offsetSeconds(offset: string | undefined): number {
  const parts = /^([+-])(\d\d):(\d\d)$/.exec(offset?.trim() ?? '');
  if (parts === null) return 0;
  const seconds = Number(parts[2]) * 3600 + Number(parts[3]) * 60;
  return parts[1] === '-' ? -seconds : seconds;
}

function typeOf(block: Block, entry: number): number | undefined {
  return uint16(block, entry + 2);
}

/** Undefined beyond the end of the block. */
function uint16({ view, littleEndian }: Block, at: number): number | undefined {
  return at + 2 <= view.byteLength ? view.getUint16(at, littleEndian) : undefined;
}

/** Beyond the end of the block: an offset at which nothing can lie. */
function uint32({ view, littleEndian }: Block, at: number): number {
  return at + 4 <= view.byteLength ? view.getUint32(at, littleEndian) : Number.MAX_SAFE_INTEGER;
}
