// The signals of the image kind, in the order in which the documentation lists them.
import type { SignalCatalogue } from '../kinds/signal-catalogue.ts';

export const IMAGE_SIGNALS = {
  width: { type: 'number', meaning: 'Pixels from left to right, as stored.' },
  height: { type: 'number', meaning: 'Pixels from top to bottom, as stored.' },
  aspectRatio: { type: 'number', meaning: 'Width over height, as stored.' },
  effectiveWidth: {
    type: 'number',
    meaning:
      'Width of the detail that is really there: an enlargement counts as what it was enlarged from, in halvings.',
  },
  effectiveHeight: { type: 'number', meaning: 'The same for the height.' },
  sharpness: {
    type: 'number',
    meaning:
      'Variance of the Laplacian of the luminance on a copy with a long side of at most 256 pixels; 0 for a flat picture, 500 and more for a sharp one.',
  },
  entropy: {
    type: 'number',
    meaning: 'Bits of the luminance histogram of that copy, 0 (one value) to 8 (all values equally often).',
  },
  luminanceMean: { type: 'number', meaning: 'Mean luminance of that copy, 0 black to 255 white.' },
  luminanceStd: { type: 'number', meaning: 'Standard deviation of that luminance: the contrast.' },
  clippedDark: {
    type: 'number',
    meaning: 'Share of that copy, 0 to 1, that is black (luminance of at most 4): underexposed.',
  },
  clippedBright: {
    type: 'number',
    meaning: 'Share of that copy, 0 to 1, that is white (luminance of at least 251): overexposed.',
  },
  jpegQuality: {
    type: 'number',
    optional: true,
    meaning:
      'JPEG only: quality 1 to 100 of its encoder, from its quantisation tables, on the scale of the Independent JPEG Group.',
  },
  bitsPerPixel: { type: 'number', meaning: 'Bits of the encoded file for each pixel.' },
  colourMode: { type: 'text', meaning: '`grey`, `rgb`, `cmyk`, `lab` or `other`.' },
  channels: { type: 'number', meaning: 'Samples for each pixel, alpha included.' },
  hasAlpha: { type: 'flag', meaning: 'Whether it has an alpha channel.' },
  depth: { type: 'text', meaning: 'Stored samples: `uchar` (8 bits), `ushort` (16 bits), `float`, …' },
  pages: { type: 'number', meaning: 'Frames or pages; 1 for a still image.' },
  animated: { type: 'flag', meaning: 'Whether it is an animation: several frames, and no TIFF.' },
  firstFrameOnly: {
    type: 'flag',
    meaning:
      'Whether all that is said of it (hashes, signals, comparison) is said of its first frame or page alone.',
  },
  orientation: {
    type: 'number',
    meaning: 'EXIF orientation, 1 (upright, also when absent) to 8; it is reported, not applied.',
  },
  exif: {
    type: 'text',
    meaning:
      'EXIF of JPEG, PNG, WebP and AVIF: `none`, `read`, or `malformed`, which is no failure of the image.',
  },
  captureTime: {
    type: 'time',
    optional: true,
    meaning:
      'When it was taken or digitised by its EXIF; the local time of the camera read as UTC where no offset is given.',
  },
} as const satisfies SignalCatalogue;
