//! The screen: two lines of header, the table, a line of help or what is being typed.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Cell, Clear, Paragraph, Row as TableRow, Table};
use report::words::{bytes, bytes_f, count, duration};
use snapshot::{ChangeRow, Changes, Pool};

use crate::rows::{Row, rows};
use crate::state::{Order, State};
use crate::watch::Options;

const GAP: u16 = 2;

const HELP: &str = " t a f d b m   sort by tag, allocations, frees, outstanding,
               bytes, bytes of one allocation
 g             sort by growth since the start
 (             sort by the change since the last refresh
 p             next pool
 /             type a filter: text, or * and ?; Esc clears it
 l             mark rows that changed, or not
 space         pause
 u             refresh now
 r             count growth from now on
 arrows, PgUp, PgDn, Home   scroll
 q, Esc        end";

/// A column: title, width, what it shows, and the order it stands for.
struct Column {
    title: &'static str,
    width: u16,
    /// Higher goes first where the screen is narrow; 0 stays.
    drop: u8,
    order: Option<Order>,
    show: fn(&Changes, &Row<'_>) -> String,
}

fn number(value: Option<u64>, show: fn(u64) -> String) -> String {
    value.map(show).unwrap_or_default()
}

fn change(value: Option<i64>, show: fn(f64) -> String) -> String {
    match value {
        Some(0) | None => String::new(),
        Some(value) if value > 0 => format!("+{}", show(value as f64)),
        Some(value) => show(value as f64),
    }
}

fn signed_count(value: f64) -> String {
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{}", count(value.abs() as u64))
}

const COLUMNS: [Column; 10] = [
    Column {
        title: "TAG",
        width: 18,
        drop: 0,
        order: Some(Order::Tag),
        show: |_, r| r.0.tag.to_string(),
    },
    Column {
        title: "POOL",
        width: 9,
        drop: 1,
        order: None,
        show: |_, r| short(r.0.pool).to_owned(),
    },
    Column {
        title: "ALLOCS",
        width: 13,
        drop: 7,
        order: Some(Order::Allocs),
        show: |_, r| number(r.1.current.allocs.get(), count),
    },
    Column {
        title: "FREES",
        width: 13,
        drop: 7,
        order: Some(Order::Frees),
        show: |_, r| number(r.1.current.frees.get(), count),
    },
    Column {
        title: "OUTSTANDING",
        width: 11,
        drop: 2,
        order: Some(Order::Outstanding),
        show: |_, r| number(r.1.outstanding(), count),
    },
    Column {
        title: "CHANGE",
        width: 9,
        drop: 5,
        order: None,
        show: |_, r| change(r.1.outstanding_since_previous(), signed_count),
    },
    Column {
        title: "BYTES",
        width: 8,
        drop: 0,
        order: Some(Order::Bytes),
        show: |_, r| number(r.1.current.bytes.get(), bytes),
    },
    Column {
        title: "CHANGE",
        width: 9,
        drop: 3,
        order: None,
        show: |_, r| change(r.1.bytes_since_previous(), bytes_f),
    },
    Column {
        title: "EACH",
        width: 8,
        drop: 6,
        order: Some(Order::Each),
        show: |_, r| number(r.1.bytes_per_allocation(), bytes),
    },
    Column {
        title: "GROWTH",
        width: 9,
        drop: 0,
        order: Some(Order::Growth),
        show: |_, r| change(r.1.bytes_since_start(), bytes_f),
    },
];

/// Growth as a rate, which needs to know how much time has passed.
const PER_HOUR: Column = Column {
    title: "PER HOUR",
    width: 9,
    drop: 4,
    order: None,
    show: |changes, r| {
        let rate =
            r.1.bytes_since_start()
                .filter(|&growth| growth != 0)
                .and_then(|growth| changes.per_hour(growth));
        rate.map(|rate| format!("{}{}", if rate > 0.0 { "+" } else { "" }, bytes_f(rate)))
            .unwrap_or_default()
    },
};

/// Pools in nine columns.
fn short(pool: Pool) -> &'static str {
    match pool {
        Pool::SlabReclaimable => "slab-recl",
        pool => pool.as_str(),
    }
}

/// Draws everything, and tells the state how many rows fit.
pub(crate) fn draw(frame: &mut Frame<'_>, state: &mut State, changes: &Changes, options: &Options<'_>) {
    let [head, pools, body, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Min(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(Paragraph::new(header(state, changes, options)), head);
    frame.render_widget(Paragraph::new(pool_line(state, changes)), pools);
    table(frame, body, state, changes, options);
    frame.render_widget(Paragraph::new(footer(state, options)), foot);
    if state.help {
        help(frame);
    }
}

fn header(state: &State, changes: &Changes, options: &Options<'_>) -> Line<'static> {
    let clean: String = options
        .title
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    let since = changes
        .elapsed_s()
        .map(|s| format!(", {} since the start", duration(s)))
        .unwrap_or_default();
    let text = format!("{clean}, every {} s{since}", options.every.as_secs_f64());
    let mut spans = vec![Span::styled(text, Style::new().add_modifier(Modifier::BOLD))];
    if state.paused {
        spans.push(Span::styled(
            "  PAUSED",
            Style::new().add_modifier(Modifier::REVERSED),
        ));
    }
    Line::from(spans)
}

fn pool_line(state: &State, changes: &Changes) -> Line<'static> {
    let mut spans = Vec::new();
    for &pool in &state.pools {
        let sum = changes.pool_bytes(pool).map(bytes).unwrap_or_default();
        let chosen = state.pool == Some(pool);
        let style = if chosen {
            Style::new().add_modifier(Modifier::REVERSED)
        } else {
            Style::new()
        };
        spans.push(Span::styled(format!("{pool} {sum}"), style));
        spans.push(Span::raw("  "));
    }
    Line::from(spans)
}

fn footer(state: &State, options: &Options<'_>) -> Line<'static> {
    if state.typing {
        return Line::from(format!("filter: {}_", state.filter));
    }
    if let Some(trouble) = &state.trouble {
        let style = if options.color {
            Style::new().fg(Color::Red)
        } else {
            Style::new()
        };
        return Line::styled(trouble.clone(), style);
    }
    let filter = if state.filter.is_empty() {
        String::new()
    } else {
        format!("filter {}  ", state.filter)
    };
    Line::from(format!(
        "{filter}t a f d b m g sort  ( by change  p pool  / filter  space pause  ? help  q end"
    ))
}

fn table(frame: &mut Frame<'_>, area: Rect, state: &mut State, changes: &Changes, options: &Options<'_>) {
    let rows = rows(changes, state, options.wanted);
    state.page = usize::from(area.height.saturating_sub(1)).max(1);
    state.top = state.top.min(rows.len().saturating_sub(state.page));
    let counters = rows
        .iter()
        .any(|(_, row)| row.current.allocs.is_known() || row.current.frees.is_known());
    let columns = fitting(area.width, counters);
    let sorted = |column: &Column| column.order == Some(state.order);
    let head = columns.iter().map(|column| {
        let style = if sorted(column) {
            Modifier::BOLD | Modifier::UNDERLINED
        } else {
            Modifier::DIM
        };
        let mark = if sorted(column) && state.by_change {
            "("
        } else {
            ""
        };
        aligned(column, &format!("{mark}{}", column.title)).style(Style::new().add_modifier(style))
    });
    let body = rows.iter().skip(state.top).take(state.page).map(|row| {
        let cells = columns
            .iter()
            .map(|column| aligned(column, &(column.show)(changes, row)));
        TableRow::new(cells).style(row_style(row.1, state, options))
    });
    let widths = columns
        .iter()
        .map(|column| Constraint::Length(width_of(column, &columns, area.width)));
    let table = Table::new(body, widths)
        .header(TableRow::new(head))
        .column_spacing(GAP);
    frame.render_widget(table, area);
}

/// The columns that fit, in their order; those that go first are dropped first.
fn fitting(width: u16, counters: bool) -> Vec<&'static Column> {
    let mut columns: Vec<&'static Column> = COLUMNS.iter().chain(std::iter::once(&PER_HOUR)).collect();
    if !counters {
        columns.retain(|column| !matches!(column.order, Some(Order::Allocs | Order::Frees)));
    }
    while total(&columns) > width {
        let Some(worst) = columns
            .iter()
            .map(|column| column.drop)
            .max()
            .filter(|&drop| drop > 0)
        else {
            break;
        };
        columns.retain(|column| column.drop != worst);
    }
    columns
}

fn total(columns: &[&Column]) -> u16 {
    let gaps = GAP.saturating_mul(u16::try_from(columns.len().saturating_sub(1)).unwrap_or(0));
    columns
        .iter()
        .fold(gaps, |sum, column| sum.saturating_add(column.width))
}

/// The tag's column takes what is left.
fn width_of(column: &Column, columns: &[&'static Column], width: u16) -> u16 {
    let spare = width.saturating_sub(total(columns)).min(30);
    if column.order == Some(Order::Tag) {
        column.width.saturating_add(spare)
    } else {
        column.width
    }
}

/// Names lean left, numbers right.
fn aligned(column: &Column, text: &str) -> Cell<'static> {
    let words = matches!(column.title, "TAG" | "POOL");
    let line = Line::from(text.to_owned());
    Cell::from(if words {
        line.left_aligned()
    } else {
        line.right_aligned()
    })
}

fn row_style(row: &ChangeRow, state: &State, options: &Options<'_>) -> Style {
    if state.plain || !options.color {
        return Style::new();
    }
    match row.bytes_since_previous() {
        Some(change) if change > 0 => Style::new().fg(Color::Yellow),
        Some(change) if change < 0 => Style::new().fg(Color::Cyan),
        _ => Style::new(),
    }
}

fn help(frame: &mut Frame<'_>) {
    let area = frame.area();
    let lines = u16::try_from(HELP.lines().count()).unwrap_or(12);
    let (width, height) = (66.min(area.width), (lines + 2).min(area.height));
    let place = Rect::new(
        (area.width - width) / 2,
        (area.height - height) / 2,
        width,
        height,
    );
    frame.render_widget(Clear, place);
    frame.render_widget(
        Paragraph::new(HELP).block(Block::bordered().title(" Keys ")),
        place,
    );
}

#[cfg(test)]
mod tests;
