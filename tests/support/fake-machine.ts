// A computer for unit tests of the search for a nats-server: files in a map, programs as functions, no network
// but what a test puts there.
import { dirname, join } from 'node:path';
import type { CommandOptions, CommandResult, Machine } from '../../nats/server/index.ts';

/** What a program answers; `undefined` is a program that is not installed. */
export type FakeProgram = (
  args: readonly string[],
  options: CommandOptions,
  machine: FakeMachine,
) => CommandResult | undefined;

export interface FakeMachineOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly platform?: string;
  readonly architecture?: string;
  /** By the program's name or path. */
  readonly programs?: Readonly<Record<string, FakeProgram>>;
  /** Text by path. */
  readonly files?: Readonly<Record<string, string>>;
  /** sha256 of what lies at a URL; other URLs cannot be reached. */
  readonly web?: Readonly<Record<string, string>>;
}

/** A program's answer with status 0. */
export function says(stdout: string): CommandResult {
  return { status: 0, stdout, stderr: '' };
}

/** A nats-server that answers `--version`; its text in `files` is what makes a path executable. */
export function natsServerFile(version: string): string {
  return `nats-server: v${version}`;
}

/** In-memory `Machine`: a file whose text begins with `nats-server:` is a program that prints that text. */
export class FakeMachine implements Machine {
  readonly platform: string;
  readonly architecture: string;
  readonly homeDirectory = '/home/someone';
  readonly temporaryDirectory = '/tmp';
  /** Every program that was run, as `name first-argument`. */
  readonly commands: string[] = [];
  readonly downloads: string[] = [];
  readonly files: Map<string, string>;
  readonly #options: FakeMachineOptions;
  #made = 0;

  constructor(options: FakeMachineOptions = {}) {
    this.#options = options;
    this.platform = options.platform ?? 'linux';
    this.architecture = options.architecture ?? 'x64';
    this.files = new Map(Object.entries(options.files ?? {}));
  }

  environment(name: string): string | undefined {
    return this.#options.environment?.[name];
  }

  monotonicMs(): number {
    return 0;
  }

  run(program: string, args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    this.commands.push([program, args.find((arg) => !arg.startsWith('/') && arg !== '-c')].join(' '));
    const text = this.files.get(program);
    const answer =
      text === undefined ? this.#options.programs?.[program]?.(args, options, this) : says(`${text}\n`);
    return Promise.resolve(answer ?? { status: undefined, stdout: '', stderr: `${program}: not installed` });
  }

  isExecutable(path: string): Promise<boolean> {
    return Promise.resolve(this.files.has(path));
  }

  readText(path: string): Promise<string | undefined> {
    return Promise.resolve(this.files.get(path));
  }

  writeText(path: string, text: string): Promise<void> {
    this.files.set(path, text);
    return Promise.resolve();
  }

  list(directory: string): Promise<readonly string[]> {
    const inside = [...this.files.keys()].filter((path) => path.startsWith(`${directory}/`));
    const names = inside.map((path) => path.slice(directory.length + 1).split('/', 1)[0] ?? '');
    return Promise.resolve([...new Set(names)]);
  }

  makeDirectory(_path: string): Promise<void> {
    return Promise.resolve();
  }

  makeTemporaryDirectory(parent: string): Promise<string> {
    this.#made += 1;
    return Promise.resolve(join(parent, `.made-${this.#made}`));
  }

  rename(from: string, to: string): Promise<boolean> {
    if ([...this.files.keys()].some((path) => dirname(path) === to)) return Promise.resolve(false);
    for (const [path, text] of [...this.files]) {
      if (!path.startsWith(`${from}/`)) continue;
      this.files.delete(path);
      this.files.set(join(to, path.slice(from.length)), text);
    }
    return Promise.resolve(true);
  }

  copyExecutable(from: string, to: string): Promise<void> {
    this.files.set(to, this.files.get(from) ?? '');
    return Promise.resolve();
  }

  remove(path: string): Promise<void> {
    for (const file of [...this.files.keys()]) {
      if (file === path || file.startsWith(`${path}/`)) this.files.delete(file);
    }
    return Promise.resolve();
  }

  download(url: string, path: string): Promise<string> {
    this.downloads.push(url);
    const sha256 = this.#options.web?.[url];
    if (sha256 === undefined) return Promise.reject(new Error(`cannot reach ${url}`));
    this.files.set(path, 'archive');
    return Promise.resolve(sha256);
  }
}
