// Preloaded into a node (`NODE_OPTIONS=--import …`): its worker threads get stuck in native code before they are ready,
// where nothing but the end of the process ends them.
import { openSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

/** Path of a named pipe that nobody writes to. */
export const PIPE_VARIABLE = 'BLOCKING_PIPE';

const pipe = process.env[PIPE_VARIABLE];
if (!isMainThread && pipe !== undefined) openSync(pipe, 'r');
