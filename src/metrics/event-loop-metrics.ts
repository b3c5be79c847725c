import { Gauge, type Registry } from 'prom-client'

/** Of the event loop, as its monitor sees it. */
export interface LoopState {
  readonly overloaded: boolean
  /** 0 for none. */
  readonly boundSeconds: number
  delaySeconds(part: number): number
}

const quantiles = [0.5, 0.99, 1]

export function showEventLoop(registry: Registry, state: () => LoopState | undefined): void {
  const registers = [registry]
  void new Gauge({
    name: 'maya_event_loop_delay_seconds',
    help: 'Delay of the event loop in the last 30 to 60 seconds, by quantile.',
    labelNames: ['quantile'],
    registers,
    collect() {
      for (const quantile of quantiles) {
        this.set({ quantile: String(quantile) }, state()?.delaySeconds(quantile) ?? 0)
      }
    },
  })
  void new Gauge({
    name: 'maya_event_loop_overloaded',
    help: '1 while nobody new is admitted because the event loop is late.',
    registers,
    collect() {
      this.set(Number(state()?.overloaded ?? false))
    },
  })
  void new Gauge({
    name: 'maya_event_loop_delay_bound_seconds',
    help: 'Mean delay beyond which the event loop is overloaded, 0 for none.',
    registers,
    collect() {
      this.set(state()?.boundSeconds ?? 0)
    },
  })
}
