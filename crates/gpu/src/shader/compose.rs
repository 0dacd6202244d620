//! Puts a kernel's text together from the modules in `shaders/`.
//!
//! Four directives, each on a line of its own, and one substitution; shaders/README.md shows them in use.
//! * `#import name`: the module, once, before what imports it.
//! * `#for i in a..b`, `#for i in LIST`, `#end`: the lines between, once per value.
//! * `#if expression`, `#else`, `#end`: the lines between if the expression is not 0.
//! * `$name` and `$(expression)`: an integer. Inside the parentheses, `$name` is put in first: `$(P_$i)`.

use std::collections::{BTreeSet, HashMap};

use super::expression::{Names, evaluate};
use crate::Error;

/// Integers and lists that a composition may use.
#[derive(Clone, Debug, Default)]
pub struct Context {
    names: Names,
    lists: HashMap<String, Vec<i64>>,
}

impl Context {
    /// Names an integer.
    pub fn set(&mut self, name: &str, value: i64) -> &mut Self {
        self.names.insert(name.to_owned(), value);
        self
    }

    /// Names a list of integers.
    pub fn set_list(&mut self, name: &str, values: impl IntoIterator<Item = i64>) -> &mut Self {
        self.lists.insert(name.to_owned(), values.into_iter().collect());
        self
    }
}

/// The text of module `name` with all that it imports; `source` finds a module.
///
/// # Errors
/// If a module is missing or a directive wrong.
pub fn compose<'a>(name: &str, context: &Context, source: &impl Fn(&str) -> Option<&'a str>) -> Result<String, Error> {
    let mut composer = Composer { source, seen: BTreeSet::new(), out: String::new() };
    composer.import(name, context, ("", 0))?;
    Ok(composer.out)
}

struct Composer<'s, S> {
    source: &'s S,
    seen: BTreeSet<String>,
    out: String,
}

impl<'a, S: Fn(&str) -> Option<&'a str>> Composer<'_, S> {
    fn import(&mut self, name: &str, context: &Context, from: (&str, usize)) -> Result<(), Error> {
        if !self.seen.insert(name.to_owned()) {
            return Ok(());
        }
        let text = (self.source)(name).ok_or_else(|| error(from.0, from.1, format!("no module is called {name:?}")))?;
        let lines: Vec<(usize, &str)> = text.lines().enumerate().map(|(number, line)| (number + 1, line)).collect();
        self.block(name, &lines, &mut context.clone())
    }

    fn block(&mut self, module: &str, lines: &[(usize, &str)], context: &mut Context) -> Result<(), Error> {
        let mut at = 0;
        while let Some(&(number, line)) = lines.get(at) {
            let fail = |reason: String| error(module, number, reason);
            let Some((word, rest)) = directive(line) else {
                let line = substitute(line, &context.names).map_err(fail)?;
                self.out.push_str(&line);
                self.out.push('\n');
                at += 1;
                continue;
            };
            let rest = &substitute(rest, &context.names).map_err(fail)?;
            match word {
                "import" => self.import(rest, context, (module, number))?,
                "for" | "if" => {
                    let (other, end) = branches(&lines[at + 1..]).ok_or_else(|| fail(format!("#{word} has no #end")))?;
                    let body = &lines[at + 1..at + 1 + other.unwrap_or(end)];
                    if word == "for" {
                        let (name, values) = values(rest, context).map_err(fail)?;
                        let before = context.names.get(name).copied();
                        for value in values {
                            context.set(name, value);
                            self.block(module, body, context)?;
                        }
                        context.names.remove(name);
                        before.into_iter().for_each(|value| _ = context.set(name, value));
                    } else if evaluate(rest, &context.names).map_err(fail)? != 0 {
                        self.block(module, body, context)?;
                    } else if let Some(other) = other {
                        self.block(module, &lines[at + 2 + other..at + 1 + end], context)?;
                    }
                    at += end + 1;
                }
                word => return Err(fail(format!("#{word} has no place here"))),
            }
            at += 1;
        }
        Ok(())
    }
}

fn error(module: &str, line: usize, reason: String) -> Error {
    Error::Compose { module: module.to_owned(), line, reason }
}

fn directive(line: &str) -> Option<(&str, &str)> {
    let line = line.trim().strip_prefix('#')?;
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    Some((word, rest.trim()))
}

/// Where the `#else` and the `#end` of a block are.
fn branches(lines: &[(usize, &str)]) -> Option<(Option<usize>, usize)> {
    let (mut depth, mut other) = (0, None);
    for (at, (_, line)) in lines.iter().enumerate() {
        match directive(line).map(|(word, _)| word) {
            Some("for" | "if") => depth += 1,
            Some("else") if depth == 0 => other = Some(at),
            Some("end") if depth == 0 => return Some((other, at)),
            Some("end") => depth -= 1,
            _ => {}
        }
    }
    None
}

fn values<'t>(text: &'t str, context: &Context) -> Result<(&'t str, Vec<i64>), String> {
    let (name, range) = text.split_once(" in ").ok_or_else(|| format!("{text:?} is not `name in range`"))?;
    let values = match range.split_once("..") {
        Some((from, to)) => (evaluate(from, &context.names)?..evaluate(to, &context.names)?).collect(),
        None => context.lists.get(range.trim()).cloned().ok_or_else(|| format!("no list is called {range:?}"))?,
    };
    Ok((name.trim(), values))
}

fn substitute(line: &str, names: &Names) -> Result<String, String> {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if after.starts_with('(') {
            let mut depth = 0;
            let end = after.find(|c| {
                depth += i32::from(c == '(') - i32::from(c == ')');
                depth == 0
            });
            let end = end.ok_or("a parenthesis is not closed")?;
            let inner = substitute(&after[1..end], names)?;
            out.push_str(&evaluate(&inner, names)?.to_string());
            rest = &after[end + 1..];
        } else {
            let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
            match names.get(&after[..end]) {
                Some(value) => out.push_str(&value.to_string()),
                None => return Err(format!("nothing is called {:?}", &after[..end])),
            }
            rest = &after[end..];
        }
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(module: &str) -> Result<String, Error> {
        let mut context = Context::default();
        context.set("N", 3).set_list("ODD", [1, 3]);
        compose("main", &context, &|name| match name {
            "main" => Some(module),
            "a" => Some("#import b\na\n"),
            "b" => Some("b\n"),
            _ => None,
        })
    }

    #[test]
    fn modules_are_imported_once_and_loops_unrolled() {
        assert_eq!(text("#import a\n#import b\nmain").unwrap(), "b\na\nmain\n");
        assert_eq!(text("#for i in 0..N\nx$i = y$(N-1-i);\n#end").unwrap(), "x0 = y2;\nx1 = y1;\nx2 = y0;\n");
        assert_eq!(text("#for i in ODD\n#for j in i..N\n$(i*j)\n#end\n#end").unwrap(), "1\n2\n");
        assert_eq!(text("#for i in 0..2\n#if i == 1\nyes\n#else\nno\n#end\n#end").unwrap(), "no\nyes\n");
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (module, at) in [("x\n#import c", 2), ("#for i in 0..N", 1), ("\n\n#loop", 3), ("#if M\n#end", 1), ("$M", 1)] {
            match text(module) {
                Err(Error::Compose { line, .. }) => assert_eq!(line, at, "{module}"),
                other => panic!("{module}: {other:?}"),
            }
        }
    }
}
