// The image kind's analysis thread, except for contents that end with a marker: these do to their thread what a defect
// of a decoder could do.
import sharp from 'sharp';
import { serveThread } from '#runtime';
import { analyseImage, type ImageAnalysis } from '../../../actors/image/analyse.ts';
import type { AnalyseThreadRequest } from '../../../actors/image/analyse-thread.ts';
import { type PoisonName, poisonOf } from './poison.ts';

serveThread<AnalyseThreadRequest, ImageAnalysis>({
  start() {
    sharp.concurrency(1);
    sharp.cache(false);
  },
  async handle({ bytes, maxPixels, maxBytes, modelProxy }) {
    const poison = poisonOf(bytes);
    if (poison !== undefined) await act(poison);
    return { result: await analyseImage(bytes, { maxPixels, maxBytes }, modelProxy) };
  },
});

function act(poison: PoisonName): Promise<void> {
  switch (poison) {
    case 'exit':
      return process.exit(3);
    case 'hang':
      for (;;);
    case 'never':
      return new Promise(() => {});
    case 'grow': {
      const held: number[][] = [];
      for (;;) held.push(new Array(100_000).fill(Math.random()));
    }
    case 'stray':
      setImmediate(() => {
        throw new Error('thrown outside of the request');
      });
      return new Promise(() => {});
  }
}
