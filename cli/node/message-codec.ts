// The codec behind every message, event and payload of this program.
import { decode, encode } from '#nats';
import type { Codec } from '#runtime';

export const messageCodec: Codec = { encode, decode };
