/** Series by name, with their values at every minute in promtool's notation; `@2` is those of a second container. */
export type Series = Readonly<Record<string, string>>

export interface Scene {
  readonly what: string
  readonly series: Series
  /** The minute at which it is asked whether the alert fires. */
  readonly atMinutes: number
  readonly fires: boolean
  /** Where it can happen; unset is both. */
  readonly only?: 'direct' | 'fleet'
}

function fires(what: string, atMinutes: number, series: Series): Scene {
  return { what, series, atMinutes, fires: true }
}

function quiet(what: string, atMinutes: number, series: Series): Scene {
  return { what, series, atMinutes, fires: false }
}

function inFleet(scene: Scene): Scene {
  return { ...scene, only: 'fleet' }
}

function direct(scene: Scene): Scene {
  return { ...scene, only: 'direct' }
}

type Outcome = 'failed' | 'interrupted' | 'stopped'

/** `guests`: those in another container that fail for what is the guests' own affair. */
function turns(complete: string, others: Partial<Record<Outcome | 'guests', string>>): Series {
  const { failed = '0x400', interrupted = '0x400', stopped = '0x400', guests = '0x400' } = others
  return {
    'maya_turns_total{outcome="complete"}': complete,
    'maya_turns_total{outcome="failed"}': failed,
    'maya_turns_total{outcome="interrupted"}': interrupted,
    'maya_turns_total{outcome="stopped"}': stopped,
    'maya_turns_total{outcome="failed"}@2': guests,
    'maya_turn_failures_total{code="INTERNAL"}': failed,
    'maya_turn_failures_total{code="INTERRUPTED"}': interrupted,
    'maya_turn_failures_total{code="KEY_REJECTED"}@2': guests,
  }
}

/** A histogram whose observations, so many a minute, lie below the first bound, or between the two. */
function histogram(
  name: string,
  labels: string,
  { below, between }: { below: number; between: number },
): Series {
  const [low, high] = name === 'maya_store_operation_seconds' ? ['0.1', '0.5'] : ['2.5', '5']
  const comma = labels === '' ? '' : `${labels},`
  const all = below + between
  return {
    [`${name}_bucket{${comma}le="${low}"}`]: `0+${below}x60`,
    [`${name}_bucket{${comma}le="${high}"}`]: `0+${all}x60`,
    [`${name}_bucket{${comma}le="+Inf"}`]: `0+${all}x60`,
    [`${name}_count{${labels}}`]: `0+${all}x60`,
  }
}

function rejections(rejected: string, admitted: string): Series {
  return {
    'maya_sessions_rejected_total{reason="SESSION_LIMIT"}': rejected,
    'maya_sessions_rejected_total{reason="MEMORY_PRESSURE"}': '0x60',
    'maya_sessions_rejected_total{reason="OVERLOADED"}': '0x60',
    'maya_sessions_rejected_total{reason="DRAINING"}': '0x60',
    maya_sessions_created_total: admitted,
    maya_sessions_woken_total: '0x60',
  }
}

const requests = 'maya_http_request_duration_seconds_count'

function answers(ok: string, failed: string, rejected = '0x60'): Series {
  return {
    [`${requests}{method="POST",route="/api/v1/chat/stream",status="200"}`]: ok,
    [`${requests}{method="POST",route="/api/v1/chat/stream",status="503"}`]: failed,
    'maya_sessions_rejected_total{reason="SESSION_LIMIT"}': rejected,
  }
}

function breaker(open: string, errors: string): Series {
  return {
    'maya_llm_breaker_open{provider="gemini"}': open,
    'maya_llm_requests_total{outcome="error",provider="gemini"}': errors,
  }
}

const voice: Series = {
  'maya_tts_speeches_total{outcome="ok",provider="cartesia"}': '0x60',
  'maya_tts_speeches_total{outcome="error",provider="cartesia"}': '0x60',
  'maya_tts_speeches_total{outcome="aborted",provider="cartesia"}': '0+9x60',
  'maya_stt_sessions_total{outcome="ok",provider="cartesia"}': '0x60',
  'maya_stt_sessions_total{outcome="error",provider="cartesia"}': '0x60',
}

function speeches(ok: string, error: string): Series {
  return {
    ...voice,
    'maya_tts_speeches_total{outcome="ok",provider="cartesia"}': ok,
    'maya_tts_speeches_total{outcome="error",provider="cartesia"}': error,
  }
}

function hearings(ok: string, error: string): Series {
  return {
    ...voice,
    'maya_stt_sessions_total{outcome="ok",provider="cartesia"}': ok,
    'maya_stt_sessions_total{outcome="error",provider="cartesia"}': error,
  }
}

function payments(settled: string, declined: string, unknown: string): Series {
  return {
    'maya_payments_total{outcome="settled"}': settled,
    'maya_payments_total{outcome="declined"}': declined,
    'maya_payments_total{outcome="unknown"}': unknown,
  }
}

function conflicts(found: string, appends: string): Series {
  return {
    maya_store_conflicts_total: found,
    'maya_store_operation_seconds_count{operation="append"}': appends,
  }
}

function storeFailures(failed: string, all: string): Series {
  return {
    'maya_store_failures_total{operation="touch"}': failed,
    'maya_store_operation_seconds_count{operation="touch"}': all,
  }
}

function places(active: string, admissible: string): Series {
  return { maya_active_sessions: active, maya_sessions_admissible: admissible }
}

/** One more every other minute. */
const trickle = Array.from({ length: 60 }, (_, minute) => Math.floor(minute / 2)).join(' ')
const failures = 'maya_fleet_failures_total{reason="too-large"}'
const delay = (quantile: string) => `maya_event_loop_delay_seconds{quantile="${quantile}"}`
const overloaded = 'maya_event_loop_overloaded'
const firstText = 'maya_turn_first_text_seconds'
const operation = 'maya_store_operation_seconds'

/** What happens, and whether the alert fires then. */
export const scenes: Readonly<Record<string, readonly Scene[]>> = {
  MayaNotScraped: [
    fires('a target does not answer', 7, { up: '1x4 0x9' }),
    quiet('for a moment', 6, { up: '1x4 0x9' }),
    quiet('it answers', 9, { up: '1x9' }),
    fires('there is no target', 2, { 'up{job="other"}': '1x9' }),
    quiet('the job has another name that begins with maya', 9, { 'up{job="maya-canary"}': '1x9' }),
    quiet('what is down is not ours', 9, { 'up{job="other"}': '0x9', up: '1x9' }),
  ],
  MayaFleetBoardDown: [
    inFleet(fires('no container reads the store', 9, { maya_fleet_board_up: '1x4 0x9' })),
    inFleet(fires('one of three does not', 15, { maya_fleet_board_up: '1 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1' })),
    inFleet(quiet('two readings failed', 6, { maya_fleet_board_up: '1x4 0 0 1x9' })),
    inFleet(quiet('one reading failed', 9, { maya_fleet_board_up: '1x4 0 1x9' })),
    inFleet(quiet('all read it', 9, { maya_fleet_board_up: '1x20' })),
  ],
  MayaFleetIncomplete: [
    fires('a text is too large again and again', 9, { [failures]: '0x3 1 2 3 4x9' }),
    quiet('it was once', 9, { [failures]: '0x3 1x9' }),
    inFleet(fires('no more containers can be shown', 9, { maya_fleet_containers: '100x9' })),
    inFleet(quiet('there are many', 9, { maya_fleet_containers: '99x9' })),
  ],
  MayaContainerRestarts: [
    direct(
      fires('the uptime goes back', 20, { maya_process_uptime_seconds: '900 960 5 65 125 5 65 5 65+60x20' }),
    ),
    direct(quiet('a new version', 20, { maya_process_uptime_seconds: '900 960 5+60x20' })),
    fires('containers live shortly, one after the other', 14, {
      up: '1x20',
      maya_process_uptime_seconds: '1000+60x20',
      'maya_process_uptime_seconds@2': '_ 5 65 stale',
      'maya_process_uptime_seconds@3': '_x4 5 65 110 stale',
      'maya_process_uptime_seconds@4': '_x9 5 65 stale',
    }),
    quiet('an autoscaler ends what has done its work', 28, {
      maya_process_uptime_seconds: '1000+60x60',
      'maya_process_uptime_seconds@2': '_ 5+60x6 stale',
      'maya_process_uptime_seconds@3': '_x9 5+60x6 stale',
      'maya_process_uptime_seconds@4': '_x18 5+60x6 stale',
    }),
    quiet('a crowd has come and gone', 9, {
      maya_process_uptime_seconds: '1000+60x60',
      'maya_process_uptime_seconds@2': '_ 5+60x4 stale',
      'maya_process_uptime_seconds@3': '_ 5+60x4 stale',
      'maya_process_uptime_seconds@4': '_ 5+60x4 stale',
    }),
    quiet('two lived shortly', 14, {
      maya_process_uptime_seconds: '1000+60x20',
      'maya_process_uptime_seconds@2': '_ 5 65 stale',
      'maya_process_uptime_seconds@3': '_x4 5 65 110 stale',
    }),
    quiet('three have just started, and a scrape fails', 3, {
      up: '1x2 0x9',
      maya_process_uptime_seconds: '5 65 110 stale',
      'maya_process_uptime_seconds@2': '5 65 110 stale',
      'maya_process_uptime_seconds@3': '5 65 110 stale',
    }),
    quiet('three have just started', 4, {
      maya_process_uptime_seconds: '_ 5+60x20',
      'maya_process_uptime_seconds@2': '_ 5+60x20',
      'maya_process_uptime_seconds@3': '_ 5+60x20',
    }),
  ],
  MayaMemoryPressure: [
    fires('it lasts', 8, { maya_container_memory_pressure: '0x2 1x9' }),
    fires('in one of two containers', 8, {
      maya_container_memory_pressure: '0x20',
      'maya_container_memory_pressure@2': '0x2 1x9',
    }),
    quiet('it passes', 9, { maya_container_memory_pressure: '0x2 1x3 0 1x9' }),
  ],
  MayaEventLoopSlow: [
    fires('it lasts', 8, { [delay('0.99')]: '0.01x2 0.25x9', [delay('1')]: '0.02x2 0.3x9' }),
    quiet('it passes', 9, { [delay('0.99')]: '0.01x2 0.25x3 0.01 0.25x9' }),
    quiet('an empty bar shares half a core with others', 20, { [delay('0.99')]: '0.12x20' }),
    quiet('one callback in thousands waits', 9, { [delay('0.99')]: '0.05x20', [delay('1')]: '0.9x20' }),
  ],
  MayaEventLoopOverloaded: [
    fires('it lasts', 9, { [overloaded]: '0x2 1x9' }),
    fires('again and again', 20, { [overloaded]: '1 1 0 1 1 0 1 1 0 1 1 0 1 1 0 1 1 0 1 1 0' }),
    fires('in one of two containers', 9, { [overloaded]: '0x20', [`${overloaded}@2`]: '0x2 1x9' }),
    quiet('it passes', 20, { [overloaded]: '0x2 1x3 0x20' }),
    quiet('now and then', 20, { [overloaded]: '1 0 0 1 0 0 1 0 0 1 0 0 1 0 0 1 0 0 1 0 0' }),
    quiet('not for long', 8, { [overloaded]: '0x2 1x9' }),
  ],
  MayaSessionsNearLimit: [
    fires('a tenth is free', 8, places('10x2 46x9', '40x2 4x9')),
    fires('nothing fits at all', 6, places('0x9', '0x9')),
    quiet('for a moment', 7, places('10x2 46x9', '40x2 4x9')),
    quiet('there is more', 20, places('40x20', '10x20')),
    quiet('all are live, and many are idle', 20, places('50x20', '30x20')),
    quiet('one container is full and another is not', 20, {
      ...places('50x20', '0x20'),
      'maya_active_sessions@2': '0x20',
      'maya_sessions_admissible@2': '50x20',
    }),
  ],
  MayaSessionsRejected: [
    fires('one in ten is refused', 20, rejections('0+2x60', '0+18x60')),
    fires('the event loop is too late for them', 20, {
      ...rejections('0x60', '0+18x60'),
      'maya_sessions_rejected_total{reason="OVERLOADED"}': '0+2x60',
    }),
    quiet('one in fifty is', 20, rejections('0+2x60', '0+98x60')),
    quiet('a few are, of few', 20, rejections(trickle, '0x60')),
    quiet('not for long', 14, rejections('0x10 2+2x60', '0+18x60')),
    quiet('a container ends', 20, {
      ...rejections('0x60', '0+18x60'),
      'maya_sessions_rejected_total{reason="DRAINING"}': '0+9x60',
    }),
  ],
  MayaTurnsFailingFast: [
    fires('every fifth fails for an hour', 60, turns('0+4x99', { failed: '0+1x99' })),
    fires('every fifth is interrupted', 60, turns('0+4x99', { interrupted: '0+1x99' })),
    fires('all fail, for a quarter of an hour', 75, turns('0+10x60 600x60', { failed: '0x60 10+10x60' })),
    quiet('one in ten fails', 60, turns('0+9x99', { failed: '0+1x99' })),
    fires('few turns, and half of them fail', 60, turns('0x50 1+1x30', { failed: '0x50 1+1x30' })),
    quiet('it is over', 70, turns('0+10x99', { failed: '0x40 10+10x19 200x60' })),
    quiet('it gets better', 75, turns('0+8x60 489+9x40', { failed: '0+2x60 121+1x40' })),
    quiet('it has just begun', 60, turns('0+8x99', { failed: '0x35 2+2x60' })),
    quiet('a handful of turns', 65, turns('0x99', { failed: '0x54 1x3 2x3 3x40' })),
    quiet('guests stop them', 60, turns('0+4x99', { stopped: '0+4x99' })),
    quiet('guests have keys that are refused', 60, turns('0+4x99', { guests: '0+4x99' })),
    fires('half of the others fail', 60, turns('0+1x99', { failed: '0+1x99', guests: '0+98x99' })),
    fires('half of the others fail, a scrape is lost, and guests come with keys that are refused', 60, {
      ...turns('0+1x54 _ 56+1x40', { failed: '0+1x54 _ 56+1x40' }),
      'maya_turns_total{outcome="failed"}@2': '9000x54 _ 9000 9098+98x40',
      'maya_turn_failures_total{code="KEY_REJECTED"}@2': '0x54 _ 0 98+98x40',
    }),
    quiet('nothing ends but what is the affair of guests', 60, turns('0x99', { guests: '0+9x99' })),
  ],
  MayaTurnsFailingSlowly: [
    fires('one in ten fails for hours', 360, turns('0+9x400', { failed: '0+1x400' })),
    quiet('one in fifty fails', 360, turns('0+49x400', { failed: '0+1x400' })),
    fires('few turns, and half of them fail', 360, turns('0x340 1+1x50', { failed: '0x340 1+1x50' })),
    quiet('guests have keys that are refused', 360, turns('0+9x400', { guests: '0+1x400' })),
    quiet('it is over', 360, turns('0+9x400', { failed: '0+1x300 300x100' })),
    quiet('it gets better', 360, turns('0+96x400', { failed: '0+10x300 3004+4x99' })),
    quiet('it has just begun', 360, turns('0+90x400', { failed: '0x250 10+10x150' })),
    quiet('a handful of turns', 360, turns('0x400', { failed: '0x345 1x3 2x3 3x3 4x3 5x50' })),
  ],
  MayaRequestsFailing: [
    fires('one in ten fails', 12, answers('0+9x60', '0+1x60')),
    quiet('one in fifty fails', 12, answers('0+98x60', '0+2x60')),
    quiet('they are refusals for lack of room', 12, answers('0+9x60', '0+1x60', '0+1x60')),
    quiet('a few do, of few', 20, answers('0x60', trickle)),
    quiet('not for long', 14, answers('0+9x60', '0x10 2+2x60')),
    quiet('the page of a probe', 12, {
      ...answers('0+9x60', '0x60'),
      [`${requests}{method="GET",route="/healthz",status="503"}`]: '0+9x60',
    }),
  ],
  MayaFirstTextSlow: [
    fires('one in four is slow', 25, histogram(firstText, '', { below: 3, between: 1 })),
    quiet('one in fifty is', 25, histogram(firstText, '', { below: 49, between: 1 })),
    quiet('not for long', 8, histogram(firstText, '', { below: 9, between: 1 })),
    quiet('a single guest has waited', 25, histogram(firstText, '', { below: 0, between: 1 })),
  ],
  MayaProviderBreakerOpen: [
    fires('the provider is away', 9, breaker('0x2 1x20', '0+1x20')),
    quiet('nobody has asked since', 20, breaker('0x2 1x30', '0 1 2 5x30')),
    quiet('it errs and answers', 20, breaker('0x30', '0+1x30')),
    quiet('for a moment', 4, breaker('0x2 1x20', '0+1x20')),
  ],
  MayaVoiceFailing: [
    fires('every fifth speech fails', 25, speeches('0+4x60', '0+1x60')),
    fires('every fifth hearing fails', 25, hearings('0+4x60', '0+1x60')),
    quiet('one in twenty fails', 25, speeches('0+19x60', '0+1x60')),
    fires('there are few, and half of them fail', 35, speeches(trickle, trickle)),
    quiet('a few fail, of few', 30, speeches('0x60', '0x20 1 2 3x60')),
    quiet('not for long', 24, speeches('0+4x60', '0x20 3+3x60')),
  ],
  MayaGuardFailing: [
    fires('messages cannot be checked', 9, { maya_guard_errors_total: '0x5 1 3 4 5x9' }),
    quiet('one could not', 9, { maya_guard_errors_total: '0x5 1x9' }),
  ],
  MayaPaymentsUnknown: [
    fires('the provider does not answer', 9, payments('0+1x9', '0x9', '0x5 1 2 3 4')),
    quiet('once', 9, payments('0+1x9', '0x9', '0x5 1x9')),
    quiet('charges are declined', 9, payments('0+1x9', '0+3x9', '0x9')),
  ],
  MayaPaymentsDeclined: [
    fires('half of them', 60, payments('0+1x60', '0+1x60', '0x60')),
    fires('there are few, and no other', 60, payments('0x60', '0x50 1+1x5 6x20', '0x60')),
    quiet('one in ten', 60, payments('0+9x60', '0+1x60', '0x60')),
    quiet('a few, of few', 60, payments('0x60', '0x30 1 2 3x60', '0x60')),
  ],
  MayaStoreFailing: [
    fires('one in ten', 25, storeFailures('0+3x60', '0+30x60')),
    fires('all of few', 25, storeFailures('0+1x60', '0+1x60')),
    quiet('one in a thousand', 25, storeFailures('0+1x60', '0+1000x60')),
    quiet('a few, of few', 25, storeFailures('0x18 3x50', '0+1x60')),
    quiet('not for long', 8, storeFailures('0x4 10+10x60', '0+30x60')),
  ],
  MayaStoreConflicts: [
    fires('one append in ten', 25, conflicts('0+3x60', '0+30x60')),
    quiet('one in fifty', 25, conflicts('0+4x60', '0+200x60')),
    quiet('a few, of few', 25, conflicts('0+1x60', '0+4x60')),
    quiet('not for long', 8, conflicts('0+10x60', '0+100x60')),
  ],
  MayaStoreSlow: [
    fires(
      'one append in six is slow',
      25,
      histogram(operation, 'operation="append"', { below: 5, between: 1 }),
    ),
    fires(
      'one in seventy is, a little',
      25,
      histogram(operation, 'operation="append"', { below: 197, between: 3 }),
    ),
    quiet('one in a thousand is', 25, histogram(operation, 'operation="append"', { below: 999, between: 1 })),
    quiet('a few were', 25, histogram(operation, 'operation="load"', { below: 0, between: 2 })),
    quiet('the sweep is', 25, histogram(operation, 'operation="expired"', { below: 0, between: 50 })),
    quiet('not for long', 8, histogram(operation, 'operation="append"', { below: 49, between: 1 })),
  ],
}

/** Half an hour in which all is well. */
export const quietEvening: Series = {
  maya_container_memory_pressure: '0x30',
  maya_process_uptime_seconds: '500+60x30',
  maya_fleet_board_up: '1x30',
  maya_fleet_containers: '2x30',
  [failures]: '0x30',
  [delay('0.99')]: '0.01x30',
  ...places('20x30', '30x30'),
  ...answers('0+98x30', '0+1x30'),
  ...rejections('0x30', '0+18x30'),
  ...turns('0+200x30', { failed: '0+1x30' }),
  ...histogram(firstText, '', { below: 99, between: 1 }),
  ...breaker('0x30', '0+1x30'),
  ...speeches('0+99x30', '0+1x30'),
  maya_guard_errors_total: '0x30',
  ...payments('0+9x30', '0+1x30', '0x30'),
  ...histogram(operation, 'operation="append"', { below: 999, between: 1 }),
  maya_store_conflicts_total: '0+1x30',
  ...storeFailures('0 0 1x30', '0+10x30'),
  [overloaded]: '0x9 1 1 0x20',
}
