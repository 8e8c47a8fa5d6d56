// Gets the nats-servers that the tests run on and names them: the distribution's own and the newest. Where apt is
// there both can be had, so fewer than two is a failure.
import { spawnSync } from 'node:child_process';
import { availableServerVersions } from '../tests/support/nats-server.ts';

const versions = await availableServerVersions();
console.log(
  `nats-server used by the tests: ${versions.map(({ version }) => version).join(' and ') || 'none'}`,
);
const hasApt = spawnSync('apt-get', ['--version'], { stdio: 'ignore' }).status === 0;
if (hasApt && versions.length < 2) {
  console.error('expected two versions (the distribution’s own and the newest), since apt is there');
  process.exitCode = 1;
}
