// Tells the audit log what one command line does: before its command touches anything, and again when it has ended, with the
// exit code. The command environment carries it, so that no command knows of it. An action that cannot be told is not
// begun, but where a system has no audit log yet.
import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import { type NatsLink, NoStream, RequestTimeout, type SystemNames } from '#nats';
import type { Clock } from '#runtime';
import type { ExitCode } from '../exit-code.ts';
import { encodeEntry } from './audit-entry.ts';
import { type Action, actionOf } from './audited-commands.ts';

/** Longer than an election takes; a command does not wait without end for a log that nobody keeps. */
const TELL_MS = 30_000;

/** Where to tell it, and as whom. */
interface Desk {
  readonly link: NatsLink;
  readonly names: SystemNames;
  readonly who: string;
}

export class AuditTrail {
  readonly #clock: Clock;
  readonly #id = randomUUID();
  #action: Action | undefined;
  #as: string | null = null;
  #desk: Desk | undefined;
  #exitCode: ExitCode = 0;
  /** Whether its beginning is in the log. */
  #isBegun = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The exit code that the command has set last. */
  exits(code: ExitCode): void {
    this.#exitCode = code;
  }

  /** The command that is about to run, and who they say that they are. */
  runs(command: Command, as: string | null): void {
    this.#action = actionOf(command);
    this.#as = as;
  }

  /**
   * The command is connected. From then on the connection is the trail's where it is to tell something.
   * @returns whether it is
   * @throws PermissionDenied for a user who may change nothing; RequestTimeout
   */
  async connected(desk: Desk): Promise<boolean> {
    if (this.#action === undefined) return false;
    this.#desk = desk;
    try {
      await this.#tell('begun', this.#action);
      this.#isBegun = true;
    } catch (error) {
      // A command may be about to make the system; its end is told then.
      if (!(error instanceof NoStream)) throw error;
    }
    return true;
  }

  /** The command has ended. Resolves to why that could not be told, if so; closes the connection. */
  async close(): Promise<string | undefined> {
    const desk = this.#desk;
    if (desk === undefined || this.#action === undefined) return undefined;
    this.#desk = undefined;
    try {
      if (!desk.link.connected) return 'the connection is gone';
      if (this.#isBegun || this.#exitCode === 0) await this.#tellAt(desk, 'ended', this.#action);
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    } finally {
      await desk.link.drain();
    }
  }

  async #tell(phase: 'begun' | 'ended', action: Action): Promise<void> {
    if (this.#desk !== undefined) await this.#tellAt(this.#desk, phase, action);
  }

  async #tellAt({ link, names, who }: Desk, phase: 'begun' | 'ended', action: Action): Promise<void> {
    const { command, operands, options } = action;
    const data = encodeEntry({
      version: 1,
      id: this.#id,
      phase,
      at: new Date(this.#clock.wallMs()).toISOString(),
      as: this.#as,
      command,
      operands: [...operands],
      options,
      exitCode: phase === 'begun' ? null : this.#exitCode,
    });
    const subject = names.subjects.audit(who, command.replaceAll(' ', '-'));
    const over = new AbortController();
    const cancel = this.#clock.schedule(TELL_MS, () => over.abort(new RequestTimeout(subject, TELL_MS)));
    try {
      await link.publisher.publish({ subject, data, id: `${this.#id}.${phase}` }, over.signal);
    } finally {
      cancel();
    }
  }
}
