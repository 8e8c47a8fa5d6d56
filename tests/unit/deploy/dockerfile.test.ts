// The Dockerfile: what it copies is there, it runs as nobody, and the versions are those of the package.
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  admittedEntries,
  imageOf,
  instructionsOf,
  readDockerfile,
  type Stage,
} from '../../../scripts/dockerfile.ts';

const root = new URL('../../../', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, root), 'utf8');
const manifest = JSON.parse(read('package.json'));
const text = read('Dockerfile');
const variants = ['cpu', 'cuda'].map((variant) => ({
  variant,
  stages: readDockerfile(text, { VARIANT: variant }),
}));
const last = (stages: readonly Stage[]): Stage => {
  const stage = stages.at(-1);
  if (stage === undefined) throw new Error('expected a stage');
  return stage;
};
const texts = (stage: Stage, name: string): readonly string[] =>
  stage.instructions
    .filter((instruction) => instruction.name === name)
    .map((instruction) => instruction.text);

describe('the Dockerfile', () => {
  it('has the Node.js that the package is tested with, on slim Debian or on CUDA with cuDNN', () => {
    const node = `node:${manifest.devDependencies.node}-bookworm-slim`;
    const [cpu, cuda] = variants.map(({ stages }) => imageOf(stages, last(stages)));
    expect(cpu).toBe(node);
    expect(cuda).toMatch(/^nvidia\/cuda:12\.\d+\.\d+-cudnn-runtime-/);
    for (const { stages } of variants) {
      const tree = stages.find(({ name }) => name === 'tree');
      expect(tree && imageOf(stages, tree)).toBe(node);
    }
  });

  it.each(variants)('installs, builds and prunes in order, for $variant', ({ variant, stages }) => {
    const runs = instructionsOf(stages, 'tree')
      .filter(({ name }) => name === 'RUN')
      .map((run) => run.text);
    expect(runs).toEqual([
      'npm ci',
      'npm run build',
      'npm ci --omit=dev',
      'node scripts/prune-image.ts',
      ...(variant === 'cuda'
        ? ['node node_modules/onnxruntime-node/script/install.js --onnxruntime-node-install=cuda12']
        : []),
    ]);
  });

  it.each(variants)('starts the command of the package as nobody, for $variant', ({ stages }) => {
    const final = last(stages);
    expect(texts(final, 'USER')).toEqual(['65532:65532']);
    expect(texts(final, 'ENTRYPOINT')).toEqual([
      JSON.stringify(['node', `/app/${manifest.bin.troupe}`]).replace(',', ', '),
    ]);
    expect(texts(final, 'CMD')).toEqual(['["up"]']);
    expect(texts(final, 'COPY').map((copy) => copy.split(' ').at(-1))).toEqual(
      ['package.json', 'bin', 'dist', 'models', 'node_modules'].map((name) => `/app/${name}`),
    );
  });

  it('is given what the build reads, and no more', () => {
    const admitted = admittedEntries(read('.dockerignore'));
    expect(admitted.filter((entry) => !existsSync(new URL(entry, root)))).toEqual([]);
    const { references } = JSON.parse(read('tsconfig.json'));
    const rooms = references.map(({ path }: { readonly path: string }) => path.replace('./', ''));
    for (const needed of [
      ...rooms,
      'bin',
      'models',
      'scripts',
      'package-lock.json',
      '.npmrc',
      'tsconfig.base.json',
    ])
      expect(admitted).toContain(needed);
    for (const kept of ['node_modules', '.git', 'tests', 'docs']) expect(admitted).not.toContain(kept);
    expect(read('.dockerignore').split('\n')).toContain('*');
  });
});
