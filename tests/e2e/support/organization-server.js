/**
 * A small server of an organization's events for tests of the dashboard: it says exactly what a test tells it to.
 * Serves the page's files under the real policy, and speaks the framing over a real WebSocket.
 */

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';
import { eventually } from './wait.js';

const WEB = fileURLToPath(new URL('../../../web/', import.meta.url));
const TYPES = { '.html': 'text/html', '.css': 'text/css', '.js': 'text/javascript', '.svg': 'image/svg+xml' };
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** What a client is told to expect; times in ms. No test lasts until the first ping. */
const HANDSHAKE = { sid: 'test', upgrades: [], pingInterval: 20_000, pingTimeout: 20_000, maxPayload: 1_000_000 };

export class OrganizationServer {
  /** The present picture. @type {unknown[]} */
  sessions = [];
  /** What is in processing. @type {unknown[]} */
  uploads = [];
  /** What the demo's address answers; null: this is no demo. @type {unknown} */
  demo = null;
  /** Whether a token is accepted. @type {(token: string) => boolean} */
  accepts = () => true;
  /** Events that are denied. @type {Set<string>} */
  denied = new Set();
  /** Acknowledgements in place of the usual ones, by event. @type {Map<string, unknown>} */
  answers = new Map();
  /** Every event that clients sent, with its argument. @type {[string, unknown][]} */
  asked = [];
  /** Whether connections are taken. */
  admits = true;
  #http = createServer((request, response) => this.#serve(request, response));
  #sockets = new WebSocketServer({ noServer: true });

  /** @returns {Promise<OrganizationServer>} one that listens */
  static async start() {
    const server = new OrganizationServer();
    server.#http.on('upgrade', (request, socket, head) => {
      if (!server.admits) return socket.destroy();
      server.#sockets.handleUpgrade(request, socket, head, (client) => server.#welcome(client));
    });
    await new Promise((resolve) => server.#http.listen(0, '127.0.0.1', () => resolve(undefined)));
    return server;
  }

  get url() {
    return `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (this.#http.address()).port}`;
  }

  /** How often an event was sent. @param {string} name @returns {number} */
  count(name) {
    return this.asked.filter(([asked]) => asked === name).length;
  }

  /** Waits until an event was sent so often. @param {string} name @param {number} times */
  async wasAsked(name, times) {
    await eventually(`${times} × ${name}`, () => this.count(name) >= times, () => this.asked);
  }

  /** Says an event to everybody. @param {string} name @param {...unknown} args */
  say(name, ...args) {
    for (const client of this.#sockets.clients) client.send(`42${JSON.stringify([name, ...args])}`);
  }

  /** Cuts every connection without a word, and refuses new ones until `admit`. */
  cut() {
    this.admits = false;
    for (const client of this.#sockets.clients) client.terminate();
  }

  admit() {
    this.admits = true;
  }

  async stop() {
    this.cut();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  /** @param {import('ws').WebSocket} client */
  #welcome(client) {
    client.on('message', (data) => this.#hear(client, String(data)));
    client.send(`0${JSON.stringify(HANDSHAKE)}`);
  }

  /** @param {import('ws').WebSocket} client @param {string} frame */
  #hear(client, frame) {
    if (frame.startsWith('40')) {
      const { token } = JSON.parse(frame.slice(2));
      return client.send(this.accepts(token) ? '40{"sid":"test"}' : '44{"message":"Invalid token"}');
    }
    const [, id, json] = /^42(\d+)(.*)$/s.exec(frame) ?? [];
    if (json === undefined) return undefined;
    const [name, argument] = JSON.parse(json);
    this.asked.push([name, argument]);
    if (this.denied.has(name)) {
      client.send('42["unauthorized"]');
      return client.send('41');
    }
    client.send(`43${id}${JSON.stringify([this.answers.get(name) ?? { ok: true, ...(name === 'watch_organization_session' && { sessions: this.sessions }) }])}`);
    if (name === 'watch_organization_media' && !this.answers.has(name)) client.send(`42${JSON.stringify(['conversation_processing', this.uploads])}`);
    return undefined;
  }

  /** @param {import('node:http').IncomingMessage} request @param {import('node:http').ServerResponse} response */
  async #serve(request, response) {
    const { pathname } = new URL(request.url ?? '/', this.url);
    if (pathname === '/demo.json') {
      response.writeHead(this.demo === null ? 204 : 200, { 'Content-Type': 'application/json' });
      return response.end(this.demo === null ? undefined : JSON.stringify(this.demo));
    }
    const file = pathname === '/' ? 'index.html' : normalize(pathname).replace(/^\/web\//, '');
    try {
      const body = await readFile(join(WEB, file));
      response.writeHead(200, { 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream', 'Content-Security-Policy': POLICY });
      return response.end(body);
    } catch {
      return response.writeHead(404).end();
    }
  }
}
