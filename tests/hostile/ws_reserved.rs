//! Sections 3 and 4: bits and opcodes that nobody has agreed on.

use crate::support::raw_websocket::frame;
use crate::ws::{Case, PING, PONG, TEXT, run};

#[actix_web::test]
async fn reserved_bits_and_opcodes_are_refused() {
    let mut cases = Vec::new();
    for bits in 1..=7u8 {
        for (name, first) in [
            ("text", TEXT),
            ("binary", 0x82),
            ("ping", PING),
            ("pong", PONG),
            ("close", 0x88),
            ("a fragment", 0x01),
        ] {
            let broken = frame(first | bits << 4, b"4x");
            let name = format!("reserved bits {bits:03b} on {name}");
            cases.push(Case::new(name, &[broken]).closed(1002));
        }
    }
    for opcode in (0x3..=0x7).chain(0xb..=0xf) {
        for (name, payload) in [("nothing", &b""[..]), ("data", b"4hello")] {
            let name = format!("opcode {opcode:x} with {name}");
            cases.push(Case::new(name, &[frame(0x80 | opcode, payload)]).closed(1002));
        }
    }
    // What was whole before is answered, what comes after is not.
    for (name, broken) in [
        ("a reserved bit", frame(0xc1, b"4x")),
        ("opcode 3", frame(0x83, b"")),
        ("opcode b", frame(0x8b, b"")),
    ] {
        let around = [
            frame(TEXT, b"4before"),
            broken,
            frame(TEXT, b"4after"),
            frame(PING, b"after"),
        ];
        let back = |case: Case| case.back(TEXT, "4before").closed(1002);
        cases.push(back(Case::new(format!("{name} between messages"), &around)));
        cases.push(back(
            Case::new(format!("{name} between messages, byte by byte"), &around).in_writes_of(1),
        ));
    }
    run(cases).await;
}
