// Reads the key of the embedded server's store: a file that only its owner may read, since it opens everything.
import { readFile, stat } from 'node:fs/promises';
import { CommandError } from '../command-error.ts';

/** Shorter ones are found by trying. */
const MIN_LENGTH = 16;
const OTHERS = 0o077;

/** The key in the file. @throws CommandError `config_invalid`, which says nothing of what the file holds */
export async function readStoreKey(file: string): Promise<string> {
  const refuse = (why: string, cause?: unknown) =>
    new CommandError('config_invalid', `storage.encryptionKeyFile: expected ${why}`, { cause });
  let text: string;
  let mode: number;
  try {
    text = await readFile(file, 'utf8');
    mode = (await stat(file)).mode;
  } catch (cause) {
    throw refuse(
      `a readable file, got ${file} (${(cause as NodeJS.ErrnoException).code ?? 'unreadable'})`,
      cause,
    );
  }
  if (process.platform !== 'win32' && (mode & OTHERS) !== 0) {
    throw refuse(
      `a file that only its owner may read, got ${file} with mode ${(mode & 0o777).toString(8)}: chmod 600`,
    );
  }
  const key = text.trim();
  if (key.length >= MIN_LENGTH && !/[\r\n]/.test(key)) return key;
  throw refuse(
    `one line of at least ${MIN_LENGTH} characters in ${file}, such as \`openssl rand -base64 32\` prints`,
  );
}
