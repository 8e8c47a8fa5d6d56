import { describe, expect, it } from 'vitest';
import { jpegScans } from '../../../actors/image/jpeg-scans.ts';
import { jpegOfScans, jpegWith } from '../../support/hostile-bytes.ts';

const bytes = (...parts: readonly (readonly number[])[]) => Uint8Array.from(parts.flat());
const START = [0xff, 0xd8];
const END = [0xff, 0xd9];
const SCAN = [0xff, 0xda, 0, 3, 1];

describe('the scans of a JPEG', () => {
  it('are counted up to the end of the picture', () => {
    expect(jpegScans(jpegOfScans(16, 0))).toBe(1);
    expect(jpegScans(jpegOfScans(16, 882))).toBe(883);
    expect(jpegScans(bytes(START, SCAN, [1, 2], END, SCAN, SCAN))).toBe(1);
  });

  it('are not what stands in other segments, such as a thumbnail, or in the data of a scan', () => {
    const thumbnail = bytes(START, SCAN, SCAN, END);
    expect(jpegScans(jpegWith(jpegOfScans(16, 2), 0xe1, thumbnail))).toBe(3);
    const data = [0xff, 0x00, 0xda, 0xff, 0xd0, 0xda, 0xff, 0xff, 0xff, 0x00];
    expect(jpegScans(bytes(START, SCAN, data, SCAN, END))).toBe(2);
  });

  it('are counted as far as the file goes', () => {
    expect(jpegScans(bytes(START))).toBe(0);
    expect(jpegScans(bytes(START, SCAN))).toBe(1);
    expect(jpegScans(bytes(START, SCAN, [0xff]))).toBe(1);
    expect(jpegScans(bytes(START, [0xff, 0xe1, 0xff, 0xff]))).toBe(0);
    expect(jpegScans(bytes(START, [0xff, 0xe1, 0, 0], SCAN))).toBe(1);
  });
});
