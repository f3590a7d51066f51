//! Text as everything behind the extraction expects it: no control characters, few empty lines, whole words.

/// What ends a line, beside `\r\n`.
const LINE_ENDS: [char; 7] = [
    '\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}',
];

/// Removes what is not for reading, and what would keep words from being found: control characters, the spaces at
/// the ends of lines, more than one empty line, ligatures, hyphens that only allow a line to break.
pub(super) fn tidy(text: &str) -> String {
    let mut tidied = String::with_capacity(text.len());
    let mut is_apart = false;
    for line in text.replace("\r\n", "\n").split(LINE_ENDS) {
        let line = tidy_line(line);
        if line.trim().is_empty() {
            is_apart = true;
            continue;
        }
        if !tidied.is_empty() {
            tidied.push_str(if is_apart { "\n\n" } else { "\n" });
        }
        tidied.push_str(line.trim_end());
        is_apart = false;
    }
    tidied
}

fn tidy_line(line: &str) -> String {
    let mut tidied = String::with_capacity(line.len());
    for letter in line.chars() {
        match letter {
            '\t' => tidied.push('\t'),
            '\u{a0}' => tidied.push(' '),
            // SOFT HYPHEN, ZERO WIDTH SPACE, BYTE ORDER MARK.
            '\u{ad}' | '\u{200b}' | '\u{feff}' => {}
            '\u{fb00}' => tidied.push_str("ff"),
            '\u{fb01}' => tidied.push_str("fi"),
            '\u{fb02}' => tidied.push_str("fl"),
            '\u{fb03}' => tidied.push_str("ffi"),
            '\u{fb04}' => tidied.push_str("ffl"),
            '\u{fb05}' | '\u{fb06}' => tidied.push_str("st"),
            letter if letter.is_control() => {}
            letter => tidied.push(letter),
        }
    }
    tidied
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_in_one_way_and_paragraphs_are_one_empty_line_apart() {
        let mixed = "\r\n\r\nA \r\nb\rc\n \n\n\nD\u{2028}e\n\n";
        assert_eq!(tidy(mixed), "A\nb\nc\n\nD\ne");
        assert_eq!(tidy(" \t\n\u{a0}\n"), "");
        assert_eq!(tidy("    code\n\tmore"), "    code\n\tmore");
    }

    #[test]
    fn words_are_whole_and_nothing_is_a_control_character() {
        let printed = "e\u{fb03}cient \u{fb02}ow\u{ad}ers\u{0} \u{1b}[31mred\u{7f}\u{a0}1\u{200b}2";
        assert_eq!(tidy(printed), "efficient flowers [31mred 12");
    }
}
