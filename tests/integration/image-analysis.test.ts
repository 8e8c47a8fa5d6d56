import { createHash } from 'node:crypto';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { AnalysisError, type AnalysisErrorCode, analyseImage, hashImage } from '../../actors/image/index.ts';
import { patternRaster } from '../unit/image/synthetic-raster.ts';

const limits = { maxPixels: 1_000_000, maxBytes: 1_000_000 };
const phash = 'f0f6d4a91e694913';
const dhash = 'b6246c4d49db9ab2';

/** The pattern whose hashes are known, ready to be encoded. */
function pattern(): ReturnType<typeof sharp> {
  const { width, height, data } = patternRaster(320, 240, 1);
  return sharp(data, { raw: { width, height, channels: 3 } });
}

async function codeOf(analysis: Promise<unknown>): Promise<AnalysisErrorCode> {
  const error = await analysis.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof AnalysisError) return error.code;
  throw new Error(`expected an AnalysisError, got ${String(error)}`);
}

/** A PNG whose header announces a size that its few bytes of pixels do not have. */
async function bombPng(): Promise<Uint8Array> {
  const png = await pattern().png().toBuffer();
  png.writeUInt32BE(50_000, 16);
  png.writeUInt32BE(50_000, 20);
  png.writeUInt32BE(crc32(png.subarray(12, 29)), 29);
  return png;
}

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

describe('analyseImage', () => {
  let png: Buffer;
  beforeAll(async () => {
    png = await pattern().png().toBuffer();
  });

  it('tells digest, type, size and hashes', async () => {
    const analysis = await analyseImage(png, limits);
    expect(analysis).toMatchObject({
      sha256: createHash('sha256').update(png).digest('hex'),
      mediaType: 'image/png',
      byteLength: png.length,
      width: 320,
      height: 240,
      phash,
      dhash,
      lowInformation: false,
      signals: {
        width: 320,
        height: 240,
        channels: 3,
        colourMode: 'rgb',
        hasAlpha: false,
        pages: 1,
        orientation: 1,
      },
    });
  });

  it('gives the same answer for the same bytes', async () => {
    expect(await analyseImage(png, limits)).toEqual(await analyseImage(png, limits));
  });

  it('makes a proxy of 12,288 bytes that owns its buffer, also of grey pictures', async () => {
    const gray = await pattern().toColourspace('b-w').png().toBuffer();
    for (const bytes of [png, gray]) {
      const { pixels } = await analyseImage(bytes, limits);
      expect(pixels.length).toBe(12_288);
      expect(pixels.buffer.byteLength).toBe(12_288);
    }
    const { pixels, signals } = await analyseImage(gray, limits);
    expect(signals.colourMode).toBe('grey');
    expect(pixels.every((sample, at) => sample === pixels[at - (at % 3)])).toBe(true);
  });

  it('drops alpha without flattening', async () => {
    const alpha = new Uint8Array(320 * 240).map((_, at) => at % 256);
    const translucent = await pattern()
      .joinChannel(Buffer.from(alpha), { raw: { width: 320, height: 240, channels: 1 } })
      .png()
      .toBuffer();
    const analysis = await analyseImage(translucent, limits);
    expect(analysis).toMatchObject({ phash, dhash, signals: { hasAlpha: true, channels: 4 } });
    expect(analysis.pixels).toEqual((await analyseImage(png, limits)).pixels);
  });

  it('reports an EXIF orientation and does not apply it', async () => {
    const turned = await pattern().withMetadata({ orientation: 6 }).webp({ lossless: true }).toBuffer();
    expect(await analyseImage(turned, limits)).toMatchObject({
      phash,
      width: 320,
      height: 240,
      signals: { orientation: 6 },
    });
  });

  it.each([30, 75, 90, 100])('tells the quality %d at which a JPEG was encoded', async (quality) => {
    const jpeg = await pattern().jpeg({ quality }).toBuffer();
    expect((await analyseImage(jpeg, limits)).signals.jpegQuality).toBe(quality);
  });

  it.each(['jpeg', 'png', 'webp', 'avif'] as const)(
    'reads the capture time from the EXIF of a %s',
    async (format) => {
      const taken = await pattern()
        .withExif({ IFD2: { DateTimeOriginal: '2021:03:04 12:30:15' } })
        .toFormat(format)
        .toBuffer();
      const captureTime = Date.UTC(2021, 2, 4, 12, 30, 15) / 1000;
      expect((await analyseImage(taken, limits)).signals).toMatchObject({ exif: 'read', captureTime });
    },
  );

  it('does not mind EXIF that is malformed', async () => {
    const taken = await pattern()
      .withExif({ IFD2: { DateTimeOriginal: '2021:03:04 12:30:15' } })
      .jpeg()
      .toBuffer();
    const at = taken.indexOf('Exif');
    taken.fill(0xff, at + 10, at + 60);
    expect((await analyseImage(taken, limits)).signals).toMatchObject({ exif: 'malformed' });
  });

  it('ignores an ICC profile', async () => {
    const profiled = await pattern().withIccProfile('p3').webp({ lossless: true }).toBuffer();
    const plain = await sharp(profiled, { ignoreIcc: true }).webp({ lossless: true }).toBuffer();
    const [first, second] = [await analyseImage(profiled, limits), await analyseImage(plain, limits)];
    expect(first.sha256).not.toBe(second.sha256);
    expect(first.pixels).toEqual(second.pixels);
  });

  it('takes the first frame of an animation', async () => {
    const frames = [1, 2, 3].map((seed) => patternRaster(64, 48, seed).data);
    const film = await sharp(Buffer.concat(frames), {
      raw: { width: 64, height: 144, channels: 3, pageHeight: 48 },
    })
      .webp({ lossless: true, delay: [100, 100, 100] })
      .toBuffer();
    const still = await sharp(frames[0], { raw: { width: 64, height: 48, channels: 3 } })
      .png()
      .toBuffer();
    const analysis = await analyseImage(film, limits);
    expect(analysis).toMatchObject({
      width: 64,
      height: 48,
      signals: { pages: 3, animated: true, firstFrameOnly: true },
    });
    expect(analysis.pixels).toEqual((await analyseImage(still, limits)).pixels);
  });

  it('says that a flat picture has no information', async () => {
    const flat = sharp({ create: { width: 50, height: 50, channels: 3, background: '#0ac81e' } });
    const analysis = await analyseImage(await flat.png().toBuffer(), limits);
    expect(analysis).toMatchObject({
      lowInformation: true,
      signals: { sharpness: 0, luminanceStd: 0, entropy: 0 },
    });
  });

  it('finds a blurred picture less sharp and an enlarged one no larger in effect', async () => {
    const noise = Uint8Array.from({ length: 100 * 100 * 3 }, (_, at) => (at * at * 31 + at * 7) % 251);
    const fine = sharp(noise, { raw: { width: 100, height: 100, channels: 3 } });
    const signals = async (image: ReturnType<typeof sharp>) =>
      (await analyseImage(await image.png().toBuffer(), limits)).signals;
    const original = await signals(fine.clone());
    const blurred = await signals(fine.clone().blur(2));
    const enlarged = await signals(fine.clone().resize(400, 400, { kernel: 'cubic' }));
    expect(blurred.sharpness).toBeLessThan(Number(original.sharpness) / 10);
    expect(original).toMatchObject({ effectiveWidth: 100, effectiveHeight: 100 });
    expect(enlarged).toMatchObject({ width: 400, effectiveWidth: 100, effectiveHeight: 100 });
  });

  it('refuses an empty body and one over the limit of bytes', async () => {
    expect(await codeOf(analyseImage(new Uint8Array(0), limits))).toBe('empty');
    expect(await codeOf(analyseImage(png, { ...limits, maxBytes: png.length - 1 }))).toBe('too_large');
  });

  it('refuses too many pixels by the header, before decoding', async () => {
    const bomb = await bombPng();
    expect(await codeOf(analyseImage(bomb, limits))).toBe('too_many_pixels');
    expect(await codeOf(analyseImage(png, { ...limits, maxPixels: 320 * 240 - 1 }))).toBe('too_many_pixels');
    expect((await analyseImage(png, { ...limits, maxPixels: 320 * 240 })).width).toBe(320);
  });

  it.each([
    ['SVG', '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'],
    ['JSON', '{"uri":"file:///a.png"}'],
    ['PDF', '%PDF-1.7\n'],
    ['HEIC', '\0\0\0\x18ftypheic\0\0\0\0mif1heic'],
    ['BMP', `BM${'\0'.repeat(12)}\x28${'\0'.repeat(40)}`],
  ])('does not take %s', async (_name, content) => {
    expect(await codeOf(analyseImage(Buffer.from(content, 'latin1'), limits))).toBe('unsupported_media_type');
  });

  it.each(['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'] as const)(
    'decodes %s and finds it corrupt when truncated',
    async (format) => {
      const whole = await pattern().toFormat(format).toBuffer();
      expect((await analyseImage(whole, limits)).mediaType).toBe(`image/${format}`);
      const half = whole.subarray(0, whole.length >> 1);
      expect(await codeOf(analyseImage(half, limits))).toBe('corrupt_image');
    },
  );

  it('finds a JPEG corrupt whose data are overwritten, and bytes of no known kind', async () => {
    const jpeg = await pattern().jpeg().toBuffer();
    jpeg.fill(Uint8Array.of(0xff, 0xd9), jpeg.length >> 1);
    expect(await codeOf(analyseImage(jpeg, limits))).toBe('corrupt_image');
    expect(await codeOf(analyseImage(Buffer.from('not an image'), limits))).toBe('corrupt_image');
  });
});

describe('hashImage', () => {
  it('gives what the analysis gives', async () => {
    const png = await pattern().png().toBuffer();
    expect(await hashImage(png)).toEqual({
      sha256: createHash('sha256').update(png).digest('hex'),
      phash,
      dhash,
    });
  });
});
