/** Everything a test of captions needs: a broker, a server, a transcriber, and sessions of its own. */

import { Mosquitto, noMosquitto } from './mosquitto.js';
import { Publisher } from './publisher.js';
import { Switchboard } from './switchboard.js';
import { userToken } from './tokens.js';
import { Viewer } from './viewer.js';

/** The brokers that everything must work with: the names of the tests, and why one has to be skipped. */
export const BROKERS = /** @type {const} */ ([
  ['the embedded broker', false],
  ['mosquitto', noMosquitto],
]);

export class Rig {
  /** @type {Mosquitto | null} */
  mosquitto = null;
  /** @type {Switchboard} */
  server;
  /** @type {Publisher} */
  publisher;
  /** @type {Set<Viewer>} */
  #viewers = new Set();
  #sessions = 0;

  /**
   * @param {string} broker one of BROKERS
   * @param {import('./switchboard.js').Options} [options]
   * @returns {Promise<Rig>}
   */
  static async start(broker, options = {}) {
    const rig = new Rig();
    try {
      if (broker === 'mosquitto') rig.mosquitto = await Mosquitto.start();
      rig.server = await Switchboard.start({ mqttUrl: rig.mosquitto?.url, ...options });
      // It listens before its broker is there, and says broker_ko to those who come that early.
      await rig.server.ready();
      await rig.connectPublisher();
    } catch (error) {
      await rig.stop();
      throw error;
    }
    return rig;
  }

  /** Connects the transcriber (anew). */
  async connectPublisher() {
    await this.publisher?.close();
    this.publisher = await Publisher.connect(this.server.mqttUrl);
  }

  /** @param {Record<string, unknown>} [fields] @returns {Promise<string>} the id of a new session */
  async session(fields) {
    this.#sessions += 1;
    const id = `session-${this.#sessions}`;
    await this.server.createSession(id, fields);
    return id;
  }

  /**
   * Connects a viewer, as the user `ada` unless told otherwise; it goes when the rig stops.
   *
   * @param {ConstructorParameters<typeof Viewer>[1] & {url?: string}} [options]
   */
  async viewer({ url = this.server.url, ...options } = {}) {
    const viewer = this.newViewer({ url, ...options });
    await viewer.connected();
    return viewer;
  }

  /** The same without waiting for the connection. */
  newViewer({ url = this.server.url, ...options } = {}) {
    const viewer = new Viewer(url, { auth: { token: userToken('ada') }, ...options });
    this.#viewers.add(viewer);
    return viewer;
  }

  /** Lets the viewers go, as each test should at its end. */
  closeViewers() {
    for (const viewer of this.#viewers) viewer.close();
    this.#viewers.clear();
  }

  async stop() {
    this.closeViewers();
    await this.publisher?.close();
    await this.server?.stop();
    await this.mosquitto?.stop();
  }
}
