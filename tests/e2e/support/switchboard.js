/** The program under test, started as its users do, each with a database of its own on free ports. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Program } from './process.js';
import { SECRET, adminToken } from './tokens.js';
import { eventually } from './wait.js';

/** The binary; tests/run builds one and names it. */
export const BINARY = process.env.E2E_BINARY ?? 'target/debug/switchboard';

/**
 * @typedef {object} Options
 * @property {string} [command] `serve` unless given
 * @property {string} [mqttUrl] an external broker; else the embedded one
 * @property {string} [listen] address and port
 * @property {Record<string, string>} [env] more settings
 */

/** A running server. */
export class Switchboard {
  /** @type {Program | null} */
  program = null;
  /** Where it serves HTTP, e.g. `http://127.0.0.1:4711`. */
  url = '';
  /** Where its broker is. */
  mqttUrl = '';

  /** @param {Options} options @param {string} folder holds its database */
  constructor(options, folder) {
    this.options = options;
    this.folder = folder;
  }

  /** @param {Options} [options] @returns {Promise<Switchboard>} one that listens */
  static async start(options = {}) {
    const server = new Switchboard(options, await mkdtemp(join(tmpdir(), 'switchboard-e2e-')));
    await server.run();
    return server;
  }

  /** Starts it (again): a second time on the same ports, with the same database. */
  async run() {
    const { command = 'serve', mqttUrl, listen = '127.0.0.1:0', env } = this.options;
    const listens = this.url === '' ? listen : new URL(this.url).host;
    const mqttListens = this.mqttUrl === '' ? '127.0.0.1:0' : new URL(this.mqttUrl).host;
    const program = new Program(BINARY, [command], {
      SWITCHBOARD_LISTEN: listens,
      ...(mqttUrl ? { SWITCHBOARD_MQTT_URL: mqttUrl } : { SWITCHBOARD_MQTT_LISTEN: mqttListens }),
      ...(command === 'demo' ? {} : {
        SWITCHBOARD_DATABASE_URL: `sqlite://${join(this.folder, 'switchboard.db')}`,
        SWITCHBOARD_JWT_SECRET: SECRET,
      }),
      SWITCHBOARD_DATA_DIR: this.folder,
      ...env,
    });
    this.program = program;
    this.url = (await program.says(/^listening on (https?:\/\/\S+)$/m))[1];
    this.mqttUrl = mqttUrl ?? `mqtt://${(await program.says(/^mqtt on (\S+)$/m))[1]}`;
  }

  /** Waits until it says that it is ready: database and broker are there. */
  async ready() {
    let last;
    await eventually('readiness', async () => {
      const answer = await fetch(`${this.url}/readyz`);
      last = `${answer.status} ${await answer.text()}`;
      return answer.ok;
    }, () => last);
  }

  /**
   * Calls the REST interface as an administrator.
   *
   * @param {string} method
   * @param {string} path below `/api/v1`
   * @param {unknown} [body]
   * @returns {Promise<any>} the answer's JSON, null if it has none
   */
  async rest(method, path, body) {
    const headers = { Authorization: `Bearer ${adminToken()}`, 'Content-Type': 'application/json' };
    const answer = await fetch(`${this.url}/api/v1${path}`, { method, headers, body: JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text === '' ? null : JSON.parse(text);
  }

  /**
   * Creates a session, in an organization that is created with it.
   *
   * @param {string} id
   * @param {Record<string, unknown>} [fields] more of its fields; public and with two channels unless given
   */
  async createSession(id, fields = {}) {
    await this.rest('PUT', '/organizations/acme', { name: 'Acme' });
    const channels = [{ index: 1, name: 'Floor', language: 'en' }, { index: 2, name: 'Français', language: 'fr' }];
    await this.rest('POST', '/sessions', { id, name: id, organizationId: 'acme', visibility: 'public', channels, ...fields });
  }

  /** Asks it to stop, as a service manager does. @returns {Promise<{code: number | null, signal: string | null}>} */
  async terminate() {
    this.program?.signal('SIGTERM');
    return /** @type {Program} */ (this.program).exit();
  }

  /** Ends it without a word; `run` starts it again. */
  async kill() {
    await this.program?.kill();
  }

  /** @param {string} name @returns {Promise<number | undefined>} a metric without labels */
  async metric(name) {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const line = text.split('\n').find((line) => line.startsWith(`${name} `));
    return line && Number(line.slice(name.length + 1));
  }

  /** Ends it for good. */
  async stop() {
    await this.program?.kill();
    await rm(this.folder, { recursive: true, force: true });
  }
}
