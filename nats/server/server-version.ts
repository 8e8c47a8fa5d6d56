// Versions of nats-server: read from the program itself, compared, and held against the oldest one that the
// rest of `nats/` is correct on.
import type { Machine } from './machine.ts';

/** The oldest nats-server that serves; what Debian 12 ships. */
export const OLDEST_SERVER_VERSION = '2.9.10';

/** What a program said when asked for its version. */
export type VersionCheck =
  | { readonly usable: true; readonly version: string }
  | { readonly usable: false; readonly why: string };

/** Negative when `a` is older than `b`, 0 when equal, positive when newer; pre-release marks are ignored. */
export function compareVersions(a: string, b: string): number {
  const left = numbersOf(a);
  const right = numbersOf(b);
  for (let index = 0; index < 3; index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Runs `binary --version` and says whether it is a nats-server that is new enough. */
export async function checkServerBinary(machine: Machine, binary: string): Promise<VersionCheck> {
  const result = await machine.run(binary, ['--version']);
  if (result.status !== 0) {
    return {
      usable: false,
      why: `--version failed: ${firstLine(result.stderr) || `status ${result.status}`}`,
    };
  }
  const version = /^nats-server: v(\d+\.\d+\.\d+\S*)/m.exec(result.stdout)?.[1];
  if (version === undefined) {
    return { usable: false, why: `--version answered ${JSON.stringify(firstLine(result.stdout))}` };
  }
  if (compareVersions(version, OLDEST_SERVER_VERSION) < 0) {
    return { usable: false, why: `it is version ${version}, older than ${OLDEST_SERVER_VERSION}` };
  }
  return { usable: true, version };
}

function numbersOf(version: string): readonly number[] {
  return version.split(/[-+~]/, 1).flatMap((plain) => plain.split('.').map(Number));
}

function firstLine(text: string): string {
  return text.trim().split('\n', 1)[0] ?? '';
}
