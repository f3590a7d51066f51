/** The dashboard's uploads: those in processing with their progress, those done, those failed. */

import { button, h, setText } from '../dom.js';
import { isGoingOn } from '../media.js';
import { Linger } from './linger.js';
import { UploadEntry } from './upload-entry.js';

/**
 * @typedef {import('../media.js').Media} Media
 * @typedef {import('../media.js').Upload} Upload
 * @typedef {import('../media.js').UploadState} UploadState
 * @typedef {'going' | 'done' | 'error'} ListName
 */

/** @type {[ListName, string, string][]} name, heading, what stands in an empty one */
const LISTS = [['going', 'In progress', 'Nothing is being transcribed.'], ['done', 'Done', 'Nothing yet.'], ['error', 'Failed', 'Nothing, so far.']];

/** What is said of an end. @type {Partial<Record<UploadState, string>>} */
const NEWS = { done: 'is done', error: 'has failed' };

export class MediaPanel {
  /** @type {Map<string, UploadEntry>} */
  #entries = new Map();
  /** @type {Record<string, UploadList>} */
  #lists = {};
  #empty = h('p', { class: 'panel-empty', 'data-testid': 'media-empty' }, 'Waiting for the server…');
  #body;

  /**
   * @param {Media} media
   * @param {import('./announcer.js').Announcer} announcer
   * @param {AbortSignal} signal
   */
  constructor(media, announcer, signal) {
    this.media = media;
    this.announcer = announcer;
    for (const [name, title, nothing] of LISTS) {
      this.#lists[name] = new UploadList(name, title, nothing, name === 'going' ? null : () => this.#dismiss(name));
    }
    // Focusable, so that the keyboard can scroll it.
    this.#body = h('div', { class: 'upload-lists', tabindex: 0, role: 'group', 'aria-label': 'Uploads', hidden: true }, ...Object.values(this.#lists).map(({ element }) => element));
    this.title = h('h2', { id: 'media-title', tabindex: -1 }, 'Uploads');
    this.element = h('section', { class: 'panel-area uploads-area', 'aria-labelledby': this.title.id },
      h('div', { class: 'panel-head' }, this.title), this.#empty, this.#body);
    this.linger = new Linger(this.#body, signal);
  }

  /** Shows what changed; also that nothing is known to be in processing. @param {Upload[]} uploads */
  apply(uploads) {
    for (const upload of uploads) this.#show(upload);
    for (const [id, { element }] of this.#entries) {
      // It made room for later ones.
      if (!this.media.byId.has(id) && element.dataset.state !== 'deleted') this.#drop(id);
    }
    this.#empty.hidden = true;
    this.#body.hidden = false;
    this.#sum();
  }

  /** Says why there is nothing to show, if there is nothing. @param {string} reason */
  explain(reason) {
    if (this.#entries.size > 0) return;
    setText(this.#empty, reason);
    this.#empty.hidden = false;
    this.#body.hidden = true;
  }

  /** @param {Upload} upload */
  #show(upload) {
    const { id, state, name } = upload;
    const entry = this.#entries.get(id);
    const was = entry?.element.dataset.state;
    if (!entry) {
      if (state !== 'deleted') this.#enter(upload);
    } else {
      entry.show(upload);
      // It says at once what became of it, and goes to its new place when nobody is looking.
      if (this.#home(entry) === listOf(state)) this.linger.stop(id);
      else this.linger.later(id, () => this.#move(upload));
    }
    const news = NEWS[state];
    if (news && was !== state) this.announcer.say(`upload ${id}`, `${name} ${news}.`);
  }

  /** @param {Upload} upload */
  #enter(upload) {
    const entry = new UploadEntry(upload);
    this.#entries.set(upload.id, entry);
    const list = listOf(upload.state);
    // The latest end is the first of its list; what is in progress keeps its order.
    if (list === 'going') this.#lists.going.items.append(entry.element);
    else if (list) this.#lists[list].items.prepend(entry.element);
  }

  /** @param {Upload} upload */
  #move(upload) {
    this.#drop(upload.id);
    if (upload.state !== 'deleted') this.#enter(upload);
    this.#sum();
  }

  /** @param {UploadEntry} entry @returns {string | undefined} the list that it is in */
  #home(entry) {
    return entry.element.parentElement?.dataset.list;
  }

  /** @param {string} id */
  #drop(id) {
    this.linger.stop(id);
    this.#entries.get(id)?.element.remove();
    this.#entries.delete(id);
  }

  /** Forgets what a list shows. @param {ListName} list */
  #dismiss(list) {
    for (const [id, entry] of this.#entries) {
      if (this.#home(entry) !== list) continue;
      this.media.forget(id);
      this.#drop(id);
    }
    this.#sum();
    // The button goes away under the reader's focus.
    this.#lists[list].title.focus();
  }

  #sum() {
    for (const list of Object.values(this.#lists)) list.sum();
  }
}

/** A heading, its entries, and a button that dismisses them. */
class UploadList {
  #count = h('span', { class: 'panel-count' });
  #nothing;
  #clear;

  /** @param {ListName} name @param {string} title @param {string} nothing @param {(() => void) | null} dismiss */
  constructor(name, title, nothing, dismiss) {
    const id = `uploads-${name}`;
    this.#nothing = h('p', { class: 'list-empty' }, nothing);
    this.#clear = dismiss && button('Dismiss', dismiss, { class: 'button small', 'aria-label': `Dismiss all under ${title}`, 'data-testid': `dismiss-${name}`, hidden: true });
    this.title = h('h3', { id, tabindex: -1 }, `${title} `, this.#count);
    this.items = h('ul', { class: 'uploads', role: 'list', 'aria-labelledby': id, 'data-list': name, 'data-testid': `uploads-${name}` });
    this.element = h('div', { class: 'upload-list', 'data-list': name }, h('div', { class: 'list-head' }, this.title, this.#clear), this.#nothing, this.items);
  }

  /** Shows how many there are. */
  sum() {
    const count = this.items.childElementCount;
    setText(this.#count, String(count));
    this.#nothing.hidden = count > 0;
    if (this.#clear) this.#clear.hidden = count === 0;
  }
}

/** @param {UploadState} state @returns {ListName | undefined} where it belongs */
function listOf(state) {
  if (isGoingOn(state)) return 'going';
  if (state === 'deleted') return undefined;
  return state === 'error' ? 'error' : 'done';
}
