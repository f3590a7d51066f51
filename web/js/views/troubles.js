/** Says in banners and in the empty columns what keeps captions from coming, and what to do. */

import { formatHour } from '../format.js';
import { listen } from '../live-session.js';

/**
 * @typedef {import('../live-session.js').LiveSession} LiveSession
 * @typedef {import('../live-session.js').ConnectionState} ConnectionState
 * @typedef {import('../live-session.js').BrokerState} BrokerState
 * @typedef {import('./column.js').Column} Column
 * @typedef {import('./notices.js').Notices} Notices
 * @typedef {import('./notices.js').Notice} Notice
 */

/** From this many failed attempts in a row a lost connection deserves a banner; short losses only show in the header. */
const FAILURES_BEFORE_BANNER = 2;

/** What an ended connection means; anything else was a plain DISCONNECT. @type {Record<string, [string, string]>} */
const ENDINGS = {
  refused: ['The access token was not accepted.', 'It may have expired or be incomplete. Ask the organizer for a fresh link.'],
  unauthorized: ['You have no access to this session.', 'Your access may have ended. Ask the organizer for a fresh link.'],
  disconnected: ['The server ended the connection.', 'You can open the session again.'],
};

/**
 * @param {LiveSession} live
 * @param {Map<string, Column>} columns by channel index
 * @param {Notices} notices
 * @param {(refused: boolean) => void} again opens the session anew; `refused`: with another token
 */
export function reportTroubles(live, columns, notices, again) {
  /** @type {ConnectionState} */
  let connection = { phase: 'connecting', reason: null, failures: 0 };
  /** @type {BrokerState} */
  let broker = 'unknown';
  const explain = () => {
    for (const column of columns.values()) column.setEmptyText(...emptyText(connection, broker));
  };
  explain();

  listen(live, 'connection', (/** @type {ConnectionState} */ state) => {
    connection = state;
    const notice = connectionNotice(state, () => live.retryNow(), again);
    if (notice) notices.show('connection', notice);
    else notices.clear('connection');
    // What it announced has come to pass.
    if (state.phase === 'ended') notices.clear('expiring');
    explain();
  });
  listen(live, 'broker', (/** @type {BrokerState} */ state) => {
    broker = state;
    const hint = 'The server has lost the service that delivers them. They continue by themselves as soon as it is back.';
    if (state === 'ko') notices.show('broker', { tone: 'warning', title: 'Captions are interrupted.', hint });
    else notices.clear('broker');
    explain();
  });
  listen(live, 'room', (/** @type {{channel: string, ok: boolean, error?: string}} */ { channel, ok, error }) => {
    const fault = `This channel could not be opened${error ? ` (${error})` : ''}. Check its number in the address, or reload the page.`;
    columns.get(channel)?.setFault(ok ? null : fault);
  });
  listen(live, 'expiring', (/** @type {Date | null} */ at) => {
    const hint = 'To read on, ask the organizer for a fresh link.';
    notices.show('expiring', { tone: 'info', title: `Your access ends ${at ? `at ${formatHour(at)}` : 'soon'}.`, hint });
  });
}

/**
 * @param {ConnectionState} state
 * @param {() => void} retry
 * @param {(refused: boolean) => void} again
 * @returns {Notice | null}
 */
function connectionNotice({ phase, reason, failures }, retry, again) {
  if (phase === 'ended') {
    const [title, hint] = ENDINGS[reason ?? ''] ?? ENDINGS.disconnected;
    return { tone: 'error', title, hint, actions: [{ label: 'Try again', press: () => again(reason !== 'disconnected') }] };
  }
  if (phase === 'reconnecting' && reason === 'draining') {
    return { tone: 'info', title: 'The server is restarting.', hint: 'Captions continue by themselves in a moment.' };
  }
  if (phase === 'reconnecting' && failures >= FAILURES_BEFORE_BANNER) {
    const hint = 'Trying again by itself. If this lasts, check your network connection.';
    return { tone: 'error', title: 'The server cannot be reached.', hint, actions: [{ label: 'Try now', press: retry }] };
  }
  return null;
}

/** @param {ConnectionState} connection @param {BrokerState} broker @returns {[string, string]} */
function emptyText({ phase }, broker) {
  if (phase === 'ended') return ['Not connected', ''];
  if (phase === 'reconnecting') return ['Reconnecting…', ''];
  if (phase === 'connecting') return ['Connecting…', ''];
  if (broker === 'ko') return ['Waiting for the caption service…', ''];
  return ['Waiting for speech…', 'Captions appear here as soon as somebody speaks.'];
}
