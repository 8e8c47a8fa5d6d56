// Items for the cluster bench: small pictures whose handling is mostly messages, or large ones that are mostly decoding;
// published as raw bytes as fast as the intake takes them.
import { createHash } from 'node:crypto';
import sharp from 'sharp';
import type { ClientSystem } from '../../cli/node/client-system.ts';

const AT_ONCE = 128;

/** How large the pictures are, in pixels. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

export const MESSAGE_BOUND: PictureSize = { width: 48, height: 36 };
export const CPU_BOUND: PictureSize = { width: 1280, height: 960 };

/** `count` distinct pictures; the same ones for the same size and count. */
export async function pictures(size: PictureSize, count: number): Promise<readonly Uint8Array[]> {
  const made: Uint8Array[] = [];
  for (let at = 0; at < count; at++) made.push(await picture(at, size));
  return made;
}

/** A picture of its own for each number: patches of colour, enlarged smoothly. */
function picture(number: number, { width, height }: PictureSize): Promise<Buffer> {
  const samples = [0, 1, 2].map((part) => createHash('sha512').update(`${number} ${part}`).digest());
  return sharp(Buffer.concat(samples).subarray(0, 8 * 6 * 3), { raw: { width: 8, height: 6, channels: 3 } })
    .resize(width, height, { kernel: 'cubic', fit: 'fill' })
    .jpeg({ quality: 90 })
    .toBuffer();
}

/** Publishes the contents under ids that say their place, which begins at `first`. */
export async function publish(
  { link, names }: ClientSystem,
  dataset: string,
  contents: readonly Uint8Array[],
  first = 0,
): Promise<void> {
  const subject = names.subjects.intake(dataset);
  for (let at = 0; at < contents.length; at += AT_ONCE) {
    await Promise.all(
      contents.slice(at, at + AT_ONCE).map((data, index) => {
        const id = `picture-${String(first + at + index).padStart(6, '0')}`;
        const headers = { 'Content-Type': 'image/jpeg', 'Troupe-Id': id };
        return link.publisher.publish({ subject, data, id, headers });
      }),
    );
  }
}
