/**
 * What is known of an organization's uploads while they are transcribed: read from the server's lists and announcements.
 * Like sessions, they may come from anywhere: every field but the id is optional.
 */

import { readWords } from './payload.js';
import { isObject } from './wire.js';

/**
 * @typedef {'pending' | 'started' | 'processing' | 'done' | 'error' | 'deleted' | 'unknown'} UploadState
 *   `deleted`: gone; `unknown`: ended while nobody told this page how
 * @typedef {{id: string, name: string, state: UploadState, progress: number, at: Date}} Upload
 *   `progress`: percent, whole; `at`: when its state was last heard to change
 */

/** So many uploads in processing are kept. */
export const MOST_UPLOADS = 200;
/** So many are kept of those that ended well, and of those that failed. */
export const MOST_ENDED = 20;

/** @type {UploadState[]} */
const GOING_ON = ['pending', 'started', 'processing'];

/** @param {UploadState} state @returns {boolean} */
export function isGoingOn(state) {
  return GOING_ON.includes(state);
}

export class Media {
  /** @type {Map<string, Upload>} by id, in the order in which they came */
  byId = new Map();
  /** Whether the next list is the first after a connect: what it lacks has ended unheard. */
  #anew = false;
  /** @type {Set<string>} what the last list lacked: it may have been made before they were */
  #missed = new Set();

  /** The connection is new: the next list tells what went on meanwhile. */
  begin() {
    this.#anew = true;
  }

  /** How many are going on. */
  get goingOn() {
    return [...this.byId.values()].filter(({ state }) => isGoingOn(state)).length;
  }

  /**
   * Takes one event.
   *
   * @param {string} name
   * @param {unknown} payload
   * @returns {Upload[]} those that changed or are new; one that went away is `deleted`. Old ends leave `byId` unmentioned
   */
  apply(name, payload) {
    switch (name) {
      case 'conversation_processing':
        return this.#list(Array.isArray(payload) ? payload : []);
      case 'conversation_processing_done':
        return this.#end(payload, 'done');
      case 'conversation_processing_error':
        return this.#end(payload, 'error');
      case 'conversation_created':
        return this.#take(payload);
      case 'conversation_deleted':
        return this.#end(isObject(payload) ? payload.id ?? payload._id : payload, 'deleted');
      default:
        return [];
    }
  }

  /** @param {string} id */
  forget(id) {
    this.byId.delete(id);
  }

  /** @param {unknown[]} list */
  #list(list) {
    const changed = list.flatMap((entry) => this.#take(entry));
    const listed = new Set(list.map((entry) => (isObject(entry) ? readId(entry._id ?? entry.id) : null)));
    const missing = [...this.byId.values()].filter(({ id, state }) => isGoingOn(state) && !listed.has(id)).map(({ id }) => id);
    // While connected the end of each is announced before the list: what is missing for good was deleted.
    const over = this.#anew ? missing : missing.filter((id) => this.#missed.has(id));
    const state = this.#anew ? 'unknown' : 'deleted';
    this.#anew = false;
    this.#missed = new Set(missing);
    return [...changed, ...over.flatMap((id) => this.#end(id, state))];
  }

  /** @param {unknown} value @returns {Upload[]} */
  #take(value) {
    const id = isObject(value) ? readId(value._id ?? value.id) : null;
    if (!isObject(value) || id === null) return [];
    const known = this.byId.get(id);
    if (!known && this.goingOn >= MOST_UPLOADS) return [];
    const { state, progress } = readJob(value, known);
    const upload = { id, name: readWords(value.name) || known?.name || 'Untitled recording', state, progress, at: new Date() };
    if (known && known.name === upload.name && known.state === state && known.progress === progress) return [];
    return this.#put(upload);
  }

  /** @param {unknown} value @param {UploadState} state */
  #end(value, state) {
    const known = this.byId.get(readId(value) ?? '');
    if (!known || known.state === state) return [];
    const progress = state === 'done' ? 100 : known.progress;
    return this.#put({ ...known, state, progress, at: new Date() });
  }

  /** @param {Upload} upload */
  #put(upload) {
    if (upload.state === 'deleted') this.byId.delete(upload.id);
    else this.byId.set(upload.id, upload);
    const same = [...this.byId.values()].filter(({ state }) => state === upload.state && !isGoingOn(state));
    if (same.length > MOST_ENDED) this.byId.delete(same.reduce((a, b) => (b.at < a.at ? b : a)).id);
    return [upload];
  }
}

/** @param {unknown} value @returns {string | null} */
function readId(value) {
  return typeof value === 'string' && value !== '' && value.length <= 200 ? value : null;
}

/**
 * @param {Record<string, unknown>} value
 * @param {Upload | undefined} known
 * @returns {{state: UploadState, progress: number}}
 */
function readJob(value, known) {
  const job = isObject(value.jobs) && isObject(value.jobs.transcription) ? value.jobs.transcription : {};
  const state = /** @type {UploadState} */ ([...GOING_ON, 'done', 'error'].find((one) => one === job.state) ?? known?.state ?? 'processing');
  const told = isObject(job.progress) ? job.progress.percentage : job.progress;
  const progress = typeof told === 'number' && Number.isFinite(told) ? told : (known?.progress ?? 0);
  return { state, progress: state === 'done' ? 100 : Math.round(Math.min(100, Math.max(0, progress))) };
}
