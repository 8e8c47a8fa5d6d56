// Hostile inputs whose content is what is wrong with them; all come as bytes in the message.
import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import * as bytes from './hostile-bytes.ts';
import { bytesMessage, dead, type Expected, type HostileInput, kept } from './hostile-input.ts';

type Make = () => Uint8Array | Promise<Uint8Array>;
type Remark = { readonly remark: string };

function row(name: string, what: string, expected: Expected, make: Make, more?: Remark): HostileInput {
  return {
    name,
    what,
    by: 'bytes in the message',
    expected,
    ...more,
    make: async () => [bytesMessage(name, await make())],
  };
}

async function half(file: Promise<Buffer>): Promise<Buffer> {
  const whole = await file;
  return whole.subarray(0, Math.floor(whole.length / 2));
}

const rejected: Expected = { outcome: 'rejected' };
const byScore = { remark: 'by its score' };
const gif = (seed: string) => bytes.picture(seed).gif().toBuffer();

const EXPANDING: readonly HostileInput[] = [
  row(
    'png-declares-100000',
    'PNG whose header declares 100,000 × 100,000 pixels',
    dead('too_many_pixels'),
    () =>
      bytes.pngOf(
        { width: 100_000, height: 100_000 },
        bytes.pngChunk('IDAT', deflateSync(Buffer.alloc(100))),
      ),
  ),
  row(
    'png-bomb',
    'decompression bomb: a PNG of 49 kB with 20,000 × 20,000 pixels',
    dead('too_many_pixels'),
    () => bytes.pngBomb(20_000),
  ),
  row(
    'jpeg-declares-60000',
    'JPEG whose header declares 60,000 × 60,000 pixels',
    dead('too_many_pixels'),
    async () => bytes.jpegDeclaring(await bytes.jpeg('jpeg-declares-60000'), 60_000, 60_000),
  ),
  row(
    'jpeg-declares-65535',
    'JPEG whose header declares 65,535 × 65,535 pixels',
    dead('corrupt_image'),
    async () => bytes.jpegDeclaring(await bytes.jpeg('jpeg-declares-65535'), 65_535, 65_535),
    { remark: 'no decoder goes beyond 65,500' },
  ),
  row(
    'jpeg-882-scans',
    'progressive JPEG of 320 kB with 10,000 × 10,000 pixels in 883 scans: half a minute of work',
    dead('too_many_pixels'),
    () => bytes.jpegOfScans(10_000, 882),
    { remark: 'pixels × scans are bounded, too' },
  ),
  row(
    'gif-declares-65535',
    'GIF that declares a screen of 65,535 × 65,535 for a frame of 240 × 180',
    kept,
    async () => bytes.gifDeclaring(await gif('gif-declares-65535'), 65_535, 65_535),
    { remark: 'the frame counts' },
  ),
  row(
    'gif-100000-frames',
    'GIF with 100,001 frames',
    kept,
    () => bytes.gifOfFrames('gif-100000-frames', 100_000),
    { remark: 'the first frame counts, `animated` says so' },
  ),
  row(
    'png-text-bomb',
    'PNG with a compressed text of 300 MB',
    kept,
    async () => bytes.pngWith(await bytes.png('png-text-bomb'), compressed('zTXt', 300_000_000)),
    { remark: 'texts are not read' },
  ),
  row(
    'png-profile-bomb',
    'PNG with a colour profile that expands to 300 MB',
    kept,
    async () => bytes.pngWith(await bytes.png('png-profile-bomb'), compressed('iCCP', 300_000_000)),
    { remark: 'profiles are not applied' },
  ),
  row('png-50000-texts', 'PNG with 50,000 text chunks', kept, async () => {
    const chunks = Array.from({ length: 50_000 }, (_, at) =>
      bytes.pngChunk('tEXt', Buffer.from(`k${at}\0v`)),
    );
    return bytes.pngWith(await bytes.png('png-50000-texts'), ...chunks);
  }),
];

const BROKEN: readonly HostileInput[] = [
  row('empty', '0 bytes', dead('empty'), () => new Uint8Array()),
  row('jpeg-truncated', 'JPEG cut in half', dead('corrupt_image'), () => half(bytes.jpeg('jpeg-truncated'))),
  row('png-broken-crc', 'PNG with a broken CRC', dead('corrupt_image'), async () =>
    bytes.pngWithBrokenSum(await bytes.png('png-broken-crc')),
  ),
  row('png-interlaced-truncated', 'interlaced PNG cut in half', dead('corrupt_image'), () =>
    half(bytes.picture('interlaced').png({ progressive: true }).toBuffer()),
  ),
  row('png-zero-width', 'PNG that is 0 pixels wide', dead('corrupt_image'), () =>
    bytes.pngOf({ width: 0, height: 5 }, bytes.pngChunk('IDAT', deflateSync(Buffer.alloc(5)))),
  ),
  row('png-too-few-pixels', 'PNG with fewer pixels than it declares', dead('corrupt_image'), () =>
    bytes.pngOf({ width: 500, height: 500 }, bytes.pngChunk('IDAT', deflateSync(Buffer.alloc(900)))),
  ),
  row('webp-truncated', 'WebP cut in half', dead('corrupt_image'), () =>
    half(bytes.picture('webp-truncated').webp().toBuffer()),
  ),
  row('webp-declares-16383', 'WebP that declares a canvas of 16,383 × 16,383', dead('corrupt_image'), () =>
    bytes.webpDeclaring('webp-declares-16383', 16_383, 16_383),
  ),
  row('avif-truncated', 'AVIF cut in half', dead('corrupt_image'), () =>
    half(bytes.picture('avif-truncated').avif().toBuffer()),
  ),
  row('avif-junk', 'AVIF header before random bytes', dead('corrupt_image'), () => bytes.isoMedia('avif')),
  row('tiff-loop', 'TIFF whose directory is its own successor', dead('corrupt_image'), () =>
    bytes.tiffLoop(),
  ),
  row(
    'jpeg-hostile-exif',
    'JPEG with an EXIF block of loops and of texts that claim 4 GB',
    kept,
    async () => bytes.jpegWith(await bytes.jpeg('jpeg-hostile-exif'), 0xe1, bytes.hostileExif()),
    { remark: 'the block counts as malformed' },
  ),
  row(
    'jpeg-garbage-profile',
    'JPEG whose colour profile is garbage',
    kept,
    async () => {
      const profile = Buffer.concat([Buffer.from('ICC_PROFILE\0\u0001\u0001', 'latin1'), bytes.noise(3_000)]);
      return bytes.jpegWith(await bytes.jpeg('jpeg-garbage-profile'), 0xe2, profile);
    },
    { remark: 'profiles are not applied' },
  ),
];

const FOREIGN: readonly HostileInput[] = [
  row('svg-references', 'SVG with references to files and servers', dead('unsupported_media_type'), () =>
    Buffer.from(
      '<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/><image href="http://10.0.0.1/"/></svg>',
    ),
  ),
  row('svg-entities', 'SVG whose entities expand to gigabytes', dead('unsupported_media_type'), () => {
    const entities = Array.from(
      { length: 9 },
      (_, at) => `<!ENTITY e${at + 1} "${`&e${at};`.repeat(10)}">`,
    ).join('');
    return Buffer.from(`<!DOCTYPE svg [<!ENTITY e0 "lol">${entities}]><svg>&e9;</svg>`);
  }),
  row('pdf-with-jpeg', 'PDF with a JPEG in it', dead('unsupported_media_type'), async () =>
    Buffer.concat([Buffer.from('%PDF-1.7\n'), await bytes.jpeg('pdf-with-jpeg')]),
  ),
  row('heic', 'HEIC', dead('unsupported_media_type'), () => bytes.isoMedia('heic'), {
    remark: 'the answer says: convert it to JPEG, PNG or AVIF',
  }),
  row('bmp', 'BMP', dead('unsupported_media_type'), () => bytes.bmp(100, 80), {
    remark: 'the answer says: convert it to PNG',
  }),
  row('json-as-picture', 'JSON declared as an image', dead('unsupported_media_type'), () =>
    Buffer.from('{"uri":"file:///etc/passwd"}'),
  ),
  row('random', 'random bytes', dead('corrupt_image'), () => bytes.noise(5_000)),
  row('text', 'text', dead('corrupt_image'), () => Buffer.from('no picture at all')),
  row('html', 'HTML', dead('corrupt_image'), () => Buffer.from('<!doctype html><script>alert(1)</script>')),
  row('zip', 'ZIP archive', dead('corrupt_image'), () =>
    Buffer.concat([Buffer.from('PK\u0003\u0004'), bytes.noise(500)]),
  ),
];

const UNUSUAL: readonly HostileInput[] = [
  row(
    'jpeg-and-html',
    'polyglot: a JPEG with HTML behind it',
    kept,
    async () =>
      Buffer.concat([
        await bytes.jpeg('jpeg-and-html'),
        Buffer.from('<html><script>alert(1)</script></html>'),
      ]),
    { remark: 'it is a JPEG; the report shows thumbnails of its own making' },
  ),
  row('gif-and-script', 'polyglot: a GIF that is a script, too', kept, async () =>
    bytes.gifWithComment(await gif('gif-and-script'), '*/=1;alert(1);/*'),
  ),
  row(
    'png-30000-by-1',
    'PNG of 30,000 × 1 pixels',
    { outcome: 'review' },
    () => bytes.picture('png-30000-by-1', 30_000, 1).png().toBuffer(),
    { remark: 'by its score; its hashes mean nothing and find nothing' },
  ),
  row(
    'png-1-by-1',
    'PNG of one pixel',
    rejected,
    () => bytes.picture('png-1-by-1', 1, 1).png().toBuffer(),
    byScore,
  ),
  row(
    'png-flat',
    'PNG of one colour',
    rejected,
    () =>
      sharp({ create: { width: 200, height: 200, channels: 3, background: '#fff' } })
        .png()
        .toBuffer(),
    byScore,
  ),
  row('jpeg-cmyk', 'CMYK JPEG', kept, async () =>
    sharp(await bytes.png('jpeg-cmyk'))
      .toColourspace('cmyk')
      .jpeg()
      .toBuffer(),
  ),
  row('png-16-bit', 'PNG of 16 bits a sample', kept, async () =>
    sharp(await bytes.png('png-16-bit'))
      .toColourspace('rgb16')
      .png()
      .toBuffer(),
  ),
  row('gif-animated', 'animated GIF', kept, () => bytes.gifOfFrames('gif-animated', 3), {
    remark: 'the first frame counts',
  }),
  row(
    'webp-animated',
    'animated WebP',
    kept,
    async () => {
      const frames = await Promise.all([0, 1, 2].map((at) => bytes.png(`webp-animated ${at}`)));
      return sharp(frames, { join: { animated: true } })
        .webp()
        .toBuffer();
    },
    { remark: 'the first frame counts' },
  ),
  row('tiff', 'TIFF', kept, () => bytes.picture('tiff').tiff().toBuffer()),
  row('avif', 'AVIF', kept, () => bytes.picture('avif', 640, 480).avif({ quality: 80 }).toBuffer()),
];

export const HOSTILE_PICTURES: readonly HostileInput[] = [...EXPANDING, ...BROKEN, ...FOREIGN, ...UNUSUAL];

/** A compressed chunk of a PNG that expands to so many zeros. */
function compressed(type: 'zTXt' | 'iCCP', expandsTo: number): Buffer {
  return bytes.pngChunk(type, Buffer.concat([Buffer.from('x\0\0'), deflateSync(Buffer.alloc(expandsTo))]));
}
