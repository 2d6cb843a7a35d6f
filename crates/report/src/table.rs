//! Plain text: wrapping, colours and tables that fit their width.

/// How text should look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Use colours (ANSI).
    pub color: bool,
    /// Columns a line may take.
    pub width: usize,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            color: false,
            width: 80,
        }
    }
}

/// Colours by meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// What names a thing.
    Bold,
    /// What is beside the point.
    Dim,
    /// Trouble.
    Red,
    /// Something to act on.
    Yellow,
    /// Something to know.
    Cyan,
    /// In order.
    Green,
}

impl Style {
    /// `text` in a colour, where colours are wanted.
    #[must_use]
    pub fn paint(self, paint: Paint, text: &str) -> String {
        if !self.color || text.is_empty() {
            return text.to_owned();
        }
        let code = match paint {
            Paint::Bold => "1",
            Paint::Dim => "2",
            Paint::Red => "1;31",
            Paint::Yellow => "33",
            Paint::Cyan => "36",
            Paint::Green => "32",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// The colour of a severity or verdict word.
    pub(crate) fn word(self, word: &str, text: &str) -> String {
        let paint = match word {
            "critical" | "leak" => Paint::Red,
            "warning" | "suspect" | "unfreed" => Paint::Yellow,
            "notice" | "filling" | "stepped" => Paint::Cyan,
            "ok" => Paint::Green,
            _ => Paint::Dim,
        };
        self.paint(paint, text)
    }

    /// Words on lines of the width: the first begins with `first`, the others with `rest`. Control
    /// characters do not get through.
    #[must_use]
    pub fn wrap(self, first: &str, rest: &str, text: &str) -> String {
        let mut out = String::new();
        let mut line = first.to_owned();
        let mut used = columns(first);
        let mut empty = true;
        for word in clean(text).split_whitespace() {
            if !empty && used + 1 + columns(word) > self.width {
                out.push_str(&line);
                out.push('\n');
                line = rest.to_owned();
                used = columns(rest);
                empty = true;
            }
            if !empty {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
            used += columns(word);
            empty = false;
        }
        out.push_str(&line);
        out.push('\n');
        out
    }
}

/// Columns that text takes: one a character, which holds for all that poolscope writes itself.
pub(crate) fn columns(text: &str) -> usize {
    text.chars().count()
}

/// Text of an input without control characters, which a terminal would obey.
pub(crate) fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// Side of a column that its cells lean on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// One column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Heading.
    pub title: &'static str,
    /// Alignment.
    pub align: Align,
    /// Narrowest width before the column goes; cells are cut with an ellipsis above it.
    pub min: usize,
    /// Columns with a higher number go first where the width does not suffice; 0 stays.
    pub drop: u8,
}

impl Column {
    /// A column of words that may be cut down to `min`.
    #[must_use]
    pub const fn words(title: &'static str, min: usize, drop: u8) -> Self {
        Self {
            title,
            align: Align::Left,
            min,
            drop,
        }
    }

    /// A column of numbers, which are never cut.
    #[must_use]
    pub const fn numbers(title: &'static str, drop: u8) -> Self {
        Self {
            title,
            align: Align::Right,
            min: usize::MAX,
            drop,
        }
    }
}

/// A cell: its text, and the word that colours it.
type Cell = (String, Option<String>);

/// Rows under headings, fitted to a width.
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

const GAP: usize = 2;
/// Words are never cut below this.
const LEAST_WORDS: usize = 5;

/// By how much a row of these widths is too wide.
fn over(widths: &[usize], room: usize) -> usize {
    let shown = widths.iter().filter(|&&w| w > 0).count();
    let total = widths.iter().sum::<usize>() + GAP * shown.saturating_sub(1);
    total.saturating_sub(room)
}

impl Table {
    /// An empty table.
    #[must_use]
    pub fn new(columns: &[Column]) -> Self {
        Self {
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; missing cells are empty.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells: Vec<Cell> = cells.into_iter().map(|c| (clean(&c), None)).collect();
        self.rows.push(cells);
    }

    /// Colours a cell of the last row by the meaning of its own word (`leak`, `warning`).
    pub fn color_by_word(&mut self, column: usize) {
        if let Some((text, word)) = self.rows.last_mut().and_then(|row| row.get_mut(column)) {
            *word = Some(text.clone());
        }
    }

    /// True without rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table as lines.
    #[must_use]
    pub fn render(&self, style: Style, indent: usize) -> String {
        let widths = self.fit(style.width.saturating_sub(indent));
        let mut out = String::new();
        let head: Vec<Cell> = self.columns.iter().map(|c| (c.title.to_owned(), None)).collect();
        out.push_str(
            &style.paint(
                Paint::Dim,
                self.line(
                    &head,
                    &widths,
                    Style {
                        color: false,
                        ..style
                    },
                    indent,
                )
                .trim_end(),
            ),
        );
        out.push('\n');
        for row in &self.rows {
            out.push_str(self.line(row, &widths, style, indent).trim_end());
            out.push('\n');
        }
        out
    }

    /// Width of each column, 0 for those that went: first words give way down to their least width, then columns go,
    /// and at last words are cut as far as it takes.
    fn fit(&self, room: usize) -> Vec<usize> {
        let mut widths: Vec<usize> = (0..self.columns.len()).map(|at| self.natural(at)).collect();
        while over(&widths, room) > 0 {
            if self.shrink(&mut widths, room, false) {
                continue;
            }
            let shown = self.columns.iter().zip(&widths).enumerate();
            let gone = shown
                .filter(|(_, (c, w))| c.drop > 0 && **w > 0)
                .max_by_key(|(_, (c, _))| c.drop);
            let gone = gone.map(|(at, _)| at);
            if let Some(width) = gone.and_then(|at| widths.get_mut(at)) {
                *width = 0;
            } else if !self.shrink(&mut widths, room, true) {
                break;
            }
        }
        widths
    }

    /// Width of the widest cell and the title; 0 for a column without content.
    fn natural(&self, at: usize) -> usize {
        let cells = self
            .rows
            .iter()
            .filter_map(|row| row.get(at))
            .map(|(text, _)| columns(text));
        let title = self.columns.get(at).map_or(0, |c| columns(c.title));
        cells.max().filter(|&w| w > 0).map_or(0, |w| w.max(title))
    }

    /// Takes from the column of words that has most to give; false when none has.
    fn shrink(&self, widths: &mut [usize], room: usize, below_least: bool) -> bool {
        let over = over(widths, room);
        let give = self
            .columns
            .iter()
            .zip(widths)
            .filter(|(c, _)| c.min != usize::MAX)
            .map(|(c, w)| {
                let least = if below_least { LEAST_WORDS } else { c.min };
                (w.saturating_sub(least.max(columns(c.title))), w)
            });
        match give.max_by_key(|(spare, _)| *spare) {
            Some((spare, width)) if spare > 0 => {
                *width -= spare.min(over);
                true
            }
            _ => false,
        }
    }

    fn line(&self, row: &[Cell], widths: &[usize], style: Style, indent: usize) -> String {
        let mut out = " ".repeat(indent);
        let mut first = true;
        for (at, (column, &width)) in self.columns.iter().zip(widths).enumerate() {
            if width == 0 {
                continue;
            }
            if !first {
                out.push_str(&" ".repeat(GAP));
            }
            first = false;
            let empty = (String::new(), None);
            let (text, word) = row.get(at).unwrap_or(&empty);
            let text = cut(text, width);
            let pad = " ".repeat(width.saturating_sub(columns(&text)));
            let text = word
                .as_deref()
                .map_or(text.clone(), |word| style.word(word, &text));
            match column.align {
                Align::Left => out.push_str(&(text + &pad)),
                Align::Right => out.push_str(&(pad + &text)),
            }
        }
        out
    }
}

/// `text` in at most `width` columns, an ellipsis in place of what went.
fn cut(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(width.saturating_sub(1)).collect();
    out.push('…');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        let mut table = Table::new(&[
            Column::words("NAME", 6, 0),
            Column::numbers("BYTES", 0),
            Column::numbers("COUNT", 2),
            Column::words("EMPTY", 3, 0),
        ]);
        table.row([
            "a very long name indeed".to_owned(),
            "1,234".to_owned(),
            "7".to_owned(),
        ]);
        table.row(["leak".to_owned(), "1".to_owned(), "12345".to_owned()]);
        table
    }

    #[test]
    fn words_are_cut_before_columns_go_and_empty_columns_are_not_shown() {
        let wide = sample().render(
            Style {
                color: false,
                width: 80,
            },
            0,
        );
        assert_eq!(
            wide,
            "NAME                     BYTES  COUNT\na very long name indeed  1,234      7\nleak                         1  12345\n"
        );
        let narrow = sample().render(
            Style {
                color: false,
                width: 22,
            },
            0,
        );
        assert_eq!(
            narrow,
            "NAME      BYTES  COUNT\na very …  1,234      7\nleak          1  12345\n"
        );
        let narrowest = sample().render(
            Style {
                color: false,
                width: 14,
            },
            0,
        );
        assert!(narrowest.lines().all(|l| columns(l) <= 14), "{narrowest}");
        assert!(!narrowest.contains("COUNT"));
    }

    #[test]
    fn wrapped_text_keeps_to_the_width_and_obeys_no_control_characters() {
        let style = Style {
            color: false,
            width: 20,
        };
        assert_eq!(
            style.wrap("- ", "  ", "one two three four five six"),
            "- one two three four\n  five six\n"
        );
        assert!(!style.wrap("", "", "a\u{1b}[31mb").contains('\u{1b}'));
    }
}
