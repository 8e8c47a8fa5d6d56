// The real machine behind the `Machine` port: Node's own file, process and network calls, nothing cached.
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import {
  access,
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { downloadFile } from './http-download.ts';
import type { CommandOptions, CommandResult, DownloadOptions, Machine } from './machine.ts';

const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;
const DEFAULT_COMMAND_TIMEOUT_MS = 10_000;

/** The computer that this process runs on. */
export class LocalMachine implements Machine {
  readonly platform: string = process.platform;
  readonly architecture: string = process.arch;
  readonly homeDirectory: string = homedir();
  readonly temporaryDirectory: string = tmpdir();
  readonly #environment: Readonly<Record<string, string | undefined>>;

  /** @param environment defaults to the process's own */
  constructor(environment: Readonly<Record<string, string | undefined>> = process.env) {
    this.#environment = environment;
  }

  environment(name: string): string | undefined {
    const value = this.#environment[name];
    return value === '' ? undefined : value;
  }

  monotonicMs(): number {
    return performance.now();
  }

  run(program: string, args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    const settings = {
      timeout: options.timeoutMs ?? DEFAULT_COMMAND_TIMEOUT_MS,
      killSignal: 'SIGKILL' as const,
      maxBuffer: MAX_OUTPUT_BYTES,
      // Messages are read by this program: they must not be translated.
      env: { ...process.env, LC_ALL: 'C' },
      ...(options.workingDirectory === undefined ? {} : { cwd: options.workingDirectory }),
    };
    return new Promise((resolve) => {
      execFile(program, args, settings, (error, stdout, stderr) => {
        if (error === null) resolve({ status: 0, stdout, stderr });
        else if (typeof error.code === 'number') resolve({ status: error.code, stdout, stderr });
        else if (error.killed === true) {
          resolve({ status: undefined, stdout, stderr: `did not end within ${settings.timeout} ms` });
        } else resolve({ status: undefined, stdout, stderr: error.message });
      });
    });
  }

  async isExecutable(path: string): Promise<boolean> {
    try {
      await access(path, constants.X_OK);
      return (await stat(path)).isFile();
    } catch {
      return false;
    }
  }

  async readText(path: string): Promise<string | undefined> {
    try {
      return await readFile(path, 'utf8');
    } catch {
      return undefined;
    }
  }

  async writeText(path: string, text: string): Promise<void> {
    await writeFile(path, text);
  }

  async list(directory: string): Promise<readonly string[]> {
    try {
      return await readdir(directory);
    } catch {
      return [];
    }
  }

  async makeDirectory(path: string): Promise<void> {
    await mkdir(path, { recursive: true });
  }

  async makeTemporaryDirectory(parent: string): Promise<string> {
    await mkdir(parent, { recursive: true });
    const path = await mkdtemp(join(parent, '.troupe-'));
    // apt drops its rights to a user of its own while it downloads, and that user must be able to look inside.
    await chmod(path, 0o755);
    return path;
  }

  async rename(from: string, to: string): Promise<boolean> {
    try {
      await rename(from, to);
      return true;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
      throw error;
    }
  }

  async copyExecutable(from: string, to: string): Promise<void> {
    await copyFile(from, to);
    await chmod(to, 0o755);
  }

  async remove(path: string): Promise<void> {
    await rm(path, { recursive: true, force: true });
  }

  async download(url: string, path: string, options: DownloadOptions): Promise<string> {
    return await downloadFile(url, path, options);
  }
}
