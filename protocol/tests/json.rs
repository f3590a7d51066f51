//! Our check of JSON against serde_json, which knows the grammar but no bound on depth.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::value::RawValue;
use switchboard_protocol::DecodeError;
use switchboard_protocol::json::validate;

/// The value that serde_json finds in these bytes.
fn reference(bytes: &[u8]) -> Option<&str> {
    let raw: &RawValue = serde_json::from_slice(bytes).ok()?;
    Some(raw.get())
}

/// Pieces that make up JSON, and some that spoil it.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => r#"[\[\]{},:"]"#,
        3 => r#"[ \t\n\r]{0,2}"#,
        3 => prop_oneof!["true", "false", "null", "-?[0-9]{1,3}", "[0-9.eE+-]{1,6}"],
        3 => r#""[ -~é\\]{0,20}""#,
        1 => r#"\\(["\\/bfnrtu]|u[0-9a-fA-Fg]{3,4})"#,
        1 => any::<char>().prop_map(String::from),
    ]
}

/// Arrays and objects whose parts may be spoilt.
fn nested() -> impl Strategy<Value = String> {
    let leaf =
        prop_oneof![4 => r#"-?(0|[1-9][0-9]{0,3})(\.[0-9]{1,2})?([eE][+-]?[0-9])?"#, 1 => piece()];
    leaf.prop_recursive(5, 40, 5, |inner| {
        let field = (r#" ?"[a-z]{0,12}" ?"#, inner.clone())
            .prop_map(|(name, value)| format!("{name}:{value}"));
        prop_oneof![
            vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            vec(field, 0..4).prop_map(|fields| format!("{{{} }}", fields.join(", "))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4_096) })]

    #[test]
    fn what_passes_is_what_serde_json_takes(pieces in vec(piece(), 0..12), nested in nested()) {
        for text in [pieces.concat(), nested] {
            prop_assert_eq!(validate(text.as_bytes()).ok(), reference(text.as_bytes()), "{:?}", text);
        }
    }

    #[test]
    fn a_byte_that_changes_or_is_cut_off_spoils_it_for_both(
        text in nested(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len().max(1)).min(bytes.len().saturating_sub(1));
        prop_assert_eq!(validate(&bytes[..at]).ok(), reference(&bytes[..at]));
        if let Some(changed) = bytes.get_mut(at) {
            *changed = byte;
        }
        prop_assert_eq!(validate(&bytes).ok(), reference(&bytes), "{:?}", bytes);
    }
}

#[test]
fn any_depth_is_answered_without_recursion() {
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        for depth in [1_000, 1_000_000] {
            let text = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            assert_eq!(validate(text.as_bytes()), Err(DecodeError::TooDeep));
        }
    }
}
