/** For tests that send messages as fast as they can: settings without the limits that are on by default. */
export const noRateLimits = {
  MAYA_SESSION_RATE_LIMIT: '0',
  MAYA_BURST_LIMIT: '0',
  MAYA_APP_RATE_LIMIT: '0',
  MAYA_EVENT_LOOP_DELAY_MS: '0',
} as const
