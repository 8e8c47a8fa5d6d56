// Names of what the composition root puts together. Everything below it gets its parts as constructor arguments.
import type { InjectionToken } from 'tsyringe';
import type { RecentProxies } from '#actors';
import type { NatsLink, SystemNames, VersionedCodec } from '#nats';
import type { ByteBudget, Clock, FaultPoints, Logger, RandomSource } from '#runtime';
import type { LoadedConfig } from '../config/index.ts';

const token = <T>(name: string): InjectionToken<T> => Symbol(name);

export const TOKENS = {
  config: token<LoadedConfig>('configuration'),
  clock: token<Clock>('clock'),
  random: token<RandomSource>('random'),
  log: token<Logger>('log'),
  codec: token<VersionedCodec>('codec'),
  faults: token<FaultPoints>('fault points'),
  recentProxies: token<RecentProxies>('proxies handled last'),
  bodyBudget: token<ByteBudget>('budget of contents in hand'),
  decodeBudget: token<ByteBudget>('budget of large pictures'),
  link: token<NatsLink>('NATS connection'),
  names: token<SystemNames>('names'),
} as const;
