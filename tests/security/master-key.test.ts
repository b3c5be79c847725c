import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { describe, expect, it, onTestFinished } from 'vitest'
import { loadMasterKey, MasterKeyError, parseMasterKey } from '../../src/security/master-key.ts'

function setup() {
  const folder = mkdtempSync(join(tmpdir(), 'maya-key-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const keyFile = join(folder, 'data', 'master.key')
  const load = () => loadMasterKey({ configured: null, keyFile, isStoreShared: false, randomBytes })
  return { folder, keyFile, load }
}

it('takes the configured key and makes no file', () => {
  const { folder, keyFile } = setup()
  const configured = randomBytes(32)
  expect(loadMasterKey({ configured, keyFile, isStoreShared: false, randomBytes })).toEqual({
    key: configured,
    source: 'setting',
  })
  expect(readdirSync(folder)).toEqual([])
})

it('makes no key for a store that others share, who would not have it', () => {
  const { folder, keyFile } = setup()
  const shared = { keyFile, isStoreShared: true, randomBytes }
  expect(() => loadMasterKey({ ...shared, configured: null })).toThrow(MasterKeyError)
  expect(readdirSync(folder)).toEqual([])
  const configured = randomBytes(32)
  expect(loadMasterKey({ ...shared, configured }).key).toEqual(configured)
})

it('makes a key for this process where nothing outlives it', () => {
  const options = { configured: null, keyFile: null, isStoreShared: false, randomBytes }
  const first = loadMasterKey(options)
  expect(first).toMatchObject({ source: 'process', key: { length: 32 } })
  expect(loadMasterKey(options).key).not.toEqual(first.key)
})

it('makes a key at the first start and finds it again', () => {
  const { keyFile, load } = setup()
  const first = load()
  expect(first).toMatchObject({ source: 'file', key: { length: 32 } })
  expect(load()).toEqual(first)
  expect(parseMasterKey(readFileSync(keyFile, 'utf8').trim())).toEqual(first.key)
})

it('keeps the key to its owner and leaves nothing else behind', () => {
  const { folder, keyFile, load } = setup()
  load()
  expect(statSync(keyFile).mode & 0o777).toBe(0o600)
  expect(readdirSync(join(folder, 'data'))).toEqual(['master.key'])
})

it('agrees with a process that made the key at the same moment', () => {
  const { folder, keyFile } = setup()
  const theirs = randomBytes(32)
  const late = loadMasterKey({
    configured: null,
    keyFile,
    isStoreShared: false,
    randomBytes(size) {
      // Both found no file; the other one is done before ours is.
      writeFileSync(keyFile, `${theirs.toString('base64')}\n`)
      return randomBytes(size)
    },
  })
  expect(late.key).toEqual(theirs)
  expect(readdirSync(join(folder, 'data'))).toEqual(['master.key'])
})

it('gives all of many that start at once the same key', async () => {
  const { folder, keyFile } = setup()
  const module = new URL('../../src/security/master-key.ts', import.meta.url).href
  const gate = new Int32Array(new SharedArrayBuffer(4))
  const program = `
    const { parentPort, workerData } = require('node:worker_threads')
    const { randomBytes } = require('node:crypto')
    import(workerData.module).then(({ loadMasterKey }) => {
      parentPort.postMessage('ready')
      Atomics.wait(workerData.gate, 0, 0)
      const { key } = loadMasterKey({ configured: null, keyFile: workerData.keyFile, isStoreShared: false, randomBytes })
      parentPort.postMessage(key.toString('hex'))
    })`
  const workers = Array.from({ length: 6 }, () => {
    const ready = Promise.withResolvers<void>()
    const key = Promise.withResolvers<unknown>()
    const worker = new Worker(program, { eval: true, workerData: { module, gate, keyFile } })
    worker.on('message', (message) => (message === 'ready' ? ready.resolve() : key.resolve(message)))
    worker.on('error', key.reject)
    return { ready: ready.promise, key: key.promise }
  })
  await Promise.all(workers.map((worker) => worker.ready))
  Atomics.store(gate, 0, 1)
  Atomics.notify(gate, 0)
  const keys = await Promise.all(workers.map((worker) => worker.key))
  expect(new Set(keys).size).toBe(1)
  expect(readdirSync(join(folder, 'data'))).toEqual(['master.key'])
})

describe('a key file that cannot be used', () => {
  it.each([
    '',
    '\n',
    'secret-but-short',
    randomBytes(31).toString('base64'),
    `${randomBytes(32).toString('base64')}x`,
  ])('is never replaced: %j', (text) => {
    const { folder, keyFile, load } = setup()
    mkdirSync(join(folder, 'data'))
    writeFileSync(keyFile, text)
    expect(load).toThrow(MasterKeyError)
    expect(load).toThrow(`The key file ${keyFile} is damaged`)
    expect(load).not.toThrow('secret-but-short')
    expect(readFileSync(keyFile, 'utf8')).toBe(text)
  })

  it('is named with the reason, and the setting that does without it', () => {
    const { folder, keyFile, load } = setup()
    mkdirSync(keyFile, { recursive: true })
    expect(load).toThrow(/master\.key cannot be used \(EISDIR.*MAYA_MASTER_KEY/)
    rmSync(join(folder, 'data'), { recursive: true })
    writeFileSync(join(folder, 'data'), 'not a folder')
    expect(load).toThrow(/master\.key cannot be used \(ENOTDIR/)
  })
})

it('reads a key in base64, base64url and as Fernet writes it', () => {
  const key = Buffer.from(Array.from({ length: 32 }, (_, index) => 255 - index))
  const standard = key.toString('base64')
  const fernet = standard.replaceAll('+', '-').replaceAll('/', '_')
  expect([standard, standard.slice(0, -1), fernet, fernet.slice(0, -1)].map(parseMasterKey)).toEqual([
    key,
    key,
    key,
    key,
  ])
  const wrong = [
    '',
    ' ',
    '=',
    `${standard}=`,
    ` ${standard}`,
    `${standard.slice(0, 42)}B=`,
    standard.replace('/', '!'),
  ]
  expect(wrong.map(parseMasterKey)).toEqual(wrong.map(() => undefined))
})
