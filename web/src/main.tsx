import { effect } from '@preact/signals'
import { render } from 'preact'
import { pageClock } from './clock.ts'
import { App } from './components/app.tsx'
import { createBar } from './state/bar.ts'
import { createOtherTabs } from './state/other-tabs.ts'
import { createShelf } from './state/shelf.ts'
import { createSpeaker } from './voice/speaker.ts'

const bar = createBar({
  fetch: (...request) => fetch(...request),
  patience: {
    clock: pageClock,
    onOnline(callback) {
      addEventListener('online', callback)
      return () => removeEventListener('online', callback)
    },
  },
  tabShelf: createShelf(() => sessionStorage),
  browserShelf: createShelf(() => localStorage),
  otherTabs: createOtherTabs(() => new BroadcastChannel('maya')),
  speaker: createSpeaker(),
})

effect(() => {
  const { theme } = bar.settings.settings.value
  if (theme === 'auto') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = theme
})

// Browsers let a page be heard only after a gesture of the guest.
for (const gesture of ['pointerdown', 'pointerup', 'keydown']) {
  addEventListener(gesture, () => bar.speech.unlock(), { capture: true, passive: true })
}

// Another browser tab may have gone on with the same session meanwhile.
const lookAgain = (): void => void bar.visit.refresh()
addEventListener('focus', lookAgain)
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') lookAgain()
})
addEventListener('pageshow', ({ persisted }) => {
  if (persisted) lookAgain()
})
addEventListener('storage', () => bar.settings.reread())

const root = document.querySelector('#app')
if (root !== null) render(<App bar={bar} />, root)

// Last, when all of the above is there: a guest may act while the page is still entering.
await bar.open()
// On a phone the keyboard would cover the page before it was seen.
if (matchMedia('(pointer: fine)').matches) bar.composer.focus()
