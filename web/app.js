import { newKey, Problem, receive } from './api.js'
import { menuNodes } from './menu.js'
import { Messages } from './messages.js'
import { Notice } from './notice.js'
import { Payments } from './payments.js'
import { forget, recall, remember } from './pending.js'
import { persist } from './persist.js'
import { askGuest } from './question.js'
import { TabPanel } from './tab.js'
import { followTurn } from './turn.js'

const find = (id) => document.getElementById(id)
const input = find('input')
const notice = new Notice({ text: find('notice-text'), countdown: find('notice-countdown') })
const messages = new Messages({
  list: find('messages'),
  scroller: find('scroller'),
  announcer: find('announcer'),
})
const panel = new TabPanel(find)
const payments = new Payments({
  find,
  panel,
  notice,
  messages,
  guard,
  change,
  reload: showTab,
  session: () => session,
})

/** When the session was made, which tells it from another one; undefined before there is one. */
let session
/** The turn that is being followed, if there is one: a guest's message, or one that was running already. */
let current

input.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
  event.preventDefault()
  submit()
})
find('composer').addEventListener('submit', (event) => {
  event.preventDefault()
  submit()
})
find('stop').addEventListener('click', stop)
find('start-over').addEventListener('click', () => void guard(startOver))
find('suggestions').addEventListener('click', ({ target }) => {
  if (target.type === 'button') put(target.textContent)
})
// Another browser tab may have gone on with the same session meanwhile.
addEventListener('focus', () => {
  if (session !== undefined && current === undefined) void guard(show)
})

/** Runs what the guest or the page wants; a problem becomes a line, an ended session a new one. */
async function guard(action) {
  try {
    await action()
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem
    if (!problem.isSessionGone) notice.say(problem.message)
    else if (action === enter) notice.say('Please allow cookies for this page, or Maya cannot remember you.')
    else await guard(enter)
  }
}

/** Finds the guest's session or makes one, and shows all that belongs to it. */
async function enter() {
  let hadSession = session !== undefined
  session = undefined
  const status = await patiently('/session/status').catch((problem) => {
    if (!problem.isSessionGone) throw problem
    hadSession = true
    return { is_active: false }
  })
  const { created_at: createdAt } = status.is_active
    ? status
    : await patiently('/sessions', { method: 'POST' })
  session = createdAt
  if (!status.is_active && hadSession) notice.say('Your last visit has ended. Here is a fresh tab.')
  await show()
}

/** Shows conversation and tab as the server has them, and goes on with an answer that is being made. */
async function show() {
  const [{ history, running_turn_id: runningId }] = await Promise.all([patiently('/chat/history'), showTab()])
  if (current !== undefined) return
  const pending = recall('message', session)
  const question = pending ?? (runningId === null ? undefined : { turnId: runningId })
  const isToldAnew = ({ turn_id: turnId, role }) =>
    turnId === question?.turnId && (role === 'assistant' || pending !== undefined)
  messages.show(history.filter((entry) => !isToldAnew(entry)))
  payments.restore()
  if (question === undefined) setCurrent(undefined)
  else void answer(question)
}

/** Unless the guest or Maya has changed the tab meanwhile: then that is newer. */
async function showTab() {
  const before = panel.tab
  const { tab, order } = await patiently('/session/export')
  if (panel.tab === before) panel.show(tab, order)
}

/** Asks the server, as often as it takes. */
function patiently(path, options) {
  return persist(() => receive(path, options), { tell: (...wait) => notice.wait(...wait) })
}

/** Changes something, once, however often it has to be sent. */
function change(path, body) {
  return patiently(path, { method: 'POST', headers: { 'idempotency-key': newKey() }, body })
}

/** Puts words into the guest's mouth. */
function put(words) {
  input.value = [input.value.trim(), words].filter((part) => part !== '').join(' ')
  input.focus()
}

function submit() {
  const text = input.value.trim()
  if (text === '' || current !== undefined || session === undefined) return
  input.value = ''
  input.focus()
  notice.say('')
  payments.withdraw()
  const question = { text, key: newKey() }
  remember('message', question, session)
  void answer(question)
}

/** Shows the answer to a message, or the rest of an answer that is being made. */
async function answer(question) {
  const exchange = messages.begin(question)
  const turn = { id: undefined, abort: new AbortController(), isRefused: false, isStopWanted: false }
  setCurrent(turn)
  try {
    await followTurn(question, {
      signal: turn.abort.signal,
      onEvent: (event) => handlers[event.type]?.(event, { question, exchange, turn }),
      tell(problem, seconds) {
        turn.isRefused = problem !== null && problem.status !== 0 && turn.id === undefined
        notice.wait(problem, seconds)
      },
    }).finally(() => setCurrent(undefined))
    forget('message')
  } catch (problem) {
    await fail(problem, { question, exchange, turn })
  }
}

/** What each event of a turn does to the page. */
const handlers = {
  session({ turn_id: turnId, restart }, { question, exchange, turn }) {
    if (restart) exchange.restart(turnId)
    if (turn.id !== undefined) return
    turn.id = turnId
    if (question.key !== undefined) remember('message', { ...question, turnId }, session)
    if (turn.isStopWanted) void guard(() => change('/chat/stop'))
  },
  status: ({ status }, { exchange }) => exchange.wait(waits[status]),
  text_chunk: ({ content }, { exchange }) => exchange.append(content),
  state: ({ tab, order }) => payments.update(tab, order),
  confirmation: (event) => payments.ask(event),
  complete: ({ content, finish_reason: reason }, { exchange }) => exchange.finish(content, notes[reason]),
}

const waits = { warming_up: 'Maya’s model is warming up …' }
const notes = { stopped: 'Stopped.', length: 'The answer was cut off here.' }

async function fail(problem, { question, exchange, turn }) {
  const isCancelled = problem.name === 'AbortError'
  if (!isCancelled && !(problem instanceof Problem)) throw problem
  if (turn.id !== undefined && !problem.isSessionGone) {
    if (!problem.retryable) forget('message')
    const retry = () => {
      if (current !== undefined) return
      exchange.remove()
      void answer(question)
    }
    return exchange.fail(problem.message, problem.retryable ? retry : undefined)
  }
  // The bar never took the message: it goes back to where it came from.
  forget('message')
  exchange.remove()
  if (input.value === '') input.value = question.text ?? ''
  if (problem.isSessionGone) await guard(enter)
  else if (!isCancelled) notice.say(problem.message)
}

function stop() {
  find('stop').disabled = true
  if (current.isRefused) return current.abort.abort()
  current.isStopWanted = true
  if (current.id !== undefined) void guard(() => change('/chat/stop'))
}

async function startOver() {
  const text = 'The conversation, your order and your tab begin anew. What you have not paid is forgotten.'
  if (!(await askGuest(find, { title: 'Start over?', text, yes: 'Start over' }))) return
  await change('/session/reset')
  payments.withdraw()
  notice.say('')
  await show()
  input.focus()
}

function setCurrent(turn) {
  current = turn
  find('send').disabled = turn !== undefined
  find('start-over').disabled = turn !== undefined
  if (turn === undefined && document.activeElement === find('stop')) input.focus()
  find('stop').hidden = turn === undefined
  find('stop').disabled = false
}

// Last, when all of the above is there: a guest may act while the page is still entering.
void guard(async () => find('menu-items').append(...menuNodes(await patiently('/menu'), put)))
await guard(enter)
// On a phone the keyboard would cover the page before it was seen.
if (matchMedia('(pointer: fine)').matches) input.focus()
