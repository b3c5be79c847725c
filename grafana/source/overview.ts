import { dashboard, uids } from './dashboard.ts'
import { badAbove, badAtAll, badBelow, quiet, series, stat } from './panels.ts'
import { of, perMinute, perSecond, quantile, share } from './promql.ts'
import {
  failingTurns,
  memoryUsed,
  openBreakers,
  overloaded,
  refusedSessions,
  sessionsUsed,
  slowFirstAudio,
  slowFirstText,
  turnsByOutcome,
} from './shared-panels.ts'

/** What guests ask for; probes, scrapes and the page's files are left out. */
const requests = 'maya_http_request_duration_seconds_count'
const ofGuests = 'route=~"/api/.*"'

const isSeen = stat({
  title: 'Is Maya seen?',
  description:
    'Whether Prometheus can read the metrics, and whether the container that answers can read those of the whole fleet from the store. Normal: up, up. Down: every number here is old or missing; ask for /healthz by hand.',
  unit: 'short',
  steps: badBelow(1, 1),
  words: ['Down', 'Up'],
  queries: [
    { expression: 'min(up{job=~"maya.*"})', legend: 'metrics' },
    { expression: 'min(maya_fleet_board_up)', legend: 'store' },
  ],
  leadsTo: uids.process,
})

const served = stat({
  title: 'Requests without 5xx',
  description:
    "Guests' requests that were not answered with 5xx. Normal: 99.9 % and more. An answer that fails while it is streamed is a turn that fails, beside this. Below: the chart of failing requests says which status; 503 is a full house, memory pressure, overload or the store.",
  unit: 'percentunit',
  steps: badBelow(0.999, 0.99),
  otherwise: quiet('No guests'),
  queries: [
    {
      expression: `1 - ${share(
        `(${perSecond(requests, [], ofGuests, 'status=~"5.."')} or vector(0))`,
        perSecond(requests, [], ofGuests),
      )}`,
      legend: 'served',
    },
  ],
  leadsTo: uids.process,
})

const firing = stat({
  title: 'Alerts',
  description:
    'Alerts that are firing. Normal: none. What to do about each is in docs/runbook.md, under its name.',
  unit: 'short',
  steps: badAtAll,
  otherwise: { text: 'None', color: 'green' },
  words: ['resolved', 'firing'],
  isNamed: true,
  isList: true,
  width: 6,
  queries: [
    {
      expression: 'max by (alertname) (ALERTS{alertname=~"Maya.*", alertstate="firing"})',
      legend: '{{alertname}}',
    },
  ],
})

const now = stat({
  title: 'Now',
  description:
    'Answers being given at this moment, and containers that report. Normal: about turns a second times the seconds of an answer; as many containers as the platform says. Fewer: one cannot reach the store, see failures to publish on the dashboard of the process.',
  unit: 'short',
  leadsTo: uids.process,
  queries: [
    { expression: `sum(${of('maya_turns_running')})`, legend: 'turns' },
    { expression: `count(${of('maya_process_uptime_seconds')})`, legend: 'containers' },
  ],
})

const waiting = series({
  title: 'How long guests wait',
  description:
    'From taking a message up to the first text and the first sound: what half of the guests wait at most, and 19 of 20. Normal: below the dashed lines.',
  unit: 's',
  steps: badAbove(2.5, 5),
  queries: [
    { expression: quantile(0.5, 'maya_turn_first_text_seconds'), legend: 'text, half' },
    { expression: quantile(0.95, 'maya_turn_first_text_seconds'), legend: 'text, 19 of 20' },
    { expression: quantile(0.95, 'maya_turn_first_audio_seconds'), legend: 'sound, 19 of 20' },
  ],
})

const failing = series({
  title: 'Failing requests',
  description:
    "Guests' requests a minute that were answered with an error, by status. Normal: some 4xx, mostly 429 for those in a hurry and 404 for expired sessions; no 5xx.",
  unit: 'suffix:/min',
  stacked: true,
  colors: {
    '404': 'blue',
    '409': 'purple',
    '429': 'yellow',
    '500': 'dark-red',
    '502': 'red',
    '503': 'orange',
    '504': 'light-red',
  },
  otherwise: 'None',
  queries: [
    { expression: perMinute(requests, ['status'], ofGuests, 'status=~"[45].."'), legend: '{{status}}' },
  ],
})

const room = series({
  title: 'Room for guests',
  description:
    'Live sessions, and how many more could be admitted now, in all containers. Normal: room is above 0; it ends at the limit of sessions or of memory, whichever comes first.',
  unit: 'short',
  colors: { live: 'blue', 'room for': 'green' },
  queries: [
    { expression: `sum(${of('maya_active_sessions')})`, legend: 'live' },
    { expression: `sum(${of('maya_sessions_admissible')})`, legend: 'room for' },
  ],
})

/** Are guests served? */
export const overview = dashboard({
  uid: uids.overview,
  title: 'Maya: overview',
  description: 'Are guests served? Green is normal; every number leads to the dashboard that explains it.',
  rows: [
    {
      height: 5,
      panels: [
        { ...isSeen, width: 4 },
        { ...served, width: 4 },
        { ...failingTurns(uids.turns), width: 4 },
        { ...slowFirstText(uids.turns), width: 3 },
        { ...slowFirstAudio(uids.voice), width: 3 },
        firing,
      ],
    },
    {
      height: 4,
      panels: [
        sessionsUsed(uids.sessions),
        memoryUsed(uids.sessions),
        refusedSessions(uids.sessions),
        overloaded(uids.process),
        openBreakers(uids.turns),
        now,
      ],
    },
    { height: 8, panels: [turnsByOutcome(), waiting] },
    { height: 8, panels: [failing, room] },
  ],
})
