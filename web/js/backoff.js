/** How long to wait before the next attempt at a connection. */

/** The first wait, in ms. */
const FIRST = 1000;

/** No wait is longer, in ms. */
const LONGEST = 30000;

/** A connection that held this long (ms) counts as healthy: the next loss starts again at the first wait. */
export const STABLE_AFTER = 10000;

/**
 * Doubles from attempt to attempt, up to a limit. The upper half is random, so that the viewers
 * of a server that restarted do not all come back in the same instant.
 *
 * @param {number} failures attempts that failed in a row, from 0
 * @returns {number} ms
 */
export function backoff(failures) {
  const whole = Math.min(LONGEST, FIRST * 2 ** Math.min(failures, 10));
  return whole * (0.5 + Math.random() / 2);
}
