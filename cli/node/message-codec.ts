// The codec of commands, and of what nodes answer them: the lowest version, which every program reads.
import { decode, encode } from '#nats';
import type { Codec } from '#runtime';

export const messageCodec: Codec = { encode, decode };
