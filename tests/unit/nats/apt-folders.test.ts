import { describe, expect, it } from 'vitest';
import { packagesIn } from '../../../nats/server/apt-folders.ts';

describe('what apt would install', () => {
  it('is every package that it names as new, and nothing that it only sets up', () => {
    const simulation = `Reading package lists...
The following NEW packages will be installed:
  libhiredis0.14 redis-server
Inst libhiredis0.14 (0.14.1-3 Debian:12.5/stable [amd64])
Inst redis-server (5:7.0.15-1 Debian:12.5/stable [amd64])
Conf libhiredis0.14 (0.14.1-3 Debian:12.5/stable [amd64])
Conf redis-server (5:7.0.15-1 Debian:12.5/stable [amd64])
`;
    expect(packagesIn(simulation)).toEqual(['libhiredis0.14', 'redis-server']);
  });

  it('is nothing where everything is there', () => {
    expect(packagesIn('redis-server is already the newest version.\n')).toEqual([]);
  });
});
