//! Integer expressions of shader directives: `13*i%32 + 13 > 32`.

use std::collections::HashMap;

/// Names that expressions may use.
pub(super) type Names = HashMap<String, i64>;

/// Value of an expression over `+ - * / %`, comparisons (1 or 0) and parentheses.
pub(super) fn evaluate(text: &str, names: &Names) -> Result<i64, String> {
    let mut parser = Parser { rest: text.trim(), names };
    let value = parser.comparison()?;
    match parser.rest {
        "" => Ok(value),
        rest => Err(format!("{rest:?} is left over of {text:?}")),
    }
}

struct Parser<'a> {
    rest: &'a str,
    names: &'a Names,
}

impl Parser<'_> {
    fn take(&mut self, symbol: &str) -> bool {
        match self.rest.strip_prefix(symbol) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    fn comparison(&mut self) -> Result<i64, String> {
        let left = self.sum()?;
        for (symbol, holds) in [("==", i64::eq as fn(&i64, &i64) -> bool), ("!=", i64::ne), (">", i64::gt), ("<", i64::lt)] {
            if self.take(symbol) {
                return Ok(i64::from(holds(&left, &self.sum()?)));
            }
        }
        Ok(left)
    }

    fn sum(&mut self) -> Result<i64, String> {
        let mut value = self.product()?;
        loop {
            if self.take("+") {
                value += self.product()?;
            } else if self.take("-") {
                value -= self.product()?;
            } else {
                return Ok(value);
            }
        }
    }

    fn product(&mut self) -> Result<i64, String> {
        let mut value = self.atom()?;
        loop {
            if self.take("*") {
                value *= self.atom()?;
            } else if self.take("/") {
                value = value.checked_div(self.atom()?).ok_or("division by 0")?;
            } else if self.take("%") {
                value = value.checked_rem(self.atom()?).ok_or("division by 0")?;
            } else {
                return Ok(value);
            }
        }
    }

    fn atom(&mut self) -> Result<i64, String> {
        if self.take("(") {
            let value = self.comparison()?;
            return if self.take(")") { Ok(value) } else { Err("a parenthesis is not closed".into()) };
        }
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        match word.parse() {
            Ok(number) => Ok(number),
            Err(_) => self.names.get(word).copied().ok_or_else(|| format!("nothing is called {word:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_have_their_usual_values() {
        let names = Names::from([("i".into(), 7), ("LIMBS".into(), 20)]);
        for (text, value) in [
            ("13*i/32", 2),
            ("13*i%32 + 13 > 32", 1),
            ("LIMBS-1", 19),
            ("(i+1)*2", 16),
            ("i == 7", 1),
            ("i != 7", 0),
            ("i - 2 - 1", 4),
        ] {
            assert_eq!(evaluate(text, &names), Ok(value), "{text}");
        }
        for text in ["", "j", "(i", "i)", "1/0", "i i"] {
            assert!(evaluate(text, &names).is_err(), "{text}");
        }
    }
}
