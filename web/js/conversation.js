/**
 * What was said in one chat: questions and their answers, from REST's messages and from the events of the answer that
 * runs. Pure: knows neither the page nor the socket.
 */

import { sentence } from './format.js';
import { readContent, readModel, readNumber, readSources } from './project.js';
import { isObject } from './wire.js';

/**
 * @typedef {import('./project.js').Message} Message
 * @typedef {import('./project.js').Source} Source
 * @typedef {'sending' | 'searching' | 'writing' | 'complete' | 'stopped' | 'failed' | 'unanswered'} TurnState
 *   `unanswered`: nothing is stored that answers it
 * @typedef {{message: string, retryable: boolean}} Fault
 * @typedef {{id: number | null, question: string, answer: string, sources: Source[], model: string | null, state: TurnState,
 *   fault: Fault | null}} Turn `id`: the question's; null until it is stored
 * @typedef {{turn: Turn, token?: string}} Change `token`: all that changed is that this was added to the answer
 */

/** @type {TurnState[]} */
const RUNNING = ['sending', 'searching', 'writing'];

/** @param {Turn} turn @returns {boolean} */
export function isRunning({ state }) {
  return RUNNING.includes(state);
}

export class Conversation {
  /** @type {Turn[]} */
  turns = [];

  /** @param {number} chat its id */
  constructor(chat) {
    this.chat = chat;
  }

  /** The turn whose answer is on its way, if there is one. */
  get running() {
    return this.turns.findLast(isRunning);
  }

  /**
   * Takes what the server has stored, in place of all that was known.
   *
   * @param {Message[]} messages
   * @returns {boolean} whether the last answer may be stored a little later: it was heard of, and the connection was lost
   */
  replace(messages) {
    const heard = this.turns.at(-1);
    this.turns = [];
    for (const message of messages) {
      const last = this.turns.at(-1);
      if (message.role === 'user') this.turns.push({ ...newTurn(message.content), id: message.id, state: 'unanswered' });
      else if (last?.state === 'unanswered') Object.assign(last, answerOf(message));
      else this.turns.push({ ...newTurn(''), ...answerOf(message) });
    }
    const last = this.turns.at(-1);
    if (last?.state !== 'unanswered' || heard === undefined || heard.id !== last.id) return false;
    Object.assign(last, heard);
    return last.state === 'stopped';
  }

  /** @param {string} question @returns {Turn} its turn, which is sent */
  ask(question) {
    const turn = newTurn(question);
    this.turns.push(turn);
    return turn;
  }

  /** Takes a turn back that was never stored. @param {Turn} turn */
  withdraw(turn) {
    this.turns = this.turns.filter((one) => one !== turn);
  }

  /** The connection is lost, and with it the answer that ran. @returns {Change | null} */
  lose() {
    const turn = this.running;
    if (!turn) return null;
    turn.state = 'stopped';
    return { turn };
  }

  /**
   * Takes an event of the answer that runs.
   *
   * @param {string} name
   * @param {unknown} payload
   * @returns {Change | null} what it changed
   */
  apply(name, payload) {
    const turn = this.running;
    const message = isObject(payload) ? readNumber(payload.message_id) : null;
    if (!turn || !isObject(payload) || message === null) return null;
    // The first event may overtake the acknowledgement.
    turn.id ??= message;
    if (turn.id !== message) return null;
    switch (name) {
      case 'message_received':
        turn.state = 'searching';
        return { turn };
      case 'message_sources':
        Object.assign(turn, { sources: readSources(payload.sources), state: 'writing' });
        return { turn };
      case 'message_token': {
        const token = readContent(payload.token);
        turn.answer += token;
        if (turn.state === 'writing') return { turn, token };
        turn.state = 'writing';
        return { turn };
      }
      case 'message_complete': {
        const partial = isObject(payload.metadata) && payload.metadata.partial === true;
        Object.assign(turn, { model: readModel(payload.metadata), state: partial ? 'stopped' : 'complete' });
        return { turn };
      }
      case 'error':
        Object.assign(turn, { state: 'failed', fault: readFault(payload) });
        return { turn };
      default:
        return null;
    }
  }
}

/** @param {string} question @returns {Turn} */
function newTurn(question) {
  return { id: null, question, answer: '', sources: [], model: null, state: 'sending', fault: null };
}

/** @param {Message} message @returns {Partial<Turn>} */
function answerOf({ content, partial, sources, model }) {
  return { answer: content, sources, model, state: partial ? 'stopped' : 'complete' };
}

/** @param {Record<string, unknown>} payload @returns {Fault} */
function readFault({ message, retryable }) {
  const told = readContent(message).replace(/^Chat error: /, '').trim();
  return { message: told === '' ? 'The answer failed.' : sentence(told), retryable: retryable === true };
}
