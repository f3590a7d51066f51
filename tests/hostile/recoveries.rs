//! What a CONNECT may say about recovery: ids that are guessed, another's or none, offsets that are none. Each gets a new
//! socket, or none; what comes to whom of a real one is in `actors/tests/it/recovery`.

use serde_json::{Value, json};

use crate::rig;
use crate::row::Expect::{Accepted, Closed, Refused};
use crate::row::{On, Row, row, short, text};
use crate::support::tokens;

#[actix_web::test]
async fn recovery_by_what_is_no_id_makes_a_new_socket() {
    rig::run(rows()).await;
}

/// A CONNECT, and a disconnect for good, or the server would keep the socket for its return.
fn auth(token: &str, pid: &Value, offset: &Value) -> Vec<u8> {
    let auth = json!({ "token": token, "recovery": true, "pid": pid, "offset": offset });
    [text(format!("40{auth}")), text("41")].concat()
}

#[rustfmt::skip]
pub fn rows() -> Vec<Row> {
    let guest = tokens::guest("S");
    let expired = tokens::user_until("ann", tokens::now() - 60);
    let guessed = json!("AAAAAAAAAAAAAAAAAAAA");
    let mut rows = Vec::new();
    for (name, token) in [("expired", &expired[..]), ("none", ""), ("nonsense", "x")] {
        let expect = match token {
            "" => Refused("Authentication required"),
            _ => Refused("Invalid token"),
        };
        let name = format!("token: {name}, and a pid");
        rows.push(row(62, name, On::Open, auth(token, &guessed, &json!("1-1")), expect));
    }
    let long = "p".repeat(50_000);
    for pid in [
        json!("AAAAAAAAAAAAAAAAAAAA"),
        json!(""),
        json!("' OR 1=1 --"),
        json!("../../x"),
        json!("\0"),
        json!("__proto__"),
        json!(null),
        json!(1),
        json!({}),
        json!(["a"]),
        json!(true),
        json!(long),
    ] {
        let name = format!("pid {}", short(&pid.to_string()));
        rows.push(row(63, name, On::Open, auth(&guest, &pid, &json!(null)), Accepted));
    }
    for offset in [
        json!("'; DROP TABLE finals; --"),
        json!(""),
        json!("-1"),
        json!("1e9"),
        json!("ffffffffffffffffff-1"),
        json!("1-"),
        json!("\u{1b}[31m\n"),
        json!(0),
        json!({}),
        json!([]),
        json!(false),
        json!(long),
    ] {
        let name = format!("offset {}", short(&offset.to_string()));
        rows.push(row(63, name, On::Open, auth(&guest, &guessed, &offset), Accepted));
    }
    let megabyte = json!("p".repeat(990_000));
    let beyond = auth(&guest, &megabyte, &json!(null));
    rows.push(row(63, "a pid of a megabyte", On::Open, beyond, Closed(1002)));
    let beyond = auth(&guest, &guessed, &megabyte);
    rows.push(row(63, "an offset of a megabyte", On::Open, beyond, Closed(1002)));
    rows
}
