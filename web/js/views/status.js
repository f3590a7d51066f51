/** The two small signs in the header: the connection to the server, and the server's link to where captions come from. */

import { h, setText } from '../dom.js';

/**
 * @typedef {import('../live.js').ConnectionState} ConnectionState
 * @typedef {import('../live.js').BrokerState} BrokerState
 */

/** @type {Record<ConnectionState['phase'], string>} */
const CONNECTION = { connecting: 'Connecting…', connected: 'Connected', reconnecting: 'Reconnecting…', ended: 'Disconnected' };

/** @type {Record<BrokerState, string>} */
const BROKER = { unknown: 'Source not known', ok: 'Source ready', ko: 'Source lost' };

/**
 * @param {boolean} [hasBroker] whether the link to where captions come from is shown
 * @returns {{element: HTMLElement, setConnection: (state: ConnectionState) => void, setBroker: (state: BrokerState) => void}}
 */
export function statusSigns(hasBroker = true) {
  const connection = h('p', { class: 'sign', role: 'status', 'data-testid': 'connection-state', 'data-state': 'connecting' }, CONNECTION.connecting);
  // No live region: the banner of an outage says it.
  const broker = h('p', { class: 'sign quiet', 'data-testid': 'broker-state', 'data-state': 'unknown', hidden: !hasBroker }, BROKER.unknown);
  return {
    element: h('div', { class: 'signs' }, broker, connection),
    setConnection({ phase }) {
      connection.dataset.state = phase;
      setText(connection, CONNECTION[phase]);
    },
    setBroker(state) {
      broker.dataset.state = state;
      setText(broker, BROKER[state]);
      // On a phone only the dot is left of this sign.
      broker.title = BROKER[state];
    },
  };
}
