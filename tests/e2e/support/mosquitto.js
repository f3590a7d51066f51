/** A real Mosquitto of a test's own, on a loopback port that it keeps over a restart. */

import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { accepts, freePort } from './ports.js';
import { Program } from './process.js';
import { eventually } from './wait.js';

/** Debian puts servers in /usr/sbin, which is not on everybody's PATH. */
const PROGRAM = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin']
  .map((folder) => join(folder, 'mosquitto')).find((file) => existsSync(file));

/** Why tests with Mosquitto cannot run, for `skip`; false if they can. */
export const noMosquitto = PROGRAM === undefined && 'mosquitto is not installed';

export class Mosquitto {
  /** @type {Program | null} */
  #program = null;

  /** @param {number} port @param {string} folder holds its configuration */
  constructor(port, folder) {
    this.port = port;
    this.folder = folder;
    this.url = `mqtt://127.0.0.1:${port}`;
  }

  /** @returns {Promise<Mosquitto>} one that runs */
  static async start() {
    const broker = new Mosquitto(await freePort(), await mkdtemp(join(tmpdir(), 'switchboard-e2e-')));
    // Without the queue's default limit of 1,000, which loses messages of a burst.
    const settings = [`listener ${broker.port} 127.0.0.1`, 'allow_anonymous true', 'max_queued_messages 0', ''];
    await writeFile(join(broker.folder, 'mosquitto.conf'), settings.join('\n'));
    await broker.run();
    return broker;
  }

  /** Starts it (again), and waits until it accepts connections. */
  async run() {
    const program = new Program(/** @type {string} */ (PROGRAM), ['-c', join(this.folder, 'mosquitto.conf')]);
    this.#program = program;
    await eventually('mosquitto to accept connections', () => {
      if (program.ended) throw new Error(`mosquitto ended: ${program.stderr}`);
      return accepts(this.port);
    });
  }

  /** Kills it: no goodbye to anybody. */
  async kill() {
    await this.#program?.kill();
  }

  /** Freezes it (SIGSTOP): its port still accepts, and nothing ever answers. */
  freeze() {
    this.#program?.signal('SIGSTOP');
  }

  /** Ends a freeze. */
  thaw() {
    this.#program?.signal('SIGCONT');
  }

  /** Ends it for good. */
  async stop() {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }
}
