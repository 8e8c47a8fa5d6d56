import { describe, expect, it } from 'vitest';
import { dataFolderPaths, renderConfiguration, STORE_KEY_VARIABLE } from '../../../nats/server/index.ts';

describe('the key of an encrypted store', () => {
  const base = {
    folder: dataFolderPaths('/data'),
    version: '2.15.1',
    token: 'secret',
    port: undefined,
    durability: 'process',
  } as const;

  it('stands in no configuration file, only the name of the variable that has it', () => {
    const text = renderConfiguration({ ...base, isEncrypted: true });
    expect(text).toContain(`  key: $${STORE_KEY_VARIABLE}\n  cipher: aes\n`);
    expect(renderConfiguration(base)).not.toContain('cipher');
  });
});
