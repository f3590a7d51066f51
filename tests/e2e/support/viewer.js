/** A viewer: the official Socket.IO client, with everything that it heard kept in order. */

import { io } from 'socket.io-client';
import { eventually, within } from './wait.js';

/** How viewers may connect: the names of the tests and the options of the client. */
export const TRANSPORTS = {
  'websocket only': ['websocket'],
  'polling only': ['polling'],
  'polling, then upgraded': ['polling', 'websocket'],
};

export class Viewer {
  /** @type {[string, ...unknown[]][]} every event of the server but its greetings, with its arguments */
  heard = [];
  /** @type {[string, ...unknown[]][]} what it was told at each connect */
  greetings = [];
  /** @type {string[]} the message of every refused connect */
  refusals = [];
  /** @type {string[]} the reason of every disconnect */
  disconnects = [];
  /** How often it connected. */
  connects = 0;

  /**
   * @param {string} url the server, with a namespace as its path if wanted
   * @param {Partial<import('socket.io-client').ManagerOptions & import('socket.io-client').SocketOptions>} [options]
   */
  constructor(url, options = {}) {
    this.socket = io(url, { forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 200, timeout: 5_000, ...options });
    this.socket.onAny((...event) => (event[0] === 'connection_status' ? this.greetings : this.heard).push(event));
    this.socket.on('connect', () => { this.connects += 1; });
    this.socket.on('connect_error', (error) => this.refusals.push(error.message));
    this.socket.on('disconnect', (reason) => this.disconnects.push(reason));
  }

  /** Connects and waits until it is in. */
  static async connect(...args) {
    const viewer = new Viewer(...args);
    await viewer.connected();
    return viewer;
  }

  /** Waits until it has connected `times` times. */
  async connected(times = 1) {
    await eventually(`connect number ${times}`, () => this.connects >= times && this.socket.connected, () => this.state());
  }

  /** The name of the transport in use. */
  get transport() {
    return this.socket.io.engine.transport.name;
  }

  /** Emits and waits for the acknowledgement. @returns {Promise<any>} */
  ask(event, ...args) {
    return within(`the acknowledgement of ${event}`, this.socket.emitWithAck(event, ...args));
  }

  /** The first arguments of all events of this name so far. */
  all(name) {
    return this.heard.filter(([event]) => event === name).map(([, argument]) => argument);
  }

  /** Waits until `count` events of this name have come. @returns {Promise<unknown[]>} their first arguments */
  async until(name, count = 1) {
    const enough = () => this.all(name).length >= count && this.all(name);
    return eventually(`${count} × ${name}`, enough, () => this.state());
  }

  /** What it went through, for a failure's message. */
  state() {
    const { connects, refusals, disconnects } = this;
    return { connects, refusals, disconnects, events: this.heard.length, last: this.heard.slice(-5) };
  }

  close() {
    this.socket.disconnect();
  }
}
