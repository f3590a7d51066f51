/** A TCP proxy between a viewer and the server, with which a test cuts or holds back connections. */

import net from 'node:net';

export class Proxy {
  /** @type {Set<net.Socket>} */
  #sockets = new Set();
  /** @type {(() => void)[]} connections that wait for `release` */
  #held = [];
  #accepting = true;

  /**
   * @param {URL} target
   * @param {(start: string) => boolean} holds whether a connection that begins so has to wait for `release`
   */
  constructor(target, holds) {
    this.target = target;
    this.holds = holds;
    this.server = net.createServer((client) => this.#accept(client));
  }

  /**
   * @param {string} url the server behind it
   * @param {(start: string) => boolean} [holds]
   * @returns {Promise<Proxy>}
   */
  static async start(url, holds = () => false) {
    const proxy = new Proxy(new URL(url), holds);
    await new Promise((resolve) => proxy.server.listen(0, '127.0.0.1', () => resolve(undefined)));
    return proxy;
  }

  /** Its address, in place of the server's. */
  get url() {
    return `http://127.0.0.1:${/** @type {net.AddressInfo} */ (this.server.address()).port}`;
  }

  /** How many connections are held back. */
  get held() {
    return this.#held.length;
  }

  /** Cuts every connection without a word, and refuses new ones until `admit`. */
  cut() {
    this.#accepting = false;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Takes connections again. */
  admit() {
    this.#accepting = true;
  }

  /** Lets everything pass that was held back, and all that comes. */
  release() {
    this.holds = () => false;
    for (const pass of this.#held.splice(0)) pass();
  }

  async stop() {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** @param {net.Socket} client */
  #accept(client) {
    if (!this.#accepting) return void client.resetAndDestroy();
    this.#keep(client);
    client.once('data', (start) => {
      client.pause();
      const pass = () => this.#pass(client, start);
      if (this.holds(start.toString('latin1'))) this.#held.push(pass);
      else pass();
    });
  }

  /** @param {net.Socket} client @param {Buffer} start */
  #pass(client, start) {
    const server = net.connect(Number(this.target.port), this.target.hostname);
    this.#keep(server);
    server.write(start);
    client.pipe(server).pipe(client);
    client.on('close', () => server.destroy());
    server.on('close', () => client.destroy());
  }

  /** @param {net.Socket} socket */
  #keep(socket) {
    this.#sockets.add(socket);
    socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
  }
}
