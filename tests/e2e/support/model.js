/** A language model that says what a test tells it to: OpenAI's chat completions as a stream, on a port of its own. */

import { createServer } from 'node:http';
import { eventually } from './wait.js';

export class Model {
  /** What was asked: the last turn of each request. @type {string[]} */
  asked = [];
  /** Statuses that the next questions are answered with, in place of a stream. @type {number[]} */
  refusals = [];
  /** How many streams their reader has left before their end. */
  left = 0;
  /** @type {import('node:http').ServerResponse | null} the stream that runs */
  #stream = null;
  #http = createServer((request, response) => this.#serve(request, response));

  /** @returns {Promise<Model>} one that listens */
  static async start() {
    const model = new Model();
    await new Promise((resolve) => model.#http.listen(0, '127.0.0.1', () => resolve(undefined)));
    return model;
  }

  /** What `SWITCHBOARD_LLM_URL` is to be. */
  get url() {
    return `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (this.#http.address()).port}/v1`;
  }

  /** Waits until so many questions came. @param {number} count */
  async wasAsked(count) {
    await eventually(`${count} questions`, () => this.asked.length >= count, () => this.asked);
  }

  /** Waits until so many streams were left. @param {number} count */
  async wasLeft(count) {
    await eventually(`${count} streams that were left`, () => this.left >= count, () => this.left);
  }

  /** Adds to the answer. @param {...string} tokens */
  say(...tokens) {
    for (const content of tokens) this.#send({ content }, null);
  }

  /** Ends the answer well. */
  finish() {
    this.#send({}, 'stop');
    this.#stream?.end('data: [DONE]\n\n');
    this.#stream = null;
  }

  async stop() {
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  /** @param {Record<string, string>} delta @param {string | null} finish */
  #send(delta, finish) {
    const chunk = { id: 'chat-1', object: 'chat.completion.chunk', model: 'parrot', choices: [{ index: 0, delta, finish_reason: finish }] };
    this.#stream?.write(`data: ${JSON.stringify(chunk)}\n\n`);
  }

  /** @param {import('node:http').IncomingMessage} request @param {import('node:http').ServerResponse} response */
  async #serve(request, response) {
    let body = '';
    for await (const piece of request) body += piece;
    const { messages } = JSON.parse(body);
    const refusal = this.refusals.shift();
    if (refusal !== undefined) {
      response.writeHead(refusal, { 'Content-Type': 'application/json' }).end('{"error":{"message":"not now"}}');
    } else {
      response.on('close', () => { if (!response.writableEnded) this.left += 1; });
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
      this.#stream = response;
    }
    this.asked.push(messages.at(-1).content);
  }
}
