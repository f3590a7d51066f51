/**
 * A session's captions as they arrive. A caption carries no room, so each channel has a socket of its own:
 * that is what tells the channels apart. Sums the sockets up to one state of connection and of broker.
 *
 * Events, each a CustomEvent: `connection` (ConnectionState), `broker` ('unknown' | 'ok' | 'ko'),
 * `caption` ({channel, name, payload}), `room` ({channel, ok, error}), `expiring` (Date).
 */

import { Socket } from './socket.js';
import { isObject } from './wire.js';

/**
 * @typedef {import('./access.js').Access} Access
 * @typedef {import('./socket.js').SocketState} SocketState
 * @typedef {Omit<SocketState, 'phase'> & {phase: 'connecting' | 'connected' | 'reconnecting' | 'ended'}} ConnectionState
 * @typedef {'unknown' | 'ok' | 'ko'} BrokerState
 */

const CAPTION_EVENTS = new Set(['partial', 'final', 'translation']);

/** @returns {string} the server's WebSocket address, below wherever the page is mounted */
function socketUrl() {
  const url = new URL('socket.io/?EIO=4&transport=websocket', document.baseURI);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

export class LiveSession extends EventTarget {
  /** @type {Map<string, Socket>} by channel index */
  #sockets = new Map();
  /** @type {Map<Socket, BrokerState>} */
  #brokers = new Map();
  /** @type {Promise<void> | null} one renewal serves all sockets */
  #renewal = null;
  /** @type {BrokerState} */
  #broker = 'unknown';
  /** @type {ConnectionState} */
  #connection = { phase: 'connecting', reason: null, failures: 0 };
  #retryNow = () => this.retryNow();

  /** @param {Access} access */
  constructor(access) {
    super();
    this.access = access;
  }

  open() {
    for (const { index } of this.access.channels) this.#openChannel(index);
    window.addEventListener('online', this.#retryNow);
  }

  close() {
    window.removeEventListener('online', this.#retryNow);
    for (const socket of this.#sockets.values()) socket.close();
  }

  /** Tries at once instead of after the wait. */
  retryNow() {
    for (const socket of this.#sockets.values()) socket.retryNow();
  }

  /** @param {string} channel */
  #openChannel(channel) {
    const socket = new Socket(socketUrl(), this.access.token);
    this.#sockets.set(channel, socket);
    this.#brokers.set(socket, 'unknown');
    listen(socket, 'state', (/** @type {SocketState} */ state) => this.#follow(socket, state));
    listen(socket, 'event', (/** @type {{name: string, args: unknown[]}} */ event) => this.#hear(socket, channel, event));
    listen(socket, 'room', (/** @type {{ok: boolean, error?: string}} */ { ok, error }) =>
      this.#tell('room', { channel, ok, error }));
    socket.join(`${this.access.id}/${channel}`);
    socket.open();
  }

  /** @param {Socket} socket @param {SocketState} state */
  #follow(socket, state) {
    // The server says `broker_ko` to a socket that connects during an outage, and nothing to others.
    if (state.phase === 'connected') this.#setBroker(socket, 'ok');
    if (state.phase === 'reconnecting' || state.phase === 'ended') this.#setBroker(socket, 'unknown');
    if (state.phase === 'ended' && state.reason !== 'closed') this.#endAll();
    const connection = sum([...this.#sockets.values()].map((each) => each.state));
    const { phase, reason, failures } = this.#connection;
    if (connection.phase === phase && connection.reason === reason && connection.failures === failures) return;
    this.#connection = connection;
    this.#tell('connection', connection);
  }

  /** Rights are the session's: where one channel was refused, the others need not ask. */
  #endAll() {
    window.removeEventListener('online', this.#retryNow);
    for (const socket of this.#sockets.values()) socket.close();
  }

  /** @param {Socket} socket @param {string} channel @param {{name: string, args: unknown[]}} event */
  #hear(socket, channel, { name, args }) {
    if (CAPTION_EVENTS.has(name)) return this.#tell('caption', { channel, name, payload: args[0] });
    if (name === 'broker_ok') return this.#setBroker(socket, 'ok');
    if (name === 'broker_ko') return this.#setBroker(socket, 'ko');
    if (name === 'token_expiring') this.#renewal ??= this.#renew(args[0]);
    return undefined;
  }

  /** @param {unknown} notice `{expires_at}`: epoch seconds or ms, or a date in words */
  async #renew(notice) {
    const token = await this.access.renew();
    if (token === null) {
      this.#tell('expiring', isObject(notice) ? readDate(notice.expires_at) : null);
    } else {
      this.access.token = token;
      for (const socket of this.#sockets.values()) {
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
    this.#tell('broker', broker);
  }

  /** @param {string} type @param {unknown} detail */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/**
 * The worst of the sockets' states is the session's.
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
