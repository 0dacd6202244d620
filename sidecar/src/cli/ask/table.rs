//! Columns of text.

/// Rows under a heading, each column as wide as its widest cell; cells that begin with a digit, sign or nothing are set to the right.
pub(super) fn table<const N: usize>(heading: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let rows: Vec<[String; N]> = rows.into_iter().collect();
    let length = |text: &str| text.chars().count();
    let widths: [usize; N] = std::array::from_fn(|column| {
        rows.iter().map(|row| length(&row[column])).chain([length(heading[column])]).max().unwrap_or(0)
    });
    let is_number = |text: &str| text.chars().all(|c| c.is_ascii_digit() || "-+.".contains(c));
    let right: [bool; N] = std::array::from_fn(|column| rows.iter().all(|row| is_number(&row[column])) && !rows.is_empty());
    let line = |cells: [&str; N]| {
        let padded: Vec<String> = (0..N)
            .map(|column| {
                let gap = " ".repeat(widths[column] - length(cells[column]));
                if right[column] { gap + cells[column] } else { cells[column].to_owned() + &gap }
            })
            .collect();
        padded.join("  ").trim_end().to_owned() + "\n"
    };
    let body = rows.iter().map(|row| line(std::array::from_fn(|column| row[column].as_str())));
    std::iter::once(line(heading)).chain(body).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_to_the_right_and_text_to_the_left() {
        let rows = [["a".to_owned(), "5".to_owned()], ["long…".to_owned(), "-12.5".to_owned()]];
        assert_eq!(table(["name", "sum"], rows), "name     sum\na          5\nlong…  -12.5\n");
        assert_eq!(table(["name"], []), "name\n");
    }
}
