// The composition root of a node: which implementation stands behind each port. Factories only; lifetimes belong
// to supervisors and to whoever opened the connection, never to the container.
import 'reflect-metadata';
import { container, type DependencyContainer, instanceCachingFactory } from 'tsyringe';
import { RecentProxies } from '#actors';
import { CODEC_VERSIONS, type NatsLink, namesOf, VersionedCodec } from '#nats';
import { ByteBudget, killAt, type Logger, noFaults, systemClock, systemRandom } from '#runtime';
import type { LoadedConfig } from '../config/index.ts';
import { TOKENS } from './tokens.ts';

/** Variable that makes the process kill itself at a named point (`keep.appended:3`), for fault tests. */
export const FAULT_VARIABLE = 'TROUPE_FAULT';

/** Room for about 1,300 proxies. */
const RECENT_PROXY_BYTES = 16 * 2 ** 20;

export function nodeContainer(options: {
  readonly config: LoadedConfig;
  readonly link: NatsLink;
  readonly log: Logger;
  readonly env: Readonly<Record<string, string | undefined>>;
}): DependencyContainer {
  const node = container.createChildContainer();
  node.register(TOKENS.config, { useValue: options.config });
  node.register(TOKENS.link, { useValue: options.link });
  node.register(TOKENS.log, { useValue: options.log });
  node.register(TOKENS.clock, { useValue: systemClock });
  node.register(TOKENS.random, { useValue: systemRandom });
  node.register(TOKENS.names, {
    useFactory: instanceCachingFactory(() => namesOf(options.config.config.system)),
  });
  const { bodyBudget, decodeBudget, maxMessageVersion } = options.config.config.node;
  node.register(TOKENS.codec, {
    useFactory: instanceCachingFactory(
      () => new VersionedCodec({ lowest: CODEC_VERSIONS.lowest, highest: maxMessageVersion }),
    ),
  });
  node.register(TOKENS.bodyBudget, {
    useFactory: instanceCachingFactory(() => new ByteBudget(bodyBudget)),
  });
  node.register(TOKENS.recentProxies, {
    useFactory: instanceCachingFactory(() => new RecentProxies(RECENT_PROXY_BYTES)),
  });
  node.register(TOKENS.decodeBudget, {
    useFactory: instanceCachingFactory(() => new ByteBudget(decodeBudget)),
  });
  node.register(TOKENS.faults, {
    useFactory: instanceCachingFactory(() => {
      const spec = options.env[FAULT_VARIABLE];
      return spec === undefined || spec === '' ? noFaults : killAt(spec);
    }),
  });
  return node;
}
