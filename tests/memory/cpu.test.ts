import { expect, it } from 'vitest'
import { createCpuReader } from '../../src/memory/cpu.ts'
import { createMachine, type Files } from './machine.ts'

function setup(files: Files) {
  const { root, write } = createMachine(files)
  return { read: createCpuReader({ root, processCpuSeconds: () => 1.5 }), write }
}

it('reads the CPU of the process’s own cgroup v2, as it grows', () => {
  const { read, write } = setup({
    'proc/self/cgroup': '0::/maya',
    'sys/fs/cgroup/cpu.stat': 'usage_usec 99000000',
    'sys/fs/cgroup/maya/cpu.stat': 'usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000',
  })
  expect(read()).toBe(2.5)
  write({ 'sys/fs/cgroup/maya/cpu.stat': 'usage_usec 2750000' })
  expect(read()).toBe(2.75)
})

it('reads the CPU of the process’s own cgroup v1', () => {
  const { read } = setup({
    'proc/self/cgroup': '5:cpu,cpuacct:/maya',
    'proc/self/mountinfo': '33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct',
    'sys/fs/cgroup/cpu,cpuacct/maya/cpuacct.usage': 2_500_000_000,
  })
  expect(read()).toBe(2.5)
})

it('takes v1 on a hybrid machine, where v2 tells the CPU of everything', () => {
  const { read } = setup({
    'proc/self/cgroup': '2:cpuacct:/maya\n0::/',
    'sys/fs/cgroup/cpu.stat': 'usage_usec 99000000',
    'sys/fs/cgroup/cpuacct/maya/cpuacct.usage': 2_500_000_000,
  })
  expect(read()).toBe(2.5)
})

it('reads the mount point when the path does not exist below it', () => {
  const { read } = setup({
    'proc/self/cgroup': '2:cpuacct:/docker/1f2e',
    'sys/fs/cgroup/cpuacct/cpuacct.usage': 2_500_000_000,
  })
  expect(read()).toBe(2.5)
})

it.each([
  {},
  { 'sys/fs/cgroup/cpu.stat': 'nr_periods 3' },
  { 'sys/fs/cgroup/cpuacct/cpuacct.usage': 'text' },
])('falls back to the CPU of the process: %j', (files: Files) => {
  expect(setup(files).read()).toBe(1.5)
})
