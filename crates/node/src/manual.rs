//! What clap can say of a program beside `--help`: completions for shells, man pages, and the reference in `docs`.

use std::{
    fmt::Write as _,
    io,
    path::{Path, PathBuf},
};

use clap::{Arg, ArgAction, Args, Command};
use clap_complete::Shell;

/// `completions`: print a shell's completions.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    /// Prints them to standard output.
    ///
    /// # Errors
    /// If standard output cannot be written to.
    pub fn print(&self, mut command: Command) -> io::Result<()> {
        let name = command.get_name().to_owned();
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut command, name, &mut text);
        crate::print_line(String::from_utf8_lossy(&text).trim_end())
    }
}

/// `man`: write the man pages.
#[derive(Debug, Args)]
pub struct ManPages {
    /// Folder to write them to; it is made if need be.
    dir: PathBuf,
}

impl ManPages {
    /// Writes a page for the program and one for each command of it.
    ///
    /// # Errors
    /// If the folder cannot be made or written to.
    pub fn write(&self, command: Command) -> io::Result<()> {
        std::fs::create_dir_all(&self.dir)?;
        clap_mangen::generate_to(command.disable_help_subcommand(true), &self.dir)
    }
}

/// Everything that `command` and its commands take, as Markdown.
#[must_use]
pub fn reference(command: &Command) -> String {
    let mut command = command.clone().disable_help_subcommand(true);
    // Makes what is global or automatic visible everywhere.
    command.build();
    let mut text = format!("# `{}`\n\n", command.get_name());
    text.push_str("<!-- Made from the program itself; QUINTET_BLESS=1 with its tests writes it again. -->\n\n");
    section(&mut text, &command, command.get_name());
    text
}

/// Compares [`reference`] with a file. With `QUINTET_BLESS=1` in the environment the file is written instead.
///
/// # Errors
/// What is different, and how to write the file again.
pub fn check_reference(command: &Command, file: &Path) -> Result<(), String> {
    let expected = reference(command);
    if std::env::var_os("QUINTET_BLESS").is_some_and(|value| value == "1") {
        let written = file.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(file, expected));
        return written.map_err(|error| format!("{}: {error}", file.display()));
    }
    let found = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    if found == expected {
        return Ok(());
    }
    let differ = found.lines().zip(expected.lines()).find(|(found, expected)| found != expected);
    let (found, expected) = differ.unwrap_or(("(end)", "(more or fewer lines)"));
    Err(format!(
        "{} is not what the program says: {found:?} should be {expected:?}; QUINTET_BLESS=1 with this test writes it again",
        file.display()
    ))
}

fn section(text: &mut String, command: &Command, path: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "## `{path}`\n");
    if let Some(about) = command.get_long_about().or(command.get_about()) {
        let _ = writeln!(text, "{}\n", escape(&about.to_string()));
    }
    let _ = writeln!(text, "    {}\n", usage(command, path));
    let visible = |arg: &&Arg| !arg.is_hide_set() && !matches!(arg.get_id().as_str(), "help" | "version");
    let arguments: Vec<&Arg> = command.get_arguments().filter(visible).collect();
    if !arguments.is_empty() {
        text.push_str("| argument | environment | default | meaning |\n| --- | --- | --- | --- |\n");
        arguments.iter().for_each(|arg| row(text, arg));
        text.push('\n');
    }
    for child in command.get_subcommands().filter(|child| !child.is_hide_set()) {
        section(text, child, &format!("{path} {}", child.get_name()));
    }
}

fn usage(command: &Command, path: &str) -> String {
    let whole = command.clone().render_usage().to_string();
    let text: Vec<&str> = whole.trim_start_matches("Usage:").split_whitespace().collect();
    let text = text.join(" ");
    // Built commands name their whole path.
    if text.starts_with(path) { text } else { format!("{path} {text}") }
}

fn row(text: &mut String, arg: &Arg) {
    let names = arg.get_value_names().unwrap_or_default();
    let values = names.iter().map(|name| format!("<{name}>")).collect::<Vec<_>>().join(" ");
    let takes = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    let argument = match (arg.get_long(), takes) {
        (Some(long), true) => format!("--{long} {values}"),
        (Some(long), false) => format!("--{long}"),
        (None, _) => values,
    };
    let env = arg.get_env().map_or_else(String::new, |name| format!("`{}`", name.to_string_lossy()));
    let defaults: Vec<_> =
        arg.get_default_values().iter().map(|value| format!("`{}`", portable(&value.to_string_lossy()))).collect();
    let default = if takes { defaults.join(", ") } else { String::new() };
    let mut meaning = arg.get_long_help().or(arg.get_help()).map_or_else(String::new, |help| help.to_string());
    let choices: Vec<_> = arg.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect();
    if takes && !choices.is_empty() {
        let _ = write!(meaning, " One of {}.", choices.join(", "));
    }
    let meaning = escape(&meaning.replace('\n', " ")).replace('|', "\\|");
    let _ = writeln!(text, "| `{}` | {env} | {default} | {meaning} |", argument.trim_end());
}

/// Folders of whoever makes the page are no defaults of anybody else.
fn portable(value: &str) -> String {
    let below = |name: &str, shown: &str| {
        let folder = std::env::var(name).ok().filter(|folder| folder.len() > 1)?;
        Some(format!("{shown}{}", value.strip_prefix(&folder)?))
    };
    below("XDG_DATA_HOME", "~/.local/share").or_else(|| below("HOME", "~")).unwrap_or_else(|| value.to_owned())
}

/// `<` begins HTML in Markdown.
fn escape(text: &str) -> String {
    text.replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command() -> Command {
        let shell = Arg::new("shell").value_name("SHELL").value_parser(["bash", "zsh"]).help("The shell | or <none>");
        let json = Arg::new("json").long("json").action(ArgAction::SetTrue).global(true).help("Print JSON");
        let url = Arg::new("url").long("url").value_name("URL").default_value("http://a").env("QUINTET_TEST_URL");
        Command::new("thing").about("Does things").arg(json).subcommand(Command::new("one").about("First").arg(shell).arg(url))
    }

    #[test]
    fn a_reference_names_commands_arguments_defaults_variables_and_choices() {
        let text = reference(&command());
        assert!(text.starts_with("# `thing`\n"), "{text}");
        assert!(text.contains("## `thing one`\n\nFirst\n\n    thing one [OPTIONS] [SHELL]\n"), "{text}");
        assert!(text.contains("| `--url <URL>` | `QUINTET_TEST_URL` | `http://a` |  |"), "{text}");
        assert!(text.contains("| `<SHELL>` |  |  | The shell \\| or &lt;none> One of `bash`, `zsh`. |"), "{text}");
        assert_eq!(text.matches("`--json`").count(), 2, "{text}");
        assert!(!text.contains("help"), "{text}");
    }

    #[test]
    fn a_reference_that_differs_is_named_with_the_way_out() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("thing.md");
        assert!(check_reference(&command(), &file).unwrap_err().contains("thing.md"));
        std::fs::write(&file, reference(&command())).unwrap();
        check_reference(&command(), &file).unwrap();
        let error = check_reference(&command().about("Does more"), &file).unwrap_err();
        assert!(error.contains("\"Does things\" should be \"Does more\"") && error.contains("QUINTET_BLESS=1"), "{error}");
    }

    #[test]
    fn every_shell_has_completions_and_every_command_a_page() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Elvish, Shell::PowerShell] {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut command(), "thing", &mut text);
            assert!(String::from_utf8(text).unwrap().contains("thing"), "{shell}");
        }
        let dir = tempfile::tempdir().unwrap();
        ManPages { dir: dir.path().join("man") }.write(command()).unwrap();
        let page = std::fs::read_to_string(dir.path().join("man/thing-one.1")).unwrap();
        assert!(page.contains("First"), "{page}");
    }
}
