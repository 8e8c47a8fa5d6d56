// Counts the scans of a JPEG without decoding it. A progressive file may visit all of its blocks in hundreds of them at
// a cost of a hundred bytes each, which no limit on pixels sees and no deadline stops inside the decoder.

const MARKER = 0xff;
const STUFFED = 0x00;
const START_OF_SCAN = 0xda;
const END_OF_IMAGE = 0xd9;

/** Scans up to the end of the picture or to where its structure breaks; 1 for a baseline JPEG. */
export function jpegScans(bytes: Uint8Array): number {
  let scans = 0;
  let at = 2;
  for (;;) {
    at = bytes.indexOf(MARKER, at);
    const marker = bytes[at + 1];
    if (at === -1 || marker === undefined || marker === END_OF_IMAGE) return scans;
    if (marker === START_OF_SCAN) scans += 1;
    // Inside a scan's data these are no segments; everything else has a length.
    if (marker === MARKER) at += 1;
    else if (marker === STUFFED || isRestart(marker)) at += 2;
    else at += 2 + Math.max(2, ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0));
  }
}

function isRestart(marker: number): boolean {
  return marker >= 0xd0 && marker <= 0xd7;
}
