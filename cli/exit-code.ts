// The exit codes of every command, and how an error becomes one of them.
import { CommandError } from './command-error.ts';
import {
  COMMAND_ERRORS,
  type CommandErrorCode,
  type ExitConsequence,
  isCommandErrorCode,
} from './error-catalogue.ts';
import { fileProblem } from './file-problem.ts';

/** 0 good; 1 the answer is "no" or degraded; 2 usage or configuration; 3 unreachable. */
export const ExitCode = { good: 0, no: 1, usage: 2, unreachable: 3 } as const;

/** One of the four exit codes. */
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

const EXIT_CODES: Readonly<Record<ExitConsequence, ExitCode>> = {
  'exit 1': ExitCode.no,
  'exit 2': ExitCode.usage,
  'exit 3': ExitCode.unreachable,
};

/** Errors of other parts, by class name, that mean something to whoever typed the command. */
const CODES_BY_NAME: Readonly<Record<string, CommandErrorCode>> = {
  NatsUnreachable: 'unreachable',
  CredentialsRefused: 'credentials_refused',
  CertificateRefused: 'certificate_refused',
  PermissionDenied: 'permission_denied',
  PermissionViolationError: 'permission_denied',
  LinkClosed: 'unreachable',
  JetStreamUnavailable: 'jetstream_unavailable',
  StreamNotFoundError: 'no_running_system',
  NoStream: 'no_running_system',
  NoQuorum: 'no_quorum',
  NoResponders: 'no_answer',
  RequestTimeout: 'no_answer',
  TimeoutError: 'no_answer',
  AskTimeout: 'no_answer',
  NatsServerNotFound: 'server_unavailable',
  NatsServerUnusable: 'server_unavailable',
  NatsServerStartFailed: 'server_unavailable',
  ChecksumMismatch: 'server_unavailable',
  DataFolderBusy: 'data_folder_busy',
  ReplicasRefused: 'config_invalid',
  StreamsNotAsExpected: 'streams_differ',
  StoreKeyRefused: 'config_invalid',
  InvalidName: 'usage',
};

/** JetStream's own code for a stream that does not exist. */
const STREAM_NOT_FOUND = 10_059;

/** Whether a read was refused since the stream is not there. */
function isStreamNotFound(error: Error): boolean {
  return (
    error.name === 'JetStreamRefused' && (error as { readonly code?: unknown }).code === STREAM_NOT_FOUND
  );
}

/** The catalogue's code for any error; `internal` for what no command expects. */
export function codeOf(error: unknown): CommandErrorCode {
  if (error instanceof CommandError) return error.code;
  if (!(error instanceof Error)) return 'internal';
  const own = (error as { readonly code?: unknown }).code;
  if (isCommandErrorCode(own)) return own;
  const named = Object.hasOwn(CODES_BY_NAME, error.name) ? CODES_BY_NAME[error.name] : undefined;
  if (named !== undefined) return named;
  if (isStreamNotFound(error)) return 'no_running_system';
  if (fileProblem(error) !== undefined) return 'file_unusable';
  // Clients wrap what the server does not permit in errors of their own.
  return error.cause instanceof Error && codeOf(error.cause) === 'permission_denied'
    ? 'permission_denied'
    : 'internal';
}

/** What is printed for an error and the exit code that follows. */
export interface Failure {
  readonly code: CommandErrorCode;
  readonly exitCode: ExitCode;
  /** What was wrong, with the value and what is allowed. */
  readonly message: string;
  /** What to do about it. */
  readonly remedy: string;
}

/** Maps any error to its failure by the catalogue. */
export function failureOf(error: unknown): Failure {
  const code = codeOf(error);
  const { becomes, remedy } = COMMAND_ERRORS[code];
  return { code, exitCode: EXIT_CODES[becomes], message: messageOf(error, code), remedy };
}

/** What others say of a failure, put in terms of the command. */
function messageOf(error: unknown, code: CommandErrorCode): string {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof CommandError || message === '') return message === '' ? code : message;
  if (code === 'file_unusable') return fileProblem(error) ?? message;
  if (code === 'no_running_system')
    return `expected a system on this server, found none or half of one: ${message}`;
  return message;
}
