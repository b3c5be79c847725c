import { rmSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMemoryReader, type MemoryReaderOptions } from '../../src/memory/readers.ts'
import { createMachine, GiB, meminfo, MiB, v1Cgroup, v2Cgroup, type Files } from './machine.ts'

/** What Linux and gVisor write for "unlimited". */
const unlimited = ['9223372036854771712', '9223372036854775807']

function setup(files: Files, options: Partial<MemoryReaderOptions> = {}) {
  const { root, write } = createMachine({ ...meminfo(16 * GiB), ...files })
  const read = createMemoryReader({
    root,
    constrainedMemory: () => 0,
    residentBytes: () => 90 * MiB,
    ...options,
  })
  return { read, write, root }
}

describe('cgroup v2', () => {
  it('reads limit and usage of the process’s own cgroup, without the file pages that can be dropped', () => {
    const { read } = setup({
      'proc/self/cgroup': '0::/maya',
      ...v2Cgroup('/maya', { max: GiB, current: 300 * MiB, cache: 100 * MiB }),
    })
    expect(read()).toEqual({
      usageBytes: 200 * MiB,
      usageSource: 'cgroup-v2',
      limitBytes: GiB,
      limitSource: 'cgroup-v2',
    })
  })

  it('takes the smaller limit of a parent, and the usage of that parent, which is what meets it', () => {
    const { read } = setup({
      'proc/self/cgroup': '0::/pod/maya/worker',
      ...v2Cgroup('', { max: 'max', current: 8 * GiB }),
      ...v2Cgroup('/pod', { max: GiB, current: 700 * MiB }),
      ...v2Cgroup('/pod/maya', { max: 2 * GiB, current: 400 * MiB }),
      ...v2Cgroup('/pod/maya/worker', { max: 'max', current: 300 * MiB }),
    })
    expect(read()).toMatchObject({ limitBytes: GiB, usageBytes: 700 * MiB })
  })

  it('keeps to its own smaller limit inside a larger one', () => {
    const { read } = setup({
      'proc/self/cgroup': '0::/pod/maya',
      ...v2Cgroup('/pod', { max: 2 * GiB, current: 700 * MiB }),
      ...v2Cgroup('/pod/maya', { max: GiB, current: 400 * MiB }),
    })
    expect(read()).toMatchObject({ limitBytes: GiB, usageBytes: 400 * MiB })
  })

  it('counts the outer one of two equal limits, because it holds more', () => {
    const { read } = setup({
      'proc/self/cgroup': '0::/pod/maya',
      ...v2Cgroup('/pod', { max: GiB, current: 700 * MiB }),
      ...v2Cgroup('/pod/maya', { max: GiB, current: 400 * MiB }),
    })
    expect(read()).toMatchObject({ limitBytes: GiB, usageBytes: 700 * MiB })
  })

  it('reads "max" as no limit and still tells the usage', () => {
    const { read } = setup({
      'proc/self/cgroup': '0::/',
      ...v2Cgroup('', { max: 'max', current: 300 * MiB }),
    })
    expect(read()).toEqual({
      usageBytes: 300 * MiB,
      usageSource: 'cgroup-v2',
      limitBytes: null,
      limitSource: 'none',
    })
  })

  it('reads the mount point when the path does not exist below it', () => {
    const { read } = setup({
      'proc/self/cgroup': '0::/system.slice/docker-1f2e.scope',
      ...v2Cgroup('', { max: GiB, current: 300 * MiB }),
    })
    expect(read()).toMatchObject({ limitBytes: GiB, usageBytes: 300 * MiB })
  })

  it('reads the mount point when the path leads out of the namespace', () => {
    const { read } = setup({
      'proc/self/cgroup': '0::/../other',
      ...v2Cgroup('', { max: GiB, current: 300 * MiB }),
      ...v2Cgroup('/../other', { max: MiB, current: MiB }),
    })
    expect(read()).toMatchObject({ limitBytes: GiB, usageBytes: 300 * MiB })
  })

  it('tells the usage of the parent where the own cgroup counts no memory', () => {
    const { read } = setup({
      'proc/self/cgroup': '0::/pod/maya',
      'sys/fs/cgroup/pod/maya/cgroup.procs': 1,
      ...v2Cgroup('/pod', { max: 'max', current: 700 * MiB }),
    })
    expect(read()).toMatchObject({ usageBytes: 700 * MiB, usageSource: 'cgroup-v2' })
  })
})

describe('cgroup v1', () => {
  it('reads the process’s own cgroup below the root', () => {
    const { read } = setup({
      'proc/self/cgroup': '5:cpu,cpuacct:/maya\n4:memory:/pod/maya\n1:name=systemd:/else',
      ...v1Cgroup('', { limit: '9223372036854771712', usage: 8 * GiB }),
      ...v1Cgroup('/pod', { limit: 2 * GiB, usage: 700 * MiB }),
      ...v1Cgroup('/pod/maya', { limit: GiB, usage: 400 * MiB, cache: 100 * MiB }),
    })
    expect(read()).toEqual({
      usageBytes: 300 * MiB,
      usageSource: 'cgroup-v1',
      limitBytes: GiB,
      limitSource: 'cgroup-v1',
    })
  })

  it('takes limit and usage of a parent with the smaller limit', () => {
    const { read } = setup({
      'proc/self/cgroup': '4:memory:/pod/maya',
      ...v1Cgroup('/pod', { limit: GiB, usage: 700 * MiB }),
      ...v1Cgroup('/pod/maya', { limit: 2 * GiB, usage: 400 * MiB }),
    })
    expect(read()).toMatchObject({ limitBytes: GiB, usageBytes: 700 * MiB })
  })

  it.each(unlimited)('reads %s as no limit: the configured one counts, as on Modal', (limit) => {
    const { read } = setup(
      { 'proc/self/cgroup': '4:memory:/', ...v1Cgroup('', { limit, usage: 400 * MiB }) },
      { configuredBytes: 4 * GiB },
    )
    expect(read()).toEqual({
      usageBytes: 400 * MiB,
      usageSource: 'cgroup-v1',
      limitBytes: 4 * GiB,
      limitSource: 'configured',
    })
  })

  it('counts all of the usage where there is no memory.stat, as in gVisor', () => {
    const { read } = setup({
      'proc/self/cgroup': '4:memory:/',
      'sys/fs/cgroup/memory/memory.usage_in_bytes': 400 * MiB,
    })
    expect(read()).toMatchObject({ usageBytes: 400 * MiB, usageSource: 'cgroup-v1' })
  })

  it('reads the mount point where docker shows the path on the host', () => {
    const { read } = setup({
      'proc/self/cgroup': '4:memory:/docker/1f2e',
      ...v1Cgroup('', { limit: GiB, usage: 300 * MiB }),
    })
    expect(read()).toMatchObject({ limitBytes: GiB, usageBytes: 300 * MiB })
  })

  it('finds a cgroup inside of a container whose mount begins at the container’s own', () => {
    const { read } = setup({
      'proc/self/cgroup': '4:memory:/docker/1f2e/worker',
      'proc/self/mountinfo':
        '40 30 0:31 /docker/9d8c /mnt/other rw - cgroup cgroup rw,memory\n' +
        '41 30 0:31 /docker/1f2e /sys/fs/cgroup/memory ro,nosuid master:9 - cgroup cgroup rw,memory',
      ...v1Cgroup('', { limit: GiB, usage: 700 * MiB }),
      ...v1Cgroup('/worker', { limit: 512 * MiB, usage: 200 * MiB }),
    })
    expect(read()).toMatchObject({ limitBytes: 512 * MiB, usageBytes: 200 * MiB })
  })

  it('reads on a hybrid machine whose v2 hierarchy has no memory controller', () => {
    const { read } = setup({
      'proc/self/cgroup': '4:memory:/maya\n1:name=systemd:/\n0::/',
      'proc/self/mountinfo':
        '41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n' +
        '35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
      'sys/fs/cgroup/unified/cgroup.procs': 1,
      ...v1Cgroup('/maya', { limit: GiB, usage: 300 * MiB }),
    })
    expect(read()).toMatchObject({ limitBytes: GiB, limitSource: 'cgroup-v1', usageSource: 'cgroup-v1' })
  })
})

it('finds a hierarchy that is mounted somewhere else, under a name with a space', () => {
  const { read } = setup({
    'proc/self/cgroup': '0::/maya',
    'proc/self/mountinfo': String.raw`41 31 0:38 / /mnt/my\040groups rw - cgroup2 cgroup2 rw`,
    'mnt/my groups/maya/memory.max': GiB,
    'mnt/my groups/maya/memory.current': 300 * MiB,
  })
  expect(read()).toMatchObject({ limitBytes: GiB, usageBytes: 300 * MiB })
})

describe('the chains', () => {
  it('puts v2 before v1, v1 before constrainedMemory, and that before the configured limit', () => {
    const own = { 'proc/self/cgroup': '0::/\n4:memory:/' }
    const v2 = v2Cgroup('', { max: 1000 * MiB, current: 100 * MiB })
    const v1 = v1Cgroup('', { limit: 2000 * MiB, usage: 200 * MiB })
    const others = { constrainedMemory: () => 3000 * MiB, configuredBytes: 4000 * MiB }
    const limits = [
      setup({ ...own, ...v2, ...v1 }, others),
      setup({ ...own, ...v1 }, others),
      setup(own, others),
      setup(own, { configuredBytes: 4000 * MiB }),
      setup(own),
    ].map(({ read }) => [read().limitSource, read().limitBytes])
    expect(limits).toEqual([
      ['cgroup-v2', 1000 * MiB],
      ['cgroup-v1', 2000 * MiB],
      ['constrained', 3000 * MiB],
      ['configured', 4000 * MiB],
      ['none', null],
    ])
  })

  it('takes the usage from where the limit is, even if another hierarchy comes first', () => {
    const { read } = setup({
      'proc/self/cgroup': '0::/\n4:memory:/',
      ...v2Cgroup('', { max: 'max', current: 100 * MiB }),
      ...v1Cgroup('', { limit: GiB, usage: 200 * MiB }),
    })
    expect(read()).toMatchObject({
      limitSource: 'cgroup-v1',
      usageSource: 'cgroup-v1',
      usageBytes: 200 * MiB,
    })
  })

  it('falls back to the next usage where the cgroup with the limit tells none', () => {
    const { read } = setup({ 'proc/self/cgroup': '0::/', 'sys/fs/cgroup/memory.max': GiB })
    expect(read()).toEqual({
      usageBytes: 90 * MiB,
      usageSource: 'rss',
      limitBytes: GiB,
      limitSource: 'cgroup-v2',
    })
  })

  it('reads limits as large as the machine as none, wherever the kernel tells them', () => {
    const files = {
      ...meminfo(8 * GiB),
      'proc/self/cgroup': '0::/\n4:memory:/',
      ...v2Cgroup('', { max: 8 * GiB, current: 100 * MiB }),
      ...v1Cgroup('', { limit: 9 * GiB, usage: 100 * MiB }),
    }
    expect(setup(files, { constrainedMemory: () => 8 * GiB }).read()).toMatchObject({ limitSource: 'none' })
  })

  it('counts the configured limit as it is, even above the machine', () => {
    const { read } = setup(meminfo(8 * GiB), { configuredBytes: 32 * GiB })
    expect(read()).toMatchObject({ limitBytes: 32 * GiB, limitSource: 'configured' })
  })

  it.each([0, 2 ** 63, 2 ** 64, Number.NaN, undefined])(
    'reads constrainedMemory() of %s as none',
    (bytes) => {
      expect(setup({}, { constrainedMemory: () => bytes }).read()).toMatchObject({ limitSource: 'none' })
    },
  )

  it('works on a machine with neither cgroups nor /proc', () => {
    const read = createMemoryReader({
      root: '/nowhere',
      configuredBytes: GiB,
      constrainedMemory: () => undefined,
      residentBytes: () => 90 * MiB,
    })
    expect(read()).toEqual({
      usageBytes: 90 * MiB,
      usageSource: 'rss',
      limitBytes: GiB,
      limitSource: 'configured',
    })
  })
})

describe('the resident memory', () => {
  it('includes the wrapper that started this process', () => {
    expect(setup(wrapper('0::/maya')).read()).toMatchObject({ usageBytes: 150 * MiB, usageSource: 'rss' })
  })

  it('leaves out a parent in another cgroup, such as the machine’s init', () => {
    expect(setup(wrapper('0::/init.scope')).read()).toMatchObject({ usageBytes: 90 * MiB })
  })

  it.each([
    ['is outside of the container', { 'proc/self/status': 'PPid:\t0' }],
    ['has ended', { 'proc/self/status': 'PPid:\t8' }],
    ['tells no memory', { 'proc/7/status': 'Name:\tkthread' }],
  ])('leaves out a parent that %s', (_, files: Files) => {
    expect(setup({ ...wrapper('0::/maya'), ...files }).read()).toMatchObject({ usageBytes: 90 * MiB })
  })

  it('counts a visible parent where nothing is known of cgroups', () => {
    const { read, root } = setup(wrapper('0::/maya'))
    rmSync(join(root, 'proc/self/cgroup'))
    rmSync(join(root, 'proc/7/cgroup'))
    expect(read()).toMatchObject({ usageBytes: 150 * MiB })
  })
})

describe('what cannot be understood', () => {
  const garbage = ['', 'text', '-1', '-9223372036854775808', '1.5', '0x40000000', '1e9', '0', '12 34', '٣']

  it.each(garbage)('passes over a file that says %j', (content) => {
    const { read } = setup(
      {
        'proc/self/cgroup': '0::/\n4:memory:/',
        'sys/fs/cgroup/memory.max': content,
        'sys/fs/cgroup/memory.current': content,
        ...v1Cgroup('', { limit: GiB, usage: 300 * MiB }),
      },
      { configuredBytes: 2 * GiB },
    )
    expect(read()).toEqual({
      usageBytes: 300 * MiB,
      usageSource: 'cgroup-v1',
      limitBytes: GiB,
      limitSource: 'cgroup-v1',
    })
  })

  it('passes over numbers that no memory has', () => {
    const digits = '9'.repeat(400)
    const { read } = setup({
      'proc/self/cgroup': '0::/',
      'sys/fs/cgroup/memory.max': digits,
      'sys/fs/cgroup/memory.current': digits,
    })
    expect(read()).toMatchObject({ usageSource: 'rss', limitSource: 'none' })
  })

  it('subtracts nothing when memory.stat makes no sense', () => {
    const stats = ['', 'inactive_file', 'inactive_file -5', 'inactive_file 99999999999', 'active_file 4096']
    const usages = stats.map((stat) => {
      const { read } = setup({
        'proc/self/cgroup': '0::/',
        ...v2Cgroup('', { max: GiB, current: 300 * MiB }),
        'sys/fs/cgroup/memory.stat': stat,
      })
      return read().usageBytes
    })
    expect(usages).toEqual(stats.map(() => 300 * MiB))
  })

  it('passes over a directory where a file should be', () => {
    const { read } = setup({
      'proc/self/cgroup': '0::/',
      'sys/fs/cgroup/memory.max/file': 1,
      'sys/fs/cgroup/memory.current': 300 * MiB,
    })
    expect(read()).toMatchObject({ usageBytes: 300 * MiB, limitSource: 'none' })
  })

  it('never throws, and never tells a number that is none, whatever the files say', () => {
    const { read, write } = setup({}, { configuredBytes: GiB })
    const content = fc.oneof(fc.string(), fc.constantFrom(...garbage), fc.bigInt().map(String))
    fc.assert(
      fc.property(fc.record({ own: content, limit: content, usage: content, stat: content }), (texts) => {
        write({
          'proc/self/cgroup': texts.own,
          'sys/fs/cgroup/memory.max': texts.limit,
          'sys/fs/cgroup/memory.current': texts.usage,
          'sys/fs/cgroup/memory.stat': texts.stat,
          'proc/self/status': texts.stat,
        })
        const { usageBytes, limitBytes } = read()
        expect(usageBytes).toSatisfy(isBytes)
        expect(limitBytes).toSatisfy(isBytes)
      }),
    )
  })
})

describe('while the server runs', () => {
  it('follows a limit that is changed, added or taken away', () => {
    const own = { 'proc/self/cgroup': '0::/maya' }
    const { read, write } = setup({ ...own, ...v2Cgroup('/maya', { max: GiB, current: MiB }) })
    const limits = [GiB, 2 * GiB, 'max', 512 * MiB].map((max) => {
      write({ 'sys/fs/cgroup/maya/memory.max': max })
      return read().limitBytes
    })
    expect(limits).toEqual([GiB, 2 * GiB, null, 512 * MiB])
  })

  it('asks constrainedMemory() again, so that a limit taken away does not live on there', () => {
    let constrainedBytes = GiB
    const { read } = setup({}, { constrainedMemory: () => constrainedBytes })
    expect(read().limitBytes).toBe(GiB)
    constrainedBytes = 0
    expect(read().limitBytes).toBeNull()
  })

  it('follows the process into another cgroup', () => {
    const { read, write } = setup({
      'proc/self/cgroup': '0::/one',
      ...v2Cgroup('/one', { max: GiB, current: 100 * MiB }),
      ...v2Cgroup('/two', { max: 2 * GiB, current: 200 * MiB }),
    })
    expect(read()).toMatchObject({ limitBytes: GiB, usageBytes: 100 * MiB })
    write({ 'proc/self/cgroup': '0::/two' })
    expect(read()).toMatchObject({ limitBytes: 2 * GiB, usageBytes: 200 * MiB })
  })

  it('goes on with the next reader when a file disappears, and comes back with it', () => {
    const { read, write, root } = setup({
      'proc/self/cgroup': '0::/',
      ...v2Cgroup('', { max: GiB, current: 300 * MiB }),
    })
    expect(read().usageSource).toBe('cgroup-v2')
    rmSync(join(root, 'sys/fs/cgroup/memory.current'))
    expect(read().usageSource).toBe('rss')
    write({ 'sys/fs/cgroup/memory.current': 200 * MiB })
    expect(read()).toMatchObject({ usageSource: 'cgroup-v2', usageBytes: 200 * MiB })
  })

  it('sees a parent begin to limit memory', () => {
    const { read, write } = setup({
      'proc/self/cgroup': '0::/pod/maya',
      ...v2Cgroup('/pod/maya', { max: 2 * GiB, current: 200 * MiB }),
    })
    expect(read().limitBytes).toBe(2 * GiB)
    write(v2Cgroup('/pod', { max: GiB, current: 500 * MiB }))
    expect(read()).toMatchObject({ limitBytes: GiB, usageBytes: 500 * MiB })
  })
})

/** A Python wrapper of 60 MiB that started this process and lives in `cgroup`. */
function wrapper(cgroup: string): Files {
  return {
    'proc/self/cgroup': '0::/maya',
    'proc/self/status': 'Name:\tnode\nPid:\t42\nPPid:\t7\nVmRSS:\t   1 kB',
    'proc/7/cgroup': cgroup,
    'proc/7/status': `Name:\tpython3\nPPid:\t0\nVmHWM:\t  999999 kB\nVmRSS:\t  ${60 * 1024} kB`,
  }
}

function isBytes(value: number | null): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0
}
