// Loaded by a server before its own code, so that nobody has to wait ten seconds for what it has counted.
import { limits } from '../../src/config/limits.ts'

Object.assign(limits, { fleetPublishMs: 1000 })
