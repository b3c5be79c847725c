/** Everything that can grow has a bound. What an operator may change is a setting; the other bounds live here. */
export interface Limits {
  /** Bytes of a request's body, and characters of one message. */
  readonly bodyBytesMax: number
  readonly messageCharactersMax: number

  readonly modelCallsPerTurnMax: number
  readonly toolCallsPerTurnMax: number
  /** Characters that the model may say in one turn, all replies together. */
  readonly turnCharactersMax: number
  /** Characters of the signatures of one reply's calls: they are kept, and nobody hears them. */
  readonly signatureCharactersMax: number
  /** Turns that the model is shown, the newest ones. */
  readonly turnsShownToModelMax: number

  /** Bytes of one turn's events kept for readers that come back; older text is merged beyond it. */
  readonly turnEventBytesMax: number
  /** Bytes that a reader may lie behind before it is cut off. */
  readonly readerLagBytesMax: number
  readonly readersPerSessionMax: number
  /** Finished turns of a live session whose numbered events are kept for readers that come back. */
  readonly turnEventsKeptMax: number

  readonly turnsKeptMax: number
  readonly requestsKeptMax: number
  /** Entries of one session's log after which nothing new is begun, and after which nothing is finished either. */
  readonly logEventsMax: number
  readonly logEventsToFinishMax: number
  /** Events after which a new snapshot is taken. */
  readonly eventsPerSnapshot: number

  /** How long a tool's work outside may take, and how many bytes its result may have. */
  readonly toolMs: number
  readonly toolResultBytesMax: number

  /** The longest silence between two signs of life of a model that has begun to answer. */
  readonly modelSilenceMs: number
  /** How long a reply that is over is waited for to end: its usage may follow. */
  readonly modelFinishMs: number
  /** How often one reply is asked for in all, and for how long, before the first sign of life. */
  readonly modelAttemptsMax: number
  readonly modelRetryMs: number
  /** Bytes that a provider may send for one reply, and in one piece of it. */
  readonly modelReplyBytesMax: number
  readonly modelEventBytesMax: number
  /** Failures in a row after which a provider is left alone, and for how long. */
  readonly breakerFailuresMax: number
  readonly breakerOpenMs: number
  /** Clients of guests' own keys that are kept at the same time. */
  readonly guestModelsMax: number
  /** How long the validation of a guest's key may take. */
  readonly keyCheckMs: number
  /** The longest summary of what was said earlier. */
  readonly summaryCharactersMax: number
  /** How long a model may take to write it. */
  readonly summaryMs: number
  /** Guests, workspaces and addresses whose recent messages are remembered for the rate limits. */
  readonly rateKeysMax: number
  /** Checks of a guest's own key a minute, in one session. */
  readonly keyChecksMax: number
  /** How long a guard may think about a message. */
  readonly guardMs: number
  /** How long a guard that failed counts as failing, when nothing shows that it works again. */
  readonly guardFailingMs: number

  /** Bytes of one turn's sound that are kept for readers that come back; the oldest go first. */
  readonly turnAudioBytesMax: number
  /** How long a voice may speak on when the text has ended, and how long it may make no sound. */
  readonly speechTailMs: number
  readonly speechSilenceMs: number
  /** The longest sentence that is spoken in one piece. */
  readonly sentenceCharactersMax: number
  /** Turns that wait for a place of a voice, and for how long. */
  readonly speechQueueMax: number
  readonly speechQueueMs: number
  /** How long a connection to a voice or an ear may take to be made. */
  readonly voiceConnectMs: number
  /** Guests that are listened to at the same time, how long one may be, and sound of theirs that may wait. */
  readonly listenersMax: number
  readonly listenMs: number
  readonly listenBufferBytesMax: number
  /** How long no sound may come from one. */
  readonly listenSilenceMs: number
  /** How often one session or address may begin to be listened to, a minute. */
  readonly listensMax: number

  readonly leaseMs: number
  readonly leaseRenewMs: number
  readonly leasePollMs: number
  /** Events of a turn that one message to another container may have. */
  readonly relayEventsMax: number
  readonly heartbeatMs: number
  /** How often a container shows its metrics to the fleet, and how long they are shown without being renewed. */
  readonly fleetPublishMs: number
  readonly fleetLifeMs: number
  /** Containers whose metrics the fleet shows, and how many bytes those of one may have. */
  readonly fleetContainersMax: number
  readonly fleetTextBytesMax: number
  readonly confirmationMs: number
  readonly paymentMs: number
  /** How long a refused guest is told to wait. */
  readonly retryAfterSeconds: number
  /** Sessions that one sweep step handles before it lets others run. */
  readonly sweepStepMax: number

  /** Spans that wait for their delivery; what comes while there are so many is lost. */
  readonly traceSpansQueuedMax: number
  /** How long spans are gathered before they are sent. */
  readonly traceBatchMs: number
  /** How long the receiver has to take a batch, tries included, and how long the last ones may take at the end. */
  readonly traceExportMs: number
  readonly traceFlushMs: number
  /** Of what is said, in one attribute of a span. */
  readonly traceContentCharactersMax: number
}

export const limits: Limits = {
  bodyBytesMax: 64 * 1024,
  messageCharactersMax: 4000,

  modelCallsPerTurnMax: 8,
  toolCallsPerTurnMax: 32,
  turnCharactersMax: 64 * 1024,
  signatureCharactersMax: 64 * 1024,
  turnsShownToModelMax: 50,

  turnEventBytesMax: 512 * 1024,
  readerLagBytesMax: 256 * 1024,
  readersPerSessionMax: 16,
  turnEventsKeptMax: 2,

  turnsKeptMax: 100,
  requestsKeptMax: 1000,
  logEventsMax: 50_000,
  logEventsToFinishMax: 51_000,
  eventsPerSnapshot: 200,

  toolMs: 30_000,
  toolResultBytesMax: 16 * 1024,

  modelSilenceMs: 20_000,
  modelFinishMs: 1000,
  modelAttemptsMax: 3,
  modelRetryMs: 45_000,
  modelReplyBytesMax: 8 * 1024 * 1024,
  modelEventBytesMax: 1024 * 1024,
  breakerFailuresMax: 5,
  breakerOpenMs: 15_000,
  guestModelsMax: 1000,
  keyCheckMs: 10_000,
  summaryCharactersMax: 2000,
  summaryMs: 15_000,
  rateKeysMax: 10_000,
  keyChecksMax: 10,
  guardMs: 2000,
  guardFailingMs: 30_000,

  turnAudioBytesMax: 1024 * 1024,
  speechTailMs: 60_000,
  speechSilenceMs: 10_000,
  sentenceCharactersMax: 280,
  speechQueueMax: 50,
  speechQueueMs: 10_000,
  voiceConnectMs: 5000,
  listenersMax: 100,
  listenMs: 10 * 60_000,
  listenBufferBytesMax: 256 * 1024,
  listenSilenceMs: 30_000,
  listensMax: 60,

  leaseMs: 10_000,
  leaseRenewMs: 3000,
  leasePollMs: 250,
  relayEventsMax: 100,
  heartbeatMs: 15_000,
  fleetPublishMs: 10_000,
  fleetLifeMs: 30_000,
  fleetContainersMax: 100,
  fleetTextBytesMax: 512 * 1024,
  confirmationMs: 5 * 60_000,
  paymentMs: 10_000,
  retryAfterSeconds: 5,
  sweepStepMax: 32,

  traceSpansQueuedMax: 2048,
  traceBatchMs: 2000,
  traceExportMs: 10_000,
  traceFlushMs: 2000,
  traceContentCharactersMax: 8000,
}
