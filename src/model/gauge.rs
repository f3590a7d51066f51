//! Bounds what an answer may make us hold. The parser keeps an event until it is whole, however long it is; so its bytes are
//! measured before it sees them.

/// Longest event, and so longest line, of an answer in bytes.
pub(super) const MAX_EVENT_BYTES: usize = 256 * 1024;
/// Longest stream of events in bytes. It comes from the model's side, which may go on for ever without saying a word.
const MAX_STREAM_BYTES: usize = 64 * 1024 * 1024;

/// Measures a stream of events by the rules of the HTML standard, section 9.2.5: lines end by CR, LF or CRLF, events by an
/// empty line.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    stream: usize,
    event: usize,
    line: usize,
    is_behind_cr: bool,
}

/// More than we hold.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

impl Gauge {
    /// Takes the next bytes of the stream into account.
    pub(super) fn measure(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        self.stream += bytes.len();
        if self.stream > MAX_STREAM_BYTES {
            return Err(TooLong);
        }
        for &byte in bytes {
            self.event += 1;
            match byte {
                b'\n' if self.is_behind_cr => {}
                b'\n' | b'\r' if self.line == 0 => self.event = 0,
                b'\n' | b'\r' => self.line = 0,
                _ => self.line += 1,
            }
            self.is_behind_cr = byte == b'\r';
            if self.event > MAX_EVENT_BYTES {
                return Err(TooLong);
            }
        }
        Ok(())
    }
}
