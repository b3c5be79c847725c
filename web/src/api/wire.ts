/** What the server says, as it says it. Money is whole cents. */

export interface TabWire {
  readonly tab_amount_cents: number
  readonly balance_cents: number
  readonly tip_percentage: number | null
  readonly tip_amount_cents: number
  readonly total_cents: number
  readonly status: 'open' | 'processing' | 'paid'
  /** Grows with every change of what is to be paid. */
  readonly version: number
}

export interface OrderLineWire {
  readonly item_name: string
  readonly quantity: number
  readonly modifiers: readonly string[]
  readonly price_cents: number
}

export interface HistoryEntryWire {
  readonly role: 'user' | 'assistant'
  readonly content: string
  readonly turn_id: string
}

export interface HistoryWire {
  readonly history: readonly HistoryEntryWire[]
  readonly running_turn_id: string | null
}

export interface ExportWire {
  readonly created_at: string
  readonly order: readonly OrderLineWire[]
  readonly tab: TabWire
}

export interface StatusWire {
  readonly is_active: boolean
  readonly created_at?: string
  readonly has_valid_keys?: boolean
}

export interface SettledWire {
  readonly receipt?: { readonly total_cents: number }
  readonly tab: TabWire
}

export interface MenuWire {
  readonly categories: readonly {
    readonly name: string
    readonly items: readonly { readonly name: string; readonly price_cents: number }[]
  }[]
}

export type KeyStatus = 'valid' | 'unverified' | 'rejected' | 'none'
export type KeyField = 'gemini' | 'cartesia'

export interface KeysWire {
  readonly has_valid_keys: boolean
  readonly keys: Readonly<Record<KeyField, KeyStatus>>
  readonly reasons?: { readonly [Field in KeyField]?: string }
}

export interface VoiceWire {
  readonly speaks: boolean
  readonly listens: boolean
  readonly voices: readonly { readonly id: string; readonly name: string }[]
  readonly default_voice: string | null
  readonly speed: { readonly min: number; readonly max: number }
}

interface TimedMarkWire {
  readonly text: string
  readonly start_ms: number
  readonly end_ms: number
}

export interface ConfirmationWire {
  readonly confirmation_id: string
  readonly total_cents: number
  readonly expires_at: string
}

export type TurnEventWire =
  | { readonly type: 'session'; readonly turn_id: string; readonly restart?: boolean }
  | { readonly type: 'text_chunk'; readonly content: string }
  | { readonly type: 'sentence'; readonly content: string; readonly index: number }
  | {
      readonly type: 'status'
      readonly status: 'warming_up' | 'voice_failed'
      readonly message?: string
    }
  | {
      readonly type: 'audio_chunk'
      readonly index: number
      readonly audio: string
      readonly sample_rate: number
      readonly start_ms: number
    }
  | {
      readonly type: 'speech_marks'
      readonly index: number
      readonly words: readonly (TimedMarkWire & { readonly from: number; readonly to: number })[]
      readonly phonemes: readonly TimedMarkWire[]
    }
  | { readonly type: 'tool_call' | 'tool_result' }
  | { readonly type: 'state'; readonly tab: TabWire; readonly order: readonly OrderLineWire[] }
  | ({ readonly type: 'confirmation' } & ConfirmationWire)
  | { readonly type: 'complete'; readonly content: string; readonly finish_reason: string }
  | { readonly type: 'error'; readonly code: string; readonly message: string; readonly retryable: boolean }
