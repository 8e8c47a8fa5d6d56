// A process that owns an embedded nats-server, for tests which kill it. Usage: node <this file> DATA_DIR.
// Prints one JSON line when it holds the server; ends it on SIGTERM.
import { silentLogger } from '#runtime';
import { EmbeddedServer } from '../../nats/server/index.ts';

const server = await EmbeddedServer.ensure({ dataDir: process.argv[2] ?? '', log: silentLogger });
const { url, token, pid, adopted, owned } = server;
process.stdout.write(`${JSON.stringify({ url, token, pid, adopted, owned })}\n`);
process.once('SIGTERM', () => {
  server.stop().then(
    () => process.exit(0),
    () => process.exit(1),
  );
});
