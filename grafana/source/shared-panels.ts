// What more than one dashboard shows.
import { badAbove, badAtAll, heatMap, quiet, series, stat, type Panel } from './panels.ts'
import { buckets, of, perMinute, perSecond, quantile, share } from './promql.ts'

/** Codes with which turns end without a fault of ours. The alerts leave them out, too. */
const affairsOfGuests = 'KEY_REJECTED|KEY_QUOTA|BUDGET_EXHAUSTED|MODEL_BLOCKED'
const failedTurns = perSecond('maya_turn_failures_total', [], `code!~"${affairsOfGuests}"`)
const memoryOfFullest = `max(${of('maya_container_memory_utilization')})`
const sessionsOfAll = `sum(${of('maya_active_sessions')}) / sum(${of('maya_max_sessions')})`

/** The published names as percentages, which is what the contract with operators asks for. */
export function sessionsUsed(leadsTo?: string): Panel {
  return stat({
    title: 'Sessions used',
    description:
      'Live sessions of all those allowed, in all containers. Normal: below 80. At 100 nobody new is admitted: add containers, or let idle sessions hibernate sooner.',
    unit: 'percent',
    steps: badAbove(80, 95),
    queries: [{ expression: `${sessionsOfAll} * 100`, legend: 'used' }],
    leadsTo,
  })
}

export function memoryUsed(leadsTo?: string): Panel {
  return stat({
    title: 'Memory, fullest container',
    description:
      'Memory in use of the limit. Normal: below 70. At the threshold of MAYA_CONTAINER_MEMORY_THRESHOLD (80 by default) that container admits nobody new. 0 where there is no limit.',
    unit: 'percent',
    steps: badAbove(70, 80),
    queries: [{ expression: `${memoryOfFullest} * 100`, legend: 'used' }],
    leadsTo,
  })
}

export function refusedSessions(leadsTo?: string): Panel {
  return stat({
    title: 'New sessions refused',
    description:
      'Guests a minute who were turned away at the door. Normal: 0. Why is on the dashboard of sessions: too many sessions, no memory, an event loop that is too slow, or a container that is closing.',
    unit: 'suffix:/min',
    steps: badAbove(0.1, 5),
    queries: [{ expression: perMinute('maya_sessions_rejected_total'), legend: 'refused' }],
    leadsTo,
  })
}

export function failingTurns(leadsTo?: string): Panel {
  return stat({
    title: 'Turns that fail',
    description:
      "Turns that failed or were interrupted, of all that ended, but for what is the guest's own affair: their key, their budget, what a provider will not talk about. Normal: below 1 %. A container that is told to stop may interrupt some; guests then ask again and the answer goes on.",
    unit: 'percentunit',
    steps: badAbove(0.01, 0.05),
    otherwise: quiet('No turns'),
    queries: [
      {
        expression: share(
          failedTurns,
          `(${perSecond('maya_turns_total', [], 'outcome=~"complete|stopped"')} + ${failedTurns})`,
        ),
        legend: 'failing',
      },
    ],
    leadsTo,
  })
}

export function slowFirstText(leadsTo?: string): Panel {
  return stat({
    title: 'First text',
    description:
      'How long 19 of 20 guests wait at most for the first text. Normal: below 2.5 s, nearly all of it the model. No text: nobody asks, or every answer fails. Slow: see provider failures and the delay of the event loop.',
    unit: 's',
    steps: badAbove(2.5, 5),
    otherwise: quiet('No text'),
    queries: [{ expression: quantile(0.95, 'maya_turn_first_text_seconds'), legend: 'p95' }],
    leadsTo,
  })
}

export function slowFirstAudio(leadsTo?: string): Panel {
  return stat({
    title: 'First audio',
    description:
      'How long 19 of 20 guests who listen wait at most for the first sound. Normal: below 4 s, at most 1.5 s after the first text. Slow while the text is not: the voice.',
    unit: 's',
    steps: badAbove(4, 7.5),
    otherwise: quiet('No sound'),
    queries: [{ expression: quantile(0.95, 'maya_turn_first_audio_seconds'), legend: 'p95' }],
    leadsTo,
  })
}

export function openBreakers(leadsTo?: string): Panel {
  return stat({
    title: 'Providers left alone',
    description:
      'Providers whose breaker is open in some container, because they failed too often. Normal: none. With a fallback guests are still answered; without one their turns fail.',
    unit: 'short',
    steps: badAtAll,
    queries: [
      { expression: `sum(max by (provider) (${of('maya_llm_breaker_open')}))`, legend: 'breakers open' },
    ],
    leadsTo,
  })
}

export function overloaded(leadsTo?: string): Panel {
  return stat({
    title: 'Overloaded',
    description:
      'Containers that admit nobody because their event loop is later than MAYA_EVENT_LOOP_DELAY_MS. Normal: 0. Guests who are there go on, slowly; what holds the loop up is on the dashboard of the process.',
    unit: 'short',
    steps: badAtAll,
    queries: [{ expression: `sum(${of('maya_event_loop_overloaded')})`, legend: 'containers' }],
    leadsTo,
  })
}

export function turnsByOutcome(): Panel {
  return series({
    title: 'Turns by outcome',
    description:
      'Turns a minute that ended. Normal: nearly all complete; stopped is what guests stop themselves. None at all in a busy hour: guests do not get through.',
    unit: 'suffix:/min',
    stacked: true,
    colors: { complete: 'green', stopped: 'blue', interrupted: 'orange', failed: 'red' },
    queries: [{ expression: perMinute('maya_turns_total', ['outcome']), legend: '{{outcome}}' }],
  })
}

/** A heat map of one of our histograms of turns. */
export function durations(title: string, description: string, histogram: string): Panel {
  return heatMap({
    title,
    description,
    unit: 's',
    queries: [{ expression: buckets(histogram), legend: '{{le}}' }],
  })
}
