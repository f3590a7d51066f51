/** Child processes of the tests: their output is kept, and none outlives the test process. */

import { spawn } from 'node:child_process';
import { eventually } from './wait.js';

/** Characters of output kept for a failure's message. */
const KEPT = 8_000;

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();

// Also when the runner is interrupted: it ends test processes by a signal, after which `exit` is still told.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A program that a test started. */
export class Program {
  /** All of its standard output so far. */
  stdout = '';
  /** The end of what it logged. */
  stderr = '';
  /** @type {{code: number | null, signal: string | null} | null} null while it runs */
  ended = null;

  /**
   * @param {string} file
   * @param {string[]} args
   * @param {Record<string, string>} [env] the whole environment
   */
  constructor(file, args, env) {
    this.name = file.split('/').at(-1);
    this.child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(this.child);
    this.child.stdout.on('data', (chunk) => { this.stdout += chunk; });
    this.child.stderr.on('data', (chunk) => { this.stderr = (this.stderr + chunk).slice(-KEPT); });
    this.child.on('error', (error) => this.#end({ code: null, signal: error.message }));
    this.child.on('exit', (code, signal) => this.#end({ code, signal }));
  }

  /**
   * Waits for a line of its output.
   *
   * @param {RegExp} pattern
   * @returns {Promise<RegExpExecArray>}
   */
  async says(pattern) {
    return eventually(`${this.name} to say ${pattern}`, () => {
      const match = pattern.exec(this.stdout);
      if (!match && this.ended) throw new Error(`${this.name} ended (${JSON.stringify(this.ended)}): ${this.stderr}`);
      return match;
    }, () => ({ stdout: this.stdout, stderr: this.stderr }));
  }

  /** @param {NodeJS.Signals} signal */
  signal(signal) {
    this.child.kill(signal);
  }

  /** Waits until it has ended. @returns {Promise<{code: number | null, signal: string | null}>} */
  exit() {
    return eventually(`${this.name} to end`, () => this.ended, () => this.stderr);
  }

  /** Ends it for sure, at once. */
  async kill() {
    if (this.ended) return;
    // A stopped process would not hear anything else.
    this.child.kill('SIGKILL');
    await this.exit();
  }

  /** @param {{code: number | null, signal: string | null}} how */
  #end(how) {
    this.ended ??= how;
    running.delete(this.child);
  }
}
