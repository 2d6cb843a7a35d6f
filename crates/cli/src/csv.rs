//! Lines of CSV as RFC 4180 has them, with the project's rule that cells with spaces are quoted too.

/// One line with its line end.
#[must_use]
pub fn line(cells: &[&str]) -> String {
    let mut out = String::new();
    push_cells(&mut out, cells);
    out.push('\n');
    out
}

/// Appends cells with commas between them, without a line end.
pub fn push_cells(out: &mut String, cells: &[&str]) {
    for (at, cell) in cells.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        if cell
            .bytes()
            .any(|byte| matches!(byte, b',' | b'"' | b' ' | b'\n' | b'\r'))
        {
            out.push('"');
            out.push_str(&cell.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(cell);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        assert_eq!(
            line(&["a", "Irp ", "x,y", "say \"hi\"", ""]),
            "a,\"Irp \",\"x,y\",\"say \"\"hi\"\"\",\n"
        );
    }
}
