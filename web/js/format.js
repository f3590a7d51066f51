/** Times, languages and counts in words for people. */

/** @typedef {import('./payload.js').Moment} Moment */

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });
const CLOCK_SHORT = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });

/**
 * @param {Moment} moment
 * @returns {{text: string, machine: string} | null} what to show and the `datetime` attribute
 */
export function formatMoment(moment) {
  if (moment === null) return null;
  if (moment.kind === 'wall') return { text: CLOCK.format(moment.at), machine: moment.at.toISOString() };
  const whole = Math.max(0, Math.floor(moment.seconds));
  const [hours, minutes, seconds] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = `${String(minutes).padStart(hours > 0 ? 2 : 1, '0')}:${String(seconds).padStart(2, '0')}`;
  return { text: hours > 0 ? `${hours}:${tail}` : tail, machine: `PT${hours}H${minutes}M${seconds}S` };
}

/** @param {Date} at @returns {string} hour and minute in the reader's way */
export function formatHour(at) {
  return CLOCK_SHORT.format(at);
}

/** Languages written from right to left (without a script in the tag, `az-Arab` and the like are beyond this page). */
const RIGHT_TO_LEFT = new Set(['ar', 'ckb', 'dv', 'fa', 'he', 'ks', 'ps', 'sd', 'ug', 'ur', 'yi']);

/** @param {string | null} tag @returns {'ltr' | 'rtl'} */
export function direction(tag) {
  return RIGHT_TO_LEFT.has(tag?.split('-')[0].toLowerCase() ?? '') ? 'rtl' : 'ltr';
}

/**
 * @param {string} tag a language tag, e.g. `fr` or `en-US`
 * @returns {string} its name in English, or the tag itself
 */
export function languageName(tag) {
  try {
    return new Intl.DisplayNames(['en'], { type: 'language' }).of(tag) ?? tag;
  } catch {
    return tag;
  }
}

/** @param {string} words @returns {string} the same with a capital and a full stop: what the server says of errors */
export function sentence(words) {
  const text = words.trim().slice(0, 500);
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?…]$/.test(text) ? '' : '.'}`;
}
