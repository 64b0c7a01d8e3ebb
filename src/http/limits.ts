/** Fixed limits that protect the server. Those that users set are in config.ts. */

export const limits = {
  /** Path and query together, in characters. */
  urlLength: 8_000,
  /** The request line and all headers. */
  headerBytes: 16_384,
  /** How long the headers of a request may take to arrive, also the first on a connection. */
  headersMs: 10_000,
  /** How long a whole request may take to arrive. */
  requestMs: 60_000,
  /** More than the 60 s for which load balancers keep idle connections. */
  idleMs: 65_000,
  /** How often slow clients are looked for. */
  checkMs: 2_000,
  connections: 10_000,
  /** How long a client may read nothing of its response. */
  stallMs: 20_000,
  /** The minimum transfer rate, after a first `answerMs`. */
  answerMs: 30_000,
  bytesPerSecond: 100_000,
  /** Large feeds sent uncompressed at the same time, to clients that do not accept gzip. */
  uncompressedStreams: 16,
  /** How long another one waits for its turn. */
  uncompressedWaitMs: 5_000,
  /** About how long the pieces of a long list of ids are in a feed; see feeds/id-lists.ts. */
  listPieceBytes: 8_192,
  /** How long handling a request may take; each of its statements a little less. */
  workMs: 30_000,
  statementMs: 28_000,
  /** After so long without an answer a connection is given up: of those that look up keys, and of background work. */
  keyQueryMs: 15_000,
  backgroundQueryMs: 120_000,
  /** How long the lookup of a key may take, and how long it may wait for earlier ones before. */
  keyCheckMs: 2_500,
  /** Wrong keys per address and minute. */
  wrongKeys: 10,
}

export type Limits = typeof limits

export const maxBodyBytes = 10_000_000
