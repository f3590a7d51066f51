//! The names of the rooms, and the sessions they belong to.
//!
//! The first rooms are all of different sessions; where there are more, a session has several channels.

/// The most sessions, each with ten channels where there are 10,000 rooms: a meeting in several languages.
const SESSIONS: usize = 1_000;

/// The room with this number, as `{session}/{channel}`; channels count from 1.
pub fn name(room: usize) -> String {
    format!("bench-{}/{}", room % SESSIONS, room / SESSIONS + 1)
}

/// The session of the room called `name`; of an organization's name, that name.
pub fn session_of(name: &str) -> &str {
    name.split_once('/').map_or(name, |(session, _)| session)
}

/// The sessions of the first `rooms` rooms, each with its number of channels.
pub fn sessions(rooms: usize) -> impl Iterator<Item = (String, usize)> {
    (0..rooms.min(SESSIONS)).map(move |first| {
        let channels = (rooms - first).div_ceil(SESSIONS);
        (session_of(&name(first)).to_owned(), channels)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_room_is_a_channel_of_its_session() {
        for rooms in [1, 10, 1_000, 1_001, 10_000] {
            let mut named: Vec<_> = (0..rooms).map(name).collect();
            let mut made: Vec<_> = sessions(rooms)
                .flat_map(|(session, channels)| {
                    (1..=channels).map(move |channel| format!("{session}/{channel}"))
                })
                .collect();
            named.sort();
            made.sort();
            assert_eq!(named, made);
        }
    }
}
