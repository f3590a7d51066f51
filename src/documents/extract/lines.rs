//! Puts a page's glyphs together again: a PDF places every glyph by itself, and knows of words and lines nothing.
//! Glyphs are read in the order in which they are drawn, which is nearly always the order of reading; the gap to the
//! glyph before says whether a space, a new line or a new paragraph is between the two.

use hayro_interpret::font::{Glyph, GlyphRun, PositionedGlyph};
use hayro_interpret::hayro_cmap::BfString;
use hayro_interpret::kurbo::{Affine, BezPath, Point, Vec2};
use hayro_interpret::{
    BlendMode, ClipPath, Device, DrawMode, DrawProps, Image, ImageDrawProps, SoftMask,
};

/// A gap in the direction of writing that is a space, in ems: a space of Times is 0.25, pressed by justified type.
const SPACE: f64 = 0.15;
/// A step back that begins a new line, such as the next column's first.
const BACK: f64 = -1.0;
/// A step across the direction of writing that leaves the line; less is a superscript.
const ACROSS: f64 = 0.7;
/// A step across that leaves the paragraph: lines are 1.0 to 1.5 apart.
const PARAGRAPH: f64 = 1.7;
/// A run that begins this near to where the one before began, with the same words, is the same once more: drawn
/// twice to look bold, or filled and then outlined.
const SAME_PLACE: f64 = 0.1;

/// Collects the text of one page; stops to collect when it is full.
#[derive(Default)]
pub(super) struct Lines {
    text: String,
    /// Bytes of text that are taken.
    room: usize,
    /// Where the last glyph ended.
    last: Option<Place>,
    /// What the last run said, and where it began.
    last_run: Option<(String, Point)>,
}

/// Where a glyph stands.
#[derive(Clone, Copy)]
struct Place {
    start: Point,
    end: Point,
    /// The direction of writing, of length 1.
    along: Vec2,
    /// The font's size.
    em: f64,
}

impl Place {
    fn of(glyph: &PositionedGlyph<'_>, page: Affine) -> Option<Self> {
        let advance = match &**glyph {
            Glyph::Outline(outline) => outline.advance_width(),
            Glyph::Type3(drawn) => drawn.advance_width(),
        };
        let transform = page * glyph.transform();
        let [a, b, c, d, ..] = transform.as_coeffs();
        let (width, em) = (Vec2::new(a, b), Vec2::new(c, d).hypot() * 1000.0);
        let start = transform * Point::ORIGIN;
        let end = transform * Point::new(f64::from(advance.unwrap_or(500.0)), 0.0);
        let is_sane = em > 0.0 && width.hypot() > 0.0 && start.is_finite() && end.is_finite();
        is_sane.then(|| Self {
            start,
            end,
            along: width.normalize(),
            em,
        })
    }

    /// What stands between this glyph and the next.
    fn gap(&self, next: &Self) -> &'static str {
        let em = self.em.max(next.em);
        let step = next.start - self.end;
        let (along, across) = (step.dot(self.along) / em, step.cross(self.along).abs() / em);
        if across > PARAGRAPH {
            "\n\n"
        } else if across > ACROSS || along < BACK {
            "\n"
        } else if along > SPACE {
            " "
        } else {
            ""
        }
    }
}

impl Lines {
    pub(super) fn new(room: usize) -> Self {
        Self {
            room,
            ..Self::default()
        }
    }

    /// The page's text; `None` when it is longer than there was room.
    pub(super) fn finish(self) -> Option<String> {
        (self.text.len() <= self.room).then_some(self.text)
    }

    fn push(&mut self, word: &str, place: Place) {
        if self.text.len() > self.room {
            return;
        }
        let gap = self.last.map_or("", |last| last.gap(&place));
        let is_open = !self.text.ends_with(char::is_whitespace) && !word.starts_with(' ');
        if gap != " " || is_open {
            self.text.push_str(gap);
        }
        self.text.push_str(word);
        self.last = Some(place);
    }
}

impl Device<'_> for Lines {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, '_>, props: DrawProps<'_>, _: &DrawMode) {
        let placed = run.glyphs().iter().filter_map(|glyph| {
            let said = match glyph.as_unicode()? {
                BfString::Char(letter) => letter.to_string(),
                BfString::String(letters) => letters,
            };
            Some((said, Place::of(glyph, props.transform)?))
        });
        let placed: Vec<(String, Place)> = placed.collect();
        let Some((_, first)) = placed.first() else {
            return;
        };
        let (start, near) = (first.start, first.em * SAME_PLACE);
        let words: String = placed.iter().map(|(said, _)| said.as_str()).collect();
        let before = self.last_run.replace((words.clone(), start));
        if before.is_some_and(|(said, at)| said == words && at.distance(start) < near) {
            return;
        }
        for (said, place) in placed {
            self.push(&said, place);
        }
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'_>, _: &DrawMode) {}
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'_>>, _: BlendMode) {}
    fn draw_image(&mut self, _: Image<'_, '_>, _: ImageDrawProps<'_>) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}
