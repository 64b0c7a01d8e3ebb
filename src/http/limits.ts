/** In charge of the figures by which the server defends itself. What users set stands in config.ts. */

export const limits = {
  /** Path and query together, in characters. */
  urlLength: 8_000,
  /** The request line and all headers. */
  headerBytes: 16_384,
  /** How long the headers of a request may take to come, also the first of a new connection. */
  headersMs: 10_000,
  /** How long a whole request may take to come. */
  requestMs: 60_000,
  /** More than the sixty seconds that balancers keep an idle connection for. */
  idleMs: 65_000,
  /** How often it is looked who is too slow. */
  checkMs: 2_000,
  connections: 10_000,
  /** How long a reader may take nothing of its answer. */
  stallMs: 20_000,
  /** What a reader must take in a second, once it had its first while. */
  answerMs: 30_000,
  bytesPerSecond: 100_000,
  /** Feeds that are unpacked at once, for readers that take no gzip. */
  identityStreams: 16,
  /** How long one more waits for its turn. */
  identityWaitMs: 5_000,
  /** How long what a request asks for may take; one statement of it, a little less. */
  workMs: 30_000,
  statementMs: 28_000,
  /** How long the database may take to say whether a key is good. */
  keyCheckMs: 5_000,
  /** Wrong keys from one address, in a minute. */
  wrongKeys: 10,
}

export type Limits = typeof limits
