import type { JSX } from 'preact'
import type { Bar } from '../state/bar.ts'
import { Composer } from './composer.tsx'
import { Confirmation } from './confirmation.tsx'
import { KeyDialog } from './key-dialog.tsx'
import { Menu } from './menu.tsx'
import { Messages } from './messages.tsx'
import { QuestionDialog } from './question-dialog.tsx'
import { SettingsDialog } from './settings-dialog.tsx'
import { Stage } from './stage.tsx'
import { TabPanel } from './tab-panel.tsx'

interface Props {
  readonly bar: Bar
}

/** The whole page. */
export function App({ bar }: Props): JSX.Element {
  return (
    <>
      <Top bar={bar} />
      <main class="room">
        <Stage bar={bar} />
        <section class="conversation" aria-label="Conversation">
          <Messages bar={bar} />
          <NoticeLine bar={bar} />
          <Confirmation bar={bar} />
          <p class="partial" aria-hidden="true">
            {bar.listener.partial.value}
          </p>
          <Composer bar={bar} />
        </section>
        <aside>
          <TabPanel bar={bar} />
          <Menu bar={bar} />
        </aside>
      </main>
      <QuestionDialog question={bar.question} />
      <SettingsDialog bar={bar} />
      <KeyDialog apiKey={bar.apiKey} />
      <FullBar bar={bar} />
      <p id="announcer" class="hidden" aria-live="polite">
        {bar.announcement.value}
      </p>
    </>
  )
}

function Top({ bar }: Props): JSX.Element {
  const { speech, visit, chat } = bar
  return (
    <header class="top">
      <img src="/logo.svg" alt="" width="36" height="36" />
      <h1>Maya</h1>
      <div class="top-actions">
        <button
          id="voice-toggle"
          type="button"
          aria-pressed={speech.isOn.value}
          onClick={() => bar.toggleVoice()}
        >
          Voice
        </button>
        <button id="settings-open" type="button" onClick={() => (bar.isSettingsOpen.value = true)}>
          Settings
        </button>
        <button
          id="start-over"
          type="button"
          disabled={chat.isAnswering.value}
          onClick={() => void visit.guard(() => bar.startOver())}
        >
          Start over
        </button>
      </div>
    </header>
  )
}

function NoticeLine({ bar }: Props): JSX.Element {
  const { notice } = bar
  const isElsewhere = bar.isFull.value
  return (
    <p id="notice">
      <span id="notice-text" role="status">
        {isElsewhere ? '' : notice.text.value}
      </span>{' '}
      <span id="notice-countdown" aria-hidden="true">
        {isElsewhere ? '' : notice.countdown.value}
      </span>
    </p>
  )
}

/** There is no place for this guest yet. The page goes on trying by itself. */
function FullBar({ bar }: Props): JSX.Element {
  const isFull = bar.isFull.value
  return (
    <section id="full" class="full" aria-label="Waiting for a place" hidden={!isFull}>
      <p role="status">{isFull ? bar.notice.text.value : ''}</p>
      <p>{isFull ? 'Stay here: you are let in as soon as there is a place.' : ''}</p>
      <p id="full-countdown" aria-hidden="true">
        {isFull ? bar.notice.countdown.value : ''}
      </p>
    </section>
  )
}
