/** Waiting for what must become true. No test sleeps: it polls a condition, and says what it last saw when time is up. */

import { inspect } from 'node:util';

/** How long anything may take before its test fails, in ms. */
export const DEADLINE = 20_000;
/** Pause between two looks at a condition, in ms. */
const PAUSE = 15;

/**
 * Waits until `probe` returns something other than false, null or undefined.
 *
 * @template Value
 * @param {string} what is waited for, for the failure's message
 * @param {() => Value | Promise<Value>} probe
 * @param {() => unknown} [state] what to show when it never came
 * @param {number} [deadline] in ms
 * @returns {Promise<NonNullable<Value>>}
 */
export async function eventually(what, probe, state = probe, deadline = DEADLINE) {
  const end = Date.now() + deadline;
  for (;;) {
    const value = await probe();
    if (value !== false && value !== null && value !== undefined) return value;
    if (Date.now() > end) {
      const last = inspect(await state(), { depth: 6, maxArrayLength: 20, breakLength: 120 });
      throw new Error(`waited ${deadline} ms in vain for ${what}; last state: ${last}`);
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

/**
 * Waits for a promise, but not for ever.
 *
 * @template Value
 * @param {string} what is waited for
 * @param {Promise<Value>} promise
 * @param {number} [deadline] in ms
 * @returns {Promise<Value>}
 */
export async function within(what, promise, deadline = DEADLINE) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${deadline} ms in vain for ${what}`)), deadline);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
