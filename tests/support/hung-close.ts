// Preloaded into a node (`NODE_OPTIONS=--import …`): closing a connection to NATS never comes to an end, whatever the
// node does about it.
import { NatsConnectionImpl } from 'nats';

const never = () => new Promise<never>(() => {});
NatsConnectionImpl.prototype.drain = never;
NatsConnectionImpl.prototype.close = never;
