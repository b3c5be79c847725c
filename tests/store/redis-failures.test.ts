import { describe, expect, it } from 'vitest'
import { meaningOfReply, objectionTo } from '../../src/store/redis-failures.ts'

describe('a server of Redis', () => {
  it.each([
    ['role:master\r\nmaxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\nloading:0\r\nredis_mode:standalone'],
    ['role:master\r\nmaxmemory:9\r\nmaxmemory_policy:noeviction\r\nserver_mode:standalone'],
    [''],
  ])('may be used when it says %j of itself', (info) => {
    expect(objectionTo(info)).toBeUndefined()
  })

  it.each([
    ['role:slave', /is a replica/],
    ['loading:1', /is still loading/],
    ['redis_mode:cluster', /is a cluster/],
    ['server_mode:cluster', /is a cluster/],
    ['maxmemory:9\r\nmaxmemory_policy:volatile-ttl', /its maxmemory-policy is volatile-ttl/],
  ])('is not used when it says %j of itself', (line, objection) => {
    expect(objectionTo(`# Server\r\n${line}\r\n`)).toMatch(objection)
  })

  it.each([
    [
      "OOM command not allowed when used memory > 'maxmemory'. script: 1f, on @user_script:1.",
      /no memory left/,
    ],
    ['MISCONF Redis is configured to save RDB snapshots', /cannot write to its disk/],
    ['LOADING Redis is loading the dataset in memory', /still loading/],
    ['NOREPLICAS Not enough good replicas to write.', /too few replicas/],
    ['ERR max number of clients reached', /as many clients as it may have/],
    ['ERR syntax error near hunter2', /^refused what it was asked for: ERR$/],
    ['hunter2', /^refused what it was asked for: no code$/],
  ])('is not quoted when it refuses: %s', (reply, meaning) => {
    expect(meaningOfReply(reply)).toMatch(meaning)
    expect(meaningOfReply(reply)).not.toContain('hunter2')
  })
})
