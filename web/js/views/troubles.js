/** Says in banners what is wrong with the connection, the broker or the token, and what to do. */

import { formatHour } from '../format.js';
import { listen } from '../live.js';

/**
 * @typedef {import('../live.js').Live} Live
 * @typedef {import('../live.js').ConnectionState} ConnectionState
 * @typedef {import('../live.js').BrokerState} BrokerState
 * @typedef {import('./notices.js').Notices} Notices
 * @typedef {import('./notices.js').Notice} Notice
 * @typedef {{thing: string, continues: string, brokerLost: string, brokerHint: string}} Wording
 *   `thing` that was opened; what `continues` by itself, a sentence; title and hint for a lost broker
 */

/** From this many failed attempts in a row a lost connection deserves a banner; short losses only show in the header. */
const FAILURES_BEFORE_BANNER = 2;

/**
 * @param {Live} live
 * @param {Notices} notices
 * @param {Wording} wording
 * @param {(refused: boolean) => void} again opens the same anew; `refused`: with another token
 */
export function reportTroubles(live, notices, wording, again) {
  listen(live, 'connection', (/** @type {ConnectionState} */ state) => {
    const notice = connectionNotice(state, wording, () => live.retryNow(), again);
    if (notice) notices.show('connection', notice);
    else notices.clear('connection');
    // What it announced has come to pass.
    if (state.phase === 'ended') notices.clear('expiring');
  });
  listen(live, 'broker', (/** @type {BrokerState} */ state) => {
    if (state === 'ko') notices.show('broker', { tone: 'warning', title: wording.brokerLost, hint: wording.brokerHint });
    else notices.clear('broker');
  });
  listen(live, 'expiring', (/** @type {Date | null} */ at) => {
    const hint = 'To read on, ask the organizer for a fresh link.';
    notices.show('expiring', { tone: 'info', title: `Your access ends ${at ? `at ${formatHour(at)}` : 'soon'}.`, hint });
  });
}

/**
 * @param {ConnectionState} state
 * @param {Wording} wording
 * @param {() => void} retry
 * @param {(refused: boolean) => void} again
 * @returns {Notice | null}
 */
function connectionNotice({ phase, reason, failures }, wording, retry, again) {
  if (phase === 'ended') {
    const [title, hint] = ending(reason, wording.thing);
    return { tone: 'error', title, hint, actions: [{ label: 'Try again', press: () => again(reason !== 'disconnected') }] };
  }
  if (phase === 'reconnecting' && reason === 'draining') {
    return { tone: 'info', title: 'The server is restarting.', hint: wording.continues };
  }
  if (phase === 'reconnecting' && failures >= FAILURES_BEFORE_BANNER) {
    const hint = 'Trying again by itself. If this lasts, check your network connection.';
    return { tone: 'error', title: 'The server cannot be reached.', hint, actions: [{ label: 'Try now', press: retry }] };
  }
  return null;
}

/** @param {ConnectionState['reason']} reason @param {string} thing @returns {[string, string]} what an ended connection means */
function ending(reason, thing) {
  if (reason === 'refused') return ['The access token was not accepted.', 'It may have expired or be incomplete. Ask the organizer for a fresh link.'];
  if (reason === 'unauthorized') return [`You have no access to this ${thing}.`, 'Your access may have ended. Ask the organizer for a fresh link.'];
  return ['The server ended the connection.', `You can open the ${thing} again.`];
}

/**
 * Shows that the server cannot be reached, where a view cannot even begin.
 *
 * @param {import('../router.js').Stage} stage
 */
export function showUnreachable(stage) {
  const retry = { label: 'Try again', press: () => stage.router.show(true) };
  const hint = 'Check your network connection, then try again.';
  stage.notices.show('unreachable', { tone: 'error', title: 'The server cannot be reached.', hint, actions: [retry] });
}
