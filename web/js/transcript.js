/**
 * One channel's transcript: the present partial and the last finals. Pure: it turns what arrives
 * into the changes a view must make, and touches neither the document nor the network.
 */

import { readSegment, readTranslation } from './payload.js';

/**
 * @typedef {import('./payload.js').Segment} Segment
 * @typedef {import('./payload.js').Identity} Identity
 * @typedef {import('./payload.js').Translation} Translation
 * @typedef {{kind: 'partial', segment: Segment | null}
 *   | {kind: 'final', segment: Segment}
 *   | {kind: 'revised', segment: Segment}
 *   | {kind: 'dropped', segment: Segment}} Change
 */

/** How many finals are kept (and shown). */
export const FINALS_KEPT = 500;

/** How many translations wait for the segment they belong to. */
const ORPHANS_KEPT = 20;

/** How far back a translation looks for its final: ids may begin again when a stream does. */
const TRANSLATION_REACH = 50;

export class Transcript {
  /** @type {Segment | null} */
  partial = null;
  /** @type {Segment[]} oldest first */
  finals = [];
  /** @type {Translation[]} translations that came before their segment */
  #orphans = [];

  /**
   * Takes one event.
   *
   * @param {string} name `partial`, `final` or `translation`; others change nothing
   * @param {unknown} payload
   * @returns {Change[]} in the order in which they are to be shown
   */
  apply(name, payload) {
    if (name === 'translation') {
      const translation = readTranslation(payload);
      return translation ? this.#translate(translation) : [];
    }
    const segment = name === 'partial' || name === 'final' ? readSegment(payload) : null;
    if (segment === null) return [];
    return name === 'partial' ? this.#speak(segment) : this.#settle(segment);
  }

  /** @param {Segment} segment @returns {Change[]} */
  #speak(segment) {
    const last = this.finals.at(-1);
    if (last && isLate(segment.identity, last.identity)) return [];
    if (segment.text === '') return this.#clearPartial();
    if (this.partial && isSame(this.partial.identity, segment.identity)) inherit(segment, this.partial);
    this.partial = segment;
    this.#adopt(segment);
    return [{ kind: 'partial', segment }];
  }

  /** @param {Segment} segment @returns {Change[]} */
  #settle(segment) {
    /** @type {Change[]} */
    const changes = [];
    if (this.partial && endsPartial(segment.identity, this.partial.identity)) {
      if (isSame(this.partial.identity, segment.identity)) inherit(segment, this.partial);
      changes.push(...this.#clearPartial());
    }
    if (segment.text === '') return changes;
    const last = this.finals.at(-1);
    if (last && isRepeat(segment.identity, last.identity)) {
      inherit(segment, last);
      Object.assign(last, segment);
      return [...changes, { kind: 'revised', segment: last }];
    }
    this.#adopt(segment);
    this.finals.push(segment);
    changes.push({ kind: 'final', segment });
    const excess = this.finals.splice(0, Math.max(0, this.finals.length - FINALS_KEPT));
    return [...changes, ...excess.map((old) => /** @type {Change} */ ({ kind: 'dropped', segment: old }))];
  }

  /** @param {Translation} translation @returns {Change[]} */
  #translate(translation) {
    const segment = this.#owner(translation);
    if (!segment) {
      this.#orphans.push(translation);
      this.#orphans.splice(0, this.#orphans.length - ORPHANS_KEPT);
      return [];
    }
    segment.translations.set(translation.target, translation.text);
    return [segment === this.partial ? { kind: 'partial', segment } : { kind: 'revised', segment }];
  }

  /**
   * Whose translation this is. Without an id: the partial's, or the last final's once it is said to be final.
   *
   * @param {Translation} translation
   * @returns {Segment | null}
   */
  #owner({ identity, final }) {
    if (identity.id === null) return (final ? this.finals.at(-1) : this.partial) ?? null;
    if (this.partial && isSame(this.partial.identity, identity)) return this.partial;
    return this.finals.slice(-TRANSLATION_REACH).findLast((old) => isSame(old.identity, identity)) ?? null;
  }

  /** Gives a segment the translations that were there before it. @param {Segment} segment */
  #adopt(segment) {
    this.#orphans = this.#orphans.filter((orphan) => {
      const mine = isSame(orphan.identity, segment.identity);
      if (mine) segment.translations.set(orphan.target, orphan.text);
      return !mine;
    });
  }

  /** @returns {Change[]} */
  #clearPartial() {
    if (this.partial === null) return [];
    this.partial = null;
    return [{ kind: 'partial', segment: null }];
  }
}

/** Whether both are versions of one utterance. @param {Identity} a @param {Identity} b */
function isSame(a, b) {
  return a.id !== null && a.id === b.id && (a.stream === null || b.stream === null || a.stream === b.stream);
}

/** Whether a final ends the present partial. @param {Identity} final @param {Identity} partial */
function endsPartial(final, partial) {
  if (final.id === null || partial.id === null || isSame(final, partial)) return true;
  // The partial's own final was lost; a partial that is already ahead stays.
  return Number(partial.id) < Number(final.id);
}

/** Whether a partial comes after its own final (topics are ordered each, not together). @param {Identity} partial @param {Identity} final */
function isLate(partial, final) {
  return isSame(partial, final) && !(partial.start !== null && final.end !== null && partial.start >= final.end);
}

/** Whether a final repeats or corrects the last one. @param {Identity} final @param {Identity} last */
function isRepeat(final, last) {
  return isSame(final, last) && final.start !== null && final.start === last.start;
}

/** Keeps the older version's translations where the newer brings none. @param {Segment} newer @param {Segment} older */
function inherit(newer, older) {
  for (const [lang, text] of older.translations) {
    if (!newer.translations.has(lang)) newer.translations.set(lang, text);
  }
}
