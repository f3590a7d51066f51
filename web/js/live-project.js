/**
 * A project as it changes, and the answers to what is asked in its chats, over one socket.
 *
 * Events besides those of Live: `joined` (Joined), `answer` ({chat, name, payload}), `document` (the payload of
 * `document_status`), `update` ({type, data}).
 */

import { Live } from './live.js';
import { readNumber } from './project.js';
import { isObject } from './wire.js';

/** @typedef {{ok: boolean, error?: string, lasting: boolean}} Joined whether the project's room was entered; if not, whether that lasts */

/** Pause before the room is asked for again, in ms. */
const RETRY = 5000;

/** Refusals that asking again does not mend, by the start of their codes. */
const LASTING = /^(INVALID|UNKNOWN|MISSING)/;

const ANSWER_EVENTS = new Set(['message_received', 'message_sources', 'message_token', 'message_complete', 'error']);

export class LiveProject extends Live {
  /** @type {import('./socket.js').Socket | null} */
  #socket = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;

  /** @param {import('./access.js').ProjectAccess} access */
  constructor(access) {
    super(access);
    this.access = access;
  }

  open() {
    const socket = this.makeSocket((name, [payload]) => this.#hear(name, payload), (answer) => this.#joined(answer));
    this.#socket = socket;
    socket.watch('join_project', { project_id: this.access.id });
    socket.open();
  }

  close() {
    super.close();
    clearTimeout(this.#retry);
  }

  /** Asks a question; what follows comes as `answer` events. @param {number} chat @param {string} message */
  ask(chat, message) {
    return this.#emit('send_message', { chat_id: chat, message });
  }

  /** Stops the answer that runs in a chat. @param {number} chat */
  cancel(chat) {
    return this.#emit('cancel_message', { chat_id: chat });
  }

  /** @param {string} name @param {unknown} argument @returns {Promise<import('./socket.js').Ack>} */
  #emit(name, argument) {
    return this.#socket?.emit(name, argument) ?? Promise.resolve({ ok: false, error: 'not connected' });
  }

  /** @param {string} name @param {unknown} payload */
  #hear(name, payload) {
    if (!isObject(payload)) return;
    const chat = readNumber(payload.chat_id);
    if (ANSWER_EVENTS.has(name) && chat !== null) this.tell('answer', { chat, name, payload });
    if (name === 'document_status') this.tell('document', payload);
    if (name === 'project_update' && isObject(payload.data)) this.tell('update', { type: payload.type, data: payload.data });
  }

  /** @param {import('./socket.js').WatchAnswer} answer */
  #joined({ name, ok, error, data }) {
    clearTimeout(this.#retry);
    const lasting = LASTING.test(String(data?.code ?? ''));
    if (!ok && !lasting) this.#retry = setTimeout(() => this.#socket?.watchAgain(name), RETRY);
    this.tell('joined', { ok, error, lasting });
  }
}
