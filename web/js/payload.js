/**
 * Reads what transcribers send. Their payloads reach the page untouched and their shapes differ,
 * so every field is optional here and nothing is trusted to have its documented type.
 */

import { isObject } from './wire.js';

/**
 * @typedef {{kind: 'wall', at: Date} | {kind: 'elapsed', seconds: number} | null} Moment
 *   when something was said: a time of day, or the time since the stream began
 * @typedef {{id: string | null, stream: string | null, start: number | null, end: number | null}} Identity
 *   what tells utterances apart; `start` and `end` only compare within one stream
 * @typedef {{identity: Identity, text: string, speaker: string | null, lang: string | null, moment: Moment,
 *   translations: Map<string, string>}} Segment `translations`: text by language tag
 * @typedef {{identity: Identity, text: string, target: string, final: boolean}} Translation
 */

/** Longer texts are cut: no utterance is this long, and a page must not drown in one line. In characters. */
const LONGEST_TEXT = 5000;
const LONGEST_NAME = 60;
const LONGEST_WORDS = 200;

const LANGUAGE_TAG = /^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$/;

/**
 * Reads a `partial` or a `final`. Without any text the segment's text is empty (transcribers close a stream so).
 *
 * @param {unknown} payload
 * @returns {Segment | null} null: not something that can be shown
 */
export function readSegment(payload) {
  if (typeof payload === 'string') return readSegment({ text: payload });
  if (!isObject(payload)) return null;
  return {
    identity: readIdentity(payload),
    text: readText(payload.text),
    speaker: readSpeaker(payload),
    lang: readLanguage(payload.lang),
    moment: readMoment(payload),
    translations: readInlineTranslations(payload.translations),
  };
}

/**
 * Reads a `translation`.
 *
 * @param {unknown} payload
 * @returns {Translation | null} null: not something that can be shown
 */
export function readTranslation(payload) {
  if (!isObject(payload)) return null;
  const target = readLanguage(payload.targetLang);
  if (target === null) return null;
  return { identity: readIdentity(payload), text: readText(payload.text), target, final: payload.final === true };
}

/** @param {unknown} value @returns {string | null} a well-formed language tag */
export function readLanguage(value) {
  return typeof value === 'string' && LANGUAGE_TAG.test(value) ? value : null;
}

/** @param {unknown} value @returns {string} a name or a sentence; empty: there is none */
export function readWords(value) {
  return typeof value === 'string' ? value.trim().slice(0, LONGEST_WORDS) : '';
}

/** @param {Record<string, unknown>} payload @returns {Identity} */
function readIdentity(payload) {
  const id = payload.segmentId;
  return {
    id: typeof id === 'string' || typeof id === 'number' ? String(id) : null,
    stream: typeof payload.astart === 'string' ? payload.astart : null,
    start: readNumber(payload.start),
    end: readNumber(payload.end),
  };
}

/**
 * `start` is in seconds after `astart` where that is present, else in milliseconds.
 *
 * @param {Record<string, unknown>} payload
 * @returns {Moment}
 */
function readMoment(payload) {
  const start = readNumber(payload.start);
  if (typeof payload.astart === 'string') {
    const at = new Date(Date.parse(payload.astart) + (start ?? 0) * 1000);
    if (!Number.isNaN(at.getTime())) return { kind: 'wall', at };
    return start === null ? null : { kind: 'elapsed', seconds: start };
  }
  return start === null ? null : { kind: 'elapsed', seconds: start / 1000 };
}

/** @param {Record<string, unknown>} payload @returns {string | null} */
function readSpeaker(payload) {
  const name = payload.speaker ?? payload.locutor;
  if (typeof name !== 'string' && typeof name !== 'number') return null;
  const tidy = String(name).trim().slice(0, LONGEST_NAME);
  // Diarization numbers its speakers: `speaker_1`, `spk2`.
  const numbered = /^(?:speaker|spk)[ _-]?(\d+)$/i.exec(tidy);
  if (numbered) return `Speaker ${numbered[1]}`;
  return tidy === '' ? null : tidy;
}

/** @param {unknown} value @returns {Map<string, string>} */
function readInlineTranslations(value) {
  const translations = new Map();
  if (!isObject(value)) return translations;
  for (const [lang, text] of Object.entries(value)) {
    if (readLanguage(lang) !== null && readText(text) !== '') translations.set(lang, readText(text));
  }
  return translations;
}

/** @param {unknown} value @returns {string} */
function readText(value) {
  if (typeof value !== 'string') return '';
  const text = value.trim();
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text;
}

/** @param {unknown} value @returns {number | null} */
function readNumber(value) {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
