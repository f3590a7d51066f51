/** Files on their way to the server, one after the other. */

import { RestError } from './rest.js';

/**
 * @typedef {{key: string, file: File, percent: number, state: 'queued' | 'sending' | 'failed', error: string | null, stop: AbortController}} Upload
 *   `error`: a sentence for people
 */

/** What the server reads, by the ends of their names. */
export const EXTENSIONS = ['.txt', '.text', '.md', '.markdown', '.html', '.htm', '.pdf'];

export class Uploads {
  /** @type {Upload[]} those that wait, in their order */
  #queue = [];
  #isSending = false;
  #count = 0;

  /**
   * @param {import('./rest.js').Rest} rest
   * @param {string} path where files are posted to
   * @param {(upload: Upload) => void} changed
   * @param {(upload: Upload, document: unknown) => void} done told with what the server answered
   */
  constructor(rest, path, changed, done) {
    this.rest = rest;
    this.path = path;
    this.changed = changed;
    this.done = done;
  }

  /** @param {File} file */
  add(file) {
    this.#count += 1;
    /** @type {Upload} */
    const upload = { key: `upload-${this.#count}`, file, percent: 0, state: 'queued', error: null, stop: new AbortController() };
    const isReadable = EXTENSIONS.some((extension) => file.name.toLowerCase().endsWith(extension));
    if (isReadable) this.#queue.push(upload);
    else Object.assign(upload, { state: 'failed', error: 'This kind of file cannot be read: text, Markdown, HTML and PDF can.' });
    this.changed(upload);
    this.#send();
  }

  /** Stops one, wherever it is. @param {Upload} upload */
  stop(upload) {
    this.#queue = this.#queue.filter((one) => one !== upload);
    upload.stop.abort();
  }

  async #send() {
    if (this.#isSending) return;
    this.#isSending = true;
    for (let upload = this.#queue.shift(); upload; upload = this.#queue.shift()) await this.#sendOne(upload);
    this.#isSending = false;
  }

  /** @param {Upload} upload */
  async #sendOne(upload) {
    const tell = (/** @type {Partial<Upload>} */ change) => {
      Object.assign(upload, change);
      if (!upload.stop.signal.aborted) this.changed(upload);
    };
    tell({ state: 'sending' });
    try {
      const document = await this.rest.upload(this.path, upload.file, (percent) => tell({ percent }), upload.stop.signal);
      this.done(upload, document);
    } catch (error) {
      tell({ state: 'failed', error: error instanceof RestError ? error.message : String(error) });
    }
  }
}
