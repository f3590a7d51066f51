/**
 * One or several sockets to the server, summed up to one state of connection and of broker, with tokens renewed in time.
 * What the sockets ask for and hear is a subclass's.
 *
 * Events, each a CustomEvent: `connection` (ConnectionState), `broker` (BrokerState), `expiring` (Date or null).
 */

import { Socket } from './socket.js';
import { isObject } from './wire.js';

/**
 * @typedef {import('./socket.js').SocketState} SocketState
 * @typedef {Omit<SocketState, 'phase'> & {phase: 'connecting' | 'connected' | 'reconnecting' | 'ended'}} ConnectionState
 * @typedef {'unknown' | 'ok' | 'ko'} BrokerState
 */

/** @returns {string} the server's WebSocket address, below wherever the page is mounted */
function socketUrl() {
  const url = new URL('socket.io/?EIO=4&transport=websocket', document.baseURI);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

export class Live extends EventTarget {
  /** @type {Set<Socket>} */
  #sockets = new Set();
  /** @type {Map<Socket, BrokerState>} */
  #brokers = new Map();
  /** @type {Promise<void> | null} one renewal serves all sockets */
  #renewal = null;
  /** @type {BrokerState} */
  #broker = 'unknown';
  /** @type {ConnectionState} */
  #connection = { phase: 'connecting', reason: null, failures: 0 };
  #retryNow = () => this.retryNow();

  /** @param {import('./access.js').Credentials} credentials */
  constructor(credentials) {
    super();
    this.credentials = credentials;
    window.addEventListener('online', this.#retryNow);
  }

  close() {
    window.removeEventListener('online', this.#retryNow);
    for (const socket of this.#sockets) socket.close();
  }

  /** Tries at once instead of after the wait. */
  retryNow() {
    for (const socket of this.#sockets) socket.retryNow();
  }

  /**
   * Makes a socket; whoever asked opens it.
   *
   * @protected
   * @param {(name: string, args: unknown[]) => void} hear told of every event that is not about the link itself
   * @param {(answer: import('./socket.js').WatchAnswer) => void} answered told of the answers to what it watches
   * @returns {Socket}
   */
  makeSocket(hear, answered) {
    const socket = new Socket(socketUrl(), this.credentials.token);
    this.#sockets.add(socket);
    this.#brokers.set(socket, 'unknown');
    listen(socket, 'state', (/** @type {SocketState} */ state) => this.#follow(socket, state));
    listen(socket, 'event', (/** @type {{name: string, args: unknown[]}} */ { name, args }) => {
      if (name === 'broker_ok') this.#setBroker(socket, 'ok');
      else if (name === 'broker_ko') this.#setBroker(socket, 'ko');
      else if (name === 'token_expiring') this.#renewal ??= this.#renew(args[0]);
      else hear(name, args);
    });
    listen(socket, 'watch', answered);
    return socket;
  }

  /**
   * @protected
   * @param {string} type
   * @param {unknown} detail
   */
  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** @param {Socket} socket @param {SocketState} state */
  #follow(socket, state) {
    // The server says `broker_ko` to a socket that connects during an outage, and nothing to others.
    if (state.phase === 'connected') this.#setBroker(socket, 'ok');
    if (state.phase === 'reconnecting' || state.phase === 'ended') this.#setBroker(socket, 'unknown');
    // Rights are the same for all: where one was refused, the others need not ask.
    if (state.phase === 'ended' && state.reason !== 'closed') this.close();
    const connection = sum([...this.#sockets].map((each) => each.state));
    const { phase, reason, failures } = this.#connection;
    if (connection.phase === phase && connection.reason === reason && connection.failures === failures) return;
    this.#connection = connection;
    this.tell('connection', connection);
  }

  /** @param {unknown} notice `{expires_at}`: epoch seconds or ms, or a date in words */
  async #renew(notice) {
    const token = await this.credentials.renew();
    if (token === null) {
      this.tell('expiring', isObject(notice) ? readDate(notice.expires_at) : null);
    } else {
      this.credentials.token = token;
      for (const socket of this.#sockets) {
        socket.token = token;
        socket.emit('authenticate', { token });
      }
    }
    this.#renewal = null;
  }

  /** @param {Socket} socket @param {BrokerState} state */
  #setBroker(socket, state) {
    this.#brokers.set(socket, state);
    const states = [...this.#brokers.values()];
    const broker = states.includes('ko') ? 'ko' : states.includes('ok') ? 'ok' : 'unknown';
    if (broker === this.#broker) return;
    this.#broker = broker;
    this.tell('broker', broker);
  }
}

/**
 * The worst of the sockets' states is that of all.
 *
 * @param {SocketState[]} states
 * @returns {ConnectionState}
 */
function sum(states) {
  const refused = states.find(({ phase, reason }) => phase === 'ended' && reason !== 'closed');
  const worst = refused ?? states.find(({ phase }) => phase === 'reconnecting');
  const failures = Math.max(...states.map((state) => state.failures));
  if (worst) return { phase: refused ? 'ended' : 'reconnecting', reason: worst.reason, failures };
  const all = states.every(({ phase }) => phase === 'connected');
  return { phase: all ? 'connected' : 'connecting', reason: null, failures };
}

/** @param {unknown} value @returns {Date | null} */
function readDate(value) {
  if (typeof value !== 'number' && typeof value !== 'string') return null;
  const date = new Date(typeof value === 'number' && value < 1e11 ? value * 1000 : value);
  return Number.isNaN(date.getTime()) ? null : date;
}

/**
 * @template Detail
 * @param {EventTarget} target
 * @param {string} type
 * @param {(detail: Detail) => void} hear
 */
export function listen(target, type, hear) {
  target.addEventListener(type, (event) => hear(/** @type {CustomEvent<Detail>} */ (event).detail));
}
