/** Says in a column what keeps captions from coming. */

import { listen } from '../live.js';

/**
 * @typedef {import('../live.js').ConnectionState} ConnectionState
 * @typedef {import('../live.js').BrokerState} BrokerState
 * @typedef {import('./column.js').Column} Column
 */

/**
 * @param {import('../live-session.js').LiveSession} live
 * @param {Map<string, Column>} columns by channel index
 */
export function explainWaiting(live, columns) {
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
    explain();
  });
  listen(live, 'broker', (/** @type {BrokerState} */ state) => {
    broker = state;
    explain();
  });
  listen(live, 'room', (/** @type {{channel: string, ok: boolean, error?: string}} */ { channel, ok, error }) => {
    const fault = `This channel could not be opened${error ? ` (${error})` : ''}. Check its number in the address, or reload the page.`;
    columns.get(channel)?.setFault(ok ? null : fault);
  });
}

/** @param {ConnectionState} connection @param {BrokerState} broker @returns {[string, string]} */
function emptyText({ phase }, broker) {
  if (phase === 'ended') return ['Not connected', ''];
  if (phase === 'reconnecting') return ['Reconnecting…', ''];
  if (phase === 'connecting') return ['Connecting…', ''];
  if (broker === 'ko') return ['Waiting for the caption service…', ''];
  return ['Waiting for speech…', 'Captions appear here as soon as somebody speaks.'];
}
