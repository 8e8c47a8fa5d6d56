// Where nodes listen, as people write it.
import { describe, expect, it } from 'vitest';
import { groupListeners } from '../../../cli/node/group/group-listeners.ts';
import { parseListener } from '../../../cli/option-values.ts';

describe('an address to listen on', () => {
  it.each([
    { text: '9464', is: { host: '127.0.0.1', port: 9_464 } },
    { text: '0', is: { host: '127.0.0.1', port: 0 } },
    { text: '0.0.0.0:9464', is: { host: '0.0.0.0', port: 9_464 } },
    { text: 'node.example:80', is: { host: 'node.example', port: 80 } },
    { text: '[::1]:9464', is: { host: '::1', port: 9_464 } },
  ])('may be $text', ({ text, is }) => {
    expect(parseListener(text)).toEqual(is);
  });

  it.each(['', '65536', 'host', 'host:', ':9464', '::1:9464', '1.5', '-1'])('may not be %j', (text) => {
    expect(() => parseListener(text)).toThrow(/Expected HOST:PORT or a port from 0 to 65535/);
  });
});

describe('the nodes of a group', () => {
  it('listen at ports that follow one another', () => {
    expect(groupListeners(3, { host: '127.0.0.1', port: 9_464 })).toEqual([
      '127.0.0.1:9464',
      '127.0.0.1:9465',
      '127.0.0.1:9466',
    ]);
    expect(groupListeners(1, { host: '::1', port: 1 })).toEqual(['[::1]:1']);
    expect(groupListeners(3, { host: '127.0.0.1' })).toEqual([]);
  });

  it('are refused a port that not each of them can have', () => {
    expect(() => groupListeners(3, { host: 'a', port: 0 })).toThrow(/from 1 to 65533, .* got 0/);
    expect(() => groupListeners(3, { host: 'a', port: 65_534 })).toThrow(/got 65534/);
    expect(groupListeners(3, { host: 'a', port: 65_533 })).toHaveLength(3);
  });
});
