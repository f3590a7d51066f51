/**
 * A Socket.IO client over one raw WebSocket: connects, asks for what is watched, answers pings, comes back after a loss.
 *
 * Events, each a CustomEvent: `state` (SocketState), `event` ({name, args}), `watch` (WatchAnswer).
 * After `unauthorized`, a DISCONNECT packet or a refused token it stays away: a server that said no is not asked again.
 */

import { STABLE_AFTER, backoff } from './backoff.js';
import { PONG, decode, encodeConnect, encodeEvent, isObject } from './wire.js';

/**
 * @typedef {'idle' | 'connecting' | 'connected' | 'reconnecting' | 'ended'} Phase
 * @typedef {'refused' | 'unauthorized' | 'disconnected' | 'draining' | 'lost' | 'closed' | null} Reason
 * @typedef {{phase: Phase, reason: Reason, failures: number}} SocketState `failures`: attempts that failed in a row
 * @typedef {{ok: boolean, error?: string, data?: Record<string, unknown>}} Ack `data`: all that the server answered
 * @typedef {{name: string, argument: unknown}} Watch an event, and its argument: any JSON
 * @typedef {Ack & Watch} WatchAnswer
 */

/** How long the handshake up to the namespace's CONNECT may take, in ms. */
const HANDSHAKE_DEADLINE = 10000;

/** How long an ack is waited for, in ms. */
const ACK_DEADLINE = 15000;

export class Socket extends EventTarget {
  /** @type {SocketState} */
  state = { phase: 'idle', reason: null, failures: 0 };
  /** @type {WebSocket | null} the present connection */
  #connection = null;
  /** @type {Watch[]} what to ask for again after a reconnect */
  #watches = [];
  /** @type {Map<number, (ack: Ack) => void>} */
  #acks = new Map();
  #nextAck = 0;
  /** How long silence is borne, in ms: the handshake's deadline, then the heartbeat. */
  #patience = HANDSHAKE_DEADLINE;
  /** The server's ping interval and timeout together, in ms; applies once the namespace is entered. */
  #heartbeat = HANDSHAKE_DEADLINE;
  #connectedAt = 0;
  /** Before this moment (ms since the epoch) a draining server does not want us back. */
  #notBefore = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #watchdog;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;

  /**
   * @param {string} url the WebSocket address, with `EIO=4&transport=websocket`
   * @param {string} token a JWT; sent in the CONNECT packet only, never in the address
   */
  constructor(url, token) {
    super();
    this.url = url;
    this.token = token;
  }

  /** Starts. Once only. */
  open() {
    this.#become('connecting', null);
    this.#connect();
  }

  /** Ends for good. */
  close() {
    this.#end('closed');
  }

  /** Skips what is left of the wait before the next attempt. */
  retryNow() {
    if (this.state.phase !== 'reconnecting' || this.#retry === undefined) return;
    clearTimeout(this.#retry);
    this.#connect();
  }

  /**
   * Sends an event such as `join_room` now and after every reconnect. Each answer comes as a `watch` event.
   *
   * @param {string} name
   * @param {unknown} argument of the event: any JSON
   */
  watch(name, argument) {
    const watch = { name, argument };
    this.#watches.push(watch);
    if (this.state.phase === 'connected') this.#ask(watch);
  }

  /** Sends a watch again that was answered by a fault. @param {string} name */
  watchAgain(name) {
    if (this.state.phase !== 'connected') return;
    for (const watch of this.#watches) if (watch.name === name) this.#ask(watch);
  }

  /**
   * Sends an event and resolves with its ack; never rejects.
   *
   * @param {string} name
   * @param {...unknown} args
   * @returns {Promise<Ack>}
   */
  emit(name, ...args) {
    if (this.state.phase !== 'connected') return Promise.resolve({ ok: false, error: 'not connected' });
    const id = this.#nextAck++;
    this.#connection?.send(encodeEvent(id, name, args));
    return new Promise((resolve) => {
      const deadline = setTimeout(() => this.#settle(id, { ok: false, error: 'no answer' }), ACK_DEADLINE);
      this.#acks.set(id, (ack) => {
        clearTimeout(deadline);
        resolve(ack);
      });
    });
  }

  #connect() {
    this.#retry = undefined;
    const connection = new WebSocket(this.url);
    this.#connection = connection;
    this.#patience = HANDSHAKE_DEADLINE;
    this.#listen();
    // A late word from a connection that was given up must not touch its successor.
    connection.onmessage = ({ data }) => connection === this.#connection && this.#hear(data);
    connection.onclose = () => connection === this.#connection && this.#lose();
  }

  /** Sets the watchdog anew: whoever says nothing for longer than the heartbeat allows is gone. */
  #listen() {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#lose(), this.#patience);
  }

  /** @param {unknown} data */
  #hear(data) {
    const frame = decode(data);
    // During the handshake only progress counts, so that a server stuck half way is given up.
    if (this.state.phase === 'connected') this.#listen();
    switch (frame.kind) {
      case 'open':
        this.#heartbeat = frame.pingInterval + frame.pingTimeout;
        return this.#connection?.send(encodeConnect(this.token));
      case 'ping':
        return this.#connection?.send(PONG);
      case 'connected':
        return this.#welcome();
      case 'refused':
        return this.#end('refused');
      case 'disconnected':
        return this.#end('disconnected');
      case 'closing':
        return this.#lose();
      case 'ack':
        return this.#settle(frame.id, toAck(frame.args[0]));
      case 'event':
        return this.#deliver(frame.name, frame.args);
      default:
        return undefined;
    }
  }

  #welcome() {
    this.#connectedAt = Date.now();
    this.#patience = this.#heartbeat;
    this.#listen();
    this.#become('connected', null);
    for (const watch of this.#watches) this.#ask(watch);
  }

  /** @param {Watch} watch */
  async #ask({ name, argument }) {
    const connection = this.#connection;
    const ack = await this.emit(name, argument);
    // A loss answers too, but it is the reconnect's business.
    if (connection === this.#connection) this.#tell('watch', { name, argument, ...ack });
  }

  /** @param {string} name @param {unknown[]} args */
  #deliver(name, args) {
    if (name === 'unauthorized') return this.#end('unauthorized');
    if (name === 'draining') {
      const [plan] = args;
      const wait = isObject(plan) && typeof plan.reconnect_in_ms === 'number' ? plan.reconnect_in_ms : 0;
      this.#notBefore = Date.now() + Math.max(0, wait);
    }
    this.#tell('event', { name, args });
  }

  /** @param {number} id @param {Ack} ack */
  #settle(id, ack) {
    this.#acks.get(id)?.(ack);
    this.#acks.delete(id);
  }

  /** The connection is gone (or said nothing for too long): try again later. */
  #lose() {
    const held = this.state.phase === 'connected' ? Date.now() - this.#connectedAt : 0;
    const failures = held >= STABLE_AFTER ? 0 : this.state.failures;
    const drained = this.#notBefore > 0;
    const wait = drained ? Math.max(0, this.#notBefore - Date.now()) : backoff(failures);
    this.#notBefore = 0;
    this.#drop();
    this.state = { ...this.state, failures: failures + 1 };
    this.#retry = setTimeout(() => this.#connect(), wait);
    this.#become('reconnecting', drained ? 'draining' : 'lost');
  }

  /** @param {Reason} reason */
  #end(reason) {
    if (this.state.phase === 'ended') return;
    clearTimeout(this.#retry);
    this.#drop();
    this.#become('ended', reason);
  }

  /** Lets go of the connection and of all that waited for it. */
  #drop() {
    const connection = this.#connection;
    this.#connection = null;
    clearTimeout(this.#watchdog);
    connection?.close();
    for (const id of [...this.#acks.keys()]) this.#settle(id, { ok: false, error: 'connection lost' });
  }

  /** @param {Phase} phase @param {Reason} reason */
  #become(phase, reason) {
    this.state = { ...this.state, phase, reason };
    this.#tell('state', this.state);
  }

  /** @param {string} type @param {unknown} detail */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** @param {unknown} value @returns {Ack} */
function toAck(value) {
  if (!isObject(value)) return { ok: false, error: 'unreadable answer' };
  return { ok: value.ok === true, error: typeof value.error === 'string' ? value.error : undefined, data: value };
}
