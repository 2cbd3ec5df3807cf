//! Tables and differences as text.

/// Columns of equal width, two spaces apart. A column whose cells are all numbers is aligned to the right.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let cells = |column: usize| rows.iter().filter_map(move |row| row.get(column));
    let width = |column| cells(column).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let numeric = |column| cells(column).all(|cell| !cell.is_empty() && cell.bytes().all(|byte| byte.is_ascii_digit()));
    let numeric: Vec<bool> = (0..columns).map(numeric).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let (gap, width) = (if column == 0 { "" } else { "  " }, widths[column]);
            line += &if numeric[column] { format!("{gap}{cell:>width$}") } else { format!("{gap}{cell:<width$}") };
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// One line of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change<'a> {
    /// In both texts.
    Same(&'a str),
    /// Only in the first.
    Gone(&'a str),
    /// Only in the second.
    New(&'a str),
}

/// The difference of two short texts by lines, as few changes as possible. Costs the product of their line counts.
pub(super) fn difference<'a>(before: &'a str, after: &'a str) -> Vec<Change<'a>> {
    let (before, after): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    // common[i][j]: most lines that before[i..] and after[j..] have in common, in order.
    let mut common = vec![vec![0_usize; after.len() + 1]; before.len() + 1];
    for i in (0..before.len()).rev() {
        for j in (0..after.len()).rev() {
            common[i][j] = match before[i] == after[j] {
                true => common[i + 1][j + 1] + 1,
                false => common[i + 1][j].max(common[i][j + 1]),
            };
        }
    }
    let (mut i, mut j, mut changes) = (0, 0, Vec::new());
    while i < before.len() || j < after.len() {
        if i < before.len() && j < after.len() && before[i] == after[j] {
            changes.push(Change::Same(before[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == after.len() || (i < before.len() && common[i + 1][j] >= common[i][j + 1]) {
            changes.push(Change::Gone(before[i]));
            i += 1;
        } else {
            changes.push(Change::New(after[j]));
            j += 1;
        }
    }
    changes
}

/// A number with its noun: `1 line`, `2 lines`.
pub(super) fn count(number: impl Into<u64>, noun: &str) -> String {
    let number = number.into();
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// A number with a comma between thousands.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn numbers_stand_right_and_words_left() {
        let rows = [["ip", "1200", "a"], ["user-agent", "7", ""]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        expect![[r"
            ip          1200  a
            user-agent     7
        "]]
        .assert_eq(&table(&rows));
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn a_difference_keeps_what_is_common() {
        let changes = difference("a\nb\nc\n", "a\nx\nc\nd\n");
        let expected = [Change::Same("a"), Change::Gone("b"), Change::New("x"), Change::Same("c"), Change::New("d")];
        assert_eq!(changes, expected);
    }
}
