import { dashboard, uids } from './dashboard.ts'
import { badAbove, badAtAll, quiet, series, stat, timeline } from './panels.ts'
import { of, perMinute, perSecond, quantile, share } from './promql.ts'
import { durations, failingTurns, openBreakers, slowFirstText, turnsByOutcome } from './shared-panels.ts'

const rate = stat({
  title: 'Turns',
  description:
    'Turns a minute that ended. Normal: follows the hour of the day. 0 in a busy hour: guests do not get through.',
  unit: 'suffix:/min',
  queries: [{ expression: perMinute('maya_turns_total'), legend: 'turns' }],
})

const slowest = stat({
  title: 'Whole turn',
  description:
    'How long 19 of 20 turns take at most, to their last word. Normal: below 30 s. A turn ends at MAYA_TURN_SECONDS (120 by default).',
  unit: 's',
  steps: badAbove(30, 60),
  otherwise: quiet('No turns'),
  queries: [{ expression: quantile(0.95, 'maya_turn_duration_seconds'), legend: 'p95' }],
})

const failingModels = stat({
  title: 'Model requests that fail',
  description:
    'Replies asked of a model that ended in an error, of all that nobody broke off. Normal: below 2 %; retries and a fallback hide the first ones from guests.',
  unit: 'percentunit',
  steps: badAbove(0.02, 0.1),
  otherwise: quiet('No requests'),
  queries: [
    {
      expression: share(
        perSecond('maya_llm_requests_total', [], 'outcome="error"'),
        perSecond('maya_llm_requests_total', [], 'outcome=~"ok|error"'),
      ),
      legend: 'failing',
    },
  ],
})

const tokens = series({
  title: 'Tokens a minute',
  description:
    'A minute, by provider and kind: what is paid for. Normal: follows the turns, many more of input than of output. Input growing alone: conversations get long.',
  unit: 'short',
  queries: [
    { expression: perMinute('maya_llm_tokens_total', ['provider', 'kind']), legend: '{{provider}} {{kind}}' },
  ],
})

const cost = series({
  title: 'Cost an hour',
  description:
    'Dollars, by provider, from tokens and MAYA_LLM_INPUT_PRICE and MAYA_LLM_OUTPUT_PRICE. Normal: follows the tokens. Always 0 where no prices are set.',
  unit: 'currencyUSD',
  stacked: true,
  queries: [
    {
      expression: `${perSecond('maya_llm_cost_dollars_total', ['provider'])} * 3600`,
      legend: '{{provider}}',
    },
  ],
})

const turnFailures = series({
  title: 'Turns that failed, by why',
  description:
    'A minute. Normal: none. MODEL_ and KEY_: a provider, see below. TURN_LIMIT: an answer that did not come to an end. STORE_UNAVAILABLE: Redis or the disk. INTERRUPTED: a container that closed or died.',
  unit: 'suffix:/min',
  stacked: true,
  isBad: true,
  otherwise: 'No turn has failed',
  queries: [{ expression: `${perMinute('maya_turn_failures_total', ['code'])} > 0`, legend: '{{code}}' }],
})

const requests = series({
  title: 'Model requests',
  description:
    'Replies asked of each provider in a minute, by outcome. Aborted ones were stopped by the guest. Normal: nearly all ok.',
  unit: 'suffix:/min',
  stacked: true,
  queries: [
    {
      expression: perMinute('maya_llm_requests_total', ['provider', 'outcome']),
      legend: '{{provider}} {{outcome}}',
    },
  ],
})

const failures = series({
  title: 'Model failures, by why',
  description:
    'A minute. Normal: none. MODEL_UNAVAILABLE, MODEL_TIMEOUT: the provider; KEY_REJECTED, KEY_QUOTA: the key or its account; MODEL_BLOCKED: its filter; MODEL_TRUNCATED: an answer was cut.',
  unit: 'suffix:/min',
  stacked: true,
  isBad: true,
  otherwise: 'None',
  queries: [
    {
      expression: `${perMinute('maya_llm_failures_total', ['provider', 'code'])} > 0`,
      legend: '{{provider}} {{code}}',
    },
  ],
})

const breakers = timeline({
  title: 'Breakers',
  description:
    'When each provider was left alone because it failed too often, in any container. Normal: closed all the time. An open one closes when a guest asks again and is answered; nobody asking leaves it open.',
  unit: 'short',
  steps: badAtAll,
  words: ['closed', 'open'],
  queries: [{ expression: `max by (provider) (${of('maya_llm_breaker_open')})`, legend: '{{provider}}' }],
})

const rescues = series({
  title: 'Retries and fallbacks',
  description:
    'Replies a minute that were asked for once more, or that another model gave instead. Normal: none or few. Many: guests are served, but a provider is not well.',
  unit: 'suffix:/min',
  queries: [
    { expression: perMinute('maya_llm_retries_total', ['provider']), legend: '{{provider}} asked again' },
    { expression: perMinute('maya_llm_fallbacks_total', ['provider']), legend: 'instead of {{provider}}' },
  ],
})

const toolCalls = series({
  title: 'Tool calls',
  description:
    'What the model did, a minute, by tool. Normal: follows the turns. "unknown" is a tool that does not exist.',
  unit: 'suffix:/min',
  stacked: true,
  otherwise: 'No tool was called',
  queries: [{ expression: `${perMinute('maya_tool_calls_total', ['tool'])} > 0`, legend: '{{tool}}' }],
})

const badToolCalls = series({
  title: 'Tool calls that did nothing',
  description:
    "A minute, by tool and why. Normal: some refused, as the bar's rules said no, and now and then an invalid one, whose arguments the model got wrong. Failed: a defect, or another system.",
  unit: 'suffix:/min',
  stacked: true,
  isBad: true,
  otherwise: 'None',
  queries: [
    {
      expression: `${perMinute('maya_tool_calls_total', ['tool', 'outcome'], 'outcome!="ok"')} > 0`,
      legend: '{{tool}} {{outcome}}',
    },
  ],
})

const payments = series({
  title: 'Payments',
  description:
    'Charges a minute, by outcome. Normal: settled, and a few declined. Unknown: the provider did not say whether it charged; look there.',
  unit: 'suffix:/min',
  stacked: true,
  colors: { settled: 'green', declined: 'orange', unknown: 'red' },
  queries: [{ expression: perMinute('maya_payments_total', ['outcome']), legend: '{{outcome}}' }],
})

const limits = series({
  title: 'Refused by limits and budgets',
  description:
    'Requests and calls of a model a minute that were refused, by limit. Normal: few. "app" is MAYA_APP_RATE_LIMIT, which all guests share; "day" is the budget of a workspace.',
  unit: 'suffix:/min',
  stacked: true,
  otherwise: 'Nobody was refused',
  queries: [
    { expression: `${perMinute('maya_rate_limited_total', ['limit'])} > 0`, legend: 'limit: {{limit}}' },
    {
      expression: `${perMinute('maya_budget_exhausted_total', ['budget'])} > 0`,
      legend: 'budget: {{budget}}',
    },
  ],
})

const guard = series({
  title: 'Guard',
  description:
    'Messages a minute by what the guard found in them, those it refused, and those it failed on. Normal: few marks, no errors. What happens while it fails is MAYA_GUARD_ON_ERROR.',
  unit: 'suffix:/min',
  colors: { refused: 'orange', errors: 'red' },
  queries: [
    { expression: `${perMinute('maya_guard_marks_total', ['mark'])} > 0`, legend: 'mark: {{mark}}' },
    { expression: perMinute('maya_guard_refusals_total'), legend: 'refused' },
    { expression: perMinute('maya_guard_errors_total'), legend: 'errors' },
  ],
})

/** How are guests answered, and by which models? */
export const turns = dashboard({
  uid: uids.turns,
  title: 'Maya: turns and models',
  description:
    'How guests are answered, and how the models do. docs/models.md explains what becomes of failures.',
  rows: [
    {
      height: 5,
      panels: [rate, failingTurns(), slowest, slowFirstText(), failingModels, openBreakers()],
    },
    {
      height: 9,
      panels: [
        durations(
          'First text',
          'How many turns had their first text after how long. Normal: one band that stays where it is. A second band above it: one provider or container is slow.',
          'maya_turn_first_text_seconds',
        ),
        durations(
          'Whole turn',
          'How many turns ended after how long. Normal: one band. A thin line at the top: turns that run into MAYA_TURN_SECONDS.',
          'maya_turn_duration_seconds',
        ),
      ],
    },
    { height: 8, panels: [turnsByOutcome(), turnFailures] },
    { height: 8, panels: [tokens, cost] },
    { height: 8, panels: [requests, failures] },
    { height: 6, panels: [breakers, rescues] },
    { height: 8, panels: [toolCalls, badToolCalls] },
    { height: 8, panels: [payments, limits, guard] },
  ],
})
