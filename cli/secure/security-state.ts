// What a security folder knows of itself, in `secure.json`: which system and hosts it is for, its users and the public halves
// of their keys. It holds no secret.
import { z } from 'zod';
import { ALL_DATASETS, USER_ROLES } from './roles.ts';

/** The file in the folder. */
export const STATE_FILE = 'secure.json';

/** A name of a user: one subject token, and a file name. */
export const USER_NAME = /^[a-z0-9][a-z0-9_-]{0,31}$/;

const keySchema = z.object({
  /** Public half of the nkey. */
  publicKey: z.string().regex(/^U[A-Z2-7]{55}$/),
  /** RFC 3339. */
  created: z.string(),
});

const userSchema = z.object({
  name: z.string().regex(USER_NAME),
  role: z.enum(USER_ROLES),
  /** Names, or `*` alone. */
  datasets: z.array(z.string()).min(1).default([ALL_DATASETS]),
  /** Whether it may make, change and delete streams where its role does. */
  provision: z.boolean().default(true),
  /** The newest first: while a key is rotated, two of them count. */
  keys: z.array(keySchema).min(1),
});

const stateSchema = z.object({
  version: z.literal(1),
  system: z.string(),
  /** Names and addresses that the server's certificate is for; clients use the first. */
  hosts: z.array(z.string()).min(1),
  port: z.int().min(1).max(65_535),
  /** Where the server sees this folder, and where it keeps its store and its process number. */
  mount: z.string(),
  store: z.string(),
  /** What users get who are added without saying so: whether they may make, change and delete streams. */
  provision: z.boolean().default(true),
  certificate: z.object({ until: z.string() }),
  authority: z.object({ until: z.string() }),
  users: z.array(userSchema),
  /** Keys that counted once, with the reason why they do not. */
  former: z.array(
    z.object({
      user: z.string(),
      publicKey: z.string(),
      ended: z.string(),
      why: z.enum(['rotated', 'revoked']),
    }),
  ),
});

/** What a folder knows of itself. */
export type SecurityState = z.output<typeof stateSchema>;
export type SecurityUser = z.output<typeof userSchema>;

/** @throws ZodError, SyntaxError */
export function parseState(text: string): SecurityState {
  return stateSchema.parse(JSON.parse(text));
}
