/** The REST interface as the page uses it: JSON both ways, files with their progress, the reader's token on every call. */

import { sentence } from './format.js';
import { isObject } from './wire.js';

/** @typedef {import('./access.js').Credentials} Credentials */

/** No list is read further than so many pages. */
const MOST_PAGES = 50;

/** What the server lets a page of a list have. */
const PAGE = 200;

/** An answer other than the one asked for. */
export class RestError extends Error {
  /**
   * @param {number} status HTTP's; 0: there was no answer
   * @param {string} message a sentence for people
   */
  constructor(status, message) {
    super(message);
    this.status = status;
  }

  /** Whether the same may succeed later. */
  get retryable() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export class Rest {
  /** @param {Credentials} credentials whose token may change */
  constructor(credentials) {
    this.credentials = credentials;
  }

  /**
   * @param {string} path below `/api/v1`
   * @param {{method?: string, body?: unknown}} [request]
   * @returns {Promise<unknown>} the answer's JSON, null if it has none; rejects with a RestError
   */
  async call(path, { method = 'GET', body } = {}) {
    const headers = { Authorization: `Bearer ${this.credentials.token}`, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) };
    const request = { method, headers, body: body === undefined ? undefined : JSON.stringify(body), cache: /** @type {const} */ ('no-store') };
    const response = await fetch(address(path), request).catch(() => null);
    if (response === null) throw unreachable();
    return read(response.status, await response.text().catch(() => ''));
  }

  /**
   * Reads a list from its beginning to its end.
   *
   * @param {string} path
   * @param {number} most so many of its last items are kept
   * @returns {Promise<unknown[]>} rejects with a RestError
   */
  async list(path, most) {
    /** @type {unknown[]} */
    let items = [];
    let after = '';
    for (let page = 0; page < MOST_PAGES; page += 1) {
      const body = await this.call(`${path}?limit=${PAGE}${after}`);
      if (!isObject(body) || !Array.isArray(body.items)) break;
      items = [...items, ...body.items].slice(-most);
      if (typeof body.next !== 'number') break;
      after = `&after=${body.next}`;
    }
    return items;
  }

  /**
   * Sends a file. `fetch` does not tell how much of it is sent; XMLHttpRequest does.
   *
   * @param {string} path
   * @param {File} file
   * @param {(percent: number) => void} progress
   * @param {AbortSignal} signal
   * @returns {Promise<unknown>} as of `call`
   */
  upload(path, file, progress, signal) {
    const request = new XMLHttpRequest();
    request.open('POST', address(path));
    request.setRequestHeader('Authorization', `Bearer ${this.credentials.token}`);
    request.upload.addEventListener('progress', ({ loaded, total }) => progress(total > 0 ? Math.round((loaded / total) * 100) : 0));
    const stop = () => request.abort();
    signal.addEventListener('abort', stop);
    return new Promise((resolve, reject) => {
      request.addEventListener('loadend', () => {
        signal.removeEventListener('abort', stop);
        try {
          resolve(read(request.status, request.responseText));
        } catch (error) {
          reject(error);
        }
      });
      const form = new FormData();
      form.append('file', file, file.name);
      request.send(form);
    });
  }
}

/** @param {string} path @returns {string} relative: the page may be mounted below a prefix */
function address(path) {
  return `api/v1${path}`;
}

/** @param {number} status @param {string} text @returns {unknown} */
function read(status, text) {
  if (status === 0) throw unreachable();
  const body = parse(text);
  if (status < 400) return body;
  const error = isObject(body) && isObject(body.error) ? body.error.message : undefined;
  throw new RestError(status, typeof error === 'string' && error !== '' ? sentence(error) : `The server answered with an error (${status}).`);
}

/** @param {string} text @returns {unknown} */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function unreachable() {
  return new RestError(0, 'The server could not be reached.');
}
