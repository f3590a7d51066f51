/** The project's documents: those on their way, those that are searched, those that failed, and the ways to add and remove them. */

import { button, h, setText } from '../dom.js';
import { Listing } from '../listing.js';
import { isFinished, later, readDocument, readNumber, readProgress } from '../project.js';
import { RestError } from '../rest.js';
import { EXTENSIONS, Uploads } from '../uploads.js';
import { confirm } from './confirm.js';
import { DocumentEntry } from './document-entry.js';

/**
 * @typedef {import('../project.js').ProjectDocument} ProjectDocument
 * @typedef {import('../uploads.js').Upload} Upload
 */

/** More documents are not shown. */
const MOST_DOCUMENTS = 1000;

/** So soon (ms) after word of a document that nobody has heard of the list is read again. */
const SOON = 500;

export class DocumentsPanel {
  /** @type {Listing<ProjectDocument>} */
  documents = new Listing(later);
  /** @type {Map<number | string, DocumentEntry>} by document, or by what is uploaded */
  #entries = new Map();
  /** @type {Map<string, Upload>} by key: those on their way, and those that failed */
  #pending = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #soon;
  #isKnown = false;
  #count = h('span', { class: 'panel-count', 'data-testid': 'document-count' });
  #title = h('h2', { id: 'documents-title', tabindex: -1 }, 'Documents ', this.#count);
  #input = h('input', { type: 'file', multiple: true, accept: EXTENSIONS.join(','), hidden: true, 'data-testid': 'file-input' });
  #list = h('ul', { class: 'uploads', role: 'list', 'aria-labelledby': this.#title.id, 'data-testid': 'documents' });
  element = h('section', { class: 'documents', 'aria-labelledby': this.#title.id },
    h('div', { class: 'side-head' }, this.#title, button('Add files', () => this.choose(), { class: 'button small', 'data-testid': 'add-files' }), this.#input),
    h('p', { class: 'drop-hint' }, 'Drop files here: text, Markdown, HTML or PDF.'), this.#list);

  /**
   * @param {import('../rest.js').Rest} rest
   * @param {number} project
   * @param {import('./announcer.js').Announcer} announcer
   * @param {() => void} changed told when documents come, go, or are ready
   * @param {AbortSignal} signal the end of the view
   */
  constructor(rest, project, announcer, changed, signal) {
    this.rest = rest;
    this.path = `/projects/${project}/documents`;
    this.announcer = announcer;
    this.changed = changed;
    this.uploads = new Uploads(rest, this.path, (upload) => this.#showUpload(upload), (upload, document) => this.#arrived(upload, document));
    this.#input.addEventListener('change', () => {
      this.add(this.#input.files ?? []);
      this.#input.value = '';
    });
    signal.addEventListener('abort', () => {
      clearTimeout(this.#soon);
      for (const upload of this.#pending.values()) this.uploads.stop(upload);
    });
  }

  /** What there is to ask: something, nothing yet, nothing. @returns {'unknown' | 'ready' | 'coming' | 'none'} */
  get readiness() {
    if (!this.#isKnown) return 'unknown';
    const documents = [...this.documents.byId.values()];
    if (documents.some(({ status }) => status === 'completed')) return 'ready';
    const isComing = documents.some(({ status }) => !isFinished(status)) || [...this.#pending.values()].some(({ state }) => state !== 'failed');
    return isComing ? 'coming' : 'none';
  }

  /** Lets the reader choose files. */
  choose() {
    this.#input.click();
  }

  /** @param {Iterable<File>} files */
  add(files) {
    for (const file of files) this.uploads.add(file);
  }

  /** Reads the list anew; rejects with a RestError. */
  async refresh() {
    await this.documents.refresh(async () => (await this.rest.list(this.path, MOST_DOCUMENTS)).map(readDocument));
    this.#isKnown = true;
    for (const id of this.#entries.keys()) if (typeof id === 'number' && !this.documents.byId.has(id)) this.#drop(id);
    for (const id of this.documents.byId.keys()) this.#show(id);
    this.#sum();
  }

  /** Takes a `document_status`. @param {Record<string, unknown>} status */
  apply(status) {
    const known = this.documents.byId.get(readNumber(status.document_id) ?? 0);
    if (!known) return this.#refreshSoon();
    if (isFinished(known.status)) return;
    const document = { ...known, ...readProgress(status) };
    this.documents.byId.set(known.id, document);
    this.#show(known.id);
    if (document.status === 'completed') this.announcer.say(`document ${known.id}`, `${known.filename} is ready.`);
    if (document.status === 'failed') this.announcer.say(`document ${known.id}`, `${known.filename} has failed.`);
    this.#sum();
  }

  /** Takes a `project_update` about documents. @param {unknown} type @param {Record<string, unknown>} data */
  update(type, data) {
    const id = readNumber(data.document_id);
    if (id === null) return;
    if (type === 'document_deleted') {
      this.documents.delete(id);
      this.#drop(id);
    } else if (type === 'document_added') {
      const document = readDocument({ id, filename: data.filename });
      const upload = [...this.#pending.values()].find(({ state, file }) => state === 'sending' && file.name === document?.filename);
      // It is told to everybody before its sender is answered.
      if (upload) this.#become(upload, id);
      if (document) this.documents.put(document);
      this.#show(id);
    }
    this.#sum();
  }

  #refreshSoon() {
    clearTimeout(this.#soon);
    this.#soon = setTimeout(() => this.refresh().catch(() => {}), SOON);
  }

  /** @param {number} id */
  #show(id) {
    const document = this.documents.byId.get(id);
    if (!document) return;
    const shown = { ...document, state: document.status };
    const entry = this.#entries.get(id);
    if (entry) entry.show(shown);
    else this.#enter(id, new DocumentEntry(shown, () => this.#remove(id)));
  }

  /** @param {Upload} upload */
  #showUpload(upload) {
    const { key, file, percent, state, error } = upload;
    const shown = { filename: file.name, state, progress: percent, bytes: file.size, error };
    const entry = this.#entries.get(key);
    if (entry) entry.show(shown);
    // It may have become a document already, of which the server tells better.
    else if (!this.#pending.has(key)) this.#enter(key, new DocumentEntry(shown, () => this.#dismiss(upload)));
    this.#pending.set(key, upload);
    this.#sum();
  }

  /** The server has it. @param {Upload} upload @param {unknown} answer */
  #arrived(upload, answer) {
    const document = readDocument(answer);
    if (document) {
      this.#become(upload, document.id);
      this.documents.put(document);
      this.#show(document.id);
    }
    this.#pending.delete(upload.key);
    this.#drop(upload.key);
    this.#sum();
  }

  /** The entry of an upload is a document's from here on. @param {Upload} upload @param {number} id */
  #become(upload, id) {
    const entry = this.#entries.get(upload.key);
    if (!entry || this.#entries.has(id)) return;
    this.#entries.delete(upload.key);
    this.#entries.set(id, entry);
    entry.remove = () => this.#remove(id);
  }

  /** @param {number | string} key @param {DocumentEntry} entry the latest comes first */
  #enter(key, entry) {
    this.#entries.set(key, entry);
    this.#list.prepend(entry.element);
  }

  /** @param {number | string} key */
  #drop(key) {
    const entry = this.#entries.get(key);
    // The button goes away under the reader's focus.
    if (entry?.element.contains(document.activeElement)) this.#title.focus();
    entry?.element.remove();
    this.#entries.delete(key);
  }

  /** @param {Upload} upload */
  #dismiss(upload) {
    this.uploads.stop(upload);
    this.#pending.delete(upload.key);
    this.#drop(upload.key);
    this.#sum();
  }

  /** @param {number} id */
  async #remove(id) {
    const known = this.documents.byId.get(id);
    if (!known) return;
    const isSure = await confirm(this.element, `Remove “${known.filename}”?`, 'Answers will not be based on it any more. This cannot be undone.', 'Remove');
    if (!isSure) return;
    try {
      await this.rest.call(`${this.path}/${id}`, { method: 'DELETE' });
    } catch (error) {
      const isGone = error instanceof RestError && error.status === 404;
      if (!isGone) return this.#entries.get(id)?.complain(`It could not be removed. ${error instanceof RestError ? error.message : error}`);
    }
    this.update('document_deleted', { document_id: id });
    this.#title.focus();
  }

  #sum() {
    const count = this.documents.byId.size;
    setText(this.#count, this.#isKnown ? String(count) : '');
    this.element.toggleAttribute('data-empty', this.#entries.size === 0);
    this.changed();
  }
}
