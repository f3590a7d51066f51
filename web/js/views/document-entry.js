/** One document: its name, how far it is on its way to being searched, and the button that removes it. */

import { button, h, setText } from '../dom.js';

/**
 * @typedef {'queued' | 'sending' | 'waiting' | 'processing' | 'completed' | 'failed'} EntryState the first two: on its way to the server
 * @typedef {{filename: string, state: EntryState, progress: number, bytes: number | null, error: string | null}} Shown
 */

/** @type {Record<EntryState, string>} */
const WORDS = {
  queued: 'In the queue',
  sending: 'Uploading',
  waiting: 'Waiting to be read',
  processing: 'Being read',
  completed: 'Ready',
  failed: 'Failed',
};

/** Names for ids, of which an element needs one. */
let entries = 0;

export class DocumentEntry {
  #name = h('span', { class: 'upload-name', id: `document-${++entries}`, dir: 'auto' });
  #remove = button('✕', () => this.remove(), { class: 'button remove', 'data-testid': 'document-remove' });
  #bar = h('progress', { max: 100, 'aria-labelledby': this.#name.id });
  #state = h('span', { class: 'upload-state', 'data-testid': 'document-state' });
  element = h('li', { class: 'upload document', 'data-testid': 'document' }, this.#name, this.#remove, this.#bar, this.#state);

  /** @param {Shown} shown @param {() => void} remove */
  constructor(shown, remove) {
    this.remove = remove;
    this.show(shown);
  }

  /** @param {Shown} shown */
  show({ filename, state, progress, bytes, error }) {
    this.element.dataset.state = state;
    setText(this.#name, filename);
    this.#remove.setAttribute('aria-label', `${state === 'queued' || state === 'sending' ? 'Stop uploading' : 'Remove'} ${filename}`);
    const isGoingOn = state !== 'completed' && state !== 'failed';
    this.#bar.hidden = !isGoingOn;
    this.#bar.value = progress;
    this.#bar.setAttribute('aria-valuetext', `${progress} percent, ${WORDS[state].toLowerCase()}`);
    const detail = state === 'completed' && bytes !== null ? sizeText(bytes) : isGoingOn && state !== 'queued' && state !== 'waiting' ? `${progress} %` : null;
    setText(this.#state, state === 'failed' ? (error ?? WORDS.failed) : [WORDS[state], detail].filter((part) => part !== null).join(' · '));
  }

  /** Says what went wrong with it, beside what it is. @param {string} fault */
  complain(fault) {
    setText(this.#state, fault);
  }
}

/** @param {number} bytes @returns {string} */
function sizeText(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  if (bytes < 1_000_000) return `${Math.round(bytes / 1000)} KB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
