// Where a run of `publish` is kept between two commands: one small file in the data folder for each dataset and set of
// given things, written whole and renamed, so that a kill leaves the one before.
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { canonicalJson, sha256Hex } from '#actors';
import type { Clock } from '#runtime';
import { type ResumableRun, type SavedRun, savedRunSchema } from './resumable-run.ts';

const SAVE_EVERY_MS = 500;

export class RunFile {
  readonly path: string;
  readonly #clock: Clock;
  #savedMs = Number.NEGATIVE_INFINITY;
  #saving: Promise<void> = Promise.resolve();

  /** `given` is what tells one run from another. */
  constructor(options: {
    readonly dataDir: string;
    readonly dataset: string;
    readonly given: object;
    readonly clock: Clock;
  }) {
    const name = `${options.dataset}-${sha256Hex(canonicalJson(options.given)).slice(0, 16)}.json`;
    this.path = join(options.dataDir, 'publish', name);
    this.#clock = options.clock;
  }

  /** The run that was kept, if it published to the same intake; an unreadable file is as good as none. */
  async load(incarnation: string): Promise<SavedRun | undefined> {
    const text = await readFile(this.path, 'utf8').catch(() => undefined);
    if (text === undefined) return undefined;
    try {
      const saved = savedRunSchema.parse(JSON.parse(text));
      return saved.incarnation === incarnation ? saved : undefined;
    } catch {
      return undefined;
    }
  }

  /** Keeps the run now and then. What was acknowledged since is published again after a kill, which is harmless. */
  touch(run: ResumableRun): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#savedMs < SAVE_EVERY_MS) return;
    this.#savedMs = nowMs;
    // A disk that refuses is met again by the last save, which reports it.
    this.#saving = this.#saving.then(() => this.#write(run)).catch(() => undefined);
  }

  async save(run: ResumableRun): Promise<void> {
    await this.#saving;
    await this.#write(run);
  }

  async remove(): Promise<void> {
    await this.#saving;
    await rm(this.path, { force: true });
  }

  async #write(run: ResumableRun): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true });
    const draft = `${this.path}.${process.pid}.draft`;
    await writeFile(draft, JSON.stringify(run));
    await rename(draft, this.path);
  }
}
