import { describe, expect, it } from 'vitest'
import { newGuest } from '../fakes/guest.ts'
import { calls, hanging, says } from '../fakes/scripted-model.ts'
import { shareService } from '../fakes/test-service.ts'

const service = await shareService()
const { model } = service

const martini = (quantity: number) => calls(['add_to_order', { item_name: 'Martini', quantity }])

interface LedgerEntry {
  readonly from: string
  readonly to: string
  readonly cents: number
}

/** What each account holds after all entries, from the opening balance on. */
function accountsOf(ledger: readonly LedgerEntry[]) {
  const accounts: Record<string, number> = { balance: 1000_00, tab: 0, 'in-payment': 0, paid: 0 }
  for (const { from, to, cents } of ledger) {
    accounts[from] = (accounts[from] ?? 0) - cents
    accounts[to] = (accounts[to] ?? 0) + cents
  }
  return accounts
}

describe('reset', () => {
  it('starts history, order, tab and balance again in the same session', async () => {
    const guest = await newGuest(service)
    model.add(martini(2), says('Here.'))
    await guest.post('/chat', { user_input: 'two martinis' })
    await guest.post('/payments/pay')
    await guest.post('/payments/tip', { tip_percentage: 20 })
    const response = await guest.post('/session/reset')
    expect([response.statusCode, response.json()]).toEqual([
      200,
      { status: 'reset', session_id: guest.token },
    ])
    expect((await guest.get('/chat/history')).json()).toEqual({ history: [], running_turn_id: null })
    expect((await guest.get('/payments/tab')).json()).toMatchObject({
      tab_amount_cents: 0,
      balance_cents: 1000_00,
      tip_percentage: null,
      status: 'open',
    })
    expect((await guest.get('/session/status')).json()).toMatchObject({ turn_count: 0, phase: 'greeting' })
  })

  it('ends the turn that runs', async () => {
    const guest = await newGuest(service)
    const { reply, heard } = hanging('Let me')
    model.add(reply)
    const asked = guest.post('/chat', { user_input: 'hi' })
    await heard
    expect((await guest.post('/session/reset')).statusCode).toBe(200)
    expect((await asked).statusCode).toBe(200)
    expect((await guest.get('/chat/history')).json().history).toEqual([])
  })
})

describe('export', () => {
  it('has the conversation, the order and a ledger that adds up', async () => {
    const guest = await newGuest(service)
    model.add(martini(3), says('Three.'))
    model.add(calls(['remove_from_order', { item_name: 'Martini', quantity: 1 }]), says('Two.'))
    await guest.post('/chat', { user_input: 'three martinis' })
    await guest.post('/chat', { user_input: 'one less' })
    await guest.post('/payments/tip', { tip_percentage: 15 })
    await guest.post('/payments/pay')
    model.add(martini(1), says('One.'))
    await guest.post('/chat', { user_input: 'one more' })
    const response = await guest.get('/session/export')
    expect(response.headers['content-disposition']).toContain('attachment')
    const { history, order, tab, ledger, agent } = response.json()
    expect(agent).toBe('maya')
    expect(history.map(({ role, content }: { role: string; content: string }) => [role, content])).toEqual([
      ['user', 'three martinis'],
      ['assistant', 'Three.'],
      ['user', 'one less'],
      ['assistant', 'Two.'],
      ['user', 'one more'],
      ['assistant', 'One.'],
    ])
    expect(order).toEqual([
      { item_name: 'Martini', quantity: 1, modifiers: [], price: 13, price_cents: 1300 },
    ])
    expect(accountsOf(ledger)).toEqual({
      balance: tab.balance_cents,
      tab: tab.tab_amount_cents,
      'in-payment': 0,
      paid: 2600 + 390,
    })
  })

  it('after a reset adds up from the opening balance again', async () => {
    const guest = await newGuest(service)
    model.add(martini(3), says('Three.'))
    await guest.post('/chat', { user_input: 'three martinis' })
    await guest.post('/session/reset')
    model.add(martini(1), says('One.'))
    await guest.post('/chat', { user_input: 'one martini' })
    const { history, tab, ledger } = (await guest.get('/session/export')).json()
    expect(history).toHaveLength(2)
    expect(accountsOf(ledger)).toEqual({ balance: tab.balance_cents, tab: 1300, 'in-payment': 0, paid: 0 })
  })

  it('has no key and no token', async () => {
    const guest = await newGuest(service)
    await guest.post('/payments/tip', { tip_percentage: 15 }, { key: 'Canary-Key' })
    const { body } = await guest.get('/session/export')
    expect(body).not.toContain('Canary-Key')
    expect(body).not.toContain(guest.token)
    expect(body).not.toContain(guest.token.split('.')[0])
  })
})

describe('delete', () => {
  it('ends the turn that runs and leaves nothing', async () => {
    const guest = await newGuest(service)
    const live = service.sessions.liveCount
    const { reply, heard } = hanging('Let me')
    model.add(reply)
    const asked = guest.post('/chat', { user_input: 'hi' })
    await heard
    expect((await guest.delete('/session')).statusCode).toBe(204)
    expect((await asked).statusCode).toBe(200)
    expect(service.sessions.liveCount).toBe(live - 1)
  })

  it('at the same moment as others leaves no session behind', async () => {
    const guest = await newGuest(service)
    const live = service.sessions.liveCount
    const { reply, heard } = hanging('Let me')
    model.add(reply)
    const asked = guest.post('/chat', { user_input: 'hi' })
    await heard
    const ends = [guest.delete('/session'), guest.delete('/session')]
    const reads = [guest.get('/session/status'), guest.get('/payments/tab'), guest.get('/chat/history')]
    const codes = (await Promise.all([...ends, ...reads, asked])).map(({ statusCode }) => statusCode)
    expect(codes.slice(0, 2)).toContain(204)
    expect(codes.every((code) => [200, 204, 404].includes(code))).toBe(true)
    expect((await guest.get('/session/status')).statusCode).toBe(404)
    expect(service.sessions.liveCount).toBe(live - 1)
  })
})

describe('the menu', () => {
  it('has every drink with its price in dollars and in cents', async () => {
    const { categories, modifiers } = (await service.app.inject('/api/v1/menu')).json()
    expect(modifiers).toContain('On the Rocks')
    expect(categories[0]).toMatchObject({
      name: 'Cocktails',
      items: expect.arrayContaining([{ name: 'Daiquiri', price: 10, price_cents: 1000 }]),
    })
  })
})
