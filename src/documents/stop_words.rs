//! Words that say nothing of what a question is about, in the languages most asked in, folded as terms are. Chunks are
//! indexed with them all the same: they count in a question that has no others.

use std::collections::HashSet;
use std::sync::LazyLock;

const ENGLISH: &str = "a about am an and any are as at be been but by can could did do does for from had has have he her \
    his how i if in into is it its me might must my no not of on or our please she should so some tell than that the \
    their them then there these they this those to us was we were what when where which who whom whose why will with \
    would you your s t";

const FRENCH: &str = "a afin alors au aux avec c ce ces cet cette ceux combien comment d dans de des donc dont du elle \
    elles en est et etre eux il ils j je l la le les leur leurs lui m ma mais me mes mon n ne nos notre nous on ont ou \
    par pas pour pourquoi qu quand que quel quelle quelles quels qui quoi s sa se ses si son sont sur t ta te tes ton tu \
    un une vos votre vous y";

const GERMAN: &str = "aber als am an auch auf aus bei bin bis bitte da damit das dass dein dem den der des dich die dies \
    diese dieser dieses dir du ein eine einem einen einer eines er es fur hat haben ich ihm ihn ihr ihre im in ist ja \
    kann kein keine man mein mich mir mit nach nicht noch nur ob oder ohne sein seine sich sie sind so uber um und uns \
    unser vom von vor wann warum was welche welcher welches wem wen wenn wer werden wie wieviel wir wird wo zu zum zur";

const SPANISH: &str = "a al algo ante como con cual cuales cuando cuanto cuantos de del desde donde e el ella ellas ellos \
    en entre era es esa ese eso esta este esto fue ha han hasta hay la las le les lo los mas me mi mis muy no nos o para \
    pero por porque que quien quienes se ser si sin sobre son su sus te tiene tu tus un una uno unos y ya";

const LISTS: [&str; 4] = [ENGLISH, FRENCH, GERMAN, SPANISH];

static WORDS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| LISTS.iter().flat_map(|list| list.split(' ')).collect());

/// Whether a folded word is one of them.
pub(super) fn contains(word: &str) -> bool {
    WORDS.contains(word)
}

#[cfg(test)]
mod tests {
    use super::super::terms::terms;
    use super::*;

    #[test]
    fn the_words_are_written_as_terms_are() {
        for list in LISTS {
            for word in list.split(' ') {
                let folded = terms(word);
                assert_eq!(folded.len(), 1, "{word:?}");
                assert_eq!(folded[0].as_str(), word);
            }
        }
        assert!(contains("uber") && contains("qu") && !contains("budget"));
    }
}
