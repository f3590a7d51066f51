//! What is left between two reads or two writes of a non-blocking socket.
//!
//! Both halves are empty, and own no memory, while a connection idles.

use std::io::{self, ErrorKind, Read, Write};

/// Bytes received that do not make a whole unit yet.
#[derive(Debug, Default)]
pub struct Inbox {
    /// The start of the unit that is still incomplete.
    rest: Vec<u8>,
}

impl Inbox {
    /// Hands `fresh` bytes, after what was left, to `unit` again and again.
    ///
    /// `unit` reads one unit from the start of its slice and returns the bytes it used; 0 means that
    /// more are needed.
    ///
    /// # Errors
    /// Whatever `unit` returns; the connection should then be closed.
    pub fn feed<E>(
        &mut self,
        fresh: &[u8],
        mut unit: impl FnMut(&[u8]) -> Result<usize, E>,
    ) -> Result<(), E> {
        let joined;
        let bytes = if self.rest.is_empty() {
            fresh
        } else {
            self.rest.extend_from_slice(fresh);
            joined = std::mem::take(&mut self.rest);
            joined.as_slice()
        };
        let mut start = 0;
        while start < bytes.len() {
            match unit(&bytes[start..])? {
                0 => break,
                used => start += used,
            }
        }
        self.rest.extend_from_slice(&bytes[start..]);
        Ok(())
    }
}

/// How a read ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadEnd {
    /// Everything that waited was read.
    Drained,
    /// The peer closed its side.
    Closed,
}

/// Reads all that waits, in pieces of at most `scratch`, and gives each piece to `piece`.
///
/// A short read is taken as "drained", which epoll's edge-triggered mode allows for streams.
///
/// # Errors
/// The socket's error, or the one of `piece`.
pub fn read_all<E: From<io::Error>>(
    stream: &mut impl Read,
    scratch: &mut [u8],
    mut piece: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<ReadEnd, E> {
    loop {
        match stream.read(scratch) {
            Ok(0) => return Ok(ReadEnd::Closed),
            Ok(count) => {
                piece(&scratch[..count])?;
                if count < scratch.len() {
                    return Ok(ReadEnd::Drained);
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(ReadEnd::Drained),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Bytes that wait for a socket to take them.
#[derive(Debug, Default)]
pub struct Outbox {
    /// What is still to be written, in order.
    waiting: Vec<u8>,
}

impl Outbox {
    /// The bytes that wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Where an encoder appends; nothing leaves before [`Outbox::flush`].
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.waiting
    }

    /// Writes `bytes` at once where nothing waits, and keeps what the socket does not take.
    ///
    /// # Errors
    /// The socket's error, other than "would block".
    pub fn send(&mut self, stream: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
        let sent = if self.waiting.is_empty() {
            write_some(stream, bytes)?
        } else {
            0
        };
        self.waiting.extend_from_slice(&bytes[sent..]);
        Ok(())
    }

    /// Writes as much of what waits as the socket takes.
    ///
    /// # Errors
    /// The socket's error, other than "would block".
    pub fn flush(&mut self, stream: &mut impl Write) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let sent = write_some(stream, &self.waiting)?;
        self.waiting.drain(..sent);
        if self.waiting.is_empty() && self.waiting.capacity() > 64 * 1024 {
            self.waiting = Vec::new();
        }
        Ok(())
    }
}

fn write_some(stream: &mut impl Write, bytes: &[u8]) -> io::Result<usize> {
    let mut sent = 0;
    while sent < bytes.len() {
        match stream.write(&bytes[sent..]) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => sent += count,
            // A socket that is still connecting says NotConnected; its first writable event flushes.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::NotConnected
                ) =>
            {
                break;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(sent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_cut_anywhere_arrive_whole_and_in_order() {
        let stream = b"3abc1x4wxyz";
        for cut in 0..=stream.len() {
            let mut inbox = Inbox::default();
            let mut units = Vec::new();
            for part in [&stream[..cut], &stream[cut..]] {
                inbox
                    .feed(part, |bytes| {
                        let length = usize::from(bytes[0] - b'0') + 1;
                        if bytes.len() < length {
                            return Ok::<_, ()>(0);
                        }
                        units.push(bytes[1..length].to_vec());
                        Ok(length)
                    })
                    .unwrap();
            }
            assert_eq!(units, [&b"abc"[..], b"x", b"wxyz"], "cut at {cut}");
        }
    }

    #[test]
    fn what_a_full_socket_refuses_leaves_later_in_order() {
        struct Narrow(Vec<u8>, usize);
        impl Write for Narrow {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                let room = self.1.min(bytes.len());
                if room == 0 {
                    return Err(ErrorKind::WouldBlock.into());
                }
                self.1 -= room;
                self.0.extend_from_slice(&bytes[..room]);
                Ok(room)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (mut socket, mut outbox) = (Narrow(Vec::new(), 4), Outbox::default());
        outbox.send(&mut socket, b"hello ").unwrap();
        outbox.send(&mut socket, b"world").unwrap();
        assert_eq!(outbox.len(), 7);
        socket.1 = 100;
        outbox.flush(&mut socket).unwrap();
        assert_eq!(socket.0, b"hello world");
        assert!(outbox.is_empty());
    }
}
