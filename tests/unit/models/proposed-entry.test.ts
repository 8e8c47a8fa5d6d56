import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { modelConfigSchema } from '../../../actors/config/model.ts';
import { nameOfFile } from '../../../cli/models/find-model.ts';
import { proposedEntry } from '../../../cli/models/proposed-entry.ts';

const settings = {
  input: 'data_0',
  layout: 'NCHW' as const,
  channels: 'BGR' as const,
  size: [320, 224] as [number, number],
  scale: 1,
  mean: [104, 117, 123],
  std: [1, 1, 1],
  output: 'emb',
  pooling: 'spatial' as const,
  dimension: 512,
};

describe('a proposed entry', () => {
  it('is read back as the settings that were proposed', () => {
    const text = proposedEntry('own', 'own.onnx', { settings, remarks: ['size: any will do'] });
    expect(text).toContain('# size: any will do');
    const { models } = parse(text) as { models: Record<string, unknown> };
    expect(modelConfigSchema.parse(models.own)).toMatchObject({ file: 'own.onnx', ...settings });
  });

  it('says only what differs from the defaults', () => {
    const plain = {
      ...settings,
      channels: 'RGB' as const,
      scale: 1 / 255,
      mean: [0, 0, 0],
      pooling: 'none' as const,
    };
    expect(proposedEntry('own', 'own.onnx', { settings: plain, remarks: [] })).toBe(
      'models:\n  own:\n    file: own.onnx\n    size: [320, 224]\n    dimension: 512\n    input: data_0\n    output: emb\n',
    );
  });

  it('has a name that is made of the file', () => {
    expect(nameOfFile('/a/CLIP ViT_B-32.onnx')).toBe('clip-vit-b-32');
    expect(nameOfFile('/a/---.onnx')).toBe('model');
  });
});
