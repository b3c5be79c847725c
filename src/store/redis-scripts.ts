import { createHash } from 'node:crypto'

/** Lua that Redis runs in one step. It uses nothing that Redis 6 or Valkey does not have. */
export interface Script {
  readonly text: string
  /** The name under which a server that has run it once knows it. */
  readonly sha1: string
  /** Whether it may run twice where nobody knows whether it has run. */
  readonly isRepeatable: boolean
}

/**
 * Extends a log, which is a list of events, each as the id of its append and then JSON.
 * What this very append has added before, when only the answer was lost, is not added again: its answer is the same.
 * The first write is the one that a server without memory or disk refuses, so that a refusal leaves nothing behind.
 */
export const appendScript = script(`
local log, lease, snapshot, expiry, ids = unpack(KEYS)
local append, expected, owner, id, expiresAt, ttl = unpack(ARGV, 1, 6)
local version, count = redis.call('LLEN', log), #ARGV - 6
expected = tonumber(expected)
if count > 0 and version > expected then
  local present = redis.call('LINDEX', log, expected)
  if string.sub(present, 1, #append) == append then return expected + count end
end
if owner ~= '' and redis.call('GET', lease) ~= owner then return 'lease-lost' end
if version ~= expected then return 'conflict' end
if count == 0 then return version end
for at = 7, #ARGV do redis.call('RPUSH', log, ARGV[at]) end
redis.call('ZADD', expiry, expiresAt, id)
if version == 0 then redis.call('ZADD', ids, 0, id) end
redis.call('PEXPIRE', log, ttl)
redis.call('PEXPIRE', snapshot, ttl)
return version + count
`)

export const loadScript = script(`
local log, snapshot, expiry = unpack(KEYS)
local version = redis.call('LLEN', log)
if version == 0 then return false end
local kept = redis.call('HMGET', snapshot, 'version', 'state')
local events = redis.call('LRANGE', log, kept[1] or 0, -1)
return { version, redis.call('ZSCORE', expiry, ARGV[1]), kept[1], kept[2], events }
`)

export const saveSnapshotScript = script(`
local log, snapshot = unpack(KEYS)
local version, length = tonumber(ARGV[1]), redis.call('LLEN', log)
if length == 0 or version > length then return end
if tonumber(redis.call('HGET', snapshot, 'version') or 0) >= version then return end
redis.call('HSET', snapshot, 'version', version, 'state', ARGV[2])
redis.call('PEXPIRE', snapshot, redis.call('PTTL', log))
`)

export const touchScript = script(`
local log, snapshot, expiry = unpack(KEYS)
local id, expiresAt, ttl = unpack(ARGV)
if redis.call('PEXPIRE', log, ttl) == 0 then return end
redis.call('PEXPIRE', snapshot, ttl)
redis.call('ZADD', expiry, expiresAt, id)
`)

/** What is left in the indexes of a session whose keys ran out by themselves goes, too. */
export const removeScript = script(`
local log, lease, snapshot, expiry, ids = unpack(KEYS)
local id, expiredBefore = unpack(ARGV)
local expiresAt = redis.call('ZSCORE', expiry, id)
if expiresAt and expiredBefore ~= '' and tonumber(expiresAt) > tonumber(expiredBefore) then return 0 end
redis.call('ZREM', expiry, id)
redis.call('ZREM', ids, id)
if redis.call('UNLINK', log, snapshot) == 0 then return 0 end
redis.call('UNLINK', lease)
return 1
`)

export const acquireLeaseScript = script(`
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`)

export const renewLeaseScript = script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`)

export const releaseLeaseScript = script(`
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
`)

export const countScript: Script = {
  ...script(`
local sum = redis.call('INCRBYFLOAT', KEYS[1], ARGV[1])
redis.call('PEXPIREAT', KEYS[1], ARGV[2])
return sum
`),
  isRepeatable: false,
}

/**
 * Buckets, one number each: the moment at which it will be full again, in milliseconds by the clock of Redis. Each is
 * kept until then. Numbers go as texts: Redis would cut off their fractions.
 */
export const takeBucketsScript = script(`
local what, rounding = ARGV[1], tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local missing, ok = {}, true
for index, key in ipairs(KEYS) do
  local window, one = tonumber(ARGV[index * 2 + 1]), tonumber(ARGV[index * 2 + 2])
  missing[index] = math.max(0, (tonumber(redis.call('GET', key)) or now) - now)
  if window - missing[index] + rounding < one then ok = false end
end
local reply = { ok and 'ok' or 'empty' }
for index, key in ipairs(KEYS) do
  if ok and what == 'take' then
    missing[index] = missing[index] + tonumber(ARGV[index * 2 + 2])
    redis.call('SET', key, string.format('%.3f', now + missing[index]), 'PX', math.ceil(missing[index]))
  end
  reply[index + 1] = string.format('%.3f', missing[index])
end
return reply
`)

/** The board: texts by container, and by the clock of Redis when each ends. Both keys end with the last of them. */
export const postTextScript = script(`
local texts, ends = unpack(KEYS)
local container, text, lifeMs, containersMax = unpack(ARGV)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for _, ended in ipairs(redis.call('ZRANGEBYSCORE', ends, '-inf', string.format('%.0f', now))) do
  redis.call('ZREM', ends, ended)
  redis.call('HDEL', texts, ended)
end
local isNew = not redis.call('ZSCORE', ends, container)
if isNew and redis.call('ZCARD', ends) >= tonumber(containersMax) then return 'too-many' end
redis.call('HSET', texts, container, text)
redis.call('ZADD', ends, string.format('%.0f', now + lifeMs), container)
local last = redis.call('ZREVRANGE', ends, 0, 0, 'WITHSCORES')[2]
redis.call('PEXPIREAT', texts, last)
redis.call('PEXPIREAT', ends, last)
return 'ok'
`)

/** Each container with its text. */
export const allTextsScript = script(`
local texts, ends = unpack(KEYS)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local shown = {}
for _, container in ipairs(redis.call('ZRANGEBYSCORE', ends, string.format('(%.0f', now), '+inf')) do
  shown[#shown + 1] = { container, redis.call('HGET', texts, container) }
end
return shown
`)

export const removeTextScript = script(`
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
`)

function script(text: string): Script {
  return { text, sha1: createHash('sha1').update(text).digest('hex'), isRepeatable: true }
}
