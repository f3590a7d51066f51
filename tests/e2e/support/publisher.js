/** A transcriber: an MQTT client that publishes captions. */

import mqtt from 'mqtt';
import { within } from './wait.js';

export class Publisher {
  /** @param {import('mqtt').MqttClient} client */
  constructor(client) {
    this.client = client;
  }

  /** @param {string} url the broker @returns {Promise<Publisher>} */
  static async connect(url) {
    const connecting = mqtt.connectAsync(url, { reconnectPeriod: 0, connectTimeout: 5_000 });
    return new Publisher(await within('the broker to admit the publisher', connecting));
  }

  /**
   * Publishes what a transcriber says in a room.
   *
   * @param {string} room `{session}/{channel}`
   * @param {string} kind `partial`, `final`, `partial/translations` or `final/translations`
   * @param {unknown} payload becomes JSON
   */
  async say(room, kind, payload) {
    const sent = this.client.publishAsync(`transcriber/out/${room}/${kind}`, JSON.stringify(payload), { qos: 1 });
    await within(`the broker to take a ${kind}`, sent);
  }

  /** Publishes finals numbered from `from` up to but without `to`, as fast as the broker takes them. */
  async sayFinals(room, from, to) {
    const all = Array.from({ length: to - from }, (_, i) => this.say(room, 'final', { segmentId: from + i, text: `Number ${from + i}.` }));
    await Promise.all(all);
  }

  async close() {
    await this.client.endAsync(true);
  }
}
