// A peer: the gateway between MQTT and Socket.IO as it is usually written on Node, with its known
// mistakes put right: the token is checked in the handshake, a room's topics are subscribed on its first
// member and unsubscribed after its last, and a join is acknowledged once the broker has granted it.
// With --recovery it keeps lost connections' rooms and packets for two minutes, as Socket.IO offers.

import { createSecretKey } from 'node:crypto'
import { createServer } from 'node:http'
import { parseArgs } from 'node:util'
import jwt from 'jsonwebtoken'
import mqtt from 'mqtt'
import { Server } from 'socket.io'

const { values: options } = parseArgs({
  options: {
    listen: { type: 'string' },
    mqtt: { type: 'string' },
    recovery: { type: 'boolean', default: false },
  },
})
const secret = process.env.BENCH_JWT_SECRET
if (!options.listen || !options.mqtt || !secret) {
  console.error('usage: BENCH_JWT_SECRET=… node gateway.mjs --listen ADDR:PORT --mqtt ADDR:PORT [--recovery]')
  process.exit(2)
}

// Given the key as text, jsonwebtoken tries to read it as PEM each time: 0.35 ms of every handshake.
const key = createSecretKey(Buffer.from(secret))
const broker = mqtt.connect(`mqtt://${options.mqtt}`)
const http = createServer()
/** How long a lost connection may come back, in milliseconds. */
const window = options.recovery ? 120_000 : 0
const io = new Server(http, {
  transports: ['websocket', 'polling'],
  perMessageDeflate: false,
  ...(options.recovery && {
    connectionStateRecovery: { maxDisconnectionDuration: window, skipMiddlewares: false },
  }),
})

/** Room id to its number of members and the promise of its subscription. */
const rooms = new Map()

const topicsOf = (room) => [`transcriber/out/${room}/partial`, `transcriber/out/${room}/final`]

io.use((socket, next) => {
  try {
    socket.data.claims = jwt.verify(socket.handshake.auth.token, key, { algorithms: ['HS256'] })
    next()
  } catch {
    next(new Error('Invalid token'))
  }
})

io.on('connection', (socket) => {
  // It is in its rooms again; its old membership ends with the window.
  if (socket.recovered) for (const room of socket.rooms) if (room !== socket.id) enter(room)
  socket.on('join_room', async (room, ack) => {
    if (typeof room !== 'string' || room.split('/')[0] !== socket.data.claims.session) {
      socket.emit('unauthorized')
      return socket.disconnect()
    }
    if (!socket.rooms.has(room)) {
      socket.join(room)
      enter(room)
    }
    try {
      await rooms.get(room)?.granted
      ack?.({ ok: true })
    } catch (error) {
      ack?.({ ok: false, error: String(error.message) })
    }
  })
  socket.on('leave_room', (room) => {
    if (socket.rooms.has(room) && room !== socket.id) {
      socket.leave(room)
      leave(room)
    }
  })
  socket.on('disconnecting', () => {
    const rooms = [...socket.rooms].filter((room) => room !== socket.id)
    const end = () => rooms.forEach(leave)
    if (options.recovery) setTimeout(end, window).unref()
    else end()
  })
})

function enter(room) {
  const known = rooms.get(room)
  if (known) {
    known.members += 1
  } else {
    const granted = broker.subscribeAsync(topicsOf(room), { qos: 0 })
    granted.catch(() => {}) // Those who wait for it are told; nobody may be waiting any more.
    rooms.set(room, { members: 1, granted })
  }
}

function leave(room) {
  const known = rooms.get(room)
  known.members -= 1
  if (known.members === 0) {
    rooms.delete(room)
    broker.unsubscribe(topicsOf(room))
  }
}

broker.on('message', (topic, payload) => {
  const [, , session, channel, kind] = topic.split('/')
  let body
  try {
    body = JSON.parse(payload.toString())
  } catch {
    return // Not JSON: dropped, everyone stays connected.
  }
  io.to(`${session}/${channel}`).emit(kind, body)
})

broker.on('error', (error) => console.error(`broker: ${error.message}`))
process.on('SIGTERM', () => process.exit(0))

const [host, port] = options.listen.split(':')
// A queue of newcomers as long as the system allows: a storm shall not wait for packets sent again.
http.listen({ port: Number(port), host, backlog: 65_535 }, () => {
  const { address, port: bound } = http.address()
  console.log(`listening on http://${address}:${bound}`)
})
