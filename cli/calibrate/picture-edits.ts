// Edits of a picture as people and services make them: what calibration and the quality bench look for.
import sharp, { type Sharp } from 'sharp';

type Edit = (photo: Uint8Array) => Promise<Uint8Array>;

const EDITS = {
  reencode: (photo) => jpeg(sharp(photo), 50),
  resize: async (photo) => {
    const { width } = await sizeOf(photo);
    return jpeg(sharp(photo).resize(Math.round(width / 2)));
  },
  brighten: (photo) => jpeg(sharp(photo).modulate({ brightness: 1.2 })),
  blur: (photo) => jpeg(sharp(photo).blur(2)),
  grey: (photo) => jpeg(sharp(photo).greyscale()),
  crop5: (photo) => cropped(photo, 0.05),
  crop10: (photo) => cropped(photo, 0.1),
  crop20: (photo) => cropped(photo, 0.2),
  border: async (photo) => {
    const { width } = await sizeOf(photo);
    const side = Math.round(width * 0.05);
    return jpeg(
      sharp(photo).extend({ top: side, bottom: side, left: side, right: side, background: '#fff' }),
    );
  },
  watermark: async (photo) => {
    const { width, height } = await sizeOf(photo);
    const font = Math.round(width / 6);
    const text = `<svg width="${width}" height="${height}"><text x="50%" y="55%" text-anchor="middle" font-size="${font}" font-family="sans-serif" fill="#fff" fill-opacity="0.6">SAMPLE</text></svg>`;
    return jpeg(sharp(photo).composite([{ input: Buffer.from(text) }]));
  },
  flip: (photo) => jpeg(sharp(photo).flop()),
  rotate90: (photo) => jpeg(sharp(photo).rotate(90)),
  rotate25: (photo) => jpeg(sharp(photo).rotate(25, { background: '#000' })),
  square: async (photo) => {
    const { width, height } = await sizeOf(photo);
    const side = Math.min(width, height);
    return jpeg(sharp(photo).resize(side, side, { fit: 'fill' }));
  },
} as const satisfies Readonly<Record<string, Edit>>;

export type EditName = keyof typeof EDITS;

/** In the order of the table. */
export const EDIT_NAMES = Object.keys(EDITS) as readonly EditName[];

/** Cropped by a fifth, mirrored, turned by 25°, squeezed to a square: what imagededup's authors published figures for. */
export const HARD_EDITS: readonly EditName[] = ['crop20', 'flip', 'rotate25', 'square'];

/** The photograph edited, as a JPEG of quality 90 (`reencode`: 50). */
export function editedPhoto(photo: Uint8Array, edit: EditName): Promise<Uint8Array> {
  return EDITS[edit](photo);
}

/** Leaves out `share` of the width and of the height, half of it on each side. */
async function cropped(photo: Uint8Array, share: number): Promise<Uint8Array> {
  const { width, height } = await sizeOf(photo);
  const [left, top] = [Math.round((width * share) / 2), Math.round((height * share) / 2)];
  return jpeg(sharp(photo).extract({ left, top, width: width - 2 * left, height: height - 2 * top }));
}

async function sizeOf(photo: Uint8Array): Promise<{ readonly width: number; readonly height: number }> {
  const { width, height } = await sharp(photo).metadata();
  return { width, height };
}

async function jpeg(image: Sharp, quality = 90): Promise<Uint8Array> {
  return image.jpeg({ quality }).toBuffer();
}
