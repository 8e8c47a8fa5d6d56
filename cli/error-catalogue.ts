// The catalogue of stable codes: what a user sees when a command fails and why an item became a dead letter.
// docs/errors.md lists the same codes; a test compares the two in both directions.
import type { DeadReason } from '#actors';

/** What a command's failure becomes: the exit code of the process. */
export type ExitConsequence = 'exit 1' | 'exit 2' | 'exit 3';

/** One entry of the catalogue. */
export interface CatalogueEntry {
  readonly meaning: string;
  /** The exit code of the command, or `dead letter` for the fate of an item. */
  readonly becomes: ExitConsequence | 'dead letter';
  readonly remedy: string;
}

/** Codes of failed commands. */
export const COMMAND_ERRORS = {
  usage: {
    meaning: 'The command line is wrong: an unknown command or option, or a value that is not allowed.',
    becomes: 'exit 2',
    remedy: 'See the command with --help.',
  },
  config_invalid: {
    meaning: 'The configuration cannot be used; every problem is listed with its place.',
    becomes: 'exit 2',
    remedy: 'Correct the fields named; `troupe config example` prints a complete file.',
  },
  file_exists: {
    meaning: 'A file that the command would write is there already.',
    becomes: 'exit 2',
    remedy: 'Choose another place, or give --force to replace it.',
  },
  file_unusable: {
    meaning:
      'A file or folder that the command would read or write cannot be used: what is there, or who may.',
    becomes: 'exit 2',
    remedy: 'Check the path, who may read or write there, and the room on the disk.',
  },
  node_too_old: {
    meaning: 'The Node.js that runs the command is older than 24 and no newer one is installed beside it.',
    becomes: 'exit 2',
    remedy: 'Install Node.js 24 or newer, or run `npm ci` in a checkout, which brings its own.',
  },
  data_folder_busy: {
    meaning: 'Another process uses the data folder already.',
    becomes: 'exit 2',
    remedy: 'Stop that one, or give this one another folder with TROUPE_DATA_DIR.',
  },
  unknown_system: {
    meaning: 'The server that --join names keeps no system of this name.',
    becomes: 'exit 2',
    remedy: 'Check the address and `system` in troupe.yaml; `troupe up --server` makes a new system there.',
  },
  datasets_differ: {
    meaning:
      'The configuration of this node says something else of a dataset than what the running nodes have recorded.',
    becomes: 'exit 2',
    remedy:
      'Take `datasets` out of the configuration of this node, or make it equal; to change a dataset, stop all nodes and start one with the new configuration first.',
  },
  streams_differ: {
    meaning:
      'Streams are managed by others (`storage.provision: false`), and some are missing or not as the system needs them.',
    becomes: 'exit 2',
    remedy:
      'The message names each with what was expected; `troupe config streams` prints all of them for whoever makes them.',
  },
  node_name_taken: {
    meaning: 'Another process joins or runs under the name of this node.',
    becomes: 'exit 2',
    remedy: 'Give each node a name of its own with `node.name`.',
  },
  node_lease_lost: {
    meaning: 'The lease of the node ran out while it started, so that it gave the start up.',
    becomes: 'exit 1',
    remedy: 'It was frozen, blocked or cut off from the server: start it again once the server answers.',
  },
  http_unavailable: {
    meaning: 'The node cannot listen for metrics and health where `node.http` or --http says.',
    becomes: 'exit 2',
    remedy: 'Choose another port, or 0 for any free one; a host must be an address of this machine.',
  },
  codec_incompatible: {
    meaning: 'A node that runs and this program have no version of the message format in common.',
    becomes: 'exit 2',
    remedy: 'Run programs whose message formats overlap; the message names both ranges.',
  },
  unknown_dataset: {
    meaning: 'No dataset has this name in the running system.',
    becomes: 'exit 2',
    remedy: '`troupe dataset list` shows the names; add it to troupe.yaml or create it.',
  },
  unknown_node: {
    meaning: 'No node of this name is recorded in the running system.',
    becomes: 'exit 2',
    remedy: '`troupe status` shows the names of the nodes.',
  },
  unknown_shard: {
    meaning: 'The dataset has no such shard.',
    becomes: 'exit 2',
    remedy: '`troupe shards list DATASET` shows them.',
  },
  node_unavailable: {
    meaning: 'The node takes no shards: it is gone, has left, leaves or is drained.',
    becomes: 'exit 1',
    remedy: 'Name another node; `troupe status` shows the state of each.',
  },
  no_other_node: {
    meaning: 'A node cannot be drained, because nobody else could take its shards.',
    becomes: 'exit 1',
    remedy: 'Start another node first, or take the drain of another one back.',
  },
  unknown_model: {
    meaning: 'The system has no version of the model that fits the range, or its file is lost.',
    becomes: 'exit 2',
    remedy: '`troupe model list` shows what there is; `troupe model add` adds one.',
  },
  model_exists: {
    meaning: 'The version of the model is taken, or its vectors do not fit those of the same major version.',
    becomes: 'exit 2',
    remedy: 'Give --name without a version to get the next one, or one that is free.',
  },
  unknown_item: {
    meaning: 'The dataset holds no such item.',
    becomes: 'exit 1',
    remedy:
      'Give the id as it was published, the digest of the item, the sha256 of its content, or its sequence.',
  },
  unknown_letter: {
    meaning: 'The dataset has no such dead letter.',
    becomes: 'exit 1',
    remedy: '`troupe dead list DATASET` shows them; one that was retried or purged is gone.',
  },
  unknown_manifest: {
    meaning: 'The dataset has no such manifest.',
    becomes: 'exit 1',
    remedy: '`troupe manifest list` shows what there is; `troupe manifest cut` makes one.',
  },
  check_failed: {
    meaning: 'The command ran and its answer is no: an audit that does not balance, a digest that differs.',
    becomes: 'exit 1',
    remedy: 'The output names what differs.',
  },
  nodes_failed: {
    meaning: 'The nodes of `troupe up --nodes` ended again and again, so that all of them were stopped.',
    becomes: 'exit 1',
    remedy: 'The report on standard error says how each ended last; its log lines stand above.',
  },
  storage_full: {
    meaning: 'The NATS server has no room for what the command would store; nothing was changed.',
    becomes: 'exit 1',
    remedy: '`troupe status` names what is full and what to do.',
  },
  restart_intensity: {
    meaning: 'The supervision of a dataset used up its restarts up to the root, so the node ended.',
    becomes: 'exit 1',
    remedy: 'The report on standard error names the first failure and what to look at: docs/events.md.',
  },
  interrupted: {
    meaning: 'Ctrl-C or SIGTERM ended the command before it was done.',
    becomes: 'exit 1',
    remedy: 'What was done by then stays; give the command again for the rest.',
  },
  internal: {
    meaning: 'Something that should not happen; a defect of Troupe.',
    becomes: 'exit 1',
    remedy: 'Run again with TROUPE_DEBUG=1 for the stack and report it.',
  },
  no_running_system: {
    meaning:
      'No server was named and no running system was found in the data folder, or the server that was named holds no system of this name.',
    becomes: 'exit 3',
    remedy: 'Start one with `troupe up`, or give --server; `system` in troupe.yaml says how it is called.',
  },
  not_reloaded: {
    meaning: 'A set-up was changed, and --reload found no nats-server of it on this machine.',
    becomes: 'exit 3',
    remedy:
      'Tell the server where it runs: `nats-server --signal reload`, or SIGHUP; do not repeat the change.',
  },
  unreachable: {
    meaning: 'The server was named but does not answer.',
    becomes: 'exit 3',
    remedy: 'Check the address; `troupe up` prints it.',
  },
  jetstream_unavailable: {
    meaning: 'The server is there, but has no JetStream for this account.',
    becomes: 'exit 3',
    remedy:
      'Start nats-server with -js and a store folder, enable JetStream for the account, or name another server with --server.',
  },
  no_quorum: {
    meaning:
      'A NATS server is there, but most of those that keep what was asked for are gone, or cannot be reached by it: nothing can be read or stored.',
    becomes: 'exit 3',
    remedy:
      'Start the servers again on the data that they had; everything goes on from there: docs/operations.md, "The NATS cluster has lost its quorum".',
  },
  credentials_refused: {
    meaning:
      'The server is there and refused who you are: the key, token or password is unknown there, or was revoked.',
    becomes: 'exit 3',
    remedy:
      'Check --nkey, --creds or the NATS_* variables; `troupe secure show` lists the keys that count, `troupe secure add-user` makes one.',
  },
  certificate_refused: {
    meaning:
      'The certificate of the server cannot be trusted (another authority, expired, another host), or it refused yours.',
    becomes: 'exit 3',
    remedy:
      'Give the right authority with --tls-ca or NATS_CA; renew an expired certificate with `troupe secure renew --reload`.',
  },
  permission_denied: {
    meaning: 'The server does not permit this to the user: its role is for less, or for other datasets.',
    becomes: 'exit 1',
    remedy:
      'See docs/security.md for what each role may do; `troupe secure add-user` adds a user with another one.',
  },
  no_answer: {
    meaning: 'The server answers but the node that should did not within the time limit.',
    becomes: 'exit 3',
    remedy: 'See `troupe status`; give a longer --timeout when the node is busy.',
  },
  server_unavailable: {
    meaning: 'No nats-server could be found or fetched for the embedded system.',
    becomes: 'exit 3',
    remedy: 'The message lists every attempt; set NATS_SERVER_BIN or give --server.',
  },
} as const satisfies Readonly<Record<string, CatalogueEntry & { readonly becomes: ExitConsequence }>>;

/** Reasons for which an item is set apart as a dead letter. */
export const DEAD_LETTER_REASONS = {
  empty: {
    meaning: 'The content has no bytes.',
    becomes: 'dead letter',
    remedy: 'Publish the item again with its content.',
  },
  unsupported_media_type: {
    meaning:
      'The bytes are of no type that the kind of the dataset understands. The declared type is not believed.',
    becomes: 'dead letter',
    remedy: 'Convert the content, or publish it to a dataset of another kind.',
  },
  too_many_pixels: {
    meaning:
      'The image declares more pixels than `limits.maxPixels`, or has them in so many scans (progressive JPEG) that it is as much work.',
    becomes: 'dead letter',
    remedy: 'Raise the limit and publish it again, or publish a smaller version.',
  },
  corrupt_image: {
    meaning: 'The bytes are no image that is known, or begin like one but cannot be decoded to the end.',
    becomes: 'dead letter',
    remedy: 'Fetch the original again and publish it.',
  },
  too_large: {
    meaning:
      'The content has more bytes than `limits.maxBytes`, or the metadata more than `limits.maxMetadataBytes`.',
    becomes: 'dead letter',
    remedy: 'Raise the limit and publish the item again.',
  },
  bad_envelope: {
    meaning:
      'The JSON message does not have the documented shape, or is nested deeper than `limits.maxJsonDepth`.',
    becomes: 'dead letter',
    remedy: 'Correct the publisher; the dead letter names the field.',
  },
  bad_header: {
    meaning: 'A Troupe header of the message has a value that is not allowed.',
    becomes: 'dead letter',
    remedy: 'Correct the publisher; the dead letter names the header.',
  },
  sha256_mismatch: {
    meaning: 'The content is not the one whose sha256 the publisher declared.',
    becomes: 'dead letter',
    remedy: 'The content changed or was damaged on its way: publish it again.',
  },
  source_not_allowed: {
    meaning: 'The URI names a scheme, host, bucket or folder that the configuration does not allow.',
    becomes: 'dead letter',
    remedy:
      'Add it to `files.roots`, `sources.http.hosts` or `sources.s3.buckets`, or publish the bytes themselves.',
  },
  not_found: {
    meaning: 'Nothing is where the URI points.',
    becomes: 'dead letter',
    remedy: 'Restore the content and publish the item again.',
  },
  address_not_allowed: {
    meaning:
      'The host of a URL, or of one that it redirects to, has an address that is not public: loopback, private, link-local or another special range.',
    becomes: 'dead letter',
    remedy:
      'Add the network to `sources.http.allowAddresses` if it is meant, or publish the bytes themselves.',
  },
  access_denied: {
    meaning:
      'The server or bucket that a URI names refused the request: 401, 403, or no credentials were found.',
    becomes: 'dead letter',
    remedy:
      'Make the content readable for this node: for `s3://` by credentials in its environment or profile.',
  },
  fetch_failed: {
    meaning:
      'The server that a URI names could not be reached, or answered with something that is not the content.',
    becomes: 'dead letter',
    remedy:
      'The dead letter holds the last answer or error; publish the item again once the URI can be fetched.',
  },
  fetch_timeout: {
    meaning:
      'The content did not arrive in time: longer than `timeoutMs` in total, or than `stallMs` without a byte.',
    becomes: 'dead letter',
    remedy: 'Raise the limit under `sources` and publish the item again.',
  },
  too_many_redirects: {
    meaning: 'The URL redirects more often than `sources.http.maxRedirects`.',
    becomes: 'dead letter',
    remedy: 'Publish the URL at the end of the redirects.',
  },
  worker_crashed: {
    meaning: 'The worker thread that handled this item alone ended without an answer.',
    becomes: 'dead letter',
    remedy: 'The content may exploit a defect of a decoder: look at it with care.',
  },
  worker_out_of_memory: {
    meaning: 'The worker thread that handled this item alone reached the limit of its memory.',
    becomes: 'dead letter',
    remedy: 'The content may be made to expand: look at it with care, or publish a smaller version.',
  },
  worker_timeout: {
    meaning: 'The work on this item alone took longer than its limit.',
    becomes: 'dead letter',
    remedy: 'Raise `node.decodeTimeoutMs` and publish it again, or publish a smaller version.',
  },
  model_failed: {
    meaning: 'The embedding model gave no vector for this item alone.',
    becomes: 'dead letter',
    remedy: 'The dead letter holds the last error; publish the item again once the model runs.',
  },
  proxy_missing: {
    meaning: 'The small copy of a content that a comparison needs is not stored.',
    becomes: 'dead letter',
    remedy: 'Something deleted it from the blobs bucket: publish the item again.',
  },
  shard_unavailable: {
    meaning: 'An index shard did not answer in several attempts.',
    becomes: 'dead letter',
    remedy: 'See `troupe status`; publish the item again once the shard runs.',
  },
  attempts_exhausted: {
    meaning: 'Every allowed attempt failed; the dead letter holds the last error.',
    becomes: 'dead letter',
    remedy: 'Remove the cause and publish the item again.',
  },
} as const satisfies Readonly<Record<DeadReason, CatalogueEntry & { readonly becomes: 'dead letter' }>>;

/** A stable code of a failed command. */
export type CommandErrorCode = keyof typeof COMMAND_ERRORS;

/** Whether `code` is one of the catalogue's codes for commands. */
export function isCommandErrorCode(code: unknown): code is CommandErrorCode {
  return typeof code === 'string' && Object.hasOwn(COMMAND_ERRORS, code);
}
