import { it } from 'vitest'
import { request } from 'node:http'
import { connect } from 'node:net'
import { startService } from './fakes/test-service.ts'
import { ScriptedModel, says } from './fakes/scripted-model.ts'
it('explore', async () => {
  const { app } = await startService({ model: new ScriptedModel(says('hi there')) })
  const show = async (o: any) => { try { const r = await app.inject(o); console.log(JSON.stringify(o).slice(0,150), '=>', r.statusCode, r.headers['content-type'], r.headers.allow ?? '', r.body.slice(0, 260)) } catch (e) { console.log(JSON.stringify(o), 'THREW', e) } }
  const created = (await app.inject({ method: 'POST', url: '/api/v1/sessions' })).json()
  const h = { 'x-session-id': created.session_id }
  for (const o of [
    { url: '/nope' }, { url: '/api/v1/chat' }, { method: 'PUT', url: '/api/v1/chat', payload: {} }, { method: 'DELETE', url: '/api/v1/sessions' },
    { method: 'POST', url: '/healthz' }, { method: 'POST', url: '/' }, { method: 'DELETE', url: '/' },
    { method: 'POST', url: '/api/v1/chat', headers: { 'content-type': 'application/json' }, payload: '{bad' },
    { method: 'POST', url: '/api/v1/chat', headers: { 'content-type': 'application/json' }, payload: '"str"' },
    { method: 'POST', url: '/api/v1/chat', headers: { 'content-type': 'application/json' }, payload: '[]' },
    { method: 'POST', url: '/api/v1/chat', headers: { 'content-type': 'application/json' }, payload: 'null' },
    { method: 'POST', url: '/api/v1/sessions', headers: { 'content-type': 'application/json' }, payload: 'null' },
    { method: 'POST', url: '/api/v1/chat', headers: { 'content-type': 'application/json' }, payload: '{"__proto__":{}}' },
    { method: 'POST', url: '/api/v1/chat', headers: { 'content-type': 'application/json' }, payload: '{"user_input":"a","user_input":"b"}' },
    { method: 'POST', url: '/api/v1/chat', headers: { 'content-type': 'text/plain' }, payload: 'secret words' },
    { method: 'POST', url: '/api/v1/chat', headers: { 'content-type': 'application/x-www-form-urlencoded' }, payload: 'user_input=secret' },
    { method: 'POST', url: '/api/v1/chat', headers: { 'content-type': 'application/json; charset=utf-8' }, payload: '{"user_input":5}' },
    { method: 'POST', url: '/api/v1/chat', headers: { 'content-type': 'nonsense' }, payload: '{"user_input":5}' },
    { method: 'POST', url: '/api/v1/chat', payload: {} }, { method: 'POST', url: '/api/v1/chat' },
    { method: 'POST', url: '/api/v1/chat', payload: { user_input: '' } }, { method: 'POST', url: '/api/v1/chat', payload: { user_input: '  \n' } },
    { method: 'POST', url: '/api/v1/chat', payload: { user_input: 'x'.repeat(4001) } },
    { method: 'POST', url: '/api/v1/chat', payload: { user_input: 'x'.repeat(70000) } },
    { method: 'POST', url: '/api/v1/chat', payload: { user_input: 'x', other: 1 } },
    { method: 'POST', url: '/api/v1/chat', payload: { user_input: 'x' , secret_field_words: 1 } },
    { method: 'POST', url: '/api/v1/payments/tip', payload: { tip_percentage: 12 }, headers: h },
    { method: 'POST', url: '/api/v1/payments/tip', payload: { tip_percentage: '15' }, headers: h },
    { method: 'POST', url: '/api/v1/payments/tip', payload: { tip_amount: -1 }, headers: h },
    { method: 'POST', url: '/api/v1/payments/tip', payload: { tip_amount: 1.155 }, headers: h },
    { method: 'POST', url: '/api/v1/payments/tip', payload: { tip_amount: 1e300 }, headers: h },
    { method: 'POST', url: '/api/v1/payments/tip', payload: '{"tip_amount":1e999}', headers: {...h,'content-type':'application/json'} },
    { method: 'POST', url: '/api/v1/payments/tip', payload: '{"tip_amount":NaN}', headers: {...h,'content-type':'application/json'} },
    { method: 'POST', url: '/api/v1/payments/tip', payload: { tip_percentage: 15, tip_amount: 3 }, headers: h },
    { method: 'POST', url: '/api/v1/payments/tip', payload: {}, headers: h },
    { method: 'POST', url: '/api/v1/payments/pay', payload: { expected_total_cents: 1.5 }, headers: h },
    { method: 'POST', url: '/api/v1/payments/pay', payload: { expected_total_cents: 1e30 }, headers: h },
    { method: 'POST', url: '/api/v1/payments/pay', headers: h },
    { method: 'POST', url: '/api/v1/payments/confirm', payload: { confirmation_id: 'secretword', accept: true }, headers: h },
    { method: 'POST', url: '/api/v1/payments/confirm', payload: { confirmation_id: '', accept: 'yes' }, headers: h },
    { method: 'HEAD', url: '/api/v1/session/status' }, { method: 'HEAD', url: '/' }, { method: 'HEAD', url: '/api/v1/chat/stream' }, { method: 'HEAD', url: '/metrics' },
    { method: 'HEAD', url: '/api/v1/chat/stream?turn_id=x', headers: h},
    { method: 'GET', url: '/api/v1/menu', payload: '{"a":1}', headers: { 'content-type': 'application/json' } },
    { method: 'GET', url: '/api/v1/menu?x=1' },
    { url: '/%' }, { url: '//' }, { url: '/..' }, { url: '/../../etc/passwd' }, { url: '/%00' }, { url: '/%2e%2e/package.json' }, { url: '/api/v1/%E0%A4%A' }, { url: '/api/v1/menu/' }, {url: '/API/V1/menu'},
    { url: '/index.html' }, { url: '/' }, { url: '/index.html?x=%' },
    { url: '/api/v1/session/status?session_id=a&session_id=b' }, { url: '/api/v1/session/status?session_id=%' },
    { url: '/api/v1/session/status' }, { url: '/api/v1/session/status', headers: { 'x-session-id': 'forged' } },
    { url: '/api/v1/chat/stream?session_id=' + encodeURIComponent(created.session_id) },
    { url: '/api/v1/chat/stream?unknown_param=1', headers: h },
    { url: '/api/v1/chat/stream?message=hello&idempotency_key=k&voice=true', headers: h },
    { method: 'OPTIONS', url: '/api/v1/chat' }, { method: 'TRACE', url: '/api/v1/chat' }, { method: 'PROPFIND', url: '/api/v1/chat' },
    { url: '/docs' }, { url: '/docs/' }, { url: '/docs/static/index.html' }, {url:'/docs/json'}, {url:'/documentation/json'},
    { method: 'DELETE', url: '/api/v1/session', payload: '{"a":1}', headers: { ...h, 'content-type': 'application/json' } },
    { method: 'DELETE', url: '/api/v1/session', payload: 'xx', headers: { ...h, 'content-type': 'text/plain' } },
    { method: 'POST', url: '/api/v1/chat/stop', payload: 'xx', headers: { ...h, 'content-type': 'application/xml' } },
    { method: 'POST', url: '/api/v1/session/reset', payload: '', headers: { ...h, 'content-type': 'application/json' } },
  ]) await show(o)
})
