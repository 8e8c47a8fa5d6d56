// What this folder needs of the computer that it runs on: its name and folders, other programs, files, one kind
// of download, time. The search for a nats-server is written against this port, so that unit tests can play
// a machine with or without apt, network or cache.

/** What a finished program left behind. */
export interface CommandResult {
  /** Exit status; `undefined` when the program could not be started or ran past its time. */
  readonly status: number | undefined;
  readonly stdout: string;
  /** Standard error, or why the program could not be started. */
  readonly stderr: string;
}

export interface CommandOptions {
  /** The program is killed after that long. Milliseconds; default 10,000. */
  readonly timeoutMs?: number;
  readonly workingDirectory?: string;
}

export interface DownloadOptions {
  /** Longest wait for the first byte of an answer, in milliseconds. */
  readonly answerTimeoutMs: number;
  /** Longest silence within the body, in milliseconds. */
  readonly stallTimeoutMs: number;
}

/** The computer, as the search for a nats-server sees it. */
export interface Machine {
  readonly platform: string;
  /** As Node names it: `x64`, `arm64`, … */
  readonly architecture: string;
  readonly homeDirectory: string;
  readonly temporaryDirectory: string;
  environment(name: string): string | undefined;
  monotonicMs(): number;

  /** Runs a program to its end; never rejects. */
  run(program: string, args: readonly string[], options?: CommandOptions): Promise<CommandResult>;

  /** Whether `path` is a regular file that may be executed. */
  isExecutable(path: string): Promise<boolean>;
  /** The file's text; `undefined` when it cannot be read. */
  readText(path: string): Promise<string | undefined>;
  writeText(path: string, text: string): Promise<void>;
  /** Names within a folder; none when it does not exist. */
  list(directory: string): Promise<readonly string[]>;
  makeDirectory(path: string): Promise<void>;
  /** A new empty folder within `parent` (created if need be), readable by everybody; its path. */
  makeTemporaryDirectory(parent: string): Promise<string>;
  /** Renames within one file system. Resolves to false when `to` is there already and is not empty. */
  rename(from: string, to: string): Promise<boolean>;
  /** Copies a file and makes the copy executable. */
  copyExecutable(from: string, to: string): Promise<void>;
  /** Removes a file or folder with all it holds; absent is fine. */
  remove(path: string): Promise<void>;

  /** Streams `url` to the file `path`; resolves to the sha256 of its bytes, as hex. */
  download(url: string, path: string, options: DownloadOptions): Promise<string>;
}
